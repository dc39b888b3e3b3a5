//! Memory and time of bringing a video of 50 MB to a file: `cargo bench --bench download`.
//!
//! Each way runs in a process of its own against the sandbox in this one: this crate; a plain loop of `chunk` and `write`
//! without any check, which leaves the bytes to the system; the same with an fsync at its end; and `bytes()`, which holds
//! the whole video, and then writes it. The first column of time is the best of seven runs, the second their median.

mod support;

use std::process::Command;
use std::time::Instant;

use futures_util::StreamExt as _;
use kling_client::{Client, FinishedTask};
use kling_sandbox::Sandbox;
use tokio::io::AsyncWriteExt as _;

const VIDEO: usize = 50_000_000;
const RUNS: usize = 7;
const WAYS: [(&str, &str); 4] = [
    ("bare", "written as it comes, no check"),
    ("synced", "the same, and an fsync"),
    ("bytes", "`bytes()`, then written"),
    ("kling", "kling-client"),
];

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--way") {
        return run(&arguments[at + 1]);
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let sandbox = runtime.block_on(Sandbox::builder().video_length(VIDEO).start()).expect("a sandbox");
    // In turns, so that what else the machine does meets all ways alike.
    let mut measured = WAYS.map(|_| [const { Vec::new() }; 3]);
    for _ in 0..RUNS {
        for ((way, _), columns) in WAYS.iter().zip(&mut measured) {
            let run = Command::new(std::env::current_exe().expect("this program"))
                .args(["--way", way])
                .env("KLING_BASE_URL", sandbox.base_url())
                .env("KLING_API_KEY", sandbox.api_key())
                .env("KLING_EXPECT", "0s")
                .output()
                .expect("a process");
            let text = String::from_utf8_lossy(&run.stdout).into_owned();
            let mut numbers = text.split_whitespace().filter_map(|number| number.parse::<f64>().ok());
            for column in columns {
                column.push(numbers.next().unwrap_or(f64::NAN));
            }
        }
    }
    println!("\n50 MB from the loopback           peak above idle    time, best and median       processor");
    let sorted = measured.map(|columns| {
        columns.map(|mut column| {
            column.sort_by(f64::total_cmp);
            column
        })
    });
    let [_, floor_time, floor_cpu] = &sorted[0];
    for ((_, name), [memory, time, cpu]) in WAYS.iter().zip(&sorted) {
        println!(
            "{name:<32} {:>13.1} MB {:>8.0} ms {:>6.0} ms {:>5.2} × {:>7.0} ms {:>5.2} ×",
            memory[0],
            time[0],
            time[RUNS / 2],
            time[RUNS / 2] / floor_time[RUNS / 2],
            cpu[0],
            cpu[0] / floor_cpu[0],
        );
    }
    println!("(× the first line: the medians of time, the best of the processor's)");
    runtime.block_on(sandbox.shutdown());
}

fn run(way: &str) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let target = std::env::temp_dir().join(format!("kling-bench-{}.mp4", std::process::id()));
    runtime.block_on(async {
        let finished = finished().await;
        let (http, url) = (reqwest::Client::new(), &finished.outputs()[0].url);
        // One piece first, so that what is made lazily does not count.
        match way {
            "kling" => drop(finished.bytes_stream().next().await.expect("bytes").expect("bytes")),
            _ => drop(http.get(url).send().await.expect("an answer").chunk().await.expect("bytes")),
        }
        support::reset_peak();
        let (memory, cpu, start) = (support::peak(), support::cpu(), Instant::now());
        match way {
            "kling" => drop(finished.download(&target).await.expect("a video")),
            "bytes" => {
                let bytes = http.get(url).send().await.expect("an answer").bytes().await.expect("bytes");
                tokio::fs::write(&target, bytes).await.expect("a file");
            }
            _ => {
                let mut response = http.get(url).send().await.expect("an answer");
                let mut file = tokio::fs::File::create(&target).await.expect("a file");
                while let Some(chunk) = response.chunk().await.expect("bytes") {
                    file.write_all(&chunk).await.expect("room");
                }
                file.flush().await.expect("room");
                if way == "synced" {
                    file.sync_all().await.expect("a disk");
                }
            }
        }
        let time = start.elapsed().as_secs_f64() * 1000.0;
        println!("{} {time} {}", support::peak() - memory, support::cpu() - cpu);
    });
    assert_eq!(std::fs::metadata(&target).expect("the video").len(), VIDEO as u64);
    let _ = std::fs::remove_file(target);
}

async fn finished() -> FinishedTask {
    let client = Client::from_env().expect("a client");
    let picture = kling_client::Image::url("https://example.com/cat.png");
    let request = kling_client::MultiImageToVideo::builder().images([picture]).prompt("x").build().expect("a request");
    client.submit(request).await.expect("a task").wait().await.expect("a video")
}
