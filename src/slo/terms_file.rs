//! What an objective says beside its limit, as written.

use std::time::Duration;

use super::{During, InEvery, Terms, Tolerance};
use crate::input::{Field, Fields, Problem, Problems, Value, parse_share, quoted};
use crate::model::StreamClock;

/// Longer windows than this are a slip of the pen.
const LONGEST: u32 = 86_400;

/// The terms of an objective on `kind`; a term that such an objective can't have is a mistake.
pub(super) fn read_terms(fields: &mut Fields<'_>, kind: Option<&str>, problems: &mut Problems) -> Terms {
    Terms {
        in_every: read_in_every(fields, kind, problems),
        during: fields.optional("during").and_then(|field| read_during(field, problems)),
        abort: read_abort(fields, kind, problems),
        bursts_up_to: read_bursts(fields, kind, problems),
    }
}

fn read_abort(fields: &mut Fields<'_>, kind: Option<&str>, problems: &mut Problems) -> bool {
    let has_windows = fields.has("in_every");
    let Some(field) = fields.optional("abort") else { return false };
    if field.flag(problems) != Some(true) {
        return false;
    }
    match kind {
        Some("latency" | "service_time" | "send_lag" | "error_ratio") if has_windows => {
            let help =
                "remove one of the two: state a second objective without `in_every` that may stop the load";
            field.wrong("evidence is gathered over the run, not in windows", help, problems);
        }
        Some("latency" | "service_time" | "send_lag" | "error_ratio") | None => return true,
        Some(kind) => {
            let (why, instead) = match StreamClock::ALL.into_iter().find(|clock| clock.key() == kind) {
                Some(_) => (
                    "evidence is gathered while the load runs, and answers that come in parts are judged when it is over",
                    "remove it, and put `abort: true` into an objective on the `latency` of the same calls",
                ),
                None => (
                    "evidence is gathered call by call, and it has no calls that are good or bad",
                    "remove it: an `error_ratio`, a `latency`, a `service_time` or a `send_lag` can",
                ),
            };
            let (message, help) = (format!("{} can't stop the load: {why}", quoted(kind)), instead);
            field.wrong(message, help, problems);
        }
    }
    false
}

fn read_bursts(fields: &mut Fields<'_>, kind: Option<&str>, problems: &mut Problems) -> Option<Duration> {
    let has_windows = fields.has("in_every");
    let field = fields.optional("bursts_up_to")?;
    let length = field.some_duration(problems)?;
    let (message, help) = match kind {
        Some("throughput" | "metric" | "promql" | "events") => {
            let help = "remove it: shares of calls have bursts: `latency`, `error_ratio` and their like";
            ("there are no bad calls that could come in bursts", help)
        }
        Some(_) if has_windows => {
            ("each window is judged by itself, whatever bursts there are", "remove one of the two")
        }
        Some(_) | None => return Some(length),
    };
    field.wrong(message, help, problems);
    None
}

/// The name of a stage, or from when to when.
fn read_during(field: Field<'_>, problems: &mut Problems) -> Option<During> {
    let Value::Map(_) = &field.node.value else {
        return field.name(problems).map(|name| During::Stage(name.to_owned()));
    };
    let mut fields = Fields::of(field.node, "`during`", problems)?;
    let from = fields.required("from", problems).and_then(|field| field.duration(problems));
    let to = fields.required("to", problems).and_then(|field| field.duration(problems));
    fields.finish(problems);
    let (from, to) = (from?, to?);
    if from < to {
        return Some(During::Span { from, to });
    }
    let help =
        "write moments from the start of the load, the earlier one first, such as `{from: 30s, to: 60s}`";
    field.wrong("it ends before it begins", help, problems);
    None
}

fn read_in_every(fields: &mut Fields<'_>, kind: Option<&str>, problems: &mut Problems) -> Option<InEvery> {
    let field = fields.optional("in_every");
    let tolerance_field = fields.optional("tolerance");
    let tolerance = tolerance_field.map(|field| read_tolerance(field, problems));
    if let (Some(tolerance), None) = (tolerance_field, field) {
        let help = "add `in_every: 10s`, or remove it";
        tolerance.wrong("it says how many windows may break the limit, but there are none", help, problems);
    }
    let field = field?;
    let scraped = match kind {
        Some("metric" | "promql") => Some((
            "what is scraped is read at each scrape, not in windows",
            "remove it: with `over_run: max` (or `min`) the limit holds at every scrape",
        )),
        Some("events") => Some((
            "events are counted from scrape to scrape, not in windows",
            "remove it: the evidence is gathered over the whole steady phase",
        )),
        _ => None,
    };
    if let Some((message, help)) = scraped {
        field.wrong(message, help, problems);
        return None;
    }
    let seconds = read_seconds(field, problems)?;
    Some(InEvery { seconds, tolerance: tolerance.unwrap_or(Some(Tolerance::default()))? })
}

/// A length in whole seconds.
pub(super) fn read_seconds(field: Field<'_>, problems: &mut Problems) -> Option<u32> {
    let length = field.duration(problems)?;
    let seconds = u32::try_from(length.as_secs()).ok().filter(|seconds| (1..=LONGEST).contains(seconds));
    if length.subsec_nanos() == 0 && seconds.is_some() {
        return seconds;
    }
    let message = if length.as_secs() == 0 {
        "shorter than a second"
    } else if seconds.is_none() {
        "longer than a day"
    } else {
        "not a whole number of seconds"
    };
    let help = "calls are counted second by second: write whole seconds from `1s` on, such as `10s`";
    field.wrong(message, help, problems);
    None
}

fn read_tolerance(field: Field<'_>, problems: &mut Problems) -> Option<Tolerance> {
    const HELP: &str = "write the share of the windows that may break the limit, such as `5%`, or their number, such as `2 windows`";
    let text = field.text(problems)?;
    let count = |text: &str| text.trim_end().parse::<u32>().ok();
    let written = if let Some(share) = parse_share(text) {
        Some(Tolerance::Share(share))
    } else if let Some(number) = text.strip_suffix("windows").or_else(|| text.strip_suffix("window")) {
        count(number).map(Tolerance::Windows)
    } else {
        None
    };
    match written {
        Some(Tolerance::Share(share)) if share >= 1.0 => {
            field.wrong("with 100 % or more the limit always holds", HELP, problems);
            None
        }
        None => {
            let message = format!("expected a share or a number of windows, found {}", field.node.found());
            problems.push(Problem::error(&field.node.place, format!("`tolerance`: {message}")).help(HELP));
            None
        }
        some => some,
    }
}
