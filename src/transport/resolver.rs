//! The HTTP client for outputs, and its resolver, which drops the private addresses that a name resolves to.
//!
//! It resolves as the system does. What it returns is what is connected to, so a name cannot be checked with one address
//! and fetched from another. A proxy is resolved by it, too, and mostly has a private address: the system's proxies are
//! exempt.

use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::Reach;
use crate::error::sources;
use crate::transport::tls::{self, ConfigureHttp};

/// Returns the client for outputs: without the key, and never from `https` to anything less.
pub(crate) fn download_client(reach: Reach, user: Option<&ConfigureHttp>) -> crate::error::Result<reqwest::Client> {
    /// A CDN redirects once or twice.
    const MAX_REDIRECTS: usize = 5;
    let resolver = Resolver { reach: reach.clone(), proxies: proxies(&Matcher::from_system()) };
    tls::http_client(true, user, |builder| {
        let policy = reqwest::redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > MAX_REDIRECTS {
                return attempt.error("too many redirects");
            }
            match reach.objection(attempt.url()) {
                Some(objection) => attempt.error(objection),
                None => attempt.follow(),
            }
        });
        // A `Referer` would carry the signed URL to the redirect's target.
        builder.redirect(policy).referer(false).dns_resolver(resolver)
    })
}

struct Resolver {
    reach: Reach,
    proxies: Arc<[String]>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, proxies) = (self.reach.clone(), Arc::clone(&self.proxies));
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(admitted(&reach, &proxies, name.as_str(), found)?)
        })
    }
}

/// The hosts of the proxies for outputs.
fn proxies(system: &Matcher) -> Arc<[String]> {
    let of = |url| system.intercept(&Uri::from_static(url))?.uri().host().map(str::to_ascii_lowercase);
    ["https://output.invalid", "http://output.invalid"].into_iter().filter_map(of).collect()
}

/// Those of a name's addresses that may be connected to.
fn admitted(
    reach: &Reach,
    proxies: &[String],
    name: &str,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<Addrs, PrivateName> {
    let is_proxy = proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(name));
    let (admitted, dropped): (Vec<_>, Vec<_>) = found.partition(|address| is_proxy || reach.admits(name, address.ip()));
    if admitted.is_empty() && !dropped.is_empty() {
        return Err(PrivateName(name.to_owned()));
    }
    Ok(Box::new(admitted.into_iter()))
}

#[derive(Debug)]
struct PrivateName(String);

impl fmt::Display for PrivateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} resolves to private addresses only", self.0)
    }
}

impl StdError for PrivateName {}

/// Returns the objection to the host of a request, if that is why it failed.
pub(crate) fn objection(failure: &reqwest::Error) -> Option<String> {
    sources(failure).find_map(|error| Some(error.downcast_ref::<PrivateName>()?.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public() -> Reach {
        Reach::new(&url::Url::parse("https://gateway.example").unwrap(), false)
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn of_a_names_addresses_the_private_ones_are_dropped_unless_it_is_a_proxy() {
        let proxies = ["proxy.corp".to_owned()];
        for (name, found, kept) in [
            ("cdn.example", &["8.8.8.8", "10.0.0.1", "fe80::1"][..], Some(&["8.8.8.8"][..])),
            ("cdn.example", &["198.18.0.9"], Some(&["198.18.0.9"])),
            ("cdn.example", &["10.0.0.1", "127.0.0.1"], None),
            ("cdn.example", &[], Some(&[])),
            ("proxy.corp", &["10.0.0.1"], Some(&["10.0.0.1"])),
            ("PROXY.corp", &["127.0.0.1"], Some(&["127.0.0.1"])),
        ] {
            let result = admitted(&public(), &proxies, name, addresses(found).into_iter());
            let result = result.ok().map(Iterator::collect::<Vec<_>>);
            assert_eq!(result, kept.map(addresses), "{name} {found:?}");
        }
    }

    #[test]
    fn the_systems_proxies_are_known_by_their_hosts() {
        let both = Matcher::builder().https("http://Proxy.corp:3128").http("localhost:7890").build();
        assert_eq!(*proxies(&both), ["proxy.corp", "localhost"]);
        assert!(proxies(&Matcher::builder().all("http://proxy.corp").no("*").build()).is_empty());
        assert!(proxies(&Matcher::builder().build()).is_empty());
    }

    /// Resolves every name to one address.
    struct Always(SocketAddr);

    impl Resolve for Always {
        fn resolve(&self, name: Name) -> Resolving {
            let found = admitted(&public(), &[], name.as_str(), [self.0].into_iter());
            Box::pin(async { Ok(found?) })
        }
    }

    #[tokio::test]
    async fn a_request_to_a_name_with_private_addresses_alone_fails_with_that_reason() {
        let [private] = addresses(&["10.0.0.1"])[..] else { unreachable!("one address") };
        let client = reqwest::Client::builder().no_proxy().dns_resolver(Always(private)).build().unwrap();
        let failure = client.get("http://cdn.example/cat.mp4?Signature=s").send().await.unwrap_err();
        assert_eq!(objection(&failure).as_deref(), Some("cdn.example resolves to private addresses only"));
    }
}
