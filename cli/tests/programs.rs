//! The programs behind `kling` get the command line unchanged, and their exit codes are its own.
#![cfg(unix)]

mod support;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::json;
use support::{directory, finished, generate, kling};

#[test]
fn the_batch_is_another_program_that_is_found_on_the_path() {
    let directory = directory("batch");
    let program = directory.join("kling-batch");
    let script = "#!/bin/sh\nprintf '%s\\n' \"$KLING_BASE_URL\" \"$@\"\necho said >&2\nexit 42\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (words, seen) in [
        (&["batch", "run", "my orders.csv", "--json", "--help"][..], "batch\nrun\nmy orders.csv\n--json\n--help"),
        (&["--json", "batch", "status"], "--json\nbatch\nstatus"),
        (&["worker", "-v", "--", "-x"], "worker\n-v\n--\n-x"),
        (&["mcp"], "mcp"),
        (&["help", "batch", "run"], "batch\nrun\n--help"),
    ] {
        let run = finished(kling("https://a.example", words).env("PATH", &directory).output().unwrap()).exits(42);
        assert_eq!(run.stdout, format!("https://a.example\n{seen}\n"));
        assert_eq!(run.stderr, "said\n");
    }
}

#[test]
fn without_the_batch_the_hint_says_how_to_install_it() {
    for name in ["batch", "worker", "mcp"] {
        let run = |words: &[&str]| {
            let nowhere = directory("nowhere");
            finished(kling("", words).env("PATH", nowhere).output().unwrap()).exits(1)
        };
        let people = run(&[name, "--help"]);
        assert!(people.stderr.contains("`cargo install --path batch`"), "{people:?}");
        let error = run(&[name, "run", "--json"]).error();
        assert_eq!((&error["kind"], &error["step"]), (&json!("other"), &json!("start")));
    }
}

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
fn the_sandbox_has_options_and_help_of_its_own() {
    let help = finished(kling("", &["sandbox", "--help"]).output().unwrap()).exits(0);
    assert!(help.stdout.contains("usage: kling sandbox [--port PORT]"), "{help:?}");
    let refused = finished(kling("", &["sandbox", "--prot", "1"]).output().unwrap()).exits(2);
    assert!(refused.stderr.contains("--prot") && refused.stderr.contains("usage: kling sandbox"), "{refused:?}");
}
