//! Proves that nothing is paid twice and nothing paid is forgotten, whatever goes wrong with the paid request: every
//! fault that the sandbox knows, once each, against a client with its own policies.

mod support;

use std::fmt::Write as _;
use std::time::Duration;

use kling_client::{Client, ErrorKind, Image, Request};
use kling_sandbox::{Endpoint, Fault, NamedFault, Sandbox, ScriptedResponse, Target, Tells};

const MOMENTS: [u64; 5] = [2, 5, 10, 30, 60];

/// What came of one submit that met a fault.
#[derive(Debug)]
struct Met {
    /// The task, or the kind of the error.
    outcome: Result<String, ErrorKind>,
    whole: u64,
    charged: usize,
    /// Whether the client waited before it sent again, or looked for its task.
    paused: bool,
}

impl Met {
    /// Never two charges, never called unpaid when paid, never a task that was not made.
    fn is_honest(&self) -> bool {
        match self.outcome {
            Ok(_) => self.charged == 1,
            Err(ErrorKind::Ambiguous) => self.charged <= 1,
            Err(ErrorKind::NotSent | ErrorKind::Rejected) => self.charged == 0,
            Err(_) => false,
        }
    }
}

/// A gateway with a client of it, for any number of submits.
struct Line {
    sandbox: Sandbox,
    clock: support::Jumping,
    client: Client,
}

impl Line {
    /// `resolves` says whether the gateway finds tasks by the caller's id, `duplicates` whether it takes the same id twice:
    /// a second order that it should not have got is then paid.
    async fn start(resolves: bool, duplicates: bool) -> Self {
        Self::to(Sandbox::builder().external_ids(resolves).duplicates(duplicates)).await
    }

    async fn to(sandbox: kling_sandbox::Builder) -> Self {
        let clock = kling_sandbox::Clock::manual();
        let sandbox = sandbox.clock(clock.clone()).start().await.unwrap();
        let clock = support::Jumping::over(&clock);
        let client = Client::builder(sandbox.api_key())
            .base_url(sandbox.base_url())
            .clock(support::Guarded(clock.clone()))
            .look_up_at(MOMENTS.map(Duration::from_secs))
            .build()
            .unwrap();
        Self { sandbox, clock, client }
    }

    /// Submits once, with these faults waiting for the POSTs; `time_passes` where one of them waits for the clock.
    async fn meet(&self, faults: impl IntoIterator<Item = Fault>, request: Request, time_passes: bool) -> Met {
        let sandbox = &self.sandbox;
        let (whole, tasks, sleeps) =
            (sandbox.posts_received_whole(), sandbox.tasks_charged(), self.clock.sleeps().len());
        faults.into_iter().for_each(|fault| sandbox.fault_next(Endpoint::Create, fault));
        let id = request.external_task_id().unwrap().to_owned();
        let submit = async {
            let result = self.client.submit(request).await;
            result.map(|task| task.id().to_owned()).map_err(|error| {
                assert_eq!(error.external_task_id(), Some(&*id), "{error}");
                assert_eq!(error.may_have_been_charged(), error.kind() == ErrorKind::Ambiguous, "{error}");
                error.kind()
            })
        };
        let pass_time = async {
            if !time_passes {
                std::future::pending::<()>().await;
            }
            loop {
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                sandbox.clock().advance(Duration::from_secs(1));
            }
        };
        let outcome = tokio::select! {
            outcome = submit => outcome,
            () = pass_time => unreachable!("time has no end"),
        };
        sandbox.clear_faults();
        let made = sandbox.tasks().split_off(tasks);
        assert!(made.iter().all(|entry| entry.external_id.as_deref() == Some(&id)), "{made:?}");
        if let Ok(task) = &outcome {
            assert!(made.iter().any(|entry| entry.id == *task), "{task} is not among {made:?}");
        }
        let whole = sandbox.posts_received_whole() - whole;
        Met { outcome, whole, charged: made.len(), paused: self.clock.sleeps().len() > sleeps }
    }
}

/// Submits once, to a gateway of its own, with the fault waiting for it.
async fn meet(named: &NamedFault, image: Image, resolves: bool) -> Met {
    // Not where the gateway says of its own task that there is none: it then refuses the id that it knows.
    let duplicates = !(named.fault.is_charged() && named.tells == Tells::NoTask);
    let line = Line::start(resolves, duplicates).await;
    let waits = ["silence", "slow", "delayed"].iter().any(|name| named.name.starts_with(name));
    line.meet([named.fault.clone()], support::request_of([image]), waits).await
}

fn url() -> Image {
    Image::url("https://example.com/cat.png")
}

/// A picture of which the sockets on the way do not hold a half: the sender's has 4 MB at most on Linux, and the sandbox's
/// what it is told.
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
            // Retried only where the server said that no task was made, or never had it whole, or after look-ups.
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
async fn a_large_body_that_is_cut_before_its_sender_is_rid_of_it_is_sent_again_and_paid_once() {
    let line = Line::to(Sandbox::builder().duplicates(true).receive_buffer(64 * 1024)).await;
    let request = || support::request_of([large()]);
    for after in [0, 1, 1000, 1_000_000, 6_000_000] {
        let met = line.meet([Fault::cut_body(after)], request(), false).await;
        assert!(met.outcome.is_ok() && met.charged == 1 && met.whole == 1, "after {after}: {met:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_cut_after_any_of_its_bytes_is_paid_only_if_a_task_is_returned() {
    let line = Line::start(true, true).await;
    let request = || support::request_of([url()]);
    let mut beyond = 0;
    for bytes in 0.. {
        let met = line.meet([Fault::cut_connection(bytes)], request(), false).await;
        assert!(met.is_honest() && met.charged == 0 && met.whole <= 1, "after {bytes}: {met:?}");
        // Its sender had handed all of it to the system, and cannot know where it was cut.
        assert_eq!(met.outcome, Err(ErrorKind::Ambiguous), "after {bytes}: {met:?}");
        beyond += met.whole;
        if beyond == 3 {
            assert!(bytes > 300, "a head and a body have more than {bytes} bytes");
            return;
        }
        assert_eq!(beyond > 0, met.whole == 1, "after {bytes}: what is cut later arrives, too");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_after_any_of_its_bytes_is_paid_once_and_gives_the_task() {
    let line = Line::start(true, true).await;
    let request = || support::request_of([url()]);
    let mut arrived = 0;
    for bytes in 0.. {
        let met = line.meet([Fault::cut_response(bytes)], request(), false).await;
        assert!(met.is_honest() && met.outcome.is_ok() && met.whole == 1, "after {bytes}: {met:?}");
        arrived += usize::from(!met.paused);
        assert_eq!(arrived > 0, !met.paused, "after {bytes}: it is looked for, or the answer was there: {met:?}");
        if arrived == 3 {
            assert!(bytes > 200, "a head and a task have more than {bytes} bytes");
            return;
        }
    }
}

#[tokio::test]
async fn a_body_of_many_pictures_that_is_cut_anywhere_is_paid_at_most_once() {
    let picture = |bytes| {
        let mut picture = std::fs::read(support::picture("cat.png")).unwrap();
        picture.resize(bytes, 7);
        Image::bytes(picture)
    };
    let request = || support::request_of([700_000, 900_001, 800_002, 900_000].map(picture));
    let line = Line::start(true, true).await;
    line.meet([], request(), false).await;
    let length = line.sandbox.requests()[0].body.length;
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let anywhere = (0..32).map(|_| random.u64(..length)).collect::<Vec<_>>();
    for bytes in anywhere.into_iter().chain(length - 20..=length + 1) {
        let met = line.meet([Fault::cut_body(bytes)], request(), false).await;
        let case = format!("after {bytes} of {length} (seed {seed}): {met:?}");
        // Sent again only if the first had not arrived whole.
        assert!(met.is_honest() && met.whole <= 1 && (met.outcome.is_ok() == (met.charged == 1)), "{case}");
        assert_eq!(met.charged == 0, met.outcome == Err(ErrorKind::Ambiguous), "{case}");
    }
}

/// What may go wrong with one POST, without the server saying what is not true.
fn any_fault(random: &mut fastrand::Rng) -> Fault {
    let answer = |status, body: &'static str| Fault::response(ScriptedResponse::new(status).body(body));
    let plain = [
        Fault::hang_up(),
        Fault::hang_up().charged(),
        Fault::hang_up().charged().hidden_for(Duration::from_secs(20)),
        answer(502, "<html>"),
        answer(502, "<html>").charged(),
        answer(200, "{}").charged(),
        answer(429, r#"{"code":1303,"message":"parallel task over resource pack limit"}"#),
        answer(429, r#"{"code":1102,"message":"account balance not enough"}"#),
        answer(429, "<html><title>429 Too Many Requests</title></html>").charged(),
        answer(429, "").charged().hidden_for(Duration::from_secs(20)),
        Fault::early(ScriptedResponse::new(429)),
        Fault::redirect(307, Target::Itself).charged(),
    ];
    match random.u8(..9) {
        0 | 1 => Fault::cut_connection(random.u64(..700)),
        2 => Fault::cut_body(random.u64(..400)),
        3 | 4 => Fault::cut_response(random.u64(..500)),
        _ => plain[random.usize(..plain.len())].clone(),
    }
}

#[test]
fn whatever_goes_wrong_one_after_the_other_nothing_is_paid_twice_or_called_unpaid_when_paid() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let line = runtime.block_on(Line::start(true, true));
    let request = || support::request_of([url()]);
    for seed in 0..300 {
        let random = &mut fastrand::Rng::with_seed(seed);
        let faults: Vec<_> = (0..random.usize(..4)).map(|_| any_fault(random)).collect();
        let met = runtime.block_on(line.meet(faults.clone(), request(), false));
        assert!(met.is_honest() && met.outcome.is_ok() == (met.charged == 1), "seed {seed}: {faults:?}: {met:?}");
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
        sandbox.fault_next(Endpoint::Create, fault);
        let client = support::client(&sandbox).build().unwrap();
        let request = support::request();
        let id = request.external_task_id().unwrap().to_owned();
        // Dropped at the first moment at which the server may have the request.
        tokio::select! {
            biased;
            () = sandbox.until(|sandbox| sandbox.posts_begun() > 0 && (sandbox.posts_received_whole() > 0 || !charged)) => {}
            _ = client.submit(request) => {}
        }
        sandbox.until(|sandbox| sandbox.tasks_charged() > 0 || !charged).await;
        let found = client.find_task(support::OPERATION, &id).await.unwrap();
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
    let client = support::client(&sandbox)
        .max_attempts(1000)
        .retry_budget(Duration::from_secs(600))
        .clock(jumping)
        .build()
        .unwrap();
    client.submit(support::request()).await.unwrap();
    client.submit(support::request()).await.unwrap();
    assert_eq!(sandbox.tasks_charged(), 2);

    let once = support::client(&sandbox).build().unwrap();
    let error = once.submit(support::request()).await.unwrap_err();
    assert!(error.is_retryable() && error.code() == Some("1303") && error.kind() == ErrorKind::Rejected, "{error}");
}

/// The faults of README's table, in its order.
const SHOWN: [&str; 17] = [
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
    "429-html+charged",
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
