//! Flat rows of what the document asks for and what the library sends, made by one walk, so that a check can join them.
//!
//! `$ref`s are followed, `allOf` is flattened, and what a page states in prose only is lifted. A row's place is written as
//! people write it, `image_list[].image`. An alternative of `oneOf` or `anyOf` has a name in it, by which both sides find
//! each other: what it requires, or else its properties, its type or its values, `image|url.url`. A `$ref` that is met again
//! inside itself ends in a row `cycle`.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::library::{Covered, Described, OPEN_ENUM};
use crate::lift::{Said, constraints, values};
use crate::reference::{decoded, follow, resolve};
use crate::tree::{Node, Place, Value};

/// The values of a row `required`: in all alternatives, or where there are none, and in some only.
pub(crate) const ALWAYS: &str = "always";
pub(crate) const IN_SOME: &str = "in some alternatives";
/// How keywords begin that limit a value, beside those that prose states too, and the mark of media.
const LIMITS: &str = "type x-extensible-enum x-media x-max- x-min- exclusiveM multipleOf pattern minP maxP unique";

/// Rows of one walk: a hundred times those of the largest page. References that fan out would fill the memory.
pub(crate) const MAX_FACTS: usize = 50_000;

/// What a row is about: the body of a POST, that of a response, or a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
    Parameter,
}

/// One row: at a place of an operation, empty for all of it, there is the `operation`, its `body`, a `property`, an
/// `alternative`, a `parameter`, a `cycle`, or the value of a keyword such as `maxLength`. An enumeration has a row for each
/// value, which is open where others are sent unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) operation: String,
    pub(crate) direction: Direction,
    pub(crate) place: String,
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) source: Place,
    pub(crate) is_open: bool,
}

/// The rows of a document's operations.
pub(crate) fn of_document(document: &Node, all: &[Described]) -> Vec<Fact> {
    let mut walk = Walk::new(document, true);
    for Described { operation, method, rest, node, .. } in all {
        let call = format!("{method} {rest}").trim_end().to_owned();
        walk.about = (operation.clone(), Direction::Parameter);
        for parameter in items(node, "parameters") {
            let at = format!("{call} {}", parameter.get_text("name").unwrap_or_default());
            let from = walk.rows.len();
            walk.schema(parameter.get("schema"), &at, false);
            let stated = walk.rows.iter().skip(from).map(|row| format!(", {} {}", row.key, row.value));
            let value = "this parameter".to_owned() + &stated.collect::<String>();
            walk.add(&at, "parameter", &value, &parameter.place);
        }
        walk.about.1 = Direction::Request;
        if method == "POST" {
            walk.add("", "operation", "", &node.place);
            walk.schema(node.at_path(&["requestBody", "content", "application/json", "schema"]), "", false);
        }
        walk.about.1 = Direction::Response;
        for (status, response) in entries(node, "responses") {
            for (_, media) in entries(follow(document, response).node, "content") {
                walk.schema(media.get("schema"), &format!("{call} {status}"), false);
            }
        }
    }
    walk.rows
}

/// The rows of what the library sends. Its texts are no limits: it enforces what its keywords say.
pub(crate) fn of_schema(Covered { name, schema }: &Covered) -> Vec<Fact> {
    let mut walk = Walk::new(schema, false);
    walk.about.0.clone_from(name);
    walk.add("", "operation", "", &schema.place);
    walk.schema([schema], "", false);
    walk.rows
}

struct Walk<'a> {
    root: &'a Node,
    prose: bool,
    about: (String, Direction),
    /// The references that lead here, each with the place where it was met first.
    open: Vec<(String, String)>,
    rows: Vec<Fact>,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Node, prose: bool) -> Self {
        Self { root, prose, about: (String::new(), Direction::Request), open: Vec::new(), rows: Vec::new() }
    }

    fn add(&mut self, place: &str, key: &str, value: &str, source: &Place) {
        let (operation, direction) = self.about.clone();
        let (is_open, key) = (key == OPEN_ENUM, if key == OPEN_ENUM { "enum" } else { key });
        // 10 and 10.0 are one number; a value of an enumeration is sent as it is written.
        let number = value.parse::<f64>().ok().filter(|_| key != "enum");
        let value = if value.is_empty() { format!("this {key}") } else { value.to_owned() };
        let value = number.map_or(value, |number| number.to_string());
        let (place, key, source) = (place.to_owned(), key.to_owned(), source.clone());
        self.rows.push(Fact { operation, direction, place, key, value, source, is_open });
    }

    /// Adds the rows of a schema, which may be an alternative of what is at the place; of several nodes, all hold.
    fn schema(&mut self, nodes: impl IntoIterator<Item = &'a Node>, at: &str, is_alternative: bool) {
        if self.rows.len() >= MAX_FACTS {
            return;
        }
        let (depth, mut parts) = (self.open.len(), Vec::new());
        nodes.into_iter().for_each(|node| self.collect(node, at, &mut parts));
        if let Some(first) = parts.first() {
            let inner = if is_alternative { format!("{at}|{}", name(&parts)) } else { at.to_owned() };
            if is_alternative || at.is_empty() {
                self.add(&inner, if is_alternative { "alternative" } else { "body" }, "", &first.place);
            }
            self.parts(&parts, &inner);
        }
        self.open.truncate(depth);
    }

    /// Collects the schemas that hold at a place: a node, what it refers to, the members of its `allOf`, and an alternative
    /// that is the only one.
    fn collect(&mut self, node: &'a Node, at: &str, parts: &mut Vec<&'a Node>) {
        parts.push(node);
        if let Some(name) = node.get_text("$ref").map(decoded) {
            match self.open.iter().find(|(open, _)| *open == name).map(|(_, first)| first.clone()) {
                // Here already: it says nothing new.
                Some(first) if first == at => {}
                Some(first) => self.add(at, "cycle", &shown(&first), &node.place),
                None => {
                    self.open.push((name.clone(), at.to_owned()));
                    resolve(self.root, &name).into_iter().for_each(|target| self.collect(target, at, parts));
                }
            }
        }
        for (key, members) in ["allOf", "oneOf", "anyOf"].map(|key| (key, members(node, key))) {
            let all = members.iter().filter(|_| key == "allOf" || members.len() == 1);
            all.for_each(|member| self.collect(member, at, parts));
        }
    }

    fn parts(&mut self, parts: &[&'a Node], at: &str) {
        let mut limits: IndexMap<&str, (Vec<String>, Place)> = IndexMap::new();
        for part in parts {
            let stated = constraints(part).into_iter().filter(|one| self.prose || one.said == Said::Keyword);
            let stated = stated.map(|one| (one.keyword.name(), one.values, one.place));
            let is_limit = |key: &str| LIMITS.split(' ').any(|word| key.starts_with(word));
            let more = part.map().into_iter().flatten().filter(|(key, _)| is_limit(key));
            let more = more.filter(|(_, node)| !matches!(node.value, Value::Bool(false)));
            for (key, values, place) in stated.chain(more.map(|(key, node)| (&**key, values(node), node.place.clone())))
            {
                // All of them hold, so the narrowest does.
                if limits.get(key).is_none_or(|(old, _)| narrower(key, &values, old)) {
                    limits.insert(key, (values, place));
                }
            }
        }
        for (key, (values, source)) in limits {
            values.iter().filter(|value| *value != "null").for_each(|value| self.add(at, key, value, &source));
        }
        for item in parts.iter().flat_map(|part| items(part, "required")) {
            let name = item.text().unwrap_or_default();
            self.add(&join(at, &format!(".{name}")), "required", ALWAYS, &item.place);
        }
        let mut properties: IndexMap<String, Vec<&Node>> = IndexMap::new();
        for (name, node) in parts.iter().flat_map(|part| entries(part, "properties")) {
            properties.entry(join(at, &format!(".{name}"))).or_default().push(node);
        }
        for (inner, nodes) in properties {
            nodes.iter().take(1).for_each(|node| self.add(&inner, "property", "", &node.place));
            self.schema(nodes, &inner, false);
        }
        for (key, step) in [("items", "[]"), ("additionalProperties", ".*")] {
            self.schema(parts.iter().filter_map(|part| part.get(key)), &join(at, step), false);
        }
        let lists = parts.iter().flat_map(|part| ["oneOf", "anyOf"].map(|key| members(part, key)));
        for member in lists.filter(|list| list.len() > 1).flatten() {
            self.schema([member], at, true);
        }
    }
}

fn items<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = &'a Node> + use<'a> {
    node.get(key).and_then(Node::list).into_iter().flatten()
}

fn entries<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = (&'a String, &'a Node)> + use<'a> {
    node.get(key).and_then(Node::map).into_iter().flatten()
}

/// The members of `allOf` and its kin; `null` is what an optional property may be, and no alternative.
fn members<'a>(node: &'a Node, key: &str) -> Vec<&'a Node> {
    items(node, key).filter(|member| member.get_text("type") != Some("null")).collect()
}

/// The name of an alternative, without what a place is divided by.
fn name(parts: &[&Node]) -> String {
    let all = |key| parts.iter().filter_map(move |part| part.get(key));
    let properties = all("properties").filter_map(Node::map).flat_map(|map| map.keys().cloned()).collect();
    let [required, types, listed] = ["required", "type", "enum"].map(|key| all(key).flat_map(values).collect());
    let sets: [BTreeSet<String>; 4] = [required, properties, types, listed];
    let first = sets.into_iter().find(|set| !set.is_empty()).unwrap_or_default();
    first.into_iter().collect::<Vec<_>>().join("+").replace(['.', '[', '|', '/'], "_")
}

fn join(at: &str, rest: &str) -> String {
    format!("{at}{rest}").trim_start_matches('.').to_owned()
}

/// Takes the names off alternatives where the other side has none: there, any of them may be sent, and what only some of
/// them require is required in some.
pub(crate) fn merge(rows: &mut Vec<Fact>, others: &[Fact]) {
    let list = |row: &Fact| Some(row.place.rsplit_once('|')?.0.to_owned()).filter(|_| row.key == "alternative");
    let known: BTreeSet<String> = others.iter().filter_map(list).collect();
    while let Some(at) = rows.iter().find_map(|row| list(row).filter(|at| !known.contains(at))) {
        let (gone, kept): (Vec<Fact>, Vec<Fact>) = rows.drain(..).partition(|row| list(row).as_ref() == Some(&at));
        let rest = |row: &Fact| gone.iter().find_map(|one| inside(&row.place, &one.place)).map(str::to_owned);
        rows.extend(kept.iter().cloned().map(|mut row| {
            let Some(inner) = rest(&row) else { return row };
            let alike = kept.iter().filter(|one| one.key == row.key && rest(one).as_ref() == Some(&inner));
            if row.key == "required" && alike.count() < gone.len() {
                IN_SOME.clone_into(&mut row.value);
            }
            Fact { place: join(&at, &inner), ..row }
        }));
    }
}

/// A place for people: the body has no name.
pub(crate) fn shown(place: &str) -> String {
    if place.is_empty() || place.starts_with(['|', '/']) { format!("the body{place}") } else { place.to_owned() }
}

/// What is left of a place inside another one, or of that itself.
pub(crate) fn inside<'p>(place: &'p str, at: &str) -> Option<&'p str> {
    place.strip_prefix(at).filter(|rest| at.is_empty() || rest.is_empty() || rest.starts_with(['.', '[', '|']))
}

/// The rows of a key at a place.
pub(crate) fn find<'f>(rows: &'f [Fact], place: &str, key: &str) -> Vec<&'f Fact> {
    rows.iter().filter(|row| row.place == place && row.key == key).collect()
}

/// Whether one value of a limit allows less than the other, or an enumeration has no other values.
pub(crate) fn narrower<S: AsRef<str>>(key: &str, ours: &[S], theirs: &[S]) -> bool {
    let number = |values: &[S]| values.first().and_then(|value| value.as_ref().parse::<f64>().ok());
    match (number(ours), number(theirs)) {
        _ if ours.is_empty() || theirs.is_empty() => theirs.is_empty(),
        _ if key == "enum" => ours.iter().all(|one| theirs.iter().any(|other| one.as_ref() == other.as_ref())),
        (Some(one), Some(other)) if key.to_lowercase().contains("max") => one < other,
        (Some(one), Some(other)) if key.to_lowercase().contains("min") => one > other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// The rows of a body in a document, its own line being 1; a component may be referred to as `N`.
    fn rows(body: &str, components: &str) -> Vec<String> {
        let reference = |text: &str| text.replace("$N", "{$ref: '#/components/schemas/N'}");
        let content = format!("requestBody: {{content: {{application/json: {{schema:\n{}}}}}}}", reference(body));
        let text = format!(
            "{{paths: {{/v: {{post: {{{content}}}}}}}, components: {{schemas: {{N: {}}}}}}}",
            reference(components)
        );
        let document = crate::tree::read(&text, &Arc::from("d"), 0).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
        let all = crate::library::described(&document);
        let rows = of_document(&document, &all).into_iter().skip(2);
        rows.map(|row| format!("{} {} {}", row.place, row.key, row.value)).collect()
    }

    #[test]
    fn references_all_of_and_prose_become_flat_rows_and_the_narrowest_limit_holds() {
        let body = "{allOf: [$N, {properties: {a: {maxLength: 5, description: up to 9 characters}}, required: [b]}]}";
        let component = "{type: object, properties: {a: {type: string, maxLength: 7, minLength: 1}, b: {type: array, items: {enum: [x, 5]}}}, required: [a]}";
        let expected = [
            " type object",
            "a required always",
            "b required always",
            "a property this property",
            "a minLength 1",
            "a maxLength 5",
            "a type string",
            "b property this property",
            "b type array",
            "b[] enum x",
            "b[] enum 5",
        ];
        assert_eq!(rows(body, component), expected);
        let prose = rows("{properties: {a: {type: array, description: 最多支持4张图片}}}", "{}");
        assert_eq!(prose, ["a property this property", "a maxItems 4", "a type array"]);
    }

    #[test]
    fn a_reference_met_again_inside_itself_ends_and_one_met_twice_side_by_side_does_not() {
        let body = "{properties: {a: $N, b: $N}}";
        let component = "{properties: {inner: $N, more: {items: {allOf: [$N]}}, text: {type: string}}}";
        let of = |name: &str| {
            [
                format!("{name} property this property"),
                format!("{name}.inner property this property"),
                format!("{name}.inner cycle {name}"),
                format!("{name}.more property this property"),
                format!("{name}.more[] cycle {name}"),
                format!("{name}.text property this property"),
                format!("{name}.text type string"),
            ]
        };
        assert_eq!(rows(body, component), [of("a"), of("b")].concat());
        assert_eq!(rows("$N", "{allOf: [$N, $N], type: object}"), [" type object"]);
        assert_eq!(
            rows("$N", "{oneOf: [$N, {type: string}]}"),
            ["| alternative this alternative", "|string alternative this alternative", "|string type string"]
        );
    }

    #[test]
    fn alternatives_are_named_by_what_they_require_have_or_are_and_lose_their_names_where_none_are_told_apart() {
        let body = "{oneOf: [{type: string}, {properties: {b: {}, a: {}}}, {required: [c], properties: {c: {}, d: {}}}, {type: 'null'}]}";
        let found = rows(body, "{}");
        let names: Vec<&str> =
            found.iter().filter_map(|row| row.strip_suffix(" alternative this alternative")).collect();
        assert_eq!(names, ["|string", "|a+b", "|c"]);
        let document =
            format!("paths: {{/v: {{post: {{requestBody: {{content: {{application/json: {{schema: {body}}}}}}}}}}}}}");
        let document = crate::tree::read(&document, &Arc::from("d"), 1).unwrap_or_else(|e| panic!("{e:?}"));
        let mut rows = of_document(&document, &crate::library::described(&document));
        let others = rows.clone();
        merge(&mut rows, &others);
        assert_eq!(rows, others);
        merge(&mut rows, &[]);
        let left: Vec<_> = rows.iter().map(|row| format!("{} {} {}", row.place, row.key, row.value)).skip(2).collect();
        let expected =
            ["type string", "b property", "a property", "c required in some alternatives", "c property", "d property"];
        assert!(left.iter().zip(expected).all(|(row, expected)| row.trim().starts_with(expected)), "{left:?}");
    }

    #[test]
    fn parameters_and_responses_have_rows_named_by_the_call() {
        let text = "paths: {/v: {post: {}, get: {parameters: [{name: n, in: query, schema: {maximum: 5}}]}}, '/v/{id}': {get: {
            parameters: [{name: id}], responses: {'200': {content: {j: {schema: {properties: {s: {}}}}}}}}}}";
        let document = crate::tree::read(text, &Arc::from("d"), 1).unwrap_or_else(|e| panic!("{e:?}"));
        let rows = of_document(&document, &crate::library::described(&document));
        let found: Vec<_> =
            rows.iter().map(|row| format!("{} {:?} {} {}", row.operation, row.direction, row.place, row.key)).collect();
        assert_eq!(rows.get(2).map(|row| row.value.as_str()), Some("this parameter, maximum 5"));
        let expected = [
            "v Request  operation",
            "v Parameter GET n maximum",
            "v Parameter GET n parameter",
            "v Parameter GET /{id} id parameter",
            "v Response GET /{id} 200.s property",
        ];
        assert_eq!(found, expected);
    }
}
