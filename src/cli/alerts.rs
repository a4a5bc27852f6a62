//! `gander alerts`: who is told of an alert by `alertmanager.yml`, and drills with a real Alertmanager.

use std::fmt::Write as _;
use std::path::Path;

use url::Url;

use super::alerts_args::{AlertsCommand, DrillArgs, RouteArgs};
use super::exit::Exit;
use super::files::{USER_FILES, tell_problems};
use super::screen::Screen;
use super::signals;
use crate::alertmanager::{Config, Grouping, Route, load_alerts, load_file, parse_labels};
use crate::clock::wall_clock;
use crate::drill::{
    DrillError, DrillOptions, DrillReport, LABEL, Silencing, WEBHOOK, WebhookOptions, drill, render,
};
use crate::input::{Place, Problem, Problems, Source};
use crate::model::{Labels, Secret, format_duration, printable_text};
use crate::plan::Proxies;
use crate::report::judged;
use crate::run::user_agent;

pub(super) fn alerts(command: AlertsCommand, screen: Screen) -> Exit {
    let done = match command {
        AlertsCommand::Route(args) => route(&args, screen),
        AlertsCommand::Drill(args) => hold_drill(&args, screen),
    };
    done.unwrap_or_else(|exit| exit)
}

fn good<T>(loaded: Result<T, Problems>, screen: Screen) -> Result<T, Exit> {
    loaded.map_err(|problems| {
        tell_problems(&problems, screen);
        Exit::BadInput
    })
}

fn route(args: &RouteArgs, screen: Screen) -> Result<Exit, Exit> {
    let config = good(load_file(&args.config, USER_FILES), screen);
    let written = args.labels.join(",");
    let labels = if written.is_empty() { Ok(Labels::new()) } else { parse_labels("LABEL=VALUE", &written) };
    let labels = good(labels, screen);
    let (config, labels) = (config?, labels?);
    let mut text = format!("{labels}\n");
    for route in config.routes_of(&labels) {
        text.push_str(&describe(&config, route, &labels));
    }
    screen.print(text.as_bytes());
    Ok(Exit::Success)
}

/// Who is told by a route, and when.
fn describe(config: &Config, route: &Route, labels: &Labels) -> String {
    let receiver = config.receiver_of(route);
    let kinds = receiver.kinds();
    let kinds =
        if kinds.is_empty() { "pages nobody: it has no integration".to_owned() } else { kinds.join(", ") };
    let group = match &route.grouping {
        Grouping::Each => "each label set by itself".to_owned(),
        Grouping::By(names) if names.is_empty() => "all alerts of the route".to_owned(),
        Grouping::By(_) => route.group_of(labels).to_string(),
    };
    let [wait, interval, repeat] =
        [route.group_wait, route.group_interval, route.repeat_interval].map(format_duration);
    let mut text = String::new();
    let mut line = |text_of_line: &str| {
        writeln!(text, "{}", printable_text(text_of_line)).expect("writing to a string does not fail");
    };
    line(&format!("  {} ({kinds}), by the route at {}", receiver.name, route.origin));
    line(&format!("    group: {group}"));
    line(&format!("    told after {wait}, of changes every {interval}, of the same again after {repeat}"));
    if !route.mute.is_empty() {
        line(&format!("    not during {}", route.mute.join(", ")));
    }
    if !route.active.is_empty() {
        line(&format!("    only during {}", route.active.join(", ")));
    }
    text
}

fn hold_drill(args: &DrillArgs, screen: Screen) -> Result<Exit, Exit> {
    let mut alerts = Vec::new();
    for written in &args.alert {
        alerts.push(good(parse_labels("--alert", written), screen)?);
    }
    if let Some(path) = &args.alerts {
        alerts.extend(good(load_alerts(path, USER_FILES), screen)?);
    }
    let mut config =
        args.config.as_ref().map(|path| good(load_file(path, USER_FILES), screen)).transpose()?;
    if let Some(folder) = &args.run {
        let of_run = alerts_of_run(folder, screen)?;
        if of_run.fired.is_empty() && alerts.is_empty() {
            screen.tell(&format!("no alert fired in `{}`: there is nothing to drill\n", folder.display()));
            return Ok(Exit::Inconclusive);
        }
        alerts.extend(of_run.fired);
        config = config.or(of_run.config);
    }
    let options = options(args, screen)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        screen.error(&error);
        Exit::Invalid
    })?;
    let report = runtime.block_on(async {
        let mut signals = signals::listen();
        tokio::select! {
            report = drill(&alerts, &options) => report.map_err(|error| failed(&error, screen)),
            Some(signal) = signals.recv() => Err(interrupted(&options, signal, screen)),
        }
    })?;
    screen.print(render(&report, args.webhook.unwrap_or(WEBHOOK)).as_bytes());
    let differences = config.map(|config| differences(&config, &report)).unwrap_or_default();
    screen.print(differences.as_bytes());
    let good = report.is_as_wanted() && differences.is_empty();
    Ok(if good { Exit::Success } else { Exit::Failed })
}

/// What a recorded run gives to a drill.
struct AlertsOfRun {
    /// The labels of the alerts that fired.
    fired: Vec<Labels>,
    config: Option<Config>,
}

fn alerts_of_run(folder: &Path, screen: Screen) -> Result<AlertsOfRun, Exit> {
    let log = crate::record::read(folder).map_err(|error| {
        screen.error(&error);
        Exit::BadInput
    })?;
    let report = judged(&log, &log.criteria);
    let (Some(criteria), Some(history)) = (log.criteria.alerts, report.alerts) else {
        let name = folder.display();
        screen.tell(&format!(
            "error: the run in `{name}` has no alert rules\n  help: name some in an SLO file (`alerts`), or alerts with `--alert`\n"
        ));
        return Err(Exit::BadInput);
    };
    let fired = history.fired().into_iter().map(|labels| criteria.told_labels(labels)).collect();
    Ok(AlertsOfRun { fired, config: criteria.alertmanager })
}

fn options(args: &DrillArgs, screen: Screen) -> Result<DrillOptions, Exit> {
    let env = |name: &str| std::env::var(name).ok();
    let bearer = args.bearer_env.as_ref().map(|name| {
        env(name).filter(|token| !token.is_empty()).ok_or_else(|| {
            screen.tell(&format!("error: there is no token in the environment variable `{name}`\n"));
            Exit::BadInput
        })
    });
    let now = jiff::Timestamp::try_from(wall_clock()).unwrap_or_default();
    let name = args.name.clone().unwrap_or_else(|| format!("drill-{}", now.strftime("%Y%m%d-%H%M%S")));
    Ok(DrillOptions {
        alertmanager: good(http_url(&args.alertmanager), screen)?,
        drill: name,
        silencing: if args.unsilenced { Silencing::Unsilenced } else { Silencing::Silenced },
        longest: args.longest,
        webhook: args.webhook.map(|listen| WebhookOptions { listen, within: args.within }),
        authorization: bearer.transpose()?.map(|token| Secret::new(format!("Bearer {token}"))),
        proxies: Proxies::from_environment(&env),
        user_agent: user_agent(),
    })
}

/// Not read by clap, which would repeat a password that is in it.
fn http_url(text: &str) -> Result<Url, Problems> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let mut problems = Problems::new();
    if url.is_none() {
        let place = Place::new(&Source::new("--alertmanager", text), 0..text.len());
        let help = "write a URL such as `http://alertmanager:9093`";
        problems.push(Problem::error(&place, "this is no address of an Alertmanager").help(help));
    }
    problems.into_result(url).map(|(url, _)| url)
}

fn failed(error: &DrillError, screen: Screen) -> Exit {
    screen.error(error);
    match error {
        DrillError::NoAlerts => {
            screen.tell("  help: name one with `--alert alertname=NAME,severity=critical`, or a file with `--alerts FILE`, or a run with `--run DIR`\n");
            Exit::BadInput
        }
        DrillError::Name
        | DrillError::Address
        | DrillError::Token
        | DrillError::Proxy(_)
        | DrillError::Listen { .. }
        | DrillError::NotLoopback(_) => Exit::BadInput,
        DrillError::NoAnswer { .. } | DrillError::Malformed { .. } => Exit::Unreachable,
        DrillError::Refused { .. } | DrillError::NotSilenced { .. } => Exit::Failed,
        DrillError::Client(_) => Exit::Invalid,
    }
}

fn interrupted(options: &DrillOptions, signal: i32, screen: Screen) -> Exit {
    screen.tell(&format!(
        "interrupted: alerts with {LABEL}=\"{}\" that were posted end by themselves within {}, and their silence after them\n",
        options.drill,
        format_duration(options.longest)
    ));
    Exit::Signal(signal)
}

/// Where the file's routes are not those that Alertmanager has.
fn differences(config: &Config, report: &DrillReport) -> String {
    let mut text = String::new();
    for alert in &report.alerts {
        let Some(fate) = &alert.fate else { continue };
        let mut expected: Vec<&str> =
            config.routes_of(&alert.labels).iter().map(|route| route.receiver.as_str()).collect();
        let mut found: Vec<&str> = fate.receivers.iter().map(String::as_str).collect();
        for names in [&mut expected, &mut found] {
            names.sort_unstable();
            names.dedup();
        }
        if expected != found {
            let line = format!(
                "NOT AS THE FILE SAYS: {} goes to {}, not to {}: has Alertmanager loaded this file?",
                alert.labels,
                found.join(", "),
                expected.join(", ")
            );
            writeln!(text, "{}", printable_text(&line)).expect("writing to a string does not fail");
        }
    }
    text
}
