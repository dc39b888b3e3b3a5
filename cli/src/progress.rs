//! Progress of an upload, a wait, a download: a bar on a terminal, a few plain lines elsewhere.
//!
//! A bar disappears when it is dropped, whatever ended its step. Other lines are written through [`Progress::aside`], which
//! hides the bar meanwhile.

use std::fmt;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use kling_client::{Download, Submit, Task};

use crate::terminal::escaped;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Manner {
    /// Not at all.
    Nothing,
    /// In lines that stay.
    Lines,
    /// In bars, with colours or without.
    Bars { coloured: bool },
}

/// The bars of a command: one at a time, or those of a batch's jobs.
#[derive(Clone)]
pub struct Progress {
    manner: Manner,
    bars: MultiProgress,
}

/// A bar, or nothing where none is shown.
pub struct Bar(Option<(MultiProgress, ProgressBar)>);

/// A bar of bytes.
const BYTES: &str = "{msg} [{bar:30:colour}] {bytes}/{total_bytes}";

/// What is awaited once a request is sent.
const AWAITED: &str = "sent; waiting for the response";

/// After this time without a word people think that nothing goes on. A guess.
const LONG: Duration = Duration::from_secs(10);

/// How often a bar is drawn at most.
const PER_SECOND: u8 = 10;

/// Interval of a bar's updates.
const TICK: Duration = Duration::from_millis(100);

/// Above this size in bytes a line announces the upload.
const LARGE: u64 = 1_000_000;

impl Manner {
    /// By the options first, then by the terminal and the environment.
    pub fn fitting(silent: bool, terminal: bool, verbose: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_dumb = variable("TERM").is_some_and(|term| term == "dumb");
        match (silent, terminal && !is_dumb && !verbose) {
            (true, _) => Self::Nothing,
            (false, false) => Self::Lines,
            (false, true) => Self::Bars { coloured: variable("NO_COLOR").is_none_or(|no| no.is_empty()) },
        }
    }
}

impl Progress {
    pub fn new(manner: Manner) -> Self {
        Self { manner, bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(PER_SECOND)) }
    }

    /// Whether bars are shown.
    #[cfg(feature = "batch")]
    pub fn is_in_bars(&self) -> bool {
        matches!(self.manner, Manner::Bars { .. })
    }

    /// Whether lines about what is going on are wanted, as no bar shows it.
    pub fn is_in_lines(&self) -> bool {
        self.manner == Manner::Lines
    }

    /// Writes something else to the terminal.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bars.suspend(write)
    }

    /// Submits a request, and shows and counts how much of it is sent. `tell` takes a line for people.
    pub async fn of_upload(
        &self,
        submit: Submit,
        total: u64,
        sent: Arc<AtomicU64>,
        tell: impl Fn(fmt::Arguments<'_>),
    ) -> kling_client::Result<Task> {
        if total > LARGE && self.is_in_lines() {
            tell(format_args!("sending {}", HumanBytes(total)));
        }
        let bar = Arc::new(self.bar(BYTES, "sending", Some(total)));
        let (seen, count) = (Arc::clone(&bar), Arc::clone(&sent));
        let submit = submit.on_progress(move |now| {
            count.store(now.bytes, Ordering::Relaxed);
            seen.says(if now.bytes >= now.total { AWAITED } else { "sending" });
            seen.at(now.bytes, Some(now.total));
        });
        let (begun, mut is_shown) = (Instant::now(), false);
        ticking(submit, || {
            bar.draws();
            let is_sent = sent.load(Ordering::Relaxed) >= total;
            if is_sent && !is_shown && self.is_in_lines() && begun.elapsed() >= LONG {
                is_shown = true;
                tell(format_args!("{AWAITED}"));
            }
        })
        .await
    }

    /// A bar for a wait: the task's status, and its expected time.
    pub fn of_wait(&self, status: &str, expected: Duration) -> Bar {
        self.bar("{msg} [{bar:30:colour}] {prefix}", status, Some(millis(expected)))
    }

    /// Awaits a download, and shows how much of it is here, under this name.
    pub async fn of_download(&self, name: &str, download: Download) -> kling_client::Result<PathBuf> {
        let bar = Arc::new(self.bar(BYTES, name, None));
        let seen = Arc::clone(&bar);
        let download = download.on_progress(move |now| seen.at(now.bytes, now.total));
        ticking(download.into_future(), || bar.draws()).await
    }

    /// A bar below all others, or above the last.
    #[cfg(feature = "batch")]
    pub fn row(&self, template: &str, message: &str, is_last: bool) -> Bar {
        self.add(template, message, Some(1), usize::from(!is_last))
    }

    fn bar(&self, template: &str, message: &str, length: Option<u64>) -> Bar {
        self.add(template, message, length, 0)
    }

    fn add(&self, template: &str, message: &str, length: Option<u64>, above: usize) -> Bar {
        let Manner::Bars { coloured } = self.manner else { return Bar(None) };
        let template = template.replace(":colour", if coloured { ".cyan" } else { "" });
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
        // All of it before it is drawn for the first time.
        let bar = bar.with_style(style.progress_chars("=> ")).with_message(escaped(message));
        Bar(Some((self.bars.clone(), self.bars.insert_from_back(above, bar))))
    }
}

impl Bar {
    /// Sets how much is done, and of how much, if that is known.
    pub fn at(&self, done: u64, total: Option<u64>) {
        if let Some((_, bar)) = &self.0 {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(done);
        }
    }

    /// Sets the message; text of a server may be in it.
    pub fn says(&self, text: &str) {
        if let Some((_, bar)) = &self.0 {
            bar.set_message(escaped(text));
        }
    }

    /// Draws what came too soon after the last time.
    pub fn draws(&self) {
        if let Some((_, bar)) = &self.0 {
            bar.tick();
        }
    }

    /// Sets how much of a wait is over.
    pub fn waited(&self, elapsed: Duration, expected: Duration) {
        if let Some((_, bar)) = &self.0 {
            self.at(millis(elapsed.min(expected)), Some(millis(expected)));
            bar.set_prefix(waited(elapsed, expected));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some((bars, bar)) = &self.0 {
            bar.finish_and_clear();
            bars.remove(bar);
        }
    }
}

/// Drives a future, and calls `tick` now and then until it is done.
pub async fn ticking<T>(future: impl Future<Output = T>, mut tick: impl FnMut()) -> T {
    let mut future = pin!(future);
    loop {
        match tokio::time::timeout(TICK, &mut future).await {
            Ok(done) => return done,
            Err(_) => tick(),
        }
    }
}

/// When a task was created, where that is known, or else now.
pub fn begun(made_at_ms: Option<u64>, now_ms: u64) -> Instant {
    let now = Instant::now();
    let age = made_at_ms.and_then(|made| now_ms.checked_sub(made)).map(Duration::from_millis);
    age.and_then(|age| now.checked_sub(age)).unwrap_or(now)
}

/// The time of a wait, and its expected time.
pub fn waited(elapsed: Duration, expected: Duration) -> String {
    format!("{} of about {}", clock(elapsed), clock(expected))
}

/// Hours, where there are any, minutes and seconds.
pub fn clock(time: Duration) -> String {
    let (minutes, seconds) = (time.as_secs() / 60, time.as_secs() % 60);
    match minutes / 60 {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{:02}:{seconds:02}", minutes % 60),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_for_terminals_and_colours_unless_no_color_is_set() {
        const BARS: Manner = Manner::Bars { coloured: true };
        for (silent, terminal, verbose, environment, expected) in [
            (false, true, false, [None, None], BARS),
            (false, true, false, [Some("xterm"), Some("")], BARS),
            (false, true, false, [Some("xterm"), Some("1")], Manner::Bars { coloured: false }),
            (false, true, false, [Some("dumb"), None], Manner::Lines),
            (false, true, true, [None, None], Manner::Lines),
            (false, false, false, [None, None], Manner::Lines),
            (true, true, false, [None, None], Manner::Nothing),
            (true, false, true, [None, None], Manner::Nothing),
        ] {
            let variable = |name: &str| environment[usize::from(name == "NO_COLOR")].map(str::to_owned);
            assert_eq!(Manner::fitting(silent, terminal, verbose, variable), expected, "{environment:?}");
        }
    }

    #[test]
    fn a_wait_is_shown_in_minutes_and_seconds() {
        let shown = |elapsed, expected| waited(Duration::from_millis(elapsed), Duration::from_secs(expected));
        assert_eq!(shown(0, 2), "0:00 of about 0:02");
        assert_eq!(shown(83_999, 240), "1:23 of about 4:00");
        assert_eq!(shown(3_600_000, 5_999), "1:00:00 of about 1:39:59");
    }

    #[test]
    fn a_task_with_a_date_ahead_begins_now() {
        let elapsed = |made| begun(made, 10_000).elapsed();
        assert!(elapsed(Some(4_000)) >= Duration::from_secs(6));
        for made in [None, Some(10_001), Some(u64::MAX)] {
            assert!(elapsed(made) < Duration::from_secs(6));
        }
    }
}
