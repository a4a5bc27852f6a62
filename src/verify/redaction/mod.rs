//! What requests carried as if it were secret must turn up nowhere: not in the target's log, not in its metrics, not in what its health
//! endpoints say, not in answers to others.
//!
//! What is seen is looked through while the run is on; here is judged what was found then.

pub(in crate::verify) mod file;
mod terms;

#[cfg(test)]
mod tests;

pub use terms::RedactionChecks;

use super::{Checked, Checks, Evidence, Seen};
use crate::model::{
    CanaryForm, Event, Leak, Outcome, SweepPlace, Swept, Verdict, counted, counted_as, format_count,
};
use crate::plan::PlacedCanary;

const COLUMNS: [&str; 6] = ["where", "canary", "carried by", "written", "times", "the first"];

/// What was found over the whole run.
#[derive(Default)]
struct Sum {
    swept: Swept,
    leaks: Vec<Leak>,
}

/// What came of the sweep of each place that is wanted.
pub(super) fn checked(redaction: &RedactionChecks, checks: &Checks, seen: &Seen<'_>) -> Vec<Checked> {
    let sum = Sum::of(seen);
    let canaries = &seen.plan.canaries;
    let judge = Judge { redaction, seen, sum: &sum, canaries };
    checks.swept_places(seen.plan).into_iter().map(|place| judge.check(place)).collect()
}

impl Sum {
    fn of(seen: &Seen<'_>) -> Self {
        let mut sum = Self::default();
        for stamped in seen.events {
            let Event::Swept(new) = &stamped.what else { continue };
            for (place, count) in &new.looked {
                *sum.swept.looked.entry(*place).or_default() += count;
            }
            sum.swept.unswept += new.unswept;
            sum.swept.ended |= new.ended;
            sum.swept.trouble.clone_from(&new.trouble);
            for leak in &new.leaks {
                let is_it = |known: &&mut Leak| {
                    (known.place, &known.source, &known.canary, known.form)
                        == (leak.place, &leak.source, &leak.canary, leak.form)
                };
                match sum.leaks.iter_mut().find(is_it) {
                    Some(known) => known.count += leak.count,
                    None => sum.leaks.push(leak.clone()),
                }
            }
        }
        sum
    }
}

struct Judge<'a> {
    redaction: &'a RedactionChecks,
    seen: &'a Seen<'a>,
    sum: &'a Sum,
    canaries: &'a [PlacedCanary],
}

impl Judge<'_> {
    fn check(&self, place: SweepPlace) -> Checked {
        let leaks: Vec<&Leak> = self.sum.leaks.iter().filter(|leak| leak.place == place).collect();
        let looked = self.sum.swept.looked.get(&place).copied().unwrap_or_default();
        let bad: u64 = leaks.iter().map(|leak| leak.count).sum();
        let (verdict, because) = match leaks.first() {
            Some(first) => (Verdict::Fail, self.told(first, &leaks)),
            None => match self.doubt(place, looked) {
                Some(doubt) => (Verdict::Inconclusive, doubt),
                None => (Verdict::Pass, self.nothing_found(place, looked)),
            },
        };
        let value = match (leaks.is_empty(), looked) {
            (true, 0) => "not known".to_owned(),
            (true, _) => "none found".to_owned(),
            (false, _) => format!("in {}", counted(leaks.len() as u64, "place")),
        };
        Checked {
            name: format!("redaction: {}", place.word()),
            scope: match (place, &self.redaction.file) {
                (SweepPlace::Logs, Some(file)) => {
                    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
                }
                _ => place.word().to_owned(),
            },
            verdict,
            value,
            limit: "no canary".to_owned(),
            samples: looked,
            bad,
            because,
            on_time: false,
            evidence: Evidence::of(&COLUMNS, leaks.iter().map(|leak| (false, self.row(leak)))),
        }
    }

    fn told(&self, first: &Leak, leaks: &[&Leak]) -> String {
        let (carrier, form) = (self.carrier(&first.canary), first.form.words());
        let more = match leaks.len() as u64 {
            1 => String::new(),
            places => format!(", and {} more", counted(places - 1, "such place")),
        };
        format!(
            "what {carrier} carried stands {form} in {} ({}){more}: {}",
            first.source,
            counted(first.count, "time"),
            first.example
        )
    }

    fn row(&self, leak: &Leak) -> Vec<String> {
        vec![
            leak.source.clone(),
            leak.canary.clone(),
            self.carrier(&leak.canary),
            leak.form.words().to_owned(),
            format_count(leak.count),
            leak.example.clone(),
        ]
    }

    /// Who carried the canary of this name.
    fn carrier(&self, canary: &str) -> String {
        match self.canaries.iter().find(|placed| placed.name == canary) {
            Some(placed) if placed.is_header => format!("the {canary}"),
            Some(placed) => {
                let names: Vec<String> = placed
                    .steps
                    .iter()
                    .filter_map(|step| self.seen.plan.steps.get(step.index()))
                    .map(|step| format!("`{}`", step.name))
                    .collect();
                format!("the arguments of {}", names.join(", "))
            }
            None => "a request".to_owned(),
        }
    }

    /// Why a sweep that found nothing shows nothing.
    fn doubt(&self, place: SweepPlace, looked: u64) -> Option<String> {
        if self.sum.swept.looked.is_empty() && !self.sum.swept.ended {
            return Some("nobody looked for canaries: record the run with these checks".to_owned());
        }
        if self.carried() == 0 {
            return Some("no request carried a canary".to_owned());
        }
        let trouble = self.sum.swept.trouble.as_ref().filter(|_| place == SweepPlace::Logs);
        if let Some(trouble) = trouble {
            return Some(trouble.clone());
        }
        if looked == 0 {
            let what = match place {
                SweepPlace::Logs => "the log had no new line: does the target write it there?",
                SweepPlace::Metrics => "no scrape gave a text to look through",
                SweepPlace::Health => "no health endpoint gave an answer to look through",
                SweepPlace::Replies => "no answer was drawn to be looked through: raise `sample`",
            };
            return Some(what.to_owned());
        }
        (!self.sum.swept.ended).then(|| "the run ended before all was looked through".to_owned())
    }

    /// Calls that carried a canary, as far as the books tell.
    fn carried(&self) -> u64 {
        let is_sent = |outcome: Outcome| !matches!(outcome, Outcome::NotSent(_));
        let carries =
            |step| self.canaries.iter().any(|placed| placed.is_header || placed.steps.contains(&step));
        let cells = self.seen.seconds.iter().flat_map(|second| &second.cells);
        cells.filter(|cell| is_sent(cell.outcome) && carries(cell.step)).map(|cell| cell.count).sum()
    }

    fn nothing_found(&self, place: SweepPlace, looked: u64) -> String {
        let looked = match place {
            SweepPlace::Logs => counted(looked, "line"),
            SweepPlace::Metrics => counted(looked, "scrape"),
            SweepPlace::Health => counted(looked, "answer"),
            SweepPlace::Replies => {
                let unswept = match self.sum.swept.unswept {
                    0 => String::new(),
                    count => format!(", {} more found no room", format_count(count)),
                };
                let share = crate::model::format_ratio(self.redaction.sample);
                format!("{} (a sample of {share}{unswept})", counted(looked, "answer"))
            }
        };
        let calls = counted(self.carried(), "call");
        let kinds = counted_as(self.canaries.len() as u64, "canary", "canaries");
        format!(
            "{calls} carried {kinds}, and {looked} hold none, {} or {}",
            CanaryForm::Plain.words(),
            "encoded (base64, percent, escapes, hexadecimal)"
        )
    }
}
