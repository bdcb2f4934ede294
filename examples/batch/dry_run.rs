//! The first request, shown and not sent.

use std::process::ExitCode;

use crate::args::Args;
use crate::posts::Shape;
use crate::session::{self, Error};
use crate::times::grouped;
use crate::{single, tell};

/// The longest body that is shown whole, in characters.
const SHOWN: usize = 4_000;

/// Shows the request for the first post.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    let unusable = Error::Unusable;
    let target = single::target(args).map_err(unusable)?;
    let shape = Shape::of(args).map_err(unusable)?;
    let input = session::source(args)?
        .check(shape, &single::done(args)?.ids)
        .map_err(unusable)?;
    let (mut first, mut bytes, mut most) = (None, 0, 0);
    for post in input.posts() {
        let post = post.map_err(unusable)?;
        bytes += post.body.len();
        most += post.cost.map_or(0, |cost| cost.total());
        first.get_or_insert(post);
    }
    let Some(first) = first else {
        return Err(unusable("there is nothing to send".to_owned()));
    };
    match &target {
        Some(target) => {
            tell::out(format_args!("POST {}", target.address()));
            for header in target.shown_headers() {
                tell::out(header);
            }
        }
        None => tell::out("POST to the embedded API"),
    }
    let body = String::from_utf8_lossy(&first.body);
    // What a key opens is hidden wherever it stands.
    let body = target.map_or(body.to_string(), |target| target.secrets.hide(&body));
    let shown: String = body.chars().take(SHOWN).collect();
    let cut = if shown.len() < body.len() { "..." } else { "" };
    tell::out(format_args!("\n{shown}{cut}\n"));
    let (count, bytes) = (grouped(input.len() as u64), grouped(bytes as u64));
    tell::out(format_args!(
        "This is the post {}. Nothing was sent.",
        first.id
    ));
    tell::out(format_args!("Posts in all: {count}, of {bytes} bytes."));
    if args.tokens {
        tell::out(format_args!("Tokens in all: {}.", grouped(most)));
    }
    Ok(ExitCode::SUCCESS)
}
