//! What the sandbox can tell a test afterwards, and what a test can make it do.

use kling_sandbox::{Endpoint, ReceivedImage, ScriptedResponse};
use tokio::io::AsyncWriteExt as _;

use super::*;

#[tokio::test]
async fn a_request_is_recorded_as_it_came() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let sent = body_of(&[CAT, HAT]);
    caller.submit(&sent).await;
    caller.get("?pageNum=1").await;
    let [post, get] = sandbox.requests().try_into().expect("two requests");

    assert_eq!(post.operation, Some(Endpoint::Create));
    assert_eq!(post.method, "POST");
    assert_eq!(post.path, "/kling/v1/videos/multi-image2video");
    assert_eq!(post.headers["content-type"], "application/json");
    assert_eq!(post.headers["authorization"], format!("Bearer {}", sandbox.api_key()));
    assert!(post.whole);
    assert_eq!(post.status, Some(StatusCode::OK));
    assert_eq!(post.body.bytes.expect("a small body is kept"), sent.to_string());
    assert_eq!(post.body.length, sent.to_string().len() as u64);
    let sizes: Vec<_> = post
        .body
        .images
        .iter()
        .map(|image| match image {
            ReceivedImage::File { length, size, .. } => (*length, *size),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sizes, [(CAT.len(), Some((480, 480))), (HAT.len(), Some((480, 360)))]);
    let json = post.body.json.expect("JSON");
    assert_eq!(json["prompt"], sent["prompt"]);
    let image = text(&json["image_list"][0]["image"]);
    assert!(image.starts_with(&format!("<{} bytes, sha256 ", CAT.len())), "{image}");

    assert_eq!((get.operation, get.query.as_deref()), (Some(Endpoint::List), Some("pageNum=1")));
    assert_eq!(get.body.json, None);
}

#[tokio::test]
async fn a_refused_request_is_recorded_too() {
    let sandbox = start().await;
    let huge = body_with("negative_prompt", json!("x".repeat(100_000)));
    Caller::new(&sandbox).post(&huge).await;
    let received = sandbox.requests().remove(0);
    assert_eq!(received.status, Some(StatusCode::BAD_REQUEST));
    assert!(received.whole);
    assert_eq!(received.body.images.len(), 2);
    assert!(received.body.bytes.is_none() && received.body.json.is_none(), "too large to keep");
    assert_eq!(received.body.sha256.map(|hash| hash.len()), Some(64));
}

#[tokio::test]
async fn a_request_that_breaks_off_is_not_whole_and_not_charged() {
    let sandbox = start().await;
    let request = by_hand(&sandbox);
    for cut in [1, 100, request.len() / 2] {
        let mut stream = connect(&sandbox).await;
        let part = &request.as_bytes()[..request.len() - cut];
        stream.write_all(part).await.expect("it reads");
        let expected = body().to_string().len() as u64 - cut as u64;
        until("the part arriving", || {
            sandbox.requests().last().is_some_and(|received| received.body.length == expected)
        })
        .await;
        drop(stream);
        // A whole request on another connection lets the sandbox notice the end of this one.
        Caller::new(&sandbox).get("").await;
    }
    let posts = sandbox.requests().into_iter().filter(|received| received.method == "POST");
    let whole: Vec<bool> = posts.map(|received| received.whole).collect();
    assert_eq!(whole, [false; 3]);
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (0, 0));
}

#[tokio::test]
async fn a_caller_who_hangs_up_after_the_last_byte_is_charged() {
    let sandbox = start().await;
    for count in 1..=20 {
        let mut stream = connect(&sandbox).await;
        stream.write_all(by_hand(&sandbox).as_bytes()).await.expect("it reads");
        drop(stream);
        until("the charge", || sandbox.tasks_charged() == count).await;
    }
    assert_eq!(sandbox.posts_received_whole(), 20);
}

#[tokio::test]
async fn a_scripted_response_replaces_the_apis_own_and_does_nothing() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let busy = ScriptedResponse::new(429)
        .header("retry-after", "2")
        .header("content-type", "application/json")
        .body(r#"{"code":1303,"message":"parallel task over resource pack limit"}"#);
    sandbox.respond_next(Endpoint::Create, busy);
    sandbox.respond_next(Endpoint::List, ScriptedResponse::new(200).body("[]"));
    let answer = caller.http.post(sandbox.endpoint()).json(&body()).send().await;
    let answer = answer.expect("it answers, without a key too");
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"2".parse().expect("a header")));
    assert_eq!(answer.json::<Value>().await.expect("JSON")["code"], 1303);
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (1, 0));

    caller.submit(&body()).await;
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (2, 1));
    assert_eq!(caller.get("").await.1, json!([]), "each operation has its own answers");
}

#[tokio::test]
async fn a_client_that_repeats_a_redirected_post_is_caught() {
    for (status, posts, charged) in [(301, 1, 0), (302, 1, 0), (303, 1, 0), (307, 2, 1), (308, 2, 1)] {
        let sandbox = start().await;
        sandbox.respond_next(Endpoint::Create, ScriptedResponse::redirect(status, sandbox.endpoint()));
        // reqwest follows by default: the first three turn the POST into a GET, the others send it again.
        Caller::new(&sandbox).post(&body()).await;
        let counted = (sandbox.posts_received_whole(), sandbox.tasks_charged());
        assert_eq!(counted, (posts, charged), "{status}");
        assert_eq!(sandbox.requests().len(), 2);
    }
}

#[tokio::test]
async fn http_2_is_spoken_too() {
    let sandbox = start().await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build();
    let http = client.expect("a client");
    let request = http.post(sandbox.endpoint()).json(&body());
    let answer = request.bearer_auth(sandbox.api_key()).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(sandbox.requests()[0].version, reqwest::Version::HTTP_2);
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (1, 1));
}

#[tokio::test]
async fn after_shutdown_nobody_listens_and_open_connections_are_cut() {
    let sandbox = start().await;
    let addresses =
        [sandbox.base_url(), sandbox.video_origin()].map(|url| url.trim_start_matches("http://").to_owned());
    let mut open = connect(&sandbox).await;
    sandbox.shutdown().await;
    for address in addresses {
        TcpStream::connect(&address).await.expect_err("the socket is closed");
    }
    let read = tokio::io::AsyncReadExt::read(&mut open, &mut [0; 1]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn a_dropped_sandbox_frees_its_port() {
    let sandbox = start().await;
    let port = sandbox.base_url().rsplit(':').next().and_then(|port| port.parse().ok());
    let port: u16 = port.expect("a port");
    let taken = Sandbox::builder().port(port).start().await.expect_err("the port is taken");
    let taken = taken.to_string();
    assert!(taken.contains(&format!("127.0.0.1:{port}")) && taken.contains("choose another port"), "{taken}");
    drop(sandbox);
    let started = std::time::Instant::now();
    while let Err(error) = Sandbox::builder().port(port).start().await {
        assert!(started.elapsed().as_secs() < 30, "{error}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_key_that_no_header_can_carry_is_refused_at_the_start() {
    for key in ["", "two words", "ключ", "line\n"] {
        let error = Sandbox::builder().key(key).start().await.expect_err("it cannot be sent");
        assert!(error.to_string().contains("visible ASCII"), "{error}");
    }
}

#[tokio::test]
async fn neither_debug_text_shows_the_key() {
    let builder = Sandbox::builder().key("sk-hidden");
    assert!(!format!("{builder:?}").contains("sk-hidden"));
    let sandbox = builder.start().await.expect("it starts");
    Caller::new(&sandbox).submit(&body()).await;
    let text = format!("{sandbox:?} {:?}", sandbox.requests());
    assert!(!text.contains("sk-hidden") && text.contains("127.0.0.1"), "{text}");
}
