//! Standard output and standard error: the only file that writes to them. A reader that has gone away is not an error.

use std::io::{self, IsTerminal as _, Write as _};

use super::args::ColorChoice;
use crate::model::Color;

/// The width of output that does not go to a terminal.
const FILE_COLUMNS: usize = 100;

/// Where a person, or a program, reads what gander says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Standard output takes color.
    pub(crate) out_color: Color,
    /// Standard error takes color.
    pub(crate) err_color: Color,
    /// Columns that standard output has; what a file is given that somebody may read on a terminal later.
    pub(crate) width: usize,
    /// Standard error is a terminal: progress may be redrawn.
    pub(crate) interactive: bool,
}

impl Screen {
    pub(crate) fn new(choice: ColorChoice) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let color = |terminal: bool| match choice {
            ColorChoice::Auto => Color::from(terminal && !no_color && !dumb),
            ColorChoice::Always => Color::On,
            ColorChoice::Never => Color::Off,
        };
        let interactive = io::stderr().is_terminal();
        let columns = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        Self {
            width: columns.unwrap_or(FILE_COLUMNS),
            out_color: color(io::stdout().is_terminal()),
            err_color: color(interactive),
            interactive: interactive && !dumb,
        }
    }

    /// To standard output: what was asked for.
    #[expect(clippy::unused_self, reason = "whoever prints has been handed the screen")]
    pub(crate) fn print(self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        // Whoever closed the pipe has read all they wanted.
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }

    /// To standard error: everything else.
    #[expect(clippy::unused_self, reason = "whoever prints has been handed the screen")]
    pub(crate) fn tell(self, text: &str) {
        let mut err = io::stderr().lock();
        // There is nowhere left to complain to.
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }

    /// An error with all its causes, on one line.
    pub(crate) fn error(self, error: &dyn std::error::Error) {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        let label = if self.err_color == Color::On { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
        self.tell(&format!("{label}: {text}\n"));
    }
}
