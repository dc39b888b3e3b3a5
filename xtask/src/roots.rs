//! Where things are: the repository's root, its fixed files, and the names under which messages show a path.

use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// What an import writes: the document.
pub const OUTPUTS: [&str; 1] = ["openapi.yaml"];
/// The pages as published.
pub const VENDOR: &str = "spec/vendor";
/// Descriptions of our own, of operations whose page is not in [`VENDOR`].
pub const OPERATIONS: &str = "spec/operations";
/// Our corrections.
pub const PATCHES: &str = "spec/patches.yaml";
/// What the library sends, one file an operation, written by its tests.
pub const SCHEMAS: &str = "spec/schemas";
/// Where the library differs from the document on purpose.
pub const ALLOWED: &str = "spec/allowed.yaml";

/// Provenance, reasons, and the table of what is covered.
pub const README: &str = "spec/README.md";
/// Changes of the vendor's document that were seen and are fine.
pub const ACCEPTED: &str = "spec/accepted.yaml";

/// The repository that the current folder is in, or else the one that this tool was built from.
#[must_use]
pub fn repository() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf();
    let current = std::env::current_dir().unwrap_or_default();
    current
        .ancestors()
        .find(|folder| folder.join(VENDOR).is_dir() && folder.join("xtask").is_dir())
        .map_or(built, Path::to_path_buf)
}

/// All that the document is made of: the vendor's pages, then our own descriptions.
///
/// # Errors
/// A folder that cannot be read, or that holds none.
pub fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let mut all = documents_in(&root.join(VENDOR), VENDOR)?;
    all.extend(documents_in(&root.join(OPERATIONS), OPERATIONS)?);
    Ok(all)
}

/// The pages and OpenAPI files of a folder, sorted by name. `name` is how the folder is called.
///
/// # Errors
/// A folder that cannot be read, or that holds no page.
pub fn documents_in(folder: &Path, name: &str) -> Result<Vec<PathBuf>> {
    files_in(folder, name, &["md", "yaml", "yml"], "add a page as published, or a description in OpenAPI")
}

/// The files of a folder with one of some extensions, sorted by name. `name` is how the folder is called.
///
/// # Errors
/// A folder that cannot be read, or that holds no such file; the hint says what to do then.
pub fn files_in(folder: &Path, name: &str, extensions: &[&str], hint: &str) -> Result<Vec<PathBuf>> {
    let place = format!("{name}:1");
    let entries =
        std::fs::read_dir(folder).map_err(|error| Error::refused(&place, format_args!("cannot be read: {error}")))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| extensions.iter().any(|extension| found == *extension)))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Error::refused(&place, format_args!("holds no *.{}; {hint}", extensions.join(", *."))));
    }
    Ok(files)
}

/// How a path is shown: relative to the repository if it lies there, else its file name. Never the machine's own folders.
#[must_use]
pub fn shown(root: &Path, path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let (full, root) = (real(&absolute), real(root));
    let parts = |path: &Path| {
        path.components()
            .filter(|part| matches!(part, Component::Normal(_)))
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect::<Vec<_>>()
            .join("/")
    };
    match full.strip_prefix(&root) {
        Ok(relative) => parts(relative),
        Err(_) => path.file_name().map_or_else(|| parts(path), |name| name.to_string_lossy().into_owned()),
    }
}

/// Writes a file beside itself first, so that a reader sees the old text or the new one, and never half of one.
///
/// # Errors
/// What the system says.
pub fn write(path: &Path, name: &str, text: &str) -> Result<()> {
    let failed =
        |error: std::io::Error| Error::refused(format_args!("{name}:1"), format_args!("cannot be written: {error}"));
    let mut file = path
        .file_name()
        .map(std::ffi::OsStr::to_owned)
        .ok_or_else(|| Error::refused(format_args!("{name}:1"), "is no file name"))?;
    // The process id keeps two imports at once apart.
    file.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(file);
    let done = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    if done.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    done.map_err(failed)
}
