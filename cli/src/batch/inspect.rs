//! Whether what was delivered is still here, whole: each file is held against the length and the hash in the record.

use std::path::Path;
use std::time::SystemTime;

use crate::error::Result;
use crate::record::{Detail, Job, millis};
use crate::request::hash_file;
use crate::state::{Event, State};
use crate::store::Store;

/// So many jobs are looked at in one query.
const PAGE: i64 = 500;

/// Looks at every delivered file. What is gone or differs is to be fetched again, if it still can be; tells of each.
/// Gives how many those are.
///
/// # Errors
/// Those of the database.
pub async fn inspect(store: &Store, now: SystemTime, mut tell: impl FnMut(&str)) -> Result<u64> {
    let (mut behind, mut missed) = (0, 0);
    loop {
        let page = store.in_state(State::Delivered, behind, PAGE).await?;
        let Some(last) = page.last() else { return Ok(missed) };
        behind = last.id;
        for job in page {
            if let Some(found) = look(store, &job, now).await? {
                tell(&format!("job {}: {} {}", job.id, job.output, found.told));
                missed += u64::from(found.is_fetched_again);
            }
        }
    }
}

/// What is wrong with what was delivered.
pub(crate) struct Found {
    pub told: String,
    pub is_fetched_again: bool,
}

/// Looks at the file of a job that was delivered; if it is gone or differs, it is to be fetched again, if it still can be.
pub(crate) async fn look(store: &Store, job: &Job, now: SystemTime) -> Result<Option<Found>> {
    let (path, size, sha256) = (job.output.clone(), job.file_size, job.file_sha256.clone());
    let looked = tokio::task::spawn_blocking(move || wrong(Path::new(&path), size, sha256.as_deref())).await;
    let Ok(Some(reason)) = looked else { return Ok(None) };
    if job.expires_at.is_some_and(|at| at <= millis(now)) {
        let told = format!("{reason}, and its video has vanished since");
        return Ok(Some(Found { told, is_fetched_again: false }));
    }
    let note = Some(format!("the file {reason}"));
    store.tell(job.id, job.attempt, Event::Miss, &Detail { note, ..Detail::default() }).await?;
    Ok(Some(Found { told: format!("{reason}, and is fetched again"), is_fetched_again: true }))
}

/// What is wrong with a file; the length is looked at first, so that most of what is wrong costs no reading.
fn wrong(path: &Path, size: Option<i64>, sha256: Option<&str>) -> Option<&'static str> {
    match path.metadata() {
        Err(_) => Some("is gone"),
        Ok(found) if i64::try_from(found.len()).ok() != size => Some("is not the file that was delivered"),
        Ok(_) => match hash_file(path) {
            Ok((_, found)) if Some(found.as_str()) == sha256 => None,
            Ok(_) => Some("is not the file that was delivered"),
            Err(_) => Some("cannot be read"),
        },
    }
}
