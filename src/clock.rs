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
