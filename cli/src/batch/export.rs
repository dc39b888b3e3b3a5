//! The whole record as a table, as CSV or JSON Lines: one row a job, read page by page.
//!
//! A spreadsheet runs a cell of CSV that begins like a formula, and some of the texts come from a gateway or from a
//! manifest of somebody else's. Such a cell gets an apostrophe in front; JSON has the text as it is.

use std::io::Write;

use kling_client::Operation;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::record::Job;
use crate::state::State;
use crate::store::Store;
use crate::units::Units;

/// So many jobs are read in one query.
const PAGE: i64 = 500;

/// The forms of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One table with a header.
    Csv,
    /// One JSON object a line.
    Json,
}

/// A row: no prompt, no picture.
#[derive(Serialize)]
struct Row {
    job: i64,
    batch: i64,
    line: i64,
    name: Option<String>,
    state: State,
    external_id: String,
    task_id: Option<String>,
    estimate: Units,
    booked: Units,
    output: String,
    file_size: Option<i64>,
    file_sha256: Option<String>,
    expires_at_ms: Option<i64>,
    request_hash: String,
    retry_of: Option<i64>,
    replaced_by: Option<i64>,
    note: Option<String>,
    operation: Operation,
}

/// Writes the record.
///
/// # Errors
/// Those of the database, and of what is written to.
pub async fn export(store: &Store, format: Format, mut out: impl Write) -> Result<()> {
    let failed = |reason: &dyn std::fmt::Display| Error::other("export", reason);
    let mut behind = 0;
    let mut csv = csv::WriterBuilder::new().from_writer(Vec::new());
    loop {
        let page = store.jobs(behind, PAGE).await?;
        let Some(last) = page.last() else { return out.flush().map_err(|reason| failed(&reason)) };
        behind = last.id;
        for job in page {
            let row = Row::from(job);
            match format {
                Format::Csv => csv.serialize(row.without_formulas()).map_err(|reason| failed(&reason))?,
                Format::Json => {
                    serde_json::to_writer(&mut out, &row).map_err(|reason| failed(&reason))?;
                    out.write_all(b"\n").map_err(|reason| failed(&reason))?;
                }
            }
        }
        if format == Format::Csv {
            let text = csv.into_inner().map_err(|reason| failed(&reason))?;
            out.write_all(&text).map_err(|reason| failed(&reason))?;
            csv = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        }
    }
}

impl Row {
    /// The same row, with no text that a spreadsheet takes for a formula.
    fn without_formulas(mut self) -> Self {
        let texts = [&mut self.name, &mut self.task_id, &mut self.file_sha256, &mut self.note].into_iter().flatten();
        for text in texts.chain([&mut self.external_id, &mut self.output, &mut self.request_hash]) {
            if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                text.insert(0, '\'');
            }
        }
        self
    }
}

impl From<Job> for Row {
    fn from(job: Job) -> Self {
        Self {
            job: job.id,
            batch: job.batch,
            line: job.line,
            name: job.name,
            state: job.state,
            external_id: job.external_id,
            task_id: job.task_id,
            estimate: job.estimate,
            booked: job.booked,
            output: job.output,
            file_size: job.file_size,
            file_sha256: job.file_sha256,
            expires_at_ms: job.expires_at,
            request_hash: job.request_hash,
            retry_of: job.retry_of,
            replaced_by: job.replaced_by,
            note: job.note,
            operation: job.operation,
        }
    }
}
