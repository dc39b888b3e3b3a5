//! Runs each example as a user does, against the sandbox, and checks what it prints and the files that it writes.

mod support;

/// The example that has tests. It is not built as a test itself, or cargo would not build it as a program.
#[path = "../examples/your_own_tests.rs"]
#[expect(dead_code, reason = "its program is run below")]
mod your_own_tests;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

/// The longest takes some seconds on an idle machine.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The path of the example's program, which cargo builds before it runs all tests.
fn program(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).with_extension("rs");
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples").join(name);
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    let changed =
        |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    assert!(changed(&program) >= changed(&source), "ACTION: cargo build --examples, {name} is older than its source");
    program
}

/// Runs an example in a directory of its own, without a key, and returns the lines that it printed.
fn run(name: &str, arguments: impl Fn(&Path) -> Vec<PathBuf>) -> (Vec<String>, PathBuf) {
    let directory = support::directory(name);
    let mut child = Command::new(program(name))
        .args(arguments(&directory))
        .env_remove("KLING_API_KEY")
        .env_remove("KLING_BASE_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut output, mut errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let errors = std::thread::spawn(move || std::io::read_to_string(&mut errors).unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(std::io::read_to_string(&mut output).unwrap()));
    let Ok(output) = receiver.recv_timeout(TIMEOUT) else {
        child.kill().unwrap();
        panic!("{name} still runs after {TIMEOUT:?}");
    };
    let (status, errors) = (child.wait().unwrap(), errors.join().unwrap());
    assert!(status.success(), "{name}: {status}\n{output}\n{errors}");
    assert_eq!(errors, "", "standard error of {name}");
    (output.lines().map(str::to_owned).collect(), directory)
}

fn in_directory(directory: &Path) -> Vec<PathBuf> {
    vec![directory.to_owned()]
}

/// Returns the names of the videos in a directory, and checks that each is an MP4.
fn videos(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut videos: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "mp4")).collect();
    videos.sort();
    for video in &videos {
        assert_eq!(std::fs::read(video).unwrap().get(4..8), Some(&b"ftyp"[..]), "{}", video.display());
    }
    videos.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

fn count(lines: &[String], prefix: &str) -> usize {
    lines.iter().filter(|line| line.starts_with(prefix)).count()
}

#[test]
fn the_quickstart_makes_a_video_and_prints_changes_alone() {
    let (lines, directory) = run("quickstart", |directory| vec!["--output".into(), directory.join("first.mp4")]);
    assert_eq!(videos(&directory), ["first.mp4"]);
    assert_eq!(count(&lines, "wrote "), 1, "{lines:#?}");
    assert!(lines.len() <= 5, "{lines:#?}");
}

#[test]
fn images_in_memory_become_a_stream_of_bytes() {
    let (lines, directory) = run("from_bytes", in_directory);
    assert_eq!(videos(&directory), ["from_bytes.mp4"]);
    let length = directory.join("from_bytes.mp4").metadata().unwrap().len();
    assert_eq!(lines.last().unwrap(), &format!("stored {length} bytes"));
}

#[test]
fn a_prompt_alone_becomes_a_video() {
    let (lines, directory) = run("text_to_video", in_directory);
    assert_eq!(videos(&directory), ["text.mp4"]);
    assert_eq!(count(&lines, "submitted text2video "), 1, "{lines:#?}");
}

#[test]
fn a_first_and_a_last_frame_become_a_video() {
    let (lines, directory) = run("image_to_video", in_directory);
    assert_eq!(videos(&directory), ["frames.mp4"]);
    assert_eq!(count(&lines, "submitted image2video "), 1, "{lines:#?}");
}

#[test]
fn references_become_a_video_and_that_is_edited() {
    let (lines, directory) = run("omni_video", in_directory);
    assert_eq!(videos(&directory), ["cat.mp4", "edited.mp4"]);
    assert_eq!(count(&lines, "submitted omni-video "), 2, "{lines:#?}");
}

#[test]
fn six_videos_are_submitted_waited_for_and_downloaded_two_at_a_time() {
    let (lines, directory) = run("many_at_once", in_directory);
    assert_eq!(videos(&directory).len(), 6, "{lines:#?}");
    assert_eq!((count(&lines, "submitted "), count(&lines, "wrote ")), (6, 6), "{lines:#?}");
}

#[test]
fn a_second_process_resumes_the_task_of_the_first() {
    let (lines, directory) = run("resume_after_restart", in_directory);
    assert_eq!(videos(&directory), ["resumed.mp4"]);
    let id = |prefix: &str| lines.iter().find_map(|line| line.strip_prefix(prefix)).unwrap();
    assert_eq!(id("submitted "), id("resumed "));
}

#[test]
fn a_video_comes_through_proxies() {
    let (_, directory) = run("custom_http_client", in_directory);
    assert_eq!(videos(&directory), ["proxied.mp4"]);
}

#[test]
fn a_gateway_without_list_and_look_up_makes_a_video() {
    let (lines, directory) = run("another_gateway", in_directory);
    assert_eq!(videos(&directory), ["another.mp4"]);
    assert_eq!(count(&lines, "the external id finds no task"), 1, "{lines:#?}");
    assert_eq!(count(&lines, "no list: HTTP 404"), 1, "{lines:#?}");
}

#[test]
fn the_program_of_the_example_with_tests_makes_a_video() {
    let (_, directory) = run("your_own_tests", in_directory);
    assert_eq!(videos(&directory), ["made.mp4"]);
}

#[test]
fn the_callback_server_downloads_the_video() {
    let (lines, directory) = run("callback_server", in_directory);
    assert_eq!(videos(&directory).len(), 1, "{lines:#?}");
}

#[test]
fn every_example_has_a_test() {
    let here = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples.rs")).unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|extension| extension == "rs") {
            assert!(
                here.contains(&format!("run({name:?}")),
                "ACTION: add a test of the example {name} to tests/examples.rs"
            );
        }
    }
}
