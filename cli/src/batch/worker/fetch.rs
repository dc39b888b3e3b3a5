//! Brings videos to their files.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Worker, label, lock, said};
use crate::record::{Detail, Job};
use crate::request::hash_file;
use crate::state::{Event, State};

/// How many videos are fetched at a time: they come from a network that is made for it, onto one disk.
const DOWNLOADS: usize = 4;
/// How long the one answer may take that a fetch begins with.
const ONE_ANSWER: Duration = Duration::from_secs(60);

impl Worker {
    /// Brings videos to their files.
    pub(super) async fn fetch(self: Arc<Self>) {
        let mut videos = JoinSet::new();
        loop {
            while videos.try_join_next().is_some() {}
            if videos.len() < DOWNLOADS {
                let not = self.not_due(State::Finished);
                if let Ok(Some(job)) = self.store.claim_video(&self.id, self.client.base_url(), &not).await {
                    lock(&self.busy).insert(job.id);
                    videos.spawn(Arc::clone(&self).video(job));
                    continue;
                }
            }
            tokio::select! {
                () = self.rest(self.pace.tick) => {}
                Some(_) = videos.join_next() => {}
            }
        }
    }

    async fn video(self: Arc<Self>, job: Job) {
        match self.brought(&job).await {
            Ok(file) => {
                let detail = Detail { file: Some(file), ..Detail::default() };
                match self.store.tell(job.id, job.attempt, Event::Deliver, &detail).await {
                    Ok(_) => {
                        self.say(&format!("{}: {}", label(&job), job.output));
                        self.to_report(job.batch);
                    }
                    Err(error) => {
                        self.say(&format!("{}: is here, and cannot be written down: {}", label(&job), error.told()));
                        self.released(&job, None).await;
                    }
                }
            }
            Err(reason) => {
                self.say(&format!("{}: not fetched: {reason}", label(&job)));
                self.released(&job, Some(&reason)).await;
            }
        }
        lock(&self.busy).remove(&job.id);
    }

    async fn released(&self, job: &Job, note: Option<&str>) {
        self.failed(job.id, State::Finished);
        let mut pause = self.pace.pause;
        while self.store.release_video(job.id, &self.id, note).await.is_err() {
            self.rest(pause).await;
            pause = (pause * 2).min(self.pace.pause * 60);
        }
    }

    async fn brought(&self, job: &Job) -> Result<(u64, String), String> {
        let path = PathBuf::from(&job.output);
        if let Some(folder) = path.parent() {
            let made = tokio::fs::create_dir_all(folder).await;
            made.map_err(|reason| format!("{}: {reason}", folder.display()))?;
        }
        if !job.begun {
            if tokio::fs::symlink_metadata(&path).await.is_ok() {
                return Err(format!("{} exists and is kept; move it away, then resume", path.display()));
            }
            // From here on a file of that name is this job's.
            self.store.begin_file(job.id).await.map_err(|error| error.told())?;
        }
        let id = job.task_id.clone().unwrap_or_default();
        let task = self.client.task(job.operation.clone(), id).map_err(|error| said(&error))?;
        let finished = task.wait().timeout(ONE_ANSWER).await.map_err(|error| said(&error))?;
        let download = finished.download(&path).overwrite(job.begun).output(0);
        let path = download.await.map_err(|error| match error.hint() {
            Some(hint) => format!("{}; {hint}", said(&error)),
            None => said(&error),
        })?;
        let hashed = tokio::task::spawn_blocking(move || hash_file(&path)).await;
        hashed.map_err(|reason| reason.to_string())?.map_err(|reason| reason.to_string())
    }
}
