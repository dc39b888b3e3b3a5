//! The state of one comparison, and how it records changes.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::change::{Change, Direction, Level, Look, Operation};
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
    pub today: i64,
    pub changes: Vec<Change>,
    pub operation: Option<Operation>,
    /// Whether the operation is published as not ready: what breaks there was announced to.
    pub unstable: bool,
    pub visits: usize,
    pub tried: usize,
    pub depth: usize,
    /// Pairs of references that are being compared, with the depth at which each began.
    pub open: HashMap<PairKey, usize>,
    /// The least depth of an open pair that the current one came back to.
    pub cut: usize,
    /// Pairs known to be the same.
    pub same: HashSet<PairKey>,
    /// Pairs that were compared to find out what became what, and the gravest change of each.
    pub trials: HashMap<PairKey, Option<Level>>,
    /// References that some operation led to.
    pub used: HashSet<String>,
    /// Pairs of reference names that were reported as renamed.
    pub renamed: HashSet<(String, String)>,
}

/// A pair of references in one role.
pub(super) type PairKey = (String, String, Spot);

/// What a change says: the nodes tell its place, the newer one before the older.
#[derive(Default)]
pub(super) struct Said<'n> {
    pub base: Option<&'n Node>,
    pub revision: Option<&'n Node>,
    pub before: Option<String>,
    pub after: Option<String>,
    pub direction: Option<Direction>,
}

impl<'n> Said<'n> {
    /// What stands on both sides, in some words.
    pub fn both(base: &'n Node, revision: &'n Node, before: impl ToString, after: impl ToString) -> Self {
        let (before, after) = (Some(before.to_string()), Some(after.to_string()));
        Self { base: Some(base), revision: Some(revision), before, after, direction: None }
    }

    /// What stands on one side or on both, as it stands there.
    pub fn nodes(base: Option<&'n Node>, revision: Option<&'n Node>) -> Self {
        Self { base, revision, before: base.map(shown), after: revision.map(shown), direction: None }
    }

    /// What stands on one side, by a name.
    pub fn named(base: Option<&'n Node>, revision: Option<&'n Node>, name: &str) -> Self {
        let words = |side: Option<&Node>| side.map(|_| name.to_owned());
        Self { base, revision, before: words(base), after: words(revision), direction: None }
    }

    /// The same, of data that goes one way.
    pub fn sent(self, direction: Direction) -> Self {
        Self { direction: Some(direction), ..self }
    }
}

impl<'a> Comparer<'a> {
    pub fn new(base: &'a Node, revision: &'a Node, look: Look<'a>, today: i64) -> Self {
        Self {
            base,
            revision,
            look,
            today,
            changes: Vec::new(),
            operation: None,
            unstable: false,
            visits: 0,
            tried: 0,
            depth: 0,
            open: HashMap::new(),
            cut: usize::MAX,
            same: HashSet::new(),
            trials: HashMap::new(),
            used: HashSet::new(),
            renamed: HashSet::new(),
        }
    }

    /// Records one change.
    pub fn record(&mut self, trail: &Trail<'_>, id: impl Into<String>, level: Level, said: Said<'_>) -> Result<()> {
        if self.changes.len() >= MAX_CHANGES {
            let why =
                format!("more than {MAX_CHANGES} changes; this is another document, compare what belongs together");
            return Err(Error::refused(&self.revision.place, why));
        }
        let (which, node) = match (said.base, said.revision) {
            (Some(node), None) => (Which::Base, node),
            (_, node) => (Which::Revision, node.unwrap_or(self.revision)),
        };
        let level = if self.unstable && level == Level::Breaking { Level::Warning } else { level };
        self.changes.push(Change {
            id: id.into(),
            level,
            direction: said.direction,
            operation: self.operation.clone(),
            pointer: trail.pointer(which),
            site: trail.site(),
            place: node.place.clone(),
            before: said.before,
            after: said.after,
        });
        Ok(())
    }

    /// Records that a key has another value, unless both say the same or nothing.
    pub fn differs(
        &mut self,
        trail: &Trail<'_>,
        key: &str,
        id: &str,
        level: Level,
        (base, revision): (Option<&Node>, Option<&Node>),
    ) -> Result<()> {
        if same(base, revision) {
            return Ok(());
        }
        self.record(&trail.step(key), id, level, Said::nodes(base, revision))
    }

    /// Records what became of a keyword. One that is gone is shown where it would stand.
    pub fn keyword(&mut self, at: Schemas<'_>, key: &str, what: &str, level: Level) -> Result<()> {
        let (old, new) = at.get(key);
        let said = Said {
            base: Some(at_key(at.base, key)),
            revision: Some(at_key(at.revision, key)),
            ..Said::nodes(old, new).sent(at.spot.direction)
        };
        let step = at.trail.step(key);
        self.record(if new.is_some() || old.is_none() { &step } else { at.trail }, at.spot.id(what), level, said)
    }

    /// Records that something became required or optional.
    pub fn requirement(
        &mut self,
        at: &Trail<'_>,
        (base, revision): (&Node, &Node),
        (was, is): (bool, bool),
        more: &str,
        spot: Spot,
    ) -> Result<()> {
        if was == is {
            return Ok(());
        }
        let word = |required: bool| if required { "required" } else { "optional" };
        let level = spot.level(if is { Effect::Narrower } else { Effect::Wider });
        let said = Said::both(base, revision, word(was), word(is)).sent(spot.direction);
        self.record(at, spot.id(&format!("became-{}{more}", word(is))), level, said)
    }

    /// Compares the keys of two mappings that need no thought of their own: texts, extensions, and whatever is unknown.
    /// `known` are the keys that are compared elsewhere.
    pub fn rest(
        &mut self,
        trail: &Trail<'_>,
        base: Option<&Node>,
        revision: Option<&Node>,
        known: &[&str],
    ) -> Result<()> {
        for (key, old, new) in union(entries(base), entries(revision)).filter(|(key, ..)| !known.contains(key)) {
            let (id, level) = match key {
                "description" | "summary" | "title" | "externalDocs" => ("text-changed", Level::Text),
                "example" | "examples" => ("example-changed", Level::Text),
                key if key.starts_with("x-") => ("extension-changed", Level::Text),
                _ => ("unclassified", Level::Warning),
            };
            self.differs(trail, key, id, level, (old, new))?;
        }
        Ok(())
    }
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
fn same(old: Option<&Node>, new: Option<&Node>) -> bool {
    match (old, new) {
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

/// What stands under a key, or what lacks it: where a change of it is seen.
pub(super) fn at_key<'n>(node: &'n Node, key: &str) -> &'n Node {
    node.get(key).unwrap_or(node)
}
