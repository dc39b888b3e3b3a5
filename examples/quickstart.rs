//! A video from two images, with no key and no network: the sandbox plays the API in the same process.
//!
//! `cargo run --example quickstart [-- --output FILE]`
//!
//! With `--live` it sends the request to the gateway of `KLING_BASE_URL` with the key `KLING_API_KEY`. This costs money.

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
        eprintln!("a request to the real gateway, which costs money");
        Client::from_env()?
    } else {
        let task_time = Duration::from_secs(3);
        sandbox = Sandbox::builder().task_time(task_time).start().await?;
        println!("the sandbox plays the API at {}", sandbox.base_url());
        Client::builder(sandbox.api_key()).base_url(sandbox.base_url()).expected(task_time).build()?
    };

    let images = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/images");
    let request = MultiImageToVideo::builder()
        .images([Image::file(images.join("cat.png")), Image::file(images.join("hat.jpg"))])
        .prompt("The cat puts the hat on")
        .aspect_ratio(AspectRatio::Landscape)
        .build()?;

    let task = client.submit(request).await?;
    println!("submitted task {}", task.id());

    let mut wait = task.wait();
    while let Some(event) = wait.next().await {
        match event? {
            WaitEvent::Changed(info) => println!("status: {}", info.status),
            WaitEvent::PollFailed(error) => println!("a poll failed and is repeated: {error}"),
            WaitEvent::Done(finished) => {
                let path = finished.download(output.clone()).overwrite(true).await?;
                println!("wrote {} bytes to {}", std::fs::metadata(&path)?.len(), path.display());
            }
            // `Running` comes with each poll: elapsed and expected time, for a progress bar.
            _ => {}
        }
    }
    Ok(())
}

/// Whether to use the real gateway, and the path of the video.
fn arguments() -> Result<(bool, PathBuf), String> {
    let (mut live, mut output) = (false, PathBuf::from("quickstart.mp4"));
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--live") => live = true,
            Some("--output") => output = arguments.next().ok_or("--output takes a file")?.into(),
            _ => return Err(format!("unknown argument {argument:?}; expected --output FILE or --live")),
        }
    }
    Ok((live, output))
}
