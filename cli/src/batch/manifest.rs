//! The manifest: JSON Lines or CSV, one request per line, read as a stream.
//!
//! Each line is an [`Entry`] or a [`Fault`]. Files are relative to the folder of the manifest.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Take};
use std::iter;
use std::path::{Path, PathBuf};

use kling_client::Operation;
use serde_json::{Map, Value};

use super::request::{JobRequest, is_empty};
use crate::failure::{Failure, Result};
use crate::options::Field;

/// Maximum length of a line in bytes: more than ten times the longest prompts. Larger images are files or URLs.
const LONGEST_LINE: u64 = 256 * 1024;
const TOO_LONG: &str = "expected at most 262144 bytes, given more";

/// The fields that are not part of a request.
const OWN: [&str; 4] = ["operation", "name", "output", "external_id"];

/// The request of a line.
pub struct Entry {
    /// Number of the line, from 1.
    pub line: u64,
    /// Request.
    pub request: JobRequest,
    /// Name of the job.
    pub name: Option<String>,
    /// File for the output, as given.
    pub output: Option<String>,
    /// External id of the task.
    pub external_id: Option<String>,
}

/// Everything that is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Number of the line, from 1.
    pub line: u64,
    /// Violations, without any text of the request. Empty if earlier lines have the same ones, such as a missing price.
    pub reasons: Vec<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.reasons.iter().map(|reason| format!("line {}: {reason}", self.line));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

/// The entries of a manifest.
pub struct Manifest {
    pub(super) folder: PathBuf,
    lines: Box<dyn Iterator<Item = Line> + Send>,
}

/// Number and fields of a line, or why there are none, and whether nothing can be read after it.
type Line = (u64, Result<Vec<(String, Value)>, (String, bool)>);

impl Manifest {
    /// Opens a manifest: CSV with a header if its name ends in `.csv`, else JSON Lines.
    ///
    /// # Errors
    /// `Invalid` if it cannot be read or is no file, or if a column of the CSV is not known.
    pub fn open(path: &Path) -> Result<Self> {
        let refuse = |reason: &dyn fmt::Display| {
            Failure::invalid(format!("manifest: expected a manifest, given {}: {reason}", path.display()))
                .with_hint("nothing was submitted")
        };
        let absolute = std::path::absolute(path).map_err(|reason| refuse(&reason))?;
        // Before it is opened: to open a named pipe may block.
        if !path.metadata().map_err(|reason| refuse(&reason))?.is_file() {
            return Err(refuse(&"it is read twice, so it must be a file"));
        }
        let file = File::open(path).map_err(|reason| refuse(&reason))?;
        let folder = absolute.parent().unwrap_or(&absolute).to_owned();
        if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("csv")) {
            let (mut reader, mut line) = (BufReader::new(file), 0);
            return Ok(Self { folder, lines: Box::new(iter::from_fn(move || next_json(&mut reader, &mut line))) });
        }
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file.take(LONGEST_LINE));
        let header = reader.headers().map_err(|reason| refuse(&reason))?;
        let header: Vec<_> = header.iter().map(|name| field(name.trim_start_matches('\u{feff}'))).collect();
        let is_field = |name: &str| Operation::all().any(|all| Field::named(&all, name).is_some());
        if let Some(at) = header.iter().position(|name| !OWN.contains(&name.as_str()) && !is_field(name)) {
            // Without a header, texts of a request are in its place.
            let is_name = |name: &&String| name.len() < 40 && name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
            let name = header.get(at).filter(is_name).map(|name| format!(" ({name})")).unwrap_or_default();
            return Err(refuse(&format!("column {}{name} is a field of no operation", at + 1)));
        }
        Ok(Self { folder, lines: Box::new(iter::from_fn(move || next_csv(&mut reader, &header))) })
    }

    fn entry(&self, line: u64, fields: Vec<(String, Value)>) -> Result<Entry, Fault> {
        let (mut texts, mut of_request, mut reasons) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (name, value) in fields.into_iter().filter(|(_, value)| !is_empty(value)) {
            match value {
                value if !OWN.contains(&name.as_str()) => of_request.push((name, value)),
                Value::String(text) if !texts.contains_key(&name) => _ = texts.insert(name, text),
                Value::Number(number) if !texts.contains_key(&name) => _ = texts.insert(name, number.to_string()),
                _ => reasons.push(format!("{name}: expected one text, given another value")),
            }
        }
        let [operation, name, output, external_id] = OWN.map(|name| texts.remove(name));
        let operation = operation.map_or(Operation::MultiImageToVideo, |name| name.trim().into());
        match JobRequest::new(operation, of_request, &self.folder) {
            Ok(request) if reasons.is_empty() => Ok(Entry { line, request, name, output, external_id }),
            request => Err(Fault { line, reasons: [reasons, request.err().unwrap_or_default()].concat() }),
        }
    }
}

impl Iterator for Manifest {
    type Item = Result<Entry, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let (line, fields) = self.lines.next()?;
        if let Err((_, true)) = fields {
            self.lines = Box::new(iter::empty());
        }
        let fields = fields.map_err(|(reason, _)| Fault { line, reasons: vec![reason] });
        Some(fields.and_then(|fields| self.entry(line, fields)))
    }
}

fn next_json(reader: &mut BufReader<File>, line: &mut u64) -> Option<Line> {
    loop {
        *line += 1;
        let mut bytes = Vec::new();
        let broken = |reason: String, is_last| Some((*line, Err((reason, is_last))));
        match reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes) {
            Err(reason) => return broken(reason.to_string(), true),
            Ok(0) => return None,
            Ok(_) if bytes.len() as u64 == LONGEST_LINE && !bytes.ends_with(b"\n") => {
                return broken(TOO_LONG.to_owned(), reader.skip_until(b'\n').is_err());
            }
            Ok(_) => {}
        }
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).filter(|_| *line == 1).unwrap_or(&bytes);
        if text.trim_ascii().is_empty() {
            continue;
        }
        return match serde_json::from_slice::<Map<String, Value>>(text) {
            Ok(fields) => Some((*line, Ok(fields.into_iter().map(|(name, value)| (field(&name), value)).collect()))),
            // The message of serde may repeat a prompt.
            Err(reason) if reason.is_data() => broken("expected a JSON object".to_owned(), false),
            Err(reason) => broken(format!("expected JSON, broken at column {}", reason.column()), false),
        };
    }
}

fn next_csv(reader: &mut csv::Reader<Take<File>>, header: &[String]) -> Option<Line> {
    let (mut record, start) = (csv::StringRecord::new(), reader.position().line());
    reader.get_mut().set_limit(LONGEST_LINE);
    let fields = match reader.read_record(&mut record) {
        _ if reader.get_ref().limit() == 0 => Err((TOO_LONG.to_owned(), true)),
        Err(reason) if reason.is_io_error() => Err((reason.to_string(), true)),
        Err(_) => Err(("expected CSV in UTF-8".to_owned(), false)),
        Ok(false) => return None,
        Ok(true) if record.len() > header.len() => {
            Err((format!("expected {} values, given more", header.len()), false))
        }
        Ok(true) => Ok(header.iter().zip(&record).map(|(name, value)| (name.clone(), value.into())).collect()),
    };
    Some((record.position().map_or(start, csv::Position::line), fields))
}

fn field(name: &str) -> String {
    let name = name.trim().replace('-', "_");
    if name == "external_task_id" { "external_id".to_owned() } else { name }
}
