//! Schemas made of schemas: `allOf`, `oneOf`, `anyOf`, `not`, `discriminator`, and the ways to write without them what
//! they say.

use std::borrow::Cow;

use heck::ToKebabCase as _;

use super::change::Level;
use super::comparer::{Comparer, entries, items};
use super::pairs::{Paired, Way};
use super::spot::{Effect, Schemas};
use super::trail::Step;
use crate::error::Result;
use crate::reference::follow;
use crate::text::shown;
use crate::tree::{Map, Node, Value};

/// Parts of parts, all together: what is beyond stays as it is. No object that people describe has so many.
const MAX_PARTS: usize = 1_000;
/// Parts compared with each other to find out which became which.
const MAX_TRIALS: usize = 100;
/// Trials in one comparison: unions of unions would multiply them; beyond, what is different counts as another thing.
const MAX_TRIED: usize = 2_000;
/// The keywords that list alternatives.
pub(super) const UNIONS: [&str; 2] = ["oneOf", "anyOf"];
/// What describes a schema and constrains nothing.
const ANNOTATIONS: [&str; 7] = ["title", "description", "example", "examples", "externalDocs", "xml", "deprecated"];

/// A schema without the compositions that only wrap: alternatives that are all constants are an enumeration, a single
/// alternative is no alternative.
pub(super) fn simple<'n>(document: &Node, node: &'n Node) -> Cow<'n, Node> {
    let mut out = Cow::Borrowed(node);
    for key in UNIONS {
        let parts = items(out.get(key));
        let single = || Some(with_member(&out, key, parts.first().filter(|_| parts.len() == 1)?));
        if let Some(whole) = constants(document, &out, key).or_else(single) {
            out = Cow::Owned(whole);
        }
    }
    out
}

/// `oneOf: [{const: a}, {enum: [b]}]` is `enum: [a, b]`.
fn constants(document: &Node, node: &Node, key: &str) -> Option<Node> {
    let mut map = node.map()?.clone();
    let union = map.shift_remove(key)?;
    let (mut values, mut kinds) = (Vec::new(), Vec::from_iter(map.get("type").cloned()));
    for part in items(Some(&union)) {
        let part = follow(document, part).node.map()?;
        match (part.get("const"), part.get("enum").and_then(Node::list)) {
            (Some(value), None) => values.push(value.clone()),
            (None, Some(list)) => values.extend_from_slice(list),
            _ => return None,
        }
        if !part.keys().all(|key| ["type", "enum", "const"].contains(&key.as_str()) || is_silent(key)) {
            return None;
        }
        kinds.extend(part.get("type").cloned());
    }
    let kind = kinds.pop();
    let is_one_kind = kinds.iter().all(|other| kind.as_ref().is_some_and(|kind| other.same(kind)));
    if values.is_empty() || map.contains_key("enum") || !is_one_kind {
        return None;
    }
    map.extend(kind.map(|kind| ("type".to_owned(), kind)));
    map.insert("enum".to_owned(), Node::at(&union.place, Value::List(values)));
    Some(Node { value: Value::Map(map), ..node.clone() })
}

/// Whether a key constrains nothing.
fn is_silent(key: &str) -> bool {
    ANNOTATIONS.contains(&key) || key.starts_with("x-")
}

/// The one schema that an `allOf` describes.
pub(super) fn flat(document: &Node, node: &Node) -> Node {
    let (mut whole, mut left) = (Map::new(), Vec::new());
    gather(document, node, (&mut whole, &mut left), &mut 0);
    if !left.is_empty() {
        whole.insert("allOf".to_owned(), Node::at(&node.place, Value::List(left)));
    }
    Node { value: Value::Map(whole), ..node.clone() }
}

/// Adds what a schema says to the whole, or to what is left: two that differ hold both, and neither is forgotten.
fn gather(document: &Node, node: &Node, (whole, left): (&mut Map, &mut Vec<Node>), parts: &mut usize) {
    for (key, value) in entries(Some(node)).iter().filter(|(key, _)| *key != "allOf") {
        let Some(old) = whole.get_mut(key) else {
            whole.insert(key.clone(), value.clone());
            continue;
        };
        if old.same(value) {
            continue;
        }
        match (key.as_str(), &mut old.value, &value.value) {
            ("required", Value::List(all), Value::List(more)) => {
                let new = more.iter().filter(|name| !all.iter().any(|old| old.same(name)));
                let new: Vec<Node> = new.cloned().collect();
                all.extend(new);
            }
            ("properties", Value::Map(all), Value::Map(more)) => {
                for (name, property) in more {
                    let first = all.entry(name.clone()).or_insert_with(|| property.clone());
                    if !first.same(property) {
                        let parts = Node::at(&first.place, Value::List(vec![first.clone(), property.clone()]));
                        first.value = Value::Map(Map::from([("allOf".to_owned(), parts)]));
                    }
                }
            }
            (key, _, _) if is_silent(key) => {}
            (key, _, _) => {
                let part = Map::from([(key.to_owned(), value.clone())]);
                left.push(Node::at(&value.place, Value::Map(part)));
            }
        }
    }
    for part in items(node.get("allOf")) {
        let target = follow(document, part);
        *parts += 1;
        if *parts < MAX_PARTS && target.node.get("$ref").is_none() {
            gather(document, target.node, (&mut *whole, &mut *left), parts);
        } else {
            left.push(part.clone());
        }
    }
}

impl Comparer<'_> {
    /// Members of `allOf` without a counterpart: what they describe was compared, and is different. Without names, as many as
    /// before are the same ones.
    pub(super) fn other_members(&mut self, at: Schemas<'_>, members: Paired) -> Result<()> {
        let (old, new) = both(at, "allOf");
        if old.is_empty() || new.is_empty() || is_ordered(&members, (old, new)) {
            return Ok(());
        }
        self.parts(at, "allOf", &Paired { pairs: Vec::new(), ..members })
    }

    /// Compares `allOf`, `oneOf` and `anyOf`, each where it stands on both sides.
    pub(super) fn compositions(&mut self, at: Schemas<'_>, members: &Paired) -> Result<()> {
        self.parts(at, "allOf", members)?;
        for key in UNIONS {
            // What a discriminator calls by name is another thing under another name.
            let mut paired =
                self.paired(at, key, [at.base, at.revision].iter().all(|node| node.get("discriminator").is_none()));
            if is_ordered(&paired, both(at, key)) {
                paired.join_rest();
            }
            self.parts(at, key, &paired)?;
        }
        Ok(())
    }

    /// A union that only one side has: one schema became one of several, or the other way round.
    ///
    /// More is allowed than before if one of several allows all of it, less if each of them allows nothing else.
    pub(super) fn wrapped(&mut self, at: Schemas<'_>, key: &str) -> Result<()> {
        let gone = at.base.get(key).is_some();
        let several = if gone { at.base } else { at.revision };
        let mut levels = Vec::new();
        for part in items(several.get(key)) {
            let branch = branch(several, key, part);
            let one = if gone { Schemas { base: &branch, ..at } } else { Schemas { revision: &branch, ..at } };
            levels.push(self.trial(one).unwrap_or(Level::Breaking));
        }
        let one_is_enough = gone != at.spot.is_request();
        let level = if one_is_enough { levels.into_iter().min() } else { levels.into_iter().max() };
        let level = at.spot.unless_excused(level.unwrap_or(Level::Warning).max(Level::Additive));
        let id = at.spot.id(&format!("{}-{}", key.to_kebab_case(), if gone { "removed" } else { "added" }));
        self.record(at.trail, id, level, (Some(at.base), Some(at.revision)))
    }

    /// `oneOf` that became `anyOf`, or the other way round, is recorded; the older schema comes back with the newer
    /// keyword.
    pub(super) fn same_union<'n>(&mut self, at: Schemas<'n>) -> Result<Cow<'n, Node>> {
        let unions = |node: &Node| UNIONS.map(|key| node.get(key).is_some());
        let (from, to, effect) = match (unions(at.base), unions(at.revision)) {
            ([true, false], [false, true]) => ("oneOf", "anyOf", Effect::Wider),
            ([false, true], [true, false]) => ("anyOf", "oneOf", Effect::Narrower),
            _ => return Ok(Cow::Borrowed(at.base)),
        };
        // A value that fits several alternatives is one of `anyOf` only; few are meant to.
        self.keyword(at, to, "union-changed", at.spot.level(effect).min(Level::Warning))?;
        let mut map = entries(Some(at.base)).clone();
        if let Some(parts) = map.shift_remove(from) {
            map.insert(to.to_owned(), parts);
        }
        Ok(Cow::Owned(Node { value: Value::Map(map), ..at.base.clone() }))
    }

    /// Parts that stayed, by what changed inside of them; then those that are gone, and those that are new.
    fn parts(&mut self, at: Schemas<'_>, key: &str, paired: &Paired) -> Result<()> {
        let (old, new) = both(at, key);
        let list = at.trail.step(key);
        for (from, to) in paired.pairs.iter().copied() {
            let (Some(base), Some(revision)) = (old.get(from), new.get(to)) else { continue };
            let (name, from, to) = (name_of(revision), from.to_string(), to.to_string());
            let step = list.steps(name, Step::Key(&from), Step::Key(&to));
            self.referred(Schemas { trail: &step, base, revision, ..at })?;
        }
        // Of alternatives there is one less, or one more. Of things that all hold, one more is asked for; what one less
        // means is said by the comparison of what they describe.
        let (less, more) = match key {
            "allOf" => (Level::Warning, at.spot.level(Effect::Narrower)),
            _ => (at.spot.level(Effect::Narrower), at.spot.level(Effect::Wider)),
        };
        let gone = paired.gone.iter().filter_map(|index| Some((index, old.get(*index)?, false)));
        let come = paired.come.iter().filter_map(|index| Some((index, new.get(*index)?, true)));
        for (index, part, is_new) in gone.chain(come) {
            let (name, number) = (name_of(part), index.to_string());
            let step = list.steps(name, Step::Key(&number), Step::Key(&number));
            let (how, level) = if is_new { ("added", more) } else { ("removed", less) };
            let (id, level) = (format!("{}-{how}", key.to_kebab_case()), at.spot.unless_excused(level));
            self.alone(&step, (part, is_new), (at.spot.id(&id), level, shown(part)))?;
        }
        Ok(())
    }

    /// Which part became which: by reference, content or title; where these say nothing and `alike` asks for it, by
    /// being the same or more.
    pub(super) fn paired(&mut self, at: Schemas<'_>, key: &str, alike: bool) -> Paired {
        let (old, new) = both(at, key);
        if old.is_empty() && new.is_empty() {
            return Paired::default();
        }
        let reference: Way<'_, Node> = &|part| part.get_text("$ref").map(str::to_owned);
        let content: Way<'_, Node> = &|part| Some(part.to_json().to_string());
        let title: Way<'_, Node> = &|part| part.get_text("title").map(str::to_owned);
        let mut paired = Paired::by(old, new, &[reference, content, title], false);
        if !alike || paired.gone.len() * paired.come.len() > MAX_TRIALS {
            return paired;
        }
        let list = at.trail.step(key);
        let mut likely = Vec::new();
        for (one, other) in paired.left() {
            let (Some(base), Some(revision)) = (old.get(one), new.get(other)) else { continue };
            let level = self.trial(Schemas { trail: &list, base, revision, ..at });
            likely.extend(level.filter(|level| *level <= Level::Additive).map(|level| (level, one, other)));
        }
        likely.sort_unstable();
        likely.into_iter().for_each(|(_, one, other)| paired.join(one, other));
        paired.pairs.sort_unstable();
        paired
    }

    /// How grave the changes between two schemas are, none of which is recorded; none if they cannot be compared.
    fn trial(&mut self, at: Schemas<'_>) -> Option<Level> {
        let names = follow(self.base, at.base).name.zip(follow(self.revision, at.revision).name);
        let key = names.map(|(old, new)| (old, new, at.spot));
        if let Some(known) = key.as_ref().and_then(|key| self.seen.trials.get(key)) {
            return *known;
        }
        if self.seen.tried >= MAX_TRIED {
            return None;
        }
        self.seen.tried += 1;
        let (before, depth, cut, renamed) = (self.changes.len(), self.seen.depth, self.cut, self.seen.renamed.clone());
        let done = self.referred(at);
        let gravest = self.changes.drain(before..).map(|change| change.level).max();
        (self.seen.depth, self.cut, self.seen.renamed) = (depth, cut, renamed);
        let level = done.ok().map(|()| gravest.unwrap_or(Level::Text));
        self.seen.trials.extend(key.map(|key| (key, level)));
        level
    }
}

fn name_of(part: &Node) -> &str {
    part.get_text("$ref").or(part.get_text("title")).unwrap_or("part")
}

fn both<'t>(at: Schemas<'t>, key: &str) -> (&'t [Node], &'t [Node]) {
    (items(at.base.get(key)), items(at.revision.get(key)))
}

/// One alternative of a union, with what stands beside the union.
fn branch(node: &Node, key: &str, part: &Node) -> Node {
    let alone = entries(Some(node)).keys().all(|other| other == key || other == "discriminator" || is_silent(other));
    if alone { part.clone() } else { with_member(node, key, part) }
}

/// A schema with a member of `allOf` instead of a union.
fn with_member(node: &Node, key: &str, part: &Node) -> Node {
    let mut map = entries(Some(node)).clone();
    map.retain(|other, _| other != key && other != "discriminator");
    let all = map.entry("allOf".to_owned()).or_insert_with(|| Node::at(&part.place, Value::List(Vec::new())));
    if let Some(all) = all.list_mut() {
        all.push(part.clone());
    }
    Node { value: Value::Map(map), ..node.clone() }
}

/// Whether what is left has nothing but its order, as much on either side; references have names, which say more.
fn is_ordered(paired: &Paired, (old, new): (&[Node], &[Node])) -> bool {
    let inline = |list: &[Node], left: &[usize]| {
        left.iter().all(|index| list.get(*index).is_some_and(|part| part.get("$ref").is_none()))
    };
    paired.gone.len() == paired.come.len() && inline(old, &paired.gone) && inline(new, &paired.come)
}
