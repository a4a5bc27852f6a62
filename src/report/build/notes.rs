//! Things a person should know to read the numbers: what the run noted, and what its shape implies.

use std::time::Duration;

use url::Url;

use super::rows::{Rows, is_refused_probe};
use super::scrapes::Scrapes;
use super::{idle, messages, own_prometheus};
use crate::model::{
    Carriage, Era, Event, Level, Messages, OutcomeClass, Strays, format_count, format_duration, format_rate,
    format_seconds, signal_name,
};
use crate::plan::{LoadModel, is_loopback};
use crate::report::measured::LoadClock;
use crate::report::{Ending, RunLog, figures};

/// A shorter overrun is not told, in seconds.
const LEAST_OVERRUN: f64 = 1.0;

/// The notes: first what limits the verdict, then what the run noted, then how to read the numbers.
pub(super) fn notes(log: &RunLog, clock: &LoadClock, rows: &Rows, scrapes: &Scrapes) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(ending_note(log, clock));
    notes.extend(recorded_notes(log));
    notes.extend(scrapes.notes());
    notes.extend(own_prometheus::notes(log));
    notes.extend(waiting_note(log, rows));
    notes.extend(overrun_note(clock));
    notes.extend(warm_up_note(clock, rows));
    notes.extend(shared_machine_note(log));
    notes.extend(era_note(log, rows));
    notes.extend(failed_latencies_note(rows));
    notes.extend(interrupted_note(rows));
    notes.extend(cancelled_note(rows));
    notes.extend(left_open_note(log));
    notes.extend(resumed_note(log));
    notes.extend(idle::note(idle::idle_streams(log, clock)));
    notes.extend(strays_note(strays(log)));
    if log.ending == Ending::Unmeasured {
        return notes;
    }
    let in_steps = log.plan.transactions.iter().any(|transaction| transaction.steps.len() > 1);
    notes.push(
        match log.plan.load.model {
            LoadModel::Open(_) if in_steps => {
                "response times of an open load: from when calls were due to the end of their answers. The first step of a \
                 transaction is due by the schedule, each other one when the step before it has ended: a wait for a user is in \
                 the times of first steps alone"
            }
            LoadModel::Open(_) => {
                "response times of an open load: from when calls were due to the end of their answers"
            }
            LoadModel::Closed(_) => "service times of a closed load, not corrected for coordinated omission",
        }
        .to_owned(),
    );
    let messages = messages::messages(log);
    notes.extend(no_tasks_note(log, &messages));
    notes.extend(messages::notes(&messages));
    notes
}

/// Which era the target is of, and what that cost. A modern first try at a legacy server fails, as it should.
fn era_note(log: &RunLog, rows: &Rows) -> Option<String> {
    let target = log.target.as_ref()?;
    let around = |method: &'static str| rows.around.iter().filter(move |row| row.method == method);
    let era = match target.era {
        Era::Rest => return None,
        Era::Modern => {
            let start = match target.transport {
                Carriage::Stdio => "; the start of a process is in the time of the first call to it",
                Carriage::Http | Carriage::Sse => "",
            };
            let revision = &target.revision;
            return Some(format!("MCP {revision}, the modern era: there are no sessions to open{start}"));
        }
        Era::Legacy => format!("MCP {}, the legacy era", target.revision),
    };
    let sessions: u64 = around("initialize").map(|row| row.calls).sum();
    let of_sessions = || SESSION_METHODS.into_iter().flat_map(around);
    let calls: u64 = of_sessions().map(|row| row.calls).sum();
    let seconds: f64 = of_sessions().map(|row| row.mean.unwrap_or(0.0) * row.calls as f64).sum();
    let cost = (sessions > 0).then(|| {
        format!(
            ": {} sessions{} cost {} calls around the load, {} each on average",
            format_count(sessions),
            if log.plan.load.idle_streams > 0 { ", those of idle streams included," } else { "" },
            format_count(calls),
            figures::duration(seconds / sessions as f64)
        )
    });
    let probed = log.plan.steps.iter().any(|step| is_refused_probe(log, step));
    let probe = if probed { "; `server/discover` failed once, as it should" } else { "" };
    Some(format!("{era}{}{probe}", cost.unwrap_or_default()))
}

/// What opens and ends a session of the legacy era.
const SESSION_METHODS: [&str; 3] = ["initialize", "notifications/initialized", "DELETE"];

/// What was to run as tasks, and did not.
fn no_tasks_note(log: &RunLog, messages: &Messages) -> Option<String> {
    let asked = log.plan.steps.iter().any(|step| step.conduct.task.is_some());
    (asked && messages.tasks.created == 0)
        .then(|| "no call ran as a task: the target answered each as it is, or not at all".to_owned())
}

fn failed_latencies_note(rows: &Rows) -> Option<String> {
    let failed = figures::failed(&rows.total);
    (failed > 0).then(|| {
        format!(
            "latencies include {} failed calls; objectives on latency count them as late",
            format_count(failed)
        )
    })
}

fn interrupted_note(rows: &Rows) -> Option<String> {
    let interrupted = broken_off(rows, OutcomeClass::Interrupted);
    (interrupted > 0).then(|| {
        format!(
            "{} calls were cut off when the load was stopped: how long they would have taken is in no latency, and no \
             objective counts them",
            format_count(interrupted)
        )
    })
}

fn cancelled_note(rows: &Rows) -> Option<String> {
    let cancelled = broken_off(rows, OutcomeClass::Cancelled);
    (cancelled > 0).then(|| {
        format!(
            "{} calls were cancelled as the scenario asks: how long they would have taken is in no latency, and no objective \
             counts them",
            format_count(cancelled)
        )
    })
}

fn broken_off(rows: &Rows, class: OutcomeClass) -> u64 {
    rows.total.failures.iter().filter(|(of, _)| *of == class).map(|(_, count)| count).sum()
}

/// What a server that does not end its streams costs.
fn left_open_note(log: &RunLog) -> Option<String> {
    let answers: u64 = log.seconds.iter().map(|second| second.left_open).sum();
    (answers > 0).then(|| {
        format!(
            "{} answers came on streams that the server kept open: each held its user up for as much as 250 ms before the \
             next call, which is in no latency",
            format_count(answers)
        )
    })
}

/// What a server costs that ends its streams early.
fn resumed_note(log: &RunLog) -> Option<String> {
    let times: u64 = log.seconds.iter().map(|second| second.resumed).sum();
    (times > 0).then(|| {
        format!(
            "{} times the stream of an answer ended before the answer did, and was opened again after the last event that \
             had come (Last-Event-ID): the pause that the server asks for before that is in the latency",
            format_count(times)
        )
    })
}

/// Messages of the run that belong to no call in flight.
pub(super) fn strays(log: &RunLog) -> Strays {
    let mut strays = Strays::default();
    log.seconds.iter().for_each(|second| strays += second.strays);
    strays
}

fn strays_note(Strays { late, duplicate, unknown, rubbish }: Strays) -> Option<String> {
    let kinds = [
        (late, "answers came after their calls had been given up"),
        (duplicate, "answers were to calls that had been answered"),
        (unknown, "answers were to requests that nobody made"),
        (rubbish, "lines or events were no JSON-RPC messages"),
    ];
    let told = kinds.iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, what)| format!("{} {what}", format_count(*count))).collect();
    (!told.is_empty()).then(|| format!("{}: they are in no call's outcome", told.join(", ")))
}

fn ending_note(log: &RunLog, clock: &LoadClock) -> Option<String> {
    let measured = format_seconds(clock.duration);
    match log.ending {
        Ending::Complete { .. } | Ending::Unmeasured => None,
        Ending::Aborted { .. } => Some(format!(
            "aborted after {measured} of {}: the verdicts rest on what was measured until then",
            format_duration(log.plan.load.duration()),
        )),
        Ending::Interrupted { signal, .. } => Some(format!(
            "interrupted by {} after {measured} of {}: the verdicts rest on what was measured until then",
            signal_name(signal),
            format_duration(log.plan.load.duration()),
        )),
        Ending::Partial => Some(format!(
            "partial run: it has no ending (gander was killed, or is still at it), so the verdicts rest on the \
             {measured} that were recorded"
        )),
    }
}

fn recorded_notes(log: &RunLog) -> impl Iterator<Item = String> + '_ {
    log.events.iter().filter_map(|stamped| match &stamped.what {
        Event::Note { level: Level::Warning, text } => Some(format!("warning: {text}")),
        Event::Note { level: Level::Info, text } => Some(text.clone()),
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
    })
}

/// What lags so much longer than the latest hand-over was not late by chance.
const CLEARLY: Duration = Duration::from_millis(1);

/// Of an open load: calls that were due found no free user.
fn waiting_note(log: &RunLog, rows: &Rows) -> Option<String> {
    // What lagged longer than anything that gander was late with waited for a user.
    let late =
        log.seconds.iter().filter_map(|second| second.pacing.as_ref()?.max()).max().unwrap_or_default();
    let lags = log.seconds.iter().flat_map(|second| &second.cells).filter_map(|cell| cell.lag.as_ref());
    let waited = lags.map(|lags| lags.count_over(2 * late + CLEARLY)).sum::<u64>();
    let waiting = log.seconds.iter().map(|second| second.waiting).max().unwrap_or(0);
    if waited == 0 && waiting == 0 {
        return None;
    }
    let users = format_count(log.plan.load.peak_users().into());
    let peak = log.plan.load.open()?.peak_rate();
    let needed = rows.service.map_or_else(String::new, |service| {
        format!(
            "; at {} and {} a call, about {} are busy at a time (estimate)",
            format_rate(peak),
            format_duration(service),
            format_count(busy(peak, service))
        )
    });
    Some(format!(
        "at least {} calls that were due waited for a free user: at times all {users} were busy, so the target, or this \
         machine, was too slow for this rate, or `max_users` is too low{needed}",
        format_count(waited.max(waiting))
    ))
}

/// How many users are busy at a time.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of f64 to u64 saturates")]
fn busy(rate: f64, service: Duration) -> u64 {
    (rate * service.as_secs_f64()).ceil() as u64
}

/// What was due and waited is done after the end of the schedule, as long as its deadline lets it.
fn overrun_note(clock: &LoadClock) -> Option<String> {
    (clock.overrun >= LEAST_OVERRUN).then(|| {
        format!(
            "calls that had been due went on being sent for {} after the load's end: each was, or had waited for as long \
             as its timeout",
            format_seconds(clock.overrun)
        )
    })
}

fn warm_up_note(clock: &LoadClock, rows: &Rows) -> Option<String> {
    (clock.warm_up > 0.0).then(|| {
        format!(
            "warm-up: {} calls begun in the first {} are left out of the verdict",
            format_count(rows.warm_up_total.calls),
            format_seconds(clock.warm_up)
        )
    })
}

fn shared_machine_note(log: &RunLog) -> Option<String> {
    let target = log.target.as_ref()?;
    let cores = log.environment.cores;
    if target.started_by_gander || target.pid.is_some() {
        return Some(format!("the load and the target ran on the same machine and shared its {cores} cores"));
    }
    Url::parse(&target.url).is_ok_and(|url| is_loopback(&url)).then(|| {
        format!(
            "the target has a loopback address: unless that is a tunnel, it ran on the same machine as the load and \
             shared its {cores} cores"
        )
    })
}
