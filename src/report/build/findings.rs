//! What the harness finds of itself: was there evidence, do its books balance; and the verdict in a sentence.

use super::crosstalk;
use crate::metrics::{Aggregates, Cell, Phase, touched_seconds};
use crate::model::{
    Abort, Event, NotSent, Outcome, Verdict, counted, format_count, format_duration, format_seconds,
    signal_name,
};
use crate::report::measured::LoadClock;
use crate::report::{Ending, Finding, RunLog, StepRow, Totals, figures};
use crate::slo::{ALERT, GeneratorCheck, generator_finding};
use crate::verify::TELEMETRY;

pub(super) const OWN_ORIGIN: &str = "gander";
const GENERATOR: &str = "generator";
const ABORT: &str = "abort";

/// `objectives`, followed by the harness's own findings.
pub(super) fn with_own(
    log: &RunLog,
    all: &Aggregates,
    clock: &LoadClock,
    steady_calls: u64,
    generator: &[GeneratorCheck],
    mut objectives: Vec<Finding>,
    of_answers: Vec<Finding>,
) -> Vec<Finding> {
    if log.ending == Ending::Unmeasured {
        // First: it is why the others have no data.
        objectives.insert(0, missing_target(log));
        return objectives;
    }
    if objectives.is_empty() {
        objectives.push(missing_objectives());
    }
    if steady_calls == 0 {
        objectives.push(missing_calls());
    }
    objectives.extend(unfinished(log, clock));
    objectives.extend(abort(log));
    // Where gander was not well, it may be what did not keep up.
    if generator.iter().all(|check| check.holds != Some(false)) {
        objectives.extend(backlog(log, clock));
    }
    objectives.extend(of_answers);
    objectives.extend(generator_finding(generator));
    objectives.push(accounting(log, &Books::of(log, all)));
    objectives
}

/// The verdict on the run: that of its findings, unless the generator was the bottleneck. Where this machine could not make
/// the load, no finding on the target stands; where it may only have disturbed it, no PASS does. Where it was late, a FAIL
/// stands that is one without that (`fails_anyway`). An answer to the wrong call is one on any machine.
pub(super) fn verdict(findings: &[Finding], generator: &[GeneratorCheck], fails_anyway: bool) -> Verdict {
    let crossed = |finding: &Finding| finding.name == crosstalk::NAME && finding.origin == OWN_ORIGIN;
    if findings.iter().any(|finding| crossed(finding) && finding.verdict == Verdict::Fail) {
        return Verdict::Fail;
    }
    let failing = || generator.iter().filter(|check| check.holds == Some(false));
    if failing().any(|check| check.decisive && !(check.lateness && fails_anyway)) {
        return Verdict::Invalid;
    }
    let others = findings.iter().filter(|finding| finding.name != GENERATOR || finding.origin != OWN_ORIGIN);
    match Verdict::of_all(others.map(|finding| finding.verdict)) {
        Verdict::Pass if failing().next().is_some() => Verdict::Invalid,
        verdict @ (Verdict::Pass | Verdict::Inconclusive | Verdict::Invalid | Verdict::Fail) => verdict,
    }
}

/// The verdict on the run in one sentence; `late_all_the_same` when it fails, and gander was late, which does not explain it.
pub(super) fn because(
    verdict: Verdict,
    objectives: &[Finding],
    total: &StepRow,
    late_all_the_same: bool,
    ending: Ending,
) -> String {
    let decisive: Vec<_> = objectives.iter().filter(|finding| finding.verdict == verdict).collect();
    let sentence = match (verdict, decisive.first()) {
        (Verdict::Pass, _) | (_, None) => {
            let judged = objectives.iter().filter(|finding| finding.origin != OWN_ORIGIN).count();
            let hold = if judged == 1 { "the objective holds" } else { "all objectives hold" };
            format!("{hold} over {}", counted(total.calls, "call"))
        }
        (Verdict::Fail, Some(first)) => {
            let open: Vec<&Finding> =
                objectives.iter().filter(|finding| finding.verdict == Verdict::Inconclusive).collect();
            let Finding { name, scope, indicator, value, limit, because, .. } = first;
            let others = named("also fails", "also fail", &decisive[1..]);
            let open = named("inconclusive", "inconclusive", &open);
            // Where so many calls failed that there is no latency to speak of, their share is the reason.
            let what = match first.value_number {
                _ if indicator == ALERT => format!("{limit} was expected: {because}"),
                None => format!("{indicator} {limit} does not hold: {because}"),
                Some(_) => format!("{indicator} is {value}, the limit is {limit}"),
            };
            let unsent = match figures::not_sent(total) {
                0 => String::new(),
                count => {
                    format!(
                        "; {} of {} calls were never sent",
                        format_count(count),
                        format_count(total.calls)
                    )
                }
            };
            let late = if late_all_the_same {
                "; gander itself was late, too, which does not explain it"
            } else {
                ""
            };
            let sentence = match indicator.as_str() {
                // Its reason is a sentence.
                TELEMETRY => format!("{because} ({name})"),
                _ => format!("{name} ({scope}): {what}"),
            };
            format!("{sentence}{others}{open}{unsent}{late}")
        }
        (Verdict::Invalid | Verdict::Inconclusive, Some(first)) => {
            let word = verdict.as_str().to_lowercase();
            let others = named(&format!("also {word}"), &format!("also {word}"), &decisive[1..]);
            format!("{}: {}{others}", first.name, first.because)
        }
    };
    match (ending, verdict) {
        (Ending::Complete { .. } | Ending::Unmeasured, _) | (_, Verdict::Inconclusive) => sentence,
        (Ending::Aborted { .. }, Verdict::Fail) => aborted(objectives).unwrap_or(sentence),
        (Ending::Aborted { .. }, _) => format!("{sentence} (the load was aborted)"),
        (Ending::Interrupted { .. }, _) => format!("{sentence} (the run was interrupted)"),
        (Ending::Partial, _) => format!("{sentence} (the run has no ending)"),
    }
}

/// `; also fail: a, b and 3 more`; empty without findings.
fn named(one: &str, many: &str, findings: &[&Finding]) -> String {
    const MOST: usize = 3;
    let names: Vec<&str> = findings.iter().take(MOST).map(|finding| finding.name.as_str()).collect();
    let rest = findings.len() - names.len();
    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    match findings.len() {
        0 => String::new(),
        1 => format!("; {one}: {}", names[0]),
        _ => format!("; {many}: {}{rest}", names.join(", ")),
    }
}

fn missing_objectives() -> Finding {
    Finding {
        name: "objectives".to_owned(),
        scope: Finding::WHOLE_RUN.to_owned(),
        indicator: "objectives".to_owned(),
        verdict: Verdict::Inconclusive,
        value: "none".to_owned(),
        value_number: Some(0.0),
        limit: ">= 1".to_owned(),
        samples: 0,
        bad: None,
        within_limit: None,
        budget: None,
        because: "there is no objective to judge the run by".to_owned(),
        origin: OWN_ORIGIN.to_owned(),
    }
}

fn missing_calls() -> Finding {
    Finding {
        name: "load".to_owned(),
        scope: "all calls".to_owned(),
        indicator: "steady load calls".to_owned(),
        verdict: Verdict::Inconclusive,
        value: "no data".to_owned(),
        value_number: Some(0.0),
        limit: ">= 1".to_owned(),
        samples: 0,
        bad: None,
        within_limit: None,
        budget: None,
        because: "no load call ended in the steady phase".to_owned(),
        origin: OWN_ORIGIN.to_owned(),
    }
}

/// Of a load that was not carried out to its end: what it would have shown is not known.
fn unfinished(log: &RunLog, clock: &LoadClock) -> Option<Finding> {
    let planned = format_duration(log.plan.load.duration());
    let measured = format_seconds(clock.duration);
    let why = match log.ending {
        // That of an abort says so itself.
        Ending::Complete { .. } | Ending::Aborted { .. } | Ending::Unmeasured => return None,
        // The signal came when nothing new was to be begun.
        Ending::Interrupted { .. } if clock.duration >= log.plan.load.duration().as_secs_f64() => {
            return None;
        }
        Ending::Interrupted { signal, .. } => format!("interrupted by {}", signal_name(signal)),
        Ending::Partial => "the run has no ending".to_owned(),
    };
    Some(Finding {
        name: "whole load".to_owned(),
        scope: Finding::WHOLE_RUN.to_owned(),
        indicator: "load made".to_owned(),
        verdict: Verdict::Inconclusive,
        value: measured.clone(),
        value_number: Some(clock.duration),
        limit: planned.clone(),
        samples: log.seconds.len() as u64,
        bad: None,
        within_limit: None,
        budget: None,
        because: format!("{why} after {measured} of {planned}: what the rest would have shown is not known"),
        origin: OWN_ORIGIN.to_owned(),
    })
}

/// Of a load that gander stopped: enough was shown. It says the same whatever criteria the run is judged by again.
fn abort(log: &RunLog) -> Option<Finding> {
    let (at, why) = log.events.iter().find_map(|stamped| match &stamped.what {
        Event::Aborted(why) => Some((stamped.at, why)),
        Event::Floor(_)
        | Event::Baseline { .. }
        | Event::Swept(_)
        | Event::LoadStarted
        | Event::SteadyStarted
        | Event::LoadStopped
        | Event::Probe(_)
        | Event::Process(_)
        | Event::Scrape(_)
        | Event::Prometheus(_)
        | Event::Note { .. } => None,
    })?;
    let (samples, bad) = match why {
        Abort::Budget { calls, bad, .. } => (*calls, *bad),
        Abort::AllFailed { calls, .. } => (*calls, *calls),
        Abort::NoAnswer { in_flight, ended, .. } => (in_flight + ended, in_flight + ended),
    };
    Some(Finding {
        name: ABORT.to_owned(),
        scope: Finding::WHOLE_RUN.to_owned(),
        indicator: "load made".to_owned(),
        verdict: Verdict::Fail,
        value: format_duration(at),
        value_number: Some(at.as_secs_f64()),
        limit: format_duration(log.plan.load.duration()),
        samples,
        bad: Some(bad),
        within_limit: None,
        budget: None,
        because: format!("aborted {}: {why}", Abort::after(at)),
        origin: OWN_ORIGIN.to_owned(),
    })
}

/// What the finding on an abort says, if there is one.
fn aborted(findings: &[Finding]) -> Option<String> {
    let abort = findings.iter().find(|finding| finding.name == ABORT && finding.origin == OWN_ORIGIN)?;
    Some(abort.because.clone())
}

/// The share of what was due that may not have been begun when the load is at its end.
const MOST_NOT_BEGUN: f64 = 0.02;

/// Of an open load: where more iterations than chance brings about still wait for a user at its end, or were given up, this was
/// not the rate. What waited and was done is in the response times.
fn backlog(log: &RunLog, clock: &LoadClock) -> Option<Finding> {
    let open = log.plan.load.open()?;
    let touched = touched_seconds(&log.seconds, &clock.steady_seconds());
    let waiting = touched.last()?.waiting;
    let first_step = |step| log.plan.transactions.iter().any(|transaction| transaction.steps[0] == step);
    let is_given_up = |cell: &&Cell| {
        cell.outcome == Outcome::NotSent(NotSent::NoUser)
            && cell.phase == Phase::Steady
            && first_step(cell.step)
    };
    let given_up: u64 =
        touched.iter().flat_map(|second| &second.cells).filter(is_given_up).map(|cell| cell.count).sum();
    let not_begun = waiting + given_up;
    let due: u64 = touched.iter().filter_map(|second| Some(second.pacing.as_ref()?.count())).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
    let share = (due as f64 * MOST_NOT_BEGUN) as u64;
    let most = share.max(open.burst.into()).max(1);
    let kept = not_begun <= most;
    let because = if kept {
        "what was due was done".to_owned()
    } else {
        format!(
            "of {} iterations that were due {} still waited for a user when the load was at its end, and {} had been given up \
             before: the target did not keep up with the rate, or `max_users` is too low",
            format_count(due),
            format_count(waiting),
            format_count(given_up)
        )
    };
    Some(Finding {
        name: "rate".to_owned(),
        scope: Finding::WHOLE_RUN.to_owned(),
        indicator: "iterations not begun in time".to_owned(),
        verdict: if kept { Verdict::Pass } else { Verdict::Fail },
        value: format_count(not_begun),
        value_number: Some(not_begun as f64),
        limit: format!("<= {}", format_count(most)),
        samples: due,
        bad: Some(not_begun),
        within_limit: None,
        budget: None,
        because,
        origin: OWN_ORIGIN.to_owned(),
    })
}

fn missing_target(log: &RunLog) -> Finding {
    let why = log.events.iter().rev().find_map(|stamped| match &stamped.what {
        Event::Note { text, .. } => Some(text.as_str()),
        Event::Floor(_)
        | Event::Baseline { .. }
        | Event::Swept(_)
        | Event::LoadStarted
        | Event::SteadyStarted
        | Event::LoadStopped
        | Event::Aborted(_)
        | Event::Probe(_)
        | Event::Process(_)
        | Event::Scrape(_)
        | Event::Prometheus(_) => None,
    });
    Finding {
        name: "target".to_owned(),
        scope: Finding::WHOLE_RUN.to_owned(),
        indicator: "the target is reached and ready".to_owned(),
        verdict: Verdict::Inconclusive,
        value: "no".to_owned(),
        value_number: None,
        limit: "yes".to_owned(),
        samples: 0,
        bad: None,
        within_limit: None,
        budget: None,
        because: format!("nothing was measured: {}", why.unwrap_or("the target was not reached")),
        origin: OWN_ORIGIN.to_owned(),
    }
}

/// What was counted twice: by the seconds, and by the load itself when it ended.
struct Books {
    planned: u64,
    recorded: u64,
    in_flight: u64,
    totals: Option<Totals>,
}

impl Books {
    fn of(log: &RunLog, all: &Aggregates) -> Self {
        Self {
            planned: all.planned(),
            recorded: all.recorded(),
            in_flight: log.seconds.last().map_or(0, |last| last.in_flight),
            totals: match log.ending {
                Ending::Complete { totals }
                | Ending::Interrupted { totals, .. }
                | Ending::Aborted { totals } => Some(totals),
                Ending::Partial | Ending::Unmeasured => None,
            },
        }
    }

    /// The largest of the differences between the counts.
    fn unaccounted(&self) -> u64 {
        let between = self.planned.abs_diff(self.recorded);
        self.totals.map_or(between, |totals| {
            let planned = totals.planned.abs_diff(self.planned);
            between.max(planned).max(totals.recorded.abs_diff(self.recorded))
        })
    }

    /// Whether the books balance, and the sentence that says so.
    fn balance(&self) -> (Verdict, String) {
        let Self { planned, recorded, in_flight, totals } = self;
        let counts = format!("planned {}, recorded {}", format_count(*planned), format_count(*recorded));
        match totals {
            None if recorded <= planned && planned - recorded <= *in_flight => (
                Verdict::Pass,
                format!(
                    "{counts}: the run has no ending, and up to {} calls were in flight in its last second",
                    format_count(*in_flight)
                ),
            ),
            None => (
                Verdict::Invalid,
                format!(
                    "{counts}, and {} in flight in the last second do not explain it",
                    format_count(*in_flight)
                ),
            ),
            Some(totals) if totals.planned != *planned || totals.recorded != *recorded => (
                Verdict::Invalid,
                format!(
                    "{counts} by the seconds, but planned {}, recorded {} by the load",
                    format_count(totals.planned),
                    format_count(totals.recorded)
                ),
            ),
            Some(_) if planned != recorded => (Verdict::Invalid, counts),
            Some(_) => (Verdict::Pass, format!("{counts}: every planned call ended in one outcome")),
        }
    }
}

fn accounting(log: &RunLog, books: &Books) -> Finding {
    let (verdict, because) = books.balance();
    let lost = books.unaccounted();
    Finding {
        name: "accounting".to_owned(),
        scope: Finding::WHOLE_RUN.to_owned(),
        indicator: "unaccounted calls".to_owned(),
        verdict,
        value: format_count(lost),
        value_number: Some(lost as f64),
        limit: match log.ending {
            Ending::Partial => format!("<= {} in flight", format_count(books.in_flight)),
            Ending::Complete { .. }
            | Ending::Interrupted { .. }
            | Ending::Aborted { .. }
            | Ending::Unmeasured => "0".to_owned(),
        },
        samples: books.planned,
        bad: Some(lost),
        within_limit: None,
        budget: None,
        because,
        origin: OWN_ORIGIN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::CrossTalk;

    #[track_caller]
    fn check(planned: u64, recorded: u64, in_flight: u64, totals: Option<(u64, u64)>, expected: Verdict) {
        let totals = totals.map(|(planned, recorded)| Totals { planned, recorded });
        let (verdict, because) = Books { planned, recorded, in_flight, totals }.balance();
        assert_eq!(verdict, expected, "{because}");
    }

    #[test]
    fn a_failure_that_lateness_cannot_explain_stands() {
        let failed = [Finding { verdict: Verdict::Fail, ..missing_objectives() }];
        let passed = [Finding { verdict: Verdict::Pass, ..missing_objectives() }];
        let check = |decisive, lateness| {
            [GeneratorCheck {
                name: "delay".to_owned(),
                value: String::new(),
                limit: String::new(),
                holds: Some(false),
                way_out: String::new(),
                decisive,
                lateness,
            }]
        };
        let (fail, invalid) = (Verdict::Fail, Verdict::Invalid);
        assert_eq!(verdict(&failed, &check(true, true), true), fail);
        assert_eq!(verdict(&failed, &check(true, true), false), invalid);
        assert_eq!(verdict(&failed, &check(true, false), true), invalid);
        assert_eq!(verdict(&failed, &check(false, true), false), fail);
        assert_eq!(verdict(&passed, &check(true, true), false), invalid);
        assert_eq!(verdict(&passed, &check(false, true), false), invalid);
        let crossed = crosstalk::finding(CrossTalk { echoed: 1, crossed: 1 });
        let crossed: Vec<Finding> = passed.into_iter().chain(crossed).collect();
        assert_eq!(verdict(&crossed, &check(true, false), false), fail);
    }

    #[test]
    fn a_run_that_ended_has_recorded_what_it_planned() {
        check(1240, 1240, 0, Some((1240, 1240)), Verdict::Pass);
        check(1240, 1238, 0, Some((1240, 1238)), Verdict::Invalid);
        check(1240, 1241, 0, Some((1240, 1241)), Verdict::Invalid);
        check(1240, 1238, 2, Some((1240, 1238)), Verdict::Invalid);
    }

    #[test]
    fn the_seconds_and_the_load_must_have_counted_the_same() {
        check(1240, 1240, 0, Some((1241, 1241)), Verdict::Invalid);
        check(1240, 1240, 0, Some((1241, 1240)), Verdict::Invalid);
    }

    #[test]
    fn a_partial_run_may_lack_what_was_in_flight_and_no_more() {
        check(1240, 1238, 2, None, Verdict::Pass);
        check(1240, 1238, 1, None, Verdict::Invalid);
        check(1238, 1240, 9, None, Verdict::Invalid);
    }

    #[test]
    fn the_books_speak_in_numbers() {
        let books = Books {
            planned: 1240,
            recorded: 1238,
            in_flight: 0,
            totals: Some(Totals { planned: 1240, recorded: 1238 }),
        };
        assert_eq!(books.balance().1, "planned 1,240, recorded 1,238");
    }
}
