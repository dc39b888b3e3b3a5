//! The file for the video, checked before anything is asked or paid: afterwards it would be too late.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::arguments::Saving;
use crate::failure::{Failure, Finding, Result};

/// A file that can be written, as far as can be told without writing it.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub path: PathBuf,
    pub overwrite: bool,
    pub choice: Option<Choice>,
}

/// Which of a task's videos is meant; the first, if nothing is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice {
    /// This one, counted from 1.
    One(usize),
    /// Each, to a file of its own.
    All,
}

impl FromStr for Choice {
    type Err = &'static str;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        match given {
            "all" => Ok(Self::All),
            number => match number.parse() {
                Ok(number) if number > 0 => Ok(Self::One(number)),
                _ => Err("expected a number from 1, or all"),
            },
        }
    }
}

impl Target {
    /// Checks that nothing is in the way at `path`, and that its directory is there.
    pub fn check(path: PathBuf, overwrite: bool, choice: Option<Choice>) -> Result<Self> {
        let refuse = |found: String, hint: &str| {
            let given = format!("{}: {found}", path.display());
            Err(Failure::found(vec![Finding::new("output", "a file that can be made", given)]).with_hint(hint))
        };
        let Some(directory) = path.file_name().and(path.parent()).filter(|_| !ends_as_directory(&path)) else {
            return refuse("it names a directory".to_owned(), "name a file");
        };
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        match directory.metadata() {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return refuse(format!("{} is no directory", directory.display()), "name another file"),
            Err(reason) => {
                return refuse(
                    format!("{}: {reason}", directory.display()),
                    "make the directory, or name another file",
                );
            }
        }
        match path.symlink_metadata() {
            // The files have names of their own, which are known with the number of videos.
            _ if choice == Some(Choice::All) => {}
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => {}
            Err(reason) => return refuse(reason.to_string(), "name another file"),
            Ok(found) if found.is_dir() => return refuse("it is a directory".to_owned(), "name a file in it"),
            Ok(_) if overwrite => {}
            Ok(_) => {
                return refuse("it exists and is kept".to_owned(), "name another file, or add --overwrite");
            }
        }
        Ok(Self { path, overwrite, choice })
    }

    /// The file of the options, if they name one.
    pub fn of(saving: Saving) -> Result<Option<Self>> {
        saving.output.map(|path| Self::check(path, saving.overwrite, saving.video)).transpose()
    }

    /// The videos to bring, of so many, by their places from 0, each with its file; all of these can be made.
    pub fn each(&self, count: usize) -> Result<Vec<(usize, Self)>> {
        match self.choice {
            None => Ok(vec![(0, self.clone())]),
            Some(Choice::One(number)) if number <= count => Ok(vec![(number - 1, self.clone())]),
            Some(Choice::One(number)) => {
                let message = format!("expected one of the task's videos, 1 to {count}, given {number}");
                Err(Failure::other("download", message))
            }
            Some(Choice::All) => (0..count)
                .map(|place| {
                    let choice = Some(Choice::One(place + 1));
                    Ok((place, Self::check(self.numbered(place + 1), self.overwrite, choice)?))
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
    fn only_a_file_that_can_be_made_or_may_be_replaced_is_taken() {
        let here = std::env::temp_dir().join(format!("kling-target-{}", std::process::id()));
        std::fs::create_dir_all(here.join("directory")).unwrap();
        std::fs::write(here.join("file"), "mine").unwrap();
        let taken = |name: &str, overwrite| Target::check(here.join(name), overwrite, None).map_err(|e| e.message);
        for (name, overwrite, found) in [
            ("file", false, "exists and is kept"),
            ("directory", true, "it is a directory"),
            ("new/", true, "names a directory"),
            ("..", true, "names a directory"),
            ("nowhere/new", false, "nowhere: "),
            ("file/new", true, "is no directory"),
        ] {
            let message = taken(name, overwrite).expect_err(name);
            assert!(message.contains(found), "{message}");
        }
        assert!(taken("file", true).is_ok());
        assert!(taken("new", false).is_ok());
        assert!(Target::check("a-file-in-the-working-directory".into(), false, None).is_ok());
        std::fs::remove_dir_all(here).unwrap();
    }
    #[test]
    fn each_of_several_videos_gets_a_file_of_its_own() {
        let target = |choice| Target { path: "out/my.cat.mp4".into(), overwrite: false, choice };
        let chosen = |choice, count| {
            let files = |chosen: Vec<(usize, Target)>| chosen.into_iter().map(|(place, t)| (place, t.path)).collect();
            target(choice).each(count).map(files).map_err(|failure| failure.message)
        };
        assert_eq!(chosen(None, 2), Ok(vec![(0, "out/my.cat.mp4".into())]));
        assert_eq!(chosen(Some(Choice::One(2)), 2), Ok(vec![(1, "out/my.cat.mp4".into())]));
        assert!(chosen(Some(Choice::One(3)), 2).unwrap_err().contains("1 to 2, given 3"));
        for (path, numbered) in [("out/my.cat.mp4", "out/my.cat-2.mp4"), ("cat", "cat-2"), (".cat", ".cat-2")] {
            let target = Target { path: path.into(), overwrite: false, choice: Some(Choice::All) };
            assert_eq!(target.numbered(2), Path::new(numbered));
        }
        let all = Target { path: "cat.mp4".into(), overwrite: true, choice: Some(Choice::All) }.each(2).unwrap();
        assert_eq!(all[1].1, Target { path: "cat-2.mp4".into(), overwrite: true, choice: Some(Choice::One(2)) });
    }

    #[test]
    fn a_choice_is_a_number_from_1_or_all() {
        assert_eq!(("2".parse(), "all".parse()), (Ok(Choice::One(2)), Ok(Choice::All)));
        for broken in ["", "0", "-1", "ALL", "1,2"] {
            assert!(broken.parse::<Choice>().is_err(), "{broken}");
        }
    }
}
