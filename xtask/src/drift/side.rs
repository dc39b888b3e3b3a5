//! One side of a comparison: a page, a folder of pages, or an OpenAPI file, read by the reader that imports pages.
//!
//! Here documents stay as published: the rules that mend a document for the generator would hide changes that matter.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::compare::Operation;
use crate::error::{Error, Result};
use crate::merge::{Source, merge};
use crate::page::{self, Page};
use crate::repair::{self, Repair};
use crate::roles::METHODS;
use crate::roots;
use crate::rules::{self, Note, Notes};
use crate::tree::Node;

/// One document of a side: where it was read, its text, the document as published, what had to be repaired, and what was
/// read as what it was meant to be.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    pub(crate) path: PathBuf,
    pub(crate) page: Page,
    pub(crate) root: Node,
    pub(crate) repairs: Vec<Repair>,
    pub(crate) notes: Vec<Note>,
}

/// A side: its documents, and whether a folder was named, so that a document that is gone is missed.
#[derive(Debug, Clone)]
pub struct Side {
    pub(crate) sheets: Vec<Sheet>,
    pub(crate) folder: bool,
}

/// Reads a side: pages, OpenAPI files, and folders of them. What is no such document is refused in one line.
pub fn read(root: &Path, paths: &[PathBuf]) -> Result<Side> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(roots::documents_in(path, &roots::shown(root, path))?);
        } else {
            files.push(path.clone());
        }
    }
    let sheets = files.iter().map(|file| sheet(root, file)).collect::<Result<Vec<_>>>()?;
    Ok(Side { sheets, folder: paths.iter().any(|path| path.is_dir()) })
}

impl Side {
    /// All documents as one, unless two describe the same thing.
    pub(super) fn document(&self) -> Result<Node> {
        let source = |sheet: &Sheet| Source { root: sheet.root.clone(), published: sheet.page.published };
        merge(self.sheets.iter().map(source).collect(), &mut Notes::default())
    }

    /// The documents that describe an operation of another one, and the rest.
    pub(crate) fn about(&self, other: &Sheet) -> (Self, Self) {
        let wanted = other.keys();
        let (near, far) = self.sheets.iter().cloned().partition(|sheet| !sheet.keys().is_disjoint(&wanted));
        let side = |sheets| Self { sheets, folder: self.folder };
        (side(near), side(far))
    }
}

impl Sheet {
    /// What tells this document from others: the ids and the addresses of its operations.
    fn keys(&self) -> BTreeSet<String> {
        let of = |(operation, node): (Operation, &Node)| [Some(operation.to_string()), api_id(node)];
        self.operations().flat_map(of).flatten().collect()
    }

    /// The operations that it describes.
    pub(super) fn operations(&self) -> impl Iterator<Item = (Operation, &Node)> {
        self.root.get("paths").and_then(Node::map).into_iter().flatten().flat_map(|(path, item)| {
            let methods = item.map().into_iter().flatten().filter(|(key, _)| METHODS.contains(&key.as_str()));
            methods.map(|(method, node)| (Operation { method: method.to_uppercase(), path: path.clone() }, node))
        })
    }

    /// The folder in which it is published, which tells languages apart, or else the summary of its first operation, or else
    /// the name of the file.
    pub(super) fn title(&self) -> String {
        let text =
            |key| self.operations().find_map(|(_, node)| node.get_text(key)).filter(|text| !text.trim().is_empty());
        text("x-apifox-folder").or_else(|| text("summary")).unwrap_or(&self.page.name).to_owned()
    }
}

/// The id under which the vendor's tool keeps an operation, whatever its address: in the link that runs it.
pub(super) fn api_id(operation: &Node) -> Option<String> {
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
