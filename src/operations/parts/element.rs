//! What a request names by its id: elements and voices.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Violation;
use crate::values::Switch;

/// A voice that the prompt names: `<<<voice_1>>>` is the first one of the list.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Voice {
    /// The id of a voice.
    voice_id: String,
}

impl Voice {
    pub(crate) fn all(ids: impl IntoIterator<Item = impl Into<String>>) -> Vec<Self> {
        ids.into_iter().map(|id| Self { voice_id: id.into() }).collect()
    }

    /// Voices are heard with sound only, and exclude elements (Kling's reference).
    pub(crate) fn rules(sound: Option<&Switch>, elements: Option<&[Element]>, found: &mut Vec<Violation>) {
        if sound != Some(&Switch::On) {
            let given = sound.map_or("nothing", |_| "another value");
            found.push(Violation::new("sound", "on where there is a voice_list", given));
        }
        if elements.is_some() {
            found.push(Violation::new("element_list", "nothing where there is a voice_list", "elements"));
        }
    }
}

/// The id of an element: opaque, a number or a text, sent as it came. Numbers may exceed 2^53.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum ElementId {
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
}

impl From<u64> for ElementId {
    fn from(id: u64) -> Self {
        Self::Number(id)
    }
}

impl From<&str> for ElementId {
    fn from(id: &str) -> Self {
        Self::Text(id.to_owned())
    }
}

impl From<String> for ElementId {
    fn from(id: String) -> Self {
        Self::Text(id)
    }
}

impl JsonSchema for ElementId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ElementId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["integer", "string"]})
    }
}

/// A person or a thing of the account's library that the video shows.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Element {
    /// The id of an element, a number or a text.
    element_id: ElementId,
}

impl Element {
    pub(crate) fn all(ids: impl IntoIterator<Item = impl Into<ElementId>>) -> Vec<Self> {
        ids.into_iter().map(|id| Self { element_id: id.into() }).collect()
    }
}
