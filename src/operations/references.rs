//! What prompts name by its number, as in `<<<image_1>>>`, against what the request has.
//!
//! A prompt is text: a name without its item is a remark and never a violation.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::error::Remark;

/// What a prompt can name, and whether it has an effect only if a prompt does (Kling's reference).
const KINDS: [(&str, bool); 4] = [("image", false), ("element", false), ("video", false), ("voice", true)];

/// Reports names of what the request lacks, and items that have no effect without a name.
pub(super) fn check(body: &Value, remarks: &mut Vec<Remark>) {
    let mut remark = |path: &str, message: String| remarks.push(Remark { path: path.to_owned(), message });
    let shots = body["multi_prompt"].as_array().into_iter().flatten().enumerate();
    let shots = shots.map(|(at, shot)| (format!("multi_prompt[{at}].prompt"), &shot["prompt"]));
    let prompts: Vec<_> = shots.chain([("prompt".to_owned(), &body["prompt"])]).collect();
    for (kind, must_be_named) in KINDS {
        let items = 1..=count(body, kind);
        let mut all = BTreeSet::new();
        for (path, prompt) in &prompts {
            let names: BTreeSet<_> = names(prompt, kind).collect();
            for number in names.iter().filter(|number| !items.contains(number)) {
                remark(path, format!("it names <<<{kind}_{number}>>>, which the request lacks"));
            }
            all.extend(names);
        }
        for number in items.filter(|number| must_be_named && !all.contains(number)) {
            remark(&format!("{kind}_list"), format!("no prompt names <<<{kind}_{number}>>>, which then has no effect"));
        }
    }
}

/// How many items of a kind a request has: those of its list, or a first and a last image.
fn count(body: &Value, kind: &str) -> usize {
    let fields = body.as_object().into_iter().flatten();
    let counts = fields.map(|(name, value)| match name.strip_prefix(kind) {
        Some("_list") => value.as_array().map_or(0, Vec::len),
        Some("" | "_tail") => 1,
        _ => 0,
    });
    counts.sum()
}

/// The numbers by which a prompt names items of a kind.
fn names<'a>(prompt: &'a Value, kind: &'a str) -> impl Iterator<Item = usize> + 'a {
    let marks = prompt.as_str().unwrap_or_default().split("<<<").skip(1);
    marks.filter_map(move |mark| mark.split_once(">>>")?.0.strip_prefix(kind)?.strip_prefix('_')?.parse().ok())
}
