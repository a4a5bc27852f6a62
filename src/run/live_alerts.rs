//! The run's alert rules, evaluated beside the load by a thread of low priority: it may fall behind, and never holds anybody up.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::metrics::ScrapeRecord;
use crate::model::{Event, ScrapeStat, Stamped};
use crate::observe::Observation;
use crate::slo::{AlertCriteria, AlertNews, LiveAlerts};

/// Where a machine is busy, the load goes first.
const NICE: i32 = 10;

/// Gives what is scraped to the thread, and what becomes of alerts to whoever asks.
#[derive(Debug)]
pub(super) struct AlertWatch {
    seen: Option<Sender<Seen>>,
    news: UnboundedReceiver<AlertNews>,
}

/// What rules look at.
#[derive(Debug)]
enum Seen {
    Scrape(ScrapeRecord),
    Stat(Duration, ScrapeStat),
}

impl AlertWatch {
    /// Begins to evaluate the rules of `criteria`, for a run whose clock is zero at `zero_ms`, in milliseconds since 1970.
    pub(super) fn start(criteria: &AlertCriteria, zero_ms: i64) -> Self {
        let (sink, seen) = channel();
        let (tell, news) = unbounded_channel();
        let criteria = criteria.clone();
        // It ends when nothing can come any more.
        std::thread::spawn(move || evaluate_all(&criteria, zero_ms, &seen, &tell));
        Self { seen: Some(sink), news }
    }

    /// Passes on what rules look at.
    pub(super) fn observed(&self, observation: &Observation) {
        let Some(sink) = &self.seen else { return };
        let seen = match observation {
            Observation::Scrape(record) => Seen::Scrape(record.clone()),
            Observation::Event(Stamped { at, what: Event::Scrape(stat) }) => Seen::Stat(*at, stat.clone()),
            // What a Prometheus gave is evaluated at the end alone.
            Observation::Event(_) | Observation::Fetched(_) | Observation::Log(_) | Observation::Audit(_) => {
                return;
            }
        };
        // Without the thread there is no news; verdicts and reports don't need it.
        let _ = sink.send(seen);
    }

    /// The next news. Never comes once the load is over.
    pub(super) async fn next(&mut self) -> AlertNews {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }

    /// The load is over: what is scraped from now on is none of the rules' business.
    pub(super) fn end(&mut self) {
        self.seen = None;
    }
}

fn evaluate_all(
    criteria: &AlertCriteria,
    zero_ms: i64,
    seen: &Receiver<Seen>,
    tell: &UnboundedSender<AlertNews>,
) {
    // On Linux this is of the calling thread alone. Where it is refused, the thread runs as others do.
    let _ = rustix::process::nice(NICE);
    let mut live = LiveAlerts::new(criteria, zero_ms);
    for seen in seen {
        match seen {
            Seen::Stat(at, stat) => live.told(at, &stat),
            Seen::Scrape(record) => {
                for news in live.scraped(&record) {
                    if tell.send(news).is_err() {
                        return;
                    }
                }
            }
        }
    }
}
