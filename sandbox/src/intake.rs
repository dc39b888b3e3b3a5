//! The way in, the same for both origins: a request is entered in the log, read to its end, searched for what must not be
//! there, and handled. Once a request is here whole, it is handled to its end, whether its sender still waits or not: the
//! real API charges a caller who hung up, too. Each step fails where the request's fault says so.

use std::convert::Infallible;
use std::io::Read as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, Incoming};
use sha2::{Digest as _, Sha256};

use crate::clock::Clock;
use crate::fault::{Fault, Moment, Reply, Reshape, RetryAfter, Take, Target};
use crate::leak::Watch;
use crate::log::{EntryId, KEPT_BYTES, Log, Received, ReceivedBody, hex};
use crate::response::{Body, Refusal, Response, full, response};
use crate::script::{Endpoint, Script, ScriptedResponse};
use crate::wire::Wire;

/// The largest body that is taken: four images of 10 MB make 56 MB of JSON, and this is the next power of two. The
/// gateways' own limits are not known.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// What is read and dropped of a larger one, so that its sender gets the response instead of a broken pipe.
const LARGEST_DISCARDED: u64 = 4 * LARGEST_BODY as u64;

/// What an origin needs to take requests in.
pub(crate) struct Intake {
    pub log: Log,
    pub script: Arc<Script>,
    /// Searches for the key, where it must not be.
    pub watch: Option<Watch>,
    /// What slow requests and late responses wait for.
    pub clock: Clock,
    /// Another origin, for redirects that lead away.
    pub elsewhere: String,
}

/// An origin: which operation a request is, and what comes of it once it is here whole.
pub(crate) trait Origin: Send + Sync + 'static {
    fn intake(&self) -> &Arc<Intake>;
    fn operation(&self, method: &Method, path: &str) -> Option<Endpoint>;
    /// A task that it makes is hidden for this time.
    fn handle(
        &self,
        request: Request<Bytes>,
        entry: EntryId,
        hidden_for: Duration,
    ) -> impl Future<Output = Response> + Send;
}

/// Why a body was not read to its end.
enum Stopped {
    /// The connection is to be closed.
    Cut,
    Refused(Refusal),
}

/// Takes a request in, and gives the response.
pub(crate) async fn take_in(origin: Arc<impl Origin>, wire: Wire, request: Request<Incoming>) -> Response {
    let intake = origin.intake().clone();
    let (mut parts, body) = request.into_parts();
    let received = Received {
        operation: origin.operation(&parts.method, parts.uri.path()),
        version: parts.version,
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: with_marked_key(&parts.headers),
        body: ReceivedBody::default(),
        whole: false,
        status: None,
    };
    let fault = intake.script.next(received.operation).unwrap_or_else(Fault::none);
    if let Some(watch) = &intake.watch {
        watch.search_head(&received);
    }
    let id = intake.log.begin(received);
    wire.begin_request();

    let mut taken = Taken { intake, wire, id, uri: parts.uri.clone(), version: parts.version, fault };
    match taken.fault.take {
        Take::Whole | Take::Body(_) => {}
        Take::Connection(after) => {
            if taken.wire.cut_reading(after) {
                return taken.close().await;
            }
        }
        Take::Head => {
            taken.wire.stop_reading();
            drop(body);
            return taken.reply(None).await;
        }
        Take::Later => {
            let (intake, wire, headers) = (taken.intake.clone(), taken.wire.clone(), parts.headers.clone());
            tokio::spawn(async move {
                // The response is out already: a body that breaks off changes nothing.
                let _ = read(&intake, id, &headers, body, &Fault::none()).await;
                wire.end_request();
            });
            return taken.reply(None).await;
        }
    }
    let bytes = tokio::select! {
        // What was read counts before the end of it: a request may end exactly where it is cut.
        biased;
        bytes = read(&taken.intake, id, &parts.headers, body, &taken.fault) => bytes,
        () = taken.wire.end_of_reading() => Err(Stopped::Cut),
    };
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(Stopped::Cut) => return taken.close().await,
        Err(Stopped::Refused(refusal)) => return answered(&taken.intake, id, refusal.into_response()),
    };
    taken.wire.end_request();
    if let Some(watch) = &taken.intake.watch {
        watch.search_body(&parts.method, parts.uri.path(), &bytes);
    }
    if !taken.fault.charged {
        taken.pause(Moment::Whole).await;
        return taken.reply(None).await;
    }
    if taken.fault.ignores_range {
        parts.headers.remove(header::RANGE);
    }
    let request = Request::from_parts(parts, bytes);
    let handled = tokio::spawn(async move {
        taken.pause(Moment::Whole).await;
        let response = origin.handle(request, id, taken.fault.hidden_for).await;
        // The log has the status before the sender does.
        if taken.fault.reply == Reply::Own {
            (answered(&taken.intake, taken.id, response), taken)
        } else {
            (response, taken)
        }
    });
    match handled.await {
        Ok((response, mut taken)) => taken.reply(Some(response)).await,
        // It ends early only when the runtime shuts down or the handler panics.
        Err(_) => response(StatusCode::INTERNAL_SERVER_ERROR, None, ""),
    }
}

/// A request that was entered, and its fault.
struct Taken {
    intake: Arc<Intake>,
    wire: Wire,
    id: EntryId,
    uri: Uri,
    version: Version,
    fault: Fault,
}

impl Taken {
    /// Responds as the fault says; `own` is the response of the origin, if it handled the request.
    async fn reply(&mut self, own: Option<Response>) -> Response {
        self.pause(Moment::Done).await;
        let response = match (std::mem::replace(&mut self.fault.reply, Reply::Own), own) {
            (Reply::Own, Some(own)) => own,
            (Reply::Scripted(answer), _) => answer.into_response(),
            (Reply::Redirect(status, target), _) => self.redirect(status, target).into_response(),
            (Reply::Close, _) => return self.close().await,
            // Without a response of the origin's own there is nothing to send.
            (Reply::Silence, _) | (Reply::Own, None) => std::future::pending().await,
        };
        let mut response = answered(&self.intake, self.id, response);
        for reshape in &self.fault.reshaped {
            response = reshape.apply(response).await;
        }
        if let Some(bytes) = self.fault.end_response {
            response.headers_mut().remove(header::CONTENT_LENGTH);
            response = response.map(|body| Unmeasured { left: bytes, ..Unmeasured::of(body) }.boxed());
        }
        for (name, value) in &self.fault.headers {
            response = with_header(response, name, value.as_deref());
        }
        if let Some(form) = &self.fault.retry_after {
            add_retry_after(response.headers_mut(), form, self.intake.clock.unix_time());
        }
        let closes = self.fault.cut_response.is_some() || self.fault.take == Take::Head;
        if closes && self.version < Version::HTTP_2 {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(after) = self.fault.cut_response {
            self.wire.cut_writing(after);
        }
        if let Some(pace) = self.fault.response_pace {
            self.wire.pace_writing(pace);
        }
        response
    }

    /// Stops here, if the fault says so.
    async fn pause(&self, at: Moment) {
        for (_, time) in self.fault.pauses.iter().filter(|(moment, _)| *moment == at) {
            self.intake.clock.sleep(*time).await;
        }
    }

    fn redirect(&self, status: u16, target: Target) -> ScriptedResponse {
        let itself = self.uri.path_and_query().map_or("/", |path| path.as_str());
        match target {
            Target::Itself => ScriptedResponse::redirect(status, itself),
            Target::Elsewhere => ScriptedResponse::redirect(status, format!("{}{itself}", self.intake.elsewhere)),
        }
    }

    /// Closes the connection. This never returns: the request ends with its connection.
    async fn close(&self) -> Response {
        self.wire.close();
        std::future::pending().await
    }
}

/// Reads a body, at the pace and with the pauses of its fault, to its end or to where it is cut.
async fn read(
    intake: &Intake,
    id: EntryId,
    headers: &HeaderMap,
    mut body: Incoming,
    fault: &Fault,
) -> Result<Bytes, Stopped> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(if announced > LARGEST_BODY { 0 } else { announced });
    let mut hash = Sha256::new();
    let mut length = 0_u64;
    let pace = fault.request_pace;
    let mut portion = pace.map_or(0, |pace| pace.bytes);
    let cut = if let Take::Body(after) = fault.take { after } else { u64::MAX };
    let mut pauses: Vec<(u64, Duration)> = fault.pauses.iter().filter_map(read_pause).collect();
    pauses.sort_unstable();
    let mut pauses = pauses.into_iter().peekable();
    loop {
        if !body.is_end_stream()
            && let Some((_, time)) = pauses.next_if(|(after, _)| *after == length)
        {
            intake.clock.sleep(time).await;
        }
        // A body that ends exactly where it is cut has arrived whole.
        if length >= cut && !body.is_end_stream() {
            return Err(Stopped::Cut);
        }
        if let Some(pace) = pace
            && length >= portion
        {
            intake.clock.sleep(pace.every).await;
            portion = length.saturating_add(pace.bytes);
        }
        let Some(frame) = body.frame().await else {
            break;
        };
        let frame = frame.map_err(|error| {
            Stopped::Refused(Refusal::Request(format!("the body broke off after {length} bytes: {error}")))
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() as u64 > cut.saturating_sub(length) {
            intake.log.update(id, |received| received.body.length = cut);
            return Err(Stopped::Cut);
        }
        let end = length + data.len() as u64;
        while let Some((after, time)) = pauses.next_if(|(after, _)| *after < end) {
            intake.log.update(id, |received| received.body.length = after);
            intake.clock.sleep(time).await;
        }
        length = end;
        intake.log.update(id, |received| received.body.length = length);
        if length > LARGEST_BODY as u64 {
            bytes = Vec::new();
        } else {
            hash.update(&data);
            bytes.extend_from_slice(&data);
        }
        // Its length shows the end before the connection does, which may have other things to do first.
        if length > LARGEST_DISCARDED || body.is_end_stream() {
            break;
        }
    }
    if length > LARGEST_BODY as u64 {
        return Err(Stopped::Refused(Refusal::TooLarge));
    }
    let bytes = Bytes::from(bytes);
    let hash = hex(&hash.finalize());
    intake.log.update(id, |received| {
        received.body.sha256 = Some(hash);
        received.body.bytes = (bytes.len() <= KEPT_BYTES).then(|| bytes.clone());
        received.whole = true;
    });
    Ok(bytes)
}

fn read_pause(&(moment, time): &(Moment, Duration)) -> Option<(u64, Duration)> {
    if let Moment::Read(after) = moment { Some((after, time)) } else { None }
}

/// A moment of the sandbox's clock as a header's date.
fn date(since_1970: Duration) -> String {
    // The latest date of the format, for a clock that was moved beyond all bounds.
    const LAST_SECOND: u64 = 253_402_300_799;
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(since_1970.as_secs().min(LAST_SECOND)))
}

fn add_retry_after(headers: &mut HeaderMap, form: &RetryAfter, now: Duration) {
    let text = match form {
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::DateIn(time) => date(now.saturating_add(*time)),
        RetryAfter::DateAgo(time) => date(now.saturating_sub(*time)),
        RetryAfter::Text(text) => text.clone(),
    };
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(header::RETRY_AFTER, value);
    }
}

impl Reshape {
    async fn apply(&self, response: Response) -> Response {
        let (mut head, body) = response.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let body = match self {
            Self::Between(before, behind) => [before, &body[..], behind].concat(),
            Self::Gzip => {
                head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                let mut gzip = Vec::new();
                // Reading from memory into memory does not fail.
                let _ = flate2::read::GzEncoder::new(&body[..], flate2::Compression::fast()).read_to_end(&mut gzip);
                gzip
            }
            Self::Wrapped(status, reason) => match serde_json::from_slice::<serde_json::Value>(&body) {
                Ok(native) => {
                    let task = native["data"]["task_id"].clone();
                    let data =
                        serde_json::json!({"task_id": task, "status": status, "fail_reason": reason, "data": native});
                    serde_json::json!({"code": "success", "message": "", "data": data}).to_string().into_bytes()
                }
                Err(_) => body.to_vec(),
            },
        };
        head.headers.remove(header::CONTENT_LENGTH);
        http::Response::from_parts(head, full(body))
    }
}

/// A body of a length that is not known, so that the server takes the header's word for it, or sends it in chunks.
struct Unmeasured {
    body: Body,
    rested: bool,
    /// How many bytes of it are sent.
    left: u64,
}

impl Unmeasured {
    fn of(body: Body) -> Self {
        Self { body, rested: false, left: u64::MAX }
    }
}

impl HttpBody for Unmeasured {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        // Before a body that ends too early is noticed, what there was of it goes out.
        if frame.is_none() && !std::mem::replace(&mut self.rested, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let frame = frame.map(|frame| frame.map(|frame| frame.map_data(|data| data.slice(..data.len().min(left)))));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.left -= data.len() as u64;
        }
        Poll::Ready(frame)
    }
}

/// The response with a header set or removed; unchanged for one that HTTP cannot carry.
fn with_header(mut response: Response, name: &str, value: Option<&str>) -> Response {
    let (Ok(name), Ok(value)) = (HeaderName::try_from(name), value.map(HeaderValue::try_from).transpose()) else {
        return response;
    };
    if name == header::CONTENT_LENGTH {
        response = response.map(|body| Unmeasured::of(body).boxed());
    }
    match value {
        Some(value) => response.headers_mut().insert(name, value),
        None => response.headers_mut().remove(name),
    };
    response
}

/// Enters the status of a response, and dates it by the clock that also dates the tasks.
fn answered(intake: &Intake, id: EntryId, mut response: Response) -> Response {
    let status = response.status();
    if let Ok(now) = HeaderValue::try_from(date(intake.clock.unix_time())) {
        response.headers_mut().entry(header::DATE).or_insert(now);
    }
    intake.log.update(id, |received| received.status = Some(status));
    response
}

fn with_marked_key(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    if let Some(key) = headers.get_mut(header::AUTHORIZATION) {
        key.set_sensitive(true);
    }
    headers
}
