//! A gateway that differs: an address as its console shows it, models of its own, fields of its own, no list, and no
//! search by your id.
//!
//! `cargo run --example another_gateway [-- DIRECTORY]`

mod shared;

use std::path::Path;
use std::time::Duration;

use kling_client::{Client, Image, MultiImageToVideo};
use kling_sandbox::{Answer, Fault, Operation, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gateway =
        Sandbox::builder().any_model(true).external_ids(false).task_time(Duration::from_secs(1)).start().await?;
    let no_list =
        Answer::new(404).body(r#"{"error":{"message":"Invalid URL (GET /kling/v1/videos/multi-image2video)"}}"#);
    gateway.fault_always(Operation::List, Fault::answer(no_list));

    // As it is pasted: the path of the operation, or a part of it, is cut off.
    let pasted = format!("{}/kling/v1/", gateway.base_url());
    let client = Client::builder(gateway.api_key()).base_url(&pasted).build()?;
    println!("{pasted} is {}", client.base_url());

    let request = MultiImageToVideo::builder()
        .images([Image::file(shared::picture("cat.png")), Image::file(shared::picture("hat.jpg"))])
        .prompt("The cat puts the hat on")
        .model("kling-v9-turbo") // what this version does not know is sent as it is
        .extra("cfg_scale", 0.5) // so is a field
        .build()?; // `build_unchecked` where the limits, too, are others
    let task = client.submit(&request).await?;

    // Whether this works is worth knowing beforehand: it is how a lost answer is found.
    let mine = request.external_task_id().unwrap_or_default();
    match client.reconcile(mine).await {
        Ok(Some(found)) => println!("an order is found by its own id: {}", found.id()),
        Ok(None) => println!("an order is not found by its own id: keep the task's"),
        Err(error) => println!("orders cannot be looked for here: {error}"),
    }
    // Where there is no list, many tasks are asked for one by one; nothing else changes.
    if let Err(error) = client.list(1, 30).await {
        println!("no list: HTTP {}", error.http_status().unwrap_or_default());
    }

    let finished = task.wait().await?;
    // What the library has no name for is in the answer as it came.
    println!("{} fields of the task", finished.info().raw().as_object().map_or(0, serde_json::Map::len));
    let directory = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    let path = finished.download(Path::new(&directory).join("another.mp4")).await?;
    println!("wrote {}", path.display());
    Ok(())
}
