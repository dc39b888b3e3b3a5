//! Proves the main job: a request goes out once, the task is waited for, the video arrives whole, and what the API says
//! against it reaches the caller.

mod support;

use std::time::Duration;

use futures_util::StreamExt as _;
use kling_client::{ErrorKind, Image, WaitEvent};
use kling_sandbox::{Endpoint, ScriptedResponse};
use support::{picture, request, request_of, sandbox};

const TASK_TIME: Duration = Duration::from_secs(240);

#[tokio::test]
async fn two_pictures_become_a_video_on_disk() {
    let (sandbox, client, _) = sandbox(TASK_TIME).await;
    let request =
        request_of([Image::file(picture("cat.png")), Image::bytes(std::fs::read(picture("hat.jpg")).unwrap())]);
    let task = client.submit(request).await.unwrap();
    let finished = task.wait().expected(TASK_TIME).await.unwrap();
    let target = support::directory("two_pictures").join("cat.mp4");
    assert_eq!(finished.download(&target).await.unwrap(), target);

    assert_eq!(std::fs::read(&target).unwrap(), sandbox.video_bytes());
    assert!(!target.with_file_name("cat.mp4.part").exists());
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (1, 1));
    assert_eq!(finished.info().task_id, sandbox.tasks()[0].id);
    assert_eq!(finished.outputs()[0].duration, Some(Duration::from_millis(5100)));
    sandbox.assert_key_never_leaked();
}

/// The body that the API received.
fn json(received: &kling_sandbox::Received) -> serde_json::Value {
    serde_json::from_slice(received.body.bytes.as_deref().unwrap()).unwrap()
}

#[tokio::test]
async fn what_the_api_receives_is_the_facades_json_and_nothing_else() {
    let (sandbox, client, _) = sandbox(TASK_TIME).await;
    let request = kling_client::MultiImageToVideo::builder()
        .images([Image::url("https://example.com/cat.png"), Image::url("https://example.com/hat.jpg")])
        .prompt("The cat puts the hat on")
        .without_external_task_id()
        .build()
        .unwrap();
    client.submit(request).await.unwrap();
    let [received] = &sandbox.requests()[..] else { panic!("one request") };
    assert_eq!(
        json(received),
        serde_json::json!({"model_name":"kling-v1-6","image_list":[{"image":"https://example.com/cat.png"},{"image":"https://example.com/hat.jpg"}],"prompt":"The cat puts the hat on","mode":"std","duration":"5"})
    );
    let mut names: Vec<_> = received.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "authorization", "content-length", "content-type", "host", "user-agent"]);
    assert_eq!(received.path, "/kling/v1/videos/multi-image2video");
}

#[tokio::test]
async fn extras_the_watermark_and_unknown_values_arrive_unchanged() {
    let (sandbox, client, _) = sandbox(TASK_TIME).await;
    sandbox.respond_next(
        Endpoint::Create,
        ScriptedResponse::new(200).body(r#"{"code":0,"data":{"task_id":"7","task_status":"submitted"}}"#),
    );
    let request = kling_client::MultiImageToVideo::builder()
        .images([Image::url("https://example.com/cat.png")])
        .prompt("x")
        .model("kling-v9")
        .mode("turbo")
        .duration("15")
        .aspect_ratio("21:9")
        .watermark(true)
        .extra("cfg_scale", 0.5)
        .external_task_id("order-7")
        .build()
        .unwrap();
    client.submit(request).await.unwrap();
    assert_eq!(
        json(&sandbox.requests()[0]),
        serde_json::json!({"model_name":"kling-v9","image_list":[{"image":"https://example.com/cat.png"}],"prompt":"x","mode":"turbo","duration":"15","aspect_ratio":"21:9","external_task_id":"order-7","watermark_info":{"enabled":true},"cfg_scale":0.5})
    );
}

#[tokio::test]
async fn a_wait_reports_each_status_and_each_failed_poll_and_goes_on() {
    let (sandbox, client, clock) = sandbox(TASK_TIME).await;
    let task = client.submit(request()).await.unwrap();
    sandbox.respond_next(Endpoint::Get, ScriptedResponse::new(502).body("<html>bad gateway</html>"));
    let mut wait = task.wait().expected(Duration::from_secs(200));
    let mut seen = Vec::new();
    while let Some(event) = wait.next().await {
        seen.push(match event.unwrap() {
            WaitEvent::Changed(info) => info.status.to_string(),
            WaitEvent::Running { .. } => "running".to_owned(),
            WaitEvent::PollFailed(error) => error.kind().to_string(),
            WaitEvent::Done(finished) => finished.info().status.to_string(),
            other => panic!("{other:?}"),
        });
    }
    seen.dedup();
    assert_eq!(seen, ["unexpected_response", "processing", "running", "succeed"]);
    let at: Vec<_> = clock.sleeps().iter().map(Duration::as_secs).collect();
    assert_eq!(at[..4], [90, 100, 105, 110], "0.45 of the expected time, one back-off, then every 5 s");
    assert!(at.last().unwrap() - 240 < 5, "seen no later than one interval after the end");
}

#[tokio::test]
async fn a_failed_task_is_an_error_with_the_apis_reason_although_its_message_says_succeed() {
    let (sandbox, client, _) = sandbox(TASK_TIME).await;
    sandbox.fail_next_task("Failure to pass the risk control system");
    let task = client.submit(request()).await.unwrap();
    let error = task.wait().expected(TASK_TIME).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TaskFailed);
    assert_eq!(error.message(), "Failure to pass the risk control system");
    assert_eq!(error.task_id(), Some(task.id()));
}

#[tokio::test]
async fn the_apis_refusal_is_rejected_with_its_code_message_and_request_id() {
    let (sandbox, client, _) = sandbox(TASK_TIME).await;
    let request = kling_client::MultiImageToVideo::builder()
        .images([Image::url("https://example.com/cat.png")])
        .prompt("x".repeat(2501))
        .build_unchecked()
        .unwrap();
    let error = client.submit(request).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.http_status()), (ErrorKind::Rejected, Some("1201"), Some(400)));
    assert!(error.request_id().is_some() && error.message().contains("prompt"), "{error}");
    assert!(!error.may_have_been_charged());
    assert_eq!(sandbox.tasks_charged(), 0);
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_the_wait_does_not_go_on_asking() {
    let (sandbox, _, _) = sandbox(TASK_TIME).await;
    let clock = support::Jumping::over(sandbox.clock());
    let client = kling_client::Client::builder("sk-wrong").base_url(sandbox.base_url()).clock(clock).build().unwrap();
    let error = client.submit(request()).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.http_status()), (ErrorKind::Rejected, Some("1002"), Some(401)));
    let error = client.task(support::OPERATION, "822953089408827433").unwrap().wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(sandbox.requests().len(), 2);
}

#[tokio::test]
async fn a_list_gives_the_newest_first_and_a_gateway_without_it_is_rejected() {
    let (sandbox, client, _) = sandbox(TASK_TIME).await;
    let first = client.submit(request()).await.unwrap();
    let second = client.submit(request()).await.unwrap();
    let ids: Vec<_> = client
        .list(support::OPERATION)
        .start_at(1)
        .page_size(30)
        .next_page()
        .await
        .unwrap()
        .unwrap()
        .into_iter()
        .map(|info| info.task_id)
        .collect();
    assert_eq!(ids, [second.id(), first.id()]);
    let last = sandbox.requests().pop().unwrap();
    assert_eq!(last.query.as_deref(), Some("pageNum=1&pageSize=30"));
    assert_eq!(
        client.list(support::OPERATION).start_at(0).page_size(501).next_page().await.unwrap_err().violations().len(),
        2
    );

    let lacks = r#"{"error":{"message":"Invalid URL (GET /kling/v1/videos/multi-image2video)","type":"invalid_request_error","param":"","code":""}}"#;
    sandbox.respond_next(Endpoint::List, ScriptedResponse::new(404).body(lacks));
    let error = client.list(support::OPERATION).start_at(1).page_size(30).next_page().await.unwrap_err();
    assert_eq!((error.kind(), error.step()), (ErrorKind::Rejected, "list"));
    assert!(error.message().contains("Invalid URL"), "{error}");
}

#[tokio::test]
async fn a_task_is_found_by_the_callers_own_id() {
    let (_sandbox, client, _) = sandbox(TASK_TIME).await;
    let request = kling_client::MultiImageToVideo::builder()
        .images([Image::url("https://example.com/cat.png")])
        .prompt("x")
        .external_task_id("order-7")
        .build()
        .unwrap();
    let task = client.submit(request).await.unwrap();
    assert_eq!(task.external_task_id(), Some("order-7"));
    let mut found = client.task(support::OPERATION, "order-7").unwrap();
    assert_eq!(found.refresh().await.unwrap().task_id, task.id());
}
