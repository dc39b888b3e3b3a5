//! The file for an output: its name, and whether it can be made.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Component, Path, is_separator};

use super::{Lines, NewJob};
use crate::failure::shortened;
use crate::target::extension;

/// Maximum length in bytes of a name, on all usual file systems.
const LONGEST_NAME: usize = 255;

/// Longest ending of the files that a download makes beside its target.
const BESIDE: &str = ".part.json";

impl Lines<'_> {
    /// The output as given; else that by the job's name, and that by its line, for a job without a name or with that of
    /// another.
    pub(super) fn files(&self, job: &NewJob, given: Option<&str>) -> Vec<String> {
        let extension = job.operation.output().map_or("mp4", extension);
        let stem = self.plan.manifest.file_stem().unwrap_or_default().to_string_lossy();
        let numbered = |name: &str| format!("{name}-{:05}.{extension}", job.line);
        let name = job.name.as_deref().map(plain).filter(|name| !name.is_empty());
        match (given, name) {
            (Some(given), _) => vec![given.to_owned()],
            (None, Some(name)) => vec![format!("{name}.{extension}"), numbered(&name)],
            (None, None) => vec![numbered(&plain(&stem))],
        }
    }

    /// Why the output of a job cannot be made, whatever its folder.
    pub(super) fn obstacle(&mut self, job: &NewJob, given: &str) -> Option<String> {
        let inside = job.output.strip_prefix(&self.out_dir).ok();
        let climbs = inside.is_none_or(|file| file.components().any(|part| part == Component::ParentDir));
        let file = job.output.file_name().map_or(0, |name| name.len() + BESIDE.len());
        let longest = job.output.iter().map(OsStr::len).chain([file]).max().unwrap_or_default();
        let shown = shortened(&job.output.to_string_lossy()).into_owned();
        let (expected, given) = if inside == Some(Path::new("")) || file == 0 || given.ends_with(is_separator) {
            ("a file", "a directory".to_owned())
        } else if climbs && !self.plan.outside {
            ("a path inside of the output folder, or --allow-outside", shown)
        } else if longest > LONGEST_NAME {
            ("names of at most 255 bytes, with .part.json of a download", format!("{longest} bytes"))
        } else {
            let kind = job.output.symlink_metadata().map_err(|reason| reason.kind());
            match kind {
                Ok(_) if !(self.may_exist)(job) => {
                    ("a file that can be made", format!("{shown}: it exists and is kept"))
                }
                Err(kind @ (ErrorKind::InvalidInput | ErrorKind::InvalidFilename)) => {
                    ("a valid path", kind.to_string())
                }
                _ => return None,
            }
        };
        Some(format!("output: expected {expected}, given {given}"))
    }

    /// Why the folder of an output takes no files or cannot be made: probed at the nearest folder that exists, once.
    pub(super) fn folder_obstacle(&mut self, output: &Path) -> Option<String> {
        let nearest = output.ancestors().skip(1).find(|folder| folder.symlink_metadata().is_ok())?;
        let probe = || tempfile::tempfile_in(nearest).err().map(|reason| reason.kind());
        let reason = self.folders.entry(nearest.to_owned()).or_insert_with(probe).as_ref()?;
        Some(format!("output: expected a folder that takes files, given {}: {reason}", nearest.display()))
    }
}

/// A name as that of a file, which leads nowhere else.
fn plain(name: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || "-_. ".contains(c) { c } else { '-' };
    let name: String = name.trim().chars().map(kept).collect();
    name.trim_start_matches('.').to_owned()
}
