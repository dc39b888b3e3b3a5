//! The HTTP clients that the crate makes for itself, with the TLS that its features choose.

use crate::error::{Error, ErrorKind, Result, chain};

/// Whether this build can speak `https` by itself.
pub(crate) const AVAILABLE: bool =
    cfg!(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"));

/// A client of our own. One that will only speak plain http on this machine does not look for the machine's certificates.
pub(crate) fn http_client(
    secure: bool,
    configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client> {
    require_provider()?;
    let builder = reqwest::Client::builder().user_agent(concat!("kling-client/", env!("CARGO_PKG_VERSION")));
    let builder = if secure { builder } else { without_certificates(builder) };
    configure(builder).build().map_err(|reason| {
        Error::new(ErrorKind::Other, "client", format!("the http client cannot be made: {}", chain(&reason)))
    })
}

#[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
fn without_certificates(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder.tls_certs_only(std::iter::empty())
}

#[cfg(not(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls")))]
fn without_certificates(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder
}

/// reqwest panics where it finds no provider.
#[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
fn require_provider() -> Result<()> {
    match rustls::crypto::CryptoProvider::get_default() {
        Some(_) => Ok(()),
        None => Err(Error::new(ErrorKind::Other, "client", "TLS has no crypto provider").with_hint(
            "install one with rustls::crypto::CryptoProvider::install_default, or enable the feature rustls",
        )),
    }
}

#[cfg(not(all(feature = "rustls-no-provider", not(feature = "rustls"))))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature with every feature")]
fn require_provider() -> Result<()> {
    Ok(())
}
