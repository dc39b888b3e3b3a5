//! The HTTP clients that the crate makes for itself, with the TLS that its features choose.

use crate::error::{Error, ErrorKind, Result, chain};

/// Whether this build can speak `https` by itself.
pub(crate) const AVAILABLE: bool = cfg!(any(feature = "rustls-no-provider", feature = "native-tls"));

/// A client of our own. One that will only speak plain http on this machine does not look for the machine's certificates.
pub(crate) fn http_client(
    secure: bool,
    configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client> {
    let builder = configure(reqwest::Client::builder().user_agent(concat!("kling-client/", env!("CARGO_PKG_VERSION"))));
    with_tls(builder, secure)?.build().map_err(|reason| {
        Error::new(ErrorKind::Other, "client", format!("the http client cannot be made: {}", chain(&reason)))
    })
}

/// rustls with the provider that the program installed, or else with the one that comes with the feature `rustls`.
#[cfg(feature = "rustls-no-provider")]
fn with_tls(builder: reqwest::ClientBuilder, secure: bool) -> Result<reqwest::ClientBuilder> {
    use rustls::crypto::CryptoProvider;
    use rustls_platform_verifier::BuilderVerifierExt as _;

    let failed =
        |reason: rustls::Error| Error::new(ErrorKind::Other, "client", format!("TLS cannot be set up: {reason}"));
    let Some(provider) = CryptoProvider::get_default().cloned().or_else(own_provider) else {
        return Err(Error::new(ErrorKind::Other, "client", "TLS has no crypto provider").with_hint(
            "install one with rustls::crypto::CryptoProvider::install_default, or enable the feature rustls",
        ));
    };
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| match secure {
            true => config.with_platform_verifier(),
            false => Ok(config.with_root_certificates(rustls::RootCertStore::empty())),
        })
        .map_err(failed)?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(builder.tls_backend_preconfigured(config))
}

#[cfg(feature = "rustls")]
fn own_provider() -> Option<std::sync::Arc<rustls::crypto::CryptoProvider>> {
    Some(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
fn own_provider() -> Option<std::sync::Arc<rustls::crypto::CryptoProvider>> {
    None
}

#[cfg(not(feature = "rustls-no-provider"))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature with every feature")]
fn with_tls(builder: reqwest::ClientBuilder, _secure: bool) -> Result<reqwest::ClientBuilder> {
    Ok(builder)
}
