//! Proves that the spans are those that the guide documents: their names, their fields, what is in what, and nothing
//! secret; and that the spans of one video are in one, wherever its calls are awaited.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use kling_client::{Client, Image, MultiImageToVideo, Request};
use kling_sandbox::{Endpoint, Fault, Sandbox, ScriptedResponse};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

/// A span as it was told of.
#[derive(Clone, Debug, Default)]
struct Told {
    name: &'static str,
    parent: Option<usize>,
    /// Those that it can have, and those that it was given.
    can: BTreeSet<&'static str>,
    fields: BTreeMap<&'static str, String>,
    handles: usize,
}

/// Everything that this crate tells on this thread.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    spans: Vec<Told>,
    entered: Vec<usize>,
    events: usize,
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

fn at(id: &Id) -> usize {
    id.into_u64() as usize - 1
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("kling_client") || metadata.target() == "spans"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut state = self.0.lock().unwrap();
        let metadata = attributes.metadata();
        let current = state.entered.last().copied().filter(|_| attributes.is_contextual());
        let mut told = Told {
            name: metadata.name(),
            parent: attributes.parent().map(at).or(current),
            can: metadata.fields().iter().map(|field| field.name()).collect(),
            fields: BTreeMap::new(),
            handles: 1,
        };
        attributes.record(&mut Fields(&mut told.fields));
        state.spans.push(told);
        Id::from_u64(state.spans.len() as u64)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        values.record(&mut Fields(&mut self.0.lock().unwrap().spans[at(id)].fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.lock().unwrap().events += 1;
    }

    fn enter(&self, id: &Id) {
        self.0.lock().unwrap().entered.push(at(id));
    }

    fn exit(&self, id: &Id) {
        assert_eq!(self.0.lock().unwrap().entered.pop(), Some(at(id)), "a span was left that is not the current one");
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.0.lock().unwrap().spans[at(id)].handles += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let handles = &mut self.0.lock().unwrap().spans[at(&id)].handles;
        *handles -= 1;
        *handles == 0
    }
}

impl Heard {
    fn listen() -> (Self, DefaultGuard) {
        let heard = Self::default();
        let guard = tracing::subscriber::set_default(heard.clone());
        (heard, guard)
    }

    /// The spans that were told of, each with the names of those that it is in, from the outside inwards.
    fn paths(&self) -> Vec<(String, Told)> {
        let state = self.0.lock().unwrap();
        let path = |mut at: usize| {
            let mut names = vec![state.spans[at].name];
            while let Some(parent) = state.spans[at].parent {
                names.insert(0, state.spans[parent].name);
                at = parent;
            }
            names.join(" > ")
        };
        state.spans.iter().enumerate().map(|(at, told)| (path(at), told.clone())).collect()
    }

    fn all(&self, path: &str) -> Vec<Told> {
        self.paths().into_iter().filter(|(told, _)| told == path).map(|(_, told)| told).collect()
    }

    #[track_caller]
    fn one(&self, path: &str) -> Told {
        let found = self.all(path);
        let paths: Vec<_> = self.paths().into_iter().map(|(path, _)| path).collect();
        assert_eq!(found.len(), 1, "{path} in {paths:#?}");
        found[0].clone()
    }
}

impl Told {
    #[track_caller]
    fn has(&self, fields: &[(&'static str, &str)]) {
        for (name, value) in fields {
            assert_eq!(self.fields.get(name).map(String::as_str), Some(*value), "{name} of {self:?}");
        }
    }
}

fn secretive() -> Request {
    MultiImageToVideo::builder()
        .images([
            Image::url("https://example.com/cat.png?token=nobody-may-see"),
            Image::file(support::picture("cat.png")),
        ])
        .prompt("nobody may see")
        .callback_url("https://example.com/told?token=nobody-may-see")
        .build()
        .unwrap()
}

#[tokio::test]
async fn one_span_holds_all_of_a_video_and_each_operation_tells_how_it_went() {
    let (heard, _guard) = Heard::listen();
    let (sandbox, client, _) = support::sandbox(Duration::from_secs(200)).await;
    let request = secretive();
    let (external, length) = (&request.external_task_id().unwrap().to_owned(), request.body_len());
    let task = client.submit(request).await.unwrap();
    let finished = task.wait().await.unwrap();
    finished.download(support::directory("spans").join("cat.mp4")).await.unwrap();

    let id = task.id();
    let video = sandbox.video_bytes().len().to_string();
    let generation = heard.one("kling.generation");
    generation.has(&[("task_id", id), ("external_task_id", external), ("status", "succeed")]);
    let bytes = length.to_string();
    let submit = heard.one("kling.generation > kling.submit");
    submit.has(&[
        ("operation", "multi-image2video"),
        ("step", "submit"),
        ("external_task_id", external),
        ("task_id", id),
        ("attempts", "1"),
    ]);
    submit.has(&[("bytes", &bytes), ("elapsed_ms", "0")]);
    let wait = heard.one("kling.generation > kling.wait");
    let polls = heard.all("kling.generation > kling.wait > kling.poll");
    assert!(polls.len() > 3, "{} polls", polls.len());
    wait.has(&[
        ("operation", "multi-image2video"),
        ("step", "wait"),
        ("task_id", id),
        ("status", "succeed"),
        ("attempts", &polls.len().to_string()),
    ]);
    assert!((200_000..210_000).contains(&wait.fields["elapsed_ms"].parse().unwrap()), "{wait:?}");
    polls[0].has(&[
        ("operation", "multi-image2video"),
        ("step", "get"),
        ("task_id", id),
        ("status", "submitted"),
        ("elapsed_ms", "0"),
    ]);
    polls[polls.len() - 1].has(&[("status", "succeed")]);
    let download = heard.one("kling.generation > kling.download");
    download.has(&[
        ("operation", "multi-image2video"),
        ("step", "download"),
        ("task_id", id),
        ("attempts", "1"),
        ("bytes", &video),
        ("elapsed_ms", "0"),
    ]);

    assert_eq!(heard.0.lock().unwrap().spans.iter().filter(|told| told.fields.contains_key("error")).count(), 0);
    assert_eq!(generation.handles, 2, "the task and what it became hold it");
    drop((task, finished));
    assert_eq!(heard.one("kling.generation").handles, 0, "with the last handle it ends");
}

#[tokio::test]
async fn a_generation_is_in_what_is_current_where_it_is_ordered_and_goes_on_in_another_task() {
    use tracing::Instrument as _;

    let (heard, _guard) = Heard::listen();
    let (_sandbox, client, _) = support::sandbox(Duration::from_secs(9)).await;
    let order = tracing::info_span!(target: "spans", "order");
    let task = client.submit(support::request()).instrument(order).await.unwrap();
    // Elsewhere, where nothing of the order is current.
    let elsewhere = tracing::info_span!(target: "spans", "elsewhere");
    let finished = async { task.wait().await }.instrument(elsewhere.clone()).await.unwrap();
    let bytes: Vec<_> = finished.bytes_stream().try_collect().instrument(elsewhere).await.unwrap();

    heard.one("order > kling.generation > kling.submit");
    heard.one("order > kling.generation > kling.wait").has(&[("status", "succeed")]);
    assert!(!heard.all("order > kling.generation > kling.wait > kling.poll").is_empty());
    let count = bytes.iter().map(bytes::Bytes::len).sum::<usize>().to_string();
    heard.one("order > kling.generation > kling.download").has(&[("bytes", &count), ("elapsed_ms", "0")]);
}

#[tokio::test]
async fn what_fails_says_of_which_kind_and_where_a_lost_answer_was_looked_for() {
    let (heard, _guard) = Heard::listen();
    let (sandbox, _, jumping) = support::sandbox(Duration::from_secs(9)).await;
    let moments = [Duration::from_secs(2)];
    let client = support::client(&sandbox).clock(jumping).look_up_at(moments).build().unwrap();
    sandbox.fault_next(Endpoint::Create, Fault::hang_up());
    client.submit(secretive()).await.unwrap_err();
    heard.one("kling.generation").has(&[("error", "ambiguous")]);
    heard.one("kling.generation > kling.submit").has(&[("error", "ambiguous"), ("elapsed_ms", "2000")]);
    heard.one("kling.generation > kling.submit > kling.find_task");
    heard.one("kling.generation > kling.submit > kling.find_task > kling.list").has(&[("page", "1")]);
    heard.one("kling.generation > kling.submit > kling.find_task > kling.poll").has(&[("error", "rejected")]);

    sandbox.fail_next_task("nobody may see");
    let task = client.submit(secretive()).await.unwrap();
    task.wait().await.unwrap_err();
    let failed = heard.all("kling.generation").pop().unwrap();
    failed.has(&[("task_id", task.id()), ("status", "failed"), ("error", "task_failed")]);
    heard.one("kling.generation > kling.wait").has(&[("status", "failed"), ("error", "task_failed")]);
}

#[tokio::test]
async fn a_task_that_is_taken_up_has_one_span_for_what_is_left_of_it() {
    let (heard, _guard) = Heard::listen();
    let (_sandbox, client, _) = support::sandbox(Duration::from_secs(9)).await;
    let request = support::request();
    let external = &request.external_task_id().unwrap().to_owned();
    let saved = client.submit(request).await.unwrap().save();
    let before = heard.all("kling.generation").len();

    let id = saved.task_id.clone();
    client.resume(saved).unwrap().wait().await.unwrap();
    client.task(support::OPERATION, &id).unwrap().refresh().await.unwrap();
    client.find_task(support::OPERATION, external).await.unwrap().unwrap();
    let taken_up = &heard.all("kling.generation")[before..];
    assert_eq!(taken_up.len(), 3);
    taken_up[0].has(&[("task_id", &id), ("external_task_id", external), ("status", "succeed")]);
    taken_up[1].has(&[("task_id", &id), ("status", "succeed")]);
    taken_up[2].has(&[("task_id", &id), ("external_task_id", external)]);
    heard.one("kling.generation > kling.poll");
}

#[tokio::test(start_paused = true)]
async fn many_waits_are_each_in_their_generation() {
    let (heard, _guard) = Heard::listen();
    let sandbox = Sandbox::start().await.unwrap();
    let client = support::client(&sandbox).build().unwrap();
    let mut tasks = Vec::new();
    for _ in 0..6 {
        tasks.push(client.submit(support::request()).await.unwrap());
    }
    let ended = client.wait_all(tasks).collect::<Vec<_>>().await;
    assert!(ended.iter().all(|(_, result)| result.is_ok()));
    let waits = heard.all("kling.generation > kling.wait");
    assert_eq!(waits.len(), 6);
    waits.iter().for_each(|wait| wait.has(&[("status", "succeed")]));
    assert!(heard.all("kling.list").is_empty());
}

/// The table of the guide: the fields of each span.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let words = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows = include_str!("../src/guide/spans.md").lines().filter(|line| line.starts_with("| `kling."));
    rows.map(|row| (words(row)[0].clone(), words(row)[1..].iter().cloned().collect())).collect()
}

async fn everything(client: &Client, sandbox: &Sandbox) {
    let request = secretive();
    let external = request.external_task_id().unwrap().to_owned();
    let task = client.submit(request).await.unwrap();
    let finished = task.wait().await.unwrap();
    finished.download(support::directory("all-spans").join("cat.mp4")).await.unwrap();
    client.list(support::OPERATION).start_at(1).page_size(5).next_page().await.unwrap();
    client.find_task(support::OPERATION, &external).await.unwrap().unwrap();
    sandbox
        .respond_next(Endpoint::Create, ScriptedResponse::new(401).body(r#"{"code":1002,"message":"nobody may see"}"#));
    client.submit(secretive()).await.unwrap_err();
}

#[tokio::test]
async fn the_guide_names_every_span_and_every_field_and_none_of_them_is_secret() {
    let (heard, _guard) = Heard::listen();
    let (sandbox, client, _) = support::sandbox(Duration::from_secs(9)).await;
    everything(&client, &sandbox).await;

    let state = heard.0.lock().unwrap();
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for span in &state.spans {
        told.insert(span.name.to_owned(), span.can.iter().map(|&name| name.to_owned()).collect());
    }
    assert_eq!(told, documented());
    assert_eq!(state.events, 0, "an event is nowhere documented");
    let text = format!("{:?}", state.spans);
    for secret in ["nobody", sandbox.api_key(), "Bearer", "iVBOR", "http"] {
        assert!(!text.contains(secret), "{secret:?} in\n{text}");
    }
}
