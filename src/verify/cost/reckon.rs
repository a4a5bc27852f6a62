//! The reckoning: what was used and called, times what it costs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Cost, CostPart, CostRow, Prices, TokenCount, TokenPrice, money, priced};
use crate::metrics::{Aggregates, Phase, SeriesStore, Tally};
use crate::model::{Event, OutcomeClass, ProcessSample, Stamped, counted, format_count};
use crate::plan::{Plan, Role, Step};
use crate::verify::Seen;
use crate::verify::growth::Growth;

/// What a target without a process of ours says of its own.
const CPU_COUNTER: &str = "process_cpu_seconds_total";
const MEMORY_GAUGE: &str = "process_resident_memory_bytes";

const SECONDS_PER_HOUR: f64 = 3600.0;
const BYTES_PER_GB: f64 = 1e9;
/// What is looked at so long after the load still tells of it: the target is idle then.
const AFTERWARDS: Duration = Duration::from_secs(2);
/// Of a load that was seen for less than this share of its length nothing is reckoned.
const SEEN_ENOUGH: f64 = 0.8;

/// The calls of one tool or method.
#[derive(Debug, Default)]
struct Calls {
    sent: u64,
    /// How long all of them took together, in seconds.
    time: f64,
}

/// What something that was used over a part of the load comes to over all of it.
struct Used {
    /// CPU seconds, or the mean of bytes.
    amount: f64,
    /// Who told it.
    by: &'static str,
}

/// A part with what each row has of it.
struct Split {
    part: CostPart,
    by_row: BTreeMap<String, f64>,
}

/// What the run cost at `prices`.
pub fn cost(prices: &Prices, seen: &Seen<'_>) -> Cost {
    let calls = calls(seen.plan, seen.aggregates);
    let length = length(seen);
    let splits: Vec<Split> = [
        cpu(prices, seen, length).map(|part| by_time(part, &calls)),
        memory(prices, seen, length).map(|part| by_time(part, &calls)),
        prices.tokens.as_ref().map(|tokens| token_cost(tokens, prices, seen, &calls)),
        (!prices.fees.is_empty()).then(|| fees(prices, &calls)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let all: u64 = calls.values().map(|calls| calls.sent).sum();
    let total: Option<f64> = splits.iter().map(|split| split.part.amount).sum();
    let rows = calls.iter().map(|(name, calls)| {
        let own = |split: &Split| split.by_row.get(name).copied().unwrap_or(0.0);
        let amount = total.map(|_| splits.iter().map(own).sum());
        CostRow {
            name: name.clone(),
            calls: calls.sent,
            amount,
            per_thousand_calls: per_thousand(amount, calls.sent),
        }
    });
    let rows = rows.collect();
    let seconds = length.as_secs_f64();
    Cost {
        currency: prices.currency.clone(),
        calls: all,
        seconds,
        total,
        per_thousand_calls: per_thousand(total, all),
        per_hour: total.filter(|_| seconds > 0.0).map(|total| total / seconds * SECONDS_PER_HOUR),
        parts: splits.into_iter().map(|split| split.part).collect(),
        rows,
    }
}

fn per_thousand(amount: Option<f64>, calls: u64) -> Option<f64> {
    amount.filter(|_| calls > 0).map(|amount| amount / calls as f64 * 1e3)
}

/// What a call is called on the bill.
fn name(step: &Step) -> &str {
    step.tool.as_deref().unwrap_or(&step.method)
}

/// The load's calls that were sent, warm-up included.
fn calls(plan: &Plan, all: &Aggregates) -> BTreeMap<String, Calls> {
    let mut calls: BTreeMap<String, Calls> = BTreeMap::new();
    for step in plan.steps.iter().filter(|step| step.role == Role::Load) {
        let entry = calls.entry(name(step).to_owned()).or_default();
        for phase in [Phase::WarmUp, Phase::Steady] {
            let tally = all.step(step.id, phase);
            entry.sent += sent(&tally);
            let service = tally.service.as_ref().unwrap_or(&tally.latency);
            entry.time += service.mean().unwrap_or_default().as_secs_f64() * service.count() as f64;
        }
    }
    calls.retain(|_, calls| calls.sent > 0);
    calls
}

fn sent(tally: &Tally) -> u64 {
    let sent = tally.outcomes.iter().filter(|(outcome, _)| outcome.class() != OutcomeClass::NotSent);
    sent.map(|(_, count)| count).sum()
}

/// From the load's begin to its end.
fn length(seen: &Seen<'_>) -> Duration {
    let stopped = seen.events.iter().find(|stamped| stamped.what == Event::LoadStopped);
    stopped.map_or(Duration::from_secs(seen.seconds.len() as u64), |stamped| stamped.at)
}

fn cpu(prices: &Prices, seen: &Seen<'_>, length: Duration) -> Option<CostPart> {
    let price = prices.vcpu_hour?;
    let hours = length.as_secs_f64() / SECONDS_PER_HOUR;
    let at = format!("{} a vCPU-hour", money(price, &prices.currency));
    Some(match (&prices.reserved, cpu_seconds(seen, length)) {
        (Some(reserved), _) => part(
            "CPU",
            Some(reserved.vcpus * hours * price),
            format!("{} vCPUs reserved, at {at}", reserved.vcpus),
        ),
        (None, Some(used)) => part(
            "CPU",
            Some(used.amount / SECONDS_PER_HOUR * price),
            format!("{:.2} CPU seconds used ({}), at {at}", used.amount, used.by),
        ),
        (None, None) => part("CPU", None, not_seen(CPU_COUNTER)),
    })
}

fn memory(prices: &Prices, seen: &Seen<'_>, length: Duration) -> Option<CostPart> {
    let price = prices.gb_hour?;
    let hours = length.as_secs_f64() / SECONDS_PER_HOUR;
    let at = format!("{} a GB-hour", money(price, &prices.currency));
    Some(match (&prices.reserved, resident_bytes(seen, length)) {
        (Some(reserved), _) => part(
            "memory",
            Some(reserved.memory_gb * hours * price),
            format!("{} GB reserved, at {at}", reserved.memory_gb),
        ),
        (None, Some(used)) => part(
            "memory",
            Some(used.amount / BYTES_PER_GB * hours * price),
            format!("{:.3} GB used ({}), at {at}", used.amount / BYTES_PER_GB, used.by),
        ),
        (None, None) => part("memory", None, not_seen(MEMORY_GAUGE)),
    })
}

fn part(name: &str, amount: Option<f64>, basis: String) -> CostPart {
    CostPart { name: name.to_owned(), amount, basis }
}

fn not_seen(metric: &str) -> String {
    format!(
        "not known: the target's process was not seen, and its metrics have no {metric} for most of the load; \
         give `reserved` to price what it has"
    )
}

/// What the target's process says of itself while the load was on, and just after it.
fn samples<'s>(seen: &Seen<'s>, length: Duration) -> Vec<(Duration, &'s ProcessSample)> {
    let sample = |stamped: &'s Stamped<Event>| {
        let Event::Process(sample) = &stamped.what else { return None };
        (stamped.at <= length + AFTERWARDS).then_some((stamped.at, sample))
    };
    seen.events.iter().filter_map(sample).collect()
}

/// Which share of `length` lies between the first and the last of `times`; `None` where it is too little to go by.
fn share_seen(mut times: impl DoubleEndedIterator<Item = Duration>, length: Duration) -> Option<f64> {
    let first = times.next()?;
    let last = times.next_back()?.min(length);
    // Rises are taken up to the last look: it may be after the load.
    let share = last.saturating_sub(first).as_secs_f64() / length.as_secs_f64();
    (share >= SEEN_ENOUGH).then_some(share)
}

/// CPU time over the whole load: what was seen of it, stretched to its length.
fn cpu_seconds(seen: &Seen<'_>, length: Duration) -> Option<Used> {
    let samples = samples(seen, length);
    if let Some(share) = share_seen(samples.iter().map(|(at, _)| *at), length) {
        let used: f64 =
            samples.windows(2).map(|pair| rise(pair[0].1.cpu_seconds, pair[1].1.cpu_seconds)).sum();
        return Some(Used { amount: used / share, by: "by its process" });
    }
    let times = scrapes(seen.series, CPU_COUNTER, length);
    let share = share_seen(times.iter().copied(), length)?;
    let growth = Growth::of_all(seen.series.named(CPU_COUNTER), *times.first()?, *times.last()?);
    Some(Used { amount: growth.by / share, by: "by its metrics" })
}

/// By how much a counter rose; one that fell began again.
fn rise(before: f64, after: f64) -> f64 {
    if after < before { after } else { after - before }
}

/// The mean of resident memory while the load was on.
fn resident_bytes(seen: &Seen<'_>, length: Duration) -> Option<Used> {
    let samples = samples(seen, length);
    if share_seen(samples.iter().map(|(at, _)| *at), length).is_some() {
        let sum: f64 = samples.iter().map(|(_, sample)| sample.resident_bytes as f64).sum();
        return Some(Used { amount: sum / samples.len() as f64, by: "mean of its process" });
    }
    let times = scrapes(seen.series, MEMORY_GAUGE, length);
    share_seen(times.iter().copied(), length)?;
    let at = |time: &Duration| -> f64 {
        seen.series.named(MEMORY_GAUGE).filter_map(|series| series.value_at(*time)).sum()
    };
    Some(Used { amount: times.iter().map(at).sum::<f64>() / times.len() as f64, by: "mean of its metrics" })
}

/// When `metric` was there to be seen while the load was on, and just after it.
fn scrapes(store: &SeriesStore, metric: &str, length: Duration) -> Vec<Duration> {
    let is_there = |at: &&Duration| store.named(metric).any(|series| series.value_at(**at).is_some());
    store.scrape_times().iter().filter(|at| **at <= length + AFTERWARDS).filter(is_there).copied().collect()
}

/// `part`, shared out by the time that calls took.
fn by_time(part: CostPart, calls: &BTreeMap<String, Calls>) -> Split {
    let all: f64 = calls.values().map(|calls| calls.time).sum();
    let amount = part.amount.unwrap_or(0.0);
    let share = |calls: &Calls| if all > 0.0 { calls.time / all } else { 0.0 };
    let by_row = calls.iter().map(|(name, calls)| (name.clone(), amount * share(calls))).collect();
    Split { part, by_row }
}

fn fees(prices: &Prices, calls: &BTreeMap<String, Calls>) -> Split {
    let fee = |(name, calls): (&String, &Calls)| {
        (name.clone(), priced(&prices.fees, name).unwrap_or(0.0) * calls.sent as f64)
    };
    let by_row: BTreeMap<String, f64> = calls.iter().map(fee).collect();
    let amount = by_row.values().sum();
    let charged: u64 = calls
        .iter()
        .filter(|(name, _)| priced(&prices.fees, name).is_some())
        .map(|(_, calls)| calls.sent)
        .sum();
    Split { part: part("fees", Some(amount), format!("{} charged", counted(charged, "call"))), by_row }
}

fn token_cost(
    tokens: &TokenPrice,
    prices: &Prices,
    seen: &Seen<'_>,
    calls: &BTreeMap<String, Calls>,
) -> Split {
    let at = format!("at {} a million", money(tokens.per_million, &prices.currency));
    let price = tokens.per_million / 1e6;
    let (by_row, basis): (BTreeMap<String, f64>, String) = match &tokens.counted {
        TokenCount::PerCall(counts) => {
            let of = |(name, calls): (&String, &Calls)| {
                (name.clone(), (priced(counts, name).unwrap_or(0) * calls.sent) as f64)
            };
            (calls.iter().map(of).collect(), "by the sheet".to_owned())
        }
        TokenCount::Counter { counter, tool } => {
            let Some(by_row) = counted_tokens(seen, counter, tool.as_deref(), calls) else {
                let basis = if seen.is_fetched {
                    "not known: this reads scrapes, and a Prometheus is asked in their place; give `per_call`"
                        .to_owned()
                } else {
                    format!("not known: the target has no series {counter}")
                };
                return Split { part: part("tokens", None, basis), by_row: BTreeMap::new() };
            };
            (by_row, format!("by {counter}"))
        }
    };
    let all: f64 = by_row.values().sum();
    let basis = format!("{} tokens ({basis}), {at}", whole(all));
    let by_row = by_row.into_iter().map(|(name, count)| (name, count * price)).collect();
    Split { part: part("tokens", Some(all * price), basis), by_row }
}

/// A count in digits, as far as numbers are exact.
fn whole(count: f64) -> String {
    format!("{count:.0}").parse().map_or_else(|_| format!("{count:.3e}"), format_count)
}

/// Tokens by tool, as the target counted them; those that it gives to no tool of the load are shared out by calls.
fn counted_tokens(
    seen: &Seen<'_>,
    counter: &crate::verify::SeriesSelector,
    tool: Option<&str>,
    calls: &BTreeMap<String, Calls>,
) -> Option<BTreeMap<String, f64>> {
    let series = counter.select(seen.series);
    let times = seen.series.scrape_times();
    let (Some(from), Some(to), false) = (times.first(), times.last(), series.is_empty()) else { return None };
    let mut by_row: BTreeMap<String, f64> = calls.keys().map(|name| (name.clone(), 0.0)).collect();
    let mut rest = 0.0;
    for one in series {
        let tokens = Growth::of(one, *from, *to).by;
        let label = tool.and_then(|tool| one.labels.get(tool));
        match label.and_then(|label| by_row.get_mut(label)) {
            Some(sum) => *sum += tokens,
            None => rest += tokens,
        }
    }
    let all: u64 = calls.values().map(|calls| calls.sent).sum();
    for (name, calls) in calls {
        *by_row.entry(name.clone()).or_default() += rest * calls.sent as f64 / all as f64;
    }
    Some(by_row)
}
