//! Telling a server that two requests are one.

use fastrand::Rng;
use http::{HeaderName, HeaderValue};

pub(super) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// How an `Idempotency-Key` is written.
///
/// The key is a random UUID (version 4 of RFC 9562). It has to be unique, not secret: its 122
/// random bits come from a fast generator and are no protection against somebody who guesses.
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
    pub(super) fn generate(self) -> HeaderValue {
        let mut bits = Rng::new().u128(..);
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
        HeaderValue::try_from(key).expect("digits, dashes and quotes are legal in a header")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_random_uuid_of_version_4() {
        for _ in 0..100 {
            let key = IdempotencyKey::Bare.generate();
            let parts: Vec<_> = key
                .to_str()
                .unwrap()
                .split('-')
                .map(str::to_owned)
                .collect();
            assert_eq!(
                parts.iter().map(String::len).collect::<Vec<_>>(),
                [8, 4, 4, 4, 12]
            );
            assert!(parts[2].starts_with('4'));
            assert!(matches!(parts[3].as_bytes()[0], b'8' | b'9' | b'a' | b'b'));
            assert_ne!(key, IdempotencyKey::Bare.generate());
        }
    }

    #[test]
    fn is_quoted_where_it_should_be() {
        let key = IdempotencyKey::Quoted.generate();
        let key = key.to_str().unwrap();
        assert!(key.starts_with('"') && key.ends_with('"') && key.len() == 38);
    }
}
