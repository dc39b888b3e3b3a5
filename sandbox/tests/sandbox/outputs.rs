//! The origin of the outputs: what it serves, to whom, and what it must never see.

use std::time::Duration;

use kling_sandbox::http::{HeaderMap, HeaderName};
use kling_sandbox::{Clock, Endpoint, OutputKind, ScriptedResponse, TaskPlan};

use super::*;

/// A finished task's video.
async fn video(sandbox: &Sandbox) -> String {
    let caller = Caller::new(sandbox);
    let id = caller.submit(&body()).await;
    text(&caller.task(&id).await["task_result"]["videos"][0]["url"])
}

async fn fetch(url: &str, headers: &[(&'static str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
    let mut request = reqwest::Client::new().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("the origin answers");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, answer.bytes().await.expect("a body").to_vec())
}

#[tokio::test]
async fn the_video_is_a_playable_mp4_with_its_index_in_front() {
    let sandbox = start().await;
    let (status, headers, body) = fetch(&video(&sandbox).await, &[]).await;
    assert_eq!(status, 200);
    assert_eq!(headers["content-type"], "video/mp4");
    assert_eq!(headers["accept-ranges"], "bytes");
    assert_eq!(headers["content-length"], body.len().to_string());
    assert_eq!(body, sandbox.video_bytes());
    assert!(body.len() < 60 * 1024, "{} bytes", body.len());
    assert_eq!(&body[4..12], b"ftypisom");
    let position = |box_name: &[u8]| body.windows(4).position(|window| window == box_name);
    assert!(position(b"moov") < position(b"mdat"));
    assert!(position(b"avc1").is_some());
}

#[tokio::test]
async fn a_task_has_the_outputs_of_its_plan_each_under_its_own_key() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let done = || TaskPlan::over(Duration::ZERO);
    sandbox.plan_next_task(done().outputs([OutputKind::Image; 3]));
    sandbox.plan_next_task(done().outputs([OutputKind::Video, OutputKind::Audio]));
    sandbox.plan_next_task(done().outputs([]));
    let mut results = Vec::new();
    for _ in 0..3 {
        let id = caller.submit(&body()).await;
        results.push(caller.task(&id).await["task_result"].clone());
    }
    let [images, mixed, nothing] = &results[..] else {
        panic!("{results:?}");
    };
    assert_eq!(nothing, &json!({}));
    let entries = images["images"].as_array().expect("images");
    assert_eq!(entries.iter().map(|entry| entry["index"].clone()).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(
        (mixed["videos"].as_array().map(Vec::len), mixed["audios"].as_array().map(Vec::len)),
        (Some(1), Some(1))
    );
    let audio = &mixed["audios"][0];
    assert_eq!((&audio["duration_mp3"], &audio["duration_wav"]), (&json!("3.0"), &json!("3.0")));
    assert!(audio["id"].is_string());
    for (url, content_type, bytes) in [
        (&entries[2]["url"], "image/png", sandbox.output_bytes(OutputKind::Image)),
        (&mixed["videos"][0]["url"], "video/mp4", sandbox.video_bytes()),
        (&audio["url_mp3"], "audio/mpeg", sandbox.output_bytes(OutputKind::Audio)),
        (&audio["url_wav"], "audio/wav", sandbox.wav_bytes()),
    ] {
        let (status, headers, body) = fetch(&text(url), &[]).await;
        assert_eq!((status, &headers["content-type"]), (200, &content_type.parse().expect("a header")), "{url}");
        assert!(body == bytes, "{url}: {} bytes", body.len());
    }
}

#[tokio::test]
async fn an_image_of_one_task_can_be_the_input_of_another() {
    let sandbox = start().await;
    let image = sandbox.output_bytes(OutputKind::Image);
    Caller::new(&sandbox).submit(&body_of(&[&image])).await;
}

#[tokio::test]
async fn ranges_put_together_are_the_video() {
    let sandbox = start().await;
    let url = video(&sandbox).await;
    let length = sandbox.video_bytes().len();
    let (_, headers, _) = fetch(&url, &[]).await;
    let etag = headers["etag"].to_str().expect("a text").to_owned();

    let (status, first_headers, mut whole) = fetch(&url, &[("range", "bytes=0-9999")]).await;
    assert_eq!((status, whole.len()), (206, 10_000));
    assert_eq!(first_headers["content-range"], format!("bytes 0-9999/{length}"));
    let (status, _, rest) = fetch(&url, &[("range", "bytes=10000-"), ("if-range", &etag)]).await;
    assert_eq!(status, 206);
    whole.extend(rest);
    assert_eq!(whole, sandbox.video_bytes());

    let (status, _, body) = fetch(&url, &[("range", "bytes=10000-"), ("if-range", "\"other\"")]).await;
    assert_eq!((status, body.len()), (200, length), "it has changed: start again");
    let (status, headers, body) = fetch(&url, &[("range", &format!("bytes={length}-"))]).await;
    assert_eq!((status, body.len()), (416, 0));
    assert_eq!(headers["content-range"], format!("bytes */{length}"));
}

#[tokio::test]
async fn another_video_has_another_etag() {
    let sandbox = start().await;
    let other = Sandbox::builder().video(vec![7; 1000]).start().await.expect("it starts");
    let (_, ours, _) = fetch(&video(&sandbox).await, &[]).await;
    let (_, theirs, body) = fetch(&video(&other).await, &[]).await;
    assert_eq!(body, [7; 1000]);
    assert_ne!(ours["etag"], theirs["etag"]);
}

#[tokio::test]
async fn a_body_ends_where_its_fault_says_and_then_has_no_length() {
    let sandbox = start().await;
    let (url, film) = (video(&sandbox).await, sandbox.video_bytes());
    for (fault, end) in [("video-truncated", 10_000), ("none+end:0", 0), ("video-no-length", film.len())] {
        sandbox.fault_next(Endpoint::Video, fault.parse().expect("a fault"));
        let (status, headers, body) = fetch(&url, &[]).await;
        assert_eq!((status, headers.contains_key("content-length")), (200, false), "{fault}");
        assert!(body == film[..end], "{fault}: {} bytes", body.len());
    }
}

#[tokio::test]
async fn a_video_behind_the_key_is_served_by_the_api_to_its_key_alone() {
    let sandbox = Sandbox::builder().videos_behind_key(true).clock(Clock::manual()).start().await.expect("it starts");
    let authorization = format!("Bearer {}", sandbox.api_key());
    let url = video(&sandbox).await;
    assert!(url.starts_with(sandbox.base_url()), "{url}");
    assert_eq!(fetch(&url, &[]).await.0, 401);
    let (status, _, body) = fetch(&url, &[("authorization", &authorization)]).await;
    assert_eq!((status, body), (200, sandbox.video_bytes().to_vec()));
    let range = [("authorization", &*authorization), ("range", "bytes=7-9")];
    assert_eq!(fetch(&url, &range).await.2, sandbox.video_bytes()[7..10]);
    assert_eq!(sandbox.requests().last().expect("a request").operation, Some(Endpoint::Video));

    let unknown = format!("{}/v1/videos/7/content", sandbox.base_url());
    assert_eq!(fetch(&unknown, &[("authorization", &authorization)]).await.0, 400);
    sandbox.plan_next_task(TaskPlan::over(Duration::from_secs(60)));
    let id = Caller::new(&sandbox).submit(&super::body()).await;
    let early = format!("{}/v1/videos/{id}/content", sandbox.base_url());
    let (status, _, body) = fetch(&early, &[("authorization", &authorization)]).await;
    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((status, &body["error"]["type"]), (400, &"invalid_request_error".into()));
    let plain = start().await;
    let authorization = format!("Bearer {}", plain.api_key());
    let url = format!("{}/v1/videos/7/content", plain.base_url());
    assert_eq!(fetch(&url, &[("authorization", &authorization)]).await.0, 404);
}

#[tokio::test]
async fn a_url_is_valid_for_30_days_and_only_as_it_was_signed() {
    let sandbox = start().await;
    let url = video(&sandbox).await;
    let (bare, query) = url.split_once('?').expect("a query");
    let later = query.replacen("Expires=1", "Expires=2", 1);
    assert_ne!(later, query);
    let elsewhere = bare.replace(".mp4", "0.mp4");
    for changed in [bare.to_owned(), format!("{bare}?{later}"), format!("{elsewhere}?{query}"), format!("{url}0")] {
        assert_eq!(fetch(&changed, &[]).await.0, 403, "{changed}");
    }
    sandbox.clock().advance(Duration::from_secs(30 * 86_400 - 60));
    assert_eq!(fetch(&url, &[]).await.0, 200);
    sandbox.clock().advance(Duration::from_secs(60));
    assert_eq!(fetch(&url, &[]).await.0, 403);
}

#[tokio::test]
async fn the_key_is_noticed_wherever_it_hides() {
    let key = "sk-1+2/3=4";
    let in_base64 = format!("Basic {}", base64(format!("user:{key}").as_bytes()));
    let in_percent = "sk-1%2B2%2F3%3D4";
    for (place, path, header, body) in [
        ("in the header `authorization`", "/", Some(("authorization", format!("Bearer {key}"))), ""),
        ("in the header `authorization`", "/", Some(("authorization", in_base64)), ""),
        ("in the header `cookie`", "/", Some(("cookie", format!("key={in_percent}"))), ""),
        ("in the query", &format!("/?key={in_percent}"), None, ""),
        ("in the path", &format!("/{in_percent}/video.mp4"), None, ""),
        ("in the body", "/", None, "{\"key\":\"sk-1+2/3=4\"}"),
    ] {
        let sandbox = Sandbox::builder().key(key).start().await.expect("it starts");
        let url = format!("{}{path}", sandbox.video_origin());
        let mut request = reqwest::Client::new().post(url).body(body);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        request.send().await.expect("the origin answers");
        let leaks = sandbox.key_leaks();
        assert_eq!(leaks.len(), 1, "{place}: {leaks:?}");
        assert!(leaks[0].ends_with(place) && !leaks[0].contains(key), "{leaks:?}");
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(sandbox)));
        let message = dropped.expect_err("dropping it fails the test");
        let message = message.downcast_ref::<String>().expect("a message");
        assert!(message.contains(place) && !message.contains(key), "{message}");
    }
}

#[tokio::test]
async fn a_redirect_to_the_videos_is_watched_too() {
    let sandbox = start().await;
    let target = format!("{}/elsewhere", sandbox.video_origin());
    sandbox.respond_next(Endpoint::Get, ScriptedResponse::redirect(302, &target));
    let endpoint = format!("{}/1", sandbox.endpoint());
    // A client that takes its own header along wherever it is sent.
    let http = reqwest::Client::builder()
        .default_headers(HeaderMap::from_iter([(
            HeaderName::from_static("x-key"),
            sandbox.api_key().parse().expect("a header"),
        )]))
        .build()
        .expect("a client");
    http.get(endpoint).send().await.expect("an answer");
    assert_eq!(sandbox.key_leaks(), ["GET /elsewhere: in the header `x-key`"]);
    std::mem::forget(sandbox); // its drop would fail this test, as it should any other
}

#[tokio::test]
async fn a_request_without_the_key_is_no_leak() {
    let sandbox = start().await;
    let url = video(&sandbox).await;
    fetch(&url, &[("authorization", "Bearer somebody-elses"), ("cookie", "a=b")]).await;
    sandbox.assert_key_never_leaked();
    let received = sandbox.video_requests();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].operation, Some(Endpoint::Video));
    assert_eq!(received[0].status, Some(StatusCode::OK));
}
