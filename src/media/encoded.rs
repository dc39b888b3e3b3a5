//! Base64 as people paste it: in lines, URL-safe, unpadded, behind a `data:` header.

use std::io::{self, Read, Seek, SeekFrom};

use base64::engine::general_purpose::STANDARD;
use base64::read::DecoderReader;
use base64::{DecodeError, Engine as _};

/// Base64 in the form that the API takes: the standard alphabet, padded, and nothing else in it. What is not Base64 is
/// returned as it is, without its `data:` header. The text is changed in place: it may be 13 MB.
pub(crate) fn canonical(text: String) -> Vec<u8> {
    let begun = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let start = text.len() - begun.len() + data_header(begun);
    let mut text = text.into_bytes();
    text.drain(..start);
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=');
    if !text.iter().all(|b| is_base64(b) || b.is_ascii_whitespace()) {
        return text;
    }
    text.retain(|b| !b.is_ascii_whitespace());
    for byte in &mut text {
        match byte {
            b'-' => *byte = b'+',
            b'_' => *byte = b'/',
            _ => {}
        }
    }
    if text.last() != Some(&b'=') && text.len() % 4 > 1 {
        text.resize(text.len().next_multiple_of(4), b'=');
    }
    text
}

/// The length of `data:image/png;name=cat.png;base64,`. A quoted parameter may hold a comma of its own.
fn data_header(text: &str) -> usize {
    if !text.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("data:")) {
        return 0;
    }
    let is_last = |at: &usize| {
        let word = text[..*at].trim_end().as_bytes().last_chunk::<6>();
        word.is_some_and(|word| word.eq_ignore_ascii_case(b"base64"))
    };
    let end = text.match_indices(',').map(|(at, _)| at).find(is_last).or_else(|| text.find(','));
    end.map_or(0, |at| at + 1)
}

/// The number of bytes that canonical Base64 stands for; or what is wrong with it, without repeating any of it.
pub(crate) fn decoded_len(text: &[u8]) -> Result<u64, &'static str> {
    let decoded = io::copy(&mut DecoderReader::new(text, &STANDARD), &mut io::sink());
    decoded.map_err(|error| match error.get_ref().and_then(|reason| reason.downcast_ref()) {
        Some(DecodeError::InvalidByte(_, byte)) if *byte != b'=' => "one of them is not of the Base64 alphabet",
        _ => "its length or padding is not that of Base64",
    })
}

/// Canonical Base64, read as the bytes that it stands for. Only what is read is decoded.
pub(crate) struct Decoded<'a> {
    text: &'a [u8],
    at: u64,
}

impl<'a> Decoded<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }
}

impl Read for Decoded<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        /// Bytes at a time: the header of an image is read in small steps.
        const STEP: usize = 24;
        let start = usize::try_from(self.at / 3 * 4).unwrap_or(usize::MAX);
        let text = self.text.get(start..).unwrap_or_default();
        let text = &text[..text.len().min(STEP / 3 * 4)];
        let mut decoded = [0; STEP];
        let count = STANDARD.decode_slice(text, &mut decoded).map_err(io::Error::other)?;
        (decoded.get((self.at % 3) as usize..count).unwrap_or_default())
            .read(into)
            .inspect(|read| self.at += *read as u64)
    }
}

impl Seek for Decoded<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
            SeekFrom::End(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_changed_in_place() {
        let text = format!("data:image/png;base64,{}\n-_8", "-_8A".repeat(1000));
        let place = text.as_ptr();
        let canonical = canonical(text);
        assert_eq!(canonical.as_ptr(), place);
        assert_eq!(canonical, ["+/8A".repeat(1000), "+/8=".to_owned()].concat().as_bytes());
    }

    #[test]
    fn any_place_of_a_decoded_text_can_be_read() {
        let bytes: Vec<u8> = (0..100).collect();
        let text = STANDARD.encode(&bytes);
        assert_eq!(decoded_len(text.as_bytes()), Ok(100));
        for at in 0..=101 {
            let mut decoded = Decoded::new(text.as_bytes());
            decoded.seek(SeekFrom::Start(1)).unwrap();
            decoded.seek_relative(at - 1).unwrap();
            let mut rest = Vec::new();
            decoded.read_to_end(&mut rest).unwrap();
            assert_eq!(rest, bytes.get(at as usize..).unwrap_or_default());
        }
    }

    #[test]
    fn what_is_wrong_is_found_in_every_piece() {
        for length in [4, 4096, 8192, 8196] {
            let good = "AAAA".repeat(length / 4);
            assert_eq!(decoded_len(good.as_bytes()), Ok(length as u64 / 4 * 3));
            for (bad, found) in [
                (format!("{good}A==="), "length or padding"),
                (format!("{good}A"), "length or padding"),
                (format!("{good}AB=="), "length or padding"),
                (format!("{}AA=={good}", &good[4..]), "length or padding"),
                (format!("{good}AA==AA=="), "length or padding"),
                (format!("{good}AA.="), "alphabet"),
                (format!("{good}AA\n="), "alphabet"),
            ] {
                assert!(decoded_len(bad.as_bytes()).is_err_and(|reason| reason.contains(found)), "{length}");
            }
        }
    }
}
