//! Waiting for tasks: each polled around the time it is expected to take, until it ends or its deadline comes.
//!
//! `single.rs` waits for one task and `all.rs` for many; `watch.rs` decides what a response means, `event.rs` is what both
//! report. When to poll is a policy, how often is the client's rate, and time comes from its clock.

mod all;
mod event;
mod single;
mod watch;

pub use all::WaitAll;
pub use event::{FinishedTask, WaitEvent};
pub use single::Wait;
