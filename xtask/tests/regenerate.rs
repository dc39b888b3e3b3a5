//! Proves that an update of the vendor's document that only adds needs no line of the library: with each such change the
//! client regenerates, and with all of them at once the crate compiles and sends the same bytes.

#[path = "../../build.rs"]
#[allow(dead_code, reason = "its main is the build script's")]
mod build_script;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

type Change = fn(&mut Value);

/// What a vendor adds, and what must not matter.
const ADDITIONS: [(&str, Change); 6] = [
    ("an optional property", |document| {
        body(document)["properties"]["camera_control"] =
            json!({"type": "object", "properties": {"type": {"type": "string"}}});
        item(document)["properties"]["weight"] = json!({"type": "number", "default": 1});
    }),
    ("an enumeration", |document| {
        body(document)["properties"]["mode"]["enum"] = json!(["std", "pro", "ultra"]);
        body(document)["properties"]["duration"]["enum"] = json!(["5"]);
    }),
    ("a limit", |document| {
        body(document)["properties"]["prompt"]["maxLength"] = json!(10);
        body(document)["properties"]["prompt"]["pattern"] = json!("^[a-z]*$");
        body(document)["properties"]["image_list"]["minItems"] = json!(2);
        body(document)["properties"]["callback_url"]["format"] = json!("uri");
        body(document)["additionalProperties"] = json!(false);
    }),
    ("an answer's schema", |document| {
        let answer = json!({"type": "object", "required": ["code"], "properties": {"code": {"type": "integer"}}});
        document["components"]["schemas"]["Answer"] = answer;
        let reference = json!({"$ref": "#/components/schemas/Answer"});
        for path in [ENDPOINT, &format!("{ENDPOINT}/{{id}}")] {
            for (_, operation) in document["paths"][path].as_object_mut().unwrap() {
                operation["responses"]["200"]["content"]["application/json"]["schema"] = reference.clone();
                operation["responses"]["400"] =
                    json!({"description": "", "content": {"application/json": {"schema": {"type": "string"}}}});
            }
        }
    }),
    ("an operation", |document| {
        document["paths"]["/kling/v1/videos/lip-sync"] = json!({"post": {
            "operationId": "create_lip_sync",
            "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"input": {"type": "string"}}}}}},
            "responses": {"200": {"description": ""}},
        }});
    }),
    ("an optional parameter", |document| {
        let parameter = json!({"name": "status", "in": "query", "schema": {"type": "string"}});
        document["paths"][ENDPOINT]["get"]["parameters"].as_array_mut().unwrap().push(parameter);
    }),
];

const ENDPOINT: &str = "/kling/v1/videos/multi-image2video";

fn body(document: &mut Value) -> &mut Value {
    &mut document["components"]["schemas"]["CreateMultiImageToVideoBody"]
}

fn item(document: &mut Value) -> &mut Value {
    &mut document["components"]["schemas"]["CreateMultiImageToVideoBodyImageListItem"]
}

fn document() -> Value {
    yaml_serde::from_str(include_str!("../../openapi.yaml")).unwrap()
}

/// The signatures that the library calls, out of a generated text.
fn used(generated: &str) -> Vec<&str> {
    let file: Vec<_> = generated.lines().map(str::trim).collect();
    let names = ["page_num<", "page_size<", "send(", "id<"];
    file.into_iter().filter(|line| names.iter().any(|name| line.starts_with(&format!("pub fn {name}")))).collect()
}

#[test]
fn each_addition_regenerates_and_leaves_what_the_library_calls() {
    let before = build_script::generate(include_str!("../../openapi.yaml")).unwrap();
    assert!(used(&before).len() >= 4, "{:?}", used(&before));
    for (name, change) in ADDITIONS {
        let mut document = document();
        change(&mut document);
        let after = build_script::generate(&yaml_serde::to_string(&document).unwrap()).expect(name);
        for signature in used(&before) {
            assert!(used(&after).contains(&signature), "{name} changed {signature}");
        }
        for closed in ["deny_unknown_fields", "pub enum Mode", "maxLength", "regress"] {
            assert!(!after.contains(closed), "{name} closed a type: {closed}");
        }
    }
}

#[test]
fn what_the_document_requires_changes_no_generated_text_and_a_property_may_be_called_required() {
    let generated = |change: Change| {
        let mut document = document();
        change(&mut document);
        build_script::generate(&yaml_serde::to_string(&document).unwrap()).unwrap()
    };
    let before = generated(|_| {});
    assert_eq!(before, generated(|document| body(document)["required"] = json!(["prompt", "callback_url"])));
    assert_eq!(before, generated(|document| drop(item(document).as_object_mut().unwrap().remove("required"))));
    // The query still cannot be sent without its id.
    assert!(before.contains("\"id was not initialized\""));
    let named = generated(|document| body(document)["properties"]["required"] = json!({"type": "boolean"}));
    assert!(named.contains("pub required: ::std::option::Option<bool>"), "{named}");
}

#[test]
fn a_document_that_cannot_be_generated_says_why_and_never_panics() {
    for (text, reason) in [
        ("", "not an OpenAPI 3.0 document"),
        ("a: [", "line"),
        ("a: 1\na: 2", "duplicate"),
        ("openapi: 3.1.0\ninfo: {title: '', version: '1'}\npaths: {}", "refused"),
        ("openapi: 3.0.1\ninfo: {title: '', version: '1'}\npaths: {/a: {get: {responses: {}}}}", "refused"),
    ] {
        let error = build_script::generate(text).expect_err(text);
        assert!(error.contains(reason), "{text:?}: {error}");
    }
}

/// Compiles a copy of the crate with all additions at once, and runs its test of the bytes that are sent.
#[test]
fn with_every_addition_the_crate_compiles_and_sends_the_same_bytes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("regenerated");
    for part in ["Cargo.toml", "Cargo.lock", "README.md", "build.rs", "src", "tests", "examples", "benches"] {
        copy_tree(&root.join(part), &copy.join(part));
    }
    // All members of the workspace, so that it resolves to what is compiled already.
    for member in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        if member.join("Cargo.toml").is_file() {
            copy_tree(&member, &copy.join(member.file_name().unwrap()));
        }
    }
    let mut document = document();
    ADDITIONS.iter().for_each(|(_, change)| change(&mut document));
    write(&copy.join("openapi.yaml"), yaml_serde::to_string(&document).unwrap().as_bytes());

    // The same target folder: what the crate depends on is compiled already. Its own packages have another version there,
    // so that they do not take the place of those that the other tests are run with.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let run = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--locked", "--workspace", "--test", "flow", "--", "--exact"])
        .args([
            "what_the_api_receives_is_the_facades_json_and_nothing_else",
            "extras_the_watermark_and_unknown_values_arrive_unchanged",
        ])
        .current_dir(&copy)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && output.contains("2 passed"), "{output}\n{}", String::from_utf8_lossy(&run.stderr));
}

/// Copies what changed, so that cargo sees the same files as the last time.
fn copy_tree(from: &Path, to: &Path) {
    if from.is_dir() {
        if from.file_name().is_some_and(|name| name == "target") {
            return;
        }
        let entries: Vec<PathBuf> = std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.iter().for_each(|entry| copy_tree(entry, &to.join(entry.file_name().unwrap())));
    } else {
        let bytes = std::fs::read(from).unwrap();
        let is_cargos = from.file_name().is_some_and(|name| name == "Cargo.toml" || name == "Cargo.lock");
        let other = is_cargos.then(|| of_another_version(&String::from_utf8_lossy(&bytes)));
        write(to, &other.map_or(bytes, String::into_bytes));
    }
}

/// A manifest, or a lock, in which this project's packages have a version that no other copy of them has.
fn of_another_version(text: &str) -> String {
    let mut is_ours = false;
    let line = |line: &str| {
        let is_version =
            std::mem::replace(&mut is_ours, line.starts_with("name = \"kling-")) && line.starts_with("version");
        format!("{}\n", if is_version { "version = \"0.1.9999\"" } else { line })
    };
    text.lines().map(line).collect()
}

fn write(path: &Path, bytes: &[u8]) {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return;
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}
