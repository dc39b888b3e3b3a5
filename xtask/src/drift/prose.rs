//! Enumerations and limits that stand in prose or in the vendor's extension, compared between two schemas.
//!
//! A translated text states the same constraints and is no change. Where a keyword of the schema states one, the general
//! comparison has seen it; if only the words beside it changed, one of the two is wrong.

use std::collections::BTreeSet;

use super::client::Client;
use crate::compare::{Direction, Found, Level, Pair};
use crate::lift::{Constraint, Keyword, Said, statements};
use crate::tree::Node;

/// What prose says differently.
#[must_use]
pub fn look(pair: &Pair<'_>, client: &Client) -> Vec<Found> {
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
            _ if keyword == Keyword::Enum => enumeration(pair, client, one, other, &mut found),
            _ => limit(pair, keyword, one, other, &mut found),
        }
    }
    found
}

/// Whether two constraints of one kind allow the same values.
fn same(one: &Constraint, other: &Constraint) -> bool {
    one.values.iter().collect::<BTreeSet<_>>() == other.values.iter().collect()
}

/// A description that states something else than before while its schema says what it said.
fn against(schema: &Constraint, was: Option<&Constraint>, is: &Constraint) -> Option<Found> {
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
    Some(Found {
        id: format!("prose-{kind}-changed-schema-stayed"),
        level: Level::Warning,
        place: is.place.clone(),
        before: both(was),
        after: both(Some(is)),
    })
}

/// Most schemas did not change: prose is only read where it may say something else.
fn says_the_same(base: &Node, revision: &Node) -> bool {
    let keys = ["description", "title", "type", "x-apifox-enum"];
    keys.into_iter().chain(Keyword::ALL.iter().map(|keyword| keyword.name())).all(|key| {
        match (base.get(key), revision.get(key)) {
            (Some(old), Some(new)) => old.same(new),
            (None, None) => true,
            _ => false,
        }
    })
}

fn enumeration(
    pair: &Pair<'_>,
    client: &Client,
    old: Option<&Constraint>,
    new: Option<&Constraint>,
    found: &mut Vec<Found>,
) {
    let values = |constraint: Option<&Constraint>| -> BTreeSet<String> {
        constraint.map(|c| c.values.iter().cloned().collect()).unwrap_or_default()
    };
    let (was, is) = (values(old), values(new));
    let request = pair.direction == Direction::Request;
    let place = |constraint: Option<&Constraint>, node: &Node| {
        constraint.map_or_else(|| node.place.clone(), |constraint| constraint.place.clone())
    };
    let all = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
    match (old, new) {
        (None, None) => {}
        (None, Some(_)) => found.push(Found {
            id: "prose-enum-introduced".to_owned(),
            level: if request { Level::Warning } else { Level::Additive },
            place: place(new, pair.revision),
            before: None,
            after: Some(all(&is)),
        }),
        (Some(_), None) => found.push(Found {
            id: "prose-enum-dropped".to_owned(),
            level: Level::Additive,
            place: place(None, pair.revision),
            before: Some(all(&was)),
            after: None,
        }),
        (Some(_), Some(_)) => {
            for value in is.difference(&was) {
                let open = !request || client.is_open(pair.operation, &pair.trail.site());
                found.push(Found {
                    id: "prose-enum-value-added".to_owned(),
                    level: if open { Level::Additive } else { Level::Warning },
                    place: place(new, pair.revision),
                    before: None,
                    after: Some(value.clone()),
                });
            }
            for value in was.difference(&is) {
                found.push(Found {
                    id: "prose-enum-value-removed".to_owned(),
                    level: if request { Level::Warning } else { Level::Additive },
                    place: place(new, pair.revision),
                    before: Some(value.clone()),
                    after: None,
                });
            }
        }
    }
}

fn limit(
    pair: &Pair<'_>,
    keyword: Keyword,
    old: Option<&Constraint>,
    new: Option<&Constraint>,
    found: &mut Vec<Found>,
) {
    let value = |constraint: Option<&Constraint>| constraint.and_then(|c| c.values.first().cloned());
    let (was, is) = (value(old), value(new));
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<f64>().ok());
    let upper = matches!(keyword, Keyword::MaxLength | Keyword::MaxItems | Keyword::Maximum);
    let stricter = match (number(&was), number(&is)) {
        (None, None) => return,
        (None, Some(_)) => true,
        (Some(_), None) => false,
        (Some(was), Some(is)) if was.total_cmp(&is).is_eq() => return,
        (Some(was), Some(is)) => (is < was) == upper,
    };
    let request = pair.direction == Direction::Request;
    found.push(Found {
        id: format!("prose-limit-{}", if stricter { "stricter" } else { "looser" }),
        level: if stricter && request { Level::Warning } else { Level::Additive },
        place: new.map_or_else(|| pair.revision.place.clone(), |constraint| constraint.place.clone()),
        before: was.map(|was| format!("{} {was}", keyword.name())),
        after: is.map(|is| format!("{} {is}", keyword.name())),
    });
}
