//! The sandbox through its front door: HTTP, and what a test may ask it. One file a subject; this one holds what they
//! share: a request that is accepted, and a caller who sends it.

mod callbacks;
mod faults;
mod kling;
mod outputs;
#[cfg(feature = "program")]
mod program;
mod proxy;
mod requests;
mod tasks;
mod witness;

use base64::Engine as _;
use kling_sandbox::Sandbox;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// The project's own images.
const CAT: &[u8] = include_bytes!("../../../examples/images/cat.png");
const HAT: &[u8] = include_bytes!("../../../examples/images/hat.jpg");

/// A request that has everything the API requires, and nothing else.
fn body() -> Value {
    json!({
        "model_name": "kling-v1-6",
        "image_list": [{"image": "https://example.com/cat.png"}, {"image": base64(HAT)}],
        "prompt": "The cat puts the hat on",
        "mode": "std",
        "duration": "5",
    })
}

/// The same with one field set.
fn body_with(name: &str, value: Value) -> Value {
    let mut body = body();
    body[name] = value;
    body
}

/// The same with these images.
fn body_of(images: &[&[u8]]) -> Value {
    let images = images.iter().map(|image| json!({"image": base64(image)}));
    body_with("image_list", images.collect())
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Sends requests by hand, with the key.
struct Caller<'a> {
    sandbox: &'a Sandbox,
    http: reqwest::Client,
}

impl<'a> Caller<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        let http = reqwest::Client::new();
        Self { sandbox, http }
    }

    async fn post(&self, body: &Value) -> (StatusCode, Value) {
        let request = self.http.post(self.sandbox.endpoint()).json(body);
        self.send(request).await
    }

    /// Posts a request that is accepted, and gives the task's id.
    async fn submit(&self, body: &Value) -> String {
        let (status, answer) = self.post(body).await;
        assert_eq!((status, &answer["code"]), (StatusCode::OK, &json!(0)), "{answer}");
        text(&answer["data"]["task_id"])
    }

    /// `below` is what follows the endpoint: `/{id}`, a query, or nothing.
    async fn get(&self, below: &str) -> (StatusCode, Value) {
        let url = format!("{}{below}", self.sandbox.endpoint());
        self.send(self.http.get(url)).await
    }

    /// The data of a task that is known.
    async fn task(&self, id: &str) -> Value {
        let (status, answer) = self.get(&format!("/{id}")).await;
        assert_eq!((status, &answer["message"]), (StatusCode::OK, &json!("SUCCEED")), "{answer}");
        answer["data"].clone()
    }

    async fn send(&self, request: RequestBuilder) -> (StatusCode, Value) {
        let request = request.bearer_auth(self.sandbox.api_key());
        let answer = request.send().await.expect("the sandbox answers");
        let status = answer.status();
        (status, answer.json().await.expect("the answer is JSON"))
    }
}

/// The text of an HTTP/1.1 request.
fn by_hand(sandbox: &Sandbox) -> String {
    let body = body().to_string();
    format!("{}{body}", head(sandbox, body.len()))
}

/// The head of a request with so many bytes.
fn head(sandbox: &Sandbox, length: usize) -> String {
    let (host, key) = (sandbox.base_url().trim_start_matches("http://"), sandbox.api_key());
    let path = sandbox.endpoint().replace(sandbox.base_url(), "");
    format!("POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\ncontent-length: {length}\r\n\r\n")
}

async fn connect(sandbox: &Sandbox) -> TcpStream {
    connect_to(sandbox.base_url()).await
}

async fn connect_to(url: &str) -> TcpStream {
    TcpStream::connect(url.trim_start_matches("http://")).await.expect("it listens")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is a string")).to_owned()
}

async fn start() -> Sandbox {
    Sandbox::start().await.expect("a sandbox starts")
}

/// Lets the sandbox work until `done`, without sleeping: it runs on the same thread.
async fn until(what: &str, done: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !done() {
        assert!(started.elapsed().as_secs() < 30, "{what} did not happen");
        tokio::task::yield_now().await;
    }
}
