//! The open enumerations: values the API documents, and any other, sent and received unchanged.
//!
//! A gateway may know a model or a mode that this crate does not; a word of tomorrow is never refused here. In the JSON
//! Schema each is a string whose known values stand under `x-extensible-enum`.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! open_enumeration {
    ($(#[$doc:meta])* $name:ident, $summary:literal, { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A value that this version does not know, sent as it is.
            Other(String),
        }

        impl $name {
            /// The values that this version knows, as they are sent.
            pub const KNOWN: &[&str] = &[$($word),+];

            /// The value as it is sent.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                word.as_str().into()
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(word: &str) -> Result<Self, Infallible> {
                Ok(word.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(String::deserialize(deserializer)?.into())
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "description": $summary,
                    "x-extensible-enum": Self::KNOWN,
                })
            }
        }
    };
}

open_enumeration! {
    /// Which model makes the video. Kling's reference names one for this operation; gateways accept others.
    ///
    /// ```
    /// use kling_client::Model;
    ///
    /// let known: Model = "kling-v1-6".into();
    /// assert_eq!(known, Model::KlingV1_6);
    /// assert_eq!(Model::from("kling-v9").as_str(), "kling-v9");
    /// ```
    #[derive(Default)]
    Model, "The model. Gateways accept names beyond these.", {
        /// `kling-v1-6`, the default.
        #[default]
        KlingV1_6 = "kling-v1-6",
    }
}

open_enumeration! {
    /// How much effort goes into the video. The price depends on it.
    #[derive(Default)]
    Mode, "The mode of generation: std is cheaper, pro is better.", {
        /// `std`, the default: cheaper.
        #[default]
        Std = "std",
        /// `pro`: better quality, at a higher price.
        Pro = "pro",
    }
}

open_enumeration! {
    /// How long the video is. The wire has it as a string of seconds; a number is refused with code 1201.
    #[derive(Default)]
    VideoDuration, "The video's length in seconds, as a string.", {
        /// `"5"`, the default.
        #[default]
        FiveSeconds = "5",
        /// `"10"`.
        TenSeconds = "10",
    }
}

open_enumeration! {
    /// The shape of the picture, width to height. Left out, the API takes 16:9 (Kling's reference).
    AspectRatio, "The video's width to height.", {
        /// `16:9`.
        Landscape = "16:9",
        /// `9:16`.
        Portrait = "9:16",
        /// `1:1`.
        Square = "1:1",
    }
}
