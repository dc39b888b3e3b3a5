//! The Rust names that the generator will make of a document's names: what collides there must be kept apart here.

use heck::{ToPascalCase as _, ToSnakeCase as _};

/// The name of a field, an argument or a method.
#[must_use]
pub fn snake(name: &str) -> String {
    finish(words(name).to_snake_case(), "x")
}

/// The name of a type.
#[must_use]
pub fn pascal(name: &str) -> String {
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

/// The first of `name`, `name2`, `name3`, … whose identifier is not taken.
pub fn unused(name: &str, separator: &str, taken: &mut dyn FnMut(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_owned();
    }
    let mut number = 2_usize;
    loop {
        let candidate = format!("{name}{separator}{number}");
        if !taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
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
}
