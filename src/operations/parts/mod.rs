//! Parts that requests of several operations share.

mod camera;
mod element;
mod image;
mod shot;
mod video;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use camera::{Camera, Movement};
pub use element::ElementId;
pub(crate) use element::{Element, Voice};
pub(crate) use image::{Frame, Reference};
pub use image::{MovingArea, OmniImage};
pub use shot::{Shot, Shots};
pub use video::InputVideo;
pub(crate) use video::VideoUse;

/// What a builder keeps beside the fields.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Extra {
    /// Fields that this crate does not know.
    #[serde(skip)]
    pub(crate) fields: Map<String, Value>,
    /// Whether no external id is minted.
    #[serde(skip)]
    pub(crate) anonymous: bool,
}

#[cfg_attr(not(test), expect(dead_code, reason = "of the first operation that is answered at once"))]
impl Extra {
    pub(crate) fn extra(&self) -> &Self {
        self
    }

    pub(crate) fn extra_mut(&mut self) -> &mut Self {
        self
    }
}

/// What every request of a task may have.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Common<W = Unmarked> {
    /// A public http or https URL that is notified of every change of status.
    #[schemars(url, extend("x-group" = "Submit, wait, download"))]
    pub(crate) callback_url: Option<String>,
    /// Your own id of the task, unique in your account. One is minted by default.
    #[schemars(extend("x-option" = "external-id", "x-group" = "Submit, wait, download"))]
    pub(crate) external_task_id: Option<String>,
    #[serde(flatten)]
    pub(crate) watermark: W,
    #[serde(skip)]
    extra: Extra,
}

impl<W> Common<W> {
    pub(crate) fn extra(&self) -> &Extra {
        &self.extra
    }

    pub(crate) fn extra_mut(&mut self) -> &mut Extra {
        &mut self.extra
    }
}

/// Of [`Common`] where an output has no watermark.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Unmarked {}

/// Of [`Common`] where an output can have a watermark.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Watermark {
    /// Whether a watermarked output is made as well.
    #[schemars(extend("x-option" = "watermark", "x-group" = "Advanced"))]
    watermark_info: Option<Enabled>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Enabled {
    /// On or off.
    enabled: bool,
}

impl Watermark {
    pub(crate) fn set(&mut self, enabled: bool) {
        self.watermark_info = Some(Enabled { enabled });
    }
}
