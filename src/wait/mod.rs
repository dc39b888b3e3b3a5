//! Waiting for tasks: each polled around the time it is expected to take, until it ends or its deadline comes. `watch.rs`
//! decides what a response means.

mod all;
mod event;
mod single;
mod watch;

pub use all::WaitAll;
pub use event::{FinishedTask, WaitEvent};
pub use single::Wait;
