//! Submits what is intended, and records the outcome.

use std::sync::Arc;
use std::time::Duration;

use kling_client::{Error, Reason, Request};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Failure, Rest, Until, Worker, accepted, grown, in_short, lock};
use crate::batch::record::{Back, Cause, Detail, Job, millis};
use crate::batch::state::{Event, State};
use crate::batch::store::Claim;
use crate::batch::verdict::{Streak, Verdict};
use crate::failure::Result;

/// What keeps jobs from being submitted.
pub(super) struct Halt {
    /// The operation and model; none for all jobs.
    of: Option<(String, String)>,
    pub(super) failure: Box<Failure>,
    /// When it is tried again, if it is.
    until: Option<Duration>,
}

/// How often a job may come back for a cause before it fails, without a charge.
const fn limit(cause: Cause) -> u32 {
    match cause {
        Cause::NotSent => 10,
        Cause::Busy => 20,
        // These wait for others, and say nothing of the job.
        Cause::Crowded | Cause::Halt => u32::MAX,
    }
}

impl Worker {
    /// Submits what is intended, as many at a time as there are places.
    pub(super) async fn submit(self: Arc<Self>, stop: &CancellationToken) {
        let mut submits = JoinSet::new();
        while !stop.is_cancelled() {
            while submits.try_join_next().is_some() {}
            match self.next() {
                Ok(Claim::Job(job)) => {
                    submits.spawn(Arc::clone(&self).submit_one(*job));
                    continue;
                }
                Ok(Claim::Nothing) if submits.is_empty() && self.is_done() => break,
                Ok(_) => {}
                Err(failure) => self.say(&format!("the record cannot be read, retrying: {}", failure.in_one_line())),
            }
            tokio::select! {
                () = self.rest(self.pace.tick) => {}
                // Its place is free.
                Some(_) = submits.join_next() => {}
                () = stop.cancelled() => {}
            }
        }
        if !submits.is_empty() {
            self.say(&format!("stopping, after the responses to {} submits", submits.len()));
        }
        while submits.join_next().await.is_some() {}
    }

    fn next(&self) -> Result<Claim> {
        let now = self.clock.now();
        if lock(&self.pause).until > now {
            return Ok(Claim::Later(None));
        }
        let halted: Option<Vec<_>> = {
            let mut halts = lock(&self.halts);
            halts.retain(|halt| halt.until.is_none_or(|until| until > now));
            halts.iter().map(|halt| halt.of.clone()).collect()
        };
        let Some(halted) = halted else { return Ok(Claim::Nothing) };
        let claim = self.store.claim(self.account, &halted);
        match &claim {
            Ok(Claim::Job(job)) => _ = lock(&self.busy).insert(job.id),
            Ok(_) => {}
            // A claim whose commit failed may be in the record all the same; its job was not submitted.
            Err(_) => {
                for id in self.store.ids_in(State::Sending, self.account)? {
                    if !lock(&self.busy).contains(&id)
                        && let Some(job) = self.store.job(id)?
                    {
                        self.store.apply(id, job.attempt, Event::Return, &Detail::default())?;
                    }
                }
            }
        }
        claim
    }

    async fn submit_one(self: Arc<Self>, job: Job) {
        let (event, detail) = self.outcome(&job).await;
        let task = detail.task.as_ref().map(|(task, _)| format!(": task {task}")).unwrap_or_default();
        let what = format!("{}{task}", job.label());
        let state = self.written(&what, || self.store.apply(job.id, job.attempt, event, &detail)).await;
        match detail.note {
            Some(note) => self.say(&format!("{what}: {}: {note}", state.map_or("unchanged", State::as_str))),
            None => self.say(&what),
        }
        lock(&self.busy).remove(&job.id);
    }

    async fn outcome(&self, job: &Job) -> (Event, Detail) {
        let noted = |note: String| Detail { note: Some(note), ..Detail::default() };
        let own = job.clone();
        let request = match tokio::task::spawn_blocking(move || prepared(&own)).await {
            Ok(Ok(request)) => request,
            Ok(Err(reason)) => return (Event::Refuse, noted(format!("not submitted: {reason}"))),
            Err(reason) => return (Event::Return, noted(format!("not submitted: {reason}"))),
        };
        let error = match self.client.submit(request).await {
            Ok(task) => {
                *lock(&self.pause) = Rest::default();
                *lock(&self.streak) = Streak::default();
                return (Event::Accept, accepted(&task));
            }
            Err(error) => error,
        };
        let verdict = Verdict::on(error.kind(), error.reason(), error.code());
        // An attempt before, which seemed not to have arrived, may be why this one is refused: the code of an invalid request
        // also says that the external id exists.
        if verdict == Verdict::Refused && job.attempt > 1 {
            match self.find(job).await {
                Ok(Some(task)) => return (Event::Accept, accepted(&task)),
                Err(note) if error.reason() == Reason::InvalidRequest => return (Event::Lose, noted(note)),
                _ => {}
            }
        }
        let goes_on = lock(&self.streak).goes_on(&error, self.clock.now());
        let cause = match verdict {
            Verdict::Refused | Verdict::Lost => return (verdict.event(), noted(in_short(&error))),
            Verdict::Again(cause) if !goes_on => cause,
            _ => Cause::Halt,
        };
        let note = in_short(&error);
        let before = self.store.came_back(job.id, cause).unwrap_or_default();
        if before + 1 >= limit(cause) {
            return (Event::Refuse, noted(format!("not submitted in {} attempts: {note}", before + 1)));
        }
        let rest = if cause == Cause::Halt {
            let model = || job.job_request().map(|request| request.model()).unwrap_or_default();
            let of = (verdict == Verdict::HaltModel).then(|| (job.operation.to_string(), model()));
            self.halt(of, error, if goes_on { "only status 429 for more than five minutes: " } else { "" });
            Duration::ZERO
        } else {
            let mut pause = lock(&self.pause);
            let least = error.retry_after().unwrap_or_default();
            let time = grown(self.pace.pause, pause.failures).max(least);
            *pause = Rest { failures: pause.failures + 1, until: self.clock.now() + time };
            grown(self.pace.pause, before).max(least)
        };
        let back = Some(Back { cause, not_before: millis(self.clock.wall() + rest) });
        (Event::Return, Detail { back, ..noted(note) })
    }

    fn halt(&self, of: Option<(String, String)>, error: Error, why: &str) {
        /// What a person must do takes minutes.
        const LATER: Duration = Duration::from_secs(300);
        let scope = of.as_ref().map(|(operation, model)| format!("of {operation} with {model} ")).unwrap_or_default();
        let until = (self.until == Until::Stopped).then(|| self.clock.now() + LATER);
        let how_long = if until.is_some() { " for five minutes" } else { "" };
        self.say(&format!("no job {scope}is submitted{how_long}: {why}{}", in_short(&error)));
        let mut failure = Box::<Failure>::from(error);
        failure.message.insert_str(0, why);
        let failure = failure.with_hint("the rest is still intended: settle that, then resume");
        let mut halts = lock(&self.halts);
        if halts.iter().all(|halt| halt.of != of) {
            halts.push(Halt { of, failure, until });
        }
    }
}

/// The request of a job, ready to be submitted; or why it must not be.
fn prepared(job: &Job) -> Result<Request, String> {
    let request = job.job_request()?;
    if !job.begun && std::fs::symlink_metadata(&job.output).is_ok() {
        return Err(format!("{} exists and is kept; move it away, then retry", job.output.display()));
    }
    if request.hash().map_err(|reason| reason.to_string())? != job.request_hash {
        return Err("a file is no longer what it was when the job was added; add it again".to_owned());
    }
    request.request(&job.external_id).map_err(|error| error.message().to_owned())
}
