//! The role in which a schema stands: it decides what a change of it means, and how the change is called.

use super::change::{Direction, Level};
use super::trail::Trail;
use crate::tree::Node;

/// In which role a schema stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    pub direction: Direction,
    pub kind: Kind,
    /// Whether it is never sent this way (`readOnly` in a request, `writeOnly` in an answer): nothing breaks.
    pub excused: bool,
}

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Body,
    /// A property of a body or of a header, or an item.
    Property,
    /// If it may be left out, a default has a meaning.
    Parameter {
        optional: bool,
    },
    ParameterProperty,
    Header,
}

/// Whether a change allows more than before, or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Narrower,
    Wider,
}

impl Spot {
    /// The role of a schema that is no part of another one.
    pub fn new(direction: Direction, kind: Kind) -> Self {
        Self { direction, kind, excused: false }
    }

    /// Whether the data is what a client sends.
    pub fn is_request(self) -> bool {
        self.direction == Direction::Request
    }

    /// Whether the value travels as text, so that any scalar may become a string.
    pub fn is_text(self) -> bool {
        !matches!(self.kind, Kind::Body | Kind::Property)
    }

    /// How ids begin here.
    pub fn prefix(self) -> &'static str {
        match (self.kind, self.is_request()) {
            (Kind::Parameter { .. }, _) => "request-parameter",
            (Kind::ParameterProperty, _) => "request-parameter-property",
            (Kind::Body, true) => "request-body",
            (Kind::Body, false) => "response-body",
            (Kind::Property, true) => "request-property",
            (Kind::Property, false) => "response-property",
            (Kind::Header, _) => "response-header",
        }
    }

    /// An id of this place.
    pub fn id(self, what: &str) -> String {
        format!("{}-{what}", self.prefix())
    }

    /// What an effect means here: a request that allows less breaks, a response that allows more does.
    pub fn level(self, effect: Effect) -> Level {
        if self.is_request() == (effect == Effect::Narrower) {
            self.unless_excused(Level::Breaking)
        } else {
            Level::Additive
        }
    }

    /// A level that is kept unless nothing is ever sent here.
    pub fn unless_excused(self, level: Level) -> Level {
        if self.excused { level.min(Level::Additive) } else { level }
    }

    /// The role of what lies inside.
    pub fn inside(self) -> Self {
        let kind = match self.kind {
            Kind::Body | Kind::Property | Kind::Header => Kind::Property,
            Kind::Parameter { .. } | Kind::ParameterProperty => Kind::ParameterProperty,
        };
        Self { kind, ..self }
    }
}

/// Two schemas in one place and role.
#[derive(Clone, Copy)]
pub(super) struct Schemas<'t> {
    pub trail: &'t Trail<'t>,
    pub base: &'t Node,
    pub revision: &'t Node,
    pub spot: Spot,
}

/// What became of a keyword: the keyword, the kind without its place, and how much it matters.
pub(super) type Verdict = (&'static str, String, Level);

impl<'t> Schemas<'t> {
    /// What stands under a key.
    pub fn get(self, key: &str) -> (Option<&'t Node>, Option<&'t Node>) {
        (self.base.get(key), self.revision.get(key))
    }

    /// What became of a keyword whose absence, presence and values are three kinds; none if it is the same.
    pub fn keyword(self, key: &'static str, word: &str, [added, removed, changed]: [Level; 3]) -> Option<Verdict> {
        let (how, level) = match self.get(key) {
            (None, None) => return None,
            (Some(old), Some(new)) if old.same(new) => return None,
            (None, _) => ("added", added),
            (_, None) => ("removed", removed),
            _ => ("changed", changed),
        };
        Some((key, format!("{word}-{how}"), self.spot.unless_excused(level)))
    }
}
