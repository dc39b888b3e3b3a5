//! Proves what a wait promises: when it asks, what it makes of each answer, when it gives up, how it goes on after a
//! restart, how many tasks share one wait, and how many may run. All of it on tokio's paused time, which client and
//! sandbox share on one thread: it jumps to the next timer whenever nobody has anything to do.

mod support;

use std::cell::RefCell;
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{FutureExt as _, StreamExt as _};
use kling_client::{
    Client, ClientBuilder, Clock, ErrorKind, PollState, SavedTask, Sleep, SteadyPolling, Task, TaskStatus, WaitAll,
    WaitEvent,
};
use kling_sandbox::{Endpoint, Fault, RetryAfter, Sandbox, ScriptedResponse, TaskPlan};
use support::request;
use tokio::time::Instant;

const TASK_TIME: Duration = Duration::from_secs(240);

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Tokio's time, with the sandbox's date and no chance.
#[derive(Debug, Clone)]
struct Paused {
    start: Instant,
    sandbox: kling_sandbox::Clock,
    random: f64,
}

impl Clock for Paused {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(wait))
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + self.sandbox.unix_time()
    }

    fn random(&self) -> f64 {
        self.random
    }
}

async fn sandbox(task_time: Duration) -> Sandbox {
    Sandbox::builder().task_time(task_time).start().await.unwrap()
}

fn builder(sandbox: &Sandbox) -> ClientBuilder {
    let clock = Paused { start: Instant::now(), sandbox: sandbox.clock().clone(), random: 0.5 };
    support::client(sandbox).clock(clock).expected(TASK_TIME)
}

fn client(sandbox: &Sandbox) -> Client {
    builder(sandbox).build().unwrap()
}

async fn submitted(client: &Client, count: usize) -> Vec<Task> {
    let mut tasks = Vec::new();
    for _ in 0..count {
        tasks.push(client.submit(request()).await.unwrap());
    }
    tasks
}

fn count(sandbox: &Sandbox, operation: Endpoint) -> usize {
    sandbox.requests().iter().filter(|request| request.operation == Some(operation)).count()
}

/// The rest of a wait for many: each id, whether it ended well, and when.
async fn ends(all: &mut WaitAll, start: Instant) -> Vec<(String, Result<(), ErrorKind>, u64)> {
    let mut ends = Vec::new();
    while let Some((id, result)) = all.next().await {
        ends.push((id, result.map(|_| ()).map_err(|error| error.kind()), start.elapsed().as_secs()));
    }
    ends
}

// When it asks.

#[tokio::test(start_paused = true)]
async fn a_task_is_asked_for_at_045_of_the_expected_time_and_then_every_five_seconds() {
    let sandbox = sandbox(TASK_TIME).await;
    let task = client(&sandbox).submit(request()).await.unwrap();
    let (start, mut wait, mut polls) = (Instant::now(), task.wait(), Vec::new());
    while let Some(event) = wait.next().await {
        event.unwrap();
        polls.push(start.elapsed().as_secs());
    }
    assert_eq!(polls, (108..=243).step_by(5).collect::<Vec<_>>());
    assert_eq!(count(&sandbox, Endpoint::Get), polls.len());
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_the_callers_own_decides_from_what_is_known() {
    let sandbox = sandbox(TASK_TIME).await;
    let known = Arc::new(Mutex::new(Vec::<PollState>::new()));
    let policy = {
        let known = Arc::clone(&known);
        move |state: &PollState| {
            known.lock().unwrap().push(state.clone());
            state.retry_after.unwrap_or(seconds(100))
        }
    };
    let task = client(&sandbox).submit(request()).await.unwrap();
    let busy = r#"{"code":1302,"message":"too frequent"}"#;
    sandbox.respond_next(Endpoint::Get, ScriptedResponse::new(429).header("retry-after", "77").body(busy));
    let start = Instant::now();
    task.wait().policy(policy).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 100 + 77 + 100);
    let known: Vec<_> = known.lock().unwrap().iter().map(|s| (s.age.unwrap().as_secs(), s.polls, s.failures)).collect();
    assert_eq!(known, [(0, 0, 0), (100, 1, 1), (177, 2, 0)]);
}

#[tokio::test(start_paused = true)]
async fn the_clients_policy_holds_for_each_wait_that_has_none() {
    let sandbox = sandbox(TASK_TIME).await;
    let policy = SteadyPolling::default().first(1.0).interval(seconds(20));
    let client = builder(&sandbox).poll_policy(policy).expected(seconds(230)).build().unwrap();
    let start = Instant::now();
    client.submit(request()).await.unwrap().wait().await.unwrap();
    assert_eq!((start.elapsed().as_secs(), count(&sandbox, Endpoint::Get)), (250, 2));
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_a_failed_poll_is_honoured_in_each_form_up_to_a_minute() {
    for (asked, honoured) in [(50, 50), (90, 60), (3600, 60)] {
        for form in [RetryAfter::Seconds(asked), RetryAfter::DateIn(seconds(asked))] {
            let sandbox = sandbox(seconds(100)).await;
            let task = client(&sandbox).submit(request()).await.unwrap();
            sandbox.fault_next(Endpoint::Get, Fault::response(ScriptedResponse::new(503)).retry_after(form.clone()));
            let start = Instant::now();
            task.wait().await.unwrap();
            let late = start.elapsed().as_secs() - 108;
            assert!((honoured - 1..=honoured).contains(&late), "{form:?}: {late}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_an_unknown_word_is_a_task_that_runs_on() {
    let sandbox = sandbox(TASK_TIME).await;
    let task = client(&sandbox).submit(request()).await.unwrap();
    let body = format!(r#"{{"code":0,"data":{{"task_id":"{}","task_status":"MOONWALKING"}}}}"#, task.id());
    sandbox.respond_next(Endpoint::Get, ScriptedResponse::new(200).body(body));
    let mut wait = task.wait();
    let Some(Ok(WaitEvent::Changed(info))) = wait.next().await else { panic!("a new status") };
    assert_eq!(info.status, TaskStatus::Other("MOONWALKING".to_owned()));
    assert!(wait.map(Result::unwrap).any(async |event| matches!(event, WaitEvent::Done(_))).await);
}

// What it makes of each answer.

#[tokio::test(start_paused = true)]
async fn no_single_fault_of_a_poll_ends_the_wait_for_a_task_that_was_submitted() {
    for named in Fault::all() {
        let sandbox = sandbox(TASK_TIME).await;
        let task = client(&sandbox).submit(request()).await.unwrap();
        sandbox.fault_next(Endpoint::Get, named.fault.clone());
        let finished = task.wait().await.unwrap_or_else(|error| panic!("{}: {error}", named.name));
        assert_eq!(finished.info().task_id, task.id());
        assert_eq!(sandbox.faults_waiting(Endpoint::Get), 0, "{}", sandbox.base_url());
    }
}

/// What every poll meets: status and body.
fn always(sandbox: &Sandbox, status: u16, body: &str) {
    sandbox.fault_always(Endpoint::Get, Fault::response(ScriptedResponse::new(status).body(body.to_owned())));
}

const PAGE: &str = "<!doctype html><title>We will be right back</title>";

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_wait_for_a_known_task_only_once_the_api_has_repeated_it_for_a_minute() {
    for (status, body, ends) in [
        (404, r#"{"code":1203,"message":"the task does not exist"}"#, true),
        (200, r#"{"code":1203,"message":"the task does not exist"}"#, true),
        (400, r#"{"code":"task_not_exist","message":"task_not_exist","data":null}"#, true),
        (401, r#"{"code":1002,"message":"access key not found"}"#, true),
        (403, r#"{"detail":"no"}"#, true),
        (404, r#"{"error":{"message":"Invalid URL (GET /kling/v1/x)","code":""}}"#, true),
        (401, "", false),
        (403, PAGE, false),
        (404, PAGE, false),
        (404, "not found", false),
        (200, PAGE, false),
        (409, r#"{"code":1201,"message":"conflict"}"#, false),
        (425, r#"{"detail":"too early"}"#, false),
        (429, r#"{"detail":"too many requests"}"#, false),
        (429, r#"{"code":1102,"message":"balance not enough"}"#, false),
        (429, PAGE, false),
        (403, r#"{"code":"upstream_load_saturated","message":"busy"}"#, false),
        (500, r#"{"code":5000,"message":"internal"}"#, false),
        (503, r#"{"code":"model_not_found","message":"no channel"}"#, false),
        (302, "", false),
    ] {
        let sandbox = sandbox(TASK_TIME).await;
        let client = client(&sandbox);
        let task = client.submit(request()).await.unwrap();
        let saved = client.resume(task.save()).unwrap();
        always(&sandbox, status, body);
        for task in [task, saved] {
            let (start, before) = (Instant::now(), count(&sandbox, Endpoint::Get));
            let error = task.wait().timeout(seconds(900)).expected(Duration::ZERO).await.unwrap_err();
            let (took, polls) = (start.elapsed().as_secs(), count(&sandbox, Endpoint::Get) - before);
            assert!(error.may_have_been_charged() && error.task_id() == Some(task.id()), "{error}");
            if ends {
                assert_eq!(
                    (error.kind(), error.is_retryable()),
                    (ErrorKind::UnexpectedResponse, true),
                    "{status} {body}: {error}"
                );
                assert!(polls >= 5 && (60..300).contains(&took), "{status} {body}: {polls} polls in {took} s");
                assert!(error.hint().unwrap().contains("the task is paid and goes on"), "{error}");
            } else {
                // After a 429 the last poll waits for the pause of all.
                let limit = if status == 429 { 905 } else { 900 };
                assert_eq!(error.kind(), ErrorKind::WaitTimedOut, "{status} {body}: {error}");
                assert!((900..=limit).contains(&took), "{status} {body}: {took} s");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_that_differ_or_come_between_other_failures_do_not_add_up() {
    let sandbox = sandbox(seconds(800)).await;
    let task = client(&sandbox).submit(request()).await.unwrap();
    let gone = || Fault::response(ScriptedResponse::new(404).body(r#"{"code":1203,"message":"m"}"#));
    let other = || Fault::response(ScriptedResponse::new(400).body(r#"{"code":1201,"message":"m"}"#));
    let page = || Fault::response(ScriptedResponse::new(502).body(PAGE));
    for _ in 0..4 {
        for fault in [gone(), gone(), gone(), gone(), other(), gone(), gone(), gone(), page()] {
            sandbox.fault_next(Endpoint::Get, fault);
        }
    }
    task.wait().timeout(seconds(7200)).await.unwrap();
    assert_eq!(sandbox.faults_waiting(Endpoint::Get), 0, "all of them were met");
}

#[tokio::test(start_paused = true)]
async fn a_task_known_by_its_id_alone_is_given_up_at_the_first_refusal_of_the_api_and_at_no_page() {
    for (status, body, ends) in [
        (401, "", true),
        (401, r#"{"code":1002,"message":"access key not found"}"#, true),
        (403, PAGE, true),
        (200, r#"{"code":1003,"message":"expired"}"#, true),
        (403, r#"{"code":1103,"message":"no permission"}"#, true),
        (400, r#"{"code":"task_not_exist","message":"task_not_exist","data":null}"#, true),
        (404, r#"{"code":1203,"message":"no such task"}"#, true),
        (400, r#"{"code":1201,"message":"m"}"#, true),
        (404, PAGE, false),
        (404, "not found", false),
        (200, PAGE, false),
        (409, r#"{"detail":"conflict"}"#, false),
        (425, r#"{"detail":"too early"}"#, false),
        (429, "", false),
        (429, PAGE, false),
        (403, r#"{"code":"upstream_load_saturated","message":"busy"}"#, false),
        (500, "", false),
        (503, PAGE, false),
        (503, r#"{"code":"model_not_found","message":"no channel"}"#, false),
    ] {
        let sandbox = sandbox(TASK_TIME).await;
        always(&sandbox, status, body);
        let start = Instant::now();
        let task = client(&sandbox).task(support::OPERATION, "7001").unwrap();
        let error = task.wait().timeout(seconds(100)).await.unwrap_err();
        assert!(!error.may_have_been_charged(), "{error}");
        let (kind, took) = if ends { (ErrorKind::Rejected, 0) } else { (ErrorKind::WaitTimedOut, 100) };
        assert_eq!((error.kind(), start.elapsed().as_secs()), (kind, took), "{status} {body}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_seen_once_is_known_from_then_on() {
    let sandbox = sandbox(TASK_TIME).await;
    let client = client(&sandbox);
    let submitted = client.submit(request()).await.unwrap();
    let mut task = client.task(support::OPERATION, submitted.id()).unwrap();
    task.refresh().await.unwrap();
    always(&sandbox, 401, r#"{"code":1002,"message":"access key not found"}"#);
    let error = task.refresh().await.cloned().unwrap_err();
    assert!(error.kind() == ErrorKind::Rejected && error.may_have_been_charged(), "{error}");
    sandbox.clear_faults();
    sandbox.fault_next(Endpoint::Get, Fault::response(ScriptedResponse::new(401)));
    task.wait().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_not_known_yet_is_polled_on() {
    for (hidden, outcome) in [(12, Ok(())), (50, Ok(())), (3600, Err(ErrorKind::UnexpectedResponse))] {
        let sandbox = Sandbox::builder().task_time(seconds(1)).hidden_for(seconds(hidden)).start().await.unwrap();
        let client = builder(&sandbox).expected(seconds(10)).build().unwrap();
        let task = client.submit(request()).await.unwrap();
        let start = Instant::now();
        let result = task.wait().await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(result, outcome, "hidden for {hidden} s");
        assert!((12..180).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }
    // By its id alone, as long as it may be too young.
    let sandbox = Sandbox::builder().task_time(seconds(1)).hidden_for(seconds(3600)).start().await.unwrap();
    let id = client(&sandbox).submit(request()).await.unwrap().id().to_owned();
    let error = client(&sandbox).task(support::OPERATION, id).unwrap().wait().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Rejected && !error.may_have_been_charged(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_success_without_a_video_is_polled_for_a_minute_after_its_end() {
    for (late, arrives) in [(0, true), (30, true), (59, true), (90, false)] {
        let sandbox = sandbox(TASK_TIME).await;
        sandbox.plan_next_task(TaskPlan::over(TASK_TIME).output_after(seconds(late)));
        let task = client(&sandbox).submit(request()).await.unwrap();
        let start = Instant::now();
        let result = task.wait().await;
        let took = start.elapsed().as_secs();
        match result {
            Ok(finished) => assert!(arrives && finished.videos().count() > 0 && took >= 240 + late, "{late}: {took}"),
            Err(error) => {
                assert!(!arrives && (295..=306).contains(&took), "{late}: {took} s, {error}");
                assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::UnexpectedResponse, true), "{error}");
                assert!(error.may_have_been_charged() && error.message().contains("is paid"), "{error}");
                assert_eq!(error.info().map(|info| &info.status), Some(&TaskStatus::Succeed));
                assert!(error.hint().unwrap().contains("poll the task again"), "{error}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_refreshed_to_a_success_without_a_video_is_waited_for_but_never_past_the_deadline() {
    let sandbox = sandbox(seconds(10)).await;
    sandbox.plan_next_task(TaskPlan::over(seconds(10)).output_after(seconds(40)));
    let mut task = client(&sandbox).submit(request()).await.unwrap();
    tokio::time::sleep(seconds(15)).await;
    assert_eq!(task.refresh().await.unwrap().status, TaskStatus::Succeed);
    let start = Instant::now();
    let error = task.wait().timeout(seconds(5)).await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed().as_secs()), (ErrorKind::UnexpectedResponse, 5), "{error}");
    assert_eq!(task.wait().await.unwrap().videos().count(), 1);
    assert!(start.elapsed() < seconds(60));
    // A gateway that gives no dates counts from the first look.
    let bare = format!(r#"{{"task_id":"{}","status":"success"}}"#, task.id());
    always(&sandbox, 200, &bare);
    let start = Instant::now();
    let error = client(&sandbox).resume(task.save()).unwrap().wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    assert!((60..=66).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    // And one whose end is long ago has had its minute.
    sandbox.clear_faults();
    sandbox.plan_next_task(TaskPlan::over(seconds(10)).output_after(seconds(10_000)));
    let task = client(&sandbox).submit(request()).await.unwrap();
    tokio::time::sleep(seconds(1000)).await;
    let start = Instant::now();
    assert_eq!(task.wait().await.unwrap_err().kind(), ErrorKind::UnexpectedResponse);
    assert!(start.elapsed() < seconds(6));
}

#[tokio::test(start_paused = true)]
async fn every_error_about_a_paid_task_says_that_it_may_have_been_charged() {
    let sandbox = sandbox(TASK_TIME).await;
    let mut task = client(&sandbox).submit(request()).await.unwrap();
    let timed_out = task.wait().timeout(seconds(1)).await.unwrap_err();
    always(&sandbox, 502, PAGE);
    let refreshed = task.refresh().await.cloned().unwrap_err();
    let Some(Ok(WaitEvent::PollFailed(polled))) = task.wait().expected(Duration::ZERO).next().await else {
        panic!("a failed poll")
    };
    for error in [timed_out, refreshed, polled] {
        assert!(error.may_have_been_charged(), "{error}");
    }
    sandbox.clear_faults();
    sandbox.plan_next_task(TaskPlan::over(seconds(1)).fail("Image pixel is invalid"));
    let failed = client(&sandbox).submit(request()).await.unwrap().wait().await.unwrap_err();
    assert!(!failed.may_have_been_charged(), "{failed}");
}

// When it gives up.

#[tokio::test(start_paused = true)]
async fn the_deadline_is_exact_with_one_last_poll_at_it() {
    let sandbox = sandbox(TASK_TIME).await;
    let task = client(&sandbox).submit(request()).await.unwrap();
    let start = Instant::now();
    let error = task.wait().timeout(seconds(120)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimedOut);
    assert_eq!((start.elapsed().as_secs(), count(&sandbox, Endpoint::Get)), (120, 4), "at 108, 113, 118 and 120");
    assert_eq!((error.task_id(), error.external_task_id()), (Some(task.id()), task.external_task_id()));
    assert!(error.message().contains("120s and 4 polls"), "{error}");
    assert_eq!(task.wait().await.unwrap().info().task_id, task.id(), "it is waited for again");
}

#[tokio::test(start_paused = true)]
async fn what_ends_at_the_deadline_is_seen_by_the_last_poll() {
    let sandbox = sandbox(seconds(120)).await;
    let task = client(&sandbox).submit(request()).await.unwrap();
    task.wait().timeout(seconds(120) + Duration::from_millis(10)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_holds_a_wait_five_seconds_past_its_deadline_at_most() {
    // Polls begin at 27 and 67 s, and each is given up after 30 s.
    for (timeout, polls) in [(40, 2), (57, 2), (60, 2), (90, 3), (100, 3)] {
        let sandbox = sandbox(TASK_TIME).await;
        let task = client(&sandbox).submit(request()).await.unwrap();
        sandbox.fault_always(Endpoint::Get, Fault::silence());
        let start = Instant::now();
        let error = task.wait().expected(seconds(60)).timeout(seconds(timeout)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WaitTimedOut, "{error}");
        assert_eq!((start.elapsed().as_secs(), count(&sandbox, Endpoint::Get)), (timeout + 5, polls));
    }
}

// How it goes on after a restart.

#[tokio::test(start_paused = true)]
async fn a_task_goes_on_after_a_restart_without_an_early_question() {
    let sandbox = sandbox(TASK_TIME).await;
    let start = Instant::now();
    for (age, first) in [(0, 108), (60, 108), (150, 150), (1000, 1000)] {
        let saved = serde_json::to_string(&client(&sandbox).submit(request()).await.unwrap().save()).unwrap();
        let (made, before) = (start.elapsed().as_secs(), count(&sandbox, Endpoint::Get));
        tokio::time::sleep(seconds(age)).await;
        // What was saved says how long it takes, not this client.
        let restarted = Client::builder(sandbox.api_key()).base_url(sandbox.base_url()).clock(Paused {
            start: Instant::now(),
            sandbox: sandbox.clock().clone(),
            random: 0.5,
        });
        let task = restarted.build().unwrap().resume(serde_json::from_str(&saved).unwrap()).unwrap();
        let mut wait = task.wait();
        wait.next().await.unwrap().unwrap();
        let asked_at = start.elapsed().as_secs() - made;
        assert_eq!((asked_at, count(&sandbox, Endpoint::Get) - before), (first, 1), "after {age} s");
        if age < 240 {
            assert_eq!(task.wait().await.unwrap().info().task_id, task.id());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_found_again_by_the_callers_id_is_as_old_as_the_api_says() {
    let (sandbox, start) = (sandbox(TASK_TIME).await, Instant::now());
    let task = client(&sandbox).submit(request()).await.unwrap();
    tokio::time::sleep(seconds(190)).await;
    let found =
        client(&sandbox).find_task(support::OPERATION, task.external_task_id().unwrap()).await.unwrap().unwrap();
    found.wait().await.unwrap();
    assert!(start.elapsed() < TASK_TIME + seconds(6), "seen to have ended after {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_saved_task_is_json_that_grows_without_breaking_and_tells_no_secret() {
    let sandbox = sandbox(Duration::ZERO).await;
    let client = client(&sandbox);
    let mut task = client.submit(request()).await.unwrap();
    task.refresh().await.unwrap();
    let saved = task.save();
    let json = serde_json::to_string(&saved).unwrap();
    assert_eq!(serde_json::from_str::<SavedTask>(&json).unwrap(), saved);
    assert_eq!(saved.status.as_deref(), Some("succeed"));
    assert_eq!(saved.external_task_id.as_deref(), task.external_task_id());
    let made = saved.created_at_ms.unwrap().abs_diff(u64::try_from(sandbox.clock().unix_time().as_millis()).unwrap());
    assert!(made <= 1, "{made} ms");
    for secret in [sandbox.api_key(), "The cat puts", "example.com", ".mp4", sandbox.video_origin()] {
        assert!(!json.contains(secret), "{json}");
    }

    let (base, id) = (sandbox.base_url(), task.id());
    let least =
        format!(r#"{{"operation":"multi-image2video","base_url":"{base}/v1","task_id":"{id}","of_tomorrow":[1]}}"#);
    let resumed = client.resume(serde_json::from_str(&least).unwrap()).unwrap();
    assert_eq!(resumed.save().expected_ms, Some(240_000));
    resumed.wait().await.unwrap();
    assert!(serde_json::from_str::<SavedTask>(r#"{"base_url":"http://127.0.0.1"}"#).is_err());
    assert_eq!(client.resume(saved.clone()).unwrap().save(), saved, "nothing is lost by resuming");
}

#[tokio::test(start_paused = true)]
async fn a_task_of_another_gateway_is_not_resumed() {
    let (here, there) = (sandbox(TASK_TIME).await, sandbox(TASK_TIME).await);
    let saved = client(&there).submit(request()).await.unwrap().save();
    let error = client(&here).resume(saved.clone()).unwrap_err();
    assert_eq!((error.kind(), error.task_id()), (ErrorKind::Invalid, Some(saved.task_id.as_str())));
    for named in [here.base_url(), there.base_url(), "client.task(operation, id)"] {
        assert!(error.to_string().contains(named), "{error}");
    }
    for broken in ["", "\u{1b}[2J", "https://user:secret@gateway.example"] {
        let mut saved = saved.clone();
        saved.base_url = broken.to_owned();
        let error = client(&here).resume(saved).unwrap_err().to_string();
        assert!(!error.contains('\u{1b}') && !error.contains("secret"), "{error}");
    }
    assert_eq!(count(&here, Endpoint::Get), 0);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_put_back_delays_nothing() {
    let sandbox = sandbox(TASK_TIME).await;
    let client = client(&sandbox);
    let mut saved = client.submit(request()).await.unwrap().save();
    tokio::time::sleep(TASK_TIME).await;
    saved.created_at_ms = saved.created_at_ms.map(|made| made + 1000 * 24 * 3600 * 1000);
    let start = Instant::now();
    client.resume(saved.clone()).unwrap().wait().await.unwrap();
    saved.created_at_ms = Some(u64::MAX);
    saved.expected_ms = Some(u64::MAX);
    client.resume(saved).unwrap().wait().await.unwrap();
    assert!(start.elapsed() < seconds(1));
}

#[test]
fn the_expected_time_comes_from_the_environment_and_a_bad_one_is_named() {
    const CHILD: &str = "KLING_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        match Client::from_env() {
            Ok(client) => println!("expected: {:?}", client.task(support::OPERATION, "7").unwrap().save().expected_ms),
            Err(error) => println!("{:?}: {error}", error.kind()),
        }
        return;
    }
    for (given, said) in [
        ("90s", "expected: Some(90000)"),
        (" 4m 30s ", "expected: Some(270000)"),
        ("", "expected: Some(240000)"),
        ("soon", "Invalid: client: invalid: KLING_EXPECT: expected a duration such as 90s or 4m"),
        ("-1s", "Invalid: client: invalid: KLING_EXPECT"),
    ] {
        let test = ["--exact", "--nocapture", "the_expected_time_comes_from_the_environment_and_a_bad_one_is_named"];
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(test)
            .env(CHILD, "1")
            .env("KLING_API_KEY", "sk-1")
            .env("KLING_BASE_URL", "https://gateway.example")
            .env("KLING_EXPECT", given)
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&output.stdout);
        assert!(output.contains(said), "{given:?}: {output}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_knows_from_its_submit_how_long_it_will_take() {
    let sandbox = sandbox(seconds(1)).await;
    let plain = Client::builder(sandbox.api_key()).base_url(sandbox.base_url()).build().unwrap();
    assert_eq!(plain.submit(request()).await.unwrap().save().expected_ms, Some(240_000), "whatever the address");
    let set = builder(&sandbox).expected(seconds(77)).build().unwrap().submit(request()).await.unwrap();
    assert_eq!(set.save().expected_ms, Some(77_000), "the client's setting overrides the default");
    let resumed = plain.resume(set.save()).unwrap();
    assert_eq!(resumed.save().expected_ms, Some(77_000), "the saved time overrides the default");
}

// Many at once, at one rate.

#[tokio::test(start_paused = true)]
async fn forty_tasks_at_ten_polls_a_second_are_reported_as_they_end_within_five_seconds() {
    let sandbox = sandbox(TASK_TIME).await;
    let client = client(&sandbox);
    for at in 0..40 {
        let plan = TaskPlan::over(seconds(200 + at * 2));
        sandbox.plan_next_task(if at == 30 { plan.fail("Image pixel is invalid") } else { plan });
    }
    let tasks = submitted(&client, 40).await;
    let polls = Polls::record();
    let start = Instant::now();
    let mut all = client.wait_all(tasks.clone());
    let (mut lag, mut ends) = (Duration::ZERO, Vec::new());
    while let Some((id, result)) = all.next().await {
        let index = tasks.iter().position(|task| task.id() == id).unwrap();
        lag += start.elapsed().checked_sub(seconds(200 + index as u64 * 2)).unwrap();
        assert_eq!(
            result.map(|_| ()).map_err(|error| error.kind()),
            if index == 30 { Err(ErrorKind::TaskFailed) } else { Ok(()) }
        );
        ends.push(index);
    }
    ends.sort_unstable();
    assert_eq!(ends, (0..40).collect::<Vec<_>>(), "each once");
    assert!(lag / 40 <= seconds(5), "mean lag {:?}", lag / 40);
    assert!(polls.shortest_gap() >= millis(100), "{:?}", polls.shortest_gap());
    assert_eq!(count(&sandbox, Endpoint::List), 0);
}

/// When each poll began, and the fields of its span.
#[derive(Clone, Default)]
struct Polls(Arc<Mutex<Vec<(Instant, String)>>>);

thread_local! {
    /// What the test on this thread records.
    static RECORDED: RefCell<Option<Polls>> = const { RefCell::new(None) };
}

impl Polls {
    fn record() -> Self {
        // One subscriber for the process: those of single threads switch each other's spans off.
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing::subscriber::set_global_default(Recorder).unwrap());
        let polls = Self::default();
        RECORDED.set(Some(polls.clone()));
        polls
    }

    fn all(&self) -> Vec<(Instant, String)> {
        self.0.lock().unwrap().clone()
    }

    fn shortest_gap(&self) -> Duration {
        self.all().windows(2).map(|pair| pair[1].0 - pair[0].0).min().unwrap()
    }
}

struct Recorder;

impl tracing::Subscriber for Recorder {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.name() == "kling.poll"
    }

    fn new_span(&self, attributes: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        RECORDED.with_borrow(|polls| {
            let Some(Polls(polls)) = polls else { return };
            polls.lock().unwrap().push((Instant::now(), format!("{:?}", attributes.values())));
        });
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Tasks that the API does not know: each ends with its first poll, and all are due at once.
fn unknown(client: &Client, count: usize) -> Vec<Task> {
    (1000..1000 + count).map(|id| client.task(support::OPERATION, id.to_string()).unwrap()).collect()
}

/// Handles that know nothing but the ids, so that all are due at once.
fn by_id(client: &Client, tasks: &[Task]) -> Vec<Task> {
    tasks.iter().map(|task| client.task(support::OPERATION, task.id()).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_tasks_due_at_once_are_polled_at_the_rate_and_in_order_from_the_first_on() {
    let sandbox = sandbox(Duration::ZERO).await;
    let client = builder(&sandbox).polls_per_second(20.0).build().unwrap();
    let tasks = unknown(&client, 1000);
    let polls = Polls::record();
    let ends = ends(&mut client.wait_all(tasks.clone()), Instant::now()).await;
    assert!(ends.len() == 1000 && ends.iter().all(|(_, result, _)| *result == Err(ErrorKind::Rejected)));
    assert!(polls.shortest_gap() >= millis(50), "{:?}", polls.shortest_gap());
    let all = polls.all();
    assert_eq!((all.len(), all[999].0 - all[0].0), (1000, millis(999 * 50)), "and no slower");
    assert!(all.iter().zip(&tasks).all(|((_, span), task)| span.contains(task.id())), "first come, first served");
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_one_for_all_clones_and_waits_single_or_in_a_stream() {
    let sandbox = sandbox(Duration::ZERO).await;
    let client = builder(&sandbox).polls_per_second(2.0).build().unwrap();
    let tasks = by_id(&client.clone(), &submitted(&client, 12).await);
    let polls = Polls::record();
    let start = Instant::now();
    let (mut one, mut other) = (client.wait_all(tasks[..4].to_vec()), client.clone().wait_all(tasks[4..8].to_vec()));
    let single = futures_util::future::join_all(tasks[8..].iter().map(async |task| task.wait().await));
    let (one, other, single) = tokio::join!(ends(&mut one, start), ends(&mut other, start), single);
    assert_eq!((one.len(), other.len(), single.len()), (4, 4, 4));
    let all = polls.all();
    assert_eq!((all.len(), polls.shortest_gap(), all[11].0 - all[0].0), (12, millis(500), millis(5500)));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_not_polled_for_a_while_goes_on_without_a_burst_and_holds_up_no_other_wait() {
    let sandbox = sandbox(Duration::ZERO).await;
    let client = client(&sandbox);
    let tasks = by_id(&client, &submitted(&client, 101).await);
    let polls = Polls::record();
    let mut all = client.wait_all(tasks[..100].to_vec());
    all.next().await.unwrap().1.unwrap();
    tokio::time::sleep(seconds(60)).await;
    let start = Instant::now();
    tasks[100].wait().await.unwrap();
    assert!(start.elapsed() < seconds(1), "the turns of those that were not polled have passed");
    assert_eq!(ends(&mut all, start).await.len(), 99);
    assert!(polls.shortest_gap() >= millis(100), "{:?}", polls.shortest_gap());
    assert_eq!(start.elapsed().as_secs(), 9, "one poll each, at the rate");
}

#[tokio::test(start_paused = true)]
async fn waits_that_are_dropped_return_their_turns() {
    let sandbox = sandbox(Duration::ZERO).await;
    let client = client(&sandbox);
    let tasks = unknown(&client, 500);
    let mut dropped = client.wait_all(tasks.clone());
    dropped.next().await.unwrap().1.unwrap_err();
    drop(dropped);
    let start = Instant::now();
    tasks[499].wait().await.unwrap_err();
    assert!(start.elapsed() < seconds(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_429_of_one_task_does_not_silence_the_others() {
    for retry_after in [None, Some(RetryAfter::Seconds(3600))] {
        let sandbox = sandbox(seconds(1)).await;
        let client = client(&sandbox);
        let tasks = by_id(&client, &submitted(&client, 12).await);
        tokio::time::sleep(seconds(1)).await;
        let busy = Fault::response(ScriptedResponse::new(429));
        sandbox.fault_next(Endpoint::Get, retry_after.clone().map_or(busy.clone(), |after| busy.retry_after(after)));
        let obedient = |state: &PollState| state.retry_after.unwrap_or(seconds(30) * state.failures);
        let waits = tasks.iter().map(|task| task.wait().policy(obedient).timeout(seconds(7200)));
        let ends = ends(&mut client.wait_all(waits), Instant::now()).await;
        assert_eq!(ends.iter().filter(|(_, result, at)| result.is_ok() && *at <= 3).count(), 11, "{ends:?}");
        let own = if retry_after.is_some() { 3600 } else { 30 };
        assert!(ends[11].1.is_ok() && ends[11].2 >= own, "its own policy sees the true value");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_answers_every_poll_with_429_gets_one_a_minute_from_all_tasks_together() {
    let sandbox = sandbox(seconds(1)).await;
    let client = client(&sandbox);
    let tasks = by_id(&client, &submitted(&client, 50).await);
    tokio::time::sleep(seconds(1)).await;
    always(&sandbox, 429, "");
    let mut all = client.wait_all(tasks.iter().map(|task| task.wait().timeout(seconds(7200))));
    assert!(tokio::time::timeout(seconds(600), all.next()).await.is_err());
    let met = count(&sandbox, Endpoint::Get);
    assert!((12..=20).contains(&met), "{met} polls in ten minutes");
    sandbox.clear_faults();
    let start = Instant::now();
    assert_eq!(ends(&mut all, start).await.len(), 50);
    assert!(start.elapsed() < seconds(70), "and goes on within a minute: {:?}", start.elapsed());
}

#[test]
fn a_rate_is_a_positive_number() {
    for none in [0.0, -1.0, f64::NAN] {
        let error = Client::builder("sk-1").polls_per_second(none).build().unwrap_err();
        assert_eq!((error.kind(), error.violations()[0].path.as_str()), (ErrorKind::Invalid, "polls_per_second"));
    }
    Client::builder("sk-1").polls_per_second(f64::INFINITY).build().unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_new_status_of_many_is_reported_once_and_the_end_after_it() {
    let sandbox = sandbox(TASK_TIME).await;
    let client = client(&sandbox);
    for at in 0..12 {
        let plan = TaskPlan { processing_after: seconds(150), ..TaskPlan::over(seconds(240)) };
        sandbox.plan_next_task(if at == 3 { plan.fail("Image pixel is invalid") } else { plan });
    }
    let tasks = submitted(&client, 12).await;
    let mut all = client.wait_all(tasks.clone());
    let mut seen = std::collections::HashMap::<String, Vec<TaskStatus>>::new();
    while let Some((id, event)) = all.events().next().await {
        let seen = seen.entry(id).or_default();
        assert!(!seen.last().is_some_and(TaskStatus::is_final), "nothing comes after the end");
        match event {
            Ok(WaitEvent::Changed(info)) => seen.push(info.status),
            Ok(WaitEvent::Done(finished)) => seen.push(finished.info().status.clone()),
            Ok(_) => {}
            Err(error) => seen.push(error.info().unwrap().status.clone()),
        }
    }
    for (index, task) in tasks.iter().enumerate() {
        let end = if index == 3 { TaskStatus::Failed } else { TaskStatus::Succeed };
        assert_eq!(seen[task.id()], [TaskStatus::Processing, end], "task {index}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_failed_tells_how_and_when_it_ended() {
    let sandbox = sandbox(TASK_TIME).await;
    sandbox.plan_next_task(TaskPlan::over(seconds(200)).fail("Image pixel is invalid"));
    let task = client(&sandbox).submit(request()).await.unwrap();
    let error = task.wait().await.unwrap_err();
    let info = error.info().unwrap();
    assert_eq!((&info.status, info.task_id.as_str()), (&TaskStatus::Failed, task.id()));
    let took = info.updated_at.unwrap().duration_since(info.created_at.unwrap()).unwrap();
    assert_eq!(took, seconds(200));
    // A task that did not finish has no finish time.
    let other = client(&sandbox).submit(request()).await.unwrap();
    assert!(other.wait().timeout(seconds(1)).await.unwrap_err().info().is_none());
}

#[tokio::test(start_paused = true)]
async fn one_task_in_a_stream_is_polled_as_if_it_were_alone() {
    let sandbox = sandbox(TASK_TIME).await;
    let client = client(&sandbox);
    let tasks = submitted(&client, 1).await;
    let ends = ends(&mut client.wait_all(tasks), Instant::now()).await;
    assert_eq!((ends[0].2, count(&sandbox, Endpoint::Get)), (243, 28));
}

#[tokio::test(start_paused = true)]
async fn each_of_many_keeps_its_own_deadline_policy_and_refusal() {
    let sandbox = sandbox(TASK_TIME).await;
    let client = client(&sandbox);
    let tasks = submitted(&client, 12).await;
    let start = Instant::now();
    let waits = tasks.iter().enumerate().map(|(index, task)| match index {
        0 => task.wait().timeout(seconds(50)),
        1 => task.wait().timeout(seconds(121)),
        2 => task.wait().policy(|_: &PollState| seconds(400)),
        _ => task.wait(),
    });
    let mut all = client.wait_all(waits);
    all.push(client.task(support::OPERATION, "822953089408827433").unwrap());
    let ends = ends(&mut all, start).await;
    let of = |id: &str| ends.iter().find(|(ended, ..)| ended == id).map(|(_, result, at)| (*result, *at)).unwrap();
    assert_eq!(of("822953089408827433"), (Err(ErrorKind::Rejected), 0));
    assert_eq!(of(tasks[0].id()), (Err(ErrorKind::WaitTimedOut), 50));
    assert_eq!(of(tasks[1].id()), (Err(ErrorKind::WaitTimedOut), 121));
    assert!(of(tasks[2].id()).0.is_ok());
    assert!(tasks[3..].iter().all(|task| of(task.id()).0.is_ok() && of(task.id()).1 <= 245), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn silence_holds_none_of_many_longer_than_five_seconds_past_its_deadline() {
    // At ten polls a second not all of 300 get their last one.
    for count in [30, 300] {
        let sandbox = sandbox(TASK_TIME).await;
        let client = client(&sandbox);
        let tasks = submitted(&client, count).await;
        sandbox.fault_always(Endpoint::Get, Fault::silence());
        let start = Instant::now();
        let mut all = client.wait_all(tasks.iter().map(|task| task.wait().timeout(seconds(130))));
        let ends = ends(&mut all, start).await;
        assert_eq!(ends.len(), count);
        for (_, result, at) in ends {
            assert!(result == Err(ErrorKind::WaitTimedOut) && (130..=135).contains(&at), "{result:?} at {at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_is_added_while_others_are_waited_for_and_one_given_twice_is_waited_for_once() {
    let sandbox = sandbox(seconds(100)).await;
    let client = client(&sandbox);
    let [first, second] = &submitted(&client, 2).await[..] else { panic!("two tasks") };
    let mut all = client.wait_all([first.clone(), first.clone()]);
    assert!(all.next().now_or_never().is_none());
    all.push(second.clone());
    all.push(second.clone());
    let mut ids = [all.next().await.unwrap().0, all.next().await.unwrap().0];
    ids.sort_unstable();
    assert_eq!(ids, [first.id(), second.id()], "each once");
    assert!(all.next().await.is_none());
    all.push(second.clone());
    assert_eq!(all.next().await.unwrap().0, second.id());
    // A wait that has ended has no event, and is in nobody's way.
    let mut ended = second.wait();
    while ended.next().await.is_some() {}
    all.push(ended);
    assert!(all.next().await.is_none());
    all.push(second.clone());
    assert_eq!(all.next().await.unwrap().0, second.id());
}

#[tokio::test(start_paused = true)]
async fn a_task_of_another_gateway_is_waited_for_with_its_own_client_even_if_the_ids_are_equal() {
    let (here, there) = (sandbox(seconds(100)).await, sandbox(seconds(150)).await);
    let (client, other) = (client(&here), client(&there));
    let task = client.submit(request()).await.unwrap();
    let foreign = other.submit(request()).await.unwrap();
    let both = [
        task.clone(),
        foreign.clone(),
        other.task(support::OPERATION, "7001").unwrap(),
        client.task(support::OPERATION, "7001").unwrap(),
    ];
    let ends = ends(&mut client.wait_all(both), Instant::now()).await;
    let rejected = ends.iter().filter(|(id, result, _)| id == "7001" && *result == Err(ErrorKind::Rejected)).count();
    assert_eq!((ends.len(), rejected), (4, 2), "{ends:?}");
    assert_eq!((ends[2].0.as_str(), ends[3].0.as_str()), (task.id(), foreign.id()));
    assert!(ends[2..].iter().all(|(_, result, _)| result.is_ok()), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn a_task_of_another_client_is_waited_for_in_the_same_time() {
    let sandbox = sandbox(TASK_TIME).await;
    let older = client(&sandbox);
    tokio::time::sleep(seconds(1000)).await;
    let younger = client(&sandbox);
    for (waits, submits) in [(&older, &younger), (&younger, &older)] {
        let tasks = submitted(submits, 2).await;
        let start = Instant::now();
        let mut all = waits.wait_all([tasks[0].wait().timeout(seconds(50)), tasks[1].wait()]);
        let ends = ends(&mut all, start).await;
        assert_eq!(ends[0], (tasks[0].id().to_owned(), Err(ErrorKind::WaitTimedOut), 50));
        assert!(ends[1].1.is_ok() && (240..=245).contains(&ends[1].2), "{ends:?}");
    }
}

// How many may run.

/// A client whose tasks run one at a time.
async fn one_at_a_time(task_time: Duration) -> (Sandbox, Client) {
    let sandbox = sandbox(task_time).await;
    let client = builder(&sandbox).max_running(1).build().unwrap();
    (sandbox, client)
}

#[tokio::test(start_paused = true)]
async fn a_submit_waits_until_a_task_is_seen_to_have_ended_whoever_sees_it() {
    for seen_by in ["wait", "a clone's wait", "refresh", "wait_all"] {
        for fails in [false, true] {
            let (sandbox, client) = one_at_a_time(seconds(100)).await;
            if fails {
                sandbox.fail_next_task("Failure to pass the risk control system");
            }
            let mut task = client.submit(request()).await.unwrap();
            let second_request = request();
            let mut second = Box::pin(client.submit(second_request));
            assert!(second.as_mut().now_or_never().is_none());
            tokio::time::sleep(seconds(101)).await;
            assert!(second.as_mut().now_or_never().is_none(), "it has ended, but nobody saw it");
            assert_eq!(sandbox.posts_begun(), 1);
            match seen_by {
                "wait" => _ = task.wait().await,
                "a clone's wait" => _ = task.clone().wait().await,
                "refresh" => _ = task.refresh().await.unwrap(),
                _ => _ = client.wait_all([task.clone()]).next().await,
            }
            second.await.unwrap();
            assert_eq!(sandbox.posts_received_whole(), 2);
            drop(task);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_place_of_a_task_returns_with_its_last_handle_and_not_before() {
    let (_sandbox, client) = one_at_a_time(TASK_TIME).await;
    let task = client.submit(request()).await.unwrap();
    let (clone, wait, all) = (task.clone(), task.wait(), client.wait_all([task.clone()]));
    let second_request = request();
    let mut second = Box::pin(client.submit(second_request));
    drop(task);
    assert!(second.as_mut().now_or_never().is_none());
    drop(clone);
    assert!(second.as_mut().now_or_never().is_none());
    drop(wait);
    assert!(second.as_mut().now_or_never().is_none());
    drop(all);
    second.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_submit_that_came_to_nothing_returns_its_place() {
    let (sandbox, client) = one_at_a_time(TASK_TIME).await;
    for (fault, kind) in [
        (Fault::response(ScriptedResponse::new(400).body(r#"{"code":1201,"message":"x"}"#)), ErrorKind::Rejected),
        (Fault::hang_up(), ErrorKind::Ambiguous),
    ] {
        sandbox.fault_next(Endpoint::Create, fault);
        assert_eq!(client.submit(request()).await.unwrap_err().kind(), kind);
    }
    // Dropped while it waits for an answer, and while it waits for a place.
    sandbox.fault_next(Endpoint::Create, Fault::silence());
    let abandoned = request();
    {
        let submit = client.submit(abandoned).map(Some);
        let held = sandbox.until(|sandbox| sandbox.posts_received_whole() == 3).map(|()| None);
        assert!(futures_util::future::select(Box::pin(submit), Box::pin(held)).await.factor_first().0.is_none());
    }
    let first = client.submit(request()).await.unwrap();
    let waiting = request();
    let mut waiting = client.submit(waiting);
    assert!((&mut waiting).now_or_never().is_none());
    drop(first);
    waiting.await.expect("a request that only waited was not submitted");
}

#[tokio::test(start_paused = true)]
async fn places_are_given_in_the_order_in_which_they_were_asked_for() {
    let (sandbox, client) = one_at_a_time(seconds(10)).await;
    let order = Mutex::new(Vec::new());
    let one = async |number: usize| {
        let task = client.submit(request()).await.unwrap();
        order.lock().unwrap().push(number);
        task.wait().expected(seconds(10)).await.unwrap();
    };
    futures_util::future::join_all((0..8).map(one)).await;
    assert_eq!(*order.lock().unwrap(), (0..8).collect::<Vec<_>>());
    assert_eq!(sandbox.tasks_charged(), 8);
}

#[tokio::test(start_paused = true)]
async fn an_account_takes_as_many_tasks_as_it_allows_without_a_refusal() {
    let sandbox = Sandbox::builder().task_time(seconds(10)).concurrency(3).start().await.unwrap();
    let client = builder(&sandbox).max_running(3).build().unwrap();
    let one = async |_| client.submit(request()).await.unwrap().wait().expected(seconds(10)).await.unwrap();
    futures_util::future::join_all((0..12).map(one)).await;
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (12, 12));
}

#[tokio::test(start_paused = true)]
async fn a_resumed_task_takes_a_place_if_one_is_free() {
    let (_sandbox, client) = one_at_a_time(TASK_TIME).await;
    let saved = client.submit(request()).await.unwrap().save();
    let resumed = client.resume(saved.clone()).unwrap();
    assert!(client.submit(request()).now_or_never().is_none());
    let again = client.resume(saved.clone()).unwrap();
    drop(resumed);
    let task = client.submit(request()).await.expect("the second handle found no place, and took none");
    drop((again, task));
    let mut ended = saved;
    ended.status = Some("failed".to_owned());
    let _ended = client.resume(ended).unwrap();
    client.submit(request()).await.expect("a task that has ended takes no place");
}

#[tokio::test(start_paused = true)]
async fn an_api_that_says_it_is_busy_is_asked_again_no_sooner_than_after_the_named_pause() {
    // The account's limits, and in the words of gateways their own.
    for code in ["1302", "1303", r#""upstream_load_saturated""#, r#""rate_limit_exceeded""#] {
        let sandbox = sandbox(TASK_TIME).await;
        let clock = Paused { start: Instant::now(), sandbox: sandbox.clock().clone(), random: 0.0 };
        let client = support::client(&sandbox).clock(clock).max_attempts(3).build().unwrap();
        for _ in 0..2 {
            let busy = format!(r#"{{"code":{code},"message":"busy"}}"#);
            sandbox.respond_next(Endpoint::Create, ScriptedResponse::new(429).body(busy));
        }
        let start = Instant::now();
        client.submit(request()).await.unwrap();
        // A twentieth of a second, twice: on this machine answers a sandbox.
        assert_eq!(start.elapsed().as_millis(), 2 * 50, "{code}");
    }
}

#[test]
fn no_task_at_all_is_no_limit() {
    let error = Client::builder("sk-1").max_running(0).build().unwrap_err();
    assert_eq!((error.kind(), error.violations()[0].path.as_str()), (ErrorKind::Invalid, "max_running"));
    Client::builder("sk-1").max_running(usize::MAX).build().unwrap();
}
