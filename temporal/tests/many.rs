//! What an item of a batch of 600 takes: time, events and bytes of history.

mod support;

use std::time::{Duration, Instant};

use kling_cli::batch::State;
use kling_temporal::batch::Batch;
use kling_temporal::video::Video;
use support::Place;
use temporalio_client::WorkflowHandle;

/// 600, unless ITEMS says otherwise.
fn items() -> usize {
    std::env::var("ITEMS").map_or(600, |items| items.parse().unwrap())
}

/// Events and bytes of the history of a workflow's last run.
async fn size<W: temporalio_common::HasWorkflowDefinition>(
    handle: WorkflowHandle<temporalio_client::Client, W>,
) -> (i64, i64) {
    let info = handle.describe(Default::default()).await.unwrap().into_raw().workflow_execution_info.unwrap();
    (info.history_length, info.history_size_bytes)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo test --test many -- --ignored --nocapture"]
async fn an_item_takes_few_events_and_bytes() {
    let Some(mut place) = Place::new(Duration::from_secs(1)).await else { return };
    // A machine that is busy with 600 videos is late with a heartbeat.
    place.expect = "8s";
    let _workers = [place.worker(), place.worker()];
    let manifest = place.manifest("all.jsonl", items());
    let began = Instant::now();
    // One run for all of its events, to count them.
    let batch = place.start(&manifest, &["--window", "50", "--events", "1000000"]).await;
    let status = place.ended(&batch).await;
    let time = began.elapsed();
    assert_eq!(status.ended.get(&State::Delivered), Some(&(items() as u64)));
    assert_eq!((place.sandbox.tasks_charged(), place.twice(), place.outputs()), (items(), 0, items()));
    let client = place.client().await;
    let id = place.sandbox.tasks()[items() / 2].external_id.clone().unwrap();
    let (events, bytes) = size(client.get_workflow_handle::<Video>(id)).await;
    let (of_batch, batch_bytes) = size(client.get_workflow_handle::<Batch>(&batch)).await;
    let database = std::fs::metadata(place.path("server.db")).unwrap().len();
    println!(
        "{} items in {:.1} s ({:.0} ms each); a video has {events} events and {bytes} bytes; the batch's last run has \
         {of_batch} events and {batch_bytes} bytes; the database has {} bytes an item",
        items(),
        time.as_secs_f64(),
        time.as_secs_f64() * 1000.0 / items() as f64,
        database / items() as u64
    );
    assert!(events < 60 && bytes < 20_000, "{events} events, {bytes} bytes");
}
