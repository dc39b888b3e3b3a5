//! Format and size of an image, read from its header. Segments that do not matter are skipped.

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};

/// Why an image is refused; follows its length in bytes, as in "10 bytes of GIF".
type Defect = Cow<'static, str>;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";
const CUT: Defect = Cow::Borrowed("that end before the image's header does");
const AS_TEXT: &str = "of an image whose bytes were rewritten as text; transfer it again in binary mode";

/// Width and height of a JPEG or PNG that decoders commonly read; or what the bytes are instead.
pub(crate) fn size(image: &mut (impl Read + Seek)) -> Result<(u32, u32), Defect> {
    /// Holds the start of a PNG, and the brands of a HEIC or AVIF.
    const HEAD: u64 = 64;
    let mut head = Vec::new();
    image.by_ref().take(HEAD).read_to_end(&mut head).map_err(unreadable)?;
    match &head[..] {
        head if head.starts_with(JPEG) => {
            image.seek(SeekFrom::Start(2)).map_err(unreadable)?;
            jpeg(image)
        }
        head if head.starts_with(PNG) => png(&head[PNG.len()..]),
        head if PNG.starts_with(head) || JPEG.starts_with(head) => Err(CUT),
        head => Err(other(head).into()),
    }
}

/// The first chunk of a PNG, from its length on.
fn png(chunk: &[u8]) -> Result<(u32, u32), Defect> {
    match chunk {
        [_, _, _, _, b'C', b'g', b'B', b'I', ..] => {
            Err("of an Apple-optimised PNG (CgBI), which only Apple's software reads; re-export it as a plain PNG"
                .into())
        }
        [_, _, _, _, b'I', b'H', b'D', b'R', size @ ..] => {
            let mut size = size;
            Ok((u32::from_be_bytes(next(&mut size)?), u32::from_be_bytes(next(&mut size)?)))
        }
        chunk if chunk.len() < 8 => Err(CUT),
        _ => Err("of a PNG that does not begin with its header (IHDR)".into()),
    }
}

/// Walks the segments of a JPEG up to the one with its size.
fn jpeg(image: &mut (impl Read + Seek)) -> Result<(u32, u32), Defect> {
    loop {
        // Any number of fill bytes (0xFF) may precede a marker; decoders also skip whatever else is there.
        while next::<1>(image)? != [0xff] {}
        let marker = loop {
            match next(image)? {
                [0xff] => {}
                [marker] => break marker,
            }
        };
        let coding = match marker {
            0xc0..=0xc2 => {
                let [_, _, _, h1, h0, w1, w0] = next(image)?;
                return Ok((u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into()));
            }
            0xc3 | 0xc7 | 0xf7 => "a lossless",
            0xc5 | 0xc6 | 0xde => "a hierarchical",
            0xc9 | 0xca | 0xcd | 0xce => "an arithmetic-coded",
            0xcb | 0xcf => "an arithmetic-coded lossless",
            0xd9 | 0xda => return Err("of a JPEG whose header has no size".into()),
            // A stuffed byte, and markers without a segment.
            0x00 | 0x01 | 0xd0..=0xd8 => continue,
            _ => {
                let length = u16::from_be_bytes(next(image)?);
                let rest = length.checked_sub(2).ok_or("of a JPEG with a broken segment")?;
                image.seek_relative(rest.into()).map_err(unreadable)?;
                continue;
            }
        };
        return Err(format!("of {coding} JPEG; re-export it as a baseline or progressive one").into());
    }
}

fn next<const N: usize>(image: &mut impl Read) -> Result<[u8; N], Defect> {
    let mut bytes = [0; N];
    image.read_exact(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn unreadable(error: io::Error) -> Defect {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => CUT,
        _ => format!("that cannot be read: {error}").into(),
    }
}

/// Names by their signatures what people take for a JPEG or PNG.
fn other(head: &[u8]) -> &'static str {
    /// Each with its place; white space in front of those at 0 is ignored, and so is their case.
    const SIGNATURES: [(usize, &[u8], &str); 19] = [
        (1, b"PNG", "of a PNG whose line ends were rewritten as text; transfer it again in binary mode"),
        (2, b"PNG", AS_TEXT),
        (8, b"WEBP", "of WebP"),
        (0, b"GIF8", "of GIF"),
        (0, b"BM", "of BMP"),
        (0, b"II*\0", "of TIFF"),
        (0, b"MM\0*", "of TIFF"),
        (0, b"\xff\x0a", "of JPEG XL"),
        (0, b"\0\0\0\x0cJXL ", "of JPEG XL"),
        (0, b"\0\0\0\x0cjP  ", "of JPEG 2000"),
        (0, b"%PDF", "of PDF"),
        (0, b"<svg", "of SVG"),
        (0, b"<?xml", "of XML"),
        (0, b"<!doctype", "of a web page"),
        (0, b"<html", "of a web page"),
        (0, b"data:", "of a data: URI as text; give its text itself, or decode it"),
        (0, b"iVBORw0KGgo", "of Base64 text; give the text itself, or decode it"),
        (0, b"/9j/", "of Base64 text; give the text itself, or decode it"),
        // What a decoder of UTF-8 writes for invalid bytes.
        (0, "\u{fffd}".as_bytes(), AS_TEXT),
    ];
    const BRANDS: [(&[&[u8]], &str); 2] = [
        (&[b"avif", b"avis"], "of AVIF"),
        (&[b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"], "of HEIC"),
    ];
    if head.get(4..8) == Some(b"ftyp") {
        let has = |brands: &[&[u8]]| head[8..].chunks(4).any(|brand| brands.contains(&brand));
        return BRANDS.iter().find(|(brands, _)| has(brands)).map_or("of a video", |(_, name)| name);
    }
    let text = head.trim_ascii_start();
    let begins = |at: usize, mark: &[u8]| match at {
        0 => text.get(..mark.len()).is_some_and(|found| found.eq_ignore_ascii_case(mark)),
        _ => head.get(at..).is_some_and(|rest| rest.starts_with(mark)),
    };
    SIGNATURES.iter().find(|(at, mark, _)| begins(*at, mark)).map_or("of something else", |(.., name)| name)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Counts what is read.
    struct Counted<'a>(Cursor<&'a [u8]>, usize);

    impl Read for Counted<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into).inspect(|count| self.1 += count)
        }
    }

    impl Seek for Counted<'_> {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn the_segments_of_a_camera_are_skipped_and_not_read() {
        let mut photo = b"\xff\xd8".to_vec();
        for _ in 0..8 {
            photo.extend(b"\xff\xe1\xff\xff");
            photo.resize(photo.len() + 0xffff - 2, 0xff);
        }
        photo.extend(b"\xff\xc0\x00\x11\x08\x01\xe0\x02\x80");
        let mut image = Counted(Cursor::new(&photo), 0);
        assert_eq!(size(&mut image), Ok((640, 480)));
        assert!(image.1 < 200, "{} of {} bytes are read", image.1, photo.len());
    }

    #[test]
    fn no_bytes_panic_and_every_beginning_of_an_image_is_cut() {
        let jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc2\x00\x11\x08\x01\xe0\x02\x80".as_slice();
        let png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x02\x80\x00\x00\x01\xe0".as_slice();
        for image in [jpeg, png] {
            assert_eq!(size(&mut Cursor::new(image)), Ok((640, 480)));
            for end in 1..image.len() {
                assert_eq!(size(&mut Cursor::new(&image[..end])), Err(CUT), "{end} bytes");
            }
        }
        for first in 0..=255u8 {
            for rest in
                [&b""[..], b"\xff", b"\xd8\xff", b"\x00\x00\x00ftyp", b"\x00\x00\x00ftypa", b"PNG", b"\xff\xff\xff"]
            {
                let _ = size(&mut Cursor::new([&[first], rest].concat()));
                let _ = size(&mut Cursor::new([&b"\xff\xd8\xff"[..], &[first], rest].concat()));
            }
        }
    }
}
