//! What a client is set up with and what it reports: keys, base URLs, prefixes, pages, reasons, sources.

mod support;

use std::error::Error as _;
use std::time::Duration;

use kling_client::{Client, ErrorKind, Model, Operation, Reason, TextToVideo};
use kling_sandbox::{Endpoint as Step, ScriptedResponse};
use support::{OPERATION, client, request, sandbox};

#[tokio::test]
async fn a_client_with_another_key_is_the_same_client_for_another_user() {
    let (sandbox, _, clock) = sandbox(Duration::ZERO).await;
    let service = Client::builder("sk-of-nobody").base_url(sandbox.base_url()).clock(clock).max_running(1);
    let service = service.build().unwrap();
    let error = service.submit(request()).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Rejected, Reason::Auth));

    let [first, second] = [(); 2].map(|()| service.with_key(sandbox.api_key()).unwrap());
    let running = first.submit(request()).await.unwrap();
    // Another user's tasks take no slot of this one's.
    second.submit(request()).await.unwrap().wait().await.unwrap();
    running.wait().await.unwrap();
    assert_eq!(service.with_key("\n").unwrap_err().violations()[0].path, "key");
    sandbox.assert_key_never_leaked();
}

#[test]
fn plain_http_to_another_machine_needs_permission_and_to_this_one_none() {
    let build = |url: &str, allowed| Client::builder("key").base_url(url).allow_http(allowed).build();
    for url in ["http://127.0.0.1:1", "http://localhost", "http://[::1]:1", "https://gateway.example"] {
        assert!(build(url, false).is_ok(), "{url}");
    }
    let error = build("http://gateway.internal", false).unwrap_err();
    assert!(error.violations()[0].limit.contains("allow_http"), "{error}");
    assert_eq!(build("http://gateway.internal/kling/v1", true).unwrap().base_url(), "http://gateway.internal");
}

#[tokio::test]
async fn the_path_prefix_of_gateways_can_be_replaced() {
    for (prefix, path) in [("", "/v1/videos/multi-image2video"), ("/kling/", "/kling/v1/videos/multi-image2video")] {
        let (sandbox, _, clock) = sandbox(Duration::ZERO).await;
        let client = client(&sandbox).clock(clock).path_prefix(prefix).build().unwrap();
        client.submit(request()).await.unwrap().wait().await.unwrap();
        assert_eq!(sandbox.requests()[0].path, path);
    }
}

#[tokio::test]
async fn pages_end_with_an_empty_one_or_one_that_repeats_the_page_before() {
    let (sandbox, client, _) = sandbox(Duration::ZERO).await;
    for _ in 0..5 {
        client.submit(request()).await.unwrap();
    }
    for (size, lengths) in [(2, &[2, 2, 1][..]), (5, &[5]), (6, &[5])] {
        let (mut pages, mut seen) = (client.list(OPERATION).page_size(size), Vec::new());
        while let Some(page) = pages.next_page().await.unwrap() {
            seen.push(page.len());
        }
        assert_eq!(seen, lengths, "{size}");
        assert!(pages.next_page().await.unwrap().is_none(), "{size}");
    }
    // A gateway that limits the size of a page, and one that knows no pages.
    let page = |ids: &[u32]| {
        let tasks: Vec<_> =
            ids.iter().map(|id| serde_json::json!({"task_id": id.to_string(), "task_status": "failed"})).collect();
        ScriptedResponse::new(200).body(serde_json::json!({"code": 0, "data": tasks}).to_string())
    };
    let mut pages = client.list(OPERATION).page_size(100);
    for (ids, length) in [(&[9, 8][..], Some(2)), (&[7], Some(1)), (&[7], None)] {
        sandbox.respond_next(Step::List, page(ids));
        assert_eq!(pages.next_page().await.unwrap().map(|tasks| tasks.len()), length);
    }
    // A page that failed is requested again.
    let mut pages = client.list(OPERATION).start_at(2).page_size(3);
    sandbox.respond_next(Step::List, ScriptedResponse::new(502));
    pages.next_page().await.unwrap_err();
    assert_eq!(pages.next_page().await.unwrap().unwrap().len(), 2);
    assert_eq!(sandbox.requests().pop().unwrap().query.as_deref(), Some("pageNum=2&pageSize=3"));
}

#[tokio::test]
async fn every_refusal_has_its_reason_whatever_says_it() {
    let (sandbox, client, _) = sandbox(Duration::ZERO).await;
    let coded = |code: u32| format!(r#"{{"code":{code},"message":"m"}}"#);
    let worded = |word: &str| format!(r#"{{"error":{{"code":"{word}","message":"m"}}}}"#);
    let task = client.submit(request()).await.unwrap();
    for (status, body, reason) in [
        (401, coded(1002), Reason::Auth),
        (403, coded(1103), Reason::Permission),
        (429, coded(1304), Reason::Permission),
        (429, coded(1102), Reason::Balance),
        (403, worded("insufficient_user_quota"), Reason::Balance),
        (402, String::new(), Reason::Balance),
        (400, coded(1201), Reason::InvalidRequest),
        (400, coded(1301), Reason::ContentPolicy),
        (429, coded(1302), Reason::RateLimited),
        (429, "<html>Too Many Requests</html>".to_owned(), Reason::RateLimited),
        (429, coded(1303), Reason::ConcurrencyLimit),
        (503, worded("upstream_load_saturated"), Reason::Overloaded),
        (404, coded(1203), Reason::ModelRetired),
        (503, worded("model_not_found"), Reason::ModelUnavailable),
        (404, r#"{"error":{"message":"Invalid URL (POST /kling)"}}"#.to_owned(), Reason::Unsupported),
        (200, "<html>console</html>".to_owned(), Reason::Unsupported),
        (503, coded(5001), Reason::Maintenance),
        (500, coded(5000), Reason::Internal),
        (418, String::new(), Reason::Unknown),
    ] {
        sandbox.respond_next(Step::Create, ScriptedResponse::new(status).body(body.clone()));
        let error = client.submit(request()).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{status} {body}: {error}");
        assert_eq!(error.operation(), Some(OPERATION.as_str()), "{error}");
        assert_eq!(serde_json::to_value(error.reason()).unwrap(), reason.as_str());
    }
    for (message, reason) in [
        ("Failure to pass the risk control system", Reason::ContentPolicy),
        ("Image pixel is invalid", Reason::InvalidRequest),
        ("m", Reason::Unknown),
    ] {
        let data = serde_json::json!({"task_id": task.id(), "task_status": "failed", "task_status_msg": message});
        sandbox.respond_next(
            Step::Get,
            ScriptedResponse::new(200).body(serde_json::json!({"code": 0, "data": data}).to_string()),
        );
        let error = client.task(OPERATION, task.id()).unwrap().wait().await.unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::TaskFailed, reason), "{message}");
    }
}

#[tokio::test]
async fn the_source_of_a_failure_is_kept_and_names_no_url() {
    let (sandbox, client, _) = sandbox(Duration::ZERO).await;
    let task = client.submit(request()).await.unwrap();
    sandbox.shutdown().await;
    let error = client.task(OPERATION, task.id()).unwrap().refresh().await.map(|_| ()).unwrap_err();
    let source = error.source().and_then(|source| source.downcast_ref::<reqwest::Error>()).expect("reqwest's");
    assert!(source.is_connect() && source.url().is_none(), "{source:?}");
}

#[tokio::test]
async fn a_video_from_text_takes_the_same_way() {
    let (sandbox, client, _) = sandbox(Duration::from_secs(240)).await;
    let request = TextToVideo::builder().model(Model::KlingV2_6).prompt("A cat puts a hat on").build().unwrap();
    assert_eq!(request.operation(), Operation::TextToVideo);
    let id = request.external_task_id().unwrap().to_owned();
    let task = client.submit(request).await.unwrap();
    assert_eq!(sandbox.requests()[0].path, "/kling/v1/videos/text2video");
    let found = client.find_task(Operation::TextToVideo, &id).await.unwrap().unwrap();
    assert_eq!((found.id(), found.operation()), (task.id(), Operation::TextToVideo));
    assert!(client.find_task(OPERATION, &id).await.unwrap().is_none(), "of another operation");

    let saved = task.save();
    assert_eq!(serde_json::to_value(&saved).unwrap()["operation"], "text2video");
    let finished = client.resume(saved).unwrap().wait().await.unwrap();
    let path = finished.download(support::directory("text2video").join("cat.mp4")).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), sandbox.video_bytes());
}

#[test]
#[cfg(not(feature = "jwt"))]
fn an_access_key_without_the_feature_is_an_error_that_names_it() {
    const CHILD: &str = "KLING_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return println!("{}", Client::from_env().unwrap_err());
    }
    let test = ["--exact", "--nocapture", "an_access_key_without_the_feature_is_an_error_that_names_it"];
    for name in [kling_client::ACCESS_KEY_VARIABLE, kling_client::SECRET_KEY_VARIABLE] {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let output = command.args(test).env(CHILD, "1").env_remove("KLING_API_KEY").env(name, "text").output().unwrap();
        let output = String::from_utf8_lossy(&output.stdout);
        assert!(output.contains("which need the feature jwt"), "{output}");
    }
}

#[test]
fn an_unknown_operation_can_be_stored_but_not_used() {
    let client = Client::builder("key").build().unwrap();
    let error = client.task("lip-sync".into(), "7").unwrap_err();
    assert!(error.to_string().contains("multi-image2video, text2video"), "{error}");
    let stored: Operation = serde_json::from_str("\"lip-sync\"").unwrap();
    assert_eq!((stored.to_string().as_str(), stored.json_schema()), ("lip-sync", None));
}
