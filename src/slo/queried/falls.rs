//! Counters that fell: whether the target began again, or what they count can't be told.
//!
//! PromQL takes each fall for a restart, and so counts whatever a counter that jumps up and down comes to. Here a fall needs a sign of a
//! restart: `process_start_time_seconds` changed; or, of a target without it, all counters that had counted anything fell together,
//! once. Knows nothing of objectives.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::metrics::{MetricKind, Series, SeriesStore};

/// When a target's process began.
const START_TIME: &str = "process_start_time_seconds";
/// What tells the targets of a Prometheus apart.
const OF_TARGET: [&str; 2] = ["job", "instance"];

/// Why what the counters among `wanted` count is not known, if one of them fell at one of `scrapes` without a sign of a restart.
pub(in crate::slo) fn without_restart(
    store: &SeriesStore,
    scrapes: &[Duration],
    wanted: impl Fn(&Series) -> bool,
) -> Option<String> {
    let mut targets: BTreeMap<[&str; 2], Target<'_>> = BTreeMap::new();
    for series in store.iter() {
        let is_wanted = wanted(series);
        if is_wanted || series.name == START_TIME || is_counter(store, series) {
            let name = OF_TARGET.map(|label| series.labels.get(label).unwrap_or_default());
            let watched = Watched { series, last: None, is_wanted, falls: 0 };
            let target = targets.entry(name).or_default();
            if series.name == START_TIME { &mut target.starts } else { &mut target.counters }.push(watched);
        }
    }
    for target in targets.values_mut() {
        for &at in scrapes {
            target.scraped(at);
        }
    }
    let fallen = targets.values().find_map(|target| Some((target, target.worst()?)));
    fallen.map(|(target, worst)| {
        let name = &worst.series.name;
        let labels = &worst.series.labels;
        let labels = if labels.is_empty() { String::new() } else { labels.to_string() };
        let times = if worst.falls == 1 { "once".to_owned() } else { format!("{} times", worst.falls) };
        let sign = if target.starts.is_empty() {
            format!("without `{START_TIME}`, one fall of all counters together is taken for one")
        } else {
            format!("`{START_TIME}` did not change")
        };
        format!("`{name}{labels}` fell {times} without a sign of a restart ({sign})")
    })
}

fn is_counter(store: &SeriesStore, series: &Series) -> bool {
    match store.kind(&series.name) {
        MetricKind::Counter => true,
        // Sums of negative values may fall.
        MetricKind::Histogram | MetricKind::Summary => {
            series.name.ends_with("_bucket") || series.name.ends_with("_count")
        }
        MetricKind::Gauge | MetricKind::Other | MetricKind::Untyped => false,
    }
}

/// The counters of one process.
#[derive(Default)]
struct Target<'a> {
    starts: Vec<Watched<'a>>,
    counters: Vec<Watched<'a>>,
    /// A restart was seen by its counters alone.
    began_again: bool,
}

struct Watched<'a> {
    series: &'a Series,
    /// The value that was seen last.
    last: Option<f64>,
    is_wanted: bool,
    falls: u32,
}

impl Target<'_> {
    fn scraped(&mut self, at: Duration) {
        let mut restarted = false;
        for start in &mut self.starts {
            let now = start.series.value_at(at);
            restarted |= now.is_some() && start.last.is_some() && now != start.last;
            start.last = now.or(start.last);
        }
        let (mut fallen, mut stayed) = (Vec::new(), false);
        for counter in &mut self.counters {
            let Some(now) = counter.series.value_at(at) else { continue };
            match counter.last.replace(now) {
                Some(last) if now < last => fallen.push(counter),
                Some(last) => stayed |= last > 0.0,
                None => {}
            }
        }
        if fallen.is_empty() || restarted {
            return;
        }
        if self.starts.is_empty() && !stayed && !std::mem::replace(&mut self.began_again, true) {
            return;
        }
        for counter in fallen {
            counter.falls += 1;
        }
    }

    /// Of what is wanted, that which fell most often.
    fn worst(&self) -> Option<&Watched<'_>> {
        let fell = self.counters.iter().filter(|counter| counter.is_wanted && counter.falls > 0);
        fell.max_by_key(|counter| counter.falls)
    }
}
