//! Proves that the spans have the names, the ids and the outcomes that are documented, and nothing secret.

mod support;

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kling_client::{Image, MultiImageToVideo};
use kling_sandbox::{Answer, Operation};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Everything that this crate tells, a line each.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>, Arc<AtomicU64>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!(" {field}={value:?}");
    }
}

impl Heard {
    fn hear(&self, line: Line) {
        self.0.lock().unwrap().push(line.0);
    }

    fn all(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("kling_client")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut line = Line(attributes.metadata().name().to_owned());
        attributes.record(&mut line);
        self.hear(line);
        Id::from_u64(self.1.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line("recorded".to_owned());
        values.record(&mut line);
        self.hear(line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line("event".to_owned());
        event.record(&mut line);
        self.hear(line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn every_operation_has_its_span_with_ids_and_outcome_and_without_secrets() {
    let heard = Heard::default();
    let _guard = tracing::subscriber::set_default(heard.clone());
    let (sandbox, client, _) = support::sandbox(Duration::from_secs(9)).await;
    let request = MultiImageToVideo::builder()
        .images([
            Image::url("https://example.com/cat.png?token=nobody-may-see"),
            Image::file(support::picture("cat.png")),
        ])
        .prompt("nobody may see")
        .callback_url("https://example.com/told?token=nobody-may-see")
        .build()
        .unwrap();
    let task = client.submit(&request).await.unwrap();
    let finished = task.wait().await.unwrap();
    finished.download(support::directory("spans").join("cat.mp4")).await.unwrap();
    client.list(1, 5).await.unwrap();
    client.reconcile(request.external_task_id().unwrap()).await.unwrap().unwrap();
    sandbox.answer_next(Operation::Create, Answer::new(401).body(r#"{"code":1002,"message":"nobody may see"}"#));
    client.submit(&request.again()).await.unwrap_err();

    let told = heard.all();
    let (id, external) = (task.id(), request.external_task_id().unwrap());
    for line in [
        format!("kling.submit external_task_id={external:?}"),
        "recorded attempts=1".to_owned(),
        format!("recorded task_id={id}"),
        format!("kling.poll task_id={id:?}"),
        "recorded status=succeed".to_owned(),
        format!("kling.download task_id={id:?}"),
        format!("recorded bytes={}", sandbox.video_bytes().len()),
        "kling.list page=1".to_owned(),
        format!("kling.reconcile external_task_id={external:?}"),
        "recorded error=rejected".to_owned(),
    ] {
        assert!(told.lines().any(|said| said == line), "no line {line:?} in\n{told}");
    }
    for secret in ["nobody", sandbox.api_key(), "Bearer", "iVBOR", "http"] {
        assert!(!told.contains(secret), "{secret:?} in\n{told}");
    }
}
