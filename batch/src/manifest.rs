//! The manifest: JSON Lines or CSV, one request a line in the words of `kling generate`, read as a stream.
//!
//! A line becomes an [`Entry`], or a [`Fault`] with everything that is wrong in it; a fault ends nothing. Files are named
//! relative to the manifest's own folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use kling_client::{Mode, Model, VideoDuration};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::order::{Order, is_url};

/// The longest line of JSON: both prompts at their limits take less than a tenth of it.
const LONGEST_LINE: u64 = 256 * 1024;

/// The names of the fields, as those of the options of `kling generate`; a dash is an underscore.
const FIELDS: [&str; 11] = [
    "image",
    "prompt",
    "negative_prompt",
    "mode",
    "duration",
    "aspect_ratio",
    "model",
    "external_id",
    "callback_url",
    "name",
    "output",
];

/// One line's request.
pub struct Entry {
    /// The line's number, from 1.
    pub line: u64,
    /// What it orders.
    pub order: Order,
    /// What the user calls it.
    pub name: Option<String>,
    /// The file for the video, as it was written.
    pub output: Option<String>,
    /// The user's own id for the purchase.
    pub external_id: Option<String>,
}

/// Everything that is wrong with one line.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line's number, from 1.
    pub line: u64,
    /// What is wrong; never the text itself.
    pub reasons: Vec<String>,
}

/// A manifest that is being read.
pub struct Manifest {
    folder: PathBuf,
    lines: Lines,
}

enum Lines {
    Json { reader: BufReader<File>, line: u64 },
    Csv { reader: Box<csv::Reader<File>>, header: Vec<String> },
    Over,
}

type Fields = BTreeMap<String, Vec<String>>;

impl Manifest {
    /// Opens a manifest: CSV with a header by the name `*.csv`, else JSON Lines.
    ///
    /// # Errors
    /// `Invalid` if it cannot be read, or a column of the CSV is not known.
    pub fn open(path: &Path) -> Result<Self> {
        let refuse = |reason: String| {
            let message = format!("expected a manifest, given {}: {reason}", path.display());
            Error::invalid("manifest", message).with_hint("nothing was sent")
        };
        let path = std::path::absolute(path).map_err(|reason| refuse(reason.to_string()))?;
        let file = File::open(&path).map_err(|reason| refuse(reason.to_string()))?;
        if !file.metadata().is_ok_and(|found| found.is_file()) {
            return Err(refuse("it is read twice, so it must be a file".to_owned()));
        }
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let lines = if is_csv {
            let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
            let header = reader.headers().map_err(|reason| refuse(reason.to_string()))?;
            let header: Vec<_> = header.iter().map(|name| field(name.trim_start_matches('\u{feff}'))).collect();
            if let Some(unknown) = header.iter().find(|name| !FIELDS.contains(&name.as_str())) {
                return Err(refuse(format!("column {unknown:?} is none of {}", FIELDS.join(", "))));
            }
            Lines::Csv { reader: Box::new(reader), header }
        } else {
            Lines::Json { reader: BufReader::new(file), line: 0 }
        };
        Ok(Self { folder, lines })
    }

    fn entry(&self, line: u64, mut fields: Fields, mut reasons: Vec<String>) -> Result<Entry, Fault> {
        for name in fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
            reasons.push(format!("{name}: expected one of {}", FIELDS.join(", ")));
        }
        let images = fields.remove("image").unwrap_or_default();
        let mut text = |name: &str| {
            let mut values = fields.remove(name)?;
            if values.len() > 1 {
                reasons.push(format!("{name}: expected one value, given {}", values.len()));
            }
            values.pop().filter(|value| !value.trim().is_empty())
        };
        let word = |given: Option<String>, usual: &str| given.map_or(usual.to_owned(), |word| word.trim().to_owned());
        let in_folder = |image: String| {
            if is_url(&image) { image } else { self.folder.join(image).to_string_lossy().into_owned() }
        };
        let entry = Entry {
            line,
            order: Order {
                images: images.into_iter().map(in_folder).collect(),
                prompt: text("prompt").unwrap_or_default(),
                negative_prompt: text("negative_prompt"),
                mode: word(text("mode"), Mode::default().as_str()),
                duration: word(text("duration"), VideoDuration::default().as_str()),
                aspect_ratio: text("aspect_ratio").map(|ratio| ratio.trim().to_owned()),
                model: word(text("model"), Model::default().as_str()),
                callback_url: text("callback_url"),
            },
            name: text("name"),
            output: text("output"),
            external_id: text("external_id"),
        };
        if entry
            .output
            .as_deref()
            .is_some_and(|output| Path::new(output).file_name().is_none() || output.ends_with('/'))
        {
            reasons.push("output: expected a file, given a directory".to_owned());
        }
        if reasons.is_empty() { Ok(entry) } else { Err(Fault { line, reasons }) }
    }
}

impl Iterator for Manifest {
    type Item = Result<Entry, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let (line, read) = match &mut self.lines {
            Lines::Over => return None,
            Lines::Json { reader, line } => next_json(reader, line)?,
            Lines::Csv { reader, header } => next_csv(reader, header)?,
        };
        match read {
            Ok((fields, reasons)) => Some(self.entry(line, fields, reasons)),
            Err(Broken { reason, last }) => {
                if last {
                    self.lines = Lines::Over;
                }
                Some(Err(Fault { line, reasons: vec![reason] }))
            }
        }
    }
}

/// A line that cannot be taken apart; after some nothing more can be read.
struct Broken {
    reason: String,
    last: bool,
}

type Read = (u64, Result<(Fields, Vec<String>), Broken>);

fn next_json(reader: &mut BufReader<File>, line: &mut u64) -> Option<Read> {
    loop {
        *line += 1;
        let mut bytes = Vec::new();
        let broken = |reason: String, last| Some((*line, Err(Broken { reason, last })));
        match reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes) {
            Err(reason) => return broken(reason.to_string(), true),
            Ok(0) => return None,
            Ok(count) if count as u64 == LONGEST_LINE && !bytes.ends_with(b"\n") => {
                let skipped = reader.skip_until(b'\n');
                return broken(format!("expected at most {LONGEST_LINE} bytes, given more"), skipped.is_err());
            }
            Ok(_) => {}
        }
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).filter(|_| *line == 1).unwrap_or(&bytes);
        if text.trim_ascii().is_empty() {
            continue;
        }
        return match serde_json::from_slice(text) {
            Ok(Value::Object(object)) => Some((*line, Ok(fields(object)))),
            Ok(_) => broken("expected a JSON object".to_owned(), false),
            // Where it breaks, but not what stands there: serde's own text may repeat a prompt.
            Err(reason) => broken(format!("expected JSON, which breaks at column {}", reason.column()), false),
        };
    }
}

fn fields(object: serde_json::Map<String, Value>) -> (Fields, Vec<String>) {
    let (mut fields, mut reasons) = (Fields::new(), Vec::new());
    for (name, value) in object {
        let name = field(&name);
        let values = match value {
            Value::Null => continue,
            Value::Array(values) if name == "image" => values,
            value => vec![value],
        };
        let place = fields.entry(name.clone()).or_default();
        for value in values {
            match value {
                Value::String(text) => place.push(text),
                Value::Number(number) => place.push(number.to_string()),
                other => reasons.push(format!("{name}: expected text, given {}", kind(&other))),
            }
        }
    }
    (fields, reasons)
}

fn next_csv(reader: &mut csv::Reader<File>, header: &[String]) -> Option<Read> {
    let mut record = csv::StringRecord::new();
    let at = reader.position().line();
    match reader.read_record(&mut record) {
        Ok(false) => None,
        Ok(true) => {
            let line = record.position().map_or(at, csv::Position::line);
            let (mut fields, mut reasons) = (Fields::new(), Vec::new());
            if record.len() > header.len() {
                reasons.push(format!("expected {} values, given {}", header.len(), record.len()));
            }
            for (name, value) in header.iter().zip(&record).filter(|(_, value)| !value.is_empty()) {
                fields.entry(name.clone()).or_default().push(value.to_owned());
            }
            Some((line, Ok((fields, reasons))))
        }
        Err(reason) => {
            let last = reason.is_io_error();
            let reason = if last { reason.to_string() } else { "expected CSV in UTF-8".to_owned() };
            Some((at, Err(Broken { reason, last })))
        }
    }
}

fn field(name: &str) -> String {
    match name.trim().replace('-', "_") {
        images if images == "images" => "image".to_owned(),
        name => name,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "true or false",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Vec<Result<Entry, Fault>> {
        let folder = std::env::temp_dir().join(format!("kling-manifest-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        let read = Manifest::open(&path).map(Iterator::collect);
        std::fs::remove_dir_all(folder).unwrap();
        read.unwrap()
    }

    #[test]
    fn both_forms_say_the_same() {
        let json = read(
            "a.jsonl",
            "\u{feff}{\"image\": [\"a.png\", \"https://e.com/b.png\"], \"prompt\": \"x, \\\"y\\\"\", \"negative-prompt\": \"z\", \"duration\": 10, \"name\": \"n\"}\n\n{\"images\": \"a.png\", \"prompt\": \"p\", \"mode\": null}\n",
        );
        let csv = read(
            "a.csv",
            "image,image,prompt,negative_prompt,duration,name,mode\na.png,https://e.com/b.png,\"x, \"\"y\"\"\",z,10,n,\na.png,,p,,,,\n",
        );
        assert_eq!((json.len(), csv.len()), (2, 2));
        let file = |image: &str| Path::new(image).file_name().map(|name| name.to_owned());
        for (json, csv) in json.iter().zip(&csv) {
            let (Ok(json), Ok(csv)) = (json, csv) else { panic!("a fault") };
            let names = |entry: &Entry| entry.order.images.iter().map(|image| file(image)).collect::<Vec<_>>();
            assert_eq!(names(json), names(csv));
            let words = |entry: &Entry| {
                let Order { prompt, negative_prompt, mode, duration, model, .. } = entry.order.clone();
                (prompt, negative_prompt, mode, duration, model, entry.name.clone())
            };
            assert_eq!(words(json), words(csv));
        }
        let first = json[0].as_ref().ok().unwrap();
        assert!(Path::new(&first.order.images[0]).is_absolute());
        assert_eq!((first.order.mode.as_str(), first.order.duration.as_str()), ("std", "10"));
        assert_eq!((first.line, json[1].as_ref().ok().unwrap().line, csv[1].as_ref().ok().unwrap().line), (1, 3, 3));
    }

    #[test]
    fn every_fault_of_every_line_is_told_and_none_repeats_the_text() {
        let secret = "a cat in secret";
        let text = format!(
            "{{\"image\": \"a.png\", \"promt\": \"{secret}\", \"mode\": true}}\n[1]\n{{\"prompt\": \"{secret}\nnonsense\n{{\"image\": [[1]], \"prompt\": \"x\", \"output\": \"dir/\"}}\n"
        );
        let faults: Vec<_> = read("b.jsonl", &text).into_iter().map(|read| read.err().unwrap()).collect();
        assert_eq!(
            faults.iter().map(|fault| (fault.line, fault.reasons.len())).collect::<Vec<_>>(),
            [(1, 2), (2, 1), (3, 1), (4, 1), (5, 2)]
        );
        assert!(!format!("{faults:?}").contains("secret"));
        let long = format!("{{\"prompt\": \"{}\"}}\n{{}}\n", "x".repeat(LONGEST_LINE as usize));
        let lines: Vec<_> =
            read("c.jsonl", &long).into_iter().map(|read| read.map_or_else(|f| f.line, |e| e.line)).collect();
        assert_eq!(lines, [1, 2]);
    }
}
