//! L1: the scenario file: as written, checked with all mistakes at once, then a plan.
//!
//! Nothing here opens a file or reads the environment: [`Sources`] does, on behalf of the caller.

mod answers_file;
mod arguments;
mod arrivals_file;
mod assemble;
mod auth_file;
mod call_tool_file;
mod check;
mod data_file;
mod describe;
mod describe_queried;
mod describe_steps;
mod extract_file;
mod file;
mod grafana_file;
mod load_file;
mod logs;
mod oauth_file;
mod objectives;
mod observe_file;
mod overrides;
mod prometheus_file;
mod redaction;
mod resolved;
mod resolved_alerts;
mod resolved_checks;
mod resolved_queried;
mod resolved_steps;
mod operation_file;
mod stdio_file;
mod step_file;
mod target_file;
mod text;
mod transport_file;
mod variables;

#[cfg(test)]
mod tests;

pub use describe::describe;
pub use resolved::{resolved, resolved_criteria};

pub(crate) use check::AROUND;

use std::path::{Path, PathBuf};

use crate::input::{Files, Place, Problems, Source, parse};
use crate::plan::{Environment, PlacedCanary, Plan};
use crate::slo::Criteria;

/// The largest version of the file format.
const VERSION: u64 = 1;

/// What the command line says over the file. Values are as typed: mistakes in them are reported like those in the
/// file, with the name of the flag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--target`: a URL, or `demo`. It replaces the file's target; what is observed at a relative URL is then
    /// observed there.
    pub target: Option<String>,
    /// `--stdio`: a command with its arguments, which replaces the file's target likewise.
    pub stdio: Option<String>,
    /// `--duration` of the whole load. A mistake where the file states stages.
    pub duration: Option<String>,
    /// `--users`. A mistake where the file states stages.
    pub users: Option<String>,
    /// `--set dotted.key=yaml`, in order. List items go by number from 0, or by their `name`.
    pub set: Vec<String>,
    /// `--slo`: replaces the file's SLO files. Relative to the working directory.
    pub slo: Vec<PathBuf>,
    /// `--out`: the folder that holds run directories.
    pub out: Option<PathBuf>,
    /// `--allow-host`: hosts that may be sent load, beside those of the file.
    pub allow_hosts: Vec<String>,
}

/// Where a scenario gets what is not in its text.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Users' files.
    pub files: Files<'a>,
    /// The value of an environment variable.
    pub env: Environment<'a>,
    /// The names of the report formats.
    pub formats: &'a [&'a str],
}

/// A scenario without a mistake.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What the run will do.
    pub plan: Plan,
    /// What must hold, in the order of the SLO files.
    pub criteria: Criteria,
    /// What the user may not have meant.
    pub warnings: Problems,
}

/// Reads the scenario file at `path` and the SLO files it names.
///
/// SLO paths in the file are relative to its folder; where there is no such file, to the working directory.
///
/// # Errors
/// Every mistake in these files and in `overrides`.
pub fn load(path: &Path, overrides: &Overrides, sources: &Sources<'_>) -> Result<Loaded, Problems> {
    let mut problems = Problems::new();
    let loaded = load_into(path, overrides, sources, &mut problems);
    let ((plan, criteria), warnings) = problems.into_result(loaded)?;
    Ok(Loaded { plan, criteria, warnings })
}

fn load_into(
    path: &Path,
    overrides: &Overrides,
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> Option<(Plan, Criteria)> {
    let nowhere = Place::whole(&Source::new(path.to_string_lossy(), ""));
    let (_, text) = sources.files.read_first(&[path.to_owned()], &nowhere, problems)?;
    let source = Source::new(path.to_string_lossy(), text);
    let mut root = parse(&source, problems)?;
    overrides::apply(&mut root, overrides, problems);
    let file = file::read(&root, path, sources, problems)?;
    let written = objectives::read(&file, path, &overrides.slo, sources, problems);
    check::check(&file, &written, problems);
    logs::check(&written, &file.hosts, sources.env, problems);
    let mut plan = assemble::plan(file)?;
    let checks = written.checks.as_ref().map(|written| &written.checks);
    let header = checks.and_then(|checks| checks.redaction.as_ref()?.header.as_deref());
    plan.canaries.splice(0..0, header.map(PlacedCanary::header));
    redaction::check(&plan, &written, problems);
    let criteria = written.into_criteria();
    plan.thresholds = objectives::thresholds(&criteria.objectives);
    Some((plan, criteria))
}
