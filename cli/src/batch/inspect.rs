//! Whether delivered files are still there and whole: each is compared with the size and the hash in the record.

use std::path::Path;
use std::time::SystemTime;

use super::record::{Detail, Job, millis};
use super::request::hash_file;
use super::state::{Event, State};
use super::store::Store;
use crate::failure::Result;

/// Checks every delivered file. A job whose file is gone or differs becomes *finished* again, to be downloaded, unless its
/// output has expired; `say` takes a line on each. Returns how many are to be downloaded.
///
/// # Errors
/// `Other` if the record cannot be read or written.
pub fn inspect(store: &Store, now: SystemTime, mut say: impl FnMut(&str)) -> Result<u64> {
    let mut missing = 0;
    for job in store.each(Some(State::Delivered)) {
        let job = job?;
        if let Some((defect, is_finished)) = inspect_job(store, &job, now)? {
            say(&format!("{}: {} {defect}", job.label(), job.output.display()));
            missing += u64::from(is_finished);
        }
    }
    Ok(missing)
}

/// Checks the file of a delivered job. Returns what is wrong with it, and whether it is to be downloaded again.
pub(super) fn inspect_job(store: &Store, job: &Job, now: SystemTime) -> Result<Option<(String, bool)>> {
    let Some(defect) = defect(&job.output, job.file_size, job.file_sha256.as_deref()) else { return Ok(None) };
    if job.expires_at.is_some_and(|at| at <= millis(now)) {
        return Ok(Some((format!("{defect}, and its output has expired"), false)));
    }
    let detail = Detail { note: Some(format!("the file {defect}")), ..Detail::default() };
    store.apply(job.id, job.attempt, Event::Miss, &detail)?;
    Ok(Some((format!("{defect}, and is downloaded again"), true)))
}

/// What is wrong with a file; the size comes first, as it needs no reading.
fn defect(path: &Path, size: Option<i64>, sha256: Option<&str>) -> Option<&'static str> {
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
