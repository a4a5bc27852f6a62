//! An open load as written: `rate` with `ramp` and `duration`, or `stages` of rates; who is there to do it.

use std::time::Duration;

use crate::input::{Field, Fields, Problem, Problems, Value};
use crate::model::parse_rate;
use crate::plan::{OpenLoad, RateStage, Spacing};

use super::load_file::{MOST_USERS, not_beside_stages, read_ramp_and_rest};

/// A higher rate than this is a slip of the pen.
const MOST_PER_SECOND: f64 = 1e6;
/// More iterations at once than this are, too.
const MOST_AT_ONCE: u32 = 100_000;
/// Users that open their sessions at the start, where the file does not say: enough for calls of this length.
const USUAL_CALL: Duration = Duration::from_millis(100);

/// True when `load` is about a rate.
pub(super) fn is_open(load: Field<'_>) -> bool {
    let Value::Map(entries) = &load.node.value else { return false };
    entries.iter().any(|entry| match (entry.key.text.as_str(), &entry.value.value) {
        ("rate", _) => true,
        ("stages", Value::List(stages)) => stages.iter().any(|stage| match &stage.value {
            Value::Map(entries) => entries.iter().any(|entry| entry.key.text == "rate"),
            Value::Null | Value::Bool(_) | Value::Number(..) | Value::Text(_) | Value::List(_) => false,
        }),
        _ => false,
    })
}

pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<OpenLoad> {
    let stages = if let Some(list) = fields.optional("stages") {
        let help = "keep `stages`, or `rate`, `ramp` and `duration`";
        not_beside_stages(fields, ["rate", "ramp", "duration"], help, problems);
        read_stages(list, problems)
    } else {
        read_plateau(fields, problems)
    };
    let spacing = fields.optional("spacing").map_or(Some(Spacing::Poisson), |field| {
        field.word(&[("poisson", Spacing::Poisson), ("constant", Spacing::Constant)], problems)
    });
    let burst = fields.optional("burst").map_or(Some(1), |field| field.whole(&(1..=MOST_AT_ONCE), problems));
    let max_field = fields.required("max_users", problems);
    let max_users = max_field.and_then(|field| field.whole(&(1..=MOST_USERS), problems));
    let users_field = fields.optional("users");
    let users = users_field.map(|field| field.whole(&(1..=MOST_USERS), problems));
    if let Some(field) = fields.optional("think_time") {
        let help =
            "remove it: with a `rate`, an iteration begins when it is due, whether or not others have ended";
        field.wrong("a load with a rate has no think time", help, problems);
    }
    let (stages, spacing, burst, max_users) = (stages?, spacing?, burst?, max_users?);
    let users = match users {
        Some(users) => users?,
        None => usual_users(&stages).min(max_users),
    };
    if let Some(field) = users_field.filter(|_| users > max_users) {
        let help = "`users` open their sessions at the start, `max_users` there may be in all: lower one, or raise the other";
        field.wrong(format!("more than `max_users`, which is {max_users}"), help, problems);
        return None;
    }
    Some(OpenLoad { stages, spacing, burst, users, max_users })
}

fn usual_users(stages: &[RateStage]) -> u32 {
    let peak = stages.iter().map(|stage| stage.rate).fold(0.0, f64::max);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most MOST_PER_SECOND")]
    let users = (peak * USUAL_CALL.as_secs_f64()).ceil() as u32;
    users.max(1)
}

/// A ramp to the rate, then that rate until the end.
fn read_plateau(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<RateStage>> {
    let rate =
        fields.required("rate", problems).and_then(|field| read_rate(field, problems)).and_then(|rate| {
            // The field is there: its rate was read.
            if rate > 0.0 {
                return Some(rate);
            }
            let message = "`rate`: nothing would ever be due";
            problems
                .push(Problem::error(fields.place(), message).help("write a rate above 0, such as `200/s`"));
            None
        });
    let durations = read_ramp_and_rest(fields, problems);
    let rate = rate?;
    Some(durations?.map(|duration| RateStage { duration, rate }).collect())
}

fn read_stages(list: Field<'_>, problems: &mut Problems) -> Option<Vec<RateStage>> {
    let before = problems.len();
    let items: Vec<Field<'_>> = list.items(problems).collect();
    let stages: Vec<RateStage> = items.into_iter().filter_map(|item| read_stage(item, problems)).collect();
    if problems.len() > before {
        return None;
    }
    let area: f64 = {
        let load =
            OpenLoad { stages: stages.clone(), spacing: Spacing::Constant, burst: 1, users: 1, max_users: 1 };
        load.expected()
    };
    if area <= 0.0 {
        list.wrong(
            "nothing would ever be due",
            "give a stage a `duration` and a `rate` above zero",
            problems,
        );
        return None;
    }
    Some(stages)
}

fn read_stage(item: Field<'_>, problems: &mut Problems) -> Option<RateStage> {
    let mut fields = Fields::of(item.node, "a stage", problems)?;
    // Read with those of all stages.
    fields.optional("name");
    let duration = fields.required("duration", problems).and_then(|field| field.duration(problems));
    let rate = fields.required("rate", problems).and_then(|field| read_rate(field, problems));
    fields.finish(problems);
    Some(RateStage { duration: duration?, rate: rate? })
}

/// Iterations per second.
fn read_rate(field: Field<'_>, problems: &mut Problems) -> Option<f64> {
    let help = "write a number with its unit, such as `200/s`, `0.5/s`, `600/min` or `3600/h`";
    let rate = match &field.node.value {
        Value::Text(text) => parse_rate(text),
        Value::Number(_, text) => {
            let help = format!("a number without a unit is a guess: write `{text}/s` or `{text}/min`");
            field.wrong(format!("expected a rate, found the number {text}"), help, problems);
            return None;
        }
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    };
    match rate {
        None => {
            field.wrong(format!("expected a rate, found {}", field.node.found()), help, problems);
            None
        }
        Some(rate) if rate > MOST_PER_SECOND => {
            field.wrong(format!("more than {MOST_PER_SECOND}/s"), "write a lower rate", problems);
            None
        }
        rate => rate,
    }
}
