//! The operations that the sandbox serves: one row each, with its path, its models, its fields and the rules between them.
//! The limits are stated here anew, so that the sandbox can bear witness against the library.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::outputs::OutputKind;

/// An operation. Its tasks are created and listed at its path, and queried below it.
pub(crate) struct Row {
    /// The path below `/v1/`.
    pub path: &'static str,
    /// The path at which some gateways answer its queries, instead of its own.
    pub queried_at: Option<&'static str>,
    /// What its tasks make.
    pub makes: OutputKind,
    /// The models that it serves.
    pub models: &'static [&'static str],
    /// The models that it served once.
    pub retired: &'static [&'static str],
    pub fields: &'static [Field],
    /// What concerns several fields: the message of the first violation.
    pub rules: fn(&Given<'_>) -> Result<(), String>,
}

/// A request whose every field has its shape, as the rules read it.
pub(crate) struct Given<'a> {
    pub body: &'a Map<String, Value>,
    /// The sizes of the images that came as files, by their JSON paths.
    pub sizes: &'a HashMap<String, (usize, usize)>,
}

/// A field of an object.
pub(crate) struct Field {
    pub name: &'static str,
    pub required: bool,
    pub shape: Shape,
}

/// What a value must be.
pub(crate) enum Shape {
    /// A string of at most so many characters (Unicode scalar values).
    Text(usize),
    OneOf(&'static [&'static str]),
    /// A number from one to another, both included.
    Number(f64, f64),
    Bool,
    /// An opaque id: a number, also one beyond 2^53, or a text.
    Id,
    /// An `http` or `https` URL.
    Url,
    /// An image as a URL or Base64.
    Image {
        any_ratio: bool,
    },
    /// From so many to so many items.
    List(usize, usize, &'static Shape),
    Object(&'static [Field]),
}

use Shape::{Bool, Id, Image, List, Number, Object, OneOf, Text, Url};

const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, required: true, shape }
}

const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, required: false, shape }
}

const ANY_LENGTH: usize = usize::MAX;
const IMAGE: Shape = Image { any_ratio: false };
const IMAGE_OF_ANY_RATIO: Shape = Image { any_ratio: true };
const MODEL_NAME: Field = required("model_name", Text(ANY_LENGTH));
const PROMPT: Shape = Text(2500);
const ASPECT_RATIO: Field = optional("aspect_ratio", OneOf(&["16:9", "9:16", "1:1"]));
const CALLBACK_URL: Field = optional("callback_url", Text(ANY_LENGTH));
const EXTERNAL_TASK_ID: Field = optional("external_task_id", Text(ANY_LENGTH));
const WATERMARK_INFO: Field = optional("watermark_info", Object(&[required("enabled", Bool)]));

const MOVEMENT: Shape = Number(-10.0, 10.0);
const CAMERA_AXES: &[Field] = &[
    optional("horizontal", MOVEMENT),
    optional("vertical", MOVEMENT),
    optional("pan", MOVEMENT),
    optional("tilt", MOVEMENT),
    optional("roll", MOVEMENT),
    optional("zoom", MOVEMENT),
];
const CAMERAS: Shape = OneOf(&["simple", "down_back", "forward_up", "right_turn_forward", "left_turn_forward"]);
const SHOT: Shape = Object(&[
    required("index", Number(1.0, 6.0)),
    required("prompt", Text(512)),
    required("duration", Text(ANY_LENGTH)),
]);

const MODE: Field = required("mode", OneOf(&["std", "pro", "4k"]));
const SECONDS: Shape = OneOf(&["3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]);
const CAMERA_CONTROL: Field =
    optional("camera_control", Object(&[required("type", CAMERAS), optional("config", Object(CAMERA_AXES))]));
const CFG_SCALE: Field = optional("cfg_scale", Number(0.0, 1.0));
const SOUND: Field = optional("sound", OneOf(&["on", "off"]));
const MULTI_SHOT: Field = optional("multi_shot", Bool);
const SHOT_TYPE: Field = optional("shot_type", OneOf(&["customize", "intelligence"]));
const MULTI_PROMPT: Field = optional("multi_prompt", List(1, 6, &SHOT));

/// A coordinate in pixels; the API counts them from the lower left corner.
const PIXELS: Shape = Number(f64::NEG_INFINITY, f64::INFINITY);
/// How an area moves: 77 points are the most of a video of 5 s, the only length with masks.
const TRAJECTORY: Shape = List(2, 77, &Object(&[required("x", PIXELS), required("y", PIXELS)]));
const DYNAMIC_MASK: Shape = Object(&[optional("mask", IMAGE_OF_ANY_RATIO), optional("trajectories", TRAJECTORY)]);
const VOICE: Shape = Object(&[required("voice_id", Text(ANY_LENGTH))]);
const ELEMENT: Shape = Object(&[required("element_id", Id)]);
const REFERENCE_IMAGE: Shape =
    Object(&[required("image_url", IMAGE), optional("type", OneOf(&["first_frame", "end_frame"]))]);
const REFERENCE_VIDEO: Shape = Object(&[
    required("video_url", Url),
    optional("refer_type", OneOf(&["feature", "base"])),
    optional("keep_original_sound", OneOf(&["yes", "no"])),
]);

/// Every operation. The first is the one of [`Sandbox::endpoint`](crate::Sandbox::endpoint).
pub(crate) static ROWS: [Row; 4] = [
    Row {
        path: "videos/multi-image2video",
        queried_at: None,
        makes: OutputKind::Video,
        models: &["kling-v1-6"],
        retired: &[],
        fields: &[
            MODEL_NAME,
            required("image_list", List(1, 4, &Object(&[required("image", IMAGE)]))),
            required("prompt", PROMPT),
            optional("negative_prompt", PROMPT),
            required("mode", OneOf(&["std", "pro"])),
            required("duration", OneOf(&["5", "10"])),
            ASPECT_RATIO,
            CALLBACK_URL,
            EXTERNAL_TASK_ID,
            WATERMARK_INFO,
        ],
        rules: |_| Ok(()),
    },
    Row {
        path: "videos/text2video",
        queried_at: None,
        makes: OutputKind::Video,
        models: &["kling-v2-5-turbo", "kling-v2-6", "kling-v3"],
        retired: &["kling-v1", "kling-v1-6", "kling-v2-master", "kling-v2-1-master"],
        fields: &[
            MODEL_NAME,
            optional("prompt", PROMPT),
            optional("negative_prompt", PROMPT),
            CFG_SCALE,
            MODE,
            CAMERA_CONTROL,
            ASPECT_RATIO,
            required("duration", SECONDS),
            SOUND,
            MULTI_SHOT,
            SHOT_TYPE,
            MULTI_PROMPT,
            CALLBACK_URL,
            EXTERNAL_TASK_ID,
            WATERMARK_INFO,
        ],
        rules: text_to_video,
    },
    Row {
        path: "videos/image2video",
        queried_at: None,
        makes: OutputKind::Video,
        models: &["kling-v2-5-turbo", "kling-v2-6", "kling-v3"],
        retired: &["kling-v1", "kling-v1-5", "kling-v1-6", "kling-v2-master", "kling-v2-1", "kling-v2-1-master"],
        fields: &[
            MODEL_NAME,
            optional("image", IMAGE),
            optional("image_tail", IMAGE_OF_ANY_RATIO),
            optional("prompt", PROMPT),
            optional("negative_prompt", Text(ANY_LENGTH)),
            optional("element_list", List(0, 3, &ELEMENT)),
            optional("voice_list", List(0, 2, &VOICE)),
            SOUND,
            CFG_SCALE,
            MODE,
            optional("static_mask", IMAGE_OF_ANY_RATIO),
            optional("dynamic_masks", List(0, 6, &DYNAMIC_MASK)),
            CAMERA_CONTROL,
            required("duration", SECONDS),
            MULTI_SHOT,
            SHOT_TYPE,
            MULTI_PROMPT,
            CALLBACK_URL,
            EXTERNAL_TASK_ID,
            WATERMARK_INFO,
        ],
        rules: image_to_video,
    },
    Row {
        path: "videos/omni-video",
        queried_at: Some("images/omni-image"),
        makes: OutputKind::Video,
        models: &["kling-video-o1", "kling-v3-omni"],
        retired: &[],
        fields: &[
            MODEL_NAME,
            optional("prompt", PROMPT),
            optional("image_list", List(0, 7, &REFERENCE_IMAGE)),
            optional("video_list", List(0, 1, &REFERENCE_VIDEO)),
            optional("element_list", List(0, 7, &ELEMENT)),
            MODE,
            ASPECT_RATIO,
            // It is void where a video is edited, so that the rules require it.
            optional("duration", SECONDS),
            SOUND,
            MULTI_SHOT,
            SHOT_TYPE,
            MULTI_PROMPT,
            CALLBACK_URL,
            EXTERNAL_TASK_ID,
            WATERMARK_INFO,
        ],
        rules: omni_video,
    },
];

impl Given<'_> {
    /// A text, empty if the field is not there.
    pub fn text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn is(&self, name: &str) -> bool {
        self.body.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    fn list(&self, name: &str) -> &[Value] {
        self.body.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Whether a field is there with a content: the vendor's own examples send optional fields empty.
    fn has(&self, name: &str) -> bool {
        match self.body.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(_) => true,
        }
    }

    /// Whether a video is to be edited, which is the default of a reference: the output is as long as that video.
    pub fn edits_a_video(&self) -> bool {
        self.list("video_list").iter().any(|video| video.get("refer_type").is_none_or(|kind| kind == "base"))
    }
}

fn text_to_video(given: &Given<'_>) -> Result<(), String> {
    camera_control(given)?;
    shots(given)?;
    version(given)
}

fn image_to_video(given: &Given<'_>) -> Result<(), String> {
    let (first, last) = (given.has("image"), given.has("image_tail"));
    if !first && !last {
        return Err("image can not be null: image or image_tail is needed".into());
    }
    let exclusive = [&["image_tail"][..], &["static_mask", "dynamic_masks"], &["camera_control"]];
    let mut exclusive = exclusive.iter().filter_map(|names| names.iter().find(|name| given.has(name)));
    if let (Some(one), Some(other)) = (exclusive.next(), exclusive.next()) {
        return Err(format!("{other} is invalid: {one} excludes it"));
    }
    masks(given)?;
    camera_control(given)?;
    shots(given)?;
    if last && given.is("multi_shot") {
        return Err("image_tail is invalid: multi_shot excludes it".into());
    }
    if given.has("voice_list") && given.has("element_list") {
        return Err("element_list is invalid: voice_list excludes it".into());
    }
    if given.has("voice_list") && given.text("sound") != "on" {
        return Err("voice_list is invalid: sound must be 'on'".into());
    }
    version(given)?;
    let (model, mode) = (given.text("model_name"), given.text("mode"));
    let (before_v3, v3) = (model.starts_with("kling-v1") || model.starts_with("kling-v2"), model == "kling-v3");
    if given.has("voice_list") && (before_v3 || v3) && model != "kling-v2-6" {
        return Err(format!("voice_list is not supported by {model}"));
    }
    if given.has("element_list") && before_v3 {
        return Err(format!("element_list is not supported by {model}"));
    }
    if !first && (before_v3 || v3) && !matches!((model, mode), ("kling-v1-5" | "kling-v1-6", "pro")) {
        return Err(format!("image can not be null: image_tail alone is not supported by {model}"));
    }
    if last && mode != "pro" && matches!(model, "kling-v2-5-turbo" | "kling-v2-6") {
        return Err(format!("image_tail is not supported by {model} in mode {mode}"));
    }
    if last && model == "kling-v2-6" && given.text("sound") == "on" {
        return Err(format!("image_tail is not supported by {model} with sound"));
    }
    Ok(())
}

fn omni_video(given: &Given<'_>) -> Result<(), String> {
    let (images, elements) = (given.list("image_list"), given.list("element_list").len());
    let frame = |kind: &str| images.iter().any(|image| image.get("type").is_some_and(|given| given == kind));
    let (first, end) = (frame("first_frame"), frame("end_frame"));
    let (refers, edits) = (given.has("video_list"), given.edits_a_video());
    if end && !first {
        return Err("image_list is invalid: end_frame needs first_frame".into());
    }
    if edits && first {
        return Err("image_list is invalid: a video to be edited excludes first_frame and end_frame".into());
    }
    if !edits && !given.has("duration") {
        return Err("duration can not be null".into());
    }
    if !edits && !first && !given.has("aspect_ratio") {
        return Err("aspect_ratio can not be null: there is neither a first frame nor a video to be edited".into());
    }
    shots(given)?;
    if end && given.is("multi_shot") {
        return Err("image_list is invalid: multi_shot excludes end_frame".into());
    }
    let (references, most) = (images.len() + elements, if refers { 4 } else { 7 });
    if references > most {
        return Err(format!("image_list and element_list have {references} entries, at most {most} are allowed"));
    }
    if first && elements > 3 {
        return Err(format!("element_list has {elements} entries, at most 3 are allowed with first_frame"));
    }
    if refers && given.text("sound") == "on" {
        return Err("sound value 'on' is invalid: video_list excludes it".into());
    }
    let (model, mode, duration) = (given.text("model_name"), given.text("mode"), given.text("duration"));
    if model != "kling-video-o1" {
        return Ok(());
    }
    // Text alone, or the first frame alone.
    let simple = !refers && elements == 0 && images.len() == usize::from(first);
    if mode == "4k" {
        Err(format!("mode value '4k' is not supported by {model}"))
    } else if given.text("sound") == "on" {
        Err(format!("sound value 'on' is not supported by {model}"))
    } else if !edits && matches!(duration, "11" | "12" | "13" | "14" | "15") {
        Err(format!("duration value '{duration}' is not supported by {model}"))
    } else if simple && !matches!(duration, "5" | "10") {
        Err(format!("duration value '{duration}' is not supported by {model} without references"))
    } else if end && elements > 0 {
        Err(format!("element_list is not supported by {model} with end_frame"))
    } else if end && images.len() > 2 {
        Err(format!("image_list has {} entries, 2 are supported by {model} with end_frame", images.len()))
    } else {
        Ok(())
    }
}

/// What the versions of the video models take. It is known of these alone; a sandbox that takes any model knows nothing of
/// the others.
fn version(given: &Given<'_>) -> Result<(), String> {
    let (model, mode, duration) = (given.text("model_name"), given.text("mode"), given.text("duration"));
    let (v1, v2) = (model.starts_with("kling-v1"), model.starts_with("kling-v2"));
    if (v1 || v2) && mode == "4k" {
        return Err(format!("mode value '4k' is not supported by {model}"));
    }
    if (v1 || v2) && !matches!(duration, "5" | "10") {
        return Err(format!("duration value '{duration}' is not supported by {model}"));
    }
    if v2 && given.has("cfg_scale") {
        return Err(format!("cfg_scale is not supported by {model}"));
    }
    if (v1 || v2) && given.text("sound") == "on" && (model, mode) != ("kling-v2-6", "pro") {
        return Err(format!("sound value 'on' is not supported by {model} in mode {mode}"));
    }
    Ok(())
}

/// Masks have the aspect ratio of the image, to the pixel, and one size. Those at URLs are not measured.
fn masks(given: &Given<'_>) -> Result<(), String> {
    let dynamic = (0..given.list("dynamic_masks").len()).map(|index| format!("dynamic_masks[{index}].mask"));
    let image = given.sizes.get("image");
    let area = |width: usize, height: usize| width as u64 * height as u64;
    let mut first = None;
    for place in std::iter::once("static_mask".into()).chain(dynamic) {
        let Some(&(width, height)) = given.sizes.get(&place) else {
            continue;
        };
        if let Some(&(wide, high)) = image
            && area(width, high).abs_diff(area(wide, height)) > width.max(height).max(wide).max(high) as u64
        {
            return Err(format!("{place}: the mask is {width} x {height} px, the image {wide} x {high}"));
        }
        let (wide, high) = *first.get_or_insert((width, height));
        if (wide, high) != (width, height) {
            return Err(format!("{place}: the mask is {width} x {height} px, another is {wide} x {high}"));
        }
    }
    Ok(())
}

fn camera_control(given: &Given<'_>) -> Result<(), String> {
    let Some(control) = given.body.get("camera_control") else {
        return Ok(());
    };
    match (control["type"] == "simple", control.get("config")) {
        (true, Some(config)) => {
            let moved = |axis: &&Field| config[axis.name].as_f64().unwrap_or_default() != 0.0;
            let moved = CAMERA_AXES.iter().filter(moved).count();
            if moved == 1 { Ok(()) } else { Err(format!("camera_control.config sets {moved} axes, 1 must not be 0")) }
        }
        (true, None) => Err("camera_control.config can not be null: type simple needs it".into()),
        (false, Some(_)) => Err("camera_control.config is invalid: only type simple takes it".into()),
        (false, None) => Ok(()),
    }
}

/// Several shots have a prompt each, and together the duration of the video; everything else needs a prompt.
fn shots(given: &Given<'_>) -> Result<(), String> {
    let (multi_shot, shot_type) = (given.is("multi_shot"), given.text("shot_type"));
    if multi_shot && shot_type.is_empty() {
        return Err("shot_type can not be null: multi_shot needs it".into());
    }
    if !multi_shot || shot_type == "intelligence" {
        return if given.has("prompt") { Ok(()) } else { Err("prompt can not be null".into()) };
    }
    if !given.has("multi_prompt") {
        return Err("multi_prompt can not be null: shot_type customize needs it".into());
    }
    let shots = given.list("multi_prompt").iter();
    let seconds = shots.map(|shot| shot["duration"].as_str()?.parse().ok().filter(|seconds: &u32| *seconds > 0));
    // The sum of six such numbers needs more than 32 bits.
    let sum = seconds.map(|seconds| seconds.map(u64::from)).sum::<Option<u64>>();
    let sum = sum.ok_or("multi_prompt is invalid: each duration must be a whole number from 1")?;
    let duration = given.text("duration");
    if given.edits_a_video() || duration == sum.to_string() {
        Ok(())
    } else {
        Err(format!("multi_prompt lasts {sum} s, duration is '{duration}': they must be equal"))
    }
}
