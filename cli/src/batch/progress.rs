//! Progress of a batch, as the record has it: on a terminal a bar for each running job and one for all, elsewhere a plain line
//! once in a while.

use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime};

use super::record::{Count, Job, millis};
use super::state::State;
use super::status::by_state;
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
/// Most jobs with a bar of their own, which fits a terminal of 24 lines.
const ROWS: usize = 16;
const TEMPLATE: &str = "[{bar:20:colour}] {wide_msg}";
/// The states of a job that runs, that with the most to see in front.
const RUNNING: [State; 3] = [State::Finished, State::Accepted, State::Sending];

/// Shows the record until it is dropped; no bar stays then.
pub async fn watch(store: &Store, terminal: &Terminal) -> Infallible {
    let bars = terminal.bars();
    let (is_in_bars, begun) = (bars.is_in_bars(), Instant::now());
    if !is_in_bars && !bars.is_in_lines() {
        return std::future::pending().await;
    }
    let (mut before, mut last) = (i64::MAX, String::new());
    let (mut all, mut rows): (Option<Bar>, Vec<Bar>) = (None, Vec::new());
    loop {
        let read = Instant::now();
        // A record that cannot be read is the worker's failure.
        if let Ok(counts) = store.counts() {
            let sum = Row::of_all(&counts, &mut before, begun.elapsed());
            if is_in_bars {
                let all = all.get_or_insert_with(|| bars.row(TEMPLATE, &sum.text, true));
                let running = running(store);
                rows.truncate(running.len());
                rows.resize_with(running.len(), || bars.row(TEMPLATE, "", false));
                running.iter().zip(&rows).for_each(|(row, bar)| row.show(bar));
                sum.show(all);
            } else if sum.text != last && begun.elapsed() >= LINE {
                terminal.progress(&sum.text);
                last = sum.text;
            }
        }
        let interval = if is_in_bars { TICK } else { LINE };
        tokio::time::sleep(interval.max(read.elapsed() * SHARE)).await;
    }
}

fn running(store: &Store) -> Vec<Row> {
    let jobs = RUNNING.into_iter().flat_map(|state| store.jobs(Some(state), 0, ROWS as i64).unwrap_or_default());
    let now = amount(millis(SystemTime::now()));
    jobs.take(ROWS).map(|job| Row::of(&job, now)).collect()
}

fn amount(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// What a bar shows.
struct Row {
    text: String,
    done: u64,
    total: u64,
}

impl Row {
    fn of(job: &Job, now: u64) -> Self {
        let task = job.task_id.as_deref().map(|task| format!(", task {task}")).unwrap_or_default();
        let (made, expected) = job.saved().map(|saved| (saved.created_at_ms, saved.expected_ms)).unwrap_or_default();
        let elapsed = made.and_then(|made| now.checked_sub(made)).unwrap_or_default();
        let (doing, done, total) = match (job.state, expected.unwrap_or_default()) {
            (State::Accepted, total @ 1..) => {
                (waited(Duration::from_millis(elapsed), Duration::from_millis(total)), elapsed.min(total), total)
            }
            (State::Finished, _) => ("downloading".to_owned(), 1, 1),
            (state, _) => (state.to_string(), 0, 1),
        };
        Self { text: format!("{}: {doing}{task}", job.label()), done, total }
    }

    /// All jobs but those that had ended `before` this run, which is updated: a file that is missing takes its job back.
    fn of_all(counts: &[Count], before: &mut i64, run: Duration) -> Self {
        let jobs = by_state(counts);
        let of = |states: &[State]| states.iter().filter_map(|state| jobs.get(state)).sum::<i64>();
        let ended = of(&[State::Delivered, State::Failed, State::Dropped]);
        *before = ended.min(*before);
        let (ended, all) = (ended - *before, of(&State::ALL) - *before);
        let (running, waiting) = (of(&RUNNING), of(&[State::Intended]));
        let names = [(running, "running"), (waiting, "waiting")].into_iter();
        let names = names.chain([State::Ambiguous, State::Failed].map(|state| (of(&[state]), state.as_str())));
        let names = names.filter(|(jobs, _)| *jobs > 0).map(|(jobs, name)| format!(", {jobs} {name}"));
        let (names, booked) = (names.collect::<String>(), counts.iter().map(|count| count.booked).sum::<Units>());
        let number = |jobs| u32::try_from(jobs).unwrap_or_default();
        let each = run.checked_div(number(ended)).filter(|_| running + waiting > 0);
        let left =
            each.and_then(|each| Some((60.0 / each.as_secs_f64(), each.checked_mul(number(running + waiting))?)));
        let left = left.map(|(rate, left)| format!("; {rate:.1} a minute, about {} left", clock(left)));
        let text = format!("{ended} of {all} ended{names}; {booked} units booked{}", left.unwrap_or_default());
        Self { text, done: amount(ended), total: amount(all) }
    }

    fn show(&self, bar: &Bar) {
        bar.at(self.done, Some(self.total));
        bar.says(&self.text);
        bar.draws();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_counts_that_are_not_zero_and_the_time_left_at_the_rate_of_the_run() {
        let mut before = i64::MAX;
        let mut line = |seconds, counts: &[(State, i64)]| {
            let counts = counts.iter().map(|(state, jobs)| Count {
                batch: 1,
                account: None,
                state: *state,
                jobs: *jobs,
                estimate: Units::default(),
                booked: Units::from_thousandths(jobs * 500),
            });
            let row = Row::of_all(&counts.collect::<Vec<_>>(), &mut before, Duration::from_secs(seconds));
            assert!(row.text.starts_with(&format!("{} of {} ended", row.done, row.total)), "{}", row.text);
            row.text
        };
        use State::{Accepted, Ambiguous, Delivered, Failed, Finished, Intended, Sending};
        // Seven had ended before, which is no rate.
        let text = line(0, &[(Intended, 10), (Delivered, 3), (Delivered, 4)]);
        assert_eq!(text, "0 of 10 ended, 10 waiting; 8.5 units booked");
        let text = line(60, &[(Intended, 6), (Sending, 1), (Accepted, 2), (Finished, 1), (Delivered, 7)]);
        assert_eq!(text, "0 of 10 ended, 4 running, 6 waiting; 8.5 units booked");
        let text = line(120, &[(Intended, 3), (Accepted, 4), (Ambiguous, 1), (Failed, 1), (Delivered, 8)]);
        let counts = "2 of 10 ended, 4 running, 3 waiting, 1 ambiguous, 1 failed; 8.5 units booked";
        assert_eq!(text, format!("{counts}; 1.0 a minute, about 7:00 left"));
        // A job whose file is missing takes its place again.
        assert_eq!(line(121, &[(Finished, 1), (Delivered, 6)]), "0 of 1 ended, 1 running; 3.5 units booked");
        assert_eq!(line(180, &[(Delivered, 7)]), "1 of 1 ended; 3.5 units booked");
    }
}
