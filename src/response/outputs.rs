//! The outputs of a task, and the tables of the places and names under which gateways put their URLs.
//!
//! A place that is not named here is never searched: `input`, `request`, `task_info` and `parent_video` repeat what the
//! caller sent. Empty lists of the other kinds stand beside the outputs, so entries, not keys, show a kind.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use super::json::{Json, text};
use crate::values::enumeration;

enumeration! {
    /// Kind of an [`Output`].
    OutputKind {
        /// A video.
        Video = "video",
        /// An image.
        Image = "image",
        /// A sound.
        Audio = "audio",
    }
}

/// The names of one kind.
struct Names {
    /// The keys of its lists: of each row, the first that has entries.
    lists: &'static [&'static [&'static str]],
    /// The keys of the URL of one output, beside those of all kinds.
    urls: &'static [&'static str],
    /// The extensions of its files, the usual one first.
    extensions: &'static [&'static str],
}

impl OutputKind {
    fn names(self) -> &'static Names {
        match self {
            Self::Video => &Names {
                lists: &[&["videos", "video"]],
                urls: &["video_url"],
                extensions: &["mp4", "m4v", "mov", "webm", "mkv", "avi", "qt"],
            },
            Self::Image => &Names {
                lists: &[&["images", "image"], &["series_images"]],
                urls: &["image_url"],
                extensions: &["png", "jpg", "jpeg", "webp", "gif", "avif", "heic"],
            },
            Self::Audio => &Names {
                lists: &[&["audios", "audio"]],
                urls: &["audio_url", "url_mp3", "mp3_url", "url_wav", "wav_url"],
                extensions: &["mp3", "wav", "m4a", "aac", "ogg", "flac", "opus"],
            },
        }
    }
}

/// A file that a task made. Its URL is signed and expires 30 days after the end of the task (Kling's reference).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Output {
    /// Kind of file.
    pub kind: OutputKind,
    /// URL of the file; of a sound in two formats, of the MP3. Whoever has the URL has the file: `Debug` does not show it.
    /// A relative one is joined to the base URL; that of a [callback](crate::callback), which has none, stays as it is.
    pub url: String,
    /// The API's id of the output; images have none.
    #[serde(default)]
    pub id: Option<String>,
    /// Position among the task's outputs, from 0, as [`Download::output`](crate::Download::output) takes it.
    pub index: usize,
    /// Length of a video or a sound. In JSON: seconds.
    #[serde(default, serialize_with = "seconds", deserialize_with = "from_seconds")]
    pub duration: Option<Duration>,
    /// URL of the same file with a watermark, where one was requested.
    #[serde(default)]
    pub watermark_url: Option<String>,
    /// URL of the same sound as WAV.
    #[serde(default)]
    pub wav_url: Option<String>,
}

fn seconds<S: Serializer>(length: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    length.map(|length| length.as_secs_f64()).serialize(serializer)
}

fn from_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds = Option::<f64>::deserialize(deserializer)?;
    seconds.map(Duration::try_from_secs_f64).transpose().map_err(D::Error::custom)
}

impl Output {
    /// The extension of a file with this output: the URL's, if it is a known one of the kind, or else the kind's first.
    pub(crate) fn extension(&self) -> &'static str {
        let of_url = extension(&self.url).filter(|(_, kind)| *kind == self.kind).map(|(extension, _)| extension);
        of_url.unwrap_or(self.kind.names().extensions[0])
    }
}

debug_fields!(Output, |output|
    kind: output.kind,
    id: output.id,
    index: output.index,
    host: Url::parse(&output.url).ok().and_then(|url| url.host_str().map(str::to_owned)),
    duration: output.duration
);

/// The known extension at the end of a URL's path.
fn extension(url: &str) -> Option<(&'static str, OutputKind)> {
    let path = url.split(['?', '#']).next()?;
    let (_, found) = path.rsplit('/').next()?.rsplit_once('.')?;
    OutputKind::ALL.iter().find_map(|&kind| {
        let mut known = kind.names().extensions.iter();
        Some((*known.find(|extension| extension.eq_ignore_ascii_case(found))?, kind))
    })
}

/// Where outputs of one kind are, best first; `""` is the task's own object, and `"*"` stands for the kind's own lists. The
/// first place with an output of the kind has all of them.
const PLACES: [&str; 10] =
    ["task_result", "", "*", "outputs", "output", "results", "result", "content", "metadata", "data"];

/// What holds outputs of any kind within a place.
const LISTS: [&str; 2] = ["outputs", "output"];

/// The keys of one output's URL, best first; `"*"` stands for the kind's own. A task that succeeded has no reason to fail:
/// some gateways put the URL there.
const URLS: [&str; 6] = ["url", "*", "result_url", "output_url", "fail_reason", WATERMARK];

const WATERMARK: &str = "watermark_url";
const WAV: [&str; 2] = ["url_wav", "wav_url"];
const DURATIONS: [&str; 5] = ["duration", "duration_mp3", "mp3_duration", "duration_wav", "wav_duration"];

/// Deeper than any list in a place.
const DEPTH: usize = 4;

/// Returns the outputs in the layers of a task, innermost first, with relative URLs joined to `base`.
///
/// `kind` is what the operation makes. Without it the first kind that has outputs counts; a URL under a key that fits all
/// kinds is a video's, unless its extension says otherwise.
pub(super) fn outputs<'a>(
    layers: impl Iterator<Item = &'a Json<'a>> + Clone,
    base: Option<&Url>,
    kind: Option<OutputKind>,
) -> Vec<Output> {
    let search = |wanted: &OutputKind| {
        let mut search = Search { wanted: *wanted, is_certain: kind.is_some(), base, found: Vec::new() };
        search.places(layers.clone());
        Some(search.found).filter(|found| !found.is_empty())
    };
    let mut found =
        kind.as_ref().map_or(OutputKind::ALL, std::slice::from_ref).iter().find_map(search).unwrap_or_default();
    found.iter_mut().enumerate().for_each(|(index, output)| output.index = index);
    found
}

struct Search<'b> {
    wanted: OutputKind,
    /// Whether the operation makes that kind.
    is_certain: bool,
    base: Option<&'b Url>,
    found: Vec<Output>,
}

impl Search<'_> {
    fn places<'a>(&mut self, layers: impl Iterator<Item = &'a Json<'a>> + Clone) {
        let own = self.wanted.names().lists.concat();
        let places = PLACES.iter().flat_map(|place| if *place == "*" { &own[..] } else { std::slice::from_ref(place) });
        for place in places {
            for layer in layers.clone() {
                match (*place, layer.get(*place)) {
                    ("", _) => self.one(layer, self.is_certain.then_some(self.wanted), None),
                    // An object there is a layer of its own.
                    ("data", data) if !data.is_array() => false,
                    // The API's own place, where no input stands: what it has of other kinds are outputs, too.
                    ("task_result", value) => self.collect(value, None, OutputKind::ALL, DEPTH),
                    (_, value) => {
                        let kind = own.contains(place).then_some(self.wanted);
                        self.collect(value, kind, &[self.wanted], DEPTH)
                    }
                };
                if self.found.iter().any(|output| !self.is_certain || output.kind == self.wanted) {
                    return;
                }
            }
        }
    }

    /// Takes every output in a value, if it has any: a URL, an object that has one, or a list of these. `kind` is that of the
    /// key above it.
    fn collect(&mut self, value: &Json, kind: Option<OutputKind>, kinds: &[OutputKind], depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        match value {
            Json::Str(url) => self.push(address(url, self.base, false), kind, &Json::Null, None),
            Json::Array(items) => {
                let mut items: Vec<_> = items.iter().collect();
                // An image has no id: its place must be the same in every response.
                items.sort_by_key(|item| item.get("index").as_u64());
                items.into_iter().filter(|item| self.collect(item, kind, kinds, depth)).count() > 0
            }
            Json::Object(_) => {
                let mut found = false;
                for own in kinds {
                    for row in own.names().lists {
                        found |= row.iter().any(|name| self.collect(value.get(*name), Some(*own), kinds, depth));
                    }
                }
                found
                    || LISTS.iter().any(|name| self.collect(value.get(*name), kind, kinds, depth))
                    || self.one(value, kind, text(value.get("id")))
            }
            _ => false,
        }
    }

    /// Takes the output that an object describes itself.
    fn one(&mut self, object: &Json, kind: Option<OutputKind>, id: Option<String>) -> bool {
        let named = || OutputKind::ALL.iter().find(|kind| object.get("type").as_str() == Some(kind.as_str()));
        let kind = kind.or_else(|| named().copied());
        let of = kind.unwrap_or(self.wanted);
        let url_at = |name: &str| address(&text(object.get(name))?, self.base, name != "fail_reason");
        let found = URLS.into_iter().find_map(|name| match name {
            "*" => of.names().urls.iter().find_map(|name| Some((url_at(name)?, Some(of)))),
            name => Some((url_at(name)?, kind)),
        });
        let (url, kind) = found.unzip();
        self.push(url, kind.flatten(), object, id)
    }

    fn push(&mut self, url: Option<String>, kind: Option<OutputKind>, object: &Json, id: Option<String>) -> bool {
        let Some(url) = url else { return false };
        let kind = kind.unwrap_or_else(|| match extension(&url) {
            Some((_, kind)) if !self.is_certain => kind,
            _ => self.wanted,
        });
        let seconds = DURATIONS.into_iter().find_map(|name| text(object.get(name))?.parse().ok());
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let url_at = |name| address(&text(object.get(name))?, self.base, true);
        let wav_url = WAV.into_iter().find_map(url_at).filter(|_| kind == OutputKind::Audio);
        self.found.push(Output { kind, url, id, index: 0, duration, watermark_url: url_at(WATERMARK), wav_url });
        true
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    use OutputKind::{Audio, Image, Video};

    fn read(task: &serde_json::Value, kind: Option<OutputKind>) -> Vec<Output> {
        let text = task.to_string();
        let task: Json = serde_json::from_str(&text).unwrap();
        outputs(std::iter::once(&task), None, kind)
    }

    fn seen(outputs: &[Output]) -> Vec<(OutputKind, &str)> {
        outputs.iter().map(|output| (output.kind, output.url.as_str())).collect()
    }

    const A: &str = "https://cdn.example/a";
    const B: &str = "https://cdn.example/b";

    #[test]
    fn outputs_of_each_kind_are_found_in_the_same_places() {
        for (kind, list, url) in
            [(Video, "videos", "video_url"), (Image, "images", "image_url"), (Audio, "audios", "audio_url")]
        {
            for task in [
                json!({"task_result": {list: [{"url": A}]}}),
                json!({"task_result": {list: [A]}}),
                json!({"task_result": {"url": A}}),
                json!({"task_result": {url: A}}),
                json!({"url": A}),
                json!({url: A}),
                json!({"fail_reason": A}),
                json!({list: [A]}),
                json!({kind.as_str(): {"url": A}}),
                json!({"output": A}),
                json!({"outputs": [{url: A}]}),
                json!({"result": {list: [{"url": A}]}}),
                json!({"metadata": {"url": A}}),
                json!({"data": [{"url": A}]}),
            ] {
                assert_eq!(seen(&read(&task, Some(kind))), [(kind, A)], "{task}");
                let is_named = task.to_string().contains(kind.as_str());
                assert_eq!(seen(&read(&task, None)), [(if is_named { kind } else { Video }, A)], "{task}");
            }
        }
    }

    #[test]
    fn the_kind_is_told_by_entries_and_a_task_may_have_several() {
        let result = |result: serde_json::Value| json!({"task_result": result});
        for (task, kind, expected) in [
            (result(json!({"images": [], "videos": [{"url": A}], "audios": null})), None, vec![(Video, A)]),
            (result(json!({"images": [{"url": A}], "videos": [], "audios": []})), None, vec![(Image, A)]),
            (result(json!({"audios": [{"url_mp3": B}], "videos": [{"url": A}]})), None, vec![(Video, A), (Audio, B)]),
            (
                result(json!({"audios": [{"url_mp3": B}], "videos": [{"url": A}]})),
                Some(Video),
                vec![(Video, A), (Audio, B)],
            ),
            (
                result(json!({"images": [], "series_images": [{"url": A}, {"url": B}]})),
                Some(Image),
                vec![(Image, A), (Image, B)],
            ),
            // A cover is no output of the operation's kind, and an input is none at all.
            (json!({"task_result": {"images": [B]}, "url": A}), Some(Video), vec![(Image, B), (Video, A)]),
            (json!({"url": A, "image_url": B}), Some(Video), vec![(Video, A)]),
            (json!({"images": [B], "output": A}), Some(Video), vec![(Video, A)]),
            (
                json!({"outputs": [{"type": "image", "url": B}, {"type": "video", "url": A}]}),
                Some(Video),
                vec![(Image, B), (Video, A)],
            ),
            (json!({"url": "https://cdn.example/a.PNG?sig=1"}), None, vec![(Image, "https://cdn.example/a.PNG?sig=1")]),
            (json!({"url": "https://cdn.example/a.png"}), Some(Video), vec![(Video, "https://cdn.example/a.png")]),
        ] {
            assert_eq!(seen(&read(&task, kind)), expected, "{task}");
        }
    }

    #[test]
    fn images_stand_in_the_order_of_their_index_whatever_the_order_of_the_response() {
        let images = json!({"task_result": {"images": [{"index": 1, "url": B}, {"index": 0, "url": A}]}});
        let found = read(&images, Some(Image));
        assert_eq!(seen(&found), [(Image, A), (Image, B)]);
        assert_eq!((found[1].index, &found[1].id), (1, &None));
    }

    #[test]
    fn a_sound_has_the_fields_of_either_form() {
        let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
        for (audio, url, wav, duration) in [
            (
                json!({"id": "7", "url_mp3": A, "url_wav": B, "duration_mp3": "5.1", "duration_wav": "5.0"}),
                A,
                Some(B),
                5.1,
            ),
            (json!({"id": "7", "mp3_url": A, "wav_url": B, "mp3_duration": "5.1"}), A, Some(B), 5.1),
            (json!({"id": "7", "url_wav": B, "duration_wav": 5}), B, Some(B), 5.0),
            (json!({"id": "7", "url": A, "duration": "3"}), A, None, 3.0),
        ] {
            let found = read(&json!({"task_result": {"audios": [audio]}}), Some(Audio)).remove(0);
            assert_eq!((found.url.as_str(), found.wav_url.as_deref(), found.duration), (url, wav, seconds(duration)));
            assert_eq!(found.id.as_deref(), Some("7"));
        }
    }

    #[test]
    fn an_output_survives_json_and_its_debug_shows_no_url() {
        let video = json!({"task_result": {"videos": [{"id": "7", "url": A, "watermark_url": B, "duration": "5.1"}]}});
        let output = read(&video, Some(Video)).remove(0);
        let written = serde_json::to_value(&output).unwrap();
        assert_eq!(
            written,
            json!({"kind": "video", "url": A, "id": "7", "index": 0, "duration": 5.1, "watermark_url": B, "wav_url": null})
        );
        assert_eq!(serde_json::from_value::<Output>(written).unwrap(), output);
        assert!(!format!("{output:?}").contains("/a") && !format!("{output:?}").contains("/b"), "{output:?}");
        assert!(
            serde_json::from_value::<Output>(json!({"kind": "video", "url": A, "index": 0, "duration": -1})).is_err()
        );
    }
}
