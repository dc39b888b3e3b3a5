//! What can be typed: the words that `kling` hands on, `batch …`, `worker` and `mcp`, in one place, from which help and usage are
//! made.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kling_batch::Units;

const EXPLAINED: &str = "\
Environment:
  KLING_API_KEY   the API key (required to send, ask and fetch); at Kling itself KLING_ACCESS_KEY and
                  KLING_SECRET_KEY instead
  KLING_BASE_URL  the gateway, as its address is pasted; without it, the vendor's own
  KLING_DATABASE  the record, where --database is not given
  KLING_EXPECT    the expected time of a task, such as 4m; 2s for a sandbox
  KLING_ALLOW_HTTP  1 allows plain http to another machine

Exit codes:
  0 done             1 something is left over, or this machine or the database failed
  2 not valid        3 refused by the API      4 a task failed
  6 a task may exist 7 not sent, nothing charged";

/// Many videos from a manifest, over crashes: none is paid twice, none that is paid is forgotten
#[derive(Parser)]
#[command(name = "kling-batch", version, after_help = EXPLAINED)]
pub struct Arguments {
    /// Print JSON on standard output, on failure too; all else goes to standard error
    #[arg(long, global = true)]
    pub json: bool,

    /// Show no progress; ids of what is paid for, and errors, are told all the same
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// The record: postgres://…, sqlite:FILE, or a file; postgres://…?sslmode=verify-full insists on TLS, with
    /// &sslrootcert=FILE for an authority of your own
    #[arg(
        long,
        global = true,
        env = "KLING_DATABASE",
        default_value = "kling.db",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub database: String,

    /// A table of prices in JSON; without it, an assumption for multi-image2video alone
    #[arg(long, global = true, value_name = "FILE")]
    pub prices: Option<PathBuf>,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// A manifest of requests, and the record of what became of them
    #[command(subcommand)]
    Batch(Batch),
    /// One of many that work on one record; ends on SIGTERM, once what it sends is answered
    ///
    /// It writes report.html when a batch has ended, into the folder for its videos, where that is on this machine.
    Worker {
        #[command(flatten)]
        work: Effort,
    },
    /// Tools for agents, by the Model Context Protocol on standard input and output. What they order costs money
    Mcp {
        /// The most that all orders of agents on this record may book; without it, nothing is ordered
        #[arg(long, value_name = "UNITS")]
        budget: Option<Units>,
        /// A directory whose pictures may be sent; may be given more than once
        #[arg(long, value_name = "DIR", num_args = 1..)]
        read: Vec<PathBuf>,
        /// The directory for the videos
        #[arg(long, value_name = "DIR")]
        write: PathBuf,
        #[command(flatten)]
        work: Effort,
    },
}

#[derive(Subcommand)]
pub enum Batch {
    /// Add a manifest, then send, wait and fetch until nothing is left. This costs money
    Run {
        #[command(flatten)]
        add: Source,
        #[command(flatten)]
        work: Effort,
    },
    /// Add a manifest; workers, or resume, do the rest
    Add {
        #[command(flatten)]
        add: Source,
    },
    /// Tell what stands in the record, what needs somebody, and what vanishes soon
    Status,
    /// Go on with all that is not done; fetch again what is gone or differs, first what vanishes first
    Resume {
        /// What a batch may book from now on: that of --batch, or the only one with jobs that are not sent
        #[arg(long, value_name = "UNITS")]
        budget: Option<Units>,
        /// The batch that --budget is for
        #[arg(long, value_name = "ID", requires = "budget")]
        batch: Option<i64>,
        #[command(flatten)]
        work: Effort,
    },
    /// Order failed or dropped jobs anew, each as a new job
    Retry {
        /// The jobs' numbers
        #[arg(required = true, value_name = "ID")]
        jobs: Vec<i64>,
        /// Also ambiguous ones, whose task may exist: this may pay twice
        #[arg(long)]
        yes: bool,
    },
    /// Take back jobs that were not sent; the API has no cancel for others
    Drop {
        /// The jobs' numbers
        #[arg(required = true, value_name = "ID")]
        jobs: Vec<i64>,
    },
    /// Write report.html, a page to look at in a browser: videos, pictures, prompts, costs
    Report {
        /// Show this batch; without it, all jobs whose files lie in the page's own directory
        batch: Option<i64>,
        /// The directory for the page
        #[arg(long, default_value = ".", value_name = "DIR")]
        out: PathBuf,
    },
    /// Write the record as a table, one row a job; in CSV, what a spreadsheet takes for a formula gets an apostrophe
    Export {
        /// The form
        #[arg(long, value_enum, default_value_t = Form::Csv)]
        format: Form,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Form {
    Csv,
    Json,
}

#[derive(Args)]
pub struct Source {
    /// JSON Lines, or CSV with a header by the name *.csv: a request a line, in the words of the API or of kling generate.
    /// Its operation is multi-image2video, or the one that the field "operation" names
    pub manifest: PathBuf,
    /// The folder for the videos
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    pub out: PathBuf,
    /// The most that this batch may book: no job is sent that would pass it, and none without a known price. Estimates count
    /// until the API tells the cost
    #[arg(long, value_name = "UNITS")]
    pub budget: Option<Units>,
    /// Ask again for work that was asked for before: it is paid again
    #[arg(long)]
    pub again: bool,
    /// Print what would be sent and cost, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
pub struct Effort {
    /// How many tasks may run at a time, from submit to end, of all workers and models together; 5 if never said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=10_000))]
    pub max_running: Option<i64>,
    /// The time between signs of life; who misses four is taken for dead. The same for all workers
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub heartbeat: Duration,
}

/// Whether JSON was asked for on a command line that could not be read as a whole.
pub fn asks_for_json(given: &[std::ffi::OsString]) -> bool {
    given.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_commands_agree_with_themselves() {
        Arguments::command().debug_assert();
    }
}
