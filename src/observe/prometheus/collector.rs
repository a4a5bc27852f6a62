//! The task that asks a Prometheus, round after round, and once more when its last scrape of the load must be there.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer::Trouble;
use super::api::Api;
use super::{Asked, PrometheusOptions};
use crate::metrics::{FetchEncoder, Fetched, FetchedSeries, FetchedStore, UP};
use crate::model::{
    Event, Labels, Level, PrometheusEvent, TheirAlert, TheirState, clean_text, format_duration,
    without_credentials,
};
use crate::observe::Reporter;

/// How often it is asked where nothing says how often it scrapes.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
/// It is never asked more often than this unless the scenario says so, ...
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// ... nor less often, and its last scrape is not waited for any longer.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
/// A Prometheus that does not answer is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Samples are there so long after they were scraped.
const TO_BE_STORED: Duration = Duration::from_millis(500);
/// What is asked for goes back behind what is known, for samples that were stored late.
const OVERLAP_MS: i64 = 30_000;
/// What its scrape interval is seen in.
const SEEN_IN_MS: i64 = 10 * 60_000;
/// At the end it is asked so often before it is given up.
const LAST_TRIES: u32 = 3;
/// Notes on it beyond these say nothing new.
const MOST_NOTES: u32 = 10;

/// Asks one Prometheus.
pub(in crate::observe) struct Collector {
    api: Api,
    asked: PrometheusOptions,
    reporter: Reporter,
    encoder: FetchEncoder,
    contact: Option<Contact>,
    /// By the place of the selector: up to when its samples are known.
    until_ms: Vec<Option<i64>>,
    /// Its alerts as they were last seen.
    alerts: BTreeMap<Labels, TheirState>,
    has_alerts: bool,
    is_lost: bool,
    notes: u32,
    told_of_histograms: bool,
}

#[derive(Clone, Copy)]
struct Contact {
    /// The time of day on its clock at which the run's was zero.
    zero_ms: i64,
    scrape_interval: Option<Duration>,
}

impl Collector {
    pub(in crate::observe) fn new(api: Api, mut asked: PrometheusOptions, reporter: Reporter) -> Self {
        // First: a scrape that is stored in mid-round is then missing in `up`, not in the series of its target.
        asked.selectors.sort_by_key(|one| one.selector != UP);
        let until_ms = vec![None; asked.selectors.len()];
        Self {
            api,
            asked,
            reporter,
            encoder: FetchEncoder::default(),
            contact: None,
            until_ms,
            alerts: BTreeMap::new(),
            has_alerts: true,
            is_lost: false,
            notes: 0,
            told_of_histograms: false,
        }
    }

    /// Rounds never overlap: the next one waits for the end of this one.
    pub(in crate::observe) async fn run(mut self, stop: CancellationToken) {
        loop {
            let began = Instant::now();
            let went = self.round().await;
            let pause = if went { self.interval() } else { self.interval().min(ASK_AGAIN) };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(began + pause) => {}
            }
        }
        self.last_scrape().await;
        for _ in 0..LAST_TRIES {
            if self.round().await {
                break;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Waits until the load's end has been scraped.
    async fn last_scrape(&self) {
        if let Some(contact) = self.contact.filter(|_| !self.is_lost) {
            let interval = contact.scrape_interval.unwrap_or(DEFAULT_INTERVAL).min(LONGEST_INTERVAL);
            tokio::time::sleep(interval + TO_BE_STORED).await;
        }
    }

    fn interval(&self) -> Duration {
        let scrapes = || self.contact.and_then(|contact| contact.scrape_interval).unwrap_or(DEFAULT_INTERVAL);
        self.asked.interval.unwrap_or_else(|| scrapes().clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL))
    }

    /// Asks for all that is wanted; false when nobody answers.
    async fn round(&mut self) -> bool {
        let went = self.questions().await;
        match &went {
            Ok(()) if self.is_lost => {
                self.note(Level::Info, "answers again: what it has of the time between is there");
            }
            Ok(()) => {}
            Err(_) if self.is_lost => {}
            Err(trouble) => {
                let why = format!(
                    "can't be asked ({trouble}): what it has from here on is missing until it answers"
                );
                self.note(Level::Warning, &why);
                self.lose(&trouble.to_string());
            }
        }
        self.is_lost = went.is_err();
        went.is_ok()
    }

    async fn questions(&mut self) -> Result<(), Trouble> {
        let contact = match self.contact {
            Some(contact) => contact,
            None => self.first_contact().await?,
        };
        self.look_at_alerts().await?;
        self.fetch(contact).await
    }

    async fn first_contact(&mut self) -> Result<Contact, Trouble> {
        let before = self.reporter.now();
        let their_ms = self.api.time().await?;
        let after = self.reporter.now();
        let zero_ms = their_ms - millis(before + after.saturating_sub(before) / 2);
        let version = self.api.version().await.ok().map(|version| self.cleaned(&version));
        let scrape_interval = self.scrape_interval(their_ms).await?;
        let contact = Contact { zero_ms, scrape_interval };
        self.contact = Some(contact);
        self.event(PrometheusEvent::Reached { version, scrape_interval });
        match self.api.rules().await {
            Ok(mut rules) => {
                let wanted = |name: &String| self.asked.alerts.is_empty() || self.asked.alerts.contains(name);
                rules.retain(|rule| wanted(&rule.name));
                for rule in &mut rules {
                    rule.expr = self.cleaned(&rule.expr);
                    rule.group = self.cleaned(&rule.group);
                    rule.name = self.cleaned(&rule.name);
                }
                self.event(PrometheusEvent::Rules { rules });
            }
            Err(trouble @ Trouble::NoAnswer(_)) => return Err(trouble),
            Err(trouble @ (Trouble::TooMuch | Trouble::Refused(_))) => {
                self.has_alerts = false;
                let why =
                    format!("does not tell of its rules ({trouble}): what it made of alerts is not known");
                self.note(Level::Warning, &why);
            }
        }
        Ok(contact)
    }

    /// As its latest scrapes of the target show, or as its configuration says.
    async fn scrape_interval(&self, now_ms: i64) -> Result<Option<Duration>, Trouble> {
        let up = self.asked.selectors.iter().find(|asked| asked.selector == UP);
        if let Some(Asked { query, .. }) = up {
            let stretch = match self.api.samples(query, now_ms - SEEN_IN_MS, now_ms).await {
                Err(trouble @ Trouble::NoAnswer(_)) => return Err(trouble),
                other => other.unwrap_or_default(),
            };
            let most = stretch.series.iter().max_by_key(|series| series.samples.len());
            if let Some(spacing) = most.and_then(|series| FetchedStore::spacing_ms(&series.samples)) {
                return Ok(Some(Duration::from_millis(spacing.unsigned_abs())));
            }
        }
        match self.api.scrape_interval().await {
            Err(trouble @ Trouble::NoAnswer(_)) => Err(trouble),
            other => Ok(other.ok().flatten()),
        }
    }

    async fn look_at_alerts(&mut self) -> Result<(), Trouble> {
        if !self.has_alerts {
            return Ok(());
        }
        let found = match self.api.alerts().await {
            Ok(found) => found,
            Err(trouble @ Trouble::NoAnswer(_)) => return Err(trouble),
            Err(trouble @ (Trouble::TooMuch | Trouble::Refused(_))) => {
                self.has_alerts = false;
                self.note(Level::Warning, &format!("does not tell of its alerts ({trouble})"));
                return Ok(());
            }
        };
        let names = &self.asked.alerts;
        let is_wanted = |alert: &TheirAlert| {
            let name = alert.labels.get("alertname").unwrap_or_default();
            names.is_empty() || names.iter().any(|wanted| wanted == name)
        };
        let found: Vec<TheirAlert> = found.into_iter().filter(is_wanted).collect();
        let mut seen = BTreeMap::new();
        for TheirAlert { labels, state, active_ms } in found {
            let alert = TheirAlert { labels: self.redacted(&labels), state, active_ms };
            if self.alerts.get(&alert.labels) != Some(&state) {
                self.event(PrometheusEvent::Alert(alert.clone()));
            }
            seen.insert(alert.labels, state);
        }
        for labels in std::mem::take(&mut self.alerts).into_keys().filter(|labels| !seen.contains_key(labels))
        {
            let over = TheirAlert { labels, state: TheirState::Inactive, active_ms: None };
            self.event(PrometheusEvent::Alert(over));
        }
        self.alerts = seen;
        Ok(())
    }

    /// Asks for the samples of all selectors, and tells of what came, even where the last of them are not answered any more.
    async fn fetch(&mut self, contact: Contact) -> Result<(), Trouble> {
        let at = self.reporter.now();
        let until_ms = contact.zero_ms + millis(at);
        let mut round = Vec::new();
        let mut lost = Ok(());
        for place in 0..self.asked.selectors.len() {
            let Asked { selector, query } = self.asked.selectors[place].clone();
            let from_ms = match self.until_ms[place] {
                Some(known) => known - OVERLAP_MS,
                None => contact.zero_ms - millis(self.asked.history),
            };
            let answer = match self.api.samples(&query, from_ms, until_ms).await {
                // Once more: a connection that was kept may just have ended.
                Err(Trouble::NoAnswer(_)) => self.api.samples(&query, from_ms, until_ms).await,
                other => other,
            };
            let (span, series) = match answer {
                Ok(stretch) => {
                    self.until_ms[place] = Some(until_ms);
                    self.tell_of_histograms(&selector, stretch.histograms);
                    (Ok((stretch.from_ms, until_ms)), self.all_redacted(stretch.series))
                }
                Err(trouble @ Trouble::NoAnswer(_)) => {
                    lost = Err(trouble);
                    break;
                }
                Err(trouble @ (Trouble::TooMuch | Trouble::Refused(_))) => {
                    (Err(self.cleaned(&trouble.to_string())), Vec::new())
                }
            };
            round.push(Fetched { selector, span, series });
        }
        if !round.is_empty() {
            let at_us = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
            let record = self.encoder.record(at_us, contact.zero_ms, round);
            self.reporter.fetched(record);
        }
        lost
    }

    /// Records that nothing of what is wanted is answered from here on.
    fn lose(&mut self, why: &str) {
        let zero_ms = self.contact.map_or(0, |contact| contact.zero_ms);
        let round = self.asked.selectors.iter().map(|asked| Fetched {
            selector: asked.selector.clone(),
            span: Err(why.to_owned()),
            series: Vec::new(),
        });
        let at_us = u64::try_from(self.reporter.now().as_micros()).unwrap_or(u64::MAX);
        let record = self.encoder.record(at_us, zero_ms, round.collect());
        self.reporter.fetched(record);
    }

    fn tell_of_histograms(&mut self, selector: &str, count: usize) {
        if count > 0 && !self.told_of_histograms {
            self.told_of_histograms = true;
            let why = format!(
                "has native histograms (of `{selector}`), which are not read: their series are left out"
            );
            self.note(Level::Warning, &why);
        }
    }

    fn all_redacted(&self, mut series: Vec<FetchedSeries>) -> Vec<FetchedSeries> {
        let secrets = &self.reporter.secrets;
        if !secrets.is_empty() {
            for one in &mut series {
                one.name = secrets.redacted(&one.name);
                one.labels = self.redacted(&one.labels);
            }
        }
        series
    }

    fn redacted(&self, labels: &Labels) -> Labels {
        let secrets = &self.reporter.secrets;
        labels.iter().map(|(name, value)| (secrets.redacted(name), secrets.redacted(value))).collect()
    }

    fn cleaned(&self, text: &str) -> String {
        clean_text(&self.reporter.secrets.redacted(text))
    }

    fn event(&self, seen: PrometheusEvent) {
        self.reporter.event(self.reporter.now(), Event::Prometheus(seen));
    }

    fn note(&mut self, level: Level, what: &str) {
        self.notes += 1;
        if self.notes > MOST_NOTES {
            return;
        }
        let at = self.reporter.now();
        let url = without_credentials(self.asked.url.as_str()).into_owned();
        let text = format!("the Prometheus at {url}, {} into the run, {what}", format_duration(at));
        self.reporter.event(at, Event::Note { level, text: self.cleaned(&text) });
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}
