//! Which class a request is of, and how much time it has.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use axum::http::{HeaderMap, Request};
use serde_json::Value;
use tower_throttle::queue::Priority;

use crate::config::Config;
use crate::headers::KEYS;

/// The header that names a request's class.
pub(crate) const PRIORITY: &str = "x-gateway-priority";

/// The header that says how long a request may wait until it is sent.
pub(crate) const DEADLINE: &str = "x-gateway-deadline";

/// What was found of a request, in its extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) class: Priority,
    time_left: Option<Duration>,
}

impl Wish {
    /// Reads what a request's headers and its body say. `None` if a header of the gateway's own says nothing
    /// that is known.
    pub(crate) fn read(config: &Config, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let class = match headers.get(PRIORITY) {
            Some(name) => named(name.to_str().ok()?)?,
            None => in_body(config.priority_field.as_deref(), body).unwrap_or_default(),
        };
        let time_left = match headers.get(DEADLINE) {
            Some(time) => Some(humantime::parse_duration(time.to_str().ok()?).ok()?),
            None => None,
        };
        let class = if config.fair_keys {
            class.class(of_key(headers))
        } else {
            class
        };
        Some(Self { class, time_left })
    }
}

fn named(name: &str) -> Option<Priority> {
    match name {
        "interactive" => Some(Priority::INTERACTIVE),
        "normal" => Some(Priority::NORMAL),
        "batch" => Some(Priority::BATCH),
        _ => None,
    }
}

/// The class that a field of a JSON body names, if it names one.
fn in_body(pointer: Option<&str>, body: &[u8]) -> Option<Priority> {
    let body: Value = serde_json::from_slice(pointer.map(|_| body)?).ok()?;
    named(body.pointer(pointer?)?.as_str()?)
}

/// A number for the key that a request comes with. The key itself is not kept.
fn of_key(headers: &HeaderMap) -> u32 {
    let key = KEYS.iter().find_map(|name| headers.get(name));
    let mut hasher = DefaultHasher::new();
    key.map(|key| key.as_bytes()).hash(&mut hasher);
    hasher.finish() as u32
}

/// The class of a request, as the queue asks for it.
pub(crate) fn class<B>(request: &Request<B>) -> Priority {
    let wish = request.extensions().get::<Wish>();
    wish.map_or_else(Priority::default, |wish| wish.class)
}

/// How much time a request has, as the queue asks for it.
pub(crate) fn time_left<B>(request: &Request<B>) -> Option<Duration> {
    request.extensions().get::<Wish>()?.time_left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        set: impl FnOnce(&mut Config),
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Option<Wish> {
        let mut config = Config::new(Vec::new());
        set(&mut config);
        let of =
            |(name, value): &(&'static str, &str)| (name.parse().unwrap(), value.parse().unwrap());
        let headers = headers.iter().map(of).collect();
        Wish::read(&config, &headers, body.as_bytes())
    }

    #[test]
    fn a_header_names_the_class_before_the_body_does() {
        let field =
            |config: &mut Config| config.priority_field = Some("/metadata/class".to_owned());
        let body = r#"{"metadata":{"class":"batch"}}"#;
        let class = |wish: Option<Wish>| wish.unwrap().class;
        assert_eq!(class(read(field, &[], body)), Priority::BATCH);
        assert_eq!(class(read(|_| (), &[], body)), Priority::NORMAL);
        let header = [(PRIORITY, "interactive")];
        assert_eq!(class(read(field, &header, body)), Priority::INTERACTIVE);
        for other in [
            "",
            "[",
            r#"{"metadata":{"class":7}}"#,
            r#"{"metadata":{"class":"auto"}}"#,
        ] {
            assert_eq!(class(read(field, &[], other)), Priority::NORMAL, "{other}");
        }
    }

    #[test]
    fn a_header_of_its_own_that_it_does_not_know_is_refused() {
        for header in [
            (PRIORITY, "urgent"),
            (PRIORITY, ""),
            (DEADLINE, "soon"),
            (DEADLINE, "-1s"),
        ] {
            assert!(read(|_| (), &[header], "").is_none(), "{header:?}");
        }
        let wish = read(|_| (), &[(DEADLINE, "1m 30s")], "").unwrap();
        assert_eq!(wish.time_left, Some(Duration::from_secs(90)));
    }

    #[test]
    fn keys_share_by_number_and_do_not_show() {
        let keys = |config: &mut Config| config.fair_keys = true;
        let of = |name, key| read(keys, &[(name, key)], "").unwrap();
        let one = of("authorization", "Bearer one");
        assert_ne!(one.class, of("authorization", "Bearer two").class);
        assert_ne!(one.class, of("x-api-key", "one").class);
        assert_eq!(one.class, of("authorization", "Bearer one").class);
        assert!(!format!("{one:?}").contains("Bearer"));
        let without = read(|_| (), &[("authorization", "Bearer one")], "").unwrap();
        assert_eq!(without.class, Priority::NORMAL);
    }
}
