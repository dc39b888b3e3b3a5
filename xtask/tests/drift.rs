//! Proves what `spec drift` reports of pages beside what this repository knows: of a vendored page what changed, of an operation
//! that is described here what contradicts the description, and of both nothing that is expected.

use std::path::{Path, PathBuf};

use xtask::compare::Level::{Additive, Breaking, Warning};
use xtask::drift::{Question, Report, drift};

/// A vendored page, with places for what the tests change.
const PAGE: &str = "# Effects

```yaml
openapi: 3.0.1
info: {title: '', version: 1.0.0}
paths:
  /kling/v1/videos/effects:
    post:
      summary: Effects
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                scene: {type: string, description: 'Enum values: hug, kiss'}
              required: [scene]
      responses: {'200': {description: ''}}
      security: [{bearer: []}]
      x-run-in-apifox: https://app.apifox.com/web/project/1/apis/api-1-run
servers: [{url: 'https://one.example'}]
```
";

/// A page of an operation that is described here.
const OTHER: &str = "# Dance

```yaml
openapi: 3.0.1
info: {title: '', version: 1.0.0}
paths:
  /kling/v1/videos/dance:
    post:
      summary: Dance
      parameters:
        - {name: Authorization, in: header, schema: {type: string}}
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                mode: {type: string, description: 'Enum values: std, pro'}
                steps: {type: integer}
                prompt: {type: string, description: cannot exceed 2500 characters}
              required: [mode, prompt]
      responses: {'200': {description: '', content: {application/json: {schema: {type: object, properties: {}}}}}}
      security: [{bearer: []}]
servers: [{url: 'https://one.example'}]
```
";

/// What we know of it: more than its page.
const DESCRIBED: &str = "openapi: 3.0.3
info: {title: Dance, version: 1.0.0}
security: [{bearer: []}]
paths:
  /kling/v1/videos/dance:
    post:
      summary: Make someone dance
      x-vendor-required: [prompt]
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [mode]
              properties:
                mode: {type: string, enum: [std, pro]}
                steps: {type: integer, minimum: 1, maximum: 9}
                prompt: {type: string, maxLength: 2500}
                seed: {type: integer}
      responses:
        '200':
          description: The task
          content: {application/json: {schema: {type: object, properties: {code: {type: integer}}}}}
    get:
      summary: List tasks
      responses: {'200': {description: The tasks}}
";

/// A newer page: its name, its text, and what is replaced in that.
type Newer<'t> = (&'t str, &'t str, &'t [(&'t str, &'t str)]);

struct Repository(PathBuf);

impl Repository {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("xtask-drift-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let repository = Self(path);
        repository.write("spec/vendor/effects.md", PAGE);
        repository.write("spec/operations/dance.yaml", DESCRIBED);
        repository
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap_or_else(|error| panic!("{error}"));
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{error}"));
        path
    }

    /// The drift of pages, each with replacements in a text.
    fn drift(&self, pages: &[Newer<'_>]) -> Report {
        let pages = pages.iter().map(|(name, text, changes)| self.write(name, &changed(text, changes))).collect();
        self.run(pages)
    }

    fn run(&self, revision: Vec<PathBuf>) -> Report {
        let question = Question { base: None, revision, show_text: false };
        drift(&self.0, &question).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn changed(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the mutation misses: {from}");
        text.replacen(from, to, 1)
    })
}

fn rows(report: &Report) -> Vec<(&str, &str, Option<&str>, Option<&str>)> {
    report.changes.iter().map(|e| (&*e.id, &*e.pointer, e.before.as_deref(), e.after.as_deref())).collect()
}

#[test]
fn where_our_description_knows_more_the_silence_of_a_page_is_no_drift() {
    let report = Repository::new("silent").drift(&[("dance.md", OTHER, &[])]);
    assert_eq!(rows(&report), []);
}

#[test]
fn what_a_page_states_otherwise_than_our_description_is_drift() {
    for (from, to, expected, level) in [
        ("std, pro", "std, pro, max", ("value-added", "mode", None, Some("max")), Additive),
        ("std, pro", "std", ("value-missing", "mode", Some("pro"), None), Warning),
        ("type: integer", "type: number", ("type-differs", "steps", Some("integer"), Some("number")), Breaking),
        ("2500", "500", ("limit-differs", "prompt", Some("maxLength 2500"), Some("maxLength 500")), Warning),
        ("2500", "3000", ("limit-differs", "prompt", Some("maxLength 2500"), Some("maxLength 3000")), Additive),
        (
            "mode: {",
            "pace: {type: string}\n                mode: {",
            ("property-unknown", "pace", None, None),
            Additive,
        ),
        ("required: [mode", "required: [steps, mode", ("required-added", "steps", None, None), Breaking),
        ("security: [{bearer: []}]", "security: []", ("security-missing", "security", Some("a key"), None), Warning),
        (
            "properties: {}",
            "properties: {extra: {type: string}}",
            ("property-unknown", "POST 200.extra", None, None),
            Additive,
        ),
        (
            "parameters:\n",
            "parameters:\n        - {name: dry, in: query, schema: {type: boolean}}\n",
            ("property-unknown", "POST dry", None, None),
            Additive,
        ),
    ] {
        let report = Repository::new("otherwise").drift(&[("dance.md", OTHER, &[(from, to)])]);
        assert_eq!(rows(&report), [expected], "{to}");
        let entry = report.changes.first().unwrap_or_else(|| panic!("{to}"));
        assert_eq!((entry.level, entry.page.as_deref()), (level, Some("Dance")), "{to}");
        assert!(
            entry.line > 1 && entry.meaning.starts_with("spec/operations/dance.yaml: follow the page"),
            "{entry:?}"
        );
    }
    let both =
        [("mode: {", "pace: {type: string}\n                mode: {"), ("required: [mode", "required: [pace, mode")];
    let report = Repository::new("both").drift(&[("dance.md", OTHER, &both)]);
    assert_eq!(rows(&report), [("required-unknown", "pace", None, None)]);
}

#[test]
fn of_the_pages_compared_a_missing_row_and_an_extra_one_are_reported_and_an_expected_one_is_counted() {
    let repository = Repository::new("expected");
    let row = "- {page: [Dance, 跳舞], operation: create_dance, pointer: mode, kind: value-added, value: [max, min], reason: seen}\n";
    repository.write("spec/accepted.yaml", row);
    let both = ("std, pro", "std, pro, max, min");
    let report = repository.drift(&[("dance.md", OTHER, &[both])]);
    assert_eq!((rows(&report), report.counts.accepted), (vec![], 2));
    // The page in the other language is not among those compared.
    let report = repository.drift(&[("dance.md", OTHER, &[("std, pro", "std, pro, max, new")])]);
    assert_eq!(
        rows(&report),
        [
            ("expected-row-missing", "", Some("Dance create_dance mode value-added min"), None),
            ("value-added", "mode", None, Some("new")),
        ]
    );
    assert_eq!(report.counts.accepted, 1);
    let report = repository.drift(&[("effects.md", PAGE, &[])]);
    assert_eq!((rows(&report), report.counts.accepted), (vec![], 0));
}

#[test]
fn a_vendored_page_is_compared_with_itself_and_another_server_is_one_change_of_the_run() {
    let repository = Repository::new("vendored");
    let server = ("https://one.example", "https://two.example");
    let report = repository.drift(&[
        ("effects.md", PAGE, &[("hug, kiss", "hug, kiss, wave"), server]),
        ("dance.md", OTHER, &[server]),
        ("new.md", OTHER, &[("videos/dance", "videos/sing"), server]),
    ]);
    let ids: Vec<_> = report.changes.iter().map(|entry| (&*entry.id, entry.level, entry.page.as_deref())).collect();
    assert_eq!(
        ids,
        [
            ("api-server-changed", Warning, None),
            ("prose-enum-value-added", Warning, Some("Effects")),
            ("endpoint-added", Additive, Some("Dance")),
        ],
        "{:#?}",
        report.changes
    );
    let report = repository.drift(&[("effects.md", PAGE, &[])]);
    assert_eq!(rows(&report), []);
}

#[test]
fn a_vendored_page_that_a_folder_lacks_is_gone_and_a_single_page_misses_none() {
    let repository = Repository::new("gone");
    let page = repository.write("pages/dance.md", OTHER);
    let report = repository.run(vec![repository.0.join("pages")]);
    let operation = Some("POST /kling/v1/videos/effects");
    assert_eq!(rows(&report), [("api-path-removed-without-deprecation", "", operation, None)]);
    assert_eq!(rows(&repository.run(vec![page])), []);
}

#[test]
fn a_stale_patch_hides_no_other_one() {
    let repository = Repository::new("patches");
    let action = |summary: &str, title: &str| {
        format!(
            "  - target: $.paths['/kling/v1/videos/effects'].post\n    x-page: effects.md\n    x-reason: a reason\n    \
             x-expect: {{value: {{summary: {summary}}}}}\n    update: {{x-title: {title}}}\n"
        )
    };
    let patches = format!("overlay: 1.0.0\nactions:\n{}{}", action("Gone", "one"), action("Effects", "two"));
    repository.write("spec/patches.yaml", &patches);
    let ids = |changes: &[(&str, &str)]| -> Vec<String> {
        let report = repository.drift(&[("newer.md", PAGE, changes)]);
        report.changes.iter().map(|entry| format!("{} {:?}", entry.id, entry.level)).collect()
    };
    assert_eq!(ids(&[]), [""; 0]);
    assert_eq!(ids(&[("summary: Effects", "summary: Special effects")]), ["patch-failed Breaking"]);
    assert_eq!(ids(&[("summary: Effects", "summary: Effects\n      x-title: two")]), ["patch-obsolete Breaking"]);
}

#[test]
fn changes_are_ordered_by_operation_the_gravest_first() {
    let report = Repository::new("order").drift(&[
        ("new.md", OTHER, &[("videos/dance", "videos/sing")]),
        ("effects.md", PAGE, &[("hug, kiss", "hug, kiss, wave")]),
        ("dance.md", OTHER, &[("std, pro", "std, pro, max"), ("required: [mode", "required: [steps, mode")]),
    ]);
    let ids: Vec<_> = report.changes.iter().map(|entry| &*entry.id).collect();
    assert_eq!(ids, ["required-added", "value-added", "prose-enum-value-added", "endpoint-added"]);
}
