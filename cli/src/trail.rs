//! How far a command has come, and the command that goes on from there.
//!
//! A failure and a Ctrl-C ask the same question: what is known, was something paid, and what to type next. The trail is
//! written before each step, so that the answer is right whenever it is asked.

use kling_client::ErrorKind;

use crate::failure::Failure;
use crate::target::Target;

/// What is known at this moment.
#[derive(Default)]
pub struct Trail {
    step: Step,
    task: Option<String>,
    external: Option<String>,
    target: Option<Target>,
    bought: bool,
}

/// What is being done.
#[derive(Clone, Copy, Default, PartialEq)]
enum Step {
    /// Nothing that could be gone on with.
    #[default]
    Start,
    Submit,
    Wait,
    Download,
}

impl Trail {
    /// Where the video will go.
    pub fn aims_at(&mut self, target: Option<&Target>) {
        self.target = target.cloned();
    }

    /// A paid request is about to be sent.
    pub fn submits(&mut self, external: Option<&str>) {
        self.step = Step::Submit;
        self.external = external.map(str::to_owned);
    }

    /// It was taken, and this is the task.
    pub fn bought(&mut self, task: &str) {
        self.bought = true;
        self.waits(task);
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
            ErrorKind::Rejected => !self.bought,
            ErrorKind::TaskFailed | ErrorKind::Invalid => true,
            kind => self.step == Step::Submit && kind != ErrorKind::Ambiguous,
        };
        failure.task_id = failure.task_id.or_else(|| self.task.clone());
        failure.external_task_id = failure.external_task_id.or_else(|| self.external.clone());
        match self.next().filter(|_| !lasting) {
            Some(next) => failure.with_hint(next),
            None => failure,
        }
    }

    /// What Ctrl-C leaves behind.
    pub fn interrupted(&self) -> Box<Failure> {
        let failure = match self.step {
            Step::Start => Failure::interrupted(ErrorKind::Other, "start"),
            Step::Submit => Failure::interrupted(ErrorKind::Ambiguous, "submit")
                .with_hint("a task may exist and be charged; look for it before paying again"),
            Step::Wait => Failure::interrupted(ErrorKind::Other, "wait").with_hint("the task goes on"),
            Step::Download => Failure::interrupted(ErrorKind::Other, "download").with_hint("the video is still there"),
        };
        self.explain(failure)
    }

    fn next(&self) -> Option<String> {
        let (verb, id) = match self.step {
            Step::Start => return None,
            Step::Submit => ("reconcile", &self.external),
            Step::Wait => ("wait", &self.task),
            Step::Download => ("download", &self.task),
        };
        let target = self.target.as_ref().filter(|_| self.step != Step::Submit);
        Some(format!("next: {}", command(verb, id.as_deref()?, target)))
    }
}

/// A command as it can be pasted into a shell, whatever the server put into the id.
pub fn command(verb: &str, id: &str, target: Option<&Target>) -> String {
    let options = target.map(|target| {
        let overwrite = if target.overwrite { " --overwrite" } else { "" };
        format!(" -o {}{overwrite}", quoted(&target.path.to_string_lossy()))
    });
    let (options, id) = (options.unwrap_or_default(), quoted(id));
    if id.starts_with('-') { format!("kling {verb}{options} -- {id}") } else { format!("kling {verb} {id}{options}") }
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
        Target { path: path.into(), overwrite }
    }

    #[test]
    fn a_command_can_be_pasted_whatever_the_id_and_the_file_hold() {
        let plain = target("out/cat.mp4", false);
        for (id, target, expected) in [
            ("822953089408827433", None, "kling wait 822953089408827433"),
            ("-AbC_d", None, "kling wait -- -AbC_d"),
            ("-AbC_d", Some(&plain), "kling wait -o out/cat.mp4 -- -AbC_d"),
            ("7", Some(&plain), "kling wait 7 -o out/cat.mp4"),
            ("7", Some(&target("my cat.mp4", true)), "kling wait 7 -o 'my cat.mp4' --overwrite"),
            ("7;rm -rf ~", None, "kling wait '7;rm -rf ~'"),
            ("it's", None, r"kling wait 'it'\''s'"),
            ("$(id)", None, "kling wait '$(id)'"),
        ] {
            assert_eq!(command("wait", id, target), expected);
        }
    }

    #[test]
    fn the_next_command_follows_from_the_step_and_the_kind() {
        let explained = |trail: &Trail, kind| trail.explain(Failure::new(kind, "x", "y")).hints.pop();
        let mut trail = Trail::default();
        trail.aims_at(Some(&target("cat.mp4", false)));
        assert_eq!(explained(&trail, ErrorKind::Network), None);

        trail.submits(Some("order-7"));
        assert_eq!(explained(&trail, ErrorKind::Rejected), None);
        assert_eq!(explained(&trail, ErrorKind::NotSent), None);
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
    fn an_interrupted_order_may_have_been_charged_and_an_interrupted_wait_not() {
        let mut trail = Trail::default();
        assert!(!trail.interrupted().may_have_been_charged);
        trail.submits(None);
        assert!(trail.interrupted().may_have_been_charged);
        trail.bought("822");
        let interrupted = trail.interrupted();
        assert!(!interrupted.may_have_been_charged);
        assert_eq!(interrupted.hints, ["the task goes on", "next: kling wait 822"]);
    }
}
