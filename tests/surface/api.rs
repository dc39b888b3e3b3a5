// lib
pub mod callback;
#[cfg(feature = "raw")]
pub mod raw;
pub use client::{
    BASE_URL_VARIABLE, Client, ClientBuilder, EXPECT_VARIABLE, KEY_VARIABLE,
};
pub use clock::{Clock, Sleep, SystemClock};
pub use download::{Download, DownloadProgress, VideoStream};
pub use error::{Error, ErrorKind, Result, Violation};
pub use generated::document;
pub use image::Image;
pub use polling::{PollPolicy, PollState, SteadyPolling};
pub use request::{MultiImageToVideo, MultiImageToVideoBuilder};
pub use response::{TaskInfo, TaskStatus, Video};
pub use saved::SavedTask;
pub use task::Task;
pub use values::{AspectRatio, Mode, Model, VideoDuration};
pub use wait::{FinishedTask, Wait, WaitEvent, Waiting};
pub use wait_all::WaitAll;
pub mod builder {
    pub use crate::request::multi_image_to_video_builder::*;
}

// callback
pub fn parse(body: &[u8]) -> Result<TaskInfo> {}
#[cfg(feature = "webhooks")]
pub fn verify(headers: &http::HeaderMap, body: &[u8], secret: &str) -> Result<()> {}
#[cfg(feature = "webhooks")]
pub fn verify_at(
    headers: &http::HeaderMap,
    body: &[u8],
    secret: &str,
    now: std::time::SystemTime,
) -> Result<()> {}

// client
pub const KEY_VARIABLE: &str = "KLING_API_KEY";
pub const BASE_URL_VARIABLE: &str = "KLING_BASE_URL";
pub const EXPECT_VARIABLE: &str = "KLING_EXPECT";
#[derive(Clone)]
pub struct Client();
impl Client {
    pub fn from_env() -> Result<Self> {}
    pub fn builder(key: impl Into<String>) -> ClientBuilder {}
    pub fn base_url(&self) -> &str {}
    pub fn task(&self, id: impl Into<String>) -> Result<Task> {}
    pub async fn list(&self, number: u16, size: u16) -> Result<Vec<TaskInfo>> {}
    #[cfg(feature = "raw")]
    pub fn raw(&self) -> generated::Client {}
}
impl fmt::Debug for Client {}
#[must_use]
pub struct ClientBuilder {
    and_private_ones: (),
}
impl ClientBuilder {
    pub fn base_url(mut self, url: impl Into<String>) -> Self {}
    pub fn http_client(mut self, client: reqwest::Client) -> Self {}
    pub fn download_client(mut self, client: reqwest::Client) -> Self {}
    pub fn private_addresses(mut self, allowed: bool) -> Self {}
    pub fn download_limit(mut self, bytes: u64) -> Self {}
    pub fn clock(mut self, clock: impl Clock) -> Self {}
    pub fn stall_limit(mut self, limit: Duration) -> Self {}
    pub fn answer_limit(mut self, limit: Duration) -> Self {}
    pub fn attempts(mut self, most: u32) -> Self {}
    pub fn retry_budget(mut self, budget: Duration) -> Self {}
    pub fn reconcile_at(mut self, moments: impl IntoIterator<Item = Duration>) -> Self {}
    pub fn early_answer_pause(mut self, pause: Duration) -> Self {}
    pub fn expected(mut self, expected: Duration) -> Self {}
    pub fn poll_policy(mut self, policy: impl PollPolicy) -> Self {}
    pub fn max_running(mut self, most: usize) -> Self {}
    pub fn build(self) -> Result<Client> {}
}
impl fmt::Debug for ClientBuilder {}

// clock
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    fn now(&self) -> Duration;
    fn sleep(&self, wait: Duration) -> Sleep;
    fn guard(&self, limit: Duration) -> Sleep {}
    fn wall(&self) -> SystemTime {}
    fn random(&self) -> f64;
}
#[derive(Debug)]
pub struct SystemClock {
    and_private_ones: (),
}
impl SystemClock {
    pub fn new() -> Self {}
}
impl Default for SystemClock {}
impl Clock for SystemClock {}

// download
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadProgress {
    pub bytes: u64,
    pub total: Option<u64>,
}
#[must_use = "a download does nothing until it is awaited"]
pub struct Download {
    and_private_ones: (),
}
impl Download {
    pub fn overwrite(mut self, overwrite: bool) -> Self {}
    pub fn video(mut self, index: usize) -> Self {}
    pub fn on_progress(
        mut self,
        progress: impl FnMut(DownloadProgress) + Send + 'static,
    ) -> Self {}
    pub fn slowest(mut self, bytes_per_second: u64, over: Duration) -> Self {}
}
impl std::fmt::Debug for Download {}
impl IntoFuture for Download {
    type Output = Result<PathBuf>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<PathBuf>> + Send>>;
}
#[must_use = "a stream does nothing until it is polled"]
pub struct VideoStream {
    and_private_ones: (),
}
impl VideoStream {
    pub fn video(self, index: usize) -> Self {}
    pub fn slowest(self, bytes_per_second: u64, over: Duration) -> Self {}
}
impl Stream for VideoStream {
    type Item = Result<Bytes>;
}
impl std::fmt::Debug for VideoStream {}

// error
pub type Result<T, E = Error> = std::result::Result<T, E>;
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    Invalid,
    NotSent,
    Rejected,
    Ambiguous,
    TaskFailed,
    WaitTimedOut,
    Answer,
    Network,
    Other,
}
impl fmt::Display for ErrorKind {}
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    pub path: String,
    pub limit: String,
    pub given: String,
}
impl fmt::Display for Violation {}
pub struct Error();
impl Error {
    pub fn kind(&self) -> ErrorKind {}
    pub fn operation(&self) -> &str {}
    pub fn message(&self) -> &str {}
    pub fn http_status(&self) -> Option<u16> {}
    pub fn code(&self) -> Option<&str> {}
    pub fn request_id(&self) -> Option<&str> {}
    pub fn task_id(&self) -> Option<&str> {}
    pub fn external_task_id(&self) -> Option<&str> {}
    pub fn info(&self) -> Option<&TaskInfo> {}
    pub fn violations(&self) -> &[Violation] {}
    pub fn hint(&self) -> Option<&str> {}
    pub fn body_snippet(&self) -> Option<&str> {}
    pub fn retry_after(&self) -> Option<Duration> {}
    pub fn is_retryable(&self) -> bool {}
    pub fn may_have_been_charged(&self) -> bool {}
}
impl fmt::Display for Error {}
impl fmt::Debug for Error {}
impl StdError for Error {}

// image
#[derive(Clone)]
pub struct Image();
impl Image {
    pub fn url(url: impl Into<String>) -> Self {}
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {}
    pub fn file(path: impl Into<PathBuf>) -> Self {}
    pub fn base64(text: impl Into<String>) -> Self {}
}
impl fmt::Debug for Image {}
impl From<PathBuf> for Image {}
impl Serialize for Image {}
impl<'de> Deserialize<'de> for Image {}
impl JsonSchema for Image {}

// polling
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PollState {
    pub age: Option<Duration>,
    pub expected: Duration,
    pub seen: bool,
    pub polls: u32,
    pub failures: u32,
    pub retry_after: Option<Duration>,
    pub random: f64,
}
pub trait PollPolicy: Send + Sync + 'static {
    fn pause(&self, state: &PollState) -> Duration;
}
#[derive(Debug, Clone, PartialEq)]
pub struct SteadyPolling {
    and_private_ones: (),
}
impl SteadyPolling {
    pub fn first(mut self, share: f64) -> Self {}
    pub fn interval(mut self, interval: Duration) -> Self {}
    pub fn spread(mut self, share: f64) -> Self {}
    pub fn longest_backoff(mut self, longest: Duration) -> Self {}
}
impl Default for SteadyPolling {}
impl PollPolicy for SteadyPolling {}

// reconcile
impl Client {
    pub async fn reconcile(&self, external_task_id: &str) -> Result<Option<Task>> {}
}

// request
#[derive(Clone)]
pub struct MultiImageToVideo {
    and_private_ones: (),
}
impl MultiImageToVideo {
    #[builder(
        builder_type(
            name = MultiImageToVideoBuilder,
            vis = "pub",
            doc{#[doc = " Builds a [`MultiImageToVideo`]; see there."]}
        ),
        state_mod(vis = "pub"),
        start_fn(name = builder, vis = "pub"),
        finish_fn(name = fields, vis = "pub(crate)")
    )]
    fn start(
        #[builder(field)]
        extra: BTreeMap<String, Value>,
        #[builder(field)]
        anonymous: bool,
        #[builder(
            with = |images:impl
            IntoIterator<Item = impl
            Into<Image>>|images.into_iter().map(Into::into).collect()
        )]
        images: Vec<Image>,
        #[builder(into)]
        prompt: String,
        #[builder(into, default)]
        model: Model,
        #[builder(into)]
        negative_prompt: Option<String>,
        #[builder(into, default)]
        mode: Mode,
        #[builder(into, default)]
        duration: VideoDuration,
        #[builder(into)]
        aspect_ratio: Option<AspectRatio>,
        #[builder(into)]
        callback_url: Option<String>,
        #[builder(into)]
        external_task_id: Option<String>,
        watermark: Option<bool>,
    ) -> (Fields, bool) {}
    pub fn from_json(mut data: Value) -> Result<Self> {}
    pub fn again(&self) -> Self {}
    pub fn external_task_id(&self) -> Option<&str> {}
    pub fn uploaded(&self) -> u64 {}
    pub fn body_len(&self) -> Result<u64> {}
    pub fn json_schema() -> Value {}
}
impl<S: multi_image_to_video_builder::State> MultiImageToVideoBuilder<S> {
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {}
    pub fn without_external_task_id(mut self) -> Self {}
    pub fn build(self) -> Result<MultiImageToVideo>
    where
        S: multi_image_to_video_builder::IsComplete,
    {}
    pub fn build_unchecked(self) -> Result<MultiImageToVideo>
    where
        S: multi_image_to_video_builder::IsComplete,
    {}
}
impl fmt::Debug for MultiImageToVideo {}

// saved
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SavedTask {
    pub base_url: String,
    pub task_id: String,
    pub external_task_id: Option<String>,
    pub made_at_ms: Option<u64>,
    pub expected_ms: Option<u64>,
    pub status: Option<String>,
}
impl Task {
    pub fn save(&self) -> SavedTask {}
}
impl Client {
    pub fn resume(&self, saved: SavedTask) -> Result<Task> {}
}

// submit
impl Client {
    pub async fn submit(&self, request: &MultiImageToVideo) -> Result<Task> {}
}

// task
#[derive(Clone)]
pub struct Task {
    and_private_ones: (),
}
impl Task {
    pub fn id(&self) -> &str {}
    pub fn external_task_id(&self) -> Option<&str> {}
    pub fn info(&self) -> Option<&TaskInfo> {}
    pub async fn refresh(&mut self) -> Result<&TaskInfo> {}
    pub fn wait(&self) -> Wait {}
}
impl fmt::Debug for Task {}

// values
macro_rules! open_enumeration {
    ($(#[$doc:meta])* $name:ident, $summary:literal, { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            Other(String),
        }

        impl $name {
            pub const KNOWN: &[&str] = &[$($word),+];

            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                word.as_str().into()
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(word: &str) -> Result<Self, Infallible> {
                Ok(word.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(String::deserialize(deserializer)?.into())
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "description": $summary,
                    "x-extensible-enum": Self::KNOWN,
                })
            }
        }
    };
}
open_enumeration! {
    #[derive(Default)]
    Model, "The model. Gateways accept names beyond these.", {
        #[default]
        KlingV1_6 = "kling-v1-6",
    }
}
open_enumeration! {
    #[derive(Default)]
    Mode, "The mode of generation: std is cheaper, pro is better.", {
        #[default]
        Std = "std",
        Pro = "pro",
    }
}
open_enumeration! {
    #[derive(Default)]
    VideoDuration, "The video's length in seconds, as a string.", {
        #[default]
        FiveSeconds = "5",
        TenSeconds = "10",
    }
}
open_enumeration! {
    AspectRatio, "The video's width to height.", {
        Landscape = "16:9",
        Portrait = "9:16",
        Square = "1:1",
    }
}

// wait
#[derive(Debug)]
#[non_exhaustive]
pub enum WaitEvent {
    Changed(TaskInfo),
    Running { elapsed: Duration, expected: Duration },
    PollFailed(Error),
    Done(FinishedTask),
}
#[must_use = "a wait does nothing until it is awaited or polled"]
pub struct Wait {
    and_private_ones: (),
}
impl Wait {
    pub fn timeout(self, timeout: Duration) -> Self {}
    pub fn expected(self, expected: Duration) -> Self {}
    pub fn policy(self, policy: impl PollPolicy) -> Self {}
}
impl From<Task> for Wait {}
impl std::fmt::Debug for Wait {}
impl Stream for Wait {
    type Item = Result<WaitEvent>;
}
impl IntoFuture for Wait {
    type Output = Result<FinishedTask>;
    type IntoFuture = Waiting;
}
#[derive(Debug)]
pub struct Waiting();
impl Future for Waiting {
    type Output = Result<FinishedTask>;
}
#[derive(Clone)]
pub struct FinishedTask {
    and_private_ones: (),
}
impl FinishedTask {
    pub fn info(&self) -> &TaskInfo {}
    pub fn videos(&self) -> &[Video] {}
    pub fn download(&self, path: impl Into<PathBuf>) -> Download {}
    pub fn bytes_stream(&self) -> VideoStream {}
}
impl std::fmt::Debug for FinishedTask {}

// wait_all
#[must_use = "a wait does nothing until it is polled"]
pub struct WaitAll {
    and_private_ones: (),
}
impl Client {
    pub fn wait_all(&self, tasks: impl IntoIterator<Item = impl Into<Wait>>) -> WaitAll {}
}
impl WaitAll {
    pub fn in_flight(mut self, most: usize) -> Self {}
    pub fn requests_per_second(mut self, most: f64) -> Self {}
    pub fn push(&mut self, task: impl Into<Wait>) {}
    pub fn events(
        &mut self,
    ) -> impl Stream<Item = (String, Result<WaitEvent>)> + Send + Unpin {}
}
impl Stream for WaitAll {
    type Item = (String, Result<FinishedTask>);
}
impl fmt::Debug for WaitAll {}
