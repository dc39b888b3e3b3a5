//! Which requests are accepted, and how the others are refused.

use super::*;

#[tokio::test]
async fn a_create_has_the_recorded_response() {
    let sandbox = start().await;
    let (status, answer) = Caller::new(&sandbox).post(&body()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["code"], 0);
    assert_eq!(answer["message"], "SUCCEED");
    assert_eq!(text(&answer["request_id"]).len(), 36);
    let data = answer["data"].as_object().expect("data is an object");
    let fields: Vec<&str> = data.keys().map(String::as_str).collect();
    assert_eq!(fields, ["created_at", "task_id", "task_info", "task_status", "updated_at"]);
    assert_eq!(data["task_status"], "submitted");
    assert_eq!(data["task_info"], json!({}));
    assert_eq!(data["created_at"], data["updated_at"]);
    let id = text(&data["task_id"]);
    assert!(id.len() == 18 && id.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
}

#[tokio::test]
async fn every_field_of_the_reference_is_accepted() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    for (name, value) in [
        ("negative_prompt", json!("")),
        ("negative_prompt", json!("ä".repeat(2500))),
        ("prompt", json!("猫".repeat(2500))),
        ("mode", json!("pro")),
        ("duration", json!("10")),
        ("aspect_ratio", json!("16:9")),
        ("aspect_ratio", json!("9:16")),
        ("aspect_ratio", json!("1:1")),
        ("callback_url", json!("")),
        ("callback_url", json!("https://example.com/told")),
        ("external_task_id", json!("mine")),
        ("watermark_info", json!({"enabled": true})),
        ("cfg_scale", json!(0.5)),
    ] {
        let (status, answer) = caller.post(&body_with(name, value)).await;
        assert_eq!(status, StatusCode::OK, "{name}: {answer}");
    }
    for count in 1..=4 {
        let id = caller.submit(&body_of(&[CAT, HAT, HAT, CAT][..count])).await;
        assert!(!id.is_empty());
    }
}

#[tokio::test]
async fn each_violation_is_refused_by_name_and_makes_no_task() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let image = |value: Value| json!([{"image": "https://example.com/a.png"}, {"image": value}]);
    let data_url = format!("data:image/png;base64,{}", base64(CAT));
    let not_base64 = "File is not in a valid base64 format";
    for (name, value, message) in [
        ("duration", json!(5), "duration value 5 is invalid"),
        ("duration", json!("99"), "duration value '99' is invalid"),
        ("duration", Value::Null, "duration can not be null"),
        ("mode", json!("fast"), "mode value 'fast' is invalid"),
        ("mode", json!("x".repeat(300)), "mode value of 300 characters is invalid"),
        ("aspect_ratio", json!("4:3"), "aspect_ratio value '4:3' is invalid"),
        ("aspect_ratio", json!(""), "aspect_ratio value '' is invalid"),
        ("prompt", json!("猫".repeat(2501)), "prompt has 2501 characters, at most 2500"),
        ("negative_prompt", json!("é".repeat(2501)), "negative_prompt has 2501 characters"),
        ("negative_prompt", json!(["a"]), "negative_prompt value of type array is invalid"),
        ("external_task_id", json!(7), "external_task_id value 7 is invalid"),
        ("watermark_info", json!(true), "watermark_info value true is invalid"),
        ("image_list", json!([]), "image_list has 0 entries"),
        ("image_list", json!(vec![json!({"image": "https://a.b/c.png"}); 5]), "image_list has 5 entries"),
        ("image_list", json!("https://example.com/a.png"), "image_list value of 25 characters is invalid"),
        ("image_list", json!(["https://example.com/a.png"]), "image_list[0] value of 25 characters is invalid"),
        ("image_list", json!([{}]), "image can not be null"),
        ("image_list", image(Value::Null), "image can not be null"),
        ("image_list", image(json!("")), "image can not be null"),
        ("image_list", image(json!(3)), "image_list[1].image value 3 is invalid"),
        ("image_list", image(json!(data_url)), not_base64),
        ("image_list", image(json!("no base64!")), not_base64),
        ("image_list", image(json!(base64(b"some text"))), "image_list[1].image: the file is not a readable JPEG"),
        ("image_list", image(json!(base64(&CAT[..12]))), "image_list[1].image: the file is not a readable JPEG"),
    ] {
        let (status, answer) = caller.post(&body_with(name, value)).await;
        let given = text(&answer["message"]);
        assert_eq!((status.as_u16(), &answer["code"]), (400, &json!(1201)), "{given}");
        assert!(given.starts_with(message), "`{given}` does not begin with `{message}`");
    }
    for required in ["model_name", "image_list", "prompt", "mode", "duration"] {
        let mut body = body();
        body.as_object_mut().expect("an object").remove(required);
        let (status, answer) = caller.post(&body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(answer["message"], format!("{required} can not be null"));
    }
    assert_eq!(sandbox.tasks_charged(), 0);
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_an_invalid_request() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    for (body, message) in [
        ("", "the body is not JSON (line 1, column 0)"),
        ("{\"prompt\":", "the body is not JSON (line 1, column 10)"),
        ("[]", "the body is not a JSON object"),
        ("\u{feff}{}", "the body is not JSON"),
    ] {
        let request = caller.http.post(sandbox.endpoint()).body(body);
        let (status, answer) = caller.send(request).await;
        let given = text(&answer["message"]);
        assert_eq!((status.as_u16(), &answer["code"]), (400, &json!(1200)), "{given}");
        assert!(given.starts_with(message), "`{given}` does not begin with `{message}`");
    }
    let request = caller
        .http
        .post(sandbox.endpoint())
        .header("content-type", "application/x-www-form-urlencoded")
        .body("prompt=x");
    let (status, answer) = caller.send(request).await;
    assert_eq!((status.as_u16(), &answer["code"]), (400, &json!(1200)));
    assert!(text(&answer["message"]).contains("application/json"), "{answer}");
}

#[tokio::test]
async fn an_unknown_model_is_refused_unless_any_is_accepted() {
    let unknown = body_with("model_name", json!("kling-v9"));
    let sandbox = start().await;
    let (status, answer) = Caller::new(&sandbox).post(&unknown).await;
    assert_eq!((status.as_u16(), &answer["code"]), (404, &json!(1203)));
    assert_eq!(answer["message"], "model 'kling-v9' does not exist");

    let gateway = Sandbox::builder().any_model(true).start().await.expect("it starts");
    Caller::new(&gateway).submit(&unknown).await;
}

/// A request of an operation with these fields set; null removes one.
fn request(operation: &str, fields: &Value) -> Value {
    let mut request = json!({"prompt": "A cat puts a hat on", "mode": "std", "duration": "5"});
    let operations_own = match operation {
        "text2video" => json!({"model_name": "kling-v3"}),
        "image2video" => json!({"model_name": "kling-v3", "image": IMAGE_URL}),
        "omni-video" => json!({"model_name": "kling-v3-omni", "aspect_ratio": "16:9"}),
        other => panic!("{other}"),
    };
    for fields in [&operations_own, fields] {
        for (name, value) in fields.as_object().expect("an object") {
            request[name] = value.clone();
        }
    }
    request.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    request
}

const IMAGE_URL: &str = "https://example.com/cat.png";

async fn post(caller: &Caller<'_>, operation: &str, fields: &Value) -> (u16, Value) {
    let url = caller.sandbox.endpoint_of(&format!("videos/{operation}"));
    let (status, response) = caller.send(caller.http.post(url).json(&request(operation, fields))).await;
    (status.as_u16(), response)
}

async fn post_text(caller: &Caller<'_>, fields: Value) -> (u16, Value) {
    post(caller, "text2video", &fields).await
}

async fn accepts(caller: &Caller<'_>, operation: &str, fields: Value) {
    let (status, response) = post(caller, operation, &fields).await;
    assert_eq!((status, &response["code"]), (200, &json!(0)), "{fields}: {response}");
}

/// The message begins with this text.
async fn refuses(caller: &Caller<'_>, operation: &str, fields: Value, message: &str) {
    let (status, response) = post(caller, operation, &fields).await;
    let given = text(&response["message"]);
    assert_eq!((status, &response["code"]), (400, &json!(1201)), "{fields}: {response}");
    assert!(given.starts_with(message), "{fields}: `{given}` does not begin with `{message}`");
}

#[tokio::test]
async fn text2video_accepts_what_its_models_take() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let shots = json!([{"index": 1, "prompt": "a", "duration": "2"}, {"index": 2, "prompt": "b", "duration": "3"}]);
    for fields in [
        json!({}),
        json!({"duration": "15", "mode": "4k", "sound": "on", "cfg_scale": 0.5, "aspect_ratio": "1:1"}),
        json!({"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "duration": "10"}),
        json!({"model_name": "kling-v2-5-turbo", "sound": "off", "negative_prompt": ""}),
        json!({"camera_control": {"type": "simple", "config": {"zoom": -2.5, "pan": 0}}}),
        json!({"camera_control": {"type": "down_back"}}),
        json!({"multi_shot": true, "shot_type": "customize", "multi_prompt": shots, "prompt": null}),
        json!({"multi_shot": true, "shot_type": "intelligence"}),
        json!({"multi_shot": false, "shot_type": "customize"}),
    ] {
        accepts(&caller, "text2video", fields).await;
    }
}

#[tokio::test]
async fn text2video_refuses_each_broken_rule_by_name() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let shot = |duration: &str| json!([{"index": 1, "prompt": "a", "duration": duration}]);
    let camera = |kind: &str, config: Value| json!({"camera_control": {"type": kind, "config": config}});
    let customize =
        |shots: Value| json!({"multi_shot": true, "shot_type": "customize", "multi_prompt": shots, "prompt": null});
    for (fields, message) in [
        (json!({"prompt": null}), "prompt can not be null"),
        (json!({"prompt": ""}), "prompt can not be null"),
        (json!({"duration": 5}), "duration value 5 is invalid"),
        (json!({"duration": "16"}), "duration value '16' is invalid"),
        (json!({"duration": "7", "model_name": "kling-v2-6"}), "duration value '7' is not supported"),
        (json!({"mode": "4k", "model_name": "kling-v2-6"}), "mode value '4k' is not supported"),
        (json!({"cfg_scale": 1.01}), "cfg_scale value 1.01 is invalid: a number from 0 to 1"),
        (json!({"cfg_scale": "0.5"}), "cfg_scale value '0.5' is invalid"),
        (json!({"cfg_scale": 0.5, "model_name": "kling-v2-6"}), "cfg_scale is not supported"),
        (json!({"sound": "on", "model_name": "kling-v2-6"}), "sound value 'on' is not supported"),
        (json!({"sound": "on", "model_name": "kling-v2-5-turbo", "mode": "pro"}), "sound value 'on' is not"),
        (json!({"sound": true}), "sound value true is invalid"),
        (camera("simple", json!({"zoom": 5, "pan": 1})), "camera_control.config sets 2 axes"),
        (camera("simple", json!({"zoom": 0})), "camera_control.config sets 0 axes"),
        (camera("simple", json!({"zoom": 10.5})), "camera_control.config.zoom value 10.5 is invalid"),
        (camera("forward_up", json!({"zoom": 1})), "camera_control.config is invalid"),
        (json!({"camera_control": {"type": "simple"}}), "camera_control.config can not be null"),
        (json!({"camera_control": {}}), "type can not be null"),
        (json!({"multi_shot": true}), "shot_type can not be null"),
        (customize(Value::Null), "multi_prompt can not be null"),
        (customize(json!([])), "multi_prompt has 0 entries"),
        (customize(shot("4")), "multi_prompt lasts 4 s, duration is '5'"),
        (customize(shot("0")), "multi_prompt is invalid: each duration"),
        (json!({"multi_shot": true, "shot_type": "intelligence", "prompt": null}), "prompt can not be null"),
    ] {
        refuses(&caller, "text2video", fields, message).await;
    }
    for (model, message) in
        [("kling-v1-6", "The model is discontinued"), ("kling-v9", "model 'kling-v9' does not exist")]
    {
        let (status, response) = post_text(&caller, json!({"model_name": model})).await;
        assert_eq!((status, &response["code"], text(&response["message"])), (404, &json!(1203), message.to_owned()));
    }
    assert_eq!(sandbox.tasks_charged(), 0);
}

/// A PNG of this size, as far as a header says it.
fn png(width: u32, height: u32) -> Value {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    file.extend(width.to_be_bytes());
    file.extend(height.to_be_bytes());
    base64(&file).into()
}

/// A brush that moves over so many points.
fn brush(mask: Value, points: usize) -> Value {
    let trajectories = vec![json!({"x": 7, "y": 9}); points];
    json!({"mask": mask, "trajectories": trajectories})
}

fn shots(durations: &[&str]) -> Value {
    let shots = durations.iter().enumerate();
    shots.map(|(index, duration)| json!({"index": index + 1, "prompt": "a", "duration": duration})).collect()
}

#[tokio::test]
async fn image2video_accepts_what_its_models_take() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let voices = json!([{"voice_id": "1"}, {"voice_id": "2"}]);
    let elements = json!([{"element_id": 835_266_081_714_884_677_u64}, {"element_id": "elem_7"}, {"element_id": 7}]);
    for fields in [
        json!({}),
        json!({"image": base64(CAT), "image_tail": png(3000, 300), "mode": "4k", "duration": "15", "sound": "on"}),
        json!({"image_tail": "", "static_mask": "", "negative_prompt": "", "voice_list": [], "element_list": []}),
        json!({"model_name": "kling-v2-5-turbo", "mode": "pro", "image_tail": IMAGE_URL, "duration": "10"}),
        json!({"model_name": "kling-v2-6", "mode": "pro", "image_tail": IMAGE_URL, "sound": "off"}),
        json!({"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "voice_list": voices}),
        json!({"element_list": elements, "cfg_scale": 0.5, "watermark_info": {"enabled": false}}),
        json!({"static_mask": png(480, 480), "dynamic_masks": [brush(png(480, 480), 2)], "image": base64(CAT)}),
        json!({"static_mask": png(300, 301), "image": png(3000, 3007)}),
        json!({"dynamic_masks": vec![brush(IMAGE_URL.into(), 77); 6]}),
        json!({"camera_control": {"type": "simple", "config": {"roll": 10}}}),
        json!({"multi_shot": true, "shot_type": "customize", "multi_prompt": shots(&["2", "3"]), "prompt": null}),
        json!({"multi_shot": true, "shot_type": "intelligence"}),
        json!({"multi_shot": false, "image_tail": IMAGE_URL}),
    ] {
        accepts(&caller, "image2video", fields).await;
    }
}

#[tokio::test]
async fn image2video_refuses_each_broken_rule_by_name() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let voice = || json!([{"voice_id": "1"}]);
    let element = || json!([{"element_id": 7}]);
    let customize = |durations| json!({"multi_shot": true, "shot_type": "customize", "multi_prompt": shots(durations)});
    for (fields, message) in [
        (json!({"image": null}), "image can not be null: image or image_tail"),
        (json!({"image": "", "image_tail": ""}), "image can not be null: image or image_tail"),
        (json!({"image": null, "image_tail": IMAGE_URL}), "image can not be null: image_tail alone is not supported"),
        (json!({"image": png(3000, 300)}), "image: the image is 3000 x 300 px, the ratio"),
        (json!({"image_tail": png(3000, 299)}), "image_tail: the image is 3000 x 299 px, each side"),
        (json!({"static_mask": png(299, 299)}), "static_mask: the image is 299 x 299 px, each side"),
        (json!({"image": "no base64!"}), "File is not in a valid base64 format"),
        (json!({"prompt": null}), "prompt can not be null"),
        (json!({"prompt": ""}), "prompt can not be null"),
        (json!({"prompt": "猫".repeat(2501)}), "prompt has 2501 characters"),
        (json!({"duration": 5}), "duration value 5 is invalid"),
        (json!({"duration": "2"}), "duration value '2' is invalid"),
        (json!({"duration": null}), "duration can not be null"),
        (json!({"duration": "7", "model_name": "kling-v2-6"}), "duration value '7' is not supported by kling-v2-6"),
        (json!({"mode": null}), "mode can not be null"),
        (json!({"mode": "4k", "model_name": "kling-v2-6"}), "mode value '4k' is not supported by kling-v2-6"),
        (json!({"cfg_scale": 1.01}), "cfg_scale value 1.01 is invalid"),
        (json!({"cfg_scale": 0, "model_name": "kling-v2-5-turbo"}), "cfg_scale is not supported by kling-v2-5-turbo"),
        (json!({"sound": "on", "model_name": "kling-v2-6"}), "sound value 'on' is not supported by kling-v2-6"),
        (json!({"image_tail": IMAGE_URL, "static_mask": IMAGE_URL}), "static_mask is invalid: image_tail excludes it"),
        (
            json!({"image_tail": IMAGE_URL, "camera_control": {"type": "down_back"}}),
            "camera_control is invalid: image_tail excludes it",
        ),
        (
            json!({"dynamic_masks": [brush(IMAGE_URL.into(), 2)], "camera_control": {"type": "down_back"}}),
            "camera_control is invalid: dynamic_masks excludes it",
        ),
        (json!({"dynamic_masks": vec![brush(IMAGE_URL.into(), 2); 7]}), "dynamic_masks has 7 entries, 0 to 6"),
        (
            json!({"dynamic_masks": [brush(IMAGE_URL.into(), 1)]}),
            "dynamic_masks[0].trajectories has 1 entries, 2 to 77",
        ),
        (
            json!({"dynamic_masks": [brush(IMAGE_URL.into(), 78)]}),
            "dynamic_masks[0].trajectories has 78 entries, 2 to 77",
        ),
        (json!({"dynamic_masks": [{"trajectories": [{"x": 1}, {"x": 2, "y": 2}]}]}), "y can not be null"),
        (
            json!({"dynamic_masks": [{"trajectories": [{"x": "1", "y": 2}, {"x": 2, "y": 2}]}]}),
            "dynamic_masks[0].trajectories[0].x value '1' is invalid: type number",
        ),
        (
            json!({"image": png(480, 480), "static_mask": png(480, 482)}),
            "static_mask: the mask is 480 x 482 px, the image 480 x 480",
        ),
        (
            json!({"static_mask": png(480, 480), "dynamic_masks": [brush(png(960, 960), 2)]}),
            "dynamic_masks[0].mask: the mask is 960 x 960 px, another is 480 x 480",
        ),
        (
            json!({"camera_control": {"type": "simple", "config": {"pan": 1, "tilt": 1}}}),
            "camera_control.config sets 2 axes",
        ),
        (json!({"multi_shot": true}), "shot_type can not be null"),
        (customize(&["2", "4"]), "multi_prompt lasts 6 s, duration is '5'"),
        (customize(&["1"; 7]), "multi_prompt has 7 entries"),
        (customize(&["4294967295"; 6]), "multi_prompt lasts 25769803770 s"),
        (
            json!({"multi_shot": true, "shot_type": "intelligence", "image_tail": IMAGE_URL}),
            "image_tail is invalid: multi_shot excludes it",
        ),
        (
            json!({"voice_list": voice(), "sound": "on", "element_list": element()}),
            "element_list is invalid: voice_list excludes it",
        ),
        (
            json!({"voice_list": voice(), "model_name": "kling-v2-6", "mode": "pro"}),
            "voice_list is invalid: sound must be 'on'",
        ),
        (json!({"voice_list": voice(), "sound": "on"}), "voice_list is not supported by kling-v3"),
        (json!({"voice_list": vec![json!({"voice_id": "1"}); 3]}), "voice_list has 3 entries, 0 to 2"),
        (json!({"voice_list": [{"voiceId": "1"}]}), "voice_id can not be null"),
        (json!({"voice_list": [{"voice_id": 1}]}), "voice_list[0].voice_id value 1 is invalid"),
        (json!({"element_list": element(), "model_name": "kling-v2-6"}), "element_list is not supported by kling-v2-6"),
        (json!({"element_list": vec![json!({"element_id": 7}); 4]}), "element_list has 4 entries, 0 to 3"),
        (json!({"element_list": [{}]}), "element_id can not be null"),
        (
            json!({"element_list": [{"element_id": true}]}),
            "element_list[0].element_id value true is invalid: type string or number",
        ),
        (
            json!({"image_tail": IMAGE_URL, "model_name": "kling-v2-5-turbo"}),
            "image_tail is not supported by kling-v2-5-turbo in mode std",
        ),
        (
            json!({"image_tail": IMAGE_URL, "model_name": "kling-v2-6", "mode": "pro", "sound": "on"}),
            "image_tail is not supported by kling-v2-6 with sound",
        ),
    ] {
        refuses(&caller, "image2video", fields, message).await;
    }
    for (model, message) in [
        ("kling-v1", "The model is discontinued"),
        ("kling-v1-6", "The model is discontinued"),
        ("kling-v2-1", "The model is discontinued"),
        ("kling-v3-omni", "model 'kling-v3-omni' does not exist"),
    ] {
        let (status, response) = post(&caller, "image2video", &json!({"model_name": model})).await;
        assert_eq!((status, &response["code"], text(&response["message"])), (404, &json!(1203), message.to_owned()));
    }
    assert_eq!(sandbox.tasks_charged(), 0);
}

fn images(types: &[&str]) -> Value {
    let image = |kind: &&str| match *kind {
        "" => json!({"image_url": IMAGE_URL}),
        kind => json!({"image_url": base64(CAT), "type": kind}),
    };
    types.iter().map(image).collect()
}

fn elements(count: usize) -> Value {
    vec![json!({"element_id": 835_266_081_714_884_677_u64}); count].into()
}

fn video(kind: &str) -> Value {
    json!([{"video_url": "https://example.com/cat.mp4", "refer_type": kind, "keep_original_sound": "yes"}])
}

/// The first frame and the last.
const FRAMES: [&str; 2] = ["first_frame", "end_frame"];

#[tokio::test]
async fn omni_video_accepts_what_its_models_take() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let o1 = "kling-video-o1";
    let edited = json!([{"video_url": "http://example.com/cat.mp4"}]);
    for fields in [
        json!({}),
        json!({"mode": "4k", "duration": "15", "sound": "on", "aspect_ratio": "1:1"}),
        json!({"image_list": [], "video_list": [], "element_list": []}),
        json!({"image_list": images(&FRAMES), "aspect_ratio": null, "sound": "on", "element_list": elements(3)}),
        json!({"image_list": images(&[""; 3]), "element_list": elements(4)}),
        json!({"image_list": images(&[""; 2]), "element_list": elements(2), "video_list": video("feature")}),
        json!({"image_list": images(&["first_frame"]), "video_list": video("feature"), "aspect_ratio": null}),
        json!({"video_list": video("base"), "duration": null, "aspect_ratio": null, "sound": "off", "mode": "4k"}),
        json!({"video_list": edited, "image_list": images(&["", ""]), "duration": null, "aspect_ratio": null}),
        json!({"multi_shot": true, "shot_type": "customize", "multi_prompt": shots(&["2", "3"]), "prompt": null}),
        json!({"element_list": [{"element_id": "160"}]}),
        json!({"model_name": o1, "duration": "10"}),
        json!({"model_name": o1, "duration": "7", "image_list": images(&[""])}),
        json!({"model_name": o1, "duration": "7", "element_list": elements(1), "sound": "off"}),
        json!({"model_name": o1, "duration": "7", "video_list": video("feature")}),
        json!({"model_name": o1, "duration": "10", "image_list": images(&["first_frame"])}),
        json!({"model_name": o1, "duration": "3", "image_list": images(&FRAMES), "aspect_ratio": null}),
        json!({"model_name": o1, "duration": "3", "image_list": images(&["first_frame", "", ""])}),
        // Void, so whatever it says.
        json!({"model_name": o1, "duration": "15", "video_list": video("base")}),
    ] {
        accepts(&caller, "omni-video", fields).await;
    }
}

#[tokio::test]
async fn omni_video_refuses_each_broken_rule_by_name() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let o1 = |mut fields: Value| {
        fields["model_name"] = "kling-video-o1".into();
        fields
    };
    let customize = |durations| json!({"multi_shot": true, "shot_type": "customize", "multi_prompt": shots(durations)});
    for (fields, message) in [
        (json!({"prompt": null}), "prompt can not be null"),
        (json!({"prompt": "x".repeat(2501)}), "prompt has 2501 characters"),
        (json!({"mode": null}), "mode can not be null"),
        (json!({"mode": "8k"}), "mode value '8k' is invalid"),
        (json!({"duration": null}), "duration can not be null"),
        (json!({"duration": null, "video_list": video("feature")}), "duration can not be null"),
        (json!({"duration": "16"}), "duration value '16' is invalid"),
        (json!({"duration": 5}), "duration value 5 is invalid"),
        (json!({"aspect_ratio": null}), "aspect_ratio can not be null"),
        (json!({"aspect_ratio": null, "video_list": video("feature")}), "aspect_ratio can not be null"),
        (json!({"aspect_ratio": null, "image_list": images(&[""])}), "aspect_ratio can not be null"),
        (json!({"aspect_ratio": "4:3"}), "aspect_ratio value '4:3' is invalid"),
        (json!({"image_list": [{"type": "first_frame"}]}), "image_url can not be null"),
        (json!({"image_list": [{"image_url": ""}]}), "image_url can not be null"),
        (json!({"image_list": images(&["last_frame"])}), "image_list[0].type value 'last_frame' is invalid"),
        (
            json!({"image_list": [{"image_url": png(3000, 300)}]}),
            "image_list[0].image_url: the image is 3000 x 300 px, the ratio",
        ),
        (json!({"image_list": images(&["end_frame"])}), "image_list is invalid: end_frame needs first_frame"),
        (
            json!({"image_list": images(&["first_frame"]), "video_list": video("base")}),
            "image_list is invalid: a video to be edited excludes",
        ),
        (
            json!({"image_list": images(&["first_frame"]), "video_list": [{"video_url": "https://example.com/a"}]}),
            "image_list is invalid: a video to be edited excludes",
        ),
        (json!({"image_list": images(&[""; 8])}), "image_list has 8 entries, 0 to 7"),
        (
            json!({"image_list": images(&[""; 4]), "element_list": elements(4)}),
            "image_list and element_list have 8 entries, at most 7",
        ),
        (
            json!({"image_list": images(&[""; 3]), "element_list": elements(2), "video_list": video("feature")}),
            "image_list and element_list have 5 entries, at most 4",
        ),
        (
            json!({"image_list": images(&["first_frame"]), "element_list": elements(4)}),
            "element_list has 4 entries, at most 3 are allowed with first_frame",
        ),
        (json!({"element_list": [{"element_id": []}]}), "element_list[0].element_id value of type array is invalid"),
        (json!({"video_list": [{}]}), "video_url can not be null"),
        (json!({"video_list": [{"video_url": ""}]}), "video_list[0].video_url: the URL is not valid"),
        (json!({"video_list": [{"video_url": base64(HAT)}]}), "video_list[0].video_url: the URL is not valid"),
        (json!({"video_list": [{"video_url": 7}]}), "video_list[0].video_url value 7 is invalid: type string"),
        (json!({"video_list": video("both")}), "video_list[0].refer_type value 'both' is invalid"),
        (
            json!({"video_list": [{"video_url": "https://example.com/a", "keep_original_sound": true}]}),
            "video_list[0].keep_original_sound value true is invalid",
        ),
        (json!({"video_list": vec![video("base")[0].clone(); 2]}), "video_list has 2 entries, 0 to 1"),
        (json!({"video_list": video("feature"), "sound": "on"}), "sound value 'on' is invalid: video_list excludes it"),
        (customize(&["5", "1"]), "multi_prompt lasts 6 s, duration is '5'"),
        (json!({"multi_shot": true}), "shot_type can not be null"),
        (
            json!({"multi_shot": true, "shot_type": "intelligence", "image_list": images(&FRAMES)}),
            "image_list is invalid: multi_shot excludes end_frame",
        ),
        (o1(json!({"mode": "4k"})), "mode value '4k' is not supported by kling-video-o1"),
        (o1(json!({"sound": "on"})), "sound value 'on' is not supported by kling-video-o1"),
        (o1(json!({"duration": "11", "image_list": images(&[""])})), "duration value '11' is not supported"),
        (o1(json!({"duration": "7"})), "duration value '7' is not supported by kling-video-o1 without references"),
        (
            o1(json!({"duration": "7", "image_list": images(&["first_frame"])})),
            "duration value '7' is not supported by kling-video-o1 without references",
        ),
        (
            o1(json!({"image_list": images(&FRAMES), "element_list": elements(1)})),
            "element_list is not supported by kling-video-o1 with end_frame",
        ),
        (
            o1(json!({"image_list": images(&["first_frame", "end_frame", ""])})),
            "image_list has 3 entries, 2 are supported by kling-video-o1 with end_frame",
        ),
    ] {
        refuses(&caller, "omni-video", fields, message).await;
    }
    let (status, response) = post(&caller, "omni-video", &json!({"model_name": "kling-v3"})).await;
    assert_eq!((status, &response["code"]), (404, &json!(1203)), "{response}");
    assert_eq!(sandbox.tasks_charged(), 0);
}

#[tokio::test]
async fn each_video_operation_ends_with_a_video_and_lists_its_own_tasks() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let edit = json!({"video_list": video("base"), "duration": "15"});
    for (operation, fields, seconds) in [
        ("text2video", json!({"duration": "7"}), "7.1"),
        ("image2video", json!({"duration": "7"}), "7.1"),
        ("omni-video", json!({"duration": "7"}), "7.1"),
        ("omni-video", edit, "5.1"),
    ] {
        let (_, response) = post(&caller, operation, &fields).await;
        let id = text(&response["data"]["task_id"]);
        let url = sandbox.endpoint_of(&format!("videos/{operation}"));
        let (_, response) = caller.send(caller.http.get(format!("{url}/{id}"))).await;
        assert_eq!(response["data"]["task_result"]["videos"][0]["duration"], seconds, "{operation}: {response}");
        let (_, list) = caller.send(caller.http.get(url)).await;
        assert_eq!(list["data"][0], response["data"], "{operation}");
    }
    // The images of a request are recorded without their content.
    let frames = json!({"image_list": images(&FRAMES)});
    post(&caller, "omni-video", &frames).await;
    let received = sandbox.requests().pop().expect("a request").body;
    assert_eq!(received.images.len(), 2);
    let placeholder = text(&received.json.expect("JSON")["image_list"][0]["image_url"]);
    assert!(placeholder.starts_with(&format!("<{} bytes, sha256 ", CAT.len())), "{placeholder}");
}

#[tokio::test]
async fn queries_of_omni_video_are_answered_at_one_path() {
    for at_images in [false, true] {
        let sandbox = Sandbox::builder().queries_at_omni_image(at_images).start().await.expect("it starts");
        let caller = Caller::new(&sandbox);
        let (_, response) = post(&caller, "omni-video", &json!({"external_task_id": "mine"})).await;
        let id = text(&response["data"]["task_id"]);
        let get = async |path: String| caller.send(caller.http.get(sandbox.endpoint_of(&path))).await;
        for id in [&*id, "mine"] {
            let (_, own) = get(format!("videos/omni-video/{id}")).await;
            let (_, images) = get(format!("images/omni-image/{id}")).await;
            let (known, unknown) = if at_images { (&images, &own) } else { (&own, &images) };
            assert_eq!(known["data"]["task_status"], "succeed", "{known}");
            assert_eq!(unknown["data"]["task_status"], Value::Null, "{unknown}");
        }
        let (status, response) = get("images/omni-image/7".into()).await;
        match at_images {
            true => assert_eq!((status.as_u16(), &response["code"]), (400, &json!("task_not_exist"))),
            false => assert_eq!((status.as_u16(), &response["error"]["code"]), (404, &json!(""))),
        }
        let (status, response) = get("videos/omni-video/7".into()).await;
        assert_eq!((status.as_u16(), &response["code"]), (400, &json!("task_not_exist")));
        let (_, list) = get("videos/omni-video".into()).await;
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "lists stay at its own path");
        assert_eq!(get("images/omni-image".into()).await.0, StatusCode::NOT_FOUND);
        // Other operations have one path, whatever this one's is.
        let (_, response) = post_text(&caller, json!({})).await;
        let id = text(&response["data"]["task_id"]);
        assert_eq!(get(format!("videos/text2video/{id}")).await.0, StatusCode::OK);
        assert!(!get(format!("images/omni-image/{id}")).await.0.is_success());
    }
}

#[tokio::test]
async fn a_task_is_known_at_its_own_operation_alone_and_with_and_without_the_gateways_prefix() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let (_, response) = post_text(&caller, json!({"external_task_id": "mine"})).await;
    let id = text(&response["data"]["task_id"]);
    for (path, known) in [
        ("/kling/v1/videos/text2video", true),
        ("/v1/videos/text2video", true),
        ("/kling/v1/videos/multi-image2video", false),
    ] {
        let url = format!("{}{path}", sandbox.base_url());
        for id in [&*id, "mine"] {
            let (status, response) = caller.send(caller.http.get(format!("{url}/{id}"))).await;
            assert_eq!((status.is_success(), response["data"]["task_id"].is_string()), (known, known), "{path}/{id}");
        }
        let (_, list) = caller.send(caller.http.get(url)).await;
        assert_eq!(list["data"].as_array().map(Vec::len), Some(usize::from(known)), "{path}");
    }
    assert_eq!(sandbox.tasks()[0].operation, "videos/text2video");
}

#[tokio::test]
async fn a_second_task_with_the_same_external_id_is_refused() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    for id in ["mine", ""] {
        let body = body_with("external_task_id", json!(id));
        caller.submit(&body).await;
        let (status, answer) = caller.post(&body).await;
        assert_eq!((status.as_u16(), &answer["code"]), (400, &json!(1201)));
        assert!(text(&answer["message"]).starts_with("external_task_id "), "{answer}");
    }
    assert_eq!(sandbox.tasks_charged(), 2);
}

#[tokio::test]
async fn without_the_key_nothing_is_done() {
    let sandbox = Sandbox::builder().key("k-1").start().await.expect("it starts");
    let http = reqwest::Client::new();
    for (authorization, code) in [
        (None, 1001),
        (Some(""), 1001),
        (Some("Bearer"), 1001),
        (Some("Basic azE6"), 1000),
        (Some("k-1"), 1000),
        (Some("Bearerk-1"), 1000),
        (Some("Bearer "), 1001),
        (Some("Bearer k-2"), 1002),
        (Some("Bearer k-1 k-1"), 1002),
        (Some("bearer k-1"), 0),
    ] {
        let endpoint = sandbox.endpoint();
        let requests = [http.post(&endpoint).json(&body()), http.get(&endpoint)];
        for request in requests {
            let request = match authorization {
                Some(value) => request.header("authorization", value),
                None => request,
            };
            let answer = request.send().await.expect("the sandbox answers");
            let status = answer.status();
            let answer: Value = answer.json().await.expect("the answer is JSON");
            assert_eq!(answer["code"], code, "{authorization:?}: {answer}");
            assert_eq!(status == StatusCode::UNAUTHORIZED, code != 0, "{authorization:?}");
        }
    }
    assert_eq!(sandbox.tasks_charged(), 1);
}

#[tokio::test]
async fn what_the_api_does_not_have_is_a_404() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let endpoint = sandbox.endpoint();
    for request in [caller.http.delete(&endpoint), caller.http.post(format!("{endpoint}/7"))] {
        let (status, answer) = caller.send(request).await;
        assert_eq!((status.as_u16(), &answer["code"]), (404, &json!(1202)));
    }
    for path in ["/", "/kling/v1/videos/multi-image2video/", "/v1/v1/videos"] {
        let url = format!("{}{path}", sandbox.base_url());
        let (status, answer) = caller.send(caller.http.post(url)).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let message = format!("Invalid URL (POST {path})");
        let expected = json!({"message": message, "type": "invalid_request_error", "param": "", "code": ""});
        assert_eq!(answer, json!({ "error": expected }));
    }
}

#[tokio::test]
async fn four_images_of_10_mb_are_one_request() {
    let sandbox = start().await;
    let mut file = CAT.to_vec();
    file.resize(10 * 1024 * 1024, 0);
    let body = body_with("image_list", json!(vec![json!({"image": base64(&file)}); 4]));
    Caller::new(&sandbox).submit(&body).await;
    let received = sandbox.requests().remove(0);
    assert!(received.whole && received.body.length > 55_900_000, "{received:?}");
    assert_eq!(received.body.images.len(), 4);
    assert!(received.body.bytes.is_none(), "a large body is not kept");
    let json = received.body.json.expect("its JSON is");
    assert!(json.to_string().len() < 2000, "but without the images");
}

#[tokio::test]
async fn a_body_beyond_64_mib_is_read_to_its_end_and_refused_with_413() {
    let sandbox = start().await;
    let request = reqwest::Client::new().post(sandbox.endpoint()).bearer_auth(sandbox.api_key());
    let answer = request.body(vec![b' '; 64 * 1024 * 1024 + 1]).send().await;
    let answer = answer.expect("no broken pipe");
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.text().await.expect("a text").contains("<html>"));
    let received = sandbox.requests().remove(0);
    assert!(!received.whole, "it was not taken");
    assert_eq!(received.body.length, 64 * 1024 * 1024 + 1);
    assert_eq!(sandbox.posts_received_whole(), 0);
}
