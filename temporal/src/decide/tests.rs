use std::collections::VecDeque;

use kling_client::Operation;

use super::*;
use crate::data::Ended;

fn row(line: u64, model: &str, estimate: i64) -> Row {
    Row {
        id: format!("id-{line}"),
        line,
        hash: String::new(),
        operation: Operation::TextToVideo,
        model: model.to_owned(),
        output: String::new(),
        estimate,
    }
}

fn batch(rows: impl IntoIterator<Item = Row>, budget: Option<i64>, window: usize) -> BatchState {
    BatchState { queue: rows.into_iter().collect(), budget, window, ..BatchState::default() }
}

fn report(line: u64, ended: Ended) -> Report {
    Report { id: format!("id-{line}"), trouble: None, ended: Some(ended) }
}

fn lines(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|row| row.line).collect()
}

#[test]
fn units_are_reserved_at_the_start_and_settled_by_what_was_deducted() {
    let mut batch = batch((1..=9).map(|line| row(line, "m", 2000)), Some(5000), 10);
    assert_eq!(lines(&batch.take()), [1, 2]);
    assert_eq!((batch.reserved(), batch.spent), (4000, 0));
    assert_eq!(batch.next(), Err("budget: line 3 would book 6 of 5 units".to_owned()));
    batch.take_report(report(1, Ended { units: Some(1000), ..Ended::new(State::Delivered, None) }));
    assert_eq!((batch.reserved(), batch.spent), (2000, 1000));
    assert_eq!(lines(&batch.take()), [3]);
    // Reported twice, it is counted once.
    batch.take_report(report(1, Ended::new(State::Delivered, None)));
    assert_eq!((batch.spent, batch.ended[&State::Delivered]), (1000, 1));
}

#[test]
fn what_may_have_been_charged_stays_booked() {
    for (state, units, booked) in [
        (State::Delivered, None, 2000),
        (State::Delivered, Some(1500), 1500),
        (State::Finished, None, 2000),
        (State::Ambiguous, None, 2000),
        (State::Failed, None, 0),
        (State::Dropped, None, 0),
    ] {
        let mut batch = batch([row(1, "m", 2000)], None, 1);
        batch.take();
        batch.take_report(report(1, Ended { units, ..Ended::new(state, None) }));
        assert_eq!((batch.spent, batch.reserved()), (booked, 0), "{state}");
    }
}

#[test]
fn a_budget_is_not_set_below_what_is_booked_or_reserved() {
    let mut batch = batch((1..=3).map(|line| row(line, "m", 2000)), None, 2);
    batch.take();
    batch.take_report(report(1, Ended::new(State::Delivered, None)));
    batch.take();
    assert_eq!(batch.check_budget(Some(6000)), Ok(()));
    assert!(batch.check_budget(Some(5999)).unwrap_err().contains("at least the 6 units"));
    assert_eq!(batch.check_budget(None), Ok(()));
}

#[test]
fn a_window_slides_over_the_lines() {
    let mut batch = batch((1..=4).map(|line| row(line, "m", 0)), None, 2);
    assert_eq!(lines(&batch.take()), [1, 2]);
    assert!(batch.take().is_empty());
    batch.take_report(report(2, Ended::new(State::Failed, "no".to_owned())));
    assert_eq!(lines(&batch.take()), [3]);
    assert_eq!(batch.problems.len(), 1);
}

#[test]
fn a_halt_of_a_model_lets_other_models_pass_and_a_halt_of_all_lets_none() {
    let rows = [row(1, "old", 0), row(2, "old", 0), row(3, "new", 0), row(4, "new", 0)];
    let mut batch = batch(rows, None, 2);
    batch.window = 1;
    batch.take();
    batch.window = 3;
    let halted = |model| Report {
        id: "id-1".to_owned(),
        trouble: Some(Trouble::Halted { model, why: "no balance".to_owned() }),
        ended: None,
    };
    batch.take_report(halted(false));
    assert_eq!(batch.next(), Err("halted: no balance".to_owned()));
    batch.take_report(halted(true));
    assert_eq!(lines(&batch.take()), [3, 4]);
    batch.take_report(Report { id: "id-1".to_owned(), trouble: None, ended: None });
    batch.take_report(report(3, Ended::new(State::Delivered, None)));
    assert_eq!(lines(&batch.take()), [2]);
}

#[test]
fn a_cancelled_batch_starts_nothing_and_ends_when_what_runs_has_ended() {
    let mut batch = batch((1..=4).map(|line| row(line, "m", 0)), None, 1);
    batch.take();
    (batch.cancelled, batch.offset) = (true, Some(7));
    assert_eq!((batch.next(), batch.is_done(), batch.next_page()), (Err("cancelled".to_owned()), false, None));
    batch.take_report(report(1, Ended::new(State::Delivered, None)));
    assert!(batch.is_done());
}

#[test]
fn a_page_is_read_when_every_line_of_the_last_one_is_started_and_there_is_room_for_more() {
    let mut batch = BatchState { plan: "plan".to_owned(), offset: Some(7), ..batch([row(1, "m", 0)], None, 2) };
    assert_eq!(batch.next_page(), None);
    batch.take();
    assert_eq!(batch.next_page(), Some(("plan".to_owned(), 7)));
    batch.window = 1;
    assert_eq!((batch.next_page(), batch.is_done()), (None, false));
    (batch.window, batch.offset) = (2, None);
    assert_eq!(batch.next_page(), None);
}

#[test]
fn places_are_given_in_the_order_of_the_requests() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let calls = |names: &[(&str, bool)]| names.iter().map(|(name, is)| ((*name).to_owned(), *is)).collect::<Vec<_>>();
    let mut account =
        AccountState { limit: 2, waiting: VecDeque::from(names(&["a", "b", "c"])), ..AccountState::default() };
    assert_eq!(account.calls(false), calls(&[("a", true), ("b", true)]));
    assert!(account.calls(false).is_empty());
    account.holders.retain(|holder| holder != "a");
    // A sweep calls those that have a place, too, and grants them nothing.
    assert_eq!(account.calls(true), calls(&[("b", false), ("c", true)]));
    assert_eq!(account.holders, names(&["b", "c"]));
    let mut lowered = AccountState { limit: 1, holders: names(&["a", "b"]), ..AccountState::default() };
    lowered.waiting.push_back("c".to_owned());
    assert!(lowered.calls(false).is_empty());
}

#[test]
fn intervals_double_to_the_sixtyfold_and_shrink_with_the_expected_time() {
    let real = Pace::new(None);
    let seconds: Vec<_> = (0..9).map(|earlier| real.pause(earlier, Duration::ZERO).as_secs()).collect();
    assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    let minutes: Vec<_> = (0..6).map(|earlier| real.halt(earlier).as_secs() / 60).collect();
    assert_eq!(minutes, [5, 10, 20, 40, 80, 80]);
    assert_eq!(real.pause(0, Duration::from_secs(7)).as_secs(), 7);
    let all: Duration = (0..LOOK_UPS).map(|earlier| real.look_up(earlier)).sum();
    assert_eq!((all.as_secs(), real.heartbeat().as_secs()), (30 * 63, 60));
    assert_eq!(Pace::new(Some(Duration::from_secs(2))).pause(0, Duration::ZERO), Duration::from_millis(250));
}

#[test]
fn only_klings_own_codes_prove_that_a_limit_made_no_task() {
    for (reason, code, doubtful, limit) in [
        (Reason::RateLimited, None, true, false),
        (Reason::RateLimited, Some("rate_limit_exceeded"), true, false),
        (Reason::RateLimited, Some("429"), true, false),
        (Reason::Overloaded, Some("upstream_load_saturated"), true, false),
        (Reason::RateLimited, Some("1302"), false, true),
        (Reason::ConcurrencyLimit, Some("1303"), false, true),
    ] {
        assert_eq!(nature(ErrorKind::Rejected, reason, code), (doubtful, limit), "{reason} {code:?}");
        // Nothing was sent, whatever it says: neither doubtful nor a limit.
        assert_eq!(nature(ErrorKind::NotSent, reason, code), (false, false));
    }
}
