//! `gander validate`: all mistakes of a scenario, or what it would do.

use std::path::Path;

use super::args::{OverrideArgs, ValidateArgs};
use super::exit::Exit;
use super::files::{load_objectives, load_scenario, read_text};
use super::screen::Screen;
use crate::scenario::describe;

pub(super) fn validate(args: &ValidateArgs, screen: Screen) -> Exit {
    let mut exit = Exit::Success;
    for path in &args.files {
        let checked =
            if is_slo_file(path) { validate_slo(path, screen) } else { validate_scenario(path, screen) };
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

fn validate_scenario(path: &Path, screen: Screen) -> Result<(), Exit> {
    let loaded = load_scenario(path, &OverrideArgs::default(), screen)?;
    screen.print(describe(&loaded.plan, &loaded.objectives).as_bytes());
    Ok(())
}
