//! When to poll: from what is known of a task to the pause before its next poll.

use std::time::Duration;

use crate::response::OutputKind;

/// The state of a wait when its [`PollPolicy`] decides the pause before the next poll.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PollState {
    /// Age of the task, if known. For a task known by its id alone it is unknown before the first response.
    pub age: Option<Duration>,
    /// Time from submit to end that the task is expected to take.
    pub expected: Duration,
    /// Whether this process got a response that describes the task; that to its submit counts.
    pub seen: bool,
    /// Number of polls that this wait has made.
    pub polls: u32,
    /// Number of polls that have failed in a row.
    pub failures: u32,
    /// `Retry-After` of the last response, if that poll failed.
    pub retry_after: Option<Duration>,
    /// Random number in `0.0..1.0`, so that many clients do not poll in step.
    pub random: f64,
}

/// Decides the pause before each poll of a task. Default: [`SteadyPolling`].
///
/// A wait calls it before each poll, the first one included. The pause is cut at the deadline of the wait, where one last
/// poll is made; then the poll waits for its turn in the client's
/// [`polls_per_second`](crate::ClientBuilder::polls_per_second), the only other limit. Every function from [`PollState`] to
/// [`Duration`] is a policy.
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
    /// Returns the pause before the next poll.
    fn pause(&self, state: &PollState) -> Duration;
}

impl<F: Fn(&PollState) -> Duration + Send + Sync + 'static> PollPolicy for F {
    fn pause(&self, state: &PollState) -> Duration {
        self(state)
    }
}

/// The default [`PollPolicy`]: no poll before a task can have ended, then one every few seconds.
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
    /// Share of the expected time before the first poll, from 0 to 1 (other values are clamped). Default: 0.45.
    pub fn first(mut self, share: f64) -> Self {
        self.first = unit(share);
        self
    }

    /// Pause between polls after the first. Default: 5 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Largest random deviation of a pause from the interval, as a share of it from 0 to 1 (other values are clamped).
    /// Default: 0.2.
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
            // A task of 240 s took 31 polls, and its end was seen 2.7 s late.
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
        // A task that was not seen yet may have ended.
        let steady = if state.seen || state.failures > 0 { self.steady(state) } else { Duration::ZERO };
        // A `Retry-After` of an hour must not silence a wait for as long.
        young.max(steady).max(state.retry_after.unwrap_or_default().min(self.longest_backoff))
    }
}

impl SteadyPolling {
    fn steady(&self, state: &PollState) -> Duration {
        /// Longest interval as a share of the expected time: where a task takes seconds, so does the interval.
        const PART: f64 = 0.1;
        /// A response from this machine takes less than a millisecond, and no video a tenth of a second.
        const SHORTEST: Duration = Duration::from_millis(100);
        let interval = self.interval.min(scaled(state.expected, PART).max(SHORTEST));
        let backoff = interval.saturating_mul(1 << state.failures.min(10)).min(self.longest_backoff.max(interval));
        scaled(backoff, 1.0 + self.spread * (2.0 * state.random - 1.0))
    }
}

/// Clips of 5 seconds took 229, 232, 237 and 301 s.
const EXPECTED: Duration = Duration::from_secs(240);
/// For images and sounds: an assumption, on the low side.
const EXPECTED_SHORT: Duration = Duration::from_secs(30);

/// The expected time of a task by what it makes, its mode and its length.
///
/// Only videos of 5 seconds were recorded. That 10 seconds take half as long again and `pro` a quarter longer are low
/// assumptions: an early poll is free, a late one loses time. Unknown words change nothing for the same reason.
pub(crate) fn expected(output: Option<OutputKind>, mode: Option<&str>, duration: Option<&str>) -> Duration {
    if output != Some(OutputKind::Video) {
        return EXPECTED_SHORT;
    }
    let length = if duration == Some("10") { 1.5 } else { 1.0 };
    let effort = if mode == Some("pro") { 1.25 } else { 1.0 };
    EXPECTED.mul_f64(length * effort)
}

/// A number clamped to 0–1.
fn unit(share: f64) -> f64 {
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}

/// A time times a factor, without overflow.
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
    fn an_unseen_task_is_polled_at_once_unless_it_is_too_young_to_have_ended() {
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
        for (expected, age, millis) in [(seconds(2), 0, 900), (seconds(2), 1, 200), (seconds(0), 0, 100)] {
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
            let made = super::expected(Some(OutputKind::Video), Some(mode), Some(duration));
            assert_eq!(made, seconds(expected), "{mode} {duration}");
        }
    }
}
