//! Timeouts and the size limit: a stalled upload, a missing or endless response, and whether each may have been charged.

mod support;

use std::time::Duration;

use kling_client::{Client, ErrorKind, Image, MultiImageToVideo, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const SECOND: Duration = Duration::from_secs(1);

/// A server, and a client of it on a clock that only the test moves.
async fn server() -> (TcpListener, Client, support::Held) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let clock = support::Held::new();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::builder("sk-1")
        .base_url(base)
        .clock(clock.clone())
        .max_attempts(1)
        .look_up_at([])
        .early_response_pause(Duration::ZERO)
        .build()
        .unwrap();
    (listener, client, clock)
}

/// Reads up to these bytes.
async fn read_until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut seen = Vec::new();
    while !seen.windows(end.len()).any(|window| window == end) {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the client hung up");
        seen.extend_from_slice(&buffer[..count]);
    }
    seen
}

fn small() -> Request {
    let images = [Image::url("https://example.com/cat.png")];
    MultiImageToVideo::builder().images(images).prompt("x").without_external_task_id().build().unwrap()
}

/// Larger than the socket buffers of a loopback connection.
fn large() -> Request {
    let mut image = std::fs::read(support::picture("cat.png")).unwrap();
    image.resize(10 * 1024 * 1024, 0);
    support::request_of([(); 4].map(|()| Image::bytes(image.clone())))
}

#[tokio::test]
async fn an_upload_that_stalls_for_a_minute_is_not_sent() {
    let (listener, client, clock) = server().await;
    let submit = tokio::spawn(async move { client.submit(large()).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    read_until(&mut stream, b"\r\n\r\n").await;
    // The stall counts from the last byte accepted before the socket buffers were full.
    clock.advance(59 * SECOND);
    tokio::task::yield_now().await;
    assert!(!submit.is_finished());
    clock.advance(61 * SECOND);
    let error = submit.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
    assert!(error.to_string().contains("60s") && !error.may_have_been_charged(), "{error}");
}

#[tokio::test]
async fn no_response_two_minutes_after_the_last_byte_is_ambiguous() {
    for partial in ["", "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"code\":0,\"data\":{\"task_id\":\"7\""] {
        let (listener, client, clock) = server().await;
        let submit = tokio::spawn(async move { client.submit(small()).await });
        let (mut stream, _) = listener.accept().await.unwrap();
        read_until(&mut stream, b"\"prompt\":\"x\"}").await;
        stream.write_all(partial.as_bytes()).await.unwrap();
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
async fn a_cut_connection_is_not_sent_before_the_last_byte_and_ambiguous_after() {
    let (listener, client, _) = server().await;
    let submit = tokio::spawn({
        let client = client.clone();
        async move { client.submit(large()).await }
    });
    let (mut stream, _) = listener.accept().await.unwrap();
    read_until(&mut stream, b"\r\n\r\n").await;
    drop(stream);
    assert_eq!(submit.await.unwrap().unwrap_err().kind(), ErrorKind::NotSent);

    let submit = tokio::spawn(async move { client.submit(small()).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    read_until(&mut stream, b"\"prompt\":\"x\"}").await;
    drop(stream);
    assert_eq!(submit.await.unwrap().unwrap_err().kind(), ErrorKind::Ambiguous);
}

#[tokio::test]
async fn an_endless_response_is_cut_at_a_size() {
    let (listener, client, _) = server().await;
    let list =
        tokio::spawn(async move { client.list(support::OPERATION).start_at(1).page_size(500).next_page().await });
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
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
    assert!(error.to_string().contains("larger than 8388608 bytes"), "{error}");
}
