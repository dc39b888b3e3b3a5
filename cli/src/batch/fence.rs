//! The folders that a server for agents reads from and writes to. A name is followed to its real path before it is used, so
//! neither `..` nor a symlink leads out.
//!
//! Whoever else writes into these folders is trusted: a name is followed when its job is added, and used later.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use crate::failure::{Failure, Result};

/// The folders, by their real paths.
#[derive(Debug, Clone)]
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
    /// What is expected of the name.
    pub fn output(&self, name: &str) -> Result<PathBuf, String> {
        let (name, below) = (Path::new(name), || format!("a path below {}, without ..", self.write.display()));
        let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        let Some(file) = name.file_name().filter(|_| is_plain) else { return Err(below()) };
        // Other files of the folder, such as the record, are of other kinds.
        if name.extension().is_none_or(|extension| extension != "mp4") {
            return Err("a name that ends in .mp4".to_owned());
        }
        let mut folder = self.write.clone();
        for part in name.parent().into_iter().flat_map(Path::components) {
            folder.push(part);
            // One after the other, so that nothing is made behind a link that leads out.
            let made = fs::create_dir(&folder).or_else(|reason| match reason.kind() {
                ErrorKind::AlreadyExists => Ok(()),
                _ => Err(reason),
            });
            let real = made.and_then(|()| folder.canonicalize()).ok();
            folder = real.filter(|folder| self.writes(folder)).ok_or_else(below)?;
        }
        match folder.join(file).symlink_metadata() {
            Err(reason) if reason.kind() == ErrorKind::NotFound => Ok(folder.join(file)),
            _ => Err("a file that does not exist".to_owned()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `in/cat.png`, `in/sub/`, `out/taken.mp4`, `secret.png`, and a fence around `in` and `out`.
    fn fence() -> (tempfile::TempDir, PathBuf, Fence) {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().canonicalize().unwrap();
        ["in/sub", "out", "elsewhere"].iter().for_each(|name| fs::create_dir_all(here.join(name)).unwrap());
        ["in/cat.png", "out/taken.mp4", "secret.png"].iter().for_each(|name| fs::write(here.join(name), "x").unwrap());
        let fence = Fence::new(&[here.join("in")], &here.join("out")).unwrap();
        (folder, here, fence)
    }

    #[test]
    fn an_image_is_within_its_folders_and_exists() {
        let (_folder, here, fence) = fence();
        let absolute = |name: &str| here.join(name).to_str().unwrap().to_owned();
        for name in ["cat.png", "sub/../cat.png", &absolute("in/cat.png"), &absolute("out/../in/cat.png")] {
            assert_eq!(fence.image(name), Some(here.join("in/cat.png")), "{name}");
        }
        let outside = [absolute("secret.png"), absolute("in/../secret.png")];
        for name in ["../secret.png", &outside[0], &outside[1], "nowhere.png", "sub", "", "cat.png\0"] {
            assert_eq!(fence.image(name), None, "{name}");
        }
        for (path, reads, writes) in [
            ("in/cat.png", true, false),
            ("out/a.mp4", false, true),
            ("out/../secret.png", false, false),
            ("output/a.mp4", false, false),
        ] {
            assert_eq!((fence.reads(&here.join(path)), fence.writes(&here.join(path))), (reads, writes), "{path}");
        }
    }

    #[test]
    fn an_output_is_a_new_file_below_its_folder() {
        let (_folder, here, fence) = fence();
        for name in ["a.mp4", "b/c/a.mp4"] {
            assert_eq!(fence.output(name), Ok(here.join("out").join(name)));
        }
        let absolute = here.join("out/a.mp4");
        let names =
            ["../a.mp4", "b/../../a.mp4", "./../a.mp4", "taken.mp4", "taken.mp4/a.mp4", "a.db", "", "..", ".mp4"];
        for name in names.into_iter().chain(absolute.to_str()) {
            assert!(fence.output(name).is_err(), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_link_leads_out() {
        let (_folder, here, fence) = fence();
        for (target, link) in [
            ("secret.png", "in/linked.png"),
            ("", "in/up"),
            ("in/cat.png", "in/within.png"),
            ("elsewhere", "out/away"),
            ("elsewhere/new.mp4", "out/dangling.mp4"),
            ("in", "images"),
        ] {
            std::os::unix::fs::symlink(here.join(target), here.join(link)).unwrap();
        }
        assert_eq!(fence.image("within.png"), Some(here.join("in/cat.png")));
        assert_eq!(["linked.png", "up/secret.png"].map(|name| fence.image(name)), [None, None]);
        for name in ["away/a.mp4", "away/b/a.mp4", "dangling.mp4"] {
            assert!(fence.output(name).is_err(), "{name}");
        }
        assert_eq!(fs::read_dir(here.join("elsewhere")).unwrap().count(), 0);
        // A folder that is named by a link is the folder behind it.
        let fence = Fence::new(&[here.join("images")], &here.join("out")).unwrap();
        assert_eq!(fence.image("cat.png"), Some(here.join("in/cat.png")));
    }
}
