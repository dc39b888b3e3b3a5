//! Ctrl-C and SIGTERM: the first ends the work, which prints the next command; a second ends the program at once. The work of
//! a batch ends once what is on its way has arrived.
//!
//! Signals are received on a thread of their own, so neither a hanging disk nor a full pipe keeps the program running.

use std::io;
use std::process::exit;
use std::sync::mpsc;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Exit code that shells expect of an interrupted program: 128 and the number of SIGINT.
pub const INTERRUPTED: u8 = 130;

/// The first signal, to be waited for.
pub struct Interrupt(oneshot::Receiver<()>);

impl Interrupt {
    /// Listens from now on. Where that is impossible, a signal ends the program as it always does.
    pub fn listen() -> Self {
        let (first, receiver) = oneshot::channel();
        let (listens, begun) = mpsc::channel();
        // A thread that cannot be started drops both ends, which means never.
        let _ = thread::Builder::new().name("interrupt".to_owned()).spawn(move || receive(first, &listens));
        let _ = begun.recv();
        Self(receiver)
    }

    /// Resolves at the first signal.
    pub async fn wait(self) {
        if self.0.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Runs `work` to its own end. The first signal calls `stop`, which tells it to come to one.
    pub async fn during<T>(self, work: impl Future<Output = T>, stop: impl FnOnce()) -> T {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            ended = &mut work => return ended,
            () = self.wait() => stop(),
        }
        work.await
    }
}

fn receive(first: oneshot::Sender<()>, listens: &mpsc::Sender<()>) -> io::Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut signals = signals()?;
        let _ = listens.send(());
        signals.recv().await;
        // Without a receiver the work is over, and only the end of the program is left.
        if first.send(()).is_ok() {
            signals.recv().await;
        }
        exit(INTERRUPTED.into())
    })
}

/// Ctrl-C and SIGTERM, by which containers, service managers and batch systems end a program.
#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

#[cfg(unix)]
fn signals() -> io::Result<Signals> {
    use tokio::signal::unix::{SignalKind, signal};
    Ok(Signals(signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
}

#[cfg(windows)]
fn signals() -> io::Result<tokio::signal::windows::CtrlC> {
    tokio::signal::windows::ctrl_c()
}
