//! Origins: the host and port that a request is sent to, or that a response comes from.
//!
//! reqwest follows redirects by itself, so another host may answer than the one that was asked. What
//! that one says, it does not say about the upstream of the call.

use std::num::NonZeroU64;

/// A host and port, told from others by a number. Two that share a number are taken for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin(NonZeroU64);

/// The exchanges of which it matters which host answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origins {
    /// None: the call has no upstream.
    #[default]
    Unused,
    /// Those that failed: the upstream is idle, and learns of nothing else.
    OfFailures,
    /// All.
    OfAll,
}

impl Origin {
    /// Returns the origin with this host, and with this port, if it is not the default one.
    #[inline]
    pub(crate) fn new(host: &str, port: Option<u16>) -> Self {
        // The ends of two hosts are the same more often than their lengths and beginnings are, too.
        let host = host.as_bytes();
        let first = host.first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
        let last = host.last_chunk().map_or_else(|| short(host), |last| u64::from_le_bytes(*last));
        let rest = ((host.len() as u64) << 32) | u64::from(port.unwrap_or_default());
        let number = first.rotate_left(23) ^ last ^ rest.rotate_left(7);
        Self(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
    }

    /// Returns the origin of a URL, as reqwest writes it: in lower case, without a default port.
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match host.rsplit_once(':') {
            Some((before, port)) if !port.ends_with(']') => (before, port.parse().ok()),
            _ => (host, None),
        };
        Some(Self::new(host, port))
    }
}

/// Packs fewer than eight bytes.
#[cold]
fn short(host: &[u8]) -> u64 {
    host.iter().take(8).fold(0, |packed, byte| (packed << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_the_origin_of_its_host_and_port() {
        let of = |url| Origin::of_url(url).unwrap();
        for url in
            ["https://api.github.com", "https://api.github.com/user?q=/#a", "https://u:p@api.github.com/"]
        {
            assert_eq!(of(url), Origin::new("api.github.com", None), "{url}");
        }
        assert_eq!(of("http://127.0.0.1:8080/x"), Origin::new("127.0.0.1", Some(8080)));
        assert_eq!(of("http://[::1]/x"), Origin::new("[::1]", None));
        assert_eq!(of("http://[::1]:80/x"), Origin::new("[::1]", Some(80)));
        assert_eq!(Origin::of_url("withheld:"), None);
    }

    #[test]
    fn hosts_and_ports_are_told_apart() {
        let all = [
            "api.github.com",
            "codeload.github.com",
            "api-1.example.com",
            "api-2.example.com",
            "a",
            "b",
            "t.co",
        ];
        for (at, one) in all.iter().enumerate() {
            assert_ne!(Origin::new(one, None), Origin::new(one, Some(8080)));
            for other in &all[..at] {
                assert_ne!(Origin::new(one, None), Origin::new(other, None), "{one} {other}");
            }
        }
    }
}
