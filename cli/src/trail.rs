//! How far a command has come, and the command that goes on from there.
//!
//! A failure and a signal ask the same question: what is known, was something paid, and what to type next. The trail is
//! written before each step, so that the answer is right whenever it is asked.

use kling_client::{ErrorKind, MultiImageToVideo};

use crate::arguments::Access;
use crate::failure::{Failure, Finding, shortened};
use crate::target::{Choice, Target};

/// What is known at this moment.
#[derive(Default)]
pub struct Trail {
    access: Access,
    gateway: Option<String>,
    step: Step,
    task: Option<String>,
    external: Option<String>,
    targets: Vec<Target>,
    request: Option<MultiImageToVideo>,
    /// The API showed the task, in the response to its request or to a query.
    is_there: bool,
    unknown: Vec<Finding>,
}

/// What is being done.
#[derive(Clone, Copy, Default, PartialEq)]
enum Step {
    /// Nothing that could be gone on with.
    #[default]
    Start,
    /// A question that can be asked again, by this command.
    Ask(&'static str),
    Submit,
    Wait,
    Download,
}

impl Trail {
    /// Before the first step, with the options that every command must repeat.
    pub fn new(access: Access) -> Self {
        Self { access, ..Self::default() }
    }

    /// The gateway that is asked, by its address.
    pub fn asks_at(&mut self, gateway: &str) {
        self.gateway = Some(gateway.to_owned());
    }

    /// Where the video will go, or each that is still to be brought.
    pub fn aims_at(&mut self, targets: impl IntoIterator<Item = Target>) {
        self.targets = targets.into_iter().collect();
    }

    /// Something is about to be asked that costs nothing and leaves nothing, about a task if it is named.
    pub fn asks(&mut self, verb: &'static str, task: Option<&str>) {
        self.step = Step::Ask(verb);
        self.task = task.map(str::to_owned);
    }

    /// A task is about to be looked for by the caller's own id.
    pub fn looks_for(&mut self, external: &str) {
        self.asks("reconcile", None);
        self.external = Some(external.to_owned());
    }

    /// A paid request is about to be sent.
    pub fn submits(&mut self, request: &MultiImageToVideo) {
        self.step = Step::Submit;
        self.external = request.external_task_id().map(str::to_owned);
        self.request = Some(request.clone());
    }

    /// Values of the request that this version does not know, which may be why it is refused.
    pub fn doubts(&mut self, unknown: Vec<Finding>) {
        self.unknown = unknown;
    }

    /// Whether the API may have all of the request; to be asked once nothing sends any more.
    fn was_sent_whole(&self) -> bool {
        let is_cut = |request: &MultiImageToVideo| request.body_len().is_ok_and(|length| request.uploaded() < length);
        !self.request.as_ref().is_some_and(is_cut)
    }

    /// It was taken, and this is the task.
    pub fn bought(&mut self, task: &str) {
        self.is_there = true;
        self.waits(task);
    }

    /// The task was shown by the API, so it is there and was paid for, unless it failed.
    pub fn sees(&mut self) {
        self.is_there = true;
    }

    /// A task is about to be waited for.
    pub fn waits(&mut self, task: &str) {
        self.step = Step::Wait;
        self.task = Some(task.to_owned());
    }

    /// A task's video is about to be fetched.
    pub fn downloads(&mut self, task: &str) {
        self.step = Step::Download;
        self.task = Some(task.to_owned());
    }

    /// The caller's own id of the task, if one was given.
    pub fn external(&self) -> Option<&str> {
        self.external.as_deref()
    }

    /// A failure with the ids that are known and with what to type next.
    pub fn explain(&self, mut failure: Box<Failure>) -> Box<Failure> {
        let lasting = match failure.kind {
            // The gateway does not know the task, or does not let this key ask. One that was paid for is there still.
            ErrorKind::Rejected => !self.is_there,
            ErrorKind::Invalid => self.step != Step::Download,
            ErrorKind::TaskFailed => true,
            kind => self.step == Step::Submit && kind != ErrorKind::Ambiguous,
        };
        failure.may_have_been_charged |= self.is_there && failure.kind != ErrorKind::TaskFailed;
        let typed = |id: &Option<String>| id.as_deref().map(|id| shortened(id).into_owned());
        failure.task_id = failure.task_id.or_else(|| typed(&self.task));
        failure.external_task_id = failure.external_task_id.or_else(|| typed(&self.external));
        if self.step == Step::Submit && failure.kind == ErrorKind::Rejected {
            failure.hints.extend(self.unknown.iter().map(ToString::to_string));
        }
        let doubts_gateway = match failure.kind {
            // The video is elsewhere.
            _ if failure.operation == "download" => false,
            ErrorKind::Answer | ErrorKind::Network => true,
            ErrorKind::NotSent => !failure.is_interrupted(),
            _ => matches!(failure.http_status, Some(401 | 404)),
        };
        if let Some(gateway) = self.gateway.as_ref().filter(|_| doubts_gateway) {
            failure.hints.push(format!("the gateway is {gateway}"));
        }
        if failure.kind == ErrorKind::NotSent {
            failure.hints.push("next: the same command again".to_owned());
        }
        if !lasting {
            failure.hints.extend(self.next().into_iter().map(|next| format!("next: {next}")));
        }
        failure
    }

    /// What Ctrl-C or SIGTERM leaves behind, once nothing is done any more.
    pub fn interrupted(&self) -> Box<Failure> {
        let failure = match self.step {
            Step::Start => Failure::interrupted(ErrorKind::Other, "start").with_hint("nothing was sent"),
            Step::Ask(verb) => Failure::interrupted(ErrorKind::Other, verb),
            Step::Submit if !self.was_sent_whole() => Failure::interrupted(ErrorKind::NotSent, "submit")
                .with_hint("the order was not sent whole: no task was made, nothing is charged"),
            Step::Submit => Failure::interrupted(ErrorKind::Ambiguous, "submit")
                .with_hint("a task may exist and be charged; look for it before paying again"),
            Step::Wait => Failure::interrupted(ErrorKind::Other, "wait").with_hint("the task goes on"),
            Step::Download => Failure::interrupted(ErrorKind::Other, "download")
                .with_hint("what was written is kept, and gone on with"),
        };
        self.explain(failure)
    }

    /// The commands that go on from here.
    fn next(&self) -> Vec<String> {
        let (verb, id, targets) = match self.step {
            Step::Start => return Vec::new(),
            Step::Ask(verb) => return vec![self.command(verb, self.task.as_deref().or(self.external()), None)],
            Step::Submit => ("reconcile", &self.external, &[][..]),
            Step::Wait => ("wait", &self.task, &self.targets[..]),
            Step::Download => ("download", &self.task, &self.targets[..]),
        };
        match (id, targets) {
            (None, _) => Vec::new(),
            (Some(id), []) => vec![self.command(verb, Some(id), None)],
            (Some(id), targets) => targets.iter().map(|target| self.command(verb, Some(id), Some(target))).collect(),
        }
    }

    /// A command as it can be pasted into a shell, whatever the server put into the id.
    pub fn command(&self, verb: &str, id: Option<&str>, target: Option<&Target>) -> String {
        let mut words = vec!["kling".to_owned(), verb.to_owned()];
        let id = id.map(quoted);
        let (first, last) = match id {
            Some(id) if id.starts_with('-') => (None, Some(format!("-- {id}"))),
            id => (id, None),
        };
        words.extend(first);
        if let Some(target) = target {
            words.push(format!("-o {}", quoted(&target.path.to_string_lossy())));
            words.extend(target.overwrite.then(|| "--overwrite".to_owned()));
            words.extend(target.choice.map(|choice| match choice {
                Choice::One(number) => format!("--video {number}"),
                Choice::All => "--video all".to_owned(),
            }));
        }
        words.extend(self.access.base_url.as_ref().map(|url| format!("--base-url {}", quoted(url))));
        let file = self.access.api_key_file.as_ref();
        words.extend(file.map(|file| format!("--api-key-file {}", quoted(&file.to_string_lossy()))));
        words.extend(last);
        words.join(" ")
    }
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
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
        Target { path: path.into(), overwrite, choice: None }
    }

    fn request(external_id: &str) -> MultiImageToVideo {
        let image = kling_client::Image::url("https://example.com/cat.png");
        let request = MultiImageToVideo::builder().images([image]).prompt("x").external_task_id(external_id);
        request.build().unwrap()
    }

    #[test]
    fn a_command_can_be_pasted_whatever_the_id_and_the_file_hold() {
        let plain = target("out/cat.mp4", false);
        let all = Target { choice: Some(Choice::All), ..plain.clone() };
        for (id, target, expected) in [
            ("822953089408827433", None, "kling wait 822953089408827433"),
            ("-AbC_d", None, "kling wait -- -AbC_d"),
            ("-AbC_d", Some(&plain), "kling wait -o out/cat.mp4 -- -AbC_d"),
            ("7", Some(&plain), "kling wait 7 -o out/cat.mp4"),
            ("7", Some(&all), "kling wait 7 -o out/cat.mp4 --video all"),
            ("7", Some(&target("my cat.mp4", true)), "kling wait 7 -o 'my cat.mp4' --overwrite"),
            ("7;rm -rf ~", None, "kling wait '7;rm -rf ~'"),
            ("it's", None, r"kling wait 'it'\''s'"),
            ("$(id)", None, "kling wait '$(id)'"),
        ] {
            assert_eq!(Trail::default().command("wait", Some(id), target), expected);
        }
    }

    #[test]
    fn a_command_repeats_the_gateway_and_the_file_of_the_key() {
        let access = Access { base_url: Some("https://a.example/v1".into()), api_key_file: Some("my key".into()) };
        let mut trail = Trail::new(access);
        let options = "--base-url https://a.example/v1 --api-key-file 'my key'";
        assert_eq!(trail.command("wait", Some("-7"), None), format!("kling wait {options} -- -7"));
        trail.asks("list", None);
        let failure = trail.explain(Failure::new(ErrorKind::Network, "list", "no answer"));
        assert_eq!(failure.hints, [format!("next: kling list {options}")]);
    }

    #[test]
    fn of_several_videos_those_are_named_that_are_not_there() {
        let mut trail = Trail::default();
        trail.downloads("7");
        let video =
            |number| Target { choice: Some(Choice::One(number)), ..target(&format!("cat-{number}.mp4"), false) };
        trail.aims_at([2, 3].map(video));
        let failure = trail.explain(Failure::new(ErrorKind::Network, "download", "no answer"));
        let next = |number| format!("next: kling download 7 -o cat-{number}.mp4 --video {number}");
        assert_eq!(failure.hints, [2, 3].map(next));
    }

    #[test]
    fn the_next_command_follows_from_the_step_and_the_kind() {
        let explained = |trail: &Trail, kind| trail.explain(Failure::new(kind, "x", "y")).hints.pop();
        let mut trail = Trail::default();
        trail.aims_at([target("cat.mp4", false)]);
        assert_eq!(explained(&trail, ErrorKind::Network), None);

        trail.submits(&request("order-7"));
        assert_eq!(explained(&trail, ErrorKind::Rejected), None);
        assert_eq!(explained(&trail, ErrorKind::NotSent).as_deref(), Some("next: the same command again"));
        assert_eq!(explained(&trail, ErrorKind::Ambiguous).as_deref(), Some("next: kling reconcile order-7"));

        trail.bought("822");
        for kind in [ErrorKind::WaitTimedOut, ErrorKind::Network, ErrorKind::Rejected] {
            assert_eq!(explained(&trail, kind).as_deref(), Some("next: kling wait 822 -o cat.mp4"), "{kind}");
        }
        assert_eq!(explained(&trail, ErrorKind::TaskFailed), None);

        trail.downloads("822");
        assert_eq!(explained(&trail, ErrorKind::Answer).as_deref(), Some("next: kling download 822 -o cat.mp4"));
    }

    #[test]
    fn a_task_that_the_gateway_does_not_know_is_not_waited_for_again() {
        let mut trail = Trail::default();
        trail.waits("822");
        let failure = trail.explain(Failure::new(ErrorKind::Rejected, "get", "no such task"));
        assert_eq!((failure.task_id.as_deref(), failure.hints.len()), (Some("822"), 0));
    }

    #[test]
    fn what_is_interrupted_may_have_been_charged_once_it_was_sent_or_seen() {
        let mut trail = Trail::default();
        assert_eq!(trail.interrupted().hints, ["nothing was sent"]);
        trail.submits(&request("order-7"));
        let interrupted = trail.interrupted();
        assert!(!interrupted.may_have_been_charged && interrupted.hints[0].contains("not sent whole"));
        trail.request = None;
        let interrupted = trail.interrupted();
        assert!(interrupted.may_have_been_charged);
        assert_eq!(interrupted.hints.last().map(String::as_str), Some("next: kling reconcile order-7"));
        trail.bought("822");
        let interrupted = trail.interrupted();
        assert!(interrupted.may_have_been_charged);
        assert_eq!(interrupted.hints, ["the task goes on", "next: kling wait 822"]);
        trail.downloads("822");
        assert!(trail.interrupted().may_have_been_charged);

        let mut trail = Trail::default();
        trail.waits("822");
        assert!(!trail.interrupted().may_have_been_charged, "nobody knows whether there is such a task");
        trail.sees();
        assert!(trail.interrupted().may_have_been_charged);
    }

    #[test]
    fn a_task_that_is_there_was_paid_for_whatever_fails_but_the_task() {
        for (kind, expected) in [
            (ErrorKind::Network, true),
            (ErrorKind::Answer, true),
            (ErrorKind::Other, true),
            (ErrorKind::WaitTimedOut, true),
            (ErrorKind::Rejected, true),
            (ErrorKind::TaskFailed, false),
        ] {
            let mut trail = Trail::default();
            trail.downloads("822");
            let charged = |trail: &Trail| trail.explain(Failure::new(kind, "x", "y")).may_have_been_charged;
            assert!(!charged(&trail), "{kind}");
            trail.sees();
            assert_eq!(charged(&trail), expected, "{kind}");
        }
    }
}
