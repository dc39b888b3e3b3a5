//! What the error of a submit means for its job and for those behind it: pure decisions.

use std::time::{Duration, SystemTime};

use kling_client::{Error, ErrorKind, Reason};
use uuid::Uuid;

use super::record::Cause;
use super::state::Event;

/// What follows from the error of a submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Surely no task; retried after a pause.
    Again(Cause),
    /// Surely no task, and none for the other requests of this operation and model: its balance, or the model is retired.
    HaltModel,
    /// Surely no task, and none for any other request: the key, the balance, this machine.
    Halt,
    /// Surely no task, because of this request.
    Refused,
    /// Outcome unknown.
    Lost,
}

impl Verdict {
    /// The verdict on an error, by its kind, reason and code.
    pub fn on(kind: ErrorKind, reason: Reason, code: Option<&str>) -> Self {
        use Reason as R;
        match (kind, reason) {
            (ErrorKind::NotSent, _) => Self::Again(Cause::NotSent),
            (ErrorKind::Rejected, R::ConcurrencyLimit) => Self::Again(Cause::Crowded),
            (ErrorKind::Rejected, R::RateLimited | R::Overloaded) => Self::Again(Cause::Busy),
            // Resource packs are per product.
            (ErrorKind::Rejected, R::Balance) if code == Some("1102") => Self::HaltModel,
            (ErrorKind::Rejected, R::ModelRetired) => Self::HaltModel,
            (ErrorKind::Rejected, R::Auth | R::Permission | R::Balance | R::Unsupported | R::NotFound) => Self::Halt,
            (ErrorKind::Rejected | ErrorKind::Invalid, _) => Self::Refused,
            // Before a byte was sent, on this machine: TLS, a file that is gone.
            (ErrorKind::Other, _) => Self::Halt,
            _ => Self::Lost,
        }
    }

    /// The event of the job.
    pub const fn event(self) -> Event {
        match self {
            Self::Again(_) | Self::HaltModel | Self::Halt => Event::Return,
            Self::Refused => Event::Refuse,
            Self::Lost => Event::Lose,
        }
    }
}

/// Responses with status 429 in a row that Kling's own limits do not explain: a limiter that never opens, or an empty balance
/// in unknown words.
#[derive(Debug, Clone, Copy, Default)]
pub struct Streak {
    count: u32,
    since: Duration,
}

impl Streak {
    /// Counts the error of a submit; returns whether there were too many for too long.
    pub fn goes_on(&mut self, error: &Error, now: Duration) -> bool {
        self.counts(error.http_status(), error.reason(), error.code(), now)
    }

    /// Codes 1302 and 1303, Kling's own limits on requests and on tasks, pass by themselves and are not counted.
    fn counts(&mut self, http_status: Option<u16>, reason: Reason, code: Option<&str>, now: Duration) -> bool {
        /// Fewer may be chance.
        const MOST: u32 = 5;
        /// Longer than the windows of common limiters, which are a minute.
        const LONGEST: Duration = Duration::from_secs(300);
        match (http_status, reason) {
            (_, Reason::ConcurrencyLimit) => return false,
            (_, Reason::RateLimited) if code == Some("1302") => return false,
            (Some(429), Reason::RateLimited | Reason::Overloaded) if self.count == 0 => {
                *self = Self { count: 1, since: now };
            }
            (Some(429), Reason::RateLimited | Reason::Overloaded) => self.count += 1,
            _ => *self = Self::default(),
        }
        self.count >= MOST && now.saturating_sub(self.since) >= LONGEST
    }
}

/// Whether a task with a job's external id may be of an earlier submit: `Some(false)` if not, `None` if nobody can tell. A
/// minted id is proof; for others the task's date counts, within the difference of two clocks.
pub fn is_older(external_id: &str, created: Option<SystemTime>, submitted: SystemTime) -> Option<bool> {
    const TOLERANCE: Duration = Duration::from_secs(300);
    if Uuid::try_parse(external_id).is_ok() {
        return Some(false);
    }
    created.map(|created| submitted.duration_since(created).is_ok_and(|before| before > TOLERANCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_429s_in_a_row_over_five_minutes_are_too_many() {
        use Reason::{ConcurrencyLimit, Overloaded, RateLimited, Unknown};
        let limiter = (Some(429), RateLimited, None);
        let word = (Some(429), Overloaded, Some("upstream_load_saturated"));
        let (frequent, crowded) = ((Some(429), RateLimited, Some("1302")), (Some(429), ConcurrencyLimit, Some("1303")));
        let (done, unavailable) = ((None, Unknown, None), (Some(503), Overloaded, None));
        for (outcomes, expected) in [
            (vec![(0, limiter), (60, word), (120, limiter), (180, limiter), (300, limiter)], true),
            (vec![(0, limiter), (60, limiter), (120, limiter), (180, limiter), (299, limiter)], false),
            (vec![(0, limiter), (100, limiter), (200, limiter), (900, limiter)], false),
            (vec![(0, limiter), (1, limiter), (2, limiter), (3, limiter), (4, limiter), (301, word)], true),
            (vec![(0, limiter), (1, limiter), (2, limiter), (3, limiter), (200, done), (301, limiter)], false),
            (vec![(0, limiter), (1, limiter), (2, limiter), (3, limiter), (200, unavailable), (301, limiter)], false),
            (
                vec![(0, limiter), (1, crowded), (2, limiter), (3, frequent), (4, limiter), (5, limiter), (301, word)],
                true,
            ),
            (vec![(0, limiter), (1, limiter), (2, limiter), (3, limiter), (301, limiter), (302, crowded)], false),
            ((0..20).map(|minute| (60 * minute, if minute % 2 == 0 { frequent } else { crowded })).collect(), false),
        ] {
            let mut streak = Streak::default();
            let last = outcomes.iter().fold(false, |_, (second, (status, reason, code))| {
                streak.counts(*status, *reason, *code, Duration::from_secs(*second))
            });
            assert_eq!(last, expected, "{outcomes:?}");
        }
    }
}
