//! Telling a server that two requests are one.

use http::{HeaderMap, HeaderName, HeaderValue};
use rand::TryRng;
use rand::rngs::SysRng;

pub(super) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// How an `Idempotency-Key` is written.
///
/// The key is a random UUID (version 4 of RFC 9562). Its 122 random bits come from the operating
/// system, so no two requests share one, whatever any generator in the program is seeded with. Where the
/// operating system has no randomness to give, the request is sent without a key, and is repeated only
/// as one without a key may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdempotencyKey {
    /// Without quotes, as APIs in practice expect it: Stripe, Adyen and others take the header's
    /// value as it stands.
    Bare,
    /// In quotes, as `draft-ietf-httpapi-idempotency-key-header` has it: the header is a string
    /// of a structured field (RFC 9651). For servers that parse it as such.
    Quoted,
}

impl IdempotencyKey {
    /// Adds a key to headers that have none, and take one more.
    pub(super) fn add_to(self, headers: &mut HeaderMap) {
        if !headers.contains_key(HEADER) {
            if let Ok(key) = self.generate(&mut SysRng) {
                let _ = headers.try_insert(HEADER, key);
            }
        }
    }

    fn generate<R: TryRng>(self, random: &mut R) -> Result<HeaderValue, R::Error> {
        let mut bytes = [0; 16];
        random.try_fill_bytes(&mut bytes)?;
        let mut bits = u128::from_be_bytes(bytes);
        // RFC 9562, section 5.4: the version in bits 48 to 51, the variant in bits 64 and 65.
        bits = bits & !(0xf << 76) | 0x4 << 76;
        bits = bits & !(0x3 << 62) | 0x2 << 62;
        let hex = format!("{bits:032x}");
        let quote = if self == Self::Quoted { "\"" } else { "" };
        let key = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ]
        .join("-");
        let key = format!("{quote}{key}{quote}");
        Ok(HeaderValue::try_from(key).expect("digits, dashes and quotes are legal in a header"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::tests::NoRandomness;

    fn key(kind: IdempotencyKey) -> String {
        let key = kind.generate(&mut SysRng).unwrap();
        key.to_str().unwrap().to_owned()
    }

    #[test]
    fn is_a_random_uuid_of_version_4() {
        for _ in 0..100 {
            let key = key(IdempotencyKey::Bare);
            let parts: Vec<_> = key.split('-').collect();
            let lengths = parts.iter().map(|part| part.len());
            assert_eq!(lengths.collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
            assert!(parts[2].starts_with('4'));
            assert!(matches!(parts[3].as_bytes()[0], b'8' | b'9' | b'a' | b'b'));
        }
    }

    #[test]
    fn is_quoted_where_it_should_be() {
        let key = key(IdempotencyKey::Quoted);
        assert!(key.starts_with('"') && key.ends_with('"') && key.len() == 38);
    }

    #[test]
    fn no_randomness_gives_no_key() {
        assert!(IdempotencyKey::Bare.generate(&mut NoRandomness).is_err());
    }

    #[test]
    fn a_key_of_the_callers_own_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static("mine"));
        IdempotencyKey::Bare.add_to(&mut headers);
        assert_eq!(headers[HEADER], "mine");
    }
}
