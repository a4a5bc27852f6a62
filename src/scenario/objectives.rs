//! The criteria of a scenario: which files hold them, and what the load must record for them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Sources;
use super::file::ScenarioFile;
use crate::input::{Place, Problem, Problems, Source, candidates};
use crate::plan::Threshold;
use crate::slo::{self, Indicator, Objective, WrittenCriteria};

/// The criteria of all files, in order. `instead` holds the paths that the command line gives.
pub(super) fn read(
    file: &ScenarioFile,
    scenario: &Path,
    instead: &[PathBuf],
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> WrittenCriteria {
    let mut written = WrittenCriteria::default();
    if instead.is_empty() {
        for reference in &file.slo {
            let candidates = candidates(scenario, &reference.path);
            written.extend(read_first(&candidates, &reference.place, sources, problems), problems);
        }
        if file.slo.is_empty() {
            problems.push(
                Problem::warning(&file.place, "the scenario names no SLO file, so nothing is judged")
                    .help("add `slo: [FILE]`, or give `--slo FILE`"),
            );
        }
    } else {
        for path in instead {
            let flag = Source::new("--slo", path.to_string_lossy());
            let place = Place::new(&flag, 0..flag.text().len());
            written.extend(read_first(std::slice::from_ref(path), &place, sources, problems), problems);
        }
    }
    slo::check_names(&written.objectives, problems);
    written
}

/// Reads the first of `candidates` that is there.
fn read_first(
    candidates: &[PathBuf],
    place: &Place,
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> WrittenCriteria {
    let found = sources.files.read_first(candidates, place, problems);
    let source = found.map(|(path, text)| Source::new(path.to_string_lossy(), text));
    source.map_or_else(WrittenCriteria::default, |source| slo::read(&source, sources.files, problems))
}

/// The latency limits, in order, each once.
pub(super) fn thresholds(objectives: &[Objective]) -> Vec<Threshold> {
    let limits: BTreeSet<Threshold> = objectives
        .iter()
        .filter_map(|objective| match &objective.indicator {
            Indicator::Latency { clock, within, .. } => Some(Threshold { clock: *clock, limit: *within }),
            // Those of streams go with the streams, not with the calls.
            Indicator::Stream { .. }
            | Indicator::ErrorRatio { .. }
            | Indicator::Throughput { .. }
            | Indicator::Metric(_)
            | Indicator::Promql(_)
            | Indicator::Events(_) => None,
        })
        .collect();
    limits.into_iter().collect()
}
