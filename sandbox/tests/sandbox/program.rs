//! The sandbox as a program.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};

use super::*;

/// Ends the program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kling-sandbox"));
    command.args(arguments);
    command
}

fn refused(arguments: &[&str]) -> Output {
    program(arguments).output().expect("it runs")
}

#[tokio::test]
async fn the_printed_lines_are_all_a_person_needs() {
    let key = r#"it's-"$HOME"&more"#;
    let child = program(&["--task-seconds", "0.25", "--key", key]).stdout(Stdio::piped()).spawn();
    let mut running = Running(child.expect("it runs"));
    let mut lines = BufReader::new(running.0.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().expect("a line").expect("a text");
    let exports = format!("{}\n{}\n{}\n", next(), next(), next());
    let script = format!("{exports}printf '%s %s %s' \"$KLING_BASE_URL\" \"$KLING_EXPECT\" \"$KLING_API_KEY\"");
    let shell = Command::new("sh").args(["-c", &script]).output().expect("a shell");
    let shell = String::from_utf8(shell.stdout).expect("a text");
    let words: Vec<&str> = shell.split(' ').collect();
    let [base, expect, read_back] = words[..] else {
        panic!("{shell}");
    };
    assert_eq!((expect, read_back), ("250ms", key));

    // The printed request, with a shell function in curl's place, so that the test needs no curl.
    let mut request = String::new();
    while !request.ends_with("'\n") {
        let line = next();
        if !request.is_empty() || line.starts_with("curl") {
            request = format!("{request}{line}\n");
        }
    }
    let script = format!("curl() {{ for word; do printf '%s\\0' \"$word\"; done; }}\n{request}");
    let words = Command::new("sh").args(["-c", &script]).output().expect("a shell");
    let words = String::from_utf8(words.stdout).expect("a text");
    let words: Vec<&str> = words.split_terminator('\0').collect();
    let [_, url, "-H", content_type, "-H", authorization, "-d", body] = words[..] else {
        panic!("{words:?}");
    };
    assert!(url.starts_with(base), "{url}");
    let mut post = reqwest::Client::new().post(url).body(body.to_owned());
    for header in [content_type, authorization] {
        let (name, value) = header.split_once(": ").expect("a header");
        post = post.header(name, value);
    }
    let answer: Value = post.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer["code"], 0, "{answer}");
}

#[tokio::test]
async fn the_keys_of_kling_itself_are_printed_in_place_of_a_key() {
    let child = program(&["--kling", "--queries-at-omni-image"]).stdout(Stdio::piped()).spawn();
    let mut running = Running(child.expect("it runs"));
    let mut lines = BufReader::new(running.0.stdout.take().expect("a pipe")).lines();
    let mut next = |name: &str| {
        let line = lines.next().expect("a line").expect("a text");
        line.strip_prefix(&format!("export {name}=")).unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    let base = next("KLING_BASE_URL");
    assert_eq!(next("KLING_ACCESS_KEY"), "sandbox-access-key");
    assert_eq!(next("KLING_SECRET_KEY"), "sandbox-secret-key-of-no-account");
    assert_eq!(next("KLING_EXPECT"), "2s");
    let command = lines.map(|line| line.expect("a text")).find(|line| line.starts_with("curl -s"));
    let command = command.expect("a command");
    let bearer = command.split("Bearer ").nth(1).and_then(|rest| rest.split('\'').next()).expect("a token");
    let get = async |path: &str| {
        let url = format!("{base}/v1/{path}");
        let answer = reqwest::Client::new().get(url).bearer_auth(bearer).send().await.expect("an answer");
        answer.json::<Value>().await.expect("JSON")["code"].clone()
    };
    assert!(command.contains(&format!("{base}/v1/videos/")), "{command}");
    assert_eq!(get("videos/text2video").await, 0);
    assert_eq!(get("images/omni-image/7").await, "task_not_exist");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_well() {
    let child = program(&[]).stdout(Stdio::piped()).spawn();
    let mut running = Running(child.expect("it runs"));
    let mut output = BufReader::new(running.0.stdout.take().expect("a pipe"));
    let mut line = String::new();
    while !line.starts_with("Ctrl-C") {
        line.clear();
        assert_ne!(output.read_line(&mut line).expect("a text"), 0, "it ended early");
    }
    let id = running.0.id().to_string();
    Command::new("kill").args(["-INT", &id]).status().expect("kill runs");
    let status = running.0.wait().expect("it ends");
    assert!(status.success(), "{status}");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("a text");
    assert_eq!(rest, "");
}

#[test]
fn a_wrong_argument_is_an_error_with_the_usage_and_status_2() {
    for (arguments, reason) in [
        (&["--prot", "1"][..], "--prot"),
        (&["--port", "99999"], "--port: cannot parse argument \"99999\""),
        (&["--task-seconds", "-1"], "a number of seconds from 0"),
        (&["--task-seconds", "soon"], "--task-seconds: "),
        (&["--key"], "--key"),
        (&["--concurrency", "two"], "--concurrency: "),
        (&["--fault", "hang-upp"], "no fault is called `hang-upp`"),
        (&["--fault", "post=hang-up"], "choose create"),
        (&["more"], "more"),
    ] {
        let output = refused(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text.contains(reason) && text.contains("usage:"), "{arguments:?}: {text}");
    }
}

#[test]
fn what_cannot_be_started_is_an_error_with_status_1() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("an address").port().to_string();
    for (arguments, reason) in [
        (&["--port", &*port][..], "cannot listen on"),
        (&["--key", "a b"], "visible ASCII"),
        (&["--kling", "--key", "k"], "takes no key"),
    ] {
        let output = refused(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.starts_with("error: ") && text.contains(reason), "{text}");
    }
}

#[tokio::test]
async fn faults_meet_the_requests_that_they_are_for_in_order() {
    let faults = ["--fault", "502-html", "--fault", "1303+retry-after:7", "--fault", "list=404-invalid-url"];
    let child = program(&[&faults[..], &["--key", "k"]].concat()).stdout(Stdio::piped()).spawn();
    let mut running = Running(child.expect("it runs"));
    let mut output = BufReader::new(running.0.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a text");
    let base = line.trim().strip_prefix("export KLING_BASE_URL=").expect("the address");
    let endpoint = format!("{base}/kling/v1/videos/multi-image2video");
    let http = reqwest::Client::new();
    for (status, retry_after) in [(502, None), (429, Some("7")), (200, None)] {
        let answer = http.post(&endpoint).bearer_auth("k").json(&body()).send().await.expect("an answer");
        let header = answer.headers().get("retry-after").map(|value| value.to_str().expect("a text"));
        assert_eq!((answer.status().as_u16(), header), (status, retry_after));
    }
    for status in [404, 200] {
        let answer = http.get(&endpoint).bearer_auth("k").send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status);
    }
}

#[test]
fn the_list_of_faults_has_every_name_with_a_line() {
    let output = refused(&["--fault", "list"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("a text");
    for named in kling_sandbox::Fault::all() {
        let line = text.lines().find(|line| line.split("  ").next() == Some(&named.name));
        let line = line.unwrap_or_else(|| panic!("{} is listed", named.name));
        assert!(line.ends_with(&named.summary), "{line}");
    }
}

#[test]
fn help_is_no_error() {
    let output = refused(&["--help"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("--task-seconds"));
}
