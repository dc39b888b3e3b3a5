//! `omni-video`: a video from text, frames, reference images, elements, or another video.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parts::{Common, Element, ElementId, Frame, InputVideo, OmniImage, Shots, VideoUse, Watermark};
use super::task;
use crate::error::Violation;
use crate::values::{AspectRatio, Mode, Model, Switch, VideoDuration};

/// Request for a video from text, frames, reference images, elements, or another video, which it can edit too.
///
/// Limits are those of Kling's reference; lengths count Unicode scalar values. The prompt names what it refers to
/// `<<<image_1>>>`, `<<<element_1>>>` or `<<<video_1>>>`.
///
/// ```
/// use kling_client::{AspectRatio, Image, InputVideo, Mode, Model, OmniVideo};
///
/// let request = OmniVideo::builder()
///     .model(Model::KlingV3Omni)
///     .mode(Mode::Std)
///     .images([Image::url("https://example.com/cat.png"), Image::url("https://example.com/hat.jpg")])
///     .prompt("The cat of <<<image_1>>> puts on the hat of <<<image_2>>>")
///     .aspect_ratio(AspectRatio::Landscape)
///     .duration(5)
///     .build()?;
///
/// let edit = OmniVideo::builder()
///     .model(Model::KlingVideoO1)
///     .mode(Mode::Pro)
///     .video(InputVideo::to_edit("https://example.com/cat.mp4"))
///     .prompt("Take the hat off the cat in <<<video_1>>>")
///     .build()?;
/// # Ok::<(), kling_client::Error>(())
/// ```
#[derive(Serialize, Deserialize, JsonSchema, bon::Builder)]
#[builder(on(_, into), finish_fn(name = fields, vis = ""), state_mod(vis = "pub"), builder_type(vis = "pub"))]
pub struct OmniVideo {
    #[builder(field)]
    #[serde(flatten)]
    common: Common<Watermark>,
    /// The model. Required: the price depends on it.
    #[serde(rename = "model_name")]
    #[schemars(extend("x-option" = "model", "x-extensible-enum" = ["kling-video-o1", "kling-v3-omni"]))]
    model: Model,
    /// The quality: std is 720p, pro is 1080p, 4k for kling-v3-omni alone. Required: the API's default is pro, the dearer one.
    mode: Mode,
    /// What the video shows, at most 2500 characters. Required unless shots are given.
    #[schemars(length(max = 2500))]
    prompt: Option<String>,
    /// Reference images and frames; with elements at most 7, or 4 beside a video.
    #[builder(with = |images: impl IntoIterator<Item = impl Into<OmniImage>>| images.into_iter().map(Into::into).collect())]
    #[serde(rename = "image_list")]
    #[schemars(length(min = 1, max = 7), extend("x-option" = "image"))]
    images: Option<Vec<OmniImage>>,
    /// Ids of elements that the video shows.
    #[builder(with = |ids: impl IntoIterator<Item = impl Into<ElementId>>| Element::all(ids))]
    #[serde(rename = "element_list")]
    #[schemars(length(min = 1, max = 7), extend("x-option" = "element"))]
    elements: Option<Vec<Element>>,
    /// A video to edit or to refer to, by URL: MP4 or MOV of at most 200 MB.
    #[builder(with = |video: InputVideo| vec![video])]
    #[serde(rename = "video_list")]
    #[schemars(length(min = 1, max = 1), extend("x-option" = "video"))]
    video: Option<Vec<InputVideo>>,
    /// The length in seconds, as a string: 3–10 for kling-video-o1, 3–15 for kling-v3-omni. Required unless a video is edited,
    /// whose length is kept.
    #[schemars(extend("x-extensible-enum" = ["3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]))]
    duration: Option<VideoDuration>,
    /// Width to height. Required without a first frame and without a video to edit.
    aspect_ratio: Option<AspectRatio>,
    /// Whether sound is made as well; for kling-v3-omni, without a video.
    sound: Option<Switch>,
    /// The shots of a video in several; for kling-v3-omni.
    #[builder(default)]
    #[serde(flatten)]
    shots: Shots,
}

impl OmniVideo {
    fn rules(&self, found: &mut Vec<Violation>) {
        let images = self.images.as_deref().unwrap_or_default();
        let frame = |frame: Frame| images.iter().filter(|image| image.r#type.as_ref() == Some(&frame)).count();
        let (first, end) = (frame(Frame::First), frame(Frame::End));
        let edits = self.video.iter().flatten().any(|video| video.refer_type == VideoUse::Base);
        let elements = self.elements.as_ref().map_or(0, Vec::len);
        let (is_shots, is_o1) = (self.shots.are_several(), self.model == Model::KlingVideoO1);
        let length = self.duration.as_ref().map(VideoDuration::as_str);
        let most = if self.video.is_some() { 4 } else { 7 };
        let alone = images.len() == first && elements == 0 && self.video.is_none();
        for (is_broken, path, limit) in [
            (first > 1 || end > 1, "image_list", "one first_frame and one end_frame at most"),
            (end > first, "image_list", "a first_frame where there is an end_frame"),
            (edits && first > 0, "image_list", "no frames where a video is edited"),
            (is_shots && end > 0, "image_list", "no end_frame where multi_shot is true"),
            (is_o1 && end > 0 && images.len() + elements > 2, "image_list", "two frames alone with kling-video-o1"),
            (images.len() + elements > most, "image_list", &format!("at most {most} items, element_list included")),
            (first > 0 && elements > 3, "element_list", "at most 3 items where there are frames"),
            (first == 0 && !edits && self.aspect_ratio.is_none(), "aspect_ratio", "a value where no first_frame has one"),
            (!edits && length.is_none(), "duration", "a value unless a video is edited"),
            (edits && length.is_some(), "duration", "nothing where a video is edited: its length is kept"),
            (
                is_o1 && alone && !matches!(length, None | Some("5" | "10")),
                "duration",
                "5 or 10 with kling-video-o1 and text or a first_frame alone",
            ),
            (self.video.is_some() && self.sound == Some(Switch::On), "sound", "off where there is a video_list"),
        ] {
            if is_broken {
                let given = match path {
                    "duration" => length.unwrap_or("nothing").to_owned(),
                    "aspect_ratio" => "nothing".to_owned(),
                    "sound" => "on".to_owned(),
                    _ => format!("{} images, {} of them frames, and {elements} elements", images.len(), first + end),
                };
                found.push(Violation::new(path, limit, given));
            }
        }
        self.shots.rules(self.prompt.as_deref(), &self.duration, found);
    }
}

task! {
    OmniVideo, OmniVideoBuilder, omni_video_builder: "omni-video" makes Video with watermark;
    create_omni_video, get_omni_video or get_omni_image, list_omni_video, CreateOmniVideoBody
}
