//! What an outcome means: one pure function from how much was handed over and what came back, by the API's own tables.
//!
//! The code is asked before the HTTP status: 429 is also the status of an empty account, and 200 that of many refusals.
//! Whether a task may exist decides the kind of the error, and whether the same may be sent again is said per operation:
//! a query always may, a paid request only where the tables say that no task was made and that it may pass.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use url::Url;

use super::Envelope;
use super::redact::shown;
use crate::address::is_kling;
use crate::error::{Error, ErrorKind, Evidence, Meaning, Reason, sources};
use crate::transport::body::UploadError;
use crate::transport::{Outcome, Received, TransportError};

use Meaning::{Busy, Lacking, Later, Never, NotKnown, Unknown};
use Reason as R;

/// Kling's codes: from, to, the reason, what it means, what to do.
const CODES: &[(u32, u32, Reason, Meaning, &str)] = &[
    (1000, 1002, R::Auth, Never, "check the key, or access and secret key, and that it is of this gateway and region"),
    (1003, 1004, R::Auth, Never, "the token has expired or is not valid yet; check this machine's clock, or the key"),
    (1100, 1102, R::Balance, Never, "the account is in arrears, or its balance or pack is used up; top it up first"),
    (1103, 1103, R::Permission, Never, "the key has no permission for this; ask the gateway for it"),
    (1200, 1201, R::InvalidRequest, Never, "fix what the message names, and build the request again"),
    (1202, 1202, R::Unsupported, Never, "check the base URL"),
    (1203, 1203, R::NotFound, Never, "check the base URL, the task's id and the model's name"),
    (1300, 1301, R::ContentPolicy, Never, "the content was refused by policy; change the prompt or the images"),
    (1302, 1302, R::RateLimited, Later, "too many requests; wait, then retry"),
    (1303, 1303, R::ConcurrencyLimit, Later, "too many tasks of the account are running; wait, then retry"),
    (1304, 1304, R::Permission, Never, "this machine's address is not in the account's allow-list; add it there"),
    (5000, 5000, R::Internal, Unknown, "an internal error of the API"),
    (5001, 5001, R::Maintenance, Unknown, "the API is under maintenance"),
    (5002, 5002, R::Internal, Unknown, "the API timed out internally"),
];

/// Gateways' words, where Kling's code is missing or lost: a code or a phrase of the message; the statuses with which
/// the phrase counts, none being every 4xx; the reason; what it means; what to do. As the code itself, a word counts with
/// any status. The first row that fits counts: below the one of every 429, a 429 means "later" whatever it says.
type Words = (&'static [&'static str], &'static [u16], Reason, Meaning, &'static str);
const WORDS: &[Words] = &[
    (&[""], &[402], R::Balance, Never, NO_MONEY),
    (&["无效的令牌", "未提供令牌", "该令牌已过期"], &[401], R::Auth, Never, BAD_KEY),
    (&["该令牌额度已用尽"], &[401], R::Balance, Never, "the key's quota is used up; raise it at the gateway"),
    (MONEY, &[], R::Balance, Never, NO_MONEY),
    (&["upstream_load_saturated", "上游负载已饱和"], &[429, 403, 503], R::Overloaded, Busy, FULL),
    (&[""], &[429], R::RateLimited, Busy, LIMITER),
    (&["model_not_found", "无可用渠道"], &[503], R::ModelUnavailable, Never, NO_CHANNEL),
    (&["build_request_failed"], &[500], R::InvalidRequest, Never, NOT_RELAYED),
    (&["task_failed"], &[400], R::Unknown, Never, CODE_LOST),
    (&["task_not_exist", "record not found"], &[400, 404], R::NotFound, NotKnown, NO_SUCH_TASK),
    (&["invalid url"], &[404], R::Unsupported, Lacking, LACKING),
    (&["discontinued"], &[], R::ModelRetired, Never, RETIRED),
    (&["rate_limit"], &[], R::RateLimited, Busy, LIMITER),
];

/// What gateways say where the account has no money left. Never a bare "quota" or "resource pack", which code 1303 says,
/// and never "resource has been exhausted", which is a limit on requests.
const MONEY: &[&str] = &[
    "quota_not_enough",
    "insufficient_quota",
    "insufficient_user_quota",
    "pre_consume_token_quota_failed",
    "free_model_blocked_no_quota",
    "exceeded_current_quota_error",
    "billing_hard_limit_reached",
    "not_enough_balance",
    "insufficient balance",
    "insufficient account balance",
    "insufficient credits",
    "not enough credits",
    "balance not enough",
    "exceeded your current quota",
    "quota is not enough",
    "in arrears",
    "arrearage",
    "please recharge",
    "余额不足",
    "额度不足",
    "额度已用尽",
    "预扣费额度失败",
    "欠费",
    "积分不足",
    "点数不足",
];

/// What a gateway says of a failure somewhere behind it, from which everything else has been removed.
const SANITISED: (&[&str], &[u16]) = (&["server_error", "task request failed"], &[500, 503]);

const BAD_KEY: &str = "the key is wrong, missing or expired; check it at the gateway";
const FULL: &str = "the gateway's channels are full; wait, then retry";
const NO_CHANNEL: &str = "the gateway has no channel for this model; name another";
const NOT_RELAYED: &str = "the gateway refused the request before it relayed it; fix it";
const CODE_LOST: &str = "Kling refused, and the gateway lost its code; the message is Kling's";
const NO_SUCH_TASK: &str = "the task is unknown, or not visible yet; poll again";
const NO_MONEY: &str = "the gateway's account has no money left; top it up first";
const NAME_ANOTHER: &str =
    "check the model's name and the base URL; Kling retires models, so name one that is still served";
const RETIRED: &str = "Kling retired this model; name one that is still served";
const REGION: &str =
    "check the key, or try the other region: https://api-singapore.klingai.com or https://api-beijing.klingai.com";
/// The code of a key that is unknown, in this region.
const NO_KEY: u32 = 1002;
/// The code of an unknown model or resource.
const NO_MODEL: u32 = 1203;
const LACKING: &str = "the gateway lacks this operation; check the base URL, or use a gateway that has it";
const LIMITER: &str = "a limit on requests was reached; wait, then retry";

// What to do where no row says it.
pub(crate) const LOOK: &str =
    "a task may exist and be charged: look it up by its external task id (find_task) before submitting again";
const SUBMIT_AGAIN: &str = "no task was made, nothing is charged; submit it again";
const NO_TASK: &str = "no task was made, nothing is charged";
const REFUSED: &str = "no task was made, nothing is charged; the message says why";
const CHANGED: &str = "no task was made, nothing is charged; build the request again once the file is as it should be";
const ASK_AGAIN: &str = "a query changes nothing; retry it";

/// What was requested of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// What costs money: the create of a task, or a call that is answered at once.
    Submit,
    /// One task.
    Get,
    /// A page of tasks.
    List,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Get => "get",
            Self::List => "list",
        }
    }
}

/// Words by which the message of a failed task is known.
const FAILURES: &[(&[&str], Reason)] = &[
    (MONEY, R::Balance),
    (&["risk control", "sensitive", "policy", "content security", "nsfw", "风控", "敏感", "违规"], R::ContentPolicy),
    (&["invalid", "pixel", "unsupported", "not supported", "must be"], R::InvalidRequest),
    (&["internal", "timeout", "timed out", "server error"], R::Internal),
];

/// What the message of a failed task objects to.
pub(crate) fn failure(message: &str) -> Reason {
    let message = message.to_lowercase();
    let mut rows = FAILURES.iter();
    rows.find(|(words, _)| words.iter().any(|word| message.contains(word))).map_or(R::Unknown, |(_, reason)| *reason)
}

/// Classifies an outcome without the expected content. `now` is for dates in headers, `base` the base URL; the `secrets`
/// are redacted in what a server repeats.
pub(crate) fn classify(step: Step, outcome: Outcome, now: SystemTime, base: &str, secrets: &[&str]) -> Error {
    let paid = step == Step::Submit;
    let Outcome { handed_all, result } = outcome;
    let response = match result {
        Ok(response) => response,
        Err(failure) => return lost(step, failure, handed_all),
    };
    let response = &response;
    let envelope = Envelope::read(&response.body);
    let is_html = is_html(response);
    let (mut reason, mut meaning, mut hint) = row(response, &envelope, is_html);
    if meaning == Busy && paid && !handed_all {
        // No server has a whole request: whatever else was tried, no task was made.
        meaning = Later;
    }
    let status = response.status;
    // A poll of a task may meet a deploy page; to a create or a list a console responds where it has no such path.
    let lacks = is_html && status.is_success() && step != Step::Get;
    if lacks {
        (reason, hint) = (R::Unsupported, LACKING);
    } else if is_html && status.is_success() {
        hint = "a proxy or a deploy page may have responded; poll again, and check the base URL if this stays";
    } else if envelope.number() == Some(NO_KEY) && Url::parse(base).is_ok_and(|base| is_kling(&base)) {
        hint = REGION;
    } else if paid && meaning == NotKnown {
        hint = "";
    } else if paid && envelope.number() == Some(NO_MODEL) {
        reason = R::ModelRetired;
        hint = if hint == RETIRED { hint } else { NAME_ANOTHER };
    }
    let or = |usual: &str| if hint.is_empty() { usual.to_owned() } else { hint.to_owned() };
    let (kind, retryable, hint) = match meaning {
        // Before its last byte was handed over no server has a whole request, whatever it says of itself.
        Unknown if paid && !handed_all => (ErrorKind::NotSent, !status.is_redirection(), SUBMIT_AGAIN.to_owned()),
        Unknown if paid && hint.is_empty() => (ErrorKind::Ambiguous, false, LOOK.to_owned()),
        Unknown if paid => (ErrorKind::Ambiguous, false, format!("{hint}; {LOOK}")),
        Unknown => {
            let passing = status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT;
            (ErrorKind::UnexpectedResponse, passing || !is_html && !status.is_redirection(), or(ASK_AGAIN))
        }
        Never | Lacking if paid => (ErrorKind::Rejected, false, or(REFUSED)),
        Never | Lacking => (ErrorKind::Rejected, false, or("the message says why")),
        NotKnown => (ErrorKind::Rejected, !paid, or(REFUSED)),
        Later | Busy => (ErrorKind::Rejected, true, hint.to_owned()),
    };
    let clear = |text: String| shown(&text, secrets);
    let lack = format!("the gateway at {base} lacks this operation");
    let message = match envelope.message.or_else(|| plain(&response.body).filter(|_| !is_html)).map(clear) {
        Some(message) if meaning == Lacking => format!("{lack}: {message}"),
        Some(message) => message,
        None if is_html && meaning == Lacking || lacks => {
            format!("the gateway at {base} responded with a web page: it lacks this operation")
        }
        None if meaning == Lacking => lack,
        None => nameless(response, envelope.is_json, is_html),
    };
    let header = |name: &str| response.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let of_header = || ["x-oneapi-request-id", "x-request-id"].into_iter().find_map(header);
    let request_id = envelope.request_id.or_else(of_header).map(clear);
    Error::new(kind, step.name(), message)
        .with_response(Some(status.as_u16()), envelope.code.map(clear), request_id)
        .with_body((!response.body.is_empty()).then(|| clear(beginning(&response.body))))
        .with_retry(retryable, header(RETRY_AFTER.as_str()).and_then(|text| retry_after(&text, now)))
        .with_hint(hint)
        .with_evidence(Evidence { reason, meaning, is_json: envelope.is_json })
}

/// Classifies a call without a whole response.
fn lost(step: Step, failure: TransportError, handed_all: bool) -> Error {
    // The file that was not what it had been, if that is why the request was cut.
    let changed = match &failure {
        TransportError::Connection(error) => sources(error).find_map(|error| error.downcast_ref::<UploadError>()),
        _ => None,
    };
    let (kind, retryable, hint) = match (&failure, step == Step::Submit) {
        _ if changed.is_some() => (ErrorKind::NotSent, false, CHANGED),
        (TransportError::Unsent, true) => (ErrorKind::NotSent, false, NO_TASK),
        (_, true) if handed_all => (ErrorKind::Ambiguous, false, LOOK),
        (_, true) => (ErrorKind::NotSent, true, SUBMIT_AGAIN),
        (TransportError::TooLarge, false) => (ErrorKind::UnexpectedResponse, false, "request a smaller page"),
        (TransportError::Unsent, false) => (ErrorKind::Other, false, "nothing was sent"),
        (_, false) => (ErrorKind::Network, true, ASK_AGAIN),
    };
    let message = changed.map_or_else(|| failure.to_string(), ToString::to_string);
    let error = Error::new(kind, step.name(), message).with_retry(retryable, None).with_hint(hint);
    match failure {
        TransportError::Connection(source) => error.with_source(source),
        _ => error,
    }
}

/// The row of the tables that a response falls under, and its hint.
fn row(response: &Received, envelope: &Envelope, is_html: bool) -> (Reason, Meaning, &'static str) {
    let status = response.status;
    let plain = if envelope.is_json || is_html { String::new() } else { beginning(&response.body) };
    let code = envelope.code.as_deref().unwrap_or_default().to_lowercase();
    let said = [envelope.message.as_deref(), envelope.sort.as_deref(), Some(&plain)];
    let said: Vec<_> = said.into_iter().flatten().map(str::to_lowercase).chain([code.clone()]).collect();
    if let Some(number) = envelope.number()
        && let Some(&(_, _, reason, meaning, hint)) =
            CODES.iter().find(|(from, to, ..)| (*from..=*to).contains(&number))
    {
        let retired = number == NO_MODEL && said.iter().any(|text| text.contains("discontinued"));
        return if retired { (R::ModelRetired, meaning, RETIRED) } else { (reason, meaning, hint) };
    }
    let is_code = |words: &[&str]| {
        !code.is_empty() && words.iter().any(|word| code == *word || *word == "rate_limit" && code.starts_with(word))
    };
    let is_said = |words: &[&str], statuses: &[u16]| {
        (statuses.contains(&status.as_u16()) || statuses.is_empty() && status.is_client_error())
            && words.iter().any(|word| said.iter().any(|text| text.contains(word)))
    };
    if is_code(SANITISED.0) && SANITISED.1.contains(&status.as_u16()) || is_said(SANITISED.0, SANITISED.1) {
        return (R::Internal, Unknown, "something failed behind the gateway");
    }
    if let Some(&(.., reason, meaning, hint)) =
        WORDS.iter().find(|(words, statuses, ..)| is_code(words) || is_said(words, statuses))
    {
        return (reason, meaning, hint);
    }
    let refused = status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT;
    // HTTP 200 with an unknown number in an envelope is a refusal as well: that is how Kling says no.
    let coded = status.is_success() && envelope.number().is_some_and(|number| (1000..2000).contains(&number));
    let reason = match status.as_u16() {
        401 => R::Auth,
        403 => R::Permission,
        404 | 405 => R::NotFound,
        400 | 413 | 422 => R::InvalidRequest,
        500.. => R::Internal,
        _ => R::Unknown,
    };
    (reason, if refused || coded { Never } else { Unknown }, "")
}

/// The beginning of a body as text: more than is ever shown of one, so that it is cut where it is redacted.
fn beginning(body: &[u8]) -> String {
    const LONGEST: usize = 64 * 1024;
    String::from_utf8_lossy(&body[..body.len().min(LONGEST)]).into_owned()
}

fn is_html(response: &Received) -> bool {
    let declared = response.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let looks = beginning(&response.body).trim_start().to_ascii_lowercase();
    declared.is_some_and(|kind| kind.to_ascii_lowercase().contains("text/html"))
        || ["<!doctype html", "<html"].iter().any(|start| looks.starts_with(start))
}

/// A response of plain text, which is then the message.
fn plain(body: &[u8]) -> Option<String> {
    let text = beginning(body);
    let text = text.trim();
    (!text.is_empty() && !text.starts_with(['{', '['])).then(|| text.to_owned())
}

fn nameless(response: &Received, is_json: bool, is_html: bool) -> String {
    let what = match (response.body.len(), &response.encoding, is_json, is_html) {
        (_, Some(encoding), ..) => format!("encoded as {encoding:?}, which nobody asked for and which cannot be read"),
        (0, ..) => "nothing".to_owned(),
        (count, _, true, _) => format!("{count} bytes of JSON that say neither a task nor why not"),
        (count, _, _, true) => format!("a web page of {count} bytes"),
        (count, ..) => format!("{count} bytes that cannot be read"),
    };
    format!("the response was {what}")
}

/// `Retry-After` in seconds, with a fraction or as a date.
pub(crate) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    match text.trim().parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => Some(httpdate::parse_http_date(text.trim()).ok()?.duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::{Reading, Wanted, documents};
    use serde_json::Value;

    fn responded(handed_all: bool, status: u16, body: &[u8]) -> Outcome {
        let response = Received {
            status: StatusCode::from_u16(status).unwrap(),
            headers: http::HeaderMap::new(),
            body: body.to_vec().into(),
            encoding: None,
        };
        Outcome { handed_all, result: Ok(response) }
    }

    fn kind(outcome: Outcome) -> ErrorKind {
        classify(Step::Submit, outcome, SystemTime::UNIX_EPOCH, "https://gateway.example", &[]).kind()
    }

    #[test]
    fn a_lost_response_is_ambiguous_only_if_the_last_byte_was_handed_over() {
        let failures: [fn() -> TransportError; 3] = [
            || TransportError::Stalled(Duration::from_secs(60)),
            || TransportError::Silent(Duration::from_secs(120)),
            || TransportError::TooLarge,
        ];
        for failure in failures {
            for (handed_all, expected) in [(false, ErrorKind::NotSent), (true, ErrorKind::Ambiguous)] {
                assert_eq!(
                    kind(Outcome { handed_all, result: Err(failure()) }),
                    expected,
                    "{} {handed_all}",
                    failure()
                );
            }
        }
    }

    #[test]
    fn an_early_response_is_a_refusal_where_it_says_so_and_not_sent_where_it_says_nothing() {
        for (status, body, expected) in [
            (401, "", ErrorKind::Rejected),
            (413, "<html>too large</html>", ErrorKind::Rejected),
            (429, "", ErrorKind::Rejected),
            (503, r#"{"code":"server_error","message":"m"}"#, ErrorKind::NotSent),
            (502, "<html>bad gateway</html>", ErrorKind::NotSent),
            (301, "", ErrorKind::NotSent),
            (200, "{}", ErrorKind::NotSent),
        ] {
            assert_eq!(kind(responded(false, status, body.as_bytes())), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_429_to_a_body_that_was_not_handed_over_whole_says_that_no_task_was_made() {
        for (handed_all, meaning) in [(false, Later), (true, Busy)] {
            let outcome = responded(handed_all, 429, b"<html>Too Many Requests</html>");
            let error = classify(Step::Submit, outcome, SystemTime::UNIX_EPOCH, "https://gateway.example", &[]);
            assert_eq!(error.evidence().meaning, meaning, "{handed_all}");
        }
    }

    #[test]
    fn a_key_that_is_unknown_at_kling_itself_may_be_one_of_the_other_region() {
        for (base, code, named) in [
            ("https://api-singapore.klingai.com", 1002, true),
            ("https://api-beijing.klingai.com", 1002, true),
            ("https://api-beijing.klingai.com", 1000, false),
            ("https://gateway.example", 1002, false),
        ] {
            for step in [Step::Submit, Step::Get] {
                let outcome = responded(true, 401, format!(r#"{{"code":{code},"message":"m"}}"#).as_bytes());
                let error = classify(step, outcome, SystemTime::UNIX_EPOCH, base, &[]);
                assert_eq!(error.hint().unwrap().contains("api-singapore.klingai.com"), named, "{base} {code}");
            }
        }
    }

    /// JSON in the words that responses use, so that most of what is made comes near to one.
    fn json(random: &mut fastrand::Rng, depth: u32) -> Value {
        const WORDS: [&str; 16] = [
            "",
            "0",
            "1303",
            "success",
            "failed",
            "SUCCESS",
            "task_not_exist",
            "fail_to_fetch_task",
            "https://a.example/?sig=1",
            "{\"code\":1,\"message\":\"{}\"}",
            "5.1",
            "video",
            "request id: ",
            "-1",
            "1e999",
            "上游负载已饱和",
        ];
        const NAMES: [&str; 21] = [
            "code",
            "message",
            "data",
            "error",
            "type",
            "task_id",
            "id",
            "object",
            "task_status",
            "status",
            "task_result",
            "videos",
            "url",
            "duration",
            "created_at",
            "submit_time",
            "fail_reason",
            "task_info",
            "external_task_id",
            "request_id",
            "metadata",
        ];
        match random.u8(..if depth == 0 { 6 } else { 12 }) {
            0 => Value::Null,
            1 => random.bool().into(),
            2 => random.i64(..).into(),
            // Written and read back without a loss.
            3 => (f64::from(random.i32(..)) / 8.0).into(),
            4 => WORDS[random.usize(..WORDS.len())].into(),
            5 => (0..random.usize(..20)).map(|_| random.char(..)).collect::<String>().into(),
            6 | 7 => (0..random.usize(..4)).map(|_| json(random, depth - 1)).collect(),
            _ => {
                let name = |random: &mut fastrand::Rng| NAMES[random.usize(..NAMES.len())].to_owned();
                (0..random.usize(..8)).map(|_| (name(random), json(random, depth - 1))).collect()
            }
        }
    }

    #[test]
    fn nothing_that_a_server_can_send_panics_or_shows_a_secret() {
        for seed in 0..1000 {
            let random = &mut fastrand::Rng::with_seed(seed);
            let mut body = json(random, 6).to_string().into_bytes();
            if random.bool() {
                body = (0..random.usize(..100)).map(|_| random.u8(..)).collect();
            }
            let letters = ['a', 'b', 'y', 'z', '"', '\\', 'é'];
            let secret: String = (0..random.usize(8..=12)).map(|_| letters[random.usize(..letters.len())]).collect();
            let (status, paid) = (random.u16(200..600), random.bool());
            let step = if paid { Step::Submit } else { Step::Get };
            let body = String::from_utf8_lossy(&body).replace("failed", &secret).into_bytes();
            let outcome = responded(true, status, &body);
            let error = classify(step, outcome, SystemTime::UNIX_EPOCH, "https://gateway.example", &[&secret]);
            let parts = [Some(error.message()), error.code(), error.request_id(), error.body_snippet()];
            assert!(parts.into_iter().flatten().all(|part| !part.contains(&secret)), "seed {seed}: {error}");
            assert!(!error.to_string().contains(|c: char| c.is_control()), "seed {seed}");
            assert!(!error.to_string().contains("sig=1"), "seed {seed}: {error}");
            // A paid request whose response is an error of the server's is never called refused without a row that says so.
            let envelope = Envelope::read(&body);
            if paid && (500..600).contains(&status) && envelope.code.is_none() && envelope.message.is_none() {
                assert!(error.kind() == ErrorKind::Ambiguous || !envelope.is_json, "seed {seed}: {error}");
            }
        }
    }

    #[test]
    fn a_task_that_can_be_read_has_an_id_and_its_videos_have_addresses() {
        let mut read = 0;
        for seed in 0..1000 {
            let body = json(&mut fastrand::Rng::with_seed(seed), 6);
            let text = body.to_string();
            let reading = Reading { wanted: Wanted::Any, kind: None, base: None, date: None, clean: true };
            let task = documents(text.as_bytes()).find_map(|(document, text)| reading.task(&document, text));
            if let Some(info) = task {
                read += 1;
                assert_eq!(info.raw(), &body, "seed {seed}");
                assert!(!info.task_id.trim().is_empty(), "seed {seed}");
                assert!(info.outputs.iter().all(|output| !output.url.is_empty()), "seed {seed}");
            }
        }
        assert!(read > 0, "no body came near to a task");
    }
}
