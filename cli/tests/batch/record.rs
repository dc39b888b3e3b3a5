//! Proves what the record promises by itself: each change once, whoever makes it and however often it is told.

mod support;

use kling_batch::{Detail, Event, Format, JobRequest, NewJob, Ordered, State, Store, Units, export};
use kling_client::Operation;
use support::{agrees, directory};

const HERE: &str = "http://127.0.0.1:1";

fn new(number: i64) -> NewJob {
    NewJob {
        line: number,
        name: None,
        external_id: None,
        operation: Operation::MultiImageToVideo,
        request: "{}".into(),
        request_hash: format!("hash {number}"),
        output: format!("/videos/{number}.mp4"),
        estimate: Units::from_thousandths(2000),
    }
}

async fn store(name: &str) -> Store {
    Store::open(directory(name).join("kling.db").to_str().unwrap()).await.unwrap()
}

fn task(id: &str) -> Detail {
    Detail { task: Some((id.into(), "{}".into())), ..Detail::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_never_claim_one_job_twice() {
    let path = directory("claims").join("kling.db");
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    let batch = store.new_batch("b", None, None).await.unwrap();
    store.insert(batch, (0..30).map(new).collect(), true).await.unwrap();
    store.set_places(100).await.unwrap();
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..4 {
        // Each with connections of its own, as a process of its own.
        let store = Store::open(path.to_str().unwrap()).await.unwrap();
        workers.spawn(async move {
            let mut claimed = Vec::new();
            while let Some(job) = store.claim(&format!("w{worker}"), HERE).await.unwrap() {
                claimed.push(job.id);
            }
            claimed
        });
    }
    let mut claimed = workers.join_all().await.concat();
    claimed.sort_unstable();
    assert_eq!(claimed, (1..=30).collect::<Vec<_>>());
    agrees(&store).await;
}

#[tokio::test]
async fn an_event_told_twice_or_too_late_changes_nothing() {
    let store = store("twice").await;
    let batch = store.new_batch("b", None, None).await.unwrap();
    store.insert(batch, vec![new(1)], true).await.unwrap();
    let job = store.claim("w", HERE).await.unwrap().unwrap();
    for (attempt, event, detail, state) in [
        (job.attempt + 1, Event::Accept, task("t"), None),
        (job.attempt, Event::End, Detail::default(), None),
        (job.attempt, Event::Accept, task("t"), Some(State::Accepted)),
        (job.attempt, Event::Accept, task("other"), None),
        (job.attempt, Event::Lose, Detail::default(), None),
        (job.attempt, Event::Return, Detail::default(), None),
        (job.attempt, Event::Drop, Detail::default(), None),
        (job.attempt, Event::End, Detail { settled: "1.5".parse().ok(), ..Detail::default() }, Some(State::Finished)),
        (job.attempt, Event::End, Detail { settled: "9".parse().ok(), ..Detail::default() }, None),
        (
            job.attempt,
            Event::Deliver,
            Detail { file: Some((3, "abc".into())), ..Detail::default() },
            Some(State::Delivered),
        ),
        (job.attempt, Event::Fail, Detail::default(), None),
    ] {
        assert_eq!(store.tell(job.id, attempt, event, &detail).await.unwrap(), state, "{event:?}");
    }
    let job = store.job(job.id).await.unwrap().unwrap();
    assert_eq!((job.task_id.as_deref(), job.booked.to_string().as_str(), job.file_size), (Some("t"), "1.5", Some(3)));
    let states: Vec<_> = store.history(job.id).await.unwrap().into_iter().map(|step| step.state).collect();
    assert_eq!(states, [State::Intended, State::Sending, State::Accepted, State::Finished, State::Delivered]);
    agrees(&store).await;
}

#[tokio::test]
async fn what_the_api_told_stands_beside_what_was_made_of_it() {
    let store = store("told").await;
    let batch = store.new_batch("b", None, None).await.unwrap();
    store.insert(batch, vec![new(1)], true).await.unwrap();
    let job = store.claim("w", HERE).await.unwrap().unwrap();
    let told = |word: &str, at| Some((word.to_owned(), at));
    for (event, status) in [(Event::Accept, told("submitted", Some(7))), (Event::Fail, told("failed", None))] {
        let detail = Detail { status, ..Detail::default() };
        assert!(store.tell(job.id, job.attempt, event, &detail).await.unwrap().is_some());
    }
    let history = store.history(job.id).await.unwrap();
    let found: Vec<_> = history.into_iter().map(|step| (step.state, step.status, step.status_at)).collect();
    let expected = [
        (State::Intended, None, None),
        (State::Sending, None, None),
        (State::Accepted, Some("submitted".to_owned()), Some(7)),
        (State::Failed, Some("failed".to_owned()), None),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn each_word_of_the_api_is_kept_once_and_none_after_the_end() {
    let store = store("words").await;
    let batch = store.new_batch("b", None, None).await.unwrap();
    store.insert(batch, vec![new(1)], true).await.unwrap();
    let job = store.claim("w", HERE).await.unwrap().unwrap();
    store.tell(job.id, job.attempt, Event::Accept, &task("t")).await.unwrap();
    let detail = |word: &str| Detail { status: Some((word.to_owned(), None)), ..Detail::default() };
    for (attempt, event, word, state) in [
        (1, None, "submitted", Some(State::Accepted)),
        (2, None, "processing", None),
        (1, None, "processing", Some(State::Accepted)),
        (1, None, "processing", None),
        (1, Some(Event::End), "succeed", Some(State::Finished)),
        (1, None, "processing", None),
    ] {
        assert_eq!(store.tell(job.id, attempt, event, &detail(word)).await.unwrap(), state, "{word}");
    }
    let words = store.history(1).await.unwrap().into_iter().filter_map(|step| step.status).collect::<Vec<_>>();
    assert_eq!(words, ["submitted", "processing", "succeed"]);
    agrees(&store).await;
}

#[tokio::test]
async fn an_older_record_is_brought_up_to_date_with_all_that_stands_in_it() {
    let path = directory("older").join("kling.db");
    let path = path.to_str().unwrap();
    let store = Store::open(path).await.unwrap();
    let batch = store.new_batch("b", None, None).await.unwrap();
    let request =
        r#"{"images":["https://example.com/a.png"],"prompt":"x","mode":"std","duration":"5","model":"kling-v1-6"}"#;
    store.insert(batch, vec![NewJob { request: request.into(), ..new(1) }], true).await.unwrap();
    let saved = r#"{"base_url":"http://127.0.0.1:1","task_id":"t","made_at_ms":7,"expected_ms":9}"#;
    let job = store.claim("w", HERE).await.unwrap().unwrap();
    let detail = Detail { task: Some(("t".into(), saved.into())), ..Detail::default() };
    store.tell(job.id, job.attempt, Event::Accept, &detail).await.unwrap();
    drop(store);
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{path}")).await.unwrap();
    for sql in [
        "ALTER TABLE history DROP COLUMN status",
        "ALTER TABLE history DROP COLUMN status_at",
        "ALTER TABLE batches DROP COLUMN folder",
        "ALTER TABLE jobs DROP COLUMN operation",
        "DELETE FROM kling_batch_migrations WHERE version >= 2",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    pool.close().await;
    let store = Store::open(path).await.unwrap();
    let history = store.history(1).await.unwrap();
    assert_eq!((history.len(), history[0].state, &history[0].status), (3, State::Intended, &None));
    let job = store.job(1).await.unwrap().unwrap();
    let saved = job.saved().unwrap();
    assert_eq!((saved.operation, saved.created_at_ms, saved.expected_ms), (job.operation.clone(), Some(7), Some(9)));
    let request = JobRequest::read(&job.operation, &job.request).unwrap();
    assert_eq!(request.operation, Operation::MultiImageToVideo);
    assert_eq!(request.request("id").unwrap().external_task_id(), Some("id"));
    assert_eq!(
        store.open_folders().await.unwrap(),
        Vec::<std::path::PathBuf>::new(),
        "nobody knows where its report is"
    );
}

#[tokio::test]
async fn a_budget_is_that_of_one_batch_which_is_named_where_there_are_more() {
    let store = store("budgets").await;
    let units = |units: &str| units.parse::<Units>().unwrap();
    assert_eq!(store.set_budget(None, units("9")).await.unwrap(), None, "there is nothing to send");
    let first = store.new_batch("first", Some(units("1")), None).await.unwrap();
    let sent = store.new_batch("sent", Some(units("1")), None).await.unwrap();
    store.insert(first, vec![new(1)], true).await.unwrap();
    assert_eq!(store.set_budget(None, units("2")).await.unwrap(), Some(first));
    let second = store.new_batch("second", None, None).await.unwrap();
    store.insert(second, vec![new(3)], true).await.unwrap();
    let refused = store.set_budget(None, units("3")).await.unwrap_err();
    assert!(refused.message().contains(&format!("[{first}, {second}]")), "{refused}");
    assert!(store.set_budget(Some(99), units("3")).await.unwrap_err().message().contains("given 99"));
    assert_eq!(store.set_budget(Some(second), units("4")).await.unwrap(), Some(second));
    let budgets: Vec<_> = store.batches().await.unwrap().into_iter().map(|batch| batch.budget).collect();
    assert_eq!(budgets, [Some(units("2")), Some(units("1")), Some(units("4"))], "that of {sent} is left alone");
}

#[tokio::test]
async fn what_a_dead_worker_was_sending_is_ambiguous_and_its_late_answer_still_counts() {
    let store = store("dead").await;
    let batch = store.new_batch("b", None, None).await.unwrap();
    store.insert(batch, (1..=3).map(new).collect(), true).await.unwrap();
    store.beat("dead").await.unwrap();
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(store.claim("dead", HERE).await.unwrap().unwrap());
    }
    let (_, beats) = store.beats().await.unwrap().into_iter().find(|(id, _)| id == "dead").unwrap();
    store.beat("dead").await.unwrap();
    assert_eq!(store.bury(&[("dead".into(), beats)]).await.unwrap(), 0, "it beat once more: it is alive");
    assert_eq!(store.bury(&[("dead".into(), beats + 1)]).await.unwrap(), 3);
    assert_eq!(support::states(&store).await, [State::Ambiguous; 3]);
    assert!(store.claim("other", HERE).await.unwrap().is_none(), "what may be paid is never sent again");
    agrees(&store).await;

    let late = |at: usize, event, detail| {
        let (store, job) = (store.clone(), sent[at].clone());
        async move { store.tell(job.id, job.attempt, event, &detail).await.unwrap() }
    };
    assert_eq!(late(0, Event::Accept, task("t")).await, Some(State::Accepted));
    assert_eq!(late(1, Event::Return, Detail::default()).await, Some(State::Failed));
    assert_eq!(late(2, Event::Refuse, Detail::default()).await, Some(State::Failed));
    agrees(&store).await;
}

#[tokio::test]
async fn batches_take_turns_and_a_budget_is_never_passed() {
    let store = store("turns").await;
    let small = store.new_batch("small", "5".parse().ok(), None).await.unwrap();
    let large = store.new_batch("large", None, None).await.unwrap();
    store.insert(large, (1..=4).map(new).collect(), true).await.unwrap();
    store.insert(small, (5..=8).map(new).collect(), true).await.unwrap();
    store.set_places(100).await.unwrap();
    let mut served = Vec::new();
    while let Some(job) = store.claim("w", HERE).await.unwrap() {
        served.push(job.batch);
    }
    assert_eq!(served, [small, large, small, large, large, large]);
    assert_eq!(store.capped().await.unwrap(), [small]);
    let budget = |units: &str| store.set_budget(None, units.parse().unwrap());
    budget("7.999").await.unwrap();
    let next = store.claim("w", HERE).await.unwrap();
    assert_eq!(next.map(|job| job.batch), Some(small));
    assert!(store.claim("w", HERE).await.unwrap().is_none());
    agrees(&store).await;
}

#[tokio::test]
async fn places_are_held_from_before_the_order_to_the_end_of_the_task() {
    let store = store("places").await;
    let batch = store.new_batch("b", None, None).await.unwrap();
    store.insert(batch, (1..=9).map(new).collect(), true).await.unwrap();
    store.set_places(2).await.unwrap();
    let first = store.claim("a", HERE).await.unwrap().unwrap();
    let second = store.claim("b", HERE).await.unwrap().unwrap();
    assert!(store.claim("c", HERE).await.unwrap().is_none());
    store.tell(first.id, first.attempt, Event::Accept, &task("t")).await.unwrap();
    assert!(store.claim("c", HERE).await.unwrap().is_none(), "its task runs");
    store.tell(first.id, first.attempt, Event::End, &Detail::default()).await.unwrap();
    let third = store.claim("c", HERE).await.unwrap().unwrap();
    // Refused for too many, while one other runs.
    let crowded = Detail { crowded: true, ..Detail::default() };
    store.tell(third.id, third.attempt, Event::Return, &crowded).await.unwrap();
    let (places, running) = store.places().await.unwrap();
    assert_eq!((places.allowed, places.most, running), (1, 2, 1));
    assert!(store.claim("c", HERE).await.unwrap().is_none());
    store.tell(second.id, second.attempt, Event::Return, &Detail::default()).await.unwrap();
    let again = store.claim("c", HERE).await.unwrap().unwrap();
    assert_eq!((again.id, again.attempt, again.external_id), (second.id, second.attempt + 1, second.external_id));
}

#[tokio::test]
async fn a_retry_is_another_purchase_and_an_ambiguous_one_needs_insistence() {
    let store = store("retry").await;
    let batch = store.new_batch("b", None, None).await.unwrap();
    store.insert(batch, vec![new(1), new(2)], true).await.unwrap();
    let lost = store.claim("w", HERE).await.unwrap().unwrap();
    store.tell(lost.id, lost.attempt, Event::Lose, &Detail::default()).await.unwrap();
    let refused = store.retry(lost.id, false).await.unwrap_err();
    assert!(refused.hint().unwrap().contains(&lost.external_id), "{refused}");
    let by = store.retry(lost.id, true).await.unwrap();
    assert!(store.retry(lost.id, true).await.is_err(), "once is enough");
    let new = store.job(by).await.unwrap().unwrap();
    assert_ne!(new.external_id, lost.external_id);
    assert_eq!((new.retry_of, new.state), (Some(lost.id), State::Intended));
    // The first keeps its booking, and its task is taken if it is found after all.
    let found = store.tell(lost.id, lost.attempt, Event::Accept, &task("t")).await.unwrap();
    assert_eq!(found, Some(State::Accepted));
    for (job, what) in [(2, "intended"), (lost.id, "anew before"), (99, "there is none")] {
        let refused = store.retry(job, true).await.unwrap_err();
        assert!(refused.message().contains(what), "{refused}");
    }
    store.drop_job(2).await.unwrap();
    assert!(store.drop_job(lost.id).await.unwrap_err().message().contains("no cancel"));
    agrees(&store).await;
}

#[tokio::test]
async fn one_leads_and_another_takes_over_when_it_is_gone() {
    let store = store("lead").await;
    store.beat("a").await.unwrap();
    store.beat("b").await.unwrap();
    assert!(store.lead("a").await.unwrap());
    assert!(!store.lead("b").await.unwrap());
    assert!(store.lead("a").await.unwrap());
    store.leave("a").await.unwrap();
    assert!(store.lead("b").await.unwrap());
}

#[tokio::test]
async fn the_same_work_is_written_once_even_within_one_manifest() {
    let store = store("once").await;
    let batch = store.new_batch("b", None, None).await.unwrap();
    let known = store.insert(batch, vec![new(1), new(1), new(2)], true).await.unwrap();
    assert_eq!(known.iter().map(|(new, job)| (new.line, *job)).collect::<Vec<_>>(), [(1, 1)]);
    assert!(store.insert(batch, vec![new(1)], false).await.unwrap().is_empty(), "the user insists");
    let outputs: Vec<_> = support::jobs(&store).await.into_iter().map(|job| job.output).collect();
    assert_eq!(outputs, ["/videos/1.mp4", "/videos/2.mp4", "/videos/1-3.mp4"], "no two write one file");
    let taken = NewJob { external_id: Some("mine".into()), ..new(7) };
    store.insert(batch, vec![taken], true).await.unwrap();
    let taken = NewJob { external_id: Some("mine".into()), ..new(8) };
    assert!(store.insert(batch, vec![taken], true).await.is_err());
}

#[tokio::test]
async fn no_cell_of_a_table_is_a_formula() {
    let store = store("formulas").await;
    let batch = store.new_batch("b", None, None).await.unwrap();
    let texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "a=1", "1-1", " =1"];
    let jobs = texts.iter().enumerate().map(|(number, text)| NewJob {
        name: Some((*text).to_owned()),
        external_id: Some(format!("{text}{number}")),
        ..new(number as i64)
    });
    store.insert(batch, jobs.collect(), true).await.unwrap();
    let (mut csv, mut json) = (Vec::new(), Vec::new());
    export(&store, Format::Csv, &mut csv).await.unwrap();
    export(&store, Format::Json, &mut json).await.unwrap();
    let rows: Vec<Vec<String>> = csv::Reader::from_reader(&csv[..]).deserialize().map(Result::unwrap).collect();
    let json: Vec<serde_json::Value> =
        serde_json::Deserializer::from_slice(&json).into_iter().map(Result::unwrap).collect();
    assert_eq!((rows.len(), json.len()), (texts.len(), texts.len()));
    for ((number, text), (row, json)) in texts.iter().enumerate().zip(rows.iter().zip(&json)) {
        let apostrophe = if number < 6 { "'" } else { "" };
        assert_eq!((&row[3], &row[5]), (&format!("{apostrophe}{text}"), &format!("{apostrophe}{text}{number}")));
        assert_eq!(json["name"], *text);
        assert!(row.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn single_orders_never_promise_more_than_the_budget_however_many_come_at_once() {
    let path = directory("orders").join("kling.db");
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    let batch = store.batch_named("agents", Units::from_thousandths(7000)).await.unwrap();
    let mut agents = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = Store::open(path.to_str().unwrap()).await.unwrap();
        // Each work is asked for twice.
        agents.spawn(async move { store.order(batch, new(number / 2), true).await.unwrap() });
    }
    let (mut made, mut known, mut left) = (Vec::new(), 0, Vec::new());
    for ordered in agents.join_all().await {
        match ordered {
            Ordered::New(job) => made.push(job.request_hash),
            Ordered::Known(_) => known += 1,
            Ordered::TooDear(units) => left.push(units.thousandths()),
        }
    }
    made.sort_unstable();
    made.dedup();
    assert_eq!((made.len(), known, left), (3, 3, vec![1000, 1000]));
    // What is booked counts as what is intended does; the name finds the batch again, with another budget.
    store.claim("w", HERE).await.unwrap().unwrap();
    assert_eq!(store.batch_named("agents", Units::from_thousandths(8000)).await.unwrap(), batch);
    assert!(matches!(store.order(batch, new(10), true).await.unwrap(), Ordered::New(_)));
    assert!(
        matches!(store.order(batch, new(11), true).await.unwrap(), Ordered::TooDear(left) if left.thousandths() == 0)
    );
    let unbounded = store.new_batch("b", None, None).await.unwrap();
    assert!(matches!(store.order(unbounded, new(11), true).await.unwrap(), Ordered::New(_)));
    agrees(&store).await;
}
