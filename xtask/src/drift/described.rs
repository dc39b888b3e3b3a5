//! A page against our own description of its operation, where no older page is there to compare with.
//!
//! Where the description knows more than the page, the page's silence is no drift. What a page states otherwise, or beside
//! it, is: both sides become flat rows (see `facts.rs`), and the rows of the page look for ours.

use crate::compare::{Change, Direction, Level, Operation, template};
use crate::facts::{self, ALWAYS, Fact, MAX_FACTS, inside, narrower, of_document};
use crate::library::{Described, described};
use crate::tree::{Node, Place, Value};

/// Our descriptions: the document, and the operations in it.
#[derive(Debug)]
pub(super) struct Descriptions {
    document: Node,
    all: Vec<Described>,
}

impl Descriptions {
    /// The operations of a document of our own.
    pub(super) fn new(document: Node) -> Self {
        Self { all: described(&document), document }
    }

    /// The file that describes an operation, if one does.
    pub(super) fn file(&self, operation: &Operation) -> Option<&str> {
        self.all.iter().find(|one| is(one, operation)).map(|one| &*one.node.place.file)
    }

    /// What an operation of a page says that our description does not, or otherwise. The document is the page, mended.
    pub(super) fn contradictions(&self, page: &Node, operation: &Operation) -> Vec<Change> {
        let known = self.all.iter().find(|one| is(one, operation));
        let said = described(page).into_iter().find(|one| is(one, operation));
        let (Some(known), Some(said)) = (known, said) else { return Vec::new() };
        // Places are those of the description, whether or not the page has the POST as well.
        let said = Described { operation: known.operation.clone(), rest: known.rest.clone(), ..said };
        let ours = of_document(&self.document, std::slice::from_ref(known));
        let mut theirs = of_document(page, std::slice::from_ref(&said));
        // The name of a parameter in the path is never sent.
        theirs
            .retain(|row| row.place.rsplit(' ').next().is_none_or(|name| !said.path.contains(&format!("{{{name}}}"))));
        let required = known.node.get("x-vendor-required").and_then(Node::list).into_iter().flatten();
        let required = required.filter_map(Node::text).collect();
        let mut join = Join { operation, ours: &ours, theirs: &theirs, required, changes: Vec::new() };
        theirs.iter().for_each(|row| join.row(row));
        ours.iter().filter(|row| row.key == "enum").for_each(|row| join.missing_value(row));
        if theirs.len() >= MAX_FACTS {
            join.add("too-many-facts", Level::Warning, ("", &said.node.place), [None, None]);
        }
        if secured(&self.document, &known.node) && !secured(page, &said.node) {
            let at = said.node.get("security").map_or(&said.node.place, |node| &node.place);
            join.add("security-missing", Level::Warning, ("security", at), [Some("a key".to_owned()), None]);
        }
        join.changes
    }
}

fn is(one: &Described, operation: &Operation) -> bool {
    one.method == operation.method && template(&one.path) == template(&operation.path)
}

fn secured(document: &Node, operation: &Node) -> bool {
    let stated = operation.get("security").or_else(|| document.get("security")).and_then(Node::list);
    stated.is_some_and(|all| all.iter().any(|one| matches!(&one.value, Value::Map(map) if !map.is_empty())))
}

/// Whether two rows are about the same thing.
fn is_beside(one: &Fact, other: &Fact) -> bool {
    (&one.place, one.direction) == (&other.place, other.direction)
}

struct Join<'a> {
    operation: &'a Operation,
    ours: &'a [Fact],
    theirs: &'a [Fact],
    /// What the vendor's pages require although the API does not.
    required: Vec<&'a str>,
    changes: Vec<Change>,
}

impl Join<'_> {
    /// What a row of the page says beside our description.
    fn row(&mut self, row: &Fact) {
        let here: Vec<&Fact> = self.ours.iter().filter(|one| is_beside(one, row)).collect();
        let there: Vec<&Fact> = self.theirs.iter().filter(|one| is_beside(one, row)).collect();
        let is_thing = |key: &str| matches!(key, "property" | "parameter");
        let is_described = here.iter().any(|one| is_thing(&one.key));
        let is_body = !there.iter().any(|one| is_thing(&one.key));
        let is_request = row.direction != facts::Direction::Response;
        let is_vendors = self.required.iter().any(|one| inside(&row.place, one).is_some());
        let ours: Vec<&str> = here.iter().filter(|one| one.key == row.key).map(|one| &*one.value).collect();
        let place = (&*row.place, &row.source);
        match &*row.key {
            key if is_thing(key) && !is_described => {
                // Of what we do not describe at all, the inside needs no row of its own.
                let is_around =
                    |change: &Change| change.id.ends_with("-unknown") && inside(&row.place, &change.pointer).is_some();
                let is_required = there.iter().any(|one| one.key == "required" && one.value == ALWAYS);
                if self.changes.iter().any(is_around) {
                } else if is_request && is_required && !is_vendors {
                    self.add("required-unknown", Level::Breaking, place, [None, None]);
                } else {
                    self.add("property-unknown", Level::Additive, place, [None, None]);
                }
            }
            "property" | "parameter" | "operation" | "body" | "alternative" | "cycle" => {}
            // What is said of a thing that we do not describe.
            _ if !is_described && !is_body => {}
            _ if ours.contains(&&*row.value) => {}
            "required" if is_vendors || !is_request || !ours.is_empty() => {}
            "required" => self.add("required-added", Level::Breaking, place, [None, None]),
            "type" if ours.is_empty() => {}
            "type" => {
                // A whole number is a number: a reader of one reads the other.
                let is_narrower = ours == ["number"] && row.value == "integer";
                let level = if is_request || !is_narrower { Level::Breaking } else { Level::Additive };
                self.add("type-differs", level, place, [Some(ours.join(", ")), Some(row.value.clone())]);
            }
            "enum" => {
                let level = if ours.is_empty() && is_request { Level::Warning } else { Level::Additive };
                self.add("value-added", level, place, [None, Some(row.value.clone())]);
            }
            key => {
                let is_wider = narrower(key, &ours, &[&*row.value]);
                let level = if is_request && !is_wider { Level::Warning } else { Level::Additive };
                let before = ours.first().map(|value| format!("{key} {value}"));
                let id = if before.is_some() { "limit-differs" } else { "limit-added" };
                self.add(id, level, place, [before, Some(format!("{key} {}", row.value))]);
            }
        }
    }

    /// A value of ours that the page's enumeration does not have.
    fn missing_value(&mut self, ours: &Fact) {
        let mut theirs = self.theirs.iter().filter(|one| is_beside(one, ours) && one.key == "enum").peekable();
        let Some(source) = theirs.peek().map(|first| &first.source) else { return };
        if !theirs.any(|one| one.value == ours.value) {
            self.add("value-missing", Level::Warning, (&ours.place, source), [Some(ours.value.clone()), None]);
        }
    }

    fn add(&mut self, id: &str, level: Level, (at, place): (&str, &Place), [before, after]: [Option<String>; 2]) {
        self.changes.push(Change {
            direction: Some(Direction::Request),
            operation: Some(self.operation.clone()),
            pointer: at.to_owned(),
            site: at.to_owned(),
            place: place.clone(),
            before,
            after,
            ..Change::of(id, level)
        });
    }
}
