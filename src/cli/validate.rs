//! `gander validate`: all mistakes of a scenario, or what it would do.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::args::{OverrideArgs, ValidateArgs};
use super::exit::Exit;
use super::files::{load_objectives, load_scenario, read_text};
use super::screen::Screen;
use crate::scenario::{Loaded, describe, resolved, resolved_objectives};

pub(super) fn validate(args: &ValidateArgs, screen: Screen) -> Exit {
    let mut exit = Exit::Success;
    for path in &args.files {
        let checked = if is_slo_file(path) {
            validate_slo(path, args.yaml, screen)
        } else {
            validate_scenario(path, args.yaml, screen)
        };
        if let Err(bad) = checked {
            exit = bad;
        }
    }
    exit
}

/// Told by its content: an SLO file has `objectives` at its top.
fn is_slo_file(path: &Path) -> bool {
    read_text(path).is_ok_and(|text| text.lines().any(|line| line.starts_with("objectives:")))
}

fn validate_slo(path: &Path, yaml: bool, screen: Screen) -> Result<(), Exit> {
    let objectives = load_objectives(&[path.to_owned()], None, screen)?;
    if yaml {
        print_yaml(&BTreeMap::from([("objectives", resolved_objectives(&objectives))]), screen);
    } else {
        let count = objectives.len();
        screen.print(format!("{}: {count} objectives, no mistakes\n", path.display()).as_bytes());
    }
    Ok(())
}

fn validate_scenario(path: &Path, yaml: bool, screen: Screen) -> Result<(), Exit> {
    let Loaded { plan, objectives, .. } = load_scenario(path, &OverrideArgs::default(), screen)?;
    if yaml {
        print_yaml(&resolved(&plan, &objectives), screen);
    } else {
        screen.print(describe(&plan, &objectives).as_bytes());
    }
    Ok(())
}

/// One document, so that several files make one stream.
fn print_yaml(value: &impl Serialize, screen: Screen) {
    let text = serde_yaml::to_string(value).expect("a scenario is made of what YAML has");
    screen.print(format!("---\n{text}").as_bytes());
}
