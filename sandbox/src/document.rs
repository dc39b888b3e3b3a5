//! The document as a judge: the schema of the POST's body, taken from the `openapi.yaml` that stands beside this crate's
//! manifest, compiled once per process. What the document refuses is told the way the API tells it: by the parameter.

use std::sync::LazyLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::api::ENDPOINT;

static DOCUMENT: &str = include_str!("../openapi.yaml");

static ORDER: LazyLock<Result<Validator, String>> = LazyLock::new(|| {
    order_schema(DOCUMENT)
        .map_err(|reason| format!("sandbox/openapi.yaml: {reason}; write it again with `cargo xtask spec import`"))
});

/// Makes sure that the document can be used, so that a broken one is told at the start and not by every request.
pub(crate) fn check() -> Result<(), String> {
    ORDER.as_ref().map(drop).map_err(Clone::clone)
}

/// Judges the body of a POST by the document alone.
pub(crate) fn judge(body: &Value) -> Result<(), Refusal> {
    let schema = ORDER.as_ref().map_err(|e| Refusal::Request(e.clone()))?;
    schema.validate(body).map_err(|error| refusal(&error))
}

/// Where in a body something is, as a person writes it: `image_list[2].image`.
fn place(pointer: &str) -> String {
    let mut place = String::new();
    for step in pointer.split('/').skip(1) {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            place.push_str(&format!("[{step}]"));
        } else {
            let dot = if place.is_empty() { "" } else { "." };
            place.push_str(&format!("{dot}{step}"));
        }
    }
    place
}

fn refusal(error: &ValidationError<'_>) -> Refusal {
    let place = place(error.instance_path().as_str());
    let message = match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!("{} can not be null", property.as_str().unwrap_or("body"))
        }
        _ if error.instance().is_null() => {
            let name = place.rsplit(['.', ']']).next().unwrap_or_default();
            format!("{name} can not be null")
        }
        ValidationErrorKind::Type { kind } if place.is_empty() => {
            return Refusal::Request(format!("the body is not {}", type_name(kind)));
        }
        ValidationErrorKind::Type { kind } => {
            let given = shown(error.instance());
            format!("{place} value {given} is invalid: {} is expected", type_name(kind))
        }
        ValidationErrorKind::Enum { options } => {
            let given = shown(error.instance());
            format!("{place} value {given} is invalid: one of {options} is expected")
        }
        ValidationErrorKind::MaxLength { limit } => {
            let given = error.instance().as_str().map_or(0, |text| text.chars().count());
            format!("{place} has {given} characters, at most {limit} are allowed")
        }
        ValidationErrorKind::MaxItems { limit } => {
            let given = error.instance().as_array().map_or(0, Vec::len);
            format!("{place} has {given} entries, at most {limit} are allowed")
        }
        ValidationErrorKind::MinItems { limit } => {
            let given = error.instance().as_array().map_or(0, Vec::len);
            format!("{place} has {given} entries, at least {limit} are needed")
        }
        // The library's own sentence, without the value: that may be a prompt.
        _ => format!("{place} is invalid: {}", error.masked()),
    };
    Refusal::Parameter(message)
}

/// A value as an error may show it. Texts of the length of an enumeration's word are shown; a longer one may be a prompt
/// or an image, and is only counted.
pub(crate) fn shown(value: &Value) -> String {
    const LONGEST_SHOWN: usize = 24;
    match value {
        Value::String(text) if text.chars().count() <= LONGEST_SHOWN => format!("'{text}'"),
        Value::String(text) => format!("of {} characters", text.chars().count()),
        Value::Array(_) => "of type array".into(),
        Value::Object(_) => "of type object".into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn type_name(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(name) => format!("type {name}"),
        TypeKind::Multiple(names) => {
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            format!("type {}", names.join(" or "))
        }
    }
}

fn order_schema(document: &str) -> Result<Validator, String> {
    let document: Value = yaml_serde::from_str(document).map_err(|error| format!("not readable: {error}"))?;
    let body = ["paths", ENDPOINT, "post", "requestBody"];
    let body = follow(&document, step_by_step(&document, &body)?)?;
    let schema = step_by_step(body, &["content", "application/json", "schema"])?;
    // OpenAPI 3.0 speaks draft 4 but for `nullable`. References keep their meaning, because the components come along.
    let mut whole = json!({
        "allOf": [schema],
        "components": document.get("components").unwrap_or(&Value::Null),
    });
    spell_out_nullable(&mut whole);
    jsonschema::options()
        .with_draft(Draft::Draft4)
        .should_validate_formats(false)
        .build(&whole)
        .map_err(|error| format!("the schema of POST {ENDPOINT} does not compile: {error}"))
}

fn step_by_step<'a>(from: &'a Value, steps: &[&str]) -> Result<&'a Value, String> {
    steps.iter().try_fold(from, |value, step| {
        value.get(step).ok_or_else(|| format!("POST {ENDPOINT}: `{}` has no `{step}`", steps.join(" › ")))
    })
}

fn follow<'a>(document: &'a Value, value: &'a Value) -> Result<&'a Value, String> {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
        return Ok(value);
    };
    reference
        .strip_prefix('#')
        .and_then(|pointer| document.pointer(pointer))
        .ok_or_else(|| format!("the reference {reference} leads nowhere"))
}

fn spell_out_nullable(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("nullable") == Some(&Value::Bool(true)) {
                if let Some(Value::String(name)) = map.get("type") {
                    let types = json!([name, "null"]);
                    map.insert("type".into(), types);
                }
                if let Some(Value::Array(options)) = map.get_mut("enum") {
                    options.push(Value::Null);
                }
            }
            map.values_mut().for_each(spell_out_nullable);
        }
        Value::Array(list) => list.iter_mut().for_each(spell_out_nullable),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(schema: &str) -> String {
        format!(
            "paths:\n  {ENDPOINT}:\n    post:\n      requestBody:\n        content:\n          application/json:\n            schema: {schema}\ncomponents:\n  schemas:\n    Duration: {{type: string, enum: ['5', '10'], nullable: true}}\n"
        )
    }

    fn judged(schema: &str, body: Value) -> Option<String> {
        let schema = order_schema(&document(schema)).expect("the test's schema compiles");
        let error = schema.validate(&body).err()?;
        match refusal(&error) {
            Refusal::Parameter(message) | Refusal::Request(message) => Some(message),
            other => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn the_document_that_ships_compiles() {
        assert_eq!(check(), Ok(()));
    }

    #[test]
    fn a_refusal_names_the_parameter_and_the_limit() {
        for (schema, body, message) in [
            ("{required: [prompt]}", json!({}), "prompt can not be null"),
            ("{properties: {prompt: {type: string}}}", json!({"prompt": null}), "prompt can not be null"),
            (
                "{properties: {mode: {type: string}}}",
                json!({"mode": 7}),
                "mode value 7 is invalid: type string is expected",
            ),
            (
                "{properties: {mode: {enum: [std, pro]}}}",
                json!({"mode": "fast"}),
                r#"mode value 'fast' is invalid: one of ["std","pro"] is expected"#,
            ),
            (
                "{properties: {prompt: {maxLength: 3}}}",
                json!({"prompt": "ääää"}),
                "prompt has 4 characters, at most 3 are allowed",
            ),
            (
                "{properties: {list: {maxItems: 1}}}",
                json!({"list": [1, 2]}),
                "list has 2 entries, at most 1 are allowed",
            ),
            ("{properties: {list: {items: {required: [image]}}}}", json!({"list": [{}]}), "image can not be null"),
            (
                "{properties: {list: {items: {properties: {image: {type: string}}}}}}",
                json!({"list": [{"image": "a"}, {"image": 5}]}),
                "list[1].image value 5 is invalid: type string is expected",
            ),
            ("{type: object}", json!([1]), "the body is not type object"),
        ] {
            assert_eq!(judged(schema, body).as_deref(), Some(message), "{schema}");
        }
    }

    #[test]
    fn references_and_nullable_mean_what_openapi_means_by_them() {
        let schema = "{properties: {duration: {$ref: '#/components/schemas/Duration'}}}";
        assert_eq!(judged(schema, json!({"duration": "5"})), None);
        assert_eq!(judged(schema, json!({"duration": null})), None);
        assert!(judged(schema, json!({"duration": "6"})).is_some());
    }

    #[test]
    fn a_refusal_never_repeats_a_long_text() {
        let secret = "a prompt that nobody else may read";
        for schema in [
            "{properties: {prompt: {type: integer}}}",
            "{properties: {prompt: {enum: [a]}}}",
            "{properties: {prompt: {pattern: '^x$'}}}",
            "{properties: {prompt: {maxLength: 3}}}",
            "{properties: {prompt: {not: {}}}}",
        ] {
            let message = judged(schema, json!({ "prompt": secret })).expect("refused");
            assert!(!message.contains("nobody"), "{message}");
        }
    }

    #[test]
    fn a_document_without_the_operation_is_an_error_that_names_it() {
        let error = order_schema("paths: {}").expect_err("there is no such path");
        assert!(error.contains(ENDPOINT), "{error}");
        let broken = document("{type: object}").replace("schema:", "other:");
        let error = order_schema(&broken).expect_err("there is no schema");
        assert!(error.contains("`schema`"), "{error}");
    }
}
