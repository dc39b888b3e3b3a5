//! One image of a request: a URL, which is taken as it is (the sandbox fetches nothing), or raw Base64, which is decoded,
//! measured, and dropped again before the next one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;

use crate::log::sha256;

/// A received image: what it is, never its content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceivedImage {
    /// URL of an image.
    Url(String),
    /// An image that came as Base64, decoded.
    #[non_exhaustive]
    File {
        /// Bytes of the file.
        length: usize,
        /// SHA-256 of the file, in hexadecimal.
        sha256: String,
        /// Width and height in pixels, if the header of a JPEG or PNG could be read.
        size: Option<(usize, usize)>,
    },
    /// Neither a URL nor Base64.
    #[non_exhaustive]
    Unreadable {
        /// Length of the text.
        characters: usize,
    },
}

/// 10 MB, as the API counts them: four of these make the 56 MB of JSON that gateways speak of.
const LARGEST_FILE: usize = 10 * 1024 * 1024;

/// The shortest side that the API accepts.
const SHORTEST_SIDE: usize = 300;

/// The aspect ratio may reach 2.5 : 1, in either direction.
const WIDEST_RATIO: f64 = 2.5;

/// The only text about an image that was recorded; a `data:` prefix gets it too.
const NOT_BASE64: &str = "File is not in a valid base64 format";

/// The violation of a URL, which is read and not fetched.
pub(crate) fn inspect_url(place: &str, text: &str) -> Option<String> {
    let web = text.starts_with("http://") || text.starts_with("https://");
    let fine = web && text.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    (!fine).then(|| format!("{place}: the URL is not valid"))
}

/// Inspects one image: what it is, and its violation. `place` is its JSON path: `image_list[2].image`.
pub(crate) fn inspect(place: &str, text: &str, any_ratio: bool) -> (ReceivedImage, Option<String>) {
    if text.starts_with("http://") || text.starts_with("https://") {
        return (ReceivedImage::Url(text.to_owned()), inspect_url(place, text));
    }
    if text.is_empty() {
        let nothing = ReceivedImage::Unreadable { characters: 0 };
        let name = place.rsplit('.').next().unwrap_or(place);
        return (nothing, Some(format!("{name} can not be null")));
    }
    let Ok(file) = STANDARD.decode(text) else {
        let characters = text.chars().count();
        return (ReceivedImage::Unreadable { characters }, Some(NOT_BASE64.into()));
    };
    let size = measure(&file);
    let violation = judge(file.len(), size, any_ratio).map(|violation| format!("{place}: {violation}"));
    let received = ReceivedImage::File { length: file.len(), sha256: sha256(&file), size };
    (received, violation)
}

impl ReceivedImage {
    /// What the recorded JSON has in place of the image.
    pub(crate) fn placeholder(&self) -> String {
        match self {
            Self::Url(url) => url.clone(),
            Self::File { length, sha256, .. } => format!("<{length} bytes, sha256 {sha256}>"),
            Self::Unreadable { characters: 0 } => String::new(),
            Self::Unreadable { characters } => format!("<{characters} characters, not base64>"),
        }
    }
}

/// The size in the header, if it is that of a PNG, or of a JPEG that is common: not lossless, not arithmetic-coded.
fn measure(file: &[u8]) -> Option<(usize, usize)> {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
    if let Some(size) = file.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR") {
        return Some((number(size.get(..4)?), number(size.get(4..8)?)));
    }
    let mut rest = file.strip_prefix(b"\xff\xd8").filter(|rest| rest.starts_with(b"\xff"))?;
    loop {
        // Fill bytes may precede a marker, and decoders skip what does not belong there.
        rest = &rest[rest.iter().position(|byte| *byte == 0xff)?..];
        rest = &rest[rest.iter().position(|byte| *byte != 0xff)?..];
        let (marker, segment) = rest.split_first()?;
        rest = match marker {
            0xc0..=0xc2 => return Some((number(segment.get(5..7)?), number(segment.get(3..5)?))),
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xd9..=0xda => return None,
            0x00 | 0x01 | 0xd0..=0xd8 => segment,
            _ => segment.get(number(segment.get(..2)?).max(2)..)?,
        };
    }
}

fn judge(length: usize, size: Option<(usize, usize)>, any_ratio: bool) -> Option<String> {
    let Some((width, height)) = size else {
        return Some("the file is not a readable JPEG or PNG".into());
    };
    let (short, long) = (width.min(height), width.max(height));
    if length > LARGEST_FILE {
        Some(format!("the file has {length} bytes, at most {LARGEST_FILE} are allowed"))
    } else if short < SHORTEST_SIDE {
        Some(format!("the image is {width} x {height} px, each side needs at least {SHORTEST_SIDE}"))
    } else if !any_ratio && long as f64 > short as f64 * WIDEST_RATIO {
        Some(format!("the image is {width} x {height} px, the ratio may be 1:2.5 to 2.5:1"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a PNG of this size, which is all that is read of one.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        file.extend(width.to_be_bytes());
        file.extend(height.to_be_bytes());
        file.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
        file
    }

    fn violation(file: &[u8]) -> Option<String> {
        inspect("image_list[0].image", &STANDARD.encode(file), false).1
    }

    #[test]
    fn the_limits_are_met_to_the_pixel() {
        for (width, height, accepted) in [
            (300, 300, true),
            (299, 300, false),
            (300, 299, false),
            (750, 300, true),
            (751, 300, false),
            (300, 750, true),
            (300, 751, false),
            (7680, 4320, true),
            (0, 0, false),
        ] {
            let found = violation(&png(width, height));
            assert_eq!(found.is_none(), accepted, "{width} x {height}: {found:?}");
        }
    }

    #[test]
    fn an_image_of_any_ratio_has_the_other_limits() {
        for (width, height, accepted) in [(3000, 300, true), (300, 3000, true), (3000, 299, false)] {
            let (_, found) = inspect("image_tail", &STANDARD.encode(png(width, height)), true);
            assert_eq!(found.is_none(), accepted, "{width} x {height}: {found:?}");
        }
    }

    #[test]
    fn the_limit_of_bytes_is_met_to_the_byte() {
        let mut file = png(300, 300);
        file.resize(LARGEST_FILE, 0);
        assert_eq!(violation(&file), None);
        file.push(0);
        let found = violation(&file).expect("one byte too many");
        assert!(found.contains("10485761") && found.contains("10485760"), "{found}");
        assert!(found.starts_with("image_list[0].image: "), "{found}");
    }

    #[test]
    fn a_file_is_what_its_bytes_say() {
        for file in [&b"just some text"[..], b"GIF89a\x00\x02\x00\x02 and so on", b"\xff\xd8\xff", b"%"] {
            let found = violation(file).expect("neither JPEG nor PNG");
            assert!(found.contains("not a readable JPEG or PNG"), "{found}");
        }
    }

    #[test]
    fn a_jpeg_is_measured_as_decoders_do() {
        let frame = |marker: u8| [&[0xff, 0xff, marker][..], b"\0\x11\x08\x01\xe0\x02\x80\x03"].concat();
        for (marker, accepted) in
            [(0xc0, true), (0xc1, true), (0xc2, true), (0xc3, false), (0xc9, false), (0xda, false)]
        {
            let file = [&b"\xff\xd8\xff\xe0\0\x06\xff\xc0\0\0\0"[..], &frame(marker)].concat();
            assert_eq!(measure(&file), accepted.then_some((640, 480)), "{marker:x}");
            for end in 0..file.len() - 1 {
                assert_eq!(measure(&file[..end]), None, "{end}");
            }
        }
        for file in
            [&b"\x89PNG\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\xe0"[..], b"\x89PNG\r\n\x1a\n\0\0\0\x04CgBI\0\0\0\0"]
        {
            assert_eq!(measure(file), None);
        }
    }

    #[test]
    fn a_data_prefix_or_broken_base64_gets_the_recorded_text() {
        let good = STANDARD.encode(png(300, 300));
        let prefixed = format!("data:image/png;base64,{good}");
        let line_by_line = format!("{}\n{}", &good[..8], &good[8..]);
        for text in [prefixed.as_str(), line_by_line.as_str(), "a", "ä", "ftp://host/cat.png"] {
            let (image, violation) = inspect("image_list[0].image", text, false);
            assert_eq!(violation.as_deref(), Some(NOT_BASE64), "{text}");
            assert!(matches!(image, ReceivedImage::Unreadable { .. }));
        }
    }

    #[test]
    fn a_url_is_accepted_by_its_form() {
        for (url, accepted) in [
            ("https://example.com/cat.png?x=1", true),
            ("http://example.com", true),
            ("https://example.com/猫.png", true),
            ("https://", false),
            ("https://a host/cat.png", false),
        ] {
            let (image, violation) = inspect("image_list[0].image", url, false);
            assert_eq!(violation.is_none(), accepted, "{url}: {violation:?}");
            assert_eq!(image, ReceivedImage::Url(url.into()));
        }
    }
}
