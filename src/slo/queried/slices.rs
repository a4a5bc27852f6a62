//! Objectives whose stretches of time are good or bad as a whole.

use super::{Slices, SteadyScrapes};
use crate::model::{Verdict, format_duration, format_ratio};
use crate::promql::duration_text;
use crate::slo::draft::Draft;
use crate::slo::tick::{Tick, evidence};
use crate::slo::{Finding, exact_percent, without_binary_noise};

/// `ticks` by slices, of which `share` (0 to 1) must be good; `noun` says what the ticks count.
pub(super) fn judge(
    finding: Finding,
    ticks: &[Tick],
    slices: Slices,
    share: f64,
    noun: &str,
    scrapes: &SteadyScrapes<'_>,
) -> Draft {
    let length = duration_text(slices.length);
    let whole = of_slices(ticks, slices, scrapes);
    let filled: Vec<Tick> = whole.iter().copied().filter(|slice| slice.calls > 0).collect();
    if filled.is_empty() {
        let steady = format_duration(scrapes.length());
        let because = if whole.is_empty() {
            format!("the steady phase of {steady} holds no whole slice of {length}: make it longer")
        } else {
            format!("no data: no {noun} in any slice of {length}")
        };
        return Draft::found(Finding { because, ..finding });
    }
    let budget = without_binary_noise(1.0 - share);
    match slices.target {
        Some(target) => {
            let most = without_binary_noise(1.0 - target);
            let as_one = |slice: &Tick| Tick { calls: 1, bad: u64::from(share_of(slice) > most), ..*slice };
            let ones: Vec<Tick> = filled.iter().map(as_one).collect();
            let evidence = evidence(&ones, budget, "slices").over(scrapes.length());
            let share = evidence.share();
            let finding = Finding { value: format_ratio(share), value_number: Some(share), ..finding };
            let more = format!("; a slice of {length} is good with {} good {noun}", exact_percent(target));
            Draft::tested(finding, evidence, "bad", more).counted_by(&ones)
        }
        None => Draft::found(of_mean(finding, &filled, budget, &length)),
    }
}

/// The mean of the slices' shares, plainly compared: it is no count.
fn of_mean(finding: Finding, slices: &[Tick], budget: f64, length: &str) -> Finding {
    let mean = slices.iter().map(share_of).sum::<f64>() / slices.len() as f64;
    let holds = mean <= budget * (1.0 + 1e-12);
    Finding {
        verdict: if holds { Verdict::Pass } else { Verdict::Fail },
        value: format_ratio(mean),
        value_number: Some(mean),
        within_limit: Some(holds),
        samples: slices.len() as u64,
        because: format!(
            "{} bad in the mean of {} slices of {length}, budget {}",
            format_ratio(mean),
            slices.len(),
            exact_percent(budget)
        ),
        ..finding
    }
}

fn share_of(slice: &Tick) -> f64 {
    slice.bad as f64 / slice.calls as f64
}

/// The whole slices of the steady phase, in order.
fn of_slices(ticks: &[Tick], slices: Slices, scrapes: &SteadyScrapes<'_>) -> Vec<Tick> {
    let each = slices.length.as_nanos().max(1);
    let count = usize::try_from(scrapes.length().as_nanos() / each).unwrap_or(0);
    let empty = Tick { at: scrapes.steady.start, calls: 0, bad: 0 };
    // A run has no more scrapes than fit into memory, slices may be shorter.
    let mut all = vec![empty; count.min(ticks.len().saturating_mul(2).max(1_000))];
    for tick in ticks {
        let since = tick.at.saturating_sub(scrapes.steady.start).as_nanos();
        let place = usize::try_from(since.saturating_sub(1) / each).unwrap_or(usize::MAX);
        if let Some(slice) = all.get_mut(place) {
            *slice = Tick { at: tick.at, calls: slice.calls + tick.calls, bad: slice.bad + tick.bad };
        }
    }
    all
}
