//! One row of the table of operations: all that the rest of the crate knows of an operation.

use std::fmt;

use serde_json::Value;

use crate::error::{Remark, Violation};
use crate::response::OutputKind;
use crate::transport::generated;

/// An operation of the API.
pub(crate) struct Row {
    /// The last part of its path, `text2video`.
    pub(crate) name: &'static str,
    /// What its tasks make; none for an operation that is answered at once.
    pub(crate) output: Option<OutputKind>,
    /// The JSON Schema of its request: the one place of every limit.
    pub(crate) schema: fn() -> &'static Value,
    /// What concerns several fields of a request whose types are right, what its model takes, and what its prompts name.
    pub(crate) rules: fn(&Value, &mut Vec<Violation>, &mut Vec<Remark>),
    /// The models that are known to be served.
    pub(crate) served: fn() -> Vec<&'static str>,
    /// These write a request, for [`send`](crate::transport::send).
    pub(crate) create: fn(&generated::Client),
    pub(crate) get: Get,
    /// The query at another path, for gateways that know a task there alone.
    pub(crate) get_elsewhere: Option<Get>,
    pub(crate) list: fn(&generated::Client, Page),
    /// The request through the document's type: the same JSON, as far as the document knows its fields.
    #[cfg(test)]
    pub(crate) round_trip: fn(Value) -> serde_json::Result<Value>,
}

/// Writes the query of a task.
pub(crate) type Get = fn(&generated::Client, &str);

/// A page of a list: its number from 1, and how many tasks it holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub(crate) number: u16,
    pub(crate) size: u16,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
