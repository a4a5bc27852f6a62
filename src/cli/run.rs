//! `gander run`: the main job.

use std::path::{Path, PathBuf};

use super::args::RunArgs;
use super::exit::Exit;
use super::files::{load_scenario, tell_problems, write_reports};
use super::progress::Progress;
use super::screen::Screen;
use super::signals;
use crate::model::Secret;
use crate::plan::{CarriageChoice, GrafanaPlace, Plan, Proxies, Target};
use crate::report::{Ending, Format, RunReport, TerminalStyle, judged, terminal_summary};
use crate::run::{DemoError, Finished, RunError, RunOptions, annotate_run, execute};
use crate::scenario::Loaded;
use crate::slo::Criteria;

pub(super) fn run(args: &RunArgs, screen: Screen) -> Exit {
    let Loaded { plan, criteria, warnings } = match load_scenario(&args.scenario, &args.overrides, screen) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    if !args.quiet {
        tell_problems(&warnings, screen);
    }
    if let Err(exit) = keep_to_permitted_hosts(&plan, screen) {
        return exit;
    }
    if let Err(exit) = check_floor(&plan, args, screen) {
        return exit;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.error(&error);
            return Exit::Invalid;
        }
    };
    let mut progress = Progress::new(screen, &plan, &criteria.objectives, args.quiet);
    let finished = runtime.block_on(async {
        let options = RunOptions {
            scenario_file: args.scenario.to_string_lossy().into_owned(),
            floor: args.floor,
            program: std::env::current_exe().unwrap_or_else(|_| "gander".into()),
            proxies: Proxies::from_environment(&|name| std::env::var(name).ok()),
            log_authorization: log_authorization(&criteria),
            signals: signals::listen(),
        };
        Box::pin(execute(plan.clone(), &criteria, options, &mut |event| progress.show(event))).await
    });
    match finished {
        Ok(Finished { folder, cause: Some(cause), .. }) => nothing_measured(&folder, &cause, screen),
        Ok(finished) => {
            let (exit, report) = conclude(&finished, args.quiet, screen);
            if let (Some(place), Some(report)) = (&plan.outputs.grafana, &report) {
                runtime.block_on(tell_grafana(place, report, screen));
            }
            exit
        }
        Err(error) => {
            screen.error(&error);
            exit_of(&error)
        }
    }
}

/// The value of the variable that `criteria` name for the index of the target's log.
fn log_authorization(criteria: &Criteria) -> Option<Secret> {
    let name = criteria.checks.logs.as_ref()?.place.authorization_env()?;
    std::env::var(name).ok().map(Secret::new)
}

/// The floor is measured over Streamable HTTP or plain HTTP.
fn check_floor(plan: &Plan, args: &RunArgs, screen: Screen) -> Result<(), Exit> {
    let stdio = matches!(plan.target, Target::Stdio(_));
    if args.floor.is_none() || !(stdio || plan.transport.carriage == CarriageChoice::Sse) {
        return Ok(());
    }
    screen.tell(
        "error: `--floor` is measured over HTTP, and says nothing of this transport\n  help: run without `--floor`\n",
    );
    Err(Exit::BadInput)
}

/// Load goes to loopback, and to hosts that are named.
fn keep_to_permitted_hosts(plan: &Plan, screen: Screen) -> Result<(), Exit> {
    let strangers = plan.strangers();
    for host in &strangers {
        screen.tell(&format!(
            "error: `{host}` is not a loopback address, and the scenario does not name it\n  \
             help: if you may load it, add it to `allow_hosts` in the scenario, or pass `--allow-host {host}`\n"
        ));
    }
    if strangers.is_empty() { Ok(()) } else { Err(Exit::BadInput) }
}

pub(super) fn exit_of(error: &RunError) -> Exit {
    match error {
        RunError::Open(_) | RunError::Demo(DemoError::Arguments(_)) => Exit::BadInput,
        RunError::Record(_) | RunError::Load(_) | RunError::Floor(_) => Exit::Invalid,
        // What is of the target comes as a run that measured nothing.
        RunError::Demo(_)
        | RunError::Contact(_)
        | RunError::Arguments(_)
        | RunError::NotReady(_)
        | RunError::Observe(_) => Exit::Unreachable,
        RunError::Stopped(signal) => Exit::Signal(*signal),
    }
}

/// The target was not there. Reports say so, to whoever only reads those; there is nothing to summarise.
fn nothing_measured(folder: &Path, cause: &RunError, screen: Screen) -> Exit {
    screen.error(cause);
    let written =
        crate::record::read(folder).and_then(|log| write_reports(folder, &judged(&log, &log.criteria), &log));
    match written {
        Ok(()) => {
            screen.tell(&format!("nothing was measured; reports that say so are in {}\n", folder.display()));
        }
        Err(error) => screen.error(&error),
    }
    exit_of(cause)
}

/// Judges the run from its directory alone, writes the reports, prints the summary.
fn conclude(finished: &Finished, quiet: bool, screen: Screen) -> (Exit, Option<RunReport>) {
    let log = match crate::record::read(&finished.folder) {
        Ok(log) => log,
        Err(error) => {
            screen.error(&error);
            return (Exit::Invalid, None);
        }
    };
    let report = judged(&log, &log.criteria);
    let written = write_reports(&finished.folder, &report, &log);
    if !quiet {
        print_summary(&report, &finished.folder, screen);
    }
    if let Err(error) = written {
        screen.error(&error);
        return (Exit::Invalid, Some(report));
    }
    let exit = match finished.ending {
        Ending::Interrupted { signal, .. } => Exit::Signal(signal),
        Ending::Complete { .. } | Ending::Aborted { .. } | Ending::Partial | Ending::Unmeasured => {
            Exit::from(report.verdict)
        }
    };
    (exit, Some(report))
}

/// Marks the run on dashboards. What becomes of that changes no verdict.
async fn tell_grafana(place: &GrafanaPlace, report: &RunReport, screen: Screen) {
    let env = |name: &str| std::env::var(name).ok();
    let token = place.token_env.as_deref().and_then(env).map(Secret::new);
    let proxies = Proxies::from_environment(&env);
    if let Err(error) = annotate_run(place, report, token.as_ref(), &proxies).await {
        let url = &place.url;
        screen.tell(&format!("warning: the run is not marked in the Grafana at {url}: {error}\n"));
    }
}

/// The summary, with the run's files at its end.
pub(super) fn print_summary(report: &RunReport, folder: &Path, screen: Screen) {
    let page = folder.join(Format::named("html").expect("there is such a format").file);
    print_summary_with(report, folder, page.exists().then_some(&page), screen);
}

/// [`print_summary`], naming `page` as the page that shows the same.
pub(super) fn print_summary_with(report: &RunReport, folder: &Path, page: Option<&PathBuf>, screen: Screen) {
    let page = page.map(|page| page.to_string_lossy());
    let directory = folder.to_string_lossy();
    let style = TerminalStyle {
        color: screen.out_color,
        width: screen.width,
        page: page.as_deref(),
        directory: Some(&directory),
    };
    screen.print(terminal_summary(report, style).as_bytes());
}
