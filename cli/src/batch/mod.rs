//! Many requests from a manifest, over crashes: nothing is submitted twice, nothing that is paid is forgotten.
//!
//! Without the feature `batch` there are manifests, prices and checks alone. With it, a [`Store`] is the record of one
//! process in one SQLite file: what is intended is written before it is submitted, its outcome after. Which events lead from
//! one state to the next is a table in [`State::after`].

// Without a record.
mod manifest;
mod places;
mod plan;
mod prices;
#[expect(missing_docs, reason = "columns that their names explain")]
mod record;
mod request;
mod state;
mod units;
mod verdict;

// With one.
#[cfg(feature = "batch")]
#[expect(missing_docs, reason = "fields that their names explain")]
mod add;
#[cfg(feature = "batch")]
pub(crate) mod arguments;
#[cfg(feature = "batch")]
pub(crate) mod command;
#[cfg(feature = "batch")]
#[expect(missing_docs, reason = "names that explain themselves")]
mod export;
#[cfg(feature = "batch")]
mod fence;
#[cfg(feature = "batch")]
mod inspect;
#[cfg(feature = "batch")]
mod mcp;
#[cfg(feature = "batch")]
mod progress;
#[cfg(feature = "batch")]
#[expect(missing_docs, reason = "names that explain themselves")]
mod report;
#[cfg(feature = "batch")]
#[expect(missing_docs, reason = "names that explain themselves")]
mod status;
#[cfg(feature = "batch")]
mod store;
#[cfg(feature = "batch")]
mod worker;

pub use crate::image::{is_base64, is_url};
pub use manifest::{Entry, Fault, Manifest};
pub use plan::{Lines, NewJob, Plan};
pub use prices::{Prices, Source};
pub use record::{Account, Added, Back, Batch, Cause, Count, Detail, Job, NewBatch, SUFFIX, Step, millis, record_of};
pub use request::{JobRequest, hash_file};
pub use units::Units;
pub use verdict::{Streak, Verdict, is_older};
#[cfg(feature = "batch")]
pub use {
    add::{Add, Summary},
    export::{Format, export},
    fence::Fence,
    inspect::inspect,
    mcp::Server,
    report::{Shown, report},
    status::Status,
    store::{Claim, Store},
    worker::{KEPT, Pace, Say, Until, Worker},
};
pub use {
    places::Places,
    state::{Event, State},
};
