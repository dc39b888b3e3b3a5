//! Activities against the sandbox, without a server.

mod support;

use std::path::Path;
use std::time::Duration;

use kling_cli::batch::{Plan, Prices};
use kling_client::{Client, SavedTask};
use kling_sandbox::{Endpoint, Fault, Sandbox, ScriptedResponse};
use kling_temporal::activities::Activities;
use kling_temporal::data::{NoTask, Row, Submit, VideoInput};
use kling_temporal::decide::Pace;
use temporalio_sdk::testing::{ActivityEnvironment, TestActivityInfoOptions};
use tokio_util::sync::CancellationToken;

struct Setting {
    sandbox: Sandbox,
    row: Row,
    folder: tempfile::TempDir,
}

impl Setting {
    async fn new(build: impl FnOnce(kling_sandbox::Builder) -> kling_sandbox::Builder) -> Self {
        let builder = Sandbox::builder().task_time(Duration::from_millis(20)).duplicates(true);
        let folder = tempfile::tempdir().unwrap();
        let line = r#"{"operation": "text2video", "model": "kling-v2-6", "prompt": "a cat"}"#;
        std::fs::write(folder.path().join("all.jsonl"), line).unwrap();
        let row = checked(folder.path());
        Self { sandbox: build(builder).start().await.unwrap(), row, folder }
    }

    fn client(&self) -> Client {
        let builder =
            Client::builder(self.sandbox.api_key()).base_url(self.sandbox.base_url()).max_attempts(1).look_up_at([]);
        builder.expected(Duration::from_millis(20)).build().unwrap()
    }

    fn manifest(&self) -> String {
        self.folder.path().join("all.jsonl").to_str().unwrap().to_owned()
    }

    fn row(&self) -> Row {
        self.row.clone()
    }

    fn video(&self) -> VideoInput {
        let (account, batch) = Default::default();
        VideoInput { row: self.row(), manifest: self.manifest(), account, batch, pace: Pace::default() }
    }

    fn submit(&self) -> Submit {
        Submit { video: self.video(), original_run: "first".to_owned(), earlier: 0 }
    }

    /// Submits in a run of the workflow.
    async fn submitted(&self, activities: Activities, run: &str, input: Submit) -> Result<SavedTask, NoTask> {
        activities.submit_once(Some(run.to_owned()), input, async { Ok(()) }).await
    }

    fn guarded(&self) -> Activities {
        Activities::new(self.client(), CancellationToken::new())
    }

    fn unguarded(&self) -> Activities {
        Activities::without_guards(self.client())
    }
}

/// The line of the manifest.
fn checked(folder: &Path) -> Row {
    let prices = Prices::builtin().unwrap();
    let (manifest, out_dir) = (&folder.join("all.jsonl"), &folder.join("out"));
    let plan = Plan { manifest, out_dir, prices: &prices, budget: false, outside: false };
    let job = plan.open().unwrap().next().unwrap().unwrap();
    Row {
        id: kling_temporal::ids::video("account", "batch", &job.request_hash),
        line: 1,
        hash: job.request_hash,
        operation: job.operation,
        model: job.model,
        output: job.output.to_str().unwrap().to_owned(),
        estimate: 0,
    }
}

#[tokio::test]
async fn a_reset_workflow_submits_nothing_and_would_submit_twice_without_its_guard() {
    // The task is not visible yet, so no look-up can help.
    let hidden = |builder: kling_sandbox::Builder| builder.hidden_for(Duration::from_secs(3600));
    let setting = Setting::new(hidden).await;
    assert!(setting.submitted(setting.guarded(), "first", setting.submit()).await.is_ok());
    let again = setting.submitted(setting.guarded(), "second", setting.submit()).await;
    assert!(matches!(again, Err(NoTask::Lost(_))), "{again:?}");
    assert_eq!(setting.sandbox.tasks_charged(), 1);
    let unguarded = setting.submitted(setting.unguarded(), "second", setting.submit()).await;
    assert!(unguarded.is_ok(), "{unguarded:?}");
    assert_eq!(setting.sandbox.tasks_charged(), 2);
}

#[tokio::test]
async fn a_submit_after_a_lost_history_finds_the_task_and_would_submit_twice_without_its_guard() {
    let setting = Setting::new(|builder| builder).await;
    let Ok(first) = setting.submitted(setting.guarded(), "first", setting.submit()).await else { panic!() };
    let Ok(again) = setting.submitted(setting.guarded(), "first", setting.submit()).await else { panic!() };
    assert_eq!((first.task_id, setting.sandbox.tasks_charged()), (again.task_id, 1));
    let Ok(_) = setting.submitted(setting.unguarded(), "first", setting.submit()).await else { panic!() };
    assert_eq!(setting.sandbox.tasks_charged(), 2);
}

#[tokio::test]
async fn a_submit_whose_beginning_cannot_be_recorded_sends_nothing() {
    let setting = Setting::new(|builder| builder).await;
    let away = async { Err("the server is away".to_owned()) };
    let outcome = setting.guarded().submit_once(Some("first".to_owned()), setting.submit(), away).await;
    assert!(matches!(&outcome, Err(NoTask::Again { doubtful: false, why, .. }) if why.contains("away")), "{outcome:?}");
    assert_eq!(setting.sandbox.posts_begun(), 0);
}

#[tokio::test]
async fn a_submit_that_is_handed_out_again_after_it_began_sends_nothing() {
    let setting = Setting::new(|builder| builder).await;
    let info = TestActivityInfoOptions::builder().workflow_run_id(Some("first".to_owned())).build();
    let environment = ActivityEnvironment::builder_with_default().heartbeat_details(true).unwrap();
    let environment = environment.register_activities(setting.guarded()).info(info).build();
    let outcome = environment.run(Activities::submit, setting.submit()).await.unwrap();
    assert!(matches!(outcome, Err(NoTask::Lost(_))), "{outcome:?}");
    assert_eq!(setting.sandbox.posts_begun(), 0);
}

#[tokio::test]
async fn a_line_that_changed_since_it_was_checked_is_refused() {
    let setting = Setting::new(|builder| builder).await;
    let input = setting.submit();
    let line = r#"{"operation": "text2video", "model": "kling-v2-6", "prompt": "a dog"}"#;
    std::fs::write(setting.manifest(), line).unwrap();
    let outcome = setting.submitted(setting.guarded(), "first", input).await;
    assert!(matches!(&outcome, Err(NoTask::Refused(why)) if !why.contains("dog")), "{outcome:?}");
    assert_eq!(setting.sandbox.posts_begun(), 0);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_is_read_again_later() {
    let setting = Setting::new(|builder| builder).await;
    let input = setting.submit();
    for broken in [Some("{"), None] {
        match broken {
            Some(text) => std::fs::write(setting.manifest(), text).unwrap(),
            None => std::fs::remove_file(setting.manifest()).unwrap(),
        }
        let outcome = setting.submitted(setting.guarded(), "first", input.clone()).await;
        assert!(matches!(outcome, Err(NoTask::Again { doubtful: false, limit: false, .. })), "{outcome:?}");
    }
    assert_eq!(setting.sandbox.posts_begun(), 0);
}

#[tokio::test]
async fn each_outcome_of_a_submit_is_data() {
    let refusal = |status, code, message: &str| {
        let body = format!(r#"{{"code": {code}, "message": "{message}", "request_id": "r"}}"#);
        Fault::response(ScriptedResponse::new(status).header("content-type", "application/json").body(body))
    };
    let setting = Setting::new(|builder| builder).await;
    for (fault, expected) in [
        (Fault::hang_up(), "Err(Lost"),
        (Fault::hang_up().charged(), "Ok("),
        (refusal(429, 1303, "parallel task over resource pack limit"), "Err(Again"),
        (refusal(429, 1102, "resource pack is empty"), "Err(Halt"),
        (refusal(401, 1000, "authentication failed"), "Err(Halt"),
        (refusal(400, 1201, "invalid prompt"), "Err(Refused"),
    ] {
        setting.sandbox.fault_next(Endpoint::Create, fault);
        let mut input = setting.submit();
        input.video.row.id = uuid::Uuid::from_u128(setting.sandbox.posts_begun().into()).to_string();
        let mut outcome = setting.submitted(setting.guarded(), "first", input.clone()).await;
        // The next attempt finds what the first one made.
        if expected == "Ok(" {
            assert!(matches!(outcome, Err(NoTask::Lost(_))));
            outcome = setting.submitted(setting.guarded(), "first", input).await;
        }
        assert!(format!("{outcome:?}").starts_with(expected), "{expected}: {outcome:?}");
    }
    assert_eq!(setting.sandbox.tasks_charged(), 1);
}

#[tokio::test]
async fn a_wait_and_a_download_bring_the_output_and_leave_no_url() {
    let setting = Setting::new(|builder| builder).await;
    let Ok(task) = setting.submitted(setting.guarded(), "first", setting.submit()).await else { panic!() };
    let environment = || ActivityEnvironment::builder().register_activities(setting.guarded()).build();
    let polled = environment().run(Activities::poll, task.clone()).await.unwrap();
    assert!(matches!(polled, Ok(Some(1..))), "{polled:?}");
    assert!(!serde_json::to_string(&(&polled, &task)).unwrap().contains(setting.sandbox.video_origin()));
    let output = setting.row().output;
    // Again, as after a worker that died before it reported the first one.
    for _ in 0..2 {
        environment().run(Activities::download, (task.clone(), output.clone())).await.unwrap();
        assert_eq!(std::fs::read(&output).unwrap(), setting.sandbox.video_bytes());
    }
    setting.sandbox.fail_next_task("risk control");
    let mut failing = setting.submit();
    failing.video.row.id = uuid::Uuid::from_u128(7).to_string();
    let Ok(task) = setting.submitted(setting.guarded(), "first", failing).await else { panic!() };
    assert!(environment().run(Activities::poll, task).await.unwrap().is_err());
}

#[tokio::test]
async fn a_worker_that_stops_leaves_its_waits_to_others() {
    let setting = Setting::new(|builder| builder.task_time(Duration::from_secs(3600))).await;
    let Ok(task) = setting.submitted(setting.guarded(), "first", setting.submit()).await else { panic!() };
    let stop = CancellationToken::new();
    let activities = Activities::new(setting.client(), stop.clone());
    let environment = ActivityEnvironment::builder().register_activities(activities).build();
    stop.cancel();
    let stopped = environment.run(Activities::poll, task).await;
    assert!(stopped.is_err());
}
