//! A process that dies while its video is made, and the next one, which goes on with it and pays nothing.
//!
//! `cargo run --example resume_after_restart [-- [--live] [DIRECTORY]]`
//!
//! Two things are put on disk: before the order, the id that it will have, so that even an order whose answer nobody
//! heard is found again; after it, the task itself.

mod shared;

use std::path::Path;

use kling_client::{Client, SavedTask, Task};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let stage = shared::Stage::from_arguments().await?;
    let (ordered, saved) = (stage.path("ordered.txt"), stage.path("task.json"));

    first_process(&stage.client()?.build()?, &ordered, &saved).await?;
    // Power is lost; nothing is left but the two files.
    let video = second_process(&stage.client()?.build()?, &ordered, &saved, &stage.path("resumed.mp4")).await?;
    println!("wrote {video}");
    Ok(())
}

async fn first_process(client: &Client, ordered: &Path, saved: &Path) -> Result<()> {
    let request = shared::request()?;
    // Known before anything is sent: it was minted when the request was built.
    std::fs::write(ordered, request.external_task_id().unwrap_or_default())?;
    let task = client.submit(&request).await?;
    std::fs::write(saved, serde_json::to_vec_pretty(&task.save())?)?;
    println!("ordered {}", task.id());
    Ok(())
}

async fn second_process(client: &Client, ordered: &Path, saved: &Path, video: &Path) -> Result<String> {
    let task: Task = match std::fs::read(saved) {
        Ok(json) => client.resume(serde_json::from_slice::<SavedTask>(&json)?)?,
        // It died between the two files: the task was made, or it was not.
        Err(_) => match client.reconcile(&std::fs::read_to_string(ordered)?).await? {
            Some(task) => task,
            None => return Err("the order is not known to the API; look again before you order anew".into()),
        },
    };
    println!("go on with {}", task.id());
    // The time that has passed counts: a task that must be done by now is asked for at once. A download that had begun
    // goes on where it stopped, too.
    Ok(task.wait().await?.download(video).await?.display().to_string())
}
