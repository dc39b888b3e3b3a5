//! How an operation or a parameter comes to its end: deprecated, announced to go on a day (`x-sunset`), gone; and how
//! finished it is said to be (`x-stability-level`).

use super::change::Level;
use super::comparer::{Comparer, Said, at_key};
use super::trail::Trail;
use crate::error::Result;
use crate::text::shown;
use crate::tree::Node;

/// From least to most finished.
const STABILITY: [&str; 4] = ["draft", "alpha", "beta", "stable"];
const SUNSET: &str = "x-sunset";
const STABLE: &str = "x-stability-level";

impl Comparer<'_> {
    /// Whether nobody was promised anything yet.
    pub(super) fn is_unstable(&self, operation: &Node) -> bool {
        matches!(operation.get_text(STABLE), Some("draft" | "alpha"))
    }

    /// What the disappearance of something means: the id, and the level unless it was announced.
    pub(super) fn removal(&self, node: &Node, what: &str, unannounced: Level) -> (String, Level) {
        if matches!(node.get_text(STABLE), Some("draft" | "alpha")) {
            return (format!("{what}-removed"), Level::Warning.min(unannounced));
        }
        if !node.is_true("deprecated") {
            let word = if unannounced == Level::Breaking { "removed-without-deprecation" } else { "removed" };
            return (format!("{what}-{word}"), unannounced);
        }
        match node.get(SUNSET).map(|date| date.text().and_then(days)) {
            None => (format!("{what}-removed-with-deprecation"), Level::Warning.min(unannounced)),
            Some(None) => (format!("{what}-sunset-parse"), Level::Breaking),
            Some(Some(day)) if day > self.today => (format!("{what}-removed-before-sunset"), Level::Breaking),
            Some(Some(_)) => (format!("{what}-removed-with-deprecation"), Level::Warning.min(unannounced)),
        }
    }

    /// What two operations say of their own state.
    pub(super) fn lifecycle(&mut self, at: &Trail<'_>, old: &Node, new: &Node) -> Result<()> {
        self.deprecation(at, "endpoint", old, new)?;
        let rank = |node: &Node| -> Option<usize> {
            let text = node.get(STABLE).map_or(Some("stable"), Node::text)?;
            STABILITY.iter().position(|word| *word == text)
        };
        let (id, level) = match (rank(old), rank(new)) {
            (Some(before), Some(after)) if after < before => ("api-stability-decreased", Level::Breaking),
            (Some(before), Some(after)) if after > before => ("api-stability-increased", Level::Additive),
            (Some(_), Some(_)) => return Ok(()),
            _ => ("api-invalid-stability-level", Level::Breaking),
        };
        self.differs(at, STABLE, id, level, (old.get(STABLE), new.get(STABLE)))
    }

    pub(super) fn deprecation(&mut self, at: &Trail<'_>, what: &str, old: &Node, new: &Node) -> Result<()> {
        let (was, is) = (old.is_true("deprecated"), new.is_true("deprecated"));
        if was != is {
            let (word, level) = if is { ("deprecated", Level::Warning) } else { ("reactivated", Level::Additive) };
            let said = Said::both(at_key(old, "deprecated"), at_key(new, "deprecated"), was, is);
            self.record(&at.step("deprecated"), format!("{what}-{word}"), level, said)?;
        }
        let (before, after) = (old.get(SUNSET), new.get(SUNSET));
        let words = |node: Option<&Node>| node.map(shown);
        if words(before) == words(after) {
            return Ok(());
        }
        let day = |node: Option<&Node>| node.and_then(Node::text).and_then(days);
        let what = if what == "endpoint" { "" } else { "request-parameter-" };
        let (id, level) = match (before, after) {
            (Some(_), None) if is => ("sunset-deleted", Level::Breaking),
            (_, None) => ("sunset-deleted", Level::Text),
            (_, Some(_)) if day(after).is_none() => ("sunset-parse", Level::Breaking),
            (Some(_), Some(_)) if day(before).is_none() => ("sunset-parse", Level::Breaking),
            (Some(_), Some(_)) if day(after) < day(before) && day(after).is_some_and(|day| day < self.today) => {
                ("api-sunset-date-changed-too-small", Level::Breaking)
            }
            (Some(_), Some(_)) if day(after) < day(before) => ("sunset-earlier", Level::Warning),
            _ => ("sunset-set", Level::Warning),
        };
        self.differs(at, SUNSET, &format!("{what}{id}"), level, (before, after))
    }
}

/// A date, alone or with a time behind it, in days since 1970-01-01.
fn days(text: &str) -> Option<i64> {
    let date = text.trim().get(..10)?;
    let rest = text.trim().get(10..)?;
    if !(rest.is_empty() || rest.starts_with(['T', 't', ' '])) {
        return None;
    }
    let mut parts = date.split('-');
    let mut next = |length: usize| -> Option<i64> {
        let part = parts.next()?;
        (part.len() == length && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years that begin in March have the leap day at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before = (153 * month + 2) / 5 + day - 1;
    Some(365 * year + year / 4 - year / 100 + year / 400 + before - 719_468)
}

#[cfg(test)]
mod tests {
    use super::days;

    #[test]
    fn dates_are_counted_in_days_and_what_is_no_date_is_none() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("1970-03-01", Some(59)),
            ("2000-02-29T00:00:00Z", Some(11_016)),
            ("2026-11-23", Some(20_780)),
            ("2025-02-29", None),
            ("2025-13-01", None),
            ("soon", None),
            ("2025-1-1", None),
        ] {
            assert_eq!(days(text), expected, "{text}");
        }
    }
}
