//! The record of submitted tasks: one JSON object a line in `kling/tasks.jsonl` of the user's state directory.
//!
//! A line with the external id is written before the request is sent, others after it, with the task's id and its end. It
//! says of which operation an id is, and what a killed command has submitted. No line holds a key, prompt or URL. Each is
//! appended by one write, so commands that run at the same time do not disturb each other.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::time::SystemTime;

use kling_client::Operation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::rfc3339;

/// A submitted task: a line of the record, and what all lines of a task come to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// When it was submitted, by RFC 3339.
    pub time: String,
    #[schemars(with = "String")]
    pub operation: Operation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_task_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// Last status seen, or the kind of the error that the submit ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

impl Entry {
    /// A task that is about to be submitted.
    pub fn new(operation: Operation, external_task_id: Option<&str>) -> Self {
        let time = rfc3339(SystemTime::now()).unwrap_or_default();
        Self { time, operation, external_task_id: external_task_id.map(str::to_owned), task_id: None, status: None }
    }

    /// The cells of its line in a list.
    pub fn cells(&self) -> [Option<&str>; 5] {
        let (id, external) = (self.task_id.as_deref(), self.external_task_id.as_deref());
        [id, Some(self.operation.as_str()), self.status.as_deref(), Some(&self.time), external]
    }

    fn is_of(&self, id: &str) -> bool {
        [&self.task_id, &self.external_task_id].into_iter().flatten().any(|known| known == id)
    }

    fn is_begin(&self) -> bool {
        self.task_id.is_none() && self.status.is_none()
    }
}

/// The file of the record: `$XDG_STATE_HOME/kling/tasks.jsonl`, or `~/.local/state/kling/tasks.jsonl`.
fn path() -> io::Result<PathBuf> {
    // By its specification, a relative path there is ignored.
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(std::env::home_dir().filter(|home| home.is_absolute())?.join(".local/state")));
    let state = state.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no home directory"))?;
    Ok(state.join("kling").join("tasks.jsonl"))
}

/// Appends a line, and has it on the disk when it returns.
pub fn add(entry: &Entry) -> io::Result<()> {
    let path = path()?;
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    // A line that a full disk cut must not swallow the next one.
    let begins = ends_in_line(&mut file)?;
    let line = format!("{}{}\n", if begins { "" } else { "\n" }, serde_json::to_string(entry)?);
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

fn ends_in_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Every submitted task, newest last. Lines that cannot be read are skipped.
pub fn entries() -> io::Result<Vec<Entry>> {
    match path().and_then(fs::read) {
        Ok(lines) => Ok(merge(&lines)),
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(reason) => Err(reason),
    }
}

/// The newest task with this id, be it the API's or the caller's own.
pub fn find(id: &str) -> io::Result<Option<Entry>> {
    Ok(entries()?.into_iter().rev().find(|entry| entry.is_of(id)))
}

fn merge(lines: &[u8]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<Entry>(line) else { continue };
        let ids = [&line.external_task_id, &line.task_id];
        let same = |entry: &&mut Entry| ids.into_iter().flatten().any(|id| entry.is_of(id));
        match entries.iter_mut().rev().find(same).filter(|_| !line.is_begin()) {
            Some(entry) => {
                entry.task_id = line.task_id.or(entry.task_id.take());
                entry.status = line.status.or(entry.status.take());
            }
            None => entries.push(line),
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_task_come_to_one_entry_and_a_broken_line_to_none() {
        let lines = br#"
            {"time":"1","operation":"text2video","external_task_id":"a"}
            {"time":"2","operation":"text2video","external_task_id":"a","task_id":"7","status":"submitted"}
            {"time":"3","opera
            {"time":"4","operation":"of_tomorrow","task_id":"8","new":true}
            {"time":"5","operation":"text2video","external_task_id":"a","task_id":"7","status":"succeed"}
            {"time":"6","operation":"text2video","external_task_id":"b","status":"not_sent"}
            {"time":"7","operation":"text2video","external_task_id":"a"}"#;
        let entries = merge(lines);
        let shown = |entry: &Entry| {
            let known =
                [&entry.external_task_id, &entry.task_id, &entry.status].map(|text| text.clone().unwrap_or_default());
            format!("{} {}", entry.time, known.join(" "))
        };
        // An id that is used again is another task.
        assert_eq!(entries.iter().map(shown).collect::<Vec<_>>(), ["1 a 7 succeed", "4  8 ", "6 b  not_sent", "7 a  "]);
    }
}
