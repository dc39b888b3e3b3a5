//! What the tests share: a client at a sandbox, on a clock that jumps over every pause.

#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kling_client::{Client, ClientBuilder, Clock, Image, MultiImageToVideo, Operation, Request, Sleep};
use kling_sandbox::Sandbox;

/// What tasks of a sandbox take at most where time is real.
pub const EXPECTED: Duration = Duration::from_secs(2);
/// The operation of most tests.
pub const OPERATION: Operation = Operation::MultiImageToVideo;

/// A clock on which a sleep takes no time and moves the sandbox's clock, and a guard never ends.
#[derive(Debug, Clone)]
pub struct Jumping {
    sandbox: kling_sandbox::Clock,
    start: Duration,
    sleeps: Arc<Mutex<Vec<Duration>>>,
}

impl Jumping {
    pub fn over(clock: &kling_sandbox::Clock) -> Self {
        Self { sandbox: clock.clone(), start: clock.unix_time(), sleeps: Arc::default() }
    }

    /// When each sleep ended.
    pub fn sleeps(&self) -> Vec<Duration> {
        self.sleeps.lock().unwrap().clone()
    }
}

impl Clock for Jumping {
    fn now(&self) -> Duration {
        self.sandbox.unix_time() - self.start
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        self.sandbox.advance(wait);
        self.sleeps.lock().unwrap().push(self.now());
        Box::pin(std::future::ready(()))
    }

    fn guard(&self, _limit: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }

    fn random(&self) -> f64 {
        0.5
    }
}

/// A sandbox whose tasks take this long on a manual clock, and a client of it on that clock.
pub async fn sandbox(task_time: Duration) -> (Sandbox, Client, Jumping) {
    let clock = kling_sandbox::Clock::manual();
    let sandbox = Sandbox::builder().clock(clock.clone()).task_time(task_time).start().await.unwrap();
    let jumping = Jumping::over(&clock);
    let client = client(&sandbox).clock(jumping.clone()).build().unwrap();
    (sandbox, client, jumping)
}

/// A client that sends once and looks for nothing: what comes of one request.
pub fn client(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder(sandbox.api_key()).base_url(sandbox.base_url()).expected(EXPECTED).max_attempts(1).look_up_at([])
}

/// A request that the API takes, of URLs alone.
pub fn request() -> Request {
    request_of([Image::url("https://example.com/cat.png"), Image::url("https://example.com/hat.jpg")])
}

pub fn request_of<const N: usize>(images: [Image; N]) -> Request {
    MultiImageToVideo::builder().images(images).prompt("The cat puts the hat on").build().unwrap()
}

/// One of the project's pictures.
pub fn picture(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/images").join(name)
}

/// A directory of its own for a test.
pub fn directory(name: &str) -> std::path::PathBuf {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The jumping clock with guards that end when its time has come; what moves it besides the sleeps is up to the test.
#[derive(Debug, Clone)]
pub struct Guarded(pub Jumping);

impl Clock for Guarded {
    fn now(&self) -> Duration {
        self.0.now()
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        self.0.sleep(wait)
    }

    fn guard(&self, limit: Duration) -> Sleep {
        let (clock, end) = (self.0.clone(), self.now() + limit);
        Box::pin(std::future::poll_fn(move |context| {
            if clock.now() >= end {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        }))
    }

    fn random(&self) -> f64 {
        0.5
    }
}

/// A clock that stands still until the test moves it.
#[derive(Debug, Clone)]
pub struct Held(tokio::sync::watch::Sender<Duration>);

impl Held {
    pub fn new() -> Self {
        Self(tokio::sync::watch::channel(Duration::ZERO).0)
    }

    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now += by);
    }
}

impl Clock for Held {
    fn now(&self) -> Duration {
        *self.0.borrow()
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        let (end, mut time) = (self.now() + wait, self.0.subscribe());
        Box::pin(async move {
            let _ = time.wait_for(|now| *now >= end).await;
        })
    }

    fn random(&self) -> f64 {
        0.5
    }
}
