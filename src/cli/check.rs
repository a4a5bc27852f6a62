//! `gander check`: judges a recorded run again, from its directory alone.

use super::args::CheckArgs;
use super::exit::Exit;
use super::files::load_criteria;
use super::run::print_summary_with;
use super::screen::Screen;
use crate::report::{Ending, judged};

pub(super) fn check(args: &CheckArgs, screen: Screen) -> Exit {
    let log = match crate::record::read(&args.run) {
        Ok(log) => log,
        Err(error) => {
            screen.error(&error);
            return Exit::BadInput;
        }
    };
    let criteria = if args.slo.is_empty() {
        log.criteria.clone()
    } else {
        match load_criteria(&args.slo, Some(&log.plan), screen) {
            Ok(criteria) => criteria,
            Err(exit) => return exit,
        }
    };
    let report = judged(&log, &criteria);
    // The page in the directory shows the verdicts of the run itself.
    print_summary_with(&report, &args.run, None, screen);
    match log.ending {
        Ending::Unmeasured => Exit::Unreachable,
        Ending::Complete { .. } | Ending::Interrupted { .. } | Ending::Aborted { .. } | Ending::Partial => {
            report.verdict.into()
        }
    }
}
