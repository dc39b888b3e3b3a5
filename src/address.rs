//! URLs: what a pasted base URL means, what may stand in a path for an id, and where an output may be fetched from.
//!
//! A gateway's response, and then a server's redirect, decides where a download goes; without [`Reach`] it could be led to
//! what only this machine can reach. It judges URLs, and the addresses that a name resolves to.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use url::{Host, Url};

use crate::error::{Error, Result, Violation};

/// The groups of operations below `/v1`, of which users paste the whole URL as base URL.
const GROUPS: [&str; 4] = ["videos", "images", "audio", "general"];

/// Kling's own server for machines outside of China; the other one is at api-beijing.
pub(crate) const KLING: &str = "https://api-singapore.klingai.com";

/// Whether a URL is one of Kling's own servers, which have no prefix before `/v1`.
pub(crate) fn is_kling(url: &Url) -> bool {
    let name = url.domain().unwrap_or_default().trim_end_matches('.');
    name.strip_suffix(".klingai.com").is_some_and(|name| name.starts_with("api") && !name.contains('.'))
}

/// Where outputs may be fetched from.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    /// The base URL: its host may be fetched from, by its scheme.
    base: Arc<Url>,
    /// The caller allows every address.
    private: bool,
}

impl Reach {
    pub(crate) fn new(base: &Url, private: bool) -> Self {
        Self { base: Arc::new(base.clone()), private }
    }

    /// The objection to a URL, if there is one. Names its host, and nothing else of it.
    pub(crate) fn objection(&self, url: &Url) -> Option<String> {
        let Some(host) = url.host() else { return Some("it names no host".to_owned()) };
        let is_own = self.base.host() == Some(host.clone()) || is_loopback(&self.base) && is_loopback(url);
        if is_own && (url.scheme() == "https" || url.scheme() == self.base.scheme()) {
            return None;
        }
        if url.scheme() != "https" {
            return Some(format!(
                "{host} would be requested by {}, which shows the output to everyone in between",
                url.scheme()
            ));
        }
        let place = place(&host).filter(|_| !self.private)?;
        Some(format!("{host} is {place}"))
    }

    /// Whether a name may lead to an address.
    pub(crate) fn admits(&self, name: &str, address: IpAddr) -> bool {
        // Local proxies answer every name with these, and send what arrives there on to the real address.
        let is_proxys = matches!(address, IpAddr::V4(address) if matches!(address.octets(), [198, 18..=19, ..]));
        let is_own = || self.base.host_str().is_some_and(|own| own.eq_ignore_ascii_case(name));
        let is_local = || is_loopback(&self.base) && name == "localhost" && address.is_loopback();
        is_proxys || place_of(address).is_none() || self.private || is_own() || is_local()
    }
}

/// Whether a URL is on the server of a base URL and below its path: so it is the gateway's own.
pub(crate) fn is_below(base: &str, url: &Url) -> bool {
    let Ok(base) = Url::parse(base) else { return false };
    let path = url.path();
    // What some servers take for a separator could lead out again.
    let is_plain = !["%2f", "%5c"].iter().any(|separator| path.to_ascii_lowercase().contains(separator));
    let below = path.strip_prefix(base.path().trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
    base.origin() == url.origin() && url.username().is_empty() && url.password().is_none() && is_plain && below
}

/// The part of a pasted URL before the path of any operation; or what is wrong with it.
pub(crate) fn base_url(pasted: &str, allow_http: bool) -> Result<Url, String> {
    let pasted = pasted.trim();
    let parse = |text: &str| Url::parse(text).map_err(|reason| reason.to_string());
    let mut url = if pasted.contains("://") {
        parse(pasted)?
    } else {
        let plain = parse(&format!("http://{pasted}"))?;
        if is_loopback(&plain) { plain } else { parse(&format!("https://{pasted}"))? }
    };
    match url.scheme() {
        "https" => {}
        "http" if allow_http || is_loopback(&url) => {}
        "http" => return Err("plain http to another machine, which shows the key to everyone in between".to_owned()),
        scheme => return Err(format!("the scheme {scheme}")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL with a user or a password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a URL with a query or a fragment".to_owned());
    }
    let path: Vec<_> = url.path().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let version = path.iter().rposition(|part| part == "v1");
    let version = version.filter(|at| path.get(at + 1).is_none_or(|next| GROUPS.contains(&next.as_str())));
    let mut keep = version.unwrap_or(path.len());
    if path[..keep].last().is_some_and(|part| part == "kling") {
        keep -= 1;
    }
    url.set_path(&path[..keep].join("/"));
    Ok(url)
}

/// A base URL as text, without a slash at its end.
pub(crate) fn base_text(base: &Url) -> &str {
    base.as_str().trim_end_matches('/')
}

/// Whether an id that a server gave can stand in a path, where all but these is escaped.
pub(crate) fn fits_path(id: &str) -> bool {
    !id.is_empty() && !id.contains('\\') && !id.chars().all(|c| c == '.')
}

/// Refuses an id of the caller's that would ask for another resource than a task.
pub(crate) fn check_id(id: &str) -> Result<()> {
    /// The longest id known has 37 characters; an id of the caller's own may be longer, but not a page.
    const LONGEST: usize = 256;
    let changes_path = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '/' | '\\' | '?' | '#' | '%');
    let count = id.chars().count();
    let given = if count == 0 {
        "nothing".to_owned()
    } else if count > LONGEST {
        format!("{count} characters")
    } else if id.contains(changes_path) || id.chars().all(|c| c == '.') {
        "an id with characters that would change the request's path".to_owned()
    } else {
        return Ok(());
    };
    let limit = format!("1–{LONGEST} characters, without spaces and / \\ ? # %, and not only dots");
    Err(Error::invalid("task", vec![Violation::new("id", limit, given)]))
}

/// Whether a URL's host is this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What kind of address a host is that no public server has.
fn place(host: &Host<&str>) -> Option<&'static str> {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            (name == "localhost" || name.ends_with(".localhost")).then_some("this machine")
        }
        Host::Ipv4(address) => place_of((*address).into()),
        Host::Ipv6(address) => place_of((*address).into()),
    }
}

fn place_of(address: IpAddr) -> Option<&'static str> {
    let address = match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(address) => match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] => return Some("a loopback address"),
            // IPv4-mapped, IPv4-compatible, 6to4 or NAT64 address.
            [0, 0, 0, 0, 0, 0xffff | 0, high, low]
            | [0x2002, high, low, ..]
            | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)),
            [0xfc00..=0xfdff, ..] => return Some("a private address"),
            [0xfe80..=0xfeff, ..] => return Some("a link-local address"),
            [0x64, 0xff9b, 1, ..] | [0xff00..=0xffff, ..] => return Some("an address that no public server has"),
            _ => return None,
        },
    };
    Some(match address.octets() {
        [127, ..] => "a loopback address",
        [0, ..] => "an unspecified address",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address",
        [169, 254, ..] => "a link-local address",
        [100, 64..=127, ..] => "a carrier's private address",
        [192, 0, 0, _] | [198, 18..=19, ..] | [224..=255, ..] => "an address that no public server has",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_in_which_users_paste_an_address_means_the_same() {
        for pasted in [
            "https://gateway.example",
            "https://gateway.example/",
            "https://gateway.example/v1",
            "https://gateway.example/v1/",
            "https://gateway.example/kling/v1",
            "https://gateway.example/v1/videos/text2video",
            "https://gateway.example/kling/v1/images/generations",
            " https://GATEWAY.example:443/kling/v1/videos/text2video/ ",
            "gateway.example",
            "gateway.example/kling",
        ] {
            assert_eq!(base_text(&base_url(pasted, false).unwrap()), "https://gateway.example", "{pasted}");
        }
        for (pasted, base) in [
            ("https://gateway.example:8443/relay/v1", "https://gateway.example:8443/relay"),
            ("https://gateway.example/relay/kling/v1", "https://gateway.example/relay"),
            ("https://gateway.example/v1/relay", "https://gateway.example/v1/relay"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
        ] {
            assert_eq!(base_text(&base_url(pasted, false).unwrap()), base, "{pasted}");
        }
        assert_eq!(base_text(&base_url("http://gateway.example", true).unwrap()), "http://gateway.example");
    }

    #[test]
    fn klings_own_servers_are_known_by_their_names() {
        for (pasted, own) in [
            ("api-singapore.klingai.com", true),
            ("https://API-Beijing.klingai.com/v1/videos/text2video", true),
            ("https://api.klingai.com/v1", true),
            ("https://api-singapore.klingai.com.:443/", true),
            ("https://gateway.example/v1", false),
            ("https://api.klingai.com.gateway.example", false),
            ("https://apiklingai.com", false),
            ("https://klingai.com", false),
            ("https://p2-kling.klingai.com", false),
            ("http://127.0.0.1:8080", false),
        ] {
            assert_eq!(is_kling(&base_url(pasted, false).unwrap()), own, "{pasted}");
        }
    }

    #[test]
    fn an_address_that_would_show_the_key_or_lead_elsewhere_is_refused() {
        for pasted in [
            "",
            "http://gateway.example",
            "http://127.0.0.1.example",
            "ftp://gateway.example",
            "https://user:secret@gateway.example",
            "https://gateway.example?key=1",
            "https://gateway.example/#v1",
        ] {
            let reason = base_url(pasted, false).expect_err(pasted);
            assert!(!reason.contains("secret"), "{reason}");
        }
    }

    fn reach(base: &str, private: bool) -> Reach {
        Reach::new(&Url::parse(base).unwrap(), private)
    }

    fn public() -> Reach {
        reach("https://gateway.example", false)
    }

    fn passes(reach: &Reach, url: &str) -> bool {
        reach.objection(&Url::parse(url).unwrap()).is_none()
    }

    #[test]
    fn only_https_and_only_public_addresses_unless_the_caller_allows_more() {
        for (host, public) in [
            ("cdn.example.com", true),
            ("localhost.example.com", true),
            ("8.8.8.8", true),
            ("172.15.0.1", true),
            ("172.32.0.1", true),
            ("100.63.0.1", true),
            ("100.128.0.1", true),
            ("223.255.255.255", true),
            ("[2606:4700::1111]", true),
            ("[::ffff:8.8.8.8]", true),
            ("localhost", false),
            ("LOCALHOST.", false),
            ("videos.localhost", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("0x7f.1", false),
            ("2130706433", false),
            ("0.0.0.0", false),
            ("10.0.0.1", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("[::]", false),
            ("[::1]", false),
            ("[::ffff:127.0.0.1]", false),
            ("[::ffff:a9fe:a9fe]", false),
            ("[::10.0.0.1]", false),
            ("[2002:a00:1::]", false),
            ("[64:ff9b::10.0.0.1]", false),
            ("[fc00::1]", false),
            ("[fdff::1]", false),
            ("[fe80::1]", false),
            ("[fec0::1]", false),
            ("[ff02::1]", false),
        ] {
            let url = format!("https://{host}/a.mp4?Signature=s");
            let anywhere = reach("https://gateway.example", true);
            assert_eq!(passes(&self::public(), &url), public, "{host}");
            assert!(passes(&anywhere, &url), "{host}");
            assert!(!passes(&anywhere, &url.replacen("https", "http", 1)), "{host}");
        }
        assert!(!passes(&public(), "ftp://example.com/a.mp4") && !passes(&public(), "data:video/mp4,x"));
    }

    #[test]
    fn outputs_may_be_on_the_host_of_the_base_url_by_its_scheme() {
        for (base, url, passing) in [
            ("https://10.1.2.3", "https://10.1.2.3:9000/a", true),
            ("https://10.1.2.3", "http://10.1.2.3/a", false),
            ("https://10.1.2.3", "https://10.1.2.4/a", false),
            ("http://kling.internal:8080", "http://kling.internal:9000/a", true),
            ("http://kling.internal:8080", "http://cdn.internal/a", false),
            ("https://gateway.example", "https://localhost/a", false),
        ] {
            assert_eq!(passes(&reach(base, false), url), passing, "{base} {url}");
        }
        assert!(reach("http://kling.internal", false).admits("kling.internal", "10.0.0.7".parse().unwrap()));
        assert!(!reach("http://kling.internal", false).admits("cdn.example", "10.0.0.7".parse().unwrap()));
        let sandbox = reach("http://127.0.0.1:7", false);
        for url in ["http://127.0.0.1:7/a", "https://localhost/a", "http://[::1]:7/a", "https://example.com/a"] {
            assert!(passes(&sandbox, url), "{url}");
        }
        for url in ["http://example.com/a", "https://10.0.0.1/a", "http://10.0.0.1/a", "ftp://127.0.0.1/a"] {
            assert!(!passes(&sandbox, url), "{url}");
        }
    }

    #[test]
    fn a_name_may_lead_only_to_public_addresses_unless_the_caller_allows_more() {
        let sandbox = reach("http://127.0.0.1:7", false);
        for (address, is_public) in [
            ("8.8.8.8", true),
            ("2606:4700::1111", true),
            ("64:ff9b::8.8.8.8", true),
            ("198.18.0.7", true),
            ("198.19.255.255", true),
            ("198.20.0.1", true),
            ("127.0.0.1", false),
            ("::1", false),
            ("10.0.0.1", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("::ffff:10.0.0.1", false),
            ("64:ff9b::10.0.0.1", false),
            ("fc00::1", false),
            ("fe80::1", false),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(public().admits("cdn.example.com", address), is_public, "{address}");
            assert_eq!(public().admits("localhost", address), is_public, "{address}");
            assert_eq!(sandbox.admits("cdn.example.com", address), is_public, "{address}");
            assert_eq!(sandbox.admits("localhost", address), is_public || address.is_loopback(), "{address}");
            assert!(reach("https://gateway.example", true).admits("cdn.example.com", address), "{address}");
        }
    }

    #[test]
    fn only_a_url_on_the_server_of_the_base_url_and_below_its_path_is_the_gateways_own() {
        for (base, url, own) in [
            ("https://gw.example", "https://gw.example/v1/videos/7/content", true),
            ("https://gw.example", "https://GW.example:443/v1/videos/7/content?a=b", true),
            ("https://gw.example", "https://gw.example/", true),
            ("https://gw.example/relay", "https://gw.example/relay/v1/videos/7/content", true),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000/v1/videos/7/content", true),
            ("https://gw.example/relay", "https://gw.example/relay", false),
            ("https://gw.example/relay", "https://gw.example/relayed/v1/videos/7/content", false),
            ("https://gw.example/relay", "https://gw.example/v1/videos/7/content", false),
            ("https://gw.example/relay", "https://gw.example/relay/../admin", false),
            ("https://gw.example/relay", "https://gw.example/relay/%2e%2e/admin", false),
            ("https://gw.example/relay", "https://gw.example/relay/..%2fadmin", false),
            ("https://gw.example/relay", "https://gw.example/relay/..%5Cadmin", false),
            ("https://gw.example", "http://gw.example/v1/videos/7/content", false),
            ("https://gw.example", "https://gw.example:8443/v1/videos/7/content", false),
            ("https://gw.example", "https://gw.example./v1/videos/7/content", false),
            ("https://gw.example", "https://cdn.gw.example/v1/videos/7/content", false),
            ("https://gw.example", "https://gw.example.org/v1/videos/7/content", false),
            ("https://gw.example", "https://user@gw.example/v1/videos/7/content", false),
            ("https://gw.example", "https://:secret@gw.example/v1/videos/7/content", false),
            ("http://127.0.0.1:3000", "http://localhost:3000/v1/videos/7/content", false),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3001/v1/videos/7/content", false),
        ] {
            assert_eq!(is_below(base, &Url::parse(url).unwrap()), own, "{url} below {base}");
        }
    }

    #[test]
    fn an_objection_names_the_host_and_nothing_that_is_signed() {
        let url = Url::parse("https://user:secret@10.1.2.3/path-secret?Signature=secret").unwrap();
        assert_eq!(public().objection(&url).unwrap(), "10.1.2.3 is a private address");
    }
}
