//! Progress of a batch, as the record has it: on a terminal a bar for each running job and one for all, elsewhere a plain line
//! once in a while.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime};

use super::record::{Count, Job, millis};
use super::state::State;
use super::store::Store;
use super::units::Units;
use crate::progress::{Bar, clock, waited};
use crate::terminal::Terminal;

/// Interval of the bars' updates.
const TICK: Duration = Duration::from_millis(500);
/// Interval of lines where there are no bars.
const LINE: Duration = Duration::from_secs(60);
/// The record is read for at most one part in so many of the time: a large one less often.
const SHARE: u32 = 20;
/// Most jobs with a bar of their own, which leaves room on a terminal of 24 lines.
const ROWS: usize = 16;
/// The rate is that of this last time: some rounds of tasks of some minutes.
const WINDOW: Duration = Duration::from_secs(900);
const TEMPLATE: &str = "[{bar:20:colour}] {wide_msg}";

/// Shows the record until it is dropped; no bar stays then.
pub async fn watch(store: &Store, terminal: &Terminal) -> Infallible {
    let bars = terminal.bars();
    let (is_in_bars, begun) = (bars.is_in_bars(), Instant::now());
    if !is_in_bars && !bars.is_in_lines() {
        return std::future::pending().await;
    }
    let (mut pace, mut last) = (Pace::default(), String::new());
    let (mut all, mut rows): (Option<Bar>, Vec<Bar>) = (None, Vec::new());
    loop {
        let read = Instant::now();
        // A record that cannot be read is the worker's failure.
        if let Ok(counts) = store.counts() {
            let sum = Sum::of(&counts);
            let left = pace.left(begun.elapsed(), sum);
            let line = line(sum, pace.before(), left);
            if is_in_bars {
                let all = all.get_or_insert_with(|| bars.row(TEMPLATE, &line, true));
                let running = running(store);
                rows.truncate(running.len());
                rows.resize_with(running.len(), || bars.row(TEMPLATE, "", false));
                for (bar, row) in rows.iter().zip(running) {
                    row.show(bar);
                }
                let [done, total] = [sum.ended, sum.all()].map(|jobs| amount(jobs - pace.before()));
                Row { text: line, done, total }.show(all);
            } else if line != last && begun.elapsed() >= LINE {
                terminal.progress(&line);
                last = line;
            }
        }
        let interval = if is_in_bars { TICK } else { LINE };
        tokio::time::sleep(interval.max(read.elapsed() * SHARE)).await;
    }
}

fn amount(jobs: i64) -> u64 {
    u64::try_from(jobs).unwrap_or_default()
}

/// What a bar shows.
struct Row {
    text: String,
    done: u64,
    total: u64,
}

impl Row {
    fn of(job: &Job, now: i64) -> Self {
        let (label, saved) = (job.label(), job.saved());
        let task = job.task_id.as_deref().map(|task| format!(", task {task}")).unwrap_or_default();
        let made = saved.as_ref().and_then(|saved| saved.created_at_ms);
        let total = saved.as_ref().and_then(|saved| saved.expected_ms).unwrap_or_default();
        let done = made.and_then(|made| amount(now).checked_sub(made)).unwrap_or_default();
        match job.state {
            State::Accepted if total > 0 => {
                let times = waited(Duration::from_millis(done), Duration::from_millis(total));
                Self { text: format!("{label}: {times}{task}"), done: done.min(total), total }
            }
            State::Finished => Self { text: format!("{label}: downloading{task}"), done: 1, total: 1 },
            state => Self { text: format!("{label}: {state}{task}"), done: 0, total: 1 },
        }
    }

    fn show(&self, bar: &Bar) {
        bar.at(self.done, Some(self.total));
        bar.says(&self.text);
        bar.draws();
    }
}

fn running(store: &Store) -> Vec<Row> {
    let (now, mut rows) = (millis(SystemTime::now()), Vec::new());
    for state in [State::Finished, State::Accepted, State::Sending] {
        let room = i64::try_from(ROWS.saturating_sub(rows.len())).unwrap_or_default();
        let jobs = store.in_state(state, 0, room).unwrap_or_default();
        rows.extend(jobs.iter().map(|job| Row::of(job, now)));
    }
    rows
}

/// How many jobs are in which states.
#[derive(Clone, Copy, Default)]
struct Sum {
    waiting: i64,
    running: i64,
    ended: i64,
    failed: i64,
    ambiguous: i64,
    booked: Units,
}

impl Sum {
    fn of(counts: &[Count]) -> Self {
        let mut sum = Self::default();
        for Count { state, jobs, booked, .. } in counts {
            sum.booked = sum.booked + *booked;
            *match state {
                State::Intended => &mut sum.waiting,
                State::Sending | State::Accepted | State::Finished => &mut sum.running,
                State::Ambiguous => &mut sum.ambiguous,
                State::Delivered | State::Dropped | State::Failed => &mut sum.ended,
            } += jobs;
            sum.failed += if *state == State::Failed { *jobs } else { 0 };
        }
        sum
    }

    fn all(self) -> i64 {
        self.waiting + self.running + self.ended + self.ambiguous
    }
}

/// How fast jobs end.
#[derive(Default)]
struct Pace {
    /// How many had ended before this run.
    before: Option<i64>,
    seen: VecDeque<(Duration, i64)>,
}

/// Jobs a minute, and the time for the rest at that rate.
type Left = Option<(f64, Duration)>;

impl Pace {
    fn before(&self) -> i64 {
        self.before.unwrap_or_default()
    }

    fn left(&mut self, now: Duration, sum: Sum) -> Left {
        // A file that is missing takes its job back.
        self.before = Some(self.before.unwrap_or(sum.ended).min(sum.ended));
        self.seen.push_back((now, sum.ended));
        while self.seen.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= WINDOW) {
            self.seen.pop_front();
        }
        let (since, ended) = self.seen.front().copied()?;
        let (time, ended) = (now.checked_sub(since)?.as_secs_f64(), u32::try_from(sum.ended - ended).ok()?);
        if time <= 0.0 || ended == 0 {
            return None;
        }
        let rate = f64::from(ended) / time;
        let left = f64::from(i32::try_from(sum.waiting + sum.running).ok()?) / rate;
        Some((rate * 60.0, Duration::try_from_secs_f64(left).ok()?))
    }
}

/// The line of all jobs.
fn line(sum: Sum, before: i64, left: Left) -> String {
    let Sum { waiting, running, ended, failed, ambiguous, booked } = sum;
    let counts = [(running, "running"), (waiting, "waiting"), (ambiguous, "ambiguous"), (failed, "failed")];
    let counts = counts.iter().filter(|(jobs, _)| *jobs > 0).map(|(jobs, state)| format!(", {jobs} {state}"));
    let left = left.filter(|_| waiting + running > 0);
    let left = left.map(|(rate, left)| format!("; {rate:.1} a minute, about {} left", clock(left)));
    let (counts, left) = (counts.collect::<String>(), left.unwrap_or_default());
    format!("{} of {} ended{counts}; {booked} units booked{left}", ended - before, sum.all() - before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(waiting: i64, running: i64, ended: i64) -> Sum {
        Sum { waiting, running, ended, ..Sum::default() }
    }

    #[test]
    fn the_time_left_follows_from_the_rate_of_the_last_minutes() {
        let seconds = Duration::from_secs;
        let mut pace = Pace::default();
        // Seven had ended before, which is no rate.
        assert_eq!(pace.left(seconds(0), sum(10, 0, 7)), None);
        assert_eq!(pace.left(seconds(60), sum(6, 4, 7)), None, "nothing has ended yet");
        assert_eq!(pace.left(seconds(120), sum(4, 4, 9)), Some((1.0, seconds(480))));
        assert_eq!(pace.before(), 7);
        // What is long ago does not count.
        assert_eq!(pace.left(seconds(2000), sum(3, 4, 10)), Some((60.0 / 1880.0, Duration::from_secs(13160))));
        // A job whose file is missing takes its place again.
        assert_eq!(pace.left(seconds(2001), sum(0, 1, 6)), None);
        assert_eq!(pace.before(), 6);
    }

    #[test]
    fn a_line_has_the_counts_that_are_not_zero() {
        assert_eq!(line(sum(0, 0, 3), 0, None), "3 of 3 ended; 0 units booked");
        let many = Sum { failed: 1, ambiguous: 2, booked: Units::from_thousandths(9500), ..sum(180, 5, 15) };
        assert_eq!(
            line(many, 2, Some((1.25, Duration::from_secs(8880)))),
            "13 of 200 ended, 5 running, 180 waiting, 2 ambiguous, 1 failed; 9.5 units booked; 1.2 a minute, about 2:28:00 left"
        );
    }
}
