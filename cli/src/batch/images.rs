//! Images of requests: their kinds, and hashes of files.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

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

/// SHA-256 of files, so that an image of a thousand lines is read once. A later change shows before the submit.
#[derive(Default)]
pub(super) struct Images(pub(super) HashMap<PathBuf, String>);

impl Images {
    pub(super) fn hash(&mut self, path: &Path) -> io::Result<String> {
        // About a megabyte.
        if self.0.len() >= 4096 {
            self.0.clear();
        }
        Ok(match self.0.entry(path.to_owned()) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(free) => free.insert(hash_file(path)?.1).clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
