//! Proves the limits on time and size: a request that stands still, an answer that does not come or does not end, and
//! what each means for the money.

mod support;

use std::time::Duration;

use kling_client::{Client, ErrorKind, Image, MultiImageToVideo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const SECOND: Duration = Duration::from_secs(1);

/// A server for one connection, and a client of it on a clock that stands still.
async fn server() -> (TcpListener, Client, support::Held) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let clock = support::Held::new();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::builder("sk-1")
        .base_url(base)
        .clock(clock.clone())
        .attempts(1)
        .reconcile_at([])
        .early_answer_pause(Duration::ZERO)
        .build()
        .unwrap();
    (listener, client, clock)
}

/// Reads until these bytes have come.
async fn read_until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut seen = Vec::new();
    while !seen.windows(end.len()).any(|window| window == end) {
        let mut byte = [0; 4096];
        let count = stream.read(&mut byte).await.unwrap();
        assert_ne!(count, 0, "the client hung up");
        seen.extend_from_slice(&byte[..count]);
    }
    seen
}

fn small() -> MultiImageToVideo {
    let images = [Image::url("https://example.com/cat.png")];
    MultiImageToVideo::builder().images(images).prompt("x").without_external_task_id().build().unwrap()
}

/// Larger than what the sockets of a loopback connection take without a reader.
fn large() -> MultiImageToVideo {
    let mut picture = std::fs::read(support::picture("cat.png")).unwrap();
    picture.resize(10 * 1024 * 1024, 0);
    support::request_of([(); 4].map(|()| Image::bytes(picture.clone())))
}

#[tokio::test]
async fn a_request_that_stands_still_for_a_minute_is_not_sent() {
    let (listener, client, clock) = server().await;
    let submit = tokio::spawn(async move { client.submit(&large()).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    read_until(&mut stream, b"\r\n\r\n").await;
    // The sockets' buffers are full once nothing more is taken: the limit counts from the last byte that was.
    clock.advance(59 * SECOND);
    tokio::task::yield_now().await;
    assert!(!submit.is_finished());
    clock.advance(61 * SECOND);
    let error = submit.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
    assert!(error.to_string().contains("60s") && !error.may_have_been_charged(), "{error}");
}

#[tokio::test]
async fn no_answer_two_minutes_after_the_last_byte_is_ambiguous() {
    for half_an_answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"code\":0,\"data\":{\"task_id\":\"7\""]
    {
        let (listener, client, clock) = server().await;
        let submit = tokio::spawn(async move { client.submit(&small()).await });
        let (mut stream, _) = listener.accept().await.unwrap();
        read_until(&mut stream, b"\"duration\":\"5\"}").await;
        stream.write_all(half_an_answer.as_bytes()).await.unwrap();
        clock.advance(119 * SECOND);
        tokio::task::yield_now().await;
        assert!(!submit.is_finished());
        clock.advance(2 * SECOND);
        let error = submit.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
        assert!(error.to_string().contains("120s") && error.may_have_been_charged(), "{error}");
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_is_not_sent_before_the_last_byte_and_ambiguous_after() {
    let (listener, client, _) = server().await;
    let submit = tokio::spawn({
        let client = client.clone();
        async move { client.submit(&large()).await }
    });
    let (mut stream, _) = listener.accept().await.unwrap();
    read_until(&mut stream, b"\r\n\r\n").await;
    drop(stream);
    assert_eq!(submit.await.unwrap().unwrap_err().kind(), ErrorKind::NotSent);

    let submit = tokio::spawn(async move { client.submit(&small()).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    read_until(&mut stream, b"\"duration\":\"5\"}").await;
    drop(stream);
    assert_eq!(submit.await.unwrap().unwrap_err().kind(), ErrorKind::Ambiguous);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_at_a_size() {
    let (listener, client, _) = server().await;
    let list = tokio::spawn(async move { client.list(1, 500).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    read_until(&mut stream, b"\r\n\r\n").await;
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let mut sent = 0;
    while stream.write_all(&chunk).await.is_ok() {
        sent += 0x10000;
        assert!(sent < 64 * 1024 * 1024, "the client reads without end");
    }
    let error = list.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Answer, "{error}");
    assert!(error.to_string().contains("larger than 8388608 bytes"), "{error}");
}
