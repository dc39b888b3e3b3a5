//! A server that receives callbacks and downloads finished videos. The sandbox plays the API and sends the callbacks.
//!
//! `cargo run --example callback_server [-- DIRECTORY]`, with `--features webhooks` to verify signatures
//!
//! A callback proves nothing: through a gateway anyone can post one, and it may come twice, late or never. So this server
//! responds before it works, reads nothing but the task id, polls the task before it acts, and keeps files that exist. With
//! Kling's secret it refuses callbacks without a valid signature.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use kling_client::{Client, Image, MultiImageToVideo, Operation, callback};
use kling_sandbox::Sandbox;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Maximum number of queued callbacks: far more than an account has running tasks.
const QUEUE: usize = 1000;

/// After this time without a callback, the task is polled: none may come at all.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Secret of Kling's console. Here the sandbox signs with it.
const SECRET: &str = "whsec_dGhlIHNlY3JldCBvZiB0aGlzIGV4YW1wbGU=";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let path = run(&directory, Duration::from_secs(3)).await?;
    println!("wrote {} bytes to {}", std::fs::metadata(&path)?.len(), path.display());
    Ok(())
}

/// Submits one task, which takes `task_time`, and returns the path of its video.
pub async fn run(directory: &Path, task_time: Duration) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().task_time(task_time).callback_secret(SECRET).start().await?;
    let client = Client::builder(sandbox.api_key()).base_url(sandbox.base_url()).expected(task_time).build()?;
    let secret = cfg!(feature = "webhooks").then_some(SECRET);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let callback_url = format!("http://{}/kling", listener.local_addr()?);
    let (server, mut saved) = server(client.clone(), directory, secret);
    tokio::spawn(async move { axum::serve(listener, server).await });

    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/images");
    let request = MultiImageToVideo::builder()
        .images([Image::file(images.join("cat.png")), Image::file(images.join("hat.jpg"))])
        .prompt("The cat puts the hat on")
        .callback_url(callback_url)
        .build()?;
    let task = client.submit(request).await?;
    println!("submitted task {}, waiting for a callback", task.id());
    match tokio::time::timeout(TIMEOUT, saved.recv()).await {
        Ok(Some(path)) => Ok(path),
        _ => Ok(task.wait().await?.download(directory.join(file_name(task.id()))).await?),
    }
}

/// Returns the server, and the paths of the videos that it downloads to this directory.
pub fn server(client: Client, directory: &Path, secret: Option<&str>) -> (Router, mpsc::Receiver<PathBuf>) {
    let (tasks, queue) = mpsc::channel(QUEUE);
    let (saved, videos) = mpsc::channel(QUEUE);
    tokio::spawn(work(client, directory.to_owned(), queue, saved));
    let receiver = Receiver { tasks, secret: secret.map(Arc::from) };
    (Router::new().route("/kling", post(receive)).with_state(receiver), videos)
}

#[derive(Clone)]
struct Receiver {
    tasks: mpsc::Sender<String>,
    secret: Option<Arc<str>>,
}

/// Queues one callback and responds at once; the work is done afterwards.
async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if receiver.secret.is_some_and(|secret| !is_signed(&headers, &body, &secret)) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(info) = callback::parse(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    match receiver.tasks.try_send(info.task_id) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Works on one task after the other, so that no video is downloaded twice at a time.
async fn work(client: Client, directory: PathBuf, mut queue: mpsc::Receiver<String>, saved: mpsc::Sender<PathBuf>) {
    while let Some(id) = queue.recv().await {
        match download(&client, &directory, &id).await {
            // The receiver may be dropped.
            Ok(Some(path)) => drop(saved.send(path).await),
            Ok(None) => {}
            Err(error) => eprintln!("task {id:?}: {error}"),
        }
    }
}

/// Downloads the video of a task, if the API reports its end and no file exists.
async fn download(client: &Client, directory: &Path, id: &str) -> kling_client::Result<Option<PathBuf>> {
    let mut task = client.task(Operation::MultiImageToVideo, id)?;
    let path = directory.join(file_name(id));
    if path.exists() {
        return Ok(None);
    }
    let info = task.refresh().await?;
    // Callbacks hold the task id; the same task by its external id would only make a second file.
    if !info.status.is_final() || info.task_id != id {
        return Ok(None);
    }
    // A task that has ended is not polled again; a failed one is an error with the reason.
    task.wait().await?.download(path).await.map(Some)
}

/// `Client::task` refuses ids that would lead to another directory.
fn file_name(id: &str) -> String {
    format!("{id}.mp4")
}

#[cfg(feature = "webhooks")]
fn is_signed(headers: &HeaderMap, body: &[u8], secret: &str) -> bool {
    callback::verify(headers, body, secret).is_ok()
}

/// A callback that cannot be verified is refused.
#[cfg(not(feature = "webhooks"))]
fn is_signed(_: &HeaderMap, _: &[u8], _: &str) -> bool {
    false
}
