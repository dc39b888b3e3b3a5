//! Proves what the command promises: what is paid, what is said, what lies on the disk, and with which code it ends.

mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use kling_batch::State;
use kling_sandbox::{Endpoint, Fault, ReceivedImage, Sandbox, ScriptedResponse, TaskPlan};
use serde_json::json;
use support::{
    PROMPT, Running, agrees, command, directory, jobs, line, manifest, picture, record, run, sandbox, states,
};

/// Short, so that a dead worker is missed soon.
const BEAT: [&str; 2] = ["--heartbeat", "100ms"];

async fn start() -> Sandbox {
    sandbox().start().await.unwrap()
}

/// Waits until this holds, and says so if it never will.
async fn until(what: &str, sandbox: &Sandbox, holds: impl FnMut(&Sandbox) -> bool) {
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, sandbox.until(holds)).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn refusal(status: u16, code: u32) -> Fault {
    let body = json!({"code": code, "message": "as scripted", "request_id": "r"}).to_string();
    Fault::response(ScriptedResponse::new(status).header("content-type", "application/json").body(body))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_becomes_videos_and_the_same_work_is_not_paid_again() {
    let (sandbox, folder) = (start().await, directory("whole"));
    let mut lines: Vec<_> = (1..=3).map(line).collect();
    lines[1]["image"] = json!([picture("cat.png"), "https://example.com/hat.jpg"]);
    lines[1]["mode"] = json!("pro");
    lines[2]["output"] = json!("sub/third.mp4");
    let manifest = manifest(&folder, lines);
    let words = ["batch", "run", manifest.to_str().unwrap(), "--out", "videos", "--json"];
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
    // Who insists pays again, and nothing is written over.
    run(&sandbox, &folder, &[&words[..], &["--again"]].concat()).await.exits(0);
    assert_eq!(sandbox.tasks_charged(), 6);
    assert!(folder.join("videos/n1-4.mp4").exists());
    let store = record(&folder).await;
    agrees(&store).await;

    let export = run(&sandbox, &folder, &["batch", "export"]).await.exits(0).stdout();
    assert_eq!(export.lines().count(), 7, "{export}");
    let export = run(&sandbox, &folder, &["batch", "export", "--format", "json"]).await.exits(0).stdout();
    let first: serde_json::Value = serde_json::from_str(export.lines().next().unwrap()).unwrap();
    assert_eq!((&first["state"], &first["task_id"]), (&json!("delivered"), &json!(task)));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_several_operations_are_in_one_manifest_and_each_is_found_by_its_own() {
    let (sandbox, folder) = (start().await, directory("operations"));
    std::fs::copy(picture("cat.png"), folder.join("cat.png")).unwrap();
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
    let words = [&["batch", "run", manifest.to_str().unwrap()][..], &BEAT].concat();
    let child = command(sandbox.base_url(), &folder, "kling.db", &words).stderr(Stdio::null()).spawn().unwrap();
    let mut child = Running(child);
    until("all are charged", &sandbox, |sandbox| sandbox.tasks_charged() == 3).await;
    assert!(child.kill(), "it runs");
    run(&sandbox, &folder, &[&["batch", "resume"][..], &BEAT].concat()).await.exits(0);
    assert_eq!((sandbox.tasks_charged(), sandbox.posts_begun()), (3, 3));
    for file in ["one.mp4", "two.mp4", "three.mp4"] {
        assert_eq!(std::fs::read(folder.join(file)).unwrap(), sandbox.video_bytes(), "{file}");
    }
    let operations: Vec<_> = jobs(&record(&folder).await).await.iter().map(|job| job.operation.to_string()).collect();
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
        std::fs::copy(picture(file), folder.join(file)).unwrap();
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
    let words = ["--prices", prices.to_str().unwrap(), "batch", "run", manifest.to_str().unwrap(), "--budget", "9"];
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
    std::fs::copy(picture("cat.png"), folder.join("hat.jpg")).unwrap();
    let again = run(&sandbox, &folder, &[&words[..], &["--dry-run"]].concat()).await.exits(0);
    assert!(again.stderr().contains("2 jobs would be sent"), "{}", again.stderr());
    let nowhere = json!({"operation": "omni-video", "model": "kling-v3-omni", "mode": "std", "duration": 5,
        "image": [{"image_url": "nowhere.png", "type": "first_frame"}], "prompt": PROMPT});
    let nowhere = support::manifest(&folder, [nowhere]);
    let refused = run(&sandbox, &folder, &["batch", "add", nowhere.to_str().unwrap()]).await.exits(2);
    assert!(refused.stderr().contains("line 1: image_list[0].image_url: "), "{}", refused.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_is_not_known_is_refused_under_a_budget_with_the_line_to_add() {
    let (sandbox, folder) = (start().await, directory("unpriced"));
    let manifest = of_other_operations(&folder);
    let twice = std::fs::read_to_string(&manifest).unwrap().replace(PROMPT, "x");
    std::fs::write(
        &manifest,
        [std::fs::read_to_string(&manifest).unwrap(), twice.replace("\"name\"", "\"output\"")].concat(),
    )
    .unwrap();
    let words = ["batch", "run", manifest.to_str().unwrap()];
    let refused = run(&sandbox, &folder, &[&words[..], &["--budget", "100"]].concat()).await.exits(2).stderr();
    for line in [
        r#"add {"operation": "image2video", "model": "kling-v2-6", "mode": "pro", "duration": "5", "units": "…"}"#,
        r#"add {"operation": "omni-video", "model": "kling-v3-omni", "mode": "std", "duration": "5", "units": "…"}"#,
    ] {
        assert_eq!(refused.matches(line).count(), 1, "{refused}");
    }
    assert!(refused.contains("4 lines of ") && refused.contains("into a file for --prices"), "{refused}");
    assert_eq!((sandbox.requests().len(), jobs(&record(&folder).await).await.len()), (0, 0));

    // Without a budget nothing needs a price, and none can be set later.
    let dry = run(&sandbox, &folder, &[&words[..], &["--dry-run"]].concat()).await.exits(0).stderr();
    assert!(dry.contains("4 of them have no known price") && dry.contains("line 1 (image): no known price, "), "{dry}");
    run(&sandbox, &folder, &["batch", "add", words[2]]).await.exits(0);
    let refused = run(&sandbox, &folder, &["batch", "resume", "--budget", "9"]).await.exits(2).stderr();
    assert!(refused.contains("batch 1 has 4 jobs without a known price"), "{refused}");
    assert_eq!(sandbox.posts_begun(), 0);
    run(&sandbox, &folder, &["batch", "resume"]).await.exits(0);
    assert_eq!(sandbox.tasks_charged(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_every_line_is_told_before_anything_is_written_or_paid() {
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
    let told = run(&sandbox, &folder, &["batch", "run", manifest.to_str().unwrap()]).await.exits(2).stderr();
    for expected in [
        "line 2: promt: ",
        "line 3: image_list: expected 1–4 items, given 0 items",
        "line 3: prompt: expected 1–2500 characters, given 2501 characters",
        "nowhere.png: ",
        "line 5: output: expected a file that can be made",
        "line 6: output: expected a file for each line, given that of line 1",
        "line 8: external_id: expected one for each line, given that of line 7",
        "line 9: operation: expected one of multi-image2video, text2video",
        "line 10: image: expected a field of this operation",
        "line 10: model_name: ",
        "8 lines of ",
    ] {
        assert!(told.contains(expected), "{expected:?} is missing: {told}");
    }
    assert_eq!(sandbox.requests().len(), 0);
    assert!(jobs(&record(&folder).await).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_be_sent_and_makes_nothing() {
    let (sandbox, folder) = (start().await, directory("dry"));
    let manifest = manifest(&folder, [line(1), line(2), line(2)]);
    let words = ["batch", "run", manifest.to_str().unwrap(), "--dry-run", "--budget", "3", "--json"];
    let ran = run(&sandbox, &folder, &words).await.exits(0);
    assert_eq!(ran.json()["added"], json!({"jobs": 2, "known": 1, "estimate": "4"}));
    for expected in ["line 1 (n1): 2 units, ", "an assumption", "the budget of 3 units stops it"] {
        assert!(ran.stderr().contains(expected), "{expected:?} is missing: {}", ran.stderr());
    }
    assert_eq!((sandbox.requests().len(), folder.join("kling.db").exists()), (0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_sender_is_killed_is_found_and_never_sent_again() {
    let (sandbox, folder) = (start().await, directory("killed"));
    // It is charged, and the answer never comes.
    sandbox.fault_next(Endpoint::Create, Fault::silence().charged());
    let manifest = manifest(&folder, [line(1)]);
    let words = [&["batch", "run", manifest.to_str().unwrap()][..], &BEAT].concat();
    let child = command(sandbox.base_url(), &folder, "kling.db", &words).stderr(Stdio::null()).spawn().unwrap();
    let mut child = Running(child);
    until("the order is charged", &sandbox, |sandbox| sandbox.tasks_charged() == 1).await;
    // What was intended stands in the record, under the id that the gateway received.
    let store = record(&folder).await;
    let job = jobs(&store).await.remove(0);
    assert_eq!((job.state, sandbox.charged_for(&job.external_id)), (State::Sending, 1));
    assert!(child.kill(), "it runs");

    let resume = [&["batch", "resume"][..], &BEAT].concat();
    let resumed = run(&sandbox, &folder, &resume).await.exits(0);
    assert!(resumed.stderr().contains("found its task"), "{}", resumed.stderr());
    assert_eq!((sandbox.tasks_charged(), sandbox.posts_begun()), (1, 1));
    assert_eq!(std::fs::read(folder.join("n1.mp4")).unwrap(), sandbox.video_bytes());
    let history = store.history(job.id).await.unwrap();
    let states: Vec<_> = history.iter().map(|step| step.state).collect();
    let way = [State::Intended, State::Sending, State::Ambiguous, State::Accepted, State::Finished, State::Delivered];
    assert_eq!(states, way);
    assert!(history[3].status.is_some() && history[3].status_at.is_some(), "the API told it: {history:?}");
    assert_eq!(history[4].status.as_deref(), Some("succeed"));
    assert!(history[3].status_at <= history[4].status_at);
    let report = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(report.contains("1 delivered"), "the end of a run that went on: {report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_status_of_a_task_is_in_the_record_once_whoever_saw_it() {
    let (clock, folder) = (kling_sandbox::Clock::manual(), directory("each-status"));
    let sandbox = sandbox().clock(clock.clone()).start().await.unwrap();
    let plan = TaskPlan { processing_after: Duration::from_secs(10), ..TaskPlan::over(Duration::from_secs(20)) };
    sandbox.plan_next_task(plan.clone());
    sandbox.plan_next_task(plan.fail("Image pixel is invalid"));
    let manifest = manifest(&folder, [line(1), line(2)]);
    let words = [&["batch", "run", manifest.to_str().unwrap()][..], &BEAT].concat();
    let child = command(sandbox.base_url(), &folder, "kling.db", &words).stderr(Stdio::null()).spawn().unwrap();
    let mut first = Running(child);
    until("both are charged", &sandbox, |sandbox| sandbox.tasks_charged() == 2).await;
    clock.advance(Duration::from_secs(10));
    let store = record(&folder).await;
    let told = async |job: i64| {
        let history = store.history(job).await.unwrap();
        history.into_iter().filter_map(|step| Some((step.state, step.status?, step.status_at?))).collect::<Vec<_>>()
    };
    let begun = clock.unix_time().as_millis() as i64 - 10_000;
    let [submitted, processing] =
        [("submitted", 0), ("processing", 10)].map(|(word, at)| (State::Accepted, word.to_owned(), begun + at * 1000));
    let next = async |asked: usize| until("it asks on", &sandbox, |sandbox| sandbox.requests().len() > asked).await;
    for job in [1, 2] {
        while told(job).await.len() < 2 {
            next(sandbox.requests().len()).await;
        }
    }
    assert!(first.kill(), "it runs");
    // Who goes on sees both again, which is nothing new.
    let asked = sandbox.requests().len();
    let resume = [&["batch", "resume"][..], &BEAT].concat();
    let resumed = run(&sandbox, &folder, &resume);
    let ends = async {
        next(asked + 6).await;
        clock.advance(Duration::from_secs(10));
    };
    tokio::join!(resumed, ends).0.exits(4);
    // Whichever came second was planned to fail.
    let failing = sandbox.tasks()[1].id.clone();
    for job in jobs(&store).await {
        let fails = job.task_id.as_ref() == Some(&failing);
        let (state, word) = if fails { (State::Failed, "failed") } else { (State::Finished, "succeed") };
        let end = (state, word.to_owned(), begun + 20_000);
        assert_eq!(told(job.id).await, [submitted.clone(), processing.clone(), end], "job {}", job.id);
    }
    agrees(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_without_a_video_is_in_the_record_and_is_asked_for_again() {
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
    let store = record(&folder).await;
    assert_eq!(states(&store).await, [State::Accepted]);
    let words = store.history(1).await.unwrap().into_iter().filter_map(|step| step.status).collect::<Vec<_>>();
    assert_eq!(words, ["submitted", "succeed"], "told once, however often it was asked");
    sandbox.clear_faults();
    clock.advance(Duration::from_secs(3600));
    run(&sandbox, &folder, &["batch", "resume"]).await.exits(0);
    assert_eq!(std::fs::read(folder.join("n1.mp4")).unwrap(), sandbox.video_bytes());
    assert_eq!(sandbox.posts_begun(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_lost_stays_so_until_the_user_insists() {
    let (sandbox, folder) = (start().await, directory("lost"));
    sandbox.fault_next(Endpoint::Create, Fault::hang_up());
    let manifest = manifest(&folder, [line(1)]);
    let manifest = manifest.to_str().unwrap();
    let ran = run(&sandbox, &folder, &["batch", "run", manifest]).await.exits(6);
    assert!(ran.stderr().contains("retry --yes 1, which pays twice if there is one"), "{}", ran.stderr());
    // Neither a second run nor the same manifest sends it again.
    run(&sandbox, &folder, &["batch", "resume"]).await.exits(6);
    let again = run(&sandbox, &folder, &["batch", "run", manifest]).await.exits(6);
    assert!(again.stderr().contains("may be paid already: job 1 is ambiguous"), "{}", again.stderr());
    assert_eq!(sandbox.posts_begun(), 1);
    let status = run(&sandbox, &folder, &["batch", "status", "--json"]).await.exits(0).json();
    assert_eq!(status["booked"], "2", "it may cost that");
    assert_eq!(status["attention"][0]["state"], "ambiguous");

    run(&sandbox, &folder, &["batch", "drop", "1"]).await.exits(2);
    let refused = run(&sandbox, &folder, &["batch", "retry", "1"]).await.exits(2);
    assert!(refused.stderr().contains("may pay twice"), "{}", refused.stderr());
    run(&sandbox, &folder, &["batch", "retry", "1", "--yes"]).await.exits(0);
    run(&sandbox, &folder, &["batch", "resume"]).await.exits(6);
    assert_eq!((sandbox.posts_begun(), sandbox.tasks_charged()), (2, 1));
    assert_eq!(states(&record(&folder).await).await, [State::Ambiguous, State::Delivered]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_task_with_the_callers_own_id_is_not_taken_for_a_lost_one() {
    for (created, found) in [(Some(-3600), false), (None, false), (Some(0), true)] {
        let (sandbox, folder) = (start().await, directory("older"));
        let mut line = line(1);
        line["external_id"] = json!("order-7");
        let manifest = manifest(&folder, [line]);
        sandbox.fault_next(Endpoint::Create, Fault::hang_up());
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
        let older = json!({"code": 0, "data": {
            "task_id": "9", "task_status": "failed", "task_info": {"external_task_id": "order-7"},
            "created_at": created.map(|seconds| now + seconds * 1000),
        }});
        sandbox.fault_always(Endpoint::Get, Fault::response(ScriptedResponse::new(200).body(older.to_string())));
        let ran = run(&sandbox, &folder, &["batch", "run", manifest.to_str().unwrap(), "--out", "videos"]).await;
        let expected = if found { State::Failed } else { State::Ambiguous };
        assert_eq!(states(&record(&folder).await).await, [expected], "{created:?}: {}", ran.stderr());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_stops_before_it_would_be_passed_and_can_be_raised() {
    let (sandbox, folder) = (start().await, directory("budget"));
    let manifest = manifest(&folder, (1..=5).map(line));
    let words = ["batch", "run", manifest.to_str().unwrap(), "--budget", "7"];
    let ran = run(&sandbox, &folder, &words).await.exits(7);
    assert!(ran.stderr().contains("stopped: the next job would pass its budget of 7"), "{}", ran.stderr());
    assert_eq!(sandbox.tasks_charged(), 3);
    run(&sandbox, &folder, &["batch", "resume", "--budget", "10"]).await.exits(0);
    assert_eq!(sandbox.tasks_charged(), 5);
    agrees(&record(&folder).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_accounts_limit_is_learnt_and_all_come_through_it() {
    let folder = directory("crowded");
    let sandbox = sandbox().concurrency(2).task_time(Duration::from_millis(200)).start().await.unwrap();
    let manifest = manifest(&folder, (1..=8).map(line));
    let words = ["batch", "run", manifest.to_str().unwrap(), "--max-running", "6"];
    run(&sandbox, &folder, &words).await.exits(0);
    assert_eq!(sandbox.tasks_charged(), 8);
    let (places, running) = record(&folder).await.places().await.unwrap();
    assert!(places.allowed < 6 && places.most == 6 && running == 0, "{places:?}");
    // Six at once find two places; after that few tries are lost.
    assert!(sandbox.posts_begun() < 8 + 12, "{} orders for 8", sandbox.posts_begun());
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_money_is_gone_the_rest_stays_intended() {
    let (sandbox, folder) = (start().await, directory("poor"));
    sandbox.fault_always(Endpoint::Create, refusal(429, 1102));
    let manifest = manifest(&folder, (1..=20).map(line));
    let ran =
        run(&sandbox, &folder, &["batch", "run", manifest.to_str().unwrap(), "--max-running", "2"]).await.exits(3);
    assert!(ran.stderr().contains("code 1102") && ran.stderr().contains("resume"), "{}", ran.stderr());
    assert!(sandbox.posts_begun() <= 4, "{} orders", sandbox.posts_begun());
    assert_eq!(states(&record(&folder).await).await, [State::Intended; 20]);
    sandbox.clear_faults();
    run(&sandbox, &folder, &["batch", "resume"]).await.exits(0);
    assert_eq!(sandbox.tasks_charged(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_order_is_told_and_the_others_go_on() {
    let (sandbox, folder) = (start().await, directory("refused"));
    sandbox.fault_next(Endpoint::Create, refusal(400, 1301));
    sandbox.fail_next_task("Failure to pass the risk control system");
    let manifest = manifest(&folder, (1..=3).map(line));
    let words = ["batch", "run", manifest.to_str().unwrap(), "--max-running", "1"];
    let ran = run(&sandbox, &folder, &words).await.exits(4);
    assert!(ran.stderr().contains("code 1301") && ran.stderr().contains("risk control"), "{}", ran.stderr());
    let store = record(&folder).await;
    assert_eq!(states(&store).await, [State::Failed, State::Failed, State::Delivered]);
    agrees(&store).await;
    run(&sandbox, &folder, &["batch", "retry", "1", "2"]).await.exits(0);
    run(&sandbox, &folder, &["batch", "resume"]).await.exits(0);
    assert!(folder.join("n1.mp4").exists() && folder.join("n2.mp4").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_or_differs_is_fetched_again_and_what_is_in_the_way_is_kept() {
    let (sandbox, folder) = (start().await, directory("files"));
    let manifest = manifest(&folder, (1..=3).map(line));
    let add = ["batch", "add", manifest.to_str().unwrap()];
    run(&sandbox, &folder, &add).await.exits(0);
    // It came between the check and the order: nothing is paid for it.
    std::fs::write(folder.join("n3.mp4"), "mine").unwrap();
    run(&sandbox, &folder, &["batch", "resume"]).await.exits(4);
    assert_eq!(sandbox.tasks_charged(), 2);
    std::fs::remove_file(folder.join("n1.mp4")).unwrap();
    std::fs::write(folder.join("n2.mp4"), "cut").unwrap();
    let resumed = run(&sandbox, &folder, &["batch", "resume"]).await.exits(4);
    assert_eq!(resumed.stderr().matches("is fetched again").count(), 2, "{}", resumed.stderr());
    for file in ["n1.mp4", "n2.mp4"] {
        assert_eq!(std::fs::read(folder.join(file)).unwrap(), sandbox.video_bytes(), "{file}");
    }
    assert_eq!((std::fs::read(folder.join("n3.mp4")).unwrap(), sandbox.tasks_charged()), (b"mine".to_vec(), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_changed_since_it_was_added_is_not_paid_for() {
    let (sandbox, folder) = (start().await, directory("changed"));
    std::fs::copy(picture("cat.png"), folder.join("cat.png")).unwrap();
    let manifest = manifest(&folder, [json!({"image": "cat.png", "prompt": PROMPT})]);
    run(&sandbox, &folder, &["batch", "add", manifest.to_str().unwrap()]).await.exits(0);
    let mut bytes = std::fs::read(picture("cat.png")).unwrap();
    bytes.push(0);
    std::fs::write(folder.join("cat.png"), bytes).unwrap();
    let ran = run(&sandbox, &folder, &["batch", "resume"]).await.exits(4);
    assert!(ran.stderr().contains("no longer what it was"), "{}", ran.stderr());
    assert_eq!(sandbox.posts_begun(), 0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_waits_for_what_it_sends_and_sends_no_more() {
    let (sandbox, folder) = (start().await, directory("stopped"));
    sandbox.fault_next(Endpoint::Create, Fault::delayed(Duration::from_millis(700)));
    let manifest = manifest(&folder, (1..=5).map(line));
    run(&sandbox, &folder, &["batch", "add", manifest.to_str().unwrap()]).await.exits(0);
    let words = ["worker", "--max-running", "1"];
    let child = command(sandbox.base_url(), &folder, "kling.db", &words).stderr(Stdio::null()).spawn().unwrap();
    until("an order is on its way", &sandbox, |sandbox| sandbox.tasks_charged() == 1).await;
    let stop = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(stop.success());
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let store = record(&folder).await;
    let states = states(&store).await;
    assert!(!matches!(states[0], State::Sending | State::Ambiguous), "{states:?}");
    assert_eq!((states[1], sandbox.posts_begun()), (State::Intended, 1));
    assert!(store.beats().await.unwrap().is_empty(), "it signed off");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_written() {
    let (sandbox, folder) = (start().await, directory("keyless"));
    let manifest = manifest(&folder, [line(1)]);
    let mut command =
        command(sandbox.base_url(), &folder, "kling.db", &["batch", "run", manifest.to_str().unwrap(), "--json"]);
    let ran = command.env_remove("KLING_API_KEY").output().unwrap();
    assert_eq!((ran.status.code(), folder.join("kling.db").exists()), (Some(2), false));
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
    // No file grows beyond 400 blocks: the record's log is full after some orders, and writing to it fails from then on.
    let limited = "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\"";
    let program = env!("CARGO_BIN_EXE_kling-batch");
    let words = ["-c", limited, program, "worker", "--heartbeat", "100ms", "--max-running", "3"];
    let worker = std::process::Command::new("sh")
        .args(words)
        .current_dir(&folder)
        .env("KLING_API_KEY", support::KEY)
        .env("KLING_BASE_URL", sandbox.base_url())
        .env("KLING_DATABASE", "kling.db")
        .env("KLING_EXPECT", "2s")
        .stderr(Stdio::piped())
        .spawn();
    let mut worker = Running(worker.unwrap());
    let mut lines = BufReader::new(worker.0.stderr.take().unwrap()).lines();
    let full = tokio::task::spawn_blocking(move || lines.any(|line| line.is_ok_and(|line| line.contains("trying on"))));
    let full = tokio::time::timeout(Duration::from_secs(60), full).await.expect("the disk is full at last").unwrap();
    assert!(full && sandbox.tasks_charged() < 20, "the disk was never full");
    let charged = sandbox.tasks_charged();
    worker.kill();

    let resumed = run(&sandbox, &folder, &[&["batch", "resume"][..], &BEAT].concat()).await;
    let store = record(&folder).await;
    for job in jobs(&store).await {
        // What was written as on its way when its sender was killed, and never arrived, stays ambiguous.
        assert!(matches!(job.state, State::Delivered | State::Ambiguous), "{}: {}", job.state, resumed.stderr());
        let expected = usize::from(job.state == State::Delivered);
        assert_eq!(sandbox.charged_for(&job.external_id), expected, "{}, {charged} charged before", job.state);
    }
    assert!(sandbox.tasks_charged() >= 17, "three were on their way at most");
    agrees(&store).await;
}
