//! Lines are there soon after what they tell of.

use super::{Journal, Said};
use crate::metrics::LogFaultKind;
use crate::model::{Verdict, counted, format_count, format_duration};
use crate::verify::Evidence;

const COLUMNS: [&str; 2] = ["lines", "lag"];

impl Journal<'_> {
    pub(super) fn lag(&self) -> Said {
        let (lag, tally) = (&self.log.lag, &self.log.tally);
        let within = format_duration(self.checks.lag_within);
        let longest = lag.max().map(format_duration);
        let lines = counted(lag.count(), "line");
        let (verdict, because) = match &longest {
            None => {
                let name = &self.checks.fields.time;
                (Verdict::Inconclusive, format!("no line says in `{name}` when it happened"))
            }
            Some(longest) if tally.late > 0 => {
                let late = format_count(tally.late);
                let because = format!(
                    "of {lines} {late} were there later than {within} after what they tell of; the longest took {longest}"
                );
                (Verdict::Fail, because)
            }
            Some(_) if tally.ahead > 0 => {
                let ahead = format_count(tally.ahead);
                let because = format!(
                    "of {lines} {ahead} tell of times that were still to come: the target's clock, or its time zone, is not gander's"
                );
                (Verdict::Inconclusive, because)
            }
            Some(longest) => {
                (Verdict::Pass, format!("{lines} were there within {longest} of what they tell of"))
            }
        };
        let quantiles = [("half of the lines within", 0.5), ("99 % within", 0.99), ("all within", 1.0)];
        let rows = quantiles.into_iter().filter_map(|(name, quantile)| {
            Some((true, vec![name.to_owned(), format_duration(lag.quantile(quantile)?)]))
        });
        let rows: Vec<_> =
            self.sheet.examples(&[LogFaultKind::Late], COLUMNS.len()).into_iter().chain(rows).collect();
        Said {
            verdict,
            value: longest.map_or_else(|| "no data".to_owned(), |longest| format!("up to {longest}")),
            limit: format!("<= {within}"),
            because,
            samples: lag.count(),
            bad: tally.late,
            evidence: Evidence::of(&COLUMNS, rows),
        }
    }
}
