//! Decodes response bodies that a proxy encoded unasked.
//!
//! reqwest would decode them with a feature that turns `Accept-Encoding` on for every client of the user's program.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, GzDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

#[derive(Debug, PartialEq)]
pub(crate) enum Decoded {
    Body(Bytes),
    TooLarge,
    /// In this encoding, which cannot be decoded here or is broken.
    Unreadable(String),
}

/// Decodes a body by its headers, and removes those. A proxy may also decode a body and leave the header, or encode one
/// without a header.
pub(crate) fn decode(headers: &mut HeaderMap, body: Bytes, limit: usize) -> Decoded {
    const GZIP: &[u8] = &[0x1f, 0x8b];
    let named = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let named = named.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase());
    let mut named: Vec<_> = named.filter(|name| !name.is_empty() && name != "identity").collect();
    if named.is_empty() && body.starts_with(GZIP) {
        named.push("gzip".to_owned());
    }
    let mut decoded = body;
    for name in named.iter().rev() {
        if decoded.is_empty() || matches!(decoded.trim_ascii_start().first(), Some(b'{' | b'[')) {
            break;
        }
        let read =
            match name.as_str() {
                "gzip" | "x-gzip" if !decoded.starts_with(GZIP) => break,
                // Of several members, or of one with something behind it.
                "gzip" | "x-gzip" => limited(MultiGzDecoder::new(&*decoded), limit)
                    .or_else(|_| limited(GzDecoder::new(&*decoded), limit)),
                // By the standard in zlib's format, by some servers without it.
                "deflate" => limited(ZlibDecoder::new(&*decoded), limit)
                    .or_else(|_| limited(DeflateDecoder::new(&*decoded), limit)),
                _ => return Decoded::Unreadable(name.clone()),
            };
        decoded = match read {
            Ok(read) if read.len() > limit => return Decoded::TooLarge,
            Ok(read) => read.into(),
            Err(_) => return Decoded::Unreadable(name.clone()),
        };
    }
    if !named.is_empty() {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }
    Decoded::Body(decoded)
}

/// Decodes at most one byte more than the limit.
fn limited(decoder: impl Read, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    decoder.take(limit as u64 + 1).read_to_end(&mut decoded)?;
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    use super::*;

    const TEXT: &[u8] = br#"{"code":0,"data":{"task_id":"7"}}"#;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn decoded(encoding: &'static str, body: Vec<u8>, limit: usize) -> Decoded {
        let mut headers = HeaderMap::new();
        if !encoding.is_empty() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        decode(&mut headers, body.into(), limit)
    }

    #[test]
    fn every_encoding_is_decoded_or_named() {
        let unreadable = |name: &str| Decoded::Unreadable(name.to_owned());
        let text = || Decoded::Body(Bytes::from_static(TEXT));
        for (encoding, body, expected) in [
            ("", TEXT.to_vec(), text()),
            ("identity", TEXT.to_vec(), text()),
            ("gzip", gzip(TEXT), text()),
            ("GZIP", gzip(TEXT), text()),
            ("x-gzip", gzip(TEXT), text()),
            ("deflate", zlib(TEXT), text()),
            ("deflate", deflate(TEXT), text()),
            ("gzip, gzip", gzip(&gzip(TEXT)), text()),
            ("deflate, gzip", gzip(&zlib(TEXT)), text()),
            ("gzip", TEXT.to_vec(), text()),
            ("br", TEXT.to_vec(), text()),
            ("", gzip(TEXT), text()),
            ("gzip", Vec::new(), Decoded::Body(Bytes::new())),
            ("br", vec![0x8b, 1, 2], unreadable("br")),
            ("zstd", vec![0x28, 0xb5, 0x2f, 0xfd], unreadable("zstd")),
            ("gzip, br", vec![0x8b, 1, 2], unreadable("br")),
            ("gzip", gzip(TEXT)[..20].to_vec(), unreadable("gzip")),
            ("gzip", [gzip(&TEXT[..9]), gzip(&TEXT[9..])].concat(), text()),
            ("gzip", [gzip(TEXT), vec![0; 8]].concat(), text()),
            ("gzip", b"<html>".to_vec(), Decoded::Body(Bytes::from_static(b"<html>"))),
            ("deflate", vec![0xff; 9], unreadable("deflate")),
        ] {
            assert_eq!(decoded(encoding, body, 1000), expected, "{encoding}");
        }
    }

    #[test]
    fn the_limit_holds_after_decoding() {
        let bomb = gzip(&vec![b'x'; 1_000_000]);
        assert!(bomb.len() < 10_000);
        assert_eq!(decoded("gzip", bomb.clone(), 999_999), Decoded::TooLarge);
        assert!(matches!(decoded("gzip", bomb, 1_000_000), Decoded::Body(body) if body.len() == 1_000_000));
    }
}
