//! Where the posts go, and what each request carries.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING, USER_AGENT,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::args::Web;
use crate::presets::{Key, Preset};
use crate::secrets::{HIDDEN, Secrets};

/// The headers whose values are no secret.
const HARMLESS: &[&str] = &[
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "content-type",
    "user-agent",
];

/// An address and the headers for it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) secrets: Secrets,
}

impl Target {
    /// The embedded API, which wants to be told nothing.
    pub(crate) fn embedded(uri: Uri) -> Self {
        Self {
            uri,
            headers: common_headers(),
            secrets: Secrets::default(),
        }
    }

    /// The API on the web that the options name, if they do. `variable` reads the environment.
    pub(crate) fn on_the_web(
        web: &Web,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let url = match (&web.url, web.preset) {
            (Some(url), _) => url.reveal(),
            (None, Some(preset)) => preset.url(),
            (None, None) => return no_target(web).map(|()| None),
        };
        let (uri, user) = parse_url(url)?;
        let mut hidden = Vec::new();
        let mut headers = common_headers();
        if let Some(user) = user {
            let value = format!("Basic {}", BASE64_STANDARD.encode(&user));
            hidden.extend(
                user.split_once(':')
                    .map(|(_, password)| password.to_owned()),
            );
            hidden.push(user);
            set(&mut headers, AUTHORIZATION, &value, &mut hidden)?;
        }
        for (name, value) in web.preset.map(Preset::headers).unwrap_or_default() {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        for header in &web.header {
            let (name, value) = header
                .reveal()
                .split_once(':')
                .ok_or("--header needs a name, a colon and a value; it has no colon")?;
            set(&mut headers, name_of(name, "--header")?, value, &mut hidden)?;
        }
        for header in &web.header_env {
            let (name, value) = from_environment(header.reveal(), &variable)?;
            set(&mut headers, name, &value, &mut hidden)?;
        }
        if let Some(preset) = web.preset {
            add_key(preset, &uri, &mut headers, &variable, &mut hidden)?;
        }
        // Some APIs take their key there.
        let query = uri.query().unwrap_or_default().split('&');
        hidden.extend(query.filter_map(|pair| Some(pair.split_once('=')?.1.to_owned())));
        let secrets = Secrets::new(hidden);
        Ok(Some(Self {
            uri,
            headers,
            secrets,
        }))
    }

    /// The host and the port, as they are printed.
    pub(crate) fn name(&self) -> String {
        self.uri
            .authority()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// The whole address, as it is printed: without the query's values.
    pub(crate) fn address(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let query = if self.uri.query().is_some() { "?" } else { "" };
        let hidden = if query.is_empty() { "" } else { HIDDEN };
        format!(
            "{scheme}://{}{}{query}{hidden}",
            self.name(),
            self.uri.path()
        )
    }

    /// Whether a secret goes over the network in the clear.
    pub(crate) fn is_exposed(&self) -> bool {
        let host = self.uri.host().unwrap_or_default();
        let near = is_loopback(host);
        let secret =
            self.uri.query().is_some() || self.headers.values().any(HeaderValue::is_sensitive);
        self.uri.scheme_str() == Some("http") && !near && secret
    }

    /// The headers, a line each, without their secrets.
    pub(crate) fn shown_headers(&self) -> Vec<String> {
        let shown = |(name, value): (&HeaderName, &HeaderValue)| {
            let text = value.to_str().unwrap_or(HIDDEN);
            match (value.is_sensitive(), text.split_once(' ')) {
                (false, _) => format!("{name}: {text}"),
                (true, Some((scheme @ ("Bearer" | "Basic"), _))) => {
                    format!("{name}: {scheme} {HIDDEN}")
                }
                (true, _) => format!("{name}: {HIDDEN}"),
            }
        };
        self.headers.iter().map(shown).collect()
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// What is of no use without an address.
fn no_target(web: &Web) -> Result<(), String> {
    let of_no_use = [
        (!web.header.is_empty(), "--header"),
        (!web.header_env.is_empty(), "--header-env"),
        (web.ca.is_some(), "--ca"),
    ];
    match of_no_use.iter().find(|(given, _)| *given) {
        Some((_, option)) => Err(format!(
            "{option} needs --url or --as: the embedded API has no use for it"
        )),
        None => Ok(()),
    }
}

fn common_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("tower-throttle-batch"));
    headers
}

/// An address without user and password, and these.
///
/// No error quotes it: a password, or a key in the query, may be the very thing that is wrong.
fn parse_url(text: &str) -> Result<(Uri, Option<String>), String> {
    let needed = "--url needs an address such as https://api.example.com/v1/posts";
    // "localhost:8080" would be an authority alone.
    let (scheme, rest) = text.split_once("://").ok_or(needed)?;
    if !matches!(scheme, "http" | "https") {
        return Err(needed.to_owned());
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(decoded(user)), host),
        None => (None, authority),
    };
    let host: Authority = host
        .parse()
        .map_err(|_| format!("{needed}; the host is not one"))?;
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(host)
        .path_and_query(path)
        .build();
    let uri = uri.map_err(|error| format!("--url: {error}, after the host"))?;
    Ok((uri, user))
}

fn decoded(user: &str) -> String {
    percent_encoding::percent_decode_str(user)
        .decode_utf8_lossy()
        .into_owned()
}

fn name_of(name: &str, option: &str) -> Result<HeaderName, String> {
    let name: HeaderName = name
        .trim()
        .parse()
        .map_err(|_| format!("{option}: what comes first is no name of a header"))?;
    match [HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
        true => Err(format!("{option}: `{name}` follows from the request")),
        false => Ok(name),
    }
}

fn set(
    headers: &mut HeaderMap,
    name: HeaderName,
    value: &str,
    hidden: &mut Vec<String>,
) -> Result<(), String> {
    let value = value.trim();
    let mut header = HeaderValue::from_str(value)
        .map_err(|_| format!("the header `{name}` has a character that no header may have"))?;
    if value.is_empty() {
        return Err(format!("the header `{name}` has no value"));
    }
    if !HARMLESS.contains(&name.as_str()) {
        header.set_sensitive(true);
        hidden.push(value.to_owned());
        hidden.extend(value.split_once(' ').map(|(_, token)| token.to_owned()));
    }
    headers.insert(name, header);
    Ok(())
}

/// Reads `NAME=VAR` and `NAME=Bearer VAR`.
fn from_environment(
    text: &str,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<(HeaderName, String), String> {
    let (name, value) = text.split_once('=').ok_or(
        "--header-env needs a name, an equals sign and a variable: Authorization=Bearer API_KEY",
    )?;
    let name = name_of(name, "--header-env")?;
    let (prefix, from) = match value.trim().rsplit_once(' ') {
        Some((prefix, from)) => (format!("{prefix} "), from),
        None => (String::new(), value.trim()),
    };
    // Whoever pastes a key here should not find it in a log.
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if from.is_empty() || !from.chars().all(is_name) {
        return Err(format!(
            "--header-env {name}=...: what comes last is no name of a variable"
        ));
    }
    match variable(from) {
        Some(value) if !value.trim().is_empty() => Ok((name, prefix + value.trim())),
        _ => Err(format!(
            "--header-env {name}=...: the variable is not set, or is empty"
        )),
    }
}

/// Adds the key of a known API. It goes to that API's own host and to no other.
fn add_key(
    preset: Preset,
    uri: &Uri,
    headers: &mut HeaderMap,
    variable: &impl Fn(&str) -> Option<String>,
    hidden: &mut Vec<String>,
) -> Result<(), String> {
    let Key {
        header,
        prefix,
        variable: name,
    } = preset.key();
    let (own, _) = parse_url(preset.url())?;
    let same = (own.scheme(), own.authority()) == (uri.scheme(), uri.authority());
    if !same || headers.contains_key(header) {
        return Ok(());
    }
    match variable(name) {
        Some(key) if !key.trim().is_empty() => {
            let value = format!("{prefix}{}", key.trim());
            set(headers, HeaderName::from_static(header), &value, hidden)
        }
        _ => Err(format!(
            "the API's key is expected in the environment variable {name}"
        )),
    }
}

#[cfg(test)]
mod tests;
