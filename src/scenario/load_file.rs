//! The load as written. A closed one says how many users: `users` with `ramp` and `duration`, or `stages`.

use std::time::Duration;

use crate::input::{Field, Fields, Problem, Problems, Value};
use crate::model::format_duration;
use crate::plan::{ClosedLoad, Load, LoadModel, Stage, ThinkTime};

use super::arrivals_file;

/// More users than this are a slip of the pen.
pub(super) const MOST_USERS: u32 = 1_000_000;

pub(super) fn read(field: Field<'_>, problems: &mut Problems) -> Option<Load> {
    let mut fields = Fields::of(field.node, "`load`", problems)?;
    let model = if arrivals_file::is_open(field) {
        arrivals_file::read(&mut fields, problems).map(LoadModel::Open)
    } else {
        read_closed(&mut fields, problems).map(LoadModel::Closed)
    };
    let warm_up_field = fields.optional("warm_up");
    let warm_up = warm_up_field.map_or(Some(Duration::ZERO), |field| field.duration(problems));
    fields.finish(problems);
    let load = Load { model: model?, warm_up: warm_up? };
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
    Some(load)
}

fn read_closed(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<ClosedLoad> {
    let stages = if let Some(list) = fields.optional("stages") {
        for name in ["users", "ramp", "duration"] {
            if let Some(field) = fields.optional(name) {
                let help = "keep `stages`, or `users`, `ramp` and `duration`; to change one stage from the command \
                            line, write `--set load.stages.0.users=40`";
                field.wrong("cannot stand beside `stages`", help, problems);
            }
        }
        read_stages(list, problems)
    } else {
        read_plateau(fields, problems)
    };
    let think_time = fields
        .optional("think_time")
        .map_or(Some(ThinkTime::Constant(Duration::ZERO)), |field| read_think_time(field, problems));
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
    let ramp_field = fields.optional("ramp");
    let ramp = ramp_field.map_or(Some(Duration::ZERO), |field| field.duration(problems));
    let duration = fields.required("duration", problems).and_then(|field| field.some_duration(problems));
    let (users, ramp, duration) = (users?, ramp?, duration?);
    if let Some(field) = ramp_field.filter(|_| ramp > duration) {
        let message = format!(
            "the ramp of {} is longer than the load of {}",
            format_duration(ramp),
            format_duration(duration)
        );
        problems.push(Problem::error(&field.node.place, message).help(
            "`duration` is the whole load, ramp and warm-up included: make it longer or the ramp shorter",
        ));
        return None;
    }
    let mut stages = vec![Stage { duration: ramp, users }];
    if duration > ramp {
        stages.push(Stage { duration: duration.saturating_sub(ramp), users });
    }
    Some(stages)
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
    let duration = fields.required("duration", problems).and_then(|field| field.duration(problems));
    let users = fields.required("users", problems).and_then(|field| field.whole(&(0..=MOST_USERS), problems));
    fields.finish(problems);
    Some(Stage { duration: duration?, users: users? })
}

fn read_think_time(field: Field<'_>, problems: &mut Problems) -> Option<ThinkTime> {
    let Value::Map(_) = &field.node.value else {
        return field.duration(problems).map(ThinkTime::Constant);
    };
    let mut fields = Fields::of(field.node, "`think_time`", problems)?;
    let min = fields.required("min", problems).and_then(|field| field.duration(problems));
    let max = fields.required("max", problems).and_then(|field| field.duration(problems));
    fields.finish(problems);
    let (min, max) = (min?, max?);
    if min > max {
        field.wrong("`min` is longer than `max`", "swap the two", problems);
        return None;
    }
    Some(ThinkTime::Uniform { min, max })
}
