//! A manifest into the record: every line is checked before the first is written, and nothing is paid by either.
//!
//! The manifest is read twice, some hundred lines at a time: once to find all that is wrong, once to write the intents.
//! Work that was asked for before is left out, unless the user insists.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

use serde::Serialize;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};
use crate::manifest::{Entry as Line, Fault, Manifest};
use crate::pictures::Pictures;
use crate::prices::{ADD, Prices};
use crate::record::{Job, Key, NewJob};
use crate::request::hash_text;
use crate::state::State;
use crate::store::Store;
use crate::units::Units;

/// The estimate of a job without a known price, which no budget can hold.
const UNKNOWN: Units = Units::from_thousandths(0);

/// So many lines are in memory at a time, and written in one transaction.
const CHUNK: usize = 500;

/// How a manifest is added.
pub struct Add<'a> {
    /// The manifest.
    pub manifest: &'a Path,
    /// The folder for the videos.
    pub out: &'a Path,
    /// What its batch may book.
    pub budget: Option<Units>,
    /// What a job is expected to cost.
    pub prices: &'a Prices,
    /// Whether work that was asked for before is asked for again.
    pub again: bool,
    /// Only look: write nothing.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Added {
    /// The batch, if anything was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<i64>,
    /// How many jobs are new.
    pub jobs: u64,
    /// How many lines ask for work that was asked for before.
    pub known: u64,
    /// What the new jobs are expected to cost.
    pub estimate: Units,
    /// How many of them have no known price, and are not in the estimate.
    #[serde(skip_serializing_if = "is_zero")]
    pub unpriced: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What is told of a line.
pub enum Told<'a> {
    /// It is wrong.
    Fault(&'a Fault),
    /// It would be sent.
    New(&'a NewJob),
    /// It asks for work that was asked for before.
    Known(u64, &'a Job),
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Told::Fault(fault) => {
                let lines = fault.reasons.iter().map(|reason| format!("line {}: {reason}", fault.line));
                f.write_str(&lines.collect::<Vec<_>>().join("\n"))
            }
            Told::New(job) => {
                let name = job.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
                match job.estimate {
                    UNKNOWN => write!(f, "line {}{name}: no known price, {}", job.line, job.output),
                    units => write!(f, "line {}{name}: {units} units, {}", job.line, job.output),
                }
            }
            Told::Known(line, job) => {
                let task = job.task_id.as_deref().unwrap_or("without an id yet");
                let id = job.id;
                match job.state {
                    State::Delivered => write!(f, "line {line}: already paid: task {task}, file {}", job.output),
                    State::Accepted | State::Finished => {
                        write!(f, "line {line}: already paid: task {task}, job {id}, which is to write {}", job.output)
                    }
                    State::Ambiguous => write!(f, "line {line}: may be paid already: job {id} is ambiguous"),
                    _ => write!(f, "line {line}: already asked for by job {id}"),
                }
            }
        }
    }
}

impl Add<'_> {
    /// Adds it, and tells of lines on the way: of all that are wrong; of those that are known; in a dry run of the new.
    ///
    /// # Errors
    /// `Invalid` if any line is wrong; then nothing was written. Those of the database.
    pub async fn run(&self, store: &Store, mut tell: impl FnMut(Told<'_>)) -> Result<Added> {
        let checked = self.check(store, &mut tell).await?;
        if self.dry_run || checked.jobs == 0 {
            return Ok(checked);
        }
        let name = self.manifest.file_name().unwrap_or_default().to_string_lossy();
        let folder = std::path::absolute(self.out).map_err(|reason| Error::other("add", reason))?;
        let batch = store.new_batch(&name, self.budget, Some(&folder)).await?;
        let mut added = Added { batch: Some(batch), ..Added::default() };
        let mut reader = Reader::open(self.manifest)?;
        while let Some(lines) = reader.next().await? {
            let mut jobs = Vec::with_capacity(lines.len());
            for line in lines {
                jobs.push(self.job(line).map_err(|fault| {
                    let message = format!("the manifest changed while it was read: {}", Told::Fault(&fault));
                    Error::invalid("add", message).with_hint(format!("{} jobs were added to batch {batch}", added.jobs))
                })?);
            }
            added.unpriced = checked.unpriced;
            let (count, sum) = (jobs.len() as u64, jobs.iter().map(|job| job.estimate).sum::<Units>());
            let known = store.insert(batch, jobs, !self.again).await?;
            let left_out: Units = known.iter().map(|(job, _)| job.estimate).sum();
            added.jobs += count - known.len() as u64;
            added.known += known.len() as u64;
            added.estimate = added.estimate + Units::from_thousandths(sum.thousandths() - left_out.thousandths());
        }
        Ok(added)
    }

    async fn check(&self, store: &Store, tell: &mut impl FnMut(Told<'_>)) -> Result<Added> {
        let (mut found, mut faults) = (Added::default(), 0u64);
        // What no two lines may share, cut to what tells any two of a manifest apart.
        let (mut works, mut outputs, mut ids) = (Seen::default(), Seen::default(), Seen::default());
        let mut prices = HashSet::new();
        let mut reader = Reader::open(self.manifest)?;
        while let Some(lines) = reader.next().await? {
            let jobs: Vec<_> = lines
                .into_iter()
                .map(|line| {
                    let has_output = line.as_ref().is_ok_and(|checked| checked.entry.output.is_some());
                    (self.job(line), has_output)
                })
                .collect();
            let values = |of: fn(&NewJob) -> Option<&str>| -> Vec<_> {
                jobs.iter().filter_map(|(job, _)| of(job.as_ref().ok()?)).collect()
            };
            let ordered = if self.again { Vec::new() } else { values(|job| Some(&job.request_hash)) };
            let ordered = store.same(&ordered).await?;
            let written = store.known(Key::Output, &values(|job| Some(&job.output))).await?;
            let used = store.known(Key::ExternalId, &values(|job| job.external_id.as_deref())).await?;
            for (job, has_output) in jobs {
                let job = match job {
                    Ok(job) => job,
                    Err(fault) => {
                        faults += 1;
                        // A price that is missing in many lines is reported once.
                        let is_new = fault
                            .reasons
                            .iter()
                            .any(|reason| !reason.starts_with("price: ") || prices.insert(reason.clone()));
                        if is_new {
                            tell(Told::Fault(&fault));
                        }
                        continue;
                    }
                };
                let number = u64::try_from(job.line).unwrap_or_default();
                let mut reasons = Vec::new();
                if !self.again {
                    if let Some(same) = ordered.get(&job.request_hash) {
                        found.known += 1;
                        tell(Told::Known(number, same));
                        continue;
                    }
                    if works.before(short(&job.request_hash), job.line).is_some() {
                        found.known += 1;
                        continue;
                    }
                }
                if let Some(other) = outputs.before(short(&hash_text(&job.output)), job.line)
                    && has_output
                {
                    reasons.push(format!("output: expected a file for each line, given that of line {other}"));
                }
                if !written.contains_key(&job.output) && std::fs::symlink_metadata(&job.output).is_ok() {
                    reasons.push(format!(
                        "output: expected a file that can be made, given {}: it exists and is kept",
                        job.output
                    ));
                }
                if let Some(id) = &job.external_id {
                    if used.contains_key(id) {
                        reasons.push("external_id: expected one never used before, given one that was".to_owned());
                    }
                    if let Some(other) = ids.before(short(&hash_text(id)), job.line) {
                        reasons.push(format!("external_id: expected one for each line, given that of line {other}"));
                    }
                }
                if reasons.is_empty() {
                    found.jobs += 1;
                    found.unpriced += u64::from(job.estimate == UNKNOWN);
                    found.estimate = found.estimate + job.estimate;
                    if self.dry_run {
                        tell(Told::New(&job));
                    }
                } else {
                    faults += 1;
                    tell(Told::Fault(&Fault { line: number, reasons }));
                }
            }
        }
        match faults {
            0 => Ok(found),
            _ => {
                let message = format!("{faults} lines of {} are not valid", self.manifest.display());
                let hint = "nothing was added and nothing was sent; correct them";
                let hint = if prices.is_empty() { hint.to_owned() } else { format!("{hint}; {ADD}") };
                Err(Error::invalid("add", message).with_hint(hint))
            }
        }
    }
}
