//! Time as the sandbox sees it. Everything that depends on time (the status of a task, its timestamps, the expiry of a
//! video's address) is computed from a [`Clock`], so that a test moves a task by moving the clock and never sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

/// Where a manual clock starts: the moment of a recorded response of the API, so that timestamps look as they do there.
const MANUAL_START: Duration = Duration::from_millis(1_764_235_825_029);

/// Clock of a sandbox: it runs or is stopped, and can be moved ahead in both cases.
///
/// Clones are the same clock: a test can give one to several sandboxes, and let the client's clock move it.
///
/// ```
/// use kling_sandbox::Clock;
/// use std::time::Duration;
///
/// let clock = Clock::manual();
/// let before = clock.unix_time();
/// clock.advance(Duration::from_secs(240));
/// assert_eq!(clock.unix_time() - before, Duration::from_secs(240));
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Duration,
    /// Since when it runs; a manual clock does not.
    running_since: Option<Instant>,
    /// Nanoseconds by which [`Clock::advance`] moved it: 64 bits hold 584 years.
    advanced: AtomicU64,
    /// It was moved, or another number of sleepers wait for it.
    changed: Notify,
    sleepers: AtomicUsize,
}

/// Counts one sleeper as long as it sleeps, also when its future is dropped.
struct Asleep<'a>(&'a Inner);

impl<'a> Asleep<'a> {
    fn new(clock: &'a Inner) -> Self {
        clock.sleepers.fetch_add(1, Ordering::SeqCst);
        clock.changed.notify_waiters();
        Self(clock)
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.0.sleepers.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

impl Clock {
    /// A clock that starts at the present and runs. It reads tokio's time: in a test with paused time it pauses too.
    pub fn real() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::new(now, Some(Instant::now()))
    }

    /// A clock that stands still at a fixed moment, until [`Clock::advance`] moves it.
    pub fn manual() -> Self {
        Self::new(MANUAL_START, None)
    }

    /// Moves the clock ahead, and returns its new [`unix_time`](Self::unix_time).
    pub fn advance(&self, by: Duration) -> Duration {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let add = |advanced: u64| Some(advanced.saturating_add(by));
        // The closure never gives None, so there is no failure to look at.
        let _ = self.0.advanced.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add);
        if by != 0 {
            self.0.changed.notify_waiters();
        }
        self.unix_time()
    }

    /// How many things wait for this clock: requests that a fault has paused, slow requests and responses between two of
    /// their bytes, and callbacks whose time has not come. A test that waits
    /// ([`Sandbox::until`](crate::Sandbox::until)) until there is one knows that its next [`Clock::advance`] counts from
    /// here.
    pub fn sleepers(&self) -> usize {
        self.0.sleepers.load(Ordering::SeqCst)
    }

    /// The time since 1970, in UTC.
    pub fn unix_time(&self) -> Duration {
        let ran = self.0.running_since.map_or(Duration::ZERO, |since| since.elapsed());
        self.0.start + ran + Duration::from_nanos(self.0.advanced.load(Ordering::SeqCst))
    }

    /// Waits until so much time has passed on this clock, by itself or by [`Clock::advance`].
    pub(crate) async fn sleep(&self, time: Duration) {
        let until = self.unix_time().saturating_add(time);
        let _asleep = Asleep::new(&self.0);
        loop {
            // Before the clock is read, so that no advance in between is missed.
            let moved = self.0.changed.notified();
            let left = until.saturating_sub(self.unix_time());
            if left.is_zero() {
                return;
            }
            if self.0.running_since.is_some() {
                let _ = tokio::time::timeout(left, moved).await;
            } else {
                moved.await;
            }
        }
    }

    /// Resolves when the clock is moved, or when another number of sleepers wait for it, as of this call.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.0.changed.notified()
    }

    fn new(start: Duration, running_since: Option<Instant>) -> Self {
        Self(Arc::new(Inner {
            start,
            running_since,
            advanced: AtomicU64::new(0),
            changed: Notify::new(),
            sleepers: AtomicUsize::new(0),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_the_same_clock() {
        let clock = Clock::manual();
        let other = clock.clone();
        other.advance(Duration::from_secs(7));
        assert_eq!(clock.unix_time(), MANUAL_START + Duration::from_secs(7));
    }

    #[test]
    fn advancing_beyond_all_bounds_does_not_wrap_around() {
        let clock = Clock::manual();
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert!(clock.unix_time() > MANUAL_START + Duration::from_secs(500 * 365 * 86_400));
    }

    #[tokio::test(start_paused = true)]
    async fn a_real_clock_pauses_with_tokios_time() {
        let clock = Clock::real();
        let before = clock.unix_time();
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.unix_time() - before, Duration::from_secs(90));
    }

    #[test]
    fn a_real_clock_starts_at_the_present_and_can_jump() {
        let clock = Clock::real();
        let before = clock.unix_time();
        clock.advance(Duration::from_secs(3600));
        let moved = clock.unix_time() - before;
        assert!(moved >= Duration::from_secs(3600), "moved by {moved:?}");
        assert!(before > MANUAL_START, "the present is later than the recording");
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_was_moved_far_enough_and_not_before() {
        let clock = Clock::manual();
        let other = clock.clone();
        let sleeper = tokio::spawn(async move { other.sleep(Duration::from_secs(10)).await });
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(9));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!((clock.sleepers(), sleeper.is_finished()), (1, false));
        clock.advance(Duration::from_secs(1));
        sleeper.await.expect("it wakes");
        assert_eq!(clock.sleepers(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleeper_on_a_real_clock_wakes_by_itself() {
        let clock = Clock::real();
        clock.sleep(Duration::from_secs(90)).await;
        assert_eq!(clock.sleepers(), 0);
    }
}
