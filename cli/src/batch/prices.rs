//! Expected cost of a job: the first price that fits, of a dated table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::request::{JobRequest, properties};
use super::units::Units;
use crate::failure::{Failure, Result};

/// A table of prices in units of the account, read from JSON. The first price that fits a request is its estimate; a field
/// that a price does not name may have any value. A price has `units`, or units `per_second` of the duration, and may be of
/// requests that have another field (`"has": "video_list"`) alone. Each has a date and a source; fields beside the prices are
/// the default of each.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Table")]
pub struct Prices {
    currency: Option<Currency>,
    prices: Vec<Price>,
}

#[derive(Debug, Clone, Deserialize)]
struct Price {
    units: Option<Units>,
    per_second: Option<Units>,
    has: Option<String>,
    #[serde(flatten)]
    source: Source,
    /// The fields that it names.
    #[serde(flatten)]
    fields: BTreeMap<String, String>,
}

/// Origin of a price.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Source {
    /// Date of the price.
    pub dated: String,
    /// Where it is written.
    pub source: String,
}

#[derive(Deserialize)]
struct Table {
    currency: Option<Currency>,
    prices: Vec<Map<String, Value>>,
    #[serde(flatten)]
    defaults: Map<String, Value>,
}

impl TryFrom<Table> for Prices {
    type Error = String;

    fn try_from(Table { currency, prices, defaults }: Table) -> Result<Self, String> {
        let price = |own| {
            let fields = defaults.clone().into_iter().chain(own).collect::<Map<_, _>>();
            let price: Price = serde_json::from_value(fields.into()).map_err(|reason| reason.to_string())?;
            let is_known = |(name, value): &(&String, &String)| match name.as_str() {
                "sound" => ["on", "off"].contains(&value.as_str()),
                name => NAMES.contains(&name),
            };
            match price.fields.iter().find(|field| !is_known(field)) {
                Some((name, value)) => Err(format!("a price cannot name {name} {value:?}")),
                None if price.units.is_some() == price.per_second.is_some() => {
                    Err("each price needs either `units` or `per_second`".to_owned())
                }
                None => Ok(price),
            }
        };
        Ok(Self { currency, prices: prices.into_iter().map(price).collect::<Result<_, _>>()? })
    }
}

/// Price of a unit in money.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Currency {
    name: String,
    per_unit: Units,
}

/// The fields of a request that a price may name.
const NAMES: [&str; 5] = ["operation", "model", "mode", "duration", "sound"];

impl Prices {
    /// Hint for missing prices.
    pub const ADD: &str = "put the missing prices into a file for --prices: \
        {\"dated\": \"2026-11-30\", \"source\": \"our invoice\", \"prices\": [ … ]}";

    /// Default table: the prices of Kling's page, and an assumption for multi-image2video.
    pub fn builtin() -> Result<Self> {
        Self::read(Ok(include_str!("../../prices.json").to_owned()), "the default table")
    }

    /// Reads the table of a file.
    ///
    /// # Errors
    /// `Invalid` if the file cannot be read or holds no such table.
    pub fn load(path: &Path) -> Result<Self> {
        Self::read(std::fs::read_to_string(path), &path.display().to_string())
    }

    fn read(text: io::Result<String>, given: &str) -> Result<Self> {
        text.and_then(|text| Ok(serde_json::from_str(&text)?))
            .map_err(|reason| Failure::invalid(format!("prices: expected a table of prices, given {given}: {reason}")))
    }

    /// Returns the estimate of a request and its source, if a price fits.
    pub fn estimate(&self, request: &JobRequest) -> Option<(Units, &Source)> {
        let given = named(request);
        let fits = |price: &&Price| {
            price.fields.iter().all(|(name, value)| given.get(name.as_str()) == Some(value))
                && price.has.as_ref().is_none_or(|name| !request.text(name).is_empty())
        };
        self.prices.iter().filter(fits).find_map(|price| {
            let by_duration = || Some(price.per_second?.at(given.get("duration")?.parse().ok()?));
            Some((price.units.or_else(by_duration)?, &price.source))
        })
    }

    /// The line to add to a table without a price for a request.
    pub fn missing(request: &JobRequest) -> String {
        let (has_sound, values) = (!properties(&request.operation)["sound"].is_null(), named(request));
        let is_named = |name: &&str| !values[name].is_empty() && (has_sound || *name != "sound");
        let named = NAMES.into_iter().filter(is_named).map(|name| format!("\"{name}\": {}, ", json!(values[name])));
        let named: String = named.collect();
        format!("{{{named}\"units\": \"…\"}}")
    }

    /// The sources of all prices, each once.
    pub fn sources(&self) -> Vec<&Source> {
        self.prices.iter().map(|price| &price.source).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// An amount in money, if the table has a currency.
    pub fn in_money(&self, units: Units) -> Option<String> {
        self.currency.as_ref().map(|money| format!("{} {}", units.at(money.per_unit), money.name))
    }
}

/// The fields that a price may name, with the values of a request. One without `sound` makes none.
fn named(request: &JobRequest) -> BTreeMap<&'static str, String> {
    let value = |name| match name {
        "operation" => request.operation.as_str().to_owned(),
        "model" => request.model(),
        "sound" if request.text(name).is_empty() => "off".to_owned(),
        _ => request.text(name),
    };
    NAMES.map(|name| (name, value(name))).into()
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prices of {}: {}", self.dated, self.source)
    }
}
