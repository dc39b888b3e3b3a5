//! The contents of the record, for people and for programs: totals, what needs attention, what expires soon.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

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

/// Number of jobs in each state, in the order of a job's life.
pub type Jobs = BTreeMap<State, i64>;

#[derive(Serialize)]
pub struct Status {
    pub jobs: Jobs,
    pub booked: Units,
    #[serde(skip_serializing_if = "Option::is_none")]
    booked_in_money: Option<String>,
    accounts: Vec<AccountStatus>,
    pub batches: Vec<BatchStatus>,
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

#[derive(Serialize)]
pub struct BatchStatus {
    #[serde(flatten)]
    batch: Batch,
    jobs: Jobs,
    /// Expected cost of its jobs that are not submitted.
    to_come: Units,
    /// Whether its budget holds none of these.
    pub stopped: bool,
    hint: Option<String>,
}

/// A job that needs attention, and what to do.
#[derive(Serialize)]
pub struct Attention {
    #[serde(flatten)]
    pub job: Job,
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
            let hint = account.filter(|today| *today != id && open > 0).map(|_| {
                format!(
                    "its open jobs go on with its own key and gateway alone. If it has today's key and gateway now: \
                     {command} --same {id}. To submit the rest at today's account: {command} --submit-here"
                )
            });
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
            let at = job.expires_at?;
            let verb = if at <= millis(now) { "expired" } else { "expires" };
            let hint = format!("its output {verb} at {}; to download it: kling batch resume {record}", date(at));
            Some(Attention { job, hint })
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

    pub fn count(&self, state: State) -> i64 {
        self.jobs.get(&state).copied().unwrap_or_default()
    }
}

pub(super) fn by_state<'a>(counts: impl IntoIterator<Item = &'a Count>) -> Jobs {
    let mut jobs = Jobs::new();
    counts.into_iter().for_each(|count| *jobs.entry(count.state).or_default() += count.jobs);
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
        Some(Self { job, hint })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let money = with(" (", self.booked_in_money.as_ref(), ")");
        writeln!(f, "{}; {} units booked{money}", in_words(&self.jobs), self.booked)?;
        for AccountStatus { account, max_running, allowed, running, open, hint } in &self.accounts {
            let Account { id, base_url, fingerprint } = account;
            let more = with("; the gateway refused more, and up to ", Some(max_running), " are tried again");
            let (more, hint) = (if allowed < max_running { &more } else { "" }, with("\n  ", hint.as_ref(), ""));
            let places = format!("{open} open, {running} of {allowed} places taken{more}");
            writeln!(f, "account {id} ({base_url}, key {fingerprint}): {places}{hint}")?;
        }
        for BatchStatus { batch, jobs, to_come, stopped, hint } in &self.batches {
            let Batch { id, name, booked, budget, .. } = batch;
            let to_come = with(", about ", Some(to_come).filter(|units| **units > Units::default()), " to come");
            let stop = if *stopped { ", stopped: the next job would pass its budget of " } else { ", budget " };
            let (budget, hint) = (with(stop, budget.as_ref(), ""), with("\n  ", hint.as_ref(), ""));
            writeln!(f, "batch {id} ({name}): {}; {booked} units booked{to_come}{budget}{hint}", in_words(jobs))?;
        }
        for Attention { job, hint } in self.attention.iter().chain(&self.expiring) {
            let Job { id, line, state, external_id, .. } = job;
            let (task, note) = (with(", task ", job.task_id.as_ref(), ""), with(": ", job.note.as_ref(), ""));
            writeln!(f, "job {id} (line {line}): {state}, external id {external_id}{task}{note}\n  {hint}")?;
        }
        Ok(())
    }
}

fn with(before: &str, text: Option<impl fmt::Display>, behind: &str) -> String {
    text.map(|text| format!("{before}{text}{behind}")).unwrap_or_default()
}

fn in_words(jobs: &Jobs) -> String {
    let counts: Vec<_> = jobs.iter().map(|(state, count)| format!("{count} {state}")).collect();
    if counts.is_empty() { "no jobs".to_owned() } else { counts.join(", ") }
}
