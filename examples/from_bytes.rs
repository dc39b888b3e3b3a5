//! Pictures from memory, and the video as bytes: no file is read by the library, and none is written.
//!
//! `cargo run --example from_bytes [-- [--live] [DIRECTORY]]`
//!
//! For a service whose pictures come out of a form or a database, and whose videos go to an object store. The pictures are
//! held once, however often they are sent; the video is never held whole.

mod shared;

use std::io::Write as _;

use futures_util::TryStreamExt as _;
use kling_client::{Image, MultiImageToVideo};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stage = shared::Stage::from_arguments().await?;
    let client = stage.client()?.build()?;

    // What the service has in memory already. `Image::base64` takes a `data:` URL of a browser as it is.
    let cat: Vec<u8> = std::fs::read(shared::picture("cat.png"))?;
    let hat: &'static [u8] = include_bytes!("images/hat.jpg");
    let request = MultiImageToVideo::builder()
        .images([Image::bytes(cat), Image::bytes(hat)])
        .prompt("The cat puts the hat on")
        .build()?;
    println!("{} bytes to send", request.body_len()?);

    let task = client.submit(&request).await?;
    let finished = task.wait().await?;

    // Anything that takes bytes can stand here.
    let mut store = std::fs::File::create(stage.path("from_bytes.mp4"))?;
    let (mut bytes, mut count) = (finished.bytes_stream(), 0);
    while let Some(piece) = bytes.try_next().await? {
        store.write_all(&piece)?;
        count += piece.len();
    }
    println!("stored {count} bytes");
    Ok(())
}
