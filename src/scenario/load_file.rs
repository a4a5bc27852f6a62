//! The load as written. A closed one says how many users: `users` with `ramp` and `duration`, or `stages`.

use std::time::Duration;

use crate::input::{Field, Fields, Place, Problem, Problems, Value, quoted};
use crate::model::format_duration;
use crate::plan::{ClosedLoad, Load, LoadModel, Stage, StageName, ThinkTime};

use super::arrivals_file;

/// More users than this are a slip of the pen.
pub(super) const MOST_USERS: u32 = 1_000_000;

/// The load, and how it is written.
#[derive(Debug)]
pub(super) struct WrittenLoad {
    pub load: Load,
    /// Where it asks for idle streams.
    pub idle: Option<Place>,
    /// True where it is a list of stages, each with a length of its own.
    pub in_stages: bool,
}

pub(super) fn read(field: Field<'_>, problems: &mut Problems) -> Option<WrittenLoad> {
    let mut fields = Fields::of(field.node, "`load`", problems)?;
    let in_stages = fields.has("stages");
    let stage_names = read_stage_names(field, problems);
    let model = if arrivals_file::is_open(field) {
        arrivals_file::read(&mut fields, problems).map(LoadModel::Open)
    } else {
        read_closed(&mut fields, problems).map(LoadModel::Closed)
    };
    let warm_up_field = fields.optional("warm_up");
    let warm_up = warm_up_field.map_or(Some(Duration::ZERO), |field| field.duration(problems));
    let idle_field = fields.optional("idle_streams");
    let idle_streams = idle_field.map_or(Some(0), |field| field.whole(&(0..=MOST_USERS), problems));
    fields.finish(problems);
    let load = Load { model: model?, warm_up: warm_up?, idle_streams: idle_streams?, stage_names };
    if let Some(field) = warm_up_field.filter(|_| load.warm_up >= load.duration()) {
        let message = format!(
            "the warm-up of {} is not shorter than the load of {}",
            format_duration(load.warm_up),
            format_duration(load.duration())
        );
        let help = "nothing would be left to judge: make `duration` longer or the warm-up shorter (from the command \
                    line: `--set load.warm_up=1s`)";
        problems.push(Problem::error(&field.node.place, message).help(help));
    }
    let idle = idle_field.filter(|_| load.idle_streams > 0).map(|field| field.node.place.clone());
    Some(WrittenLoad { load, idle, in_stages })
}

/// The names of stages, in whichever model; what else is wrong with the list is found where stages are read.
fn read_stage_names(load: Field<'_>, problems: &mut Problems) -> Vec<StageName> {
    let Value::Map(entries) = &load.node.value else { return Vec::new() };
    let mut names: Vec<StageName> = Vec::new();
    for stages in entries.iter().filter(|entry| entry.key.text == "stages") {
        let Value::List(stages) = &stages.value.value else { continue };
        for (stage, node) in stages.iter().enumerate() {
            let Value::Map(entries) = &node.value else { continue };
            let Some(entry) = entries.iter().find(|entry| entry.key.text == "name") else { continue };
            let field = Field { name: "name", node: &entry.value };
            let Some(name) = field.name(problems) else { continue };
            if names.iter().any(|earlier| earlier.name == name) {
                let message = format!("two stages are called {}", quoted(name));
                field.wrong(message, "give one of them another name", problems);
            } else {
                names.push(StageName { stage, name: name.to_owned() });
            }
        }
    }
    names
}

fn read_closed(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<ClosedLoad> {
    let stages = if let Some(list) = fields.optional("stages") {
        let help = "keep `stages`, or `users`, `ramp` and `duration`; to change one stage from the command line, \
                    write `--set load.stages.0.users=40`";
        not_beside_stages(fields, ["users", "ramp", "duration"], help, problems);
        read_stages(list, problems)
    } else {
        read_plateau(fields, problems)
    };
    let think_time = fields
        .optional("think_time")
        .map_or(Some(ThinkTime::Constant(Duration::ZERO)), |field| read_pause(field, problems));
    for name in ["spacing", "burst", "max_users"] {
        // Asked for only where it is there: it is no field of such a load.
        let is_there = fields.entries().iter().any(|entry| entry.key.text == name);
        if let Some(field) = is_there.then(|| fields.optional(name)).flatten() {
            let help = "add a `rate` to have iterations begin when they are due, or remove this";
            field.wrong("only a load with a `rate` has it", help, problems);
        }
    }
    Some(ClosedLoad { stages: stages?, think_time: think_time? })
}

/// A ramp to the users, then all of them until the end.
fn read_plateau(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<Stage>> {
    let users = fields.required("users", problems).and_then(|field| field.whole(&(1..=MOST_USERS), problems));
    let durations = read_ramp_and_rest(fields, problems);
    let users = users?;
    Some(durations?.map(|duration| Stage { duration, users }).collect())
}

/// How long the ramp is, and, where it is not all, what follows: the lengths of the stages that `ramp` and `duration` mean.
pub(super) fn read_ramp_and_rest(
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<impl Iterator<Item = Duration>> {
    let ramp_field = fields.optional("ramp");
    let ramp = ramp_field.map_or(Some(Duration::ZERO), |field| field.duration(problems));
    let duration = fields.required("duration", problems).and_then(|field| field.some_duration(problems));
    let (ramp, duration) = (ramp?, duration?);
    let Some(rest) = duration.checked_sub(ramp) else {
        let message = format!(
            "the ramp of {} is longer than the load of {}",
            format_duration(ramp),
            format_duration(duration)
        );
        let help =
            "`duration` is the whole load, ramp and warm-up included: make it longer or the ramp shorter";
        let place = ramp_field.map_or(fields.place(), |field| &field.node.place);
        problems.push(Problem::error(place, message).help(help));
        // As long as it is, so that what else is wrong with it is found.
        return Some(std::iter::once(duration).chain(None));
    };
    Some(std::iter::once(ramp).chain(Some(rest).filter(|rest| !rest.is_zero())))
}

/// Reports each of `names` that stands beside `stages`.
pub(super) fn not_beside_stages(
    fields: &mut Fields<'_>,
    names: [&'static str; 3],
    help: &str,
    problems: &mut Problems,
) {
    for name in names {
        if let Some(field) = fields.optional(name) {
            field.wrong("cannot stand beside `stages`", help, problems);
        }
    }
}

fn read_stages(list: Field<'_>, problems: &mut Problems) -> Option<Vec<Stage>> {
    let before = problems.len();
    let stages: Vec<Stage> = list
        .items(problems)
        .collect::<Vec<_>>()
        .into_iter()
        .filter_map(|item| read_stage(item, problems))
        .collect();
    if problems.len() > before {
        return None;
    }
    if stages.iter().all(|stage| stage.duration.is_zero()) {
        list.wrong("the stages have no length", "give a stage a `duration` above zero", problems);
        return None;
    }
    if stages.iter().all(|stage| stage.users == 0) {
        list.wrong("no stage has a user", "give a stage `users` above zero", problems);
        return None;
    }
    Some(stages)
}

fn read_stage(item: Field<'_>, problems: &mut Problems) -> Option<Stage> {
    let mut fields = Fields::of(item.node, "a stage", problems)?;
    // Read with those of all stages.
    fields.optional("name");
    let duration = fields.required("duration", problems).and_then(|field| field.duration(problems));
    let users = fields.required("users", problems).and_then(|field| field.whole(&(0..=MOST_USERS), problems));
    fields.finish(problems);
    Some(Stage { duration: duration?, users: users? })
}

/// A pause: its length, or what it is drawn from.
pub(super) fn read_pause(field: Field<'_>, problems: &mut Problems) -> Option<ThinkTime> {
    let Value::Map(_) = &field.node.value else {
        return field.duration(problems).map(ThinkTime::Constant);
    };
    let mut fields = Fields::of(field.node, "a pause", problems)?;
    let read = if fields.has("mean") {
        read_exponential(&mut fields, problems)
    } else if fields.has("median") || fields.has("p95") {
        read_lognormal(field, &mut fields, problems)
    } else {
        read_uniform(field, &mut fields, problems)
    };
    fields.finish(problems);
    read
}

fn read_uniform(field: Field<'_>, fields: &mut Fields<'_>, problems: &mut Problems) -> Option<ThinkTime> {
    let min = fields.required("min", problems).and_then(|field| field.duration(problems));
    let max = fields.required("max", problems).and_then(|field| field.duration(problems));
    let (min, max) = (min?, max?);
    if min > max {
        field.wrong("`min` is longer than `max`", "swap the two", problems);
        return None;
    }
    Some(ThinkTime::Uniform { min, max })
}

/// Where the file does not say how long a pause may be that is drawn from a distribution without an end: so many times the
/// mean, or the 95th percentile.
const LONGEST: u32 = 10;

fn read_exponential(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<ThinkTime> {
    let mean = fields.required("mean", problems).and_then(|field| field.some_duration(problems));
    let max = fields.optional("max").map(|field| field.some_duration(problems));
    let mean = mean?;
    let max = max.unwrap_or_else(|| Some(mean.saturating_mul(LONGEST)))?;
    Some(ThinkTime::Exponential { mean, max })
}

fn read_lognormal(field: Field<'_>, fields: &mut Fields<'_>, problems: &mut Problems) -> Option<ThinkTime> {
    let median = fields.required("median", problems).and_then(|field| field.some_duration(problems));
    let p95 = fields.required("p95", problems).and_then(|field| field.some_duration(problems));
    let max = fields.optional("max").map(|field| field.some_duration(problems));
    let (median, p95) = (median?, p95?);
    if median > p95 {
        field.wrong("`median` is longer than `p95`", "95 of 100 pauses are shorter than `p95`", problems);
        return None;
    }
    let max = max.unwrap_or_else(|| Some(p95.saturating_mul(LONGEST)))?;
    Some(ThinkTime::Lognormal { median, p95, max })
}
