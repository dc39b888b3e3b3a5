//! Videos that a request edits or refers to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::open_enumeration;

/// A video that an [`OmniVideo`](crate::OmniVideo) edits or refers to, by URL: the API takes no upload.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct InputVideo {
    /// A public http or https URL.
    #[schemars(url)]
    video_url: String,
    /// What it is for.
    pub(in crate::operations) refer_type: VideoUse,
    /// Whether its sound is kept.
    keep_original_sound: Option<YesNo>,
}

open_enumeration! {
    /// What a video is for.
    VideoUse {
        /// It is edited.
        Base = "base",
        /// The new video takes its style or its movement.
        Feature = "feature",
    }
}

open_enumeration! {
    /// Yes or no.
    YesNo {
        Yes = "yes",
        No = "no",
    }
}

impl InputVideo {
    /// A video to edit. The output has its length, and the price goes by that.
    pub fn to_edit(url: impl Into<String>) -> Self {
        Self { video_url: url.into(), refer_type: VideoUse::Base, keep_original_sound: None }
    }

    /// A video whose style or movement the new one takes.
    pub fn to_refer_to(url: impl Into<String>) -> Self {
        Self { refer_type: VideoUse::Feature, ..Self::to_edit(url) }
    }

    /// Whether its sound is kept. Default: that of the API.
    pub fn keep_sound(self, keep: bool) -> Self {
        Self { keep_original_sound: Some(if keep { YesNo::Yes } else { YesNo::No }), ..self }
    }
}
