//! The spans of the crate: one for each operation, with ids, counts and outcomes, and nothing secret.
//!
//! | span | fields |
//! |---|---|
//! | `kling.submit` | `external_task_id`, `attempts`, `task_id`, `error` |
//! | `kling.poll` | `task_id`, `status`, `error` |
//! | `kling.list` | `page`, `error` |
//! | `kling.reconcile` | `external_task_id`, `task_id`, `error` |
//! | `kling.download` | `task_id`, `attempts`, `bytes`, `error` |

use std::fmt::Display;

use tracing::{Instrument as _, Span};

use crate::error::Result;

/// Runs an operation in its span, and records there what kind of error it ended with.
pub(crate) async fn within<T>(span: Span, operation: impl Future<Output = Result<T>>) -> Result<T> {
    let result = operation.instrument(span.clone()).await;
    if let Err(error) = &result {
        record(&span, "error", error.kind());
    }
    result
}

/// Records a value in a span.
pub(crate) fn record(span: &Span, field: &str, value: impl Display) {
    if !span.is_disabled() {
        span.record(field, tracing::field::display(value));
    }
}
