//! Proves that bad input is told before anything is paid: every violation at once, with its path on the wire, the limit
//! and what was given, and never a word of the prompt or a byte of an image.

mod support;

use kling_client::{AspectRatio, ErrorKind, Image, Mode, Model, MultiImageToVideo, Request, VideoDuration};
use serde_json::json;

/// The violations of a refused request, as `path: limit: given`.
fn violations(result: kling_client::Result<Request>) -> Vec<String> {
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
        "image_list[4].image: a JPEG or PNG image: 0 bytes",
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

    assert!(of_image(Image::file(&text))[0].contains("a JPEG or PNG image"), "a text file named .png");
    assert!(of_image(Image::file(&directory))[0].contains("a directory"));
    assert!(
        of_image(Image::bytes(whole[..20].to_vec()))[0].contains("end before the image's header does"),
        "truncated"
    );
    assert!(of_image(Image::bytes(b"GIF89a\x00\x04\x00\x04".to_vec()))[0].contains("a JPEG or PNG image"));
    assert!(MultiImageToVideo::builder().images([Image::file(&odd)]).prompt("x").build().is_ok());
}

/// A JPEG as far as its frame header goes, with these bytes before that.
fn jpeg(before: &[u8], frame: u8, (width, height): (u16, u16)) -> Vec<u8> {
    let frame = [0xff, frame, 0, 17, 8];
    [&b"\xff\xd8"[..], before, &frame, &height.to_be_bytes(), &width.to_be_bytes(), b"\x03\x01\x11\x00"].concat()
}

#[test]
fn a_jpeg_is_measured_as_cameras_and_encoders_write_it() {
    let exif = [&b"\xff\xe1\xff\xff"[..], &[0xff; 0xffff - 2]].concat();
    for (name, before) in [
        ("plain", &b"\xff\xe0\x00\x04ab"[..]),
        ("nothing before the frame", b""),
        ("fill bytes", b"\xff\xff\xff\xe0\x00\x04ab\xff\xff\xff\xff\xff"),
        ("an ICC profile and Exif data of 640 KB", &exif.repeat(10)),
        ("what looks like a frame within a segment", b"\xff\xe1\x00\x0b\xff\xc0\x00\x11\x08\x00\x01\x00\x01"),
        ("Huffman tables before the frame", b"\xff\xc4\x00\x04ab"),
        ("zeros between two segments", b"\xff\xe0\x00\x04ab\x00\x00\x00"),
        ("a restart marker", b"\xff\xd0\xff\x01"),
    ] {
        for frame in [0xc0, 0xc1, 0xc2] {
            let good = jpeg(before, frame, (640, 480));
            let path = support::directory("jpegs").join("photo.jpg");
            std::fs::write(&path, &good).unwrap();
            for image in [Image::bytes(good), Image::file(&path)] {
                let built = MultiImageToVideo::builder().images([image]).prompt("x").build();
                assert!(built.is_ok(), "{name}: {built:?}");
            }
            assert_eq!(
                of_image(Image::bytes(jpeg(before, frame, (640, 200)))),
                [
                    "image_list[0].image: each side at least 300 px: 640 × 200 px",
                    "image_list[0].image: an aspect ratio from 1:2.5 to 2.5:1: 640 × 200 px",
                ],
                "{name}"
            );
        }
    }
}

#[test]
fn what_is_no_common_jpeg_or_png_is_named() {
    let coded = |frame| jpeg(b"\xff\xff\xe0\x00\x04ab", frame, (640, 480));
    let ftyp = |brands: &str| [&b"\x00\x00\x00\x20ftyp"[..], brands.as_bytes(), &[0; 100]].concat();
    let png = png(640, 480);
    let replaced = |from: &str, to: &str| {
        let latin: String = png.iter().map(|byte| char::from(*byte)).collect();
        latin.replace(from, to).chars().map(|c| c as u8).collect::<Vec<u8>>()
    };
    let cgbi = [&png[..8], b"\x00\x00\x00\x04CgBI\x50\x00\x20\x02\x2b\xd5\xb3\x7f", &png[8..]].concat();
    let utf8 = String::from_utf8_lossy(&png).into_owned().into_bytes();
    let in_lines = [&png[..8], b"\x00\x00\x00\x04gAMA\x00\x00\xb1\x8f", &png[8..]].concat();
    for (bytes, name) in [
        (cgbi, "an Apple-optimised PNG (CgBI)"),
        (replaced("\r\n", "\n"), "a PNG whose line ends were rewritten"),
        (replaced("\r\n\u{1a}\n", "\r\r\n\u{1a}\r\n"), "a PNG whose line ends were rewritten"),
        (replaced("\r\n\u{1a}\n", "\r\n\u{1a}\r\n"), "a PNG whose line ends were rewritten"),
        (replaced("\r\n\u{1a}\n", "\n\n\u{1a}\n"), "a PNG whose line ends were rewritten"),
        (utf8, "bytes were rewritten as text"),
        (in_lines, "a PNG that does not begin with its header"),
        (coded(0xc3), "a lossless JPEG"),
        (coded(0xc7), "a lossless JPEG"),
        (coded(0xf7), "a lossless JPEG"),
        (coded(0xc5), "a hierarchical JPEG"),
        (coded(0xc6), "a hierarchical JPEG"),
        (coded(0xc9), "an arithmetic-coded JPEG"),
        (coded(0xca), "an arithmetic-coded JPEG"),
        (coded(0xcd), "an arithmetic-coded JPEG"),
        (coded(0xce), "an arithmetic-coded JPEG"),
        (coded(0xcb), "an arithmetic-coded lossless JPEG"),
        (coded(0xcf), "an arithmetic-coded lossless JPEG"),
        (coded(0xda), "a JPEG whose header has no size"),
        (b"\xff\xd8\xff\xe0\x00\x01".to_vec(), "a JPEG with a broken segment"),
        (b"\xff\xd8\xff\xe0\x40\x00cut".to_vec(), "that end before"),
        (jpeg(b"", 0xc0, (640, 480))[..8].to_vec(), "that end before"),
        (png[..8].to_vec(), "that end before"),
        (ftyp("heic\0\0\0\0mif1heic"), "of HEIC"),
        (ftyp("mif1\0\0\0\0mif1heic"), "of HEIC"),
        (ftyp("avif\0\0\0\0mif1avif"), "of AVIF"),
        (ftyp("mif1\0\0\0\0mif1avif"), "of AVIF"),
        (ftyp("isom\0\0\x02\0isomiso2mp41"), "of a video"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ".to_vec(), "of WebP"),
        (b"GIF89a\x80\x02\xe0\x01".to_vec(), "of GIF"),
        (b"BM\x36\x00\x00\x00".to_vec(), "of BMP"),
        (b"II*\x00\x08\x00".to_vec(), "of TIFF"),
        (b"MM\x00*\x00\x08".to_vec(), "of TIFF"),
        (b"\n<!DOCTYPE html><html>".to_vec(), "of a web page"),
        (b"data:image/png;base64,iVBORw0KGgo".to_vec(), "of a data: URI"),
        (b"iVBORw0KGgoAAAANSUhEUg".to_vec(), "of Base64 text"),
        (b"/9j/4AAQSkZJRgABAQ".to_vec(), "of Base64 text"),
        (b"a cat".to_vec(), "of something else"),
    ] {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let count = bytes.len();
        for image in [Image::bytes(bytes), Image::base64(text)] {
            let found = of_image(image);
            let begin = format!("image_list[0].image: a JPEG or PNG image: {count} bytes ");
            assert!(found.len() == 1 && found[0].starts_with(&begin) && found[0].contains(name), "{name}: {found:?}");
        }
    }
}

#[test]
fn a_text_in_the_place_of_a_files_name_is_not_repeated_whole() {
    let uri = format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(1000));
    let [found] = &of_image(Image::file(&uri))[..] else { panic!("one violation") };
    assert!(found.starts_with("image_list[0].image: a readable file: data:image/png;base64,iVBOR"), "{found}");
    assert!(found.len() < 400, "{found}");
    // What may well be a path is shown whole.
    let path = format!("{}.png", "深い/".repeat(50));
    assert!(of_image(Image::file(&path))[0].contains(&path));
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

/// Base64 as consoles, browsers, mail programs and scripts give it, all of the same image.
#[tokio::test]
async fn base64_is_taken_in_every_form_and_sent_in_one() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
    let mut bytes = std::fs::read(support::picture("cat.png")).unwrap();
    // So that there is padding, and both characters of which there are two kinds.
    bytes.resize(bytes.len().next_multiple_of(3) + 1, 0xff);
    bytes.splice(60..66, [0xfb, 0xff, 0xfe, 0xfb, 0xff, 0xfe]);
    let plain = STANDARD.encode(&bytes);
    assert!(plain.contains('+') && plain.contains('/') && plain.ends_with("=="));
    let lines =
        |end: &str| plain.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line) + end).collect::<String>();
    let forms = [
        plain.clone(),
        lines("\n"),
        lines("\r\n"),
        lines("\n    "),
        format!("\t {plain}\u{c}"),
        format!("\u{feff}{plain}\n"),
        URL_SAFE.encode(&bytes),
        URL_SAFE_NO_PAD.encode(&bytes),
        plain.trim_end_matches('=').to_owned(),
        format!("data:image/png;base64,{plain}"),
        format!("  \ndata:image/png;base64,{plain}"),
        format!("data:image/png;name=cat.png;base64,{plain}"),
        format!("Data:image/png;name=\"a,b.png\";charset=utf-8;BASE64,{}", lines("\n")),
        format!("data:;base64, {plain}"),
        format!("data:image/png;base64,{}", URL_SAFE_NO_PAD.encode(&bytes)),
    ];
    let (sandbox, client, _) = support::sandbox(std::time::Duration::ZERO).await;
    for form in forms {
        let wire = json!({"image_list": [{"image": &form}], "prompt": "x"});
        let built = MultiImageToVideo::builder().images([Image::base64(&form)]).prompt("x").build();
        for request in [built, Request::from_json(support::OPERATION, wire)] {
            let request = request.unwrap_or_else(|error| panic!("{}: {error}", &form[..40]));
            let length = request.body_len();
            // The sandbox takes what the API takes: standard, padded, nothing else.
            client.submit(request).await.unwrap_or_else(|error| panic!("{}: {error}", &form[..40]));
            let sent = sandbox.requests().pop().unwrap().body.length;
            assert_eq!(sent, length, "{}", &form[..40]);
            assert!(
                matches!(&sandbox.requests().pop().unwrap().body.images[..], [kling_sandbox::ReceivedImage::File { length, .. }] if *length == bytes.len())
            );
        }
    }
    for (form, reason) in [
        (format!("{plain}="), "length or padding"),
        (format!("{}=", plain.trim_end_matches('=')), "length or padding"),
        (plain[..plain.len() - 3].to_owned(), "length or padding"),
        (format!("{plain}{plain}"), "length or padding"),
        (plain.replace('+', "%2B"), "alphabet"),
        (format!("data:image/png,%89PNG{plain}"), "alphabet"),
        (format!("<img src=\"{plain}\">"), "alphabet"),
    ] {
        let found = of_image(Image::base64(form));
        assert!(found.len() == 1 && found[0].contains(reason) && found[0].len() < 200, "{found:?}");
    }
}

#[test]
fn data_gives_the_same_request_and_the_same_violations_as_the_builder() {
    let data = json!({
        "image_list": [{"image": "https://example.com/cat.png"}],
        "prompt": "x", "mode": "pro", "negative_prompt": "", "callback_url": null, "external_task_id": "order-7",
    });
    let built = MultiImageToVideo::builder()
        .images([Image::url("https://example.com/cat.png")])
        .prompt("x")
        .mode(Mode::Pro)
        .extra("cfg_scale", 0.5)
        .external_task_id("order-7")
        .build();
    assert_eq!(
        format!(
            "{:?}",
            Request::from_json(support::OPERATION, data).and_then(|request| request.extra("cfg_scale", 0.5)).unwrap()
        ),
        format!("{:?}", built.unwrap())
    );

    let found = violations(Request::from_json(
        support::OPERATION,
        json!({
            "image_list": [{"image": 7}, {}], "duration": 5, "watermark_info": {"enabled": "yes"},
            "negative_prompt": "x".repeat(2501), "prompt": "",
        }),
    ));
    let expected = [
        "duration: a string: a number",
        "image_list[0].image: a URL or Base64 of an image: a number",
        "image_list[1].image: a URL or Base64 of an image: nothing",
        "watermark_info.enabled: a boolean: 3 characters",
        "prompt: 1–2500 characters: 0 characters",
        "negative_prompt: at most 2500 characters: 2501 characters",
    ];
    assert_eq!(found, sorted(&expected));
    for nonsense in [json!(null), json!([1]), json!("x"), json!({})] {
        assert!(!violations(Request::from_json(support::OPERATION, nonsense)).is_empty());
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
    let schema = support::OPERATION.json_schema().unwrap();
    for (pointer, limit) in [
        ("/properties/image_list/minItems", json!(1)),
        ("/properties/image_list/maxItems", json!(4)),
        ("/properties/prompt/minLength", json!(1)),
        ("/properties/prompt/maxLength", json!(2500)),
        ("/properties/negative_prompt/maxLength", json!(2500)),
        ("/properties/negative_prompt/type", json!("string")),
        ("/properties/callback_url/format", json!("uri")),
        ("/properties/model_name/x-extensible-enum", json!(["kling-v1-6"])),
        ("/properties/mode/x-extensible-enum", json!(["std", "pro"])),
        ("/properties/duration/x-extensible-enum", json!(VideoDuration::KNOWN)),
        ("/properties/aspect_ratio/x-extensible-enum", json!(AspectRatio::KNOWN)),
        ("/properties/image_list/items/properties/image/x-max-bytes", json!(10 * 1024 * 1024)),
        ("/properties/image_list/items/properties/image/x-min-side", json!(300)),
        ("/properties/image_list/items/properties/image/x-max-ratio", json!(2.5)),
        ("/required", json!(["duration", "image_list", "mode", "model_name", "prompt"])),
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
