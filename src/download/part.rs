//! The file that an output is written to before it has its name: `cat.mp4.part`, locked by its writer, beside it
//! `cat.mp4.part.json` with what is needed to resume later. Nothing signed is written down.
//!
//! The length of the `.part` is all that counts as fetched: bytes are appended in order, so whatever ends the process
//! leaves a beginning of the file.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf, is_separator};
use std::time::Duration;

use fs4::TryLockError;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _, BufWriter};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::clock::Clock;
use crate::download::content::{Content, HEAD, Structure};
use crate::download::judge::Entity;
use crate::error::{Error, ErrorKind, Result};

pub(crate) const DOWNLOAD: &str = "download";

/// Which output a `.part` is of, and how its server knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) task_id: String,
    /// The output's id, or its place among the task's outputs.
    pub(crate) output: String,
    #[serde(flatten)]
    pub(crate) entity: Entity,
}

/// The beginning of a file that is here.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) origin: Origin,
    pub(crate) length: u64,
    pub(crate) structure: Structure,
}

pub(crate) struct Part {
    target: PathBuf,
    path: PathBuf,
    overwrite: bool,
    file: BufWriter<tokio::fs::File>,
    unsynced: usize,
    syncing: Option<JoinHandle<io::Result<()>>>,
}

/// How many bytes are written at once: each time costs a change of threads.
const BATCH: usize = 256 * 1024;

/// How many bytes are synced while more arrive: so the end waits for few.
const SYNC: usize = 8 * 1024 * 1024;

impl Part {
    /// Opens and locks the `.part` of a target; returns also what it holds already, and of which output.
    pub(crate) async fn open(target: PathBuf, overwrite: bool, clock: &dyn Clock) -> Result<(Self, Option<Found>)> {
        /// Milliseconds before each next try: a write that was under way when a download was dropped holds the lock until
        /// it is done.
        const PAUSES: [u64; 5] = [20, 80, 400, 1500, 0];
        let path = beside(&target, ".part");
        for pause in PAUSES {
            let (wanted, part) = (target.clone(), path.clone());
            let opened = spawn_blocking(move || {
                check(&wanted, overwrite)?;
                locked(&part).map_err(|reason| disk_error(&wanted, reason))
            });
            let opened = opened.await.unwrap_or_else(|reason| Err(disk_error(&target, reason.into())));
            if let Some((file, found)) = opened? {
                let file = BufWriter::with_capacity(BATCH, file.into());
                return Ok((Self { target, path, overwrite, file, unsynced: 0, syncing: None }, found));
            }
            clock.sleep(Duration::from_millis(pause)).await;
        }
        Err(failed(format!("another download is writing {}", path.display()), "let it end, or name another file"))
    }

    /// Starts again at the first byte, with an output of this origin.
    pub(crate) async fn restart(&mut self, origin: &Origin) -> io::Result<()> {
        let state = beside(&self.path, ".json");
        // In this order the bytes of one file never stand beside the description of another.
        let _ = tokio::fs::remove_file(&state).await;
        self.file.flush().await?;
        let file = self.file.get_mut();
        if file.metadata().await?.len() > 0 {
            file.set_len(0).await?;
        }
        file.rewind().await?;
        match origin.entity.validator {
            Some(_) => tokio::fs::write(&state, serde_json::to_vec(origin)?).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        self.unsynced += bytes.len();
        if self.unsynced >= SYNC && self.syncing.as_ref().is_none_or(JoinHandle::is_finished) {
            self.synced().await?;
            self.unsynced = 0;
            let file = self.file.get_ref().try_clone().await?;
            self.syncing = Some(tokio::spawn(async move { file.sync_data().await }));
        }
        Ok(())
    }

    /// Waits for the sync under way. The system reports a failure once, so it must not be lost.
    async fn synced(&mut self) -> io::Result<()> {
        match self.syncing.take() {
            Some(syncing) => syncing.await?,
            None => Ok(()),
        }
    }

    /// Gives the whole file its name, once it is synced.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.synced().await?;
        self.file.get_ref().sync_all().await?;
        let (target, path, overwrite) = (self.target.clone(), self.path.clone(), self.overwrite);
        spawn_blocking(move || {
            name(&path, &target, overwrite)?;
            let _ = fs::remove_file(beside(&path, ".json"));
            sync_directory(&target);
            Ok(())
        })
        .await?
    }

    /// Ends early and keeps what was fetched: returns the `.part` and its length, if it is not empty.
    pub(crate) async fn leave(mut self) -> Option<(PathBuf, u64)> {
        // What cannot be written now is fetched again later.
        let _ = (self.file.flush().await, self.synced().await);
        let length = self.file.get_ref().metadata().await.map_or(0, |found| found.len());
        if length == 0 {
            let _ = tokio::fs::remove_file(beside(&self.path, ".json")).await;
            let _ = tokio::fs::remove_file(&self.path).await;
        }
        (length > 0).then_some((self.path, length))
    }
}

fn failed(message: impl Into<String>, hint: &str) -> Error {
    Error::new(ErrorKind::Other, DOWNLOAD, message).with_hint(hint)
}

/// The error of a target or its `.part`, with what to do.
pub(crate) fn disk_error(target: &Path, reason: io::Error) -> Error {
    use io::ErrorKind as Kind;
    let (what, hint) = match reason.kind() {
        Kind::AlreadyExists => {
            let message = format!("{} exists and was kept", target.display());
            return failed(message, "name another file, or ask to overwrite it");
        }
        Kind::StorageFull => ("the disk is full", "free space on it, and download again"),
        Kind::QuotaExceeded => ("the quota of the disk is used up", "free space in it, and download again"),
        Kind::FileTooLarge => ("larger files are not allowed there", "lift the limit, or name a file elsewhere"),
        Kind::PermissionDenied => ("it may not be written", "change the permissions, or name a file elsewhere"),
        Kind::ReadOnlyFilesystem => ("its disk is read-only", "name a file elsewhere"),
        Kind::NotFound | Kind::NotADirectory => ("it has no directory", "make the directory, or name another"),
        Kind::IsADirectory => ("it is a directory", "remove it, or name another file"),
        _ => ("it cannot be written", "name another file, or download again"),
    };
    failed(format!("{}: {what} ({reason})", beside(target, ".part").display()), hint).with_source(reason)
}

/// Refuses a target that cannot get the output. What is wrong with its directory shows at the `.part`.
fn check(target: &Path, overwrite: bool) -> Result<()> {
    let ends_as_directory = target.as_os_str().as_encoded_bytes().last().is_some_and(|&b| is_separator(b.into()));
    // A link that leads nowhere is something, too.
    let found = fs::symlink_metadata(target).ok();
    if ends_as_directory || target.file_name().is_none() || found.as_ref().is_some_and(fs::Metadata::is_dir) {
        let message = format!("{:?} is a directory, or no name of a file", target.to_string_lossy());
        return Err(failed(message, "name a file in it"));
    }
    match found {
        Some(_) if !overwrite => Err(disk_error(target, io::ErrorKind::AlreadyExists.into())),
        _ => Ok(()),
    }
}

/// The `.part`, open and locked, at its end, with what it holds; nothing if another has it.
fn locked(path: &Path) -> io::Result<Option<(File, Option<Found>)>> {
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    // By its path: the standard library's own method of this name is younger than the Rust that is promised.
    match fs4::FileExt::try_lock(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        // Some file systems of networks have no locks; the output is still worth having.
        Err(TryLockError::Error(reason)) if reason.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(reason)) => return Err(reason),
    }
    if !is_only_name(&file, path)? {
        return Ok(None);
    }
    let length = file.metadata()?.len();
    let found = describe(&mut file, path, length);
    file.seek(io::SeekFrom::End(0)).map(|_| Some((file, found)))
}

fn describe(file: &mut File, path: &Path, length: u64) -> Option<Found> {
    let mut head = [0; HEAD];
    file.read_exact(&mut head).ok()?;
    let origin: Origin = serde_json::from_slice(&fs::read(beside(path, ".json")).ok()?).ok()?;
    let fits = origin.entity.validator.is_some() && origin.entity.total.is_none_or(|total| length <= total);
    let Content::File(format) = Content::of(&head) else { return None };
    let mut structure = Structure::new(format, &head);
    structure.take(&head);
    let mut bytes = vec![0; BATCH];
    loop {
        match file.read(&mut bytes).ok()? {
            0 => return fits.then_some(Found { origin, length, structure }),
            count => structure.take(&bytes[..count]),
        }
    }
}

/// Whether a file is what its path names, and nothing else does. The one who held the lock before may have renamed it;
/// and one that died between giving the name and taking this one away left a finished file here.
#[cfg(unix)]
fn is_only_name(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (opened, named) = (file.metadata()?, fs::metadata(path));
    let same = named.is_ok_and(|named| (named.dev(), named.ino()) == (opened.dev(), opened.ino()));
    if same && opened.nlink() > 1 {
        fs::remove_file(path)?;
    }
    Ok(same && opened.nlink() == 1)
}

#[cfg(not(unix))]
fn is_only_name(_: &File, path: &Path) -> io::Result<bool> {
    fs::exists(path)
}

/// Renames, and replaces nothing unless `overwrite` is set.
fn name(path: &Path, target: &Path, overwrite: bool) -> io::Result<()> {
    if !overwrite {
        // The one step that fails where something has the name, also if it came this moment.
        match fs::hard_link(path, target) {
            // If this fails, the next download finds that it is a finished file, and removes it.
            Ok(()) => return fs::remove_file(path).or(Ok(())),
            // A file system without such links: look, and then rename.
            Err(reason) if reason.kind() != io::ErrorKind::AlreadyExists && fs::symlink_metadata(target).is_err() => {}
            Err(_) => return Err(io::ErrorKind::AlreadyExists.into()),
        }
    }
    fs::rename(path, target)
}

/// Syncs a new name in a directory. Where directories cannot be opened, the system does so by itself.
fn sync_directory(target: &Path) {
    if cfg!(unix) {
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let _ = File::open(parent.unwrap_or(Path::new("."))).and_then(|directory| directory.sync_all());
    }
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(extension);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_error_names_the_path_and_the_next_step_and_keeps_its_source() {
        for (kind, what, hint) in [
            (io::ErrorKind::StorageFull, "the disk is full", "free space"),
            (io::ErrorKind::QuotaExceeded, "quota", "free space"),
            (io::ErrorKind::FileTooLarge, "larger", "elsewhere"),
            (io::ErrorKind::PermissionDenied, "may not be written", "permissions"),
            (io::ErrorKind::ReadOnlyFilesystem, "read-only", "elsewhere"),
            (io::ErrorKind::NotFound, "no directory", "make the directory"),
            (io::ErrorKind::NotADirectory, "no directory", "make the directory"),
            (io::ErrorKind::IsADirectory, "is a directory", "another file"),
            (io::ErrorKind::Other, "cannot be written", "download again"),
        ] {
            let error = disk_error(Path::new("a/cat.mp4"), kind.into());
            assert!(error.message().starts_with("a/cat.mp4.part: ") && error.message().contains(what), "{error}");
            assert!(error.hint().is_some_and(|found| found.contains(hint)), "{error}");
            let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
            assert_eq!(source.map(io::Error::kind), Some(kind));
        }
    }

    #[test]
    fn only_a_beginning_of_a_known_format_with_a_validator_is_resumed() {
        let directory = std::env::temp_dir().join(format!("kling-part-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let part = directory.join("cat.mp4.part");
        let entity = Entity { validator: Some("\"7\"".to_owned()), total: Some(22) };
        let origin = Origin { task_id: "8".to_owned(), output: "9".to_owned(), entity };
        let state = |change: fn(&mut Origin)| {
            let mut origin = origin.clone();
            change(&mut origin);
            serde_json::to_string(&origin).unwrap()
        };
        for (bytes, state, goes_on) in [
            ("\0\0\0\x0eftypisom..", state(|_| ()), true),
            ("\0\0\0\x0eftypisom..\0\0\0\x08free", state(|_| ()), true),
            ("\0\0\0\x0eftypisom..", state(|origin| origin.entity.total = None), true),
            ("\0\0\0\x0eftypisom..\0\0\0\x08free.", state(|_| ()), false),
            ("\0\0\0\x0eftypiso", state(|_| ()), false),
            ("<html><body></body></html>", state(|_| ()), false),
            ("\0\0\0\x0eftypisom..", state(|origin| origin.entity.validator = None), false),
            ("\0\0\0\x0eftypisom..", state(|_| ())[1..].to_owned(), false),
            ("\0\0\0\x0eftypisom..", String::new(), false),
        ] {
            fs::write(&part, bytes).unwrap();
            fs::write(directory.join("cat.mp4.part.json"), &state).unwrap();
            let (_, found) = locked(&part).unwrap().unwrap();
            assert_eq!(found.is_some(), goes_on, "{bytes} {state}");
            if let (Some(found), Content::File(format)) = (found, Content::of(bytes.as_bytes())) {
                let mut structure = Structure::new(format, bytes.as_bytes());
                structure.take(bytes.as_bytes());
                assert_eq!((found.length, found.structure), (bytes.len() as u64, structure));
            }
        }
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn a_part_that_is_a_finished_file_too_is_removed_and_never_written_to() {
        let directory = std::env::temp_dir().join(format!("kling-linked-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (part, target) = (directory.join("cat.mp4.part"), directory.join("cat.mp4"));
        fs::write(&target, "a video").unwrap();
        fs::hard_link(&target, &part).unwrap();
        assert!(locked(&part).unwrap().is_none());
        let (file, _) = locked(&part).unwrap().unwrap();
        file.set_len(0).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"a video");
        // Who held the lock before renamed the file: the name is free again.
        fs::rename(&part, &target).unwrap();
        assert!(!is_only_name(&file, &part).unwrap());
        fs::remove_dir_all(&directory).unwrap();
    }
}
