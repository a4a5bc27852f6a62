//! Carries out the drills, one after the other, as `gander run` would: a scenario becomes a plan, the plan a recorded run,
//! the record a report.

use std::io;
use std::path::{Path, PathBuf};

use procfs::process::{LimitValue, Process};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::claims::{Evidence, claims};
use super::compare::{Noise, Row, Verdict, judge, verdict};
use super::drill::{Drill, Kind, Pace, drills};
use super::figures::{Ceiling, SendLag};
use super::truth::{Truth, TruthError};
use crate::input::{Files, Problems};
use crate::model::{Color, LatencyHistogram};
use crate::plan::Proxies;
use crate::record::RecordError;
use crate::report::{Ending, FORMATS, RunLog, RunReport, judged};
use crate::run::{Finished, RunError, RunOptions, execute};
use crate::scenario::{Loaded, Overrides, Sources};

/// How a selftest is to be done.
#[derive(Debug, Clone)]
pub struct SelftestOptions {
    /// How long the drills are.
    pub pace: Pace,
    /// Where run directories and truth files go, in a folder for each drill.
    pub folder: PathBuf,
    /// The gander binary, to start the demo target with.
    pub program: PathBuf,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// How long the drills were.
    pub pace: Pace,
    /// Every claim, in the order of the drills.
    pub rows: Vec<Row>,
    /// What gander can do here.
    pub ceiling: Option<Ceiling>,
    /// How late it sends.
    pub send_lags: Vec<SendLag>,
}

/// Why a selftest has no findings.
#[derive(Debug, thiserror::Error)]
pub enum SelftestError {
    /// A folder can't be made.
    #[error("failed to create `{}`", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The scenario of a drill is refused.
    #[error("the scenario of the drill `{drill}` has a mistake:\n{problems}")]
    Scenario {
        /// Which drill.
        drill: &'static str,
        /// What is wrong with it.
        problems: String,
    },
    /// A run could not be made.
    #[error("the drill `{drill}` could not be run")]
    Run {
        /// Which drill.
        drill: &'static str,
        /// Why.
        #[source]
        source: RunError,
    },
    /// A run can't be read back.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The truth can't be read.
    #[error("failed to read `{}`", path.display())]
    TruthFile {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The truth makes no sense.
    #[error("the truth of the drill `{drill}` can't be read")]
    Truth {
        /// Which drill.
        drill: &'static str,
        /// Why.
        #[source]
        source: TruthError,
    },
    /// A signal came.
    #[error("stopped by signal {0}")]
    Interrupted(i32),
}

impl Findings {
    /// The figures that could not be measured.
    pub(super) fn missing(&self) -> Vec<String> {
        let measured =
            |ceiling: &Ceiling| ceiling.calls_per_second.is_some() && ceiling.cpu_seconds.is_some();
        let ceiling = (!self.ceiling.as_ref().is_some_and(measured)).then(|| "the ceiling".to_owned());
        let lags = self.send_lags.iter().filter(|lag| lag.p50.is_none() || lag.p99.is_none());
        ceiling.into_iter().chain(lags.map(|lag| format!("the send lag at {}/s", lag.rate))).collect()
    }

    /// What all claims come to.
    pub fn verdict(&self) -> Verdict {
        verdict(&self.rows, self.missing().is_empty())
    }
}

/// Carries out all drills. `tell` hears of each before it begins: its name and how many seconds it takes.
pub async fn conduct(
    options: &SelftestOptions,
    mut signals: UnboundedReceiver<i32>,
    tell: &mut dyn FnMut(&str, u32),
) -> Result<Findings, SelftestError> {
    let mut findings =
        Findings { pace: options.pace, rows: Vec::new(), ceiling: None, send_lags: Vec::new() };
    for drill in drills(options.pace, open_files()) {
        tell(drill.name, drill.seconds);
        let (log, truth) = carry_out(&drill, options, &mut signals).await?;
        let report = judged(&log, &log.criteria);
        let noise = noise(&log, &report);
        let evidence = Evidence { plan: &log.plan, report: &report, truth: &truth };
        let claims = claims(&drill, evidence);
        findings.rows.extend(claims.into_iter().map(|claim| judge(drill.name, claim, &noise)));
        match drill.kind {
            Kind::Ceiling => findings.ceiling = Some(Ceiling::of(&report, &log)),
            Kind::SendLag(rate) => findings.send_lags.push(SendLag::of(rate, &report)),
            Kind::Latency
            | Kind::Tail
            | Kind::Freeze
            | Kind::Queue
            | Kind::Errors
            | Kind::Lost
            | Kind::Duplicated => {}
        }
    }
    Ok(findings)
}

/// How many files this process may have open.
fn open_files() -> u64 {
    let limits = Process::myself().and_then(|process| process.limits());
    match limits.map(|limits| limits.max_open_files.soft_limit) {
        Ok(LimitValue::Value(limit)) => limit,
        Ok(LimitValue::Unlimited) => u64::MAX,
        // The least that is usual.
        Err(_) => 1024,
    }
}

/// One drill: what gander recorded, and what the target says.
async fn carry_out(
    drill: &Drill,
    options: &SelftestOptions,
    signals: &mut UnboundedReceiver<i32>,
) -> Result<(RunLog, Truth), SelftestError> {
    let folder = options.folder.join(drill.name);
    std::fs::create_dir_all(&folder)
        .map_err(|source| SelftestError::Folder { path: folder.clone(), source })?;
    let truth_path = folder.join("truth.csv");
    let loaded = load(drill, &folder, &truth_path)?;
    let finished = run(drill, loaded, options, signals).await?;
    let log = crate::record::read(&finished.folder)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "what the demo target wrote for this drill, and no file of anybody's"
    )]
    let text = std::fs::read_to_string(&truth_path)
        .map_err(|source| SelftestError::TruthFile { path: truth_path, source })?;
    let truth = if drill.kind.is_against_null() { Truth::of_count(&text) } else { Truth::of_calls(&text) };
    Ok((log, truth.map_err(|source| SelftestError::Truth { drill: drill.name, source })?))
}

/// The plan, by the way that users' scenarios go.
fn load(drill: &Drill, folder: &Path, truth: &Path) -> Result<Loaded, SelftestError> {
    let truth = truth.to_string_lossy();
    let read = |path: &Path| drill.file(path, &truth).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
    let formats: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    let sources =
        Sources { files: Files { read: &read, names: &|_| Vec::new() }, env: &|_| None, formats: &formats };
    let overrides = Overrides { out: Some(folder.to_owned()), ..Overrides::default() };
    let refused = |problems: Problems| SelftestError::Scenario {
        drill: drill.name,
        problems: problems.render(Color::Off),
    };
    let loaded =
        crate::scenario::load(Path::new(&drill.scenario_file()), &overrides, &sources).map_err(refused)?;
    if loaded.warnings.is_empty() { Ok(loaded) } else { Err(refused(loaded.warnings)) }
}

/// Runs it to its end. A signal ends this run as it would end any, and then the selftest.
async fn run(
    drill: &Drill,
    loaded: Loaded,
    options: &SelftestOptions,
    signals: &mut UnboundedReceiver<i32>,
) -> Result<Finished, SelftestError> {
    let (forward, receiver) = unbounded_channel();
    let run_options = RunOptions {
        scenario_file: drill.scenario_file(),
        floor: None,
        program: options.program.clone(),
        // Load goes to loopback, which is never called through a proxy.
        proxies: Proxies::default(),
        log_authorization: None,
        signals: receiver,
    };
    let mut asked = None;
    let mut watch = |_: crate::run::RunEvent<'_>| ();
    let mut run = Box::pin(execute(loaded.plan, &loaded.criteria, run_options, &mut watch));
    let finished = loop {
        tokio::select! {
            biased;
            Some(signal) = signals.recv() => {
                asked = asked.or(Some(signal));
                // A run that has just ended hears no more.
                let _ = forward.send(signal);
            }
            finished = &mut run => break finished,
        }
    };
    if let Some(signal) = asked {
        return Err(SelftestError::Interrupted(signal));
    }
    let failed = |source| SelftestError::Run { drill: drill.name, source };
    let finished = finished.map_err(failed)?;
    match (finished.ending, finished.cause) {
        (_, Some(cause)) => Err(failed(cause)),
        (Ending::Interrupted { signal, .. }, None) => Err(SelftestError::Interrupted(signal)),
        (
            ending
            @ (Ending::Complete { .. } | Ending::Aborted { .. } | Ending::Partial | Ending::Unmeasured),
            None,
        ) => Ok(Finished { folder: finished.folder, ending, cause: None }),
    }
}

/// How fit the machine was.
fn noise(log: &RunLog, report: &RunReport) -> Noise {
    let failing = report.generator.iter().filter(|check| check.holds == Some(false));
    let mut wake_ups = LatencyHistogram::new();
    for own in log.seconds.iter().filter_map(|second| second.generator.as_ref()) {
        wake_ups.merge(&own.heartbeat);
    }
    Noise { failing: failing.map(|check| check.name.clone()).collect(), wake_ups }
}
