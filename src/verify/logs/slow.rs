//! How long calls took by their lines: no longer than their clients waited, and where that was long, most of it.

use super::{Journal, Said};
use crate::metrics::{LogFaultKind, StepLines};
use crate::model::{Verdict, counted, format_count, format_duration};
use crate::verify::Evidence;

const COLUMNS: [&str; 5] = ["calls", "timed", "longer than they took", "slow", "told as fast"];
/// So few calls, one in a hundred, may have been held up on their way, where the target can't see it.
const FEW_IN: u64 = 100;

impl Journal<'_> {
    pub(super) fn slow(&self) -> Said {
        let all = self.log.all();
        let looks_away =
            |lines: &StepLines| lines.told_fast * 2 > lines.slow && lines.told_fast * FEW_IN >= lines.timed;
        let slow = format_duration(self.checks.slow);
        let (verdict, because) = if all.timed == 0 {
            let name = &self.checks.fields.duration;
            (Verdict::Inconclusive, format!("no line of a call says in `{name}` how long it took"))
        } else if all.too_long > 0 {
            let first = self.told(LogFaultKind::TooLong);
            let (long, timed) = (format_count(all.too_long), counted(all.timed, "timed call"));
            (
                Verdict::Fail,
                format!("of {timed} {long} took longer by their lines than their clients waited{first}"),
            )
        } else if looks_away(&all) {
            let first = self.told(LogFaultKind::ToldFast);
            let (fast, calls) = (format_count(all.told_fast), counted(all.slow, "call"));
            let because = format!(
                "of {calls} that took {slow} or more {fast} took less than half of it by their lines{first}"
            );
            (Verdict::Fail, because)
        } else if all.slow == 0 {
            let because = format!(
                "no line tells of more than its client waited; no call took {slow}: whether the log would tell, this run can't"
            );
            (Verdict::Pass, because)
        } else {
            let calls = counted(all.slow, "call");
            let fast = match all.told_fast {
                0 => String::new(),
                fast => format!(" of all but {}", format_count(fast)),
            };
            let because = format!(
                "{calls} took {slow} or more, and the log tells{fast}; no line tells of more than its client waited"
            );
            (Verdict::Pass, because)
        };
        let value = match (all.too_long, all.told_fast) {
            (0, 0) => "plausible".to_owned(),
            (long, 0) => format!("{} too long", format_count(long)),
            (0, fast) => format!("{} of {} told as fast", format_count(fast), format_count(all.slow)),
            (long, fast) => format!("{} too long, {} told as fast", format_count(long), format_count(fast)),
        };
        let bad_of = |lines: &StepLines| lines.too_long + lines.told_fast;
        let cells = |lines: &StepLines| vec![lines.timed, lines.too_long, lines.slow, lines.told_fast];
        let examples = self.sheet.examples(&[LogFaultKind::TooLong, LogFaultKind::ToldFast], COLUMNS.len());
        let rows: Vec<_> = self.sheet.by_step(bad_of, cells).chain(examples).collect();
        let evidence = Evidence::of(&COLUMNS, rows);
        let limit = "within what clients saw".to_owned();
        Said { verdict, value, limit, because, samples: all.timed, bad: bad_of(&all), evidence }
    }

    fn told(&self, kind: LogFaultKind) -> String {
        let told = |fault| format!("; {}: {}", self.sheet.example(fault), fault.text);
        self.log.first(&[kind]).map(told).unwrap_or_default()
    }
}
