//! Every job of the record as a table, without prompts and images: CSV, or JSON Lines.
//!
//! A spreadsheet runs a cell that begins like a formula, and texts may come from a gateway or from someone else's manifest.
//! In CSV such a cell gets an apostrophe in front.

use std::io::{self, Write};

use super::record::Job;
use super::state::State;
use super::store::Store;
use crate::failure::{Failure, Result};

/// Format of an export: a table with a header, or a JSON object on each line.
#[derive(Clone, Copy)]
pub enum Format {
    Csv,
    Json,
}

/// Writes every job of the record. A reader that goes away is no failure.
///
/// # Errors
/// `Other` if the record cannot be read, or `out` cannot be written.
pub fn export(store: &Store, format: Format, mut out: impl Write) -> Result<()> {
    for (number, job) in store.each(None).enumerate() {
        let job = job?;
        let lines = match format {
            Format::Csv => in_csv(&job, number == 0),
            Format::Json => {
                serde_json::to_string(&job).map(|json| format!("{json}\n").into_bytes()).map_err(Into::into)
            }
        };
        match lines.and_then(|lines| out.write_all(&lines)) {
            Err(reason) if reason.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(|reason| Failure::other("export", reason.to_string()))?,
        }
    }
    out.flush().map_err(|reason| Failure::other("export", reason.to_string()))
}

fn in_csv(job: &Job, with_header: bool) -> io::Result<Vec<u8>> {
    let mut cells = csv::WriterBuilder::new().has_headers(with_header).from_writer(Vec::new());
    cells.serialize(job)?;
    let cells = cells.into_inner().map_err(csv::IntoInnerError::into_error)?;
    let mut safe = csv::Writer::from_writer(Vec::new());
    for row in csv::ReaderBuilder::new().has_headers(false).from_reader(&cells[..]).records() {
        safe.write_record(row?.iter().map(|cell| match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            true => format!("'{cell}"),
            false => cell.to_owned(),
        }))?;
    }
    safe.into_inner().map_err(csv::IntoInnerError::into_error)
}

impl Store {
    /// All jobs by their numbers, or those in a state, read so many at a time.
    pub(super) fn each(&self, state: Option<State>) -> impl Iterator<Item = Result<Job>> {
        const PAGE: i64 = 500;
        let page = move |behind| self.jobs(state, behind, PAGE);
        let next = move |jobs: &Result<Vec<Job>>| jobs.as_ref().ok()?.last().map(|job| page(job.id));
        let pages = std::iter::successors(Some(page(0)), next);
        pages.flat_map(|page| page.map_or_else(|failure| vec![Err(failure)], |jobs| jobs.into_iter().map(Ok).collect()))
    }
}
