//! Enumerations and limits that stand in prose or in the vendor's extension, compared between two schemas.
//!
//! A translated text states the same constraints and is no change. Where a keyword of the schema states one, the general
//! comparison has seen it; if only the words beside it changed, one of the two is wrong.

use std::collections::BTreeSet;

use super::client::Client;
use crate::compare::{Change, Direction, Level, Pair};
use crate::lift::{Constraint, Keyword, Said, statements};
use crate::tree::{Node, Place};

/// What prose says differently.
pub(super) fn look(pair: &Pair<'_>, client: &Client) -> Vec<Change> {
    if says_the_same(pair.base, pair.revision) {
        return Vec::new();
    }
    let (old, new) = (statements(pair.base), statements(pair.revision));
    let mut found = Vec::new();
    for keyword in Keyword::ALL {
        let all = [&old, &new].map(|side| side.iter().filter(|constraint| constraint.keyword == keyword));
        let [one, other] = all.clone().map(|mut side| side.next());
        let [was, is] = all.map(|mut side| side.find(|constraint| constraint.said == Said::Prose));
        let stated = |said: Said| [one, other].map(|constraint| constraint.is_some_and(|c| c.said == said));
        match (one, other) {
            (Some(one), Some(other)) if stated(Said::Prose) == [false; 2] && same(one, other) => {
                found.extend(is.and_then(|is| against(other, was, is)));
            }
            _ if stated(Said::Keyword) != [false; 2] => {}
            _ if keyword == Keyword::Enum => found.extend(enumeration(pair, client, [one, other])),
            _ => found.extend(limit(pair, keyword, [one, other])),
        }
    }
    found
}

/// Whether two constraints of one kind allow the same values.
fn same(one: &Constraint, other: &Constraint) -> bool {
    one.values.iter().collect::<BTreeSet<_>>() == other.values.iter().collect()
}

/// A description that states something else than before while its schema says what it said.
fn against(schema: &Constraint, was: Option<&Constraint>, is: &Constraint) -> Option<Change> {
    // What the schema said already is no news.
    if same(is, was.unwrap_or(schema)) {
        return None;
    }
    let stated = |constraint: &Constraint| format!("{} {}", constraint.keyword.name(), constraint.values.join(", "));
    let both = |words: Option<&Constraint>| {
        let words = words.map_or_else(|| "nothing".to_owned(), stated);
        Some(format!("{words} in the description, {} in the schema", stated(schema)))
    };
    let kind = if is.keyword == Keyword::Enum { "enum" } else { "limit" };
    let (place, before, after) = (is.place.clone(), both(was), both(Some(is)));
    Some(Change { place, before, after, ..Change::of(format!("prose-{kind}-changed-schema-stayed"), Level::Warning) })
}

/// Most schemas did not change: prose is only read where it may say something else.
fn says_the_same(base: &Node, revision: &Node) -> bool {
    let keys = ["description", "title", "type", "x-apifox-enum"];
    keys.into_iter().chain(Keyword::ALL.iter().map(|keyword| keyword.name())).all(|key| {
        let (old, new) = (base.get(key), revision.get(key));
        old.zip(new).map_or(old.is_none() && new.is_none(), |(old, new)| old.same(new))
    })
}

/// What prose says differently of the values that are allowed.
fn enumeration(pair: &Pair<'_>, client: &Client, [old, new]: [Option<&Constraint>; 2]) -> Vec<Change> {
    let [was, is] = [old, new].map(|side| BTreeSet::from_iter(side.iter().flat_map(|side| &side.values)));
    let all = |set: &BTreeSet<&String>| Some(set.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(", "));
    let request = pair.direction == Direction::Request;
    let change = |what: &str, matters: bool, before: Option<String>, after: Option<String>| {
        let level = if matters { Level::Warning } else { Level::Additive };
        Change { place: place(pair, new), before, after, ..Change::of(format!("prose-enum-{what}"), level) }
    };
    match (old, new) {
        (None, None) => Vec::new(),
        (None, Some(_)) => vec![change("introduced", request, None, all(&is))],
        (Some(_), None) => vec![change("dropped", false, all(&was), None)],
        (Some(_), Some(_)) => {
            let closed = request && !client.is_open(pair.operation, &pair.trail.site());
            let added = is.difference(&was).map(|value| change("value-added", closed, None, Some((*value).clone())));
            let removed =
                was.difference(&is).map(|value| change("value-removed", request, Some((*value).clone()), None));
            added.chain(removed).collect()
        }
    }
}

/// What prose says differently of a limit.
fn limit(pair: &Pair<'_>, keyword: Keyword, [old, new]: [Option<&Constraint>; 2]) -> Option<Change> {
    let [was, is] = [old, new].map(|side| side.and_then(|side| side.values.first()));
    let number = |text: Option<&String>| text.and_then(|text| text.parse::<f64>().ok());
    let upper = matches!(keyword, Keyword::MaxLength | Keyword::MaxItems | Keyword::Maximum);
    let stricter = match (number(was), number(is)) {
        (None, None) => return None,
        (None, Some(_)) => true,
        (Some(_), None) => false,
        (Some(was), Some(is)) if was.total_cmp(&is).is_eq() => return None,
        (Some(was), Some(is)) => (is < was) == upper,
    };
    let [before, after] = [was, is].map(|value| value.map(|value| format!("{} {value}", keyword.name())));
    let id = if stricter { "prose-limit-stricter" } else { "prose-limit-looser" };
    let level = if stricter && pair.direction == Direction::Request { Level::Warning } else { Level::Additive };
    Some(Change { place: place(pair, new), before, after, ..Change::of(id, level) })
}

/// The line that states a constraint now, or of the schema that no longer does.
fn place(pair: &Pair<'_>, stated: Option<&Constraint>) -> Place {
    stated.map_or(&pair.revision.place, |constraint| &constraint.place).clone()
}
