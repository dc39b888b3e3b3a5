#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
pub mod callback;
mod classify;
mod client;
mod clock;
mod download;
mod error;
#[cfg(not(feature = "raw"))]
mod generated;
mod hooks;
mod image;
mod reconcile;
mod request;
mod retry;
mod span;
mod submit;
mod task;
mod tls;
mod upload;
mod values;
mod wait;

#[cfg(feature = "raw")]
#[path = "generated.rs"]
pub mod raw;
#[cfg(feature = "raw")]
use raw as generated;

pub use answer::{TaskInfo, TaskStatus, Video};
pub use client::{BASE_URL_VARIABLE, Client, ClientBuilder, KEY_VARIABLE};
pub use clock::{Clock, Sleep, SystemClock};
pub use download::Download;
pub use error::{Error, ErrorKind, Result, Violation};
pub use generated::document;
pub use image::Image;
pub use request::{MultiImageToVideo, MultiImageToVideoBuilder};
pub use task::Task;
pub use values::{AspectRatio, Mode, Model, VideoDuration};
pub use wait::{FinishedTask, Wait, WaitEvent, Waiting};

/// The typestate of [`MultiImageToVideoBuilder`], for functions that pass one on half filled.
pub mod builder {
    pub use crate::request::multi_image_to_video_builder::*;
}
