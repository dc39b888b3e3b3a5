//! Proves that nothing is paid twice and nothing paid is forgotten, whatever goes wrong with the paid request: every
//! fault that the sandbox knows, once each, against a client with its own policies.

mod support;

use std::fmt::Write as _;
use std::time::Duration;

use kling_client::{ErrorKind, Image, MultiImageToVideo};
use kling_sandbox::{Fault, NamedFault, Operation, Sandbox, Tells};

const MOMENTS: [u64; 5] = [2, 5, 10, 30, 60];

/// What came of one submit that met a fault.
struct Met {
    /// The task, or the kind of the error.
    outcome: Result<String, ErrorKind>,
    whole: u64,
    charged: usize,
}

/// Submits once, with the fault waiting for it; `resolves` says whether the gateway finds tasks by the caller's id.
async fn meet(named: &NamedFault, image: Image, resolves: bool) -> Met {
    let clock = kling_sandbox::Clock::manual();
    // A gateway that takes the same id twice: a second order that it should not have got would be paid.
    let builder = Sandbox::builder()
        .clock(clock.clone())
        .external_ids(resolves)
        .duplicates(!named.fault.is_charged() || !named.again);
    let sandbox = builder.start().await.unwrap();
    sandbox.fault_next(Operation::Create, named.fault.clone());
    let client = kling_client::Client::builder(sandbox.api_key())
        .base_url(sandbox.base_url())
        .clock(support::Guarded(support::Jumping::over(&clock)))
        .reconcile_at(MOMENTS.map(Duration::from_secs))
        .build()
        .unwrap();
    let request = MultiImageToVideo::builder().images([image]).prompt("The cat puts the hat on").build().unwrap();
    let id = request.external_task_id().unwrap().to_owned();

    let submit = async {
        let result = client.submit(&request).await;
        result.map(|task| task.id().to_owned()).map_err(|error| {
            assert_eq!(error.external_task_id(), Some(id.as_str()), "{}: {error}", named.name);
            assert_eq!(error.may_have_been_charged(), error.kind() == ErrorKind::Ambiguous);
            error.kind()
        })
    };
    let waits = ["silence", "slow", "delayed"].iter().any(|name| named.name.starts_with(name));
    let pass_time = async {
        if !waits {
            std::future::pending::<()>().await;
        }
        loop {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            clock.advance(Duration::from_secs(1));
        }
    };
    let outcome = tokio::select! {
        outcome = submit => outcome,
        () = pass_time => unreachable!("time has no end"),
    };
    if let Ok(task) = &outcome {
        assert!(
            sandbox.tasks().iter().any(|entry| entry.id == *task && entry.external_id.as_ref() == Some(&id)),
            "{}",
            named.name
        );
    }
    assert_eq!(sandbox.charged_for(&id), sandbox.tasks_charged());
    Met { outcome, whole: sandbox.posts_received_whole(), charged: sandbox.tasks_charged() }
}

fn url() -> Image {
    Image::url("https://example.com/cat.png")
}

/// A picture that no socket takes in one piece.
fn large() -> Image {
    let mut bytes = std::fs::read(support::picture("cat.png")).unwrap();
    bytes.resize(9 * 1024 * 1024, 0);
    Image::bytes(bytes)
}

#[tokio::test]
async fn no_fault_is_paid_twice_and_no_paid_task_is_called_unpaid() {
    for named in Fault::all() {
        for resolves in [true, false] {
            let met = meet(&named, url(), resolves).await;
            let name = format!("{} (ids resolved: {resolves}): {:?}, {} whole", named.name, met.outcome, met.whole);
            assert!(met.charged <= 1, "{name}");
            // Sent again only where the server said that no task was made, or never had it whole.
            assert!(met.whole <= 1 || (named.again && met.whole == 2), "{name}");
            match (named.tells, met.charged) {
                (Tells::Task, _) => assert!(met.outcome.is_ok(), "{name}"),
                // Found by the caller's id, or among the newest tasks: the sandbox lists them either way.
                (Tells::Nothing, 1) => assert!(met.outcome.is_ok(), "{name}"),
                (Tells::Nothing, _) => assert_eq!(met.outcome, Err(ErrorKind::Ambiguous), "{name}"),
                (Tells::NoTask, 0) => assert_eq!(met.outcome, Err(ErrorKind::Rejected), "{name}"),
                (Tells::NoTask, _) => assert!(named.again && met.outcome.is_ok(), "{name}"),
                (Tells::NotWhole, 0) => assert_eq!(met.outcome, Err(ErrorKind::Ambiguous), "{name}"),
                (Tells::NotWhole, _) => assert!(met.outcome.is_ok(), "{name}"),
                (other, _) => panic!("{other:?} is new: {name}"),
            }
        }
    }
}

#[tokio::test]
async fn a_large_body_that_is_cut_anywhere_is_sent_again_and_paid_once() {
    for after in [0, 1, 1000, 1_000_000, 8_000_000] {
        let mut named = Fault::all().into_iter().find(|named| named.name == "cut-body:0").unwrap();
        (named.name, named.fault) = (format!("cut-body:{after}"), Fault::cut_body(after));
        let met = meet(&named, large(), true).await;
        assert!(met.outcome.is_ok() && met.charged == 1 && met.whole == 1, "{} {:?}", named.name, met.outcome);
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_at_any_byte_costs_at_most_once_and_is_never_called_unpaid_when_paid() {
    let named = |fault: Fault| {
        let mut named = Fault::all().remove(0);
        (named.name, named.fault) = (format!("{fault:?}"), fault);
        named
    };
    // A request of 300 to 500 bytes, its head included, and an answer of 300 or so, and beyond.
    for bytes in (0..700).step_by(7) {
        let met = meet(&named(Fault::cut_connection(bytes)), url(), true).await;
        let case =
            format!("request cut after {bytes}: {:?}, {} whole, {} charged", met.outcome, met.whole, met.charged);
        assert!(met.charged <= 1 && met.whole <= 1 && met.outcome.is_ok() == (met.charged == 1), "{case}");
        assert!(met.charged == 1 || met.outcome == Err(ErrorKind::Ambiguous), "{case}");
        let met = meet(&named(Fault::cut_answer(bytes)), url(), true).await;
        let case = format!("answer cut after {bytes}: {:?}, {} whole, {} charged", met.outcome, met.whole, met.charged);
        assert!(met.outcome.is_ok() && met.charged == 1 && met.whole == 1, "{case}");
    }
}

#[tokio::test]
async fn a_refusal_after_the_same_was_sent_before_is_looked_up_before_it_is_believed() {
    // The gateway says "busy" although it made the task, and then refuses the id that it knows.
    let mut named = Fault::all().into_iter().find(|named| named.name == "1303").unwrap();
    named.fault = named.fault.charged();
    let met = meet(&named, url(), true).await;
    assert!(met.outcome.is_ok() && met.charged == 1 && met.whole == 2, "{:?}", met.outcome);
}

#[tokio::test]
async fn a_submit_that_was_dropped_is_found_by_its_id_and_was_paid_once() {
    for name in ["hang-up+charged", "silence+charged", "cut-answer:16", "cut-body:1", "silence"] {
        let sandbox = Sandbox::start().await.unwrap();
        let fault = name.parse::<Fault>().unwrap();
        let charged = fault.is_charged();
        sandbox.fault_next(Operation::Create, fault);
        let client = support::client(&sandbox).build().unwrap();
        let request = support::request();
        let id = request.external_task_id().unwrap().to_owned();
        // Dropped at the first moment at which the server may have the request.
        tokio::select! {
            biased;
            () = async { while sandbox.posts_begun() == 0 || (sandbox.posts_received_whole() == 0 && charged) { tokio::task::yield_now().await } } => {}
            _ = client.submit(&request) => {}
        }
        while charged && sandbox.tasks_charged() == 0 {
            tokio::task::yield_now().await;
        }
        let found = client.reconcile(&id).await.unwrap();
        assert_eq!(
            found.map(|task| task.id().to_owned()),
            sandbox.tasks().first().map(|entry| entry.id.clone()),
            "{name}"
        );
        assert_eq!(sandbox.charged_for(&id), usize::from(charged), "{name}");
    }
}

#[tokio::test]
async fn over_the_accounts_limit_a_submit_comes_back_until_a_slot_is_free() {
    let clock = kling_sandbox::Clock::manual();
    let builder = Sandbox::builder().clock(clock.clone()).concurrency(1).task_time(Duration::from_secs(2));
    let sandbox = builder.start().await.unwrap();
    let jumping = support::Jumping::over(&clock);
    let client =
        support::client(&sandbox).attempts(1000).retry_budget(Duration::from_secs(600)).clock(jumping).build().unwrap();
    client.submit(&support::request()).await.unwrap();
    client.submit(&support::request()).await.unwrap();
    assert_eq!(sandbox.tasks_charged(), 2);

    let once = support::client(&sandbox).build().unwrap();
    let error = once.submit(&support::request()).await.unwrap_err();
    assert!(error.is_retryable() && error.code() == Some("1303") && error.kind() == ErrorKind::Rejected, "{error}");
}

/// The faults of README's table, in its order.
const SHOWN: [&str; 16] = [
    "hang-up+charged",
    "hang-up",
    "silence+charged",
    "cut-answer:16",
    "502-html+charged",
    "502-html",
    "5000+charged",
    "200-html+charged",
    "307-itself",
    "303-elsewhere+charged",
    "hang-up+charged+hidden:20",
    "1303",
    "429-empty",
    "1102",
    "1201",
    "early-401",
];

#[tokio::test]
async fn readmes_table_of_faults_is_what_happens() {
    let all = Fault::all();
    let mut table = String::from("| fault | POSTs received whole | charged | outcome |\n|---|---|---|---|\n");
    for name in SHOWN {
        let named = all.iter().find(|named| named.name == name).unwrap_or_else(|| panic!("no fault {name}"));
        let met = meet(named, url(), true).await;
        let outcome = met.outcome.map_or_else(|kind| format!("`{kind}`"), |_| "the task".to_owned());
        writeln!(table, "| {} | {} | {} | {outcome} |", named.summary, met.whole, met.charged).unwrap();
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (start, end) = ("<!-- faults: written by tests/faults.rs -->\n", "<!-- end of faults -->");
    let from = readme.find(start).expect("README has the marker") + start.len();
    let to = readme.find(end).expect("README has the end marker");
    if readme[from..to] == table {
        return;
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(&path, format!("{}{table}{}", &readme[..from], &readme[to..])).unwrap();
    }
    panic!("README's table of faults is not what happens; ACTION: `UPDATE_GOLDEN=1 cargo test --test faults`\n{table}");
}
