//! `image2video`: a video from its first frame, its last one, or both.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parts::{Camera, Common, Element, ElementId, MovingArea, Shots, Voice, Watermark};
use super::task;
use crate::error::Violation;
use crate::media::Image;
use crate::values::{Mode, Model, Switch, VideoDuration};

/// Request for a video from its first frame, its last one, or both.
///
/// Limits are those of Kling's reference; lengths count Unicode scalar values. What a model takes is documented at each
/// field. The ratio of the video is that of the image; masks have it too, and all of them one size.
///
/// ```
/// use kling_client::{Image, ImageToVideo, Mode, Model};
///
/// let request = ImageToVideo::builder()
///     .model(Model::KlingV2_6)
///     .image(Image::url("https://example.com/cat.png"))
///     .image_tail(Image::url("https://example.com/cat-in-a-hat.png"))
///     .prompt("The cat puts the hat on")
///     .mode(Mode::Pro)
///     .build()?;
/// # Ok::<(), kling_client::Error>(())
/// ```
#[derive(Serialize, Deserialize, JsonSchema, bon::Builder)]
#[builder(on(_, into), finish_fn(name = fields, vis = ""), state_mod(vis = "pub"), builder_type(vis = "pub"))]
pub struct ImageToVideo {
    #[builder(field)]
    #[serde(flatten)]
    common: Common<Watermark>,
    /// The model. Required: the price depends on it.
    #[serde(rename = "model_name")]
    #[schemars(extend("x-option" = "model", "x-extensible-enum" = ["kling-v1", "kling-v1-5", "kling-v1-6", "kling-v2-master",
        "kling-v2-1", "kling-v2-1-master", "kling-v2-5-turbo", "kling-v2-6", "kling-v3"]))]
    model: Model,
    /// The first frame. Required unless there is a last one.
    image: Option<Image>,
    /// The last frame; excludes masks and a camera movement.
    #[schemars(extend("x-max-ratio" = null))]
    image_tail: Option<Image>,
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
    /// Whether sound is made as well; for kling-v2-6 in pro, and kling-v3.
    sound: Option<Switch>,
    /// Ids of 1–2 voices, which the prompt names `<<<voice_1>>>`; for kling-v2-6 in pro with sound, without elements.
    #[builder(with = |ids: impl IntoIterator<Item = impl Into<String>>| Voice::all(ids))]
    #[serde(rename = "voice_list")]
    #[schemars(length(min = 1, max = 2), extend("x-option" = "voice", "x-group" = "Advanced"))]
    voices: Option<Vec<Voice>>,
    /// Ids of 1–3 elements that the video shows; for kling-v3.
    #[builder(with = |ids: impl IntoIterator<Item = impl Into<ElementId>>| Element::all(ids))]
    #[serde(rename = "element_list")]
    #[schemars(length(min = 1, max = 3), extend("x-option" = "element", "x-group" = "Advanced"))]
    elements: Option<Vec<Element>>,
    /// How closely the video follows the prompt, 0–1; not for models of version 2. Default of the API: 0.5.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-group" = "Advanced"))]
    cfg_scale: Option<f64>,
    /// How the camera moves.
    #[serde(rename = "camera_control")]
    camera: Option<Camera>,
    /// The area that stays as it is, a mask of the ratio of the image.
    #[schemars(extend("x-max-ratio" = null, "x-ratio-of" = "image", "x-group" = "Advanced"))]
    static_mask: Option<Image>,
    /// 1–6 areas that move, each along a line.
    #[builder(with = |areas: impl IntoIterator<Item = MovingArea>| areas.into_iter().collect())]
    #[schemars(length(min = 1, max = 6), extend("x-group" = "Advanced"))]
    dynamic_masks: Option<Vec<MovingArea>>,
    /// The shots of a video in several; for kling-v3.
    #[builder(default)]
    #[serde(flatten)]
    shots: Shots,
}

impl ImageToVideo {
    fn rules(&self, found: &mut Vec<Violation>) {
        if self.image.is_none() && self.image_tail.is_none() {
            found.push(Violation::new("image", "an image, or one in image_tail", "nothing"));
        }
        let masks = self.static_mask.is_some() || self.dynamic_masks.is_some();
        let given = [("image_tail", self.image_tail.is_some()), ("masks", masks), ("camera_control", self.camera.is_some())];
        let given: Vec<_> = given.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| *name).collect();
        if given.len() > 1 {
            let path = if given.contains(&"camera_control") { "camera_control" } else { "image_tail" };
            let limit = "one of image_tail, masks (static_mask, dynamic_masks) and camera_control";
            found.push(Violation::new(path, limit, given.join(" and ")));
        }
        self.camera.iter().for_each(|camera| camera.rules(found));
        if self.voices.is_some() {
            Voice::rules(self.sound.as_ref(), self.elements.as_deref(), found);
        }
        self.shots.rules(self.prompt.as_deref(), &self.duration, found);
        if self.shots.are_several() && self.image_tail.is_some() {
            found.push(Violation::new("image_tail", "nothing where multi_shot is true", "an image"));
        }
    }
}

task! {
    ImageToVideo, ImageToVideoBuilder, image_to_video_builder: "image2video" makes Video with watermark;
    create_image_to_video, get_image_to_video, list_image_to_video, CreateImageToVideoBody
}
