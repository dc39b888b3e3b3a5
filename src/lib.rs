#![doc = include_str!("guide/first_video.md")]
#![doc = ""]
#![doc = include_str!("guide/errors_and_money.md")]
#![doc = ""]
#![doc = include_str!("guide/waiting_and_resuming.md")]
#![doc = ""]
#![doc = include_str!("guide/spans.md")]
#![doc = ""]
#![doc = include_str!("guide/testing.md")]
#![doc = ""]
#![doc = include_str!("guide/other_gateways.md")]
#![doc = ""]
#![doc = include_str!("guide/updating.md")]
#![doc = ""]
#![doc = include_str!("guide/reference.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
pub mod callback;
mod client;
mod clock;
mod download;
mod error;
mod media;
mod reconcile;
mod request;
mod response;
mod retry;
mod running;
mod saved;
mod schema;
mod span;
mod submit;
mod task;
mod transport;
mod values;
mod wait;

#[cfg(feature = "raw")]
pub use transport::generated as raw;

pub use client::{BASE_URL_VARIABLE, Client, ClientBuilder, EXPECT_VARIABLE, KEY_VARIABLE};
pub use clock::{Clock, Sleep, SystemClock};
pub use download::{Download, DownloadProgress, VideoStream};
pub use error::{Error, ErrorKind, Result, Violation};
pub use media::Image;
pub use request::{MultiImageToVideo, MultiImageToVideoBuilder};
pub use response::{TaskInfo, TaskStatus, Video};
pub use saved::SavedTask;
pub use task::Task;
pub use transport::generated::document;
pub use values::{AspectRatio, Mode, Model, VideoDuration};
pub use wait::{FinishedTask, PollPolicy, PollState, SteadyPolling, Wait, WaitAll, WaitEvent, Waiting};

/// The typestate of [`MultiImageToVideoBuilder`], for functions that pass one on half filled.
pub mod builder {
    pub use crate::request::multi_image_to_video_builder::*;
}

/// The code in README compiles, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
