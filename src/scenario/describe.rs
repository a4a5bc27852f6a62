//! The plan as text: what `gander validate` prints. Plain, at most 100 columns, no network, no clock.
//!
//! It reads the plan and the objectives and knows neither files nor measured numbers.

use std::time::Duration;

use super::describe_queried;
use super::describe_steps::{answers, describe_feeders, describe_transactions};
use super::{logs, redaction};
use crate::model::{
    clean_char, counted, format_count, format_duration, format_rate, format_ratio, without_credentials,
};
use crate::plan::{
    Auth, CarriageChoice, ClientProof, ClosedLoad, GrafanaPlace, HttpVersion, Load, LoadModel, OAuth,
    OpenLoad, OwnPrometheus, Plan, Processes, ProtocolChoice, Replicas, SessionEnd, SessionPolicy, Spacing,
    StdioTarget, Target, ThinkTime, TokenSharing, Transport, Turn, UnlistedTools,
};
use crate::slo::{AlertCriteria, Criteria, Divisor, Indicator, Reading, Selector};
use crate::verify::{CostBudget, money};

/// The longest line.
const WIDTH: usize = 100;
/// How many moments of the load the chart shows.
const CHART: u32 = 60;
/// The column at which values begin.
const VALUES: usize = 14;

/// What the run would do. Without a network nobody knows how long answers take, so numbers of calls are upper
/// bounds, and say so.
pub fn describe(plan: &Plan, criteria: &Criteria) -> String {
    let mut page = Page::default();
    page.line(0, &plan.name);
    page.line(0, &plan.description);
    page.blank();
    describe_target(&mut page, plan);
    page.blank();
    describe_load(&mut page, &plan.load);
    page.blank();
    describe_transactions(&mut page, plan);
    page.blank();
    describe_feeders(&mut page, plan);
    describe_objectives(&mut page, plan, criteria);
    if let Some(when) = &criteria.abort_when {
        page.line(0, &format!("stopped when {when}"));
    }
    criteria.alerts.iter().for_each(|alerts| describe_alerts(&mut page, alerts));
    if let Some(truth) = &criteria.checks.truth {
        let (names, wanted) = (&truth.names.origin, truth.wanted_words().join(", "));
        page.line(0, &format!("the target's metrics (names: {names}) are checked: {wanted}"));
    }
    if let Some(health) = &criteria.checks.health {
        let wanted = health.wanted_words().join(", ");
        page.line(0, &format!("the target's health endpoints are checked: {wanted}"));
    }
    if let Some(logs) = logs::described(criteria) {
        page.line(0, &logs);
    }
    if let Some(audit) = logs::audit_described(criteria) {
        page.line(0, &audit);
    }
    if let Some(redaction) = redaction::described(plan, criteria) {
        page.line(0, &redaction);
    }
    if let Some(checks) = &criteria.checks.dashboards {
        let panels = counted(checks.panel_count() as u64, "panel");
        let titles: Vec<&str> = checks.dashboards.iter().map(|dashboard| dashboard.title.as_str()).collect();
        page.line(0, &format!("dashboards must have data in {panels}: {}", titles.join(", ")));
    }
    if let Some(prices) = &criteria.checks.cost {
        let budget = prices.budget.map_or_else(
            || "without a budget".to_owned(),
            |CostBudget { limit, per }| {
                format!("with a budget of {} {}", money(limit, &prices.currency), per.words())
            },
        );
        page.line(0, &format!("what it costs is estimated, {budget}"));
    }
    page.blank();
    describe_watch(&mut page, plan);
    page.text
}

fn describe_target(page: &mut Page, plan: &Plan) {
    let target = match &plan.target {
        Target::Demo(demo) if demo.arguments.is_empty() => {
            format!("the built-in demo server at {}", demo.path)
        }
        Target::Demo(demo) => {
            format!("the built-in demo server at {}, with {}", demo.path, demo.arguments.join(" "))
        }
        Target::Url(url) => without_credentials(url.as_str()).into_owned(),
        Target::Stdio(target) => format!("`{}`, over its standard input and output", target.shown()),
    };
    page.value("target", &target);
    if let Target::Stdio(target) = &plan.target {
        describe_processes(page, target);
    }
    if let Some(Replicas { others, turn }) = &plan.transport.replicas {
        let others: Vec<_> = others.iter().map(|url| without_credentials(url.as_str())).collect();
        let turn = match turn {
            Turn::PerCall => "each request",
            Turn::PerSession => "each session",
        };
        page.value("in turn with", &format!("{}: {turn} goes to the next one", others.join(", ")));
    }
    describe_transport(page, &plan.transport);
    if !plan.hosts.allowed.is_empty() {
        page.value("load may go", &format!("to this machine and to {}", plan.hosts.allowed.join(", ")));
    }
    let protocol = match &plan.protocol {
        ProtocolChoice::Auto => "MCP, the newest revision that both sides speak".to_owned(),
        ProtocolChoice::Revision(revision) => format!("MCP {revision} and no other"),
        ProtocolChoice::Rest => "plain HTTP".to_owned(),
    };
    page.value("protocol", &protocol);
    let auth = match &plan.auth {
        Auth::None => "none".to_owned(),
        Auth::Bearer(_) => "the same bearer token for every user".to_owned(),
        Auth::Headers(headers) => {
            format!(
                "the same headers for every user: {}",
                headers.keys().cloned().collect::<Vec<_>>().join(", ")
            )
        }
        Auth::Login { path, username, .. } => {
            format!("each user logs in as {username} at {path}, and anew before its token runs out")
        }
        Auth::OAuth(oauth) => described(oauth),
    };
    page.value("credentials", &auth);
    if plan.protocol != ProtocolChoice::Rest {
        let shared = matches!(&plan.target, Target::Stdio(target) if target.processes == Processes::Shared);
        let session = match plan.session {
            SessionPolicy::PerUser if shared => "one for all users",
            SessionPolicy::PerUser => "one a user, for the whole run",
            SessionPolicy::PerIteration => "a new one for each iteration",
        };
        let end = match plan.session_end {
            SessionEnd::Delete => "",
            SessionEnd::Abandon => ", left behind without a word",
        };
        page.value("sessions", &format!("{session}{end}"));
        if plan.unlisted_tools == UnlistedTools::Skip {
            page.value("unlisted", "calls of tools that the target does not list are left out");
        }
    }
    if !plan.answers.is_empty() {
        page.value("answers", &answers(&plan.answers));
    }
    page.value("seed", &plan.seed.to_string());
}

/// Who fetches tokens, where, how and for whom.
fn described(oauth: &OAuth) -> String {
    let who = match oauth.tokens {
        TokenSharing::Shared => "one token for all users",
        TokenSharing::PerUser => "a token for each user",
    };
    let proof = match &oauth.proof {
        ClientProof::Secret { method: Some(method), .. } => format!("a secret ({})", method.name()),
        ClientProof::Secret { method: None, .. } => "a secret".to_owned(),
        ClientProof::Key(key) => {
            format!("an assertion signed by {} with the key in {}", key.algorithm.name(), key.key.path())
        }
    };
    let place = oauth.token_url.as_ref().map_or_else(
        || "where the target's metadata says".to_owned(),
        |url| format!("at {}", without_credentials(url.as_str())),
    );
    let scope = oauth
        .scope
        .as_ref()
        .map_or_else(|| "the scope that the target asks for".to_owned(), |scope| format!("scope {scope}"));
    format!(
        "{who} by OAuth client credentials, renewed before it runs out: client {} with {proof}, {place}, for {scope}",
        oauth.client_id
    )
}

fn describe_processes(page: &mut Page, target: &StdioTarget) {
    let processes = match target.processes {
        Processes::PerUser => "one a user",
        Processes::Shared => "one for all users",
    };
    page.value("processes", processes);
    if let Some(folder) = &target.cwd {
        page.value("started in", folder.source());
    }
    if !target.env.is_empty() {
        let names: Vec<&str> = target.env.keys().map(String::as_str).collect();
        page.value("environment", &format!("gander's own, and {}", names.join(", ")));
    }
}

fn describe_load(page: &mut Page, load: &Load) {
    let users = counted(load.peak_users().into(), "user");
    page.value("load", &format!("{} with at most {users}", format_duration(load.duration())));
    if !load.warm_up.is_zero() {
        let judged = load.duration().saturating_sub(load.warm_up);
        page.value(
            "warm-up",
            &format!(
                "the first {} are not judged, {} are",
                format_duration(load.warm_up),
                format_duration(judged)
            ),
        );
    }
    if load.idle_streams > 0 {
        let streams = format_count(load.idle_streams.into());
        page.value("idle streams", &format!("{streams}, held open beside the load by clients of their own"));
    }
    match &load.model {
        LoadModel::Open(open) => describe_open(page, open, load),
        LoadModel::Closed(closed) => describe_closed(page, closed, load),
    }
}

fn describe_open(page: &mut Page, load: &OpenLoad, of: &Load) {
    let spacing = match load.spacing {
        Spacing::Constant => "evenly spaced",
        Spacing::Poisson => "spaced as independent clients come (Poisson)",
    };
    let arrivals = match load.burst {
        1 => format!("iterations are due whether or not earlier ones have ended, {spacing}"),
        burst => format!("{} iterations are due at once, such bursts {spacing}", format_count(burst.into())),
    };
    page.value("arrivals", &arrivals);
    let first = counted(load.users.into(), "user");
    let most = format_count(load.max_users.into());
    let pool = if load.users == load.max_users {
        format!("{first}; an iteration that finds none free waits for one")
    } else {
        format!("{first} from the start, up to {most} when none is free; then iterations wait for one")
    };
    page.value("pool", &pool);
    let peak = load.peak_rate();
    page.value("rate", &chart(load.duration(), |moment| load.rate_at(moment) / peak));
    let lines = load.stages.iter().map(|stage| (stage.duration, format_rate(stage.rate)));
    describe_stages(page, of, lines, "0/s", "");
}

fn describe_transport(page: &mut Page, Transport { carriage, http, tls, replicas: _ }: &Transport) {
    match carriage {
        CarriageChoice::Auto => {}
        CarriageChoice::StreamableHttp => page.value("transport", "Streamable HTTP"),
        CarriageChoice::Sse => {
            page.value("transport", "HTTP+SSE: requests are posted, answers come on a stream");
        }
    }
    if *http != HttpVersion::default() {
        page.value("HTTP", http.name());
    }
    let mut trust = Vec::new();
    if tls.insecure {
        trust.push("the server's certificate is not verified".to_owned());
    } else if let Some(ca) = &tls.ca {
        trust.push(format!("certificates signed by {} are trusted too", ca.path()));
    }
    if let Some(client) = &tls.client {
        trust.push(format!("each user shows the certificate in {}", client.certificate.path()));
    }
    if !trust.is_empty() {
        page.value("TLS", &trust.join("; "));
    }
}

fn describe_closed(page: &mut Page, load: &ClosedLoad, of: &Load) {
    let think_time = match &load.think_time {
        ThinkTime::Constant(pause) if pause.is_zero() => {
            "none: users call as fast as answers come".to_owned()
        }
        ThinkTime::Constant(pause) => format!("{} after each iteration", format_duration(*pause)),
        ThinkTime::Uniform { min, max } => {
            format!("{} to {} after each iteration", format_duration(*min), format_duration(*max))
        }
        ThinkTime::Exponential { mean, max } => format!(
            "exponential, {} in the mean, at most {}, after each iteration",
            format_duration(*mean),
            format_duration(*max)
        ),
        ThinkTime::Lognormal { median, p95, max } => format!(
            "lognormal, median {}, p95 {}, at most {}, after each iteration",
            format_duration(*median),
            format_duration(*p95),
            format_duration(*max)
        ),
    };
    page.value("think time", &think_time);
    let peak = f64::from(load.peak_users().max(1));
    page.value("users", &chart(load.duration(), |moment| f64::from(load.users_at(moment)) / peak));
    let lines = load.stages.iter().map(|stage| (stage.duration, format_count(stage.users.into())));
    describe_stages(page, of, lines, "0", " users");
}

/// One line a stage: from when to when, from what to what.
fn describe_stages(
    page: &mut Page,
    of: &Load,
    stages: impl Iterator<Item = (Duration, String)>,
    zero: &str,
    unit: &str,
) {
    let mut before = zero.to_owned();
    let mut began = Duration::ZERO;
    for (place, (duration, value)) in stages.enumerate() {
        let name = of.stage_name(place).map(|name| format!("  ({name})")).unwrap_or_default();
        let ends = began + duration;
        if duration.is_zero() {
            before = value;
            continue;
        }
        let when = format!("{} to {}", format_duration(began), format_duration(ends));
        let what = if before == value {
            format!("{value}{unit}")
        } else {
            format!("from {before} to {value}{unit}")
        };
        page.value("", &format!("{when:<22} {what}{name}"));
        before = value;
        began = ends;
    }
}

/// A share of the peak over time, one character a moment.
fn chart(duration: Duration, share_at: impl Fn(Duration) -> f64) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    (0..CHART)
        .map(|moment| share_at(duration.mul_f64((f64::from(moment) + 0.5) / f64::from(CHART))))
        .map(|share| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 8 bars")]
            let bar = (share.clamp(0.0, 1.0) * (BARS.len() - 1) as f64) as usize;
            if share <= 0.0 { ' ' } else { BARS[bar] }
        })
        .collect()
}

fn describe_objectives(page: &mut Page, plan: &Plan, criteria: &Criteria) {
    let Criteria { objectives, alerts, checks, .. } = criteria;
    if objectives.is_empty() {
        let expects =
            alerts.as_ref().is_some_and(|alerts| !alerts.expectations.is_empty()) || !checks.is_empty();
        page.line(0, if expects { "no objectives" } else { "no objectives: nothing is judged" });
        return;
    }
    page.line(0, &format!("objectives ({})", objectives.len()));
    for objective in objectives {
        let is_scraped = objective.indicator.is_scraped();
        let scope = if is_scraped { String::new() } else { format!(", {}", objective.scope) };
        page.line(2, &format!("{} ({})", objective.name, objective.origin));
        let terms = objective.terms.in_words();
        page.line(6, &format!("{}{scope}{terms}", limit(&objective.indicator)));
        for line in describe_queried::budget(objective, plan) {
            page.line(6, &line);
        }
    }
    if let Some(line) = describe_queried::budgets(objectives, plan) {
        page.line(2, &line);
    }
}

fn describe_alerts(page: &mut Page, alerts: &AlertCriteria) {
    let files: Vec<&str> = alerts.rules.iter().map(|file| file.name.as_str()).collect();
    page.line(0, &format!("alert rules of {}", files.join(", ")));
    match alerts.time_scale {
        1 => page.line(2, "as written"),
        scale => page.line(2, &format!("all their times divided by {scale}")),
    }
    for expectation in &alerts.expectations {
        page.line(2, &format!("{expectation} ({})", expectation.origin));
    }
}

fn limit(indicator: &Indicator) -> String {
    let percent = |share: &f64| (share * 1e8).round() / 1e6;
    match indicator {
        Indicator::Latency { clock, share, within } => {
            format!("p{} {clock} at most {}", percent(share), format_duration(*within))
        }
        Indicator::Stream { clock, share, within } => {
            format!("p{} {clock} at most {}", percent(share), format_duration(*within))
        }
        Indicator::ErrorRatio { at_most } => format!("at most {} of the calls fail", format_ratio(*at_most)),
        Indicator::Throughput { at_least } => format!("at least {at_least} successful calls a second"),
        Indicator::Metric(metric) => {
            let divisor = match &metric.divided_by {
                None => String::new(),
                Some(Divisor::Number(number)) => format!(" / {}", metric.divisor_unit.show_exact(*number)),
                Some(Divisor::Metric(selector)) => format!(" / {}", series(selector)),
            };
            let over_run = match metric.over_run {
                crate::slo::Aggregation::Min => "smallest",
                crate::slo::Aggregation::Max => "largest",
                crate::slo::Aggregation::Avg => "mean",
            };
            let bound = match metric.bound {
                crate::slo::Bound::AtMost(limit) => format!("at most {}", metric.unit.show_exact(limit)),
                crate::slo::Bound::AtLeast(limit) => format!("at least {}", metric.unit.show_exact(limit)),
            };
            format!("{over_run} value of {}{divisor} {bound}", series(&metric.value))
        }
        Indicator::Promql(_) | Indicator::Events(_) => describe_queried::limit(indicator),
    }
}

fn series(selector: &Selector) -> String {
    let labels = if selector.labels.is_empty() { String::new() } else { selector.labels.to_string() };
    match selector.read {
        Reading::Gauge => format!("{}{labels}", selector.metric),
        Reading::Rate => format!("{}{labels} per second", selector.metric),
    }
}

fn describe_watch(page: &mut Page, plan: &Plan) {
    let observe = &plan.observe;
    if let Some(metrics) = &observe.metrics {
        page.value("metrics", &format!("{metrics} every {}", format_duration(observe.metrics_interval)));
    }
    if let Some(prometheus) = &observe.prometheus {
        let OwnPrometheus { url, select, headers, interval } = prometheus;
        let of = select.as_ref().map(|select| format!(" of {select}")).unwrap_or_default();
        let every = interval.map_or_else(
            || "as often as it scrapes".to_owned(),
            |it| format!("every {}", format_duration(it)),
        );
        let with = match headers.len() {
            0 => String::new(),
            _ => format!(", with {}", headers.keys().cloned().collect::<Vec<_>>().join(", ")),
        };
        page.value("metrics", &format!("what the Prometheus at {url} has{of}, asked {every}{with}"));
    }
    let health: Vec<&str> =
        [&observe.health, &observe.ready, &observe.live].into_iter().flatten().map(String::as_str).collect();
    if !health.is_empty() {
        let every = format_duration(observe.health_interval);
        page.value("health", &format!("{} every {every}", health.join(", ")));
    }
    match (&plan.target, observe.pid) {
        (_, Some(pid)) => page.value("process", &pid.to_string()),
        (Target::Demo(_), None) => page.value("process", "the demo server's own"),
        (Target::Stdio(target), None) if target.processes == Processes::Shared => {
            page.value("process", "the one that is started");
        }
        (Target::Url(_) | Target::Stdio(_), None) => {}
    }
    let formats = plan.outputs.formats.join(", ");
    page.value("written to", &format!("a directory in {} ({formats})", plan.outputs.directory.display()));
    if let Some(GrafanaPlace { url, dashboard_uid, .. }) = &plan.outputs.grafana {
        let of = dashboard_uid.as_ref().map_or_else(String::new, |uid| format!(", on the dashboard {uid}"));
        page.value("annotation", &format!("the Grafana at {url} is told of the run{of}"));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is finite and not negative, and the cast saturates"
)]
pub(super) fn whole(value: f64) -> u64 {
    value.ceil() as u64
}

/// Text of bounded width: long lines are broken between words, what a terminal might act on is replaced.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    pub(super) fn value(&mut self, name: &str, value: &str) {
        self.wrapped(&format!("{name:<VALUES$}{value}"), 0, VALUES);
    }

    pub(super) fn line(&mut self, indent: usize, text: &str) {
        self.wrapped(text, indent, indent + 2);
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    fn wrapped(&mut self, text: &str, indent: usize, next_indent: usize) {
        let clean: Vec<char> = text.trim_end().chars().map(clean_char).collect();
        let mut rest = clean.as_slice();
        let mut indent = indent;
        while !rest.is_empty() {
            let room = WIDTH - indent;
            let end = if rest.len() <= room {
                rest.len()
            } else {
                // A blank that leaves nothing before it would never end.
                let blank = rest[..=room].iter().rposition(|&c| c == ' ').filter(|&at| at > VALUES);
                blank.unwrap_or(room)
            };
            let line: String = rest[..end].iter().collect();
            self.text.push_str(&" ".repeat(indent));
            self.text.push_str(line.trim_end());
            self.text.push('\n');
            let skipped = rest[end..].iter().take_while(|&&c| c == ' ').count();
            rest = &rest[end + skipped..];
            indent = next_indent;
        }
    }
}
