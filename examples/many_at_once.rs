//! Six videos on an account that runs two tasks at a time: submitted, waited for and downloaded concurrently.
//!
//! `cargo run --example many_at_once [-- [--live] [DIRECTORY]]`
//!
//! One `WaitAll` waits for all of them under the client's poll rate; `max_running` delays a submit until a task has ended, so
//! that the account's limit refuses none. A failure concerns its own task alone.

mod shared;

use std::pin::pin;

use futures_util::{StreamExt as _, stream};
use kling_client::Task;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stage = shared::Stage::from_arguments().await?;
    let client = stage.client()?.max_running(2).build()?;
    let requests = (0..6).map(|_| shared::request()).collect::<Result<Vec<_>, _>>()?;

    let mut submits = pin!(stream::iter(requests).then(|request| client.submit(request)));
    let mut waiting = client.wait_all(Vec::<Task>::new());
    let mut downloads = JoinSet::new();
    // An id comes from the server, so it names no file.
    let mut names = (1..).map(|number| format!("{number}.mp4"));
    loop {
        // Submits and waits run together: a submit may wait until another task is seen to have ended.
        tokio::select! {
            Some(submitted) = submits.next() => match submitted {
                Ok(task) => {
                    println!("submitted {}", task.id());
                    waiting.push(task);
                }
                Err(error) => eprintln!("not submitted: {error}"),
            },
            Some((id, ended)) = waiting.next() => match ended {
                Ok(finished) => {
                    let name = names.next().unwrap_or_default();
                    println!("{id} succeeded: {name}");
                    downloads.spawn(finished.download(stage.path(name)).into_future());
                }
                Err(error) => eprintln!("{id}: {error}"),
            },
            Some(download) = downloads.join_next() => println!("wrote {}", download??.display()),
            else => return Ok(()),
        }
    }
}
