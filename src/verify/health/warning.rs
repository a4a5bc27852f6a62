//! `/health` says that something is wrong before an objective breaks, or at least when it does.
//!
//! What breaks is an objective on latencies or errors that failed, from the first second that shows it; and that calls get an answer, which
//! holds without being written down. Saying `degraded` where nothing broke is no fault: it means *look*, and a server knows of more than a
//! load shows. Saying `unhealthy` is one where all is well, because that pages somebody.

use std::time::Duration;

use super::looks::{Look, Mood, Spell, spells};
use super::{Found, Watch, before, verdict_on};
use crate::model::{Endpoint, Verdict, counted, format_duration};
use crate::verify::{Broken, Evidence};

const COLUMNS: [&str; 4] = ["what broke", "from", "to", "/health said so"];
/// One look alone pages nobody.
const IN_A_ROW: u64 = 2;

/// Something that broke, and the warning of it.
struct Warned {
    broken: Broken,
    /// When `/health` began to say so.
    since: Option<Duration>,
    /// False where it was broken for too short a time for probes to tell.
    is_telling: bool,
    is_good: bool,
}

impl Warned {
    fn lead(&self) -> String {
        self.since.map_or("not at all".to_owned(), |since| before(since, self.broken.from))
    }

    fn row(&self) -> Vec<String> {
        let Broken { name, from, to } = &self.broken;
        let told = match self.since {
            None if !self.is_telling => "not at all, but it was too short for probes to tell".to_owned(),
            _ => self.lead(),
        };
        vec![name.clone(), format_duration(*from), format_duration(*to), told]
    }
}

pub(super) fn check(watch: &Watch<'_>) -> Result<Found, String> {
    let looks = watch.during_load(Endpoint::Health)?;
    let spells = spells(looks);
    let unwell: Vec<&Spell<'_>> = spells.iter().filter(|spell| spell.mood != Mood::Well).collect();
    let unanswered = watch.stretches.iter().map(|stretch| Broken {
        name: "calls are answered".to_owned(),
        from: stretch.from,
        to: stretch.to,
    });
    let broken = watch.seen.broken.iter().cloned().chain(unanswered);
    let warned: Vec<Warned> = broken.map(|broken| watch.warned(broken, &unwell)).collect();
    let wolves: Vec<&&Spell<'_>> = unwell.iter().filter(|spell| watch.is_false_alarm(spell)).collect();
    let alarms = wolves.iter().map(|spell| {
        let until = spell.until.map_or_else(|| "the end".to_owned(), format_duration);
        let nothing = "nothing: it said unhealthy while calls were answered".to_owned();
        (false, vec![nothing, format_duration(spell.first.at), until, counted(spell.looks, "time")])
    });
    let evidence = Evidence::of(&COLUMNS, warned.iter().map(|one| (one.is_good, one.row())).chain(alarms));
    let unwarned = warned.iter().filter(|one| !one.is_good).count();
    let bad = (unwarned + wolves.len()) as u64;
    let (verdict, value, because) = match (warned.iter().find(|one| !one.is_good), wolves.first()) {
        (Some(first), _) => (verdict_on(bad), first.lead(), accusation(first, watch)),
        (None, Some(spell)) => {
            let because = format!(
                "said unhealthy {} from {} on, while calls were answered and nothing broke: somebody was paged for nothing",
                counted(spell.looks, "time"),
                format_duration(spell.first.at)
            );
            (verdict_on(bad), "a false alarm".to_owned(), because)
        }
        (None, None) => nothing_wrong(looks, &unwell, &warned),
    };
    Ok(Found { verdict, value, because, samples: looks.len() as u64, bad, evidence })
}

impl Watch<'_> {
    fn warned(&self, broken: Broken, unwell: &[&Spell<'_>]) -> Warned {
        let slack = self.slack();
        let is_near = |spell: &Spell<'_>| {
            spell.first.at <= broken.to + slack && spell.until.is_none_or(|until| until + slack > broken.from)
        };
        let since = unwell.iter().find(|spell| is_near(spell)).map(|spell| spell.first.at);
        let is_telling = broken.to.saturating_sub(broken.from) >= slack;
        let is_good = match since {
            None => !is_telling,
            Some(since) => since + self.checks.warn_at_least <= broken.from + slack,
        };
        Warned { broken, since, is_telling, is_good }
    }

    /// Unhealthy, with no error or broken objective near that it could be about.
    fn is_false_alarm(&self, spell: &Spell<'_>) -> bool {
        let is_well = |at| self.calls.went_well(at) && !self.is_out(at) && !self.is_broken(at);
        let recovers = |to: Duration| spell.first.at <= to + self.slack();
        let comes_after = self
            .stretches
            .iter()
            .any(|stretch| spell.last + self.slack() >= stretch.from && recovers(stretch.to));
        let broke = self
            .seen
            .broken
            .iter()
            .any(|broken| spell.last + self.slack() >= broken.from && recovers(broken.to));
        spell.mood == Mood::Bad
            && spell.looks >= IN_A_ROW
            && !comes_after
            && !broke
            && is_well(spell.first.at)
            && is_well(spell.last)
    }
}

fn accusation(first: &Warned, watch: &Watch<'_>) -> String {
    let Broken { name, from, to } = &first.broken;
    let when = format!("`{name}` was broken from {} to {}", format_duration(*from), format_duration(*to));
    match first.since {
        None => format!("{when}, and it said healthy all the time"),
        Some(_) if watch.checks.warn_at_least.is_zero() => {
            format!("{when}, and it said so {} that", first.lead())
        }
        Some(_) => {
            let asked = format_duration(watch.checks.warn_at_least);
            format!("{when}, and it said so {} that: {asked} before are asked for", first.lead())
        }
    }
}

fn nothing_wrong(looks: &[Look<'_>], unwell: &[&Spell<'_>], warned: &[Warned]) -> (Verdict, String, String) {
    let probes = counted(looks.len() as u64, "probe");
    // The shortest lead is what can be relied on.
    let told = warned.iter().filter(|one| one.since.is_some());
    if let Some(last) = told.min_by_key(|one| lead_of(one)) {
        let because = format!(
            "said so {} `{}` broke at {}",
            last.lead(),
            last.broken.name,
            format_duration(last.broken.from)
        );
        return (Verdict::Pass, last.lead(), because);
    }
    if let Some(first) = warned.first() {
        let because = format!(
            "`{}` was broken for {}, too short for probes to tell",
            first.broken.name,
            format_duration(first.broken.to.saturating_sub(first.broken.from))
        );
        return (Verdict::Inconclusive, "not known".to_owned(), because);
    }
    let nothing = "no objective on latencies or errors broke";
    match unwell.first() {
        None => (
            Verdict::Pass,
            "nothing broke".to_owned(),
            format!("{nothing}, and all {probes} found it healthy"),
        ),
        Some(spell) => {
            let because = format!(
                "{nothing}; all the same it said {} at {}: a warning that nothing came of",
                spell.first.state(),
                format_duration(spell.first.at)
            );
            (Verdict::Pass, "nothing broke".to_owned(), because)
        }
    }
}

/// In microseconds; less than 0 where it came after.
fn lead_of(one: &Warned) -> i128 {
    let micros = |at: Duration| i128::try_from(at.as_micros()).unwrap_or(i128::MAX);
    one.since.map_or(i128::MIN, |since| micros(one.broken.from) - micros(since))
}
