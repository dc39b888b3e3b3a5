//! Memory and CPU time of submitting four images of 10 MB, once and 16 at a time: `cargo bench --bench upload`.
//!
//! Each way runs in a process of its own against one server in this one: Base64 text through the bare generated client,
//! which uses reqwest's `.json()`; one buffer of the right size; this crate; and the floor, which sends as many constant
//! bytes.

mod support;

use std::process::Command;

use generated::types::{CreateMultiImageToVideoBody, CreateMultiImageToVideoBodyImageListItem};
use kling_client::{Client, Image, MultiImageToVideo};

const IMAGE: usize = 10 * 1024 * 1024;
/// Odd, so that there is a middle one.
const ROUNDS: usize = 31;
const WAYS: [&str; 4] = ["json", "buffer", "kling", "floor"];

/// The generated client without the facade.
#[allow(missing_docs, clippy::all, dead_code, unused_imports, reason = "generated, and used in part")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/generated.rs"));

    impl ClientHooks<crate::transport::Exchange> for Client {}
}

/// What the generated client carries from one call to the next: nothing.
mod transport {
    #[derive(Clone, Debug)]
    pub struct Exchange;
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--way") {
        return run(&arguments[at + 1], arguments[at + 2].parse().expect("a count"), &arguments[at + 3]);
    }
    // Client and server on a core each, as far as there are two: else the scheduler is measured as well.
    let this = std::env::current_exe().expect("this program");
    if !std::env::args().any(|argument| argument == "--pinned") {
        match Command::new("taskset").args(["-c", "1"]).arg(&this).arg("--pinned").status() {
            Ok(end) if end.success() => return,
            _ => println!("without taskset and two cores"),
        }
    }
    let base = support::server();
    let image = std::env::temp_dir().join(format!("kling-bench-{}.png", std::process::id()));
    let mut bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/images/cat.png")).expect("the image");
    bytes.resize(IMAGE, 7);
    std::fs::write(&image, bytes).expect("a temporary file");
    let measure = |way: &str, count: usize| {
        let arguments = ["--way", way, &count.to_string(), &base];
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", "0"]).arg(&this).args(arguments).env("IMAGE", &image);
        let run = pinned.output().or_else(|_| Command::new(&this).args(arguments).env("IMAGE", &image).output());
        let text = String::from_utf8_lossy(&run.expect("a process").stdout).into_owned();
        let mut numbers = text.split_whitespace().filter_map(|number| number.parse::<f64>().ok());
        (numbers.next().unwrap_or(f64::NAN), numbers.next().unwrap_or(f64::NAN))
    };
    for count in [1, 16] {
        println!("\n{count} request(s) of 4 × 10 MB      peak above idle   processor");
        let rounds = if count == 1 { ROUNDS } else { ROUNDS / 2 };
        for (way, rounds) in WAYS.iter().zip([5, 5, rounds, rounds]) {
            // Each beside the floor of the same moment: the machine has other things to do.
            let runs: Vec<_> = (0..rounds).map(|_| (measure(way, count), measure("floor", count).1)).collect();
            let memory = runs.iter().map(|((memory, _), _)| *memory).fold(0.0, f64::max);
            let cpu = median(runs.iter().map(|((_, cpu), _)| *cpu).collect());
            let ratio = median(runs.iter().map(|((_, cpu), floor)| cpu / floor).collect());
            println!("{way:<28} {memory:>14.1} MB {cpu:>8.0} ms   {ratio:>5.2} × the floor");
        }
    }
    let _ = std::fs::remove_file(image);
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn run(way: &str, count: usize, base: &str) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let image = std::path::PathBuf::from(std::env::var_os("IMAGE").expect("the image"));
    let endpoint = format!("{base}/kling/v1/videos/multi-image2video");
    let http = reqwest::Client::new();
    let client = Client::builder("sk-1")
        .base_url(base)
        .early_response_pause(std::time::Duration::ZERO)
        .build()
        .expect("a client");
    runtime.block_on(async {
        // One small request first, so that the connection and what is made lazily do not count.
        let warm = http.get(&endpoint).send().await.expect("a response");
        let _ = warm.bytes().await;
        let _ = client.task(kling_client::Operation::MultiImageToVideo, "7001").expect("a task").refresh().await;
        support::reset_peak();
        let (memory, cpu) = (support::peak(), support::cpu());
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..count {
            let (http, client, endpoint, image) = (http.clone(), client.clone(), endpoint.clone(), image.clone());
            let raw = generated::Client::new_with_client(base, http.clone(), transport::Exchange);
            let way = way.to_owned();
            tasks.spawn(async move {
                match way.as_str() {
                    "kling" => {
                        let images = [(); 4].map(|()| Image::file(&image));
                        let request =
                            MultiImageToVideo::builder().images(images).prompt("x").build().expect("a request");
                        client.submit(request).await.expect("a task");
                    }
                    "json" => {
                        let item = || CreateMultiImageToVideoBodyImageListItem { image: Some(encoded(&image)) };
                        let body = CreateMultiImageToVideoBody::builder()
                            .model_name("kling-v1-6".to_owned())
                            .image_list([(); 4].map(|()| item()))
                            .prompt("x".to_owned())
                            .mode("std".to_owned())
                            .duration("5".to_owned());
                        raw.create_multi_image_to_video().body(body).send().await.expect("a response");
                    }
                    "buffer" => {
                        use base64::Engine as _;
                        let engine = base64::engine::general_purpose::STANDARD;
                        let mut body = String::with_capacity(4 * (IMAGE.div_ceil(3) * 4 + 16) + 128);
                        body.push_str(r#"{"model_name":"kling-v1-6","image_list":["#);
                        for n in 0..4 {
                            let bytes = std::fs::read(&image).expect("the image");
                            body.push_str(if n == 0 { r#"{"image":""# } else { r#","{"image":""# });
                            engine.encode_string(bytes, &mut body);
                            body.push_str("\"}");
                        }
                        body.push_str(r#"],"prompt":"x","mode":"std","duration":"5"}"#);
                        http.post(endpoint).body(body).send().await.expect("a response");
                    }
                    _ => {
                        let length = 4 * (IMAGE.div_ceil(3) * 4);
                        let chunk = bytes::Bytes::from_static(&[b'x'; 64 * 1024]);
                        let chunks =
                            (0..length.div_ceil(chunk.len())).map(move |_| Ok::<_, std::io::Error>(chunk.clone()));
                        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
                        let length = length.div_ceil(64 * 1024) * 64 * 1024;
                        http.post(endpoint)
                            .header("content-length", length)
                            .body(body)
                            .send()
                            .await
                            .expect("a response");
                    }
                }
            });
        }
        while tasks.join_next().await.is_some() {}
        println!("{} {}", support::peak() - memory, support::cpu() - cpu);
    });
}

fn encoded(image: &std::path::Path) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(std::fs::read(image).expect("the image"))
}
