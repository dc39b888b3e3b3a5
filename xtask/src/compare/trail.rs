//! Where a comparison stands: the way from the root down, in both documents at once, kept on the stack.
//!
//! The same thing may stand in other places of the two documents (another index, behind a `$ref`, under a moved path), so
//! each step knows its key on either side. From it come the JSON pointer that a report shows and the logical site that a
//! fingerprint is made of: names instead of indices, so that a reordered list changes nothing.

use crate::roles::pointer;

/// One step of the way: its name, and how it is written in each document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trail<'t> {
    up: Option<&'t Trail<'t>>,
    pub(super) name: &'t str,
    base: Step<'t>,
    revision: Step<'t>,
}

/// How a step is written in one document.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'t> {
    /// By a key or an index.
    Key(&'t str),
    /// By nothing: the step is only a name for the site.
    Nothing,
    /// The way goes on from this JSON pointer, without its `#`.
    Jump(&'t str),
}

/// Which document is meant: the older or the newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Base,
    Revision,
}

impl<'t> Trail<'t> {
    /// The root.
    pub(super) fn root() -> Self {
        Self { up: None, name: "", base: Step::Nothing, revision: Step::Nothing }
    }

    /// A step by the same key on both sides.
    pub(super) fn step(&'t self, name: &'t str) -> Self {
        self.steps(name, Step::Key(name), Step::Key(name))
    }

    /// A step that is written differently on the two sides.
    pub(super) fn steps(&'t self, name: &'t str, base: Step<'t>, revision: Step<'t>) -> Self {
        Self { up: Some(self), name, base, revision }
    }

    /// The JSON pointer in one of the documents.
    pub(super) fn pointer(&self, which: Which) -> String {
        let mut keys = Vec::new();
        let start = self.back().find_map(|here| match if which == Which::Base { here.base } else { here.revision } {
            Step::Jump(pointer) => Some(pointer),
            Step::Key(key) => {
                keys.push(key);
                None
            }
            Step::Nothing => None,
        });
        keys.reverse();
        start.unwrap_or_default().to_owned() + &pointer(keys.strip_prefix(&[""]).unwrap_or(&keys))
    }

    /// The names from the last operation (or the root) down: what a fingerprint is made of.
    pub(crate) fn site(&self) -> String {
        let mut names: Vec<&str> = self.back().map(|here| here.name).filter(|name| !name.is_empty()).collect();
        names.reverse();
        pointer(&names)
    }

    /// The steps from here back to the root.
    fn back(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |here| here.up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_follows_references_and_a_site_keeps_names() {
        let root = Trail::root();
        let list = root.step("parameters");
        let item = list.steps("query page", Step::Key("2"), Step::Key("0"));
        let jump = item.steps("", Step::Nothing, Step::Jump("/components/parameters/Page"));
        let schema = jump.step("schema");
        assert_eq!(schema.pointer(Which::Base), "/parameters/2/schema");
        assert_eq!(schema.pointer(Which::Revision), "/components/parameters/Page/schema");
        assert_eq!(schema.site(), "/parameters/query page/schema");
    }
}
