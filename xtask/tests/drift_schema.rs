//! Proves that `spec/drift.schema.json` is the schema of what `spec drift --format json` prints.
//!
//! After a change that is meant: `UPDATE_GOLDEN=1 cargo test -p xtask --test drift_schema`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn the_schema_of_the_report_is_current_and_the_report_is_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default();
    let path = root.join("spec/drift.schema.json");
    let expected = xtask::drift::schema();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &expected).unwrap_or_else(|error| panic!("{error}"));
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    // As values: the order of the keys is that of the features with which serde_json happens to be compiled.
    let value = |text: &str| serde_json::from_str::<Value>(text).ok();
    assert!(
        value(&found).is_some() && value(&found) == value(&expected),
        "run `UPDATE_GOLDEN=1 cargo test -p xtask --test drift_schema`"
    );

    let page = "spec/vendor/multi-image-reference-video.md";
    for (revision, code) in [(page, 0), ("openapi.yaml", 1)] {
        let run = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["spec", "drift", "--base", page, revision, "--format", "json", "--show-text"])
            .current_dir(&root)
            .output()
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(run.status.code(), Some(code), "{}", String::from_utf8_lossy(&run.stderr));
        let report: Value = serde_json::from_slice(&run.stdout).unwrap_or_else(|error| panic!("{error}"));
        let schema: Value = serde_json::from_str(&expected).unwrap_or_default();
        // Every key is one that the schema names, and none that it requires is missing.
        let keys = |value: &Value| -> Vec<String> {
            value.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
        };
        let sorted = |mut keys: Vec<String>| {
            keys.sort();
            keys
        };
        assert_eq!(sorted(keys(&report)), sorted(keys(&schema["properties"])));
        assert_eq!(sorted(keys(&report["counts"])), sorted(keys(&schema["$defs"]["Counts"]["properties"])));
        for change in report["changes"].as_array().unwrap_or(&Vec::new()) {
            assert_eq!(sorted(keys(change)), sorted(keys(&schema["$defs"]["Entry"]["properties"])));
        }
        assert_eq!(report["changes"].as_array().is_some_and(Vec::is_empty), code == 0);
    }
}
