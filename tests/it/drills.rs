//! Drills with a real Alertmanager: what becomes of alerts, that nobody is told, and that they are delivered.

use std::net::SocketAddr;
use std::time::Duration;

use gander::drill::{
    Delivery, DrillError, DrillOptions, DrillReport, RECEIVER, Silencing, WebhookOptions, drill, render,
    route_snippet,
};
use gander::model::Labels;
use gander::plan::Proxies;
use serde_json::{Value, json};

use crate::real_alertmanager::Alertmanager;
use crate::support::{free_port, gander, gander_in, root};

fn labels(text: &str) -> Labels {
    text.split(' ').filter_map(|pair| pair.split_once('=')).collect()
}

/// Three alerts, of which the first keeps the second back by the shipped configuration.
fn alerts() -> Vec<Labels> {
    [
        "alertname=Errors severity=critical",
        "alertname=Errors severity=warning",
        "alertname=Slow severity=warning",
    ]
    .map(labels)
    .to_vec()
}

fn shipped() -> String {
    std::fs::read_to_string(root().join("slos/alertmanager.yml")).unwrap()
}

/// Everything goes to `ops`, whose webhook is at `address`, at once.
fn to_ops(address: SocketAddr) -> String {
    format!(
        "route: {{receiver: ops, group_wait: 0s, group_interval: 1s}}\nreceivers: [{{name: ops, webhook_configs: [{{url: 'http://{address}/'}}]}}]\n"
    )
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

fn options(base: &str) -> DrillOptions {
    DrillOptions {
        alertmanager: base.parse().unwrap(),
        drill: "drill-1".to_owned(),
        silencing: Silencing::Silenced,
        longest: Duration::from_secs(300),
        webhook: None,
        authorization: None,
        proxies: Proxies::default(),
        user_agent: "gander".to_owned(),
    }
}

fn webhook(listen: SocketAddr) -> WebhookOptions {
    WebhookOptions { listen, within: Duration::from_secs(30) }
}

#[track_caller]
fn held(options: &DrillOptions) -> DrillReport {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(drill(&alerts(), options)).unwrap()
}

/// Fails when it sent, or tried to send, a notification.
#[track_caller]
fn check_nobody_told(alertmanager: &Alertmanager) {
    let metrics = alertmanager.text("/metrics");
    let counters: Vec<&str> =
        metrics.lines().filter(|line| line.starts_with("alertmanager_notifications_total{")).collect();
    assert!(!counters.is_empty(), "{metrics}");
    assert!(counters.iter().all(|line| line.ends_with(" 0")), "{counters:?}");
}

#[test]
fn a_drill_is_silenced_and_tells_who_would_be_told() {
    // Groups are looked at while the drill is on.
    let config = shipped()
        .replace("group_wait: 10s", "group_wait: 0s")
        .replace("group_interval: 10s", "group_interval: 1s");
    let Some(alertmanager) = Alertmanager::start(&config) else { return };
    let report = held(&options(&alertmanager.base));
    assert!(report.is_as_wanted(), "{report:?}");
    let fates: Vec<_> = report.alerts.iter().map(|alert| alert.fate.as_ref().unwrap()).collect();
    let receivers: Vec<&str> = fates.iter().flat_map(|fate| &fate.receivers).map(String::as_str).collect();
    assert_eq!(receivers, ["pagerduty", "slack", "slack"]);
    let inhibited: Vec<bool> = fates.iter().map(|fate| !fate.inhibited_by.is_empty()).collect();
    assert_eq!(inhibited, [false, true, false]);
    assert_eq!(fates[1].inhibited_by, [r#"{alertname="Errors", load_test="drill-1", severity="critical"}"#]);
    assert!(fates.iter().all(|fate| fate.silenced));
    assert_eq!(report.delivery, Delivery::NotTried);
    // The silence is there, for a bounded time, and for nothing but the drill.
    let silence = report.silence.unwrap();
    let found = alertmanager.get(&format!("/api/v2/silence/{}", silence.id));
    assert_eq!(found["status"]["state"], json!("active"));
    assert_eq!(
        found["matchers"],
        json!([{"name": "load_test", "value": "drill-1", "isRegex": false, "isEqual": true}])
    );
    assert_eq!(found["endsAt"].as_str().unwrap()[..19], silence.until.to_string()[..19]);
    assert_eq!(alertmanager.alerts(), [Value::Null; 0]);
    check_nobody_told(&alertmanager);
}

/// The route that gander prints, in a configuration where all else goes to `ops`.
fn with_route(address: SocketAddr) -> String {
    let ops = "receivers:\n  - name: ops\n    webhook_configs: [{url: http://127.0.0.1:9/}]\n";
    route_snippet(address).replace("route:\n", "route:\n  receiver: ops\n").replace("receivers:\n", ops)
}

#[test]
fn delivery_is_proven_by_the_route_that_is_printed() {
    let address = loopback();
    let Some(alertmanager) = Alertmanager::start(&with_route(address)) else { return };
    let report = held(&DrillOptions { webhook: Some(webhook(address)), ..options(&alertmanager.base) });
    assert!(report.is_as_wanted(), "{report:?}");
    assert!(matches!(report.delivery, Delivery::Tried { others: 0, notifications: 3.. }), "{report:?}");
    let lifted = report.silence.as_ref().unwrap().lifted_after.unwrap();
    for alert in &report.alerts {
        assert_eq!(alert.fate.as_ref().unwrap().receivers, [RECEIVER]);
        // Nothing comes while the silence is in force.
        assert!(alert.delivered_after.unwrap() >= lifted, "{report:?}");
        assert!(alert.resolution_delivered_after.unwrap() > alert.delivered_after.unwrap(), "{report:?}");
    }
    assert!(render(&report, address).contains("delivery: proven: 3 of 3 came"));
}

#[test]
fn the_silence_is_not_lifted_where_others_would_be_told() {
    let address = loopback();
    let Some(alertmanager) = Alertmanager::start(&to_ops(address)) else { return };
    let report = held(&DrillOptions { webhook: Some(webhook(address)), ..options(&alertmanager.base) });
    assert!(!report.is_as_wanted());
    assert_eq!(report.delivery, Delivery::Withheld { receivers: vec!["ops".to_owned()] });
    assert_eq!(report.silence.unwrap().lifted_after, None);
    assert!(report.over_after.is_some());
    check_nobody_told(&alertmanager);
}

#[test]
fn an_unsilenced_drill_goes_where_the_routes_say() {
    let address = loopback();
    let Some(alertmanager) = Alertmanager::start(&to_ops(address)) else { return };
    let silencing = Silencing::Unsilenced;
    let report =
        held(&DrillOptions { webhook: Some(webhook(address)), silencing, ..options(&alertmanager.base) });
    assert!(report.is_as_wanted(), "{report:?}");
    assert_eq!(report.silence, None);
    assert!(report.alerts.iter().all(|alert| alert.delivered_after.is_some()), "{report:?}");
    assert_eq!(alertmanager.get("/api/v2/silences"), json!([]));
}

#[test]
fn a_webhook_for_others_than_this_machine_is_refused_and_a_name_with_quotes() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let everywhere = SocketAddr::from(([0, 0, 0, 0], free_port()));
    let options = DrillOptions { webhook: Some(webhook(everywhere)), ..options("http://127.0.0.1:9") };
    let error = runtime.block_on(drill(&alerts(), &options)).unwrap_err();
    assert!(matches!(error, DrillError::NotLoopback(_)), "{error}");
    let options = DrillOptions { drill: "a\"b".to_owned(), ..options };
    let error = runtime.block_on(drill(&alerts(), &options)).unwrap_err();
    assert!(matches!(error, DrillError::Name), "{error}");
}

/// `gander alerts ARGS`, its exit code and all that it said.
fn said(args: &[&str]) -> (Option<i32>, String) {
    let output = gander_in(&[&["alerts"], args].concat(), &[("AM_TOKEN", "s3cret-token")]);
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("s3cret"), "{text}");
    (output.status.code(), text)
}

#[track_caller]
fn check_said(args: &[&str], code: i32, words: &str) {
    let (found, text) = said(args);
    assert_eq!(found, Some(code), "{args:?}: {text}");
    assert!(text.contains(words), "{args:?}: {text}");
}

#[test]
fn who_is_told_is_printed() {
    let shipped = ["route", "--config", "slos/alertmanager.yml"];
    let output = gander(&[
        "alerts",
        "route",
        "--config",
        "slos/alertmanager.yml",
        "alertname=Errors",
        "severity=critical",
    ]);
    let expected = "\
{alertname=\"Errors\", severity=\"critical\"}
  pagerduty (pagerduty), by the route at slos/alertmanager.yml:23
    group: {alertname=\"Errors\"}
    told after 10.0 s, of changes every 10.0 s, of the same again after 12h 00m 00s
";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    check_said(
        &[&shipped[..], &["severity=info"]].concat(),
        0,
        "default (pages nobody: it has no integration)",
    );
    check_said(&shipped, 0, "default");
    check_said(&[&shipped[..], &["severity"]].concat(), 2, "write `name=value`");
    check_said(&["route", "--config", "slos/alertmanger.yml"], 2, "did you mean `slos/alertmanager.yml`?");
    check_said(&["route", "--config", "tests/golden/alertmanager/secrets.bad.yml"], 2, "unknown field");
}

#[test]
fn drills_that_can_not_be_held_say_why() {
    let nobody = format!("http://ann:s3cret@127.0.0.1:{}", free_port());
    let url = ["drill", "--alertmanager", nobody.as_str()];
    let with =
        |more: &[&'static str]| -> Vec<&str> { url.iter().copied().chain(more.iter().copied()).collect() };
    check_said(&with(&["--alert", "alertname=A"]), 5, "gave no answer");
    check_said(&with(&[]), 2, "there is no alert to drill with");
    check_said(&with(&["--alert", "alertname"]), 2, "--alert:1:1");
    check_said(&with(&["--alert", "alertname=A", "--webhook=0.0.0.0:9765"]), 2, "loopback");
    check_said(&with(&["--alert", "alertname=A", "--bearer-env", "NO_SUCH_TOKEN"]), 2, "NO_SUCH_TOKEN");
    check_said(&with(&["--alert", "alertname=A", "--config", "slos/default.yaml"]), 2, "has no field");
    check_said(&["drill", "--alertmanager", "ann:s3cret@host", "--alert", "alertname=A"], 2, "write a URL");
}

#[test]
fn a_drill_on_the_command_line_holds_routes_against_the_file() {
    let Some(alertmanager) = Alertmanager::start(&shipped()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alerts.yml");
    std::fs::write(
        &file,
        "- {alertname: Errors, severity: critical}\n- {alertname: Slow, severity: warning}\n",
    )
    .unwrap();
    let common = ["drill", "--alertmanager", alertmanager.base.as_str(), "--bearer-env", "AM_TOKEN"];
    let alerts = ["--alerts", file.to_str().unwrap(), "--alert", "alertname=Other"];
    let with = |config| [&common[..], &alerts, &["--config", config]].concat();
    let (code, text) = said(&with("slos/alertmanager.yml"));
    assert_eq!(code, Some(0), "{text}");
    for words in [
        "3 alerts accepted",
        "nobody is told",
        "routed to pagerduty; silenced",
        "routed to default; silenced",
        RECEIVER,
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let other = folder.path().join("alertmanager.yml");
    std::fs::write(&other, to_ops(loopback())).unwrap();
    check_said(&with(other.to_str().unwrap()), 1, "NOT AS THE FILE SAYS");
}
