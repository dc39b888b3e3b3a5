//! What a receiver of callbacks gets, whatever was written about its delivery; and that none leaves this machine.

use std::time::Duration;

use kling_sandbox::{Clock, Delivery, Fate, TaskStatus};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

const SECRET: &str = "whsec_b3VyIG93biBzZWNyZXQgZm9yIHRlc3Rz";

/// One POST as its receiver saw it.
struct Told {
    head: String,
    body: Value,
}

impl Told {
    fn status(&self) -> &str {
        self.body["task_status"].as_str().unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A receiver that answers everything with this status line; gives its address and what it is told.
async fn receiver(answer: &'static str) -> (String, mpsc::UnboundedReceiver<Told>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/told?by=kling", listener.local_addr().expect("an address"));
    let (sender, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            let (head, length) = loop {
                stream.read_buf(&mut bytes).await.expect("it sends");
                let text = String::from_utf8_lossy(&bytes).to_lowercase();
                if let Some((head, _)) = text.split_once("\r\n\r\n") {
                    let length =
                        head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
                    break (String::from_utf8_lossy(&bytes[..head.len()]).into_owned(), length.unwrap_or(0));
                }
            };
            let start = head.len() + 4;
            while bytes.len() < start + length {
                stream.read_buf(&mut bytes).await.expect("it sends");
            }
            let body = serde_json::from_slice(&bytes[start..]).expect("it is JSON");
            let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.expect("it reads");
            if sender.send(Told { head, body }).is_err() {
                return;
            }
        }
    });
    (url, told)
}

/// A sandbox whose tasks wait for 40 s and take 200, and its clock.
async fn start_slow() -> (Sandbox, Clock) {
    let clock = Clock::manual();
    let builder = Sandbox::builder().clock(clock.clone()).task_time(Duration::from_secs(200)).callback_secret(SECRET);
    (builder.start().await.expect("a sandbox starts"), clock)
}

fn body_to(url: &str) -> Value {
    body_with("callback_url", url.into())
}

async fn after(clock: &Clock, seconds: u64, sandbox: &Sandbox, callbacks: usize) {
    clock.advance(Duration::from_secs(seconds));
    sandbox.until(|sandbox| sandbox.callbacks().len() == callbacks).await;
}

#[tokio::test]
async fn each_change_is_posted_with_the_bare_task_as_a_query_shows_it() {
    let (sandbox, clock) = start_slow().await;
    let caller = Caller::new(&sandbox);
    let (url, mut told) = receiver("204 No Content").await;
    let mut body = body_to(&url);
    body["external_task_id"] = json!("mine");
    let id = caller.submit(&body).await;
    sandbox.until(|sandbox| sandbox.clock().sleepers() == 1).await;
    assert!(sandbox.callbacks().is_empty(), "nothing has changed");
    for (seconds, status, count) in [(40, "processing", 1), (160, "succeed", 2)] {
        after(&clock, seconds, &sandbox, count).await;
        let told = told.recv().await.expect("it is told");
        assert_eq!(told.status(), status);
        assert_eq!(told.body, caller.task(&id).await);
        assert!(told.head.starts_with("POST /told?by=kling HTTP/1.1\r\n"), "{}", told.head);
        assert_eq!(told.header("content-type"), Some("application/json"));
        assert!(url.contains(told.header("host").expect("a host")), "{}", told.head);
        assert_eq!(told.header("authorization"), None);
    }
    let callbacks = sandbox.callbacks();
    assert!(callbacks.iter().all(|callback| callback.fate == Fate::Answered(StatusCode::NO_CONTENT)), "{callbacks:?}");
    assert_eq!(callbacks.iter().map(|callback| &callback.task_id).collect::<Vec<_>>(), [&id, &id]);
    let debug = format!("{callbacks:?}");
    assert!(!debug.contains("Signature") && !debug.contains("by=kling"), "{debug}");
}

#[tokio::test]
async fn a_failure_is_posted_with_its_reason_and_a_task_that_ends_at_once_is_posted_once() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let (url, mut told) = receiver("200 OK").await;
    sandbox.fail_next_task("Image pixel is invalid");
    caller.submit(&body_to(&url)).await;
    let failed = told.recv().await.expect("it is told");
    assert_eq!((failed.status(), &failed.body["task_status_msg"]), ("failed", &json!("Image pixel is invalid")));
    assert_eq!(failed.header("webhook-signature"), None, "there is no secret");
    caller.submit(&body_to(&url)).await;
    assert_eq!(told.recv().await.expect("it is told").status(), "succeed");
    sandbox.until(|sandbox| sandbox.callbacks().len() == 2).await;
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn callbacks_come_twice_late_or_never_as_scripted() {
    let (sandbox, clock) = start_slow().await;
    let caller = Caller::new(&sandbox);
    let (url, mut told) = receiver("200 OK").await;
    sandbox.callback_next(Delivery::once().after(Duration::from_secs(500)));
    sandbox.callback_next(Delivery::twice());
    caller.submit(&body_to(&url)).await;
    // Also when the clock moves over both changes at once.
    after(&clock, 200, &sandbox, 2).await;
    let [first, second] = [told.recv().await, told.recv().await].map(|told| told.expect("it is told"));
    assert_eq!((first.status(), second.status()), ("succeed", "succeed"));
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    after(&clock, 500, &sandbox, 3).await;
    let late = told.recv().await.expect("it is told");
    assert_eq!(late.status(), "processing");
    assert_ne!(late.header("webhook-id"), first.header("webhook-id"));
    let now = clock.unix_time().as_secs().to_string();
    assert_eq!(late.header("webhook-timestamp"), Some(now.as_str()));

    sandbox.callback_next(Delivery::lost());
    caller.submit(&body_to(&url)).await;
    after(&clock, 200, &sandbox, 5).await;
    assert_eq!(told.recv().await.expect("it is told").status(), "succeed");
    let fates: Vec<_> =
        sandbox.callbacks().into_iter().skip(3).map(|callback| (callback.status, callback.fate)).collect();
    assert_eq!(fates, [(TaskStatus::Processing, Fate::Lost), (TaskStatus::Succeed, Fate::Answered(StatusCode::OK))]);
}

#[tokio::test]
async fn a_receiver_that_refuses_or_is_gone_is_recorded_and_not_retried() {
    let (sandbox, clock) = start_slow().await;
    let caller = Caller::new(&sandbox);
    let (refusing, mut told) = receiver("503 Service Unavailable").await;
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let nobody = format!("http://{}/", gone.local_addr().expect("an address"));
    drop(gone);
    for url in [&refusing, &nobody] {
        caller.submit(&body_to(url)).await;
    }
    after(&clock, 10_000, &sandbox, 4).await;
    for callback in sandbox.callbacks() {
        match callback.fate {
            Fate::Answered(status) => assert_eq!((status.as_u16(), &callback.url), (503, &refusing)),
            Fate::Unanswered(ref reason) => assert!(callback.url == nobody && !reason.is_empty(), "{callback:?}"),
            ref other => panic!("{other:?}"),
        }
    }
    assert_eq!([told.recv().await, told.recv().await].map(|told| told.is_some()), [true, true]);
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn nothing_is_posted_to_another_machine_or_without_a_url() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    for url in ["https://example.com/told", "http://203.0.113.7/told", "not a url"] {
        caller.submit(&body_to(url)).await;
    }
    sandbox.until(|sandbox| sandbox.callbacks().len() == 3).await;
    for callback in sandbox.callbacks() {
        assert!(matches!(callback.fate, Fate::Withheld(_)), "{callback:?}");
        assert!(callback.body.starts_with(b"{"), "what would have been posted");
    }
    // The vendor's own example sends it empty.
    caller.submit(&body_to("")).await;
    caller.submit(&body()).await;
    caller.submit(&body_to("https://example.com/last")).await;
    sandbox.until(|sandbox| sandbox.callbacks().len() == 4).await;
    assert_eq!(sandbox.callbacks().pop().expect("one").url, "https://example.com/last");
}

#[tokio::test]
async fn an_invalid_secret_does_not_start() {
    let error = Sandbox::builder().callback_secret("whsec_!").start().await.expect_err("it is not Base64");
    assert!(error.to_string().contains("Base64"), "{error}");
}
