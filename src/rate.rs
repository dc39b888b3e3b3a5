//! The poll rate of a client: slots at even distances, first come, first served. It never sleeps, time is given to it.
//!
//! A wait reserves a slot, sleeps until then, and takes it. A reservation orders the waits; only the taking permits a poll,
//! so that no burst follows when a wait that was not polled for a while goes on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How late a slot may be taken before the wait has to queue again.
const LATENESS: Duration = Duration::from_secs(1);
/// Pause of all polls after a 429; doubled with each further 429 in a row.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Clones share it.
#[derive(Clone)]
pub(crate) struct PollRate {
    spacing: Duration,
    slots: Arc<Mutex<Slots>>,
}

#[derive(Default)]
struct Slots {
    /// No poll begins before.
    open: Duration,
    /// The first slot after all that were reserved.
    next: Duration,
    /// Reserved slots that were returned.
    returned: BTreeSet<Duration>,
    /// How many 429 came in a row.
    too_many: u32,
}

/// A reserved slot; dropped unused, it is returned.
pub(crate) struct Slot {
    rate: PollRate,
    at: Duration,
}

impl PollRate {
    /// A rate of so many polls a second, without a limit if infinite; `None` for what is not a positive number.
    pub(crate) fn new(per_second: f64) -> Option<Self> {
        let spacing = Duration::try_from_secs_f64(per_second.recip()).ok().filter(|_| per_second > 0.0)?;
        Some(Self { spacing, slots: Arc::default() })
    }

    /// Reserves the first free slot.
    pub(crate) fn reserve(&self, now: Duration) -> Slot {
        Slot { rate: self.clone(), at: self.slots().reserve(now, self.spacing) }
    }

    /// Takes note of a response: a 429 delays the next poll of all waits, any other ends the delays.
    ///
    /// A single 429 costs all a second, so that one task, or one `Retry-After`, cannot silence the others.
    pub(crate) fn note(&self, too_many: bool, now: Duration) {
        let mut slots = self.slots();
        if too_many {
            let pause = FIRST_PAUSE.saturating_mul(1 << slots.too_many.min(6)).min(LONGEST_PAUSE);
            slots.open = slots.open.max(now.saturating_add(pause));
        }
        slots.too_many = if too_many { slots.too_many.saturating_add(1) } else { 0 };
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    fn reserve(&mut self, now: Duration, spacing: Duration) -> Duration {
        let first = now.max(self.open);
        self.returned = self.returned.split_off(&first);
        self.returned.pop_first().unwrap_or_else(|| {
            let slot = first.max(self.next);
            self.next = slot.saturating_add(spacing);
            slot
        })
    }
}

impl Slot {
    /// Takes the slot: `None` if the poll may begin now, else the moment at which to try again.
    pub(crate) fn take(&mut self, now: Duration) -> Option<Duration> {
        let (mut slots, spacing) = (self.rate.slots(), self.rate.spacing);
        if now < self.at {
            return Some(self.at);
        }
        if now >= slots.open {
            slots.open = now.saturating_add(spacing);
            return None;
        }
        let is_missed = now > self.at.saturating_add(LATENESS) || slots.open - now > spacing;
        if !is_missed {
            // Only the poll before began a little late.
            return Some(slots.open);
        }
        self.at = slots.reserve(now, spacing);
        Some(self.at)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut slots = self.rate.slots();
        // One that was taken, or whose time has passed, is of no use.
        if self.at >= slots.open {
            slots.returned.insert(self.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn slots_are_evenly_spread_and_given_in_order() {
        let rate = PollRate::new(10.0).unwrap();
        let mut slots: Vec<_> = (0..1000).map(|_| rate.reserve(millis(50))).collect();
        for (index, slot) in slots.iter_mut().enumerate() {
            let at = millis(50 + 100 * index as u64);
            assert_eq!(slot.at, at);
            assert_eq!(slot.take(at), None);
        }
        assert_eq!(rate.reserve(millis(200_000)).at, millis(200_000), "an idle rate delays nothing");
    }

    #[test]
    fn missed_slots_are_no_burst_and_keep_their_order() {
        let rate = PollRate::new(10.0).unwrap();
        let mut slots: Vec<_> = (0..5).map(|_| rate.reserve(millis(0))).collect();
        let again: Vec<_> = slots.iter_mut().map(|slot| slot.take(millis(5000))).collect();
        assert_eq!(again, [None, Some(millis(5100)), Some(millis(5200)), Some(millis(5300)), Some(millis(5400))]);
    }

    #[test]
    fn a_poll_that_begins_late_delays_its_neighbour_by_as_much_and_does_not_send_it_to_the_end() {
        let rate = PollRate::new(10.0).unwrap();
        let mut slots: Vec<_> = (0..9).map(|_| rate.reserve(millis(0))).collect();
        assert_eq!(slots[0].take(millis(30)), None);
        assert_eq!(slots[1].take(millis(100)), Some(millis(130)));
        assert_eq!(slots[1].take(millis(130)), None);
    }

    #[test]
    fn a_slot_that_was_returned_is_given_again_until_its_time_has_passed() {
        let rate = PollRate::new(10.0).unwrap();
        drop((0..1000).map(|_| rate.reserve(millis(0))).collect::<Vec<_>>());
        assert_eq!(rate.reserve(millis(1)).at, millis(100));
        assert_eq!(rate.reserve(millis(450)).at, millis(500));
        let mut taken = rate.reserve(millis(500));
        assert_eq!(taken.take(millis(500)), None);
        drop(taken);
        assert_eq!(rate.reserve(millis(500)).at, millis(600), "a slot that was taken is not given again");
    }

    #[test]
    fn a_429_delays_all_by_a_second_and_more_only_if_more_follow() {
        let rate = PollRate::new(10.0).unwrap();
        let mut now = millis(0);
        for pause in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            rate.note(true, now);
            let next = rate.reserve(now).at;
            assert_eq!(next - now, Duration::from_secs(pause));
            now = next;
        }
        rate.note(false, now);
        assert_eq!(rate.reserve(now).at, now);
        rate.note(true, now);
        assert_eq!(rate.reserve(now).at - now, millis(1000));
    }

    #[test]
    fn slots_reserved_before_a_429_keep_their_order_after_it() {
        let rate = PollRate::new(10.0).unwrap();
        let mut slots: Vec<_> = (0..3).map(|_| rate.reserve(millis(0))).collect();
        rate.note(true, millis(0));
        for (index, slot) in slots.iter_mut().enumerate() {
            let at = slot.at;
            assert_eq!(slot.take(at), Some(millis(1000 + 100 * index as u64)));
        }
    }

    #[test]
    fn only_a_positive_number_is_a_rate() {
        for none in [0.0, -0.0, -1.0, f64::NAN, f64::NEG_INFINITY, 1e-300] {
            assert!(PollRate::new(none).is_none(), "{none}");
        }
        let unlimited = PollRate::new(f64::INFINITY).unwrap();
        for _ in 0..9 {
            assert_eq!(unlimited.reserve(millis(7)).take(millis(7)), None);
        }
    }
}
