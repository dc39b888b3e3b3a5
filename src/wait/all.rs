//! The wait for many tasks: single waits in one stream.

use std::collections::HashSet;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream, SelectAll};

use crate::client::Client;
use crate::error::Result;
use crate::wait::event::{FinishedTask, WaitEvent};
use crate::wait::single::Wait;

/// A wait for many tasks: a stream of the id and the result of each, in the order in which they end.
///
/// Each task keeps the client, policy, deadline and errors of its own [`Wait`]; a task given twice is waited for once. All
/// share the client's [`polls_per_second`](crate::ClientBuilder::polls_per_second). Tasks are polled only while it is polled
/// itself. The stream ends when no task is left, and goes on after a [`push`](Self::push).
///
/// ```no_run
/// # async fn run(client: kling_client::Client, tasks: Vec<kling_client::Task>) -> kling_client::Result<()> {
/// use futures_util::StreamExt as _;
///
/// let mut all = client.wait_all(tasks).enumerate();
/// while let Some((number, (id, result))) = all.next().await {
///     match result {
///         // An id comes from the server, so it names no file.
///         Ok(finished) => println!("{id}: {}", finished.download(format!("{number}.mp4")).await?.display()),
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a wait does nothing until it is polled"]
pub struct WaitAll {
    waits: SelectAll<BoxStream<'static, (Arc<str>, Event)>>,
    /// The base URLs and ids of the tasks, which tell them apart.
    members: HashSet<Arc<str>>,
}

/// The id of a task, and what happened to it.
type Event = (String, Result<WaitEvent>);

impl Client {
    /// Waits for many tasks at once; see [`WaitAll`]. Takes tasks, or waits with a timeout, policy or expected time of
    /// their own.
    pub fn wait_all(&self, tasks: impl IntoIterator<Item = impl Into<Wait>>) -> WaitAll {
        let mut all = WaitAll { waits: SelectAll::new(), members: HashSet::new() };
        for task in tasks {
            all.push(task);
        }
        all
    }
}

impl WaitAll {
    /// Adds a task, also while the others are waited for.
    pub fn push(&mut self, task: impl Into<Wait>) {
        let wait = task.into();
        let (id, base_url) = (Arc::clone(wait.watch.task.shared_id()), wait.watch.task.client().base_url());
        let name: Arc<str> = format!("{base_url} {id}").into();
        if self.members.insert(Arc::clone(&name)) {
            self.waits.push(wait.map(move |event| (Arc::clone(&name), (id.to_string(), event))).boxed());
        }
    }

    /// Returns the events of every task as a stream. The last event of each is its end, which is reported once, here or by
    /// the wait itself. The stream may be dropped and taken again at any time.
    pub fn events(&mut self) -> impl Stream<Item = (String, Result<WaitEvent>)> + Send + Unpin {
        stream::poll_fn(|context| self.poll_event(context))
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let Some((name, event)) = ready!(self.waits.poll_next_unpin(context)) else {
            // A wait that had ended before it was added has no event.
            self.members.clear();
            return Poll::Ready(None);
        };
        if matches!(event.1, Ok(WaitEvent::Done(_)) | Err(_)) {
            self.members.remove(&name);
        }
        Poll::Ready(Some(event))
    }
}

impl Stream for WaitAll {
    type Item = (String, Result<FinishedTask>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while let Some((id, event)) = ready!(self.poll_event(context)) {
            match event {
                Ok(WaitEvent::Done(finished)) => return Poll::Ready(Some((id, Ok(finished)))),
                Err(error) => return Poll::Ready(Some((id, Err(error)))),
                Ok(_) => {}
            }
        }
        Poll::Ready(None)
    }
}

impl fmt::Debug for WaitAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitAll").field("tasks", &self.members.len()).finish_non_exhaustive()
    }
}
