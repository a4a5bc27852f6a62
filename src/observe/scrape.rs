//! Scrapes the target's metrics at an interval, and once more at the end. Knows nothing of what the series mean.

use std::time::Duration;

use tokio::time::{Instant, Interval};
use tokio_util::sync::CancellationToken;

use super::Reporter;
use super::http::{Body, Fetcher, NoReply, Reply};
use crate::metrics::{ExpositionError, ExpositionErrorKind, Format, ScrapeEncoder, Scraped};
use crate::model::{Event, ScrapeFault, ScrapeStat, Secrets, clean_text};

const ACCEPT: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";

/// The task that scrapes one URL.
pub(super) struct Scraper {
    fetcher: Fetcher,
    encoder: ScrapeEncoder,
    reporter: Reporter,
}

impl Scraper {
    /// For a run whose clock was zero at `zero_ms`, in milliseconds since 1970.
    pub(super) fn new(fetcher: Fetcher, max_series: usize, zero_ms: i64, reporter: Reporter) -> Self {
        Self { fetcher, encoder: ScrapeEncoder::new(max_series, zero_ms), reporter }
    }

    /// Scrapes never overlap: the next one waits for the tick after the end of this one. When it is told to stop it makes one more, and
    /// where the target may `settle` first another one after that.
    pub(super) async fn run(
        mut self,
        mut ticks: Interval,
        stop: CancellationToken,
        settle: Option<Duration>,
    ) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = ticks.tick() => self.scrape().await,
            }
        }
        self.scrape().await;
        if let Some(settle) = settle {
            tokio::time::sleep(settle).await;
            self.scrape().await;
        }
        let ended = self.encoder.ended(self.reporter.now());
        self.reporter.scrape(ended);
    }

    /// Scrapes once, now.
    pub(super) async fn scrape(&mut self) {
        let at = self.reporter.now();
        let began = Instant::now();
        let reply = self.fetcher.get(ACCEPT).await;
        let duration = began.elapsed();
        let bytes = reply.as_ref().map_or(0, |reply| reply.body.bytes());
        let scraped = match sound_body(reply) {
            Ok((body, format)) => self.take_in(at, body, format).await,
            Err(fault) => Err(fault),
        };
        let (record, samples, fault, troubles) = match scraped {
            Ok(Scraped { record, samples, troubles }) => (record, samples, None, troubles),
            Err(fault) => (self.encoder.failed(at), 0, Some(fault), Vec::new()),
        };
        self.reporter.scrape(record);
        self.reporter.event(at, Event::Scrape(ScrapeStat { duration, bytes, samples, fault, troubles }));
    }

    /// Parses off the runtime's own threads: a large scrape must not hold up the load's calls.
    async fn take_in(&mut self, at: Duration, body: Vec<u8>, format: Format) -> Result<Scraped, ScrapeFault> {
        let mut encoder = std::mem::take(&mut self.encoder);
        let (secrets, sweep) = (self.reporter.secrets.clone(), self.reporter.sweep.clone());
        let parsed = tokio::task::spawn_blocking(move || {
            if let Some(sweep) = sweep {
                sweep.scrape(&body);
            }
            let scraped = match encoder.scraped(at, &body, format) {
                Ok(scraped) => Ok(redacted(scraped, &secrets)),
                Err(error) => Err(fault_of(&error, &secrets)),
            };
            (encoder, scraped)
        });
        let (encoder, scraped) = parsed.await.expect("parsing neither panics nor is cancelled");
        self.encoder = encoder;
        scraped
    }
}

/// `scraped` without the secrets that the target echoes in names and labels. Series stay apart by their ids, even where
/// nothing else tells them apart any more.
fn redacted(mut scraped: Scraped, secrets: &Secrets) -> Scraped {
    for trouble in &mut scraped.troubles {
        trouble.series = clean_text(&secrets.redacted(&trouble.series));
    }
    if secrets.is_empty() {
        return scraped;
    }
    let record = &mut scraped.record;
    for series in &mut record.new {
        series.name = secrets.redacted(&series.name);
        let labels = series.labels.iter();
        series.labels =
            labels.map(|(name, value)| (secrets.redacted(name), secrets.redacted(value))).collect();
    }
    let kinds = std::mem::take(&mut record.kinds);
    record.kinds = kinds.into_iter().map(|(family, kind)| (secrets.redacted(&family), kind)).collect();
    scraped
}

fn fault_of(error: &ExpositionError, secrets: &Secrets) -> ScrapeFault {
    match error.kind {
        ExpositionErrorKind::Malformed => {
            ScrapeFault::Malformed(clean_text(&secrets.redacted(&error.to_string())))
        }
        ExpositionErrorKind::TooManySamples => ScrapeFault::TooManySeries,
    }
}

fn sound_body(reply: Result<Reply, NoReply>) -> Result<(Vec<u8>, Format), ScrapeFault> {
    let reply = reply.map_err(|no_reply| match no_reply {
        NoReply::Timeout => ScrapeFault::Timeout,
        NoReply::Broken(word) => ScrapeFault::NoAnswer(word.to_owned()),
    })?;
    match reply.body {
        _ if reply.status != 200 => Err(ScrapeFault::Status(reply.status)),
        Body::TooLarge(_) => Err(ScrapeFault::TooLarge),
        Body::Whole(body) => Ok((body, Format::of_content_type(reply.content_type.as_deref()))),
    }
}
