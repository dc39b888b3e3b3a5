//! The place for an output, checked before anything is sent: afterwards it would be too late.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kling_client::OutputKind;

use crate::arguments::Saving;
use crate::failure::{Failure, Finding, Result};

/// A file that can be created, as far as can be known without creating it; or a folder that takes files.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub path: PathBuf,
    pub is_folder: bool,
    pub overwrite: bool,
    pub choice: Option<Choice>,
}

/// Which of a task's outputs. Default: the first of the kind that its operation makes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice {
    /// This one, counted from 0.
    One(usize),
    /// Each, to a file of its own.
    All,
}

impl FromStr for Choice {
    type Err = &'static str;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        match given {
            "all" => Ok(Self::All),
            number => number.parse().map(Self::One).map_err(|_| "a number from 0, or all is expected"),
        }
    }
}

impl Target {
    /// A file, unchecked.
    pub fn file(path: PathBuf) -> Self {
        Self { path, is_folder: false, overwrite: false, choice: None }
    }

    /// The file or the folder of the options, if they name one.
    pub fn of(saving: Saving) -> Result<Option<Self>> {
        let Saving { output, out_dir, overwrite, index } = saving;
        let is_folder = output.is_none();
        let Some(path) = output.or(out_dir) else { return Ok(None) };
        let target = Self { path, is_folder, overwrite, choice: index };
        if !is_folder {
            return target.checked().map(Some);
        }
        match target.path.metadata() {
            Ok(found) if !found.is_dir() => Err(no_folder(&target.path, "it is a file")),
            _ => Ok(Some(target)),
        }
    }

    /// Makes the folder, so that this fails before anything is paid.
    pub fn prepare(&self) -> Result<()> {
        if self.is_folder { make_folder(&self.path) } else { Ok(()) }
    }

    /// Checks that nothing is in the way at the file's path, and that its directory is there.
    fn checked(self) -> Result<Self> {
        let Some(obstacle) = self.obstacle() else { return Ok(self) };
        let given = format!("{}: {obstacle}", self.path.display());
        Err(Failure::found(vec![Finding::new("output", "a file that can be created", given)])
            .with_hint("name another file; --overwrite replaces an existing one"))
    }

    fn obstacle(&self) -> Option<String> {
        let path = &self.path;
        let Some(directory) = path.file_name().and(path.parent()).filter(|_| !ends_as_directory(path)) else {
            return Some("it names a directory; --out-dir takes one".to_owned());
        };
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        match directory.metadata() {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Some(format!("{} is not a directory", directory.display())),
            Err(reason) => return Some(format!("{}: {reason}", directory.display())),
        }
        match path.symlink_metadata() {
            // The files have names of their own, which are known with the number of outputs.
            _ if self.choice == Some(Choice::All) => None,
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => None,
            Err(reason) => Some(reason.to_string()),
            Ok(found) if found.is_dir() => Some("it is a directory; --out-dir takes one".to_owned()),
            Ok(_) => (!self.overwrite).then(|| "it exists and is kept".to_owned()),
        }
    }

    /// The outputs to download, each with its file; all of these can be created. `names` has the name that each output's
    /// file gets in a folder, and `default` is the index of the output without a choice.
    pub fn each(&self, names: &[String], default: usize) -> Result<Vec<(usize, Self)>> {
        let one = |index| Ok((index, self.of_output(names, index)?));
        match self.choice {
            None => Ok(vec![one(default)?]),
            Some(Choice::One(index)) if index < names.len() => Ok(vec![one(index)?]),
            Some(Choice::One(index)) => {
                let last = names.len().saturating_sub(1);
                let message = format!("expected the index of an output, 0–{last}, given {index}");
                Err(Failure::other("download", message))
            }
            Some(Choice::All) => (0..names.len()).map(one).collect(),
        }
    }

    /// The file of an output.
    fn of_output(&self, names: &[String], index: usize) -> Result<Self> {
        let mut target = self.clone();
        if let Some(name) = names.get(index).filter(|_| self.is_folder) {
            target = Self { path: self.path.join(name), is_folder: false, ..target };
        }
        if self.choice == Some(Choice::All) {
            target = Self { path: numbered(&target.path, index), choice: Some(Choice::One(index)), ..target };
        }
        if target.path == self.path { Ok(target) } else { target.checked() }
    }
}

/// The name of an output's file in a folder. A server chose the id, which leads to no other folder.
pub fn file_name(task_id: &str, kind: OutputKind) -> String {
    const LONGEST: usize = 200;
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let id: String = task_id.chars().map(safe).take(LONGEST).collect();
    let id = if id.starts_with(['.', '-']) || id.is_empty() { format!("_{id}") } else { id };
    format!("{id}.{}", extension(kind))
}

/// The extension of an output's file, by its kind.
pub fn extension(kind: OutputKind) -> &'static str {
    match kind {
        OutputKind::Image => "png",
        OutputKind::Audio => "mp3",
        _ => "mp4",
    }
}

/// Makes a folder, unless it is there, and checks that it takes files.
pub fn make_folder(path: &Path) -> Result<()> {
    let made = std::fs::create_dir_all(path).and_then(|()| tempfile::tempfile_in(path));
    made.map(drop).map_err(|reason| no_folder(path, &reason.to_string()))
}

fn no_folder(path: &Path, obstacle: &str) -> Box<Failure> {
    let given = format!("{}: {obstacle}", path.display());
    Failure::found(vec![Finding::new("out_dir", "a folder that takes files", given)])
}

/// `cat.mp4` as `cat-2.mp4`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// `Path` drops a separator at the end, which says that a directory is meant.
fn ends_as_directory(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|&byte| std::path::is_separator(byte.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_can_be_created_or_may_be_replaced_is_accepted() {
        let here = std::env::temp_dir().join(format!("kling-target-{}", std::process::id()));
        std::fs::create_dir_all(here.join("directory")).unwrap();
        std::fs::write(here.join("file"), "mine").unwrap();
        let file = |name: &str, overwrite| Target { overwrite, ..Target::file(here.join(name)) };
        let accepted = |name: &str, overwrite| file(name, overwrite).checked().map_err(|failure| failure.message);
        for (name, overwrite, found) in [
            ("file", false, "exists and is kept"),
            ("directory", true, "it is a directory"),
            ("new/", true, "names a directory"),
            ("..", true, "names a directory"),
            ("nowhere/new", false, "nowhere: "),
            ("file/new", true, "is not a directory"),
        ] {
            let message = accepted(name, overwrite).expect_err(name);
            assert!(message.contains(found), "{message}");
        }
        assert!(accepted("file", true).is_ok());
        assert!(accepted("new", false).is_ok());
        assert!(Target::file("a-file-in-the-working-directory".into()).checked().is_ok());
        std::fs::remove_dir_all(here).unwrap();
    }

    #[test]
    fn each_of_several_outputs_gets_a_file_of_its_own() {
        let target = |choice| Target { choice, ..Target::file("out/my.cat.mp4".into()) };
        let names = ["7.mp4", "7.mp3"].map(str::to_owned);
        let chosen = |target: Target| {
            let files = |chosen: Vec<(usize, Target)>| chosen.into_iter().map(|(index, t)| (index, t.path)).collect();
            target.each(&names, 1).map(files).map_err(|failure| failure.message)
        };
        assert_eq!(chosen(target(None)), Ok(vec![(1, "out/my.cat.mp4".into())]));
        assert_eq!(chosen(target(Some(Choice::One(0)))), Ok(vec![(0, "out/my.cat.mp4".into())]));
        assert!(chosen(target(Some(Choice::One(2)))).unwrap_err().contains("0–1, given 2"));
        for (path, expected) in [("out/my.cat.mp4", "out/my.cat-2.mp4"), ("cat", "cat-2"), (".cat", ".cat-2")] {
            assert_eq!(numbered(Path::new(path), 2), Path::new(expected));
        }
        let all = Target { overwrite: true, choice: Some(Choice::All), ..Target::file("cat.mp4".into()) };
        let second = Target { choice: Some(Choice::One(1)), ..Target { path: "cat-1.mp4".into(), ..all.clone() } };
        assert_eq!(all.each(&names, 0).unwrap()[1].1, second);

        let here = std::env::temp_dir();
        let folder = |choice| Target { is_folder: true, choice, ..Target::file(here.clone()) };
        assert_eq!(chosen(folder(None)), Ok(vec![(1, here.join("7.mp3"))]));
        let both = [(0, here.join("7-0.mp4")), (1, here.join("7-1.mp3"))];
        assert_eq!(chosen(folder(Some(Choice::All))), Ok(both.to_vec()));
    }

    #[test]
    fn the_name_of_a_file_in_a_folder_leads_nowhere_else() {
        for (id, name) in [
            ("822953089408827433", "822953089408827433.mp4"),
            ("a_B-7.c", "a_B-7.c.mp4"),
            ("../../etc/x", "_.._.._etc_x.mp4"),
            ("-rf", "_-rf.mp4"),
            ("", "_.mp4"),
            ("a\u{1b}\\b:例", "a__b__.mp4"),
        ] {
            assert_eq!(file_name(id, OutputKind::Video), name);
        }
        assert_eq!(file_name(&"7".repeat(1000), OutputKind::Image).len(), 204);
    }

    #[test]
    fn a_choice_is_an_index_or_all() {
        assert_eq!(("0".parse(), "all".parse()), (Ok(Choice::One(0)), Ok(Choice::All)));
        for broken in ["", "-1", "ALL", "1,2"] {
            assert!(broken.parse::<Choice>().is_err(), "{broken}");
        }
    }
}
