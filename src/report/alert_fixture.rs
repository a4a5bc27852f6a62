//! A history of alerts for tests: one that fired and paged, one held back, one silent, and those of which nothing is known.

use std::collections::BTreeMap;

use super::own_prometheus::PrometheusReport;
use crate::model::Labels;
use crate::slo::{
    Agreement, AlertHistory, AlertProjection, AlertReading, AlertRow, AlertSpan, HeldBackRow, PageRow,
    ProjectedReading, TheirAlertRow, TheirRuleState,
};

/// Of rules in a faster time.
pub(super) fn alert_history() -> AlertHistory {
    let fired = AlertSpan {
        labels: labels(&[("alertname", "MCPHighErrorRate"), ("severity", "critical")]),
        active_at: 3.0,
        fired_at: Some(33.0),
        ended_at: Some(60.0),
        value: "0.0831".to_owned(),
        annotations: BTreeMap::from([
            ("summary".to_owned(), "Too many requests fail".to_owned()),
            ("description".to_owned(), "8.31% of the requests".to_owned()),
        ]),
    };
    let errors = AlertRow {
        spans: vec![fired.clone()],
        receivers: vec!["pagerduty".to_owned()],
        ..row("MCPHighErrorRate", "critical", AlertReading::Fired, "fired after 33.0 s")
    };
    let latency = row("MCPHighLatency", "warning", AlertReading::Silent, "its condition never held");
    let short = AlertRow {
        needs: Some(93.0),
        coverage: 0.8,
        projected: Some(AlertProjection {
            reading: ProjectedReading::WouldFire,
            because: "the condition held throughout for {tool=\"calc\"}, `for` is 30.0 s".to_owned(),
        }),
        ..row("MCPToolFailures", "warning", AlertReading::TooShort, "it can be judged after 1m 33s")
    };
    let dead = AlertRow {
        out_of_reach: true,
        ..row("MCPHighMemoryUsage", "", AlertReading::NoSuchSeries, "the target has no container_memory")
    };
    AlertHistory {
        time_scale: 10,
        span: 75.0,
        unknown_from: None,
        rules: vec![errors, latency, short, dead],
        broken: vec![("job:errors".to_owned(), "many-to-many matching not allowed".to_owned())],
        pages: Some(vec![
            page(43.0, "pagerduty", &["pagerduty"], [vec![fired.labels.clone()], Vec::new()]),
            page(60.0, "default", &[], [Vec::new(), vec![fired.labels.clone()]]),
        ]),
        held_back: vec![HeldBackRow {
            at: 50.0,
            receiver: "slack".to_owned(),
            labels: labels(&[("alertname", "MCPHighLatency")]),
            because: "inhibited by {alertname=\"MCPHighErrorRate\"} (alertmanager.yml:40)".to_owned(),
        }],
    }
}

fn row(alert: &str, severity: &str, reading: AlertReading, because: &str) -> AlertRow {
    AlertRow {
        alert: alert.to_owned(),
        group: "mcp_server".to_owned(),
        origin: "slos/mcp-alerts.yml:7".to_owned(),
        expr: "rate(x_total[30s]) > 0.05".to_owned(),
        hold: 30.0,
        severity: severity.to_owned(),
        reading,
        because: because.to_owned(),
        out_of_reach: false,
        needs: Some(63.0),
        coverage: 1.0,
        spans: Vec::new(),
        receivers: Vec::new(),
        projected: None,
    }
}

fn page(at: f64, receiver: &str, kinds: &[&str], [firing, resolved]: [Vec<Labels>; 2]) -> PageRow {
    PageRow {
        at,
        receiver: receiver.to_owned(),
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        why: "first of its group".to_owned(),
        group: labels(&[("alertname", "MCPHighErrorRate")]),
        firing,
        resolved,
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().copied().collect()
}

/// What a Prometheus made of some of them: the same, something else, and what can't be compared; it died before the end.
pub(super) fn prometheus() -> PrometheusReport {
    let silent = TheirAlertRow {
        alert: "MCPHighLatency".to_owned(),
        origin: "slos/mcp-alerts.yml:7".to_owned(),
        rule: TheirRuleState::Same,
        active_at: None,
        fired_at: None,
        ended_at: None,
        ours_fired_at: None,
        agreement: Agreement::Agree,
        because: "it fired in neither".to_owned(),
    };
    let fired = TheirAlertRow {
        alert: "MCPHighErrorRate".to_owned(),
        active_at: Some(2.0),
        fired_at: Some(45.0),
        ended_at: Some(60.0),
        ours_fired_at: Some(33.0),
        agreement: Agreement::Differ,
        because: "fired there at 45.0 s, here at 33.0 s: 12.0 s apart".to_owned(),
        ..silent.clone()
    };
    let before = TheirAlertRow {
        alert: "MCPToolFailures".to_owned(),
        rule: TheirRuleState::OtherExpression,
        active_at: Some(-3.0),
        agreement: Agreement::NotComparable,
        because: "its rule has another expression: up == 0".to_owned(),
        ..silent.clone()
    };
    PrometheusReport {
        url: "http://127.0.0.1:9090/".to_owned(),
        select: Some("{job=\"mcp-server\"}".to_owned()),
        version: Some("2.42.0".to_owned()),
        scrape_interval: Some(15.0),
        series: 120,
        samples: 4_800,
        history: 600.0,
        unknown_from: Some(70.0),
        because: "up (refused)".to_owned(),
        without_series: vec!["container_memory_usage_bytes".to_owned()],
        alerts: vec![fired, silent, before],
    }
}
