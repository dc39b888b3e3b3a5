//! Ctrl-C and SIGTERM: the first ends the work, which says how to go on; a second ends the program at once.
//!
//! Signals are received on a thread of their own. A disk that hangs, or a terminal that takes no more text, then keeps
//! nobody from leaving.

use std::io;
use std::process::exit;
use std::sync::mpsc;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// What a shell expects of a program that was interrupted: 128 and the number of the signal.
pub const INTERRUPTED: u8 = 130;

/// The first signal, to be waited for.
pub struct Interrupt(oneshot::Receiver<()>);

impl Interrupt {
    /// Listens from now on. A signal that the system does not pass on ends the program as it always does.
    pub fn listen() -> Self {
        let (first, receiver) = oneshot::channel();
        let (listens, begun) = mpsc::channel();
        // What cannot be started drops both ends, which is taken for never.
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
}

fn receive(first: oneshot::Sender<()>, listens: &mpsc::Sender<()>) -> io::Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut signals = signals()?;
        let _ = listens.send(());
        signals.recv().await;
        // With nobody left to be told, the work is over and only the end of the program is waited for.
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
