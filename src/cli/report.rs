//! `gander report`: a recorded run in another format.

use super::args::ReportArgs;
use super::exit::Exit;
use super::files::write_outputs;
use super::run::print_summary;
use super::screen::Screen;
use crate::record::write_whole;
use crate::report::{Format, OutputFile, judged};

pub(super) fn report(args: &ReportArgs, screen: Screen) -> Exit {
    let log = match crate::record::read(&args.run) {
        Ok(log) => log,
        Err(error) => {
            screen.error(&error);
            return Exit::BadInput;
        }
    };
    let report = judged(&log, &log.criteria);
    if args.format.is_none() && args.output.is_none() {
        print_summary(&report, &args.run, screen);
        return Exit::Success;
    }
    let name = args.format.as_deref().unwrap_or("terminal");
    let format = Format::named(name).expect("the command line takes the names of formats alone");
    let files = format.render(&report, &log);
    let written = match (&args.output, files.as_slice()) {
        (None, [one]) => {
            screen.print(&one.bytes);
            Ok(())
        }
        (Some(path), [one]) => write_whole(path, &one.bytes),
        (Some(folder), several) => write_outputs(folder, &without_their_folder(several)),
        (None, _) => {
            let help = "name a folder for them with `--output FOLDER`";
            screen.tell(&format!("error: the format `{name}` is several files\n  help: {help}\n"));
            return Exit::BadInput;
        }
    };
    match written {
        Ok(()) => Exit::Success,
        Err(error) => {
            screen.error(&error);
            Exit::BadInput
        }
    }
}

/// The files of a format that has a folder of its own in the run directory, named for a folder that the user chose.
fn without_their_folder(files: &[OutputFile]) -> Vec<OutputFile> {
    let bare = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    files.iter().map(|file| OutputFile { name: bare(&file.name), bytes: file.bytes.clone() }).collect()
}
