//! Waiting for many tasks at once: one stream, one timer, and the list where it says as much as many questions.
//!
//! What each task is waited for with, and what an answer means for it, is that of a single wait (`mod.rs`); here is only
//! who is asked for next. Tasks that were seen on one list come due at one moment, so that the next list serves all of
//! them again. A task that the list does not show is asked for by its id for a while; where there is no list, all are.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use crate::client::Client;
use crate::clock::{Sleep, chance};
use crate::error::{Error, ErrorKind, Result, Violation};
use crate::response::{TaskInfo, TaskStatus};
use crate::wait::watch::{LAST_POLL, Watch};
use crate::wait::{FinishedTask, Wait, WaitEvent};

/// So many tasks are asked for one by one; a list is the dearer answer for them.
const FEW: usize = 4;
/// The size that a page has if nothing is said, one that takes little memory, and the API's limit.
const PAGES: [u16; 3] = [30, 200, 500];
const LAST_PAGE: u16 = 1000;
/// How many pages in a row without one of the tasks are read: others of the account may be newer than all of them.
const BARREN: u32 = 3;
/// How long a task that the list did not show is asked for by its id, before the list is tried for it again.
const UNLISTED: Duration = Duration::from_secs(60);
/// How much sooner or later a task may be asked for than it is due, to share a list: the interval of the default policy.
const JOIN: Duration = Duration::from_secs(5);
/// How long a gateway that is asked too often is left alone at most.
const LEFT_ALONE: Duration = Duration::from_secs(60);
/// A list that failed so often in a row is left alone for the time of [`UNLISTED`].
const LIST_FAILURES: u32 = 2;

/// A wait for many tasks: a stream of the id and the result of each, in the order in which they end.
///
/// It is one future: no thread, no task of the runtime and no timer for each. Where more than a few tasks are due it asks
/// for the list of tasks, up to 500 at a time, and not for ten minutes once the gateway turned out to have none. Each task keeps the
/// policy, the deadline and the errors of its own [`Wait`]; a task given twice is waited for once.
///
/// It asks only while it is polled. The stream ends when no task is left, and goes on after a [`push`](Self::push). What
/// is seen meanwhile is told by [`events`](Self::events).
///
/// # Errors
/// Those of [`Wait`], for each task by itself; [`Invalid`](ErrorKind::Invalid) for a task of another base URL. With many
/// tasks, no list, and few requests a second, their turn may not come at the very deadline: then the last poll is left out.
///
/// ```no_run
/// # async fn run(client: kling_client::Client, tasks: Vec<kling_client::Task>) -> kling_client::Result<()> {
/// use futures_util::StreamExt as _;
///
/// let mut all = client.wait_all(tasks).requests_per_second(2.0).enumerate();
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
    client: Client,
    tasks: HashMap<Arc<str>, Entry>,
    /// The next poll of each task that is not being asked for.
    due: BTreeSet<(Duration, Arc<str>)>,
    /// When each task's time is over, that of the poll at its deadline included.
    overdue: BTreeSet<(Duration, Arc<str>)>,
    /// What was seen and not told yet.
    events: VecDeque<(Arc<str>, Result<WaitEvent>)>,
    calls: Vec<Call>,
    sweep: Option<Sweep>,
    /// When the tasks of the last list come due again.
    next_sweep: Duration,
    /// Until when the list is left alone after a failure.
    list_from: Duration,
    timer: Option<(Duration, Sleep)>,
    in_flight: usize,
    spacing: Duration,
    next_call: Duration,
}

struct Entry {
    watch: Watch,
    /// By the clock of this wait for all, which may not be that of the task's client.
    deadline: Duration,
    turn: Turn,
    /// Until when it is asked for by its id.
    unlisted: Duration,
}

#[derive(Clone, Copy, PartialEq)]
enum Turn {
    At(Duration),
    Asked,
    Swept,
}

/// One reading of the list, page by page.
struct Sweep {
    started: Duration,
    /// One for all of its tasks, so that they come due together.
    random: f64,
    page: u16,
    size: u16,
    asking: bool,
    barren: u32,
    next: Duration,
}

enum Reply {
    Task(Arc<str>, Result<TaskInfo>),
    Page(Result<Vec<TaskInfo>>),
}

type Call = Pin<Box<dyn Future<Output = Reply> + Send>>;

impl Client {
    /// Waits for many tasks at once; see [`WaitAll`]. Takes tasks, or waits for those that need a time, a policy or an
    /// expectation of their own.
    pub fn wait_all(&self, tasks: impl IntoIterator<Item = impl Into<Wait>>) -> WaitAll {
        let mut all = WaitAll {
            client: self.clone(),
            tasks: HashMap::new(),
            due: BTreeSet::new(),
            overdue: BTreeSet::new(),
            events: VecDeque::new(),
            calls: Vec::new(),
            sweep: None,
            next_sweep: Duration::ZERO,
            list_from: Duration::ZERO,
            timer: None,
            // What a second holds at the default rate when answers take as long.
            in_flight: 10,
            // No gateway's limit on queries is known; this is one query in five seconds for each of fifty tasks.
            spacing: Duration::from_millis(100),
            next_call: Duration::ZERO,
        };
        for task in tasks {
            all.push(task);
        }
        all
    }
}

impl WaitAll {
    /// How many requests may be under way at a time; 10 if not said, at least 1.
    pub fn in_flight(mut self, most: usize) -> Self {
        self.in_flight = most.max(1);
        self
    }

    /// How many requests are begun in a second at most, evenly spread; 10 if not said. What is not a positive number
    /// changes nothing.
    pub fn requests_per_second(mut self, most: f64) -> Self {
        if let Ok(spacing) = Duration::try_from_secs_f64(most.recip())
            && most.is_finite()
        {
            self.spacing = spacing;
        }
        self
    }

    /// Adds a task, also while the others are waited for.
    pub fn push(&mut self, task: impl Into<Wait>) {
        let mut watch = task.into().into_watch();
        let id = Arc::clone(watch.task.shared_id());
        let base_url = watch.task.client().base_url();
        if base_url != self.client.base_url() {
            let given = format!("a task of {base_url}");
            let expected = format!("a task of {}, where this client asks", self.client.base_url());
            let error = Error::invalid("wait", vec![Violation::new("task", expected, given)])
                .with_ids(Some(&id), None)
                .with_hint("its id means nothing here; wait for it with its own client");
            self.events.push_back((id, Err(error)));
        } else if let Some(end) = watch.end() {
            self.events.push_back((id, end.map(WaitEvent::Done)));
        } else if !self.tasks.contains_key(&id) {
            let clock = self.client.clock();
            let (now, pause) = (clock.now(), watch.pause(chance(clock)));
            let (at, deadline) = (now.saturating_add(pause), now.saturating_add(watch.left()));
            self.overdue.insert((over(deadline), Arc::clone(&id)));
            self.due.insert((at, Arc::clone(&id)));
            self.tasks.insert(id, Entry { watch, deadline, turn: Turn::At(at), unlisted: Duration::ZERO });
        }
    }

    /// Tells of each task what a [`Wait`] for it alone would tell: each change of its status, the polls between, and its
    /// end, with which nothing more comes of this task.
    ///
    /// It may be dropped and taken again at any time; the ends come there or from the wait itself, whichever is polled. A
    /// list that failed was about no task, and is not told.
    ///
    /// ```no_run
    /// # async fn run(client: kling_client::Client, tasks: Vec<kling_client::Task>) -> kling_client::Result<()> {
    /// use futures_util::StreamExt as _;
    /// use kling_client::WaitEvent;
    ///
    /// let mut all = client.wait_all(tasks);
    /// while let Some((id, event)) = all.events().next().await {
    ///     match event {
    ///         Ok(WaitEvent::Changed(info)) => println!("{id} is {}", info.status),
    ///         Ok(WaitEvent::Done(finished)) => println!("{id} has {} videos", finished.videos().len()),
    ///         Ok(_) => {}
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(&mut self) -> impl Stream<Item = (String, Result<WaitEvent>)> + Send + Unpin {
        Events(self)
    }

    fn now(&self) -> Duration {
        self.client.clock().now()
    }

    /// Ends what has run out of time, whether it could be asked or not.
    fn expire(&mut self) {
        let now = self.now();
        while self.overdue.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, id)) = self.overdue.pop_first() else { return };
            if let Some(entry) = self.tasks.get(&id) {
                let error = entry.watch.timed_out();
                self.end(&id, Err(error));
            }
        }
    }

    /// Takes what came back. Whether anything did.
    fn hear(&mut self, context: &mut Context<'_>) -> bool {
        let (mut at, mut heard) = (0, false);
        while let Some(call) = self.calls.get_mut(at) {
            match call.as_mut().poll(context) {
                Poll::Pending => at += 1,
                Poll::Ready(reply) => {
                    drop(self.calls.swap_remove(at));
                    heard = true;
                    match reply {
                        Reply::Task(id, answer) => self.told(&id, answer),
                        Reply::Page(Ok(page)) => self.listed(page),
                        Reply::Page(Err(error)) => self.list_failed(&error),
                    }
                }
            }
        }
        heard
    }

    /// Begins the calls that are due, as far as they are allowed. Whether any was.
    fn ask(&mut self) -> bool {
        let (now, before) = (self.now(), self.calls.len());
        while self.calls.len() < self.in_flight && now >= self.next_call {
            let Some(call) = self.next(now) else { break };
            self.calls.push(call);
            self.next_call = now.saturating_add(self.spacing);
        }
        self.calls.len() > before
    }

    /// The next call: a page of the list that is being read, a new reading of it if that serves more than a few, or a
    /// question about one task.
    fn next(&mut self, now: Duration) -> Option<Call> {
        if let Some(sweep) = self.sweep.as_mut().filter(|sweep| !sweep.asking) {
            sweep.asking = true;
            let (client, page, size) = (self.client.clone(), sweep.page, sweep.size);
            return Some(Box::pin(async move { Reply::Page(client.list(page, size).await) }));
        }
        let lists = !self.client.lacks_list() && now >= self.list_from;
        let (mut listed, mut alone) = (Vec::new(), None);
        for (at, id) in self.due.iter().take_while(|(at, _)| *at <= now.saturating_add(JOIN)) {
            // What is due shortly shares the list of what is due now, and comes due with it from then on.
            if *at > now && listed.is_empty() || !lists && alone.is_some() {
                break;
            }
            let Some(entry) = self.tasks.get(id) else { continue };
            if !lists || entry.unlisted > now || self.sweep.is_some() && entry.deadline <= now {
                if *at <= now {
                    alone.get_or_insert_with(|| Arc::clone(id));
                }
            } else if self.sweep.is_none() {
                listed.push((*at, Arc::clone(id)));
            }
        }
        let join = self.next_sweep;
        let joins = now < join && join - now <= JOIN;
        if !joins && listed.len() > FEW {
            self.begin_sweep(&listed, now);
            return self.next(now);
        }
        for (_, id) in listed.into_iter().filter(|(at, _)| *at <= now) {
            match self.tasks.get(&id) {
                Some(entry) if joins && entry.deadline > now => self.schedule(&id, join),
                _ => _ = alone.get_or_insert(id),
            }
        }
        let id = alone?;
        let asked = self.turn(&id, Turn::Asked)?.watch.ask();
        Some(Box::pin(async move { Reply::Task(id, asked.await) }))
    }

    fn begin_sweep(&mut self, tasks: &[(Duration, Arc<str>)], now: Duration) {
        for (_, id) in tasks {
            if let Some(entry) = self.turn(id, Turn::Swept) {
                entry.watch.begin();
            }
        }
        self.sweep = Some(Sweep {
            started: now,
            random: chance(self.client.clock()),
            page: 1,
            size: page_size(self.tasks.len()),
            asking: false,
            barren: 0,
            next: Duration::MAX,
        });
    }

    /// An answer about one task.
    fn told(&mut self, id: &Arc<str>, answer: Result<TaskInfo>) {
        let Some(entry) = self.tasks.get_mut(id).filter(|entry| entry.turn == Turn::Asked) else { return };
        let too_many = answer.as_ref().is_err_and(too_many);
        let event = entry.watch.answered(answer);
        let (now, random) = (self.now(), chance(self.client.clock()));
        if let Some(at) = self.after(id, Some(event), now, random)
            && too_many
        {
            self.leave_alone(at, now);
        }
    }

    /// Begins no call before this moment, within reason: one `Retry-After` of an hour is not for all tasks.
    fn leave_alone(&mut self, at: Duration, now: Duration) {
        self.next_call = self.next_call.max(at.min(now.saturating_add(LEFT_ALONE)));
    }

    /// A page of the list.
    fn listed(&mut self, page: Vec<TaskInfo>) {
        let Some(mut sweep) = self.sweep.take() else { return };
        let short = page.len() < usize::from(sweep.size);
        let oldest = page.last().and_then(|info| info.created_at);
        sweep.barren += 1;
        for info in page {
            let ids = [Some(info.task_id.as_str()), info.external_task_id.as_deref()];
            let found = ids.into_iter().flatten().find_map(|id| self.tasks.get_key_value(id));
            if let Some((id, _)) = found {
                let id = Arc::clone(id);
                sweep.barren = 0;
                self.seen(&id, info, &mut sweep);
            }
        }
        let unseen = || self.tasks.values().filter(|entry| entry.turn == Turn::Swept);
        let is_older = |entry: &Entry| oldest.zip(entry.watch.created).is_some_and(|(oldest, made)| oldest < made);
        let over = short || sweep.barren >= BARREN || sweep.page >= LAST_PAGE;
        if over || unseen().all(is_older) {
            return self.end_sweep(&sweep, true);
        }
        sweep.page += 1;
        sweep.asking = false;
        self.sweep = Some(sweep);
    }

    /// A task on the list, whether it was due or not.
    fn seen(&mut self, id: &Arc<str>, info: TaskInfo, sweep: &mut Sweep) {
        let now = self.now();
        let Some(entry) = self.tasks.get_mut(id) else { return };
        let before = entry.turn;
        if before == Turn::Asked {
            // Its own answer is on the way.
            return;
        }
        // Some lists leave out the videos.
        if info.status == TaskStatus::Succeed && info.videos.is_empty() {
            entry.unlisted = now.saturating_add(UNLISTED);
            return self.schedule(id, now);
        }
        let event = entry.watch.answered(Ok(info));
        if let Some(at) = self.after(id, Some(event), sweep.started, sweep.random)
            && before == Turn::Swept
        {
            sweep.next = sweep.next.min(at);
        }
    }

    /// What follows from an answer, or from none: the end of the task's wait, or its next turn, which is given, by a pause
    /// that is counted from this moment.
    fn after(
        &mut self,
        id: &Arc<str>,
        event: Option<Result<WaitEvent>>,
        from: Duration,
        random: f64,
    ) -> Option<Duration> {
        let entry = self.tasks.get_mut(id)?;
        let end = match event {
            Some(end @ (Ok(WaitEvent::Done(_)) | Err(_))) => Some(end),
            seen => {
                self.events.extend(seen.map(|seen| (Arc::clone(id), seen)));
                entry.watch.end().map(|end| end.map(WaitEvent::Done))
            }
        };
        if let Some(end) = end {
            self.end(id, end);
            return None;
        }
        let again = from.saturating_add(entry.watch.pause(random));
        // A list also shows what is not due yet: that comes no sooner for it.
        let at = if let Turn::At(due) = entry.turn { due.max(again) } else { again };
        self.schedule(id, at);
        Some(at)
    }

    /// No page came, which says nothing of any task.
    fn list_failed(&mut self, error: &Error) {
        let Some(sweep) = self.sweep.take() else { return };
        if lacks_list(error) {
            self.client.found_no_list();
            return self.end_sweep(&sweep, false);
        }
        let now = self.now();
        let mut next = sweep.next;
        for id in self.swept() {
            let Some(entry) = self.tasks.get_mut(&id) else { continue };
            entry.watch.failed(error.retry_after());
            if entry.watch.failures() >= LIST_FAILURES {
                entry.unlisted = now.saturating_add(UNLISTED);
            }
            let Some(at) = self.after(&id, None, now, sweep.random) else { continue };
            next = next.min(at);
            if too_many(error) {
                self.leave_alone(at, now);
            }
        }
        self.next_sweep = next;
        self.list_from = if next == Duration::MAX { now } else { next };
    }

    /// Ends a reading of the list; what it did not show is asked for by its id.
    fn end_sweep(&mut self, sweep: &Sweep, complete: bool) {
        let now = self.now();
        for id in self.swept() {
            if let Some(entry) = self.tasks.get_mut(&id).filter(|_| complete) {
                entry.unlisted = now.saturating_add(UNLISTED);
            }
            self.schedule(&id, now);
        }
        self.next_sweep = sweep.next;
    }

    fn swept(&self) -> Vec<Arc<str>> {
        let swept = self.tasks.iter().filter(|(_, entry)| entry.turn == Turn::Swept);
        swept.map(|(id, _)| Arc::clone(id)).collect()
    }

    /// Gives a task its turn at a moment, or at its deadline.
    fn schedule(&mut self, id: &Arc<str>, at: Duration) {
        let deadline = self.tasks.get(id).map_or(at, |entry| entry.deadline);
        let at = at.min(deadline);
        if self.turn(id, Turn::At(at)).is_some() {
            self.due.insert((at, Arc::clone(id)));
        }
    }

    /// Takes a task out of the order, to give it this turn.
    fn turn(&mut self, id: &Arc<str>, turn: Turn) -> Option<&mut Entry> {
        let entry = self.tasks.get_mut(id)?;
        if let Turn::At(at) = std::mem::replace(&mut entry.turn, turn) {
            self.due.remove(&(at, Arc::clone(id)));
        }
        Some(entry)
    }

    fn end(&mut self, id: &Arc<str>, end: Result<WaitEvent>) {
        self.turn(id, Turn::Asked);
        if let Some(entry) = self.tasks.remove(id) {
            self.overdue.remove(&(over(entry.deadline), Arc::clone(id)));
            self.events.push_back((Arc::clone(id), end));
        }
    }

    /// When there is something to do again, if nothing comes back before.
    fn next_moment(&self) -> Option<Duration> {
        let now = self.now();
        let call = if self.calls.len() >= self.in_flight {
            None
        } else if now < self.next_call {
            Some(self.next_call)
        } else {
            // What is due already waits for the list.
            self.due.iter().map(|(at, _)| *at).find(|at| *at > now)
        };
        self.overdue.first().map(|(at, _)| *at).into_iter().chain(call).min()
    }

    /// What is seen next of any task.
    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<(Arc<str>, Result<WaitEvent>)>> {
        loop {
            self.expire();
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Some(event));
            }
            if self.tasks.is_empty() {
                (self.calls, self.sweep, self.timer) = (Vec::new(), None, None);
                return Poll::Ready(None);
            }
            if self.hear(context) || self.ask() {
                continue;
            }
            let Some(moment) = self.next_moment() else { return Poll::Pending };
            if self.timer.as_ref().is_none_or(|(at, _)| *at != moment) {
                let wait = moment.saturating_sub(self.now());
                self.timer = Some((moment, self.client.clock().sleep(wait)));
            }
            if let Some((_, timer)) = &mut self.timer {
                ready!(timer.as_mut().poll(context));
                self.timer = None;
            }
        }
    }
}

impl Stream for WaitAll {
    type Item = (String, Result<FinishedTask>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while let Some((id, event)) = ready!(self.poll_event(context)) {
            match event {
                Ok(WaitEvent::Done(finished)) => return Poll::Ready(Some((id.to_string(), Ok(finished)))),
                Err(error) => return Poll::Ready(Some((id.to_string(), Err(error)))),
                Ok(_) => {}
            }
        }
        Poll::Ready(None)
    }
}

/// All that is seen, not the ends alone.
struct Events<'a>(&'a mut WaitAll);

impl Stream for Events<'_> {
    type Item = (String, Result<WaitEvent>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_event(context).map(|event| event.map(|(id, event)| (id.to_string(), event)))
    }
}

impl fmt::Debug for WaitAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitAll").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

/// How many tasks to a page: room for others of the account between ours, and few pages without a large answer to hold.
fn page_size(tasks: usize) -> u16 {
    let [usual, small, most] = PAGES;
    let tasks = u16::try_from(tasks).unwrap_or(u16::MAX);
    tasks.saturating_mul(2).clamp(usual, small).max(tasks / 4).min(most)
}

/// When a wait is over, whatever becomes of its last poll.
fn over(deadline: Duration) -> Duration {
    deadline.saturating_add(LAST_POLL)
}

/// Whether an answer asks for fewer requests, of whatever kind.
fn too_many(error: &Error) -> bool {
    error.http_status() == Some(429) || error.retry_after().is_some()
}

/// Whether a list failed because the gateway has none: it refuses to be asked, takes the question for one about a task,
/// or answers something else than a list. A wrong key, a firewall and a limiter say nothing about that.
fn lacks_list(error: &Error) -> bool {
    let status = error.http_status();
    if matches!(status, Some(401 | 403 | 429)) {
        return false;
    }
    let refused = error.kind() == ErrorKind::Rejected && matches!(status, Some(400 | 404));
    let something_else = error.kind() == ErrorKind::Answer && status == Some(200) && error.code().is_none();
    !error.is_retryable() || refused || something_else
}
