//! Kling itself: its paths, and which tokens it takes.

use std::time::Duration;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use kling_sandbox::{Clock, Endpoint};
use sha2::Sha256;

use super::*;

async fn start_kling() -> Sandbox {
    Sandbox::builder().kling(true).clock(Clock::manual()).start().await.expect("a sandbox starts")
}

/// A token, signed here by other code than the sandbox's own.
fn signed(head: &Value, claims: &Value, secret: &str) -> String {
    let [head, claims] = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    let signature = mac.chain_update(format!("{head}.{claims}")).finalize().into_bytes();
    format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn head() -> Value {
    json!({"alg": "HS256", "typ": "JWT"})
}

/// The claims of a token that is valid from `begins` to `ends`, in seconds from now on.
fn claims(sandbox: &Sandbox, begins: i64, ends: i64) -> Value {
    let now = i64::try_from(sandbox.clock().unix_time().as_secs()).expect("a time");
    json!({"iss": sandbox.access_key(), "nbf": now + begins, "exp": now + ends})
}

async fn get(sandbox: &Sandbox, bearer: &str) -> (u16, Value) {
    let answer = reqwest::Client::new().get(sandbox.endpoint()).bearer_auth(bearer).send().await;
    let answer = answer.expect("the sandbox answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_token_is_accepted_by_its_signature_its_access_key_and_its_times() {
    let sandbox = start_kling().await;
    let (access, secret) = (sandbox.access_key().to_owned(), sandbox.secret_key());
    let valid = || claims(&sandbox, -5, 1800);
    let with = |name: &str, value: Value| {
        let mut claims = valid();
        claims[name] = value;
        claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        claims
    };
    let now = sandbox.clock().unix_time().as_secs_f64();
    for (what, token, code) in [
        ("good", signed(&head(), &valid(), secret), 0),
        ("from now on", signed(&head(), &claims(&sandbox, 0, 1), secret), 0),
        ("without nbf", signed(&head(), &with("nbf", Value::Null), secret), 0),
        ("fractions of seconds", signed(&head(), &with("exp", json!(now + 0.5)), secret), 0),
        ("with other claims", signed(&head(), &with("jti", json!("7")), secret), 0),
        ("expired", signed(&head(), &claims(&sandbox, -1800, -1), secret), 1004),
        ("expires now", signed(&head(), &with("exp", json!(now)), secret), 1004),
        ("not yet valid", signed(&head(), &claims(&sandbox, 1, 1800), secret), 1003),
        ("another secret key", signed(&head(), &valid(), "another"), 1000),
        ("expired, and another secret key", signed(&head(), &claims(&sandbox, -9, -1), "another"), 1000),
        ("another access key", signed(&head(), &with("iss", json!("another")), secret), 1002),
        ("no access key", signed(&head(), &with("iss", Value::Null), secret), 1002),
        ("no exp", signed(&head(), &with("exp", Value::Null), secret), 1002),
        ("exp as a text", signed(&head(), &with("exp", json!("9999999999")), secret), 1002),
        ("nbf as a text", signed(&head(), &with("nbf", json!("0")), secret), 1002),
        ("another algorithm", signed(&json!({"alg": "none", "typ": "JWT"}), &valid(), secret), 1002),
        ("claims that are no object", signed(&head(), &json!([]), secret), 1002),
        ("a plain key", sandbox.api_key().to_owned(), 1002),
        ("the access key", access.clone(), 1002),
        ("the secret key", secret.to_owned(), 1002),
        ("two parts", "a.b".into(), 1002),
        ("three parts that are no Base64", "ä.b.c".into(), 1002),
    ] {
        let (status, answer) = get(&sandbox, &token).await;
        assert_eq!(answer["code"], code, "{what}: {answer}");
        assert_eq!(status, if code == 0 { 200 } else { 401 }, "{what}");
    }
    let good = signed(&head(), &valid(), secret);
    let (signed, signature) = good.rsplit_once('.').expect("a signature");
    for changed in [format!("{signed}."), signed.to_owned(), format!("{good}="), format!("{good}.{signature}")] {
        let (_, answer) = get(&sandbox, &changed).await;
        assert!(answer["code"] == 1000 || answer["code"] == 1002, "{changed}: {answer}");
    }
}

#[tokio::test]
async fn a_token_expires_with_the_sandboxs_clock() {
    let sandbox = start_kling().await;
    let token = sandbox.token(Duration::from_secs(1800));
    assert_eq!(token, signed(&head(), &claims(&sandbox, 0, 1800), sandbox.secret_key()), "as everybody signs");
    sandbox.clock().advance(Duration::from_secs(1799));
    assert_eq!(get(&sandbox, &token).await.0, 200);
    sandbox.clock().advance(Duration::from_secs(1));
    let (status, answer) = get(&sandbox, &token).await;
    assert_eq!((status, &answer["code"]), (401, &json!(1004)));
    assert_eq!(get(&sandbox, &sandbox.token(Duration::from_secs(1))).await.0, 200);
}

#[tokio::test]
async fn one_token_can_be_refused_as_expired_before_its_time() {
    let sandbox = start_kling().await;
    sandbox.fault_next(Endpoint::Create, "1004".parse().expect("a fault"));
    let token = sandbox.token(Duration::from_secs(1800));
    let mut codes = Vec::new();
    for _ in 0..2 {
        let post = reqwest::Client::new().post(sandbox.endpoint()).bearer_auth(&token).json(&body());
        let answer = post.send().await.expect("an answer");
        codes.push((answer.status().as_u16(), answer.json::<Value>().await.expect("JSON")["code"].clone()));
    }
    assert_eq!(codes, [(401, json!(1004)), (200, json!(0))]);
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (2, 1));
}

#[tokio::test]
async fn kling_itself_serves_no_path_with_a_gateways_prefix() {
    let sandbox = start_kling().await;
    let token = sandbox.token(Duration::from_secs(1800));
    assert_eq!(sandbox.endpoint_of("videos/text2video"), format!("{}/v1/videos/text2video", sandbox.base_url()));
    for (path, known) in [
        ("/v1/videos/text2video", true),
        ("/kling/v1/videos/text2video", false),
        ("/kling/kling/v1/videos/text2video", false),
        ("/v1/videos", false),
    ] {
        let url = format!("{}{path}", sandbox.base_url());
        let answer = reqwest::Client::new().get(url).bearer_auth(&token).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let code = answer.json::<Value>().await.expect("JSON")["code"].clone();
        assert_eq!((status, code), if known { (200, json!(0)) } else { (404, json!(1203)) }, "{path}");
    }
}

#[tokio::test]
async fn a_gateway_takes_no_token_and_kling_itself_no_key_of_ones_own() {
    let gateway = start().await;
    let token = gateway.token(Duration::from_secs(1800));
    let (status, answer) = get(&gateway, &token).await;
    assert_eq!((status, &answer["code"]), (401, &json!(1002)));
    let error = Sandbox::builder().kling(true).key("mine").start().await.expect_err("it takes tokens alone");
    assert!(error.to_string().contains("takes no key"), "{error}");
}

#[tokio::test]
async fn a_token_or_a_key_of_the_account_is_noticed_at_the_outputs() {
    let sandbox = start_kling().await;
    let (token, secret, access) =
        (sandbox.token(Duration::from_secs(1800)), sandbox.secret_key(), sandbox.access_key());
    for (path, header, place) in [
        ("/".to_owned(), Some(format!("Bearer {token}")), "in the header `authorization`"),
        (format!("/?a=b&token={token}"), None, "in the query"),
        (format!("/?key={secret}"), None, "in the query"),
        (format!("/{access}"), None, "in the path"),
    ] {
        let mut request = reqwest::Client::new().get(format!("{}{path}", sandbox.video_origin()));
        if let Some(value) = header {
            request = request.header("authorization", value);
        }
        let before = sandbox.key_leaks().len();
        request.send().await.expect("the origin answers");
        let leaks = sandbox.key_leaks().split_off(before);
        assert!(leaks.len() == 1 && leaks[0].ends_with(place) && !leaks[0].contains(access), "{path}: {leaks:?}");
    }
    std::mem::forget(sandbox); // its drop would fail this test, as it should any other
}
