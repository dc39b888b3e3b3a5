//! Proves what each command does and prints when all goes well, for people and in JSON.

mod support;

use std::process::Stdio;

use kling_sandbox::{Answer, Operation, ReceivedImage, Sandbox};
use serde_json::json;
use support::{KEY, PROMPT, directory, finished, kling, next_is, order, ordered, picture, run, sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn files_and_urls_become_a_video_on_disk() {
    let sandbox = sandbox().await;
    let target = directory("generate").join("cat.mp4");
    let (cat, hat) = (picture("cat.png"), picture("hat.jpg"));
    let run =
        run(&sandbox, &order(&["-i", cat.to_str().unwrap(), hat.to_str().unwrap(), "-o", target.to_str().unwrap()]))
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
async fn every_option_reaches_the_api_as_it_was_typed() {
    let sandbox = sandbox().await;
    sandbox.answer_next(
        Operation::Create,
        Answer::new(200).body(r#"{"code":0,"data":{"task_id":"7","task_status":"submitted"}}"#),
    );
    let options = [
        ["--negative-prompt", "dogs"],
        ["--mode", "turbo"],
        ["--duration", "15"],
        ["--aspect-ratio", "21:9"],
        ["--model", "kling-v9"],
        ["--external-id", "order-7"],
        ["--callback-url", "https://example.com/told"],
    ];
    let words = [&options.concat()[..], &["--allow-unknown", "--no-wait", "--json"]].concat();
    let run = run(&sandbox, &order(&words)).exits(0);

    assert_eq!(run.json(), json!({"task_id": "7", "external_task_id": "order-7", "status": "submitted", "videos": []}));
    assert_eq!(run.stderr, "external id order-7\nsubmitted task 7\n");
    let sent = sandbox.requests()[0].body.bytes.clone().unwrap();
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&sent).unwrap(),
        json!({
            "model_name": "kling-v9",
            "image_list": [{"image": "https://example.com/cat.png"}],
            "prompt": support::PROMPT,
            "negative_prompt": "dogs",
            "mode": "turbo",
            "duration": "15",
            "aspect_ratio": "21:9",
            "callback_url": "https://example.com/told",
            "external_task_id": "order-7",
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
        "task_info": {"external_task_id": "order-7"},
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
        "external_task_id": "order-7",
        "status": "succeed",
        "status_message": "fine",
        "videos": [
            {"id": "v1", "url": "https://cdn.example/1.mp4?Signature=s", "duration_seconds": 5.1},
            {"url": "https://cdn.example/2.mp4"},
        ],
        "units_deducted": "3.5",
        "created_at": "2025-11-27T09:30:25.029Z",
        "updated_at": "2025-11-27T09:34:14Z",
    });
    for command in ["status", "wait"] {
        next_is(&sandbox, &data);
        assert_eq!(run(&sandbox, &[command, "822953089408827433", "--json"]).exits(0).json(), expected);
    }

    next_is(&sandbox, &data);
    let urls = "https://cdn.example/1.mp4?Signature=s\nhttps://cdn.example/2.mp4\n";
    assert_eq!(run(&sandbox, &["wait", "822953089408827433"]).exits(0).stdout, urls);

    next_is(&sandbox, &data);
    assert_eq!(
        run(&sandbox, &["status", "822953089408827433"]).exits(0).stdout,
        "task: 822953089408827433\nexternal id: order-7\nstatus: succeed\nreason: fine\n\
         video: https://cdn.example/1.mp4?Signature=s (5.1 s)\nvideo: https://cdn.example/2.mp4\nunits: 3.5\n\
         created: 2025-11-27T09:30:25.029Z\nupdated: 2025-11-27T09:34:14Z\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn generate_in_json_names_the_file_and_keeps_the_callers_own_id() {
    let sandbox = sandbox().await;
    let target = directory("generate_json").join("cat.mp4");
    let words = order(&["--external-id", "order-7", "-o", target.to_str().unwrap(), "--json"]);
    let run = run(&sandbox, &words).exits(0);
    let (json, task) = (run.json(), &sandbox.tasks()[0]);
    let video = &json["videos"][0];
    assert!(video["url"].as_str().unwrap().starts_with(sandbox.video_origin()), "{json}");
    assert_eq!(
        json,
        json!({
            "task_id": task.id,
            "external_task_id": "order-7",
            "status": "succeed",
            "videos": [{"id": video["id"], "url": video["url"], "duration_seconds": 5.1}],
            "units_deducted": task.units,
            "file": target.to_str().unwrap(),
            "created_at": "2025-11-27T09:30:25.029Z",
            "updated_at": "2025-11-27T09:30:25.029Z",
        })
    );
    assert_eq!(run.stderr, format!("external id order-7\nsubmitted task {}\n", task.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_and_an_unknown_status_are_told_by_status_as_they_are() {
    let sandbox = sandbox().await;
    for (word, told) in [("failed", "failed"), ("SUBMITTED", "submitted"), ("paused_for_review", "paused_for_review")] {
        next_is(&sandbox, &json!({"task_id": "7", "task_status": word, "task_status_msg": "Image pixel is invalid"}));
        assert_eq!(
            run(&sandbox, &["--json", "status", "7"]).exits(0).json(),
            json!({"task_id": "7", "status": told, "status_message": "Image pixel is invalid", "videos": []})
        );
    }
    next_is(&sandbox, &json!({"task_id": "7", "task_status": "paused_for_review"}));
    let run = run(&sandbox, &["status", "7"]).exits(0);
    assert_eq!(run.stdout, "task: 7\nstatus: paused_for_review\n");
    assert_eq!(run.stderr, "next: kling wait 7\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_waited_for_and_downloaded_later_by_its_id_or_the_callers() {
    let sandbox = sandbox().await;
    let directory = directory("later");
    let (waited, fetched) = (directory.join("waited.mp4"), directory.join("fetched.mp4"));
    run(&sandbox, &order(&["--no-wait", "--external-id", "order-7"])).exits(0);
    let id = sandbox.tasks()[0].id.clone();

    let wait = run(&sandbox, &["wait", "order-7", "-o", waited.to_str().unwrap()]).exits(0);
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

/// A task of this sandbox's that has these two videos, whenever it is asked about next: one of its own, twice.
fn next_has_two_videos(sandbox: &Sandbox, id: &str) -> serde_json::Value {
    let url = run(sandbox, &["status", id, "--json"]).json()["videos"][0]["url"].clone();
    let videos = json!([{"url": url}, {"url": url}]);
    next_is(sandbox, &json!({"task_id": id, "task_status": "succeed", "task_result": {"videos": videos}}));
    videos
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_videos_the_first_is_taken_and_people_are_told_how_to_get_all() {
    let sandbox = sandbox().await;
    let target = directory("several").join("cat.mp4");
    let file = target.to_str().unwrap();
    let id = ordered(&sandbox);
    let videos = next_has_two_videos(&sandbox, &id);
    let first = run(&sandbox, &["download", &id, "-o", file, "--json"]).exits(0);
    let all = format!("kling download {id} -o {file} --video all");
    assert_eq!(first.stderr, format!("the first of 2 videos is taken; all of them: {all}\n"));
    assert_eq!(first.json()["videos"], videos);
    assert_eq!(std::fs::read(&target).unwrap(), sandbox.video_bytes());

    next_has_two_videos(&sandbox, &id);
    let words: Vec<_> = all.split(' ').skip(1).collect();
    let both = run(&sandbox, &words).exits(0);
    let files = ["cat-1.mp4", "cat-2.mp4"].map(|name| target.with_file_name(name));
    assert_eq!(both.stdout, format!("{}\n{}\n", files[0].display(), files[1].display()));
    for file in &files {
        assert_eq!(std::fs::read(file).unwrap(), sandbox.video_bytes());
    }

    next_has_two_videos(&sandbox, &id);
    let json = run(&sandbox, &[&words[..], &["--overwrite", "--json"]].concat()).exits(0).json();
    assert_eq!(json["file"], serde_json::Value::Null);
    assert_eq!(json["videos"][1]["file"], files[1].to_str().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_videos_is_taken_by_its_number_and_one_that_is_not_there_is_not_guessed() {
    let sandbox = sandbox().await;
    let target = directory("chosen").join("cat.mp4");
    let file = target.to_str().unwrap();
    let id = ordered(&sandbox);
    next_has_two_videos(&sandbox, &id);
    let words = ["download", &id, "-o", file, "--video"];
    let error = run(&sandbox, &[&words[..], &["3", "--json"]].concat()).exits(1).error();
    assert_eq!(error["message"], "expected one of the task's videos, 1 to 2, given 3");
    assert_eq!(error["hint"], format!("next: kling download {id} -o {file}"));

    next_has_two_videos(&sandbox, &id);
    let second = run(&sandbox, &[&words[..], &["2"]].concat()).exits(0);
    assert_eq!((second.stdout, second.stderr), (format!("{file}\n"), format!("downloading {file}\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_may_come_through_standard_input_and_from_files() {
    let sandbox = sandbox().await;
    let directory = directory("inputs");
    let (text, key) = (directory.join("prompt.txt"), directory.join("key"));
    std::fs::write(&text, format!("{}\n", support::PROMPT)).unwrap();
    std::fs::write(&key, format!("{KEY}\n")).unwrap();
    let (text, key, cat) = (text.to_str().unwrap(), key.to_str().unwrap(), picture("cat.png"));
    let cases = [
        (vec!["-i", "-", "https://example.com/hat.jpg", "--prompt-file", text], std::fs::read(&cat).unwrap(), 2),
        (vec!["-i", cat.to_str().unwrap(), "-p", "-"], format!("{}\r\n", support::PROMPT).into_bytes(), 1),
    ];
    for (words, input, images) in cases {
        let words = [&["generate", "--no-wait", "--api-key-file", key], &words[..]].concat();
        let mut command = kling(sandbox.base_url(), &words);
        command.env_remove("KLING_API_KEY").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &input).unwrap();
        let run = finished(child.wait_with_output().unwrap()).exits(0);
        let next = format!("next: kling wait {} --api-key-file {key}", run.stdout.trim_end());
        assert_eq!(run.stderr.lines().last(), Some(&*next));
        let body = sandbox.requests().pop().unwrap().body;
        assert_eq!(body.images.len(), images);
        assert_eq!(body.json.as_ref().unwrap()["prompt"], support::PROMPT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_command_does_not_know_is_sent_and_limits_are_not_held_if_that_is_asked_for() {
    let sandbox = sandbox().await;
    let long = "x".repeat(2501);
    let words = ["--watermark", "--field", "cfg_scale=0.5", "--field", "style=\"film\"", "--negative-prompt", &long];
    let words = order(&[&words[..], &["--no-wait", "--json"]].concat());
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
async fn a_check_tells_all_that_is_not_valid_and_neither_sends_nor_needs_a_key() {
    let sandbox = sandbox().await;
    let check = |words: &[&str]| {
        let words = [&["check"], words].concat();
        finished(kling(sandbox.base_url(), &words).env_remove("KLING_API_KEY").output().unwrap())
    };
    let valid = ["-i", "https://example.com/cat.png", "-p", support::PROMPT];
    assert!(check(&valid).exits(0).stdout.starts_with("valid; "));
    assert_eq!(check(&[&valid[..], &["--json"]].concat()).exits(0).json(), json!({"violations": []}));

    let broken = ["-i", "nope.png", "--prompt-file", "nope.txt", "-o", "nowhere/cat.mp4"];
    let missing = "No such file or directory (os error 2)";
    let expected = [
        ("image_list[0].image", "a readable file", format!("nope.png: {missing}")),
        ("output", "a file that can be made", format!("nowhere/cat.mp4: nowhere: {missing}")),
        ("prompt", "readable text", format!("nope.txt: {missing}")),
    ];
    let people = expected.iter().map(|(path, limit, given)| format!("{path}: expected {limit}, given {given}\n"));
    let run = check(&broken).exits(2);
    assert_eq!((run.stdout, run.stderr), (people.collect::<String>(), String::new()));
    let json = expected.iter().map(|(path, limit, given)| json!({"path": path, "limit": limit, "given": given}));
    let run = check(&[&broken[..], &["--json"]].concat()).exits(2);
    assert_eq!(run.json(), json!({"violations": json.collect::<Vec<_>>()}));
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_a_line_or_an_object_for_each_task() {
    let sandbox = sandbox().await;
    assert_eq!(run(&sandbox, &["list"]).exits(0).stdout, "");
    assert_eq!(run(&sandbox, &["list", "--json"]).exits(0).json(), json!({"tasks": []}));
    let nasty = json!({"task_id": "7", "task_status": "\u{1b}[2J", "task_info": {"external_task_id": "order-7"}});
    let fine =
        json!({"task_id": "822953089408827433", "task_status": "submitted", "created_at": 1_764_235_825_029_u64});
    let body = json!({"code": 0, "data": [nasty, fine]}).to_string();
    for words in [&["list"][..], &["list", "--page", "2", "--page-size", "5", "--json"]] {
        sandbox.answer_next(Operation::List, Answer::new(200).body(body.clone()));
        let run = run(&sandbox, words).exits(0);
        if words.len() == 1 {
            let lines = [
                "TASK                STATUS     CREATED                   EXTERNAL ID",
                "7                   \\u{1b}[2J  -                         order-7",
                "822953089408827433  submitted  2025-11-27T09:30:25.029Z  -",
            ];
            assert_eq!(run.stdout.lines().collect::<Vec<_>>(), lines);
        } else {
            assert_eq!(run.json()["tasks"][1]["created_at"], "2025-11-27T09:30:25.029Z");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_shows_what_is_paid_for_and_nothing_else_and_verbose_shows_the_librarys_work() {
    let sandbox = sandbox().await;
    let quiet = run(&sandbox, &order(&["-q"])).exits(0);
    let task = &sandbox.tasks()[0];
    let ids = format!("external id {}\nsubmitted task {}\n", task.external_id.as_ref().unwrap(), task.id);
    assert_eq!(quiet.stderr, ids);

    let loud = |word| run(&sandbox, &order(&[word, "--json"])).exits(0).stderr;
    let (once, twice) = (loud("-v"), loud("-vv"));
    assert!(once.contains(" kling.submit ") && !once.contains(" kling.poll "), "{once}");
    assert!(twice.contains(" kling.submit ") && twice.contains(" kling.poll "), "{twice}");

    // A command that is one poll shows that.
    let status = run(&sandbox, &["-v", "status", &task.id, "--json"]).exits(0).stderr;
    assert!(status.contains(&format!(" kling.poll task_id={} status=succeed ", task.id)), "{status}");
}

#[test]
fn a_value_that_this_version_does_not_know_is_a_violation_unless_it_is_allowed() {
    let check = |more: &[&str]| {
        let words = [&["check", "-i", "https://example.com/cat.png", "-p", PROMPT], more].concat();
        finished(kling("", &words).output().unwrap())
    };
    for (option, given, found) in [
        ("--mode", "prp", "mode: expected std or pro, given prp"),
        ("--mode", "PRO", "mode: expected std or pro, given PRO"),
        ("--duration", "5s", "duration: expected 5 or 10, given 5s"),
        ("--model", "kling-v16", "model: expected kling-v1-6, given kling-v16"),
        ("--aspect-ratio", "16x9", "aspect-ratio: expected 16:9 or 9:16 or 1:1, given 16x9"),
    ] {
        let refused = check(&[option, given]).exits(2);
        assert_eq!((refused.stdout.trim_end(), refused.stderr.as_str()), (found, ""));
        let violation = &check(&[option, given, "--json"]).exits(2).json()["violations"][0];
        assert_eq!(violation["given"], given);
        for allowing in ["--allow-unknown", "--unchecked"] {
            let allowed = check(&[option, given, allowing]).exits(0);
            assert_eq!(allowed.stderr, format!("{found}; it is sent as it is\n"));
        }
    }
    assert_eq!(check(&["--mode", "pro", "--aspect-ratio", "1:1", "--duration", "10"]).exits(0).stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_uri_is_taken_as_the_image_that_it_is() {
    let sandbox = sandbox().await;
    // The header of a PNG of 640 × 480 px, with zeros behind it.
    let encoded = format!("iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgCAIAAAAA{}", "AAAA".repeat(1000));
    for uri in [
        format!("data:image/png;base64,{encoded}"),
        format!(" DATA:image/png;name=cat.png;base64,{encoded}AAA="),
        format!("data:;base64,{encoded}AA"),
    ] {
        let words = ["generate", "-i", &uri, "-p", PROMPT, "--no-wait"];
        run(&sandbox, &words).exits(0);
        let images = sandbox.requests().pop().unwrap().body.images;
        let is_whole = |image: &ReceivedImage| matches!(image, ReceivedImage::File { size: Some((640, 480)), .. });
        assert!(images.len() == 1 && is_whole(&images[0]), "{images:?}");
    }
    // One short line for what is none.
    let broken = run(&sandbox, &["generate", "-i", &format!("data:image/png;base64,{encoded}!"), "-p", "x"]).exits(2);
    let lines: Vec<_> = broken.stderr.lines().collect();
    let refusal = "error: build: invalid: image_list[0].image: expected an http or https URL, or raw Base64 of a JPEG or PNG, \
                   given 4041 characters: one of them is not of the Base64 alphabet";
    assert_eq!(lines, [refusal, "  nothing was sent; correct what was given"]);
}

#[test]
fn help_is_a_command_too() {
    let printed = |words: &[&str]| finished(kling("", words).output().unwrap()).exits(0).stdout;
    let line = |text: &str| text.lines().find(|line| line.starts_with("Usage: ")).map(str::to_owned);
    assert_eq!(printed(&["help"]), printed(&["--help"]));
    for name in ["generate", "check", "status", "wait", "reconcile", "download", "list", "schema", "completions"] {
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
    let request: serde_json::Value = serde_json::from_str(&printed(&["schema"])).unwrap();
    assert_eq!(request["properties"]["prompt"]["maxLength"], 2500);
    let outputs: serde_json::Value = serde_json::from_str(&printed(&["schema", "--outputs"])).unwrap();
    let kinds = &outputs["$defs"]["Failure"]["properties"]["kind"]["enum"];
    assert!(kinds.as_array().unwrap().contains(&json!("ambiguous")), "{outputs}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("reconcile") && script.contains("kling"), "{shell}: {script}");
    }
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
    for (status, lines) in [(nasty, 3), ("succeed", 4)] {
        next_is(&sandbox, &data(status));
        let run_for_people = run(&sandbox, &["status", "7"]).exits(0);
        for text in [&run_for_people.stdout, &run_for_people.stderr] {
            assert!(!text.chars().any(|c| c != '\n' && c.is_control() || c == '\u{202e}'), "{text:?}");
        }
        assert_eq!(run_for_people.stdout.lines().count(), lines, "{}", run_for_people.stdout);
    }

    next_is(&sandbox, &data(nasty));
    let run = run(&sandbox, &["status", "7", "--json"]).exits(0);
    assert!(!run.stdout.contains(['\u{9b}', '\u{202e}']));
    assert_eq!(run.json()["status_message"], nasty);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_tells_each_change_and_outlives_a_poll_that_fails() {
    let sandbox = sandbox().await;
    let id = ordered(&sandbox);
    sandbox.answer_next(Operation::Get, Answer::new(502).body("<html>bad gateway</html>"));
    next_is(&sandbox, &json!({"task_id": id, "task_status": "processing"}));
    next_is(
        &sandbox,
        &json!({"task_id": id, "task_status": "succeed", "task_result": {"videos": [{"url": "https://cdn.example/1.mp4"}]}}),
    );
    let run = run(&sandbox, &["wait", &id]).exits(0);
    let lines: Vec<_> = run.stderr.lines().collect();
    assert_eq!(lines[0], format!("waiting for task {id}"));
    assert!(lines[1].starts_with("asked in vain, asking again: get: answer, http status 502"), "{lines:?}");
    assert_eq!(lines[2..], ["processing".to_owned(), format!("next: kling download {id} -o video.mp4")]);
    assert_eq!(run.stdout, "https://cdn.example/1.mp4\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_went_away_changes_nothing_and_panics_nowhere() {
    let sandbox = sandbox().await;
    let id = ordered(&sandbox);
    for words in [&["status", &id, "-q"][..], &["status", &id, "--json"], &["--help"]] {
        let mut child = kling(sandbox.base_url(), words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let run = finished(child.wait_with_output().unwrap()).exits(0);
        assert_eq!(run.stderr, "");
    }
    let words = order(&["--json"]);
    let mut child = kling(sandbox.base_url(), &words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let run = finished(child.wait_with_output().unwrap()).exits(0);
    assert_eq!(run.json()["status"], "succeed");
}

#[test]
fn help_and_version_go_to_standard_output_and_name_no_option_for_the_key() {
    let help = |words: &[&str]| finished(kling("", words).output().unwrap()).exits(0).stdout;
    let all: String = [&["--help"][..], &["generate", "--help"], &["wait", "-h"]].map(help).concat();
    let has_key_file_alone = all.matches("--api-key").count() == all.matches("--api-key-file").count();
    assert!(all.contains("KLING_API_KEY") && !all.contains("--key") && has_key_file_alone, "{all}");
    assert!(!all.contains(KEY));
    assert_eq!(help(&["--version"]), concat!("kling ", env!("CARGO_PKG_VERSION"), "\n"));
}
