//! Claims of the record: each change once, each claim by the rules, whatever happened to the process before.
#![cfg(feature = "batch")]

mod support_batch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kling_cli::batch::{Added, Back, Cause, Claim, Detail, Event, Job, NewBatch, NewJob, State, Store, Units};
use kling_client::{Clock as _, ErrorKind, Operation, TestClock};
use support_batch::{agrees, directory, jobs, states};

const HERE: &str = "http://127.0.0.1:1";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn new(number: i64) -> NewJob {
    NewJob {
        line: number,
        name: None,
        external_id: None,
        operation: Operation::TextToVideo,
        model: "kling-v3".into(),
        request: "{}".into(),
        request_hash: format!("hash {number}"),
        output: format!("/videos/{number}.mp4").into(),
        estimate: Units::from_thousandths(2000),
    }
}

/// A record with an account.
fn store(name: &str) -> (Store, i64) {
    opened(&directory(name).join("a.kling.db"))
}

fn opened(path: &Path) -> (Store, i64) {
    let store = Store::open(path).unwrap();
    let account = store.account(HERE, "key").unwrap();
    store.set_places(account, 100).unwrap();
    (store, account)
}

fn add(store: &Store, name: &str, budget: Option<Units>, jobs: Vec<NewJob>, once: bool) -> Result<i64, String> {
    let batch = NewBatch { name, budget, source: Path::new("/in"), out_dir: Path::new("/videos") };
    let added = store.add_batch(&batch, once, jobs.into_iter().map(Ok), |_, _| {});
    added.map_err(|failure| failure.to_string())
}

fn batch(store: &Store, jobs: Vec<NewJob>) -> i64 {
    add(store, "b", None, jobs, true).unwrap()
}

fn claim(store: &Store, account: i64) -> Option<Job> {
    match store.claim(account, &[]).unwrap() {
        Claim::Job(job) => Some(*job),
        _ => None,
    }
}

fn task(id: &str) -> Detail {
    Detail { task: Some((id.into(), "{}".into())), ..Detail::default() }
}

fn units(units: &str) -> Units {
    units.parse().unwrap()
}

#[test]
fn an_event_twice_or_too_late_changes_nothing() {
    let (store, account) = store("twice");
    batch(&store, vec![new(1)]);
    let job = claim(&store, account).unwrap();
    let file = Detail { file: Some((3, "abc".into())), ..Detail::default() };
    let settled = |units: &str| Detail { settled: units.parse().ok(), ..Detail::default() };
    for (attempt, event, detail, state) in [
        (job.attempt + 1, Event::Accept, task("t"), None),
        (job.attempt, Event::End, Detail::default(), None),
        (job.attempt, Event::Accept, task("t"), Some(State::Accepted)),
        (job.attempt, Event::Accept, task("other"), None),
        (job.attempt, Event::Lose, Detail::default(), None),
        (job.attempt, Event::Return, Detail::default(), None),
        (job.attempt, Event::Drop, Detail::default(), None),
        (job.attempt, Event::End, settled("1.5"), Some(State::Finished)),
        (job.attempt, Event::End, settled("9"), None),
        (job.attempt, Event::Deliver, file, Some(State::Delivered)),
        (job.attempt, Event::Fail, Detail::default(), None),
    ] {
        assert_eq!(store.apply(job.id, attempt, event, &detail).unwrap(), state, "{event:?}");
    }
    let job = store.job(job.id).unwrap().unwrap();
    assert_eq!((job.task_id.as_deref(), job.booked, job.file_size), (Some("t"), units("1.5"), Some(3)));
    let states: Vec<_> = store.history(job.id).unwrap().into_iter().map(|step| step.state).collect();
    assert_eq!(states, [State::Intended, State::Sending, State::Accepted, State::Finished, State::Delivered]);
    agrees(&store);
}

#[test]
fn each_status_of_the_api_is_kept_once_and_none_after_the_end() {
    let (store, account) = store("statuses");
    batch(&store, vec![new(1)]);
    claim(&store, account).unwrap();
    store.apply(1, 1, Event::Accept, &task("t")).unwrap();
    for (attempt, event, word, state) in [
        (1, None, "submitted", Some(State::Accepted)),
        (2, None, "processing", None),
        (1, None, "processing", Some(State::Accepted)),
        (1, None, "processing", None),
        (1, Some(Event::End), "succeed", Some(State::Finished)),
        (1, None, "processing", None),
    ] {
        let detail = Detail { status: Some((word.to_owned(), Some(7))), ..Detail::default() };
        assert_eq!(store.apply(1, attempt, event, &detail).unwrap(), state, "{word}");
    }
    let history = store.history(1).unwrap().into_iter();
    let statuses: Vec<_> = history.filter_map(|step| Some((step.status?, step.status_at))).collect();
    assert_eq!(statuses, ["submitted", "processing", "succeed"].map(|word| (word.to_owned(), Some(7))));
    agrees(&store);
}

#[test]
fn a_second_process_is_refused_with_the_pid_of_the_first_by_whatever_path_it_comes() {
    let folder = directory("lock");
    let path = folder.join("a.kling.db");
    let store = Store::open(&path).unwrap();
    std::fs::create_dir(folder.join("b")).unwrap();
    let mut paths = vec![path.clone(), folder.join("b/../a.kling.db")];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&path, folder.join("link.db")).unwrap();
        paths.push(folder.join("link.db"));
    }
    for path in &paths {
        let refused = Store::open(path).err().unwrap();
        let by = format!("process {} works on", std::process::id());
        assert_eq!((refused.kind, refused.message.contains(&by)), (ErrorKind::Invalid, true), "{refused}");
    }
    // To look at it is allowed meanwhile.
    assert!(Store::read(&path).unwrap().counts().unwrap().is_empty());
    drop(store);
    assert!(Store::open(&path).is_ok());
    assert_eq!(Store::read(&folder.join("nowhere.kling.db")).err().unwrap().kind, ErrorKind::Invalid);
}

#[test]
fn what_a_process_was_sending_when_it_died_is_ambiguous_and_never_claimed() {
    let path = directory("dead").join("a.kling.db");
    let (store, account) = opened(&path);
    batch(&store, (1..=2).map(new).collect());
    let sending = claim(&store, account).unwrap();
    drop(store);
    let (store, account) = opened(&path);
    assert_eq!(states(&store), [State::Ambiguous, State::Intended]);
    assert_eq!(claim(&store, account).map(|job| job.id), Some(2));
    assert!(claim(&store, account).is_none(), "what may be paid is never submitted again");
    // Its response may come all the same, or its task be found.
    let found = store.apply(sending.id, sending.attempt, Event::Accept, &task("t")).unwrap();
    assert_eq!(found, Some(State::Accepted));
    agrees(&store);
}

#[test]
fn batches_take_turns_and_none_passes_its_budget_though_a_cheaper_job_may_still_fit() {
    let (store, account) = store("turns");
    let cheap = NewJob { estimate: units("0.5"), ..new(9) };
    let small = add(&store, "small", Some(units("5")), (5..=8).map(new).chain([cheap]).collect(), true).unwrap();
    let large = batch(&store, (1..=4).map(new).collect());
    let served: Vec<_> = std::iter::from_fn(|| claim(&store, account)).map(|job| (job.batch, job.line)).collect();
    assert_eq!(served, [(small, 5), (large, 1), (small, 6), (large, 2), (small, 9), (large, 3), (large, 4)]);
    assert_eq!(store.capped().unwrap(), [small]);
    store.set_budget(None, units("7.999")).unwrap();
    assert_eq!(claim(&store, account).map(|job| job.line), Some(7));
    assert!(claim(&store, account).is_none());
    agrees(&store);
}

#[test]
fn a_budget_is_that_of_one_batch_which_is_named_where_there_are_more() {
    let (store, _) = store("budgets");
    let add = |name: &str, jobs| add(&store, name, Some(units("1")), jobs, true).unwrap();
    assert_eq!(store.set_budget(None, units("9")).unwrap(), None, "nothing is to be submitted");
    let free = NewJob { estimate: Units::default(), ..new(9) };
    let (first, empty) = (add("first", vec![new(1)]), add("empty", vec![]));
    assert_eq!(store.set_budget(None, units("2")).unwrap(), Some(first));
    let second = add("second", vec![new(3)]);
    let refused = store.set_budget(None, units("3")).unwrap_err();
    assert!(refused.message.contains(&format!("[{first}, {second}]")), "{refused}");
    assert!(store.set_budget(Some(99), units("3")).unwrap_err().message.contains("given 99"));
    assert_eq!(store.set_budget(Some(second), units("4")).unwrap(), Some(second));
    let budgets: Vec<_> = store.batches().unwrap().into_iter().map(|batch| batch.budget).collect();
    assert_eq!(budgets, [Some(units("2")), Some(units("1")), Some(units("4"))], "that of {empty} stays");
    let unpriced = add("unpriced", vec![free]);
    let refused = store.set_budget(Some(unpriced), units("9")).unwrap_err();
    assert!(refused.message.contains("1 jobs without a known price"), "{refused}");
}

#[test]
fn a_job_that_rests_blocks_no_other_and_a_date_that_jumps_no_job() {
    let path = directory("rests").join("a.kling.db");
    let clock = TestClock::default();
    let store = Store::open_with(&path, Arc::new(clock.clone())).unwrap();
    let account = store.account(HERE, "key").unwrap();
    batch(&store, (1..=3).map(new).collect());
    let at = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64;
    let back = |rest: Duration| {
        let back = Back { cause: Cause::Busy, not_before: at(clock.wall() + rest) };
        Detail { back: Some(back), ..Detail::default() }
    };
    let first = claim(&store, account).unwrap();
    store.apply(first.id, first.attempt, Event::Return, &back(Duration::from_secs(60))).unwrap();
    assert_eq!(claim(&store, account).map(|job| job.id), Some(2));
    assert_eq!(claim(&store, account).map(|job| job.id), Some(3));
    assert!(matches!(store.claim(account, &[]).unwrap(), Claim::Later(Some(date)) if date > at(clock.wall())));
    clock.advance(Duration::from_secs(61));
    let again = claim(&store, account).unwrap();
    assert_eq!((again.id, again.attempt, again.external_id), (1, 2, first.external_id));
    assert_eq!(store.came_back(1, Cause::Busy).unwrap(), 1);
    // By a clock that was 400 days ahead it rests until then; that is no rest of this program's.
    store.apply(1, 2, Event::Return, &back(400 * DAY)).unwrap();
    assert_eq!(claim(&store, account).map(|job| job.id), Some(1));
}

#[test]
fn a_halt_of_one_model_leaves_the_others() {
    let (store, account) = store("halts");
    let other =
        |number: i64, operation: Operation, model: &str| NewJob { operation, model: model.into(), ..new(number) };
    let jobs = vec![
        new(1),
        other(2, Operation::ImageToVideo, "kling-v3"),
        other(3, Operation::TextToVideo, "kling-v2-6"),
        other(4, Operation::TextToVideo, "kling-v3"),
    ];
    batch(&store, jobs);
    let halted = [("text2video".to_owned(), "kling-v3".to_owned())];
    let mut lines = Vec::new();
    while let Claim::Job(job) = store.claim(account, &halted).unwrap() {
        lines.push(job.line);
    }
    assert_eq!(lines, [2, 3]);
    assert!(matches!(store.claim(account, &halted).unwrap(), Claim::Nothing));
    assert_eq!(claim(&store, account).map(|job| job.line), Some(1));
}

#[test]
fn places_are_taken_from_the_claim_to_the_end_of_the_task_by_account() {
    let (store, account) = store("places");
    batch(&store, (1..=9).map(new).collect());
    store.set_places(account, 2).unwrap();
    let (first, second) = (claim(&store, account).unwrap(), claim(&store, account).unwrap());
    assert!(matches!(store.claim(account, &[]).unwrap(), Claim::Later(None)));
    store.apply(first.id, first.attempt, Event::Accept, &task("t")).unwrap();
    assert!(claim(&store, account).is_none(), "its task runs");
    store.apply(first.id, first.attempt, Event::End, &Detail::default()).unwrap();
    let third = claim(&store, account).unwrap();
    // Rejected as too many, while one other runs.
    let crowded = Detail { back: Some(Back { cause: Cause::Crowded, not_before: 0 }), ..Detail::default() };
    store.apply(third.id, third.attempt, Event::Return, &crowded).unwrap();
    let (places, running) = store.places(account).unwrap();
    assert_eq!((places.allowed, places.most, running), (1, 2, 1));
    assert!(claim(&store, account).is_none());
    store.apply(second.id, second.attempt, Event::Return, &Detail::default()).unwrap();
    assert_eq!(claim(&store, account).map(|job| (job.id, job.attempt)), Some((second.id, second.attempt + 1)));
}

#[test]
fn the_jobs_of_one_account_are_never_anothers_unless_the_user_says_so() {
    let (store, here) = store("accounts");
    batch(&store, (1..=4).map(new).collect());
    let first = claim(&store, here).unwrap();
    store.apply(first.id, first.attempt, Event::Accept, &task("t")).unwrap();
    for (base_url, key) in [("http://127.0.0.1:2", "key"), (HERE, "another key")] {
        let other = store.account(base_url, key).unwrap();
        assert_ne!(other, here);
        assert_eq!(store.places(other).unwrap().1, 0, "its places are its own");
        assert!(matches!(store.claim(other, &[]).unwrap(), Claim::Nothing));
        assert!(store.ids_in(State::Accepted, other).unwrap().is_empty(), "its tasks are not polled");
    }
    assert_eq!(store.account(HERE, "key").unwrap(), here);
    // The rest at another account.
    let other = store.account(HERE, "another key").unwrap();
    assert_eq!(store.move_batches(other).unwrap(), 1);
    let second = claim(&store, other).unwrap();
    assert_eq!((second.id, second.account), (2, Some(other)));
    assert!(claim(&store, here).is_none());
    assert_eq!(store.ids_in(State::Accepted, here).unwrap(), [first.id], "what runs is where it was");
    // A key that was renewed.
    store.rename_account(other, HERE, "renewed").unwrap();
    assert_eq!(store.account(HERE, "renewed").unwrap(), other);
    let refused = store.rename_account(other, HERE, "key").unwrap_err();
    assert!(refused.message.contains("has jobs of its own"), "{refused}");
    assert!(store.rename_account(99, HERE, "nobody's").is_err());
    agrees(&store);
}

#[test]
fn a_retry_is_a_job_of_its_own_and_that_of_an_unknown_outcome_needs_insistence() {
    let (store, account) = store("retry");
    batch(&store, vec![new(1), new(2)]);
    let lost = claim(&store, account).unwrap();
    store.apply(lost.id, lost.attempt, Event::Lose, &Detail::default()).unwrap();
    let refused = store.retry(lost.id, false).unwrap_err();
    assert!(refused.hints[0].contains(&lost.external_id), "{refused}");
    let by = store.retry(lost.id, true).unwrap();
    assert!(store.retry(lost.id, true).is_err(), "once is enough");
    let retry = store.job(by).unwrap().unwrap();
    assert_ne!(retry.external_id, lost.external_id);
    assert_eq!((retry.retry_of, retry.state), (Some(lost.id), State::Intended));
    // The first keeps its booking, and its task is taken if it is found after all.
    let found = store.apply(lost.id, lost.attempt, Event::Accept, &task("t")).unwrap();
    assert_eq!(found, Some(State::Accepted));
    for (job, what) in [(2, "intended"), (lost.id, "retried before"), (99, "there is none")] {
        let refused = store.retry(job, true).unwrap_err();
        assert!(refused.message.contains(what), "{refused}");
    }
    store.drop_job(2).unwrap();
    assert!(store.drop_job(lost.id).unwrap_err().message.contains("no cancel"));
    agrees(&store);
}

#[test]
fn the_same_work_is_added_once_even_within_one_manifest() {
    let (store, _) = store("once");
    let mut known = Vec::new();
    let new_batch = NewBatch { name: "b", budget: None, source: Path::new(""), out_dir: Path::new("") };
    let jobs_of = |lines: [i64; 3]| lines.map(|line| Ok(new(line)));
    store.add_batch(&new_batch, true, jobs_of([1, 1, 2]), |job, same| known.push((job.line, same))).unwrap();
    assert_eq!(known, [(1, 1)]);
    add(&store, "b", None, vec![new(1)], false).unwrap();
    let outputs: Vec<_> = jobs(&store).into_iter().map(|job| job.output).collect();
    let expected = ["/videos/1.mp4", "/videos/2.mp4", "/videos/1-3.mp4"].map(PathBuf::from);
    assert_eq!(outputs, expected, "no two jobs write one file");
    let mine = |number| NewJob { external_id: Some("mine".into()), ..new(number) };
    batch(&store, vec![mine(7)]);
    assert!(add(&store, "b", None, vec![new(8), mine(9)], true).is_err());
    assert_eq!((jobs(&store).len(), store.batches().unwrap().len()), (4, 3), "all of them or none");
}

#[test]
fn requests_of_agents_never_book_more_than_their_budget_however_many_come_at_once() {
    let (store, account) = store("agents");
    let batch = store.agents_batch(units("7"), Path::new("/videos")).unwrap();
    // Each work is added twice.
    let added: Vec<_> = std::thread::scope(|scope| {
        let one = |number: i64| {
            scope.spawn({
                let store = &store;
                move || store.add(batch, new(number / 2), true).unwrap()
            })
        };
        (0..8).map(one).collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (mut made, mut known, mut left) = (Vec::new(), 0, Vec::new());
    for added in added {
        match added {
            Added::New(job) => made.push(job.request_hash),
            Added::Known(_) => known += 1,
            Added::TooDear(units) => left.push(units.thousandths()),
        }
    }
    made.sort_unstable();
    made.dedup();
    assert_eq!((made.len(), known, left), (3, 3, vec![1000, 1000]));
    // What is booked counts as what is intended does; a manifest of the same name is another batch.
    claim(&store, account).unwrap();
    assert_ne!(add(&store, "agents", None, vec![], true).unwrap(), batch);
    assert_eq!(store.agents_batch(units("8"), Path::new("/videos")).unwrap(), batch);
    assert!(matches!(store.add(batch, new(10), true).unwrap(), Added::New(_)));
    assert!(matches!(store.add(batch, new(11), true).unwrap(), Added::TooDear(left) if left == Units::default()));
    agrees(&store);
}

#[cfg(unix)]
#[test]
fn paths_that_are_no_utf_8_are_kept_as_they_are() {
    use std::os::unix::ffi::OsStrExt as _;
    let (store, _) = store("bytes");
    let path = |name: &[u8]| PathBuf::from(std::ffi::OsStr::from_bytes(name));
    let (source, out_dir) = (path(b"/in/\xff"), path(b"/out/\xfe"));
    let output = path(b"/out/\xfe/\xfd.mp4");
    let batch = NewBatch { name: "b", budget: None, source: &source, out_dir: &out_dir };
    let job = NewJob { output: output.clone(), ..new(1) };
    store.add_batch(&batch, true, [Ok(job)], |_, _| {}).unwrap();
    let job = jobs(&store).remove(0);
    assert_eq!((job.folder, job.output), (source, output.clone()));
    assert_eq!((store.of_output(&output).unwrap(), store.open_folders().unwrap()), (Some(1), vec![out_dir]));
}

#[test]
fn a_record_of_an_older_version_is_brought_up_to_date_with_all_that_is_in_it() {
    let path = directory("older").join("kling.db");
    let older = rusqlite::Connection::open(&path).unwrap();
    for sql in [
        include_str!("../migrations/1_record.sql"),
        include_str!("../migrations/2_told.sql"),
        include_str!("../migrations/3_operation.sql"),
    ] {
        older.execute_batch(sql).unwrap();
    }
    let request =
        r#"{"images":["https://example.com/a.png"],"prompt":"x","mode":"std","duration":"5","model":"kling-v1-6"}"#;
    let saved = r#"{"operation":"multi-image2video","base_url":"http://127.0.0.1:1","task_id":"t","created_at_ms":7}"#;
    older
        .execute_batch(&format!(
            "CREATE TABLE kling_batch_migrations (version BIGINT);
             INSERT INTO kling_batch_migrations VALUES (1), (2), (3);
             INSERT INTO batches (id, name, budget, booked, served, folder) VALUES (1, 'a', NULL, 4000, 2, '/out'),
                 (2, 'kling mcp', 9000, 0, 0, NULL);
             INSERT INTO jobs (id, batch, line, state, attempt, external_id, request, request_hash, output, estimate,
                 booked, base_url, task_id, task, begun) VALUES
                 (1, 1, 1, 'accepted', 1, 'e1', '{request}', 'h1', '/out/1.mp4', 2000, 2000, '{HERE}', 't', '{saved}', 0),
                 (2, 1, 2, 'sending', 1, 'e2', '{request}', 'h2', '/out/2.mp4', 2000, 2000, '{HERE}', NULL, NULL, 0),
                 (3, 1, 3, 'intended', 0, 'e3', '{request}', 'h3', '/out/3.mp4', 2000, 0, NULL, NULL, NULL, 0);
             INSERT INTO history (job, turn, state, at) VALUES (1, 1, 'intended', 5);
             UPDATE governor SET turn = 2, most = 3, allowed = 3;"
        ))
        .unwrap();
    drop(older);
    let store = Store::open(&path).unwrap();
    let account = store.account(HERE, "key").unwrap();
    assert_eq!(store.accounts().unwrap().len(), 1, "it is that of the gateway");
    assert_eq!(states(&store), [State::Accepted, State::Ambiguous, State::Intended]);
    assert_eq!(store.ids_in(State::Accepted, account).unwrap(), [1]);
    assert_eq!(store.places(account).unwrap().0.most, 3);
    assert_eq!(store.agents_batch(units("9"), Path::new("")).unwrap(), 2);
    let job = store.job(1).unwrap().unwrap();
    assert_eq!(job.saved().unwrap().created_at_ms, Some(7));
    //X let request = job.job_request().unwrap();
    //X assert_eq!((request.model().as_str(), request.media().len()), ("kling-v1-6", 1));
    assert_eq!(claim(&store, account).map(|job| job.id), Some(3));
    agrees(&store);
    drop(store);
    assert!(Store::open(&path).is_ok(), "once is enough");
}
