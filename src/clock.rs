//! Time and chance, injected: every wait and every random choice of the crate goes through [`Clock`], so that a test
//! decides when a minute has passed and none of them sleeps.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// A pending wait.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// Where the client takes its time and its randomness from.
///
/// The default is [`SystemClock`]. A test hands its own to [`ClientBuilder::clock`](crate::ClientBuilder::clock).
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time since some fixed moment; it never goes back.
    fn now(&self) -> Duration;

    /// Resolves once `now()` has reached `now() + wait` as of this call.
    fn sleep(&self, wait: Duration) -> Sleep;

    /// The same as [`sleep`](Self::sleep), as a guard over something under way: it is dropped when that ends first.
    ///
    /// A test's clock that jumps over every sleep leaves a guard pending, so that no limit is hit while a socket works.
    fn guard(&self, limit: Duration) -> Sleep {
        self.sleep(limit)
    }

    /// The date and time, for headers that name one.
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    /// A number from 0 up to but not including 1, to spread waits.
    fn random(&self) -> f64;
}

/// The clock's random number, or the middle if it is none from 0 to 1.
pub(crate) fn chance(clock: &dyn Clock) -> f64 {
    share(clock.random())
}

fn share(number: f64) -> f64 {
    if (0.0..1.0).contains(&number) { number } else { 0.5 }
}

/// How old something was at a moment of a clock; from there on that clock counts, whatever becomes of the date.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Age {
    at: Duration,
    age: Duration,
}

impl Age {
    pub(crate) fn new(clock: &dyn Clock, age: Duration) -> Self {
        Self { at: clock.now(), age }
    }

    /// The age of what was made on a date; none if that lies ahead, because one of the two dates is wrong.
    pub(crate) fn of(clock: &dyn Clock, made: SystemTime) -> Option<Self> {
        Some(Self::new(clock, clock.wall().duration_since(made).ok()?))
    }

    pub(crate) fn now(&self, clock: &dyn Clock) -> Duration {
        self.age.saturating_add(clock.now().saturating_sub(self.at))
    }
}

/// The machine's monotonic clock, through tokio's timer.
#[derive(Debug)]
pub struct SystemClock {
    start: tokio::time::Instant,
}

impl SystemClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self { start: tokio::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(wait))
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_gives_no_share_spreads_nothing() {
        assert_eq!(share(0.25), 0.25);
        for odd in [1.0, -0.1, 7.0, f64::NAN, f64::INFINITY] {
            assert_eq!(share(odd), 0.5);
        }
    }
}
