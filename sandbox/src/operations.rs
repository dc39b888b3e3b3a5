//! The operations that the sandbox serves: one row each, with its path, its models, its fields and the rules between them.
//! The limits are stated here anew, so that the sandbox can bear witness against the library.

use serde_json::{Map, Value};

use crate::outputs::OutputKind;

/// An operation. Its tasks are created and listed at its path, and queried below it.
pub(crate) struct Row {
    /// The path below `/v1/`.
    pub path: &'static str,
    /// What its tasks make.
    pub makes: OutputKind,
    /// The models that it serves.
    pub models: &'static [&'static str],
    /// The models that it served once.
    pub retired: &'static [&'static str],
    pub fields: &'static [Field],
    /// What concerns several fields: the message of the first violation.
    pub rules: fn(&Map<String, Value>) -> Result<(), String>,
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
    /// A URL or Base64.
    Image,
    /// From 1 to so many items.
    List(usize, &'static Shape),
    Object(&'static [Field]),
}

use Shape::{Bool, Image, List, Number, Object, OneOf, Text};

const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, required: true, shape }
}

const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, required: false, shape }
}

const ANY_LENGTH: usize = usize::MAX;
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

/// Every operation. The first is the one of [`Sandbox::endpoint`](crate::Sandbox::endpoint).
pub(crate) static ROWS: [Row; 2] = [
    Row {
        path: "videos/multi-image2video",
        makes: OutputKind::Video,
        models: &["kling-v1-6"],
        retired: &[],
        fields: &[
            required("model_name", Text(ANY_LENGTH)),
            required("image_list", List(4, &Object(&[required("image", Image)]))),
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
        makes: OutputKind::Video,
        models: &["kling-v2-5-turbo", "kling-v2-6", "kling-v3"],
        retired: &["kling-v1", "kling-v1-6", "kling-v2-master", "kling-v2-1-master"],
        fields: &[
            required("model_name", Text(ANY_LENGTH)),
            optional("prompt", PROMPT),
            optional("negative_prompt", PROMPT),
            optional("cfg_scale", Number(0.0, 1.0)),
            required("mode", OneOf(&["std", "pro", "4k"])),
            optional("camera_control", Object(&[required("type", CAMERAS), optional("config", Object(CAMERA_AXES))])),
            ASPECT_RATIO,
            required("duration", OneOf(&["3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"])),
            optional("sound", OneOf(&["on", "off"])),
            optional("multi_shot", Bool),
            optional("shot_type", OneOf(&["customize", "intelligence"])),
            optional("multi_prompt", List(6, &SHOT)),
            CALLBACK_URL,
            EXTERNAL_TASK_ID,
            WATERMARK_INFO,
        ],
        rules: text_to_video,
    },
];

fn text_to_video(body: &Map<String, Value>) -> Result<(), String> {
    camera_control(body)?;
    shots(body)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let (model, mode, duration) = (text("model_name"), text("mode"), text("duration"));
    // What a model takes is known of these alone; a sandbox that takes any model knows nothing of the others.
    let (v1, v2) = (model.starts_with("kling-v1"), model.starts_with("kling-v2"));
    if (v1 || v2) && mode == "4k" {
        return Err(format!("mode value '4k' is not supported by {model}"));
    }
    if (v1 || v2) && !matches!(duration, "5" | "10") {
        return Err(format!("duration value '{duration}' is not supported by {model}"));
    }
    if v2 && body.contains_key("cfg_scale") {
        return Err(format!("cfg_scale is not supported by {model}"));
    }
    if (v1 || v2) && text("sound") == "on" && (model, mode) != ("kling-v2-6", "pro") {
        return Err(format!("sound value 'on' is not supported by {model} in mode {mode}"));
    }
    Ok(())
}

fn camera_control(body: &Map<String, Value>) -> Result<(), String> {
    let Some(control) = body.get("camera_control") else {
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
fn shots(body: &Map<String, Value>) -> Result<(), String> {
    let multi_shot = body.get("multi_shot").and_then(Value::as_bool).unwrap_or_default();
    let shot_type = body.get("shot_type").and_then(Value::as_str);
    if multi_shot && shot_type.is_none() {
        return Err("shot_type can not be null: multi_shot needs it".into());
    }
    if !multi_shot || shot_type == Some("intelligence") {
        let empty = body.get("prompt").and_then(Value::as_str).unwrap_or_default().is_empty();
        return if empty { Err("prompt can not be null".into()) } else { Ok(()) };
    }
    let shots = body.get("multi_prompt").and_then(Value::as_array);
    let shots = shots.ok_or("multi_prompt can not be null: shot_type customize needs it")?;
    let seconds = shots.iter().map(|shot| shot["duration"].as_str()?.parse().ok().filter(|seconds: &u32| *seconds > 0));
    let sum =
        seconds.sum::<Option<u32>>().ok_or("multi_prompt is invalid: each duration must be a whole number from 1")?;
    let duration = body.get("duration").and_then(Value::as_str).unwrap_or_default();
    if duration == sum.to_string() {
        Ok(())
    } else {
        Err(format!("multi_prompt lasts {sum} s, duration is '{duration}': they must be equal"))
    }
}
