//! The outputs of a task: two tables of the places and names under which gateways put a video's URL.
//!
//! A place that is not named here is never searched: `input`, `request`, `task_info` and `parent_video` repeat what the
//! caller sent.

use std::time::Duration;

use url::Url;

use super::task::{member, text};
use super::{Json, Video};

/// Where outputs are, best first; `""` is the task's own object. The first place with an output has all of them.
const PLACES: &[&str] =
    &["task_result", "", "videos", "video", "outputs", "output", "results", "result", "content", "metadata", "data"];

/// What holds outputs within a place.
const LISTS: &[&str] = &["videos", "video", "outputs", "output"];

/// The names of one output's URL, best first. A task that succeeded has no reason to fail: some gateways put the URL
/// there.
const URLS: &[&str] = &["url", "video_url", "result_url", "output_url", "fail_reason", "watermark_url"];

/// Deeper than any list in a place.
const DEPTH: usize = 4;

/// The outputs in the layers of a task, innermost first, with relative URLs joined to `base`.
pub(super) fn outputs<'a>(layers: impl Iterator<Item = &'a Json<'a>> + Clone, base: Option<&Url>) -> Vec<Video> {
    let mut found = Vec::new();
    for place in PLACES {
        for layer in layers.clone() {
            match (*place, member(layer, place)) {
                ("", _) => found.extend(one(layer, base)),
                // An object there is a layer of its own.
                ("data", Some(data)) if !data.is_array() => {}
                (_, Some(value)) => collect(value, base, DEPTH, &mut found),
                (_, None) => {}
            }
            if !found.is_empty() {
                return found;
            }
        }
    }
    found
}

/// Every output in a value: a URL, an object that has one, or a list of these.
fn collect(value: &Json, base: Option<&Url>, depth: usize, found: &mut Vec<Video>) {
    if depth == 0 {
        return;
    }
    match value {
        Json::Str(url) => {
            found.extend(address(url, base, false).map(|url| Video { id: None, url, duration: None }));
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, base, depth - 1, found)),
        Json::Object(_) => {
            let before = found.len();
            for list in LISTS.iter().filter_map(|name| member(value, name)) {
                collect(list, base, depth - 1, found);
                if found.len() > before {
                    return;
                }
            }
            found.extend(one(value, base).map(|video| Video { id: text(value.get("id")), ..video }));
        }
        _ => {}
    }
}

/// The output that an object describes itself.
fn one(object: &Json, base: Option<&Url>) -> Option<Video> {
    let url = URLS.iter().find_map(|name| address(&text(object.get(*name))?, base, *name != "fail_reason"))?;
    let seconds = text(object.get("duration")).and_then(|text| text.parse().ok());
    Some(Video { id: None, url, duration: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) })
}

/// The URL that a text is, joined to the base URL if it is relative. Only a text that is `named` a URL may have another
/// scheme, or a path without a slash before it.
fn address(text: &str, base: Option<&Url>, named: bool) -> Option<String> {
    let text = text.trim();
    match Url::parse(text) {
        Ok(url) => (url.has_host() && (named || matches!(url.scheme(), "http" | "https"))).then(|| text.to_owned()),
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            let is_path = text.len() > 1 && text.starts_with('/') || named && text.contains('/') && text.contains('.');
            let path = Some(text).filter(|text| is_path && !text.contains(char::is_whitespace))?;
            match base {
                Some(base) => Some(base.join(path).ok()?.into()),
                None => Some(path.to_owned()),
            }
        }
        Err(_) => None,
    }
}
