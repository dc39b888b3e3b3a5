//! A proxy before the sandbox that kills the worker at a chosen moment of a submit, once for each video.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Process;

/// Moment of a submit at which the worker dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The look-up before the POST is under way: the submit has not begun.
    Before,
    /// Half of the POST is sent.
    During,
    /// The POST is received and charged; the worker has not read the response.
    Answered,
    /// The server knows the task, and the first poll is sent.
    After,
}

/// The worker to kill, and the ids for which it was killed.
#[derive(Default)]
pub struct Victim {
    pub worker: Mutex<Option<Process>>,
    pub killed: Mutex<HashSet<String>>,
}

impl Victim {
    /// Waits for so many deaths.
    pub async fn died(&self, times: usize) {
        let began = std::time::Instant::now();
        while self.killed.lock().unwrap().len() < times {
            assert!(
                began.elapsed() < std::time::Duration::from_secs(60),
                "the worker does not die for the {times}th time"
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Kills the worker, the first time for this id.
    fn kills(&self, id: &str) -> bool {
        let first = self.killed.lock().unwrap().insert(id.to_owned());
        if first && let Some(worker) = &mut *self.worker.lock().unwrap() {
            worker.kill();
        }
        first
    }
}

/// Starts the proxy; its base URL.
pub async fn start(target: &str, moment: Moment, victim: Arc<Victim>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let target = target.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, target.clone(), moment, Arc::clone(&victim)));
        }
    });
    format!("http://{address}")
}

async fn serve(client: TcpStream, target: String, moment: Moment, victim: Arc<Victim>) -> Option<()> {
    let upstream = TcpStream::connect(target).await.ok()?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_upstream, mut to_upstream) = upstream.into_split();
    let posted = Arc::new(Mutex::new(None::<String>));
    let (victim_up, posted_up) = (Arc::clone(&victim), Arc::clone(&posted));
    let up = async move {
        let mut buffer = Vec::new();
        loop {
            let mut chunk = [0; 64 * 1024];
            match from_client.read(&mut chunk).await.ok()? {
                0 => return None::<()>,
                length => buffer.extend_from_slice(&chunk[..length]),
            }
            while let Some(length) = whole(&buffer) {
                let request: Vec<u8> = buffer.drain(..length).collect();
                let text = String::from_utf8_lossy(&request).into_owned();
                let last = text.split(' ').nth(1)?.split('?').next()?.rsplit('/').next()?.to_owned();
                let is_post = text.starts_with("POST ");
                let external = text.split_once("\"external_task_id\":\"").map(|(_, rest)| rest[..36].to_owned());
                let is_uuid = last.len() == 36;
                let is_task = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
                match moment {
                    Moment::Before if is_uuid && victim_up.kills(&last) => return None,
                    Moment::After if is_task && victim_up.kills(&last) => return None,
                    Moment::During if is_post && !victim_up.killed.lock().unwrap().contains(external.as_ref()?) => {
                        to_upstream.write_all(&request[..request.len() - 40]).await.ok()?;
                        to_upstream.flush().await.ok()?;
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                        victim_up.kills(external.as_ref()?);
                        return None;
                    }
                    Moment::Answered if is_post => *posted_up.lock().unwrap() = external,
                    _ => {}
                }
                to_upstream.write_all(&request).await.ok()?;
            }
        }
    };
    let down = async move {
        loop {
            let mut chunk = [0; 64 * 1024];
            let length = from_upstream.read(&mut chunk).await.ok().filter(|length| *length > 0)?;
            let external = posted.lock().unwrap().take();
            if external.is_some_and(|external| victim.kills(&external)) {
                return None::<()>;
            }
            to_client.write_all(&chunk[..length]).await.ok()?;
        }
    };
    tokio::select! { _ = up => {} _ = down => {} }
    Some(())
}

/// Length of the first request, if it is there whole.
fn whole(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().unwrap());
    (buffer.len() >= head + length).then_some(head + length)
}
