//! Decisions of the workflows, as pure functions: intervals, budget, which line is next.

use std::time::Duration;

use kling_cli::batch::{State, Units, Verdict};
use kling_client::{Error, ErrorKind, Reason};
use serde::{Deserialize, Serialize};

use crate::data::{AccountState, BatchState, Flight, NoTask, Report, Row, Trouble};

/// Look-ups after which an outcome stays unknown until somebody resolves it.
pub const LOOK_UPS: u32 = 6;
/// Look-ups after a doubtful refusal, in more than a minute.
pub const DOUBTS: u32 = 3;
/// Submits in a row, over minutes, that failed and not by Kling's own limits: a gateway that cannot be reached, a folder that is not
/// mounted, a limiter that never opens, an empty balance in unknown words.
pub const FAILURES: u32 = 6;
/// Problems that a batch keeps with their reasons; of the others it keeps the number.
const PROBLEMS: usize = 200;

/// Intervals, in proportion to the expected time of a task.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Pace {
    /// Thousandths of the intervals of a real gateway.
    share: u32,
}

impl Pace {
    /// As in the client, all intervals shrink in proportion where tasks are expected to take less than 40 s.
    pub fn new(expected: Option<Duration>) -> Self {
        let share = expected.map_or(1000, |expected| expected.as_millis() / 40);
        Self { share: u32::try_from(share).unwrap_or(1000).clamp(1, 1000) }
    }

    fn of(self, seconds: u64) -> Duration {
        Duration::from_millis(seconds.saturating_mul(u64::from(self.share.max(1))))
    }

    /// Pause before a retry: 5 s, doubled with each one up to 5 minutes, and at least as long as the response says.
    pub fn pause(self, earlier: u32, least: Duration) -> Duration {
        grown(self.of(5), earlier).max(least)
    }

    /// Pause before a look-up: 30 s, doubled with each one.
    pub fn look_up(self, earlier: u32) -> Duration {
        grown(self.of(30), earlier)
    }

    /// Pause before a submit that somebody has to make possible: 5 minutes, doubled with each one up to 80, so that its history
    /// lasts for weeks.
    pub fn halt(self, earlier: u32) -> Duration {
        grown(self.of(300), earlier.min(4))
    }

    /// Timeout between two heartbeats: 60 s, never less than 5 s. A heartbeat costs the server much, and a dead worker is not urgent.
    pub fn heartbeat(self) -> Duration {
        self.of(60).max(Duration::from_secs(5))
    }

    /// Interval at which an account drops videos that no longer run: 10 minutes.
    pub fn sweep(self) -> Duration {
        self.of(600).max(Duration::from_secs(2))
    }
}

/// A pause that doubles with each failure, up to the sixtyfold.
fn grown(first: Duration, failures: u32) -> Duration {
    first.saturating_mul(1 << failures.min(6)).min(first.saturating_mul(60))
}

/// What the error of a submit means.
pub fn no_task(error: &Error) -> NoTask {
    let why = in_short(error);
    match Verdict::on(error.kind(), error.reason(), error.code()) {
        Verdict::Again(_) => {
            let (doubtful, limit) = nature(error.kind(), error.reason(), error.code());
            let least_ms = error.retry_after().map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            NoTask::Again { least_ms, doubtful, limit, why }
        }
        Verdict::HaltModel => NoTask::Halt { model: true, why },
        Verdict::Halt => NoTask::Halt { model: false, why },
        Verdict::Refused => NoTask::Refused(why),
        Verdict::Lost => NoTask::Lost(why),
    }
}

/// What the error of the look-up before a submit means: nothing was submitted.
pub fn not_submitted(error: Error) -> NoTask {
    match no_task(&error) {
        NoTask::Again { least_ms, limit, why, .. } => NoTask::Again { least_ms, doubtful: false, limit, why },
        halt @ NoTask::Halt { .. } => halt,
        NoTask::Refused(why) | NoTask::Lost(why) => NoTask::again(why),
    }
}

/// Whether a task may have been made all the same, and whether it is a limit of Kling's own. A gateway that tries several channels
/// responds with the last one's limit; only Kling's own codes prove that there is no task.
fn nature(kind: ErrorKind, reason: Reason, code: Option<&str>) -> (bool, bool) {
    let is_klings = code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code >= 1000);
    let busy = kind == ErrorKind::Rejected && matches!(reason, Reason::RateLimited | Reason::Overloaded);
    (busy && !is_klings, kind == ErrorKind::Rejected && (is_klings || reason == Reason::ConcurrencyLimit))
}

/// An error in a line. The library's messages have no prompt, key or signed URL.
pub fn in_short(error: &Error) -> String {
    let code = error.code().map(|code| format!("code {code}: ")).unwrap_or_default();
    format!("{}: {code}{}", error.kind(), error.message())
}

impl BatchState {
    /// Reserved units of what runs.
    pub fn reserved(&self) -> i64 {
        self.flying.values().fold(0, |sum, flight| sum.saturating_add(flight.estimate))
    }

    /// Takes the lines to start now, and reserves their units.
    pub fn take(&mut self) -> Vec<Row> {
        let mut rows = Vec::new();
        while let Ok(at) = self.next()
            && let Some(row) = self.queue.remove(at)
        {
            let flight = Flight { line: row.line, kind: row.kind(), estimate: row.estimate, trouble: None };
            self.flying.insert(row.id.clone(), flight);
            rows.push(row);
        }
        rows
    }

    /// The next line to start: the first whose operation and model are not halted. A line that is over the budget lets no
    /// other pass.
    ///
    /// # Errors
    /// Why none is started.
    pub fn next(&self) -> Result<usize, String> {
        let mut halts = self.flying.values().filter_map(|flight| match &flight.trouble {
            Some(Trouble::Halted { model, why }) => Some((model.then_some(&flight.kind), why)),
            _ => None,
        });
        if let Some((_, why)) = halts.clone().find(|(of, _)| of.is_none()) {
            return Err(format!("halted: {why}"));
        }
        let is_halted = |row: &&Row| halts.clone().any(|(of, _)| of == Some(&row.kind()));
        let Some(at) = self.queue.iter().position(|row| !is_halted(&row)) else {
            return Err(halts.next().map_or_else(|| "nothing".to_owned(), |(_, why)| format!("halted: {why}")));
        };
        let booked = self.spent.saturating_add(self.reserved()).saturating_add(self.queue[at].estimate);
        match self.budget {
            _ if self.cancelled => Err("cancelled".to_owned()),
            Some(budget) if booked > budget => {
                let [booked, budget] = [booked, budget].map(Units::from_thousandths);
                Err(format!("budget: line {} would book {booked} of {budget} units", self.queue[at].line))
            }
            _ if self.flying.len() >= self.window => Err(format!("the end of one of {} videos", self.window)),
            _ => Ok(at),
        }
    }

    /// The plan and its byte at which to read on, if more lines are needed.
    pub fn next_page(&self) -> Option<(String, u64)> {
        let needed = self.queue.is_empty() && !self.cancelled && self.flying.len() < self.window;
        self.offset.filter(|_| needed).map(|offset| (self.plan.clone(), offset))
    }

    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.flying.is_empty() && (self.cancelled || self.queue.is_empty() && self.offset.is_none())
    }

    /// Takes the message of a video; one that has ended is counted once.
    pub fn take_report(&mut self, report: Report) {
        let Some(ended) = report.ended else {
            if let Some(flight) = self.flying.get_mut(&report.id) {
                flight.trouble = report.trouble;
            }
            return;
        };
        let Some(flight) = self.flying.remove(&report.id) else { return };
        let booked =
            ended.state.books(Units::from_thousandths(flight.estimate), ended.units.map(Units::from_thousandths));
        self.spent = self.spent.saturating_add(booked.thousandths());
        *self.ended.entry(ended.state).or_default() += 1;
        if ended.state != State::Delivered && self.problems.len() < PROBLEMS {
            self.problems.push((flight.line, ended));
        }
    }

    /// Checks a new budget against what is booked and reserved.
    ///
    /// # Errors
    /// If it is less.
    pub fn check_budget(&self, budget: Option<i64>) -> Result<(), String> {
        let booked = self.spent.saturating_add(self.reserved());
        if budget.is_none_or(|budget| budget >= booked) {
            return Ok(());
        }
        let booked = Units::from_thousandths(booked);
        Err(format!("budget: expected at least the {booked} units that are booked or reserved"))
    }
}

impl AccountState {
    /// The videos to call: those that get a free place now, in the order of their requests, and in a sweep all that have one.
    pub fn calls(&mut self, sweep: bool) -> Vec<(String, bool)> {
        let held = if sweep { self.holders.len() } else { 0 };
        let mut calls: Vec<_> = self.holders.iter().take(held).map(|id| (id.clone(), false)).collect();
        let free = self.limit.saturating_sub(self.holders.len()).min(self.waiting.len());
        for id in self.waiting.drain(..free) {
            self.holders.push(id.clone());
            calls.push((id, true));
        }
        calls
    }
}

#[cfg(test)]
mod tests;
