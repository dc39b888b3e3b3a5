//! `text2video`: a video from a prompt, or from several shots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parts::{Camera, Common, Shots, Watermark};
use super::task;
use crate::error::Violation;
use crate::values::{AspectRatio, Mode, Model, Switch, VideoDuration};

/// Request for a video from a prompt, or from several shots.
///
/// Limits are those of Kling's reference; lengths count Unicode scalar values. What a model takes is documented at each
/// field. The API requires a prompt or shots, so one of both is checked when the request is built.
///
/// ```
/// use kling_client::{Model, Shot, Shots, TextToVideo};
///
/// let request = TextToVideo::builder().model(Model::KlingV2_6).prompt("A cat in a hat").duration(10).build()?;
///
/// let in_shots = TextToVideo::builder()
///     .model(Model::KlingV3)
///     .duration(8)
///     .shots(Shots::custom([Shot::new("A cat", 5), Shot::new("It puts a hat on", 3)]))
///     .build()?;
/// # Ok::<(), kling_client::Error>(())
/// ```
#[derive(Serialize, Deserialize, JsonSchema, bon::Builder)]
#[builder(on(_, into), finish_fn(name = fields, vis = ""), state_mod(vis = "pub"), builder_type(vis = "pub"))]
pub struct TextToVideo {
    #[builder(field)]
    #[serde(flatten)]
    common: Common<Watermark>,
    /// The model. Required: the price depends on it.
    #[serde(rename = "model_name")]
    #[schemars(extend("x-option" = "model", "x-extensible-enum" = ["kling-v1", "kling-v1-6", "kling-v2-master", "kling-v2-1-master",
        "kling-v2-5-turbo", "kling-v2-6", "kling-v3"]))]
    model: Model,
    /// What the video shows, at most 2500 characters. Required unless shots are given.
    #[schemars(length(max = 2500))]
    prompt: Option<String>,
    /// What the video should not show, at most 2500 characters.
    #[schemars(length(max = 2500))]
    negative_prompt: Option<String>,
    /// The quality: std is 720p, pro is 1080p, 4k for kling-v3 alone. Default: `std`.
    #[builder(default)]
    #[serde(default)]
    mode: Mode,
    /// The length in seconds, as a string: 5 or 10, 3–15 for kling-v3. Default: `5`.
    #[builder(default)]
    #[serde(default)]
    #[schemars(extend("x-extensible-enum" = ["3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]))]
    duration: VideoDuration,
    /// Width to height. Default of the API: 16:9.
    aspect_ratio: Option<AspectRatio>,
    /// Whether sound is made as well; for kling-v2-6 in pro, and kling-v3.
    sound: Option<Switch>,
    /// How closely the video follows the prompt, 0–1; not for models of version 2. Default of the API: 0.5.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-group" = "Advanced"))]
    cfg_scale: Option<f64>,
    /// How the camera moves.
    #[serde(rename = "camera_control")]
    camera: Option<Camera>,
    /// The shots of a video in several; for kling-v3.
    #[builder(default)]
    #[serde(flatten)]
    shots: Shots,
}

impl TextToVideo {
    fn rules(&self, found: &mut Vec<Violation>) {
        self.camera.iter().for_each(|camera| camera.rules(found));
        self.shots.rules(self.prompt.as_deref(), &self.duration, found);
    }
}

task! {
    TextToVideo, TextToVideoBuilder, text_to_video_builder: "text2video" makes Video with watermark;
    create_text_to_video, get_text_to_video, list_text_to_video, CreateTextToVideoBody
}
