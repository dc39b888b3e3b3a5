//! Stored histories, replayed by the workflows of today: one that decides otherwise would make running batches hang.
//! `UPDATE_HISTORIES=1 cargo test --test replay` stores them anew, after a change that is meant.

mod support;

use std::path::PathBuf;
use std::time::Duration;

use kling_cli::batch::State;
use kling_sandbox::{Endpoint, Fault, ScriptedResponse};
use kling_temporal::account::Account;
use kling_temporal::batch::Batch;
use kling_temporal::video::Video;
use support::{KEY, PROMPT, Place};
use temporalio_client::{UntypedWorkflow, WorkflowHistory};
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/histories")
}

async fn replay(history: &[u8]) -> Result<(), String> {
    let options = WorkflowReplayerOptions::new()
        .register_workflow::<Account>()
        .and_then(|options| options.register_workflow::<Batch>()?.register_workflow::<Video>())
        .unwrap()
        .build();
    let replayer = WorkflowReplayer::new(options).unwrap();
    let replayed = replayer.replay_workflow(WorkflowHistory::from_json(history).unwrap()).await;
    replayed.map(drop).map_err(|reason| reason.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_histories_are_replayed_by_the_workflows_of_today() {
    if std::env::var_os("UPDATE_HISTORIES").is_some() {
        record().await;
    }
    let mut count = 0;
    for file in std::fs::read_dir(folder()).unwrap() {
        let file = file.unwrap().path();
        let history = std::fs::read(&file).unwrap();
        replay(&history).await.unwrap_or_else(|reason| panic!("{}: {reason}", file.display()));
        for secret in [KEY, PROMPT] {
            assert!(!String::from_utf8_lossy(&history).contains(secret), "{}", file.display());
        }
        count += 1;
    }
    assert!(count >= 7, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_of_other_decisions_is_not_replayed() {
    let history = std::fs::read_to_string(folder().join("video-delivered.json")).unwrap();
    assert!(replay(history.replace("download", "upload").as_bytes()).await.is_err());
}

/// Stores one history of each course.
async fn record() {
    let Some(place) = Place::new(Duration::from_millis(300)).await else { panic!("there is no server") };
    let _worker = place.worker_with(&["--max-running", "4"]);
    let client = place.client().await;
    let store = async |name: &str, id: &str, run: Option<String>| {
        let mut handle = client.get_workflow_handle::<UntypedWorkflow>(id);
        if run.is_some() {
            let info = temporalio_client::WorkflowExecutionInfo::builder()
                .namespace("default")
                .workflow_id(id)
                .maybe_run_id(run)
                .build();
            handle = temporalio_client::WorkflowHandle::new(client.clone(), info);
        }
        let history = handle.fetch_history(Default::default()).to_json().await.unwrap();
        let mut history: serde_json::Value = serde_json::from_slice(&history).unwrap();
        nameless(&mut history);
        std::fs::write(folder().join(format!("{name}.json")), history.to_string()).unwrap();
    };
    std::fs::create_dir_all(folder()).unwrap();
    // A batch of many runs, whose videos are delivered, after a doubtful limit, a halt, and a failure.
    place.sandbox.fail_next_task("risk control");
    place.sandbox.fault_next(Endpoint::Create, Fault::response(ScriptedResponse::new(429)));
    let body = r#"{"code": 1101, "message": "account in arrears", "request_id": "r"}"#;
    let refusal = ScriptedResponse::new(429).header("content-type", "application/json").body(body);
    place.sandbox.fault_next(Endpoint::Create, Fault::response(refusal));
    let batch = place.start(&place.manifest("all.jsonl", 20), &["--window", "6", "--events", "60"]).await;
    let first = client.get_workflow_handle::<Batch>(&batch).describe(Default::default()).await.unwrap();
    let status = place.ended(&batch).await;
    assert_eq!(status.ended.get(&State::Delivered), Some(&19));
    store("batch-continued", &batch, Some(first.run_id().to_owned())).await;
    store("batch-ended", &batch, None).await;
    store("account", &status.account, None).await;
    for task in place.sandbox.tasks() {
        let video = task.external_id.unwrap();
        let history = client.get_workflow_handle::<Video>(&video).fetch_history(Default::default()).into_events().await;
        let text = format!("{:?}", history.unwrap());
        // Activities that no other course has.
        let submits = text.matches("\"submit\"").count() + text.matches("Activities::submit").count();
        let name = match (task.status.as_str(), text.contains("look_up"), submits > 1) {
            ("failed", ..) => "video-failed",
            (_, true, _) => "video-doubtful",
            (_, _, true) => "video-halted",
            _ => "video-delivered",
        };
        store(name, &video, None).await;
    }
    // Outcomes that stay unknown, and a batch that is cancelled.
    place.sandbox.fault_next(Endpoint::Create, Fault::hang_up());
    let batch = place.start(&place.manifest("unknown.jsonl", 1), &[]).await;
    let id = place.until_unknown(&batch).await.flying.into_keys().next().unwrap();
    place.done(&["resolve", &id, "submit-again"]).await;
    place.ended(&batch).await;
    store("video-resolved", &id, None).await;
    let batch = place.start(&place.manifest("cancelled.jsonl", 9), &["--window", "7"]).await;
    let started = place.until(&batch, |status| status.flying.len() == 7).await;
    place.done(&["cancel", &batch]).await;
    place.ended(&batch).await;
    store("batch-cancelled", &batch, None).await;
    for id in started.flying.keys() {
        let ended = client.get_workflow_handle::<Video>(id).get_result(Default::default()).await.unwrap();
        if ended.state == State::Dropped {
            store("video-cancelled", id, None).await;
        }
    }
}

/// Removes the name of the machine, which names workers and their queues.
fn nameless(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => fields.values_mut().for_each(nameless),
        serde_json::Value::Array(items) => items.iter_mut().for_each(nameless),
        serde_json::Value::String(text) if text.contains('@') => *text = "worker".to_owned(),
        _ => {}
    }
}
