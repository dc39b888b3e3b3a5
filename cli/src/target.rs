//! The file for an output, checked before anything is sent: afterwards it would be too late.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::arguments::Saving;
use crate::failure::{Failure, Finding, Result};

/// A file that can be created, as far as can be known without creating it.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub path: PathBuf,
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
    /// Checks that nothing is in the way at `path`, and that its directory is there.
    pub fn check(path: PathBuf, overwrite: bool, choice: Option<Choice>) -> Result<Self> {
        let target = Self { path, overwrite, choice };
        let Some(obstacle) = target.obstacle() else { return Ok(target) };
        let given = format!("{}: {obstacle}", target.path.display());
        Err(Failure::found(vec![Finding::new("output", "a file that can be created", given)])
            .with_hint("name another file; --overwrite replaces an existing one"))
    }

    fn obstacle(&self) -> Option<String> {
        let path = &self.path;
        let Some(directory) = path.file_name().and(path.parent()).filter(|_| !ends_as_directory(path)) else {
            return Some("it names a directory".to_owned());
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
            Ok(found) if found.is_dir() => Some("it is a directory".to_owned()),
            Ok(_) => (!self.overwrite).then(|| "it exists and is kept".to_owned()),
        }
    }

    /// The file of the options, if they name one.
    pub fn of(saving: Saving) -> Result<Option<Self>> {
        saving.output.map(|path| Self::check(path, saving.overwrite, saving.index)).transpose()
    }

    /// The outputs to download, each with its file; all of these can be created. Of `count` outputs, `default` is the one
    /// without a choice.
    pub fn each(&self, count: usize, default: usize) -> Result<Vec<(usize, Self)>> {
        match self.choice {
            None => Ok(vec![(default, self.clone())]),
            Some(Choice::One(index)) if index < count => Ok(vec![(index, self.clone())]),
            Some(Choice::One(index)) => {
                let message = format!("expected the index of an output, 0–{}, given {index}", count.saturating_sub(1));
                Err(Failure::other("download", message))
            }
            Some(Choice::All) => (0..count)
                .map(|index| {
                    let choice = Some(Choice::One(index));
                    Ok((index, Self::check(self.numbered(index), self.overwrite, choice)?))
                })
                .collect(),
        }
    }

    /// `cat.mp4` as `cat-2.mp4`.
    fn numbered(&self, number: usize) -> PathBuf {
        let mut name = self.path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{number}"));
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }
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
        let accepted = |name: &str, overwrite| Target::check(here.join(name), overwrite, None).map_err(|e| e.message);
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
        assert!(Target::check("a-file-in-the-working-directory".into(), false, None).is_ok());
        std::fs::remove_dir_all(here).unwrap();
    }

    #[test]
    fn each_of_several_outputs_gets_a_file_of_its_own() {
        let target = |choice| Target { path: "out/my.cat.mp4".into(), overwrite: false, choice };
        let chosen = |choice, count| {
            let files = |chosen: Vec<(usize, Target)>| chosen.into_iter().map(|(index, t)| (index, t.path)).collect();
            target(choice).each(count, 1).map(files).map_err(|failure| failure.message)
        };
        assert_eq!(chosen(None, 2), Ok(vec![(1, "out/my.cat.mp4".into())]));
        assert_eq!(chosen(Some(Choice::One(0)), 2), Ok(vec![(0, "out/my.cat.mp4".into())]));
        assert!(chosen(Some(Choice::One(2)), 2).unwrap_err().contains("0–1, given 2"));
        for (path, numbered) in [("out/my.cat.mp4", "out/my.cat-2.mp4"), ("cat", "cat-2"), (".cat", ".cat-2")] {
            let target = Target { path: path.into(), overwrite: false, choice: Some(Choice::All) };
            assert_eq!(target.numbered(2), Path::new(numbered));
        }
        let all = Target { path: "cat.mp4".into(), overwrite: true, choice: Some(Choice::All) }.each(2, 0).unwrap();
        assert_eq!(all[1].1, Target { path: "cat-1.mp4".into(), overwrite: true, choice: Some(Choice::One(1)) });
    }

    #[test]
    fn a_choice_is_an_index_or_all() {
        assert_eq!(("0".parse(), "all".parse()), (Ok(Choice::One(0)), Ok(Choice::All)));
        for broken in ["", "-1", "ALL", "1,2"] {
            assert!(broken.parse::<Choice>().is_err(), "{broken}");
        }
    }
}
