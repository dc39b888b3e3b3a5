//! Double charges and lost tasks under fire: one process after the other is killed at random on one record, at a gateway where
//! anything goes wrong. At the end its ledger and the record agree.
//!
//! `cargo test -p kling-cli --test torture -- [--seed N] [--rounds N] [--jobs N] [--seconds N]`. Each round has the next seed:
//! the same faults and kills, though the machine decides what they meet.

mod support_batch;

use std::collections::HashMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use fastrand::Rng;
use kling_cli::batch::State;
use kling_sandbox::{Endpoint, Fault, ScriptedResponse};
use serde_json::json;
use support_batch::{Running, agrees, command, directory, image, jobs, line, manifest, record};

/// The account's own limit, below what the command tries.
const CONCURRENCY: usize = 12;
/// Interval in which faults are injected and the process may be killed.
const TICK: Duration = Duration::from_millis(15);
/// When a round is stuck.
const LIMIT: Duration = Duration::from_secs(240);

/// What the rounds have in common.
#[derive(Clone, Copy)]
struct Options {
    seed: u64,
    rounds: u64,
    jobs: usize,
    /// How long a round is under fire at most.
    seconds: u64,
}

#[derive(Default)]
struct Figures {
    jobs: usize,
    kills: usize,
    faults: usize,
    charged: usize,
    delivered: usize,
    failed: usize,
    ambiguous: usize,
    twice: usize,
    lost: usize,
}

fn main() {
    let mut options = Options { seed: fastrand::u64(..1_000_000), rounds: 1, jobs: 80, seconds: 25 };
    let given: Vec<_> = std::env::args().collect();
    // What else the harness takes is not for this one.
    for pair in given.windows(2) {
        let Ok(value) = pair[1].parse::<u64>() else { continue };
        match pair[0].as_str() {
            "--seed" => options.seed = value,
            "--rounds" => options.rounds = value,
            "--jobs" => options.jobs = value as usize,
            "--seconds" => options.seconds = value,
            _ => {}
        }
    }
    if given.iter().any(|word| word == "--list") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut sum = Figures::default();
    for seed in (0..options.rounds).map(|round| options.seed.wrapping_add(round)) {
        let begun = Instant::now();
        let figures = runtime.block_on(round(seed, options));
        println!("seed {seed}: {figures}, {:.0} s", begun.elapsed().as_secs_f64());
        sum.add(&figures);
        assert_eq!((figures.twice, figures.lost), (0, 0), "seed {seed}");
    }
    println!("{} rounds: {sum}", options.rounds);
}

impl Figures {
    fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.jobs, other.jobs),
            (&mut self.kills, other.kills),
            (&mut self.faults, other.faults),
            (&mut self.charged, other.charged),
            (&mut self.delivered, other.delivered),
            (&mut self.failed, other.failed),
            (&mut self.ambiguous, other.ambiguous),
            (&mut self.twice, other.twice),
            (&mut self.lost, other.lost),
        ] {
            *sum += more;
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { jobs, kills, faults, charged, delivered, failed, ambiguous, twice, lost } = self;
        write!(
            f,
            "{jobs} jobs, {kills} kills, {faults} faults, {charged} charged, {delivered} delivered, {failed} failed, "
        )?;
        write!(f, "{ambiguous} ambiguous, {twice} charged twice, {lost} lost")
    }
}

fn rejected(status: u16, code: u32) -> Fault {
    let body = json!({"code": code, "message": "as scripted", "request_id": "r"}).to_string();
    Fault::response(ScriptedResponse::new(status).header("content-type", "application/json").body(body))
}

fn fault(endpoint: Endpoint, random: &mut Rng) -> Fault {
    let html = || ScriptedResponse::new(502).header("content-type", "text/html").body("<html>bad gateway</html>");
    // Some tasks are hidden for longer than one run looks them up.
    let hidden = Duration::from_millis(random.u64(0..6000));
    let cut = random.u64(0..600);
    match (endpoint, random.u8(0..16)) {
        (_, 0..=3) => Fault::none(),
        (Endpoint::Create, 4) => Fault::hang_up(),
        (Endpoint::Create, 5 | 6) => Fault::hang_up().charged().hidden_for(hidden),
        (Endpoint::Create, 7) => Fault::cut_body(cut),
        (Endpoint::Create, 8 | 9) => Fault::cut_response(cut),
        (Endpoint::Create, 10) => rejected(500, 5000).charged(),
        (Endpoint::Create, 11) => Fault::response(html()).charged().hidden_for(hidden),
        (Endpoint::Create, 12) => rejected(429, 1303),
        (Endpoint::Create, 13) => rejected(429, 1302),
        (Endpoint::Create, 14) => Fault::delayed(Duration::from_millis(300)),
        (Endpoint::Create, _) => rejected(400, 1301),
        (Endpoint::Get | Endpoint::List, 4 | 5) => Fault::hang_up(),
        (Endpoint::Get | Endpoint::List, 6 | 7) => rejected(500, 5000),
        (Endpoint::Get, 8 | 9) => rejected(400, 1203),
        (Endpoint::List, 8 | 9) => Fault::response(ScriptedResponse::new(404)),
        (Endpoint::Get | Endpoint::List, 10 | 11) => Fault::cut_response(cut),
        (Endpoint::Get | Endpoint::List, _) => Fault::none(),
        (_, 4..=6) => Fault::cut_response(random.u64(0..40_000)),
        (_, 7 | 8) => Fault::response(ScriptedResponse::new(503)),
        (_, 9) => Fault::hang_up(),
        _ => Fault::none(),
    }
}

async fn round(seed: u64, options: Options) -> Figures {
    let folder = directory(&format!("torture-{}", std::process::id()));
    let mut random = Rng::with_seed(seed);
    let sandbox = support_batch::sandbox().task_time(Duration::from_millis(700)).concurrency(CONCURRENCY);
    let sandbox = sandbox.start().await.unwrap();
    let lines = (0..options.jobs).map(|number| {
        let mut line = line(number);
        if number % 8 == 0 {
            line["image"] = json!([image("cat.png"), "https://example.com/hat.jpg"]);
        }
        line
    });
    manifest(&folder, lines);
    let add = ["batch", "add", "manifest.jsonl", "--out-dir", "videos"];
    support_batch::run(&sandbox, &folder, &add).await.exits(0);
    let resume = ["batch", "resume", "manifest.jsonl", "--max-running", "20"];
    let start = || {
        let mut resume = command(sandbox.base_url(), &folder, &resume);
        Running(resume.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    };
    let mut figures = Figures { jobs: options.jobs, ..Figures::default() };
    let (begun, mut process, mut failing) = (Instant::now(), start(), 0);
    let mut next_kill = begun + Duration::from_millis(500);
    // Until two thirds of the jobs have ended.
    while begun.elapsed() < Duration::from_secs(options.seconds) {
        for endpoint in [Endpoint::Create, Endpoint::Get, Endpoint::List, Endpoint::Video] {
            if sandbox.faults_waiting(endpoint) < 4 {
                let fault = fault(endpoint, &mut random);
                figures.faults += usize::from(fault != Fault::none());
                sandbox.fault_next(endpoint, fault);
            }
        }
        if random.u8(0..100) == 0 && failing < options.jobs / 20 {
            failing += 1;
            sandbox.fail_next_task("Failure to pass the risk control system");
        }
        if Instant::now() >= next_kill {
            figures.kills += usize::from(process.kill());
            process = start();
            next_kill = Instant::now() + Duration::from_millis(random.u64(100..900));
            let is_open = |state| matches!(state, State::Intended | State::Sending | State::Accepted | State::Finished);
            let counts = record(&folder).counts().unwrap();
            let open: i64 = counts.iter().filter(|count| is_open(count.state)).map(|count| count.jobs).sum();
            if open > 0 && open as usize <= options.jobs / 3 {
                break;
            }
        }
        tokio::time::sleep(TICK).await;
    }
    figures.kills += usize::from(process.kill());
    sandbox.clear_faults();
    // Several runs, as each looks a task up for some seconds only.
    let mut log = String::new();
    for _ in 0..4 {
        let mut resume = command(sandbox.base_url(), &folder, &["batch", "resume", "manifest.jsonl"]);
        let resumed = tokio::task::spawn_blocking(move || resume.output().unwrap());
        let ended = tokio::time::timeout(LIMIT, resumed).await.expect("the run ends").unwrap();
        log += &String::from_utf8_lossy(&ended.stderr);
        assert!(matches!(ended.status.code(), Some(0 | 4 | 6)), "{}: {log}", ended.status);
    }

    let store = record(&folder);
    let (jobs, ledger, video) = (jobs(&store), sandbox.tasks(), sandbox.video_bytes());
    assert_eq!(jobs.len(), options.jobs);
    let mut counts = HashMap::<State, usize>::new();
    for job in &jobs {
        *counts.entry(job.state).or_default() += 1;
        let charged = sandbox.charged_for(&job.external_id);
        figures.twice += usize::from(charged > 1);
        // What is charged was accepted, and what was accepted is charged.
        figures.lost += usize::from((charged > 0) != job.task_id.is_some());
        match job.state {
            State::Delivered => {
                assert!(std::fs::read(&job.output).unwrap() == video, "job {}: its file is not whole", job.id);
                let task = ledger.iter().find(|task| Some(&task.id) == job.task_id.as_ref()).unwrap();
                assert_eq!(task.external_id.as_deref(), Some(job.external_id.as_str()));
                assert_eq!(job.booked.to_string(), task.units);
            }
            State::Failed => {}
            State::Ambiguous => assert_eq!(charged, 0, "job {} is charged and was not found: {:?}", job.id, job.note),
            state => panic!("job {} is left {state}: {:?}\n{log}", job.id, job.note),
        }
    }
    let of = |state| counts.get(&state).copied().unwrap_or_default();
    figures.charged = ledger.len();
    (figures.delivered, figures.failed, figures.ambiguous) =
        (of(State::Delivered), of(State::Failed), of(State::Ambiguous));
    let accepted = jobs.iter().filter(|job| job.task_id.is_some()).count();
    assert_eq!(ledger.len(), accepted, "every charged task belongs to a job, and to one alone");
    assert!(figures.kills > 0 && figures.delivered > options.jobs / 2, "{figures}");
    agrees(&store);
    figures
}
