//! Rules about addresses: each begins with a slash, and holds what a URL may hold and nothing else.

use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::ident::snake;
use crate::notes::Notes;
use crate::tree::{Node, Value};

/// Symptom: the generator refuses the address, or writes code that does not compile. Cause: blanks, a host, a query
/// string, Chinese, braces that do not match, a parameter whose name is no word. Remedy: the address that was meant, with
/// parameters renamed where their names are no words (a client never sends them). Two that become the same are one.
pub(super) fn addresses(root: &mut Node, notes: &mut Notes) -> Result<()> {
    let Some(paths) = root.map_mut().and_then(|map| map.get_mut("paths")).and_then(Node::map_mut) else {
        return Ok(());
    };
    for (path, mut item) in std::mem::take(paths) {
        if path.starts_with("x-") {
            paths.insert(path, item);
            continue;
        }
        let (clean, renamed) =
            clean(&path).map_err(|why| Error::refused(&item.place, format_args!("the path {path:?} {why}")))?;
        if clean != path {
            notes.add(&item.place, format_args!("the path {path:?} becomes {clean}"));
        }
        rename_parameters(&mut item, &renamed);
        match paths.get_mut(&clean).and_then(Node::map_mut) {
            None => {
                paths.insert(clean, item);
            }
            Some(first) => {
                let Value::Map(second) = item.value else {
                    continue;
                };
                for (key, node) in second {
                    if let Some(old) = first.get(&key) {
                        let reason = format!(
                            "{} {clean} is described here and at {}; remove one",
                            key.to_uppercase(),
                            old.place
                        );
                        return Err(Error::refused(&node.place, reason));
                    }
                    first.insert(key, node);
                }
            }
        }
    }
    Ok(())
}

/// The address that was meant, and the parameters that are called otherwise now.
fn clean(path: &str) -> std::result::Result<(String, Vec<(String, String)>), String> {
    let mut rest = path.trim();
    if let Some((_, tail)) = rest.split_once("://") {
        rest = tail.find('/').and_then(|at| tail.get(at..)).unwrap_or("/");
    }
    let mut out = String::from("/");
    let mut renamed: Vec<(String, String)> = Vec::new();
    let mut idents: Vec<String> = Vec::new();
    let mut chars = rest.trim_start_matches('/').chars();
    while let Some(c) = chars.next() {
        match c {
            '{' => {
                let mut name = String::new();
                loop {
                    match chars.next() {
                        Some('}') => break,
                        Some('{' | '/') | None => {
                            return Err("has a brace that is never closed".to_owned());
                        }
                        Some(c) => name.push(c),
                    }
                }
                let known = renamed.iter().find(|(old, _)| *old == name).map(|(_, new)| new.clone());
                let word: String = name.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect();
                let word = if snake(&word) == "x" && word != "x" { "parameter".to_owned() } else { word };
                let new = known.unwrap_or_else(|| {
                    let new = crate::ident::unused(&word, "_", &mut |name| idents.contains(&snake(name)));
                    idents.push(snake(&new));
                    renamed.push((name.clone(), new.clone()));
                    new
                });
                let _ = write!(out, "{{{new}}}");
            }
            '}' => return Err("has a closing brace that was never opened".to_owned()),
            '?' | '#' => break,
            '/' if out.ends_with('/') => {}
            c if c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/%".contains(c) => out.push(c),
            c => {
                for byte in c.to_string().bytes() {
                    let _ = write!(out, "%{byte:02X}");
                }
            }
        }
    }
    renamed.retain(|(old, new)| old != new);
    Ok((out, renamed))
}

fn rename_parameters(item: &mut Node, renamed: &[(String, String)]) {
    if renamed.is_empty() {
        return;
    }
    for node in item.map_mut().into_iter().flat_map(|map| map.values_mut()) {
        let own =
            if node.list().is_some() { Some(node) } else { node.map_mut().and_then(|map| map.get_mut("parameters")) };
        for parameter in own.and_then(Node::list_mut).into_iter().flatten() {
            if parameter.get_text("in") != Some("path") {
                continue;
            }
            let new =
                renamed.iter().find(|(old, _)| parameter.get_text("name") == Some(old)).map(|(_, new)| new.clone());
            if let (Some(new), Some(name)) = (new, parameter.map_mut().and_then(|map| map.get_mut("name"))) {
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
