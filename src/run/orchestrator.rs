//! The run itself: opens the outputs, starts the target, makes contact, runs load and observation side by side, writes
//! down all that happens, and ends in order whatever ends it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::MissedTickBehavior;
use url::Url;

use super::arguments::{self, ArgumentsError, Generated};
use super::demo_child::{DemoChild, DemoError};
use super::environment::this_machine;
use super::event::RunEvent;
use super::listed::Listed;
use super::live_alerts::AlertWatch;
use super::own_sweep::Sweeping;
use super::remarks::{in_turn, proxied, unverified};
use super::{floor, output_checks, own_logs, own_prometheus, own_sweep};
use crate::clock::{Clock, wall_clock};
use crate::load::{self, Crew, GeneratorWatch, LoadError, Recorder, Timing, Workload};
use crate::mcp::{self, Contact, ContactError};
use crate::metrics::{NoteTaker, Phase, Second, StreamLimit, Sweep};
use crate::model::{Carriage, EarlyCall, Endpoint, Event, Floor, Level, Secret, Stamped, printable_text};
use crate::observe::{self, Limits, Observation, ObserveError, ObserveOptions, Observer, Watchers};
use crate::plan::{Auth, Plan, Proxies, Target};
use crate::record::{RecordError, RunWriter};
use crate::report::{Ending, Manifest, Totals, run_format_version};
use crate::slo::{self, AbortWatch, AlertNews, Criteria};

/// How long calls in flight may take to end after the first signal; the second one ends them at once.
const DRAIN_AFTER_SIGNAL: Duration = Duration::from_secs(5);

/// How long a target may say that it is not ready.
const READY_PATIENCE: Duration = Duration::from_secs(5);
/// How often the target's process is looked at.
const PROCESS_INTERVAL: Duration = Duration::from_secs(1);

/// What a run needs beside its plan.
#[derive(Debug)]
pub struct RunOptions {
    /// The scenario file as given.
    pub scenario_file: String,
    /// The gander binary, to start the demo target with.
    pub program: PathBuf,
    /// For how long the floor is measured before the load; `None`: not at all.
    pub floor: Option<Duration>,
    /// The proxies that the environment names.
    pub proxies: Proxies,
    /// What proves to the index of the target's log who asks, where the run's criteria name a variable for it.
    pub log_authorization: Option<Secret>,
    /// Signals (1, 2, 15) as they come.
    pub signals: UnboundedReceiver<i32>,
}

/// A run that was recorded.
#[derive(Debug)]
pub struct Finished {
    /// Its run directory.
    pub folder: PathBuf,
    /// How it ended.
    pub ending: Ending,
    /// Why nothing was measured: there for [`Ending::Unmeasured`].
    pub cause: Option<RunError>,
}

/// Why there is no run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The run directory could not be created: nothing was sent.
    #[error("failed to open the run directory")]
    Open(#[source] RecordError),
    /// The run directory could not be written in mid-run.
    #[error("failed to record the run")]
    Record(#[source] RecordError),
    /// The demo target did not start: nothing was sent.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The target was not reached, or does not speak what it should: nothing was measured.
    #[error(transparent)]
    Contact(#[from] ContactError),
    /// What the target lists does not say which arguments its tools take: nothing was measured.
    #[error(transparent)]
    Arguments(#[from] ArgumentsError),
    /// A signal came before the load began.
    #[error("stopped by signal {0} before the load began")]
    Stopped(i32),
    /// The target is there, but says that it is not ready: nothing was measured.
    #[error("`{0}` is not ready: its readiness endpoint says no")]
    NotReady(String),
    /// The target can't be watched: nothing was measured.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// What the load itself costs could not be measured: nothing was.
    #[error("the floor could not be measured")]
    Floor(#[source] Box<RunError>),
    /// Goose could not run the load.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl RunError {
    /// True when the target was not reached or not ready: nothing was measured, and that is the finding.
    fn is_of_target(&self) -> bool {
        match self {
            Self::Demo(error) => !matches!(error, DemoError::Arguments(_)),
            Self::Contact(_) | Self::Arguments(_) | Self::NotReady(_) | Self::Observe(_) => true,
            Self::Open(_) | Self::Record(_) | Self::Stopped(_) | Self::Floor(_) | Self::Load(_) => false,
        }
    }
}

/// Carries out `plan`, records it under the plan's output directory, and tells `watch` as it goes.
pub async fn execute(
    plan: Plan,
    criteria: &Criteria,
    mut options: RunOptions,
    watch: &mut dyn FnMut(RunEvent<'_>),
) -> Result<Finished, RunError> {
    let manifest = manifest(&plan, criteria, &options);
    let zero_ms = manifest.started_ms();
    let parent = plan.outputs.directory.clone();
    let writer =
        RunWriter::create(&parent, manifest, &plan, criteria, &this_machine()).map_err(RunError::Open)?;
    let folder = writer.folder().to_owned();
    watch(RunEvent::Opened { folder: &folder });
    let asked = Asked {
        floor: options.floor,
        program: &options.program,
        proxies: &options.proxies,
        log_authorization: options.log_authorization.as_ref(),
    };
    let prepared = tokio::select! {
        prepared = prepare(&plan, criteria, asked) => prepared,
        Some(signal) = options.signals.recv() => Err(RunError::Stopped(signal)),
    };
    let Prepared {
        floor,
        contact,
        generated,
        demo,
        clock,
        watchers,
        has_baseline,
        notes,
        sweep,
        observations,
        crew,
    } = match prepared {
        Ok(prepared) => prepared,
        Err(error) if error.is_of_target() => return unmeasured(writer, error),
        Err(error) => {
            // Nothing was tried: an empty run directory would only be in the way. One that can't be removed is.
            let _ = std::fs::remove_dir_all(&folder);
            return Err(error);
        }
    };
    watch(RunEvent::Contact { target: &contact.info });
    writer.target(&contact.info).map_err(RunError::Record)?;
    writer.arguments(&generated.made).map_err(RunError::Record)?;
    // From here on the run's time counts.
    let clock = *clock.get_or_init(Clock::start);
    let observer = watchers.start();
    let early =
        contact.calls.iter().map(|call| EarlyCall { step: call.step.0, outcome: call.exchange.outcome });
    let baseline = has_baseline.then(|| Event::Baseline { calls: early.collect() });
    let mut run = Run::new(plan, contact, clock, demo, (notes, sweep), writer, watch);
    run.notes.extend(generated.notes.into_iter().map(|text| (Level::Info, text)));
    run.stream_limits = slo::stream_limits(&criteria.objectives);
    run.alerts = criteria.alerts.as_ref().map(|alerts| AlertWatch::start(alerts, zero_ms));
    run.abort_watch = Some(AbortWatch::of(criteria, &run.work.plan));
    if let Some(baseline) = baseline {
        run.write(&Stamped { at: Duration::ZERO, what: baseline })?;
    }
    if let Some(floor) = floor {
        run.write(&Stamped { at: Duration::ZERO, what: Event::Floor(floor) })?;
    }
    run.carry_out(crew, Watching { observer, observations }, options.signals).await
}

/// Records that nothing could be measured, and why: whoever waits for reports is to find them.
fn unmeasured(mut writer: RunWriter, cause: RunError) -> Result<Finished, RunError> {
    let mut text = cause.to_string();
    let mut source = std::error::Error::source(&cause);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    let what = Event::Note { level: Level::Warning, text: printable_text(&text) };
    writer.event(&Stamped { at: Duration::ZERO, what }).map_err(RunError::Record)?;
    let folder = writer.folder().to_owned();
    writer.end(&Ending::Unmeasured).map_err(RunError::Record)?;
    Ok(Finished { folder, ending: Ending::Unmeasured, cause: Some(cause) })
}

/// Those of [`RunOptions`] that are for before the load.
#[derive(Clone, Copy)]
struct Asked<'a> {
    floor: Option<Duration>,
    program: &'a PathBuf,
    proxies: &'a Proxies,
    log_authorization: Option<&'a Secret>,
}

/// A target that is there, and all that is needed to watch it and to load it.
struct Prepared {
    floor: Option<Floor>,
    contact: Contact,
    /// The arguments that were made.
    generated: Generated,
    demo: Option<DemoChild>,
    clock: Arc<OnceLock<Clock>>,
    watchers: Watchers,
    /// The target was scraped before the load.
    has_baseline: bool,
    /// Who is told of single calls.
    notes: Vec<NoteTaker>,
    /// What looks for canaries.
    sweep: Sweeping,
    observations: UnboundedReceiver<Observation>,
    crew: Crew,
}

fn manifest(plan: &Plan, criteria: &Criteria, options: &RunOptions) -> Manifest {
    let started = jiff::Timestamp::try_from(wall_clock()).unwrap_or_default();
    let name: String = plan
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    Manifest {
        version: run_format_version(criteria),
        run_id: format!("{}-{}", started.strftime("%Y%m%d-%H%M%S"), name.trim_matches('-')),
        gander: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        scenario_file: options.scenario_file.clone(),
    }
}

/// Starts the target where it is ours to start, makes contact, waits until it says that it is ready, and has all users
/// launched. A signal may drop this anywhere: users that are waiting are then sent home.
async fn prepare(plan: &Plan, criteria: &Criteria, asked: Asked<'_>) -> Result<Prepared, RunError> {
    let Asked { floor, program, proxies, log_authorization } = asked;
    let (mut contact, demo) = make_contact(plan, program, proxies).await?;
    let generated = arguments::generate(plan, &contact).await?;
    contact.give_arguments(&generated.arguments);
    let (sink, observations) = unbounded_channel();
    let clock = Arc::new(OnceLock::new());
    let observe = observe_options(plan, &contact, proxies, Arc::clone(&clock), sink);
    let (settle, recover_within) = (criteria.checks.settle(), criteria.checks.recover_within());
    let (logs, taker) = own_logs::options(plan, criteria, log_authorization).unzip();
    let (audit, of_audit) = own_logs::audit_options(plan, criteria).unzip();
    let notes: Vec<NoteTaker> = taker.into_iter().chain(of_audit).collect();
    let prometheus = own_prometheus::options(plan, criteria);
    let sweep = Sweeping::start(plan, contact.wire.run, criteria, contact.wire.secrets());
    let swept_log = criteria.checks.swept_log().cloned();
    let observe = ObserveOptions {
        settle,
        prometheus,
        logs,
        audit,
        recover_within,
        sweep: sweep.sweep.clone(),
        swept_log,
        ..observe
    };
    if !observe::wait_until_ready(&observe, READY_PATIENCE).await? {
        return Err(RunError::NotReady(contact.info.url));
    }
    let mut watchers = observe::prepare(observe)?;
    let floor = match floor {
        Some(length) => {
            let measured = floor::measure(plan, &generated.arguments, length, program).await;
            Some(measured.map_err(|error| RunError::Floor(Box::new(error)))?)
        }
        None => None,
    };
    let mut crew = Crew::launch(plan.load.peak_users())?;
    crew.ready().await?;
    let has_baseline = criteria.checks.settle().is_some() && watchers.baseline().await;
    Ok(Prepared {
        floor,
        contact,
        generated,
        demo,
        clock,
        watchers,
        has_baseline,
        notes,
        sweep,
        observations,
        crew,
    })
}

/// The target where it is ours to start, and the first contact with it.
async fn make_contact(
    plan: &Plan,
    program: &PathBuf,
    proxies: &Proxies,
) -> Result<(Contact, Option<DemoChild>), RunError> {
    let mut contact = match &plan.target {
        Target::Url(url) => {
            mcp::first_contact_with_all(plan, url, proxies, &user_agent(), Clock::start()).await?
        }
        Target::Stdio(target) => mcp::first_contact_over_stdio(plan, target, Clock::start()).await?,
        Target::Demo(target) => {
            let demo = DemoChild::start(program, target).await?;
            let mut contact =
                mcp::first_contact(plan, &demo.url, proxies, &user_agent(), Clock::start()).await?;
            contact.info.started_by_gander = true;
            contact.info.pid = Some(demo.pid);
            return Ok((contact, Some(demo)));
        }
    };
    contact.info.pid = plan.observe.pid.or(contact.info.pid);
    Ok((contact, None))
}

/// Says who is calling, so that whoever reads the target's log knows what hit them.
pub fn user_agent() -> String {
    format!("gander/{} (MCP load test)", env!("CARGO_PKG_VERSION"))
}

/// The watchers, and what they see.
struct Watching {
    observer: Observer,
    observations: UnboundedReceiver<Observation>,
}

struct Run<'a> {
    work: Arc<Workload>,
    demo: Option<DemoChild>,
    writer: RunWriter,
    watch: &'a mut dyn FnMut(RunEvent<'_>),
    generator: GeneratorWatch,
    /// What times of answers that come in parts are held against.
    stream_limits: Vec<StreamLimit>,
    /// The rules that are evaluated beside the load.
    alerts: Option<AlertWatch>,
    /// What may stop the load.
    abort_watch: Option<AbortWatch>,
    /// What looks for canaries.
    sweep: Option<Arc<Sweep>>,
    /// It did.
    aborted: bool,
    next_second: u32,
    signal: Option<i32>,
    /// A second signal came.
    hurried: bool,
    /// What is to be said before the load begins.
    notes: Vec<(Level, String)>,
}

impl<'a> Run<'a> {
    fn new(
        plan: Plan,
        contact: Contact,
        clock: Clock,
        demo: Option<DemoChild>,
        (call_notes, sweep): (Vec<NoteTaker>, Sweeping),
        writer: RunWriter,
        watch: &'a mut dyn FnMut(RunEvent<'_>),
    ) -> Self {
        let recorder = Arc::new(Recorder::for_this_machine(plan.thresholds.clone()));
        for call in &contact.calls {
            let took = call.exchange.end.saturating_sub(call.exchange.sent);
            let open = recorder.begin(call.step, Phase::WarmUp);
            open.end(call.exchange.outcome, Timing::closed(took), call.exchange.reason.as_deref());
        }
        let mut notes: Vec<(Level, String)> = Vec::new();
        notes.extend(contact.wire.proxy().map(|proxy| (Level::Info, proxied(proxy))));
        notes.extend(in_turn(&plan).map(|text| (Level::Info, text)));
        notes.extend(unverified(&plan).map(|text| (Level::Warning, text)));
        notes.extend(load::forecast(&plan).into_iter().map(|text| (Level::Warning, text)));
        let Listed { left_out, remarks } = contact.catalog.as_ref().map_or_else(Listed::default, |catalog| {
            Listed::by(catalog, &plan, contact.info.era, contact.wire.secrets())
        });
        notes.extend(remarks.into_iter().map(|text| (Level::Warning, text)));
        let (sampler, of_schemas) = match &contact.catalog {
            Some(catalog) => output_checks::start(&plan, catalog, contact.wire.secrets()),
            None => (None, Vec::new()),
        };
        notes.extend(of_schemas);
        let mut work = Workload::new(plan, contact.wire, recorder, clock).without(&left_out);
        (work.sampler, work.sweeper, work.notes) = (sampler, sweep.sampler, call_notes);
        Self {
            work: Arc::new(work),
            demo,
            writer,
            watch,
            generator: GeneratorWatch::start(clock),
            stream_limits: Vec::new(),
            alerts: None,
            abort_watch: None,
            sweep: sweep.sweep,
            aborted: false,
            next_second: 0,
            signal: None,
            hurried: false,
            notes,
        }
    }

    async fn carry_out(
        mut self,
        crew: Crew,
        watching: Watching,
        mut signals: UnboundedReceiver<i32>,
    ) -> Result<Finished, RunError> {
        let Watching { observer, mut observations } = watching;
        // Whatever is due is due on this clock.
        self.write(&Stamped { at: Duration::ZERO, what: Event::LoadStarted })?;
        for (level, text) in std::mem::take(&mut self.notes) {
            self.event(Event::Note { level, text })?;
        }
        let mut load = Box::pin(crew.run(Arc::clone(&self.work)));
        let second = Duration::from_secs(1);
        let mut ticks = tokio::time::interval_at(self.work.clock.moment(second).into(), second);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut steady, mut stopped) = (false, false);
        let stop = self.work.signals.stop.clone();
        let warm_up = self.work.plan.load.warm_up.saturating_sub(self.work.clock.now());
        let mut warm = Box::pin(tokio::time::sleep(warm_up));
        let result = loop {
            tokio::select! {
                biased;
                result = &mut load => break result,
                Some(signal) = signals.recv() => self.on_signal(signal),
                _ = ticks.tick() => self.second()?,
                Some(seen) = observations.recv() => self.observed(seen)?,
                news = news_of(&mut self.alerts) => (self.watch)(RunEvent::Alert { news: &news }),
                () = &mut warm, if !steady && !stopped => {
                    steady = true;
                    self.event(Event::SteadyStarted)?;
                }
                () = stop.raised(), if !stopped => {
                    stopped = true;
                    // It takes a moment until we see it, in which calls were due that nobody wanted any more.
                    let at = self.work.clock.now().saturating_sub(stop.raised_for());
                    self.write(&Stamped { at, what: Event::LoadStopped })?;
                }
                status = exit_of(&mut self.demo) => {
                    self.demo = None;
                    let text = format!("the demo target ended in mid-run ({status})");
                    self.event(Event::Note { level: Level::Warning, text })?;
                }
            }
        };
        self.alerts.iter_mut().for_each(AlertWatch::end);
        let samplers = [&self.work.sampler, &self.work.sweeper];
        for sampler in samplers.into_iter().flatten().filter(|_| !self.hurried) {
            output_checks::settle(&sampler.books()).await;
        }
        self.second()?;
        (self.watch)(RunEvent::Ended);
        self.wind_up(Watching { observer, observations }, signals).await?;
        result?;
        self.close()
    }

    /// What is left when the load is over: the last scrape, and the end of the demo target. The second signal cuts it
    /// short; the first alone, of a load that came to its own end, changes nothing any more.
    async fn wind_up(
        &mut self,
        watching: Watching,
        mut signals: UnboundedReceiver<i32>,
    ) -> Result<(), RunError> {
        let Watching { observer, mut observations } = watching;
        if self.signal.is_some() {
            observer.hurry();
        }
        let demo = self.demo.take();
        let work = Arc::clone(&self.work);
        let mut rest = Box::pin(async {
            observer.stop().await;
            // After the last look at the target's process.
            work.wire.hang_up();
            work.wire.gone().await;
            if let Some(demo) = demo {
                demo.stop().await;
            }
        });
        let mut asked = self.signal;
        while !self.hurried {
            tokio::select! {
                biased;
                () = &mut rest => break,
                Some(signal) = signals.recv() => {
                    (self.watch)(RunEvent::Stopping { signal });
                    if asked.is_some() {
                        self.hurried = true;
                        self.signal = asked;
                    }
                    asked = asked.or(Some(signal));
                }
                Some(seen) = observations.recv() => self.observed(seen)?,
            }
        }
        // Where nobody waits for it, it is killed with us at the latest.
        self.work.wire.hang_up();
        // What was seen until now is there: a watcher that has ended, or is cut off, sends nothing more.
        while let Ok(seen) = observations.try_recv() {
            self.observed(seen)?;
        }
        self.swept(!self.hurried)
    }

    /// Writes down what the sweep for canaries found; with `ended`, all was looked through.
    fn swept(&mut self, ended: bool) -> Result<(), RunError> {
        let sweep = self.sweep.as_deref();
        match sweep.and_then(|sweep| own_sweep::take(sweep, self.work.sweeper.as_ref(), ended)) {
            Some(swept) => self.event(Event::Swept(swept)),
            None => Ok(()),
        }
    }

    fn on_signal(&mut self, signal: i32) {
        (self.watch)(RunEvent::Stopping { signal });
        self.work.signals.stop.raise();
        if self.signal.is_some() {
            self.hurried = true;
            self.work.signals.abort.raise();
            return;
        }
        self.signal = Some(signal);
        self.drain();
    }

    /// Calls in flight may end, but not for long.
    fn drain(&self) {
        let abort = self.work.signals.abort.clone();
        tokio::spawn(async move {
            tokio::time::sleep(DRAIN_AFTER_SIGNAL).await;
            abort.raise();
        });
    }

    /// Stops the load where the second that is over shows that there is no use in more of it.
    fn consider_abort(&mut self, second: &Second) -> Result<(), RunError> {
        let Some(why) = self.abort_watch.as_mut().and_then(|watch| watch.second(second)) else {
            return Ok(());
        };
        self.abort_watch = None;
        // What is over, or is being stopped, is not stopped.
        let is_over = u64::from(second.second) + 1 >= self.work.plan.load.duration().as_secs();
        if is_over || self.work.signals.stop.is_raised() {
            return Ok(());
        }
        self.aborted = true;
        self.event(Event::Aborted(why))?;
        self.work.signals.stop.raise();
        self.drain();
        Ok(())
    }

    /// Books the second that is over.
    fn second(&mut self) -> Result<(), RunError> {
        let (strays, messages, remarks) = self.work.wire.take_beside();
        self.work.recorder.strays(strays);
        for text in remarks {
            self.event(Event::Note { level: Level::Warning, text })?;
        }
        let mut second = self.work.recorder.take_second(self.next_second, self.work.waiting());
        second.streams.iter_mut().for_each(|cell| cell.settle(&self.stream_limits));
        second.messages = messages;
        second.generator = Some(self.generator.take_second());
        if let Some(sampler) = &self.work.sampler {
            second.outputs = sampler.books().take();
        }
        self.next_second += 1;
        self.writer.second(&second).map_err(RunError::Record)?;
        (self.watch)(RunEvent::Second { second: &second });
        self.swept(false)?;
        self.consider_abort(&second)
    }

    fn observed(&mut self, seen: Observation) -> Result<(), RunError> {
        self.alerts.iter().for_each(|alerts| alerts.observed(&seen));
        match seen {
            Observation::Scrape(record) => self.writer.scrape(&record).map_err(RunError::Record),
            Observation::Fetched(record) => self.writer.fetched(&record).map_err(RunError::Record),
            Observation::Log(record) => self.writer.log(&record).map_err(RunError::Record),
            Observation::Audit(record) => self.writer.audit(&record).map_err(RunError::Record),
            Observation::Event(event) => self.write(&event),
        }
    }

    fn event(&mut self, what: Event) -> Result<(), RunError> {
        self.write(&Stamped { at: self.work.clock.now(), what })
    }

    fn write(&mut self, event: &Stamped<Event>) -> Result<(), RunError> {
        self.writer.event(event).map_err(RunError::Record)?;
        (self.watch)(RunEvent::Observed { event });
        Ok(())
    }

    fn close(self) -> Result<Finished, RunError> {
        let (planned, recorded) = self.work.recorder.totals();
        let totals = Totals { planned, recorded };
        let ending = match self.signal {
            None if self.aborted => Ending::Aborted { totals },
            None => Ending::Complete { totals },
            Some(signal) => Ending::Interrupted { signal, totals },
        };
        let folder = self.writer.folder().to_owned();
        self.writer.end(&ending).map_err(RunError::Record)?;
        Ok(Finished { folder, ending, cause: None })
    }
}

/// What to watch beside the load. The clock is set before they begin.
fn observe_options(
    plan: &Plan,
    contact: &Contact,
    proxies: &Proxies,
    clock: Arc<OnceLock<Clock>>,
    sink: UnboundedSender<Observation>,
) -> ObserveOptions {
    let watched = &plan.observe;
    // A process has no URL; then nothing that is watched is on its origin.
    let target = match contact.info.transport {
        Carriage::Http | Carriage::Sse => Url::parse(&contact.info.url).ok(),
        Carriage::Stdio => None,
    };
    let at = |reference: &Option<String>| {
        let reference = reference.as_deref()?;
        match &target {
            Some(target) => Plan::resolve(target, reference).ok(),
            None => Url::parse(reference).ok(),
        }
    };
    let endpoints = [
        (Endpoint::Health, &watched.health),
        (Endpoint::Ready, &watched.ready),
        (Endpoint::Live, &watched.live),
    ];
    ObserveOptions {
        metrics: at(&watched.metrics),
        metrics_interval: watched.metrics_interval,
        settle: None,
        recover_within: None,
        prometheus: None,
        logs: None,
        audit: None,
        sweep: None,
        swept_log: None,
        probes: endpoints.iter().filter_map(|(name, url)| Some((*name, at(url)?))).collect(),
        health_interval: watched.health_interval,
        pid: contact.info.pid,
        process_interval: PROCESS_INTERVAL,
        limits: Limits::default(),
        authorization: authorization(&plan.auth),
        tls: contact.wire.tls(),
        proxies: proxies.clone(),
        secrets: contact.wire.secrets().clone(),
        user_agent: user_agent(),
        clock: Arc::new(move || clock.get().map_or(Duration::ZERO, Clock::now)),
        time_of_day: || jiff::Timestamp::try_from(wall_clock()).unwrap_or_default().as_millisecond(),
        sink,
        target,
    }
}

/// What proves to the target's own endpoints who asks, where the scenario says it once for all.
fn authorization(auth: &Auth) -> Option<Secret> {
    match auth {
        Auth::Bearer(token) => Some(Secret::new(format!("Bearer {}", token.expose()))),
        Auth::Headers(headers) => headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .map(|(_, value)| value.clone()),
        Auth::None | Auth::Login { .. } | Auth::OAuth(_) => None,
    }
}

/// What became of an alert; never, when no rules are evaluated.
async fn news_of(alerts: &mut Option<AlertWatch>) -> AlertNews {
    match alerts {
        None => std::future::pending().await,
        Some(alerts) => alerts.next().await,
    }
}

/// Ends when the demo target does; never, when there is none.
async fn exit_of(demo: &mut Option<DemoChild>) -> String {
    match demo {
        None => std::future::pending().await,
        Some(demo) => match demo.exited().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        },
    }
}
