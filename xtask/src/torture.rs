//! The longer torture of the batch: its own test, with other seeds until the time is over, and the sum of what happened.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use indexmap::IndexMap;

use crate::error::{Error, Result};

/// How long, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Torture {
    /// The jobs of a round.
    pub jobs: usize,
    /// No round begins after this time.
    pub time: Duration,
    /// The first round's seed; each round's is one more than the last's.
    pub seed: u64,
}

/// How often things happened, in the words and the order of the test.
type Figures = IndexMap<String, f64>;

/// One round: what happened on each database, by its name, and whether all held.
#[derive(Debug, Default)]
pub struct Round {
    figures: Vec<(String, Figures)>,
    passed: bool,
}

impl Torture {
    /// Runs rounds until the time is over, prints each, and gives the sums, by database. Fails if a round failed, with the
    /// command that repeats it; the rounds behind it are run all the same, unless it did not even begin.
    pub fn run(
        self,
        elapsed: impl Fn() -> Duration,
        mut round: impl FnMut(u64) -> Result<Round>,
        mut tell: impl FnMut(&str),
    ) -> Result<()> {
        let (mut sums, mut failed, mut rounds) = (IndexMap::<String, Figures>::new(), Vec::new(), 0);
        while rounds == 0 || elapsed() < self.time {
            let seed = self.seed.wrapping_add(rounds);
            let Round { figures, passed } = round(seed)?;
            rounds += 1;
            if !passed {
                // The same faults and kills, but the machine decides what they meet.
                let again = format!("cd batch && {JOBS}={} {SEED}={seed} cargo {}", self.jobs, ARGUMENTS.join(" "));
                tell(&format!("seed {seed}: FAILED; `{again}` runs it again"));
                failed.push(again);
            }
            // A program that does not compile fails at once, and would for as long as there is time.
            let has_begun = passed || !figures.is_empty();
            for (database, figures) in figures {
                tell(&format!("seed {seed}, {database}: {}", shown(&figures)));
                let sum = sums.entry(database).or_default();
                figures.into_iter().for_each(|(what, count)| *sum.entry(what).or_default() += count);
            }
            if !has_begun {
                break;
            }
        }
        sums.iter().for_each(|(database, sum)| tell(&format!("{rounds} rounds, {database}: {}", shown(sum))));
        if failed.is_empty() {
            return Ok(());
        }
        Err(Error::Failed(format!("{} of {rounds} rounds failed; again:\n{}", failed.len(), failed.join("\n"))))
    }
}

const JOBS: &str = "KLING_TORTURE_JOBS";
const SEED: &str = "KLING_TORTURE_SEED";
/// Both databases at once would share the machine.
const ARGUMENTS: [&str; 6] = ["test", "--test", "torture", "--", "--nocapture", "--test-threads=1"];

/// Any seed.
pub fn any_seed() -> u64 {
    RandomState::new().hash_one(())
}

/// Does one round by the test in `batch/`. What the test said is told only if it failed.
pub fn cargo(root: &Path, jobs: usize, seed: u64) -> Result<Round> {
    let failed = |error: std::io::Error| Error::Failed(format!("the torture test could not begin: cargo: {error}"));
    let mut child = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(ARGUMENTS)
        .current_dir(root.join("batch"))
        .env(JOBS, jobs.to_string())
        .env(SEED, seed.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let lines = child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).lines());
    let said = lines.collect::<std::io::Result<Vec<String>>>().map_err(failed)?;
    let passed = child.wait().map_err(failed)?.success();
    if !passed {
        said.iter().for_each(|line| eprintln!("{line}"));
    }
    Ok(Round { figures: said.iter().filter_map(|line| read(line)).collect(), passed })
}

/// The figures of a line such as `torture of sqlite: 200 jobs, 41 kills`, with the database's name.
fn read(line: &str) -> Option<(String, Figures)> {
    let (database, figures) = line.strip_prefix("torture of ")?.split_once(": ")?;
    let figure = |figure: &str| {
        let (count, what) = figure.split_once(' ')?;
        Some((what.to_owned(), count.parse().ok()?))
    };
    let figures: Option<_> = figures.split(", ").map(figure).collect();
    Some((database.to_owned(), figures?))
}

fn shown(figures: &Figures) -> String {
    figures.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn round(lines: &[&str], passed: bool) -> Round {
        Round { figures: lines.iter().filter_map(|line| read(line)).collect(), passed }
    }

    /// Rounds of a minute each; gives what was told, and the end.
    fn run(minutes: u64, mut rounds: Vec<Round>) -> (Vec<String>, Result<()>) {
        let (time, mut told) = (Cell::new(0), Vec::new());
        let torture = Torture { jobs: 7, time: Duration::from_secs(60 * minutes), seed: u64::MAX };
        let next = |_| {
            time.set(time.get() + 60);
            Ok(rounds.remove(0))
        };
        let end = torture.run(|| Duration::from_secs(time.get()), next, |line| told.push(line.to_owned()));
        (told, end)
    }

    #[test]
    fn only_a_line_of_figures_is_one() {
        let (database, figures) = read("torture of sqlite: 200 jobs, 0 charged twice, 41.5 seconds").unwrap();
        assert_eq!(
            (database.as_str(), shown(&figures).as_str()),
            ("sqlite", "200 jobs, 0 charged twice, 41.5 seconds")
        );
        for other in
            ["torture of sqlite: seed 7, 200 jobs", "torture of sqlite", "200 jobs", "error: torture of x: 1 y"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn rounds_go_on_until_the_time_is_over_and_are_summed_by_database() {
        let lines = ["torture of sqlite: 7 jobs, 2 kills", "torture of postgresql: 7 jobs, 1 kills"];
        let (told, end) = run(2, vec![round(&lines, true), round(&lines[..1], true)]);
        assert_eq!(end, Ok(()));
        assert_eq!(
            told,
            [
                "seed 18446744073709551615, sqlite: 7 jobs, 2 kills",
                "seed 18446744073709551615, postgresql: 7 jobs, 1 kills",
                "seed 0, sqlite: 7 jobs, 2 kills",
                "2 rounds, sqlite: 14 jobs, 4 kills",
                "2 rounds, postgresql: 7 jobs, 1 kills",
            ]
        );
        assert_eq!(run(0, vec![round(&lines, true)]).0.len(), 4, "one round in any case");
    }

    #[test]
    fn a_round_that_failed_is_named_with_its_command_and_the_others_still_run() {
        let lines = ["torture of sqlite: 7 jobs"];
        let (told, end) = run(3, vec![round(&lines, true), round(&lines, false), round(&lines, true)]);
        let message = end.unwrap_err().to_string();
        assert!(message.starts_with("1 of 3 rounds failed"), "{message}");
        let command = "cd batch && KLING_TORTURE_JOBS=7 KLING_TORTURE_SEED=0 cargo test --test torture";
        assert!(message.contains(command) && told.iter().any(|line| line.contains(command)), "{told:?}");
        let (_, end) = run(9, vec![round(&[], false)]);
        assert!(end.unwrap_err().to_string().starts_with("1 of 1 rounds"), "it never began");
    }
}
