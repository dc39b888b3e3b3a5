//! Proves that a request tells how much of its body the network has taken: part of it while it is sent, all of it after,
//! and again from nothing when it is sent again.

use std::time::Duration;

use kling_client::{Client, Image, MultiImageToVideo};
use kling_sandbox::{Clock, Fault, Moment, Operation, Sandbox};

/// Longer than any test: what stands still until then stands still until the test moves the clock.
const HELD: Duration = Duration::from_secs(3600);

/// A body that no system's buffers hold, where the receiver's are small.
fn large() -> MultiImageToVideo {
    let mut picture = std::fs::read("examples/images/cat.png").unwrap();
    picture.resize(9_000_000, 7);
    let pictures = [Image::bytes(picture.clone()), Image::bytes(picture), Image::url("https://example.com/hat.jpg")];
    MultiImageToVideo::builder().images(pictures).prompt("x").build().unwrap()
}

fn client(sandbox: &Sandbox) -> Client {
    Client::builder(sandbox.api_key()).base_url(sandbox.base_url()).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_are_counted_while_they_are_sent_and_the_clones_see_them() {
    let sandbox = Sandbox::builder().receive_buffer(64 * 1024).clock(Clock::manual()).start().await.unwrap();
    let request = large();
    let length = request.body_len().unwrap();
    assert_eq!(request.uploaded(), 0);

    sandbox.fault_next(Operation::Create, Fault::paused(Moment::Read(2_000_000), HELD));
    let (client, sent) = (client(&sandbox), request.clone());
    let submitted = tokio::spawn(async move { client.submit(&sent).await });
    sandbox.until(|sandbox| sandbox.clock().sleepers() == 1).await;
    let part = request.uploaded();
    assert!((2_000_000..length).contains(&part), "{part} of {length}");

    sandbox.clock().advance(HELD);
    submitted.await.unwrap().unwrap();
    assert_eq!((request.uploaded(), sandbox.requests()[0].body.length), (length, length));
    assert_eq!(request.again().uploaded(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_attempt_counts_from_nothing() {
    let sandbox = Sandbox::builder().receive_buffer(64 * 1024).start().await.unwrap();
    sandbox.fault_next(Operation::Create, Fault::cut_body(2_000_000));
    let request = large();
    client(&sandbox).submit(&request).await.unwrap();
    assert_eq!(sandbox.posts_begun(), 2);
    assert_eq!(request.uploaded(), request.body_len().unwrap());
}
