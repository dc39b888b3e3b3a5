//! The count of uploaded bytes: a part during the upload, all of them after it, from zero again on a retry.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kling_client::{Client, Image, MultiImageToVideo, Request, UploadProgress};
use kling_sandbox::{Clock, Endpoint, Fault, Moment, Sandbox};

/// Longer than any test: a stall that ends only when the test moves the clock.
const HELD: Duration = Duration::from_secs(3600);

/// A body that fits into no system's buffers.
fn large() -> Request {
    let mut image = std::fs::read("examples/images/cat.png").unwrap();
    image.resize(9_000_000, 7);
    let images = [Image::bytes(image.clone()), Image::bytes(image), Image::url("https://example.com/hat.jpg")];
    MultiImageToVideo::builder().images(images).prompt("x").build().unwrap()
}

fn client(sandbox: &Sandbox) -> Client {
    Client::builder(sandbox.api_key()).base_url(sandbox.base_url()).build().unwrap()
}

/// What a submit reports, for a test to look at while it runs.
fn watched() -> (Arc<Mutex<Vec<UploadProgress>>>, impl FnMut(UploadProgress) + Send + 'static) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let reports = Arc::clone(&seen);
    (seen, move |progress| reports.lock().unwrap().push(progress))
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_reported_during_the_upload() {
    let sandbox = Sandbox::builder().receive_buffer(64 * 1024).clock(Clock::manual()).start().await.unwrap();
    let request = large();
    let length = request.body_len();
    let (seen, report) = watched();

    sandbox.fault_next(Endpoint::Create, Fault::paused(Moment::Read(2_000_000), HELD));
    let submitted = tokio::spawn(client(&sandbox).submit(request).on_progress(report));
    sandbox.until(|sandbox| sandbox.clock().sleepers() == 1).await;
    let part = seen.lock().unwrap().last().unwrap().bytes;
    assert!((2_000_000..length).contains(&part), "{part} of {length}");

    sandbox.clock().advance(HELD);
    submitted.await.unwrap().unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|progress| progress.total == length) && seen.is_sorted_by_key(|progress| progress.bytes));
    assert_eq!((seen.last().unwrap().bytes, sandbox.requests()[0].body.length), (length, length));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_counts_from_zero() {
    let sandbox = Sandbox::builder().receive_buffer(64 * 1024).start().await.unwrap();
    sandbox.fault_next(Endpoint::Create, Fault::cut_body(2_000_000));
    let request = large();
    let (length, (seen, report)) = (request.body_len(), watched());
    client(&sandbox).submit(request).on_progress(report).await.unwrap();
    assert_eq!(sandbox.posts_begun(), 2);
    let seen: Vec<_> = seen.lock().unwrap().iter().map(|progress| progress.bytes).collect();
    assert!(seen.windows(2).any(|pair| pair[1] < pair[0]), "{seen:?}");
    assert_eq!(seen.last(), Some(&length));
}
