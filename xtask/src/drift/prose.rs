//! Enumerations and limits that stand in prose or in the vendor's extension, compared between two schemas.
//!
//! A translated text states the same constraints and is no change. Where a keyword of the schema states one, the general
//! comparison has seen it.

use std::collections::BTreeSet;

use super::client::Client;
use crate::compare::{Direction, Found, Level, Pair};
use crate::lift::{Constraint, Keyword, Said, constraints};
use crate::tree::Node;

/// What prose says differently.
#[must_use]
pub fn look(pair: &Pair<'_>, client: &Client) -> Vec<Found> {
    if says_the_same(pair.base, pair.revision) {
        return Vec::new();
    }
    let (old, new) = (constraints(pair.base), constraints(pair.revision));
    let mut found = Vec::new();
    for keyword in Keyword::ALL {
        let one = old.iter().find(|constraint| constraint.keyword == keyword);
        let other = new.iter().find(|constraint| constraint.keyword == keyword);
        let stated = |constraint: Option<&Constraint>| constraint.is_some_and(|c| c.said == Said::Keyword);
        if stated(one) || stated(other) {
            continue;
        }
        match keyword {
            Keyword::Enum => enumeration(pair, client, one, other, &mut found),
            _ => limit(pair, keyword, one, other, &mut found),
        }
    }
    found
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
