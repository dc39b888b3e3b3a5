//! Collections in brackets, read as loosely as people write them: `{ type: string, description: see /a/{id}, or not }`.
//!
//! YAML ends an unquoted text at the first comma or bracket. Here it ends where another key or the collection's own end
//! follows, so that what was meant as one text can be quoted as one.

use std::ops::Range;
use std::sync::Arc;

use crate::roles::Role;
use crate::tree::{MAX_DEPTH, read};

/// Keys whose items are plain words, so that `a: b: c` under one is a word and no mapping.
pub(crate) const WORD_LISTS: [&str; 4] = ["tags", "enum", "required", "x-apifox-orders"];

/// Keys of OpenAPI beside those that have a role of their own.
const FIXED: &str = "$ref type format enum const default example examples title description summary externalDocs xml \
    required nullable deprecated readOnly writeOnly pattern minimum maximum exclusiveMinimum exclusiveMaximum minLength \
    maxLength minItems maxItems minProperties maxProperties multipleOf uniqueItems discriminator name in style explode \
    allowReserved allowEmptyValue operationId tags security servers url variables version contact license";

/// How often a text may be looked through for the ends of its lists.
const MAX_LOOKS: usize = 64;

/// Whether a text in brackets is meant as a collection, and not as words such as `{{name}}` or `[1] see below`.
pub(crate) fn opens(text: &str) -> bool {
    Flow::new(text, true).opens()
}

/// A collection with quotes around each text that YAML would not read as one; none if there is no such text, if it is
/// not clear where one ends, or if it stands where a mapping or a sequence belongs.
pub(crate) fn quoted(text: &str, role: Role, words: bool) -> Option<String> {
    let scalars = [true, false].into_iter().find_map(|pairs| {
        let mut flow = Flow::new(text, pairs);
        flow.collection(role, words)?;
        (flow.blanks(flow.at) == text.len()).then_some(flow.scalars)
    })?;
    let mut out = text.to_owned();
    for (range, role) in scalars.into_iter().rev() {
        let scalar = text.get(range.clone())?;
        if !reads(scalar) {
            (role == Role::Other).then(|| out.replace_range(range, &single(scalar)))?;
        }
    }
    (out != text).then_some(out)
}

/// Whether a mapping may have a key: only data has any.
pub(crate) fn known(around: Role, key: &str) -> bool {
    below(around, key) != Role::Other
        || around == Role::Other
        || key.starts_with("x-")
        || FIXED.split(' ').any(|fixed| fixed == key)
}

/// What the value of a key is for. Where one word belongs, several are as wrong as where a mapping does.
pub(crate) fn below(around: Role, key: &str) -> Role {
    match key {
        "type" | "in" | "$ref" if around.child(key) == Role::Other => around,
        _ => around.child(key),
    }
}

/// A text in single quotes. Tabs are not allowed between the words of a plain text, and mean nothing there.
pub(crate) fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''").replace('\t', " "))
}

/// Where a quoted text that begins at a place has ended.
pub(crate) fn closing(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = *bytes.get(start)?;
    let mut at = start + 1;
    loop {
        match *bytes.get(at)? {
            b'\\' if quote == b'"' => at += 2,
            c if c == quote && quote == b'\'' && bytes.get(at + 1) == Some(&quote) => at += 2,
            c if c == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// Whether YAML reads a text as one value.
fn reads(text: &str) -> bool {
    // An alias is known where its anchor is.
    let alias = text.starts_with('*') && !text.contains(' ');
    let entry = read(&format!("{{k: {text}}}"), &Arc::from(""), 1);
    alias || entry.is_ok_and(|entry| entry.map().is_some_and(|map| map.len() == 1))
}

struct Flow<'t> {
    text: &'t str,
    at: usize,
    /// Whether brackets inside of a text come in pairs.
    pairs: bool,
    depth: usize,
    /// Where the last line begins.
    last: usize,
    /// Bytes that may be looked at in search of a list's end: lists that never end would else cost a page's length each.
    left: usize,
    /// All keys and values, and what each is for.
    scalars: Vec<(Range<usize>, Role)>,
}

impl<'t> Flow<'t> {
    fn new(text: &'t str, pairs: bool) -> Self {
        let last = text.rfind('\n').map_or(0, |end| end + 1);
        Self { text, at: 0, pairs, depth: 0, last, left: MAX_LOOKS * text.len(), scalars: Vec::new() }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Whether a collection begins here.
    fn opens(&mut self) -> bool {
        match self.byte(self.at) {
            Some(b'{') => {
                let inside = self.blanks(self.at + 1);
                self.byte(inside) == Some(b'}') || self.key(inside, false).is_some()
            }
            Some(b'[') => self.list_end().is_some_and(|end| self.ends(end)),
            _ => false,
        }
    }

    /// Reads a collection; none if it has no end.
    fn collection(&mut self, role: Role, words: bool) -> Option<()> {
        let mapping = self.byte(self.at)? == b'{';
        let close = if mapping { b'}' } else { b']' };
        self.depth += 1;
        self.at += 1;
        loop {
            self.at = self.blanks(self.at);
            match self.byte(self.at)? {
                c if c == close => break,
                b',' => self.at += 1,
                _ => {
                    let (mut inner, mut words) = (if mapping { role } else { role.child("") }, words && !mapping);
                    let key = self.key(self.at, false).or_else(|| self.key(self.at, mapping)).filter(|_| !words);
                    if let Some((key, after)) = key {
                        let name = self.text.get(key.clone())?.trim_matches(['"', '\'']);
                        (inner, words) = (below(inner, name), WORD_LISTS.contains(&name));
                        self.scalars.push((key, Role::Other));
                        self.at = self.blanks(after);
                    } else if mapping {
                        return None;
                    }
                    self.value(role, inner, words, close)?;
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Some(())
    }

    fn value(&mut self, around: Role, role: Role, words: bool, close: u8) -> Option<()> {
        let start = self.at;
        match self.byte(start)? {
            b',' => return Some(()),
            c if c == close => return Some(()),
            b'{' | b'[' if self.opens() => {
                (self.depth < MAX_DEPTH).then_some(())?;
                self.collection(role, words)?;
                return self.ends(self.at).then_some(());
            }
            b'"' | b'\'' => {
                if let Some(end) = closing(self.text, start).filter(|end| self.ends(*end)) {
                    self.at = end;
                    self.scalars.push((start..end, role));
                    return Some(());
                }
            }
            _ => {}
        }
        let mut open = Vec::new();
        loop {
            let c = self.byte(self.at)?;
            let next = self.at + 1;
            let over = match c {
                _ if !open.is_empty() => false,
                b',' => close == b']' || self.ends(next) || self.next_key(next, around),
                b'#' => self.at < self.last && self.comments(self.at),
                c => c == close && self.ends(next),
            };
            match c {
                _ if over => break,
                b'{' | b'[' if self.pairs => open.push(c + 2),
                c if open.last() == Some(&c) => drop(open.pop()),
                _ => {}
            }
            self.at = next;
        }
        let length = self.text.get(start..self.at)?.trim_end().len();
        self.scalars.push((start..start + length, role));
        Some(())
    }

    /// Whether the mapping goes on with a key of its own.
    fn next_key(&self, at: usize, around: Role) -> bool {
        let key = self.key(self.blanks(at), false).and_then(|(key, _)| self.text.get(key));
        key.is_some_and(|key| key.starts_with(['"', '\'']) || known(around, key))
    }

    /// The key that stands at a place, and where its value may begin. Only the first key of a mapping may be several
    /// words; after a comma, several words are more of the text before it.
    fn key(&self, at: usize, several: bool) -> Option<(Range<usize>, usize)> {
        if matches!(self.byte(at)?, b'"' | b'\'') {
            let end = closing(self.text, at)?;
            let colon = self.blanks(end);
            return (self.byte(colon) == Some(b':')).then_some((at..end, colon + 1));
        }
        let mut end = at;
        loop {
            match self.byte(end)? {
                b':' if self.byte(end + 1).is_none_or(|next| b" \t\n,{}[]".contains(&next)) => break,
                b',' | b'\n' | b'[' | b']' => return None,
                b' ' | b'\t' if !several => return None,
                // A path's parameter, in a path.
                b'{' | b'}' if several || end == at => return None,
                _ => end += 1,
            }
        }
        (end > at).then_some((at..end, end + 1))
    }

    /// Past the bracket that closes the list here.
    fn list_end(&mut self) -> Option<usize> {
        let (mut at, mut depth) = (self.at, 0_usize);
        loop {
            self.left = self.left.checked_sub(1)?;
            match self.byte(at)? {
                b'[' => depth += 1,
                b']' if depth == 1 => return Some(at + 1),
                b']' => depth -= 1,
                b'"' | b'\'' if self.byte(at - 1).is_some_and(|before| b" \n[{,:".contains(&before)) => {
                    if let Some(end) = closing(self.text, at) {
                        at = end;
                        continue;
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Whether a value that ends here is followed by what can follow one.
    fn ends(&self, at: usize) -> bool {
        self.byte(self.blanks(at)).is_none_or(|next| matches!(next, b',' | b'}' | b']'))
    }

    /// The first place from here on that is neither blank nor in a comment.
    fn blanks(&self, mut at: usize) -> usize {
        let mut comment = false;
        while let Some(c) = self.byte(at) {
            comment = c != b'\n' && (comment || c == b'#' && self.comments(at));
            if !comment && !matches!(c, b' ' | b'\t' | b'\n') {
                break;
            }
            at += 1;
        }
        at
    }

    /// Whether a `#` at a place would begin a comment.
    fn comments(&self, at: usize) -> bool {
        at.checked_sub(1).and_then(|before| self.byte(before)).is_none_or(|c| matches!(c, b' ' | b'\t' | b'\n'))
    }
}
