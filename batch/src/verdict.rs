//! What the end of an order means for its job and for those behind it: a pure decision.

use kling_client::ErrorKind;

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
