//! A process that ends while its task runs, and a second one that waits for the same task and pays nothing.
//!
//! `cargo run --example resume_after_restart [-- [--live] [DIRECTORY]]`
//!
//! Two files are written: before the submit, the external id, by which a task is found whose create response was lost; after
//! it, the task.

mod shared;

use std::path::Path;

use kling_client::{Client, Operation, SavedTask, Task};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let stage = shared::Stage::from_arguments().await?;
    let (external_id, saved) = (stage.path("external_id.txt"), stage.path("task.json"));

    first_process(&stage.client()?.build()?, &external_id, &saved).await?;
    // Only the two files survive.
    let video = second_process(&stage.client()?.build()?, &external_id, &saved, &stage.path("resumed.mp4")).await?;
    println!("wrote {video}");
    Ok(())
}

async fn first_process(client: &Client, external_id: &Path, saved: &Path) -> Result<()> {
    let request = shared::request()?;
    // It was minted when the request was built, so it is known before anything is sent.
    std::fs::write(external_id, request.external_task_id().unwrap_or_default())?;
    let task = client.submit(request).await?;
    std::fs::write(saved, serde_json::to_vec_pretty(&task.save())?)?;
    println!("submitted {}", task.id());
    Ok(())
}

async fn second_process(client: &Client, external_id: &Path, saved: &Path, video: &Path) -> Result<String> {
    let task: Task = match std::fs::read(saved) {
        Ok(json) => client.resume(serde_json::from_slice::<SavedTask>(&json)?)?,
        // The process ended between the two files: a task may exist or not.
        Err(_) => match client.find_task(Operation::MultiImageToVideo, &std::fs::read_to_string(external_id)?).await? {
            Some(task) => task,
            None => return Err("the API knows no task with this id; look it up again before submitting anew".into()),
        },
    };
    println!("resumed {}", task.id());
    // The time that has passed counts: a task that must have ended is polled at once. An unfinished download resumes, too.
    Ok(task.wait().await?.download(video).await?.display().to_string())
}
