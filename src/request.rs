//! The request for a video: its fields with their limits, the builder, and every check before anything is paid.
//!
//! The limits stand once, as attributes of the private `Fields`: `garde` enforces them, `schemars` writes them into the
//! JSON Schema (`schema.rs`), and the check against the vendor's document reads them there. What a violation says of a
//! limit is read from that schema, too.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result, Violation};
use crate::media::{Image, http_url};
use crate::schema::{ACCEPTED, SENT, check_types, is_known, violation};
use crate::transport::body::Segment;
use crate::values::{AspectRatio, Mode, Model, VideoDuration};

/// A video to be made from 1–4 images and a prompt; checked, and good for one purchase.
///
/// Limits are those of the vendor's page and of Kling's reference, and lengths count Unicode scalar values. A built
/// request can be submitted once: [`again`](Self::again) makes a new purchase of it, a clone shares this one.
///
/// ```
/// use kling_client::{AspectRatio, Image, Mode, MultiImageToVideo, VideoDuration};
///
/// let request = MultiImageToVideo::builder()
///     .images([Image::url("https://example.com/cat.png"), Image::url("https://example.com/hat.jpg")])
///     .prompt("The cat puts the hat on")
///     .mode(Mode::Pro)
///     .duration(VideoDuration::TenSeconds)
///     .aspect_ratio(AspectRatio::Landscape)
///     .build()?;
/// # Ok::<(), kling_client::Error>(())
/// ```
///
/// Without `images` or `prompt` it does not compile:
///
/// ```compile_fail
/// let request = kling_client::MultiImageToVideo::builder().prompt("The cat puts the hat on").build();
/// ```
#[derive(Clone)]
pub struct MultiImageToVideo {
    fields: Arc<Fields>,
    images: Arc<[Segment]>,
    /// Whether no id is minted.
    anonymous: bool,
    purchase: Arc<Purchase>,
}

/// What the clones of a request share.
#[derive(Default)]
struct Purchase {
    taken: AtomicBool,
    uploaded: Arc<AtomicU64>,
}

/// What is sent, in the words and the order of the wire.
#[derive(Clone, Serialize, Deserialize, JsonSchema, Validate)]
#[schemars(title = "MultiImageToVideo")]
pub(crate) struct Fields {
    /// The model's name.
    #[serde(default)]
    #[garde(skip)]
    pub(crate) model_name: Model,
    /// The reference images.
    #[garde(length(min = 1, max = 4))]
    pub(crate) image_list: Vec<Reference>,
    /// What the video shows.
    #[garde(length(chars, min = 1, max = 2500))]
    pub(crate) prompt: String,
    /// What the video should not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 2500))]
    pub(crate) negative_prompt: Option<String>,
    /// The mode of generation.
    #[serde(default)]
    #[garde(skip)]
    pub(crate) mode: Mode,
    /// The length of the video, in seconds.
    #[serde(default)]
    #[garde(skip)]
    pub(crate) duration: VideoDuration,
    /// The shape of the video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub(crate) aspect_ratio: Option<AspectRatio>,
    /// Where the API posts every change of status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(url)]
    #[garde(custom(callback))]
    pub(crate) callback_url: Option<String>,
    /// The caller's own id, unique for the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub(crate) external_task_id: Option<String>,
    /// Whether a watermarked video is made as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub(crate) watermark_info: Option<Watermark>,
    /// Whatever else the caller sends.
    #[serde(flatten)]
    #[garde(skip)]
    pub(crate) extra: Map<String, Value>,
}

/// One entry of `image_list`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Reference {
    /// The image.
    pub(crate) image: Image,
}

/// The watermark's switch.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Watermark {
    /// On or off.
    pub(crate) enabled: bool,
}

#[bon::bon]
impl MultiImageToVideo {
    /// Starts a request; `images` and `prompt` are required, and each setter may be called once.
    #[builder(
        builder_type(name = MultiImageToVideoBuilder, vis = "pub", doc {
            /// Builds a [`MultiImageToVideo`]; see there.
        }),
        state_mod(vis = "pub"),
        start_fn(name = builder, vis = "pub"),
        finish_fn(name = fields, vis = "pub(crate)")
    )]
    fn start(
        #[builder(field)] extra: BTreeMap<String, Value>,
        #[builder(field)] anonymous: bool,
        /// The reference images, 1–4 of them (Kling's reference; the vendor's page: up to 4).
        #[builder(with = |images: impl IntoIterator<Item = impl Into<Image>>| images.into_iter().map(Into::into).collect())]
        images: Vec<Image>,
        /// What the video shows: at most 2500 characters (the vendor's page).
        #[builder(into)]
        prompt: String,
        /// The model; `kling-v1-6` if not said.
        #[builder(into, default)]
        model: Model,
        /// What the video should not show: at most 2500 characters (Kling's reference).
        #[builder(into)]
        negative_prompt: Option<String>,
        /// The mode; `std` if not said.
        #[builder(into, default)]
        mode: Mode,
        /// The video's length; 5 seconds if not said.
        #[builder(into, default)]
        duration: VideoDuration,
        /// The video's shape; left out, the API takes 16:9 (Kling's reference).
        #[builder(into)]
        aspect_ratio: Option<AspectRatio>,
        /// A public `http` or `https` URL that is told of every change of status.
        #[builder(into)]
        callback_url: Option<String>,
        /// An id of your own, unique among all your tasks; one is minted if none is given.
        #[builder(into)]
        external_task_id: Option<String>,
        /// Whether a watermarked video is made as well (Kling's newer reference).
        watermark: Option<bool>,
    ) -> (Fields, bool) {
        let fields = Fields {
            model_name: model,
            image_list: images.into_iter().map(|image| Reference { image }).collect(),
            prompt,
            negative_prompt,
            mode,
            duration,
            aspect_ratio,
            callback_url,
            external_task_id,
            watermark_info: watermark.map(|enabled| Watermark { enabled }),
            extra: extra.into_iter().collect(),
        };
        (fields, anonymous)
    }

    /// Builds a request from data in the words of the wire, with the checks, and the violations, of the builder.
    ///
    /// An image is a URL or Base64; a field the crate does not know is sent as it is.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid), with every violation of every field and image, a wrong type among them.
    ///
    /// ```
    /// # use kling_client::MultiImageToVideo;
    /// let request = MultiImageToVideo::from_json(serde_json::json!({
    ///     "image_list": [{"image": "https://example.com/cat.png"}],
    ///     "prompt": "The cat puts the hat on",
    /// }))?;
    ///
    /// let error = MultiImageToVideo::from_json(serde_json::json!({"image_list": [], "duration": 5})).unwrap_err();
    /// let paths: Vec<_> = error.violations().iter().map(|v| v.path.as_str()).collect();
    /// assert_eq!(paths, ["duration", "image_list", "prompt"]);
    /// # Ok::<(), kling_client::Error>(())
    /// ```
    pub fn from_json(mut data: Value) -> Result<Self> {
        if let Value::Object(fields) = &mut data {
            fields.retain(|name, value| !value.is_null() || !is_known(name));
        }
        let mut found = Vec::new();
        check_types(&data, ACCEPTED.as_value(), "", &mut found);
        let of_type = |name: &str| !found.iter().any(|v| top(&v.path) == name);
        if let Value::Object(fields) = &mut data {
            // What has the wrong type makes place for a stand-in, so that the limits of all the rest are checked as well.
            fields.retain(|name, _| of_type(name));
            for (name, stand_in) in [("image_list", Value::Array(Vec::new())), ("prompt", Value::from(""))] {
                fields.entry(name).or_insert(stand_in);
            }
        }
        let built = match serde_json::from_value(data) {
            Ok(fields) => Self::checked((fields, false), true),
            Err(e) => Err(Error::new(ErrorKind::Invalid, "build", e.to_string())),
        };
        if found.is_empty() {
            return built;
        }
        if let Err(error) = built {
            let rest: Vec<_> = error.violations().iter().filter(|v| of_type(top(&v.path))).cloned().collect();
            found.extend(rest);
        }
        Err(refused(found))
    }

    /// The same request as a new purchase, with a new id: what was bought before stays bought.
    pub fn again(&self) -> Self {
        let mut fields = Fields::clone(&self.fields);
        fields.external_task_id = None;
        Self { fields: Arc::new(fields), purchase: Arc::default(), ..self.clone() }.named()
    }

    /// The caller's id of this purchase: the one that was given, or else one that was minted (UUIDv7).
    ///
    /// It is known before anything is sent, so that a task whose answer was lost can be looked for by it.
    pub fn external_task_id(&self) -> Option<&str> {
        self.fields.external_task_id.as_deref()
    }

    /// How many bytes of the body the network has taken so far, in the present attempt to submit this request or a clone
    /// of it; 0 before. To be read while [`Client::submit`](crate::Client::submit) runs, against
    /// [`body_len`](Self::body_len).
    ///
    /// It begins again with each attempt, and keeps what the last one reached. Some of these bytes may still be in a
    /// buffer of this machine.
    ///
    /// ```no_run
    /// # async fn run(client: kling_client::Client, request: kling_client::MultiImageToVideo) -> kling_client::Result<()> {
    /// let total = request.body_len()?;
    /// let submitted = client.submit(&request);
    /// let mut submitted = std::pin::pin!(submitted);
    /// let task = loop {
    ///     tokio::select! {
    ///         task = &mut submitted => break task?,
    ///         () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {
    ///             println!("{} of {total} bytes", request.uploaded());
    ///         }
    ///     }
    /// };
    /// # Ok(())
    /// # }
    /// ```
    pub fn uploaded(&self) -> u64 {
        self.purchase.uploaded.load(Ordering::Relaxed)
    }

    /// The length of the body in bytes, images as Base64 included. Reads no image.
    ///
    /// # Errors
    /// [`Other`](ErrorKind::Other) if an extra field cannot be written as JSON.
    pub fn body_len(&self) -> Result<u64> {
        Ok(self.segments()?.iter().map(Segment::encoded_len).sum())
    }

    /// Where the bytes of the body are counted.
    pub(crate) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.purchase.uploaded)
    }

    /// With an id, unless none is wanted.
    fn named(mut self) -> Self {
        if self.fields.external_task_id.is_none() && !self.anonymous {
            Arc::make_mut(&mut self.fields).external_task_id = Some(Uuid::now_v7().to_string());
        }
        self
    }

    /// The JSON Schema of what is sent, in JSON Schema 2020-12.
    pub fn json_schema() -> Value {
        SENT.as_value().clone()
    }

    /// What the request holds that nobody should see, apart from its images.
    pub(crate) fn secrets(&self) -> Arc<[String]> {
        fn texts(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::String(text) => found.push(text.clone()),
                Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
                Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
                _ => {}
            }
        }
        let fields = &*self.fields;
        let mut found = vec![fields.prompt.clone()];
        found.extend(fields.negative_prompt.clone());
        found.extend(fields.callback_url.clone());
        fields.extra.values().for_each(|value| texts(value, &mut found));
        found.into()
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Takes the one purchase; false if it was taken before.
    pub(crate) fn buy(&self) -> bool {
        !self.purchase.taken.swap(true, Ordering::SeqCst)
    }

    /// The pieces of the body: the JSON, cut where each image goes.
    pub(crate) fn segments(&self) -> Result<Vec<Segment>> {
        // Images are written as empty strings, so the array's own text is known. Its key is the first thing in the JSON
        // that reads so: within a string every quote has a backslash before it, and extra fields come last.
        let text =
            serde_json::to_vec(&*self.fields).map_err(|e| Error::new(ErrorKind::Other, "submit", e.to_string()))?;
        let text = Bytes::from(text);
        const FIRST: &[u8] = br#""image_list":[{"image":""#;
        const NEXT: &[u8] = br#""},{"image":""#;
        let mut segments = Vec::with_capacity(2 * self.images.len() + 1);
        let mut start = 0;
        let mut hole = text.windows(FIRST.len()).position(|window| window == FIRST).map(|at| at + FIRST.len());
        for image in &*self.images {
            let Some(at) = hole else { break };
            segments.extend([Segment::Text(text.slice(start..at)), image.clone()]);
            start = at;
            hole = Some(at + NEXT.len());
        }
        segments.push(Segment::Text(text.slice(start..)));
        Ok(segments)
    }

    fn checked((mut fields, anonymous): (Fields, bool), checked: bool) -> Result<Self> {
        for optional in [&mut fields.negative_prompt, &mut fields.callback_url, &mut fields.external_task_id] {
            // The API takes an empty id for an id; nothing that is empty is sent.
            optional.take_if(|text| text.is_empty());
        }
        fields.aspect_ratio.take_if(|ratio| ratio.as_str().is_empty());
        let mut found = Vec::new();
        for name in fields.extra.keys().filter(|name| is_known(name)) {
            found.push(Violation::new(
                name,
                "a field of its own, set by its own method",
                "an extra field of that name",
            ));
        }
        if checked && let Err(report) = fields.validate() {
            let data = serde_json::to_value(&fields).unwrap_or_default();
            for (path, error) in report.iter() {
                found.push(violation(&path.to_string(), error.message(), &data));
            }
        }
        let mut images = Vec::with_capacity(fields.image_list.len());
        for (index, reference) in fields.image_list.iter().enumerate() {
            images.extend(reference.image.open(&format!("image_list[{index}].image"), checked, &mut found));
        }
        if !found.is_empty() {
            return Err(refused(found));
        }
        Ok(Self { fields: Arc::new(fields), images: images.into(), anonymous, purchase: Arc::default() }.named())
    }
}

impl<S: multi_image_to_video_builder::State> MultiImageToVideoBuilder<S> {
    /// Sends a field that this crate does not know, such as a gateway's `cfg_scale`.
    ///
    /// One that has a method of its own is refused when the request is built.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }

    /// Sends no `external_task_id` where none was given; by default one is minted.
    ///
    /// For a gateway that refuses the field. A task whose answer is lost can then not be looked for.
    pub fn without_external_task_id(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// Checks everything and opens the files, reading their headers.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid), with every violation of every field and image.
    pub fn build(self) -> Result<MultiImageToVideo>
    where
        S: multi_image_to_video_builder::IsComplete,
    {
        MultiImageToVideo::checked(self.fields(), true)
    }

    /// Builds without holding the limits against it, for a server that has moved on.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if a file cannot be read, or an extra field shadows a known one.
    pub fn build_unchecked(self) -> Result<MultiImageToVideo>
    where
        S: multi_image_to_video_builder::IsComplete,
    {
        MultiImageToVideo::checked(self.fields(), false)
    }
}

impl fmt::Debug for MultiImageToVideo {
    /// Shows no prompt and no image.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = &*self.fields;
        let images: Vec<_> = fields.image_list.iter().map(|reference| &reference.image).collect();
        f.debug_struct("MultiImageToVideo")
            .field("model", &fields.model_name)
            .field("images", &images)
            .field("prompt", &format_args!("{} characters", fields.prompt.chars().count()))
            .field("mode", &fields.mode)
            .field("duration", &fields.duration)
            .field("aspect_ratio", &fields.aspect_ratio)
            .field("external_task_id", &fields.external_task_id)
            .field("extra", &fields.extra.keys())
            .finish_non_exhaustive()
    }
}

/// The error for what was found, in the order of the paths.
fn refused(mut found: Vec<Violation>) -> Error {
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Error::invalid("build", found)
}

/// The field in which a path begins.
fn top(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

fn callback(url: &Option<String>, _: &()) -> garde::Result {
    match url.as_deref().map(http_url) {
        Some(Err(given)) => Err(garde::Error::new(given)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl MultiImageToVideo {
        /// The body of a request whose images are all URLs.
        pub(crate) fn text(&self) -> String {
            let text = |segment: &Segment| match segment {
                Segment::Text(text) => text.to_vec(),
                _ => unreachable!("all images are URLs"),
            };
            String::from_utf8(self.segments().unwrap().iter().flat_map(text).collect()).unwrap()
        }
    }

    /// The request as `serde_json` writes it in one piece, with each image's text in its place.
    fn in_one_piece(fields: &Fields, images: &[&str]) -> String {
        #[derive(Serialize)]
        struct Plain<'a> {
            model_name: &'a Model,
            image_list: Vec<BTreeMap<&'a str, &'a str>>,
            prompt: &'a str,
            mode: &'a Mode,
            duration: &'a VideoDuration,
            #[serde(flatten)]
            extra: &'a Map<String, Value>,
        }
        let plain = Plain {
            model_name: &fields.model_name,
            image_list: images.iter().map(|image| BTreeMap::from([("image", *image)])).collect(),
            prompt: &fields.prompt,
            mode: &fields.mode,
            duration: &fields.duration,
            extra: &fields.extra,
        };
        serde_json::to_string(&plain).unwrap()
    }

    #[test]
    fn the_pieces_are_the_json_that_would_be_sent_in_one() {
        let controls: String = (0..0x20u8).map(char::from).chain("\u{7f}\u{2028}\"\\/".chars()).collect();
        let urls = ["https://example.com/a.png", "https://example.com/\"},{\"image\":\"", &controls, ""];
        for count in 0..=urls.len() {
            for text in ["plain", r#""image_list":[{"image":"#, r#"\"},{"image":""#, "\"\"", &controls] {
                let request = MultiImageToVideo::builder()
                    .images(urls[..count].iter().copied().map(Image::url))
                    .model(text)
                    .prompt(text)
                    .extra(format!("z{text}"), serde_json::json!({"image_list": [{"image": ""}]}))
                    .without_external_task_id()
                    .build_unchecked()
                    .unwrap();
                assert_eq!(request.text(), in_one_piece(request.fields(), &urls[..count]));
            }
        }
    }
}
