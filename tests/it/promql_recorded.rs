//! The PromQL engine against a real Prometheus over what a run recorded: series as a target had them, times as scrapes had them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gander::model::{CounterRng, Labels};
use gander::promql::{Engine, Storage};
use gander::record;
use gander::rules;
use gander::slo::Recorded;

use crate::promql_oracle::{ask_ours, difference, prometheus};
use crate::support::{beside_others, root, scenario, start_run};

const QUERIES: u64 = 200;
/// Ranges that queries have, in milliseconds. The guide's rules have the last one.
const RANGES_MS: [i64; 4] = [2_000, 5_000, 9_000, 300_000];

/// Fifteen seconds of load on a demo target of which a part of the calls fails.
fn recorded_run() -> (Storage, i64) {
    let (_folder, file) = scenario(
        "version: 1\nname: recorded\ntarget: {demo: {path: /mcp, arguments: [--tool-error-share, '0.2']}}\n\
         load: {rate: 80/s, duration: 15s, warm_up: 1s, max_users: 50}\n\
         transactions: [{name: t, call_tool: {tool: echo, arguments: {text: x}}}, {name: l, list_tools: {}}]\n\
         observe: {metrics: {url: /metrics, interval: 300ms}}\n",
    );
    let _beside_others = beside_others();
    let done = start_run(&file, &[]).finish();
    let log = record::read(&done.run_folder()).unwrap();
    let recorded = Recorded {
        series: &log.series,
        events: &log.events,
        fetched: None,
        zero_ms: log.manifest.started_ms(),
    };
    let labels: Labels = [("job", "mcp"), ("instance", "demo:1")].into_iter().collect();
    (recorded.storage(&labels), recorded.zero_ms)
}

/// All samples as OpenMetrics with their times, and those times.
fn exported(storage: &Storage) -> (String, BTreeSet<i64>) {
    let (mut text, mut times) = (String::new(), BTreeSet::new());
    for id in storage.select(&[]) {
        let labels = storage.labels(id).to_string().replace(", ", ",");
        for (at_ms, value) in storage.samples(id) {
            times.insert(at_ms);
            writeln!(text, "{labels} {value} {}.{:03}", at_ms / 1000, at_ms % 1000).unwrap();
        }
    }
    (text, times)
}

/// Draws queries on the series that there are.
struct Draws {
    rng: CounterRng,
    names: Vec<String>,
    labels: Vec<String>,
}

impl Draws {
    fn of(storage: &Storage) -> Self {
        let (mut names, mut labels) = (BTreeSet::new(), BTreeSet::new());
        for id in storage.select(&[]) {
            let series = storage.labels(id);
            names.insert(series.name().to_owned());
            labels.extend(series.iter().map(|(name, _)| name.to_owned()));
        }
        labels.remove("__name__");
        let rng = CounterRng::new(44, 0);
        Self { rng, names: names.into_iter().collect(), labels: labels.into_iter().collect() }
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.rng.below(count as u64)).unwrap()
    }

    fn query(&mut self) -> String {
        let at = self.below(self.names.len());
        let name = self.names[at].clone();
        let at = self.below(self.labels.len());
        let label = self.labels[at].clone();
        let range = ["2s", "5s", "9s"][self.below(3)];
        let offset = ["", "", " offset 3s"][self.below(3)];
        let is_counter = name.ends_with("_total") || name.ends_with("_bucket") || name.ends_with("_count");
        let function = if is_counter {
            ["rate", "increase", "irate", "changes", "resets"][self.below(5)]
        } else {
            ["avg_over_time", "max_over_time", "delta", "deriv", "last_over_time"][self.below(5)]
        };
        let inner = format!("{function}({name}[{range}]{offset})");
        match self.below(5) {
            0 => inner,
            1 => format!("sum by ({label}) ({inner})"),
            2 => format!("max without ({label}) ({inner}) > 0"),
            3 => format!("{inner} / on (instance) group_left sum by (instance) ({inner})"),
            _ => format!(
                "histogram_quantile(0.9, sum by (le) (rate(mcp_request_duration_seconds_bucket[{range}])))"
            ),
        }
    }
}

/// The guide's rules as they are, and what they compare.
fn rules_of_the_guide() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("slos/mcp-alerts.yml")).unwrap();
    let (groups, _) = rules::load("mcp-alerts.yml", &text).unwrap();
    let rules = groups.iter().flat_map(|group| &group.rules);
    let both = rules.flat_map(|rule| {
        let expr = rule.query.text().to_owned();
        let compared = expr.rsplit_once('>').unwrap().0.to_owned();
        [expr, compared]
    });
    both.collect()
}

#[test]
fn queries_on_a_recorded_run_are_answered_as_prometheus_does() {
    let (storage, zero_ms) = recorded_run();
    let (text, times) = exported(&storage);
    let Some(prometheus) = prometheus(&text) else { return };
    let mut draws = Draws::of(&storage);
    let guide = rules_of_the_guide();
    assert_eq!(guide.len(), 10);
    let made: Vec<String> = (0..QUERIES).map(|_| draws.query()).collect();
    let (mut differences, mut elements, mut of_guide) = (Vec::new(), 0, 0);
    for (number, query) in guide.iter().cycle().take(50).chain(&made).enumerate() {
        let mut at_ms = zero_ms + 10_000 + i64::try_from(number * 71 % 4500).unwrap();
        // Prometheus 2.42 takes in a sample at the older end of a range, or of the lookback: there is to be none.
        let is_edge = |at_ms: i64| {
            RANGES_MS
                .iter()
                .any(|range| [0, 3_000].iter().any(|offset| times.contains(&(at_ms - range - offset))))
        };
        while is_edge(at_ms) {
            at_ms += 1;
        }
        let (theirs, ours) =
            (prometheus.ask(query, at_ms), ask_ours(&Engine::default(), &storage, query, at_ms));
        let found = theirs.as_ref().map_or(0, std::collections::BTreeMap::len);
        elements += found;
        of_guide += if number < 50 { found } else { 0 };
        if let Some(difference) = difference(&theirs, &ours) {
            differences.push(format!("{query}\n  at {at_ms}: {difference}"));
        }
    }
    assert!(differences.is_empty(), "{} queries differ:\n{}", differences.len(), differences.join("\n"));
    println!("{elements} elements agree, {of_guide} of them of the guide's rules");
    // Four of the five rules have data, and one fires.
    assert!(of_guide >= 25, "{of_guide}");
    assert!(elements > 300, "{elements}");
}
