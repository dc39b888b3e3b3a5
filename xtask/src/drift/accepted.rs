//! Changes that were seen and are fine: fingerprints with a reason, in `spec/accepted.yaml`.

use std::path::Path;

use crate::error::{Error, Result};
use crate::list;
use crate::tree::{Node, Place};

/// The list.
#[derive(Debug, Default)]
pub struct Accepted(Vec<Entry>);

/// One accepted change.
#[derive(Debug)]
struct Entry {
    fingerprint: String,
    place: Place,
}

impl Accepted {
    /// Reads the list; a file that is not there accepts nothing.
    ///
    /// # Errors
    /// A file that cannot be read, an entry without fingerprint or reason, a fingerprint that stands twice.
    pub fn read_file(path: &Path, name: &str) -> Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, name),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::refused(format_args!("{name}:1"), format_args!("cannot be read: {error}"))),
        }
    }

    fn parse(text: &str, name: &str) -> Result<Self> {
        let list = list::parse(text, name, &["fingerprint", "reason"], &["fingerprint"])?;
        let entry = |node: &Node| Entry {
            fingerprint: node.get_text("fingerprint").unwrap_or_default().to_owned(),
            place: node.place.clone(),
        };
        Ok(Self(list.iter().map(entry).collect()))
    }

    /// Whether a change was accepted.
    #[must_use]
    pub fn holds(&self, fingerprint: &str) -> bool {
        self.0.iter().any(|entry| entry.fingerprint == fingerprint)
    }

    /// The entries that no change needs, one line each.
    #[must_use]
    pub fn unused(&self, occurring: &dyn Fn(&str) -> bool) -> Vec<String> {
        let idle = self.0.iter().filter(|entry| !occurring(&entry.fingerprint));
        idle.map(|entry| {
            format!(
                "{}: {} does not occur in this comparison; delete it once the page is taken",
                entry.place, entry.fingerprint
            )
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_needs_a_fingerprint_and_a_reason_and_stands_once() {
        let accepted = Accepted::parse("- fingerprint: 'ab'\n  reason: seen\n", "a.yaml");
        assert!(accepted.as_ref().is_ok_and(|accepted| accepted.holds("ab") && !accepted.holds("a")));
        let unused = accepted.map(|accepted| accepted.unused(&|_| false)).unwrap_or_default();
        assert!(unused.first().is_some_and(|line| line.starts_with("a.yaml:1: ab does not occur")), "{unused:?}");
        for (text, expected) in [
            ("- fingerprint: ab\n", "a.yaml:1: an entry without `reason`"),
            ("- reason: x\n", "a.yaml:1: an entry without `fingerprint`"),
            ("a: b\n", "a.yaml:1: expected a sequence"),
            (
                "- {fingerprint: ab, reason: x}\n- {fingerprint: ab, reason: y}\n",
                "a.yaml:2: ab is listed here and at a.yaml:1",
            ),
        ] {
            let error = Accepted::parse(text, "a.yaml").map(drop).map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|error| error.starts_with(expected)), "{error:?}");
        }
    }
}
