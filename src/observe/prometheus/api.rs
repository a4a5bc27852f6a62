//! Questions to the HTTP API of a Prometheus, one at a time, each answer limited in time and size.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::PrometheusOptions;
use super::answer::{self, Matrix, Trouble};
use crate::metrics::FetchedSeries;
use crate::model::{Labels, TheirAlert, TheirRule};
use crate::observe::http::{Body, Fetcher, NoReply};
use crate::observe::{ObserveError, ObserveOptions};

/// An answer that takes longer is none.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The largest answer, in bytes.
const BODY_LIMIT: usize = 32 << 20;
/// The longest stretch of time that one question asks for, in milliseconds, ...
const LONGEST_MS: i64 = 3_600_000;
/// ... and the shortest.
const SHORTEST_MS: i64 = 5_000;
/// A selector that brings more samples than this in one go is asked for no older ones.
const ENOUGH_SAMPLES: usize = 1_000_000;

/// The interface of one Prometheus.
pub(in crate::observe) struct Api {
    fetcher: Fetcher,
    url: Url,
}

/// Samples, and from when on they are known.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    pub(super) from_ms: i64,
    pub(super) series: Vec<FetchedSeries>,
    pub(super) histograms: usize,
}

impl Api {
    pub(in crate::observe) fn new(
        options: &ObserveOptions,
        asked: &PrometheusOptions,
    ) -> Result<Self, ObserveError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &asked.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ObserveError::PrometheusHeader)?;
            let mut value =
                HeaderValue::from_str(value.expose()).map_err(|_| ObserveError::PrometheusHeader)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let url = asked.url.clone();
        let fetcher = Fetcher::with_headers(options, url.clone(), headers, TIME_LIMIT, BODY_LIMIT)?;
        Ok(Self { fetcher, url })
    }

    /// Its time of day, in milliseconds since 1970.
    pub(super) async fn time(&self) -> Result<i64, Trouble> {
        self.ask("query", &[("query", "time()")], answer::time).await
    }

    /// Its version.
    pub(super) async fn version(&self) -> Result<String, Trouble> {
        self.ask("status/buildinfo", &[], answer::version).await
    }

    /// How often it scrapes where its targets don't say.
    pub(super) async fn scrape_interval(&self) -> Result<Option<Duration>, Trouble> {
        self.ask("status/config", &[], answer::scrape_interval).await
    }

    /// Its alerts that are pending or firing.
    pub(super) async fn alerts(&self) -> Result<Vec<TheirAlert>, Trouble> {
        self.ask("alerts", &[], answer::alerts).await
    }

    /// Its alerting rules.
    pub(super) async fn rules(&self) -> Result<Vec<TheirRule>, Trouble> {
        self.ask("rules", &[("type", "alert")], answer::rules).await
    }

    /// The samples of `selector` between two times, the newest first in as many questions as it takes. What is too much for one
    /// is asked for in shorter stretches; where there are very many samples, the oldest are left.
    pub(super) async fn samples(
        &self,
        selector: &str,
        from_ms: i64,
        until_ms: i64,
    ) -> Result<Stretch, Trouble> {
        let mut all = Stretch { from_ms: until_ms, ..Stretch::default() };
        let mut series: HashMap<(String, Labels), Vec<(i64, f64)>> = HashMap::new();
        let (mut longest, mut count) = (LONGEST_MS, 0);
        while all.from_ms > from_ms {
            let start = from_ms.max(all.from_ms - longest);
            match self.stretch(selector, start, all.from_ms).await {
                Ok(matrix) => {
                    all.from_ms = start;
                    all.histograms = all.histograms.max(matrix.histograms);
                    for FetchedSeries { name, labels, samples } in matrix.series {
                        count += samples.len();
                        series.entry((name, labels)).or_default().extend(samples);
                    }
                }
                Err(Trouble::TooMuch) if longest > SHORTEST_MS => longest = (longest / 4).max(SHORTEST_MS),
                Err(trouble) => return Err(trouble),
            }
            if count > ENOUGH_SAMPLES {
                break;
            }
        }
        let whole = |((name, labels), samples)| FetchedSeries { name, labels, samples };
        all.series = series.into_iter().map(whole).collect();
        // The same answers are the same records.
        all.series.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
        Ok(all)
    }

    async fn stretch(&self, selector: &str, from_ms: i64, until_ms: i64) -> Result<Matrix, Trouble> {
        let query = format!("{selector}[{}ms]", (until_ms - from_ms).max(1));
        let time = format!("{}.{:03}", until_ms.div_euclid(1000), until_ms.rem_euclid(1000));
        self.ask("query", &[("query", &query), ("time", &time)], answer::matrix).await
    }

    /// Reads off the runtime's own threads: a large answer must not hold up the load's calls.
    async fn ask<T: Send + 'static>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        read: fn(u16, &[u8]) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/api/v1/{path}"));
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let reply = self.fetcher.get_from(url, "application/json").await.map_err(no_answer)?;
        match reply.body {
            Body::TooLarge(_) => Err(Trouble::TooMuch),
            Body::Whole(_) if matches!(reply.status, 300..=399) => {
                Err(Trouble::Refused("a redirect, which is not followed".to_owned()))
            }
            Body::Whole(body) => {
                let status = reply.status;
                let read = tokio::task::spawn_blocking(move || read(status, &body));
                read.await.expect("reading neither panics nor is cancelled")
            }
        }
    }
}

fn no_answer(no_reply: NoReply) -> Trouble {
    Trouble::NoAnswer(no_reply.word().to_owned())
}
