//! The body of a request, made from a post.

use std::path::Path;

use serde_json::{Map, Value};

/// JSON with the names of a post's fields in double braces.
///
/// The names stand in strings. They are replaced after the JSON is read and before it is written, so that whatever
/// a post holds cannot break out of its string. A string that is a name and nothing else becomes the field as it is,
/// be it a number or a list.
#[derive(Debug, Clone)]
pub(crate) struct Template(Value);

/// A piece of a string.
#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    Field(&'a str),
}

impl From<Value> for Template {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Template {
    /// Reads a template: JSON, or the name of a file that holds some.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let trimmed = text.trim_start();
        let of = |json: &str| serde_json::from_str(json).map(Self);
        if trimmed.starts_with(['{', '[']) {
            return of(trimmed).map_err(|error| format!("--body-template: {error}"));
        }
        let path = Path::new(text);
        let json = std::fs::read_to_string(path).map_err(|error| {
            let name = path.display();
            format!("--body-template {name}: {error}; JSON would begin with a brace")
        })?;
        of(json.trim_start_matches('\u{feff}'))
            .map_err(|error| format!("--body-template {}: {error}", path.display()))
    }

    /// The body for a post. The error names the field that the post lacks.
    pub(crate) fn fill(&self, post: &Map<String, Value>) -> Result<Vec<u8>, String> {
        let filled = fill(&self.0, post)?;
        serde_json::to_vec(&filled).map_err(|error| error.to_string())
    }
}

fn fill(template: &Value, post: &Map<String, Value>) -> Result<Value, String> {
    Ok(match template {
        Value::String(text) => fill_text(text, post)?,
        Value::Array(items) => items
            .iter()
            .map(|item| fill(item, post))
            .collect::<Result<_, _>>()?,
        Value::Object(fields) => {
            let filled = |(key, value): (&String, &Value)| Ok((key.clone(), fill(value, post)?));
            Value::Object(fields.iter().map(filled).collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

fn fill_text(text: &str, post: &Map<String, Value>) -> Result<Value, String> {
    let field = |name: &str| {
        post.get(name).ok_or_else(|| {
            let there = post
                .keys()
                .map(|key| format!("`{key}`"))
                .collect::<Vec<_>>();
            format!("the body needs `{name}`; the post has {}", there.join(", "))
        })
    };
    let pieces = pieces(text);
    if let [Piece::Field(name)] = pieces[..] {
        return field(name).cloned();
    }
    let mut filled = String::with_capacity(text.len());
    for piece in pieces {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Field(name) => match field(name)? {
                Value::String(text) => filled.push_str(text),
                other => filled.push_str(&other.to_string()),
            },
        }
    }
    Ok(filled.into())
}

/// Takes a string apart. Double braces around anything but a name are text.
fn pieces(mut text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find("{{").map(|at| from + at) {
        let rest = &text[open + 2..];
        let name = rest.split("}}").next().unwrap_or_default();
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
        if name.len() == rest.len() || name.trim().is_empty() || !name.chars().all(is_name) {
            from = open + 1;
            continue;
        }
        if open > 0 {
            pieces.push(Piece::Text(&text[..open]));
        }
        pieces.push(Piece::Field(name.trim()));
        text = &rest[name.len() + 2..];
        from = 0;
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: Value, post: Value) -> Result<Value, String> {
        let Value::Object(post) = post else {
            panic!("posts are objects")
        };
        let body = Template::from(template).fill(&post)?;
        Ok(serde_json::from_slice(&body).expect("the body is JSON"))
    }

    #[test]
    fn whatever_a_post_holds_stays_in_its_string() {
        let text = "\"}],\"model\":\"dear\u{0}\\\n{{id}}\u{2028}";
        let template = json!({ "model": "m", "messages": [{ "content": "{{text}}" }] });
        let body = filled(template, json!({ "id": 1, "text": text }));
        let expected = json!({ "model": "m", "messages": [{ "content": text }] });
        assert_eq!(body, Ok(expected));
    }

    #[test]
    fn a_name_alone_is_the_field_as_it_is() {
        let template = json!({ "n": "{{ n }}", "line": "n is {{n}}, {{tags}}", "no": null });
        let body = filled(template, json!({ "n": 7, "tags": ["a"] }));
        let expected = json!({ "n": 7, "line": "n is 7, [\"a\"]", "no": null });
        assert_eq!(body, Ok(expected));
    }

    #[test]
    fn other_braces_are_text() {
        for text in [
            "{{",
            "{\"a\":{\"b\":1}}",
            "{{}}",
            "{{a",
            "}} {{?}}",
            "{{{",
            "",
        ] {
            let body = filled(json!(text), json!({ "a": 1 }));
            assert_eq!(body, Ok(json!(text)));
        }
        assert_eq!(filled(json!("{{{a}}"), json!({ "a": 1 })), Ok(json!("{1")));
    }

    #[test]
    fn a_field_that_is_not_there_is_named_with_those_that_are() {
        let error = filled(json!(["{{body}}"]), json!({ "id": 1, "text": "t" }));
        let expected = "the body needs `body`; the post has `id`, `text`";
        assert_eq!(error, Err(expected.to_owned()));
    }

    #[test]
    fn a_template_is_json_or_a_file_of_it() {
        assert!(Template::read("{\"a\":1}").is_ok());
        let error = Template::read("{\"a\":").expect_err("torn");
        assert!(error.starts_with("--body-template: EOF"), "{error}");
        let error = Template::read("no-such.json").expect_err("no file");
        assert!(error.contains("no-such.json"), "{error}");
    }
}
