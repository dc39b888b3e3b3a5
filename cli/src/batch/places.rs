//! How many tasks may run at a time: what the user says at most, what the gateway was seen to let, and how slowly that
//! grows again. Pure; the record keeps the numbers, and the jobs that run are its permits.

/// How many orders must be taken, for each place, before one more is tried. A refusal costs nothing but a second of
/// everybody's time.
const ORDERS_PER_PLACE: i64 = 4;

/// The places for running tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// The most that the user allows.
    pub most: i64,
    /// What the gateway seems to allow.
    pub allowed: i64,
    /// The orders taken since `allowed` changed.
    pub credit: i64,
}

impl Places {
    /// Those of a user's word, with nothing learnt yet.
    pub const fn new(most: i64) -> Self {
        Self { most, allowed: most, credit: 0 }
    }

    /// Whether one more may run beside so many.
    pub fn free(self, running: i64) -> bool {
        running < self.allowed.clamp(1, self.most.max(1))
    }

    /// After a refusal (code 1303) while so many others of ours were running: no more than those.
    pub fn refused(self, others: i64) -> Self {
        Self { allowed: others.min(self.allowed - 1).max(1), credit: 0, ..self }
    }

    /// After an order was taken.
    pub fn taken(self) -> Self {
        let credit = self.credit + 1;
        if self.allowed >= self.most {
            Self { credit: 0, ..self }
        } else if credit >= ORDERS_PER_PLACE * self.allowed {
            Self { allowed: self.allowed + 1, credit: 0, ..self }
        } else {
            Self { credit, ..self }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_shrinks_at_once_to_what_runs_and_never_below_one() {
        for (allowed, others, after) in [(5, 3, 3), (5, 4, 4), (5, 9, 4), (5, 0, 1), (1, 0, 1), (1, 7, 1)] {
            let places = Places { allowed, ..Places::new(9) }.refused(others);
            assert_eq!((places.allowed, places.credit), (after, 0), "{allowed} {others}");
        }
    }

    #[test]
    fn it_grows_by_one_after_many_orders_and_never_over_the_users_word() {
        let mut places = Places::new(3).refused(1);
        let mut grown = Vec::new();
        for order in 1..=40 {
            let before = places.allowed;
            places = places.taken();
            if places.allowed != before {
                grown.push((order, places.allowed));
            }
        }
        assert_eq!(grown, [(4, 2), (12, 3)]);
    }

    #[test]
    fn there_is_always_one_place_and_never_more_than_allowed() {
        assert!(Places::new(0).free(0));
        assert!(!Places::new(3).free(3));
        assert!(!Places { allowed: 9, ..Places::new(3) }.free(3));
        assert!(Places::new(3).free(2));
    }
}
