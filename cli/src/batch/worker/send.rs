//! Sends what is intended, and writes down what came of it.

use std::sync::Arc;
use std::time::Duration;

use kling_client::{Reason, Request};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Rest, Until, Worker, accepted, grown, label, lock, said};
use crate::error::{Error, Result};
use crate::record::{Detail, Job};
use crate::request::JobRequest;
use crate::state::{Event, State};
use crate::verdict::{Streak, Verdict};

impl Worker {
    /// Sends what is intended, one after the other, as many at a time as there are places.
    pub(super) async fn send(self: Arc<Self>, stop: &CancellationToken) {
        let mut orders = JoinSet::new();
        let mut unsure = false;
        while !stop.is_cancelled() {
            while orders.try_join_next().is_some() {}
            let left = lock(&self.pause).until.saturating_sub(self.clock.now());
            let halted = lock(&self.halted).is_some();
            let step = async {
                if unsure {
                    self.let_go().await?;
                    unsure = false;
                }
                if !left.is_zero() || halted {
                    return Ok(None);
                }
                let claimed = self.store.claim(&self.id, self.client.base_url()).await;
                unsure = claimed.is_err();
                claimed
            };
            match step.await {
                Ok(Some(job)) => {
                    lock(&self.busy).insert(job.id);
                    orders.spawn(Arc::clone(&self).order(job));
                    continue;
                }
                Ok(None) if left.is_zero() && orders.is_empty() && self.is_done(halted).await => break,
                Ok(None) => {}
                Err(error) => self.say(&format!("the record cannot be read, trying on: {}", error.told())),
            }
            let until = if left.is_zero() { self.pace.tick } else { left };
            tokio::select! {
                () = self.rest(until) => {}
                // Its place is free.
                Some(_) = orders.join_next() => {}
                () = stop.cancelled() => {}
            }
        }
        if !orders.is_empty() {
            self.say(&format!("stopping; {} orders on their way are waited for", orders.len()));
        }
        while orders.join_next().await.is_some() {}
    }

    /// Gives back what was claimed for this worker in a transaction whose answer was lost: it never got it, so surely
    /// nothing was sent.
    async fn let_go(&self) -> Result<()> {
        for job in self.store.held(&self.id).await? {
            if lock(&self.busy).contains(&job.id) {
                continue;
            }
            match job.state {
                State::Sending => _ = self.store.tell(job.id, job.attempt, Event::Return, &Detail::default()).await?,
                _ => self.store.release_video(job.id, &self.id, job.note.as_deref()).await?,
            }
        }
        Ok(())
    }

    /// One order, from its claim to the answer that is written down.
    async fn order(self: Arc<Self>, job: Job) {
        let (event, detail) = self.submitted(&job).await;
        let (name, note) = (label(&job), detail.note.clone().unwrap_or_default());
        let task = detail.task.as_ref().map(|(id, _)| id.clone());
        // A paid task that only this process knows of is written until it is written.
        let mut pause = self.pace.pause;
        loop {
            match self.store.tell(job.id, job.attempt, event, &detail).await {
                Ok(state) => {
                    if state == Some(State::Failed) {
                        self.to_report(job.batch);
                    }
                    match (event, task) {
                        (Event::Accept, Some(task)) if state.is_some() => self.say(&format!("{name}: task {task}")),
                        (Event::Accept, Some(task)) => {
                            self.say(&format!("{name}: task {task} was written down by another"));
                        }
                        _ => self.say(&format!("{name}: {}: {note}", state.map_or("unchanged", State::as_str))),
                    }
                    break;
                }
                Err(error) => {
                    let task = task.as_deref().map(|task| format!(", task {task}")).unwrap_or_default();
                    self.say(&format!("{name}{task} cannot be written down, trying on: {}", error.told()));
                    self.rest(pause).await;
                    pause = (pause * 2).min(self.pace.pause * 60);
                }
            }
        }
        lock(&self.busy).remove(&job.id);
    }

    async fn submitted(&self, job: &Job) -> (Event, Detail) {
        let noted = |note: String| Detail { note: Some(note), ..Detail::default() };
        let checked = job.clone();
        let request = match tokio::task::spawn_blocking(move || prepared(&checked)).await {
            Ok(Ok(request)) => request,
            Ok(Err(reason)) => return (Event::Refuse, noted(format!("nothing was sent: {reason}"))),
            Err(reason) => return (Event::Return, noted(format!("nothing was sent: {reason}"))),
        };
        let submitted = self.client.submit(request).await;
        let error = match submitted {
            Ok(task) => {
                *lock(&self.pause) = Rest::default();
                *lock(&self.streak) = Streak::default();
                return (Event::Accept, accepted(&task));
            }
            Err(error) => error,
        };
        let verdict = Verdict::on(error.kind(), error.reason());
        // What was sent before, and seemed not to have arrived, may be why it is refused now: the code of an invalid request
        // also says that the external id exists.
        if verdict == Verdict::Refused && job.attempt > 1 {
            match self.look_up(job).await {
                Ok(Some(task)) => return (Event::Accept, accepted(&task)),
                Err(note) if error.reason() == Reason::InvalidRequest => return (Event::Lose, noted(note)),
                _ => {}
            }
        }
        if verdict.event() == Event::Return {
            let mut pause = lock(&self.pause);
            let time = grown(self.pace.pause, pause.failures).max(error.retry_after().unwrap_or_default());
            *pause = Rest { failures: pause.failures + 1, until: self.clock.now() + time };
        }
        let goes_on = lock(&self.streak).goes_on(&error, self.clock.now());
        if verdict == Verdict::Halt {
            self.halt(&error, said(&error));
        } else if goes_on {
            self.halt(&error, format!("nothing but status 429 for more than five minutes: {}", said(&error)));
        }
        let crowded = verdict == Verdict::Crowded;
        (verdict.event(), Detail { crowded, ..noted(said(&error)) })
    }

    fn halt(&self, error: &kling_client::Error, reason: String) {
        /// What somebody must do takes them some minutes.
        const LATER: Duration = Duration::from_secs(300);
        match self.until {
            Until::Stopped => {
                lock(&self.pause).until = self.clock.now() + LATER;
                self.say(&format!("nothing is sent for five minutes: {reason}"));
            }
            Until::Done => {
                lock(&self.pause).until = self.clock.now();
                let halted = Error::new(error.kind(), "send", reason);
                let hint = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
                *lock(&self.halted) =
                    Some(halted.with_hint(format!("{hint}the rest is still intended: resume when that is settled")));
            }
        }
    }
}

/// The request of a job, ready to be submitted; or why it must not be.
fn prepared(job: &Job) -> Result<Request, String> {
    let request = JobRequest::read(&job.operation, &job.request)?;
    if !job.begun && std::fs::symlink_metadata(&job.output).is_ok() {
        return Err(format!("{} exists and is kept; move it away, then retry", job.output));
    }
    if request.hash().map_err(|reason| reason.to_string())? != job.request_hash {
        return Err("a picture is no longer what it was when the job was added; add it again".to_owned());
    }
    request.request(&job.external_id).map_err(|error| error.message().to_owned())
}
