//! Units of the account as exact decimals: thousandths in an integer, never a float.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Amount of units, in thousandths. A finer amount is rounded up, so that no sum is too low.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(i64);

impl Units {
    /// Amount from thousandths, the form of the record.
    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// Amount in thousandths.
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// Price of these units at a price per unit, in thousandths, rounded up.
    pub fn at(self, price: Self) -> Self {
        let product = i128::from(self.0) * i128::from(price.0);
        Self(i64::try_from((product + 999).div_euclid(1000)).unwrap_or(i64::MAX))
    }
}

impl Add for Units {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Units {
    fn sum<I: Iterator<Item = Self>>(units: I) -> Self {
        units.fold(Self(0), Self::add)
    }
}

impl FromStr for Units {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
            let digits = format!("{whole}{part:0<3}");
            let is_decimal = digits.bytes().all(|digit| digit.is_ascii_digit()) && (whole, part) != ("", "");
            let (thousandths, finer) = digits.split_at_checked(whole.len() + 3).filter(|_| is_decimal)?;
            let is_finer = finer.bytes().any(|digit| digit != b'0');
            thousandths.parse::<i64>().ok()?.checked_add(is_finer.into()).map(Self)
        };
        parse().ok_or_else(|| "expected a decimal number such as 120 or 3.5, not negative".to_owned())
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        let text = format!("{sign}{whole}.{part:03}");
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A string, the form of the API.
impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
