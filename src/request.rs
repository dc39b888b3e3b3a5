//! A request of any operation: validated, owned, and submitted once.
//!
//! Its JSON holds a number in the place of each image; the body is that JSON, cut there. Bytes of images are never part of a
//! JSON value.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::{Error, Remark, Result, Violation};
use crate::media::{Image, Segment};
use crate::row::Row;
use crate::validate::Walk;

/// The field by which a task can be looked up whose response was lost.
const EXTERNAL: &str = "external_task_id";

/// A validated request of any operation, to be [submitted](crate::Client::submit) once.
///
/// Built by the builder of an operation, such as [`TextToVideo`](crate::TextToVideo), or [from JSON](Self::from_json).
/// `Debug` shows neither prompt nor media.
#[must_use = "a request does nothing until it is submitted"]
pub struct Request {
    row: &'static Row,
    /// With the number of an image where it goes.
    body: Value,
    segments: Vec<Segment>,
    remarks: Vec<Remark>,
}

pub(crate) struct Draft {
    pub(crate) body: Value,
    /// The media by the number that stands in their place.
    pub(crate) media: Vec<Image>,
    /// Fields that this crate does not know.
    pub(crate) extra: Map<String, Value>,
    /// Whether no external id is minted.
    pub(crate) anonymous: bool,
}

impl Request {
    /// Validates a draft; unless `checked`, limits and rules are skipped.
    pub(crate) fn new(
        row: &'static Row,
        draft: Draft,
        checked: bool,
        resolve: &mut dyn FnMut(String) -> Image,
    ) -> Result<Self> {
        let Draft { mut body, media, extra, anonymous } = draft;
        let schema = (row.schema)();
        let (segments, sizes, violations, remarks) = Default::default();
        let mut walk = Walk { checked, resolve, media: &media, segments, sizes, violations, remarks };
        walk.value(&mut body, schema, "");
        walk.ratios();
        let Walk { segments, mut violations, mut remarks, .. } = walk;
        if checked {
            (row.rules)(&body, &mut violations, &mut remarks);
        }
        let mut request = Self { row, body, segments, remarks };
        for (name, value) in extra {
            violations.extend(request.insert(name, value).err());
        }
        if !violations.is_empty() {
            return Err(Error::invalid("build", violations).with_operation(row.name).with_remarks(request.remarks));
        }
        if request.external_task_id().is_none() && !anonymous && !schema["properties"][EXTERNAL].is_null() {
            request.body[EXTERNAL] = Uuid::now_v7().to_string().into();
        }
        Ok(request)
    }

    /// Adds a field that this crate does not know, such as one of a gateway's own.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for a field that this crate knows: set it where the request is built.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Result<Self> {
        match self.insert(name.into(), value.into()) {
            Ok(()) => Ok(self),
            Err(violation) => {
                Err(Error::invalid("build", vec![violation]).with_operation(self.row.name).with_remarks(self.remarks))
            }
        }
    }

    fn insert(&mut self, name: String, value: Value) -> Result<(), Violation> {
        match self.body.as_object_mut().filter(|_| (self.row.schema)()["properties"][&name].is_null()) {
            Some(fields) => drop(fields.insert(name, value)),
            None => {
                let (limit, given) = ("a field of its own, set by its own method", "an extra field of that name");
                return Err(Violation::new(name, limit, given));
            }
        }
        Ok(())
    }

    /// The external task id: the given one, or else a minted one (UUIDv7).
    ///
    /// It is known before anything is sent, so that a task whose response was lost can be looked up by it
    /// ([`Client::find_task`](crate::Client::find_task)).
    pub fn external_task_id(&self) -> Option<&str> {
        self.body.get(EXTERNAL)?.as_str()
    }

    /// What is unusual about the request, such as a model that this version does not know, or a prompt that names
    /// `<<<image_3>>>` beside two images; it is sent all the same.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// The length of the body in bytes, media as Base64 included. Reads no file.
    pub fn body_len(&self) -> u64 {
        self.body().iter().map(Segment::encoded_len).sum()
    }

    pub(crate) fn row(&self) -> &'static Row {
        self.row
    }

    /// A field of the request, if it is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.as_str()
    }

    /// The pieces of the body: the JSON, cut where media go.
    pub(crate) fn body(&self) -> Vec<Segment> {
        let (mut text, mut pieces) = (Vec::new(), Vec::new());
        self.write(&self.body, (self.row.schema)(), &mut text, &mut pieces);
        pieces.push(Segment::Text(text.into()));
        pieces
    }

    fn write(&self, value: &Value, schema: &Value, text: &mut Vec<u8>, pieces: &mut Vec<Segment>) {
        match value {
            Value::Object(fields) => {
                text.push(b'{');
                for (at, (name, value)) in fields.iter().enumerate() {
                    text.extend(if at > 0 { &b","[..] } else { b"" });
                    text.extend(Value::from(name.as_str()).to_string().bytes());
                    text.push(b':');
                    self.write(value, &schema["properties"][name], text, pieces);
                }
                text.push(b'}');
            }
            Value::Array(items) => {
                text.push(b'[');
                for (at, value) in items.iter().enumerate() {
                    text.extend(if at > 0 { &b","[..] } else { b"" });
                    self.write(value, &schema["items"], text, pieces);
                }
                text.push(b']');
            }
            Value::Number(number) if !schema["x-media"].is_null() => {
                let media = number.as_u64().and_then(|number| self.segments.get(usize::try_from(number).ok()?));
                text.push(b'"');
                pieces.push(Segment::Text(Bytes::from(std::mem::take(text))));
                pieces.extend(media.cloned());
                text.push(b'"');
            }
            leaf => text.extend(leaf.to_string().bytes()),
        }
    }

    /// The texts of the request that nobody else should see: all but ids and values of enumerations.
    pub(crate) fn secrets(&self) -> Vec<String> {
        fn collect(value: &Value, schema: &Value, found: &mut Vec<String>) {
            match value {
                Value::String(text) if schema["x-extensible-enum"].is_null() => found.push(text.clone()),
                Value::Array(items) => items.iter().for_each(|item| collect(item, &schema["items"], found)),
                Value::Object(fields) => {
                    for (name, value) in fields.iter().filter(|(name, _)| !name.ends_with("_id")) {
                        collect(value, &schema["properties"][name], found);
                    }
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        collect(&self.body, (self.row.schema)(), &mut found);
        found
    }
}

debug_fields!(Request, |request|
    operation: request.row,
    external_task_id: request.external_task_id(),
    fields: request.body.as_object().into_iter().flat_map(Map::keys).collect::<Vec<_>>(),
    media: request.segments.len()
);

impl Error {
    /// The request back, where no task was made of it: to be submitted again later, with the same external id.
    ///
    /// None after an ambiguous submit: a task may exist, so look it up first.
    ///
    /// ```no_run
    /// # async fn run(client: kling_client::Client, request: kling_client::Request) {
    /// match client.submit(request).await {
    ///     Err(error) if error.is_retryable() => {
    ///         let request = error.into_request(); // put it back into the queue
    ///     }
    ///     other => drop(other),
    /// }
    /// # }
    /// ```
    pub fn into_request(self) -> Option<Request> {
        self.into_attached()
    }
}

/// A validated request that is answered at once, to be sent by [`Client::call`](crate::Client::call).
///
/// It makes no task: there is nothing to wait for, and nothing to look up if its response is lost.
#[must_use = "a call does nothing until it is sent"]
pub struct Call<T> {
    pub(crate) request: Request,
    response: PhantomData<fn() -> T>,
}

/// A request type that is answered at once, with a response of this type.
pub trait AtOnce {
    /// The `data` of its response.
    type Response: DeserializeOwned;
}

impl<T: AtOnce> Call<T> {
    #[cfg_attr(not(test), expect(dead_code, reason = "of the first operation that is answered at once"))]
    pub(crate) fn new(request: Request) -> Self {
        Self { request, response: PhantomData }
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.request).finish()
    }
}
