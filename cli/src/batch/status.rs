//! What stands in the record, for people and for programs: totals, what needs somebody, what vanishes soon.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::error::Result;
use crate::prices::Prices;
use crate::record::{Job, millis};
use crate::state::State;
use crate::store::Store;
use crate::units::Units;

/// A video that vanishes within this time is told of.
const SOON: Duration = Duration::from_secs(7 * 24 * 3600);
/// So many jobs are listed of each sort; all of them are in the export.
const LISTED: i64 = 100;

/// What stands in the record.
#[derive(Debug, Serialize)]
pub struct Status {
    /// How many jobs are in each state.
    pub jobs: BTreeMap<&'static str, i64>,
    /// What all have booked.
    pub booked: Units,
    /// The same in money, if the table of prices says what a unit costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booked_in_money: Option<String>,
    /// The most tasks that may run, by the user's word.
    pub max_running: i64,
    /// The most tasks that may run, by what the gateway was seen to let.
    pub allowed: i64,
    /// How many run.
    pub running: i64,
    /// The batches.
    pub batches: Vec<BatchStatus>,
    /// Jobs that need somebody, and what to do.
    pub attention: Vec<Attention>,
    /// Videos that are not here and vanish soon.
    pub expiring: Vec<Expiring>,
}

/// One batch.
#[derive(Debug, Serialize)]
pub struct BatchStatus {
    /// Its number.
    pub id: i64,
    /// Its manifest's name.
    pub name: String,
    /// How many jobs are in each state.
    pub jobs: BTreeMap<&'static str, i64>,
    /// What it has booked.
    pub booked: Units,
    /// What is still to be sent is expected to cost.
    pub to_come: Units,
    /// The most that it may book.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Units>,
    /// Whether it stands because the next job would pass its budget.
    pub stopped: bool,
}

/// A job that needs somebody.
#[derive(Debug, Serialize)]
pub struct Attention {
    /// The job.
    pub job: i64,
    /// Its line in the manifest.
    pub line: i64,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it stands.
    pub state: State,
    /// The id under which it was ordered.
    pub external_id: String,
    /// Its task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// What was said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What to do.
    pub hint: String,
}

/// A video that is not here and vanishes soon.
#[derive(Debug, Serialize)]
pub struct Expiring {
    /// The job.
    pub job: i64,
    /// The file that it is to be.
    pub output: String,
    /// When it vanishes.
    pub expires_at: String,
    /// Whether it has.
    pub expired: bool,
}

impl Status {
    /// Reads the record at a moment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn read(store: &Store, prices: &Prices, now: SystemTime) -> Result<Self> {
        let (counts, capped) = (store.counts().await?, store.capped().await?);
        let (places, running) = store.places().await?;
        let mut jobs = BTreeMap::new();
        for count in &counts {
            *jobs.entry(count.state.as_str()).or_default() += count.jobs;
        }
        let booked: Units = counts.iter().map(|count| count.booked).sum();
        let batches = store.batches().await?.into_iter().map(|batch| {
            let counts = counts.iter().filter(|count| count.batch == batch.id);
            let intended = counts.clone().filter(|count| count.state == State::Intended);
            BatchStatus {
                jobs: counts.map(|count| (count.state.as_str(), count.jobs)).collect(),
                to_come: intended.map(|count| count.estimate).sum(),
                stopped: capped.contains(&batch.id),
                id: batch.id,
                name: batch.name,
                booked: batch.booked,
                budget: batch.budget,
            }
        });
        let batches = batches.collect();
        let mut attention = Vec::new();
        for state in [State::Ambiguous, State::Failed, State::Finished, State::Accepted] {
            let listed = store.in_state(state, 0, LISTED).await?;
            attention.extend(listed.into_iter().filter_map(Attention::of));
        }
        let soon = millis(now + SOON);
        let expiring = store.expiring(soon, LISTED).await?.into_iter().filter_map(|job| {
            let at = job.expires_at?;
            let date = UNIX_EPOCH + Duration::from_millis(u64::try_from(at).ok()?);
            let expires_at = humantime::format_rfc3339_seconds(date).to_string();
            Some(Expiring { job: job.id, output: job.output, expires_at, expired: at <= millis(now) })
        });
        Ok(Self {
            jobs,
            booked,
            booked_in_money: prices.in_money(booked),
            max_running: places.most,
            allowed: places.allowed.min(places.most),
            running,
            batches,
            attention,
            expiring: expiring.collect(),
        })
    }

    /// How many jobs are in a state.
    pub fn count(&self, state: State) -> i64 {
        self.jobs.get(state.as_str()).copied().unwrap_or_default()
    }
}

impl Attention {
    pub(crate) fn of(job: Job) -> Option<Self> {
        let (id, external) = (job.id, &job.external_id);
        let hint = match job.state {
            _ if job.replaced_by.is_some() && job.state == State::Failed => return None,
            State::Ambiguous => match job.replaced_by {
                Some(by) => format!("ordered anew as job {by}; if its task is found, both are paid"),
                None => format!(
                    "a task may exist and be paid: each run looks for it. Ask the gateway for {external}; if there is surely \
                     none, retry --yes {id}, which pays twice if there is one"
                ),
            },
            State::Failed => format!("nothing is charged for it as far as is known; retry {id} orders it anew"),
            State::Finished | State::Accepted if job.note.is_some() => {
                "paid and not here; resume tries again".to_owned()
            }
            _ => return None,
        };
        let Job { line, name, state, external_id, task_id, note, .. } = job;
        Some(Self { job: id, line, name, state, external_id, task_id, note, hint })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_order = |jobs: &BTreeMap<&'static str, i64>| {
            let counts =
                State::ALL.into_iter().filter_map(|state| Some(format!("{} {state}", jobs.get(state.as_str())?)));
            counts.collect::<Vec<_>>().join(", ")
        };
        let jobs = in_order(&self.jobs);
        writeln!(f, "{}", if jobs.is_empty() { "no jobs" } else { &jobs })?;
        let money = self.booked_in_money.as_deref().map(|money| format!(" ({money})")).unwrap_or_default();
        writeln!(f, "{} units booked{money}; {} of {} places taken", self.booked, self.running, self.allowed)?;
        if self.allowed < self.max_running {
            writeln!(
                f,
                "the gateway refused more than {} at a time; {} may be tried again",
                self.allowed, self.max_running
            )?;
        }
        for batch in &self.batches {
            write!(f, "batch {} ({}): {}; {} units booked", batch.id, batch.name, in_order(&batch.jobs), batch.booked)?;
            if batch.to_come > Units::default() {
                write!(f, ", about {} to come", batch.to_come)?;
            }
            match (batch.budget, batch.stopped) {
                (Some(budget), true) => writeln!(
                    f,
                    ", stopped: the next job would pass its budget of {budget}; resume --batch {} --budget UNITS raises it",
                    batch.id
                )?,
                (Some(budget), false) => writeln!(f, ", at most {budget}")?,
                (None, _) => writeln!(f)?,
            }
        }
        for Attention { job, line, state, external_id, task_id, note, hint, .. } in &self.attention {
            let task = task_id.as_deref().map(|task| format!(", task {task}")).unwrap_or_default();
            write!(f, "job {job} (line {line}): {state}, external id {external_id}{task}")?;
            if let Some(note) = note {
                write!(f, ": {note}")?;
            }
            writeln!(f, "\n  {hint}")?;
        }
        for Expiring { job, output, expires_at, expired } in &self.expiring {
            let verb = if *expired { "vanished at" } else { "vanishes at" };
            writeln!(f, "job {job}: its video {verb} {expires_at} and is not in {output}; resume fetches it")?;
        }
        Ok(())
    }
}
