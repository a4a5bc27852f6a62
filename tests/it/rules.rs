//! Rule files and their unit tests: `gander rules` beside `promtool`, Debian's, of Prometheus 2.42. Its ranges are closed where
//! those of Prometheus 3 are open on the left: counters here grow evenly, and what counts samples is asked between them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{gander, root, skipped};

/// `promtool ARGS`; `None` (with the reason printed) where it is not installed.
pub(crate) fn promtool(args: &[&str]) -> Option<Output> {
    let output = Command::new("promtool").args(args).current_dir(root()).stdin(Stdio::null()).output();
    if output.is_err() {
        skipped("promtool is not installed");
    }
    output.ok()
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Files in a folder of their own.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Both say the same of unit tests; gives what gander says.
#[track_caller]
pub(crate) fn check_tests(path: &Path, passes: bool) -> String {
    let path = path.to_str().unwrap();
    let ours = gander(&["rules", "test", path]);
    assert_eq!(ours.status.code(), Some(i32::from(!passes)), "gander: {}", said(&ours));
    if let Some(theirs) = promtool(&["test", "rules", path]) {
        assert_eq!(theirs.status.success(), passes, "promtool: {}", said(&theirs));
    }
    said(&ours)
}

/// Both say the same of a rule file.
#[track_caller]
pub(crate) fn check_rules(path: &Path, good: bool) {
    let path = path.to_str().unwrap();
    let ours = gander(&["rules", "check", path]);
    assert_eq!(ours.status.code(), Some(if good { 0 } else { 2 }), "gander: {}", said(&ours));
    if let Some(theirs) = promtool(&["check", "rules", path]) {
        assert_eq!(theirs.status.success(), good, "promtool: {}", said(&theirs));
    }
}

const RULES: &str = r#"
groups:
  - name: recorded
    rules:
      - record: job:requests:rate5m
        expr: sum by (job) (rate(requests_total[5m]))
        labels: {source: recorded}
      - record: job:requests:ratio
        expr: job:requests:rate5m / ignoring (job) group_left () sum by (source) (job:requests:rate5m)
  - name: alerts
    rules:
      - alert: Busy
        expr: job:requests:rate5m > 1
        for: 3m
        labels:
          level: '{{ if gt $value 5.0 }}high{{ else }}low{{ end }}'
          none: ""
        annotations:
          value: '{{ $value }} {{ $value | humanize }} {{ printf "%.3f|%8.1e|%v" $value $value $value }}'
          labels: '{{ $labels.job }}/{{ $labels.missing }}/{{ .Labels.source }}/{{ $externalLabels.region }}'
          share: '{{ with printf "job:requests:ratio{job=\"%s\"}" $labels.job | query }}{{ . | first | value | humanizePercentage }}{{ end }}'
          all: '{{ range query "sort(job:requests:rate5m)" }}{{ .Labels.job }}={{ .Value }} {{ end }}'
      - alert: Down
        expr: up == 0
        keep_firing_for: 0s
        annotations:
          summary: "{{ $labels.instance | stripPort | toUpper }} down: {{ $labels.instance | reReplaceAll \"(.*):(.*)\" \"$2 of $1\" }}"
      - alert: Odd
        expr: odd != 1
        annotations:
          number: '{{ $value }} {{ humanize $value }} {{ humanize1024 $value }} {{ humanizeDuration $value }} {{ humanizePercentage $value }}'
      - alert: Gone
        expr: absent(here{job="x"})
        annotations:
          text: '{{ $labels.job | title }} is gone {{ len $labels }} {{ $labels }}'
      - alert: Flapping
        expr: flap > 0
        for: 2m
"#;

const TESTS: &str = r#"
rule_files: [rules.yml]
evaluation_interval: 1m
group_eval_order: [recorded, alerts]
tests:
  - name: everything at once
    interval: 1m
    external_labels: {region: eu}
    input_series:
      - {series: 'requests_total{job="a", code="200"}', values: '0+600x30'}
      - {series: 'requests_total{job="b", code="200"}', values: '0+120x30'}
      - {series: 'up{instance="host-1:9090"}', values: '1x5 0x5 1x20'}
      - {series: 'up{instance="host-2:9090"}', values: '1x5 _x3 0 stale'}
      - {series: 'odd{n="big"}', values: '1234567890123x3'}
      - {series: 'odd{n="small"}', values: '0.0000012345x3'}
      - {series: 'odd{n="nan"}', values: 'NaN NaN NaN'}
      - {series: 'odd{n="inf"}', values: '-Inf -Inf -Inf'}
      - {series: 'odd{n="negative"}', values: '-93784.5x3'}
      - {series: 'odd{n="zero"}', values: '0x3'}
      - {series: 'flap', values: '1 1 0 1 1 1 0 1'}
    alert_rule_test:
      - {eval_time: 2m, alertname: Busy}
      - eval_time: 10m
        alertname: Busy
        exp_alerts:
          - exp_labels: {job: a, level: high, source: recorded}
            exp_annotations:
              value: '10 10 10.000| 1.0e+01|10'
              labels: a//recorded/eu
              share: 83.33%
              all: 'b=2 a=10 '
          - exp_labels: {job: b, level: low, source: recorded}
            exp_annotations:
              value: '2 2 2.000| 2.0e+00|2'
              labels: b//recorded/eu
              share: 16.67%
              all: 'b=2 a=10 '
      - eval_time: 7m
        alertname: Down
        exp_alerts:
          - exp_labels: {instance: 'host-1:9090'}
            exp_annotations: {summary: 'HOST-1 down: 9090 of host-1'}
      - eval_time: 9m
        alertname: Down
        exp_alerts:
          - exp_labels: {instance: 'host-1:9090'}
            exp_annotations: {summary: 'HOST-1 down: 9090 of host-1'}
          - exp_labels: {instance: 'host-2:9090'}
            exp_annotations: {summary: 'HOST-2 down: 9090 of host-2'}
      - {eval_time: 12m, alertname: Down}
      - eval_time: 1m
        alertname: Odd
        exp_alerts:
          - exp_labels: {n: big}
            exp_annotations: {number: '1.234567890123e+12 1.235T 1.123Ti 14288980d 5h 2m 3s 1.235e+14%'}
          - exp_labels: {n: small}
            exp_annotations: {number: '1.2345e-06 1.234u 1.234e-06 1.234us 0.0001234%'}
          - exp_labels: {n: nan}
            exp_annotations: {number: 'NaN NaN NaN NaN NaN%'}
          - exp_labels: {n: inf}
            exp_annotations: {number: '-Inf -Inf -Inf -Inf -Inf%'}
          - exp_labels: {n: negative}
            exp_annotations: {number: '-93784.5 -93.78k -91.59ki -1d 2h 3m 4s -9.378e+06%'}
          - exp_labels: {n: zero}
            exp_annotations: {number: '0 0 0 0s 0%'}
      - eval_time: 3m
        alertname: Gone
        exp_alerts:
          - exp_labels: {job: x}
            exp_annotations: {text: 'X is gone 1 map[job:x]'}
      - {eval_time: 4m, alertname: Flapping}
      - eval_time: 5m30s
        alertname: Flapping
        exp_alerts: [{exp_labels: {}}]
      - {eval_time: 6m, alertname: Flapping}
    promql_expr_test:
      - expr: job:requests:rate5m
        eval_time: 20m
        exp_samples:
          - {labels: 'job:requests:rate5m{job="a", source="recorded"}', value: 10}
          - {labels: 'job:requests:rate5m{job="b", source="recorded"}', value: 2}
      - expr: ALERTS{alertname="Busy"}
        eval_time: 20m
        exp_samples:
          - {labels: 'ALERTS{alertname="Busy", alertstate="firing", job="a", level="high", source="recorded"}', value: 1}
          - {labels: 'ALERTS{alertname="Busy", alertstate="firing", job="b", level="low", source="recorded"}', value: 1}
      - {expr: 'ALERTS_FOR_STATE{job="a"}', eval_time: 20m, exp_samples: [{labels: 'ALERTS_FOR_STATE{alertname="Busy", job="a", level="high", source="recorded"}', value: 180}]}
      - {expr: 'sum(odd{n="zero"}) + 0.5', eval_time: 1m, exp_samples: [{labels: '{}', value: 0.5}]}
      - {expr: '1 + 1', eval_time: 1m, exp_samples: [{value: 2}]}
      - {expr: nothing, eval_time: 1m}
"#;

#[test]
fn unit_tests_pass_here_and_there() {
    let folder = folder(&[("rules.yml", RULES), ("rules.test.yml", TESTS)]);
    let said = check_tests(&folder.path().join("rules.test.yml"), true);
    assert!(said.contains("1 passed, 0 failed"), "{said}");
    check_rules(&folder.path().join("rules.yml"), true);
}

#[test]
fn wrong_expectations_fail_here_and_there() {
    for (right, wrong, shown) in [
        ("share: 83.33%", "share: 83.34%", "+     share: 83.33%"),
        ("level: high,", "level: higher,", "level=\"higher\""),
        ("eval_time: 2m, alertname: Busy", "eval_time: 7m, alertname: Busy", "- nothing"),
        ("eval_time: 5m30s", "eval_time: 6m30s", "+ nothing"),
        ("eval_time: 12m, alertname: Down", "eval_time: 10m, alertname: Down", "HOST-1 down"),
        ("1.234567890123e+12 1.235T", "1234567890123 1.235T", "+     number: 1.234567890123e+12"),
        ("value: 180}", "value: 61}", "} 180"),
        ("exp_samples: [{value: 2}]", "exp_samples: [{value: 3}]", "- {} 3"),
        (
            "job=\"b\", source=\"recorded\"}', value: 2",
            "job=\"b\"}', value: 2",
            "- job:requests:rate5m{job=\"b\"} 2",
        ),
        ("{expr: nothing, eval_time: 1m}", "{expr: up + on() up, eval_time: 1m}", "FAILED"),
    ] {
        let tests = TESTS.replacen(right, wrong, 1);
        assert_ne!(tests, TESTS, "{right}");
        let folder = folder(&[("rules.yml", RULES), ("rules.test.yml", &tests)]);
        let said = check_tests(&folder.path().join("rules.test.yml"), false);
        assert!(said.contains("FAILED everything at once") && said.contains(shown), "{wrong}: {said}");
    }
}

#[test]
fn the_shipped_alerts_pass_their_tests_here_and_there() {
    let said = check_tests(&root().join("slos/mcp-alerts.test.yml"), true);
    assert!(said.contains("6 passed, 0 failed"), "{said}");
    check_rules(&root().join("slos/mcp-alerts.yml"), true);
}

#[test]
fn bad_rule_files_are_bad_here_and_there() {
    // Prometheus takes these. Two are refused by how gander reads all YAML; the steps of the third it counts when it is asked, and
    // never gets done with.
    let ours_alone = ["merge-keys.bad.yaml", "subquery-steps.bad.yaml", "two-documents.bad.yaml"];
    let folder = root().join("tests/golden/bad/rules");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(".bad.yaml"));
    assert!(paths.len() >= 30, "{} bad rule files", paths.len());
    for path in paths {
        if ours_alone.contains(&path.file_name().unwrap().to_str().unwrap()) {
            let output = gander(&["rules", "check", path.to_str().unwrap()]);
            assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        } else {
            check_rules(&path, false);
        }
    }
}

#[test]
fn what_is_odd_but_allowed_is_good_here_and_there() {
    for text in [
        "",
        "groups: []",
        "groups: [{name: a, limit: -5, rules: [{record: x, expr: 1}]}]",
        "groups: [{name: a, interval: 0, rules: [{record: x, expr: up, for: 0s, labels: {a: 5, b: true, c: null}}]}]",
        "groups: [{name: a, rules: [{record: x, expr: up, annotations: {}, labels: {y: '{{ nope }}'}}]}]",
        "groups: [{name: a, rules: [{alert: a b, expr: up, labels: {alertname: y}}, {alert: a b, expr: up}]}]",
        "groups: [{name: a, rules: [{alert: x, expr: 'up[5m]'}]}]",
    ] {
        let folder = folder(&[("rules.yml", text)]);
        check_rules(&folder.path().join("rules.yml"), true);
    }
}

#[test]
fn repetitions_are_refused_and_allowed_here_and_there() {
    for (pattern, good) in [
        ("a{1000}", true),
        ("a{1001}", false),
        ("a{2,1001}", false),
        ("a{1001,}", false),
        ("(a{100}){10}", true),
        ("(a{100}){11}", false),
        ("(a{100}){100}", false),
        ("(?:a{100}b){10}(c{1000})*", true),
        ("(a{1000}){0,1}", true),
        ("((a{10}){10,}){11}", false),
    ] {
        let text = format!("groups: [{{name: a, rules: [{{record: x, expr: 'up{{job=~\"{pattern}\"}}'}}]}}]");
        let folder = folder(&[("rules.yml", &text)]);
        check_rules(&folder.path().join("rules.yml"), good);
    }
}

/// Formats, and what both print for `printf` with the value -2.5, the label `a b` and the number 7.
const FORMATS: [(&str, &str); 24] = [
    ("%T %T %T", "float64 string int"),
    ("%v %v %v", "-2.5 a b 7"),
    ("%q %q %q", "%!q(float64=-2.5) \"a b\" '\\a'"),
    ("%x %x %x", "-0x1.4p+01 612062 7"),
    ("%X %X %#x", "-0X1.4P+01 612062 0x7"),
    ("%e %e %e", "-2.500000e+00 %!e(string=a b) %!e(int=7)"),
    ("%g %s %g", "-2.5 a b %!g(int=7)"),
    ("%t %t %t", "%!t(float64=-2.5) %!t(string=a b) %!t(int=7)"),
    ("%+d %+d %+d", "%!d(float64=-2.5) %!d(string=a b) +7"),
    ("%5.2f %5.2f %5.2f", "-2.50 %!f(string=   a ) %!f(int=   07)"),
    ("%-10s|%-10s|%-10s|", "%!s(float64=-2.5      )|a b       |%!s(int=7         )|"),
    ("%10s|%10q|%10d|", "%!s(float64=      -2.5)|     \"a b\"|         7|"),
    ("%08.3f|%05v|%05d", "-002.500|00a b|00007"),
    ("%b %c %o", "-5629499534213120p-51 %!c(string=a b) 7"),
    ("%#v %#v %#v", "-2.5 \"a b\" 7"),
    ("%+.1e|%.1s|%.3d", "-2.5e+00|a|007"),
    ("%U %#q %U", "%!U(float64=-2.5) `a b` U+0007"),
    ("% f|% x|% d", "-2.500000|61 20 62| 7"),
    ("%.1f", "-2.5%!(EXTRA string=a b, int=7)"),
    ("%v %v %v %v", "-2.5 a b 7 %!v(MISSING)"),
    ("%[3]v %[1]v", "7 -2.5"),
    ("%[9]v %[3]*[1]v|", "%!v(BADINDEX)    -2.5|"),
    ("%*v|%v|%v", "%!(BADWIDTH)a b|7|%!v(MISSING)"),
    ("%% %z %", "% %!z(float64=-2.5) %!(NOVERB)%!(EXTRA string=a b, int=7)"),
];

#[test]
fn verbs_of_printf_are_printed_alike_here_and_there() {
    use std::fmt::Write as _;
    let mut rules = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    annotations:\n".to_owned();
    let mut tests = "rule_files: [rules.yml]\ntests:\n- input_series: [{series: 'x{s=\"a b\"}', values: '-2.5'}]\n  alert_rule_test:\n  \
                     - eval_time: 0s\n    alertname: A\n    exp_alerts:\n    - exp_labels: {s: a b}\n      exp_annotations:\n"
        .to_owned();
    let yaml = |text: &str| format!("'{}'", text.replace('\'', "''"));
    for (number, (format, expected)) in FORMATS.iter().enumerate() {
        let template = format!("{{{{ printf \"{format}\" $value $labels.s 7 }}}}");
        writeln!(rules, "      a{number}: {}", yaml(&template)).unwrap();
        writeln!(tests, "        a{number}: {}", yaml(expected)).unwrap();
    }
    let folder = folder(&[("rules.yml", &rules), ("rules.test.yml", &tests)]);
    check_tests(&folder.path().join("rules.test.yml"), true);
}

#[test]
fn tests_without_an_end_are_refused_or_fail_with_their_place() {
    let rules =
        "groups: [{name: a, rules: [{alert: X, expr: 'max_over_time(max_over_time(up[1d:])[1d:]) > 0'}]}]";
    let tests = "rule_files: [rules.yml]\nevaluation_interval: 10ms\ntests:\n\
                 - input_series: [{series: up, values: '1x10'}]\n  alert_rule_test: [{eval_time: 1s, alertname: X}]\n";
    let folder = folder(&[("rules.yml", rules), ("rules.test.yml", tests)]);
    let path = folder.path().join("rules.test.yml");
    let output = gander(&["rules", "test", path.to_str().unwrap()]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the rule `X` at 0s") && text.contains("rules.yml:1:"), "{text}");
    assert!(text.contains("the limit of one evaluation") && text.contains("a coarser step"), "{text}");
}

#[test]
fn how_long_a_run_must_be_is_told_in_both_times() {
    let output = gander(&["rules", "duration", "slos/mcp-alerts.yml"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let row = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(row("MCPHighErrorRate").ends_with("5m          5m   30s   10m30s"), "{text}");
    assert!(row("MCPToolFailures").ends_with("15m30s"), "{text}");
    let output = gander(&["rules", "duration", "slos/mcp-alerts.yml", "--time-scale", "60"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("10s500ms") && text.contains("[5s]") && text.contains("for: 5s"), "{text}");
    // All that it prints is a rule file.
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let folder = folder(&[("scaled.yml", &printed)]);
    check_rules(&folder.path().join("scaled.yml"), true);
    let rules = "groups: [{name: a, rules: [{alert: X, expr: 'increase(x[5m]) > 1'}]}]";
    let folder = self::folder(&[("rules.yml", rules)]);
    let path = folder.path().join("rules.yml");
    let output = gander(&["rules", "duration", path.to_str().unwrap(), "--time-scale", "60"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("rules.yml:1:46") && output.stdout.is_empty(), "{}", said(&output));
}

#[test]
fn a_missing_file_and_wrong_flags_are_bad_input() {
    for args in [
        &["rules"][..],
        &["rules", "check"],
        &["rules", "check", "no-such-rules.yml"],
        &["rules", "test", "slos/mcp-alerts.yml"],
        &["rules", "check", "slos/mcp-alerts.test.yml"],
        &["rules", "duration", "slos/mcp-alerts.yml", "--time-scale", "0"],
        &["rules", "duration", "slos/mcp-alerts.yml", "--interval", "1.5m"],
    ] {
        let output = gander(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
    }
}
