//! The command line of `gander alerts`, as written.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::args::variable_name;
use crate::drill::WEBHOOK;
use crate::model::parse_duration;

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// Who would be told of an alert: receivers, groups and waits, as `alertmanager.yml` says. Nothing is sent.
    Route(RouteArgs),
    /// Give alerts to a real Alertmanager, under a silence, and see what becomes of them. Pages nobody unless told to. Exits
    /// with 0 when all was as it should be, 1 when it was not, 5 when Alertmanager can't be asked.
    Drill(Box<DrillArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct RouteArgs {
    /// Alertmanager's configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The alert: `alertname=MCPHighErrorRate severity=critical`.
    #[arg(value_name = "LABEL=VALUE")]
    pub(crate) labels: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DrillArgs {
    /// Alertmanager's address: `http://alertmanager:9093`.
    #[arg(long, value_name = "URL")]
    pub(crate) alertmanager: String,
    /// An alert: `alertname=MCPHighErrorRate,severity=critical`. May be repeated.
    #[arg(long, value_name = "LABELS")]
    pub(crate) alert: Vec<String>,
    /// Alerts from a file (YAML): a list of maps of labels.
    #[arg(long, value_name = "FILE")]
    pub(crate) alerts: Option<PathBuf>,
    /// The alerts that fired in a recorded run, by the rules that it was judged by: its run directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    /// Alertmanager's configuration (default: that of the run), to hold its routes against what Alertmanager says.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The value of the label `load_test` that each alert gets; without it, one made of the time.
    #[arg(long, value_name = "NAME", value_parser = drill_name)]
    pub(crate) name: Option<String>,
    /// Prove delivery: listen here (127.0.0.1:9765), and have the alerts come. The silence is lifted only when each of them goes
    /// to the receiver `gander-drill` alone; how to set it up is printed.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, default_missing_value = default_webhook(),
          value_parser = loopback)]
    pub(crate) webhook: Option<SocketAddr>,
    /// How long to wait for delivery, and again for word that it is over.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = bounded_time)]
    pub(crate) within: Duration,
    /// When the alerts end by themselves, should gander not end them.
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = bounded_time)]
    pub(crate) longest: Duration,
    /// Make no silence: people may be paged.
    #[arg(long)]
    pub(crate) unsilenced: bool,
    /// The environment variable that holds a bearer token for Alertmanager.
    #[arg(long, value_name = "VAR", value_parser = variable_name)]
    pub(crate) bearer_env: Option<String>,
}

fn default_webhook() -> &'static str {
    use std::sync::LazyLock;
    static ADDRESS: LazyLock<String> = LazyLock::new(|| WEBHOOK.to_string());
    &ADDRESS
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse().ok().filter(|address: &SocketAddr| address.ip().is_loopback());
    address.ok_or_else(|| format!("write a loopback address with its port, such as `{WEBHOOK}`"))
}

/// From one second to a day.
fn bounded_time(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text).filter(|time| (1..=86_400).contains(&time.as_secs()));
    time.ok_or_else(|| "write a time from 1s to 24h, such as `60s`".to_owned())
}

/// What needs no quotes in a matcher.
fn drill_name(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if plain && !text.is_empty() && text.len() <= 100 {
        Ok(text.to_owned())
    } else {
        Err("write letters, digits, `-`, `_` and `.`, up to 100".to_owned())
    }
}
