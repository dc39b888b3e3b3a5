//! One side of a comparison: a page, a folder of pages, or an OpenAPI file, read by the reader that imports pages.
//!
//! Here documents stay as published: the rules that mend a document for the generator would hide changes that matter.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::merge::{Source, merge};
use crate::page::{self, Page};
use crate::repair::{self, Repair};
use crate::roles::METHODS;
use crate::roots;
use crate::rules::{self, Note, Notes};
use crate::tree::Node;

/// One document of a side.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Where it was read.
    pub path: PathBuf,
    /// The text.
    pub page: Page,
    /// The document, as published.
    pub root: Node,
    /// What had to be repaired.
    pub repairs: Vec<Repair>,
    /// What was read as what it was meant to be.
    pub notes: Vec<Note>,
}

/// A side.
#[derive(Debug, Clone)]
pub struct Side {
    /// Its documents, sorted by name.
    pub sheets: Vec<Sheet>,
    /// Whether a folder was named, so that a document that is gone is missed.
    pub folder: bool,
}

/// Reads a side.
///
/// # Errors
/// What is no such document, in one line.
pub fn read(root: &Path, path: &Path) -> Result<Side> {
    if !path.is_dir() {
        return Ok(Side { sheets: vec![sheet(root, path)?], folder: false });
    }
    let name = roots::shown(root, path);
    let pages = roots::documents_in(path, &name)?;
    let sheets = pages.iter().map(|page| sheet(root, page)).collect::<Result<Vec<_>>>()?;
    Ok(Side { sheets, folder: true })
}

impl Side {
    /// All documents as one.
    ///
    /// # Errors
    /// Two documents that describe the same thing.
    pub fn document(&self) -> Result<Node> {
        let source = |sheet: &Sheet| Source { root: sheet.root.clone(), published: sheet.page.published };
        merge(self.sheets.iter().map(source).collect(), &mut Notes::default())
    }

    /// Of a folder, the pages that a single newer page can be the successor of; all, when it is none's.
    #[must_use]
    pub fn about(&self, other: &Side) -> (Self, Vec<Sheet>) {
        let wanted: BTreeSet<String> = other.sheets.iter().flat_map(Sheet::keys).collect();
        let (near, far): (Vec<Sheet>, Vec<Sheet>) =
            self.sheets.iter().cloned().partition(|sheet| sheet.keys().iter().any(|key| wanted.contains(key)));
        if near.is_empty() {
            return (self.clone(), Vec::new());
        }
        (Self { sheets: near, folder: self.folder }, far)
    }
}

impl Side {
    /// Whether both describe some operation.
    #[must_use]
    pub fn shares(&self, other: &Side) -> bool {
        let wanted: BTreeSet<String> = other.sheets.iter().flat_map(Sheet::keys).collect();
        self.sheets.iter().any(|sheet| sheet.keys().iter().any(|key| wanted.contains(key)))
    }
}

impl Sheet {
    /// What tells this document from others: the ids and the addresses of its operations.
    fn keys(&self) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for (path, item) in self.root.get("paths").and_then(Node::map).into_iter().flatten() {
            for (method, node) in item.map().into_iter().flatten().filter(|(key, _)| METHODS.contains(&key.as_str())) {
                keys.insert(format!("{method} {path}"));
                keys.extend(api_id(node));
            }
        }
        keys
    }
}

/// The id under which the vendor's tool keeps an operation, whatever its address: in the link that runs it.
#[must_use]
pub fn api_id(operation: &Node) -> Option<String> {
    let link = operation.get_text("x-run-in-apifox")?;
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let id = link.split("api-").skip(1).map(digits).find(|id| !id.is_empty());
    Some(format!("apifox {}", id.unwrap_or_else(|| link.trim().to_owned())))
}

fn sheet(root: &Path, path: &Path) -> Result<Sheet> {
    let name = roots::shown(root, path);
    let page = page::open(path, &name)?;
    let repaired = repair::read_page(&page)?;
    let mut notes = Notes::default();
    let mut document = repaired.root;
    if page.published {
        rules::page(&mut document, &mut notes)?;
    } else {
        if document.get("paths").is_none() {
            return Err(Error::refused(&document.place, "no `paths`; expected an OpenAPI 3.0 document"));
        }
        rules::form(&mut document, &mut notes)?;
    }
    Ok(Sheet { path: path.to_path_buf(), page, root: document, repairs: repaired.repairs, notes: notes.sorted() })
}
