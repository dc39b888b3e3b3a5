//! A Temporal server, the sandbox, and workers as processes, which can be killed.
#![allow(dead_code, reason = "each test uses some of it")]

pub mod proxy;

use std::fmt::Write as _;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use kling_cli::failure::Failure;
use kling_sandbox::Sandbox;
use kling_temporal::data::{BatchState as Status, Flight, Trouble};
use kling_temporal::server::Server as Address;
use tempfile::TempDir;
use temporalio_client::Client;

/// Key of the sandbox, which nothing but the worker's environment may have.
pub const KEY: &str = "sk-secret-of-the-worker-0123456789";
/// Words of every prompt.
pub const PROMPT: &str = "a secret cat puts the hat on";

/// The program `temporal`, or a skip that can be seen.
pub fn temporal() -> Option<PathBuf> {
    let named = std::env::var_os("TEMPORAL").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = named
        .or_else(|| std::env::split_paths(&path).map(|folder| folder.join("temporal")).find(|file| file.is_file()));
    if found.is_none() {
        eprintln!("SKIPPED: there is no program `temporal` in PATH, and none named by TEMPORAL");
    }
    found
}

/// A free port of 127.0.0.1.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A process that does not outlive the test.
pub struct Process(pub Child);

impl Process {
    pub fn kill(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }

    pub fn terminate(&self) {
        Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Everything that a batch needs, in one folder.
pub struct Place {
    pub folder: TempDir,
    pub sandbox: Sandbox,
    /// Base URL for the workers: the sandbox, or a proxy before it.
    pub base_url: String,
    pub server: Option<Process>,
    /// Expected time of a task, from which all intervals follow.
    pub expect: &'static str,
    program: PathBuf,
    port: u16,
    workers: std::cell::Cell<u32>,
}

impl Place {
    /// A server and a sandbox that lets double charges happen; none where there is no server.
    pub async fn new(task_time: Duration) -> Option<Self> {
        let program = temporal()?;
        let sandbox =
            Sandbox::builder().key(KEY).task_time(task_time).concurrency(1000).duplicates(true).start().await.unwrap();
        let base_url = sandbox.base_url().to_owned();
        let mut place = Self {
            folder: tempfile::tempdir().unwrap(),
            sandbox,
            base_url,
            server: None,
            expect: "40ms",
            program,
            port: free_port(),
            workers: 0.into(),
        };
        place.start_server().await;
        Some(place)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the server, at the same port as before. It also takes ports of its own that were free a moment ago, and ends where
    /// one is not any more; so one starts at a time, and again if it ended.
    pub async fn start_server(&mut self) {
        static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _alone = ALONE.lock().await;
        for _ in 0..5 {
            let mut server = self.spawn_server();
            let began = Instant::now();
            let has_ended = |server: &mut Process| server.0.try_wait().unwrap().is_some();
            while !has_ended(&mut server) && self.connect().await.is_err() {
                assert!(began.elapsed() < Duration::from_secs(60), "the server does not start: {}", self.logs());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
            if !has_ended(&mut server) {
                self.server = Some(server);
                return;
            }
        }
        panic!("the server does not start: {}", self.logs());
    }

    fn spawn_server(&self) -> Process {
        let log = File::create(self.path("server.log")).unwrap();
        let child = Command::new(&self.program)
            .args(["server", "start-dev", "--ip", "127.0.0.1", "--headless", "--log-level", "error"])
            .args(["--port", &self.port.to_string(), "--http-port", &free_port().to_string()])
            .args(["--metrics-port", &free_port().to_string(), "--db-filename"])
            .arg(self.path("server.db"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Process(child.unwrap())
    }

    async fn connect(&self) -> Result<Client, Box<Failure>> {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            server: Address,
        }
        let address = Line::parse_from(["test", "--address", &self.address()]).server;
        address.connect(Duration::from_secs(5)).await
    }

    /// A client of the server.
    pub async fn client(&self) -> Client {
        self.connect().await.unwrap_or_else(|failure| panic!("{}\n{}", failure.message, self.logs()))
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kling-temporal"));
        command
            .env_clear()
            .env("KLING_API_KEY", KEY)
            .env("KLING_BASE_URL", &self.base_url)
            .env("KLING_EXPECT", self.expect)
            .env("TEMPORAL_ADDRESS", self.address());
        command
    }

    /// A worker with as many places as there are videos.
    pub fn worker(&self) -> Process {
        self.worker_with(&["--max-running", "1000"])
    }

    pub fn worker_with(&self, words: &[&str]) -> Process {
        self.workers.set(self.workers.get() + 1);
        let log = File::create(self.path(&format!("worker-{}.log", self.workers.get()))).unwrap();
        let child = self
            .command()
            .arg("worker")
            .args(words)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn();
        Process(child.unwrap())
    }

    /// A manifest with so many lines.
    pub fn manifest(&self, name: &str, lines: usize) -> PathBuf {
        let mut text = String::new();
        for line in 1..=lines {
            let prompt = format!("{PROMPT}, take {line} of {name}");
            writeln!(text, r#"{{"operation": "text2video", "model": "kling-v2-6", "prompt": "{prompt}", "output": "{name}-{line}.mp4"}}"#)
                .unwrap();
        }
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs a command; its output, whatever its exit code.
    pub async fn run(&self, words: &[&str]) -> Output {
        let mut command = tokio::process::Command::from(self.command());
        command.args(words).kill_on_drop(true).output().await.unwrap()
    }

    /// Runs a command that succeeds; its standard output.
    pub async fn done(&self, words: &[&str]) -> String {
        let output = self.run(words).await;
        assert!(output.status.success(), "{words:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// Starts a manifest; the id of its batch.
    pub async fn start(&self, manifest: &Path, words: &[&str]) -> String {
        let videos = self.path("videos");
        let mut all = vec!["start", manifest.to_str().unwrap(), "--out-dir", videos.to_str().unwrap()];
        all.extend(words);
        let shown = self.done(&all).await;
        shown.lines().find_map(|line| line.strip_prefix("batch ")).unwrap().to_owned()
    }

    pub async fn status(&self, batch: &str) -> Status {
        serde_json::from_str(&self.done(&["status", batch, "--json"]).await).unwrap()
    }

    /// The status of a batch at its end.
    pub async fn ended(&self, batch: &str) -> Status {
        let words = ["status", batch, "--wait", "--json"];
        let status = tokio::time::timeout(Duration::from_secs(1200), self.done(&words)).await;
        match status {
            Ok(status) => serde_json::from_str(&status).unwrap(),
            Err(_) => panic!("the batch does not end: {:#?}\n{}", self.status(batch).await, self.logs()),
        }
    }

    /// The status of a batch once it holds.
    pub async fn until(&self, batch: &str, holds: impl Fn(&Status) -> bool) -> Status {
        let began = Instant::now();
        loop {
            let status = self.status(batch).await;
            if holds(&status) {
                return status;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "{status:#?}\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The status of a batch once one of its outcomes stays unknown.
    pub async fn until_unknown(&self, batch: &str) -> Status {
        let is_unknown = |flight: &Flight| matches!(flight.trouble, Some(Trouble::Unknown(_)));
        self.until(batch, |status| status.flying.values().any(is_unknown)).await
    }

    /// Resets a workflow to its beginning, as an operator might.
    pub async fn reset(&self, workflow: &str) {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(["workflow", "reset", "--event-id", "3", "--reason", "test", "--workflow-id", workflow]);
        let output = command.args(["--address", &self.address()[7..]]).output().await.unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// The logs of the workers and of the server.
    pub fn logs(&self) -> String {
        let mut names: Vec<_> = (1..=self.workers.get()).map(|number| format!("worker-{number}.log")).collect();
        names.push("server.log".to_owned());
        let read =
            |name: &String| format!("== {name}\n{}", std::fs::read_to_string(self.path(name)).unwrap_or_default());
        names.iter().map(read).collect()
    }

    /// How many external ids were charged more than once.
    pub fn twice(&self) -> usize {
        let ids: Vec<_> = self.sandbox.tasks().into_iter().filter_map(|task| task.external_id).collect();
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        ids.len() - unique.len()
    }

    /// Outputs that are on disk.
    pub fn outputs(&self) -> usize {
        let Ok(folder) = std::fs::read_dir(self.path("videos")) else { return 0 };
        folder
            .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "mp4"))
            .count()
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
