//! An operation's parameters: path, query, header, cookie; its own and its address's.

use super::change::{Direction, Level};
use super::comparer::{Comparer, Said, anything, items};
use super::operations::{Found, placeholders};
use super::pairs::Paired;
use super::spot::{Kind, Schemas, Spot};
use super::trail::{Step, Trail};
use crate::error::Result;
use crate::reference::follow;
use crate::roles::pointer;
use crate::text::shown;
use crate::tree::{Node, Value};

const KNOWN: [&[&str]; 2] = [
    &["$ref", "name", "in", "required", "deprecated", "schema", "content", "x-sunset", "x-stability-level"],
    &["style", "explode", "allowEmptyValue", "allowReserved"],
];

/// A parameter, and where it is written.
struct Parameter<'n> {
    node: &'n Node,
    place: &'n str,
    name: &'n str,
    /// What stays the same when it is renamed without anyone noticing: its position in the address.
    key: String,
    /// The JSON pointer to it, where it stands elsewhere than in the operation's own list.
    pointer: String,
}

impl Parameter<'_> {
    /// The way to it, in both documents.
    fn trail<'t>(&'t self, at: &'t Trail<'t>, other: &'t Self) -> Trail<'t> {
        at.steps(&self.key, Step::Jump(&self.pointer), Step::Jump(&other.pointer))
    }

    /// Where it is written and its name, in one line.
    fn words(&self) -> String {
        format!("{} {}", self.place, self.name)
    }
}

impl<'a> Comparer<'a> {
    pub(super) fn parameters(&mut self, at: &Trail<'_>, (old, new): (&Found<'a>, &Found<'a>)) -> Result<()> {
        let (was, is) = (self.list(self.base, old), self.list(self.revision, new));
        for parameter in was.iter().chain(&is) {
            self.used.insert(parameter.pointer.clone());
        }
        let paired = Paired::by(&was, &is, &[&|parameter| Some(parameter.key.clone())], false);
        for (one, other) in paired.pairs.iter().filter_map(|(from, to)| Some((was.get(*from)?, is.get(*to)?))) {
            self.parameter(&one.trail(at, other), one, other)?;
        }
        for one in paired.gone.iter().filter_map(|index| was.get(*index)) {
            let (id, level) = self.removal(one.node, "request-parameter", Level::Warning);
            let said = Said::named(Some(one.node), None, &one.words()).sent(Direction::Request);
            self.record(&one.trail(at, one), id, level, said)?;
        }
        for other in paired.come.iter().filter_map(|index| is.get(*index)) {
            self.parameter_new(&other.trail(at, other), other)?;
        }
        Ok(())
    }

    fn list(&self, document: &'a Node, found: &Found<'a>) -> Vec<Parameter<'a>> {
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
                // An operation's own parameter stands instead of its address's.
                if all.iter().any(|other| other.key == key) {
                    continue;
                }
                let index = index.to_string();
                let steps: Vec<&str> =
                    ["paths", found.path].into_iter().chain(method).chain(["parameters", &index]).collect();
                let pointer = target.name.unwrap_or_else(|| pointer(&steps));
                all.push(Parameter { node: target.node, place, name, key, pointer });
            }
        }
        all
    }

    fn parameter_new(&mut self, at: &Trail<'_>, one: &Parameter<'_>) -> Result<()> {
        let required = one.node.is_true("required");
        let default = one.node.at_path(&["schema", "default"]).is_some();
        let (id, level) = match (one.place, required, default) {
            ("path", _, _) => ("new-request-path-parameter", Level::Breaking),
            (_, true, true) => ("new-required-request-default-parameter-to-existing-path", Level::Breaking),
            (_, true, false) => ("new-required-request-parameter", Level::Breaking),
            (_, false, true) => ("new-optional-request-default-parameter-to-existing-path", Level::Additive),
            (_, false, false) => ("new-optional-request-parameter", Level::Additive),
        };
        let said = Said::named(None, Some(one.node), &one.words()).sent(Direction::Request);
        self.record(at, id, level, said)
    }

    fn parameter(&mut self, at: &Trail<'_>, one: &Parameter<'a>, other: &Parameter<'a>) -> Result<()> {
        let (old, new) = (one.node, other.node);
        let path = one.place == "path";
        let required = |node: &Node| path || node.is_true("required");
        let pair = |before: String, after: String| Said::both(old, new, before, after).sent(Direction::Request);
        // By the document's own words: a parameter of a path may say that it can be left out.
        let optional = !old.is_true("required") && !new.is_true("required");
        let spot = Spot::new(Direction::Request, Kind::Parameter, optional);
        self.requirement(at, (old, new), (required(old), required(new)), "", spot)?;
        self.deprecation(at, "request-parameter", old, new)?;
        for key in ["style", "explode"] {
            let (was, is) = (serialised(one, key), serialised(other, key));
            if was != is {
                self.record(&at.step(key), format!("request-parameter-{key}-changed"), Level::Breaking, pair(was, is))?;
            }
        }
        for (key, level) in [("allowEmptyValue", Level::Breaking), ("allowReserved", Level::Warning)] {
            let (was, is) = (old.is_true(key), new.is_true(key));
            if was != is {
                let word = if key == "allowEmptyValue" { "allow-empty-value" } else { "allow-reserved" };
                let level = if is { Level::Additive } else { level };
                let said = pair(was.to_string(), is.to_string());
                self.record(&at.step(key), format!("request-parameter-{word}-changed"), level, said)?;
            }
        }
        match (old.get("content"), new.get("content")) {
            (None, None) => self.parameter_schema(at, (one, other), spot)?,
            (Some(_), Some(_)) => self.content(at, old, new, spot)?,
            (was, is) => {
                let words = |node: Option<&Node>| node.map_or_else(|| "schema".to_owned(), shown);
                let id = "request-parameter-content-changed";
                self.record(at, id, Level::Breaking, pair(words(was), words(is)))?;
            }
        }
        self.rest(at, Some(old), Some(new), &KNOWN.concat())
    }

    fn parameter_schema(
        &mut self,
        at: &Trail<'_>,
        (one, other): (&Parameter<'a>, &Parameter<'a>),
        spot: Spot,
    ) -> Result<()> {
        let (old, new) = (one.node, other.node);
        if old.get("schema").is_none() && new.get("schema").is_none() {
            return Ok(());
        }
        let (was, is) = (anything(old), anything(new));
        let (was, is) = (old.get("schema").unwrap_or(&was), new.get("schema").unwrap_or(&is));
        let trail = at.step("schema");
        let mut schemas = Schemas { trail: &trail, base: was, revision: is, spot };
        if let Some(items) = self.items_of_one(schemas, other) {
            self.keyword(schemas, "type", "type-generalized", Level::Additive)?;
            schemas.revision = items;
        }
        let from = self.changes.len();
        self.referred(schemas)?;
        // A header may be an object too; its properties have ids of their own.
        for change in self.changes.iter_mut().skip(from).filter(|_| one.place == "header") {
            change.id = change.id.replace("request-parameter-property", "request-header-property");
        }
        // What a parameter is for stands beside its schema, and may state what the schema states.
        if old.get_text("description") != new.get_text("description") {
            let (was, is) = (beside(self.base, old, was), beside(self.revision, new, is));
            self.look(Schemas { trail: at, base: &was, revision: &is, spot })?;
        }
        Ok(())
    }

    /// What one value is compared with when it became a list: its items, if `?q=a` is still understood.
    fn items_of_one<'t>(&self, at: Schemas<'t>, parameter: &Parameter<'_>) -> Option<&'t Node> {
        let (one, list) = (follow(self.base, at.base).node, at.revision);
        let single = !matches!(one.get_text("type"), None | Some("array" | "object"));
        let repeated = serialised(parameter, "style") == "form" && serialised(parameter, "explode") == "true";
        let few = list.get("minItems").is_none_or(|least| matches!(shown(least).as_str(), "0" | "1"));
        list.get("items").filter(|_| single && repeated && few && list.get_text("type") == Some("array"))
    }
}

/// A parameter's schema with the parameter's own description, and no other text.
fn beside(document: &Node, parameter: &Node, schema: &Node) -> Node {
    let mut map = follow(document, schema).node.map().cloned().unwrap_or_default();
    map.retain(|key, _| !matches!(key.as_str(), "title" | "description") && !key.starts_with("x-"));
    map.extend(parameter.get("description").map(|text| ("description".to_owned(), text.clone())));
    Node::at(&schema.place, Value::Map(map))
}

/// How a value is written, where nothing is said too.
fn serialised(parameter: &Parameter<'_>, key: &str) -> String {
    let style = parameter.node.get_text("style").unwrap_or(match parameter.place {
        "query" | "cookie" => "form",
        _ => "simple",
    });
    match (key, parameter.node.get("explode").map(|node| &node.value)) {
        ("style", _) => style.to_owned(),
        (_, Some(Value::Bool(explode))) => explode.to_string(),
        _ => (style == "form").to_string(),
    }
}
