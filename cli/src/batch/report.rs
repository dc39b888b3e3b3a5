//! The report: one page beside the outputs, which opens from the disk and loads nothing else: no script, no network.
//!
//! Every text comes from a manifest or from a server: it is escaped, and characters that are invisible or reorder text are
//! made visible. A URL of an image is shown without its query, which may be a secret.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use maud::{Markup, PreEscaped, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::prices::Prices;
use super::record::{Job, Step, millis};
use super::request::JobRequest;
use super::state::State;
use super::status::{Attention, Jobs, date};
use super::store::Store;
use super::units::Units;
use crate::failure::{Failure, Result};
use crate::image::{is_base64, is_url};
use crate::next::quoted;
use crate::terminal::escaped;

/// File of the page.
const REPORT: &str = "report.html";

/// The beginning of every page. Only files are loaded, whatever a text contains.
const HEAD: &str = concat!(include_str!("report.html"), "<style>", include_str!("report.css"), "</style>");

/// Marks a page as a report, which may be replaced.
const MARK: &str = "<meta name=\"generator\" content=\"kling-batch\">";

/// What is escaped in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The most jobs that are listed at the head; each has its own place below.
const LISTED: usize = 100;

/// The jobs that a report shows: those of a batch, or those with outputs in the folder of the report or below.
#[derive(Clone, Copy)]
pub enum Shown {
    Batch(i64),
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
    if path.symlink_metadata().is_ok_and(|found| !found.is_file() || !is_report(&path)) {
        let message = format!("expected no file or an older report, found another file: {}", path.display());
        return Err(Failure::invalid(message).with_hint("move it away, or choose another --out-dir"));
    }
    let is_shown = |job: &Job| match shown {
        Shown::Batch(batch) => job.batch == batch,
        Shown::Beside => job.output.starts_with(folder),
    };
    let jobs = || store.each(None).filter(|job| job.as_ref().map_or(true, is_shown));
    let record = quoted(&store.path().to_string_lossy());
    // It gets its name when all of it is there.
    let part = tempfile::Builder::new().prefix(REPORT).suffix(".part").make_in(folder, |path| File::create_new(path));
    let mut part = part.map_err(failed)?;
    let mut out = BufWriter::new(part.as_file_mut());
    let mut write = |html: &str| out.write_all(html.as_bytes()).map_err(failed);
    write(&head(jobs(), prices, &record)?.0)?;
    for job in jobs() {
        let job = job?;
        write(&card(&job, &store.history(job.id)?, folder, prices, &record).0)?;
    }
    write("</main></body></html>\n")?;
    out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all()).map_err(failed)?;
    part.persist(&path).map_err(|reason| failed(reason.error))?;
    Ok(path)
}

/// The head of the page: sums of all jobs, and those that need attention.
fn head(jobs: impl Iterator<Item = Result<Job>>, prices: &Prices, record: &str) -> Result<Markup> {
    let (mut states, mut estimate, mut booked) = (Jobs::new(), Units::default(), Units::default());
    let (mut attention, mut more) = (Vec::new(), 0);
    for job in jobs {
        let job = job?;
        (estimate, booked) = (estimate + job.estimate, booked + job.booked);
        *states.entry(job.state).or_default() += 1;
        match Attention::of(job, record) {
            Some(found) if attention.len() < LISTED => attention.push(found),
            found => more += u64::from(found.is_some()),
        }
    }
    let jobs = match states.values().sum() {
        1_i64 => "1 job".to_owned(),
        jobs => format!("{jobs} jobs"),
    };
    // The body stays open: the jobs follow.
    Ok(html! {
        (PreEscaped(HEAD))
        title { "Report: " (jobs) }
        (PreEscaped("</head><body>"))
        header {
            h1 { (jobs) }
            p.states { @for (state, count) in &states { span class={ "state " (state) } { (count) " " (state) } } }
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
                        @for Attention { job, hint } in &attention {
                            li { a href={ "#job-" (job.id) } { (title(job)) } " " (plain(hint)) }
                        }
                        @if more > 0 { li { "and " (more) " more below" } }
                    }
                }
            }
        }
        (PreEscaped("<main>"))
    })
}

fn card(job: &Job, history: &[Step], folder: &Path, prices: &Prices, record: &str) -> Markup {
    let request = job.job_request().ok();
    let text = |name: &str| plain(&request.as_ref().map(|request| request.text(name)).unwrap_or_default());
    let words = ["model_name", "mode", "aspect_ratio"].map(text).into_iter();
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let is_here = job.state == State::Delivered && job.output.is_file();
    let (output, output_name) = (link(folder, &job.output), file_name(&job.output));
    html! {
        article #{ "job-" (job.id) } {
            h2 { (title(job)) }
            @if is_here {
                video controls preload="metadata" src=(output) {}
            } @else {
                div.missing { @if job.state == State::Delivered { "its file is gone" } @else { "no output" } }
            }
            div.inputs {
                @for image in request.iter().flat_map(JobRequest::media) {
                    @if is_base64(&image) {
                        code { "an image in the request" }
                    } @else if is_url(&image) {
                        code title="an image at a URL, not loaded" { (without_secrets(&image)) }
                    } @else {
                        @let (link, name) = (link(folder, &job.folder.join(&image)), file_name(Path::new(&image)));
                        a href=(link) title=(name) { img src=(link) alt=(name) loading="lazy"; }
                    }
                }
            }
            p.prompt { (text("prompt")) }
            @if !text("negative_prompt").is_empty() { p.negative { "not: " (text("negative_prompt")) } }
            @if let Some(note) = &job.note { p.note { (plain(note)) } }
            @if let Some(found) = Attention::of(job.clone(), record) { p.hint { (plain(&found.hint)) } }
            dl {
                dt { "job" } dd { (job.id) ", batch " (job.batch) ", line " (job.line) }
                dt { "request" } dd {
                    (plain(job.operation.as_str())) @for word in &words { ", " (word) }
                    @if !text("duration").is_empty() { ", " (text("duration")) " s" }
                }
                dt { "cost" } dd { (cost(job.booked, prices)) " booked, " (job.estimate) " estimated" }
                @for step in history { dt { (step.state) } dd { (date(step.at)) } }
                @if let Some(task) = &job.task_id { dt { "task" } dd { code { (plain(task)) } } }
                dt { "external id" } dd { code { (plain(&job.external_id)) } }
                dt { "file" } dd { @if is_here { a href=(output) { (output_name) } } @else { (output_name) } }
            }
        }
    }
}

/// The name of a job, and its state.
fn title(job: &Job) -> Markup {
    let name = job.name.as_deref().map_or_else(|| format!("job {}", job.id), plain);
    html! { (name) " " span class={ "state " (job.state) } { (job.state) } }
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
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    let down = file.components().skip(shared);
    let names = up.chain(down.filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir)));
    let names = names.map(|name| percent_encode(name.as_os_str().as_encoded_bytes(), PATH).to_string());
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
    File::open(path).is_ok_and(|file| file.take(1024).read_to_string(&mut head).is_ok()) && head.contains(MARK)
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
