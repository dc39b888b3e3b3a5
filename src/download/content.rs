//! What a body is by its first bytes, and whether a file is whole by its own structure: one table of formats says both.

use super::mp4::Boxes;
use crate::response::OutputKind;

/// How many first bytes tell the format: the header of an MP4's first box, and its brand.
pub(crate) const HEAD: usize = 12;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A file of a known format.
    File(&'static Format),
    /// A page or a message in the place of a file, and its format.
    Page(&'static str),
    Unknown,
}

/// A format, known by one of its marks at a place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Format {
    at: usize,
    marks: &'static [&'static [u8]],
    pub(crate) name: &'static str,
    /// The kinds of output that may have it.
    pub(crate) kinds: &'static [OutputKind],
    /// The structure of a file before its first byte.
    structure: Structure,
}

const fn row(
    at: usize,
    marks: &'static [&'static [u8]],
    name: &'static str,
    kinds: &'static [OutputKind],
    structure: Structure,
) -> Format {
    Format { at, marks, name, kinds, structure }
}

const IMAGE: &[OutputKind] = &[OutputKind::Image];
const AUDIO: &[OutputKind] = &[OutputKind::Audio];
/// The container of videos is that of M4A, too.
const MP4: &[OutputKind] = &[OutputKind::Video, OutputKind::Audio];

static FORMATS: [Format; 17] = [
    row(4, &[b"ftypheic", b"ftypheix"], "a HEIC image", IMAGE, Structure::Open),
    row(4, &[b"ftypmif1", b"ftypmsf1"], "a HEIF image", IMAGE, Structure::Open),
    row(4, &[b"ftypavif", b"ftypavis"], "an AVIF image", IMAGE, Structure::Open),
    row(4, &[b"ftyp"], "an MP4", MP4, Structure::Boxes(Boxes::NEW)),
    row(0, &[b"\x89PNG\r\n\x1a\n"], "a PNG image", IMAGE, Structure::Mark("IEND", b"IEND\xae\x42\x60\x82", Vec::new())),
    row(0, &[b"\xff\xd8\xff"], "a JPEG image", IMAGE, Structure::Mark("EOI", b"\xff\xd9", Vec::new())),
    row(8, &[b"WEBP"], "a WebP image", IMAGE, Structure::Riff(0, 0)),
    row(0, &[b"GIF8"], "a GIF", IMAGE, Structure::Open),
    row(8, &[b"WAVE"], "a WAV", AUDIO, Structure::Riff(0, 0)),
    row(0, &[b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2"], "an MP3", AUDIO, Structure::Open),
    row(0, &[b"\xff\xf1", b"\xff\xf9"], "an AAC", AUDIO, Structure::Open),
    row(0, &[b"OggS"], "an Ogg", AUDIO, Structure::Open),
    row(0, &[b"fLaC"], "a FLAC", AUDIO, Structure::Open),
    row(0, &[b"\x1a\x45\xdf\xa3"], "a WebM or Matroska video", &[], Structure::Open),
    row(8, &[b"AVI "], "an AVI video", &[], Structure::Open),
    // Before it had a brand in front.
    row(4, &[b"moov", b"mdat", b"wide", b"pnot"], "a QuickTime movie (MOV) without a brand", &[], Structure::Open),
    row(0, &[b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"], "compressed data", &[], Structure::Open),
];

impl Content {
    /// Recognises the first [`HEAD`] bytes, or all bytes of a shorter body.
    pub(crate) fn of(head: &[u8]) -> Self {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let starts = |word: &[u8]| text.get(..word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word));
        // Before the pages: the size of an MP4's first box may be a `<`.
        let format = FORMATS.iter().find(|format| {
            let rest = head.get(format.at..).filter(|_| format.kinds.is_empty() || head.len() >= HEAD);
            rest.is_some_and(|rest| format.marks.iter().any(|mark| rest.starts_with(mark)))
        });
        match format {
            Some(format) => Self::File(format),
            None if starts(b"{") || starts(b"[") => Self::Page("JSON"),
            None if starts(b"<!doctype") || starts(b"<html") => Self::Page("HTML"),
            None if starts(b"<") => Self::Page("XML"),
            None => Self::Unknown,
        }
    }
}

/// The structure of a file, read as its bytes come, in constant memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Structure {
    Boxes(Boxes),
    /// The mark at its end, and the last bytes.
    Mark(&'static str, &'static [u8], Vec<u8>),
    /// How many bytes its header announces, and how many came.
    Riff(u64, u64),
    /// No structure that shows an end.
    #[default]
    Open,
}

impl Structure {
    /// Starts a file of a format with this [`HEAD`], which is taken in later.
    pub(crate) fn new(format: &Format, head: &[u8]) -> Self {
        match (&format.structure, head) {
            // A program that wrote it as a stream did not know the size.
            (Self::Riff(..), [_, _, _, _, 0, 0, 0, 0, ..] | [_, _, _, _, 0xff, 0xff, 0xff, 0xff, ..]) => Self::Open,
            (Self::Riff(..), [_, _, _, _, a, b, c, d, ..]) => {
                Self::Riff(8 + u64::from(u32::from_le_bytes([*a, *b, *c, *d])), 0)
            }
            (structure, _) => structure.clone(),
        }
    }

    pub(crate) fn take(&mut self, bytes: &[u8]) {
        /// How far from the end the mark may be: padding.
        const TAIL: usize = 32;
        match self {
            Self::Boxes(boxes) => boxes.take(bytes),
            Self::Mark(_, _, tail) => {
                tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
                tail.drain(..tail.len().saturating_sub(TAIL));
            }
            Self::Riff(_, at) => *at += bytes.len() as u64,
            Self::Open => {}
        }
    }

    /// What is missing if the bytes end here; nothing if the file is whole, as far as its structure shows.
    pub(crate) fn missing(&self) -> Option<String> {
        match self {
            Self::Boxes(boxes) => boxes.missing(),
            Self::Mark(name, mark, tail) => {
                (!tail.windows(mark.len()).any(|bytes| bytes == *mark)).then(|| format!("its end ({name}) is missing"))
            }
            Self::Riff(size, at) => (at < size).then(|| format!("its header announces {size} bytes")),
            Self::Open => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(body: &[u8]) -> &'static str {
        match Content::of(body) {
            Content::File(format) => format.name,
            Content::Page(format) => format,
            Content::Unknown => "unknown",
        }
    }

    #[test]
    fn a_body_is_named_by_its_first_bytes() {
        for (body, expected) in [
            (&b"\0\0\0\x20ftypisom\0\0"[..], "an MP4"),
            (b"\0\0\0\x14ftypqt  \0\0", "an MP4"),
            (b"<\0\0\0ftypisom\0\0", "an MP4"),
            (b"\0\0\0\x18ftypheic", "a HEIC image"),
            (b"\0\0\0\x18ftypavif", "an AVIF image"),
            (b"\0\0\0\x18ftyp", "unknown"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\r", "a PNG image"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01", "a JPEG image"),
            (b"RIFF\x24\0\0\0WEBPVP8 ", "a WebP image"),
            (b"RIFF\x24\0\0\0WAVEfmt ", "a WAV"),
            (b"ID3\x04\0\0\0\0\0\x23TSSE", "an MP3"),
            (b"\xff\xfb\x90\x64\0\x0f\xf0\0\0\x69\0\0", "an MP3"),
            (b"\xff\xf1\x50\x80\x02\x1f\xfc\0\0\0\0\0", "an AAC"),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81", "a WebM or Matroska video"),
            (b"GIF89a\x40\x01\xf0\0\xf7\0", "a GIF"),
            (b"\0\0\0\x08wide\0\0\0\x40mdat", "a QuickTime movie (MOV) without a brand"),
            (b"0000moov", "a QuickTime movie (MOV) without a brand"),
            (b"RIFF\x24\0\0\0AVI LIST", "an AVI video"),
            (b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xb4\xbd", "compressed data"),
            (b"short", "unknown"),
            (b"", "unknown"),
            (b"<!DOCTYPE html>", "HTML"),
            (b"\r\n <HTML><head>", "HTML"),
            (b"<?xml version=", "XML"),
            (b"\xef\xbb\xbf<Error><Code>", "XML"),
            (b"{\"error\":{\"me", "JSON"),
            (b"\n[]", "JSON"),
        ] {
            assert_eq!(name(body), expected, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn a_cut_shows_at_every_byte_in_each_format_that_has_an_end() {
        let png = [&b"\x89PNG\r\n\x1a\n\0\0\0\0IDAT1234"[..], &[7; 40], b"\0\0\0\0IEND\xae\x42\x60\x82"].concat();
        let jpeg = [&b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01"[..], &[7; 60], b"\xff\xd9"].concat();
        let riff = |kind: &[u8]| [b"RIFF\x44\0\0\0", kind, &[7; 64]].concat();
        for file in [png, jpeg, riff(b"WEBP"), riff(b"WAVE")] {
            let Content::File(format) = Content::of(&file) else { panic!("{}", file.escape_ascii()) };
            for size in [1, 7, 100] {
                let mut structure = Structure::new(format, &file);
                for piece in file.chunks(size) {
                    assert!(structure.missing().is_some(), "{}", format.name);
                    structure.take(piece);
                }
                assert_eq!(structure.missing(), None, "{}", format.name);
                structure.take(&[0; 9]);
                assert_eq!(structure.missing(), None, "{} with padding", format.name);
            }
        }
    }

    #[test]
    fn a_wav_without_a_known_size_has_no_end_of_its_own() {
        for size in [[0; 4], [0xff; 4]] {
            let file = [b"RIFF", &size[..], b"WAVEfmt "].concat();
            let Content::File(format) = Content::of(&file) else { panic!("no file") };
            assert_eq!(Structure::new(format, &file), Structure::Open);
        }
    }
}
