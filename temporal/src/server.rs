//! The connection to the Temporal server.

use std::time::Duration;

use clap::Args;
use kling_cli::failure::{Failure, Result};
use temporalio_client::{Client, ClientOptions, Connection, RetryOptions};
use url::Url;

/// The Temporal server. TLS, and all else that other programs take from the environment and `temporal.toml`, is taken from
/// there.
#[derive(Args, Clone)]
#[command(next_help_heading = "Temporal server")]
pub struct Server {
    /// URL of the Temporal server; overrides TEMPORAL_ADDRESS. https is TLS, and needs a build with the feature tls
    #[arg(long, global = true, value_name = "URL")]
    pub address: Option<Url>,

    /// Namespace; overrides TEMPORAL_NAMESPACE
    #[arg(long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
}

impl Server {
    /// Connects, and retries calls for this time while the server is away.
    ///
    /// # Errors
    /// If the settings are invalid, or the server cannot be reached.
    pub async fn connect(&self, retry: Duration) -> Result<Client> {
        let settings = ClientOptions::load_from_config(Default::default());
        let (mut connection, mut client) =
            settings.map_err(|reason| Failure::invalid(format!("temporal: {reason}")))?;
        connection.target = self.address.clone().unwrap_or(connection.target);
        client.namespace = self.namespace.clone().unwrap_or(client.namespace);
        connection.retry_options = RetryOptions::builder().max_elapsed_time(Some(retry)).max_retries(1000).build();
        let is_https = connection.target.scheme() == "https";
        connection.tls_options = connection.tls_options.or_else(|| is_https.then(Default::default));
        // Over http the client would leave out TLS without a word.
        if connection.tls_options.is_some() && !(is_https && cfg!(feature = "tls")) {
            return Err(Failure::invalid("address: expected https and a build with the feature tls, as TLS is set"));
        }
        let unreachable = format!("the Temporal server at {} cannot be reached", connection.target);
        let connection = Connection::connect(connection).await;
        let connection = connection.map_err(|reason| Failure::other("connect", format!("{unreachable}: {reason}")))?;
        Client::new(connection, client).map_err(failed)
    }
}

/// A failure of the server.
pub fn failed(reason: impl ToString) -> Box<Failure> {
    Failure::other("temporal", reason.to_string())
}
