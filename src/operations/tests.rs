//! Claims about every row of the table, and what no real operation shows yet: nested media, images, calls at once.

#![allow(dead_code, reason = "the operations of these tests use a part of what the macros give them")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::parts::{Common, Extra};
use super::*;
use crate::media::Segment;
use crate::{Client, ErrorKind, Mode, Model, Remark};

/// Requests that are accepted: together those of an operation set every field of it.
fn samples(operation: &Operation) -> Vec<Value> {
    let image = "https://example.com/cat.png";
    let common = json!({"callback_url": "https://example.com/changed", "external_task_id": "line-7"});
    let merged = |mut fields: Value, more: &Value| {
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fields
    };
    match operation {
        Operation::MultiImageToVideo => vec![
            json!({"image_list": [{"image": image}], "prompt": "x\n\"é"}),
            merged(
                json!({
                    "image_list": [{"image": image}, {"image": image}], "prompt": "x", "model_name": "kling-v1-6",
                    "negative_prompt": "y", "mode": "pro", "duration": "10", "aspect_ratio": "1:1",
                    "watermark_info": {"enabled": true},
                }),
                &common,
            ),
        ],
        Operation::TextToVideo => vec![
            json!({"model_name": "kling-v2-6", "prompt": "x"}),
            merged(
                json!({
                    "model_name": "kling-v1", "prompt": "x", "negative_prompt": "y", "mode": "std", "duration": "5",
                    "aspect_ratio": "9:16", "cfg_scale": 0.5, "watermark_info": {"enabled": false},
                    "camera_control": {"type": "simple", "config": {"zoom": -5.5}},
                }),
                &common,
            ),
            json!({
                "model_name": "kling-v3", "duration": "8", "sound": "on", "multi_shot": true, "shot_type": "customize",
                "multi_prompt": [
                    {"index": 1, "prompt": "x", "duration": "5"}, {"index": 2, "prompt": "y", "duration": "3"},
                ],
            }),
        ],
        Operation::ImageToVideo => vec![
            merged(
                json!({
                    "model_name": "kling-v2-6", "image": image, "image_tail": image, "prompt": "x", "mode": "pro",
                    "negative_prompt": "y", "duration": "10", "watermark_info": {"enabled": true},
                }),
                &common,
            ),
            json!({
                "model_name": "kling-v2-6", "image": image, "prompt": "<<<voice_1>>>", "mode": "pro", "sound": "on",
                "voice_list": [{"voice_id": "829824295735410756"}],
            }),
            json!({
                "model_name": "kling-v1", "image": image, "prompt": "x", "cfg_scale": 0.5, "static_mask": image,
                "dynamic_masks": [{"mask": image, "trajectories": [{"x": 279, "y": 219}, {"x": 417, "y": 65}]}],
            }),
            json!({
                "model_name": "kling-v1-5", "image": image, "prompt": "x", "mode": "pro",
                "camera_control": {"type": "simple", "config": {"pan": 2.5}},
            }),
            json!({
                "model_name": "kling-v3", "image": image, "duration": "8", "multi_shot": true, "shot_type": "customize",
                "element_list": [{"element_id": 835_266_081_714_884_677_u64}, {"element_id": "elem_80"}],
                "multi_prompt": [
                    {"index": 1, "prompt": "x", "duration": "5"}, {"index": 2, "prompt": "y", "duration": "3"},
                ],
            }),
        ],
        Operation::OmniVideo => vec![
            merged(
                json!({
                    "model_name": "kling-v3-omni", "mode": "4k", "prompt": "x <<<image_1>>>", "duration": "5",
                    "image_list": [{"image_url": image}], "element_list": [{"element_id": 160}],
                    "aspect_ratio": "1:1", "sound": "on", "watermark_info": {"enabled": true},
                }),
                &common,
            ),
            json!({
                "model_name": "kling-video-o1", "mode": "std", "prompt": "x", "duration": "5",
                "image_list": [
                    {"image_url": image, "type": "first_frame"}, {"image_url": image, "type": "end_frame"},
                ],
            }),
            json!({
                "model_name": "kling-video-o1", "mode": "pro", "prompt": "x <<<video_1>>>",
                "video_list": [{"video_url": image, "refer_type": "base", "keep_original_sound": "yes"}],
            }),
            json!({
                "model_name": "kling-v3-omni", "mode": "pro", "duration": "8", "aspect_ratio": "16:9", "multi_shot": true,
                "shot_type": "customize", "multi_prompt": [
                    {"index": 1, "prompt": "x", "duration": "5"}, {"index": 2, "prompt": "y", "duration": "3"},
                ],
            }),
        ],
        Operation::Other(name) => panic!("{name} is not in the table"),
    }
}

/// What is sent of a request, with an empty text in the place of each image.
fn sent(request: &Request) -> Value {
    let text: Vec<u8> = request
        .body()
        .iter()
        .filter_map(|piece| match piece {
            Segment::Text(text) => Some(text.to_vec()),
            _ => None,
        })
        .flatten()
        .collect();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn every_operation_has_a_row_and_a_golden_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/schemas");
    for row in ROWS {
        assert_eq!(Operation::from(row.name).as_str(), row.name);
        assert!(Operation::KNOWN.contains(&row.name), "{}", row.name);
        let path = folder.join(format!("{}.json", row.name));
        let schema = (row.schema)();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, serde_json::to_string_pretty(schema).unwrap() + "\n").unwrap();
        }
        let golden = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        assert_eq!(golden.as_ref(), Some(schema), "UPDATE_GOLDEN=1 cargo test --lib operations writes it");
    }
    assert_eq!(ROWS.len(), Operation::KNOWN.len());
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, ROWS.len(), "a file in spec/schemas belongs to no operation");
}

#[test]
fn samples_are_accepted_set_every_field_and_survive_the_documents_types() {
    for row in ROWS {
        let mut fields = std::collections::BTreeSet::new();
        for sample in samples(&row.name.into()) {
            let request = Request::from_json(row.name.into(), sample.clone()).unwrap();
            let retired = |remark: &&Remark| remark.message.starts_with("Kling has retired ");
            assert_eq!(request.remarks().iter().find(|remark| !retired(remark)), None, "{}", row.name);
            let sent = sent(&request);
            fields.extend(sent.as_object().unwrap().keys().cloned());
            for (name, value) in sample.as_object().unwrap() {
                assert_eq!(&sent[name], value, "{}.{name}", row.name);
            }
            assert_eq!((row.round_trip)(sent.clone()).unwrap(), without_unknown(sent, row), "{}", row.name);
        }
        let known = (row.schema)()["properties"].as_object().unwrap();
        assert!(known.keys().all(|name| fields.contains(name)), "{}: {fields:?}", row.name);
    }
}

/// Without the fields that are newer than the vendor's page: its type drops them.
fn without_unknown(mut sent: Value, row: &Row) -> Value {
    if row.name == Operation::MultiImageToVideo.as_str() {
        sent.as_object_mut().unwrap().remove("watermark_info");
    }
    sent
}

#[test]
fn a_builder_and_its_json_send_the_same() {
    let built = TextToVideo::builder()
        .model("kling-v9")
        .prompt("x")
        .mode(Mode::Pro)
        .duration(10)
        .sound(true)
        .camera(Camera::zoom(3.0))
        .external_task_id("line-7")
        .extra("seed", 7)
        .build()
        .unwrap();
    let data = json!({
        "model_name": "kling-v9", "prompt": "x", "mode": "pro", "duration": "10", "sound": "on", "external_task_id": "line-7",
        "camera_control": {"type": "simple", "config": {"zoom": 3.0}},
    });
    let read = Request::from_json(Operation::TextToVideo, data).unwrap().extra("seed", 7).unwrap();
    assert_eq!(sent(&built), sent(&read));

    let of = |shots: Shots| {
        ImageToVideo::builder().model("kling-v9").image_tail(Image::url("https://example.com/1.png")).shots(shots)
    };
    let sent = |request: Result<Request>| sent(&request.unwrap());
    let shots = Shots::custom([Shot::new("x", 2), Shot::new("y", 3)]);
    let custom = sent(of(shots).watermark(true).build_unchecked());
    let expected = json!([{"index": 1, "prompt": "x", "duration": "2"}, {"index": 2, "prompt": "y", "duration": "3"}]);
    assert_eq!((&custom["multi_shot"], &custom["shot_type"]), (&json!(true), &json!("customize")));
    assert_eq!((&custom["multi_prompt"], &custom["watermark_info"]), (&expected, &json!({"enabled": true})));
    let intelligent = sent(of(Shots::intelligent()).prompt("x").build_unchecked());
    assert_eq!((&intelligent["shot_type"], intelligent.get("multi_prompt")), (&json!("intelligence"), None));
    let error = of(Shots::custom([Shot::new("", 5)])).build().unwrap_err();
    let paths: Vec<_> = error.violations().iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(paths, ["image_tail", "multi_prompt[0].prompt"]);
}

/// The paths at which a request with these fields beside others is refused.
fn refused(operation: Operation, others: Value, fields: Value) -> Vec<String> {
    let mut data = others;
    data.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    match Request::from_json(operation, data) {
        Ok(_) => Vec::new(),
        Err(error) => error.violations().iter().map(|violation| violation.path.clone()).collect(),
    }
}

#[test]
fn rules_between_fields_refuse_a_sample_and_accept_its_neighbour() {
    let shot = |duration: &str| json!({"index": 1, "prompt": "x", "duration": duration});
    let shots = json!({"prompt": null, "multi_shot": true, "shot_type": "customize", "multi_prompt": [shot("5")]});
    let with = |name: &str, value: Value| {
        let mut shots = shots.clone();
        shots[name] = value;
        shots
    };
    for (fields, paths) in [
        (json!({}), &[][..]),
        (json!({"prompt": null}), &["prompt"]),
        (json!({"prompt": ""}), &["prompt"]),
        (json!({"multi_shot": false}), &[]),
        (json!({"shot_type": "customize"}), &["shot_type"]),
        (json!({"multi_prompt": [shot("5")]}), &["multi_prompt"]),
        (json!({"multi_shot": true}), &["shot_type"]),
        (json!({"multi_shot": true, "shot_type": "intelligence"}), &[]),
        (json!({"multi_shot": true, "shot_type": "intelligence", "prompt": null}), &["prompt"]),
        (shots.clone(), &[]),
        (with("prompt", json!("x")), &["prompt"]),
        (with("multi_prompt", Value::Null), &["multi_prompt"]),
        (with("multi_prompt", json!([shot("2"), shot("3")])), &[]),
        (with("multi_prompt", json!([shot("2"), shot("4")])), &["multi_prompt"]),
        (with("multi_prompt", json!([])), &["multi_prompt"]),
        (with("multi_prompt", json!([{"index": 1, "prompt": "", "duration": "5"}])), &["multi_prompt[0].prompt"]),
        (with("multi_prompt", json!([{"index": 1, "prompt": "x", "duration": 5}])), &["multi_prompt[0].duration"]),
        (with("multi_prompts", json!([])), &["multi_prompts"]),
        (json!({"camera_control": {"type": "simple", "config": {"pan": 10}}}), &[]),
        (json!({"camera_control": {"type": "simple", "config": {"pan": 10.5}}}), &["camera_control.config.pan"]),
        (json!({"camera_control": {"type": "simple", "config": {"pan": 1, "tilt": 2}}}), &["camera_control.config"]),
        (json!({"camera_control": {"type": "simple", "config": {"pan": 1, "tilt": 0}}}), &[]),
        (json!({"camera_control": {"type": "simple"}}), &["camera_control.config"]),
        (json!({"camera_control": {"type": "down_back"}}), &[]),
        (json!({"camera_control": {"type": "down_back", "config": {"pan": 1}}}), &["camera_control.config"]),
        (json!({"cfg_scale": 1}), &[]),
        (json!({"cfg_scale": 1.1}), &["cfg_scale"]),
        (json!({"cfg_scale": "1"}), &["cfg_scale"]),
        (json!({"negativ_prompt": "y"}), &["negativ_prompt"]),
        (json!({"camera_control": {"type": "down_back", "speed": 1}}), &["camera_control.speed"]),
        (json!({"model_name": ""}), &["model_name"]),
    ] {
        // Of this model nothing is known.
        let others = json!({"model_name": "kling-v9", "prompt": "x"});
        assert_eq!(refused(Operation::TextToVideo, others, fields.clone()), paths, "{fields}");
    }
}

#[test]
fn frames_masks_cameras_voices_and_elements_exclude_each_other() {
    let image = "https://example.com/cat.png";
    let areas = |count: usize, points: usize| {
        let area = json!({"mask": image, "trajectories": vec![json!({"x": 1, "y": 2}); points]});
        json!({"dynamic_masks": vec![area; count]})
    };
    let voices = |count: usize| vec![json!({"voice_id": "8"}); count];
    let elements = |count: usize| vec![json!({"element_id": 8}); count];
    let camera = json!({"type": "down_back"});
    for (fields, paths) in [
        (json!({}), &[][..]),
        (json!({"image": null}), &["image"]),
        (json!({"image": null, "image_tail": image}), &[]),
        (json!({"image_tail": image}), &[]),
        (json!({"image_tail": image, "static_mask": image}), &["image_tail"]),
        (json!({"image_tail": image, "camera_control": camera}), &["camera_control"]),
        (json!({"static_mask": image, "camera_control": camera}), &["camera_control"]),
        (json!({"static_mask": image}), &[]),
        (json!({"camera_control": camera}), &[]),
        (json!({"camera_control": {"type": "simple"}}), &["camera_control.config"]),
        (areas(6, 77), &[]),
        (areas(7, 2), &["dynamic_masks"]),
        (areas(1, 1), &["dynamic_masks[0].trajectories"]),
        (areas(1, 78), &["dynamic_masks[0].trajectories"]),
        (json!({"voice_list": voices(2), "sound": "on"}), &[]),
        (json!({"voice_list": voices(3), "sound": "on"}), &["voice_list"]),
        (json!({"voice_list": voices(1), "sound": "off"}), &["sound"]),
        (json!({"voice_list": voices(1)}), &["sound"]),
        (json!({"voice_list": voices(1), "sound": "on", "element_list": elements(1)}), &["element_list"]),
        (json!({"element_list": elements(3)}), &[]),
        (json!({"element_list": elements(4)}), &["element_list"]),
        (json!({"element_list": [{"element_id": true}]}), &["element_list[0].element_id"]),
        (json!({"element_list": [{"element_id": ""}]}), &["element_list[0].element_id"]),
        (json!({"multi_shot": true, "shot_type": "intelligence"}), &[]),
        (json!({"multi_shot": true, "shot_type": "intelligence", "image_tail": image}), &["image_tail"]),
        (json!({"aspect_ratio": "1:1"}), &["aspect_ratio"]),
    ] {
        let others = json!({"model_name": "kling-v9", "prompt": "x", "image": image});
        assert_eq!(refused(Operation::ImageToVideo, others, fields.clone()), paths, "{fields}");
    }
}

#[test]
fn masks_have_the_ratio_of_the_image_and_one_size_where_sizes_are_known() {
    let image = |size: String| {
        let Some((width, height)) = size.split_once('x') else { return Image::url(size) };
        let sides = [width, height].map(|side| side.parse::<u32>().unwrap().to_be_bytes());
        Image::bytes([&b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..], &sides.concat()].concat())
    };
    let url = "https://cat.png";
    for (image_size, fixed, moving, expected) in [
        ("1920x1080", "640x360", "640x360", &[][..]),
        ("1920x1080", "640x640", "640x360", &["static_mask: the ratio of image, 1920 × 1080 px, given 640 × 640 px"]),
        (
            "1920x1080",
            "640x360",
            "640x640",
            &["dynamic_masks[0].mask: the ratio of image, 1920 × 1080 px, given 640 × 640 px"],
        ),
        (
            "1920x1080",
            "1280x720",
            "640x360",
            &["static_mask: the size of dynamic_masks[0].mask, 640 × 360 px, given 1280 × 720 px"],
        ),
        // A side of 1068.9 pixels.
        ("1902x1080", "1069x607", "1069x607", &[]),
        (
            "1902x1080",
            "1071x607",
            "1071x607",
            &[
                "dynamic_masks[0].mask: the ratio of image, 1902 × 1080 px, given 1071 × 607 px",
                "static_mask: the ratio of image, 1902 × 1080 px, given 1071 × 607 px",
            ],
        ),
        (url, "640x640", "640x640", &[]),
        (
            url,
            "640x640",
            "640x360",
            &["static_mask: the size of dynamic_masks[0].mask, 640 × 360 px, given 640 × 640 px"],
        ),
        ("1920x1080", url, "640x360", &[]),
    ] {
        let line = [json!({"x": 1, "y": 2}), json!({"x": 3, "y": 4})];
        let data = json!({"model_name": "kling-v1", "prompt": "x", "image": image_size, "static_mask": fixed,
            "dynamic_masks": [{"mask": moving, "trajectories": line}]});
        let request = Request::from_json_with(Operation::ImageToVideo, data, image);
        let violations = request.map_or_else(|error| error.violations().to_vec(), |_| Vec::new());
        let found: Vec<_> = violations.iter().map(|found| found.to_string().replace("expected ", "")).collect();
        assert_eq!(found, expected, "{image_size} {fixed} {moving}");
    }
}

#[test]
fn what_an_omni_video_is_made_of_decides_what_else_it_needs() {
    let image = |kind: Option<&str>| json!({"image_url": "https://example.com/cat.png", "type": kind});
    let images = |count: usize| vec![image(None); count];
    let (first, end) = (image(Some("first_frame")), image(Some("end_frame")));
    let video = |kind: &str| json!([{"video_url": "https://example.com/cat.mp4", "refer_type": kind}]);
    let edit = json!({"video_list": video("base"), "duration": null, "aspect_ratio": null});
    let with = |mut fields: Value, name: &str, value: Value| {
        fields[name] = value;
        fields
    };
    for (fields, paths) in [
        (json!({}), &[][..]),
        (json!({"mode": null}), &["mode"]),
        (json!({"duration": null}), &["duration"]),
        (json!({"aspect_ratio": null}), &["aspect_ratio"]),
        (json!({"aspect_ratio": null, "image_list": [first]}), &[]),
        (json!({"image_list": [first, end]}), &[]),
        (json!({"image_list": [end]}), &["image_list"]),
        (json!({"image_list": [first], "element_list": vec![json!({"element_id": 1}); 3]}), &[]),
        (json!({"image_list": [first], "element_list": vec![json!({"element_id": 1}); 4]}), &["element_list"]),
        (json!({"image_list": [first, first]}), &["image_list"]),
        (json!({"image_list": [first, end], "multi_shot": true, "shot_type": "intelligence"}), &["image_list"]),
        (json!({"image_list": [first], "multi_shot": true, "shot_type": "intelligence"}), &[]),
        (json!({"image_list": images(7)}), &[]),
        (json!({"image_list": images(8)}), &["image_list", "image_list"]),
        (json!({"image_list": images(4), "element_list": [{"element_id": 1}]}), &[]),
        (json!({"image_list": images(4), "video_list": video("feature")}), &[]),
        (
            json!({"image_list": images(4), "element_list": [{"element_id": 1}], "video_list": video("feature")}),
            &["image_list"],
        ),
        (json!({"sound": "on"}), &[]),
        (json!({"sound": "on", "video_list": video("feature")}), &["sound"]),
        (json!({"sound": "off", "video_list": video("feature")}), &[]),
        (edit.clone(), &[]),
        (with(edit.clone(), "duration", json!("5")), &["duration"]),
        (with(edit.clone(), "aspect_ratio", json!("1:1")), &[]),
        (with(edit.clone(), "image_list", json!([first])), &["image_list"]),
        (
            with(edit.clone(), "video_list", json!([{"video_url": "cat.mp4", "refer_type": "base"}])),
            &["video_list[0].video_url"],
        ),
        (json!({"prompt": null}), &["prompt"]),
        (json!({"negative_prompt": "y"}), &["negative_prompt"]),
    ] {
        let others = json!({"model_name": "kling-v3-omni", "mode": "std", "prompt": "x", "duration": "5", "aspect_ratio": "1:1"});
        assert_eq!(refused(Operation::OmniVideo, others, fields.clone()), paths, "{fields}");
    }
}

#[test]
fn a_model_takes_what_its_line_says_and_nothing_is_known_of_another_one() {
    let image = "https://example.com/cat.png";
    let (text, frame) = (json!({"prompt": "x"}), json!({"prompt": "x", "image": image}));
    let omni = json!({"prompt": "x", "mode": "std", "duration": "5", "aspect_ratio": "1:1"});
    let shots = json!({"multi_shot": true, "shot_type": "intelligence"});
    let (camera, voices) = (json!({"type": "down_back"}), json!([{"voice_id": "8"}]));
    for (operation, model, fields, paths) in [
        (Operation::TextToVideo, "kling-v2-6", json!({"mode": "pro", "sound": "on"}), &[][..]),
        (Operation::TextToVideo, "kling-v2-6", json!({"sound": "on"}), &["sound"]),
        (Operation::TextToVideo, "kling-v2-6", json!({"sound": "off"}), &[]),
        (Operation::TextToVideo, "kling-v2-6", json!({"mode": "4k"}), &["mode"]),
        (Operation::TextToVideo, "kling-v2-6", json!({"mode": "8k"}), &[]),
        (Operation::TextToVideo, "kling-v3", json!({"mode": "4k", "duration": "15", "sound": "on"}), &[]),
        (Operation::TextToVideo, "kling-v2-6", json!({"duration": "7"}), &["duration"]),
        (Operation::TextToVideo, "kling-v2-5-turbo", json!({"cfg_scale": 0.5}), &["cfg_scale"]),
        (Operation::TextToVideo, "kling-v1", json!({"cfg_scale": 0.5}), &[]),
        (Operation::TextToVideo, "kling-v2-6", shots.clone(), &["multi_shot"]),
        (Operation::TextToVideo, "kling-v3", shots, &[]),
        (Operation::TextToVideo, "kling-v1", json!({"camera_control": camera}), &[]),
        (Operation::TextToVideo, "kling-v1", json!({"camera_control": camera, "mode": "pro"}), &["camera_control"]),
        (Operation::TextToVideo, "kling-v9", json!({"mode": "4k", "cfg_scale": 0.5, "sound": "on"}), &[]),
        (Operation::ImageToVideo, "kling-v2-6", json!({"image_tail": image, "mode": "pro"}), &[]),
        (Operation::ImageToVideo, "kling-v2-6", json!({"image_tail": image}), &["image_tail"]),
        (
            Operation::ImageToVideo,
            "kling-v2-6",
            json!({"image_tail": image, "mode": "pro", "sound": "on"}),
            &["image_tail"],
        ),
        (Operation::ImageToVideo, "kling-v3", json!({"image_tail": image}), &[]),
        (Operation::ImageToVideo, "kling-v2-6", json!({"voice_list": voices, "sound": "on", "mode": "pro"}), &[]),
        (Operation::ImageToVideo, "kling-v2-6", json!({"voice_list": voices, "sound": "on"}), &["sound", "voice_list"]),
        (Operation::ImageToVideo, "kling-v2-6", json!({"element_list": [{"element_id": 1}]}), &["element_list"]),
        (Operation::ImageToVideo, "kling-v1", json!({"static_mask": image, "duration": "10"}), &["static_mask"]),
        (Operation::OmniVideo, "kling-video-o1", json!({"duration": "10"}), &[]),
        (Operation::OmniVideo, "kling-video-o1", json!({"duration": "7"}), &["duration"]),
        (Operation::OmniVideo, "kling-video-o1", json!({"duration": "7", "element_list": [{"element_id": 1}]}), &[]),
        (Operation::OmniVideo, "kling-video-o1", json!({"duration": "12"}), &["duration", "duration"]),
        (Operation::OmniVideo, "kling-v3-omni", json!({"duration": "12", "mode": "4k", "sound": "on"}), &[]),
        (Operation::OmniVideo, "kling-video-o1", json!({"sound": "on"}), &["sound"]),
    ] {
        let mut others = match operation {
            Operation::TextToVideo => text.clone(),
            Operation::ImageToVideo => frame.clone(),
            _ => omni.clone(),
        };
        others["model_name"] = model.into();
        let mut found = refused(operation, others, fields.clone());
        found.sort();
        assert_eq!(found, paths, "{model} {fields}");
    }
    let request = TextToVideo::builder().model(Model::KlingV2_6).prompt("x").sound(true).build();
    let expected = "sound: expected nothing with kling-v2-6 unless mode is pro (Kling's capability map, 2026-05-19), given mode std";
    assert_eq!(request.unwrap_err().violations()[0].to_string(), expected);
    let unchecked = TextToVideo::builder().model(Model::KlingV2_6).prompt("x").sound(true).build_unchecked();
    assert_eq!(unchecked.unwrap().remarks(), []);
    let retired = TextToVideo::builder().model(Model::KlingV1).prompt("x").build().unwrap();
    let expected = "model_name: Kling has retired kling-v1 here (by 2026-09-20); a gateway may still serve it. \
                    Served: kling-v2-5-turbo, kling-v2-6, kling-v3";
    assert_eq!(retired.remarks()[0].to_string(), expected);
    // A violation does not hide it.
    let invalid = TextToVideo::builder().model(Model::KlingV1).prompt("x").cfg_scale(2.0).build().unwrap_err();
    assert_eq!((invalid.violations().len(), invalid.remarks()), (1, retired.remarks()));
    assert_eq!(retired.extra("prompt", "y").unwrap_err().remarks(), invalid.remarks());
}

#[test]
fn a_prompt_that_names_what_the_request_lacks_and_a_voice_without_a_name_are_remarks() {
    let image = json!({"image_url": "https://example.com/cat.png"});
    let omni = |prompt: &str| {
        json!({"model_name": "kling-v3-omni", "mode": "std", "duration": "5", "aspect_ratio": "1:1", "prompt": prompt,
            "image_list": [image, image], "element_list": [{"element_id": 8}]})
    };
    let voices = |prompt: &str| {
        json!({"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "image": "https://example.com/cat.png",
            "voice_list": [{"voice_id": "7"}, {"voice_id": "8"}], "prompt": prompt})
    };
    let shot = |index: u32, prompt: &str| json!({"index": index, "prompt": prompt, "duration": "4"});
    let shots = json!({"model_name": "kling-v3", "duration": "8", "multi_shot": true, "shot_type": "customize",
        "multi_prompt": [shot(1, "x"), shot(2, "<<<image_1>>>")]});
    let lacks = |path: &str, name: &str| format!("{path}: it names <<<{name}>>>, which the request lacks");
    let unnamed = |name: &str| format!("voice_list: no prompt names <<<{name}>>>, which then has no effect");
    for (operation, data, expected) in [
        (Operation::OmniVideo, omni("<<<image_1>>> <<<image_2>>> <<<element_1>>>"), vec![]),
        (
            Operation::OmniVideo,
            omni("<<<image_3>>> <<<element_2>>> <<<video_1>>> <<<image_0>>> <<<image_3>>>"),
            vec![
                lacks("prompt", "image_0"),
                lacks("prompt", "image_3"),
                lacks("prompt", "element_2"),
                lacks("prompt", "video_1"),
            ],
        ),
        // No names, or none that is known.
        (Operation::OmniVideo, omni("image_3 <<<image>>> <<image_3>> <<<image_x>>> <<<object_3>>> <<<image_3"), vec![]),
        (Operation::ImageToVideo, voices("<<<voice_1>>> and <<<voice_2>>> of <<<image_1>>>"), vec![]),
        (Operation::ImageToVideo, voices("<<<voice_1>>>"), vec![unnamed("voice_2")]),
        (Operation::ImageToVideo, voices("x"), vec![unnamed("voice_1"), unnamed("voice_2")]),
        (Operation::TextToVideo, shots, vec![lacks("multi_prompt[1].prompt", "image_1")]),
    ] {
        let request = Request::from_json(operation, data.clone()).unwrap();
        let found: Vec<_> = request.remarks().iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{data}");
    }
}

#[test]
fn an_unknown_field_is_named_with_the_one_that_is_meant_and_an_unknown_value_is_a_remark() {
    let data = json!({"model_name": "kling-v9", "prompt": "x", "negativ_prompt": "y", "seed": 1});
    let error = Request::from_json(Operation::TextToVideo, data.clone()).unwrap_err();
    let found: Vec<_> = error.violations().iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "negativ_prompt: expected a field of this operation, given an unknown field; is negative_prompt meant?",
            "seed: expected a field of this operation, given an unknown field",
        ]
    );
    let request = Request::from_json_unchecked(Operation::TextToVideo, data, Image::from_wire).unwrap();
    assert_eq!(sent(&request)["seed"], 1);
    let remark = &request.remarks()[0];
    assert_eq!(remark.path, "model_name");
    assert!(remark.message.starts_with("\"kling-v9\" is not a known value (kling-v1, "), "{remark}");
}

#[test]
fn no_code_outside_the_operations_names_one() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![source.clone()];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.extend((path != source.join("operations")).then_some(path));
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            // Documentation shows examples; tests use what there is.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                read += 1;
                for name in [
                    "MultiImageToVideo",
                    "TextToVideo",
                    "multi_image",
                    "text_to_video",
                    "image2video",
                    "text2video",
                    "OmniVideo",
                    "omni_video",
                    "omni-video",
                ] {
                    assert!(!line.contains(name), "{}: {line}", path.display());
                }
            }
        }
    }
    assert!(read > 1000, "{read} lines of code were read");
}

#[tokio::test]
async fn every_operation_is_created_queried_and_listed_at_its_own_path() {
    for row in ROWS {
        let (server, lines) = recording(vec![json!({}); 3]).await;
        let client = Client::builder("key").base_url(server).look_up_at([]).build().unwrap();
        let request = Request::from_json(row.name.into(), samples(&row.name.into()).remove(0)).unwrap();
        let _ = client.submit(request).await;
        let target = crate::client::Target { row, id: "7", external: None, secrets: &[] };
        let _ = client.get(target, std::time::Duration::MAX).await;
        let _ = client.list_page(row, crate::row::Page { number: 2, size: 3 }).await;
        let lines = lines.lock().unwrap();
        let path = lines[0].strip_prefix("POST ").unwrap();
        assert!(path.starts_with("/kling/v1/") && path.ends_with(&format!("/{}", row.name)), "{path}");
        assert_eq!(lines[1..], [format!("GET {path}/7"), format!("GET {path}?pageNum=2&pageSize=3")]);
    }
}

/// Media in a list of objects in a list, and images as outputs.
#[derive(Serialize, Deserialize, JsonSchema, bon::Builder)]
#[builder(finish_fn(name = fields, vis = ""))]
struct Album {
    #[builder(field)]
    #[serde(flatten)]
    common: Common,
    cover: Option<Image>,
    pages: Vec<Sheet>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Sheet {
    pictures: Vec<Image>,
    title: String,
}

impl Album {
    fn rules(&self, found: &mut Vec<Violation>) {
        if self.cover.is_none() && self.pages.len() > 1 {
            found.push(Violation::new("cover", "an image where there are several pages", "nothing"));
        }
    }
}

// The document has no such operation: its calls go where those of another one do.
task! {
    Album, AlbumBuilder, album_builder: "album" makes Image;
    create_text_to_video, get_text_to_video, list_text_to_video, CreateTextToVideoBody
}

fn pieces(request: &Request) -> Vec<String> {
    let piece = |piece: &Segment| match piece {
        Segment::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Segment::Bytes(bytes) => format!("<{}>", bytes.len()),
        Segment::File(_) => "<file>".to_owned(),
    };
    request.body().iter().map(piece).collect()
}

#[test]
fn media_at_any_depth_are_cut_out_of_the_json_whatever_stands_around_them() {
    let sheet = |title: &str, sizes: &[usize]| Sheet {
        pictures: sizes.iter().map(|size| Image::bytes(vec![0xff; *size])).collect(),
        title: title.to_owned(),
    };
    let album = Album::builder()
        .pages(vec![sheet("\"pictures\":[0]", &[1, 2]), sheet("0", &[3])])
        .cover(Image::url("https://example.com/\"x\""))
        .without_external_task_id()
        .build_unchecked()
        .unwrap();
    assert_eq!(
        pieces(&album).concat(),
        "{\"cover\":\"https://example.com/\\\"x\\\"\",\"pages\":[{\"pictures\":[\"<1>\",\"<2>\"],\
         \"title\":\"\\\"pictures\\\":[0]\"},{\"pictures\":[\"<3>\"],\"title\":\"0\"}]}"
    );

    // A number is no image, whatever stands before it.
    let data = json!({"pages": [{"pictures": ["a", 0], "title": "x"}]});
    let draft = Draft { body: data, media: Vec::new(), extra: serde_json::Map::new(), anonymous: true };
    let error = Request::new(Album::ROW, draft, true, &mut |_| Image::url("https://example.com/a.png")).unwrap_err();
    assert_eq!(error.violations().len(), 1, "{error}");
    assert_eq!(error.violations()[0].path, "pages[0].pictures[1]");

    // By data, with a resolver of the caller's, and with violations where they are.
    let data = json!({"pages": [{"pictures": ["a", "b"], "title": "x"}, {"pictures": [], "title": "y"}]});
    let draft = Draft { body: data, media: Vec::new(), extra: serde_json::Map::new(), anonymous: true };
    let error = Request::new(Album::ROW, draft, true, &mut |name| Image::bytes(name)).unwrap_err();
    let paths: Vec<_> = error.violations().iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(paths, ["cover", "pages[0].pictures[0]", "pages[0].pictures[1]"]);
}

#[tokio::test]
async fn an_operation_whose_tasks_make_images_waits_for_images() {
    let server = answering(vec![
        json!({"code": 0, "data": {"task_id": "7", "task_status": "submitted", "task_info": {"external_task_id": "a"}}}),
        json!({"code": 0, "data": {"task_id": "7", "task_status": "succeed", "task_result": {
            "images": [{"index": 0, "url": "https://cdn.example/a.png"}, {"index": 1, "url": "https://cdn.example/b.png"}],
            "videos": [],
        }}}),
    ])
    .await;
    let client = Client::builder("key").base_url(&server).expected(std::time::Duration::ZERO).build().unwrap();
    let album = Album::builder().pages(Vec::new()).external_task_id("a").build_unchecked().unwrap();
    let finished = client.submit(album).await.unwrap().wait().await.unwrap();
    let urls: Vec<_> = finished.images().map(|image| (image.index, image.url.as_str())).collect();
    assert_eq!(urls, [(0, "https://cdn.example/a.png"), (1, "https://cdn.example/b.png")]);
    assert_eq!(finished.videos().count(), 0);
}

/// Answered at once.
#[derive(Serialize, Deserialize, JsonSchema, bon::Builder)]
#[builder(finish_fn(name = fields, vis = ""))]
struct Count {
    #[builder(field)]
    #[serde(flatten)]
    common: Extra,
    #[schemars(range(max = 9))]
    up_to: u32,
}

impl Count {
    fn rules(&self, _: &mut Vec<Violation>) {}
}

#[derive(Deserialize, Debug)]
struct Counted {
    numbers: Vec<u32>,
}

at_once! {
    Count, CountBuilder, count_builder: "count" answers Counted; create_text_to_video, CreateTextToVideoBody
}

#[tokio::test]
async fn a_call_is_answered_at_once_and_a_lost_response_is_ambiguous() {
    let counted = json!({"code": 0, "request_id": "r", "data": {"numbers": [1, 2]}});
    let failed = json!({"code": 0, "data": {"task_status": "failed", "task_status_msg": "no voice for my-key"}});
    let refused = json!({"code": 1201, "message": "up_to is too large", "data": null});
    let server = answering(vec![counted, failed, refused, json!({"code": 0, "data": {"numbers": "none"}})]).await;
    let client = Client::builder("my-key").base_url(&server).build().unwrap();
    let call = || Count::builder().up_to(2).extra("from", 1).build().unwrap();
    assert_eq!(client.call(call()).await.unwrap().numbers, [1, 2]);
    for (kind, part) in [
        (ErrorKind::TaskFailed, "no voice for ***"),
        (ErrorKind::Rejected, "up_to is too large"),
        (ErrorKind::UnexpectedResponse, "cannot be read"),
        // The server is gone after the request was sent whole.
        (ErrorKind::Ambiguous, ""),
    ] {
        let error = client.call(call()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(part) && error.operation() == Some("count"), "{error}");
        assert!(!error.to_string().contains("my-key"), "{error}");
    }
    let paths: Vec<_> = Count::builder().up_to(10).build().unwrap_err().violations().to_vec();
    assert_eq!(paths[0].path, "up_to");
}

/// The base URL of a server that gives these responses, one to each request, and then hangs up on one.
async fn answering(responses: Vec<Value>) -> String {
    recording(responses).await.0
}

/// The same, with the first lines of the requests that it received.
async fn recording(responses: Vec<Value>) -> (String, Arc<Mutex<Vec<String>>>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let lines = Arc::new(Mutex::new(Vec::new()));
    let received = Arc::clone(&lines);
    tokio::spawn(async move {
        let mut responses = responses.into_iter().map(Some).chain([None]);
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
            let is_whole = |text: &[u8]| {
                let text = String::from_utf8_lossy(text);
                let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
                let length =
                    head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                body.len() >= length.unwrap_or(0)
            };
            while !is_whole(&text) {
                let count = socket.read(&mut chunk).await.unwrap();
                text.extend(&chunk[..count]);
            }
            let text = String::from_utf8_lossy(&text);
            received.lock().unwrap().push(text.lines().next().unwrap_or_default().replace(" HTTP/1.1", ""));
            let Some(Some(response)) = responses.next() else { continue };
            let body = response.to_string();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            socket.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.unwrap();
        }
    });
    (base, lines)
}
