//! From what was typed to a request: the texts and pictures are read, and all that is not valid is found at once.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, stdin};

use kling_client::{Image, MultiImageToVideo};

use crate::arguments::Generate;
use crate::failure::{Failure, Finding, Result};
use crate::target::Target;

/// What is to be ordered, and where its video goes.
pub struct Order {
    pub request: MultiImageToVideo,
    pub target: Option<Target>,
}

/// Reads and checks an order, on a thread where reading may take long: a pipe has no end until somebody closes it.
pub async fn read(order: Generate) -> Result<Order> {
    match tokio::task::spawn_blocking(move || checked(&order)).await {
        Ok(order) => order,
        Err(reason) => Err(Failure::other("build", reason.to_string())),
    }
}

/// What standard input is called among the pictures and as the prompt.
const STANDARD_INPUT: &str = "-";

/// More than any gateway takes: a body of 64 MiB is refused by all that are known.
const LONGEST_IMAGE: u64 = 64 * 1024 * 1024;

/// Hundreds of times the longest prompt.
const LONGEST_TEXT: u64 = 1024 * 1024;

fn checked(order: &Generate) -> Result<Order> {
    let inputs = order.images.iter().filter(|image| *image == STANDARD_INPUT).count()
        + usize::from(order.prompt.as_deref() == Some(STANDARD_INPUT));
    if inputs > 1 {
        let message = format!("standard input: expected to be read once, given {inputs} times as -");
        return Err(Failure::invalid(message).with_hint("name a file for the others"));
    }
    let target = Target::of(order.saving.clone()).map_err(|failure| failure.with_hint("nothing was sent"));
    let failed = match (request(order), target, known(order)) {
        (Ok(request), Ok(target), Ok(())) => return Ok(Order { request, target }),
        (request, target, known) => [request.err(), target.err(), known.err()],
    };
    // All of it at once, as far as it is about what was typed.
    let all = failed.into_iter().flatten().reduce(|failure, other| failure.and(*other));
    Err(all.unwrap_or_else(|| Failure::other("build", "the request cannot be made")))
}

/// Refuses values that this version does not know, unless they are to be sent.
fn known(order: &Generate) -> Result<()> {
    match order.unknown_values() {
        unknown if unknown.is_empty() || order.allows_unknown() => Ok(()),
        unknown => Err(Failure::found(unknown).with_hint("nothing was sent; --allow-unknown sends it all the same")),
    }
}

fn request(order: &Generate) -> Result<MultiImageToVideo> {
    let (prompt, unread) = match prompt(order) {
        Ok(prompt) => (prompt, None),
        Err(failure) => (String::new(), Some(failure)),
    };
    let mut builder = MultiImageToVideo::builder();
    for (name, value) in &order.fields {
        builder = builder.extra(name, value.clone());
    }
    let images = order.images.iter().map(|given| image(given)).collect::<Result<Vec<_>>>()?;
    let builder = builder
        .images(images)
        .prompt(prompt)
        .model(order.model.clone())
        .maybe_negative_prompt(order.negative_prompt.as_deref())
        .mode(order.mode.clone())
        .duration(order.duration.clone())
        .maybe_aspect_ratio(order.aspect_ratio.clone())
        .maybe_callback_url(order.callback_url.as_deref())
        .maybe_external_task_id(order.external_id.as_deref())
        .maybe_watermark(order.watermark.then_some(true));
    let built = if order.unchecked { builder.build_unchecked() } else { builder.build() };
    match (built.map_err(Box::<Failure>::from), unread) {
        (built, None) => built,
        (Ok(_), Some(unread)) => Err(unread),
        // The prompt stands in for one that could not be read: what is wrong with it says nothing.
        (Err(failure), Some(unread)) => Err(unread.and((*failure).without("prompt"))),
    }
}

fn prompt(order: &Generate) -> Result<String> {
    let (from, read) = match (&order.prompt_file, order.prompt.as_deref()) {
        (Some(file), _) => (file.display().to_string(), File::open(file).and_then(|file| bytes(file, LONGEST_TEXT))),
        (None, Some(STANDARD_INPUT)) => ("standard input".to_owned(), bytes(stdin(), LONGEST_TEXT)),
        (None, given) => return Ok(given.unwrap_or_default().to_owned()),
    };
    let refuse =
        |found: String| Failure::found(vec![Finding::new("prompt", "readable text", format!("{from}: {found}"))]);
    let text = String::from_utf8(read.map_err(|reason| refuse(reason.to_string()))?);
    let text = text.map_err(|_| refuse("bytes that are not UTF-8".to_owned()))?;
    // The end of a file's last line is no part of what it says.
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Standard input, a URL or a `data:` URI by its scheme; all else names a file, in whatever bytes the system has for it.
fn image(given: &OsStr) -> Result<Image> {
    let begins = |text: &str, scheme: &str| text.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    match given.to_str() {
        Some(STANDARD_INPUT) => match bytes(stdin(), LONGEST_IMAGE) {
            Ok(bytes) => Ok(Image::bytes(bytes)),
            Err(reason) => Err(Failure::other("build", format!("standard input cannot be read: {reason}"))),
        },
        Some(text) if begins(text, "http://") || begins(text, "https://") => Ok(Image::url(text)),
        Some(text) if begins(text.trim_start(), "data:") => Ok(Image::base64(text)),
        _ => Ok(Image::file(given)),
    }
}

/// All there is, within a limit.
fn bytes(from: impl Read, longest: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return Err(std::io::Error::other(format!("more than {longest} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_makes_a_url_or_a_data_uri_and_all_else_is_a_file() {
        for (given, shown) in [
            ("https://example.com/cat.png", r#"Image(url on "example.com")"#),
            ("HTTP://example.com/cat.png", r#"Image(url on "example.com")"#),
            ("data:image/png;base64,iVBO", "Image(4 characters of Base64)"),
            (" DATA:image/png;name=cat.png;base64,iVBO", "Image(4 characters of Base64)"),
            ("http:cat.png", r#"Image(file "http:cat.png")"#),
            ("cat.png", r#"Image(file "cat.png")"#),
            ("./-", r#"Image(file "./-")"#),
            ("kätzchen", r#"Image(file "kätzchen")"#),
        ] {
            assert_eq!(format!("{:?}", image(OsStr::new(given)).unwrap()), shown);
        }
    }

    #[test]
    fn what_has_no_end_is_not_read_to_it() {
        assert_eq!(bytes(&b"four"[..], 4).unwrap(), b"four");
        assert!(bytes(std::io::repeat(7), 4).unwrap_err().to_string().contains("more than 4 bytes"));
    }
}
