//! All is well again: after errors, as soon as calls are answered; after the load, at last.

use std::time::Duration;

use super::looks::{Look, Mood};
use super::{Found, Watch, verdict_on};
use crate::model::{Endpoint, Verdict, format_duration};
use crate::verify::Evidence;

const COLUMNS: [&str; 5] = ["endpoint", "after", "ended at", "well at", "took"];

/// One endpoint after one end.
struct Back {
    endpoint: Endpoint,
    what: &'static str,
    ended: Duration,
    /// When it was well again.
    well: Option<Duration>,
    /// Until when it was watched.
    watched: Duration,
    /// True where more is not to be asked for, since the end of the load is judged by itself.
    is_open: bool,
}

impl Back {
    fn took(&self) -> Option<Duration> {
        self.well.map(|well| well.saturating_sub(self.ended))
    }

    fn verdict(&self, within: Duration, slack: Duration) -> Verdict {
        match self.took() {
            Some(took) => verdict_on(u64::from(took > within + slack)),
            None if self.is_open => Verdict::Pass,
            None if self.watched + slack < self.ended + within => Verdict::Inconclusive,
            None => Verdict::Fail,
        }
    }

    fn row(&self) -> Vec<String> {
        let well = self.well.map_or("-".to_owned(), format_duration);
        let took = match self.took() {
            Some(took) => format_duration(took),
            None if self.is_open => "the load ended first".to_owned(),
            None => format!("not in {}", format_duration(self.watched.saturating_sub(self.ended))),
        };
        let endpoint = format!("/{}", self.endpoint.word());
        vec![endpoint, self.what.to_owned(), format_duration(self.ended), well, took]
    }
}

pub(super) fn check(watch: &Watch<'_>) -> Result<Found, String> {
    let asked = watch.asked()?;
    let over = watch.over.ok_or("the run was cut off before the load was over")?;
    let within = watch.checks.recover_within;
    let mut backs: Vec<Back> = Vec::new();
    for (endpoint, _) in &asked {
        let looks = &watch.looks[*endpoint as usize];
        let ends = watch.stretches.iter().map(|stretch| stretch.to).filter(|to| *to < over);
        backs.extend(ends.map(|ended| after_errors(*endpoint, looks, ended, (over, within))));
        backs.push(after_load(*endpoint, looks, over));
    }
    if backs.iter().any(|back| back.what == LOAD && back.watched <= over) {
        return Err(
            "the endpoints were not asked after the load: record the run with this check, and to its end"
                .to_owned(),
        );
    }
    let slack = watch.slack();
    let verdict = |back: &Back| back.verdict(within, slack);
    let evidence =
        Evidence::of(&COLUMNS, backs.iter().map(|back| (verdict(back) == Verdict::Pass, back.row())));
    let count = |wanted: Verdict| backs.iter().filter(|back| verdict(back) == wanted).count() as u64;
    let bad = count(Verdict::Fail);
    let slowest = backs.iter().filter_map(Back::took).max().unwrap_or_default();
    let worst = |wanted: Verdict| backs.iter().find(|back| verdict(back) == wanted).expect("one is so");
    let (verdict, value, because) = if bad > 0 {
        let Back { endpoint, what, ended, .. } = worst(Verdict::Fail);
        let took = worst(Verdict::Fail).took();
        let said = took.map_or_else(
            || {
                format!(
                    "was not well in the {} that it was watched",
                    format_duration(worst(Verdict::Fail).watched.saturating_sub(*ended))
                )
            },
            |took| format!("was well only {} later", format_duration(took)),
        );
        let because =
            format!("/{}: {what} ended at {}, and it {said}", endpoint.word(), format_duration(*ended));
        (Verdict::Fail, took.map_or("not well".to_owned(), format_duration), because)
    } else if count(Verdict::Inconclusive) > 0 {
        let back = worst(Verdict::Inconclusive);
        let because = format!(
            "/{} was watched for {} after {}, and was not well yet",
            back.endpoint.word(),
            format_duration(back.watched.saturating_sub(back.ended)),
            back.what
        );
        (Verdict::Inconclusive, "not known".to_owned(), because)
    } else {
        let errors = backs.iter().filter(|back| back.what == ERRORS).filter_map(Back::took).max();
        let errors =
            errors.map_or(String::new(), |took| format!("; after errors within {}", format_duration(took)));
        let load =
            backs.iter().filter(|back| back.what == LOAD).filter_map(Back::took).max().unwrap_or_default();
        let because = format!("all endpoints were well {} after the load{errors}", format_duration(load));
        (Verdict::Pass, format_duration(slowest), because)
    };
    let samples = backs.len() as u64;
    Ok(Found { verdict, value, because, samples, bad, evidence })
}

const ERRORS: &str = "errors";
const LOAD: &str = "the load";

/// After errors it is enough that it does not say no: what is slow under load may be degraded.
fn after_errors(
    endpoint: Endpoint,
    looks: &[Look<'_>],
    ended: Duration,
    (over, within): (Duration, Duration),
) -> Back {
    // Calls were answered again somewhen in the last second of errors.
    let from = ended.saturating_sub(Duration::from_secs(1));
    let on = looks.iter().filter(|look| look.at <= over);
    let watched = on.clone().next_back().map_or(Duration::ZERO, |look| look.at);
    let well = on.filter(|look| look.at >= from).find(|look| look.mood() != Mood::Bad).map(|look| look.at);
    Back { endpoint, what: ERRORS, ended, well, watched, is_open: ended + within > over }
}

fn after_load(endpoint: Endpoint, looks: &[Look<'_>], ended: Duration) -> Back {
    let watched = looks.last().map_or(Duration::ZERO, |look| look.at);
    let well = looks.iter().filter(|look| look.at > ended).find(|look| look.mood() == Mood::Well);
    Back { endpoint, what: LOAD, ended, well: well.map(|look| look.at), watched, is_open: false }
}
