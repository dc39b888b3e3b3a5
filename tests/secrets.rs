//! Proves that no key, prompt, image or signed URL is shown: not by `Debug`, and not by an error, even when the server
//! repeats it.

mod support;

use std::time::Duration;

use kling_client::{Client, Image, MultiImageToVideo, Request};
use kling_sandbox::{Endpoint, Sandbox, ScriptedResponse};

const KEY: &str = "sk-the-key-that-nobody-may-see";
const PROMPT: &str = "a prompt that nobody may see";
const NEGATIVE: &str = "a negative prompt that nobody may see";
const IMAGE_URL: &str = "https://example.com/cat.png?Signature=nobody-may-see";

fn silent(text: &str) {
    for secret in ["nobody-may-see", "nobody may see", "Bearer", "iVBOR", "cacheKey", "x-kcdn"] {
        assert!(!text.contains(secret), "{secret:?} is shown: {text}");
    }
}

fn request() -> Request {
    MultiImageToVideo::builder()
        .images([Image::url(IMAGE_URL), Image::file(support::picture("cat.png")), Image::base64("iVBORw0KGgo=")])
        .prompt(PROMPT)
        .negative_prompt(NEGATIVE)
        .callback_url("https://example.com/callback?token=nobody-may-see")
        .extra("secret", "nobody may see")
        .build_unchecked()
        .unwrap()
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let sandbox = Sandbox::builder().key(KEY).start().await.unwrap();
    let builder = support::client(&sandbox);
    silent(&format!("{builder:?}"));
    let client = builder.build().unwrap();
    silent(&format!("{client:?}"));
    silent(&format!("{:?} {:?}", request(), Image::url(IMAGE_URL)));
    let task = client.submit(support::request()).await.unwrap();
    let wait = task.wait();
    silent(&format!("{task:?} {wait:?}"));
    let finished = wait.expected(Duration::ZERO).await.unwrap();
    silent(&format!("{finished:?} {:?} {:?}", finished.info(), finished.download("x.mp4")));
    silent(&format!("{:?}", client.list(support::OPERATION).start_at(1).page_size(5).next_page().await.unwrap()));
}

#[tokio::test]
async fn an_error_shows_no_secret_even_when_the_server_repeats_it() {
    let sandbox = Sandbox::builder().key(KEY).start().await.unwrap();
    let client = support::client(&sandbox).build().unwrap();
    let echo = format!("bad key {KEY} for {PROMPT}\u{1b}[31m\u{202e}\r\nX: y");
    for body in [
        serde_json::json!({"code": 1201, "message": echo, "request_id": KEY}),
        serde_json::json!({"code": KEY, "message": echo}),
        serde_json::json!({"error": {"code": "", "message": echo}}),
    ] {
        sandbox.respond_next(Endpoint::Create, ScriptedResponse::new(400).body(body.to_string()));
        let error = client.submit(request()).await.unwrap_err();
        let shown = format!("{error} {error:?} {error:#?} {:?} {}", std::error::Error::source(&error), error.message());
        silent(&shown);
        assert!(shown.contains("***"), "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\r']), "{shown:?}");
    }
}

#[tokio::test]
async fn a_lost_connection_and_a_lost_video_show_no_secret() {
    let sandbox = Sandbox::builder().key(KEY).start().await.unwrap();
    let client = support::client(&sandbox).build().unwrap();
    let finished = client.submit(support::request()).await.unwrap().wait().expected(Duration::ZERO).await.unwrap();
    let target = support::directory("secrets").join("cat.mp4");
    sandbox.shutdown().await;
    for error in [
        client.submit(request()).await.unwrap_err(),
        client.list(support::OPERATION).start_at(1).page_size(1).next_page().await.unwrap_err(),
        finished.download(target).await.unwrap_err(),
        MultiImageToVideo::builder()
            .images([Image::url("nobody-may-see")])
            .prompt(PROMPT.repeat(99))
            .build()
            .unwrap_err(),
        Client::builder("sk nobody-may-see\n!").base_url("https://a:nobody-may-see@b/").build().unwrap_err(),
        client.task(support::OPERATION, "nobody may see/..").unwrap_err(),
    ] {
        silent(&format!("{error} {error:?} {:?}", std::error::Error::source(&error)));
    }
}

#[tokio::test]
async fn what_a_request_holds_is_redacted_in_the_unreadable_body_of_any_call() {
    let sandbox = Sandbox::builder().key(KEY).start().await.unwrap();
    let client = support::client(&sandbox).build().unwrap();
    let callback = "https://example.com/callback?token=nobody-may-see";
    let page = format!("<html>{PROMPT} {NEGATIVE} {callback} nobody may see</html>");
    let cut =
        format!(r#"{{"request":{{"prompt":"{PROMPT}","negative_prompt":"{NEGATIVE}","callback_url":"{callback}","n"#);
    for body in [page.clone(), cut.clone()] {
        for status in [200, 400, 500] {
            let answer = ScriptedResponse::new(status).body(body.clone());
            sandbox.respond_next(Endpoint::Create, answer.clone());
            let submitted = client.submit(request()).await.unwrap_err();
            let mut task = client.submit(request_that_passes()).await.unwrap();
            sandbox.respond_next(Endpoint::Get, answer);
            let polled = task.refresh().await.cloned().unwrap_err();
            for error in [submitted, polled] {
                silent(&format!("{error} {:?}", error.body_snippet()));
            }
        }
    }
    // After a restart the request is gone; what stands under its names is redacted all the same.
    for operation in [Endpoint::Get, Endpoint::List] {
        sandbox.respond_next(operation, ScriptedResponse::new(200).body(cut.clone()));
    }
    let polled = client.task(support::OPERATION, "7001").unwrap().refresh().await.cloned().unwrap_err();
    for error in [polled, client.list(support::OPERATION).start_at(1).page_size(1).next_page().await.unwrap_err()] {
        silent(&format!("{error} {:?}", error.body_snippet()));
    }
    // The reason of a failure may repeat the prompt.
    let task = client.submit(request_that_passes()).await.unwrap();
    let failed =
        serde_json::json!({"task_id": task.id(), "status": "failed", "fail_reason": format!("refused: {PROMPT}")});
    sandbox.respond_next(Endpoint::Get, ScriptedResponse::new(200).body(failed.to_string()));
    let error = task.wait().expected(Duration::ZERO).await.unwrap_err();
    silent(&error.to_string());
    assert!(error.to_string().contains("refused: ***"), "{error}");
}

/// A request that the API takes, with all that nobody may see.
fn request_that_passes() -> Request {
    MultiImageToVideo::builder()
        .images([Image::url(IMAGE_URL)])
        .prompt(PROMPT)
        .negative_prompt(NEGATIVE)
        .callback_url("https://example.com/callback?token=nobody-may-see")
        .extra("secret", serde_json::json!({"in": ["nobody may see"]}))
        .build()
        .unwrap()
}
