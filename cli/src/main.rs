//! The command `kling`: reads what was typed, does it on a runtime of its own, prints what came of it, and ends with the
//! exit code that says so.

mod answer;
mod arguments;
mod connection;
mod failure;
mod interrupt;
mod order;
mod output;
mod programs;
mod progress;
mod run;
mod spans;
mod target;
mod trail;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::failure::{Failure, Result};
use crate::output::{Done, Output};

fn main() -> ExitCode {
    let given = programs::with_help_last(std::env::args_os().collect());
    let in_json = arguments::asks_for_json(&given);
    if let Some(program) = programs::asked_for(&given) {
        return programs::run(program, given)
            .unwrap_or_else(|failure| Output::new(in_json, false, false).end(Err(failure)));
    }
    match Arguments::try_parse_from(&given) {
        Ok(arguments) => {
            let output = Output::new(arguments.json, arguments.quiet, arguments.verbose > 0);
            output.shows_spans(arguments.verbose, &arguments.command);
            output.end(work(arguments, &output))
        }
        Err(refusal) => Output::new(in_json, false, false).refuse(refusal),
    }
}

fn work(arguments: Arguments, output: &Output) -> Result<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|reason| Failure::other("start", format!("the runtime does not start: {reason}")))?;
    let ended = runtime.block_on(run::run(arguments, output));
    // A file operation that hangs does not keep the command from ending.
    runtime.shutdown_background();
    ended
}
