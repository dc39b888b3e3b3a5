//! What the end of an order means for its job and for those behind it: a pure decision.

use std::time::{Duration, SystemTime};

use kling_client::{ErrorKind, Reason};
use uuid::Uuid;

use crate::state::Event;

/// What follows from an error of a paid request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Surely no task, and it may be sent again after a pause.
    Again,
    /// The same, because too many tasks were running.
    Crowded,
    /// Surely no task, and no other order would fare better until somebody has done something: the key, the money.
    Halt,
    /// Surely no task, because of this order.
    Refused,
    /// A task may exist.
    Lost,
}

impl Verdict {
    /// The verdict on what an error means and on what the API objects to.
    pub fn on(kind: ErrorKind, reason: Reason) -> Self {
        use Reason as R;
        match (kind, reason) {
            (ErrorKind::Rejected, R::ConcurrencyLimit) => Self::Crowded,
            (ErrorKind::Rejected, R::RateLimited | R::Overloaded) => Self::Again,
            // A retired model has a reason of its own: what is not found here is the path.
            (ErrorKind::Rejected, R::Auth | R::Permission | R::Balance | R::Unsupported | R::NotFound) => Self::Halt,
            (ErrorKind::Rejected | ErrorKind::Invalid, _) => Self::Refused,
            (ErrorKind::NotSent, _) => Self::Again,
            // Before a byte was sent, on this machine: TLS, a file that is gone.
            (ErrorKind::Other, _) => Self::Halt,
            _ => Self::Lost,
        }
    }

    /// The event for the job.
    pub const fn event(self) -> Event {
        match self {
            Self::Again | Self::Crowded | Self::Halt => Event::Return,
            Self::Refused => Event::Refuse,
            Self::Lost => Event::Lose,
        }
    }
}

/// Responses with status 429 in a row that Kling's own limits do not explain: a limiter that never opens, or no money in
/// words that are not known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Streak {
    count: u32,
    since: Duration,
}

impl Streak {
    /// Counts an error of a submit at a moment; whether there were too many for too long.
    pub fn goes_on(&mut self, error: &kling_client::Error, now: Duration) -> bool {
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

/// Whose a task is that has a job's external id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Ours,
    /// It was made before the job was sent: the id is one of the caller's own, and was used before.
    Older,
    /// The gateway does not say when it was made.
    Undated,
}

impl Whose {
    /// By the external id, which is proof if it was minted, and by when the task was made and the job first sent.
    pub fn is(external_id: &str, made: Option<SystemTime>, sent: SystemTime) -> Self {
        /// How far the clocks of this machine and of the gateway may differ.
        const TOLERANCE: Duration = Duration::from_secs(300);
        match made {
            _ if Uuid::try_parse(external_id).is_ok() => Self::Ours,
            None => Self::Undated,
            Some(made) if sent.duration_since(made).is_ok_and(|before| before > TOLERANCE) => Self::Older,
            Some(_) => Self::Ours,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_from_before_the_job_was_sent_is_not_its_task_unless_its_id_was_minted() {
        let sent = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let minted = Uuid::now_v7().to_string();
        for (id, before, whose) in [
            ("order-7", Some(0), Whose::Ours),
            ("order-7", Some(-60), Whose::Ours),
            ("order-7", Some(300), Whose::Ours),
            ("order-7", Some(301), Whose::Older),
            ("order-7", None, Whose::Undated),
            (&minted, Some(900_000), Whose::Ours),
            (&minted, None, Whose::Ours),
        ] {
            let made = before.map(|before: i64| {
                let by = Duration::from_secs(before.unsigned_abs());
                if before < 0 { sent + by } else { sent - by }
            });
            assert_eq!(Whose::is(id, made, sent), whose, "{id} {before:?}");
        }
    }

    #[test]
    fn five_429s_in_a_row_over_five_minutes_are_too_many() {
        use Reason::{ConcurrencyLimit, Overloaded, RateLimited, Unknown};
        let limiter = (Some(429), RateLimited, None);
        let word = (Some(429), Overloaded, Some("upstream_load_saturated"));
        let (frequent, crowded) = ((Some(429), RateLimited, Some("1302")), (Some(429), ConcurrencyLimit, Some("1303")));
        let (done, unavailable, lost) = ((None, Unknown, None), (Some(503), Overloaded, None), (None, Unknown, None));
        for (outcomes, expected) in [
            (vec![(0, limiter), (60, word), (120, limiter), (180, limiter), (300, limiter)], true),
            (vec![(0, limiter), (60, limiter), (120, limiter), (180, limiter), (299, limiter)], false),
            (vec![(0, limiter), (100, limiter), (200, limiter), (900, limiter)], false),
            (vec![(0, limiter), (1, limiter), (2, limiter), (3, limiter), (4, limiter), (5, limiter)], false),
            (vec![(0, limiter), (1, limiter), (2, limiter), (3, limiter), (4, limiter), (301, word)], true),
            (vec![(0, limiter), (1, limiter), (2, limiter), (3, limiter), (200, done), (301, limiter)], false),
            (vec![(0, limiter), (1, limiter), (2, limiter), (3, limiter), (200, unavailable), (301, limiter)], false),
            (vec![(0, limiter), (1, limiter), (2, limiter), (3, limiter), (200, lost), (301, limiter)], false),
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

    #[test]
    fn only_what_surely_made_no_task_is_retried_or_given_up() {
        use ErrorKind::{Ambiguous, Invalid, Network, NotSent, Other, Rejected, UnexpectedResponse};
        for reason in Reason::ALL {
            let verdict = match reason {
                Reason::ConcurrencyLimit => Verdict::Crowded,
                Reason::RateLimited | Reason::Overloaded => Verdict::Again,
                Reason::Auth | Reason::Permission | Reason::Balance | Reason::Unsupported | Reason::NotFound => {
                    Verdict::Halt
                }
                _ => Verdict::Refused,
            };
            assert_eq!(Verdict::on(Rejected, *reason), verdict, "{reason}");
            for (kind, verdict) in [
                (Invalid, Verdict::Refused),
                (NotSent, Verdict::Again),
                (Other, Verdict::Halt),
                (Ambiguous, Verdict::Lost),
                (UnexpectedResponse, Verdict::Lost),
                (Network, Verdict::Lost),
            ] {
                assert_eq!(Verdict::on(kind, *reason), verdict, "{kind} {reason}");
            }
        }
    }
}
