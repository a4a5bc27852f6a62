//! `gander report`: a recorded run in another format.

use super::args::ReportArgs;
use super::exit::Exit;
use super::files::write_outputs;
use super::screen::Screen;
use crate::record::write_whole;
use crate::report::{Format, judged};

pub(super) fn report(args: &ReportArgs, screen: Screen) -> Exit {
    let log = match crate::record::read(&args.run) {
        Ok(log) => log,
        Err(error) => {
            screen.error(&error);
            return Exit::BadInput;
        }
    };
    let format = Format::named(&args.format).expect("the command line takes the names of formats alone");
    let files = format.render(&judged(&log, &log.objectives), &log);
    let written = match (&args.output, files.as_slice()) {
        (None, [one]) => {
            screen.print(&one.bytes);
            Ok(())
        }
        (Some(path), [one]) => write_whole(path, &one.bytes),
        (Some(folder), several) => write_outputs(folder, several),
        (None, several) => write_outputs(&args.run, several),
    };
    match written {
        Ok(()) => Exit::Success,
        Err(error) => {
            screen.error(&error);
            Exit::BadInput
        }
    }
}
