//! `spec check`: the written documents are what pages and patches give, and the library agrees with them.
//!
//! The library's tests write the schemas, so this works although the generated code may not compile. Agreement is a join of
//! two lists of rows (see `facts.rs`): what one side alone says is a failure, unless `spec/allowed.yaml` allows it. What the
//! library passes through without knowing it (a new optional property, a new value of an open enumeration) is a remark and
//! no failure. `spec/README.md` counts the rows, and lists what is allowed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use indexmap::IndexSet;
use similar::TextDiff;

use crate::error::{Error, Result, one_line};
use crate::facts::{ALWAYS, Direction, Fact, find, inside, merge, narrower, of_document, of_schema, shown};
use crate::import::import_all;
use crate::library::{Allowed, Covered, Described, described, read_text, schemas};
use crate::roots::{self, ALLOWED, README};
use crate::tree::Node;

/// Where the text about coverage begins and ends in `spec/README.md`.
const MARKS: [&str; 2] = ["<!-- coverage: written by `cargo xtask spec check --write` -->", "<!-- coverage: end -->"];
/// Keys that say that there is something at all.
const WHOLE: [&str; 5] = ["operation", "body", "property", "alternative", "parameter"];

/// What a comparison of the library with a document found: what must be corrected, what is worth knowing, and what is
/// covered, as `spec/README.md` has it.
#[derive(Debug, Default)]
struct Findings {
    allowed: Allowed,
    exceptions: usize,
    failures: Vec<String>,
    remarks: Vec<String>,
    coverage: String,
}

/// Runs all checks; gives remarks, which are no failures. Fails with everything that failed, or with the first input that is
/// refused.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let (text, found) = findings(root)?;
    let stale = roots::OUTPUTS.iter().filter_map(|name| stale(&root.join(name), name, &text));
    let mut failures: Vec<String> = stale.chain(found.failures).collect();
    let readme = read_text(root, README)?;
    if written(&readme, &found.coverage)? != readme {
        failures.push(format!("{README}:1: the part on coverage is not current; run `cargo xtask spec check --write`"));
    }
    let remarks = Vec::from_iter(found.remarks.iter().map(|remark| format!("remark: {remark}")));
    let all = [failures.as_slice(), &remarks].concat().join("\n");
    if failures.is_empty() { Ok(found.remarks) } else { Err(Error::Failed(all)) }
}

/// Writes what is covered into `spec/README.md`, between its two marks.
pub fn write_table(root: &Path) -> Result<()> {
    let text = written(&read_text(root, README)?, &findings(root)?.1.coverage)?;
    roots::write(&root.join(README), README, &text)
}

/// The text that an import gives, and what the comparison with it finds.
fn findings(root: &Path) -> Result<(String, Findings)> {
    let imported = import_all(root)?;
    let allowed = Allowed::parse(&read_text(root, ALLOWED)?, ALLOWED)?;
    Ok((imported.text, compare(&schemas(root)?, &imported.document, allowed)))
}

fn written(readme: &str, coverage: &str) -> Result<String> {
    let [begin, end] = MARKS;
    let parts = readme.split_once(begin).and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let missing = Error::Failed(format!("{README}:1: expected the marks `{begin}` and `{end}`"));
    let (before, after) = parts.ok_or(missing)?;
    Ok(format!("{before}{begin}\n\n{coverage}\n{end}{after}"))
}

/// Compares the library's schemas with the document's requests.
fn compare(library: &[Covered], document: &Node, allowed: Allowed) -> Findings {
    let all = described(document);
    let mut rows = [of_document(document, &all), library.iter().flat_map(of_schema).collect()];
    rows.iter_mut().for_each(|rows| rows.retain(|row| row.direction != Direction::Response));
    let names = rows.iter().flatten().filter(|row| row.key == "operation").map(|row| row.operation.clone());
    let mut found = Findings { allowed, ..Findings::default() };
    for name in names.collect::<BTreeSet<_>>() {
        let of = |rows: &Vec<Fact>| rows.iter().filter(|row| row.operation == name).cloned().collect::<Vec<_>>();
        let [mut theirs, mut ours] = rows.each_ref().map(of);
        let (facts, is_covered) = (theirs.len(), !ours.is_empty());
        merge(&mut theirs, &ours);
        merge(&mut ours, &theirs);
        let create = all.iter().find(|one| one.method == "POST" && one.operation == name);
        found.operation(&name, create, [&theirs, &ours]);
        let exceptions = std::mem::take(&mut found.exceptions);
        let covered = if is_covered { format!("{exceptions} exceptions") } else { "described, not covered".to_owned() };
        let _ = writeln!(found.coverage, "- `{name}`: {facts} facts, {covered}");
    }
    // Where something differs, an entry may wait for that correction.
    if found.failures.is_empty() {
        found.failures = found.allowed.unused();
    }
    found.coverage.push_str("\n| operation | what | difference | why |\n|---|---|---|---|\n");
    for (entry, differences) in found.allowed.0.iter().filter_map(|(entry, used)| Some((entry, used.as_ref()?))) {
        let [operation, what, reason, source] =
            ["operation", "pointer", "reason", "source"].map(|key| cell(entry.get_text(key).unwrap_or_default()));
        let differences = differences.iter().map(|text| cell(text)).collect::<Vec<_>>().join("; ");
        let operation = if operation == "*" { "each" } else { &operation };
        let _ = writeln!(found.coverage, "| {operation} | `{what}` | {differences} | {reason} ({source}) |");
    }
    found
}

/// Text of a page as a cell: one line, no mark of its own.
fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|").replace('<', "&lt;")
}

impl Findings {
    /// Compares the rows of an operation, the document's and the library's.
    fn operation(&mut self, name: &str, create: Option<&Described>, sides: [&[Fact]; 2]) {
        let keys: IndexSet<_> = sides.iter().flat_map(|rows| rows.iter().map(|row| (&*row.place, &*row.key))).collect();
        let mut alone = keys.clone();
        alone.retain(|(at, key)| WHOLE.contains(key) && sides.iter().any(|rows| find(rows, at, key).is_empty()));
        for one in &keys {
            // Of what one side does not have at all, the inside needs no look of its own.
            let holder = alone.iter().filter(|(at, _)| inside(one.0, at).is_some()).min_by_key(|(at, _)| at.len());
            if holder.is_none_or(|holder| holder == one) {
                self.fact((name, create), sides, *one);
            }
        }
    }

    /// Compares what both sides say of one thing.
    fn fact(&mut self, (name, create): (&str, Option<&Described>), sides: [&[Fact]; 2], (place, key): (&str, &str)) {
        let [theirs, ours] = sides;
        let found = sides.map(|rows| find(rows, place, key));
        let [wanted, sent] = found.each_ref().map(|rows| rows.iter().map(|row| &*row.value).collect::<IndexSet<_>>());
        let [new, gone] = [(&wanted, &sent), (&sent, &wanted)].map(|(all, rest)| Vec::from_iter(all - rest));
        let is_required = find(theirs, place, "required").iter().any(|row| row.value == ALWAYS);
        let agrees = match key {
            "x-media" => true,
            // The schemas describe bodies only.
            "parameter" => false,
            // Another alternative is sent where the library lacks what one of them requires.
            "required" if !is_required && find(ours, place, "property").is_empty() => true,
            "required" => new.is_empty() || sent.contains(ALWAYS),
            "type" if wanted.is_empty() => true,
            "type" => !sent.is_empty() && gone.iter().all(|one| *one == "integer" && wanted.contains("number")),
            "enum" => gone.is_empty() && (new.is_empty() || found[1].iter().any(|row| row.is_open)),
            // Schemas of nothing state the least there can be.
            _ if wanted.is_empty() => key.starts_with("min") && gone == ["0"],
            _ => gone.is_empty() && !sent.is_empty(),
        };
        let line = |rows: &[Fact]| {
            let near = rows.iter().filter(|row| WHOLE.contains(&&*row.key) && inside(place, &row.place).is_some());
            let row = find(rows, place, key).first().copied().or(near.max_by_key(|row| row.place.len()));
            row.map(|row| row.source.to_string())
        };
        let lines = sides.into_iter().filter_map(line).collect::<Vec<_>>().join(": ");
        let file = match (key, create) {
            ("enum", _) => "src/values.rs".to_owned(),
            ("parameter", _) => "src/client.rs".to_owned(),
            (_, Some(create)) => create.file(|word| key != "required" && !find(ours, place, word).is_empty()),
            (_, None) => roots::PATCHES.to_owned(),
        };
        let is_new = matches!(key, "property" | "alternative") && found[1].is_empty() && !is_required;
        let may_follow = is_new || (key == "enum" && agrees && !new.is_empty());
        let sides = [("document", new), ("library", gone)].into_iter().filter(|(_, values)| !values.is_empty());
        let sides = sides.map(|(side, values)| format!("only the {side} has {}", values.join(", ")));
        let text = sides.collect::<Vec<_>>().join(", ");
        let suffix = if WHOLE.contains(&key) { String::new() } else { format!("/{key}") };
        let pointer = Some(format!("{place}{suffix}")).filter(|_| key != "operation");
        let is_narrower = narrower(key, &Vec::from_iter(&sent), &Vec::from_iter(&wanted));
        let what = if key == "operation" { name.to_owned() } else { shown(place) };
        let shown = format!("{lines}: {what}{suffix}: {text}");
        if agrees && !may_follow {
            return;
        }
        if let Some(differences) = self.allowed.find(name, pointer.as_deref(), is_narrower) {
            self.exceptions += 1;
            differences.insert(text);
        } else if may_follow {
            self.remarks.push(format!("{shown}; it is sent as it is, {file} may follow"));
        } else {
            let required = if key == "property" && is_required { ", and requires it" } else { "" };
            self.failures.push(format!("{shown}{required}; edit {file}, or {ALLOWED}"));
        }
    }
}

fn stale(path: &Path, name: &str, expected: &str) -> Option<String> {
    let remedy = "run `cargo xtask spec import`; it is never edited by hand";
    let found = match std::fs::read(path) {
        Ok(bytes) if bytes == expected.as_bytes() => return None,
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return Some(format!("{name}:1: cannot be read: {error}; {remedy}")),
    };
    let diff = TextDiff::from_lines(&*found, expected);
    let text = diff.unified_diff().header(name, "what the pages and patches give").to_string();
    // Enough to see what it is; the command to run replaces the rest.
    let lines: Vec<&str> = text.lines().take(200).collect();
    Some(format!("{name}:1: is not what the pages and patches give; {remedy}\n{}", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tree::read;

    const PAGE: &str = "openapi: 3.0.1
paths:
  /v:
    post:
      operationId: create_videos
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                model:
                  type: string
                  description: 'Enum values: one, two'
                images:
                  type: array
                  items:
                    type: object
                    properties: {image: {type: string}}
                    required: [image]
                  description: Supports up to 4 images
                prompt:
                  type: string
                  description: cannot exceed 2500 characters
              required: [model, images]
";
    const SCHEMA: &str = r#"{"type":"object","properties":{
        "model":{"type":"string","x-extensible-enum":["one","two"]},
        "images":{"type":"array","maxItems":4,"items":{"type":"object","properties":{"image":{"type":"string","x-media":"image"}},"required":["image"]}},
        "prompt":{"type":"string","maxLength":2500}},"required":["model","images"]}"#;

    fn found(page: &str, schema: &str, allowed: &str) -> Findings {
        let node = |text: &str, name: &str| read(text, &Arc::from(name), 1).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
        let allowed = Allowed::parse(allowed, "a.yaml").unwrap_or_else(|e| panic!("{e}"));
        let library = [Covered { name: "v".to_owned(), schema: node(schema, "v.json") }];
        compare(&library, &node(page, "p.md"), allowed)
    }

    /// Failures and remarks.
    fn said(page: &str, schema: &str, allowed: &str) -> Vec<String> {
        let found = found(page, schema, allowed);
        let remarks = found.remarks.into_iter().map(|remark| format!("remark: {remark}"));
        found.failures.into_iter().chain(remarks).collect()
    }

    /// A page and a schema with other properties, both as YAML.
    fn bodies(document: &str, library: &str, allowed: &str) -> Vec<String> {
        let post = "post: {operationId: create_v, requestBody: {content: {application/json: {schema: ";
        said(&format!("paths: {{/v: {{{post}{document}}}}}}}}}}}}}"), library, allowed)
    }

    #[test]
    fn a_library_that_says_what_the_document_says_passes() {
        assert_eq!(said(PAGE, SCHEMA, ""), [""; 0]);
    }

    #[test]
    fn a_change_of_the_document_fails_with_the_property_the_line_and_the_file_to_edit() {
        let cases = [
            (
                "              required: [model, images]",
                "                seed: {type: integer}\n              required: [model, images, seed]",
                "p.md:25: v.json:1: seed: only the document has this property, and requires it; edit src/operations/videos.rs, or spec/allowed.yaml",
            ),
            (
                "required: [model, images]",
                "required: [model, images, prompt]",
                "p.md:25: v.json:4: prompt/required: only the document has always; edit src/operations/videos.rs, or spec/allowed.yaml",
            ),
            (
                "properties: {image: {type: string}}",
                "properties: {image: {type: object}}",
                "p.md:19: v.json:3: images[].image/type: only the document has object, only the library has string; edit src/media/mod.rs, or spec/allowed.yaml",
            ),
            (
                "one, two",
                "one",
                "p.md:14: v.json:2: model/enum: only the library has two; edit src/values.rs, or spec/allowed.yaml",
            ),
            (
                "up to 4 images",
                "up to 3 images",
                "p.md:21: v.json:3: images/maxItems: only the document has 3, only the library has 4; edit src/operations/videos.rs, or spec/allowed.yaml",
            ),
            (
                "2500",
                "2000",
                "p.md:24: v.json:4: prompt/maxLength: only the document has 2000, only the library has 2500; edit src/operations/videos.rs, or spec/allowed.yaml",
            ),
            (
                "cannot exceed 2500 characters",
                "'Enum values: a, b. Cannot exceed 2500 characters'",
                "p.md:24: v.json:4: prompt/enum: only the document has a, b; edit src/values.rs, or spec/allowed.yaml",
            ),
            (
                "cannot exceed 2500 characters",
                "long",
                "p.md:22: v.json:4: prompt/maxLength: only the library has 2500; edit src/operations/videos.rs, or spec/allowed.yaml",
            ),
            (
                "requestBody",
                "x-body",
                "p.md:4: v.json:1: the body: only the library has this body; edit src/operations/videos.rs, or spec/allowed.yaml",
            ),
            (
                "      requestBody",
                "      parameters: [{name: page, in: query}]\n      requestBody",
                "p.md:6: v.json:1: POST page: only the document has this parameter; edit src/client.rs, or spec/allowed.yaml",
            ),
        ];
        for (from, to, expected) in cases {
            let page = PAGE.replacen(from, to, 1);
            assert_ne!(page, PAGE);
            assert_eq!(said(&page, SCHEMA, ""), [expected], "{to}");
        }
        let renamed = [
            "p.md:9: v.json:4: prompt: only the library has this property; edit src/operations/videos.rs, or spec/allowed.yaml",
            "remark: p.md:22: v.json:1: text: only the document has this property; it is sent as it is, src/operations/videos.rs may follow",
        ];
        assert_eq!(said(&PAGE.replace("prompt:", "text:"), SCHEMA, ""), renamed);
    }

    #[test]
    fn each_operation_of_the_library_is_in_the_document_and_each_of_the_document_in_the_library() {
        let gone = "v.json:1: v: only the library has this operation; edit spec/patches.yaml, or spec/allowed.yaml";
        let new =
            "p.md:4: w: only the document has this operation; edit src/operations/videos.rs, or spec/allowed.yaml";
        assert_eq!(said(&PAGE.replace("  /v:", "  /w:"), SCHEMA, ""), [gone, new]);
        let get = "get: {operationId: get_w, parameters: [{name: id, in: query}]}";
        let more = format!("{PAGE}  /a/w: {{{get}, post: {{operationId: create_w, parameters: [{{name: x}}]}}}}\n");
        let new = "p.md:26: w: only the document has this operation; edit src/operations/w.rs, or spec/allowed.yaml";
        assert_eq!(said(&more, SCHEMA, ""), [new]);
        let allowed = "- {operation: w, reason: no user has asked for it, source: us}\n";
        assert_eq!(said(&more, SCHEMA, allowed), [""; 0]);
        let obsolete = "a.yaml:1: w: nothing differs any more; edit spec/allowed.yaml: delete the entry";
        assert_eq!(said(PAGE, SCHEMA, allowed), [obsolete]);
    }

    #[test]
    fn hints_for_the_command_and_numbers_in_another_spelling_make_no_difference() {
        let document = "{properties: {scale: {type: number, minimum: 0, maximum: 1}, count: {type: integer}}}";
        let scale = r#"{"type":"number","minimum":0.0,"maximum":1.0,"x-option":"scale","x-group":"look"}"#;
        let count = r#"{"type":"integer","minimum":0}"#;
        assert_eq!(bodies(document, &format!(r#"{{"properties":{{"scale":{scale},"count":{count}}}}}"#), ""), [""; 0]);
    }

    #[test]
    fn what_the_library_passes_through_is_a_remark() {
        let page = PAGE
            .replace("                prompt:", "                seed: {type: integer}\n                prompt:")
            .replace("one, two", "one, two, three");
        let seed = "remark: p.md:22: v.json:1: seed: only the document has this property; it is sent as it is, src/operations/videos.rs may follow";
        let three = "p.md:14: v.json:2: model/enum: only the document has three; ";
        let open = format!("remark: {three}it is sent as it is, src/values.rs may follow");
        assert_eq!(said(&page, SCHEMA, ""), [&open, seed]);
        let closed = format!("{three}edit src/values.rs, or spec/allowed.yaml");
        assert_eq!(said(&page, &SCHEMA.replace("x-extensible-enum", "enum"), ""), [&closed, seed]);
    }

    #[test]
    fn a_difference_needs_a_reason_and_a_reason_a_difference() {
        let schema = SCHEMA.replace(r#""maxLength":2500"#, r#""maxLength":2500,"minLength":1"#);
        let expected = "p.md:22: v.json:4: prompt/minLength: only the library has 1; edit src/operations/videos.rs, or spec/allowed.yaml";
        assert_eq!(said(PAGE, &schema, ""), [expected]);
        let allowed = "- {operation: v, pointer: prompt/minLength, reason: empty is useless, source: us}\n";
        let other = allowed.replace("operation: v", "operation: '*'").replace("empty", "nothing");
        assert_eq!(said(PAGE, &schema, allowed), [""; 0]);
        assert_eq!(said(PAGE, &schema, &other), [""; 0]);
        let obsolete = "v: prompt/minLength: nothing differs any more; edit spec/allowed.yaml: delete the entry";
        assert_eq!(said(PAGE, SCHEMA, allowed), [format!("a.yaml:1: {obsolete}")]);
        let obsolete = obsolete.replacen('v', "*", 1);
        assert_eq!(said(PAGE, &schema, &format!("{allowed}{other}")), [format!("a.yaml:2: {obsolete}")]);
    }

    #[test]
    fn a_narrower_library_is_allowed_where_it_says_so_and_no_other_one() {
        let limit = |key: &str, value: &str| match value {
            "" => "{properties: {a: {type: string}}}".to_owned(),
            value => format!("{{properties: {{a: {{type: string, {key}: {value}}}}}}}"),
        };
        // What the document and the library have, and whether the library allows less.
        for (key, document, library, is_narrower) in [
            ("maxLength", "9", "8", true),
            ("maxLength", "9", "10", false),
            ("maxLength", "9", "", false),
            ("maxLength", "", "9", true),
            ("minLength", "2", "3", true),
            ("minLength", "2", "1", false),
            ("x-max-ratio", "", "2.5", true),
            ("enum", "[a, b]", "[b]", true),
            ("enum", "[a, b]", "[b, c]", false),
            ("enum", "[a, b]", "", false),
            ("enum", "", "[a]", true),
            ("pattern", "x", "y", false),
        ] {
            let any = format!("- {{operation: v, pointer: a/{key}, reason: r, source: s}}\n");
            let narrower = any.replace("reason", "narrower: true, reason");
            let [document, library] = [document, library].map(|value| limit(key, value));
            assert_eq!(bodies(&document, &library, "").len(), 1, "{document} {library}");
            assert_eq!(bodies(&document, &library, &any).len(), 0, "{document} {library}");
            assert_eq!(bodies(&document, &library, &narrower).is_empty(), is_narrower, "{document} {library}");
        }
    }

    #[test]
    fn alternatives_are_compared_by_content_and_a_library_without_any_sends_one_of_them() {
        let url = "{type: object, required: [url], properties: {url: {type: string, maxLength: 9}}}";
        let one = |schema: &str| format!("{{properties: {{a: {schema}}}}}");
        let both = one(&format!("{{oneOf: [{{type: string}}, {url}]}}"));
        let swapped = one(&format!("{{anyOf: [{url}, {{type: string}}, {{type: 'null'}}]}}"));
        let longer = swapped.replace('9', "10");
        let limit = "a|url.url/maxLength: only the document has 9, only the library has 10";
        // A library with one type, with a type of its own, and with the properties of all alternatives.
        let (text, number) = (one("{type: string}"), one("{type: number}"));
        let fields = "properties: {p: {type: string}, s: {type: array}}";
        let either = format!("{{type: object, {fields}, oneOf: [{{required: [p]}}, {{required: [s]}}]}}");
        let [always, never] = [", required: [p]}", "}"].map(|end| format!("{{type: object, {fields}{end}"));
        let some = |name: &str| format!("{name}/required: only the document has in some alternatives");
        let everywhere = either.replace("[s]", "[s, p]");
        let shot = "{type: object, properties: {p: {type: string}}}";
        for (document, library, expected) in [
            (&both, &swapped, vec![]),
            (&both, &longer, vec![limit.to_owned()]),
            (&both, &text, vec!["remark: a.url: only the document has this property".to_owned()]),
            (
                &both,
                &number,
                vec![
                    "a/type: only the document has string, object, only the library has number".to_owned(),
                    "remark: a.url: only the document has this property".to_owned(),
                ],
            ),
            (
                &text,
                &both,
                vec![
                    "a/type: only the library has object".to_owned(),
                    "a.url: only the library has this property".to_owned(),
                ],
            ),
            (&either, &either, vec![]),
            (&either, &always, vec![some("s")]),
            (&either, &never, vec![some("p"), some("s")]),
            (&everywhere, &never, vec!["p/required: only the document has always".to_owned(), some("s")]),
            (&never, &either, vec![]),
            (&either, &shot.to_owned(), vec![some("p"), "remark: s: only the document has this property".to_owned()]),
        ] {
            let found = bodies(document, library, "");
            let short = |text: &String| {
                let text = text.replace("p.md:1: ", "").replace("v.json:1: ", "");
                text.split(';').next().unwrap_or_default().to_owned()
            };
            let mut found: Vec<String> = found.iter().map(short).collect();
            found.sort();
            let mut expected = expected;
            expected.sort();
            assert_eq!(found, expected, "{document}\n{library}");
        }
    }

    #[test]
    fn the_text_counts_the_facts_and_lists_the_exceptions_alone() {
        let schema = SCHEMA.replace(r#""maxLength":2500"#, r#""maxLength":2500,"minLength":1"#);
        let page = format!("{PAGE}  /w: {{post: {{operationId: create_w}}}}\n");
        let allowed = "- {operation: v, pointer: prompt/minLength, reason: a|b, source: us}\n- {operation: w, reason: none, source: us}\n";
        let coverage = found(&page, &schema, allowed).coverage;
        let expected = "- `v`: 19 facts, 1 exceptions
- `w`: 1 facts, described, not covered

| operation | what | difference | why |
|---|---|---|---|
| v | `prompt/minLength` | only the library has 1 | a\\|b (us) |
| w | `` | only the document has this operation | none (us) |
";
        assert_eq!(coverage, expected);
        let [begin, end] = MARKS;
        let text = written(&format!("before\n{begin}\nold\n{end}\nafter\n"), &coverage).unwrap_or_default();
        assert_eq!(text, format!("before\n{begin}\n\n{coverage}\n{end}\nafter\n"));
        assert_eq!(written(&text, &coverage).as_deref(), Ok(&*text));
        assert!(written("no marks", &coverage).is_err());
    }

    #[test]
    fn a_document_that_is_not_current_is_shown_with_its_difference_and_the_command() {
        let path = std::env::temp_dir().join(format!("xtask-check-{}.yaml", std::process::id()));
        assert!(std::fs::write(&path, "a: 1\nb: 2\n").is_ok());
        let same = stale(&path, "openapi.yaml", "a: 1\nb: 2\n");
        let found = stale(&path, "openapi.yaml", "a: 1\nb: 3\n").unwrap_or_default();
        let _ = std::fs::remove_file(&path);
        assert_eq!(same, None);
        assert!(
            found.starts_with("openapi.yaml:1: is not what the pages and patches give; run `cargo xtask spec import`"),
            "{found}"
        );
        assert!(found.contains("\n-b: 2\n+b: 3"), "{found}");
        assert!(stale(&path, "openapi.yaml", "").is_some_and(|text| text.contains("cannot be read")));
    }
}
