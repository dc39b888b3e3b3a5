//! Proves that each example does what it says: it is run as a user runs it, against the sandbox, and both what it says
//! and what it leaves on disk are looked at.

mod support;

/// The tests of the example that has some. It is not built as a test itself, or cargo would not build it as a program.
#[path = "../examples/your_own_tests.rs"]
#[expect(dead_code, reason = "its program is run as all others are")]
mod your_own_tests;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

/// The longest takes some seconds on an idle machine; one that takes this long hangs.
const HANGS: Duration = Duration::from_secs(120);

/// The example's program, which cargo builds before it runs all tests.
fn program(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).with_extension("rs");
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples").join(name);
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    let changed =
        |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    assert!(changed(&program) >= changed(&source), "ACTION: cargo build --examples, {name} is not as its source says");
    program
}

/// Runs an example in a directory of its own, without a key, and gives the lines that it wrote.
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
    let (mut said, mut complained) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let complained = std::thread::spawn(move || std::io::read_to_string(&mut complained).unwrap());
    let (told, tells) = mpsc::channel();
    std::thread::spawn(move || told.send(std::io::read_to_string(&mut said).unwrap()));
    let Ok(said) = tells.recv_timeout(HANGS) else {
        child.kill().unwrap();
        panic!("{name} still runs after {HANGS:?}");
    };
    let (status, complained) = (child.wait().unwrap(), complained.join().unwrap());
    assert!(status.success(), "{name}: {status}\n{said}\n{complained}");
    assert_eq!(complained, "", "{name} complains");
    (said.lines().map(str::to_owned).collect(), directory)
}

fn in_directory(directory: &Path) -> Vec<PathBuf> {
    vec![directory.to_owned()]
}

/// The names of the videos in a directory, each of which is one.
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

fn count(said: &[String], beginning: &str) -> usize {
    said.iter().filter(|line| line.starts_with(beginning)).count()
}

#[test]
fn the_quickstart_makes_a_video_and_says_no_more_than_what_changes() {
    let (said, directory) = run("quickstart", |directory| vec!["--output".into(), directory.join("first.mp4")]);
    assert_eq!(videos(&directory), ["first.mp4"]);
    assert_eq!(count(&said, "wrote "), 1, "{said:#?}");
    assert!(said.len() <= 5, "{said:#?}");
}

#[test]
fn pictures_in_memory_become_a_video_in_memory() {
    let (said, directory) = run("from_bytes", in_directory);
    assert_eq!(videos(&directory), ["from_bytes.mp4"]);
    let length = directory.join("from_bytes.mp4").metadata().unwrap().len();
    assert_eq!(said.last().unwrap(), &format!("stored {length} bytes"));
}

#[test]
fn six_videos_are_ordered_waited_for_and_fetched_two_at_a_time() {
    let (said, directory) = run("many_at_once", in_directory);
    assert_eq!(videos(&directory).len(), 6, "{said:#?}");
    assert_eq!((count(&said, "ordered "), count(&said, "wrote ")), (6, 6), "{said:#?}");
}

#[test]
fn a_second_process_brings_what_the_first_one_ordered() {
    let (said, directory) = run("resume_after_restart", in_directory);
    assert_eq!(videos(&directory), ["resumed.mp4"]);
    let id = |beginning: &str| said.iter().find_map(|line| line.strip_prefix(beginning)).unwrap();
    assert_eq!(id("ordered "), id("go on with "), "one order, not two");
}

#[test]
fn a_video_comes_through_proxies() {
    let (_, directory) = run("custom_http_client", in_directory);
    assert_eq!(videos(&directory), ["proxied.mp4"]);
}

#[test]
fn a_gateway_that_lacks_half_of_the_api_makes_a_video_all_the_same() {
    let (said, directory) = run("another_gateway", in_directory);
    assert_eq!(videos(&directory), ["another.mp4"]);
    assert_eq!(count(&said, "an order is not found"), 1, "{said:#?}");
    assert_eq!(count(&said, "no list: HTTP 404"), 1, "{said:#?}");
}

#[test]
fn a_program_with_tests_works_without_them_too() {
    let (_, directory) = run("your_own_tests", in_directory);
    assert_eq!(videos(&directory), ["ordered.mp4"]);
}

#[test]
fn a_server_that_is_called_back_has_the_video() {
    let (said, directory) = run("callback_server", in_directory);
    assert_eq!(videos(&directory).len(), 1, "{said:#?}");
}

#[test]
fn every_example_is_run_here() {
    let here = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples.rs")).unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|extension| extension == "rs") {
            assert!(here.contains(&format!("run({name:?}")), "ACTION: run the example {name} in tests/examples.rs");
        }
    }
}
