//! Kling's multi-image-to-video API in one process: for tests, and for trying things without a key.
//!
//! A [`Sandbox`] listens on the loopback, checks orders as the API does, moves tasks from submitted to a video on a
//! [`Clock`], serves the video from another origin, and records what it received. Everything that it answers comes from
//! the vendor's document, Kling's reference or recorded answers; where neither tells, its documentation says that it
//! assumes something. It does not use `kling-client`, so that it can bear witness against it.
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
//! let sandbox = Sandbox::builder()
//!     .clock(clock.clone())
//!     .task_time(Duration::from_secs(240))
//!     .start()
//!     .await?;
//!
//! // Give `sandbox.base_url()` and `sandbox.api_key()` to the code under test; here they are used directly.
//! let http = reqwest::Client::new();
//! let order = json!({
//!     "model_name": "kling-v1-6",
//!     "image_list": [{"image": "https://example.com/cat.png"}, {"image": "https://example.com/hat.jpg"}],
//!     "prompt": "The cat puts the hat on",
//!     "mode": "std",
//!     "duration": "5",
//! });
//! let post = http.post(sandbox.endpoint()).bearer_auth(sandbox.api_key()).json(&order);
//! let submitted: Value = post.send().await?.json().await?;
//! let id = submitted["data"]["task_id"].as_str().unwrap_or_default();
//!
//! clock.advance(Duration::from_secs(240)); // nobody waits
//!
//! let get = http.get(format!("{}/{id}", sandbox.endpoint())).bearer_auth(sandbox.api_key());
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
//! # When things go wrong
//!
//! A [`Fault`] is put before a request with [`Sandbox::fault_next`], or before all of a kind with
//! [`Sandbox::fault_always`]: the connection is cut after any byte of the request or of the answer, the answer is early,
//! late, slow, never given, unreadable, or any refusal that is on record. [`Fault::all`] goes through all of them, and says
//! what each leaves to be known; [`Fault::videos`] has what can be wrong with a video's origin. [`Sandbox::posts_received_whole`] and [`Sandbox::charged_for`] tell afterwards who paid
//! how often; with [`Builder::duplicates`] nothing hides a second charge. A [`Proxy`] makes the way itself long, or lets
//! it break.
//!
//! ```
//! use kling_sandbox::{Fault, Operation, Sandbox};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::builder().duplicates(true).start().await?;
//! sandbox.fault_next(Operation::Create, Fault::hang_up().charged());
//! # let order = json!({
//! #     "model_name": "kling-v1-6",
//! #     "image_list": [{"image": "https://example.com/cat.png"}],
//! #     "prompt": "The cat puts the hat on",
//! #     "mode": "std",
//! #     "duration": "5",
//! #     "external_task_id": "mine",
//! # });
//! // … the code under test orders with the id `mine`, and loses the answer …
//! # let post = reqwest::Client::new().post(sandbox.endpoint()).bearer_auth(sandbox.api_key()).json(&order);
//! # post.send().await.expect_err("the answer is lost");
//! assert_eq!(sandbox.faults_waiting(Operation::Create), 0);
//! assert_eq!(sandbox.charged_for("mine"), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # When the task calls back
//!
//! An order with a `callback_url` on this machine has the bare task posted there when it is being worked on and when it
//! ends, by the sandbox's clock. [`Sandbox::callback_next`] lets one be lost, late or doubled, and
//! [`Builder::callback_secret`] signs them. [`Sandbox::callbacks`] tells what the receiver answered, and
//! [`Sandbox::until`] waits for it, or for anything else that a sandbox can be asked.
//!
//! ```
//! # use kling_sandbox::{Clock, Fate, Sandbox, TaskStatus};
//! # use std::time::Duration;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let clock = Clock::manual();
//! # let builder = Sandbox::builder().clock(clock.clone()).task_time(Duration::from_secs(240));
//! let sandbox = builder.callback_secret("whsec_dGhlIHNhbmRib3gncyBzZWNyZXQ=").start().await?;
//! // … the code under test listens, and orders with its address as `callback_url` …
//! # let order = serde_json::json!({
//! #     "model_name": "kling-v1-6",
//! #     "image_list": [{"image": "https://example.com/cat.png"}],
//! #     "prompt": "The cat puts the hat on",
//! #     "mode": "std",
//! #     "duration": "5",
//! #     "callback_url": "https://example.com/told",
//! # });
//! # let post = reqwest::Client::new().post(sandbox.endpoint()).bearer_auth(sandbox.api_key()).json(&order);
//! # post.send().await?;
//! clock.advance(Duration::from_secs(240));
//! sandbox.until(|sandbox| sandbox.callbacks().len() == 2).await;
//! let told: Vec<_> = sandbox.callbacks().iter().map(|callback| callback.status).collect();
//! assert_eq!(told, [TaskStatus::Processing, TaskStatus::Succeed]);
//! # assert!(sandbox.callbacks().iter().all(|callback| matches!(callback.fate, Fate::Withheld(_))));
//! # Ok(())
//! # }
//! ```
//!
//! # What it assumes
//!
//! No source tells these; do not build on them:
//!
//! - a second task with the same `external_task_id` is refused with code 1201, unless [`Builder::duplicates`] lets it be
//!   made; a query by that id then finds the first;
//! - an order beyond [`Builder::concurrency`] gets code 1303 before its external id is looked at, and the slot of a task
//!   is free at the very moment that the task ends;
//! - the texts of the refusals among the faults, where only a code or a word is on record;
//! - a callback tells of *processing* and of the end, not of *submitted*, which the answer to the order tells; it is
//!   posted once, and its receiver has 10 s to answer;
//! - a video's address is refused with 403 when it was changed, or 30 days after the task ended;
//! - a video behind the key ([`Builder::videos_behind_key`]) is at `/v1/videos/{id}/content`, and ranges of it can be asked for;
//! - the texts of refusals other than those about Base64, a missing image and an enumeration's value;
//! - a body over 64 MiB gets 413 with a page of HTML;
//! - a video of 10 s is reported as "10.1", and units are charged by a price list that only looks like the real one.

mod answer;
mod api;
mod callback;
mod catalogue;
mod clock;
mod document;
mod fault;
mod intake;
mod leak;
mod log;
mod order;
mod picture;
pub mod program;
mod proxy;
mod sandbox;
mod script;
mod server;
mod task;
mod video;
mod wire;

pub use axum::body::Bytes;
pub use axum::http;
pub use callback::{Callback, Delivery, Fate};
pub use catalogue::{FAULT_SYNTAX, NamedFault, ScriptedFault, Tells, UnknownFault};
pub use clock::Clock;
pub use fault::{Fault, Moment, RetryAfter, Target};
pub use log::{Received, ReceivedBody};
pub use picture::ReceivedImage;
pub use proxy::{Proxy, ProxyBuilder};
pub use sandbox::{Builder, Sandbox};
pub use script::{Answer, Operation};
pub use task::{Outcome, TaskEntry, TaskPlan, TaskStatus};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic elsewhere: what is behind these locks is never left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
