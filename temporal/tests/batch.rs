//! A batch from its manifest to its outputs.

mod support;

use std::time::Duration;

use kling_cli::batch::State;
use kling_sandbox::{Endpoint, Fault, Moment, ScriptedResponse};
use kling_temporal::batch::Batch;
use kling_temporal::data::{BatchState, Row};
use kling_temporal::video::Video;
use support::{KEY, PROMPT, Place, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_ends_and_leaves_no_secret_in_the_database_of_the_server() {
    let Some(place) = Place::new(Duration::from_millis(100)).await else { return };
    let _worker = place.worker();
    let manifest = place.manifest("all.jsonl", 5);
    // A refusal and a failure that repeat the prompt.
    let body = format!(r#"{{"code": 1201, "message": "invalid: {PROMPT}, take 1 of all.jsonl", "request_id": "r"}}"#);
    let refusal = ScriptedResponse::new(400).header("content-type", "application/json").body(body);
    place.sandbox.fault_next(Endpoint::Create, Fault::response(refusal));
    place.sandbox.fail_next_task(format!("{PROMPT}, take 2 of all.jsonl"));
    let batch = place.start(&manifest, &["--budget", "100", "--window", "1"]).await;
    let status = place.ended(&batch).await;
    let ended = [State::Delivered, State::Failed].map(|state| status.ended.get(&state).copied());
    assert_eq!(ended, [Some(3), Some(2)], "{status:#?}\n{}", place.logs());
    assert_eq!((place.sandbox.tasks_charged(), place.twice(), place.outputs()), (4, 0, 3));
    let mut database = std::fs::read(place.path("server.db")).unwrap();
    database.extend(std::fs::read(place.path("server.db-wal")).unwrap_or_default());
    let holds = |text: &str| database.windows(text.len()).any(|window| window == text.as_bytes());
    // The manifest's name is there, so the search finds what is.
    assert!(holds("all.jsonl"));
    for secret in [KEY, PROMPT, "secret cat", place.sandbox.video_origin()] {
        assert!(!holds(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_stops_before_its_budget_and_goes_on_with_a_higher_one() {
    let Some(place) = Place::new(Duration::from_millis(50)).await else { return };
    let _worker = place.worker();
    let manifest = place.manifest("all.jsonl", 4);
    // What one video reserves, and what it books at last.
    let first = place.start(&place.manifest("first.jsonl", 1), &[]).await;
    let state = place.ended(&first).await;
    let row: Row = serde_json::from_str(&std::fs::read_to_string(&state.plan).unwrap()).unwrap();
    let budget = (row.estimate + state.spent * 3 / 2) as f64 / 1000.0;
    let batch = place.start(&manifest, &["--window", "1", "--budget", &budget.to_string()]).await;
    let held = |status: &BatchState| {
        status.ended.get(&State::Delivered) == Some(&2)
            && status.next().is_err_and(|why| why.starts_with("budget: line 3"))
    };
    place.until(&batch, held).await;
    assert_eq!(place.sandbox.tasks_charged(), 3);
    let low = place.run(&["budget", &batch, "0.5"]).await;
    assert!(text(&low.stderr).contains("expected at least the"), "{low:?}");
    place.done(&["budget", &batch, "1000"]).await;
    assert_eq!(place.ended(&batch).await.ended.get(&State::Delivered), Some(&4));
    assert_eq!((place.sandbox.tasks_charged(), place.twice()), (5, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_batch_submits_no_more_and_brings_home_what_is_charged() {
    let Some(place) = Place::new(Duration::from_secs(4)).await else { return };
    let _worker = place.worker_with(&["--max-running", "3"]);
    let batch = place.start(&place.manifest("all.jsonl", 9), &["--window", "5"]).await;
    place.sandbox.until(|sandbox| sandbox.tasks_charged() == 3).await;
    place.done(&["cancel", &batch]).await;
    let status = place.ended(&batch).await;
    assert_eq!(
        (status.ended.get(&State::Delivered), status.ended.get(&State::Dropped)),
        (Some(&3), Some(&2)),
        "{status:#?}"
    );
    assert_eq!((place.sandbox.tasks_charged(), place.outputs()), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_batches_share_the_places_of_their_account() {
    let Some(place) = Place::new(Duration::from_millis(700)).await else { return };
    let _workers = [place.worker_with(&["--max-running", "2"]), place.worker_with(&["--max-running", "2"])];
    let one = place.start(&place.manifest("one.jsonl", 4), &[]).await;
    let two = place.start(&place.manifest("two.jsonl", 4), &[]).await;
    let most = async {
        let mut most = 0;
        loop {
            most = most.max(place.sandbox.tasks().iter().filter(|task| task.status.as_str() != "succeed").count());
            if place.sandbox.tasks_charged() == 8 {
                return most;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let most = tokio::time::timeout(Duration::from_secs(60), most).await.unwrap();
    for batch in [one, two] {
        assert_eq!(place.ended(&batch).await.ended.get(&State::Delivered), Some(&4));
    }
    assert_eq!((most, place.twice()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_continues_as_new_runs_without_waiting_for_its_videos() {
    let Some(place) = Place::new(Duration::from_secs(2)).await else { return };
    let _worker = place.worker();
    let batch = place.start(&place.manifest("all.jsonl", 30), &["--window", "10", "--events", "60"]).await;
    // The videos of one run end in another.
    let first = place.client().await.get_workflow_handle::<Batch>(&batch);
    let first = first.describe(Default::default()).await.unwrap().run_id().to_owned();
    let status = place.ended(&batch).await;
    assert_eq!(status.ended.get(&State::Delivered), Some(&30), "{status:#?}");
    let last = place.client().await.get_workflow_handle::<Batch>(&batch);
    assert_ne!(last.describe(Default::default()).await.unwrap().run_id(), first);
    assert_eq!((place.sandbox.tasks_charged(), place.twice(), place.outputs()), (30, 0, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_a_worker_end_after_the_responses_to_its_submits() {
    let Some(place) = Place::new(Duration::from_millis(50)).await else { return };
    let mut worker = place.worker();
    // Charged, and responded to a second later.
    place.sandbox.fault_always(Endpoint::Create, Fault::paused(Moment::Done, Duration::from_secs(1)));
    let batch = place.start(&place.manifest("all.jsonl", 6), &[]).await;
    place.sandbox.until(|sandbox| sandbox.posts_received_whole() >= 3).await;
    worker.terminate();
    let began = std::time::Instant::now();
    assert!(worker.0.wait().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(20));
    place.sandbox.clear_faults();
    let _other = place.worker();
    // The server may have handed it one more submit, which it never received: that one is submitted by the other worker.
    assert_eq!(place.ended(&batch).await.ended.get(&State::Delivered), Some(&6));
    assert_eq!((place.sandbox.tasks_charged(), place.sandbox.posts_received_whole(), place.twice()), (6, 6, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_video_keeps_neither_its_place_nor_its_batch() {
    let Some(place) = Place::new(Duration::from_secs(2)).await else { return };
    let _worker = place.worker_with(&["--max-running", "1"]);
    let batch = place.start(&place.manifest("all.jsonl", 2), &[]).await;
    place.sandbox.until(|sandbox| sandbox.tasks_charged() == 1).await;
    let video = place.sandbox.tasks().remove(0).external_id.unwrap();
    let client = place.client().await;
    client.get_workflow_handle::<Video>(&video).terminate(Default::default()).await.unwrap();
    // The other one gets its place.
    place.until(&batch, |status| status.ended.get(&State::Delivered) == Some(&1)).await;
    place.done(&["cancel", &batch]).await;
    let status = place.ended(&batch).await;
    assert_eq!(status.ended.get(&State::Ambiguous), Some(&1), "{status:#?}");
    // It was charged.
    assert!(status.spent > 0 && status.problems[0].1.why.as_ref().unwrap().contains("terminated"), "{status:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_balance_halts_the_batch_until_it_is_filled() {
    let Some(place) = Place::new(Duration::from_millis(50)).await else { return };
    let _worker = place.worker();
    let body = r#"{"code": 1101, "message": "account in arrears", "request_id": "r"}"#;
    let refusal = ScriptedResponse::new(429).header("content-type", "application/json").body(body);
    place.sandbox.fault_always(Endpoint::Create, Fault::response(refusal));
    let batch = place.start(&place.manifest("all.jsonl", 6), &["--window", "2"]).await;
    let status = place.until(&batch, |status| status.next().is_err_and(|why| why.starts_with("halted"))).await;
    assert!(status.flying.len() <= 2);
    place.sandbox.clear_faults();
    assert_eq!(place.ended(&batch).await.ended.get(&State::Delivered), Some(&6));
    assert_eq!((place.sandbox.tasks_charged(), place.twice()), (6, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubtful_limit_is_looked_up_before_the_request_is_submitted_again() {
    let Some(place) = Place::new(Duration::from_millis(50)).await else { return };
    let _worker = place.worker();
    let limiter = || Fault::response(ScriptedResponse::new(429).body("<html>Too Many Requests</html>"));
    // The first is charged all the same, and its task is visible a little later.
    place.sandbox.fault_next(Endpoint::Create, limiter().charged().hidden_for(Duration::from_millis(60)));
    place.sandbox.fault_next(Endpoint::Create, limiter());
    let batch = place.start(&place.manifest("all.jsonl", 2), &["--window", "1"]).await;
    let status = place.ended(&batch).await;
    assert_eq!(status.ended.get(&State::Delivered), Some(&2), "{status:#?}");
    assert_eq!((place.sandbox.tasks_charged(), place.twice()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_video_submits_nothing_again() {
    let Some(place) = Place::new(Duration::from_millis(50)).await else { return };
    let _worker = place.worker();
    let batch = place.start(&place.manifest("all.jsonl", 1), &[]).await;
    place.ended(&batch).await;
    let task = place.sandbox.tasks().remove(0);
    let video = task.external_id.unwrap();
    place.reset(&video).await;
    let handle = place.client().await.get_workflow_handle::<Video>(&video);
    let ended = handle.get_result(Default::default()).await.unwrap();
    assert_eq!((ended.state, ended.task.as_deref()), (State::Delivered, Some(task.id.as_str())));
    assert_eq!((place.sandbox.tasks_charged(), place.sandbox.posts_begun()), (1, 1));
    let history = handle.fetch_history(Default::default()).into_events().await.unwrap();
    // Its submit said that the outcome is unknown, and the task was looked up.
    assert!(format!("{history:?}").contains("look_up"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_history_is_lost_is_started_again_and_charges_nothing_twice() {
    let Some(mut place) = Place::new(Duration::from_millis(50)).await else { return };
    let mut worker = place.worker();
    let manifest = place.manifest("all.jsonl", 4);
    let first = place.start(&manifest, &[]).await;
    place.ended(&first).await;
    worker.kill();
    place.server.take();
    for file in ["server.db", "server.db-wal", "server.db-shm"] {
        _ = std::fs::remove_file(place.path(file));
    }
    place.start_server().await;
    let _worker = place.worker();
    // Outputs that exist may be somebody else's.
    let refused =
        place.run(&["start", manifest.to_str().unwrap(), "--out-dir", place.path("videos").to_str().unwrap()]).await;
    assert!(text(&refused.stderr).contains("exists"), "{refused:?}");
    let second = place.start(&manifest, &["--restart"]).await;
    assert_eq!(first, second);
    assert_eq!(place.ended(&second).await.ended.get(&State::Delivered), Some(&4));
    assert_eq!((place.sandbox.tasks_charged(), place.sandbox.posts_begun()), (4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_started_again_counts_what_its_videos_did_and_starts_changed_lines() {
    let Some(place) = Place::new(Duration::from_millis(50)).await else { return };
    let _worker = place.worker();
    let manifest = place.manifest("all.jsonl", 3);
    let first = place.start(&manifest, &[]).await;
    place.ended(&first).await;
    let lines = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, lines.replace("take 2", "take two")).unwrap();
    let second = place.start(&manifest, &["--restart"]).await;
    assert_eq!(place.ended(&second).await.ended.get(&State::Delivered), Some(&3));
    assert_eq!((place.sandbox.tasks_charged(), place.twice()), (4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_settled_by_the_id_of_its_task() {
    let Some(place) = Place::new(Duration::from_millis(50)).await else { return };
    let _worker = place.worker();
    // Charged, no response, and not to be found by its external id for an hour.
    place.sandbox.fault_next(Endpoint::Create, Fault::hang_up().charged().hidden_for(Duration::from_secs(3600)));
    let batch = place.start(&place.manifest("all.jsonl", 1), &[]).await;
    let status = place.until_unknown(&batch).await;
    assert!(status.reserved() > 0);
    let id = status.flying.keys().next().unwrap();
    place.done(&["resolve", id, "give-up"]).await;
    let status = place.ended(&batch).await;
    assert_eq!((status.ended.get(&State::Ambiguous), status.reserved()), (Some(&1), 0));
    assert!(status.spent > 0);
    assert_eq!(place.sandbox.posts_begun(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_before_the_submit_is_not_about_its_outcome() {
    let Some(place) = Place::new(Duration::from_millis(50)).await else { return };
    let _none = place.worker_with(&["--max-running", "0"]);
    place.sandbox.fault_next(Endpoint::Create, Fault::hang_up().charged().hidden_for(Duration::from_secs(3600)));
    let batch = place.start(&place.manifest("all.jsonl", 1), &[]).await;
    let status = place.until(&batch, |status| status.flying.len() == 1).await;
    place.done(&["resolve", status.flying.keys().next().unwrap(), "submit-again"]).await;
    let _worker = place.worker();
    place.until_unknown(&batch).await;
    assert_eq!((place.sandbox.tasks_charged(), place.sandbox.posts_begun()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limiter_that_never_opens_halts_the_batch_until_it_does() {
    let Some(place) = Place::new(Duration::from_millis(50)).await else { return };
    let _worker = place.worker();
    place.sandbox.fault_always(Endpoint::Create, Fault::response(ScriptedResponse::new(429).body("Too Many Requests")));
    let batch = place.start(&place.manifest("all.jsonl", 2), &["--window", "1"]).await;
    place.until(&batch, |status| status.next().is_err_and(|why| why.starts_with("halted"))).await;
    place.sandbox.clear_faults();
    assert_eq!(place.ended(&batch).await.ended.get(&State::Delivered), Some(&2));
    assert_eq!((place.sandbox.tasks_charged(), place.twice()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_task_ends_with_the_reason() {
    let Some(place) = Place::new(Duration::from_millis(50)).await else { return };
    let _worker = place.worker();
    place.sandbox.fault_next(Endpoint::Create, Fault::hang_up().charged().hidden_for(Duration::from_secs(3600)));
    let batch = place.start(&place.manifest("all.jsonl", 1), &[]).await;
    let status = place.until_unknown(&batch).await;
    place.done(&["resolve", status.flying.keys().next().unwrap(), "task", "123456"]).await;
    let status = place.ended(&batch).await;
    assert_eq!(status.ended.get(&State::Finished), Some(&1), "{status:#?}");
    // It may have been charged, so it stays booked.
    assert!(status.spent > 0 && status.problems[0].1.why.as_ref().unwrap().contains("rejected"), "{status:#?}");
}
