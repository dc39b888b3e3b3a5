//! A gateway that differs from Kling's own API: a pasted URL, a model and a field of its own, no list, and no look-up by
//! external id. The sandbox plays it.
//!
//! `cargo run --example another_gateway [-- DIRECTORY]`

mod shared;

use std::path::Path;
use std::time::Duration;

use kling_client::{Client, Image, MultiImageToVideo, Operation};
use kling_sandbox::{Fault, Sandbox, ScriptedResponse};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let task_time = Duration::from_secs(1);
    let gateway = Sandbox::builder().any_model(true).external_ids(false).task_time(task_time).start().await?;
    let no_list = ScriptedResponse::new(404)
        .body(r#"{"error":{"message":"Invalid URL (GET /kling/v1/videos/multi-image2video)"}}"#);
    gateway.fault_always(kling_sandbox::Endpoint::List, Fault::response(no_list));

    // The path of an operation, or a part of it, is cut off.
    let pasted = format!("{}/kling/v1/", gateway.base_url());
    let client = Client::builder(gateway.api_key()).base_url(&pasted).expected(task_time).build()?;
    println!("{pasted} becomes {}", client.base_url());

    let request = MultiImageToVideo::builder()
        .images([Image::file(shared::image("cat.png")), Image::file(shared::image("hat.jpg"))])
        .prompt("The cat puts the hat on")
        .model("kling-v9-turbo") // an unknown value is sent as it is
        .extra("cfg_scale", 0.5) // so is an unknown field
        .build()?; // `build_unchecked` where the limits differ, too
    request.remarks().iter().for_each(|remark| println!("remark: {remark}"));
    let external_id = request.external_task_id().map(str::to_owned).unwrap_or_default();
    let task = client.submit(request).await?;

    // Whether this works is worth knowing beforehand: it is how a task is found whose create response was lost.
    match client.find_task(Operation::MultiImageToVideo, &external_id).await {
        Ok(Some(task)) => println!("the external id finds task {}", task.id()),
        Ok(None) => println!("the external id finds no task: keep the task id"),
        Err(error) => println!("no look-up: {error}"),
    }
    // Waits need no list.
    if let Err(error) = client.list(Operation::MultiImageToVideo).next_page().await {
        println!("no list: HTTP {}", error.http_status().unwrap_or_default());
    }

    let finished = task.wait().await?;
    // Fields without an accessor are in the raw JSON.
    println!("{} fields of the task", finished.info().raw().as_object().map_or(0, serde_json::Map::len));
    let directory = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    let path = finished.download(Path::new(&directory).join("another.mp4")).await?;
    println!("wrote {}", path.display());
    Ok(())
}
