//! The API on this machine, as a command.
#![cfg(unix)]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use support::{directory, finished, generate, kling};

#[test]
fn the_sandbox_prints_what_to_paste_and_ends_at_ctrl_c_and_sigterm() {
    for signal in ["-INT", "-TERM"] {
        prints_what_to_paste_and_ends_at(signal);
    }
}

fn prints_what_to_paste_and_ends_at(signal: &str) {
    let words = ["sandbox", "--task-seconds", "0", "--key", support::KEY, "--fault", "1303+retry-after:0"];
    let mut child = kling("", &words).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let base_url = lines.next().unwrap().strip_prefix("export KLING_BASE_URL=").unwrap().to_owned();
    assert_eq!(lines.next().unwrap(), format!("export KLING_API_KEY={}", support::KEY));
    assert_eq!(lines.next().unwrap(), "export KLING_EXPECT=0s");
    let example = lines.find(|line| line.starts_with("kling generate")).unwrap();
    assert!(lines.any(|line| line == "Ctrl-C ends it."), "{example}");

    // The fault rejects the request, which is retried as no task was made.
    let task = finished(kling(&base_url, &generate(&["--json"])).output().unwrap()).exits(0).json();
    assert_eq!(task["status"], "succeed");

    // The printed example works as it is, in a shell that has its three lines.
    let directory = directory(&format!("example{signal}"));
    let path = std::path::Path::new(env!("CARGO_BIN_EXE_kling")).parent().unwrap();
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .args(["-c", &example])
        .env_clear()
        .env("PATH", path)
        .env("XDG_STATE_HOME", &directory)
        .current_dir(&directory);
    for (name, value) in [("KLING_API_KEY", support::KEY), ("KLING_BASE_URL", &base_url), ("KLING_EXPECT", "0s")] {
        shell.env(name, value);
    }
    assert_eq!(shell.output().unwrap().stdout, b"cat.mp4\n");

    let interrupted = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success() && child.wait().unwrap().success());
}

#[test]
fn a_reader_of_the_sandbox_that_went_away_is_no_reason_to_panic() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let words = ["sandbox", "--fault", "list"];
    let run = finished(kling("", &words).stdout(writer).output().unwrap()).exits(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn the_sandbox_has_options_and_help_of_its_own_behind_the_global_options() {
    for words in [&["sandbox", "--help"][..], &["help", "sandbox"], &["-q", "sandbox", "--port", "1", "--help"]] {
        let help = finished(kling("", words).output().unwrap()).exits(0);
        assert!(help.stdout.contains("usage: kling sandbox [--port PORT]"), "{help:?}");
    }
    for words in [&["sandbox", "--prot", "1"][..], &["--base-url", "https://example.com", "sandbox", "--prot", "1"]] {
        let refused = finished(kling("", words).output().unwrap()).exits(2);
        assert!(refused.stderr.contains("--prot") && refused.stderr.contains("usage: kling sandbox"), "{refused:?}");
    }
}
