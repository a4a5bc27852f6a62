//! The sweep for canaries beside the scenario: what it needs of it, in words, and with the names of an SLO file's fields.

use serde_yaml::Value;

use super::resolved::{Fields, percentage};
use crate::input::{Problem, Problems, quoted};
use crate::model::{SweepPlace, format_ratio};
use crate::plan::{Auth, Plan, Target};
use crate::slo::{Criteria, WrittenCriteria};

/// Each is looked for in several forms, in all that is seen.
const MOST_CANARIES: usize = 20;

/// Reports a sweep without canaries, places where there is nothing to look at, and a header that can't carry a canary. `plan` knows the header.
pub(super) fn check(plan: &Plan, criteria: &WrittenCriteria, problems: &mut Problems) {
    let Some(written) = &criteria.checks else { return };
    let Some((redaction, place)) = written.checks.redaction.as_ref().zip(written.place_of("redaction"))
    else {
        return;
    };
    let canaries = &plan.canaries;
    if canaries.is_empty() {
        let help =
            "write `{{ canary }}` in an argument of the scenario, or name a header: `header: x-api-key`";
        problems.push(
            Problem::error(place, "there is nothing to look for: no request carries a canary").help(help),
        );
    }
    if canaries.len() > MOST_CANARIES {
        let message = format!("{} canaries: {MOST_CANARIES} are looked for at the most", canaries.len());
        problems.push(Problem::error(place, message).help("give fewer names: `{{ canary.NAME }}`"));
    }
    if let Some(header) = &redaction.header {
        check_header(header, plan, place, problems);
    }
    for wanted in
        redaction.places.iter().flatten().filter(|wanted| !written.checks.can_be_swept(**wanted, plan))
    {
        let help = match wanted {
            SweepPlace::Logs => "name the target's log: `file: target.log`, here or in `logs`",
            SweepPlace::Metrics => {
                "name the target's metrics in the scenario: `observe: {metrics: {url: /metrics}}`"
            }
            SweepPlace::Health => {
                "name a health endpoint in the scenario: `observe: {health: {health: /health}}`"
            }
            SweepPlace::Replies => "leave it out",
        };
        let message = format!("there is nothing to look at in {}", quoted(wanted.word()));
        problems.push(Problem::error(place, message).help(help));
    }
}

fn check_header(header: &str, plan: &Plan, place: &crate::input::Place, problems: &mut Problems) {
    let proves = match &plan.auth {
        Auth::None => false,
        Auth::Bearer(_) | Auth::Login { .. } | Auth::OAuth(_) => header == "authorization",
        Auth::Headers(headers) => headers.keys().any(|name| name.eq_ignore_ascii_case(header)),
    };
    let message = if matches!(plan.target, Target::Stdio(_)) {
        "a process is not sent headers".to_owned()
    } else if proves {
        format!("the header {} proves who calls: it can't carry a canary", quoted(header))
    } else {
        return;
    };
    problems.push(
        Problem::error(place, message).help("write `{{ canary }}` in an argument, or name another header"),
    );
}

/// In words.
pub(super) fn described(plan: &Plan, criteria: &Criteria) -> Option<String> {
    let redaction = criteria.checks.redaction.as_ref()?;
    let names: Vec<String> = plan.canaries.iter().map(|placed| placed.name.clone()).collect();
    let place = |place: &SweepPlace| match (place, &redaction.file) {
        (SweepPlace::Logs, Some(file)) => format!("logs ({})", file.display()),
        (SweepPlace::Replies, _) => format!("replies ({} of them)", format_ratio(redaction.sample)),
        _ => place.word().to_owned(),
    };
    let places: Vec<String> = criteria.checks.swept_places(plan).iter().map(place).collect();
    Some(format!(
        "what requests carry as if it were secret ({}) is looked for in: {}",
        names.join(", "),
        places.join(", ")
    ))
}

/// With the names of an SLO file's fields.
pub(super) fn resolved(criteria: &Criteria) -> Option<Value> {
    let redaction = criteria.checks.redaction.as_ref()?;
    let mut fields = Fields::default();
    if let Some(places) = &redaction.places {
        fields.set("where", places.iter().map(|place| place.word().into()).collect::<Vec<Value>>());
    }
    if let Some(file) = &redaction.file {
        fields.set("file", file.to_string_lossy().into_owned());
    }
    if let Some(header) = &redaction.header {
        fields.set("header", header.as_str());
    }
    fields.set("sample", percentage(redaction.sample));
    Some(fields.value())
}
