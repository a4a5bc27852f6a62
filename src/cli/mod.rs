//! L5: the command line: reads files and flags, runs what was asked, prints, and chooses the exit code.

mod alert_lines;
mod alerts;
mod alerts_args;
mod args;
mod check;
mod demo;
mod exit;
mod files;
mod init;
mod progress;
mod report;
mod rules;
mod run;
mod screen;
mod selftest;
mod signals;
mod validate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser as _;

pub use exit::{EXIT_CODES, Exit};

use args::{Cli, Command};
use screen::Screen;

/// The whole program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output, mistakes to standard error; a closed pipe is no mistake.
            let _ = error.print();
            return if error.use_stderr() { Exit::BadInput.into() } else { Exit::Success.into() };
        }
    };
    let screen = Screen::new(cli.color);
    catch_unwind(AssertUnwindSafe(|| dispatch(cli.command, screen)))
        .unwrap_or_else(|_| {
            screen.tell("this is a bug in gander: please report it with the lines above\n");
            Exit::Bug
        })
        .into()
}

fn dispatch(command: Command, screen: Screen) -> Exit {
    match command {
        Command::Run(args) => run::run(&args, screen),
        Command::Init(args) => init::init(&args, screen),
        Command::Validate(args) => validate::validate(&args, screen),
        Command::Check(args) => check::check(&args, screen),
        Command::Report(args) => report::report(&args, screen),
        Command::Rules(command) => rules::rules(&command, screen),
        Command::Alerts(command) => alerts::alerts(command, screen),
        Command::Selftest(args) => selftest::selftest(&args, screen),
        Command::Demo(options) => demo::demo(*options, screen),
    }
}
