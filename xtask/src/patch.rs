//! The last step: our own corrections of what the vendor publishes, as an OpenAPI Overlay.
//!
//! By the standard, an action whose target is not there succeeds silently. Here each action says why it exists
//! (`x-reason`) and what it expects to find (`x-expect`): the day the vendor corrects or changes the page, the guard fails
//! and says where, and a patch whose work is already done is an error too, so that none outlives its reason. An action that
//! names a page (`x-page`, a file name) is applied to that page before pages are merged, any other to the merged document.

use std::path::Path;
use std::sync::Arc;

use serde_json_path::JsonPath;

use crate::error::{Error, Result, one_line};
use crate::page::Page;
use crate::roots::unusable;
use crate::tree::{Node, Place, Value, read};

/// The patches of one file.
#[derive(Debug, Clone)]
pub struct Patches {
    actions: Vec<Action>,
}

#[derive(Debug, Clone)]
struct Action {
    number: usize,
    place: Place,
    page: Option<String>,
    target: JsonPath,
    target_text: String,
    reason: String,
    expect: Expect,
    /// What is merged into each target; without it, targets are removed.
    update: Option<Node>,
}

/// What a guard expects to find before the change.
#[derive(Debug, Clone)]
enum Expect {
    /// So many targets, whatever they hold.
    Count(usize),
    /// The target is there, and none of these keys.
    Absent(Vec<String>),
    /// The target is there and holds at least this.
    Value(Node),
}

/// Reads an Overlay 1.0.0 document whose every action has a target, a change, a reason and a guard; refuses any other.
pub(crate) fn read_file(path: &Path, name: &str) -> Result<Patches> {
    parse(&std::fs::read_to_string(path).map_err(unusable(name, "read"))?, name)
}

fn parse(text: &str, name: &str) -> Result<Patches> {
    let root = read(text, &Arc::from(name), 1)
        .map_err(|error| Error::refused(format_args!("{name}:{}", error.line), error.reason))?;
    let version = root.get("overlay").map(Node::describe).unwrap_or_default();
    if !version.trim_matches('"').starts_with("1.0") {
        return Err(Error::refused(&root.place, "expected `overlay: 1.0.0` at the top"));
    }
    let list = root.get("actions").and_then(Node::list);
    let list = list.ok_or_else(|| Error::refused(&root.place, "expected `actions`, a sequence of patches"))?;
    let actions = list.iter().enumerate().map(|(index, node)| action(index + 1, node)).collect::<Result<_>>()?;
    Ok(Patches { actions })
}

fn action(number: usize, node: &Node) -> Result<Action> {
    let refused = |why: &str| Error::refused(&node.place, format_args!("action {number}: {why}"));
    let target_text = node.get_text("target").ok_or_else(|| refused("expected `target`, a JSONPath"))?;
    let target = JsonPath::parse(target_text)
        .map_err(|error| refused(&format!("the target {target_text} is no JSONPath: {error}")))?;
    let reason = match node.get("x-reason").map(|node| &node.value) {
        Some(Value::Text(text) | Value::Number(text)) if !text.trim().is_empty() => text.clone(),
        _ => return Err(refused("expected `x-reason`: a number of spec/README.md, or a text")),
    };
    let wanted = || refused("expected `x-expect` with one of `count`, `absent` (keys), `value`");
    let guard = node.get("x-expect").and_then(Node::map).filter(|map| map.len() == 1).and_then(|map| map.first());
    let expect = match guard.map(|(kind, guard)| (kind.as_str(), guard, &guard.value)) {
        Some(("count", _, Value::Number(text))) => Expect::Count(text.parse().map_err(|_| wanted())?),
        Some(("absent", _, Value::Text(key))) => Expect::Absent(vec![key.clone()]),
        Some(("absent", _, Value::List(keys))) => {
            Expect::Absent(keys.iter().filter_map(Node::text).map(str::to_owned).collect())
        }
        Some(("value", guard, _)) => Expect::Value(guard.clone()),
        _ => return Err(wanted()),
    };
    let update = node.get("update").cloned();
    if update.is_some() == node.is_true("remove") {
        return Err(refused("expected either `update` or `remove: true`"));
    }
    let page = node.get("x-page").map(|page| match page.text() {
        Some(name) if !name.is_empty() && !name.contains('/') => Ok(name.to_owned()),
        _ => Err(refused(&format!("expected `x-page` to be a file name, found {}", page.describe()))),
    });
    let (place, target_text) = (node.place.clone(), target_text.to_owned());
    Ok(Action { number, place, page: page.transpose()?, target, target_text, reason, expect, update })
}

impl Patches {
    /// Applies the actions on a page, or on the merged document, in order; gives those that cannot be applied.
    pub(crate) fn apply(&self, page: Option<&str>, document: &mut Node) -> Vec<Problem> {
        let name = page.map(|page| page.rsplit('/').next().unwrap_or(page));
        let actions = self.actions.iter().filter(|action| action.page.as_deref() == name);
        actions.filter_map(|action| action.apply(document).err()).collect()
    }

    /// The actions on pages that are not there.
    pub(crate) fn pageless(&self, pages: &[Page]) -> Vec<Problem> {
        let is_there = |name: &str| pages.iter().any(|page| page.name.rsplit('/').next() == Some(name));
        let missing = self.actions.iter().filter(|action| action.page.as_deref().is_some_and(|name| !is_there(name)));
        missing.map(|action| action.problem("expected the page to be there, found none of that name", false)).collect()
    }
}

/// An action that could not be applied, or whose work the vendor has done.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Where the action stands.
    pub(crate) place: Place,
    /// What it is about, as written.
    pub(crate) target: String,
    /// What was expected and found, and what to do.
    pub(crate) text: String,
    /// Whether its work is done.
    pub(crate) obsolete: bool,
}

impl Action {
    fn apply(&self, document: &mut Node) -> std::result::Result<(), Problem> {
        let json = document.to_json();
        let located = self.target.query_located(&json);
        let paths: Vec<Vec<String>> = located.iter().map(|found| found.location().iter().map(step).collect()).collect();
        let targets: Vec<&Node> = paths.iter().filter_map(|path| document.at_path(path)).collect();
        let done = match &self.update {
            Some(update) => !targets.is_empty() && targets.iter().all(|node| holds(node, update)),
            None => targets.is_empty() && !matches!(self.expect, Expect::Count(0)),
        };
        if done {
            let line = targets.first().map_or_else(String::new, |node| format!(" (at {})", node.place));
            let what = format!("the document already is as this patch would make it{line}: obsolete, delete it");
            return Err(self.problem(&what, true));
        }
        if let Some(what) = self.unexpected(&targets) {
            return Err(self.problem(&what, false));
        }
        match &self.update {
            Some(update) => paths.iter().for_each(|path| {
                document.at_path_mut(path).into_iter().for_each(|node| merge(node, update));
            }),
            // From the end, so that the indices of earlier ones stay true.
            None => paths.iter().rev().for_each(|path| remove(document, path)),
        }
        Ok(())
    }

    /// What the guard did not expect.
    fn unexpected(&self, targets: &[&Node]) -> Option<String> {
        match &self.expect {
            Expect::Count(count) => {
                (targets.len() != *count).then(|| format!("expected {count} targets, found {}", targets.len()))
            }
            _ if targets.is_empty() => Some("expected the target to be there, found nothing".to_owned()),
            Expect::Absent(keys) => targets.iter().find_map(|node| {
                let (key, there) = keys.iter().find_map(|key| Some((key, node.get(key)?)))?;
                Some(format!("at {}: expected no `{key}`, found {}", there.place, there.describe()))
            }),
            Expect::Value(value) => targets.iter().find_map(|node| differs(node, value, "")),
        }
    }

    fn problem(&self, what: &str, obsolete: bool) -> Problem {
        let reason = match self.reason.parse::<u32>() {
            Ok(number) => format!("reason {number} of spec/README.md"),
            Err(_) => format!("reason: {}", self.reason),
        };
        let page = self.page.as_ref().map(|page| format!(" of {page}")).unwrap_or_default();
        let target = format!("{}{page}", self.target_text);
        let text = one_line(&format!("{}: action {} on {target} ({reason}): {what}", self.place, self.number));
        Problem { place: self.place.clone(), target, text, obsolete }
    }
}

fn step(element: &serde_json_path::PathElement<'_>) -> String {
    let index = || element.as_index().map(|index| index.to_string());
    element.as_name().map(str::to_owned).or_else(index).unwrap_or_default()
}

/// The first place where a node does not hold what is expected.
fn differs(node: &Node, expected: &Node, path: &str) -> Option<String> {
    let Value::Map(keys) = &expected.value else {
        return (!node.same(expected)).then(|| {
            let what = if path.is_empty() { "the target".to_owned() } else { format!("`{path}`") };
            format!("at {}: expected {what} to be {}, found {}", node.place, expected.describe(), node.describe())
        });
    };
    keys.iter().find_map(|(key, value)| {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match node.get(key) {
            Some(child) => differs(child, value, &path),
            None => Some(format!("at {}: expected `{path}` to be {}, found nothing", node.place, value.describe())),
        }
    })
}

/// Whether merging the update would change nothing.
fn holds(node: &Node, update: &Node) -> bool {
    match (&node.value, &update.value) {
        (Value::Map(map), Value::Map(update)) => {
            update.iter().all(|(key, value)| map.get(key).is_some_and(|node| holds(node, value)))
        }
        (Value::List(items), Value::List(update)) => {
            update.iter().all(|value| items.iter().any(|item| item.same(value)))
        }
        (Value::List(items), _) => items.iter().any(|item| item.same(update)),
        _ => node.same(update),
    }
}

/// The Overlay's merge: mappings by key, sequences by appending, anything else by replacing.
fn merge(node: &mut Node, update: &Node) {
    match (&mut node.value, &update.value) {
        (Value::Map(map), Value::Map(update)) => {
            for (key, value) in update {
                match map.get_mut(key) {
                    Some(child) => merge(child, value),
                    None => drop(map.insert(key.clone(), value.clone())),
                }
            }
        }
        (Value::List(items), Value::List(more)) => items.extend(more.iter().cloned()),
        (Value::List(items), _) => items.push(update.clone()),
        _ => *node = update.clone(),
    }
}

fn remove(document: &mut Node, path: &[String]) {
    let Some((last, parents)) = path.split_last() else { return };
    match document.at_path_mut(parents).map(|parent| &mut parent.value) {
        Some(Value::Map(map)) => drop(map.shift_remove(last)),
        Some(Value::List(items)) => {
            if let Some(index) = last.parse().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "paths:\n  /a:\n    post:\n      operationId: old\n      tags: [one]\n";

    fn patched(actions: &str) -> Result<String> {
        let patches = parse(&format!("overlay: 1.0.0\nactions:\n{actions}"), "p.yaml")?;
        let mut document = read(PAGE, &Arc::from("page.md"), 10).unwrap_or_else(|e| panic!("{e:?}"));
        let mut problems = patches.apply(Some("spec/vendor/page.md"), &mut document);
        problems.extend(patches.apply(None, &mut document));
        let failures: Vec<String> = problems.into_iter().map(|problem| problem.text).collect();
        if failures.is_empty() { Ok(document.to_json().to_string()) } else { Err(Error::Failed(failures.join("\n"))) }
    }

    fn action(target: &str, reason: &str, expect: &str, change: &str) -> String {
        format!("  - target: {target}\n    x-reason: {reason}\n    x-expect: {{{expect}}}\n    {change}\n")
    }

    #[test]
    fn an_update_merges_and_a_removal_removes() {
        let post = "$.paths['/a'].post";
        let cases = [
            (
                action(post, "1", "value: {operationId: old}", "update: {operationId: new, x: {y: 1}}"),
                r#"{"paths":{"/a":{"post":{"operationId":"new","tags":["one"],"x":{"y":1}}}}}"#,
            ),
            (
                action("$.paths['/a'].post.tags", "1", "count: 1", "update: [two]"),
                r#"{"paths":{"/a":{"post":{"operationId":"old","tags":["one","two"]}}}}"#,
            ),
            (
                action("$..tags", "1", "value: [one]", "remove: true"),
                r#"{"paths":{"/a":{"post":{"operationId":"old"}}}}"#,
            ),
            (
                action("$.paths", "1", "absent: /b", "update: {/b: {get: {}}}"),
                r#"{"paths":{"/a":{"post":{"operationId":"old","tags":["one"]}},"/b":{"get":{}}}}"#,
            ),
            (
                action("$.paths['/a'].*", "1", "count: 1", "update: {x: 1}"),
                r#"{"paths":{"/a":{"post":{"operationId":"old","tags":["one"],"x":1}}}}"#,
            ),
        ];
        for (actions, expected) in cases {
            assert_eq!(patched(&actions).as_deref(), Ok(expected), "{actions}");
        }
    }

    #[test]
    fn a_guard_that_fails_names_the_action_the_reason_the_place_what_was_expected_and_what_was_found() {
        let post = "$.paths['/a'].post";
        let begin = "p.yaml:3: action 1 on";
        let cases = [
            (
                action(post, "7", "value: {operationId: other}", "update: {operationId: new}"),
                format!(
                    "{begin} {post} (reason 7 of spec/README.md): at page.md:13: expected `operationId` to be \"other\", found \"old\""
                ),
            ),
            (
                action(post, "7", "value: {gone: 1}", "update: {operationId: new}"),
                format!(
                    "{begin} {post} (reason 7 of spec/README.md): at page.md:12: expected `gone` to be 1, found nothing"
                ),
            ),
            (
                action(post, "because", "absent: operationId", "update: {operationId: new}"),
                format!("{begin} {post} (reason: because): at page.md:13: expected no `operationId`, found \"old\""),
            ),
            (
                action("$.paths['/b']", "7", "absent: get", "update: {get: {}}"),
                format!(
                    "{begin} $.paths['/b'] (reason 7 of spec/README.md): expected the target to be there, found nothing"
                ),
            ),
            (
                action("$.paths.*", "7", "count: 2", "update: {get: {}}"),
                format!("{begin} $.paths.* (reason 7 of spec/README.md): expected 2 targets, found 1"),
            ),
        ];
        for (actions, expected) in cases {
            assert_eq!(patched(&actions), Err(Error::Failed(expected)), "{actions}");
        }
    }

    #[test]
    fn a_patch_whose_work_is_already_done_is_an_error_that_says_to_delete_it() {
        let update = action("$.paths['/a'].post", "7", "absent: operationId", "update: {operationId: old}");
        let expected = "p.yaml:3: action 1 on $.paths['/a'].post (reason 7 of spec/README.md): the document already is as this patch would make it (at page.md:12): obsolete, delete it";
        assert_eq!(patched(&update), Err(Error::Failed(expected.to_owned())));
        let removal = action("$.servers", "7", "count: 1", "remove: true");
        let expected = "p.yaml:3: action 1 on $.servers (reason 7 of spec/README.md): the document already is as this patch would make it: obsolete, delete it";
        assert_eq!(patched(&removal), Err(Error::Failed(expected.to_owned())));
    }

    #[test]
    fn every_failure_is_reported_and_not_only_the_first() {
        let both = action("$.a", "1", "count: 1", "update: {}") + &action("$.b", "2", "count: 1", "update: {}");
        assert_eq!(patched(&both).err().map(|e| e.to_string().lines().count()), Some(2));
    }

    #[test]
    fn an_action_that_names_a_page_is_for_that_page_alone() {
        let on =
            |page: &str| action("$.paths['/a']", "1", "count: 1", &format!("x-page: {page}\n    update: {{x: 1}}"));
        assert_eq!(
            patched(&on("page.md")).as_deref(),
            Ok(r#"{"paths":{"/a":{"post":{"operationId":"old","tags":["one"]},"x":1}}}"#)
        );
        assert!(patched(&on("other.md")).is_ok_and(|document| !document.contains("\"x\"")));
        let patches = parse(&format!("overlay: 1.0.0\nactions:\n{}", on("other.md")), "p.yaml");
        let missing = patches.map(|patches| patches.pageless(&[])).unwrap_or_default();
        let expected = "p.yaml:3: action 1 on $.paths['/a'] of other.md (reason 1 of spec/README.md): expected the page to be there, found none of that name";
        assert_eq!(missing.iter().map(|problem| problem.text.as_str()).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn an_action_without_reason_guard_or_change_is_refused() {
        let cases = [
            ("  - x-reason: 1\n", "expected `target`"),
            ("  - target: $.a\n    x-expect: {count: 1}\n    update: {}\n", "expected `x-reason`"),
            ("  - target: $.a\n    x-reason: 1\n    update: {}\n", "expected `x-expect`"),
            ("  - target: $.a\n    x-reason: 1\n    x-expect: {maybe: 1}\n    update: {}\n", "expected `x-expect`"),
            (
                "  - target: $.a\n    x-reason: 1\n    x-expect: {count: 1}\n",
                "expected either `update` or `remove: true`",
            ),
            ("  - target: a b\n    x-reason: 1\n", "is no JSONPath"),
        ];
        for (actions, expected) in cases {
            let found = patched(actions).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(found.starts_with("p.yaml:3: action 1: ") && found.contains(expected), "{found}");
        }
    }
}
