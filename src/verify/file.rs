//! The `checks` of an SLO file, read field by field.

use std::time::Duration;

use super::{Checks, TruthCheck, TruthChecks, logs, names_file};
use crate::input::{Field, Fields, Files, Problem, Problems, Source, quoted};

/// More label sets than this are what a label that takes what calls bring makes.
const LABEL_SETS: u64 = 1_000;
/// A target has so long to see that its clients are gone.
const SETTLE: Duration = Duration::from_secs(1);
/// The longest that a run waits for that.
const LONGEST_SETTLE: Duration = Duration::from_secs(60);

/// What the field `checks` of `source` says.
pub(crate) fn read(
    checks: Field<'_>,
    source: &Source,
    files: Files<'_>,
    problems: &mut Problems,
) -> Option<Checks> {
    let mut fields = Fields::of(checks.node, "`checks`", problems)?;
    let before = problems.len();
    let truth = fields.optional("truth").map(|field| read_truth(field, source, files, problems));
    let logs = fields.optional("logs").map(|field| logs::file::read(field, problems));
    fields.finish(problems);
    if truth.is_none() && logs.is_none() && problems.len() == before {
        checks.wrong("nothing is checked", "add `truth: {names: guide}`, or remove it", problems);
    }
    Some(Checks { truth: truth.flatten(), logs: logs.flatten() })
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
