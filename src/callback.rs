//! What the API posts to `callback_url`: the bare task object, on every change of status.
//!
//! Through a gateway a callback is unsigned: anyone may send one, it may come twice and out of order, so ask for the task
//! before acting on it. Straight from Kling it is signed by the Standard Webhooks scheme once a secret is set in Kling's
//! console; `verify` (feature `webhooks`) checks that.

use crate::error::{Error, ErrorKind, Result};
use crate::response::{Reading, TaskInfo, Wanted, documents};

const CALLBACK: &str = "callback";

/// Reads the body of a callback, bare or in one of the wraps that gateways use.
///
/// # Errors
/// [`UnexpectedResponse`](ErrorKind::UnexpectedResponse) if there is no task in it.
///
/// ```
/// let body = br#"{"task_id": "822953089408827433", "task_status": "processing", "task_info": {}}"#;
/// let info = kling_client::callback::parse(body)?;
/// assert_eq!(info.status, kling_client::TaskStatus::Processing);
/// # Ok::<(), kling_client::Error>(())
/// ```
pub fn parse(body: &[u8]) -> Result<TaskInfo> {
    let reading = Reading { wanted: Wanted::Any, kind: None, base: None, date: None, clean: true };
    documents(body).find_map(|(document, text)| reading.task(&document, text)).ok_or_else(|| {
        Error::new(ErrorKind::UnexpectedResponse, CALLBACK, format!("a body of {} bytes without a task", body.len()))
            .with_hint("respond with 400, and poll the running tasks")
    })
}

/// Checks the signature of a callback by the Standard Webhooks scheme, and that it is less than five minutes old.
///
/// `secret` is the one of Kling's console: Base64 of at least 16 bytes, in any common form, with or without `whsec_` or
/// `v1,whsec_`. The comparison takes the same time wherever the first difference is; of several signatures one must be
/// right.
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) if the secret is too short or not Base64, or if the headers, the time or every signature
/// is wrong.
#[cfg(feature = "webhooks")]
#[cfg_attr(docsrs, doc(cfg(feature = "webhooks")))]
pub fn verify(headers: &http::HeaderMap, body: &[u8], secret: &str) -> Result<()> {
    verify_at(headers, body, secret, std::time::SystemTime::now())
}

/// [`verify`] at a given time, for tests and for callbacks that were stored.
///
/// # Errors
/// As [`verify`].
#[cfg(feature = "webhooks")]
#[cfg_attr(docsrs, doc(cfg(feature = "webhooks")))]
pub fn verify_at(headers: &http::HeaderMap, body: &[u8], secret: &str, now: std::time::SystemTime) -> Result<()> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use std::time::{Duration, UNIX_EPOCH};

    /// How far the sender's clock may be off, or a copy of an old callback be replayed (Standard Webhooks).
    const TOLERANCE: Duration = Duration::from_secs(5 * 60);

    let wrong = |what: &str| {
        Error::new(ErrorKind::Invalid, CALLBACK, format!("the callback is not to be trusted: {what}"))
            .with_hint("respond with 401 and do nothing")
    };
    let header = |name: &str| {
        let value = headers.get(name).ok_or_else(|| wrong(&format!("it has no header {name}")))?;
        value.to_str().map_err(|_| wrong(&format!("its header {name} is not text")))
    };
    let secret = signing_key(secret)?;
    let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
    let seconds: u64 = timestamp.parse().map_err(|_| wrong("its time is not a number of seconds"))?;
    let sent = UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or_else(|| wrong("its time is none"))?;
    let off = now.duration_since(sent).unwrap_or_else(|early| early.duration());
    if off > TOLERANCE {
        return Err(wrong("its time is more than five minutes off"));
    }
    let mac = Hmac::<sha2::Sha256>::new_from_slice(&secret).map_err(|_| wrong("the secret cannot be used"))?;
    let mac =
        [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].iter().fold(mac, |mac, part| mac.chain_update(part));
    let signatures =
        header("webhook-signature")?.split_whitespace().filter_map(|signature| signature.strip_prefix("v1,"));
    let right = signatures
        .filter_map(|signature| STANDARD.decode(signature).ok())
        .filter(|signature| mac.clone().verify_slice(signature).is_ok())
        .count();
    if right > 0 { Ok(()) } else { Err(wrong("its signature is not by this secret")) }
}

/// The key that a signing secret stands for. The console shows it with a prefix, and people paste it from elsewhere.
#[cfg(feature = "webhooks")]
fn signing_key(secret: &str) -> Result<Vec<u8>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    /// A shorter key can be guessed, and an empty one is known to everybody; Standard Webhooks makes them of 24 to 64 bytes.
    const SHORTEST: usize = 16;

    let refuse = |found: String| {
        Error::new(ErrorKind::Invalid, CALLBACK, format!("the signing secret {found}"))
            .with_hint("copy all of it from Kling's console; until then no callback is trusted")
    };
    let secret = secret.trim();
    let secret = secret.strip_prefix("v1,").unwrap_or(secret).trim_start();
    let secret = secret.strip_prefix("whsec_").unwrap_or(secret);
    let key = STANDARD.decode(crate::media::encoded::canonical(secret.to_owned()));
    let key = key.map_err(|_| refuse("is not Base64".to_owned()))?;
    if key.len() < SHORTEST {
        return Err(refuse(format!("has {} bytes, at least {SHORTEST} are needed", key.len())));
    }
    Ok(key)
}
