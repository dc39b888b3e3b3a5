//! Proves what the report's page shows, that it is only text whatever it is made of, and what it leaves alone.

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use kling_batch::{JobRequest, NewJob, Prices, Shown, Store, Units, report};
use kling_sandbox::{Endpoint, Fault, ScriptedResponse, TaskPlan};
use serde_json::json;
use support::{KEY, Running, command, directory, jobs, line, manifest, picture, record, run, sandbox};

const HOSTILE: &str =
    "</style></title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u{202e}\u{1b}[31m\u{0}&amp;";

/// Whether text that came from elsewhere stayed text.
fn is_inert(page: &str) {
    for broken in ["<script", "<img src=x", "</style></title>", "\u{202e}", "\u{1b}", "\u{0}", "onerror=alert(2)>"] {
        assert!(!page.contains(broken), "{broken:?} is in the page");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_with_a_page_beside_its_files() {
    let (sandbox, folder) = (sandbox().start().await.unwrap(), directory("report-run"));
    let refusal = json!({"code": 1301, "message": format!("refused {HOSTILE}"), "request_id": "r"}).to_string();
    sandbox.fault_next(
        Endpoint::Create,
        Fault::response(ScriptedResponse::new(400).header("content-type", "application/json").body(refusal)),
    );
    let mut lines: Vec<_> = (1..=3).map(line).collect();
    lines[1]["image"] = json!([picture("cat.png"), "https://me:secret@example.com/hat.jpg?X-Signature=secret"]);
    lines[1]["output"] = json!("sub dir/two #2.mp4");
    lines[2]["name"] = json!(HOSTILE);
    lines[2]["prompt"] = json!(HOSTILE);
    lines[2]["negative_prompt"] = json!(HOSTILE);
    let manifest = manifest(&folder, lines);
    let words = ["batch", "run", manifest.to_str().unwrap(), "--out", "videos", "--max-running", "1"];
    let ran = run(&sandbox, &folder, &words).await.exits(4);
    let path = folder.join("videos/report.html");
    assert!(ran.stderr().contains("report.html"), "{}", ran.stderr());
    let page = std::fs::read_to_string(&path).unwrap();
    is_inert(&page);
    for secret in [KEY, "secret@", "X-Signature", sandbox.base_url()] {
        assert!(!page.contains(secret), "{secret} is in the page");
    }
    let store = record(&folder).await;
    let two = jobs(&store).await.remove(1);
    for expected in [
        "src=\"sub%20dir/two%20%232.mp4\"",
        "examples/images/cat.png\"",
        "https://example.com/hat.jpg",
        "3 jobs",
        "2 delivered",
        "1 failed",
        "retry 1 orders it anew",
        "&lt;script&gt;alert(1)",
        "4 units",
        two.task_id.as_deref().unwrap(),
        &two.external_id,
        "an assumption",
    ] {
        assert!(page.contains(expected), "{expected} is missing in {page}");
    }
    // The links lead to what is there.
    assert!(folder.join("videos/sub dir/two #2.mp4").exists());
    let images: Vec<_> = page.split("<img src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(images.len(), 1);
    assert_eq!(folder.join("videos").join(images[0]).canonicalize().unwrap(), picture("cat.png"));

    // Later, from the record alone; of one batch also elsewhere.
    std::fs::remove_file(&path).unwrap();
    run(&sandbox, &folder, &["batch", "report", "--out", "videos"]).await.exits(0);
    assert!(path.exists());
    run(&sandbox, &folder, &["batch", "report", "1", "--out", "."]).await.exits(0);
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("src=\"videos/sub%20dir/two%20%232.mp4\""), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_somebody_elses_is_kept_and_an_older_report_is_not() {
    let folder = directory("report-kept");
    let (store, prices) = (Store::in_memory().await.unwrap(), Prices::assumed().unwrap());
    let path = report(&store, &prices, &folder, Shown::Beside).await.unwrap();
    assert_eq!(path, folder.join("report.html"));
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "mine").unwrap();
    let refused = report(&store, &prices, &folder, Shown::Beside).await.unwrap_err();
    assert!(refused.message().contains("found another file"), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    std::fs::remove_file(&path).unwrap();
    for (jobs, operation) in [("0 jobs", "multi-image2video"), ("1 job", HOSTILE), ("2 jobs", "text2video")] {
        report(&store, &prices, &folder, Shown::Beside).await.unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains(jobs), "{jobs}");
        let batch = store.new_batch(HOSTILE, None, None).await.unwrap();
        for output in [folder.join("a.mp4"), Path::new("/elsewhere/b.mp4").to_owned()] {
            let request = [("prompt", HOSTILE), ("mode", HOSTILE), ("image", HOSTILE)];
            let request = request.map(|(name, value)| (name.to_owned(), value.into()));
            let request = JobRequest::new("multi-image2video".into(), request).unwrap();
            let job = NewJob {
                line: 1,
                name: None,
                external_id: Some(format!("{HOSTILE}{jobs}{}", output.display())),
                operation: operation.into(),
                request: request.to_json(),
                request_hash: String::new(),
                output: output.to_str().unwrap().to_owned(),
                estimate: Units::from_thousandths(2000),
            };
            store.insert(batch, vec![job], false).await.unwrap();
        }
    }
    is_inert(&std::fs::read_to_string(&path).unwrap());
    assert!(!folder.join("report.html.part").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_write_the_page_of_a_batch_when_its_last_job_has_ended_and_not_before() {
    let (clock, folder) = (kling_sandbox::Clock::manual(), directory("report-workers"));
    let sandbox = sandbox().clock(clock.clone()).start().await.unwrap();
    let second = Duration::from_secs;
    sandbox.plan_next_task(TaskPlan::over(second(1)));
    sandbox.plan_next_task(TaskPlan::over(second(100)).fail("Failure to pass the risk control system"));
    let add = |name: &'static str, numbers: std::ops::RangeInclusive<usize>| {
        let manifest = manifest(&folder, numbers.map(line));
        let manifest = manifest.to_str().unwrap().to_owned();
        let (sandbox, folder) = (&sandbox, &folder);
        async move { run(sandbox, folder, &["batch", "add", &manifest, "--out", name]).await.exits(0) }
    };
    add("first", 1..=2).await;
    let (tell, mut said) = tokio::sync::mpsc::unbounded_channel();
    let work = || {
        let words = ["worker", "--heartbeat", "100ms"];
        let mut child = command(sandbox.base_url(), &folder, "kling.db", &words);
        let mut child = child.stderr(Stdio::piped()).spawn().unwrap();
        let (lines, tell) = (BufReader::new(child.stderr.take().unwrap()).lines(), tell.clone());
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Running(child)
    };
    let workers = [work(), work()];
    let limit = Duration::from_secs(30);
    let until = async |what: &str, holds: &dyn Fn() -> bool| {
        let held = tokio::time::timeout(limit, sandbox.until(|_| holds())).await;
        held.unwrap_or_else(|_| panic!("never: {what}"));
    };
    let mut page_of = async |batch: usize, path: &Path| {
        let (mut lines, told) = (Vec::new(), format!("batch {batch} has ended; report: {}", path.display()));
        while !lines.contains(&told) {
            let line = tokio::time::timeout(limit, said.recv()).await;
            lines.push(line.unwrap_or_else(|_| panic!("never: {told}: {lines:?}")).unwrap());
        }
        std::fs::read_to_string(path).unwrap()
    };
    until("both are charged", &|| sandbox.tasks_charged() == 2).await;
    clock.advance(second(1));
    // One is here, the other runs on and is asked for.
    // Two workers: either job may be the one that was submitted first.
    let names = ["first/n1.mp4", "first/n2.mp4"];
    until("a video", &|| names.iter().any(|name| folder.join(name).exists())).await;
    let asked = sandbox.requests().len();
    until("it is asked for", &|| sandbox.requests().len() > asked + 3).await;
    let [first, other] = ["first", "other"].map(|name| folder.join(name).join("report.html"));
    assert!(!first.exists(), "its batch goes on");
    // The next batch begins before the end of the first.
    sandbox.plan_next_task(TaskPlan::over(second(1)));
    sandbox.plan_next_task(TaskPlan::over(second(500)));
    add("other", 3..=4).await;
    until("all are charged", &|| sandbox.tasks_charged() == 4).await;
    clock.advance(second(100));
    let page = page_of(1, &first).await;
    assert!(page.contains("1 delivered") && page.contains("1 failed") && page.contains("2 jobs"), "{page}");
    assert!(!other.exists(), "one of it runs");
    clock.advance(second(500));
    let page = page_of(2, &other).await;
    assert!(page.contains("2 delivered") && page.contains("2 jobs"), "{page}");
    drop(workers);
    let left: Vec<_> = std::fs::read_dir(folder.join("first")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".part")), "{left:?}");
}
