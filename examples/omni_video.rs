//! A video from reference images, and the same video edited by its URL.
//!
//! `cargo run --example omni_video [-- [--live] [DIRECTORY]]`

mod shared;

use kling_client::{AspectRatio, Image, InputVideo, Mode, Model, OmniVideo};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stage = shared::Stage::from_arguments().await?;
    let client = stage.client()?.build()?;

    let request = OmniVideo::builder()
        .model(Model::KlingV3Omni)
        // Required: the API's own default is the dearer one.
        .mode(Mode::Std)
        .images([Image::file(shared::image("cat.png")), Image::file(shared::image("hat.jpg"))])
        .prompt("The cat of <<<image_1>>> puts on the hat of <<<image_2>>>")
        .aspect_ratio(AspectRatio::Landscape)
        .duration(5)
        .build()?;
    let task = client.submit(request).await?;
    println!("submitted {} {}", task.operation(), task.id());
    let finished = task.wait().await?;
    println!("wrote {}", finished.download(stage.path("cat.mp4")).await?.display());

    // A video is named by its URL: the API takes no upload of one.
    let video = finished.videos().next().ok_or("no video")?;
    let edit = OmniVideo::builder()
        .model(Model::KlingVideoO1)
        .mode(Mode::Std)
        .video(InputVideo::to_edit(&video.url))
        .prompt("Take the hat off the cat in <<<video_1>>>")
        .build()?;
    let task = client.submit(edit).await?;
    println!("submitted {} {}", task.operation(), task.id());
    println!("wrote {}", task.wait().await?.download(stage.path("edited.mp4")).await?.display());
    Ok(())
}
