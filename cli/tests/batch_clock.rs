//! Claims about time: dates that jump, and a gateway that answers nothing but 429.
#![cfg(feature = "batch")]

mod support_batch;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kling_cli::batch::{Add, Pace, Plan, Prices, Shown, State, Store, Until, Worker, inspect, report};
use kling_client::{Client, Clock, Sleep, SystemClock};
use kling_sandbox::{Endpoint, Fault, Sandbox, ScriptedResponse};
use support_batch::{KEY, agrees, directory, jobs, line, manifest, sandbox, states};
use tokio_util::sync::CancellationToken;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Offsets of the date in seconds, one after the other.
const JUMPS: [i64; 7] = [0, HOUR, -HOUR, DAY, -DAY, 400 * DAY, -400 * DAY];

/// Short look-ups and pauses.
const EXPECTED: Duration = Duration::from_secs(2);

/// When a worker is stuck, and not slow.
const LIMIT: Duration = Duration::from_secs(600);

/// Steady but for its date.
#[derive(Debug, Default)]
struct Jumping {
    steady: SystemClock,
    reads: AtomicUsize,
}

impl Clock for Jumping {
    fn now(&self) -> Duration {
        self.steady.now()
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        self.steady.sleep(wait)
    }

    fn wall(&self) -> SystemTime {
        let jump = JUMPS[self.reads.fetch_add(1, Ordering::Relaxed) % JUMPS.len()];
        let by = Duration::from_secs(jump.unsigned_abs());
        if jump < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
    }

    fn random(&self) -> f64 {
        self.steady.random()
    }
}

type Lines = Arc<Mutex<Vec<String>>>;

/// A record whose dates jump as well.
fn opened(path: &Path) -> Arc<Store> {
    Arc::new(Store::open_with(path, Arc::new(Jumping::default())).unwrap())
}

fn worker(sandbox: &Sandbox, store: &Arc<Store>, lines: &Lines) -> Worker {
    let client = Client::builder(KEY).base_url(sandbox.base_url()).clock(Jumping::default()).max_attempts(1);
    let client = client.expected(EXPECTED).build().unwrap();
    let account = store.account(client.base_url(), "key").unwrap();
    let lines = Arc::clone(lines);
    let say = Arc::new(move |line: &str| lines.lock().unwrap().push(line.to_owned()));
    let (clock, pace) = (Arc::new(Jumping::default()), Pace::new(Some(EXPECTED)));
    Worker::new(Arc::clone(store), client, account, clock, pace, Until::Done, say)
}

/// Works to the end, which comes.
async fn finish(sandbox: &Sandbox, store: &Arc<Store>, lines: &Lines) {
    let worker = worker(sandbox, store, lines);
    let ended = tokio::time::timeout(LIMIT, worker.run(CancellationToken::new())).await;
    ended.unwrap_or_else(|_| panic!("no end: {lines:?}")).unwrap();
}

fn add(store: &Store, folder: &Path, count: usize) {
    let manifest = manifest(folder, (1..=count).map(line));
    let prices = Prices::builtin().unwrap();
    let plan = Plan { manifest: &manifest, out_dir: folder, prices: &prices, budget: false, outside: false };
    let add = Add { plan, budget: None, again: false };
    let checked = add.check(store, false, |_| {}).unwrap();
    assert_eq!(add.insert(store, checked).unwrap().jobs, count as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_job_is_lost_to_a_date_that_jumps() {
    const JOBS: usize = 12;
    let sandbox = sandbox().task_time(Duration::from_millis(300)).start().await.unwrap();
    let folder = directory("jumps");
    let (store, lines) = (opened(&folder.join("a.kling.db")), Lines::default());
    add(&store, &folder, JOBS);
    finish(&sandbox, &store, &lines).await;
    assert_eq!(states(&store), [State::Delivered; JOBS], "{lines:?}");
    assert_eq!((sandbox.posts_begun(), sandbox.tasks_charged()), (JOBS as u64, JOBS));
    for job in jobs(&store) {
        let mut states: Vec<_> = store.history(job.id).unwrap().iter().map(|step| step.state).collect();
        // A step may also be another status of a task that runs.
        states.dedup();
        let straight = [State::Intended, State::Sending, State::Accepted, State::Finished, State::Delivered];
        assert_eq!(states, straight, "job {}: {lines:?}", job.id);
    }
    agrees(&store);
    // Dates are shown as they were, even where an output was here before its submit.
    report(&store, &Prices::builtin().unwrap(), &folder, Shown::Beside).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_rests_is_submitted_again_whatever_the_date() {
    let sandbox = sandbox().task_time(Duration::from_millis(100)).start().await.unwrap();
    let folder = directory("jumps-rest");
    let (store, lines) = (opened(&folder.join("a.kling.db")), Lines::default());
    add(&store, &folder, 3);
    for _ in 0..4 {
        sandbox.fault_next(Endpoint::Create, Fault::response(ScriptedResponse::new(429)));
    }
    finish(&sandbox, &store, &lines).await;
    assert_eq!(states(&store), [State::Delivered; 3], "{lines:?}");
    assert_eq!(sandbox.tasks_charged(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submit_under_way_at_a_death_is_looked_up_whatever_the_date() {
    let sandbox = sandbox().task_time(Duration::from_millis(200)).start().await.unwrap();
    let folder = directory("jumps-dead");
    let path = folder.join("a.kling.db");
    let (store, lines) = (opened(&path), Lines::default());
    add(&store, &folder, 3);
    // It is charged, and its response never comes.
    sandbox.fault_next(Endpoint::Create, Fault::silence().charged());
    let worker = worker(&sandbox, &store, &lines);
    store.set_places(store.account(sandbox.base_url(), "key").unwrap(), 1).unwrap();
    let first = tokio::spawn(worker.run(CancellationToken::new()));
    sandbox.until(|sandbox| sandbox.tasks_charged() == 1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let store = {
        // The worker's tasks hold the record until they are gone.
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
        drop(store);
        opened(&path)
    };
    finish(&sandbox, &store, &lines).await;
    assert_eq!(states(&store), [State::Delivered; 3], "{lines:?}");
    assert_eq!((sandbox.posts_begun(), sandbox.tasks_charged()), (3, 3));
    agrees(&store);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_seems_to_have_expired_is_downloaded_once_the_date_is_right_again() {
    let sandbox = sandbox().task_time(Duration::from_millis(100)).start().await.unwrap();
    let folder = directory("jumps-expired");
    let (store, lines) = (opened(&folder.join("a.kling.db")), Lines::default());
    add(&store, &folder, 2);
    finish(&sandbox, &store, &lines).await;
    std::fs::remove_file(folder.join("n1.mp4")).unwrap();
    let days = Duration::from_secs(400 * DAY as u64);
    for (date, expected, state) in [
        (SystemTime::now() + days * 2, "expired", State::Delivered),
        (SystemTime::now() - days * 2, "downloaded again", State::Finished),
    ] {
        let mut lines = Vec::new();
        inspect(&store, date, |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(states(&store)[0], state, "{lines:?}");
        assert!(lines.len() == 1 && lines[0].contains(expected), "{lines:?}");
    }
    finish(&sandbox, &store, &lines).await;
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

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + self.now()
    }

    fn random(&self) -> f64 {
        self.0.random()
    }
}

/// Runs three jobs on a fast clock, at a gateway that answers every submit so.
async fn under(name: &str, fault: Fault) -> (Sandbox, Arc<Store>, Result<(), String>, Duration) {
    let sandbox = sandbox().start().await.unwrap();
    let folder = directory(name);
    let clock = Arc::new(Fast::default());
    let store = Arc::new(Store::open_with(&folder.join("a.kling.db"), clock.clone()).unwrap());
    add(&store, &folder, 3);
    sandbox.fault_always(Endpoint::Create, fault);
    let client = Client::builder(KEY).base_url(sandbox.base_url()).clock(Fast::default()).max_attempts(1);
    let (client, account) = (client.build().unwrap(), store.account(sandbox.base_url(), "key").unwrap());
    let say = Arc::new(|_: &str| {});
    let worker = Worker::new(Arc::clone(&store), client, account, clock.clone(), Pace::new(None), Until::Done, say);
    let begun = clock.now();
    let ended = tokio::time::timeout(LIMIT, worker.run(CancellationToken::new())).await.expect("it ends");
    (sandbox, store, ended.map_err(|failure| failure.to_string()), clock.now() - begun)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_nothing_but_429_for_five_minutes_ends_with_the_message() {
    let body = r#"{"error":{"message":"slow down, please","type":"rate_limit","code":"rate_limit_exceeded"}}"#;
    let limiter = Fault::response(ScriptedResponse::new(429).body(body));
    let (sandbox, store, ended, took) = under("limiter", limiter).await;
    let error = ended.unwrap_err();
    assert!(took >= Duration::from_secs(300));
    for part in ["429", "slow down, please", "resume"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(states(&store), [State::Intended; 3]);
    assert!(sandbox.posts_begun() >= 5 && sandbox.tasks_charged() == 0);
    agrees(&store);
    // Once it opens, all goes on.
    sandbox.clear_faults();
    let lines = Lines::default();
    finish(&sandbox, &store, &lines).await;
    assert_eq!(states(&store), [State::Delivered; 3], "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_can_never_be_submitted_fails_in_the_end_and_costs_nothing() {
    let limited = Fault::response(ScriptedResponse::new(429).body(r#"{"code":1302,"message":"too fast"}"#));
    let (sandbox, store, ended, _) = under("attempts", limited).await;
    ended.unwrap();
    assert_eq!(states(&store), [State::Failed; 3]);
    assert_eq!(sandbox.tasks_charged(), 0);
    let note = jobs(&store).remove(0).note.unwrap();
    assert!(note.contains("not submitted in ") && note.contains("attempts"), "{note}");
    agrees(&store);
}
