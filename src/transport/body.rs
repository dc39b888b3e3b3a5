//! The request body of a submit: JSON with the media's Base64 streamed into it.
//!
//! The JSON text is written once, with a hole for each medium; the body yields the text around the holes and the Base64
//! of each source as the network takes it. Its length is known beforehand, its bytes equal those of `serde_json` in one
//! piece, and it cannot be cloned: no layer below this crate can send it twice. It counts the bytes it handed over, which
//! decides whether a task may exist.

use std::collections::VecDeque;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Take};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use bytes::Bytes;
use futures_util::stream;
use futures_util::task::AtomicWaker;

use crate::clock::Clock;

/// Source bytes read and encoded at a time: a multiple of 3, so that padding comes only at the end. Smaller ones cost more
/// trips to the thread that reads, larger ones more memory.
const CHUNK: usize = 72 * 1024;

/// Encoded chunks whose memory is used again: as many as hyper buffers (400 KB and a chunk), and one. Fresh memory for each
/// costs as much as the encoding.
const KEPT: usize = 5;

/// Size in bytes above which a body does not fit into the sockets' buffers, so that an early response would be lost.
const LARGE: u64 = 1_000_000;

#[derive(Clone)]
pub(crate) enum Segment {
    /// JSON text, or Base64 given as text.
    Text(Bytes),
    /// Raw bytes, sent as Base64.
    Bytes(Bytes),
    /// A file, sent as Base64.
    File(FileSource),
}

/// A file as it was when the request was built.
#[derive(Clone)]
pub(crate) struct FileSource {
    pub(crate) path: PathBuf,
    pub(crate) len: u64,
    pub(crate) modified: Option<SystemTime>,
}

/// The bytes of a body that were handed over, for the caller to watch.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    bytes: AtomicU64,
    waker: AtomicWaker,
}

impl Sent {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }

    pub(crate) fn wake(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    fn set(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::SeqCst);
        self.waker.wake();
    }
}

/// The account of one attempt's body: what was handed over, and when. Its own count decides whether a task may exist: the
/// connection of an attempt before may still take bytes of that one's body.
#[derive(Debug)]
pub(crate) struct Progress {
    clock: Arc<dyn Clock>,
    len: u64,
    bytes: AtomicU64,
    sent: Arc<Sent>,
    last: AtomicU64,
}

impl Progress {
    /// An account of so many bytes, shown from zero in `sent`.
    pub(crate) fn new(clock: Arc<dyn Clock>, len: u64, sent: Arc<Sent>) -> Arc<Self> {
        let last = micros(clock.now()).into();
        sent.set(0);
        Arc::new(Self { clock, len, bytes: AtomicU64::new(0), sent, last })
    }

    pub(crate) fn handed_all(&self) -> bool {
        self.left() == 0
    }

    /// When the layer below last took bytes, or else when the account started, by the client's clock. A poll alone is no
    /// progress: a connection polls whenever something wakes it.
    pub(crate) fn last(&self) -> Duration {
        Duration::from_micros(self.last.load(Ordering::SeqCst))
    }

    fn left(&self) -> u64 {
        self.len.saturating_sub(self.bytes.load(Ordering::SeqCst))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A file that cannot be sent as it was when the request was built; no server then has the whole request.
#[derive(Debug)]
pub(crate) struct UploadError {
    path: PathBuf,
    reason: io::Error,
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be sent: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for UploadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.reason)
    }
}

pub(crate) struct Upload {
    segments: Vec<Segment>,
    /// Which of them is read, and its file.
    at: usize,
    open: Option<Opened>,
    /// The last encoded chunks.
    sent: VecDeque<Bytes>,
    pause: Duration,
    progress: Arc<Progress>,
}

impl Upload {
    /// The body, whose first byte waits for `pause` after the first poll if it is large.
    pub(crate) fn new(segments: Vec<Segment>, pause: Duration, progress: Arc<Progress>) -> Self {
        let pause = if progress.left() > LARGE { pause } else { Duration::ZERO };
        Self { segments, at: 0, open: None, sent: VecDeque::with_capacity(KEPT), pause, progress }
    }

    /// The body as reqwest takes it: a stream, which cannot be cloned.
    pub(crate) fn into_body(self) -> reqwest::Body {
        reqwest::Body::wrap_stream(stream::try_unfold(self, async |mut upload| {
            Ok::<_, UploadError>(upload.next().await?.map(|chunk| (chunk, upload)))
        }))
    }

    /// The next chunk, which then counts as handed over; nothing at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, UploadError> {
        let pause = std::mem::take(&mut self.pause);
        if !pause.is_zero() {
            self.progress.clock.sleep(pause).await;
        }
        let Some(chunk) = self.chunk().await? else { return Ok(None) };
        let (count, progress) = (chunk.len() as u64, &self.progress);
        // Before the last bytes: a file that changed during the upload must not become a paid task.
        if count >= progress.left() {
            for segment in &self.segments {
                let Segment::File(file) = segment else { continue };
                let now = tokio::fs::metadata(&file.path).await;
                now.and_then(|now| file.check(&now)).map_err(|reason| file.error(reason))?;
            }
        }
        progress.last.store(micros(progress.clock.now()), Ordering::SeqCst);
        progress.sent.set(progress.bytes.fetch_add(count, Ordering::SeqCst) + count);
        Ok(Some(chunk))
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, UploadError> {
        while let Some(segment) = self.segments.get_mut(self.at) {
            let chunk = match segment {
                Segment::Text(text) => text.split_to(text.len().min(CHUNK)),
                Segment::Bytes(bytes) => encode(&bytes.split_to(bytes.len().min(CHUNK)), &mut self.sent),
                Segment::File(file) => {
                    let (source, open) = (file.clone(), self.open.take());
                    // A file system that hangs must not block the runtime.
                    let read = tokio::task::spawn_blocking(move || source.read(open)).await;
                    let open = read.unwrap_or_else(|e| Err(e.into())).map_err(|reason| file.error(reason))?;
                    encode(&self.open.insert(open).chunk, &mut self.sent)
                }
            };
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
            self.at += 1;
            self.open = None;
        }
        Ok(None)
    }
}

impl Segment {
    pub(crate) fn encoded_len(&self) -> u64 {
        let base64_len = |bytes: u64| bytes.div_ceil(3) * 4;
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Bytes(bytes) => base64_len(bytes.len() as u64),
            Self::File(file) => base64_len(file.len),
        }
    }
}

impl FileSource {
    pub(crate) fn look(path: &Path, metadata: &Metadata) -> Self {
        Self { path: path.to_owned(), len: metadata.len(), modified: metadata.modified().ok() }
    }

    fn check(&self, now: &Metadata) -> io::Result<()> {
        let same = now.is_file() && now.len() == self.len && now.modified().ok() == self.modified;
        if same { Ok(()) } else { Err(changed()) }
    }

    fn error(&self, reason: io::Error) -> UploadError {
        UploadError { path: self.path.clone(), reason }
    }

    /// Reads the next chunk, empty at the end; opens the file for the first.
    fn read(&self, open: Option<Opened>) -> io::Result<Opened> {
        let mut open = match open {
            Some(open) => open,
            None => {
                let file = File::open(&self.path)?;
                self.check(&file.metadata()?)?;
                Opened { rest: file.take(self.len), chunk: Vec::new() }
            }
        };
        open.chunk.resize(open.rest.limit().min(CHUNK as u64) as usize, 0);
        match open.rest.read_exact(&mut open.chunk) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Err(changed()),
            read => read.map(|()| open),
        }
    }
}

struct Opened {
    rest: Take<File>,
    chunk: Vec<u8>,
}

fn changed() -> io::Error {
    io::Error::other("it changed after the request was built; build the request again")
}

/// Encodes into the memory of an earlier chunk, if the network is done with it.
fn encode(bytes: &[u8], sent: &mut VecDeque<Bytes>) -> Bytes {
    let earlier = if sent.len() < KEPT { None } else { sent.pop_front() };
    let mut encoded = earlier.and_then(|chunk| chunk.try_into_mut().ok()).unwrap_or_default();
    encoded.resize(bytes.len().div_ceil(3) * 4, 0);
    // Were the memory too small, which it is not, the body would end before its announced length: not sent.
    let len = engine().encode_slice(bytes, &mut encoded).unwrap_or_default();
    encoded.truncate(len);
    let encoded = encoded.freeze();
    sent.push_back(encoded.clone());
    encoded
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn engine() -> &'static impl base64::Engine {
    use base64::engine::Simd;
    use base64::engine::general_purpose::GeneralPurposeConfig;
    static ENGINE: std::sync::LazyLock<Simd> = std::sync::LazyLock::new(|| Simd::standard(GeneralPurposeConfig::new()));
    &*ENGINE
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn engine() -> &'static impl base64::Engine {
    &base64::engine::general_purpose::STANDARD
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::clock::{Sleep, SystemClock};

    fn upload(segments: Vec<Segment>) -> (Upload, Arc<Progress>) {
        let progress = Progress::new(Arc::new(SystemClock::new()), len(&segments), Arc::default());
        (Upload::new(segments, Duration::ZERO, Arc::clone(&progress)), progress)
    }

    fn len(segments: &[Segment]) -> u64 {
        segments.iter().map(Segment::encoded_len).sum()
    }

    fn file(name: &str, bytes: &[u8]) -> FileSource {
        let path = std::env::temp_dir().join(format!("kling-client-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        FileSource::look(&path, &std::fs::metadata(&path).unwrap())
    }

    #[tokio::test]
    async fn the_length_and_the_bytes_equal_those_of_one_piece_at_every_edge_of_a_chunk() {
        for len in [0, 1, 2, 3, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 2] {
            let bytes: Vec<u8> = (0..len).map(|n| (n * 31 % 251) as u8).collect();
            let source = file("edges", &bytes);
            let segments = vec![
                Segment::Text("[\"".into()),
                Segment::Bytes(bytes.clone().into()),
                Segment::Text("\",\"".into()),
                Segment::File(source.clone()),
                Segment::Text("\"]".into()),
            ];
            let (mut upload, progress) = upload(segments);
            let announced = progress.left();
            let mut sent = Vec::new();
            while let Some(chunk) = upload.next().await.unwrap() {
                assert_eq!(progress.handed_all(), progress.left() == 0);
                sent.extend_from_slice(&chunk);
            }
            let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
            assert_eq!(String::from_utf8(sent).unwrap(), format!("[\"{text}\",\"{text}\"]"), "{len} bytes");
            assert_eq!(announced, 8 + 2 * text.len() as u64 - 1);
            assert!(progress.handed_all());
            std::fs::remove_file(source.path).unwrap();
        }
    }

    /// A clock that only the test moves.
    #[derive(Debug, Default)]
    struct Manual(AtomicU64);

    impl Clock for Manual {
        fn now(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::SeqCst))
        }

        fn sleep(&self, _: Duration) -> Sleep {
            Box::pin(std::future::pending())
        }

        fn wall(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }

        fn random(&self) -> f64 {
            0.0
        }
    }

    #[tokio::test]
    async fn only_bytes_that_were_taken_count_as_progress() {
        let clock = Arc::new(Manual::default());
        let segments = vec![Segment::Bytes(vec![1; 30 * CHUNK].into())];
        let progress = Progress::new(Arc::clone(&clock) as Arc<dyn Clock>, len(&segments), Arc::default());
        let at = |second: u64| clock.0.store(second, Ordering::SeqCst);
        let last = || progress.last().as_secs();

        // A large body waits behind its headers and may be polled meanwhile.
        let mut waiting = Upload::new(segments.clone(), Duration::from_secs(1), Arc::clone(&progress));
        at(1);
        assert!(waiting.next().now_or_never().is_none());
        assert_eq!(last(), 0);

        let mut upload = Upload::new(segments, Duration::ZERO, Arc::clone(&progress));
        for second in 2..5 {
            at(second);
            upload.next().await.unwrap();
            assert_eq!(last(), second);
        }
    }

    #[tokio::test]
    async fn bytes_of_an_earlier_attempts_body_do_not_count_for_the_next() {
        let (segments, sent) = (vec![Segment::Text("[1]".into())], Arc::<Sent>::default());
        let attempt = || {
            let progress = Progress::new(Arc::new(SystemClock::new()), 3, Arc::clone(&sent));
            (Upload::new(segments.clone(), Duration::ZERO, Arc::clone(&progress)), progress)
        };
        let ((mut earlier, _), (mut upload, progress)) = (attempt(), attempt());
        earlier.next().await.unwrap();
        assert!(!progress.handed_all());
        upload.next().await.unwrap();
        assert!(progress.handed_all() && sent.bytes() == 3);
    }

    #[tokio::test]
    async fn a_long_text_is_sent_in_chunks() {
        let text: String = ('a'..='z').cycle().take(3 * CHUNK + 1).collect();
        let (mut upload, progress) = upload(vec![Segment::Text("[".into()), Segment::Text(text.clone().into())]);
        let mut sent = Vec::new();
        while let Some(chunk) = upload.next().await.unwrap() {
            assert!(chunk.len() <= CHUNK);
            sent.extend_from_slice(&chunk);
            assert_eq!(progress.handed_all(), sent.len() == text.len() + 1);
        }
        assert_eq!(sent, format!("[{text}").as_bytes());
    }

    #[tokio::test]
    async fn a_file_that_changes_shrinks_or_vanishes_never_gives_the_last_byte() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 4] = [
            ("grown", |path| std::fs::write(path, vec![1; 2 * CHUNK + 1]).unwrap()),
            ("shrunk", |path| std::fs::write(path, vec![1; 10]).unwrap()),
            ("gone", |path| std::fs::remove_file(path).unwrap()),
            ("touched", |path| {
                let file = std::fs::File::options().append(true).open(path).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            }),
        ];
        for (name, change) in changes {
            for after in 0..3 {
                let source = file(&format!("{name}{after}"), &vec![1; 2 * CHUNK]);
                let segments =
                    vec![Segment::Text("[".into()), Segment::File(source.clone()), Segment::Text("]".into())];
                let (mut upload, progress) = upload(segments);
                for _ in 0..after {
                    upload.next().await.unwrap();
                }
                change(&source.path);
                let error = loop {
                    match upload.next().await {
                        Ok(chunk) => assert!(chunk.is_some(), "the body must not end well"),
                        Err(error) => break error,
                    }
                };
                assert!(!progress.handed_all(), "{name} after {after} chunks");
                assert!(error.to_string().contains(source.path.to_str().unwrap()), "{error}");
                let _ = std::fs::remove_file(&source.path);
            }
        }
    }
}
