//! The origin of the outputs: another host than the API's as far as a client can tell. It serves files under signed URLs, in
//! whole or in ranges.

use std::convert::Infallible;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use uuid::Uuid;

use crate::clock::Clock;
use crate::intake::{Intake, Origin};
use crate::log::{EntryId, sha256};
use crate::media;
use crate::response::{Response, full, response};
use crate::script::Endpoint;
use crate::task::{Output, Task};

/// Kind of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputKind {
    /// An MP4.
    Video,
    /// A PNG.
    Image,
    /// A sound, as an MP3 and as a WAV.
    Audio,
}

/// How long a URL is valid after the task's last change.
const VALID_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Makes the URLs of outputs, and recognises its own.
pub(crate) struct Signer {
    origin: String,
    secret: Uuid,
    /// The API's own address, if videos are behind its key.
    gateway: Option<String>,
}

/// What the origin serves.
pub(crate) struct Outputs {
    pub signer: Arc<Signer>,
    pub clock: Clock,
    pub files: [File; 4],
    pub intake: Arc<Intake>,
}

/// A file that is served.
pub(crate) struct File {
    extension: &'static str,
    content_type: &'static str,
    /// Made when it is first needed, and its tag too: a sandbox must start fast, and most serve no output.
    film: OnceLock<Film>,
    make: fn() -> Vec<u8>,
    etag: OnceLock<HeaderValue>,
}

/// The files of a sandbox, of which the video is given.
pub(crate) fn files(video: Film) -> [File; 4] {
    let file = |extension, content_type, make| File {
        extension,
        content_type,
        film: OnceLock::new(),
        make,
        etag: OnceLock::new(),
    };
    [
        File { film: video.into(), ..file("mp4", "video/mp4", Vec::new) },
        file("png", "image/png", media::png),
        file("mp3", "audio/mpeg", media::mp3),
        file("wav", "audio/wav", media::wav),
    ]
}

/// The bytes of a file. A film can be padded to a length with noise in a `free` box, so that it stays a whole MP4; the noise
/// is made as it is read.
#[derive(Clone)]
pub(crate) struct Film {
    start: Bytes,
    length: usize,
}

impl Film {
    /// A file of at least this length.
    pub fn new(start: Bytes, length: usize) -> Self {
        let Some(missing) = length.checked_sub(start.len()).filter(|missing| *missing > 0) else {
            return Self { length: start.len(), start };
        };
        let size = missing.max(BOX_HEADER);
        // The size 1 announces another of 64 bits behind the type, which a box of 4 GiB needs.
        let header = match u32::try_from(size) {
            Ok(size) => [&size.to_be_bytes()[..], b"free"].concat(),
            Err(_) => [&1_u32.to_be_bytes()[..], b"free", &(size as u64).to_be_bytes()].concat(),
        };
        Self { length: start.len() + size, start: [&start[..], &header].concat().into() }
    }

    pub fn bytes(&self) -> Bytes {
        let mut rest = 0..self.length;
        let pieces: Vec<Bytes> = std::iter::from_fn(|| self.piece(&mut rest)).collect();
        if let [all] = &pieces[..] { all.clone() } else { pieces.concat().into() }
    }

    /// The first bytes of what is left, taken from it.
    fn piece(&self, left: &mut Range<usize>) -> Option<Bytes> {
        if left.start >= left.end {
            return None;
        }
        let piece = match left.start.checked_sub(self.start.len()) {
            None => self.start.slice(left.start..left.end.min(self.start.len())),
            Some(noise) => {
                let from = noise % NOISE;
                noise_bytes().slice(from..NOISE.min(from + left.len()))
            }
        };
        left.start += piece.len();
        Some(piece)
    }

    /// The entity tag: the content decides.
    fn etag(&self) -> HeaderValue {
        let mut hash = sha256(format!("{} {}", sha256(&self.start), self.length).as_bytes());
        hash.truncate(32);
        HeaderValue::try_from(format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"film\""))
    }
}

/// The size and the type of a box.
const BOX_HEADER: usize = 8;

/// Length of the noise before it repeats: a prime, so that no part of it is where a buffer may take it for another.
const NOISE: usize = 65_521;

fn noise_bytes() -> &'static Bytes {
    static BYTES: OnceLock<Bytes> = OnceLock::new();
    // Knuth's multiplicative hash.
    BYTES.get_or_init(|| (0..NOISE as u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8).collect())
}

/// A part of a file on its way.
struct Reel {
    film: Film,
    left: Range<usize>,
}

impl HttpBody for Reel {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Self { film, left } = &mut *self;
        Poll::Ready(film.piece(left).map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.start >= self.left.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

impl Signer {
    pub fn new(origin: String, gateway: Option<String>) -> Self {
        Self { origin, secret: Uuid::new_v4(), gateway }
    }

    pub fn is_behind_key(&self) -> bool {
        self.gateway.is_some()
    }

    pub fn url(&self, task: &Task, output: &Output, extension: &str, updated: Duration) -> String {
        if let Some(gateway) = self.gateway.as_ref().filter(|_| output.kind == OutputKind::Video) {
            return format!("{gateway}/v1/videos/{}/content", task.id);
        }
        let path = format!("/bs2/sandbox/{}.{extension}", output.id);
        let expires = updated.saturating_add(VALID_FOR).as_secs();
        format!("{}{path}?{}", self.origin, self.query(&path, expires))
    }

    fn query(&self, path: &str, expires: u64) -> String {
        let signature = sha256(format!("{}{path}{expires}", self.secret).as_bytes());
        format!("Expires={expires}&Signature={signature}")
    }

    /// Whether a URL was made here, and is still valid.
    fn accepts(&self, path: &str, query: &str, now: Duration) -> bool {
        let expires = query.strip_prefix("Expires=").and_then(|rest| rest.split_once('&'));
        let expires = expires.and_then(|(expires, _)| expires.parse().ok());
        expires.is_some_and(|expires| now.as_secs() < expires && self.query(path, expires) == query)
    }
}

impl Origin for Outputs {
    fn intake(&self) -> &Arc<Intake> {
        &self.intake
    }

    fn operation(&self, _: &Method, _: &str) -> Option<Endpoint> {
        Some(Endpoint::Video)
    }

    async fn handle(&self, request: Request<Bytes>, _: EntryId, _: Duration) -> Response {
        let (method, path) = (request.method(), request.uri().path());
        if method != Method::GET && method != Method::HEAD {
            return response(StatusCode::METHOD_NOT_ALLOWED, None, "");
        }
        let query = request.uri().query().unwrap_or_default();
        let file = self.files.iter().find(|file| path.rsplit('.').next() == Some(file.extension));
        match file.filter(|_| self.signer.accepts(path, query, self.clock.unix_time())) {
            Some(file) => file.deliver(method, request.headers()),
            // Not on record: what stores with signed URLs commonly respond to a changed or expired one.
            None => response(StatusCode::FORBIDDEN, None, ""),
        }
    }
}

impl Outputs {
    /// The file of this extension.
    pub fn file(&self, extension: &str) -> &File {
        let [video, ..] = &self.files;
        self.files.iter().find(|file| file.extension == extension).unwrap_or(video)
    }
}

impl File {
    pub fn bytes(&self) -> Bytes {
        self.film().bytes()
    }

    fn film(&self) -> &Film {
        self.film.get_or_init(|| Film::new((self.make)().into(), 0))
    }

    /// The file, or the requested part of it.
    pub fn deliver(&self, method: &Method, headers: &HeaderMap) -> Response {
        let film = self.film();
        let length = film.length;
        let etag = self.etag.get_or_init(|| film.etag());
        let reel = |left| Reel { film: film.clone(), left }.boxed();
        let unchanged = headers.get(header::IF_RANGE).is_none_or(|tag| tag == etag);
        let range = headers.get(header::RANGE).filter(|_| unchanged && *method == Method::GET);
        let wanted = range.map_or(Wanted::Whole, |range| wanted(range.as_bytes(), length));
        let builder =
            http::Response::builder().header(header::ACCEPT_RANGES, "bytes").header(header::ETAG, etag.clone());
        let built = match wanted {
            Wanted::Whole => builder.header(header::CONTENT_TYPE, self.content_type).body(reel(0..length)),
            Wanted::Part(part) => builder
                .status(StatusCode::PARTIAL_CONTENT)
                .header(header::CONTENT_TYPE, self.content_type)
                .header(header::CONTENT_RANGE, format!("bytes {}-{}/{length}", part.start, part.end - 1))
                .body(reel(part)),
            Wanted::Nothing => builder
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(header::CONTENT_RANGE, format!("bytes */{length}"))
                .body(full("")),
        };
        // All of these headers are valid; there is nothing to fail.
        built.unwrap_or_else(|_| response(StatusCode::INTERNAL_SERVER_ERROR, None, ""))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Range<usize>),
    Nothing,
}

/// What a `Range` header requests. One that is malformed, or asks for several ranges, may be ignored, and is.
fn wanted(range: &[u8], length: usize) -> Wanted {
    let text = std::str::from_utf8(range).unwrap_or_default();
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|text| text.split_once('-')) else {
        return Wanted::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let part = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Ok(first), Err(_)) if last.is_empty() => first..length,
        (Err(_), Ok(last)) if first.is_empty() => length.saturating_sub(last)..length,
        _ => return Wanted::Whole,
    };
    if part.is_empty() { Wanted::Nothing } else { Wanted::Part(part) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_film_is_the_same_in_whole_and_in_parts() {
        let film = Film::new(Bytes::from_static(b"a film"), 200_000);
        let whole = film.bytes();
        assert_eq!((whole.len(), &whole[..14]), (200_000, &b"a film\x00\x03\x0d\x3afree"[..]));
        for part in [0..1, 3..9, 6..7, 5..200_000, 65_500..131_100, 199_999..200_000, 7..7] {
            let mut left = part.clone();
            let pieces: Vec<Bytes> = std::iter::from_fn(|| film.piece(&mut left)).collect();
            assert_eq!(pieces.concat(), whole[part]);
        }
        assert_ne!(film.etag(), Film::new(Bytes::from_static(b"a film"), 6).etag());
        for (length, whole) in [(0, "a film"), (6, "a film"), (7, "a film\0\0\0\x08free"), (14, "a film\0\0\0\x08free")]
        {
            assert_eq!(Film::new(Bytes::from_static(b"a film"), length).bytes(), whole, "{length}");
        }
    }

    #[test]
    fn a_range_means_what_http_says() {
        for (range, meant) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=0-99", Wanted::Part(0..100)),
            ("bytes=0-100", Wanted::Part(0..100)),
            ("bytes=99-", Wanted::Part(99..100)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=100-200", Wanted::Nothing),
            ("bytes=-1", Wanted::Part(99..100)),
            ("bytes=-1000", Wanted::Part(0..100)),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=7-3", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("bytes=0-18446744073709551615", Wanted::Part(0..100)),
            ("bytes=99999999999999999999-", Wanted::Whole),
        ] {
            assert_eq!(wanted(range.as_bytes(), 100), meant, "{range}");
        }
    }
}
