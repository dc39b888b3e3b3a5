//! A paid request is sent once: no redirect repeats it or passes another response off as its own, whatever HTTP settings
//! the caller has.

mod support;

use std::time::Duration;

use kling_client::{Client, ErrorKind, Image, Reason};
use kling_sandbox::{Endpoint, Fault, Sandbox, ScriptedResponse};
use support::{client, request, request_of, sandbox};

/// The response to a followed redirect: an older task.
const OLD_TASK: &str =
    r#"{"code":0,"message":"SUCCEED","data":{"task_id":"111111111111111111","task_status":"succeed"}}"#;

async fn posts_through(make: impl Fn(&Sandbox) -> Client) {
    for status in [301, 302, 303, 307, 308] {
        for to_itself in [true, false] {
            for with_file in [true, false] {
                let (sandbox, _, _) = sandbox(Duration::ZERO).await;
                let client = make(&sandbox);
                let elsewhere = format!("{}/111111111111111111", sandbox.endpoint());
                let location = if to_itself { sandbox.endpoint() } else { elsewhere };
                for _ in 0..20 {
                    sandbox.respond_next(Endpoint::Create, ScriptedResponse::redirect(status, &location));
                }
                sandbox.respond_next(Endpoint::Get, ScriptedResponse::new(200).body(OLD_TASK));
                let images = if with_file {
                    Image::file(support::picture("cat.png"))
                } else {
                    Image::url("https://example.com/a.png")
                };
                let error = client.submit(request_of([images])).await.unwrap_err();
                let case = format!("{status} to itself {to_itself} with a file {with_file}: {error}");
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
async fn no_redirect_is_followed_whatever_the_caller_sets() {
    let follow = |http: reqwest::ClientBuilder| http.redirect(reqwest::redirect::Policy::limited(20));
    posts_through(|sandbox| client(sandbox).configure_http(follow).build().unwrap()).await;
}

#[tokio::test]
async fn no_redirect_repeats_the_post_over_http_2_either() {
    let http2 = |http: reqwest::ClientBuilder| http.http2_prior_knowledge();
    posts_through(|sandbox| client(sandbox).configure_http(http2).build().unwrap()).await;
}

#[tokio::test]
async fn a_request_comes_back_where_no_task_was_made_and_is_submitted_again_with_its_id() {
    let (sandbox, client, _) = sandbox(Duration::ZERO).await;
    let request = request();
    let id = request.external_task_id().unwrap().to_owned();
    sandbox.fault_next(
        Endpoint::Create,
        Fault::response(
            ScriptedResponse::new(429).body(r#"{"code":1303,"message":"parallel task over resource pack limit"}"#),
        ),
    );
    let error = client.submit(request).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Rejected, Reason::ConcurrencyLimit));
    let task = client.submit(error.into_request().unwrap()).await.unwrap();
    assert_eq!(task.external_task_id(), Some(&*id));
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (2, 1));
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let (sandbox, client, _) = sandbox(Duration::ZERO).await;
    sandbox.shutdown().await;
    let error = client.submit(request()).await.unwrap_err();
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
    let error = client.submit(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSent);
    assert!(error.to_string().contains("cat.png cannot be sent: it changed"), "{error}");
    assert_eq!(sandbox.posts_received_whole(), 0);
}
