//! The script of a sandbox: the faults that wait for their requests, and the [`ScriptedResponse`] that takes the place of the API's own
//! response.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use bytes::Bytes;
use http::StatusCode;

use crate::fault::Fault;
use crate::lock;
use crate::response::{Response, full, response};

/// Kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `POST …/text2video`, or of another operation: the paid one.
    Create,
    /// `GET …/text2video/{id}`.
    Get,
    /// `GET …/text2video`.
    List,
    /// Anything that reaches the origin of the outputs, or a video's URL at the API: see
    /// [`Builder::videos_behind_key`](crate::Builder::videos_behind_key).
    Video,
}

/// Response in the place of the API's own.
///
/// ```
/// use kling_sandbox::ScriptedResponse;
///
/// let busy = ScriptedResponse::new(429).header("retry-after", "2").body(r#"{"code":1303,"message":"parallel task over resource pack limit"}"#);
/// assert_eq!(busy.status, 429);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptedResponse {
    /// The HTTP status. A final one: from 200 to 999.
    pub status: u16,
    /// Header names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl ScriptedResponse {
    /// A response with this status, and neither headers nor a body.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// A redirect to a URL, or to a path of the same origin.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::new(status).header("location", location)
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body. There is no `content-type` by default.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    fn built(self) -> Result<Response, String> {
        let status = StatusCode::from_u16(self.status)
            .ok()
            .filter(|status| !status.is_informational())
            .ok_or_else(|| format!("{} is not a final HTTP status", self.status))?;
        let mut response = http::Response::builder().status(status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(full(self.body)).map_err(|error| error.to_string())
    }

    pub(crate) fn into_response(self) -> Response {
        self.built().unwrap_or_else(|reason| {
            let text = format!("the scripted response cannot be sent: {reason}");
            response(StatusCode::INTERNAL_SERVER_ERROR, Some("text/plain; charset=utf-8"), text)
        })
    }
}

/// The faults that wait for their requests.
#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<HashMap<Endpoint, Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    next: VecDeque<Fault>,
    /// The fault of every request that finds no other.
    always: Option<Fault>,
}

impl Script {
    pub fn push(&self, operation: Endpoint, fault: Fault) {
        lock(&self.0).entry(operation).or_default().next.push_back(fault);
    }

    pub fn always(&self, operation: Endpoint, fault: Fault) {
        lock(&self.0).entry(operation).or_default().always = Some(fault);
    }

    pub fn clear(&self) {
        lock(&self.0).clear();
    }

    /// How many faults wait for one request each.
    pub fn waiting(&self, operation: Endpoint) -> usize {
        lock(&self.0).get(&operation).map_or(0, |waiting| waiting.next.len())
    }

    pub fn next(&self, operation: Option<Endpoint>) -> Option<Fault> {
        let mut script = lock(&self.0);
        let waiting = script.get_mut(&operation?)?;
        waiting.next.pop_front().or_else(|| waiting.always.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_that_http_cannot_carry_becomes_a_500_with_the_reason() {
        for (answer, status) in [
            (ScriptedResponse::new(204), 204),
            (ScriptedResponse::new(599), 599),
            (ScriptedResponse::new(100), 500),
            (ScriptedResponse::new(7), 500),
            (ScriptedResponse::new(200).header("a b", "c"), 500),
            (ScriptedResponse::new(200).header("a", "line\nbreak"), 500),
        ] {
            let response = answer.clone().into_response();
            assert_eq!(response.status().as_u16(), status, "{answer:?}");
        }
    }

    #[test]
    fn faults_wait_in_order_and_for_their_own_operation() {
        let script = Script::default();
        let [first, second, standing] = [301, 302, 303].map(|status| Fault::response(ScriptedResponse::new(status)));
        script.always(Endpoint::Create, standing.clone());
        script.push(Endpoint::Create, first.clone());
        script.push(Endpoint::Create, second.clone());
        assert_eq!(script.waiting(Endpoint::Create), 2);
        assert_eq!(script.next(Some(Endpoint::Get)), None);
        assert_eq!(script.next(None), None);
        for expected in [first, second, standing.clone(), standing] {
            assert_eq!(script.next(Some(Endpoint::Create)), Some(expected));
        }
        script.clear();
        assert_eq!(script.next(Some(Endpoint::Create)), None);
    }
}
