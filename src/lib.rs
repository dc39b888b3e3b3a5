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
mod classify;
mod client;
mod clock;
mod content_encoding;
mod download;
mod encoded;
mod error;
#[cfg(not(feature = "raw"))]
mod generated;
mod header;
mod hooks;
mod image;
mod judge;
mod mp4;
mod part;
mod polling;
mod reconcile;
mod request;
mod resolver;
mod response;
mod retry;
mod running;
mod saved;
mod schema;
mod shown;
mod span;
mod submit;
mod task;
mod tls;
mod transfer;
mod upload;
mod values;
mod wait;
mod wait_all;
mod watch;

#[cfg(feature = "raw")]
#[path = "generated.rs"]
pub mod raw;
#[cfg(feature = "raw")]
use raw as generated;

pub use client::{BASE_URL_VARIABLE, Client, ClientBuilder, EXPECT_VARIABLE, KEY_VARIABLE};
pub use clock::{Clock, Sleep, SystemClock};
pub use download::{Download, DownloadProgress, VideoStream};
pub use error::{Error, ErrorKind, Result, Violation};
pub use generated::document;
pub use image::Image;
pub use polling::{PollPolicy, PollState, SteadyPolling};
pub use request::{MultiImageToVideo, MultiImageToVideoBuilder};
pub use response::{TaskInfo, TaskStatus, Video};
pub use saved::SavedTask;
pub use task::Task;
pub use values::{AspectRatio, Mode, Model, VideoDuration};
pub use wait::{FinishedTask, Wait, WaitEvent, Waiting};
pub use wait_all::WaitAll;

/// The typestate of [`MultiImageToVideoBuilder`], for functions that pass one on half filled.
pub mod builder {
    pub use crate::request::multi_image_to_video_builder::*;
}

/// The code in README compiles, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
