//! The file for the video, checked before anything is asked or paid: afterwards it would be too late.

use std::io;
use std::path::{Path, PathBuf};

use crate::arguments::Saving;
use crate::failure::{Failure, Result};

/// A file that can be written, as far as can be told without writing it.
#[derive(Clone, Debug)]
pub struct Target {
    pub path: PathBuf,
    pub overwrite: bool,
}

impl Target {
    /// Checks that nothing is in the way at `path`, and that its directory is there.
    pub fn check(path: PathBuf, overwrite: bool) -> Result<Self> {
        let refuse = |found: String, hint: &str| {
            let message = format!("output: expected a file that can be made, given {}: {found}", path.display());
            Err(Failure::invalid(message).with_hint(format!("nothing was sent; {hint}")))
        };
        let Some(directory) = path.file_name().and(path.parent()).filter(|_| !ends_as_directory(&path)) else {
            return refuse("it names a directory".to_owned(), "name a file");
        };
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        match directory.metadata() {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return refuse(format!("{} is no directory", directory.display()), "name another file"),
            Err(reason) => {
                return refuse(
                    format!("{}: {reason}", directory.display()),
                    "make the directory, or name another file",
                );
            }
        }
        match path.symlink_metadata() {
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => {}
            Err(reason) => return refuse(reason.to_string(), "name another file"),
            Ok(found) if found.is_dir() => return refuse("it is a directory".to_owned(), "name a file in it"),
            Ok(_) if overwrite => {}
            Ok(_) => {
                return refuse("it exists and is kept".to_owned(), "name another file, or add --overwrite");
            }
        }
        Ok(Self { path, overwrite })
    }

    /// The file of the options, if they name one.
    pub fn of(saving: Saving) -> Result<Option<Self>> {
        saving.output.map(|path| Self::check(path, saving.overwrite)).transpose()
    }
}

/// `Path` drops a separator at the end, which says that a directory is meant.
fn ends_as_directory(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|&byte| std::path::is_separator(byte.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_can_be_made_or_may_be_replaced_is_taken() {
        let here = std::env::temp_dir().join(format!("kling-target-{}", std::process::id()));
        std::fs::create_dir_all(here.join("directory")).unwrap();
        std::fs::write(here.join("file"), "mine").unwrap();
        let taken = |name: &str, overwrite| Target::check(here.join(name), overwrite).map_err(|e| e.message);
        for (name, overwrite, found) in [
            ("file", false, "exists and is kept"),
            ("directory", true, "it is a directory"),
            ("new/", true, "names a directory"),
            ("..", true, "names a directory"),
            ("nowhere/new", false, "nowhere: "),
            ("file/new", true, "is no directory"),
        ] {
            let message = taken(name, overwrite).expect_err(name);
            assert!(message.contains(found), "{message}");
        }
        assert!(taken("file", true).is_ok());
        assert!(taken("new", false).is_ok());
        assert!(Target::check("a-file-in-the-working-directory".into(), false).is_ok());
        std::fs::remove_dir_all(here).unwrap();
    }
}
