//! CPU time of one small GET through the facade, beside reqwest with serde_json: `cargo bench --bench request`.

mod support;

use std::process::{Command, Stdio};
use std::time::Duration;

use kling_client::Client;

/// Short turns, so that whatever else the machine does falls on all of a round.
const ROUNDS: usize = 201;
const REQUESTS: usize = 40;

fn main() {
    // The server in a process of its own, so that its time does not count.
    if std::env::args().any(|argument| argument == "--serve") {
        println!("{}", support::server());
        let _ = std::io::Read::read(&mut std::io::stdin(), &mut [0]);
        return;
    }
    // Client and server on a core each: else the measurement is mostly the scheduler's choice for each connection.
    let this = std::env::current_exe().expect("this program");
    let on_core = |core: &str| {
        let mut command = Command::new("taskset");
        command.args(["-c", core]).arg(&this);
        command
    };
    if !std::env::args().any(|argument| argument == "--pinned") {
        match on_core("0").arg("--pinned").status() {
            Ok(end) if end.success() => return,
            _ => println!("without taskset and two cores, so the scheduler is measured as well"),
        }
    }
    let serve = |mut command: Command| command.arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = serve(on_core("1")).or_else(|_| serve(Command::new(&this))).expect("a server");
    let mut base = String::new();
    let stdout = child.stdout.take().expect("its output");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut base).expect("its address");
    let base = base.trim();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let client = Client::builder("sk-1").base_url(base).build().expect("a client");
    let http = reqwest::Client::new();
    let url = format!("{base}/kling/v1/videos/multi-image2video/7001");
    let by_hand = async |limit: Option<Duration>| {
        for _ in 0..REQUESTS {
            let request = http.get(&url).bearer_auth("sk-1");
            let request = limit.into_iter().fold(request, |request, limit| request.timeout(limit));
            let response = request.send().await.expect("a response");
            let value: serde_json::Value =
                serde_json::from_slice(&response.bytes().await.expect("a body")).expect("JSON");
            assert_eq!(value["data"]["task_id"], "7001");
        }
    };
    let (mut ours, mut plain, mut limited) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(measured(&runtime, async {
            let mut task = client.task(kling_client::Operation::MultiImageToVideo, "7001").expect("a task");
            for _ in 0..REQUESTS {
                task.refresh().await.expect("a response");
            }
        }));
        plain.push(measured(&runtime, by_hand(None)));
        limited.push(measured(&runtime, by_hand(Some(Duration::from_secs(30)))));
    }
    let ratio = |others: &[f64]| median(ours.iter().zip(others).map(|(ours, other)| ours / other).collect());
    let (to_plain, to_limited) = (ratio(&plain), ratio(&limited));
    println!("one GET, CPU time; the ratios are medians of {ROUNDS} rounds");
    println!("reqwest with serde_json           {:6.1} µs", median(plain));
    println!("the same, with a timeout          {:6.1} µs", median(limited));
    println!("kling-client                      {:6.1} µs  {to_plain:.2} ×, {to_limited:.2} ×", median(ours));
    drop(child.stdin.take());
    let _ = child.wait();
}

/// Microseconds of this process's time for each request.
fn measured(runtime: &tokio::runtime::Runtime, work: impl Future<Output = ()>) -> f64 {
    let before = support::cpu();
    runtime.block_on(work);
    (support::cpu() - before) * 1000.0 / REQUESTS as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
