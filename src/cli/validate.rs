//! `gander validate`: all mistakes of a scenario, or what it would do.

use std::path::Path;

use serde::Serialize;

use super::args::{OverrideArgs, ValidateArgs};
use super::exit::Exit;
use super::files::{load_criteria, load_scenario, read_text, tell_problems};
use super::screen::Screen;
use crate::model::counted;
use crate::plan::Plan;
use crate::scenario::{Loaded, describe, resolved, resolved_criteria};
use crate::slo::Criteria;

pub(super) fn validate(args: &ValidateArgs, screen: Screen) -> Exit {
    let mut exit = Exit::Success;
    let are_slo: Vec<bool> = args.files.iter().map(|path| is_slo_file(path)).collect();
    if args.overrides != OverrideArgs::default() && !are_slo.contains(&false) {
        screen.tell(
            "error: `--duration`, `--slo` and their like change a scenario, and none is named\n  \
             help: name the scenario: `gander validate SCENARIO --slo FILE`\n",
        );
        return Exit::BadInput;
    }
    for (path, is_slo) in args.files.iter().zip(are_slo) {
        let checked =
            if is_slo { validate_slo(path, args, screen) } else { validate_scenario(path, args, screen) };
        if let Err(bad) = checked {
            exit = bad;
        }
    }
    exit
}

/// Told by its content: an SLO file has `objectives` or `alerts` at its top; files of other tools have fields of their own there.
fn is_slo_file(path: &Path) -> bool {
    read_text(path).is_ok_and(|text| {
        const TOPS: [&str; 4] = ["objectives:", "alerts:", "apiVersion:", "slos:"];
        text.lines().any(|line| TOPS.iter().any(|top| line.starts_with(top)))
    })
}

fn validate_slo(path: &Path, args: &ValidateArgs, screen: Screen) -> Result<(), Exit> {
    let criteria = load_criteria(&[path.to_owned()], None, screen)?;
    if args.yaml {
        print_yaml(&resolved_criteria(&criteria), screen);
    } else {
        screen.print(format!("{}: {}, no mistakes\n", path.display(), contents(&criteria)).as_bytes());
    }
    Ok(())
}

fn validate_scenario(path: &Path, args: &ValidateArgs, screen: Screen) -> Result<(), Exit> {
    let Loaded { plan, criteria, warnings } = load_scenario(path, &args.overrides, screen)?;
    tell_problems(&warnings, screen);
    if args.yaml {
        print_yaml(&resolved(&plan, &criteria), screen);
    } else if args.arrivals {
        print_arrivals(&plan, screen);
    } else {
        screen.print(describe(&plan, &criteria).as_bytes());
    }
    Ok(())
}

fn contents(criteria: &Criteria) -> String {
    let objectives = counted(criteria.objectives.len() as u64, "objective");
    match &criteria.alerts {
        None => objectives,
        Some(alerts) => format!("{objectives}, {}", counted(alerts.rules.len() as u64, "rule file")),
    }
}

/// The schedule, a line for each iteration; nothing of a closed load, where the target decides.
fn print_arrivals(plan: &Plan, screen: Screen) {
    const LINES_AT_ONCE: usize = 10_000;
    let Some(open) = plan.load.open() else { return };
    let mut lines = open.schedule(plan.seed).map(|arrival| {
        let due = arrival.due;
        format!("{}.{:09} {}\n", due.as_secs(), due.subsec_nanos(), plan.transaction_of(arrival).name)
    });
    loop {
        let some: String = lines.by_ref().take(LINES_AT_ONCE).collect();
        if some.is_empty() {
            return;
        }
        screen.print(some.as_bytes());
    }
}

/// One document, so that several files make one stream.
fn print_yaml(value: &impl Serialize, screen: Screen) {
    let text = serde_yaml::to_string(value).expect("a scenario is made of what YAML has");
    screen.print(format!("---\n{text}").as_bytes());
}
