//! The folders that a server for agents reads from and writes to. A name is followed to its real path before it is used, so
//! neither `..` nor a symlink leads out.
//!
//! Whoever else writes into these folders is trusted: a name is followed when its job is added, and used later.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::failure::{Failure, Finding, Result};

/// The folders, by their real paths.
#[derive(Clone)]
pub struct Fence {
    read: Vec<PathBuf>,
    write: PathBuf,
}

impl Fence {
    /// Images are read from these folders; outputs are written to that one, which is made if it is missing.
    ///
    /// # Errors
    /// `Invalid` if one of them is no folder.
    pub fn new(read: &[PathBuf], write: &Path) -> Result<Self> {
        let real = |path: &Path, option: &str| {
            let refuse = || Failure::invalid(format!("{option}: expected a folder, given {}", path.display()));
            path.canonicalize().ok().filter(|path| path.is_dir()).ok_or_else(refuse)
        };
        _ = fs::create_dir_all(write);
        let read = read.iter().map(|path| real(path, "--read")).collect::<Result<_>>()?;
        Ok(Self { read, write: real(write, "--write")? })
    }

    /// The folder for outputs.
    pub fn out_dir(&self) -> &Path {
        &self.write
    }

    /// The image of a name: an absolute path, or one below a folder for images. None if it is missing or outside, which look
    /// the same, so that a name reveals nothing about what is outside.
    pub fn image(&self, name: &str) -> Option<PathBuf> {
        let real = |root: &PathBuf| root.join(name).canonicalize().ok();
        self.read.iter().filter_map(real).find(|path| self.reads(path) && path.is_file())
    }

    /// The file for an output: a new one below the folder for outputs, where missing folders are made.
    ///
    /// # Errors
    /// `Invalid` if the name is that of another file; other files of the folder, such as the record, are of other kinds.
    pub fn output(&self, name: &str) -> Result<PathBuf> {
        let refuse = |limit: &str| Failure::found(vec![Finding::new("file", limit, name)]);
        let below = || refuse(&format!("a path below {}, without ..", self.write.display()));
        let (path, plain) = (self.write.join(name), Path::new(name));
        let is_plain = plain.components().all(|part| matches!(part, Component::Normal(_)));
        let (Some(file), Some(folder), true) = (plain.file_name(), path.parent(), is_plain) else {
            return Err(below());
        };
        if path.extension().is_none_or(|extension| extension != "mp4") {
            return Err(refuse("a name that ends in .mp4"));
        }
        let real = |folder: &Path| folder.canonicalize().ok().filter(|folder| self.writes(folder));
        // Nothing is made behind a link that leads out.
        let is_there = |folder: &&Path| folder.symlink_metadata().is_ok();
        let made = folder.ancestors().find(is_there).and_then(real).and_then(|_| fs::create_dir_all(folder).ok());
        let path = made.and_then(|()| real(folder)).ok_or_else(below)?.join(file);
        if is_there(&path.as_path()) { Err(refuse("a file that does not exist")) } else { Ok(path) }
    }

    /// Whether a real path is within the folders for images.
    pub fn reads(&self, path: &Path) -> bool {
        self.read.iter().any(|root| is_within(path, root))
    }

    /// Whether a real path is within the folder for outputs.
    pub fn writes(&self, path: &Path) -> bool {
        is_within(path, &self.write)
    }
}

fn is_within(path: &Path, root: &Path) -> bool {
    path.starts_with(root) && !path.components().any(|part| part == Component::ParentDir)
}
