//! Proves that every shape of response is read for what it says, and every refusal for what it means: the shapes that
//! gateways give to a create, a query and a list, and each row of the tables of codes and words.

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kling_client::{Client, ErrorKind, TaskInfo};
use kling_sandbox::{Endpoint, Sandbox, ScriptedResponse};
use serde_json::{Value, json};

/// A client of a sandbox that will give this response to an operation.
async fn responding(operation: Endpoint, response: ScriptedResponse) -> (Sandbox, Client) {
    let sandbox = Sandbox::start().await.unwrap();
    let client = support::client(&sandbox).build().unwrap();
    sandbox.respond_next(operation, response);
    (sandbox, client)
}

fn ok(body: &Value) -> ScriptedResponse {
    ScriptedResponse::new(200).header("content-type", "application/json").body(body.to_string())
}

async fn queried(body: &Value) -> kling_client::Result<TaskInfo> {
    let (_sandbox, client) = responding(Endpoint::Get, ok(body)).await;
    client.task(support::OPERATION, "7001").unwrap().refresh().await.cloned()
}

async fn submitted(body: &Value) -> kling_client::Result<TaskInfo> {
    let (_sandbox, client) = responding(Endpoint::Create, ok(body)).await;
    client.submit(support::request()).await.map(|task| task.info().unwrap().clone())
}

/// What matters of a task, in a line.
fn line(info: &TaskInfo) -> String {
    let videos: Vec<_> = info.outputs.iter().map(|output| output.url.as_str()).collect();
    format!("{} {} {:?} {videos:?}", info.task_id, info.status, info.status_message.as_deref().unwrap_or(""))
}

fn at(milliseconds: u64) -> Option<SystemTime> {
    Some(UNIX_EPOCH + Duration::from_millis(milliseconds))
}

#[tokio::test]
async fn every_shape_of_a_task_is_read_for_what_it_says() {
    let native = |status: &str, result: Value| {
        json!({"code": 0, "message": "SUCCEED", "request_id": "r-1",
               "data": {"task_id": "7001", "task_status": status, "task_status_msg": "", "task_info": {}, "task_result": result}})
    };
    let one = json!({"videos": [{"id": "v-1", "url": "https://cdn.example/a.mp4?sig=1", "duration": "5.1"}]});
    let with = |mut body: Value, pointer: &str, value: Value| {
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let wrapped = |status: &str, reason: &str, data: Value| {
        json!({"code": "success", "message": "", "data": {"task_id": "7001", "action": "x", "status": status, "fail_reason": reason,
               "submit_time": 1764235825, "start_time": 0, "finish_time": 1764236054, "progress": "50%", "data": data}})
    };
    let flat = |status: &str| {
        json!({"code": "success", "message": "", "data": {"task_id": "7001", "status": status, "format": "mp4", "error": null,
               "metadata": null, "url": "https://media.example/b.m4v"}})
    };
    let a = r#"["https://cdn.example/a.mp4?sig=1"]"#;
    let b = r#"["https://media.example/b.m4v"]"#;
    for (body, expected) in [
        (native("submitted", json!({})), "7001 submitted \"\" []".to_owned()),
        (native("processing", json!({})), "7001 processing \"\" []".to_owned()),
        (native("succeed", one.clone()), format!("7001 succeed \"\" {a}")),
        (native("succeed", with(one.clone(), "/videos/0/duration", json!(5))), format!("7001 succeed \"\" {a}")),
        (native("SUCCEED", json!({"images": null, "videos": one["videos"]})), format!("7001 succeed \"\" {a}")),
        (
            native("succeed", json!({"images": [], "videos": one["videos"], "audios": []})),
            format!("7001 succeed \"\" {a}"),
        ),
        (native("succeed", json!({"videos": null})), "7001 succeed \"\" []".to_owned()),
        (native("succeed", json!(null)), "7001 succeed \"\" []".to_owned()),
        (native("failed", json!({})), "7001 failed \"\" []".to_owned()),
        (
            with(native("failed", json!({})), "/data/task_status_msg", json!("Image pixel is invalid")),
            "7001 failed \"Image pixel is invalid\" []".to_owned(),
        ),
        (with(native("failed", json!({})), "/data/task_status_msg", json!(null)), "7001 failed \"\" []".to_owned()),
        (native("UNKNOWN", json!({})), "7001 UNKNOWN \"\" []".to_owned()),
        (native("reviewing", json!({})), "7001 reviewing \"\" []".to_owned()),
        (with(native("processing", json!({})), "/data/task_id", json!(7001)), "7001 processing \"\" []".to_owned()),
        (with(native("processing", json!({})), "/code", json!("0")), "7001 processing \"\" []".to_owned()),
        (wrapped("SUCCESS", "", native("succeed", one.clone())), format!("7001 succeed \"\" {a}")),
        (wrapped("SUCCESS", "https://media.example/b.m4v", json!(null)), format!("7001 succeed \"\" {b}")),
        (wrapped("SUCCESS", "", native("failed", json!({}))), "7001 failed \"\" []".to_owned()),
        (
            wrapped("FAILURE", "Failure to pass the risk control system", json!(null)),
            "7001 failed \"Failure to pass the risk control system\" []".to_owned(),
        ),
        (wrapped("NOT_START", "", json!({})), "7001 submitted \"\" []".to_owned()),
        (wrapped("QUEUED", "", json!("")), "7001 submitted \"\" []".to_owned()),
        (wrapped("SUBMITTED", "", json!(null)), "7001 submitted \"\" []".to_owned()),
        (wrapped("IN_PROGRESS", "", native("processing", json!({}))), "7001 processing \"\" []".to_owned()),
        (wrapped("UNKNOWN", "", json!(null)), "7001 UNKNOWN \"\" []".to_owned()),
        (flat("succeeded"), format!("7001 succeed \"\" {b}")),
        (
            with(flat("failed"), "/data/error", json!("content blocked")),
            "7001 failed \"content blocked\" []".to_owned(),
        ),
        (
            with(flat("failed"), "/data/error", json!({"code": 1301, "message": "content blocked"})),
            "7001 failed \"content blocked\" []".to_owned(),
        ),
        (flat("queued"), "7001 submitted \"\" []".to_owned()),
        (flat("running"), "7001 processing \"\" []".to_owned()),
        (
            json!({"task_id": "7001", "status": "completed", "url": "https://media.example/b.m4v", "error": null}),
            format!("7001 succeed \"\" {b}"),
        ),
        (
            json!({"task_id": "7001", "status": "completed", "metadata": {"url": "https://media.example/b.m4v"}}),
            format!("7001 succeed \"\" {b}"),
        ),
        (
            json!({"task_id": "7001", "status": "failed", "error": {"message": "no"}}),
            "7001 failed \"no\" []".to_owned(),
        ),
        (
            json!({"id": "7001", "object": "video", "status": "in_progress", "progress": 3}),
            "7001 processing \"\" []".to_owned(),
        ),
        (json!({"id": "7", "task_id": "7001", "object": "video", "status": ""}), "7001  \"\" []".to_owned()),
    ] {
        let info = queried(&body).await.unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(line(&info), expected, "{body}");
    }
}

#[tokio::test]
async fn the_answer_to_a_create_gives_the_task_in_every_shape() {
    for (body, expected) in [
        (
            json!({"code": 0, "message": "SUCCEED", "request_id": "r", "data": {"task_id": "9", "task_status": "submitted", "task_info": {}, "created_at": 1}}),
            "9 submitted",
        ),
        (json!({"code": 0, "data": {"task_id": "9"}}), "9 submitted"),
        (
            json!({"id": "9", "task_id": "9", "object": "video", "model": "kling-v1-6", "status": "", "progress": 0, "created_at": 1769000000}),
            "9 submitted",
        ),
        (json!({"id": "9", "object": "video", "status": "queued"}), "9 submitted"),
        (json!({"code": "success", "message": "", "data": {"task_id": "9", "status": "NOT_START"}}), "9 submitted"),
        (json!({"task_id": "9", "status": "processing"}), "9 processing"),
    ] {
        let info = submitted(&body).await.unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(format!("{} {}", info.task_id, info.status), expected, "{body}");
    }
    // A task that cannot be named may have been made all the same, and another's is not ours.
    for body in [
        json!({"code": 0, "data": {"task_id": "9", "task_info": {"external_task_id": "another's"}}}),
        json!({}),
        json!([]),
        json!(null),
        json!("9"),
        json!({"code": 0, "data": null}),
        json!({"code": 0, "data": [{"task_id": "9"}]}),
        json!({"code": 0, "data": {"task_id": null}}),
    ] {
        assert_eq!(submitted(&body).await.unwrap_err().kind(), ErrorKind::Ambiguous, "{body}");
    }
}

#[tokio::test]
async fn ids_units_and_times_are_read_from_every_form() {
    let task = |created: Value, updated: Value| {
        json!({"code": 0, "data": {"task_id": "7001", "task_status": "succeed", "task_info": {"external_task_id": "order-7"},
               "final_unit_deduction": "2.5", "created_at": created, "updated_at": updated,
               "task_result": {"videos": [{"id": "v", "url": "https://cdn.example/a.mp4", "duration": "14.666"}]}}})
    };
    for (created, updated) in [
        (json!(1764235825029u64), json!(1764236054436u64)),
        (json!("1764235825029"), json!("1764236054436")),
        (json!("2025-11-27T09:30:25.029Z"), json!("2025-11-27 09:34:14.436")),
        (json!(1764235825.029), json!(1764236054.436)),
    ] {
        let info = queried(&task(created, updated)).await.unwrap();
        assert_eq!((info.created_at, info.updated_at), (at(1764235825029), at(1764236054436)));
        assert_eq!(info.external_task_id.as_deref(), Some("order-7"));
        assert_eq!(info.units_deducted.as_deref(), Some("2.5"));
        assert_eq!(info.outputs[0].duration, Some(Duration::from_millis(14666)));
        assert_eq!(info.raw()["data"]["final_unit_deduction"], "2.5");
    }
    let info = queried(&task(json!(1732017124), json!(null))).await.unwrap();
    assert_eq!((info.created_at, info.updated_at), (at(1732017124000), None));
    let info = queried(&task(json!("yesterday"), json!(-5))).await.unwrap();
    assert_eq!((info.created_at, info.updated_at), (None, None));
}

#[tokio::test]
async fn a_task_is_written_as_json_with_times_in_milliseconds_and_its_debug_shows_no_url() {
    let body = json!({"code": 0, "data": {"task_id": "7001", "task_status": "succeed", "task_status_msg": "fine",
               "final_unit_deduction": "2.5", "created_at": 1764235825029u64,
               "task_result": {"videos": [{"id": "v", "url": "https://cdn.example/a.mp4?sig=1", "duration": "5.1"}]}}});
    let info = queried(&body).await.unwrap();
    let video = json!({"kind": "video", "url": "https://cdn.example/a.mp4?sig=1", "id": "v", "index": 0, "duration": 5.1,
               "watermark_url": null, "wav_url": null});
    assert_eq!(
        serde_json::to_value(&info).unwrap(),
        json!({"task_id": "7001", "external_task_id": null, "status": "succeed", "status_message": "fine",
               "outputs": [video], "units_deducted": "2.5", "created_at": 1764235825029u64, "updated_at": null})
    );
    assert!(!format!("{info:?}").contains("sig=1"), "{info:?}");
    for status in ["submitted", "processing", "succeed", "failed", "reviewing"] {
        let read: kling_client::TaskStatus = serde_json::from_value(json!(status)).unwrap();
        assert_eq!((read.as_str(), serde_json::to_value(&read).unwrap()), (status, json!(status)));
    }
}

#[tokio::test]
async fn a_list_is_read_with_and_without_a_wrapper_and_what_has_no_id_is_left_out() {
    let tasks = json!([{"task_id": "1", "task_status": "succeed"}, {"task_status": "failed"}, null, {"task_id": "2", "status": "QUEUED"}]);
    for body in [json!({"code": 0, "data": tasks}), json!({"code": "success", "data": {"data": tasks}})] {
        let (_sandbox, client) = responding(Endpoint::List, ok(&body)).await;
        let list =
            client.list(support::OPERATION).start_at(1).page_size(30).next_page().await.unwrap().unwrap_or_default();
        let seen: Vec<_> = list.iter().map(|info| format!("{} {}", info.task_id, info.status)).collect();
        assert_eq!(seen, ["1 succeed", "2 submitted"]);
    }
}

/// How a refused response is seen by each operation: kind and whether it may be sent again.
async fn seen(response: ScriptedResponse) -> [(ErrorKind, bool); 2] {
    let (sandbox, client) = responding(Endpoint::Create, response.clone()).await;
    let submit = client.submit(support::request()).await.unwrap_err();
    sandbox.respond_next(Endpoint::Get, response);
    let get = client.task(support::OPERATION, "7001").unwrap().refresh().await.cloned().unwrap_err();
    assert_eq!(get.task_id(), Some("7001"));
    for error in [&submit, &get] {
        assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{error}");
    }
    assert_eq!(submit.may_have_been_charged(), submit.kind() == ErrorKind::Ambiguous);
    [(submit.kind(), submit.is_retryable()), (get.kind(), get.is_retryable())]
}

const NEVER: [(ErrorKind, bool); 2] = [(ErrorKind::Rejected, false), (ErrorKind::Rejected, false)];
const LATER: [(ErrorKind, bool); 2] = [(ErrorKind::Rejected, true), (ErrorKind::Rejected, true)];
const NOT_KNOWN: [(ErrorKind, bool); 2] = [(ErrorKind::Rejected, false), (ErrorKind::Rejected, true)];
const UNKNOWN: [(ErrorKind, bool); 2] = [(ErrorKind::Ambiguous, false), (ErrorKind::UnexpectedResponse, true)];
const UNKNOWN_FOR_GOOD: [(ErrorKind, bool); 2] =
    [(ErrorKind::Ambiguous, false), (ErrorKind::UnexpectedResponse, false)];

#[tokio::test]
async fn every_number_of_the_table_means_what_it_says_whatever_the_http_status() {
    for (codes, expected) in [
        (vec![1000, 1001, 1002, 1003, 1004, 1100, 1101, 1102, 1103, 1200, 1201, 1202, 1203, 1300, 1301, 1304], NEVER),
        (vec![1302, 1303], LATER),
        (vec![5000, 5001, 5002], UNKNOWN),
    ] {
        for code in codes {
            for status in [200, 400, 401, 403, 404, 429, 500, 503, 504] {
                for code in [json!(code), json!(code.to_string())] {
                    let body = json!({"code": code, "message": "why", "request_id": "r-1", "data": null});
                    let response = ScriptedResponse::new(status).body(body.to_string());
                    assert_eq!(seen(response).await, expected, "{status} {body}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_word_of_a_gateway_means_what_the_table_says() {
    let code = |word: &str| json!({"code": word, "message": "m", "data": null}).to_string();
    let message = |text: &str| json!({"error": {"message": text, "type": "new_api_error", "code": ""}}).to_string();
    let sort = |word: &str| json!({"error": {"message": "m", "type": word, "code": null}}).to_string();
    let nested =
        |inner: Value| json!({"code": "fail_to_fetch_task", "message": inner.to_string(), "data": null}).to_string();
    let rows = [
        (
            vec![429, 403, 503],
            vec![code("upstream_load_saturated"), message("当前分组上游负载已饱和，请稍后再试 (request id: 1)")],
            LATER,
        ),
        (
            vec![429],
            vec![String::new(), code("rate_limit_exceeded"), message("您已达到请求数限制：1分钟内最多请求1次")],
            LATER,
        ),
        (
            vec![403, 402, 429],
            vec![
                code("quota_not_enough"),
                code("insufficient_quota"),
                sort("insufficient_user_quota"),
                message("insufficient_user_quota, left 0"),
            ],
            NEVER,
        ),
        (
            vec![401],
            vec![
                message("无效的令牌 (request id: 1)"),
                message("未提供令牌"),
                message("该令牌已过期"),
                message("该令牌额度已用尽"),
            ],
            NEVER,
        ),
        (vec![503], vec![code("model_not_found"), message("分组 default 下模型 kling-v1-6 无可用渠道")], NEVER),
        (vec![500], vec![code("build_request_failed")], NEVER),
        (vec![400], vec![code("task_failed")], NEVER),
        (vec![500, 503], vec![code("server_error"), message("Task request failed (request id: 1)")], UNKNOWN),
        (vec![400, 404], vec![code("task_not_exist"), message("record not found")], NOT_KNOWN),
        (vec![404], vec![message("Invalid URL (POST /kling/v1/videos/multi-image2video)")], NEVER),
        // What Kling answered stands as text in the message: that is what is classified.
        (vec![403, 500], vec![nested(json!({"code": "upstream_load_saturated", "message": "m", "data": null}))], LATER),
        (vec![429, 500], vec![nested(json!({"code": 1102, "message": "Account balance not enough"}))], NEVER),
        (
            vec![429, 500],
            vec![nested(json!({"code": 1303, "message": "parallel task over resource pack limit"}))],
            LATER,
        ),
        (
            vec![500],
            vec![
                nested(json!({"code": 5000, "message": "m"})),
                json!({"code": "fail_to_fetch_task", "message": "boom"}).to_string(),
            ],
            UNKNOWN,
        ),
        (vec![400], vec![json!({"code": "fail_to_fetch_task", "message": "boom"}).to_string()], NEVER),
        // What fits no row.
        (
            vec![400, 402, 403, 405, 409, 410, 413, 415, 418, 422, 451],
            vec![
                String::new(),
                "{}".to_owned(),
                "<html>".to_owned(),
                "no".to_owned(),
                json!({"detail": "x"}).to_string(),
            ],
            NEVER,
        ),
        (
            vec![408, 500, 502, 503, 504, 520],
            vec![
                String::new(),
                "{}".to_owned(),
                "<html><body>bad gateway</body></html>".to_owned(),
                "no".to_owned(),
                json!({"msg": "x"}).to_string(),
            ],
            UNKNOWN,
        ),
        (vec![200, 201], vec!["<!DOCTYPE html><title>Console</title>".to_owned()], UNKNOWN_FOR_GOOD),
        (
            vec![200],
            vec![
                String::new(),
                "{".to_owned(),
                "{}".to_owned(),
                "[]".to_owned(),
                "\"x\"".to_owned(),
                json!({"error": "x"}).to_string(),
            ],
            UNKNOWN,
        ),
        (vec![300, 301, 302, 304, 307], vec![String::new()], UNKNOWN_FOR_GOOD),
    ];
    for (statuses, bodies, expected) in rows {
        for status in statuses {
            for body in &bodies {
                assert_eq!(seen(ScriptedResponse::new(status).body(body.clone())).await, expected, "{status} {body}");
            }
        }
    }
}

#[tokio::test]
async fn what_the_api_said_is_found_wherever_it_stands() {
    let nested = json!({"code": "fail_to_fetch_task", "message": json!({"code": 1301, "message": "content blocked", "request_id": "r-2"}).to_string()});
    for (body, header, code, message, request_id) in [
        (json!({"code": 1201, "message": "why", "request_id": "r-1"}), "", Some("1201"), "why", Some("r-1")),
        (json!({"code": 1201, "message": "why"}), "h-1", Some("1201"), "why", Some("h-1")),
        (
            json!({"error": {"message": "why (request id: 2026abc)", "code": ""}}),
            "",
            None,
            "why (request id: 2026abc)",
            Some("2026abc"),
        ),
        (json!({"message": "why", "code": "bad_word", "type": "t"}), "", Some("bad_word"), "why", None),
        (json!({"error": "why"}), "", None, "why", None),
        (json!({"detail": "why"}), "", None, "why", None),
        (json!({"msg": "why", "code": null}), "", None, "why", None),
        (nested, "", Some("1301"), "content blocked", Some("r-2")),
    ] {
        let mut response = ScriptedResponse::new(400).body(body.to_string());
        if !header.is_empty() {
            response = response.header("X-Oneapi-Request-Id", header);
        }
        let (_sandbox, client) = responding(Endpoint::Create, response).await;
        let error = client.submit(support::request()).await.unwrap_err();
        assert_eq!((error.code(), error.message(), error.request_id()), (code, message, request_id), "{body}");
        assert_eq!(error.http_status(), Some(400));
        assert!(error.body_snippet().is_some());
    }
}

#[tokio::test]
async fn an_operation_that_a_gateway_lacks_is_said_in_these_words() {
    let invalid = "Invalid URL (POST /kling/v1/videos/multi-image2video)";
    let enveloped = json!({"error": {"message": invalid, "type": "invalid_request_error"}}).to_string();
    for (response, why) in [
        (ScriptedResponse::new(404).body(enveloped), format!(": {invalid}")),
        (ScriptedResponse::new(404).body(invalid), format!(": {invalid}")),
        (ScriptedResponse::new(200).body("<html>Console</html>"), " responded with a web page".to_owned()),
    ] {
        let (sandbox, client) = responding(Endpoint::Create, response.clone()).await;
        sandbox.respond_next(Endpoint::List, response);
        for error in [
            client.submit(support::request()).await.unwrap_err(),
            client.list(support::OPERATION).start_at(1).page_size(1).next_page().await.unwrap_err(),
        ] {
            let text = error.message();
            assert!(text.contains("lacks this operation") && text.contains(sandbox.base_url()), "{text}");
            assert!(text.contains(&why), "{text}");
        }
    }
}

#[tokio::test]
async fn retry_after_is_read_as_seconds_a_fraction_and_a_date() {
    for (header, least, most) in [
        ("7", 7.0, 7.0),
        ("1.5", 1.5, 1.5),
        (" 0 ", 0.0, 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0, 0.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 1e9, 3e9),
    ] {
        let (_sandbox, client) =
            responding(Endpoint::Get, ScriptedResponse::new(429).header("retry-after", header)).await;
        let after = client
            .task(support::OPERATION, "7")
            .unwrap()
            .refresh()
            .await
            .cloned()
            .unwrap_err()
            .retry_after()
            .unwrap()
            .as_secs_f64();
        assert!((least..=most).contains(&after), "{header}: {after}");
    }
    for header in ["", "soon", "-1", "nan", "inf", "1e400"] {
        let (_sandbox, client) =
            responding(Endpoint::Get, ScriptedResponse::new(429).header("retry-after", header)).await;
        assert_eq!(
            client.task(support::OPERATION, "7").unwrap().refresh().await.cloned().unwrap_err().retry_after(),
            None,
            "{header}"
        );
    }
}

#[tokio::test]
async fn nesting_without_end_is_an_answer_that_cannot_be_read() {
    for body in [
        "[".repeat(100_000),
        format!("{}{}", "{\"data\":".repeat(100_000), "}".repeat(100_000)),
        json!({"code": "x", "message": (0..20).fold("{}".to_owned(), |inner, _| json!({"message": inner}).to_string().chars().take(100_000).collect())}).to_string(),
    ] {
        let (_sandbox, client) = responding(Endpoint::Create, ScriptedResponse::new(200).body(body)).await;
        assert_eq!(client.submit(support::request()).await.unwrap_err().kind(), ErrorKind::Ambiguous);
    }
}
