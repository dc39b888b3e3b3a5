//! `text2video`: a video from a prompt, or from several shots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parts::{Camera, Common, Shot, Watermark};
use super::task;
use crate::error::Violation;
use crate::values::{AspectRatio, Mode, Model, ShotType, Switch, VideoDuration};

/// Request for a video from a prompt, or from several shots.
///
/// Limits are those of Kling's reference; lengths count Unicode scalar values. What a model takes is documented at each
/// field. The API requires a prompt or shots, so one of both is checked when the request is built.
///
/// ```
/// use kling_client::{Model, Shot, ShotType, TextToVideo};
///
/// let request = TextToVideo::builder().model(Model::KlingV2_6).prompt("A cat in a hat").duration(10).build()?;
///
/// let in_shots = TextToVideo::builder()
///     .model(Model::KlingV3)
///     .duration(8)
///     .multi_shot(true)
///     .shot_type(ShotType::Customize)
///     .shots([Shot::new("A cat", 5), Shot::new("It puts a hat on", 3)])
///     .build()?;
/// # Ok::<(), kling_client::Error>(())
/// ```
#[derive(Serialize, Deserialize, JsonSchema, bon::Builder)]
#[builder(finish_fn(name = fields, vis = ""), state_mod(vis = "pub"), builder_type(vis = "pub"))]
pub struct TextToVideo {
    #[builder(field)]
    #[serde(flatten)]
    common: Common,
    /// The model. Required: the price depends on it.
    #[builder(into)]
    #[serde(rename = "model_name")]
    #[schemars(extend("x-option" = "model", "x-extensible-enum" = ["kling-v1", "kling-v1-6", "kling-v2-master", "kling-v2-1-master",
        "kling-v2-5-turbo", "kling-v2-6", "kling-v3"]))]
    model: Model,
    /// What the video shows, at most 2500 characters. Required unless shots are given.
    #[builder(into)]
    #[schemars(length(max = 2500))]
    prompt: Option<String>,
    /// What the video should not show, at most 2500 characters.
    #[builder(into)]
    #[schemars(length(max = 2500))]
    negative_prompt: Option<String>,
    /// The quality: std is 720p, pro is 1080p, 4k for kling-v3 alone. Default: `std`.
    #[builder(into, default)]
    #[serde(default)]
    mode: Mode,
    /// The length in seconds, as a string: 5 or 10, 3–15 for kling-v3. Default: `5`.
    #[builder(into, default)]
    #[serde(default)]
    #[schemars(extend("x-extensible-enum" = ["3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]))]
    duration: VideoDuration,
    /// Width to height. Default of the API: 16:9.
    #[builder(into)]
    aspect_ratio: Option<AspectRatio>,
    /// Whether sound is made as well; for kling-v2-6 in pro, and kling-v3.
    #[builder(into)]
    sound: Option<Switch>,
    /// How closely the video follows the prompt, 0–1; not for models of version 2. Default of the API: 0.5.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-group" = "Advanced"))]
    cfg_scale: Option<f64>,
    /// How the camera moves.
    #[builder(into)]
    #[serde(rename = "camera_control")]
    camera: Option<Camera>,
    /// Whether the video has several shots; for kling-v3.
    #[schemars(extend("x-group" = "Advanced"))]
    multi_shot: Option<bool>,
    /// Who divides the video into shots.
    #[builder(into)]
    #[schemars(extend("x-group" = "Advanced"))]
    shot_type: Option<ShotType>,
    /// The shots, 1–6; their lengths add up to that of the video.
    #[builder(with = |shots: impl IntoIterator<Item = Shot>| Shot::in_order(shots))]
    #[serde(rename = "multi_prompt")]
    #[schemars(length(min = 1, max = 6), extend("x-option" = "shots", "x-group" = "Advanced"))]
    shots: Option<Vec<Shot>>,
    /// Whether a watermarked video is made as well.
    #[builder(with = |enabled: bool| enabled.into())]
    #[serde(rename = "watermark_info")]
    watermark: Option<Watermark>,
}

impl TextToVideo {
    fn rules(&self, found: &mut Vec<Violation>) {
        if let Some(camera) = &self.camera {
            camera.rules("camera_control", found);
        }
        Shot::division(self.multi_shot, self.shot_type.as_ref(), self.prompt.as_deref(), self.shots.as_deref(), found);
        if let Some(shots) = &self.shots {
            Shot::rules(shots, &self.duration, found);
        }
    }
}

task! {
    TextToVideo, TextToVideoBuilder, text_to_video_builder: "text2video" makes Video;
    create_text_to_video, get_text_to_video, list_text_to_video, CreateTextToVideoBody
}
