//! A batch from its manifest to its outputs.

mod support;

use std::time::Duration;

use kling_temporal::data::How;
use support::{KEY, PROMPT, Place};

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_ends_with_every_output_and_leaves_no_secret_in_the_database_of_the_server() {
    let Some(place) = Place::new(Duration::from_millis(100)).await else { return };
    let _worker = place.worker();
    let manifest = place.manifest("all.jsonl", 5);
    let batch = place.start(&manifest, &["--budget", "100"]).await;
    let status = place.ended(&batch).await;
    assert_eq!(status.ended.get(&How::Delivered), Some(&5), "{status:#?}\n{}", place.logs());
    assert_eq!((place.sandbox.tasks_charged(), place.twice(), place.outputs()), (5, 0, 5));
    let mut database = std::fs::read(place.path("server.db")).unwrap();
    database.extend(std::fs::read(place.path("server.db-wal")).unwrap_or_default());
    let holds = |text: &str| database.windows(text.len()).any(|window| window == text.as_bytes());
    // The manifest's name is there, so the search finds what is.
    assert!(holds("all.jsonl"));
    for secret in [KEY, PROMPT, "secret cat", place.sandbox.video_origin()] {
        assert!(!holds(secret), "{secret}");
    }
}
