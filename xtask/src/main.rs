//! The command `cargo xtask`: reads its arguments, runs one task, prints what was done, and turns errors into exit codes.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::check::{check, write_table};
use xtask::drift::{FailOn, Format, Question, Report, drift, write};
use xtask::error::{Error, Result};
use xtask::import::import;
use xtask::roots;
use xtask::update::{cargo, update};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Command {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// What concerns the vendor's document
    #[command(subcommand)]
    Spec(Spec),
}

#[derive(Subcommand)]
enum Spec {
    /// Make openapi.yaml of the vendor's pages and our own descriptions
    Import {
        /// The pages, OpenAPI files, and folders of them, merged in this order; default: spec/vendor and spec/operations
        #[arg(value_name = "PAGE", requires = "output")]
        pages: Vec<PathBuf>,
        /// Where to write; without it: openapi.yaml
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// An OpenAPI Overlay with our corrections; without it: spec/patches.yaml
        #[arg(long, value_name = "FILE", conflicts_with = "no_patches")]
        patches: Option<PathBuf>,
        /// Leave the pages as published: operation ids are then derived
        #[arg(long, requires = "output")]
        no_patches: bool,
    },
    /// Check that openapi.yaml is current and that the library agrees with it
    Check {
        /// Write what is covered into spec/README.md first
        #[arg(long)]
        write: bool,
    },
    /// Tell what newer pages change, operation by operation, and what it means for this library
    Drift {
        /// The newer pages, OpenAPI files, or folders of them
        #[arg(value_name = "PAGE", required = true)]
        pages: Vec<PathBuf>,
        /// Compare with this page, file or folder instead of with what spec/vendor and spec/operations know of each operation
        #[arg(long, value_name = "PATH")]
        base: Option<PathBuf>,
        /// How the report is written
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
        /// From which level on the exit code is 1
        #[arg(long, value_enum, default_value = "warning", value_name = "LEVEL")]
        fail_on: FailOn,
        /// List changes of words too, which are only counted otherwise
        #[arg(long)]
        show_text: bool,
    },
    /// Take newer pages: import, regenerate, accept, check, test, report; or leave everything as it was
    Update {
        /// The pages as published
        #[arg(value_name = "PAGE", required = true)]
        pages: Vec<PathBuf>,
        /// How the report is written
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
    },
}

fn main() -> ExitCode {
    let root = roots::repository();
    let done = match Command::parse().task {
        Task::Spec(Spec::Import { pages, output, patches, no_patches }) => {
            let patches = patches.unwrap_or_else(|| root.join(roots::PATCHES));
            run_import(&root, pages, output, Some(&*patches).filter(|_| !no_patches))
        }
        Task::Spec(Spec::Check { write }) => run_check(&root, write),
        Task::Spec(Spec::Update { pages, format }) => {
            update(&root, &pages, &|step| cargo(&root, step)).map(|report| print_report(&report, format))
        }
        Task::Spec(Spec::Drift { pages, base, format, fail_on, show_text }) => {
            match drift(&root, &Question { base, revision: pages, show_text }) {
                Ok(report) => {
                    print_report(&report, format);
                    return ExitCode::from(u8::from(report.counts.fails(fail_on)));
                }
                // What cannot be compared is unreadable input, and no drift of a lower level.
                Err(error) => Err(Error::Refused(error.to_string())),
            }
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run_import(root: &Path, pages: Vec<PathBuf>, output: Option<PathBuf>, patches: Option<&Path>) -> Result<()> {
    let pages = if pages.is_empty() { roots::sources(root)? } else { pages };
    let imported = import(root, &pages, patches)?;
    for repair in &imported.repairs {
        say(format_args!("{}: repaired `{}` to `{}`", repair.place, repair.before, repair.after));
    }
    for note in &imported.notes {
        say(format_args!("{}: {}", note.place, note.text));
    }
    let [pages, repairs, notes] = [imported.pages.len(), imported.repairs.len(), imported.notes.len()];
    say(format_args!("pages: {pages}, repairs: {repairs}, changes by rules: {notes}"));
    let all = || roots::OUTPUTS.iter().map(|name| root.join(name)).collect();
    for output in output.map_or_else(all, |file| vec![file]) {
        let name = roots::shown(root, &output);
        roots::write(&output, &name, &imported.text)?;
        say(format_args!("wrote {name}"));
    }
    Ok(())
}

fn run_check(root: &Path, write: bool) -> Result<()> {
    if write {
        write_table(root)?;
    }
    for remark in check(root)? {
        say(format_args!("remark: {remark}"));
    }
    say(format_args!("openapi.yaml is current, and the library agrees with it"));
    Ok(())
}

fn print_report(report: &Report, format: Format) {
    let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = write(report, format, color);
    // A reader that went away (`| head`) is no failure of ours.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Prints a line, whether or not anybody reads it: `| head` must not end an import before it has written.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
