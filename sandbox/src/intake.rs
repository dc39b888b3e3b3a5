//! The way in, the same for both origins: a request is entered in the log, read to its end, looked at for what must not
//! be there, and then answered from the script, or by the handler. Once a request is here whole, it is handled to its
//! end, whether its sender still waits or not: the real API charges a caller who hung up, too.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};

use crate::answer::Refusal;
use crate::leak::Watch;
use crate::log::{EntryId, KEPT_BYTES, Log, Received, ReceivedBody, hex};
use crate::script::{Operation, Script};

/// The largest body that is taken: four images of 10 MB make 56 MB of JSON, and this is the next power of two. The
/// gateways' own limits are not known.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// What is read and thrown away of a larger one, so that its sender hears the answer instead of a broken pipe.
const LARGEST_DISCARDED: u64 = 4 * LARGEST_BODY as u64;

/// What an origin needs to take requests in.
pub(crate) struct Intake {
    pub log: Log,
    pub script: Arc<Script>,
    /// Tells what a request asks for, by its method and by the route that matched.
    pub operation: fn(&Method, Option<&str>) -> Option<Operation>,
    /// Looks for the key, where it must not be.
    pub watch: Option<Watch>,
}

/// Takes a request in; a middleware around all routes of an origin.
pub(crate) async fn take_in(
    State(intake): State<Arc<Intake>>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let received = Received {
        operation: (intake.operation)(&parts.method, matched.as_ref().map(MatchedPath::as_str)),
        version: parts.version,
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: with_marked_key(&parts.headers),
        body: ReceivedBody::default(),
        whole: false,
        status: None,
    };
    let operation = received.operation;
    if let Some(watch) = &intake.watch {
        watch.look_at_head(&received);
    }
    let id = intake.log.begin(received);
    let bytes = match read(&intake, id, &parts.headers, body).await {
        Ok(bytes) => bytes,
        Err(refusal) => return answered(&intake, id, refusal.into_response()),
    };
    if let Some(watch) = &intake.watch {
        watch.look_at_body(&parts.method, parts.uri.path(), &bytes);
    }
    if let Some(answer) = intake.script.next(operation) {
        return answered(&intake, id, answer.into_response());
    }
    parts.extensions.insert(id);
    let request = Request::from_parts(parts, Body::from(bytes));
    let handled = tokio::spawn(async move {
        let response = next.run(request).await;
        answered(&intake, id, response)
    });
    // It ends early only when the runtime goes down or the handler panics: no answer can be given then.
    handled.await.unwrap_or_else(|_| axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn read(intake: &Intake, id: EntryId, headers: &HeaderMap, mut body: Body) -> Result<Bytes, Refusal> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(if announced > LARGEST_BODY { 0 } else { announced });
    let mut hash = Sha256::new();
    let mut length = 0_u64;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Refusal::Request(format!("the body broke off after {length} bytes: {error}")))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length += data.len() as u64;
        intake.log.update(id, |received| received.body.length = length);
        if length > LARGEST_BODY as u64 {
            bytes = Vec::new();
        } else {
            bytes.extend_from_slice(&data);
            hash.update(&data);
        }
        if length > LARGEST_DISCARDED {
            break;
        }
    }
    if length > LARGEST_BODY as u64 {
        return Err(Refusal::TooLarge);
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

fn answered(intake: &Intake, id: EntryId, response: Response) -> Response {
    let status = response.status();
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
