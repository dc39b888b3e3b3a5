//! Workers that die at each moment of a submit.

mod support;

use std::sync::Arc;
use std::time::Duration;

use kling_cli::batch::State;
use kling_sandbox::{Endpoint, Fault};
use support::Place;
use support::proxy::{Moment, Victim, start};

/// Videos of each test, with one death each.
const VIDEOS: usize = 5;

/// Lets a worker die at this moment of each video, one video after the other. Returns how many outcomes stayed unknown.
async fn deaths(moment: Moment) {
    let Some(mut place) = Place::new(Duration::from_millis(50)).await else { return };
    let victim = Arc::new(Victim::default());
    place.base_url = start(place.sandbox.base_url(), moment, Arc::clone(&victim)).await;
    let worker = || *victim.worker.lock().unwrap() = Some(place.worker());
    worker();
    let batch = place.start(&place.manifest("all.jsonl", VIDEOS), &["--window", "1"]).await;
    let mut unknown = 0;
    for video in 1..=VIDEOS {
        victim.died(video).await;
        worker();
        if moment == Moment::During {
            let status = place.until_unknown(&batch).await;
            // Nothing was submitted by itself, and its estimate stays reserved.
            assert_eq!(place.sandbox.tasks_charged(), video - 1);
            assert!(status.reserved() > 0);
            unknown += 1;
            let id = status.flying.keys().next().unwrap();
            place.done(&["resolve", id, "submit-again"]).await;
        }
    }
    let status = place.ended(&batch).await;
    assert_eq!(status.ended.get(&State::Delivered), Some(&(VIDEOS as u64)), "{moment:?} {status:#?}");
    let charged = place.sandbox.tasks_charged();
    assert_eq!((charged, place.twice(), place.outputs()), (VIDEOS, 0, VIDEOS), "{moment:?}");
    println!("{moment:?}: {VIDEOS} deaths, {unknown} resolved, {charged} charged, 0 twice, 0 forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_before_its_submit_begins_leaves_the_request_to_another() {
    deaths(Moment::Before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_during_the_post_leaves_an_unknown_outcome_and_no_charge() {
    deaths(Moment::During).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_found_whose_response_the_worker_never_read() {
    deaths(Moment::Answered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_after_the_submit_leaves_the_task_to_another() {
    deaths(Moment::After).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_nobody_can_find_is_not_made_again() {
    let Some(mut place) = Place::new(Duration::from_millis(50)).await else { return };
    place.sandbox.fault_next(Endpoint::Create, Fault::hidden(Duration::from_secs(3600)));
    let victim = Arc::new(Victim::default());
    place.base_url = start(place.sandbox.base_url(), Moment::Answered, Arc::clone(&victim)).await;
    *victim.worker.lock().unwrap() = Some(place.worker());
    let batch = place.start(&place.manifest("all.jsonl", 1), &[]).await;
    victim.died(1).await;
    let _worker = place.worker();
    let status = place.until_unknown(&batch).await;
    assert!(status.reserved() > 0);
    place.done(&["resolve", status.flying.keys().next().unwrap(), "give-up"]).await;
    let status = place.ended(&batch).await;
    assert_eq!(status.ended.get(&State::Ambiguous), Some(&1), "{status:#?}");
    assert_eq!((place.sandbox.tasks_charged(), place.sandbox.posts_begun()), (1, 1));
}
