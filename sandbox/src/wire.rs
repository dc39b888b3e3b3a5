//! The connection as a fault sees it: it counts the bytes of each direction, and stops them, paces them or ends the
//! connection on demand. The stream is what the HTTP server reads and writes; the handle travels with each
//! request to where its fault is known.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::fault::Pace;
use crate::lock;

/// The handle of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Arc<Shared>);

/// A byte stream that obeys its handle.
pub(crate) struct Obedient<S> {
    stream: S,
    wire: Wire,
    clock: Clock,
    /// The pause between two portions of a response.
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// A byte beyond the last one that may be read is wanted.
    reached: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes that were read since the request began.
    read: u64,
    reading: Reading,
    /// Who waits for bytes, and must poll again when there will be none.
    reader: Option<Waker>,
    /// How many more may be written.
    write_limit: Option<u64>,
    write_pace: Option<Pace>,
    /// What is left of the portion that goes out at once.
    portion: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum Reading {
    #[default]
    Free,
    /// So many bytes of the request.
    Until(u64),
    /// Nothing more; it stays in the socket.
    Stopped,
}

impl Wire {
    /// Forgets the faults of the request before, whose bytes no longer count.
    pub fn begin_request(&self) {
        let mut state = lock(&self.0.state);
        *state = State { read: state.read, reader: state.reader.take(), ..State::default() };
    }

    /// The request was read to its end: what comes now belongs to the next.
    pub fn end_request(&self) {
        lock(&self.0.state).read = 0;
    }

    /// Lets so many bytes of the request in, and then none. Returns whether more are in already.
    pub fn cut_reading(&self, after: u64) -> bool {
        let mut state = lock(&self.0.state);
        state.reading = Reading::Until(after);
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
        state.read > after
    }

    /// Waits until all that may be read was handed on, and more is wanted.
    pub async fn end_of_reading(&self) {
        self.0.reached.notified().await;
    }

    /// Leaves whatever else comes in the socket.
    pub fn stop_reading(&self) {
        lock(&self.0.state).reading = Reading::Stopped;
    }

    /// Lets so many bytes of the response out, and then closes the connection.
    pub fn cut_writing(&self, after: u64) {
        lock(&self.0.state).write_limit = Some(after);
    }

    /// Lets the response out in portions.
    pub fn pace_writing(&self, pace: Pace) {
        let mut state = lock(&self.0.state);
        state.write_pace = Some(pace);
        state.portion = pace.bytes;
    }

    /// Closes the connection at once, whatever is under way on it.
    pub fn close(&self) {
        self.0.closed.notify_one();
    }

    /// Waits until a fault closes the connection.
    pub async fn closed(&self) {
        self.0.closed.notified().await;
    }
}

impl<S> Obedient<S> {
    pub fn new(stream: S, wire: Wire, clock: Clock) -> Self {
        Self { stream, wire, clock, pause: None }
    }

    /// How many bytes may be read now; none means that it is not the time.
    fn may_read(&self) -> Poll<Option<usize>> {
        let state = lock(&self.wire.0.state);
        match state.reading {
            Reading::Free => Poll::Ready(None),
            Reading::Stopped => Poll::Pending,
            Reading::Until(limit) => match limit.saturating_sub(state.read) {
                0 => {
                    self.wire.0.reached.notify_one();
                    Poll::Pending
                }
                left => Poll::Ready(Some(bounded(left))),
            },
        }
    }

    /// How many bytes may be written now, once it is the time.
    fn may_write(&mut self, context: &mut Context<'_>) -> Poll<Option<usize>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
                let mut state = lock(&self.wire.0.state);
                state.portion = state.write_pace.map_or(0, |pace| pace.bytes);
            }
            let state = lock(&self.wire.0.state);
            if state.write_limit == Some(0) {
                self.wire.close();
                return Poll::Pending;
            }
            match state.write_pace {
                Some(pace) if state.portion == 0 => {
                    let clock = self.clock.clone();
                    self.pause = Some(Box::pin(async move { clock.sleep(pace.every).await }));
                }
                pace => {
                    let portion = pace.map(|_| state.portion);
                    return Poll::Ready(portion.into_iter().chain(state.write_limit).min().map(bounded));
                }
            }
        }
    }

    fn written(&self, bytes: usize) {
        let mut state = lock(&self.wire.0.state);
        state.portion = state.portion.saturating_sub(bytes as u64);
        if let Some(left) = &mut state.write_limit {
            *left = left.saturating_sub(bytes as u64);
            if *left == 0 {
                self.wire.close();
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Obedient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = match ready!(self.may_read()) {
            None => Pin::new(&mut self.stream).poll_read(context, buffer),
            Some(most) => {
                let most = most.min(buffer.remaining());
                let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
                let polled = Pin::new(&mut self.stream).poll_read(context, &mut part);
                let read = part.filled().len();
                buffer.advance(read);
                polled
            }
        };
        if polled.is_pending() {
            lock(&self.wire.0.state).reader = Some(context.waker().clone());
        }
        ready!(polled)?;
        let read = buffer.filled().len() - before;
        lock(&self.wire.0.state).read += read as u64;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Obedient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let most = ready!(self.may_write(context)).unwrap_or(usize::MAX);
        let part = bytes.get(..most).unwrap_or(bytes);
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, part))?;
        self.written(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if ready!(self.may_write(context)).is_some() {
            let first = parts.iter().find(|part| !part.is_empty());
            return self.poll_write(context, first.map_or(&[], |part| part));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, parts))?;
        self.written(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn bounded(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
