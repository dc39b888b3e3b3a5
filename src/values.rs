//! Enumerations: closed ones, and the open ones of requests, whose unknown values are sent and received unchanged.
//!
//! A gateway may know a model or a mode that this crate does not. In the JSON Schema an open one is a string whose known values
//! stand under `x-extensible-enum`; an operation that takes other values lists them at its field.

/// An enumeration with one word for each variant.
macro_rules! enumeration {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word that stands for it in JSON and in messages.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

/// `Display` and serde of a type that has `as_str` and is made from any text.
macro_rules! as_text {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from(&*<std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?))
            }
        }
    };
}

macro_rules! open_enumeration {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("`", $word, "`.")]
                $(#[$variant_doc])*
                $variant,
            )+
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

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Ok(word.into())
            }
        }

        $crate::values::as_text!($name);

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl Eq for $name {}

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "x-extensible-enum": Self::KNOWN,
                })
            }
        }
    };
}

pub(crate) use {as_text, enumeration, open_enumeration};

open_enumeration! {
    /// The model. Each operation documents the names that it takes; any other name is sent as it is.
    ///
    /// ```
    /// use kling_client::Model;
    ///
    /// let known: Model = "kling-v1-6".into();
    /// assert_eq!(known, Model::KlingV1_6);
    /// assert_eq!(Model::from("kling-v9").as_str(), "kling-v9");
    /// ```
    Model {
        /// Discontinued by Kling, as of 2026-09-20.
        KlingV1 = "kling-v1",
        /// Announced to end on 2026-09-15; not served for image2video on 2026-10-01.
        KlingV1_5 = "kling-v1-5",
        /// Announced to end on 2026-09-15; not served for text2video on 2026-10-01.
        KlingV1_6 = "kling-v1-6",
        /// Not served on 2026-10-01.
        KlingV2Master = "kling-v2-master",
        /// Announced to end on 2026-09-15; not served on 2026-10-01.
        KlingV2_1 = "kling-v2-1",
        /// Announced to end on 2026-09-15; not served on 2026-10-01.
        KlingV2_1Master = "kling-v2-1-master",
        /// Served on 2026-10-01.
        KlingV2_5Turbo = "kling-v2-5-turbo",
        /// Served on 2026-10-01.
        KlingV2_6 = "kling-v2-6",
        /// Served on 2026-10-01.
        KlingV3 = "kling-v3",
        /// Of omni-video; current in Kling's capability map of 2026-05-19.
        KlingVideoO1 = "kling-video-o1",
        /// Of omni-video; current in Kling's capability map of 2026-05-19.
        KlingV3Omni = "kling-v3-omni",
    }
}

open_enumeration! {
    /// The quality of a video. The price depends on it.
    #[derive(Default)]
    Mode {
        /// The default: 720p.
        #[default]
        Std = "std",
        /// 1080p, at a higher price.
        Pro = "pro",
        /// At the highest price; for few models.
        FourK = "4k",
    }
}

open_enumeration! {
    /// The length of a video. The wire has it as a string of seconds; a number is refused with code 1201.
    #[derive(Default)]
    VideoDuration {
        /// The default.
        #[default]
        FiveSeconds = "5",
        TenSeconds = "10",
    }
}

impl From<u32> for VideoDuration {
    fn from(seconds: u32) -> Self {
        seconds.to_string().into()
    }
}

impl VideoDuration {
    /// The length in seconds, where it is a number.
    pub(crate) fn seconds(&self) -> Option<f64> {
        self.as_str().parse().ok()
    }
}

open_enumeration! {
    /// Width to height of an output. Default of the API: 16:9 (Kling's reference).
    AspectRatio {
        Landscape = "16:9",
        Portrait = "9:16",
        Square = "1:1",
    }
}

open_enumeration! {
    /// Something that is on or off.
    Switch {
        On = "on",
        Off = "off",
    }
}

impl From<bool> for Switch {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}
