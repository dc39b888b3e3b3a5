//! A task from its create to its end, and the ways to find it.

use std::time::Duration;

use kling_sandbox::{Clock, TaskPlan, TaskStatus};

use super::*;

async fn start_with_clock(task_seconds: u64) -> (Sandbox, Clock) {
    let clock = Clock::manual();
    let sandbox = Sandbox::builder()
        .clock(clock.clone())
        .task_time(Duration::from_secs(task_seconds))
        .start()
        .await
        .expect("a sandbox starts");
    (sandbox, clock)
}

#[tokio::test]
async fn a_task_moves_with_the_clock_and_with_nothing_else() {
    let (sandbox, clock) = start_with_clock(200).await;
    let caller = Caller::new(&sandbox);
    let id = caller.submit(&body_with("external_task_id", json!("mine"))).await;
    let created = caller.task(&id).await["created_at"].as_u64().expect("milliseconds");
    for (advance, status, changed) in [
        (0, "submitted", 0),
        (39, "submitted", 0),
        (1, "processing", 40),
        (159, "processing", 40),
        (1, "succeed", 200),
        (9_999, "succeed", 200),
    ] {
        clock.advance(Duration::from_secs(advance));
        for _ in 0..2 {
            let task = caller.task(&id).await;
            assert_eq!(task["task_status"], status, "{task}");
            assert_eq!(task["created_at"], created);
            assert_eq!(task["updated_at"], created + changed * 1000);
            assert_eq!(task["task_info"], json!({"external_task_id": "mine"}));
            assert_eq!(task["task_status_msg"], "");
            let done = status == "succeed";
            assert_eq!(task.get("final_unit_deduction").is_some(), done, "{task}");
            assert_eq!(task["task_result"] != json!({}), done, "{task}");
        }
    }
}

#[tokio::test]
async fn a_finished_task_has_a_signed_video_and_what_it_cost() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    for (mode, duration, seconds, units) in
        [("std", "5", "5.1", "2"), ("pro", "5", "5.1", "3.5"), ("pro", "10", "10.1", "7")]
    {
        let mut body = body_with("mode", json!(mode));
        body["duration"] = json!(duration);
        let id = caller.submit(&body).await;
        let task = caller.task(&id).await;
        assert_eq!(task["final_unit_deduction"], units);
        let videos = task["task_result"]["videos"].as_array().expect("videos");
        assert_eq!(videos.len(), 1);
        assert_eq!(videos[0]["duration"], seconds);
        assert_ne!(videos[0]["id"], task["task_id"]);
        let url = text(&videos[0]["url"]);
        assert!(url.starts_with(sandbox.video_origin()) && url.contains("Signature="), "{url}");
        assert_eq!(caller.task(&id).await["task_result"], task["task_result"], "asked again");
    }
}

#[tokio::test]
async fn a_failed_task_says_why_with_code_0() {
    let (sandbox, clock) = start_with_clock(100).await;
    let caller = Caller::new(&sandbox);
    sandbox.fail_next_task("Image pixel is invalid");
    let failing = caller.submit(&body()).await;
    let other = caller.submit(&body()).await;
    assert_eq!(caller.task(&failing).await["task_status_msg"], "", "nobody knows yet");
    clock.advance(Duration::from_secs(100));
    let task = caller.task(&failing).await;
    assert_eq!(task["task_status"], "failed");
    assert_eq!(task["task_status_msg"], "Image pixel is invalid");
    assert_eq!(task["task_result"], json!({}));
    assert!(task.get("final_unit_deduction").is_none());
    assert_eq!(caller.task(&other).await["task_status"], "succeed");
}

#[tokio::test]
async fn plans_are_used_in_order_and_only_by_accepted_requests() {
    let (sandbox, clock) = start_with_clock(0).await;
    let caller = Caller::new(&sandbox);
    let processing_after = Duration::from_secs(1);
    sandbox.plan_next_task(TaskPlan { processing_after, ..TaskPlan::over(Duration::from_secs(1000)) });
    sandbox.plan_next_task(TaskPlan::over(Duration::ZERO).fail("second"));
    caller.post(&body_with("mode", json!("wrong"))).await;
    caller.submit(&body()).await;
    caller.submit(&body()).await;
    caller.submit(&body()).await;
    clock.advance(Duration::from_secs(1));
    let statuses: Vec<TaskStatus> = sandbox.tasks().iter().map(|task| task.status).collect();
    assert_eq!(statuses, [TaskStatus::Processing, TaskStatus::Failed, TaskStatus::Succeed]);
}

#[tokio::test]
async fn the_ledger_has_every_task_with_its_ids_and_its_price() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let first = caller.submit(&body_with("external_task_id", json!("mine"))).await;
    let second = caller.submit(&body_with("duration", json!("10"))).await;
    let tasks = sandbox.tasks();
    let seen: Vec<(&str, Option<&str>, &str)> =
        tasks.iter().map(|task| (task.id.as_str(), task.external_id.as_deref(), task.units.as_str())).collect();
    assert_eq!(seen, [(first.as_str(), Some("mine"), "2"), (second.as_str(), None, "4")]);
    assert_eq!(sandbox.tasks_charged(), 2);
}

#[tokio::test]
async fn a_task_is_found_by_either_id_unless_only_its_own_counts() {
    let body = body_with("external_task_id", json!("my/own id"));
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let id = caller.submit(&body).await;
    assert_eq!(caller.task("my%2Fown%20id").await["task_id"], id);
    assert_eq!(caller.task(&id).await["task_id"], id);

    let gateway = Sandbox::builder().external_ids(false).start().await.expect("it starts");
    let caller = Caller::new(&gateway);
    let id = caller.submit(&body).await;
    assert_eq!(caller.task(&id).await["task_id"], id);
    let recorded = json!({"code": "task_not_exist", "message": "task_not_exist", "data": null});
    for unknown in ["my%2Fown%20id", "1", "%FF"] {
        let (status, answer) = caller.get(&format!("/{unknown}")).await;
        assert_eq!((status, &answer), (StatusCode::BAD_REQUEST, &recorded), "{unknown}");
    }
}

#[tokio::test]
async fn one_sandbox_does_not_know_the_tasks_of_another() {
    let (first, second) = (start().await, start().await);
    let id = Caller::new(&first).submit(&body()).await;
    Caller::new(&second).submit(&body()).await;
    let (status, answer) = Caller::new(&second).get(&format!("/{id}")).await;
    assert_eq!((status.as_u16(), &answer["code"]), (400, &json!("task_not_exist")));
}

#[tokio::test]
async fn the_list_has_the_newest_first_in_pages() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let (_, empty) = caller.get("").await;
    assert_eq!(empty["data"], json!([]));
    let mut ids = Vec::new();
    for _ in 0..33 {
        ids.push(caller.submit(&body()).await);
    }
    ids.reverse();
    for (query, expected) in [
        ("", &ids[..30]),
        ("?pageNum=2", &ids[30..]),
        ("?pageNum=2&pageSize=10", &ids[10..20]),
        ("?pageSize=500", &ids[..]),
        ("?pageNum=1000&pageSize=500&other=1", &[]),
    ] {
        let (_, page) = caller.get(query).await;
        let page = page["data"].as_array().expect("an array").clone();
        let found: Vec<String> = page.iter().map(|task| text(&task["task_id"])).collect();
        assert_eq!(found, expected, "{query}");
        for task in page {
            let alone = caller.task(&text(&task["task_id"])).await;
            assert_eq!(task, alone, "the list tells what the query tells");
        }
    }
    for (query, name) in [
        ("?pageNum=0", "pageNum"),
        ("?pageNum=1001", "pageNum"),
        ("?pageSize=0", "pageSize"),
        ("?pageSize=501", "pageSize"),
        ("?pageSize=many", "pageSize"),
    ] {
        let (status, answer) = caller.get(query).await;
        assert_eq!((status.as_u16(), &answer["code"]), (400, &json!(1201)), "{query}");
        assert!(text(&answer["message"]).starts_with(name), "{answer}");
    }
}
