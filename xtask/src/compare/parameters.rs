//! An operation's parameters: path, query, header, cookie; its own and its address's.

use super::bodies::is_required;
use super::change::{Direction, Level};
use super::comparer::{Comparer, items, manner};
use super::operations::{Found, placeholders};
use super::spot::{Kind, Schemas, Spot};
use super::trail::{Step, Trail};
use crate::error::Result;
use crate::reference::follow;
use crate::roles::pointer;
use crate::text::shown;
use crate::tree::{Node, Value};

/// A parameter, and where it is written.
struct Parameter<'n> {
    node: &'n Node,
    /// What stays the same when it is renamed without anyone noticing: its position in the address.
    key: String,
    /// The JSON pointer to it.
    pointer: String,
}

impl Parameter<'_> {
    /// The way to it, in both documents.
    fn trail<'t>(&'t self, at: &'t Trail<'t>, other: &'t Self) -> Trail<'t> {
        at.steps(&self.key, Step::Jump(&self.pointer), Step::Jump(&other.pointer))
    }

    /// Where it is written and its name, in one line.
    fn words(&self) -> String {
        ["in", "name"].map(|key| self.node.get_text(key).unwrap_or_default()).join(" ")
    }
}

impl<'a> Comparer<'a> {
    pub(super) fn parameters(&mut self, at: &Trail<'_>, (old, new): (&Found<'a>, &Found<'a>)) -> Result<()> {
        let (was, is) = (listed(self.base, old), listed(self.revision, new));
        self.seen.used.extend(was.iter().chain(&is).map(|parameter| parameter.pointer.clone()));
        for one in &was {
            if let Some(other) = is.iter().find(|other| other.key == one.key) {
                let (old, new) = (one.node, other.node);
                let optional = !old.is_true("required") && !new.is_true("required");
                let spot = Spot::new(Direction::Request, Kind::Parameter { optional });
                self.carrier(&one.trail(at, other), (old, new), spot)?;
            } else {
                let what = ("request-parameter-removed".to_owned(), Level::Warning, one.words());
                self.alone(&one.trail(at, one), (one.node, false), what)?;
            }
        }
        for other in is.iter().filter(|other| was.iter().all(|one| one.key != other.key)) {
            let required = is_required(other.node);
            let level = if required { Level::Breaking } else { Level::Additive };
            let what = (format!("new-{}-request-parameter", manner(required)), level, other.words());
            self.alone(&other.trail(at, other), (other.node, true), what)?;
        }
        Ok(())
    }

    /// Compares the schemas of what carries data; a parameter's has more to it.
    pub(super) fn carried(&mut self, at: &Trail<'_>, (old, new): (&Node, &Node), schemas: Schemas<'_>) -> Result<()> {
        if !matches!(schemas.spot.kind, Kind::Parameter { .. }) || new.get("in").is_none() {
            return self.referred(schemas);
        }
        let items = self.items_of_one(schemas, new);
        if items.is_some() {
            self.keyword(schemas, "type", "type-generalized", Level::Additive)?;
        }
        self.referred(Schemas { revision: items.unwrap_or(schemas.revision), ..schemas })?;
        // What a parameter is for stands beside its schema, and may state what the schema states.
        if old.get_text("description") != new.get_text("description") {
            let base = beside(self.base, old, schemas.base);
            let revision = beside(self.revision, new, items.unwrap_or(schemas.revision));
            self.look(Schemas { trail: at, base: &base, revision: &revision, ..schemas })?;
        }
        Ok(())
    }

    /// What one value is compared with when it became a list: its items, if `?q=a` is still understood.
    fn items_of_one<'t>(&self, at: Schemas<'t>, parameter: &Node) -> Option<&'t Node> {
        let (one, list) = (follow(self.base, at.base).node, at.revision);
        let single = !matches!(one.get_text("type"), None | Some("array" | "object"));
        // In a query, and with no other style.
        let repeated = parameter.get_text("in") == Some("query")
            && parameter.get("style").is_none_or(|style| style.text() == Some("form"))
            && parameter.get("explode").is_none_or(|_| parameter.is_true("explode"));
        let few = list.get("minItems").is_none_or(|least| matches!(shown(least).as_str(), "0" | "1"));
        list.get("items").filter(|_| single && repeated && few && list.get_text("type") == Some("array"))
    }
}

/// An operation's parameters, and those of its address that it has not itself.
fn listed<'a>(document: &'a Node, found: &Found<'a>) -> Vec<Parameter<'a>> {
    let positions = placeholders(found.path);
    let mut all: Vec<Parameter<'a>> = Vec::new();
    for (holder, method) in [(found.node, Some(found.method)), (found.item, None)] {
        for (index, node) in items(holder.get("parameters")).iter().enumerate() {
            let target = follow(document, node);
            let (Some(name), Some(place)) = (target.node.get_text("name"), target.node.get_text("in")) else {
                continue;
            };
            let position = positions.iter().position(|other| *other == name).filter(|_| place == "path");
            let key = match (position, place) {
                (Some(position), _) => format!("path {position}"),
                // Names of header fields are the same in any case of letters.
                (None, "header") => format!("header {}", name.to_ascii_lowercase()),
                (None, _) => format!("{place} {name}"),
            };
            if all.iter().any(|other| other.key == key) {
                continue;
            }
            let index = index.to_string();
            let steps: Vec<&str> =
                ["paths", found.path].into_iter().chain(method).chain(["parameters", &index]).collect();
            let pointer = target.name.unwrap_or_else(|| pointer(&steps));
            all.push(Parameter { node: target.node, key, pointer });
        }
    }
    all
}

/// A parameter's schema with the parameter's own description, and no other text.
fn beside(document: &Node, parameter: &Node, schema: &Node) -> Node {
    let mut map = follow(document, schema).node.map().cloned().unwrap_or_default();
    map.retain(|key, _| !matches!(key.as_str(), "title" | "description") && !key.starts_with("x-"));
    map.extend(parameter.get("description").map(|text| ("description".to_owned(), text.clone())));
    Node::at(&schema.place, Value::Map(map))
}
