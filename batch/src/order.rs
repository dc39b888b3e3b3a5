//! What one line orders, as the record keeps it: the words of `kling generate`, the request that they make, and the hash
//! by which the same work is known again.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use kling_client::{Image, MultiImageToVideo};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// An order. It holds the prompt, so it has no `Debug`.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The pictures: http(s) URLs, and files by their absolute paths.
    pub images: Vec<String>,
    /// What the video shows.
    pub prompt: String,
    /// What it should not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// The mode.
    pub mode: String,
    /// Seconds of video.
    pub duration: String,
    /// The video's shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aspect_ratio: Option<String>,
    /// The model.
    pub model: String,
    /// Where the API posts every change of status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
}

impl Order {
    /// The request, with every check of the library; reads the headers of the pictures.
    ///
    /// # Errors
    /// Those of the library's builder.
    pub fn request(&self, external_id: &str) -> kling_client::Result<MultiImageToVideo> {
        MultiImageToVideo::builder()
            .images(self.images.iter().map(|image| if is_url(image) { Image::url(image) } else { Image::file(image) }))
            .prompt(self.prompt.as_str())
            .model(self.model.as_str())
            .maybe_negative_prompt(self.negative_prompt.as_deref())
            .mode(self.mode.as_str())
            .duration(self.duration.as_str())
            .maybe_aspect_ratio(self.aspect_ratio.as_deref())
            .maybe_callback_url(self.callback_url.as_deref())
            .external_task_id(external_id)
            .build()
    }

    /// The hash of the work: of what changes the video, and of the pictures' bytes, which are read as a stream. Who is told
    /// of it is no part of it, nor is what the picture behind a URL shows today.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub fn hash(&self) -> io::Result<String> {
        self.hash_with(|picture| hash_file(picture).map(|(_, sha256)| sha256))
    }

    /// The same, with the SHA-256 of each picture from somebody who may know it already.
    pub(crate) fn hash_with(&self, mut picture: impl FnMut(&Path) -> io::Result<String>) -> io::Result<String> {
        let mut hash = Sha256::new();
        // The length in front of each part, so that no two orders give the same bytes.
        let mut part = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        part(b"kling-batch 1");
        for text in [&self.model, &self.mode, &self.duration, &self.prompt] {
            part(text.as_bytes());
        }
        for text in [&self.negative_prompt, &self.aspect_ratio] {
            part(text.as_deref().unwrap_or_default().as_bytes());
        }
        for image in &self.images {
            if is_url(image) {
                part(image.as_bytes());
            } else {
                let picture = picture(Path::new(image))
                    .map_err(|reason| io::Error::new(reason.kind(), format!("{image}: {reason}")))?;
                part(picture.as_bytes());
            }
        }
        Ok(hex(&hash.finalize()))
    }
}

/// Whether a picture is named by a URL; all else is a file, as for `kling generate`.
pub(crate) fn is_url(image: &str) -> bool {
    let begins = |scheme: &str| image.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    begins("http://") || begins("https://")
}

/// A file's length and SHA-256, read in pieces.
///
/// # Errors
/// When it cannot be read.
pub fn hash_file(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut hash, mut length) = (File::open(path)?, Sha256::new(), 0);
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut piece)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else {
            return Ok((length, hex(&hash.finalize())));
        };
        hash.update(read);
        length += count as u64;
    }
}

/// The SHA-256 of a text.
pub(crate) fn hash_text(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order { images: vec!["https://example.com/a.png".into()], prompt: "x".into(), ..Order::default() }
    }

    #[test]
    fn the_hash_changes_with_all_that_changes_the_video_and_with_nothing_else() {
        let same = order().hash().unwrap();
        assert_eq!(Order { callback_url: Some("https://example.com/told".into()), ..order() }.hash().unwrap(), same);
        for other in [
            Order { prompt: "y".into(), ..order() },
            Order { model: "m".into(), ..order() },
            Order { mode: "pro".into(), ..order() },
            Order { duration: "10".into(), ..order() },
            Order { negative_prompt: Some("x".into()), prompt: String::new(), ..order() },
            Order { aspect_ratio: Some("1:1".into()), ..order() },
            Order { images: [order().images, order().images].concat(), ..order() },
        ] {
            assert_ne!(other.hash().unwrap(), same);
        }
    }

    #[test]
    fn a_picture_counts_by_its_bytes_and_not_by_its_name() {
        let here = std::env::temp_dir().join(format!("kling-order-{}", std::process::id()));
        std::fs::create_dir_all(&here).unwrap();
        let hash = |name: &str, bytes: &[u8]| {
            let path = here.join(name);
            std::fs::write(&path, bytes).unwrap();
            Order { images: vec![path.to_str().unwrap().into()], ..order() }.hash().unwrap()
        };
        assert_eq!(hash("a", b"1"), hash("b", b"1"));
        assert_ne!(hash("a", b"1"), hash("a", b"2"));
        std::fs::remove_dir_all(here).unwrap();
        let gone = Order { images: vec!["/nowhere/cat.png".into()], ..order() }.hash().unwrap_err();
        assert!(gone.to_string().contains("/nowhere/cat.png"), "{gone}");
    }
}
