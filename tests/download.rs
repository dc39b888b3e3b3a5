//! Proves that every output arrives whole: over cuts at every byte, stalls, busy and wrong servers, expired URLs, and the end
//! of the process; that nothing else ever gets the target's name; and that neither the key nor a signed URL leaks.

mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::header::{AUTHORIZATION, COOKIE, ETAG, HeaderName, IF_RANGE, RANGE, REFERER};
use kling_client::{Client, DownloadProgress, Error, ErrorKind, FinishedTask};
use kling_sandbox::{Endpoint, Fault, Received, Sandbox, ScriptedResponse};
use support::{Guarded, Jumping, directory};

/// Half of a second film, so that a glued file is noticed.
const OTHER: &[u8] = &[7; 20_000];

async fn sandbox_with(builder: kling_sandbox::Builder) -> (Sandbox, FinishedTask, Jumping) {
    let clock = kling_sandbox::Clock::manual();
    let sandbox = builder.clock(clock.clone()).start().await.unwrap();
    let jumping = Jumping::over(&clock);
    let finished = finished(&support::client(&sandbox).clock(jumping.clone()).build().unwrap()).await;
    (sandbox, finished, jumping)
}

async fn sandbox() -> (Sandbox, FinishedTask, Jumping) {
    sandbox_with(Sandbox::builder()).await
}

async fn finished(client: &Client) -> FinishedTask {
    client.submit(support::request()).await.unwrap().wait().await.unwrap()
}

/// The task of a sandbox in the hands of another client, as another process has it.
async fn taken_up(sandbox: &Sandbox) -> FinishedTask {
    let client = support::client(sandbox).clock(Jumping::over(sandbox.clock())).build().unwrap();
    client.task(support::OPERATION, sandbox.tasks()[0].id.clone()).unwrap().wait().await.unwrap()
}

/// A film so short that it can be cut at each of its bytes.
fn short_film() -> Bytes {
    let boxes = b"\0\0\0\x10ftypmp42\0\0\0\0\0\0\0\x10moov12345678\0\0\0\x58mdat";
    boxes.iter().copied().chain(0..80).collect()
}

/// How many first bytes tell whether it is an MP4: before they are here, none counts.
const HEAD: u64 = 12;

fn part_of(target: &Path) -> PathBuf {
    target.with_file_name(format!("{}.part", target.file_name().unwrap().to_str().unwrap()))
}

/// What is beside a target, and it itself.
fn files_at(target: &Path) -> Vec<String> {
    let names = std::fs::read_dir(target.parent().unwrap()).unwrap();
    let mut names: Vec<_> = names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn named<'a>(request: &'a Received, name: &HeaderName) -> Option<&'a str> {
    request.headers.get(name).map(|value| value.to_str().unwrap())
}

/// The `Range` of each request for the video.
fn ranges(sandbox: &Sandbox) -> Vec<Option<String>> {
    sandbox.video_requests().iter().map(|request| named(request, &RANGE).map(str::to_owned)).collect()
}

/// From which byte on a request asks.
fn start(range: Option<&str>) -> u64 {
    range.map_or(0, |range| range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap())
}

fn video(fault: &str) -> Fault {
    fault.parse().unwrap()
}

/// How many bytes of the film come in an answer of so many, its head included.
async fn cut_at(sandbox: &Sandbox, finished: &FinishedTask, byte: u64) -> Fault {
    let response = reqwest::get(&finished.outputs()[0].url).await.unwrap();
    let lines = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>();
    // The first line and the empty one; and the line that a cut adds.
    let head = "HTTP/1.1 200 OK\r\n\r\n".len() + lines + "connection: close\r\n".len();
    let before = sandbox.video_requests().len();
    drop(response);
    assert!(before > 0);
    Fault::cut_response(head as u64 + byte)
}

/// Without showing either.
#[track_caller]
fn assert_same(bytes: &[u8], expected: &[u8]) {
    let differ = bytes.iter().zip(expected).position(|(byte, expected)| byte != expected);
    assert!(bytes == expected, "{} bytes for {}, from {differ:?} on others", bytes.len(), expected.len());
}

#[track_caller]
fn assert_whole(target: &Path, sandbox: &Sandbox) {
    assert_same(&std::fs::read(target).unwrap(), &sandbox.video_bytes());
}

#[track_caller]
fn assert_silent(error: &Error) {
    let shown = format!("{error} {error:?}");
    for secret in ["Signature", "Expires", "http://", ".mp4?"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_stream_cut_at_any_byte_is_resumed_there() {
    let film = short_film();
    let (sandbox, finished, _) = sandbox_with(Sandbox::builder().video(film.clone())).await;
    let mut stopped = Vec::new();
    for after in 0.. {
        let before = sandbox.video_requests().len();
        sandbox.fault_next(Endpoint::Video, Fault::cut_response(after));
        let pieces: Vec<Bytes> = finished.bytes_stream().try_collect().await.unwrap();
        assert_eq!(pieces.concat(), film, "cut after byte {after} of the answer");
        let requests = &sandbox.video_requests()[before..];
        match requests {
            [_] => break,
            [_, again] => stopped.push(start(named(again, &RANGE))),
            _ => panic!("{} requests", requests.len()),
        }
        let again = &requests[1];
        assert_eq!(again.headers.contains_key(IF_RANGE), again.headers.contains_key(RANGE));
    }
    stopped.dedup();
    // One more: all of it was here, and the connection closed instead of saying so.
    let all: Vec<u64> = std::iter::once(0).chain(HEAD..film.len() as u64).collect();
    assert!(stopped.starts_with(&all), "{stopped:?}");
}

#[tokio::test]
async fn a_file_is_downloaded_whole_however_often_it_is_cut() {
    let (sandbox, finished, clock) = sandbox().await;
    let target = directory("cut_often").join("cat.mp4");
    let pauses = clock.sleeps().len();
    sandbox.fault_always(Endpoint::Video, Fault::cut_response(800));
    assert_eq!(finished.download(&target).await.unwrap(), target);
    assert_whole(&target, &sandbox);
    let starts: Vec<u64> = ranges(&sandbox).iter().map(|range| start(range.as_deref())).collect();
    assert!(starts.len() > 40 && starts.is_sorted(), "{starts:?}");
    assert_eq!(clock.sleeps().len() - pauses, starts.len() - 1, "one before each request but the first");
    assert_eq!(files_at(&target), ["cat.mp4"]);
    sandbox.assert_key_never_leaked();
}

#[tokio::test]
async fn a_server_without_a_new_byte_is_given_up_after_five_requests_and_resumed_by_the_next_download() {
    let (sandbox, finished, _) = sandbox().await;
    let target = directory("given_up").join("cat.mp4");
    sandbox.fault_next(Endpoint::Video, cut_at(&sandbox, &finished, 10_000).await);
    sandbox.fault_always(Endpoint::Video, Fault::hang_up());
    let before = sandbox.video_requests().len();
    let error = finished.download(&target).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Network, true));
    assert!(error.message().contains("at byte 10000 of 33087"), "{error}");
    assert!(error.hint().unwrap().contains("10000 bytes are kept in"), "{error}");
    assert_eq!(error.task_id(), Some(&*finished.info().task_id));
    assert_silent(&error);
    assert_eq!(sandbox.video_requests().len() - before, 1 + 5);
    assert_eq!(std::fs::metadata(part_of(&target)).unwrap().len(), 10_000);
    let known = std::fs::read_to_string(part_of(&target).with_extension("part.json")).unwrap();
    assert!(!known.contains("http") && !known.contains("Signature"), "{known}");

    sandbox.clear_faults();
    taken_up(&sandbox).await.download(&target).await.unwrap();
    let last = sandbox.video_requests().pop().unwrap();
    assert_eq!((named(&last, &RANGE), last.status.unwrap().as_u16()), (Some("bytes=10000-"), 206));
    assert_whole(&target, &sandbox);
    assert_eq!(files_at(&target), ["cat.mp4"]);
}

#[tokio::test]
async fn a_part_of_another_task_is_not_resumed() {
    let (sandbox, first, _) = sandbox().await;
    let target = directory("another_task").join("cat.mp4");
    sandbox.fault_next(Endpoint::Video, cut_at(&sandbox, &first, 10_000).await);
    sandbox.fault_always(Endpoint::Video, video("video-404"));
    first.download(&target).await.unwrap_err();
    assert_eq!(std::fs::metadata(part_of(&target)).unwrap().len(), 10_000);
    sandbox.clear_faults();
    let second = finished(&support::client(&sandbox).build().unwrap()).await;
    second.download(&target).await.unwrap();
    assert_eq!(named(&sandbox.video_requests().pop().unwrap(), &RANGE), None);
    assert_whole(&target, &sandbox);
}

/// The second of the two requests that a cut leads to meets this; how the third asks.
async fn after_a_cut(name: &str, first: Fault, second: Option<Fault>) -> (Sandbox, Vec<Option<String>>) {
    let (sandbox, finished, _) = sandbox().await;
    let target = directory(name).join("cat.mp4");
    let cut = match first.clone() {
        first if first == Fault::none() => cut_at(&sandbox, &finished, 10_000).await,
        first => first,
    };
    let before = sandbox.video_requests().len();
    sandbox.fault_next(Endpoint::Video, cut);
    if let Some(second) = second {
        sandbox.fault_next(Endpoint::Video, second);
    }
    finished.download(&target).await.unwrap();
    assert_whole(&target, &sandbox);
    assert_eq!(files_at(&target), ["cat.mp4"]);
    assert_eq!(sandbox.faults_waiting(Endpoint::Video), 0);
    let ranges = ranges(&sandbox).split_off(before);
    (sandbox, ranges)
}

#[tokio::test]
async fn a_part_that_cannot_be_resumed_starts_over_and_no_other_does() {
    let part = || Some("bytes=10000-".to_owned());
    for (fault, expected) in [
        ("video-glued", vec![None, part(), None]),
        ("video-wrong-range", vec![None, part(), None]),
        ("video-416", vec![None, part(), None]),
        ("none+no-header:content-range", vec![None, part(), None]),
        ("video-changed", vec![None, part()]),
        ("video-ignores-range", vec![None, part()]),
        ("none+no-header:etag", vec![None, part()]),
        // What is no video costs nothing that is here.
        ("video-html", vec![None, part(), part()]),
        ("video-empty", vec![None, part(), part()]),
        ("video-202", vec![None, part(), part()]),
        ("video-400-json", vec![None, part(), part()]),
    ] {
        let (_, asked) = after_a_cut(&fault.replace(':', "_"), Fault::none(), Some(video(fault))).await;
        assert_eq!(asked, expected, "{fault}");
    }
}

#[tokio::test]
async fn a_video_that_changed_is_never_glued_to_the_one_before() {
    let old = [&short_film()[..], OTHER].concat();
    let answer = ScriptedResponse::new(200).header("etag", "\"old\"").body(old);
    let (sandbox, asked) = after_a_cut("changed", Fault::response(answer).cut_after(9_000), None).await;
    assert_eq!(asked.len(), 2);
    assert!(start(asked[1].as_deref()) > 8_000, "{asked:?}");
    let last = sandbox.video_requests().pop().unwrap();
    assert_eq!((named(&last, &IF_RANGE), last.status.unwrap().as_u16()), (Some("\"old\""), 200));
}

#[tokio::test]
async fn without_a_strong_validator_a_cut_transfer_starts_over() {
    for fault in ["video-no-etag", "video-weak-etag"] {
        let (_, asked) = after_a_cut(fault, video(fault).cut_after(9_000), None).await;
        assert_eq!(asked, [None, None], "{fault}");
    }
    let dated = |modified: &str, asked: bool| {
        let fault =
            video("video-no-etag").header("last-modified", modified).header("date", "Thu, 27 Nov 2025 09:30:25 GMT");
        (fault.cut_after(9_000), asked)
    };
    for (fault, goes_on) in
        [dated("Thu, 27 Nov 2025 09:30:24 GMT", true), dated("Thu, 27 Nov 2025 09:30:25 GMT", false)]
    {
        let (sandbox, asked) = after_a_cut("dated", fault, None).await;
        assert_eq!(asked[1].is_some(), goes_on);
        let condition = named(&sandbox.video_requests().pop().unwrap(), &IF_RANGE).map(str::to_owned);
        assert_eq!(condition.as_deref(), goes_on.then_some("Thu, 27 Nov 2025 09:30:24 GMT"));
    }
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_resumed_and_a_longer_one_refused() {
    let (_, asked) = after_a_cut("too_short", video("video-too-short"), None).await;
    assert_eq!(asked, [None, Some("bytes=33087-".to_owned()), None]);

    let (sandbox, finished, _) = sandbox().await;
    let target = directory("too_long").join("cat.mp4");
    sandbox.fault_next(Endpoint::Video, cut_at(&sandbox, &finished, 10_000).await);
    let long = ScriptedResponse::new(206).header("content-range", "bytes 10000-10009/33087").body(&OTHER[..20]);
    sandbox.fault_next(Endpoint::Video, Fault::response(long));
    let error = finished.download(&target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    assert!(error.message().contains("more than the 10010 bytes"), "{error}");
    finished.download(&target).await.unwrap();
    assert_whole(&target, &sandbox);
}

#[tokio::test]
async fn a_part_of_a_part_is_taken_and_the_rest_requested() {
    for (total, is_known) in [("33087", true), ("*", false)] {
        let (sandbox, finished, _) = sandbox().await;
        let film = sandbox.video_bytes();
        let target = directory("part_of_part").join("cat.mp4");
        let cut = if is_known { cut_at(&sandbox, &finished, 10_000).await } else { video("video-truncated") };
        let before = sandbox.video_requests().len();
        sandbox.fault_next(Endpoint::Video, cut);
        let range = format!("bytes 10000-10999/{total}");
        let some = ScriptedResponse::new(206).header("content-range", range).body(film.slice(10_000..11_000));
        sandbox.fault_next(Endpoint::Video, Fault::response(some));
        finished.download(&target).await.unwrap();
        let asked: Vec<_> = ranges(&sandbox)[before..].iter().map(|range| start(range.as_deref())).collect();
        assert_eq!(asked, [0, 10_000, 11_000], "{total}");
        assert_whole(&target, &sandbox);
    }
}

#[tokio::test]
async fn a_busy_server_is_retried_after_its_retry_after() {
    let (sandbox, finished, clock) = sandbox().await;
    let target = directory("busy").join("cat.mp4");
    for fault in ["video-503", "video-429", "video-500"] {
        sandbox.fault_next(Endpoint::Video, video(fault));
    }
    let before = clock.sleeps().last().copied().unwrap_or_default();
    finished.download(&target).await.unwrap();
    assert_whole(&target, &sandbox);
    let waited = clock.sleeps().last().unwrap().saturating_sub(before);
    assert!(waited > Duration::from_secs(4) && waited <= Duration::from_secs(10), "{waited:?}");

    sandbox.fault_next(Endpoint::Video, video("video-503+retry-after:3600"));
    let error = finished.download(&target).overwrite(true).await.unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::UnexpectedResponse, Some(503)));
    assert_eq!((error.is_retryable(), error.retry_after()), (true, Some(Duration::from_secs(3600))));
}

/// Lets so many seconds pass whenever the sandbox waits for time.
async fn while_time_passes<T>(sandbox: &Sandbox, seconds: u64, work: impl Future<Output = T>) -> T {
    let time = async {
        loop {
            if sandbox.clock().sleepers() > 0 {
                sandbox.clock().advance(Duration::from_secs(seconds));
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        () = time => unreachable!("time does not end"),
    }
}

#[tokio::test]
async fn a_transfer_that_trickles_or_stalls_is_cut_and_resumed() {
    for (fault, cut) in [
        ("slow-answer:1000/1", true),
        ("slow-answer:9000/100000", true),
        ("silence", true),
        ("slow-answer:15000/1", false),
    ] {
        let sandbox = Sandbox::builder().clock(kling_sandbox::Clock::manual()).start().await.unwrap();
        let clock = Guarded(Jumping::over(sandbox.clock()));
        let finished = finished(&support::client(&sandbox).clock(clock).build().unwrap()).await;
        sandbox.fault_next(Endpoint::Video, video(fault));
        // A stream and no file: while a disk works, time that passes is not the server's.
        let stream = finished.bytes_stream().slowest(1500, Duration::from_secs(10));
        let done = async {
            let fetched = tokio::spawn(stream.try_collect::<Vec<Bytes>>());
            if fault == "silence" {
                sandbox.until(|sandbox| sandbox.video_requests().iter().any(|request| request.whole)).await;
                sandbox.clock().advance(Duration::from_secs(11));
            }
            fetched.await.unwrap()
        };
        let pieces = while_time_passes(&sandbox, 1, done).await.unwrap();
        assert_same(&pieces.concat(), &sandbox.video_bytes());
        let asked: Vec<_> = ranges(&sandbox).iter().map(|range| start(range.as_deref())).collect();
        match (fault, &asked[..]) {
            (_, [0]) => assert!(!cut, "{fault}"),
            ("silence", [0, again]) => assert_eq!(*again, 0),
            (_, [0, again]) => assert!(cut && (1..20_000).contains(again), "{fault}: {asked:?}"),
            _ => panic!("{fault}: {asked:?}"),
        }
    }
}

#[tokio::test]
async fn a_reader_that_takes_its_time_is_not_taken_for_a_slow_server() {
    let sandbox = Sandbox::builder().clock(kling_sandbox::Clock::manual()).start().await.unwrap();
    let clock = Guarded(Jumping::over(sandbox.clock()));
    let finished = finished(&support::client(&sandbox).clock(clock).build().unwrap()).await;
    let mut stream = finished.bytes_stream();
    let mut pieces = Vec::new();
    while let Some(bytes) = stream.try_next().await.unwrap() {
        pieces.push(bytes);
        sandbox.clock().advance(Duration::from_secs(3600));
    }
    assert_same(&pieces.concat(), &sandbox.video_bytes());
    assert_eq!(sandbox.video_requests().len(), 1);
}

#[tokio::test]
async fn a_refused_url_is_renewed_once() {
    let (sandbox, finished, _) = sandbox().await;
    let directory = directory("refused");
    for status in [401, 403, 404, 410] {
        let target = directory.join(format!("{status}.mp4"));
        let queries = sandbox.requests().len();
        sandbox.fault_next(Endpoint::Video, video(&format!("video-{status}")));
        finished.download(&target).await.unwrap();
        assert_whole(&target, &sandbox);
        assert_eq!(sandbox.requests().len(), queries + 1);

        sandbox.fault_always(Endpoint::Video, video(&format!("video-{status}")));
        let before = sandbox.video_requests().len();
        let error = finished.download(directory.join("never.mp4")).await.unwrap_err();
        assert_eq!((error.kind(), error.http_status()), (ErrorKind::UnexpectedResponse, Some(status)));
        assert!(error.message().contains("also to a fresh URL"), "{error}");
        assert_silent(&error);
        assert_eq!((sandbox.video_requests().len() - before, sandbox.requests().len()), (2, queries + 2));
        sandbox.clear_faults();
    }
    sandbox.clock().advance(Duration::from_secs(31 * 24 * 3600));
    let error = finished.download(directory.join("never.mp4")).await.unwrap_err();
    assert!(error.hint().unwrap().contains("30 days"), "{error}");

    sandbox.respond_next(Endpoint::Get, ScriptedResponse::new(500));
    let error = finished.download(directory.join("never.mp4")).await.unwrap_err();
    assert_eq!(error.http_status(), Some(403));
    assert!(error.message().contains("the task gave no fresh URL"), "{error}");
    assert_eq!(files_at(&directory.join("x")), ["401.mp4", "403.mp4", "404.mp4", "410.mp4"]);
}

/// The response for a task with these videos.
fn with_videos(videos: &[(&str, &str)]) -> ScriptedResponse {
    let videos: Vec<_> =
        videos.iter().map(|(id, url)| serde_json::json!({"id": id, "url": url, "duration": "5.1"})).collect();
    let task = serde_json::json!({"task_id": "7", "task_status": "succeed", "task_result": {"videos": videos}});
    ScriptedResponse::new(200).body(serde_json::json!({"code": 0, "data": task}).to_string())
}

#[tokio::test]
async fn among_several_videos_one_must_be_chosen_and_stays_the_chosen_one_when_urls_change() {
    let (sandbox, of_sandbox, _) = sandbox().await;
    let client = support::client(&sandbox).clock(Jumping::over(sandbox.clock())).build().unwrap();
    let good = &of_sandbox.outputs()[0].url;
    let expired = format!("{good}0");
    sandbox.respond_next(Endpoint::Get, with_videos(&[("a", &expired), ("b", &expired)]));
    let finished = client.task(support::OPERATION, "7").unwrap().wait().await.unwrap();
    let target = directory("several").join("cat.mp4");

    for (error, given) in [
        (finished.download(&target).await.unwrap_err(), "given nothing"),
        (finished.download(&target).output(2).await.unwrap_err(), "given 2"),
        (finished.bytes_stream().try_next().await.unwrap_err(), "given nothing"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let shown = error.to_string();
        for part in ["0 (video with id \"a\", 5.1s)", "1 (video with id \"b\", 5.1s)", given] {
            assert!(shown.contains(part), "{shown}");
        }
        assert_silent(&error);
    }
    assert!(sandbox.video_requests().is_empty());

    // Asked again, the API tells them in another order: `a` is the one with the good URL.
    sandbox.respond_next(Endpoint::Get, with_videos(&[("b", &expired), ("a", good)]));
    finished.download(&target).output(0).await.unwrap();
    assert_whole(&target, &sandbox);
    sandbox.respond_next(Endpoint::Get, with_videos(&[("c", &expired), ("d", good)]));
    finished.download(&target).output(1).overwrite(true).await.unwrap();
    sandbox.respond_next(Endpoint::Get, with_videos(&[("c", &expired)]));
    let error = finished.download(&target).output(1).overwrite(true).await.unwrap_err();
    assert!(error.message().contains("no longer has this output"), "{error}");
}

/// A small file of each format: the index of its output, its extension, its bytes, and whether its end shows a cut.
fn files() -> Vec<(usize, &'static str, Vec<u8>, bool)> {
    let png = [&b"\x89PNG\r\n\x1a\n\0\0\0\0IDAT1234"[..], b"\0\0\0\0IEND\xae\x42\x60\x82"].concat();
    let riff = |kind: &[u8]| [b"RIFF\x14\0\0\0", kind, &[7; 16]].concat();
    vec![
        (0, "mp4", short_film().to_vec(), true),
        (1, "png", png, true),
        (1, "jpg", [&b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01"[..], &[7; 60], b"\xff\xd9"].concat(), true),
        (1, "webp", riff(b"WEBP"), true),
        (2, "wav", riff(b"WAVE"), true),
        (2, "m4a", short_film().to_vec(), true),
        (2, "mp3", [&b"ID3\x04\0\0\0\0\0\x23TSSE"[..], &[7; 60]].concat(), false),
    ]
}

/// The response for a task with a video, an image and a sound.
fn each_kind(url: &str) -> ScriptedResponse {
    let result = serde_json::json!({
        "videos": [{"id": "v/1", "url": url, "duration": "5.1"}],
        "images": [{"index": 0, "url": url.replace(".mp4", ".webp")}],
        "audios": [{"id": "a", "url_mp3": url, "url_wav": format!("{url}&wav"), "duration_mp3": "5.1"}],
    });
    let task = serde_json::json!({"task_id": "7", "task_status": "succeed", "task_result": result});
    ScriptedResponse::new(200).body(serde_json::json!({"code": 0, "data": task}).to_string())
}

async fn with_each_kind(sandbox: &Sandbox, url: &str) -> FinishedTask {
    let client = support::client(sandbox).clock(Jumping::over(sandbox.clock())).build().unwrap();
    sandbox.respond_next(Endpoint::Get, each_kind(url));
    client.task(support::OPERATION, "7").unwrap().wait().await.unwrap()
}

#[tokio::test]
async fn an_output_of_any_kind_is_whole_by_its_own_structure_or_requested_once_more() {
    let (sandbox, of_sandbox, _) = sandbox().await;
    let finished = with_each_kind(&sandbox, &of_sandbox.outputs()[0].url).await;
    let directory = directory("kinds");
    for (index, extension, file, shows_cuts) in files() {
        let target = directory.join(format!("{index}.{extension}"));
        let answer = |bytes: &[u8]| ScriptedResponse::new(200).body(bytes.to_vec());
        let before = sandbox.video_requests().len();
        sandbox.respond_next(Endpoint::Video, answer(&file[..file.len() - 1]));
        if shows_cuts {
            sandbox.respond_next(Endpoint::Video, answer(&file));
        }
        finished.download(&target).output(index).await.unwrap();
        let expected = if shows_cuts { &file[..] } else { &file[..file.len() - 1] };
        assert_same(&std::fs::read(&target).unwrap(), expected);
        let requests = asked(&sandbox.video_requests()[before..]);
        assert_eq!(requests, if shows_cuts { vec![(0, false), (0, true)] } else { vec![(0, false)] }, "{extension}");

        sandbox.respond_next(Endpoint::Video, answer(&file));
        let pieces: Vec<Bytes> = finished.bytes_stream().output(index).try_collect().await.unwrap();
        assert_same(&pieces.concat(), &file);
    }
}

#[tokio::test]
async fn a_cut_image_is_resumed_and_a_file_of_another_kind_or_a_page_is_refused() {
    let (sandbox, of_sandbox, _) = sandbox().await;
    let finished = with_each_kind(&sandbox, &of_sandbox.outputs()[0].url).await;
    let target = directory("image").join("cat.jpg");
    let image = [&b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01"[..], &[7; 60_000], b"\xff\xd9"].concat();
    let whole = ScriptedResponse::new(200).header("etag", "\"i\"").body(image.clone());
    sandbox.fault_next(Endpoint::Video, Fault::response(whole).cut_after(9_000));
    sandbox.fault_always(Endpoint::Video, Fault::hang_up());
    let error = finished.download(&target).output(1).await.unwrap_err();
    let kept = std::fs::metadata(part_of(&target)).unwrap().len();
    assert!(kept > 8_000 && error.hint().unwrap().contains(&format!("{kept} bytes are kept in")), "{error}");
    assert!(std::error::Error::source(&error).is_some_and(|source| source.is::<reqwest::Error>()), "{error}");

    sandbox.clear_faults();
    let rest =
        ScriptedResponse::new(206).header("content-range", format!("bytes {kept}-{}/{}", image.len() - 1, image.len()));
    sandbox.respond_next(Endpoint::Video, rest.body(image[kept as usize..].to_vec()));
    finished.download(&target).output(1).await.unwrap();
    assert_same(&std::fs::read(&target).unwrap(), &image);

    let html = || ScriptedResponse::new(200).body("<!doctype html><p>Sign in</p>");
    for (index, answer, said) in [
        (0, ScriptedResponse::new(200).body(image.clone()), "sent a JPEG image instead of an MP4 video"),
        (1, ScriptedResponse::new(200).body(short_film()), "sent an MP4 instead of an image"),
        (2, ScriptedResponse::new(200).body(image.clone()), "sent a JPEG image instead of a sound"),
        (1, html(), "sent HTML instead of an image, also to a fresh URL"),
        (2, html(), "sent HTML instead of a sound, also to a fresh URL"),
    ] {
        sandbox.fault_always(Endpoint::Video, Fault::response(answer));
        sandbox.respond_next(Endpoint::Get, each_kind(&of_sandbox.outputs()[0].url));
        let error = finished.bytes_stream().output(index).try_next().await.unwrap_err();
        assert!(error.message().contains(said), "{error}");
        assert_silent(&error);
        sandbox.clear_faults();
    }
}

#[tokio::test]
async fn all_outputs_are_downloaded_to_the_paths_of_a_template_or_none() {
    let (sandbox, of_sandbox, _) = sandbox().await;
    let finished = with_each_kind(&sandbox, &of_sandbox.outputs()[0].url).await;
    let directory = directory("all");
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    for (template, said) in [
        (path("same.mp4"), "template: expected a path of its own for each output"),
        (path("{index}-{name}"), "given {name}"),
    ] {
        let error = finished.download_all(&template).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(said), "{error}");
    }
    assert!(sandbox.video_requests().is_empty());

    let wanted: Vec<_> = files().into_iter().filter(|(_, ext, ..)| ["mp4", "webp", "mp3"].contains(ext)).collect();
    for (_, _, file, _) in &wanted {
        sandbox.respond_next(Endpoint::Video, ScriptedResponse::new(200).body(file.clone()));
    }
    let written = finished.download_all(path("{index}-{kind}-{id}.{ext}")).await.unwrap();
    let names = ["0-video-v_1.mp4", "1-image-1.webp", "2-audio-a.mp3"];
    assert_eq!(written, names.map(|name| directory.join(name)));
    for (path, (_, _, file, _)) in written.iter().zip(&wanted) {
        assert_same(&std::fs::read(path).unwrap(), file);
    }
    assert_eq!(files_at(&directory.join("x")), names);
}

#[tokio::test]
async fn of_a_sound_in_two_formats_the_path_chooses_and_the_operations_only_video_needs_no_choice() {
    let (sandbox, of_sandbox, _) = sandbox().await;
    let finished = with_each_kind(&sandbox, &of_sandbox.outputs()[0].url).await;
    let directory = directory("formats");
    for (name, index, is_wav) in [("a.wav", Some(2), true), ("a.mp3", Some(2), false), ("a.mp4", None, false)] {
        let (.., file, _) = files().into_iter().find(|(_, extension, ..)| name.ends_with(extension)).unwrap();
        sandbox.respond_next(Endpoint::Video, ScriptedResponse::new(200).body(file));
        let download = finished.download(directory.join(name));
        match index {
            Some(index) => download.output(index).await.unwrap(),
            None => download.await.unwrap(),
        };
        assert_eq!(sandbox.video_requests().pop().unwrap().query.unwrap().contains("wav"), is_wav, "{name}");
    }
}

#[tokio::test]
async fn a_success_without_an_output_of_the_operations_kind_is_polled_on_and_then_an_error() {
    let (sandbox, _, _) = sandbox().await;
    let client = support::client(&sandbox).clock(Jumping::over(sandbox.clock())).build().unwrap();
    let cover = r#"{"code":0,"data":{"task_id":"7","task_status":"succeed","task_result":{"images":[{"url":"https://cdn.example/a.png"}]}}}"#;
    sandbox.fault_always(Endpoint::Get, Fault::response(ScriptedResponse::new(200).body(cover)));
    let before = sandbox.requests().len();
    let error = client.task(support::OPERATION, "7").unwrap().wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    assert!(error.message().contains("still has no output"), "{error}");
    assert!(sandbox.requests().len() - before > 2);
}

#[tokio::test]
async fn a_file_of_another_format_leaves_nothing_behind() {
    let (sandbox, finished, _) = sandbox().await;
    let target = directory("no_video").join("cat.mp4");
    for (fault, said) in [
        ("video-gzip", "not requested (gzip)"),
        ("video-webm", "a WebM or Matroska video instead of an MP4 video"),
        ("video-mov", "a QuickTime movie (MOV) without a brand instead of"),
        ("video-gif", "a GIF instead of an MP4 video"),
        ("video-private", "10.0.0.1 is a private address"),
        ("301-itself", "too many redirects"),
    ] {
        sandbox.fault_always(Endpoint::Video, video(fault));
        let before = sandbox.video_requests().len();
        let error = finished.download(&target).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
        assert!(error.message().contains(said), "{error}");
        assert_silent(&error);
        assert!(fault == "301-itself" || sandbox.video_requests().len() - before == 1, "it is not asked again");
        assert!(finished.bytes_stream().next().await.unwrap().is_err());
        assert!(files_at(&target).is_empty());
        sandbox.clear_faults();
    }
    for body in ["short", "0000moov"] {
        sandbox.respond_next(Endpoint::Video, ScriptedResponse::new(200).body(body));
        assert!(finished.download(&target).await.unwrap_err().message().contains("instead of an MP4 video"));
        assert!(files_at(&target).is_empty());
    }
    for (status, location) in [(302, "http://example.com/cat.mp4"), (307, "https://localhost.:1/cat.mp4")] {
        sandbox.respond_next(Endpoint::Video, ScriptedResponse::redirect(status, location));
        assert_eq!(finished.download(&target).await.unwrap_err().kind(), ErrorKind::UnexpectedResponse);
    }
}

/// What requests for the video said: where they began, and whether they passed caches by.
fn asked(requests: &[Received]) -> Vec<(u64, bool)> {
    let fresh = |request: &Received| named(request, &http::header::CACHE_CONTROL) == Some("no-cache");
    requests.iter().map(|request| (start(named(request, &RANGE)), fresh(request))).collect()
}

#[tokio::test]
async fn an_end_is_believed_only_if_the_boxes_agree_and_else_the_whole_is_requested_once_more() {
    for (faults, expected) in [
        (&["video-short-length"][..], &[(0, false), (0, true)][..]),
        (&["video-short-length+no-header:etag"], &[(0, false), (0, true)]),
        (&["video-truncated"], &[(0, false), (10_000, true)]),
        (&["video-truncated+no-header:etag"], &[(0, false), (0, true)]),
        (&["video-truncated", "video-416-complete"], &[(0, false), (10_000, true), (0, true)]),
        (&["video-truncated", "video-truncated", "none"], &[(0, false), (10_000, true), (20_000, true)]),
        (&["video-short-length", "none+cut:20000"], &[(0, false), (0, true), (19_000, true)]),
        (&["video-no-length"], &[(0, false)]),
        (&["video-206"], &[(0, false)]),
        (&["none+header:content-encoding=gzip"], &[(0, false)]),
    ] {
        let (sandbox, finished, _) = sandbox().await;
        let target = directory("boxes").join("cat.mp4");
        faults.iter().for_each(|fault| sandbox.fault_next(Endpoint::Video, video(fault)));
        finished.download(&target).await.unwrap();
        assert_whole(&target, &sandbox);
        assert_eq!(files_at(&target), ["cat.mp4"]);
        // Where a cut falls is up to the length of the head.
        let asked = asked(&sandbox.video_requests()).into_iter();
        let asked: Vec<_> = asked.map(|(start, fresh)| (start / 1000 * 1000, fresh)).collect();
        assert_eq!(asked, expected, "{faults:?}");
    }
}

#[tokio::test]
async fn a_video_that_stays_cut_is_kept_as_a_part_and_fetched_whole_by_the_next_download() {
    for (fault, requests) in [
        ("video-short-length", 2),
        ("video-short-length+no-header:etag", 2),
        ("video-truncated+ignore-range", 3),
        ("video-truncated+no-header:etag", 2),
    ] {
        let (sandbox, finished, _) = sandbox().await;
        let target = directory("stays_cut").join("cat.mp4");
        sandbox.fault_always(Endpoint::Video, video(fault));
        let error = finished.download(&target).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::UnexpectedResponse, true), "{fault}: {error}");
        assert!(error.message().contains("not whole: of 10000 bytes, its box `mdat`"), "{fault}: {error}");
        let kept = format!("10000 bytes are kept in {}", part_of(&target).display());
        assert!(error.hint().unwrap().contains(&kept), "{fault}: {error}");
        assert_silent(&error);
        assert_eq!(sandbox.video_requests().len(), requests, "{fault}");
        assert!(!target.exists());

        // What an announced length calls complete is not believed by the next one either.
        sandbox.clear_faults();
        taken_up(&sandbox).await.download(&target).await.unwrap();
        assert_whole(&target, &sandbox);
        assert_eq!(files_at(&target), ["cat.mp4"]);
    }
}

#[tokio::test]
async fn a_stream_of_a_video_that_is_not_whole_ends_with_an_error() {
    let (sandbox, finished, _) = sandbox().await;
    for (fault, requests, is_whole) in [
        ("video-short-length", 2, false),
        ("video-short-length+no-header:etag", 1, false),
        ("video-truncated+ignore-range", 3, false),
        ("video-truncated+no-header:etag", 1, false),
        ("video-truncated", 4, true),
    ] {
        let before = sandbox.video_requests().len();
        sandbox.fault_always(Endpoint::Video, video(fault));
        let mut stream = finished.bytes_stream();
        let mut bytes = Vec::new();
        let ended = loop {
            match stream.next().await {
                Some(Ok(piece)) => bytes.extend_from_slice(&piece),
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        };
        let film = sandbox.video_bytes();
        assert_same(&bytes, if is_whole { &film } else { &film[..10_000] });
        assert_eq!(ended.is_none(), is_whole, "{fault}: {ended:?}");
        assert!(ended.is_none_or(|error| error.message().contains("is not whole")), "{fault}");
        assert_eq!(sandbox.video_requests().len() - before, requests, "{fault}");
    }
    // What begins on the second attempt is handed on once.
    sandbox.clear_faults();
    sandbox.fault_next(Endpoint::Video, video("video-short-length"));
    let pieces: Vec<Bytes> = finished.bytes_stream().try_collect().await.unwrap();
    assert_same(&pieces.concat(), &sandbox.video_bytes());
}

#[tokio::test]
async fn a_video_that_is_not_ready_yet_is_requested_again_after_a_pause() {
    let (sandbox, finished, clock) = sandbox().await;
    let target = directory("not_ready").join("cat.mp4");
    let queries = sandbox.requests().len();
    for (fault, status) in [
        ("video-202", 202),
        ("video-202+retry-after:3", 202),
        ("video-204", 204),
        ("video-425", 425),
        ("video-400-json", 400),
        ("video-empty", 200),
        ("video-no-length+end:0", 200),
    ] {
        let pauses = clock.sleeps().len();
        sandbox.fault_next(Endpoint::Video, video(fault));
        finished.download(&target).overwrite(true).await.unwrap();
        assert_whole(&target, &sandbox);
        assert_eq!(clock.sleeps().len() - pauses, 1, "{fault}");

        sandbox.fault_always(Endpoint::Video, video(fault));
        let before = sandbox.video_requests().len();
        let error = finished.download(&target).overwrite(true).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.http_status()),
            (ErrorKind::UnexpectedResponse, Some(status)),
            "{fault}: {error}"
        );
        assert!(error.is_retryable(), "{fault}: {error}");
        assert_eq!(sandbox.video_requests().len() - before, 5, "{fault}");
        assert_whole(&target, &sandbox);
        sandbox.clear_faults();
    }
    assert_eq!(sandbox.requests().len(), queries, "no fresh URL is asked for");
}

#[tokio::test]
async fn a_page_in_the_place_of_a_video_means_an_expired_url() {
    let (sandbox, finished, _) = sandbox().await;
    let target = directory("pages").join("cat.mp4");
    for (fault, status, said) in [
        ("video-400-xml", 400, "responded 400"),
        ("video-xml", 200, "XML instead of an MP4 video"),
        ("video-json", 200, "JSON instead of an MP4 video"),
        ("video-html", 200, "HTML instead of an MP4 video"),
    ] {
        let queries = sandbox.requests().len();
        sandbox.fault_next(Endpoint::Video, video(fault));
        finished.download(&target).await.unwrap();
        assert_whole(&target, &sandbox);
        assert_eq!(sandbox.requests().len(), queries + 1, "{fault}");
        std::fs::remove_file(&target).unwrap();

        sandbox.fault_always(Endpoint::Video, video(fault));
        let before = sandbox.video_requests().len();
        let error = finished.download(&target).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.http_status()),
            (ErrorKind::UnexpectedResponse, Some(status)),
            "{fault}: {error}"
        );
        assert!(error.message().contains(said), "{fault}: {error}");
        assert!(error.message().contains("also to a fresh URL"), "{fault}: {error}");
        assert_silent(&error);
        assert_eq!(sandbox.video_requests().len() - before, 2, "{fault}");
        assert!(files_at(&target).is_empty());
        sandbox.clear_faults();
    }
}

#[tokio::test]
async fn a_video_without_a_length_is_fetched_up_to_a_limit() {
    for (fault, limit, fits) in [
        ("video-no-length", 33_087, true),
        ("video-no-length", 33_086, false),
        ("none", 20_000, true),
        ("none+no-header:content-length", 20_000, false),
    ] {
        let (sandbox, _, _) = sandbox().await;
        let client = support::client(&sandbox).clock(Jumping::over(sandbox.clock())).download_limit(limit);
        let finished = finished(&client.build().unwrap()).await;
        sandbox.fault_always(Endpoint::Video, video(fault));
        let target = directory("limit").join("cat.mp4");
        match finished.download(&target).await {
            Ok(_) => assert_whole(&target, &sandbox),
            Err(ref error) => {
                assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
                assert!(error.message().contains("no length and sent more than"), "{error}");
                assert!(error.hint().unwrap().contains("download_limit"), "{error}");
            }
        }
        assert_eq!(target.exists(), fits, "{fault} {limit}");
        assert_eq!(sandbox.video_requests().len(), 1, "{fault} {limit}");
    }
}

/// Which of a sandbox's requests for a video had the key, and from where on they asked.
fn keyed(sandbox: &Sandbox) -> Vec<(bool, u64)> {
    let requests = sandbox.requests().into_iter().filter(|request| request.operation == Some(Endpoint::Video));
    requests.map(|request| (request.headers.contains_key(AUTHORIZATION), start(named(&request, &RANGE)))).collect()
}

#[tokio::test]
async fn the_gateways_own_url_that_refuses_without_the_key_is_requested_with_it_also_for_the_rest() {
    let (sandbox, finished, _) = sandbox_with(Sandbox::builder().videos_behind_key(true)).await;
    let target = directory("behind_key").join("cat.mp4");
    sandbox.fault_next(Endpoint::Video, Fault::none());
    sandbox.fault_next(Endpoint::Video, Fault::cut_response(10_000));
    finished.download(&target).await.unwrap();
    assert_whole(&target, &sandbox);
    let requests = keyed(&sandbox);
    assert_eq!(requests[..2], [(false, 0), (true, 0)]);
    assert!(matches!(requests[2..], [(true, 9_000..10_000)]), "{requests:?}");

    let pieces: Vec<Bytes> = finished.bytes_stream().try_collect().await.unwrap();
    assert_same(&pieces.concat(), &sandbox.video_bytes());

    for status in [401, 403] {
        let before = keyed(&sandbox).len();
        sandbox.fault_always(Endpoint::Video, video(&format!("video-{status}")));
        let error = finished.download(&target).overwrite(true).await.unwrap_err();
        assert_eq!((error.kind(), error.http_status()), (ErrorKind::UnexpectedResponse, Some(status)));
        assert_eq!(keyed(&sandbox)[before..], [(false, 0), (true, 0), (false, 0), (true, 0)]);
        sandbox.clear_faults();
    }
    // No other refusal is answered with the key.
    for fault in ["video-404", "video-400-xml", "video-html"] {
        let before = keyed(&sandbox).len();
        sandbox.fault_always(Endpoint::Video, video(fault));
        finished.download(&target).overwrite(true).await.unwrap_err();
        assert_eq!(keyed(&sandbox)[before..], [(false, 0), (false, 0)], "{fault}");
        sandbox.clear_faults();
    }
}

#[tokio::test]
async fn where_the_gateways_own_url_redirects_to_is_fetched_without_the_key() {
    let (sandbox, finished, _) = sandbox_with(Sandbox::builder().videos_behind_key(true)).await;
    // With the same key, for which it watches.
    let builder = Sandbox::builder().key(sandbox.api_key());
    let (store, elsewhere, _) = sandbox_with(builder).await;
    let url = &elsewhere.outputs()[0].url;
    let target = directory("redirected").join("cat.mp4");
    for answer in
        [ScriptedResponse::new(401), ScriptedResponse::redirect(302, url), ScriptedResponse::redirect(307, url)]
    {
        sandbox.respond_next(Endpoint::Video, answer);
    }
    store.fault_next(Endpoint::Video, Fault::cut_response(10_000));
    finished.download(&target).await.unwrap();
    assert_whole(&target, &store);
    let requests = keyed(&sandbox);
    assert_eq!(requests.iter().map(|(keyed, _)| *keyed).collect::<Vec<_>>(), [false, true, true]);
    let starts: Vec<_> = ranges(&store).iter().map(|range| start(range.as_deref())).collect();
    assert_eq!(starts, [0, requests[2].1]);
    store.assert_key_never_leaked();

    // A redirect to a private address, or back to itself, gets nothing.
    let own = &finished.outputs()[0].url;
    for (location, said) in [("https://10.0.0.1/cat.mp4", "private address"), (own, "also to a fresh URL")] {
        sandbox.clear_faults();
        for _ in 0..2 {
            sandbox.respond_next(Endpoint::Video, ScriptedResponse::new(401));
            sandbox.respond_next(Endpoint::Video, ScriptedResponse::redirect(302, location));
            sandbox.respond_next(Endpoint::Video, ScriptedResponse::new(401));
        }
        let error = finished.download(&target).overwrite(true).await.unwrap_err();
        assert!(error.message().contains(said), "{location}: {error}");
    }
}

#[tokio::test]
async fn the_key_goes_to_no_url_but_the_tasks_own_on_the_gateway() {
    let (gateway, _, _) = sandbox_with(Sandbox::builder().videos_behind_key(true)).await;
    let own = format!("{}/v1/videos/{}/content", gateway.base_url(), gateway.tasks()[0].id);
    let (sandbox, _, _) = sandbox_with(Sandbox::builder().key(gateway.api_key())).await;
    let client = |base: &str| {
        let builder = Client::builder(gateway.api_key()).base_url(base).expected(support::EXPECTED).max_attempts(1);
        builder.clock(Jumping::over(gateway.clock())).build().unwrap()
    };
    // A URL of another origin that redirects to the gateway's own.
    let at_store = format!("{}/cat.mp4", gateway.video_origin());
    let lead = || gateway.respond_next(Endpoint::Video, ScriptedResponse::redirect(302, &own));
    // Another host, and the gateway's own under another name.
    let other_name = own.replace("127.0.0.1", "localhost");
    for (asked, url, redirects) in
        [(&gateway, &at_store, true), (&sandbox, &own, false), (&gateway, &other_name, false)]
    {
        for _ in 0..2 {
            asked.respond_next(Endpoint::Get, with_videos(&[("a", url)]));
        }
        if redirects {
            lead();
        }
        let before = keyed(&gateway).len();
        let finished = client(asked.base_url()).task(support::OPERATION, "7").unwrap().wait().await.unwrap();
        let error = finished.bytes_stream().next().await.unwrap().unwrap_err();
        assert!(error.http_status().is_some_and(|status| matches!(status, 401 | 403)), "{url}: {error}");
        let requests = keyed(&gateway).split_off(before);
        assert!(!requests.is_empty() && requests.iter().all(|(keyed, _)| !keyed), "{url}: {requests:?}");
    }
    gateway.assert_key_never_leaked();
}

#[tokio::test]
async fn a_private_url_is_refused_before_any_request_unless_the_caller_allows_it() {
    let (sandbox, _, _) = sandbox().await;
    // Nobody listens there, whatever is allowed.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let within = format!("https://[::ffff:127.0.0.1]:{closed}/a.mp4");
    for (allowed, kind, said) in [
        (false, ErrorKind::UnexpectedResponse, "is a loopback address"),
        (true, ErrorKind::Network, "after 5 requests"),
    ] {
        let clock = Jumping::over(sandbox.clock());
        let client = support::client(&sandbox).clock(clock).private_addresses(allowed).build().unwrap();
        sandbox.respond_next(Endpoint::Get, with_videos(&[("a", &within)]));
        let finished = client.task(support::OPERATION, "7").unwrap().wait().await.unwrap();
        let error = finished.bytes_stream().next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(said), "{error}");
        assert_silent(&error);
    }
}

#[tokio::test]
async fn an_existing_target_is_kept_by_default_also_if_it_appears_meanwhile() {
    let (sandbox, finished, _) = sandbox().await;
    let target = directory("kept").join("cat.mp4");
    std::fs::write(&target, "mine").unwrap();
    let error = finished.download(&target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(error.message().contains("exists and was kept"), "{error}");
    assert!(sandbox.video_requests().is_empty());
    finished.download(&target).overwrite(true).await.unwrap();
    assert_whole(&target, &sandbox);

    std::fs::remove_file(&target).unwrap();
    sandbox.fault_next(Endpoint::Video, video("slow-answer:9000/100000"));
    let download = tokio::spawn(finished.download(&target).into_future());
    sandbox.until(|sandbox| sandbox.clock().sleepers() > 0).await;
    std::fs::write(&target, "mine").unwrap();
    let error = while_time_passes(&sandbox, 100_000, async { download.await.unwrap() }).await.unwrap_err();
    assert!(error.message().contains("exists and was kept"), "{error}");
    assert!(error.hint().unwrap().contains("33087 bytes are kept in"), "{error}");
    assert_eq!(std::fs::read(&target).unwrap(), b"mine");

    let before = sandbox.video_requests().len();
    finished.download(&target).overwrite(true).await.unwrap();
    assert_whole(&target, &sandbox);
    assert_eq!(sandbox.video_requests().len(), before, "all of it was here");
}

#[tokio::test]
async fn of_two_downloads_to_one_target_the_second_fails_and_the_first_goes_on() {
    let (sandbox, finished, _) = sandbox().await;
    let target = directory("two").join("cat.mp4");
    sandbox.fault_next(Endpoint::Video, video("slow-answer:9000/100000"));
    let first = tokio::spawn(finished.download(&target).into_future());
    sandbox.until(|sandbox| sandbox.clock().sleepers() > 0).await;
    let error = taken_up(&sandbox).await.download(&target).overwrite(true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(error.message().contains("another download is writing"), "{error}");
    assert!(error.hint().unwrap().contains("let it end"), "{error}");
    while_time_passes(&sandbox, 100_000, async { first.await.unwrap() }).await.unwrap();
    assert_whole(&target, &sandbox);
    assert_eq!(files_at(&target), ["cat.mp4"]);
}

#[tokio::test]
async fn an_impossible_target_is_an_error_with_its_path_and_the_next_step() {
    let (sandbox, finished, _) = sandbox().await;
    let directory = directory("impossible");
    std::fs::create_dir_all(directory.join("here.mp4")).unwrap();
    std::fs::create_dir_all(directory.join("cat.mp4.part")).unwrap();
    std::fs::write(directory.join("file"), "").unwrap();
    for (path, said, hint) in [
        (directory.join("here.mp4"), "is a directory", "name a file in it"),
        (PathBuf::from(format!("{}/new/", directory.display())), "is a directory", "name a file in it"),
        (PathBuf::new(), "no name of a file", "name a file in it"),
        (directory.join(".."), "is a directory", "name a file in it"),
        (directory.join("missing/cat.mp4"), "has no directory", "make the directory"),
        (directory.join("file/cat.mp4"), "has no directory", "make the directory"),
        #[cfg(target_os = "linux")]
        (directory.join("cat.mp4"), "is a directory", "remove it"),
        // Nobody may make files there, root neither.
        #[cfg(target_os = "linux")]
        (PathBuf::from("/sys/kernel/cat.mp4"), "may not be written", "permissions"),
    ] {
        let error = finished.download(&path).overwrite(true).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other, "{error}");
        assert!(error.message().contains(said) && error.message().contains(&*path.to_string_lossy()), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{error}");
    }
    assert!(sandbox.video_requests().is_empty());
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_full_disk_is_an_error_that_says_so() {
    let (sandbox, finished, _) = sandbox().await;
    let target = directory("full").join("cat.mp4");
    // A device on which every write fails as on a full disk.
    std::os::unix::fs::symlink("/dev/full", part_of(&target)).unwrap();
    let error = finished.download(&target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(error.message().contains("cat.mp4.part: the disk is full"), "{error}");
    assert!(error.hint().unwrap().contains("free space"), "{error}");
    assert!(!target.exists());
    finished.download(&target).await.unwrap();
    assert_whole(&target, &sandbox);
}

const ANOTHER_PROCESS: &str = "another_process";

/// Not a test of its own: what another process runs, with what it is told by its environment.
#[tokio::test]
#[ignore = "run by other tests, in a process of its own"]
async fn another_process() {
    let told = |name| std::env::var(name).expect(name);
    let client = Client::builder(told("KLING_API_KEY"))
        .base_url(told("KLING_BASE_URL"))
        .expected(support::EXPECTED)
        .build()
        .unwrap();
    let finished = client.task(support::OPERATION, told("KLING_TEST_TASK")).unwrap().wait().await.unwrap();
    let error = finished.download(told("KLING_TEST_TARGET")).await.unwrap_err();
    println!("told: {error}");
}

/// Starts a download in another process, which may write so many kilobytes to a file.
fn process(sandbox: &Sandbox, target: &Path, most: Option<u32>) -> std::process::Child {
    let limit = most.map_or(String::new(), |most| format!("trap '' XFSZ; ulimit -f {most};"));
    std::process::Command::new("bash")
        .args(["-c", &format!("{limit} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", ANOTHER_PROCESS, "--ignored", "--nocapture"])
        .envs([("KLING_API_KEY", sandbox.api_key()), ("KLING_BASE_URL", sandbox.base_url())])
        .env("KLING_TEST_TASK", &sandbox.tasks()[0].id)
        .env("KLING_TEST_TARGET", target)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(unix)]
async fn a_killed_process_frees_its_lock_and_another_resumes_its_part() {
    let (sandbox, finished, _) = sandbox_with(Sandbox::builder().video_length(3_000_000)).await;
    let target = directory("killed").join("cat.mp4");
    sandbox.fault_next(Endpoint::Video, video("slow-answer:2000000/100000"));
    let mut process = process(&sandbox, &target, None);
    let kept = || std::fs::metadata(part_of(&target)).map_or(0, |found| found.len());
    while kept() < 1_000_000 {
        assert!(process.try_wait().unwrap().is_none(), "it ended early");
        tokio::task::yield_now().await;
    }
    let error = finished.download(&target).await.unwrap_err();
    assert!(error.message().contains("another download is writing"), "{error}");
    process.kill().unwrap();
    process.wait().unwrap();

    let kept = kept();
    finished.download(&target).await.unwrap();
    let asked = ranges(&sandbox);
    assert_eq!(asked, [None, Some(format!("bytes={kept}-"))]);
    assert_whole(&target, &sandbox);
    assert_eq!(files_at(&target), ["cat.mp4"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(unix)]
async fn bytes_that_fitted_on_the_disk_are_kept_and_resumed_when_there_is_room() {
    let (sandbox, finished, _) = sandbox_with(Sandbox::builder().video_length(3_000_000)).await;
    let target = directory("no_room").join("cat.mp4");
    let process = process(&sandbox, &target, Some(1000));
    let output = tokio::task::spawn_blocking(|| process.wait_with_output().unwrap()).await.unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.contains("larger files are not allowed there"), "{output}");
    assert!(output.contains("1024000 bytes are kept in"), "{output}");

    finished.download(&target).await.unwrap();
    assert_eq!(ranges(&sandbox), [None, Some("bytes=1024000-".to_owned())]);
    assert_whole(&target, &sandbox);
}

#[tokio::test]
async fn a_dropped_download_is_resumed_by_the_next() {
    let (sandbox, finished, _) = sandbox_with(Sandbox::builder().video_length(3_000_000)).await;
    let target = directory("dropped").join("cat.mp4");
    sandbox.fault_next(Endpoint::Video, video("slow-answer:2000000/100000"));
    let download = tokio::spawn(finished.download(&target).into_future());
    while std::fs::metadata(part_of(&target)).map_or(0, |found| found.len()) < 1_000_000 {
        tokio::task::yield_now().await;
    }
    download.abort();
    assert!(download.await.unwrap_err().is_cancelled());
    // A write that was under way holds the lock until it is done.
    while let Err(error) = finished.download(&target).await {
        assert!(error.message().contains("another download is writing"), "{error}");
    }
    let asked = start(ranges(&sandbox)[1].as_deref());
    assert!((1_000_000..2_000_000).contains(&asked), "{asked}");
    assert_whole(&target, &sandbox);
}

#[tokio::test]
async fn progress_reaches_the_last_byte_and_counts_the_bytes_of_an_earlier_download() {
    let (sandbox, finished, _) = sandbox().await;
    let target = directory("progress").join("cat.mp4");
    let seen: Arc<Mutex<Vec<DownloadProgress>>> = Arc::default();
    let see = || {
        let seen = seen.clone();
        move |now| seen.lock().unwrap().push(now)
    };
    sandbox.fault_next(Endpoint::Video, cut_at(&sandbox, &finished, 10_000).await);
    sandbox.fault_always(Endpoint::Video, video("video-404"));
    finished.download(&target).on_progress(see()).await.unwrap_err();
    let last = *seen.lock().unwrap().last().unwrap();
    assert_eq!((last.bytes, last.total), (10_000, Some(33_087)));
    seen.lock().unwrap().clear();

    sandbox.clear_faults();
    finished.download(&target).on_progress(see()).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.is_sorted_by_key(|now| now.bytes) && seen[0].bytes > 10_000, "{seen:?}");
    assert_eq!(seen.last().unwrap().bytes, 33_087);
}

#[tokio::test]
async fn a_stream_never_hands_on_a_byte_twice_nor_one_of_another_video() {
    let (sandbox, finished, _) = sandbox().await;
    for (fault, goes_on) in [
        ("none", true),
        ("video-ignores-range", true),
        ("video-glued", true),
        ("video-wrong-range", true),
        ("video-changed", false),
        ("video-no-etag+ignore-range", false),
    ] {
        let cut = cut_at(&sandbox, &finished, 10_000).await;
        sandbox.fault_next(Endpoint::Video, cut);
        sandbox.fault_next(Endpoint::Video, video(fault));
        let mut stream = finished.bytes_stream();
        let (mut bytes, mut failed) = (Vec::new(), None);
        while let Some(item) = stream.next().await {
            match item {
                Ok(piece) => bytes.extend_from_slice(&piece),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            None => assert_same(&bytes, &sandbox.video_bytes()),
            Some(ref error) => {
                assert_same(&bytes, &sandbox.video_bytes()[..10_000]);
                assert!(error.message().contains("resumed behind byte 10000") && error.is_retryable(), "{error}");
            }
        }
        assert_eq!(failed.is_none(), goes_on, "{fault}");
    }
}

#[tokio::test]
async fn the_origin_of_the_video_gets_neither_the_key_nor_a_referer() {
    let (sandbox, finished, _) = sandbox().await;
    let target = directory("told").join("cat.mp4");
    let url = &finished.outputs()[0].url;
    sandbox.respond_next(Endpoint::Video, ScriptedResponse::redirect(302, url));
    finished.download(&target).await.unwrap();
    let requests = sandbox.video_requests();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        for name in [AUTHORIZATION, COOKIE, REFERER, ETAG] {
            assert!(!request.headers.contains_key(&name), "{name}");
        }
        assert_eq!(named(request, &http::header::ACCEPT_ENCODING), Some("identity"));
        assert!(named(request, &http::header::USER_AGENT).unwrap().starts_with("kling-client/"));
    }
    sandbox.assert_key_never_leaked();
}

#[tokio::test]
async fn the_callers_http_settings_hold_for_the_api_and_for_downloads() {
    let (sandbox, _, _) = sandbox().await;
    let client = support::client(&sandbox)
        .clock(Jumping::over(sandbox.clock()))
        .configure_http(|http| http.user_agent("mine").redirect(reqwest::redirect::Policy::none()))
        .build()
        .unwrap();
    let mine = finished(&client).await;
    let target = directory("own_settings").join("cat.mp4");
    // A redirect is followed all the same, and checked.
    sandbox.respond_next(Endpoint::Video, ScriptedResponse::redirect(302, &mine.outputs()[0].url));
    mine.download(&target).await.unwrap();
    for received in [sandbox.video_requests().pop().unwrap(), sandbox.requests().pop().unwrap()] {
        assert_eq!(named(&received, &http::header::USER_AGENT), Some("mine"));
    }
    sandbox.assert_key_never_leaked();
}
