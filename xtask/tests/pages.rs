//! Proves that pages of the publisher's kind, with every defect we could think of, become one document that generates.
//!
//! The pages in `pages/` are our own: English and Chinese, one operation a page or several, as such pages are exported.

use std::path::{Path, PathBuf};

use xtask::import::{Imported, import};

#[expect(dead_code, reason = "the build script's own `main` runs in the library's build only")]
#[path = "../../build.rs"]
mod build_script;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn pages() -> Vec<PathBuf> {
    let folder = root().join("xtask/tests/pages");
    let mut pages: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|e| Some(e.ok()?.path())).collect();
    pages.sort();
    pages
}

fn imported(pages: &[PathBuf]) -> Imported {
    import(&root(), pages, None).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn all_pages_merged_become_one_document_that_generates() {
    let imported = imported(&pages());
    let rust = build_script::generate(&imported.text).unwrap_or_else(|error| panic!("{error}"));
    assert!(syn::parse_file(&rust).is_ok());
    if let Some(file) = std::env::var_os("XTASK_TEST_KEEP") {
        std::fs::write(file, rust).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn every_page_generates_by_itself() {
    for page in pages() {
        let imported = imported(std::slice::from_ref(&page));
        build_script::generate(&imported.text).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    }
}

#[test]
fn every_property_of_a_page_with_defects_in_brackets_is_there() {
    let page = root().join("xtask/tests/pages/14-speech.md");
    let imported = imported(std::slice::from_ref(&page));
    let schema = imported.document.to_json();
    let body = "/paths/~1kling~1v1~1audios~1speech/post/requestBody/content/application~1json/schema/properties";
    let kinds: Vec<_> = ["text", "speed", "title"].map(|name| schema.pointer(&format!("{body}/{name}/type"))).into();
    assert_eq!(kinds, [Some(&"string".into()), Some(&"number".into()), Some(&"string".into())]);
    let lines: Vec<_> = imported.repairs.iter().map(|repair| repair.place.line).collect();
    assert_eq!(lines, [14, 15, 22, 24, 28]);
}
