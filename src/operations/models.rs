//! What each model takes, by operation: one dated table.
//!
//! Known models only, and only what the sources agree on; an empty cell is not checked. Kling retires models by operation,
//! and a gateway may hold on to one, so that a retired model is a remark and never a violation.

use serde_json::Value;

use crate::error::{Remark, Violation};

/// What a model takes in one operation.
struct Line {
    operation: &'static str,
    model: &'static str,
    /// When it was found to be gone from Kling, if it was.
    gone: Option<&'static str>,
    takes: &'static [(&'static str, Takes)],
    /// Where this stands, and of when it is.
    source: &'static str,
}

/// What a model takes of a field.
#[derive(Clone, Copy)]
enum Takes {
    /// One of these values.
    Values(&'static [&'static str]),
    /// Nothing.
    Nothing,
    /// Something, where each of these other fields has one of these values or none.
    With(&'static [(&'static str, &'static [&'static str])]),
}

use Takes::{Nothing, Values, With};

const STD_PRO: Takes = Values(&["std", "pro"]);
const FIVE_TEN: Takes = Values(&["5", "10"]);
const TO_TEN: Takes = Values(&["3", "4", "5", "6", "7", "8", "9", "10"]);
const PRO: Takes = With(&[("mode", &["pro"])]);
const FIVE_SECONDS: Takes = With(&[("duration", &["5"])]);
const PRO_FIVE: Takes = With(&[("mode", &["pro"]), ("duration", &["5"])]);

const MAPS: &str = "Kling's capability maps, February to May 2026";
const MAP: &str = "Kling's capability map, 2026-05-19";
const MEASURED: &str = "2026-10-01";

const TEXT: &str = "text2video";
const IMAGE: &str = "image2video";
const OMNI: &str = "omni-video";

macro_rules! lines {
    ($($operation:ident $model:literal $gone:expr, $source:ident: $($field:ident $takes:expr),+;)+) => {
        &[$(Line {
            operation: $operation, model: $model, gone: $gone, source: $source,
            takes: &[$((stringify!($field), $takes)),+],
        }),+]
    };
}

const LINES: &[Line] = lines! {
    TEXT "kling-v1" Some("2026-09-20"), MAPS: mode STD_PRO, duration FIVE_TEN, sound Nothing, multi_shot Nothing,
        camera_control With(&[("mode", &["std"]), ("duration", &["5"])]);
    TEXT "kling-v1-6" Some(MEASURED), MAPS: mode STD_PRO, duration FIVE_TEN, sound Nothing, multi_shot Nothing,
        camera_control Nothing;
    TEXT "kling-v2-master" Some(MEASURED), MAPS: duration FIVE_TEN, sound Nothing, multi_shot Nothing,
        camera_control Nothing, cfg_scale Nothing;
    TEXT "kling-v2-1-master" Some(MEASURED), MAPS: duration FIVE_TEN, sound Nothing, multi_shot Nothing,
        camera_control Nothing, cfg_scale Nothing;
    TEXT "kling-v2-5-turbo" None, MAPS: mode STD_PRO, duration FIVE_TEN, sound Nothing, multi_shot Nothing,
        camera_control Nothing, cfg_scale Nothing;
    TEXT "kling-v2-6" None, MAP: mode STD_PRO, duration FIVE_TEN, sound PRO, multi_shot Nothing, camera_control Nothing,
        cfg_scale Nothing;
    TEXT "kling-v3" None, MAP: camera_control Nothing;

    IMAGE "kling-v1" Some(MEASURED), MAPS: mode STD_PRO, duration FIVE_TEN, image_tail FIVE_SECONDS, sound Nothing,
        multi_shot Nothing, camera_control Nothing, static_mask FIVE_SECONDS, dynamic_masks FIVE_SECONDS,
        voice_list Nothing, element_list Nothing;
    IMAGE "kling-v1-5" Some(MEASURED), MAPS: mode STD_PRO, duration FIVE_TEN, image_tail PRO, sound Nothing,
        multi_shot Nothing, camera_control PRO_FIVE, static_mask PRO_FIVE, dynamic_masks PRO_FIVE, voice_list Nothing,
        element_list Nothing;
    IMAGE "kling-v1-6" Some("2026-09-15"), MAPS: mode STD_PRO, duration FIVE_TEN, image_tail PRO, sound Nothing,
        multi_shot Nothing, camera_control Nothing, static_mask Nothing, dynamic_masks Nothing, voice_list Nothing,
        element_list Nothing;
    IMAGE "kling-v2-master" Some(MEASURED), MAPS: duration FIVE_TEN, image_tail Nothing, sound Nothing, multi_shot Nothing,
        camera_control Nothing, static_mask Nothing, dynamic_masks Nothing, voice_list Nothing, element_list Nothing,
        cfg_scale Nothing;
    IMAGE "kling-v2-1" Some(MEASURED), MAPS: mode STD_PRO, duration FIVE_TEN, image_tail PRO, sound Nothing,
        multi_shot Nothing, camera_control Nothing, static_mask Nothing, dynamic_masks Nothing, voice_list Nothing,
        element_list Nothing, cfg_scale Nothing;
    IMAGE "kling-v2-1-master" Some(MEASURED), MAPS: duration FIVE_TEN, image_tail Nothing, sound Nothing,
        multi_shot Nothing, camera_control Nothing, static_mask Nothing, dynamic_masks Nothing, voice_list Nothing,
        element_list Nothing, cfg_scale Nothing;
    IMAGE "kling-v2-5-turbo" None, MAPS: mode STD_PRO, duration FIVE_TEN, image_tail PRO, sound Nothing,
        multi_shot Nothing, camera_control Nothing, static_mask Nothing, dynamic_masks Nothing, voice_list Nothing,
        element_list Nothing, cfg_scale Nothing;
    IMAGE "kling-v2-6" None, MAP: mode STD_PRO, duration FIVE_TEN, image_tail With(&[("mode", &["pro"]), ("sound", &["off"])]),
        sound PRO, multi_shot Nothing, camera_control Nothing, static_mask Nothing, dynamic_masks Nothing, voice_list PRO,
        element_list Nothing, cfg_scale Nothing;
    IMAGE "kling-v3" None, MAP: camera_control Nothing, static_mask Nothing, dynamic_masks Nothing;

    OMNI "kling-video-o1" None, MAP: mode STD_PRO, duration TO_TEN, sound Nothing, multi_shot Nothing;
    OMNI "kling-v3-omni" None, MAP: mode Values(&["std", "pro", "4k"]);
};

/// Reports what the model of a request does not take, and that it is retired.
pub(super) fn check(operation: &str, body: &Value, violations: &mut Vec<Violation>, remarks: &mut Vec<Remark>) {
    let model = body.get("model_name").and_then(Value::as_str).unwrap_or_default();
    let Some(line) = LINES.iter().find(|line| line.operation == operation && line.model == model) else { return };
    if let Some(gone) = line.gone {
        let served = served(operation).collect::<Vec<_>>().join(", ");
        let message =
            format!("Kling has retired {model} here (by {gone}); a gateway may still serve it. Served: {served}");
        remarks.push(Remark { path: "model_name".to_owned(), message });
    }
    for (field, takes) in line.takes {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        // What is switched off is not used.
        let is_used = |value: &Value| *value != "off" && *value != false;
        let Some(value) = body.get(field).filter(|value| is_used(value)) else { continue };
        // A value that this version does not know may be one of the model's.
        if remarks.iter().any(|remark| remark.path == *field) {
            continue;
        }
        let (limit, given) = match takes {
            Values(values) if value.as_str().is_some_and(|value| values.contains(&value)) => continue,
            Values(values) => {
                (format!("one of {} with {model}", values.join(", ")), value.as_str().unwrap_or("a value").to_owned())
            }
            Nothing => (format!("nothing with {model}"), "a value".to_owned()),
            With(others) => {
                let differs =
                    |(name, values): &&(&str, &[&str])| text(name).is_some_and(|value| !values.contains(&value));
                let Some((name, values)) = others.iter().find(differs) else { continue };
                let given = format!("{name} {}", text(name).unwrap_or_default());
                (format!("nothing with {model} unless {name} is {}", values.join(" or ")), given)
            }
        };
        violations.push(Violation::new(*field, format!("{limit} ({})", line.source), given));
    }
}

/// The models that are known to be served.
pub(super) fn served(operation: &str) -> impl Iterator<Item = &'static str> {
    LINES.iter().filter(move |line| line.operation == operation && line.gone.is_none()).map(|line| line.model)
}

/// A model that an operation is known to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownModel {
    /// Its name, as it is sent.
    pub name: &'static str,
    /// The date by which Kling had retired it for this operation. A gateway may still serve it.
    pub retired: Option<&'static str>,
}

/// The models in the schema of an operation's request, with their states by the table.
pub(super) fn known(operation: &str, schema: &'static Value) -> impl Iterator<Item = KnownModel> {
    let names = schema["properties"]["model_name"]["x-extensible-enum"].as_array().into_iter().flatten();
    names.filter_map(Value::as_str).map(move |name| {
        let line = LINES.iter().find(|line| line.operation == operation && line.model == name);
        KnownModel { name, retired: line.and_then(|line| line.gone) }
    })
}
