//! Dashboards over made series: which panels have data, and why others have none.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::panels::checked_within;
use super::{DashboardChecks, Shown, checked};
use crate::input::{Files, Problems, Source, parse};
use crate::model::Verdict;
use crate::promql::{Labels, Limits, METRIC_NAME, Storage};
use crate::verify::Checked;

type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A minute of scrapes, 5 s apart, of a target with two tools.
fn shown() -> Shown {
    let mut storage = Storage::new();
    let series: [(&str, Pairs<'_>, f64); 6] = [
        ("calls_total", &[("tool", "a"), ("instance", "one:1")], 5.0),
        ("calls_total", &[("tool", "b.c"), ("instance", "one:1")], 3.0),
        ("idle_total", &[], 0.0),
        ("seconds_count", &[], 1.0),
        ("seconds_sum", &[], 0.5),
        ("open", &[("kind", "x")], 0.0),
    ];
    let times_ms: Vec<i64> = (0..=12).map(|scrape| 1_000_000 + scrape * 5_000).collect();
    for (name, labels, growth) in series {
        let labels = labels.iter().copied().chain([(METRIC_NAME, name)]);
        let id = storage.series(&Labels::from_pairs(labels));
        let mut value = 0.0;
        for at_ms in &times_ms {
            storage.append(id, *at_ms, value).unwrap();
            value += growth;
        }
    }
    let interval = Duration::from_secs(5);
    Shown { storage, from_ms: times_ms[0], times_ms, interval, gap: None, by_name: false }
}

fn read(dashboard: &str, terms: &str) -> Result<DashboardChecks, Problems> {
    let read = |path: &Path| match path.to_str() {
        Some("d.json") => Ok(dashboard.to_owned()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let files = Files { read: &read, names: &|_| Vec::new() };
    let source = Source::new("slo.yaml", format!("dashboards: {{files: [d.json]{terms}}}\n"));
    let mut problems = Problems::new();
    let root = parse(&source, &mut problems).unwrap();
    let mut fields = crate::input::Fields::of(&root, "checks", &mut problems).unwrap();
    let field = fields.optional("dashboards").unwrap();
    let checks = super::read(field, &source, files, &mut problems);
    if problems.is_empty() { Ok(checks.unwrap()) } else { Err(problems) }
}

fn one(dashboard: &str, terms: &str, shown: &Shown) -> Checked {
    let checks = read(dashboard, terms).unwrap_or_else(|problems| panic!("{problems}"));
    // What is recorded is judged again.
    let text = serde_json::to_string(&checks).unwrap();
    let again: DashboardChecks = serde_json::from_str(&text).unwrap();
    assert_eq!(again, checks);
    checked(&again, Some(shown)).pop().unwrap()
}

/// A dashboard with one panel for each query.
fn panels(variables: &str, queries: &[&str]) -> String {
    let panel = |(place, query): (usize, &&str)| {
        format!(
            "{{\"title\": \"P{place}\", \"targets\": [{{\"refId\": \"A\", \"expr\": {}}}]}}",
            serde_json::json!(query)
        )
    };
    let panels: Vec<String> = queries.iter().enumerate().map(panel).collect();
    format!(
        "{{\"title\": \"T\", \"templating\": {{\"list\": [{variables}]}}, \"panels\": [{}]}}",
        panels.join(",")
    )
}

#[track_caller]
fn check(variables: &str, query: &str, verdict: Verdict, words: &str) {
    let found = one(&panels(variables, &[query]), "", &shown());
    assert_eq!(found.verdict, verdict, "{query}: {}", found.because);
    let told = found.evidence.rows[0].join(" | ");
    assert!(told.contains(words), "{query}: {told}");
}

#[test]
fn panels_with_data_are_alive() {
    let pass = |query: &str, words: &str| check("", query, Verdict::Pass, words);
    pass("sum(rate(calls_total[$__rate_interval]))", "[20s]))");
    pass("calls_total", "data: 2 series");
    pass("rate(calls_total[5m])", "data: 2 series");
    pass("increase(calls_total[$__range]) / $__range_s", "[60s]) / 60");
    pass("calls_total[${__interval}]", "[5s]");
    pass("open", "data: 1 series");
    pass("nothing or calls_total", "data: 2 series");
    pass("1", "data");
    pass("timestamp(calls_total) > $__from / 1000", "> 1000000 / 1000");
}

#[test]
fn panels_without_data_are_dead_for_a_reason() {
    let fail = |query: &str, words: &str| check("", query, Verdict::Fail, words);
    fail("sum(rate(cals_total[1m]))", "there is no metric `cals_total` (did you mean `calls_total`?)");
    fail("calls_total{tool=\"c\"}", "no series of calls_total has tool=\"c\" (there: `a`, `b.c`)");
    fail("calls_total{tol=\"a\"}", "no series of calls_total has tol=\"a\" (there: they have no such label)");
    fail("calls_total{tool=\"a\", instance!=\"one:1\"}", "no series has all of");
    fail("histogram_quantile(0.9, rate(seconds_bucket[1m]))", "`seconds` has no buckets: it is a summary");
    fail("rate(calls_total[5s])", "a range of 5.00 s holds less than two scrapes, which are 5.00 s apart");
    fail("rate(idle_total[1m]) / rate(idle_total[1m])", "gives nothing but NaN: nothing was counted");
    fail("open > 0", "`open > 0` held for no value in the run");
    fail("calls_total / open", "have no labels in common by which `/` could match them");
    fail("calls_total unless calls_total", "all that is on the left is on the right");
    fail("sum(calls_total) + sum(nothing)", "there is no metric `nothing`");
    fail("nothing or neither", "there is no metric `nothing`");
    fail("absent(calls_total)", "gives nothing, though its series are there");
}

#[test]
fn what_a_longer_run_might_show_is_not_known() {
    let unknown = |query: &str, words: &str| check("", query, Verdict::Inconclusive, words);
    unknown(
        "calls_total offset 10m",
        "is looked at 10m 00s before, and the run knows 60.0 s: it is too short by 540 s",
    );
    unknown("rate(calls_total[5m] offset 1h)", "too short by 3840 s");
    let mut few = shown();
    few.times_ms.truncate(1);
    let found = one(&panels("", &["nothing"]), "", &few);
    assert_eq!(found.verdict, Verdict::Inconclusive, "{}", found.because);
    assert!(found.because.contains("1 scrape in the steady phase, 2 are needed"), "{}", found.because);
    let gap = Shown { gap: Some("refused".to_owned()), ..shown() };
    assert_eq!(one(&panels("", &["calls_total"]), "", &gap).verdict, Verdict::Inconclusive);
    // A name that was not asked for may well be there.
    let by_name = Shown { by_name: true, ..shown() };
    let name = r#"{"name": "m", "type": "query", "query": "label_values(calls_total, tool)"}"#;
    let found = one(&panels(name, &["calls_$m"]), "", &by_name);
    assert!(found.because.contains("was not asked for calls_a"), "{}", found.because);
}

#[test]
fn queries_may_cost_so_much_together() {
    let checks =
        read(&panels("", &["calls_total", "count_over_time(calls_total[50s:1s])", "calls_total"]), "")
            .unwrap();
    let verdicts = |max_samples, max_samples_together| {
        let limits = Limits { max_samples, max_samples_together, ..Limits::default() };
        let found = checked_within(&checks, Some(&shown()), limits).pop().unwrap();
        let rows = found.evidence.rows.iter().map(|row| row[2].starts_with("data")).collect::<Vec<_>>();
        (found.verdict, rows)
    };
    assert_eq!(verdicts(1_000_000, 1_000_000).0, Verdict::Pass);
    // What costs too much by itself leaves the others what they need; what is not good comes first.
    assert_eq!(verdicts(300, 1_000_000), (Verdict::Inconclusive, vec![false, true, true]));
    assert_eq!(verdicts(300, 300), (Verdict::Inconclusive, vec![false, false, true]));
    let refused = read(&panels("", &["count_over_time(calls_total[10000d:1ms])"]), "").unwrap_err();
    assert!(refused.to_string().contains("cost more than looking at"), "{refused}");
}

#[test]
fn variables_are_settled_by_the_series() {
    let tool = r#"{"name": "tool", "type": "query", "query": "label_values(calls_total, tool)""#;
    let pass = |variable: &str, query: &str, words: &str| {
        check(&format!("{tool}{variable}}}"), query, Verdict::Pass, words);
    };
    pass("", "calls_total{tool=\"$tool\"}", "tool=\"a\"");
    pass(r#", "current": {"value": "b.c"}"#, "calls_total{tool=\"$tool\"}", "tool=\"b.c\"");
    pass(r#", "current": {"value": "gone"}"#, "calls_total{tool=\"$tool\"}", "tool=\"a\"");
    let many = r#", "multi": true, "includeAll": true"#;
    pass(many, "calls_total{tool=~\"$tool\"}", "tool=~\"(a|b\\\\.c)\"");
    pass(&format!(r#"{many}, "allValue": ".+""#), "calls_total{tool=~\"$tool\"}", "tool=~\".+\"");
    pass(
        &format!(r#"{many}, "current": {{"value": ["b.c", "gone"]}}"#),
        "calls_total{tool=~\"$tool\"}",
        "tool=~\"b\\\\.c\"",
    );
    let zone = r#"{"name": "zone", "type": "query", "query": "label_values(calls_total{tool=\"a\"}, zone)"}"#;
    check(zone, "calls_total{zone=\"$zone\"}", Verdict::Pass, "zone=\"\"");
    check(
        zone,
        "calls_total{zone=~\"$zone.+\"}",
        Verdict::Fail,
        "`zone` has no values: no series of calls_total{tool=\"a\"} has the label `zone`",
    );
    let chained = format!(
        r#"{tool}}}, {{"name": "i", "type": "query", "query": "label_values(calls_total{{tool=\"$tool\"}}, instance)"}}"#
    );
    check(&chained, "calls_total{instance=\"$i\"}", Verdict::Pass, "instance=\"one:1\"");
    let circle = r#"{"name": "a", "type": "query", "query": "label_values(up{x=\"$b\"}, y)"}, {"name": "b", "type": "query", "query": "label_values(up{x=\"$a\"}, y)"}"#;
    check(circle, "calls_total{tool!=\"$a\"}", Verdict::Pass, "data");
    let auto =
        r#"{"name": "w", "type": "interval", "query": "1m,1h", "current": {"value": "$__auto_interval_w"}}"#;
    check(auto, "calls_total[$w]", Verdict::Pass, "[5s]");
    let found = one(
        &panels(&format!("{tool}}}"), &["calls_total{tool=~\"$tool\"}"]),
        ", variables: {tool: \"b.*\"}",
        &shown(),
    );
    assert!(found.evidence.rows[0][1].contains("tool=~\"b.*\""), "{:?}", found.evidence);
}

#[test]
fn a_repeated_panel_is_one_for_each_value() {
    let tool = r#"{"name": "tool", "type": "query", "query": "label_values(calls_total, tool)", "multi": true, "includeAll": true}"#;
    let text = panels(tool, &["calls_total{tool=~\"$tool\", instance=\"$x\"}"]).replace("$x", "one:1");
    let text = text.replace("\"title\": \"P0\"", "\"title\": \"Of $tool\", \"repeat\": \"tool\"");
    let found = one(&text, "", &shown());
    assert_eq!((found.verdict, found.samples), (Verdict::Pass, 2), "{}", found.because);
    let titles: Vec<&str> = found.evidence.rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(titles.len(), 2);
    assert!(titles[0].ends_with("(tool = a)") && titles[1].ends_with("(tool = b.c)"), "{titles:?}");
    let dead = text.replace("one:1", "two:1");
    assert_eq!(one(&dead, "", &shown()).bad, 2);
}

#[test]
fn one_query_with_data_keeps_a_panel_alive_and_the_others_are_told() {
    let text = panels("", &["calls_total", "nothing", "open"]);
    let text = text.replace(
        "\"expr\": \"calls_total\"}",
        "\"expr\": \"calls_total\"}, {\"refId\": \"B\", \"expr\": \"none\"}",
    );
    let found = one(&text, "", &shown());
    assert_eq!((found.verdict, found.samples, found.bad), (Verdict::Fail, 3, 1));
    assert_eq!(found.value, "2 of 3 panels with data");
    assert!(found.because.contains("panel `P1`: no data: there is no metric `nothing`"), "{}", found.because);
    assert_eq!(found.evidence.rows[0][2], "no data: there is no metric `none`");
    let found = one(&text, ", except_panels: [P1]", &shown());
    assert_eq!(found.verdict, Verdict::Pass, "{}", found.because);
    assert!(
        found.because.contains("1 panel left out") && found.because.contains("1 query"),
        "{}",
        found.because
    );
}

#[test]
fn a_library_panel_is_not_known() {
    let text = r#"{"title": "T", "panels": [{"title": "L", "libraryPanel": {"uid": "u", "name": "n"}}]}"#;
    let found = one(text, "", &shown());
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert!(found.because.contains("panel `L`: a library panel"), "{}", found.because);
}

#[test]
fn variables_that_all_speak_of_each_other_come_to_an_end() {
    let others = (0..40).map(|other| format!(" or up{{x=\\\"$v{other}\\\"}}")).collect::<Vec<_>>().concat();
    let variable = |place: u32| {
        format!(r#"{{"name": "v{place}", "type": "query", "query": "label_values(up{others}, y)"}}"#)
    };
    let variables: Vec<String> = (0..40).map(variable).collect();
    check(&variables.join(","), "calls_total{tool!=\"$v39\"}", Verdict::Pass, "data");
}

#[test]
fn a_large_dashboard_is_read() {
    let queries = vec!["sum(rate(calls_total{tool=~\"a|b.*\"}[$__rate_interval])) by (tool)"; 8_000];
    let text = panels("", &queries);
    assert!(text.len() > 1 << 19);
    let found = one(&text, "", &shown());
    assert_eq!((found.verdict, found.samples), (Verdict::Pass, 8_000));
}
