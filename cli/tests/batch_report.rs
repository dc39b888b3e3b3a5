//! Claims of what is read from the record: the report is text whatever it is made of, a table has no formulas, and a hint
//! names what to do.
#![cfg(feature = "batch")]

mod support_batch;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kling_cli::batch::{
    Claim, Detail, Event, Format, JobRequest, NewBatch, NewJob, Prices, Shown, Status, Store, Units, export, inspect,
    report,
};
use kling_client::Operation;
use kling_sandbox::{Endpoint, Fault, ScriptedResponse};
use serde_json::{Value, json};
use support_batch::{KEY, directory, image, jobs, line, manifest, record, run, sandbox};

const HOSTILE: &str =
    "</style></title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u{202e}\u{1b}[31m\u{0}&amp;";

/// Asserts that hostile text stayed text.
fn is_inert(page: &str) {
    for broken in ["<script", "<img src=x", "</style></title>", "\u{202e}", "\u{1b}", "\u{0}", "onerror=alert(2)>"] {
        assert!(!page.contains(broken), "{broken:?} is in the page");
    }
}

fn new(number: usize, text: &str) -> NewJob {
    let request =
        [("prompt", text), ("mode", text), ("image", text)].map(|(name, value)| (name.to_owned(), value.into()));
    NewJob {
        line: number as i64,
        name: Some(text.to_owned()),
        external_id: Some(format!("{text}{number}")),
        operation: Operation::MultiImageToVideo,
        model: String::new(),
        request: JobRequest::new(Operation::MultiImageToVideo, request, Path::new("")).ok().unwrap().to_json(),
        request_hash: number.to_string(),
        output: format!("/videos/{number}.mp4").into(),
        estimate: Units::from_thousandths(2000),
    }
}

fn add(store: &Store, name: &str, jobs: impl IntoIterator<Item = NewJob>) -> i64 {
    let batch = NewBatch { name, budget: None, source: Path::new("/in"), out_dir: Path::new("/videos") };
    store.add_batch(&batch, true, jobs.into_iter().map(Ok), |_, _| {}).unwrap()
}

fn prices() -> Prices {
    Prices::builtin().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_with_a_page_beside_its_outputs() {
    let (sandbox, folder) = (sandbox().start().await.unwrap(), directory("report-run"));
    let refusal = json!({"code": 1301, "message": format!("refused {HOSTILE}"), "request_id": "r"}).to_string();
    sandbox.fault_next(
        Endpoint::Create,
        Fault::response(ScriptedResponse::new(400).header("content-type", "application/json").body(refusal)),
    );
    let mut lines: Vec<_> = (1..=3).map(line).collect();
    lines[1]["image"] = json!([image("cat.png"), "https://me:secret@example.com/hat.jpg?X-Signature=secret"]);
    lines[1]["output"] = json!("sub dir/two #2.mp4");
    lines[2]["name"] = json!(HOSTILE);
    lines[2]["output"] = json!("three.mp4");
    lines[2]["prompt"] = json!(HOSTILE);
    lines[2]["negative_prompt"] = json!(HOSTILE);
    let manifest = manifest(&folder, lines);
    let words = ["batch", "run", manifest.to_str().unwrap(), "--out-dir", "videos", "--max-running", "1"];
    let ran = run(&sandbox, &folder, &words).await.exits(4);
    let path = folder.join("videos/report.html");
    assert!(ran.stderr().contains("report.html"), "{}", ran.stderr());
    let page = std::fs::read_to_string(&path).unwrap();
    is_inert(&page);
    for secret in [KEY, "secret@", "X-Signature", sandbox.base_url()] {
        assert!(!page.contains(secret), "{secret} is in the page");
    }
    let two = jobs(&record(&folder)).remove(1);
    for expected in [
        "src=\"sub%20dir/two%20%232.mp4\"",
        "examples/images/cat.png\"",
        "https://example.com/hat.jpg",
        "3 jobs",
        "2 delivered",
        "1 failed",
        "manifest.jsonl.kling.db 1",
        "&lt;script&gt;alert(1)",
        "4 units",
        two.task_id.as_deref().unwrap(),
        &two.external_id,
        "an assumption",
    ] {
        assert!(page.contains(expected), "{expected} is missing in {page}");
    }
    // The links lead to files.
    assert!(folder.join("videos/sub dir/two #2.mp4").exists());
    let images: Vec<_> = page.split("<img src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(images.len(), 1);
    assert_eq!(folder.join("videos").join(images[0]).canonicalize().unwrap(), image("cat.png"));

    // Later, from the record alone; of one batch also elsewhere.
    std::fs::remove_file(&path).unwrap();
    run(&sandbox, &folder, &["batch", "report", "manifest.jsonl", "--out-dir", "videos"]).await.exits(0);
    assert!(path.exists());
    let words = ["batch", "report", "manifest.jsonl", "--batch", "1", "--out-dir", "."];
    run(&sandbox, &folder, &words).await.exits(0);
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("src=\"videos/sub%20dir/two%20%232.mp4\""), "{page}");
}

#[test]
fn another_page_is_kept_and_an_older_report_is_replaced() {
    let (folder, store) = (directory("report-kept"), Store::in_memory().unwrap());
    let path = report(&store, &prices(), &folder, Shown::Beside).unwrap();
    assert_eq!(path, folder.join("report.html"));
    std::fs::write(&path, "mine").unwrap();
    let refused = report(&store, &prices(), &folder, Shown::Beside).unwrap_err();
    assert!(refused.message.contains("found another file"), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    std::fs::remove_file(&path).unwrap();
    for (round, jobs) in ["0 jobs", "1 job", "2 jobs"].into_iter().enumerate() {
        report(&store, &prices(), &folder, Shown::Beside).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains(&format!("<h1>{jobs}</h1>")), "{jobs}");
        let beside = NewJob { output: folder.join(format!("{round}.mp4")), ..new(2 * round, HOSTILE) };
        // A record of an older version may have any operation.
        let elsewhere = NewJob { operation: HOSTILE.into(), ..new(2 * round + 1, HOSTILE) };
        let batch = add(&store, HOSTILE, [beside, elsewhere]);
        report(&store, &prices(), &folder, Shown::Batch(batch)).unwrap();
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page.contains("<h1>2 jobs</h1>"), "{page}");
        is_inert(&page);
    }
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["report.html"]);
}

#[test]
fn no_cell_of_a_table_is_a_formula() {
    let store = Store::in_memory().unwrap();
    let texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "a=1", "1-1", " =1"];
    add(&store, "b", texts.iter().enumerate().map(|(number, text)| new(number, text)));
    let (mut csv, mut json) = (Vec::new(), Vec::new());
    export(&store, Format::Csv, &mut csv).unwrap();
    export(&store, Format::Json, &mut json).unwrap();
    let rows: Vec<Vec<String>> = csv::Reader::from_reader(&csv[..]).deserialize().map(Result::unwrap).collect();
    let json: Vec<Value> = serde_json::Deserializer::from_slice(&json).into_iter().map(Result::unwrap).collect();
    assert_eq!((rows.len(), json.len()), (texts.len(), texts.len()));
    for ((number, text), (row, json)) in texts.iter().enumerate().zip(rows.iter().zip(&json)) {
        let apostrophe = if number < 6 { "'" } else { "" };
        assert_eq!((&row[3], &row[5]), (&format!("{apostrophe}{text}"), &format!("{apostrophe}{text}{number}")));
        assert_eq!((&json["name"], &json["line"], &json["task_id"]), (&json!(text), &json!(number), &Value::Null));
        assert!(row.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{row:?}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_an_export_without_a_failure() {
    struct Gone(std::io::ErrorKind);
    impl std::io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Err(self.0.into())
        }
    }
    let store = Store::in_memory().unwrap();
    add(&store, "b", (0..100).map(|number| new(number, "cat")));
    for format in [Format::Csv, Format::Json] {
        assert!(export(&store, format, Gone(std::io::ErrorKind::BrokenPipe)).is_ok());
        assert!(export(&store, format, Gone(std::io::ErrorKind::StorageFull)).is_err());
    }
}

/// A record with three accounts: job 1 is ambiguous at the first and job 2 intended there, job 3 is finished at the second,
/// and the third has none.
fn three_accounts(name: &str) -> (Store, PathBuf, [i64; 3]) {
    let path = directory(name).join("my jobs.kling.db");
    let store = Store::open(&path).unwrap();
    let accounts = ["first", "second", "third"].map(|key| store.account("https://api.example.com", key).unwrap());
    let claim = |account| match store.claim(account, &[]).unwrap() {
        Claim::Job(job) => *job,
        _ => panic!("nothing to claim"),
    };
    add(&store, "a.jsonl", [new(1, "cat"), new(2, "hat")]);
    let job = claim(accounts[0]);
    store.apply(job.id, job.attempt, Event::Lose, &Detail::default()).unwrap();
    add(&store, "b.jsonl", [new(3, "dog")]);
    let job = claim(accounts[1]);
    let accepted = Detail { task: Some(("t3".into(), "{}".into())), ..Detail::default() };
    store.apply(job.id, job.attempt, Event::Accept, &accepted).unwrap();
    let expires_at = Some(1_000);
    let finished = Detail { note: Some("disk full".into()), expires_at, ..Detail::default() };
    store.apply(job.id, job.attempt, Event::End, &finished).unwrap();
    (store, path, accounts)
}

#[test]
fn jobs_of_another_account_are_shown_with_the_command_that_moves_them() {
    let (store, path, accounts) = three_accounts("status-accounts");
    let command = format!("kling batch account '{}'", path.canonicalize().unwrap().display());
    for today in [None, Some(0), Some(1), Some(2)] {
        let account = today.map(|today| accounts[today]);
        let status = json!(Status::read(&store, &prices(), account, SystemTime::UNIX_EPOCH).unwrap());
        for (number, open) in [2, 1, 0].into_iter().enumerate() {
            let found = &status["accounts"][number];
            assert_eq!((&found["open"], &found["max_running"]), (&json!(open), &json!(5)), "{status}");
            let is_elsewhere = open > 0 && today.is_some_and(|today| today != number);
            assert_eq!(found["hint"].is_string(), is_elsewhere, "{today:?}: {status}");
            let same = format!("{command} --same {}", accounts[number]);
            for part in [&same, &format!("{command} --submit-here")] {
                assert!(!is_elsewhere || found["hint"].as_str().unwrap().contains(part), "{status}");
            }
        }
    }
}

#[test]
fn what_needs_attention_and_expires_has_a_command_to_type() {
    let (store, path, accounts) = three_accounts("status-attention");
    let path = path.canonicalize().unwrap();
    let status = |now| Status::read(&store, &prices(), Some(accounts[0]), now).unwrap();
    let soon = SystemTime::UNIX_EPOCH;
    let shown = json!(status(soon));
    let hint = |list: &str, number: usize| shown[list][number]["hint"].as_str().unwrap().to_owned();
    assert!(hint("attention", 0).contains(&format!("kling batch retry '{}' 1 --yes", path.display())), "{shown}");
    assert!(hint("attention", 1).contains(&format!("kling batch resume '{}'", path.display())), "{shown}");
    assert!(hint("expiring", 0).contains("expires at 1970-01-01T00:00:01Z"), "{shown}");
    assert_eq!(shown["expiring"][0]["output"], "/videos/3.mp4");
    assert_eq!(shown["jobs"], json!({"ambiguous": 1, "finished": 1, "intended": 1}));
    assert!(shown["attention"][0].get("request").is_none(), "a prompt is shown");
    let later = status(soon + Duration::from_secs(2)).to_string();
    for expected in ["1 intended, 1 finished, 1 ambiguous; 4 units booked", "expired at", "disk full", "task t3"] {
        assert!(later.contains(expected), "{expected}: {later}");
    }
    // A gateway's date may be behind the year 9999.
    let job = store.job(3).unwrap().unwrap();
    let far = Detail { expires_at: Some(300_000_000_000_000), ..Detail::default() };
    store.apply(3, job.attempt, Event::Deliver, &far).unwrap();
    store.apply(3, job.attempt, Event::Miss, &far).unwrap();
    let farther = json!(status(soon + Duration::from_secs(400_000_000_000)));
    assert!(farther["expiring"][0]["hint"].as_str().unwrap().contains("9999-12-31T23:59:59Z"), "{farther}");
    // Once retried, a failed job needs none.
    let job = store.job(1).unwrap().unwrap();
    store.apply(job.id, job.attempt, Event::Refuse, &Detail::default()).unwrap();
    assert!(json!(status(soon))["attention"][0]["hint"].as_str().unwrap().contains("kling batch retry"));
    store.retry(1, false).unwrap();
    assert_eq!(json!(status(soon))["attention"], json!([]));
}

#[test]
fn a_batch_that_its_budget_stops_names_the_command_that_raises_it() {
    let store = Store::in_memory().unwrap();
    let account = store.account("https://api.example.com", "key").unwrap();
    let batch = NewBatch { name: "b", budget: "3".parse().ok(), source: Path::new(""), out_dir: Path::new("") };
    store.add_batch(&batch, true, [new(1, "cat"), new(2, "hat")].map(Ok), |_, _| {}).unwrap();
    let status = || Status::read(&store, &prices(), Some(account), SystemTime::now()).unwrap();
    assert!(!status().batches[0].stopped);
    assert!(matches!(store.claim(account, &[]).unwrap(), Claim::Job(_)));
    let stopped = status();
    assert!(stopped.batches[0].stopped);
    let shown = stopped.to_string();
    assert!(shown.contains("about 2 to come, stopped: the next job would pass its budget of 3"), "{shown}");
    assert!(shown.contains("kling batch resume '' --batch 1 --budget UNITS"), "{shown}");
}

#[test]
fn a_delivered_file_that_is_gone_or_differs_is_downloaded_again_until_it_has_expired() {
    let (folder, store) = (directory("inspect"), Store::in_memory().unwrap());
    let account = store.account("https://api.example.com", "key").unwrap();
    let outputs = [1, 2, 3].map(|number| folder.join(format!("{number}.mp4")));
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    add(&store, "b", [1, 2, 3].map(|number| NewJob { output: outputs[number - 1].clone(), ..new(number, "cat") }));
    for output in &outputs {
        std::fs::write(output, "abc").unwrap();
        let Claim::Job(job) = store.claim(account, &[]).unwrap() else { panic!("nothing to claim") };
        let file = Detail { file: Some((3, sha256.into())), expires_at: Some(1_000), ..Detail::default() };
        for (event, detail) in
            [(Event::Accept, Detail::default()), (Event::End, Detail::default()), (Event::Deliver, file)]
        {
            store.apply(job.id, job.attempt, event, &detail).unwrap();
        }
    }
    let inspected = |now| {
        let mut lines = Vec::new();
        inspect(&store, now, |line| lines.push(line.to_owned())).unwrap();
        lines.join("\n")
    };
    assert_eq!(inspected(SystemTime::UNIX_EPOCH), "");
    std::fs::write(&outputs[1], "abd").unwrap();
    std::fs::remove_file(&outputs[2]).unwrap();
    let lines = inspected(SystemTime::now());
    assert_eq!((lines.matches("has expired").count(), lines.matches("again").count()), (2, 0), "{lines}");
    let lines = inspected(SystemTime::UNIX_EPOCH);
    assert_eq!(lines.matches("is downloaded again").count(), 2, "{lines}");
    assert!(lines.contains("2.mp4 is not the file") && lines.contains("3.mp4 is gone"), "{lines}");
    let states: Vec<_> = jobs(&store).iter().map(|job| job.state.to_string()).collect();
    assert_eq!(states, ["delivered", "finished", "finished"]);
}
