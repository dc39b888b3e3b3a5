//! Whether delivered files are still there and whole: each is compared with the hash in the record.

use std::io::ErrorKind;
use std::time::SystemTime;

use super::record::{Detail, Job, millis};
use super::request::hash_file;
use super::state::{Event, State};
use super::store::Store;
use crate::failure::Result;

/// Checks every delivered file; `say` takes a line on each that is gone or differs.
///
/// # Errors
/// `Other` if the record cannot be read or written.
pub fn inspect(store: &Store, now: SystemTime, mut say: impl FnMut(&str)) -> Result<()> {
    for job in store.each(Some(State::Delivered)) {
        let job = job?;
        if let Some(defect) = inspect_job(store, &job, now)? {
            say(&format!("{}: {} {defect}", job.label(), job.output.display()));
        }
    }
    Ok(())
}

/// Checks the file of a delivered job, and returns what is wrong with it. The job becomes *finished* again, to be downloaded,
/// unless its output has expired.
pub(super) fn inspect_job(store: &Store, job: &Job, now: SystemTime) -> Result<Option<String>> {
    let defect = match hash_file(&job.output) {
        Ok((_, found)) if Some(&found) == job.file_sha256.as_ref() => return Ok(None),
        Ok(_) => "is not the file that was delivered",
        Err(reason) if reason.kind() == ErrorKind::NotFound => "is gone",
        Err(_) => "cannot be read",
    };
    if job.expires_at.is_some_and(|at| at <= millis(now)) {
        return Ok(Some(format!("{defect}, and its output has expired")));
    }
    let detail = Detail { note: Some(format!("the file {defect}")), ..Detail::default() };
    store.apply(job.id, job.attempt, Event::Miss, &detail)?;
    Ok(Some(format!("{defect}, and is downloaded again")))
}
