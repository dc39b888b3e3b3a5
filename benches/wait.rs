//! What it takes to wait for 1,000 and 10,000 tasks: `cargo bench --bench wait`.
//!
//! Client and sandbox are processes of their own, on one fast clock: all times below are that clock's. The tasks were
//! made within a minute and end after 200 to 300 s; they are expected to take 240 s. One wait for all of them stands
//! beside a loop for each, and beside itself at a gateway without a list.

mod support;

use std::io::{BufRead as _, BufReader, Lines, StdinLock, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use kling_client::{Client, Clock, FinishedTask, Image, MultiImageToVideo, SavedTask, Sleep};
use kling_sandbox::{Answer, Fault, Operation, Sandbox, TaskPlan};

const EXPECTED: Duration = Duration::from_secs(240);
/// What is waited for how, at how many requests a second (0 is the default), how many times as fast as real time.
const CASES: [(&str, usize, f64, f64); 6] = [
    ("wait_all", 1_000, 0.0, 10.0),
    ("wait_all", 10_000, 0.0, 10.0),
    ("one loop each", 1_000, 0.0, 10.0),
    ("one loop each", 10_000, 0.0, 2.0),
    ("wait_all, no list", 1_000, 0.0, 10.0),
    ("wait_all, no list", 1_000, 200.0, 10.0),
];

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--serve" || argument == "--wait") {
        Some(at) if arguments[at] == "--serve" => serve(&arguments[at + 1..]),
        Some(at) => wait(&arguments[at + 1..]),
        None => compare(),
    }
}

/// Runs each case in two processes, and prints what the waiting one measured.
fn compare() {
    println!(
        "{:<20} {:>6} {:>8} {:>9} {:>15} {:>24} {:>10} {:>10}",
        "", "tasks", "a second", "requests", "per task·minute", "lag mean/median/95 %/max", "cpu/task", "mem/task"
    );
    for (way, count, per_second, factor) in CASES {
        let file = std::env::temp_dir().join(format!("kling-bench-{}.jsonl", std::process::id()));
        let path = file.display().to_string();
        let [count, per_second, factor] = [count.to_string(), per_second.to_string(), factor.to_string()];
        let (mut server, mut to_server, mut of_server) = child(&["--serve", way, &count, &factor, &path]);
        let server_said = line(&mut of_server);
        let said: Vec<_> = server_said.split_whitespace().collect();
        let (mut client, mut to_client, mut of_client) =
            child(&[&["--wait", way, &count, &per_second, &factor, &path], &said[..]].concat());
        assert_eq!(line(&mut of_client), "ready");
        let go = SystemTime::now().duration_since(UNIX_EPOCH).expect("a date").as_nanos();
        writeln!(to_server, "{go}").expect("the server");
        writeln!(to_client, "{go}").expect("the client");
        let measured = line(&mut of_client);
        let rate = if per_second == "0" { "default" } else { &per_second };
        println!("{way:<20} {count:>6} {rate:>8} {measured}");
        drop(to_server);
        let _ = (client.wait(), server.wait(), std::fs::remove_file(file));
    }
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

/// Makes the tasks, writes them down, and lets time pass from the moment that is read until there is no more to read.
#[tokio::main]
async fn serve(arguments: &[String]) {
    let [way, count, factor, path] = arguments else { panic!("four arguments") };
    let (count, factor): (u32, f64) = (count.parse().expect("a count"), factor.parse().expect("a factor"));
    let clock = kling_sandbox::Clock::manual();
    let sandbox = Sandbox::builder().clock(clock.clone()).start().await.expect("a sandbox");
    let client = Client::builder(sandbox.api_key())
        .base_url(sandbox.base_url())
        .clock(Fast { date: clock.unix_time(), factor: 0.0, start: Arc::default() })
        .expected(EXPECTED)
        .build()
        .expect("a client");
    if way.ends_with("no list") {
        let lacking = Answer::new(404).body(r#"{"error":{"message":"Invalid URL","code":""}}"#);
        sandbox.fault_always(Operation::List, Fault::answer(lacking));
    }
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    let images = || [Image::url("https://example.com/cat.png")];
    for number in 0..count {
        // From 200 to 300 s, as if by chance.
        let time = 200_000 + u64::from(number.wrapping_mul(2_654_435_761) % 100_000);
        sandbox.plan_next_task(TaskPlan::over(Duration::from_millis(time)));
        let request = MultiImageToVideo::builder().images(images()).prompt("x").build().expect("a request");
        let mut saved = client.submit(&request).await.expect("a task").save();
        saved.made_at_ms = u64::try_from(clock.unix_time().as_millis()).ok();
        writeln!(file, "{}", serde_json::to_string(&saved).expect("JSON")).expect("the file");
        clock.advance(Duration::from_secs(60) / count);
    }
    file.flush().expect("the file");
    drop(file);
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
    let go = Duration::from_nanos(line(lines).parse().expect("nanoseconds"));
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
        Box::pin(tokio::time::sleep(if self.factor == 0.0 { wait } else { wait.div_f64(self.factor) }))
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + self.date + self.now()
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

/// Waits for the tasks, and prints what it took.
#[tokio::main(flavor = "current_thread")]
async fn wait(arguments: &[String]) {
    let [way, count, per_second, factor, path, base, key, date] = arguments else { panic!("eight arguments") };
    let (count, per_second): (usize, f64) = (count.parse().expect("a count"), per_second.parse().expect("a rate"));
    let clock = Fast {
        date: Duration::from_nanos(date.parse().expect("nanoseconds")),
        factor: factor.parse().expect("a factor"),
        start: Arc::default(),
    };
    let client = Client::builder(key).base_url(base).clock(clock.clone()).build().expect("a client");
    let requests = Arc::new(AtomicUsize::new(0));
    tracing::subscriber::set_global_default(Requests(Arc::clone(&requests))).expect("no other");
    let saved = |line: std::io::Result<String>| -> SavedTask {
        serde_json::from_str(&line.expect("a line")).expect("a saved task")
    };
    let mut lines = BufReader::new(std::fs::File::open(path).expect("the tasks")).lines();
    // What the process needs for its first task is not counted.
    client.resume(saved(lines.next().expect("a task"))).expect("a task").refresh().await.expect("an answer");
    println!("ready");
    clock.start.set(read_start(&mut std::io::stdin().lines())).expect("one start");
    support::reset_peak();
    let (memory, cpu, before) = (support::peak(), support::cpu(), requests.load(Ordering::Relaxed));

    let lines = BufReader::new(std::fs::File::open(path).expect("the tasks")).lines();
    let tasks = lines.map(|line| client.resume(saved(line)).expect("a task"));
    let mut lags = Vec::with_capacity(count);
    let mut note = |finished: FinishedTask| {
        let ended = finished.info().updated_at.expect("a date");
        lags.push(clock.wall().duration_since(ended).unwrap_or_default().as_secs_f64());
    };
    if way == "one loop each" {
        let mut loops = tokio::task::JoinSet::new();
        for task in tasks {
            loops.spawn(async move { task.wait().await });
        }
        while let Some(ended) = loops.join_next().await {
            note(ended.expect("no panic").expect("a video"));
        }
    } else {
        let mut all = client.wait_all(tasks);
        if per_second > 0.0 {
            all = all.requests_per_second(per_second).in_flight(100);
        }
        while let Some((_, result)) = all.next().await {
            note(result.expect("a video"));
        }
    }
    let requests = requests.load(Ordering::Relaxed) - before;
    let (memory, cpu) = (support::peak() - memory, support::cpu() - cpu);
    lags.sort_by(f64::total_cmp);
    let at = |share: f64| lags[((lags.len() - 1) as f64 * share) as usize];
    let mean = lags.iter().sum::<f64>() / count as f64;
    // 250 s from the submit to the end, and the lag.
    let minutes = (250.0 + mean) / 60.0 * count as f64;
    let lag = format!("{mean:.1}/{:.1}/{:.1}/{:.1} s", at(0.5), at(0.95), at(1.0));
    println!(
        "{requests:>9} {:>15.3} {lag:>24} {:>7.0} µs {:>7.2} KB",
        requests as f64 / minutes,
        cpu * 1000.0 / count as f64,
        memory * 1024.0 / count as f64,
    );
}

/// Counts the spans of requests, and records nothing.
struct Requests(Arc<AtomicUsize>);

impl tracing::Subscriber for Requests {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        ["kling.poll", "kling.list"].contains(&metadata.name())
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        self.0.fetch_add(1, Ordering::Relaxed);
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
