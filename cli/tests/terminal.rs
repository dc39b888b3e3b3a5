//! What a person sees on a terminal: bars for an upload, a wait and a download, none of which stays.
#![cfg(unix)]

mod support;

use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use kling_sandbox::{Clock, Endpoint, Fault, Moment, Sandbox};
use serde_json::json;
use support::{KEY, directory, generate, image, next_is};

/// Longer than any test: what stands still until then stands still until the test moves the clock.
const HELD: Duration = Duration::from_secs(3600);

/// Runs the command with a terminal for its standard error; whatever it shows is given to `see`, all of it each time.
fn on_a_terminal(sandbox: &Sandbox, words: &[&str], variables: &[(&str, &str)], mut see: impl FnMut(&str)) -> String {
    let (mut terminal, child) = pty_process::blocking::open().unwrap();
    terminal.resize(pty_process::Size::new(24, 120)).unwrap();
    let mut command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_kling")).args(words).env_clear();
    for (name, value) in [("KLING_API_KEY", KEY), ("KLING_BASE_URL", sandbox.base_url()), ("TERM", "xterm")] {
        command = command.env(name, value);
    }
    command = command.env("KLING_EXPECT", "2s").env("XDG_STATE_HOME", support::state());
    for (name, value) in variables {
        command = command.env(name, value);
    }
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn(child).unwrap();
    let (mut shown, mut chunk) = (Vec::new(), [0; 4096]);
    // Linux reports the end of the other side as an error.
    while let Ok(count @ 1..) = terminal.read(&mut chunk) {
        shown.extend_from_slice(&chunk[..count]);
        see(&String::from_utf8_lossy(&shown));
    }
    assert!(child.wait().unwrap().success());
    String::from_utf8(shown).unwrap()
}

/// What stays of a terminal's text when its lines were erased and written again.
fn last_screen(shown: &str) -> Vec<String> {
    let line = |line: &str| line.rsplit(['\r']).find(|part| !part.is_empty()).map(str::to_owned);
    let lines = shown.replace("\u{1b}[2K", "\r").replace("\r\n", "\n");
    lines.split('\n').filter_map(|text| line(text).filter(|text| !text.contains('\u{1b}'))).collect()
}

async fn large_film() -> Sandbox {
    let builder = Sandbox::builder().key(KEY).clock(Clock::manual()).duplicates(true).receive_buffer(64 * 1024);
    builder.video_length(3_000_000).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_has_a_bar_that_goes_when_the_step_is_over() {
    let sandbox = large_film().await;
    let directory = directory("bars");
    let (large, target) = (directory.join("large.png"), directory.join("cat.mp4"));
    let mut bytes = std::fs::read(image("cat.png")).unwrap();
    bytes.resize(9_000_000, 7);
    std::fs::write(&large, bytes).unwrap();
    let (large, target) = (large.to_str().unwrap(), target.to_str().unwrap());
    // Each step stands still until its bar was seen.
    sandbox.fault_next(Endpoint::Create, Fault::paused(Moment::Read(2_000_000), HELD));
    sandbox.fault_next(Endpoint::Get, Fault::delayed(HELD));
    sandbox.fault_next(Endpoint::Video, Fault::slow_response(2_000_000, HELD));
    let is_sending = |shown: &str| shown.contains("sending [") && shown.contains(" MiB/22.89 MiB");
    let is_waiting = |shown: &str| shown.contains("] 0:00 of about 0:02");
    let is_loading = |shown: &str| shown.contains("cat.mp4 [") && shown.contains("] 1.91 MiB/2.86 MiB");
    let mut steps = [&is_sending as &dyn Fn(&str) -> bool, &is_waiting, &is_loading].into_iter().peekable();
    let see = |shown: &str| {
        if steps.peek().is_some_and(|is_seen| is_seen(shown)) && sandbox.clock().sleepers() > 0 {
            steps.next();
            sandbox.clock().advance(HELD);
        }
    };
    let words = generate(&["-i", large, "-i", large, "-o", target]);
    let shown = on_a_terminal(&sandbox, &words, &[], see);
    assert_eq!(steps.count(), 0, "{shown}");
    assert!(shown.contains("\u{1b}[36m"), "coloured: {shown}");
    let task = &sandbox.tasks()[0];
    let stays = [
        format!("external id {}", task.external_id.as_ref().unwrap()),
        format!("submitted task {}", task.id),
        "waiting, for about 0:02; Ctrl-C leaves the task running".to_owned(),
    ];
    assert_eq!(last_screen(&shown), stays, "{shown}");
    assert_eq!(std::fs::read(target).unwrap(), sandbox.video_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_color_takes_the_colours_and_quiet_the_bars() {
    let sandbox = large_film().await;
    let id = support::submitted(&sandbox);
    let target = directory("no_color").join("cat.mp4");
    let words = ["download", &id, "--overwrite", "-o", target.to_str().unwrap()];
    let plain = on_a_terminal(&sandbox, &words, &[("NO_COLOR", "1")], |_| {});
    assert!(plain.contains("MiB") && !plain.contains("\u{1b}[36m"), "{plain:?}");
    let dumb = on_a_terminal(&sandbox, &words, &[("TERM", "dumb")], |_| {});
    assert_eq!(dumb, format!("downloading {}\r\n", target.display()));
    for option in ["--quiet", "--json"] {
        assert_eq!(on_a_terminal(&sandbox, &[&words[..], &[option]].concat(), &[], |_| {}), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_of_a_servers_cannot_rewrite_the_screen_out_of_a_bar() {
    let sandbox = large_film().await;
    let id = support::submitted(&sandbox);
    next_is(&sandbox, &json!({"task_id": id, "task_status": "\u{1b}[2Jgone\u{7}"}));
    let shown = on_a_terminal(&sandbox, &["wait", &id], &[], |_| {});
    assert!(!shown.contains("\u{1b}[2J") && !shown.contains('\u{7}'), "{shown:?}");
    assert!(shown.contains(r"\u{1b}[2Jgone\u{7}"), "{shown:?}");
}
