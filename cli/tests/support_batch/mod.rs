//! What the tests of the batch share: manifests, the built command, and the record that it left.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use kling_cli::batch::{Job, State, Store, record_of};
use kling_sandbox::{Builder, Sandbox};
use serde_json::{Value, json};

pub const KEY: &str = "sk-batch-test-key-0123456789";
pub const PROMPT: &str = "The secret cat puts the hat on";

/// A sandbox that takes the same external id twice, so that nothing would hide a double charge.
pub fn sandbox() -> Builder {
    Sandbox::builder().key(KEY).duplicates(true)
}

/// A directory of its own for a test.
pub fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// One of the images of the examples.
pub fn image(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/images").join(name).canonicalize().unwrap()
}

/// A line that the API accepts, with a prompt of its own.
pub fn line(number: usize) -> Value {
    json!({"image": "https://example.com/cat.png", "prompt": format!("{PROMPT} {number}"), "name": format!("n{number}")})
}

pub fn manifest(folder: &Path, lines: impl IntoIterator<Item = Value>) -> PathBuf {
    let path = folder.join("manifest.jsonl");
    let text: String = lines.into_iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, text).unwrap();
    path
}

/// The built command, in a folder.
pub fn command(base_url: &str, folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kling"));
    command
        .args(words)
        .current_dir(folder)
        .env_clear()
        .env("KLING_API_KEY", KEY)
        .env("KLING_BASE_URL", base_url)
        .env("KLING_EXPECT", "2s")
        .stdin(Stdio::null());
    command
}

/// A process that does not outlive its test.
pub struct Running(pub Child);

impl Running {
    /// Ends it at whatever it is doing; returns whether it ran.
    pub fn kill(&mut self) -> bool {
        let ran = self.0.try_wait().unwrap().is_none();
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        ran
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The end of a command.
pub struct Ran(pub Output);

/// Runs the command to its end, off this thread, which serves the sandbox.
pub async fn run(sandbox: &Sandbox, folder: &Path, words: &[&str]) -> Ran {
    let mut command = command(sandbox.base_url(), folder, words);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        assert!(!text.contains(KEY) && !text.contains(PROMPT), "a secret is printed: {text}");
    }
    Ran(output)
}

impl Ran {
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.0.status.code(), Some(code), "{}\n{}", self.stdout(), self.stderr());
        self
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).unwrap_or_else(|_| panic!("no JSON: {}", self.stdout()))
    }
}

/// The record of the manifest of a folder, to look at.
pub fn record(folder: &Path) -> Store {
    Store::read(&record_of(&folder.join("manifest.jsonl"))).unwrap()
}

/// Every job of a record.
pub fn jobs(store: &Store) -> Vec<Job> {
    store.jobs(None, 0, 1_000_000).unwrap()
}

/// The states of all jobs, in their order.
pub fn states(store: &Store) -> Vec<State> {
    jobs(store).iter().map(|job| job.state).collect()
}

/// Asserts that the record agrees with itself: the sums of the batches with their jobs, the states with the bookings.
pub fn agrees(store: &Store) {
    let jobs = jobs(store);
    for batch in store.batches().unwrap() {
        let sum: i64 = jobs.iter().filter(|job| job.batch == batch.id).map(|job| job.booked.thousandths()).sum();
        assert_eq!(batch.booked.thousandths(), sum, "batch {}", batch.id);
    }
    for job in jobs {
        let is_free = matches!(job.state, State::Intended | State::Failed | State::Dropped);
        assert_eq!(job.booked.thousandths() == 0, is_free, "job {} is {}", job.id, job.state);
    }
}
