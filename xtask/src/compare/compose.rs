//! Schemas made of schemas: `allOf`, `oneOf`, `anyOf`, `not`, `discriminator`, and the ways to write without them what
//! they say.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::references::follow;
use super::schemas::{Effect, Spot};
use super::{Comparer, Direction, Level, Said, Step, Trail, shown};
use crate::error::Result;
use crate::tree::{Map, Node, Value};

/// Parts of parts, all together: what is beyond stays as it is. No object that people describe has so many.
const MAX_PARTS: usize = 1_000;
/// Parts compared with each other to find out which became which.
const MAX_TRIALS: usize = 100;
/// What describes a schema and constrains nothing.
const ANNOTATIONS: [&str; 7] = ["title", "description", "example", "examples", "externalDocs", "xml", "deprecated"];

/// A schema without the compositions that only wrap: alternatives that are all constants are an enumeration, a single
/// alternative is no alternative.
pub(super) fn simple<'n>(document: &Node, node: &'n Node) -> Cow<'n, Node> {
    let mut out = Cow::Borrowed(node);
    for key in ["oneOf", "anyOf"] {
        let Some(parts) = out.get(key).and_then(Node::list) else { continue };
        if let Some(whole) = constants(document, &out, parts, key) {
            out = Cow::Owned(whole);
            continue;
        }
        if let [_] = parts {
            let Some(mut map) = out.map().cloned() else { continue };
            let Some(parts) = map.shift_remove(key) else { continue };
            match map.get_mut("allOf").and_then(Node::list_mut) {
                Some(all) => all.extend(parts.list().unwrap_or_default().iter().cloned()),
                None => {
                    map.insert("allOf".to_owned(), parts);
                }
            }
            out = Cow::Owned(Node { value: Value::Map(map), ..out.as_ref().clone() });
        }
    }
    out
}

/// `oneOf: [{const: a}, {enum: [b]}]` is `enum: [a, b]`.
fn constants(document: &Node, node: &Node, parts: &[Node], key: &str) -> Option<Node> {
    if node.get("enum").is_some() || parts.is_empty() {
        return None;
    }
    let mut values: Vec<Node> = Vec::new();
    let mut kind: Option<Node> = node.get("type").cloned();
    for part in parts {
        let part = follow(document, part).node;
        let map = part.map()?;
        let plain = map.keys().all(|key| {
            ["type", "enum", "const"].contains(&key.as_str())
                || ANNOTATIONS.contains(&key.as_str())
                || key.starts_with("x-")
        });
        let own: Vec<Node> = match (map.get("const"), map.get("enum").and_then(Node::list)) {
            (Some(value), None) => vec![value.clone()],
            (None, Some(list)) => list.to_vec(),
            _ => return None,
        };
        match (map.get("type"), &kind) {
            (Some(own), Some(other)) if !own.same(other) => return None,
            (Some(own), None) => kind = Some(own.clone()),
            _ => {}
        }
        if !plain {
            return None;
        }
        for value in own {
            if !values.iter().any(|old| old.same(&value)) {
                values.push(value);
            }
        }
    }
    let mut map = node.map()?.clone();
    let place = map.shift_remove(key)?.place;
    if let Some(kind) = kind {
        map.insert("type".to_owned(), kind);
    }
    map.insert("enum".to_owned(), Node::at(&place, Value::List(values)));
    Some(Node { value: Value::Map(map), ..node.clone() })
}

/// The one schema that an `allOf` describes.
pub(super) fn flat(document: &Node, node: &Node) -> Node {
    let mut whole = Map::new();
    let mut left = Vec::new();
    let mut parts = 0;
    gather(document, node, &mut whole, &mut left, &mut parts);
    if !left.is_empty() {
        whole.insert("allOf".to_owned(), Node::at(&node.place, Value::List(left)));
    }
    Node { value: Value::Map(whole), ..node.clone() }
}

fn gather(document: &Node, node: &Node, whole: &mut Map, left: &mut Vec<Node>, parts: &mut usize) {
    let Some(map) = node.map() else { return };
    for (key, value) in map {
        if key == "allOf" {
            continue;
        }
        let Some(old) = whole.get_mut(key) else {
            whole.insert(key.clone(), value.clone());
            continue;
        };
        if old.same(value) {
            continue;
        }
        match (key.as_str(), &mut old.value, &value.value) {
            ("required", Value::List(all), Value::List(more)) => {
                let new: Vec<Node> =
                    more.iter().filter(|name| !all.iter().any(|old| old.same(name))).cloned().collect();
                all.extend(new);
            }
            ("properties", Value::Map(all), Value::Map(more)) => {
                for (name, property) in more {
                    match all.get_mut(name) {
                        None => {
                            all.insert(name.clone(), property.clone());
                        }
                        Some(first) if first.same(property) => {}
                        Some(first) => {
                            let parts = Node::at(&first.place, Value::List(vec![first.clone(), property.clone()]));
                            first.value = Value::Map(Map::from([("allOf".to_owned(), parts)]));
                        }
                    }
                }
            }
            (key, _, _) if ANNOTATIONS.contains(&key) || key.starts_with("x-") => {}
            // Two that differ hold both: neither is forgotten.
            (key, _, _) => {
                let part = Map::from([(key.to_owned(), value.clone())]);
                left.push(Node::at(&value.place, Value::Map(part)));
            }
        }
    }
    for part in map.get("allOf").and_then(Node::list).unwrap_or_default() {
        let target = follow(document, part);
        *parts += 1;
        if *parts < MAX_PARTS && target.node.get("$ref").is_none() {
            gather(document, target.node, whole, left, parts);
        } else {
            left.push(part.clone());
        }
    }
}

impl<'a> Comparer<'a> {
    pub(super) fn compositions(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        for key in ["allOf", "oneOf", "anyOf"] {
            let (old, new) = (base.get(key).and_then(Node::list), revision.get(key).and_then(Node::list));
            match (old, new) {
                (None, None) => {}
                (Some(old), Some(new)) => {
                    let named = [base, revision].iter().any(|node| node.get("discriminator").is_some());
                    self.alternatives(trail, key, (old, new), named, spot)?;
                }
                (old, _) => self.composed(trail, key, old.is_some(), (base, revision), spot)?,
            }
        }
        self.never(trail, base, revision, spot)?;
        self.discriminator(trail, base, revision, spot)
    }

    /// A composition that only one side has.
    fn composed(&mut self, trail: &Trail<'_>, key: &str, gone: bool, pair: (&Node, &Node), spot: Spot) -> Result<()> {
        // What was one schema is one of several now, or the other way round: that is more, or less.
        let (single, several) = if gone { (pair.1, pair.0) } else { (pair.0, pair.1) };
        let plain = |node: &Node| -> Map {
            let map = node.map().cloned().unwrap_or_default();
            map.into_iter().filter(|(key, _)| !ANNOTATIONS.contains(&key.as_str())).collect()
        };
        let roots = if gone { (self.revision, self.base) } else { (self.base, self.revision) };
        let alone = plain(&flat(roots.0, single));
        let among = !alone.is_empty()
            && several.get(key).and_then(Node::list).unwrap_or_default().iter().any(|part| {
                let part = plain(&flat(roots.1, follow(roots.1, part).node));
                part.len() == alone.len() && part.iter().all(|(k, v)| alone.get(k).is_some_and(|o| o.same(v)))
            });
        let effect = if among == gone { Effect::Narrower } else { Effect::Wider };
        let word = word(key);
        let what = format!("{word}-{}", if gone { "removed" } else { "added" });
        let level = match (spot.direction, gone, among) {
            (Direction::Response, true, false) => Level::Warning,
            // Something was promised, and alternatives stand there now that are not it.
            (Direction::Response, false, false) if key != "allOf" && !alone.is_empty() => Level::Breaking,
            _ => spot.level(effect),
        };
        self.keyword(trail, spot, &what, spot.unless_excused(level), pair, key)
    }

    fn alternatives(
        &mut self,
        trail: &Trail<'_>,
        key: &str,
        (old, new): (&[Node], &[Node]),
        named: bool,
        spot: Spot,
    ) -> Result<()> {
        let list = trail.step(key);
        let (mut pairs, mut gone, mut come) = paired(old, new);
        pairs.extend(in_order((old, new), (&mut gone, &mut come)));
        // What a discriminator calls by name is another thing under another name.
        if !named {
            pairs.extend(self.grown(&list, (old, new), (&mut gone, &mut come), spot));
        }
        pairs.sort_unstable();
        for (from, to) in pairs {
            let (Some(base), Some(revision)) = (old.get(from), new.get(to)) else { continue };
            let name = name_of(revision);
            let (from, to) = (from.to_string(), to.to_string());
            let at = list.steps(&name, Step::Key(&from), Step::Key(&to));
            self.referred(&at, base, revision, spot.inside())?;
        }
        let word = word(key);
        for index in gone {
            let Some(part) = old.get(index) else { continue };
            // Of alternatives there is one less; of things that all hold, one less is asked for.
            let effect = if key == "allOf" { Effect::Wider } else { Effect::Narrower };
            let level = match (key, spot.direction) {
                ("allOf", _) => Level::Warning,
                _ => spot.level(effect),
            };
            let name = name_of(part);
            let number = index.to_string();
            let at = list.steps(&name, Step::Key(&number), Step::Key(&number));
            let said = Said {
                base: Some(part),
                before: Some(shown(part)),
                direction: Some(spot.direction),
                ..Said::default()
            };
            self.record(&at, spot.id(&format!("{word}-removed")), spot.unless_excused(level), said)?;
        }
        for index in come {
            let Some(part) = new.get(index) else { continue };
            let says = follow(self.revision, part).node.map().is_some_and(|map| {
                map.keys().any(|key| !ANNOTATIONS.contains(&key.as_str()) && !key.starts_with("x-"))
            });
            let effect = if key == "allOf" { Effect::Narrower } else { Effect::Wider };
            let level = if says || key != "allOf" { spot.level(effect) } else { Level::Text };
            let name = name_of(part);
            let number = index.to_string();
            let at = list.steps(&name, Step::Key(&number), Step::Key(&number));
            let said = Said {
                revision: Some(part),
                after: Some(shown(part)),
                direction: Some(spot.direction),
                ..Said::default()
            };
            self.record(&at, spot.id(&format!("{word}-added")), level, said)?;
        }
        Ok(())
    }

    /// Pairs of parts between which nothing changed but names, then of those that only grew: by what they hold.
    fn grown(
        &mut self,
        trail: &Trail<'_>,
        (old, new): (&[Node], &[Node]),
        (gone, come): (&mut Vec<usize>, &mut Vec<usize>),
        spot: Spot,
    ) -> Vec<(usize, usize)> {
        let (mut likely, mut pairs) = (Vec::new(), Vec::new());
        if gone.len() * come.len() > MAX_TRIALS {
            return pairs;
        }
        for (one, other) in gone.iter().flat_map(|one| come.iter().map(move |other| (*one, *other))) {
            let (Some(base), Some(revision)) = (old.get(one), new.get(other)) else { continue };
            let level = self.trial(trail, base, revision, spot.inside());
            likely.extend(level.filter(|level| *level <= Level::Additive).map(|level| (level, one, other)));
        }
        likely.sort_unstable();
        for (_, one, other) in likely {
            if gone.contains(&one) && come.contains(&other) {
                gone.retain(|index| *index != one);
                come.retain(|index| *index != other);
                pairs.push((one, other));
            }
        }
        pairs
    }

    /// How grave the changes between two schemas are, none of which is recorded; none if they cannot be compared.
    fn trial(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Option<Level> {
        let names = follow(self.base, base).name.zip(follow(self.revision, revision).name);
        let key = names.map(|(old, new)| (old, new, spot));
        if let Some(known) = key.as_ref().and_then(|key| self.trials.get(key)) {
            return *known;
        }
        let (before, depth, cut, renamed) = (self.changes.len(), self.depth, self.cut, self.renamed.clone());
        let done = self.referred(trail, base, revision, spot);
        let gravest = self.changes.drain(before..).map(|change| change.level).max();
        (self.depth, self.cut, self.renamed) = (depth, cut, renamed);
        let level = done.ok().map(|()| gravest.unwrap_or(Level::Text));
        self.trials.extend(key.map(|key| (key, level)));
        level
    }

    fn never(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let (what, level) = match (base.get("not"), revision.get("not")) {
            (None, None) => return Ok(()),
            (Some(old), Some(new)) if old.same(new) => return Ok(()),
            (None, Some(_)) => ("not-added", spot.level(Effect::Narrower)),
            (Some(_), None) => ("not-removed", spot.level(Effect::Wider).min(Level::Warning)),
            (Some(_), Some(_)) => ("not-changed", spot.unless_excused(Level::Warning)),
        };
        self.keyword(trail, spot, what, level, (base, revision), "not")
    }

    fn discriminator(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        let pair = (base, revision);
        let key = "discriminator";
        let what = match (base.get(key), revision.get(key)) {
            (None, None) => return Ok(()),
            (Some(old), Some(new)) if old.same(new) => return Ok(()),
            (None, Some(_)) => "discriminator-added",
            (Some(_), None) => "discriminator-removed",
            (Some(old), Some(new)) if old.get_text("propertyName") != new.get_text("propertyName") => {
                "discriminator-property-name-changed"
            }
            (Some(old), Some(new)) => {
                let count = |node: &Node| node.get("mapping").and_then(Node::map).map_or(0, Map::len);
                match count(new).cmp(&count(old)) {
                    std::cmp::Ordering::Greater => "discriminator-mapping-added",
                    std::cmp::Ordering::Less => "discriminator-mapping-deleted",
                    std::cmp::Ordering::Equal => "discriminator-mapping-changed",
                }
            }
        };
        let level = if what == "discriminator-mapping-added" { Level::Additive } else { Level::Warning };
        self.keyword(trail, spot, what, spot.unless_excused(level), pair, key)
    }
}

fn word(key: &str) -> &'static str {
    match key {
        "allOf" => "all-of",
        "oneOf" => "one-of",
        _ => "any-of",
    }
}

fn name_of(part: &Node) -> String {
    let named = part.get_text("$ref").or_else(|| part.get_text("title"));
    named.map_or_else(|| "part".to_owned(), str::to_owned)
}

/// Something that two parts have in common when one became the other.
type Way<'w> = &'w dyn Fn(&Node) -> Option<String>;
/// Pairs of indices, what is gone, what is new.
type Paired = (Vec<(usize, usize)>, Vec<usize>, Vec<usize>);

/// Which part became which: by reference, by content, by title.
fn paired(old: &[Node], new: &[Node]) -> Paired {
    let mut pairs = Vec::new();
    let mut from: Vec<usize> = (0..old.len()).collect();
    let mut to: Vec<usize> = (0..new.len()).collect();
    let ways: [Way<'_>; 3] =
        [&|part| part.get_text("$ref").map(str::to_owned), &|part| Some(part.to_json().to_string()), &|part| {
            part.get_text("title").map(str::to_owned)
        }];
    for way in ways {
        let mut there: HashMap<String, Vec<usize>> = HashMap::new();
        for index in to.iter().rev() {
            if let Some(key) = new.get(*index).and_then(way) {
                there.entry(key).or_default().push(*index);
            }
        }
        let mut taken = HashSet::new();
        from.retain(|index| {
            let found = old.get(*index).and_then(way).and_then(|key| there.get_mut(&key)?.pop());
            match found {
                Some(other) => {
                    pairs.push((*index, other));
                    taken.insert(other);
                    false
                }
                None => true,
            }
        });
        to.retain(|index| !taken.contains(index));
    }
    (pairs, from, to)
}

/// Parts that are left and have nothing but their order, if there is one of each; references have names, which say more.
fn in_order((old, new): (&[Node], &[Node]), (gone, come): (&mut Vec<usize>, &mut Vec<usize>)) -> Vec<(usize, usize)> {
    let inline = |list: &[Node], index: &[usize]| {
        index.iter().all(|i| list.get(*i).is_some_and(|part| part.get("$ref").is_none()))
    };
    if gone.len() != come.len() || !inline(old, gone) || !inline(new, come) {
        return Vec::new();
    }
    gone.drain(..).zip(come.drain(..)).collect()
}
