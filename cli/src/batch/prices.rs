//! What a job is expected to cost: a dated table, the user's own or the crate's, which is an assumption and says so.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::request::JobRequest;
use crate::units::Units;

/// A table of prices in units of the account.
///
/// It is read from JSON; the first price that fits a request is its estimate, and what a price does not name fits any.
/// Each price has a date and a source, its own or the table's.
///
/// ```
/// let prices: kling_batch::Prices = serde_json::from_str(r#"{
///     "dated": "2026-11-01",
///     "source": "our invoice",
///     "currency": {"name": "USD", "per_unit": "0.14"},
///     "prices": [
///         {"operation": "text2video", "model": "kling-v2-6", "mode": "std", "duration": "5", "units": "2"},
///         {"units": "7", "dated": "2026-11-20", "source": "the dearest so far"}
///     ]
/// }"#)?;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Table")]
pub struct Prices {
    /// What a unit costs, for a view in money.
    pub currency: Option<Currency>,
    prices: Vec<(Price, Source)>,
}

/// Where a price comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// When it was right.
    pub dated: String,
    /// Who says so.
    pub source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    dated: Option<String>,
    source: Option<String>,
    currency: Option<Currency>,
    prices: Vec<Price>,
}

impl TryFrom<Table> for Prices {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let with_source = |mut price: Price| {
            let none = || "each price needs `dated` and `source`, its own or the table's".to_owned();
            let dated = price.dated.take().or_else(|| table.dated.clone()).ok_or_else(none)?;
            let source = price.source.take().or_else(|| table.source.clone()).ok_or_else(none)?;
            Ok((price, Source { dated, source }))
        };
        let prices = table.prices.into_iter().map(with_source).collect::<Result<_, String>>()?;
        Ok(Self { currency: table.currency, prices })
    }
}

/// What a unit costs in money.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Currency {
    /// The money's name.
    pub name: String,
    /// How much of it one unit costs, to the thousandth.
    pub per_unit: Units,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    operation: Option<String>,
    model: Option<String>,
    mode: Option<String>,
    duration: Option<String>,
    units: Units,
    dated: Option<String>,
    source: Option<String>,
}

impl Prices {
    /// The crate's own table: an assumption for multi-image2video. Other operations have no price that is published.
    ///
    /// # Errors
    /// None, unless the crate was built with a broken table.
    pub fn assumed() -> Result<Self> {
        Self::read(include_str!("../prices.json"), "the crate's own table")
    }

    /// A table of the user's.
    ///
    /// # Errors
    /// `Invalid` if the file cannot be read, or is no such table.
    pub fn load(path: &Path) -> Result<Self> {
        let given = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|reason| {
            Error::invalid("prices", format!("expected a table of prices, given {given}: {reason}"))
        })?;
        Self::read(&text, &given)
    }

    fn read(text: &str, given: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|reason| Error::invalid("prices", format!("expected a table of prices, given {given}: {reason}")))
    }

    /// What a request is expected to cost and by which source, if the table has a price that fits.
    pub fn estimate(&self, request: &JobRequest) -> Option<(Units, &Source)> {
        let fits = |(price, _): &&(Price, Source)| {
            price.operation.as_ref().is_none_or(|name| name == request.operation.as_str())
                && [(&price.model, "model_name"), (&price.mode, "mode"), (&price.duration, "duration")]
                    .into_iter()
                    .all(|(price, name)| price.as_ref().is_none_or(|price| *price == request.text(name)))
        };
        self.prices.iter().find(fits).map(|(price, source)| (price.units, source))
    }

    /// What to add to a table that has no price for a request.
    pub(crate) fn missing(request: &JobRequest) -> String {
        let named = [("model", "model_name"), ("mode", "mode"), ("duration", "duration")];
        let named = named.map(|(name, field)| (name, request.text(field)));
        let named = named.iter().filter(|(_, given)| !given.is_empty());
        let named: String = named.map(|(name, given)| format!(", \"{name}\": {}", serde_json::json!(given))).collect();
        format!("{{\"operation\": \"{}\"{named}, \"units\": \"…\"}}", request.operation)
    }

    /// Where the prices come from, each source once.
    pub fn sources(&self) -> Vec<&Source> {
        let mut sources: Vec<&Source> = Vec::new();
        for (_, source) in &self.prices {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources
    }

    /// An amount in money, if the table says what a unit costs.
    pub fn in_money(&self, units: Units) -> Option<String> {
        self.currency.as_ref().map(|currency| format!("{} {}", units.at(currency.per_unit), currency.name))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prices of {}: {}", self.dated, self.source)
    }
}

/// What to do about missing prices.
pub(crate) const ADD: &str = "put the missing prices into a file for --prices: \
    {\"dated\": \"2026-11-30\", \"source\": \"our invoice\", \"prices\": [ … ]}";

#[cfg(test)]
mod tests {
    use super::*;

    fn request(operation: &str, model: &str, mode: &str, duration: &str) -> JobRequest {
        let fields = [("model", model), ("mode", mode), ("duration", duration)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.into()));
        JobRequest::new(operation.into(), fields).unwrap()
    }

    #[test]
    fn the_first_price_that_fits_is_taken_and_what_no_source_has_is_not_in_the_table() {
        let prices = Prices::assumed().unwrap();
        let multi = "multi-image2video";
        for (mode, duration, units) in
            [("std", "5", "2"), ("std", "10", "4"), ("pro", "5", "3.5"), ("pro", "10", "7"), ("turbo", "60", "7")]
        {
            let (estimate, source) = prices.estimate(&request(multi, "kling-v1-6", mode, duration)).unwrap();
            assert_eq!(estimate.to_string(), units, "{mode} {duration}");
            assert!(source.source.contains("assumption"));
        }
        for operation in kling_client::Operation::all().filter(|operation| operation.as_str() != multi) {
            let request = request(operation.as_str(), "kling-v3", "pro", "7");
            assert!(prices.estimate(&request).is_none(), "{operation}");
            let line = Prices::missing(&request);
            let expected = r#""model": "kling-v3", "mode": "pro", "duration": "7", "units": "…"}"#;
            assert_eq!(line, format!("{{\"operation\": \"{operation}\", {expected}"));
            // It is a price, once it has a number.
            let table = format!(r#"{{"dated": "d", "source": "s", "prices": [{}]}}"#, line.replace('…', "9"));
            assert_eq!(Prices::read(&table, "x").unwrap().estimate(&request).unwrap().0.to_string(), "9");
        }
    }

    #[test]
    fn a_table_of_ones_own_may_have_no_price_and_a_misspelt_one_is_refused() {
        let table = r#"{"source": "s", "currency": {"name": "EUR", "per_unit": "0.1"},
                        "prices": [{"operation": "other", "units": "9", "dated": "d"},
                                   {"operation": "text2video", "model": "m", "units": "1.5", "dated": "e", "source": "t"}]}"#;
        let prices: Prices = serde_json::from_str(table).unwrap();
        let (units, source) = prices.estimate(&request("text2video", "m", "std", "5")).unwrap();
        assert_eq!((prices.in_money(units).unwrap(), source.to_string()), ("0.15 EUR".into(), "prices of e: t".into()));
        assert!(prices.estimate(&request("text2video", "n", "std", "5")).is_none());
        assert_eq!(prices.sources().len(), 2);
        for broken in [
            "{}",
            r#"{"dated":"d","source":"s","prices":[{"mod":"std","units":"1"}]}"#,
            r#"{"source":"s","prices":[{"units":"1"}]}"#,
            "prices",
        ] {
            assert!(Prices::read(broken, "x").is_err(), "{broken}");
        }
    }
}
