//! Two pictures in, a video on disk. Without a key and without a network: the API is played by the sandbox.
//!
//! `cargo run --example quickstart [-- --output FILE]`
//!
//! With `--live` and `KLING_API_KEY` set, it goes to the real gateway, and costs money.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use kling_client::{AspectRatio, Client, Image, MultiImageToVideo, WaitEvent};
use kling_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (live, output) = arguments()?;
    let sandbox;
    let client = if live {
        eprintln!("this goes to the real gateway and costs money");
        Client::from_env()?
    } else {
        sandbox = Sandbox::builder().task_time(Duration::from_secs(3)).start().await?;
        println!("the sandbox plays the API at {}", sandbox.base_url());
        Client::builder(sandbox.api_key()).base_url(sandbox.base_url()).build()?
    };

    let pictures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/images");
    let request = MultiImageToVideo::builder()
        .images([Image::file(pictures.join("cat.png")), Image::file(pictures.join("hat.jpg"))])
        .prompt("The cat puts the hat on")
        .aspect_ratio(AspectRatio::Landscape)
        .build()?;

    let task = client.submit(&request).await?;
    println!("submitted task {}", task.id());

    let mut wait = task.wait();
    while let Some(event) = wait.next().await {
        match event? {
            WaitEvent::Changed(info) => println!("it is {}", info.status),
            WaitEvent::PollFailed(error) => println!("asked in vain, asking again: {error}"),
            WaitEvent::Done(finished) => {
                let path = finished.download(output.clone()).overwrite(true).await?;
                println!("wrote {} bytes to {}", std::fs::metadata(&path)?.len(), path.display());
            }
            // `Running`, at each poll, is what a progress bar would move by.
            _ => {}
        }
    }
    Ok(())
}

/// Whether to go live, and where the video goes.
fn arguments() -> Result<(bool, PathBuf), String> {
    let (mut live, mut output) = (false, PathBuf::from("quickstart.mp4"));
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--live") => live = true,
            Some("--output") => output = arguments.next().ok_or("--output takes a file")?.into(),
            _ => return Err(format!("unknown argument {argument:?}; known are --output FILE and --live")),
        }
    }
    Ok((live, output))
}
