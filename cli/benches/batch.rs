//! What the record costs: `cargo bench --bench batch`, or `… -- 500` for a quick look at as many jobs.
//!
//! The same jobs are done twice: by a worker with a record, and by the plain library without one, which submits, waits with
//! `wait_all` and downloads. Each is a process of its own, as is the sandbox; all are on one fast clock. A tenth of the jobs
//! run at a time, each for 200 to 300 s of that clock. Requests are counted by the library's spans, so a resumed download
//! counts once.

#[path = "../../benches/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Lines, StdinLock, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use kling_cli::batch::{Add, JobRequest, Pace, Plan, Prices, State, Store, Until, Worker};
use kling_client::{Client, Clock, Operation, Sleep, Task};
use kling_sandbox::{Sandbox, TaskPlan};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const JOBS: usize = 10_000;
const EXPECTED: Duration = Duration::from_secs(240);
/// As many as a worker downloads at a time.
const DOWNLOADS: usize = 4;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--serve", factor, jobs] => serve(number(factor), number(jobs)),
        ["--do", way, jobs, factor, folder, base, key, date] => {
            let clock =
                Fast { date: Duration::from_nanos(number(date)), factor: number(factor), start: Arc::default() };
            work(way, number(jobs), Path::new(folder), base, key, clock);
        }
        [] => compare(JOBS),
        [jobs] => compare(number(jobs)),
        _ => panic!("expected a number of jobs"),
    }
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a number")
}

/// Does the jobs in both ways, and prints what each took, and what the record adds.
fn compare(jobs: usize) {
    // Ten rounds of some 250 s: at this speed the machine has time for its work, and the run some minutes.
    let factor = (100_000.0 / jobs as f64).clamp(10.0, 50.0);
    println!("{jobs} jobs, {} at a time, the clock {factor} times as fast", places(jobs));
    let measured = ["plain", "batch"].map(|way| {
        let folder = std::env::temp_dir().join(format!("kling-bench-{}-{way}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let measured = one(way, jobs, factor, &folder);
        println!("{way}: {measured}");
        std::fs::remove_dir_all(folder).expect("the folder");
        measured
    });
    let [plain, batch] = measured;
    let a_job =
        |what: &str| (batch[what].as_f64().zip(plain[what].as_f64())).map_or(f64::NAN, |(b, p)| (b - p) / jobs as f64);
    println!("added a job: {:.3} ms of the processor, {:.3} ms of the run", a_job("cpu_ms"), a_job("real_ms"));
    println!(
        "            {:.2} KB of memory at its peak, {:.2} KB of the disk",
        a_job("peak_kb"),
        batch["disk_kb"].as_f64().unwrap_or(f64::NAN) / jobs as f64
    );
}

fn one(way: &str, jobs: usize, factor: f64, folder: &Path) -> Value {
    let [jobs, factor] = [jobs.to_string(), factor.to_string()];
    let (mut server, mut to_server, mut of_server) = child(&["--serve", &factor, &jobs]);
    let said = line(&mut of_server);
    let said: Vec<_> = said.split_whitespace().collect();
    let folder = folder.to_str().expect("a path");
    let (mut client, mut to_client, mut of_client) =
        child(&[&["--do", way, &jobs, &factor, folder], &said[..]].concat());
    assert_eq!(line(&mut of_client), "ready");
    let go = SystemTime::now().duration_since(UNIX_EPOCH).expect("a date").as_nanos();
    writeln!(to_server, "{go}").expect("the server");
    writeln!(to_client, "{go}").expect("the client");
    let measured = serde_json::from_str(&line(&mut of_client)).expect("JSON");
    drop(to_server);
    let _ = (client.wait(), server.wait());
    measured
}

fn child(arguments: &[&str]) -> (Child, ChildStdin, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let (stdin, stdout) = (child.stdin.take().expect("its input"), child.stdout.take().expect("its output"));
    (child, stdin, BufReader::new(stdout).lines())
}

fn line<T: std::io::BufRead>(lines: &mut Lines<T>) -> String {
    lines.next().expect("a line").expect("a line")
}

/// How many tasks run at a time.
fn places(jobs: usize) -> usize {
    (jobs / 10).max(1)
}

/// Lets time pass from the moment that is read until there is no more to read.
#[tokio::main]
async fn serve(factor: f64, jobs: usize) {
    let clock = kling_sandbox::Clock::manual();
    let sandbox = Sandbox::builder().clock(clock.clone()).start().await.expect("a sandbox");
    for number in 0..jobs as u32 {
        // From 200 to 300 s, as if by chance.
        let time = 200_000 + u64::from(number.wrapping_mul(2_654_435_761) % 100_000);
        sandbox.plan_next_task(TaskPlan::over(Duration::from_millis(time)));
    }
    let date = clock.unix_time();
    println!("{} {} {}", sandbox.base_url(), sandbox.api_key(), date.as_nanos());
    let start = read_start(&mut std::io::stdin().lines());
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(1));
            clock.advance((date + start.elapsed().mul_f64(factor)).saturating_sub(clock.unix_time()));
        }
    });
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().lines().count()).await;
}

/// The moment that the parent names, which is the same for both processes.
fn read_start(lines: &mut Lines<StdinLock<'static>>) -> Instant {
    let go = Duration::from_nanos(number(&line(lines)));
    Instant::now() - SystemTime::now().duration_since(UNIX_EPOCH + go).unwrap_or_default()
}

/// A clock that runs so many times as fast from its start on.
#[derive(Debug, Clone)]
struct Fast {
    date: Duration,
    factor: f64,
    start: Arc<OnceLock<Instant>>,
}

impl Clock for Fast {
    fn now(&self) -> Duration {
        self.start.get().map_or(Duration::ZERO, |start| start.elapsed().mul_f64(self.factor))
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(wait.div_f64(self.factor)))
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + self.date + self.now()
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

/// Does the jobs, and prints what it took.
#[tokio::main]
async fn work(way: &str, jobs: usize, folder: &Path, base: &str, key: &str, clock: Fast) {
    let client = Client::builder(key).base_url(base).clock(clock.clone()).expected(EXPECTED).max_attempts(1);
    // At the default rate, made for tens of tasks, the polls of 1,000 would wait for each other.
    let client = client.polls_per_second(500.0).build().expect("a client");
    let requests = Arc::<Mutex<BTreeMap<&'static str, usize>>>::default();
    tracing::subscriber::set_global_default(Requests(Arc::clone(&requests))).expect("no other");
    let manifest = folder.join("manifest.jsonl");
    let prompts = (0..jobs).map(prompt);
    let lines =
        prompts.map(|prompt| format!("{}\n", json!({"image": "https://example.com/cat.png", "prompt": prompt})));
    std::fs::write(&manifest, lines.collect::<String>()).expect("the manifest");
    let (record, out) = (folder.join("a.kling.db"), folder.join("out"));
    let (mut store, adding) = (None, Instant::now());
    if way == "batch" {
        let opened = Arc::new(Store::open_with(&record, Arc::new(clock.clone())).expect("a record"));
        let prices = Prices::builtin().expect("prices");
        let plan = Plan { manifest: &manifest, out_dir: &out, prices: &prices, budget: false, outside: false };
        let add = Add { plan, budget: None, again: false };
        let checked = add.check(&opened, false, |_| {}).expect("no faults");
        assert_eq!(add.insert(&opened, checked).expect("jobs").jobs, jobs as i64);
        let account = opened.account(base, "key").expect("an account");
        opened.set_places(account, places(jobs) as i64).expect("places");
        store = Some((opened, account));
    } else {
        std::fs::create_dir_all(&out).expect("a folder");
    }
    let added = adding.elapsed();
    // What the process needs for its first request is not counted.
    let _ = client.list(Operation::MultiImageToVideo).page_size(1).next_page().await.expect("a response");
    requests.lock().expect("the counts").clear();
    println!("ready");
    let start = read_start(&mut std::io::stdin().lines());
    clock.start.set(start).expect("one start");
    support::reset_peak();
    let (memory, before) = (support::peak(), cpu());
    match &store {
        Some((store, account)) => {
            let (clock, pace) = (Arc::new(clock.clone()), Pace::new(Some(EXPECTED)));
            let say = Arc::new(|_: &str| {});
            let worker = Worker::new(Arc::clone(store), client, *account, clock, pace, Until::Done, say);
            worker.run(CancellationToken::new()).await.expect("a run");
        }
        None => plain(&client, jobs, &out).await,
    }
    let (real, cpu, memory) = (start.elapsed(), cpu() - before, support::peak() - memory);
    let mut measured = json!({
        "real_ms": real.as_millis() as u64,
        "of_the_clock_s": clock.now().as_secs(),
        "cpu_ms": cpu as u64,
        "peak_kb": (memory * 1024.0) as u64,
    });
    let requests = std::mem::take(&mut *requests.lock().expect("the counts"));
    let a_job = |span: &&str| requests.get(span).copied().unwrap_or_default() as f64 / jobs as f64;
    for (name, span) in
        [("post", "kling.submit"), ("get", "kling.poll"), ("list", "kling.list"), ("video", "kling.download")]
    {
        measured[format!("{name}_a_job")] = json!(a_job(&span));
    }
    if let Some((store, _)) = store {
        let counts = store.counts().expect("counts");
        assert!(counts.iter().all(|count| count.state == State::Delivered && count.jobs == jobs as i64), "{counts:?}");
        drop(store);
        let files =
            ["a.kling.db", "a.kling.db-wal"].map(|name| folder.join(name).metadata().map_or(0, |file| file.len()));
        measured["disk_kb"] = json!(files.iter().sum::<u64>() / 1024);
        measured["added_in_ms"] = json!(added.as_millis() as u64);
    }
    println!("{measured}");
}

fn prompt(number: usize) -> String {
    format!("The cat puts the hat on, take {number}")
}

/// The jobs as a program without a record would do them.
async fn plain(client: &Client, jobs: usize, out: &Path) {
    let (mut all, mut submits, mut videos) =
        (client.wait_all(Vec::<Task>::new()), JoinSet::new(), JoinSet::<PathBuf>::new());
    let line = Arc::new(tokio::sync::Semaphore::new(DOWNLOADS));
    let (mut submitted, mut running, mut waited) = (0, 0, 0);
    while submitted < jobs || running > 0 {
        while submitted < jobs && running < places(jobs) {
            let (client, prompt) = (client.clone(), prompt(submitted));
            submits.spawn(async move {
                let fields = [("image", "https://example.com/cat.png".to_owned()), ("prompt", prompt)];
                let fields = fields.map(|(name, value)| (name.to_owned(), value.into()));
                let request = JobRequest::new(Operation::MultiImageToVideo, fields, Path::new("/")).expect("fields");
                let id = uuid::Uuid::now_v7().to_string();
                client.submit(request.request(&id).expect("a request")).await.expect("a task")
            });
            (submitted, running) = (submitted + 1, running + 1);
        }
        tokio::select! {
            Some(task) = submits.join_next() => {
                all.push(task.expect("no panic"));
                waited += 1;
            }
            Some((id, ended)) = all.next(), if waited > 0 => {
                let (path, line) = (out.join(format!("{id}.mp4")), Arc::clone(&line));
                videos.spawn(async move {
                    let _turn = line.acquire().await;
                    ended.expect("a video").download(path).await.expect("a file")
                });
                (running, waited) = (running - 1, waited - 1);
            }
        }
    }
    assert_eq!(videos.join_all().await.len(), jobs);
}

/// Processor time of this process, of threads that ended too, in milliseconds: in ticks, of which every Linux has 100 in a
/// second.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 10.0
}

/// Counts the spans by their names, and records nothing.
struct Requests(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl tracing::Subscriber for Requests {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.name().starts_with("kling.")
    }

    fn new_span(&self, attributes: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        *self.0.lock().expect("the counts").entry(attributes.metadata().name()).or_default() += 1;
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
