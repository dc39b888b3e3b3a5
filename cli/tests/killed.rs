//! A killed command costs one task at most, wherever it was: another one finds the task by the printed id, without naming its
//! operation, and downloads the video; and where nothing was charged, it does not claim that something was.

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use kling_sandbox::{Clock, Endpoint, Fault, Moment, Sandbox, TaskPlan};
use serde_json::json;
use support::{KEY, directory, generate, image, kling, run};

/// Longer than any test: what stands still until then stands still until the test moves the clock.
const HELD: Duration = Duration::from_secs(3600);

/// A sandbox that takes the same id twice, so that nothing would hide a second task.
/// It takes in little of what it does not read, so that the end of a large request is not on its way while the API stalls.
async fn start() -> Sandbox {
    let builder = Sandbox::builder().key(KEY).clock(Clock::manual()).duplicates(true);
    builder.receive_buffer(64 * 1024).start().await.unwrap()
}

/// Waits until this holds, and says so if it never will.
async fn until(what: &str, sandbox: &Sandbox, holds: impl FnMut(&Sandbox) -> bool) {
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, sandbox.until(holds)).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// A command that ran until it was killed.
struct Victim {
    child: Child,
    external_id: String,
}

impl Victim {
    fn start(base_url: &str, words: &[&str]) -> Self {
        let mut child = kling(base_url, words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let external_id = line.trim_end().strip_prefix("external id ").expect(&line).to_owned();
        Self { child, external_id }
    }

    /// Ends it without a chance to do anything more, and gives the id that it had printed.
    fn kill(mut self) -> String {
        assert_eq!(self.child.try_wait().unwrap(), None, "it runs");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.external_id
    }
}

/// A request that no system's buffers hold: two images of 9 MB.
fn large(directory: &Path) -> Vec<String> {
    let large = directory.join("large.png");
    let mut bytes = std::fs::read(image("cat.png")).unwrap();
    bytes.resize(9_000_000, 7);
    std::fs::write(&large, bytes).unwrap();
    let large = large.to_str().unwrap();
    generate(&["-i", large, "-i", large]).into_iter().map(str::to_owned).collect()
}

/// One task was paid for, and a new process that knows no more than the id ends with the video of it.
#[track_caller]
fn goes_on(sandbox: &Sandbox, external_id: &str, target: &Path) {
    let found = run(sandbox, &["find", external_id, "--json"]).exits(0).json();
    let task = &sandbox.tasks()[0].id;
    assert_eq!((&found["task_id"], &found["external_task_id"]), (&json!(task), &json!(external_id)));
    run(sandbox, &["wait", task, "-o", target.to_str().unwrap()]).exits(0);
    assert_eq!(std::fs::read(target).unwrap(), sandbox.video_bytes());
    assert_eq!((sandbox.charged_for(external_id), sandbox.tasks_charged()), (1, 1));
    assert_eq!(sandbox.posts_begun(), 1);
}

/// Nothing was paid for, and a new process says no more than that it found nothing.
#[track_caller]
fn is_not_found(sandbox: &Sandbox, external_id: &str) {
    let error = run(sandbox, &["find", external_id, "--json"]).exits(6).error();
    assert_eq!((&error["kind"], &error["external_task_id"]), (&json!("ambiguous"), &json!(external_id)));
    assert!(error["hint"].as_str().unwrap().contains("proves nothing"), "{error}");
    assert_eq!((sandbox.tasks_charged(), sandbox.posts_received_whole()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_api_has_a_byte_nothing_is_charged() {
    let sandbox = start().await;
    // Connected, and read by nobody: whatever it sends ends with it.
    let unread = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let victim = Victim::start(&format!("http://{}", unread.local_addr().unwrap()), &generate(&[]));
    let connection = unread.accept().unwrap();
    let external_id = victim.kill();
    drop(connection);
    is_not_found(&sandbox, &external_id);
    assert_eq!(sandbox.posts_begun(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_its_last_byte_a_request_is_not_charged() {
    let words = large(&directory("killed_large"));
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    for read in [0, 1, 12_000_000] {
        let sandbox = start().await;
        sandbox.fault_next(Endpoint::Create, Fault::paused(Moment::Read(read), HELD));
        let victim = Victim::start(sandbox.base_url(), &words);
        until("the API stands still", &sandbox, |sandbox| sandbox.clock().sleepers() == 1).await;
        assert_eq!(sandbox.requests()[0].body.length, read);
        let external_id = victim.kill();
        sandbox.clock().advance(HELD);
        // The API reads what was on its way, and finds that it ends too early.
        until("the end of the request", &sandbox, |sandbox| sandbox.requests()[0].status.is_some()).await;
        is_not_found(&sandbox, &external_id);
        assert_eq!(sandbox.posts_begun(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_last_byte_a_request_is_charged_once_and_its_video_is_downloaded() {
    for moment in [
        // A small request is under way as a whole before the API has read more than its head.
        Moment::Read(0),
        Moment::Whole,
        Moment::Done,
    ] {
        let sandbox = start().await;
        let target = directory(&format!("killed_{moment:?}")).join("cat.mp4");
        sandbox.fault_next(Endpoint::Create, Fault::paused(moment, HELD));
        let victim = Victim::start(sandbox.base_url(), &generate(&["-o", target.to_str().unwrap()]));
        until("the API stands still", &sandbox, |sandbox| sandbox.clock().sleepers() == 1).await;
        let charged = usize::from(moment == Moment::Done);
        assert_eq!(sandbox.tasks_charged(), charged, "{moment:?}");
        let external_id = victim.kill();
        sandbox.clock().advance(HELD);
        until("a charge", &sandbox, |sandbox| sandbox.tasks_charged() == 1).await;
        goes_on(&sandbox, &external_id, &target);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_response_the_task_goes_on_and_is_waited_for_again() {
    let sandbox = start().await;
    let target = directory("killed_waiting").join("cat.mp4");
    let task_time = Duration::from_secs(240);
    sandbox.plan_next_task(TaskPlan::over(task_time));
    let victim = Victim::start(sandbox.base_url(), &generate(&["-o", target.to_str().unwrap()]));
    let asks = |sandbox: &Sandbox| sandbox.requests().iter().any(|request| request.operation == Some(Endpoint::Get));
    until("a query", &sandbox, asks).await;
    let external_id = victim.kill();
    assert!(!target.exists());
    sandbox.clock().advance(task_time);
    goes_on(&sandbox, &external_id, &target);
}

#[tokio::test(flavor = "multi_thread")]
async fn during_the_download_no_part_of_a_video_gets_its_name_and_the_rest_is_downloaded_later() {
    // More than is gathered before it is written to the disk, on both sides of the cut.
    let mut film = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../sandbox/assets/video.mp4")).unwrap();
    film.resize(3_000_000, 7);
    let builder = Sandbox::builder().key(KEY).clock(Clock::manual()).duplicates(true).video(film);
    let sandbox = builder.start().await.unwrap();
    let directory = directory("killed_download");
    let target = directory.join("cat.mp4");
    sandbox.fault_next(Endpoint::Video, Fault::slow_response(1_500_000, HELD));
    let victim = Victim::start(sandbox.base_url(), &generate(&["-o", target.to_str().unwrap()]));
    until("the API stands still", &sandbox, |sandbox| sandbox.clock().sleepers() == 1).await;
    let part = directory.join("cat.mp4.part");
    let received = || std::fs::metadata(&part).map_or(0, |part| part.len());
    let started = std::time::Instant::now();
    while received() == 0 {
        // What the API has sent is on its way to the disk, which tells nobody.
        assert!(started.elapsed() < Duration::from_secs(30), "never: a part on disk");
        tokio::task::yield_now().await;
    }
    let external_id = victim.kill();
    assert!(!target.exists() && received() < 1_500_000);
    goes_on(&sandbox, &external_id, &target);
    let requests = sandbox.video_requests();
    assert!(requests.len() == 2 && requests[1].headers.contains_key("range"), "it was resumed: {requests:?}");
}

/// Every command that takes the id queries; none of them submits.
#[tokio::test(flavor = "multi_thread")]
async fn looking_a_task_up_any_number_of_times_submits_nothing() {
    let sandbox = start().await;
    sandbox.fault_next(Endpoint::Create, Fault::paused(Moment::Done, HELD));
    let victim = Victim::start(sandbox.base_url(), &generate(&[]));
    until("a charge", &sandbox, |sandbox| sandbox.tasks_charged() == 1).await;
    let external_id = victim.kill();
    for words in [["find", &external_id], ["status", &external_id], ["wait", &external_id]] {
        for _ in 0..2 {
            run(&sandbox, &words).exits(0);
        }
    }
    assert_eq!((sandbox.posts_begun(), sandbox.tasks_charged()), (1, 1));
}
