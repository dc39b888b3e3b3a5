//! What is sent and what comes back: bodies, media types, answers by status, headers.

use super::change::{Direction, Level};
use super::comparer::{Comparer, Said, anything, entries, union};
use super::references::jump;
use super::spot::{Effect, Kind, Schemas, Spot};
use super::trail::{Step, Trail};
use crate::error::Result;
use crate::tree::{Map, Node};

impl<'a> Comparer<'a> {
    pub(super) fn request_body(&mut self, at: &Trail<'_>, base: &'a Node, revision: &'a Node) -> Result<()> {
        let at = at.step("requestBody");
        let pair = (base.get("requestBody"), revision.get("requestBody"));
        let (Some(old), Some(new)) = pair else {
            let required = pair.1.is_some_and(|new| self.targets(new, new).1.node.is_true("required"));
            let (id, level) = match pair {
                (None, None) => return Ok(()),
                (Some(_), _) => ("request-body-removed", Level::Breaking),
                _ if required => ("request-body-added-required", Level::Breaking),
                _ => ("request-body-added-optional", Level::Additive),
            };
            return self.record(&at, id, level, Said::nodes(pair.0, pair.1).sent(Direction::Request));
        };
        let (old, new) = self.targets(old, new);
        let at = at.steps("", jump(&old), jump(&new));
        let (old, new) = (old.node, new.node);
        let (was, is) = (old.is_true("required"), new.is_true("required"));
        let spot = Spot::new(Direction::Request, Kind::Body, !is);
        self.requirement(&at, (old, new), (was, is), "", spot)?;
        self.content(&at, old, new, spot)?;
        self.rest(&at, Some(old), Some(new), &["$ref", "content", "required"])
    }

    pub(super) fn answers(&mut self, at: &Trail<'_>, base: &'a Node, revision: &'a Node) -> Result<()> {
        let at = at.step("responses");
        let (old, new) = (base.get("responses"), revision.get("responses"));
        let (was, is) = (entries(old), entries(new));
        for (status, old, new) in union(was, is).filter(|(status, ..)| !status.starts_with("x-")) {
            let step = at.step(status);
            let success = if is_success(status) { "success" } else { "non-success" };
            if let (Some(old), Some(new)) = (old, new) {
                self.answer(&step, old, new)?;
                continue;
            }
            let (how, level) = match new {
                Some(_) => ("added", Level::Additive),
                None if is_success(status) => ("removed", Level::Breaking),
                None => ("removed", Level::Warning),
            };
            let said = Said::named(old, new, status).sent(Direction::Response);
            self.record(&step, format!("response-{success}-status-{how}"), level, said)?;
        }
        let statuses: Vec<&str> = union(was, is).map(|(key, ..)| key).filter(|key| !key.starts_with("x-")).collect();
        self.rest(&at, old, new, &statuses)
    }

    fn answer(&mut self, at: &Trail<'_>, old: &'a Node, new: &'a Node) -> Result<()> {
        let (old, new) = self.targets(old, new);
        let at = at.steps("", jump(&old), jump(&new));
        let (old, new) = (old.node, new.node);
        self.content(&at, old, new, Spot::new(Direction::Response, Kind::Body, false))?;
        self.headers(&at.step("headers"), entries(old.get("headers")), entries(new.get("headers")))?;
        self.differs(&at, "links", "links-changed", Level::Text, (old.get("links"), new.get("links")))?;
        self.rest(&at, Some(old), Some(new), &["$ref", "content", "headers", "links"])
    }

    fn headers(&mut self, at: &Trail<'_>, was: &'a Map, is: &'a Map) -> Result<()> {
        let sent = |said: Said<'a>| said.sent(Direction::Response);
        let named = |all: &'a Map, name: &str| all.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        for (name, old) in was {
            let at = at.step(name);
            let Some((_, new)) = named(is, name) else {
                let (id, level) = if self.targets(old, old).0.node.is_true("required") {
                    ("required-response-header-removed", Level::Breaking)
                } else {
                    ("optional-response-header-removed", Level::Warning)
                };
                self.record(&at, id, level, sent(Said::named(Some(old), None, name)))?;
                continue;
            };
            let (old, new) = self.targets(old, new);
            let at = at.steps("", jump(&old), jump(&new));
            let (old, new) = (old.node, new.node);
            let (was, is) = (old.is_true("required"), new.is_true("required"));
            let spot = Spot::new(Direction::Response, Kind::Header, !is);
            self.requirement(&at, (old, new), (was, is), "", spot)?;
            self.deprecation(&at, "response-header", old, new)?;
            self.schemas(&at, old, new, spot)?;
            self.rest(&at, Some(old), Some(new), &["$ref", "required", "deprecated", "schema", "x-sunset"])?;
        }
        for (name, new) in is.iter().filter(|(name, _)| named(was, name).is_none()) {
            self.record(
                &at.step(name),
                "response-header-added",
                Level::Additive,
                sent(Said::named(None, Some(new), name)),
            )?;
        }
        Ok(())
    }

    /// The schemas of two headers or media types; without one, anything is allowed.
    fn schemas(&mut self, at: &Trail<'_>, old: &Node, new: &Node, spot: Spot) -> Result<()> {
        let (was, is) = (anything(old), anything(new));
        let (was, is) = (old.get("schema").unwrap_or(&was), new.get("schema").unwrap_or(&is));
        self.referred(Schemas { trail: &at.step("schema"), base: was, revision: is, spot })
    }

    /// What stands under `content`: media types by name, and the schema of each.
    pub(super) fn content(&mut self, at: &Trail<'_>, old: &Node, new: &Node, spot: Spot) -> Result<()> {
        let at = at.step("content");
        let (was, is) = (entries(old.get("content")), entries(new.get("content")));
        let way = if spot.is_request() { "request-body-media-type" } else { "response-media-type" };
        let mut used: Vec<&str> = Vec::new();
        for (name, old) in was {
            let renamed_to =
                || is.iter().find(|(other, _)| !was.contains_key(*other) && renamed(name, other) != Renamed::Other);
            let Some((other, new)) = is.get_key_value(name).or_else(renamed_to) else {
                let said = Said::named(Some(old), None, name).sent(spot.direction);
                self.record(&at.step(name), format!("{way}-removed"), Level::Breaking, said)?;
                continue;
            };
            used.push(other);
            let here = at.steps(name, Step::Key(name), Step::Key(other));
            if name != other {
                let (what, level) = match renamed(name, other) {
                    Renamed::Wider => ("name-generalized", spot.level(Effect::Wider)),
                    Renamed::Narrower => ("name-specialized", spot.level(Effect::Narrower)),
                    _ => ("name-changed", Level::Additive),
                };
                let said = Said::both(old, new, name, other).sent(spot.direction);
                self.record(&here, format!("{way}-{what}"), level, said)?;
            }
            let spot = Spot { stringly: spot.stringly || !is_json(name), ..spot };
            self.schemas(&here, old, new, spot)?;
            self.rest(&here, Some(old), Some(new), &["schema"])?;
        }
        for (name, new) in is.iter().filter(|(name, _)| !was.contains_key(*name) && !used.contains(&name.as_str())) {
            let said = Said::named(None, Some(new), name).sent(spot.direction);
            self.record(&at.step(name), format!("{way}-added"), Level::Additive, said)?;
        }
        Ok(())
    }
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
