//! What the tests share: the built command, run against a sandbox, and what it printed.

#![allow(dead_code, reason = "each test file uses a part")]

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use kling_sandbox::{Endpoint, Sandbox, ScriptedResponse};
use serde_json::Value;

pub const PROMPT: &str = "The cat puts the hat on";
pub const KEY: &str = "sk-test-0123456789abcdef";

/// The operation of most tests.
pub const OPERATION: &str = "multi-image2video";

/// What `kling schema --report` prints; here, nothing that is not in it may be printed.
static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let printed = kling("", &["schema", "--report"]).output().unwrap().stdout;
    let mut schema = serde_json::from_slice(&printed).unwrap();
    close(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
});

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.contains_key("properties") {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// A sandbox whose tasks are done at the first query, at a known time.
pub async fn sandbox() -> Sandbox {
    // It takes in little of what it does not read, so that a large request stalls where the API does.
    let builder = Sandbox::builder().key(KEY).clock(kling_sandbox::Clock::manual());
    builder.receive_buffer(64 * 1024).start().await.unwrap()
}

/// What a run of the command left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The one JSON object on standard output.
    #[track_caller]
    pub fn json(&self) -> Value {
        let line = self.stdout.strip_suffix('\n').unwrap_or_else(|| panic!("no line: {self:?}"));
        assert!(!line.chars().any(char::is_control), "{self:?}");
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        let errors: Vec<_> = SCHEMA.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}: {self:?}");
        value
    }

    /// The error in that object.
    #[track_caller]
    pub fn error(&self) -> Value {
        let mut report = self.json();
        assert_eq!(report.as_object().map(|fields| fields.len()), Some(1), "{self:?}");
        report["error"].take()
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// The state directory of this test, with its own record of submitted tasks.
pub fn state() -> PathBuf {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("unnamed").replace("::", "-");
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("state-{}", std::process::id())).join(test)
}

/// The command with this sandbox in its environment, and nothing else there.
pub fn kling(base_url: &str, arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kling"));
    command.env_clear().env("KLING_API_KEY", KEY).env("KLING_BASE_URL", base_url).env("KLING_EXPECT", "2s");
    command.env("XDG_STATE_HOME", state()).args(arguments);
    command.stdin(Stdio::null());
    command
}

/// Runs the command to its end; the key and the prompt must not be in what it prints.
#[track_caller]
pub fn run(sandbox: &Sandbox, arguments: &[impl AsRef<OsStr>]) -> Run {
    finished(kling(sandbox.base_url(), arguments).output().unwrap())
}

#[track_caller]
pub fn finished(output: Output) -> Run {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let run = Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    for secret in [KEY, PROMPT] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{run:?}");
    }
    assert!(!run.stderr.contains("panicked"), "{run:?}");
    run
}

/// The words of a valid request, with more after them.
pub fn generate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["generate", OPERATION, "-i", "https://example.com/cat.png", "-p", PROMPT];
    words.extend(more);
    words
}

/// The words of a command about a task that is not recorded.
pub fn named<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [words, &["--operation", OPERATION]].concat()
}

/// Submits a task without waiting for it, and gives its id.
#[track_caller]
pub fn submitted(sandbox: &Sandbox) -> String {
    run(sandbox, &generate(&["--no-wait"])).exits(0).stdout.trim_end().to_owned()
}

/// Lets the next poll be answered with this task.
pub fn next_is(sandbox: &Sandbox, data: &Value) {
    let body = serde_json::json!({"code": 0, "message": "SUCCEED", "request_id": "r", "data": data}).to_string();
    sandbox
        .respond_next(Endpoint::Get, ScriptedResponse::new(200).header("content-type", "application/json").body(body));
}

/// One of the project's images.
pub fn image(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/images").join(name)
}

/// A directory of its own for a test.
pub fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}
