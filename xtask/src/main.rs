//! The command `cargo xtask`: reads its arguments, runs one task, prints what was done, and turns errors into exit codes.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use xtask::check::{check, write_table};
use xtask::drift::{FailOn, Format, Question, Report, drift, write};
use xtask::error::Result;
use xtask::import::{Imported, import};
use xtask::roots;
use xtask::torture::{self, Torture};
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
    /// Try the batch for longer than its test does: jobs, faults and killed workers, round after round
    ///
    /// Each round is the test `torture` of batch/ with another seed, against SQLite and, if DATABASE_URL names a server where
    /// databases may be made (postgres://user:password@host:port/postgres), against PostgreSQL. At the end of each the
    /// sandbox's ledger and the record agree: nothing is charged twice, nothing lost, every file is whole.
    Torture(Tried),
}

#[derive(Args)]
struct Tried {
    /// The jobs of a round
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(20..), value_name = "N")]
    jobs: u32,
    /// No round begins after so many minutes; one of 200 jobs takes one on SQLite and two to four on PostgreSQL
    #[arg(long, default_value_t = 30, value_name = "M")]
    minutes: u32,
    /// The first round's seed; that of each other is one more. It repeats the faults and the kills, but what they meet is
    /// the machine's to decide
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

#[derive(Subcommand)]
enum Spec {
    /// Make openapi.yaml of the vendor's pages and our own descriptions
    Import(Import),
    /// Check that openapi.yaml is current and that the library agrees with it
    Check(Check),
    /// Tell what newer pages change, operation by operation, and what it means for this library
    Drift(Drift),
    /// Take newer pages: import, regenerate, accept, check, test, report; or leave everything as it was
    Update(Update),
}

#[derive(Args)]
struct Import {
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
}

#[derive(Args)]
struct Check {
    /// Write what is covered into spec/README.md first
    #[arg(long)]
    write: bool,
}

#[derive(Args)]
struct Update {
    /// The pages as published
    #[arg(value_name = "PAGE", required = true)]
    pages: Vec<PathBuf>,
    /// How the report is written
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

#[derive(Args)]
struct Drift {
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
}

fn main() -> ExitCode {
    let done = match Command::parse().task {
        Task::Torture(arguments) => run_torture(&arguments),
        Task::Spec(Spec::Import(arguments)) => run_import(&arguments),
        Task::Spec(Spec::Check(arguments)) => run_check(arguments.write),
        Task::Spec(Spec::Update(arguments)) => run_update(&arguments),
        Task::Spec(Spec::Drift(arguments)) => match run_drift(&arguments) {
            Ok(true) => return ExitCode::from(1),
            // What cannot be compared is unreadable input, and no drift of a lower level.
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(2);
            }
            Ok(false) => Ok(()),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run_import(arguments: &Import) -> Result<()> {
    let root = roots::repository();
    let pages = if arguments.pages.is_empty() { roots::sources(&root)? } else { arguments.pages.clone() };
    let default = root.join(roots::PATCHES);
    let patches = if arguments.no_patches { None } else { Some(arguments.patches.as_deref().unwrap_or(&default)) };
    let imported = import(&root, &pages, patches)?;
    report(&imported);
    let outputs = arguments
        .output
        .clone()
        .map_or_else(|| roots::OUTPUTS.iter().map(|name| root.join(name)).collect(), |file| vec![file]);
    for output in outputs {
        let name = roots::shown(&root, &output);
        roots::write(&output, &name, &imported.text)?;
        say(format_args!("wrote {name}"));
    }
    Ok(())
}

fn run_check(write: bool) -> Result<()> {
    if write {
        write_table(&roots::repository())?;
    }
    let remarks = check(&roots::repository())?;
    for remark in remarks {
        say(format_args!("remark: {remark}"));
    }
    say(format_args!("openapi.yaml is current, and the library agrees with it"));
    Ok(())
}

/// Whether there is drift of the level that was asked for.
fn run_drift(arguments: &Drift) -> Result<bool> {
    let (base, revision) = (arguments.base.clone(), arguments.pages.clone());
    let question = Question { base, revision, show_text: arguments.show_text };
    let report = drift(&roots::repository(), &question)?;
    print_report(&report, arguments.format);
    Ok(report.counts.fails(arguments.fail_on))
}

fn print_report(report: &Report, format: Format) {
    let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = write(report, format, color);
    // A reader that went away (`| head`) is no failure of ours.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn run_update(arguments: &Update) -> Result<()> {
    let root = roots::repository();
    let report = update(&root, &arguments.pages, &|step| cargo(&root, step))?;
    print_report(&report, arguments.format);
    Ok(())
}

fn run_torture(arguments: &Tried) -> Result<()> {
    let (root, begun) = (roots::repository(), Instant::now());
    let Tried { jobs, minutes, seed } = arguments;
    let jobs = usize::try_from(*jobs).unwrap_or(usize::MAX);
    let time = Duration::from_secs(60 * u64::from(*minutes));
    let torture = Torture { jobs, time, seed: seed.unwrap_or_else(torture::any_seed) };
    torture.run(|| begun.elapsed(), |seed| torture::cargo(&root, jobs, seed), |line| say(format_args!("{line}")))
}

fn report(imported: &Imported) {
    for repair in &imported.repairs {
        say(format_args!("{}: repaired `{}` to `{}`", repair.place, repair.before, repair.after));
    }
    for note in &imported.notes {
        say(format_args!("{}: {}", note.place, note.text));
    }
    say(format_args!(
        "pages: {}, repairs: {}, changes by rules: {}",
        imported.pages.len(),
        imported.repairs.len(),
        imported.notes.len()
    ));
}

/// Prints a line, whether or not anybody reads it: `| head` must not end an import before it has written.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
