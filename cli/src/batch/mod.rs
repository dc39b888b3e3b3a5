//! Many requests from a manifest, over crashes: nothing is submitted twice, nothing that is paid is forgotten.
//!
//! Without the feature `batch` there are manifests, prices and checks alone. With it, a [`Store`] is the record of one
//! process in one SQLite file: what is intended is written before it is submitted, its outcome after. Which events lead from
//! one state to the next is a table in [`State::after`].

// Without a record.
mod units;
// mod manifest;
// mod plan;
// mod prices;
// mod request;

// With one.
#[cfg(feature = "batch")]
mod places;
#[cfg(feature = "batch")]
mod state;
// mod add;
#[cfg(feature = "batch")]
pub(crate) mod arguments;
// pub(crate) mod command;
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

pub use units::Units;
#[cfg(feature = "batch")]
pub use {
    places::Places,
    state::{Event, State},
};

/// Stands for `mod command` until the modules that it calls are rebuilt.
#[cfg(feature = "batch")]
pub(crate) mod command {
    use super::arguments::{Batch, Mcp};
    use crate::arguments::Access;
    use crate::failure::{Failure, Result};
    use crate::terminal::{Done, Terminal};

    pub async fn run(_: Batch, _: &Access, _: &Terminal) -> Result<Done> {
        Err(Failure::other("batch", "this version does not have it yet"))
    }

    pub async fn serve(_: Mcp, _: &Access, _: &Terminal) -> Result<Done> {
        Err(Failure::other("mcp", "this version does not have it yet"))
    }
}
