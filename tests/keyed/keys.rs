//! The ready-made keys.

use std::collections::HashSet;

use http::{HeaderValue, Request};
use tower_throttle::keyed::{Account, Credential, Host};

fn host(uri: &str) -> Host {
    Host::of(&Request::get(uri).body(()).unwrap())
}

#[test]
fn hosts_are_compared_by_name_and_port() {
    let same = [
        ("https://a.test/x", "https://a.test:443/y?z"),
        ("http://a.test/", "http://A.TEST:80/"),
        ("https://user:secret@a.test/", "https://a.test/"),
        ("http://[::1]:8080/", "http://[::1]:8080/v1"),
    ];
    for (one, other) in same {
        assert_eq!(host(one), host(other));
    }
    let different = [
        ("https://a.test/", "https://b.test/"),
        ("https://a.test/", "http://a.test/"),
        ("https://a.test/", "https://a.test:8443/"),
        ("https://a.test/", "https://a.test.b/"),
    ];
    for (one, other) in different {
        assert_ne!(host(one), host(other));
    }
    assert!(!format!("{:?}", host("https://user:secret@a.test/")).contains("secret"));
}

#[test]
fn a_long_name_is_a_name_too() {
    for len in [1, 45, 46, 47, 100, 255, 256, 300] {
        let name = "a".repeat(len);
        let host = host(&format!("https://{name}/"));
        assert_eq!(host.name(), name);
        assert_eq!(host, Host::new(&name.to_uppercase(), Some(443)));
    }
}

#[test]
fn a_uri_without_a_host_has_the_headers() {
    let of = |value: &[u8]| {
        let value = HeaderValue::from_bytes(value).unwrap();
        Host::of(&Request::get("/v1").header("host", value).body(()).unwrap())
    };
    assert_eq!(of(b"a.test:8080"), Host::new("a.test", Some(8080)));
    assert_eq!(of(b"a.test").name(), "a.test");
    for odd in [&b"\xff"[..], b"", b"a b", b"http://a.test/", b"user@"] {
        assert_eq!(of(odd).port(), None);
    }
    assert_eq!(host("/v1"), Host::new("", None));
}

fn request(name: &'static str, secret: &str, is_sensitive: bool) -> Request<()> {
    let mut value = HeaderValue::from_str(secret).unwrap();
    value.set_sensitive(is_sensitive);
    let request = Request::get("https://a.test/").header(name, value);
    request.body(()).unwrap()
}

#[test]
fn a_credential_is_told_apart_in_any_header_and_marked_or_not() {
    for name in ["authorization", "x-api-key", "api-key", "x-goog-api-key"] {
        let of = |secret, is_sensitive| Credential::of(&request(name, secret, is_sensitive));
        assert_eq!(of("one", true), of("one", false));
        assert_ne!(of("one", true), of("two", true));
        assert!(of("one", true).is_some());
    }
    let other = Credential::of(&request("x-api-key", "one", false));
    assert_ne!(Credential::of(&request("api-key", "one", false)), other);
    assert_eq!(Credential::of(&request("cookie", "one", false)), None);
}

#[test]
fn credentials_do_not_collide() {
    let all: HashSet<_> = (0..100_000)
        .map(|number| Credential::new(format!("sk-{number:06}")))
        .collect();
    assert_eq!(all.len(), 100_000);
    // Nor do parts that are put together alike.
    let two = |a: &str, b: &str| {
        let request = Request::get("/")
            .header("x-api-key", a)
            .header("x-api-key", b);
        Credential::of(&request.body(()).unwrap())
    };
    assert_ne!(two("ab", "c"), two("a", "bc"));
}

#[test]
fn no_credential_is_shown() {
    let account = Account::of(&request("authorization", "Bearer sk-secret", false));
    let shown = format!("{account:?} {:?}", Credential::new("sk-secret"));
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("a.test"));
    assert_ne!(
        account,
        Account::of(&request("authorization", "Bearer sk-other", false))
    );
}

#[cfg(feature = "json")]
#[test]
fn a_model_is_read_wherever_it_stands() {
    use tower_throttle::keyed::Model;

    let name = |body: &str| Model::of_json(body.as_bytes()).map(|model| model.name().to_owned());
    let found = [
        (r#"{"model":"m"}"#, "m"),
        (
            "\n { \"a\" : [1, {\"model\":\"no\"}, \"]\\\"\"] ,\"model\" : \"m\" }",
            "m",
        ),
        (
            r#"{"a":{"b":{}},"c":-1.5e3,"d":null,"model":"m\u0021","model":"n"}"#,
            "m!",
        ),
        (r#"{"a":"\\","model":""}"#, ""),
        (r#"{"model":"m","broken"#, "m"),
    ];
    for (body, model) in found {
        assert_eq!(name(body).as_deref(), Some(model), "{body}");
    }
    let long = format!(r#"{{"model":"{}"}}"#, "x".repeat(257));
    let none = [
        "",
        "{",
        "{}",
        "[]",
        "\"model\"",
        r#"{"model"}"#,
        r#"{"model":1}"#,
        r#"{"model":"x"#,
        r#"{"a":1 "model":"m"}"#,
        r#"{"a":[}"#,
        r#"{"a":"x\"#,
        r#"{,}"#,
        "nonsense",
        &long,
        r#"{"model":"\ud800"}"#,
    ];
    for body in none {
        assert_eq!(name(body), None, "{body}");
    }
}

#[cfg(feature = "json")]
#[test]
fn a_model_is_read_of_a_body_in_memory() {
    use bytes::Bytes;
    use http_body_util::Full;
    use tower_throttle::keyed::Model;

    let request = |body: &'static str| Request::new(Full::new(Bytes::from(body)));
    let model = Model::of(&request(r#"{"model":"m"}"#)).unwrap();
    assert_eq!(
        (model.name(), format!("{model:?}").as_str()),
        ("m", "Model(\"m\")")
    );
    assert_eq!(Model::of(&request("")), None);
}

#[cfg(feature = "json")]
mod any_body {
    use proptest::prelude::*;
    use tower_throttle::keyed::Model;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(body: Vec<u8>) {
            let _ = Model::of_json(&body);
        }

        #[test]
        fn anything_like_json_is_read_without_a_panic(body in r#"[{}\[\]",:\\ amodel1]{0,40}"#) {
            let _ = Model::of_json(body.as_bytes());
            let _ = Model::of_json(format!("{{\"a\":{body},\"model\":\"m\"}}").as_bytes());
        }
    }
}

#[cfg(feature = "reqwest")]
#[test]
fn a_request_of_reqwest_has_keys_too() {
    let client = reqwest::Client::new();
    let request = client
        .get("https://A.test/v1")
        .bearer_auth("one")
        .build()
        .unwrap();
    assert_eq!(Host::of(&request), Host::new("a.test", Some(443)));
    assert!(Credential::of(&request).is_some());
}
