//! Which orders are accepted, and what a refused one is told.

use super::*;

#[tokio::test]
async fn an_order_is_answered_as_recorded() {
    let sandbox = start().await;
    let (status, answer) = Caller::new(&sandbox).post(&order()).await;
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
        let (status, answer) = caller.post(&order_with(name, value)).await;
        assert_eq!(status, StatusCode::OK, "{name}: {answer}");
    }
    for count in 1..=4 {
        let id = caller.submit(&order_of(&[CAT, HAT, HAT, CAT][..count])).await;
        assert!(!id.is_empty());
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_by_name_and_makes_no_task() {
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
        ("watermark_info", json!(true), "watermark_info is invalid"),
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
        let (status, answer) = caller.post(&order_with(name, value)).await;
        let given = text(&answer["message"]);
        assert_eq!((status.as_u16(), &answer["code"]), (400, &json!(1201)), "{given}");
        assert!(given.starts_with(message), "`{given}` does not begin with `{message}`");
    }
    for required in ["model_name", "image_list", "prompt", "mode", "duration"] {
        let mut order = order();
        order.as_object_mut().expect("an object").remove(required);
        let (status, answer) = caller.post(&order).await;
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
async fn a_model_that_nobody_knows_is_refused_unless_any_is_taken() {
    let unknown = order_with("model_name", json!("kling-v9"));
    let sandbox = start().await;
    let (status, answer) = Caller::new(&sandbox).post(&unknown).await;
    assert_eq!((status.as_u16(), &answer["code"]), (404, &json!(1203)));
    assert_eq!(answer["message"], "model 'kling-v9' does not exist");

    let gateway = Sandbox::builder().any_model(true).start().await.expect("it starts");
    Caller::new(&gateway).submit(&unknown).await;
}

#[tokio::test]
async fn a_second_task_with_the_same_external_id_is_refused() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    for id in ["mine", ""] {
        let order = order_with("external_task_id", json!(id));
        caller.submit(&order).await;
        let (status, answer) = caller.post(&order).await;
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
        let requests = [http.post(&endpoint).json(&order()), http.get(&endpoint)];
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
async fn what_the_api_does_not_have_is_answered_404() {
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
async fn four_images_of_10_mb_are_one_order() {
    let sandbox = start().await;
    let mut file = CAT.to_vec();
    file.resize(10 * 1024 * 1024, 0);
    let order = order_with("image_list", json!(vec![json!({"image": base64(&file)}); 4]));
    Caller::new(&sandbox).submit(&order).await;
    let received = sandbox.requests().remove(0);
    assert!(received.whole && received.body.length > 55_900_000, "{received:?}");
    assert_eq!(received.body.images.len(), 4);
    assert!(received.body.bytes.is_none(), "a large body is not kept");
    let json = received.body.json.expect("its JSON is");
    assert!(json.to_string().len() < 2000, "but without the images");
}

#[tokio::test]
async fn a_body_beyond_64_mib_is_heard_to_its_end_and_answered_413() {
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
