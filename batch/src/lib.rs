//! Many videos from a manifest, over crashes and on many machines: none is paid twice, none that is paid is forgotten.
//!
//! A [`Store`] is the record, in SQLite or PostgreSQL: what is intended is written before it is paid, and what came of it
//! after. [`Add`] reads a manifest into it. Any number of [`Worker`]s send, ask, look and fetch; each may be killed at any
//! moment. [`Status`] tells what stands there, and [`Server`] lets agents order. What may lead from one state to the next is a table in [`State::after`].
//!
//! The command `kling-batch` is this library with arguments. Why no job framework lies underneath stands in `ENGINE.md`.

mod add;
mod error;
mod export;
mod fence;
mod inspect;
mod manifest;
mod mcp;
mod pictures;
mod places;
mod prices;
mod pulse;
mod record;
mod report;
mod request;
mod state;
mod status;
mod store;
mod text;
mod units;
mod verdict;
mod worker;

pub use add::{Add, Added, Told};
pub use error::{Error, Result};
pub use export::{Format, export};
pub use fence::Fence;
pub use inspect::inspect;
pub use manifest::{Entry, Fault, Manifest};
pub use mcp::Server;
pub use places::Places;
pub use prices::{Currency, Prices, Source};
pub use pulse::Pulse;
pub use record::{Batch, Count, Detail, Job, Key, NewJob, Ordered, Step};
pub use report::{REPORT, Shown, report};
pub use request::{JobRequest, hash_file};
pub use state::{Event, State};
pub use status::{Attention, BatchStatus, Expiring, Status};
pub use store::Store;
pub use text::plain;
pub use units::Units;
pub use verdict::Verdict;
pub use worker::{KEPT, Pace, Say, Until, Worker};
