//! Reads users' files and writes what was rendered for them.

use std::io;
use std::path::{Path, PathBuf};

use super::args::OverrideArgs;
use super::exit::Exit;
use super::screen::Screen;
use crate::input::{Files, Problems};
use crate::plan::Plan;
use crate::record::{RecordError, write_whole};
use crate::report::{Ending, FORMATS, Format, OutputFile, RunLog, RunReport};
use crate::scenario::{Loaded, Overrides, Sources};
use crate::slo::Criteria;

/// No file of ours is larger; whatever is, is not read whole into memory first.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Files as the user names them, relative to the working directory.
pub(super) const USER_FILES: Files<'static> = Files { read: &read_text, names: &names_in };

/// Reads the scenario and its SLO files; tells all mistakes in them. What it only warns of is the caller's to tell.
pub(super) fn load_scenario(path: &Path, overrides: &OverrideArgs, screen: Screen) -> Result<Loaded, Exit> {
    let formats: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    let overrides = Overrides {
        target: overrides.target.clone(),
        stdio: overrides.stdio.clone(),
        duration: overrides.duration.clone(),
        users: overrides.users.clone(),
        set: overrides.set.clone(),
        slo: overrides.slo.clone(),
        out: overrides.out.clone(),
        allow_hosts: overrides.allow_host.clone(),
    };
    let env = |name: &str| std::env::var(name).ok();
    let sources = Sources { files: USER_FILES, env: &env, formats: &formats };
    match crate::scenario::load(path, &overrides, &sources) {
        Ok(loaded) => Ok(loaded),
        Err(problems) => {
            tell_problems(&problems, screen);
            Err(Exit::BadInput)
        }
    }
}

/// Reads SLO files given on the command line; names are unique over all of them. With the plan of a recorded run, each
/// objective must be about something that the run called.
pub(super) fn load_criteria(paths: &[PathBuf], run: Option<&Plan>, screen: Screen) -> Result<Criteria, Exit> {
    let loaded = match run {
        None => crate::slo::load_all(paths, USER_FILES),
        Some(plan) => crate::slo::load_for(plan, paths, USER_FILES),
    };
    let (problems, read) = match loaded {
        Ok((criteria, warnings)) => (warnings, Ok(criteria)),
        Err(problems) => (problems, Err(Exit::BadInput)),
    };
    tell_problems(&problems, screen);
    read
}

pub(super) fn tell_problems(problems: &Problems, screen: Screen) {
    if !problems.is_empty() {
        screen.tell(&problems.render(screen.err_color));
    }
}

/// Writes every format that the plan asks for into the run directory; of a run that measured nothing, those that can say so.
pub(super) fn write_reports(folder: &Path, report: &RunReport, log: &RunLog) -> Result<(), RecordError> {
    let measured = log.ending != Ending::Unmeasured;
    let formats = log.plan.outputs.formats.iter().filter_map(|name| Format::named(name));
    for format in formats.filter(|format| measured || !format.is_latencies_alone()) {
        write_outputs(folder, &format.render(report, log))?;
    }
    Ok(())
}

/// Writes rendered files below `folder`.
pub(super) fn write_outputs(folder: &Path, files: &[OutputFile]) -> Result<(), RecordError> {
    for file in files {
        let path = folder.join(&file.name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|source| RecordError::Io {
            action: "create",
            path: parent.to_owned(),
            source,
        })?;
        write_whole(&path, &file.bytes)?;
    }
    Ok(())
}

/// A text file, as long as it is one of a size that people write.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    use io::Read as _;
    #[expect(clippy::disallowed_methods, reason = "this is the file that reads users' files")]
    let file = std::fs::File::open(path)?;
    let mut text = String::new();
    // One byte more than allowed, so that the reader of the text can tell that it is too long.
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    Ok(text)
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
