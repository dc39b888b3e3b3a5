//! Images with a purpose: frames, references, masks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::media::Image;
use crate::values::open_enumeration;

// A reference image; without a description of its own in the schema.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Reference {
    /// The image.
    image: Image,
}

impl Reference {
    pub(crate) fn all(images: impl IntoIterator<Item = impl Into<Image>>) -> Vec<Self> {
        images.into_iter().map(|image| Self { image: image.into() }).collect()
    }
}

/// A reference image of an [`OmniVideo`](crate::OmniVideo), or one of its frames.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct OmniImage {
    /// The image.
    image_url: Image,
    /// Which frame it is; a reference by default.
    pub(in crate::operations) r#type: Option<Frame>,
}

open_enumeration! {
    /// A frame of a video.
    Frame {
        First = "first_frame",
        /// Needs a first one.
        End = "end_frame",
    }
}

impl<T: Into<Image>> From<T> for OmniImage {
    /// A reference image.
    fn from(image: T) -> Self {
        Self { image_url: image.into(), r#type: None }
    }
}

impl OmniImage {
    /// The first frame.
    pub fn first_frame(image: impl Into<Image>) -> Self {
        Self { image_url: image.into(), r#type: Some(Frame::First) }
    }

    /// The last frame, beside a first one.
    pub fn end_frame(image: impl Into<Image>) -> Self {
        Self { image_url: image.into(), r#type: Some(Frame::End) }
    }
}

/// An area of an image that moves along a line (Kling's reference): a mask of the image's ratio, and 2–77 points.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct MovingArea {
    /// The area, a mask of the ratio of the image.
    #[schemars(extend("x-max-ratio" = null, "x-ratio-of" = "image"))]
    mask: Image,
    /// The line, 2–77 points; 77 are for 5 seconds.
    #[schemars(length(min = 2, max = 77))]
    trajectories: Vec<Point>,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Point {
    /// Pixels from the left edge.
    x: i64,
    /// Pixels from the bottom edge.
    y: i64,
}

impl MovingArea {
    /// An area that moves along points, each the pixels from the left and from the bottom edge of the image.
    pub fn new(mask: impl Into<Image>, line: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let trajectories = line.into_iter().map(|(x, y)| Point { x, y }).collect();
        Self { mask: mask.into(), trajectories }
    }
}
