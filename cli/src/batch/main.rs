//! The command `kling-batch`: reads what was typed, does it on the record, prints what came of it, and ends with the exit
//! code that says so.

mod arguments;
mod progress;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Parser as _;
use kling_batch::{
    Added, Error, Fence, Format, Pace, Prices, Result, Server, Shown, State, Status, Store, Until, Worker, export,
    inspect, plain, report,
};
use kling_client::{Client, EXPECT_VARIABLE, SystemClock};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use arguments::{Arguments, Batch, Command, Effort, Form, Source};
use progress::{Manner, Progress};

fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    let arguments = match Arguments::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(usage) if usage.use_stderr() && arguments::asks_for_json(&given) => {
            let message = usage.kind().to_string();
            return failed(&Error::invalid("arguments", message), true);
        }
        Err(usage) => {
            _ = usage.print();
            return ExitCode::from(if usage.use_stderr() { 2 } else { 0 });
        }
    };
    // Standard output is the protocol's alone.
    let json = arguments.json && !matches!(arguments.command, Command::Mcp { .. });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(run(arguments));
            // Not waiting for a read of standard input that nobody ends.
            runtime.shutdown_background();
            ended
        }
        Err(reason) => Err(Error::other("start", reason)),
    };
    match ended {
        Ok(code) => code,
        Err(error) => failed(&error, json),
    }
}

fn failed(error: &Error, json: bool) -> ExitCode {
    if json {
        print(&json!({"error": {
            "kind": error.kind().to_string(),
            "step": error.step(),
            "message": error.message(),
            "hint": error.hint(),
        }}));
    } else {
        say(&format!("error: {error}"));
        if let Some(hint) = error.hint() {
            say(&format!("  {hint}"));
        }
    }
    ExitCode::from(error.exit_code())
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let Arguments { json, quiet, database, prices, command } = arguments;
    let is_mcp = matches!(command, Command::Mcp { .. });
    let variable = |name: &str| std::env::var(name).ok();
    let progress = Progress::new(Manner::fitting(json || quiet || is_mcp, io::stderr().is_terminal(), variable));
    let prices = prices.as_deref().map_or_else(Prices::assumed, Prices::load)?;
    let done = Ok(ExitCode::SUCCESS);
    let batch = match command {
        Command::Worker { work } => {
            let client = client()?;
            let store = Store::open(&database).await?;
            set_places(&store, &work).await?;
            self::work(&store, client, &work, &progress, &prices, Until::Stopped, CancellationToken::new()).await?;
            return done;
        }
        Command::Mcp { budget, read, write, work } => {
            let client = client()?;
            let fence = Fence::new(&read, &write)?;
            let store = Store::open(&database).await?;
            set_places(&store, &work).await?;
            let server =
                Server::open(store.clone(), prices.clone(), fence, Arc::new(SystemClock::new()), budget).await?;
            serve(server, &store, client, &work, &progress, &prices).await?;
            return done;
        }
        Command::Batch(batch) => batch,
    };
    if let Batch::Run { add, .. } | Batch::Add { add } = &batch
        && add.dry_run
    {
        // What is not there yet is not made for the sake of looking.
        let store = if is_there(&database) { Store::open(&database).await? } else { Store::in_memory().await? };
        let added = added(&store, add, &prices).await?;
        if json {
            print(&json!({"dry_run": true, "added": added, "prices": prices.sources()}));
        }
        return done;
    }
    // A key that is missing is told before anything is written.
    let client = match &batch {
        Batch::Run { .. } | Batch::Resume { .. } => Some(client()?),
        _ => None,
    };
    let store = Store::open(&database).await?;
    match batch {
        Batch::Add { add } => {
            let added = added(&store, &add, &prices).await?;
            if json {
                print(&json!({"added": added}));
            }
        }
        Batch::Run { add, work } => {
            added(&store, &add, &prices).await?;
            let ended = finish(&store, client, &work, &progress, &prices, json).await;
            write_report(&store, &prices, &add.out).await;
            return ended;
        }
        Batch::Resume { budget, batch, work } => {
            if let Some(budget) = budget {
                match store.set_budget(batch, budget).await? {
                    Some(batch) => say(&format!("batch {batch} may book {budget} units from now on")),
                    None => say("nothing is left to send, so no budget was set"),
                }
            }
            inspect(&store, SystemTime::now(), say).await?;
            let folders = store.open_folders().await?;
            let ended = finish(&store, client, &work, &progress, &prices, json).await;
            for folder in folders {
                write_report(&store, &prices, &folder).await;
            }
            return ended;
        }
        Batch::Status => {
            let status = Status::read(&store, &prices, SystemTime::now()).await?;
            if json {
                print(&json!(status));
            } else {
                write(format_args!("{status}"));
            }
        }
        Batch::Retry { jobs, yes } => {
            let mut made = Vec::new();
            for job in jobs {
                let by = store.retry(job, yes).await?;
                say(&format!("job {job} is ordered anew as job {by}; resume sends it"));
                made.push(json!({"job": job, "by": by}));
            }
            if json {
                print(&json!({"retried": made}));
            }
        }
        Batch::Drop { jobs } => {
            for job in &jobs {
                store.drop_job(*job).await?;
                say(&format!("job {job} is dropped"));
            }
            if json {
                print(&json!({"dropped": jobs}));
            }
        }
        Batch::Report { batch, out } => {
            let path = report(&store, &prices, &out, batch.map_or(Shown::Beside, Shown::Batch)).await?;
            if json {
                print(&json!({"report": path}));
            } else {
                say(&format!("report: {}", path.display()));
            }
        }
        Batch::Export { format } => {
            let format = match format {
                Form::Json => Format::Json,
                Form::Csv if json => Format::Json,
                Form::Csv => Format::Csv,
            };
            export(&store, format, io::stdout().lock()).await?;
        }
    }
    done
}

async fn added(store: &Store, add: &Source, prices: &Prices) -> Result<Added> {
    let adding = kling_batch::Add {
        manifest: &add.manifest,
        out: &add.out,
        budget: add.budget,
        prices,
        again: add.again,
        dry_run: add.dry_run,
    };
    let added = adding.run(store, |line| say(&line.to_string())).await?;
    let money = prices.in_money(added.estimate).map(|money| format!(", {money}")).unwrap_or_default();
    let (Added { jobs, known, estimate, .. }, verb) = (&added, if add.dry_run { "would be sent" } else { "added" });
    say(&format!("{jobs} jobs {verb}, {known} left out as asked for before; about {estimate} units{money}"));
    prices.sources().iter().for_each(|source| say(&source.to_string()));
    if added.unpriced > 0 {
        say(&format!("{} of them have no known price and are not in it; --prices names a table", added.unpriced));
    }
    if let Some(budget) = add.budget.filter(|budget| *budget < added.estimate) {
        say(&format!("the budget of {budget} units stops it before its end"));
    }
    Ok(added)
}

/// Serves an agent, with a worker beside, until the agent goes away; what is being sent then is waited for.
async fn serve(
    server: Server,
    store: &Store,
    client: Client,
    work: &Effort,
    progress: &Progress,
    prices: &Prices,
) -> Result<()> {
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let stop = stop.clone();
        async move {
            let _end = stop.clone().drop_guard();
            server.serve(rmcp::transport::stdio(), stop).await
        }
    });
    let worked = self::work(store, client, work, progress, prices, Until::Stopped, stop.clone()).await;
    stop.cancel();
    serving.await.map_err(|reason| Error::other("mcp", reason))??;
    worked.map(|_| ())
}

/// Works until nothing is left, and tells what came of it.
async fn finish(
    store: &Store,
    client: Option<Client>,
    work: &Effort,
    progress: &Progress,
    prices: &Prices,
    json: bool,
) -> Result<ExitCode> {
    let Some(client) = client else { return Err(Error::other("start", "there is no client")) };
    set_places(store, work).await?;
    let ended = self::work(store, client, work, progress, prices, Until::Done, CancellationToken::new()).await;
    let status = Status::read(store, prices, SystemTime::now()).await?;
    if json && ended.is_ok() {
        print(&json!(status));
    } else {
        say(status.to_string().trim_end());
    }
    let stopped = ended?;
    Ok(ExitCode::from(if stopped { INTERRUPTED } else { code(&status) }))
}

/// Writes the report of a folder, if that can be: what came of the jobs does not depend on the page about them.
async fn write_report(store: &Store, prices: &Prices, folder: &Path) {
    match report(store, prices, folder, Shown::Beside).await {
        Ok(path) => say(&format!("report: {}", path.display())),
        Err(error) => say(&format!("no report: {error}")),
    }
}

/// What a shell expects of a program that was interrupted: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

/// The exit code that says the gravest of what is left.
fn code(status: &Status) -> u8 {
    let left = |state| status.attention.iter().any(|job| job.state == state);
    if status.count(State::Ambiguous) > 0 {
        6
    } else if left(State::Failed) {
        4
    } else if status.batches.iter().any(|batch| batch.stopped) {
        7
    } else {
        let open = [State::Intended, State::Sending, State::Accepted, State::Finished];
        u8::from(open.into_iter().any(|state| status.count(state) > 0))
    }
}

async fn set_places(store: &Store, work: &Effort) -> Result<()> {
    match work.max_running {
        Some(most) => store.set_places(most).await,
        None => Ok(()),
    }
}

/// Works, and gives whether it was stopped, by the token or a signal; a second signal ends it at once.
async fn work(
    store: &Store,
    client: Client,
    work: &Effort,
    progress: &Progress,
    prices: &Prices,
    until: Until,
    stop: CancellationToken,
) -> Result<bool> {
    let heartbeat = work.heartbeat.max(Duration::from_millis(50));
    let pace = Pace::new(heartbeat, expected());
    let signals = tokio::spawn({
        let stop = stop.clone();
        async move {
            signal().await;
            stop.cancel();
            signal().await;
            say("ended at once; what was being sent is looked for in the next run");
            std::process::exit(i32::from(INTERRUPTED));
        }
    });
    let beside = progress.clone();
    let tell = Arc::new(move |line: &str| beside.say(line));
    let mut worker = Worker::new(store.clone(), client, Arc::new(SystemClock::new()), pace, until, tell);
    // A run with an end of its own writes its reports there.
    if until == Until::Stopped {
        worker = worker.reporting(prices.clone());
    }
    let ended = tokio::select! {
        ended = worker.run(stop.clone()) => ended,
        never = progress.watch(store) => match never {},
    };
    signals.abort();
    ended.map(|()| stop.is_cancelled())
}

/// Resolves at Ctrl-C or SIGTERM; never where the system does not tell of them.
async fn signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}

/// The client of the environment, which submits once in each call: retries are the record's business.
fn client() -> Result<Client> {
    Ok(Client::builder_from_env()?.max_attempts(1).build()?)
}

/// The expected time of a task by the environment, which the client has read.
fn expected() -> Option<Duration> {
    humantime::parse_duration(std::env::var(EXPECT_VARIABLE).ok()?.trim()).ok()
}

/// Whether the record was made before.
fn is_there(database: &str) -> bool {
    database.starts_with("postgres") || {
        let file = database.strip_prefix("sqlite:").map_or(database, |rest| rest.strip_prefix("//").unwrap_or(rest));
        std::path::Path::new(file).exists()
    }
}

fn print(value: &Value) {
    write(format_args!("{value}\n"));
}

/// A reader that went away needs no more text.
fn write(text: std::fmt::Arguments<'_>) {
    _ = io::stdout().lock().write_fmt(text);
}

fn say(line: &str) {
    _ = writeln!(io::stderr().lock(), "{}", plain(line));
}
