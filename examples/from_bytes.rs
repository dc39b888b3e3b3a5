//! Images from memory, and the video as a stream of bytes: the library reads and writes no file.
//!
//! `cargo run --example from_bytes [-- [--live] [DIRECTORY]]`
//!
//! For a service that takes images from a form or a database and puts videos into an object store. Images are held once,
//! retries included; the video is never held whole.

mod shared;

use std::io::Write as _;

use futures_util::TryStreamExt as _;
use kling_client::{Image, MultiImageToVideo};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stage = shared::Stage::from_arguments().await?;
    let client = stage.client()?.build()?;

    // What the service has in memory. `Image::base64` takes a browser's `data:` URL as it is.
    let cat: Vec<u8> = std::fs::read(shared::image("cat.png"))?;
    let hat: &'static [u8] = include_bytes!("images/hat.jpg");
    let request = MultiImageToVideo::builder()
        .images([Image::bytes(cat), Image::bytes(hat)])
        .prompt("The cat puts the hat on")
        .build()?;
    println!("{} bytes to send", request.body_len());

    let task = client.submit(request).await?;
    let finished = task.wait().await?;

    // Stands for the object store.
    let mut store = std::fs::File::create(stage.path("from_bytes.mp4"))?;
    let (mut bytes, mut count) = (finished.bytes_stream(), 0);
    while let Some(piece) = bytes.try_next().await? {
        store.write_all(&piece)?;
        count += piece.len();
    }
    println!("stored {count} bytes");
    Ok(())
}
