//! Proves that no text of a page becomes code: a page whose texts hold fences, indented blocks and whatever else rustdoc
//! runs or links is imported and generated, its doc comments are given to rustdoc as tests, and nothing ran.

use std::path::{Path, PathBuf};
use std::process::Command;

use xtask::import::from_pages;
use xtask::page;

#[expect(dead_code, reason = "the build script's own `main` runs in the library's build only")]
#[path = "../../build.rs"]
mod build_script;

/// What a page would run, in each form in which rustdoc might run it. `FILE` is the file it writes.
const ATTACKS: [&str; 8] = [
    "Text.\n\n    std::fs::write(FILE, \"x\").unwrap();\n\nMore.",
    "```\nstd::fs::write(FILE, \"x\").unwrap();\n```",
    "~~~\nstd::fs::write(FILE, \"x\").unwrap();\n~~~",
    "\tstd::fs::write(FILE, \"x\").unwrap();",
    "*/\nfn main() { std::fs::write(FILE, \"x\").unwrap(); }\n/*",
    "\"#]\n#[doc = r#\"\n```\nstd::fs::write(FILE, \"x\").unwrap();\n```",
    "</details>\n\n```rust,should_panic\nstd::fs::write(FILE, \"x\").unwrap();\n```",
    "* item\n\n  ```\n  std::fs::write(FILE, \"x\").unwrap();\n  ```",
];

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{error}"));
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A page that has the text wherever a page can have one.
fn hostile(text: &str) -> String {
    let t = serde_json::to_string(text).unwrap_or_default();
    format!(
        "```yaml
openapi: 3.0.1
info: {{title: {t}, description: {t}, termsOfService: {t}, version: {t}}}
tags: [{{name: t, description: {t}}}]
paths:
  /a/{{id}}:
    summary: {t}
    description: {t}
    post:
      summary: {t}
      description: {t}
      parameters:
        - {{name: id, in: path, description: {t}, schema: {{type: string, description: {t}, title: {t}}}}}
        - {{name: q, in: query, description: {t}, schema: {{type: array, items: {{type: string, title: {t}}}}}}}
      requestBody:
        description: {t}
        content:
          application/json:
            schema:
              type: object
              title: {t}
              description: {t}
              example: {t}
              properties:
                a: {{type: string, description: {t}, title: {t}, default: {t}, enum: [{t}], example: {t}}}
                b: {{type: array, description: {t}, items: {{type: object, description: {t}, properties: {{c: {{type: string, description: {t}}}}}}}}}
                c: {{$ref: '#/components/schemas/S'}}
                {t}: {{type: string}}
              required: [{t}, a]
      responses:
        '200': {{description: {t}, content: {{application/json: {{schema: {{type: object, description: {t}}}}}}}}}
components:
  schemas:
    S: {{type: string, description: {t}, title: {t}, enum: [{t}]}}
    T: {{oneOf: [{{type: string, title: {t}, description: {t}}}, {{type: integer}}], description: {t}}}
```
"
    )
}

/// The doc comments of the text, each on an item of its own: what rustdoc looks for tests in, without what it would link.
fn only_docs(rust: &str) -> String {
    let mut out = String::from("#![allow(warnings)]\n");
    let mut open = false;
    let mut items = 0;
    let mut in_block = false;
    for line in rust.lines() {
        let trimmed = line.trim_start();
        let begins = trimmed.starts_with("///") || trimmed.starts_with("#[doc") || trimmed.starts_with("/**");
        let is_doc = in_block || begins;
        if is_doc {
            in_block = (in_block || trimmed.starts_with("/**")) && !line.contains("*/");
            out.push_str(line);
            out.push('\n');
        } else if open {
            items += 1;
            out.push_str(&format!("pub fn item{items}() {{}}\n"));
        }
        open = is_doc;
    }
    out
}

fn run_doc_tests(folder: &Path, rust: &str) -> String {
    let file = folder.join("docs.rs");
    std::fs::write(&file, rust).unwrap_or_else(|error| panic!("{error}"));
    let rustdoc = std::env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into());
    let output = Command::new(rustdoc)
        .args(["--edition", "2024", "--test"])
        .arg(&file)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("rustdoc: {error}"));
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn no_text_of_a_page_runs_as_a_doc_test() {
    let folder = Folder::new("doctests");
    let written = folder.0.join("written");
    let name = format!("{:?}", written.display().to_string());
    let mut all = String::new();
    for attack in ATTACKS {
        let text = hostile(&attack.replace("FILE", &name));
        let page = page::from_bytes(text.as_bytes(), "hostile.md").unwrap_or_else(|error| panic!("{error}"));
        let imported = from_pages(vec![page], None).unwrap_or_else(|error| panic!("{error}"));
        let rust = build_script::generate(&imported.text).unwrap_or_else(|error| panic!("{attack}: {error}"));
        assert!(syn::parse_file(&rust).is_ok());
        let docs = only_docs(&rust);
        assert!(
            docs.contains("std::fs::write"),
            "the text does not reach the generated code: the test proves nothing\n{docs}"
        );
        all.push_str(&format!("pub mod m{} {{\n{docs}\n}}\n", all.len()));
    }
    let found = run_doc_tests(&folder.0, &all.replace("#![allow(warnings)]", ""));
    // The generator's own example is there, and ignored.
    assert!(found.contains("0 passed; 0 failed"), "{found}");
    assert!(!written.exists());
}

/// The same means must find what it looks for.
#[test]
fn the_test_above_would_notice_one_that_runs() {
    let folder = Folder::new("doctests-noticed");
    let written = folder.0.join("written");
    let name = format!("{:?}", written.display().to_string());
    let docs = only_docs(&format!("/// Text.\n///\n///     std::fs::write({name}, \"x\").unwrap();\nstruct A;\n"));
    let found = run_doc_tests(&folder.0, &docs);
    assert!(found.contains("running 1 test") && written.exists(), "{found}");
}
