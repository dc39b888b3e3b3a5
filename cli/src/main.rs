//! The command `kling`; see the library of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    kling_cli::main()
}
