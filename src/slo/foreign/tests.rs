//! Files of other tools, as what they are turned into.

use std::time::Duration;

use crate::input::{Files, Problems};
use crate::slo::{
    Aggregation, BurnSeverity, Comparison, Counted, Criteria, Holding, Indicator, Objective, QueryIndicator,
    Slices, load, load_all,
};

fn read(text: &str) -> Result<Criteria, Problems> {
    let files = Files { read: &|_| Err(std::io::ErrorKind::NotFound.into()), names: &|_| Vec::new() };
    load("a.yaml", text, files)
}

fn objectives(text: &str) -> Vec<Objective> {
    read(text).unwrap_or_else(|problems| panic!("{problems}")).objectives
}

const METRIC: &str = "metricSource: {type: Prometheus, spec: {query: ";

/// An SLO of one indicator and one objective.
fn slo(indicator: &str, method: &str, objective: &str) -> String {
    format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: o}}\nspec:\n  service: s\n  indicator: {{spec: {indicator}}}\n  \
         timeWindow: [{{duration: 4w, isRolling: true}}]\n  budgetingMethod: {method}\n  objectives: [{objective}]\n"
    )
}

fn ratio(good: &str, total: &str, more: &str) -> String {
    format!("{{ratioMetric: {{{more}good: {{{METRIC}{good:?}}}}}}}, total: {{{METRIC}{total:?}}}}}}}}}}}")
}

#[test]
fn a_ratio_of_counters_is_counted() {
    let text = slo(
        &ratio("sum(ok_total)", "sum(rate(all_total[5m]))", "counter: true, "),
        "Occurrences",
        "{target: 0.999}",
    );
    let [objective] = objectives(&text).try_into().unwrap();
    let Indicator::Events(events) = &objective.indicator else { panic!("{objective:?}") };
    assert_eq!((objective.name.as_str(), objective.origin.as_str()), ("o", "a.yaml:9"));
    assert_eq!(events.counted, Counted::Good("sum(ok_total)".to_owned()));
    assert_eq!((events.objective, events.slices), (0.999, None));
    assert_eq!(objective.budget.period, Duration::from_secs(28 * 86_400));
}

#[test]
fn a_threshold_of_a_ratio_is_told_not_to_be_used() {
    let text = slo(&ratio("ok_total", "all_total", ""), "Occurrences", "{op: lte, value: 5, target: 0.99}");
    let files = Files { read: &|_| Ok(text.clone()), names: &|_| Vec::new() };
    let (criteria, warnings) = load_all(&["a.yaml".into()], files).unwrap();
    assert_eq!(criteria.objectives.len(), 1);
    let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    let all = "SLO `o`, `spec.objectives[0].op`: it is not used: a `ratioMetric` has no threshold";
    assert!(told[0].ends_with(all), "{told:?}");
}

#[test]
fn time_slices_keep_their_length_and_target() {
    let of = |method: &str, objective: &str| {
        let text = slo(&ratio("ok_total", "all_total", ""), method, objective);
        let Indicator::Events(events) = objectives(&text).remove(0).indicator else { panic!("{text}") };
        (events.objective, events.slices)
    };
    let minute = |target| Some(Slices { length: Duration::from_secs(60), target });
    let slices = of("Timeslices", "{op: gt, targetPercent: 99.9, timeSliceTarget: 0.95, timeSliceWindow: 1}");
    assert_eq!(slices, (0.999, minute(Some(0.95))));
    assert_eq!(of("RatioTimeslices", "{target: 0.99, timeSliceWindow: 1m}"), (0.99, minute(None)));
}

fn query(text: &str) -> QueryIndicator {
    let Indicator::Promql(query) = objectives(text).remove(0).indicator else { panic!("{text}") };
    query
}

#[test]
fn values_with_a_limit_hold_in_a_share_of_the_scrapes() {
    let metric = format!("{{thresholdMetric: {{{METRIC}depth}}}}}}}}");
    let depth = query(&slo(&metric, "Occurrences", "{op: lt, value: 5, target: 0.9}"));
    assert_eq!((depth.limit.is, depth.limit.value), (Comparison::Below, 5.0));
    assert_eq!(depth.holding, Holding::Share { share: 0.9, slices: None });
}

#[test]
fn ratios_of_gauges_and_ratios_that_are_there_are_asked_for() {
    let text = slo(&ratio("busy", "there", "counter: false, "), "Occurrences", "{target: 0.9}");
    let gauges = query(&text);
    assert_eq!(
        gauges.query,
        "sum(sum_over_time((busy)[{{.window}}:])) / sum(sum_over_time((there)[{{.window}}:]))"
    );
    assert_eq!(
        (gauges.holding, gauges.limit.is, gauges.limit.value),
        (Holding::AtEnd, Comparison::AtLeast, 0.9)
    );
    let raw = format!("{{ratioMetric: {{rawType: failure, raw: {{{METRIC}errors}}}}}}}}}}");
    let raw = query(&slo(&raw, "Occurrences", "{target: 0.9}"));
    assert_eq!((raw.holding, raw.limit.is), (Holding::OverRun(Aggregation::Avg), Comparison::AtMost));
    assert!((raw.limit.value - 0.1).abs() < 1e-12);
}

#[test]
fn documents_name_each_other_whatever_their_order() {
    let sli = "apiVersion: openslo/v1\nkind: SLI\nmetadata: {name: i}\nspec: {ratioMetric: {bad: {metricSource: \
               {metricSourceRef: p, spec: {promql: bad}}}, total: {metricSource: {metricSourceRef: p, spec: {query: all}}}}}\n";
    let source = "apiVersion: openslo/v1\nkind: DataSource\nmetadata: {name: p}\nspec: {type: Prometheus, connectionDetails: {}}\n";
    let slo = "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: two}\nspec: {indicatorRef: i, budgetingMethod: Occurrences, \
               objectives: [{displayName: near, target: 0.9}, {target: 0.8}]}\n";
    let names: Vec<String> =
        objectives(&format!("{slo}---\n{sli}---\n---\n{source}")).into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["two near", "two 2"]);
    // Of a source of another kind nothing can be read.
    let told = read(&format!("{slo}---\n{sli}---\n{}", source.replace("Prometheus", "Datadog"))).unwrap_err();
    assert!(told.to_string().contains("SLI `i`"), "{told}");
}

const SLOTH: &str = "version: prometheus/v1\nservice: shop\nslos:\n";

#[test]
fn sloth_counts_where_its_queries_do() {
    let events = "  - {name: a, objective: 99.9, sli: {events: {error_query: 'sum(rate(e[{{.window}}]))', total_query: \
                  'sum(rate(c[{{ .window }}]))'}}, alerting: {name: x}}\n";
    let raw = "  - {name: b, objective: 95, sli: {raw: {error_ratio_query: '1 - avg_over_time(r[{{.window}}])'}}}\n";
    let sums = "  - {name: c, objective: 90, sli: {events: {error_query: 'sum_over_time(count(r < 1)[{{.window}}:]) or on() \
                vector(0)', total_query: 'sum_over_time(count(r)[{{.window}}:])'}}}\n";
    let all = objectives(&format!("{SLOTH}{events}{raw}{sums}"));
    let names: Vec<&str> = all.iter().map(|objective| objective.name.as_str()).collect();
    assert_eq!(names, ["shop-a", "shop-b", "shop-c"]);
    let Indicator::Events(events) = &all[0].indicator else { panic!("{all:?}") };
    assert_eq!(events.objective.to_string(), "0.999");
    let asked = |place: usize| {
        let Indicator::Promql(query) = &all[place].indicator else { panic!("{all:?}") };
        (query.query.as_str(), query.holding, query.limit.value)
    };
    assert_eq!(asked(1), ("1 - avg_over_time(r[{{.window}}])", Holding::AtEnd, 0.05));
    assert!(
        asked(2)
            .0
            .starts_with("(sum_over_time(count(r < 1)[{{.window}}:]) or on() vector(0)) / (sum_over_time")
    );
}

#[test]
fn what_sloth_switches_off_is_not_told_of() {
    let slo = "  - {name: a, objective: 99, sli: {raw: {error_ratio_query: 'r[{{.window}}]'}}, alerting: {name: x, page_alert: \
               {disable: true}, ticket_alert: {disable: false, labels: {severity: warning}}}}\n";
    let [objective] = objectives(&format!("{SLOTH}{slo}")).try_into().unwrap();
    assert_eq!(objective.budget.without, [BurnSeverity::Page]);
}

#[test]
fn one_document_that_can_not_be_mapped_names_itself_and_the_others_are_checked() {
    let bad = slo(&ratio("ok_total", "all_total", ""), "Occurrences", "{target: 2}");
    let worse = slo(&ratio("sum(ok", "all_total", ""), "Often", "{}").replace("name: o", "name: p");
    let told = read(&format!("{bad}---\n{worse}")).unwrap_err().to_string();
    for words in [
        "a.yaml:9:25: SLO `o`, `spec.objectives[0].target`: the number is out of range",
        "SLO `p`, `spec.indicator.spec.ratioMetric.good.metricSource.spec.query`: ",
        "SLO `p`, `spec.budgetingMethod`: unknown value `Often`",
        "SLO `p`, `spec.objectives[0]`: an objective is incomplete",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
