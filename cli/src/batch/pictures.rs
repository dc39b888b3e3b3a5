//! The hashes of the pictures that were just read, so that a manifest which names one picture in a thousand lines has it
//! read once.
//!
//! A picture is known again by its path, its length and the time it was changed. Who changes one and hides it from all
//! three gets no video of the wrong picture: it is read anew before its request is submitted.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::request::hash_file;

/// So many are remembered, which is a megabyte; then it begins anew.
const MOST: usize = 4096;

/// Pictures that were read.
#[derive(Default)]
pub(crate) struct Pictures(HashMap<PathBuf, Picture>);

struct Picture {
    length: u64,
    changed: SystemTime,
    sha256: String,
}

impl Pictures {
    /// The SHA-256 of a picture.
    pub(crate) fn hash(&mut self, path: &Path) -> io::Result<String> {
        let found = path.metadata()?;
        let changed = found.modified()?;
        if let Some(known) = self.0.get(path)
            && (known.length, known.changed) == (found.len(), changed)
        {
            return Ok(known.sha256.clone());
        }
        let (length, sha256) = hash_file(path)?;
        self.remember(path.to_owned(), Picture { length, changed, sha256: sha256.clone() });
        Ok(sha256)
    }

    fn remember(&mut self, path: PathBuf, picture: Picture) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(path, picture);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_picture_that_changed_is_read_anew_and_the_memory_has_a_bound() {
        let here = std::env::temp_dir().join(format!("kling-pictures-{}", std::process::id()));
        std::fs::create_dir_all(&here).unwrap();
        let path = here.join("a");
        let mut pictures = Pictures::default();
        let mut hash = |bytes: &[u8], changed: u64| {
            std::fs::write(&path, bytes).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(changed)).unwrap();
            pictures.hash(&path).unwrap()
        };
        let first = hash(b"1", 1);
        assert_eq!(hash(b"2", 1), first, "it was not read again");
        assert_ne!(hash(b"2", 2), first);
        assert_ne!(hash(b"22", 2), hash(b"2", 2));
        for other in 0..3 * MOST {
            let picture = Picture { length: 0, changed: SystemTime::now(), sha256: String::new() };
            pictures.remember(here.join(other.to_string()), picture);
            assert!(pictures.0.len() <= MOST);
        }
        std::fs::remove_dir_all(here).unwrap();
        assert!(pictures.hash(&path).is_err());
    }
}
