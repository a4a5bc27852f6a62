//! What is watched beside the load, as written: paths on the target's origin, or URLs elsewhere.

use std::time::Duration;

use url::Url;

use super::{operation_file, prometheus_file};
use crate::input::{Field, Fields, Place, Problems, Value};
use crate::plan::{Environment, Observe};

/// How often metrics and health are asked for, where the file does not say.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// What is watched, and where its URLs and paths stand.
#[derive(Debug)]
pub(super) struct WrittenObserve {
    pub observe: Observe,
    pub elsewhere: Vec<(Url, Place)>,
    /// Paths on the target's own origin.
    pub own: Vec<Place>,
}

pub(super) fn read(
    field: Option<Field<'_>>,
    env: Environment<'_>,
    problems: &mut Problems,
) -> Option<WrittenObserve> {
    let observe = Observe {
        metrics: None,
        metrics_interval: DEFAULT_INTERVAL,
        prometheus: None,
        health: None,
        ready: None,
        live: None,
        health_interval: DEFAULT_INTERVAL,
        pid: None,
    };
    let mut written = WrittenObserve { observe, elsewhere: Vec::new(), own: Vec::new() };
    let Some(field) = field else { return Some(written) };
    let mut fields = Fields::of(field.node, "`observe`", problems)?;
    if let Some(metrics) = fields.optional("metrics") {
        written.read_metrics(metrics, env, problems);
    }
    if let Some(health) = fields.optional("health") {
        written.read_health(health, problems);
    }
    written.observe.pid = fields.optional("pid").and_then(|field| field.whole(&(1..=u32::MAX), problems));
    fields.finish(problems);
    Some(written)
}

impl WrittenObserve {
    /// `{url, interval}`, the URL alone, or a Prometheus.
    fn read_metrics(&mut self, metrics: Field<'_>, env: Environment<'_>, problems: &mut Problems) {
        if let Value::Text(_) = &metrics.node.value {
            self.observe.metrics = self.reference(metrics, problems);
        } else if let Some(mut parts) = Fields::of(metrics.node, "`metrics`", problems) {
            match parts.exactly_one(&["url", "prometheus"], problems) {
                Some(("prometheus", field, _)) => {
                    let read = prometheus_file::read(field, &mut parts, env, problems);
                    self.elsewhere.extend(read.iter().map(|it| (it.url.clone(), field.node.place.clone())));
                    self.observe.prometheus = read;
                }
                written => {
                    let url = written.map(|(_, field, _)| field);
                    self.observe.metrics = url.and_then(|url| self.reference(url, problems));
                    prometheus_file::refuse_beside_url(&mut parts, problems);
                    self.observe.metrics_interval = interval(&mut parts, problems);
                }
            }
            parts.finish(problems);
        }
    }

    fn read_health(&mut self, health: Field<'_>, problems: &mut Problems) {
        let Some(mut parts) = Fields::of(health.node, "`health`", problems) else { return };
        self.observe.health = parts.optional("health").and_then(|url| self.reference(url, problems));
        self.observe.ready = parts.optional("ready").and_then(|url| self.reference(url, problems));
        self.observe.live = parts.optional("live").and_then(|url| self.reference(url, problems));
        self.observe.health_interval = interval(&mut parts, problems);
        parts.finish(problems);
    }

    /// A URL, or a path on the target's origin.
    fn reference(&mut self, field: Field<'_>, problems: &mut Problems) -> Option<String> {
        let text = field.text(problems)?;
        match Url::parse(text) {
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                let help = "remove them: what is watched is asked without credentials";
                field.wrong("credentials in a URL end up in reports", help, problems);
                return None;
            }
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => {
                self.elsewhere.push((url, field.node.place.clone()));
            }
            _ if operation_file::check_path(field, text, problems) => {
                self.own.push(field.node.place.clone());
            }
            _ => return None,
        }
        Some(text.to_owned())
    }
}

fn interval(parts: &mut Fields<'_>, problems: &mut Problems) -> Duration {
    parts.optional("interval").and_then(|field| field.some_duration(problems)).unwrap_or(DEFAULT_INTERVAL)
}
