//! What was scraped in the steady phase, as the series that queries are asked of: their values, and what they counted.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use super::template;
use crate::metrics::{Falls, MetricKind, Series};
use crate::model::Labels;
use crate::promql::{Engine, Expr, ExprKind, Matcher, Query, Selector, Storage};
use crate::slo::feed::{OwnSeries, of_target};
use crate::slo::metric::least_of;
use crate::slo::scraped::Recorded;

/// The scrapes of the steady phase. Nothing is made of them before it is asked for.
pub(in crate::slo) struct SteadyScrapes<'a> {
    pub(super) recorded: Recorded<'a>,
    pub(super) steady: Range<Duration>,
    labels: &'a Labels,
    /// In order, failed ones among them.
    pub(super) scrapes: Vec<Duration>,
    storage: OnceCell<Storage>,
}

impl<'a> SteadyScrapes<'a> {
    /// Of a target that a Prometheus would have given `labels`.
    pub(in crate::slo) fn new(recorded: Recorded<'a>, steady: &Range<Duration>, labels: &'a Labels) -> Self {
        // What a Prometheus gave has its labels.
        let labels = if recorded.fetched.is_some() { Labels::none() } else { labels };
        let scrapes = recorded.series.looks().into_iter().filter(|at| steady.contains(at));
        Self {
            recorded,
            steady: steady.clone(),
            labels,
            scrapes: scrapes.collect(),
            storage: OnceCell::new(),
        }
    }

    /// How long the steady phase was.
    pub(super) fn length(&self) -> Duration {
        self.steady.end.saturating_sub(self.steady.start)
    }

    /// The mean time from one scrape to the next.
    pub(super) fn interval(&self) -> Duration {
        let (Some(first), Some(last)) = (self.scrapes.first(), self.scrapes.last()) else {
            return Duration::ZERO;
        };
        let gaps = u32::try_from(self.scrapes.len() - 1).unwrap_or(u32::MAX);
        last.saturating_sub(*first) / gaps.max(1)
    }

    /// What was scraped, and nothing of before.
    pub(super) fn storage(&self) -> &Storage {
        self.storage.get_or_init(|| self.recorded.storage_within(self.labels, &self.steady))
    }

    /// As Prometheus is set up, but for subqueries that don't say their step: they go by scrapes.
    pub(super) fn engine(&self) -> Engine {
        let subquery_step = self.interval().max(Duration::from_millis(1));
        Engine { subquery_step, ..Engine::default() }
    }

    /// The query with its window filled in.
    ///
    /// # Errors
    /// In words, of what is no query.
    pub(super) fn query(&self, text: &str) -> Result<Query, String> {
        Query::parse(&template::filled(text, self.length())).map_err(|error| error.to_string())
    }

    /// Selectors of `query` that no series of the whole run fits, as they are written.
    pub(super) fn never_had(&self, query: &Query) -> Vec<String> {
        self.selected_none(query, |series, selector| self.fits(series, &selector.matchers))
    }

    fn selected_none(&self, query: &Query, fits: impl Fn(&Series, &Selector) -> bool) -> Vec<String> {
        let selections = query.selectors().into_iter().filter(|selection| {
            let is_own = selection.selector.name().is_some_and(|name| OwnSeries::NAMES.contains(&name));
            !is_own && !self.recorded.series.iter().any(|series| fits(series, selection.selector))
        });
        let written: BTreeSet<String> = selections
            .map(|selection| {
                let selector = Selector { at: None, offset_ms: 0, ..selection.selector.clone() };
                Expr { kind: ExprKind::Selector(selector), span: 0..0 }.to_string()
            })
            .collect();
        written.into_iter().collect()
    }

    fn fits(&self, series: &Series, matchers: &[Matcher]) -> bool {
        let labels = of_target(&series.name, &series.labels, self.labels);
        matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name)))
    }

    /// A metric that `query` reads and that says of itself that it is a gauge.
    pub(super) fn gauge(&self, query: &Query) -> Option<String> {
        let selectors = query.selectors();
        let names = selectors.iter().filter_map(|selection| selection.selector.name());
        let mut gauges = names.filter(|name| self.recorded.series.kind(name) == MetricKind::Gauge);
        gauges.next().map(str::to_owned)
    }

    /// The scrapes that succeeded: those at which there was anything.
    pub(super) fn whole(&self) -> Vec<Duration> {
        self.scrapes.iter().copied().filter(|at| self.recorded.series.has_any_at(*at)).collect()
    }

    /// Why too few scrapes were read for anything to be said of the steady phase, if so.
    pub(super) fn too_few(&self) -> Option<String> {
        let (read, tried) = (self.whole().len(), self.scrapes.len());
        let needed = least_of(tried);
        (read < needed).then(|| {
            format!("no data: {read} of {tried} scrapes of the steady phase were read, {needed} are needed")
        })
    }

    /// Why what the counters that `queries` select count is not known, if they fell where nothing began again.
    pub(super) fn fell(&self, queries: &[&Query], scrapes: &[Duration]) -> Option<String> {
        let selections: Vec<_> = queries.iter().flat_map(|query| query.selectors()).collect();
        let is_wanted = |series: &Series| {
            selections.iter().any(|selection| self.fits(series, &selection.selector.matchers))
        };
        let falls = Falls::of(self.recorded.series, scrapes, is_wanted);
        falls.worst(is_wanted).map(|fallen| fallen.to_string())
    }

    /// Of each series that one of `queries` selects, what it counted since the first of `scrapes`, at each of them. A drop means that
    /// the target began again at 0; so did a series that was not there at the first of them.
    pub(super) fn counted(&self, queries: &[&Query], scrapes: &[Duration]) -> Storage {
        let mut storage = Storage::new();
        let Some((&first, _)) = scrapes.split_first() else { return storage };
        let selections: Vec<_> = queries.iter().flat_map(|query| query.selectors()).collect();
        let wanted = |series: &Series| {
            selections.iter().any(|selection| self.fits(series, &selection.selector.matchers))
        };
        for (place, series) in self.recorded.series.iter().enumerate().filter(|(_, series)| wanted(series)) {
            let id = storage.series(&of_target(&series.name, &series.labels, self.labels));
            let there = series.value_at(first).or_else(|| self.recorded.value_before(place, first));
            let (mut before, mut counted) = (there.unwrap_or(0.0), 0.0);
            for &at in scrapes {
                if let Some(now) = series.value_at(at) {
                    counted += if now < before { now } else { now - before };
                    before = now;
                }
                // Two series may have become one where secrets were taken out of their labels: then the first one counts.
                let _ = storage.append(id, self.recorded.ms(at), counted);
            }
        }
        storage
    }
}
