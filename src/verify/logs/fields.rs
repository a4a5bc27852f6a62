//! Lines are JSON objects, and have their fields.

use std::collections::BTreeSet;

use super::{Journal, Said};
use crate::metrics::LogFaultKind;
use crate::model::{Verdict, counted, format_count};
use crate::verify::Evidence;

const COLUMNS: [&str; 3] = ["field", "missing", "can't be read"];
const KINDS: [LogFaultKind; 3] = [LogFaultKind::NotJson, LogFaultKind::Missing, LogFaultKind::Unreadable];

impl Journal<'_> {
    pub(super) fn fields(&self) -> Said {
        let tally = &self.log.tally;
        let count =
            |of: &std::collections::BTreeMap<String, u64>, name: &str| of.get(name).copied().unwrap_or(0);
        let names: BTreeSet<&String> = tally.missing.keys().chain(tally.unreadable.keys()).collect();
        let mut rows: Vec<(bool, Vec<String>)> = names
            .iter()
            .map(|name| {
                let (missing, odd) = (count(&tally.missing, name), count(&tally.unreadable, name));
                (false, vec![format!("`{name}`"), format_count(missing), format_count(odd)])
            })
            .collect();
        for (what, lines) in
            [("lines that are no JSON object", tally.not_json), ("lines too long", tally.cut)]
        {
            if lines > 0 {
                rows.push((false, vec![what.to_owned(), String::new(), format_count(lines)]));
            }
        }
        rows.extend(self.sheet.examples(&KINDS, COLUMNS.len()));
        let missing: u64 = tally.missing.values().sum();
        let odd: u64 = tally.unreadable.values().sum::<u64>() + tally.not_json + tally.cut;
        let bad = missing + odd;
        let value = match (missing, odd) {
            (0, 0) => "all there".to_owned(),
            (missing, 0) => format!("{} missing", format_count(missing)),
            (0, odd) => format!("{} can't be read", format_count(odd)),
            (missing, odd) => {
                format!("{} missing, {} can't be read", format_count(missing), format_count(odd))
            }
        };
        let lines = counted(tally.lines, "line");
        let (verdict, because) = if tally.lines == 0 {
            (Verdict::Inconclusive, "no line came".to_owned())
        } else if let Some((name, count)) = tally.missing.iter().max_by_key(|(_, count)| **count) {
            (Verdict::Fail, format!("of {lines} {} have no `{name}`", format_count(*count)))
        } else if tally.not_json + tally.cut > 0 {
            let broken = format_count(tally.not_json + tally.cut);
            (Verdict::Fail, format!("of {lines} {broken} are no JSON objects, or too long to be read"))
        } else if let Some((name, count)) = tally.unreadable.iter().max_by_key(|(_, count)| **count) {
            (Verdict::Fail, format!("of {lines} {} have a `{name}` that can't be read", format_count(*count)))
        } else {
            let required: Vec<String> =
                self.checks.required.iter().map(|name| format!(", `{name}`")).collect();
            let required = required.concat();
            let fields = &self.checks.fields;
            let (time, level, message) = (&fields.time, &fields.level, &fields.message);
            (Verdict::Pass, format!("{lines}, each with `{time}`, `{level}`, `{message}`{required}"))
        };
        let evidence = Evidence::of(&COLUMNS, rows);
        let limit = "none missing".to_owned();
        Said { verdict, value, limit, because, samples: tally.lines, bad, evidence }
    }
}
