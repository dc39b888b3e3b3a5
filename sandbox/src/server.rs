//! An origin: a listening socket on the loopback, and the loop that serves its connections. The loop is our own, one
//! function per connection over any byte stream, so that a faulty stream can be put in between.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, JoinSet};

use crate::clock::Clock;
use crate::wire::{Obedient, Wire};

/// How many connections may wait to be accepted: what tokio's own listener asks for.
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

    pub fn serve(self, router: Router, clock: Clock) -> Server {
        Server::run(accept(self.socket, router, clock))
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

async fn accept(socket: TcpListener, router: Router, clock: Clock) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => match accepted {
                Ok((stream, _)) => {
                    // Small answers must not wait for more; a socket that refuses this works all the same.
                    let _ = stream.set_nodelay(true);
                    connections.spawn(connection(stream, router.clone(), clock.clone()));
                }
                Err(_) => tokio::time::sleep(REST_AFTER_ERROR).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection to its end, HTTP/1.1 or HTTP/2, whichever the client speaks. Every request carries the handle of
/// its connection, for the fault that it may meet.
async fn connection<S>(stream: S, router: Router, clock: Clock)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let wire = Wire::default();
    let stream = TokioIo::new(Obedient::new(stream, wire.clone(), clock));
    let routes = TowerToHyperService::new(router);
    let service = service_fn({
        let wire = wire.clone();
        move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(wire.clone());
            routes.call(request)
        }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    // A sender that goes away after its last byte has ordered all the same, whenever the API comes to read it.
    server.http1().half_close(true);
    tokio::select! {
        // How a connection ends is the client's affair; what was received stands in the log.
        _ = server.serve_connection(stream, service) => {}
        () = wire.closed() => {}
    }
}
