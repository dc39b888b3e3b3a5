//! Claims about a batch on a terminal: a bar for each running job and one for all, none of which stays.
#![cfg(all(unix, feature = "batch"))]

mod support_batch;

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use kling_sandbox::{Clock, Sandbox};
use serde_json::json;
use support_batch::{KEY, directory, line, manifest, sandbox};

/// Runs a manifest with a terminal for standard error; all that it has shown is given to `see` each time.
fn on_a_terminal(sandbox: &Sandbox, folder: &Path, more: &[&str], term: &str, mut see: impl FnMut(&str)) -> String {
    let lines = [line(1), {
        let mut second = line(2);
        second["name"] = json!("a\u{1b}[2Jb\nc");
        second
    }];
    let manifest = manifest(folder, lines);
    let (mut terminal, child) = pty_process::blocking::open().unwrap();
    terminal.resize(pty_process::Size::new(24, 120)).unwrap();
    let words = [&["batch", "run", manifest.to_str().unwrap()], more].concat();
    let command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_kling")).args(words).env_clear();
    let command = command.env("KLING_API_KEY", KEY).env("KLING_BASE_URL", sandbox.base_url()).env("TERM", term);
    let command = command.env("KLING_EXPECT", "2s");
    let mut child = command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).spawn(child).unwrap();
    let (mut shown, mut chunk) = (Vec::new(), [0; 4096]);
    // Linux reports the end of the other side as an error.
    while let Ok(count @ 1..) = terminal.read(&mut chunk) {
        shown.extend_from_slice(&chunk[..count]);
        see(&String::from_utf8_lossy(&shown));
    }
    assert!(child.wait().unwrap().success(), "{}", String::from_utf8_lossy(&shown));
    String::from_utf8(shown).unwrap()
}

/// What stays of a terminal's text when its lines were erased and written again.
fn last_screen(shown: &str) -> Vec<String> {
    let line = |line: &str| line.rsplit(['\r']).find(|part| !part.is_empty()).map(str::to_owned);
    let lines = shown.replace("\u{1b}[2K", "\r").replace("\r\n", "\n");
    lines.split('\n').filter_map(|text| line(text).filter(|text| !text.contains('\u{1b}'))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_job_that_runs_has_a_bar_and_so_have_all() {
    let sandbox = sandbox().clock(Clock::manual()).task_time(Duration::from_secs(60)).start().await.unwrap();
    let folder = directory("progress");
    // The tasks stand still until they were seen.
    let mut was_seen = false;
    let see = |shown: &str| {
        let rows = ["job 1 (n1): 0:0", " of about 0:02, task ", "0 of 2 ended, 2 running; 4 units booked"];
        if !was_seen && rows.iter().all(|row| shown.contains(row)) {
            was_seen = true;
            sandbox.clock().advance(Duration::from_secs(61));
        }
    };
    let shown = on_a_terminal(&sandbox, &folder, &[], "xterm", see);
    assert!(was_seen, "{shown}");
    assert!(!shown.contains("\u{1b}[2J"), "a name steers the terminal: {shown:?}");
    let stays = last_screen(&shown);
    assert!(!stays.iter().any(|line| line.starts_with('[')), "{stays:#?}");
    assert!(stays.iter().any(|line| line.starts_with("report: ")), "{stays:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_bars_there_are_the_ids() {
    let sandbox = sandbox().start().await.unwrap();
    for (name, more, term) in
        [("quiet", &["--quiet"][..], "xterm"), ("json", &["--json"], "xterm"), ("dumb", &[], "dumb")]
    {
        let shown = on_a_terminal(&sandbox, &directory(&format!("progress-{name}")), more, term, |_| {});
        assert!(shown.contains("job 1 (n1): task "), "{shown}");
        assert!(!shown.contains('\u{1b}') && !shown.contains("ended"), "{shown:?}");
    }
}
