//! The sandbox as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    kling_sandbox::program::main("kling-sandbox", None, std::env::args_os().skip(1))
}
