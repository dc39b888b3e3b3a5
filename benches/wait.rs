//! What it takes to wait for many tasks in one future, and how late their ends are seen: `cargo bench --bench wait`.
//!
//! Client and sandbox are processes of their own, on one fast clock: all times below are that clock's. The tasks were
//! made within a minute and end after 200 to 300 s; they are expected to take 240 s. "In 1 s" is the largest number of polls
//! that begin within any second, which the set rate bounds.

mod support;

use std::io::{BufRead as _, BufReader, Lines, StdinLock, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use kling_client::{Client, Clock, Image, MultiImageToVideo, SavedTask, Sleep};
use kling_sandbox::{Sandbox, TaskPlan};

const EXPECTED: Duration = Duration::from_secs(240);
/// Number of tasks, polls a second, and how many times as fast as real time.
const CASES: [(usize, f64, f64); 3] = [(40, 10.0, 10.0), (1_000, 10.0, 10.0), (1_000, 100.0, 5.0)];

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
        "{:>6} {:>8} {:>8} {:>7} {:>24} {:>10} {:>11}",
        "tasks", "a second", "polls", "in 1 s", "lag mean/median/95 %/max", "cpu/task", "memory/task"
    );
    for (count, per_second, factor) in CASES {
        let file = std::env::temp_dir().join(format!("kling-bench-{}.jsonl", std::process::id()));
        let path = file.display().to_string();
        let [count, per_second, factor] = [count.to_string(), per_second.to_string(), factor.to_string()];
        let (mut server, mut to_server, mut of_server) = child(&["--serve", &count, &factor, &path]);
        let server_said = line(&mut of_server);
        let said: Vec<_> = server_said.split_whitespace().collect();
        let (mut client, mut to_client, mut of_client) =
            child(&[&["--wait", &count, &per_second, &factor, &path], &said[..]].concat());
        assert_eq!(line(&mut of_client), "ready");
        let go = SystemTime::now().duration_since(UNIX_EPOCH).expect("a date").as_nanos();
        writeln!(to_server, "{go}").expect("the server");
        writeln!(to_client, "{go}").expect("the client");
        let measured = line(&mut of_client);
        println!("{count:>6} {per_second:>8} {measured}");
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
    let [count, factor, path] = arguments else { panic!("three arguments") };
    let (count, factor): (u32, f64) = (count.parse().expect("a count"), factor.parse().expect("a factor"));
    let clock = kling_sandbox::Clock::manual();
    let sandbox = Sandbox::builder().clock(clock.clone()).start().await.expect("a sandbox");
    let client = Client::builder(sandbox.api_key())
        .base_url(sandbox.base_url())
        .clock(Fast { date: clock.unix_time(), factor: 0.0, start: Arc::default() })
        .expected(EXPECTED)
        .build()
        .expect("a client");
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    let images = || [Image::url("https://example.com/cat.png")];
    for number in 0..count {
        // From 200 to 300 s, as if by chance.
        let time = 200_000 + u64::from(number.wrapping_mul(2_654_435_761) % 100_000);
        sandbox.plan_next_task(TaskPlan::over(Duration::from_millis(time)));
        let request = MultiImageToVideo::builder().images(images()).prompt("x").build().expect("a request");
        let mut saved = client.submit(request).await.expect("a task").save();
        saved.created_at_ms = u64::try_from(clock.unix_time().as_millis()).ok();
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
    let [count, per_second, factor, path, base, key, date] = arguments else { panic!("seven arguments") };
    let (count, per_second): (usize, f64) = (count.parse().expect("a count"), per_second.parse().expect("a rate"));
    let clock = Fast {
        date: Duration::from_nanos(date.parse().expect("nanoseconds")),
        factor: factor.parse().expect("a factor"),
        start: Arc::default(),
    };
    let client = Client::builder(key).base_url(base).clock(clock.clone()).polls_per_second(per_second);
    let client = client.build().expect("a client");
    // Reserved in advance, so that it does not count as memory of the wait.
    let polls = Arc::new(Mutex::new(Vec::with_capacity(count * 100)));
    tracing::subscriber::set_global_default(Polls { clock: clock.clone(), begun: Arc::clone(&polls) })
        .expect("no other");
    let saved = |line: std::io::Result<String>| -> SavedTask {
        serde_json::from_str(&line.expect("a line")).expect("a saved task")
    };
    let mut lines = BufReader::new(std::fs::File::open(path).expect("the tasks")).lines();
    // What the process needs for its first task is not counted.
    client.resume(saved(lines.next().expect("a task"))).expect("a task").refresh().await.expect("a response");
    polls.lock().expect("the polls").clear();
    println!("ready");
    clock.start.set(read_start(&mut std::io::stdin().lines())).expect("one start");
    support::reset_peak();
    let (memory, cpu) = (support::peak(), support::cpu());

    let lines = BufReader::new(std::fs::File::open(path).expect("the tasks")).lines();
    let mut all = client.wait_all(lines.map(|line| client.resume(saved(line)).expect("a task")));
    let mut lags = Vec::with_capacity(count);
    while let Some((_, result)) = all.next().await {
        let ended = result.expect("a video").info().updated_at.expect("a date");
        lags.push(clock.wall().duration_since(ended).unwrap_or_default().as_secs_f64());
    }
    let (memory, cpu) = (support::peak() - memory, support::cpu() - cpu);
    let polls = polls.lock().expect("the polls");
    let second = |from: &Duration| {
        let from = *from;
        polls.iter().skip_while(|at| **at < from).take_while(|at| **at < from + Duration::from_secs(1)).count()
    };
    let most = polls.iter().map(second).max().unwrap_or_default();
    assert!(most as f64 <= per_second, "{most} polls begin within a second, at a rate of {per_second}");
    lags.sort_by(f64::total_cmp);
    let at = |share: f64| lags[((lags.len() - 1) as f64 * share) as usize];
    let mean = lags.iter().sum::<f64>() / count as f64;
    let lag = format!("{mean:.1}/{:.1}/{:.1}/{:.1} s", at(0.5), at(0.95), at(1.0));
    println!(
        "{:>8} {most:>7} {lag:>24} {:>7.0} µs {:>8.2} KB",
        polls.len(),
        cpu * 1000.0 / count as f64,
        memory * 1024.0 / count as f64,
    );
}

/// When each poll began, by its span; records nothing else.
struct Polls {
    clock: Fast,
    begun: Arc<Mutex<Vec<Duration>>>,
}

impl tracing::Subscriber for Polls {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.name() == "kling.poll"
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        self.begun.lock().expect("the polls").push(self.clock.now());
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
