//! Two schemas: types, values, properties, and what they hold.
//!
//! What a schema allows either grows or shrinks; the direction of the data says which of the two breaks.

use std::collections::{BTreeSet, HashSet};

use super::change::{Direction, Level, Pair};
use super::comparer::{Comparer, anything, entries, items, manner};
use super::compose::{UNIONS, flat, simple};
use super::limits::limits;
use super::pairs::Paired;
use super::spot::{Effect, Kind, Schemas, Spot, Verdict};
use super::trail::Trail;
use crate::error::Result;
use crate::reference::follow;
use crate::text::shown;
use crate::tree::{Node, Value};

/// The keywords that are compared by name below or in the other modules; everything else is found by the comparison of
/// the rest.
const KNOWN: [&[&str]; 5] = [
    &["$ref", "title", "type", "format", "nullable", "enum", "const", "default", "pattern"],
    &["properties", "required", "additionalProperties", "items", "deprecated"],
    &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
    &["minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"],
    &["allOf", "oneOf", "anyOf", "not"],
];

/// A name that is required and that no property has.
pub(crate) const NO_PROPERTY: &str = "required-names-no-property";

impl Comparer<'_> {
    /// Compares two schemas that are no references.
    pub(super) fn schema(&mut self, at: Schemas<'_>) -> Result<()> {
        let (base_root, revision_root) = (self.base, self.revision);
        let (base, revision) = (simple(base_root, at.base), simple(revision_root, at.revision));
        let at = Schemas { base: &base, revision: &revision, ..at };
        let members = self.paired(at, "allOf", true);
        if members.is_complete() {
            return self.described(at, &members);
        }
        // Members without a counterpart: both are compared as the one schema that their members describe together.
        let (one, other) = (flat(base_root, at.base), flat(revision_root, at.revision));
        let before = self.changes.len();
        let whole = Schemas { base: &one, revision: &other, ..at };
        let left = self.paired(whole, "allOf", true);
        self.described(whole, &left)?;
        if self.changes.get(before..).is_some_and(|new| new.iter().any(|change| change.level > Level::Text)) {
            self.other_members(at, members)?;
        }
        Ok(())
    }

    /// Compares what two schemas describe; `members` are those of `allOf`.
    fn described(&mut self, at: Schemas<'_>, members: &Paired) -> Result<()> {
        let base = self.same_union(at)?;
        let at = Schemas { base: &base, ..at };
        self.look(at)?;
        let only_one = |key: &&str| at.base.get(key).is_some() != at.revision.get(key).is_some();
        if let Some(key) = UNIONS.into_iter().find(only_one) {
            self.wrapped(at, key)?;
        } else {
            self.types(at)?;
            self.enumeration(at)?;
            let [narrower, wider] = [Effect::Narrower, Effect::Wider].map(|effect| at.spot.level(effect));
            let defaults = match at.spot.kind {
                // Leaving a parameter out is a request like any other, and now asks for something else.
                Kind::Parameter { optional: true } => [Level::Breaking; 3],
                Kind::Parameter { optional: false } => [Level::Additive; 3],
                _ => [Level::Additive, Level::Warning, Level::Warning],
            };
            let null = [("became-nullable", Effect::Wider), ("became-not-nullable", Effect::Narrower)];
            let unique = [("unique-items-set", Effect::Narrower), ("unique-items-unset", Effect::Wider)];
            // A schema without any type allows null already, whatever it says.
            let is_alike = kinds(at.base).is_empty() == kinds(at.revision).is_empty();
            let all = [
                at.keyword("const", "const", [narrower, wider, Level::Breaking]),
                at.keyword("default", "default-value", defaults),
                at.keyword("not", "not", [narrower, wider, Level::Warning]),
                flag(at, "nullable", nullable, null).filter(|_| is_alike),
                flag(at, "uniqueItems", |node| node.is_true("uniqueItems"), unique),
                pattern(at),
            ];
            self.verdicts(at, all.into_iter().flatten().chain(limits(at)))?;
            self.properties(at)?;
            self.further(at)?;
            self.items(at)?;
            self.compositions(at, members)?;
        }
        self.deprecation(at.trail, at.spot.prefix(), (at.base, at.revision))?;
        // Generated types are called by the titles of what becomes a type.
        let typed = ["properties", "enum", "oneOf", "anyOf", "allOf"];
        let typed = typed.iter().any(|key| at.base.get(key).is_some() || at.revision.get(key).is_some());
        let (id, level) = if typed { ("schema-title-changed", Level::Source) } else { ("text-changed", Level::Text) };
        self.differs(at.trail, "title", id, level, at.get("title"))?;
        // A property says itself which way it goes; of a whole body or a parameter nobody expects it.
        let is_whole = matches!(at.spot.kind, Kind::Body | Kind::Parameter { .. });
        let access: &[&str] = if is_whole { &[] } else { &["readOnly", "writeOnly"] };
        self.rest(at.trail, at.base, at.revision, &[&KNOWN.concat(), access].concat())
    }

    /// Records what became of keywords.
    fn verdicts(&mut self, at: Schemas<'_>, all: impl IntoIterator<Item = Verdict>) -> Result<()> {
        all.into_iter().try_for_each(|(key, what, level)| self.keyword(at, key, &what, level))
    }

    /// Lets the caller look at a pair.
    pub(super) fn look(&mut self, at: Schemas<'_>) -> Result<()> {
        let Schemas { trail, base, revision, spot } = at;
        let pair = Pair { direction: spot.direction, operation: self.operation.as_ref(), trail, base, revision };
        for found in (self.look)(&pair) {
            let (place, level) = (Node::at(&found.place, Value::Null), spot.unless_excused(found.level));
            self.record_as(trail, found.id, level, (None, Some(&place)), [found.before, found.after])?;
        }
        Ok(())
    }

    fn types(&mut self, at: Schemas<'_>) -> Result<()> {
        let (old, new) = (kinds(at.base), kinds(at.revision));
        let (wide, narrow) = if at.spot.is_request() { (&new, &old) } else { (&old, &new) };
        let fits = contains(wide, narrow, at.spot.is_text());
        if old != new {
            let (what, level) = match (fits, at.spot.direction) {
                (true, Direction::Request) => ("type-generalized", Level::Additive),
                (true, Direction::Response) => ("type-specialized", Level::Additive),
                (false, _) => ("type-changed", at.spot.unless_excused(Level::Breaking)),
            };
            self.keyword(at, "type", what, level)?;
        }
        let comparable = old == new || fits && !new.is_empty() && !old.is_empty();
        self.verdicts(at, format(at).filter(|_| comparable))
    }

    fn enumeration(&mut self, at: Schemas<'_>) -> Result<()> {
        let key = "enum";
        let lists = at.get(key);
        let (old, new) = match (lists.0.and_then(Node::list), lists.1.and_then(Node::list)) {
            (Some(old), Some(new)) => (old, new),
            (None, None) => return Ok(()),
            (None, _) => return self.keyword(at, key, "became-enum", at.spot.level(Effect::Narrower)),
            // Any value is taken now, and answers are read into open enumerations.
            (_, None) => return self.keyword(at, key, "enum-value-removed", Level::Additive),
        };
        let [was, is] = [old, new].map(|list| list.iter().map(exact).collect::<HashSet<_>>());
        let gone = old.iter().filter(|value| !is.contains(&exact(value))).map(|value| (Some(value), None));
        let come = new.iter().filter(|value| !was.contains(&exact(value))).map(|value| (None, Some(value)));
        for (old, new) in gone.chain(come) {
            let (what, level) = match new {
                None => ("enum-value-removed", at.spot.level(Effect::Narrower)),
                Some(_) => ("enum-value-added", Level::Additive),
            };
            let (id, node) = (at.spot.id(what), new.or(at.revision.get(key)));
            self.record_as(&at.trail.step(key), id, level, (None, node), [old.map(shown), new.map(shown)])?;
        }
        Ok(())
    }

    fn properties(&mut self, at: Schemas<'_>) -> Result<()> {
        let (old, new) = at.get("properties");
        let (old, new) = (entries(old), entries(new));
        let (was, is) = (required(at.base), required(at.revision));
        let (base_root, revision_root) = (self.base, self.revision);
        let alone = |name: &str, node: &Node, is_new: bool| {
            let document = if is_new { revision_root } else { base_root };
            let required = if is_new { is.contains(name) } else { was.contains(name) };
            // Whether the other side refuses what it does not describe.
            let closed = further(if is_new { at.base } else { at.revision }).0 == 0;
            let (id, level) = property_alone(follow(document, node).node, is_new, (required, closed), at.spot);
            (id, level, shown(node))
        };
        self.each(&at.trail.step("properties"), (old, new), alone, |this, step, pair| {
            this.property(step, pair, (was.contains(step.name), is.contains(step.name)), at.spot)
        })?;
        // Names that are required although no property is described.
        let is_unknown = |name: &&str| !old.contains_key(*name) && !new.contains_key(*name);
        if is.difference(&was).any(is_unknown) {
            self.record(&at.trail.step("required"), NO_PROPERTY, Level::Warning, at.get("required"))?;
        } else if was.difference(&is).any(is_unknown) {
            self.keyword(at, "required", "required-names-changed", Level::Additive)?;
        }
        Ok(())
    }

    fn property(&mut self, at: &Trail<'_>, pair: (&Node, &Node), (was, is): (bool, bool), spot: Spot) -> Result<()> {
        let (old, new) = (follow(self.base, pair.0).node, follow(self.revision, pair.1).node);
        let request = spot.is_request();
        for (key, only) in [("readOnly", "read-only"), ("writeOnly", "write-only")] {
            let (before, after) = (old.is_true(key), new.is_true(key));
            // It is no longer taken, or asked for now, or no longer given.
            let level = match (key, after) {
                ("readOnly", true) if request => Level::Warning,
                ("readOnly", false) if request && is => Level::Breaking,
                ("writeOnly", true) if !request && was => Level::Breaking,
                ("writeOnly", true) if !request => Level::Warning,
                _ => Level::Additive,
            };
            let (way, not) = (if request { "request" } else { "response" }, if after { "" } else { "not-" });
            let id = format!("{way}-{}-property-became-{not}{only}", manner(is));
            self.became(at, (id, spot.unless_excused(level)), (old, new), (before, after))?;
        }
        let excused =
            if request { new.is_true("readOnly") } else { old.is_true("writeOnly") || new.is_true("writeOnly") };
        let inner = Spot { excused: spot.excused || excused, ..spot.inside() };
        self.requirement(at, pair, (was, is), inner)?;
        self.referred(Schemas { trail: at, base: pair.0, revision: pair.1, spot: inner })
    }

    /// What may stand beside the properties: anything, nothing, or what a schema says.
    fn further(&mut self, at: Schemas<'_>) -> Result<()> {
        let key = "additionalProperties";
        let (effect, how) = match (further(at.base), further(at.revision)) {
            ((_, Some(base)), (_, Some(revision))) => {
                let spot = at.spot.inside();
                return self.referred(Schemas { trail: &at.trail.step(key), base, revision, spot });
            }
            ((old, _), (new, _)) if old == new => return Ok(()),
            ((old, _), (new, _)) if new < old => (Effect::Narrower, "narrowed"),
            _ => (Effect::Wider, "widened"),
        };
        self.keyword(at, key, &format!("additional-properties-{how}"), at.spot.level(effect))
    }

    fn items(&mut self, at: Schemas<'_>) -> Result<()> {
        let (old, new) = at.get("items");
        let one_sided = old.is_none() || new.is_none();
        if old.is_none() && new.is_none() || one_sided && kinds(at.base) != kinds(at.revision) {
            return Ok(());
        }
        // A list of something against a list of anything.
        let (was, is) = (anything(at.base), anything(at.revision));
        let (base, revision) = (old.unwrap_or(&was), new.unwrap_or(&is));
        self.referred(Schemas { trail: &at.trail.step("items"), base, revision, spot: at.spot.inside() })
    }
}

/// What it means that one side alone has a property; `closed`: the other one refuses what it does not describe.
fn property_alone(node: &Node, is_new: bool, (required, closed): (bool, bool), spot: Spot) -> (String, Level) {
    let hidden = node.is_true(if spot.is_request() { "readOnly" } else { "writeOnly" });
    let (inside, manner) = (spot.inside(), manner(required));
    let (id, breaks) = match (spot.is_request(), is_new) {
        (true, false) => (inside.id("removed"), closed),
        (true, true) => {
            let with = if required && node.get("default").is_some() { "-with-default" } else { "" };
            (format!("new-{manner}-{}{with}", inside.prefix()), required)
        }
        (false, _) => {
            let (only, how) = (if hidden { "-write-only" } else { "" }, if is_new { "added" } else { "removed" });
            (format!("response-{manner}{only}-property-{how}"), if is_new { closed } else { required })
        }
    };
    let level = match (hidden, breaks) {
        (false, true) => Level::Breaking,
        (false, false) if !is_new => Level::Warning,
        _ => Level::Additive,
    };
    (id, spot.unless_excused(level))
}

fn format(at: Schemas<'_>) -> Option<Verdict> {
    let (old, new) = (at.base.get_text("format"), at.revision.get_text("format"));
    let (wide, narrow) = if at.spot.is_request() { (new, old) } else { (old, new) };
    let inside: &[&str] = match wide {
        Some("double") => &["float", "int32", "int64"],
        Some("float" | "bigint") => &["int32", "int64"],
        Some("int64") => &["int32"],
        Some("date-time") => &["date", "time"],
        _ => &[],
    };
    let (what, level) = match (old, new) {
        _ if old == new => return None,
        _ if wide.is_none() || narrow.is_some_and(|narrow| inside.contains(&narrow)) => {
            (if at.spot.is_request() { "type-generalized" } else { "format-changed" }, Level::Additive)
        }
        (None, _) if at.spot.is_request() => ("format-changed", Level::Warning),
        _ => ("format-changed", Level::Breaking),
    };
    Some(("format", what.to_owned(), at.spot.unless_excused(level)))
}

/// What became of something that is so or not, by what it means that it became so, or no longer is.
fn flag(at: Schemas<'_>, key: &'static str, is_so: fn(&Node) -> bool, turns: [(&str, Effect); 2]) -> Option<Verdict> {
    let [was, is] = [at.base, at.revision].map(is_so);
    let [became, no_longer] = turns;
    let (what, effect) = if is { became } else { no_longer };
    (was != is).then(|| (key, what.to_owned(), at.spot.level(effect)))
}

fn pattern(at: Schemas<'_>) -> Option<Verdict> {
    let anything = |pattern: Option<&str>| matches!(pattern, None | Some(".*" | "^.*$" | ""));
    let (old, new) = (at.base.get_text("pattern"), at.revision.get_text("pattern"));
    let (what, level) = match (anything(old), anything(new)) {
        (true, true) => return None,
        (true, false) => ("pattern-added", at.spot.level(Effect::Narrower)),
        (false, true) if new.is_some() => ("pattern-generalized", at.spot.level(Effect::Wider)),
        (false, true) => ("pattern-removed", at.spot.level(Effect::Wider)),
        (false, false) if old == new => return None,
        // Which of the two allows more cannot be told.
        (false, false) => ("pattern-changed", at.spot.unless_excused(Level::Warning)),
    };
    Some(("pattern", what.to_owned(), level))
}

/// How much may stand beside the properties: nothing, what a schema says, or anything; and that schema.
fn further(node: &Node) -> (u8, Option<&Node>) {
    let further = node.get("additionalProperties");
    match further.map(|further| &further.value) {
        Some(Value::Bool(false)) => (0, None),
        Some(Value::Map(map)) if !map.is_empty() => (1, further),
        _ => (2, None),
    }
}

/// The types of a schema; empty when it allows any. Properties and items say what it is as well as the word does.
fn kinds(node: &Node) -> BTreeSet<&str> {
    let kinds: BTreeSet<&str> = match node.get("type").map(|node| &node.value) {
        Some(Value::Text(text)) => BTreeSet::from([text.as_str()]),
        Some(Value::List(items)) => items.iter().filter_map(Node::text).collect(),
        _ if !entries(node.get("properties")).is_empty() => BTreeSet::from(["object"]),
        _ => node.get("items").map(|_| "array").into_iter().collect(),
    };
    kinds.into_iter().filter(|kind| *kind != "null").collect()
}

/// Whether whatever has one of the narrow types has one of the wide ones.
fn contains(wide: &BTreeSet<&str>, narrow: &BTreeSet<&str>, is_text: bool) -> bool {
    let is_in = |kind: &&str| {
        wide.contains(kind)
            || *kind == "integer" && wide.contains("number")
            || is_text && wide.contains("string") && !matches!(*kind, "object" | "array")
    };
    wide.is_empty() || !narrow.is_empty() && narrow.iter().all(is_in)
}

fn nullable(node: &Node) -> bool {
    node.is_true("nullable") || items(node.get("type")).iter().any(|item| item.text() == Some("null"))
}

fn required(node: &Node) -> BTreeSet<&str> {
    items(node.get("required")).iter().filter_map(Node::text).collect()
}

/// A value as a text that no other value has.
fn exact(node: &Node) -> String {
    node.to_json().to_string()
}
