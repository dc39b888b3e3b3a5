//! The options of each operation, made from the JSON Schema of its request.
//!
//! A scalar or a medium is an option, a list of them is an option that repeats; an object of one field stands for that
//! field. Everything else is JSON. Names, limits, defaults and known values are those of the schema; `x-option` gives an
//! option another name than its property, `x-group` a heading. Defaults are left to the library, as an option that was not
//! given must not override a field of `--from`.

use std::ffi::{OsStr, OsString};

use clap::builder::{OsStringValueParser, PossibleValue, StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches, Subcommand};
use kling_client::Operation;
use serde_json::{Map, Value, json};

use crate::arguments::Generate;
use crate::failure::Result;

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
}

/// An option, and where its values stand in the request.
struct Field {
    property: &'static str,
    schema: &'static Value,
    kind: Kind,
    /// Whether it is a list of what `leaf` describes.
    repeats: bool,
    /// The only field of the object in which the value stands.
    inner: Option<&'static str>,
    leaf: &'static Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Media,
    Text,
    Word,
    Number,
    Switch,
    Json,
}

impl Field {
    fn new(property: &'static str, schema: &'static Value) -> Self {
        let (repeats, item) = schema.get("items").map_or((false, schema), |items| (true, items));
        let only = item.get("properties").and_then(Value::as_object).filter(|fields| fields.len() == 1);
        let only = only.and_then(|fields| fields.iter().next());
        let (inner, leaf) = only.map_or((None, item), |(name, leaf)| (Some(name.as_str()), leaf));
        let kind = match leaf.get("type").and_then(Value::as_str) {
            Some("string") if leaf.get("x-media").is_some() => Kind::Media,
            Some("string") if leaf.get("maxLength").is_some() => Kind::Text,
            Some("string") => Kind::Word,
            Some("integer" | "number") => Kind::Number,
            Some("boolean") if !repeats => Kind::Switch,
            _ => return Self { property, schema, kind: Kind::Json, repeats: false, inner: None, leaf: schema },
        };
        Self { property, schema, kind, repeats, inner, leaf }
    }

    fn name(&self) -> String {
        self.schema.get("x-option").and_then(Value::as_str).unwrap_or(self.property).replace('_', "-")
    }

    /// Its name among the parser's, apart from those of the command's own options.
    fn id(&self) -> String {
        format!("request.{}", self.property)
    }

    fn known(&self) -> Vec<&'static str> {
        let known = self.leaf.get("x-extensible-enum").and_then(Value::as_array);
        known.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn help(&self) -> String {
        let mut help = self.schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('`', "");
        // The sources of limits are for those who read the code.
        for source in [" (Kling's", " (the vendor's"] {
            if let Some((before, rest)) = help.split_once(source)
                && let Some((_, after)) = rest.split_once(')')
            {
                help = format!("{before}{after}");
            }
        }
        match self.schema.get("default") {
            Some(default) if !help.contains("Default") => {
                format!("{help} Default: {}", default.as_str().map_or(default.to_string(), str::to_owned))
            }
            _ => help.strip_suffix('.').unwrap_or(&help).to_owned(),
        }
    }

    fn arg(&self, is_required: bool) -> Arg {
        let (kind, name) = (self.kind, self.name());
        let value = match kind {
            Kind::Media => self.leaf["x-media"].as_str().unwrap_or("file").to_uppercase(),
            Kind::Text => "TEXT".to_owned(),
            Kind::Number => "N".to_owned(),
            Kind::Switch => "true|false".to_owned(),
            Kind::Json => "JSON|@FILE".to_owned(),
            Kind::Word => name.replace('-', "_").to_uppercase(),
        };
        let arg = Arg::new(self.id()).help(self.help()).value_name(value).required(false);
        let arg = match name.as_str() {
            "image" => arg.short('i'),
            "prompt" => arg.short('p'),
            _ => arg,
        };
        let arg = match kind {
            Kind::Media => arg.value_parser(OsStringValueParser::new().try_map(media)),
            _ => arg.value_parser(Open {
                inner: StringValueParser::new().try_map(move |text| read(kind, &text)),
                known: self.known(),
            }),
        };
        let arg = match kind {
            Kind::Switch => arg.num_args(0..=1).default_missing_value("true"),
            Kind::Number => arg.allow_negative_numbers(true),
            _ if self.repeats => arg.num_args(1..).action(ArgAction::Append),
            _ => arg,
        };
        let arg = if is_required { arg.required_unless_present("from") } else { arg };
        let group = self.schema.get("x-group").and_then(Value::as_str).unwrap_or("Request");
        arg.long(name).help_heading(group)
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
            field.schema.get("x-group").is_some(),
            !is_required,
            field.kind.min(Kind::Word),
            field.property.matches('_').count(),
            field.name(),
        )
    };
    fields.sort_by_key(rank);
    fields
}

fn command(operation: &Operation) -> Command {
    let schema = operation.json_schema();
    let about = schema.and_then(|schema| schema.get("description")).and_then(Value::as_str).unwrap_or_default();
    let about = about.strip_prefix("Request for ").unwrap_or(about);
    let about = about.strip_suffix('.').unwrap_or(about);
    let mut letters = about.chars();
    let about: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let fields = fields(operation);
    let request = fields.iter().map(|(field, is_required)| field.arg(*is_required));
    Generate::augment_args(Command::new(operation.as_str().to_owned()).args(request)).about(about)
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
                let value = json(field.property, given)?;
                values.push(field.inner.map_or(value.clone(), |inner| json!({ inner: value })));
            }
            let value = if field.repeats { Some(Value::Array(values)) } else { values.pop() };
            body.extend(value.map(|value| (field.property.to_owned(), value)));
        }
        Ok(body)
    }
}

fn media(given: OsString) -> Result<Given, &'static str> {
    if given.is_empty() { Err("a file, a URL or - is expected, given nothing") } else { Ok(Given::Media(given)) }
}

fn read(kind: Kind, given: &str) -> Result<Given, String> {
    if kind == Kind::Text {
        return Ok(Given::Text(given.to_owned()));
    }
    let value = match (kind, given.trim()) {
        (_, "") => return Err("a value is expected, given nothing".to_owned()),
        (Kind::Word, word) => word.into(),
        (Kind::Switch, "true") => true.into(),
        (Kind::Switch, "false") => false.into(),
        (Kind::Switch, _) => return Err("true or false is expected".to_owned()),
        (Kind::Number, number) => {
            let number = serde_json::from_str::<serde_json::Number>(number);
            number.map_err(|_| "a number is expected".to_owned())?.into()
        }
        (_, text) => from_json(text)?,
    };
    Ok(Given::Json(value))
}

/// JSON, or the JSON of the file behind an `@`.
pub fn from_json(given: &str) -> Result<Value, String> {
    let text = match given.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|reason| format!("the file cannot be read: {reason}"))?,
        None => given.to_owned(),
    };
    serde_json::from_str(&text).map_err(|reason| format!("JSON or @FILE is expected: {reason}"))
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
