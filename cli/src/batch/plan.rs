//! The checks before payment that need no record: each line of a manifest becomes a job to add or a fault.
//!
//! The manifest is read as a stream. Of its lines, only short hashes are kept of what no two of them may share.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf, is_separator};

use kling_client::{Operation, OutputKind};
use sha2::{Digest as _, Sha256};

use super::images::Images;
use super::manifest::{Entry, Fault, Manifest};
use super::prices::Prices;
use super::units::Units;
use crate::failure::{Failure, Result, shortened};

/// Maximum length in bytes of a name, on all usual file systems.
const LONGEST_NAME: usize = 255;

/// Longest ending of the files that a download makes beside its target.
const BESIDE: &str = ".part.json";

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
    plan: Plan<'a>,
    manifest: Manifest,
    images: Images,
    /// First lines with a work, an output, an external id or a common reason, by short hashes.
    seen: HashMap<u128, u64>,
    /// Why existing folders take no files, by short hashes.
    folders: HashMap<u128, Option<io::ErrorKind>>,
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
            plan: *self,
            manifest,
            images: Images::default(),
            seen: HashMap::new(),
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
        // In the place of the id that is minted where none is given.
        let valid =
            request.request(external_id.as_deref().unwrap_or("none")).map_err(|error| match error.violations() {
                [] => vec![error.message().to_owned()],
                violations => violations.iter().map(ToString::to_string).collect(),
            });
        let hash = |file: &Path| self.images.hash(file);
        let work = valid.and_then(|_| request.hash_with(hash).map_err(|reason| vec![reason.to_string()]));
        let (request_hash, mut reasons) = work.map_or_else(|found| (String::new(), found), |hash| (hash, Vec::new()));
        if reasons.is_empty() {
            self.repeats = self.earlier("work", request_hash.as_bytes(), line);
        }
        let mut common = Vec::new();
        let estimate = self.plan.prices.estimate(&request).map(|(units, _)| units);
        if estimate.is_none() && self.plan.budget && request.operation.json_schema().is_some() {
            let add = Prices::missing(&request);
            common.push(format!("price: expected one for the budget, given none in the table; add {add}"));
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
        let [file, numbered] = self.files(&job, output.as_deref());
        job.output = self.out_dir.join(file).components().collect();
        if self.repeats.is_none() || self.again {
            let mut other = self.earlier("output", job.output.as_os_str().as_encoded_bytes(), line);
            if other.is_some() && output.is_none() {
                job.output.set_file_name(numbered);
                other = self.earlier("output", job.output.as_os_str().as_encoded_bytes(), line);
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

    /// The output as given or by the job's name, and that by its line, for a job without a name or with that of another.
    fn files(&self, job: &NewJob, given: Option<&str>) -> [String; 2] {
        let extension = match job.operation.output() {
            Some(OutputKind::Image) => "png",
            Some(OutputKind::Audio) => "mp3",
            _ => "mp4",
        };
        let stem = self.plan.manifest.file_stem().unwrap_or_default().to_string_lossy();
        let name = job.name.as_deref().map(plain).filter(|name| !name.is_empty());
        let numbered = format!("{}-{:05}.{extension}", name.clone().unwrap_or_else(|| plain(&stem)), job.line);
        let named = name.map_or_else(|| numbered.clone(), |name| format!("{name}.{extension}"));
        [given.map_or(named, str::to_owned), numbered]
    }

    /// Why the output of a job cannot be made, whatever its folder.
    fn obstacle(&mut self, job: &NewJob, given: &str) -> Option<String> {
        let inside = job.output.strip_prefix(&self.out_dir);
        let climbs = inside.map_or(true, |file| file.components().any(|part| part == Component::ParentDir));
        let file = job.output.file_name().map_or(0, |name| name.len() + BESIDE.len());
        let longest = job.output.iter().map(OsStr::len).chain([file]).max().unwrap_or_default();
        let shown = shortened(&job.output.to_string_lossy()).into_owned();
        let (expected, given) = if inside == Ok(Path::new("")) || file == 0 || given.ends_with(is_separator) {
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
    fn folder_obstacle(&mut self, output: &Path) -> Option<String> {
        let nearest = output.ancestors().skip(1).find(|folder| folder.symlink_metadata().is_ok())?;
        let probe = || tempfile::tempfile_in(nearest).err().map(|reason| reason.kind());
        let known = self.folders.entry(short("folder", nearest.as_os_str().as_encoded_bytes()));
        let reason = known.or_insert_with(probe).as_ref()?;
        Some(format!("output: expected a folder that takes files, given {}: {reason}", nearest.display()))
    }

    /// The first line with a value, if this one is another.
    fn earlier(&mut self, kind: &str, value: &[u8], line: u64) -> Option<u64> {
        let first = *self.seen.entry(short(kind, value)).or_insert(line);
        (first != line).then_some(first)
    }
}

/// The beginning of a hash: enough to distinguish the values of a manifest.
fn short(kind: &str, value: &[u8]) -> u128 {
    let hash = Sha256::new().chain_update(kind).chain_update([0]).chain_update(value).finalize();
    hash.iter().take(16).fold(0, |hash, byte| hash << 8 | u128::from(*byte))
}

/// A name as that of a file, which leads nowhere else.
fn plain(name: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || "-_. ".contains(c) { c } else { '-' };
    let name: String = name.trim().chars().map(kept).collect();
    name.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A line that is valid and has a price.
    fn line(prompt: &str, name: &str, value: &str) -> Value {
        let mut line = json!({"image": "https://example.com/cat.png", "prompt": prompt});
        line[name] = value.into();
        line
    }

    /// Job or reasons of each line of a manifest in a folder.
    fn checked(folder: &Path, lines: &[Value], set: impl FnOnce(&mut Lines<'_>)) -> Vec<Result<NewJob, String>> {
        let manifest = folder.join("all.jsonl");
        std::fs::write(&manifest, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        let (prices, out_dir) = (Prices::builtin().unwrap(), &folder.join("out"));
        let mut lines =
            Plan { manifest: &manifest, out_dir, prices: &prices, budget: true, outside: false }.open().unwrap();
        set(&mut lines);
        lines.map(|line| line.map_err(|fault| fault.reasons.join("; "))).collect()
    }

    #[test]
    fn every_fault_of_a_line_is_reported_at_once_without_its_text_and_a_missing_price_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut bad = line(&"secret ".repeat(400), "output", "../secret.mp4");
        bad["external_id"] = "mine".into();
        bad["mode"] = "std".into();
        bad["operation"] = "text2video".into();
        let unpriced = json!({"operation": "text2video", "model": "kling-v3", "prompt": "secret"});
        let lines = [line("x", "external_id", "mine"), bad, unpriced.clone(), unpriced];
        let found: Vec<_> = checked(folder.path(), &lines, |_| ()).into_iter().map(Result::err).collect();
        let reasons = found[1].as_deref().unwrap();
        for expected in
            ["image: ", "model_name: ", "prompt: ", "external_id: ", "of line 1", "allow-outside", "price: "]
        {
            assert!(reasons.contains(expected), "{expected}: {reasons}");
        }
        assert!(!reasons.contains("secret secret"), "{reasons}");
        assert!(found[2].as_deref().unwrap().contains(r#"add {"operation": "text2video", "model": "kling-v3""#));
        assert_eq!((&found[0], &found[3]), (&None, &Some(String::new())));
    }

    #[test]
    fn an_output_is_a_new_file_that_can_be_made_inside_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("out")).unwrap();
        for name in ["out/taken.mp4", "out/file"] {
            std::fs::write(folder.path().join(name), "mine").unwrap();
        }
        let (inside, long) = (folder.path().join("out/inside.mp4"), "é".repeat(123));
        let mut cases = vec![("sub/new/a.mp4", ""), (inside.to_str().unwrap(), ""), (&long[1..], "")];
    }
}
