//! HTTP clients of your own: through a proxy, and with TLS settings and certificates of your own.
//!
//! `cargo run --example custom_http_client [-- DIRECTORY]`, with `CA_FILE` set to trust one more authority (PEM)
//!
//! There are two, because there are two ways: to the API with the key, and to the videos without it. The library keeps
//! its limits of time on both; what it asks of yours is said where it is set.

mod shared;

use std::time::Duration;

use kling_client::Client;
use kling_sandbox::{Proxy, Sandbox};
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().task_time(Duration::from_secs(1)).start().await?;
    let to_api = Proxy::to(sandbox.base_url()).start().await?;
    let to_videos = Proxy::to(sandbox.video_origin()).start().await?;

    // No redirects, because an answer from elsewhere is never taken for one to a paid request; and no `read_timeout`,
    // which would cut a long upload.
    let api = with_own_tls(reqwest::Client::builder())?
        .proxy(reqwest::Proxy::all(to_api.base_url())?)
        .redirect(Policy::none())
        .build()?;
    // No referer, which would tell the signed URL of a video to where it redirects.
    let videos = with_own_tls(reqwest::Client::builder())?
        .proxy(reqwest::Proxy::all(to_videos.base_url())?)
        .referer(false)
        .build()?;

    // Nothing answers on this port: only the proxy leads to the API.
    let client = Client::builder(sandbox.api_key())
        .base_url("http://localhost:1")
        .http_client(api)
        .download_client(videos)
        .build()?;
    let task = client.submit(&shared::request()?).await?;
    let directory = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    let path = task.wait().await?.download(std::path::Path::new(&directory).join("proxied.mp4")).await?;
    println!("wrote {}, all of it through proxies", path.display());
    Ok(())
}

/// Nothing older than TLS 1.2, and one more authority than the machine trusts, if there is one.
fn with_own_tls(builder: ClientBuilder) -> Result<ClientBuilder, Box<dyn std::error::Error>> {
    let builder = builder.tls_version_min(reqwest::tls::Version::TLS_1_2);
    Ok(match std::env::var_os("CA_FILE") {
        Some(path) => builder.tls_certs_merge(Certificate::from_pem_bundle(&std::fs::read(path)?)?),
        None => builder,
    })
}
