//! Which operations are there, which became which, and what an operation says of itself.

use std::collections::HashSet;

use indexmap::IndexSet;

use super::change::{Direction, Level, Operation};
use super::comparer::{Both, Comparer, anything, entries, items, union};
use super::pairs::Paired;
use super::trail::{Step, Trail, Which};
use crate::error::{Error, Result};
use crate::reference::follow;
use crate::roles::METHODS;
use crate::text::shown;
use crate::tree::{Node, Value};

/// An operation where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'n> {
    pub path: &'n str,
    pub method: &'n str,
    /// The address with all of its operations.
    pub item: &'n Node,
    pub node: &'n Node,
}

/// The operations of two documents.
pub(super) struct Matched<'n> {
    pub pairs: Vec<(Found<'n>, Found<'n>)>,
    pub gone: Vec<Found<'n>>,
    pub come: Vec<Found<'n>>,
}

impl Found<'_> {
    pub fn name(&self) -> Operation {
        Operation { method: self.method.to_uppercase(), path: self.path.to_owned() }
    }
}

/// Finds the operations of two documents: by the publisher's own id first, then by address and method.
pub(super) fn matched<'n>(
    base: &'n Node,
    revision: &'n Node,
    identity: &dyn Fn(&Node) -> Option<String>,
) -> Result<Matched<'n>> {
    let (old, new) = (listed(base)?, listed(revision)?);
    let id = |found: &Found<'n>| identity(found.node);
    let exact = |found: &Found<'n>| Some(found.name().to_string());
    let address = |found: &Found<'n>| Some(format!("{} {}", found.method, template(found.path)));
    let paired = Paired::by(&old, &new, &[&id, &exact, &address], true);
    let of = |list: &[Found<'n>], left: &[usize]| left.iter().filter_map(|index| list.get(*index).copied()).collect();
    let pairs = paired.pairs.iter().filter_map(|(from, to)| old.get(*from).copied().zip(new.get(*to).copied()));
    Ok(Matched { pairs: pairs.collect(), gone: of(&old, &paired.gone), come: of(&new, &paired.come) })
}

fn listed(document: &Node) -> Result<Vec<Found<'_>>> {
    let paths = document.get("paths").filter(|paths| paths.map().is_some() || matches!(paths.value, Value::Null));
    if paths.is_none() {
        return Err(Error::refused(&document.place, "no `paths`; expected an OpenAPI document"));
    }
    let mut all = Vec::new();
    for (path, item) in entries(paths).iter().filter(|(path, _)| !path.starts_with("x-")) {
        let item = follow(document, item).node;
        for (method, node) in entries(Some(item)).iter().filter(|(key, _)| METHODS.contains(&key.as_str())) {
            all.push(Found { path, method, item, node });
        }
    }
    Ok(all)
}

/// An address without the names of its parameters, which no client sends.
pub(crate) fn template(path: &str) -> String {
    placeholders(path).iter().fold(path.to_owned(), |path, name| path.replacen(&format!("{{{name}}}"), "{}", 1))
}

/// The names of an address's parameters, in order.
pub(super) fn placeholders(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

/// The keys of a document, an address and an operation that are compared by name.
const ROOT: [&str; 7] = ["openapi", "info", "paths", "components", "servers", "security", "tags"];
const OPERATION: [&str; 8] =
    ["operationId", "parameters", "requestBody", "responses", "security", "servers", "tags", "deprecated"];

impl<'a> Comparer<'a> {
    /// Compares all; gives the operations that are the same one, the older's and the newer's.
    pub(super) fn document(&mut self, operations: Matched<'a>) -> Result<Vec<(Operation, Operation)>> {
        let root = Trail::root();
        let (base, revision) = (self.base, self.revision);
        let both = |key: &str| (base.get(key), revision.get(key));
        self.differs(&root, "openapi", "info-changed", Level::Text, both("openapi"))?;
        for (key, old, new) in union(entries(base.get("info")), entries(revision.get("info"))) {
            self.differs(&root.step("info"), key, "info-changed", Level::Text, (old, new))?;
        }
        self.differs(&root, "tags", "api-tag-changed", Level::Text, both("tags"))?;
        self.servers(&root, both("servers"))?;
        self.rest(&root, base, revision, &ROOT)?;
        let matched = operations.pairs.iter().map(|(base, revision)| (base.name(), revision.name())).collect();
        self.operations(&root, operations)?;
        self.operation = None;
        self.components(&root, both("components"))?;
        Ok(matched)
    }

    /// Where requests go.
    fn servers(&mut self, trail: &Trail<'_>, (old, new): Both<'_>) -> Result<()> {
        let at = trail.step("servers");
        let (was, is) = (items(old), items(new));
        let url = |node: &Node| Some(node.get_text("url").unwrap_or_default().to_owned());
        // Another address beside the known ones is more; one instead of them is not.
        let levels = |paired: &Paired| {
            let more = paired.gone.is_empty() && !was.is_empty();
            [Level::Warning, if more { Level::Additive } else { Level::Warning }]
        };
        let pairs = self.unordered(&at, (was, is), &url, "api-server", levels)?;
        pairs.into_iter().try_for_each(|(old, new)| self.rest(&at, old, new, &["url"]))
    }

    fn operations(&mut self, trail: &Trail<'_>, all: Matched<'a>) -> Result<()> {
        let paths = trail.step("paths");
        let mut addresses: HashSet<(&str, &str)> = HashSet::new();
        for (old, new) in &all.pairs {
            self.operation = Some(new.name());
            let name = template(old.path);
            let address = paths.steps(&name, Step::Key(old.path), Step::Key(new.path));
            if addresses.insert((old.path, new.path)) {
                self.rest(&address, old.item, new.item, &[&METHODS[..], &["parameters", "servers"]].concat())?;
            }
            self.operation(&address.steps(old.method, Step::Key(old.method), Step::Key(new.method)), (old, new))?;
        }
        let new_paths = all.pairs.iter().map(|(_, new)| new).chain(&all.come);
        let new_paths: HashSet<String> = new_paths.map(|found| template(found.path)).collect();
        let gone = all.gone.iter().map(|found| (found, false));
        for (found, is_new) in gone.chain(all.come.iter().map(|found| (found, true))) {
            self.operation = Some(found.name());
            let what = if new_paths.contains(&template(found.path)) { "api" } else { "api-path" };
            let (id, level) = match (is_new, found.node.is_true("deprecated")) {
                (true, _) => ("endpoint-added".to_owned(), Level::Additive),
                (_, true) => (format!("{what}-removed-with-deprecation"), Level::Warning),
                (_, false) => (format!("{what}-removed-without-deprecation"), Level::Breaking),
            };
            let at = paths.step(found.path);
            self.alone(&at.step(found.method), (found.node, is_new), (id, level, found.name().to_string()))?;
        }
        Ok(())
    }

    fn operation(&mut self, at: &Trail<'_>, pair: (&Found<'a>, &Found<'a>)) -> Result<()> {
        let (old, new) = pair;
        let nodes = (old.node, new.node);
        let both = |key: &str| (old.node.get(key), new.node.get(key));
        self.deprecation(at, "endpoint", nodes)?;
        if old.method != new.method || template(old.path) != template(new.path) {
            self.became(
                at,
                ("endpoint-moved", Level::Breaking),
                nodes,
                (old.name().to_string(), new.name().to_string()),
            )?;
        } else {
            self.became(at, ("path-parameter-renamed", Level::Source), nodes, (old.path, new.path))?;
        }
        let named = old.node.get_text("operationId").is_some();
        let id = if named { "api-operation-id-removed" } else { "api-operation-id-add" };
        self.differs(at, "operationId", id, Level::Source, both("operationId"))?;
        let tags = (items(both("tags").0), items(both("tags").1));
        self.unordered(&at.step("tags"), tags, &|tag| Some(shown(tag)), "api-tag", |_| [Level::Text; 2])?;
        self.direction = Some(Direction::Request);
        self.parameters(at, pair)?;
        self.request_body(at, pair)?;
        self.direction = Some(Direction::Response);
        self.answers(at, pair)?;
        self.direction = None;
        self.security(at, pair)?;
        let own = |found: &Found<'a>| found.node.get("servers").or(found.item.get("servers"));
        if own(old).or(own(new)).is_some() {
            let (was, is) = (self.base.get("servers"), self.revision.get("servers"));
            self.servers(at, (own(old).or(was), own(new).or(is)))?;
        }
        self.rest(at, old.node, new.node, &OPERATION)
    }

    /// Shared parts that no operation leads to: they change names in generated code at most.
    fn components(&mut self, trail: &Trail<'_>, (base, revision): Both<'a>) -> Result<()> {
        let at = trail.step("components");
        let (old, new) = (entries(base), entries(revision));
        let sections = old.keys().chain(new.keys()).map(String::as_str).filter(|section| !section.starts_with("x-"));
        let sections: IndexSet<&str> = sections.collect();
        for section in sections.iter().copied() {
            let (step, all) = (at.step(section), (entries(old.get(section)), entries(new.get(section))));
            if section == "securitySchemes" {
                self.schemes(&step, all)?;
                continue;
            }
            let alone = |_: &str, node: &Node, is_new: bool| {
                let word = if section == "schemas" { "schema" } else { "component" };
                let how = if is_new { "added" } else { "removed" };
                (format!("api-{word}-{how}"), Level::Source, shown(node))
            };
            self.each(&step, all, alone, |this, at, (old, new)| {
                if old.same(new) || this.seen.used.contains(&at.pointer(Which::Base)) {
                    return Ok(());
                }
                this.record(at, "api-component-changed", Level::Source, (Some(old), Some(new)))
            })?;
        }
        let (was, is) = (anything(self.base), anything(self.revision));
        self.rest(&at, base.unwrap_or(&was), revision.unwrap_or(&is), &Vec::from_iter(sections))
    }
}
