//! Claims about manifests, requests, prices and the checks before payment, which need no record.

use std::ffi::OsStr;
use std::path::Path;

use kling_cli::batch::{Entry, Fault, JobRequest, Lines, Manifest, NewJob, Plan, Prices};
use kling_cli::failure::Result;
use kling_client::Operation;
use serde_json::{Value, json};

mod manifest {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<Result<Entry, Fault>>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        Manifest::open(&folder.path().join(name)).map(Iterator::collect)
    }

    fn shown(name: &str, text: &str) -> Vec<String> {
        let entry = |entry: Entry| format!("{} {:?} {}", entry.line, entry.name, entry.request.to_json());
        let fault = |fault: Fault| format!("{}: {}", fault.line, fault.reasons.len());
        read(name, text).unwrap().into_iter().map(|read| read.map_or_else(fault, entry)).collect()
    }

    #[test]
    fn both_forms_have_the_same_meaning() {
        let json = "\u{feff}\n{\"image\": [\"a.png\", \"https://e.com/b.png\"], \"prompt\": \"x, \\\"y\\\"\", \
            \"negative-prompt\": \"z\", \"duration\": 10, \"name\": \"n\"}\n{\"images\": \"a.png\", \"mode\": null}\n";
        let csv = "image,image,prompt,negative_prompt,duration,name,mode\n\
            a.png,https://e.com/b.png,\"x, \"\"y\"\"\",z,10,n,\na.png,,,,,,\n";
        let json = shown("a.jsonl", json);
        assert!(json[0].starts_with("2 Some(\"n\") {") && json[1].starts_with("3 None {"), "{json:?}");
        assert_eq!(json, shown("a.CSV", csv));
    }

    #[test]
    fn every_fault_of_a_line_is_reported_without_its_text() {
        let secret = "a cat in secret";
        let text = format!(
            "{{\"image\": \"a.png\", \"model\": \"{secret}\", \"model-name\": 1, \"name\": [\"{secret}\"]}}\n[\"{secret}\"]\n\
             {{\"prompt\": \"{secret}\nnonsense\n\"{secret}\"\n{{\"prompt\": \"x\", \"operation\": true}}\n"
        );
        assert_eq!(shown("b.jsonl", &text), ["1: 2", "2: 1", "3: 1", "4: 1", "5: 1", "6: 1"]);
        let faults = read("b.jsonl", &text).unwrap().into_iter().map(|read| read.err().unwrap().to_string() + "\n");
        let faults: String = faults.collect();
        assert!(faults.contains("line 2: expected a JSON object\n") && !faults.contains("secret"), "{faults}");
        let headless = read("c.csv", &format!("{secret},https://e.com/cat.png\n")).err().unwrap().message;
        assert!(headless.ends_with("column 1 is a field of no operation"), "{headless}");
    }

    #[test]
    fn a_line_has_a_maximum_length_and_a_manifest_is_a_file() {
        let long = "x".repeat(256 * 1024);
        let json = shown("c.jsonl", &format!("{{\"prompt\": \"{long}\"}}\n{{\"name\": \"n\"}}\n"));
        assert!(json[0] == "1: 1" && json[1].starts_with("2 Some"));
        // A quote that is not closed goes to the end of the file.
        let csv = shown("c.csv", &format!("name\nn\n\"{long}\n{long}\n"));
        assert!(csv[0].starts_with("2 Some") && csv[1..] == ["3: 1"]);
        let refused = Manifest::open(&std::env::temp_dir()).err().unwrap();
        assert!(refused.message.contains("it is read twice"), "{refused}");
    }
}

mod requests {
    use super::*;

    fn request(operation: &str, fields: Value) -> JobRequest {
        let Value::Object(fields) = fields else { panic!("fields") };
        JobRequest::new(operation.into(), fields, Path::new("")).unwrap()
    }

    fn fields(operation: &str, given: Value) -> Value {
        serde_json::from_str(&request(operation, given).to_json()).unwrap()
    }

    #[test]
    fn the_json_of_an_older_record_is_the_same_request_with_the_same_hash() {
        let json = r#"{"images":["https://example.com/a.png","https://example.com/b.png"],"prompt":"The cat","negative_prompt":"rain","mode":"pro","duration":"10","aspect_ratio":"1:1","model":"kling-v1-6","callback_url":"https://example.com/called"}"#;
        let read = JobRequest::read(&Operation::MultiImageToVideo, json, Path::new("")).unwrap();
        assert_eq!(read.hash().unwrap(), "9e781fe8dc52ef899bd190e4043ac78970c13d2390503354cf577bb565fe88cd");
        assert_eq!(read.media(), ["https://example.com/a.png", "https://example.com/b.png"]);
        assert_eq!((read.model(), read.text("seed")), ("kling-v1-6".to_owned(), String::new()));
        assert!(JobRequest::read(&read.operation, &read.to_json(), Path::new("")).unwrap() == read);
        assert_eq!(read.request("mine").unwrap().external_task_id(), Some("mine"));
    }

    #[test]
    fn the_hash_changes_with_all_that_changes_the_output_and_with_nothing_else() {
        let hash = |name: &str, value: Value| {
            let mut fields = json!({"image": "https://example.com/a.png", "prompt": "x"});
            fields[name] = value;
            request("multi-image2video", fields).hash().unwrap()
        };
        let (same, image) = (hash("prompt", json!("x")), json!({"image": "https://example.com/a.png"}));
        let defaults = [("mode", json!("std")), ("duration", json!(5)), ("image", json!([image]))];
        for (name, value) in defaults.into_iter().chain([("callback_url", json!("https://example.com/called"))]) {
            assert_eq!(hash(name, value), same, "{name}");
        }
        let other = request("text2video", json!({"prompt": "x"})).hash().unwrap();
        let mut hashes = vec![same, other, hash("image", json!([image, image]))];
        for name in ["prompt", "model", "mode", "duration", "negative_prompt", "aspect_ratio", "watermark_info"] {
            hashes.push(hash(name, json!("y")));
        }
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 10);
    }

    #[test]
    fn a_file_is_named_as_given_opened_in_the_folder_and_hashed_by_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/images/cat.png");
        std::fs::copy(&image, folder.path().join("a.png")).unwrap();
        std::fs::write(folder.path().join("b.png"), "1").unwrap();
        let named = |name: &Path| {
            let json = json!({"image": name, "prompt": "x"}).to_string();
            JobRequest::read(&Operation::MultiImageToVideo, &json, folder.path()).unwrap()
        };
        let [a, b, none] = ["a.png", "b.png", "none.png"].map(|name| named(Path::new(name)));
        assert!(a.to_json().contains(r#"{"image":"a.png"}"#) && a.request("x").is_ok());
        assert_eq!(a.hash().unwrap(), named(&image).hash().unwrap());
        assert_ne!(a.hash().unwrap(), b.hash().unwrap());
        assert!(none.hash().unwrap_err().to_string().starts_with("none.png: "));
    }

    #[test]
    fn text_of_a_table_gets_the_type_of_its_field() {
        let camera = json!({"type": "simple", "config": {"zoom": 5}});
        let given = json!({"model": " kling-v1-6 ", "prompt": "x", "duration": 10, "cfg_scale": "0.25",
            "camera_control": camera.to_string(), "negative_prompt": " "});
        let expected = json!({"model_name": "kling-v1-6", "prompt": "x", "duration": "10", "cfg_scale": 0.25,
            "camera_control": camera, "mode": "std"});
        assert_eq!(fields("text2video", given), expected);
        let given = json!({"model": "kling-v3", "element": "9007199254740993", "image_tail": "b.png", "shots":
            {"index": 1, "prompt": "x", "duration": "5"}, "watermark": "true", "external_task_id": "7"});
        let expected = json!({"model_name": "kling-v3", "element_list": [{"element_id": 9_007_199_254_740_993_u64}],
            "image_tail": "b.png", "multi_prompt": [{"index": 1, "prompt": "x", "duration": "5"}],
            "watermark_info": {"enabled": true}, "external_task_id": "7", "mode": "std", "duration": "5"});
        assert_eq!(fields("image2video", given), expected);
        let given = json!({"image": ["a.png", {"image_url": "b.png", "type": "first_frame"}], "element": ["u", 7]});
        let expected = json!({"image_list": [{"image_url": "a.png"}, {"image_url": "b.png", "type": "first_frame"}],
            "element_list": [{"element_id": "u"}, {"element_id": 7}]});
        assert_eq!(fields("omni-video", given), expected);
        let twice = [("mode", "std"), ("mode", "pro")].map(|(name, value)| (name.to_owned(), value.into()));
        let twice = JobRequest::new("text2video".into(), twice, Path::new("")).err();
        assert_eq!(twice.unwrap(), ["mode: expected one value, given more"]);
    }
}

mod prices {
    use super::*;

    fn request(operation: &str, values: &str) -> JobRequest {
        let names = ["model", "mode", "duration", "sound"].map(str::to_owned).into_iter();
        JobRequest::new(operation.into(), names.zip(values.split(' ').map(Into::into)), Path::new("")).unwrap()
    }

    fn units(prices: &Prices, request: &JobRequest) -> String {
        prices.estimate(request).map(|(units, _)| units.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_first_price_that_fits_is_taken_and_the_line_to_add_is_a_price_once_it_has_a_number() {
        let prices = Prices::builtin().unwrap();
        let units_of = |values: &str| units(&prices, &request("multi-image2video", &format!("kling-v1-6 {values}")));
        assert_eq!(["std 5", "std 10", "pro 5", "turbo 60"].map(units_of), ["2", "4", "3.5", "7"]);
        for operation in kling_client::Operation::all().skip(1) {
            let [silent, loud] = ["7", "7 on"].map(|end| request(operation.as_str(), &format!("kling-v9 pro {end}")));
            let line = Prices::missing(&silent);
            let expected = r#""model": "kling-v9", "mode": "pro", "duration": "7", "sound": "off", "units": "…"}"#;
            assert_eq!(line, format!("{{\"operation\": \"{operation}\", {expected}"));
            let table = format!(r#"{{"dated": "d", "source": "s", "prices": [{}]}}"#, line.replace('…', "9"));
            let priced = serde_json::from_str(&table).unwrap();
            let found = [units(&prices, &silent), units(&priced, &silent), units(&priced, &loud)];
            assert_eq!(found, ["", "9", ""], "{operation}");
        }
    }

    #[test]
    fn every_model_that_is_served_has_a_price_by_the_second_with_sound_and_with_what_else_counts() {
        let prices = Prices::builtin().unwrap();
        for operation in kling_client::Operation::all() {
            for model in operation.models().into_iter().filter(|model| model.retired.is_none()) {
                let request = request(operation.as_str(), &format!("{} pro 5", model.name));
                assert!(prices.estimate(&request).is_some(), "{operation} {}", model.name);
            }
        }
        for (operation, values, more, expected) in [
            ("text2video", "kling-v3 std 7", "", "4.2"),
            ("text2video", "kling-v3 std 7 on", "", "6.3"),
            ("text2video", "kling-v3 4k 15 on", "", "45"),
            ("image2video", "kling-v2-6 pro 10", "", "5"),
            ("image2video", "kling-v2-6 pro 10 on", "", "10"),
            ("image2video", "kling-v2-6 pro 10 on", "voice_list", "12"),
            ("image2video", "kling-v2-6 std 10 on", "", ""),
            ("omni-video", "kling-v3-omni std 5 on", "", "4"),
            ("omni-video", "kling-v3-omni std 5", "video_list", "4.5"),
        ] {
            let mut fields: Vec<_> =
                ["model", "mode", "duration", "sound"].into_iter().zip(values.split(' ')).collect();
            fields.extend((!more.is_empty()).then_some((more, "x")));
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
            let request = JobRequest::new(operation.into(), fields, Path::new("")).unwrap();
            assert_eq!(units(&prices, &request), expected, "{operation} {values} {more}");
        }
        // An edited video has the length of its input, which nobody knows here.
        let edit = request("omni-video", "kling-v3-omni std");
        assert!(prices.estimate(&edit).is_none());
    }

    #[test]
    fn a_table_may_lack_a_price_and_a_misspelt_one_is_refused() {
        let table = r#"{"source": "s", "currency": {"name": "EUR", "per_unit": "0.1"}, "prices": [
            {"operation": "other", "units": "9", "dated": "d"}, {"operation": "other", "units": "8", "dated": "d"},
            {"operation": "text2video", "model": "m", "units": "1.5", "dated": "e", "source": "t"}]}"#;
        let prices: Prices = serde_json::from_str(table).unwrap();
        let (price, source) = prices.estimate(&request("text2video", "m std 5 on")).unwrap();
        assert_eq!(format!("{} by {source}", prices.in_money(price).unwrap()), "0.15 EUR by prices of e: t");
        assert_eq!(units(&prices, &request("text2video", "n std 5")), "");
        let sound = ("model\": \"m", "sound\": \"true");
        let wrong = [("model", "mod"), sound, (", \"dated\": \"d\"", ""), ("\"units\": \"8\", ", ""), ("9", "x")];
        for (right, wrong) in wrong {
            assert!(serde_json::from_str::<Prices>(&table.replacen(right, wrong, 1)).is_err(), "{right}");
        }
    }
}

mod plan {
    use super::*;

    /// A line that is valid and has a price, with one more field.
    fn line(prompt: &str, name: &str, value: &str) -> Value {
        let mut line = json!({"image": "https://example.com/cat.png", "prompt": prompt});
        line[name] = value.into();
        line
    }

    /// Job or reasons of each line of a manifest in a folder.
    fn read_with(
        folder: &Path,
        lines: &[Value],
        outside: bool,
        set: impl FnOnce(&mut Lines),
    ) -> Vec<Result<NewJob, String>> {
        let manifest = folder.join("all.jsonl");
        std::fs::write(&manifest, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        let (prices, out_dir) = (Prices::builtin().unwrap(), &folder.join("out"));
        let plan = Plan { manifest: &manifest, out_dir, prices: &prices, budget: true, outside };
        let mut lines = plan.open().unwrap();
        set(&mut lines);
        lines.map(|line| line.map_err(|fault| fault.reasons.join("; "))).collect()
    }

    fn read(folder: &Path, lines: &[Value], set: impl FnOnce(&mut Lines)) -> Vec<Result<NewJob, String>> {
        read_with(folder, lines, false, set)
    }

    #[test]
    fn every_fault_of_a_line_is_reported_at_once_without_its_text_and_a_missing_price_once() {
        let folder = tempfile::tempdir().unwrap();
        let bad = json!({"operation": "text2video", "image": "https://example.com/cat.png", "external_id": "mine",
            "prompt": "secret ".repeat(400), "output": "../a.mp4"});
        let unpriced = json!({"operation": "text2video", "model": "kling-v9", "prompt": "secret"});
        let lines = [line("x", "external_id", "mine"), bad, unpriced.clone(), unpriced];
        let faults: Vec<_> = read(folder.path(), &lines, |_| ()).into_iter().map(Result::err).collect();
        let reasons = faults[1].as_deref().unwrap();
        for expected in ["image: ", "model_name: ", "prompt: ", "of line 1", "--allow-outside", "price: "] {
            assert!(reasons.contains(expected), "{expected}: {reasons}");
        }
        assert!(!format!("{faults:?}").contains("secret"), "{faults:?}");
        assert!(faults[2].as_deref().unwrap().contains(r#"add {"operation": "text2video", "model": "kling-v9""#));
        assert_eq!((&faults[0], &faults[3]), (&None, &Some(String::new())));
    }

    #[test]
    fn repeated_work_is_shown_and_is_checked_once_it_is_submitted_again() {
        let folder = tempfile::tempdir().unwrap();
        let lines = [line("x", "output", "a.mp4"), line("x", "output", "a.mp4"), line("y", "output", "./a.mp4")];
        for (again, faults) in [(false, [false, false, true]), (true, [false, true, true])] {
            let read = read(folder.path(), &lines, |lines| lines.again = again);
            assert_eq!(read.iter().map(Result::is_err).collect::<Vec<_>>(), faults);
            assert!(read[2].as_ref().is_err_and(|reason| reason.ends_with("that of line 1")));
        }
        read(folder.path(), &lines, |lines| {
            let repeats: Vec<_> = std::iter::from_fn(|| lines.next().map(|_| lines.repeats)).collect();
            assert_eq!(repeats, [None, Some(1), None]);
        });
    }

    fn numbered((number, (name, value)): (usize, (&str, &str))) -> Value {
        json!({"image": "https://example.com/cat.png", "prompt": number.to_string(), name: value})
    }

    #[test]
    fn an_output_is_a_new_file_that_can_be_made_inside_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        std::fs::create_dir(&out).unwrap();
        for name in ["taken.mp4", "file"] {
            std::fs::write(out.join(name), "mine").unwrap();
        }
        std::fs::create_dir(out.join("closed")).unwrap();
        let mut permissions = out.metadata().unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(out.join("closed"), permissions).unwrap();
        let is_root = tempfile::tempfile_in(out.join("closed")).is_ok();

        let (long, absolute) = (|count| "n".repeat(count), |name: &str| out.join(name).display().to_string());
        let cases = [
            ("new/sub/a.mp4", ""),
            (&absolute("inside.mp4"), ""),
            (&long(245), ""),
            (&long(246), "given 256 bytes"),
            (&format!("{}/a.mp4", long(256)), "given 256 bytes"),
            ("../a.mp4", "--allow-outside"),
            ("new/../a.mp4", "--allow-outside"),
            (&absolute("../b.mp4"), "--allow-outside"),
            ("new/", "given a directory"),
            ("..", "given a directory"),
            (".", "given a directory"),
            ("taken.mp4", "it exists and is kept"),
            ("file/a.mp4", "out/file: not a directory"),
            ("a\0b.mp4", "a valid path"),
            ("closed/a.mp4", if is_root { "" } else { "out/closed: permission denied" }),
        ];
        let lines: Vec<_> = cases.iter().map(|(output, _)| ("output", *output)).enumerate().map(numbered).collect();
        for ((output, expected), read) in cases.iter().zip(read(folder.path(), &lines, |_| ())) {
            let reason = read.err().unwrap_or_default();
            assert!(reason.contains(expected) && reason.is_empty() == expected.is_empty(), "{output}: {reason}");
        }
        let read = read_with(folder.path(), &lines, true, |lines| {
            lines.may_exist = Box::new(|job| job.output.ends_with("taken.mp4"));
        });
        for at in [5, 6, 7, 11] {
            assert_eq!(read[at].as_ref().unwrap().output, out.join(cases[at].0));
        }
        assert_eq!(std::fs::read_dir(out).unwrap().count(), 3);
    }

    #[test]
    fn a_name_makes_a_file_of_its_own_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["cat", "cat", "../a:b", "...", &"é".repeat(121)];
        let lines: Vec<_> = names.into_iter().map(|name| ("name", name)).enumerate().map(numbered).collect();
        let outputs: Vec<_> =
            read(folder.path(), &lines, |_| ()).into_iter().map(|read| Some(read.ok()?.output)).collect();
        let expected = ["cat.mp4", "cat-00002.mp4", "-a-b.mp4", "all-00004.mp4"]
            .map(|file| Some(folder.path().join("out").join(file)));
        assert_eq!(outputs, [&expected[..], &[None]].concat());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn folders_need_not_be_utf_8() {
        use std::os::unix::ffi::OsStrExt as _;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join(OsStr::from_bytes(b"no\xffUTF-8"));
        std::fs::create_dir(&folder).unwrap();
        let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/images/cat.png");
        std::fs::copy(image, folder.join("cat.png")).unwrap();
        let read = read(&folder, &[numbered((1, ("image", "cat.png")))], |lines| assert_eq!(lines.folder, folder));
        let job = read[0].as_ref().unwrap();
        assert_eq!(job.output, folder.join("out/all-00001.mp4"));
        assert!(job.request.contains(r#"{"image":"cat.png"}"#));
    }
}
