//! The command `kling` as a library: parses the command line, runs the command, prints its report, and returns its exit code.
//!
//! [`batch`] has what other programs share: manifests, prices, and the checks before payment.

mod arguments;
pub mod batch;
mod connection;
pub mod failure;
mod interrupt;
mod next;
mod options;
mod programs;
mod progress;
mod record;
mod report;
mod request;
mod run;
mod spans;
mod target;
mod terminal;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

pub use crate::arguments::Access;
pub use crate::connection::{Connection, connection, connection_with};

use crate::arguments::Arguments;
use crate::failure::{Failure, Result};
use crate::terminal::{Done, Terminal};

/// Runs the command by the arguments and the environment of the process.
pub fn main() -> ExitCode {
    let given = programs::with_help_last(std::env::args_os().collect());
    let in_json = arguments::asks_for_json(&given);
    if let Some(program) = programs::called(&given) {
        return programs::run(program, given)
            .unwrap_or_else(|failure| Terminal::new(in_json, false, false).end(Err(failure)));
    }
    let mut command = Arguments::command();
    command.build();
    let parsed = options::without_global_options(command).try_get_matches_from(&given);
    match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => {
            let terminal = Terminal::new(arguments.json, arguments.quiet, arguments.verbose > 0);
            terminal.shows_spans(arguments.verbose, &arguments.command);
            terminal.end(work(arguments, &terminal))
        }
        Err(refusal) => Terminal::new(in_json, false, false).refuse(refusal),
    }
}

fn work(arguments: Arguments, terminal: &Terminal) -> Result<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|reason| Failure::other("start", format!("the runtime does not start: {reason}")))?;
    let ended = runtime.block_on(run::run(arguments, terminal));
    // A file operation that hangs does not keep the command from ending.
    runtime.shutdown_background();
    ended
}
