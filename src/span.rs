//! The spans of the crate: one for each operation, and one around those of a whole generation; `guide/spans.md` lists them.
//!
//! The span of a generation lives in the handles, task, wait, finished task and download. It is never entered across an
//! `await`: what the same thread does meanwhile is no part of it. Nothing secret is in any of them.

use std::fmt::Display;

use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::clock::Clock;
use crate::error::{Error, Result};

/// The span of one step: where its time and its error are recorded at its end.
macro_rules! step_span {
    ($level:ident $name:literal, $operation:expr, $step:expr $(, $field:ident = $value:expr)*) => {
        tracing::span!(
            tracing::Level::$level, $name, operation = $operation, step = $step, $($field = $value,)*
            elapsed_ms = tracing::field::Empty, error = tracing::field::Empty
        )
    };
}
pub(crate) use step_span;

/// The span of one generation: within what is current where it is begun.
pub(crate) fn generation(operation: &str, task_id: Option<&str>, external_task_id: Option<&str>) -> Span {
    info_span!("kling.generation", operation, task_id, external_task_id, status = Empty, error = Empty)
}

/// Runs an operation in its span, and records there how long it took and what kind of error it ended with.
pub(crate) async fn within<T>(span: Span, clock: &dyn Clock, operation: impl Future<Output = Result<T>>) -> Result<T> {
    let start = clock.now();
    let result = operation.instrument(span.clone()).await;
    ended(&span, clock, start, result.as_ref().err());
    result
}

/// Records the end of an operation that began at this moment of the clock.
pub(crate) fn ended(span: &Span, clock: &dyn Clock, start: std::time::Duration, error: Option<&Error>) {
    if span.is_disabled() {
        return;
    }
    record(span, "elapsed_ms", clock.now().saturating_sub(start).as_millis());
    if let Some(error) = error {
        record(span, "error", error.kind());
    }
}

/// Records a value in a span.
pub(crate) fn record(span: &Span, field: &str, value: impl Display) {
    if !span.is_disabled() {
        span.record(field, tracing::field::display(value));
    }
}
