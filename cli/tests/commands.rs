//! What each command does and prints when all goes well, for people and in JSON.

mod support;

use std::process::Stdio;

use kling_sandbox::{Endpoint, ReceivedImage, Sandbox, ScriptedResponse};
use serde_json::json;
use support::{
    KEY, OPERATION, PROMPT, directory, finished, generate, image, kling, named, next_is, run, sandbox, submitted,
};

#[tokio::test(flavor = "multi_thread")]
async fn files_and_urls_become_a_video_on_disk() {
    let sandbox = sandbox().await;
    let target = directory("generate").join("cat.mp4");
    let (cat, hat) = (image("cat.png"), image("hat.jpg"));
    let run =
        run(&sandbox, &generate(&["-i", cat.to_str().unwrap(), hat.to_str().unwrap(), "-o", target.to_str().unwrap()]))
            .exits(0);

    let task = &sandbox.tasks()[0];
    assert_eq!(run.stdout, format!("{}\n", target.display()));
    let ids = [format!("external id {}", task.external_id.as_ref().unwrap()), format!("submitted task {}", task.id)];
    assert_eq!(run.stderr.lines().take(2).collect::<Vec<_>>(), ids);
    assert_eq!(std::fs::read(&target).unwrap(), sandbox.video_bytes());
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (1, 1));
    let received = &sandbox.requests()[0].body;
    assert_eq!(received.images.len(), 3, "{:?}", received.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_option_reaches_the_api_as_it_was_given() {
    let sandbox = sandbox().await;
    sandbox.respond_next(
        Endpoint::Create,
        ScriptedResponse::new(200).body(r#"{"code":0,"data":{"task_id":"7","task_status":"submitted"}}"#),
    );
    let options = [
        ["--negative-prompt", "dogs"],
        ["--mode", "turbo"],
        ["--duration", "15"],
        ["--aspect-ratio", "21:9"],
        ["--model", "kling-v9"],
        ["--external-id", "mine-7"],
        ["--callback-url", "https://example.com/notified"],
    ];
    let words = [&options.concat()[..], &["--allow-unknown", "--no-wait", "--json"]].concat();
    let run = run(&sandbox, &generate(&words)).exits(0);

    assert_eq!(
        run.json(),
        json!({
            "task_id": "7",
            "external_task_id": "mine-7",
            "operation": OPERATION,
            "status": "submitted",
            "outputs": [],
            "remarks": run.json()["remarks"],
        })
    );
    let paths: Vec<_> = run.json()["remarks"].as_array().unwrap().iter().map(|remark| remark["path"].clone()).collect();
    assert_eq!(paths, ["aspect_ratio", "duration", "mode", "model_name"]);
    assert_eq!(run.stderr, "external id mine-7\nsubmitted task 7\n");
    let sent = sandbox.requests()[0].body.bytes.clone().unwrap();
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&sent).unwrap(),
        json!({
            "model_name": "kling-v9",
            "image_list": [{"image": "https://example.com/cat.png"}],
            "prompt": PROMPT,
            "negative_prompt": "dogs",
            "mode": "turbo",
            "duration": "15",
            "aspect_ratio": "21:9",
            "callback_url": "https://example.com/notified",
            "external_task_id": "mine-7",
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_task_in_json_has_all_that_is_known_and_nothing_else() {
    let sandbox = sandbox().await;
    let data = json!({
        "task_id": "822953089408827433",
        "task_status": "succeed",
        "task_status_msg": "fine",
        "task_info": {"external_task_id": "mine-7"},
        "task_result": {"videos": [
            {"id": "v1", "url": "https://cdn.example/1.mp4?Signature=s", "duration": "5.1"},
            {"id": null, "url": "https://cdn.example/2.mp4", "duration": ""},
        ]},
        "created_at": 1_764_235_825_029_u64,
        "updated_at": 1_764_236_054_000_u64,
        "final_unit_deduction": "3.5",
    });
    let expected = json!({
        "task_id": "822953089408827433",
        "external_task_id": "mine-7",
        "operation": OPERATION,
        "status": "succeed",
        "status_message": "fine",
        "outputs": [
            {"kind": "video", "id": "v1", "url": "https://cdn.example/1.mp4?Signature=s", "index": 0, "duration": 5.1},
            {"kind": "video", "url": "https://cdn.example/2.mp4", "index": 1},
        ],
        "units_deducted": "3.5",
        "created_at": "2025-11-27T09:30:25.029Z",
        "updated_at": "2025-11-27T09:34:14Z",
    });
    for command in ["status", "wait"] {
        next_is(&sandbox, &data);
        assert_eq!(run(&sandbox, &named(&[command, "822953089408827433", "--json"])).exits(0).json(), expected);
    }

    next_is(&sandbox, &data);
    let urls = "https://cdn.example/1.mp4?Signature=s\nhttps://cdn.example/2.mp4\n";
    assert_eq!(run(&sandbox, &named(&["wait", "822953089408827433"])).exits(0).stdout, urls);

    next_is(&sandbox, &data);
    assert_eq!(
        run(&sandbox, &named(&["status", "822953089408827433"])).exits(0).stdout,
        "task: 822953089408827433\nexternal id: mine-7\noperation: multi-image2video\nstatus: succeed\nreason: fine\n\
         video: https://cdn.example/1.mp4?Signature=s (5.1 s)\nvideo: https://cdn.example/2.mp4\nunits: 3.5\n\
         created: 2025-11-27T09:30:25.029Z\nupdated: 2025-11-27T09:34:14Z\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn generate_in_json_names_the_file_and_keeps_the_callers_own_id() {
    let sandbox = sandbox().await;
    let target = directory("generate_json").join("cat.mp4");
    let words = generate(&["--external-id", "mine-7", "-o", target.to_str().unwrap(), "--json"]);
    let run = run(&sandbox, &words).exits(0);
    let (json, task) = (run.json(), &sandbox.tasks()[0]);
    let video = &json["outputs"][0];
    assert!(video["url"].as_str().unwrap().starts_with(sandbox.video_origin()), "{json}");
    assert_eq!(
        json,
        json!({
            "task_id": task.id,
            "external_task_id": "mine-7",
            "operation": OPERATION,
            "status": "succeed",
            "outputs": [{"kind": "video", "id": video["id"], "url": video["url"], "index": 0, "duration": 5.1}],
            "units_deducted": task.units,
            "file": target.to_str().unwrap(),
            "created_at": "2025-11-27T09:30:25.029Z",
            "updated_at": "2025-11-27T09:30:25.029Z",
        })
    );
    assert_eq!(run.stderr, format!("external id mine-7\nsubmitted task {}\n", task.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_and_an_unknown_status_are_shown_by_status_as_they_are() {
    let sandbox = sandbox().await;
    for (word, shown) in [("failed", "failed"), ("SUBMITTED", "submitted"), ("paused_for_review", "paused_for_review")]
    {
        next_is(&sandbox, &json!({"task_id": "7", "task_status": word, "task_status_msg": "Image pixel is invalid"}));
        assert_eq!(
            run(&sandbox, &named(&["--json", "status", "7"])).exits(0).json(),
            json!({
                "task_id": "7",
                "operation": OPERATION,
                "status": shown,
                "status_message": "Image pixel is invalid",
                "outputs": [],
            })
        );
    }
    next_is(&sandbox, &json!({"task_id": "7", "task_status": "paused_for_review"}));
    let run = run(&sandbox, &named(&["status", "7"])).exits(0);
    assert_eq!(run.stdout, "task: 7\noperation: multi-image2video\nstatus: paused_for_review\n");
    assert_eq!(run.stderr, "next: kling wait 7 --operation multi-image2video\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_waited_for_and_downloaded_later_by_its_id_or_the_callers() {
    let sandbox = sandbox().await;
    let directory = directory("later");
    let (waited, fetched) = (directory.join("waited.mp4"), directory.join("fetched.mp4"));
    run(&sandbox, &generate(&["--no-wait", "--external-id", "mine-7"])).exits(0);
    let id = sandbox.tasks()[0].id.clone();

    let wait = run(&sandbox, &["wait", "mine-7", "-o", waited.to_str().unwrap()]).exits(0);
    assert_eq!(wait.stdout, format!("{}\n", waited.display()));
    let download = run(&sandbox, &["download", &id, "-o", fetched.to_str().unwrap(), "--json"]).exits(0).json();
    assert_eq!(download["file"], fetched.to_str().unwrap());
    for file in [&waited, &fetched] {
        assert_eq!(std::fs::read(file).unwrap(), sandbox.video_bytes());
    }
    std::fs::write(&fetched, "old").unwrap();
    run(&sandbox, &["download", &id, "--overwrite", "-o", fetched.to_str().unwrap()]).exits(0);
    assert_eq!(std::fs::read(&fetched).unwrap(), sandbox.video_bytes());
}

/// Lets the next poll of this task show two videos: its own, twice.
fn next_has_two_videos(sandbox: &Sandbox, id: &str) -> serde_json::Value {
    let url = run(sandbox, &["status", id, "--json"]).json()["outputs"][0]["url"].clone();
    let videos = json!([{"url": url}, {"url": url}]);
    next_is(sandbox, &json!({"task_id": id, "task_status": "succeed", "task_result": {"videos": videos}}));
    let output = |index| json!({"kind": "video", "url": url, "index": index});
    json!([output(0), output(1)])
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_outputs_the_first_is_downloaded_and_the_command_for_all_is_printed() {
    let sandbox = sandbox().await;
    let target = directory("several").join("cat.mp4");
    let file = target.to_str().unwrap();
    let id = submitted(&sandbox);
    let outputs = next_has_two_videos(&sandbox, &id);
    let first = run(&sandbox, &["download", &id, "-o", file, "--json"]).exits(0);
    let all = format!("kling download {id} -o {file} --index all");
    assert_eq!(first.stderr, format!("downloading one of 2 outputs; all of them: {all}\n"));
    assert_eq!(first.json()["outputs"], outputs);
    assert_eq!(std::fs::read(&target).unwrap(), sandbox.video_bytes());

    next_has_two_videos(&sandbox, &id);
    let words: Vec<_> = all.split(' ').skip(1).collect();
    let both = run(&sandbox, &words).exits(0);
    let files = ["cat-0.mp4", "cat-1.mp4"].map(|name| target.with_file_name(name));
    assert_eq!(both.stdout, format!("{}\n{}\n", files[0].display(), files[1].display()));
    for file in &files {
        assert_eq!(std::fs::read(file).unwrap(), sandbox.video_bytes());
    }

    next_has_two_videos(&sandbox, &id);
    let json = run(&sandbox, &[&words[..], &["--overwrite", "--json"]].concat()).exits(0).json();
    assert_eq!(json["file"], serde_json::Value::Null);
    assert_eq!(json["outputs"][1]["file"], files[1].to_str().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_outputs_is_chosen_by_its_index_and_a_missing_one_is_not_guessed() {
    let sandbox = sandbox().await;
    let target = directory("chosen").join("cat.mp4");
    let file = target.to_str().unwrap();
    let id = submitted(&sandbox);
    next_has_two_videos(&sandbox, &id);
    let words = ["download", &id, "-o", file, "--index"];
    let error = run(&sandbox, &[&words[..], &["2", "--json"]].concat()).exits(1).error();
    assert_eq!(error["message"], "expected the index of an output, 0–1, given 2");
    assert_eq!(error["hint"], format!("next: kling download {id} -o {file}"));

    next_has_two_videos(&sandbox, &id);
    let second = run(&sandbox, &[&words[..], &["1"]].concat()).exits(0);
    assert_eq!((second.stdout, second.stderr), (format!("{file}\n"), format!("downloading {file}\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_gets_each_output_under_the_id_of_its_task() {
    let sandbox = sandbox().await;
    let folder = directory("out_dir").join("made/on the way");
    let dir = folder.to_str().unwrap();
    let generated = run(&sandbox, &generate(&["--out-dir", dir])).exits(0);
    let id = sandbox.tasks()[0].id.clone();
    let file = folder.join(format!("{id}.mp4"));
    assert_eq!(generated.stdout, format!("{}\n", file.display()));
    assert_eq!(std::fs::read(&file).unwrap(), sandbox.video_bytes());

    std::fs::write(&file, "mine").unwrap();
    let kept = run(&sandbox, &["download", &id, "--out-dir", dir, "--json"]).exits(2).error();
    assert!(kept["message"].as_str().unwrap().contains("it exists and is kept"), "{kept}");
    assert_eq!(
        kept["hint"].as_str().unwrap().rsplit("; ").next(),
        Some(&*format!("next: kling download {id} --out-dir '{dir}'"))
    );
    assert_eq!(run(&sandbox, &["wait", &id, "--out-dir", dir, "--overwrite"]).exits(0).stdout, generated.stdout);
    assert_eq!(std::fs::read(&file).unwrap(), sandbox.video_bytes());

    next_has_two_videos(&sandbox, &id);
    let both = run(&sandbox, &["download", &id, "--out-dir", dir, "--index", "all"]).exits(0);
    let files = [0, 1].map(|index| folder.join(format!("{id}-{index}.mp4")));
    assert_eq!(both.stdout, format!("{}\n{}\n", files[0].display(), files[1].display()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_takes_no_files_is_found_out_before_anything_is_sent() {
    let sandbox = sandbox().await;
    let file = directory("out_dir_taken").join("file");
    std::fs::write(&file, "mine").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = run(&sandbox, &generate(&["--out-dir", path.to_str().unwrap(), "--json"])).exits(2).error();
        assert!(
            error["message"].as_str().unwrap().starts_with("out_dir: expected a folder that takes files"),
            "{error}"
        );
    }
    assert_eq!(sandbox.requests().len(), 0);
    // A check makes nothing.
    let missing = file.with_file_name("missing");
    let words = ["check", OPERATION, "-i", "https://example.com/cat.png", "-p", PROMPT, "--out-dir"];
    run(&sandbox, &[&words[..], &[missing.to_str().unwrap()]].concat()).exits(0);
    assert!(!missing.exists());
}

/// Runs a command with this standard input.
fn run_with_input(sandbox: &Sandbox, words: &[&str], input: &[u8]) -> support::Run {
    let mut command = kling(sandbox.base_url(), words);
    command.env_remove("KLING_API_KEY").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
    finished(child.wait_with_output().unwrap())
}

fn last_body(sandbox: &Sandbox) -> serde_json::Value {
    serde_json::from_slice(sandbox.requests().pop().unwrap().body.bytes.as_ref().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_come_through_standard_input_and_the_key_from_a_file() {
    let sandbox = sandbox().await;
    let key = directory("inputs").join("key");
    std::fs::write(&key, format!("{KEY}\n")).unwrap();
    let (key, cat) = (key.to_str().unwrap(), image("cat.png"));
    let cases = [
        (vec!["-i", "-", "https://example.com/hat.jpg", "-p", PROMPT], std::fs::read(&cat).unwrap(), 2),
        (vec!["-i", cat.to_str().unwrap(), "-p", "-"], format!("{PROMPT}\r\n").into_bytes(), 1),
    ];
    for (words, input, images) in cases {
        let words = [&["generate", OPERATION, "--no-wait", "--api-key-file", key], &words[..]].concat();
        let run = run_with_input(&sandbox, &words, &input).exits(0);
        let next = format!("next: kling wait {} --api-key-file {key}", run.stdout.trim_end());
        assert_eq!(run.stderr.lines().last(), Some(&*next));
        let body = sandbox.requests().pop().unwrap().body;
        assert_eq!(body.images.len(), images);
        assert_eq!(body.json.as_ref().unwrap()["prompt"], PROMPT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_json_is_sent_as_it_is_and_options_override_its_fields() {
    let sandbox = sandbox().await;
    let directory = directory("from");
    let (file, cat) = (directory.join("request.json"), image("cat.png"));
    // The header of a PNG of 640 × 480 px, with zeros behind it.
    let encoded = format!("iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgCAIAAAAA{}", "AAAA".repeat(1000));
    let images = json!([{"image": cat}, {"image": "https://example.com/hat.jpg"}, {"image": encoded}]);
    let request = json!({"image_list": images, "prompt": PROMPT, "mode": "pro", "external_task_id": "mine-7"});
    std::fs::write(&file, request.to_string()).unwrap();
    let from = |more: &[&str]| {
        let words = [&["generate", OPERATION, "--no-wait", "--from", file.to_str().unwrap()], more].concat();
        run(&sandbox, &words).exits(0)
    };
    assert_eq!(from(&[]).stderr.lines().next(), Some("external id mine-7"));
    let body = sandbox.requests().pop().unwrap().body;
    let is_file = |image: &ReceivedImage| matches!(image, ReceivedImage::File { .. });
    assert_eq!(body.images.iter().map(is_file).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(body.json.as_ref().unwrap()["mode"], "pro");

    from(&["--mode", "std", "-i", "https://example.com/cat.png", "--external-id", "mine-8"]);
    let body = last_body(&sandbox);
    assert_eq!((&body["mode"], &body["prompt"]), (&json!("std"), &json!(PROMPT)));
    assert_eq!(body["image_list"], json!([{"image": "https://example.com/cat.png"}]));

    let words = ["check", "text2video", "--from", "-", "--json"];
    let piped = |input: &str| run_with_input(&sandbox, &words, input.as_bytes());
    piped(r#"{"model_name": "kling-v2-6", "prompt": "x"}"#).exits(0);
    for (input, given) in
        [("[]", "JSON that is no object"), ("{", "EOF while parsing"), ("{\"prompt\": 1}", "a number")]
    {
        let found = piped(input).exits(2).json()["violations"].to_string();
        assert!(found.contains(given), "{input}: {found}");
    }
    let twice = [&words[..], &["-p", "-"]].concat();
    let found =
        run_with_input(&sandbox, &twice, br#"{"model_name": "kling-v2-6"}"#).exits(2).json()["violations"].clone();
    assert_eq!((&found[0]["path"], &found[0]["given"]), (&json!("prompt"), &json!("standard input: it is read once")));
    let missing = run(&sandbox, &["check", OPERATION, "--from", "nope.json"]).exits(2);
    assert!(missing.stdout.starts_with("from: expected a file with a JSON object, given nope.json: No such file"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_are_sent_by_field_and_limits_are_skipped_by_unchecked() {
    let sandbox = sandbox().await;
    let long = "x".repeat(2501);
    let words = ["--watermark", "--field", "cfg_scale=0.5", "--field", "style=\"film\"", "--negative-prompt", &long];
    let words = generate(&[&words[..], &["--no-wait", "--json"]].concat());
    run(&sandbox, &words).exits(2);
    run(&sandbox, &[&words[..], &["--unchecked"]].concat());
    let requests = sandbox.requests();
    assert_eq!(requests.len(), 1);
    let sent: serde_json::Value = serde_json::from_slice(requests[0].body.bytes.as_ref().unwrap()).unwrap();
    assert_eq!(
        (&sent["watermark_info"], &sent["cfg_scale"], &sent["style"], &sent["negative_prompt"]),
        (&json!({"enabled": true}), &json!(0.5), &json!("film"), &json!(long))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_field_is_a_violation_unless_it_is_allowed() {
    let sandbox = sandbox().await;
    let file = directory("unknown_field").join("request.json");
    std::fs::write(&file, json!({"prompt": PROMPT, "style": "film"}).to_string()).unwrap();
    let words = ["-i", "https://example.com/cat.png", "--from", file.to_str().unwrap()];
    let refused = run(&sandbox, &[&["check", OPERATION, "--json"], &words[..]].concat()).exits(2).json();
    assert_eq!(refused["violations"][0]["path"], "style");
    for allowing in ["--allow-unknown", "--unchecked"] {
        run(&sandbox, &[&["generate", OPERATION, "--no-wait", allowing], &words[..]].concat()).exits(0);
        assert_eq!(last_body(&sandbox)["style"], "film");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_prints_all_violations_and_neither_sends_nor_needs_a_key() {
    let sandbox = sandbox().await;
    let check = |words: &[&str]| {
        let words = [&["check", OPERATION], words].concat();
        finished(kling(sandbox.base_url(), &words).env_remove("KLING_API_KEY").output().unwrap())
    };
    let valid = ["-i", "https://example.com/cat.png", "-p", PROMPT];
    assert!(check(&valid).exits(0).stdout.starts_with("valid; "));
    let json = check(&[&valid[..], &["--json"]].concat()).exits(0).json();
    assert_eq!(json, json!({"violations": [], "remarks": []}));

    let broken = ["-i", "nope.png", "-p", "", "-o", "nowhere/cat.mp4"];
    let missing = "No such file or directory (os error 2)";
    let expected = [
        ("image_list[0].image", " (--image)", "a readable file", format!("nope.png: {missing}")),
        ("output", "", "a file that can be created", format!("nowhere/cat.mp4: nowhere: {missing}")),
        ("prompt", "", "1–2500 characters", "0 characters".to_owned()),
    ];
    let people = expected
        .iter()
        .map(|(path, option, limit, given)| format!("{path}{option}: expected {limit}, given {given}\n"));
    let run = check(&broken).exits(2);
    assert_eq!((run.stdout, run.stderr), (people.collect::<String>(), String::new()));
    let json = expected.iter().map(|(path, _, limit, given)| json!({"path": path, "limit": limit, "given": given}));
    let run = check(&[&broken[..], &["--json"]].concat()).exits(2);
    assert_eq!(run.json(), json!({"violations": json.collect::<Vec<_>>(), "remarks": []}));
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_a_line_or_an_object_for_each_task() {
    let sandbox = sandbox().await;
    assert_eq!(run(&sandbox, &["list", OPERATION]).exits(0).stdout, "");
    assert_eq!(run(&sandbox, &["list", OPERATION, "--json"]).exits(0).json(), json!({"tasks": []}));
    let nasty = json!({"task_id": "7", "task_status": "\u{1b}[2J", "task_info": {"external_task_id": "mine-7"}});
    let fine =
        json!({"task_id": "822953089408827433", "task_status": "submitted", "created_at": 1_764_235_825_029_u64});
    let body = json!({"code": 0, "data": [nasty, fine]}).to_string();
    for words in [&["list", OPERATION][..], &["list", OPERATION, "--page", "2", "--page-size", "5", "--json"]] {
        sandbox.respond_next(Endpoint::List, ScriptedResponse::new(200).body(body.clone()));
        let run = run(&sandbox, words).exits(0);
        if words.len() == 2 {
            let lines = [
                "TASK                STATUS     CREATED                   EXTERNAL ID",
                "7                   \\u{1b}[2J  -                         mine-7",
                "822953089408827433  submitted  2025-11-27T09:30:25.029Z  -",
            ];
            assert_eq!(run.stdout.lines().collect::<Vec<_>>(), lines);
        } else {
            assert_eq!(run.json()["tasks"][1]["created_at"], "2025-11-27T09:30:25.029Z");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_shows_the_ids_of_paid_tasks_alone_and_verbose_the_librarys_spans() {
    let sandbox = sandbox().await;
    let quiet = run(&sandbox, &generate(&["-q"])).exits(0);
    let task = &sandbox.tasks()[0];
    let ids = format!("external id {}\nsubmitted task {}\n", task.external_id.as_ref().unwrap(), task.id);
    assert_eq!(quiet.stderr, ids);

    let loud = |word| run(&sandbox, &generate(&[word, "--json"])).exits(0).stderr;
    let (once, twice) = (loud("-v"), loud("-vv"));
    assert!(once.contains(" kling.submit ") && !once.contains(" kling.poll "), "{once}");
    assert!(twice.contains(" kling.submit ") && twice.contains(" kling.poll "), "{twice}");

    // A command that is one poll shows that.
    let status = run(&sandbox, &["-v", "status", &task.id, "--json"]).exits(0).stderr;
    assert!(
        status.contains(&format!(" kling.poll operation={OPERATION} task_id={} status=succeed ", task.id)),
        "{status}"
    );
}

#[test]
fn a_check_prints_unknown_values_as_remarks_and_generate_refuses_them() {
    let words = ["-i", "https://example.com/cat.png", "-p", PROMPT];
    let kling = |command: &str, more: &[&str]| {
        let words = [&[command, OPERATION], &words[..], more].concat();
        finished(kling("http://127.0.0.1:1", &words).output().unwrap())
    };
    for (option, given, path, known) in [
        ("--mode", "prp", "mode", "std or pro"),
        ("--mode", "PRO", "mode", "std or pro"),
        ("--duration", "5s", "duration", "5 or 10"),
        ("--model", "kling-v16", "model_name", "kling-v1-6"),
        ("--aspect-ratio", "16x9", "aspect_ratio", "16:9 or 9:16 or 1:1"),
    ] {
        let checked = kling("check", &[option, given]).exits(0);
        let (remark, valid) = checked.stdout.split_once('\n').unwrap();
        assert!(remark.starts_with(&format!("{path}: {given:?}")) && valid.starts_with("valid; "), "{checked:?}");
        let json = kling("check", &[option, given, "--json"]).exits(0).json();
        assert_eq!((&json["violations"], &json["remarks"][0]["path"]), (&json!([]), &json!(path)));
        let refused = kling("generate", &[option, given, "--json"]).exits(2).error();
        let named = if path == "model_name" { " (--model)" } else { "" };
        assert_eq!(refused["message"], format!("{path}{named}: expected {known}, given {given}"));
        for allowing in ["--allow-unknown", "--unchecked"] {
            // It is sent, to where nobody listens.
            kling("generate", &[option, given, allowing]).exits(7);
        }
    }
    let known =
        kling("check", &["--mode", "pro", "--aspect-ratio", "1:1", "--duration", "10", "--json"]).exits(0).json();
    assert_eq!(known["remarks"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_uri_is_the_image_in_it() {
    let sandbox = sandbox().await;
    // The header of a PNG of 640 × 480 px, with zeros behind it.
    let encoded = format!("iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgCAIAAAAA{}", "AAAA".repeat(1000));
    for uri in [
        format!("data:image/png;base64,{encoded}"),
        format!(" DATA:image/png;name=cat.png;base64,{encoded}AAA="),
        format!("data:;base64,{encoded}AA"),
    ] {
        let words = ["generate", OPERATION, "-i", &uri, "-p", PROMPT, "--no-wait"];
        run(&sandbox, &words).exits(0);
        let images = sandbox.requests().pop().unwrap().body.images;
        let is_whole = |image: &ReceivedImage| matches!(image, ReceivedImage::File { size: Some((640, 480)), .. });
        assert!(images.len() == 1 && is_whole(&images[0]), "{images:?}");
    }
    // One short line for a broken one.
    let uri = format!("data:image/png;base64,{encoded}!");
    let broken = run(&sandbox, &["generate", OPERATION, "-i", &uri, "-p", "x"]).exits(2);
    let lines: Vec<_> = broken.stderr.lines().collect();
    let refusal = "error: build: invalid: image_list[0].image (--image): expected an http or https URL, or raw Base64 of a JPEG or PNG, \
                   given 4041 characters: one of them is not of the Base64 alphabet";
    assert_eq!(lines, [refusal, "  nothing was sent; fix the input"]);
}

#[test]
fn help_is_a_command_too() {
    let printed = |words: &[&str]| finished(kling("", words).output().unwrap()).exits(0).stdout;
    let line = |text: &str| text.lines().find(|line| line.starts_with("Usage: ")).map(str::to_owned);
    assert_eq!(printed(&["help"]), printed(&["--help"]));
    for name in ["generate", "check", "status", "wait", "find", "download", "list", "tasks", "schema", "completions"] {
        let help = printed(&["help", name]);
        assert_eq!(line(&help), line(&printed(&[name, "--help"])), "{help}");
        assert!(help.contains(&format!("Usage: kling {name}")), "{help}");
    }
    assert!(printed(&["help", "sandbox"]).contains("usage: kling sandbox [--port PORT]"));
    let refused = finished(kling("", &["help", "nonsense", "--json"]).output().unwrap()).exits(2);
    assert_eq!(refused.error()["kind"], "invalid");
}

#[test]
fn the_schemas_and_the_completions_are_printed_as_they_are() {
    let printed = |words: &[&str]| finished(kling("", words).output().unwrap()).exits(0).stdout;
    let request: serde_json::Value = serde_json::from_str(&printed(&["schema", "text2video"])).unwrap();
    assert_eq!(request["properties"]["prompt"]["maxLength"], 2500);
    let report: serde_json::Value = serde_json::from_str(&printed(&["schema", "--report"])).unwrap();
    let kinds = &report["$defs"]["Failure"]["properties"]["kind"]["enum"];
    assert!(kinds.as_array().unwrap().contains(&json!("ambiguous")), "{report}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell]);
        let words = ["multi-image2video", "negative-prompt", "kling-v2-6"];
        assert!(words.iter().all(|word| script.contains(word)), "{shell}: {script}");
    }
}

/// What every operation of the library must have, also those to come.
#[test]
fn the_help_of_each_operation_fits_on_a_screen_and_has_an_option_for_each_field() {
    for operation in kling_client::Operation::all() {
        let help =
            |command| finished(kling("", &[command, operation.as_str(), "--help"]).output().unwrap()).exits(0).stdout;
        let text = help("generate");
        assert!(text.lines().count() <= 50, "{} lines: {text}", text.lines().count());
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(!text.contains("[`") && !text.contains('`') && !text.contains("]("), "a link of rustdoc: {text}");
        for (property, schema) in operation.json_schema().unwrap()["properties"].as_object().unwrap() {
            let name = schema["x-option"].as_str().unwrap_or(property).replace('_', "-");
            let (_, rest) = text.split_once(&format!("--{name} ")).unwrap_or_else(|| panic!("no {name}: {text}"));
            let rest = rest.split("\n  -").flat_map(|rest| rest.split("\n      -")).next().unwrap_or_default();
            let help = rest.split_whitespace().collect::<Vec<_>>().join(" ");
            let models = operation.models();
            let is_retired = |name: &str| models.iter().any(|model| model.name == name && model.retired.is_some());
            let is_named = |name: &str| help.split([' ', ',', '[', ']']).any(|word| word == name);
            let known = schema["x-extensible-enum"].as_array().into_iter().flatten().filter_map(|known| known.as_str());
            for known in known.filter(|known| known.parse::<u32>().is_err()) {
                assert!(is_named(known) != is_retired(known), "{known}: {help}");
            }
            if let Some(default) = schema["default"].as_str() {
                assert!(help.contains(&format!("Default: {default}")), "{help}");
            }
        }
        let check = help("check");
        let options = |text: &'_ str| text.matches("\n  -").count() + text.matches("\n      --").count();
        assert_eq!(options(&text), options(&check), "{check}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submitted_task_is_recorded_and_needs_no_operation_later() {
    let sandbox = sandbox().await;
    assert_eq!(run(&sandbox, &["tasks", "--json"]).exits(0).json(), json!({"tasks": []}));
    let words = ["generate", "text2video", "--model", "kling-v2-6", "-p", PROMPT, "--no-wait"];
    let signed = ["--callback-url", "https://example.com/secret-path"];
    run(&sandbox, &[&words[..], &signed, &["--external-id", "mine-7"]].concat()).exits(0);
    run(&sandbox, &generate(&["--no-wait", "--no-record", "--external-id", "mine-8"])).exits(0);
    let [first, left_out] = &sandbox.tasks()[..] else { panic!("two tasks") };

    let recorded = std::fs::read_to_string(support::state().join("kling/tasks.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "one before the request, one after it: {recorded}");
    assert_eq!((&lines[0]["task_id"], &lines[1]["task_id"]), (&serde_json::Value::Null, &json!(first.id)));
    for secret in [KEY, PROMPT, "http", "secret-path"] {
        assert!(!recorded.contains(secret), "{recorded}");
    }

    // By the external id, the API's own is found.
    let status = run(&sandbox, &["status", "mine-7", "--json"]).exits(0).json();
    assert_eq!((&status["task_id"], &status["operation"]), (&json!(first.id), &json!("text2video")));
    let error = run(&sandbox, &["status", &left_out.id, "--json"]).exits(2).error();
    assert!(
        error["hint"].as_str().unwrap().starts_with("add --operation, one of multi-image2video, text2video"),
        "{error}"
    );
    assert_eq!(
        run(&sandbox, &named(&["status", &left_out.id])).exits(0).stdout.lines().next(),
        Some(&*format!("task: {}", left_out.id))
    );

    // The end that was seen is recorded.
    run(&sandbox, &["wait", &first.id]).exits(0);
    let tasks = run(&sandbox, &["tasks", "--json"]).exits(0).json()["tasks"].clone();
    let expected = json!([{
        "time": tasks[0]["time"],
        "operation": "text2video",
        "external_task_id": "mine-7",
        "task_id": first.id,
        "status": "succeed",
    }]);
    assert_eq!(tasks, expected);
    let people = run(&sandbox, &["tasks"]).exits(0).stdout;
    assert!(people.starts_with("TASK ") && people.lines().count() == 2 && people.contains("succeed"), "{people}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_run_at_the_same_time_do_not_disturb_the_record() {
    let sandbox = sandbox().await;
    let start = |_| kling(sandbox.base_url(), &generate(&["--no-wait", "-q"])).stdout(Stdio::piped()).spawn().unwrap();
    let children: Vec<_> = (0..8).map(start).collect();
    for child in children {
        finished(child.wait_with_output().unwrap()).exits(0);
    }
    let tasks = run(&sandbox, &["tasks", "--json"]).exits(0).json()["tasks"].clone();
    let mut recorded: Vec<_> = tasks.as_array().unwrap().iter().map(|task| task["task_id"].as_str().unwrap()).collect();
    let made = sandbox.tasks();
    let mut made: Vec<_> = made.iter().map(|task| task.id.as_str()).collect();
    recorded.sort_unstable();
    made.sort_unstable();
    assert_eq!(recorded, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_from_a_server_cannot_rewrite_the_screen() {
    let sandbox = sandbox().await;
    let nasty = "\u{1b}[2Jgone\r\n\u{9b}31m\u{202e}";
    let data = |status: &str| {
        json!({
            "task_id": "7",
            "task_status": status,
            "task_status_msg": nasty,
            "task_result": {"videos": [{"url": format!("https://cdn.example/{nasty}")}]},
        })
    };
    for (status, lines) in [(nasty, 4), ("succeed", 5)] {
        next_is(&sandbox, &data(status));
        let run_for_people = run(&sandbox, &named(&["status", "7"])).exits(0);
        for text in [&run_for_people.stdout, &run_for_people.stderr] {
            assert!(!text.chars().any(|c| c != '\n' && c.is_control() || c == '\u{202e}'), "{text:?}");
        }
        assert_eq!(run_for_people.stdout.lines().count(), lines, "{}", run_for_people.stdout);
    }

    next_is(&sandbox, &data(nasty));
    let run = run(&sandbox, &named(&["status", "7", "--json"])).exits(0);
    assert!(!run.stdout.contains(['\u{9b}', '\u{202e}']));
    assert_eq!(run.json()["status_message"], nasty);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_prints_each_change_and_outlives_a_failed_poll() {
    let sandbox = sandbox().await;
    let id = submitted(&sandbox);
    sandbox.respond_next(Endpoint::Get, ScriptedResponse::new(502).body("<html>bad gateway</html>"));
    next_is(&sandbox, &json!({"task_id": id, "task_status": "processing"}));
    next_is(
        &sandbox,
        &json!({"task_id": id, "task_status": "succeed", "task_result": {"videos": [{"url": "https://cdn.example/1.mp4"}]}}),
    );
    let run = run(&sandbox, &["wait", &id]).exits(0);
    let lines: Vec<_> = run.stderr.lines().collect();
    assert_eq!(lines[0], format!("waiting for task {id}"));
    assert!(
        lines[1].starts_with("poll failed, polling again: get multi-image2video: unexpected_response, http status 502"),
        "{lines:?}"
    );
    assert_eq!(lines[2..], ["processing".to_owned(), format!("next: kling download {id} -o video.mp4")]);
    assert_eq!(run.stdout, "https://cdn.example/1.mp4\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_went_away_changes_nothing_and_panics_nowhere() {
    let sandbox = sandbox().await;
    let id = submitted(&sandbox);
    for words in [&["status", &id, "-q"][..], &["status", &id, "--json"], &["--help"]] {
        let mut child = kling(sandbox.base_url(), words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let run = finished(child.wait_with_output().unwrap()).exits(0);
        assert_eq!(run.stderr, "");
    }
    let words = generate(&["--json"]);
    let mut child = kling(sandbox.base_url(), &words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let run = finished(child.wait_with_output().unwrap()).exits(0);
    assert_eq!(run.json()["status"], "succeed");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_key_and_secret_key_take_the_place_of_a_key_at_kling_itself() {
    let sandbox = Sandbox::builder().kling(true).start().await.unwrap();
    let mut command = kling(sandbox.base_url(), &generate(&["--no-wait"]));
    command.env_remove("KLING_API_KEY").env("KLING_ACCESS_KEY", sandbox.access_key());
    let run = finished(command.env("KLING_SECRET_KEY", sandbox.secret_key()).output().unwrap()).exits(0);
    assert!(!run.stderr.contains(sandbox.access_key()) && !run.stderr.contains(sandbox.secret_key()), "{run:?}");
    assert_eq!(sandbox.tasks_charged(), 1);
}

#[cfg(feature = "batch")]
#[test]
fn every_command_of_the_batch_has_help_and_takes_the_global_options() {
    let names = ["run", "add", "status", "resume", "retry", "drop", "account", "report", "export"];
    let commands = names.map(|name| vec!["batch", name]).into_iter().chain([vec!["mcp"]]);
    for words in commands {
        let help = finished(kling("", &[&["help"], &words[..]].concat()).output().unwrap()).exits(0).stdout;
        assert_eq!(finished(kling("", &[&words[..], &["--help"]].concat()).output().unwrap()).exits(0).stdout, help);
        assert!(help.contains("--base-url") && help.lines().all(|line| line.chars().count() <= 120), "{help}");
        // Each of them lacks an argument.
        let words = [&words[..], &["--quiet", "--allow-http", "--json", "-v"]].concat();
        let error = finished(kling("", &words).output().unwrap()).exits(2).error();
        assert!(error["message"].as_str().unwrap().contains("required arguments were not provided"), "{error}");
    }
}

#[test]
fn help_and_version_go_to_standard_output_and_name_no_option_for_the_key() {
    let help = |words: &[&str]| finished(kling("", words).output().unwrap()).exits(0).stdout;
    let all: String = [&["--help"][..], &["generate", "text2video", "--help"], &["wait", "-h"]].map(help).concat();
    let has_key_file_alone = all.matches("--api-key").count() == all.matches("--api-key-file").count();
    assert!(all.contains("KLING_API_KEY") && !all.contains("--key") && has_key_file_alone, "{all}");
    assert!(!all.contains(KEY));
    assert_eq!(help(&["--version"]), concat!("kling ", env!("CARGO_PKG_VERSION"), "\n"));
}
