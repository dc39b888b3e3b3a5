//! Where a video may be fetched from: by `https`, and from no address that is literally within a private network.
//!
//! What a gateway answers, and then what a server redirects to, decides where a download goes; without this it could be
//! led to what only this machine can reach. Names are not resolved here, so a name that leads to such an address passes.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::client::is_loopback;

/// What a client may reach for a video.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The API itself is on this machine, a sandbox then, and so may its videos be, by plain `http` too.
    pub(crate) loopback: bool,
    /// The caller allows every address.
    pub(crate) private: bool,
}

impl Reach {
    /// What speaks against a URL, if anything does. Names its host, and nothing else of it.
    pub(crate) fn objection(self, url: &Url) -> Option<String> {
        if self.loopback && is_loopback(url) && matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let Some(host) = url.host() else { return Some("it names no host".to_owned()) };
        if url.scheme() != "https" {
            return Some(format!("{host} is to be asked by {}, which shows the video to all in between", url.scheme()));
        }
        let place = place(&host).filter(|_| !self.private)?;
        Some(format!("{host} is {place}"))
    }
}

/// What kind of address a host is that no public server has.
fn place(host: &Host<&str>) -> Option<&'static str> {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            (name == "localhost" || name.ends_with(".localhost")).then_some("this machine")
        }
        Host::Ipv4(address) => place_v4(*address),
        Host::Ipv6(address) => place_v6(*address),
    }
}

fn place_v4(address: Ipv4Addr) -> Option<&'static str> {
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

fn place_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_loopback() {
        return Some("a loopback address");
    }
    match address.segments() {
        // An IPv4 address in the clothes of IPv6: mapped, compatible, by 6to4, or by a translator of the network.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x2002, high, low, ..] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            place_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        [0xfc00..=0xfdff, ..] => Some("a private address"),
        [0xfe80..=0xfeff, ..] => Some("a link-local address"),
        [0x64, 0xff9b, 1, ..] | [0xff00..=0xffff, ..] => Some("an address that no public server has"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: Reach = Reach { loopback: false, private: false };

    fn passes(reach: Reach, url: &str) -> bool {
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
            assert_eq!(passes(PUBLIC, &url), public, "{host}");
            assert!(passes(Reach { private: true, ..PUBLIC }, &url), "{host}");
            assert!(!passes(Reach { private: true, ..PUBLIC }, &url.replacen("https", "http", 1)), "{host}");
        }
        assert!(!passes(PUBLIC, "ftp://example.com/a.mp4") && !passes(PUBLIC, "data:video/mp4,x"));
    }

    #[test]
    fn a_sandbox_serves_its_videos_on_this_machine_and_nowhere_else_within() {
        let sandbox = Reach { loopback: true, ..PUBLIC };
        for url in ["http://127.0.0.1:7/a", "https://localhost/a", "http://[::1]:7/a", "https://example.com/a"] {
            assert!(passes(sandbox, url), "{url}");
        }
        for url in ["http://example.com/a", "https://10.0.0.1/a", "http://10.0.0.1/a", "ftp://127.0.0.1/a"] {
            assert!(!passes(sandbox, url), "{url}");
        }
    }

    #[test]
    fn an_objection_names_the_host_and_nothing_that_is_signed() {
        let url = Url::parse("https://user:secret@10.1.2.3/path-secret?Signature=secret").unwrap();
        assert_eq!(PUBLIC.objection(&url).unwrap(), "10.1.2.3 is a private address");
    }
}
