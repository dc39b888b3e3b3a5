//! `spec check`: the written documents are what pages and patches give, and the library agrees with them.

use std::path::Path;

use similar::TextDiff;

use crate::agreement::{Findings, compare};
use crate::coverage::{coverage, written};
use crate::error::{Error, Result};
use crate::import::{Imported, import_all};
use crate::library::{Allowed, schemas};
use crate::roots;

/// Enough of a difference to see what it is; the command to run replaces the rest.
const MAX_DIFF_LINES: usize = 200;

/// Runs all checks; gives remarks, which are no failures.
///
/// # Errors
/// Everything that failed, or the first input that is refused.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let imported = import_all(root)?;
    let (library, allowed) = (schemas(root)?, Allowed::read_file(root)?);
    let rows = coverage(&library, &imported.document, &allowed);
    let mut failures = current(root, &imported);
    let Findings { failures: disagreements, remarks } = compare(&library, &imported.document, &allowed, &rows);
    failures.extend(disagreements);
    let readme = readme(root)?;
    match written(&readme, roots::README, &rows) {
        Ok(text) if text == readme => {}
        Ok(_) => failures.push(format!(
            "{}:1: the table of coverage is not current; run `cargo xtask spec check --write`",
            roots::README
        )),
        Err(error) => failures.push(error.to_string()),
    }
    if failures.is_empty() { Ok(remarks) } else { Err(Error::Failed(failures.join("\n"))) }
}

/// Writes the table of coverage into `spec/README.md`.
///
/// # Errors
/// Pages, a schema or a list that cannot be read, or a text without the table's marks.
pub fn write_table(root: &Path) -> Result<()> {
    let rows = coverage(&schemas(root)?, &import_all(root)?.document, &Allowed::read_file(root)?);
    let text = written(&readme(root)?, roots::README, &rows)?;
    roots::write(&root.join(roots::README), roots::README, &text)
}

fn readme(root: &Path) -> Result<String> {
    let refused = |error| Error::refused(format_args!("{}:1", roots::README), format_args!("cannot be read: {error}"));
    std::fs::read_to_string(root.join(roots::README)).map_err(refused)
}

fn current(root: &Path, imported: &Imported) -> Vec<String> {
    roots::OUTPUTS.iter().filter_map(|name| stale(&root.join(name), name, &imported.text)).collect()
}

fn stale(path: &Path, name: &str, expected: &str) -> Option<String> {
    let remedy = "run `cargo xtask spec import`; it is never edited by hand";
    let found = match std::fs::read(path) {
        Ok(bytes) if bytes == expected.as_bytes() => return None,
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return Some(format!("{name}:1: cannot be read: {error}; {remedy}")),
    };
    let diff = TextDiff::from_lines(found.as_str(), expected);
    let text = diff.unified_diff().header(name, "what the pages and patches give").to_string();
    let mut lines: Vec<&str> = text.lines().take(MAX_DIFF_LINES).collect();
    if text.lines().nth(MAX_DIFF_LINES).is_some() {
        lines.push("…");
    }
    Some(format!("{name}:1: is not what the pages and patches give; {remedy}\n{}", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

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
