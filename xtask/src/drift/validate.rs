//! Whether an example is what its own schema describes: the part of JSON Schema that OpenAPI 3.0 schemas use, over trees
//! that know their lines.
//!
//! The crate `jsonschema` refuses a whole schema for one malformed keyword (`type: file`, `required: true`), and knows
//! neither `nullable` nor keys that nobody described. To translate for it, and its errors back, takes as many lines as
//! there are here, and 42 crates.

use std::cmp::Ordering;

use crate::reference::follow;
use crate::text::shown;
use crate::tree::{Map, Node, Place, Value};

/// Values inside values and references followed; deeper ones are taken as right.
const MAX_DEPTH: usize = 64;
/// An example that is wrong in so many ways is shown by the first ones.
const MAX_VIOLATIONS: usize = 20;
/// Schemas tried for one example: alternatives of alternatives would otherwise multiply.
const MAX_STEPS: usize = 20_000;

/// One way in which an example is wrong: the kind, where in the example by keys, its line, and what was expected and found.
#[derive(Debug)]
pub(super) struct Violation {
    pub(super) id: &'static str,
    pub(super) at: String,
    pub(super) place: Place,
    pub(super) text: String,
}

/// All the ways in which a value is not what a schema describes.
pub(super) fn violations(document: &Node, schema: &Node, value: &Node) -> Vec<Violation> {
    let mut validator = Validator { document, found: Vec::new(), steps: 0 };
    validator.check(schema, value, "", 0);
    validator.found
}

struct Validator<'d> {
    document: &'d Node,
    found: Vec<Violation>,
    steps: usize,
}

impl Validator<'_> {
    fn fail(&mut self, id: &'static str, at: &str, value: &Node, text: String) {
        if self.found.len() < MAX_VIOLATIONS {
            self.found.push(Violation { id, at: at.to_owned(), place: value.place.clone(), text });
        }
    }

    fn check(&mut self, schema: &Node, value: &Node, at: &str, depth: usize) {
        self.steps += 1;
        if depth > MAX_DEPTH || self.steps > MAX_STEPS {
            return;
        }
        let schema = follow(self.document, schema).node;
        let list = |key: &str| schema.get(key).and_then(Node::list).unwrap_or_default();
        let kind = schema.get_text("type");
        let null = matches!(value.value, Value::Null);
        if null && (kind.is_none() || schema.is_true("nullable")) {
            return;
        }
        if let Some(kind) = kind.filter(|kind| null || !value.is_a(kind)) {
            self.fail("example-invalid", at, value, format!("expected {kind}, found {}", shown(value)));
            return;
        }
        if let Some(all) = schema.get("enum").and_then(Node::list)
            && !all.iter().any(|allowed| allowed.same(value))
        {
            let allowed = all.iter().map(shown).collect::<Vec<_>>().join(", ");
            self.fail("example-invalid", at, value, format!("expected one of {allowed}, found {}", shown(value)));
        }
        self.bounds(schema, value, at);
        match (&value.value, schema.get("items")) {
            (Value::Map(map), _) => self.object(schema, value, map, at, depth),
            (Value::List(items), Some(schema)) => {
                for (index, item) in items.iter().enumerate() {
                    self.check(schema, item, &format!("{at}[{index}]"), depth + 1);
                }
            }
            _ => {}
        }
        for part in list("allOf") {
            self.check(part, value, at, depth + 1);
        }
        for key in ["oneOf", "anyOf"].into_iter().filter(|key| !list(key).is_empty()) {
            let fits = list(key).iter().any(|part| {
                let mut trial = Validator { document: self.document, found: Vec::new(), steps: self.steps };
                trial.check(part, value, at, depth + 1);
                self.steps = trial.steps;
                trial.found.iter().all(|violation| violation.id == "example-key-unknown")
            });
            if !fits {
                self.fail("example-invalid", at, value, format!("fits no alternative of `{key}`"));
            }
        }
    }

    fn object(&mut self, schema: &Node, value: &Node, map: &Map, at: &str, depth: usize) {
        let properties = schema.get("properties").and_then(Node::map);
        let names = schema.get("required").and_then(Node::list).into_iter().flatten();
        for name in names.filter_map(Node::text) {
            let described = properties.is_some_and(|all| all.contains_key(name));
            if described && !map.contains_key(name) {
                self.fail("example-key-missing", at, value, format!("lacks `{name}`, which is required"));
            }
        }
        let further = schema.get("additionalProperties");
        let closed = further.is_none_or(|further| matches!(further.value, Value::Bool(false)));
        let alone = ["allOf", "oneOf", "anyOf"].iter().all(|key| schema.get(key).is_none());
        for (key, item) in map {
            let inner = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            match (properties.and_then(|all| all.get(key)), further) {
                (Some(schema), _) => self.check(schema, item, &inner, depth + 1),
                (None, Some(schema)) if schema.map().is_some() => self.check(schema, item, &inner, depth + 1),
                (None, _) if closed && alone && properties.is_some_and(|all| !all.is_empty()) => {
                    self.fail("example-key-unknown", &inner, item, format!("`{key}` is no property of the schema"));
                }
                _ => {}
            }
        }
    }

    fn bounds(&mut self, schema: &Node, value: &Node, at: &str) {
        #[expect(clippy::cast_precision_loss, reason = "sizes of examples are far below 2^52")]
        let (least, most, found) = match &value.value {
            Value::Text(text) => ("minLength", "maxLength", text.chars().count() as f64),
            Value::List(items) => ("minItems", "maxItems", items.len() as f64),
            Value::Map(map) => ("minProperties", "maxProperties", map.len() as f64),
            Value::Number(text) => ("minimum", "maximum", text.parse().unwrap_or(f64::NAN)),
            _ => return,
        };
        for (key, exclusive, outside) in
            [(least, "exclusiveMinimum", Ordering::Less), (most, "exclusiveMaximum", Ordering::Greater)]
        {
            let Some(Value::Number(limit)) = schema.get(key).map(|node| &node.value) else { continue };
            let order = limit.parse::<f64>().ok().and_then(|bound| found.partial_cmp(&bound));
            if order == Some(outside) || order == Some(Ordering::Equal) && schema.is_true(exclusive) {
                self.fail("example-invalid", at, value, format!("{key} is {limit}, found {found}"));
            }
        }
    }
}
