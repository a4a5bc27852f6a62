//! The table of formats: the command line's values and its help are read from here. A new format is one file beside this
//! one and one row below.

use super::gate::gated;
use super::terminal::{self, TerminalStyle};
use super::{RunLog, RunReport, hgrm, html, json, junit, markdown};
use crate::model::Color;

/// One format a report can be written in.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// What users call it.
    pub name: &'static str,
    /// The file (or, ending in `/`, the folder) it becomes in the run directory.
    pub file: &'static str,
    /// What it is for, in one line.
    pub help: &'static str,
    renderer: Renderer,
}

/// A file to be written, its name relative to the run directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Relative, with `/` between its parts; of letters, digits, `-`, `_`, `.` alone.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Renderer {
    OneFile(fn(&RunReport) -> Vec<u8>),
    Folder(fn(&RunLog) -> Vec<OutputFile>),
}

/// Every format, in the order of the help.
pub const FORMATS: [Format; 6] = [
    Format {
        name: "terminal",
        file: "summary.txt",
        help: "the summary on one screen, without colour",
        renderer: Renderer::OneFile(plain_terminal),
    },
    Format {
        name: "json",
        file: "report.json",
        help: "everything the other formats show, for programs; has a JSON Schema",
        renderer: Renderer::OneFile(json::render),
    },
    Format {
        name: "junit",
        file: "junit.xml",
        help: "one test case an objective, for CI systems",
        renderer: Renderer::OneFile(junit::render),
    },
    Format {
        name: "markdown",
        file: "summary.md",
        help: "the summary for a job page or a pull-request comment",
        renderer: Renderer::OneFile(markdown::render),
    },
    Format {
        name: "html",
        file: "report.html",
        help: "one page with charts; needs no network",
        renderer: Renderer::OneFile(html::render),
    },
    Format {
        name: "hgrm",
        file: "hgrm/",
        help: "percentile files for HdrHistogram's plotter, one a step and one for all",
        renderer: Renderer::Folder(hgrm::render),
    },
];

/// What users call the formats, in the order of the help.
pub fn format_names() -> [&'static str; FORMATS.len()] {
    FORMATS.map(|format| format.name)
}

impl Format {
    /// The format that users call `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// True of a format that has nothing to say where nothing was measured.
    pub fn is_latencies_alone(&self) -> bool {
        matches!(self.renderer, Renderer::Folder(_))
    }

    /// The files of this format. `report` must be that of `log`.
    pub fn render(&self, report: &RunReport, log: &RunLog) -> Vec<OutputFile> {
        match self.renderer {
            Renderer::OneFile(render) => {
                vec![OutputFile { name: self.file.to_owned(), bytes: render(&gated(report)) }]
            }
            Renderer::Folder(render) => render(log),
        }
    }
}

fn plain_terminal(report: &RunReport) -> Vec<u8> {
    terminal::render(report, TerminalStyle { color: Color::Off, width: 100, page: None, directory: None })
        .into_bytes()
}
