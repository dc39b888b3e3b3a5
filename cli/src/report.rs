//! What a command reports: the JSON that programs read, whose schema is made from these types, and text for people.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use kling_client::{Operation, TaskInfo};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::failure::{Failure, Finding, Note};
use crate::options::about;
use crate::record::Entry;
use crate::terminal::escaped;

/// One object on standard output.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Report {
    /// Of `generate`, `status`, `wait`, `download`, and `find`.
    Task(Box<Task>),
    /// Of `list`.
    List {
        /// A page of the account's tasks, newest first.
        tasks: Vec<Task>,
    },
    /// Of `tasks`.
    Record {
        /// The tasks that this command submitted, newest last.
        tasks: Vec<Entry>,
    },
    /// Of `operations`.
    Operations(Vec<Known>),
    /// Of `check`.
    Check {
        /// Every violation; empty if the request is valid.
        violations: Vec<Finding>,
        /// What is unusual about the request, and sent as it is.
        remarks: Vec<Note>,
    },
    /// Of any command that failed.
    Error {
        /// What happened.
        error: Box<Failure>,
    },
}

impl Report {
    /// The JSON Schema of all of them.
    pub fn schema() -> Schema {
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Self>()
    }
}

/// An operation that this version knows.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Operation")]
pub struct Known {
    name: String,
    description: String,
    /// What its tasks make: `video`, `image` or `audio`.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    models: Vec<KnownModel>,
    /// The command that prints its fields, with their limits.
    fields: String,
}

/// A model that an operation is known to take.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Model")]
struct KnownModel {
    name: &'static str,
    /// The date by which Kling had retired it for this operation. A gateway may still serve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    retired: Option<&'static str>,
}

impl Known {
    pub fn new(operation: &Operation) -> Self {
        let models = operation.models().into_iter();
        Self {
            name: operation.to_string(),
            description: about(operation),
            output: operation.output().map(|kind| kind.to_string()),
            models: models.map(|model| KnownModel { name: model.name, retired: model.retired }).collect(),
            fields: format!("kling schema {operation}"),
        }
    }

    /// All of it, a line each.
    pub fn in_full(&self) -> String {
        let models = |is_retired: bool| {
            let names =
                self.models.iter().filter(|model| model.retired.is_some() == is_retired).map(|model| model.name);
            Some(names.collect::<Vec<_>>().join(", ")).filter(|names| !names.is_empty())
        };
        let lines = [
            ("output", self.output.clone()),
            ("models", models(false)),
            ("retired", models(true)),
            ("fields", Some(format!("kling generate {} --help, {}", self.name, self.fields))),
        ];
        let lines = lines.into_iter().filter_map(|(name, value)| Some(format!("\n  {name}: {}", value?)));
        format!("{}: {}{}", self.name, self.description, lines.collect::<String>())
    }
}

/// A task.
#[derive(Serialize, JsonSchema)]
pub struct Task {
    /// The API's id of the task.
    pub task_id: String,
    /// The caller's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_task_id: Option<String>,
    operation: String,
    /// `submitted`, `processing`, `succeed`, `failed`, or another word of the gateway's.
    pub status: String,
    /// Why it has this status, in the API's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<String>,
    /// Its outputs, once it has succeeded.
    outputs: Vec<Output>,
    /// The file of the only output that was downloaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// What it cost, as a decimal number.
    #[serde(skip_serializing_if = "Option::is_none")]
    units_deducted: Option<String>,
    /// When it was created, by RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    /// When it changed last, by RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
    /// What was unusual about its request, and was sent as it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Note>,
}

/// A file that a task made.
#[derive(Serialize, JsonSchema)]
struct Output {
    /// `video`, `image` or `audio`.
    kind: String,
    /// Where it can be downloaded, for 30 days.
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Its position among the task's outputs, from 0.
    index: usize,
    /// Seconds, of a video or a sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
    /// Its file, where all were downloaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl Task {
    pub fn new(operation: &Operation, task: &TaskInfo) -> Self {
        let outputs = task.outputs.iter().map(|output| Output {
            kind: output.kind.to_string(),
            url: output.url.clone(),
            id: output.id.clone(),
            index: output.index,
            duration: output.duration.map(|duration| duration.as_secs_f64()),
            file: None,
        });
        Self {
            task_id: task.task_id.clone(),
            external_task_id: task.external_task_id.clone(),
            operation: operation.to_string(),
            status: task.status.to_string(),
            status_message: task.status_message.clone(),
            outputs: outputs.collect(),
            file: None,
            units_deducted: task.units_deducted.clone(),
            created_at: task.created_at.and_then(rfc3339),
            updated_at: task.updated_at.and_then(rfc3339),
            remarks: Vec::new(),
        }
    }

    /// Whether it has an output, and none was downloaded.
    pub fn is_to_download(&self) -> bool {
        !self.outputs.is_empty() && self.files().next().is_none()
    }

    /// A name for the file of its first output.
    pub fn example_file(&self) -> &'static str {
        match self.outputs.first().map(|output| output.kind.as_str()) {
            Some("image") => "image.png",
            Some("audio") => "audio.mp3",
            _ => "video.mp4",
        }
    }

    /// Notes the file of an output: of the only one that was wanted, or of one of all.
    pub fn set_file(&mut self, index: usize, file: &Path, is_only: bool) {
        let file = file.to_string_lossy().into_owned();
        if is_only {
            self.file = Some(file);
        } else if let Some(output) = self.outputs.get_mut(index) {
            output.file = Some(file);
        }
    }

    fn files(&self) -> impl Iterator<Item = &str> {
        self.file.iter().chain(self.outputs.iter().filter_map(|output| output.file.as_ref())).map(String::as_str)
    }

    /// The files, or else the URLs: a line each.
    pub fn outputs_in_lines(&self) -> String {
        let files: Vec<_> = self.files().collect();
        let urls = || self.outputs.iter().map(|output| output.url.as_str()).collect();
        if files.is_empty() { urls() } else { files }.join("\n")
    }

    /// All that is known of it, a line each.
    pub fn in_full(&self) -> String {
        let mut lines = vec![("task", Some(self.task_id.clone()))];
        lines.push(("external id", self.external_task_id.clone()));
        lines.push(("operation", Some(self.operation.clone())));
        lines.push(("status", Some(self.status.clone())));
        lines.push(("reason", self.status_message.clone()));
        lines.extend(self.outputs.iter().map(|output| {
            let length = output.duration.map(|seconds| format!(" ({seconds} s)"));
            (output.kind.as_str(), Some(format!("{}{}", output.url, length.unwrap_or_default())))
        }));
        lines.push(("units", self.units_deducted.clone()));
        lines.push(("created", self.created_at.clone()));
        lines.push(("updated", self.updated_at.clone()));
        let known = lines.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}", escaped(&value?))));
        known.collect::<Vec<_>>().join("\n")
    }

    /// The cells of its line in a list.
    pub fn cells(&self) -> [Option<&str>; 4] {
        let (created, external) = (self.created_at.as_deref(), self.external_task_id.as_deref());
        [Some(&self.task_id), Some(&self.status), created, external]
    }
}

/// Rows in columns under their names; nothing for no rows.
pub fn table<'a, const N: usize>(names: [&str; N], rows: impl Iterator<Item = [Option<&'a str>; N]>) -> String {
    let rows = rows.map(|row| row.map(|cell| cell.map_or_else(|| "-".to_owned(), escaped)));
    let rows: Vec<_> = [names.map(str::to_owned)].into_iter().chain(rows).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; N]| {
        let padded = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    if rows.len() > 1 { rows.iter().map(line).collect::<Vec<_>>().join("\n") } else { String::new() }
}

/// A time in UTC, with a fraction where it has one; none for a date that RFC 3339 cannot write.
pub fn rfc3339(time: SystemTime) -> Option<String> {
    // The formatters panic on what is earlier, and fail on what is later than the year 9999.
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    let written = match since.subsec_millis() {
        0 => humantime::format_rfc3339_seconds(time),
        _ => humantime::format_rfc3339_millis(time),
    };
    let mut text = String::new();
    write!(text, "{written}").ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_written_in_utc_and_an_impossible_one_is_unknown() {
        let after = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(rfc3339(after(1_764_235_825_029)).as_deref(), Some("2025-11-27T09:30:25.029Z"));
        assert_eq!(rfc3339(after(1_764_235_825_000)).as_deref(), Some("2025-11-27T09:30:25Z"));
        assert_eq!(rfc3339(after(u64::MAX / 1000)), None);
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), None);
    }
}
