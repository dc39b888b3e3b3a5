//! Many requests from a manifest, over crashes: nothing is submitted twice, nothing that is paid is forgotten.
//!
//! Without the feature `batch` there are manifests, prices and checks alone. With it, a [`Store`] is the record of one
//! process in one SQLite file: what is intended is written before it is submitted, its outcome after. Which events lead from
//! one state to the next is a table in [`State::after`].

// Without a record.
mod images;
mod manifest;
mod plan;
mod prices;
mod request;
mod units;

// With one.
#[cfg(feature = "batch")]
mod places;
#[cfg(feature = "batch")]
mod state;
// mod add;
// mod arguments;
// mod command;
// mod export;
// mod fence;
// mod inspect;
// mod mcp;
// mod progress;
// mod record;
// mod report;
// mod status;
// mod store;
// mod verdict;
// mod worker;

pub use images::{hash_file, is_base64, is_url};
pub use manifest::{Entry, Fault, Manifest};
pub use plan::{Lines, NewJob, Plan};
pub use prices::{Currency, Prices, Source};
pub use request::JobRequest;
pub use units::Units;
#[cfg(feature = "batch")]
pub use {
    places::Places,
    state::{Event, State},
};
