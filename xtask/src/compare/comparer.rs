//! The state of one comparison, and how it records changes.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::change::{Change, Direction, Level, Look, Operation};
use super::pairs::{Paired, Way};
use super::spot::{Effect, Schemas, Spot};
use super::trail::{Trail, Which};
use crate::error::{Error, Result};
use crate::text::shown;
use crate::tree::{Map, Node, Value};

/// Changes in one comparison: more is another document and no drift.
const MAX_CHANGES: usize = 20_000;

/// The state of one comparison.
pub(super) struct Comparer<'a> {
    pub base: &'a Node,
    pub revision: &'a Node,
    pub look: Look<'a>,
    pub changes: Vec<Change>,
    pub operation: Option<Operation>,
    /// Which way the data goes that is being compared.
    pub direction: Option<Direction>,
    /// The least depth of an open pair that the current one came back to.
    pub cut: usize,
    pub seen: Seen,
}

/// What a comparison has come by.
#[derive(Default)]
pub(super) struct Seen {
    pub visits: usize,
    pub tried: usize,
    pub depth: usize,
    /// Pairs of references that are being compared, with the depth at which each began.
    pub open: HashMap<PairKey, usize>,
    /// Pairs known to be the same.
    pub same: HashSet<PairKey>,
    /// Pairs that were compared to find out what became what, and the gravest change of each.
    pub trials: HashMap<PairKey, Option<Level>>,
    /// References that some operation led to, and the schemes that the older ones ask for.
    pub used: HashSet<String>,
    /// Pairs of reference names that were reported as renamed.
    pub renamed: HashSet<(String, String)>,
}

/// A pair of references in one role.
pub(super) type PairKey = (String, String, Spot);
/// What stands on either side.
pub(super) type Both<'n> = (Option<&'n Node>, Option<&'n Node>);
/// Of what one side alone has: the id, the level, and how it is shown.
pub(super) type Alone = (String, Level, String);

impl<'a> Comparer<'a> {
    pub fn new(base: &'a Node, revision: &'a Node, look: Look<'a>) -> Self {
        let (changes, cut, seen) = (Vec::new(), usize::MAX, Seen::default());
        Self { base, revision, look, changes, operation: None, direction: None, cut, seen }
    }

    /// Records one change of nodes, as they are written.
    pub fn record(&mut self, at: &Trail<'_>, id: impl Into<String>, level: Level, nodes: Both<'_>) -> Result<()> {
        self.record_as(at, id, level, nodes, [nodes.0.map(shown), nodes.1.map(shown)])
    }

    /// Records one change in words. Its place is the newer node's, or that of an older one that stands alone.
    pub fn record_as(
        &mut self,
        at: &Trail<'_>,
        id: impl Into<String>,
        level: Level,
        nodes: Both<'_>,
        [before, after]: [Option<String>; 2],
    ) -> Result<()> {
        if self.changes.len() >= MAX_CHANGES {
            let why =
                format!("more than {MAX_CHANGES} changes; this is another document, compare what belongs together");
            return Err(Error::refused(&self.revision.place, why));
        }
        let (which, node) = match nodes {
            (Some(node), None) => (Which::Base, node),
            (_, node) => (Which::Revision, node.unwrap_or(self.revision)),
        };
        self.changes.push(Change {
            direction: self.direction,
            operation: self.operation.clone(),
            pointer: at.pointer(which),
            site: at.site(),
            place: node.place.clone(),
            before,
            after,
            ..Change::of(id, level)
        });
        Ok(())
    }

    /// Records what one side alone has: the newer one, or the older.
    pub fn alone(&mut self, at: &Trail<'_>, (node, is_new): (&Node, bool), (id, level, words): Alone) -> Result<()> {
        if is_new {
            self.record_as(at, id, level, (None, Some(node)), [None, Some(words)])
        } else {
            self.record_as(at, id, level, (Some(node), None), [Some(words), None])
        }
    }

    /// Records that something is another than before, unless it is the same.
    pub fn became<T: ToString + PartialEq>(
        &mut self,
        at: &Trail<'_>,
        (id, level): (impl Into<String>, Level),
        (old, new): (&Node, &Node),
        (was, is): (T, T),
    ) -> Result<()> {
        if was == is {
            return Ok(());
        }
        self.record_as(at, id, level, (Some(old), Some(new)), [Some(was.to_string()), Some(is.to_string())])
    }

    /// Records that a key has another value, unless both say the same or nothing.
    pub fn differs(&mut self, at: &Trail<'_>, key: &str, id: &str, level: Level, nodes: Both<'_>) -> Result<()> {
        if same(nodes) { Ok(()) } else { self.record(&at.step(key), id, level, nodes) }
    }

    /// Records what became of a keyword. One that is gone is shown where it would stand.
    pub fn keyword(&mut self, at: Schemas<'_>, key: &str, what: &str, level: Level) -> Result<()> {
        let (old, new) = at.get(key);
        let step = at.trail.step(key);
        let trail = if new.is_some() || old.is_none() { &step } else { at.trail };
        let node = new.unwrap_or(at.revision);
        self.record_as(trail, at.spot.id(what), level, (None, Some(node)), [old.map(shown), new.map(shown)])
    }

    /// Records that something became required or optional.
    pub fn requirement(
        &mut self,
        at: &Trail<'_>,
        nodes: (&Node, &Node),
        (was, is): (bool, bool),
        spot: Spot,
    ) -> Result<()> {
        let level = spot.level(if is { Effect::Narrower } else { Effect::Wider });
        let id = spot.id(&format!("became-{}", manner(is)));
        self.became(at, (id, level), nodes, (manner(was), manner(is)))
    }

    /// Records that something became deprecated, or no longer is.
    pub fn deprecation(&mut self, at: &Trail<'_>, what: &str, (old, new): (&Node, &Node)) -> Result<()> {
        let key = "deprecated";
        let (was, is) = (old.is_true(key), new.is_true(key));
        let (how, level) = if is { (key, Level::Warning) } else { ("reactivated", Level::Additive) };
        let nodes = (old.get(key).unwrap_or(old), new.get(key).unwrap_or(new));
        self.became(&at.step(key), (format!("{what}-{how}"), level), nodes, (was, is))
    }

    /// Compares two mappings key by key: `alone` says what it means that one side alone has a key, the newer one or the
    /// older, and `both` compares what both have.
    pub fn each<'n>(
        &mut self,
        at: &Trail<'_>,
        (old, new): (&'n Map, &'n Map),
        alone: impl Fn(&str, &'n Node, bool) -> Alone,
        mut both: impl FnMut(&mut Self, &Trail<'_>, (&'n Node, &'n Node)) -> Result<()>,
    ) -> Result<()> {
        for (name, one, other) in union(old, new) {
            let step = at.step(name);
            match (one, other) {
                (Some(one), Some(other)) => both(self, &step, (one, other))?,
                (Some(one), None) => self.alone(&step, (one, false), alone(name, one, false))?,
                (None, Some(other)) => self.alone(&step, (other, true), alone(name, other, true))?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Compares two lists whose order says nothing, by a key of their items; gives what both have. The levels are those of
    /// what is gone and of what is new.
    pub fn unordered<'n>(
        &mut self,
        at: &Trail<'_>,
        (old, new): (&'n [Node], &'n [Node]),
        key: Way<'_, Node>,
        what: &str,
        levels: impl Fn(&Paired) -> [Level; 2],
    ) -> Result<Vec<(&'n Node, &'n Node)>> {
        let paired = Paired::by(old, new, &[key], false);
        let [removed, added] = levels(&paired);
        for node in paired.gone.iter().filter_map(|index| old.get(*index)) {
            self.record(at, format!("{what}-removed"), removed, (Some(node), None))?;
        }
        for node in paired.come.iter().filter_map(|index| new.get(*index)) {
            self.record(at, format!("{what}-added"), added, (None, Some(node)))?;
        }
        Ok(paired.pairs.iter().filter_map(|(from, to)| old.get(*from).zip(new.get(*to))).collect())
    }

    /// Compares the keys of two mappings that need no thought of their own: texts, extensions, and whatever is unknown.
    /// `known` are the keys that are compared elsewhere.
    pub fn rest(&mut self, at: &Trail<'_>, base: &Node, revision: &Node, known: &[&str]) -> Result<()> {
        let all = union(entries(Some(base)), entries(Some(revision)));
        for (key, old, new) in all.filter(|(key, ..)| !known.contains(key)) {
            let (id, level) = match key {
                "description" | "summary" | "title" | "externalDocs" => ("text-changed", Level::Text),
                "example" | "examples" => ("example-changed", Level::Text),
                // Extensions that other tools give a meaning.
                "x-sunset" | "x-stability-level" | "x-extensible-enum" => ("unclassified", Level::Warning),
                key if key.starts_with("x-") => ("extension-changed", Level::Text),
                _ => ("unclassified", Level::Warning),
            };
            self.differs(at, key, id, level, (old, new))?;
        }
        Ok(())
    }
}

/// The word for what must be there, or may be left out.
pub(super) fn manner(required: bool) -> &'static str {
    if required { "required" } else { "optional" }
}

/// The values of two mappings by key: the older's in its order, then what the newer alone has.
pub(super) fn union<'n>(
    old: &'n Map,
    new: &'n Map,
) -> impl Iterator<Item = (&'n str, Option<&'n Node>, Option<&'n Node>)> {
    let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
    keys.map(|key| (key.as_str(), old.get(key), new.get(key)))
}

/// The mapping that a node is; an empty one if it is none.
pub(super) fn entries(node: Option<&Node>) -> &Map {
    static NOTHING: LazyLock<Map> = LazyLock::new(Map::new);
    node.and_then(Node::map).unwrap_or(&NOTHING)
}

/// The items of the list that a node is; none if it is none.
pub(super) fn items(node: Option<&Node>) -> &[Node] {
    node.and_then(Node::list).unwrap_or_default()
}

/// A schema that says nothing, for what has none.
pub(super) fn anything(node: &Node) -> Node {
    Node::at(&node.place, Value::Map(Map::new()))
}

/// Whether two nodes say the same; nothing at all is an empty text, mapping or list, or null.
fn same(nodes: Both<'_>) -> bool {
    match nodes {
        (Some(old), Some(new)) => old.same(new),
        (old, new) => old.or(new).is_none_or(|node| match &node.value {
            Value::Null => true,
            Value::Text(text) => text.trim().is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Map(map) => map.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        }),
    }
}
