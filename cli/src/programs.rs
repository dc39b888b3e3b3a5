//! The commands that are programs of their own: they get the command line unchanged, and their exit code is the command's.
//!
//! The sandbox is in this program; the batch, its workers and its tools are in another, `kling-batch`, which needs a
//! database and is installed apart.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{Command, ExitCode};

use crate::failure::Failure;

/// The program beside this one.
const BATCH: &str = "kling-batch";

/// The first command to try at the sandbox.
const EXAMPLE: &str = "kling generate text2video --model kling-v2-6 -p 'The cat puts the hat on' -o cat.mp4";

/// A program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Program {
    /// The API on this machine; its own arguments begin here.
    Sandbox(usize),
    /// Many videos.
    Batch,
}

/// The position of the first word that is no option.
fn first_word(given: &[OsString]) -> Option<usize> {
    let is_option = |word: &OsStr| word.as_encoded_bytes().starts_with(b"-");
    Some(given.iter().skip(1).position(|word| !is_option(word))? + 1)
}

/// `kling help batch run` as `kling batch run --help`: a program prints its own help.
pub fn with_help_last(mut given: Vec<OsString>) -> Vec<OsString> {
    if let Some(at) = first_word(&given).filter(|at| given[*at] == "help") {
        let help = given.remove(at);
        if called(&given).is_some() {
            given.push("--help".into());
        } else {
            given.insert(at, help);
        }
    }
    given
}

/// The program that a command line calls by its first word that is no option.
pub fn called(given: &[OsString]) -> Option<Program> {
    let at = first_word(given)?;
    match given.get(at)?.to_str()? {
        // It has no options but its own.
        "sandbox" if at == 1 => Some(Program::Sandbox(at + 1)),
        "batch" | "worker" | "mcp" => Some(Program::Batch),
        _ => None,
    }
}

/// Runs a program in the place of this one; returns its exit code, or why it did not start.
pub fn run(program: Program, given: Vec<OsString>) -> Result<ExitCode, Box<Failure>> {
    match program {
        Program::Sandbox(from) => {
            Ok(kling_sandbox::program::main("kling sandbox", Some(EXAMPLE), given.into_iter().skip(from)))
        }
        Program::Batch => become_program(Command::new(BATCH).args(given.into_iter().skip(1))).map_err(|reason| {
            let failure = Failure::other("start", format!("the program {BATCH} does not start: {reason}"));
            match reason.kind() {
                io::ErrorKind::NotFound => failure.with_hint(
                    "install it: in a clone of the repository, type `cargo install --path batch`, with cargo's bin directory \
                     on PATH",
                ),
                _ => failure,
            }
        }),
    }
}

/// With the same process, so that its signals, its terminal and its exit code are the program's.
#[cfg(unix)]
fn become_program(command: &mut Command) -> io::Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec())
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> io::Result<ExitCode> {
    let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_that_is_no_option_names_the_program() {
        for (line, expected) in [
            ("kling batch run orders.csv", Some(Program::Batch)),
            ("kling --json batch status", Some(Program::Batch)),
            ("kling worker --help", Some(Program::Batch)),
            ("kling mcp", Some(Program::Batch)),
            ("kling sandbox --port 1", Some(Program::Sandbox(2))),
            ("kling --json sandbox", None),
            ("kling status batch", None),
            ("kling --help", None),
            ("kling", None),
            ("", None),
        ] {
            let words: Vec<_> = line.split_whitespace().map(OsString::from).collect();
            assert_eq!(called(&words), expected, "{line}");
        }
    }

    #[test]
    fn a_program_prints_its_own_help() {
        for (line, expected) in [
            ("kling help batch run", "kling batch run --help"),
            ("kling help sandbox", "kling sandbox --help"),
            ("kling --json help mcp", "kling --json mcp --help"),
            ("kling help", "kling help"),
            ("kling help wait", "kling help wait"),
            ("kling status help", "kling status help"),
            ("kling", "kling"),
        ] {
            let words = line.split_whitespace().map(OsString::from).collect();
            assert_eq!(with_help_last(words).join(OsStr::new(" ")), OsStr::new(expected));
        }
    }
}
