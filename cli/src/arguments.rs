//! What can be typed: the commands and their options, in one place, from which help and usage are made.
//!
//! Values that the API may extend (models, modes, lengths, ratios) are words that pass through. There is no option for
//! the key: what is on a command line is seen by everybody on the machine and kept in the shell's history.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand};
use kling_client::{AspectRatio, Image, Mode, Model, VideoDuration};

const EXPLAINED: &str = "\
Environment:
  KLING_API_KEY   the API key (required)
  KLING_BASE_URL  the gateway, as its address is pasted; without it, the vendor's own

Exit codes:
  0 done             1 an unreadable answer, the network, or this machine
  2 not valid        3 refused by the API       4 the task failed
  5 waited in vain   6 a task may exist         7 not sent, nothing charged";

/// Makes a video from 1-4 pictures and a prompt, by Kling's multi-image-to-video API
#[derive(Parser)]
#[command(name = "kling", version, after_help = EXPLAINED, disable_help_subcommand = true)]
pub struct Arguments {
    /// Print one JSON object on standard output, on failure too; all else goes to standard error
    #[arg(long, global = true)]
    pub json: bool,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Order a video, wait for it, and bring it to a file or print its URL. This costs money
    Generate(Box<Generate>),
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
    },
}

#[derive(Args)]
pub struct Generate {
    /// A picture, JPEG or PNG: a file or an http(s) URL, up to 4 of them
    #[arg(short, long = "image", required = true, num_args = 1.., value_name = "IMAGE")]
    pub images: Vec<OsString>,
    /// What the video shows, up to 2500 characters
    #[arg(short, long, value_name = "TEXT")]
    pub prompt: String,
    /// What the video should not show, up to 2500 characters
    #[arg(long, value_name = "TEXT")]
    pub negative_prompt: Option<String>,
    /// std (cheaper) or pro (better), or what else the gateway knows
    #[arg(long, default_value_t, value_parser = word::<Mode>)]
    pub mode: Mode,
    /// Seconds of video: 5 or 10, or what else the gateway knows
    #[arg(long, default_value_t, value_parser = word::<VideoDuration>, value_name = "SECONDS")]
    pub duration: VideoDuration,
    /// 16:9, 9:16 or 1:1, or what else the gateway knows; the API takes 16:9 if not said
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
    /// Order only: print the task's id and leave
    #[arg(long, conflicts_with_all = ["output", "timeout"])]
    pub no_wait: bool,
    #[command(flatten)]
    pub patience: Patience,
    #[command(flatten)]
    pub saving: Saving,
}

#[derive(Args)]
pub struct Patience {
    /// How long to wait: 90s, 30m, 1h. The task goes on when it is over
    #[arg(long, default_value = "30m", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub timeout: Duration,
}

#[derive(Args)]
pub struct Saving {
    /// The file for the video; without it, the video's URL is printed
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "output")]
    pub overwrite: bool,
}

impl Generate {
    /// The pictures in their order.
    pub fn images(&self) -> impl Iterator<Item = Image> {
        self.images.iter().map(|given| image(given))
    }
}

/// Whether JSON was asked for on a command line that could not be read as a whole.
pub fn asks_for_json(given: &[OsString]) -> bool {
    given.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

/// A URL by its scheme; all else names a file, in whatever bytes the system has for it.
fn image(given: &OsStr) -> Image {
    let begins = |text: &str, scheme: &str| text.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    match given.to_str() {
        Some(text) if begins(text, "http://") || begins(text, "https://") => Image::url(text),
        _ => Image::file(given),
    }
}

/// A value of an open enumeration: any word, but a word.
fn word<T: for<'a> From<&'a str>>(given: &str) -> Result<T, &'static str> {
    match given.trim() {
        "" => Err("a word is expected, given nothing"),
        word => Ok(word.into()),
    }
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
    fn what_begins_as_a_web_address_is_a_url_and_all_else_a_file() {
        for (given, shown) in [
            ("https://example.com/cat.png", r#"Image(url on "example.com")"#),
            ("HTTP://example.com/cat.png", r#"Image(url on "example.com")"#),
            ("http:cat.png", r#"Image(file "http:cat.png")"#),
            ("cat.png", r#"Image(file "cat.png")"#),
            ("kätzchen", r#"Image(file "kätzchen")"#),
        ] {
            assert_eq!(format!("{:?}", image(OsStr::new(given))), shown);
        }
    }

    #[test]
    fn json_after_the_end_of_options_is_a_value() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(asks_for_json(&words("kling --nonsense --json")));
        assert!(!asks_for_json(&words("kling status -- --json")));
    }
}
