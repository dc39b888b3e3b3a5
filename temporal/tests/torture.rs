//! Kills workers and the server at random, injects faults, and compares what was charged with the sandbox's ledger.
//! `cargo test --test torture -- --seed 7 --jobs 60 --seconds 120`

#[allow(missing_docs)]
mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use kling_cli::batch::State;
use kling_sandbox::{Endpoint, Fault, ScriptedResponse};
use kling_temporal::data::{BatchState, Trouble};
use support::{Place, Process};

/// The value of an option, or its default.
fn option(name: &str, default: u64) -> u64 {
    let words: Vec<_> = std::env::args().collect();
    let at = words.iter().position(|word| word == name);
    at.and_then(|at| words.get(at + 1)).map_or(default, |value| value.parse().unwrap())
}

fn main() -> ExitCode {
    let (seed, jobs, seconds) = (option("--seed", 7), option("--jobs", 60), option("--seconds", 120));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(torture(seed, usize::try_from(jobs).unwrap(), Duration::from_secs(seconds)))
}

async fn torture(seed: u64, jobs: usize, time: Duration) -> ExitCode {
    let Some(mut place) = Place::new(Duration::from_millis(300)).await else { return ExitCode::SUCCESS };
    println!("torture: seed {seed}, {jobs} jobs, {} s", time.as_secs());
    let mut random = fastrand::Rng::with_seed(seed);
    let began = Instant::now();
    let words = ["--max-running", "8"];
    let mut workers: Vec<Process> = (0..2).map(|_| place.worker_with(&words)).collect();
    let batch = place.start(&place.manifest("all.jsonl", jobs), &["--window", "10", "--events", "150"]).await;
    let (mut deaths, mut server_deaths, mut resolved) = (0, 0, 0);
    // Deaths for two thirds of the time at most, then peace. The server dies at each quarter of the jobs.
    while began.elapsed() < time * 2 / 3 && place.sandbox.tasks_charged() < jobs {
        let unknown = Fault::response(ScriptedResponse::new(502).body("<html>Bad Gateway</html>"));
        match random.u32(0..8) {
            _ if place.sandbox.tasks_charged() * 4 > jobs * (server_deaths + 1) => {
                server_deaths += 1;
                place.server.take();
                tokio::time::sleep(Duration::from_millis(random.u64(0..2000))).await;
                place.start_server().await;
            }
            0 => place.sandbox.fault_next(Endpoint::Create, Fault::hang_up().charged()),
            1 => place.sandbox.fault_next(Endpoint::Create, unknown.charged()),
            2 => place.sandbox.fault_next(Endpoint::Get, unknown),
            3 => place.sandbox.fault_next(Endpoint::Video, Fault::cut_response(1000)),
            _ => {
                deaths += 1;
                workers[random.usize(0..2)].kill();
                tokio::time::sleep(Duration::from_millis(random.u64(0..500))).await;
                for worker in &mut workers {
                    if worker.0.try_wait().unwrap().is_some() {
                        *worker = place.worker_with(&words);
                    }
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(random.u64(200..2000))).await;
    }
    place.sandbox.clear_faults();
    for worker in &mut workers {
        if worker.0.try_wait().unwrap().is_some() {
            *worker = place.worker_with(&words);
        }
    }
    // The sandbox's ledger says what an operator would find in the list of tasks.
    let status = loop {
        let status = place.status(&batch).await;
        if status.is_done() {
            break status;
        }
        for (id, flight) in &status.flying {
            if matches!(flight.trouble, Some(Trouble::Unknown(_))) {
                resolved += 1;
                let task = place.sandbox.tasks().into_iter().find(|task| task.external_id.as_ref() == Some(id));
                match task {
                    Some(task) => place.done(&["resolve", id, "task", &task.id]).await,
                    None => place.done(&["resolve", id, "submit-again"]).await,
                };
            }
        }
        if began.elapsed() > time * 3 {
            eprintln!("the batch does not end: {status:#?}\n{}", place.logs());
            return ExitCode::FAILURE;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    };
    let (charged, twice, delivered) = (place.sandbox.tasks_charged(), place.twice(), delivered(&status));
    let forgotten = charged - twice - place.outputs();
    println!(
        "torture: {jobs} jobs, {deaths} worker deaths, {server_deaths} server deaths, {resolved} resolved, {charged} charged, \
         {delivered} delivered, {twice} twice, {forgotten} forgotten, {:.0} s",
        began.elapsed().as_secs_f64()
    );
    if (charged, twice, forgotten, place.outputs()) == (jobs, 0, 0, jobs) && delivered == jobs as u64 {
        return ExitCode::SUCCESS;
    }
    eprintln!("{status:#?}");
    ExitCode::FAILURE
}

fn delivered(status: &BatchState) -> u64 {
    status.ended.get(&State::Delivered).copied().unwrap_or_default()
}
