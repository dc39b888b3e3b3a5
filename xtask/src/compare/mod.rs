//! A general comparison of two OpenAPI 3.0 documents: two trees in, a list of changes out, each with a level.
//!
//! The direction decides: a request that gets stricter breaks, an answer that promises less breaks. What means the same is
//! the same: a `$ref` and what it leads to, a single `allOf`, alternatives of constants and an enumeration, any order of
//! names and values. What differs and fits no kind is `unclassified`; nothing is dropped. Ids are those that oasdiff uses,
//! where it has one, so that lists of ignored ids carry over. Nothing here knows any particular API; a caller may say how
//! operations are recognised, and look at each pair of schemas as well.
//!
//! `spec/README.md` lists what each kind of change means in a request and in a response.

mod bodies;
mod change;
mod comparer;
mod compose;
mod limits;
mod operations;
mod pairs;
mod parameters;
mod references;
mod schemas;
mod security;
mod spot;
mod trail;

use comparer::Comparer;

use crate::error::{Error, Result};
use crate::tree::Node;

pub use change::{Change, Comparison, Level, Look, Operation, Options};
pub(crate) use change::{Direction, Pair};
pub(crate) use operations::template;
pub(crate) use schemas::NO_PROPERTY;

/// Stack for schemas inside of schemas, in an unoptimised build too.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// Compares two documents. Refuses what is no OpenAPI at all, or would take for ever: `$ref`s that fan out or nest beyond all
/// measure.
pub fn compare(base: &Node, revision: &Node, options: &Options<'_>) -> Result<Comparison> {
    // What looks recognises operations before the thread starts, so that only `look` has to be shared.
    let operations = operations::matched(base, revision, options.identity)?;
    let refused = |why: String| Error::refused(&revision.place, why);
    let look = options.look;
    std::thread::scope(|scope| {
        let work = move || {
            let mut comparer = Comparer::new(base, revision, look);
            let matched = comparer.document(operations)?;
            Ok(Comparison { changes: comparer.changes, matched })
        };
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let thread = thread.map_err(|error| refused(format!("no thread to compare in: {error}")))?;
        thread.join().unwrap_or_else(|_| Err(refused("cannot be compared; please report it as a defect".to_owned())))
    })
}
