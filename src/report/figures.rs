//! The report's numbers as people read them; the same words in every format.

use url::Url;

use super::{
    ClockRow, CrossTalk, ErrorRow, Finding, HealthSpan, LostSessions, RunReport, Saturation, StepRow,
    StreamTime,
};
use crate::metrics::Phase;
pub(super) use crate::model::format_seconds as duration;
use crate::model::{Carriage, HealthState, OutcomeClass, TargetInfo, counted, format_count, format_ratio};
use crate::plan::is_loopback;
use crate::slo::Scope;

/// Spells of bad health beyond this are counted, not told: a health endpoint may flap all the time.
const MOST_SPELLS: usize = 4;

/// A latency, or a dash where there is none.
pub(super) fn latency(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), duration)
}

/// A percentile of a row, and how many calls it takes to tell it from the slowest of them: `1 / (1 - p)`.
pub(super) struct Percentile {
    pub(super) name: &'static str,
    needs: u64,
    value: fn(&StepRow) -> Option<f64>,
}

pub(super) const P50: Percentile = Percentile { name: "p50", needs: 2, value: |row| row.p50 };
pub(super) const P90: Percentile = Percentile { name: "p90", needs: 10, value: |row| row.p90 };
pub(super) const P95: Percentile = Percentile { name: "p95", needs: 20, value: |row| row.p95 };
pub(super) const P99: Percentile = Percentile { name: "p99", needs: 100, value: |row| row.p99 };

/// What `~` before a percentile means.
pub(super) const FEW_CALLS: &str = "~ rests on too few calls for that percentile (p90 takes 10, p95 20, p99 100): \
     it is the slowest call, or close to it";

impl Percentile {
    /// The latency, with `~` before it where there were too few calls; a dash where there were none.
    pub(super) fn of(&self, row: &StepRow) -> String {
        match (self.value)(row) {
            None => "-".to_owned(),
            Some(seconds) if self.lacks_calls(row) => format!("~{}", duration(seconds)),
            Some(seconds) => duration(seconds),
        }
    }

    fn lacks_calls(&self, row: &StepRow) -> bool {
        (self.value)(row).is_some() && row.ok + failed(row) < self.needs
    }
}

/// True when a percentile of one of `rows` needs [`FEW_CALLS`].
pub(super) fn lack_calls<'a>(rows: impl IntoIterator<Item = &'a StepRow>) -> bool {
    rows.into_iter().any(|row| [P50, P90, P95, P99].iter().any(|percentile| percentile.lacks_calls(row)))
}

/// What the objectives' own clock does not tell, a line for each other one: its name, and `p50 .., p95 .., p99 ..`.
pub(super) fn other_clocks(report: &RunReport) -> Vec<(&str, String)> {
    report.clocks.iter().skip(1).map(other_clock).collect()
}

/// What an estimated response time is called in few words.
pub(super) const ESTIMATE: &str = "corrected";

fn other_clock(clock: &ClockRow) -> (&str, String) {
    let [p50, p95, p99, max] = [clock.p50, clock.p95, clock.p99, clock.max].map(latency);
    if clock.estimate {
        return (ESTIMATE, format!("p50 {p50}, p95 {p95}, p99 {p99} (estimate)"));
    }
    let name = ["time", "calls"]
        .iter()
        .find_map(|end| clock.name.strip_suffix(end))
        .map_or(clock.name.as_str(), str::trim_end);
    (name, format!("p50 {p50}, p95 {p95}, p99 {p99}, max {max}"))
}

/// Every time of streamed answers, with its step.
pub(super) fn stream_times(report: &RunReport) -> impl Iterator<Item = (&str, &StreamTime)> {
    let rows = report.streams.iter();
    rows.flat_map(|row| row.times.iter().map(|time| (row.step.as_str(), time)))
}

/// Of a step whose answers came in parts, what its latency does not tell; `None` of one whose answers came at once.
pub(super) fn stream(report: &RunReport, step: &str) -> Option<String> {
    let row = report.streams.iter().find(|row| row.step == step)?;
    let time = |what: &str| row.times.iter().find(|time| time.what == what);
    let (first, gap) = (time("first message")?, time("longest gap")?);
    let [p50, p95, longest] = [first.p50, first.p95, gap.p95].map(duration);
    Some(format!("first message p50 {p50}, p95 {p95}; longest gap p95 {longest}"))
}

/// A moment since the start of the load: `12.0 s`, `-0.4 s`.
pub(super) fn moment(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

/// A round moment on an axis: `30 s`, `2m 00s`.
pub(super) fn tick(seconds: f64) -> String {
    if seconds < 100.0 { format!("{seconds} s") } else { duration(seconds) }
}

/// Calls per second.
pub(super) fn rate(per_second: f64) -> String {
    if per_second < 99.95 { format!("{per_second:.1}/s") } else { format!("{}/s", whole(per_second)) }
}

/// A measure of saturation with its unit.
pub(super) fn measure(unit: &str, value: f64) -> String {
    match unit {
        "bytes" => bytes(value),
        "ratio" => format_ratio(value),
        "cores" => format!("{value:.2} cores"),
        _ => whole(value),
    }
}

/// Bytes in binary units.
pub(super) fn bytes(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{value:.0} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// `2.34 % (29 of 1,240)`, `none`, or `no data` without calls.
pub(super) fn errors(row: &StepRow) -> String {
    let failed = failed(row);
    if row.calls == 0 {
        return "no data".to_owned();
    }
    if failed == 0 {
        return "none".to_owned();
    }
    // Calls that were cut off are in neither.
    format!(
        "{} ({} of {})",
        format_ratio(row.error_ratio),
        format_count(failed),
        format_count(row.ok + failed)
    )
}

/// `748 calls, 29.9/s`, or `2,868 calls due, 982 of them sent; 140/s done`.
pub(super) fn traffic(total: &StepRow) -> String {
    let not_sent = not_sent(total);
    let (calls, rate) = (format_count(total.calls), rate(total.rate));
    if not_sent == 0 {
        return format!("{calls} calls, {rate}");
    }
    format!("{calls} calls due, {} of them sent; {rate} done", format_count(total.calls - not_sent))
}

/// Calls that were never sent.
pub(super) fn not_sent(row: &StepRow) -> u64 {
    let not_sent = row.failures.iter().filter(|(class, _)| *class == OutcomeClass::NotSent);
    not_sent.map(|(_, count)| count).sum()
}

/// Failed calls.
pub(super) fn failed(row: &StepRow) -> u64 {
    let broken_off = [OutcomeClass::Cancelled, OutcomeClass::Interrupted];
    let failed = row.failures.iter().filter(|(class, _)| !broken_off.contains(class));
    failed.map(|(_, count)| count).sum()
}

/// `tool error 20, HTTP status 9`; empty without failures.
pub(super) fn failures(row: &StepRow) -> String {
    let classes: Vec<String> = row
        .failures
        .iter()
        .map(|(class, count)| format!("{} {}", class.label(), format_count(*count)))
        .collect();
    classes.join(", ")
}

/// Why a failed call failed.
pub(super) fn reason(error: &ErrorRow) -> &str {
    error.reason.as_deref().unwrap_or("(other reasons)")
}

/// Which part of the run, in words.
pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::WarmUp => "warm-up",
        Phase::Steady => "steady",
    }
}

/// The most frequent reason that a step's calls gave in the steady phase.
pub(super) fn main_error<'a>(report: &'a RunReport, row: &StepRow) -> Option<&'a ErrorRow> {
    report
        .errors
        .iter()
        .filter(|error| error.step == row.name && error.phase == Phase::Steady && error.reason.is_some())
        .reduce(|most, next| if next.calls > most.calls { next } else { most })
}

/// Why calls failed that an objective looks at.
pub(super) fn errors_behind<'a>(report: &'a RunReport, objective: &Finding) -> Vec<&'a ErrorRow> {
    let scopes = |row: &StepRow| {
        let tool = row.tool.clone().map(Scope::Tool);
        [Scope::All, Scope::Method(row.method.clone()), Scope::Step(row.name.clone())].into_iter().chain(tool)
    };
    let is_in = |row: &&StepRow| scopes(row).any(|scope| scope.to_string() == objective.scope);
    let steps: Vec<&str> = report.steps.iter().filter(is_in).map(|row| row.name.as_str()).collect();
    let steady = report.errors.iter().filter(|error| error.phase == Phase::Steady);
    steady.filter(|error| steps.contains(&error.step.as_str())).collect()
}

/// The largest value of a measure of saturation: `CPU 1.40 cores`.
pub(super) fn peak(saturation: &Saturation) -> String {
    format!("{} {}", saturation.name, measure(&saturation.unit, saturation.peak))
}

/// The largest values of all measures of saturation, or how to have them.
pub(super) fn peaks(report: &RunReport) -> String {
    let peaks: Vec<String> = report.saturation.iter().map(peak).collect();
    let ours = |target: &TargetInfo| Url::parse(&target.url).is_ok_and(|url| is_loopback(&url));
    if !peaks.is_empty() {
        let growth = report.session_growth.map_or_else(String::new, |growth| {
            let each = growth.bytes_per_session;
            format!(
                "; memory grew by about {}{} +- {} for each of {} sessions",
                if each < 0.0 { "-" } else { "" },
                bytes(each.abs()),
                bytes(growth.standard_error),
                format_count(growth.sessions)
            )
        });
        format!("peak {}{growth}", peaks.join(", "))
    } else if report.target.as_ref().is_some_and(ours) {
        "not seen; `observe: { pid: N }` shows it of a server on this machine".to_owned()
    } else {
        "not seen".to_owned()
    }
}

/// The largest number of users in any second: `up to 10 users`.
pub(super) fn peak_users(report: &RunReport) -> String {
    match report.timeline.iter().map(|point| point.users).max().unwrap_or(0) {
        0 => "no users".to_owned(),
        1 => counted(1, "user"),
        most => format!("up to {}", counted(u64::from(most), "user")),
    }
}

/// What a health endpoint said in words: `healthy`, or why there is no word.
pub(super) fn health_word(span: &HealthSpan) -> &'static str {
    match span.state {
        Some(HealthState::Healthy) => "healthy",
        Some(HealthState::Degraded) => "degraded",
        Some(HealthState::Unhealthy) => "unhealthy",
        None => "unknown",
    }
}

/// The first spans that are not healthy, in words: `health degraded (database) from 8.0 s to 11.0 s`.
pub(super) fn unwell(report: &RunReport) -> Vec<String> {
    let unwell: Vec<&HealthSpan> =
        report.health.iter().filter(|span| span.state != Some(HealthState::Healthy)).collect();
    let mut spells: Vec<String> = unwell.iter().take(MOST_SPELLS).map(|span| spell(span)).collect();
    if unwell.len() > MOST_SPELLS {
        spells.push(format!("and {} more", unwell.len() - MOST_SPELLS));
    }
    spells
}

fn spell(span: &HealthSpan) -> String {
    let detail = if span.detail.is_empty() { String::new() } else { format!(" ({})", span.detail) };
    let (from, to) = (moment(span.from), moment(span.to));
    let when = if from == to { format!("at {from}") } else { format!("from {from} to {to}") };
    format!("{} {}{detail} {when}", span.endpoint, health_word(span))
}

/// How the planned calls of the whole run add up: `418 planned = 312 steady + 43 warm-up + 63 around the load`.
pub(super) fn books(report: &RunReport) -> String {
    books_with(report, "")
}

/// [`books`], naming the calls around the load: `.. + 63 around the load (initialize 10, ..)`.
pub(super) fn books_in_full(report: &RunReport) -> String {
    let names = report.around.iter().map(|row| format!("{} {}", row.name, format_count(row.calls)));
    books_with(report, &format!(" ({})", names.collect::<Vec<_>>().join(", ")))
}

fn books_with(report: &RunReport, around_names: &str) -> String {
    let around: u64 = report.around.iter().map(|row| row.calls).sum();
    let parts = [
        (report.total.calls, "steady".to_owned()),
        (report.warm_up_total.calls, "warm-up".to_owned()),
        (around, format!("around the load{around_names}")),
        (report.planned.saturating_sub(report.recorded), "without an outcome".to_owned()),
    ];
    let told = parts.iter().filter(|(calls, _)| *calls > 0);
    let sum: Vec<String> = told.map(|(calls, what)| format!("{} {what}", format_count(*calls))).collect();
    let planned = format!("{} planned", format_count(report.planned));
    if sum.is_empty() { planned } else { format!("{planned} = {}", sum.join(" + ")) }
}

/// `0 of 1,234 calls that could tell`: no data is no pass.
pub(super) fn cross_talk(report: &RunReport) -> String {
    let CrossTalk { echoed, crossed } = report.cross_talk;
    match echoed + crossed {
        0 => "no data: no answer held the nonce of its call".to_owned(),
        told => format!("{} of {} calls that could tell", format_count(crossed), format_count(told)),
    }
}

/// `3 lost; 2 of 3 recovered in p50 .., p95 .., max ..`; `None` where no session was lost.
pub(super) fn lost_sessions(report: &RunReport) -> Option<String> {
    let LostSessions { lost, recovered, p50, p95, max } = report.lost_sessions?;
    let times = if recovered == 0 {
        String::new()
    } else {
        format!(" in p50 {}, p95 {}, max {}", latency(p50), latency(p95), latency(max))
    };
    let (lost, recovered) = (format_count(lost), format_count(recovered));
    Some(format!("{lost} lost; {recovered} of {lost} recovered{times}"))
}

/// Which gander made the load: `gander 0.1.0 (dev)`.
pub(super) fn gander(report: &RunReport) -> String {
    format!("gander {} ({})", report.run.gander, report.environment.profile)
}

/// Who was called, in one phrase.
pub(super) fn target(report: &RunReport) -> String {
    let Some(target) = &report.target else { return "not reached, or not ready".to_owned() };
    let over = match target.transport {
        Carriage::Http => "",
        Carriage::Sse => " over HTTP+SSE",
        Carriage::Stdio => " over stdio",
    };
    let protocol = if target.revision.is_empty() {
        "plain HTTP".to_owned()
    } else {
        format!("MCP {}{over}", target.revision)
    };
    match (&target.server, target.transport) {
        // A command may be too long for its line.
        (server, Carriage::Stdio) => {
            format!("{} ({protocol}), started as {}", server.as_deref().unwrap_or("a server"), target.url)
        }
        (Some(server), _) => format!("{server} at {} ({protocol})", target.url),
        (None, _) => format!("{} ({protocol})", target.url),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of f64 to u64 saturates")]
fn whole(value: f64) -> String {
    format_count(value.max(0.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_read_well() {
        assert_eq!(measure("bytes", 35_861_299.0), "34.2 MiB");
        assert_eq!(measure("bytes", 512.0), "512 B");
        assert_eq!(measure("ratio", 0.5), "50 %");
        assert_eq!(measure("cores", 1.4), "1.40 cores");
        assert_eq!(measure("count", 1234.0), "1,234");
        assert_eq!(rate(61.98), "62.0/s");
        assert_eq!(rate(1234.4), "1,234/s");
        assert_eq!(latency(None), "-");
    }
}
