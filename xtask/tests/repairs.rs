//! Proves that a repair quotes the innermost text and never makes a text of a mapping or a sequence, and that what cannot
//! be repaired safely is refused with its line.

use std::sync::Arc;

use xtask::page::Page;
use xtask::repair::{Repaired, read_page};
use xtask::roles::{Role, walk};

/// The line of the page on which the documents of these tests begin.
const FIRST: usize = 10;

fn read(yaml: &str) -> xtask::error::Result<Repaired> {
    let (name, sha256) = (Arc::from("p.md"), String::new());
    read_page(&Page { name, sha256, yaml: yaml.to_owned(), first_line: FIRST, published: true })
}

fn document(yaml: &str) -> Repaired {
    read(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

/// The document as JSON, and each repair as `line: before → after`.
fn repaired(yaml: &str) -> (String, Vec<String>) {
    let found = document(yaml);
    let record = |r: &xtask::repair::Repair| format!("{}: {} → {}", r.place.line, r.before, r.after);
    (found.root.to_json().to_string(), found.repairs.iter().map(record).collect())
}

/// A body's schema with one property.
fn property(name: &str, text: &str) -> String {
    format!(
        "paths:\n  /a:\n    post:\n      requestBody:\n        content:\n          application/json:\n            schema:\n              type: object\n              properties:\n                {name}: {text}\n              required: []\n"
    )
}

#[test]
fn a_plain_scalar_that_the_parser_refuses_is_quoted() {
    let cases = [
        ("a: b: c\nd: 1", r#"{"a":"b: c","d":1}"#),
        (
            "description: Model name Enumeration value: kling-v1-6",
            r#"{"description":"Model name Enumeration value: kling-v1-6"}"#,
        ),
        ("summary: a: it's: c\nb: 2", r#"{"b":2,"summary":"a: it's: c"}"#),
        ("a:\n  - x: y: z\n    k: v", r#"{"a":[{"k":"v","x":"y: z"}]}"#),
        ("tags:\n  - x: y: z\n  - k", r#"{"tags":["x: y: z","k"]}"#),
        ("enum:\n- std: a: b\n- pro", r#"{"enum":["std: a: b","pro"]}"#),
        (
            "description:\n  some text: and: more\n  and more\nb: 1",
            r#"{"b":1,"description":"some text: and: more and more"}"#,
        ),
        ("a: first words\n  second: x\nb: 1", r#"{"a":"first words second: x","b":1}"#),
        ("a: @b\nc: 1", r#"{"a":"@b","c":1}"#),
        ("a: `b`\nc: 1", r#"{"a":"`b`","c":1}"#),
        ("a: %b\nc: 1", r#"{"a":"%b","c":1}"#),
        ("a: *bold* text\nc: 1", r#"{"a":"*bold* text","c":1}"#),
        ("a: !important text\nc: 1", r#"{"a":"!important text","c":1}"#),
        ("a: {{var}}\nc: 1", r#"{"a":"{{var}}","c":1}"#),
        ("o:\n  a: [open\n  type: string\nc: 1", r#"{"c":1,"o":{"a":"[open","type":"string"}}"#),
        ("a: \"quoted\" and more\nc: 1", r#"{"a":"\"quoted\" and more","c":1}"#),
        ("a: 'it's'\nc: 1", r#"{"a":"'it's'","c":1}"#),
        ("a: [1, 2] and more\nc: 1", r#"{"a":"[1, 2] and more","c":1}"#),
        ("a: 枚举值: std，pro\nc: 1", r#"{"a":"枚举值: std，pro","c":1}"#),
        ("a: text:\nc: 1", r#"{"a":"text:","c":1}"#),
        ("a: - b\nc: 1", r#"{"a":"- b","c":1}"#),
    ];
    for (yaml, expected) in cases {
        let (json, repairs) = repaired(yaml);
        assert_eq!((json.as_str(), repairs.len()), (expected, 1), "{yaml}: {repairs:?}");
    }
}

#[test]
fn what_is_valid_is_never_touched() {
    let valid = "tags:\n  - text: with\n  - a: b\nx: first\n  second\ny: |\n  k: v: w\n  - @x\nz: >-\n  a: b: c\nf: {a: b}\ng: a:b\nq: 'a: b'\n";
    let found = document(valid);
    assert_eq!(found.repairs, []);
    assert_eq!(found.root.to_json().pointer("/y"), Some(&"k: v: w\n- @x\n".into()));
}

#[test]
fn a_broken_block_indicator_is_mended_and_the_block_inside_left_alone() {
    for (broken, text) in
        [("|>-", "k: v: w\n@x"), (">|", "k: v: w @x\n"), ("|-+", "k: v: w\n@x\n"), ("|2>-", "k: v: w\n@x")]
    {
        let yaml = format!("a:\n  description: {broken}\n    k: v: w\n    @x\n  b: c: d\n");
        let found = document(&yaml);
        assert_eq!(found.root.get("a").and_then(|a| a.get_text("description")), Some(text), "{broken}");
        assert_eq!(found.repairs.len(), 2, "{broken}");
    }
}

#[test]
fn a_repair_is_recorded_with_the_line_of_the_page_and_keeps_every_line_number() {
    let found = document("a: 1\nb: c: d\ne:\n  f: g: h\n");
    let record = |line, before: &str, after: &str| (line, before.to_owned(), after.to_owned());
    let records: Vec<_> = found.repairs.iter().map(|r| (r.place.line, r.before.clone(), r.after.clone())).collect();
    assert_eq!(records, [record(11, "b: c: d", "b: 'c: d'"), record(13, "f: g: h", "f: 'g: h'")]);
    assert_eq!(found.root.get("e").and_then(|e| e.get("f")).map(|f| f.place.line), Some(13));
}

#[test]
fn a_dozen_defects_are_repaired_and_hundreds_refused() {
    let dozen: String = (0..12).map(|n| format!("k{n}: a: b\n")).collect();
    assert_eq!(document(&dozen).repairs.len(), 12);
    let hundreds: String = (0..=400).map(|n| format!("k{n}: a: b\n")).collect();
    assert!(read(&hundreds).is_err_and(|e| e.to_string().contains("after 400 repairs")));
}

#[test]
fn what_quoting_cannot_mend_is_refused_with_file_line_and_reason() {
    let cases = [
        ("a: 1\na: 2\n", "p.md:11: the key \"\\\"a\\\"\""),
        ("a:\n    b: 1\n   c: 2\n", "p.md:12: not YAML"),
        ("a: b\n---\nc: d\n", "p.md:11: a second YAML document"),
        ("a: &x [*x]\n", "p.md:10: an alias stands inside"),
        ("<<: {a: b}\n", "p.md:10: the merge key"),
        ("a:\n  type: object\n    properties:\n      b: 1\n", "p.md:12: not YAML"),
    ];
    for (yaml, expected) in cases {
        let found = read(yaml).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(found.starts_with(expected.split(" \"").next().unwrap_or_default()), "{yaml}: {found}");
        assert!(!found.contains('\n'));
    }
}

#[test]
fn in_brackets_the_innermost_text_is_quoted() {
    let cases = [
        (
            "{ type: string, description: at most 100 characters, then poll /a/{id} for it }",
            r#"{"description":"at most 100 characters, then poll /a/{id} for it","type":"string"}"#,
        ),
        ("{type: string, description: a: b}", r#"{"description":"a: b","type":"string"}"#),
        ("{description: values: std, pro, type: string}", r#"{"description":"values: std, pro","type":"string"}"#),
        (
            "{description: see [1], [2] or {x, y}, type: string}",
            r#"{"description":"see [1], [2] or {x, y}","type":"string"}"#,
        ),
        (
            "{description: first: a, second: b and {c}, x-a: b}",
            r#"{"description":"first: a, second: b and {c}","x-a":"b"}"#,
        ),
        ("{type: string, example: {{a}}, default: {b}}", r#"{"default":{"b":null},"example":"{{a}}","type":"string"}"#),
        ("{description: an open { bracket, type: string}", r#"{"description":"an open { bracket","type":"string"}"#),
        ("{description: a } b, type: string}", r#"{"description":"a } b","type":"string"}"#),
        ("{description: use #tag}", r#"{"description":"use #tag"}"#),
        ("{description: 'it's', type: string}", r#"{"description":"'it's'","type":"string"}"#),
        ("{description: 枚举值: std，pro, type: string}", r#"{"description":"枚举值: std，pro","type":"string"}"#),
        ("{\"type\": \"string\", \"description\": a: b}", r#"{"description":"a: b","type":"string"}"#),
        ("{type: string, enum: [a: b: c, 16:9, d]}", r#"{"enum":["a: b: c","16:9","d"],"type":"string"}"#),
        (
            "{type: array, items: {type: string, description: a: b}, maxItems: 4}",
            r#"{"items":{"description":"a: b","type":"string"},"maxItems":4,"type":"array"}"#,
        ),
        (
            "{allOf: [{type: string}, {description: a: b, {c}}]}",
            r#"{"allOf":[{"type":"string"},{"description":"a: b, {c}"}]}"#,
        ),
        (
            "{ type: string, # one\n                  description: poll /a/{id}, # two\n                  default: a }",
            r#"{"default":"a","description":"poll /a/{id}","type":"string"}"#,
        ),
        (
            "{\n                  type: string,\n                  description: poll /a/{id},\n                    then wait: a minute\n                }",
            r#"{"description":"poll /a/{id}, then wait: a minute","type":"string"}"#,
        ),
        (
            "{type: object, properties: {title: {type: string, title: a: b}}}",
            r#"{"properties":{"title":{"title":"a: b","type":"string"}},"type":"object"}"#,
        ),
        (
            "{type: object, example: {path: /a/{id}, list: [x: y: z]}}",
            r#"{"example":{"list":[{"x":"y: z"}],"path":"/a/{id}"},"type":"object"}"#,
        ),
    ];
    for (text, expected) in cases {
        let (json, repairs) = repaired(&property("prompt", text));
        assert!(json.contains(&format!("\"properties\":{{\"prompt\":{expected}}}")), "{text}\n{json}");
        assert_eq!(repairs.len(), 1, "{text}: {repairs:?}");
    }
    let whole = "{paths: {/a/{id}: {get: {summary: a: b, responses: {'200': {description: ok}}}}}}";
    let (json, _) = repaired(whole);
    assert_eq!(json, r#"{"paths":{"/a/{id}":{"get":{"responses":{"200":{"description":"ok"}},"summary":"a: b"}}}}"#);
}

#[test]
fn a_repair_in_brackets_is_recorded_with_its_own_lines_only() {
    let yaml = "a: {\n  b: c,\n  d: poll /x/{id},\n  e: f }\ng: h: i\n";
    let expected = ["12: d: poll /x/{id}, → d: 'poll /x/{id}',", "14: g: h: i → g: 'h: i'"];
    assert_eq!(repaired(yaml).1, expected);
}

#[test]
fn a_mapping_or_a_sequence_never_becomes_a_text() {
    let lines = |text: &str| text.replace('\n', "\n                  ");
    let cases = [
        // A property may be called as texts are.
        ("title", "\ndescription: a: b\ntype: string", r#"{"description":"a: b","type":"string"}"#),
        ("description", "\ndescription: a: b\ntype: string", r#"{"description":"a: b","type":"string"}"#),
        ("summary", "{type: string, description: a: b}", r#"{"description":"a: b","type":"string"}"#),
        (
            "prompt",
            "\ndescription: a: b\nitems:\n  description: {c} d: e",
            r#"{"description":"a: b","items":{"description":"{c} d: e"}}"#,
        ),
        ("list", "\ntype: array\nenum: [a: b: c, d]", r#"{"enum":["a: b: c","d"],"type":"array"}"#),
        ("list", "\nexample:\n  title: [a: b: c, d]", r#"{"example":{"title":[{"a":"b: c"},"d"]}}"#),
        ("list", "\nexample:\n  - name: a: b\n    value: c", r#"{"example":[{"name":"a: b","value":"c"}]}"#),
    ];
    for (name, text, expected) in cases {
        let (json, _) = repaired(&property(name, &lines(text)));
        assert!(json.contains(&format!("\"{name}\":{expected}")), "{text}\n{json}");
    }
    let tags = repaired("tags:\n  - name: a: b\n    description: c\n  - name: d: e\n").0;
    assert_eq!(tags, r#"{"tags":[{"description":"c","name":"a: b"},{"name":"d: e"}]}"#);
    let words = repaired("x:\n  tags:\n    - name: a: b\n  enum:\n    - c: d: e\n      f: g\n").0;
    assert_eq!(words, r#"{"x":{"enum":[{"c":"d: e","f":"g"}],"tags":["name: a: b"]}}"#);
}

#[test]
fn a_text_over_several_lines_is_quoted_as_one() {
    for (yaml, expected) in [
        ("description: the mode: std\n  or pro\nb: 1\n", "the mode: std or pro"),
        ("description: the mode: std\n\n  - fast: a\n  - slow: b\nb: 1\n", "the mode: std\n- fast: a - slow: b"),
        ("description: the mode: std\n  # not this\nb: 1\n", "the mode: std"),
    ] {
        let found = document(yaml);
        assert_eq!((found.root.get_text("description"), found.repairs.len()), (Some(expected), 1), "{yaml}");
        assert!(found.root.get("b").is_some(), "{yaml}");
    }
}

#[test]
fn what_cannot_be_repaired_safely_is_refused_with_its_line() {
    let lines = |text: &str| text.replace('\n', "\n                  ");
    let cases = [
        ("one line for two", "type: string", 19),
        ("no end", "{ type: string, description: a: b", 19),
        ("words behind the end", "{ type: string, description: a: b } and more", 19),
        ("no comma", "{ type: string description: a: b }", 19),
        ("no line end", "\ntype: string description: a: b", 20),
        ("a mapping as one text", "{ type: object, properties: type: string }", 19),
        ("a mapping under a text", "\ndescription: a: b\n  type: string", 21),
        ("a structure under a text", "\ndescription: the mode: std\n  items:\n    type: string", 21),
        ("a sequence under a word", "\nenum: some words: a\n  - b\n  - c", 21),
        ("words beside a list", "\nitems: of strings: any\n", 20),
    ];
    for (name, text, line) in cases {
        let error = read(&property("prompt", &lines(text))).map(|found| found.root.to_json().to_string());
        let error = error.map_err(|error| (error.exit_code(), error.to_string()));
        let named = |error: &(u8, String)| error.0 == 2 && error.1.starts_with(&format!("p.md:{line}: not YAML"));
        assert!(error.as_ref().is_err_and(named), "{name}: {error:?}");
    }
}

#[test]
fn a_quoted_text_whose_lines_stand_too_far_left_is_moved_and_says_what_it_said() {
    let cases = [
        ("a:\n    b: 'one\n      two.\n\n  '\n    c: d\n", "one two.\n", vec!["14:   ' →      '"]),
        ("a:\n    b: 'one\n'\n    c: d: e\n", "one ", vec!["12: ' →      '", "13: c: d: e → c: 'd: e'"]),
        ("a:\n    b: \"one \\\"\n  two\n\"\n    c: d\n", "one \" two ", vec!["12:   two ⏎ \" →      two ⏎      \""]),
        ("a:\n    b: 'it''s\n two'\n    c: d\n", "it's two", vec!["12:  two' →      two'"]),
        ("a:\n  - b: 'one\n  ' # why\n    c: d\n", "one ", vec!["12:   ' # why →      ' # why"]),
    ];
    for (yaml, expected, records) in cases {
        let found = document(yaml);
        let inside = found.root.at_path(&["a"]).and_then(|a| a.at_path(&["0"]).or(Some(a)));
        assert_eq!(inside.and_then(|inside| inside.get_text("b")), Some(expected), "{yaml}");
        assert!(inside.is_some_and(|inside| inside.get("c").is_some()), "{yaml}");
        assert_eq!(repaired(yaml).1, records, "{yaml}");
    }
}

#[test]
fn what_is_valid_in_brackets_or_quotes_is_never_touched() {
    for yaml in [
        "a: {b: c, d: [e, {f: g}], h: 'i: j', \"k\": \"l, m\"}\n",
        "a: {\n  b: c, # d\n  e: f\n}\ng: h: i\n",
        "a: 'b\n\n  c: d\n  - e: f: g'\ng: h: i\n",
        "a: [1, 2]\nb: {}\nc: []\nd: {e, f}\ng: h: i\n",
    ] {
        let (_, repairs) = repaired(yaml);
        assert!(
            repairs.len() == usize::from(yaml.contains("g: h: i")) && repairs.iter().all(|r| r.contains("g: h: i")),
            "{repairs:?}"
        );
    }
}

#[test]
fn a_type_that_stands_twice_is_the_one_that_its_siblings_agree_with() {
    let settled = [
        ("type: string\ntype: integer\nenum: [5, 10]", "integer", "10: type: string ⏎ type: integer → type: integer"),
        ("type: string\nenum: [std, pro]\ntype: array", "string", "12: type: string ⏎ type: array → type: string"),
        ("type: integer\ndefault: std\ntype: string", "string", "10: type: integer ⏎ type: string → type: string"),
        ("example: {a: 1}\ntype: object\ntype: string", "object", "12: type: object ⏎ type: string → type: object"),
        ("{type: boolean, type: string, default: true}", "boolean", "10: type: boolean ⏎ type: string → type: boolean"),
        ("type: number\ntype: integer\nexample: 0.5", "number", "11: type: number ⏎ type: integer → type: number"),
        (
            "type: string\ntype: array\nexample: [a]\ndefault: null",
            "array",
            "10: type: string ⏎ type: array → type: array",
        ),
    ];
    for (yaml, kind, record) in settled {
        let found = document(yaml);
        assert_eq!(found.root.get_text("type"), Some(kind), "{yaml}");
        assert_eq!(repaired(yaml).1, [record], "{yaml}");
    }
    let refused = [
        ("type: string\ntype: integer", 11),
        ("type: string\ntype: string\ndefault: a", 11),
        ("type: number\ntype: integer\ndefault: 5", 11),
        ("type: string\ntype: integer\ndefault: a\nexample: 5", 11),
        ("type: string\ntype: integer\ntype: boolean\ndefault: 5", 12),
        ("type: string\ntype: words\ndescription: a", 11),
        ("type: {a: b}\ntype: {c: d}\ndefault: 5", 11),
        ("format: int32\nformat: int64\ndefault: 5", 11),
        ("a:\n  type: string\n  type: integer\nb: c: d", 12),
    ];
    for (yaml, line) in refused {
        let error = read(yaml).map(drop).map_err(|error| (error.exit_code(), error.to_string()));
        let named = |error: &(u8, String)| error.0 == 2 && error.1.starts_with(&format!("p.md:{line}: the key \""));
        assert!(error.as_ref().is_err_and(named), "{yaml}: {error:?}");
    }
}

/// Each node of a repaired line that is a text although a mapping or a sequence belongs there.
fn misplaced(found: &Repaired) -> Vec<String> {
    let mut all = Vec::new();
    walk(&mut found.root.clone(), Role::Document, &mut Vec::new(), &mut |role, node, path| {
        if role != Role::Other && node.text().is_some() && found.repairs.iter().any(|r| r.place.line == node.place.line)
        {
            all.push(format!("{} {path:?}", node.place));
        }
    });
    all
}

#[test]
fn pages_with_defects_put_in_anywhere_are_refused_or_keep_every_mapping() {
    let pages = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let (mut read, mut refused) = (0, 0);
    for entry in std::fs::read_dir(pages).into_iter().flatten().flatten() {
        let page = xtask::page::open(&entry.path(), "p.md").unwrap_or_else(|error| panic!("{error}"));
        let lines: Vec<&str> = page.yaml.lines().collect();
        for (index, line) in lines.iter().enumerate().step_by(7) {
            let start = line.len() - line.trim_start().len();
            let (indent, text) = line.split_at(start);
            let (key, value) = text.split_once(": ").unwrap_or((text.trim_end_matches(':'), ""));
            for defect in [
                format!("{indent}{key}: words: more {value}"),
                format!("{indent}{key}: {{ a: {value}, b: see {{id}} c: d }}"),
                format!("{indent}{key}: [ {value}, b: c: d ]"),
                format!("{indent}{key}: '{value}"),
                format!("{indent}{key}: '{value}\n'"),
                format!("{indent}{key}: {{ {value}"),
                format!("{indent}- {text}: more"),
                format!("{indent}description: a: b\n{indent}  {text}"),
            ] {
                let mut changed = lines.clone();
                changed[index] = &defect;
                match read_page(&Page { yaml: changed.join("\n"), ..page.clone() }) {
                    Ok(found) => {
                        read += 1;
                        assert_eq!(misplaced(&found), Vec::<String>::new(), "{defect}");
                    }
                    Err(error) => {
                        refused += 1;
                        assert_eq!(error.exit_code(), 2, "{error}");
                    }
                }
            }
        }
    }
    assert!(read > 200 && refused > 200, "{read} read, {refused} refused");
}
