//! Two schemas: types, values, properties, and what they hold.
//!
//! What a schema allows either grows or shrinks; the direction of the data says which of the two breaks.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use super::compose::{Paired, flat, simple};
use super::{Comparer, Direction, Level, Pair, Said, Trail, is_true, shown};
use crate::error::Result;
use crate::tree::{Map, Node, Value};

/// In which role a schema stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    /// Which way the data goes.
    pub direction: Direction,
    /// What the schema describes.
    pub kind: Kind,
    /// Whether the value travels as text, so that any scalar may become a string.
    pub stringly: bool,
    /// Whether it is never sent this way (`readOnly` in a request, `writeOnly` in an answer): nothing breaks.
    pub excused: bool,
    /// Whether leaving the value out is allowed: then a default has a meaning.
    pub optional: bool,
}

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A whole body.
    Body,
    /// A property or an item of one.
    Property,
    /// A parameter.
    Parameter,
    /// A property of a parameter.
    ParameterProperty,

    /// An answer's header.
    Header,
}

/// Whether a change allows more than before, or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Less than before.
    Narrower,
    /// More than before.
    Wider,
}

/// The keywords that are compared by name below or in the other modules; everything else is found by the comparison of
/// the rest.
const KNOWN: [&str; 34] = [
    "$ref",
    "type",
    "format",
    "enum",
    "const",
    "default",
    "nullable",
    "pattern",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "readOnly",
    "writeOnly",
    "deprecated",
    "uniqueItems",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "allOf",
    "oneOf",
    "anyOf",
    "not",
    "discriminator",
    "x-extensible-enum",
    "title",
];

/// A name that is required and that no property has.
pub const NO_PROPERTY: &str = "required-names-no-property";

impl Spot {
    /// How ids begin here.
    pub fn prefix(self) -> &'static str {
        match (self.direction, self.kind) {
            (Direction::Request, Kind::Body) => "request-body",
            (Direction::Request, Kind::Property | Kind::Header) => "request-property",
            (Direction::Request, Kind::Parameter) | (Direction::Response, Kind::Parameter) => "request-parameter",
            (Direction::Request, Kind::ParameterProperty) | (Direction::Response, Kind::ParameterProperty) => {
                "request-parameter-property"
            }
            (Direction::Response, Kind::Body) => "response-body",
            (Direction::Response, Kind::Property) => "response-property",
            (Direction::Response, Kind::Header) => "response-header",
        }
    }

    /// An id of this place.
    pub fn id(self, what: &str) -> String {
        format!("{}-{what}", self.prefix())
    }

    /// What an effect means here.
    pub fn level(self, effect: Effect) -> Level {
        match (self.direction, effect) {
            (Direction::Request, Effect::Narrower) | (Direction::Response, Effect::Wider) if !self.excused => {
                Level::Breaking
            }
            _ => Level::Additive,
        }
    }

    /// A level that is kept unless nothing is ever sent here.
    pub fn unless_excused(self, level: Level) -> Level {
        if self.excused { level.min(Level::Additive) } else { level }
    }

    /// The role of what lies inside.
    pub fn inside(self) -> Self {
        let kind = match self.kind {
            Kind::Body | Kind::Property | Kind::Header => Kind::Property,
            Kind::Parameter | Kind::ParameterProperty => Kind::ParameterProperty,
        };
        Self { kind, optional: true, ..self }
    }
}

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
            let said = Said {
                revision: Some(&at),
                before: found.before,
                after: found.after,
                direction: Some(spot.direction),
                base: None,
            };
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
            base: Some(old.unwrap_or(pair.0)),
            revision: Some(new.unwrap_or(pair.1)),
            before: old.map(shown),
            after: new.map(shown),
            direction: Some(spot.direction),
        };
        // A keyword that is gone is shown where it would stand.
        self.record(if new.is_some() || old.is_none() { &step } else { trail }, spot.id(what), level, said)
    }

    fn types(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let (old, new) = (kinds(base), kinds(revision));
        if old == new {
            return self.format(trail, base, revision, spot);
        }
        let pair = (base, revision);
        let (wide, narrow) = match spot.direction {
            Direction::Request => (&new, &old),
            Direction::Response => (&old, &new),
        };
        let fits = contains(wide, narrow, spot.stringly);
        let (what, level) = match (fits, spot.direction) {
            (true, Direction::Request) => ("type-generalized", Level::Additive),
            (true, Direction::Response) => ("type-specialized", Level::Additive),
            (false, _) => ("type-changed", spot.unless_excused(Level::Breaking)),
        };
        self.keyword(trail, spot, what, level, pair, "type")?;
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
        let (wide, narrow) = match spot.direction {
            Direction::Request => (new, old),
            Direction::Response => (old, new),
        };
        let inside = matches!(
            (wide, narrow),
            (None, _)
                | (Some("double"), Some("float" | "int32" | "int64"))
                | (Some("float"), Some("int32" | "int64"))
                | (Some("int64"), Some("int32"))
                | (Some("bigint"), Some("int32" | "int64"))
                | (Some("date-time"), Some("date" | "time"))
        );
        let level = if inside {
            Level::Additive
        } else if spot.direction == Direction::Request && old.is_none() {
            Level::Warning
        } else {
            Level::Breaking
        };
        let what = if inside && spot.direction == Direction::Request { "type-generalized" } else { "format-changed" };
        self.keyword(trail, spot, what, spot.unless_excused(level), (base, revision), "format")
    }

    fn enumeration(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let pair = (base, revision);
        let list = |node: &Node, key: &str| node.get(key).and_then(Node::list).map(<[Node]>::to_vec);
        match (list(base, "enum"), list(revision, "enum")) {
            (None, None) => Ok(()),
            (None, Some(_)) => {
                let level = match spot.direction {
                    Direction::Request => spot.unless_excused(Level::Breaking),
                    Direction::Response => Level::Additive,
                };
                self.keyword(trail, spot, "became-enum", level, pair, "enum")
            }
            // Any value is taken now, and answers are read into open enumerations.
            (Some(_), None) => self.keyword(trail, spot, "enum-value-removed", Level::Additive, pair, "enum"),
            (Some(old), Some(new)) => {
                let (was, is) = (values(&old), values(&new));
                for value in old.iter().filter(|value| !is.contains(&exact(value))) {
                    let effect = spot.level(Effect::Narrower);
                    self.value(trail, spot, "enum-value-removed", effect, pair, (Some(value), None))?;
                }
                for value in new.iter().filter(|value| !was.contains(&exact(value))) {
                    self.value(trail, spot, "enum-value-added", Level::Additive, pair, (None, Some(value)))?;
                }
                Ok(())
            }
        }
    }

    fn value(
        &mut self,
        trail: &Trail<'_>,
        spot: Spot,
        what: &str,
        level: Level,
        pair: (&Node, &Node),
        value: (Option<&Node>, Option<&Node>),
    ) -> Result<()> {
        let step = trail.step("enum");
        let said = Said {
            base: value.0.or(pair.0.get("enum")).or(Some(pair.0)),
            revision: value.1.or(pair.1.get("enum")).or(Some(pair.1)),
            before: value.0.map(shown),
            after: value.1.map(shown),
            direction: Some(spot.direction),
        };
        self.record(&step, spot.id(what), level, said)
    }

    /// Values that are known while others may come: losing one is what a sender notices.
    fn extensible(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let key = "x-extensible-enum";
        let (Some(old), Some(new)) = (base.get(key).and_then(Node::list), revision.get(key).and_then(Node::list))
        else {
            let (old, new) = (base.get(key), revision.get(key));
            return if old.is_some() == new.is_some() {
                Ok(())
            } else {
                self.keyword(trail, spot, "extension-changed", Level::Text, (base, revision), key)
            };
        };
        let (was, is) = (values(old), values(new));
        let gone = !was.is_subset(&is);
        let come = !is.is_subset(&was);
        if gone {
            let level = spot.level(Effect::Narrower);
            self.keyword(trail, spot, "x-extensible-enum-value-removed", level, (base, revision), key)?;
        }
        if come {
            self.keyword(trail, spot, "x-extensible-enum-value-added", Level::Additive, (base, revision), key)?;
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
        if kinds(base).is_none() && kinds(revision).is_some() || kinds(revision).is_none() && kinds(base).is_some() {
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
        let none = Map::new();
        let old = base.get("properties").and_then(Node::map).unwrap_or(&none);
        let new = revision.get("properties").and_then(Node::map).unwrap_or(&none);
        let list = trail.step("properties");
        let (was, is) = (required(base), required(revision));
        for (name, node) in old {
            let at = list.step(name);
            match new.get(name) {
                Some(now) => {
                    let required = (was.contains(name.as_str()), is.contains(name.as_str()));
                    self.property(&at, (node, now), required, spot)?;
                }
                None => {
                    let closed = matches!(Further::of(revision), Further::Nothing);
                    self.property_gone(&at, node, (was.contains(name.as_str()), closed), spot)?;
                }
            }
        }
        for (name, node) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            let closed = matches!(Further::of(base), Further::Nothing);
            self.property_new(&list.step(name), node, (is.contains(name.as_str()), closed), spot)?;
        }
        // Names that are required although no property is described.
        let unnamed = |names: &HashSet<&'_ str>| -> BTreeSet<String> {
            let unknown = names.iter().filter(|name| !old.contains_key(**name) && !new.contains_key(**name));
            unknown.map(|name| (*name).to_owned()).collect()
        };
        let (was, is) = (unnamed(&was), unnamed(&is));
        if !is.is_subset(&was) {
            let said = Said {
                base: Some(base.get("required").unwrap_or(base)),
                revision: revision.get("required"),
                before: base.get("required").map(shown),
                after: revision.get("required").map(shown),
                direction: Some(spot.direction),
            };
            self.record(&trail.step("required"), NO_PROPERTY, Level::Warning, said)?;
        } else if was != is {
            self.keyword(trail, spot, "required-names-changed", Level::Additive, (base, revision), "required")?;
        }
        Ok(())
    }

    fn property(&mut self, at: &Trail<'_>, pair: (&Node, &Node), required: (bool, bool), spot: Spot) -> Result<()> {
        let old = super::references::follow(self.base, pair.0).node;
        let new = super::references::follow(self.revision, pair.1).node;
        let request = spot.direction == Direction::Request;
        let (was, is) = required;
        let word = if is { "required" } else { "optional" };
        let inner = spot.inside();
        let name = inner.prefix();
        for key in ["readOnly", "writeOnly"] {
            if is_true(old, key) == is_true(new, key) {
                continue;
            }
            let only = if key == "readOnly" { "read-only" } else { "write-only" };
            let not = if is_true(new, key) { "" } else { "not-" };
            // It is no longer taken, or asked for now, or no longer given.
            let level = match (key, is_true(new, key)) {
                ("readOnly", true) if request => Level::Warning,
                ("readOnly", false) if request && is => Level::Breaking,
                ("writeOnly", true) if !request && was => Level::Breaking,
                ("writeOnly", true) if !request => Level::Warning,
                _ => Level::Additive,
            };
            let way = if request { "request" } else { "response" };
            let said = Said {
                base: Some(old),
                revision: Some(new),
                before: Some(is_true(old, key).to_string()),
                after: Some(is_true(new, key).to_string()),
                direction: Some(spot.direction),
            };
            self.record(at, format!("{way}-{word}-property-became-{not}{only}"), spot.unless_excused(level), said)?;
        }
        let excused = match spot.direction {
            Direction::Request => is_true(new, "readOnly"),
            Direction::Response => is_true(old, "writeOnly") || is_true(new, "writeOnly"),
        };
        let inner = Spot { excused: spot.excused || excused, optional: !is, ..inner };
        if was != is {
            let with = if request && is && new.get("default").is_some() { "-with-default" } else { "" };
            let level = inner.level(if is { Effect::Narrower } else { Effect::Wider });
            let said = Said {
                base: Some(pair.0),
                revision: Some(pair.1),
                before: Some(if was { "required" } else { "optional" }.to_owned()),
                after: Some(word.to_owned()),
                direction: Some(spot.direction),
            };
            self.record(at, format!("{name}-became-{word}{with}"), level, said)?;
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
        let target = super::references::follow(self.base, node).node;
        let (id, level) = match spot.direction {
            Direction::Request => {
                let level = match (is_true(target, "readOnly"), closed) {
                    (true, _) => Level::Additive,
                    (false, true) => Level::Breaking,
                    (false, false) => Level::Warning,
                };
                (spot.inside().id("removed"), level)
            }
            Direction::Response => {
                let hidden = is_true(target, "writeOnly");
                let word = match (required, hidden) {
                    (true, true) => "required-write-only",
                    (true, false) => "required",
                    (false, true) => "optional-write-only",
                    (false, false) => "optional",
                };
                let level = match (required, hidden) {
                    (_, true) => Level::Additive,
                    (true, false) => Level::Breaking,
                    (false, false) => Level::Warning,
                };
                (format!("response-{word}-property-removed"), level)
            }
        };
        let said =
            Said { base: Some(node), before: Some(shown(node)), direction: Some(spot.direction), ..Said::default() };
        self.record(at, id, spot.unless_excused(level), said)
    }

    /// `closed`: readers of the older schema refuse what it does not describe.
    fn property_new(
        &mut self,
        at: &Trail<'_>,
        node: &Node,
        (required, closed): (bool, bool),
        spot: Spot,
    ) -> Result<()> {
        let target = super::references::follow(self.revision, node).node;
        let (id, level) = match spot.direction {
            Direction::Request => {
                let asked = required && !is_true(target, "readOnly");
                let word = if required { "required" } else { "optional" };
                let with = if required && target.get("default").is_some() { "-with-default" } else { "" };
                let level = if asked { Level::Breaking } else { Level::Additive };
                (format!("new-{word}-{}{with}", spot.inside().prefix()), level)
            }
            Direction::Response => {
                let word = if required { "required" } else { "optional" };
                let hidden = is_true(target, "writeOnly");
                let level = if closed && !hidden { Level::Breaking } else { Level::Additive };
                (format!("response-{word}{}-property-added", if hidden { "-write-only" } else { "" }), level)
            }
        };
        let said =
            Said { revision: Some(node), after: Some(shown(node)), direction: Some(spot.direction), ..Said::default() };
        self.record(at, id, spot.unless_excused(level), said)
    }

    /// What may stand beside the properties: anything, nothing, or what a schema says.
    fn further(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let key = "additionalProperties";
        let pair = (base, revision);
        match (Further::of(base), Further::of(revision)) {
            (Further::Schema(old), Further::Schema(new)) => {
                let at = trail.step(key);
                let (old, new) = (old.clone(), new.clone());
                self.referred(&at, &old, &new, spot.inside())
            }
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
        let empty = |node: &Node| Node::at(&node.place, Value::Map(Map::new()));
        match (base.get("items"), revision.get("items")) {
            (None, None) => Ok(()),
            // A list of something against a list of anything.
            (old, new) => {
                if kinds(base) != kinds(revision) && (old.is_none() || new.is_none()) {
                    return Ok(());
                }
                let old = old.cloned().unwrap_or_else(|| empty(base));
                let new = new.cloned().unwrap_or_else(|| empty(revision));
                self.referred(&trail.step("items"), &old, &new, spot.inside())
            }
        }
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
        let (old, new) = (base.get_text("title"), revision.get_text("title"));
        if old != new {
            // Generated types are called by the titles of what becomes a type.
            let typed = |node: &Node| {
                ["properties", "enum", "oneOf", "anyOf", "allOf"].iter().any(|key| node.get(key).is_some())
            };
            let level = if typed(base) || typed(revision) { Level::Source } else { Level::Text };
            let id = if level == Level::Source { "schema-title-changed" } else { "text-changed" };
            self.differs(&trail.step("title"), id, level, base.get("title"), revision.get("title"))?;
        }
        Ok(())
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
    let listed = |key: &str, null: &dyn Fn(&Node) -> bool| {
        node.get(key).and_then(Node::list).is_some_and(|items| items.iter().any(null))
    };
    is_true(node, "nullable") || listed("type", &|item| item.text() == Some("null"))
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
