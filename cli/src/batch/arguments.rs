//! The command line of the batch.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::units::Units;

const CODES: &str = "\
Exit codes: 1 jobs are open, 4 failed jobs are left, 6 ambiguous jobs are left, 7 stopped by the budget;
others as of all commands. Ctrl-C waits for what is being submitted, a second one does not.";

#[derive(Subcommand)]
pub enum Batch {
    /// Add a manifest, then submit, wait and download until nothing is left. This costs money
    #[command(after_help = CODES)]
    Run {
        #[command(flatten)]
        add: Source,
        #[command(flatten)]
        work: Work,
    },
    /// Add a manifest without submitting anything; resume does the rest
    Add(Source),
    /// Show the jobs of a record, which of them need attention, and which outputs expire soon
    Status(View),
    /// Go on with all that is not done, and download missing files again. This costs money
    #[command(after_help = CODES)]
    Resume {
        #[command(flatten)]
        view: View,
        /// New budget of a batch: that of --batch, or the only one with jobs to submit
        #[arg(long, value_name = "UNITS")]
        budget: Option<Units>,
        /// The batch of --budget
        #[arg(long, value_name = "ID", requires = "budget")]
        batch: Option<i64>,
        #[command(flatten)]
        work: Work,
    },
    /// Add failed or dropped jobs again, each as a new job; resume submits it
    Retry {
        #[command(flatten)]
        jobs: Jobs,
        /// Also ambiguous jobs, whose tasks may exist: this may be a double charge
        #[arg(long)]
        yes: bool,
    },
    /// Drop jobs that are not submitted; the API has no cancel for others
    Drop(Jobs),
    /// Show the accounts of a record in its status, or say which one jobs are submitted to
    Account {
        #[command(flatten)]
        record: Record,
        /// Treat this account as that of today's base URL and key: the key was renewed, or the gateway renamed
        #[arg(long, value_name = "ID")]
        same: Option<i64>,
        /// Submit all jobs that are not submitted yet to the account of today's base URL and key
        #[arg(long, conflicts_with = "same")]
        submit_here: bool,
    },
    /// Write report.html, a page with the outputs, images, prompts and costs
    Report {
        #[command(flatten)]
        view: View,
        /// Show this batch. Default: the jobs whose outputs are in the page's folder
        #[arg(long, value_name = "ID")]
        batch: Option<i64>,
        /// Folder for the page
        #[arg(long, default_value = ".", value_name = "DIR")]
        out_dir: PathBuf,
    },
    /// Print the record as a table, a row for each job
    Export {
        #[command(flatten)]
        record: Record,
        /// Format. Default: csv, or json with --json
        #[arg(long, value_parser = ["csv", "json"])]
        format: Option<String>,
    },
}

#[derive(Args)]
pub struct Mcp {
    /// Folder for outputs and the record
    #[arg(long, value_name = "DIR")]
    pub write: PathBuf,
    /// Folders whose images may be sent
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub read: Vec<PathBuf>,
    /// Budget of all requests of agents in this record. Default: nothing is submitted
    #[arg(long, value_name = "UNITS")]
    pub budget: Option<Units>,
    /// Record of these requests. Default: agents.kling.db in the folder of --write
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    #[command(flatten)]
    pub prices: Priced,
    #[command(flatten)]
    pub work: Work,
}

/// A record that exists.
#[derive(Args)]
pub struct Record {
    /// The manifest, or its record
    pub record: PathBuf,
}

#[derive(Args)]
pub struct Jobs {
    #[command(flatten)]
    pub record: Record,
    /// The jobs' numbers
    #[arg(required = true, value_name = "ID")]
    pub jobs: Vec<i64>,
}

/// A record that exists, and prices to show its costs in money.
#[derive(Args)]
pub struct View {
    #[command(flatten)]
    pub record: Record,
    #[command(flatten)]
    pub prices: Priced,
}

#[derive(Args)]
pub struct Priced {
    /// Prices in JSON. Default: those of Kling's price page
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
}

#[derive(Args)]
pub struct Source {
    /// JSON Lines, or CSV in *.csv: on each line a request of its "operation", by default multi-image2video
    pub manifest: PathBuf,
    /// Record of the jobs. Default: MANIFEST.kling.db
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Folder for the outputs; it is made if it is missing
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub out_dir: PathBuf,
    /// Budget of this batch: no job that would pass it is submitted, and none without a price
    #[arg(long, value_name = "UNITS")]
    pub budget: Option<Units>,
    #[command(flatten)]
    pub prices: Priced,
    /// Add work that the record has already; it is charged again
    #[arg(long)]
    pub again: bool,
    /// Allow outputs outside of the folder of --out-dir
    #[arg(long)]
    pub allow_outside: bool,
    /// Print what would be submitted and its cost, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
pub struct Work {
    /// Limit of tasks that run at the account at a time. Default: that of the record, 5 at first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=10_000))]
    pub max_running: Option<i64>,
}
