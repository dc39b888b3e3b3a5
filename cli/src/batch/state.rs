//! States of a job and the events between them: pure functions, on which no double charge rests.
//!
//! ```text
//! intended ⇄ sending → accepted → finished ⇄ delivered
//!    │          │ │        │
//!    ▼          ▼ └──────┐ ▼
//! dropped   ambiguous  → failed
//! ```
//!
//! Only `intended` is ever submitted, and it becomes `sending` before the first byte is sent. From `sending` it comes back only
//! by the word of the process that submitted it, when surely no task was made. An unknown outcome is `ambiguous`, and no way
//! leads back from there: a retry is another job.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::units::Units;

/// An enumeration whose values have words in the record.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$doc])* $value,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$value),+];

            /// Its word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }
        }
    };
}
pub(super) use words;

words! {
    /// Where a job is, in the order of its life.
    State {
        /// To be submitted, nothing paid.
        Intended = "intended",
        /// Being submitted; recorded before the first byte is sent.
        Sending = "sending",
        /// A task was made, and is paid.
        Accepted = "accepted",
        /// The task has ended with an output, which is not downloaded.
        Finished = "finished",
        /// The output is downloaded, whole.
        Delivered = "delivered",
        /// Outcome unknown: its task is looked up, and it is never submitted again.
        Ambiguous = "ambiguous",
        /// Rejected, or the task ended without an output.
        Failed = "failed",
        /// Dropped before it was submitted.
        Dropped = "dropped",
    }
}

words! {
    /// What happens to a job.
    Event {
        /// It is about to be submitted.
        Claim = "claim",
        /// A task was made, by its response or a look-up.
        Accept = "accept",
        /// Surely no task was made, and a retry may help.
        Return = "return",
        /// Surely no task was made, and a retry would not help.
        Refuse = "refuse",
        /// Nobody can tell whether a task was made.
        Lose = "lose",
        /// The task ended with an output.
        End = "end",
        /// The task ended without one.
        Fail = "fail",
        /// The output is downloaded.
        Deliver = "deliver",
        /// Its file is gone, or is another.
        Miss = "miss",
        /// The user drops it.
        Drop = "drop",
    }
}

impl State {
    /// The state that an event leads to; none if it comes too late or a second time, and changes nothing.
    pub const fn after(self, event: Event) -> Option<Self> {
        use State::{Accepted, Ambiguous, Delivered, Dropped, Failed, Finished, Intended, Sending};
        match (self, event) {
            (Intended, Event::Claim) => Some(Sending),
            (Intended, Event::Drop) => Some(Dropped),
            (Sending | Ambiguous, Event::Accept) => Some(Accepted),
            (Sending, Event::Return) => Some(Intended),
            // The user may have retried it meanwhile.
            (Ambiguous, Event::Return) => Some(Failed),
            (Sending | Ambiguous, Event::Refuse) => Some(Failed),
            (Sending, Event::Lose) => Some(Ambiguous),
            (Accepted, Event::End) => Some(Finished),
            (Accepted, Event::Fail) => Some(Failed),
            (Finished, Event::Deliver) => Some(Delivered),
            (Delivered, Event::Miss) => Some(Finished),
            _ => None,
        }
    }

    /// What a job books: nothing before it is submitted and after it failed, its estimate while it may cost something, what
    /// was deducted once that is known.
    pub fn books(self, estimate: Units, settled: Option<Units>) -> Units {
        match self {
            Self::Intended | Self::Failed | Self::Dropped => Units::default(),
            Self::Sending | Self::Accepted | Self::Ambiguous => estimate,
            Self::Finished | Self::Delivered => settled.unwrap_or(estimate),
        }
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == word);
        known.ok_or_else(|| format!("a state that this version does not know: {word}"))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
