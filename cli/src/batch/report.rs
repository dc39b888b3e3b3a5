//! The report: one page beside the videos, which opens from the disk and needs nobody else: no script, no network.
//!
//! All text comes from a manifest or from a server, so it is escaped where it is written, and what could steer a terminal
//! or turn the direction of reading is taken out. Of a picture's URL only the place is shown: the rest may be a secret.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use maud::{DOCTYPE, Markup, PreEscaped, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::prices::Prices;
use crate::record::{Job, Step};
use crate::request::{JobRequest, is_base64, is_url};
use crate::state::State;
use crate::status::Attention;
use crate::store::Store;
use crate::text::plain;
use crate::units::Units;

/// The page's file.
pub const REPORT: &str = "report.html";

/// So many jobs are in memory at a time.
const PAGE: i64 = 200;

/// What says that a page is ours, and may be written over.
const MARK: &str = "<meta name=\"generator\" content=\"kling-batch\">";

/// Nothing but files is loaded, whatever a text smuggles in.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file:; media-src 'self' file:";

/// What needs no escape in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

const STYLE: &str = include_str!("report.css");

/// Which jobs a report shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Those of a batch.
    Batch(i64),
    /// Those whose file lies in the report's own folder, or below.
    Beside,
}

/// Writes the report of jobs into a folder, and gives its path. An older report is written over, another file is not.
///
/// # Errors
/// `Invalid` if another file has its name; those of the database and of the disk.
pub async fn report(store: &Store, prices: &Prices, folder: &Path, shown: Shown) -> Result<PathBuf> {
    let failed = |reason: std::io::Error| Error::other("report", format!("{}: {reason}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let folder = &std::path::absolute(folder).map_err(failed)?;
    let path = folder.join(REPORT);
    if path.symlink_metadata().is_ok() && !is_ours(&path) {
        let message = format!("expected no file or an older report, found another file: {}", path.display());
        return Err(Error::invalid("report", message).with_hint("move it away, or choose another --out"));
    }
    let is_shown = |job: &Job| match shown {
        Shown::Batch(batch) => job.batch == batch,
        Shown::Beside => Path::new(&job.output).starts_with(folder),
    };
    let mut totals = Totals::default();
    let mut behind = 0;
    loop {
        let page = store.jobs(behind, PAGE).await?;
        let Some(last) = page.last() else { break };
        behind = last.id;
        page.into_iter().filter(is_shown).for_each(|job| totals.add(job));
    }
    // Whole or not at all, as the videos are, and by a name that no other process has.
    let part = folder.join(format!("{REPORT}.{}.part", Uuid::now_v7()));
    let written = async {
        let mut out = BufWriter::new(File::create(&part).map_err(failed)?);
        let mut write = |markup: Markup| out.write_all(markup.0.as_bytes()).map_err(failed);
        write(head(&totals, prices))?;
        let mut behind = 0;
        loop {
            let page = store.jobs(behind, PAGE).await?;
            let Some(last) = page.last() else { break };
            behind = last.id;
            for job in page.into_iter().filter(is_shown) {
                let history = store.history(job.id).await?;
                write(card(&job, &history, folder, prices))?;
            }
        }
        write(PreEscaped("</main></body></html>\n".to_owned()))?;
        let file = out.into_inner().map_err(|reason| failed(reason.into_error()))?;
        file.sync_all().and_then(|()| std::fs::rename(&part, &path)).map_err(failed)
    };
    match written.await {
        Ok(()) => Ok(path),
        Err(error) => {
            _ = std::fs::remove_file(&part);
            Err(error)
        }
    }
}

/// What the head of the page says of all jobs.
#[derive(Default)]
struct Totals {
    jobs: u64,
    states: [u64; State::ALL.len()],
    estimate: Units,
    booked: Units,
    attention: Vec<(String, Attention)>,
    /// How many more need somebody than are listed.
    more: u64,
}

/// More are not listed at the head; each stands in its own place.
const LISTED: usize = 100;

impl Totals {
    fn add(&mut self, job: Job) {
        self.jobs += 1;
        self.estimate = self.estimate + job.estimate;
        self.booked = self.booked + job.booked;
        for (state, count) in State::ALL.iter().zip(&mut self.states) {
            *count += u64::from(*state == job.state);
        }
        let title = title(&job);
        if let Some(attention) = Attention::of(job) {
            if self.attention.len() < LISTED {
                self.attention.push((title, attention));
            } else {
                self.more += 1;
            }
        }
    }
}

fn head(totals: &Totals, prices: &Prices) -> Markup {
    let counts = State::ALL.iter().zip(totals.states).filter(|(_, count)| *count > 0);
    // The body stays open: the jobs follow.
    html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\"><head>"))
        meta charset="utf-8";
        (PreEscaped(MARK))
        meta http-equiv="Content-Security-Policy" content=(POLICY);
        meta name="viewport" content="width=device-width, initial-scale=1";
        title { "Videos: " (totals.jobs) " jobs" }
        style { (PreEscaped(STYLE)) }
        (PreEscaped("</head><body>"))
        header {
            h1 { (totals.jobs) @if totals.jobs == 1 { " job" } @else { " jobs" } }
            p.states { @for (state, count) in counts { span class={ "state " (state) } { (count) " " (state) } } }
            dl {
                dt { "booked" } dd { (cost(totals.booked, prices)) }
                dt { "estimated" } dd { (cost(totals.estimate, prices)) }
                dt { "as of" } dd { (date(SystemTime::now())) }
            }
            @for source in prices.sources() {
                p.source { (plain(&source.to_string())) }
            }
            @if !totals.attention.is_empty() {
                section.attention {
                    h2 { "To be looked at" }
                    ul {
                        @for (title, Attention { job, state, hint, .. }) in &totals.attention {
                            li {
                                a href={ "#job-" (job) } { (title) } " "
                                span class={ "state " (state) } { (state) } " " (plain(hint))
                            }
                        }
                        @if totals.more > 0 { li { "and " (totals.more) " more below" } }
                    }
                }
            }
        }
        (PreEscaped("<main>"))
    }
}

fn card(job: &Job, history: &[Step], folder: &Path, prices: &Prices) -> Markup {
    let request = JobRequest::read(&job.operation, &job.request).ok();
    let text = |name: &str| request.as_ref().map(|request| request.text(name)).unwrap_or_default();
    let is_here = job.state == State::Delivered && Path::new(&job.output).is_file();
    let hint = Attention::of(job.clone()).map(|attention| attention.hint);
    let words = ["model_name", "mode", "aspect_ratio"].map(text);
    let words = words.iter().filter(|word| !word.is_empty()).map(|word| plain(word));
    let words: Vec<_> = [plain(job.operation.as_str())].into_iter().chain(words).collect();
    let first = |state: State| history.iter().find(|step| step.state == state).map(|step| step.at);
    let last = |state: State| history.iter().rev().find(|step| step.state == state).map(|step| step.at);
    let (sent, made, here) = (first(State::Sending), first(State::Finished), last(State::Delivered));
    html! {
        article #{ "job-" (job.id) } {
            h2 { (title(job)) " " span class={ "state " (job.state) } { (job.state) } }
            @if is_here {
                video controls preload="metadata" src=(link(folder, Path::new(&job.output))) {}
            } @else {
                div.missing { @if job.state == State::Delivered { "its file is gone" } @else { "no video" } }
            }
            div.inputs {
                @for image in &request.as_ref().map(JobRequest::media).unwrap_or_default() {
                    @if is_base64(image) {
                        code { "an image in the request" }
                    } @else if is_url(image) {
                        code title="an image on the network, which is not shown" { (place(image)) }
                    } @else {
                        @let link = link(folder, Path::new(image));
                        a href=(link) title=(file_name(image)) { img src=(link) alt=(file_name(image)) loading="lazy"; }
                    }
                }
            }
            p.prompt { (plain(&text("prompt"))) }
            @if !text("negative_prompt").is_empty() { p.negative { "not: " (plain(&text("negative_prompt"))) } }
            @if let Some(note) = &job.note { p.note { (plain(note)) } }
            @if let Some(hint) = &hint { p.hint { (plain(hint)) } }
            dl {
                dt { "job" } dd { (job.id) ", batch " (job.batch) ", line " (job.line) }
                dt { "request" } dd { (words.join(", ")) ", " (plain(&text("duration"))) " s" }
                dt { "cost" } dd { (cost(job.booked, prices)) " booked, " (job.estimate) " estimated" }
                @if let Some(sent) = sent {
                    dt { "sent" } dd { (date_of(sent)) }
                    @if let Some(time) = made.and_then(|made| lasted(sent, made)) { dt { "made in" } dd { (time) } }
                    @if let Some(time) = here.and_then(|here| lasted(sent, here)) { dt { "here after" } dd { (time) } }
                }
                @if let Some(task) = &job.task_id { dt { "task" } dd { code { (plain(task)) } } }
                dt { "external id" } dd { code { (plain(&job.external_id)) } }
                @if is_here { dt { "file" } dd { a href=(link(folder, Path::new(&job.output))) { (file_name(&job.output)) } } }
                @else { dt { "file" } dd { (file_name(&job.output)) } }
            }
        }
    }
}

fn title(job: &Job) -> String {
    match &job.name {
        Some(name) => plain(name),
        None => format!("job {}", job.id),
    }
}

fn cost(units: Units, prices: &Prices) -> String {
    let money = prices.in_money(units).map(|money| format!(" ({})", plain(&money))).unwrap_or_default();
    format!("{units} units{money}")
}

fn file_name(path: &str) -> String {
    plain(&Path::new(path).file_name().unwrap_or_default().to_string_lossy())
}

fn date(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string().replace('T', " ").replace('Z', " UTC")
}

fn date_of(millis: i64) -> String {
    date(UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default()))
}

fn lasted(from: i64, to: i64) -> Option<String> {
    let time = Duration::from_millis(u64::try_from(to.checked_sub(from)?).ok()?);
    Some(match time.as_secs() {
        0 => "less than a second".to_owned(),
        seconds => humantime::format_duration(Duration::from_secs(seconds)).to_string(),
    })
}

/// The link from a folder to a file, by names only: both are absolute.
fn link(folder: &Path, file: &Path) -> String {
    let shared = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| "..".into());
    let down = file.components().skip(shared).filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    let parts: Vec<_> = up.chain(down).collect();
    utf8_percent_encode(&parts.join("/"), PATH).to_string()
}

/// Where a URL leads, without a user's name, a password, or a signature.
fn place(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or_default();
    plain(&format!("{scheme}://{host}/{path}"))
}

fn is_ours(path: &Path) -> bool {
    let mut head = String::new();
    let read = File::open(path).and_then(|file| file.take(1024).read_to_string(&mut head));
    path.symlink_metadata().is_ok_and(|found| found.is_file()) && read.is_ok() && head.contains(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_from_the_report_to_the_file_and_is_nothing_else() {
        for (file, expected) in [
            ("/a/out/x.mp4", "x.mp4"),
            ("/a/out/sub/x y#1?.mp4", "sub/x%20y%231%3F.mp4"),
            ("/a/in/cat.png", "../in/cat.png"),
            ("/b/cat.png", "../../b/cat.png"),
            ("/a/out/javascript:alert(1)", "javascript%3Aalert%281%29"),
            ("/a/out/\"onload=", "%22onload%3D"),
        ] {
            assert_eq!(link(Path::new("/a/out"), Path::new(file)), expected);
        }
    }

    #[test]
    fn a_url_is_shown_without_what_may_be_a_secret() {
        for (url, expected) in [
            ("https://example.com/cat.png", "https://example.com/cat.png"),
            ("https://me:pass@example.com/a/cat.png?sig=1#x", "https://example.com/a/cat.png"),
            ("http://example.com?key=1", "http://example.com/"),
            ("http://a@b@example.com/\u{202e}x", "http://example.com/\u{fffd}x"),
        ] {
            assert_eq!(place(url), expected);
        }
    }
}
