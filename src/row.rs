//! One row of the table of operations: all that the rest of the crate knows of an operation.

use std::fmt;
use std::pin::Pin;

use serde_json::Value;

use crate::error::Violation;
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
    /// What concerns several fields of a request whose types are right.
    pub(crate) rules: fn(&Value, &mut Vec<Violation>),
    pub(crate) create: for<'a> fn(&'a generated::Client) -> Sending<'a>,
    pub(crate) get: for<'a> fn(&'a generated::Client, &'a str) -> Sending<'a>,
    pub(crate) list: for<'a> fn(&'a generated::Client, Page) -> Sending<'a>,
    /// The request through the document's type: the same JSON, as far as the document knows its fields.
    #[cfg(test)]
    pub(crate) round_trip: fn(Value) -> serde_json::Result<Value>,
}

/// A call of the generated client. Its outcome is in the exchange inside that client.
pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

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
