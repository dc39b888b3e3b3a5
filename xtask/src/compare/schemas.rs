//! Two schemas: types, values, properties, and what they hold.
//!
//! What a schema allows either grows or shrinks; the direction of the data says which of the two breaks.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use super::change::{Direction, Level, Pair};
use super::comparer::{Comparer, Said, anything, at_key, entries, is_true, union};
use super::compose::{flat, simple};
use super::pairs::Paired;
use super::spot::{Effect, Kind, Spot};
use super::trail::Trail;
use crate::error::Result;
use crate::reference::follow;
use crate::tree::{Node, Value};

/// The keywords that are compared by name below or in the other modules; everything else is found by the comparison of
/// the rest.
#[rustfmt::skip]
const KNOWN: [&str; 34] = [
    "$ref", "type", "format", "enum", "const", "default", "nullable", "pattern", "properties", "required",
    "additionalProperties", "items", "readOnly", "writeOnly", "deprecated", "uniqueItems", "multipleOf", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
    "minProperties", "maxProperties", "allOf", "oneOf", "anyOf", "not", "discriminator", "x-extensible-enum", "title",
];

/// A name that is required and that no property has.
pub const NO_PROPERTY: &str = "required-names-no-property";

impl<'a> Comparer<'a> {
    /// Compares two schemas that are no references.
    pub(super) fn schema(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let (base_root, revision_root) = (self.base, self.revision);
        let base = simple(base_root, base);
        let revision = simple(revision_root, revision);
        // Members without a counterpart: both are compared as the one schema that their members describe together.
        let members = self.members(trail, &base, &revision, spot);
        if members.is_complete() {
            return self.described(trail, base, &revision, Some(&members), spot);
        }
        let (one, other) = (Cow::Owned(flat(base_root, &base)), flat(revision_root, &revision));
        let before = self.changes.len();
        self.described(trail, one, &other, None, spot)?;
        if self.changes.get(before..).is_some_and(|new| new.iter().any(|change| change.level > Level::Text)) {
            self.other_members(trail, &base, &revision, members, spot)?;
        }
        Ok(())
    }

    /// Compares what two schemas describe; `members` are those of `allOf`, unless they are part of it already.
    fn described(
        &mut self,
        trail: &Trail<'_>,
        base: Cow<'_, Node>,
        revision: &Node,
        members: Option<&Paired>,
        spot: Spot,
    ) -> Result<()> {
        let base = &*self.same_union(trail, base, revision, spot)?;
        self.look(trail, base, revision, spot)?;
        let only_one = |key: &&str| base.get(key).is_some() != revision.get(key).is_some();
        if let Some(key) = ["oneOf", "anyOf"].into_iter().find(only_one) {
            self.wrapped(trail, key, (base, revision), spot)?;
            self.notes(trail, base, revision, spot)?;
            return self.rest(trail, Some(base), Some(revision), &KNOWN);
        }
        self.types(trail, base, revision, spot)?;
        self.enumeration(trail, base, revision, spot)?;
        self.extensible(trail, base, revision, spot)?;
        self.fixed(trail, base, revision, spot)?;
        self.default(trail, base, revision, spot)?;
        self.null(trail, base, revision, spot)?;
        self.pattern(trail, base, revision, spot)?;
        self.limits(trail, base, revision, spot)?;
        self.properties(trail, base, revision, spot)?;
        self.further(trail, base, revision, spot)?;
        self.items(trail, base, revision, spot)?;
        self.compositions(trail, base, revision, members, spot)?;
        self.notes(trail, base, revision, spot)?;
        self.rest(trail, Some(base), Some(revision), &KNOWN)
    }

    /// Lets the caller look at a pair.
    pub(super) fn look(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let pair = Pair { direction: spot.direction, operation: self.operation.as_ref(), trail, base, revision };
        let found = (self.look)(&pair);
        for found in found {
            let at = Node::at(&found.place, Value::Null);
            let said = Said { revision: Some(&at), before: found.before, after: found.after, ..Said::default() };
            let said = said.sent(spot.direction);
            self.record(trail, found.id, spot.unless_excused(found.level), said)?;
        }
        Ok(())
    }

    /// Records a change of a keyword.
    pub(super) fn keyword(
        &mut self,
        trail: &Trail<'_>,
        spot: Spot,
        what: &str,
        level: Level,
        pair: (&Node, &Node),
        key: &str,
    ) -> Result<()> {
        let step = trail.step(key);
        let (old, new) = (pair.0.get(key), pair.1.get(key));
        let said = Said {
            base: Some(at_key(pair.0, key)),
            revision: Some(at_key(pair.1, key)),
            ..Said::nodes(old, new).sent(spot.direction)
        };
        // A keyword that is gone is shown where it would stand.
        self.record(if new.is_some() || old.is_none() { &step } else { trail }, spot.id(what), level, said)
    }

    fn types(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let (old, new) = (kinds(base), kinds(revision));
        if old == new {
            return self.format(trail, base, revision, spot);
        }
        let (wide, narrow) = if spot.is_request() { (&new, &old) } else { (&old, &new) };
        let fits = contains(wide, narrow, spot.stringly);
        let (what, level) = match (fits, spot.direction) {
            (true, Direction::Request) => ("type-generalized", Level::Additive),
            (true, Direction::Response) => ("type-specialized", Level::Additive),
            (false, _) => ("type-changed", spot.unless_excused(Level::Breaking)),
        };
        self.keyword(trail, spot, what, level, (base, revision), "type")?;
        if fits && new.is_some() && old.is_some() {
            return self.format(trail, base, revision, spot);
        }
        Ok(())
    }

    fn format(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let (old, new) = (base.get_text("format"), revision.get_text("format"));
        if old == new {
            return Ok(());
        }
        let inside = matches!(
            if spot.is_request() { (new, old) } else { (old, new) },
            (None, _)
                | (Some("double"), Some("float" | "int32" | "int64"))
                | (Some("float"), Some("int32" | "int64"))
                | (Some("int64"), Some("int32"))
                | (Some("bigint"), Some("int32" | "int64"))
                | (Some("date-time"), Some("date" | "time"))
        );
        let (what, level) = match (inside, spot.is_request()) {
            (true, true) => ("type-generalized", Level::Additive),
            (true, false) => ("format-changed", Level::Additive),
            (false, true) if old.is_none() => ("format-changed", Level::Warning),
            (false, _) => ("format-changed", Level::Breaking),
        };
        self.keyword(trail, spot, what, spot.unless_excused(level), (base, revision), "format")
    }

    fn enumeration(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let (pair, key) = ((base, revision), "enum");
        let list = |node: &'_ Node| node.get(key).and_then(Node::list).map(<[Node]>::to_vec);
        let (old, new) = match (list(base), list(revision)) {
            (Some(old), Some(new)) => (old, new),
            (None, None) => return Ok(()),
            (None, _) => return self.keyword(trail, spot, "became-enum", spot.level(Effect::Narrower), pair, key),
            // Any value is taken now, and answers are read into open enumerations.
            (_, None) => return self.keyword(trail, spot, "enum-value-removed", Level::Additive, pair, key),
        };
        let (was, is) = (values(&old), values(&new));
        let gone = old.iter().filter(|value| !is.contains(&exact(value))).map(|value| (Some(value), None));
        let come = new.iter().filter(|value| !was.contains(&exact(value))).map(|value| (None, Some(value)));
        for (old, new) in gone.chain(come) {
            let (what, level) = match new {
                None => ("enum-value-removed", spot.level(Effect::Narrower)),
                Some(_) => ("enum-value-added", Level::Additive),
            };
            let said = Said {
                base: old.or(base.get(key)),
                revision: new.or(revision.get(key)),
                ..Said::nodes(old, new).sent(spot.direction)
            };
            self.record(&trail.step(key), spot.id(what), level, said)?;
        }
        Ok(())
    }

    /// Values that are known while others may come: losing one is what a sender notices.
    fn extensible(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let (pair, key) = ((base, revision), "x-extensible-enum");
        let list = |node: &'_ Node| node.get(key).and_then(Node::list).map(values);
        let (Some(was), Some(is)) = (list(base), list(revision)) else {
            return if base.get(key).is_some() == revision.get(key).is_some() {
                Ok(())
            } else {
                self.keyword(trail, spot, "extension-changed", Level::Text, pair, key)
            };
        };
        if !was.is_subset(&is) {
            let level = spot.level(Effect::Narrower);
            self.keyword(trail, spot, "x-extensible-enum-value-removed", level, pair, key)?;
        }
        if !is.is_subset(&was) {
            self.keyword(trail, spot, "x-extensible-enum-value-added", Level::Additive, pair, key)?;
        }
        Ok(())
    }

    fn fixed(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let pair = (base, revision);
        let (what, level) = match (base.get("const"), revision.get("const")) {
            (None, None) => return Ok(()),
            (Some(old), Some(new)) if old.same(new) => return Ok(()),
            (None, Some(_)) => ("const-added", spot.level(Effect::Narrower)),
            (Some(_), None) => ("const-removed", spot.level(Effect::Wider)),
            (Some(_), Some(_)) => ("const-changed", spot.unless_excused(Level::Breaking)),
        };
        self.keyword(trail, spot, what, level, pair, "const")
    }

    fn default(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let (old, new) = (base.get("default"), revision.get("default"));
        let what = match (old, new) {
            (None, None) => return Ok(()),
            (Some(old), Some(new)) if old.same(new) => return Ok(()),
            (None, Some(_)) => "default-value-added",
            (Some(_), None) => "default-value-removed",
            (Some(_), Some(_)) => "default-value-changed",
        };
        // Leaving a parameter out is a request like any other, and now asks for something else.
        let level = match (spot.kind, old) {
            (Kind::Parameter, _) if spot.optional => Level::Breaking,
            (Kind::Parameter, _) | (_, None) => Level::Additive,
            _ => Level::Warning,
        };
        self.keyword(trail, spot, what, spot.unless_excused(level), (base, revision), "default")
    }

    fn null(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let (what, effect) = match (nullable(base), nullable(revision)) {
            (false, true) => ("became-nullable", Effect::Wider),
            (true, false) => ("became-not-nullable", Effect::Narrower),
            _ => return Ok(()),
        };
        // A schema without any type allows null already, whatever it says.
        if kinds(base).is_none() != kinds(revision).is_none() {
            return Ok(());
        }
        self.keyword(trail, spot, what, spot.level(effect), (base, revision), "nullable")
    }

    fn pattern(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let anything = |pattern: Option<&str>| matches!(pattern, None | Some(".*" | "^.*$" | ""));
        let (old, new) = (base.get_text("pattern"), revision.get_text("pattern"));
        if old == new || anything(old) && anything(new) {
            return Ok(());
        }
        let (what, level) = match (anything(old), anything(new)) {
            (true, false) => ("pattern-added", spot.level(Effect::Narrower)),
            (false, true) if new.is_some() => ("pattern-generalized", spot.level(Effect::Wider)),
            (false, true) => ("pattern-removed", spot.level(Effect::Wider)),
            _ => ("pattern-changed", Level::Warning),
        };
        self.keyword(trail, spot, what, spot.unless_excused(level), (base, revision), "pattern")
    }

    fn properties(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let (old, new) = (entries(base.get("properties")), entries(revision.get("properties")));
        let list = trail.step("properties");
        let (was, is) = (required(base), required(revision));
        let closed = [base, revision].map(|node| matches!(Further::of(node), Further::Nothing));
        for (name, one, other) in union(old, new) {
            let at = list.step(name);
            let required = (was.contains(name), is.contains(name));
            match (one, other) {
                (Some(one), Some(other)) => self.property(&at, (one, other), required, spot)?,
                (Some(one), None) => self.property_gone(&at, one, (required.0, closed[1]), spot)?,
                (None, Some(other)) => self.property_new(&at, other, (required.1, closed[0]), spot)?,
                (None, None) => {}
            }
        }
        // Names that are required although no property is described.
        let unnamed = |names: &HashSet<&'_ str>| -> BTreeSet<String> {
            let unknown = names.iter().filter(|name| !old.contains_key(**name) && !new.contains_key(**name));
            unknown.map(|name| (*name).to_owned()).collect()
        };
        let (was, is) = (unnamed(&was), unnamed(&is));
        if !is.is_subset(&was) {
            let said = Said {
                base: Some(at_key(base, "required")),
                ..Said::nodes(base.get("required"), revision.get("required")).sent(spot.direction)
            };
            self.record(&trail.step("required"), NO_PROPERTY, Level::Warning, said)?;
        } else if was != is {
            self.keyword(trail, spot, "required-names-changed", Level::Additive, (base, revision), "required")?;
        }
        Ok(())
    }

    fn property(&mut self, at: &Trail<'_>, pair: (&Node, &Node), (was, is): (bool, bool), spot: Spot) -> Result<()> {
        let (old, new) = (follow(self.base, pair.0).node, follow(self.revision, pair.1).node);
        let request = spot.is_request();
        let word = |required: bool| if required { "required" } else { "optional" };
        for (key, only) in [("readOnly", "read-only"), ("writeOnly", "write-only")] {
            let (before, after) = (is_true(old, key), is_true(new, key));
            if before == after {
                continue;
            }
            // It is no longer taken, or asked for now, or no longer given.
            let level = match (key, after) {
                ("readOnly", true) if request => Level::Warning,
                ("readOnly", false) if request && is => Level::Breaking,
                ("writeOnly", true) if !request && was => Level::Breaking,
                ("writeOnly", true) if !request => Level::Warning,
                _ => Level::Additive,
            };
            let (way, not) = (if request { "request" } else { "response" }, if after { "" } else { "not-" });
            let id = format!("{way}-{}-property-became-{not}{only}", word(is));
            let said = Said::both(old, new, before, after).sent(spot.direction);
            self.record(at, id, spot.unless_excused(level), said)?;
        }
        let excused =
            if request { is_true(new, "readOnly") } else { is_true(old, "writeOnly") || is_true(new, "writeOnly") };
        let inner = Spot { excused: spot.excused || excused, optional: !is, ..spot.inside() };
        if was != is {
            let with = if request && is && new.get("default").is_some() { "-with-default" } else { "" };
            let level = inner.level(if is { Effect::Narrower } else { Effect::Wider });
            let said = Said::both(pair.0, pair.1, word(was), word(is)).sent(spot.direction);
            self.record(at, inner.id(&format!("became-{}{with}", word(is))), level, said)?;
        }
        self.referred(at, pair.0, pair.1, inner)
    }

    /// `closed`: the newer schema refuses what it does not describe.
    fn property_gone(
        &mut self,
        at: &Trail<'_>,
        node: &Node,
        (required, closed): (bool, bool),
        spot: Spot,
    ) -> Result<()> {
        let target = follow(self.base, node).node;
        let hidden = is_true(target, if spot.is_request() { "readOnly" } else { "writeOnly" });
        let breaks = if spot.is_request() { closed } else { required };
        let level = match (hidden, breaks) {
            (true, _) => Level::Additive,
            (false, true) => Level::Breaking,
            (false, false) => Level::Warning,
        };
        let id = if spot.is_request() {
            spot.inside().id("removed")
        } else {
            format!("response-{}-property-removed", manner(required, hidden))
        };
        self.record(at, id, spot.unless_excused(level), Said::nodes(Some(node), None).sent(spot.direction))
    }

    /// `closed`: readers of the older schema refuse what it does not describe.
    fn property_new(
        &mut self,
        at: &Trail<'_>,
        node: &Node,
        (required, closed): (bool, bool),
        spot: Spot,
    ) -> Result<()> {
        let target = follow(self.revision, node).node;
        let hidden = is_true(target, if spot.is_request() { "readOnly" } else { "writeOnly" });
        let breaks = if spot.is_request() { required } else { closed };
        let level = if breaks && !hidden { Level::Breaking } else { Level::Additive };
        let id = if spot.is_request() {
            let with = if required && target.get("default").is_some() { "-with-default" } else { "" };
            format!("new-{}-{}{with}", manner(required, false), spot.inside().prefix())
        } else {
            format!("response-{}-property-added", manner(required, hidden))
        };
        self.record(at, id, spot.unless_excused(level), Said::nodes(None, Some(node)).sent(spot.direction))
    }

    /// What may stand beside the properties: anything, nothing, or what a schema says.
    fn further(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let key = "additionalProperties";
        let pair = (base, revision);
        match (Further::of(base), Further::of(revision)) {
            (Further::Schema(old), Further::Schema(new)) => self.referred(&trail.step(key), old, new, spot.inside()),
            (old, new) if old.rank() == new.rank() => Ok(()),
            (old, new) => {
                let (what, effect) = if new.rank() < old.rank() {
                    ("additional-properties-narrowed", Effect::Narrower)
                } else {
                    ("additional-properties-widened", Effect::Wider)
                };
                let level = spot.level(effect);
                self.keyword(trail, spot, what, level, pair, key)
            }
        }
    }

    fn items(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let (old, new) = (base.get("items"), revision.get("items"));
        let one_sided = old.is_none() || new.is_none();
        if old.is_none() && new.is_none() || one_sided && kinds(base) != kinds(revision) {
            return Ok(());
        }
        // A list of something against a list of anything.
        let (was, is) = (anything(base), anything(revision));
        self.referred(&trail.step("items"), old.unwrap_or(&was), new.unwrap_or(&is), spot.inside())
    }

    fn notes(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let pair = (base, revision);
        if is_true(base, "deprecated") != is_true(revision, "deprecated") {
            let (what, level) = if is_true(revision, "deprecated") {
                ("deprecated", Level::Warning)
            } else {
                ("reactivated", Level::Additive)
            };
            self.keyword(trail, spot, what, level, pair, "deprecated")?;
        }
        // Where no property says so: a whole body or item that is never sent.
        if matches!(spot.kind, Kind::Body | Kind::Parameter) {
            for key in ["readOnly", "writeOnly"] {
                if is_true(base, key) != is_true(revision, key) {
                    self.keyword(trail, spot, "access-changed", Level::Warning, pair, key)?;
                }
            }
        }
        // Generated types are called by the titles of what becomes a type.
        let typed = ["properties", "enum", "oneOf", "anyOf", "allOf"];
        let typed = typed.iter().any(|key| base.get(key).is_some() || revision.get(key).is_some());
        let (id, level) = if typed { ("schema-title-changed", Level::Source) } else { ("text-changed", Level::Text) };
        self.differs(trail, "title", id, level, (base.get("title"), revision.get("title")))
    }
}

enum Further<'n> {
    Nothing,
    Schema(&'n Node),
    Anything,
}

impl<'n> Further<'n> {
    fn of(node: &'n Node) -> Self {
        match node.get("additionalProperties") {
            None => Self::Anything,
            Some(further) => match &further.value {
                Value::Bool(false) => Self::Nothing,
                Value::Map(map) if !map.is_empty() => Self::Schema(further),
                _ => Self::Anything,
            },
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Schema(_) => 1,
            Self::Anything => 2,
        }
    }
}

/// The types of a schema; none when it allows any. Properties and items say what it is as well as the word does.
fn kinds(node: &Node) -> Option<BTreeSet<String>> {
    let words: BTreeSet<String> = match node.get("type").map(|node| &node.value) {
        Some(Value::Text(text)) => BTreeSet::from([text.clone()]),
        Some(Value::List(items)) => items.iter().filter_map(Node::text).map(str::to_owned).collect(),
        _ if node.get("properties").and_then(Node::map).is_some_and(|map| !map.is_empty()) => {
            BTreeSet::from(["object".to_owned()])
        }
        _ if node.get("items").is_some() => BTreeSet::from(["array".to_owned()]),
        _ => return None,
    };
    let words: BTreeSet<String> = words.into_iter().filter(|word| word != "null").collect();
    (!words.is_empty()).then_some(words)
}

/// Whether whatever has one of the narrow types has one of the wide ones.
fn contains(wide: &Option<BTreeSet<String>>, narrow: &Option<BTreeSet<String>>, stringly: bool) -> bool {
    let Some(wide) = wide else { return true };
    let Some(narrow) = narrow else { return false };
    narrow.iter().all(|word| {
        wide.contains(word)
            || word == "integer" && wide.contains("number")
            || stringly && wide.contains("string") && !matches!(word.as_str(), "object" | "array")
    })
}

fn nullable(node: &Node) -> bool {
    let types = node.get("type").and_then(Node::list).unwrap_or_default();
    is_true(node, "nullable") || types.iter().any(|item| item.text() == Some("null"))
}

/// How a property stands in a response, as ids say it.
fn manner(required: bool, hidden: bool) -> &'static str {
    match (required, hidden) {
        (true, true) => "required-write-only",
        (true, false) => "required",
        (false, true) => "optional-write-only",
        (false, false) => "optional",
    }
}

fn required(node: &Node) -> HashSet<&str> {
    node.get("required").and_then(Node::list).unwrap_or_default().iter().filter_map(Node::text).collect()
}

/// A value as a text that no other value has.
fn exact(node: &Node) -> String {
    node.to_json().to_string()
}

fn values(list: &[Node]) -> HashSet<String> {
    list.iter().map(exact).collect()
}
