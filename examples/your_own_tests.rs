//! A program that orders videos, and its tests: with the sandbox as the API, with faults, and without waiting.
//!
//! `cargo test --example your_own_tests` runs them, `cargo run --example your_own_tests [-- DIRECTORY]` the program
//!
//! In a project of your own they would stand in `tests/`, with `kling-sandbox` among the `dev-dependencies`.

mod shared;

use std::path::{Path, PathBuf};

use kling_client::{Client, ErrorKind, MultiImageToVideo};

/// What is to be tested: it brings a video, or says to a customer how it stands.
async fn order(client: &Client, request: &MultiImageToVideo, path: &Path) -> Result<PathBuf, String> {
    let brought = async { client.submit(request).await?.wait().await?.download(path).await };
    brought.await.map_err(|error| match error.kind() {
        ErrorKind::TaskFailed => format!("this cannot be filmed: {}", error.message()),
        ErrorKind::Ambiguous => "we are looking into it, and you will not be charged twice".to_owned(),
        _ => "please try again later".to_owned(),
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stage = shared::Stage::from_arguments().await?;
    let path = order(&stage.client()?.build()?, &shared::request()?, &stage.path("ordered.mp4")).await?;
    println!("wrote {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kling_client::{Clock, Sleep};
    use kling_sandbox::{Fault, Operation, Sandbox};

    use super::*;

    /// A clock on which a pause takes no time: it moves the sandbox's on, where the task is made meanwhile.
    #[derive(Debug)]
    struct Jumping(kling_sandbox::Clock);

    impl Clock for Jumping {
        fn now(&self) -> Duration {
            self.0.unix_time()
        }

        fn sleep(&self, pause: Duration) -> Sleep {
            self.0.advance(pause);
            Box::pin(std::future::ready(()))
        }

        /// A limit on a request, which a test need not fear.
        fn guard(&self, _: Duration) -> Sleep {
            Box::pin(std::future::pending())
        }

        fn random(&self) -> f64 {
            0.5
        }
    }

    /// A sandbox on which a video takes four minutes that nobody waits for; it would make and charge an order twice.
    async fn sandbox() -> (Sandbox, Client) {
        let clock = kling_sandbox::Clock::manual();
        let sandbox = Sandbox::builder().clock(clock.clone()).task_time(Duration::from_secs(240)).duplicates(true);
        let sandbox = sandbox.start().await.unwrap();
        let client = Client::builder(sandbox.api_key()).base_url(sandbox.base_url()).clock(Jumping(clock));
        (sandbox, client.build().unwrap())
    }

    fn path(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("{name}-{}.mp4", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    #[tokio::test]
    async fn an_order_brings_the_video() {
        let (sandbox, client) = sandbox().await;
        let path = order(&client, &shared::request().unwrap(), &path("order")).await.unwrap();
        assert_eq!(std::fs::read(path).unwrap(), sandbox.video_bytes());
        sandbox.assert_key_never_leaked();
    }

    #[tokio::test]
    async fn an_order_whose_answer_is_lost_is_paid_once_and_brings_the_video() {
        let (sandbox, client) = sandbox().await;
        sandbox.fault_next(Operation::Create, Fault::hang_up().charged());
        let request = shared::request().unwrap();
        order(&client, &request, &path("lost")).await.unwrap();
        assert_eq!(sandbox.posts_received_whole(), 1);
        assert_eq!(sandbox.charged_for(request.external_task_id().unwrap()), 1);
    }

    #[tokio::test]
    async fn whether_an_order_was_taken_is_not_guessed() {
        let (sandbox, client) = sandbox().await;
        sandbox.fault_next(Operation::Create, Fault::hang_up());
        let told = order(&client, &shared::request().unwrap(), &path("unknown")).await.unwrap_err();
        assert_eq!(told, "we are looking into it, and you will not be charged twice");
        assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (1, 0));
    }

    #[tokio::test]
    async fn a_customer_is_told_why_there_is_no_video() {
        let (sandbox, client) = sandbox().await;
        sandbox.fail_next_task("Failure to pass the risk control system");
        let told = order(&client, &shared::request().unwrap(), &path("refused")).await.unwrap_err();
        assert_eq!(told, "this cannot be filmed: Failure to pass the risk control system");
    }
}
