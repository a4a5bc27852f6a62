//! Alertmanager's configuration as gander reads it, against Alertmanager itself and its `amtool`.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gander::alertmanager::{AlertState, Config, Page, Transition, inhibitions, load, paging};
use gander::model::{CounterRng, Labels};
use serde_json::{Value, json};

use crate::real_alertmanager::{Alertmanager, amtool};
use crate::support::root;

/// What labels are drawn from; the empty value is a label that is missing.
const VOCABULARY: [(&str, &[&str]); 5] = [
    ("alertname", &["", "HighErrorRate", "Down", "SlowSearch"]),
    ("severity", &["", "critical", "warning", "info"]),
    ("team", &["", "db", "web", "on-call"]),
    ("service", &["", "pg", "mysql", "api.v2", "api-v2"]),
    ("zone", &["", "a", "b", "ab"]),
];

fn pick<'a>(rng: &mut CounterRng, among: &[&'a str]) -> &'a str {
    among[usize::try_from(rng.below(among.len() as u64)).unwrap()]
}

fn some_labels(rng: &mut CounterRng) -> Labels {
    let drawn = VOCABULARY.map(|(name, values)| (name, pick(rng, values)));
    drawn.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// Fields of a route that select alerts, of every kind.
fn some_conditions(rng: &mut CounterRng) -> String {
    let (name, values) = VOCABULARY[usize::try_from(rng.below(VOCABULARY.len() as u64)).unwrap()];
    let (one, other) = (pick(rng, values), pick(rng, values));
    match rng.below(8) {
        0 => format!("match: {{{name}: '{one}'}}"),
        1 => format!("match_re: {{{name}: '{one}|{other}'}}"),
        2 => format!("matchers: ['{name}=\"{one}\"']"),
        3 => format!("matchers: ['{name}!=\"{one}\"', 'severity=~\"crit.*|{other}\"']"),
        4 => format!("matchers: ['{{{name}!~\"{one}.*|x\", zone != {other}}}']"),
        5 => format!("match: {{{name}: '{one}'}}, matchers: ['zone=~\"[a-b]+\"']"),
        6 => format!("match_re: {{{name}: '(?i){}.?'}}", one.to_uppercase()),
        _ => format!("matchers: ['{name}=~\"\\\\w+\"']"),
    }
}

/// Routes below one, each with a receiver of its own or none.
fn some_routes(rng: &mut CounterRng, depth: usize, receivers: &mut usize) -> String {
    let mut routes = Vec::new();
    for _ in 0..=rng.below(3) {
        let mut fields = vec![some_conditions(rng)];
        if rng.below(4) > 0 {
            *receivers += 1;
            fields.push(format!("receiver: r{receivers}"));
        }
        fields.push(format!("continue: {}", pick(rng, &["true", "false", "yes"])));
        if depth > 0 {
            fields.push(format!("routes: [{}]", some_routes(rng, depth - 1, receivers)));
        }
        routes.push(format!("{{{}}}", fields.join(", ")));
    }
    routes.join(", ")
}

fn some_tree(rng: &mut CounterRng) -> String {
    let mut receivers = 0;
    let routes = some_routes(rng, 3, &mut receivers);
    let mut text = format!("route: {{receiver: r0, routes: [{routes}]}}\nreceivers:\n");
    text.extend((0..=receivers).map(|receiver| format!("- name: r{receiver}\n")));
    text
}

/// Who is told by `config`, and by `amtool` with the file of it.
#[track_caller]
fn check_routes(path: &Path, config: &Config, labels: &Labels) {
    let ours: Vec<&str> = config.routes_of(labels).iter().map(|route| route.receiver.as_str()).collect();
    let pairs = labels.iter().map(|(name, value)| format!("{name}={value}"));
    let output = Command::new("amtool")
        .args(["config", "routes", "test", "--config.file"])
        .arg(path)
        .args(pairs)
        .output()
        .unwrap();
    let theirs = String::from_utf8(output.stdout).unwrap();
    assert_eq!(ours.join(","), theirs.trim(), "{labels} {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn alerts_take_the_routes_that_amtool_says() {
    if !amtool() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut rng = CounterRng::new(7, 0);
    let path = folder.path().join("alertmanager.yml");
    let by_hand = std::fs::read_to_string(root().join("tests/golden/alertmanager/tree.yml")).unwrap();
    let mut receivers = BTreeSet::new();
    for text in [by_hand, some_tree(&mut rng), some_tree(&mut rng)] {
        std::fs::write(&path, &text).unwrap();
        let config = load("alertmanager.yml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        for _ in 0..100 {
            let labels = some_labels(&mut rng);
            check_routes(&path, &config, &labels);
            receivers.extend(config.routes_of(&labels).iter().map(|route| route.receiver.clone()));
        }
    }
    assert!(receivers.len() >= 20, "the trees say too little: {receivers:?}");
}

/// What both make of the file `text`.
#[track_caller]
fn check_config(folder: &Path, text: &str, good: bool) {
    let path = folder.join("alertmanager.yml");
    std::fs::write(&path, text).unwrap();
    let output = Command::new("amtool").arg("check-config").arg(&path).output().unwrap();
    assert_eq!(output.status.success(), good, "amtool: {text}\n{}", String::from_utf8_lossy(&output.stdout));
    let ours = load("alertmanager.yml", text);
    assert_eq!(ours.is_ok(), good, "gander: {text}\n{:?}", ours.err().map(|problems| problems.to_string()));
}

#[test]
fn files_are_refused_where_amtool_refuses_them() {
    if !amtool() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for file in ["slos/alertmanager.yml", "tests/golden/alertmanager/tree.yml"] {
        check_config(folder.path(), &std::fs::read_to_string(root().join(file)).unwrap(), true);
    }
    let bad = std::fs::read_dir(root().join("tests/golden/alertmanager")).unwrap();
    let bad: Vec<PathBuf> = bad
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".bad.yml"))
        .collect();
    assert!(bad.len() >= 15, "{bad:?}");
    for path in bad {
        check_config(folder.path(), &std::fs::read_to_string(path).unwrap(), false);
    }
    for (route, good) in [
        ("{receiver: a}", true),
        ("{receiver: b}", false),
        ("{receiver: ''}", false),
        ("{receiver: a, group_by: ['...']}", true),
        ("{receiver: a, group_by: ['...', x]}", false),
        ("{receiver: a, group_by: [x, x]}", false),
        ("{receiver: a, group_by: []}", true),
        ("{receiver: a, group_by: ~}", true),
        ("{receiver: a, group_by: x}", false),
        ("{receiver: a, group_wait: 0}", true),
        ("{receiver: a, group_wait: 0s}", true),
        ("{receiver: a, group_wait: 5}", false),
        ("{receiver: a, group_wait: 1w2d3h4m5s6ms}", true),
        ("{receiver: a, group_wait: 1m1h}", false),
        ("{receiver: a, group_interval: 0s}", false),
        ("{receiver: a, repeat_interval: 0s}", false),
        ("{receiver: a, repeat_interval: 293y}", false),
        ("{receiver: a, repeat_interval: 290y}", true),
        ("{receiver: a, continue: true}", false),
        ("{receiver: a, continue: false}", true),
        ("{receiver: a, match: {x: y}}", false),
        ("{receiver: a, match: {}}", true),
        ("{receiver: a, matchers: []}", true),
        ("{receiver: a, active_time_intervals: [t]}", false),
        ("{receiver: a, routes: [{mute_time_intervals: [t]}]}", true),
        ("{receiver: a, routes: [{mute_time_intervals: [u]}]}", false),
        ("{receiver: a, routes: [{match: {x: 500, y: true, z: ~, w: ''}}]}", true),
        ("{receiver: a, routes: [{match: {x: [y]}}]}", false),
        ("{receiver: a, routes: [{match: {'a-b': y}}]}", false),
        ("{receiver: a, routes: [{match_re: {x: 'y{'}}]}", true),
        ("{receiver: a, routes: [{match_re: {x: '[[y]'}}]}", true),
        ("{receiver: a, routes: [{match_re: {x: 'y)(z'}}]}", true),
        ("{receiver: a, routes: [{match_re: {x: 'y)z'}}]}", false),
        ("{receiver: a, routes: [{match_re: {x: '(?=y)'}}]}", false),
        ("{receiver: a, routes: [{match_re: {x: }}]}", false),
        ("{receiver: a, routes: [{matchers: ['x=y, z=~w']}]}", true),
        ("{receiver: a, routes: [{matchers: ['x=y,']}]}", true),
        ("{receiver: a, routes: [{matchers: [',x=y']}]}", false),
        ("{receiver: a, routes: [{matchers: ['x']}]}", false),
        ("{receiver: a, routes: [{matchers: ['x=\"y']}]}", false),
        ("{receiver: a, routes: [{matchers: ['x=y z']}]}", true),
        ("{receiver: a, routes: [{matchers: x=y}]}", false),
        ("{receiver: a, routes: [{continue: on}]}", true),
        ("{receiver: a, routes: [{continue: 'on'}]}", false),
        ("{receiver: a, routes: [{continue: 1}]}", false),
        ("{receiver: a, routes: {}}", false),
        ("{receiver: a, rutes: []}", false),
        ("[]", false),
        ("~", false),
    ] {
        let intervals =
            "[{name: t, time_intervals: [{weekdays: ['monday:friday'], days_of_month: ['1:-1']}]}]";
        let text = format!("route: {route}\nreceivers: [{{name: a}}]\ntime_intervals: {intervals}\n");
        check_config(folder.path(), &text, good);
    }
}

const RULES: &str = r#"
route: {receiver: a, group_wait: 1h}
receivers: [{name: a}]
inhibit_rules:
  - {source_match: {severity: critical}, target_match: {severity: warning}, equal: [alertname, service]}
  - {source_match_re: {alertname: 'Down|High.*'}, target_match_re: {team: db|web}, equal: [zone]}
  - {source_matchers: ['team="on-call"'], target_matchers: ['severity=""', 'zone!="a"']}
"#;

#[test]
fn alerts_keep_others_back_as_in_alertmanager() {
    let Some(alertmanager) = Alertmanager::start(RULES) else { return };
    let config = load("alertmanager.yml", RULES).unwrap();
    let mut rng = CounterRng::new(11, 0);
    let firing: BTreeSet<Labels> =
        (0..60).map(|_| some_labels(&mut rng)).filter(|labels| !labels.is_empty()).collect();
    let firing: Vec<Labels> = firing.into_iter().collect();
    let ours = inhibitions(&config, &firing);
    let kept_back: BTreeSet<&Labels> = ours.iter().map(|inhibition| inhibition.target).collect();
    assert!((10..firing.len() - 10).contains(&kept_back.len()), "{} of {}", kept_back.len(), firing.len());
    let alerts: Vec<Value> = firing.iter().map(|labels| json!({"labels": labels})).collect();
    assert_eq!(alertmanager.post("/api/v2/alerts", &json!(alerts)), 200);
    // It takes alerts in one after the other.
    alertmanager.wait_for_alerts(|alerts| {
        let inhibited = alerts.iter().filter(|alert| alert["status"]["inhibitedBy"] != json!([]));
        alerts.len() == firing.len() && inhibited.count() >= kept_back.len()
    });
    let alerts = alertmanager.alerts();
    let fingerprint = |labels: &Labels| {
        alerts
            .iter()
            .find(|alert| alert["labels"] == json!(labels))
            .map(|alert| &alert["fingerprint"])
            .unwrap()
    };
    for alert in &alerts {
        let theirs = alert["status"]["inhibitedBy"].as_array().unwrap();
        let sources: Vec<&Value> = ours
            .iter()
            .filter(|inhibition| json!(inhibition.target) == alert["labels"])
            .map(|inhibition| fingerprint(inhibition.source))
            .collect();
        // It names one source alone.
        assert_eq!(theirs.is_empty(), sources.is_empty(), "{alert}");
        assert!(theirs.iter().all(|source| sources.contains(&source)), "{alert} {sources:?}");
    }
}

const TOLD: &str = "
route:
  receiver: all
  group_by: [group]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - {matchers: [page=yes], receiver: pager, continue: true}
    - {matchers: [page=yes], receiver: all}
receivers:
  - {name: all, webhook_configs: [{url: 'http://ADDRESS/all'}]}
  - {name: pager, webhook_configs: [{url: 'http://ADDRESS/pager', send_resolved: false}]}
";

/// `receiver: firing | resolved`, by name.
type Told = String;

/// Listens for notifications, and hands on what each says.
fn listener() -> (SocketAddr, Receiver<Told>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if sender.send(read_notification(stream.unwrap())).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

fn read_notification(stream: TcpStream) -> Told {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some((_, value)) =
            line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    let payload: Value = serde_json::from_slice(&body).unwrap();
    let names = |status: &str| {
        let alerts = payload["alerts"].as_array().unwrap().iter().filter(|alert| alert["status"] == status);
        let names: BTreeSet<&str> =
            alerts.map(|alert| alert["labels"]["alertname"].as_str().unwrap()).collect();
        names.into_iter().collect::<Vec<_>>().join(" ")
    };
    format!("{}: {} | {}", payload["receiver"].as_str().unwrap(), names("firing"), names("resolved"))
}

fn told(page: &Page) -> Told {
    let names = |alerts: &[Labels]| {
        alerts.iter().filter_map(|alert| alert.get("alertname")).collect::<Vec<_>>().join(" ")
    };
    format!("{}: {} | {}", page.receiver, names(&page.firing), names(&page.resolved))
}

#[test]
fn pages_are_those_that_alertmanager_sends() {
    let (address, notifications) = listener();
    let text = TOLD.replace("ADDRESS", &address.to_string());
    let Some(alertmanager) = Alertmanager::start(&text) else { return };
    let config = load("alertmanager.yml", &text).unwrap();
    let labels = |name: &str| -> Labels {
        [("alertname", name), ("group", "g"), ("page", "yes")].into_iter().collect()
    };
    let steps = [("A", true), ("B", true), ("A", false), ("B", false), ("A", true), ("A", false)];
    let mut transitions: Vec<Transition> = Vec::new();
    for (step, (name, firing)) in steps.into_iter().enumerate() {
        let (state, ends) = if firing {
            (AlertState::Firing, jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1))
        } else {
            (AlertState::Resolved, jiff::Timestamp::now())
        };
        let alert = json!([{"labels": labels(name), "endsAt": ends.to_string()}]);
        assert_eq!(alertmanager.post("/api/v2/alerts", &alert), 200);
        // Steps follow notifications, so that how long they take does not matter.
        let at = Duration::from_secs(10 * step as u64);
        transitions.push(Transition { at, labels: labels(name), state });
        let paging = paging(&config, &transitions, jiff::Timestamp::UNIX_EPOCH, at + Duration::from_secs(9));
        let mut expected: Vec<Told> = paging.pages.iter().filter(|page| page.at >= at).map(told).collect();
        let told = (0..expected.len()).map(|_| notifications.recv_timeout(Duration::from_secs(30)).unwrap());
        let mut told: Vec<Told> = told.collect();
        expected.sort();
        told.sort();
        assert_eq!(told, expected, "{name} {firing}");
        assert!(!expected.is_empty());
    }
}
