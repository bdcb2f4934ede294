//! What a request took of a quota of tokens, as its answer says.

use http::Extensions;
use serde_json::Value;
use tower_throttle::cost::{Charge, Cost};

/// Gives back what the answer's `usage` says was not taken. Cached reads are no part of `input_tokens`.
pub(crate) fn settle(extensions: &Extensions, answer: &Value) {
    let usage = &answer["usage"];
    let taken = (
        usage["input_tokens"].as_u64(),
        usage["output_tokens"].as_u64(),
    );
    if let ((Some(input), Some(output)), Some(charge)) = (taken, Charge::of(extensions)) {
        charge.settle(Cost::input(input).and_output(output));
    }
}
