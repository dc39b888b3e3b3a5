//! `multi-image2video`: a video from 1–4 images and a prompt.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parts::{Common, Reference, Watermark};
use super::task;
use crate::error::Violation;
use crate::media::Image;
use crate::values::{AspectRatio, Mode, Model, VideoDuration};

/// Request for a video from 1–4 images and a prompt.
///
/// Limits are those of the vendor's page and of Kling's reference; lengths count Unicode scalar values. Kling announced the
/// end of this operation's only model, kling-v1-6, for 2026-09-15; a gateway may still serve it.
///
/// ```
/// use kling_client::{AspectRatio, Image, Mode, MultiImageToVideo};
///
/// let request = MultiImageToVideo::builder()
///     .images([Image::url("https://example.com/cat.png"), Image::url("https://example.com/hat.jpg")])
///     .prompt("The cat puts the hat on")
///     .mode(Mode::Pro)
///     .duration(10)
///     .aspect_ratio(AspectRatio::Landscape)
///     .build()?;
/// # Ok::<(), kling_client::Error>(())
/// ```
///
/// Without `images` or `prompt` it does not compile:
///
/// ```compile_fail
/// let request = kling_client::MultiImageToVideo::builder().prompt("The cat puts the hat on").build();
/// ```
#[derive(Serialize, Deserialize, JsonSchema, bon::Builder)]
#[builder(on(_, into), finish_fn(name = fields, vis = ""), state_mod(vis = "pub"), builder_type(vis = "pub"))]
pub struct MultiImageToVideo {
    #[builder(field)]
    #[serde(flatten)]
    common: Common<Watermark>,
    /// The reference images, 1–4 (Kling's reference; the vendor's page: up to 4).
    #[builder(with = |images: impl IntoIterator<Item = impl Into<Image>>| Reference::all(images))]
    #[serde(rename = "image_list")]
    #[schemars(length(min = 1, max = 4), extend("x-option" = "image"))]
    images: Vec<Reference>,
    /// What the video shows, 1–2500 characters (the vendor's page).
    #[schemars(length(min = 1, max = 2500))]
    prompt: String,
    /// What the video should not show, at most 2500 characters (Kling's reference).
    #[schemars(length(max = 2500))]
    negative_prompt: Option<String>,
    /// The model. Default: `kling-v1-6`.
    #[builder(default = Model::KlingV1_6)]
    #[serde(rename = "model_name")]
    #[schemars(extend("x-option" = "model", "x-extensible-enum" = ["kling-v1-6"], "default" = "kling-v1-6"))]
    model: Model,
    /// The quality: std is cheaper, pro is better. Default: `std`.
    #[builder(default)]
    #[serde(default)]
    #[schemars(extend("x-extensible-enum" = ["std", "pro"]))]
    mode: Mode,
    /// The length in seconds, as a string. Default: `5`.
    #[builder(default)]
    #[serde(default)]
    duration: VideoDuration,
    /// Width to height. Default of the API: 16:9 (Kling's reference).
    aspect_ratio: Option<AspectRatio>,
}

impl MultiImageToVideo {
    fn rules(&self, _: &mut Vec<Violation>) {}
}

task! {
    MultiImageToVideo, MultiImageToVideoBuilder, multi_image_to_video_builder: "multi-image2video" makes Video with watermark;
    create_multi_image_to_video, get_multi_image_to_video, list_multi_image_to_video, CreateMultiImageToVideoBody
}
