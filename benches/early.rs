//! How often an early response survives: `cargo bench --bench early`.
//!
//! A server that refuses by the headers alone (such as 413) responds, closes with the body unread, and so resets the
//! connection during the upload. Counts how many of 30 requests of 40 MB were reported as that response, by the pause
//! between headers and body, on loopback and through a proxy that adds 50 ms each way.

use std::time::Duration;

use kling_client::{Client, Image, MultiImageToVideo};
use kling_sandbox::{Endpoint, Fault, Proxy, Sandbox, ScriptedResponse};

const TRIES: usize = 30;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        println!("{:<28} {:>10} {:>10} {:>10}", "survived of 30, pause", "none", "5 ms", "200 ms");
        let mut image =
            std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/images/cat.png")).expect("an image");
        image.resize(10 * 1024 * 1024, 7);
        let image = bytes::Bytes::from(image);
        for status in [401, 413, 429] {
            for delayed in [false, true] {
                let sandbox = Sandbox::start().await.expect("a sandbox");
                sandbox.fault_always(Endpoint::Create, Fault::early(ScriptedResponse::new(status)));
                let proxy =
                    Proxy::to(sandbox.base_url()).delay(Duration::from_millis(50)).start().await.expect("a proxy");
                let base = if delayed { proxy.base_url() } else { sandbox.base_url().to_owned() };
                let mut row = format!("{status} {:<24}", if delayed { "through 50 ms" } else { "on loopback" });
                for pause in [0, 5, 200] {
                    let client = Client::builder(sandbox.api_key())
                        .base_url(&base)
                        .max_attempts(1)
                        .look_up_at([])
                        .early_response_pause(Duration::from_millis(pause))
                        .build()
                        .expect("a client");
                    let mut survived = 0;
                    for _ in 0..TRIES {
                        let images = [(); 4].map(|()| Image::bytes(image.clone()));
                        let request =
                            MultiImageToVideo::builder().images(images).prompt("x").build().expect("a request");
                        let error = client.submit(request).await.expect_err("it is refused");
                        survived += usize::from(error.http_status() == Some(status));
                    }
                    row += &format!(" {survived:>10}");
                }
                println!("{row}");
            }
        }
    });
}
