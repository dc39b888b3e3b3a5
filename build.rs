//! Generates the raw client: `openapi.yaml` in, `$OUT_DIR/generated.rs` out.
//!
//! The document is relaxed first, for generation only: whatever would make the generated types refuse a value that the
//! API may accept tomorrow is taken out. The tests include this file, to regenerate with changed documents.

use progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle};
use serde_json::{Value, json};

/// What closes a generated type: a new value or a looser limit would be refused at run time, by a client built before it.
const CLOSING: &str = "enum pattern minLength maxLength minItems maxItems minProperties maxProperties minimum maximum \
                       exclusiveMinimum exclusiveMaximum";

fn main() {
    println!("cargo:rerun-if-changed=openapi.yaml");
    let out = std::env::var("OUT_DIR").unwrap_or_default() + "/generated.rs";
    let written = std::fs::read_to_string("openapi.yaml")
        .map_err(|e| e.to_string())
        .and_then(|yaml| generate(&yaml))
        .and_then(|text| std::fs::write(&out, text).map_err(|e| format!("cannot write {out}: {e}")));
    if let Err(reason) = written {
        eprintln!("error: openapi.yaml: {reason}");
        eprintln!("ACTION: run `cargo xtask spec check`; `cargo xtask spec import` writes openapi.yaml, no hand does");
        std::process::exit(1);
    }
}

/// The text of the raw client for a document.
pub fn generate(yaml: &str) -> Result<String, String> {
    // Through yaml_serde's own value, which refuses a key that stands twice; openapiv3 would panic on it.
    let document: yaml_serde::Value = yaml_serde::from_str(yaml).map_err(|e| e.to_string())?;
    let mut document = serde_json::to_value(document).map_err(|e| e.to_string())?;
    relax(&mut document);
    let text = |pointer| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let [title, version, server] = ["/info/title", "/info/version", "/servers/0/url"].map(text);
    let constants = format!(
        "\n/// What the document says of itself.\npub mod document {{\n    /// Its title, empty if it has none.\n    \
         pub const TITLE: &str = {title:?};\n    /// Its version.\n    pub const VERSION: &str = {version:?};\n    \
         /// The first server it names.\n    pub const SERVER: &str = {server:?};\n}}\n"
    );
    let spec = serde_json::from_value(document).map_err(|e| format!("not an OpenAPI 3.0 document: {e}"))?;
    let mut settings = GenerationSettings::new();
    settings.with_interface(InterfaceStyle::Builder).with_hooks(HooksMode::Expected);
    settings.with_inner_type("crate::transport::Exchange".parse().map_err(|_| "the inner type does not parse")?);
    let tokens = std::panic::catch_unwind(|| Generator::new(&settings).generate_tokens(&spec))
        .map_err(|_| "progenitor panicked on this document (its message is above)")?
        .map_err(|e| format!("progenitor refused this document: {e}"))?;
    let file = syn::parse2(tokens).map_err(|e| format!("progenitor wrote code that does not parse: {e}"))?;
    Ok(prettyplease::unparse(&file) + &constants)
}

/// Opens every schema, and lets each operation answer with any JSON: gateways disagree, and the facade decodes.
fn relax(document: &mut Value) {
    let answer = json!({"2XX": {"description": "", "content": {"application/json": {"schema": {}}}}});
    let items = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(|m| m.values_mut());
    for operation in items.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
        operation.get_mut("responses").into_iter().for_each(|responses| *responses = answer.clone());
    }
    open(document, false);
}

/// Removes the closing keywords wherever they are keywords, and not the names of properties or components.
fn open(node: &mut Value, names: bool) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(|item| open(item, false)),
        Value::Object(map) => {
            if !names {
                map.retain(|key, value| match key.as_str() {
                    "format" => value == "binary", // the one that progenitor needs, for uploads
                    "additionalProperties" => value != false,
                    "example" | "examples" | "default" => false, // data, not schema; a default would always be sent
                    "required" => !value.is_array(), // the library checks it; a parameter's own, true or false, stays
                    key => !CLOSING.split(' ').any(|closing| closing == key),
                });
            }
            map.iter_mut().for_each(|(key, value)| open(value, !names && (key == "properties" || key == "schemas")));
        }
        _ => {}
    }
}
