//! The command `kling-temporal`.

fn main() -> std::process::ExitCode {
    kling_temporal::main()
}
