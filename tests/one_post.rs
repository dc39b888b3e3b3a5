//! Proves that a paid request is sent once: no redirect repeats it or passes another answer off as its own, with our
//! HTTP client or with a caller's, and one built request is one purchase.

mod support;

use std::time::Duration;

use kling_client::{Client, ErrorKind, Image};
use kling_sandbox::{Answer, Operation, Sandbox};
use support::{client, request, request_of, sandbox};

/// What a followed redirect would be shown: some task, of before.
const OLD_TASK: &str =
    r#"{"code":0,"message":"SUCCEED","data":{"task_id":"111111111111111111","task_status":"succeed"}}"#;

async fn posts_through(make: impl Fn(&Sandbox) -> Client) {
    for status in [301, 302, 303, 307, 308] {
        for to_itself in [true, false] {
            for with_picture in [true, false] {
                let (sandbox, _, _) = sandbox(Duration::ZERO).await;
                let client = make(&sandbox);
                let elsewhere = format!("{}/111111111111111111", sandbox.endpoint());
                let location = if to_itself { sandbox.endpoint() } else { elsewhere };
                for _ in 0..20 {
                    sandbox.answer_next(Operation::Create, Answer::redirect(status, &location));
                }
                sandbox.answer_next(Operation::Get, Answer::new(200).body(OLD_TASK));
                let images = if with_picture {
                    Image::file(support::picture("cat.png"))
                } else {
                    Image::url("https://example.com/a.png")
                };
                let error = client.submit(&request_of([images])).await.unwrap_err();
                let case = format!("{status} to itself {to_itself} with a picture {with_picture}: {error}");
                assert_eq!(error.kind(), ErrorKind::Ambiguous, "{case}");
                assert_eq!(sandbox.posts_received_whole(), 1, "{case}");
                assert!(error.may_have_been_charged(), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn no_redirect_repeats_the_post_with_our_client() {
    posts_through(|sandbox| client(sandbox).build().unwrap()).await;
}

#[tokio::test]
async fn no_redirect_repeats_the_post_or_gives_another_task_with_a_callers_default_client() {
    posts_through(|sandbox| client(sandbox).http_client(reqwest::Client::new()).build().unwrap()).await;
}

#[tokio::test]
async fn no_redirect_repeats_the_post_over_http_2_either() {
    let make = || reqwest::Client::builder().http2_prior_knowledge();
    posts_through(|sandbox| client(sandbox).http_client(make().build().unwrap()).build().unwrap()).await;
    let none = || make().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    posts_through(|sandbox| client(sandbox).http_client(none()).build().unwrap()).await;
}

#[tokio::test]
async fn a_request_is_one_purchase_and_its_clones_share_it() {
    let (sandbox, client, _) = sandbox(Duration::ZERO).await;
    let request = request();
    let clone = request.clone();
    client.submit(&request).await.unwrap();
    for spent in [&request, &clone] {
        let error = client.submit(spent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("request.again()"), "{error}");
    }
    assert_eq!(sandbox.posts_received_whole(), 1);
    client.submit(&request.again()).await.unwrap();
    assert_eq!(sandbox.tasks_charged(), 2);
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let (sandbox, client, _) = sandbox(Duration::ZERO).await;
    sandbox.shutdown().await;
    let error = client.submit(&request()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSent);
    assert!(!error.may_have_been_charged());
}

#[tokio::test]
async fn a_file_that_changed_since_the_build_is_not_sent() {
    let (sandbox, client, _) = sandbox(Duration::ZERO).await;
    let copy = support::directory("changed").join("cat.png");
    std::fs::copy(support::picture("cat.png"), &copy).unwrap();
    let request = request_of([Image::file(&copy)]);
    std::fs::write(&copy, "shorter").unwrap();
    let error = client.submit(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSent);
    assert!(error.to_string().contains("cat.png changed"), "{error}");
    assert_eq!(sandbox.posts_received_whole(), 0);
}
