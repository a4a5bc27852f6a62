//! Failed calls have a line with the level of an error, good calls have none: then the log's error rate is what clients see.

use super::{Journal, Said};
use crate::metrics::{LogFaultKind, LogMessage, StepLines};
use crate::model::{Verdict, counted, format_count, format_ratio};
use crate::verify::Evidence;

const COLUMNS: [&str; 5] = ["calls, and messages", "failed", "not told as errors", "good", "told as errors"];
/// So many messages are shown, those with the most lines first.
const MOST_MESSAGES: usize = 15;

impl Journal<'_> {
    pub(super) fn errors(&self) -> Said {
        let (all, tally) = (self.log.all(), &self.log.tally);
        let bad_of = |lines: &StepLines| lines.untold + lines.accused;
        let ratio = if tally.lines == 0 { 0.0 } else { tally.errors as f64 / tally.lines as f64 };
        let over = self.checks.max_error_ratio.filter(|most| ratio > *most);
        let value = format!("{} of lines are errors", format_ratio(ratio));
        let limit = match self.checks.max_error_ratio {
            None => "as clients saw it".to_owned(),
            Some(most) => format!("as clients saw it, <= {}", format_ratio(most)),
        };
        let (verdict, because) = if all.untold > 0 {
            let first = self.first(LogFaultKind::Untold);
            let (untold, failed) = (format_count(all.untold), counted(all.failed, "failed call"));
            (Verdict::Fail, format!("of {failed} {untold} have no line with the level of an error{first}"))
        } else if all.accused > 0 {
            let first = self.first(LogFaultKind::Accused);
            let (accused, good) = (format_count(all.accused), counted(all.good, "good call"));
            (Verdict::Fail, format!("of {good} {accused} have a line with the level of an error{first}"))
        } else if let Some(most) = over {
            let (errors, lines) = (format_count(tally.errors), counted(tally.lines, "line"));
            (Verdict::Fail, format!("{errors} of {lines} are errors: more than {}", format_ratio(most)))
        } else if all.failed + all.good == 0 {
            let level = &self.checks.fields.level;
            (Verdict::Inconclusive, format!("no line of a call has a level in `{level}`"))
        } else if all.failed == 0 {
            let because =
                "no answer told of an error, and no line does: whether one would, this run can't tell";
            (Verdict::Pass, because.to_owned())
        } else {
            let (failed, good) = (counted(all.failed, "failed call"), counted(all.good, "good call"));
            (Verdict::Pass, format!("{failed} have the level of an error, and none of {good} has"))
        };
        let cells = |lines: &StepLines| vec![lines.failed, lines.untold, lines.good, lines.accused];
        let examples = self.sheet.examples(&[LogFaultKind::Untold, LogFaultKind::Accused], COLUMNS.len());
        let rows = self.sheet.by_step(bad_of, cells).chain(examples).chain(self.messages());
        let evidence = Evidence::of(&COLUMNS, rows.collect::<Vec<_>>());
        let samples = all.failed + all.good;
        Said { verdict, value, limit, because, samples, bad: bad_of(&all), evidence }
    }

    fn first(&self, kind: LogFaultKind) -> String {
        self.sheet.first(&[kind])
    }

    /// The messages with the most lines.
    fn messages(&self) -> impl Iterator<Item = (bool, Vec<String>)> + '_ {
        self.log.messages.iter().take(MOST_MESSAGES).map(|LogMessage { text, lines, errors }| {
            let told = format!("{}, {} of them errors", counted(*lines, "line"), format_count(*errors));
            let row = vec![format!("message: {text}"), told];
            (true, row.into_iter().chain((2..COLUMNS.len()).map(|_| String::new())).collect())
        })
    }
}
