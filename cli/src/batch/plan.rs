//! The checks before payment that need no record: each line of a manifest becomes a job to add or a fault.
//!
//! The manifest is read as a stream. Of its lines, only short hashes are kept of what no two of them may share.

mod outputs;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use kling_client::Operation;
use sha2::{Digest as _, Sha256};

use super::{Entry, Fault, Manifest, Prices, Source, Units, hash_file};
use crate::failure::{Failure, Result};

/// A job to be added.
#[derive(Clone)]
pub struct NewJob {
    /// Line of the manifest, from 1; 0 for a request of an agent.
    pub line: i64,
    /// Name in the manifest.
    pub name: Option<String>,
    /// External id of the user's; one is minted if there is none.
    pub external_id: Option<String>,
    /// Operation of the request.
    pub operation: Operation,
    /// Model of the request, or nothing.
    pub model: String,
    /// Fields of the request, as JSON.
    pub request: String,
    /// Hash of the work.
    pub request_hash: String,
    /// File for the output, absolute.
    pub output: PathBuf,
    /// Expected cost; 0 if no price is known.
    pub estimate: Units,
}

/// A manifest, and what its lines are checked against.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// Manifest.
    pub manifest: &'a Path,
    /// Folder for the outputs.
    pub out_dir: &'a Path,
    /// Prices for the estimates.
    pub prices: &'a Prices,
    /// Whether each job needs a price.
    pub budget: bool,
    /// Whether outputs may be outside of the folder.
    pub outside: bool,
}

/// The lines of a [`Plan`], each as a job or with all of its faults.
pub struct Lines<'a> {
    /// Folder that files of requests are relative to, absolute.
    pub folder: PathBuf,
    /// Folder for the outputs, absolute.
    pub out_dir: PathBuf,
    /// Whether repeated work is submitted again. Default: it is left out, so its output and external id are not checked.
    pub again: bool,
    /// Whether a job may have an output that exists, such as one that a known job has begun. Default: none may.
    pub may_exist: Box<dyn FnMut(&NewJob) -> bool + Send + 'a>,
    /// Earlier line with the same work as the last job.
    pub repeats: Option<u64>,
    /// Sources of the prices of the jobs.
    pub sources: BTreeSet<Source>,
    plan: Plan<'a>,
    manifest: Manifest,
    /// First lines with a work, an output, an external id or a common reason, by short hashes.
    first: HashMap<u128, u64>,
    /// SHA-256 of files, so that an image of a thousand lines is read once. A later change shows before the submit.
    images: HashMap<PathBuf, String>,
    /// Why existing folders take no files.
    folders: HashMap<PathBuf, Option<io::ErrorKind>>,
}

impl<'a> Plan<'a> {
    /// Opens the manifest.
    ///
    /// # Errors
    /// Those of [`Manifest::open`].
    pub fn open(&self) -> Result<Lines<'a>> {
        let out_dir = std::path::absolute(self.out_dir);
        let manifest = Manifest::open(self.manifest)?;
        Ok(Lines {
            folder: manifest.folder.clone(),
            out_dir: out_dir.map_err(|reason| Failure::invalid(format!("out: expected a folder: {reason}")))?,
            again: false,
            may_exist: Box::new(|_| false),
            repeats: None,
            sources: BTreeSet::new(),
            plan: *self,
            manifest,
            first: HashMap::new(),
            images: HashMap::new(),
            folders: HashMap::new(),
        })
    }
}

impl Iterator for Lines<'_> {
    type Item = Result<NewJob, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.repeats = None;
        Some(self.manifest.next()?.and_then(|entry| self.job(entry)))
    }
}

impl Lines<'_> {
    fn job(&mut self, entry: Entry) -> Result<NewJob, Fault> {
        let Entry { line, request, name, output, external_id } = entry;
        let (mut request_hash, mut reasons, mut common) = (String::new(), Vec::new(), Vec::new());
        // In the place of the id that is minted where none is given.
        match request.request(external_id.as_deref().unwrap_or("none")) {
            Ok(_) => match request.hash_with(|file| self.image(file)) {
                Ok(hash) => {
                    self.repeats = self.earlier("work", hash.as_bytes(), line);
                    request_hash = hash;
                }
                Err(reason) => reasons.push(reason.to_string()),
            },
            Err(error) if error.violations().is_empty() => reasons.push(error.message().to_owned()),
            Err(error) => reasons.extend(error.violations().iter().map(ToString::to_string)),
        }
        let estimate = self.plan.prices.estimate(&request).map(|(units, source)| {
            self.sources.insert(source.clone());
            units
        });
        if estimate.is_none() && self.plan.budget && request.operation.json_schema().is_some() {
            let missing = Prices::missing(&request);
            common.push(format!("price: expected one for the budget, given none in the table; add {missing}"));
        }
        let mut job = NewJob {
            line: i64::try_from(line).unwrap_or(i64::MAX),
            name,
            external_id,
            model: request.model(),
            request: request.to_json(),
            request_hash,
            operation: request.operation,
            output: PathBuf::new(),
            estimate: estimate.unwrap_or_default(),
        };
        if self.repeats.is_none() || self.again {
            let mut other = None;
            for file in self.files(&job, output.as_deref()) {
                job.output = self.out_dir.join(file).components().collect();
                other = self.earlier("output", job.output.as_os_str().as_encoded_bytes(), line);
                if other.is_none() {
                    break;
                }
            }
            let id = job.external_id.as_ref().and_then(|id| self.earlier("external_id", id.as_bytes(), line));
            for (field, other) in [("output", other), ("external_id", id)] {
                let repeated = |other| format!("{field}: expected one for each line, given that of line {other}");
                reasons.extend(other.map(repeated));
            }
            match self.obstacle(&job, output.as_deref().unwrap_or_default()) {
                None => common.extend(self.folder_obstacle(&job.output)),
                obstacle => reasons.extend(obstacle),
            }
        }
        if reasons.is_empty() && common.is_empty() {
            return Ok(job);
        }
        // A reason that many lines have is reported once.
        reasons.extend(common.into_iter().filter(|reason| self.earlier("reason", reason.as_bytes(), line).is_none()));
        Err(Fault { line, reasons })
    }

    fn image(&mut self, file: &Path) -> io::Result<String> {
        if let Some(known) = self.images.get(file) {
            return Ok(known.clone());
        }
        // About a megabyte.
        if self.images.len() >= 4096 {
            self.images.clear();
        }
        let (_, hash) = hash_file(file)?;
        self.images.insert(file.to_owned(), hash.clone());
        Ok(hash)
    }

    /// The first line with a value, if this one is another.
    fn earlier(&mut self, kind: &str, value: &[u8], line: u64) -> Option<u64> {
        let hash = Sha256::new().chain_update(kind).chain_update([0]).chain_update(value).finalize();
        let short = hash.iter().take(16).fold(0, |short, byte| short << 8 | u128::from(*byte));
        let other = *self.first.entry(short).or_insert(line);
        (other != line).then_some(other)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_manifest_is_read_in_bounded_memory() {
        let folder = tempfile::tempdir().unwrap();
        let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/images/cat.png");
        std::fs::copy(image, folder.path().join("cat.png")).unwrap();
        let manifest = folder.path().join("all.jsonl");
        let line = |number: u32| format!("{}\n", json!({"image": "cat.png", "prompt": number.to_string()}));
        std::fs::write(&manifest, (0..10_000).map(line).collect::<String>()).unwrap();
        let (prices, out_dir) = (Prices::builtin().unwrap(), &folder.path().join("out"));
        let plan = Plan { manifest: &manifest, out_dir, prices: &prices, budget: true, outside: false };
        let mut lines = plan.open().unwrap();
        let named = lines.by_ref().zip(1..).filter(|(job, number)| {
            job.as_ref().is_ok_and(|job| job.output.ends_with(format!("out/all-{number:05}.mp4")))
        });
        assert_eq!(named.count(), 10_000);
        assert_eq!((lines.images.len(), lines.folders.len(), lines.first.len()), (1, 1, 2 * 10_000));
        assert!(!folder.path().join("out").exists());
    }
}
