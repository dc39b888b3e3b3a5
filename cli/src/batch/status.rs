//! The contents of the record, for people and for programs: totals, what needs attention, what expires soon.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::export::cells;
use super::prices::Prices;
use super::record::{Account, Batch, Count, Job, millis};
use super::state::State;
use super::store::Store;
use super::units::Units;
use crate::failure::Result;
use crate::next::quoted;

/// Outputs that expire within this time are listed.
const SOON: Duration = Duration::from_secs(7 * 24 * 3600);
/// The most jobs that are listed of each kind; the export has all of them.
const LISTED: usize = 100;

/// The contents of the record.
#[derive(Serialize)]
pub struct Status {
    /// Number of jobs in each state.
    pub jobs: BTreeMap<&'static str, i64>,
    /// What all jobs book.
    pub booked: Units,
    #[serde(skip_serializing_if = "Option::is_none")]
    booked_in_money: Option<String>,
    accounts: Vec<AccountStatus>,
    /// The batches.
    pub batches: Vec<BatchStatus>,
    /// Jobs that need attention.
    pub attention: Vec<Attention>,
    /// Jobs with outputs that are not downloaded and expire soon.
    pub expiring: Vec<Attention>,
}

#[derive(Serialize)]
struct AccountStatus {
    #[serde(flatten)]
    account: Account,
    /// Limit of running tasks, as the user sets it.
    max_running: i64,
    /// Limit of running tasks, as the gateway allows it.
    allowed: i64,
    running: i64,
    /// Number of jobs that go on at this account alone, submitted or not.
    open: i64,
    hint: Option<String>,
}

/// A batch.
#[derive(Serialize)]
pub struct BatchStatus {
    #[serde(flatten)]
    batch: Batch,
    jobs: BTreeMap<&'static str, i64>,
    /// Expected cost of its jobs that are not submitted.
    to_come: Units,
    /// Whether its budget holds none of these.
    pub stopped: bool,
    hint: Option<String>,
}

/// A job that needs attention; in JSON, as in the export.
#[derive(Serialize)]
pub struct Attention {
    #[serde(flatten, serialize_with = "cells")]
    pub(super) job: Job,
    /// Its state.
    #[serde(skip)]
    pub state: State,
    /// What to do.
    pub hint: String,
}

impl Status {
    /// Reads the record, at a date and for the account of today's key and gateway, if there is one.
    ///
    /// # Errors
    /// `Other` if the record cannot be read.
    pub fn read(store: &Store, prices: &Prices, account: Option<i64>, now: SystemTime) -> Result<Self> {
        let (counts, capped, batches) = (store.counts()?, store.capped()?, store.batches()?);
        let record = quoted(&store.path().to_string_lossy());
        let accounts = store.accounts()?.into_iter().map(|known| {
            let (places, running) = store.places(known.id)?;
            // What is submitted goes on where it was, and the rest of a batch where its first job was.
            let is_here = |count: &&Count| match count.state {
                State::Intended => batches.iter().any(|b| b.id == count.batch && b.account == Some(known.id)),
                state => is_open(state) && count.account == Some(known.id),
            };
            let open = counts.iter().filter(is_here).map(|count| count.jobs).sum();
            let (id, command) = (known.id, format!("kling batch account {record}"));
            let hint = format!(
                "its open jobs go on with its own key and gateway alone. If it has today's key and gateway now: {command} \
                 --same {id}. To submit the rest at today's account: {command} --submit-here"
            );
            let hint = account.filter(|today| *today != id && open > 0).map(|_| hint);
            let (max_running, allowed) = (places.most, places.allowed.min(places.most));
            Ok(AccountStatus { account: known, max_running, allowed, running, open, hint })
        });
        let accounts = accounts.collect::<Result<_>>()?;
        let mut attention = Vec::new();
        for state in [State::Ambiguous, State::Failed, State::Finished, State::Accepted] {
            let jobs = store.each(Some(state));
            let found = jobs.filter_map(|job| job.map(|job| Attention::of(job, &record)).transpose());
            attention.extend(found.take(LISTED).collect::<Result<Vec<_>>>()?);
        }
        let expiring = store.expiring(millis(now + SOON), LISTED as i64)?.into_iter().filter_map(|job| {
            let verb = if job.expires_at? <= millis(now) { "expired" } else { "expires" };
            let date = date(job.expires_at?);
            let hint = format!("its output {verb} at {date}; to download it: kling batch resume {record}");
            Some(Attention { state: job.state, job, hint })
        });
        let expiring = expiring.collect();
        let batches = batches.into_iter().map(|batch| {
            let counts = counts.iter().filter(|count| count.batch == batch.id);
            let intended = counts.clone().filter(|count| count.state == State::Intended);
            let (to_come, jobs) = (intended.map(|count| count.estimate).sum(), by_state(counts));
            let stopped = capped.contains(&batch.id);
            let raise = format!("to raise it: kling batch resume {record} --batch {} --budget UNITS", batch.id);
            BatchStatus { batch, jobs, to_come, stopped, hint: stopped.then_some(raise) }
        });
        let (batches, jobs) = (batches.collect(), by_state(&counts));
        let booked = counts.iter().map(|count| count.booked).sum();
        Ok(Self { jobs, booked, booked_in_money: prices.in_money(booked), accounts, batches, attention, expiring })
    }

    /// Number of jobs in a state.
    pub fn count(&self, state: State) -> i64 {
        self.jobs.get(state.as_str()).copied().unwrap_or_default()
    }
}

fn by_state<'a>(counts: impl IntoIterator<Item = &'a Count>) -> BTreeMap<&'static str, i64> {
    let mut jobs = BTreeMap::new();
    counts.into_iter().for_each(|count| *jobs.entry(count.state.as_str()).or_default() += count.jobs);
    jobs
}

/// Whether a job in this state goes on.
pub(super) fn is_open(state: State) -> bool {
    !matches!(state, State::Delivered | State::Failed | State::Dropped)
}

/// A date of the record, as RFC 3339, which ends with the year 9999.
pub(super) fn date(millis: i64) -> String {
    let since = Duration::from_millis(u64::try_from(millis).unwrap_or_default().min(253_402_300_799_999));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

impl Attention {
    /// A job that needs attention; `record` is its path in the commands of the hint.
    pub(super) fn of(job: Job, record: &str) -> Option<Self> {
        let (id, external) = (job.id, &job.external_id);
        let hint = match (job.state, job.replaced_by) {
            (State::Ambiguous, Some(by)) => format!("retried as job {by}; if its own task is found, both are charged"),
            (State::Ambiguous, None) => format!(
                "a task may exist and be charged; each run looks it up. If the gateway surely has none for {external}: kling \
                 batch retry {record} {id} --yes, a double charge if it has one"
            ),
            (State::Failed, None) => format!("no charge is known; to retry: kling batch retry {record} {id}"),
            (State::Finished | State::Accepted, _) if job.note.is_some() => {
                format!("charged and not downloaded; to go on: kling batch resume {record}")
            }
            _ => return None,
        };
        Some(Self { state: job.state, job, hint })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_order = |jobs: &BTreeMap<&'static str, i64>| {
            let known = |state: State| Some(format!("{} {state}", jobs.get(state.as_str())?));
            let counts: Vec<_> = State::ALL.into_iter().filter_map(known).collect();
            if counts.is_empty() { "no jobs".to_owned() } else { counts.join(", ") }
        };
        let with = |before: &str, text: &Option<String>, behind: &str| {
            text.as_ref().map(|text| format!("{before}{text}{behind}")).unwrap_or_default()
        };
        let money = with(" (", &self.booked_in_money, ")");
        writeln!(f, "{}; {} units booked{money}", in_order(&self.jobs), self.booked)?;
        for AccountStatus { account, max_running, allowed, running, open, hint } in &self.accounts {
            let Account { id, base_url, fingerprint } = account;
            write!(
                f,
                "account {id} ({base_url}, key {fingerprint}): {open} open, {running} of {allowed} places taken"
            )?;
            if allowed < max_running {
                write!(f, "; the gateway refused more, and up to {max_running} are tried again")?;
            }
            writeln!(f, "{}", with("\n  ", hint, ""))?;
        }
        for BatchStatus { batch, jobs, to_come, stopped, hint } in &self.batches {
            write!(f, "batch {} ({}): {}; {} units booked", batch.id, batch.name, in_order(jobs), batch.booked)?;
            if *to_come > Units::default() {
                write!(f, ", about {to_come} to come")?;
            }
            if let Some(budget) = batch.budget {
                let stop = if *stopped { ", stopped: the next job would pass its budget of" } else { ", budget" };
                write!(f, "{stop} {budget}")?;
            }
            writeln!(f, "{}", with("\n  ", hint, ""))?;
        }
        for Attention { job, state, hint } in self.attention.iter().chain(&self.expiring) {
            let (task, note) = (with(", task ", &job.task_id, ""), with(": ", &job.note, ""));
            writeln!(
                f,
                "job {} (line {}): {state}, external id {}{task}{note}\n  {hint}",
                job.id, job.line, job.external_id
            )?;
        }
        Ok(())
    }
}
