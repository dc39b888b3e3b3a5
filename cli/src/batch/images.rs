//! Images of requests: their kinds, and the hashes of files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

/// Whether an image is a URL.
pub fn is_url(image: &str) -> bool {
    begins(image, "http://") || begins(image, "https://")
}

/// Whether an image is Base64: a `data:` URI, or the beginning of a PNG or JPEG that no name of a file has. All else that is
/// no URL is a file.
pub fn is_base64(image: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_ \r\n".contains(&byte);
    let is_image = image.starts_with("iVBORw0KGgo") || image.starts_with("/9j/");
    begins(image.trim_start(), "data:") || is_image && image.bytes().all(is_plain)
}

fn begins(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
}

/// Returns the length and SHA-256 of a file, read as a stream.
///
/// # Errors
/// If it cannot be read.
pub fn hash_file(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut hash, mut length) = (BufReader::with_capacity(64 * 1024, File::open(path)?), Sha256::new(), 0);
    loop {
        let count = match file.fill_buf()? {
            [] => return Ok((length, hex(&hash.finalize()))),
            bytes => {
                hash.update(bytes);
                bytes.len()
            }
        };
        file.consume(count);
        length += count as u64;
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Maximum number of hashes, about a megabyte; then all are dropped.
const MOST: usize = 4096;

/// SHA-256 of files by their paths, so that an image of a thousand lines is read once.
///
/// A file counts as unchanged while its length and modification time do. A change that keeps both makes no wrong video: a file
/// is hashed again before its request is submitted.
#[derive(Default)]
pub(super) struct Images(HashMap<PathBuf, (u64, SystemTime, String)>);

impl Images {
    /// Returns the SHA-256 of a file.
    pub(super) fn hash(&mut self, path: &Path) -> io::Result<String> {
        let found = path.metadata()?;
        let (length, modified) = (found.len(), found.modified()?);
        if let Some((_, _, sha256)) = self.0.get(path).filter(|known| (known.0, known.1) == (length, modified)) {
            return Ok(sha256.clone());
        }
        let (length, sha256) = hash_file(path)?;
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(path.to_owned(), (length, modified, sha256.clone()));
        Ok(sha256)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_file_is_read_again_once_it_has_changed_and_the_memory_has_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let mut images = Images::default();
        let mut hash = |name: &str, bytes: &[u8], modified: u64| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(modified)).unwrap();
            let hash = images.hash(&path).unwrap();
            assert!(images.0.len() <= MOST);
            hash
        };
        let first = hash("a", b"1", 1);
        assert_eq!(hash("a", b"2", 1), first, "it was read again");
        assert_ne!(hash("a", b"2", 2), first);
        assert_ne!(hash("a", b"22", 2), hash("a", b"2", 2));
        (0..=MOST).for_each(|other| _ = hash(&other.to_string(), b"1", 1));
        assert!(images.hash(&folder.path().join("none")).is_err());
    }

    #[test]
    fn an_image_is_a_url_or_base64_by_its_beginning_and_a_file_otherwise() {
        for (image, kinds) in [
            ("HTTPS://example.com/cat.png", (true, false)),
            ("data:image/png;base64,iVBO", (false, true)),
            ("iVBORw0KGgoAAAANSUhEUgAA", (false, true)),
            ("/9j/4AAQSkZJRg==", (false, true)),
            ("/9j/cat.jpg", (false, false)),
            ("cat.png", (false, false)),
        ] {
            assert_eq!((is_url(image), is_base64(image)), kinds, "{image}");
        }
    }
}
