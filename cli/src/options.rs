//! The options of each operation, made from the JSON Schema of its request.
//!
//! A scalar or a medium is an option; a list is an option that repeats. An object stands for its only required field, so
//! that an option takes the value of that field. An object of several fields is JSON, or `@FILE` with JSON, and several
//! items of a list may come as one JSON array. Names, limits, defaults and known values are those of the schema; `x-option`
//! gives an option another name than its property, `x-group` a heading. Defaults are left to the library, as an option that
//! was not given must not override a field of `--from`.

use std::ffi::{OsStr, OsString};

use clap::builder::{OsStringValueParser, PossibleValue, StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches, Subcommand};
use kling_client::Operation;
use serde_json::{Map, Value, json};

use crate::arguments::{Generate, HEADING};
use crate::failure::{Failure, Finding, Result};

/// An operation with what was given for it.
#[derive(Clone)]
pub struct Requested {
    pub operation: Operation,
    pub generate: Generate,
    given: ArgMatches,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    Json(Value),
    /// Text, or `-` for standard input.
    Text(String),
    /// A file, a URL, a `data:` URI or `-`.
    Media(OsString),
    /// JSON or `@FILE`, of an object or a list. It is read later, as the parser would print what it cannot read.
    Structured(String),
}

/// A field of a request as an option or a value of a manifest gives it, and where its values stand in the request.
pub struct Field {
    pub property: &'static str,
    schema: &'static Value,
    kind: Kind,
    /// Whether it is a list of what `leaf` describes.
    repeats: bool,
    /// The field of the object in which the value stands.
    inner: Option<&'static str>,
    leaf: &'static Value,
    /// The fields of the object, if it has several.
    parts: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Media,
    Text,
    Word,
    Number,
    Switch,
    /// A number or a text.
    Id,
    Json,
}

/// The columns of a screen.
const SCREEN: usize = 100;

impl Field {
    fn new(property: &'static str, schema: &'static Value) -> Self {
        let (repeats, item) = schema.get("items").map_or((false, schema), |items| (true, items));
        let known = item["properties"].as_object();
        let parts = known.filter(|known| known.len() > 1).into_iter().flat_map(Map::keys).map(String::as_str).collect();
        let only = match item["required"].as_array().map(Vec::as_slice) {
            Some([only]) => only.as_str().and_then(|name| Some((name, known?.get(name)?))),
            _ => None,
        };
        let (inner, leaf) = only.map_or((None, item), |(name, leaf)| (Some(name), leaf));
        let kind = match leaf["type"].as_str() {
            Some("string") if leaf.get("x-media").is_some() => Kind::Media,
            Some("string") if leaf.get("maxLength").is_some() => Kind::Text,
            Some("string") => Kind::Word,
            Some("integer" | "number") => Kind::Number,
            Some("boolean") if !repeats => Kind::Switch,
            None if leaf["type"].is_array() => Kind::Id,
            _ => Kind::Json,
        };
        Self { property, schema, kind, repeats, inner, leaf, parts }
    }

    /// The field with this name in the API or among the options, in which `_` may stand for `-`.
    pub fn named(operation: &Operation, name: &str) -> Option<Self> {
        let known = operation.json_schema()?["properties"].as_object()?;
        let name = if name == "images" { "image" } else { name };
        let is_option = |schema: &Value| schema["x-option"].as_str().is_some_and(|is| is.replace('-', "_") == name);
        let by_option = || known.iter().find(|(_, schema)| is_option(schema));
        known.get_key_value(name).or_else(by_option).map(|(property, schema)| Self::new(property, schema))
    }

    /// A value of JSON or of a table in the form of this field. Text stands for any type, a single value for a list of it.
    pub fn shaped(&self, value: Value) -> Value {
        let value = match value {
            Value::String(text) if self.repeats || self.inner.is_some() || self.kind == Kind::Json => {
                match serde_json::from_str(&text) {
                    Ok(json @ (Value::Array(_) | Value::Object(_))) => json,
                    _ => text.into(),
                }
            }
            other => other,
        };
        match value {
            Value::Array(items) if self.repeats => items.into_iter().map(|item| self.item(item)).collect(),
            item if self.repeats => vec![self.item(item)].into(),
            item => self.item(item),
        }
    }

    fn item(&self, value: Value) -> Value {
        match value {
            Value::Array(_) | Value::Object(_) => value,
            Value::String(text) => self.whole(scalar(self.kind, &text).unwrap_or_else(|_| text.into())),
            Value::Number(number) if self.leaf["type"] == "string" => self.whole(number.to_string().into()),
            other => self.whole(other),
        }
    }

    /// The object of which a value is the only required field, or the value as it is.
    fn whole(&self, value: Value) -> Value {
        match self.inner {
            Some(inner) => json!({ inner: value }),
            None => value,
        }
    }

    fn name(&self) -> String {
        self.schema.get("x-option").and_then(Value::as_str).unwrap_or(self.property).replace('_', "-")
    }

    /// Its name among the parser's, apart from those of the command's own options.
    fn id(&self) -> String {
        format!("request.{}", self.property)
    }

    fn known(&self) -> Vec<&'static str> {
        let known = self.leaf["x-extensible-enum"].as_array();
        known.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The heading of its option.
    fn group(&self) -> Option<&'static str> {
        self.schema["x-group"].as_str()
    }

    /// The columns of its name and its value in the help.
    fn width(&self) -> usize {
        let brackets = if self.repeats || self.kind == Kind::Switch { "  -i, -- <>..." } else { "  -i, -- <>" };
        brackets.len() + self.name().len() + self.value_name().len()
    }

    /// What it is, in lines of this width. What follows the first sentence is left out where it needs a line of its own.
    fn help(&self, known: &[&str], is_required: bool, width: usize) -> String {
        let mut help = self.schema["description"].as_str().unwrap_or_default().replace('`', "");
        // The sources of limits are for those who read the code.
        for source in [" (Kling's", " (the vendor's"] {
            if let Some((before, rest)) = help.split_once(source)
                && let Some((_, after)) = rest.split_once(')')
            {
                help = format!("{before}{after}");
            }
        }
        help.truncate(help.strip_suffix('.').unwrap_or(&help).len());
        let mut more = String::new();
        match self.schema["default"].as_str() {
            _ if is_required => more.push_str(" (required)"),
            Some(default) if !help.contains("Default") => more = format!(". Default: {default}"),
            _ => {}
        }
        let is_named = |word: &&str| help.split([' ', ',']).any(|named| named == *word) || word.parse::<u32>().is_ok();
        if !known.iter().all(is_named) {
            more = format!("{more} [{}]", known.join(", "));
        }
        if !self.parts.is_empty() {
            more = format!("{more} {{{}}}", self.parts.join(", "));
        }
        if let Some((first, rest)) = help.split_once(". ")
            && (is_required || !rest.starts_with("Default:") && help.chars().count() + more.chars().count() > width)
        {
            help = first.to_owned();
        }
        wrapped(&(help + &more), width)
    }

    /// The violation of a value that is not JSON.
    fn refused(&self, reason: String) -> Box<Failure> {
        let of = if self.parts.is_empty() { String::new() } else { format!(" of {{{}}}", self.parts.join(", ")) };
        Failure::found(vec![Finding::new(self.property, &format!("JSON{of}, or @FILE"), reason)])
    }

    /// What stands for its value in usage and help.
    fn value_name(&self) -> String {
        let name = match self.kind {
            Kind::Media => self.leaf["x-media"].as_str().unwrap_or("file").to_uppercase(),
            Kind::Text => "TEXT".to_owned(),
            Kind::Number => "N".to_owned(),
            Kind::Switch => "true|false".to_owned(),
            Kind::Json => return "JSON".to_owned(),
            Kind::Id => "ID".to_owned(),
            Kind::Word => {
                let name = self.inner.unwrap_or(self.property).to_uppercase();
                name.rsplit_once('_').map_or(name.clone(), |(_, last)| last.to_owned())
            }
        };
        if self.parts.is_empty() { name } else { format!("{name}|JSON") }
    }

    fn arg(&self, operation: &Operation, is_required: bool, width: usize) -> Arg {
        let (kind, name, is_structured) = (self.kind, self.name(), !self.parts.is_empty());
        let mut known = self.known();
        if self.property == "model_name" {
            let models = operation.models();
            known.retain(|name| models.iter().all(|model| model.name != *name || model.retired.is_none()));
        }
        let arg = Arg::new(self.id())
            .help(self.help(&known, is_required, width))
            .value_name(self.value_name())
            .required(false);
        let arg = match name.as_str() {
            "image" => arg.short('i'),
            "prompt" => arg.short('p'),
            _ => arg,
        };
        let arg = match kind {
            Kind::Media => {
                arg.value_parser(OsStringValueParser::new().try_map(move |given| media(given, is_structured)))
            }
            _ => arg.hide_possible_values(true).value_parser(Open {
                inner: StringValueParser::new().try_map(move |text| read(kind, &text, is_structured)),
                known,
            }),
        };
        let arg = match kind {
            Kind::Switch => arg.num_args(0..=1).default_missing_value("true"),
            Kind::Number => arg.allow_negative_numbers(true),
            _ if self.repeats => arg.num_args(1..).action(ArgAction::Append),
            _ => arg,
        };
        let arg = if is_required { arg.required_unless_present("from") } else { arg };
        arg.long(name).help_heading(self.group().unwrap_or("Request"))
    }
}

/// The options of an operation: those that are required first, then media, texts, and all else.
fn fields(operation: &Operation) -> Vec<(Field, bool)> {
    let Some(schema) = operation.json_schema() else { return Vec::new() };
    let required = schema.get("required").and_then(Value::as_array);
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mut fields: Vec<_> = properties
        .map(|(property, schema)| {
            let is_named = required.is_some_and(|required| required.iter().any(|name| name == property));
            (Field::new(property, schema), is_named && schema.get("default").is_none())
        })
        .collect();
    // What has a heading of its own comes last, and compound names after simple ones.
    let rank = |(field, is_required): &(Field, bool)| {
        (
            field.group(),
            !is_required,
            field.property != "model_name",
            field.kind.min(Kind::Word),
            field.property.matches('_').count(),
            field.name(),
        )
    };
    fields.sort_by_key(rank);
    fields
}

/// What an operation makes.
pub fn about(operation: &Operation) -> String {
    let schema = operation.json_schema();
    let about = schema.and_then(|schema| schema["description"].as_str()).unwrap_or_default();
    let about = about.strip_prefix("Request for ").unwrap_or(about);
    let about = about.strip_suffix('.').unwrap_or(about);
    let mut letters = about.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn command(operation: &Operation) -> Command {
    let fields = fields(operation);
    let request = fields.iter().map(|(field, is_required)| {
        let beside = fields.iter().map(|(field, _)| field).filter(|other| other.group() == field.group());
        let width = SCREEN.saturating_sub(beside.map(Field::width).max().unwrap_or_default() + 2);
        field.arg(operation, *is_required, width)
    });
    // Below what stands under the same heading.
    let (last, request): (Vec<_>, Vec<_>) = request.partition(|arg| arg.get_help_heading() == Some(HEADING));
    let command = Generate::augment_args(Command::new(operation.as_str().to_owned()).args(request)).args(last);
    let command = command.about(about(operation));
    command.after_help(format!(
        "JSON may be @FILE. Fields in full: kling schema {operation}. Global options: kling --help"
    ))
}

/// Leaves the options of all commands out of the help of each operation, so that it fits on a screen.
pub fn without_global_options(command: Command) -> Command {
    let hidden = |arg: Arg| if arg.is_global_set() || arg.get_id() == "help" { arg.hide(true) } else { arg };
    let of_operation = |command: Command| command.mut_subcommands(|operation| operation.mut_args(hidden));
    ["generate", "check"].into_iter().fold(command, |command, name| command.mut_subcommand(name, of_operation))
}

/// A text in lines of this width.
fn wrapped(text: &str, most: usize) -> String {
    let (mut lines, mut column) = (String::new(), 0);
    for word in text.split(' ') {
        let width = word.chars().count();
        if column > 0 {
            let is_full = column + 1 + width > most;
            lines.push(if is_full { '\n' } else { ' ' });
            column = if is_full { 0 } else { column + 1 };
        }
        lines.push_str(word);
        column += width;
    }
    lines
}

impl Subcommand for Requested {
    fn augment_subcommands(parent: Command) -> Command {
        parent.subcommands(Operation::all().map(|operation| command(&operation)))
    }

    fn augment_subcommands_for_update(parent: Command) -> Command {
        Self::augment_subcommands(parent)
    }

    fn has_subcommand(name: &str) -> bool {
        Operation::all().any(|operation| operation.as_str() == name)
    }
}

impl FromArgMatches for Requested {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (name, given) = matches.subcommand().ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))?;
        let generate = Generate::from_arg_matches(given)?;
        Ok(Self { operation: name.into(), generate, given: given.clone() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Requested {
    /// The fields that were given by options, with each value as `json` makes it of its property and its option.
    pub fn body(&self, mut json: impl FnMut(&str, &Given) -> Result<Value>) -> Result<Map<String, Value>> {
        let mut body = Map::new();
        for (field, _) in fields(&self.operation) {
            let Some(given) = self.given.get_many::<Given>(&field.id()) else { continue };
            let mut values = Vec::new();
            for given in given {
                match given {
                    Given::Structured(text) => match from_json(text).map_err(|reason| field.refused(reason))? {
                        Value::Array(items) if field.repeats => values.extend(items),
                        value => values.push(value),
                    },
                    _ => values.push(field.whole(json(field.property, given)?)),
                }
            }
            let value = if field.repeats { Some(Value::Array(values)) } else { values.pop() };
            body.extend(value.map(|value| (field.property.to_owned(), value)));
        }
        Ok(body)
    }

    /// The option of the field at a JSON path, where it has another name and was not left to `--from`.
    pub fn option(&self, path: &str) -> Option<String> {
        let property = path.split(['.', '[']).next().unwrap_or_default();
        let (field, _) = fields(&self.operation).into_iter().find(|(field, _)| field.property == property)?;
        let is_meant = self.generate.from.is_none() || self.given.contains_id(&field.id());
        let option = format!("--{}", field.name());
        Some(option).filter(|_| is_meant && field.name() != field.property.replace('_', "-"))
    }
}

/// What a structured value begins with, and no URL. A file of such a name is `./` and its name.
fn is_json(given: &str) -> bool {
    given.trim_start().starts_with(['{', '[', '@'])
}

fn media(given: OsString, is_structured: bool) -> Result<Given, &'static str> {
    match given.to_str() {
        Some("") => Err("a file, a URL or - is expected, given nothing"),
        Some(text) if is_structured && is_json(text) => Ok(Given::Structured(text.to_owned())),
        _ => Ok(Given::Media(given)),
    }
}

fn read(kind: Kind, given: &str, is_structured: bool) -> Result<Given, String> {
    match (kind, given.trim()) {
        (Kind::Text, _) => Ok(Given::Text(given.to_owned())),
        (_, "") => Err("a value is expected, given nothing".to_owned()),
        (kind, text) if kind == Kind::Json || is_structured && is_json(text) => Ok(Given::Structured(text.to_owned())),
        _ => scalar(kind, given).map(Given::Json),
    }
}

/// The JSON of a text that is no JSON of several values.
fn scalar(kind: Kind, text: &str) -> Result<Value, String> {
    Ok(match (kind, text.trim()) {
        (Kind::Text | Kind::Media | Kind::Json, _) => text.into(),
        (Kind::Word, word) => word.into(),
        // Any number beyond 64 bits is a text, as it could not be sent unchanged.
        (Kind::Id, id) => match id.parse::<u64>() {
            Ok(number) if number.to_string() == id => number.into(),
            _ => id.into(),
        },
        (Kind::Switch, "true") => true.into(),
        (Kind::Switch, "false") => false.into(),
        (Kind::Switch, _) => return Err("true or false is expected".to_owned()),
        (Kind::Number, number) => {
            let number = serde_json::from_str::<serde_json::Number>(number);
            number.map_err(|_| "a number is expected".to_owned())?.into()
        }
    })
}

/// Visits each text of a request, with its JSON path and its schema.
pub fn each_text<E>(
    value: &mut Value,
    schema: &Value,
    path: &str,
    visit: &mut dyn FnMut(&str, &mut String, &Value) -> Result<(), E>,
) -> Result<(), E> {
    match value {
        Value::String(text) => visit(path, text, schema),
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(at, item)| each_text(item, &schema["items"], &format!("{path}[{at}]"), visit)),
        Value::Object(fields) => fields.iter_mut().try_for_each(|(name, value)| {
            let dot = if path.is_empty() { "" } else { "." };
            each_text(value, &schema["properties"][name], &format!("{path}{dot}{name}"), visit)
        }),
        _ => Ok(()),
    }
}

/// JSON, or the JSON of the file behind an `@`; or why there is none, without its text.
pub fn from_json(given: &str) -> Result<Value, String> {
    let text = match given.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|reason| format!("{file}: {reason}"))?,
        None => given.to_owned(),
    };
    serde_json::from_str(&text).map_err(|reason| format!("broken JSON: {reason}"))
}

/// A parser with known values, for help and completions, that takes any other, too.
#[derive(Clone)]
struct Open<P> {
    inner: P,
    known: Vec<&'static str>,
}

impl<P: TypedValueParser> TypedValueParser for Open<P> {
    type Value = P::Value;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<P::Value, clap::Error> {
        self.inner.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        if self.known.is_empty() { None } else { Some(Box::new(self.known.iter().map(PossibleValue::new))) }
    }
}
