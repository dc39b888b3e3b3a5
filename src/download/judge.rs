//! What a file server's response means: whether it continues the bytes that are here, and whether it is fast enough. A part
//! is taken only where it is certainly one of the same file.

use std::mem;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED};
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

/// What a server says of its file: enough to resume later, and nothing signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entity {
    /// What `If-Range` may name: a strong entity tag, or a date that cannot be that of two versions.
    pub(crate) validator: Option<String>,
    /// The file's length.
    pub(crate) total: Option<u64>,
}

/// What the head of a response means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The body holds the file from this byte on, up to this one if it is known.
    Body {
        at: u64,
        end: Option<u64>,
        entity: Entity,
    },
    /// There is nothing beyond the bytes that are here.
    Complete,
    /// What is here cannot be resumed.
    StartOver(String),
    /// Retry later.
    Later(&'static str),
    /// The URL is not valid, or no longer.
    Expired,
    /// As [`Later`](Self::Later) if the body is JSON, else as [`Expired`](Self::Expired).
    DependsOnBody,
    Refused,
}

/// Returns what a response means for a request of the bytes from `from` on, 0 being a request without `Range`.
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap, from: u64, known: &Entity) -> Verdict {
    let (length, range) = (text(headers, &CONTENT_LENGTH).and_then(number), text(headers, &CONTENT_RANGE));
    let whole = |end, total| Verdict::Body { at: 0, end, entity: Entity { validator: validator(headers), total } };
    match (status.as_u16(), range.and_then(content_range)) {
        // 203 is a 200 that a proxy has changed.
        (200 | 203, _) => whole(length, length),
        // No part was requested; some servers call the whole file one.
        (206, None) if from == 0 => whole(length, None),
        (206, Some((0, last, total))) if from == 0 => whole(Some(last + 1), total),
        (206, None) => Verdict::StartOver("the partial response has no Content-Range".to_owned()),
        (206, Some((first, last, total))) => {
            if first != from || total.is_some_and(|total| last >= total) {
                let reason = format!("the response has bytes {first} to {last}, requested from {from} on");
                return Verdict::StartOver(reason);
            }
            if total.zip(known.total).is_some_and(|(total, known)| total != known) || has_changed(headers, known) {
                return Verdict::StartOver("the file changed on its server".to_owned());
            }
            let entity = Entity { total: known.total.or(total), ..known.clone() };
            Verdict::Body { at: from, end: Some(last + 1), entity }
        }
        (416, _) if from > 0 => match range.and_then(|range| range.strip_prefix("bytes */")).and_then(number) {
            Some(total) if total == from && known.total.is_none_or(|total| total == from) => Verdict::Complete,
            _ => Verdict::StartOver("the file is shorter than what is here of it".to_owned()),
        },
        (202 | 204 | 425, _) => Verdict::Later("the file is not ready yet"),
        // Gateways explain in JSON that the task is not done; stores refuse an expired signature with XML.
        (400, _) => Verdict::DependsOnBody,
        (401 | 403 | 404 | 410, _) => Verdict::Expired,
        (408 | 429 | 500.., _) => Verdict::Later("the file server is busy"),
        _ => Verdict::Refused,
    }
}

/// Minimum throughput of a transfer, in bytes per second over a time, and what arrived within the present one.
#[derive(Debug)]
pub(crate) struct Pace {
    pub(crate) rate: u64,
    pub(crate) over: Duration,
    pub(crate) spent: Duration,
    bytes: u64,
}

impl Pace {
    /// A time under a second would measure the network's jitter.
    pub(crate) fn new(rate: u64, over: Duration) -> Self {
        Self { rate, over: over.max(Duration::from_secs(1)), spent: Duration::ZERO, bytes: 0 }
    }

    /// Counts time spent waiting for bytes and what arrived; returns whether it was too little.
    pub(crate) fn is_below(&mut self, spent: Duration, bytes: u64) -> bool {
        self.spent += spent;
        self.bytes += bytes;
        if self.spent < self.over {
            return false;
        }
        let (spent, bytes) = self.restart();
        (bytes as f64) < self.rate as f64 * spent.as_secs_f64()
    }

    /// Forgets what was counted, and returns it.
    pub(crate) fn restart(&mut self) -> (Duration, u64) {
        (mem::take(&mut self.spent), mem::take(&mut self.bytes))
    }
}

/// What `If-Range` may name (RFC 9110, 13.1.5 and 8.8.2.2): a strong entity tag; a date only where there is no tag at all,
/// and if it was a second old when it was given, or the file could have changed within it.
fn validator(headers: &HeaderMap) -> Option<String> {
    if headers.contains_key(ETAG) {
        let tag = text(headers, &ETAG)?;
        return (tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"')).then(|| tag.to_owned());
    }
    let date = |text| httpdate::parse_http_date(text).ok();
    let modified = text(headers, &LAST_MODIFIED)?;
    let age = date(text(headers, &DATE)?)?.duration_since(date(modified)?).ok()?;
    (age >= Duration::from_secs(1)).then(|| modified.to_owned())
}

/// Whether a response belongs to another version than the known one. One without a validator does not.
fn has_changed(headers: &HeaderMap, known: &Entity) -> bool {
    let Some(known) = &known.validator else { return true };
    let name = if known.starts_with('"') { ETAG } else { LAST_MODIFIED };
    headers.get(name).is_some_and(|found| found.as_bytes() != known.as_bytes())
}

/// The first byte, the last, and the length if it is known.
fn content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let total = if total == "*" { None } else { Some(number(total)?) };
    // The position behind the last byte must be one, too.
    (first <= last && last < u64::MAX).then_some((first, last, total))
}

/// Digits and nothing else: `parse` takes a sign, too.
fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(HeaderValue::to_str)?.ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"7\"";
    const OLD: &str = "Thu, 27 Nov 2025 09:30:25 GMT";
    const NOW: &str = "Thu, 27 Nov 2025 09:30:26 GMT";

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn known(validator: Option<&str>, total: Option<u64>) -> Entity {
        Entity { validator: validator.map(str::to_owned), total }
    }

    #[test]
    fn only_what_cannot_be_shared_by_two_versions_is_named_in_if_range() {
        for (lines, expected) in [
            (&[("etag", TAG)][..], Some(TAG)),
            (&[("etag", TAG), ("last-modified", OLD), ("date", NOW)], Some(TAG)),
            (&[("etag", "W/\"7\"")], None),
            (&[("etag", "W/\"7\""), ("last-modified", OLD), ("date", NOW)], None),
            (&[("etag", "7")], None),
            (&[("etag", "\"")], None),
            (&[("last-modified", OLD), ("date", NOW)], Some(OLD)),
            (&[("last-modified", NOW), ("date", NOW)], None),
            (&[("last-modified", NOW), ("date", OLD)], None),
            (&[("last-modified", OLD)], None),
            (&[("last-modified", "yesterday"), ("date", NOW)], None),
            (&[], None),
        ] {
            assert_eq!(validator(&headers(lines)).as_deref(), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_part_is_taken_only_where_it_is_exactly_the_one_that_is_missing() {
        let part = |end, total| Verdict::Body { at: 10, end: Some(end), entity: known(Some(TAG), total) };
        let over = || Verdict::StartOver(String::new());
        for (lines, length, expected) in [
            (&[("content-range", "bytes 10-99/100")][..], Some(100), part(100, Some(100))),
            (&[("content-range", "bytes 10-99/100"), ("etag", TAG)], Some(100), part(100, Some(100))),
            (&[("content-range", "bytes 10-49/100")], Some(100), part(50, Some(100))),
            (&[("content-range", "bytes 10-99/100")], None, part(100, Some(100))),
            (&[("content-range", "bytes 10-99/*")], Some(100), part(100, Some(100))),
            (&[("content-range", "bytes 10-99/*")], None, part(100, None)),
            (&[], Some(100), over()),
            (&[("content-range", "bytes 9-99/100")], Some(100), over()),
            (&[("content-range", "bytes 11-99/100")], Some(100), over()),
            (&[("content-range", "bytes 0-99/100")], Some(100), over()),
            (&[("content-range", "bytes 10-100/100")], Some(100), over()),
            (&[("content-range", "bytes 10-9/100")], Some(100), over()),
            (&[("content-range", "bytes 10-99/101")], Some(100), over()),
            (&[("content-range", "bytes 10-99")], Some(100), over()),
            (&[("content-range", "bytes +10-99/100")], Some(100), over()),
            (&[("content-range", "bytes 10-18446744073709551615/*")], None, over()),
            (&[("content-range", "lines 10-99/100")], Some(100), over()),
            (&[("content-range", "bytes 10-99/100"), ("etag", "\"8\"")], Some(100), over()),
            (&[("content-range", "bytes 10-99/100"), ("etag", "W/\"7\"")], Some(100), over()),
        ] {
            let verdict = match judge(StatusCode::PARTIAL_CONTENT, &headers(lines), 10, &known(Some(TAG), length)) {
                Verdict::StartOver(_) => over(),
                other => other,
            };
            assert_eq!(verdict, expected, "{lines:?}");
        }
        let moved = headers(&[("content-range", "bytes 10-99/100"), ("last-modified", NOW)]);
        for (validator, goes_on) in [(Some(OLD), false), (Some(NOW), true), (Some(TAG), true), (None, false)] {
            let verdict = judge(StatusCode::PARTIAL_CONTENT, &moved, 10, &known(validator, None));
            assert_eq!(matches!(verdict, Verdict::Body { .. }), goes_on, "{validator:?}");
        }
    }

    #[test]
    fn every_other_status_has_one_meaning() {
        let whole = |total| Verdict::Body { at: 0, end: total, entity: known(Some(TAG), total) };
        let over = || Verdict::StartOver(String::new());
        let refused = || Verdict::Refused;
        let busy = || Verdict::Later("the file server is busy");
        let early = || Verdict::Later("the file is not ready yet");
        let part = |end, total| Verdict::Body { at: 0, end, entity: known(None, total) };
        for (status, lines, from, expected) in [
            (200, &[("content-length", "100"), ("etag", TAG)][..], 0, whole(Some(100))),
            (200, &[("content-length", "100"), ("etag", TAG)], 10, whole(Some(100))),
            (200, &[("etag", TAG)], 0, whole(None)),
            (203, &[("content-length", "100"), ("etag", TAG)], 0, whole(Some(100))),
            (206, &[("content-range", "bytes 0-99/100")], 0, part(Some(100), Some(100))),
            (206, &[("content-range", "bytes 0-49/100")], 0, part(Some(50), Some(100))),
            (206, &[("content-range", "bytes 0-99/*")], 0, part(Some(100), None)),
            (206, &[("content-length", "100")], 0, part(Some(100), None)),
            (206, &[], 0, part(None, None)),
            (206, &[("content-range", "bytes 1-99/100")], 0, over()),
            (416, &[("content-range", "bytes */10")], 10, over()),
            (416, &[("content-range", "bytes */100")], 100, Verdict::Complete),
            (416, &[("content-range", "bytes */9")], 10, over()),
            (416, &[], 10, over()),
            (416, &[], 0, refused()),
            (401, &[], 0, Verdict::Expired),
            (403, &[], 10, Verdict::Expired),
            (404, &[], 0, Verdict::Expired),
            (410, &[], 0, Verdict::Expired),
            (408, &[], 0, busy()),
            (429, &[], 10, busy()),
            (500, &[], 0, busy()),
            (503, &[], 0, busy()),
            (599, &[], 0, busy()),
            (202, &[], 0, early()),
            (204, &[], 10, early()),
            (425, &[], 0, early()),
            (201, &[], 0, refused()),
            (302, &[], 0, refused()),
            (400, &[], 0, Verdict::DependsOnBody),
            (402, &[], 10, refused()),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let verdict = match judge(status, &headers(lines), from, &known(Some(TAG), Some(100))) {
                Verdict::StartOver(_) => over(),
                other => other,
            };
            assert_eq!(verdict, expected, "{status} {lines:?} from {from}");
        }
    }

    #[test]
    fn a_transfer_is_judged_by_the_time_that_was_spent_waiting_and_anew_each_time() {
        let mut pace = Pace::new(10, Duration::from_secs(10));
        for (seconds, bytes, below) in
            [(5, 0, false), (4, 99, false), (1, 1, false), (10, 99, true), (10, 100, false), (40, 399, true)]
        {
            assert_eq!(pace.is_below(Duration::from_secs(seconds), bytes), below, "{seconds} {bytes}");
        }
        assert!(!Pace::new(0, Duration::ZERO).is_below(Duration::from_secs(3600), 0), "no floor");
        assert_eq!(Pace::new(7, Duration::ZERO).over, Duration::from_secs(1));
    }
}
