//! How far the work has come, read from the record now and then, so that every worker shows what all of them do: on a
//! terminal a bar for each job that runs and one for all, elsewhere a plain line once in a while.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write as _};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use kling_batch::{Count, Job, State, Store, Units, plain};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Manner {
    /// Not at all.
    Nothing,
    /// In lines that stay.
    Lines,
    /// In bars, with colours or without.
    Bars { coloured: bool },
}

/// The bars of a run.
#[derive(Clone)]
pub struct Progress {
    manner: Manner,
    bars: MultiProgress,
}

/// How often the record is looked at for the bars.
const TICK: Duration = Duration::from_millis(500);

/// How often a line is written where there are no bars.
const LINE: Duration = Duration::from_secs(60);

/// Looking takes at most one part in so many of the time: a large record is looked at less often.
const SHARE: u32 = 20;

/// So many jobs have a line of their own, which leaves room on a terminal of 24.
const ROWS: usize = 16;

/// The rate is that of the last so long: a few rounds of tasks of some minutes.
const WINDOW: Duration = Duration::from_secs(900);

/// As wide as a bar is.
const TEMPLATE: &str = "[{bar:20:colour}] {wide_msg}";

impl Manner {
    /// What fits: the options come first, then whether somebody sees it, and what the environment asks for.
    pub fn fitting(silent: bool, terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_dumb = variable("TERM").is_some_and(|term| term == "dumb");
        match (silent, terminal && !is_dumb) {
            (true, _) => Self::Nothing,
            (false, false) => Self::Lines,
            (false, true) => Self::Bars { coloured: variable("NO_COLOR").is_none_or(|no| no.is_empty()) },
        }
    }
}

impl Progress {
    pub fn new(manner: Manner) -> Self {
        Self { manner, bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()) }
    }

    /// Writes a line beside the bars.
    pub fn say(&self, line: &str) {
        self.bars.suspend(|| _ = writeln!(io::stderr().lock(), "{}", plain(line)));
    }

    /// Shows the record until it is dropped, and takes away then what does not stay.
    pub async fn watch(&self, store: &Store) -> Infallible {
        let every = match self.manner {
            Manner::Nothing => return std::future::pending().await,
            Manner::Lines => LINE,
            Manner::Bars { .. } => TICK,
        };
        let mut pace = Pace::default();
        let mut shown = Shown { progress: self, all: None, rows: Vec::new() };
        let (begun, mut told) = (Instant::now(), String::new());
        loop {
            let looked = Instant::now();
            // A record that does not answer is told of by the worker.
            if let Ok(counts) = store.counts().await {
                let sum = Sum::of(&counts);
                let left = pace.left(begun.elapsed(), sum);
                let line = Line { sum, before: pace.before(), left }.to_string();
                match self.manner {
                    Manner::Bars { .. } => shown.draw(&running(store).await, sum, pace.before(), line),
                    _ if line != told && begun.elapsed() >= LINE => {
                        self.say(&line);
                        told = line;
                    }
                    _ => {}
                }
            }
            tokio::time::sleep(every.max(looked.elapsed() * SHARE)).await;
        }
    }
}

/// What the bars show at a moment; none of them stays when it is dropped.
struct Shown<'a> {
    progress: &'a Progress,
    all: Option<ProgressBar>,
    rows: Vec<ProgressBar>,
}

impl Shown<'_> {
    fn draw(&mut self, running: &[Row], sum: Sum, before: i64, line: String) {
        let all = self.all.get_or_insert_with(|| self.progress.bars.add(self.progress.bar())).clone();
        while self.rows.len() > running.len() {
            if let Some(bar) = self.rows.pop() {
                bar.finish_and_clear();
                self.progress.bars.remove(&bar);
            }
        }
        while self.rows.len() < running.len() {
            self.rows.push(self.progress.bars.insert_before(&all, self.progress.bar()));
        }
        for (bar, row) in self.rows.iter().zip(running) {
            bar.set_length(row.length);
            bar.set_position(row.position.min(row.length));
            bar.set_message(row.text.clone());
            bar.tick();
        }
        all.set_length(u64::try_from(sum.all() - before).unwrap_or_default());
        all.set_position(u64::try_from(sum.ended - before).unwrap_or_default());
        all.set_message(line);
        all.tick();
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        for bar in self.rows.drain(..).chain(self.all.take()) {
            bar.finish_and_clear();
        }
    }
}

impl Progress {
    fn bar(&self) -> ProgressBar {
        let coloured = matches!(self.manner, Manner::Bars { coloured: true });
        let template = TEMPLATE.replace(":colour", if coloured { ".cyan" } else { "" });
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(1).with_style(style.progress_chars("=> "))
    }
}

/// One job that runs.
struct Row {
    text: String,
    position: u64,
    length: u64,
}

impl Row {
    fn of(job: &Job, now: SystemTime) -> Self {
        let label = match &job.name {
            Some(name) => format!("job {} ({})", job.id, plain(name).replace('\n', " ")),
            None => format!("job {}", job.id),
        };
        let task = job.task_id.as_deref().map(|task| format!(", task {}", plain(task))).unwrap_or_default();
        let saved = job.saved();
        let made = saved.as_ref().and_then(|saved| saved.created_at_ms);
        let expected = saved.as_ref().and_then(|saved| saved.expected_ms).unwrap_or_default();
        let now = now.duration_since(UNIX_EPOCH).ok().and_then(|now| u64::try_from(now.as_millis()).ok());
        let elapsed = made.zip(now).and_then(|(made, now)| now.checked_sub(made)).unwrap_or_default();
        let clock = |millis: u64| clock(Duration::from_millis(millis));
        match job.state {
            State::Accepted if expected > 0 => {
                let times = format!("{} of about {}", clock(elapsed), clock(expected));
                Self { text: format!("{label}: {times}{task}"), position: elapsed, length: expected }
            }
            State::Finished => Self { text: format!("{label}: to be fetched{task}"), position: 1, length: 1 },
            state => Self { text: format!("{label}: {state}{task}"), position: 0, length: 1 },
        }
    }
}

async fn running(store: &Store) -> Vec<Row> {
    let (now, mut rows) = (SystemTime::now(), Vec::new());
    for state in [State::Finished, State::Accepted, State::Sending] {
        let room = ROWS.saturating_sub(rows.len());
        let jobs = store.in_state(state, 0, i64::try_from(room).unwrap_or_default()).await;
        rows.extend(jobs.unwrap_or_default().iter().map(|job| Row::of(job, now)));
    }
    rows
}

/// How many jobs stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
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
            match state {
                State::Intended => sum.waiting += jobs,
                State::Sending | State::Accepted | State::Finished => sum.running += jobs,
                State::Ambiguous => sum.ambiguous += jobs,
                State::Failed => {
                    sum.failed += jobs;
                    sum.ended += jobs;
                }
                State::Delivered | State::Dropped => sum.ended += jobs,
            }
        }
        sum
    }

    fn all(self) -> i64 {
        self.waiting + self.running + self.ended + self.ambiguous
    }
}

/// How fast it goes.
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

    /// Takes what is seen at a moment.
    fn left(&mut self, now: Duration, sum: Sum) -> Left {
        // A file that is gone takes its job back.
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

/// What is told of all jobs.
struct Line {
    sum: Sum,
    before: i64,
    left: Left,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sum { waiting, running, ended, failed, ambiguous, booked } = self.sum;
        write!(f, "{} of {} ended", ended - self.before, self.sum.all() - self.before)?;
        for (count, what) in [(running, "running"), (waiting, "waiting"), (ambiguous, "ambiguous"), (failed, "failed")]
        {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        write!(f, "; {booked} units booked")?;
        match self.left {
            Some((rate, left)) if waiting + running > 0 => {
                write!(f, "; {rate:.1} a minute, about {} left", clock(left))
            }
            _ => Ok(()),
        }
    }
}

/// Hours, where there are any, minutes and seconds.
fn clock(time: Duration) -> String {
    let (minutes, seconds) = (time.as_secs() / 60, time.as_secs() % 60);
    match minutes / 60 {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{:02}:{seconds:02}", minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(waiting: i64, running: i64, ended: i64) -> Sum {
        Sum { waiting, running, ended, ..Sum::default() }
    }

    #[test]
    fn bars_are_for_somebody_who_sees_them() {
        const BARS: Manner = Manner::Bars { coloured: true };
        for (silent, terminal, term, colours, expected) in [
            (false, true, Some("xterm"), None, BARS),
            (false, true, None, Some(""), BARS),
            (false, true, None, Some("1"), Manner::Bars { coloured: false }),
            (false, true, Some("dumb"), None, Manner::Lines),
            (false, false, Some("xterm"), None, Manner::Lines),
            (true, true, Some("xterm"), None, Manner::Nothing),
            (true, false, None, None, Manner::Nothing),
        ] {
            let variable = |name: &str| if name == "TERM" { term } else { colours }.map(str::to_owned);
            assert_eq!(Manner::fitting(silent, terminal, variable), expected);
        }
    }

    #[test]
    fn the_rest_takes_as_long_as_the_last_ones_did() {
        let seconds = Duration::from_secs;
        let mut pace = Pace::default();
        // Seven had ended before, and tell nothing of the rate.
        assert_eq!(pace.left(seconds(0), sum(10, 0, 7)), None);
        assert_eq!(pace.left(seconds(60), sum(6, 4, 7)), None, "nothing has ended yet");
        assert_eq!(pace.left(seconds(120), sum(4, 4, 9)), Some((1.0, seconds(480))));
        assert_eq!(pace.before(), 7);
        // What is long ago counts no more.
        assert_eq!(pace.left(seconds(2000), sum(3, 4, 10)), Some((60.0 / 1880.0, Duration::from_secs(13160))));
        assert_eq!(pace.left(seconds(2001), sum(0, 2, 15)).map(|(_, left)| left.as_secs()), Some(627));
    }

    #[test]
    fn a_job_that_is_to_be_fetched_again_is_no_more_than_nothing_done() {
        let mut pace = Pace::default();
        pace.left(Duration::ZERO, sum(0, 0, 3));
        assert_eq!(pace.left(Duration::from_secs(9), sum(0, 1, 2)), None);
        assert_eq!(pace.before(), 2);
    }

    #[test]
    fn a_line_tells_what_there_is_and_no_more() {
        let told = |sum, before, left| Line { sum, before, left }.to_string();
        assert_eq!(told(sum(0, 0, 3), 0, None), "3 of 3 ended; 0 units booked");
        let many = Sum { failed: 1, ambiguous: 2, booked: Units::from_thousandths(9500), ..sum(180, 5, 15) };
        assert_eq!(
            told(many, 2, Some((1.25, Duration::from_secs(8880)))),
            "13 of 200 ended, 5 running, 180 waiting, 2 ambiguous, 1 failed; 9.5 units booked; 1.2 a minute, about 2:28:00 left"
        );
    }
}
