//! Proves that a date decides nothing: whoever works keeps what he sends, and whoever died is missed, while the wall clock
//! jumps by hours and days with every look at it. And that a refusal which lasts for minutes ends a run.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kling_batch::{Add, Pace, Prices, Shown, State, Store, Until, Worker, inspect, report};
use kling_client::{Client, Clock, Sleep, SystemClock};
use kling_sandbox::{Endpoint, Fault, Sandbox, ScriptedResponse};
use support::{KEY, agrees, directory, jobs, line, manifest, sandbox, states};
use tokio_util::sync::CancellationToken;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Where the date is, in seconds from the true one, one after the other.
const JUMPS: [i64; 7] = [0, HOUR, -HOUR, DAY, -DAY, 400 * DAY, -400 * DAY];

/// So that look-ups and pauses are short.
const EXPECTED: Duration = Duration::from_secs(2);

/// When a worker is stuck, and not slow: on a machine that starves it, nobody is taken for dead.
const LIMIT: Duration = Duration::from_secs(600);

/// Steady but for its date.
#[derive(Debug, Default)]
struct Jumping {
    steady: SystemClock,
    looks: AtomicUsize,
}

impl Clock for Jumping {
    fn now(&self) -> Duration {
        self.steady.now()
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        self.steady.sleep(wait)
    }

    fn wall(&self) -> SystemTime {
        let jump = JUMPS[self.looks.fetch_add(1, Ordering::Relaxed) % JUMPS.len()];
        let by = Duration::from_secs(jump.unsigned_abs());
        if jump < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
    }

    fn random(&self) -> f64 {
        self.steady.random()
    }
}

/// What a worker said.
type Said = Arc<Mutex<Vec<String>>>;

/// A worker as a process of its own would be: its own connections, its own client, and a date of its own.
async fn worker(sandbox: &Sandbox, database: &str, said: &Said) -> Worker {
    let clock = || Jumping { looks: AtomicUsize::new(fastrand::usize(..1000)), ..Jumping::default() };
    let client = Client::builder(KEY).base_url(sandbox.base_url()).clock(clock()).expected(EXPECTED).max_attempts(1);
    let client = client.build().unwrap();
    let said = Arc::clone(said);
    let say = Arc::new(move |line: &str| said.lock().unwrap().push(line.to_owned()));
    let pace = Pace::new(Duration::from_millis(50), Some(EXPECTED));
    Worker::new(Store::open(database).await.unwrap(), client, Arc::new(clock()), pace, Until::Done, say)
}

/// Works to the end, which comes.
async fn finish(worker: Worker, said: &Said) {
    let ended = tokio::time::timeout(LIMIT, worker.run(CancellationToken::new())).await;
    ended.unwrap_or_else(|_| panic!("it does not end: {said:?}")).unwrap();
}

async fn add(store: &Store, folder: &std::path::Path, count: usize) {
    let manifest = manifest(folder, (1..=count).map(line));
    let prices = Prices::assumed().unwrap();
    let add = Add { manifest: &manifest, out: folder, budget: None, prices: &prices, again: false, dry_run: false };
    assert_eq!(add.run(store, |_| {}).await.unwrap().jobs, count as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_loses_what_he_sends_to_a_date_that_jumps() {
    const JOBS: usize = 12;
    let sandbox = sandbox().task_time(Duration::from_millis(300)).start().await.unwrap();
    let folder = directory("jumps");
    let database = folder.join("kling.db").to_str().unwrap().to_owned();
    let store = Store::open(&database).await.unwrap();
    add(&store, &folder, JOBS).await;
    // Longer on their way than a dead worker is waited for.
    for _ in 0..JOBS {
        sandbox.fault_next(Endpoint::Create, Fault::delayed(Duration::from_millis(600)));
    }
    let said = Said::default();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (worker, said) = (worker(&sandbox, &database, &said).await, Arc::clone(&said));
        workers.spawn(async move { finish(worker, &said).await });
    }
    workers.join_all().await;
    assert_eq!(states(&store).await, [State::Delivered; JOBS], "{said:?}");
    assert_eq!((sandbox.posts_begun(), sandbox.tasks_charged()), (JOBS as u64, JOBS));
    for job in jobs(&store).await {
        let history = store.history(job.id).await.unwrap();
        let mut states: Vec<_> = history.iter().map(|step| step.state).collect();
        // A step may also be another word of the API for a task that runs.
        states.dedup();
        let straight = [State::Intended, State::Sending, State::Accepted, State::Finished, State::Delivered];
        assert_eq!(states, straight, "job {}: {said:?}", job.id);
    }
    agrees(&store).await;
    // The dates are told as they were, even where a video was here before it was ordered.
    report(&store, &Prices::assumed().unwrap(), &folder, Shown::Beside).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_died_is_missed_and_his_order_found_whatever_the_date() {
    let sandbox = sandbox().task_time(Duration::from_millis(200)).start().await.unwrap();
    let folder = directory("jumps-dead");
    let database = folder.join("kling.db").to_str().unwrap().to_owned();
    let store = Store::open(&database).await.unwrap();
    add(&store, &folder, 3).await;
    // It is charged, and the answer never comes.
    sandbox.fault_next(Endpoint::Create, Fault::silence().charged());
    let said = Said::default();
    store.set_places(1).await.unwrap();
    let first = tokio::spawn(worker(&sandbox, &database, &said).await.run(CancellationToken::new()));
    sandbox.until(|sandbox| sandbox.tasks_charged() == 1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    finish(worker(&sandbox, &database, &said).await, &said).await;
    assert_eq!(states(&store).await, [State::Delivered; 3], "{said:?}");
    assert_eq!((sandbox.posts_begun(), sandbox.tasks_charged()), (3, 3));
    agrees(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_seems_to_have_vanished_is_fetched_once_the_date_is_right_again() {
    let sandbox = sandbox().task_time(Duration::from_millis(100)).start().await.unwrap();
    let folder = directory("jumps-vanished");
    let database = folder.join("kling.db").to_str().unwrap().to_owned();
    let store = Store::open(&database).await.unwrap();
    add(&store, &folder, 2).await;
    let said = Said::default();
    finish(worker(&sandbox, &database, &said).await, &said).await;
    std::fs::remove_file(folder.join("n1.mp4")).unwrap();
    let now = SystemTime::now();
    for (date, told, missed) in [
        (now + Duration::from_secs(400 * DAY as u64), "has vanished since", 0),
        (now - Duration::from_secs(400 * DAY as u64), "is fetched again", 1),
    ] {
        let mut lines = Vec::new();
        assert_eq!(inspect(&store, date, |line| lines.push(line.to_owned())).await.unwrap(), missed, "{lines:?}");
        assert!(lines.len() == 1 && lines[0].contains(told), "{lines:?}");
    }
    finish(worker(&sandbox, &database, &said).await, &said).await;
    assert_eq!(std::fs::read(folder.join("n1.mp4")).unwrap(), sandbox.video_bytes());
    assert_eq!(sandbox.posts_begun(), 2);
}

/// So many times as fast as the true one, for what takes minutes.
#[derive(Debug, Default)]
struct Fast(SystemClock);

const SPEED: u32 = 200;

impl Clock for Fast {
    fn now(&self) -> Duration {
        self.0.now() * SPEED
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        self.0.sleep(wait / SPEED)
    }

    /// A socket is as fast as ever.
    fn guard(&self, _: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }

    fn random(&self) -> f64 {
        self.0.random()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_answered_with_nothing_but_429_ends_with_the_message() {
    let sandbox = sandbox().start().await.unwrap();
    let folder = directory("limiter");
    let store = Store::open(folder.join("kling.db").to_str().unwrap()).await.unwrap();
    add(&store, &folder, 3).await;
    let body = r#"{"error":{"message":"slow down, please","type":"rate_limit","code":"rate_limit_exceeded"}}"#;
    sandbox.fault_always(Endpoint::Create, Fault::response(ScriptedResponse::new(429).body(body)));
    let client =
        Client::builder(KEY).base_url(sandbox.base_url()).clock(Fast::default()).max_attempts(1).build().unwrap();
    let pace = Pace::new(Duration::from_secs(60), None);
    let clock = Arc::new(Fast::default());
    let worker = Worker::new(store.clone(), client, clock.clone(), pace, Until::Done, Arc::new(|_: &str| {}));
    let begun = clock.now();
    let ended = tokio::time::timeout(LIMIT, worker.run(CancellationToken::new())).await.expect("it ends");
    let error = ended.expect_err("not all is sent");
    assert!(clock.now() - begun >= Duration::from_secs(300));
    assert!(error.message().contains("429") && error.message().contains("slow down, please"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("resume")), "{error:?}");
    assert_eq!(states(&store).await, [State::Intended; 3]);
    assert!(sandbox.posts_begun() >= 5 && sandbox.tasks_charged() == 0);
    agrees(&store).await;
    // Once it opens, all goes on.
    sandbox.clear_faults();
    let said = Said::default();
    finish(self::worker(&sandbox, folder.join("kling.db").to_str().unwrap(), &said).await, &said).await;
    assert_eq!(states(&store).await, [State::Delivered; 3], "{said:?}");
}
