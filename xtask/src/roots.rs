//! Where things are: the repository's root, its fixed files, and the names under which messages show a path.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// What an import writes: the document.
pub const OUTPUTS: [&str; 1] = ["openapi.yaml"];
/// The pages as published.
pub(crate) const VENDOR: &str = "spec/vendor";
/// Descriptions of our own, of operations whose page is not in [`VENDOR`].
pub(crate) const OPERATIONS: &str = "spec/operations";
/// Our corrections.
pub const PATCHES: &str = "spec/patches.yaml";
/// What the library sends, one file an operation, written by its tests.
pub(crate) const SCHEMAS: &str = "spec/schemas";
/// Where the library differs from the document on purpose.
pub(crate) const ALLOWED: &str = "spec/allowed.yaml";
/// Provenance, reasons, and the table of what is covered.
pub(crate) const README: &str = "spec/README.md";
/// Changes of the vendor's document that were seen and are fine.
pub(crate) const ACCEPTED: &str = "spec/accepted.yaml";

/// The repository that the current folder is in, or else the one that this tool was built from.
pub fn repository() -> PathBuf {
    let current = std::env::current_dir().unwrap_or_default();
    let holds = |folder: &&Path| folder.join(VENDOR).is_dir() && folder.join("xtask").is_dir();
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    current.ancestors().find(holds).unwrap_or_else(built).to_path_buf()
}

/// All that the document is made of: the vendor's pages, then our own descriptions.
pub fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let folders = [VENDOR, OPERATIONS].map(|name| documents_in(&root.join(name), name));
    folders.into_iter().collect::<Result<Vec<_>>>().map(|folders| folders.concat())
}

/// The pages and OpenAPI files of a folder, sorted by name. `name` is how the folder is called.
pub(crate) fn documents_in(folder: &Path, name: &str) -> Result<Vec<PathBuf>> {
    files_in(folder, name, &["md", "yaml", "yml"], "add a page as published, or a description in OpenAPI")
}

/// The files of a folder with one of some extensions, sorted by name; the hint says what to do where there are none.
pub(crate) fn files_in(folder: &Path, name: &str, extensions: &[&str], hint: &str) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(unusable(name, "read"))?;
    let fits = |path: &PathBuf| path.extension().is_some_and(|found| extensions.iter().any(|one| found == *one));
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(fits).collect();
    files.sort();
    if files.is_empty() {
        return Err(Error::refused(
            format_args!("{name}:1"),
            format_args!("holds no *.{}; {hint}", extensions.join(", *.")),
        ));
    }
    Ok(files)
}

/// How a path is shown: relative to the repository if it lies there, else its file name. Never the machine's own folders.
pub fn shown(root: &Path, path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let parts = |path: &Path| {
        let normal = path.components().filter(|part| matches!(part, Component::Normal(_)));
        Vec::from_iter(normal.map(|part| part.as_os_str().to_string_lossy().into_owned())).join("/")
    };
    match real(&absolute).strip_prefix(real(root)) {
        Ok(relative) => parts(relative),
        Err(_) => path.file_name().map_or_else(|| parts(path), |name| name.to_string_lossy().into_owned()),
    }
}

/// The refusal of a file that the system cannot read or write.
pub(crate) fn unusable(name: &str, how: &str) -> impl Fn(io::Error) -> Error {
    move |error| Error::refused(format_args!("{name}:1"), format_args!("cannot be {how}: {error}"))
}

/// Writes a file beside itself first, so that a reader sees the old text or the new one, and never half of one.
pub fn write(path: &Path, name: &str, text: &str) -> Result<()> {
    let nameless = || Error::refused(format_args!("{name}:1"), "is no file name");
    let mut file = path.file_name().ok_or_else(nameless)?.to_owned();
    // The process id keeps two imports at once apart.
    file.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(file);
    std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path)).map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        unusable(name, "written")(error)
    })
}
