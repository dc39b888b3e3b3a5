//! Callbacks: what the API posts to a request's `callback_url` when its task changes. The body is the bare task as of that
//! change; how each callback is delivered can be set in advance, and is recorded.
//!
//! It posts to this machine alone, to `http` at an address of the loopback or `localhost`; for every other address it
//! records what it would have posted. It posts once: whether the real API tries again is not documented.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::clock::Clock;
use crate::lock;
use crate::outputs::Signer;
use crate::response;
use crate::task::{Task, TaskStatus};

/// Timeout of a receiver, in real time on any clock. The API's own is not on record; this is a guess.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How many callbacks are remembered, as many as requests.
const KEPT: usize = 10_000;

/// Delivery of a callback, for [`Sandbox::callback_next`](crate::Sandbox::callback_next).
///
/// Callbacks of one task follow each other, each after the receiver's response to the one before. A late one lets the next
/// go first, which is how they come out of order.
///
/// ```
/// use kling_sandbox::{Delivery, Sandbox};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let sandbox = Sandbox::start().await?;
/// sandbox.callback_next(Delivery::once().after(Duration::from_secs(600))); // processing, after the end
/// sandbox.callback_next(Delivery::twice()); // succeed
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    times: u8,
    delay: Duration,
}

/// One callback, after its delivery.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Callback {
    /// The request's `callback_url`.
    pub url: String,
    /// The task that changed.
    pub task_id: String,
    /// What it changed to.
    pub status: TaskStatus,
    /// Bytes of the body, for a test that posts them again, or in another's name.
    pub body: Bytes,
    /// How its delivery ended.
    pub fate: Fate,
}

/// End of a callback's delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// The receiver responded with this status.
    Answered(StatusCode),
    /// The receiver could not be reached or did not respond: the reason.
    Unanswered(String),
    /// It was lost on the way, as [`Delivery::lost`] wants it.
    Lost,
    /// Nothing was sent, because the address does not lead to this machine: the reason.
    Withheld(&'static str),
}

/// The key of the signatures.
#[derive(Clone)]
pub(crate) struct Secret(Vec<u8>);

/// Everything that callbacks need.
pub(crate) struct Callbacks {
    pub clock: Clock,
    pub signer: Arc<Signer>,
    pub secret: Option<Secret>,
    pub events: Arc<Notify>,
    pub script: Mutex<VecDeque<Delivery>>,
    pub done: Mutex<VecDeque<Callback>>,
}

impl Delivery {
    /// Once, and at once: the default.
    pub fn once() -> Self {
        Self { times: 1, delay: Duration::ZERO }
    }

    /// Twice, with the same `webhook-id` if it is signed.
    pub fn twice() -> Self {
        Self { times: 2, ..Self::once() }
    }

    /// Never.
    pub fn lost() -> Self {
        Self { times: 0, ..Self::once() }
    }

    /// The same, when so much time has passed on the sandbox's clock. The callbacks after it do not wait for it.
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self::once()
    }
}

/// Without the URL and the body, which hold what only the receiver may know.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("task_id", &self.task_id)
            .field("status", &self.status)
            .field("fate", &self.fate)
            .finish_non_exhaustive()
    }
}

impl Secret {
    /// Reads a secret as Kling's console gives it, or as it is pasted: Base64 of at least 16 bytes, with or without
    /// `whsec_` or `v1,whsec_`, also URL-safe or unpadded.
    pub fn read(text: &str) -> io::Result<Self> {
        let text = text.trim();
        let text = text.strip_prefix("v1,").unwrap_or(text);
        let text = text.strip_prefix("whsec_").unwrap_or(text).replace('-', "+").replace('_', "/");
        let decoded = STANDARD_PAD_INDIFFERENT.decode(text).ok().filter(|key| key.len() >= 16);
        let reason = "the secret of callbacks must be Base64 of at least 16 bytes, with or without whsec_ before it";
        decoded.map(Self).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, reason))
    }

    /// `webhook-signature` of the Standard Webhooks scheme.
    fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        // A key of any length is valid: there is no error.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return String::new();
        };
        let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        let mac = parts.into_iter().fold(mac, |mac, part| mac.chain_update(part));
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// Calls back for every task that comes, until it is dropped.
pub(crate) async fn run(callbacks: Arc<Callbacks>, mut tasks: mpsc::UnboundedReceiver<Task>) {
    let mut followed = JoinSet::new();
    loop {
        tokio::select! {
            Some(task) = tasks.recv() => drop(followed.spawn(follow(callbacks.clone(), task))),
            Some(_) = followed.join_next() => {}
            else => return,
        }
    }
}

/// Calls back for each change of a task.
async fn follow(callbacks: Arc<Callbacks>, task: Task) {
    let Some(url) = task.request.callback_url.clone() else {
        return;
    };
    let mut late = JoinSet::new();
    for change in task.plan.changes() {
        let moment = task.created.saturating_add(change);
        callbacks.clock.sleep(moment.saturating_sub(callbacks.clock.unix_time())).await;
        let body = response::queried(&task, moment, &callbacks.signer).to_string();
        let callback = Callback {
            url: url.clone(),
            task_id: task.id.clone(),
            status: task.status(moment),
            body: body.into(),
            fate: Fate::Lost,
        };
        let how = lock(&callbacks.script).pop_front().unwrap_or_default();
        if how.delay.is_zero() {
            deliver(&callbacks, callback, how.times).await;
        } else {
            let callbacks = callbacks.clone();
            late.spawn(async move {
                callbacks.clock.sleep(how.delay).await;
                deliver(&callbacks, callback, how.times).await;
            });
        }
    }
    while late.join_next().await.is_some() {}
}

async fn deliver(callbacks: &Callbacks, callback: Callback, times: u8) {
    let id = format!("msg_{}", Uuid::new_v4().simple());
    if times == 0 {
        callbacks.record(callback);
        return;
    }
    for _ in 0..times {
        let fate = match receiver(&callback.url) {
            Err(reason) => Fate::Withheld(reason),
            Ok((uri, addresses)) => {
                let request = callbacks.request(&uri, &id, callback.body.clone());
                let post = async { post(request.map_err(|error| error.to_string())?, &addresses).await };
                match tokio::time::timeout(TIMEOUT, post).await {
                    Ok(Ok(status)) => Fate::Answered(status),
                    Ok(Err(reason)) => Fate::Unanswered(reason),
                    Err(_) => Fate::Unanswered(format!("no response within {TIMEOUT:?}")),
                }
            }
        };
        callbacks.record(Callback { fate, ..callback.clone() });
    }
}

impl Callbacks {
    fn request(&self, uri: &Uri, id: &str, body: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
        let host = uri.authority().map_or("", |authority| authority.as_str());
        // A name and a password before the host are not part of it.
        let host = host.rsplit('@').next().unwrap_or_default();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request =
            Request::post(path).header(header::HOST, host).header(header::CONTENT_TYPE, "application/json");
        if let Some(secret) = &self.secret {
            let timestamp = self.clock.unix_time().as_secs().to_string();
            let signature = secret.sign(id, &timestamp, &body);
            request = request.header("webhook-id", id).header("webhook-timestamp", timestamp);
            request = request.header("webhook-signature", signature);
        }
        request.body(Full::new(body))
    }

    fn record(&self, callback: Callback) {
        let mut done = lock(&self.done);
        if done.len() == KEPT {
            done.pop_front();
        }
        done.push_back(callback);
        self.events.notify_waiters();
    }
}

/// Where a callback goes: an address of this machine, or the reason why it goes nowhere.
fn receiver(url: &str) -> Result<(Uri, Vec<SocketAddr>), &'static str> {
    let uri: Uri = url.parse().map_err(|_| "it is no URL")?;
    let host = uri.host().ok_or("it names no host")?;
    if uri.scheme_str() != Some("http") {
        return Err("it is not http, and a sandbox speaks no TLS");
    }
    // Names are not resolved: others decide what they lead to.
    let addresses = if host.eq_ignore_ascii_case("localhost") {
        vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
    } else {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        vec![address.ok().filter(IpAddr::is_loopback).ok_or("it does not lead to this machine")?]
    };
    let port = uri.port_u16().unwrap_or(80);
    let addresses = addresses.into_iter().map(|address| (address, port).into()).collect();
    Ok((uri, addresses))
}

/// One request on a connection of its own; redirects are not followed.
async fn post(request: Request<Full<Bytes>>, addresses: &[SocketAddr]) -> Result<StatusCode, String> {
    let stream = TcpStream::connect(addresses).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let status = async move { sender.send_request(request).await.map(|response| response.status()) };
    // The connection ends when the sender is dropped, and how it ends does not matter once there is a status.
    let (status, _) = tokio::join!(status, connection);
    status.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_posted_to() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/done?key=1", &["127.0.0.1:8080"][..]),
            ("http://127.9.9.9", &["127.9.9.9:80"]),
            ("http://[::1]:8080/", &["[::1]:8080"]),
            ("http://LOCALHOST:1/", &["127.0.0.1:1", "[::1]:1"]),
            ("http://someone:secret@localhost:1/", &["127.0.0.1:1", "[::1]:1"]),
        ] {
            let (_, addresses) = receiver(url).expect(url);
            assert_eq!(addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), expected, "{url}");
        }
        for url in [
            "",
            "done",
            "/done",
            "https://127.0.0.1/",
            "ftp://127.0.0.1/",
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1@example.com/",
            "http://localhost.example.com/",
            "http://10.0.0.1/",
            "http://169.254.169.254/",
            "http://0.0.0.0/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::]/",
            "http://[::ffff:10.0.0.1]/",
        ] {
            assert!(receiver(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_signature_is_the_one_of_the_official_vector() {
        let secret = Secret::read("whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI=").expect("it is one");
        let body = br#"{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,"update_time":1781080794151}"#;
        let signature = secret.sign("9876543210", "1781080794", body);
        assert_eq!(signature, "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4=");
    }

    #[test]
    fn an_invalid_secret_is_refused() {
        for text in ["", "whsec_", "v1,whsec_", "whsec_!", "not base64", "whsec_AAECAwQFBgcICQoLDA0O"] {
            assert!(Secret::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_the_same_in_every_form() {
        let sign = |text: &str| Secret::read(text).expect(text).sign("id", "1", b"{}");
        let signature = sign("whsec_-_8DBAUGBwgJCgsMDQ4PEA");
        for text in ["whsec_+/8DBAUGBwgJCgsMDQ4PEA==", "v1,whsec_-_8DBAUGBwgJCgsMDQ4PEA==", "+/8DBAUGBwgJCgsMDQ4PEA"] {
            assert_eq!(sign(text), signature, "{text}");
        }
    }
}
