//! What an image is, by its text: a URL, Base64, or a file.

use std::ffi::OsStr;
use std::path::Path;

use kling_client::Image;

/// Whether an image is a URL.
pub fn is_url(image: &str) -> bool {
    begins(image, "http://") || begins(image, "https://")
}

/// Whether an image is Base64: a `data:` URI, or the beginning of a PNG or JPEG that no name of a file has. All else that is
/// no URL is a file.
pub fn is_base64(image: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_ \r\n".contains(&byte);
    let is_image = image.starts_with("iVBORw0KGgo") || image.starts_with("/9j/");
    begins(image, "data:") || is_image && image.bytes().all(is_plain)
}

fn begins(text: &str, scheme: &str) -> bool {
    text.trim_start().get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
}

/// The image that is given by its URL, in Base64, or as a file, relative to a folder.
pub fn image(given: &OsStr, folder: &Path) -> Image {
    match given.to_str() {
        Some(url) if is_url(url) => Image::url(url),
        Some(encoded) if is_base64(encoded) => Image::base64(encoded),
        _ => Image::file(folder.join(given)),
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
