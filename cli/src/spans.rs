//! What `-v` shows: a line for each span of the library, once it has ended.
//!
//! A wait counts its polls and changes its status many times: the last value of each field is shown.

use std::fmt::{self, Debug, Write as _};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Gives a line to `write` for each span of this level, from now on.
pub fn show(level: Level, write: impl Fn(&str) + Send + Sync + 'static) {
    // Other crates may log a signed URL.
    let ours = Targets::new().with_target("kling_client", level);
    tracing_subscriber::registry().with(ours).with(Lines(write)).init();
}

/// Writes a line for each span that ends.
struct Lines<W>(W);

/// The fields of a span, each with its last value, in the order of their first.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&str) + Send + Sync + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(span) = context.span(&id) {
            let now = humantime::format_rfc3339_millis(SystemTime::now());
            let mut line = format!("{now} {}", span.name());
            if let Some(fields) = span.extensions().get::<Fields>() {
                let _ = write!(line, "{fields}");
            }
            (self.0)(&line);
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value.to_owned());
    }
}

impl Fields {
    fn set(&mut self, name: &'static str, value: String) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The name of the span is the step.
        self.0.iter().filter(|(name, _)| *name != "step").try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::field::Empty;

    use super::*;

    #[test]
    fn a_span_is_one_line_with_the_last_value_of_each_field() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&lines);
        let layer = Lines(move |line: &str| seen.lock().unwrap().push(line.to_owned()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span =
                tracing::info_span!("kling.wait", step = "wait", task_id = "7", attempts = Empty, status = Empty);
            for (attempts, status) in [(1, "submitted"), (2, "processing"), (31, "succeed")] {
                span.record("attempts", attempts);
                span.record("status", tracing::field::display(status));
            }
            assert!(lines.lock().unwrap().is_empty(), "it has not ended");
        });
        let lines = lines.lock().unwrap();
        let [line] = &lines[..] else { panic!("{lines:?}") };
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(humantime::parse_rfc3339(time).is_ok(), "{line}");
        assert_eq!(rest, "kling.wait task_id=7 attempts=31 status=succeed");
    }
}
