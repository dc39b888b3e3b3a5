//! The limit on tasks that run at a time: a fair queue of permits, each of which lives in the handles of one task.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many tasks may run at a time, if that is limited. Clones are the same.
#[derive(Clone)]
pub(crate) struct Running(Option<Arc<Semaphore>>);

/// The right to run one task. Clones are the same; it returns when the task is seen to have ended, or with the last clone.
#[derive(Clone)]
pub(crate) struct Permit(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Running {
    pub(crate) fn new(most: Option<usize>) -> Self {
        Self(most.map(|most| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))))
    }

    /// Waits for a permit, first come, first served.
    pub(crate) async fn permit(&self) -> Option<Permit> {
        // It fails only for a semaphore that was closed, which nothing does.
        self.0.clone()?.acquire_owned().await.ok().map(Permit::new)
    }

    /// A permit if one is free: for a task that runs already, whether it has one or not.
    pub(crate) fn permit_if_free(&self) -> Option<Permit> {
        self.0.clone()?.try_acquire_owned().ok().map(Permit::new)
    }
}

impl Permit {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Mutex::new(Some(permit))))
    }

    /// Gives it back, whoever else holds it.
    pub(crate) fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
