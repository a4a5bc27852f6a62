//! Counters that fell: whether the target began again, or what they count can't be told.
//!
//! PromQL takes each fall for a restart, and so counts whatever a counter that jumps up and down comes to. Here a fall needs a sign of a
//! restart: `process_start_time_seconds` changed; or, of a target without it, all counters that had counted anything fell together,
//! once. It does not know what the counters are asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{MetricKind, Series, SeriesStore};

/// When a target's process began.
pub(crate) const START_TIME: &str = "process_start_time_seconds";
/// What tells the targets of a Prometheus apart.
const OF_TARGET: [&str; 2] = ["job", "instance"];

/// A counter that fell where nothing says that its target began again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fallen<'a> {
    /// The counter.
    pub series: &'a Series,
    /// How often it fell.
    pub falls: u32,
    /// When it fell first,
    pub at: Duration,
    /// from what,
    pub from: f64,
    /// to what.
    pub to: f64,
    /// True where the target tells when its process began.
    pub tells_start: bool,
}

/// What was looked at, and what fell.
#[derive(Debug, Clone, PartialEq)]
pub struct Falls<'a> {
    /// How many counters there are.
    pub counters: u64,
    /// How often a target began again.
    pub restarts: u64,
    /// Those that fell without that, target by target.
    pub fallen: Vec<Fallen<'a>>,
}

impl<'a> Falls<'a> {
    /// Of the counters of `store` at `scrapes`, and of what is `wanted` whatever it says it is.
    pub fn of(store: &'a SeriesStore, scrapes: &[Duration], wanted: impl Fn(&Series) -> bool) -> Self {
        let mut targets: BTreeMap<[&str; 2], Target<'a>> = BTreeMap::new();
        for series in store.iter() {
            let is_start = series.name == START_TIME;
            if is_start || is_counter(store, series) || wanted(series) {
                let name = OF_TARGET.map(|label| series.labels.get(label).unwrap_or_default());
                let target = targets.entry(name).or_default();
                let watched = Watched { series, last: None, fell: None };
                if is_start { &mut target.starts } else { &mut target.counters }.push(watched);
            }
        }
        for target in targets.values_mut() {
            for &at in scrapes {
                target.scraped(at);
            }
        }
        Self {
            counters: targets.values().map(|target| target.counters.len() as u64).sum(),
            restarts: targets.values().map(|target| target.restarts).sum(),
            fallen: targets.values().flat_map(Target::fallen).collect(),
        }
    }

    /// Of those that are `wanted`, the one that fell most often.
    pub fn worst(&self, wanted: impl Fn(&Series) -> bool) -> Option<Fallen<'a>> {
        let of_wanted = self.fallen.iter().copied().filter(|fallen| wanted(fallen.series));
        of_wanted.max_by_key(|fallen| fallen.falls)
    }
}

impl fmt::Display for Fallen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { series, falls, tells_start, .. } = self;
        let times = if *falls == 1 { "once".to_owned() } else { format!("{falls} times") };
        write!(f, "`{}` fell {times} without a sign of a restart ", series.text())?;
        if *tells_start {
            write!(f, "(`{START_TIME}` did not change)")
        } else {
            write!(f, "(without `{START_TIME}`, one fall of all counters together is taken for one)")
        }
    }
}

/// Counters, and those parts of histograms and summaries that only count: sums of negative values may fall.
fn is_counter(store: &SeriesStore, series: &Series) -> bool {
    match store.kind(&series.name) {
        MetricKind::Counter => !series.name.ends_with("_created"),
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
    restarts: u64,
}

struct Watched<'a> {
    series: &'a Series,
    /// The value that was seen last.
    last: Option<f64>,
    fell: Option<Fell>,
}

#[derive(Clone, Copy)]
struct Fell {
    times: u32,
    at: Duration,
    from: f64,
    to: f64,
}

impl<'a> Target<'a> {
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
                Some(last) if now < last => fallen.push((counter, last, now)),
                Some(last) => stayed |= last > 0.0,
                None => {}
            }
        }
        restarted |= !fallen.is_empty()
            && self.starts.is_empty()
            && !stayed
            && !std::mem::replace(&mut self.began_again, true);
        if restarted {
            self.restarts += 1;
            return;
        }
        for (counter, from, to) in fallen {
            counter.fell.get_or_insert(Fell { times: 0, at, from, to }).times += 1;
        }
    }

    fn fallen(&self) -> impl Iterator<Item = Fallen<'a>> + '_ {
        let tells_start = !self.starts.is_empty();
        self.counters.iter().filter_map(move |counter| {
            let Fell { times, at, from, to } = counter.fell?;
            Some(Fallen { series: counter.series, falls: times, at, from, to, tells_start })
        })
    }
}
