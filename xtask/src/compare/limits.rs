//! Bounds of values: lengths, counts, numbers, multiples.
//!
//! A count from below that is not stated is 0. A bound that a request gets for the first time is a warning, since it may
//! only write down what always held; one that moves inwards breaks.

use std::cmp::Ordering;

use super::schemas::{Effect, Spot};
use super::{Comparer, Direction, Level, Trail, is_true};
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
            let zero = (!upper).then(|| "0".to_owned());
            let old = number(base.get(key)).or_else(|| zero.clone());
            let new = number(revision.get(key)).or(zero);
            let moved = moved(old.as_deref(), new.as_deref(), upper, |_| false);
            self.bound(trail, (base, revision), spot, (key, word, upper), moved)?;
        }
        for (key, exclusive, word, upper) in
            [("minimum", "exclusiveMinimum", "min", false), ("maximum", "exclusiveMaximum", "max", true)]
        {
            let (old, new) = (Edge::of(base, key, exclusive), Edge::of(revision, key, exclusive));
            let open = (old.open, new.open);
            let stricter_edge = move |order: Ordering| order == Ordering::Equal && open.1 && !open.0;
            let mut moved = moved(old.at.as_deref(), new.at.as_deref(), upper, stricter_edge);
            if moved.is_none() && old.at.is_some() && new.at.is_some() && old.open != new.open {
                moved = Some(if new.open { Moved::Inwards } else { Moved::Outwards });
            }
            let shown_key = if base.get(key).is_none() && revision.get(key).is_none() || old.at == new.at {
                exclusive
            } else {
                key
            };
            self.bound(trail, (base, revision), spot, (shown_key, word, upper), moved)?;
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
            Moved::Set if spot.direction == Direction::Request => ("set", spot.unless_excused(Level::Warning)),
            Moved::Set => ("set", Level::Additive),
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
            (None, Some(_)) if spot.direction == Direction::Request => ("multiple-of-set", Level::Warning),
            (None, Some(_)) => ("multiple-of-set", Level::Additive),
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

fn moved(old: Option<&str>, new: Option<&str>, upper: bool, edge: impl Fn(Ordering) -> bool) -> Option<Moved> {
    match (old, new) {
        (None, None) => None,
        (None, Some(_)) => Some(Moved::Set),
        (Some(_), None) => Some(Moved::Unset),
        (Some(old), Some(new)) => {
            let order = order(old, new);
            if edge(order) {
                return Some(Moved::Inwards);
            }
            match (order, upper) {
                (Ordering::Equal, _) => None,
                (Ordering::Greater, true) | (Ordering::Less, false) => Some(Moved::Inwards),
                (Ordering::Less, true) | (Ordering::Greater, false) => Some(Moved::Outwards),
            }
        }
    }
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
