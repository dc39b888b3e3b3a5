//! Proves that the generated client is the one that was last looked at: its operations and types by name, and its whole
//! text by its hash. A changed one fails here, and says how to accept it.

use std::path::Path;

use sha2::{Digest, Sha256};

const FILE: &str = "tests/golden/generated.txt";
const ACCEPT: &str = "ACTION: if the change is wanted, run `UPDATE_GOLDEN=1 cargo test --test golden`, read `git diff` \
                      and commit it";

/// The names in the generated text, one a line, and its hash. prettyplease wrote the text: what is public within one module
/// is indented by one step.
fn digest(text: &str) -> String {
    let hash: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut lines = vec![format!("sha256 {hash}")];
    let mut module = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("pub mod ").or(line.strip_prefix("impl ")) {
            module = name.trim_end_matches(" {");
        }
        let of = |key: &str| {
            let rest = line.strip_prefix("    pub ")?.strip_prefix(key)?;
            rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
        };
        let (kind, name) = match module {
            "types" => ("type", of("struct ").or(of("enum ")).or(of("type "))),
            "Client" if line.contains("(&self) -> builder::") => ("operation", of("fn ")),
            _ => continue,
        };
        lines.extend(name.map(|name| format!("{kind} {name}")));
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_generated_client_is_the_one_that_was_accepted() {
    let found = digest(include_str!(concat!(env!("OUT_DIR"), "/generated.rs")));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(&path, found).unwrap();
    }
    let accepted = std::fs::read_to_string(&path).unwrap_or_default();
    let only = |these: &str, others: &str, mark: &str| -> String {
        let lines = these.lines().filter(|line| !others.lines().any(|other| other == *line));
        lines.map(|line| format!("{mark} {line}\n")).collect()
    };
    let difference = only(&accepted, &found, "-") + &only(&found, &accepted, "+");
    assert_eq!(difference, "", "{FILE} is not what is generated now:\n{difference}{ACCEPT}");
}
