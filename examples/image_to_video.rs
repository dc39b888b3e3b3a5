//! A video from its first and its last frame.
//!
//! `cargo run --example image_to_video [-- [--live] [DIRECTORY]]`

mod shared;

use kling_client::{Image, ImageToVideo, Mode, Model};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stage = shared::Stage::from_arguments().await?;
    let client = stage.client()?.build()?;

    let request = ImageToVideo::builder()
        .model(Model::KlingV2_6)
        .image(Image::file(shared::image("cat.png")))
        .image_tail(Image::file(shared::image("hat.jpg")))
        .prompt("The cat puts the hat on")
        // Of kling-v2-6, the last frame is for this mode alone; without it, build() says so.
        .mode(Mode::Pro)
        .build()?;
    let task = client.submit(request).await?;
    println!("submitted {} {}", task.operation(), task.id());
    let path = task.wait().await?.download(stage.path("frames.mp4")).await?;
    println!("wrote {}", path.display());
    Ok(())
}
