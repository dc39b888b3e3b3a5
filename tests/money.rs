//! Proves what a submit makes of responses that decide about money: a 429 that says nothing about a task, an account
//! without money, an external id that was used before, and a model that Kling retired.

mod support;

use std::time::Duration;

use kling_client::{Client, Error, ErrorKind, Image, MultiImageToVideo, Request, Result, Task};
use kling_sandbox::{Endpoint, Fault, Sandbox, ScriptedResponse};
use serde_json::json;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A gateway on a manual clock, and a client with its own policies on it.
struct Gateway {
    sandbox: Sandbox,
    client: Client,
}

impl Gateway {
    async fn start() -> Self {
        Self::of(Sandbox::builder().duplicates(true)).await
    }

    async fn of(builder: kling_sandbox::Builder) -> Self {
        let clock = kling_sandbox::Clock::manual();
        let sandbox = builder.clock(clock.clone()).start().await.unwrap();
        let client = Client::builder(sandbox.api_key())
            .base_url(sandbox.base_url())
            .clock(support::Jumping::over(&clock))
            .look_up_at([2, 5, 10, 30, 60].map(seconds))
            .build()
            .unwrap();
        Self { sandbox, client }
    }

    async fn submit(&self, request: Request, fault: Fault) -> Result<Task> {
        self.sandbox.fault_next(Endpoint::Create, fault);
        self.client.submit(request).await
    }

    fn count(&self, operation: Endpoint) -> usize {
        self.sandbox.requests().iter().filter(|request| request.operation == Some(operation)).count()
    }
}

/// A request with an id of the caller's own.
fn request(external_id: &str) -> Request {
    let images = [Image::url("https://example.com/cat.png")];
    MultiImageToVideo::builder().images(images).prompt("x").external_task_id(external_id).build().unwrap()
}

/// The pages and texts of limiters.
const LIMITERS: [&str; 5] = [
    "",
    "<html><head><title>429 Too Many Requests</title></head><body><hr>nginx</body></html>",
    "error code: 1015",
    r#"{"detail":"Too Many Requests"}"#,
    r#"{"error":{"message":"Resource has been exhausted (e.g. check quota).","code":""}}"#,
];

fn busy(body: &str) -> Fault {
    Fault::response(ScriptedResponse::new(429).body(body.to_owned()))
}

#[tokio::test]
async fn after_a_429_that_says_nothing_the_task_is_looked_up_before_the_request_is_retried() {
    for body in LIMITERS {
        // None was made: looked up at each moment, then retried.
        let gateway = Gateway::start().await;
        gateway.submit(request("mine"), busy(body)).await.unwrap();
        assert_eq!((gateway.sandbox.posts_received_whole(), gateway.sandbox.charged_for("mine")), (2, 1), "{body}");
        assert_eq!(gateway.count(Endpoint::Get), 5, "{body}");
        // One was made, by another channel, and is visible later: found, and not retried.
        for hidden in [0, 4, 29, 59] {
            let gateway = Gateway::start().await;
            let fault = busy(body).charged().hidden_for(seconds(hidden));
            let task = gateway.submit(request("mine"), fault).await.unwrap();
            assert_eq!((gateway.sandbox.posts_received_whole(), gateway.sandbox.charged_for("mine")), (1, 1), "{body}");
            assert_eq!(task.id(), gateway.sandbox.tasks()[0].id);
        }
    }
}

#[tokio::test]
async fn klings_own_limits_say_that_no_task_was_made_and_need_no_look_up() {
    for code in [1302, 1303] {
        let gateway = Gateway::start().await;
        let body = json!({"code": code, "message": "parallel task over resource pack limit"}).to_string();
        gateway.submit(request("mine"), busy(&body)).await.unwrap();
        assert_eq!((gateway.sandbox.posts_received_whole(), gateway.sandbox.charged_for("mine")), (2, 1));
        assert_eq!((gateway.count(Endpoint::Get), gateway.count(Endpoint::List)), (0, 0));
    }
}

#[tokio::test]
async fn a_look_up_that_nobody_answers_leaves_the_outcome_unknown() {
    for (status, body) in
        [(429, ""), (500, ""), (502, "<html>"), (403, "<html>"), (401, r#"{"code":1002,"message":"m"}"#)]
    {
        let gateway = Gateway::start().await;
        for operation in [Endpoint::Get, Endpoint::List] {
            gateway.sandbox.fault_always(operation, Fault::response(ScriptedResponse::new(status).body(body)));
        }
        let error = gateway.submit(request("mine"), busy("")).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Ambiguous, false), "{status}: {error}");
        assert!(error.may_have_been_charged() && error.external_task_id() == Some("mine"), "{error}");
        assert_eq!(gateway.sandbox.posts_received_whole(), 1, "{status}");
    }
}

#[tokio::test]
async fn without_an_external_id_such_a_429_is_not_retried_and_its_outcome_unknown() {
    let images = || [Image::url("https://example.com/cat.png")];
    for body in LIMITERS {
        let gateway = Gateway::start().await;
        let request =
            MultiImageToVideo::builder().images(images()).prompt("x").without_external_task_id().build().unwrap();
        let error = gateway.submit(request, busy(body)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Ambiguous, false), "{error}");
        assert_eq!(gateway.sandbox.posts_received_whole(), 1);
    }
}

#[tokio::test]
async fn an_account_without_money_is_never_retried_and_a_limit_on_requests_is_no_lack_of_money() {
    let gateway = Gateway::start().await;
    let message = |text: &str| json!({"error": {"message": text, "type": "new_api_error", "code": ""}}).to_string();
    let code = |word: &str| json!({"code": word, "message": "m", "data": null}).to_string();
    let sort = |word: &str| json!({"error": {"message": "m", "type": word, "code": null}}).to_string();
    let words = [
        "insufficient_quota",
        "insufficient_user_quota",
        "quota_not_enough",
        "pre_consume_token_quota_failed",
        "free_model_blocked_no_quota",
        "exceeded_current_quota_error",
        "billing_hard_limit_reached",
        "not_enough_balance",
    ];
    let phrases = [
        "Insufficient Balance",
        "insufficient account balance, 0 left",
        "Insufficient credits",
        "You have not enough credits",
        "Account balance not enough",
        "You exceeded your current quota, please check your plan",
        "user quota is not enough",
        "account in arrears",
        "Arrearage",
        "please recharge and retry",
        "用户余额不足",
        "额度不足",
        "该令牌额度已用尽",
        "预扣费额度失败, 用户剩余额度: ¥0",
        "账号已欠费",
        "积分不足",
        "点数不足",
    ];
    let mut bodies: Vec<_> = words.iter().flat_map(|word| [code(word), sort(word), message(word)]).collect();
    bodies.extend(phrases.iter().flat_map(|phrase| [message(phrase), (*phrase).to_owned()]));
    let refused = |error: &Error, case: &str| {
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Rejected, false), "{case}: {error}");
        assert!(!error.may_have_been_charged() && error.hint().is_some(), "{case}: {error}");
    };
    for status in [400, 402, 403, 429, 451] {
        for body in &bodies {
            let fault = Fault::response(ScriptedResponse::new(status).body(body.clone()));
            refused(&gateway.submit(request("mine"), fault).await.unwrap_err(), &format!("{status} {body}"));
        }
    }
    for body in ["", "<html>", "no", r#"{"detail":"payment"}"#] {
        refused(
            &gateway.submit(request("mine"), Fault::response(ScriptedResponse::new(402).body(body))).await.unwrap_err(),
            body,
        );
    }
    assert_eq!(gateway.sandbox.tasks_charged(), 0);
    for text in ["quota", "Resource has been exhausted (e.g. check quota).", "parallel task over resource pack limit"] {
        let charged = gateway.sandbox.tasks_charged();
        gateway.submit(request("mine"), busy(&message(text))).await.unwrap();
        assert_eq!(gateway.sandbox.tasks_charged(), charged + 1, "{text}");
        gateway.sandbox.clock().advance(seconds(10_000));
    }
}

#[tokio::test]
async fn an_older_task_with_an_id_of_the_callers_own_is_not_taken_for_this_one() {
    let gateway = Gateway::start().await;
    let older = gateway.submit(request("order-7"), Fault::none()).await.unwrap();
    gateway.sandbox.clock().advance(seconds(3600));
    // The response is lost, and no task was made.
    let error = gateway.submit(request("order-7"), Fault::hang_up()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    assert!(error.message().contains(older.id()), "{error}");
    // It is lost, and one was made, which only the list shows behind the older one.
    let task = gateway.submit(request("order-7"), Fault::hang_up().charged()).await.unwrap();
    assert_ne!(task.id(), older.id());
    assert_eq!(gateway.sandbox.charged_for("order-7"), 2);
    // Where the list cannot be had, the older one proves nothing.
    gateway.sandbox.clock().advance(seconds(3600));
    gateway.sandbox.fault_always(Endpoint::List, Fault::response(ScriptedResponse::new(500)));
    let error = gateway.submit(request("order-7"), busy("")).await.unwrap_err();
    assert_eq!((error.kind(), gateway.sandbox.charged_for("order-7")), (ErrorKind::Ambiguous, 2), "{error}");
}

#[tokio::test]
async fn a_minted_id_that_is_found_is_proof_whatever_the_dates_say() {
    let gateway = Gateway::start().await;
    let request = support::request();
    let id = request.external_task_id().unwrap();
    let found = json!({"code": 0, "data": {"task_id": "9", "task_status": "submitted", "task_info": {"external_task_id": id}, "created_at": 1}});
    gateway.sandbox.fault_always(Endpoint::Get, Fault::response(ScriptedResponse::new(200).body(found.to_string())));
    assert_eq!(gateway.submit(request, Fault::hang_up()).await.unwrap().id(), "9");
}

#[tokio::test]
async fn a_task_without_dates_leaves_the_outcome_unknown_and_is_named() {
    let gateway = Gateway::start().await;
    let found = |created: &str| {
        format!(
            r#"{{"code":0,"data":{{"task_id":"9","task_status":"submitted","external_task_id":"order-7"{created}}}}}"#
        )
    };
    let dated = format!(",\"created_at\":{}", gateway.sandbox.clock().unix_time().as_millis());
    for (created, is_dated) in [("", true), (dated.as_str(), false)] {
        let mut fault = Fault::response(ScriptedResponse::new(200).body(found(created)));
        if !is_dated {
            fault = fault.header("date", "soon");
        }
        gateway.sandbox.fault_always(Endpoint::Get, fault);
        let error = gateway.submit(request("order-7"), Fault::hang_up()).await.unwrap_err();
        assert_eq!((error.kind(), error.task_id()), (ErrorKind::Ambiguous, Some("9")), "{created} {is_dated}: {error}");
    }
    gateway.sandbox.fault_always(Endpoint::Get, Fault::response(ScriptedResponse::new(200).body(found(&dated))));
    assert_eq!(gateway.submit(request("order-7"), Fault::hang_up()).await.unwrap().id(), "9");
    // Whoever asks for the id itself means whichever task has it.
    assert_eq!(gateway.client.find_task(support::OPERATION, "order-7").await.unwrap().unwrap().id(), "9");
}

#[tokio::test]
async fn code_1201_after_an_attempt_that_may_have_arrived_is_looked_up_before_it_is_believed() {
    // The task of the first attempt is visible only after the look-ups, and its id refused at the second.
    let gateway = Gateway::of(Sandbox::builder()).await;
    let fault = busy("").charged().hidden_for(seconds(75));
    let task = gateway.submit(request("mine"), fault).await.unwrap();
    assert_eq!(task.id(), gateway.sandbox.tasks()[0].id);
    assert_eq!((gateway.sandbox.posts_received_whole(), gateway.sandbox.tasks_charged()), (2, 1));
    // With HTTP 200 too; and where nobody answers the look-ups, the outcome is unknown.
    for (answered, expected) in [(true, None), (false, Some(ErrorKind::Ambiguous))] {
        let gateway = Gateway::of(Sandbox::builder()).await;
        gateway.sandbox.fault_next(Endpoint::Create, busy("").charged().hidden_for(seconds(75)));
        let refusal = ScriptedResponse::new(200).body(r#"{"code":1201,"message":"external_task_id exists"}"#);
        gateway.sandbox.fault_next(Endpoint::Create, Fault::response(refusal));
        if !answered {
            // The first five look-ups are answered, and none after them.
            for operation in [Endpoint::Get, Endpoint::List] {
                (0..5).for_each(|_| gateway.sandbox.fault_next(operation, Fault::none()));
                gateway.sandbox.fault_always(operation, Fault::response(ScriptedResponse::new(500)));
            }
        }
        let result = gateway.client.submit(request("mine")).await;
        assert_eq!(result.err().map(|error| error.kind()), expected);
        assert_eq!(gateway.sandbox.tasks_charged(), 1);
    }
    // What was surely not sent makes no doubt: a wrong key stays a refusal, although it also refuses the look-up.
    let gateway = Gateway::start().await;
    let refused = || Fault::response(ScriptedResponse::new(401).body(r#"{"code":1002,"message":"m"}"#));
    gateway.sandbox.fault_next(Endpoint::Create, busy(r#"{"code":1303,"message":"m"}"#));
    gateway.sandbox.fault_next(Endpoint::Create, refused());
    for operation in [Endpoint::Get, Endpoint::List] {
        gateway.sandbox.fault_always(operation, refused());
    }
    let error = gateway.client.submit(request("mine")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Rejected, Some("1002")), "{error}");
    // A wrong parameter is one at the first attempt.
    let gateway = Gateway::start().await;
    let refusal = ScriptedResponse::new(400).body(r#"{"code":1201,"message":"m"}"#);
    let error = gateway.submit(request("mine"), Fault::response(refusal)).await.unwrap_err();
    assert_eq!((error.kind(), gateway.count(Endpoint::Get)), (ErrorKind::Rejected, 0), "{error}");
}

#[tokio::test]
async fn a_retired_model_is_refused_with_what_to_do() {
    let gateway = Gateway::start().await;
    for (status, body) in [
        (404, r#"{"code":1203,"message":"model is discontinued"}"#),
        (404, r#"{"error":{"message":"The model is discontinued","code":""}}"#),
        (404, "model is discontinued"),
        (404, r#"{"code":1203,"message":"model kling-v1-6 does not exist"}"#),
        (200, r#"{"code":1203,"message":"model is discontinued"}"#),
    ] {
        let fault = Fault::response(ScriptedResponse::new(status).body(body));
        let error = gateway.submit(request("mine"), fault).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Rejected, false), "{error}");
        assert!(error.hint().unwrap().contains("retire"), "{body}: {error}");
    }
    assert_eq!(gateway.sandbox.tasks_charged(), 0);
}
