//! What a command found: as the JSON that programs read, whose schema is made from these types, and as people read it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use kling_client::{TaskInfo, Video};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::failure::{Failure, Finding};
use crate::output::escaped;

/// One object on standard output.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Answer {
    /// Of `generate`, `status`, `wait`, `download`, and `reconcile`.
    Task(Box<Task>),
    /// Of `list`.
    Tasks {
        /// A page of the account's tasks, the newest first.
        tasks: Vec<Task>,
    },
    /// Of `check`.
    Violations {
        /// All that is not valid; nothing, if the order is.
        violations: Vec<Finding>,
    },
    /// Of any command that failed.
    Error {
        /// What happened.
        error: Box<Failure>,
    },
}

impl Answer {
    /// The JSON Schema of all of them.
    pub fn schema() -> Schema {
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Self>()
    }
}

/// A task.
#[derive(Default, Serialize, JsonSchema)]
pub struct Task {
    /// The id under which the API knows it.
    pub task_id: String,
    /// The caller's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_task_id: Option<String>,
    /// `submitted`, `processing`, `succeed`, `failed`, or another word of the gateway's.
    status: String,
    /// Why it has this status, in the API's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<String>,
    /// Its videos, once it has succeeded.
    videos: Vec<Film>,
    /// What it cost, as a decimal number.
    #[serde(skip_serializing_if = "Option::is_none")]
    units_deducted: Option<String>,
    /// The file that the video was brought to.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// When it was made, by RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    /// When it changed last, by RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
}

/// A video.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Video")]
struct Film {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Where it can be fetched, for 30 days.
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<f64>,
    /// The file that it was brought to, where all of them were.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl From<&TaskInfo> for Task {
    fn from(task: &TaskInfo) -> Self {
        Self {
            task_id: task.task_id.clone(),
            external_task_id: task.external_task_id.clone(),
            status: task.status.to_string(),
            status_message: task.status_message.clone(),
            videos: task.videos.iter().map(Film::from).collect(),
            units_deducted: task.units_deducted.clone(),
            file: None,
            created_at: task.created_at.and_then(rfc3339),
            updated_at: task.updated_at.and_then(rfc3339),
        }
    }
}

impl From<&Video> for Film {
    fn from(video: &Video) -> Self {
        Self {
            id: video.id.clone(),
            url: video.url.clone(),
            duration_seconds: video.duration.map(|duration| duration.as_secs_f64()),
            file: None,
        }
    }
}

impl Task {
    /// Whether it has a video, and none was brought to a file.
    pub fn is_to_be_brought(&self) -> bool {
        self.file.is_none() && !self.videos.is_empty() && self.videos.iter().all(|film| film.file.is_none())
    }

    /// The one video that was wanted is in this file.
    pub fn is_in(&mut self, file: &Path) {
        self.file = Some(file.to_string_lossy().into_owned());
    }

    /// The video at this place is in this file.
    pub fn has_video_in(&mut self, place: usize, file: &Path) {
        if let Some(video) = self.videos.get_mut(place) {
            video.file = Some(file.to_string_lossy().into_owned());
        }
    }

    /// The files, or else where the videos are: a line each.
    pub fn videos_in_lines(&self) -> String {
        let files = self.file.iter().chain(self.videos.iter().filter_map(|video| video.file.as_ref()));
        let files: Vec<_> = files.map(String::as_str).collect();
        let urls = || self.videos.iter().map(|video| video.url.as_str()).collect();
        if files.is_empty() { urls() } else { files }.join("\n")
    }

    /// All that is known of it, a line each.
    pub fn in_full(&self) -> String {
        let mut lines = vec![("task", Some(self.task_id.clone()))];
        lines.push(("external id", self.external_task_id.clone()));
        lines.push(("status", Some(self.status.clone())));
        lines.push(("reason", self.status_message.clone()));
        lines.extend(self.videos.iter().map(|video| {
            let length = video.duration_seconds.map(|seconds| format!(" ({seconds} s)"));
            ("video", Some(format!("{}{}", video.url, length.unwrap_or_default())))
        }));
        lines.push(("units", self.units_deducted.clone()));
        lines.push(("created", self.created_at.clone()));
        lines.push(("updated", self.updated_at.clone()));
        let known = lines.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}", escaped(&value?))));
        known.collect::<Vec<_>>().join("\n")
    }
}

/// A line for each task, in columns under their names.
pub fn table(tasks: &[Task]) -> String {
    const NAMES: [&str; 4] = ["TASK", "STATUS", "CREATED", "EXTERNAL ID"];
    let cells = |task: &Task| {
        let cell = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), escaped);
        let (created, external) = (task.created_at.as_deref(), task.external_task_id.as_deref());
        [cell(Some(&task.task_id)), cell(Some(&task.status)), cell(created), cell(external)]
    };
    let rows: Vec<_> = [NAMES.map(str::to_owned)].into_iter().chain(tasks.iter().map(cells)).collect();
    let mut widths = [0; NAMES.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; NAMES.len()]| {
        let padded = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A time in UTC, with a fraction where it has one; nothing for a date that RFC 3339 cannot write.
fn rfc3339(time: SystemTime) -> Option<String> {
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

    #[test]
    fn the_columns_of_a_table_are_as_wide_as_what_is_shown_in_them() {
        let task = |id: &str, status: &str, external: Option<&str>| Task {
            task_id: id.to_owned(),
            status: status.to_owned(),
            external_task_id: external.map(str::to_owned),
            ..Task::default()
        };
        let shown = table(&[task("7", "\u{1b}", Some("order-7")), task("task_822", "failed", None)]);
        let expected = "TASK      STATUS  CREATED  EXTERNAL ID\n\
                        7         \\u{1b}  -        order-7\n\
                        task_822  failed  -        -";
        assert_eq!(shown, expected);
    }
}
