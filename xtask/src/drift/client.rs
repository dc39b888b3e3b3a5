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
const KEY: &str = "src/transport/mod.rs: how the key is sent";

/// What the library is, as far as documents are concerned.
#[derive(Debug, Default)]
pub struct Client {
    calls: Vec<Call>,
}

/// An operation that the library calls, and the POST whose tasks it is about.
#[derive(Debug)]
struct Call {
    called: Described,
    create: Described,
    covered: Covered,
}

impl Client {
    /// Reads what the library is. Where that cannot be known (a repository whose pages are being mended), it calls
    /// nothing.
    pub fn read(root: &Path) -> Self {
        let all = import_all(root).map(|imported| described(&imported.document)).unwrap_or_default();
        let mut calls = Vec::new();
        for covered in schemas(root).unwrap_or_default() {
            let create = all.iter().find(|one| one.method == "POST" && one.operation == covered.name);
            let Some(create) = create else { continue };
            let of_it = all.iter().filter(|one| one.operation == create.operation).cloned();
            calls.extend(of_it.map(|called| Call { called, create: create.clone(), covered: covered.clone() }));
        }
        Self { calls }
    }

    /// Whether the library sends any value for the property at a site of an operation.
    pub(super) fn is_open(&self, operation: Option<&Operation>, site: &str) -> bool {
        let field =
            self.call(operation).filter(|call| call.called.id == call.create.id).and_then(|call| call.field(site));
        field.is_some_and(|field| field.is_open())
    }

    fn call(&self, operation: Option<&Operation>) -> Option<&Call> {
        let of = operation.map(|one| (&one.method, &one.path));
        self.calls.iter().find(|call| Some((&call.called.method, &call.called.path)) == of)
    }

    /// What a change means. `operation` is the older document's, which the library knows.
    pub(super) fn meaning(&self, change: &Change, operation: Option<&Operation>) -> String {
        let (id, level) = (change.id.as_str(), change.level);
        let matters = level >= Level::Warning;
        let is_security = id.starts_with("api-security") || id.starts_with("api-global-security");
        match (operation, self.call(operation)) {
            _ if level == Level::Text => NOTHING.to_owned(),
            (None, _) if id.starts_with("patch-") => "spec/patches.yaml: correct or delete the patch".to_owned(),
            (None, _) if id.starts_with("api-server") => {
                format!("{REGENERATE}; the default server comes from the document")
            }
            (None, _) if matters && is_security => KEY.to_owned(),
            (None, _) if matters => "look at it: no field of the library is meant".to_owned(),
            (None, _) => REGENERATE.to_owned(),
            (Some(known), None) if id == "endpoint-added" && known.method == "POST" => {
                "src/operations: add a file for it, or list it in spec/allowed.yaml as not covered".to_owned()
            }
            (_, None) if id == "endpoint-added" => {
                format!("{NOTHING}: a new operation; {REGENERATE} to have it in `raw`")
            }
            (Some(known), None) => format!("{NOTHING}: the library does not call {known}"),
            (_, Some(call)) => call.meaning(change, is_security),
        }
    }
}

impl Call {
    fn meaning(&self, change: &Change, is_security: bool) -> String {
        let (id, source) = (&self.called.id, self.create.source());
        match change.id.as_str() {
            _ if change.level == Level::Source => {
                format!("{REGENERATE}; where the generated name is used: src/transport/mod.rs and its callers")
            }
            what if what == "endpoint-moved" || what.starts_with("api-") && what.contains("removed") => {
                format!("{source}: {id} calls what is no longer there; correct spec/patches.yaml too")
            }
            _ if is_security => KEY.to_owned(),
            "operation-status-changed" => {
                let state = change.after.as_deref().unwrap_or("in no state");
                format!("{NOTHING} to edit: the vendor says that {id} is now {state}")
            }
            "required-names-no-property" => {
                format!("{source}: whether a field is meant that the page does not describe")
            }
            what if what.starts_with("example-") => {
                format!("{NOTHING}: no example is sent; it may show what the schema does not say")
            }
            _ => match change.direction {
                Some(Direction::Request) => self.request(change),
                _ if change.level == Level::Additive => REGENERATE.to_owned(),
                Some(Direction::Response) => {
                    "src/response: whether what is read there is meant; what it does not know it keeps".to_owned()
                }
                None => format!("look at what {id} does with it: {source}"),
            },
        }
    }

    fn request(&self, change: &Change) -> String {
        let header = change.site.split("/header ").nth(1).and_then(|header| header.split('/').next());
        if let Some(name @ ("authorization" | "content-type" | "accept")) = header {
            return format!("{NOTHING}: the library always sends `{name}` itself");
        }
        if self.called.id != self.create.id {
            return format!("src/client.rs: what {} sends", self.called.id);
        }
        let source = self.create.source();
        let Some(field) = self.field(&change.site) else {
            return format!("{source}: what is sent as a whole");
        };
        let Field { name, schema, file } = &field;
        let value = change.after.as_deref().unwrap_or_default();
        let gone = change.before.as_deref().unwrap_or_default();
        match change.id.as_str() {
            id if schema.is_none() && id.starts_with("new-required") => {
                format!("{source}: add the field `{name}`; until then every request lacks it")
            }
            id if schema.is_none() && id.starts_with("new-optional") => {
                format!("{REGENERATE}; `{name}` can be sent with `extra` until {source} has it")
            }
            _ if schema.is_none() => format!("{NOTHING}: the library does not send `{name}`"),
            "request-property-removed" => format!("{file}: `{name}` is still sent"),
            id if id.contains("enum-value-added") && field.is_open() => {
                format!("{REGENERATE}; `{name}` sends `{value}` unchanged, {file} may name it")
            }
            id if id.contains("enum-value-added") => format!("{file}: `{name}` refuses `{value}`; add it"),
            id if id.contains("enum-value-removed") => format!("{file}: `{name}` still names `{gone}`"),
            _ if change.level == Level::Additive => format!("{REGENERATE}; {file} may follow at `{name}`"),
            _ => format!("{file}: `{name}`"),
        }
    }

    /// The property at a site such as `…/schema/properties/image_list/items/properties/image`.
    fn field(&self, site: &str) -> Option<Field<'_>> {
        let (_, inside) = site.split_once("/requestBody/content/")?;
        let (_, path) = inside.split_once("/schema")?;
        let (mut name, mut schema) = (String::new(), Some(&self.covered.schema));
        let mut steps = path.split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
        while let Some(step) = steps.next() {
            match step.as_str() {
                "properties" => {
                    let Some(property) = steps.next() else { break };
                    schema = schema.and_then(|schema| schema.get("properties")?.get(&property));
                    name = if name.is_empty() { property } else { format!("{name}.{property}") };
                }
                "items" => {
                    schema = schema.and_then(|schema| schema.get("items"));
                    name.push_str("[]");
                }
                "enum" => break,
                _ => {}
            }
        }
        let has = |word: &str| schema.is_some_and(|schema| schema.get(word).is_some());
        let file = if has(OPEN_ENUM) { "src/values.rs".to_owned() } else { self.create.file(has) };
        Some(Field { name, schema, file }).filter(|field| !field.name.is_empty())
    }
}

/// A property that the library sends, or could.
struct Field<'c> {
    name: String,
    schema: Option<&'c Node>,
    file: String,
}

impl Field<'_> {
    /// Whether it is sent with any value.
    fn is_open(&self) -> bool {
        self.schema.is_some_and(|schema| schema.get("enum").is_none())
    }
}
