//! Proves the invariants under fire: workers that are killed at random, a gateway where anything goes wrong, 200 jobs. At
//! the end its ledger and the record agree: what is charged was accepted, nothing twice, nothing forgotten, every file whole.
//!
//! `KLING_TORTURE_JOBS` and `KLING_TORTURE_SEED` make it longer, or the same again; `cargo xtask torture` does so round
//! after round, and reads the line of figures. With `DATABASE_URL` (an address of
//! PostgreSQL where databases may be made) it does the same there; without, it says that it does not.

mod support;

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use kling_batch::{State, Store};
use kling_sandbox::{Endpoint, Fault, ScriptedResponse};
use serde_json::json;
use support::{Running, agrees, command, directory, jobs, line, manifest, picture};

/// The account's own limit, below what the workers try.
const CONCURRENCY: usize = 12;
const WORKERS: usize = 3;
/// So many faults wait for the next requests of a kind at any time; every fourth request goes well.
const ROUNDS: Duration = Duration::from_millis(15);
fn refusal(status: u16, code: u32) -> Fault {
    let body = json!({"code": code, "message": "as scripted", "request_id": "r"}).to_string();
    Fault::response(ScriptedResponse::new(status).header("content-type", "application/json").body(body))
}

fn fault(operation: Endpoint, random: &mut Rng) -> Fault {
    let html = || ScriptedResponse::new(502).header("content-type", "text/html").body("<html>bad gateway</html>");
    // Some are longer hidden than a sender looks for what it lost.
    let hidden = Duration::from_millis(random.u64(0..6000));
    let cut = random.u64(0..600);
    match (operation, random.u8(0..16)) {
        (_, 0..=3) => Fault::none(),
        (Endpoint::Create, 4) => Fault::hang_up(),
        (Endpoint::Create, 5 | 6) => Fault::hang_up().charged().hidden_for(hidden),
        (Endpoint::Create, 7) => Fault::cut_body(cut),
        (Endpoint::Create, 8 | 9) => Fault::cut_response(cut),
        (Endpoint::Create, 10) => refusal(500, 5000).charged(),
        (Endpoint::Create, 11) => Fault::response(html()).charged().hidden_for(hidden),
        (Endpoint::Create, 12) => refusal(429, 1303),
        (Endpoint::Create, 13) => refusal(429, 1302),
        (Endpoint::Create, 14) => Fault::delayed(Duration::from_millis(300)),
        (Endpoint::Create, _) => refusal(400, 1301),
        (Endpoint::Get | Endpoint::List, 4 | 5) => Fault::hang_up(),
        (Endpoint::Get | Endpoint::List, 6 | 7) => refusal(500, 5000),
        (Endpoint::Get, 8 | 9) => refusal(400, 1203),
        (Endpoint::List, 8 | 9) => Fault::response(ScriptedResponse::new(404)),
        (Endpoint::Get | Endpoint::List, 10 | 11) => Fault::cut_response(cut),
        (Endpoint::Get | Endpoint::List, _) => Fault::none(),
        (_, 4..=6) => Fault::cut_response(random.u64(0..40_000)),
        (_, 7 | 8) => Fault::response(ScriptedResponse::new(503)),
        (_, 9) => Fault::hang_up(),
        _ => Fault::none(),
    }
}

/// `sever` cuts the connections of everybody to the database, where it has any.
async fn torture(name: &str, folder: &Path, database: &str, sever: impl AsyncFn() -> usize) {
    let count: usize = std::env::var("KLING_TORTURE_JOBS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let seed: u64 =
        std::env::var("KLING_TORTURE_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    eprintln!("torture of {name}: seed {seed}, {count} jobs");
    // When it would be stuck.
    let limit = Duration::from_secs(200 + count as u64);
    let mut random = Rng::with_seed(seed);
    let sandbox =
        support::sandbox().task_time(Duration::from_millis(700)).concurrency(CONCURRENCY).start().await.unwrap();
    let sandbox = Arc::new(sandbox);
    let lines = (0..count).map(|number| {
        let mut line = line(number);
        if number % 8 == 0 {
            line["image"] = json!([picture("cat.png"), "https://example.com/hat.jpg"]);
        }
        line
    });
    let manifest = manifest(folder, lines);
    let words = |words: &[&str]| {
        let mut command = command(sandbox.base_url(), folder, database, words);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut add = words(&["batch", "add", manifest.to_str().unwrap(), "--out", "videos"]);
    assert!(tokio::task::spawn_blocking(move || add.status().unwrap()).await.unwrap().success());
    let store = Store::open(database).await.unwrap();

    let begun = Instant::now();
    let work = ["worker", "--heartbeat", "250ms", "--max-running", "20"];
    let mut workers: Vec<Running> = (0..WORKERS).map(|_| Running(words(&work).spawn().unwrap())).collect();
    let (mut kills, mut cuts, mut faults, mut failing) = (0, 0, HashMap::<Endpoint, usize>::new(), 0);
    let mut next_kill = begun + Duration::from_millis(500);
    // Under fire until two thirds of the jobs have come to an end.
    loop {
        for operation in [Endpoint::Create, Endpoint::Get, Endpoint::List, Endpoint::Video] {
            if sandbox.faults_waiting(operation) < 4 {
                let fault = fault(operation, &mut random);
                *faults.entry(operation).or_default() += usize::from(fault != Fault::none());
                sandbox.fault_next(operation, fault);
            }
        }
        if random.u8(0..100) == 0 && failing < count / 20 {
            failing += 1;
            sandbox.fail_next_task("Failure to pass the risk control system");
        }
        if Instant::now() >= next_kill {
            let at = random.usize(0..workers.len());
            kills += usize::from(workers[at].kill());
            workers[at] = Running(words(&work).spawn().unwrap());
            next_kill = Instant::now() + Duration::from_millis(random.u64(100..900));
            if random.u8(0..3) == 0 {
                cuts += sever().await;
            }
            let Ok(counts) = store.counts().await else { continue };
            let open: i64 = counts
                .iter()
                .filter(|count| {
                    matches!(count.state, State::Intended | State::Sending | State::Accepted | State::Finished)
                })
                .map(|count| count.jobs)
                .sum();
            if open as usize <= count / 6 {
                break;
            }
        }
        assert!(begun.elapsed() < limit, "stuck: {:?}", store.counts().await.unwrap());
        tokio::time::sleep(ROUNDS).await;
    }
    for worker in &mut workers {
        kills += usize::from(worker.kill());
    }
    sandbox.clear_faults();
    // What is left comes to its end in peace, in processes that know nothing but the record; several, as a run looks for what
    // was lost for some seconds only, and the next run again.
    let mut log = String::new();
    for _ in 0..4 {
        let mut resume = words(&["batch", "resume", "--heartbeat", "250ms"]);
        resume.stderr(std::fs::File::create(folder.join("resume.log")).unwrap());
        let resumed = tokio::task::spawn_blocking(move || resume.status().unwrap());
        let ended = tokio::time::timeout(limit, resumed).await.expect("it ends").unwrap();
        log += &std::fs::read_to_string(folder.join("resume.log")).unwrap();
        assert!(matches!(ended.code(), Some(0 | 4 | 6)), "{ended}: {log}");
    }

    let jobs = jobs(&store).await;
    let ledger = sandbox.tasks();
    let film = sandbox.video_bytes();
    assert_eq!(jobs.len(), count);
    let (mut twice, mut lost, mut counts) = (0, 0, HashMap::<State, usize>::new());
    for job in &jobs {
        *counts.entry(job.state).or_default() += 1;
        let charged = sandbox.charged_for(&job.external_id);
        twice += usize::from(charged > 1);
        // What is charged was accepted, and what was accepted is charged.
        lost += usize::from((charged > 0) != job.task_id.is_some());
        match job.state {
            State::Delivered => {
                let file = std::fs::read(&job.output).unwrap();
                assert!(file == film, "job {}: its file is not whole", job.id);
                assert_eq!(job.file_size, Some(film.len() as i64));
                let task = ledger.iter().find(|task| Some(&task.id) == job.task_id.as_ref()).unwrap();
                assert_eq!(task.external_id.as_deref(), Some(job.external_id.as_str()));
                assert_eq!(job.booked.to_string(), task.units);
            }
            State::Failed | State::Ambiguous => {}
            state => panic!("job {} is left {state}: {:?}\n{log}", job.id, job.note),
        }
        if job.state == State::Ambiguous {
            assert_eq!(charged, 0, "job {} is charged, and was not found: {:?}", job.id, job.note);
        }
    }
    let of = |state| counts.get(&state).copied().unwrap_or_default();
    eprintln!(
        "torture of {name}: {count} jobs, {kills} kills, {cuts} cut connections to the database, {} faults, {} posts, {} tasks \
         charged, {} delivered, {} failed, {} ambiguous, {twice} charged twice, {lost} lost, {:.1} seconds",
        faults.values().sum::<usize>(),
        sandbox.posts_received_whole(),
        ledger.len(),
        of(State::Delivered),
        of(State::Failed),
        of(State::Ambiguous),
        begun.elapsed().as_secs_f64()
    );
    assert_eq!((twice, lost), (0, 0));
    let accepted = jobs.iter().filter(|job| job.task_id.is_some()).count();
    assert_eq!(ledger.len(), accepted, "every task that was charged belongs to a job, and to one alone");
    assert!(kills > 0 && of(State::Delivered) > count / 2, "{counts:?}");
    agrees(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_paid_twice_or_forgotten_in_sqlite_whoever_is_killed() {
    let folder = directory("torture-sqlite");
    torture("sqlite", &folder, folder.join("kling.db").to_str().unwrap(), async || 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_paid_twice_or_forgotten_in_postgresql_whoever_is_killed() {
    let Ok(url) = std::env::var("DATABASE_URL") else {
        eprintln!("SKIPPED: DATABASE_URL is not set, so nothing is shown of PostgreSQL");
        return;
    };
    sqlx::any::install_default_drivers();
    let name = format!("kling_torture_{}", std::process::id());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await.unwrap();
    let (server, _) = url.split_once('?').unwrap_or((&url, ""));
    let (server, _) = server.rsplit_once('/').unwrap();
    let sever = async || {
        // Chosen first, and cut then: the order of conditions is the server's to choose, and this connection must stay.
        let sql =
            "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE datname = $1 OFFSET 0) a";
        sqlx::query(sql).bind(&name).fetch_all(&pool).await.unwrap().len()
    };
    torture("postgresql", &directory("torture-postgres"), &format!("{server}/{name}"), sever).await;
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&pool).await.unwrap();
}
