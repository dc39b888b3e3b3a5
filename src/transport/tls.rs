//! The HTTP clients that the crate makes for itself, with whatever TLS reqwest has in this program.

use std::any::TypeId;
use std::iter::Empty;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, ErrorKind, Result, chain};
use crate::transport::NO_TOTAL_LIMIT;

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

/// A caller's settings for the HTTP clients that the crate makes.
pub(crate) type ConfigureHttp = dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync;

/// Makes an HTTP client with the caller's settings, and above them `ours`. One that is not `secure` speaks plain http
/// alone, and does not load the machine's certificates.
pub(crate) fn http_client(
    secure: bool,
    user: Option<&ConfigureHttp>,
    ours: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client> {
    let failed = |message: String| Error::new(ErrorKind::Other, "client", message);
    let builder = reqwest::Client::builder().user_agent(concat!("kling-client/", env!("CARGO_PKG_VERSION")));
    let builder = if secure { builder } else { builder.tls_certs_only(std::iter::empty()) };
    let builder = match user {
        // reqwest's read timeout also counts while an upload is under way, and no request can name another one.
        Some(user) => user(builder).timeout(NO_TOTAL_LIMIT).read_timeout(NO_TOTAL_LIMIT),
        None => builder,
    };
    // Any crate of the program can turn decompression on, and with it `Accept-Encoding`; we decode by ourselves.
    let builder = ours(builder.no_gzip().no_brotli().no_zstd().no_deflate());
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
        let client = match http_client(true, None, |builder| builder.no_proxy()) {
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

    #[tokio::test]
    async fn a_callers_settings_are_kept_except_redirects_and_timeouts() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let user = |builder: reqwest::ClientBuilder| {
            let instant = std::time::Duration::from_nanos(1);
            let builder = builder.user_agent("mine").no_proxy().redirect(reqwest::redirect::Policy::limited(5));
            builder.timeout(instant).read_timeout(instant)
        };
        let none = reqwest::redirect::Policy::none;
        let client = match http_client(false, Some(&user), |builder| builder.redirect(none())) {
            Ok(client) => client,
            Err(error) => return assert!(error.message().contains("no crypto provider"), "{error}"),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let count = stream.read(&mut request).await.unwrap();
            stream.write_all(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&request[..count]).into_owned()
        };
        let (response, request) = tokio::join!(client.get(url).send(), server);
        assert_eq!(response.unwrap().status(), 302);
        assert!(request.contains("user-agent: mine\r\n") && !request.contains("accept-encoding"), "{request}");
    }
}
