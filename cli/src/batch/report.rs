//! The report: one page beside the outputs, which opens from the disk and loads nothing else: no script, no network.
//!
//! Every text comes from a manifest or from a server: it is escaped, and characters that are invisible or reorder text are
//! made visible. A URL of an image is shown without its query, which may be a secret.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use maud::{DOCTYPE, Markup, PreEscaped, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::prices::Prices;
use super::record::{Job, Step, millis};
use super::request::JobRequest;
use super::state::State;
use super::status::{Attention, date};
use super::store::Store;
use super::units::Units;
use crate::failure::{Failure, Result};
use crate::image::{is_base64, is_url};
use crate::next::quoted;
use crate::terminal::escaped;

/// File of the page.
pub const REPORT: &str = "report.html";

/// Marks a page as a report, which may be replaced.
const MARK: &str = "<meta name=\"generator\" content=\"kling-batch\">";

/// Only files are loaded, whatever a text contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file:; media-src 'self' file:";

/// What is escaped in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The most jobs that are listed at the head; each has its own place below.
const LISTED: usize = 100;

/// The jobs that a report shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Those of a batch.
    Batch(i64),
    /// Those with outputs in the folder of the report, or below.
    Beside,
}

/// Writes the report into a folder, and returns its path. It replaces an older report, but no other file.
///
/// # Errors
/// `Invalid` if another file has its name; `Other` if the record cannot be read or the page cannot be written.
pub fn report(store: &Store, prices: &Prices, out_dir: &Path, shown: Shown) -> Result<PathBuf> {
    let failed = |reason: io::Error| Failure::other("report", format!("{}: {reason}", out_dir.display()));
    std::fs::create_dir_all(out_dir).map_err(failed)?;
    let folder = &std::path::absolute(out_dir).map_err(failed)?;
    let path = folder.join(REPORT);
    if path.symlink_metadata().is_ok() && !is_report(&path) {
        let message = format!("expected no file or an older report, found another file: {}", path.display());
        return Err(Failure::invalid(message).with_hint("move it away, or choose another --out-dir"));
    }
    let jobs = || {
        store.each(None).filter(|job| match (job, shown) {
            (Ok(job), Shown::Batch(batch)) => job.batch == batch,
            (Ok(job), Shown::Beside) => job.output.starts_with(folder),
            (Err(_), _) => true,
        })
    };
    let record = quoted(&store.path().to_string_lossy());
    // It gets its name when all of it is there.
    let part = tempfile::Builder::new().prefix(REPORT).suffix(".part").make_in(folder, |path| File::create_new(path));
    let mut part = part.map_err(failed)?;
    let mut out = BufWriter::new(part.as_file_mut());
    out.write_all(head(jobs(), prices, &record)?.0.as_bytes()).map_err(failed)?;
    for job in jobs() {
        let job = job?;
        let card = card(&job, &store.history(job.id)?, folder, prices, &record);
        out.write_all(card.0.as_bytes()).map_err(failed)?;
    }
    out.write_all(b"</main></body></html>\n").and_then(|()| out.flush()).map_err(failed)?;
    drop(out);
    part.as_file().sync_all().map_err(failed)?;
    part.persist(&path).map_err(|reason| failed(reason.error))?;
    Ok(path)
}

/// The head of the page: sums of all jobs, and those that need attention.
fn head(jobs: impl Iterator<Item = Result<Job>>, prices: &Prices, record: &str) -> Result<Markup> {
    let (mut states, mut estimate, mut booked) = ([0; State::ALL.len()], Units::default(), Units::default());
    let (mut attention, mut more) = (Vec::new(), 0);
    for job in jobs {
        let job = job?;
        (estimate, booked) = (estimate + job.estimate, booked + job.booked);
        State::ALL.iter().zip(&mut states).for_each(|(state, count)| *count += u64::from(*state == job.state));
        match Attention::of(job, record) {
            Some(found) if attention.len() < LISTED => attention.push(found),
            found => more += u64::from(found.is_some()),
        }
    }
    let jobs = match states.iter().sum() {
        1_u64 => "1 job".to_owned(),
        jobs => format!("{jobs} jobs"),
    };
    let counts = State::ALL.iter().zip(states).filter(|(_, count)| *count > 0);
    // The body stays open: the jobs follow.
    Ok(html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\"><head>"))
        meta charset="utf-8";
        (PreEscaped(MARK))
        meta http-equiv="Content-Security-Policy" content=(POLICY);
        meta name="viewport" content="width=device-width, initial-scale=1";
        title { "Report: " (jobs) }
        style { (PreEscaped(include_str!("report.css"))) }
        (PreEscaped("</head><body>"))
        header {
            h1 { (jobs) }
            p.states { @for (state, count) in counts { span class={ "state " (state) } { (count) " " (state) } } }
            dl {
                dt { "booked" } dd { (cost(booked, prices)) }
                dt { "estimated" } dd { (cost(estimate, prices)) }
                dt { "as of" } dd { (date(millis(SystemTime::now()))) }
            }
            @for source in prices.sources() { p.source { (plain(&source.to_string())) } }
            @if !attention.is_empty() {
                section.attention {
                    h2 { "Jobs that need attention" }
                    ul {
                        @for Attention { job, state, hint } in &attention {
                            li { a href={ "#job-" (job.id) } { (title(job)) } " " (badge(*state)) " " (plain(hint)) }
                        }
                        @if more > 0 { li { "and " (more) " more below" } }
                    }
                }
            }
        }
        (PreEscaped("<main>"))
    })
}

fn badge(state: State) -> Markup {
    html! { span class={ "state " (state) } { (state) } }
}

fn card(job: &Job, history: &[Step], folder: &Path, prices: &Prices, record: &str) -> Markup {
    let request = job.job_request().ok();
    let text = |name: &str| plain(&request.as_ref().map(|request| request.text(name)).unwrap_or_default());
    let words = ["model_name", "mode", "aspect_ratio"].map(text).into_iter();
    let words = [plain(job.operation.as_str())].into_iter().chain(words.filter(|word| !word.is_empty()));
    let hint = Attention::of(job.clone(), record).map(|attention| attention.hint);
    let is_here = job.state == State::Delivered && job.output.is_file();
    let (output, output_name) = (link(folder, &job.output), file_name(&job.output));
    let submitted = history.iter().find(|step| step.state == State::Sending).map(|step| step.at);
    let since =
        |step: &Step| Some(Duration::from_millis(u64::try_from(step.at.checked_sub(submitted?)?).ok()?).as_secs());
    let after = |step: &Step| since(step).map(|time| humantime::format_duration(Duration::from_secs(time)).to_string());
    html! {
        article #{ "job-" (job.id) } {
            h2 { (title(job)) " " (badge(job.state)) }
            @if is_here {
                video controls preload="metadata" src=(output) {}
            } @else {
                div.missing { @if job.state == State::Delivered { "its file is gone" } @else { "no output" } }
            }
            div.inputs {
                @for image in &request.as_ref().map(JobRequest::media).unwrap_or_default() {
                    @if is_base64(image) {
                        code { "an image in the request" }
                    } @else if is_url(image) {
                        code title="an image at a URL, not loaded" { (without_secrets(image)) }
                    } @else {
                        @let (link, name) = (link(folder, &job.folder.join(image)), file_name(Path::new(image)));
                        a href=(link) title=(name) { img src=(link) alt=(name) loading="lazy"; }
                    }
                }
            }
            p.prompt { (text("prompt")) }
            @if !text("negative_prompt").is_empty() { p.negative { "not: " (text("negative_prompt")) } }
            @if let Some(note) = &job.note { p.note { (plain(note)) } }
            @if let Some(hint) = &hint { p.hint { (plain(hint)) } }
            dl {
                dt { "job" } dd { (job.id) ", batch " (job.batch) ", line " (job.line) }
                dt { "request" } dd {
                    (words.collect::<Vec<_>>().join(", "))
                    @if !text("duration").is_empty() { ", " (text("duration")) " s" }
                }
                dt { "cost" } dd { (cost(job.booked, prices)) " booked, " (job.estimate) " estimated" }
                @for step in history {
                    dt { (step.state) } dd { (date(step.at)) @if let Some(time) = after(step) { ", after " (time) } }
                }
                @if let Some(task) = &job.task_id { dt { "task" } dd { code { (plain(task)) } } }
                dt { "external id" } dd { code { (plain(&job.external_id)) } }
                dt { "file" } dd { @if is_here { a href=(output) { (output_name) } } @else { (output_name) } }
            }
        }
    }
}

fn title(job: &Job) -> String {
    job.name.as_deref().map_or_else(|| format!("job {}", job.id), plain)
}

/// A text whose lines stay.
fn plain(text: &str) -> String {
    text.split('\n').map(escaped).collect::<Vec<_>>().join("\n")
}

fn cost(units: Units, prices: &Prices) -> String {
    let money = prices.in_money(units).map(|money| format!(" ({})", plain(&money))).unwrap_or_default();
    format!("{units} units{money}")
}

fn file_name(path: &Path) -> String {
    escaped(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// The link from a folder to a file, of names only; both are absolute.
fn link(folder: &Path, file: &Path) -> String {
    let shared = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let is_name = |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::ParentDir);
    let up = folder.components().skip(shared).map(|_| OsStr::new(".."));
    let down = file.components().skip(shared).filter(is_name).map(Component::as_os_str);
    let names = up.chain(down).map(|name| percent_encode(name.as_encoded_bytes(), PATH).to_string());
    names.collect::<Vec<_>>().join("/")
}

/// A URL without user, password, query and fragment.
fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or_default();
    escaped(&format!("{scheme}://{host}/{path}"))
}

fn is_report(path: &Path) -> bool {
    let mut head = String::new();
    let read = File::open(path).and_then(|file| file.take(1024).read_to_string(&mut head));
    path.symlink_metadata().is_ok_and(|found| found.is_file()) && read.is_ok() && head.contains(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_from_the_report_to_the_file_and_nowhere_else() {
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
            ("http://a@b@example.com/\u{202e}x", r"http://example.com/\u{202e}x"),
        ] {
            assert_eq!(without_secrets(url), expected);
        }
    }
}
