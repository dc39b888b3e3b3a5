//! Proves each kind of change by a mutation of its own: the level it gets, and the id where another tool has one.
//!
//! The first table is of changes that any comparison of OpenAPI documents should see; the second of those that only this
//! vendor's pages have.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use xtask::compare::{Change, Level, Options, compare};
use xtask::drift::{Client, Format, Report, Side, between, read as side, write};
use xtask::tree::{Node, read};

const BASE: &str = "
openapi: 3.0.1
info: {title: T, version: 1.0.0}
servers: [{url: https://a.example}]
security: [{key: []}]
paths:
  /things/{id}:
    post:
      operationId: make
      summary: Make
      tags: [one]
      x-owner: me
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: page, in: query, required: false, schema: {type: integer, maximum: 100}}
        - {name: Authorization, in: header, required: false, schema: {type: string}}
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              additionalProperties: true
              properties:
                name: {type: string, maxLength: 100, nullable: true}
                mode: {type: string, enum: [std, pro], default: std}
                size: {type: number, minimum: 1, maximum: 10}
                note: {type: string}
                list:
                  type: array
                  minItems: 1
                  maxItems: 4
                  items:
                    type: object
                    properties: {image: {type: string}}
                    required: [image]
                shared: {$ref: '#/components/schemas/Shared'}
              required: [name, mode]
            example: {name: a, mode: std}
      responses:
        '200':
          description: fine
          content:
            application/json:
              schema:
                type: object
                properties:
                  id: {type: string, format: uuid}
                  code: {type: integer}
                  status: {type: string, enum: [done, failed]}
                  data: {type: object, properties: {url: {type: string}, size: {type: integer}}, required: [url]}
                  free: {type: object, properties: {}}
                required: [id, code]
        '404': {description: gone}
  /other:
    get: {operationId: other, responses: {'200': {description: fine}}}
components:
  schemas:
    Shared: {type: object, properties: {a: {type: string}}}
  securitySchemes:
    key: {type: http, scheme: bearer}
    other: {type: apiKey, in: header, name: X-Key}
";

fn tree(text: &str) -> Node {
    read(text, &Arc::from("document"), 1).unwrap_or_else(|error| panic!("{error:?}\n{text}"))
}

fn options() -> Options<'static> {
    Options { identity: &|_| None, look: &|_| Vec::new() }
}

fn mutated(replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(BASE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the mutation misses: {from}");
        text.replacen(from, to, 1)
    })
}

fn changes(old: &str, new: &str) -> Vec<Change> {
    compare(&tree(old), &tree(new), &options()).unwrap_or_else(|error| panic!("{error}")).changes
}

fn gravest(changes: &[Change]) -> Option<Level> {
    changes.iter().map(|change| change.level).max()
}

use Level::{Additive, Breaking, Source, Text, Warning};

type Row = (&'static str, Level, &'static str, &'static [(&'static str, &'static str)]);

const KINDS: &[Row] = &[
    (
        "req_prop_added_required",
        Breaking,
        "new-required-request-property",
        &[
            (
                "                note: {type: string}",
                "                seed: {type: integer}\n                note: {type: string}",
            ),
            ("[name, mode]", "[name, mode, seed]"),
        ],
    ),
    (
        "req_prop_added_optional",
        Additive,
        "new-optional-request-property",
        &[(
            "                note: {type: string}",
            "                seed: {type: integer}\n                note: {type: string}",
        )],
    ),
    (
        "req_prop_added_required_with_default",
        Breaking,
        "new-required-request-property-with-default",
        &[
            (
                "                note: {type: string}",
                "                seed: {type: integer, default: 1}\n                note: {type: string}",
            ),
            ("[name, mode]", "[name, mode, seed]"),
        ],
    ),
    (
        "req_prop_removed_optional",
        Warning,
        "request-property-removed",
        &[("                note: {type: string}\n", "")],
    ),
    (
        "req_prop_removed_required",
        Warning,
        "request-property-removed",
        &[("                name: {type: string, maxLength: 100, nullable: true}\n", ""), ("[name, mode]", "[mode]")],
    ),
    (
        "req_prop_became_required",
        Breaking,
        "request-property-became-required",
        &[("[name, mode]", "[name, mode, note]")],
    ),
    ("req_prop_became_optional", Additive, "request-property-became-optional", &[("[name, mode]", "[name]")]),
    (
        "req_prop_type_changed_string_to_integer",
        Breaking,
        "request-property-type-changed",
        &[("note: {type: string}", "note: {type: integer}")],
    ),
    (
        "req_prop_type_number_to_integer",
        Breaking,
        "request-property-type-changed",
        &[("size: {type: number", "size: {type: integer")],
    ),
    (
        "req_prop_type_integer_to_number_in_a_query",
        Additive,
        "request-parameter-type-generalized",
        &[("{type: integer, maximum: 100}", "{type: number, maximum: 100}")],
    ),
    ("req_enum_value_removed", Breaking, "request-property-enum-value-removed", &[("enum: [std, pro]", "enum: [std]")]),
    (
        "req_enum_value_added",
        Additive,
        "request-property-enum-value-added",
        &[("enum: [std, pro]", "enum: [std, pro, max]")],
    ),
    (
        "req_enum_introduced",
        Breaking,
        "request-property-became-enum",
        &[("note: {type: string}", "note: {type: string, enum: [a]}")],
    ),
    ("req_enum_dropped_altogether", Additive, "request-property-enum-value-removed", &[(", enum: [std, pro]", "")]),
    (
        "req_maxlength_decreased",
        Breaking,
        "request-property-max-length-decreased",
        &[("maxLength: 100", "maxLength: 99")],
    ),
    (
        "req_maxlength_increased",
        Additive,
        "request-property-max-length-increased",
        &[("maxLength: 100", "maxLength: 101")],
    ),
    (
        "req_maxlength_set",
        Warning,
        "request-property-max-length-set",
        &[("note: {type: string}", "note: {type: string, maxLength: 5}")],
    ),
    ("req_maxitems_decreased", Breaking, "request-property-max-items-decreased", &[("maxItems: 4", "maxItems: 3")]),
    ("req_minitems_increased", Breaking, "request-property-min-items-increased", &[("minItems: 1", "minItems: 2")]),
    ("req_max_decreased", Breaking, "request-property-max-decreased", &[("maximum: 10}", "maximum: 9.5}")]),
    ("req_min_increased", Breaking, "request-property-min-increased", &[("minimum: 1,", "minimum: 2,")]),
    (
        "req_max_becomes_exclusive",
        Breaking,
        "request-property-max-decreased",
        &[("maximum: 10}", "maximum: 10, exclusiveMaximum: true}")],
    ),
    (
        "req_pattern_added",
        Breaking,
        "request-property-pattern-added",
        &[("note: {type: string}", "note: {type: string, pattern: '^a'}")],
    ),
    ("req_became_not_nullable", Breaking, "request-property-became-not-nullable", &[(", nullable: true", "")]),
    ("req_default_changed", Warning, "request-property-default-value-changed", &[("default: std", "default: pro")]),
    ("req_default_removed", Warning, "request-property-default-value-removed", &[(", default: std", "")]),
    (
        "req_format_added",
        Warning,
        "request-property-format-changed",
        &[("note: {type: string}", "note: {type: string, format: uri}")],
    ),
    (
        "req_body_became_optional",
        Additive,
        "request-body-became-optional",
        &[("        required: true\n        content", "        required: false\n        content")],
    ),
    ("req_body_became_required", Breaking, "request-body-became-required", &[]),
    (
        "req_nested_item_prop_renamed",
        Breaking,
        "new-required-request-property",
        &[("{image: {type: string}}", "{picture: {type: string}}"), ("required: [image]", "required: [picture]")],
    ),
    (
        "req_additionalproperties_false",
        Breaking,
        "request-body-additional-properties-narrowed",
        &[("additionalProperties: true", "additionalProperties: false")],
    ),
    (
        "req_media_type_replaced",
        Breaking,
        "request-body-media-type-removed",
        &[(
            "          application/json:\n            schema:\n              type: object\n              additionalProperties",
            "          application/xml:\n            schema:\n              type: object\n              additionalProperties",
        )],
    ),
    (
        "req_unique_items_set",
        Breaking,
        "request-property-unique-items-set",
        &[("maxItems: 4", "maxItems: 4\n                  uniqueItems: true")],
    ),
    (
        "res_prop_added_optional",
        Additive,
        "response-optional-property-added",
        &[("code: {type: integer}", "code: {type: integer}\n                  more: {type: string}")],
    ),
    (
        "res_prop_became_optional",
        Breaking,
        "response-property-became-optional",
        &[("required: [id, code]", "required: [id]")],
    ),
    (
        "res_required_prop_removed",
        Breaking,
        "response-required-property-removed",
        &[("                  code: {type: integer}\n", ""), ("required: [id, code]", "required: [id]")],
    ),
    (
        "res_optional_prop_removed",
        Warning,
        "response-optional-property-removed",
        &[("                  status: {type: string, enum: [done, failed]}\n", "")],
    ),
    (
        "res_enum_value_added",
        Additive,
        "response-property-enum-value-added",
        &[("[done, failed]", "[done, failed, new]")],
    ),
    ("res_enum_value_removed", Additive, "response-property-enum-value-removed", &[("[done, failed]", "[done]")]),
    (
        "res_type_changed_int_to_string",
        Breaking,
        "response-property-type-changed",
        &[("code: {type: integer}", "code: {type: string}")],
    ),
    (
        "res_type_integer_to_number",
        Breaking,
        "response-property-type-changed",
        &[("code: {type: integer}", "code: {type: number}")],
    ),
    (
        "res_became_nullable",
        Breaking,
        "response-property-became-nullable",
        &[("code: {type: integer}", "code: {type: integer, nullable: true}")],
    ),
    ("res_format_changed", Breaking, "response-property-format-changed", &[("format: uuid", "format: uri")]),
    (
        "res_nonsuccess_status_removed",
        Warning,
        "response-non-success-status-removed",
        &[("        '404': {description: gone}\n", "")],
    ),
    (
        "res_success_status_changed",
        Breaking,
        "response-success-status-removed",
        &[("'200':\n          description: fine", "'201':\n          description: fine")],
    ),
    (
        "res_data_schema_emptied",
        Breaking,
        "response-required-property-removed",
        &[("{url: {type: string}, size: {type: integer}}, required: [url]", "{}")],
    ),
    (
        "path_removed",
        Breaking,
        "api-path-removed-without-deprecation",
        &[("  /other:\n    get: {operationId: other, responses: {'200': {description: fine}}}\n", "")],
    ),
    (
        "path_added",
        Additive,
        "endpoint-added",
        &[("  /other:\n", "  /new:\n    get: {responses: {'200': {description: fine}}}\n  /other:\n")],
    ),
    ("path_renamed", Breaking, "api-path-removed-without-deprecation", &[("  /other:\n", "  /another:\n")]),
    (
        "path_param_renamed",
        Source,
        "path-parameter-renamed",
        &[("/things/{id}", "/things/{key}"), ("{name: id, in: path", "{name: key, in: path")],
    ),
    (
        "query_param_became_required",
        Breaking,
        "request-parameter-became-required",
        &[("in: query, required: false", "in: query, required: true")],
    ),
    (
        "header_param_added_required",
        Breaking,
        "new-required-request-parameter",
        &[(
            "        - {name: page",
            "        - {name: X-A, in: header, required: true, schema: {type: string}}\n        - {name: page",
        )],
    ),
    (
        "query_param_removed",
        Warning,
        "request-parameter-removed",
        &[("        - {name: page, in: query, required: false, schema: {type: integer, maximum: 100}}\n", "")],
    ),
    ("query_param_max_decreased", Breaking, "request-parameter-max-decreased", &[("maximum: 100}", "maximum: 50}")]),
    (
        "query_param_style_changed",
        Warning,
        "unclassified",
        &[("in: query, required: false", "in: query, style: spaceDelimited, required: false")],
    ),
    ("operationid_changed", Source, "api-operation-id-removed", &[("operationId: make", "operationId: create")]),
    (
        "security_scheme_changed",
        Breaking,
        "api-global-security-added",
        &[("security: [{key: []}]", "security: [{other: []}]")],
    ),
    (
        "security_scheme_redefined",
        Breaking,
        "api-security-component-type-changed",
        &[("key: {type: http, scheme: bearer}", "key: {type: apiKey, in: header, name: X}")],
    ),
    ("security_removed", Warning, "api-global-security-removed", &[("security: [{key: []}]", "security: []")]),
    ("server_url_changed", Warning, "api-server-removed", &[("https://a.example", "https://b.example")]),
    (
        "operation_deprecated",
        Warning,
        "endpoint-deprecated",
        &[("      operationId: make", "      deprecated: true\n      operationId: make")],
    ),
    (
        "tags_summary_translated",
        Text,
        "api-tag-removed",
        &[("summary: Make", "summary: 制作"), ("tags: [one]", "tags: [一]")],
    ),
    ("vendor_extension_changed", Text, "extension-changed", &[("x-owner: me", "x-owner: you")]),
    ("example_changed", Text, "example-changed", &[("example: {name: a", "example: {name: b")]),
    ("info_version", Text, "info-changed", &[("version: 1.0.0", "version: 2.0.0")]),
    (
        "ref_renamed_same_schema",
        Source,
        "schema-reference-changed",
        &[("schemas/Shared'", "schemas/Common'"), ("    Shared: {", "    Common: {")],
    ),
    (
        "ref_inlined_same_schema",
        Source,
        "schema-reference-changed",
        &[("{$ref: '#/components/schemas/Shared'}", "{type: object, properties: {a: {type: string}}}")],
    ),
    (
        "single_allof_wrap_same",
        Text,
        "",
        &[(
            "mode: {type: string, enum: [std, pro], default: std}",
            "mode: {allOf: [{type: string, enum: [std, pro], default: std}]}",
        )],
    ),
    (
        "enum_to_oneof_equivalent",
        Text,
        "",
        &[(
            "mode: {type: string, enum: [std, pro], default: std}",
            "mode: {default: std, oneOf: [{type: string, enum: [pro]}, {type: string, enum: [std]}]}",
        )],
    ),
    (
        "order_of_names_and_values",
        Text,
        "",
        &[("[name, mode]", "[mode, name]"), ("enum: [std, pro]", "enum: [pro, std]")],
    ),
    (
        "res_schema_filled_in_where_it_was_empty",
        Additive,
        "response-optional-property-added",
        &[("free: {type: object, properties: {}}", "free: {type: object, properties: {x: {type: string}}}")],
    ),
    (
        "auth_header_parameter_became_required",
        Breaking,
        "request-parameter-became-required",
        &[("{name: Authorization, in: header, required: false", "{name: Authorization, in: header, required: true")],
    ),
    (
        "required_names_a_property_that_is_not_there",
        Warning,
        "required-names-no-property",
        &[("[name, mode]", "[name, mode, ghost]")],
    ),
    (
        "anything_else_is_unclassified",
        Warning,
        "unclassified",
        &[("note: {type: string}", "note: {type: string, contentMediaType: a}")],
    ),
];

#[test]
fn each_kind_gets_its_level_and_its_id() {
    let mut wrong = Vec::new();
    for (name, level, id, replacements) in KINDS {
        let (old, new) = if replacements.is_empty() {
            (mutated(&[("        required: true\n        content", "        content")]), BASE.to_owned())
        } else {
            (BASE.to_owned(), mutated(replacements))
        };
        let found = changes(&old, &new);
        let shown: Vec<String> = found
            .iter()
            .map(|c| format!("{} {:?} {} {:?}→{:?}", c.id, c.level, c.pointer, c.before, c.after))
            .collect();
        if gravest(&found).unwrap_or(Text) != *level || !id.is_empty() && !found.iter().any(|c| c.id == *id) {
            wrong.push(format!("{name}: wanted {level:?} {id}, found {shown:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_document_compared_with_itself_has_no_changes() {
    assert_eq!(changes(BASE, BASE), Vec::new());
}

/// One change of a schema: before, after, and its id (without the prefix of its place) and level, sent and received.
type Turn = (&'static str, &'static str, (&'static str, Level), (&'static str, Level));

const NONE: (&str, Level) = ("", Text);

/// What means the same in every place that has a schema.
const SCHEMAS: &[Turn] = &[
    // Types, formats, null.
    ("{type: integer}", "{type: number}", ("type-generalized", Additive), ("type-changed", Breaking)),
    ("{type: number}", "{type: integer}", ("type-changed", Breaking), ("type-specialized", Additive)),
    ("{type: string}", "{}", ("type-generalized", Additive), ("type-changed", Breaking)),
    ("{}", "{type: string}", ("type-changed", Breaking), ("type-specialized", Additive)),
    ("{type: object}", "{}", ("type-generalized", Additive), ("type-changed", Breaking)),
    ("{type: boolean}", "{type: array, items: {}}", ("type-changed", Breaking), ("type-changed", Breaking)),
    (
        "{type: integer, format: int32}",
        "{type: number, format: double}",
        ("type-generalized", Additive),
        ("type-changed", Breaking),
    ),
    (
        "{type: integer, format: int32}",
        "{type: integer, format: int64}",
        ("type-generalized", Additive),
        ("format-changed", Breaking),
    ),
    ("{type: string, format: uuid}", "{type: string}", ("type-generalized", Additive), ("format-changed", Breaking)),
    ("{type: string}", "{type: string, format: uuid}", ("format-changed", Warning), ("format-changed", Additive)),
    ("{type: string}", "{type: string, nullable: true}", ("became-nullable", Additive), ("became-nullable", Breaking)),
    (
        "{type: string, nullable: true}",
        "{type: string}",
        ("became-not-nullable", Breaking),
        ("became-not-nullable", Additive),
    ),
    // Patterns and bounds.
    ("{type: string}", "{type: string, pattern: '^a'}", ("pattern-added", Breaking), ("pattern-added", Additive)),
    ("{type: string, pattern: '^a'}", "{type: string}", ("pattern-removed", Additive), ("pattern-removed", Breaking)),
    (
        "{type: string, pattern: '^a'}",
        "{type: string, pattern: '.*'}",
        ("pattern-generalized", Additive),
        ("pattern-generalized", Breaking),
    ),
    (
        "{type: string, pattern: '^a'}",
        "{type: string, pattern: '^b'}",
        ("pattern-changed", Warning),
        ("pattern-changed", Warning),
    ),
    (
        "{type: string, maxLength: 5}",
        "{type: string, maxLength: 4}",
        ("max-length-decreased", Breaking),
        ("max-length-decreased", Additive),
    ),
    (
        "{type: string, maxLength: 5}",
        "{type: string, maxLength: 6}",
        ("max-length-increased", Additive),
        ("max-length-increased", Breaking),
    ),
    ("{type: string, maxLength: 5}", "{type: string}", ("max-length-unset", Additive), ("max-length-unset", Breaking)),
    ("{type: string}", "{type: string, maxLength: 5}", ("max-length-set", Warning), ("max-length-set", Additive)),
    (
        "{type: string}",
        "{type: string, minLength: 1}",
        ("min-length-increased", Breaking),
        ("min-length-increased", Additive),
    ),
    (
        "{type: number, multipleOf: 2}",
        "{type: number, multipleOf: 4}",
        ("multiple-of-specialized", Breaking),
        ("multiple-of-specialized", Additive),
    ),
    // Lists and maps.
    (
        "{type: array, items: {type: string}}",
        "{type: array, items: {}}",
        ("type-generalized", Additive),
        ("type-changed", Breaking),
    ),
    (
        "{type: array, items: {type: string}}",
        "{type: array, items: {type: string, pattern: '^a'}}",
        ("pattern-added", Breaking),
        ("pattern-added", Additive),
    ),
    (
        "{type: object, additionalProperties: {type: boolean}}",
        "{type: object, additionalProperties: {type: array, items: {}}}",
        ("type-changed", Breaking),
        ("type-changed", Breaking),
    ),
    (
        "{type: object, additionalProperties: {type: string}}",
        "{type: object}",
        ("additional-properties-widened", Additive),
        ("additional-properties-widened", Breaking),
    ),
    (
        "{type: object}",
        "{type: object, additionalProperties: false}",
        ("additional-properties-narrowed", Breaking),
        ("additional-properties-narrowed", Additive),
    ),
    // Unions: alternatives of both sides.
    (
        "{oneOf: [{type: boolean}, {type: integer}]}",
        "{oneOf: [{type: boolean}, {type: integer}, {type: array, items: {}}]}",
        ("one-of-added", Additive),
        ("one-of-added", Breaking),
    ),
    (
        "{anyOf: [{type: boolean}, {type: integer}, {type: array, items: {}}]}",
        "{anyOf: [{type: boolean}, {type: integer}]}",
        ("any-of-removed", Breaking),
        ("any-of-removed", Additive),
    ),
    ("{oneOf: [{type: boolean}, {type: integer}]}", "{oneOf: [{type: integer}, {type: boolean}]}", NONE, NONE),
    (
        "{oneOf: [{type: boolean}, {type: string}]}",
        "{oneOf: [{type: boolean}, {type: string, pattern: '^a'}]}",
        ("pattern-added", Breaking),
        ("pattern-added", Additive),
    ),
    (
        "{anyOf: [{type: integer}, {type: boolean}]}",
        "{anyOf: [{type: boolean}, {type: number}]}",
        ("type-generalized", Additive),
        ("type-changed", Breaking),
    ),
    (
        "{oneOf: [{type: boolean}, {type: integer}]}",
        "{anyOf: [{type: boolean}, {type: integer}]}",
        ("union-changed", Additive),
        ("union-changed", Warning),
    ),
    (
        "{anyOf: [{type: boolean}, {type: integer}]}",
        "{oneOf: [{type: boolean}, {type: integer}]}",
        ("union-changed", Warning),
        ("union-changed", Additive),
    ),
    // Unions that one side has.
    (
        "{type: boolean}",
        "{oneOf: [{type: boolean}, {type: integer}]}",
        ("one-of-added", Additive),
        ("one-of-added", Breaking),
    ),
    (
        "{type: boolean}",
        "{anyOf: [{type: array, items: {}}, {type: object}]}",
        ("any-of-added", Breaking),
        ("any-of-added", Breaking),
    ),
    ("{}", "{oneOf: [{type: string}, {type: integer}]}", ("one-of-added", Breaking), ("one-of-added", Additive)),
    (
        "{type: object, properties: {a: {}, b: {}}}",
        "{type: object, properties: {a: {}, b: {}}, anyOf: [{required: [a]}, {required: [b]}]}",
        ("any-of-added", Breaking),
        ("any-of-added", Additive),
    ),
    (
        "{oneOf: [{type: boolean}, {type: integer}]}",
        "{type: integer}",
        ("one-of-removed", Breaking),
        ("one-of-removed", Additive),
    ),
    ("{anyOf: [{type: boolean}, {type: integer}]}", "{}", ("any-of-removed", Additive), ("any-of-removed", Breaking)),
    ("{type: number, not: {maximum: 1}}", "{type: number}", ("not-removed", Additive), ("not-removed", Breaking)),
    ("{type: object}", "{type: object, not: {required: [a]}}", ("not-added", Breaking), ("not-added", Additive)),
    // Constants, and values that are listed.
    ("{type: string}", "{type: string, enum: [a]}", ("became-enum", Breaking), ("became-enum", Additive)),
    ("{type: string, enum: [a]}", "{type: string}", ("enum-value-removed", Additive), ("enum-value-removed", Additive)),
    (
        "{type: string, enum: [a, b]}",
        "{type: string, enum: [a]}",
        ("enum-value-removed", Breaking),
        ("enum-value-removed", Additive),
    ),
    (
        "{type: string, enum: [a]}",
        "{type: string, enum: [a, b]}",
        ("enum-value-added", Additive),
        ("enum-value-added", Additive),
    ),
];

/// What has a meaning of its own in objects.
const OBJECTS: &[Turn] = &[
    // Members of `allOf`: another name, other content, one more, one less.
    (
        "{allOf: [{properties: {a: {type: string}}}, {properties: {b: {type: string}}}]}",
        "{type: object, properties: {b: {type: string}, a: {type: string}}}",
        NONE,
        NONE,
    ),
    ("{allOf: [{properties: {a: {}}}, {description: x}]}", "{allOf: [{properties: {a: {}}}]}", NONE, NONE),
    ("{allOf: [{properties: {a: {}}}, {properties: {b: {}}}]}", "{allOf: [{properties: {a: {}, b: {}}}]}", NONE, NONE),
    (
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}",
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/Same'}]}",
        ("schema-reference-changed", Source),
        ("schema-reference-changed", Source),
    ),
    (
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}",
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/More'}]}",
        ("new-optional-request-property", Additive),
        ("response-optional-property-added", Additive),
    ),
    (
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}",
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/Other'}]}",
        ("all-of-added", Breaking),
        ("response-optional-property-removed", Warning),
    ),
    (
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/Asks'}]}",
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/Other'}]}",
        ("all-of-added", Breaking),
        ("response-required-property-removed", Breaking),
    ),
    (
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}",
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/Strict'}]}",
        ("pattern-added", Breaking),
        ("pattern-added", Additive),
    ),
    (
        "{allOf: [{$ref: '#/components/schemas/A'}]}",
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}",
        ("all-of-added", Breaking),
        ("all-of-added", Additive),
    ),
    (
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}",
        "{allOf: [{$ref: '#/components/schemas/A'}]}",
        ("all-of-removed", Warning),
        ("all-of-removed", Warning),
    ),
    (
        "{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/Asks'}]}",
        "{allOf: [{$ref: '#/components/schemas/A'}]}",
        ("all-of-removed", Warning),
        ("response-required-property-removed", Breaking),
    ),
    (
        "{allOf: [{properties: {a: {}}}, {properties: {b: {type: string}}}]}",
        "{allOf: [{properties: {a: {}}}, {properties: {b: {type: string, maxLength: 5}}}]}",
        ("max-length-set", Warning),
        ("max-length-set", Additive),
    ),
    // Properties of closed objects, and of those that are sent one way only.
    (
        "{type: object, properties: {a: {}, b: {}}, additionalProperties: false}",
        "{type: object, properties: {a: {}}, additionalProperties: false}",
        ("removed", Breaking),
        ("response-optional-property-removed", Warning),
    ),
    (
        "{type: object, properties: {a: {}}, additionalProperties: false}",
        "{type: object, properties: {a: {}, b: {}}, additionalProperties: false}",
        ("new-optional-request-property", Additive),
        ("response-optional-property-added", Breaking),
    ),
    (
        "{type: object, properties: {a: {readOnly: true}}, required: [a]}",
        "{type: object, properties: {a: {}}, required: [a]}",
        ("request-required-property-became-not-read-only", Breaking),
        ("response-required-property-became-not-read-only", Additive),
    ),
    (
        "{type: object, properties: {a: {}}, required: [a]}",
        "{type: object, properties: {a: {readOnly: true}}, required: [a]}",
        ("request-required-property-became-read-only", Warning),
        ("response-required-property-became-read-only", Additive),
    ),
    (
        "{type: object, properties: {a: {}}, required: [a]}",
        "{type: object, properties: {a: {writeOnly: true}}, required: [a]}",
        ("request-required-property-became-write-only", Additive),
        ("response-required-property-became-write-only", Breaking),
    ),
    (
        "{type: object, properties: {a: {writeOnly: true}}, required: [a]}",
        "{type: object, properties: {a: {}}, required: [a]}",
        ("request-required-property-became-not-write-only", Additive),
        ("response-required-property-became-not-write-only", Additive),
    ),
    (
        "{type: object, properties: {a: {type: string, readOnly: true}}}",
        "{type: object, properties: {a: {type: string, readOnly: true}}, required: [a]}",
        ("became-required", Additive),
        ("became-required", Additive),
    ),
    (
        "{type: object, properties: {a: {type: string, writeOnly: true}}, required: [a]}",
        "{type: object}",
        ("removed", Warning),
        ("response-required-write-only-property-removed", Additive),
    ),
    // Defaults, except of parameters.
    (
        "{type: object, properties: {a: {default: 1}}}",
        "{type: object, properties: {a: {default: 2}}}",
        ("default-value-changed", Warning),
        ("default-value-changed", Warning),
    ),
    (
        "{type: object, properties: {a: {default: 1}}}",
        "{type: object, properties: {a: {}}}",
        ("default-value-removed", Warning),
        ("default-value-removed", Warning),
    ),
    (
        "{type: object, properties: {a: {}}}",
        "{type: object, properties: {a: {default: 1}}}",
        ("default-value-added", Additive),
        ("default-value-added", Additive),
    ),
    (
        "{type: array, items: {default: 1}}",
        "{type: array, items: {default: 2}}",
        ("default-value-changed", Warning),
        ("default-value-changed", Warning),
    ),
];

/// Where a schema stands, and which way its data goes.
const REQUESTS: [&str; 3] = ["body", "property", "item"];
const RESPONSES: [&str; 4] = ["body", "property", "item", "header"];

/// A document with one schema.
fn holding(way: &str, place: &str, schema: &str) -> String {
    let inner = match place {
        "property" => format!("{{type: object, properties: {{p: {schema}}}}}"),
        "item" => format!("{{type: array, items: {schema}}}"),
        _ => schema.to_owned(),
    };
    let media = format!("content: {{application/json: {{schema: {inner}}}}}");
    let (request, response) = match (way, place) {
        ("request", "query") => {
            (format!("parameters: [{{name: q, in: query, content: {{a/json: {{schema: {schema}}}}}}}]"), String::new())
        }
        ("request", _) => (format!("requestBody: {{{media}}}"), String::new()),
        (_, "header") => (String::new(), format!(", headers: {{h: {{schema: {schema}}}}}")),
        _ => (String::new(), format!(", {media}")),
    };
    let request = if request.is_empty() { request } else { request + ", " };
    format!(
        "openapi: 3.0.0\npaths: {{/a: {{post: {{{request}responses: {{'200': {{description: ''{response}}}}}}}}}}}\n{PARTS}"
    )
}

/// Shared schemas, some of which differ by little.
const PARTS: &str = "
components:
  schemas:
    A: {type: object, properties: {a: {type: string}}}
    B: {type: object, properties: {b: {type: string}}}
    Same: {type: object, properties: {b: {type: string}}}
    More: {type: object, properties: {b: {type: string}, c: {type: string}}}
    Other: {type: object, properties: {c: {type: string}}}
    Asks: {type: object, properties: {b: {type: string}}, required: [b]}
    Strict: {type: object, properties: {b: {type: string, pattern: '^a'}}}
";

fn wrong((way, place): (&str, &str), (old, new): (&str, &str), (id, level): (&str, Level)) -> Option<String> {
    let found = changes(&holding(way, place, old), &holding(way, place, new));
    let seen = id.is_empty() && gravest(&found).is_none_or(|level| level == Text)
        || found.iter().any(|change| change.id.ends_with(id));
    let shown: Vec<String> = found.iter().map(|change| format!("{} {:?}", change.id, change.level)).collect();
    (!seen || gravest(&found).unwrap_or(Text) != level)
        .then(|| format!("{way} {place}: {old} → {new}: wanted {id} {level:?}, found {shown:?}"))
}

#[test]
fn the_direction_turns_the_level_round_in_every_place() {
    let mut faults = Vec::new();
    for (old, new, request, response) in SCHEMAS {
        let places = REQUESTS.iter().chain(&["query"]).map(|place| (("request", *place), request));
        for (at, expected) in places.chain(RESPONSES.iter().map(|place| (("response", *place), response))) {
            faults.extend(wrong(at, (old, new), *expected));
        }
        // Inside of compositions that stay otherwise.
        for around in
            ["{allOf: [{properties: {x: {}}}, {properties: {p: SCHEMA}}]}", "{oneOf: [{type: boolean}, SCHEMA]}"]
        {
            // One of the alternatives, or a union of its own, would be paired otherwise.
            if around.contains("oneOf") && [old, new].iter().any(|text| text.contains("boolean") || text.contains("Of"))
            {
                continue;
            }
            let (old, new) = (around.replace("SCHEMA", old), around.replace("SCHEMA", new));
            faults.extend(wrong(("request", "body"), (&old, &new), *request));
            faults.extend(wrong(("response", "body"), (&old, &new), *response));
        }
    }
    for (old, new, request, response) in OBJECTS {
        for place in REQUESTS {
            faults.extend(wrong(("request", place), (old, new), *request));
            faults.extend(wrong(("response", place), (old, new), *response));
        }
    }
    assert!(faults.is_empty(), "{}\n{} in all", faults.join("\n"), faults.len());
}

/// One change of a parameter among others: before, after, id and level.
const PARAMETERS: &[(&str, &str, &str, Level)] = &[
    ("in: query, schema: {default: 1}", "in: query, schema: {default: 2}", "default-value-changed", Breaking),
    ("in: query, schema: {default: 1}", "in: query, schema: {}", "default-value-removed", Breaking),
    ("in: query, schema: {}", "in: query, schema: {default: 1}", "default-value-added", Breaking),
    (
        "in: query, schema: {allOf: [{title: T, default: 1}, {title: U}]}",
        "in: query, schema: {allOf: [{title: T, default: 2}, {title: U}]}",
        "default-value-changed",
        Breaking,
    ),
    (
        "in: query, content: {a/json: {schema: {default: 1}}}",
        "in: query, content: {a/json: {schema: {default: 2}}}",
        "default-value-changed",
        Breaking,
    ),
    (
        "in: header, schema: {properties: {a: {default: 1}}}",
        "in: header, schema: {properties: {a: {default: 2}}}",
        "request-parameter-property-default-value-changed",
        Warning,
    ),
    // What is always sent has no use for a default.
    (
        "in: query, required: true, schema: {default: 1}",
        "in: query, required: true, schema: {default: 2}",
        "default-value-changed",
        Additive,
    ),
    (
        "in: path, required: true, schema: {default: 1}",
        "in: path, required: true, schema: {default: 2}",
        "default-value-changed",
        Additive,
    ),
    ("in: path, schema: {default: 1}", "in: path, schema: {default: 2}", "default-value-changed", Breaking),
    ("in: query", "in: query, required: true", "request-parameter-became-required", Breaking),
    ("in: query, required: true", "in: query", "request-parameter-became-optional", Additive),
    (
        "in: query, schema: {type: string}",
        "in: query, schema: {type: string, pattern: '^a'}",
        "request-parameter-pattern-added",
        Breaking,
    ),
    (
        "in: query, schema: {properties: {a: {type: string}}}",
        "in: query, schema: {properties: {a: {type: string, pattern: '^a'}}}",
        "request-parameter-property-pattern-added",
        Breaking,
    ),
    (
        "in: header, schema: {anyOf: [{type: string}, {type: boolean}]}",
        "in: header, schema: {anyOf: [{type: string, pattern: '^a'}, {type: boolean}]}",
        "request-parameter-pattern-added",
        Breaking,
    ),
    // Values of parameters travel as text.
    ("in: query, schema: {type: integer}", "in: query, schema: {type: string}", "type-generalized", Additive),
    ("in: query, schema: {type: string}", "in: query, schema: {type: integer}", "type-changed", Breaking),
    ("in: header, schema: {type: integer}", "in: header, schema: {type: number}", "type-generalized", Additive),
    // One value is a list of one, unless a list is written otherwise.
    (
        "in: query, schema: {type: string}",
        "in: query, schema: {type: array, items: {type: string}}",
        "type-generalized",
        Additive,
    ),
    (
        "in: query, schema: {type: string}",
        "in: query, schema: {type: array, items: {type: integer}}",
        "type-changed",
        Breaking,
    ),
    (
        "in: query, schema: {type: string}",
        "in: query, schema: {type: array, minItems: 2, items: {type: string}}",
        "type-changed",
        Breaking,
    ),
    (
        "in: header, schema: {type: string}",
        "in: header, schema: {type: array, items: {type: string}}",
        "type-changed",
        Breaking,
    ),
    (
        "in: query, schema: {type: array, items: {type: string}}",
        "in: query, schema: {type: string}",
        "type-changed",
        Breaking,
    ),
];

#[test]
fn a_parameter_may_be_left_out_and_travels_as_text() {
    let document = |parameter: &str| {
        let others = "{name: x, in: query, schema: {type: string}}, {name: y, in: header, schema: {type: string}}";
        format!(
            "openapi: 3.0.0\npaths: {{'/a/{{p}}': {{get: {{parameters: [{others}, {{name: p, {parameter}}}], responses: {{}}}}}}}}"
        )
    };
    for (old, new, id, level) in PARAMETERS {
        let found = changes(&document(old), &document(new));
        let named = found.iter().any(|change| change.id.ends_with(id));
        assert!(named && gravest(&found) == Some(*level), "{old} → {new}: {found:#?}");
    }
}

#[test]
fn a_header_of_a_response_is_read_as_a_response_is() {
    let document = |header: &str| {
        format!(
            "openapi: 3.0.0\npaths: {{/a: {{get: {{responses: {{'200': {{description: '', headers: {{x: {{schema: {{}}}}{header}}}}}}}}}}}}}"
        )
    };
    for (old, new, id, level) in [
        ("", ", h: {}", "response-header-added", Additive),
        (", h: {}", "", "optional-response-header-removed", Warning),
        (", h: {required: true}", "", "required-response-header-removed", Breaking),
        (", h: {required: true}", ", h: {}", "response-header-became-optional", Breaking),
        (", h: {}", ", h: {required: true}", "response-header-became-required", Additive),
        (
            ", h: {schema: {type: string}}",
            ", h: {schema: {type: integer}}",
            "response-header-type-specialized",
            Additive,
        ),
        (", h: {schema: {type: integer}}", ", h: {schema: {type: string}}", "response-header-type-changed", Breaking),
        (
            ", h: {schema: {default: 1}}",
            ", h: {schema: {default: 2}}",
            "response-header-default-value-changed",
            Warning,
        ),
    ] {
        let found = changes(&document(old), &document(new));
        assert_eq!(found.iter().map(|c| (c.id.as_str(), c.level)).collect::<Vec<_>>(), [(id, level)], "{old} → {new}");
    }
}

#[test]
fn what_was_deprecated_may_be_gone_and_what_was_not_may_not() {
    let operation = |words: &str| {
        format!(
            "openapi: 3.0.0\npaths:\n  /a: {{get: {{{words}responses: {{'200': {{description: ''}}}}}}}}\n  /b: {{get: {{responses: {{}}}}}}\n"
        )
    };
    let without = "openapi: 3.0.0\npaths:\n  /b: {get: {responses: {}}}\n";
    for (words, level, id) in [
        ("", Breaking, "api-path-removed-without-deprecation"),
        ("deprecated: true, ", Warning, "api-path-removed-with-deprecation"),
        ("deprecated: true, x-sunset: '2100-01-01', ", Warning, "api-path-removed-with-deprecation"),
        ("x-stability-level: alpha, ", Breaking, "api-path-removed-without-deprecation"),
    ] {
        let found = changes(&operation(words), without);
        assert_eq!(found.iter().map(|c| (c.id.as_str(), c.level)).collect::<Vec<_>>(), [(id, level)], "{words}");
    }
}

#[test]
fn what_the_vendors_pages_never_have_is_reported_all_the_same() {
    let document = |parameter: &str, body: &str, operation: &str, root: &str| {
        let parameters = format!("parameters: [{{name: q, in: query{parameter}}}]");
        let content = format!("content: {{application/json: {{schema: {{type: object{body}}}}}}}");
        format!(
            "openapi: 3.0.0\npaths: {{/a: {{post: {{{parameters}, requestBody: {{{content}}}, responses: {{'200': {{description: ''}}}}{operation}}}}}}}\n{root}\n"
        )
    };
    let schemes = |scheme: &str| format!("components: {{securitySchemes: {{key: {{type: oauth2{scheme}}}}}}}");
    let old = document(", schema: {}", "", "", &schemes(""));
    for (parameter, body, operation, root) in [
        (", schema: {}, style: spaceDelimited", "", "", schemes("")),
        (", schema: {}, explode: false", "", "", schemes("")),
        (", schema: {}, allowEmptyValue: true", "", "", schemes("")),
        (", content: {a/json: {}}", "", "", schemes("")),
        (", schema: {}", ", discriminator: {propertyName: a}", "", schemes("")),
        (", schema: {}", ", x-extensible-enum: [a]", "", schemes("")),
        (", schema: {}", ", readOnly: true", "", schemes("")),
        (", schema: {}", "", ", callbacks: {done: {}}", schemes("")),
        (", schema: {}", "", ", x-sunset: '2030-01-01'", schemes("")),
        (", schema: {}", "", ", x-stability-level: alpha", schemes("")),
        (", schema: {}", "", "", schemes("") + "\nwebhooks: {done: {}}"),
        (", schema: {}", "", "", schemes(", flows: {implicit: {scopes: {read: ''}}}")),
        (", schema: {}", "", "", schemes(", openIdConnectUrl: https://c.example")),
    ] {
        let new = document(parameter, body, operation, &root);
        for (from, to) in [(&old, &new), (&new, &old)] {
            let found = changes(from, to);
            assert!(found.iter().any(|c| (&*c.id, c.level) == ("unclassified", Warning)), "{to}: {found:#?}");
        }
    }
}

#[test]
fn a_circle_of_references_is_compared_once_and_its_change_is_found() {
    let document = |kind: &str| {
        format!(
            "openapi: 3.0.0\npaths: {{/a: {{post: {{requestBody: {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/A'}}}}}}}}, responses: {{}}}}}}}}\ncomponents:\n  schemas:\n    A: {{type: object, properties: {{b: {{$ref: '#/components/schemas/B'}}}}}}\n    B: {{type: object, properties: {{a: {{$ref: '#/components/schemas/A'}}, x: {{type: {kind}}}}}}}\n"
        )
    };
    assert_eq!(changes(&document("string"), &document("string")), Vec::new());
    let found = changes(&document("string"), &document("boolean"));
    assert_eq!(found.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["request-property-type-changed"]);
    assert!(found.iter().all(|c| c.pointer == "/components/schemas/B/properties/x/type"), "{found:#?}");
}

/// A document whose request has the schema `All`, of these parts and components.
fn parts(key: &str, parts: &str, components: &str) -> String {
    format!(
        "openapi: 3.0.0\npaths: {{/a: {{post: {{requestBody: {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/All'}}}}}}}}, responses: {{}}}}}}}}\ncomponents:\n  schemas:\n    All: {{{key}: [{parts}]}}\n{components}"
    )
}

#[test]
fn parts_that_changed_their_name_or_only_grew_are_paired_by_what_they_hold() {
    let of = |names: &[&str]| -> String {
        names.iter().map(|name| format!("{{$ref: '#/components/schemas/{name}'}}")).collect::<Vec<_>>().join(", ")
    };
    let base = "    Base: {type: object, required: [model], properties: {model: {type: string}}}\n";
    let pick = |name: &str, more: &str| {
        format!("    {name}: {{type: object, properties: {{prompt: {{type: string, maxLength: 9}}{more}}}}}\n")
    };
    let old = parts("allOf", &of(&["Base", "Pick_prompt"]), &(base.to_owned() + &pick("Pick_prompt", "")));
    let renamed = |more: &str| parts("allOf", &of(&["Base", "Pick_two"]), &(base.to_owned() + &pick("Pick_two", more)));
    let tags = ", tags: {type: string}";
    let nested = |name: &str, more: &str| {
        let part = format!(
            "    {name}: {{properties: {{inner: {{allOf: [{{$ref: '#/components/schemas/In{name}'}}, {{$ref: '#/components/schemas/Base'}}]}}}}}}\n"
        );
        parts("allOf", &of(&["Base", name]), &(base.to_owned() + &part + &pick(&format!("In{name}"), more)))
    };
    let two = |names: [&str; 4]| {
        let components = pick(names[2], "") + &pick(names[3], tags);
        parts("allOf", &of(&names[..2]), &components)
    };
    let discriminated = |name: &str| {
        parts("discriminator: {propertyName: model}, oneOf", &of(&["Base", name]), &(base.to_owned() + &pick(name, "")))
    };
    let one = |name: &str| parts("oneOf", &of(&["Base", name]), &(base.to_owned() + &pick(name, "")));
    let inline = parts(
        "allOf",
        &format!("{}, {{type: object, properties: {{prompt: {{type: string, maxLength: 9}}{tags}}}}}", of(&["Base"])),
        base,
    );
    let cases = [
        ("renamed", old.clone(), renamed(""), Source, "schema-reference-changed"),
        ("renamed and grown", old.clone(), renamed(tags), Additive, "new-optional-request-property"),
        (
            "renamed and stricter",
            old.clone(),
            renamed("").replace("maxLength: 9", "maxLength: 8"),
            Breaking,
            "request-body-all-of-added",
        ),
        (
            "renamed, and asks for more",
            old.clone(),
            renamed(tags).replace("Pick_two: {", "Pick_two: {required: [tags], "),
            Breaking,
            "request-body-all-of-added",
        ),
        ("written out and grown", old.clone(), inline, Additive, "new-optional-request-property"),
        (
            "grown under its name",
            old.clone(),
            parts("allOf", &of(&["Base", "Pick_prompt"]), &(base.to_owned() + &pick("Pick_prompt", tags))),
            Additive,
            "new-optional-request-property",
        ),
        ("renamed inside of what was renamed", nested("A", ""), nested("B", ""), Source, "schema-reference-changed"),
        (
            "grown inside of what was renamed",
            nested("A", ""),
            nested("B", tags),
            Additive,
            "new-optional-request-property",
        ),
        (
            "two renamed, in another order",
            two(["A", "B", "A", "B"]),
            two(["D", "C", "C", "D"]),
            Source,
            "schema-reference-changed",
        ),
        ("an alternative renamed", one("A"), one("B"), Source, "schema-reference-changed"),
        (
            "an alternative renamed that is called by its name",
            discriminated("A"),
            discriminated("B"),
            Breaking,
            "request-body-one-of-removed",
        ),
    ];
    for (name, old, new, level, id) in cases {
        let found = changes(&old, &new);
        assert!(gravest(&found) == Some(level) && found.iter().any(|change| change.id == id), "{name}: {found:#?}");
    }
}

fn page(replacements: &[(&str, &str)]) -> Vec<u8> {
    // As it was when the mutations were written: a newer page of the vendor's must not fail them.
    let text = std::fs::read_to_string(root().join("xtask/tests/fixtures/page.md")).unwrap_or_default();
    let text = replacements.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "the mutation misses: {from}");
        text.replacen(from, to, 1)
    });
    text.into_bytes()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, pages: &[(&str, Vec<u8>)]) -> Self {
        let path = std::env::temp_dir().join(format!("xtask-kinds-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{error}"));
        for (name, bytes) in pages {
            std::fs::write(path.join(name), bytes).unwrap_or_else(|error| panic!("{error}"));
        }
        Self(path)
    }

    fn side(&self, name: &str) -> Side {
        side(&root(), &[self.0.join(name)]).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn drift(name: &str, old: Vec<u8>, new: Vec<u8>) -> Report {
    let folder = Folder::new(name, &[("old.md", old), ("new.md", new)]);
    let sides = (&folder.side("old.md"), &folder.side("new.md"));
    between(&Client::read(&root()), sides, true).unwrap_or_else(|error| panic!("{error}"))
}

const PAGES: &[Row] = &[
    (
        "a_repair_is_gone",
        Text,
        "repair-gone",
        &[(
            "description: Model name Enumeration value: kling-v1-6",
            "description: 'Model name Enumeration value: kling-v1-6'",
        )],
    ),
    (
        "a_repair_is_new",
        Text,
        "repair-new",
        &[("description: Negative text prompts", "description: Negative text prompts: what not")],
    ),
    (
        "a_repair_is_different",
        Text,
        "repair-changed",
        &[("Model name Enumeration value: kling-v1-6", "The model Enumeration value: kling-v1-6")],
    ),
    ("its_operation_moved", Breaking, "endpoint-moved", &[("multi-image2video:", "multi-image-2-video:")]),
    (
        "an_example_is_no_longer_valid",
        Warning,
        "example-invalid",
        &[("              mode: std\n", "              mode: 5\n")],
    ),
    (
        "an_example_holds_a_key_that_the_schema_lacks",
        Warning,
        "example-key-unknown",
        &[("              mode: std\n", "              mode: std\n              seed: 1\n")],
    ),
    ("an_example_lacks_a_required_key", Warning, "example-key-missing", &[("              mode: std\n", "")]),
    (
        "released_to_testing",
        Warning,
        "operation-status-changed",
        &[("x-apifox-status: released", "x-apifox-status: testing")],
    ),
    (
        "released_to_developing",
        Warning,
        "operation-status-changed",
        &[("x-apifox-status: released", "x-apifox-status: developing")],
    ),
    (
        "released_to_deprecated",
        Warning,
        "operation-status-changed",
        &[("x-apifox-status: released", "x-apifox-status: deprecated")],
    ),
    (
        "required_names_a_property_that_does_not_exist",
        Warning,
        "required-names-no-property",
        &[(
            "                - model_name\n                - mode\n",
            "                - ghost\n                - model_name\n                - mode\n",
        )],
    ),
    (
        "a_prose_enumeration_gained_a_value_where_the_library_is_open",
        Additive,
        "prose-enum-value-added",
        &[("Enum values: std, pro", "Enum values: std, pro, master")],
    ),
    (
        "a_prose_enumeration_lost_a_value",
        Warning,
        "prose-enum-value-removed",
        &[("Enumerated values: 5, 10", "Enumerated values: 5")],
    ),
    (
        "a_prose_enumeration_is_new",
        Warning,
        "prose-enum-introduced",
        &[("The aspect ratio (width:height) of the generated image.", "'Enum values: 16:9, 1:1'")],
    ),
    ("a_prose_limit_got_stricter", Warning, "prose-limit-stricter", &[("2500 characters", "500 characters")]),
    ("a_prose_limit_got_looser", Additive, "prose-limit-looser", &[("up to 4 images", "up to 7 images")]),
    (
        "generated_names_changed_wire_unchanged",
        Source,
        "schema-title-changed",
        &[(
            "            schema:\n              type: object\n",
            "            schema:\n              title: Video\n              type: object\n",
        )],
    ),
    (
        "a_translation_is_text",
        Text,
        "text-changed",
        &[
            ("Enum values: std, pro", "枚举值：std，pro"),
            ("cannot exceed 2500 characters", "不能超过2500个字符"),
            ("Supports up to 4 images", "最多支持4张图片"),
        ],
    ),
    (
        "the_order_of_properties_is_text",
        Text,
        "extension-changed",
        &[(
            "                - callback_url\n                - external_task_id\n            example",
            "                - external_task_id\n                - callback_url\n            example",
        )],
    ),
];

#[test]
fn each_kind_of_the_vendors_pages_gets_its_level_and_its_id() {
    let mut wrong = Vec::new();
    for (name, level, id, replacements) in PAGES {
        let report = drift(name, page(&[]), page(replacements));
        let gravest = report.changes.iter().map(|change| change.level).max();
        if gravest != Some(*level) || !report.changes.iter().any(|change| change.id == *id) {
            let shown: Vec<String> =
                report.changes.iter().map(|c| format!("{} {:?} {:?}→{:?}", c.id, c.level, c.before, c.after)).collect();
            wrong.push(format!("{name}: wanted {level:?} {id}, found {shown:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The page with a schema and a description, in its body and in a parameter of the query.
fn stated(schema: &str, words: &str) -> Vec<u8> {
    let spread = |at: &str| format!("{at}type: string\n{at}{schema}\n");
    let mode =
        format!("                  type: string\n                  {schema}\n                  description: |-\n");
    let parameter = format!(
        "      parameters:\n        - name: kind\n          in: query\n          description: '{words}'\n          schema:\n{}",
        spread("            ")
    );
    page(&[
        ("Enum values: std, pro", words),
        ("      parameters:\n", &parameter),
        (
            "                mode:\n                  type: string\n                  description: |-\n",
            &format!("                mode:\n{mode}"),
        ),
    ])
}

#[test]
fn words_that_change_beside_a_schema_that_stays_are_a_warning_that_shows_both() {
    let (values, limit) = ("enum: [std, pro]", "maxLength: 2500");
    let extension = "x-apifox-enum: [{value: std}, {value: pro}]";
    let cases = [
        (
            values,
            "Enum values: std, pro",
            "Enum values: std, pro, master",
            "enum std, pro",
            "enum std, pro, master",
            "enum std, pro",
        ),
        (values, "Enum values: std, pro", "枚举值：std", "enum std, pro", "enum std", "enum std, pro"),
        (values, "The mode", "Enum values: std, master", "nothing", "enum std, master", "enum std, pro"),
        (
            extension,
            "Enum values: std, pro",
            "Enum values: std, max",
            "enum std, pro",
            "enum std, max",
            "enum std, pro",
        ),
        (limit, "Up to 2500 characters", "Up to 500 characters", "maxLength 2500", "maxLength 500", "maxLength 2500"),
        (limit, "Up to 500 characters", "不能超过2,500个字符", "maxLength 500", "maxLength 2500", "maxLength 2500"),
    ];
    for (schema, old, new, was, is, stayed) in cases {
        let report = drift("stayed", stated(schema, old), stated(schema, new));
        let found: Vec<_> = report.changes.iter().filter(|change| change.level > Text).collect();
        let (before, after) = (
            format!("{was} in the description, {stayed} in the schema"),
            format!("{is} in the description, {stayed} in the schema"),
        );
        let kind = if schema == limit { "limit" } else { "enum" };
        let in_body = found.iter().find(|change| change.pointer.ends_with("/properties/mode"));
        assert!(
            in_body.is_some_and(|c| c.id == format!("prose-{kind}-changed-schema-stayed") && c.level == Warning),
            "{old} → {new}: {found:#?}"
        );
        assert_eq!(in_body.map(|c| (c.before.as_deref(), c.after.as_deref())), Some((Some(&*before), Some(&*after))));
        // A parameter's words stand beside its schema; the vendor's extension there is not read with them.
        let in_query = found.iter().filter(|change| change.pointer.ends_with("/parameters/0"));
        assert!(schema == extension || in_query.map(|c| c.after.as_deref()).eq([Some(&*after)]), "{found:#?}");
        for format in [Format::Human, Format::Json, Format::Github] {
            let text = write(&report, format, false);
            assert!(text.contains(&before) && text.contains(&after), "{text}");
        }
    }
    let silent = [
        (values, "Enum values: std, pro", "枚举值：pro，std"),
        (values, "Enum values: std, pro", "The mode"),
        (values, "The mode", "Enum values: pro, std"),
        (limit, "Up to 2500 characters", "不能超过2500个字符"),
        (limit, "Some words", "Up to 2,500 characters"),
    ];
    for (schema, old, new) in silent {
        let report = drift("silent", stated(schema, old), stated(schema, new));
        assert!(report.changes.iter().all(|change| change.level == Text), "{old} → {new}: {:#?}", report.changes);
    }
    // Where the schema changed too, its own change is reported.
    let report =
        drift("both", stated(limit, "Up to 2500 characters"), stated("maxLength: 500", "Up to 500 characters"));
    assert!(report.changes.iter().all(|change| !change.id.starts_with("prose-")), "{:#?}", report.changes);
}

#[test]
fn a_prose_enumeration_that_grew_where_the_library_sends_nothing_is_a_warning_that_names_the_value() {
    let other = [("multi-image2video:", "effects:"), ("api-386179083", "api-1")];
    let grown = [other[0], other[1], ("Enum values: std, pro", "Enum values: std, pro, master")];
    let report = drift("other", page(&other), page(&grown));
    let found: Vec<_> = report
        .changes
        .iter()
        .filter(|c| c.level > Text)
        .map(|c| (c.id.as_str(), c.level, c.after.as_deref()))
        .collect();
    assert_eq!(found, [("prose-enum-value-added", Warning, Some("master"))]);
}

#[test]
fn a_fingerprint_does_not_depend_on_lines() {
    let change = ("Enumerated values: 5, 10", "Enumerated values: 5");
    let first = drift("first", page(&[]), page(&[change]));
    let shifted = drift("shifted", page(&[]), page(&[change, ("# Multiple", "\n\n\n# Multiple")]));
    let of =
        |report: &Report| report.changes.iter().find(|c| c.level == Warning).map(|c| (c.fingerprint.clone(), c.line));
    let (one, two) = (of(&first).unwrap_or_default(), of(&shifted).unwrap_or_default());
    assert_eq!(one.0, two.0);
    assert_ne!(one.1, two.1);
}

#[test]
fn a_meaning_names_the_field_and_the_file_or_says_that_nothing_is_to_do() {
    let meaning = |name: &str, replacements: &[(&str, &str)], id: &str| {
        let report = drift(name, page(&[]), page(replacements));
        report.changes.iter().find(|change| change.id == id).map(|change| change.meaning.clone()).unwrap_or_default()
    };
    let added = (
        "                external_task_id:\n",
        "                seed:\n                  type: integer\n                external_task_id:\n",
    );
    let required = (
        "                - model_name\n                - mode\n",
        "                - seed\n                - model_name\n                - mode\n",
    );
    let cases = [
        (
            "required",
            vec![added, required],
            "new-required-request-property",
            "src/operations/multi_image_to_video.rs: add the field `seed`",
        ),
        ("optional", vec![added], "new-optional-request-property", "regenerate only; `seed` can be sent with `extra`"),
        (
            "value",
            vec![("Enum values: std, pro", "Enum values: std, pro, master")],
            "prose-enum-value-added",
            "regenerate only; `mode` sends `master` unchanged, src/values.rs",
        ),
        (
            "limit",
            vec![("2500 characters", "500 characters")],
            "prose-limit-stricter",
            "src/operations/multi_image_to_video.rs: `prompt`",
        ),
        (
            "image",
            vec![(
                "                        type: string\n                    required",
                "                        type: integer\n                    required",
            )],
            "request-property-type-changed",
            "src/media/mod.rs: `image_list[].image`",
        ),
        (
            "header",
            vec![(
                "        - name: Authorization\n          in: header\n          description: ''\n          required: false",
                "        - name: Authorization\n          in: header\n          description: ''\n          required: true",
            )],
            "request-parameter-became-required",
            "nothing: the library always sends `authorization` itself",
        ),
        (
            "new",
            vec![(
                "paths:\n",
                "paths:\n  /kling/v1/videos/effects:\n    post: {responses: {'200': {description: ''}}}\n",
            )],
            "endpoint-added",
            "src/operations: add a file for it, or list it in spec/allowed.yaml",
        ),
        (
            "moved",
            vec![("multi-image2video:", "other:")],
            "endpoint-moved",
            "src/operations/multi_image_to_video.rs: create_multi_image_to_video calls",
        ),
    ];
    for (name, replacements, id, expected) in cases {
        let found = meaning(&format!("meaning-{name}"), &replacements, id);
        assert!(found.starts_with(expected), "{name}: {found}");
    }
}
