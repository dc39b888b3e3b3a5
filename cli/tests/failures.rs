//! Every failure has its exit code, its meaning in JSON and for people, and the next command; and nothing is paid where the
//! command line is invalid.

mod support;

use std::time::Duration;

use kling_sandbox::{Endpoint, Fault, Sandbox, ScriptedResponse, TaskPlan};
use serde_json::{Value, json};
use support::{OPERATION, PROMPT, directory, finished, generate, kling, named, next_is, run, sandbox, submitted};

/// The fields of an error that the tests compare; the library's tests have its texts.
fn gist(error: &Value) -> Value {
    json!([error["kind"], error["step"], error["http_status"], error["code"], error["may_have_been_charged"]])
}

fn hint(error: &Value) -> &str {
    error["hint"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_exits_3() {
    let sandbox = sandbox().await;
    let refused = run(&sandbox, &generate(&["--duration", "7", "--allow-unknown", "--json"])).exits(3).error();
    assert_eq!(gist(&refused), json!(["rejected", "submit", 400, "1201", false]));
    assert!(refused["message"].as_str().unwrap().contains("duration"), "{refused}");
    assert!(refused["request_id"].is_string(), "{refused}");
    assert_eq!(refused["reason"], "invalid_request");
    // The remark on the value, for those who did not read it before.
    assert!(hint(&refused).contains("duration: expected 5 or 10, given 7"), "{refused}");
    assert_eq!(sandbox.tasks_charged(), 0);

    let wrong_key =
        kling(sandbox.base_url(), &named(&["status", "7", "--json"])).env("KLING_API_KEY", "sk-wrong-key").output();
    let run = finished(wrong_key.unwrap()).exits(3);
    assert_eq!(gist(&run.error()), json!(["rejected", "get", 401, "1002", false]));
    assert!(!run.stdout.contains("sk-wrong-key"));
}

#[test]
fn a_failure_that_the_base_url_may_explain_names_it() {
    // No server listens on the lowest port.
    for words in [named(&["status", "7"]), generate(&[])] {
        let run = finished(kling("http://127.0.0.1:1/v1", &words).output().unwrap());
        let is_named = |line: &str| line.trim() == "the base URL is http://127.0.0.1:1";
        assert!(run.stderr.lines().any(is_named), "{run:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_says_how_long_to_wait_if_the_api_does() {
    let sandbox = sandbox().await;
    let busy =
        ScriptedResponse::new(429).header("retry-after", "90").body(r#"{"code":1302,"message":"too many requests"}"#);
    sandbox.respond_next(Endpoint::Get, busy);
    let error = run(&sandbox, &named(&["status", "7", "--json"])).exits(3).error();
    assert_eq!(error["code"], "1302");
    assert!(hint(&error).ends_with("; wait 1m 30s first"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_task_is_rejected_at_once_and_not_waited_for() {
    let sandbox = sandbox().await;
    for words in [&["status", "7", "--json"][..], &["wait", "7", "--json"], &["download", "7", "-o", "x", "--json"]] {
        let error = run(&sandbox, &named(words)).exits(3).error();
        assert_eq!((&error["kind"], &error["task_id"]), (&json!("rejected"), &json!("7")));
        assert!(!hint(&error).contains("next:"), "{error}");
    }
    assert_eq!(sandbox.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_exits_4_but_its_status_0() {
    let sandbox = sandbox().await;
    sandbox.fail_next_task("Failure to pass the risk control system");
    let error = run(&sandbox, &generate(&["--json"])).exits(4).error();
    let id = &sandbox.tasks()[0].id;
    assert_eq!((&error["kind"], &error["task_id"]), (&json!("task_failed"), &json!(id)));
    assert_eq!(error["message"], "Failure to pass the risk control system");
    assert_eq!(error["reason"], "content_policy");
    assert_eq!(run(&sandbox, &["tasks", "--json"]).exits(0).json()["tasks"][0]["status"], "failed");

    for words in [&["wait", id, "--json"][..], &["download", id, "-o", "never.mp4", "--json"]] {
        assert_eq!(run(&sandbox, words).exits(4).error()["task_id"], json!(id));
    }
    let status = run(&sandbox, &["status", id, "--json"]).exits(0).json();
    assert_eq!(status["status_message"], "Failure to pass the risk control system");
    assert!(!std::path::Path::new("never.mp4").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_times_out_exits_5_and_names_the_next_command() {
    let sandbox = sandbox().await;
    let target = directory("timed_out").join("cat.mp4");
    let file = target.to_str().unwrap();
    sandbox.plan_next_task(TaskPlan::over(Duration::MAX));
    let words = generate(&["--timeout", "1s", "-o", file, "--external-id", "mine-7", "--json"]);
    let error = run(&sandbox, &words).exits(5).error();
    let id = &sandbox.tasks()[0].id;
    let ids = (&error["kind"], &error["task_id"], &error["external_task_id"]);
    assert_eq!(ids, (&json!("wait_timed_out"), &json!(id), &json!("mine-7")));
    assert!(hint(&error).ends_with(&format!("next: kling wait {id} -o {file}")), "{error}");

    let people = run(&sandbox, &["wait", id, "--timeout", "0s"]).exits(5);
    assert_eq!(people.stdout, "");
    assert_eq!(people.stderr.lines().last(), Some(&*format!("  next: kling wait {id}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submit_with_an_unknown_outcome_exits_6_and_is_not_retried() {
    let sandbox = sandbox().await;
    let bad_gateway = ScriptedResponse::new(502).header("content-type", "text/html").body("<html>bad gateway</html>");
    sandbox.respond_next(Endpoint::Create, bad_gateway.clone());
    let error = run(&sandbox, &generate(&["--external-id", "mine-7", "--json"])).exits(6).error();
    assert_eq!(gist(&error), json!(["ambiguous", "submit", 502, null, true]));
    assert_eq!(error["external_task_id"], "mine-7");
    assert!(hint(&error).ends_with("next: kling find mine-7"), "{error}");

    sandbox.respond_next(Endpoint::Create, bad_gateway.clone());
    sandbox.respond_next(Endpoint::Create, bad_gateway);
    let people = run(&sandbox, &generate(&["--external-id", "mine-8"])).exits(6);
    assert_eq!(people.stderr.lines().next(), Some("external id mine-8"));
    let people = run(&sandbox, &generate(&["--external-id", "mine-9", "--no-record", "--mode", "pro"])).exits(6);
    assert_eq!(people.stderr.lines().last(), Some("  next: kling find mine-9 --operation multi-image2video"));
    let recorded = run(&sandbox, &["tasks", "--json"]).exits(0).json()["tasks"].clone();
    let statuses: Vec<_> = recorded.as_array().unwrap().iter().map(|task| task["status"].clone()).collect();
    assert_eq!(statuses, ["ambiguous", "ambiguous"]);
    assert_eq!(sandbox.posts_received_whole(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_gateway_exits_7_for_a_submit_and_1_for_a_query() {
    let sandbox = sandbox().await;
    let gone = sandbox.base_url().to_owned();
    sandbox.shutdown().await;
    let run = |words: &[&str]| finished(kling(&gone, words).output().unwrap());
    let error = run(&generate(&["--json"])).exits(7).error();
    assert_eq!(gist(&error), json!(["not_sent", "submit", null, null, false]));
    assert_eq!(
        gist(&run(&named(&["status", "7", "--json"])).exits(1).error()),
        json!(["network", "get", null, null, false])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_response_exits_1() {
    let sandbox = sandbox().await;
    sandbox.respond_next(Endpoint::Get, ScriptedResponse::new(200).header("content-type", "text/html").body("<html>"));
    let error = run(&sandbox, &named(&["status", "7", "--json"])).exits(1).error();
    assert_eq!((&error["kind"], &error["http_status"]), (&json!("unexpected_response"), &json!(200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_download_names_the_command_that_downloads_later() {
    let sandbox = sandbox().await;
    let target = directory("unfetched").join("cat.mp4");
    let file = target.to_str().unwrap();
    // The URL, and the fresh one of the next poll.
    sandbox.respond_next(Endpoint::Video, ScriptedResponse::new(403).body("expired"));
    sandbox.respond_next(Endpoint::Video, ScriptedResponse::new(403).body("expired"));
    let error = run(&sandbox, &generate(&["-o", file, "--json"])).exits(1).error();
    let id = &sandbox.tasks()[0].id;
    assert_eq!((&error["kind"], &error["step"]), (&json!("unexpected_response"), &json!("download")));
    assert_eq!(error["task_id"], json!(id));
    let next = format!("kling download {id} -o {file}");
    assert!(hint(&error).ends_with(&format!("next: {next}")), "{error}");
    assert!(!target.exists());

    let words: Vec<_> = next.split(' ').skip(1).collect();
    run(&sandbox, &words).exits(0);
    assert_eq!(std::fs::read(&target).unwrap(), sandbox.video_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_is_cut_is_kept_and_resumed() {
    let builder = Sandbox::builder().key(support::KEY).clock(kling_sandbox::Clock::manual());
    let sandbox = builder.video_length(3_000_000).start().await.unwrap();
    let target = directory("cut").join("cat.mp4");
    let file = target.to_str().unwrap();
    let id = submitted(&sandbox);
    sandbox.fault_next(Endpoint::Video, Fault::cut_response(1_500_000));
    sandbox.fault_always(Endpoint::Video, Fault::response(ScriptedResponse::new(403).body("expired")));
    let error = run(&sandbox, &["download", &id, "-o", file, "--json"]).exits(1).error();
    assert!(hint(&error).contains(&format!("bytes are kept in {file}.part; next: kling download {id}")), "{error}");
    sandbox.clear_faults();
    let before = sandbox.video_requests().len();
    run(&sandbox, &["download", &id, "-o", file]).exits(0);
    assert_eq!(std::fs::read(&target).unwrap(), sandbox.video_bytes());
    assert!(sandbox.video_requests()[before].headers.contains_key("range"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_still_runs_is_not_downloaded() {
    let sandbox = sandbox().await;
    sandbox.plan_next_task(TaskPlan::over(Duration::MAX));
    let id = submitted(&sandbox);
    let target = directory("running").join("my cat.mp4");
    let file = target.to_str().unwrap();
    let error = run(&sandbox, &["download", &id, "-o", file, "--json"]).exits(1).error();
    assert_eq!(
        error,
        json!({
            "kind": "other",
            "reason": "unknown",
            "step": "download",
            "message": "expected a finished task, found one that is submitted; there is no output yet",
            "task_id": id,
            "may_have_been_charged": true,
            "hint": format!("next: kling wait {id} -o '{file}'"),
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_created_is_reported_before_anything_is_sent() {
    let sandbox = sandbox().await;
    let directory = directory("in_the_way");
    let kept = directory.join("cat.mp4");
    std::fs::write(&kept, "mine").unwrap();
    let nowhere = directory.join("nowhere/cat.mp4");
    for target in [&kept, &nowhere, &directory] {
        let file = target.to_str().unwrap();
        for words in [generate(&["-o", file, "--json"]), named(&["wait", "7", "-o", file, "--json"])] {
            let error = run(&sandbox, &words).exits(2).error();
            assert_eq!(error["kind"], "invalid");
            assert!(error["message"].as_str().unwrap().contains(file), "{error}");
        }
        run(&sandbox, &named(&["download", "7", "-o", file])).exits(2);
    }
    assert_eq!(std::fs::read(&kept).unwrap(), b"mine");
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_violation_of_a_request_is_reported_before_anything_is_sent() {
    let sandbox = sandbox().await;
    let words = ["generate", OPERATION, "-i", "nope.png", "-i", "https://example.com/hat.jpg", "-p", ""];
    let people = run(&sandbox, &words).exits(2);
    assert_eq!(people.stdout, "");
    let lines: Vec<_> = people.stderr.lines().collect();
    assert_eq!(lines[0], "error: build: invalid");
    assert!(
        lines[1].starts_with("  image_list[0].image (--image): expected a readable file, given nope.png: "),
        "{lines:?}"
    );
    assert_eq!(lines[2], "  prompt: expected 1–2500 characters, given 0 characters");

    let error = run(&sandbox, &[&words[..], &["--json"]].concat()).exits(2).error();
    assert_eq!(gist(&error), json!(["invalid", "build", null, null, false]));
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_value_is_refused_with_the_known_ones_before_anything_is_sent() {
    let sandbox = sandbox().await;
    let words = generate(&["--mode", "prp", "--duration", "5s", "--model", "kling-16"]);
    let found = [
        "duration: expected 5 or 10, given 5s",
        "mode: expected std or pro, given prp",
        "model_name (--model): expected kling-v1-6, given kling-16",
    ];
    let people = run(&sandbox, &words).exits(2).stderr;
    assert!(people.contains("--allow-unknown") && found.iter().all(|found| people.contains(found)), "{people}");
    let error = run(&sandbox, &[&words[..], &["--json"]].concat()).exits(2).error();
    assert_eq!(error["kind"], "invalid");
    assert!(found.iter().all(|found| error["message"].as_str().unwrap().contains(found)), "{error}");
    assert!(hint(&error).contains("--allow-unknown"), "{error}");
    // Beside every other violation.
    let words =
        ["generate", OPERATION, "-i", "nope.png", "-p", "x", "--mode", "prp", "-o", "nowhere/cat.mp4", "--json"];
    let message = run(&sandbox, &words).exits(2).error()["message"].as_str().unwrap().to_owned();
    assert!(
        ["image_list[0].image (--image): ", "mode: ", "output: "].iter().all(|path| message.contains(path)),
        "{message}"
    );
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn arguments_are_never_repeated_at_length() {
    let long = "iVBORw0KGgo".repeat(2000);
    let uri = format!("data:image/png;base64,{long}!");
    let image = ["-i", "https://example.com/cat.png", "-p", "x"];
    let here = |option: &'static str| [&["generate", OPERATION], &image[..], &[option, &long]].concat();
    for words in [
        vec!["check", OPERATION, "-p", "x", "-i", &long],
        vec!["check", OPERATION, "-p", "x", "-i", &uri],
        vec!["check", &long],
        here("--from"),
        here("--watermark"),
        here("--output"),
        here("--mode"),
        here("--duration"),
        here("--model"),
        here("--aspect-ratio"),
        here("--callback-url"),
        here("--field"),
        here("--timeout"),
        vec!["status", &long],
        named(&["status", &long]),
        named(&["wait", &long]),
        named(&["download", &long, "-o", "x"]),
        named(&["find", &long]),
        named(&["status", "7", "--api-key-file", &long]),
        named(&["status", "7", "--base-url", &long]),
        vec!["status", "7", "--operation", &long],
        vec!["status", "7", &long],
        vec!["list", OPERATION, "--page", &long],
        vec!["schema", &long],
        vec!["completions", &long],
        vec!["help", &long],
        vec![&long],
        vec!["--", &long],
    ] {
        for json in [&[][..], &["--json"]] {
            let words = [json, &words[..]].concat();
            let run = finished(kling("", &words).output().unwrap()).exits(2);
            let length = run.stdout.len() + run.stderr.len();
            assert!(length > 0 && length < 2000, "{length} bytes: {run:?}");
        }
    }
}

#[test]
fn without_a_key_the_error_names_the_variable() {
    let output = kling("", &named(&["status", "7", "--json"])).env_remove("KLING_API_KEY").output().unwrap();
    let error = finished(output).exits(2).error();
    assert_eq!(error["kind"], "invalid");
    for name in ["KLING_API_KEY", "KLING_ACCESS_KEY", "KLING_SECRET_KEY"] {
        assert!(error["message"].as_str().unwrap().contains(name), "{error}");
    }
    // At Kling itself.
    let mut command = kling("", &named(&["status", "7", "--json"]));
    let output = command.env_remove("KLING_API_KEY").env("KLING_ACCESS_KEY", "access").output().unwrap();
    let error = finished(output).exits(2).error();
    assert!(error["message"].as_str().unwrap().contains("KLING_SECRET_KEY: expected"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_a_key_is_reported_before_anything_is_sent() {
    let sandbox = sandbox().await;
    let directory = directory("key_files");
    let (empty, binary) = (directory.join("empty"), directory.join("binary"));
    std::fs::write(&empty, "\n").unwrap();
    std::fs::write(&binary, [0xff, 0xfe]).unwrap();
    for (file, found) in [(&empty, "it is empty"), (&binary, "UTF-8"), (&directory.join("none"), "No such file")] {
        let words = named(&["status", "7", "--api-key-file", file.to_str().unwrap(), "--json"]);
        let error = run(&sandbox, &words).exits(2).error();
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(file.to_str().unwrap()) && message.contains(found), "{message}");
        assert!(hint(&error).contains("kling sandbox"), "{error}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_a_list_is_not_an_empty_list() {
    let sandbox = sandbox().await;
    let lacks = || ScriptedResponse::new(404).body(r#"{"error":{"message":"Invalid URL (GET /)"}}"#);
    sandbox.respond_next(Endpoint::List, lacks());
    let error = run(&sandbox, &["list", OPERATION, "--json"]).exits(3).error();
    assert_eq!(gist(&error), json!(["rejected", "list", 404, null, false]));
    assert!(hint(&error).contains("the gateway lacks this operation"), "{error}");
    let error = run(&sandbox, &["list", OPERATION, "--page", "0", "--page-size", "501", "--json"]).exits(2).error();
    assert!(error["message"].as_str().unwrap().contains("pageNum: expected 1–1000, given 0; pageSize"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_command_repeats_the_base_url_and_the_operation() {
    let sandbox = sandbox().await;
    let gone = sandbox.base_url().to_owned();
    sandbox.shutdown().await;
    for (command, subject) in [("status", "7"), ("list", OPERATION), ("find", "mine-7"), ("wait", "7")] {
        let words = if command == "list" { vec![command, subject] } else { named(&[command, subject]) };
        let more: &[&str] = if command == "wait" { &["--timeout", "0s"] } else { &[] };
        let words = [&words[..], more, &["--base-url", &gone, "--json"]].concat();
        let run = finished(kling("https://unused.example", &words).output().unwrap());
        let error = run.exits(if command == "wait" { 5 } else { 1 }).error();
        let operation = if command == "list" { "" } else { " --operation multi-image2video" };
        let next = format!("next: kling {command} {subject}{operation} --base-url {gone}");
        assert!(hint(&error).ends_with(&next), "{error}");
    }
}

#[test]
fn plain_http_to_another_machine_must_be_allowed_by_option_or_variable() {
    // A page that the API does not have: nothing is sent where the base URL is allowed.
    let words = ["list", OPERATION, "--page", "0", "--json"];
    let message = |more: &[&str], value: &str| {
        let words = [&words[..], more].concat();
        let run = finished(kling("http://a.example/v1", &words).env("KLING_ALLOW_HTTP", value).output().unwrap());
        run.exits(2).error()["message"].as_str().unwrap().to_owned()
    };
    for (more, value, expected) in [
        (&[][..], "", "base_url: expected an https URL"),
        (&["--allow-http"], "", "pageNum: expected"),
        (&[], "1", "pageNum: expected"),
        (&[], "true", "pageNum: expected"),
        (&[], "0", "base_url: expected an https URL"),
        (&[], "yes", "KLING_ALLOW_HTTP: expected 1, true, 0 or false"),
    ] {
        let message = message(more, value);
        assert!(message.starts_with(expected), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_written_or_read_stops_no_submit() {
    let sandbox = sandbox().await;
    let file = directory("no_directory").join("file");
    std::fs::write(&file, "").unwrap();
    let kling =
        |words: &[&str]| finished(kling(sandbox.base_url(), words).env("XDG_STATE_HOME", &file).output().unwrap());
    let run = kling(&generate(&["--no-wait"])).exits(0);
    assert!(run.stderr.contains("the task is not recorded: Not a directory"), "{run:?}");
    let next = format!("next: kling wait {} --operation multi-image2video", run.stdout.trim_end());
    assert_eq!(run.stderr.lines().last(), Some(&*next));
    let error = kling(&["status", "7", "--json"]).exits(2).error();
    assert!(error["message"].as_str().unwrap().contains("a record that cannot be read"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_is_read_once() {
    let sandbox = sandbox().await;
    for words in [["-i", "-", "-p", "-"], ["-p", "-", "-i", "-"]] {
        let error = run(&sandbox, &[&["generate", OPERATION, "--json"], &words[..]].concat()).exits(2).error();
        assert_eq!(error["message"], "prompt: expected readable text, given standard input: it is read once");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn bad_usage_exits_2_and_is_one_object_wherever_json_is_requested() {
    let lines: &[&[&str]] = &[
        &[],
        &["nonsense"],
        &["generate"],
        &["generate", OPERATION],
        &["generate", "text2vidoe", "-p", "x"],
        &["generate", "text2video", "-p", "x"],
        &["generate", "text2video", "--model", "kling-v2-6", "--cfg-scale", "half"],
        &["generate", "text2video", "--model", "kling-v2-6", "--shots"],
        &["generate", "text2video", "--model", "kling-v2-6", "--multi-shot", "maybe"],
        &["generate", OPERATION, "-i", "cat.png"],
        &["generate", OPERATION, "-i", "-p", "x"],
        &["generate", OPERATION, "-i", "a.png", "-p", "x", "--no-wait", "-o", "cat.mp4"],
        &["generate", OPERATION, "-i", "a.png", "-p", "x", "--overwrite"],
        &["generate", OPERATION, "-i", "a.png", "-p", "x", "--mode", ""],
        &["generate", OPERATION, "-i", "a.png", "-p", "x", "--external-id", ""],
        &["list"],
        &["schema"],
        &["schema", "text2video", "--report"],
        &["status", "7", "--operation", "text2vidoe"],
        &["status"],
        &["status", ""],
        &["status", "a", "b"],
        &["generate", OPERATION, "-i", "a.png", "-p", "x", "--field", "cfg_scale"],
        &["generate", OPERATION, "-i", "a.png", "-p", "x", "--index", "2"],
        &["download", "7", "-o", "a.mp4", "--index", "first"],
        &["completions", "tcsh"],
        &["download", "7", "-o", "a.mp4", "--out-dir", "a"],
        &["generate", OPERATION, "-i", "a.png", "-p", "x", "--no-wait", "--out-dir", "a"],
        &["worker"],
        &["wait", "7", "--timeout", "30"],
        &["wait", "7", "--timeout", "soon"],
        &["download", "7"],
        &["--api-key=sk-test-0123456789abcdef", "status", "7"],
        &["status", "7", "--key", "sk-test-0123456789abcdef"],
    ];
    for words in lines {
        let plain = finished(kling("", words).output().unwrap()).exits(2);
        assert_eq!(plain.stdout, "", "{words:?}");
        let hints = ["Usage: kling", "--help"];
        assert!(hints.iter().any(|hint| plain.stderr.contains(hint)), "{plain:?}");
        for place in [0, words.len()] {
            let mut words = words.to_vec();
            words.insert(place, "--json");
            let json = finished(kling("", &words).output().unwrap()).exits(2);
            let error = json.error();
            assert_eq!(gist(&error), json!(["invalid", "arguments", null, null, false]), "{words:?}");
            assert!(!error["message"].as_str().unwrap().is_empty());
            assert_eq!(json.stderr, "");
        }
    }
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_reported_as_such() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let broken = OsStr::from_bytes(b"\xff");
    let run = finished(kling("", &[OsStr::new("status"), broken]).output().unwrap()).exits(2);
    assert!(run.stderr.contains("invalid UTF-8"), "{run:?}");
    let json = finished(kling("", &[OsStr::new("--json"), OsStr::new("status"), broken]).output().unwrap()).exits(2);
    assert!(json.error()["message"].as_str().unwrap().contains("invalid UTF-8"));
    // The name of a file may be any bytes.
    let words = ["generate", OPERATION, "-p", "x", "-i"].map(OsStr::new);
    let run = finished(kling("", &[&words[..], &[broken]].concat()).output().unwrap()).exits(2);
    assert!(run.stderr.contains("image_list[0].image (--image): expected a readable file"), "{run:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_cannot_be_printed_does_not_look_like_success() {
    let sandbox = sandbox().await;
    let id = submitted(&sandbox);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = kling(sandbox.base_url(), &["status", &id, "--json"]).stdout(full).output().unwrap();
    let run = finished(output).exits(1);
    assert!(run.stderr.starts_with("error: standard output: "), "{run:?}");
}

/// Ctrl-C or SIGTERM, sent once the command is known to be where the test wants it.
#[cfg(unix)]
mod interrupted {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::{Child, Stdio};

    use super::*;
    use support::Run;

    fn started(base_url: &str, words: &[&str]) -> Child {
        kling(base_url, words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    const SIGNALS: [&str; 2] = ["-INT", "-TERM"];

    fn interrupt(child: Child) -> Run {
        ended_by(SIGNALS[0], child)
    }

    fn ended_by(signal: &str, child: Child) -> Run {
        let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        finished(child.wait_with_output().unwrap()).exits(130)
    }

    async fn running(sandbox: &Sandbox) -> String {
        sandbox.plan_next_task(TaskPlan::over(Duration::MAX));
        submitted(sandbox)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wait_names_the_task_and_the_next_command() {
        let sandbox = sandbox().await;
        let id = running(&sandbox).await;
        for signal in SIGNALS {
            let mut child = started(sandbox.base_url(), &["wait", &id]);
            let mut stderr = BufReader::new(child.stderr.take().unwrap());
            let mut line = String::new();
            stderr.read_line(&mut line).unwrap();
            assert_eq!(line, format!("waiting for task {id}\n"));
            let run = ended_by(signal, child);
            assert_eq!(run.stdout, "");
            let mut rest = String::new();
            stderr.read_to_string(&mut rest).unwrap();
            let expected = format!("interrupted: wait\n  task: {id}\n  the task goes on\n  next: kling wait {id}\n");
            assert!(rest.ends_with(&expected), "{rest}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_task_that_was_submitted_or_seen_may_have_been_charged() {
        let sandbox = sandbox().await;
        let id = running(&sandbox).await;
        let gist_of = |run: Run| gist(&run.error());
        for signal in SIGNALS {
            // Seen: the second query comes after the response to the first was read.
            let queries = |sandbox: &Sandbox| {
                sandbox.requests().iter().filter(|request| request.operation == Some(Endpoint::Get)).count()
            };
            let before = queries(&sandbox);
            let child = started(sandbox.base_url(), &["wait", &id, "--expect", "100ms", "--json"]);
            sandbox.until(|sandbox| queries(sandbox) >= before + 2).await;
            assert_eq!(gist_of(ended_by(signal, child)), json!(["other", "wait", null, null, true]), "{signal}");

            // Submitted.
            sandbox.plan_next_task(TaskPlan::over(Duration::MAX));
            let mut child = started(sandbox.base_url(), &generate(&["--json"]));
            let stderr = BufReader::new(child.stderr.take().unwrap());
            let mut lines = stderr.lines().map(Result::unwrap);
            assert!(lines.any(|line| line.starts_with("submitted task ")));
            assert_eq!(gist_of(ended_by(signal, child)), json!(["other", "wait", null, null, true]), "{signal}");

            // Not seen: nobody knows whether there is such a task.
            sandbox.fault_next(Endpoint::Get, Fault::delayed(Duration::from_secs(3600)));
            let child = started(sandbox.base_url(), &["wait", "7001", "--operation", OPERATION, "--json"]);
            sandbox.until(|sandbox| sandbox.clock().sleepers() > 0).await;
            assert_eq!(gist_of(ended_by(signal, child)), json!(["other", "wait", null, null, false]), "{signal}");
            sandbox.clock().advance(Duration::from_secs(3600));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_request_without_a_response_may_be_charged() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let child = started(&base_url, &generate(&["--external-id", "mine-7", "--json"]));
        let (mut silent, _) = listener.accept().unwrap();
        let mut received = Vec::new();
        while !String::from_utf8_lossy(&received).contains(PROMPT) {
            let mut chunk = [0; 4096];
            let count = silent.read(&mut chunk).unwrap();
            assert_ne!(count, 0, "the request was cut");
            received.extend_from_slice(&chunk[..count]);
        }
        let run = interrupt(child);
        assert_eq!(run.stderr, "external id mine-7\n");
        assert_eq!(
            run.error(),
            json!({
                "kind": "ambiguous",
                "reason": "unknown",
                "step": "submit",
                "message": "interrupted",
                "external_task_id": "mine-7",
                "may_have_been_charged": true,
                "hint": "a task may exist and be charged; look it up before submitting again; next: kling find mine-7",
            })
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_partial_download_is_kept_and_the_next_command_resumes_it() {
        // More than is gathered before it is written to the disk, on both sides of the cut.
        let builder = Sandbox::builder().key(support::KEY).clock(kling_sandbox::Clock::manual());
        let sandbox = builder.video_length(3_000_000).start().await.unwrap();
        let directory = directory("interrupted_download");
        let target = directory.join("cat.mp4");
        let file = target.to_str().unwrap();
        let id = submitted(&sandbox);
        let held = Duration::from_secs(3600);
        sandbox.fault_next(Endpoint::Video, Fault::slow_response(1_500_000, held));
        let child = started(sandbox.base_url(), &["download", &id, "-o", file]);
        let part = directory.join("cat.mp4.part");
        let started = std::time::Instant::now();
        while std::fs::metadata(&part).map_or(0, |part| part.len()) == 0 {
            // What the API has sent is on its way to the disk, which tells nobody.
            assert!(started.elapsed() < Duration::from_secs(30), "never: a part on disk");
            tokio::task::yield_now().await;
        }
        let run = interrupt(child);
        let next = format!("kling download {id} -o {file}");
        let expected = format!(
            "downloading {file}\ninterrupted: download\n  task: {id}\n  what was downloaded is kept, and the download resumes there\n  next: {next}\n"
        );
        assert_eq!((run.stdout, run.stderr), (String::new(), expected));
        assert!(!target.exists());

        let words: Vec<_> = next.split(' ').skip(1).collect();
        support::run(&sandbox, &words).exits(0);
        assert_eq!(std::fs::read(&target).unwrap(), sandbox.video_bytes());
        let requests = sandbox.video_requests();
        assert!(requests.len() == 2 && requests[1].headers.contains_key("range"), "it was resumed: {requests:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_request_that_was_not_sent_whole_is_not_charged() {
        let sandbox = sandbox().await;
        let large = directory("interrupted_upload").join("large.png");
        let mut bytes = std::fs::read(support::image("cat.png")).unwrap();
        bytes.resize(9_000_000, 7);
        std::fs::write(&large, bytes).unwrap();
        let large = large.to_str().unwrap();
        let held = Fault::paused(kling_sandbox::Moment::Read(1_000_000), Duration::from_secs(3600));
        sandbox.fault_next(Endpoint::Create, held);
        let child = started(sandbox.base_url(), &generate(&["-i", large, "-i", large, "--json"]));
        sandbox.until(|sandbox| sandbox.clock().sleepers() == 1).await;
        let error = interrupt(child).error();
        assert_eq!(gist(&error), json!(["not_sent", "submit", null, null, false]));
        let expected =
            "the request was not sent whole: no task was made, nothing is charged; next: the same command again";
        assert_eq!(hint(&error), expected);
        sandbox.clock().advance(Duration::from_secs(3600));
        sandbox.until(|sandbox| sandbox.requests()[0].status.is_some()).await;
        assert_eq!((sandbox.tasks_charged(), sandbox.posts_received_whole()), (0, 0));
    }

    #[test]
    fn while_a_request_is_read_nothing_is_sent() {
        let mut child = kling("", &["generate", OPERATION, "-i", "https://example.com/cat.png", "-p", "-", "--json"]);
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It listens for Ctrl-C before it reads, and it has read what no longer fits into the pipe.
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), &[b'x'; 100_000]).unwrap();
        let input = child.stdin.take();
        let run = interrupt(child);
        drop(input);
        assert_eq!((&run.error()["step"], hint(&run.error())), (&json!("start"), "nothing was sent"));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test(flavor = "multi_thread")]
    async fn a_second_signal_ends_at_once_although_the_first_cannot_be_handled() {
        let sandbox = sandbox().await;
        let id = running(&sandbox).await;
        // A pipe that is full, and read by nobody: what is written to it does not come back.
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut writer, &[b'x'; 65_536]).unwrap();
        let mut child = kling(sandbox.base_url(), &["status", &id]).stdout(writer).spawn().unwrap();
        let is_polled = |sandbox: &Sandbox| {
            sandbox.requests().last().is_some_and(|request| request.operation == Some(Endpoint::Get))
        };
        sandbox.until(is_polled).await;
        let pid = child.id().to_string();
        let status = loop {
            let sent = std::process::Command::new("kill").args(["-INT", &pid]).stderr(Stdio::null()).status().unwrap();
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(sent.success());
        };
        assert_eq!(status.code(), Some(130));
        drop(reader);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_ends_at_once_although_nobody_reads_what_it_prints() {
        let sandbox = sandbox().await;
        let id = running(&sandbox).await;
        next_is(&sandbox, &json!({"task_id": id, "task_status": "processing"}));
        let mut child = started(sandbox.base_url(), &["wait", &id, "--timeout", "1h"]);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let lines: Vec<_> = stderr.lines().map(Result::unwrap).take(2).collect();
        assert_eq!(lines, [format!("waiting for task {id}"), "processing".to_owned()]);
        interrupt(child);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_command_was_killed_is_found_by_the_printed_id_and_was_charged_once() {
    use std::io::BufRead as _;
    let sandbox = sandbox().await;
    sandbox.fault_next(Endpoint::Create, "silence+charged".parse().unwrap());
    let mut process = kling(sandbox.base_url(), &generate(&[]))
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(process.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let id = line.trim().strip_prefix("external id ").expect(&line).to_owned();
    while sandbox.tasks_charged() == 0 {
        tokio::task::yield_now().await;
    }
    process.kill().unwrap();
    process.wait().unwrap();

    let found = run(&sandbox, &["find", &id, "--json"]).exits(0).json();
    assert_eq!((&found["task_id"], &found["external_task_id"]), (&json!(sandbox.tasks()[0].id), &json!(id)));
    assert_eq!((sandbox.charged_for(&id), sandbox.posts_received_whole()), (1, 1));

    let error = run(&sandbox, &named(&["find", "mine-none", "--json"])).exits(6).error();
    assert_eq!((&error["kind"], &error["external_task_id"]), (&json!("ambiguous"), &json!("mine-none")));
}
