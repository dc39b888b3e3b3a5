//! Claims about `kling batch`: what is paid, what is printed, what is on the disk, and the exit code.
#![cfg(feature = "batch")]

mod support_batch;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use kling_cli::batch::{State, Store};
use kling_sandbox::{Endpoint, Fault, ReceivedImage, Sandbox, ScriptedResponse, TaskPlan};
use serde_json::json;
use support_batch::{
    KEY, PROMPT, Running, agrees, command, directory, image, jobs, line, manifest, record, run, sandbox, states,
};

const MANIFEST: &str = "manifest.jsonl";

async fn start() -> Sandbox {
    sandbox().start().await.unwrap()
}

/// Waits until this holds, and says so if it never will.
async fn until(what: &str, sandbox: &Sandbox, holds: impl FnMut(&Sandbox) -> bool) {
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, sandbox.until(holds)).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn rejected(status: u16, code: u32) -> Fault {
    let body = json!({"code": code, "message": "as scripted", "request_id": "r"}).to_string();
    Fault::response(ScriptedResponse::new(status).header("content-type", "application/json").body(body))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_becomes_videos_and_the_same_work_is_not_paid_again() {
    let (sandbox, folder) = (start().await, directory("whole"));
    let mut lines: Vec<_> = (1..=3).map(line).collect();
    lines[1]["image"] = json!([image("cat.png"), "https://example.com/hat.jpg"]);
    lines[1]["mode"] = json!("pro");
    lines[2]["output"] = json!("sub/third.mp4");
    let manifest = manifest(&folder, lines);
    let words = ["batch", "run", manifest.to_str().unwrap(), "--out-dir", "videos", "--json"];
    let status = run(&sandbox, &folder, &words).await.exits(0).json();
    assert_eq!((&status["jobs"], &status["booked"]), (&json!({"delivered": 3}), &json!("7.5")));
    for file in ["n1.mp4", "n2.mp4", "sub/third.mp4"] {
        assert_eq!(std::fs::read(folder.join("videos").join(file)).unwrap(), sandbox.video_bytes(), "{file}");
    }
    assert_eq!(sandbox.tasks_charged(), 3);

    let again = run(&sandbox, &folder, &words).await.exits(0);
    let task = &sandbox.tasks()[0].id;
    assert!(again.stderr().contains(&format!("already paid: task {task}, file ")), "{}", again.stderr());
    assert_eq!(sandbox.posts_begun(), 3);
    // With --again it is paid again, and no file is replaced.
    run(&sandbox, &folder, &[&words[..], &["--again"]].concat()).await.exits(0);
    assert_eq!(sandbox.tasks_charged(), 6);
    assert!(folder.join("videos/n1-4.mp4").exists());
    let store = record(&folder);
    agrees(&store);

    let export = run(&sandbox, &folder, &["batch", "export", MANIFEST]).await.exits(0).stdout();
    assert_eq!(export.lines().count(), 7, "{export}");
    let export = run(&sandbox, &folder, &["batch", "export", MANIFEST, "--format", "json"]).await.exits(0).stdout();
    let first: serde_json::Value = serde_json::from_str(export.lines().next().unwrap()).unwrap();
    // The jobs are submitted side by side, so the first line's task may not be the first task.
    let task = sandbox.tasks().into_iter().find(|task| first["task_id"] == task.id.as_str()).unwrap();
    assert_eq!((&first["state"], &first["external_id"]), (&json!("delivered"), &json!(task.external_id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_several_operations_are_in_one_manifest_and_each_is_looked_up_by_its_own() {
    let (sandbox, folder) = (start().await, directory("operations"));
    std::fs::copy(image("cat.png"), folder.join("cat.png")).unwrap();
    let table = format!(
        "operation,name,image,prompt,model,cfg_scale,sound\n\
         ,one,cat.png,{PROMPT},,,\n\
         text2video,two,,{PROMPT},kling-v3,0.25,\n\
         text2video,three,,{PROMPT},kling-v2-6,,off\n"
    );
    let manifest = folder.join("manifest.csv");
    std::fs::write(&manifest, table).unwrap();
    // The first is charged, and its response never comes: it can only be looked up.
    sandbox.fault_next(Endpoint::Create, Fault::silence().charged());
    sandbox.fault_next(Endpoint::Create, Fault::silence().charged());
    let words = ["batch", "run", manifest.to_str().unwrap()];
    let child = command(sandbox.base_url(), &folder, &words).stderr(Stdio::null()).spawn().unwrap();
    let mut child = Running(child);
    until("all are charged", &sandbox, |sandbox| sandbox.tasks_charged() == 3).await;
    assert!(child.kill(), "it runs");
    run(&sandbox, &folder, &["batch", "resume", "manifest.csv"]).await.exits(0);
    assert_eq!((sandbox.tasks_charged(), sandbox.posts_begun()), (3, 3));
    for file in ["one.mp4", "two.mp4", "three.mp4"] {
        assert_eq!(std::fs::read(folder.join(file)).unwrap(), sandbox.video_bytes(), "{file}");
    }
    let operations: Vec<_> = jobs(&Store::read(&folder.join("manifest.csv.kling.db")).unwrap())
        .iter()
        .map(|job| job.operation.to_string())
        .collect();
    assert_eq!(operations, ["multi-image2video", "text2video", "text2video"]);
    let again = run(&sandbox, &folder, &words).await.exits(0);
    assert_eq!(again.stderr().matches("already paid").count(), 3, "{}", again.stderr());
}

/// A table with a price for each job of `of_other_operations`.
fn prices(folder: &Path) -> PathBuf {
    let path = folder.join("prices.json");
    let prices = json!([
        {"operation": "image2video", "model": "kling-v2-6", "mode": "pro", "duration": "5", "units": "3"},
        {"operation": "omni-video", "units": "4", "dated": "2026-11-20", "source": "the last invoice"},
    ]);
    let table = json!({"dated": "2026-11-30", "source": "our invoice", "prices": prices});
    std::fs::write(&path, table.to_string()).unwrap();
    path
}

/// Jobs whose images are files at several places.
fn of_other_operations(folder: &Path) -> PathBuf {
    for file in ["cat.png", "hat.jpg"] {
        std::fs::copy(image(file), folder.join(file)).unwrap();
    }
    let image = json!({"operation": "image2video", "model": "kling-v2-6", "mode": "pro", "image": "cat.png",
        "image_tail": "hat.jpg", "prompt": PROMPT, "name": "image"});
    let omni = json!({"operation": "omni-video", "model": "kling-v3-omni", "mode": "std", "duration": 5,
        "image": ["cat.png", {"image_url": "hat.jpg", "type": "first_frame"}, "https://example.com/cat.png"],
        "element": 9_007_199_254_740_993_u64, "prompt": PROMPT, "name": "omni"});
    manifest(folder, [image, omni])
}

#[tokio::test(flavor = "multi_thread")]
async fn files_at_any_place_of_a_request_are_sent_and_count_by_their_bytes() {
    let (sandbox, folder) = (start().await, directory("nested"));
    let (manifest, prices) = (of_other_operations(&folder), prices(&folder));
    let words = ["batch", "run", manifest.to_str().unwrap(), "--prices", prices.to_str().unwrap(), "--budget", "9"];
    let ran = run(&sandbox, &folder, &words).await.exits(0);
    assert!(ran.stderr().contains("about 7 units"), "{}", ran.stderr());
    for source in ["prices of 2026-11-30: our invoice", "prices of 2026-11-20: the last invoice"] {
        assert!(ran.stderr().contains(source), "{}", ran.stderr());
    }
    let mut images = Vec::new();
    for body in sandbox.requests().into_iter().map(|request| request.body).filter(|body| !body.images.is_empty()) {
        let is_file = |image: &ReceivedImage| matches!(image, ReceivedImage::File { .. });
        images.push(body.images.iter().map(is_file).collect::<Vec<_>>());
        let elements = &body.json.as_ref().unwrap()["element_list"];
        assert!(elements.is_null() || elements[0]["element_id"] == 9_007_199_254_740_993_u64, "{elements}");
    }
    images.sort_unstable();
    assert_eq!(images, [vec![true, true], vec![true, true, false]]);
    for file in ["image.mp4", "omni.mp4"] {
        assert_eq!(std::fs::read(folder.join(file)).unwrap(), sandbox.video_bytes(), "{file}");
    }
    let again = run(&sandbox, &folder, &words).await.exits(0);
    assert_eq!(again.stderr().matches("already paid").count(), 2, "{}", again.stderr());
    // The same words with other bytes behind them are other work.
    std::fs::copy(image("cat.png"), folder.join("hat.jpg")).unwrap();
    let again = run(&sandbox, &folder, &[&words[..], &["--dry-run"]].concat()).await.exits(0);
    assert!(again.stderr().contains("2 jobs would be added"), "{}", again.stderr());
    let nowhere = json!({"operation": "omni-video", "model": "kling-v3-omni", "mode": "std", "duration": 5,
        "image": [{"image_url": "nowhere.png", "type": "first_frame"}], "prompt": PROMPT});
    let nowhere = support_batch::manifest(&folder, [nowhere]);
    let refused = run(&sandbox, &folder, &["batch", "add", nowhere.to_str().unwrap()]).await.exits(2);
    assert!(refused.stderr().contains("line 1: image_list[0].image_url: "), "{}", refused.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_is_not_known_is_refused_under_a_budget_with_the_line_to_add() {
    let (sandbox, folder) = (start().await, directory("unpriced"));
    let manifest = of_other_operations(&folder);
    let unpriced = std::fs::read_to_string(&manifest).unwrap().replace("kling-v", "kling-w");
    std::fs::write(&manifest, &unpriced).unwrap();
    let twice = unpriced.replace(PROMPT, "x");
    std::fs::write(
        &manifest,
        [std::fs::read_to_string(&manifest).unwrap(), twice.replace("\"name\"", "\"output\"")].concat(),
    )
    .unwrap();
    let words = ["batch", "run", manifest.to_str().unwrap()];
    let refused = run(&sandbox, &folder, &[&words[..], &["--budget", "100"]].concat()).await.exits(2).stderr();
    for line in [
        r#"add {"operation": "image2video", "model": "kling-w2-6", "mode": "pro", "duration": "5", "sound": "off", "units": "…"}"#,
        r#"add {"operation": "omni-video", "model": "kling-w3-omni", "mode": "std", "duration": "5", "sound": "off", "units": "…"}"#,
    ] {
        assert_eq!(refused.matches(line).count(), 1, "{refused}");
    }
    assert!(refused.contains("4 lines of ") && refused.contains("into a file for --prices"), "{refused}");
    assert_eq!((sandbox.requests().len(), folder.join("manifest.jsonl.kling.db").exists()), (0, false));

    // Without a budget nothing needs a price, and none can be set later.
    let dry = run(&sandbox, &folder, &[&words[..], &["--dry-run"]].concat()).await.exits(0).stderr();
    assert!(dry.contains("4 of them have no known price") && dry.contains("line 1 (image): no known price, "), "{dry}");
    run(&sandbox, &folder, &["batch", "add", words[2]]).await.exits(0);
    let refused = run(&sandbox, &folder, &["batch", "resume", MANIFEST, "--budget", "9"]).await.exits(2).stderr();
    assert!(refused.contains("batch 1 has 4 jobs without a known price"), "{refused}");
    assert_eq!(sandbox.posts_begun(), 0);
    // Nobody serves such a model, so nothing is charged either.
    let ran = run(&sandbox, &folder, &["batch", "resume", MANIFEST]).await.exits(3).stderr();
    assert!(ran.contains("code 1203") && ran.contains("known to be served"), "{ran}");
    assert_eq!(sandbox.tasks_charged(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_violation_of_every_line_is_reported_before_anything_is_recorded_or_paid() {
    let (sandbox, folder) = (start().await, directory("faults"));
    std::fs::write(folder.join("taken.mp4"), "mine").unwrap();
    let manifest = manifest(
        &folder,
        [
            line(1),
            json!({"image": "https://example.com/a.png", "prompt": "x", "promt": "y"}),
            json!({"image": [], "prompt": "x".repeat(2501)}),
            json!({"image": "nowhere.png", "prompt": "x"}),
            json!({"image": "https://example.com/a.png", "prompt": "z", "output": "taken.mp4"}),
            json!({"image": "https://example.com/b.png", "prompt": "z", "output": "n1.mp4"}),
            json!({"image": "https://example.com/c.png", "prompt": "z", "external_id": "mine"}),
            json!({"image": "https://example.com/d.png", "prompt": "z", "external_id": "mine"}),
            json!({"operation": "text2vidio", "prompt": "z"}),
            json!({"operation": "text2video", "prompt": "z", "image": "https://example.com/a.png"}),
        ],
    );
    let printed = run(&sandbox, &folder, &["batch", "run", manifest.to_str().unwrap()]).await.exits(2).stderr();
    for expected in [
        "line 2: promt: ",
        "line 3: image_list: expected 1–4 items, given 0 items",
        "line 3: prompt: expected 1–2500 characters, given 2501 characters",
        "nowhere.png: ",
        "line 5: output: expected a file that can be made",
        "line 6: output: expected one for each line, given that of line 1",
        "line 8: external_id: expected one for each line, given that of line 7",
        "line 9: operation: expected one of multi-image2video, text2video",
        "line 10: image: expected a field of this operation",
        "line 10: model_name: ",
        "8 lines of ",
    ] {
        assert!(printed.contains(expected), "{expected:?} is missing: {printed}");
    }
    assert_eq!((sandbox.requests().len(), folder.join("manifest.jsonl.kling.db").exists()), (0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_prints_what_would_be_submitted_and_writes_nothing() {
    let (sandbox, folder) = (start().await, directory("dry"));
    let manifest = manifest(&folder, [line(1), line(2), line(2)]);
    let words = ["batch", "run", manifest.to_str().unwrap(), "--dry-run", "--budget", "3", "--json"];
    let ran = run(&sandbox, &folder, &words).await.exits(0);
    assert_eq!(ran.json()["added"], json!({"jobs": 2, "known": 1, "estimate": "4"}));
    for expected in ["line 1 (n1): 2 units, ", "an assumption", "the budget of 3 units stops it"] {
        assert!(ran.stderr().contains(expected), "{expected:?} is missing: {}", ran.stderr());
    }
    assert_eq!((sandbox.requests().len(), folder.join("manifest.jsonl.kling.db").exists()), (0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submit_whose_process_is_killed_is_looked_up_and_never_repeated() {
    let (sandbox, folder) = (start().await, directory("killed"));
    // It is charged, and the answer never comes.
    sandbox.fault_next(Endpoint::Create, Fault::silence().charged());
    let manifest = manifest(&folder, [line(1)]);
    let words = ["batch", "run", manifest.to_str().unwrap()];
    let child = command(sandbox.base_url(), &folder, &words).stderr(Stdio::null()).spawn().unwrap();
    let mut child = Running(child);
    until("it is charged", &sandbox, |sandbox| sandbox.tasks_charged() == 1).await;
    // What was intended is in the record, under the id that the gateway received.
    let store = record(&folder);
    let job = jobs(&store).remove(0);
    assert_eq!((job.state, sandbox.charged_for(&job.external_id)), (State::Sending, 1));
    assert!(child.kill(), "it runs");

    let resume = ["batch", "resume", MANIFEST];
    let resumed = run(&sandbox, &folder, &resume).await.exits(0);
    assert!(resumed.stderr().contains("found its task"), "{}", resumed.stderr());
    assert_eq!((sandbox.tasks_charged(), sandbox.posts_begun()), (1, 1));
    assert_eq!(std::fs::read(folder.join("n1.mp4")).unwrap(), sandbox.video_bytes());
    let history = store.history(job.id).unwrap();
    let states: Vec<_> = history.iter().map(|step| step.state).collect();
    let way = [State::Intended, State::Sending, State::Ambiguous, State::Accepted, State::Finished, State::Delivered];
    assert_eq!(states, way);
    assert!(history[3].status.is_some() && history[3].status_at.is_some(), "{history:?}");
    assert_eq!(history[4].status.as_deref(), Some("succeed"));
    assert!(history[3].status_at <= history[4].status_at);
    let report = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(report.contains("1 delivered"), "the end of a run that went on: {report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_status_of_a_task_is_in_the_record_once_over_several_runs() {
    let (clock, folder) = (kling_sandbox::Clock::manual(), directory("each-status"));
    let sandbox = sandbox().clock(clock.clone()).start().await.unwrap();
    let plan = TaskPlan { processing_after: Duration::from_secs(10), ..TaskPlan::over(Duration::from_secs(20)) };
    sandbox.plan_next_task(plan.clone());
    sandbox.plan_next_task(plan.fail("Image pixel is invalid"));
    let manifest = manifest(&folder, [line(1), line(2)]);
    let words = ["batch", "run", manifest.to_str().unwrap()];
    let child = command(sandbox.base_url(), &folder, &words).stderr(Stdio::null()).spawn().unwrap();
    let mut first = Running(child);
    until("both are charged", &sandbox, |sandbox| sandbox.tasks_charged() == 2).await;
    clock.advance(Duration::from_secs(10));
    let store = record(&folder);
    let statuses = |job: i64| {
        let history = store.history(job).unwrap();
        history.into_iter().filter_map(|step| Some((step.state, step.status?, step.status_at?))).collect::<Vec<_>>()
    };
    let begun = clock.unix_time().as_millis() as i64 - 10_000;
    let [submitted, processing] =
        [("submitted", 0), ("processing", 10)].map(|(word, at)| (State::Accepted, word.to_owned(), begun + at * 1000));
    let next = async |asked: usize| until("it polls on", &sandbox, |sandbox| sandbox.requests().len() > asked).await;
    for job in [1, 2] {
        while statuses(job).len() < 2 {
            next(sandbox.requests().len()).await;
        }
    }
    assert!(first.kill(), "it runs");
    // The next run sees both again, which is nothing new.
    let asked = sandbox.requests().len();
    let resume = ["batch", "resume", MANIFEST];
    let resumed = run(&sandbox, &folder, &resume);
    let ends = async {
        next(asked + 6).await;
        clock.advance(Duration::from_secs(10));
    };
    tokio::join!(resumed, ends).0.exits(4);
    // Whichever came second was planned to fail.
    let failing = sandbox.tasks()[1].id.clone();
    for job in jobs(&store) {
        let fails = job.task_id.as_ref() == Some(&failing);
        let (state, word) = if fails { (State::Failed, "failed") } else { (State::Finished, "succeed") };
        let end = (state, word.to_owned(), begun + 20_000);
        assert_eq!(statuses(job.id), [submitted.clone(), processing.clone(), end], "job {}", job.id);
    }
    agrees(&store);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_without_a_video_is_in_the_record_and_polled_again() {
    let (clock, folder) = (kling_sandbox::Clock::manual(), directory("no-video"));
    let sandbox = sandbox().clock(clock.clone()).start().await.unwrap();
    let manifest = manifest(&folder, [line(1)]);
    let words = ["batch", "run", manifest.to_str().unwrap()];
    let ran = run(&sandbox, &folder, &words);
    let lacks = async {
        until("it is charged", &sandbox, |sandbox| sandbox.tasks_charged() == 1).await;
        let data = json!({"task_id": sandbox.tasks()[0].id, "task_status": "succeed", "updated_at": 1,
            "task_result": {"videos": []}});
        let body = json!({"code": 0, "data": data}).to_string();
        sandbox.fault_always(Endpoint::Get, Fault::response(ScriptedResponse::new(200).body(body)));
    };
    tokio::join!(ran, lacks).0.exits(1);
    let store = record(&folder);
    assert_eq!(states(&store), [State::Accepted]);
    let words = store.history(1).unwrap().into_iter().filter_map(|step| step.status).collect::<Vec<_>>();
    assert_eq!(words, ["submitted", "succeed"], "once, however often it was polled");
    sandbox.clear_faults();
    clock.advance(Duration::from_secs(3600));
    run(&sandbox, &folder, &["batch", "resume", MANIFEST]).await.exits(0);
    assert_eq!(std::fs::read(folder.join("n1.mp4")).unwrap(), sandbox.video_bytes());
    assert_eq!(sandbox.posts_begun(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_stays_so_until_the_user_insists() {
    let (sandbox, folder) = (start().await, directory("lost"));
    sandbox.fault_next(Endpoint::Create, Fault::hang_up());
    let manifest = manifest(&folder, [line(1)]);
    let manifest = manifest.to_str().unwrap();
    let ran = run(&sandbox, &folder, &["batch", "run", manifest]).await.exits(6);
    assert!(ran.stdout().contains("--yes"), "{}", ran.stdout());
    // Neither a second run nor the same manifest sends it again.
    run(&sandbox, &folder, &["batch", "resume", MANIFEST]).await.exits(6);
    let again = run(&sandbox, &folder, &["batch", "run", manifest]).await.exits(6);
    assert!(again.stderr().contains("may be paid already: job 1 is ambiguous"), "{}", again.stderr());
    assert_eq!(sandbox.posts_begun(), 1);
    let status = run(&sandbox, &folder, &["batch", "status", MANIFEST, "--json"]).await.exits(0).json();
    assert_eq!(status["booked"], "2", "it may cost that");
    assert_eq!(status["attention"][0]["state"], "ambiguous");

    run(&sandbox, &folder, &["batch", "drop", MANIFEST, "1"]).await.exits(2);
    let refused = run(&sandbox, &folder, &["batch", "retry", MANIFEST, "1"]).await.exits(2);
    assert!(refused.stderr().contains("double charge"), "{}", refused.stderr());
    run(&sandbox, &folder, &["batch", "retry", MANIFEST, "1", "--yes"]).await.exits(0);
    run(&sandbox, &folder, &["batch", "resume", MANIFEST]).await.exits(6);
    assert_eq!((sandbox.posts_begun(), sandbox.tasks_charged()), (2, 1));
    assert_eq!(states(&record(&folder)), [State::Ambiguous, State::Delivered]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_task_with_the_callers_own_id_is_not_taken_for_a_lost_one() {
    for (created, found) in [(Some(-3600), false), (None, false), (Some(0), true)] {
        let (sandbox, folder) = (start().await, directory("older"));
        let mut line = line(1);
        line["external_id"] = json!("mine-7");
        let manifest = manifest(&folder, [line]);
        sandbox.fault_next(Endpoint::Create, Fault::hang_up());
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
        let older = json!({"code": 0, "data": {
            "task_id": "9", "task_status": "failed", "task_info": {"external_task_id": "mine-7"},
            "created_at": created.map(|seconds| now + seconds * 1000),
        }});
        sandbox.fault_always(Endpoint::Get, Fault::response(ScriptedResponse::new(200).body(older.to_string())));
        let ran = run(&sandbox, &folder, &["batch", "run", manifest.to_str().unwrap(), "--out-dir", "videos"]).await;
        let expected = if found { State::Failed } else { State::Ambiguous };
        assert_eq!(states(&record(&folder)), [expected], "{created:?}: {}", ran.stderr());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_stops_before_it_would_be_passed_and_can_be_raised() {
    let (sandbox, folder) = (start().await, directory("budget"));
    let manifest = manifest(&folder, (1..=5).map(line));
    let words = ["batch", "run", manifest.to_str().unwrap(), "--budget", "7"];
    let ran = run(&sandbox, &folder, &words).await.exits(7);
    assert!(ran.stdout().contains("its budget of 7"), "{}", ran.stdout());
    assert_eq!(sandbox.tasks_charged(), 3);
    run(&sandbox, &folder, &["batch", "resume", MANIFEST, "--budget", "10"]).await.exits(0);
    assert_eq!(sandbox.tasks_charged(), 5);
    agrees(&record(&folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_the_account_is_learnt_and_all_jobs_come_through() {
    let folder = directory("crowded");
    let sandbox = sandbox().concurrency(2).task_time(Duration::from_millis(200)).start().await.unwrap();
    let manifest = manifest(&folder, (1..=8).map(line));
    let words = ["batch", "run", manifest.to_str().unwrap(), "--max-running", "6"];
    run(&sandbox, &folder, &words).await.exits(0);
    assert_eq!(sandbox.tasks_charged(), 8);
    let (places, running) = record(&folder).places(1).unwrap();
    assert!(places.allowed < 6 && places.most == 6 && running == 0, "{places:?}");
    // Six at once find two places; after that few tries are lost.
    assert!(sandbox.posts_begun() < 8 + 12, "{} submits for 8", sandbox.posts_begun());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_empty_balance_the_rest_stays_intended() {
    let (sandbox, folder) = (start().await, directory("poor"));
    sandbox.fault_always(Endpoint::Create, rejected(429, 1102));
    let manifest = manifest(&folder, (1..=20).map(line));
    let ran =
        run(&sandbox, &folder, &["batch", "run", manifest.to_str().unwrap(), "--max-running", "2"]).await.exits(3);
    assert!(ran.stderr().contains("code 1102") && ran.stderr().contains("resume"), "{}", ran.stderr());
    assert!(sandbox.posts_begun() <= 4, "{} submits", sandbox.posts_begun());
    assert_eq!(states(&record(&folder)), [State::Intended; 20]);
    sandbox.clear_faults();
    run(&sandbox, &folder, &["batch", "resume", MANIFEST]).await.exits(0);
    assert_eq!(sandbox.tasks_charged(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_request_is_reported_and_the_others_go_on() {
    let (sandbox, folder) = (start().await, directory("refused"));
    sandbox.fault_next(Endpoint::Create, rejected(400, 1301));
    sandbox.fail_next_task("Failure to pass the risk control system");
    let manifest = manifest(&folder, (1..=3).map(line));
    let words = ["batch", "run", manifest.to_str().unwrap(), "--max-running", "1"];
    let ran = run(&sandbox, &folder, &words).await.exits(4);
    assert!(ran.stderr().contains("code 1301") && ran.stderr().contains("risk control"), "{}", ran.stderr());
    let store = record(&folder);
    assert_eq!(states(&store), [State::Failed, State::Failed, State::Delivered]);
    agrees(&store);
    run(&sandbox, &folder, &["batch", "retry", MANIFEST, "1", "2"]).await.exits(0);
    run(&sandbox, &folder, &["batch", "resume", MANIFEST]).await.exits(0);
    assert!(folder.join("n1.mp4").exists() && folder.join("n2.mp4").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_or_differs_is_downloaded_again_and_one_in_the_way_is_kept() {
    let (sandbox, folder) = (start().await, directory("files"));
    let manifest = manifest(&folder, (1..=3).map(line));
    let add = ["batch", "add", manifest.to_str().unwrap()];
    run(&sandbox, &folder, &add).await.exits(0);
    // It came between the check and the submit: nothing is paid for it.
    std::fs::write(folder.join("n3.mp4"), "mine").unwrap();
    run(&sandbox, &folder, &["batch", "resume", MANIFEST]).await.exits(4);
    assert_eq!(sandbox.tasks_charged(), 2);
    std::fs::remove_file(folder.join("n1.mp4")).unwrap();
    std::fs::write(folder.join("n2.mp4"), "cut").unwrap();
    let resumed = run(&sandbox, &folder, &["batch", "resume", MANIFEST]).await.exits(4);
    assert_eq!(resumed.stderr().matches("is downloaded again").count(), 2, "{}", resumed.stderr());
    for file in ["n1.mp4", "n2.mp4"] {
        assert_eq!(std::fs::read(folder.join(file)).unwrap(), sandbox.video_bytes(), "{file}");
    }
    assert_eq!((std::fs::read(folder.join("n3.mp4")).unwrap(), sandbox.tasks_charged()), (b"mine".to_vec(), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_changed_since_it_was_added_is_not_paid_for() {
    let (sandbox, folder) = (start().await, directory("changed"));
    std::fs::copy(image("cat.png"), folder.join("cat.png")).unwrap();
    let manifest = manifest(&folder, [json!({"image": "cat.png", "prompt": PROMPT})]);
    run(&sandbox, &folder, &["batch", "add", manifest.to_str().unwrap()]).await.exits(0);
    let mut bytes = std::fs::read(image("cat.png")).unwrap();
    bytes.push(0);
    std::fs::write(folder.join("cat.png"), bytes).unwrap();
    let ran = run(&sandbox, &folder, &["batch", "resume", MANIFEST]).await.exits(4);
    assert!(ran.stderr().contains("no longer what it was"), "{}", ran.stderr());
    assert_eq!(sandbox.posts_begun(), 0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_waits_for_its_submits_and_submits_no_more() {
    let (sandbox, folder) = (start().await, directory("stopped"));
    sandbox.fault_next(Endpoint::Create, Fault::delayed(Duration::from_millis(700)));
    let manifest = manifest(&folder, (1..=5).map(line));
    let words = ["batch", "run", manifest.to_str().unwrap(), "--max-running", "1"];
    let child = command(sandbox.base_url(), &folder, &words).stderr(Stdio::null()).spawn().unwrap();
    until("a submit is under way", &sandbox, |sandbox| sandbox.tasks_charged() == 1).await;
    let stop = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(stop.success());
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(ended.status.code(), Some(130));
    let states = states(&record(&folder));
    assert!(!matches!(states[0], State::Sending | State::Ambiguous), "{states:?}");
    assert_eq!((states[1], sandbox.posts_begun()), (State::Intended, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_recorded() {
    let (sandbox, folder) = (start().await, directory("keyless"));
    let manifest = manifest(&folder, [line(1)]);
    let mut command = command(sandbox.base_url(), &folder, &["batch", "run", manifest.to_str().unwrap(), "--json"]);
    let ran = command.env_remove("KLING_API_KEY").output().unwrap();
    assert_eq!((ran.status.code(), folder.join("manifest.jsonl.kling.db").exists()), (Some(2), false));
    let error: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(error["error"]["kind"], "invalid");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_neither_pays_twice_nor_forgets() {
    use std::io::{BufRead as _, BufReader};

    let (sandbox, folder) = (start().await, directory("full"));
    let manifest = manifest(&folder, (1..=20).map(line));
    run(&sandbox, &folder, &["batch", "add", manifest.to_str().unwrap()]).await.exits(0);
    // No file grows beyond 400 blocks: the record's log is full after some submits, and writing to it fails from then on.
    let limited = "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\"";
    let program = env!("CARGO_BIN_EXE_kling");
    let words = ["-c", limited, program, "batch", "resume", MANIFEST, "--max-running", "3"];
    let run_on = std::process::Command::new("sh")
        .args(words)
        .current_dir(&folder)
        .env("KLING_API_KEY", KEY)
        .env("KLING_BASE_URL", sandbox.base_url())
        .env("KLING_EXPECT", "2s")
        .stderr(Stdio::piped())
        .spawn();
    let mut process = Running(run_on.unwrap());
    let mut lines = BufReader::new(process.0.stderr.take().unwrap()).lines();
    let full = tokio::task::spawn_blocking(move || lines.any(|line| line.is_ok_and(|line| line.contains("retrying"))));
    let full = tokio::time::timeout(Duration::from_secs(60), full).await.expect("the disk is full at last").unwrap();
    assert!(full && sandbox.tasks_charged() < 20, "the disk was never full");
    let charged = sandbox.tasks_charged();
    process.kill();

    let resumed = run(&sandbox, &folder, &["batch", "resume", MANIFEST]).await;
    let store = record(&folder);
    for job in jobs(&store) {
        // What was recorded as sending when the process was killed, and never arrived, stays ambiguous.
        assert!(matches!(job.state, State::Delivered | State::Ambiguous), "{}: {}", job.state, resumed.stderr());
        let expected = usize::from(job.state == State::Delivered);
        assert_eq!(sandbox.charged_for(&job.external_id), expected, "{}, {charged} charged before", job.state);
    }
    assert!(sandbox.tasks_charged() >= 17, "three were on their way at most");
    agrees(&store);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_from_another_folder_has_the_same_record_and_a_second_run_waits_for_none() {
    let (sandbox, folder) = (start().await, directory("folders"));
    manifest(&folder, [line(1), line(2)]);
    let there = folder.join("elsewhere");
    std::fs::create_dir(&there).unwrap();
    run(&sandbox, &folder, &["batch", "run", MANIFEST]).await.exits(0);
    let again = run(&sandbox, &there, &["batch", "run", "../manifest.jsonl"]).await.exits(0);
    assert!(again.stderr().starts_with(&format!("record: {}", folder.join("manifest.jsonl.kling.db").display())));
    assert_eq!((sandbox.posts_begun(), std::fs::read_dir(&there).unwrap().count()), (2, 0));

    manifest(&folder, [line(3)]);
    sandbox.fault_next(Endpoint::Create, Fault::silence().charged());
    let first = command(sandbox.base_url(), &folder, &["batch", "run", MANIFEST]).stderr(Stdio::null()).spawn();
    let first = Running(first.unwrap());
    until("it is charged", &sandbox, |sandbox| sandbox.tasks_charged() == 3).await;
    for words in [&["run", MANIFEST][..], &["resume", MANIFEST], &["drop", MANIFEST, "3"], &["add", MANIFEST]] {
        let refused = run(&sandbox, &folder, &[&["batch"], words].concat()).await.exits(2);
        assert!(refused.stderr().contains(&format!("process {} works on", first.0.id())), "{}", refused.stderr());
    }
    let status = run(&sandbox, &folder, &["batch", "status", MANIFEST, "--json"]).await.exits(0).json();
    assert_eq!(status["jobs"], json!({"delivered": 2, "sending": 1}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_state_is_neither_a_double_charge_nor_a_lost_task() {
    let at = |state: State, sandbox: &Sandbox| match state {
        State::Sending => sandbox.fault_next(Endpoint::Create, Fault::silence().charged()),
        State::Ambiguous => {
            sandbox.fault_next(Endpoint::Create, Fault::hang_up().charged().hidden_for(Duration::from_secs(3)))
        }
        State::Finished => sandbox.fault_next(Endpoint::Video, Fault::silence()),
        _ => {}
    };
    for state in [State::Intended, State::Sending, State::Ambiguous, State::Accepted, State::Finished] {
        let (clock, folder) = (kling_sandbox::Clock::manual(), directory(&format!("kill-{state}")));
        let builder = sandbox().task_time(Duration::from_secs(60));
        // A task runs, or is hidden, until the clock moves.
        let stands_still = matches!(state, State::Accepted | State::Ambiguous);
        let sandbox = if stands_still { builder.clock(clock.clone()) } else { sandbox() };
        let sandbox = sandbox.start().await.unwrap();
        manifest(&folder, [line(1)]);
        at(state, &sandbox);
        let words = ["batch", if state == State::Intended { "add" } else { "run" }, MANIFEST];
        let child = command(sandbox.base_url(), &folder, &words).stderr(Stdio::null()).spawn().unwrap();
        let mut child = Running(child);
        let reached = async {
            loop {
                let is_charged = state == State::Intended || sandbox.tasks_charged() == 1;
                let record = Store::read(&folder.join("manifest.jsonl.kling.db"));
                if is_charged && record.is_ok_and(|store| states(&store) == [state]) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reached).await.unwrap_or_else(|_| panic!("never {state}"));
        child.kill();
        clock.advance(Duration::from_secs(61));
        // A run looks a hidden task up for some seconds only.
        for _ in 0..3 {
            run(&sandbox, &folder, &["batch", "resume", MANIFEST]).await;
        }
        assert_eq!(states(&record(&folder)), [State::Delivered], "killed when {state}");
        assert_eq!((sandbox.posts_begun(), sandbox.tasks_charged()), (1, 1), "killed when {state}");
        assert_eq!(std::fs::read(folder.join("n1.mp4")).unwrap(), sandbox.video_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_one_gateway_are_never_anothers_unless_the_user_says_so() {
    let folder = directory("gateways");
    let clock = kling_sandbox::Clock::manual();
    let first = sandbox().clock(clock.clone()).task_time(Duration::from_secs(60)).start().await.unwrap();
    let second = start().await;
    manifest(&folder, (1..=3).map(line));
    let words = ["batch", "run", MANIFEST, "--max-running", "1"];
    let child = command(first.base_url(), &folder, &words).stderr(Stdio::null()).spawn().unwrap();
    let mut child = Running(child);
    until("one is charged", &first, |sandbox| sandbox.tasks_charged() == 1).await;
    while states(&record(&folder))[0] != State::Accepted {
        tokio::task::yield_now().await;
    }
    assert!(child.kill(), "it runs");

    let ran = run(&second, &folder, &words).await.exits(1);
    assert!(ran.stdout().contains(first.base_url()) && ran.stdout().contains("--submit-here"), "{}", ran.stdout());
    assert_eq!(second.requests().len(), 0, "neither polled nor submitted");
    let accounts = run(&second, &folder, &["batch", "account", MANIFEST]).await.exits(0);
    assert!(accounts.stdout().contains(first.base_url()), "{}", accounts.stdout());
    run(&second, &folder, &["batch", "account", MANIFEST, "--submit-here"]).await.exits(0);
    run(&second, &folder, &words).await.exits(1);
    assert_eq!((first.tasks_charged(), second.tasks_charged()), (1, 2));
    assert_eq!(states(&record(&folder)), [State::Accepted, State::Delivered, State::Delivered]);
    clock.advance(Duration::from_secs(61));
    // The first gateway by another name is the same account, once the user says so.
    let renamed = first.base_url().replace("127.0.0.1", "localhost");
    for (words, code) in [
        (&["batch", "resume", MANIFEST][..], 1),
        (&["batch", "account", MANIFEST, "--same", "1"], 0),
        (&["batch", "resume", MANIFEST], 0),
    ] {
        let mut command = command(&renamed, &folder, words);
        let ran = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(ran.status.code(), Some(code), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
    assert_eq!((first.tasks_charged(), second.tasks_charged()), (1, 2));
    agrees(&record(&folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_model_and_an_empty_pack_halt_their_own_jobs_alone() {
    for (status, code) in [(404, 1203), (429, 1102)] {
        let (sandbox, folder) = (start().await, directory(&format!("halt-{code}")));
        let of = |number: usize, model: &str| {
            json!({"operation": "text2video", "model": model,
            "prompt": format!("{PROMPT} {number}"), "name": format!("n{number}")})
        };
        manifest(&folder, [of(1, "kling-v2-6"), of(2, "kling-v3"), of(3, "kling-v2-6"), of(4, "kling-v3")]);
        sandbox.fault_next(Endpoint::Create, rejected(status, code));
        let ran = run(&sandbox, &folder, &["batch", "run", MANIFEST, "--max-running", "1"]).await.exits(3);
        let line = "no job of text2video with kling-v2-6 is submitted";
        assert!(ran.stderr().contains(line), "{}", ran.stderr());
        use State::{Delivered, Intended};
        assert_eq!(states(&record(&folder)), [Intended, Delivered, Intended, Delivered]);
        assert_eq!(sandbox.tasks_charged(), 2);
        run(&sandbox, &folder, &["batch", "resume", MANIFEST]).await.exits(0);
        assert_eq!(sandbox.tasks_charged(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_takes_no_file_is_refused_before_anything_is_paid() {
    let (sandbox, folder) = (start().await, directory("no-folder"));
    manifest(&folder, [line(1), json!({"image": "https://example.com/a.png", "prompt": "x", "output": "../x.mp4"})]);
    std::fs::write(folder.join("file"), "").unwrap();
    let refused = run(&sandbox, &folder, &["batch", "run", MANIFEST, "--out-dir", "file"]).await.exits(2).stderr();
    assert!(refused.contains("file"), "{refused}");
    let refused = run(&sandbox, &folder, &["batch", "run", MANIFEST]).await.exits(2).stderr();
    assert!(refused.contains("line 2: output: ") && refused.contains("--allow-outside"), "{refused}");
    assert_eq!(sandbox.requests().len(), 0);
    run(&sandbox, &folder, &["batch", "run", MANIFEST, "--allow-outside"]).await.exits(0);
    assert!(folder.join("../x.mp4").exists());
    std::fs::remove_file(folder.join("../x.mp4")).unwrap();
}
