use clap::Parser;

use super::*;
use crate::args::Args;

/// The target of a command line, in an environment with one key in it.
fn target(line: &[&str]) -> Result<Option<Target>, String> {
    let line = ["batch"].iter().chain(line);
    let args = Args::try_parse_from(line).expect("sound options");
    let variable = |name: &str| match name {
        "OPENAI_API_KEY" | "KEY" => Some("sk-secret\n".to_owned()),
        "EMPTY" => Some(" ".to_owned()),
        _ => None,
    };
    Target::on_the_web(&args.web, variable)
}

fn sound(line: &[&str]) -> Target {
    target(line).expect("sound").expect("on the web")
}

#[test]
fn a_password_becomes_a_header_and_is_never_shown() {
    let target = sound(&[
        "--url",
        "https://me:pass%40word@example.com:8443/v1?key=AIza123&x",
    ]);
    assert_eq!(
        target.uri.to_string(),
        "https://example.com:8443/v1?key=AIza123&x"
    );
    assert_eq!(target.name(), "example.com:8443");
    assert_eq!(target.address(), "https://example.com:8443/v1?***");
    assert_eq!(target.headers[AUTHORIZATION], "Basic bWU6cGFzc0B3b3Jk");
    assert!(
        target
            .shown_headers()
            .contains(&"authorization: Basic ***".to_owned())
    );
    let hidden = target
        .secrets
        .hide("me:pass@word pass@word bWU6cGFzc0B3b3Jk AIza123");
    assert_eq!(hidden, "*** *** *** ***");
    let debugged = format!("{target:?}");
    assert!(
        !debugged.contains("pass") && !debugged.contains("bWU6"),
        "{debugged}"
    );
}

#[test]
fn headers_come_from_the_line_and_from_the_environment() {
    let url = ["--url", "https://example.com"];
    let line = [
        "--header",
        "X-Org: acme-corp",
        "--header-env",
        "Authorization=Bearer KEY",
    ];
    let target = sound(&[url, ["--header", "content-type: text/plain"]].concat());
    assert_eq!(target.headers[CONTENT_TYPE], "text/plain");
    let target = sound(&[&url[..], &line].concat());
    assert_eq!(target.uri.path(), "/");
    assert_eq!(target.headers["x-org"], "acme-corp");
    assert_eq!(target.headers[AUTHORIZATION], "Bearer sk-secret");
    let shown = target.shown_headers().join("\n");
    assert!(shown.contains("authorization: Bearer ***\n") || shown.ends_with("Bearer ***"));
    assert!(shown.contains("x-org: ***") && shown.contains("content-type: application/json"));
    assert_eq!(target.secrets.hide("key sk-secret"), "key ***");
}

#[test]
fn a_known_api_gets_its_key_and_nobody_else_does() {
    let chat = ["--as", "openai-chat", "--model", "m"];
    let target = sound(&chat);
    assert_eq!(target.uri, "https://api.openai.com/v1/chat/completions");
    assert_eq!(target.headers[AUTHORIZATION], "Bearer sk-secret");
    for url in [
        "https://api.openai.com.example.com/v1",
        "http://api.openai.com/v1",
    ] {
        let target = sound(&[&chat[..], &["--url", url]].concat());
        assert!(!target.headers.contains_key(AUTHORIZATION), "{url}");
    }
    let own = sound(&[&chat[..], &["--header", "Authorization: Bearer mine"]].concat());
    assert_eq!(own.headers[AUTHORIZATION], "Bearer mine");
    let error = self::target(&["--as", "anthropic-messages", "--model", "m"]).expect_err("no key");
    assert!(error.contains("ANTHROPIC_API_KEY"), "{error}");
}

#[test]
fn errors_say_what_is_needed_and_quote_nothing() {
    let url = ["--url", "https://example.com/"];
    for (line, says) in [
        (&["--url", "example.com/s3cret"][..], "an address such as"),
        (
            &["--url", "ftp://me:s3cret@example.com"],
            "an address such as",
        ),
        (&["--url", "https://me:s3cret@exa mple.com/"], "the host"),
        (&["--url", "https://example.com/ s3cret"], "after the host"),
        (&["--header", "X: s3cret"], "--header needs --url"),
        (&[&url[..], &["--header", "s3cret"]].concat(), "no colon"),
        (
            &[&url[..], &["--header", "s3 cret: x"]].concat(),
            "no name of a header",
        ),
        (
            &[&url[..], &["--header", "host: s3cret"]].concat(),
            "`host` follows",
        ),
        (&[&url[..], &["--header", "x: s3cret\n"]].concat(), ""),
        (
            &[&url[..], &["--header", "x: s3cret\ny: z"]].concat(),
            "no header may have",
        ),
        (&[&url[..], &["--header", "x:"]].concat(), "no value"),
        (
            &[&url[..], &["--header-env", "s3cret"]].concat(),
            "an equals sign",
        ),
        (
            &[&url[..], &["--header-env", "x=s3cret-1"]].concat(),
            "no name of a variable",
        ),
        (
            &[&url[..], &["--header-env", "x=NONE"]].concat(),
            "is not set",
        ),
        (
            &[&url[..], &["--header-env", "x=EMPTY"]].concat(),
            "is not set",
        ),
    ] {
        let error = target(line).err().unwrap_or_default();
        assert!(
            error.contains(says) && !error.contains("s3cret"),
            "{line:?}: {error}"
        );
    }
}

#[test]
fn a_secret_in_the_clear_is_noticed() {
    let exposed = |url| sound(&["--url", url, "--header", "X-Key: secret"]).is_exposed();
    assert!(exposed("http://example.com/"));
    assert!(!exposed("https://example.com/"));
    for near in [
        "http://localhost:8080/",
        "http://127.0.0.1/",
        "http://[::1]:80/",
    ] {
        assert!(!exposed(near), "{near}");
    }
    assert!(!sound(&["--url", "http://example.com/"]).is_exposed());
}
