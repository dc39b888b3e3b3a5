//! Proves that the example's server has the video on disk because it was told, without a query before; and that neither
//! repeats, nor disorder, nor what anyone else posts to it makes it do anything but ask.

#[path = "../examples/callback_server.rs"]
#[allow(dead_code, reason = "the example's own start is a part of it")]
mod callback_server;
mod support;

use std::path::PathBuf;
use std::time::Duration;

use kling_client::{Client, Image, MultiImageToVideo, Task};
use kling_sandbox::{Clock, Delivery, Endpoint, Fate, Sandbox};
use reqwest::StatusCode;
use serde_json::json;
use tokio::sync::mpsc;

const TASK_TIME: Duration = Duration::from_secs(200);
const SECRET: &str = "whsec_b3VyIG93biBzZWNyZXQgZm9yIHRlc3Rz";

/// The sandbox, the example's server, and a user of both.
struct Stage {
    sandbox: Sandbox,
    client: Client,
    url: String,
    saved: mpsc::Receiver<PathBuf>,
    directory: PathBuf,
}

async fn stage(name: &str, clock: Clock, secret: Option<&str>) -> Stage {
    let builder = Sandbox::builder().clock(clock).task_time(TASK_TIME);
    let sandbox = secret.into_iter().fold(builder, |builder, secret| builder.callback_secret(secret)).start().await;
    let sandbox = sandbox.unwrap();
    let client = support::client(&sandbox).build().unwrap();
    let directory = support::directory(name);
    let (server, saved) = callback_server::server(client.clone(), &directory, secret);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/kling", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, server).await });
    Stage { sandbox, client, url, saved, directory }
}

impl Stage {
    async fn order(&self) -> Task {
        let request = MultiImageToVideo::builder()
            .images([Image::url("https://example.com/cat.png")])
            .prompt("The cat puts the hat on")
            .callback_url(&self.url)
            .build();
        self.client.submit(request.unwrap()).await.unwrap()
    }

    /// Lets so much time pass, and so many callbacks be answered since the start.
    async fn pass(&self, time: Duration, callbacks: usize) {
        self.sandbox.clock().advance(time);
        self.sandbox.until(|sandbox| sandbox.callbacks().len() == callbacks).await;
    }

    async fn post(&self, body: impl Into<reqwest::Body>) -> StatusCode {
        reqwest::Client::new().post(&self.url).body(body).send().await.unwrap().status()
    }

    /// Tells of a task that nobody knows, and waits until the server has asked for it: it works in order, so that what it
    /// was told before is done with.
    async fn settle(&self) {
        let known = self.asked();
        self.post(json!({"task_id": "nobody-knows", "task_status": "succeed"}).to_string()).await;
        let answered = |sandbox: &Sandbox| {
            let last = sandbox.requests().pop();
            last.is_some_and(|last| last.path.ends_with("/nobody-knows") && last.status.is_some())
        };
        self.sandbox.until(answered).await;
        assert!(self.asked() > known, "it asked");
    }

    /// How often the server asked for a task.
    fn asked(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.operation != Some(Endpoint::Create)).count()
    }

    fn files(&self) -> Vec<PathBuf> {
        std::fs::read_dir(&self.directory).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// The one file is this task's video.
    #[track_caller]
    fn has_the_video_of(&self, task: &Task) {
        let path = self.directory.join(format!("{}.mp4", task.id()));
        assert_eq!(self.files(), std::slice::from_ref(&path));
        assert_eq!(std::fs::read(&path).unwrap(), self.sandbox.video_bytes());
    }
}

#[tokio::test]
async fn the_video_is_on_disk_and_no_query_was_made_before_the_callback() {
    let mut stage = stage("callback_told", Clock::manual(), None).await;
    stage.sandbox.callback_next(Delivery::lost());
    let task = stage.order().await;
    stage.pass(TASK_TIME / 2, 1).await;
    assert_eq!(stage.asked(), 0, "the task is being worked on, and nobody was told");
    stage.pass(TASK_TIME / 2, 2).await;
    let path = stage.saved.recv().await.unwrap();
    assert_eq!(path, stage.directory.join(format!("{}.mp4", task.id())));
    stage.has_the_video_of(&task);
    assert_eq!((stage.asked(), stage.sandbox.video_requests().len()), (1, 1));
    assert_eq!(stage.sandbox.callbacks()[1].fate, Fate::Answered(StatusCode::NO_CONTENT));
}

#[tokio::test]
async fn a_callback_before_the_end_is_asked_about_and_waited_for_no_longer() {
    let mut stage = stage("callback_processing", Clock::manual(), None).await;
    let task = stage.order().await;
    stage.pass(TASK_TIME / 2, 1).await;
    stage.settle().await;
    assert_eq!((stage.asked(), stage.files().len()), (2, 0));
    stage.pass(TASK_TIME / 2, 2).await;
    stage.saved.recv().await.unwrap();
    stage.has_the_video_of(&task);
    assert_eq!(stage.asked(), 3);
}

#[tokio::test]
async fn callbacks_that_come_twice_and_in_disorder_bring_one_video_once() {
    let mut stage = stage("callback_disorder", Clock::manual(), None).await;
    stage.sandbox.callback_next(Delivery::twice().after(2 * TASK_TIME));
    stage.sandbox.callback_next(Delivery::twice());
    let task = stage.order().await;
    stage.pass(TASK_TIME, 2).await;
    stage.saved.recv().await.unwrap();
    stage.pass(2 * TASK_TIME, 4).await;
    stage.settle().await;
    stage.has_the_video_of(&task);
    assert!(stage.saved.try_recv().is_err());
    assert_eq!((stage.asked(), stage.sandbox.video_requests().len()), (2, 1), "one query, and the one that settles");
    let fates = stage.sandbox.callbacks().into_iter().map(|callback| callback.fate);
    assert!(fates.into_iter().all(|fate| fate == Fate::Answered(StatusCode::NO_CONTENT)));
}

#[tokio::test]
async fn what_anyone_can_post_leads_to_a_question_at_most() {
    let mut stage = stage("callback_forged", Clock::manual(), None).await;
    let task = stage.order().await;
    let forged = |id: &str| {
        let video =
            json!({"id": "v", "url": format!("{}/forged.mp4", stage.sandbox.video_origin()), "duration": "5.1"});
        json!({"task_id": id, "task_status": "succeed", "task_result": {"videos": [video]}}).to_string()
    };
    assert_eq!(stage.post(forged(task.id())).await, StatusCode::NO_CONTENT);
    stage.settle().await;
    assert_eq!(stage.asked(), 2, "the running task was asked for");

    for path in ["../../forged", "/tmp/forged", "..", "a?b"] {
        assert_eq!(stage.post(forged(path)).await, StatusCode::NO_CONTENT);
    }
    for nothing in ["", "{}", "null", "<html>", r#"{"task_status":"succeed"}"#] {
        assert_eq!(stage.post(nothing).await, StatusCode::BAD_REQUEST, "{nothing}");
    }
    assert_eq!(stage.post(vec![b' '; 3_000_000]).await, StatusCode::PAYLOAD_TOO_LARGE);
    stage.settle().await;
    assert_eq!(stage.asked(), 3, "an id that is none is not asked for");
    assert_eq!((stage.sandbox.video_requests().len(), stage.files().len()), (0, 0));

    // The true ones are taken as before, and another name of the task makes no second file.
    stage.pass(TASK_TIME, 2).await;
    stage.saved.recv().await.unwrap();
    stage.post(forged(task.external_task_id().unwrap())).await;
    stage.settle().await;
    stage.has_the_video_of(&task);
}

#[tokio::test]
async fn with_a_secret_only_what_is_signed_is_even_asked_about() {
    // Signatures hold for five minutes of real time, in which both changes are told.
    let mut stage = stage("callback_signed", Clock::real(), Some(SECRET)).await;
    let task = stage.order().await;
    stage.sandbox.callback_next(Delivery::twice());
    stage.pass(TASK_TIME, 3).await;
    let genuine = stage.sandbox.callbacks().pop().unwrap();
    let told = |fate| stage.sandbox.callbacks().iter().all(|callback| callback.fate == Fate::Answered(fate));
    if cfg!(feature = "webhooks") {
        stage.saved.recv().await.unwrap();
        stage.has_the_video_of(&task);
        assert!(told(StatusCode::NO_CONTENT), "{:?}", stage.sandbox.callbacks());
    } else {
        assert!(told(StatusCode::UNAUTHORIZED), "what cannot be checked is not trusted");
    }
    let asked = stage.asked();
    assert_eq!(stage.post(genuine.body).await, StatusCode::UNAUTHORIZED, "the same without its signature");
    assert_eq!(stage.asked(), asked);
}

#[tokio::test]
async fn the_example_by_itself_ends_with_the_video_on_disk() {
    let directory = support::directory("callback_example");
    let path = callback_server::run(&directory, Duration::ZERO).await.unwrap();
    assert!(path.starts_with(&directory) && std::fs::read(&path).unwrap()[4..].starts_with(b"ftyp"));
}
