//! Each fault does what it says: seen from the other end of the connection, and in what the sandbox counts.

use std::time::Duration;

use kling_sandbox::{Clock, Endpoint, Fault, Moment, RetryAfter, ScriptedResponse, Target, Tells};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Posts a request by hand, and gives everything that comes back until the connection ends, however it does.
async fn answer_by_hand(sandbox: &Sandbox) -> Vec<u8> {
    let mut stream = connect(sandbox).await;
    let request = by_hand(sandbox).replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1);
    // It may be closed before everything is written.
    let _ = stream.write_all(request.as_bytes()).await;
    rest(&mut stream).await
}

async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

async fn with_manual_clock() -> Sandbox {
    Sandbox::builder().clock(Clock::manual()).start().await.expect("a sandbox starts")
}

#[tokio::test]
async fn a_body_is_cut_after_each_of_its_bytes_and_is_whole_only_at_its_end() {
    let sandbox = start().await;
    let length = body_of_urls().len();
    let head = head(&sandbox, length);
    for cut in 0..=length {
        sandbox.fault_next(Endpoint::Create, Fault::cut_body(cut as u64));
        let mut stream = connect(&sandbox).await;
        // No more than what it takes: it must not wait for another byte.
        let request = format!("{head}{}", &body_of_urls()[..cut]);
        stream.write_all(request.as_bytes()).await.expect("it reads");
        assert_eq!(rest(&mut stream).await, b"", "cut after {cut}");
        let received = sandbox.requests().pop().expect("it is recorded");
        assert_eq!((received.body.length, received.whole), (cut as u64, cut == length));
        assert_eq!(received.status, None);
    }
    assert_eq!(sandbox.posts_begun(), length as u64 + 1);
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (1, 0));
}

/// A request that is small, and cheap to read.
fn body_of_urls() -> String {
    body_with("image_list", json!([{"image": "https://example.com/cat.png"}])).to_string()
}

#[tokio::test]
async fn a_request_is_cut_after_each_of_its_bytes_and_is_whole_only_at_its_end() {
    let sandbox = start().await;
    let head = head(&sandbox, body_of_urls().len());
    let request = format!("{head}{}", body_of_urls());
    let mut whole = 0;
    for cut in 0..=request.len() + 1 {
        sandbox.fault_next(Endpoint::Create, Fault::cut_connection(cut as u64));
        let mut stream = connect(&sandbox).await;
        let sent = &request.as_bytes()[..cut.clamp(head.len(), request.len())];
        stream.write_all(sent).await.expect("it reads");
        assert_eq!(rest(&mut stream).await, b"", "cut after {cut}");
        whole += u64::from(cut >= request.len());
        assert_eq!((sandbox.posts_received_whole(), sandbox.faults_waiting(Endpoint::Create)), (whole, 0));
    }
    assert_eq!(sandbox.tasks_charged(), 0);
}

#[tokio::test]
async fn a_cut_counts_from_its_own_request_on_a_connection_that_is_used_again() {
    let sandbox = start().await;
    let request = by_hand(&sandbox);
    let mut stream = connect(&sandbox).await;
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = [0; 4096];
    while !stream.read(&mut answer).await.is_ok_and(|read| answer[..read].ends_with(b"}}")) {}
    let part = request.len() - 10;
    sandbox.fault_next(Endpoint::Create, Fault::cut_connection(part as u64));
    stream.write_all(&request.as_bytes()[..part - 1]).await.expect("it reads");
    until("the part arriving", || sandbox.posts_begun() == 2).await;
    assert!(stream.try_read(&mut answer).is_err(), "one byte is missing");
    stream.write_all(&request.as_bytes()[part - 1..part]).await.expect("it reads");
    assert_eq!(rest(&mut stream).await, b"");
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (1, 1));
}

#[tokio::test]
async fn hanging_up_sends_nothing_and_is_charged_only_on_demand() {
    for (fault, charged) in [(Fault::hang_up(), 0), (Fault::hang_up().charged(), 1)] {
        let sandbox = start().await;
        sandbox.fault_next(Endpoint::Create, fault);
        assert_eq!(answer_by_hand(&sandbox).await, b"");
        assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (1, charged));
        assert_eq!(sandbox.requests()[0].status, None);
    }
}

#[tokio::test]
async fn silence_keeps_the_connection_and_sends_nothing() {
    for (fault, charged) in [(Fault::silence(), 0), (Fault::silence().charged(), 1)] {
        let sandbox = with_manual_clock().await;
        sandbox.fault_next(Endpoint::Create, fault);
        let mut stream = connect(&sandbox).await;
        stream.write_all(by_hand(&sandbox).as_bytes()).await.expect("it reads");
        until("the request", || sandbox.posts_received_whole() == 1 && sandbox.tasks_charged() == charged).await;
        sandbox.clock().advance(Duration::from_secs(86_400));
        // A whole exchange on another connection gives this one the time to speak.
        Caller::new(&sandbox).get("").await;
        let error = stream.try_read(&mut [0; 1]).expect_err("nothing to read, and no end");
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[tokio::test]
async fn a_response_is_cut_after_each_of_its_bytes_and_the_request_is_charged() {
    let sandbox = start().await;
    sandbox.fault_next(Endpoint::Create, Fault::cut_response(u64::MAX));
    let whole = answer_by_hand(&sandbox).await;
    let text = String::from_utf8(whole.clone()).expect("a text");
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("}}"), "{text}");
    for cut in 0..=whole.len() {
        sandbox.fault_next(Endpoint::Create, Fault::cut_response(cut as u64));
        assert_eq!(answer_by_hand(&sandbox).await.len(), cut);
        assert_eq!(sandbox.tasks_charged(), cut + 2);
    }
}

#[tokio::test]
async fn a_video_can_break_off_and_be_fetched_on() {
    let sandbox = start().await;
    let caller = Caller::new(&sandbox);
    let id = caller.submit(&body()).await;
    let url = text(&caller.task(&id).await["task_result"]["videos"][0]["url"]);
    sandbox.fault_next(Endpoint::Video, Fault::cut_response(10_000));
    let mut answer = caller.http.get(&url).send().await.expect("the head arrives");
    let mut part = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        part.extend(chunk);
    }
    assert!((9_000..10_000).contains(&part.len()), "{}", part.len());
    let range = format!("bytes={}-", part.len());
    let rest = caller.http.get(&url).header("range", range).send().await.expect("an answer");
    part.extend(rest.bytes().await.expect("the rest"));
    assert_eq!(part, sandbox.video_bytes());
}

#[tokio::test]
async fn an_early_response_leaves_the_body_unread_and_resets_the_sender() {
    let sandbox = start().await;
    sandbox.fault_next(Endpoint::Create, Fault::early(ScriptedResponse::new(413).body("too large")));
    let mut stream = connect(&sandbox).await;
    stream.write_all(head(&sandbox, 50_000_000).as_bytes()).await.expect("it reads");
    let answer = String::from_utf8(rest(&mut stream).await).expect("a text");
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("too large"), "{answer}");
    let error = loop {
        if let Err(error) = stream.write(&[b' '; 65_536]).await {
            break error;
        }
    };
    let resets = [std::io::ErrorKind::ConnectionReset, std::io::ErrorKind::BrokenPipe];
    assert!(resets.contains(&error.kind()), "{error}");
    let received = sandbox.requests().remove(0);
    assert_eq!((received.body.length, received.whole), (0, false));
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (0, 0));
}

#[tokio::test]
async fn an_early_response_that_drains_takes_the_body_after_it_and_charges_nothing() {
    let sandbox = start().await;
    sandbox.fault_next(Endpoint::Create, Fault::early_drained(ScriptedResponse::new(401).body("no")));
    let mut stream = connect(&sandbox).await;
    let length = 3_000_000;
    stream.write_all(head(&sandbox, length).as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nno") {
        assert_ne!(stream.read_buf(&mut answer).await.expect("it stays open"), 0);
    }
    assert_eq!(sandbox.posts_received_whole(), 0, "the answer came first");
    stream.write_all(&vec![b' '; length]).await.expect("everything is read");
    until("the body", || sandbox.posts_received_whole() == 1).await;
    assert_eq!(sandbox.tasks_charged(), 0);
    stream.write_all(by_hand(&sandbox).as_bytes()).await.expect("the connection is used again");
    until("the next request", || sandbox.tasks_charged() == 1).await;
}

#[tokio::test]
async fn every_named_fault_charges_and_responds_as_its_entry_says() {
    for named in Fault::all() {
        let sandbox = with_manual_clock().await;
        sandbox.fault_next(Endpoint::Create, named.fault.clone());
        if named.name.starts_with("silence") {
            continue; // it has a test of its own, and would keep this one for ever
        }
        let clock = sandbox.clock().clone();
        let time = async {
            loop {
                clock.advance(SECOND);
                tokio::task::yield_now().await;
            }
        };
        let answer = tokio::select! {
            answer = answer_by_hand(&sandbox) => String::from_utf8_lossy(&answer).into_owned(),
            () = time => unreachable!(),
        };
        let name = &named.name;
        assert_eq!(sandbox.tasks_charged(), usize::from(named.charged), "{name}: {answer}");
        assert_eq!(sandbox.faults_waiting(Endpoint::Create), 0, "{name}");
        let whole = sandbox.posts_received_whole();
        match named.tells {
            Tells::NotWhole => assert_eq!((whole, &*answer), (0, ""), "{name}"),
            Tells::NoTask => assert!(answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 5"), "{name}"),
            Tells::Nothing => {
                let id = sandbox.tasks().first().map(|task| task.id.clone());
                assert!(!id.is_some_and(|id| answer.contains(&id)), "{name}: {answer}");
                assert_eq!(whole, 1, "{name}");
            }
            Tells::Task if answer.contains("content-encoding: gzip") => assert!(answer.ends_with('\0'), "{name}"),
            Tells::Task => assert!(answer.contains(&sandbox.tasks()[0].id), "{name}: {answer}"),
            other => panic!("{other:?}"),
        }
        // An answer's name begins with its status, or is a code that its body has.
        let number = &name[..name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len())];
        match number.len() {
            0 => {}
            3 => assert!(answer.starts_with(&format!("HTTP/1.1 {number} ")), "{name}: {answer}"),
            _ => assert!(answer.contains(&format!("\"code\":{number},")), "{name}: {answer}"),
        }
    }
}

#[tokio::test]
async fn no_fault_charges_a_request_that_the_api_refuses() {
    let sandbox = start().await;
    sandbox.fault_next(Endpoint::Create, Fault::response(ScriptedResponse::new(502)).charged());
    let answer = Caller::new(&sandbox).http.post(sandbox.endpoint()).json(&body()).send().await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::BAD_GATEWAY);
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (1, 0), "it had no key");
}

#[tokio::test]
async fn retry_after_comes_in_each_form_and_its_dates_follow_the_clock() {
    let minute = 60 * SECOND;
    for (form, header) in [
        (RetryAfter::Seconds(2), "2"),
        (RetryAfter::Seconds(u64::MAX), "18446744073709551615"),
        (RetryAfter::DateIn(minute), "Thu, 27 Nov 2025 09:31:25 GMT"),
        (RetryAfter::DateAgo(minute), "Thu, 27 Nov 2025 09:29:25 GMT"),
        (RetryAfter::DateIn(Duration::MAX), "Fri, 31 Dec 9999 23:59:59 GMT"),
        (RetryAfter::Text("soon".into()), "soon"),
    ] {
        let sandbox = with_manual_clock().await;
        sandbox.clock().advance(SECOND / 2); // the clock begins 29 ms after a second
        sandbox.fault_next(Endpoint::Get, Fault::response(ScriptedResponse::new(429)).retry_after(form));
        let url = format!("{}/1", sandbox.endpoint());
        let answer = reqwest::get(url).await.expect("an answer");
        assert_eq!(answer.headers()["retry-after"], header);
        assert_eq!(answer.headers()["date"], "Thu, 27 Nov 2025 09:30:25 GMT", "the clock that dates the tasks");
    }
}

#[tokio::test]
async fn a_response_is_reshaped_as_gateways_and_proxies_do() {
    let sandbox = with_manual_clock().await;
    let caller = Caller::new(&sandbox);
    let id = caller.submit(&body()).await;
    let url = format!("{}/{id}", sandbox.endpoint());
    let get = async |fault: &str| {
        sandbox.fault_next(Endpoint::Get, fault.parse().expect("a fault"));
        let answer = caller.http.get(&url).bearer_auth(sandbox.api_key()).send().await.expect("an answer");
        answer.bytes().await.expect("a body").to_vec()
    };
    let marked = get("none+mark").await;
    assert!(marked.starts_with("\u{feff}{".as_bytes()), "{marked:?}");
    assert!(get("none+gzip").await.starts_with(&[0x1f, 0x8b]));
    let wrapped: Value = serde_json::from_slice(&get("none+wrapped:FAILURE/too late").await).expect("JSON");
    assert_eq!(wrapped["data"]["status"], "FAILURE");
    assert_eq!(wrapped["data"]["fail_reason"], "too late");
    assert_eq!(wrapped["data"]["task_id"], id.as_str());
    assert!(wrapped["data"]["data"]["data"]["task_status"].is_string(), "{wrapped}");
}

#[tokio::test]
async fn a_success_can_come_before_its_video() {
    let sandbox = with_manual_clock().await;
    let caller = Caller::new(&sandbox);
    sandbox.plan_next_task(kling_sandbox::TaskPlan::over(60 * SECOND).output_after(20 * SECOND));
    let id = caller.submit(&body()).await;
    let mut passed = Duration::ZERO;
    for (second, status, videos) in [(59, "processing", 0), (60, "succeed", 0), (79, "succeed", 0), (80, "succeed", 1)]
    {
        sandbox.clock().advance(second * SECOND - passed);
        passed = second * SECOND;
        let task = caller.task(&id).await;
        let count = task["task_result"]["videos"].as_array().map_or(0, Vec::len);
        assert_eq!((task["task_status"].as_str(), count), (Some(status), videos), "after {second} s");
    }
}

#[tokio::test]
async fn a_redirect_leads_where_it_says() {
    let sandbox = start().await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let path = "/kling/v1/videos/multi-image2video?pageNum=2";
    for (target, location) in
        [(Target::Itself, path.to_owned()), (Target::Elsewhere, format!("{}{path}", sandbox.video_origin()))]
    {
        sandbox.fault_next(Endpoint::List, Fault::redirect(307, target));
        let answer = http.get(format!("{}?pageNum=2", sandbox.endpoint())).send().await.expect("an answer");
        assert_eq!((answer.status().as_u16(), &answer.headers()["location"]), (307, &location.parse().expect("text")));
    }
}

#[tokio::test]
async fn over_the_concurrency_1303_is_sent_until_a_slot_is_free() {
    let clock = Clock::manual();
    let sandbox = Sandbox::builder().clock(clock.clone()).task_time(10 * SECOND).concurrency(2).start().await;
    let sandbox = sandbox.expect("it starts");
    let caller = Caller::new(&sandbox);
    caller.submit(&body()).await;
    clock.advance(4 * SECOND);
    sandbox.fail_next_task("no");
    caller.submit(&body()).await;
    clock.advance(5 * SECOND);
    let (status, answer) = caller.post(&body()).await;
    assert_eq!((status.as_u16(), &answer["code"]), (429, &json!(1303)), "{answer}");
    clock.advance(SECOND);
    caller.submit(&body()).await;
    assert_eq!(caller.post(&body()).await.0, 429, "the first ended, and its slot is taken again");
    clock.advance(4 * SECOND);
    caller.submit(&body()).await;
    assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (6, 4), "a failed one frees its slot");
}

#[tokio::test]
async fn a_hidden_task_is_not_known_until_its_time() {
    let usual = Sandbox::builder().hidden_for(20 * SECOND).clock(Clock::manual()).start().await.expect("it starts");
    let scripted = with_manual_clock().await;
    scripted.fault_next(Endpoint::Create, Fault::hidden(20 * SECOND));
    for sandbox in [usual, scripted] {
        let caller = Caller::new(&sandbox);
        let id = caller.submit(&body_with("external_task_id", json!("mine"))).await;
        sandbox.clock().advance(20 * SECOND - Duration::from_nanos(1));
        for id in [&*id, "mine"] {
            let (status, answer) = caller.get(&format!("/{id}")).await;
            assert_eq!((status.as_u16(), &answer["code"]), (400, &json!("task_not_exist")));
        }
        assert_eq!(caller.get("").await.1["data"], json!([]));
        sandbox.clock().advance(Duration::from_nanos(1));
        assert_eq!(caller.task("mine").await["task_id"], id);
        assert_eq!(caller.get("").await.1["data"][0]["task_id"], id);
    }
}

#[tokio::test]
async fn nothing_hides_a_second_charge_where_duplicates_are_allowed() {
    for (duplicates, charged) in [(false, 1), (true, 2)] {
        let sandbox = Sandbox::builder().duplicates(duplicates).start().await.expect("it starts");
        let caller = Caller::new(&sandbox);
        let body = body_with("external_task_id", json!("mine"));
        let first = caller.submit(&body).await;
        let (status, _) = caller.post(&body).await;
        assert_eq!(status.is_success(), duplicates);
        assert_eq!((sandbox.charged_for("mine"), sandbox.charged_for("another")), (charged, 0));
        assert_eq!(caller.task("mine").await["task_id"], first);
    }
}

#[tokio::test]
async fn a_slow_request_is_read_as_the_clock_goes_on() {
    let sandbox = with_manual_clock().await;
    sandbox.fault_next(Endpoint::Create, Fault::slow_request(100_000, SECOND));
    let body = body_with("negative_prompt", json!("x".repeat(1_000_000)));
    let clock = sandbox.clock().clone();
    let caller = Caller::new(&sandbox);
    let mut read = vec![0];
    let watch = async {
        loop {
            let length = || sandbox.requests().first().map_or(0, |received| received.body.length);
            let last = read.last().copied().unwrap_or_default();
            until("the next pause", || clock.sleepers() == 1 && length() > last).await;
            read.push(length());
            clock.advance(SECOND);
            if body.to_string().len() as u64 - length() <= 200_000 {
                break;
            }
        }
        // The rest needs no pause, or one more.
        loop {
            clock.advance(SECOND);
            tokio::task::yield_now().await;
        }
    };
    let status = tokio::select! {
        answer = caller.post(&body) => answer.0,
        never = watch => never,
    };
    assert_eq!(status, 400, "it is read to its end, and the prompt is too long");
    assert!((4..=11).contains(&read.len()), "{read:?}");
    assert!(read.windows(2).all(|pair| pair[1] - pair[0] >= 100_000), "{read:?}");
}

#[tokio::test]
async fn a_request_pauses_at_each_moment_and_goes_on_with_the_clock_also_when_its_sender_is_gone() {
    let length = body_of_urls().len() as u64;
    for (moment, read, whole, charged) in [
        (Moment::Read(0), 0, 0, 0),
        (Moment::Read(1), 1, 0, 0),
        (Moment::Read(length - 1), length - 1, 0, 0),
        (Moment::Whole, length, 1, 0),
        (Moment::Done, length, 1, 1),
    ] {
        for sender_lives in [true, false] {
            let sandbox = with_manual_clock().await;
            sandbox.fault_next(Endpoint::Create, Fault::paused(moment, SECOND));
            let mut stream = connect(&sandbox).await;
            let request = format!("{}{}", head(&sandbox, body_of_urls().len()), body_of_urls());
            stream.write_all(request.as_bytes()).await.expect("it reads");
            sandbox.until(|sandbox| sandbox.clock().sleepers() == 1).await;
            let seen = (sandbox.requests()[0].body.length, sandbox.posts_received_whole(), sandbox.tasks_charged());
            assert_eq!(seen, (read, whole, charged), "{moment:?}");
            let stream = Some(stream).filter(|_| sender_lives);
            sandbox.clock().advance(SECOND);
            sandbox.until(|sandbox| sandbox.tasks_charged() == 1).await;
            if let Some(mut stream) = stream {
                assert_ne!(stream.read(&mut [0; 1]).await.expect("an answer"), 0);
            }
        }
    }
}

#[tokio::test]
async fn a_request_pauses_at_several_moments_in_their_order_and_at_none_that_does_not_come() {
    let sandbox = with_manual_clock().await;
    let length = body_of_urls().len() as u64;
    let moments = [Moment::Done, Moment::Read(9), Moment::Read(2), Moment::Read(length), Moment::Read(u64::MAX)];
    let fault = moments.into_iter().fold(Fault::paused(Moment::Whole, SECOND), |fault, at| fault.pause(at, SECOND));
    sandbox.fault_next(Endpoint::Create, fault.pause(Moment::Done, 2 * SECOND));
    let mut stream = connect(&sandbox).await;
    stream.write_all(head(&sandbox, body_of_urls().len()).as_bytes()).await.expect("it reads");
    stream.write_all(body_of_urls().as_bytes()).await.expect("it reads");
    for (read, charged) in [(2, 0), (9, 0), (length, 0), (length, 1)] {
        let here = |sandbox: &Sandbox| {
            let length = sandbox.requests().first().map(|received| received.body.length);
            (length, sandbox.tasks_charged(), sandbox.clock().sleepers()) == (Some(read), charged, 1)
        };
        sandbox.until(here).await;
        sandbox.clock().advance(SECOND);
    }
    // A whole exchange on another connection gives this one the time to speak.
    Caller::new(&sandbox).get("").await;
    assert!(stream.try_read(&mut [0; 1]).is_err(), "of one moment the later word holds");
    sandbox.clock().advance(SECOND);
    assert_ne!(stream.read(&mut [0; 1]).await.expect("an answer"), 0);
}

#[tokio::test]
async fn with_a_small_receive_buffer_a_small_body_already_blocks() {
    let sandbox = Sandbox::builder().receive_buffer(4096).clock(Clock::manual()).start().await.expect("it starts");
    sandbox.fault_next(Endpoint::Create, Fault::slow_request(1, SECOND));
    let stream = connect(&sandbox).await;
    let request = format!("{}{}", head(&sandbox, 50_000_000), "x".repeat(100_000));
    stream.writable().await.expect("it listens");
    let mut sent = stream.try_write(request.as_bytes()).expect("the head fits");
    until("the pause", || sandbox.clock().sleepers() == 1).await;
    let portion = vec![b'x'; 65_536];
    while let Ok(more) = stream.try_write(&portion) {
        sent += more;
        assert!(sent < 50_000_000, "somebody reads it all");
    }
    assert!(sandbox.requests()[0].body.length < 1_000_000);
}

#[tokio::test]
async fn a_slow_response_is_sent_as_the_clock_goes_on() {
    let sandbox = with_manual_clock().await;
    sandbox.fault_next(Endpoint::Create, Fault::slow_response(10, SECOND));
    let mut stream = connect(&sandbox).await;
    stream.write_all(by_hand(&sandbox).as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    for portions in 1..=5 {
        until("the pause", || sandbox.clock().sleepers() == 1).await;
        while answer.len() < portions * 10 {
            stream.read_buf(&mut answer).await.expect("a portion");
        }
        assert_eq!(answer.len(), portions * 10);
        assert!(stream.try_read(&mut [0; 1]).is_err(), "nothing more");
        sandbox.clock().advance(SECOND);
        until("the end of the pause", || sandbox.clock().sleepers() == 0 || stream.try_read(&mut []).is_ok()).await;
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert_eq!(sandbox.tasks_charged(), 1);
}

#[tokio::test]
async fn a_delayed_response_is_charged_at_once_and_comes_with_the_clock() {
    let sandbox = with_manual_clock().await;
    sandbox.fault_next(Endpoint::Create, Fault::delayed(100 * SECOND));
    let mut stream = connect(&sandbox).await;
    stream.write_all(by_hand(&sandbox).as_bytes()).await.expect("it reads");
    until("the pause", || sandbox.clock().sleepers() == 1).await;
    assert_eq!(sandbox.tasks_charged(), 1);
    sandbox.clock().advance(99 * SECOND);
    Caller::new(&sandbox).get("").await;
    assert!(stream.try_read(&mut [0; 1]).is_err(), "not yet");
    sandbox.clock().advance(SECOND);
    assert_ne!(stream.read(&mut [0; 1]).await.expect("an answer"), 0);
}

#[tokio::test]
async fn a_standing_fault_meets_every_request_that_finds_no_other_until_it_is_cleared() {
    let sandbox = start().await;
    let status = async || reqwest::get(format!("{}/1", sandbox.endpoint())).await.expect("an answer").status().as_u16();
    sandbox.fault_always(Endpoint::Get, Fault::response(ScriptedResponse::new(503)));
    sandbox.respond_next(Endpoint::Get, ScriptedResponse::new(502));
    assert_eq!(sandbox.faults_waiting(Endpoint::Get), 1);
    assert_eq!([status().await, status().await, status().await], [502, 503, 503]);
    sandbox.clear_faults();
    assert_eq!(status().await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads_a_cut_is_as_exact() {
    let sandbox = start().await;
    let request = format!("{}{}", head(&sandbox, body_of_urls().len()), body_of_urls());
    let mut whole = 0;
    for cut in (0..=request.len()).rev() {
        sandbox.fault_next(Endpoint::Create, Fault::cut_connection(cut as u64));
        let mut stream = connect(&sandbox).await;
        // It may be closed before everything is written.
        let _ = stream.write_all(request.as_bytes()).await;
        assert_eq!(rest(&mut stream).await, b"", "cut after {cut}");
        whole += u64::from(cut == request.len());
        assert_eq!((sandbox.posts_received_whole(), sandbox.tasks_charged()), (whole, 0), "cut after {cut}");
    }
}

#[tokio::test]
async fn over_http_2_a_fault_ends_what_it_says() {
    let client = reqwest::Client::builder().http2_prior_knowledge().build().expect("a client");
    for (fault, status, charged) in [
        (Fault::hang_up().charged(), None, 1),
        (Fault::cut_body(10), None, 0),
        (Fault::cut_response(5), None, 1),
        (Fault::early(ScriptedResponse::new(413)), Some(413), 0),
        (Fault::early_drained(ScriptedResponse::new(401)), Some(401), 0),
        (Fault::response(ScriptedResponse::new(502)).charged(), Some(502), 1),
    ] {
        let sandbox = start().await;
        sandbox.fault_next(Endpoint::Create, fault.clone());
        let request = client.post(sandbox.endpoint()).bearer_auth(sandbox.api_key()).json(&body());
        let answer = request.send().await;
        assert_eq!(answer.ok().map(|answer| answer.status().as_u16()), status, "{fault:?}");
        assert_eq!(sandbox.tasks_charged(), charged, "{fault:?}");
    }
}
