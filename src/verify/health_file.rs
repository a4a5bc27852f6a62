//! The field `health` of the `checks` of an SLO file.

use std::time::Duration;

use super::{HealthCheck, HealthChecks};
use crate::input::{Field, Fields, Problem, Problems, quoted};

/// What an orchestrator waits for a probe where nobody told it otherwise: `timeoutSeconds` of Kubernetes.
const PROBE_WITHIN: Duration = Duration::from_secs(1);
/// Gander's own patience with a probe: it does not know of a longer one how long it would have taken.
const LONGEST_PROBE: Duration = Duration::from_secs(5);
/// A target has so long to be well again.
const RECOVER_WITHIN: Duration = Duration::from_secs(30);
/// The longest that a run waits for that.
const LONGEST_RECOVERY: Duration = Duration::from_secs(600);
/// An outage with a warning before it makes four; an endpoint that changes more often says nothing that anybody can act on.
const CHANGES_PER_MINUTE: u64 = 6;

/// What `health` says.
pub(super) fn read(field: Field<'_>, problems: &mut Problems) -> Option<HealthChecks> {
    let mut fields = Fields::of(field.node, "`health`", problems)?;
    let except = fields.optional("except").map(|field| read_except(field, problems));
    let probe_within = fields.optional("probe_within").and_then(|field| {
        let within = field.some_duration(problems)?;
        if within > LONGEST_PROBE {
            let message = "longer than gander waits for a probe";
            field.wrong(message, "write a duration up to `5s`", problems);
        }
        Some(within)
    });
    let warn_at_least = fields.optional("warn_at_least").and_then(|field| field.duration(problems));
    let recover_within = fields.optional("recover_within").and_then(|field| {
        let within = field.some_duration(problems)?;
        if within > LONGEST_RECOVERY {
            field.wrong("longer than 10 minutes", "write a duration up to `10m`", problems);
        }
        Some(within)
    });
    let changes = fields.optional("changes_per_minute").and_then(|field| field.whole(&(1..=1_000), problems));
    fields.finish(problems);
    Some(HealthChecks {
        except: except.unwrap_or_default(),
        probe_within: probe_within.unwrap_or(PROBE_WITHIN),
        warn_at_least: warn_at_least.unwrap_or_default(),
        recover_within: recover_within.unwrap_or(RECOVER_WITHIN),
        changes_per_minute: changes.unwrap_or(CHANGES_PER_MINUTE),
        origin: field.node.place.to_string(),
    })
}

fn read_except(field: Field<'_>, problems: &mut Problems) -> Vec<HealthCheck> {
    let words = HealthCheck::ALL.map(|check| (check.word(), check));
    let items: Vec<Field<'_>> = field.items(problems).collect();
    let except: Vec<HealthCheck> = items.iter().filter_map(|item| item.word(&words, problems)).collect();
    if HealthCheck::ALL.iter().all(|check| except.contains(check)) {
        let message = format!("{}: this leaves nothing to check", quoted(field.name));
        problems.push(Problem::error(&field.node.place, message).help("remove `health`, or some of these"));
    }
    except
}
