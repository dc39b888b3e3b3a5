//! The body of the paid POST: JSON with the images' Base64 streamed into it, 48 KiB of image at a time.
//!
//! The facade's JSON is written once, with a hole where each image goes; the body then yields the text around the holes
//! and, for each hole, the image's Base64 read from its source as the network takes it. Its length is known beforehand,
//! its bytes are those that `serde_json` would give in one piece, and it cannot be cloned: nothing below this crate can
//! send it a second time. It keeps count of what it handed over, which is what decides whether a task may exist.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::clock::{Clock, Sleep};

/// Image bytes encoded at a time: a multiple of 3, so that padding comes only at the end; sizes from 6 to 192 KiB were
/// measured to take the same time.
const CHUNK: usize = 48 * 1024;

/// File bytes read at a time where the disk must be waited for: that is a trip to another thread, which costs as much as
/// encoding several chunks.
const BLOCK: usize = 4 * CHUNK;

/// Chunks on their way to the network at a time: a quarter of a megabyte of Base64. Two, three, and no limit were measured
/// to take the same time.
const LENT: usize = 4;

/// A body of more than this does not fit into what the sockets take at once, so that an answer that comes before its end
/// would be lost with the connection.
const LARGE: u64 = 1_000_000;

/// One piece of the body.
#[derive(Clone)]
pub(crate) enum Segment {
    /// JSON text, or Base64 that the caller gave as text.
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

/// How much of a body the layers below have taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handed {
    /// Not one byte: the body was never asked for.
    Nothing,
    /// So many bytes, and not the last one: no server can hold the whole request.
    Part(u64),
    /// All of it: the server may have acted on it, whatever came back.
    All,
}

/// The shared account of one body: what was handed over, and when.
#[derive(Debug)]
pub(crate) struct Progress {
    clock: Arc<dyn Clock>,
    bytes: Arc<AtomicU64>,
    whole: AtomicBool,
    last: AtomicU64,
}

impl Progress {
    /// An account that begins at nothing, and whose bytes are counted where the caller can see them.
    pub(crate) fn new(clock: Arc<dyn Clock>, bytes: Arc<AtomicU64>) -> Arc<Self> {
        let last = AtomicU64::new(micros(clock.now()));
        bytes.store(0, Ordering::SeqCst);
        Arc::new(Self { clock, bytes, whole: AtomicBool::new(false), last })
    }

    pub(crate) fn handed(&self) -> Handed {
        match (self.whole.load(Ordering::SeqCst), self.bytes.load(Ordering::SeqCst)) {
            (true, _) => Handed::All,
            (false, 0) => Handed::Nothing,
            (false, bytes) => Handed::Part(bytes),
        }
    }

    /// When the layer below last took bytes, or else when the account began, by the client's clock. That it asks and takes
    /// none is no progress: a connection asks at whatever wakes it.
    pub(crate) fn last(&self) -> Duration {
        Duration::from_micros(self.last.load(Ordering::SeqCst))
    }

    fn touch(&self) {
        self.last.store(micros(self.clock.now()), Ordering::SeqCst);
    }
}

/// Why a body ended before its end; the request was then surely not received whole.
#[derive(Debug)]
pub(crate) enum UploadError {
    /// The file is no longer what it was when the request was built.
    Changed(PathBuf),
    /// The file cannot be read.
    Unreadable(PathBuf, std::io::Error),
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(path) => {
                write!(f, "{} changed after the request was built; build the request again", path.display())
            }
            Self::Unreadable(path, reason) => write!(f, "{} cannot be read: {reason}", path.display()),
        }
    }
}

impl std::error::Error for UploadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Changed(_) => None,
            Self::Unreadable(_, reason) => Some(reason),
        }
    }
}

type Step = Pin<Box<dyn Future<Output = (Reader, Result<Option<Bytes>, UploadError>)> + Send + Sync>>;

/// The streaming body.
pub(crate) struct Upload {
    pause: Option<Duration>,
    waiting: Option<Sleep>,
    step: Option<Step>,
    reader: Option<Reader>,
    chunks: Chunks,
    len: u64,
    left: u64,
    progress: Arc<Progress>,
}

impl Upload {
    pub(crate) fn new(segments: Vec<Segment>, progress: Arc<Progress>) -> Self {
        let len = segments.iter().map(Segment::encoded_len).sum();
        let files = segments
            .iter()
            .filter_map(|segment| match segment {
                Segment::File(file) => Some(file.clone()),
                _ => None,
            })
            .collect();
        let chunks = Chunks::default();
        Self {
            pause: None,
            waiting: None,
            step: None,
            reader: Some(Reader { segments: segments.into(), offset: 0, open: None, files, chunks: chunks.clone() }),
            chunks,
            len,
            left: len,
            progress,
        }
    }

    /// The same body, with its first byte so long after it is first asked for, if it is large.
    pub(crate) fn after(mut self, pause: Duration) -> Self {
        if self.len > LARGE && !pause.is_zero() {
            self.pause = Some(pause);
        }
        self
    }

    /// The body's length in bytes, which is also its `Content-Length`.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let this = &mut *self;
        if let Some(pause) = this.pause.take() {
            this.waiting = Some(this.progress.clock.sleep(pause));
        }
        if let Some(waiting) = &mut this.waiting {
            std::task::ready!(waiting.as_mut().poll(context));
            this.waiting = None;
        }
        if this.step.is_none() {
            std::task::ready!(this.chunks.poll_room(context));
        }
        let mut step = match (this.step.take(), this.reader.take()) {
            (Some(step), _) => step,
            (None, Some(reader)) => Box::pin(reader.next(this.left)),
            (None, None) => return Poll::Ready(None),
        };
        match step.as_mut().poll(context) {
            Poll::Pending => {
                this.step = Some(step);
                Poll::Pending
            }
            Poll::Ready((_, Err(error))) => Poll::Ready(Some(Err(error))),
            Poll::Ready((_, Ok(None))) => Poll::Ready(None),
            Poll::Ready((reader, Ok(Some(bytes)))) => {
                let count = bytes.len() as u64;
                this.reader = Some(reader);
                this.left -= count.min(this.left);
                this.progress.bytes.fetch_add(count, Ordering::SeqCst);
                this.progress.touch();
                if this.left == 0 {
                    this.progress.whole.store(true, Ordering::SeqCst);
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Segment {
    /// How many bytes of the body it becomes.
    pub(crate) fn encoded_len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Bytes(bytes) => base64_len(bytes.len() as u64),
            Self::File(file) => base64_len(file.len),
        }
    }
}

impl FileSource {
    /// The file as it is now.
    pub(crate) fn look(path: &Path, metadata: &std::fs::Metadata) -> Self {
        Self { path: path.to_owned(), len: metadata.len(), modified: metadata.modified().ok() }
    }

    fn is(&self, metadata: &std::fs::Metadata) -> bool {
        metadata.is_file() && metadata.len() == self.len && metadata.modified().ok() == self.modified
    }

    fn unreadable(&self) -> impl FnOnce(std::io::Error) -> UploadError + '_ {
        |reason| UploadError::Unreadable(self.path.clone(), reason)
    }
}

/// Where the body stands.
struct Reader {
    segments: VecDeque<Segment>,
    /// Source bytes of the first segment already given.
    offset: u64,
    open: Option<Block>,
    files: Vec<FileSource>,
    chunks: Chunks,
}

impl Reader {
    /// The next piece; `left` is what remains of the whole body.
    async fn next(mut self, left: u64) -> (Self, Result<Option<Bytes>, UploadError>) {
        let piece = self.piece().await;
        let piece = match piece {
            // Before the closing bytes: a file that changed while it was sent must not become a paid video.
            Ok(Some(bytes)) if bytes.len() as u64 >= left => match self.unchanged().await {
                Ok(()) => Ok(Some(bytes)),
                Err(error) => Err(error),
            },
            other => other,
        };
        (self, piece)
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, UploadError> {
        loop {
            let Some(segment) = self.segments.front() else {
                return Ok(None);
            };
            let piece = match segment {
                // An image given as Base64 is megabytes of it, which are not taken at once.
                Segment::Text(text) => {
                    let start = (self.offset as usize).min(text.len());
                    let end = (start + CHUNK).min(text.len());
                    self.offset = end as u64;
                    (start < end).then(|| text.slice(start..end))
                }
                Segment::Bytes(bytes) => {
                    let start = (self.offset as usize).min(bytes.len());
                    let end = (start + CHUNK).min(bytes.len());
                    self.offset = end as u64;
                    (start < end).then(|| self.chunks.encode(&bytes[start..end]))
                }
                Segment::File(source) => {
                    let source = source.clone();
                    self.read(&source).await?
                }
            };
            if piece.is_some() {
                return Ok(piece);
            }
            self.segments.pop_front();
            self.offset = 0;
            self.open = None;
        }
    }

    /// The next chunk of a file as Base64, nothing at its end.
    async fn read(&mut self, source: &FileSource) -> Result<Option<Bytes>, UploadError> {
        let left = source.len - self.offset.min(source.len);
        if left == 0 {
            return Ok(None);
        }
        let mut block = self.open.take().unwrap_or_default();
        if block.at == block.bytes.len() && !block.refill_at_once(self.offset, left.min(CHUNK as u64) as usize) {
            let want = left.min(if block.file.is_some() { BLOCK } else { CHUNK } as u64) as usize;
            let (offset, source) = (self.offset, source.clone());
            let failed = source.path.clone();
            // A file that hangs must not stop the runtime, so it is read where blocking is allowed.
            let read = tokio::task::spawn_blocking(move || block.refill(&source, offset, want)).await;
            block = read.map_err(|e| UploadError::Unreadable(failed, std::io::Error::other(e)))??;
        }
        let end = (block.at + CHUNK).min(block.bytes.len());
        let chunk = self.chunks.encode(&block.bytes[block.at..end]);
        self.offset += (end - block.at) as u64;
        block.at = end;
        self.open = Some(block);
        Ok(Some(chunk))
    }

    async fn unchanged(&self) -> Result<(), UploadError> {
        for source in &self.files {
            let now = tokio::fs::metadata(&source.path).await.map_err(source.unreadable())?;
            if !source.is(&now) {
                return Err(UploadError::Changed(source.path.clone()));
            }
        }
        Ok(())
    }
}

/// A part of a file, and the file.
#[derive(Default)]
struct Block {
    file: Option<std::fs::File>,
    bytes: Vec<u8>,
    /// How much of the part was encoded.
    at: usize,
}

impl Block {
    /// Reads the part at this place, of this length; opens the file at the first.
    fn refill(mut self, source: &FileSource, offset: u64, want: usize) -> Result<Self, UploadError> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let file = std::fs::File::open(&source.path).map_err(source.unreadable())?;
                if !source.is(&file.metadata().map_err(source.unreadable())?) {
                    return Err(UploadError::Changed(source.path.clone()));
                }
                self.file.insert(file)
            }
        };
        self.bytes.resize(want, 0);
        self.at = 0;
        match file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut self.bytes)) {
            Ok(()) => Ok(self),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Err(UploadError::Changed(source.path.clone())),
            Err(e) => Err(UploadError::Unreadable(source.path.clone(), e)),
        }
    }

    /// Reads the part if it is in memory already, as what was just looked at or read ahead mostly is; does not wait.
    #[cfg(target_os = "linux")]
    fn refill_at_once(&mut self, offset: u64, want: usize) -> bool {
        use rustix::io::{ReadWriteFlags, preadv2};
        let Some(file) = &self.file else {
            return false;
        };
        self.bytes.resize(want, 0);
        self.at = 0;
        let read = preadv2(file, &mut [std::io::IoSliceMut::new(&mut self.bytes)], offset, ReadWriteFlags::NOWAIT);
        read == Ok(want)
    }

    /// Elsewhere no read is promised not to wait.
    #[cfg(not(target_os = "linux"))]
    fn refill_at_once(&mut self, _offset: u64, _want: usize) -> bool {
        false
    }
}

fn base64_len(bytes: u64) -> u64 {
    bytes.div_ceil(3) * 4
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The chunks of one body: few on their way at a time, in room that is used again. The layer below would take 400 KB at
/// once, and fresh memory for each chunk costs as much as the encoding.
#[derive(Clone, Default)]
struct Chunks(Arc<Mutex<Room>>);

#[derive(Default)]
struct Room {
    free: Vec<Vec<u8>>,
    lent: usize,
    waiting: Option<Waker>,
}

/// A chunk on its way, whose room comes back when the network has taken it.
struct Lent {
    bytes: Vec<u8>,
    len: usize,
    chunks: Chunks,
}

impl Chunks {
    /// Ready when another chunk may be on its way.
    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut room = self.room();
        if room.lent < LENT {
            return Poll::Ready(());
        }
        room.waiting = Some(context.waker().clone());
        Poll::Pending
    }

    /// At most [`CHUNK`] bytes as Base64.
    fn encode(&self, source: &[u8]) -> Bytes {
        let mut room = self.room();
        room.lent += 1;
        let mut bytes = room.free.pop().unwrap_or_else(|| vec![0; CHUNK / 3 * 4]);
        drop(room);
        // Were it too small, which it is not, the body would end before its announced length: not sent.
        let len = engine().encode_slice(source, &mut bytes).unwrap_or_default();
        Bytes::from_owner(Lent { bytes, len, chunks: self.clone() })
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut room = self.chunks.room();
        room.lent -= 1;
        room.free.push(std::mem::take(&mut self.bytes));
        let waiting = room.waiting.take();
        drop(room);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
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
    use super::*;
    use crate::clock::SystemClock;

    fn upload(segments: Vec<Segment>) -> (Upload, Arc<Progress>) {
        let progress = Progress::new(Arc::new(SystemClock::new()), Arc::default());
        (Upload::new(segments, Arc::clone(&progress)), progress)
    }

    async fn frame(upload: &mut Upload) -> Option<Result<Bytes, UploadError>> {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *upload).poll_frame(context)).await;
        frame.map(|frame| frame.map(|frame| frame.into_data().unwrap_or_default()))
    }

    fn file(name: &str, bytes: &[u8]) -> FileSource {
        let path = std::env::temp_dir().join(format!("kling-client-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        FileSource::look(&path, &std::fs::metadata(&path).unwrap())
    }

    #[tokio::test]
    async fn the_length_and_the_bytes_are_those_of_one_piece_at_every_edge_of_a_chunk() {
        for len in
            [0, 1, 2, 3, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 2, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + CHUNK]
        {
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
            let announced = upload.len();
            let mut sent = Vec::new();
            while let Some(piece) = frame(&mut upload).await {
                assert_eq!(progress.handed() == Handed::All, upload.is_end_stream());
                sent.extend_from_slice(&piece.unwrap());
            }
            let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
            assert_eq!(String::from_utf8(sent).unwrap(), format!("[\"{text}\",\"{text}\"]"), "{len} bytes");
            assert_eq!(announced, 8 + 2 * text.len() as u64 - 1);
            assert_eq!(progress.handed(), Handed::All);
            std::fs::remove_file(source.path).unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_chunks_are_on_their_way_and_the_next_comes_when_one_has_arrived() {
        let (mut upload, _) = upload(vec![Segment::Bytes(vec![1; 2 * LENT * CHUNK].into())]);
        let mut sent = VecDeque::new();
        for _ in 0..LENT {
            sent.push_back(frame(&mut upload).await);
        }
        let next = tokio::spawn(async move { frame(&mut upload).await });
        tokio::task::yield_now().await;
        assert!(!next.is_finished());
        sent.pop_front();
        let next = tokio::time::timeout(Duration::from_secs(1), next).await.expect("a wake").unwrap();
        assert_eq!(next.unwrap().unwrap().len(), CHUNK / 3 * 4);
    }

    /// A clock that stands until it is moved.
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
    async fn only_bytes_that_are_taken_count_as_progress() {
        let asked_in_vain = async |upload: &mut Upload| {
            let asked = std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *upload).poll_frame(context))).await;
            assert!(asked.is_pending());
        };
        let clock = Arc::new(Manual::default());
        let progress = Progress::new(Arc::clone(&clock) as Arc<dyn Clock>, Arc::default());
        let at = |second: u64| clock.0.store(second, Ordering::SeqCst);
        let last = || progress.last().as_secs();

        // What is large waits behind its headers, for which it is asked at least once.
        let segments = vec![Segment::Bytes(vec![1; 30 * CHUNK].into())];
        let mut waiting = Upload::new(segments.clone(), Arc::clone(&progress)).after(Duration::from_secs(1));
        at(1);
        asked_in_vain(&mut waiting).await;
        assert_eq!(last(), 0);

        // As much is on its way as may be, and the network takes none of it.
        let mut upload = Upload::new(segments, Arc::clone(&progress));
        let mut sent = VecDeque::new();
        for _ in 0..LENT {
            at(2);
            sent.push_back(frame(&mut upload).await);
        }
        for second in 3..100 {
            at(second);
            asked_in_vain(&mut upload).await;
            assert_eq!(last(), 2);
        }
        sent.pop_front();
        sent.push_back(frame(&mut upload).await);
        assert_eq!(last(), 99);
    }

    #[tokio::test]
    async fn a_long_text_goes_out_in_pieces_like_a_file() {
        let text: String = ('a'..='z').cycle().take(3 * CHUNK + 1).collect();
        let (mut upload, progress) = upload(vec![Segment::Text("[".into()), Segment::Text(text.clone().into())]);
        let mut sent = Vec::new();
        while let Some(piece) = frame(&mut upload).await {
            let piece = piece.unwrap();
            assert!(piece.len() <= CHUNK);
            sent.extend_from_slice(&piece);
            assert_eq!(progress.handed() == Handed::All, sent.len() == text.len() + 1);
        }
        assert_eq!(sent, format!("[{text}").as_bytes());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_file_that_must_be_fetched_from_the_disk_is_sent_whole() {
        let bytes: Vec<u8> = (0..5 * BLOCK + 7).map(|n| (n * 31 % 251) as u8).collect();
        let source = file("cold", &bytes);
        let opened = std::fs::File::open(&source.path).unwrap();
        opened.sync_all().unwrap();
        rustix::fs::fadvise(&opened, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        let (mut upload, _) = upload(vec![Segment::File(source.clone())]);
        let mut sent = Vec::new();
        while let Some(piece) = frame(&mut upload).await {
            sent.extend_from_slice(&piece.unwrap());
        }
        assert!(sent == base64::engine::general_purpose::STANDARD.encode(&bytes).as_bytes());
        std::fs::remove_file(source.path).unwrap();
    }

    #[tokio::test]
    async fn a_file_that_changes_shrinks_or_vanishes_never_gives_the_last_byte() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 4] = [
            ("grown", |path| std::fs::write(path, vec![1; 2 * BLOCK + 1]).unwrap()),
            ("shrunk", |path| std::fs::write(path, vec![1; 10]).unwrap()),
            ("gone", |path| std::fs::remove_file(path).unwrap()),
            ("touched", |path| {
                let file = std::fs::File::options().append(true).open(path).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            }),
        ];
        for (name, change) in changes {
            for after in 0..3 {
                let source = file(&format!("{name}{after}"), &vec![1; 2 * BLOCK]);
                let segments =
                    vec![Segment::Text("[".into()), Segment::File(source.clone()), Segment::Text("]".into())];
                let (mut upload, progress) = upload(segments);
                for _ in 0..after {
                    frame(&mut upload).await.unwrap().unwrap();
                }
                change(&source.path);
                let error = loop {
                    match frame(&mut upload).await.expect("the body must not end well") {
                        Ok(_) => {}
                        Err(error) => break error,
                    }
                };
                assert_ne!(progress.handed(), Handed::All, "{name} after {after} frames");
                assert!(error.to_string().contains(source.path.to_str().unwrap()), "{error}");
                assert!(frame(&mut upload).await.is_none(), "a broken body stays at its end");
                let _ = std::fs::remove_file(&source.path);
            }
        }
    }
}
