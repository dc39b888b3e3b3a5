//! The states of a job and what may lead from one to the next: a pure function, on which no payment twice rests.
//!
//! ```text
//! intended ⇄ sending → accepted → finished ⇄ delivered
//!    │          │ │        │
//!    ▼          ▼ └──────┐ ▼
//! dropped   ambiguous  → failed
//! ```
//!
//! Only `intended` is ever sent, and it is left for `sending` before the first byte is. From `sending` it comes back only
//! by the word of the process that sent it, when surely no task was made. What nobody can tell is `ambiguous`, and from
//! there no way leads back: a retry is another job.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::units::Units;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// To be sent, nothing paid.
    Intended,
    /// On its way; written before its first byte is sent.
    Sending,
    /// A task was made, and is paid.
    Accepted,
    /// The task has ended with a video that is not here yet.
    Finished,
    /// The video is here, whole.
    Delivered,
    /// A task may exist and be paid: it is looked for, and never sent again by itself.
    Ambiguous,
    /// Refused, or the task ended without a video.
    Failed,
    /// Taken back before it was sent.
    Dropped,
}

/// What happened to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A worker is about to send it.
    Claim,
    /// A task was made: the answer said so, or it was found.
    Accept,
    /// Surely no task was made, and sending again may help.
    Return,
    /// Surely no task was made, and sending again as it is would not help.
    Refuse,
    /// Nobody can tell whether a task was made.
    Lose,
    /// The task ended with a video.
    End,
    /// The task ended without one.
    Fail,
    /// The video is here.
    Deliver,
    /// Its file is gone, or is another.
    Miss,
    /// The user takes it back.
    Drop,
}

impl State {
    /// All of them, in the order of a job's life.
    pub const ALL: [Self; 8] = [
        Self::Intended,
        Self::Sending,
        Self::Accepted,
        Self::Finished,
        Self::Delivered,
        Self::Ambiguous,
        Self::Failed,
        Self::Dropped,
    ];

    /// The state that an event leads to; none if it comes too late or a second time, and changes nothing.
    pub const fn after(self, event: Event) -> Option<Self> {
        use State::{Accepted, Ambiguous, Delivered, Dropped, Failed, Finished, Intended, Sending};
        match (self, event) {
            (Intended, Event::Claim) => Some(Sending),
            (Intended, Event::Drop) => Some(Dropped),
            (Sending | Ambiguous, Event::Accept) => Some(Accepted),
            (Sending, Event::Return) => Some(Intended),
            // Its sender was thought dead and knows better; but the user may have ordered it anew meanwhile.
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

    /// What a job books in this state: nothing before it is sent and after it failed, its estimate while it may cost
    /// something, what was deducted once that is known.
    pub fn books(self, estimate: Units, settled: Option<Units>) -> Units {
        match self {
            Self::Intended | Self::Failed | Self::Dropped => Units::default(),
            Self::Sending | Self::Accepted | Self::Ambiguous => estimate,
            Self::Finished | Self::Delivered => settled.unwrap_or(estimate),
        }
    }

    /// The word that the record keeps.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Finished => "finished",
            Self::Delivered => "delivered",
            Self::Ambiguous => "ambiguous",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == word);
        known.ok_or_else(|| format!("the record has a state that this version does not know: {word}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [Event; 10] = [
        Event::Claim,
        Event::Accept,
        Event::Return,
        Event::Refuse,
        Event::Lose,
        Event::End,
        Event::Fail,
        Event::Deliver,
        Event::Miss,
        Event::Drop,
    ];

    #[test]
    fn the_whole_table() {
        for (state, ways) in [
            ("intended", "claim=sending drop=dropped"),
            ("sending", "accept=accepted return=intended refuse=failed lose=ambiguous"),
            ("accepted", "end=finished fail=failed"),
            ("finished", "deliver=delivered"),
            ("delivered", "miss=finished"),
            ("ambiguous", "accept=accepted return=failed refuse=failed"),
            ("failed", ""),
            ("dropped", ""),
        ] {
            let state: State = state.parse().unwrap();
            let found: Vec<_> = EVENTS
                .into_iter()
                .filter_map(|event| Some(format!("{event:?}={}", state.after(event)?).to_lowercase()))
                .collect();
            assert_eq!(found.join(" "), ways, "{state}");
        }
    }

    #[test]
    fn an_event_that_comes_twice_changes_nothing_the_second_time() {
        for state in State::ALL {
            for event in EVENTS {
                if let Some(next) = state.after(event) {
                    assert_eq!(next.after(event), None, "{state} {event:?}");
                }
            }
        }
    }

    #[test]
    fn what_may_have_been_paid_is_never_sent_again() {
        let reachable = |from: State| {
            let mut found = vec![from];
            let mut at = 0;
            while let Some(&state) = found.get(at) {
                found.extend(
                    EVENTS
                        .into_iter()
                        .filter_map(|event| state.after(event))
                        .filter(|s| !found.contains(s))
                        .collect::<Vec<_>>(),
                );
                at += 1;
            }
            found
        };
        for paid in [State::Accepted, State::Finished, State::Delivered, State::Ambiguous] {
            let states = reachable(paid);
            assert!(!states.contains(&State::Intended) && !states.contains(&State::Sending), "{paid}: {states:?}");
        }
    }

    #[test]
    fn the_estimate_stays_booked_until_it_is_known_better_or_nothing_was_bought() {
        let (estimate, settled) = (Units::from_thousandths(2000), Units::from_thousandths(1500));
        for (state, books) in [
            (State::Intended, [0, 0]),
            (State::Sending, [2000, 2000]),
            (State::Accepted, [2000, 2000]),
            (State::Ambiguous, [2000, 2000]),
            (State::Finished, [2000, 1500]),
            (State::Delivered, [2000, 1500]),
            (State::Failed, [0, 0]),
            (State::Dropped, [0, 0]),
        ] {
            let found = [None, Some(settled)].map(|settled| state.books(estimate, settled).thousandths());
            assert_eq!(found, books, "{state}");
        }
    }
}
