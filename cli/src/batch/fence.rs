//! The directories that a server for agents may read and write: every name is followed to where it really leads before it
//! is used, so neither `..` nor a symlink leads out.
//!
//! Who else may write into these directories is trusted: a name is followed when it is ordered, and used later.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// The directories, as they really are.
#[derive(Debug, Clone)]
pub struct Fence {
    read: Vec<PathBuf>,
    write: PathBuf,
}

impl Fence {
    /// Pictures from these directories, videos to that one, which is made if it is not there.
    ///
    /// # Errors
    /// `Invalid` if one of them is no directory.
    pub fn new(read: &[PathBuf], write: &Path) -> Result<Self> {
        let real = |path: &Path, option: &str| {
            let found = path.canonicalize().and_then(|path| match path.is_dir() {
                true => Ok(path),
                false => Err(io::Error::from(io::ErrorKind::NotADirectory)),
            });
            found.map_err(|reason| {
                Error::invalid("mcp", format!("{option}: expected a directory, given {}: {reason}", path.display()))
            })
        };
        _ = std::fs::create_dir_all(write);
        let read = read.iter().map(|path| real(path, "--read")).collect::<Result<_>>()?;
        Ok(Self { read, write: real(write, "--write")? })
    }

    /// The picture of a name: an absolute path, or one below a directory for pictures. None if it is not there or not a file
    /// within them, which look the same, so that nobody learns what lies outside.
    pub fn picture(&self, name: &str) -> Option<PathBuf> {
        self.read.iter().find_map(|root| {
            let path = root.join(name).canonicalize().ok()?;
            (self.reads(&path) && path.is_file()).then_some(path)
        })
    }

    /// The place for a video of a name below the directory for videos, whose folders are made. It must be free.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn video(&self, name: &str) -> Result<PathBuf, String> {
        let name = Path::new(name);
        let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        let (Some(file), true) = (name.file_name(), is_plain) else {
            return Err(format!("a path below {}, without ..", self.write.display()));
        };
        // Whatever else is kept there, the record itself perhaps, is not of this kind.
        if name.extension().is_none_or(|extension| extension != "mp4") {
            return Err("a name that ends in .mp4".to_owned());
        }
        let mut folder = self.write.clone();
        for part in name.parent().into_iter().flat_map(Path::components) {
            folder.push(part);
            // One after the other, so that nothing is made behind a link that leads out.
            let made = std::fs::create_dir(&folder).or_else(|reason| match reason.kind() {
                io::ErrorKind::AlreadyExists => Ok(()),
                _ => Err(reason),
            });
            folder = made
                .and_then(|()| folder.canonicalize())
                .ok()
                .filter(|folder| folder.starts_with(&self.write))
                .ok_or_else(|| format!("a path below {}", self.write.display()))?;
        }
        let path = folder.join(file);
        match path.symlink_metadata() {
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(path),
            _ => Err("a file that is not there yet".to_owned()),
        }
    }

    /// Whether a path that was followed before is within the directories for pictures.
    pub fn reads(&self, path: &Path) -> bool {
        self.read.iter().any(|root| path.starts_with(root)) && is_straight(path)
    }

    /// Whether a path that was followed before is within the directory for videos.
    pub fn writes(&self, path: &Path) -> bool {
        path.starts_with(&self.write) && is_straight(path)
    }
}

fn is_straight(path: &Path) -> bool {
    !path.components().any(|part| part == Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `in/cat.png`, `in/sub/`, `out/`, `secret.png`, and a fence around the first and the third.
    fn fence(name: &str) -> (PathBuf, Fence) {
        let here = std::env::temp_dir().join(format!("kling-fence-{}-{name}", std::process::id()));
        _ = std::fs::remove_dir_all(&here);
        std::fs::create_dir_all(here.join("in/sub")).unwrap();
        for file in ["in/cat.png", "secret.png"] {
            std::fs::write(here.join(file), "x").unwrap();
        }
        let here = here.canonicalize().unwrap();
        let fence = Fence::new(&[here.join("in")], &here.join("out")).unwrap();
        (here, fence)
    }

    #[test]
    fn a_picture_is_within_and_there() {
        let (here, fence) = fence("read");
        let cat = Some(here.join("in/cat.png"));
        let absolute = |name: &str| here.join(name).to_str().unwrap().to_owned();
        for (name, found) in [
            ("cat.png", &cat),
            ("sub/../cat.png", &cat),
            (absolute("in/cat.png").as_str(), &cat),
            (absolute("out/../in/cat.png").as_str(), &cat),
            ("../secret.png", &None),
            (absolute("secret.png").as_str(), &None),
            (absolute("in/../secret.png").as_str(), &None),
            ("nowhere.png", &None),
            ("sub", &None),
            ("", &None),
            ("cat.png\0", &None),
        ] {
            assert_eq!(&fence.picture(name), found, "{name}");
        }
        std::fs::remove_dir_all(here).unwrap();
    }

    #[test]
    fn a_video_goes_below_its_directory_to_a_free_place() {
        let (here, fence) = fence("write");
        assert_eq!(fence.video("a.mp4"), Ok(here.join("out/a.mp4")));
        assert_eq!(fence.video("b/c/a.mp4"), Ok(here.join("out/b/c/a.mp4")));
        std::fs::write(here.join("out/taken.mp4"), "x").unwrap();
        let absolute = here.join("out/a.mp4");
        for name in
            ["../a.mp4", "b/../../a.mp4", "./../a.mp4", "taken.mp4", "taken.mp4/a.mp4", "a.db", "", "..", ".mp4"]
                .into_iter()
                .chain(absolute.to_str())
        {
            assert!(fence.video(name).is_err(), "{name}");
        }
        std::fs::remove_dir_all(here).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn no_link_leads_out() {
        use std::os::unix::fs::symlink;
        let (here, fence) = fence("links");
        std::fs::create_dir(here.join("elsewhere")).unwrap();
        symlink(here.join("secret.png"), here.join("in/linked.png")).unwrap();
        symlink(&here, here.join("in/up")).unwrap();
        symlink(here.join("in/cat.png"), here.join("in/within.png")).unwrap();
        symlink(here.join("elsewhere"), here.join("out/away")).unwrap();
        symlink(here.join("elsewhere/new.mp4"), here.join("out/dangling.mp4")).unwrap();
        assert_eq!(fence.picture("within.png"), Some(here.join("in/cat.png")));
        for name in ["linked.png", "up/secret.png"] {
            assert_eq!(fence.picture(name), None, "{name}");
        }
        for name in ["away/a.mp4", "away/b/a.mp4", "dangling.mp4"] {
            assert!(fence.video(name).is_err(), "{name}");
        }
        assert_eq!(std::fs::read_dir(here.join("elsewhere")).unwrap().count(), 0);
        // A directory that is named by a link is the directory behind it.
        symlink(here.join("in"), here.join("pictures")).unwrap();
        let fence = Fence::new(&[here.join("pictures")], &here.join("out")).unwrap();
        assert_eq!(fence.picture("cat.png"), Some(here.join("in/cat.png")));
        std::fs::remove_dir_all(here).unwrap();
    }

    #[test]
    fn a_path_of_the_record_is_within_only_if_it_goes_straight() {
        let (here, fence) = fence("record");
        for (path, reads, writes) in [
            ("in/cat.png", true, false),
            ("out/a.mp4", false, true),
            ("out/../secret.png", false, false),
            ("output/a.mp4", false, false),
        ] {
            let path = here.join(path);
            assert_eq!((fence.reads(&path), fence.writes(&path)), (reads, writes), "{}", path.display());
        }
        std::fs::remove_dir_all(here).unwrap();
    }
}
