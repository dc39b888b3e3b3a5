//! The command `kling` as a library: parses the command line, runs the command, prints its report, and returns its exit code.
//!
//! [`batch`] has what other programs share: manifests, prices, and the checks before payment.

mod arguments;
pub mod batch;
mod connection;
pub mod failure;
mod image;
pub mod interrupt;
mod next;
mod options;
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
use tokio::runtime::Builder;

pub use crate::arguments::Access;
pub use crate::connection::{Connection, connection, connection_with};

use crate::arguments::{Arguments, Program, SANDBOX};
use crate::failure::{Failure, Result};
use crate::terminal::{Done, Terminal};

/// The first command to try at the sandbox.
const EXAMPLE: &str = "kling generate text2video --model kling-v2-6 -p 'The cat puts the hat on' -o cat.mp4";

/// Runs the command by the arguments and the environment of the process.
pub fn main() -> ExitCode {
    let given: Vec<_> = std::env::args_os().collect();
    let mut command = Arguments::command();
    command.build();
    let parsed = options::without_global_options(command).try_get_matches_from(&given);
    let arguments = match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(refusal) => return Terminal::new(arguments::asks_for_json(&given), false, false).refuse(refusal),
    };
    let Arguments { json, quiet, verbose, access, program } = arguments;
    let terminal = match program.owns_standard_output() {
        true => Terminal::new(false, true, false),
        false => Terminal::new(json, quiet, verbose > 0),
    };
    terminal.shows_spans(verbose, &program);
    terminal.end(match program {
        Program::Command(command) => block_on(&mut Builder::new_current_thread(), run::run(command, access, &terminal)),
        // Each look at the record blocks for milliseconds, so there are several threads.
        #[cfg(feature = "batch")]
        Program::Batch(batch) => {
            block_on(&mut Builder::new_multi_thread(), batch::command::run(batch, &access, &terminal))
        }
        #[cfg(feature = "batch")]
        Program::Mcp(mcp) => block_on(&mut Builder::new_multi_thread(), batch::command::serve(mcp, &access, &terminal)),
        Program::Sandbox { words } => return kling_sandbox::program::main(SANDBOX, Some(EXAMPLE), words),
    })
}

/// Does the work of another command, which may note lines for people, and prints its result in JSON or for people, or why it
/// failed.
pub fn carry_out(json: bool, work: impl AsyncFnOnce(&dyn Fn(&str)) -> Result<(serde_json::Value, String)>) -> ExitCode {
    let terminal = Terminal::new(json, false, false);
    let work = async {
        let (json, people) = work(&|line| terminal.note(line)).await?;
        Ok(Done::Value { json, people, code: 0 })
    };
    terminal.end(block_on(&mut Builder::new_multi_thread(), work))
}

fn block_on(runtime: &mut Builder, work: impl Future<Output = Result<Done>>) -> Result<Done> {
    let runtime = runtime.enable_all().build();
    let runtime = runtime.map_err(|reason| Failure::other("start", format!("the runtime does not start: {reason}")))?;
    let ended = runtime.block_on(work);
    // Neither a file operation that hangs nor a read of standard input keeps the command from ending.
    runtime.shutdown_background();
    ended
}
