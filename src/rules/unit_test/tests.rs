//! Tests of rules that ask for more than can be waited for: each ends, and says where and why.

use std::fmt::Write as _;
use std::path::Path;

use super::run::run_within;
use super::{TestFailure, TestOutcome, load_tests};
use crate::input::Files;
use crate::promql::Engine;

/// What comes of `tests` of the rules `rules`, which may cost so much.
#[track_caller]
fn run(rules: &str, tests: &str, limit: u64) -> Vec<TestOutcome> {
    let tests = format!("rule_files: [rules.yml]\n{tests}");
    let read = |path: &Path| Ok(if path.ends_with("rules.yml") { rules.to_owned() } else { tests.clone() });
    let files = Files { read: &read, names: &|_| Vec::new() };
    let (file, _) =
        load_tests(Path::new("t.test.yml"), files).unwrap_or_else(|problems| panic!("{problems}"));
    run_within(&file, &Engine::default(), limit)
}

fn series(name: &str, count: usize, values: &str) -> String {
    let mut text = "  input_series:\n".to_owned();
    for i in 0..count {
        writeln!(text, "  - {{series: '{name}{{i=\"{i}\"}}', values: '{values}'}}").unwrap();
    }
    text
}

/// The one failure of the only test, with its place and its lines.
#[track_caller]
fn only(outcomes: &[TestOutcome]) -> (&str, String, String) {
    let [TestOutcome { failures, .. }] = outcomes else { panic!("{outcomes:?}") };
    let [TestFailure { what, place, lines }] = failures.as_slice() else { panic!("{failures:?}") };
    (what, place.as_ref().map(|place| format!("{place:?}")).unwrap_or_default(), lines.join("\n"))
}

/// The annotation `text` of an alert over 100 series, expanded for each at each evaluation, ends at its place.
#[track_caller]
fn check_template(text: &str) {
    let rules = format!(
        "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: b > 0\n    annotations:\n      text: '{text}'\n"
    );
    let series = series("b", 100, "1x100");
    let tests =
        format!("tests:\n- {}  alert_rule_test: [{{eval_time: 90m, alertname: X}}]\n", series.trim_start());
    let outcomes = run(&rules, &tests, 50_000_000);
    let (what, place, lines) = only(&outcomes);
    assert!(what.starts_with("the rule `X` at "), "{what}");
    assert_eq!(place, "rules.yml:7:13");
    assert!(lines.contains("more than 50000000 samples, the limit of all tests of this file"), "{lines}");
    assert!(lines.contains("select fewer series") && lines.contains("split the file"), "{lines}");
    assert!(lines.contains("of the rules and queries: the rule `X` (rules.yml:5:11) 100 %"), "{lines}");
}

#[test]
fn templates_that_go_on_and_on_end() {
    let nested = |inside: &str| {
        let open = "{{ range query \"b\" }}".repeat(3);
        format!("{open}{inside}{}", "{{ end }}".repeat(3))
    };
    check_template(&nested("{{ .Value }}"));
    check_template(&nested(""));
    check_template(&nested("{{ match \"(a|[a-x]{100}y)*z\" \"xxxxxxxxxxxx\" }}"));
    check_template("{{ range 10000000000 }}{{ end }}");
    let doubling = (0..60).map(|i| {
        format!(
            "{{{{ define \"t{i}\" }}}}{}{{{{ end }}}}",
            format!("{{{{ template \"t{}\" }}}}", i + 1).repeat(2)
        )
    });
    check_template(&format!(
        "{{{{ template \"t0\" }}}}{{{{ define \"t60\" }}}}{{{{ end }}}}{}",
        doubling.collect::<String>()
    ));
}

#[test]
fn rules_that_read_each_other_over_many_series_end() {
    let mut rules = "groups:\n- name: a\n  rules:\n  - {record: r0, expr: x * 2}\n".to_owned();
    for i in 1..10 {
        writeln!(rules, "  - {{record: r{i}, expr: 'r{} * 2'}}", i - 1).unwrap();
    }
    let tests = format!(
        "evaluation_interval: 1s\ntests:\n- name: chain\n{}  promql_expr_test: [{{expr: count(r9), eval_time: 96m}}]\n",
        series("x", 4_900, "1+1x96")
    );
    let outcomes = run(&rules, &tests, 200_000_000);
    let (what, place, lines) = only(&outcomes);
    assert!(what.starts_with("the rule `r"), "{what}");
    assert!(place.starts_with("rules.yml:") && lines.contains(") 1"), "{place} {lines}");
    assert!(lines.contains("of the tests: `chain` 100 %"), "{lines}");
    assert!(lines.contains("7 more ") && lines.contains("a longer `evaluation_interval`"), "{lines}");
}

const COSTLY: &str = "count(count_over_time(label_replace(x, \"n\", \"$1\", \"i\", \"(.*)\")[16h:10m]))";

#[test]
fn tests_that_cost_too_much_together_end() {
    let mut tests = "tests:\n".to_owned();
    for i in 0..20 {
        write!(tests, "- name: t{i}\n{}", series("x", 10, "1x960")).unwrap();
        let query = format!("{{expr: '{COSTLY}', eval_time: 16h, exp_samples: [{{value: 10}}]}}");
        writeln!(tests, "  promql_expr_test: [{}]", vec![query; 10].join(", ")).unwrap();
    }
    let outcomes = run("groups: []\n", &tests, 30_000_000);
    let good = outcomes.iter().take_while(|outcome| outcome.failures.is_empty()).count();
    assert!((2..10).contains(&good), "{good} of {outcomes:?}");
    let (what, place, lines) = only(&outcomes[good..=good]);
    assert!(what.contains(COSTLY) && place.starts_with("t.test.yml:"), "{what} {place}");
    assert!(lines.contains("of the tests: `t") && lines.contains("the query at t.test.yml:"), "{lines}");
    for outcome in &outcomes[good + 1..] {
        let (what, _, lines) = only(std::slice::from_ref(outcome));
        assert_eq!(what, "not carried out");
        assert_eq!(lines, format!("the limit of all tests of a file was reached in `t{good}`"));
    }
}

#[test]
fn queries_that_cost_too_much_together_end() {
    let mut tests = format!("tests:\n- {}  promql_expr_test:\n", series("x", 100, "1+1x960").trim_start());
    for i in 0..3_000 {
        writeln!(
            tests,
            "  - {{expr: 'count(rate(x[16h])) + {i}', eval_time: 16h, exp_samples: [{{value: {}}}]}}",
            100 + i
        )
        .unwrap();
    }
    let outcomes = run("groups: []\n", &tests, 40_000_000);
    let (what, place, lines) = only(&outcomes);
    assert!(what.starts_with("the query `count(rate(x[16h])) + "), "{what}");
    assert!(place.starts_with("t.test.yml:") && lines.contains(" more 9"), "{place} {lines}");
}

#[test]
fn values_inside_each_other_are_refused_at_their_template() {
    for (text, why) in [
        (
            "{{ $x := 1 }}{{ range 100000 }}{{ $x = args $x }}{{ end }}",
            "more than 50 values inside each other",
        ),
        ("{{ $x := 1 }}{{ range 60 }}{{ $x = args $x $x }}{{ end }}", "a text of more than 1048576 bytes"),
        (
            "{{ range 100000 }}0123456789abcdefghijklmnopqrstuvwxyz{{ end }}",
            "a text of more than 1048576 bytes",
        ),
        ("{{ query \"b\" | first | humanize }}", "can't convert"),
    ] {
        let rules =
            format!("groups: [{{name: a, rules: [{{alert: X, expr: b, annotations: {{t: '{text}'}}}}]}}]");
        let tests = "tests:\n- input_series: [{series: b, values: '1'}]\n  alert_rule_test: [{eval_time: 0s, alertname: X}]\n";
        let outcomes = run(&rules, tests, 1_000_000_000);
        let (what, place, lines) = only(&outcomes);
        assert_eq!((what, place.as_str()), ("the alert `X` at 0s", "t.test.yml:4:21"));
        let told = lines.lines().find(|line| line.starts_with("! the template at rules.yml:1:"));
        assert!(told.is_some_and(|line| line.contains("fails: `t`: ") && line.contains(why)), "{lines}");
        assert!(lines.contains("! correct it there"), "{lines}");
    }
}

#[test]
fn a_label_that_cannot_be_made_is_told_at_its_expression() {
    let long = format!("label_join(b, \"n\", \"\", {})", ["\"i\""; 10].join(", "));
    let tests = |expr: &str| {
        format!(
            "tests:\n- input_series: [{{series: 'b{{i=\"{}\"}}', values: '1'}}]\n  \
             promql_expr_test: [{{expr: '{expr}', eval_time: 0s}}]\n",
            "x".repeat(7_000)
        )
    };
    let rules =
        format!("groups:\n- name: a\n  rules:\n  - record: X\n    expr: |\n      1 +\n        {long}\n");
    let outcomes = run(&rules, &tests("1"), u64::MAX);
    let (what, place, lines) = only(&outcomes);
    assert_eq!((what, place.as_str()), ("the rule `X` at 0s", "rules.yml:7:9"));
    assert!(
        lines.contains("bytes would be made, and 65536 is the limit: ") && lines.contains("shorter"),
        "{lines}"
    );
    let outcomes = run("groups: []", &tests(&format!("1 + {long}")), u64::MAX);
    let (what, place, _) = only(&outcomes[..1]);
    assert!(what.starts_with("the query `1 + label_join"), "{what}");
    assert_eq!(place, "t.test.yml:4:34");
}
