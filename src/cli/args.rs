//! The command line, as written.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::alerts_args::AlertsCommand;
use super::exit::EXIT_CODES;
use crate::demo::DemoOptions;
use crate::rules::TimeScale;

/// Load-tests a Model Context Protocol (MCP) server and judges it against its SLOs.
#[derive(Debug, Parser)]
#[command(name = "gander", version, after_help = exit_codes(), max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to color the output.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario: make the load, watch the target, judge, report.
    Run(RunArgs),
    /// Write a first scenario and its SLOs for a server that is there: asks it what it has, and tries each call once.
    Init(InitArgs),
    /// Check scenario and SLO files, and print what a run would do. Nothing is sent.
    Validate(ValidateArgs),
    /// Judge a recorded run again, with its own SLOs or with others.
    Check(CheckArgs),
    /// Render a recorded run in another format.
    Report(ReportArgs),
    /// Check Prometheus rule files, run their unit tests, and say how long a run they need. Nothing is sent.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// What becomes of alerts: who is told of them by `alertmanager.yml`, and drills with a real Alertmanager.
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// Hold gander's own reports against a target that knows what happened. Exits with 0 when every claim holds, 1 when one
    /// does not, 4 when this machine was too noisy to say.
    Selftest(SelftestArgs),
    /// Start the demo target: an MCP server with metrics, health endpoints and faults on request.
    Demo(Box<DemoOptions>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    Always,
    Never,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The scenario file (YAML).
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenario: PathBuf,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
    /// First measure what the load itself costs: its busiest part for this long (5s) against a server that answers at once, on
    /// this machine. A p99 above 10 % of the smallest latency objective makes a PASS INVALID.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "5s",
          value_parser = floor_length)]
    pub(crate) floor: Option<std::time::Duration>,
    /// Print nothing but errors; the exit code and the run directory tell the rest.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// What the command line may change of a scenario.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct OverrideArgs {
    /// Aim at this URL instead of the scenario's target.
    #[arg(long, value_name = "URL")]
    pub(crate) target: Option<String>,
    /// Start this command instead, one process a user, and speak to its standard input and output. No shell reads it.
    #[arg(long, value_name = "COMMAND", conflicts_with = "target")]
    pub(crate) stdio: Option<String>,
    /// How long the load lasts, warm-up included (30s, 5m).
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) duration: Option<String>,
    /// How many users there are at the peak; of a load with a rate, how many from the start.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) users: Option<String>,
    /// Set any value of the scenario: `--set load.warm_up=2s`. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Judge against this SLO file instead of the scenario's. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) slo: Vec<PathBuf>,
    /// The folder that run directories are created in.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Permit load on this host, which is not loopback. May be repeated.
    #[arg(long, value_name = "HOST")]
    pub(crate) allow_host: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// The folder that the two files are written to.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) out: PathBuf,
    /// The name of the scenario and of its files; without it, what the server calls itself.
    #[arg(long, value_name = "NAME", value_parser = file_name)]
    pub(crate) name: Option<String>,
    /// Write over files that are there.
    #[arg(long)]
    pub(crate) force: bool,
    /// The environment variable that holds the bearer token. Its name is written down, its value is not.
    #[arg(long, value_name = "VAR", value_parser = variable_name)]
    pub(crate) bearer_env: Option<String>,
    /// Try no call: what fails is found out by the first run.
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// Permit load on this host, which is not loopback. May be repeated.
    #[arg(long, value_name = "HOST")]
    pub(crate) allow_host: Vec<String>,
}

/// The server that a first scenario is for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ServerArgs {
    /// The server: the URL of its MCP endpoint.
    #[arg(long, value_name = "URL")]
    pub(crate) target: Option<String>,
    /// The server is this command: it is started, and spoken to over its standard input and output. No shell reads it.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) stdio: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Scenario or SLO files (YAML).
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Print the scenario with everything filled in, and its objectives, as YAML for programs.
    #[arg(long)]
    pub(crate) yaml: bool,
    /// Of scenarios with a rate, print when each iteration is due: one line each, in seconds from the start of the load, and
    /// which transaction it is.
    #[arg(long, conflicts_with = "yaml")]
    pub(crate) arrivals: bool,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A run directory.
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Judge against this SLO file instead of the run's own. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) slo: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// A run directory.
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// The format; without it, the summary as `run` prints it.
    #[arg(short, long, value_name = "FORMAT", value_parser = crate::report::format_names())]
    pub(crate) format: Option<String>,
    /// Write to this file instead of standard output; a format of several files needs a folder.
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Tell all mistakes in rule files, or what is in them.
    Check(RuleFileArgs),
    /// Run unit tests of rules, in the format of `promtool test rules`.
    Test(RuleFileArgs),
    /// Say how long a run must last for each rule to be able to fire.
    Duration(RuleDurationArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RuleFileArgs {
    /// Rule files, or files of unit tests (YAML).
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RuleDurationArgs {
    /// Rule files (YAML).
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Say it for rules in which all times are divided by this, and print these rules.
    #[arg(long, value_name = "K", value_parser = time_scale)]
    pub(crate) time_scale: Option<TimeScale>,
    /// The time between evaluations of groups that don't say theirs.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = rule_interval)]
    pub(crate) interval: std::time::Duration,
}

#[derive(Debug, Args)]
pub(crate) struct SelftestArgs {
    /// Shorter drills: about 20 seconds in all instead of a minute.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep the run directories, and what the target says of each call, in this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

fn time_scale(text: &str) -> Result<TimeScale, String> {
    let scale = text.parse().ok().and_then(TimeScale::new);
    scale.ok_or_else(|| "write a number from 1 on, such as `60`: a minute becomes a second".to_owned())
}

fn rule_interval(text: &str) -> Result<std::time::Duration, String> {
    let interval = crate::promql::parse_duration(text).filter(|interval| !interval.is_zero());
    interval.ok_or_else(|| "write a time as Prometheus does, such as `30s` or `1m`".to_owned())
}

/// From one second to ten minutes.
fn floor_length(text: &str) -> Result<std::time::Duration, String> {
    let length = crate::model::parse_duration(text).filter(|length| (1..=600).contains(&length.as_secs()));
    length.ok_or_else(|| "write a time from 1s to 10m, such as `5s`".to_owned())
}

/// What is a name on every system, and needs no quotes.
fn file_name(text: &str) -> Result<String, String> {
    const LONGEST: usize = 60;
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let good = plain && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= LONGEST;
    if good {
        Ok(text.to_owned())
    } else {
        Err("write letters, digits, `-`, `_` and `.`, up to 60".to_owned())
    }
}

pub(super) fn variable_name(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let good = plain && !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit());
    if good {
        Ok(text.to_owned())
    } else {
        // What stands there may be the token itself.
        Err("write the name of an environment variable, such as `MCP_TOKEN`".to_owned())
    }
}

fn exit_codes() -> String {
    let rows: Vec<String> =
        EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:>3}  {meaning}")).collect();
    format!("Exit codes:\n{}", rows.join("\n"))
}
