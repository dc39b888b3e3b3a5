//! The command `kling`: reads what was typed, does it on a runtime of its own, prints what came of it, and ends with the
//! exit code that says so.

mod arguments;
mod failure;
mod output;
mod run;
mod target;
mod trail;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::failure::{Failure, Result};
use crate::output::{Done, Output};

fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    match Arguments::try_parse_from(&given) {
        Ok(arguments) => {
            let output = Output::new(arguments.json);
            output.end(work(arguments, &output))
        }
        Err(refusal) => Output::new(arguments::asks_for_json(&given)).refuse(&refusal),
    }
}

fn work(arguments: Arguments, output: &Output) -> Result<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|reason| Failure::other("start", format!("the runtime does not start: {reason}")))?;
    let ended = runtime.block_on(run::run(arguments.command, output));
    // A file operation that hangs does not keep the command from ending.
    runtime.shutdown_background();
    ended
}
