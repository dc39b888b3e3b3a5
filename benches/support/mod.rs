//! What the benchmarks share: a server in this process that reads requests and answers, and meters of the process.

#![allow(dead_code, reason = "each benchmark uses a part")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// A server on the loopback that takes any request and answers with a task. Gives its address.
pub fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    base
}

fn serve(mut stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::with_capacity(1 << 18, stream.try_clone().ok()?);
    let mut sink = vec![0; 1 << 18];
    loop {
        let (mut length, mut line) = (0, String::new());
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        while length > 0 {
            let take = sink.len().min(length);
            length -= reader.read(&mut sink[..take]).ok().filter(|count| *count > 0)?;
        }
        let body = r#"{"code":0,"message":"SUCCEED","request_id":"r","data":{"task_id":"7001","task_status":"processing","task_info":{},"created_at":1764235825029,"updated_at":1764235825029}}"#;
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).ok()?;
    }
}

/// Processor time of all threads of this process that still live, in milliseconds.
pub fn cpu() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let times = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok());
    times.filter_map(|text| text.split_whitespace().next()?.parse::<f64>().ok()).sum::<f64>() / 1e6
}

/// The most memory this process held at a time since the last [`reset_peak`], in MB.
pub fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// Makes the memory held now the peak.
pub fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
