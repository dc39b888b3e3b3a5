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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(operation: &str, values: &str) -> JobRequest {
        let names = ["model", "mode", "duration", "sound"].map(str::to_owned).into_iter();
        JobRequest::new(operation.into(), names.zip(values.split(' ').map(Into::into)), Path::new("")).unwrap()
    }

    fn units(prices: &Prices, request: &JobRequest) -> String {
        prices.estimate(request).map(|(units, _)| units.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_first_price_that_fits_is_taken_and_the_line_to_add_is_a_price_once_it_has_a_number() {
        let prices = Prices::builtin().unwrap();
        let units_of = |values: &str| units(&prices, &request("multi-image2video", &format!("kling-v1-6 {values}")));
        assert_eq!(["std 5", "std 10", "pro 5", "turbo 60"].map(units_of), ["2", "4", "3.5", "7"]);
        for operation in kling_client::Operation::all().skip(1) {
            let [silent, loud] = ["7", "7 on"].map(|end| request(operation.as_str(), &format!("kling-v9 pro {end}")));
            let line = Prices::missing(&silent);
            let expected = r#""model": "kling-v9", "mode": "pro", "duration": "7", "sound": "off", "units": "…"}"#;
            assert_eq!(line, format!("{{\"operation\": \"{operation}\", {expected}"));
            let table = format!(r#"{{"dated": "d", "source": "s", "prices": [{}]}}"#, line.replace('…', "9"));
            let priced = serde_json::from_str(&table).unwrap();
            let found = [units(&prices, &silent), units(&priced, &silent), units(&priced, &loud)];
            assert_eq!(found, ["", "9", ""], "{operation}");
        }
    }

    #[test]
    fn every_model_that_is_served_has_a_price_by_the_second_with_sound_and_with_what_else_counts() {
        let prices = Prices::builtin().unwrap();
        for operation in kling_client::Operation::all() {
            for model in operation.models().into_iter().filter(|model| model.retired.is_none()) {
                let request = request(operation.as_str(), &format!("{} pro 5", model.name));
                assert!(prices.estimate(&request).is_some(), "{operation} {}", model.name);
            }
        }
        for (operation, values, more, expected) in [
            ("text2video", "kling-v3 std 7", "", "4.2"),
            ("text2video", "kling-v3 std 7 on", "", "6.3"),
            ("text2video", "kling-v3 4k 15 on", "", "45"),
            ("image2video", "kling-v2-6 pro 10", "", "5"),
            ("image2video", "kling-v2-6 pro 10 on", "", "10"),
            ("image2video", "kling-v2-6 pro 10 on", "voice_list", "12"),
            ("image2video", "kling-v2-6 std 10 on", "", ""),
            ("omni-video", "kling-v3-omni std 5 on", "", "4"),
            ("omni-video", "kling-v3-omni std 5", "video_list", "4.5"),
        ] {
            let mut fields: Vec<_> =
                ["model", "mode", "duration", "sound"].into_iter().zip(values.split(' ')).collect();
            fields.extend((!more.is_empty()).then_some((more, "x")));
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
            let request = JobRequest::new(operation.into(), fields, Path::new("")).unwrap();
            assert_eq!(units(&prices, &request), expected, "{operation} {values} {more}");
        }
        // An edited video has the length of its input, which nobody knows here.
        let edit = request("omni-video", "kling-v3-omni std");
        assert!(prices.estimate(&edit).is_none());
    }

    #[test]
    fn a_table_may_lack_a_price_and_a_misspelt_one_is_refused() {
        let table = r#"{"source": "s", "currency": {"name": "EUR", "per_unit": "0.1"}, "prices": [
            {"operation": "other", "units": "9", "dated": "d"}, {"operation": "other", "units": "8", "dated": "d"},
            {"operation": "text2video", "model": "m", "units": "1.5", "dated": "e", "source": "t"}]}"#;
        let prices: Prices = serde_json::from_str(table).unwrap();
        let (price, source) = prices.estimate(&request("text2video", "m std 5 on")).unwrap();
        assert_eq!(format!("{} by {source}", prices.in_money(price).unwrap()), "0.15 EUR by prices of e: t");
        assert_eq!(units(&prices, &request("text2video", "n std 5")), "");
        let sound = ("model\": \"m", "sound\": \"true");
        let wrong = [("model", "mod"), sound, (", \"dated\": \"d\"", ""), ("\"units\": \"8\", ", ""), ("9", "x")];
        for (right, wrong) in wrong {
            assert!(serde_json::from_str::<Prices>(&table.replacen(right, wrong, 1)).is_err(), "{right}");
        }
    }
}
