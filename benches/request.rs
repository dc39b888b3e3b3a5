//! Processor time of one small GET through the facade, beside reqwest with serde_json: `cargo bench --bench request`.

mod support;

use std::process::Command;

use kling_client::Client;

/// Short turns, so that whatever else the machine does falls on both of a pair.
const ROUNDS: usize = 201;
const REQUESTS: usize = 40;

fn main() {
    // The server in a process of its own, so that its time does not count.
    if std::env::args().any(|argument| argument == "--serve") {
        println!("{}", support::server());
        let _ = std::io::Read::read(&mut std::io::stdin(), &mut [0]);
        return;
    }
    // On one core, server and all: else where the scheduler puts the two ends of either connection is the greater part.
    let this = std::env::current_exe().expect("this program");
    if !std::env::args().any(|argument| argument == "--pinned")
        && Command::new("taskset").args(["-c", "0"]).arg(&this).arg("--pinned").status().is_ok_and(|end| end.success())
    {
        return;
    }
    let mut child = Command::new(this)
        .arg("--serve")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a server");
    let mut base = String::new();
    let stdout = child.stdout.take().expect("its output");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut base).expect("its address");
    let base = base.trim();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let client = Client::builder("sk-1").base_url(base).build().expect("a client");
    let http = reqwest::Client::new();
    let url = format!("{base}/kling/v1/videos/multi-image2video/7001");
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(measured(&runtime, async {
            let mut task = client.task("7001").expect("a task");
            for _ in 0..REQUESTS {
                task.refresh().await.expect("an answer");
            }
        }));
        plain.push(measured(&runtime, async {
            for _ in 0..REQUESTS {
                let answer = http.get(&url).bearer_auth("sk-1").send().await.expect("an answer");
                let value: serde_json::Value =
                    serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
                assert_eq!(value["data"]["task_id"], "7001");
            }
        }));
    }
    let mut ratios: Vec<_> = ours.iter().zip(&plain).map(|(ours, plain)| ours / plain).collect();
    println!(
        "one GET, processor time: facade {:.1} µs, reqwest with serde_json {:.1} µs, ratio {:.2} (median of {ROUNDS} pairs)",
        median(&mut ours),
        median(&mut plain),
        median(&mut ratios)
    );
    drop(child.stdin.take());
    let _ = child.wait();
}

/// Microseconds of this thread's processor time for each request.
fn measured(runtime: &tokio::runtime::Runtime, work: impl Future<Output = ()>) -> f64 {
    let before = support::cpu();
    runtime.block_on(work);
    (support::cpu() - before) * 1000.0 / REQUESTS as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
