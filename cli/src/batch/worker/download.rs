//! Downloads outputs to their files.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Worker, in_short, lock};
use crate::batch::record::{Detail, Job};
use crate::batch::request::hash_file;
use crate::batch::state::{Event, State};

/// How many at a time: from a network that is made for it, onto one disk.
const DOWNLOADS: usize = 4;
/// How long the poll may take that a download begins with.
const POLL: Duration = Duration::from_secs(60);

impl Worker {
    /// Downloads the outputs of finished tasks, those that expire first in front.
    pub(super) async fn download(self: Arc<Self>) {
        let mut downloads = JoinSet::new();
        loop {
            while downloads.try_join_next().is_some() {}
            for id in self.due(State::Finished).unwrap_or_default() {
                if downloads.len() < DOWNLOADS
                    && !lock(&self.busy).contains(&id)
                    && let Ok(Some(job)) = self.store.job(id)
                {
                    lock(&self.busy).insert(id);
                    downloads.spawn(Arc::clone(&self).download_one(job));
                }
            }
            tokio::select! {
                () = self.rest(self.pace.tick) => {}
                Some(_) = downloads.join_next() => {}
            }
        }
    }

    async fn download_one(self: Arc<Self>, job: Job) {
        let what = job.label();
        match self.file(&job).await {
            Ok(file) => {
                let detail = Detail { file: Some(file), ..Detail::default() };
                self.written(&what, || self.store.apply(job.id, job.attempt, Event::Deliver, &detail)).await;
                self.say(&format!("{what}: {}", job.output.display()));
            }
            Err(reason) => {
                self.say(&format!("{what}: not downloaded: {reason}"));
                self.failed(job.id, State::Finished);
                _ = self.store.note(job.id, State::Finished, &reason);
            }
        }
        lock(&self.busy).remove(&job.id);
    }

    async fn file(&self, job: &Job) -> Result<(u64, String), String> {
        let path = job.output.clone();
        if let Some(folder) = path.parent() {
            let made = tokio::fs::create_dir_all(folder).await;
            made.map_err(|reason| format!("{}: {reason}", folder.display()))?;
        }
        if !job.begun {
            if tokio::fs::symlink_metadata(&path).await.is_ok() {
                return Err(format!("{} exists and is kept; move it away, then resume", path.display()));
            }
            // From here on a file of that name is this job's.
            self.store.begin_file(job.id).map_err(|failure| failure.in_one_line())?;
        }
        let id = job.task_id.clone().unwrap_or_default();
        let task = self.client.task(job.operation.clone(), id).map_err(|error| in_short(&error))?;
        let finished = task.wait().timeout(POLL).await.map_err(|error| in_short(&error))?;
        let download = finished.download(&path).overwrite(job.begun).output(0).await;
        let path = download.map_err(|error| match error.hint() {
            Some(hint) => format!("{}; {hint}", in_short(&error)),
            None => in_short(&error),
        })?;
        let hashed = tokio::task::spawn_blocking(move || hash_file(&path)).await;
        hashed.map_err(|reason| reason.to_string())?.map_err(|reason| reason.to_string())
    }
}
