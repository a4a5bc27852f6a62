//! Rule files and unit-test files as users write them, bad ones first; and groups driven through time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::input::{Files, Problems};
use crate::model::Color;
use crate::promql::{Budget, Engine, Labels, Query, Storage, Value};

fn read_file(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    #[expect(clippy::disallowed_methods, reason = "a test reads its golden files")]
    std::fs::File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

fn files() -> Files<'static> {
    Files { read: &read_file, names: &|_| Vec::new() }
}

/// Holds `text` against the golden file at `path`; with `UPDATE_GOLDEN=1`, writes it.
#[track_caller]
fn golden(path: &Path, text: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        #[expect(clippy::disallowed_methods, reason = "a test writes its golden files when it is asked to")]
        std::fs::write(path, text).unwrap();
    }
    assert_eq!(text, read_file(path).unwrap_or_default(), "{}", path.display());
}

fn bad_files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.to_string_lossy().ends_with(".bad.yaml")).collect();
    paths.sort();
    paths
}

#[track_caller]
fn check_golden(path: &Path, problems: &Problems) {
    let text = format!("{}{problems}\n", problems.render(Color::Off));
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{}: {text:?}", path.display());
    golden(&path.with_extension("txt"), &text);
}

#[test]
fn golden_messages_of_bad_rule_files() {
    let paths = bad_files("tests/golden/bad/rules");
    assert!(paths.len() >= 30, "{} bad rule files", paths.len());
    for path in paths {
        let problems = load(path.to_str().unwrap(), &read_file(&path).unwrap()).unwrap_err();
        check_golden(&path, &problems);
    }
}

#[test]
fn golden_messages_of_bad_unit_tests() {
    let paths = bad_files("tests/golden/bad/rule-tests");
    assert!(paths.len() >= 8, "{} bad unit-test files", paths.len());
    for path in paths {
        let problems = load_tests(&path, files()).unwrap_err();
        check_golden(&path, &problems);
    }
}

fn rule_file(expr: &str) -> String {
    format!("groups:\n  - name: a\n    rules:\n      - alert: X\n        expr: '{expr}'\n")
}

#[test]
fn expressions_that_ask_for_too_much_are_refused() {
    let deep = format!("{}up{}", "(".repeat(50_000), ")".repeat(50_000));
    let unclosed = "(".repeat(50_000);
    let minus = format!("{}1", "-".repeat(50_000));
    let calls = format!("{}up{}", "abs(".repeat(20_000), ")".repeat(20_000));
    // One that the reader of YAML refuses already, and one that it does not.
    let too_long = format!("up{}", " + up".repeat(200_000));
    let long = format!("up{}", " + up".repeat(50_000));
    let pattern = "up{job=~\"((((a{100}){100}){100}){100})\"}".to_owned();
    for expr in [deep, unclosed, minus, calls, too_long, long, pattern] {
        let problems = load("x.yml", &rule_file(&expr)).unwrap_err();
        assert!(problems.has_errors() && problems.to_string().len() < 2_000, "{problems}");
    }
}

#[track_caller]
fn groups(text: &str) -> Vec<Group> {
    load("x.yml", text).unwrap_or_else(|problems| panic!("{problems}")).0
}

#[test]
fn a_file_without_rules_is_one() {
    for text in ["", "# nothing yet\n", "{}", "groups:", "groups: []", "groups: [{name: a}]"] {
        let (groups, _) = load("x.yml", text).unwrap();
        assert!(groups.iter().all(|group| group.rules.is_empty()), "{text}");
    }
}

#[test]
fn every_field_is_read() {
    let groups = groups(
        "groups:\n- name: a\n  interval: 30s\n  query_offset: 1m\n  limit: 5\n  labels: {team: x, tier: 1}\n  rules:\n  \
         - {record: a:b, expr: 1, labels: {tier: two, flag: true, none: null}}\n  \
         - {alert: X, expr: up, for: 5m, keep_firing_for: 1h30m, annotations: {a: 5}}\n",
    );
    let [group] = groups.as_slice() else { panic!("{groups:?}") };
    assert_eq!((group.interval, group.limit), (Some(Duration::from_secs(30)), 5));
    assert_eq!(group.query_offset, Duration::from_secs(60));
    let RuleKind::Recording { labels } = &group.rules[0].kind else { panic!("a recording rule") };
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(labels, ["flag=true", "none=", "team=x", "tier=two"]);
    let alerting = group.rules[1].alerting().unwrap();
    assert_eq!((alerting.hold, alerting.keep_firing), (Duration::from_secs(300), Duration::from_secs(5_400)));
    assert_eq!(alerting.annotations["a"].text(), "5");
    assert_eq!(alerting.labels["team"].text(), "x");
}

/// Rules over one series `x{s="a"}` with a value each 10 s.
struct Drive {
    evaluator: Evaluator,
    storage: Storage,
}

impl Drive {
    fn new(text: &str) -> Self {
        let settings = Settings { interval: Duration::from_secs(10), ..Settings::default() };
        Self { evaluator: Evaluator::new(groups(text), settings), storage: Storage::new() }
    }

    fn put(&mut self, at_s: i64, labels: &[(&str, &str)], value: f64) {
        let id = self.storage.series(&Labels::from_pairs(labels.iter().copied()));
        self.storage.append(id, at_s * 1000, value).unwrap();
    }

    /// What changed up to `at_s`: `10 X pending` and so on, and failures.
    fn until(&mut self, at_s: i64) -> Vec<String> {
        let evaluation = self.evaluator.evaluate_until(&mut self.storage, at_s * 1000);
        let changes = evaluation.transitions.iter().map(|transition| {
            let (_, rule) = self.evaluator.rule(transition.rule);
            let state = transition.change.alert.state.name();
            format!("{} {} {state}", transition.at_ms / 1000, rule.name)
        });
        let failures = evaluation.failures.iter();
        let failures = failures.map(|failure| format!("{} {:?}", failure.at_ms / 1000, failure.part));
        changes.chain(failures).collect()
    }

    /// The result of a query, a line for each series.
    fn ask(&self, query: &str, at_s: i64) -> Vec<String> {
        let query = Query::parse(query).unwrap();
        let answer = Engine::default().instant(&query, &self.storage, at_s * 1000).unwrap();
        let Value::Vector(samples) = answer.value else { panic!("a vector") };
        samples.iter().map(|sample| format!("{} {}", sample.labels, sample.value)).collect()
    }
}

/// A drive whose rules may cost so much together.
fn limited(text: &str, at_first: u64, each_second: u64) -> Drive {
    let mut drive = Drive::new(text);
    let settings = Settings { allowance: Allowance { at_first, each_second }, ..Settings::default() };
    drive.evaluator = Evaluator::new(groups(text), settings);
    drive.put(0, &[("s", "a"), ("__name__", "x")], 1.0);
    drive
}

#[test]
fn a_rule_whose_evaluations_cost_too_much_together_is_given_up_and_leaves_the_others_half() {
    let mut drive = limited(
        "groups:\n- {name: a, interval: 1ms, rules: [{alert: X, expr: 'x > 0', annotations: {a: '{{ $value }}'}}]}\n\
         - {name: b, interval: 10s, rules: [{alert: Y, expr: 'y > 0'}]}\n- {name: c, interval: 1ms}\n",
        1_000_000,
        0,
    );
    assert_eq!(drive.until(0), ["0 X firing"]);
    // A hundred years, a millisecond each: it ends because the rules do.
    let told = drive.until(3_153_600_000);
    assert!(told.len() == 2 && told[0] == "0 Evaluation" && told[1].ends_with("0 Evaluation"), "{told:?}");
    let statuses: Vec<_> = drive.evaluator.statuses().map(|(_, status)| status).collect();
    assert_eq!((statuses[0].failures, statuses[1].failures), (1, 1));
    assert!(statuses[0].evaluations < 100 && statuses[1].evaluations > 300, "{statuses:?}");
    let why = statuses[0].last_failure.as_deref().unwrap();
    assert!(
        why.contains(" samples, half of the limit of 1000000 that all rules have together: select"),
        "{why}"
    );
    assert_eq!(statuses[1].reading, Some(Reading::Undecided));
}

#[test]
fn rules_that_cost_too_much_together_are_all_given_up_and_named() {
    let text = "groups:\n- {name: a, interval: 1s, rules: [{alert: X, expr: x > 9}, {alert: Y, expr: x + x + x > 9}, {alert: Z, expr: y}]}\n";
    let mut drive = limited(text, 100_000, 0);
    drive.until(0);
    let told = drive.until(1_000_000);
    assert_eq!(told.iter().filter(|line| line.ends_with(" Evaluation")).count(), 3, "{told:?}");
    for (_, status) in drive.evaluator.statuses() {
        let why = status.last_failure.unwrap();
        assert!(
            why.starts_with("the rules look at more than 100000 samples, the limit of all of them"),
            "{why}"
        );
        assert!(
            why.contains("`X` ") && why.contains("`Y` ") && why.ends_with("evaluate them less often"),
            "{why}"
        );
    }
    // More is allowed the longer it goes on: what keeps pace is never refused.
    let mut drive = limited(text, 100_000, 10_000);
    drive.until(0);
    assert_eq!(drive.until(10_000).iter().filter(|line| line.ends_with(" Evaluation")).count(), 0);
}

/// What one evaluation of 50 rules over `count` series costs, `each_s` seconds apart, that take rates over 5 minutes.
fn cost_of_fifty_rules(count: u64, each_s: i64) -> u64 {
    use std::fmt::Write as _;
    let mut text = "groups:\n- name: a\n  rules:\n".to_owned();
    for i in 0..25 {
        writeln!(text, "  - {{record: 'job:x:{i}', expr: 'sum by (job) (rate(x[5m]))'}}").unwrap();
        writeln!(text, "  - {{alert: A{i}, expr: 'rate(x[5m]) > 1e9', for: 5m}}").unwrap();
    }
    let mut drive = Drive::new(&text);
    for series in 0..count {
        let (job, id) = ((series % 20).to_string(), series.to_string());
        for at in (0..=300).step_by(usize::try_from(each_s).unwrap()) {
            drive.put(at, &[("__name__", "x"), ("job", &job), ("i", &id)], at as f64);
        }
    }
    assert_eq!(drive.until(300), [""; 0]);
    drive.evaluator.used().map(|(_, used)| used).sum()
}

#[test]
fn large_sets_of_rules_are_not_refused() {
    let Allowance { at_first, each_second } = Allowance::default();
    // Of a hundredth of the series, whose costs add up; what is made of them all is the same.
    let of_all = |each_s| (cost_of_fifty_rules(200, each_s) - cost_of_fifty_rules(100, each_s)) * 100;
    let (slow, fast) = (of_all(15), of_all(1));
    // 10,000 series, 12 h: evaluated each second, and each 15 s.
    assert!(fast < each_second, "{fast}");
    assert!(slow < each_second * 15, "{slow}");
    assert!(slow * 2 < at_first, "{slow}");
    // An hour at 15 s as the test of a file.
    let rules = "groups: [{name: a, rules: [".to_owned() + &"{record: x, expr: 1},".repeat(50) + "]}]";
    let series = "{series: x, values: 1x99999},".repeat(24);
    let tests = format!("rule_files: [rules.yml]\ntests: [{{input_series: [{series}]}}]");
    let read = |path: &Path| Ok(if path.ends_with("rules.yml") { rules.clone() } else { tests.clone() });
    let (file, _) = load_tests(Path::new("t.yml"), Files { read: &read, names: &|_| Vec::new() }).unwrap();
    let limit = unit_test::limit_of(&file);
    assert!(slow * 240 < limit, "{slow} {limit}");
}

#[test]
fn rules_are_evaluated_in_order_at_one_time() {
    let mut drive = Drive::new(
        "groups:\n- name: a\n  rules:\n  - {record: x:double, expr: x * 2, labels: {by: rule}}\n  \
         - {alert: High, expr: 'x:double > 2', for: 20s, labels: {level: '{{ $value }}'}, annotations: {a: '{{ $labels.s }}'}}\n",
    );
    for at in 0..6 {
        drive.put(at * 10, &[("__name__", "x"), ("s", "a")], if at == 0 { 1.0 } else { 1.5 });
    }
    assert_eq!(drive.until(0), [""; 0]);
    // However late it is called, each evaluation is made for its own time.
    assert_eq!(drive.until(35), ["10 High pending", "30 High firing"]);
    assert_eq!(drive.ask("x:double", 30), ["x:double{by=\"rule\", s=\"a\"} 3"]);
    assert_eq!(
        drive.ask("ALERTS", 30),
        ["ALERTS{alertname=\"High\", alertstate=\"firing\", by=\"rule\", level=\"3\", s=\"a\"} 1"]
    );
    assert_eq!(
        drive.ask("ALERTS_FOR_STATE", 30),
        ["ALERTS_FOR_STATE{alertname=\"High\", by=\"rule\", level=\"3\", s=\"a\"} 10"]
    );
    drive.put(60, &[("__name__", "x"), ("s", "a")], 0.0);
    assert_eq!(drive.until(60), ["60 High inactive"]);
    assert_eq!(drive.ask("ALERTS", 60), [""; 0], "its series are marked stale");
}

#[test]
fn recorded_series_end_with_what_they_are_made_of() {
    let mut drive = Drive::new("groups:\n- name: a\n  rules:\n  - {record: y, expr: x > 1}\n");
    drive.put(0, &[("__name__", "x"), ("s", "a")], 2.0);
    drive.put(0, &[("__name__", "x"), ("s", "b")], 2.0);
    drive.put(10, &[("__name__", "x"), ("s", "a")], 0.0);
    drive.until(0);
    assert_eq!(drive.ask("count(y)", 0), ["{} 2"]);
    drive.until(10);
    assert_eq!(drive.ask("y", 10), ["y{s=\"b\"} 2"]);
}

#[test]
fn a_rule_that_fails_says_nothing_about_its_alerts() {
    let mut drive = Drive::new(
        "groups:\n- name: a\n  rules:\n  - {alert: X, expr: 'a / on (s) b > 0'}\n  - {record: z, expr: 'x', labels: {s: one}}\n",
    );
    drive.put(0, &[("__name__", "a"), ("s", "1")], 1.0);
    drive.put(0, &[("__name__", "b"), ("s", "1")], 1.0);
    drive.put(0, &[("__name__", "x"), ("s", "1")], 1.0);
    assert_eq!(drive.until(0), ["0 X firing"]);
    drive.put(10, &[("__name__", "b"), ("s", "1"), ("t", "2")], 1.0);
    drive.put(10, &[("__name__", "x"), ("s", "2")], 1.0);
    assert_eq!(drive.until(10), ["10 Evaluation", "10 Evaluation"]);
    assert_eq!(drive.evaluator.active().count(), 1, "it fires as it did");
    let statuses: Vec<RuleStatus> = drive.evaluator.statuses().map(|(_, status)| status).collect();
    assert_eq!((statuses[0].evaluations, statuses[0].failures), (2, 1));
    assert!(statuses[1].last_failure.as_ref().unwrap().contains("same labelset"), "{statuses:?}");
}

#[test]
fn limits_and_duplicates_are_errors() {
    let mut drive = Drive::new(
        "groups:\n- name: a\n  limit: 1\n  rules:\n  - {record: y, expr: x}\n  - {alert: X, expr: x}\n  - {alert: Y, expr: x, labels: {s: same}}\n",
    );
    drive.put(0, &[("__name__", "x"), ("s", "a")], 1.0);
    drive.put(0, &[("__name__", "x"), ("s", "b")], 1.0);
    assert_eq!(drive.until(0), ["0 Evaluation", "0 Evaluation", "0 Evaluation"]);
    assert_eq!(drive.ask("{__name__=~\"y|ALERTS.*\"}", 0), [""; 0]);
}

#[test]
fn intervals_and_offsets_are_kept() {
    let mut drive = Drive::new(
        "groups:\n- name: a\n  interval: 20s\n  rules:\n  - {record: y, expr: x}\n- name: b\n  query_offset: 10s\n  rules:\n  - {record: z, expr: x}\n",
    );
    for at in 0..5 {
        drive.put(at * 10, &[("__name__", "x")], at as f64);
        drive.until(at * 10);
    }
    let times = |name: &str| {
        let labels = Labels::from_pairs([("__name__", name)]);
        let id = drive.storage.select(&[crate::promql::Matcher::new(
            "__name__",
            crate::promql::MatchOp::Equal,
            name,
        )
        .unwrap()]);
        assert_eq!(drive.storage.labels(id[0]), &labels);
        drive.storage.samples(id[0]).iter().map(|(at, value)| (at / 1000, *value)).collect::<Vec<_>>()
    };
    assert_eq!(times("y"), [(0, 0.0), (20, 2.0), (40, 4.0)]);
    assert_eq!(times("z"), [(0, 0.0), (10, 1.0), (20, 2.0), (30, 3.0)]);
}

#[test]
fn a_status_tells_what_was_there_to_be_looked_at() {
    let mut drive = Drive::new(
        "groups:\n- name: a\n  rules:\n  - {alert: Dead, expr: 'nothing > 1'}\n  - {alert: Short, expr: 'avg_over_time(x[1m] offset 20s) > 9'}\n  - {alert: Held, expr: 'x > 0', for: 5m}\n  - {alert: Fires, expr: 'x > 0', for: 10s}\n",
    );
    for at in 0..5 {
        drive.put(at * 10, &[("__name__", "x")], 1.0);
        drive.until(at * 10);
    }
    let statuses: Vec<RuleStatus> = drive.evaluator.statuses().map(|(_, status)| status).collect();
    assert_eq!(statuses[0].unmatched, ["nothing"]);
    assert_eq!(statuses[0].reading, Some(Reading::Inactive));
    assert_eq!(statuses[1].coverage.wanted, Some(Duration::from_secs(80)));
    assert!((statuses[1].coverage.share() - 0.5).abs() < 1e-9, "{:?}", statuses[1]);
    let held = Reading::Pending { held: Duration::from_secs(40), of: Duration::from_secs(300) };
    assert_eq!(statuses[2].reading, Some(held));
    assert_eq!(statuses[3].reading, Some(Reading::Fired { first_ms: 10_000 }));
}

#[test]
fn a_template_that_fails_is_told_and_shown() {
    let mut drive = Drive::new(
        "groups:\n- name: a\n  rules:\n  - {alert: X, expr: x, annotations: {a: '{{ query \"nope\" | first }}', b: '{{ range query \"x * 2\" }}{{ .Value }}{{ end }}'}}\n",
    );
    drive.put(0, &[("__name__", "x")], 1.5);
    assert_eq!(drive.until(0), ["0 X firing", "0 Template"]);
    let (_, alert) = drive.evaluator.active().next().unwrap();
    assert!(alert.annotations["a"].starts_with("<error expanding template: "), "{alert:?}");
    assert_eq!(alert.annotations["b"], "3");
}

#[test]
fn a_run_must_last_for_ranges_hold_and_evaluations() {
    let groups = groups(
        "groups:\n- name: a\n  interval: 30s\n  rules:\n  - {alert: X, expr: 'rate(x[5m] offset 1m) > 1', for: 5m}\n  \
         - {record: 'x:rate', expr: 'rate(x[10m])'}\n  - {alert: Y, expr: 'max_over_time(x:rate[1m]) > 1'}\n  - {alert: Z, expr: x @ 5 > 1}\n",
    );
    let needed: Vec<Option<u64>> = run_lengths(&groups, Duration::from_secs(60))
        .iter()
        .map(|length| length.needed.map(|needed| needed.as_secs()))
        .collect();
    assert_eq!(needed, [Some(360 + 300 + 30), Some(600 + 30), Some(60 + 600 + 30 + 30), None]);
}

/// One group of these rules.
fn group_of(rules: &[&str]) -> Vec<Group> {
    groups(&format!("groups:\n- name: a\n  rules:\n  - {{{}}}\n", rules.join("}\n  - {")))
}

/// How long the rules of one group need, each evaluated each 30 s; in seconds.
#[track_caller]
fn check_lengths(rules: &[&str], expected: &[Option<u64>]) {
    let groups = group_of(rules);
    let lengths = run_lengths(&groups, Duration::from_secs(30));
    let needed: Vec<Option<u64>> =
        lengths.iter().map(|length| length.needed.map(|needed| needed.as_secs())).collect();
    assert_eq!(needed, expected, "{rules:?}");
}

#[test]
fn rules_are_followed_to_those_that_make_what_they_read() {
    const RECORD: &str = "record: r1, expr: 'rate(x[10m])', labels: {a: b, gone: ''}";
    let behind = Some(600 + 30 + 30);
    let plain = Some(30);
    for (expr, needed) in [
        ("r1 > 1", behind),
        ("{__name__=\"r1\"} > 1", behind),
        ("{__name__=~\"r.*\"} > 1", behind),
        ("{__name__=~\"r.*\", job=\"x\", a=~\"b|c\"} > 1", behind),
        ("{a=\"b\"} > 1", behind),
        ("{__name__=~\"q.*\"} > 1", plain),
        ("{__name__!~\"r.*\", job=\"x\"} > 1", plain),
        ("r1{a=\"c\"} > 1", plain),
        ("r1{gone=\"x\"} > 1", plain),
    ] {
        check_lengths(&[RECORD, &format!("alert: X, expr: '{expr}'")], &[Some(630), needed]);
    }
}

#[test]
fn rules_that_read_alerts_wait_for_them() {
    const ALERT: &str = "alert: X, expr: 'rate(x[10m]) > 1', for: 5m, labels: {team: a, job: '{{ $value }}'}";
    // Its own 10 minutes and 30 seconds, and what is said below: `for` where it must fire.
    let (fires, pending, plain) = (Some(600 + 300 + 30 + 30), Some(600 + 30 + 30), Some(30));
    for (expr, needed) in [
        ("ALERTS", fires),
        ("ALERTS{alertname=\"X\"}", fires),
        ("ALERTS{alertname=~\"X|Y\", alertstate=\"firing\", team=\"a\", job=\"1\"}", fires),
        ("{__name__=~\"ALERTS.*\", alertname=\"X\"}", fires),
        ("ALERTS{alertname=\"X\", alertstate=\"pending\"}", pending),
        ("ALERTS_FOR_STATE{alertname=\"X\"}", pending),
        ("ALERTS{alertname=\"Y\"}", plain),
        ("ALERTS{alertname=\"X\", team=\"b\"}", plain),
        ("ALERTS_FOR_STATE{alertname!=\"X\"}", plain),
        ("X", plain),
    ] {
        check_lengths(&[ALERT, &format!("record: y, expr: '{expr}'")], &[Some(600 + 300 + 30), needed]);
    }
}

#[test]
fn rules_that_are_made_of_each_other_count_once() {
    let pair = ["record: a, expr: 'rate(x[5m]) + b'", "record: b, expr: 'rate(a[10m])'"];
    check_lengths(&pair, &[Some(900 + 30 + 30); 2]);
    check_lengths(&["record: a, expr: 'sum_over_time(a[5m])'"], &[Some(330)]);
    // What reads a circle has the whole of it behind it, and what an `@` looks at has no end.
    let reads = ["record: a, expr: 'rate(b[5m])'", "record: b, expr: 'rate(a[10m])'", "alert: X, expr: a"];
    check_lengths(&reads, &[Some(960), Some(960), Some(990)]);
    let at = ["record: a, expr: 'b'", "record: b, expr: 'a + c'", "record: c, expr: x @ 5"];
    check_lengths(&at, &[None; 3]);
    let many: Vec<String> =
        (0..60).map(|n| format!("record: r{n}, expr: 'sum({{__name__=~\"r.*\"}})'")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let groups = group_of(&many);
    assert_eq!(
        run_lengths(&groups, Duration::from_secs(1)).len(),
        60,
        "sixty that all read all come to an end"
    );
}

#[test]
fn rules_in_a_faster_time_are_printed_or_refused() {
    let text = "groups:\n- name: a\n  rules:\n  - {alert: X, expr: 'rate(x[5m] offset 1m) > 1', for: 5m, keep_firing_for: 1h, labels: {a: b}}\n  \
         - {record: 'x:increase', expr: 'sum(increase(x[1h]))'}\n  - {alert: Y, expr: 'x:increase > 5'}\n  - {alert: Z, expr: 'max_over_time(rate(x[1m])[10m:30s]) > 1'}\n";
    let scaled = scaled(&groups(text), TimeScale::new(60.0).unwrap(), Duration::from_secs(60));
    let yaml = to_yaml(&scaled.groups);
    let again = load("scaled.yml", &yaml).unwrap().0;
    assert_eq!(to_yaml(&again), yaml, "what is printed reads back");
    for part in ["interval: 1s", "x[5s] offset 1s", "for: 5s", "keep_firing_for: 1m", "[10s:500ms]"] {
        assert!(yaml.contains(part), "{part}: {yaml}");
    }
    let refused: Vec<String> = scaled.problems().iter().map(ToString::to_string).collect();
    let reasons = [
        "x.yml:5:39: `x:increase` can't run in a faster time: `increase`: what it counts grows with the length of the range",
        "x.yml:6:23: `Y` can't run in a faster time: it reads `x:increase`, which can't",
    ];
    assert_eq!(refused, reasons);
    let ids: Vec<(usize, usize)> = scaled.refused.iter().map(|(id, _)| (id.group, id.rule)).collect();
    assert_eq!(ids, [(0, 1), (0, 2)]);
}

/// The rule `expr` after 60 s of `x{s="a"}` that grows by 10 a second, and `x{s="b"}` that does for the first half.
#[track_caller]
fn check_projection(expr: &str, expected: &str) {
    let text = format!(
        "groups:\n- name: a\n  rules:\n  - {{record: 'x:rate', expr: 'rate(x[5m])'}}\n  - {{alert: X, for: 5m, expr: '{expr}'}}\n"
    );
    let mut drive = Drive::new(&text);
    for at in 0..=60_i64 {
        drive.put(at, &[("__name__", "x"), ("s", "a")], at as f64 * 10.0);
        drive.put(at, &[("__name__", "x"), ("s", "b")], at.min(30) as f64 * 10.0);
    }
    let phase = SteadyPhase { from_ms: 0, until_ms: 60_000 };
    let id = RuleId { group: 0, rule: 1 };
    let shown = match projected(&drive.evaluator, id, &drive.storage, phase, &mut Budget::new(u64::MAX)) {
        Projection::WouldFire { series, after, clipped } => {
            let series: Vec<String> = series.iter().map(ToString::to_string).collect();
            format!("fires after {}, clipped {clipped}: {}", format_duration(after), series.join(" "))
        }
        Projection::WouldNotFire { held, clipped } => format!("held {held:.1}, clipped {clipped}"),
        Projection::Unknown { why } => why,
    };
    assert_eq!(shown, expected, "{expr}");
}

#[test]
fn what_would_have_been_is_guessed_from_the_data_there_is() {
    check_projection("rate(x[5m]) > 9", "fires after 5m, clipped true: {s=\"a\"}");
    check_projection("rate(x[10s]) > 9", "fires after 5m, clipped false: {s=\"a\"}");
    check_projection("rate(x[5m]) > 11", "held 0.0, clipped true");
    check_projection("rate(x{s=\"b\"}[10s]) > 9", "held 0.4, clipped false");
    check_projection("increase(x[5m]) > 9", "`increase`: what it counts grows with the length of the range");
    check_projection("increase(x[10s]) > 9", "fires after 5m, clipped false: {s=\"a\"}");
    check_projection("x:rate > 9", "`x:rate` was recorded over less data than it looks back on");
    check_projection("x @ 5 > 9", "`@` names a time");
    check_projection("rate(x[5m] offset 55s) > 9", "it looks back further than the steady phase");
}

#[test]
fn the_shipped_unit_tests_pass_and_a_wrong_expectation_does_not() {
    let path = Path::new("slos/mcp-alerts.test.yml");
    let (file, _) = load_tests(path, files()).unwrap_or_else(|problems| panic!("{problems}"));
    let outcomes = run_tests(&file, &Engine::default());
    assert!(outcomes.len() >= 5);
    for outcome in outcomes {
        assert_eq!(outcome.failures, [], "{}", outcome.name);
    }
    let wrong = |path: &Path| {
        let text = read_file(path)?;
        Ok(text.replace("description: 10%", "description: 11%").replace("value: 1\n", "value: 2\n"))
    };
    let (file, _) = load_tests(path, Files { read: &wrong, names: &|_| Vec::new() }).unwrap();
    let failures: Vec<TestFailure> =
        run_tests(&file, &Engine::default()).into_iter().flat_map(|outcome| outcome.failures).collect();
    let whats: Vec<&str> = failures.iter().map(|failure| failure.what.as_str()).collect();
    assert_eq!(whats[0], "the alert `MCPHighErrorRate` at 12m30s");
    assert!(
        whats[1].starts_with("the query `ALERTS{alertname=\"MCPConnectionPoolExhausted\"}` at 2m"),
        "{whats:?}"
    );
    assert_eq!(failures.len(), 2);
    let lines = failures[0].lines.join("\n");
    assert!(
        lines.contains("-     description: 11% of") && lines.contains("+     description: 10% of"),
        "{lines}"
    );
}
