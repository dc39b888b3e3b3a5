//! From pages to the document: the steps in their order, and the text of `openapi.yaml`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::emit::emit;
use crate::error::{Error, Result};
use crate::page::{self, Page};
use crate::patch;
use crate::repair::{self, Repair};
use crate::rules::{self, Note, Notes};
use crate::tree::Node;
use crate::{merge, roots};

/// What an import gives.
#[derive(Debug)]
pub struct Imported {
    /// The pages, in the order in which they were merged.
    pub pages: Vec<Page>,
    /// What had to be repaired before a page could be read.
    pub repairs: Vec<Repair>,
    /// What the rules changed.
    pub notes: Vec<Note>,
    /// The merged, mended and patched document; schemas stand where they are used, texts are as published.
    pub document: Node,
    /// The whole text of `openapi.yaml`.
    pub text: String,
}

/// Imports pages, with patches or without.
///
/// # Errors
/// A page that is refused, a clash between pages, a guard that fails.
pub fn import(root: &Path, pages: &[PathBuf], patches: Option<&Path>) -> Result<Imported> {
    let pages =
        named(root, pages)?.into_iter().map(|(path, name)| page::read(&path, &name)).collect::<Result<Vec<_>>>()?;
    let patches = patches.map(|path| patch::read_file(path, &roots::shown(root, path))).transpose()?;
    from_pages(pages, patches.as_ref())
}

/// Imports pages that were read already.
///
/// # Errors
/// As for [`import`].
pub fn from_pages(pages: Vec<Page>, patches: Option<&patch::Patches>) -> Result<Imported> {
    let Mended { mut document, repairs, mut notes } = mended(&pages)?;
    if let Some(patches) = patches {
        patches.apply(&mut document)?;
    }
    let mut finished = document.clone();
    rules::finish(&mut finished, &mut notes)?;
    usable(&finished)?;
    let text = head(&pages) + &emit(&finished);
    Ok(Imported { pages, repairs, notes: notes.sorted(), document, text })
}

/// The pages as one document that rules have mended, before any patch.
#[derive(Debug)]
pub struct Mended {
    /// The document that patches apply to.
    pub document: Node,
    /// What had to be repaired before a page could be read.
    pub repairs: Vec<Repair>,
    /// What the rules changed.
    pub notes: Notes,
}

/// Reads, merges and mends pages.
///
/// # Errors
/// A page that is refused, a clash between pages.
pub fn mended(pages: &[Page]) -> Result<Mended> {
    let mut notes = Notes::default();
    let mut repairs = Vec::new();
    let mut roots = Vec::new();
    for page in pages {
        let mut repaired = repair::read_page(page)?;
        rules::page(&mut repaired.root, &mut notes)?;
        repairs.append(&mut repaired.repairs);
        roots.push(repaired.root);
    }
    let mut document = merge::merge(roots)?;
    rules::document(&mut document, &mut notes)?;
    Ok(Mended { document, repairs, notes })
}

/// The pages with the names that messages and the head show: they do not depend on how a path was spelled.
fn named(root: &Path, pages: &[PathBuf]) -> Result<Vec<(PathBuf, String)>> {
    let mut seen: HashMap<PathBuf, usize> = HashMap::new();
    let mut named = Vec::new();
    for path in pages {
        let name = roots::shown(root, path);
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if seen.insert(real, named.len()).is_some() {
            return Err(Error::refused(format_args!("{name}:1"), "the page is named twice; name it once"));
        }
        named.push((path.clone(), name));
    }
    Ok(named)
}

/// The last word: whatever a page may hold, what is written is a document that generators can read.
fn usable(document: &Node) -> Result<()> {
    match serde_json::from_value::<openapiv3::OpenAPI>(document.to_json()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::refused(
            &document.place,
            format_args!("what came of the pages is no OpenAPI 3.0 document: {error}"),
        )),
    }
}

fn head(pages: &[Page]) -> String {
    let mut head =
        String::from("# Written by `cargo xtask spec import`; do not edit.\n#\n# Pages, with the SHA-256 of each:\n");
    for page in pages {
        head.push_str(&format!("#   {}\n#     {}\n", page.name, page.sha256));
    }
    head.push('\n');
    head
}
