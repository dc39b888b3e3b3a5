//! Adds a manifest to the record: every line is checked before the first is added, and nothing is paid by either.

use std::fmt;

use serde::Serialize;

use super::manifest::Fault;
use super::plan::{NewJob, Plan};
use super::prices::{Prices, Source};
use super::record::{Job, Key, NewBatch};
use super::state::State;
use super::store::Store;
use super::units::Units;
use crate::failure::{Failure, Result};

/// So many lines are held against the record in one query.
const CHUNK: usize = 500;

/// How a manifest is added.
pub struct Add<'a> {
    /// The manifest and its checks.
    pub plan: Plan<'a>,
    /// Budget of its batch.
    pub budget: Option<Units>,
    /// Whether work that has a job is added again.
    pub again: bool,
}

/// What was added, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The batch, if one was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<i64>,
    /// Number of jobs.
    pub jobs: u64,
    /// Number of lines left out, as their work has a job.
    pub known: u64,
    /// Expected cost of the jobs.
    pub estimate: Units,
    /// Number of jobs without a known price, which are not in the estimate.
    #[serde(skip_serializing_if = "is_zero")]
    pub unpriced: u64,
    /// Sources of the prices.
    #[serde(skip)]
    pub sources: Vec<Source>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A line of the manifest, to be reported.
pub enum Notice<'a> {
    /// It has faults.
    Fault(&'a Fault),
    /// It would be submitted.
    New(&'a NewJob),
    /// The work of this line has a job.
    Known(i64, &'a Job),
}

impl fmt::Display for Notice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Fault(fault) => {
                let lines = fault.reasons.iter().map(|reason| format!("line {}: {reason}", fault.line));
                f.write_str(&lines.collect::<Vec<_>>().join("\n"))
            }
            Notice::New(job) => {
                let name = job.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
                let output = job.output.display();
                match job.estimate {
                    units if units == Units::default() => {
                        write!(f, "line {}{name}: no known price, {output}", job.line)
                    }
                    units => write!(f, "line {}{name}: {units} units, {output}", job.line),
                }
            }
            Notice::Known(line, job) => {
                let task = job.task_id.as_deref().unwrap_or("without an id yet");
                let (id, output) = (job.id, job.output.display());
                match job.state {
                    State::Delivered => write!(f, "line {line}: already paid: task {task}, file {output}"),
                    State::Accepted | State::Finished => {
                        write!(f, "line {line}: already paid: task {task}, job {id}, which is to write {output}")
                    }
                    State::Ambiguous => write!(f, "line {line}: may be paid already: job {id} is ambiguous"),
                    _ => write!(f, "line {line}: already intended: job {id}"),
                }
            }
        }
    }
}

impl Add<'_> {
    /// Checks every line, and reports lines: all faults, and lines that are known; with `all` also the new ones.
    ///
    /// # Errors
    /// `Invalid` if any line has a fault.
    pub fn check(&self, store: &Store, all: bool, mut report: impl FnMut(Notice<'_>)) -> Result<Summary> {
        let (mut found, mut faults, mut no_price) = (Summary::default(), 0u64, false);
        let has_job = move |job: &NewJob| store.of_output(&job.output).is_ok_and(|known| known.is_some());
        let mut lines = self.plan.open()?;
        lines.again = self.again;
        lines.may_exist = Box::new(has_job);
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            while chunk.len() < CHUNK
                && let Some(line) = lines.next()
            {
                chunk.push((line, lines.repeats.is_some()));
            }
            if chunk.is_empty() {
                break;
            }
            let new = || chunk.iter().filter_map(|(line, _)| line.as_ref().ok());
            let works: Vec<_> = new().map(|job| job.request_hash.as_str()).filter(|_| !self.again).collect();
            let ids: Vec<_> = new().filter_map(|job| job.external_id.as_deref()).collect();
            let (same, used) = (store.same(&works)?, store.known(Key::ExternalId, &ids)?);
            for (line, repeats) in &chunk {
                let fault = match line {
                    Err(fault) => Some(fault.clone()),
                    Ok(job) if same.contains_key(&job.request_hash) => {
                        found.known += 1;
                        report(Notice::Known(job.line, &same[&job.request_hash]));
                        None
                    }
                    Ok(_) if *repeats && !self.again => {
                        found.known += 1;
                        None
                    }
                    Ok(job) if job.external_id.as_ref().is_some_and(|id| used.contains_key(id)) => {
                        let reason = "external_id: expected one never used before, given one that was";
                        let line = u64::try_from(job.line).unwrap_or_default();
                        Some(Fault { line, reasons: vec![reason.to_owned()] })
                    }
                    Ok(job) => {
                        found.jobs += 1;
                        found.unpriced += u64::from(job.estimate == Units::default());
                        found.estimate = found.estimate + job.estimate;
                        if all {
                            report(Notice::New(job));
                        }
                        None
                    }
                };
                if let Some(fault) = fault {
                    faults += 1;
                    no_price |= fault.reasons.iter().any(|reason| reason.starts_with("price: "));
                    report(Notice::Fault(&fault));
                }
            }
        }
        if faults == 0 {
            found.sources = lines.sources.into_iter().collect();
            return Ok(found);
        }
        let message = format!("{faults} lines of {} have faults", self.plan.manifest.display());
        let failure = Failure::invalid(message).with_hint("nothing was added and nothing submitted; correct them");
        Err(if no_price { failure.with_hint(Prices::ADD) } else { failure })
    }

    /// Adds what was checked, in one batch.
    ///
    /// # Errors
    /// `Invalid` if the manifest changed meanwhile; then nothing was added.
    pub fn insert(&self, store: &Store, checked: Summary) -> Result<Summary> {
        let mut lines = self.plan.open()?;
        lines.again = self.again;
        lines.may_exist = Box::new(|_| true);
        let name = self.plan.manifest.file_name().unwrap_or_default().to_string_lossy();
        let (source, out_dir) = (lines.folder.clone(), lines.out_dir.clone());
        let batch = NewBatch { name: &name, budget: self.budget, source: &source, out_dir: &out_dir };
        let mut added = Summary { unpriced: checked.unpriced, sources: checked.sources, ..Summary::default() };
        let new = lines.map(|line| {
            line.inspect(|job| {
                added.jobs += 1;
                added.estimate = added.estimate + job.estimate;
            })
            .map_err(|fault| {
                Failure::invalid(format!("the manifest changed meanwhile: {}", Notice::Fault(&fault)))
                    .with_hint("nothing was added")
            })
        });
        let (mut known, mut left_out) = (0, Units::default());
        added.batch = Some(store.add_batch(&batch, !self.again, new, |job, _| {
            known += 1;
            left_out = left_out + job.estimate;
        })?);
        added.estimate = Units::from_thousandths(added.estimate.thousandths() - left_out.thousandths());
        Ok(Summary { jobs: added.jobs - known, known, ..added })
    }
}
