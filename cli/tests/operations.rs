//! What the options of each operation send, and how they are refused: each command line against the sandbox.

mod support;

use std::collections::BTreeSet;
use std::process::Stdio;

use kling_sandbox::Sandbox;
use serde_json::{Value, json};
use support::{KEY, PROMPT, directory, finished, image, kling, run};

const CAT: &str = "https://example.com/cat.png";
const HAT: &str = "https://example.com/hat.jpg";
const MASK: &str = "https://example.com/mask.png";

/// One that takes retired models as well, as a gateway may.
async fn sandbox() -> Sandbox {
    Sandbox::builder().key(KEY).clock(kling_sandbox::Clock::manual()).any_model(true).start().await.unwrap()
}

fn last_body(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(sandbox.requests().pop().unwrap().body.bytes.as_ref().unwrap()).unwrap()
}

/// The document that the client is generated from.
fn document() -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.yaml");
    yaml_serde::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What a body has that the document's schema of an operation forbids.
fn contradictions(document: &Value, operation: &str, body: &Value) -> Vec<String> {
    let pointer = format!("/paths/~1kling~1v1~1videos~1{operation}/post/requestBody/content/application~1json/schema");
    let mut schema = document.pointer(&pointer).unwrap_or_else(|| panic!("{operation} is not in the document")).clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(body).map(|error| error.to_string()).collect()
}

/// For each operation its command lines, and the fields that arrive beside the prompt and the external id.
fn table(shots: &str) -> Vec<(&'static str, Vec<String>, Value)> {
    let of = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let prompt = |words: &[&str]| [of(words), of(&["-p", PROMPT])].concat();
    let many_shots = ["--multi-shot", "true", "--shot-type", "customize", "--duration", "8", "--shots"];
    let in_shots = |model: &str, words: &[&str]| [of(&["--model", model]), of(&many_shots), of(words)].concat();
    let [first, second] = [("A cat", "5", 1), ("A hat", "3", 2)]
        .map(|(prompt, duration, index)| json!({"index": index, "prompt": prompt, "duration": duration}));
    let as_shots = |model: &str, more: Value| {
        let mut fields = json!({"model_name": model, "multi_shot": true, "shot_type": "customize", "duration": "8",
            "mode": "std", "multi_prompt": [first, second]});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fields
    };
    let file = format!("@{shots}");
    let (one, two) = (first.to_string(), second.to_string());
    vec![
        (
            "multi-image2video",
            prompt(&[
                "-i",
                CAT,
                HAT,
                "--image",
                CAT,
                "--negative-prompt",
                "dogs",
                "--mode",
                "pro",
                "--duration",
                "10",
                "--aspect-ratio",
                "1:1",
                "--model",
                "kling-v1-6",
                "--watermark",
                "--callback-url",
                "https://example.com/x",
            ]),
            json!({"image_list": [{"image": CAT}, {"image": HAT}, {"image": CAT}], "negative_prompt": "dogs",
                "mode": "pro", "duration": "10", "aspect_ratio": "1:1", "model_name": "kling-v1-6",
                "watermark_info": {"enabled": true}, "callback_url": "https://example.com/x"}),
        ),
        (
            "text2video",
            prompt(&[
                "--model",
                "kling-v1",
                "--negative-prompt",
                "dogs",
                "--aspect-ratio",
                "9:16",
                "--cfg-scale",
                "0.25",
                "--camera",
                r#"{"type": "simple", "config": {"zoom": -5.5}}"#,
                "--watermark",
                "false",
                "--sound",
                "off",
                "--callback-url",
                "https://example.com/x",
            ]),
            json!({"model_name": "kling-v1", "mode": "std", "duration": "5", "negative_prompt": "dogs",
                "aspect_ratio": "9:16", "cfg_scale": 0.25, "sound": "off", "callback_url": "https://example.com/x",
                "camera_control": {"type": "simple", "config": {"zoom": -5.5}}, "watermark_info": {"enabled": false}}),
        ),
        (
            "text2video",
            prompt(&["--model", "kling-v1", "--camera", "down_back"]),
            json!({"model_name": "kling-v1", "mode": "std", "duration": "5", "camera_control": {"type": "down_back"}}),
        ),
        ("text2video", in_shots("kling-v3", &[&file]), as_shots("kling-v3", json!({}))),
        ("text2video", in_shots("kling-v3", &[&one, "--shots", &two]), as_shots("kling-v3", json!({}))),
        (
            "image2video",
            prompt(&[
                "--model",
                "kling-v2-6",
                "-i",
                CAT,
                "--image-tail",
                HAT,
                "--mode",
                "pro",
                "--negative-prompt",
                "dogs",
                "--sound",
                "off",
                "--watermark",
                "true",
                "--callback-url",
                "https://example.com/x",
            ]),
            json!({"model_name": "kling-v2-6", "image": CAT, "image_tail": HAT, "mode": "pro", "duration": "5",
                "negative_prompt": "dogs", "sound": "off", "watermark_info": {"enabled": true},
                "callback_url": "https://example.com/x"}),
        ),
        (
            "image2video",
            prompt(&[
                "--model",
                "kling-v2-6",
                "-i",
                CAT,
                "--mode",
                "pro",
                "--sound",
                "on",
                "--voice",
                "v1",
                "--voice",
                "822",
            ]),
            json!({"model_name": "kling-v2-6", "image": CAT, "mode": "pro", "duration": "5", "sound": "on",
                "voice_list": [{"voice_id": "v1"}, {"voice_id": "822"}]}),
        ),
        (
            // Beyond what a float holds, and beyond 64 bits.
            "image2video",
            prompt(&[
                "--model",
                "kling-v3",
                "-i",
                CAT,
                "--element",
                "9007199254740993",
                "u_07",
                "--element",
                "18446744073709551616",
            ]),
            json!({"model_name": "kling-v3", "image": CAT, "mode": "std", "duration": "5", "element_list": [
                {"element_id": 9_007_199_254_740_993_u64}, {"element_id": "u_07"}, {"element_id": "18446744073709551616"}]}),
        ),
        (
            "image2video",
            prompt(&[
                "--model",
                "kling-v1",
                "-i",
                CAT,
                "--cfg-scale",
                "1",
                "--static-mask",
                MASK,
                "--dynamic-masks",
                r#"[{"mask": "https://example.com/mask.png", "trajectories": [{"x": 1, "y": -2}, {"x": 3, "y": 4}]}]"#,
            ]),
            json!({"model_name": "kling-v1", "image": CAT, "mode": "std", "duration": "5", "cfg_scale": 1,
                "static_mask": MASK, "dynamic_masks": [{"mask": MASK, "trajectories": [{"x": 1, "y": -2}, {"x": 3, "y": 4}]}]}),
        ),
        (
            "image2video",
            prompt(&[
                "--model",
                "kling-v1-5",
                "-i",
                CAT,
                "--mode",
                "pro",
                "--camera",
                r#"{"type":"simple","config":{"pan":1}}"#,
            ]),
            json!({"model_name": "kling-v1-5", "image": CAT, "mode": "pro", "duration": "5",
                "camera_control": {"type": "simple", "config": {"pan": 1}}}),
        ),
        ("image2video", in_shots("kling-v3", &[&one, &two, "-i", CAT]), as_shots("kling-v3", json!({"image": CAT}))),
        (
            "omni-video",
            prompt(&[
                "--model",
                "kling-v3-omni",
                "--mode",
                "4k",
                "-i",
                CAT,
                r#"{"image_url": "https://example.com/hat.jpg"}"#,
                "--element",
                "7",
                "--duration",
                "15",
                "--aspect-ratio",
                "16:9",
                "--sound",
                "on",
                "--watermark",
                "--callback-url",
                "https://example.com/x",
            ]),
            json!({"model_name": "kling-v3-omni", "mode": "4k", "image_list": [{"image_url": CAT}, {"image_url": HAT}],
                "element_list": [{"element_id": 7}], "duration": "15", "aspect_ratio": "16:9", "sound": "on",
                "watermark_info": {"enabled": true}, "callback_url": "https://example.com/x"}),
        ),
        (
            "omni-video",
            prompt(&[
                "--model",
                "kling-video-o1",
                "--mode",
                "std",
                "--duration",
                "5",
                "--image",
                r#"[{"image_url": "https://example.com/cat.png", "type": "first_frame"},
                    {"image_url": "https://example.com/hat.jpg", "type": "end_frame"}]"#,
            ]),
            json!({"model_name": "kling-video-o1", "mode": "std", "duration": "5", "image_list": [
                {"image_url": CAT, "type": "first_frame"}, {"image_url": HAT, "type": "end_frame"}]}),
        ),
        (
            "omni-video",
            prompt(&[
                "--model",
                "kling-video-o1",
                "--mode",
                "pro",
                "--video",
                r#"{"video_url": "https://example.com/a.mp4", "refer_type": "base", "keep_original_sound": "no"}"#,
            ]),
            json!({"model_name": "kling-video-o1", "mode": "pro", "video_list": [{"video_url": "https://example.com/a.mp4",
                "refer_type": "base", "keep_original_sound": "no"}]}),
        ),
        (
            "omni-video",
            in_shots("kling-v3-omni", &[&file, "--mode", "std", "--aspect-ratio", "1:1"]),
            as_shots("kling-v3-omni", json!({"aspect_ratio": "1:1"})),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_every_operation_has_an_option_that_sends_it() {
    let sandbox = sandbox().await;
    let shots = directory("every_field").join("shots.json");
    let both =
        json!([{"index": 1, "prompt": "A cat", "duration": "5"}, {"index": 2, "prompt": "A hat", "duration": "3"}]);
    std::fs::write(&shots, both.to_string()).unwrap();
    let (mut sent, document) = (BTreeSet::new(), document());
    for (at, (operation, words, mut expected)) in table(shots.to_str().unwrap()).into_iter().enumerate() {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let checked = run(&sandbox, &[&["check", operation], &words[..]].concat()).exits(0);
        assert!(checked.stdout.contains("valid; "), "{checked:?}");
        assert_eq!(sandbox.requests().len(), at);
        let id = format!("mine-{at}");
        run(&sandbox, &[&["generate", operation], &words[..], &["--no-wait", "--external-id", &id]].concat()).exits(0);
        expected["external_task_id"] = id.into();
        if words.contains(&PROMPT) {
            expected["prompt"] = PROMPT.into();
        }
        let body = last_body(&sandbox);
        assert_eq!(body, expected, "{operation} {words:?}");
        assert_eq!(contradictions(&document, operation, &body), [""; 0], "{operation} {words:?}");
        let wrong = json!({"model_name": 7});
        assert_ne!(contradictions(&document, operation, &wrong), [""; 0], "{operation}");
        sent.extend(body.as_object().unwrap().keys().map(|property| (operation, property.clone())));
    }
    for operation in kling_client::Operation::all() {
        for property in operation.json_schema().unwrap()["properties"].as_object().unwrap().keys() {
            assert!(sent.contains(&(operation.as_str(), property.clone())), "{operation} {property}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn media_are_files_at_any_place_and_one_may_be_standard_input() {
    let sandbox = sandbox().await;
    let cat = image("cat.png");
    let cat = cat.to_str().unwrap();
    let masks = json!([{"mask": cat, "trajectories": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}]).to_string();
    let omni = json!({"image_url": cat, "type": "first_frame"}).to_string();
    let cases = [
        vec!["image2video", "--model", "kling-v1", "-i", "-", "--static-mask", cat, "--dynamic-masks", &masks],
        vec!["image2video", "--model", "kling-v3", "-i", cat, "--image-tail", "-"],
        vec!["omni-video", "--model", "kling-v3-omni", "--mode", "std", "--duration", "5", "-i", "-", &omni],
    ];
    for (words, count) in cases.into_iter().zip([3, 2, 2]) {
        let words = [&["generate"], &words[..], &["-p", PROMPT, "--no-wait"]].concat();
        let mut command = kling(sandbox.base_url(), &words);
        command.stdin(Stdio::from(std::fs::File::open(cat).unwrap()));
        finished(command.output().unwrap()).exits(0);
        let images = sandbox.requests().pop().unwrap().body.images;
        let is_file = |image: &kling_sandbox::ReceivedImage| matches!(image, kling_sandbox::ReceivedImage::File { .. });
        assert_eq!((images.len(), images.iter().all(is_file)), (count, true), "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_structured_value_is_refused_with_its_option_its_place_and_what_is_expected() {
    let sandbox = sandbox().await;
    let broken = directory("broken").join("shots.json");
    std::fs::write(&broken, "[{\"index\": 1,\n \"prompt\": nonsense}]").unwrap();
    let in_file = format!("@{}", broken.display());
    let secret = format!(r#"[{{"prompt": "{PROMPT}", "index": 1"#);
    let path_of =
        |path: &str| json!([{"mask": path, "trajectories": [{"x": 1, "y": 2}, {"x": "3", "y": 4}]}]).to_string();
    let (masks, wrong) = (path_of(MASK), path_of("nope.png"));
    let text = ["check", "text2video", "--model", "kling-v1", "-p", PROMPT];
    let shots = ["check", "text2video", "--model", "kling-v3", "--multi-shot", "--shot-type", "customize", "--shots"];
    let image = ["check", "image2video", "--model", "kling-v1", "-p", PROMPT, "-i", CAT];
    let omni = ["check", "omni-video", "--model", "kling-v3-omni", "--mode", "std", "--duration", "5", "-p", PROMPT];
    let shot = "multi_prompt (--shots): expected JSON of {duration, index, prompt}, or @FILE, given ";
    for (words, more, expected) in [
        (&shots[..], &[&*secret][..], format!("{shot}broken JSON: EOF while parsing")),
        (&shots, &[&in_file], format!("{shot}broken JSON: expected ident at line 2 column ")),
        (&shots, &["@nowhere.json"], format!("{shot}nowhere.json: No such file")),
        (&shots, &[r#"{"index": 1, "prompt": "x", "duration": 5}"#],
            "multi_prompt[0].duration (--shots): expected a string, given a number".into()),
        (&shots, &[r#"{"index": 1, "duration": "5"}"#],
            "multi_prompt[0].prompt (--shots): expected 1–512 characters, given nothing".into()),
        (&shots, &[r#"{"index": 1, "prompt": "x", "duration": "4"}"#],
            "multi_prompt (--shots): expected shots whose durations add up".into()),
        (&text, &["--camera", "simple"],
            "camera_control.config (--camera): expected exactly one value other than 0, given nothing".into()),
        (&text, &["--camera", r#"{"type": "simple", "config": {"zoom": 11}}"#],
            "camera_control.config.zoom (--camera): expected -10 to 10, given 11".into()),
        (&image, &["--dynamic-masks", &masks],
            "dynamic_masks[0].trajectories[1].x: expected an integer, given 1 characters".into()),
        (&image, &["--dynamic-masks", &wrong], "dynamic_masks[0].mask: expected a readable file, given nope.png: ".into()),
        (&omni, &["--aspect-ratio", "1:1", "-i", r#"{"image_url": "nope.png"}"#],
            "image_list[0].image_url (--image): expected a readable file, given nope.png: ".into()),
        (&omni, &["-i", r#"{"image": "cat.png"}"#],
            "image_list[0].image_url (--image): expected a URL or Base64 of an image, given nothing".into()),
        (&omni, &["--video", "https://example.com/a.mp4"],
            "video_list (--video): expected JSON of {keep_original_sound, refer_type, video_url}, or @FILE, given broken JSON: ".into()),
        (&omni, &["--video", r#"{"video_url": "a.mp4", "refer_type": "base"}"#],
            "video_list[0].video_url (--video): expected a public http or https URL".into()),
    ] {
        let words = [words, more].concat();
        let refused = run(&sandbox, &words).exits(2);
        let told = format!("{}{}", refused.stdout, refused.stderr);
        assert!(told.contains(&expected), "{expected:?} is missing: {told}");
        // In JSON as well, by the path alone.
        let json = run(&sandbox, &[&words[..], &["--json"]].concat()).exits(2).json();
        let found = json["violations"].as_array().cloned().unwrap_or_else(|| vec![json["error"].clone()]);
        let path = expected.split([':', ' ']).next().unwrap();
        assert!(found.iter().any(|found| found["path"] == path || found["message"].to_string().contains(path)), "{json}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_model_is_a_remark_that_keeps_nobody_from_submitting() {
    let sandbox = sandbox().await;
    let words = ["text2video", "--model", "kling-v1-6", "-p", PROMPT];
    let remark = "model_name: Kling has retired kling-v1-6 here (by 2026-10-01); a gateway may still serve it";
    let checked = run(&sandbox, &[&["check"], &words[..]].concat()).exits(0);
    assert!(checked.stdout.starts_with(remark) && checked.stdout.contains("\nvalid; "), "{checked:?}");
    let json = run(&sandbox, &[&["check", "--json"], &words[..]].concat()).exits(0).json();
    assert_eq!((&json["violations"], &json["remarks"][0]["path"]), (&json!([]), &json!("model_name")));
    let generated = run(&sandbox, &[&["generate"], &words[..]].concat()).exits(0);
    assert!(generated.stderr.contains(remark), "{generated:?}");
    let json = run(&sandbox, &[&["generate", "--json"], &words[..]].concat()).exits(0).json();
    assert_eq!((&json["status"], &json["remarks"][0]["path"]), (&json!("succeed"), &json!("model_name")));
    let sent = sandbox.requests().len();

    // Neither a violation, an unknown value, nor a file that cannot be written hides it.
    for more in [["--cfg-scale", "2"], ["--mode", "prp"], ["-o", "nowhere/cat.mp4"]] {
        let words = [&words[..], &more].concat();
        let generated = run(&sandbox, &[&["generate"], &words[..]].concat()).exits(2);
        assert!(generated.stderr.contains(remark) && generated.stderr.contains(": expected "), "{generated:?}");
        let error = run(&sandbox, &[&["generate", "--json"], &words[..]].concat()).exits(2).error();
        let paths: Vec<_> = error["remarks"].as_array().unwrap().iter().map(|remark| &remark["path"]).collect();
        assert_eq!(paths, ["model_name"], "{error}");
    }
    let words = [&words[..], &["--cfg-scale", "2"]].concat();
    let checked = run(&sandbox, &[&["check"], &words[..]].concat()).exits(2);
    assert!(
        checked.stdout.starts_with(remark) && checked.stdout.contains("\ncfg_scale: expected 0–1, given 2\n"),
        "{checked:?}"
    );
    let json = run(&sandbox, &[&["check", "--json"], &words[..]].concat()).exits(2).json();
    assert_eq!(
        (&json["violations"][0]["path"], &json["remarks"][0]["path"]),
        (&json!("cfg_scale"), &json!("model_name"))
    );
    assert_eq!(sandbox.requests().len(), sent);
}

#[test]
fn the_operations_are_listed_with_their_models() {
    let printed = |words: &[&str]| finished(kling("", words).output().unwrap()).exits(0);
    let people = printed(&["operations"]).stdout;
    let text = "text2video: A video from a prompt, or from several shots\n  output: video\n  \
                models: kling-v2-5-turbo, kling-v2-6, kling-v3\n  \
                retired: kling-v1, kling-v1-6, kling-v2-master, kling-v2-1-master\n  \
                fields: kling generate text2video --help, kling schema text2video\n";
    assert!(people.contains(text), "{people}");
    let json = printed(&["operations", "--json"]).json();
    let names: Vec<_> = json.as_array().unwrap().iter().filter_map(|operation| operation["name"].as_str()).collect();
    assert_eq!(names, kling_client::Operation::KNOWN);
    assert_eq!(json[0]["models"], json!([{"name": "kling-v1-6"}]));
    assert_eq!(json[1]["models"][0], json!({"name": "kling-v1", "retired": "2026-09-20"}));
    assert_eq!((&json[3]["output"], &json[3]["fields"]), (&json!("video"), &json!("kling schema omni-video")));
}
