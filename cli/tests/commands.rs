//! Proves what each command does and prints when all goes well, for people and in JSON.

mod support;

use std::process::Stdio;

use kling_sandbox::{Answer, Operation};
use serde_json::json;
use support::{KEY, directory, finished, kling, next_is, order, ordered, picture, run, sandbox};

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
    let run = run(&sandbox, &order(&[&options.concat()[..], &["--no-wait", "--json"]].concat())).exits(0);

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

#[tokio::test(flavor = "multi_thread")]
async fn of_several_videos_the_first_is_taken_and_people_are_told() {
    let sandbox = sandbox().await;
    let target = directory("several").join("cat.mp4");
    let id = ordered(&sandbox);
    let url = run(&sandbox, &["status", &id, "--json"]).json()["videos"][0]["url"].clone();
    let videos = json!([{"url": url}, {"url": "https://cdn.example/2.mp4"}]);
    next_is(&sandbox, &json!({"task_id": id, "task_status": "succeed", "task_result": {"videos": videos}}));
    let run = run(&sandbox, &["download", &id, "-o", target.to_str().unwrap(), "--json"]).exits(0);
    assert_eq!(run.stderr, format!("the first of 2 videos is taken; all of them: kling status {id}\n"));
    assert_eq!(run.json()["videos"], videos);
    assert_eq!(std::fs::read(&target).unwrap(), sandbox.video_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn text_from_a_server_cannot_rewrite_the_screen() {
    let sandbox = sandbox().await;
    let nasty = "\u{1b}[2Jgone\r\n\u{9b}31m\u{202e}";
    let data = json!({
        "task_id": "7",
        "task_status": nasty,
        "task_status_msg": nasty,
        "task_result": {"videos": [{"url": format!("https://cdn.example/{nasty}")}]},
    });
    next_is(&sandbox, &data);
    let run_for_people = run(&sandbox, &["status", "7"]).exits(0);
    for text in [&run_for_people.stdout, &run_for_people.stderr] {
        assert!(!text.chars().any(|c| c != '\n' && c.is_control() || c == '\u{202e}'), "{text:?}");
    }
    assert_eq!(run_for_people.stdout.lines().count(), 4, "{}", run_for_people.stdout);

    next_is(&sandbox, &data);
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
    assert_eq!(lines[2..], ["processing"]);
    assert_eq!(run.stdout, "https://cdn.example/1.mp4\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_went_away_changes_nothing_and_panics_nowhere() {
    let sandbox = sandbox().await;
    let id = ordered(&sandbox);
    for words in [&["status", &id][..], &["status", &id, "--json"], &["--help"]] {
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
    assert!(all.contains("KLING_API_KEY") && !all.contains("--key") && !all.contains("--api-key"), "{all}");
    assert!(!all.contains(KEY));
    assert_eq!(help(&["--version"]), concat!("kling ", env!("CARGO_PKG_VERSION"), "\n"));
}
