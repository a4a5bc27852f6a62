//! L2: what is watched beside the load: metrics, health, the process, the log.
//!
//! Each watcher is one task with its own connection. It knows neither the load nor the run directory: it stamps what it
//! sees with the run's clock and sends it down one channel.

mod grafana;
mod http;
mod logs;
mod probe;
mod process;
mod prometheus;
mod scrape;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_rustls::rustls::ClientConfig;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::grafana::{Annotation, AnnotationError, annotate};
use self::http::Fetcher;
pub use self::logs::LogOptions;
pub use self::prometheus::{Asked, PrometheusOptions};
use crate::metrics::{FetchRecord, LogRecord, MAX_SERIES, ScrapeRecord, Sweep};
use crate::model::{Endpoint, Event, HealthState, ProbeResult, Secret, Secrets, Stamped};
use crate::plan::{Proxies, ProxyError};

/// The time since the run began.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// How often a target that is not ready is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// What a watcher saw.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// For the event log.
    Event(Stamped<Event>),
    /// For the series.
    Scrape(ScrapeRecord),
    /// For the series that a Prometheus has.
    Fetched(FetchRecord),
    /// For what is known of the target's log.
    Log(Box<LogRecord>),
    /// For what is known of its audit log.
    Audit(Box<LogRecord>),
}

/// Which of the target's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LogKind {
    Log,
    Audit,
}

/// What to watch, and how.
pub struct ObserveOptions {
    /// The target's own URL, where it has one. Credentials go to its origin and to no other.
    pub target: Option<Url>,
    /// The value of the `Authorization` header.
    pub authorization: Option<Secret>,
    /// How TLS is done with the target's own origin; others are trusted as the platform trusts them.
    pub tls: Option<ClientConfig>,
    /// The proxies that the environment names.
    pub proxies: Proxies,
    /// What the target may echo and nobody may see.
    pub secrets: Secrets,
    /// The value of the `User-Agent` header.
    pub user_agent: String,
    /// Where the target's metrics are.
    pub metrics: Option<Url>,
    /// How often they are scraped.
    pub metrics_interval: Duration,
    /// How long after the last look at a target that is at rest it is scraped once more; `None`: not again.
    pub settle: Option<Duration>,
    /// The Prometheus that is asked for metrics in place of the target.
    pub prometheus: Option<PrometheusOptions>,
    /// Which health endpoints there are.
    pub probes: Vec<(Endpoint, Url)>,
    /// The target's log that is followed.
    pub logs: Option<LogOptions>,
    /// Its audit log.
    pub audit: Option<LogOptions>,
    /// What looks for canaries in what is seen.
    pub sweep: Option<Arc<Sweep>>,
    /// A log that is followed for that alone; without, it is `logs` that is looked through.
    pub swept_log: Option<PathBuf>,
    /// How often each is asked.
    pub health_interval: Duration,
    /// How long each is asked on after [`Observer::stop`], until it says that all is well; `None`: not at all.
    pub recover_within: Option<Duration>,
    /// The target's process, when it is on this machine.
    pub pid: Option<u32>,
    /// How often it is looked at.
    pub process_interval: Duration,
    /// How much is waited for and read.
    pub limits: Limits,
    /// The time since the run began.
    pub clock: Clock,
    /// The time of day, in milliseconds since 1970: what a target stamps its samples with.
    pub time_of_day: fn() -> i64,
    /// Where everything seen goes. Nothing is sent after [`Observer::stop`] has returned.
    pub sink: UnboundedSender<Observation>,
}

/// How much is waited for and read of what a target sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A scrape that takes longer has failed.
    pub scrape_timeout: Duration,
    /// The largest body of a scrape, in bytes.
    pub scrape_bytes: usize,
    /// The most series over the run.
    pub series: usize,
    /// A probe that takes longer has no answer.
    pub probe_timeout: Duration,
    /// The largest body of a probe that is looked into, in bytes.
    pub probe_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            scrape_timeout: Duration::from_secs(2),
            scrape_bytes: 8 << 20,
            series: MAX_SERIES,
            probe_timeout: Duration::from_secs(5),
            probe_bytes: 64 << 10,
        }
    }
}

/// Watching cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A header's value has characters that HTTP does not allow.
    #[error("the `{0}` header has characters that HTTP does not allow")]
    Header(&'static str),
    /// A header for the Prometheus can't be sent.
    #[error("a header for the Prometheus has characters that HTTP does not allow")]
    PrometheusHeader,
    /// A header for the Elasticsearch can't be sent.
    #[error("the `Authorization` header for the Elasticsearch has characters that HTTP does not allow")]
    LogHeader,
    /// The environment names a proxy that can't be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The HTTP client could not be set up.
    #[error("failed to set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Watchers that are ready to begin, so that what they see first is seen when the load begins.
pub struct Watchers {
    options: ObserveOptions,
    metrics: Option<Fetcher>,
    /// There once it has scraped.
    scraper: Option<scrape::Scraper>,
    prometheus: Option<prometheus::Api>,
    /// That of the log, and that of the audit log.
    logs: Vec<logs::LogWatcher>,
    probes: Vec<(Endpoint, Fetcher)>,
}

/// The watchers at work. Dropping it ends them at once, without the last scrape.
#[derive(Debug)]
pub struct Observer {
    stop: CancellationToken,
    hurry: CancellationToken,
    tasks: JoinSet<()>,
}

impl Observer {
    /// From now on nobody waits for the target to be well.
    pub fn hurry(&self) {
        self.hurry.cancel();
    }

    /// Stops watching: a scrape under way is finished, one more is made so that the final counters are seen, and the
    /// process is looked at once more. Takes at most twice the scrape's time limit; beside a Prometheus until it has
    /// scraped once more, a minute at the most; where that is asked for, until the target says that it is well; and lines of a log are
    /// waited for as long as they may be late, three times over.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}

/// Sets up what is to be watched, without asking for anything yet.
pub fn prepare(mut options: ObserveOptions) -> Result<Watchers, ObserveError> {
    let limits = options.limits;
    let fetch_metrics =
        |url: &Url| Fetcher::new(&options, url.clone(), limits.scrape_timeout, limits.scrape_bytes);
    let fetch_health = |(endpoint, url): &(Endpoint, Url)| {
        Fetcher::new(&options, url.clone(), limits.probe_timeout, limits.probe_bytes)
            .map(|fetcher| (*endpoint, fetcher))
    };
    let metrics = options.metrics.as_ref().map(fetch_metrics).transpose()?;
    let probes = options.probes.iter().map(fetch_health).collect::<Result<Vec<_>, _>>()?;

    let prometheus = options.prometheus.as_ref();
    let prometheus = prometheus.map(|asked| prometheus::Api::new(&options, asked)).transpose()?;

    let asked = [(LogKind::Log, options.logs.take()), (LogKind::Audit, options.audit.take())];
    let asked = asked.into_iter().filter_map(|(kind, asked)| Some((kind, asked?)));
    let watch = |(kind, asked)| logs::LogWatcher::new(kind, asked, &options, reporter(&options));
    let logs = asked.map(watch).collect::<Result<Vec<_>, _>>()?;

    Ok(Watchers { options, metrics, scraper: None, prometheus, logs, probes })
}

fn reporter(options: &ObserveOptions) -> Reporter {
    Reporter {
        clock: Arc::clone(&options.clock),
        secrets: options.secrets.clone(),
        sweep: options.sweep.clone(),
        sink: options.sink.clone(),
    }
}

fn scraper(options: &ObserveOptions, fetcher: Fetcher) -> scrape::Scraper {
    let reporter = reporter(options);
    let since_zero = i64::try_from(reporter.now().as_millis()).unwrap_or(i64::MAX);
    let zero_ms = (options.time_of_day)().saturating_sub(since_zero);
    scrape::Scraper::new(fetcher, options.limits.series, zero_ms, reporter)
}

impl Watchers {
    /// Scrapes the target before anything else happens to it; false where its metrics are not to be scraped.
    pub async fn baseline(&mut self) -> bool {
        let Some(fetcher) = self.metrics.take() else { return false };
        self.scraper.insert(scraper(&self.options, fetcher)).scrape().await;
        true
    }

    /// Begins watching: everything is looked at once now and then at its interval. Must be called within a tokio
    /// runtime.
    pub fn start(self) -> Observer {
        let Self { options, metrics, scraper: at_work, prometheus, logs, probes } = self;
        let reporter = reporter(&options);
        let (stop, hurry) = (CancellationToken::new(), CancellationToken::new());
        let mut tasks = JoinSet::new();
        if let Some(scraper) = at_work.or_else(|| metrics.map(|fetcher| scraper(&options, fetcher))) {
            tasks.spawn(scraper.run(ticks(options.metrics_interval), stop.clone(), options.settle));
        }
        if let Some((api, asked)) = prometheus.zip(options.prometheus) {
            let collector = prometheus::Collector::new(api, asked, reporter.clone());
            tasks.spawn(collector.run(stop.clone()));
        }
        for mut watcher in logs {
            watcher.begin();
            tasks.spawn(watcher.run(stop.clone(), hurry.clone()));
        }
        if let Some((path, sweep)) = options.swept_log.zip(options.sweep) {
            tasks.spawn(logs::LineSweeper::new(&path, sweep).run(stop.clone()));
        }
        for (endpoint, fetcher) in probes {
            let watcher = probe::Prober::new(endpoint, fetcher, reporter.clone());
            let after = probe::After { patience: options.recover_within, hurry: hurry.clone() };
            tasks.spawn(watcher.run(ticks(options.health_interval), stop.clone(), after));
        }
        if let Some(pid) = options.pid {
            tasks.spawn(process::watch(pid, reporter, ticks(options.process_interval), stop.clone()));
        }
        Observer { stop, hurry, tasks }
    }
}

/// Waits until the `/ready` endpoint of `options` no longer says no; false when it still does after `patience`. A target
/// that has none, or does not answer it, is taken as ready: the load will show.
pub async fn wait_until_ready(options: &ObserveOptions, patience: Duration) -> Result<bool, ObserveError> {
    let Some((_, url)) = options.probes.iter().find(|(endpoint, _)| *endpoint == Endpoint::Ready) else {
        return Ok(true);
    };
    let limits = options.limits;
    let fetcher = Fetcher::new(options, url.clone(), limits.probe_timeout.min(patience), limits.probe_bytes)?;
    let give_up = tokio::time::Instant::now() + patience;
    loop {
        let answer = probe::ask(Endpoint::Ready, &fetcher, &options.secrets).await;
        if !matches!(answer, ProbeResult::State { state: HealthState::Unhealthy, .. }) {
            return Ok(true);
        }
        if tokio::time::Instant::now() >= give_up {
            return Ok(false);
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// The first tick is now; one that was missed is left out, never made up for.
fn ticks(interval: Duration) -> Interval {
    let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// Stamps what a watcher sees and passes it on.
#[derive(Clone)]
struct Reporter {
    clock: Clock,
    secrets: Secrets,
    sweep: Option<Arc<Sweep>>,
    sink: UnboundedSender<Observation>,
}

impl Reporter {
    fn now(&self) -> Duration {
        (self.clock)()
    }

    fn event(&self, at: Duration, what: Event) {
        self.send(Observation::Event(Stamped { at, what }));
    }

    fn fetched(&self, record: FetchRecord) {
        self.send(Observation::Fetched(record));
    }

    fn scrape(&self, record: ScrapeRecord) {
        self.send(Observation::Scrape(record));
    }

    fn log(&self, kind: LogKind, record: LogRecord) {
        let record = Box::new(record);
        self.send(match kind {
            LogKind::Log => Observation::Log(record),
            LogKind::Audit => Observation::Audit(record),
        });
    }

    /// Nobody listening any more means that the run is over: what is seen then is of no use.
    fn send(&self, observation: Observation) {
        let _ = self.sink.send(observation);
    }
}

#[cfg(test)]
mod tests;
