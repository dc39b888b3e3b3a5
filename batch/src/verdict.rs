//! What the end of an order means for its job and for those behind it: a pure decision.

use std::time::{Duration, SystemTime};

use kling_client::ErrorKind;
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
    /// The verdict on an error, by what it tells of itself.
    pub fn on(kind: ErrorKind, http_status: Option<u16>, code: Option<&str>, retryable: bool) -> Self {
        match kind {
            ErrorKind::Rejected if code == Some("1303") => Self::Crowded,
            ErrorKind::Rejected if retryable => Self::Again,
            ErrorKind::Rejected if is_of_the_account(http_status, code) => Self::Halt,
            ErrorKind::Rejected | ErrorKind::Invalid => Self::Refused,
            ErrorKind::NotSent => Self::Again,
            // Before a byte was sent, on this machine: TLS, a file that is gone.
            ErrorKind::Other => Self::Halt,
            _ => Self::Lost,
        }
    }

    /// The verdict on an error of the client.
    pub fn of(error: &kling_client::Error) -> Self {
        Self::on(error.kind(), error.http_status(), error.code(), error.is_retryable())
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

/// Responses with status 429 in a row that no known reason explains: a limiter that never opens, or no money in words that
/// are not known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Streak {
    count: u32,
    since: Duration,
}

impl Streak {
    /// Counts the outcome of a request at a moment; whether there were too many for too long. Codes 1302 and 1303, too
    /// frequent and too many tasks, pass by themselves and are not counted.
    pub fn goes_on(&mut self, http_status: Option<u16>, code: Option<&str>, now: Duration) -> bool {
        /// Fewer may be chance.
        const MOST: u32 = 5;
        /// Longer than the windows of common limiters, which are a minute.
        const LONGEST: Duration = Duration::from_secs(300);
        match (http_status, code) {
            (Some(429), Some("1302" | "1303")) => return false,
            (Some(429), _) if self.count == 0 => *self = Self { count: 1, since: now },
            (Some(429), _) => self.count += 1,
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

/// Whether a refusal is about the account or the gateway, and not about the order.
fn is_of_the_account(http_status: Option<u16>, code: Option<&str>) -> bool {
    match (code, http_status) {
        (Some("1000" | "1001" | "1002" | "1003" | "1004" | "1100" | "1101" | "1102" | "1103" | "1304"), _) => true,
        // The method, but not the model.
        (Some("1202"), _) => true,
        (Some("1203"), _) => false,
        (Some("1300" | "1301"), _) => false,
        (Some(word), _) if word.contains("quota") => true,
        (_, Some(401..=405)) => true,
        _ => false,
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
        let limiter = (Some(429), None);
        let word = (Some(429), Some("rate_limit_exceeded"));
        let (frequent, crowded) = ((Some(429), Some("1302")), (Some(429), Some("1303")));
        let (done, unavailable, lost) = ((None, None), (Some(503), None), (None, None));
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
            let last = outcomes.iter().fold(false, |_, (second, (status, code))| {
                streak.goes_on(*status, *code, Duration::from_secs(*second))
            });
            assert_eq!(last, expected, "{outcomes:?}");
        }
    }

    #[test]
    fn only_what_surely_made_no_task_is_sent_again_or_given_up() {
        use ErrorKind::{Ambiguous, Answer, Invalid, Network, NotSent, Other, Rejected};
        for (kind, status, code, retryable, verdict) in [
            (Rejected, Some(429), Some("1303"), true, Verdict::Crowded),
            (Rejected, Some(429), Some("1302"), true, Verdict::Again),
            (Rejected, Some(429), None, true, Verdict::Again),
            (Rejected, Some(503), Some("upstream_load_saturated"), true, Verdict::Again),
            (Rejected, Some(429), Some("1102"), false, Verdict::Halt),
            (Rejected, Some(401), Some("1002"), false, Verdict::Halt),
            (Rejected, Some(401), None, false, Verdict::Halt),
            (Rejected, Some(403), Some("insufficient_user_quota"), false, Verdict::Halt),
            (Rejected, Some(429), Some("1304"), false, Verdict::Halt),
            (Rejected, Some(404), None, false, Verdict::Halt),
            (Rejected, Some(404), Some("1203"), false, Verdict::Refused),
            (Rejected, Some(400), Some("1301"), false, Verdict::Refused),
            (Rejected, Some(400), Some("1201"), false, Verdict::Refused),
            (Rejected, Some(413), None, false, Verdict::Refused),
            (Invalid, None, None, false, Verdict::Refused),
            (NotSent, None, None, true, Verdict::Again),
            (NotSent, None, None, false, Verdict::Again),
            (Other, None, None, false, Verdict::Halt),
            (Ambiguous, Some(500), None, false, Verdict::Lost),
            (Ambiguous, None, None, false, Verdict::Lost),
            (Answer, Some(200), None, false, Verdict::Lost),
            (Network, None, None, true, Verdict::Lost),
        ] {
            assert_eq!(Verdict::on(kind, status, code, retryable), verdict, "{kind} {status:?} {code:?}");
        }
    }
}
