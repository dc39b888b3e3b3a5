//! Time and chance, injected: every wait and every random choice of the crate goes through [`Clock`], so that a test
//! decides when a minute has passed and none of them sleeps.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
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

/// Clock for tests: a wait takes no time and moves the clock, a limit is never reached, and nothing is random.
///
/// It moves a clock of its own, or another one together with the client's:
///
/// ```
/// use kling_client::{Client, TestClock};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clock = kling_sandbox::Clock::manual();
/// let sandbox = kling_sandbox::Sandbox::builder().clock(clock.clone()).start().await?;
/// let client = Client::builder(sandbox.api_key())
///     .base_url(sandbox.base_url())
///     .clock(TestClock::moving(move |by| clock.advance(by)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TestClock(Arc<dyn Fn(Duration) -> Duration + Send + Sync>);

impl TestClock {
    /// A clock of its own. It starts on 2026-01-01.
    pub fn new() -> Self {
        let time = Mutex::new(Duration::from_secs(1_767_225_600));
        Self::moving(move |by| {
            let mut time = time.lock().unwrap_or_else(PoisonError::into_inner);
            *time = time.saturating_add(by);
            *time
        })
    }

    /// A clock that another one keeps: `advance` moves that by a time, which may be zero, and returns its new time since 1970.
    pub fn moving(advance: impl Fn(Duration) -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(advance))
    }

    /// Moves the clock, and returns its new time since 1970.
    pub fn advance(&self, by: Duration) -> Duration {
        (self.0)(by)
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestClock").field(&self.now()).finish()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        self.advance(Duration::ZERO)
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        self.advance(wait);
        Box::pin(std::future::ready(()))
    }

    fn guard(&self, _: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH.checked_add(self.now()).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn random(&self) -> f64 {
        0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_on_a_test_clock_takes_no_time_and_moves_every_copy_of_it() {
        let clock = TestClock::new();
        let (copy, start, date) = (clock.clone(), clock.now(), clock.wall());
        drop(clock.sleep(Duration::from_secs(240)));
        drop(clock.guard(Duration::from_secs(60)));
        assert_eq!(copy.now() - start, Duration::from_secs(240));
        assert_eq!(copy.wall().duration_since(date).unwrap(), Duration::from_secs(240));
        assert_eq!(copy.advance(Duration::MAX), Duration::MAX);
        assert_eq!(copy.wall(), SystemTime::UNIX_EPOCH, "beyond every date");
    }

    #[test]
    fn a_clock_that_gives_no_share_spreads_nothing() {
        assert_eq!(share(0.25), 0.25);
        for odd in [1.0, -0.1, 7.0, f64::NAN, f64::INFINITY] {
            assert_eq!(share(odd), 0.5);
        }
    }
}
