//! The command line: commands and options, from which help and usage are made. Those of each operation are in `options.rs`.
//!
//! There is no option for the key: a command line is visible to everybody on the machine and kept in the shell's history.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;
use kling_client::Operation;
use serde_json::Value;

#[cfg(feature = "batch")]
use crate::batch::arguments::{Batch, Mcp};
use crate::options::{Requested, from_json};
use crate::target::Choice;

const EXPLAINED: &str = "\
Environment:
  KLING_API_KEY     API key, unless --api-key-file is given
  KLING_ACCESS_KEY  access key of an account at Kling itself, if there is no API key
  KLING_SECRET_KEY  secret key of the access key
  KLING_BASE_URL    base URL of the gateway. Default: the vendor's; with an access key, Kling's
  KLING_EXPECT      expected time of a task, such as 4m
  KLING_ALLOW_HTTP  1 allows plain http to another machine
  XDG_STATE_HOME    directory of kling/tasks.jsonl, the record of submitted tasks. Default: ~/.local/state
  NO_COLOR          no colours

Exit codes:
  0 done             1 unexpected response, network, or this machine
  2 invalid          3 rejected by the API      4 task failed
  5 wait timed out   6 outcome unknown          7 not sent, nothing charged
  130 Ctrl-C or SIGTERM; a second one ends at once

Try it without a key: kling sandbox";

/// Submit tasks to Kling's video API, wait for them, and download their outputs
#[derive(Parser)]
#[command(name = "kling", version, after_help = EXPLAINED)]
pub struct Arguments {
    /// Print JSON on standard output, on failure too
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,

    /// Show no progress; ids of paid tasks and errors are shown
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,

    /// Show each step with its ids and times; -vv also each poll
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,

    #[command(flatten)]
    pub access: Access,

    #[command(subcommand)]
    pub program: Program,
}

/// Gateway and key.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Global options")]
pub struct Access {
    /// Base URL of the gateway; overrides KLING_BASE_URL
    #[arg(long, global = true, value_parser = base_url, value_name = "URL")]
    pub base_url: Option<String>,

    /// File with the API key; overrides KLING_API_KEY
    #[arg(long, global = true, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,

    /// Allow plain http to another machine, which shows the key to everyone in between
    #[arg(long, global = true)]
    pub allow_http: bool,
}

/// What runs, each on a runtime of its own.
#[derive(Subcommand)]
pub enum Program {
    #[command(flatten)]
    Command(Command),
    /// Submit many requests from a manifest, and keep a record of them. Some of this costs money
    #[cfg(feature = "batch")]
    #[command(subcommand)]
    Batch(Batch),
    /// Serve tools for agents on standard input and output, by MCP. Their requests cost money
    #[cfg(feature = "batch")]
    Mcp(Mcp),
    /// Run the API on this machine, to try things without a key
    #[command(override_help = kling_sandbox::program::help(SANDBOX))]
    Sandbox {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        words: Vec<OsString>,
    },
}

impl Program {
    /// Whether standard output is a protocol's.
    pub fn owns_standard_output(&self) -> bool {
        match self {
            #[cfg(feature = "batch")]
            Self::Mcp(_) => true,
            _ => false,
        }
    }
}

#[derive(Subcommand)]
pub enum Command {
    /// Submit a task, wait for it, and download its output or print its URL. This costs money
    #[command(subcommand)]
    Generate(Box<Requested>),
    /// Validate a request, by the options of generate. Sends nothing, needs no key
    #[command(subcommand)]
    Check(Box<Requested>),
    /// Show the status of a task
    Status {
        #[command(flatten)]
        task: Known,
    },
    /// Wait for a task, and download its output or print its URL
    Wait {
        #[command(flatten)]
        task: Known,
        #[command(flatten)]
        waiting: Waiting,
        #[command(flatten)]
        saving: Saving,
    },
    /// Download the output of a finished task
    #[command(mut_group(PLACE, |place| place.required(true)))]
    Download {
        #[command(flatten)]
        task: Known,
        #[command(flatten)]
        saving: Saving,
    },
    /// Look up a task whose create response was lost, by its external id. Costs nothing
    Find {
        #[command(flatten)]
        task: Known,
    },
    /// List the account's tasks of an operation, newest first; some gateways lack this
    List {
        #[arg(value_parser = operation())]
        operation: Operation,
        /// Page, 1-1000
        #[arg(long, default_value_t = 1, value_name = "N")]
        page: u16,
        /// Tasks on a page, 1-500
        #[arg(long, default_value_t = 30, value_name = "N")]
        page_size: u16,
    },
    /// List the tasks that this command submitted, newest last, from its own record
    Tasks,
    /// List the operations, with the models that each is known to take
    Operations,
    /// Print the JSON Schema of an operation's request
    Schema {
        #[arg(value_parser = operation(), required_unless_present = "report")]
        operation: Option<Operation>,
        /// Print that of the object that --json prints instead
        #[arg(long, conflicts_with = "operation")]
        report: bool,
    },
    /// Print the completions for a shell
    Completions { shell: Shell },
}

/// A task by one of its ids.
#[derive(Args)]
pub struct Known {
    /// Task id or external id
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub id: String,
    /// Operation of the task. Default: that of the record of submitted tasks
    #[arg(long, value_parser = operation(), value_name = "NAME")]
    pub operation: Option<Operation>,
}

/// The name under which the sandbox is called.
pub const SANDBOX: &str = "kling sandbox";

/// The heading of options that are not about the output.
pub const HEADING: &str = "Submit, wait, download";

/// The options of `generate` and `check` for every operation.
#[derive(Args, Clone)]
#[command(next_help_heading = HEADING)]
pub struct Generate {
    #[command(flatten)]
    pub saving: Saving,
    #[command(flatten)]
    pub waiting: Waiting,
    /// Submit only, and print the task id
    #[arg(long, conflicts_with_all = [PLACE, "timeout", "expect"])]
    pub no_wait: bool,
    /// Leave the task out of the record of submitted tasks
    #[arg(long)]
    pub no_record: bool,
    /// Request in JSON, or - for standard input; options override its fields
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Field that this command does not know: style='"film"'
    #[arg(long = "field", value_parser = field, value_name = "NAME=JSON")]
    pub fields: Vec<(String, Value)>,
    /// Send unknown values and fields
    #[arg(long)]
    pub allow_unknown: bool,
    /// Skip limits and rules; implies --allow-unknown
    #[arg(long)]
    pub unchecked: bool,
}

#[derive(Args, Clone)]
pub struct Waiting {
    /// Timeout of the wait, such as 90s or 1h; the task goes on
    #[arg(long, default_value = "30m", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub timeout: Duration,
    /// Expected time from submit to end; polls begin shortly before it
    #[arg(long, value_parser = humantime::parse_duration, value_name = "TIME")]
    pub expect: Option<Duration>,
}

/// The place for an output: a file, or a folder.
const PLACE: &str = "place";

#[derive(Args, Clone)]
#[command(group(ArgGroup::new(PLACE).args(["output", "out_dir"])))]
pub struct Saving {
    /// File for the output. Default: print its URL
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Folder for the output, as TASK_ID.EXT; it is made if it is missing
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long, requires = PLACE)]
    pub overwrite: bool,
    /// Which output of several: its index from 0, or all, to FILE-0, FILE-1, …
    #[arg(long, requires = PLACE, value_name = "N|all")]
    pub index: Option<Choice>,
}

/// Whether the command line asks for JSON, even if it cannot be parsed as a whole.
pub fn asks_for_json(given: &[OsString]) -> bool {
    given.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

/// The name of an operation that this version knows.
fn operation() -> impl TypedValueParser<Value = Operation> {
    PossibleValuesParser::new(Operation::KNOWN).map(Operation::from)
}

/// A base URL, which next commands repeat.
fn base_url(given: &str) -> Result<String, &'static str> {
    match given.len() {
        0 => Err("a URL is expected, given nothing"),
        1..=2000 => Ok(given.to_owned()),
        _ => Err("a URL of at most 2000 characters is expected"),
    }
}

fn field(given: &str) -> Result<(String, Value), String> {
    let (name, value) = given.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("NAME=JSON is expected")?;
    let value = from_json(value).map_err(|reason| format!("JSON or @FILE is expected: {reason}"))?;
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn no_two_options_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_field_is_a_name_and_json() {
        assert_eq!(field("cfg_scale=0.5"), Ok(("cfg_scale".to_owned(), Value::from(0.5))));
        assert_eq!(field(r#"a="b=c""#), Ok(("a".to_owned(), Value::from("b=c"))));
        for broken in ["", "cfg_scale", "=1", "a=", "a=b"] {
            assert!(field(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn json_after_the_end_of_options_is_a_value() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(asks_for_json(&words("kling --nonsense --json")));
        assert!(!asks_for_json(&words("kling status -- --json")));
    }
}
