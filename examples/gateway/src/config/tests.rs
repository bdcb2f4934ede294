use clap::{CommandFactory, Parser};

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    config: Config,
}

fn target(text: &str) -> Target {
    text.parse().unwrap()
}

#[test]
fn the_command_is_sound_and_its_defaults_are_those_of_the_library() {
    Line::command().debug_assert();
    let line = Line::try_parse_from(["gateway", "--upstream", "http://localhost:1"]).unwrap();
    let new = Config::new(vec![target("http://localhost:1")]);
    assert_eq!(format!("{:?}", line.config), format!("{new:?}"));
}

#[test]
fn an_address_keeps_what_stands_before_v1() {
    for (text, goes_to) in [
        (
            "https://api.openai.com",
            "https://api.openai.com/v1/models?limit=3",
        ),
        (
            "https://api.openai.com/v1",
            "https://api.openai.com/v1/models?limit=3",
        ),
        (
            "groq=https://api.groq.com/openai/v1/",
            "https://api.groq.com/openai/v1/models?limit=3",
        ),
        (
            "local=http://[::1]:8080",
            "http://[::1]:8080/v1/models?limit=3",
        ),
    ] {
        let uri = target(text).uri("/v1/models", Some("limit=3"));
        assert_eq!(uri.unwrap().to_string(), goes_to, "{text}");
    }
}

#[test]
fn the_name_is_given_or_the_hosts() {
    assert_eq!(&*target("https://api.openai.com").name, "api.openai.com");
    assert_eq!(&*target("ai=https://api.openai.com").name, "ai");
}

#[test]
fn what_may_hold_a_secret_or_means_nothing_is_refused() {
    for text in [
        "https://user:password@api.openai.com",
        "https://api.openai.com/?key=secret",
        "api.openai.com",
        "ftp://api.openai.com",
        "v1=https://api.openai.com",
        "a/b=https://api.openai.com",
        "=https://api.openai.com",
        "a b=https://api.openai.com",
        "..=https://api.openai.com",
        "http://[::1]:8080",
    ] {
        assert!(text.parse::<Target>().is_err(), "{text}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let twice = Config::new(vec![target("a=http://x"), target("a=http://y")]);
    assert!(twice.check().is_err());
    let mut small = Config::new(vec![target("http://x")]);
    assert!(small.check().is_ok());
    small.max_buffered = ByteSize::mib(1);
    assert!(small.check().is_err());
    assert!(
        Line::try_parse_from(["gateway", "--upstream", "http://x", "--max-queue", "0"]).is_err()
    );
    assert!(Line::try_parse_from(["gateway"]).is_err());
}

#[test]
fn each_upstream_has_one_cost_at_most() {
    let parse = |costs: &[&str]| {
        let upstreams = [
            "--upstream",
            "a=http://localhost:1",
            "--upstream",
            "b=http://localhost:2",
        ];
        let costs = costs.iter().flat_map(|cost| ["--cost", cost]);
        let line = ["gateway"].into_iter().chain(upstreams).chain(costs);
        Line::try_parse_from(line).unwrap().config
    };
    let config = parse(&["openai", "b=anthropic"]);
    config.check().unwrap();
    let of = |at: usize| config.provider(&config.upstreams[at]);
    assert_eq!(
        (of(0), of(1)),
        (Some(Provider::Openai), Some(Provider::Anthropic))
    );
    assert_eq!(parse(&["b=gemini"]).provider(&config.upstreams[0]), None);
    for (costs, error) in [
        (["openai", "gemini"], "two costs for all upstreams"),
        (["a=openai", "a=openai"], "two costs for a"),
        (["openai", "c=openai"], "no upstream is named c"),
    ] {
        assert_eq!(parse(&costs).check().unwrap_err(), error);
    }
}
