//! Adds a manifest to the record: every line is checked before the first is added, and nothing is paid by either.

use serde::Serialize;

use super::{Job, Lines, NewBatch, NewJob, Plan, Prices, Source, State, Store, Units};
use crate::failure::{Failure, Result};

/// How a manifest is added.
pub struct Add<'a> {
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
    pub jobs: i64,
    /// Number of lines left out, as their work has a job.
    pub known: i64,
    /// Expected cost of the jobs.
    pub estimate: Units,
    /// Number of jobs without a known price, which are not in the estimate.
    #[serde(skip_serializing_if = "is_zero")]
    pub unpriced: i64,
    #[serde(skip)]
    pub sources: Vec<Source>,
}

fn is_zero(count: &i64) -> bool {
    *count == 0
}

impl Add<'_> {
    fn lines<'a>(&'a self, may_exist: impl FnMut(&NewJob) -> bool + Send + 'a) -> Result<Lines<'a>> {
        let mut lines = self.plan.open()?;
        (lines.again, lines.may_exist) = (self.again, Box::new(may_exist));
        Ok(lines)
    }

    /// Checks every line, and reports lines: all faults, and lines that are known; with `all` also the new ones.
    ///
    /// # Errors
    /// `Invalid` if any line has a fault.
    pub fn check(&self, store: &Store, all: bool, mut report: impl FnMut(String)) -> Result<Summary> {
        let (mut found, mut faults, mut no_price) = (Summary::default(), 0u64, false);
        let mut lines = self.lines(|job| store.of_output(&job.output).is_ok_and(|known| known.is_some()))?;
        while let Some(line) = lines.next() {
            let job = match line {
                Ok(job) => job,
                Err(fault) => {
                    faults += 1;
                    no_price |= fault.reasons.iter().any(|reason| reason.starts_with("price: "));
                    report(fault.to_string());
                    continue;
                }
            };
            if !self.again
                && let Some(same) = store.same(&job.request_hash)?
            {
                found.known += 1;
                report(format!("line {}: {}", job.line, known(&same)));
            } else if !self.again && lines.repeats.is_some() {
                found.known += 1;
            } else if let Some(id) = &job.external_id
                && store.has_external_id(id)?
            {
                faults += 1;
                report(format!("line {}: external_id: expected one never used before, given one that was", job.line));
            } else {
                found.jobs += 1;
                found.unpriced += i64::from(job.estimate == Units::default());
                found.estimate = found.estimate + job.estimate;
                if all {
                    report(new(&job));
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
        let lines = self.lines(|_| true)?;
        let name = self.plan.manifest.file_name().unwrap_or_default().to_string_lossy();
        let (source, out_dir) = (lines.folder.clone(), lines.out_dir.clone());
        let batch = NewBatch { name: &name, budget: self.budget, source: &source, out_dir: &out_dir };
        let changed =
            |fault| Failure::invalid(format!("the manifest changed meanwhile: {fault}")).with_hint("nothing was added");
        let (lines, mut known) = (lines.map(|line| line.map_err(changed)), 0);
        let batch = store.add_batch(&batch, !self.again, lines, |_, _| known += 1)?;
        // Its jobs are all in one state.
        let added = store.counts()?.into_iter().find(|count| count.batch == batch);
        let (jobs, estimate) = added.map(|count| (count.jobs, count.estimate)).unwrap_or_default();
        Ok(Summary { batch: Some(batch), jobs, known, estimate, ..checked })
    }
}

/// A line that would be submitted.
fn new(job: &NewJob) -> String {
    let name = job.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
    let price = match job.estimate {
        units if units == Units::default() => "no known price".to_owned(),
        units => format!("{units} units"),
    };
    format!("line {}{name}: {price}, {}", job.line, job.output.display())
}

/// The job that a line has already.
fn known(Job { id, state, task_id, output, .. }: &Job) -> String {
    let (task, output) = (task_id.as_deref().unwrap_or("without an id yet"), output.display());
    match state {
        State::Delivered => format!("already paid: task {task}, file {output}"),
        State::Accepted | State::Finished => {
            format!("already paid: task {task}, job {id}, which is to write {output}")
        }
        State::Ambiguous => format!("may be paid already: job {id} is ambiguous"),
        _ => format!("already intended: job {id}"),
    }
}
