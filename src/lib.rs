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

/// `Debug` that shows these fields and nothing else.
macro_rules! debug_fields {
    ($type:ty $(, |$value:ident| $($field:ident: $shown:expr),+)?) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $(let $value = self;)?
                f.debug_struct(stringify!($type))$($(.field(stringify!($field), &$shown))+)?.finish_non_exhaustive()
            }
        }
    };
}

/// Setters by value.
macro_rules! setters {
    ($type:ty { $($(#[$doc:meta])* $vis:vis $name:ident($given:ident: $of:ty) => $($field:tt).+ = $value:expr;)+ }) => {
        impl $type {
            $(
                $(#[$doc])*
                $vis fn $name(mut self, $given: $of) -> Self {
                    self.$($field).+ = $value;
                    self
                }
            )+
        }
    };
}

mod address;
mod builder;
pub mod callback;
mod client;
mod clock;
mod download;
mod error;
mod lookup;
mod media;
mod operations;
mod policy;
mod rate;
mod request;
mod response;
mod retry;
mod row;
mod running;
mod saved;
mod span;
mod submit;
mod task;
mod transport;
mod validate;
mod values;
mod wait;

#[cfg(feature = "raw")]
pub use transport::generated as raw;

pub use builder::{
    ACCESS_KEY_VARIABLE, ALLOW_HTTP_VARIABLE, BASE_URL_VARIABLE, ClientBuilder, EXPECT_VARIABLE, KEY_VARIABLE,
    SECRET_KEY_VARIABLE,
};
pub use client::{Client, Pager};
pub use clock::{Clock, Sleep, SystemClock, TestClock};
pub use download::{Download, DownloadAll, DownloadProgress, OutputStream};
pub use error::{Error, ErrorKind, Reason, Remark, Result, Violation};
pub use media::Image;
pub use operations::*;
pub use policy::{PollPolicy, PollState, SteadyPolling};
pub use request::{AtOnce, Call, Request};
pub use response::{Output, OutputKind, TaskInfo, TaskStatus};
pub use saved::SavedTask;
pub use submit::{Submit, UploadProgress};
pub use task::Task;
pub use transport::auth::Credentials;
pub use transport::generated::document;
pub use values::{AspectRatio, Mode, Model, Switch, VideoDuration};
pub use wait::{FinishedTask, Wait, WaitAll, WaitEvent};

/// The code in README compiles, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
