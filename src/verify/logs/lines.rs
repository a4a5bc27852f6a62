//! One line for each call that was answered: none lost, none twice.

use super::{Journal, Said};
use crate::metrics::{LogFaultKind, StepLines};
use crate::model::{Verdict, counted, format_count};
use crate::verify::Evidence;

const COLUMNS: [&str; 6] = ["calls", "answered", "without a line", "with several", "broke off", ""];

impl Journal<'_> {
    pub(super) fn lines(&self) -> Said {
        let (all, tally) = (self.log.all(), &self.log.tally);
        let one = self.checks.one_line_per_call;
        let bad_of = |lines: &StepLines| lines.lost + if one { lines.several } else { 0 };
        let bad = bad_of(&all);
        let value = match (all.lost, all.several) {
            (0, 0) => "one line each".to_owned(),
            (lost, 0) => format!("{} without a line", format_count(lost)),
            (0, several) => format!("{} with several lines", format_count(several)),
            (lost, several) => {
                format!("{} without a line, {} with several", format_count(lost), format_count(several))
            }
        };
        let calls = counted(all.calls, "answered call");
        let (verdict, because) = if all.calls == 0 {
            (Verdict::Inconclusive, "no call was answered that carries an id".to_owned())
        } else if all.lost == all.calls {
            let names = self.checks.fields.id.join("`, `");
            let lines = counted(tally.lines, "line");
            let because = format!(
                "{lines} came, and none names a call by its JSON-RPC id in `{names}`: is `id` right?"
            );
            (Verdict::Fail, because)
        } else if bad == 0 && tally.unmatched > 0 {
            let unmatched = counted(tally.unmatched, "call");
            (Verdict::Inconclusive, format!("{unmatched} were too many at once to be matched with lines"))
        } else if bad == 0 {
            (Verdict::Pass, format!("{calls}, each with its line{}", self.others()))
        } else if all.several == 0 && all.lost <= tally.not_json + tally.cut {
            let because = format!(
                "{} of {calls} have no line, and as many lines can't be read: see `fields`",
                format_count(all.lost)
            );
            (Verdict::Inconclusive, because)
        } else if (all.several == 0 || !one) && tally.gaps > 0 {
            let because = format!(
                "{} of {calls} have no line, and not all of the log was seen: it was cut, or came too fast",
                format_count(all.lost)
            );
            (Verdict::Inconclusive, because)
        } else {
            (Verdict::Fail, self.wrong(&all, &calls))
        };
        let limit = if one { "one line a call" } else { "a line for each call" };
        let columns = |lines: &StepLines| vec![lines.calls, lines.lost, lines.several, lines.unsure];
        let steps = self.sheet.by_step(bad_of, columns).map(|(is_good, mut row)| {
            row.push(String::new());
            (is_good, row)
        });
        let kinds: &[LogFaultKind] =
            if one { &[LogFaultKind::Lost, LogFaultKind::Several] } else { &[LogFaultKind::Lost] };
        let rows: Vec<_> = steps.chain(self.sheet.examples(kinds, COLUMNS.len())).collect();
        let evidence = Evidence::of(&COLUMNS, rows);
        Said { verdict, value, limit: limit.to_owned(), because, samples: all.calls, bad, evidence }
    }

    fn wrong(&self, all: &StepLines, calls: &str) -> String {
        let kind = if all.lost > 0 { LogFaultKind::Lost } else { LogFaultKind::Several };
        let first = self.sheet.first(&[kind]);
        let what = if all.lost > 0 {
            format!("{} have no line in the log", format_count(all.lost))
        } else {
            format!(
                "{} have more than one line (`one_line_per_call: false` allows it)",
                format_count(all.several)
            )
        };
        format!("of {calls} {what}{first}")
    }

    /// What else is in the log, and says nothing against it.
    fn others(&self) -> String {
        let tally = &self.log.tally;
        let (foreign, broken) = (counted(tally.foreign, "line"), counted(tally.without_call, "line"));
        [
            (tally.foreign, format!("; {foreign} are about no call of the load")),
            (tally.without_call, format!("; {broken} are of calls that broke off, or of their parts")),
            (tally.rotations, format!("; it was rotated {}", times(tally.rotations))),
        ]
        .into_iter()
        .filter_map(|(count, told)| (count > 0).then_some(told))
        .collect()
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
