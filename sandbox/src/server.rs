//! A listening socket on the loopback, and the loop that serves its connections, each through a stream that can fail on
//! demand.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::clock::Clock;
use crate::intake::{Origin, take_in};
use crate::wire::{Obedient, Wire};

/// How many connections may wait to be accepted: as tokio's own listener has it.
const BACKLOG: u32 = 1024;

/// How long the loop rests when a connection cannot be accepted, which is when the process has too many files open:
/// long enough not to spin, short enough not to be noticed.
pub(crate) const REST_AFTER_ERROR: Duration = Duration::from_millis(50);

/// A socket that listens, and is not served yet: its address is known before anything that needs it is built.
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// Work that runs until it is stopped or dropped: a server, whose connections end with it, or what goes on beside it.
pub(crate) struct Server(JoinHandle<()>);

impl Listener {
    /// Listens on 127.0.0.1; port 0 takes any that is free.
    pub fn bind(port: u16, receive_buffer: Option<u32>) -> io::Result<Self> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let bound = listen(wanted, receive_buffer);
        let bound = bound.and_then(|socket| Ok((socket.local_addr()?, socket)));
        let (address, socket) = bound.map_err(|error| {
            let text = format!("cannot listen on {wanted}: {error}; choose another port, or 0 for any");
            io::Error::new(error.kind(), text)
        })?;
        Ok(Self { socket, address })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn serve(self, origin: Arc<impl Origin>, clock: Clock) -> Server {
        Server::run(accept(self.socket, origin, clock))
    }
}

impl Server {
    pub fn run(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    /// Stops it, and waits until its sockets are closed.
    pub async fn stop(&mut self) {
        self.0.abort();
        // The task was aborted, or had ended: both are what was wanted.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn listen(address: SocketAddr, receive_buffer: Option<u32>) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // As tokio's own listener does: elsewhere it would let two programs have one port.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    if let Some(bytes) = receive_buffer {
        // Connections inherit it, if it is set before they come.
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(socket: TcpListener, origin: Arc<impl Origin>, clock: Clock) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => match accepted {
                Ok((stream, _)) => {
                    // Small responses must not wait for more; a socket that refuses this works all the same.
                    let _ = stream.set_nodelay(true);
                    connections.spawn(connection(stream, origin.clone(), clock.clone()));
                }
                Err(_) => tokio::time::sleep(REST_AFTER_ERROR).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection to its end, HTTP/1.1 or HTTP/2, whichever the client speaks. Every request gets the handle of its
/// connection, for its fault.
async fn connection(stream: TcpStream, origin: Arc<impl Origin>, clock: Clock) {
    let wire = Wire::default();
    let stream = TokioIo::new(Obedient::new(stream, wire.clone(), clock));
    let service = service_fn(|request| {
        let (origin, wire) = (origin.clone(), wire.clone());
        async { Ok::<_, Infallible>(take_in(origin, wire, request).await) }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    // A sender that goes away after its last byte has sent a whole request, whenever the API comes to read it.
    server.http1().half_close(true);
    tokio::select! {
        // How a connection ends does not matter; what was received is in the log.
        _ = server.serve_connection(stream, service) => {}
        () = wire.closed() => {}
    }
}
