//! What is sent and what comes back: bodies, media types, answers by status, headers.

use super::change::{Direction, Level};
use super::comparer::{Both, Comparer, anything, entries, manner};
use super::operations::Found;
use super::spot::{Kind, Schemas, Spot};
use super::trail::Trail;
use crate::error::Result;
use crate::reference::follow;
use crate::tree::Node;

impl<'a> Comparer<'a> {
    pub(super) fn request_body(&mut self, at: &Trail<'_>, (old, new): (&Found<'a>, &Found<'a>)) -> Result<()> {
        let at = at.step("requestBody");
        match (old.node.get("requestBody"), new.node.get("requestBody")) {
            (None, None) => Ok(()),
            (Some(old), Some(new)) => self.carrier(&at, (old, new), Spot::new(Direction::Request, Kind::Body)),
            (old, None) => self.record(&at, "request-body-removed", Level::Breaking, (old, None)),
            (None, Some(new)) => {
                let required = follow(self.revision, new).node.is_true("required");
                let level = if required { Level::Breaking } else { Level::Additive };
                self.record(&at, format!("request-body-added-{}", manner(required)), level, (None, Some(new)))
            }
        }
    }

    pub(super) fn answers(&mut self, at: &Trail<'_>, (old, new): (&Found<'a>, &Found<'a>)) -> Result<()> {
        let at = at.step("responses");
        let alone = |status: &str, _: &Node, is_new: bool| {
            let is_success = status.len() == 3 && status.starts_with('2');
            let word = if is_success { "success" } else { "non-success" };
            let (how, level) = match (is_new, is_success) {
                (true, _) => ("added", Level::Additive),
                (_, true) => ("removed", Level::Breaking),
                (_, false) => ("removed", Level::Warning),
            };
            (format!("response-{word}-status-{how}"), level, status.to_owned())
        };
        let (old, new) = (old.node.get("responses"), new.node.get("responses"));
        let spot = Spot::new(Direction::Response, Kind::Body);
        self.each(&at, (entries(old), entries(new)), alone, |this, at, pair| this.carrier(at, pair, spot))
    }

    fn headers(&mut self, at: &Trail<'_>, (old, new): Both<'a>) -> Result<()> {
        let base = self.base;
        let alone = |name: &str, node: &Node, is_new: bool| {
            let required = follow(base, node).node.is_true("required");
            let (id, level) = match (is_new, required) {
                (true, _) => ("response-header-added".to_owned(), Level::Additive),
                (_, true) => ("required-response-header-removed".to_owned(), Level::Breaking),
                (_, false) => ("optional-response-header-removed".to_owned(), Level::Warning),
            };
            (id, level, name.to_owned())
        };
        let spot = Spot::new(Direction::Response, Kind::Header);
        self.each(at, (entries(old), entries(new)), alone, |this, at, pair| this.carrier(at, pair, spot))
    }

    /// Compares what carries data: a parameter, a body, an answer, a header.
    pub(super) fn carrier(&mut self, at: &Trail<'_>, pair: (&'a Node, &'a Node), spot: Spot) -> Result<()> {
        self.behind(at, pair, |this, at, (old, new)| {
            let both = |key: &str| (old.get(key), new.get(key));
            this.requirement(at, (old, new), (is_required(old), is_required(new)), spot)?;
            this.deprecation(at, spot.prefix(), (old, new))?;
            let mut known = vec!["$ref", "required", "deprecated"];
            match spot.kind {
                Kind::Parameter { .. } => known.extend(["name", "in"]),
                Kind::Body => {
                    this.headers(&at.step("headers"), both("headers"))?;
                    known.push("headers");
                }
                _ => {}
            }
            let is_swapped = |one: &Node, other: &Node| one.get("schema").is_some() && other.get("content").is_some();
            if !is_swapped(old, new) && !is_swapped(new, old) {
                this.contained(at, (old, new), spot)?;
                this.content(&at.step("content"), both("content"), spot)?;
                known.extend(["schema", "content"]);
            }
            this.rest(at, old, new, &known)
        })
    }

    /// Compares the schemas in two nodes; without one, anything is allowed.
    fn contained(&mut self, at: &Trail<'_>, (old, new): (&Node, &Node), spot: Spot) -> Result<()> {
        if old.get("schema").is_none() && new.get("schema").is_none() {
            return Ok(());
        }
        let (was, is) = (anything(old), anything(new));
        let (base, revision) = (old.get("schema").unwrap_or(&was), new.get("schema").unwrap_or(&is));
        self.carried(at, (old, new), Schemas { trail: &at.step("schema"), base, revision, spot })
    }

    /// Compares media types by name, and the schema of each.
    fn content(&mut self, at: &Trail<'_>, (old, new): Both<'_>, spot: Spot) -> Result<()> {
        let way = if spot.is_request() { "request-body-media-type" } else { "response-media-type" };
        let alone = |name: &str, _: &Node, is_new: bool| {
            let (how, level) = if is_new { ("added", Level::Additive) } else { ("removed", Level::Breaking) };
            (format!("{way}-{how}"), level, name.to_owned())
        };
        self.each(at, (entries(old), entries(new)), alone, |this, at, (old, new)| {
            this.contained(at, (old, new), spot)?;
            this.rest(at, old, new, &["schema"])
        })
    }
}

/// Whether something is always sent: what stands in the path is, whatever it says.
pub(super) fn is_required(node: &Node) -> bool {
    node.is_true("required") || node.get_text("in") == Some("path")
}
