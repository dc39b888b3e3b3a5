//! A program that makes videos, and its tests: the sandbox plays the API, injects faults, and no test waits.
//!
//! `cargo test --example your_own_tests` runs the tests, `cargo run --example your_own_tests [-- DIRECTORY]` the program
//!
//! In a project of your own the tests are in `tests/`, and `kling-sandbox` is among the `dev-dependencies`.

mod shared;

use std::path::{Path, PathBuf};

use kling_client::{Client, ErrorKind, Reason, Request};

/// The code under test: makes a video, or gives a message for the customer.
async fn make_video(client: &Client, request: Request, path: &Path) -> Result<PathBuf, String> {
    let made = async { client.submit(request).await?.wait().await?.download(path).await };
    made.await.map_err(|error| match (error.kind(), error.reason()) {
        (_, Reason::ContentPolicy) => "change the prompt or the images".to_owned(),
        (ErrorKind::TaskFailed, _) => format!("the video failed: {}", error.message()),
        (ErrorKind::Ambiguous, _) => "we are checking your order, and you will not be charged twice".to_owned(),
        _ => "please try again later".to_owned(),
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stage = shared::Stage::from_arguments().await?;
    let path = make_video(&stage.client()?.build()?, shared::request()?, &stage.path("made.mp4")).await?;
    println!("wrote {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kling_client::TestClock;
    use kling_sandbox::{Clock, Endpoint, Fault, Sandbox};

    use super::*;

    /// A sandbox whose tasks take four minutes of its own clock, and a client that moves that clock instead of waiting. A
    /// request that is submitted twice is charged twice.
    async fn sandbox() -> (Sandbox, Client) {
        let clock = Clock::manual();
        let sandbox = Sandbox::builder().clock(clock.clone()).task_time(Duration::from_secs(240)).duplicates(true);
        let sandbox = sandbox.start().await.unwrap();
        let client = Client::builder(sandbox.api_key()).base_url(sandbox.base_url());
        (sandbox, client.clock(TestClock::moving(move |by| clock.advance(by))).build().unwrap())
    }

    fn path(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("{name}-{}.mp4", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    #[tokio::test]
    async fn a_request_becomes_a_video_on_disk() {
        let (sandbox, client) = sandbox().await;
        let path = make_video(&client, shared::request().unwrap(), &path("made")).await.unwrap();
        assert_eq!(std::fs::read(path).unwrap(), sandbox.video_bytes());
        sandbox.assert_key_never_leaked();
    }

    #[tokio::test]
    async fn a_request_whose_response_is_lost_is_charged_once_and_becomes_a_video() {
        let (sandbox, client) = sandbox().await;
        sandbox.fault_next(Endpoint::Create, Fault::hang_up().charged());
        let request = shared::request().unwrap();
        let external_id = request.external_task_id().unwrap().to_owned();
        make_video(&client, request, &path("lost")).await.unwrap();
        assert_eq!(sandbox.posts_received_whole(), 1);
        assert_eq!(sandbox.charged_for(&external_id), 1);
    }

    #[tokio::test]
    async fn an_unknown_outcome_is_not_submitted_again() {
        let (sandbox, client) = sandbox().await;
        sandbox.fault_next(Endpoint::Create, Fault::hang_up());
        let message = make_video(&client, shared::request().unwrap(), &path("unknown")).await.unwrap_err();
        assert_eq!(message, "we are checking your order, and you will not be charged twice");
        assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (1, 0));
    }

    #[tokio::test]
    async fn a_customer_gets_the_reason_of_a_failed_task() {
        let (sandbox, client) = sandbox().await;
        sandbox.fail_next_task("the image has no face");
        let message = make_video(&client, shared::request().unwrap(), &path("failed")).await.unwrap_err();
        assert_eq!(message, "the video failed: the image has no face");
    }

    #[tokio::test]
    async fn a_refused_prompt_can_be_changed() {
        let (sandbox, client) = sandbox().await;
        sandbox.fail_next_task("Failure to pass the risk control system");
        let message = make_video(&client, shared::request().unwrap(), &path("refused")).await.unwrap_err();
        assert_eq!(message, "change the prompt or the images");
    }
}
