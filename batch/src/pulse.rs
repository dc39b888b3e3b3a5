//! Who is alive, told by heartbeats that are counted and never dated: a date that jumps kills nobody.
//!
//! Each worker counts up a number in the record. Whoever watches compares the numbers with those that it saw before, by its
//! own monotonic clock. While the watcher itself could not look, nobody's time runs.

use std::collections::HashMap;
use std::time::Duration;

/// So many beats missed in a row mean death: one is a busy disk, three a lost connection that came back.
const MISSED: u32 = 4;

/// What a watcher saw of the others.
#[derive(Debug)]
pub struct Pulse {
    interval: Duration,
    seen: HashMap<String, (i64, Duration)>,
    looked: Option<Duration>,
}

impl Pulse {
    /// A watcher of workers that beat so often.
    pub fn new(interval: Duration) -> Self {
        Self { interval, seen: HashMap::new(), looked: None }
    }

    /// Takes the beats of all workers as they are at a moment, and gives those who have been still for too long.
    pub fn look(&mut self, now: Duration, beats: Vec<(String, i64)>) -> Vec<(String, i64)> {
        let limit = self.interval * MISSED;
        // Where this process stood still, or the database was away, the others may have as well.
        let was_away = self.looked.is_none_or(|looked| now.saturating_sub(looked) > self.interval * 2);
        self.looked = Some(now);
        self.seen.retain(|id, _| beats.iter().any(|(other, _)| other == id));
        let mut dead = Vec::new();
        for (id, count) in beats {
            let seen = self.seen.entry(id.clone()).or_insert((count, now));
            if was_away || seen.0 != count {
                *seen = (count, now);
            } else if now.saturating_sub(seen.1) >= limit {
                dead.push((id, count));
            }
        }
        dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(pulse: &mut Pulse, second: u64, beats: &[(&str, i64)]) -> Vec<String> {
        let beats = beats.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect();
        pulse.look(Duration::from_secs(second), beats).into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn only_who_stands_still_under_an_unbroken_watch_is_dead() {
        let mut pulse = Pulse::new(Duration::from_secs(5));
        assert!(look(&mut pulse, 1000, &[("a", 1), ("b", 7)]).is_empty(), "nothing is known of either");
        for step in 1..4 {
            assert!(look(&mut pulse, 1000 + 5 * step, &[("a", 1 + step as i64), ("b", 7)]).is_empty());
        }
        assert_eq!(look(&mut pulse, 1020, &[("a", 5), ("b", 7)]), ["b"]);
        assert!(look(&mut pulse, 1021, &[("a", 5), ("b", 8)]).is_empty(), "it was only slow");
    }

    #[test]
    fn nobody_dies_while_the_watcher_is_away() {
        let mut pulse = Pulse::new(Duration::from_secs(5));
        look(&mut pulse, 0, &[("a", 1)]);
        assert!(look(&mut pulse, 3600, &[("a", 1)]).is_empty());
        assert!(look(&mut pulse, 3610, &[("a", 1)]).is_empty());
        assert_eq!(look(&mut pulse, 3620, &[("a", 1)]), ["a"]);
    }
}
