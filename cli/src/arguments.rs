//! What can be typed: the commands and their options, in one place, from which help and usage are made.
//!
//! Values that the API may extend (models, modes, durations, ratios) are words. One that this version does not know is
//! refused, as it may be mistyped, unless `--allow-unknown` is given. There is no option for the key: what is on a command
//! line is seen by everybody on the machine and kept in the shell's history.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;
use kling_client::{AspectRatio, Mode, Model, VideoDuration};
use serde_json::Value;

use crate::failure::Finding;
use crate::target::Choice;

const EXPLAINED: &str = "\
Environment:
  KLING_API_KEY   the API key, if --api-key-file is not said
  KLING_BASE_URL  the gateway, as its address is pasted; without it, the vendor's own
  KLING_EXPECT    the time that tasks are expected to take, such as 4m
  NO_COLOR        no colours, if it is set

Exit codes:
  0 done             1 an unreadable answer, the network, or this machine
  2 not valid        3 refused by the API       4 the task failed
  5 waited in vain   6 a task may exist         7 not sent, nothing charged
  130 Ctrl-C or SIGTERM; a second one leaves at once

To try it without a key: kling sandbox";

/// Makes a video from 1-4 pictures and a prompt, by Kling's multi-image-to-video API
#[derive(Parser)]
#[command(name = "kling", version, after_help = EXPLAINED)]
pub struct Arguments {
    /// Print one JSON object on standard output, on failure too; all else goes to standard error
    #[arg(long, global = true)]
    pub json: bool,

    /// Show no progress; ids of what is paid for, and errors, are told all the same
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Show each operation with its ids and times on standard error; -vv also each poll
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    #[command(flatten)]
    pub access: Access,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Args, Clone, Default)]
pub struct Access {
    /// The gateway, in the place of KLING_BASE_URL
    #[arg(long, global = true, value_parser = base_url, value_name = "URL")]
    pub base_url: Option<String>,

    /// A file that holds the API key, in the place of KLING_API_KEY
    #[arg(long, global = true, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Order a video, wait for it, and bring it to a file or print its URL. This costs money
    Generate(Box<Generate>),
    /// Look whether an order is valid, by the same arguments; sends nothing, and needs no key
    Check(Box<Generate>),
    /// Ask once where a task stands
    Status {
        /// The task's id, or an external id where the gateway resolves those
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        id: String,
    },
    /// Wait for a task, and bring its video to a file or print its URL
    Wait {
        /// The task's id, or an external id where the gateway resolves those
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        id: String,
        #[command(flatten)]
        patience: Patience,
        #[command(flatten)]
        saving: Saving,
    },
    /// Look for a task by its external id, when the answer to its order was lost. Costs nothing
    Reconcile {
        /// The external id that was printed before the order was sent
        #[arg(value_parser = NonEmptyStringValueParser::new(), value_name = "EXTERNAL_ID")]
        id: String,
    },
    /// Bring the video of a task that has ended to a file
    Download {
        /// The task's id, or an external id where the gateway resolves those
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        id: String,
        /// The file for the video
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Replace the file if it exists
        #[arg(long)]
        overwrite: bool,
        /// Which video, if there are several: its number, or all, to FILE-1, FILE-2, …
        #[arg(long, value_name = "N|all")]
        video: Option<Choice>,
    },
    /// Show the account's tasks, the newest first; not every gateway has this
    List {
        /// Which page, from 1 to 1000
        #[arg(long, default_value_t = 1, value_name = "N")]
        page: u16,
        /// How many tasks a page has, from 1 to 500
        #[arg(long, default_value_t = 30, value_name = "N")]
        page_size: u16,
    },
    /// Print the JSON Schema of a request
    Schema {
        /// That of what this command prints with --json
        #[arg(long)]
        outputs: bool,
    },
    /// Print the completions for a shell, to be put where it looks for them
    Completions { shell: Shell },
    /// Run the API on this machine, to try things without a key; `kling sandbox --help` tells more
    #[command(disable_help_flag = true)]
    Sandbox(Passed),
    /// Make many videos from a manifest, by the program kling-batch
    #[command(disable_help_flag = true)]
    Batch(Passed),
    /// Work on a batch, one of many, by the program kling-batch
    #[command(disable_help_flag = true)]
    Worker(Passed),
    /// Serve these commands as tools, by the program kling-batch
    #[command(disable_help_flag = true)]
    Mcp(Passed),
}

/// What another program reads.
#[derive(Args)]
pub struct Passed {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub words: Vec<OsString>,
}

#[derive(Args, Clone)]
#[command(group = ArgGroup::new("text").args(["prompt", "prompt_file"]).required(true))]
pub struct Generate {
    /// An image, JPEG or PNG: a file, an http(s) URL, a data: URI, or - for standard input; up to 4 of them
    #[arg(short, long = "image", required = true, num_args = 1.., value_name = "IMAGE")]
    pub images: Vec<OsString>,
    /// What the video shows, up to 2500 characters; - reads it from standard input
    #[arg(short, long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// A file with the prompt
    #[arg(long, value_name = "FILE")]
    pub prompt_file: Option<PathBuf>,
    /// What the video should not show, up to 2500 characters
    #[arg(long, value_name = "TEXT")]
    pub negative_prompt: Option<String>,
    /// std (cheaper) or pro (better)
    #[arg(long, default_value_t, value_parser = word::<Mode>)]
    pub mode: Mode,
    /// Seconds of video: 5 or 10
    #[arg(long, default_value_t, value_parser = word::<VideoDuration>, value_name = "SECONDS")]
    pub duration: VideoDuration,
    /// 16:9, 9:16 or 1:1; the API's default: 16:9
    #[arg(long, value_parser = word::<AspectRatio>, value_name = "W:H")]
    pub aspect_ratio: Option<AspectRatio>,
    /// The model
    #[arg(long, default_value_t, value_parser = word::<Model>)]
    pub model: Model,
    /// An id of your own, never used before, by which the task can be found again
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), value_name = "ID")]
    pub external_id: Option<String>,
    /// A public URL to which the API posts every change of status
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), value_name = "URL")]
    pub callback_url: Option<String>,
    /// Have a video with a watermark made as well
    #[arg(long)]
    pub watermark: bool,
    /// A field that this command does not know, with its value in JSON: cfg_scale=0.5
    #[arg(long = "field", value_parser = field, value_name = "NAME=JSON")]
    pub fields: Vec<(String, Value)>,
    /// Send a model, mode, duration or ratio that this version does not know
    #[arg(long)]
    pub allow_unknown: bool,
    /// Do not hold the limits against it, for a gateway that has moved on; implies --allow-unknown
    #[arg(long)]
    pub unchecked: bool,
    /// Order only: print the task's id and leave
    #[arg(long, conflicts_with_all = ["output", "timeout", "expect"])]
    pub no_wait: bool,
    #[command(flatten)]
    pub patience: Patience,
    #[command(flatten)]
    pub saving: Saving,
}

#[derive(Args, Clone)]
pub struct Patience {
    /// How long to wait: 90s, 30m, 1h. The task goes on when it is over
    #[arg(long, default_value = "30m", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub timeout: Duration,
    /// How long the task is expected to take from its order on; it is not asked about much earlier
    #[arg(long, value_parser = humantime::parse_duration, value_name = "TIME")]
    pub expect: Option<Duration>,
}

#[derive(Args, Clone)]
pub struct Saving {
    /// The file for the video; without it, the video's URL is printed
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "output")]
    pub overwrite: bool,
    /// Which video, if there are several: its number, or all, to FILE-1, FILE-2, …
    #[arg(long, requires = "output", value_name = "N|all")]
    pub video: Option<Choice>,
}

impl Generate {
    /// The values that this version does not know, each with those that it does. They may be mistyped.
    pub fn unknown_values(&self) -> Vec<Finding> {
        let ratio = self.aspect_ratio.as_ref().map(AspectRatio::as_str);
        [
            ("model", Some(self.model.as_str()), Model::KNOWN),
            ("mode", Some(self.mode.as_str()), Mode::KNOWN),
            ("duration", Some(self.duration.as_str()), VideoDuration::KNOWN),
            ("aspect-ratio", ratio, AspectRatio::KNOWN),
        ]
        .into_iter()
        .filter_map(|(name, given, known)| {
            let given = given.filter(|given| !known.contains(given))?;
            Some(Finding::new(name, &known.join(" or "), given))
        })
        .collect()
    }

    /// Whether such values are sent.
    pub fn allows_unknown(&self) -> bool {
        self.allow_unknown || self.unchecked
    }
}

/// Whether JSON was asked for on a command line that could not be read as a whole.
pub fn asks_for_json(given: &[OsString]) -> bool {
    given.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

/// A value of an open enumeration: any word, but a word.
fn word<T: for<'a> From<&'a str>>(given: &str) -> Result<T, &'static str> {
    match given.trim() {
        "" => Err("a word is expected, given nothing"),
        word => Ok(word.into()),
    }
}

/// The address of a gateway, which every command that goes on repeats.
fn base_url(given: &str) -> Result<String, &'static str> {
    /// Longer than any address that works everywhere.
    const LONGEST: usize = 2000;
    match given.len() {
        0 => Err("a URL is expected, given nothing"),
        1..=LONGEST => Ok(given.to_owned()),
        _ => Err("a URL of at most 2000 characters is expected"),
    }
}

/// A field's name and its value.
fn field(given: &str) -> Result<(String, Value), String> {
    let (name, value) = given.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("expected NAME=JSON")?;
    let value =
        serde_json::from_str(value).map_err(|reason| format!("expected JSON, such as 0.5 or '\"text\"': {reason}"))?;
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_commands_agree_with_themselves() {
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
