//! A slow or breaking connection to a server of this machine: a TCP proxy that delays each direction, and closes a connection
//! after so many bytes of one. It knows nothing of HTTP. Its delays are real time, for measurements; a test that only
//! cuts waits for nothing.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::server::REST_AFTER_ERROR;

/// How much is read at once: what a socket gives at a time on the loopback.
const PORTION: usize = 64 * 1024;

/// How many portions may be under way in one direction: 4 MiB, more than a fast line holds in 50 ms, so that it is the
/// delay that is measured and not the proxy.
const IN_FLIGHT: usize = 64;

/// A running proxy; it ends, with its connections, when it is dropped.
#[derive(Debug)]
#[must_use = "a proxy stops when it is dropped"]
pub struct Proxy {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// Builder for [`Proxy`].
#[derive(Clone, Debug)]
pub struct ProxyBuilder {
    target: String,
    up: Direction,
    down: Direction,
}

/// What happens to the bytes of one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Direction {
    delay: Duration,
    cut: Option<u64>,
}

impl Proxy {
    /// Sets up a proxy to a server: its `http://HOST:PORT`, as of [`Sandbox::base_url`](crate::Sandbox::base_url),
    /// or `HOST:PORT`.
    pub fn to(target: &str) -> ProxyBuilder {
        let target = target.trim_start_matches("http://").trim_end_matches('/').to_owned();
        ProxyBuilder { target, up: Direction::default(), down: Direction::default() }
    }

    /// `http://127.0.0.1:PORT`, which takes the place of the server's address.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl ProxyBuilder {
    /// Delays every byte of each direction, and the end of the connection, by this time: half of a round trip.
    pub fn delay(self, each: Duration) -> Self {
        self.delay_up(each).delay_down(each)
    }

    /// Delays what the client sends.
    pub fn delay_up(mut self, by: Duration) -> Self {
        self.up.delay = by;
        self
    }

    /// Delays what the server sends.
    pub fn delay_down(mut self, by: Duration) -> Self {
        self.down.delay = by;
        self
    }

    /// Closes each connection after so many bytes from the client; 0 is before the first.
    pub fn cut_up(mut self, after: u64) -> Self {
        self.up.cut = Some(after);
        self
    }

    /// Closes each connection after so many bytes from the server; 0 is at the first of them.
    pub fn cut_down(mut self, after: u64) -> Self {
        self.down.cut = Some(after);
        self
    }

    /// Starts it, on any free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(self) -> io::Result<Proxy> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        Ok(Proxy { address, task: tokio::spawn(accept(socket, self)) })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What one direction carries: a portion, or the news of its end.
enum Carried {
    Bytes(Vec<u8>),
    End,
}

async fn accept(socket: TcpListener, proxy: ProxyBuilder) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => match accepted {
                Ok((client, _)) => drop(connections.spawn(connection(client, proxy.clone()))),
                Err(_) => tokio::time::sleep(REST_AFTER_ERROR).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection until the server ends it, or a cut does. Both sockets close with it.
async fn connection(client: TcpStream, proxy: ProxyBuilder) {
    if proxy.up.cut == Some(0) {
        return;
    }
    // A server that cannot be reached looks like one that closes.
    let Ok(server) = TcpStream::connect(&proxy.target).await else {
        return;
    };
    for stream in [&client, &server] {
        // Without it nothing but the figures is worse.
        let _ = stream.set_nodelay(true);
    }
    let (client_reader, client_writer) = client.into_split();
    let (server_reader, server_writer) = server.into_split();
    let up = async {
        let end = carry(client_reader, server_writer, proxy.up).await;
        // A server that no longer reads may still be writing: only the end of that ends the connection.
        if !end.cut {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = up => {}
        _ = carry(server_reader, client_writer, proxy.down) => {}
    }
}

/// How a direction ended. It keeps the halves of the sockets: dropping one would close the other side.
struct Ended {
    cut: bool,
    _reader: OwnedReadHalf,
    _writer: OwnedWriteHalf,
}

/// Carries one direction to its end or its cut. Everything arrives as much later as the direction says, its end too.
async fn carry(mut reader: OwnedReadHalf, mut writer: OwnedWriteHalf, direction: Direction) -> Ended {
    let (sender, mut receiver) = mpsc::channel(IN_FLIGHT);
    let read = async {
        let mut buffer = vec![0; PORTION];
        loop {
            let carried = match reader.read(&mut buffer).await {
                Ok(0) | Err(_) => Carried::End,
                Ok(length) => Carried::Bytes(buffer.get(..length).unwrap_or_default().to_vec()),
            };
            let ends = matches!(carried, Carried::End);
            if sender.send((Instant::now() + direction.delay, carried)).await.is_err() || ends {
                // What was sent is still to be written; nothing more is read.
                return std::future::pending::<bool>().await;
            }
        }
    };
    let write = async {
        let mut left = direction.cut;
        while let Some((when, carried)) = receiver.recv().await {
            if when > Instant::now() {
                tokio::time::sleep_until(when).await;
            }
            let Carried::Bytes(bytes) = carried else {
                // The other side may be gone already; then there is nothing to close.
                let _ = writer.shutdown().await;
                return false;
            };
            let most = left.map_or(bytes.len(), |left| bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
            if writer.write_all(bytes.get(..most).unwrap_or(&bytes)).await.is_err() {
                return false;
            }
            if let Some(left) = &mut left {
                *left -= most as u64;
                if *left == 0 {
                    return true;
                }
            }
        }
        false
    };
    let cut = tokio::select! {
        cut = read => cut,
        cut = write => cut,
    };
    Ended { cut, _reader: reader, _writer: writer }
}
