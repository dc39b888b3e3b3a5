//! Proves what the command promises: the same bytes however it is called, exit codes that scripts can trust, one clear
//! line for what it refuses, and never half a file.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("xtask-cli-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{error}"));
        Self(path)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{error}"));
        path
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let command = Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).current_dir(folder).output();
    command.unwrap_or_else(|error| panic!("{error}"))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const PAGE: &str = "spec/vendor/multi-image-reference-video.md";

/// The page as it was when the mutations were written: a newer one of the vendor's must not fail them.
const FROZEN: &str = "xtask/tests/fixtures/page.md";

#[test]
fn the_same_pages_give_openapi_yaml_from_any_folder_and_under_any_spelling() {
    let folder = Folder::new("same");
    let expected = std::fs::read(root().join("openapi.yaml")).unwrap_or_default();
    let absolute = shown(&root().join(PAGE));
    let output = shown(&folder.0.join("out.yaml"));
    let own = shown(&root().join("spec/operations"));
    let calls = [
        (root(), PAGE, "spec/operations"),
        (root(), "./spec/../spec/vendor/multi-image-reference-video.md", "spec/../spec/operations/"),
        (root(), "spec/vendor", own.as_str()),
        (root().join("xtask"), absolute.as_str(), "../spec/operations"),
        (folder.0.clone(), absolute.as_str(), own.as_str()),
    ];
    for (from, page, own) in calls {
        let ran = run(&from, &["spec", "import", page, own, "--output", &output]);
        assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
        let found = std::fs::read(&output).unwrap_or_default();
        assert!(!found.is_empty() && found == expected, "{page} from {}", from.display());
    }
    assert_eq!(folder.names(), ["out.yaml"]);
}

#[test]
fn a_reader_that_went_away_keeps_no_import_from_writing() {
    let folder = Folder::new("unread");
    let output = folder.0.join("out.yaml");
    let (reader, writer) = std::io::pipe().unwrap_or_else(|error| panic!("{error}"));
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["spec", "import", PAGE, "--output", &shown(&output)]).current_dir(root()).stdout(writer);
    let ran = command.output().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((ran.status.code(), said(&ran)), (Some(0), String::new()));
    assert!(output.exists());
}

#[test]
fn a_page_in_the_place_of_our_description_changes_no_generated_name_and_is_named() {
    let folder = Folder::new("place");
    let page = std::fs::read_to_string(root().join(FROZEN)).unwrap_or_default();
    let page = folder.file("text.md", page.replace("multi-image2video", "text2video"));
    let output = folder.0.join("out.yaml");
    let own = root().join("spec/operations");
    let ran = run(&folder.0, &["spec", "import", &shown(&own), &shown(&page), "--output", &shown(&output)]);
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
    let expected =
        "text.md:13: POST /kling/v1/videos/text2video: takes the place of spec/operations/text2video.yaml:10";
    assert!(printed.lines().any(|line| line == expected), "{printed}");
    assert!(printed.contains("text.md:42: repaired `description: Model name Enumeration value: kling-v1-6` to "));
    let names = |text: &str| -> Vec<String> {
        let mut names: Vec<_> = text.lines().filter(|line| line.contains("operationId: ")).map(str::to_owned).collect();
        names.sort();
        names
    };
    let before = std::fs::read_to_string(root().join("openapi.yaml")).unwrap_or_default();
    let after = std::fs::read_to_string(&output).unwrap_or_default();
    let without: Vec<_> =
        names(&before).into_iter().filter(|name| !name.ends_with("create_multi_image_to_video")).collect();
    assert_eq!(names(&after), without);
    assert!(after.contains("    CreateTextToVideoBody:\n"));
}

#[test]
fn what_is_no_page_ends_with_2_in_one_line_and_leaves_the_output_alone() {
    let folder = Folder::new("refused");
    let output = folder.file("out.yaml", "before");
    let fenced = |yaml: &str| format!("# T\n\n```yaml\n{yaml}\n```\n");
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("password.md", b"# Please enter the password\n".to_vec(), "password.md:1: no fenced"),
        ("error.md", b"<!doctype html><html></html>".to_vec(), "error.md:1: an HTML page"),
        ("empty.md", Vec::new(), "empty.md:1: an empty file"),
        ("binary.md", vec![0x89, b'P', b'N', b'G', 0, 1], "binary.md:1: not UTF-8"),
        ("zero.md", b"a\0b".to_vec(), "zero.md:1: a binary file"),
        ("cut.md", b"```yaml\nopenapi: 3.0.1\n".to_vec(), "cut.md:1: the fence"),
        ("bad.md", fenced("openapi: 3.0.1\n   x: 1\n  y: 2").into_bytes(), "bad.md:5: not YAML"),
        (
            "two.md",
            fenced("openapi: 3.0.1\npaths: {}\npaths: {}").into_bytes(),
            "two.md:6: the key \"paths\" stands here and on line 5",
        ),
        ("swagger.md", fenced("swagger: '2.0'\npaths: {}").into_bytes(), "swagger.md:4: Swagger 2.0;"),
        ("new.md", fenced("openapi: 3.1.0\npaths: {}").into_bytes(), "new.md:4: OpenAPI 3.1.0;"),
        ("paths.md", fenced("openapi: 3.0.1\ninfo: {}").into_bytes(), "paths.md:4: the document describes no paths"),
        ("list.md", fenced("- openapi: 3.0.1\nopenapi: 3.0.1").into_bytes(), "list.md:"),
        ("deep.md", fenced(&format!("openapi: 3.0.1\nx: {}", "[".repeat(5000))).into_bytes(), "deep.md:"),
    ];
    for (name, bytes, expected) in cases {
        let page = folder.file(name, bytes);
        let ran = run(&root(), &["spec", "import", &shown(&page), "--no-patches", "--output", &shown(&output)]);
        assert_eq!(ran.status.code(), Some(2), "{name}: {}", said(&ran));
        assert!(said(&ran).starts_with(expected) && said(&ran).lines().count() == 1, "{name}: {}", said(&ran));
        assert_eq!(std::fs::read(&output).unwrap_or_default(), b"before");
        let _ = std::fs::remove_file(page);
    }
    for path in [folder.0.clone(), folder.0.join("gone.md")] {
        let ran = run(&root(), &["spec", "import", &shown(&path), "--output", &shown(&output)]);
        assert_eq!((ran.status.code(), said(&ran).lines().count()), (Some(2), 1), "{}", said(&ran));
    }
    assert_eq!(folder.names(), ["out.yaml"]);
}

#[test]
fn pages_that_clash_end_with_2_and_name_both() {
    let folder = Folder::new("clash");
    let page = "```yaml\nopenapi: 3.0.1\npaths: {/a: {get: {}}}\n```\n";
    let other = page.replace("get: {}", "get: {deprecated: true}");
    let (one, two) = (folder.file("one.md", page), folder.file("two.md", other));
    let output = shown(&folder.0.join("out.yaml"));
    let ran = run(&root(), &["spec", "import", &shown(&one), &shown(&two), "--no-patches", "--output", &output]);
    assert_eq!(ran.status.code(), Some(2));
    assert_eq!(said(&ran), "two.md:3: GET /a is described otherwise here than at one.md:3; keep one page\n");
    let twice = run(&root(), &["spec", "import", &shown(&one), &shown(&one), "--no-patches", "--output", &output]);
    assert_eq!(said(&twice), "one.md:1: the page is named twice; name it once\n");
}

#[test]
fn a_stale_or_obsolete_patch_ends_with_1_and_leaves_the_output_alone() {
    let folder = Folder::new("patches");
    let action = "overlay: 1.0.0\nactions:\n  - target: $.info\n    x-reason: because\n    x-expect: {value: {version: 1.0.0}}\n    update: {version: VERSION}\n";
    let output = folder.file("out.yaml", "before");
    let cases = [("2.0.0", "2.0.0", 0, ""), ("1.0.0", "1.0.0", 1, "obsolete, delete it")];
    for (name, version, code, expected) in cases {
        let patches = folder.file(name, action.replace("VERSION", version));
        let ran = run(&root(), &["spec", "import", PAGE, "--patches", &shown(&patches), "--output", &shown(&output)]);
        assert_eq!(ran.status.code(), Some(code), "{}", said(&ran));
        assert!(said(&ran).contains(expected), "{}", said(&ran));
        let kept = std::fs::read_to_string(&output).unwrap_or_default();
        assert_eq!(kept == "before", code != 0);
        folder.file("out.yaml", "before");
    }
    let stale =
        folder.file("stale.yaml", action.replace("{version: 1.0.0}", "{version: 0.9.0}").replace("VERSION", "2.0.0"));
    let ran = run(&root(), &["spec", "import", PAGE, "--patches", &shown(&stale), "--output", &shown(&output)]);
    assert_eq!(ran.status.code(), Some(1));
    let expected = "stale.yaml:3: action 1 on $.info (reason: because): at spec/vendor/multi-image-reference-video.md:10: expected `version` to be \"0.9.0\", found \"1.0.0\"\n";
    assert_eq!(said(&ran), expected);
}

#[test]
fn pages_without_an_output_are_refused_so_that_a_trial_never_replaces_openapi_yaml() {
    let ran = run(&root(), &["spec", "import", PAGE]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(said(&ran).contains("--output"));
}

/// What this repository itself must hold.
#[test]
fn this_repository_passes_its_own_check() {
    let ran = run(&root(), &["spec", "check"]);
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
}

#[test]
fn drift_ends_with_0_1_or_2_and_what_is_no_page_is_never_no_drift() {
    let folder = Folder::new("drift");
    let text = std::fs::read_to_string(root().join(FROZEN)).unwrap_or_default();
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let grown = changed("Enum values: std, pro", "Enum values: std, pro, master");
    let stricter = changed("2500 characters", "500 characters");
    let json = r#"{"openapi":"3.0.1","info":{"title":"T","version":"1"},"paths":{"/a":{"get":{"responses":{}}}}}"#;
    let yaml = "openapi: 3.0.1\ninfo: {title: T, version: '1'}\npaths:\n  /a: {get: {responses: {}}}\n";
    let cases: Vec<(&str, String, &[&str], i32)> = vec![
        ("same.md", text.clone(), &[], 0),
        ("grown.md", grown.clone(), &[], 0),
        ("grown.md", grown, &["--fail-on", "additive"], 1),
        ("stricter.md", stricter.clone(), &[], 1),
        ("stricter.md", stricter.clone(), &["--fail-on", "breaking"], 0),
        ("stricter.md", stricter, &["--format", "github"], 1),
        ("summary.md", changed("summary: Multiple", "summary: Several"), &[], 0),
        ("summary.md", changed("summary: Multiple", "summary: Several"), &["--fail-on", "any"], 1),
        ("password.md", "# Please enter the password\n".to_owned(), &["--fail-on", "breaking"], 2),
        ("error.md", "<!doctype html><html></html>".to_owned(), &[], 2),
        ("error.yaml", "<!doctype html><html></html>".to_owned(), &[], 2),
        ("empty.md", String::new(), &[], 2),
        ("empty.json", String::new(), &[], 2),
        ("twice.md", changed("      summary:", "      summary: x\n      summary:"), &[], 2),
        ("twice.yaml", "openapi: 3.0.0\npaths: {}\npaths: {}\n".to_owned(), &[], 2),
        (
            "bomb.yaml",
            format!(
                "openapi: 3.0.0\na: &a [x,x,x,x,x,x,x,x,x,x]\n{}paths: {{}}\n",
                (b'b'..b'j')
                    .map(|c| {
                        let (c, p) = (char::from(c), char::from(c - 1));
                        format!("{c}: &{c} [*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p}]\n")
                    })
                    .collect::<String>()
            ),
            &[],
            2,
        ),
        ("deep.json", format!("{{\"openapi\":\"3.0.0\",\"paths\":{}", "[".repeat(100_000)), &[], 2),
        ("new.json", json.replace("3.0.1", "3.1.0"), &[], 2),
        ("other.json", json.to_owned(), &[], 1),
    ];
    for (name, content, flags, code) in cases {
        let revision = folder.file(name, content);
        let ran = run(&root(), &[&["spec", "drift", "--base", FROZEN, &shown(&revision)], flags].concat());
        assert_eq!(
            ran.status.code(),
            Some(code),
            "{name} {flags:?}: {}{}",
            said(&ran),
            String::from_utf8_lossy(&ran.stdout)
        );
        if code == 2 {
            assert!(
                ran.stdout.is_empty() && said(&ran).starts_with(name) && said(&ran).lines().count() == 1,
                "{name}: {}",
                said(&ran)
            );
        }
    }
    // YAML and JSON are the same document.
    let (one, two) = (folder.file("one.json", json), folder.file("two.yaml", yaml));
    let ran = run(&root(), &["spec", "drift", "--base", &shown(&one), &shown(&two), "--fail-on", "any"]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stdout));
}
