//! Bounds of values: lengths, counts, numbers, multiples.
//!
//! A count from below that is not stated is 0. A bound that a request gets for the first time is a warning, since it may
//! only write down what always held; one that moves inwards breaks.

use std::cmp::Ordering;

use super::change::Level;
use super::comparer::{Comparer, is_true};
use super::spot::{Effect, Spot};
use super::trail::Trail;
use crate::error::Result;
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

impl Comparer<'_> {
    pub(super) fn limits(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        for (key, word, upper) in COUNTS {
            let edge = |node: &Node| Edge {
                at: number(node.get(key)).or_else(|| (!upper).then(|| "0".to_owned())),
                open: false,
            };
            let moved = moved(&edge(base), &edge(revision), upper);
            self.bound(trail, (base, revision), spot, (key, word, upper), moved)?;
        }
        for (key, exclusive, word, upper) in
            [("minimum", "exclusiveMinimum", "min", false), ("maximum", "exclusiveMaximum", "max", true)]
        {
            let (old, new) = (Edge::of(base, key, exclusive), Edge::of(revision, key, exclusive));
            let stated = [base, revision].iter().any(|node| node.get(key).is_some());
            let key = if stated && old.at != new.at { key } else { exclusive };
            self.bound(trail, (base, revision), spot, (key, word, upper), moved(&old, &new, upper))?;
        }
        self.multiples(trail, base, revision, spot)?;
        if is_true(base, "uniqueItems") != is_true(revision, "uniqueItems") {
            let (what, effect) = if is_true(revision, "uniqueItems") {
                ("unique-items-set", Effect::Narrower)
            } else {
                ("unique-items-unset", Effect::Wider)
            };
            self.keyword(trail, spot, what, spot.level(effect), (base, revision), "uniqueItems")?;
        }
        Ok(())
    }

    fn bound(
        &mut self,
        trail: &Trail<'_>,
        pair: (&Node, &Node),
        spot: Spot,
        (key, word, upper): (&str, &str, bool),
        moved: Option<Moved>,
    ) -> Result<()> {
        let Some(moved) = moved else { return Ok(()) };
        let (how, level) = match moved {
            Moved::Inwards => (if upper { "decreased" } else { "increased" }, spot.level(Effect::Narrower)),
            Moved::Outwards => (if upper { "increased" } else { "decreased" }, spot.level(Effect::Wider)),
            Moved::Set => ("set", spot.level(Effect::Narrower).min(Level::Warning)),
            Moved::Unset => ("unset", spot.level(Effect::Wider)),
        };
        self.keyword(trail, spot, &format!("{word}-{how}"), level, pair, key)
    }

    fn multiples(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let key = "multipleOf";
        let (old, new) = (number(base.get(key)), number(revision.get(key)));
        let divides = |step: &str, of: &str| match (step.parse::<f64>(), of.parse::<f64>()) {
            (Ok(step), Ok(of)) if step > 0.0 => ((of / step) - (of / step).round()).abs() < 1e-9,
            _ => false,
        };
        let (what, level) = match (&old, &new) {
            (None, None) => return Ok(()),
            (Some(old), Some(new)) if order(old, new) == Ordering::Equal => return Ok(()),
            (None, Some(_)) => ("multiple-of-set", spot.level(Effect::Narrower).min(Level::Warning)),
            (Some(_), None) => ("multiple-of-unset", spot.level(Effect::Wider)),
            (Some(old), Some(new)) if divides(new, old) => ("multiple-of-generalized", spot.level(Effect::Wider)),
            (Some(old), Some(new)) if divides(old, new) => ("multiple-of-specialized", spot.level(Effect::Narrower)),
            _ => ("multiple-of-changed", Level::Breaking),
        };
        self.keyword(trail, spot, what, spot.unless_excused(level), (base, revision), key)
    }
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
