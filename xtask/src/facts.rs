//! Flat rows of what the document asks for and what the library sends, made by one walk, so that a check can join them.
//!
//! `$ref`s are followed, `allOf` is flattened, and what a page states in prose only is lifted. A row's place is written as
//! people write it, `image_list[].image`. An alternative of `oneOf` or `anyOf` has a name in it, by which both sides find
//! each other: what it requires, or else its properties, its type or its values, `image|url.url`. A `$ref` that is met again
//! inside itself ends in a row `cycle`.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::library::{Covered, Described, OPEN_ENUM};
use crate::lift::{Said, constraints, values};
use crate::rules::{decoded, resolve};
use crate::tree::{Node, Place, Value};

/// The value of a row `required` that holds in all alternatives, or where there are none.
pub(crate) const ALWAYS: &str = "always";
/// The value of a row `required` that holds in some alternatives only.
pub(crate) const IN_SOME: &str = "in some alternatives";
/// Keywords that limit a value, beside those that prose states too, and the mark of media.
const LIMITS: &str = "type x-extensible-enum x-media exclusiveMinimum exclusiveMaximum multipleOf pattern minProperties \
                      maxProperties uniqueItems";

/// What a row is about: the body of a POST, that of a response, or a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
    Parameter,
}

/// One row: at a place of an operation, empty for the body itself, there is a `property`, an `alternative`, a `parameter`, a
/// `cycle`, or the value of a keyword such as `maxLength`. An enumeration has a row for each value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) operation: String,
    pub(crate) direction: Direction,
    pub(crate) place: String,
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) source: Place,
}

/// The rows of a document's operations.
pub(crate) fn of_document(document: &Node, all: &[Described]) -> Vec<Fact> {
    let about = (String::new(), Direction::Request);
    let mut walk = Walk { root: document, prose: true, about, open: Vec::new(), rows: Vec::new() };
    for one in all {
        let call = format!("{} {}", one.method, one.rest).trim_end().to_owned();
        walk.about = (one.operation.clone(), Direction::Parameter);
        for parameter in items(&one.node, "parameters") {
            let at = format!("{call} {}", parameter.get_text("name").unwrap_or_default());
            walk.add(&at, "parameter", parameter.get_text("in").unwrap_or_default(), &parameter.place);
            walk.schema(parameter.get("schema"), &at);
        }
        walk.about.1 = Direction::Request;
        walk.schema(one.body(), "");
        walk.about.1 = Direction::Response;
        for (status, response) in entries(&one.node, "responses") {
            for (_, media) in entries(response, "content") {
                walk.schema(media.get("schema"), &format!("{call} {status}"));
            }
        }
    }
    walk.rows
}

/// The rows of what the library sends. Its texts are no limits: it enforces what its keywords say.
pub(crate) fn of_schema(Covered { name, schema }: &Covered) -> Vec<Fact> {
    let about = (name.clone(), Direction::Request);
    let mut walk = Walk { root: schema, prose: false, about, open: Vec::new(), rows: Vec::new() };
    walk.schema(Some(schema), "");
    walk.rows
}

struct Walk<'a> {
    root: &'a Node,
    prose: bool,
    about: (String, Direction),
    /// The references that lead here, each with the place where it was met first.
    open: Vec<(String, String)>,
    rows: Vec<Fact>,
}

impl<'a> Walk<'a> {
    fn add(&mut self, place: &str, key: &str, value: &str, source: &Place) {
        let (operation, direction) = self.about.clone();
        // 10 and 10.0 are one number; a value of an enumeration is sent as it is written.
        let number = value.parse::<f64>().ok().filter(|_| kind(key) != "enum");
        let value = number.map_or_else(|| value.to_owned(), |number| number.to_string());
        let (place, key, source) = (place.to_owned(), key.to_owned(), source.clone());
        self.rows.push(Fact { operation, direction, place, key, value, source });
    }

    /// Adds the rows of a schema; of several nodes, all hold.
    fn schema(&mut self, nodes: impl IntoIterator<Item = &'a Node>, at: &str) {
        let (depth, mut parts) = (self.open.len(), Vec::new());
        nodes.into_iter().for_each(|node| self.collect(node, at, &mut parts));
        self.parts(&parts, at);
        self.open.truncate(depth);
    }

    /// Collects the schemas that hold at a place: a node, what it refers to, the members of its `allOf`, and an alternative
    /// that is the only one.
    fn collect(&mut self, node: &'a Node, at: &str, parts: &mut Vec<&'a Node>) {
        if let Some(name) = node.get_text("$ref").map(decoded) {
            match self.open.iter().find(|(open, _)| *open == name).map(|(_, first)| first.clone()) {
                // Here already: it says nothing new.
                Some(first) if first == at => {}
                Some(first) => self.add(at, "cycle", &shown(&first), &node.place),
                None => {
                    self.open.push((name.clone(), at.to_owned()));
                    resolve(self.root, &name).into_iter().for_each(|target| self.collect(target, at, parts));
                }
            }
        }
        parts.push(node);
        let members = ["allOf", "oneOf", "anyOf"].map(|key| members(node, key));
        for member in
            members.iter().enumerate().filter(|(index, all)| *index == 0 || all.len() == 1).flat_map(|(_, all)| all)
        {
            self.collect(member, at, parts);
        }
    }

    fn parts(&mut self, parts: &[&'a Node], at: &str) {
        if parts.is_empty() {
            return;
        }
        let mut limits: IndexMap<&str, (Vec<String>, Place)> = IndexMap::new();
        for part in parts {
            let stated = constraints(part).into_iter().filter(|one| self.prose || one.said == Said::Keyword);
            let stated = stated.map(|one| (one.keyword.name(), one.values, one.place));
            let more = part.map().into_iter().flatten().filter(|(key, node)| is_limit(key, node));
            for (key, values, place) in stated.chain(more.map(|(key, node)| (&**key, values(node), node.place.clone())))
            {
                // All of them hold, so the narrowest does.
                if limits.get(key).is_none_or(|(old, _)| narrower(key, &values, old)) {
                    limits.insert(key, (values, place));
                }
            }
        }
        for (key, (values, source)) in &limits {
            values.iter().filter(|value| *value != "null").for_each(|value| self.add(at, key, value, source));
        }
        let mut required: IndexMap<&str, &Place> = IndexMap::new();
        for item in parts.iter().flat_map(|part| items(part, "required")) {
            required.extend(item.text().map(|name| (name, &item.place)));
        }
        let mut properties: IndexMap<&str, Vec<&Node>> = IndexMap::new();
        for (name, node) in parts.iter().flat_map(|part| entries(part, "properties")) {
            // The line of the property says more than that of the list.
            required.get_mut(&**name).into_iter().for_each(|place| *place = &node.place);
            properties.entry(name).or_default().push(node);
        }
        required.iter().for_each(|(name, place)| self.add(&join(at, &format!(".{name}")), "required", ALWAYS, place));
        for (name, nodes) in properties {
            let inner = join(at, &format!(".{name}"));
            nodes.iter().take(1).for_each(|node| self.add(&inner, "property", "", &node.place));
            self.schema(nodes, &inner);
        }
        for (key, step) in [("items", "[]"), ("additionalProperties", ".*")] {
            self.schema(parts.iter().filter_map(|part| part.get(key)), &join(at, step));
        }
        self.alternatives(parts, at);
    }

    /// Adds the rows of each alternative, and for what they require whether all or some do.
    fn alternatives(&mut self, parts: &[&'a Node], at: &str) {
        let lists = parts.iter().flat_map(|part| ["oneOf", "anyOf"].map(|key| members(part, key)));
        let all: Vec<&Node> = lists.filter(|list| list.len() > 1).flatten().collect();
        let mut required: IndexMap<String, (usize, Place)> = IndexMap::new();
        for member in &all {
            let (depth, from, mut parts) = (self.open.len(), self.rows.len(), Vec::new());
            self.collect(member, at, &mut parts);
            let inner = format!("{at}|{}", name(&parts));
            self.add(&inner, "alternative", "", &member.place);
            self.parts(&parts, &inner);
            self.open.truncate(depth);
            for row in self.rows.iter().skip(from).filter(|row| row.key == "required") {
                if let Some(rest) = inside(&row.place, &inner).filter(|rest| !rest.contains('|')) {
                    let stated = required.entry(join(at, rest)).or_insert_with(|| (0, row.source.clone()));
                    stated.0 += usize::from(row.value == ALWAYS);
                }
            }
        }
        for (place, (count, source)) in &required {
            if find(&self.rows, place, "required").iter().all(|row| row.operation != self.about.0) {
                self.add(place, "required", if *count == all.len() { ALWAYS } else { IN_SOME }, source);
            }
        }
    }
}

fn items<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = &'a Node> + use<'a> {
    node.get(key).and_then(Node::list).into_iter().flatten()
}

fn entries<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = (&'a String, &'a Node)> + use<'a> {
    node.get(key).and_then(Node::map).into_iter().flatten()
}

/// The members of `allOf` and its kin; `null` is what an optional property may be, and no alternative.
fn members<'a>(node: &'a Node, key: &str) -> Vec<&'a Node> {
    items(node, key).filter(|member| member.get_text("type") != Some("null")).collect()
}

/// The name of an alternative, without what a place is divided by.
fn name(parts: &[&Node]) -> String {
    let all =
        |key: &str| -> BTreeSet<String> { parts.iter().filter_map(|part| part.get(key)).flat_map(values).collect() };
    let properties = parts.iter().flat_map(|part| entries(part, "properties")).map(|(name, _)| name.clone()).collect();
    let sets = [all("required"), properties, all("type"), all("enum")];
    let first = sets.into_iter().find(|set| !set.is_empty()).unwrap_or_default();
    first.into_iter().collect::<Vec<_>>().join("+").replace(['.', '[', '|', '/'], "_")
}

fn is_limit(key: &str, node: &Node) -> bool {
    let is_known = LIMITS.split(' ').any(|limit| limit == key);
    let is_ours = key.starts_with("x-max-") || key.starts_with("x-min-");
    (is_known || is_ours) && !matches!(node.value, Value::Bool(false))
}

fn join(at: &str, rest: &str) -> String {
    format!("{at}{rest}").trim_start_matches('.').to_owned()
}

/// Takes the names off alternatives where the other side has none: there, any of them may be sent.
pub(crate) fn merge(rows: &mut Vec<Fact>, others: &[Fact]) {
    let list = |row: &Fact| Some(row.place.rsplit_once('|')?.0.to_owned()).filter(|_| row.key == "alternative");
    let known: BTreeSet<String> = others.iter().filter_map(list).collect();
    let next = |row: &Fact| Some((list(row).filter(|at| !known.contains(at))?, row.place.clone()));
    while let Some((at, old)) = rows.iter().find_map(next) {
        // What an alternative requires is also said beside the list.
        let is_said = |row: &Fact, rest: &str| row.key == "required" && !rest.contains('|');
        rows.retain(|row| inside(&row.place, &old).is_none_or(|rest| !is_said(row, rest)));
        rows.retain(|row| row.place != old || row.key != "alternative");
        for row in rows.iter_mut() {
            row.place = inside(&row.place, &old).map_or_else(|| row.place.clone(), |rest| join(&at, rest));
        }
    }
}

/// The key under which both sides state the same: an open enumeration is one, too.
pub(crate) fn kind(key: &str) -> &str {
    if key == OPEN_ENUM { "enum" } else { key }
}

/// A place for people: the body has no name.
pub(crate) fn shown(place: &str) -> String {
    if place.is_empty() || place.starts_with(['|', '/']) { format!("the body{place}") } else { place.to_owned() }
}

/// What is left of a place inside another one, or of that itself.
pub(crate) fn inside<'p>(place: &'p str, at: &str) -> Option<&'p str> {
    place.strip_prefix(at).filter(|rest| at.is_empty() || rest.is_empty() || rest.starts_with(['.', '[', '|']))
}

/// The rows of a key at a place.
pub(crate) fn find<'f>(rows: &'f [Fact], place: &str, key: &str) -> Vec<&'f Fact> {
    rows.iter().filter(|row| row.place == place && kind(&row.key) == key).collect()
}

/// Whether one value of a limit allows less than the other, or an enumeration has no other values.
pub(crate) fn narrower(key: &str, ours: &[impl AsRef<str>], theirs: &[impl AsRef<str>]) -> bool {
    let [one, other] = [ours.first().map(AsRef::as_ref), theirs.first().map(AsRef::as_ref)];
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
    match (number(one), number(other)) {
        _ if theirs.is_empty() => true,
        _ if kind(key) == "enum" => ours.iter().all(|one| theirs.iter().any(|other| one.as_ref() == other.as_ref())),
        (Some(one), Some(other)) if key.to_lowercase().contains("max") => one < other,
        (Some(one), Some(other)) if key.to_lowercase().contains("min") => one > other,
        _ => false,
    }
}
