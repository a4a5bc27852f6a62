//! The plan as a scenario file in which everything is filled in, with its objectives: for programs. Without
//! `objectives`, `alerts`, `checks` and `abort_when` it is a scenario file again.

use std::time::Duration;

use serde_yaml::{Mapping, Value};
use url::Url;

use super::VERSION;
use super::resolved_alerts;
use super::resolved_checks;
use super::resolved_queried;
use super::resolved_steps::{answers, feeder, transaction};
use crate::model::{LatencyClock, without_credentials};
use crate::plan::{
    Auth, ClientProof, ClosedLoad, GrafanaPlace, Load, LoadModel, OAuth, Observe, OpenLoad, OutputSchema,
    Outputs, Plan, ProtocolChoice, Replicas, Role, SessionEnd, SessionPolicy, Spacing, Target, ThinkTime,
    Tls, TokenSharing, Transport, UnlistedTools,
};
use crate::slo::{
    AbortWhen, Aggregation, Bound, BudgetTerms, Criteria, Divisor, During, InEvery, Indicator,
    MetricIndicator, Objective, Reading, Scope, Selector, Terms, Tolerance, Unit,
};

/// What stands in place of a secret.
const REDACTED: &str = "***";

/// `plan` and `criteria` with the field names of scenario and SLO files. Durations are texts such as `1.5s`, shares
/// such as `99.9%`, secrets `***`; times of the load are stages, and every step has its deadline and, unless it is called after a path with `{{ }}` in it, its name.
pub fn resolved(plan: &Plan, criteria: &Criteria) -> Mapping {
    let mut fields = Fields::default();
    fields.set("version", VERSION);
    fields.set("name", plan.name.as_str());
    if !plan.description.is_empty() {
        fields.set("description", plan.description.as_str());
    }
    fields.set("seed", plan.seed);
    fields.set("target", target(&plan.target, &plan.transport));
    fields.set(
        "protocol",
        match &plan.protocol {
            ProtocolChoice::Auto => "auto",
            ProtocolChoice::Rest => "rest",
            ProtocolChoice::Revision(revision) => revision,
        },
    );
    fields.set("auth", auth(&plan.auth));
    let policy = match plan.session {
        SessionPolicy::PerUser => "per_user",
        SessionPolicy::PerIteration => "per_iteration",
    };
    let end = match plan.session_end {
        SessionEnd::Delete => "delete",
        SessionEnd::Abandon => "abandon",
    };
    fields.set("session", Fields::of([("policy", policy.into()), ("end", end.into())]));
    let unlisted = match plan.unlisted_tools {
        UnlistedTools::Call => "call",
        UnlistedTools::Skip => "skip",
    };
    fields.set("unlisted_tools", unlisted);
    if !plan.answers.is_empty() {
        fields.set("answers", answers(&plan.answers));
    }
    fields.set("allow_hosts", texts(&plan.hosts.allowed));
    // Of the steps of the load each has its own.
    if let Some(around) = plan.steps.iter().find(|step| step.role != Role::Load) {
        fields.set("timeout", duration(around.deadline));
    }
    fields.set("load", load(&plan.load));
    if !plan.feeders.is_empty() {
        let mut data = Fields::default();
        for feeder in &plan.feeders {
            data.set(&feeder.name, self::feeder(feeder));
        }
        fields.set("data", data.value());
    }
    let transactions = plan.transactions.iter().map(|transaction| self::transaction(plan, transaction));
    fields.set("transactions", transactions.collect::<Vec<_>>());
    fields.set("observe", observe(&plan.observe));
    let OutputSchema { sample, on_violation } = plan.output_schema;
    let checks = [("sample", percentage(sample)), ("on_violation", on_violation.name().into())];
    fields.set("output_schema", Fields::of(checks));
    fields.set("outputs", outputs(&plan.outputs));
    fields.0.extend(resolved_criteria(criteria));
    fields.0
}

/// `criteria` with the field names of an SLO file; `origin` says where each is written.
pub fn resolved_criteria(criteria: &Criteria) -> Mapping {
    let mut fields = Fields::default();
    fields.set("objectives", criteria.objectives.iter().map(objective).collect::<Vec<_>>());
    if let Some(alerts) = &criteria.alerts {
        fields.set("alerts", resolved_alerts::alerts(alerts));
    }
    if !criteria.checks.is_empty() {
        fields.set("checks", resolved_checks::checks(criteria));
    }
    if let Some(AbortWhen { all_calls_fail_for, no_answer_for }) = &criteria.abort_when {
        let mut guards = Fields::default();
        for (name, seconds) in [("all_calls_fail_for", all_calls_fail_for), ("no_answer_for", no_answer_for)]
        {
            if let Some(seconds) = seconds {
                guards.set(name, format!("{seconds}s"));
            }
        }
        fields.set("abort_when", guards.value());
    }
    fields.0
}

#[derive(Default)]
pub(super) struct Fields(Mapping);

impl Fields {
    pub(super) fn of<const N: usize>(pairs: [(&str, Value); N]) -> Value {
        let mut fields = Self::default();
        for (name, value) in pairs {
            fields.set(name, value);
        }
        fields.value()
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    pub(super) fn value(self) -> Value {
        Value::Mapping(self.0)
    }
}

fn texts(texts: &[String]) -> Vec<Value> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

/// Exactly the duration, in one unit: `250ms`, `90s`, `1.5s`.
pub(super) fn duration(duration: Duration) -> Value {
    let nanos = duration.as_nanos();
    let text = if nanos < 1_000_000_000 && nanos.is_multiple_of(1_000_000) && nanos > 0 {
        format!("{}ms", nanos / 1_000_000)
    } else {
        let exact = format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos());
        format!("{}s", exact.trim_end_matches('0').trim_end_matches('.'))
    };
    text.into()
}

/// A share of 1 as a percentage, without what the conversion adds in the last digits.
pub(super) fn percentage(share: f64) -> Value {
    format!("{}%", (share * 1e11).round() / 1e9).into()
}

fn target(target: &Target, transport: &Transport) -> Value {
    match target {
        Target::Url(url) if transport.is_plain() => without_credentials(url.as_str()).as_ref().into(),
        Target::Url(url) => {
            let mut fields = Fields::default();
            let shown = |url: &Url| Value::from(without_credentials(url.as_str()).as_ref());
            if let Some(Replicas { others, turn }) = &transport.replicas {
                fields.set("urls", std::iter::once(url).chain(others).map(shown).collect::<Vec<_>>());
                fields.set("turn", turn.name());
            } else {
                fields.set("url", shown(url));
            }
            fields.set("transport", transport.carriage.name());
            fields.set("http", transport.http.name());
            if transport.tls != Tls::default() {
                fields.set("tls", tls(&transport.tls));
            }
            fields.0.into()
        }
        Target::Stdio(stdio) => {
            let words: Vec<Value> = stdio.command.iter().map(|word| word.source().into()).collect();
            let mut fields = Fields::default();
            fields.set("stdio", words);
            if !stdio.env.is_empty() {
                let mut variables = Fields::default();
                for name in stdio.env.keys() {
                    variables.set(name, REDACTED);
                }
                fields.set("env", variables.value());
            }
            if let Some(folder) = &stdio.cwd {
                fields.set("cwd", folder.source());
            }
            fields.set("processes", stdio.processes.name());
            fields.value()
        }
        Target::Demo(demo) => {
            let arguments = texts(&demo.arguments).into();
            Fields::of([(
                "demo",
                Fields::of([("path", demo.path.as_str().into()), ("arguments", arguments)]),
            )])
        }
    }
}

fn tls(tls: &Tls) -> Value {
    let mut fields = Fields::default();
    if let Some(ca) = &tls.ca {
        fields.set("ca", ca.path());
    }
    if let Some(client) = &tls.client {
        fields.set("certificate", client.certificate.path());
        fields.set("key", client.key.path());
    }
    fields.set("insecure", tls.insecure);
    fields.0.into()
}

/// Their names alone.
fn secret_headers<'a>(names: impl Iterator<Item = &'a String>) -> Value {
    let mut fields = Fields::default();
    for name in names {
        fields.set(name, REDACTED);
    }
    fields.value()
}

fn auth(auth: &Auth) -> Value {
    match auth {
        Auth::None => "none".into(),
        Auth::Bearer(_) => Fields::of([("bearer", REDACTED.into())]),
        Auth::Headers(headers) => Fields::of([("headers", secret_headers(headers.keys()))]),
        Auth::Login { path, username, .. } => {
            let login = [
                ("path", path.source().into()),
                ("username", username.source().into()),
                ("password", REDACTED.into()),
            ];
            Fields::of([("login", Fields::of(login))])
        }
        Auth::OAuth(oauth) => Fields::of([("oauth", self::oauth(oauth))]),
    }
}

fn oauth(oauth: &OAuth) -> Value {
    let mut fields = Fields::default();
    fields.set("client_id", oauth.client_id.source());
    match &oauth.proof {
        ClientProof::Secret { method, .. } => {
            fields.set("client_secret", REDACTED);
            if let Some(method) = method {
                fields.set("token_endpoint_auth_method", method.name());
            }
        }
        ClientProof::Key(key) => {
            fields.set("private_key", key.key.path());
            fields.set("algorithm", key.algorithm.name());
            if let Some(id) = &key.key_id {
                fields.set("key_id", id.as_str());
            }
        }
    }
    if let Some(scope) = &oauth.scope {
        fields.set("scope", scope.as_str());
    }
    if let Some(url) = &oauth.token_url {
        fields.set("token_url", without_credentials(url.as_str()).as_ref());
    }
    fields.set("per_user", oauth.tokens == TokenSharing::PerUser);
    fields.value()
}

fn load(load: &Load) -> Value {
    let mut fields = match &load.model {
        LoadModel::Open(open) => open_load(open, load),
        LoadModel::Closed(closed) => closed_load(closed, load),
    };
    fields.set("warm_up", duration(load.warm_up));
    if load.idle_streams > 0 {
        fields.set("idle_streams", load.idle_streams);
    }
    fields.value()
}

/// One stage, with its name if it has one.
fn stage(of: &Load, place: usize, length: Duration, what: (&str, Value)) -> Value {
    let mut fields = Fields::default();
    if let Some(name) = of.stage_name(place) {
        fields.set("name", name);
    }
    fields.set("duration", duration(length));
    fields.set(what.0, what.1);
    fields.value()
}

fn open_load(load: &OpenLoad, of: &Load) -> Fields {
    let stages =
        load.stages.iter().enumerate().map(|(place, line)| {
            stage(of, place, line.duration, ("rate", format!("{}/s", line.rate).into()))
        });
    let spacing = match load.spacing {
        Spacing::Constant => "constant",
        Spacing::Poisson => "poisson",
    };
    let mut fields = Fields::default();
    fields.set("stages", stages.collect::<Vec<_>>());
    fields.set("spacing", spacing);
    fields.set("burst", load.burst);
    fields.set("users", load.users);
    fields.set("max_users", load.max_users);
    fields
}

fn closed_load(load: &ClosedLoad, of: &Load) -> Fields {
    let stages = load.stages.iter().enumerate();
    let stages = stages.map(|(place, line)| stage(of, place, line.duration, ("users", line.users.into())));
    let mut fields = Fields::default();
    fields.set("stages", stages.collect::<Vec<_>>());
    fields.set("think_time", pause(load.think_time));
    fields
}

pub(super) fn pause(pause: ThinkTime) -> Value {
    match pause {
        ThinkTime::Constant(pause) => duration(pause),
        ThinkTime::Uniform { min, max } => Fields::of([("min", duration(min)), ("max", duration(max))]),
        ThinkTime::Exponential { mean, max } => {
            Fields::of([("mean", duration(mean)), ("max", duration(max))])
        }
        ThinkTime::Lognormal { median, p95, max } => {
            Fields::of([("median", duration(median)), ("p95", duration(p95)), ("max", duration(max))])
        }
    }
}

fn observe(observe: &Observe) -> Value {
    let mut fields = Fields::default();
    if let Some(url) = &observe.metrics {
        let metrics = [("url", url.as_str().into()), ("interval", duration(observe.metrics_interval))];
        fields.set("metrics", Fields::of(metrics));
    }
    if let Some(prometheus) = &observe.prometheus {
        let mut metrics = Fields::default();
        metrics.set("prometheus", prometheus.url.as_str());
        if let Some(select) = &prometheus.select {
            metrics.set("select", select.as_str());
        }
        if !prometheus.headers.is_empty() {
            metrics.set("headers", secret_headers(prometheus.headers.keys()));
        }
        if let Some(interval) = prometheus.interval {
            metrics.set("interval", duration(interval));
        }
        fields.set("metrics", metrics.value());
    }
    let mut health = Fields::default();
    for (name, url) in [("health", &observe.health), ("ready", &observe.ready), ("live", &observe.live)] {
        if let Some(url) = url {
            health.set(name, url.as_str());
        }
    }
    if !health.0.is_empty() {
        health.set("interval", duration(observe.health_interval));
        fields.set("health", health.value());
    }
    if let Some(pid) = observe.pid {
        fields.set("pid", pid);
    }
    fields.value()
}

fn outputs(outputs: &Outputs) -> Value {
    let directory = outputs.directory.to_string_lossy();
    let mut fields = Fields::default();
    fields.set("directory", directory.as_ref());
    fields.set("formats", texts(&outputs.formats));
    if let Some(GrafanaPlace { url, token_env, dashboard_uid, tags }) = &outputs.grafana {
        let mut grafana = Fields::default();
        grafana.set("url", url.as_str());
        for (name, text) in [("token_env", token_env), ("dashboard_uid", dashboard_uid)] {
            if let Some(text) = text {
                grafana.set(name, text.as_str());
            }
        }
        grafana.set("tags", texts(tags));
        fields.set("grafana", grafana.value());
    }
    fields.value()
}

fn objective(objective: &Objective) -> Value {
    let mut fields = Fields::default();
    fields.set("name", objective.name.as_str());
    let of = match &objective.scope {
        Scope::All => None,
        Scope::Method(name) => Some(("method", name)),
        Scope::Tool(name) => Some(("tool", name)),
        Scope::Step(name) => Some(("step", name)),
    };
    if let Some((kind, name)) = of {
        fields.set("of", Fields::of([(kind, name.as_str().into())]));
    }
    match &objective.indicator {
        Indicator::Latency { clock, share, within } => {
            let limit = [("share", percentage(*share)), ("within", duration(*within))];
            let kind = match clock {
                LatencyClock::Response => "latency",
                LatencyClock::Service => "service_time",
                LatencyClock::SendLag => "send_lag",
            };
            fields.set(kind, Fields::of(limit));
        }
        Indicator::Stream { clock, share, within } => {
            let limit = [("share", percentage(*share)), ("within", duration(*within))];
            fields.set(clock.key(), Fields::of(limit));
        }
        Indicator::ErrorRatio { at_most } => fields.set("error_ratio", percentage(*at_most)),
        Indicator::Throughput { at_least } => fields.set("throughput", format!("{at_least}/s")),
        Indicator::Metric(indicator) => fields.set("metric", metric(indicator)),
        Indicator::Promql(indicator) => fields.set("promql", resolved_queried::promql(indicator)),
        Indicator::Events(indicator) => fields.set("events", resolved_queried::events(indicator)),
    }
    let budget = &objective.budget;
    if let Some(limit) = &budget.limit {
        fields.set("burn_rate", resolved_queried::burn_rate(limit));
    }
    if !(BudgetTerms { limit: None, ..budget.clone() }).is_default() {
        fields.set("budget", resolved_queried::budget(budget));
    }
    terms(&objective.terms, &mut fields);
    fields.set("origin", objective.origin.as_str());
    fields.value()
}

fn terms(terms: &Terms, fields: &mut Fields) {
    if terms.abort {
        fields.set("abort", true);
    }
    match &terms.during {
        None => {}
        Some(During::Stage(name)) => fields.set("during", name.as_str()),
        Some(During::Span { from, to }) => {
            fields.set("during", Fields::of([("from", duration(*from)), ("to", duration(*to))]));
        }
    }
    if let Some(InEvery { seconds, tolerance }) = &terms.in_every {
        fields.set("in_every", format!("{seconds}s"));
        match tolerance {
            Tolerance::Share(share) => fields.set("tolerance", percentage(*share)),
            Tolerance::Windows(0) => {}
            Tolerance::Windows(count) => fields.set("tolerance", format!("{count} windows")),
        }
    }
    if let Some(length) = terms.bursts_up_to {
        fields.set("bursts_up_to", duration(length));
    }
}

fn metric(indicator: &MetricIndicator) -> Value {
    let mut fields = selector(&indicator.value);
    match &indicator.divided_by {
        None => {}
        Some(Divisor::Number(number)) => fields.set("divided_by", limit(*number, indicator.divisor_unit)),
        Some(Divisor::Metric(other)) => fields.set("divided_by", selector(other).value()),
    }
    fields.set(
        "over_run",
        match indicator.over_run {
            Aggregation::Min => "min",
            Aggregation::Max => "max",
            Aggregation::Avg => "avg",
        },
    );
    match indicator.bound {
        Bound::AtMost(most) => fields.set("at_most", limit(most, indicator.unit)),
        Bound::AtLeast(least) => fields.set("at_least", limit(least, indicator.unit)),
    }
    fields.value()
}

/// A number in the unit that it was written in.
pub(super) fn limit(number: f64, unit: Unit) -> Value {
    match unit {
        Unit::Number => number.into(),
        Unit::Percent => percentage(number),
        Unit::BinaryBytes | Unit::DecimalBytes => unit.show_exact(number).replace(' ', "").into(),
        Unit::Seconds => duration(Duration::from_secs_f64(number)),
    }
}

fn selector(selector: &Selector) -> Fields {
    let mut fields = Fields::default();
    fields.set("name", selector.metric.as_str());
    if !selector.labels.is_empty() {
        let mut labels = Fields::default();
        for (name, value) in selector.labels.iter() {
            labels.set(name, value);
        }
        fields.set("labels", labels.value());
    }
    fields.set(
        "read",
        match selector.read {
            Reading::Gauge => "gauge",
            Reading::Rate => "rate",
        },
    );
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "0.000000001s"),
            (250_000_000, "250ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "90s"),
            (1_500_000, "0.0015s"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanos)), Value::from(text));
        }
        assert_eq!(percentage(0.999), Value::from("99.9%"));
        assert_eq!(percentage(0.0), Value::from("0%"));
    }
}
