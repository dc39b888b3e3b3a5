//! The commands: each a few steps of the library's, with the ids printed as soon as they are known.
//!
//! Ctrl-C and SIGTERM end any of them. The API has no cancel, so they end the wait and not the task.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::CommandFactory as _;
use futures_util::StreamExt as _;
use kling_client::{Client, ErrorKind, FinishedTask, Operation, Task as Handle, TaskInfo, WaitEvent};

use crate::arguments::{Access, Arguments, Command, Known, Waiting};
use crate::connection::client;
use crate::failure::{Failure, Finding, Note, Result};
use crate::interrupt::Interrupt;
use crate::next::{Next, Step};
use crate::options::Requested;
use crate::progress::{self, ticking};
use crate::record::{self, Entry};
use crate::report::{self, Report, Task, table};
use crate::request::{self, Ready};
use crate::target::{self, Choice, Target};
use crate::terminal::{Done, Terminal};

/// Runs a command.
pub async fn run(command: Command, access: Access, terminal: &Terminal) -> Result<Done> {
    let next = Next::new(access.clone());
    let mut session = Session { terminal, access, next, entry: None, remarks: Vec::new() };
    // Before the first step, so that a signal never ends one without a word.
    let interrupt = Interrupt::listen();
    let ended = {
        let mut work = pin!(session.run(command));
        tokio::select! {
            biased;
            // Polled once more, so that all that was sent is counted.
            () = interrupt.wait() => poll_fn(|context| match work.as_mut().poll(context) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                Poll::Pending => Poll::Ready(None),
            }).await,
            ended = &mut work => Some(ended),
        }
    };
    let ended = match ended {
        Some(ended) => ended.map_err(|failure| session.next.explain(failure)),
        None => Err(session.next.interrupted()),
    };
    session.record_end(&ended);
    ended
}

/// What the steps of a command share.
struct Session<'a> {
    terminal: &'a Terminal,
    access: Access,
    next: Next,
    /// What the record has of the task.
    entry: Option<Entry>,
    remarks: Vec<Note>,
}

impl Session<'_> {
    async fn run(&mut self, command: Command) -> Result<Done> {
        match command {
            Command::Generate(requested) => self.generate(*requested).await,
            Command::Check(requested) => check(*requested).await,
            Command::Status { task } => {
                let (operation, id) = self.known(task)?;
                self.next.begin(Step::Query("status"), &id);
                let mut task = self.client()?.task(operation.clone(), id)?;
                Ok(self.report(&operation, task.refresh().await?, |task| task.in_full()))
            }
            Command::Wait { task, waiting, saving } => {
                let target = Target::of(saving)?;
                prepare(&target)?;
                let (operation, id) = self.known(task)?;
                self.next.targets.extend(target.clone());
                let task = self.client()?.task(operation, id)?;
                self.next.begin(Step::Wait, task.id());
                self.terminal.tell(format_args!("waiting for task {}", task.id()));
                self.wait(task, waiting, target).await
            }
            Command::Find { task } => self.find(task).await,
            Command::Download { task, saving } => {
                let target = Target::of(saving)?;
                prepare(&target)?;
                let known = self.known(task)?;
                self.next.targets.extend(target.clone());
                self.download(known, target).await
            }
            Command::List { operation, page, page_size } => self.list(operation, page, page_size).await,
            Command::Tasks => tasks(),
            Command::Operations => Ok(operations()),
            Command::Schema { operation, .. } => {
                let request = operation.and_then(|operation| operation.json_schema().cloned());
                Ok(Done::Text(format!("{:#}\n", request.unwrap_or_else(|| Report::schema().to_value()))))
            }
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Arguments::command(), "kling", &mut script);
                Ok(Done::Text(String::from_utf8_lossy(&script).into_owned()))
            }
        }
    }

    fn client(&mut self) -> Result<Client> {
        let client = client(&self.access)?;
        self.next.gateway(client.base_url());
        Ok(client)
    }

    /// The operation of a task and the id to poll: as given, or else from the record, which may have the API's own id.
    fn known(&mut self, Known { id, operation }: Known) -> Result<(Operation, String)> {
        if let Some(operation) = operation {
            self.next.name(&operation);
            return Ok((operation, id));
        }
        let refuse = |given: String| {
            let message = format!("operation: expected --operation, or the id of a recorded task, given {given}");
            Failure::invalid(message).with_hint(format!(
                "add --operation, one of {}; `kling tasks` lists the recorded tasks",
                Operation::KNOWN.join(", ")
            ))
        };
        let entry = record::find(&id).map_err(|reason| refuse(format!("a record that cannot be read: {reason}")))?;
        let entry = entry.ok_or_else(|| refuse("an id that is not recorded".to_owned()))?;
        let known = (entry.operation.clone(), entry.task_id.clone().unwrap_or(id));
        self.entry = Some(entry);
        Ok(known)
    }

    async fn generate(&mut self, requested: Requested) -> Result<Done> {
        let terminal = self.terminal;
        let generate = requested.generate.clone();
        let operation = requested.operation.clone();
        let Ready { request, target, unknown } = request::read(requested, true).await?;
        request.remarks().iter().for_each(|remark| terminal.tell(remark));
        self.remarks = Note::all(request.remarks());
        self.next.unknown = unknown;
        self.next.targets.extend(target.clone());
        let client = self.client()?;
        prepare(&target).map_err(|failure| failure.with_hint("nothing was sent"))?;
        if let Some(id) = request.external_task_id() {
            terminal.note(format_args!("external id {id}"));
        }
        self.begin_record(Entry::new(operation, request.external_task_id()), generate.no_record);
        let sent = self.next.submit(&request);
        let total = request.body_len();
        let submit = client.submit(request);
        let mut task = terminal.bars().of_upload(submit, total, sent, |text| terminal.progress(text)).await?;
        self.next.is_seen = true;
        self.next.begin(Step::Wait, task.id());
        terminal.note(format_args!("submitted task {}", task.id()));
        let status = task.info().map(|info| info.status.to_string());
        self.add_to_record(Some(task.id().to_owned()), status);
        if generate.no_wait {
            let info = match task.info() {
                Some(info) => info.clone(),
                None => task.refresh().await?.clone(),
            };
            return Ok(self.report(&task.operation(), &info, |task| task.task_id.clone()));
        }
        let usual = progress::clock(expected(&task, &generate.waiting));
        terminal.tell(format_args!("waiting, for about {usual}; Ctrl-C leaves the task running"));
        self.wait(task, generate.waiting, target).await
    }

    /// Looks a task up once. That none is found does not prove that there is none.
    async fn find(&mut self, known: Known) -> Result<Done> {
        let external = known.id.clone();
        let (operation, _) = self.known(known)?;
        self.next.find(&external);
        if let Some(task) = self.client()?.find_task(operation.clone(), &external).await?
            && let Some(info) = task.info()
        {
            return Ok(self.report(&operation, info, |task| task.in_full()));
        }
        Err(Failure::new(ErrorKind::Ambiguous, "find", "no task with this external id was found").with_hint(
            "that proves nothing: the gateway may not resolve external ids, or the task is not visible yet; retry later",
        ))
    }

    async fn list(&mut self, operation: Operation, page: u16, page_size: u16) -> Result<Done> {
        self.next.begin(Step::Query("list"), operation.as_str());
        let pager = self.client()?.list(operation.clone());
        let listed = pager.start_at(page).page_size(page_size).next_page().await?;
        let tasks: Vec<_> = listed.into_iter().flatten().map(|info| Task::new(&operation, &info)).collect();
        let people = table(["TASK", "STATUS", "CREATED", "EXTERNAL ID"], tasks.iter().map(Task::cells));
        Ok(Done::Report { json: Report::List { tasks }, people, code: 0, next: None })
    }

    async fn wait(&mut self, task: Handle, waiting: Waiting, target: Option<Target>) -> Result<Done> {
        /// Interval of lines while nothing changes.
        const REMINDER: Duration = Duration::from_secs(60);
        let terminal = self.terminal;
        let usual = expected(&task, &waiting);
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let begun = progress::begun(task.save().created_at_ms, u64::try_from(since_1970).unwrap_or(u64::MAX));
        let bar = terminal.bars().of_wait(task.info().map_or("waiting", |info| info.status.as_str()), usual);
        let mut wait = task.wait().timeout(waiting.timeout);
        if let Some(expected) = waiting.expect {
            wait = wait.expected(expected);
        }
        let mut reminded = Duration::ZERO;
        while let Some(event) = ticking(wait.next(), || bar.waited(begun.elapsed(), usual)).await {
            match event? {
                WaitEvent::Changed(info) => {
                    self.next.is_seen = true;
                    bar.says(info.status.as_str());
                    terminal.progress(info.status);
                }
                WaitEvent::Running { elapsed, expected } if elapsed >= reminded + REMINDER => {
                    reminded = elapsed;
                    terminal.progress(progress::waited(elapsed, expected));
                }
                WaitEvent::PollFailed(error) => terminal.tell(format_args!("poll failed, polling again: {error}")),
                WaitEvent::Done(finished) => {
                    self.next.is_seen = true;
                    drop(bar);
                    return self.finish(task.operation(), finished, target).await;
                }
                _ => {}
            }
        }
        Err(Failure::other("wait", "the wait ended before the task"))
    }

    async fn download(&mut self, (operation, id): (Operation, String), target: Option<Target>) -> Result<Done> {
        let mut task = self.client()?.task(operation.clone(), id)?;
        self.next.begin(Step::Download, task.id());
        let info = task.refresh().await?;
        self.next.is_seen = true;
        if !info.status.is_final() {
            let message =
                format!("expected a finished task, found one that is {}; there is no output yet", info.status);
            self.next.begin(Step::Wait, task.id());
            return Err(Failure::other("download", message));
        }
        // A final status is not polled again.
        let finished = task.wait().await?;
        self.finish(operation, finished, target).await
    }

    /// Downloads the chosen outputs of a finished task, if a file or a folder was named.
    async fn finish(&mut self, operation: Operation, finished: FinishedTask, target: Option<Target>) -> Result<Done> {
        let info = finished.info();
        let mut files = Vec::new();
        if let Some(target) = &target {
            self.next.begin(Step::Download, &info.task_id);
            let (outputs, kind) = (finished.outputs(), operation.output());
            let count = outputs.len();
            let default = outputs.iter().find(|output| Some(output.kind) == kind).map_or(0, |output| output.index);
            let names: Vec<_> = outputs.iter().map(|output| target::file_name(&info.task_id, output.kind)).collect();
            let chosen = target.each(&names, default).inspect_err(|_| {
                self.next.targets = vec![Target { choice: None, ..target.clone() }];
            })?;
            if count > 1 && target.choice.is_none() {
                let all = Target { choice: Some(Choice::All), ..target.clone() };
                let all = self.next.command("download", &info.task_id, Some(&all));
                self.terminal.note(format_args!("downloading one of {count} outputs; all of them: {all}"));
            }
            let mut left = &chosen[..];
            while let [(index, target), rest @ ..] = left {
                self.next.targets = left.iter().map(|(_, target)| target.clone()).collect();
                self.terminal.progress(format_args!("downloading {}", target.path.display()));
                let download = finished.download(&target.path).overwrite(target.overwrite).output(*index);
                let name = target.path.file_name().unwrap_or_default().to_string_lossy();
                files.push((*index, self.terminal.bars().of_download(&name, download).await?));
                left = rest;
            }
        }
        let is_only = target.is_none_or(|target| target.choice != Some(Choice::All));
        Ok(self.report(&operation, info, |task| {
            files.iter().for_each(|(index, file)| task.set_file(*index, file, is_only));
            task.outputs_in_lines()
        }))
    }

    /// A task, with the caller's own id also where the API does not repeat it, and with the next command: its wait, or the
    /// download of an output that nobody has downloaded.
    fn report(&self, operation: &Operation, info: &TaskInfo, people: impl FnOnce(&mut Task) -> String) -> Done {
        let mut task = Task::new(operation, info);
        task.external_task_id = task.external_task_id.or_else(|| self.next.external().map(str::to_owned));
        task.remarks.clone_from(&self.remarks);
        let people = people(&mut task);
        let next = match info.status.is_final() {
            false => Some(self.next.command("wait", &info.task_id, None)),
            true if task.is_to_download() => {
                let target = Target::file(task.example_file().into());
                Some(self.next.command("download", &info.task_id, Some(&target)))
            }
            true => None,
        };
        Done::Report { json: Report::Task(Box::new(task)), people, code: 0, next }
    }

    /// Records a task before it is submitted. A record that cannot be written keeps nobody from submitting.
    fn begin_record(&mut self, entry: Entry, is_left_out: bool) {
        if !is_left_out {
            match record::add(&entry) {
                Ok(()) => return self.entry = Some(entry),
                Err(reason) => self.terminal.tell(format_args!("the task is not recorded: {reason}")),
            }
        }
        self.next.name(&entry.operation);
    }

    /// Records the id or the status of a recorded task.
    fn add_to_record(&mut self, task_id: Option<String>, status: Option<String>) {
        let Some(entry) = &mut self.entry else { return };
        let before = (entry.task_id.clone(), entry.status.clone());
        entry.task_id = task_id.or(entry.task_id.take());
        entry.status = status.or(entry.status.take());
        if before != (entry.task_id.clone(), entry.status.clone())
            && let Err(reason) = record::add(entry)
        {
            self.terminal.tell(format_args!("the record is not updated: {reason}"));
        }
    }

    fn record_end(&mut self, ended: &Result<Done>) {
        match ended {
            Ok(Done::Report { json: Report::Task(task), .. }) => {
                self.add_to_record(Some(task.task_id.clone()), Some(task.status.clone()));
            }
            Err(failure) if failure.kind == ErrorKind::TaskFailed => {
                self.add_to_record(None, Some("failed".to_owned()))
            }
            Err(failure) if self.next.is_submit() => self.add_to_record(None, Some(failure.kind.to_string())),
            _ => {}
        }
    }
}

/// Makes the folder for the output, if one was named.
fn prepare(target: &Option<Target>) -> Result<()> {
    target.as_ref().map_or(Ok(()), Target::prepare)
}

/// Prints every remark and every violation; the exit code is that of an invalid request all the same.
async fn check(requested: Requested) -> Result<Done> {
    let (found, violations, remarks, code) = match request::read(requested, false).await {
        Ok(Ready { request, .. }) => {
            let valid = format!("valid; the request has {} bytes", request.body_len());
            (vec![valid], Vec::new(), Note::all(request.remarks()), 0)
        }
        Err(failure) if failure.violations.is_empty() => return Err(failure),
        Err(failure) => {
            let lines = failure.violations.iter().map(Finding::to_string).collect();
            (lines, failure.violations.clone(), failure.remarks.clone(), failure.exit_code())
        }
    };
    let people: Vec<_> = remarks.iter().map(Note::to_string).chain(found).collect();
    let json = Report::Check { violations, remarks };
    Ok(Done::Report { json, people: people.join("\n"), code, next: None })
}

fn operations() -> Done {
    let known: Vec<_> = Operation::all().map(|operation| report::Known::new(&operation)).collect();
    let people = known.iter().map(report::Known::in_full).collect::<Vec<_>>().join("\n\n");
    Done::Report { json: Report::Operations(known), people, code: 0, next: None }
}

/// The record.
fn tasks() -> Result<Done> {
    let tasks = record::entries().map_err(|reason| Failure::other("tasks", format!("the record: {reason}")))?;
    let people = table(["TASK", "OPERATION", "STATUS", "SUBMITTED", "EXTERNAL ID"], tasks.iter().map(Entry::cells));
    Ok(Done::Report { json: Report::Record { tasks }, people, code: 0, next: None })
}

/// The expected time from submit to end, as far as it is known.
fn expected(task: &Handle, waiting: &Waiting) -> Duration {
    waiting.expect.or(task.save().expected_ms.map(Duration::from_millis)).unwrap_or_default()
}
