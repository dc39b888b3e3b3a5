//! What a change means for this library: the field and the file to edit, "regenerate only", or nothing.
//!
//! The library's schemas say which properties are sent and which enumerations are open; the imported document says which
//! operations they belong to.

use std::path::Path;

use crate::compare::{Change, Direction, Level, Operation};
use crate::import::import_all;
use crate::library::{Covered, Described, OPEN_ENUM, described, schemas};
use crate::tree::Node;

const NOTHING: &str = "nothing";
const REGENERATE: &str = "regenerate only";

/// What the library is, as far as documents are concerned.
#[derive(Debug, Default)]
pub struct Client {
    calls: Vec<Call>,
}

/// An operation that the library calls.
#[derive(Debug)]
struct Call {
    operation: Operation,
    id: String,
    covered: Covered,
    create: Described,
}

impl Client {
    /// Reads what the library is. Where that cannot be known (a repository whose pages are being mended), it calls
    /// nothing.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let all = import_all(root).map(|imported| described(&imported.document)).unwrap_or_default();
        let mut calls = Vec::new();
        for covered in schemas(root).unwrap_or_default() {
            let create = all.iter().find(|one| one.method == "POST" && one.operation == covered.name);
            let Some(create) = create else { continue };
            calls.extend(all.iter().filter(|one| one.operation == create.operation).map(|one| Call {
                operation: Operation { method: one.method.clone(), path: one.path.clone() },
                id: one.id.clone(),
                covered: covered.clone(),
                create: create.clone(),
            }));
        }
        Self { calls }
    }

    /// Whether the library sends any value for the property at a site of an operation.
    #[must_use]
    pub fn is_open(&self, operation: Option<&Operation>, site: &str) -> bool {
        let field = self.call(operation).filter(|call| call.is_create()).and_then(|call| call.field(site));
        field.is_some_and(|field| field.schema.is_some_and(|schema| schema.get("enum").is_none()))
    }

    fn call(&self, operation: Option<&Operation>) -> Option<&Call> {
        self.calls.iter().find(|call| Some(&call.operation) == operation)
    }

    /// What a change means. `operation` is the older document's, which the library knows.
    #[must_use]
    pub fn meaning(&self, change: &Change, operation: Option<&Operation>) -> String {
        if change.level == Level::Text {
            return NOTHING.to_owned();
        }
        let Some(known) = operation else { return self.whole(change) };
        let Some(call) = self.call(Some(known)) else {
            return match (change.id.as_str(), known.method.as_str()) {
                ("endpoint-added", "POST") => {
                    "src/operations: add a file for it, or list it in spec/allowed.yaml as not covered".to_owned()
                }
                ("endpoint-added", _) => format!("{NOTHING}: a new operation; {REGENERATE} to have it in `raw`"),
                _ => format!("{NOTHING}: the library does not call {} {}", known.method, known.path),
            };
        };
        let (id, source) = (&call.id, call.create.source());
        if change.level == Level::Source {
            return format!("{REGENERATE}; where the generated name is used: src/transport/mod.rs and its callers");
        }
        if change.id.starts_with("api-") && change.id.contains("removed") || change.id == "endpoint-moved" {
            return format!("{source}: {id} calls what is no longer there; correct spec/patches.yaml too");
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
                return format!("{source}: whether a field is meant that the page does not describe");
            }
            words if words.starts_with("example-") => {
                return format!("{NOTHING}: no example is sent; it may show what the schema does not say");
            }
            _ => {}
        }
        match change.direction {
            Some(Direction::Response) => Self::answer(change),
            Some(Direction::Request) => call.request(change),
            None if change.level == Level::Additive => REGENERATE.to_owned(),
            None => format!("look at what {id} does with it: {source}"),
        }
    }

    fn answer(change: &Change) -> String {
        match change.level {
            Level::Breaking | Level::Warning => {
                "src/response: whether what is read there is meant; what it does not know it keeps".to_owned()
            }
            _ => REGENERATE.to_owned(),
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
}

impl Call {
    fn is_create(&self) -> bool {
        self.id == self.create.id
    }

    fn request(&self, change: &Change) -> String {
        if let Some(parameter) = change.site.split("/header ").nth(1) {
            let name = parameter.split('/').next().unwrap_or_default();
            if matches!(name, "authorization" | "content-type" | "accept") {
                return format!("{NOTHING}: the library always sends `{name}` itself");
            }
        }
        if !self.is_create() {
            return format!("src/client.rs: what {} sends", self.id);
        }
        let source = self.create.source();
        let Some(field) = self.field(&change.site) else {
            return format!("{source}: what is sent as a whole");
        };
        let (name, file) = (&field.name, &field.file);
        let value = change.after.as_deref().unwrap_or_default();
        let gone = change.before.as_deref().unwrap_or_default();
        let words = change.id.as_str();
        match (field.schema.is_some(), words) {
            (false, _) if words.starts_with("new-required") => {
                format!("{source}: add the field `{name}`; until then every request lacks it")
            }
            (false, _) if words.starts_with("new-optional") => {
                format!("{REGENERATE}; `{name}` can be sent with `extra` until {source} has it")
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

    /// The property at a site such as `…/schema/properties/image_list/items/properties/image`.
    fn field(&self, site: &str) -> Option<Field<'_>> {
        let (_, inside) = site.split_once("/requestBody/content/")?;
        let (_, path) = inside.split_once("/schema")?;
        let steps: Vec<String> = path
            .split('/')
            .filter(|step| !step.is_empty())
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
            .collect();
        let mut name = String::new();
        let mut schema = Some(&self.covered.schema);
        let mut rest = steps.iter();
        while let Some(step) = rest.next() {
            match step.as_str() {
                "properties" => {
                    let Some(property) = rest.next() else { break };
                    schema = schema.and_then(|schema| schema.get("properties")?.get(property));
                    name = if name.is_empty() { property.clone() } else { format!("{name}.{property}") };
                }
                "items" => {
                    schema = schema.and_then(|schema| schema.get("items"));
                    name.push_str("[]");
                }
                "enum" => break,
                _ => {}
            }
        }
        if name.is_empty() {
            return None;
        }
        let file = match schema {
            Some(schema) if schema.get(OPEN_ENUM).is_some() => "src/values.rs".to_owned(),
            schema => self.create.file(|word| schema.is_some_and(|schema| schema.get(word).is_some())),
        };
        Some(Field { name, schema, file })
    }
}

/// A property that the library sends, or could.
struct Field<'c> {
    name: String,
    schema: Option<&'c Node>,
    file: String,
}
