//! Origins: the host and port that a request is sent to, or that a response comes from.
//!
//! reqwest follows redirects by itself, so another host may answer than the one that was asked.
//! What that one says, it does not say about the upstream of the call.

use std::num::NonZeroU64;

/// A host and port, by their first 16 bytes. Two that share these are taken for one, as most are
/// that belong together.
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
    /// The origin of a request that is not to be sent.
    pub(crate) const NOWHERE: Self = Self(NonZeroU64::MAX);

    /// Returns the origin of a URL of HTTP, as reqwest writes it: in lower case, without a default
    /// port and without credentials.
    #[inline]
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        let url = url.as_bytes();
        let start = if url.get(4) == Some(&b's') { "https://".len() } else { "http://".len() };
        let rest = url.get(start..)?;
        let bytes = rest.first_chunk().map_or_else(|| padded(rest), |bytes| u128::from_le_bytes(*bytes));
        #[allow(clippy::cast_possible_truncation, reason = "it is taken apart")]
        let (first, second) = (bytes as u64, (bytes >> 64) as u64);
        let number = match before_slash(first) {
            u64::MAX => first ^ (second & before_slash(second)).rotate_left(29),
            kept => first & kept,
        };
        Some(Self(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN)))
    }
}

/// Returns a mask of the bytes before the first slash, all of them if there is none.
#[inline]
const fn before_slash(bytes: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let differs = bytes ^ (LOW * b'/' as u64);
    // The lowest set bit is that of the first byte that is a slash.
    let found = differs.wrapping_sub(LOW) & !differs & (LOW << 7);
    if found == 0 { u64::MAX } else { (found & found.wrapping_neg()).wrapping_sub(1) >> 7 }
}

/// Pads fewer than 16 bytes.
#[cold]
fn padded(bytes: &[u8]) -> u128 {
    let mut padded = [b'/'; 16];
    padded.iter_mut().zip(bytes).for_each(|(padded, byte)| *padded = *byte);
    u128::from_le_bytes(padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Origin {
        Origin::of_url(url).unwrap()
    }

    #[test]
    fn a_url_has_the_origin_of_its_host_and_port() {
        for urls in [
            ["https://api.github.com/", "https://api.github.com/user?q=/#a", "http://api.github.com/x"],
            ["http://a/", "http://a/b", "http://a/bcdefghijklmnopqrst"],
            ["http://abcdefgh/", "http://abcdefgh/b", "http://abcdefgh/bcdefghijklmnopqrst"],
            ["http://[::1]:80/x", "http://[::1]:80/y", "http://[::1]:80/"],
        ] {
            assert!(urls.windows(2).all(|pair| of(pair[0]) == of(pair[1])), "{urls:?}");
        }
        assert_eq!(Origin::of_url("data:"), None);
    }

    #[test]
    fn hosts_and_ports_are_told_apart() {
        let all = [
            "api.github.com",
            "codeload.github.com",
            "objects.githubusercontent.com",
            "api-1.example.com",
            "api-2.example.com",
            "127.0.0.1:8080",
            "127.0.0.1:8081",
            "a",
            "b",
            "ab",
            "t.co",
            "abcdefgh",
            "abcdefghi",
        ];
        for (at, one) in all.iter().enumerate() {
            for other in &all[..at] {
                assert_ne!(
                    of(&format!("https://{one}/x")),
                    of(&format!("https://{other}/x")),
                    "{one} {other}"
                );
            }
        }
    }
}
