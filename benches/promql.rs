//! What 50 alert rules cost over 10,000 series that were scraped each second for five minutes. The goal: 100 ms of one
//! core for all of them, as they are evaluated each second beside a load.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gander::model::CounterRng;
use gander::promql::{Engine, Labels, Limits, Query, SeriesId, Storage};

const SECONDS: i64 = 300;
const INSTANCES: usize = 20;
const TOOLS: usize = 10;
const BOUNDS: [&str; 12] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];

/// A series and how it moves.
struct Moving {
    id: SeriesId,
    value: f64,
    /// How often it changes: one in three does, as in what real servers say.
    chance: f64,
}

fn series(storage: &mut Storage, all: &mut Vec<Moving>, chance: f64, pairs: &[(&str, &str)]) {
    let id = storage.series(&Labels::from_pairs(pairs.iter().copied()));
    all.push(Moving { id, value: 0.0, chance });
}

/// The series of 20 servers with 10 tools each, of which three are in use.
fn storage() -> Storage {
    let mut storage = Storage::new();
    let mut all = Vec::new();
    for instance in 0..INSTANCES {
        let instance = format!("10.0.0.{instance}:9090");
        let target = [("job", "mcp"), ("instance", instance.as_str())];
        for tool in 0..TOOLS {
            let chance = if tool < 3 { 1.0 } else { 0.0 };
            let tool = format!("tool_{tool}");
            let labels = |more: &[(&'static str, &'static str)]| {
                let mut pairs = target.to_vec();
                pairs.push(("tool", tool.as_str()));
                pairs.extend_from_slice(more);
                pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
            };
            let mut add = |name: &'static str, chance: f64, more: &[(&'static str, &'static str)]| {
                let pairs = labels(&[&[("__name__", name)], more].concat());
                let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                series(&mut storage, &mut all, chance, &pairs);
            };
            for status in ["success", "error", "timeout"] {
                let chance = if status == "success" { chance } else { chance * 0.1 };
                add("mcp_requests_total", chance, &[("method", "tools/call"), ("status", status)]);
                add("mcp_tool_errors_total", chance * 0.1, &[("error_type", status)]);
            }
            for name in ["mcp_request_duration_seconds", "mcp_tool_execution_seconds"] {
                let [bucket, sum, count] = match name {
                    "mcp_request_duration_seconds" => [
                        "mcp_request_duration_seconds_bucket",
                        "mcp_request_duration_seconds_sum",
                        "mcp_request_duration_seconds_count",
                    ],
                    _ => [
                        "mcp_tool_execution_seconds_bucket",
                        "mcp_tool_execution_seconds_sum",
                        "mcp_tool_execution_seconds_count",
                    ],
                };
                for bound in BOUNDS {
                    add(bucket, chance, &[("le", bound)]);
                }
                add(sum, chance, &[]);
                add(count, chance, &[]);
            }
        }
        for number in 0..160 {
            let name = format!("process_gauge_{number}");
            let chance = if number % 3 == 0 { 0.5 } else { 0.0 };
            let pairs = [target.as_slice(), &[("__name__", name.as_str())]].concat();
            series(&mut storage, &mut all, chance, &pairs);
        }
        for name in ["up", "mcp_active_connections"] {
            let pairs = [target.as_slice(), &[("__name__", name)]].concat();
            series(&mut storage, &mut all, 0.2, &pairs);
        }
    }
    let mut rng = CounterRng::new(7, 0);
    for at in 0..SECONDS {
        for moving in &mut all {
            if moving.chance > 0.0 && rng.unit() < moving.chance {
                moving.value += 1.0 + (rng.unit() * 5.0).floor();
            }
            storage.append(moving.id, at * 1000, moving.value).expect("times go up");
        }
    }
    storage
}

/// Ten kinds of rules that the public collections are full of, over five ranges or thresholds each.
fn rules() -> Vec<Query> {
    let mut rules = Vec::new();
    for (range, limit) in [("1m", "0.1"), ("2m", "0.05"), ("3m", "0.02"), ("4m", "0.2"), ("5m", "0.01")] {
        let texts = [
            format!("rate(mcp_requests_total[{range}]) > {limit}00"),
            format!(
                "sum(rate(mcp_requests_total{{status!=\"success\"}}[{range}])) / sum(rate(mcp_requests_total[{range}])) > {limit}"
            ),
            format!(
                "sum by (tool) (rate(mcp_requests_total{{status=\"error\"}}[{range}])) / sum by (tool) (rate(mcp_requests_total[{range}])) > {limit}"
            ),
            format!(
                "histogram_quantile(0.95, sum by (le) (rate(mcp_request_duration_seconds_bucket[{range}]))) > {limit}"
            ),
            format!(
                "histogram_quantile(0.99, sum by (le, tool) (rate(mcp_tool_execution_seconds_bucket[{range}]))) > {limit}"
            ),
            format!(
                "sum by (instance) (increase(mcp_tool_errors_total[{range}])) > {limit} and on (instance) up == 1"
            ),
            format!("mcp_active_connections > {limit}00"),
            format!("avg_over_time(mcp_active_connections[{range}]) > {limit}00"),
            format!("up == 0 or absent(up{{job=\"mcp\"}}) or changes(up[{range}]) > 10{limit}"),
            format!(
                "rate(mcp_tool_execution_seconds_sum[{range}]) / rate(mcp_tool_execution_seconds_count[{range}]) > {limit}"
            ),
        ];
        rules.extend(texts.iter().map(|text| Query::parse(text).expect("the rules are well-formed")));
    }
    rules
}

fn evaluate(criterion: &mut Criterion) {
    let storage = storage();
    assert!((9_900..=10_100).contains(&storage.len()), "{} series", storage.len());
    let rules = rules();
    assert_eq!(rules.len(), 50);
    let engine = Engine::default();
    let at = (SECONDS - 1) * 1000;
    let mut group = criterion.benchmark_group("promql");
    group.sample_size(20);
    group.bench_function("50 rules over 10,000 series", |bencher| {
        bencher.iter(|| {
            for rule in &rules {
                black_box(engine.instant(rule, &storage, at).expect("the rules can be evaluated"));
            }
        });
    });
    let widest = Query::parse("sum by (instance) (rate({__name__=~\".+\"}[5m]))").expect("well-formed");
    group.bench_function("a rate of all 10,000 series", |bencher| {
        bencher.iter(|| black_box(engine.instant(&widest, &storage, at)));
    });
    group.finish();
}

/// How long it takes to come to a limit, by what is asked for most: what the costs in `promql/eval/work.rs` rest on. The steps are so few
/// that the limit is not known to be exceeded before the series are.
fn at_its_limit(criterion: &mut Criterion) {
    const LIMIT: u64 = 20_000_000;
    let storage = storage();
    let limits = Limits { max_samples: LIMIT, ..Limits::default() };
    let engine = Engine { limits, ..Engine::default() };
    let long = "([0-9a-z_]{900}|.*)";
    let mut group = criterion.benchmark_group("promql at its limit");
    group.sample_size(10);
    for (what, asked) in [
        ("runs", "sum(rate(mcp_requests_total{status=\"success\"}[5m] @ 299))".to_owned()),
        ("points", "quantile_over_time(0.5, mcp_requests_total[5m] @ 299)".to_owned()),
        ("lines", "predict_linear(mcp_requests_total[5m] @ 299, 60)".to_owned()),
        ("elements", "abs(mcp_requests_total @ 299)".to_owned()),
        ("groups", "sum by (instance, tool, status) (mcp_requests_total @ 299)".to_owned()),
        ("matches", "mcp_requests_total @ 299 > on (instance) group_left () up @ 299 * 0".to_owned()),
        ("quantiles", "histogram_quantile(0.9, mcp_request_duration_seconds_bucket @ 299)".to_owned()),
        ("labels", r#"label_replace(up @ 299, "a", "$1", "instance", "(.*)")"#.to_owned()),
        ("joins", r#"label_join(up @ 299, "a", "-", "instance", "job")"#.to_owned()),
        ("values", r#"count_values("a", mcp_requests_total @ 299)"#.to_owned()),
        ("patterns", format!(r#"label_replace(up @ 299, "a", "$1", "instance", "{long}")"#)),
        ("set operators", "mcp_requests_total @ 299 and mcp_requests_total @ 299".to_owned()),
    ] {
        let query = Query::parse(&format!("max_over_time(({asked})[1d:1s])")).expect("well-formed");
        group.bench_function(what, |bencher| {
            bencher.iter(|| engine.instant(&query, &storage, 299_000).expect_err("it comes to the limit"));
        });
    }
    group.finish();
}

fn scrape(criterion: &mut Criterion) {
    let mut storage = Storage::new();
    let ids: Vec<SeriesId> = (0..10_000)
        .map(|n: i32| storage.series(&Labels::from_pairs([("__name__", "x"), ("n", n.to_string().as_str())])))
        .collect();
    let mut at = 0_i64;
    criterion.bench_function("promql/one scrape of 10,000 series", |bencher| {
        bencher.iter(|| {
            at += 1000;
            for (number, id) in ids.iter().enumerate() {
                let value = if number % 3 == 0 { at as f64 } else { 0.0 };
                storage.append(*id, at, value).expect("times go up");
            }
            storage.drop_before(at - 300_000);
        });
    });
}

criterion_group!(benches, evaluate, at_its_limit, scrape);
criterion_main!(benches);
