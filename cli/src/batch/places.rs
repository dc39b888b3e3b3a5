//! Places for running tasks: pure. The record has the numbers; the jobs that run are the permits.

/// So many submits must be accepted for each place before one more is tried. A rejection costs nothing but a second.
const SUBMITS_PER_PLACE: i64 = 4;

/// The places of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// The most that the user allows.
    pub most: i64,
    /// What the gateway seems to allow.
    pub allowed: i64,
    /// Submits accepted since `allowed` changed.
    pub credit: i64,
}

impl Places {
    /// Those that the user allows, with nothing learnt yet.
    pub const fn new(most: i64) -> Self {
        Self { most, allowed: most, credit: 0 }
    }

    /// Whether one more may run beside so many.
    pub fn free(self, running: i64) -> bool {
        running < self.allowed.clamp(1, self.most.max(1))
    }

    /// After a rejection (code 1303) while so many others were running: no more than those.
    pub fn refused(self, others: i64) -> Self {
        Self { allowed: others.min(self.allowed - 1).max(1), credit: 0, ..self }
    }

    /// After an accepted submit.
    pub fn taken(self) -> Self {
        let credit = self.credit + 1;
        if self.allowed >= self.most {
            Self { credit: 0, ..self }
        } else if credit >= SUBMITS_PER_PLACE * self.allowed {
            Self { allowed: self.allowed + 1, credit: 0, ..self }
        } else {
            Self { credit, ..self }
        }
    }
}
