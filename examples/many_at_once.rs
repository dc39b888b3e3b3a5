//! Six videos, of which the account lets two run at a time: ordered, waited for and fetched side by side.
//!
//! `cargo run --example many_at_once [-- [--live] [DIRECTORY]]`
//!
//! One `WaitAll` asks for all of them together; `max_running` holds an order back until a place is free, so that nothing
//! is refused for being too many. What fails, fails alone.

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

    let mut orders = pin!(stream::iter(&requests).then(|request| client.submit(request)));
    let mut waiting = client.wait_all(Vec::<Task>::new());
    let mut downloads = JoinSet::new();
    // An id comes from the server, so it names no file.
    let mut names = (1..).map(|number| format!("{number}.mp4"));
    loop {
        // Ordering and waiting go on together: an order waits for a place that only a task seen to end gives back.
        tokio::select! {
            Some(ordered) = orders.next() => match ordered {
                Ok(task) => {
                    println!("ordered {}", task.id());
                    waiting.push(task);
                }
                Err(error) => eprintln!("not ordered: {error}"),
            },
            Some((id, ended)) = waiting.next() => match ended {
                Ok(finished) => {
                    let name = names.next().unwrap_or_default();
                    println!("{id} goes to {name}");
                    downloads.spawn(finished.download(stage.path(name)).into_future());
                }
                Err(error) => eprintln!("no video of {id}: {error}"),
            },
            Some(download) = downloads.join_next() => println!("wrote {}", download??.display()),
            else => return Ok(()),
        }
    }
}
