//! When to poll: a pure decision from what is known of a task to the pause before the next question, and the times that
//! tasks are expected to take.

use std::time::Duration;

use crate::values::{Mode, VideoDuration};

/// What is known of a task when the pause before its next poll is decided.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PollState {
    /// The task's age, if that is known; that of a task known by its id alone is not before the first answer.
    pub age: Option<Duration>,
    /// The time it is expected to take from its submit to its end.
    pub expected: Duration,
    /// Whether the API said anything of it in this process, be it the answer to its submit.
    pub seen: bool,
    /// How many polls this wait has made.
    pub polls: u32,
    /// How many of them failed since the last that did not.
    pub failures: u32,
    /// How long the last answer, if it was a failure, asked to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// A number from 0 up to but not including 1, so that many clients do not poll in step.
    pub random: f64,
}

/// When to poll a task: from what is known of it to the pause before the next poll.
///
/// It is asked after each poll, and once before the first. What it gives is cut at the deadline of the wait, where one
/// last poll is made. Nothing else bounds it: a policy that always gives zero asks without a pause. A function from
/// [`PollState`] to [`Duration`] is one, and the default is [`SteadyPolling`].
///
/// ```no_run
/// # async fn run(task: kling_client::Task) -> kling_client::Result<()> {
/// use kling_client::PollState;
/// use std::time::Duration;
///
/// let twice_a_minute = |state: &PollState| state.retry_after.unwrap_or(Duration::from_secs(30));
/// let finished = task.wait().policy(twice_a_minute).await?;
/// # Ok(())
/// # }
/// ```
pub trait PollPolicy: Send + Sync + 'static {
    /// How long to wait before the next poll.
    fn pause(&self, state: &PollState) -> Duration;
}

impl<F: Fn(&PollState) -> Duration + Send + Sync + 'static> PollPolicy for F {
    fn pause(&self, state: &PollState) -> Duration {
        self(state)
    }
}

/// The default [`PollPolicy`]: no question before a task can have ended, then one every few seconds.
///
/// - The first poll comes at 0.45 of the expected time, or at once if the task is older or nothing was seen of it yet.
/// - The others come every 5 seconds ± 20 %, however long it takes; where the expected time is below 50 seconds, every
///   tenth of it, but not more often than every 100 ms.
/// - After a failed poll the interval doubles with each failure in a row, up to a minute, ± 20 %; a `Retry-After` that
///   asks for more is honoured, also up to a minute.
///
/// ```
/// use kling_client::{Client, SteadyPolling};
/// use std::time::Duration;
///
/// let calm = SteadyPolling::default().interval(Duration::from_secs(15)).first(0.8);
/// let client = Client::builder("my-key").poll_policy(calm).build()?;
/// # Ok::<(), kling_client::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SteadyPolling {
    first: f64,
    interval: Duration,
    spread: f64,
    longest_backoff: Duration,
}

impl SteadyPolling {
    /// The share of the expected time before the first poll; 0.45 if not said. What is not from 0 to 1 is brought there.
    pub fn first(mut self, share: f64) -> Self {
        self.first = unit(share);
        self
    }

    /// The time between polls once the first was made; 5 seconds if not said.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How far each pause may lie off the interval, as a share of it; 0.2 if not said. What is not from 0 to 1 is brought
    /// there.
    pub fn spread(mut self, share: f64) -> Self {
        self.spread = unit(share);
        self
    }

    /// Longest pause after failed polls, also where `Retry-After` asks for more. Default: 60 s.
    pub fn longest_backoff(mut self, longest: Duration) -> Self {
        self.longest_backoff = longest;
        self
    }
}

impl Default for SteadyPolling {
    fn default() -> Self {
        Self {
            // With it a job of 240 s took 31 polls and was seen 2.7 s late.
            first: 0.45,
            interval: Duration::from_secs(5),
            // So that many clients do not poll in step.
            spread: 0.2,
            longest_backoff: Duration::from_secs(60),
        }
    }
}

impl PollPolicy for SteadyPolling {
    fn pause(&self, state: &PollState) -> Duration {
        let young = state.age.map(|age| scaled(state.expected, self.first).saturating_sub(age)).unwrap_or_default();
        // Of what nothing was seen yet anything may have become.
        let steady = if state.seen || state.failures > 0 { self.steady(state) } else { Duration::ZERO };
        // A limiter that asks for an hour must not silence a wait for one.
        young.max(steady).max(state.retry_after.unwrap_or_default().min(self.longest_backoff))
    }
}

impl SteadyPolling {
    fn steady(&self, state: &PollState) -> Duration {
        /// Never longer than this part of what the task itself takes: where that is seconds, so is the interval.
        const PART: f64 = 0.1;
        /// An answer from this machine takes less than one millisecond, and no video a tenth of a second.
        const SHORTEST: Duration = Duration::from_millis(100);
        let interval = self.interval.min(scaled(state.expected, PART).max(SHORTEST));
        let backoff = interval.saturating_mul(1 << state.failures.min(10)).min(self.longest_backoff.max(interval));
        scaled(backoff, 1.0 + self.spread * (2.0 * state.random - 1.0))
    }
}

/// The time that tasks take about which nothing else is known: clips of 5 seconds took 229, 232, 237 and 301 s.
pub(crate) const EXPECTED: Duration = Duration::from_secs(240);
/// On this machine answers a sandbox, which has no reason to take minutes.
pub(crate) const LOOPBACK_EXPECTED: Duration = Duration::from_secs(2);

/// How long a task of this mode and length is expected to take.
///
/// Only clips of 5 seconds were recorded. That twice the length takes half as long again and `pro` a quarter longer are
/// assumptions, and on the low side: an early poll is free, a late one is time lost. Words that are not known change
/// nothing for the same reason.
pub(crate) fn expected(mode: &Mode, duration: &VideoDuration) -> Duration {
    let length = if *duration == VideoDuration::TenSeconds { 1.5 } else { 1.0 };
    let effort = if *mode == Mode::Pro { 1.25 } else { 1.0 };
    EXPECTED.mul_f64(length * effort)
}

/// A share, whatever was given for one.
fn unit(share: f64) -> f64 {
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}

/// A part or a small multiple of a time, whatever time that is.
fn scaled(time: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// A task of this age that was seen before and whose last polls failed so often.
    fn state(age: u64, failures: u32, random: f64) -> PollState {
        let (age, expected) = (Some(seconds(age)), EXPECTED);
        PollState { age, expected, seen: true, failures, random, ..PollState::default() }
    }

    fn pause(state: &PollState) -> Duration {
        SteadyPolling::default().pause(state)
    }

    #[test]
    fn polls_wait_for_the_expected_time_then_come_steadily_and_never_exponentially() {
        assert_eq!(pause(&state(0, 0, 0.5)), seconds(108));
        assert_eq!(pause(&state(100, 0, 0.5)), seconds(8), "a task that is taken up again");
        for age in [108, 200, 1000, 100_000] {
            assert_eq!(pause(&state(age, 0, 0.0)), seconds(4));
            assert_eq!(pause(&state(age, 0, 0.5)), seconds(5));
            assert!(pause(&state(age, 0, 0.999)) < seconds(6));
        }
    }

    #[test]
    fn a_task_of_which_nothing_was_seen_is_asked_for_at_once_unless_it_is_too_young_to_have_ended() {
        for (age, failures, expected) in [
            (None, 0, Duration::ZERO),
            (None, 1, seconds(10)),
            (Some(seconds(9)), 0, seconds(99)),
            (Some(seconds(108)), 0, Duration::ZERO),
            (Some(Duration::MAX), 0, Duration::ZERO),
            (Some(Duration::MAX), 2, seconds(20)),
        ] {
            let state = PollState { age, seen: false, ..state(0, failures, 0.5) };
            assert_eq!(pause(&state), expected, "{age:?}, {failures} failures");
        }
    }

    #[test]
    fn failed_polls_back_off_with_jitter_and_honour_retry_after_both_up_to_a_minute() {
        for (failures, retry_after, random, expected) in [
            (1, None, 0.5, 10),
            (2, None, 0.5, 20),
            (3, None, 0.5, 40),
            (4, None, 0.5, 60),
            (40, None, 0.5, 60),
            (1, None, 0.0, 8),
            (4, None, 0.0, 48),
            (1, Some(7), 0.5, 10),
            (1, Some(57), 0.5, 57),
            (0, Some(57), 0.5, 57),
            (1, Some(77), 0.5, 60),
            (0, Some(3600), 0.5, 60),
        ] {
            let state = PollState { retry_after: retry_after.map(seconds), ..state(999, failures, random) };
            assert_eq!(pause(&state), seconds(expected), "{failures} failures, Retry-After {retry_after:?}");
        }
    }

    #[test]
    fn where_tasks_take_seconds_polls_do_too() {
        for (expected, age, millis) in [(LOOPBACK_EXPECTED, 0, 900), (LOOPBACK_EXPECTED, 1, 200), (seconds(0), 0, 100)]
        {
            assert_eq!(pause(&PollState { expected, ..state(age, 0, 0.5) }), Duration::from_millis(millis));
        }
    }

    #[test]
    fn no_number_makes_a_policy_panic() {
        for share in [f64::NAN, f64::INFINITY, -1.0, 1e300, 0.5] {
            for time in [Duration::ZERO, Duration::MAX] {
                let policy = SteadyPolling::default().first(share).spread(share).interval(time).longest_backoff(time);
                for failures in [0, 1, u32::MAX] {
                    let state = PollState { expected: time, failures, ..state(1, 0, 0.999) };
                    let _ = policy.pause(&state);
                }
            }
        }
    }

    #[test]
    fn the_expected_time_grows_with_mode_and_length_and_a_new_word_changes_nothing() {
        for (mode, duration, expected) in [
            ("std", "5", 240),
            ("pro", "5", 300),
            ("std", "10", 360),
            ("pro", "10", 450),
            ("turbo", "15", 240),
            ("pro", "15", 300),
        ] {
            assert_eq!(super::expected(&mode.into(), &duration.into()), seconds(expected), "{mode} {duration}");
        }
    }
}
