//! `gander validate`: all mistakes of a scenario, or what it would do.

use std::path::Path;

use serde_yaml::with::singleton_map_recursive;

use super::args::{OverrideArgs, ValidateArgs};
use super::exit::Exit;
use super::files::{load_objectives, load_scenario, read_text};
use super::screen::Screen;
use crate::plan::Plan;
use crate::scenario::{Loaded, describe};

pub(super) fn validate(args: &ValidateArgs, screen: Screen) -> Exit {
    let mut exit = Exit::Success;
    for path in &args.files {
        let checked = if is_slo_file(path) {
            validate_slo(path, screen)
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

fn validate_slo(path: &Path, screen: Screen) -> Result<(), Exit> {
    let objectives = load_objectives(&[path.to_owned()], screen)?;
    screen.print(format!("{}: {} objectives, no mistakes\n", path.display(), objectives.len()).as_bytes());
    Ok(())
}

fn validate_scenario(path: &Path, yaml: bool, screen: Screen) -> Result<(), Exit> {
    let Loaded { plan, objectives, .. } = load_scenario(path, &OverrideArgs::default(), screen)?;
    let text = if yaml { plan_as_yaml(&plan) } else { describe(&plan, &objectives) };
    screen.print(text.as_bytes());
    Ok(())
}

fn plan_as_yaml(plan: &Plan) -> String {
    let mut text = Vec::new();
    // Variants as maps of one key, as in a scenario file, rather than as YAML tags.
    singleton_map_recursive::serialize(plan, &mut serde_yaml::Serializer::new(&mut text))
        .expect("a plan is made of what YAML has");
    String::from_utf8(text).expect("YAML is written as UTF-8")
}
