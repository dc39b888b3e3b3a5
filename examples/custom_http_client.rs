//! HTTP settings of your own: a proxy, TLS versions, and a certificate authority.
//!
//! `cargo run --example custom_http_client [-- DIRECTORY]`, with `CA_FILE` set to trust one more authority (PEM)
//!
//! The settings apply to the client of the API and to that of the downloads. Redirects, the referer and timeouts are set
//! after them: these decide whether a paid request can be repeated.

mod shared;

use std::path::Path;
use std::time::Duration;

use kling_client::Client;
use kling_sandbox::{Proxy, Sandbox};
use reqwest::{Certificate, Url};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let task_time = Duration::from_secs(1);
    let sandbox = Sandbox::builder().task_time(task_time).start().await?;
    let (to_api, to_videos) = (Proxy::to(sandbox.base_url()), Proxy::to(sandbox.video_origin()));
    let (to_api, to_videos) = (to_api.start().await?, to_videos.start().await?);

    // Each proxy of the sandbox leads to one server. With one for all, this is `reqwest::Proxy::all("http://proxy:3128")`.
    let (api, videos) = (Url::parse(&to_api.base_url())?, Url::parse(&to_videos.base_url())?);
    let of = move |url: &Url| if url.port() == Some(1) { api.clone() } else { videos.clone() };
    let authority = match std::env::var_os("CA_FILE") {
        Some(path) => Certificate::from_pem_bundle(&std::fs::read(path)?)?,
        None => Vec::new(),
    };

    // No server listens on this port: only the proxy leads to the API.
    let client = Client::builder(sandbox.api_key())
        .base_url("http://localhost:1")
        .configure_http(move |http| {
            let of = of.clone();
            http.proxy(reqwest::Proxy::custom(move |url| Some(of(url))))
                .tls_version_min(reqwest::tls::Version::TLS_1_2)
                .tls_certs_merge(authority.clone())
        })
        .expected(task_time)
        .build()?;
    let task = client.submit(shared::request()?).await?;
    let directory = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    let path = task.wait().await?.download(Path::new(&directory).join("proxied.mp4")).await?;
    println!("wrote {}, all of it through proxies", path.display());
    Ok(())
}
