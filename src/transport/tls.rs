//! The HTTP clients that the crate makes for itself, with whatever TLS reqwest has in this program.

use std::any::TypeId;
use std::iter::Empty;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, ErrorKind, Result, chain};

/// Stands in for methods that reqwest has only with TLS. Where any crate of the program turned that on, reqwest's own come
/// first; the features of this crate do not tell.
#[allow(dead_code, reason = "whether they are used is decided by the features of another crate")]
trait WithoutTls: Sized {
    fn tls_certs_only(self, _certificates: Empty<()>) -> Self {
        self
    }

    fn tls_info(self, _wanted: bool) -> NoTls {
        NoTls
    }
}

impl WithoutTls for reqwest::ClientBuilder {}

struct NoTls;

/// Whether reqwest can speak `https` in this program.
pub(crate) fn is_available() -> bool {
    fn type_of<T: 'static>(_: T) -> TypeId {
        TypeId::of::<T>()
    }
    type_of(reqwest::Client::builder().tls_info(false)) != TypeId::of::<NoTls>()
}

/// A client of our own. One that will only speak plain http on this machine does not look for the machine's certificates.
pub(crate) fn http_client(
    secure: bool,
    configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client> {
    let failed = |message: String| Error::new(ErrorKind::Other, "client", message);
    let builder = reqwest::Client::builder().user_agent(concat!("kling-client/", env!("CARGO_PKG_VERSION")));
    let builder = if secure { builder } else { builder.tls_certs_only(std::iter::empty()) };
    let builder = configure(builder);
    // reqwest panics where rustls finds no crypto provider, and has no other way to tell beforehand.
    let built = catch_unwind(AssertUnwindSafe(|| builder.build())).map_err(|_| {
        failed("TLS has no crypto provider".to_owned())
            .with_hint("install one with rustls::crypto::CryptoProvider::install_default, or enable the feature rustls")
    })?;
    built.map_err(|reason| failed(format!("the http client cannot be made: {}", chain(&reason))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also run with features of reqwest and none of this crate; see `.ci/run`.
    #[tokio::test]
    async fn there_is_tls_where_reqwest_speaks_it() {
        let client = match http_client(true, |builder| builder.no_proxy()) {
            Ok(client) => client,
            Err(error) => return assert!(is_available() && error.message().contains("no crypto provider"), "{error}"),
        };
        // No server listens on the lowest port.
        let refused = client.get("https://127.0.0.1:1").send().await.expect_err("nobody is there");
        assert_eq!(is_available(), !chain(&refused).contains("scheme is not http"), "{}", chain(&refused));
        let made = crate::Client::builder("key").base_url("https://gateway.example").build();
        assert_eq!(made.is_ok(), is_available());
        assert!(crate::Client::builder("key").base_url("http://127.0.0.1:1").build().is_ok());
    }
}
