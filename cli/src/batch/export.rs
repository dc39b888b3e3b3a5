//! Every job of the record as a table, without prompts and images: CSV, or JSON Lines.
//!
//! A spreadsheet runs a cell of CSV that begins like a formula, and texts may come from a gateway or from someone else's
//! manifest. Such a cell gets an apostrophe in front; JSON has the text as it is.

use std::io::{self, BufWriter, Write};

use serde::Serializer;
use serde_json::{Value, json};

use super::record::Job;
use super::state::State;
use super::store::Store;
use crate::failure::{Failure, Result};

/// Format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table with a header.
    Csv,
    /// A JSON object on each line.
    Json,
}

/// Writes every job of the record. A reader that goes away is no failure.
///
/// # Errors
/// `Other` if the record cannot be read, or `out` cannot be written.
pub fn export(store: &Store, format: Format, out: impl Write) -> Result<()> {
    let mut out = BufWriter::new(out);
    let mut written = Ok(());
    for (number, job) in store.each(None).enumerate() {
        let job = job?;
        written = match format {
            Format::Csv => in_csv(row(&job), number == 0).and_then(|lines| out.write_all(&lines)),
            Format::Json => cells(&job, &mut serde_json::Serializer::new(&mut out))
                .map_err(io::Error::from)
                .and_then(|()| writeln!(out)),
        };
        if written.is_err() {
            break;
        }
    }
    match written.and_then(|()| out.flush()) {
        Err(reason) if reason.kind() != io::ErrorKind::BrokenPipe => Err(Failure::other("export", reason.to_string())),
        _ => Ok(()),
    }
}

impl Store {
    /// All jobs by their numbers, or those in a state, read so many at a time.
    pub(super) fn each(&self, state: Option<State>) -> impl Iterator<Item = Result<Job>> {
        const PAGE: i64 = 500;
        let (mut behind, mut page) = (0, Vec::new().into_iter());
        std::iter::from_fn(move || {
            if page.as_slice().is_empty() {
                let read = state.map_or_else(|| self.jobs(behind, PAGE), |state| self.in_state(state, behind, PAGE));
                match read {
                    Ok(jobs) => page = jobs.into_iter(),
                    Err(failure) => return Some(Err(failure)),
                }
            }
            let job: Job = page.next()?;
            behind = job.id;
            Some(Ok(job))
        })
    }
}

/// The cells of a job as the fields of an object.
pub(super) fn cells<S: Serializer>(job: &Job, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(row(job))
}

fn row(job: &Job) -> [(&'static str, Value); 19] {
    [
        ("job", json!(job.id)),
        ("batch", json!(job.batch)),
        ("line", json!(job.line)),
        ("name", json!(job.name)),
        ("state", json!(job.state)),
        ("external_id", json!(job.external_id)),
        ("task_id", json!(job.task_id)),
        ("estimate", json!(job.estimate)),
        ("booked", json!(job.booked)),
        ("output", json!(job.output.to_string_lossy())),
        ("file_size", json!(job.file_size)),
        ("file_sha256", json!(job.file_sha256)),
        ("expires_at_ms", json!(job.expires_at)),
        ("request_hash", json!(job.request_hash)),
        ("retry_of", json!(job.retry_of)),
        ("replaced_by", json!(job.replaced_by)),
        ("note", json!(job.note)),
        ("operation", json!(job.operation)),
        ("account", json!(job.account)),
    ]
}

fn in_csv(row: [(&str, Value); 19], with_header: bool) -> io::Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    if with_header {
        csv.write_record(row.iter().map(|(name, _)| *name))?;
    }
    csv.write_record(row.map(|(_, cell)| match cell {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        Value::String(text) => text,
        other => other.to_string(),
    }))?;
    csv.into_inner().map_err(csv::IntoInnerError::into_error)
}
