//! The faults by name: every row of the tables of what Kling and its gateways are known to respond, and every way of losing a
//! request or a response; for the command line, and for tests that go through all of them. Each entry says what a client may
//! conclude, so that a test can hold a client against it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fault::{Fault, RetryAfter, Target};
use crate::media::FILM;
use crate::script::{Endpoint, ScriptedResponse};

/// Grammar of a fault's text, for a command's help.
pub const FAULT_SYNTAX: &str = "[OPERATION=]NAME[:NUMBER][+MODIFIER[:VALUE]]...";

/// A fault that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedFault {
    /// Its name for `--fault` and for [`Fault`]'s `FromStr`.
    pub name: String,
    /// What happens, in one line.
    pub summary: String,
    /// The fault itself.
    pub fault: Fault,
    /// Whether a valid request that meets it is charged.
    pub charged: bool,
    /// What its sender can know of the task afterwards.
    pub tells: Tells,
    /// Whether the sender may retry after a back-off; where the response says nothing of a task, after it looked the task up.
    pub again: bool,
}

/// What a sender can know of its task, once the fault is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tells {
    /// The request did not arrive whole, so there is no task. A sender that had handed over its last byte cannot
    /// distinguish this from [`Tells::Nothing`].
    NotWhole,
    /// The response says that no task was made.
    NoTask,
    /// There may be a task, or not.
    Nothing,
    /// The response has the task.
    Task,
}

/// A fault, and the kind of request that it is for. Without a kind in the text, it is for creates, or for outputs if its
/// own name begins with `video-`.
///
/// ```
/// use kling_sandbox::{Fault, Endpoint, ScriptedFault};
///
/// let scripted: ScriptedFault = "video=cut-answer:10000".parse()?;
/// assert_eq!(scripted.operation, Endpoint::Video);
/// assert_eq!(scripted.fault, Fault::cut_response(10_000));
/// assert_eq!("video-410".parse::<ScriptedFault>()?.operation, Endpoint::Video);
/// assert_eq!("create=video-410".parse::<ScriptedFault>()?.operation, Endpoint::Create);
/// # Ok::<(), kling_sandbox::UnknownFault>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScriptedFault {
    /// Kind of the requests that it waits for.
    pub operation: Endpoint,
    /// The fault.
    pub fault: Fault,
}

/// Error of a text that names no fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault(String);

impl Fault {
    /// Every named fault: each way of losing a request or a response, each form of `Retry-After`, each redirect, and
    /// [`Fault::refusals`]. Those that take a number are here with a few of them.
    pub fn all() -> Vec<NamedFault> {
        let mut all = transport();
        all.extend(retry_after_forms());
        all.extend(redirects());
        all.extend(reshaped());
        all.extend(unreadable());
        all.extend(Self::refusals());
        all
    }

    /// Every way in which the origin of the outputs is known to fail, or may: by HTTP's own rules, or against them. A create
    /// may meet them too; that is what `tells` and `again` are about.
    ///
    /// Transfers that are cut, stall or trickle are among those of [`Fault::all`].
    pub fn videos() -> Vec<NamedFault> {
        videos()
    }

    /// Every code and word with which Kling and its gateways are known to refuse a request, in each HTTP status and shape on
    /// record. Where a response leaves open whether a task was made, it is here twice: charged, and not.
    pub fn refusals() -> Vec<NamedFault> {
        let mut rows = native();
        rows.extend(worded());
        let (unknown, known): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.tells == Tells::Nothing);
        let charged = unknown.iter().map(NamedFault::but_charged).collect::<Vec<_>>();
        known.into_iter().chain(unknown).chain(charged).collect()
    }
}

impl NamedFault {
    fn new(name: impl Into<String>, summary: impl Into<String>, fault: Fault, tells: Tells) -> Self {
        let charged = fault.is_charged();
        Self { name: name.into(), summary: summary.into(), fault, charged, tells, again: false }
    }

    fn again(self) -> Self {
        Self { again: true, ..self }
    }

    fn but_charged(&self) -> Self {
        let name = format!("{}+charged", self.name);
        let charged = Self::new(name, format!("{}; charged", self.summary), self.fault.clone().charged(), self.tells);
        Self { again: self.again, ..charged }
    }
}

impl FromStr for ScriptedFault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let (operation, fault) = match text.split_once('=') {
            Some((operation, fault)) => (operation.parse()?, fault),
            // A create would meet it as well, and show nothing of it.
            None if text.starts_with("video-") => (Endpoint::Video, text),
            None => (Endpoint::Create, text),
        };
        Ok(Self { operation, fault: fault.parse()? })
    }
}

impl FromStr for Endpoint {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        match text {
            "create" => Ok(Self::Create),
            "get" => Ok(Self::Get),
            "list" => Ok(Self::List),
            "video" => Ok(Self::Video),
            _ => Err(UnknownFault(format!("`{text}` is not an operation; choose create, get, list or video"))),
        }
    }
}

/// `none`, a name of [`Fault::all`] or [`Fault::videos`], or one of them with other numbers; and any of the modifiers
/// `+charged`, `+header:NAME=VALUE`, `+no-header:NAME`, `+ignore-range`, `+cut:BYTES`, `+end:BYTES`, `+hidden:SECONDS`, `+after:SECONDS`,
/// `+gzip`, `+mark`, `+wrapped:STATUS/REASON`, `+retry-after:SECONDS`, `+retry-after-date:SECONDS`, `+retry-after-past:SECONDS` and `+retry-after-text:TEXT`.
impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let mut words = text.split('+');
        let base = base(words.next().unwrap_or_default())?;
        words.try_fold(base, modified)
    }
}

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnknownFault {}

fn base(text: &str) -> Result<Fault, UnknownFault> {
    let (name, value) = text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value)));
    let bytes = || number(text, value);
    let paced = || -> Result<(u64, Duration), UnknownFault> {
        let (bytes, every) = value.and_then(|value| value.split_once('/')).unwrap_or_default();
        Ok((number(text, Some(bytes))?, seconds(text, Some(every))?))
    };
    match name {
        "cut-body" => Ok(Fault::cut_body(bytes()?)),
        "cut-connection" => Ok(Fault::cut_connection(bytes()?)),
        "cut-answer" => Ok(Fault::cut_response(bytes()?)),
        "slow-request" => paced().map(|(bytes, every)| Fault::slow_request(bytes, every)),
        "slow-answer" => paced().map(|(bytes, every)| Fault::slow_response(bytes, every)),
        "delayed" => seconds(text, value).map(Fault::delayed),
        "hidden" => seconds(text, value).map(Fault::hidden),
        "none" if value.is_none() => Ok(Fault::none()),
        _ => {
            let found = Fault::all().into_iter().chain(Fault::videos()).find(|named| named.name == text);
            found.map(|named| named.fault).ok_or_else(|| {
                UnknownFault(format!("no fault is called `{text}`; `--fault list` and `Fault::all` have the names"))
            })
        }
    }
}

fn modified(fault: Fault, text: &str) -> Result<Fault, UnknownFault> {
    let (name, value) = text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value)));
    match name {
        "charged" if value.is_none() => {
            let charged = fault.charged();
            let reason = "`+charged` is for faults that read the whole request before they respond";
            if charged.is_charged() { Ok(charged) } else { Err(UnknownFault(reason.into())) }
        }
        "header" => {
            let (name, value) = value.and_then(|value| value.split_once('=')).ok_or_else(|| {
                UnknownFault(format!("`+{text}` lacks its value; write it as `+header:etag=W/\"7\"`"))
            })?;
            Ok(fault.header(name, value))
        }
        "no-header" => Ok(fault.without_header(value.unwrap_or_default())),
        "ignore-range" if value.is_none() => Ok(fault.ignoring_range()),
        "gzip" if value.is_none() => Ok(fault.gzip()),
        "mark" if value.is_none() => Ok(fault.between("\u{feff}", "")),
        "wrapped" => {
            let (status, reason) = value.map(|value| value.split_once('/').unwrap_or((value, ""))).unwrap_or_default();
            Ok(fault.wrapped(status, reason))
        }
        "cut" => Ok(fault.cut_after(number(text, value)?)),
        "end" => Ok(fault.end_after(number(text, value)?)),
        "hidden" => Ok(fault.hidden_for(seconds(text, value)?)),
        "after" => Ok(fault.after(seconds(text, value)?)),
        "retry-after" => Ok(fault.retry_after(RetryAfter::Seconds(number(text, value)?))),
        "retry-after-date" => Ok(fault.retry_after(RetryAfter::DateIn(seconds(text, value)?))),
        "retry-after-past" => Ok(fault.retry_after(RetryAfter::DateAgo(seconds(text, value)?))),
        "retry-after-text" => Ok(fault.retry_after(RetryAfter::Text(value.unwrap_or_default().to_owned()))),
        _ => Err(UnknownFault(format!(
            "`+{text}` changes no fault; choose charged, header:NAME=VALUE, no-header:NAME, ignore-range, cut:BYTES, end:BYTES, hidden:SECONDS, after:SECONDS, gzip, mark, wrapped:STATUS/REASON, retry-after:SECONDS, \
             retry-after-date:SECONDS, retry-after-past:SECONDS or retry-after-text:TEXT"
        ))),
    }
}

fn number(text: &str, value: Option<&str>) -> Result<u64, UnknownFault> {
    value.and_then(|value| value.parse().ok()).ok_or_else(|| {
        UnknownFault(format!(
            "`{text}` lacks its number; write it as `cut-body:100`, or `slow-answer:10/1.5` for bytes and seconds"
        ))
    })
}

fn seconds(text: &str, value: Option<&str>) -> Result<Duration, UnknownFault> {
    let seconds = value.and_then(|value| value.parse().ok());
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).ok_or_else(|| {
        UnknownFault(format!(
            "`{text}` lacks its seconds; write it as `delayed:1.5`, or `slow-answer:10/1.5` for bytes and seconds"
        ))
    })
}

fn transport() -> Vec<NamedFault> {
    let second = Duration::from_secs(1);
    let mut all = Vec::new();
    for bytes in [0, 1, 100] {
        let summary = format!("the connection is closed after byte {bytes} of the body");
        let fault = Fault::cut_body(bytes);
        all.push(NamedFault::new(format!("cut-body:{bytes}"), summary, fault, Tells::NotWhole).again());
        let summary = format!("the connection is closed after byte {bytes} of the request");
        let fault = Fault::cut_connection(bytes);
        all.push(NamedFault::new(format!("cut-connection:{bytes}"), summary, fault, Tells::NotWhole).again());
    }
    for (name, summary, fault) in [
        ("hang-up", "the request is read, and the connection closed without a response", Fault::hang_up()),
        ("silence", "the request is read, and never responded to", Fault::silence()),
    ] {
        let named = NamedFault::new(name, summary, fault, Tells::Nothing);
        all.extend([named.but_charged(), named]);
    }
    for bytes in [0, 1, 16, 100] {
        let summary = format!("the task is made, and the connection closed after byte {bytes} of the response");
        all.push(NamedFault::new(format!("cut-answer:{bytes}"), summary, Fault::cut_response(bytes), Tells::Nothing));
    }
    let early = [
        (401, native_error(401, 1002, "access key not found"), false),
        (413, html(413, "Request Entity Too Large"), false),
        (429, native_error(429, 1302, "too many requests"), true),
    ];
    for (status, answer, again) in early {
        let summary = format!("{status} is sent before the body is read, and the connection closed");
        let fault = Fault::early(answer.clone());
        let unread = NamedFault::new(format!("early-{status}"), summary, fault, Tells::NoTask);
        let summary = format!("{status} is sent before the body is read, and the body read afterwards");
        let fault = Fault::early_drained(answer);
        let drained = NamedFault::new(format!("early-{status}-drained"), summary, fault, Tells::NoTask);
        all.extend([unread, drained].map(|named| NamedFault { again, ..named }));
    }
    let clock = "of the sandbox's clock";
    let slow = [
        ("slow-request:65536/1", "64 KiB of the body are read each second", Fault::slow_request(65_536, second)),
        ("slow-answer:10/1", "10 bytes of the response are sent each second", Fault::slow_response(10, second)),
        ("delayed:10", "the response comes after 10 seconds", Fault::delayed(10 * second)),
        ("hidden:20", "the task can be queried after 20 seconds", Fault::hidden(20 * second)),
    ];
    all.extend(slow.map(|(name, what, fault)| NamedFault::new(name, format!("{what} {clock}"), fault, Tells::Task)));
    let summary = format!("the response is lost, and the task can be queried after 20 seconds {clock}");
    let lost = Fault::hang_up().charged().hidden_for(20 * second);
    all.push(NamedFault::new("hang-up+charged+hidden:20", summary, lost, Tells::Nothing));
    all
}

fn retry_after_forms() -> impl Iterator<Item = NamedFault> {
    let busy = || Fault::response(native_error(429, 1302, "too many requests"));
    let minute = Duration::from_secs(60);
    let forms = [
        ("retry-after:2", RetryAfter::Seconds(2)),
        ("retry-after:0", RetryAfter::Seconds(0)),
        ("retry-after:86400", RetryAfter::Seconds(86_400)),
        ("retry-after:18446744073709551615", RetryAfter::Seconds(u64::MAX)),
        ("retry-after-date:60", RetryAfter::DateIn(minute)),
        ("retry-after-past:60", RetryAfter::DateAgo(minute)),
        ("retry-after-text:1.5", RetryAfter::Text("1.5".into())),
        ("retry-after-text:-1", RetryAfter::Text("-1".into())),
        ("retry-after-text:soon", RetryAfter::Text("soon".into())),
        ("retry-after-text:", RetryAfter::Text(String::new())),
    ];
    forms.into_iter().map(move |(name, form)| {
        let summary = "too many requests, with this Retry-After";
        NamedFault::new(format!("1302+{name}"), summary, busy().retry_after(form), Tells::NoTask).again()
    })
}

fn redirects() -> Vec<NamedFault> {
    let mut all = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        for (name, where_to, target) in
            [("itself", "to the same address", Target::Itself), ("elsewhere", "to another origin", Target::Elsewhere)]
        {
            let summary = format!("{status} leads {where_to}");
            let fault = Fault::redirect(status, target);
            let named = NamedFault::new(format!("{status}-{name}"), summary, fault, Tells::Nothing);
            all.extend([named.but_charged(), named]);
        }
    }
    all
}

/// Responses of the origin of the outputs when something is wrong with it.
fn videos() -> Vec<NamedFault> {
    let refusal = |status, code: &str| {
        text(status, "application/xml", &format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>"))
    };
    let changed = || Fault::none().header("etag", "\"another\"");
    let film = |status: u16| {
        let range = format!("bytes 0-{}/{}", FILM.len() - 1, FILM.len());
        ScriptedResponse::new(status).header("content-type", "video/mp4").header("content-range", range).body(FILM)
    };
    let error = |message: &str| json!({"error": {"message": message, "type": "invalid_request_error"}});
    let file = |body: &'static [u8]| ScriptedResponse::new(200).header("content-type", "video/mp4").body(body);
    let wrong_range = Fault::none().header("content-range", "bytes 0-9/10");
    let no_length = Fault::none().without_header("content-length").ignoring_range();
    let task = [
        ("video-changed", "the whole of a video with another entity tag", changed().ignoring_range()),
        ("video-glued", "the requested part, with another entity tag", changed()),
        ("video-no-etag", "a response without an entity tag", Fault::none().without_header("etag")),
        ("video-weak-etag", "a weak entity tag", Fault::none().header("etag", "W/\"weak\"")),
        ("video-ignores-range", "the whole, also if a part is requested", Fault::none().ignoring_range()),
        ("video-wrong-range", "a part that claims to be another", wrong_range),
        ("video-no-length", "the whole, without a length", no_length),
    ];
    let busy = |status| refusal(status, "SlowDown").header("retry-after", "2");
    let outside = |range| refusal(416, "InvalidRange").header("content-range", range);
    let early = json(400, &error("the task is not completed yet"));
    let no_task = [
        ("video-416", "416, nothing is so far behind", outside("bytes */1")),
        ("video-416-complete", "416, the video ends at byte 10000", outside("bytes */10000")),
        ("video-425", "425, the video is not ready yet", ScriptedResponse::new(425)),
        ("video-400-json", "400 with JSON, the task is not done", early),
        ("video-400-xml", "400 with XML, the URL has expired", refusal(400, "ExpiredToken")),
        ("video-401", "401, the URL is refused", refusal(401, "AccessDenied")),
        ("video-403", "403, the URL has expired", refusal(403, "AccessDenied")),
        ("video-404", "404, the video is gone", refusal(404, "NoSuchKey")),
        ("video-410", "410, the video is gone", refusal(410, "Gone")),
        ("video-429", "429 with a Retry-After", busy(429)),
    ];
    let length = |length| Fault::none().header("content-length", length);
    let private = ScriptedResponse::redirect(302, "https://10.0.0.1/cat.mp4");
    let webm = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01";
    let nothing = [
        ("video-too-short", "a length far beyond the last byte that comes", length("999999999")),
        ("video-short-length", "a length of 10000, and no more comes", length("10000")),
        ("video-truncated", "10000 bytes, without a length", Fault::none().end_after(10_000)),
    ];
    let responses = [
        ("video-206", "the project's film as a part that nobody requested", film(206)),
        ("video-202", "202, the video is not ready yet", ScriptedResponse::new(202)),
        ("video-204", "204, the video is not ready yet", ScriptedResponse::new(204)),
        ("video-empty", "200 with an empty body", ScriptedResponse::new(200)),
        ("video-xml", "200 with XML, the URL has expired", refusal(200, "ExpiredToken")),
        ("video-json", "200 with JSON, the URL has expired", json(200, &error("the link has expired"))),
        ("video-gzip", "200 with a body encoded by gzip", file(GZIP).header("content-encoding", "gzip")),
        ("video-webm", "200 with a WebM", file(webm)),
        ("video-mov", "200 with a MOV of the time before brands", file(b"\0\0\0\x08wide\0\0\0\x08mdat")),
        ("video-gif", "200 with a GIF", file(b"GIF89a\x01\0\x01\0\0\0\0;")),
        ("video-private", "a redirect to a private address", private),
        ("video-html", "200 with a page of HTML", html(200, "Sign in")),
        ("video-500", "500, without a Retry-After", refusal(500, "InternalError")),
        ("video-503", "503 with a Retry-After", busy(503)),
    ];
    let all = task.map(|(name, summary, fault)| NamedFault::new(name, summary, fault, Tells::Task)).into_iter();
    let no_task = no_task.map(|(name, summary, answer)| {
        let named = NamedFault::new(name, summary, Fault::response(answer), Tells::NoTask);
        NamedFault { again: name == "video-429", ..named }
    });
    let responses = responses.map(|(name, summary, answer)| (name, summary, Fault::response(answer)));
    let nothing = nothing.into_iter().chain(responses);
    let nothing = nothing.map(|(name, summary, fault)| NamedFault::new(name, summary, fault, Tells::Nothing));
    all.chain(no_task).chain(nothing).collect()
}

/// Responses that say all, in a form that a client may not expect.
fn reshaped() -> Vec<NamedFault> {
    let rows = [
        ("none+gzip", "the response is encoded by gzip, which nobody requested", Fault::none().gzip()),
        ("none+mark", "a byte order mark stands before the response", Fault::none().between("\u{feff}", "")),
    ];
    rows.map(|(name, summary, fault)| NamedFault::new(name, summary, fault, Tells::Task)).into()
}

/// No video, compressed.
const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";

/// Responses that say nothing that a client could read.
fn unreadable() -> Vec<NamedFault> {
    let rows = [
        ("200-html", "200 with a page of HTML", html(200, "Console")),
        ("200-empty", "200 with an empty body", ScriptedResponse::new(200)),
        (
            "200-half-json",
            "200 with half an object",
            text(200, "application/json", r#"{"code":0,"data":{"task_id":"8"#),
        ),
        (
            "200-no-task",
            "200 with code 0 and no task",
            json(200, &json!({"code": 0, "message": "SUCCEED", "data": null})),
        ),
        ("204", "204, without a body", ScriptedResponse::new(204)),
        ("408-empty", "408 with an empty body", ScriptedResponse::new(408)),
        ("500-empty", "500 with an empty body", ScriptedResponse::new(500)),
        ("500-text", "500 with a line of text", text(500, "text/plain", "Internal Server Error")),
        ("502-html", "502 with a page of HTML", html(502, "Bad Gateway")),
        ("503-html", "503 with a page of HTML", html(503, "Service Temporarily Unavailable")),
        ("504-html", "504 with a page of HTML", html(504, "Gateway Time-out")),
        ("520-html", "520, a status of one vendor's proxies", html(520, "Web server is returning an unknown error")),
    ];
    let rows = rows.into_iter().map(|(name, summary, answer)| {
        let named = NamedFault::new(name, summary, Fault::response(answer), Tells::Nothing);
        [named.but_charged(), named]
    });
    rows.flatten().collect()
}

/// Kling's own codes, in Kling's own envelope.
fn native() -> Vec<NamedFault> {
    const ROWS: [(u16, u16, &str); 21] = [
        (401, 1000, "authentication failed"),
        (401, 1001, "authorization is empty"),
        (401, 1002, "access key not found"),
        (401, 1003, "the token is not yet valid"),
        (401, 1004, "the token has expired"),
        (429, 1100, "account exception"),
        (429, 1101, "account in arrears"),
        (429, 1102, "account balance not enough"),
        (403, 1103, "no permission"),
        (400, 1200, "the request is invalid"),
        (400, 1201, "a parameter is invalid"),
        (404, 1202, "the method is invalid"),
        (404, 1203, "the resource does not exist"),
        (400, 1300, "refused by the platform's policy"),
        (400, 1301, "refused by content security"),
        (429, 1302, "too many requests"),
        (429, 1303, "parallel task over resource pack limit"),
        (429, 1304, "the address is not in the allow-list"),
        (500, 5000, "internal error"),
        (503, 5001, "under maintenance"),
        (504, 5002, "internal timeout"),
    ];
    let rows = ROWS.into_iter().map(|(status, code, message)| {
        let fault = Fault::response(native_error(status, code, message));
        let tells = if code >= 5000 { Tells::Nothing } else { Tells::NoTask };
        let named = NamedFault::new(code.to_string(), format!("{status}, {message}"), fault, tells);
        NamedFault { again: matches!(code, 1302 | 1303), ..named }
    });
    rows.collect()
}

/// Responses of gateways, where the numeric code is missing or lost.
fn worded() -> Vec<NamedFault> {
    let row = |name: String, summary: &str, answer: ScriptedResponse, tells, again| {
        let status = answer.status;
        let named = NamedFault::new(name, format!("{status}, {summary}"), Fault::response(answer), tells);
        NamedFault { again, ..named }
    };
    let mut all = Vec::new();
    for status in [429, 403, 503] {
        let full = "the gateway's channels are full";
        let answer = word(status, "upstream_load_saturated", "all channels are busy");
        all.push(row(format!("{status}-upstream_load_saturated"), full, answer, Tells::Nothing, true));
        let answer = error(status, "当前分组上游负载已饱和，请稍后再试", "");
        all.push(row(format!("{status}-saturated-zh"), full, answer, Tells::Nothing, true));
    }
    let limited = "a limiter, or one of several channels behind the gateway";
    for (name, answer) in [
        ("429-empty", ScriptedResponse::new(429)),
        ("429-html", html(429, "Too Many Requests")),
        ("429-text", text(429, "text/plain", "Too Many Requests")),
        ("429-detail", json(429, &json!({"detail": "Too Many Requests"}))),
        ("429-rate_limit", error(429, "rate limit reached, try again later", "rate_limit_exceeded")),
        ("429-rate-limit-zh", error(429, "您已达到请求数限制：1分钟内最多请求60次", "")),
        ("429-other-word", error(429, "the request could not be served", "channel_error")),
    ] {
        all.push(row(name.into(), limited, answer, Tells::Nothing, true));
    }
    for status in [402, 403, 429] {
        for code in ["quota_not_enough", "insufficient_quota", "insufficient_user_quota"] {
            let answer = error(status, "the quota is used up", code);
            all.push(row(format!("{status}-{code}"), "no balance at the gateway", answer, Tells::NoTask, false));
        }
    }
    for (name, message) in [
        ("invalid", "无效的令牌"),
        ("missing", "未提供令牌"),
        ("expired", "该令牌已过期"),
        ("used-up", "该令牌额度已用尽"),
    ] {
        let summary = format!("the gateway says that the key is {}", name.replace('-', " "));
        all.push(row(format!("401-key-{name}-zh"), &summary, error(401, message, ""), Tells::NoTask, false));
    }
    let in_text = |status, code: u16, message: &str| {
        word(status, "fail_to_fetch_task", &json!({"code": code, "message": message}).to_string())
    };
    let lacks = "the gateway has no channel for the model";
    let no_channel = error(503, "no available channel for model kling-v1-6", "model_not_found");
    let no_channel_zh = error(503, "当前分组 default 下对于模型 kling-v1-6 无可用渠道", "");
    let not_built = word(500, "build_request_failed", "the request could not be built");
    let failed = word(400, "task_failed", "Image pixel is invalid");
    let busy = in_text(429, 1303, "parallel task over resource pack limit");
    let no_balance = in_text(429, 1102, "account balance not enough");
    let invalid = in_text(400, 1201, "a parameter is invalid");
    let internal = in_text(500, 5000, "internal error");
    let invalid_url = error(404, "Invalid URL (POST /kling/v1/videos/multi-image2video)", "");
    let (none, nothing) = (Tells::NoTask, Tells::Nothing);
    for (name, summary, answer, tells, again) in [
        ("503-model_not_found", lacks, no_channel, none, false),
        ("503-no-channel-zh", lacks, no_channel_zh, none, false),
        ("500-build_request_failed", "the gateway refused before it relayed", not_built, none, false),
        ("400-task_failed", "Kling refused, and its code is lost", failed, none, false),
        ("429-fail_to_fetch_task-1303", "Kling's 1303 inside a text", busy, none, true),
        ("429-fail_to_fetch_task-1102", "Kling's 1102 inside a text", no_balance, none, false),
        ("400-fail_to_fetch_task-1201", "Kling's 1201 inside a text", invalid, none, false),
        ("500-fail_to_fetch_task-5000", "Kling's 5000 inside a text", internal, nothing, false),
        ("404-invalid-url", "the gateway lacks the operation", invalid_url, none, false),
        ("418-html", "a 4xx that no table has", html(418, "I'm a teapot"), none, false),
    ] {
        all.push(row(name.into(), summary, answer, tells, again));
    }
    for status in [500, 503] {
        let failed = "a failure somewhere behind the gateway";
        let answer = error(status, "an error occurred", "server_error");
        all.push(row(format!("{status}-server_error"), failed, answer, Tells::Nothing, false));
        let answer = error(status, "Task request failed", "");
        all.push(row(format!("{status}-task-request-failed"), failed, answer, Tells::Nothing, false));
    }
    all
}

/// Written as gateways write theirs; always the same, so that a response is.
const REQUEST_ID: &str = "20251127173025029000000sandbox";

fn json(status: u16, body: &Value) -> ScriptedResponse {
    text(status, "application/json", &body.to_string())
}

/// The native shape.
fn native_error(status: u16, code: u16, message: &str) -> ScriptedResponse {
    json(status, &json!({"code": code, "message": message, "request_id": REQUEST_ID}))
}

/// The shape `{"code": "word", "message", "data": null}`.
fn word(status: u16, word: &str, message: &str) -> ScriptedResponse {
    json(status, &json!({"code": word, "message": message, "data": null}))
}

/// The shape `{"error": {…}}`, with the request's id where gateways hide it.
fn error(status: u16, message: &str, code: &str) -> ScriptedResponse {
    let message = format!("{message} (request id: {REQUEST_ID})");
    json(status, &json!({"error": {"message": message, "type": "new_api_error", "param": "", "code": code}}))
}

fn html(status: u16, title: &str) -> ScriptedResponse {
    text(
        status,
        "text/html",
        &format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"),
    )
}

fn text(status: u16, kind: &str, body: &str) -> ScriptedResponse {
    ScriptedResponse::new(status).header("content-type", kind).body(body.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_is_read_back_as_its_fault_and_no_two_are_the_same() {
        let all = [Fault::all(), Fault::videos()].concat();
        let mut names = HashSet::new();
        for named in &all {
            assert_eq!(named.name.parse(), Ok(named.fault.clone()), "{}", named.name);
            assert_eq!(named.charged, named.fault.is_charged(), "{}", named.name);
            assert!(names.insert(&named.name), "{} is there twice", named.name);
            assert!(!named.summary.is_empty() && !named.summary.contains('\n'), "{}", named.name);
        }
        assert!(all.len() > 100, "{}", all.len());
    }

    #[test]
    fn what_says_that_there_is_no_task_is_not_charged_and_of_the_rest_only_a_busy_gateway_may_be_retried() {
        for named in Fault::all() {
            let surely_none = matches!(named.tells, Tells::NoTask | Tells::NotWhole);
            assert!(!(named.charged && surely_none), "{}", named.name);
            let is_busy = named.name.starts_with("429-") || named.name.contains("saturated");
            assert!(!named.again || surely_none || is_busy, "{}", named.name);
        }
    }

    #[test]
    fn every_unknown_outcome_is_there_charged_and_not() {
        for named in Fault::refusals().iter().filter(|named| named.tells == Tells::Nothing && !named.charged) {
            let charged = named.but_charged();
            assert!(Fault::refusals().contains(&charged), "{}", named.name);
        }
    }

    #[test]
    fn numbers_and_modifiers_are_read() {
        let second = Duration::from_secs(1);
        for (text, fault) in [
            ("cut-body:7", Fault::cut_body(7)),
            ("none+header:etag=W/\"7\"+ignore-range", Fault::none().header("etag", "W/\"7\"").ignoring_range()),
            ("none+end:7", Fault::none().end_after(7)),
            ("video-403+no-header:content-type", named("video-403").without_header("content-type")),
            ("slow-request:10/0.5", Fault::slow_request(10, second / 2)),
            ("1302+retry-after-date:60", named("1302").retry_after(RetryAfter::DateIn(60 * second))),
            ("502-html+charged+cut:40+after:1", named("502-html").charged().cut_after(40).after(second)),
        ] {
            assert_eq!(text.parse(), Ok(fault), "{text}");
        }
    }

    fn named(name: &str) -> Fault {
        let found = Fault::all().into_iter().chain(Fault::videos()).find(|named| named.name == name);
        found.unwrap_or_else(|| panic!("{name} exists")).fault
    }

    #[test]
    fn the_error_of_a_text_that_names_no_fault_says_what_to_write() {
        for (text, hint) in [
            ("", "--fault list"),
            ("cut-bodi:7", "`cut-bodi:7`"),
            ("cut-body", "cut-body:100"),
            ("cut-body:-1", "cut-body:100"),
            ("delayed:soon", "delayed:1.5"),
            ("delayed:-1", "delayed:1.5"),
            ("slow-answer:10", "slow-answer:10/1.5"),
            ("hang-up+charge", "choose charged"),
            ("early-413+charged", "whole request"),
            ("none+header:etag", "+header:etag="),
            ("post=hang-up", "choose create"),
        ] {
            let error = text.parse::<ScriptedFault>().expect_err(text).to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
