//! The Rust names that the generator will make of a document's names: what collides there must be kept apart here.

use heck::{ToPascalCase as _, ToSnakeCase as _};

/// The name of a field, an argument or a method.
pub(crate) fn snake(name: &str) -> String {
    finish(words(name).to_snake_case(), "x")
}

/// The name of a type.
pub(crate) fn pascal(name: &str) -> String {
    finish(words(name).to_pascal_case(), "X")
}

fn words(name: &str) -> String {
    match name {
        "+1" => "plus1".to_owned(),
        "-1" => "minus1".to_owned(),
        _ => name.replace('\'', "").replace(|c: char| !unicode_ident::is_xid_continue(c), "-"),
    }
}

/// The generator has two spellings of a leading digit; here one will do, since both keep names apart that differ.
fn finish(name: String, prefix: &str) -> String {
    match name.chars().next() {
        None => prefix.to_owned(),
        Some(first) if unicode_ident::is_xid_start(first) => name,
        Some(_) => prefix.to_owned() + &name,
    }
}

/// `POST /kling/v1/videos/multi-image2video` → `create_multi_image_to_video`; its query, which ends in a parameter, is
/// `get_…`, its list `list_…`. What stands before the version, and the kind of thing behind it (`videos`), say nothing.
pub(crate) fn operation_id(method: &str, path: &str) -> String {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let is_version = |segment: &&str| {
        segment.strip_prefix('v').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let version = segments.iter().position(is_version);
    let mut rest = segments.get(version.map_or(0, |at| at + 1)..).unwrap_or_default();
    let ends_in_parameter = rest.last().is_some_and(|last| last.starts_with('{'));
    let verb = match (method, ends_in_parameter) {
        ("get", true) => "get",
        ("get", false) => "list",
        ("post", _) => "create",
        (method, _) => method,
    };
    if verb == "get" {
        rest = rest.split_last().map_or(rest, |(_, rest)| rest);
    }
    if version.is_some() && rest.len() > 1 {
        rest = rest.split_first().map_or(rest, |(_, rest)| rest);
    }
    let words = rest.iter().map(|segment| snake(&to(segment))).filter(|word| word != "x");
    snake(&std::iter::once(verb.to_owned()).chain(words).collect::<Vec<_>>().join("_"))
}

/// `text2video` → `text-to-video`.
fn to(segment: &str) -> String {
    let around = |at: usize| segment.as_bytes().get(at).is_some_and(u8::is_ascii_lowercase);
    let both = |(at, c): (usize, char)| match c {
        '2' if at > 0 && around(at - 1) && around(at + 1) => "-to-".to_owned(),
        c => c.to_string(),
    };
    segment.char_indices().map(both).collect()
}

/// The first of `name`, `name2`, `name3`, … that is not taken.
pub(crate) fn unused(name: &str, separator: &str, taken: &mut dyn FnMut(&str) -> bool) -> String {
    let (mut candidate, mut number) = (name.to_owned(), 1_usize);
    while taken(&candidate) {
        number += 1;
        candidate = format!("{name}{separator}{number}");
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_what_the_generator_makes_of_them() {
        let cases = [
            ("image_list", "image_list", "ImageList"),
            ("pageNum", "page_num", "PageNum"),
            ("", "x", "X"),
            ("?", "x", "X"),
        ];
        let more = [
            ("16:9", "x16_9", "X169"),
            ("multi-image2video", "multi_image2video", "MultiImage2video"),
            ("图片", "图片", "图片"),
        ];
        for (name, field, kind) in cases.into_iter().chain(more) {
            assert_eq!((snake(name), pascal(name)), (field.to_owned(), kind.to_owned()), "{name}");
        }
    }

    #[test]
    fn an_operation_id_follows_from_method_and_path() {
        for (method, path, expected) in [
            ("post", "/kling/v1/videos/multi-image2video", "create_multi_image_to_video"),
            ("get", "/kling/v1/videos/multi-image2video", "list_multi_image_to_video"),
            ("get", "/kling/v1/videos/multi-image2video/{id}", "get_multi_image_to_video"),
            ("get", "/v1/videos/text2video/{task id}", "get_text_to_video"),
            ("post", "/kling/v1/videos/multi-elements/init-selection", "create_multi_elements_init_selection"),
            ("get", "/v1/tasks", "list_tasks"),
            ("delete", "/v1/tasks/{id}", "delete_id"),
            ("post", "/omni-video/kling-o1", "create_omni_video_kling_o1"),
            ("get", "/", "list"),
            ("post", "/v1/audio/v2speech2", "create_v_to_speech2"),
        ] {
            assert_eq!(operation_id(method, path), expected, "{method} {path}");
        }
    }
}
