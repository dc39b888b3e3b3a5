//! Kling's API in one process: for tests, and for trying things without a key.
//!
//! A [`Sandbox`] listens on the loopback, checks requests as the API does, moves tasks from submitted to their outputs on a
//! [`Clock`], serves the outputs from another origin, and records what it receives. It serves `videos/multi-image2video`,
//! `videos/text2video`, `videos/image2video` and `videos/omni-video`: as a gateway below `/kling/v1/` and below `/v1/`, or as
//! [Kling itself](#kling-itself). Its responses come from the vendor's pages, Kling's reference or recorded responses; the
//! assumptions are listed below. It does not use `kling-client`, so that it can bear witness against it.
//!
//! # In a test of your own
//!
//! ```
//! use kling_sandbox::{Clock, Sandbox};
//! use serde_json::{Value, json};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = Clock::manual();
//! let task_time = Duration::from_secs(240);
//! let sandbox = Sandbox::builder().clock(clock.clone()).task_time(task_time).start().await?;
//!
//! // Give `sandbox.base_url()` and `sandbox.api_key()` to the code under test; here they are used directly.
//! let http = reqwest::Client::new();
//! let url = sandbox.endpoint_of("videos/text2video");
//! let request = json!({"model_name": "kling-v3", "prompt": "A cat puts a hat on", "mode": "std", "duration": "5"});
//! let post = http.post(&url).bearer_auth(sandbox.api_key()).json(&request);
//! let submitted: Value = post.send().await?.json().await?;
//! let id = submitted["data"]["task_id"].as_str().unwrap_or_default();
//!
//! clock.advance(task_time); // nobody waits
//!
//! let get = http.get(format!("{url}/{id}")).bearer_auth(sandbox.api_key());
//! let done: Value = get.send().await?.json().await?;
//! assert_eq!(done["data"]["task_status"], "succeed");
//!
//! let url = done["data"]["task_result"]["videos"][0]["url"].as_str().unwrap_or_default();
//! let video = http.get(url).send().await?.bytes().await?; // without the key: another origin
//! assert_eq!(video, sandbox.video_bytes());
//!
//! assert_eq!(sandbox.posts_received_whole(), 1);
//! assert_eq!(sandbox.tasks_charged(), 1);
//! sandbox.assert_key_never_leaked();
//! # Ok(())
//! # }
//! ```
//!
//! The client's clock can move the sandbox's: `kling_client::TestClock::moving(move |by| clock.advance(by))`. Outputs of
//! another kind, several of them, or none are in the task's plan: [`TaskPlan::outputs`].
//!
//! # Kling itself
//!
//! [`Builder::kling`], or the option `--kling` of the program, plays Kling instead of a gateway: its paths begin with `/v1/`, and
//! its key is a token, a JWT that is signed with the secret key of an account. The sandbox checks the signature, the access key
//! and the times, on its own clock. A client signs anew when a token has expired: let the clock pass its time, or refuse one
//! token before it.
//!
//! ```no_run
//! use kling_sandbox::{Endpoint, Sandbox};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::builder().kling(true).start().await?;
//! let (access_key, secret_key) = (sandbox.access_key(), sandbox.secret_key()); // for the code under test
//! sandbox.fault_next(Endpoint::Get, "1004".parse()?); // the next query finds its token expired, once
//! # Ok(())
//! # }
//! ```
//!
//! # Faults
//!
//! A [`Fault`] waits for the next request of a kind ([`Sandbox::fault_next`]), or for every one ([`Sandbox::fault_always`]):
//! the connection is cut after any byte of the request or of the response, the response is early, late, slow, missing,
//! unreadable, or any refusal on record. [`Fault::all`] lists them with what each leaves to be known; [`Fault::videos`] has
//! those of the outputs' origin. [`Sandbox::posts_received_whole`] and [`Sandbox::charged_for`] count afterwards; with
//! [`Builder::duplicates`] nothing hides a double charge. A [`Proxy`] slows or breaks the connection itself.
//!
//! ```no_run
//! use kling_sandbox::{Fault, Endpoint, Sandbox};
//!
//! # async fn example() -> std::io::Result<()> {
//! let sandbox = Sandbox::builder().duplicates(true).start().await?;
//! sandbox.fault_next(Endpoint::Create, Fault::hang_up().charged());
//! // … the code under test submits with the id `mine`, and loses the response …
//! assert_eq!(sandbox.faults_waiting(Endpoint::Create), 0);
//! assert_eq!(sandbox.charged_for("mine"), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Callbacks
//!
//! A request with a `callback_url` on this machine has the bare task posted there when it is processing and when it ends, by
//! the sandbox's clock. [`Sandbox::callback_next`] loses, delays or doubles one, [`Builder::callback_secret`] signs them,
//! [`Sandbox::callbacks`] has the receiver's responses, and [`Sandbox::until`] waits for them, or for anything else:
//!
//! ```no_run
//! use kling_sandbox::{Clock, Sandbox, TaskStatus};
//!
//! # async fn example(sandbox: Sandbox, clock: Clock) {
//! // … the code under test listens, and submits with its address as `callback_url` …
//! clock.advance(std::time::Duration::from_secs(240));
//! sandbox.until(|sandbox| sandbox.callbacks().len() == 2).await;
//! let statuses: Vec<_> = sandbox.callbacks().iter().map(|callback| callback.status).collect();
//! assert_eq!(statuses, [TaskStatus::Processing, TaskStatus::Succeed]);
//! # }
//! ```
//!
//! # Assumptions
//!
//! These have no source; do not build on them:
//!
//! - a second task with the same `external_task_id`, of whatever operation, is refused with code 1201, unless
//!   [`Builder::duplicates`] lets it be made; a query by that id then finds the first of its operation;
//! - a request beyond [`Builder::concurrency`] gets code 1303 before its external id is checked, and a slot is free at the
//!   very moment that its task ends;
//! - the texts of the refusals among the faults, where only a code or a word is on record, and of the other refusals but those
//!   of Base64, a missing image, an enumeration's value and a discontinued model;
//! - a callback reports processing and the end, not submitted; it is posted once, and its receiver has 10 s to respond;
//! - the URL of an output gets 403 when it was changed, or 30 days after the task ended;
//! - a video behind the key ([`Builder::videos_behind_key`]) is at `/v1/videos/{id}/content`, and has ranges;
//! - a body over 64 MiB gets 413 with a page of HTML;
//! - fields that an operation does not know are ignored, and `mode` and `duration` are required, as the vendor's pages have it,
//!   but for the `duration` of an edited video, which counts as one of 5 s; optional images and lists may be empty, as in the
//!   vendor's examples, unless they are shots;
//! - a model before V3 may have several shots, and every model `camera_control` and, at image2video, masks: whether the API
//!   refuses or ignores them is not on record;
//! - where queries of omni-video are answered at `images/omni-image/{id}`, its own path responds `task_not_exist`;
//! - Kling itself refuses a token that it cannot read, or whose access key it does not know, with code 1002, a wrong signature
//!   with 1000, and a path that it does not have with 1203; a token needs `exp`, but not `nbf`, and clocks may not differ;
//! - an unknown task is `task_not_exist` at Kling itself too, where only a gateway's response is on record;
//! - a video of 10 s is reported as "10.1", and the price list only looks like the real one.

mod api;
mod auth;
mod callback;
mod catalogue;
mod clock;
mod fault;
mod image;
mod intake;
mod leak;
mod log;
mod media;
mod operations;
mod outputs;
#[cfg(feature = "program")]
pub mod program;
mod proxy;
mod request;
mod response;
mod sandbox;
mod script;
mod server;
mod task;
mod wire;

pub use bytes::Bytes;
pub use callback::{Callback, Delivery, Fate};
pub use catalogue::{FAULT_SYNTAX, NamedFault, ScriptedFault, Tells, UnknownFault};
pub use clock::Clock;
pub use fault::{Fault, Moment, RetryAfter, Target};
pub use http;
pub use image::ReceivedImage;
pub use log::{Received, ReceivedBody};
pub use outputs::OutputKind;
pub use proxy::{Proxy, ProxyBuilder};
pub use sandbox::{Builder, Sandbox};
pub use script::{Endpoint, ScriptedResponse};
pub use task::{Outcome, TaskEntry, TaskPlan, TaskStatus};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic elsewhere: nothing behind these locks is ever left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
