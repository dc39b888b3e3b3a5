//! A server that is told when a video is ready, and brings it to disk. Without a key and without a network: the API is
//! played by the sandbox, which calls back.
//!
//! `cargo run --example callback_server [-- DIRECTORY]`, with `--features webhooks` for callbacks that are signed
//!
//! A callback proves nothing: through a gateway anyone can post one, and it may come twice, late or never. So this server
//! answers before any work, takes nothing but an id from what it is told, asks the API before it acts on that, and leaves
//! alone what is on disk already. With Kling's secret it listens to nobody else.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use kling_client::{Client, Image, MultiImageToVideo, callback};
use kling_sandbox::Sandbox;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How many callbacks may wait for their turn: far more than an account has tasks under way.
const QUEUE: usize = 1000;

/// After this time without a callback, a task is asked for: none may come at all.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// From Kling's console; the sandbox signs with it here.
const SECRET: &str = "whsec_dGhlIHNlY3JldCBvZiB0aGlzIGV4YW1wbGU=";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let path = run(&directory, Duration::from_secs(3)).await?;
    println!("wrote {} bytes to {}", std::fs::metadata(&path)?.len(), path.display());
    Ok(())
}

/// Orders one video, which takes so long, and gives the path it was brought to.
pub async fn run(directory: &Path, task_time: Duration) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().task_time(task_time).callback_secret(SECRET).start().await?;
    let client = Client::builder(sandbox.api_key()).base_url(sandbox.base_url()).build()?;
    let secret = cfg!(feature = "webhooks").then_some(SECRET);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let callback_url = format!("http://{}/kling", listener.local_addr()?);
    let (server, mut saved) = server(client.clone(), directory, secret);
    tokio::spawn(async move { axum::serve(listener, server).await });

    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/images");
    let request = MultiImageToVideo::builder()
        .images([Image::file(pictures.join("cat.png")), Image::file(pictures.join("hat.jpg"))])
        .prompt("The cat puts the hat on")
        .callback_url(callback_url)
        .build()?;
    let task = client.submit(&request).await?;
    println!("submitted task {}, now it is their turn", task.id());
    match tokio::time::timeout(PATIENCE, saved.recv()).await {
        Ok(Some(path)) => Ok(path),
        _ => Ok(task.wait().await?.download(directory.join(file_name(task.id()))).await?),
    }
}

/// The server, and the videos as they are brought to this directory.
pub fn server(client: Client, directory: &Path, secret: Option<&str>) -> (Router, mpsc::Receiver<PathBuf>) {
    let (told, queue) = mpsc::channel(QUEUE);
    let (saved, videos) = mpsc::channel(QUEUE);
    tokio::spawn(work(client, directory.to_owned(), queue, saved));
    let receiver = Receiver { told, secret: secret.map(Arc::from) };
    (Router::new().route("/kling", post(receive)).with_state(receiver), videos)
}

#[derive(Clone)]
struct Receiver {
    told: mpsc::Sender<String>,
    secret: Option<Arc<str>>,
}

/// Takes one callback: the answer goes out at once, and the work is done afterwards.
async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if receiver.secret.is_some_and(|secret| !is_signed(&headers, &body, &secret)) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(info) = callback::parse(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    match receiver.told.try_send(info.task_id) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// One after the other, so that no video is fetched twice at a time.
async fn work(client: Client, directory: PathBuf, mut queue: mpsc::Receiver<String>, saved: mpsc::Sender<PathBuf>) {
    while let Some(id) = queue.recv().await {
        match bring(&client, &directory, &id).await {
            // Whoever waited for it may have gone.
            Ok(Some(path)) => drop(saved.send(path).await),
            Ok(None) => {}
            Err(error) => eprintln!("task {id:?}: {error}"),
        }
    }
}

/// Brings a task's video to disk, if the API itself says that there is one and it is not there yet.
async fn bring(client: &Client, directory: &Path, id: &str) -> kling_client::Result<Option<PathBuf>> {
    let mut task = client.task(id)?;
    let path = directory.join(file_name(id));
    if path.exists() {
        return Ok(None);
    }
    let info = task.refresh().await?;
    // Kling calls back with its own id; another name of a task would only make a second file of its video.
    if !info.status.is_final() || info.task_id != id {
        return Ok(None);
    }
    // What has ended is not asked for again; one that failed is an error with the reason.
    task.wait().await?.download(path).await.map(Some)
}

/// An id that a client took for a task's has nothing in it that would lead to another directory.
fn file_name(id: &str) -> String {
    format!("{id}.mp4")
}

#[cfg(feature = "webhooks")]
fn is_signed(headers: &HeaderMap, body: &[u8], secret: &str) -> bool {
    callback::verify(headers, body, secret).is_ok()
}

/// What cannot be checked is not trusted.
#[cfg(not(feature = "webhooks"))]
fn is_signed(_: &HeaderMap, _: &[u8], _: &str) -> bool {
    false
}
