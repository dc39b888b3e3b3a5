//! The connection to the Temporal server.

use std::fmt;
use std::time::Duration;

use clap::Args;
use kling_cli::failure::{Failure, Result};
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions, RetryOptions};
use url::Url;

/// Where the Temporal server is.
#[derive(Args, Clone)]
#[command(next_help_heading = "Temporal server")]
pub struct Server {
    /// URL of the Temporal server; https needs a build with the feature tls
    #[arg(long, global = true, env = "TEMPORAL_ADDRESS", default_value = "http://127.0.0.1:7233", value_name = "URL")]
    pub address: String,

    /// Namespace, with a retention that is longer than the gateway keeps tasks
    #[arg(long, global = true, env = "TEMPORAL_NAMESPACE", default_value = "default", value_name = "NAME")]
    pub namespace: String,

    /// File with the certificate of the server's authority. Default: those of the system
    #[cfg(feature = "tls")]
    #[arg(long, global = true, env = "TEMPORAL_TLS_SERVER_CA_CERT_PATH", value_name = "FILE")]
    pub tls_ca: Option<std::path::PathBuf>,

    /// File with the client's certificate
    #[cfg(feature = "tls")]
    #[arg(long, global = true, env = "TEMPORAL_TLS_CLIENT_CERT_PATH", requires = "tls_key", value_name = "FILE")]
    pub tls_cert: Option<std::path::PathBuf>,

    /// File with the client's private key
    #[cfg(feature = "tls")]
    #[arg(long, global = true, env = "TEMPORAL_TLS_CLIENT_KEY_PATH", requires = "tls_cert", value_name = "FILE")]
    pub tls_key: Option<std::path::PathBuf>,
}

impl Server {
    /// Connects, and retries calls for this time while the server is away.
    ///
    /// # Errors
    /// If the address is none, or the server cannot be reached.
    pub async fn connect(&self, retry: Duration) -> Result<Client> {
        let text = if self.address.contains("://") { self.address.clone() } else { format!("http://{}", self.address) };
        let address = Url::parse(&text)
            .map_err(|reason| Failure::invalid(format!("address: expected a URL, given another text: {reason}")))?;
        if address.scheme() != "http" && !cfg!(feature = "tls") {
            return Err(Failure::invalid(
                "address: expected http, given https, which needs a build with --features tls",
            ));
        }
        let retries = RetryOptions::builder().max_elapsed_time(Some(retry)).max_retries(1000).build();
        let options = ConnectionOptions::new(address)
            .identity(format!("kling-temporal {}", std::process::id()))
            .retry_options(retries)
            .maybe_tls_options(self.tls(&text)?)
            .build();
        let unreachable = |reason: &dyn fmt::Display| {
            Failure::other("connect", format!("the Temporal server at {} cannot be reached: {reason}", self.address))
        };
        let connection = Connection::connect(options).await.map_err(|reason| unreachable(&reason))?;
        Client::new(connection, ClientOptions::new(self.namespace.as_str()).build())
            .map_err(|reason| unreachable(&reason))
    }

    #[cfg(not(feature = "tls"))]
    fn tls(&self, _address: &str) -> Result<Option<temporalio_client::TlsOptions>> {
        Ok(None)
    }

    #[cfg(feature = "tls")]
    fn tls(&self, address: &str) -> Result<Option<temporalio_client::TlsOptions>> {
        use temporalio_client::{ClientTlsOptions, TlsOptions};
        if !address.starts_with("https") {
            return Ok(None);
        }
        let read = |file: &Option<std::path::PathBuf>| {
            let read = file.as_ref().map(|file| std::fs::read(file).map_err(|reason| (file, reason)));
            read.transpose().map_err(|(file, reason)| Failure::invalid(format!("{}: {reason}", file.display())))
        };
        let client = read(&self.tls_cert)?.zip(read(&self.tls_key)?);
        let client = client.map(|(cert, key)| ClientTlsOptions { client_cert: cert, client_private_key: key });
        let options = TlsOptions::builder().maybe_server_root_ca_cert(read(&self.tls_ca)?);
        Ok(Some(options.maybe_client_tls_options(client).build()))
    }
}
