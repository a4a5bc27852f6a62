//! The demo target as its clients see it: a real server on loopback, asked over HTTP.

use clap::Parser;

use super::DemoOptions;

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    options: DemoOptions,
}

/// The options that these flags give.
pub(super) fn options(flags: &[&str]) -> DemoOptions {
    let line = std::iter::once("demo").chain(flags.iter().copied());
    CommandLine::try_parse_from(line).unwrap_or_else(|error| panic!("{error}")).options
}
