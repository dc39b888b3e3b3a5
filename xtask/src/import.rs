//! From pages to the document: the steps in their order, and the text of `openapi.yaml`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::emit::emit;
use crate::error::{Error, Result};
use crate::merge::{Source, merge};
use crate::names::spaced;
use crate::page::{self, Page};
use crate::patch::{self, Patches, Problem};
use crate::repair::{self, Repair, Repaired};
use crate::roots;
use crate::rules::{self, Note, Notes};
use crate::tree::Node;

/// What an import gives.
#[derive(Debug)]
pub struct Imported {
    /// The pages and descriptions, in the order in which they were named.
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

/// Imports what is in spec/vendor and spec/operations, with the patches.
pub(crate) fn import_all(root: &Path) -> Result<Imported> {
    import(root, &roots::sources(root)?, Some(&root.join(roots::PATCHES)))
}

/// Imports pages, descriptions, and folders of them, with patches or without. Stops at a page that is refused, a clash
/// between pages, a guard that fails.
pub fn import(root: &Path, paths: &[PathBuf], patches: Option<&Path>) -> Result<Imported> {
    let pages = named(root, paths)?.iter().map(|(path, name)| page::open(path, name)).collect::<Result<Vec<_>>>()?;
    let patches = patches.map(|path| patch::read_file(path, &roots::shown(root, path))).transpose()?;
    from_pages(pages, patches.as_ref())
}

/// As [`import`], for pages that were read already.
pub fn from_pages(pages: Vec<Page>, patches: Option<&Patches>) -> Result<Imported> {
    let Mended { document, repairs, mut notes, problems } = mended(&pages, patches)?;
    if !problems.is_empty() {
        let failures: Vec<String> = problems.into_iter().map(|problem| problem.text).collect();
        return Err(Error::Failed(failures.join("\n")));
    }
    let mut finished = document.clone();
    rules::finish(&mut finished, &mut notes)?;
    // Whatever a page may hold, what is written is a document that generators can read.
    serde_json::from_value::<openapiv3::OpenAPI>(finished.to_json()).map_err(|error| {
        let reason = format_args!("the merged document is no OpenAPI 3.0 document: {error}");
        Error::refused(&finished.place, reason)
    })?;
    let text = head(&pages) + &emit(&finished);
    Ok(Imported { pages, repairs, notes: notes.sorted(), document, text })
}

/// The pages as one document that rules have mended.
#[derive(Debug)]
pub(crate) struct Mended {
    /// The document, with every patch that could be applied.
    pub(crate) document: Node,
    repairs: Vec<Repair>,
    notes: Notes,
    /// The patches that could not be applied.
    pub(crate) problems: Vec<Problem>,
}

/// Reads, merges, mends and patches pages.
pub(crate) fn mended(pages: &[Page], patches: Option<&Patches>) -> Result<Mended> {
    let (mut notes, mut repairs, mut sources) = (Notes::default(), Vec::new(), Vec::new());
    let mut problems = patches.map(|patches| patches.pageless(pages)).unwrap_or_default();
    let mut patch = |page: Option<&str>, root: &mut Node| {
        problems.extend(patches.map(|patches| patches.apply(page, root)).unwrap_or_default());
    };
    for page in pages {
        let Repaired { mut root, repairs: more } = repair::read_page(page)?;
        repairs.extend(more);
        let rules = if page.published { rules::page } else { rules::form };
        rules(&mut root, &mut notes)?;
        patch(Some(&page.name), &mut root);
        spaced(&mut root);
        sources.push(Source { root, published: page.published });
    }
    let mut document = merge(sources, &mut notes)?;
    rules::document(&mut document, &mut notes);
    patch(None, &mut document);
    Ok(Mended { document, repairs, notes, problems })
}

/// The pages with the names that messages and the head show: they do not depend on how a path was spelled.
fn named(root: &Path, paths: &[PathBuf]) -> Result<Vec<(PathBuf, String)>> {
    let mut seen: HashSet<PathBuf> = HashSet::new();
    let mut named = Vec::new();
    for path in paths {
        let folder = path.is_dir();
        let pages = if folder { roots::documents_in(path, &roots::shown(root, path))? } else { vec![path.clone()] };
        for path in pages {
            let name = roots::shown(root, &path);
            if !seen.insert(std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone())) {
                return Err(Error::refused(format_args!("{name}:1"), "the page is named twice; name it once"));
            }
            named.push((path, name));
        }
    }
    Ok(named)
}

fn head(pages: &[Page]) -> String {
    let pages: String = pages.iter().map(|page| format!("#   {}\n#     {}\n", page.name, page.sha256)).collect();
    let what =
        "# Written by `cargo xtask spec import`; do not edit.\n#\n# Pages and descriptions, with the SHA-256 of each:";
    format!("{what}\n{pages}\n")
}
