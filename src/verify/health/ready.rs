//! `/ready` says no when calls get no answer, soon enough that nobody sends more of them; and not while calls are answered well.

use std::time::Duration;

use super::calls::Stretch;
use super::looks::{Look, Mood, spells};
use super::{Found, Watch, before, verdict_on};
use crate::model::{Endpoint, Verdict, counted, format_count, format_duration};
use crate::verify::Evidence;

const COLUMNS: [&str; 5] = ["what", "from", "to", "calls without an answer", "/ready said no"];
/// One no alone takes nobody out.
const IN_A_ROW: u64 = 2;

/// What `/ready` said of a stretch of errors.
struct Told<'a> {
    stretch: &'a Stretch,
    /// When it began to say no.
    no: Option<Duration>,
    /// When it said yes although it was time to say no.
    yes: Option<Duration>,
    /// The stretch is long enough for probes to tell.
    is_telling: bool,
}

/// Times in a row at which it said no to calls that were answered.
struct FalseNo {
    from: Duration,
    to: Duration,
    looks: u64,
}

impl Told<'_> {
    fn is_good(&self) -> bool {
        !self.is_telling || (self.no.is_some() && self.yes.is_none())
    }

    fn lag(&self) -> String {
        self.no.map_or("not at all".to_owned(), |no| before(no, self.stretch.from))
    }

    fn row(&self) -> Vec<String> {
        let Stretch { from, to, ended } = self.stretch;
        let all = ended.answered + ended.unanswered;
        let calls = format!("{} of {}", format_count(ended.unanswered), format_count(all));
        let what = if self.is_telling { "errors" } else { "errors, too short for probes to tell" };
        let said = match self.yes.filter(|_| self.no.is_some()) {
            Some(yes) => format!("{}, and yes at {}", self.lag(), format_duration(yes)),
            None => self.lag(),
        };
        vec![what.to_owned(), format_duration(*from), format_duration(*to), calls, said]
    }
}

pub(super) fn check(watch: &Watch<'_>) -> Result<Found, String> {
    let looks = watch.during_load(Endpoint::Ready)?;
    let told: Vec<Told<'_>> = watch.stretches.iter().map(|stretch| watch.told(looks, stretch)).collect();
    let false_nos = watch.false_nos(looks);
    let rows = told.iter().map(|told| (told.is_good(), told.row()));
    let nos = false_nos.iter().map(|no| {
        let (from, to) = (format_duration(no.from), format_duration(no.to));
        (false, vec!["said no".to_owned(), from, to, "hardly any".to_owned(), counted(no.looks, "time")])
    });
    let evidence = Evidence::of(&COLUMNS, rows.chain(nos));
    let late: Vec<&Told<'_>> = told.iter().filter(|told| !told.is_good()).collect();
    let bad = (late.len() + false_nos.len()) as u64;
    let (verdict, value, because) = if let Some(first) = late.first() {
        let lag = first.lag();
        (verdict_on(bad), format!("no {lag}"), first.accusation(watch.slack()))
    } else if let Some(no) = false_nos.first() {
        let (from, to) = (format_duration(no.from), format_duration(no.to));
        let because = format!(
            "said no {} in a row, from {from} to {to}, while calls were answered and no objective was broken: the server was taken out for nothing",
            counted(no.looks, "time")
        );
        (verdict_on(bad), "no for nothing".to_owned(), because)
    } else {
        watch.nothing_wrong(looks, &told)
    };
    Ok(Found { verdict, value, because, samples: looks.len() as u64, bad, evidence })
}

impl Told<'_> {
    fn accusation(&self, slack: Duration) -> String {
        let Stretch { from, to, ended } = self.stretch;
        let errors = format!(
            "from {} to {} {} of {} calls got no answer",
            format_duration(*from),
            format_duration(*to),
            format_count(ended.unanswered),
            format_count(ended.answered + ended.unanswered)
        );
        let told = match (self.no, self.yes) {
            (None, _) => "it never said no".to_owned(),
            (Some(no), _) if no > *from + slack => {
                format!("it said no {} they began", before(no, *from))
            }
            (Some(_), yes) => {
                format!("it said yes again at {}", format_duration(yes.unwrap_or(*to)))
            }
        };
        format!("{errors}, and {told}: clients were sent to a server that did not answer")
    }
}

impl Watch<'_> {
    fn told<'s>(&self, looks: &[Look<'_>], stretch: &'s Stretch) -> Told<'s> {
        let said_no = |look: &&Look<'_>| look.mood() != Mood::Well;
        let deadline = stretch.from + self.slack();
        // What is still on when errors begin began to say no before them.
        let nos = spells(looks).into_iter().filter(|spell| spell.mood != Mood::Well);
        let mut nos = nos.filter(|spell| {
            spell.until.unwrap_or(Duration::MAX) > stretch.from && spell.first.at < stretch.to
        });
        let no = nos.next().map(|spell| spell.first.at);
        // In the last second of errors calls may have been answered again, as far as counts by the second can tell.
        let last = stretch.to.saturating_sub(Duration::from_secs(1));
        let due = looks.iter().filter(|look| look.at >= deadline && look.at < last);
        let yes = due.clone().find(|look| !said_no(look)).map(|look| look.at);
        let in_time = no.filter(|no| *no <= deadline);
        let is_telling = stretch.to.saturating_sub(stretch.from) >= self.slack();
        let yes = yes.or_else(|| no.filter(|_| in_time.is_none()));
        Told { stretch, no, yes, is_telling }
    }

    /// Nos in a row while calls were answered well, and no error or broken objective was near that they could be about.
    fn false_nos(&self, looks: &[Look<'_>]) -> Vec<FalseNo> {
        let mut nos: Vec<FalseNo> = Vec::new();
        let mut is_on = false;
        for look in looks {
            let is_false = look.mood() != Mood::Well && self.calls.went_well(look.at);
            match nos.last_mut().filter(|_| is_on) {
                Some(last) if is_false => {
                    last.to = look.at;
                    last.looks += 1;
                }
                _ if is_false => nos.push(FalseNo { from: look.at, to: look.at, looks: 1 }),
                _ => {}
            }
            is_on = is_false;
        }
        nos.retain(|no| no.looks >= IN_A_ROW && !self.is_due_to_errors(no));
        nos
    }

    /// True when errors or a broken objective came while it said no or right after, or were over no longer than may be.
    fn is_due_to_errors(&self, no: &FalseNo) -> bool {
        let (slack, recover) = (self.slack(), self.checks.recover_within);
        let near = |from: Duration, to: Duration| from <= no.to + slack && no.from <= to + recover;
        self.stretches.iter().any(|stretch| near(stretch.from, stretch.to))
            || self.seen.broken.iter().any(|broken| near(broken.from, broken.to))
    }

    fn nothing_wrong(&self, looks: &[Look<'_>], told: &[Told<'_>]) -> (Verdict, String, String) {
        let probes = counted(looks.len() as u64, "probe");
        let total = self.calls.total();
        let nos = looks.iter().filter(|look| look.mood() != Mood::Well).count() as u64;
        let telling: Vec<&Told<'_>> = told.iter().filter(|told| told.is_telling).collect();
        if let Some(last) = telling.iter().max_by_key(|told| told.no) {
            let lag = last.lag();
            let times = if telling.len() == 1 {
                String::new()
            } else {
                format!("; the last of {} times", telling.len())
            };
            let because =
                format!("said no {lag} errors began at {}{times}", format_duration(last.stretch.from));
            return (Verdict::Pass, format!("no {lag}"), because);
        }
        if total.answered == 0 {
            let because =
                "no call of the load was answered, and there were too few in a second to tell since when";
            return (Verdict::Inconclusive, "not known".to_owned(), because.to_owned());
        }
        if !told.is_empty() {
            let because = format!(
                "{} of errors, too short for a probe every {} to tell: give `observe: {{health: {{interval: ...}}}}` a shorter one",
                counted(told.len() as u64, "stretch").replace("stretchs", "stretches"),
                format_duration(self.seen.plan.observe.health_interval)
            );
            return (Verdict::Inconclusive, "not known".to_owned(), because);
        }
        if total.unanswered > 0 && self.calls.are_few() {
            let because = format!(
                "{} got no answer, and in most seconds there were fewer than 5: too few to tell stretches of errors",
                counted(total.unanswered, "call")
            );
            return (Verdict::Inconclusive, "not known".to_owned(), because);
        }
        let because = if nos == 0 {
            format!("said yes to all {probes}, and calls were answered all the time")
        } else {
            format!("said no {nos} times in {probes}, never for long while calls were answered well")
        };
        (Verdict::Pass, if nos == 0 { "yes" } else { "yes, and no at times" }.to_owned(), because)
    }
}
