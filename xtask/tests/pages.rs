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
