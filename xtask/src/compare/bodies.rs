//! What is sent and what comes back: bodies, media types, answers by status, headers.

use super::schemas::{Kind, Spot};
use super::{Comparer, Direction, Level, Said, Step, Trail, is_true, nothing};
use crate::error::Result;
use crate::tree::{Map, Node, Value};

impl<'a> Comparer<'a> {
    pub(super) fn request_body(&mut self, at: &Trail<'_>, base: &'a Node, revision: &'a Node) -> Result<()> {
        let key = "requestBody";
        let at = at.step(key);
        let (old, new) = (base.get(key), revision.get(key));
        let said = |old: Option<&'a Node>, new: Option<&'a Node>| Said {
            base: old,
            revision: new,
            before: old.map(super::shown),
            after: new.map(super::shown),
            direction: Some(Direction::Request),
        };
        match (old, new) {
            (None, None) => Ok(()),
            (None, Some(new)) => {
                let target = self.new_one(new);
                let (id, level) = if is_true(target.node, "required") {
                    ("request-body-added-required", Level::Breaking)
                } else {
                    ("request-body-added-optional", Level::Additive)
                };
                self.record(&at, id, level, said(None, Some(new)))
            }
            (Some(old), None) => self.record(&at, "request-body-removed", Level::Breaking, said(Some(old), None)),
            (Some(old), Some(new)) => {
                let (old, new) = (self.old(old), self.new_one(new));
                let at = at.steps("", jump(&old.name), jump(&new.name));
                let (was, is) = (is_true(old.node, "required"), is_true(new.node, "required"));
                if was != is {
                    let (id, level) = if is {
                        ("request-body-became-required", Level::Breaking)
                    } else {
                        ("request-body-became-optional", Level::Additive)
                    };
                    let said = Said {
                        base: Some(old.node),
                        revision: Some(new.node),
                        before: Some(was.to_string()),
                        after: Some(is.to_string()),
                        direction: Some(Direction::Request),
                    };
                    self.record(&at, id, level, said)?;
                }
                let spot = Spot {
                    direction: Direction::Request,
                    kind: Kind::Body,
                    stringly: false,
                    excused: false,
                    optional: !is,
                };
                let none = Node::at(&new.node.place, Value::Map(Map::new()));
                let (was, is) = (old.node.get("content"), new.node.get("content"));
                self.content(&at.step("content"), was.unwrap_or(&none), is.unwrap_or(&none), spot)?;
                self.rest(&at, Some(old.node), Some(new.node), &["$ref", "content", "required"])
            }
        }
    }

    pub(super) fn answers(&mut self, at: &Trail<'_>, base: &'a Node, revision: &'a Node) -> Result<()> {
        let key = "responses";
        let at = at.step(key);
        let list = |node: &'a Node| node.get(key).and_then(Node::map).unwrap_or(nothing());
        let (old, new) = (list(base), list(revision));
        for (status, answer) in old.iter().filter(|(status, _)| !status.starts_with("x-")) {
            let Some(other) = new.get(status) else {
                let (id, level) = if is_success(status) {
                    ("response-success-status-removed", Level::Breaking)
                } else {
                    ("response-non-success-status-removed", Level::Warning)
                };
                let said = Said {
                    base: Some(answer),
                    before: Some(status.clone()),
                    direction: Some(Direction::Response),
                    ..Said::default()
                };
                self.record(&at.step(status), id, level, said)?;
                continue;
            };
            let (old, new) = (self.old(answer), self.new_one(other));
            let named = at.step(status);
            let at = named.steps("", jump(&old.name), jump(&new.name));
            self.answer(&at, old.node, new.node)?;
        }
        for (status, answer) in new.iter().filter(|(status, _)| !status.starts_with("x-") && !old.contains_key(*status))
        {
            let word = if is_success(status) { "success" } else { "non-success" };
            let said = Said {
                revision: Some(answer),
                after: Some(status.clone()),
                direction: Some(Direction::Response),
                ..Said::default()
            };
            self.record(&at.step(status), format!("response-{word}-status-added"), Level::Additive, said)?;
        }
        let statuses: Vec<&str> =
            old.keys().chain(new.keys()).map(String::as_str).filter(|status| !status.starts_with("x-")).collect();
        self.rest(&at, base.get(key), revision.get(key), &statuses)
    }

    fn answer(&mut self, at: &Trail<'_>, old: &'a Node, new: &'a Node) -> Result<()> {
        let spot =
            Spot { direction: Direction::Response, kind: Kind::Body, stringly: false, excused: false, optional: false };
        let none = Node::at(&new.place, Value::Map(Map::new()));
        let (was, is) = (old.get("content").unwrap_or(&none), new.get("content").unwrap_or(&none));
        self.content(&at.step("content"), was, is, spot)?;
        self.headers(&at.step("headers"), old.get("headers"), new.get("headers"))?;
        let (was, is) = (old.get("links"), new.get("links"));
        let same = match (was, is) {
            (Some(was), Some(is)) => was.same(is),
            (was, is) => super::is_blank(was.or(is)),
        };
        if !same {
            self.differs(&at.step("links"), "links-changed", Level::Text, was, is)?;
        }
        self.rest(at, Some(old), Some(new), &["$ref", "content", "headers", "links"])
    }

    fn headers(&mut self, at: &Trail<'_>, old: Option<&'a Node>, new: Option<&'a Node>) -> Result<()> {
        let list = |node: Option<&'a Node>| node.and_then(Node::map).unwrap_or(nothing());
        let (was, is) = (list(old), list(new));
        let said = |base, revision, name: &str| Said {
            base,
            revision,
            before: base.map(|_| name.to_owned()),
            after: revision.map(|_| name.to_owned()),
            direction: Some(Direction::Response),
        };
        for (name, header) in was {
            let at = at.step(name);
            let found = is.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            let old = self.old(header);
            let Some((_, other)) = found else {
                let (id, level) = if is_true(old.node, "required") {
                    ("required-response-header-removed", Level::Breaking)
                } else {
                    ("optional-response-header-removed", Level::Warning)
                };
                self.record(&at, id, level, said(Some(header), None, name))?;
                continue;
            };
            let new = self.new_one(other);
            let at = at.steps("", jump(&old.name), jump(&new.name));
            let required = (is_true(old.node, "required"), is_true(new.node, "required"));
            match required {
                (true, false) => self.record(
                    &at,
                    "response-header-became-optional",
                    Level::Breaking,
                    said(Some(old.node), Some(new.node), name),
                )?,
                (false, true) => self.record(
                    &at,
                    "response-header-became-required",
                    Level::Additive,
                    said(Some(old.node), Some(new.node), name),
                )?,
                _ => {}
            }
            self.deprecation(&at, "response-header", old.node, new.node)?;
            let spot = Spot {
                direction: Direction::Response,
                kind: Kind::Header,
                stringly: true,
                excused: false,
                optional: !required.1,
            };
            let empty = Node::at(&new.node.place, Value::Map(Map::new()));
            let (was, is) = (old.node.get("schema").unwrap_or(&empty), new.node.get("schema").unwrap_or(&empty));
            self.referred(&at.step("schema"), was, is, spot)?;
            self.rest(&at, Some(old.node), Some(new.node), &["$ref", "required", "deprecated", "schema", "x-sunset"])?;
        }
        for (name, header) in is.iter().filter(|(name, _)| !was.keys().any(|other| other.eq_ignore_ascii_case(name))) {
            self.record(&at.step(name), "response-header-added", Level::Additive, said(None, Some(header), name))?;
        }
        Ok(())
    }

    /// Media types by name, and the schema of each.
    pub(super) fn content(&mut self, at: &Trail<'_>, old: &Node, new: &Node, spot: Spot) -> Result<()> {
        let none = Map::new();
        let (was, is) = (old.map().unwrap_or(&none), new.map().unwrap_or(&none));
        let request = spot.direction == Direction::Request;
        let (gone_id, come_id) = if request {
            ("request-body-media-type-removed", "request-body-media-type-added")
        } else {
            ("response-media-type-removed", "response-media-type-added")
        };
        let mut used: Vec<&str> = Vec::new();
        for (name, media) in was {
            let exact = is.get_key_value(name);
            let found = exact.or_else(|| {
                is.iter().find(|(other, _)| !was.contains_key(*other) && renamed(name, other) != Renamed::Other)
            });
            let Some((other, now)) = found else {
                let said = Said {
                    base: Some(media),
                    before: Some(name.clone()),
                    direction: Some(spot.direction),
                    ..Said::default()
                };
                self.record(&at.step(name), gone_id, Level::Breaking, said)?;
                continue;
            };
            used.push(other);
            let here = at.steps(name, Step::Key(name), Step::Key(other));
            if name != other {
                let (what, level) = match (renamed(name, other), request) {
                    (Renamed::Wider, false) => ("name-generalized", Level::Breaking),
                    (Renamed::Wider, true) => ("name-generalized", Level::Additive),
                    (Renamed::Narrower, false) => ("name-specialized", Level::Additive),
                    (Renamed::Narrower, true) => ("name-specialized", Level::Breaking),
                    _ => ("name-changed", Level::Additive),
                };
                let way = if request { "request-body-media-type" } else { "response-media-type" };
                let said = Said {
                    base: Some(media),
                    revision: Some(now),
                    before: Some(name.clone()),
                    after: Some(other.clone()),
                    direction: Some(spot.direction),
                };
                self.record(&here, format!("{way}-{what}"), level, said)?;
            }
            let spot = Spot { stringly: spot.stringly || !is_json(name), ..spot };
            let empty = |node: &Node| Node::at(&node.place, Value::Map(Map::new()));
            let old = media.get("schema").cloned().unwrap_or_else(|| empty(media));
            let new = now.get("schema").cloned().unwrap_or_else(|| empty(now));
            self.referred(&here.step("schema"), &old, &new, spot)?;
            self.rest(&here, Some(media), Some(now), &["schema"])?;
        }
        for (name, media) in is.iter().filter(|(name, _)| !was.contains_key(*name) && !used.contains(&name.as_str())) {
            let said = Said {
                revision: Some(media),
                after: Some(name.clone()),
                direction: Some(spot.direction),
                ..Said::default()
            };
            self.record(&at.step(name), come_id, Level::Additive, said)?;
        }
        Ok(())
    }
}

fn jump(name: &Option<String>) -> Step<'_> {
    name.as_deref().map_or(Step::Nothing, Step::Jump)
}

fn is_success(status: &str) -> bool {
    status.len() == 3 && status.starts_with('2')
}

fn essence(name: &str) -> String {
    name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(name: &str) -> bool {
    let name = essence(name);
    name.ends_with("/json") || name.ends_with("+json")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renamed {
    /// Only parameters behind the name differ.
    Same,
    Wider,
    Narrower,
    Other,
}

/// What became of a media type: `application/problem+json` is a kind of `application/json`.
fn renamed(old: &str, new: &str) -> Renamed {
    let (old, new) = (essence(old), essence(new));
    if old == new {
        return Renamed::Same;
    }
    let general = |special: &str, general: &str| {
        let (Some((kind, rest)), Some((other, suffix))) = (special.split_once('/'), general.split_once('/')) else {
            return false;
        };
        general == "*/*"
            || kind == other && (suffix == "*" || rest.rsplit_once('+').is_some_and(|(_, last)| last == suffix))
    };
    match (general(&old, &new), general(&new, &old)) {
        (true, _) => Renamed::Wider,
        (_, true) => Renamed::Narrower,
        _ => Renamed::Other,
    }
}
