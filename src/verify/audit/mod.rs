//! The target's audit log against the client's own books: each answered call of a tool has one record, which says who did what, when, and
//! how it ended.
//!
//! Records and calls are matched as the lines of a log are, while the run is on.

mod file;
mod terms;

#[cfg(test)]
mod tests;

pub(super) use file::read;
pub use terms::{AuditCheck, AuditChecks};

use super::logs::Said;
use super::logs::sheet::Sheet;
use super::{Checked, Evidence, Seen};
use crate::metrics::{LogFaultKind, StepLines};
use crate::model::{Verdict, counted, counted_as, format_count};

/// What came of each check that is wanted.
pub(super) fn checked(audit: &AuditChecks, seen: &Seen<'_>) -> Vec<Checked> {
    let check = |check: AuditCheck| {
        let said = match Sheet::of(seen.audit, &audit.place(), seen) {
            Err(because) => Said::unknown(because),
            Ok(sheet) => sheet.doubted(match check {
                AuditCheck::Records => records(audit, sheet),
                AuditCheck::Fields => fields(audit, sheet),
                AuditCheck::Outcomes => outcomes(audit, sheet),
            }),
        };
        let scope = audit.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        said.checked(format!("audit: {}", check.word()), scope, false)
    };
    audit.wanted().map(check).collect()
}

/// One record for each call: none lost, none twice.
fn records(audit: &AuditChecks, sheet: Sheet<'_>) -> Said {
    const COLUMNS: [&str; 6] = ["calls", "answered", "without a record", "with several", "broke off", ""];
    const KINDS: [LogFaultKind; 2] = [LogFaultKind::Lost, LogFaultKind::Several];
    let (all, tally) = (sheet.log.all(), &sheet.log.tally);
    let bad_of = |lines: &StepLines| lines.lost + lines.several;
    let calls = counted_as(all.calls, "answered call of a tool", "answered calls of tools");
    let (lost, several) = (format_count(all.lost), format_count(all.several));
    let (verdict, because) = if all.calls == 0 {
        (Verdict::Inconclusive, "no call of a tool was answered".to_owned())
    } else if all.lost == all.calls {
        let (records, names) = (counted(tally.lines, "record"), audit.fields.id.join("`, `"));
        let because =
            format!("{records} came, and none names a call by its JSON-RPC id in `{names}`: is `id` right?");
        (Verdict::Fail, because)
    } else if all.several > 0 || (all.lost > 0 && tally.gaps == 0) {
        let what = match (all.lost, all.several) {
            (_, 0) => format!("{lost} have no record"),
            (0, _) => format!("{several} have more than one record"),
            _ => format!("{lost} have no record, and {several} more than one"),
        };
        (Verdict::Fail, format!("of {calls} {what}{}", sheet.first(&KINDS)))
    } else if all.lost > 0 {
        let because =
            format!("of {calls} {lost} have no record, and not all of the file was seen: it was cut");
        (Verdict::Inconclusive, because)
    } else if tally.unmatched > 0 {
        let unmatched = counted(tally.unmatched, "call");
        (Verdict::Inconclusive, format!("{unmatched} were too many at once to be matched with records"))
    } else {
        (Verdict::Pass, format!("{calls}, each with one record"))
    };
    let value =
        if bad_of(&all) == 0 { "one each".to_owned() } else { format!("{lost} lost, {several} twice") };
    let rows = sheet.by_step(bad_of, |lines| vec![lines.calls, lines.lost, lines.several, lines.unsure]);
    let rows = rows.map(|(is_good, mut row)| {
        row.resize(COLUMNS.len(), String::new());
        (is_good, row)
    });
    let rows: Vec<_> = rows.chain(sheet.examples(&KINDS, COLUMNS.len())).collect();
    Said {
        verdict,
        value,
        limit: "one record a call".to_owned(),
        because,
        samples: all.calls,
        bad: bad_of(&all),
        evidence: Evidence::of(&COLUMNS, rows),
    }
}

/// Each record says who did what, when, and how it ended.
fn fields(audit: &AuditChecks, sheet: Sheet<'_>) -> Said {
    const COLUMNS: [&str; 3] = ["field", "missing", "can't be read"];
    const KINDS: [LogFaultKind; 3] = [LogFaultKind::NotJson, LogFaultKind::Missing, LogFaultKind::Unreadable];
    let tally = &sheet.log.tally;
    let records = counted(tally.lines, "record");
    let broken = tally.not_json + tally.cut;
    let names = [&audit.fields.time, &audit.who, &audit.what, &audit.fields.level];
    let of = |name: &String| {
        let count = |counts: &std::collections::BTreeMap<String, u64>| counts.get(name).copied().unwrap_or(0);
        (count(&tally.missing), count(&tally.unreadable))
    };
    let bad = broken + names.iter().map(|name| of(name).0 + of(name).1).sum::<u64>();
    let (verdict, because) = if tally.lines == 0 {
        (Verdict::Inconclusive, "no record came".to_owned())
    } else if let Some(name) = names.iter().find(|name| of(name) != (0, 0)) {
        let (missing, odd) = of(name);
        let what = if missing > 0 { "have no" } else { "have an unreadable" };
        let count = format_count(if missing > 0 { missing } else { odd });
        (Verdict::Fail, format!("of {records} {count} {what} `{name}`{}", sheet.first(&KINDS[1..])))
    } else if broken > 0 {
        (
            Verdict::Fail,
            format!("of {records} {} are no JSON objects, or too long to be read", format_count(broken)),
        )
    } else {
        let names = names.map(|name| format!("`{name}`")).join(", ");
        (Verdict::Pass, format!("{records}; those of calls have {names}"))
    };
    let rows = names.iter().map(|name| {
        let (missing, odd) = of(name);
        (missing + odd == 0, vec![format!("`{name}`"), format_count(missing), format_count(odd)])
    });
    let rows: Vec<_> = rows.chain(sheet.examples(&KINDS, COLUMNS.len())).collect();
    Said {
        verdict,
        value: if bad == 0 { "all there".to_owned() } else { format!("{} not there", format_count(bad)) },
        limit: "none missing".to_owned(),
        because,
        samples: tally.lines,
        bad,
        evidence: Evidence::of(&COLUMNS, rows),
    }
}

/// Records of failed calls say so, and no others.
fn outcomes(audit: &AuditChecks, sheet: Sheet<'_>) -> Said {
    const COLUMNS: [&str; 5] = ["calls", "failed", "told as good", "good", "told as failed"];
    const KINDS: [LogFaultKind; 2] = [LogFaultKind::Untold, LogFaultKind::Accused];
    let all = sheet.log.all();
    let bad_of = |lines: &StepLines| lines.untold + lines.accused;
    let (failed, good) = (counted(all.failed, "failed call"), counted(all.good, "good call"));
    let first = sheet.first(&KINDS);
    let (verdict, because) = if all.untold > 0 {
        let untold = format_count(all.untold);
        (Verdict::Fail, format!("of {failed} {untold} are recorded as good{first}"))
    } else if all.accused > 0 {
        (Verdict::Fail, format!("of {good} {} are recorded as failed{first}", format_count(all.accused)))
    } else if all.failed + all.good == 0 {
        (Verdict::Inconclusive, format!("no record of a call says how it ended in `{}`", audit.fields.level))
    } else {
        (Verdict::Pass, format!("{failed} and {good} are recorded as such"))
    };
    let cells = |lines: &StepLines| vec![lines.failed, lines.untold, lines.good, lines.accused];
    let rows: Vec<_> = sheet.by_step(bad_of, cells).chain(sheet.examples(&KINDS, COLUMNS.len())).collect();
    Said {
        verdict,
        value: format!("{} wrong", format_count(bad_of(&all))),
        limit: "as clients saw it".to_owned(),
        because,
        samples: all.failed + all.good,
        bad: bad_of(&all),
        evidence: Evidence::of(&COLUMNS, rows),
    }
}
