//! What a job is expected to cost: a dated table, the user's own or the crate's, which is an assumption and says so.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::request::JobRequest;
use crate::units::Units;

/// A table of prices in units of the account.
///
/// It is read from JSON; the first price that fits a request is its estimate, and what a price does not name fits any.
///
/// ```
/// let prices: kling_batch::Prices = serde_json::from_str(r#"{
///     "dated": "2026-11-01",
///     "source": "our invoice",
///     "currency": {"name": "USD", "per_unit": "0.14"},
///     "prices": [{"mode": "std", "duration": "5", "units": "2"}, {"units": "7"}]
/// }"#)?;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// When the table was right.
    pub dated: String,
    /// Where it comes from.
    pub source: String,
    /// What a unit costs, for a view in money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    prices: Vec<Price>,
}

/// What a unit costs in money.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Currency {
    /// The money's name.
    pub name: String,
    /// How much of it one unit costs, to the thousandth.
    pub per_unit: Units,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Price {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration: Option<String>,
    units: Units,
}

impl Prices {
    /// The crate's own table. The vendor publishes no price for multi-image2video: its numbers are assumptions.
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

    /// What a request is expected to cost, if the table has a price that fits.
    pub fn estimate(&self, request: &JobRequest) -> Option<Units> {
        let fits = |price: &&Price| {
            price.operation.as_ref().is_none_or(|name| name == request.operation.as_str())
                && [(&price.model, "model_name"), (&price.mode, "mode"), (&price.duration, "duration")]
                    .into_iter()
                    .all(|(price, name)| price.as_ref().is_none_or(|price| *price == request.text(name)))
        };
        self.prices.iter().find(fits).map(|price| price.units)
    }

    /// An amount in money, if the table says what a unit costs.
    pub fn in_money(&self, units: Units) -> Option<String> {
        self.currency.as_ref().map(|currency| format!("{} {}", units.at(currency.per_unit), currency.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(model: &str, mode: &str, duration: &str) -> JobRequest {
        let fields = [("model", model), ("mode", mode), ("duration", duration)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.into()));
        JobRequest::new("text2video".into(), fields).unwrap()
    }

    #[test]
    fn the_first_price_that_fits_is_taken_and_the_assumed_table_fits_everything() {
        let prices = Prices::assumed().unwrap();
        assert!(prices.source.contains("assumption"));
        for (mode, duration, units) in
            [("std", "5", "2"), ("std", "10", "4"), ("pro", "5", "3.5"), ("pro", "10", "7"), ("turbo", "60", "7")]
        {
            let estimate = prices.estimate(&request("kling-v1-6", mode, duration)).unwrap();
            assert_eq!(estimate.to_string(), units, "{mode} {duration}");
        }
    }

    #[test]
    fn a_table_of_ones_own_may_have_no_price_and_a_misspelt_one_is_refused() {
        let table = r#"{"dated": "d", "source": "s", "currency": {"name": "EUR", "per_unit": "0.1"},
                        "prices": [{"operation": "other", "units": "9"},
                                   {"operation": "text2video", "model": "m", "units": "1.5"}]}"#;
        let prices: Prices = serde_json::from_str(table).unwrap();
        assert_eq!(
            prices.estimate(&request("m", "std", "5")).map(|u| prices.in_money(u).unwrap()).unwrap(),
            "0.15 EUR"
        );
        assert!(prices.estimate(&request("n", "std", "5")).is_none());
        for broken in ["{}", r#"{"dated":"d","source":"s","prices":[{"mod":"std","units":"1"}]}"#, "prices"] {
            assert!(Prices::read(broken, "x").is_err(), "{broken}");
        }
    }
}
