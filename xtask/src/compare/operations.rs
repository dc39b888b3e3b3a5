//! Which operations are there, which became which, and what an operation says of itself.

use std::collections::HashSet;

use super::change::{Level, Operation};
use super::comparer::{Comparer, Said, entries, items, union};
use super::pairs::Paired;
use super::trail::{Step, Trail};
use crate::error::{Error, Result};
use crate::reference::follow;
use crate::roles::{METHODS, pointer};
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
    /// The newer addresses, without the names of their parameters.
    pub new_paths: HashSet<String>,
}

impl Found<'_> {
    pub fn name(&self) -> Operation {
        Operation { method: self.method.to_uppercase(), path: self.path.to_owned() }
    }

    /// The method and the path in one line.
    pub fn words(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
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
    let exact = |found: &Found<'n>| Some(found.words());
    let address = |found: &Found<'n>| Some(format!("{} {}", found.method, template(found.path)));
    let paired = Paired::by(&old, &new, &[&id, &exact, &address], true);
    let of = |list: &[Found<'n>], left: &[usize]| left.iter().filter_map(|index| list.get(*index).copied()).collect();
    Ok(Matched {
        pairs: paired.pairs.iter().filter_map(|(from, to)| Some((*old.get(*from)?, *new.get(*to)?))).collect(),
        gone: of(&old, &paired.gone),
        come: of(&new, &paired.come),
        new_paths: new.iter().map(|found| template(found.path)).collect(),
    })
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
pub(super) fn template(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '{' => {
                inside = true;
                out.push_str("{}");
            }
            '}' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

/// The names of an address's parameters, in order.
pub(super) fn placeholders(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

const ROOT: [&str; 8] = ["openapi", "info", "paths", "components", "servers", "security", "tags", "webhooks"];
const INFO: [&str; 7] = ["title", "version", "description", "termsOfService", "contact", "license", "summary"];
const ITEM: [&str; 10] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "parameters", "servers"];
const OPERATION: [&[&str]; 2] = [
    &["operationId", "parameters", "requestBody", "responses", "security", "servers", "tags", "callbacks"],
    &["deprecated", "x-sunset", "x-stability-level"],
];
const COMPONENTS: [&[&str]; 2] = [
    &["schemas", "responses", "parameters", "examples", "requestBodies", "headers", "links", "callbacks", "pathItems"],
    &["securitySchemes"],
];

impl<'a> Comparer<'a> {
    /// Compares all; gives the operations that are the same one, the older's and the newer's.
    pub(super) fn document(&mut self, operations: Matched<'a>) -> Result<Vec<(Operation, Operation)>> {
        let root = Trail::root();
        self.frame(&root)?;
        let matched = operations.pairs.iter().map(|(base, revision)| (base.name(), revision.name())).collect();
        self.operations(&root, operations)?;
        self.operation = None;
        self.components(&root)?;
        Ok(matched)
    }

    /// What describes the document as a whole.
    fn frame(&mut self, trail: &Trail<'_>) -> Result<()> {
        let (base, revision) = (self.base, self.revision);
        let both = |key: &str| (base.get(key), revision.get(key));
        self.differs(trail, "openapi", "info-changed", Level::Text, both("openapi"))?;
        let (old, new) = both("info");
        let info = trail.step("info");
        for key in INFO {
            let (old, new) = (old.and_then(|info| info.get(key)), new.and_then(|info| info.get(key)));
            self.differs(&info, key, "info-changed", Level::Text, (old, new))?;
        }
        self.rest(&info, old, new, &INFO)?;
        self.differs(trail, "tags", "api-tag-changed", Level::Text, both("tags"))?;
        self.servers(trail, both("servers"))?;
        self.webhooks(trail, both("webhooks"))?;
        self.rest(trail, Some(base), Some(revision), &ROOT)
    }

    fn webhooks(&mut self, trail: &Trail<'_>, (old, new): (Option<&Node>, Option<&Node>)) -> Result<()> {
        let at = trail.step("webhooks");
        for (name, old, new) in union(entries(old), entries(new)) {
            let (id, level) = match (old, new) {
                (_, None) => ("webhook-removed", Level::Breaking),
                (None, _) => ("webhook-added", Level::Additive),
                _ => ("unclassified", Level::Warning),
            };
            self.differs(&at, name, id, level, (old, new))?;
        }
        Ok(())
    }

    /// Where requests go: addresses, in any order.
    fn servers(&mut self, trail: &Trail<'_>, (old, new): (Option<&Node>, Option<&Node>)) -> Result<()> {
        let at = trail.step("servers");
        let (was, is) = (items(old), items(new));
        let url = |node: &Node| Some(node.get_text("url").unwrap_or_default().to_owned());
        let servers = Paired::by(was, is, &[&url], false);
        for (from, to) in &servers.pairs {
            self.rest(&at, was.get(*from), is.get(*to), &["url"])?;
        }
        for index in &servers.gone {
            self.record(&at, "api-server-removed", Level::Warning, Said::nodes(was.get(*index), None))?;
        }
        // Another address beside the known ones is more; one instead of them is not.
        let level = if servers.gone.is_empty() && !was.is_empty() { Level::Additive } else { Level::Warning };
        for index in &servers.come {
            self.record(&at, "api-server-added", level, Said::nodes(None, is.get(*index)))?;
        }
        Ok(())
    }

    fn operations(&mut self, trail: &Trail<'_>, all: Matched<'a>) -> Result<()> {
        let paths = trail.step("paths");
        let mut addresses: HashSet<(&str, &str)> = HashSet::new();
        for (old, new) in &all.pairs {
            self.operation = Some(new.name());
            let name = template(old.path);
            let address = paths.steps(&name, Step::Key(old.path), Step::Key(new.path));
            if addresses.insert((old.path, new.path)) {
                self.rest(&address, Some(old.item), Some(new.item), &ITEM)?;
            }
            let method = address.steps(old.method, Step::Key(old.method), Step::Key(new.method));
            // What an operation says of its own state is not softened by that state.
            self.lifecycle(&method, old.node, new.node)?;
            self.unstable = self.is_unstable(old.node);
            self.operation(&method, (old, new))?;
            self.unstable = false;
        }
        for found in &all.gone {
            self.operation = Some(found.name());
            let whole = !all.new_paths.contains(&template(found.path));
            let (id, level) = self.removal(found.node, if whole { "api-path" } else { "api" }, Level::Breaking);
            let said = Said::named(Some(found.node), None, &found.words());
            self.record(&paths.step(found.path).step(found.method), id, level, said)?;
        }
        for found in &all.come {
            self.operation = Some(found.name());
            let said = Said::named(None, Some(found.node), &found.words());
            self.record(&paths.step(found.path).step(found.method), "endpoint-added", Level::Additive, said)?;
        }
        Ok(())
    }

    fn operation(&mut self, at: &Trail<'_>, (old, new): (&Found<'a>, &Found<'a>)) -> Result<()> {
        let (base, revision) = (old.node, new.node);
        if old.method != new.method || template(old.path) != template(new.path) {
            let said = Said::both(base, revision, old.words(), new.words());
            self.record(at, "endpoint-moved", Level::Breaking, said)?;
        } else if old.path != new.path {
            let said = Said::both(base, revision, old.path, new.path);
            self.record(at, "path-parameter-renamed", Level::Source, said)?;
        }
        let both = |key: &str| (base.get(key), revision.get(key));
        let named = base.get_text("operationId").is_some();
        let id = if named { "api-operation-id-removed" } else { "api-operation-id-add" };
        self.differs(at, "operationId", id, Level::Source, both("operationId"))?;
        self.tags(at, both("tags"))?;
        self.parameters(at, (old, new))?;
        self.request_body(at, base, revision)?;
        self.answers(at, base, revision)?;
        self.security(at, base, revision)?;
        let own = |found: &Found<'a>| found.node.get("servers").or_else(|| found.item.get("servers"));
        let (was, is) = (own(old), own(new));
        if was.is_some() || is.is_some() {
            let all = (self.base.get("servers"), self.revision.get("servers"));
            self.servers(at, (was.or(all.0), is.or(all.1)))?;
        }
        self.differs(at, "callbacks", "unclassified", Level::Warning, both("callbacks"))?;
        self.rest(at, Some(base), Some(revision), &OPERATION.concat())
    }

    fn tags(&mut self, at: &Trail<'_>, (old, new): (Option<&Node>, Option<&Node>)) -> Result<()> {
        let (was, is) = (items(old), items(new));
        let at = at.step("tags");
        let tags = Paired::by(was, is, &[&|tag| Some(tag.to_json().to_string())], false);
        for index in tags.gone {
            self.record(&at, "api-tag-removed", Level::Text, Said::nodes(was.get(index), None))?;
        }
        for index in tags.come {
            self.record(&at, "api-tag-added", Level::Text, Said::nodes(None, is.get(index)))?;
        }
        Ok(())
    }

    /// Shared parts that no operation leads to: they change names in generated code at most.
    fn components(&mut self, trail: &Trail<'_>) -> Result<()> {
        let at = trail.step("components");
        let (base, revision) = (self.base.get("components"), self.revision.get("components"));
        let sections = union(entries(base), entries(revision));
        for (section, old, new) in sections.filter(|(section, ..)| !section.starts_with("x-")) {
            let step = at.step(section);
            if section == "securitySchemes" {
                self.schemes(&step, entries(old), entries(new))?;
                continue;
            }
            let word = if section == "schemas" { "schema" } else { "component" };
            for (name, old, new) in union(entries(old), entries(new)) {
                let how = match (old, new) {
                    (Some(old), Some(new)) if old.same(new) => continue,
                    (Some(_), Some(_)) if self.used.contains(&pointer(&["components", section, name])) => continue,
                    (Some(_), Some(_)) => "api-component-changed".to_owned(),
                    (_, new) => format!("api-{word}-{}", if new.is_some() { "added" } else { "removed" }),
                };
                self.record(&step.step(name), how, Level::Source, Said::nodes(old, new))?;
            }
        }
        self.rest(&at, base, revision, &COMPONENTS.concat())
    }
}
