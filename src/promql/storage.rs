//! The series that queries are asked of: labels by index, samples by run.
//!
//! Made for scrapes: thousands of series get a sample at the same time, and most say what they said before. So series
//! share their timelines, and a series is a list of runs of one value: a constant one takes 12 bytes whatever its length.
//! Reads no clock and knows no query beyond its matchers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::labels::Labels;
use super::matcher::{MatchOp, Matcher};
use super::timeline::{Timeline, TimelineId, Timelines};
use super::window::{GAP, Window, is_sample};

/// The value of a sample that says: this series is not there any more.
pub const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// True for the stale marker, which no other NaN is.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN.to_bits()
}

/// A series of one [`Storage`]. Stays good for as long as the storage is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(u32);

/// A sample that was not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AppendError {
    /// The series has a later sample.
    #[error("out of order: {series} has a sample at {last_ms} ms, and {at_ms} ms is before that")]
    OutOfOrder {
        /// The series, as Prometheus prints it.
        series: String,
        /// The time of its last sample.
        last_ms: i64,
        /// The time of the sample that was refused.
        at_ms: i64,
    },
    /// The series has another value at this very time.
    #[error("two values at {at_ms} ms: {series} has {kept} there, and {refused} came after it")]
    Duplicate {
        /// The series, as Prometheus prints it.
        series: String,
        /// The time of both.
        at_ms: i64,
        /// The value that was first.
        kept: f64,
        /// The value that was refused.
        refused: f64,
    },
}

/// All series with their samples, in memory. Samples that are appended in the order of time take the least room.
#[derive(Debug, Default)]
pub struct Storage {
    texts: HashSet<Arc<str>>,
    ids: HashMap<Labels, SeriesId>,
    series: Vec<Series>,
    /// Label name, then value, to the series that have it, in the order of their ids.
    index: HashMap<Arc<str>, HashMap<Arc<str>, Vec<SeriesId>>>,
    timelines: Timelines,
}

/// Run `i` goes from `starts[i]` (a place on the timeline) up to the next run's start, the last one up to `end`.
#[derive(Debug)]
struct Series {
    labels: Labels,
    timeline: TimelineId,
    starts: Vec<u32>,
    values: Vec<f64>,
    end: u32,
}

impl Storage {
    /// No series.
    pub fn new() -> Self {
        Self::default()
    }

    /// The series of `labels`, which is made where it is not there yet.
    pub fn series(&mut self, labels: &Labels) -> SeriesId {
        if let Some(id) = self.ids.get(labels) {
            return *id;
        }
        let texts = &mut self.texts;
        let labels = labels.interned(|text| {
            if let Some(known) = texts.get(text) {
                return Arc::clone(known);
            }
            texts.insert(Arc::clone(text));
            Arc::clone(text)
        });
        let id =
            SeriesId(u32::try_from(self.series.len()).expect("fewer than 4 billion series fit in memory"));
        for (name, value) in labels.shared() {
            let values = self.index.entry(Arc::clone(name)).or_default();
            values.entry(Arc::clone(value)).or_default().push(id);
        }
        self.ids.insert(labels.clone(), id);
        let timeline = TimelineId::default();
        self.series.push(Series { labels, timeline, starts: Vec::new(), values: Vec::new(), end: 0 });
        id
    }

    /// Adds a sample at `at_ms` (milliseconds since 1970) behind those that the series has. The same sample twice is one.
    pub fn append(&mut self, id: SeriesId, at_ms: i64, value: f64) -> Result<(), AppendError> {
        let series = &mut self.series[id.0 as usize];
        if series.starts.is_empty() {
            series.timeline = self.timelines.for_new_series(at_ms);
            series.end = self.timelines.get(series.timeline).first();
        } else {
            let last_ms = self.timelines.get(series.timeline).time(series.end - 1);
            if at_ms <= last_ms {
                return series.refuse_unless_known(at_ms, last_ms, value);
            }
        }
        if series.flickers() && self.timelines.leaves_gap(series.timeline, series.end, at_ms) {
            series.timeline = self.timelines.part(series.timeline, series.end, at_ms);
        }
        let place = if let Some(place) = self.timelines.place(series.timeline, at_ms) {
            place
        } else {
            series.timeline = self.timelines.fork(series.timeline, series.end);
            let place = self.timelines.place(series.timeline, at_ms);
            place.expect("a timeline of its own ends with the series' last sample")
        };
        series.push(place, if value.to_bits() == GAP.to_bits() { f64::NAN } else { value });
        Ok(())
    }

    /// Says that the series is not there any more as of `at_ms`: queries at that time and later don't see it.
    pub fn mark_stale(&mut self, id: SeriesId, at_ms: i64) -> Result<(), AppendError> {
        self.append(id, at_ms, STALE_NAN)
    }

    /// Lets go of samples before `at_ms`; of a few of them only later, when it pays. Series stay known.
    pub fn drop_before(&mut self, at_ms: i64) {
        if !self.timelines.drop_before(at_ms) {
            return;
        }
        for series in &mut self.series {
            if series.starts.is_empty() {
                continue;
            }
            let first = self.timelines.get(series.timeline).first();
            if series.drop_before(first) {
                self.timelines.release(series.timeline);
            }
        }
    }

    /// How many series are known, those without samples included.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// True when no series is known.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The labels of a series.
    pub fn labels(&self, id: SeriesId) -> &Labels {
        &self.series[id.0 as usize].labels
    }

    /// The time and value of a series' last sample, the stale marker included.
    pub fn last(&self, id: SeriesId) -> Option<(i64, f64)> {
        let series = &self.series[id.0 as usize];
        let value = *series.values.last()?;
        Some((self.timelines.get(series.timeline).time(series.end - 1), value))
    }

    /// The times of the first and the last sample of all series.
    pub fn span(&self) -> Option<(i64, i64)> {
        self.timelines.span()
    }

    /// The samples of a series in order, stale markers left out.
    pub fn samples(&self, id: SeriesId) -> Vec<(i64, f64)> {
        self.cut(i64::MIN, i64::MAX).window(id).points().collect()
    }

    /// The series that all of `matchers` hold for, with or without samples.
    pub fn select(&self, matchers: &[Matcher]) -> Vec<SeriesId> {
        let Ok(found) = self.select_within(matchers, |_| Ok::<(), std::convert::Infallible>(()));
        found
    }

    /// [`Storage::select`], which tells `book` what it costs to look at a series, counted in samples, before it does.
    pub(crate) fn select_within<E>(
        &self,
        matchers: &[Matcher],
        mut book: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<Vec<SeriesId>, E> {
        let mut lists = Vec::new();
        for matcher in matchers.iter().filter(|m| m.op == MatchOp::Equal && !m.value.is_empty()) {
            match self.index.get(&*matcher.name).and_then(|values| values.get(&*matcher.value)) {
                Some(list) => lists.push((list, matcher)),
                None => return Ok(Vec::new()),
            }
        }
        let mut found = Vec::new();
        let Some((shortest, indexed)) = lists.into_iter().min_by_key(|(list, _)| list.len()) else {
            for at in 0..self.series.len() {
                let id = SeriesId(u32::try_from(at).expect("ids are that small"));
                if self.fits(id, matchers.iter(), &mut book)? {
                    found.push(id);
                }
            }
            return Ok(found);
        };
        let others: Vec<&Matcher> = matchers.iter().filter(|m| !std::ptr::eq(*m, indexed)).collect();
        if others.is_empty() {
            return Ok(shortest.clone());
        }
        for id in shortest {
            if self.fits(*id, others.iter().copied(), &mut book)? {
                found.push(*id);
            }
        }
        Ok(found)
    }

    fn fits<'a, E>(
        &self,
        id: SeriesId,
        matchers: impl Iterator<Item = &'a Matcher>,
        book: &mut impl FnMut(u64) -> Result<(), E>,
    ) -> Result<bool, E> {
        let labels = self.labels(id);
        for matcher in matchers {
            let value = labels.get(&matcher.name);
            book(matcher.cost(value.len()))?;
            if !matcher.matches(value) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The samples after `after_ms` and up to `until_ms`.
    pub(crate) fn cut(&self, after_ms: i64, until_ms: i64) -> Cut<'_> {
        Cut { storage: self, after_ms, until_ms, places: None }
    }
}

impl Series {
    fn refuse_unless_known(&self, at_ms: i64, last_ms: i64, value: f64) -> Result<(), AppendError> {
        let kept = self.values.last().copied().unwrap_or(GAP);
        let series = || self.labels.to_string();
        if at_ms < last_ms {
            return Err(AppendError::OutOfOrder { series: series(), last_ms, at_ms });
        }
        if kept.to_bits() == value.to_bits() {
            return Ok(());
        }
        Err(AppendError::Duplicate { series: series(), at_ms, kept, refused: value })
    }

    /// True when the last sample stands alone behind a gap: if another gap follows, the timeline is that of other series.
    fn flickers(&self) -> bool {
        let runs = self.values.len();
        runs > 1 && self.values[runs - 2].to_bits() == GAP.to_bits() && self.starts[runs - 1] + 1 == self.end
    }

    fn push(&mut self, place: u32, value: f64) {
        if place > self.end && !self.starts.is_empty() {
            self.starts.push(self.end);
            self.values.push(GAP);
        }
        let goes_on = self.values.last().is_some_and(|last| last.to_bits() == value.to_bits());
        if !goes_on {
            self.starts.push(place);
            self.values.push(value);
        }
        self.end = place + 1;
    }

    /// Forgets what is before the place `first`; true when nothing is left.
    fn drop_before(&mut self, first: u32) -> bool {
        if self.end <= first {
            (self.starts, self.values) = (Vec::new(), Vec::new());
            return true;
        }
        let mut over = self.starts.partition_point(|start| *start <= first).saturating_sub(1);
        if self.values[over].to_bits() == GAP.to_bits() {
            over += 1;
        }
        self.starts.drain(..over);
        self.values.drain(..over);
        self.starts[0] = self.starts[0].max(first);
        false
    }
}

/// A stretch of time over all series. Its ends are looked up once for all series that share a timeline.
pub(crate) struct Cut<'a> {
    storage: &'a Storage,
    after_ms: i64,
    until_ms: i64,
    places: Option<(TimelineId, &'a Timeline, u32, u32)>,
}

impl<'a> Cut<'a> {
    /// The samples of a series in the stretch.
    pub(crate) fn window(&mut self, id: SeriesId) -> Window<'a> {
        let series = &self.storage.series[id.0 as usize];
        let Some((timeline, from, to)) = self.places(series) else { return Window::default() };
        let run_from = series.starts.partition_point(|start| *start <= from).saturating_sub(1);
        let run_to = run_from + series.starts[run_from..].partition_point(|start| *start < to);
        Window::new(
            timeline.times(from, to),
            from,
            &series.starts[run_from..run_to],
            &series.values[run_from..run_to],
        )
    }

    /// The last sample of a series in the stretch, unless that is a stale marker.
    pub(crate) fn last(&mut self, id: SeriesId) -> Option<(i64, f64)> {
        let series = &self.storage.series[id.0 as usize];
        let (timeline, from, to) = self.places(series)?;
        let run = series.starts.partition_point(|start| *start < to).checked_sub(1)?;
        let value = series.values[run];
        if value.to_bits() != GAP.to_bits() {
            return is_sample(value).then(|| (timeline.time(to - 1), value));
        }
        // A gap is neither the first run nor the last, and no two follow each other.
        let (value, end) = (series.values[run - 1], series.starts[run]);
        (end > from && is_sample(value)).then(|| (timeline.time(end - 1), value))
    }

    /// The series' timeline, and which of its places are in the stretch; `None` when there are none.
    fn places(&mut self, series: &Series) -> Option<(&'a Timeline, u32, u32)> {
        if series.starts.is_empty() {
            return None;
        }
        let (timeline, from, to) = match self.places {
            Some((id, timeline, from, to)) if id == series.timeline => (timeline, from, to),
            _ => {
                let timeline = self.storage.timelines.get(series.timeline);
                let (from, to) = timeline.places(self.after_ms, self.until_ms);
                self.places = Some((series.timeline, timeline, from, to));
                (timeline, from, to)
            }
        };
        let from = from.max(series.starts[0]);
        let to = to.min(series.end);
        (from < to).then_some((timeline, from, to))
    }
}
