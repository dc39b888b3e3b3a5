//! Claims about the pure rules of the batch: states, places, verdicts, units.

use std::time::{Duration, SystemTime};

use kling_cli::batch::{Cause, Event, Places, State, Units, Verdict, is_older};
use kling_client::{ErrorKind, Reason};

#[test]
fn the_whole_table() {
    for (state, ways) in [
        ("intended", "claim=sending drop=dropped"),
        ("sending", "accept=accepted return=intended refuse=failed lose=ambiguous"),
        ("accepted", "end=finished fail=failed"),
        ("finished", "deliver=delivered"),
        ("delivered", "miss=finished"),
        ("ambiguous", "accept=accepted return=failed refuse=failed"),
        ("failed", ""),
        ("dropped", ""),
    ] {
        let state: State = state.parse().unwrap();
        let found: Vec<_> = Event::ALL
            .into_iter()
            .filter_map(|event| Some(format!("{}={}", event.as_str(), state.after(event)?)))
            .collect();
        assert_eq!(found.join(" "), ways, "{state}");
    }
}

#[test]
fn an_event_that_comes_twice_changes_nothing_the_second_time() {
    for state in State::ALL {
        for event in Event::ALL {
            if let Some(next) = state.after(event) {
                assert_eq!(next.after(event), None, "{state} {event:?}");
            }
        }
    }
}

#[test]
fn what_may_have_been_paid_is_never_submitted_again() {
    let reachable = |from: State| {
        let mut found = vec![from];
        let mut at = 0;
        while let Some(&state) = found.get(at) {
            found.extend(
                Event::ALL
                    .into_iter()
                    .filter_map(|event| state.after(event))
                    .filter(|s| !found.contains(s))
                    .collect::<Vec<_>>(),
            );
            at += 1;
        }
        found
    };
    for paid in [State::Accepted, State::Finished, State::Delivered, State::Ambiguous] {
        let states = reachable(paid);
        assert!(!states.contains(&State::Intended) && !states.contains(&State::Sending), "{paid}: {states:?}");
    }
}

#[test]
fn the_estimate_stays_booked_until_it_is_known_better_or_nothing_was_paid() {
    let (estimate, settled) = (Units::from_thousandths(2000), Units::from_thousandths(1500));
    for (state, books) in [
        (State::Intended, [0, 0]),
        (State::Sending, [2000, 2000]),
        (State::Accepted, [2000, 2000]),
        (State::Ambiguous, [2000, 2000]),
        (State::Finished, [2000, 1500]),
        (State::Delivered, [2000, 1500]),
        (State::Failed, [0, 0]),
        (State::Dropped, [0, 0]),
    ] {
        let found = [None, Some(settled)].map(|settled| state.books(estimate, settled).thousandths());
        assert_eq!(found, books, "{state}");
    }
}

#[test]
fn a_rejection_shrinks_the_places_at_once_to_what_runs_and_never_below_one() {
    for (allowed, others, after) in [(5, 3, 3), (5, 4, 4), (5, 9, 4), (5, 0, 1), (1, 0, 1), (1, 7, 1)] {
        let places = Places { allowed, ..Places::new(9) }.refused(others);
        assert_eq!((places.allowed, places.credit), (after, 0), "{allowed} {others}");
    }
}

#[test]
fn the_places_grow_by_one_after_many_submits_and_never_over_the_users_word() {
    let mut places = Places::new(3).refused(1);
    let mut grown = Vec::new();
    for submit in 1..=40 {
        let before = places.allowed;
        places = places.taken();
        if places.allowed != before {
            grown.push((submit, places.allowed));
        }
    }
    assert_eq!(grown, [(4, 2), (12, 3)]);
}

#[test]
fn there_is_always_one_place_and_never_more_than_allowed() {
    assert!(Places::new(0).free(0));
    assert!(!Places::new(3).free(3));
    assert!(!Places { allowed: 9, ..Places::new(3) }.free(3));
    assert!(Places::new(3).free(2));
}

#[test]
fn a_task_from_before_the_submit_is_another_ones_unless_its_id_was_minted() {
    let submitted = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let before = |seconds| Some(submitted - Duration::from_secs(seconds));
    let minted = uuid::Uuid::now_v7().to_string();
    for (id, created, expected) in [
        ("mine-7", before(0), Some(false)),
        ("mine-7", Some(submitted + Duration::from_secs(60)), Some(false)),
        ("mine-7", before(300), Some(false)),
        ("mine-7", before(301), Some(true)),
        ("mine-7", None, None),
        (&minted, before(900_000), Some(false)),
        (&minted, None, Some(false)),
    ] {
        assert_eq!(is_older(id, created, submitted), expected, "{id} {created:?}");
    }
}

#[test]
fn only_errors_without_a_task_are_retried_or_given_up() {
    use ErrorKind::{Ambiguous, Invalid, Network, NotSent, Other, Rejected, UnexpectedResponse};
    for reason in Reason::ALL {
        let verdict = match reason {
            Reason::ConcurrencyLimit => Verdict::Again(Cause::Crowded),
            Reason::RateLimited | Reason::Overloaded => Verdict::Again(Cause::Busy),
            Reason::ModelRetired => Verdict::HaltModel,
            Reason::Auth | Reason::Permission | Reason::Balance | Reason::Unsupported | Reason::NotFound => {
                Verdict::Halt
            }
            _ => Verdict::Refused,
        };
        assert_eq!(Verdict::on(Rejected, *reason, None), verdict, "{reason}");
        for (kind, verdict) in [
            (Invalid, Verdict::Refused),
            (NotSent, Verdict::Again(Cause::NotSent)),
            (Other, Verdict::Halt),
            (Ambiguous, Verdict::Lost),
            (UnexpectedResponse, Verdict::Lost),
            (Network, Verdict::Lost),
        ] {
            assert_eq!(Verdict::on(kind, *reason, Some("1102")), verdict, "{kind} {reason}");
        }
    }
    assert_eq!(Verdict::on(Rejected, Reason::Balance, Some("1102")), Verdict::HaltModel);
}

#[test]
fn decimals_are_exact_and_finer_ones_are_rounded_up() {
    for (text, thousandths, shown) in [
        (" 2 ", 2000, "2"),
        (".1", 100, "0.1"),
        ("7.", 7000, "7"),
        ("0.0001", 1, "0.001"),
        ("1.2340000", 1234, "1.234"),
        ("100", 100_000, "100"),
    ] {
        let units: Units = text.parse().unwrap();
        assert_eq!((units.thousandths(), units.to_string().as_str()), (thousandths, shown), "{text}");
    }
    for text in ["", ".", "-1", "+1", "1e3", "1,5", "1.2.3", "NaN", "9999999999999999999", "9223372036854775807"] {
        assert!(text.parse::<Units>().is_err(), "{text}");
    }
}

#[test]
fn a_price_per_unit_gives_a_sum_that_is_never_too_low() {
    let units = |text: &str| text.parse::<Units>().unwrap();
    assert_eq!(units("3.5").at(units("0.1401")), units("0.494"));
    assert_eq!(Units::from_thousandths(i64::MAX).at(units("2")), Units::from_thousandths(i64::MAX));
}
