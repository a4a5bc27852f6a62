//! Files against what they say; bad files against the messages kept beside them under `tests/golden/alertmanager/`.
//!
//! `UPDATE_GOLDEN=1 cargo test --lib golden` writes the messages anew; read the difference before committing it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::model::{Color, Labels};

#[expect(clippy::disallowed_methods, reason = "shipped files and golden files are read by the tests alone")]
fn read_file(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[track_caller]
fn config(text: &str) -> Config {
    load("alertmanager.yml", text).unwrap_or_else(|problems| panic!("{}", problems.render(Color::Off)))
}

fn shipped() -> Config {
    config(&read_file(Path::new("slos/alertmanager.yml")))
}

/// `a=1 b=2` as labels.
fn labels(text: &str) -> Labels {
    text.split_whitespace().filter_map(|pair| pair.split_once('=')).collect()
}

#[test]
fn golden_messages_of_the_bad_configurations() {
    let mut paths: Vec<PathBuf> = std::fs::read_dir("tests/golden/alertmanager")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".bad.yml"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 15, "{} bad files", paths.len());
    for path in paths {
        let name = path.to_str().unwrap();
        let problems = load(name, &read_file(&path)).map(|_| ()).expect_err(name);
        let text = format!("{}{problems}\n", problems.render(Color::Off));
        assert!(!text.contains("s3cret"), "{name}: {text}");
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            #[expect(clippy::disallowed_methods, reason = "golden files are written by the tests alone")]
            std::fs::write(&golden, &text).unwrap();
        }
        assert!(read_file(&golden) == text, "{} differs; now it is\n{text}", golden.display());
    }
}

#[track_caller]
fn check_routes(config: &Config, alert: &str, expected: &[&str]) {
    let receivers: Vec<&str> =
        config.routes_of(&labels(alert)).iter().map(|route| route.receiver.as_str()).collect();
    assert_eq!(receivers, expected, "{alert}");
}

#[test]
fn the_shipped_file_pages_for_critical_alerts_and_writes_for_warnings() {
    let config = shipped();
    check_routes(&config, "alertname=A severity=critical", &["pagerduty"]);
    check_routes(&config, "alertname=A severity=warning", &["slack"]);
    check_routes(&config, "alertname=A severity=info", &["default"]);
    check_routes(&config, "alertname=A", &["default"]);
    assert_eq!(config.receivers["default"].kinds(), [""; 0]);
    assert_eq!(config.receivers["pagerduty"].kinds(), ["pagerduty"]);
    let route = config.routes_of(&labels("severity=critical"))[0];
    let seconds = [route.group_wait, route.group_interval, route.repeat_interval].map(|wait| wait.as_secs());
    assert_eq!(seconds, [10, 10, 12 * 3600]);
    assert_eq!(route.key, r#"{}/{severity="critical"}"#);
    assert_eq!(
        route.group_of(&labels("alertname=A severity=critical service=x")),
        labels("alertname=A service=x")
    );
}

const TREE: &str = r#"
route:
  receiver: all
  group_by: [alertname]
  routes:
    - match: {team: db}
      receiver: db
      group_by: ['...']
      group_wait: 5s
      continue: yes
      routes:
        - match_re: {service: 'pg|my.*'}
          receiver: sql
          continue: true
        - matchers: ['severity=~"crit.*"', 'zone!=""']
          group_by: []
    - matchers: ['{team=~"db|web", severity!=info}']
      receiver: web
      repeat_interval: 1d
    - {}
receivers: [{name: all}, {name: db}, {name: sql}, {name: web}]
"#;

#[test]
fn a_route_hands_on_what_it_does_not_say_and_asks_its_routes_first() {
    let config = config(TREE);
    check_routes(&config, "team=db service=pg severity=critical zone=a", &["sql", "db", "web"]);
    check_routes(&config, "team=db service=pgx severity=info", &["db", "all"]);
    check_routes(&config, "team=db severity=info", &["db", "all"]);
    check_routes(&config, "team=web", &["web"]);
    check_routes(&config, "team=web severity=info", &["all"]);
    check_routes(&config, "", &["all"]);
    let all = labels("team=db service=pg severity=critical zone=a alertname=A");
    let routes = config.routes_of(&all);
    let seconds = |route: &Route| (route.group_wait.as_secs(), route.repeat_interval.as_secs() / 3600);
    assert_eq!(seconds(routes[0]), (5, 4));
    assert_eq!(seconds(routes[2]), (30, 24));
    assert_eq!(routes[0].group_of(&all), all);
    assert_eq!(routes[1].group_of(&all), Labels::new());
    assert_eq!(routes[2].group_of(&all), labels("alertname=A"));
    assert_eq!(routes[0].key, r#"{}/{team="db"}/{service=~"pg|my.*"}"#);
}

#[track_caller]
fn check_inhibited(rule: &str, alerts: &[&str], expected: &[(usize, usize)]) {
    let config =
        config(&format!("route: {{receiver: a}}\nreceivers: [{{name: a}}]\ninhibit_rules: [{rule}]\n"));
    let alerts: Vec<Labels> = alerts.iter().map(|alert| labels(alert)).collect();
    let place = |one: &Labels| alerts.iter().position(|alert| alert == one).unwrap();
    let found: Vec<(usize, usize)> = inhibitions(&config, &alerts)
        .iter()
        .map(|inhibition| (place(inhibition.target), place(inhibition.source)))
        .collect();
    assert_eq!(found, expected, "{rule}");
}

#[test]
fn alerts_keep_others_back() {
    let severity = "{source_match: {s: c}, target_match: {s: w}, equal: [n]}";
    check_inhibited(severity, &["n=A s=c", "n=A s=w", "n=B s=w"], &[(1, 0)]);
    check_inhibited(severity, &["s=c", "s=w", "n=A s=w"], &[(1, 0)]);
    check_inhibited(severity, &["n=A s=w"], &[]);
    // On both sides: none keeps itself back, nor does another that is on both sides.
    let down = "{source_matchers: ['n=Down'], target_matchers: ['s!=\"\"'], equal: []}";
    check_inhibited(down, &["n=Down s=c", "n=Down s=w", "n=A s=w"], &[(2, 0), (2, 1)]);
    let target = "{source_match_re: {n: 'D.*'}, target_match: {s: w}}";
    check_inhibited(target, &["n=D1 s=c", "n=D2 s=w"], &[(1, 0)]);
}

/// Pages as `time receiver/kinds why: firing | resolved`, alerts by their label `n`.
#[track_caller]
fn check_pages(text: &str, transitions: &[(u64, &str)], until: u64, expected: &[&str]) {
    let paging = play(text, transitions, until);
    let pages: Vec<String> = paging.pages.iter().map(shown).collect();
    assert_eq!(pages, expected);
    assert_eq!(paging.cut_at, None);
}

/// Alerts as `+n=A`, which begins, and `-n=A`, which ends, at a second.
fn play(text: &str, transitions: &[(u64, &str)], until: u64) -> Paging {
    let transitions: Vec<Transition> = transitions
        .iter()
        .map(|(at, alert)| Transition {
            at: Duration::from_secs(*at),
            labels: labels(&alert[1..]),
            state: if alert.starts_with('+') { AlertState::Firing } else { AlertState::Resolved },
        })
        .collect();
    let began = "2026-11-23T11:59:00Z".parse().unwrap();
    paging(&config(text), &transitions, began, Duration::from_secs(until))
}

fn shown(page: &Page) -> String {
    let names =
        |alerts: &[Labels]| alerts.iter().filter_map(|one| one.get("n")).collect::<Vec<_>>().join(" ");
    let seconds = page.at.as_secs_f64();
    let kinds = page.kinds.join("+");
    let (firing, resolved) = (names(&page.firing), names(&page.resolved));
    format!("{seconds} {}/{kinds} {:?}: {firing} | {resolved}", page.receiver, page.why)
}

const GROUPS: &str = "
route: {receiver: ops, group_by: [g], group_wait: 10s, group_interval: 1m, repeat_interval: 2m}
receivers: [{name: ops, pagerduty_configs: [{}], slack_configs: [{}]}]
";

#[test]
fn a_group_waits_then_tells_what_is_new_what_is_over_and_all_again() {
    check_pages(
        GROUPS,
        &[
            (5, "+n=A g=1"),
            (14, "+n=B g=1"),
            (20, "+n=C g=1"),
            (30, "+n=X g=2"),
            (80, "-n=A g=1"),
            (300, "-n=X g=2"),
        ],
        330,
        &[
            "15 ops/pagerduty+slack First: A B | ",
            "40 ops/pagerduty+slack First: X | ",
            "75 ops/pagerduty+slack NewAlerts: A B C | ",
            "135 ops/pagerduty SomeResolved: B C | A",
            "220 ops/pagerduty+slack Repeat: X | ",
            "255 ops/slack Repeat: B C | ",
            "315 ops/pagerduty Repeat: B C | ",
        ],
    );
}

#[test]
fn what_is_over_before_anybody_was_told_is_not_told_of() {
    check_pages(GROUPS, &[(5, "+n=A"), (14, "-n=A"), (20, "-n=Z")], 600, &[]);
    check_pages(
        GROUPS,
        &[(0, "+n=A"), (20, "-n=A"), (71, "+n=A"), (71, "+n=A")],
        100,
        &[
            "10 ops/pagerduty+slack First: A | ",
            "70 ops/pagerduty AllResolved:  | A",
            "81 ops/pagerduty+slack First: A | ",
        ],
    );
    // It fires again before it was told that it was over.
    check_pages(
        GROUPS,
        &[(0, "+n=A"), (20, "-n=A"), (60, "+n=A")],
        100,
        &["10 ops/pagerduty+slack First: A | "],
    );
}

#[test]
fn a_receiver_without_integrations_pages_nobody_and_says_so() {
    let nobody = GROUPS.replace(", pagerduty_configs: [{}], slack_configs: [{}]", "");
    check_pages(&nobody, &[(0, "+n=A"), (20, "-n=A")], 100, &["10 ops/ First: A | "]);
    let quiet = GROUPS.replace("pagerduty_configs: [{}]", "pagerduty_configs: [{send_resolved: false}]");
    check_pages(&quiet, &[(0, "+n=A"), (20, "-n=A")], 100, &["10 ops/pagerduty+slack First: A | "]);
}

#[test]
fn an_alert_that_is_kept_back_is_told_of_when_its_source_is_gone() {
    let text = format!("{GROUPS}inhibit_rules: [{{source_match: {{s: c}}, target_match: {{s: w}}}}]\n");
    let transitions = [(0, "+n=A s=w g=1"), (0, "+n=B s=c g=2"), (30, "-n=B s=c g=2")];
    check_pages(
        &text,
        &transitions,
        80,
        &[
            "10 ops/pagerduty+slack First: B | ",
            "70 ops/pagerduty+slack First: A | ",
            "70 ops/pagerduty AllResolved:  | B",
        ],
    );
    let held = play(&text, &transitions, 80).held_back;
    assert_eq!(held.len(), 1, "{held:?}");
    let inhibited = Hold::Inhibited { source: labels("n=B s=c g=2"), rule: "alertmanager.yml:4".to_owned() };
    assert_eq!(held[0].alerts, [(labels("n=A s=w g=1"), inhibited)]);
    assert_eq!((held[0].at.as_secs(), held[0].receiver.as_str()), (10, "ops"));
}

#[test]
fn time_intervals_hold_back_and_are_named() {
    let text = "
route:
  receiver: ops
  routes:
    - {matchers: [m=1], group_wait: 10s, group_interval: 20s, mute_time_intervals: [noon]}
    - {matchers: [m=2], group_wait: 10s, group_interval: 20s, active_time_intervals: [noon]}
receivers: [{name: ops, webhook_configs: [{}]}]
time_intervals:
  - name: noon
    time_intervals: [{times: [{start_time: '12:00', end_time: '12:01'}]}]
";
    let transitions = [(55, "+n=A m=1"), (0, "+n=B m=2")];
    // The play begins a minute before noon.
    check_pages(text, &transitions, 200, &["70 ops/webhook First: B | ", "125 ops/webhook First: A | "]);
    let held = play(text, &transitions, 200).held_back;
    let held: Vec<(u64, &Hold)> = held.iter().map(|held| (held.at.as_secs(), &held.alerts[0].1)).collect();
    assert_eq!(held, [(10, &Hold::Inactive(vec!["noon".to_owned()])), (65, &Hold::Muted("noon".to_owned()))]);
}

#[test]
fn a_file_that_asks_for_a_page_every_millisecond_is_cut_short() {
    let text = GROUPS
        .replace("group_interval: 1m, repeat_interval: 2m", "group_interval: 1ms, repeat_interval: 1ms");
    let paging = play(&text, &[(0, "+n=A")], 30 * 86_400);
    assert_eq!(paging.pages.len(), 10_000);
    assert_eq!(paging.cut_at.map(|at| at.as_secs()), Some(29));
    // One look at the group a millisecond, for 30 days, is too much work where nothing can happen.
    let idle =
        GROUPS.replace("group_interval: 1m, repeat_interval: 2m", "group_interval: 1ms, repeat_interval: 1y");
    assert_eq!(play(&idle, &[(0, "+n=A")], 30 * 86_400).pages.len(), 1);
}
