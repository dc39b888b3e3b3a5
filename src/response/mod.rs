//! What the API's responses mean: a [`TaskInfo`] out of every shape that gateways give them.
//!
//! `envelope.rs` finds the JSON in a body and reads what it says about the request, `task.rs` reads the task in it, and
//! `outputs.rs` its outputs.

mod envelope;
mod info;
mod json;
mod outputs;
pub(crate) mod reason;
pub(crate) mod redact;
mod task;

pub use info::{TaskInfo, TaskStatus};
pub use outputs::{Output, OutputKind};

pub(crate) use envelope::{Envelope, documents};
pub(crate) use json::Json;
pub(crate) use task::{Reading, Wanted, at_once, tasks};
