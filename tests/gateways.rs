//! Proves that a response is read for what it says in every form that gateways and the proxies before them give it: which
//! task it is about, a stale status within a newer one, outputs wherever they stand, encodings, and text around the JSON.

mod support;

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use kling_client::{
    Client, Error, ErrorKind, Image, MultiImageToVideo, Request, Result, TaskInfo, TaskStatus, callback,
};
use kling_sandbox::{Endpoint, Sandbox, ScriptedResponse};
use serde_json::{Value, json};

/// A gateway that gives scripted responses, and a client of it.
struct Gateway {
    sandbox: Sandbox,
    client: Client,
}

impl Gateway {
    async fn start() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let client = support::client(&sandbox).build().unwrap();
        Self { sandbox, client }
    }

    async fn polled(&self, response: ScriptedResponse) -> Result<TaskInfo> {
        self.sandbox.respond_next(Endpoint::Get, response);
        self.client.task(support::OPERATION, "7001").unwrap().refresh().await.cloned()
    }

    async fn submitted(&self, response: ScriptedResponse) -> Result<TaskInfo> {
        self.sandbox.respond_next(Endpoint::Create, response);
        let request = support::request_of([Image::url("https://example.com/a.png")]);
        self.client.submit(request).await.map(|task| task.info().unwrap().clone())
    }

    /// A relative URL as it is joined to the base URL.
    fn joined(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.base_url())
    }
}

fn answer(status: u16, body: &Value) -> ScriptedResponse {
    ScriptedResponse::new(status).header("content-type", "application/json").body(body.to_string())
}

fn urls(info: &TaskInfo) -> Vec<String> {
    info.outputs.iter().map(|output| output.url.clone()).collect()
}

/// A request without an external id.
fn without_external_id() -> Request {
    let builder = MultiImageToVideo::builder().images([Image::url("https://example.com/a.png")]).prompt("x");
    builder.without_external_task_id().build().unwrap()
}

/// What a response gave: id and status, or the kind of the error.
fn outcome(result: Result<TaskInfo>) -> Result<(String, String), ErrorKind> {
    result.map(|info| (info.task_id, info.status.to_string())).map_err(|error| error.kind())
}

fn task(id: &str, status: &str) -> Result<(String, String), ErrorKind> {
    Ok((id.to_owned(), status.to_owned()))
}

#[tokio::test]
async fn a_readable_task_beats_an_error_code_if_it_is_the_one_that_was_polled() {
    let gateway = Gateway::start().await;
    let failed =
        |id: &str| json!({"task_id": id, "task_status": "failed", "task_status_msg": "Image pixel is invalid"});
    for (status, body, expected) in [
        (200, json!({"code": 1301, "message": "blocked", "data": failed("7001")}), task("7001", "failed")),
        (400, json!({"code": 1201, "message": "m", "data": failed("7001")}), task("7001", "failed")),
        (500, json!({"code": "fail_to_fetch_task", "message": "m", "data": failed("7001")}), task("7001", "failed")),
        (429, failed("7001"), task("7001", "failed")),
        (
            200,
            json!({"id": "7001", "object": "video", "status": "failed", "error": {"code": "content_policy", "message": "m"}}),
            task("7001", "failed"),
        ),
        (502, json!({"task_id": "7001", "status": "processing"}), task("7001", "processing")),
        (
            400,
            json!({"code": 1201, "data": {"task_id": "9", "task_status": "failed", "task_info": {"external_task_id": "7001"}}}),
            task("9", "failed"),
        ),
        (403, json!({"code": "x", "message": "m", "data": [failed("8"), failed("7001")]}), task("7001", "failed")),
        (400, json!({"code": 1201, "message": "m", "data": failed("8")}), Err(ErrorKind::Rejected)),
        (400, json!({"code": 1201, "message": "m", "data": [failed("8")]}), Err(ErrorKind::Rejected)),
        (500, json!({"code": 5000, "message": "m", "data": failed("8")}), Err(ErrorKind::UnexpectedResponse)),
    ] {
        assert_eq!(outcome(gateway.polled(answer(status, &body)).await), expected, "{status} {body}");
    }
    let blocked =
        json!({"code": 1301, "message": "content blocked", "data": {"task_id": "7001", "task_status": "failed"}});
    gateway.sandbox.respond_next(Endpoint::Get, answer(200, &blocked));
    let error = gateway.client.task(support::OPERATION, "7001").unwrap().wait().await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::TaskFailed, "content blocked"));
    assert!(!error.may_have_been_charged());
}

#[tokio::test]
async fn a_create_that_is_refused_gives_a_task_only_where_it_is_named_beyond_doubt() {
    let gateway = Gateway::start().await;
    for (status, body, expected) in [
        (500, json!({"code": "server_error", "message": "m", "data": {"task_id": "9"}}), task("9", "submitted")),
        (400, json!({"code": 1201, "message": "m", "task_id": "9", "status": "failed"}), task("9", "failed")),
        (200, json!({"code": 5000, "message": "m", "data": {"task_id": "9"}}), task("9", "submitted")),
        (429, json!({"task_id": "9", "status": "queued"}), task("9", "submitted")),
        (200, json!({"id": "9", "status": "queued"}), task("9", "submitted")),
        (200, json!({"id": "3", "task_id": "9", "status": "queued"}), task("9", "submitted")),
        (
            200,
            json!({"id": "3", "status": "ok", "data": {"task_id": "9", "task_status": "submitted"}}),
            task("9", "submitted"),
        ),
        (400, json!({"id": "9", "status": "failed", "message": "m"}), Err(ErrorKind::Rejected)),
        (403, json!({"id": "9", "object": "video", "status": "failed", "code": "x"}), Err(ErrorKind::Rejected)),
        (200, json!({"code": 1201, "message": "m", "id": "9", "status": "failed"}), Err(ErrorKind::Rejected)),
        (400, json!({"code": 1201, "data": {"task_id": ""}}), Err(ErrorKind::Rejected)),
        (400, json!({"code": 1201, "data": {"task_id": 0}}), Err(ErrorKind::Rejected)),
        (
            400,
            json!({"code": 1201, "data": {"task_id": "9", "task_info": {"external_task_id": "another's"}}}),
            Err(ErrorKind::Rejected),
        ),
        (
            200,
            json!({"code": 0, "data": {"task_id": "9", "task_info": {"external_task_id": "another's"}}}),
            Err(ErrorKind::Ambiguous),
        ),
        (200, json!({"code": 0, "data": [{"task_id": "9", "task_status": "succeed"}]}), Err(ErrorKind::Ambiguous)),
    ] {
        assert_eq!(outcome(gateway.submitted(answer(status, &body)).await), expected, "{status} {body}");
    }
}

#[tokio::test]
async fn of_a_list_a_create_takes_only_the_task_with_its_own_external_id() {
    let gateway = Gateway::start().await;
    let request = support::request();
    let ours = request.external_task_id().unwrap();
    let list = json!({"code": 0, "data": [
        {"task_id": "8", "task_status": "succeed"},
        {"task_id": "9", "task_status": "submitted", "task_info": {"external_task_id": ours}},
    ]});
    gateway.sandbox.respond_next(Endpoint::Create, answer(200, &list));
    assert_eq!(gateway.client.submit(request).await.unwrap().id(), "9");
}

#[tokio::test]
async fn a_gateway_that_was_sent_no_external_id_may_add_its_own() {
    let gateway = Gateway::start().await;
    let body = json!({"code": 0, "data": {"task_id": "9", "task_info": {"external_task_id": "the gateway's"}}});
    gateway.sandbox.respond_next(Endpoint::Create, answer(200, &body));
    let request = without_external_id();
    let task = gateway.client.submit(request).await.unwrap();
    assert_eq!((task.id(), task.external_task_id()), ("9", Some("the gateway's")));
}

#[tokio::test]
async fn a_response_about_another_task_is_a_failed_poll() {
    let gateway = Gateway::start().await;
    for body in [
        json!({"code": 0, "data": {"task_id": "8", "task_status": "succeed", "task_result": {"videos": [{"url": "https://cdn.example/a.mp4"}]}}}),
        json!({"code": "success", "data": {"task_id": "8", "status": "FAILURE", "fail_reason": "x"}}),
        json!({"id": "8", "object": "video", "status": "failed"}),
    ] {
        let error = gateway.polled(answer(200, &body)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::UnexpectedResponse, true), "{error}");
        assert!(error.message().contains("another task, 8"), "{error}");
    }
    // A gateway's wrapper has the gateway's id around Kling's own; either is the task's.
    for (outer, inner) in [("7001", "8"), ("8", "7001")] {
        let body = json!({"code": "success", "data": {"task_id": outer, "status": "IN_PROGRESS", "data":
            {"code": 0, "data": {"task_id": inner, "task_status": "processing"}}}});
        assert_eq!(outcome(gateway.polled(answer(200, &body)).await), task(outer, "processing"));
    }
}

/// A wrapper with a status of its own around Kling's.
fn wrapped(outer: &str, reason: &str, inner: &str, videos: Value) -> Value {
    json!({"code": "success", "message": "", "data": {"task_id": "7001", "status": outer, "fail_reason": reason, "progress": "100%",
        "data": {"code": 0, "message": "SUCCEED", "data": {"task_id": "811", "task_status": inner, "task_status_msg": "",
        "task_result": {"videos": videos}}}}})
}

#[tokio::test]
async fn a_status_around_a_stale_one_counts_where_it_is_final() {
    let gateway = Gateway::start().await;
    let one = || json!([{"id": "1", "url": "https://cdn.example/a.mp4", "duration": "5.1"}]);
    for (outer, inner, videos, expected) in [
        ("FAILURE", "processing", json!([]), "failed"),
        ("FAILURE", "submitted", json!(null), "failed"),
        ("cancelled", "reviewing", json!([]), "failed"),
        ("SUCCESS", "processing", one(), "succeed"),
        ("SUCCESS", "processing", json!([]), "processing"),
        ("SUCCESS", "failed", one(), "failed"),
        ("FAILURE", "succeed", one(), "succeed"),
        ("IN_PROGRESS", "succeed", one(), "succeed"),
        ("IN_PROGRESS", "failed", json!([]), "failed"),
        ("UNKNOWN", "processing", json!([]), "processing"),
    ] {
        let body = wrapped(outer, "任务超时", inner, videos);
        for info in
            [gateway.polled(answer(200, &body)).await.unwrap(), callback::parse(body.to_string().as_bytes()).unwrap()]
        {
            assert_eq!((info.task_id.as_str(), info.status.as_str()), ("7001", expected), "{outer} around {inner}");
            assert_eq!(!info.outputs.is_empty(), expected == "succeed", "{outer} around {inner}");
            if expected == "failed" && outer != "SUCCESS" {
                assert_eq!(info.status_message.as_deref(), Some("任务超时"));
            }
        }
    }
    // An envelope's own status is no task's.
    let body =
        json!({"event": "task.updated", "status": "failed", "data": {"task_id": "7001", "task_status": "processing"}});
    assert_eq!(callback::parse(body.to_string().as_bytes()).unwrap().status, TaskStatus::Processing);
}

#[tokio::test]
async fn every_word_for_a_status_is_read_in_any_case_and_with_any_separator() {
    let gateway = Gateway::start().await;
    for (expected, words) in [
        ("submitted", "submitted QUEUED not_start NOT-START pending"),
        ("processing", "processing IN_PROGRESS in-progress running"),
        ("succeed", "succeed Succeeded SUCCESS complete COMPLETED done Finished ok OK"),
        ("failed", "fail FAILED failure Cancelled canceled REJECTED"),
        ("UNKNOWN", "UNKNOWN"),
        ("error", "error"),
        ("timed_out", "timed_out"),
    ] {
        for word in words.split(' ') {
            let body = json!({"task_id": "7001", "status": format!(" {word} ").trim_end(), "url": "https://cdn.example/a.mp4"});
            let info = gateway.polled(answer(200, &body)).await.unwrap();
            assert_eq!(info.status.as_str().trim(), expected, "{word}");
        }
    }
    assert_eq!(TaskStatus::from("In Progress"), TaskStatus::Processing);
    // In the response to a create, a success without an output is one of the request.
    for word in ["success", "ok", "done", ""] {
        let body = json!({"task_id": "9", "status": word});
        assert_eq!(outcome(gateway.submitted(answer(200, &body)).await), task("9", "submitted"), "{word}");
    }
}

#[tokio::test]
async fn a_doubtful_word_is_a_failure_once_two_polls_in_a_row_say_so() {
    let gateway = Gateway::start().await;
    for word in ["error", "EXPIRED", "aborted", "timeout", "timed out", "TIMED_OUT"] {
        let body = json!({"task_id": "7001", "status": word, "fail_reason": "upstream said no"});
        let running = json!({"task_id": "7001", "status": "running"});
        for (before, fails) in [(vec![&body], true), (vec![&body, &running], false), (vec![&running], false)] {
            let mut task = gateway.client.task(support::OPERATION, "7001").unwrap();
            for body in before {
                gateway.sandbox.respond_next(Endpoint::Get, answer(200, body));
                assert!(!task.refresh().await.unwrap().status.is_final(), "{word}");
            }
            gateway.sandbox.respond_next(Endpoint::Get, answer(200, &body));
            let info = task.refresh().await.unwrap();
            assert_eq!(info.status == TaskStatus::Failed, fails, "{word}");
            if fails {
                let message = info.status_message.as_deref().unwrap();
                assert!(message.contains("upstream said no") && message.contains(word), "{message}");
            }
        }
    }
}

#[tokio::test]
async fn outputs_are_found_in_every_place_where_gateways_put_them() {
    let gateway = Gateway::start().await;
    let flat = |field: &str, value: Value| json!({"task_id": "7001", "status": "completed", field: value});
    let native = |result: Value| json!({"code": 0, "data": {"task_id": "7001", "task_status": "succeed", "task_result": result}});
    let (a, b) = ("https://cdn.example/a.mp4?sig=1", "https://cdn.example/b.mp4");
    for (body, expected) in [
        (native(json!({"videos": [{"url": a}]})), vec![a]),
        (native(json!({"videos": [{"url": a}, {"url": b}]})), vec![a, b]),
        (native(json!({"videos": [a, b]})), vec![a, b]),
        (native(json!({"videos": null, "url": a})), vec![a]),
        (native(json!({"video_url": a})), vec![a]),
        (native(json!({"videos": [{"id": "1", "url": "", "watermark_url": a}]})), vec![a]),
        (native(json!({"videos": [{"id": "1", "url": b, "watermark_url": a}]})), vec![b]),
        (native(json!({"video": {"url": a}})), vec![a]),
        (flat("url", json!(a)), vec![a]),
        (flat("result_url", json!(a)), vec![a]),
        (flat("video_url", json!(a)), vec![a]),
        (flat("fail_reason", json!(a)), vec![a]),
        (flat("video", json!({"url": a, "duration": 10})), vec![a]),
        (flat("video", json!(a)), vec![a]),
        (flat("videos", json!([a, b])), vec![a, b]),
        (flat("output", json!(a)), vec![a]),
        (flat("output", json!([a, b])), vec![a, b]),
        (flat("output", json!({"video_url": a})), vec![a]),
        (flat("outputs", json!([{"url": a}, {"url": b}])), vec![a, b]),
        (flat("result", json!({"videos": [{"url": a}]})), vec![a]),
        (flat("metadata", json!({"url": a})), vec![a]),
        (flat("data", json!([{"url": a}])), vec![a]),
        (
            json!({"code": "success", "data": {"task_id": "7001", "status": "SUCCESS", "result_url": a, "data": null}}),
            vec![a],
        ),
        // What the caller sent is no output.
        (flat("input", json!({"url": a, "video_url": a})), vec![]),
        (flat("request", json!({"videos": [a]})), vec![]),
        (flat("task_info", json!({"parent_video": {"url": a}, "url": a})), vec![]),
        (flat("parent_video", json!({"url": a})), vec![]),
        (flat("metadata", json!({"input": {"url": a}})), vec![]),
        // Nor is a word.
        (flat("url", json!("N/A")), vec![]),
        (flat("output", json!("done")), vec![]),
        (flat("fail_reason", json!("none/unknown.")), vec![]),
        (flat("result", json!("/")), vec![]),
    ] {
        let info = gateway.polled(answer(200, &body)).await.unwrap();
        assert_eq!(urls(&info), expected, "{body}");
    }
    let video = flat("video", json!({"id": "v", "url": a, "duration": 10}));
    let info = gateway.polled(answer(200, &video)).await.unwrap();
    assert_eq!((info.outputs[0].id.as_deref(), info.outputs[0].duration), (Some("v"), Some(Duration::from_secs(10))));
    // Outputs of what did not succeed are previews at best.
    let running = json!({"task_id": "7001", "status": "running", "url": a});
    assert!(gateway.polled(answer(200, &running)).await.unwrap().outputs.is_empty());
}

#[tokio::test]
async fn a_relative_url_is_joined_to_the_base_url() {
    let gateway = Gateway::start().await;
    for (url, expected) in [
        ("/v1/videos/x/content", gateway.joined("/v1/videos/x/content")),
        ("v1/videos/x.mp4", gateway.joined("/v1/videos/x.mp4")),
        ("//cdn.example/a.mp4", "http://cdn.example/a.mp4".to_owned()),
        ("https://cdn.example/a.mp4", "https://cdn.example/a.mp4".to_owned()),
    ] {
        let body = json!({"code": 0, "data": {"task_id": "7001", "task_status": "succeed", "task_result": {"videos": [{"url": url}]}}});
        let info = gateway.polled(answer(200, &body)).await.unwrap();
        assert_eq!(urls(&info), [expected]);
        let told = callback::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(urls(&told), [url], "a callback has no base URL");
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn an_encoding_that_nobody_asked_for_is_decoded_or_named() {
    let gateway = Gateway::start().await;
    let body = json!({"code": 0, "data": {"task_id": "7001", "task_status": "processing"}}).to_string();
    for (encoding, bytes) in [("gzip", gzip(&body)), ("deflate", zlib(&body)), ("x-gzip", gzip(&body))] {
        let encoded = |status| ScriptedResponse::new(status).header("content-encoding", encoding);
        let info = gateway.polled(encoded(200).body(bytes.clone())).await.unwrap();
        assert_eq!(info.status, TaskStatus::Processing, "{encoding}");
        assert_eq!(gateway.submitted(encoded(200).body(bytes)).await.unwrap().task_id, "7001", "{encoding}");
    }
    for encoding in ["br", "zstd"] {
        let answer =
            ScriptedResponse::new(200).header("content-encoding", encoding).body(vec![0x28, 0xb5, 0x2f, 0xfd, 0, 1]);
        let polled = gateway.polled(answer.clone()).await.unwrap_err();
        assert_eq!((polled.kind(), polled.is_retryable()), (ErrorKind::UnexpectedResponse, true), "{polled}");
        let submitted = gateway.submitted(answer).await.unwrap_err();
        assert_eq!(submitted.kind(), ErrorKind::Ambiguous, "{submitted}");
        for error in [polled, submitted] {
            assert!(error.message().contains(encoding), "{error}");
        }
    }
    let bomb = gzip(&" ".repeat(9 * 1024 * 1024));
    let error =
        gateway.polled(ScriptedResponse::new(200).header("content-encoding", "gzip").body(bomb)).await.unwrap_err();
    assert!(error.message().contains("larger than"), "{error}");
}

#[tokio::test]
async fn text_around_the_first_json_is_skipped_and_a_second_document_is_tried() {
    let gateway = Gateway::start().await;
    let json = json!({"code": 0, "data": {"task_id": "7001", "task_status": "processing"}}).to_string();
    for body in [
        format!("\u{feff}{json}"),
        format!("\n\n \u{feff}\r\n{json}"),
        format!("{json}\n"),
        format!("{json}<!-- served by cache -->"),
        format!("{json}{{\"code\":1303,\"message\":\"busy\"}}"),
        format!("{{\"notice\":\"maintenance on Sunday\"}}{json}"),
        format!("[]\n{json}"),
        format!("null {json}"),
    ] {
        assert_eq!(
            gateway.polled(ScriptedResponse::new(200).body(body.clone())).await.unwrap().status,
            TaskStatus::Processing,
            "{body}"
        );
        assert_eq!(
            gateway.submitted(ScriptedResponse::new(200).body(body.clone())).await.unwrap().task_id,
            "7001",
            "{body}"
        );
        assert_eq!(callback::parse(body.as_bytes()).unwrap().status, TaskStatus::Processing, "{body}");
    }
    let refused = format!("\u{feff}{{\"x\":1}}{}", json!({"code": 1303, "message": "busy"}));
    let error = gateway.submitted(ScriptedResponse::new(429).body(refused)).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Some("1303"), "busy"));
    for nothing in ["", "\u{feff}", "x{}", "\"7001\""] {
        assert_eq!(callback::parse(nothing.as_bytes()).unwrap_err().kind(), ErrorKind::UnexpectedResponse);
    }
}

/// The ids in the paths of the polls that a sandbox has received.
fn polled_ids(sandbox: &Sandbox) -> Vec<String> {
    let polls = sandbox.requests().into_iter().filter(|request| request.method == "GET");
    polls.map(|request| request.path.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn an_odd_id_of_the_servers_is_escaped_or_polled_by_the_callers_id() {
    let gateway = Gateway::start().await;
    let request = || support::request();
    for (id, path) in [
        ("a/b", Some("a%2Fb")),
        ("50%", Some("50%25")),
        ("a?b#c", Some("a%3Fb%23c")),
        ("a\tb", Some("a%09b")),
        ("%2e%2e", Some("%252e%252e")),
        ("..", None),
        ("a\\b", None),
    ] {
        let request = request();
        let external = request.external_task_id().unwrap().to_owned();
        let body = json!({"code": 0, "data": {"task_id": id, "task_status": "submitted"}});
        gateway.sandbox.respond_next(Endpoint::Create, answer(200, &body));
        let mut task = gateway.client.submit(request).await.unwrap();
        assert_eq!(task.id(), id);
        let saved = serde_json::to_string(&task.save()).unwrap();
        let mut resumed = gateway.client.resume(serde_json::from_str(&saved).unwrap()).unwrap();
        for task in [&mut task, &mut resumed] {
            let running = json!({"code": 0, "data": {"task_id": id, "task_status": "processing"}});
            gateway.sandbox.respond_next(Endpoint::Get, answer(200, &running));
            assert_eq!(task.refresh().await.unwrap().status, TaskStatus::Processing);
            assert_eq!(polled_ids(&gateway.sandbox).pop().as_deref(), Some(path.unwrap_or(&external)), "{id}");
        }
    }
}

#[tokio::test]
async fn a_task_that_no_url_can_name_is_paid_all_the_same_and_its_error_says_so() {
    let gateway = Gateway::start().await;
    gateway.sandbox.respond_next(Endpoint::Create, answer(200, &json!({"code": 0, "data": {"task_id": ".."}})));
    let request = without_external_id();
    let mut task = gateway.client.submit(request).await.unwrap();
    let errors: [Error; 2] = [task.refresh().await.cloned().unwrap_err(), task.wait().await.unwrap_err()];
    for error in errors {
        assert!(error.may_have_been_charged() && error.task_id() == Some(".."), "{error}");
        assert!(!error.to_string().contains("nothing was sent"), "{error}");
    }
}

#[tokio::test]
async fn a_poll_that_meets_a_page_says_so_and_claims_nothing_about_the_gateway() {
    let gateway = Gateway::start().await;
    for page in ["<!doctype html><title>We will be right back</title>", "<html><body>Sign in</body></html>"] {
        let error = gateway.polled(ScriptedResponse::new(200).body(page)).await.unwrap_err();
        assert!(error.message().contains("a web page") && !error.to_string().contains("lacks"), "{error}");
        assert!(error.hint().unwrap().contains("poll again"), "{error}");
    }
}

#[tokio::test]
async fn every_status_means_the_same_whatever_a_proxy_puts_into_the_body() {
    let gateway = Gateway::start().await;
    let page = "<!DOCTYPE html><html><head><title>Sorry</title></head><body>Sorry</body></html>";
    for status in 400..600 {
        for body in ["", page, "something went wrong", r#"{"detail":"something went wrong"}"#] {
            let answer = ScriptedResponse::new(status).body(body);
            let case = format!("{status} {body}");
            let passing = status >= 500 || status == 408;
            let (create, poll) = match status {
                429 => ((ErrorKind::Rejected, true), (ErrorKind::Rejected, true)),
                _ if passing => ((ErrorKind::Ambiguous, false), (ErrorKind::UnexpectedResponse, true)),
                _ => ((ErrorKind::Rejected, false), (ErrorKind::Rejected, false)),
            };
            let error = gateway.submitted(answer.clone()).await.unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), create, "create: {case}");
            let error = gateway.polled(answer.clone()).await.unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), poll, "poll: {case}");
            gateway.sandbox.respond_next(Endpoint::List, answer);
            let error =
                gateway.client.list(support::OPERATION).start_at(1).page_size(30).next_page().await.unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), poll, "list: {case}");
        }
    }
}
