//! The sandbox as a program: starts one, prints what a person needs to use it, and runs until Ctrl-C.
//!
//! It is called by the program of this package, and by others that offer it under a name of their own.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use crate::{FAULT_SYNTAX, Fault, Sandbox, ScriptedFault};

const HELP: &str = "\
Kling's API on this machine: no key, no network, no costs.

usage: NAME [--port PORT] [--task-seconds SECONDS] [--key KEY | --kling] [--concurrency N] [--videos-behind-key]
       [--queries-at-omni-image] [--fault NAME]...

  --port PORT             where it listens on 127.0.0.1 (default: any free port)
  --task-seconds SECONDS  how long a task takes, 0 and fractions allowed (default: 2)
  --key KEY               the key that it accepts (default: a random one)
  --kling                 play Kling itself: paths without /kling, and signed tokens instead of a key (default: a gateway)
  --concurrency N         how many tasks may be under way; over it, code 1303 (default: any number)
  --videos-behind-key     serve videos from URLs of the API, which need the key (default: from signed URLs)
  --queries-at-omni-image answer queries of omni-video at images/omni-image/{id} alone (default: at its own path)
  --fault NAME            the fault of the next create; repeat it for the one after that
  --fault OPERATION=NAME  the same for a get, a list or a video
  --fault list            every name, with a line each
  -h, --help              print this text";

/// Long enough to see a task submitted and processing, and short enough to wait for. The real API takes minutes.
const TASK_SECONDS: f64 = 2.0;

/// How long the token of the printed commands is valid: time to try them.
const TOKEN_TIME: Duration = Duration::from_secs(24 * 60 * 60);

struct Options {
    port: u16,
    task_time: Duration,
    key: Option<String>,
    kling: bool,
    concurrency: Option<usize>,
    videos_behind_key: bool,
    queries_at_omni_image: bool,
    faults: Vec<ScriptedFault>,
}

/// What the arguments request.
enum Wanted {
    Run(Options),
    Show(String),
}

/// Runs the program until Ctrl-C, on a runtime of its own; `name` is the command as it was typed.
///
/// It prints to standard output and standard error. `example` replaces the commands for `curl` that it
/// prints. The exit code is 2 for arguments that cannot be read, and 1 if it cannot start, or if a client sent the
/// key to the origin of the outputs.
pub fn main(name: &str, example: Option<&str>, given: impl IntoIterator<Item = OsString>) -> ExitCode {
    match options(given) {
        Ok(Wanted::Run(options)) => match run(options, example) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(Wanted::Show(text)) => {
            print(&called(name, &text));
            ExitCode::SUCCESS
        }
        Err(error) => {
            let usage = HELP.split("\n\n").find(|part| part.starts_with("usage:")).unwrap_or(HELP);
            eprintln!("error: {error}\n\n{}\n\nsee `{name} --help`", called(name, usage));
            ExitCode::from(2)
        }
    }
}

/// The help of the program under this name.
pub fn help(name: &str) -> String {
    called(name, HELP)
}

fn options(given: impl IntoIterator<Item = OsString>) -> Result<Wanted, lexopt::Error> {
    use lexopt::prelude::*;

    let mut options = Options {
        port: 0,
        task_time: Duration::from_secs_f64(TASK_SECONDS),
        key: None,
        kling: false,
        concurrency: None,
        videos_behind_key: false,
        queries_at_omni_image: false,
        faults: Vec::new(),
    };
    let mut arguments = lexopt::Parser::from_args(given);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("port") => options.port = arguments.value()?.parse().map_err(|found| of("--port", found))?,
            Long("task-seconds") => {
                let seconds = arguments.value()?.parse_with(|text| {
                    let seconds = text.parse().map_err(|_| "a number of seconds is expected")?;
                    Duration::try_from_secs_f64(seconds).map_err(|_| "a number of seconds from 0 is expected")
                });
                options.task_time = seconds.map_err(|found| of("--task-seconds", found))?;
            }
            Long("key") => options.key = Some(arguments.value()?.string()?),
            Long("concurrency") => {
                let slots = arguments.value()?.parse().map_err(|found| of("--concurrency", found))?;
                options.concurrency = Some(slots);
            }
            Long("kling") => options.kling = true,
            Long("videos-behind-key") => options.videos_behind_key = true,
            Long("queries-at-omni-image") => options.queries_at_omni_image = true,
            Long("fault") => match arguments.value()?.string()?.as_str() {
                "list" => return Ok(Wanted::Show(fault_list())),
                text => options.faults.push(text.parse().map_err(|error| lexopt::Error::Custom(Box::new(error)))?),
            },
            Short('h') | Long("help") => return Ok(Wanted::Show(HELP.into())),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Wanted::Run(options))
}

/// What is wrong with the value of an option.
fn of(option: &str, found: lexopt::Error) -> lexopt::Error {
    lexopt::Error::Custom(format!("{option}: {found}").into())
}

/// A text with the name under which the program was called.
fn called(name: &str, text: &str) -> String {
    text.replace("NAME [", &format!("{name} ["))
}

#[tokio::main(flavor = "current_thread")]
async fn run(options: Options, example: Option<&str>) -> std::io::Result<()> {
    let mut builder = Sandbox::builder().port(options.port).task_time(options.task_time);
    builder = builder.kling(options.kling).videos_behind_key(options.videos_behind_key);
    builder = builder.queries_at_omni_image(options.queries_at_omni_image);
    if let Some(key) = options.key {
        builder = builder.key(key);
    }
    if let Some(slots) = options.concurrency {
        builder = builder.concurrency(slots);
    }
    let sandbox = builder.start().await?;
    for ScriptedFault { operation, fault, .. } in options.faults {
        sandbox.fault_next(operation, fault);
    }
    // In this order the signal is listened for before the text invites to send it.
    let introduced = async { print(&introduction(&sandbox, options.task_time, example)) };
    let (interrupted, ()) = tokio::join!(biased; interrupted(), introduced);
    interrupted?;
    let leaks = sandbox.key_leaks();
    if !leaks.is_empty() {
        eprintln!("the API key was sent to the origin of the outputs:\n{}", leaks.join("\n"));
        // A panic of the sandbox, meant for tests, would only repeat it.
        std::process::exit(1);
    }
    sandbox.shutdown().await;
    Ok(())
}

/// Resolves at Ctrl-C or SIGTERM, by which containers and service managers end a program.
#[cfg(unix)]
async fn interrupted() -> std::io::Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn interrupted() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Prints, whether or not anybody reads it: `--fault list | head` is no reason to panic.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn fault_list() -> String {
    let faults = [Fault::all(), Fault::videos()].concat();
    let width = faults.iter().map(|named| named.name.len()).max().unwrap_or_default();
    let lines = faults.iter().map(|named| format!("{:width$}  {}\n", named.name, named.summary));
    let lines: String = lines.collect();
    format!(
        "{lines}\n{FAULT_SYNTAX}\nOperations: create, get, list, video. Unless one is named: video for names that begin with it, else create."
    )
}

fn introduction(sandbox: &Sandbox, task_time: Duration, example: Option<&str>) -> String {
    let seconds = task_time.as_secs_f64();
    // What the client's `KLING_EXPECT` reads: whole numbers, each with a unit.
    let expect = if task_time.subsec_nanos() == 0 {
        format!("{}s", task_time.as_secs())
    } else {
        format!("{}ms", task_time.as_millis())
    };
    let (base, endpoint) = (sandbox.base_url(), sandbox.endpoint());
    let (keys, bearer, count) = if sandbox.is_kling() {
        let (access, secret) = (quoted(sandbox.access_key()), quoted(sandbox.secret_key()));
        let keys = format!("export KLING_ACCESS_KEY={access}\nexport KLING_SECRET_KEY={secret}");
        (keys, sandbox.token(TOKEN_TIME), "four")
    } else {
        (format!("export KLING_API_KEY={}", quoted(sandbox.api_key())), sandbox.api_key().to_owned(), "three")
    };
    let authorization = quoted(&format!("Authorization: Bearer {bearer}"));
    let curl = || {
        format!(
            "\
curl -s {endpoint} -H 'Content-Type: application/json' -H {authorization} \\
  -d '{{\"model_name\":\"kling-v1-6\",\"image_list\":[{{\"image\":\"https://example.com/cat.png\"}},{{\"image\":\"https://example.com/hat.jpg\"}}],\"prompt\":\"The cat puts the hat on\",\"mode\":\"std\",\"duration\":\"5\"}}'
curl -s {endpoint} -H {authorization}"
        )
    };
    let example = example.map_or_else(curl, str::to_owned);
    format!(
        "\
export KLING_BASE_URL={base}
{keys}
export KLING_EXPECT={expect}

Paste these {count} lines into a shell, and try it (a task takes {seconds} s):

{example}

Ctrl-C ends it."
    )
}

/// A word as a POSIX shell reads it back unchanged.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if word.bytes().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
