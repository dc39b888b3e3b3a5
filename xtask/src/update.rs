//! Takes newer pages in one step: import, regenerate, accept the generated text, check, test, report. Whatever fails, the
//! tree is left as it was, byte for byte.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::drift::{Question, Report, Side, drift, read};
use crate::error::{Error, Result};
use crate::import::import_all;
use crate::{check, library, roots};

/// What the tests write when they are told to accept it, and what cargo may: put back when something fails.
const WRITTEN_BY_CARGO: [&str; 2] = ["tests/golden/generated.txt", "Cargo.lock"];

/// One command of cargo, with what it is for.
pub struct Step {
    /// What it does, for messages.
    pub what: &'static str,
    /// Its arguments.
    pub arguments: &'static [&'static str],
    /// Whether tests accept what they find.
    pub accept: bool,
}

const GENERATE: Step = Step {
    what: "generating the client and accepting its text",
    arguments: &["test", "--quiet", "--test", "golden"],
    accept: true,
};
const TESTS: Step = Step { what: "the tests", arguments: &["test", "--quiet", "--workspace"], accept: false };

/// Takes pages; gives what changed by them, or what failed, after the tree was put back.
pub fn update(root: &Path, pages: &[PathBuf], run: &dyn Fn(&Step) -> Result<()>) -> Result<Report> {
    let vendor = read(root, &[root.join(roots::VENDOR)])?;
    if let Some(folder) = pages.iter().find(|page| page.is_dir()) {
        let place = format!("{}:1", roots::shown(root, folder));
        return Err(Error::refused(place, "is a directory; name the pages in it"));
    }
    let newer = read(root, pages)?;
    let targets = targets(root, &vendor, &newer)?;
    let question = Question { base: None, revision: pages.to_vec(), show_text: false };
    let report = drift(root, &question)?;

    let mut files: Vec<PathBuf> = targets.iter().map(|(target, _)| target.clone()).collect();
    let others = roots::OUTPUTS.iter().chain(&WRITTEN_BY_CARGO).chain(&[roots::README]);
    files.extend(others.map(|name| root.join(name)));
    files.extend(library::schemas(root)?.iter().map(|covered| root.join(&*covered.schema.place.file)));
    let mut before = Snapshot::take(root, files)?;
    take(root, &targets, &newer, run)?;
    before.kept = true;
    Ok(report)
}

/// Runs a command of cargo in the repository. What it says goes to standard error: standard output is the report's.
pub fn cargo(root: &Path, step: &Step) -> Result<()> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(step.arguments).current_dir(root).stdin(Stdio::null()).stdout(std::io::stderr());
    if step.accept {
        command.env("UPDATE_GOLDEN", "1");
    } else {
        command.env_remove("UPDATE_GOLDEN");
    }
    let shown = format!("`cargo {}`", step.arguments.join(" "));
    let failed = |how: String| Err(Error::Failed(format!("{} {how}", step.what)));
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => failed(format!("failed ({shown}, {status}); what it said stands above, the tree is as it was")),
        Err(error) => failed(format!("could not begin: {shown}: {error}")),
    }
}

/// Where a page goes, and the hash of the page that it replaces.
type Target = (PathBuf, Option<String>);

fn take(root: &Path, targets: &[Target], newer: &Side, run: &dyn Fn(&Step) -> Result<()>) -> Result<()> {
    for ((target, _), sheet) in targets.iter().zip(&newer.sheets) {
        let (page, name) = (&sheet.page, roots::shown(root, target));
        let bytes = std::fs::read(&sheet.path).map_err(roots::unusable(&page.name, "read"))?;
        // Byte for byte, unless it changed since it was compared.
        if crate::page::sha256(&bytes) != page.sha256 {
            return Err(Error::Failed(format!("{}:1: changed while it was being taken; try again", page.name)));
        }
        std::fs::write(target, bytes).map_err(roots::unusable(&name, "written"))?;
    }
    provenance(root, targets, newer)?;
    let imported = import_all(root)?;
    for output in roots::OUTPUTS {
        roots::write(&root.join(output), output, &imported.text)?;
    }
    run(&GENERATE)?;
    check::write_table(root)?;
    check::check(root)?;
    run(&TESTS)
}

/// Follows the hashes in `spec/README.md`, where a page was replaced.
fn provenance(root: &Path, targets: &[Target], newer: &Side) -> Result<()> {
    let path = root.join(roots::README);
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    let hashes = targets.iter().zip(&newer.sheets).filter_map(|((_, old), sheet)| Some((old.as_ref()?, &sheet.page)));
    let new = hashes.fold(text.clone(), |text, (old, page)| text.replace(old, &page.sha256));
    if new == text { Ok(()) } else { roots::write(&path, roots::README, &new) }
}

/// In place of the page that describes the same operations, or beside the others.
fn targets(root: &Path, vendor: &Side, newer: &Side) -> Result<Vec<Target>> {
    let mut targets: Vec<Target> = Vec::new();
    for sheet in &newer.sheets {
        let refused = |why: &str| Err(Error::refused(format_args!("{}:1", sheet.page.name), why));
        if !sheet.page.published {
            return refused("is no page of the vendor's (*.md); only pages as published are taken");
        }
        let (near, _) = vendor.about(sheet);
        let target = match near.sheets.as_slice() {
            [one] => (one.path.clone(), Some(one.page.sha256.clone())),
            [] => {
                let path = root.join(roots::VENDOR).join(sheet.path.file_name().unwrap_or_default());
                if path.exists() {
                    let why = "is about other operations; give the new page another name";
                    return refused(&format!("{} {why}", roots::shown(root, &path)));
                }
                (path, None)
            }
            _ => return refused("describes what several pages of spec/vendor do; remove those that it replaces"),
        };
        if targets.iter().any(|(other, _)| *other == target.0) {
            return refused("two pages are about the same operations; name one");
        }
        targets.push(target);
    }
    Ok(targets)
}

/// Files as they were, put back unless they are told to be kept.
struct Snapshot {
    root: PathBuf,
    files: Vec<(PathBuf, Option<Vec<u8>>)>,
    kept: bool,
}

impl Snapshot {
    fn take(root: &Path, files: Vec<PathBuf>) -> Result<Self> {
        let read = |path: PathBuf| match std::fs::read(&path) {
            Ok(bytes) => Ok((path, Some(bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((path, None)),
            Err(error) => Err(roots::unusable(&roots::shown(root, &path), "read")(error)),
        };
        let files = files.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(Self { root: root.to_path_buf(), files, kept: false })
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        for (path, bytes) in &self.files {
            let done = match bytes {
                Some(bytes) if std::fs::read(path).is_ok_and(|now| now == *bytes) => Ok(()),
                Some(bytes) => std::fs::write(path, bytes),
                None if path.exists() => std::fs::remove_file(path),
                None => Ok(()),
            };
            if let Err(error) = done {
                eprintln!("{}:1: could not be put back as it was: {error}", roots::shown(&self.root, path));
            }
        }
    }
}
