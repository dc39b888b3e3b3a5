//! Proves that taking a page does everything or nothing: on success each file follows, on failure each is as it was, byte
//! for byte. Cargo's own steps are played by the test; what they would write, it writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use xtask::error::Error;
use xtask::update::update;

const PAGE: &str = "spec/vendor/multi-image-reference-video.md";
const GOLDEN: &str = "tests/golden/generated.txt";

/// A patch that needs the operation to be in use.
const PATCHES: &str = "overlay: 1.0.0
actions:
  - target: $.paths['/kling/v1/videos/multi-image2video'].post
    x-page: multi-image-reference-video.md
    x-reason: a name of our own
    x-expect: {value: {deprecated: false}}
    update: {summary: A video of images}
";

struct Repository(PathBuf);

impl Repository {
    /// What an update reads and writes, in a folder of its own.
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("xtask-update-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default();
        let mut files: Vec<String> =
            [PAGE, GOLDEN, "openapi.yaml", "spec/allowed.yaml", "spec/accepted.yaml", "spec/README.md", "Cargo.lock"]
                .map(str::to_owned)
                .into();
        for folder in ["spec/operations", "spec/schemas"] {
            let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
            files.extend(entries.map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy())));
        }
        for file in files {
            let to = path.join(&file);
            std::fs::create_dir_all(to.parent().unwrap_or(&path)).unwrap_or_else(|error| panic!("{error}"));
            std::fs::copy(root.join(&file), &to).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        std::fs::write(path.join("spec/patches.yaml"), PATCHES).unwrap_or_else(|error| panic!("{error}"));
        Self(path)
    }

    fn page(&self, name: &str, replacements: &[(&str, &str)]) -> PathBuf {
        let text = std::fs::read_to_string(self.0.join(PAGE)).unwrap_or_default();
        let text = replacements.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "the mutation misses: {from}");
            text.replacen(from, to, 1)
        });
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{error}"));
        path
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn visit(folder: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    visit(&entry.path(), all);
                } else {
                    all.insert(entry.path(), std::fs::read(entry.path()).unwrap_or_default());
                }
            }
        }
        let mut all = BTreeMap::new();
        visit(&self.0, &mut all);
        all
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(file)).unwrap_or_default()
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const GROWN: (&str, &str) = ("Enum values: std, pro", "Enum values: std, pro, unheard-of");

#[test]
fn a_page_that_only_adds_is_taken_with_everything_that_follows_from_it() {
    let repository = Repository::new("grown");
    let (page, before) = (repository.page("new.md", &[GROWN]), repository.text("spec/README.md"));
    let report = update(&repository.0, std::slice::from_ref(&page), &|step| {
        if step.accept {
            std::fs::write(repository.0.join(GOLDEN), "generated anew").map_err(|e| Error::Failed(e.to_string()))?;
        }
        Ok(())
    });
    let report = report.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((report.counts.breaking, report.counts.additive), (0, 1));
    assert_eq!(repository.text(PAGE), std::fs::read_to_string(page).unwrap_or_default());
    assert!(repository.text("openapi.yaml").contains("std, pro, unheard-of"));
    assert_eq!(repository.text(GOLDEN), "generated anew");
    let readme = repository.text("spec/README.md");
    let facts = |text: &str| {
        text.split_once("- `multi-image2video`: ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
    };
    assert_eq!(facts(&readme), facts(&before).map(|count: usize| count + 1), "{readme}");
    let hash = xtask::page::sha256(repository.text(PAGE).as_bytes());
    assert!(readme.contains(&hash), "the hash of the page is not in the text");
}

#[test]
fn whatever_fails_the_tree_is_as_it_was() {
    let repository = Repository::new("failing");
    let grown = repository.page("grown.md", &[GROWN]);
    let required = repository.page(
        "required.md",
        &[
            (
                "                external_task_id:\n",
                "                seed:\n                  type: integer\n                external_task_id:\n",
            ),
            (
                "                - model_name\n                - mode\n",
                "                - seed\n                - model_name\n                - mode\n",
            ),
        ],
    );
    let patched = repository.page("patched.md", &[("      deprecated: false", "      deprecated: true")]);
    let password = repository.0.join("password.md");
    std::fs::write(&password, "# Please enter the password\n").unwrap_or_else(|error| panic!("{error}"));
    let before = repository.files();
    // The page, what is expected of the message, and which of cargo's steps fails.
    let cases = [
        (&grown, "no golden", Some(true), 1),
        (&grown, "a test failed", Some(false), 1),
        (&required, "seed: only the document has this property, and requires it", None, 1),
        (&patched, "action 1 on", None, 1),
        (&password, "no fenced OpenAPI document", None, 2),
    ];
    for (page, expected, failing, code) in cases {
        let error = update(&repository.0, std::slice::from_ref(page), &|step| {
            if step.accept {
                std::fs::write(repository.0.join(GOLDEN), "half").map_err(|e| Error::Failed(e.to_string()))?;
            }
            if failing == Some(step.accept) { Err(Error::Failed(expected.to_owned())) } else { Ok(()) }
        });
        let error = error.map(drop).err().unwrap_or_else(|| panic!("{expected}: did not fail"));
        assert!(error.to_string().contains(expected) && error.exit_code() == code, "{expected}: {error}");
        assert!(repository.files() == before, "{expected}: the tree changed");
    }
}

#[test]
fn a_page_about_another_operation_stands_beside_the_others_once_the_list_says_that_it_is_not_covered() {
    let repository = Repository::new("beside");
    let page = repository.page("effects.md", &[("multi-image2video:", "effects:"), ("api-386179083", "api-1")]);
    let before = repository.files();
    let take = || update(&repository.0, std::slice::from_ref(&page), &|_| Ok(()));
    let refused = take().map(drop).map_err(|error| error.to_string());
    assert!(
        refused.as_ref().is_err_and(|error| error.contains("effects: only the document has this operation")),
        "{refused:?}"
    );
    assert!(repository.files() == before);
    let allowed = repository.text("spec/allowed.yaml") + "- {operation: effects, reason: not asked for, source: us}\n";
    std::fs::write(repository.0.join("spec/allowed.yaml"), allowed).unwrap_or_else(|error| panic!("{error}"));
    let report = take().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.counts.breaking, 0, "{:?}", report.changes);
    assert!(repository.0.join("spec/vendor/effects.md").is_file());
    assert!(repository.text("openapi.yaml").contains("/kling/v1/videos/effects:"));
}
