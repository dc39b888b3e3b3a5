//! What a change means for this library: the field and the file to edit, "regenerate only", or nothing.
//!
//! The facade's schema says which properties are sent and which enumerations are open; the imported document says which
//! operations are called.

use std::path::Path;

use serde_json::Value as Json;

use crate::compare::{Change, Direction, Level, Operation};
use crate::facade::{self, OPERATION};
use crate::import::import;
use crate::roles::operations;
use crate::roots;

const NOTHING: &str = "nothing";
const REGENERATE: &str = "regenerate only";

/// What the library is, as far as documents are concerned.
#[derive(Debug, Default)]
pub struct Client {
    schema: Json,
    /// The operations that it calls, with their ids.
    calls: Vec<(Operation, String)>,
}

impl Client {
    /// Reads what the library is. Where that cannot be known (a repository whose pages are being mended), it calls
    /// nothing.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let schema = facade::read_schema(&root.join(roots::FACADE), roots::FACADE).unwrap_or_default();
        let mut calls = Vec::new();
        if let Ok(pages) = roots::vendor_pages(root)
            && let Ok(mut imported) = import(root, &pages, Some(&root.join(roots::PATCHES)))
        {
            operations(&mut imported.document, &mut |path, method, operation| {
                let name = Operation { method: method.to_uppercase(), path: path.to_owned() };
                calls.push((name, operation.get_text("operationId").unwrap_or_default().to_owned()));
            });
        }
        Self { schema, calls }
    }

    /// Whether the library sends any value for the property at a site of an operation.
    #[must_use]
    pub fn is_open(&self, operation: Option<&Operation>, site: &str) -> bool {
        self.calls_by(operation) == Some(OPERATION)
            && self.field(site).is_some_and(|field| field.schema.is_some_and(|schema| schema.get("enum").is_none()))
    }

    /// What a change means. `operation` is the older document's, which the library knows.
    #[must_use]
    pub fn meaning(&self, change: &Change, operation: Option<&Operation>) -> String {
        if change.level == Level::Text {
            return NOTHING.to_owned();
        }
        let Some(known) = operation else { return self.whole(change) };
        let Some(id) = self.calls_by(Some(known)) else {
            return if change.id == "endpoint-added" {
                format!("{NOTHING}: a new operation; {REGENERATE} to have it in `raw`")
            } else {
                format!("{NOTHING}: the library does not call {} {}", known.method, known.path)
            };
        };
        if change.level == Level::Source {
            return format!("{REGENERATE}; where the generated name is used: src/transport/mod.rs and its callers");
        }
        if change.id.starts_with("api-") && change.id.contains("removed") || change.id == "endpoint-moved" {
            return format!("{}: {id} calls what is no longer there; correct spec/patches.yaml too", file(id));
        }
        if change.id.starts_with("api-security") || change.id.starts_with("api-global-security") {
            return "src/transport/mod.rs: how the key is sent".to_owned();
        }
        match change.id.as_str() {
            "operation-status-changed" => {
                return format!(
                    "{NOTHING} to edit: the vendor says that {id} is now {}",
                    change.after.as_deref().unwrap_or("in no state")
                );
            }
            "required-names-no-property" => {
                return "src/request.rs: whether a field is meant that the page does not describe".to_owned();
            }
            words if words.starts_with("example-") => {
                return format!("{NOTHING}: no example is sent; it may show what the schema does not say");
            }
            _ => {}
        }
        match change.direction {
            Some(Direction::Response) => Self::answer(change),
            Some(Direction::Request) => self.request(change, id),
            None if change.level == Level::Additive => REGENERATE.to_owned(),
            None => format!("look at what {id} does with it: {}", file(id)),
        }
    }

    fn answer(change: &Change) -> String {
        match change.level {
            Level::Breaking | Level::Warning => {
                "src/answer.rs: whether what is read there is meant; what it does not know it keeps".to_owned()
            }
            _ => REGENERATE.to_owned(),
        }
    }

    fn request(&self, change: &Change, id: &str) -> String {
        if let Some(parameter) = change.site.split("/header ").nth(1) {
            let name = parameter.split('/').next().unwrap_or_default();
            if matches!(name, "authorization" | "content-type" | "accept") {
                return format!("{NOTHING}: the library always sends `{name}` itself");
            }
        }
        if id != OPERATION {
            return format!("src/client.rs: what {id} sends");
        }
        let Some(field) = self.field(&change.site) else {
            return "src/request.rs: what is sent as a whole".to_owned();
        };
        let (name, file) = (&field.name, field.file);
        let value = change.after.as_deref().unwrap_or_default();
        let gone = change.before.as_deref().unwrap_or_default();
        let words = change.id.as_str();
        match (field.schema.is_some(), words) {
            (false, _) if words.starts_with("new-required") => {
                format!("src/request.rs: add the field `{name}`; until then every request lacks it")
            }
            (false, _) if words.starts_with("new-optional") => {
                format!("{REGENERATE}; `{name}` can be sent with `extra` until src/request.rs has it")
            }
            (false, _) => format!("{NOTHING}: the library does not send `{name}`"),
            (true, "request-property-removed") => format!("{file}: `{name}` is still sent"),
            (true, _) if words.contains("enum-value-added") => {
                if field.schema.is_some_and(|schema| schema.get("enum").is_none()) {
                    format!("{REGENERATE}; `{name}` sends `{value}` unchanged, {file} may name it")
                } else {
                    format!("{file}: `{name}` refuses `{value}`; add it")
                }
            }
            (true, _) if words.contains("enum-value-removed") => {
                format!("{file}: `{name}` still names `{gone}`")
            }
            (true, _) if change.level == Level::Additive => format!("{REGENERATE}; {file} may follow at `{name}`"),
            (true, _) => format!("{file}: `{name}`"),
        }
    }

    fn whole(&self, change: &Change) -> String {
        match (change.level, change.id.as_str()) {
            (_, id) if id.starts_with("patch-") => "spec/patches.yaml: correct or delete the patch".to_owned(),
            (_, id) if id.starts_with("api-server") => {
                format!("{REGENERATE}; the default server comes from the document")
            }
            (Level::Breaking | Level::Warning, id) if id.starts_with("api-security") => {
                "src/transport/mod.rs: how the key is sent".to_owned()
            }
            (Level::Breaking | Level::Warning, _) => "look at it: no field of the library is meant".to_owned(),
            _ => REGENERATE.to_owned(),
        }
    }

    fn calls_by(&self, operation: Option<&Operation>) -> Option<&str> {
        let operation = operation?;
        self.calls.iter().find(|(known, _)| known == operation).map(|(_, id)| id.as_str())
    }

    /// The property of the facade at a site such as `…/schema/properties/image_list/items/properties/image`.
    fn field(&self, site: &str) -> Option<Field<'_>> {
        let (_, inside) = site.split_once("/requestBody/content/")?;
        let (_, path) = inside.split_once("/schema")?;
        let steps: Vec<String> = path
            .split('/')
            .filter(|step| !step.is_empty())
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
            .collect();
        let mut name = String::new();
        let mut at: Vec<String> = Vec::new();
        let mut schema = Some(&self.schema);
        let mut rest = steps.iter();
        while let Some(step) = rest.next() {
            match step.as_str() {
                "properties" => {
                    let Some(property) = rest.next() else { break };
                    schema = schema.and_then(|schema| schema.get("properties")?.get(property));
                    name = if name.is_empty() { property.clone() } else { format!("{name}.{property}") };
                    at.extend(["properties".to_owned(), property.clone()]);
                }
                "items" => {
                    schema = schema.and_then(|schema| schema.get("items"));
                    name.push_str("[]");
                    at.push("items".to_owned());
                }
                "enum" => break,
                _ => {}
            }
        }
        if name.is_empty() {
            return None;
        }
        let open = schema.is_some_and(|schema| schema.get(facade::OPEN_ENUM).is_some());
        let file = facade::file(&at, if open { "src/values.rs" } else { "src/request.rs" });
        Some(Field { name, schema, file })
    }
}

/// Where an operation is called.
fn file(id: &str) -> &'static str {
    if id == OPERATION { "src/submit.rs" } else { "src/client.rs" }
}

/// A property that the facade sends, or could.
struct Field<'c> {
    name: String,
    schema: Option<&'c Json>,
    file: &'static str,
}
