//! A video from a prompt alone.
//!
//! `cargo run --example text_to_video [-- [--live] [DIRECTORY]]`

mod shared;

use kling_client::{Model, TextToVideo};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stage = shared::Stage::from_arguments().await?;
    let client = stage.client()?.build()?;

    // The model has no default: the price depends on it.
    let request = TextToVideo::builder().model(Model::KlingV2_6).prompt("A cat puts a hat on").duration(5).build()?;
    let task = client.submit(request).await?;
    println!("submitted {} {}", task.operation(), task.id());
    let path = task.wait().await?.download(stage.path("text.mp4")).await?;
    println!("wrote {}", path.display());
    Ok(())
}
