//! One line of the file: a key and its answer.

use std::collections::HashMap;
use std::str;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::value::RawValue;

/// How each line begins.
const START: &[u8] = b"{\"key\":";

/// A line with its end. The body is JSON as it came if it is an object or an array on one line, else a string, and
/// else hexadecimal.
pub(super) fn encode(key: &str, response: &Response<Bytes>) -> Vec<u8> {
    let body = response.body();
    let mut line = Vec::with_capacity(key.len() + body.len() + 48);
    line.extend_from_slice(START);
    push_string(&mut line, key);
    line.extend_from_slice(b",\"status\":");
    line.extend_from_slice(response.status().as_str().as_bytes());
    if is_embeddable(body) {
        line.extend_from_slice(b",\"body\":");
        line.extend_from_slice(body);
    } else if let Ok(text) = str::from_utf8(body) {
        line.extend_from_slice(b",\"body\":");
        push_string(&mut line, text);
    } else {
        line.extend_from_slice(b",\"hex\":\"");
        for byte in body {
            let digits =
                [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
            line.extend_from_slice(&digits);
        }
        line.push(b'"');
    }
    line.extend_from_slice(b"}\n");
    line
}

fn push_string(line: &mut Vec<u8>, text: &str) {
    let string = serde_json::Value::from(text).to_string();
    line.extend_from_slice(string.as_bytes());
}

/// Whether a body can stand in a line as it is, and be told from a string.
fn is_embeddable(body: &[u8]) -> bool {
    matches!(body.first(), Some(b'{' | b'['))
        && !body.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
        && serde_json::from_slice::<&RawValue>(body)
            .is_ok_and(|json| json.get().len() == body.len())
}

/// Whether a line that is no record may be the beginning of one.
pub(super) fn may_be_torn(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    line.starts_with(START) || START.starts_with(line)
}

/// The key in a line, if the line is whole.
pub(super) fn key(line: &[u8]) -> Option<String> {
    let fields = fields(line)?;
    answer(&fields)?;
    fields_key(&fields)
}

/// The answer in a line, if it is that of this key.
pub(super) fn decode(line: &[u8], key: &str) -> Option<Response<Bytes>> {
    let fields = fields(line)?;
    if fields_key(&fields)? != key {
        return None;
    }
    answer(&fields)
}

type Fields<'a> = HashMap<String, &'a RawValue>;

fn fields(line: &[u8]) -> Option<Fields<'_>> {
    serde_json::from_slice(line).ok()
}

fn fields_key(fields: &Fields<'_>) -> Option<String> {
    serde_json::from_str(fields.get("key")?.get()).ok()
}

fn answer(fields: &Fields<'_>) -> Option<Response<Bytes>> {
    let status: StatusCode = fields.get("status")?.get().parse().ok()?;
    let body = match (fields.get("body"), fields.get("hex")) {
        (Some(body), _) => decode_body(body.get())?,
        (None, Some(hex)) => decode_hex(hex.get().trim_matches('"'))?,
        (None, None) => return None,
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    Some(response)
}

fn decode_body(json: &str) -> Option<Vec<u8>> {
    let text = if json.starts_with('"') {
        serde_json::from_str(json).ok()?
    } else {
        json.to_owned()
    };
    Some(text.into_bytes())
}

fn decode_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn response(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
        let builder = Response::builder().status(status);
        builder.body(body.into()).expect("a status")
    }

    fn line(body: impl Into<Bytes>) -> String {
        String::from_utf8(encode("a \"key\"", &response(201, body))).expect("UTF-8")
    }

    #[test]
    fn json_stands_in_the_line_as_it_came() {
        assert_eq!(
            line(r#"{"a": [1, 2.50]}"#),
            "{\"key\":\"a \\\"key\\\"\",\"status\":201,\"body\":{\"a\": [1, 2.50]}}\n"
        );
    }

    #[test]
    fn what_is_no_object_on_one_line_is_a_string_and_else_hexadecimal() {
        for (body, field) in [
            ("{\n}", r#""body":"{\n}""#),
            ("{} ", r#""body":"{} ""#),
            ("{", r#""body":"{""#),
            ("\"text\"", r#""body":"\"text\"""#),
            ("", r#""body":"""#),
        ] {
            assert!(line(body).contains(field), "{body}: {}", line(body));
        }
        assert!(line(vec![0xff, 0x0a]).contains(r#""hex":"ff0a""#));
    }

    #[test]
    fn a_line_that_is_torn_has_no_key() {
        let whole = line("{}");
        assert!(key(whole.as_bytes()).is_some());
        for end in 0..whole.len() - 2 {
            assert_eq!(key(&whole.as_bytes()[..end]), None, "{end}");
        }
    }

    #[test]
    fn the_answer_to_another_key_is_not_taken() {
        let line = encode("a", &response(200, ""));
        assert!(decode(&line, "a").is_some());
        assert!(decode(&line, "b").is_none());
    }

    proptest! {
        #[test]
        fn any_body_comes_back_to_the_byte(key in ".*", status in 100u16..1000, body: Vec<u8>) {
            let line = encode(&key, &response(status, body.clone()));
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            let found = decode(&line, &key).expect("whole");
            prop_assert_eq!(found.status().as_u16(), status);
            prop_assert_eq!(found.body(), &body);
        }

        #[test]
        fn any_text_in_braces_comes_back(body in "[\\[{][\\[{\":, \\n\\ta1}\\]]*") {
            let line = encode("k", &response(200, body.clone()));
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            let found = decode(&line, "k").expect("whole");
            prop_assert_eq!(found.body(), &body);
        }
    }
}
