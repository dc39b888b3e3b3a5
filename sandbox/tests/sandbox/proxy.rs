//! The proxy: what it cuts, and that it delays without losing anything.

use std::time::{Duration, Instant};

use kling_sandbox::{Endpoint, Fault, Proxy, ScriptedResponse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// Everything that comes until the connection ends, however it does.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset after the answer is an end, too; what was read before it counts.
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

#[tokio::test]
async fn a_cut_on_the_way_up_lets_exactly_so_many_bytes_through() {
    let sandbox = start().await;
    let request = by_hand(&sandbox);
    let head = request.find("\r\n\r\n").expect("a head") + 4;
    for (cut, begun, body) in [(0, 0, 0), (1, 0, 0), (head - 1, 0, 0), (head + 7, 1, 7)] {
        let proxy = Proxy::to(sandbox.base_url()).cut_up(cut as u64).start().await.expect("it starts");
        let before = sandbox.posts_begun();
        let mut stream = connect_to(&proxy.base_url()).await;
        // It may be closed before everything is written.
        let _ = stream.write_all(request.as_bytes()).await;
        assert_eq!(rest(&mut stream).await, b"", "cut after {cut}");
        until("the cut arriving", || {
            let last = sandbox.requests().last().map_or(0, |received| received.body.length);
            sandbox.posts_begun() - before == begun && last == body
        })
        .await;
    }
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (0, 0));
}

#[tokio::test]
async fn a_cut_on_the_way_down_lets_exactly_so_many_bytes_through_and_the_order_is_charged() {
    let sandbox = start().await;
    for (number, cut) in [0, 1, 100].into_iter().enumerate() {
        let proxy = Proxy::to(sandbox.base_url()).cut_down(cut).start().await.expect("it starts");
        let mut stream = connect_to(&proxy.base_url()).await;
        stream.write_all(by_hand(&sandbox).as_bytes()).await.expect("it reads");
        assert_eq!(rest(&mut stream).await.len() as u64, cut);
        assert_eq!(sandbox.tasks_charged(), number + 1);
    }
}

#[tokio::test]
async fn a_delay_is_there_in_both_directions_and_changes_no_byte() {
    let delay = Duration::from_millis(20);
    let sandbox = start().await;
    let proxy = Proxy::to(sandbox.base_url()).delay(delay).start().await.expect("it starts");
    let body = body_of(&[CAT, HAT, CAT, HAT]);
    let url = sandbox.endpoint().replace(sandbox.base_url(), &proxy.base_url());
    let started = Instant::now();
    let answer = reqwest::Client::new().post(url).bearer_auth(sandbox.api_key()).json(&body).send().await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    assert!(started.elapsed() >= 2 * delay, "{:?}", started.elapsed());
    assert_eq!(sandbox.requests()[0].body.length, body.to_string().len() as u64);
    assert_eq!(sandbox.tasks_charged(), 1);
}

#[tokio::test]
async fn an_early_answer_comes_through_although_the_server_reads_no_more() {
    let sandbox = start().await;
    let proxy = Proxy::to(sandbox.base_url()).delay(Duration::from_millis(1)).start().await.expect("it starts");
    sandbox.fault_next(Endpoint::Create, Fault::early(ScriptedResponse::new(413)));
    let mut stream = connect_to(&proxy.base_url()).await;
    stream.write_all(head(&sandbox, 50_000_000).as_bytes()).await.expect("it reads");
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_server_that_is_not_there_looks_like_one_that_closes() {
    let sandbox = start().await;
    let proxy = Proxy::to(sandbox.base_url()).start().await.expect("it starts");
    sandbox.shutdown().await;
    let mut stream = connect_to(&proxy.base_url()).await;
    assert_eq!(rest(&mut stream).await, b"");
}

#[tokio::test]
async fn a_dropped_proxy_takes_its_connections_along() {
    let sandbox = start().await;
    let proxy = Proxy::to(sandbox.base_url()).start().await.expect("it starts");
    let mut stream = connect_to(&proxy.base_url()).await;
    let request = by_hand(&sandbox);
    stream.write_all(&request.as_bytes()[..request.len() - 1]).await.expect("it reads");
    until("the request", || sandbox.posts_begun() == 1).await;
    drop(proxy);
    assert_eq!(rest(&mut stream).await, b"");
}
