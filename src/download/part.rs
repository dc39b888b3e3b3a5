//! The file that a video is written to before it has its name: `cat.mp4.part`, locked by the one who writes it, beside it
//! `cat.mp4.part.json` with what is needed to go on with it later.
//!
//! The length of the `.part` is all that counts as fetched: bytes are appended in order, so whatever ends the process
//! leaves a beginning of the video. Nothing signed is written down.

use std::fs::{self, File};
use std::io::{self, BufRead as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::mem;
use std::path::{Path, PathBuf, is_separator};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fs4::TryLockError;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::download::judge::Entity;
use crate::download::mp4::{Boxes, Content, HEAD};

/// Which video a `.part` is of, and how its server knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) task_id: String,
    /// The video's id, or its place among the task's videos.
    pub(crate) video: String,
    #[serde(flatten)]
    pub(crate) entity: Entity,
}

/// Why a file cannot be written, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

/// The beginning of a video that is here.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) origin: Origin,
    pub(crate) length: u64,
    pub(crate) boxes: Boxes,
}

/// A file that is being filled.
pub(crate) struct Part {
    target: PathBuf,
    path: PathBuf,
    overwrite: bool,
    file: Arc<File>,
    batch: Vec<Bytes>,
    size: usize,
    writing: Option<JoinHandle<Result<(), Trouble>>>,
    unsynced: usize,
    syncing: Option<JoinHandle<Result<(), Trouble>>>,
}

/// How much is handed to the disk at once: each time costs a change of threads, and as much is held again meanwhile.
const BATCH: usize = 256 * 1024;

/// After how much the disk is told to make it last, while more arrives: so the end of a video waits for little.
const SYNC: usize = 8 * 1024 * 1024;

impl Part {
    /// Opens and locks the `.part` of a target; gives also what it holds already, and of which video.
    pub(crate) async fn open(
        target: PathBuf,
        overwrite: bool,
        clock: &dyn Clock,
    ) -> Result<(Self, Option<Found>), Trouble> {
        /// What the disk was doing when a download was dropped holds the lock until it is done.
        const PAUSES: [u64; 4] = [20, 80, 400, 1500];
        let path = beside(&target, ".part");
        let mut pauses = PAUSES.into_iter().map(Duration::from_millis);
        loop {
            let (wanted, part) = (target.clone(), path.clone());
            let opened = blocking(move || {
                check(&wanted, overwrite)?;
                locked(&part).map_err(|reason| Trouble::of(&part, &reason))
            });
            if let Some((file, found)) = opened.await? {
                let file = Arc::new(file);
                let batch = Vec::new();
                let part =
                    Self { target, path, overwrite, file, batch, size: 0, writing: None, unsynced: 0, syncing: None };
                return Ok((part, found));
            }
            match pauses.next() {
                Some(pause) => clock.sleep(pause).await,
                None => {
                    let message = format!("another download is writing {}", path.display());
                    return Err(Trouble { message, hint: "let it end, or name another file" });
                }
            }
        }
    }

    /// Begins again at the first byte, with a video of this origin.
    pub(crate) async fn restart(&mut self, origin: Origin) -> Result<(), Trouble> {
        // What waits to be written is of before.
        self.batch.clear();
        self.size = 0;
        self.settle().await?;
        let (path, file) = (self.path.clone(), Arc::clone(&self.file));
        blocking(move || {
            let begin = || {
                // In this order no moment has the bytes of one video beside the description of another.
                let _ = fs::remove_file(beside(&path, ".json"));
                if file.metadata()?.len() > 0 {
                    file.set_len(0)?;
                }
                (&*file).seek(SeekFrom::Start(0))?;
                match origin.entity.validator {
                    Some(_) => fs::write(beside(&path, ".json"), serde_json::to_vec(&origin)?),
                    None => Ok(()),
                }
            };
            begin().map_err(|reason| Trouble::of(&path, &reason))
        })
        .await
    }

    /// Appends bytes: soon, while the next ones arrive.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), Trouble> {
        self.size += bytes.len();
        self.batch.push(bytes);
        if self.size >= BATCH {
            self.settle().await?;
            self.begin();
            self.sync().await?;
        }
        Ok(())
    }

    /// Tells the disk to make last what it has, unless it is still at what it had before.
    async fn sync(&mut self) -> Result<(), Trouble> {
        if self.unsynced < SYNC || self.syncing.as_ref().is_some_and(|syncing| !syncing.is_finished()) {
            return Ok(());
        }
        // The system tells of a failure once: it must not be lost.
        ended(self.syncing.take()).await?;
        self.unsynced = 0;
        let (path, file) = (self.path.clone(), Arc::clone(&self.file));
        let sync = move || file.sync_data().map_err(|reason| Trouble::of(&path, &reason));
        self.syncing = Some(tokio::task::spawn_blocking(sync));
        Ok(())
    }

    /// Gives the whole video its name, once it is safe on the disk.
    pub(crate) async fn finish(&mut self) -> Result<(), Trouble> {
        self.flush().await?;
        ended(self.syncing.take()).await?;
        let (target, path, overwrite, file) =
            (self.target.clone(), self.path.clone(), self.overwrite, Arc::clone(&self.file));
        blocking(move || {
            file.sync_all().map_err(|reason| Trouble::of(&path, &reason))?;
            name(&path, &target, overwrite)?;
            let _ = fs::remove_file(beside(&path, ".json"));
            sync_directory(&target);
            Ok(())
        })
        .await
    }

    /// Ends early, and keeps what was fetched: gives the `.part` and its length, if there is anything in it.
    pub(crate) async fn leave(mut self) -> Option<(PathBuf, u64)> {
        // What cannot be written now is fetched again later.
        let _ = self.flush().await;
        let _ = ended(self.syncing.take()).await;
        let Self { path, file, .. } = self;
        let kept = blocking(move || {
            let length = file.metadata().map_or(0, |found| found.len());
            if length == 0 {
                let _ = fs::remove_file(beside(&path, ".json"));
                let _ = fs::remove_file(&path);
            }
            Ok((path, length))
        });
        kept.await.ok().filter(|(_, length)| *length > 0)
    }

    async fn flush(&mut self) -> Result<(), Trouble> {
        self.settle().await?;
        self.begin();
        self.settle().await
    }

    /// Hands the batch to the disk.
    fn begin(&mut self) {
        let (path, file, batch) = (self.path.clone(), Arc::clone(&self.file), mem::take(&mut self.batch));
        self.unsynced += mem::take(&mut self.size);
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let write = |bytes: &Bytes| (&*file).write_all(bytes);
            batch.iter().try_for_each(write).map_err(|reason| Trouble::of(&path, &reason))
        }));
    }

    /// Waits for the batch that the disk has.
    async fn settle(&mut self) -> Result<(), Trouble> {
        ended(self.writing.take()).await
    }
}

impl Trouble {
    /// What a reason of the system means for a file.
    fn of(path: &Path, reason: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        let (what, hint) = match reason.kind() {
            Kind::StorageFull => ("the disk is full", "make room on it, and download again"),
            Kind::QuotaExceeded => ("the quota of the disk is used up", "make room in it, and download again"),
            Kind::FileTooLarge => ("larger files are not allowed there", "lift the limit, or name a file elsewhere"),
            Kind::PermissionDenied => ("it may not be written", "change the permissions, or name a file elsewhere"),
            Kind::ReadOnlyFilesystem => ("its disk is read-only", "name a file elsewhere"),
            Kind::NotFound | Kind::NotADirectory => ("it has no directory", "make the directory, or name another"),
            Kind::IsADirectory => ("it is a directory", "take it away, or name another file"),
            _ => ("it cannot be written", "name another file, or download again"),
        };
        Self { message: format!("{}: {what} ({reason})", path.display()), hint }
    }

    fn kept(target: &Path) -> Self {
        let message = format!("{} exists and was kept", target.display());
        Self { message, hint: "name another file, or ask to overwrite it" }
    }
}

/// Runs what may wait for the disk where it holds up nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Trouble> + Send + 'static) -> Result<T, Trouble> {
    joined(tokio::task::spawn_blocking(work)).await
}

async fn ended(work: Option<JoinHandle<Result<(), Trouble>>>) -> Result<(), Trouble> {
    match work {
        Some(work) => joined(work).await,
        None => Ok(()),
    }
}

async fn joined<T>(work: JoinHandle<Result<T, Trouble>>) -> Result<T, Trouble> {
    work.await.unwrap_or_else(|reason| {
        let message = format!("the thread that writes the file has ended: {reason}");
        Err(Trouble { message, hint: "download again" })
    })
}

/// Refuses a target that cannot get the video's name. What is wrong with its directory shows at the `.part`.
fn check(target: &Path, overwrite: bool) -> Result<(), Trouble> {
    let ends_as_directory = target.as_os_str().as_encoded_bytes().last().is_some_and(|&b| is_separator(b.into()));
    // A link that leads nowhere is something, too.
    let found = fs::symlink_metadata(target).ok();
    if ends_as_directory || target.file_name().is_none() || found.as_ref().is_some_and(fs::Metadata::is_dir) {
        let message = format!("{:?} is a directory, or no name of a file", target.to_string_lossy());
        return Err(Trouble { message, hint: "name a file in it" });
    }
    if found.is_some() && !overwrite { Err(Trouble::kept(target)) } else { Ok(()) }
}

/// The `.part`, open and locked, at its end, with what it holds; nothing if another has it.
fn locked(path: &Path) -> io::Result<Option<(File, Option<Found>)>> {
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    // By its path: the standard library's own method of this name is younger than the Rust that is promised.
    match fs4::FileExt::try_lock(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        // Some file systems of networks have no locks; the video is still worth having.
        Err(TryLockError::Error(reason)) if reason.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(reason)) => return Err(reason),
    }
    if !is_only_name(&file, path)? {
        return Ok(None);
    }
    let length = file.metadata()?.len();
    let found = describe(&mut file, path, length);
    file.seek(SeekFrom::End(0)).map(|_| Some((file, found)))
}

/// Of which video the bytes in a `.part` are the beginning, if they can be gone on with.
fn describe(file: &mut File, path: &Path, length: u64) -> Option<Found> {
    let mut head = [0; HEAD];
    file.read_exact(&mut head).ok()?;
    let origin: Origin = serde_json::from_slice(&fs::read(beside(path, ".json")).ok()?).ok()?;
    let fits = origin.entity.validator.is_some() && origin.entity.total.is_none_or(|total| length <= total);
    if !fits || Content::of(&head) != Content::Mp4 {
        return None;
    }
    file.seek(SeekFrom::Start(0)).ok()?;
    Some(Found { origin, length, boxes: boxes_of(file, length).ok()? })
}

/// The boxes in the first bytes of a file: their headers are read, and little else.
fn boxes_of(file: &File, length: u64) -> io::Result<Boxes> {
    let mut reader = io::BufReader::new(file);
    let (mut boxes, mut left) = (Boxes::default(), length);
    while left > 0 {
        let ahead = boxes.ahead().min(left);
        if ahead > 0 {
            reader.seek_relative(i64::try_from(ahead).map_err(io::Error::other)?)?;
            boxes.skip(ahead);
            left -= ahead;
            continue;
        }
        let read = reader.fill_buf()?;
        let count = read.len().min(8).min(usize::try_from(left).unwrap_or(usize::MAX));
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        boxes.take(&read[..count]);
        reader.consume(count);
        left -= count as u64;
    }
    Ok(boxes)
}

/// Whether a file is what its path names, and nothing else does. The one who held the lock before may have renamed it;
/// and one that died between giving the name and taking this one away left a finished video here.
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

/// Renames, and replaces nothing unless told so.
fn name(path: &Path, target: &Path, overwrite: bool) -> Result<(), Trouble> {
    if !overwrite {
        // The one step that fails where something has the name, also if it came this moment.
        match fs::hard_link(path, target) {
            Ok(()) => {
                // If it stays, the next download finds that it is a finished video, and takes it away.
                let _ = fs::remove_file(path);
                return Ok(());
            }
            Err(reason) if reason.kind() == io::ErrorKind::AlreadyExists => return Err(Trouble::kept(target)),
            // A file system without such links: look, and then rename.
            Err(_) => check(target, false)?,
        }
    }
    fs::rename(path, target).map_err(|reason| Trouble::of(target, &reason))
}

/// Makes a new name in a directory last. Where directories cannot be opened, the system does so by itself.
fn sync_directory(target: &Path) {
    if cfg!(unix) {
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let _ = File::open(parent.unwrap_or(Path::new("."))).and_then(|directory| directory.sync_all());
    }
}

/// The path with something appended to its name.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(extension);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_of_a_file_is_told_with_the_path_and_what_to_do() {
        for (kind, what, hint) in [
            (io::ErrorKind::StorageFull, "the disk is full", "make room"),
            (io::ErrorKind::QuotaExceeded, "quota", "make room"),
            (io::ErrorKind::FileTooLarge, "larger", "elsewhere"),
            (io::ErrorKind::PermissionDenied, "may not be written", "permissions"),
            (io::ErrorKind::ReadOnlyFilesystem, "read-only", "elsewhere"),
            (io::ErrorKind::NotFound, "no directory", "make the directory"),
            (io::ErrorKind::NotADirectory, "no directory", "make the directory"),
            (io::ErrorKind::IsADirectory, "is a directory", "another file"),
            (io::ErrorKind::Other, "cannot be written", "download again"),
        ] {
            let trouble = Trouble::of(Path::new("a/cat.mp4.part"), &kind.into());
            assert!(trouble.message.starts_with("a/cat.mp4.part: ") && trouble.message.contains(what), "{trouble:?}");
            assert!(trouble.hint.contains(hint), "{trouble:?}");
        }
    }

    #[test]
    fn only_a_beginning_of_an_mp4_that_its_server_can_vouch_for_is_gone_on_with() {
        let directory = std::env::temp_dir().join(format!("kling-part-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let part = directory.join("cat.mp4.part");
        let entity = Entity { validator: Some("\"7\"".to_owned()), total: Some(22) };
        let origin = Origin { task_id: "8".to_owned(), video: "9".to_owned(), entity };
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
            let mut boxes = Boxes::default();
            boxes.take(bytes.as_bytes());
            assert!(found.is_none_or(|found| (found.length, found.boxes) == (bytes.len() as u64, boxes)));
        }
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn a_part_that_is_a_finished_video_too_is_taken_away_and_never_written_to() {
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
