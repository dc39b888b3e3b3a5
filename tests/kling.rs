//! Kling itself: tokens that are signed with access key and secret key, their renewal, its hosts, and what is never shown.

#![cfg(feature = "jwt")]

mod support;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use kling_client::{Client, ClientBuilder, Credentials, Error, ErrorKind, Image, Reason, TestClock};
use kling_sandbox::{Clock, Endpoint, Fault, Sandbox, ScriptedResponse};
use support::{OPERATION, request};

const MINUTE: Duration = Duration::from_secs(60);

/// Kling itself on a manual clock, and a client whose clock moves it and shows what the function makes of its time.
async fn kling(task_time: Duration, shown: fn(Duration) -> Duration) -> (Sandbox, Client) {
    let clock = Clock::manual();
    let sandbox = Sandbox::builder().kling(true).clock(clock.clone()).task_time(task_time).start().await.unwrap();
    let client = at(&sandbox, pair(&sandbox)).clock(TestClock::moving(move |by| shown(clock.advance(by))));
    let client = client.build().unwrap();
    (sandbox, client)
}

fn pair(sandbox: &Sandbox) -> Credentials {
    Credentials::new(sandbox.access_key(), sandbox.secret_key())
}

fn at(sandbox: &Sandbox, credentials: impl Into<Credentials>) -> ClientBuilder {
    Client::builder(credentials).base_url(sandbox.base_url())
}

fn right(time: Duration) -> Duration {
    time
}

/// The tokens of all requests, and how many were refused.
fn tokens(sandbox: &Sandbox) -> (BTreeSet<String>, usize) {
    let requests = sandbox.requests();
    let tokens = requests.iter().map(|request| request.headers["authorization"].to_str().unwrap().to_owned()).collect();
    (tokens, requests.iter().filter(|request| request.status.is_some_and(|status| status == 401)).count())
}

fn fault(name: &str) -> Fault {
    name.parse().unwrap()
}

fn class(error: &Error) -> (ErrorKind, Reason, Option<&str>) {
    (error.kind(), error.reason(), error.code())
}

#[tokio::test]
async fn a_video_is_made_with_one_token_that_goes_nowhere_else() {
    let (sandbox, client) = kling(4 * MINUTE, right).await;
    let task = client.submit(request()).await.unwrap();
    let finished = task.wait().await.unwrap();
    let path = finished.download(support::directory("kling").join("cat.mp4")).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), sandbox.video_bytes());
    assert_eq!(client.clone().list(OPERATION).next_page().await.unwrap().unwrap().len(), 1);
    let (tokens, refused) = tokens(&sandbox);
    assert_eq!((tokens.len(), refused), (1, 0), "clones share it");
    assert!(tokens.first().unwrap().starts_with("Bearer eyJ"));
    sandbox.assert_key_never_leaked();
}

#[tokio::test]
async fn an_output_behind_the_key_is_fetched_with_a_token() {
    let builder = Sandbox::builder().kling(true).videos_behind_key(true);
    let sandbox = builder.start().await.unwrap();
    let client = at(&sandbox, pair(&sandbox)).build().unwrap();
    let finished = client.submit(request()).await.unwrap().wait().expected(Duration::ZERO).await.unwrap();
    let path = finished.download(support::directory("kling_key").join("cat.mp4")).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), sandbox.video_bytes());
}

#[tokio::test]
async fn a_token_is_renewed_a_minute_before_it_expires() {
    let (sandbox, client) = kling(100 * MINUTE, right).await;
    let task = client.submit(request()).await.unwrap();
    for minute in 1..60 {
        sandbox.clock().advance(MINUTE);
        let _ = client.task(OPERATION, task.id()).unwrap().refresh().await.map_err(|error| panic!("{minute}: {error}"));
    }
    let (tokens, refused) = tokens(&sandbox);
    assert_eq!((tokens.len(), refused), (3, 0), "new ones after 29 and 58 minutes");
}

#[tokio::test]
async fn a_request_whose_token_is_refused_for_its_time_is_repeated_once_with_a_new_one() {
    for code in ["1003", "1004"] {
        let (sandbox, client) = kling(Duration::ZERO, right).await;
        sandbox.fault_next(Endpoint::Create, fault(code));
        let task = client.submit(request()).await.unwrap();
        assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (2, 1), "{code}");
        for operation in [Endpoint::Get, Endpoint::List] {
            sandbox.fault_next(operation, fault(code));
        }
        client.task(OPERATION, task.id()).unwrap().refresh().await.unwrap();
        client.list(OPERATION).next_page().await.unwrap();
        assert_eq!(sandbox.requests().len(), 6, "{code}");
    }
}

#[tokio::test]
async fn many_requests_at_once_share_the_new_token() {
    let (sandbox, client) = kling(Duration::ZERO, |time| time + 10 * MINUTE).await;
    let tasks = futures_util::future::join_all((0..5).map(|_| client.submit(request()))).await;
    assert!(tasks.iter().all(Result::is_ok));
    assert_eq!((tokens(&sandbox).0.len(), sandbox.posts_received_whole() <= 10, sandbox.tasks_charged()), (2, true, 5));
}

#[tokio::test]
async fn a_refusal_before_the_body_was_read_makes_one_task_too() {
    let (sandbox, client) = kling(Duration::ZERO, right).await;
    let refusal = ScriptedResponse::new(401).body(r#"{"code":1004,"message":"the token has expired"}"#);
    sandbox.fault_next(Endpoint::Create, Fault::early(refusal));
    client.submit(support::request_of([Image::file(support::picture("cat.png"))])).await.unwrap();
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (1, 1));
}

#[tokio::test]
async fn a_token_that_is_refused_again_is_an_error_after_one_repeat() {
    let (sandbox, client) = kling(Duration::ZERO, right).await;
    sandbox.fault_always(Endpoint::Create, fault("1004"));
    let error = client.submit(request()).await.unwrap_err();
    assert_eq!(class(&error), (ErrorKind::Rejected, Reason::Auth, Some("1004")));
    assert!(error.hint().unwrap().contains("clock") && !error.is_retryable(), "{error}");
    assert!(!error.may_have_been_charged() && error.into_request().is_some());
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (2, 0));
}

#[tokio::test]
async fn only_a_refusal_for_the_time_is_repeated_and_only_with_a_secret_key() {
    let (sandbox, client) = kling(Duration::ZERO, right).await;
    // The same code in a response that is no refusal of the authorization.
    for (status, code) in [(401, 1000), (403, 1103), (500, 1004), (200, 1004), (429, 1004)] {
        let refusal = ScriptedResponse::new(status).body(format!(r#"{{"code":{code},"message":"m"}}"#));
        sandbox.respond_next(Endpoint::Create, refusal);
        client.submit(request()).await.unwrap_err();
    }
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (5, 0));

    let (gateway, client, _) = support::sandbox(Duration::ZERO).await;
    gateway.fault_next(Endpoint::Create, fault("1004"));
    assert_eq!(client.submit(request()).await.unwrap_err().code(), Some("1004"));
    assert_eq!(gateway.posts_received_whole(), 1);
}

#[tokio::test]
async fn a_clock_that_is_off_costs_one_repeat_and_then_the_servers_time_counts() {
    let skewed: [fn(Duration) -> Duration; 4] = [
        |time| time + 10 * MINUTE,
        |time| time + MINUTE / 2,
        |time| time - 45 * MINUTE,
        |time| time + 100_000 * MINUTE,
    ];
    for (index, shown) in skewed.into_iter().enumerate() {
        let (sandbox, client) = kling(2 * MINUTE, shown).await;
        client.submit(request()).await.unwrap().wait().await.unwrap();
        assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (2, 1), "{index}");
        sandbox.clock().advance(40 * MINUTE);
        client.submit(request()).await.unwrap();
        let (tokens, refused) = tokens(&sandbox);
        assert_eq!((tokens.len(), refused), (3, 1), "{index}");
    }
    // Little enough for every token to be valid.
    let (sandbox, client) = kling(Duration::ZERO, |time| time - MINUTE / 2).await;
    client.submit(request()).await.unwrap();
    assert_eq!(tokens(&sandbox).1, 0);
}

#[tokio::test]
async fn wrong_keys_and_a_plain_key_are_refused_without_a_repeat() {
    let (sandbox, client) = kling(Duration::ZERO, right).await;
    for (credentials, code) in [
        (Credentials::new(sandbox.access_key(), "another secret key"), "1000"),
        (Credentials::new("another access key", sandbox.secret_key()), "1002"),
        (Credentials::from(sandbox.api_key()), "1002"),
        (Credentials::from(sandbox.secret_key()), "1002"),
    ] {
        let before = sandbox.posts_begun();
        let error = client.with_key(credentials).unwrap().submit(request()).await.unwrap_err();
        assert_eq!(class(&error), (ErrorKind::Rejected, Reason::Auth, Some(code)));
        assert_eq!(sandbox.posts_begun() - before, 1, "{code}");
    }
    client.with_key(pair(&sandbox)).unwrap().submit(request()).await.unwrap();
    for (access, secret, path) in [(" ", "secret", "access_key"), ("access", "\n", "secret_key")] {
        let error = client.with_key(Credentials::new(access, secret)).unwrap_err();
        assert_eq!(error.violations()[0].path, path);
    }
}

#[tokio::test]
async fn klings_own_hosts_have_no_prefix_and_an_unknown_key_gets_the_hint_of_the_other_region() {
    let sandbox = Sandbox::builder().kling(true).start().await.unwrap();
    let address = sandbox.base_url().strip_prefix("http://").unwrap().parse().unwrap();
    let named = move |host: &'static str, credentials: Credentials| {
        Client::builder(credentials)
            .base_url(format!("http://{host}:{}/v1", std::net::SocketAddr::port(&address)))
            .allow_http(true)
            .configure_http(move |http| http.no_proxy().resolve(host, address))
    };
    for host in ["api-singapore.klingai.com", "api-beijing.klingai.com", "api.klingai.com"] {
        let client = named(host, pair(&sandbox)).build().unwrap();
        client.submit(request()).await.unwrap().wait().expected(Duration::ZERO).await.unwrap();
        let wrong = named(host, Credentials::new("of another region", "secret")).build().unwrap();
        let error = wrong.submit(request()).await.unwrap_err();
        assert_eq!(error.code(), Some("1002"));
        assert!(error.hint().unwrap().contains("the other region: https://api-singapore.klingai.com"), "{error}");
    }
    assert!(sandbox.requests().iter().all(|request| request.path.starts_with("/v1/")));
    // An explicit prefix wins, and a key at any other host is a gateway's.
    let host = "api-singapore.klingai.com";
    let relay = named(host, pair(&sandbox)).path_prefix("relay").build().unwrap();
    let plain = named(host, "key".into()).build().unwrap();
    let gateway = named("gateway.example", "key".into()).build().unwrap();
    for (client, path) in [(plain, "/v1/"), (relay, "/relay/v1/"), (gateway, "/kling/v1/")] {
        client.submit(request()).await.unwrap_err();
        assert!(sandbox.requests().pop().unwrap().path.starts_with(path), "{path}");
    }
    let default = Client::builder(pair(&sandbox)).build().unwrap();
    assert_eq!(default.base_url(), "https://api-singapore.klingai.com", "a token is of no use to a gateway");
}

#[tokio::test]
async fn no_key_and_no_token_is_shown_even_when_the_server_repeats_it() {
    let (sandbox, client) = kling(Duration::ZERO, right).await;
    let task = client.submit(request()).await.unwrap();
    let old = tokens(&sandbox).0.pop_first().unwrap().replace("Bearer ", "");
    sandbox.clock().advance(30 * MINUTE);
    client.list(OPERATION).next_page().await.unwrap();
    let new = tokens(&sandbox).0.pop_last().unwrap().replace("Bearer ", "");
    assert_ne!(old, new);
    let (access, secret) = (sandbox.access_key(), sandbox.secret_key());
    let parts: Vec<_> = [&old, &new].into_iter().flat_map(|token| token.split('.')).collect();
    let silent = |text: &str| {
        for secret in parts.iter().copied().chain([access, secret]) {
            assert!(!text.contains(secret), "{secret:?} is shown: {text}");
        }
    };
    silent(&format!("{:?} {:?} {client:?}", pair(&sandbox), at(&sandbox, pair(&sandbox))));
    for secret in [&old, &new, access, secret] {
        for body in [
            serde_json::json!({"code": 1000, "message": format!("token={secret} is wrong"), "request_id": secret}),
            serde_json::json!({"code": secret, "message": format!("Bearer:{secret}")}),
            serde_json::json!({"error": {"code": "", "message": format!("for {secret}, {access}")}}),
        ] {
            let answer = ScriptedResponse::new(401).body(body.to_string());
            for operation in [Endpoint::Create, Endpoint::Get, Endpoint::List] {
                sandbox.respond_next(operation, answer.clone());
            }
            for error in [
                client.submit(request()).await.unwrap_err(),
                client.task(OPERATION, task.id()).unwrap().refresh().await.cloned().unwrap_err(),
                client.list(OPERATION).next_page().await.unwrap_err(),
            ] {
                let source = std::error::Error::source(&error);
                silent(&format!("{error} {error:?} {error:#?} {source:?} {:?}", error.body_snippet()));
                assert!(error.to_string().contains("***"), "{error}");
            }
        }
    }
    sandbox.respond_next(Endpoint::Get, {
        let data = serde_json::json!({"task_id": task.id(), "task_status": "failed", "task_status_msg": secret});
        ScriptedResponse::new(200).body(serde_json::json!({"code": 0, "data": data}).to_string())
    });
    silent(&client.task(OPERATION, task.id()).unwrap().wait().await.unwrap_err().to_string());
}

#[cfg(feature = "raw")]
#[tokio::test]
async fn the_raw_client_renews_its_token_too() {
    let (sandbox, client) = kling(Duration::ZERO, right).await;
    let task = client.submit(request()).await.unwrap();
    let raw = client.raw();
    for _ in 0..2 {
        sandbox.clock().advance(40 * MINUTE);
        raw.get_multi_image_to_video().id(task.id()).send().await.unwrap();
    }
    let (tokens, refused) = tokens(&sandbox);
    assert_eq!((tokens.len(), refused), (3, 0));
}

#[test]
fn the_environment_has_the_key_or_else_access_key_and_secret_key() {
    const CHILD: &str = "KLING_TEST_CHILD";
    const VARIABLES: [&str; 3] = ["KLING_API_KEY", "KLING_ACCESS_KEY", "KLING_SECRET_KEY"];
    if std::env::var_os(CHILD).is_some() {
        match Client::from_env() {
            Ok(client) => println!("at {}", client.base_url()),
            Err(error) => println!("{error}"),
        }
        return;
    }
    let gateway = "at https://api.chainhub.tech";
    let own = "at https://api-singapore.klingai.com";
    for (given, said) in [
        (["key", "", ""], gateway),
        (["key", "access", "secret"], gateway),
        (["key", "access", ""], gateway),
        (["", "access", "secret"], own),
        ([" ", " access ", "secret"], own),
        (["", "access", ""], "KLING_SECRET_KEY: expected the secret key of KLING_ACCESS_KEY, given nothing"),
        (["", "", "secret"], "KLING_ACCESS_KEY: expected the access key of KLING_SECRET_KEY, given nothing"),
        (["", "", ""], "KLING_API_KEY: expected the API key, or KLING_ACCESS_KEY and KLING_SECRET_KEY"),
    ] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let test = "the_environment_has_the_key_or_else_access_key_and_secret_key";
        command.args(["--exact", "--nocapture", test]).env(CHILD, "1").env_remove("KLING_BASE_URL");
        let output = command.envs(VARIABLES.into_iter().zip(given)).output().unwrap();
        let output = String::from_utf8_lossy(&output.stdout);
        assert!(output.contains(said), "{given:?}: {output}");
    }
}
