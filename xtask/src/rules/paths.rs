//! Rules about addresses: each begins with a slash, and holds what a URL may hold and nothing else.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{Error, Result};
use crate::ident::{snake, unused};
use crate::merge::join;
use crate::notes::Notes;
use crate::tree::{Node, Value};

/// Symptom: an address is refused, or its code does not compile. Cause: blanks, a host, a query, Chinese, braces that do
/// not match. Remedy: the address that was meant, its parameters renamed to words; equal addresses are one.
pub(super) fn addresses(root: &mut Node, notes: &mut Notes) -> Result<()> {
    let Some(paths) = root.get_mut("paths").and_then(Node::map_mut) else { return Ok(()) };
    for (path, mut item) in std::mem::take(paths) {
        if path.starts_with("x-") {
            paths.insert(path, item);
            continue;
        }
        let refused = |why| Error::refused(&item.place, format_args!("the path {path:?} {why}"));
        let (clean, renamed) = clean(&path).map_err(refused)?;
        if clean != path {
            notes.add(&item.place, format_args!("the path {path:?} becomes {clean}"));
        }
        rename_parameters(&mut item, &renamed);
        match paths.get_mut(&clean) {
            Some(first) => join(first, item, &mut |key, old, node| {
                let key = key.to_uppercase();
                let reason = format!("{key} {clean} is described here and at {}; remove one", old.place);
                Err(Error::refused(&node.place, reason))
            })?,
            None => drop(paths.insert(clean, item)),
        }
    }
    Ok(())
}

/// Parameters that are called otherwise now: the old names and the new ones.
type Renamed = Vec<(String, String)>;

/// The address that was meant, and its parameters that are renamed.
fn clean(path: &str) -> std::result::Result<(String, Renamed), &'static str> {
    let mut rest = path.trim();
    if let Some((_, tail)) = rest.split_once("://") {
        rest = tail.find('/').and_then(|at| tail.get(at..)).unwrap_or("/");
    }
    let mut out = String::from("/");
    let mut renamed = Renamed::new();
    let mut chars = rest.trim_start_matches('/').chars();
    while let Some(c) = chars.next() {
        match c {
            '{' => {
                let closed = chars.as_str().split_once('}').filter(|(name, _)| !name.contains(['{', '/']));
                let (name, after) = closed.ok_or("has a brace that is never closed")?;
                chars = after.chars();
                let known = renamed.iter().find(|(old, _)| old == name).map(|(_, new)| new.clone());
                let new = known.unwrap_or_else(|| {
                    let word: String = name.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect();
                    let word = if snake(&word) == "x" && word != "x" { "parameter" } else { &word };
                    let taken = |name: &str| renamed.iter().any(|(_, new)| snake(new) == snake(name));
                    let new = unused(word, "_", &mut &taken);
                    renamed.push((name.to_owned(), new.clone()));
                    new
                });
                out += &format!("{{{new}}}");
            }
            '}' => return Err("has a closing brace that was never opened"),
            '?' | '#' => break,
            '/' if out.ends_with('/') => {}
            c if c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/%".contains(c) => out.push(c),
            c => out.extend(utf8_percent_encode(c.encode_utf8(&mut [0; 4]), NON_ALPHANUMERIC)),
        }
    }
    renamed.retain(|(old, new)| old != new);
    Ok((out, renamed))
}

fn rename_parameters(item: &mut Node, renamed: &[(String, String)]) {
    for (_, node) in item.entries_mut() {
        let own = if node.list().is_some() { Some(node) } else { node.get_mut("parameters") };
        for parameter in own.and_then(Node::list_mut).into_iter().flatten() {
            let is_it = |old: &str| parameter.get_text("in") == Some("path") && parameter.get_text("name") == Some(old);
            let new = renamed.iter().find(|(old, _)| is_it(old)).map(|(_, new)| new.clone());
            if let (Some(new), Some(name)) = (new, parameter.get_mut("name")) {
                name.value = Value::Text(new);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_what_a_url_may_hold() {
        let cases = [
            ("/kling/v1/videos/{id}", "/kling/v1/videos/{id}"),
            (" kling/v1 ", "/kling/v1"),
            ("https://a.b/c/d?e=f#g", "/c/d"),
            ("https://a.b", "/"),
            ("/a//b", "/a/b"),
            ("/a/{x}:{y}", "/a/{x}:{y}"),
            ("/查询", "/%E6%9F%A5%E8%AF%A2"),
            ("/a b/`c`/\"d", "/a%20b/%60c%60/%22d"),
            ("/a/{task id}/{task-id}/{taskId}", "/a/{taskid}/{task-id}/{taskId_2}"),
            ("/a/{?}", "/a/{parameter}"),
            ("/a/{任务}", "/a/{任务}"),
            ("", "/"),
        ];
        for (path, expected) in cases {
            assert_eq!(clean(path).map(|(path, _)| path).as_deref(), Ok(expected), "{path}");
        }
        for path in ["/a/{b", "/a/b}", "/a/{b/c}", "/{a{b}}"] {
            assert!(clean(path).is_err(), "{path}");
        }
    }
}
