//! Proves that bad input is told before anything is paid: every violation at once, with its path on the wire, the limit
//! and what was given, and never a word of the prompt or a byte of an image.

mod support;

use kling_client::{AspectRatio, ErrorKind, Image, Mode, Model, MultiImageToVideo, VideoDuration};
use serde_json::json;

/// The violations of a refused request, as `path: limit: given`.
fn violations(result: kling_client::Result<MultiImageToVideo>) -> Vec<String> {
    let error = result.expect_err("it must be refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    error.violations().iter().map(|v| format!("{}: {}: {}", v.path, v.limit, v.given)).collect()
}

/// Violations come in the order of their paths.
fn sorted<'a>(expected: &[&'a str]) -> Vec<&'a str> {
    let mut expected = expected.to_vec();
    expected.sort_by_key(|violation| violation.split(": ").next());
    expected
}

fn of_image(image: Image) -> Vec<String> {
    violations(MultiImageToVideo::builder().images([image]).prompt("x").build())
}

/// A PNG as far as its header goes.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

#[test]
fn every_violation_of_every_field_and_image_comes_at_once() {
    let request = MultiImageToVideo::builder()
        .images([
            Image::url("ftp://example.com/cat.png"),
            Image::bytes(png(200, 900)),
            Image::file("no-such-file.png"),
            Image::base64("not base64!"),
            Image::bytes(Vec::new()),
        ])
        .prompt("é".repeat(2501))
        .negative_prompt("x".repeat(2502))
        .callback_url("not a url")
        .extra("mode", "pro")
        .build();
    let found = violations(request);
    let expected = [
        "mode: a field of its own, set by its own method: an extra field of that name",
        "image_list: 1–4 items: 5 items",
        "prompt: 1–2500 characters: 2501 characters",
        "negative_prompt: at most 2500 characters: 2502 characters",
        "callback_url: a public http or https URL: 9 characters: relative URL without a base",
        "image_list[0].image: a public http or https URL: a URL with the scheme ftp",
        "image_list[1].image: each side at least 300 px: 200 × 900 px",
        "image_list[1].image: an aspect ratio from 1:2.5 to 2.5:1: 200 × 900 px",
        "image_list[2].image: a readable file: no-such-file.png: No such file or directory (os error 2)",
        "image_list[3].image: an http or https URL, or raw Base64 of a JPEG or PNG: 11 characters: one of them is not of the Base64 alphabet",
        "image_list[4].image: a JPEG or PNG picture: 0 bytes",
    ];
    assert_eq!(found, sorted(&expected));
}

#[test]
fn lengths_are_counted_in_unicode_scalar_values_and_the_limits_themselves_pass() {
    let at_the_limit = MultiImageToVideo::builder()
        .images([
            Image::bytes(png(300, 750)),
            Image::bytes(png(750, 300)),
            Image::bytes(png(300, 300)),
            Image::bytes(png(4000, 1600)),
        ])
        .prompt("猫".repeat(2500))
        .negative_prompt("👒".repeat(2500))
        .build();
    assert!(at_the_limit.is_ok(), "{at_the_limit:?}");
    for prompt in [String::new(), "👒".repeat(2501)] {
        let count = prompt.chars().count();
        let found =
            violations(MultiImageToVideo::builder().images([Image::bytes(png(300, 300))]).prompt(prompt).build());
        assert_eq!(found, [format!("prompt: 1–2500 characters: {count} characters")]);
    }
    let none: [Image; 0] = [];
    let found = violations(MultiImageToVideo::builder().images(none).prompt("x").build());
    assert_eq!(found, ["image_list: 1–4 items: 0 items"]);
}

#[test]
fn a_picture_is_known_by_its_bytes_and_not_by_its_name() {
    let directory = support::directory("pictures");
    let text = directory.join("text.png");
    std::fs::write(&text, "this is not a picture").unwrap();
    let odd = directory.join("picture.txt");
    std::fs::copy(support::picture("hat.jpg"), &odd).unwrap();
    let whole = std::fs::read(support::picture("cat.png")).unwrap();

    assert!(of_image(Image::file(&text))[0].contains("a JPEG or PNG picture"), "a text file named .png");
    assert!(of_image(Image::file(&directory))[0].contains("a directory"));
    assert!(
        of_image(Image::bytes(whole[..20].to_vec()))[0].contains("end before the picture's header does"),
        "truncated"
    );
    assert!(of_image(Image::bytes(b"GIF89a\x00\x04\x00\x04".to_vec()))[0].contains("a JPEG or PNG picture"));
    assert!(MultiImageToVideo::builder().images([Image::file(&odd)]).prompt("x").build().is_ok());
}

#[test]
fn ten_megabytes_pass_and_one_byte_more_does_not() {
    let mut bytes = png(300, 300);
    bytes.resize(10 * 1024 * 1024, 0);
    assert!(MultiImageToVideo::builder().images([Image::bytes(bytes.clone())]).prompt("x").build().is_ok());
    bytes.push(0);
    assert_eq!(of_image(Image::bytes(bytes)), ["image_list[0].image: at most 10 MB (10485760 bytes): 10485761 bytes"]);
}

#[test]
fn base64_is_taken_with_a_data_prefix_and_checked_like_bytes() {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(std::fs::read(support::picture("hat.jpg")).unwrap());
    for text in [text.clone(), format!("data:image/jpeg;base64,{text}"), format!("DATA:image/jpeg;base64,{text}")] {
        assert!(MultiImageToVideo::builder().images([Image::base64(text)]).prompt("x").build().is_ok());
    }
    let small = base64::engine::general_purpose::STANDARD.encode(png(299, 300));
    assert_eq!(of_image(Image::base64(small)), ["image_list[0].image: each side at least 300 px: 299 × 300 px"]);
}

#[test]
fn data_gives_the_same_request_and_the_same_violations_as_the_builder() {
    let data = json!({
        "image_list": [{"image": "https://example.com/cat.png"}],
        "prompt": "x", "mode": "pro", "negative_prompt": "", "callback_url": null, "cfg_scale": 0.5, "external_task_id": "order-7",
    });
    let built = MultiImageToVideo::builder()
        .images([Image::url("https://example.com/cat.png")])
        .prompt("x")
        .mode(Mode::Pro)
        .extra("cfg_scale", 0.5)
        .external_task_id("order-7")
        .build();
    assert_eq!(format!("{:?}", MultiImageToVideo::from_json(data).unwrap()), format!("{:?}", built.unwrap()));

    let found = violations(MultiImageToVideo::from_json(json!({
        "image_list": [{"image": 7}, {}], "duration": 5, "watermark_info": {"enabled": "yes"},
        "negative_prompt": "x".repeat(2501), "prompt": "",
    })));
    let expected = [
        "duration: a string: a number",
        "image_list[0].image: a string: a number",
        "image_list[1].image: a string: nothing",
        "watermark_info.enabled: a boolean: 3 characters",
        "prompt: 1–2500 characters: 0 characters",
        "negative_prompt: at most 2500 characters: 2501 characters",
    ];
    assert_eq!(found, sorted(&expected));
    for nonsense in [json!(null), json!([1]), json!("x"), json!({})] {
        assert!(!violations(MultiImageToVideo::from_json(nonsense)).is_empty());
    }
}

#[test]
fn unchecked_lets_every_limit_pass_but_not_a_file_that_is_not_there() {
    let none: [Image; 0] = [];
    assert!(MultiImageToVideo::builder().images(none).prompt("").callback_url("x").build_unchecked().is_ok());
    assert!(MultiImageToVideo::builder().images([Image::bytes(vec![1])]).prompt("").build_unchecked().is_ok());
    let found = violations(MultiImageToVideo::builder().images([Image::file("none.png")]).prompt("").build_unchecked());
    assert!(found[0].starts_with("image_list[0].image: a readable file"));
}

#[test]
fn every_limit_reaches_the_schema() {
    let schema = MultiImageToVideo::json_schema();
    for (pointer, limit) in [
        ("/properties/image_list/minItems", json!(1)),
        ("/properties/image_list/maxItems", json!(4)),
        ("/properties/prompt/minLength", json!(1)),
        ("/properties/prompt/maxLength", json!(2500)),
        ("/properties/negative_prompt/maxLength", json!(2500)),
        ("/properties/negative_prompt/type", json!("string")),
        ("/properties/callback_url/format", json!("uri")),
        ("/properties/model_name/x-extensible-enum", json!(Model::KNOWN)),
        ("/properties/mode/x-extensible-enum", json!(Mode::KNOWN)),
        ("/properties/duration/x-extensible-enum", json!(VideoDuration::KNOWN)),
        ("/properties/aspect_ratio/x-extensible-enum", json!(AspectRatio::KNOWN)),
        ("/properties/image_list/items/properties/image/x-max-bytes", json!(10 * 1024 * 1024)),
        ("/properties/image_list/items/properties/image/x-min-side", json!(300)),
        ("/properties/image_list/items/properties/image/x-max-ratio", json!(2.5)),
        ("/required", json!(["model_name", "image_list", "prompt", "mode", "duration"])),
    ] {
        assert_eq!(schema.pointer(pointer), Some(&limit), "{pointer}");
    }
}

#[test]
fn a_value_of_tomorrow_goes_through_every_open_enumeration_unchanged() {
    fn same<
        T: From<&'static str>
            + serde::Serialize
            + serde::de::DeserializeOwned
            + PartialEq
            + std::fmt::Display
            + std::str::FromStr
            + std::fmt::Debug,
    >() {
        for word in ["turbo", "", "5", "16:9", "std"] {
            let value = T::from(word);
            assert_eq!(serde_json::to_value(&value).unwrap(), json!(word));
            assert_eq!(serde_json::from_value::<T>(json!(word)).unwrap(), value);
            assert_eq!((word.parse::<T>().ok(), value.to_string().as_str()), (Some(T::from(word)), word));
        }
    }
    same::<Model>();
    same::<Mode>();
    same::<VideoDuration>();
    same::<AspectRatio>();
    assert_eq!(Mode::Other("pro".to_owned()), Mode::Pro);
}
