//! When a submit is retried, and when a lost task is looked up: pure decisions.
//!
//! A paid request is retried only after an outcome that proves that no task was made and that may pass; see `reason.rs`.

use std::time::Duration;

/// How often, and after which pauses, a failed request is retried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    /// Maximum number of attempts.
    pub(crate) attempts: u32,
    /// The longest pause after the first attempt; it doubles with each.
    pub(crate) first: Duration,
    /// Maximum total of the pauses.
    pub(crate) budget: Duration,
}

impl RetryPolicy {
    /// Guesses but for the first pause (official advice: back off from 1 s): a caller is not kept for longer than a minute.
    pub(crate) const DEFAULT: Self =
        Self { attempts: 3, first: Duration::from_secs(1), budget: Duration::from_secs(60) };

    /// The pause before a retry, or none if there is no retry. `attempts` were made and `waited` was spent on pauses;
    /// `random` is from 0 to 1, so that clients that failed together do not come back together. Where the account `is_busy`,
    /// no pause is shorter than the first.
    pub(crate) fn pause(
        &self,
        attempts: u32,
        waited: Duration,
        retry_after: Option<Duration>,
        is_busy: bool,
        random: f64,
    ) -> Option<Duration> {
        let longest = self.first.saturating_mul(1 << attempts.saturating_sub(1).min(16));
        let shortest = if is_busy { self.first } else { Duration::ZERO };
        let pause = (shortest + longest.mul_f64(random)).max(retry_after.unwrap_or_default());
        let fits = waited.checked_add(pause).is_some_and(|total| total <= self.budget);
        (attempts < self.attempts && fits).then_some(pause)
    }
}

/// When a task that may have been made is looked up, in seconds from the lost response. Guesses: a task is not visible for
/// some seconds after its create, and a caller is not kept for longer than a minute.
pub(crate) const LOOK_UP_AT: [u64; 5] = [2, 5, 10, 30, 60];

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_with_full_jitter_and_end_with_the_attempts() {
        let policy = RetryPolicy { attempts: 4, ..RetryPolicy::DEFAULT };
        for (attempts, random, expected) in [
            (1, 0.0, Some(Duration::ZERO)),
            (1, 0.5, Some(SECOND / 2)),
            (2, 0.5, Some(SECOND)),
            (3, 0.5, Some(2 * SECOND)),
            (4, 0.5, None),
            (5, 0.5, None),
        ] {
            assert_eq!(policy.pause(attempts, Duration::ZERO, None, false, random), expected, "{attempts}");
        }
        assert_eq!(RetryPolicy { attempts: 1, ..policy }.pause(1, Duration::ZERO, None, false, 0.5), None);
    }

    #[test]
    fn an_account_that_is_busy_is_left_alone_for_a_second_at_least() {
        for (attempts, random, expected) in [(1, 0.0, SECOND), (1, 0.5, SECOND * 3 / 2), (2, 0.0, SECOND)] {
            let pause = RetryPolicy::DEFAULT.pause(attempts, Duration::ZERO, None, true, random);
            assert_eq!(pause, Some(expected));
        }
    }

    #[test]
    fn what_the_server_asks_for_is_honoured_and_a_wait_beyond_the_budget_is_not_begun() {
        let policy = RetryPolicy::DEFAULT;
        assert_eq!(policy.pause(1, Duration::ZERO, Some(7 * SECOND), false, 0.9), Some(7 * SECOND));
        assert_eq!(policy.pause(1, Duration::ZERO, Some(60 * SECOND), false, 0.9), Some(60 * SECOND));
        assert_eq!(policy.pause(1, Duration::ZERO, Some(61 * SECOND), false, 0.9), None);
        assert_eq!(policy.pause(2, 58 * SECOND, Some(3 * SECOND), false, 0.9), None);
        assert_eq!(policy.pause(1, Duration::ZERO, Some(Duration::MAX), false, 0.9), None);
    }
}
