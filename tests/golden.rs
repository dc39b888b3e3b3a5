//! Proves that what is derived is known: the text that progenitor generates and the schemas of what the library sends are
//! those that were last looked at. A changed one fails here, and says how to accept it.

use std::path::Path;

/// Compares a text with the file that holds its accepted form, or writes it when `UPDATE_GOLDEN` is set.
#[track_caller]
fn golden(file: &str, text: &str, same: fn(&str, &str) -> bool) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let accepted = std::fs::read_to_string(&path).unwrap_or_default();
    if same(&accepted, text) {
        return;
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        return std::fs::write(&path, text).unwrap();
    }
    let differs = (1..).zip(accepted.lines().zip(text.lines())).find(|(_, (a, b))| a != b);
    let line = differs.map_or(accepted.lines().count().min(text.lines().count()) + 1, |(line, _)| line);
    panic!("{file} is not what is generated now, from line {line} on; {ACCEPT}");
}

const ACCEPT: &str = "ACTION: if the change is wanted, run `UPDATE_GOLDEN=1 cargo test --test golden`, read `git diff` \
                      and commit it";

#[test]
fn the_generated_client_is_the_one_that_was_accepted() {
    golden("tests/golden/generated.rs", include_str!(concat!(env!("OUT_DIR"), "/generated.rs")), |a, b| a == b);
}
