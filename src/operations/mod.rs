//! The operations: one file each, and the table of them.
//!
//! An operation is a request type whose attributes are its limits, its `rules` between fields, and one line for its macro:
//! `task!` for what makes a task, `at_once!` for what is answered at once.

mod models;
mod parts;
mod references;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result, Violation};
use crate::media::{self, Image};
use crate::request::{Draft, Request};
use crate::response::OutputKind;
use crate::row::Row;
use crate::values::open_enumeration;

pub use models::KnownModel;
use parts::Extra;
pub use parts::{Camera, ElementId, InputVideo, Movement, MovingArea, OmniImage, Shot, Shots};

/// The table: for each operation its file, its request type, and its name.
macro_rules! operations {
    ($($(#[$doc:meta])* $file:ident::$name:ident = $word:literal,)+) => {
        $(mod $file;)+
        $(pub use $file::*;)+

        open_enumeration! {
            /// An operation of the API, by its name there.
            ///
            /// Operations that this version does not know can be stored and printed, not sent.
            Operation {
                $($(#[$doc])* $name = $word,)+
            }
        }

        /// A row for each operation.
        const ROWS: &[&Row] = &[$($name::ROW),+];
    };
}

operations! {
    /// A video from 1–4 images and a prompt; see [`MultiImageToVideo`].
    multi_image_to_video::MultiImageToVideo = "multi-image2video",
    /// A video from a prompt; see [`TextToVideo`].
    text_to_video::TextToVideo = "text2video",
    /// `image2video`: a video from its first frame, its last one, or both; see [`ImageToVideo`].
    image_to_video::ImageToVideo = "image2video",
    /// `omni-video`: a video from text, images, elements or another video; see [`OmniVideo`].
    omni_video::OmniVideo = "omni-video",
}

/// The row of a request type.
macro_rules! row {
    ($type:ident, $name:literal, $output:expr, $create:ident, $body:ident,
     get: $get:expr, get_elsewhere: $get_elsewhere:expr, list: $list:expr) => {
        impl $type {
            pub(super) const ROW: &'static crate::row::Row = &crate::row::Row {
                name: $name,
                output: $output,
                schema: || {
                    static SCHEMA: std::sync::LazyLock<serde_json::Value> =
                        std::sync::LazyLock::new(crate::validate::schema::<$type>);
                    &SCHEMA
                },
                rules: |body, found, remarks| {
                    // What does not fit the type has its violations already.
                    if let Ok(fields) = <$type as serde::Deserialize>::deserialize(body) {
                        fields.rules(found);
                    }
                    super::models::check($name, body, found, remarks);
                    super::references::check(body, remarks);
                },
                create: |client| crate::transport::write(client.$create().send()),
                served: || super::models::served($name).collect(),
                get: $get,
                get_elsewhere: $get_elsewhere,
                list: $list,
                #[cfg(test)]
                round_trip: |body| {
                    serde_json::to_value(serde_json::from_value::<crate::transport::generated::types::$body>(body)?)
                },
            };
        }
    };
}
use row;

/// The methods that end every builder.
macro_rules! finish {
    ($type:ident, $builder:ident, $state:ident, $made:ty, $make:expr) => {
        impl<S: $state::State> $builder<S> {
            /// Sends a field that this crate does not know, such as one of a gateway's own.
            ///
            /// A field that has a method of its own is refused when the request is built.
            pub fn extra(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
                self.common.extra_mut().fields.insert(name.into(), value.into());
                self
            }

            /// Validates the request, and opens files to read their headers.
            ///
            /// # Errors
            /// [`Invalid`](crate::ErrorKind::Invalid), with every violation of every field and image.
            pub fn build(self) -> crate::Result<$made>
            where
                S: $state::IsComplete,
            {
                let fields = self.fields();
                super::request($type::ROW, &fields, fields.common.extra(), true).map($make)
            }

            /// Builds without limits and rules, for a server that has moved on.
            ///
            /// # Errors
            /// [`Invalid`](crate::ErrorKind::Invalid) if a file cannot be read, or an extra field shadows a known one.
            pub fn build_unchecked(self) -> crate::Result<$made>
            where
                S: $state::IsComplete,
            {
                let fields = self.fields();
                super::request($type::ROW, &fields, fields.common.extra(), false).map($make)
            }
        }
    };
}
use finish;

/// The query at another path, if there is one.
macro_rules! elsewhere {
    () => {
        None
    };
    ($get:ident) => {
        Some(|client, id| crate::transport::write(client.$get().id(id).send()))
    };
}
use elsewhere;

/// A request type whose operation makes a task, `with watermark` where its output can have one.
macro_rules! task {
    ($type:ident, $builder:ident, $state:ident: $name:literal makes $output:ident $(with $watermark:ident)?;
     $create:ident, $get:ident $(or $elsewhere:ident)?, $list:ident, $body:ident) => {
        super::row! {
            $type, $name, Some(crate::response::OutputKind::$output), $create, $body,
            get: |client, id| crate::transport::write(client.$get().id(id).send()),
            get_elsewhere: super::elsewhere!($($elsewhere)?),
            list: |client, page| {
                crate::transport::write(client.$list().page_num(page.number).page_size(page.size).send())
            }
        }
        super::finish! { $type, $builder, $state, crate::Request, |request| request }

        impl<S: $state::State> $builder<S> {
            /// A public `http` or `https` URL that is notified of every change of status.
            pub fn callback_url(mut self, url: impl Into<String>) -> Self {
                self.common.callback_url = Some(url.into());
                self
            }

            /// Your own id of the task, unique in your account. Default: a minted one (UUIDv7).
            pub fn external_task_id(mut self, id: impl Into<String>) -> Self {
                self.common.external_task_id = Some(id.into());
                self
            }

            $(
                /// Whether a watermarked output is made as well.
                pub fn $watermark(mut self, enabled: bool) -> Self {
                    self.common.$watermark.set(enabled);
                    self
                }
            )?

            /// Sends no `external_task_id` where none was given.
            ///
            /// For a gateway that refuses the field. A task whose response is lost can then not be looked up.
            pub fn without_external_task_id(mut self) -> Self {
                self.common.extra_mut().anonymous = true;
                self
            }
        }
    };
}
use task;

/// A request type whose operation is answered at once.
#[cfg_attr(not(test), expect(unused_macros, reason = "the first such operation is yet to come"))]
macro_rules! at_once {
    ($type:ident, $builder:ident, $state:ident: $name:literal answers $response:ty; $create:ident, $body:ident) => {
        super::row! {
            $type, $name, None, $create, $body,
            get: |_, _| {},
            get_elsewhere: None,
            list: |_, _| {}
        }
        super::finish! { $type, $builder, $state, crate::Call<$type>, crate::Call::new }

        impl crate::AtOnce for $type {
            type Response = $response;
        }
    };
}
#[cfg(test)]
use at_once;

/// The request of a builder.
fn request<T: Serialize>(row: &'static Row, fields: &T, extra: &Extra, checked: bool) -> Result<Request> {
    let (body, media) = media::collect(|| serde_json::to_value(fields));
    let body =
        body.map_err(|reason| Error::new(ErrorKind::Other, "build", reason.to_string()).with_operation(row.name))?;
    let draft = Draft { body, media, extra: extra.fields.clone(), anonymous: extra.anonymous };
    Request::new(row, draft, checked, &mut Image::from_wire)
}

impl Operation {
    /// Every operation that this version knows.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.name.into())
    }

    /// The JSON Schema of its request (2020-12); none for an operation that this version does not know.
    ///
    /// Its form is not part of semver. Media are marked by `x-media`, known values of open enumerations stand under
    /// `x-extensible-enum`.
    pub fn json_schema(&self) -> Option<&'static Value> {
        Some((self.row("schema").ok()?.schema)())
    }

    /// The models that it is known to take, oldest first; none for an operation that this version does not know.
    ///
    /// ```
    /// use kling_client::Operation;
    ///
    /// let served: Vec<_> = Operation::ImageToVideo.models().into_iter().filter(|model| model.retired.is_none()).collect();
    /// assert!(served.iter().any(|model| model.name == "kling-v2-6"));
    /// ```
    pub fn models(&self) -> Vec<KnownModel> {
        self.json_schema().map(|schema| models::known(self.as_str(), schema).collect()).unwrap_or_default()
    }

    /// What its tasks make; none for an operation that is answered at once, or that this version does not know.
    pub fn output(&self) -> Option<OutputKind> {
        self.row("output").ok()?.output
    }

    pub(crate) fn row(&self, step: &'static str) -> Result<&'static Row> {
        ROWS.iter().find(|row| row.name == self.as_str()).copied().ok_or_else(|| {
            let known = Self::KNOWN.join(", ");
            Error::invalid(step, vec![Violation::new("operation", format!("one of {known}"), "an unknown operation")])
        })
    }
}

impl Request {
    /// The operation that it is a request of.
    pub fn operation(&self) -> Operation {
        self.row().name.into()
    }

    /// Builds a request from data in the words of the API, with the checks and violations of the builder.
    ///
    /// An image is a URL or Base64. A field that the operation does not have is a violation; [`extra`](Self::extra) adds
    /// one of a gateway's own.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid), with every violation of every field and image, a wrong type among them.
    ///
    /// ```
    /// use kling_client::{Operation, Request};
    /// use serde_json::json;
    ///
    /// let data = json!({"image_list": [{"image": "https://example.com/cat.png"}], "prompt": "The cat puts the hat on"});
    /// let request = Request::from_json(Operation::MultiImageToVideo, data)?;
    ///
    /// let data = json!({"image_list": [], "duration": 5});
    /// let error = Request::from_json(Operation::MultiImageToVideo, data).unwrap_err();
    /// let paths: Vec<_> = error.violations().iter().map(|v| v.path.as_str()).collect();
    /// assert_eq!(paths, ["duration", "image_list", "prompt"]);
    /// # Ok::<(), kling_client::Error>(())
    /// ```
    pub fn from_json(operation: Operation, data: Value) -> Result<Self> {
        Self::from_json_with(operation, data, Image::from_wire)
    }

    /// Builds a request as [`from_json`](Self::from_json) does, with media by a resolver of your own: it is given the text
    /// that stands in the place of an image, such as a path.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    ///
    /// ```no_run
    /// use kling_client::{Image, Operation, Request};
    ///
    /// let data = serde_json::json!({"image_list": [{"image": "cat.png"}], "prompt": "The cat puts the hat on"});
    /// let request = Request::from_json_with(Operation::MultiImageToVideo, data, |path| Image::file(path))?;
    /// # Ok::<(), kling_client::Error>(())
    /// ```
    pub fn from_json_with(operation: Operation, data: Value, resolve: impl FnMut(String) -> Image) -> Result<Self> {
        Self::of_json(&operation, data, resolve, true)
    }

    /// Builds a request as [`from_json_with`](Self::from_json_with) does, without limits and rules, for a server that has
    /// moved on: unknown fields are sent as they are.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if a field has a wrong type or is missing, or a file cannot be read.
    pub fn from_json_unchecked(
        operation: Operation,
        data: Value,
        resolve: impl FnMut(String) -> Image,
    ) -> Result<Self> {
        Self::of_json(&operation, data, resolve, false)
    }

    fn of_json(
        operation: &Operation,
        body: Value,
        mut resolve: impl FnMut(String) -> Image,
        checked: bool,
    ) -> Result<Self> {
        let row = operation.row("build")?;
        let draft = Draft { body, media: Vec::new(), extra: serde_json::Map::new(), anonymous: false };
        Self::new(row, draft, checked, &mut resolve)
    }
}
