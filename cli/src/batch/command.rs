//! The commands of the batch: each opens the record of a manifest, does its work on it, and reports.

use std::sync::Arc;
use std::time::SystemTime;

use kling_client::SystemClock;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::arguments::{Batch, Jobs, Mcp, Priced, Record, Source, View, Work};
use super::progress::watch;
use super::status::is_open;
use super::{
    Add, Fence, Format, Pace, Plan, Prices, SUFFIX, Server, Shown, State, Status, Store, Summary, Until, Worker,
};
use super::{export, inspect, record_of, report};
use crate::arguments::Access;
use crate::connection::{Connection, connection};
use crate::failure::{Failure, Result};
use crate::interrupt::{INTERRUPTED, Interrupt};
use crate::target::make_folder;
use crate::terminal::{Done, Terminal, standard_output};

/// Runs a command on a record.
pub async fn run(batch: Batch, access: &Access, terminal: &Terminal) -> Result<Done> {
    match batch {
        Batch::Run { add, work } if !add.dry_run => {
            // A missing key is reported before anything is written.
            let connection = connection(access)?;
            let prices = add.prices.read()?;
            let (store, _) = added(&add, &prices, terminal)?;
            Desk::new(store, connection, &work, terminal)?.finish(&prices).await
        }
        Batch::Run { add, .. } | Batch::Add(add) => added(&add, &add.prices.read()?, terminal).map(|(_, done)| done),
        Batch::Resume { view: View { record, prices }, budget, batch, work } => {
            let connection = connection(access)?;
            let prices = prices.read()?;
            let store = record.open()?;
            terminal.note(format_args!("record: {}", store.path().display()));
            if let Some(budget) = budget {
                terminal.note(match store.set_budget(batch, budget)? {
                    Some(batch) => format!("the budget of batch {batch} is {budget} units from now on"),
                    None => "no job is left to submit, so no budget was set".to_owned(),
                });
            }
            inspect(&store, SystemTime::now(), |line| terminal.note(line))?;
            Desk::new(store, connection, &work, terminal)?.finish(&prices).await
        }
        Batch::Status(View { record, prices }) => {
            reported(&Status::read(&record.read()?, &prices.read()?, None, SystemTime::now())?, 0)
        }
        Batch::Retry { jobs: Jobs { record, jobs }, yes } => {
            let store = record.open()?;
            let mut retried = Vec::new();
            for job in jobs {
                let by = store.retry(job, yes)?;
                terminal.note(format_args!("job {job} is retried as job {by}; resume submits it"));
                retried.push(json!({"job": job, "by": by}));
            }
            done(json!({"retried": retried}))
        }
        Batch::Drop(Jobs { record, jobs }) => {
            let store = record.open()?;
            for job in &jobs {
                store.drop_job(*job)?;
                terminal.note(format_args!("job {job} is dropped"));
            }
            done(json!({"dropped": jobs}))
        }
        Batch::Account { record, same: None, submit_here: false } => {
            reported(&Status::read(&record.read()?, &Prices::builtin()?, None, SystemTime::now())?, 0)
        }
        Batch::Account { record, same, .. } => {
            let Connection { base_url, fingerprint, .. } = connection(access)?;
            let store = record.open()?;
            let account = match same {
                Some(account) => store.rename_account(account, &base_url, &fingerprint).map(|()| account)?,
                None => store.account(&base_url, &fingerprint)?,
            };
            terminal.note(format_args!("account {account} is {base_url} with key {fingerprint}"));
            if same.is_none() {
                let moved = store.move_batches(account)?;
                terminal.note(format_args!("{moved} batches are submitted to it from now on"));
            }
            done(json!({"account": account, "base_url": base_url, "fingerprint": fingerprint}))
        }
        Batch::Report { view: View { record, prices }, batch, out_dir } => {
            let shown = batch.map_or(Shown::Beside, Shown::Batch);
            let path = report(&record.read()?, &prices.read()?, &out_dir, shown)?;
            Ok(Done::Value { people: path.display().to_string(), json: json!({"report": path}), code: 0 })
        }
        Batch::Export { record, format } => {
            let is_json = format.map_or(terminal.is_in_json(), |format| format == "json");
            let format = if is_json { Format::Json } else { Format::Csv };
            export(&record.read()?, format, standard_output()).map(|()| Done::Text(String::new()))
        }
    }
}

/// Serves the tools for agents, with a worker beside them, until the client goes away.
pub async fn serve(mcp: Mcp, access: &Access, terminal: &Terminal) -> Result<Done> {
    let connection = connection(access)?;
    let prices = mcp.prices.read()?;
    let fence = Fence::new(&mcp.read, &mcp.write)?;
    let record = mcp.record.unwrap_or_else(|| mcp.write.join(format!("agents{SUFFIX}")));
    let desk = Desk::new(Store::open(&record)?, connection, &mcp.work, terminal)?;
    let server = Server::open(desk.store.clone(), prices, fence, Arc::new(SystemClock::new()), mcp.budget)?;
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let stop = stop.clone();
        async move {
            let _end = stop.clone().drop_guard();
            server.serve(rmcp::transport::stdio(), stop).await
        }
    });
    let worked = desk.work(Until::Stopped, &stop).await;
    stop.cancel();
    serving.await.map_err(|reason| Failure::other("mcp", reason.to_string()))??;
    worked.map(|_| Done::Text(String::new()))
}

impl Record {
    /// Opens it to look at, beside a process that may work on it.
    fn read(&self) -> Result<Store> {
        Store::read(&record_of(&self.record))
    }

    /// Opens it to change it; it is there.
    fn open(&self) -> Result<Store> {
        let path = record_of(&self.record);
        if path.exists() { Store::open(&path) } else { Store::read(&path) }
    }
}

impl Priced {
    fn read(&self) -> Result<Prices> {
        self.prices.as_deref().map_or_else(Prices::builtin, Prices::load)
    }
}

/// Adds a manifest, or only checks it: then nothing is made that is missing, and neither where a line has a fault.
fn added(source: &Source, prices: &Prices, terminal: &Terminal) -> Result<(Store, Done)> {
    let Source { manifest, out_dir, budget, again, allow_outside: outside, dry_run, .. } = source;
    let plan = Plan { manifest, out_dir, prices, budget: budget.is_some(), outside: *outside };
    let record = source.record.clone().unwrap_or_else(|| record_of(manifest));
    let add = Add { plan, budget: *budget, again: *again };
    let mut store = match (record.exists(), dry_run) {
        (true, false) => Store::open(&record)?,
        (true, true) => Store::read(&record)?,
        (false, _) => Store::in_memory()?,
    };
    let shown = record.canonicalize().or_else(|_| std::path::absolute(&record));
    terminal.note(format_args!("record: {}", shown.as_deref().unwrap_or(&record).display()));
    let mut summary = add.check(&store, *dry_run, |notice| terminal.note(notice))?;
    if !dry_run {
        make_folder(out_dir)?;
        if !record.exists() {
            store = Store::open(&record)?;
        }
        if summary.jobs > 0 {
            summary = add.insert(&store, summary)?;
        }
    }
    let Summary { jobs, known, estimate, unpriced, sources, .. } = &summary;
    let money = prices.in_money(*estimate).map(|money| format!(", {money}")).unwrap_or_default();
    let verb = if *dry_run { "would be added" } else { "added" };
    terminal.note(format_args!("{jobs} jobs {verb}, {known} left out as known; about {estimate} units{money}"));
    sources.iter().for_each(|source| terminal.note(source));
    if *unpriced > 0 {
        terminal.note(format_args!("{unpriced} of them have no known price and are not in it; --prices names a table"));
    }
    if let Some(budget) = budget.filter(|budget| budget < estimate) {
        terminal.note(format_args!("the budget of {budget} units stops it before its end"));
    }
    let json = json!({"record": record, "dry_run": dry_run, "added": summary, "prices": sources});
    done(json).map(|done| (store, done))
}

/// What a command that submits works with.
struct Desk<'a> {
    terminal: &'a Terminal,
    store: Arc<Store>,
    connection: Connection,
    account: i64,
}

impl<'a> Desk<'a> {
    fn new(store: Store, connection: Connection, work: &Work, terminal: &'a Terminal) -> Result<Self> {
        let account = store.account(&connection.base_url, &connection.fingerprint)?;
        if let Some(most) = work.max_running {
            store.set_places(account, most)?;
        }
        Ok(Self { terminal, store: Arc::new(store), connection, account })
    }

    /// Works until the end, a signal, or `stop`. Returns whether it was stopped.
    async fn work(&self, until: Until, stop: &CancellationToken) -> Result<bool> {
        let interrupt = Interrupt::listen();
        let (client, pace) = (self.connection.client.clone(), Pace::new(self.connection.expected));
        let (clock, say) = (Arc::new(SystemClock::new()), Arc::new(self.terminal.noting()));
        let worker = Worker::new(self.store.clone(), client, self.account, clock, pace, until, say);
        let work = async {
            tokio::select! {
                ended = worker.run(stop.clone()) => ended,
                never = watch(&self.store, self.terminal) => match never {},
            }
        };
        let interrupted = || {
            self.terminal.note("interrupted: what is being submitted is waited for; a second signal ends at once");
            stop.cancel();
        };
        interrupt.during(work, interrupted).await.map(|()| stop.is_cancelled())
    }

    /// Works until nothing is left, writes the reports of these folders, and reports the status.
    async fn finish(self, prices: &Prices) -> Result<Done> {
        let folders = self.store.open_folders()?;
        let ended = self.work(Until::Done, &CancellationToken::new()).await;
        for folder in folders {
            // The outcome of the jobs does not depend on the page about them.
            self.terminal.note(match report(&self.store, prices, &folder, Shown::Beside) {
                Ok(path) => format!("report: {}", path.display()),
                Err(failure) => format!("no report: {}", failure.message),
            });
        }
        let status = Status::read(&self.store, prices, Some(self.account), SystemTime::now())?;
        match ended {
            Ok(is_stopped) => reported(&status, if is_stopped { INTERRUPTED } else { code(&status) }),
            Err(failure) => {
                self.terminal.note(status.to_string().trim_end());
                Err(failure)
            }
        }
    }
}

/// The exit code of the gravest of what is left.
fn code(status: &Status) -> u8 {
    if status.count(State::Ambiguous) > 0 {
        6
    } else if status.attention.iter().any(|found| found.job.state == State::Failed) {
        4
    } else if status.batches.iter().any(|batch| batch.stopped) {
        7
    } else {
        u8::from(State::ALL.into_iter().any(|state| is_open(state) && status.count(state) > 0))
    }
}

fn reported(status: &Status, code: u8) -> Result<Done> {
    Ok(Done::Value { json: json!(status), people: status.to_string().trim_end().to_owned(), code })
}

/// The end of a command that printed its lines for people.
fn done(json: Value) -> Result<Done> {
    Ok(Done::Value { json, people: String::new(), code: 0 })
}
