//! The `checks` of an SLO file, read field by field.

use std::time::Duration;

use super::{
    Checks, TruthCheck, TruthChecks, audit, cost, dashboards, health_file, logs, names_file, redaction,
};
use crate::input::{Field, Fields, Files, Place, Problem, Problems, Source, quoted};

/// More label sets than this are what a label that takes what calls bring makes.
const LABEL_SETS: u64 = 1_000;
/// A target has so long to see that its clients are gone.
const SETTLE: Duration = Duration::from_secs(1);
/// The longest that a run waits for that.
const LONGEST_SETTLE: Duration = Duration::from_secs(60);

/// The checks of SLO files, and where they are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct WrittenChecks {
    pub(crate) checks: Checks,
    /// Each kind that is on, by its name.
    pub(crate) kinds: Vec<(&'static str, Place)>,
    /// The tools and methods that the price sheet names.
    pub(crate) priced: Vec<(String, Place)>,
}

impl WrittenChecks {
    /// Adds what a further file says. A kind of checks that two files switch on would be on terms of both.
    pub(crate) fn extend(&mut self, other: Self, problems: &mut Problems) {
        for (kind, place) in &other.kinds {
            if let Some((_, first)) = self.kinds.iter().find(|(known, _)| known == kind) {
                problems.push(
                    Problem::error(place, format!("a second SLO file has {} in `checks`", quoted(kind)))
                        .help(format!("the first is at {first}: keep one of them")),
                );
            }
        }
        let Checks { truth, health, logs, audit, redaction, dashboards, cost } = other.checks;
        self.checks.truth = self.checks.truth.take().or(truth);
        self.checks.health = self.checks.health.take().or(health);
        self.checks.logs = self.checks.logs.take().or(logs);
        self.checks.audit = self.checks.audit.take().or(audit);
        self.checks.redaction = self.checks.redaction.take().or(redaction);
        self.checks.dashboards = self.checks.dashboards.take().or(dashboards);
        self.checks.cost = self.checks.cost.take().or(cost);
        self.kinds.extend(other.kinds);
        self.priced.extend(other.priced);
    }

    /// Where the kind is switched on.
    pub(crate) fn place_of(&self, kind: &str) -> Option<&Place> {
        self.kinds.iter().find(|(known, _)| *known == kind).map(|(_, place)| place)
    }
}

/// What the field `checks` of `source` says.
pub(crate) fn read(
    checks: Field<'_>,
    source: &Source,
    files: Files<'_>,
    problems: &mut Problems,
) -> Option<WrittenChecks> {
    let mut fields = Fields::of(checks.node, "`checks`", problems)?;
    let before = problems.len();
    let mut written = WrittenChecks::default();
    for kind in ["truth", "health", "logs", "audit", "redaction", "dashboards", "cost"] {
        written.kinds.extend(fields.place_of_any(&[kind]).map(|place| (kind, place.clone())));
    }
    if let Some(field) = fields.optional("truth") {
        written.checks.truth = read_truth(field, source, files, problems);
    }
    if let Some(field) = fields.optional("health") {
        written.checks.health = health_file::read(field, problems);
    }
    if let Some(field) = fields.optional("logs") {
        written.checks.logs = logs::file::read(field, problems);
    }
    if let Some(field) = fields.optional("audit") {
        written.checks.audit = audit::read(field, problems);
    }
    if let Some(field) = fields.optional("redaction") {
        written.checks.redaction = redaction::file::read(field, problems);
    }
    if let Some(field) = fields.optional("dashboards") {
        written.checks.dashboards = dashboards::read(field, source, files, problems);
    }
    if let Some(field) = fields.optional("cost") {
        written.checks.cost = cost::read(field, &mut written.priced, problems);
    }
    fields.finish(problems);
    if written.kinds.is_empty() && problems.len() == before {
        let help = "add `truth: {names: guide}` or `health: {}`, or remove it";
        checks.wrong("nothing is checked", help, problems);
    }
    Some(written)
}

fn read_truth(
    field: Field<'_>,
    source: &Source,
    files: Files<'_>,
    problems: &mut Problems,
) -> Option<TruthChecks> {
    let mut fields = Fields::of(field.node, "`truth`", problems)?;
    let names = fields
        .required("names", problems)
        .and_then(|field| names_file::read_named(field, source, files, problems));
    let except = fields.optional("except").map(|field| read_except(field, problems));
    let other_clients = fields.optional("other_clients").and_then(|field| field.flag(problems));
    let label_sets = fields.optional("label_sets").and_then(|field| field.whole(&(1..=1_000_000), problems));
    let settle = fields.optional("settle").and_then(|field| {
        let settle = field.duration(problems)?;
        if settle > LONGEST_SETTLE {
            field.wrong("longer than a minute", "write a duration up to `1m`", problems);
        }
        Some(settle)
    });
    fields.finish(problems);
    Some(TruthChecks {
        names: names?,
        except: except.unwrap_or_default(),
        other_clients: other_clients.unwrap_or(false),
        label_sets: label_sets.unwrap_or(LABEL_SETS),
        settle: settle.unwrap_or(SETTLE),
        origin: field.node.place.to_string(),
    })
}

fn read_except(field: Field<'_>, problems: &mut Problems) -> Vec<TruthCheck> {
    let words = TruthCheck::ALL.map(|check| (check.word(), check));
    let items: Vec<Field<'_>> = field.items(problems).collect();
    let except: Vec<TruthCheck> = items.iter().filter_map(|item| item.word(&words, problems)).collect();
    if TruthCheck::ALL.iter().all(|check| except.contains(check)) {
        let message = format!("{}: this leaves nothing to check", quoted(field.name));
        problems.push(Problem::error(&field.node.place, message).help("remove `truth`, or some of these"));
    }
    except
}
