//! The step that a command is at, and the next command from there.
//!
//! After a failure or a signal it says what is known, whether something was charged, and what to type next. It is updated
//! before each step, so it is right at any moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kling_client::{ErrorKind, Operation, Request};

use crate::arguments::Access;
use crate::failure::{Failure, Finding, shortened};
use crate::target::{Choice, Target};

/// What is known at this moment.
#[derive(Default)]
pub struct Next {
    access: Access,
    gateway: Option<String>,
    step: Step,
    /// The task's id, or what else a query is about.
    subject: Option<String>,
    external: Option<String>,
    /// The operation, where a next command must name it.
    named: Option<Operation>,
    /// The outputs that are still to be downloaded.
    pub targets: Vec<Target>,
    /// How much of the request is sent.
    sent: Arc<AtomicU64>,
    total: u64,
    /// The API described the task, in the response to its request or to a query.
    pub is_seen: bool,
    /// Values of the request that this version does not know, which may be why the API rejects it.
    pub unknown: Vec<Finding>,
}

/// What is being done.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Step {
    /// Nothing that has a next command.
    #[default]
    Start,
    /// A query, which can be repeated by this command.
    Query(&'static str),
    Submit,
    Wait,
    Download,
}

impl Next {
    /// Before the first step, with the options that next commands repeat.
    pub fn new(access: Access) -> Self {
        Self { access, ..Self::default() }
    }

    /// The base URL, which is named where it may be the reason for a failure.
    pub fn gateway(&mut self, base_url: &str) {
        self.gateway = Some(base_url.to_owned());
    }

    /// Next commands must name this operation: the record does not have it.
    pub fn name(&mut self, operation: &Operation) {
        self.named = Some(operation.clone());
    }

    /// Before a step, which is about a task by its id, or about what else a query names.
    pub fn begin(&mut self, step: Step, subject: &str) {
        self.step = step;
        self.subject = Some(subject.to_owned());
    }

    /// Before the look-up of a task.
    pub fn find(&mut self, external: &str) {
        self.step = Step::Query("find");
        self.external = Some(external.to_owned());
    }

    /// Before a submit; returns the counter of the bytes that are sent.
    pub fn submit(&mut self, request: &Request) -> Arc<AtomicU64> {
        self.step = Step::Submit;
        self.external = request.external_task_id().map(str::to_owned);
        self.total = request.body_len();
        Arc::clone(&self.sent)
    }

    /// The caller's own id, if one is known.
    pub fn external(&self) -> Option<&str> {
        self.external.as_deref()
    }

    /// Whether a submit is under way, or failed.
    pub fn is_submit(&self) -> bool {
        self.step == Step::Submit
    }

    /// A failure with the known ids and the next command.
    pub fn explain(&self, mut failure: Box<Failure>) -> Box<Failure> {
        let is_lasting = match failure.kind {
            // The gateway does not know the task, or refuses the key. A task that was seen is there still.
            ErrorKind::Rejected => !self.is_seen,
            ErrorKind::Invalid => self.step != Step::Download,
            ErrorKind::TaskFailed => true,
            kind => self.is_submit() && kind != ErrorKind::Ambiguous,
        };
        failure.may_have_been_charged |= self.is_seen && failure.kind != ErrorKind::TaskFailed;
        let short = |id: &Option<String>| id.as_deref().map(|id| shortened(id).into_owned());
        failure.task_id = failure.task_id.or_else(|| short(&self.subject).filter(|_| self.step != Step::Query("list")));
        failure.external_task_id = failure.external_task_id.or_else(|| short(&self.external));
        if self.is_submit() && failure.kind == ErrorKind::Rejected {
            failure.hints.extend(self.unknown.iter().map(ToString::to_string));
        }
        let doubts_gateway = match failure.kind {
            // An output is elsewhere.
            _ if failure.step == "download" => false,
            ErrorKind::UnexpectedResponse | ErrorKind::Network => true,
            ErrorKind::NotSent => !failure.is_interrupted(),
            _ => matches!(failure.http_status, Some(401 | 404)),
        };
        if let Some(gateway) = self.gateway.as_ref().filter(|_| doubts_gateway) {
            failure.hints.push(format!("the base URL is {gateway}"));
        }
        if failure.kind == ErrorKind::NotSent {
            failure.hints.push("next: the same command again".to_owned());
        }
        if !is_lasting {
            failure.hints.extend(self.commands().into_iter().map(|next| format!("next: {next}")));
        }
        failure
    }

    /// The failure of a command that Ctrl-C or SIGTERM ended, once nothing is sent any more.
    pub fn interrupted(&self) -> Box<Failure> {
        let is_cut = self.sent.load(Ordering::Relaxed) < self.total;
        let failure = match self.step {
            Step::Start => Failure::interrupted(ErrorKind::Other, "start").with_hint("nothing was sent"),
            Step::Query(verb) => Failure::interrupted(ErrorKind::Other, verb),
            Step::Submit if is_cut => Failure::interrupted(ErrorKind::NotSent, "submit")
                .with_hint("the request was not sent whole: no task was made, nothing is charged"),
            Step::Submit => Failure::interrupted(ErrorKind::Ambiguous, "submit")
                .with_hint("a task may exist and be charged; look it up before submitting again"),
            Step::Wait => Failure::interrupted(ErrorKind::Other, "wait").with_hint("the task goes on"),
            Step::Download => Failure::interrupted(ErrorKind::Other, "download")
                .with_hint("what was downloaded is kept, and the download resumes there"),
        };
        self.explain(failure)
    }

    fn commands(&self) -> Vec<String> {
        let (verb, id, targets) = match self.step {
            Step::Start => return Vec::new(),
            Step::Query(verb) => (verb, self.subject.as_deref().or(self.external()), &[][..]),
            Step::Submit => ("find", self.external(), &[][..]),
            Step::Wait => ("wait", self.subject.as_deref(), &self.targets[..]),
            Step::Download => ("download", self.subject.as_deref(), &self.targets[..]),
        };
        match (id, targets) {
            (None, _) => Vec::new(),
            (Some(id), []) => vec![self.command(verb, id, None)],
            (Some(id), targets) => targets.iter().map(|target| self.command(verb, id, Some(target))).collect(),
        }
    }

    /// A command that can be pasted into a shell, whatever the server put into the id.
    pub fn command(&self, verb: &str, id: &str, target: Option<&Target>) -> String {
        let mut words = vec!["kling".to_owned(), verb.to_owned()];
        let id = quoted(id);
        let last = if id.starts_with('-') {
            Some(format!("-- {id}"))
        } else {
            words.push(id);
            None
        };
        words.extend(self.named.as_ref().map(|operation| format!("--operation {}", quoted(operation.as_str()))));
        if let Some(target) = target {
            let option = if target.is_folder { "--out-dir" } else { "-o" };
            words.push(format!("{option} {}", quoted(&target.path.to_string_lossy())));
            words.extend(target.overwrite.then(|| "--overwrite".to_owned()));
            words.extend(target.choice.map(|choice| match choice {
                Choice::One(index) => format!("--index {index}"),
                Choice::All => "--index all".to_owned(),
            }));
        }
        let access = &self.access;
        words.extend(access.base_url.as_ref().map(|url| format!("--base-url {}", quoted(url))));
        words.extend(access.allow_http.then(|| "--allow-http".to_owned()));
        let file = access.api_key_file.as_ref();
        words.extend(file.map(|file| format!("--api-key-file {}", quoted(&file.to_string_lossy()))));
        words.extend(last);
        words.join(" ")
    }
}

/// A word as a POSIX shell reads it back.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str, overwrite: bool) -> Target {
        Target { overwrite, ..Target::file(path.into()) }
    }

    fn request() -> Request {
        let request = kling_client::TextToVideo::builder().model("kling-v2-6").prompt("x");
        request.external_task_id("mine-7").build().unwrap()
    }

    #[test]
    fn a_command_can_be_pasted_whatever_the_id_and_the_file_hold() {
        let plain = target("out/cat.mp4", false);
        let all = Target { choice: Some(Choice::All), ..plain.clone() };
        let folder = Target { is_folder: true, ..target("my films", false) };
        for (id, target, expected) in [
            ("822953089408827433", None, "kling wait 822953089408827433"),
            ("-AbC_d", None, "kling wait -- -AbC_d"),
            ("-AbC_d", Some(&plain), "kling wait -o out/cat.mp4 -- -AbC_d"),
            ("7", Some(&plain), "kling wait 7 -o out/cat.mp4"),
            ("7", Some(&all), "kling wait 7 -o out/cat.mp4 --index all"),
            ("7", Some(&folder), "kling wait 7 --out-dir 'my films'"),
            ("7", Some(&target("my cat.mp4", true)), "kling wait 7 -o 'my cat.mp4' --overwrite"),
            ("7;rm -rf ~", None, "kling wait '7;rm -rf ~'"),
            ("it's", None, r"kling wait 'it'\''s'"),
            ("$(id)", None, "kling wait '$(id)'"),
        ] {
            assert_eq!(Next::default().command("wait", id, target), expected);
        }
    }

    #[test]
    fn a_command_repeats_the_options_of_access_and_an_operation_that_is_not_recorded() {
        let access = Access {
            base_url: Some("http://a.example/v1".into()),
            api_key_file: Some("my key".into()),
            allow_http: true,
        };
        let mut next = Next::new(access);
        let options = "--base-url http://a.example/v1 --allow-http --api-key-file 'my key'";
        assert_eq!(next.command("wait", "-7", None), format!("kling wait {options} -- -7"));
        next.begin(Step::Query("list"), "text2video");
        let failure = next.explain(Failure::new(ErrorKind::Network, "list", "no response"));
        assert_eq!((failure.hints, failure.task_id), (vec![format!("next: kling list text2video {options}")], None));
        next.name(&Operation::TextToVideo);
        assert_eq!(next.command("find", "7", None), format!("kling find 7 --operation text2video {options}"));
    }

    #[test]
    fn of_several_outputs_those_that_are_left_are_named() {
        let mut next = Next::default();
        next.begin(Step::Download, "7");
        let output = |index| Target { choice: Some(Choice::One(index)), ..target(&format!("cat-{index}.mp4"), false) };
        next.targets = [2, 3].map(output).to_vec();
        let failure = next.explain(Failure::new(ErrorKind::Network, "download", "no response"));
        let command = |index| format!("next: kling download 7 -o cat-{index}.mp4 --index {index}");
        assert_eq!(failure.hints, [2, 3].map(command));
    }

    #[test]
    fn the_next_command_follows_from_the_step_and_the_kind() {
        let explained = |next: &Next, kind| next.explain(Failure::new(kind, "x", "y")).hints.pop();
        let mut next = Next { targets: vec![target("cat.mp4", false)], ..Next::default() };
        assert_eq!(explained(&next, ErrorKind::Network), None);

        next.submit(&request());
        assert_eq!(explained(&next, ErrorKind::Rejected), None);
        assert_eq!(explained(&next, ErrorKind::NotSent).as_deref(), Some("next: the same command again"));
        assert_eq!(explained(&next, ErrorKind::Ambiguous).as_deref(), Some("next: kling find mine-7"));

        next.is_seen = true;
        next.begin(Step::Wait, "822");
        for kind in [ErrorKind::WaitTimedOut, ErrorKind::Network, ErrorKind::Rejected] {
            assert_eq!(explained(&next, kind).as_deref(), Some("next: kling wait 822 -o cat.mp4"), "{kind}");
        }
        assert_eq!(explained(&next, ErrorKind::TaskFailed), None);

        next.begin(Step::Download, "822");
        let unexpected = explained(&next, ErrorKind::UnexpectedResponse);
        assert_eq!(unexpected.as_deref(), Some("next: kling download 822 -o cat.mp4"));
    }

    #[test]
    fn an_interrupted_command_may_have_been_charged_once_the_request_was_sent_or_the_task_seen() {
        let mut next = Next::default();
        assert_eq!(next.interrupted().hints, ["nothing was sent"]);
        let sent = next.submit(&request());
        sent.store(next.total - 1, Ordering::Relaxed);
        let interrupted = next.interrupted();
        assert!(!interrupted.may_have_been_charged && interrupted.hints[0].contains("not sent whole"));
        sent.store(next.total, Ordering::Relaxed);
        let interrupted = next.interrupted();
        assert!(interrupted.may_have_been_charged);
        assert_eq!(interrupted.hints.last().map(String::as_str), Some("next: kling find mine-7"));
        next.is_seen = true;
        next.begin(Step::Wait, "822");
        let interrupted = next.interrupted();
        assert!(interrupted.may_have_been_charged);
        assert_eq!(interrupted.hints, ["the task goes on", "next: kling wait 822"]);
        next.begin(Step::Download, "822");
        assert!(next.interrupted().may_have_been_charged);

        let mut next = Next::default();
        next.begin(Step::Wait, "822");
        assert!(!next.interrupted().may_have_been_charged, "nobody knows whether there is such a task");
        next.is_seen = true;
        assert!(next.interrupted().may_have_been_charged);
    }

    #[test]
    fn a_task_that_was_seen_is_charged_whatever_fails_but_the_task() {
        for kind in ErrorKind::ALL {
            let mut next = Next::default();
            next.begin(Step::Download, "822");
            let charged = |next: &Next| next.explain(Failure::new(*kind, "x", "y")).may_have_been_charged;
            assert_eq!(charged(&next), *kind == ErrorKind::Ambiguous, "{kind}");
            next.is_seen = true;
            assert_eq!(charged(&next), *kind != ErrorKind::TaskFailed, "{kind}");
        }
    }
}
