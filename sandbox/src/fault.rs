//! A fault of one request, as a value: how much of it is read, whether it is carried out, where it pauses, what the response
//! is, and how that is sent. These are independent, so that a test can combine them: a task that is charged, hidden for
//! twenty seconds, and followed by half a page of HTML.

use std::time::Duration;

use crate::script::ScriptedResponse;

/// Fault of one request, for [`Sandbox::fault_next`](crate::Sandbox::fault_next) or
/// [`Sandbox::fault_always`](crate::Sandbox::fault_always).
///
/// A *charged* fault lets the API do its work (check the request, make the task) before the rest fails. No fault charges a
/// request that the API refuses.
///
/// Bytes are counted over HTTP/1.1. Over HTTP/2 those of the connection and of the response include the frames around
/// them, and whatever closes the connection ends every other request on it.
///
/// ```
/// use kling_sandbox::{ScriptedResponse, Fault};
/// use std::time::Duration;
///
/// let lost = Fault::hang_up().charged().hidden_for(Duration::from_secs(20));
/// assert_eq!("hang-up+charged+hidden:20".parse(), Ok(lost));
/// assert!(!Fault::early(ScriptedResponse::new(413)).is_charged());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(crate) take: Take,
    pub(crate) request_pace: Option<Pace>,
    pub(crate) charged: bool,
    pub(crate) hidden_for: Duration,
    pub(crate) pauses: Vec<(Moment, Duration)>,
    pub(crate) reply: Reply,
    pub(crate) retry_after: Option<RetryAfter>,
    pub(crate) headers: Vec<(String, Option<String>)>,
    pub(crate) ignores_range: bool,
    pub(crate) response_pace: Option<Pace>,
    pub(crate) cut_response: Option<u64>,
    pub(crate) end_response: Option<u64>,
    pub(crate) reshaped: Vec<Reshape>,
}

/// Change of a response by a gateway or a proxy on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reshape {
    /// In the wrapper of a gateway that has its own status of the task, and its own reason.
    Wrapped(String, String),
    /// With these bytes before and behind it.
    Between(Vec<u8>, Vec<u8>),
    Gzip,
}

/// Moment of a request, for [`Fault::pause`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moment {
    /// So many bytes of the body are read, and more are to come; 0 is after the head.
    Read(u64),
    /// It is read to its end, and not carried out: a create is not charged.
    Whole,
    /// It is carried out, and there is no response yet: a create is charged, if the fault lets it be.
    Done,
}

/// Target of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The requested URL.
    Itself,
    /// The origin of the outputs, which notices a key that comes along.
    Elsewhere,
}

/// Form of a `Retry-After`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u64),
    /// A date this long after the response, on the sandbox's clock, which `Date` has too.
    DateIn(Duration),
    /// A date this long before it.
    DateAgo(Duration),
    /// Any text, also one that means nothing.
    Text(String),
}

/// How much of a request is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    Whole,
    /// So many bytes of the body, and then the connection is closed.
    Body(u64),
    /// So many bytes of the connection since the request began on it, and then it is closed.
    Connection(u64),
    /// The head; the body stays in the socket, and the connection is closed after the response.
    Head,
    /// All of it, but the response does not wait for it.
    Later,
}

/// The response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The API's own.
    Own,
    Scripted(ScriptedResponse),
    Redirect(u16, Target),
    Close,
    Silence,
}

/// So many bytes at once, and then a pause on the sandbox's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    pub bytes: u64,
    pub every: Duration,
}

impl Pace {
    /// At least a byte: no bytes at no interval would be no progress in no time, for ever.
    fn new(bytes: u64, every: Duration) -> Self {
        Self { bytes: bytes.max(1), every }
    }
}

impl Fault {
    /// Closes the connection after so many bytes of the body; 0 is after the head. Not charged. A body that is not
    /// longer arrives whole, and is cut after its end.
    pub fn cut_body(after: u64) -> Self {
        Self::without_response(Take::Body(after))
    }

    /// Closes the connection after so many bytes of the request, its head included. Not charged. A cut within the head
    /// comes as soon as the head has arrived, which its sender cannot distinguish; a request that is not longer arrives
    /// whole, and is cut after its end. For a cut before the first byte see [`Proxy`](crate::Proxy).
    pub fn cut_connection(after: u64) -> Self {
        Self::without_response(Take::Connection(after))
    }

    /// Reads the whole request, and closes the connection without a byte of a response. Not charged, unless
    /// [`Fault::charged`] is added.
    pub fn hang_up() -> Self {
        Self::without_response(Take::Whole)
    }

    /// Reads the whole request, and never responds. Not charged, unless [`Fault::charged`] is added.
    pub fn silence() -> Self {
        Self { reply: Reply::Silence, ..Self::hang_up() }
    }

    /// Carries the request out, and closes the connection after so many bytes of the response, its head included.
    pub fn cut_response(after: u64) -> Self {
        Self::none().cut_after(after)
    }

    /// Reads the whole request, and sends this response. Not charged, unless [`Fault::charged`] is added.
    pub fn response(response: ScriptedResponse) -> Self {
        Self { charged: false, reply: Reply::Scripted(response), ..Self::none() }
    }

    /// Responds as soon as the head has arrived, leaves the body unread, and closes the connection, so that the sender of
    /// a large body is interrupted by a reset. (Over HTTP/2 only the stream ends.) Not charged.
    pub fn early(answer: ScriptedResponse) -> Self {
        Self { take: Take::Head, ..Self::response(answer) }
    }

    /// Responds as soon as the head has arrived, and then reads the body to its end, as a considerate server does. Not
    /// charged.
    pub fn early_drained(answer: ScriptedResponse) -> Self {
        Self { take: Take::Later, ..Self::response(answer) }
    }

    /// Reads the whole request, and redirects. Not charged, unless [`Fault::charged`] is added.
    pub fn redirect(status: u16, target: Target) -> Self {
        Self { charged: false, reply: Reply::Redirect(status, target), ..Self::none() }
    }

    /// Carries the request out, but reads only so many bytes of the body at once, and then waits on the sandbox's clock. The
    /// operating system takes in some megabytes on its own; a sender notices when its body is larger than that.
    pub fn slow_request(bytes: u64, every: Duration) -> Self {
        Self { request_pace: Some(Pace::new(bytes, every)), ..Self::none() }
    }

    /// Carries the request out, but sends only so many bytes of the response at once, and then waits on the sandbox's clock.
    pub fn slow_response(bytes: u64, every: Duration) -> Self {
        Self { response_pace: Some(Pace::new(bytes, every)), ..Self::none() }
    }

    /// Carries the request out at once, and responds when so much time has passed on the sandbox's clock.
    pub fn delayed(by: Duration) -> Self {
        Self::none().after(by)
    }

    /// Carries the request out, but pauses at this moment until so much time has passed on the sandbox's clock.
    ///
    /// On a manual clock the request pauses until the test moves the clock, which is the place to kill a sender:
    ///
    /// ```
    /// use kling_sandbox::{Clock, Fault, Moment, Endpoint, Sandbox};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let clock = Clock::manual();
    /// let sandbox = Sandbox::builder().clock(clock.clone()).start().await?;
    /// let hour = Duration::from_secs(3600);
    /// sandbox.fault_next(Endpoint::Create, Fault::paused(Moment::Whole, hour));
    /// # let post = reqwest::Client::new().post(sandbox.endpoint()).body("{}").send();
    /// # let sender = tokio::spawn(post);
    /// // … the code under test submits …
    /// sandbox.until(|sandbox| sandbox.clock().sleepers() == 1).await;
    /// assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (1, 0));
    /// # sender.abort();
    /// // … it is killed here, and the API does not notice …
    /// clock.advance(hour);
    /// # Ok(())
    /// # }
    /// ```
    pub fn paused(at: Moment, time: Duration) -> Self {
        Self::none().pause(at, time)
    }

    /// Carries the request out; the task cannot be queried or listed until so much time has passed on the sandbox's clock.
    pub fn hidden(time: Duration) -> Self {
        Self::none().hidden_for(time)
    }

    /// Lets the API carry the request out before the rest fails: a create is charged. Only a request that is read whole
    /// before its response can be charged; for the others this changes nothing.
    pub fn charged(self) -> Self {
        Self { charged: self.take == Take::Whole, ..self }
    }

    /// The task that is made cannot be queried or listed until so much time has passed on the sandbox's clock.
    pub fn hidden_for(self, time: Duration) -> Self {
        Self { hidden_for: time, ..self }
    }

    /// Sends the response when so much time has passed on the sandbox's clock, counted from the moment that the request was
    /// read and carried out.
    pub fn after(self, delay: Duration) -> Self {
        self.pause(Moment::Done, delay)
    }

    /// Pauses the request at this moment until so much time has passed on the sandbox's clock; each moment can have a pause.
    /// A request that never comes to that moment does not pause.
    pub fn pause(mut self, at: Moment, time: Duration) -> Self {
        self.pauses.retain(|(moment, _)| *moment != at);
        self.pauses.push((at, time));
        self
    }

    /// Closes the connection after so many bytes of the response, its head included.
    pub fn cut_after(self, bytes: u64) -> Self {
        Self { cut_response: Some(bytes), ..self }
    }

    /// Ends the body of the response after so many bytes as if it were whole; its length is not announced.
    pub fn end_after(self, bytes: u64) -> Self {
        Self { end_response: Some(bytes), ..self }
    }

    /// Adds a `Retry-After` to the response, whatever it is.
    pub fn retry_after(self, form: RetryAfter) -> Self {
        Self { retry_after: Some(form), ..self }
    }

    /// Sets this header of the response. A `content-length` is announced whatever the
    /// body is: a longer body is cut to it, and after a shorter one the connection is closed.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), Some(value.into())));
        self
    }

    /// Removes this header from the response. Without `content-length` the body is sent in chunks.
    pub fn without_header(mut self, name: impl Into<String>) -> Self {
        self.headers.push((name.into(), None));
        self
    }

    /// Ignores the request's `Range`.
    pub fn ignoring_range(self) -> Self {
        Self { ignores_range: true, ..self }
    }

    /// Encodes the response by gzip, whether the sender accepts that or not.
    pub fn gzip(self) -> Self {
        self.reshape(Reshape::Gzip)
    }

    /// Puts these bytes before and behind the response: a byte order mark, say, or a notice of the gateway's.
    pub fn between(self, before: impl Into<Vec<u8>>, behind: impl Into<Vec<u8>>) -> Self {
        self.reshape(Reshape::Between(before.into(), behind.into()))
    }

    /// Wraps the response as a gateway does that keeps a status of its own, which may contradict the one within:
    /// `{"code":"success","data":{"task_id":…,"status":STATUS,"fail_reason":REASON,"data":RESPONSE}}`.
    ///
    /// ```
    /// use kling_sandbox::Fault;
    ///
    /// let stale = Fault::none().wrapped("FAILURE", "timed out after 30 minutes");
    /// assert_eq!("none+wrapped:FAILURE/timed out after 30 minutes".parse(), Ok(stale));
    /// ```
    pub fn wrapped(self, status: impl Into<String>, reason: impl Into<String>) -> Self {
        self.reshape(Reshape::Wrapped(status.into(), reason.into()))
    }

    fn reshape(mut self, reshape: Reshape) -> Self {
        self.reshaped.push(reshape);
        self
    }

    /// Whether a valid request that meets this fault is charged.
    pub fn is_charged(&self) -> bool {
        self.charged
    }

    /// No fault, but for what is added.
    pub fn none() -> Self {
        Self {
            take: Take::Whole,
            request_pace: None,
            charged: true,
            hidden_for: Duration::ZERO,
            pauses: Vec::new(),
            reply: Reply::Own,
            retry_after: None,
            headers: Vec::new(),
            ignores_range: false,
            response_pace: None,
            cut_response: None,
            end_response: None,
            reshaped: Vec::new(),
        }
    }

    fn without_response(take: Take) -> Self {
        Self { take, charged: false, reply: Reply::Close, ..Self::none() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_read_whole_before_the_response_can_be_charged() {
        for (fault, can_be) in [
            (Fault::hang_up(), true),
            (Fault::silence(), true),
            (Fault::response(ScriptedResponse::new(502)), true),
            (Fault::redirect(307, Target::Itself), true),
            (Fault::cut_body(u64::MAX), false),
            (Fault::cut_connection(u64::MAX), false),
            (Fault::early(ScriptedResponse::new(413)), false),
            (Fault::early_drained(ScriptedResponse::new(413)), false),
        ] {
            assert!(!fault.is_charged(), "{fault:?}");
            assert_eq!(fault.clone().charged().is_charged(), can_be, "{fault:?}");
        }
    }
}
