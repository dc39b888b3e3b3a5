//! Bounds of values: lengths, counts, numbers, multiples.
//!
//! A count from below that is not stated is 0. A bound that a request gets for the first time is a warning, since it may
//! only write down what always held; one that moves inwards breaks.

use std::cmp::Ordering;

use heck::ToKebabCase as _;

use super::change::Level;
use super::spot::{Effect, Schemas, Verdict};
use crate::tree::{Node, Value};

const COUNTS: [&str; 6] = ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];
/// Keyword, and the one beside it that puts the edge outside.
const EDGES: [(&str, &str); 2] = [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")];

/// What became of the bounds of two schemas.
pub(super) fn limits(at: Schemas<'_>) -> impl Iterator<Item = Verdict> {
    let bounds = COUNTS.map(|key| (key, "")).into_iter().chain(EDGES);
    bounds.filter_map(move |names| bound(at, names)).chain(multiples(at))
}

fn bound(at: Schemas<'_>, (key, exclusive): (&'static str, &'static str)) -> Option<Verdict> {
    let is_upper = key.starts_with("max");
    let of = |node| match edge(node, key, exclusive) {
        (None, _) if exclusive.is_empty() && !is_upper => (Some("0"), false),
        edge => edge,
    };
    let ((old, was_open), (new, is_open)) = (of(at.base), of(at.revision));
    let (how, level) = match (old, new) {
        (None, None) => return None,
        (None, Some(_)) => ("set", at.spot.level(Effect::Narrower).min(Level::Warning)),
        (Some(_), None) => ("unset", at.spot.level(Effect::Wider)),
        (Some(was), Some(is)) => {
            let is_inwards = match order(was, is) {
                Ordering::Equal if was_open == is_open => return None,
                Ordering::Equal => is_open,
                order => (order == Ordering::Greater) == is_upper,
            };
            let effect = if is_inwards { Effect::Narrower } else { Effect::Wider };
            (if is_inwards == is_upper { "decreased" } else { "increased" }, at.spot.level(effect))
        }
    };
    let is_stated = at.base.get(key).or(at.revision.get(key)).is_some() && old != new;
    // Ids say `min` and `max`, and `min-length`.
    let word = key.trim_end_matches("imum").to_kebab_case();
    Some((if exclusive.is_empty() || is_stated { key } else { exclusive }, format!("{word}-{how}"), level))
}

fn multiples(at: Schemas<'_>) -> Option<Verdict> {
    let divides = |step: &str, of: &str| match (step.parse::<f64>(), of.parse::<f64>()) {
        (Ok(step), Ok(of)) if step > 0.0 => ((of / step) - (of / step).round()).abs() < 1e-9,
        _ => false,
    };
    let (old, new) = at.get("multipleOf");
    let (how, level) = match (number(old), number(new)) {
        (None, None) => return None,
        (None, Some(_)) => ("set", at.spot.level(Effect::Narrower).min(Level::Warning)),
        (Some(_), None) => ("unset", at.spot.level(Effect::Wider)),
        (Some(old), Some(new)) if order(old, new) == Ordering::Equal => return None,
        (Some(old), Some(new)) if divides(new, old) => ("generalized", at.spot.level(Effect::Wider)),
        (Some(old), Some(new)) if divides(old, new) => ("specialized", at.spot.level(Effect::Narrower)),
        _ => ("changed", at.spot.unless_excused(Level::Breaking)),
    };
    Some(("multipleOf", format!("multiple-of-{how}"), level))
}

/// Where a bound is, and whether the edge itself is outside: OpenAPI 3.0 says so with a truth value, newer ones give a second
/// number.
fn edge<'n>(node: &'n Node, key: &str, exclusive: &str) -> (Option<&'n str>, bool) {
    match node.get(exclusive).map(|node| &node.value) {
        Some(Value::Number(at)) => (Some(at), true),
        _ => (number(node.get(key)), node.is_true(exclusive)),
    }
}

fn number(node: Option<&Node>) -> Option<&str> {
    match &node?.value {
        Value::Number(text) => Some(text),
        // Pages write `'4'` where they mean 4.
        Value::Text(text) => Some(text.trim()).filter(|text| text.parse::<f64>().is_ok()),
        _ => None,
    }
}

/// The order of two numbers; whole ones by all their digits.
fn order(a: &str, b: &str) -> Ordering {
    if let (Ok(a), Ok(b)) = (a.parse::<i128>(), b.parse::<i128>()) {
        return a.cmp(&b);
    }
    let [a, b] = [a, b].map(|text| text.parse::<f64>().unwrap_or_default());
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}
