//! Bounds of values: lengths, counts, numbers, multiples.
//!
//! A count from below that is not stated is 0. A bound that a request gets for the first time is a warning, since it may
//! only write down what always held; one that moves inwards breaks.

use std::cmp::Ordering;

use super::change::Level;
use super::spot::{Effect, Schemas, Verdict};
use crate::tree::{Node, Value};

/// Keyword, the word that ids use for it, and whether it is a bound from above.
const COUNTS: [(&str, &str, bool); 6] = [
    ("minLength", "min-length", false),
    ("maxLength", "max-length", true),
    ("minItems", "min-items", false),
    ("maxItems", "max-items", true),
    ("minProperties", "min-properties", false),
    ("maxProperties", "max-properties", true),
];

/// Keyword, the one beside it that puts the edge outside, the word that ids use, and whether it is a bound from above.
const EDGES: [(&str, &str, &str, bool); 2] =
    [("minimum", "exclusiveMinimum", "min", false), ("maximum", "exclusiveMaximum", "max", true)];

/// What became of the bounds of two schemas.
pub(super) fn limits(at: Schemas<'_>) -> Vec<Verdict> {
    let mut found = Vec::new();
    for (key, word, upper) in COUNTS {
        let edge =
            |node: &Node| Edge { at: number(node.get(key)).or_else(|| (!upper).then(|| "0".to_owned())), open: false };
        found.extend(bound(at, key, word, upper, (&edge(at.base), &edge(at.revision))));
    }
    for (key, exclusive, word, upper) in EDGES {
        let (old, new) = (Edge::of(at.base, key, exclusive), Edge::of(at.revision, key, exclusive));
        let moved = [at.base, at.revision].iter().any(|node| node.get(key).is_some()) && old.at != new.at;
        found.extend(bound(at, if moved { key } else { exclusive }, word, upper, (&old, &new)));
    }
    found.extend(multiples(at));
    let unique = |node: &Node| node.is_true("uniqueItems");
    match (unique(at.base), unique(at.revision)) {
        (false, true) => found.push(("uniqueItems", "unique-items-set".to_owned(), at.level(Effect::Narrower))),
        (true, false) => found.push(("uniqueItems", "unique-items-unset".to_owned(), at.level(Effect::Wider))),
        _ => {}
    }
    found
}

fn bound(at: Schemas<'_>, key: &'static str, word: &str, upper: bool, (old, new): (&Edge, &Edge)) -> Option<Verdict> {
    let (how, level) = match moved(old, new, upper)? {
        Moved::Inwards => (if upper { "decreased" } else { "increased" }, at.level(Effect::Narrower)),
        Moved::Outwards => (if upper { "increased" } else { "decreased" }, at.level(Effect::Wider)),
        Moved::Set => ("set", at.level(Effect::Narrower).min(Level::Warning)),
        Moved::Unset => ("unset", at.level(Effect::Wider)),
    };
    Some((key, format!("{word}-{how}"), level))
}

fn multiples(at: Schemas<'_>) -> Option<Verdict> {
    let divides = |step: &str, of: &str| match (step.parse::<f64>(), of.parse::<f64>()) {
        (Ok(step), Ok(of)) if step > 0.0 => ((of / step) - (of / step).round()).abs() < 1e-9,
        _ => false,
    };
    let (old, new) = at.get("multipleOf");
    let (how, level) = match (number(old), number(new)) {
        (None, None) => return None,
        (Some(old), Some(new)) if order(&old, &new) == Ordering::Equal => return None,
        (None, Some(_)) => ("set", at.level(Effect::Narrower).min(Level::Warning)),
        (Some(_), None) => ("unset", at.level(Effect::Wider)),
        (Some(old), Some(new)) if divides(&new, &old) => ("generalized", at.level(Effect::Wider)),
        (Some(old), Some(new)) if divides(&old, &new) => ("specialized", at.level(Effect::Narrower)),
        _ => ("changed", at.spot.unless_excused(Level::Breaking)),
    };
    Some(("multipleOf", format!("multiple-of-{how}"), level))
}

/// How a bound changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    Inwards,
    Outwards,
    Set,
    Unset,
}

/// A bound of numbers: where, and whether the edge itself is outside.
struct Edge {
    at: Option<String>,
    open: bool,
}

impl Edge {
    /// OpenAPI 3.0 says with a truth value that the edge is outside; newer ones give a second number.
    fn of(node: &Node, key: &str, exclusive: &str) -> Self {
        match node.get(exclusive).map(|node| &node.value) {
            Some(Value::Number(at)) => Self { at: Some(at.clone()), open: true },
            Some(Value::Bool(true)) => Self { at: number(node.get(key)), open: true },
            _ => Self { at: number(node.get(key)), open: false },
        }
    }
}

fn moved(old: &Edge, new: &Edge, upper: bool) -> Option<Moved> {
    let inwards = match (&old.at, &new.at) {
        (None, None) => return None,
        (None, Some(_)) => return Some(Moved::Set),
        (Some(_), None) => return Some(Moved::Unset),
        (Some(was), Some(is)) => match order(was, is) {
            Ordering::Equal if old.open == new.open => return None,
            Ordering::Equal => new.open,
            order => (order == Ordering::Greater) == upper,
        },
    };
    Some(if inwards { Moved::Inwards } else { Moved::Outwards })
}

fn number(node: Option<&Node>) -> Option<String> {
    match &node?.value {
        Value::Number(text) => Some(text.clone()),
        // Pages write `'4'` where they mean 4.
        Value::Text(text) => text.trim().parse::<f64>().ok().map(|_| text.trim().to_owned()),
        _ => None,
    }
}

/// The order of two numbers; whole ones by all their digits.
fn order(a: &str, b: &str) -> Ordering {
    if let (Ok(a), Ok(b)) = (a.parse::<i128>(), b.parse::<i128>()) {
        return a.cmp(&b);
    }
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        _ => a.cmp(b),
    }
}
