//! Targets that tell the truth, and targets that don't, over made books and scrapes.

use std::time::Duration;

use crate::input::{Fields, Files, Problems, Source, parse};
use crate::metrics::{Aggregates, BadMoments, Cell, Format, Phase, ScrapeEncoder, Second, SeriesStore};
use crate::model::{EarlyCall, Era, Event, LatencyHistogram, Outcome, Stamped, TargetInfo, Verdict};
use crate::plan::{Plan, StepId};
use crate::verify::tests::plan;
use crate::verify::{Checked, Checks, Seen, TruthCheck, checked};

const SCENARIO: &str = "version: 1
name: made
target: http://127.0.0.1:1/mcp
load: {users: 1, duration: 10s}
transactions:
  - {name: list tools, list_tools: {}}
  - {name: search, call_tool: {tool: search}}
  - {name: no such tool, call_tool: {tool: nothing}}
  - {name: health, get: /health}
";

/// A run: what was sent, and what the target said before and after.
pub(in crate::verify) struct Made {
    plan: Plan,
    cells: Vec<Cell>,
    early: Vec<EarlyCall>,
    rounds: u64,
    scrapes: Vec<Option<String>>,
    checks: &'static str,
    limits: Vec<(String, f64)>,
    /// What else happened.
    events: Vec<Stamped<Event>>,
}

pub(in crate::verify) fn checks(text: &str) -> Checks {
    let mut problems = Problems::new();
    let source = Source::new("slo.yaml", format!("checks: {text}\n"));
    let root = parse(&source, &mut problems).unwrap();
    let mut fields = Fields::of(&root, "a file", &mut problems).unwrap();
    let files = Files { read: &|_| Err(std::io::ErrorKind::NotFound.into()), names: &|_| Vec::new() };
    let read = crate::verify::read(fields.optional("checks").unwrap(), &source, files, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    read.unwrap().checks
}

impl Made {
    pub(in crate::verify) fn new() -> Self {
        let plan = plan(SCENARIO);
        Self {
            plan,
            cells: Vec::new(),
            early: Vec::new(),
            rounds: 0,
            scrapes: Vec::new(),
            checks: "{truth: {names: guide}}",
            limits: Vec::new(),
            events: Vec::new(),
        }
    }

    fn step(&self, name: &str) -> StepId {
        self.plan.steps.iter().find(|step| step.name == name).unwrap().id
    }

    /// So many calls, each as long.
    pub(in crate::verify) fn calls(mut self, step: &str, outcome: Outcome, count: u64, ms: u64) -> Self {
        let mut service = LatencyHistogram::new();
        service.record_n(Duration::from_millis(ms), count);
        let step = self.step(step);
        let bad_at = BadMoments::default();
        self.cells.push(Cell {
            step,
            phase: Phase::Steady,
            outcome,
            count,
            over: Vec::new(),
            service,
            response: None,
            lag: None,
            bad_at,
        });
        self
    }

    fn early(mut self, step: &str, outcome: Outcome) -> Self {
        self.early.push(EarlyCall { step: self.step(step).0, outcome });
        self.calls(step, outcome, 1, 1)
    }

    pub(in crate::verify) fn scrape(mut self, text: &str) -> Self {
        self.scrapes.push(Some(text.to_owned()));
        self
    }

    fn failed_scrape(mut self) -> Self {
        self.scrapes.push(None);
        self
    }

    /// What else happened at a second.
    pub(in crate::verify) fn event(mut self, at: u64, what: Event) -> Self {
        self.events.push(Stamped { at: Duration::from_secs(at), what });
        self
    }

    fn all(&self) -> Vec<Checked> {
        self.seen(|seen| checked(&checks(self.checks), seen))
    }

    /// What `look` makes of the run.
    pub(in crate::verify) fn seen<T>(&self, look: impl FnOnce(&Seen<'_>) -> T) -> T {
        let mut second: Second =
            serde_json::from_str(r#"{"second":0,"planned":0,"in_flight":0,"users":1,"cells":[]}"#).unwrap();
        second.cells.clone_from(&self.cells);
        second.messages.rounds = self.rounds;
        let seconds = vec![second];
        let mut encoder = ScrapeEncoder::default();
        let mut series = SeriesStore::default();
        for (number, text) in (0..).zip(&self.scrapes) {
            let at = Duration::from_secs(number * 10);
            let record = match text {
                Some(text) => encoder.scraped(at, text.as_bytes(), Format::Text).unwrap().record,
                None => encoder.failed(at),
            };
            series.apply(&record).unwrap();
        }
        let at = |seconds, what| Stamped { at: Duration::from_secs(seconds), what };
        let mut events =
            vec![at(0, Event::Baseline { calls: self.early.clone() }), at(9, Event::LoadStopped)];
        events.extend(self.events.iter().cloned());
        let target: TargetInfo = serde_json::from_str(
            r#"{"url":"http://127.0.0.1:1/mcp","era":"modern","revision":"","server":null,
                "tools":["search"],"started_by_gander":true,"pid":null}"#,
        )
        .unwrap();
        assert_eq!(target.era, Era::Modern);
        let seen = Seen {
            plan: &self.plan,
            target: Some(&target),
            seconds: &seconds,
            aggregates: &Aggregates::of(&seconds),
            events: &events,
            series: &series,
            log: None,
            audit: None,
            is_fetched: false,
            shown: None,
            latency_limits: &self.limits,
            broken: &[],
        };
        look(&seen)
    }

    fn check(&self, check: TruthCheck) -> Checked {
        let name = format!("truth: {}", check.word());
        self.all().into_iter().find(|checked| checked.name == name).expect("the check is made")
    }

    #[track_caller]
    fn finds(&self, check: TruthCheck, verdict: Verdict, because: &str) {
        let found = self.check(check);
        assert_eq!(found.verdict, verdict, "{found:#?}");
        assert!(found.because.contains(because), "{found:#?}");
    }
}

/// `mcp_requests_total` by (method, tool, status).
fn requests(rows: &[(&str, &str, &str, u64)]) -> String {
    let row = |(method, tool, status, count): &(&str, &str, &str, u64)| {
        format!("mcp_requests_total{{method=\"{method}\",tool=\"{tool}\",status=\"{status}\"}} {count}\n")
    };
    let rows: String = rows.iter().map(row).collect();
    format!("# TYPE mcp_requests_total counter\n{rows}")
}

#[test]
fn requests_that_were_answered_are_counted() {
    let made = || {
        Made::new()
            .early("list tools", Outcome::Ok)
            .calls("list tools", Outcome::Ok, 10, 1)
            .calls("search", Outcome::Ok, 20, 1)
            .calls("no such tool", Outcome::JsonRpcError(-32602), 5, 1)
            .calls("health", Outcome::Ok, 7, 1)
            .scrape(&requests(&[
                ("tools/list", "none", "success", 1),
                ("tools/call", "search", "success", 100),
            ]))
    };
    let after = |listed, searched, unknown| {
        requests(&[
            ("tools/list", "none", "success", listed),
            ("tools/call", "search", "success", searched),
            ("tools/call", "unknown", "error", unknown),
        ])
    };
    let counts = TruthCheck::Counts;
    made().scrape(&after(11, 120, 5)).finds(counts, Verdict::Pass, "each of 3 rows");
    let all =
        "mcp_requests_total counted 32 of 35 calls; tools/call search: 20 were answered, 18 are counted";
    made().scrape(&after(10, 118, 5)).finds(counts, Verdict::Fail, all);
    let all = "mcp_requests_total counted 36 calls, and 35 were sent; tools/list";
    made().scrape(&after(12, 120, 5)).finds(counts, Verdict::Fail, all);
    let all = "mcp_requests_total counted as many calls as were sent, but not each as what it was; ";
    made().scrape(&after(12, 119, 5)).finds(counts, Verdict::Fail, all);
    let lost = "tools/call search: 20 were answered, 18 are counted: 10.0 % are lost";
    made().scrape(&after(11, 118, 5)).finds(counts, Verdict::Fail, lost);
    made().scrape(&after(12, 120, 5)).finds(
        counts,
        Verdict::Fail,
        "tools/list: 10 were sent, 11 are counted",
    );
    made().scrape(&after(11, 30, 5)).finds(counts, Verdict::Inconclusive, "began again 1 times");
    made().scrape("other 1\n").finds(counts, Verdict::Fail, "20 were answered, 0 are counted");
    made().failed_scrape().finds(counts, Verdict::Inconclusive, "the scrape after the load failed");
    made().finds(counts, Verdict::Inconclusive, "not scraped after the load");
    let mut others = made().scrape(&after(400, 500, 5));
    others.checks = "{truth: {names: guide, other_clients: true}}";
    others.finds(counts, Verdict::Pass, "each of 3 rows");
}

#[test]
fn what_nobody_knows_of_may_be_counted_or_not() {
    use crate::model::TransportFault;
    let lost = Outcome::Transport(TransportFault::Reset);
    let made = || {
        Made::new()
            .calls("search", Outcome::Ok, 20, 1)
            .calls("search", lost, 3, 1)
            .calls("search", Outcome::HttpStatus(503), 2, 1)
            .calls("search", Outcome::NotSent(crate::model::NotSent::NoUser), 50, 1)
            .scrape("up 1\n")
    };
    for (counted, verdict) in
        [(19, Verdict::Fail), (20, Verdict::Pass), (25, Verdict::Pass), (26, Verdict::Fail)]
    {
        let made = made().scrape(&requests(&[("tools/call", "search", "success", counted)]));
        made.finds(TruthCheck::Counts, verdict, "");
    }
    let mut asked_again = made().scrape(&requests(&[("tools/call", "search", "success", 30)]));
    asked_again.rounds = 5;
    asked_again.finds(TruthCheck::Counts, Verdict::Pass, "");
}

#[test]
fn errors_are_counted_as_errors() {
    let made = |failed: u64, by_tool: u64| {
        let answered = 100 - failed;
        let errors = format!(
            "# TYPE mcp_tool_errors_total counter\nmcp_tool_errors_total{{tool_name=\"search\",error_type=\"X\"}} {by_tool}\n"
        );
        let counted = requests(&[
            ("tools/call", "search", "success", answered),
            ("tools/call", "search", "error", failed),
        ]);
        Made::new()
            .calls("search", Outcome::Ok, 85, 1)
            .calls("search", Outcome::ToolError, 10, 1)
            .calls("search", Outcome::JsonRpcError(-32603), 5, 1)
            .scrape("up 1\n")
            .scrape(&format!("{counted}{errors}"))
    };
    let errors = TruthCheck::Errors;
    made(15, 15).finds(errors, Verdict::Pass, "all 10 answers with `isError: true` and 5 JSON-RPC errors");
    made(5, 5).finds(errors, Verdict::Fail, "10 answers with `isError: true` are counted as successes");
    made(8, 15).finds(errors, Verdict::Fail, "7 of 10 answers with `isError: true` are counted as successes");
    let all = "10 answers with `isError: true` and 5 with a JSON-RPC error, 0 are counted as failed";
    made(0, 15).finds(errors, Verdict::Fail, all);
    made(15, 5).finds(errors, Verdict::Fail, "by mcp_tool_errors_total: 10 answers");
    made(20, 15).finds(errors, Verdict::Fail, "15 calls failed, 20 are counted as failed");
    let unnamed = Made::new().calls("search", Outcome::ToolError, 10, 1).scrape("up 1\n").scrape("up 1\n");
    unnamed.finds(errors, Verdict::Fail, "the target has no series mcp_requests_total: is `names` right");
    let none = Made::new().calls("search", Outcome::Ok, 100, 1).scrape("up 1\n");
    let none = none.scrape(&requests(&[("tools/call", "search", "success", 100)]));
    none.finds(errors, Verdict::Pass, "whether one would be, this run can't tell");
}

/// A histogram of 100 calls of `search`: how many took longer than 10 ms, than 100 ms, and their sum.
fn histogram(long: u64, longest: u64, sum: f64) -> String {
    let labels = "method=\"tools/call\",tool=\"search\"";
    format!(
        "# TYPE mcp_request_duration_seconds histogram\n\
         mcp_request_duration_seconds_bucket{{{labels},le=\"0.01\"}} {}\n\
         mcp_request_duration_seconds_bucket{{{labels},le=\"0.1\"}} {}\n\
         mcp_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 100\n\
         mcp_request_duration_seconds_sum{{{labels}}} {sum}\n\
         mcp_request_duration_seconds_count{{{labels}}} 100\n",
        100 - long,
        100 - longest
    )
}

#[test]
fn durations_lie_within_what_clients_saw() {
    let made = |histogram: &str| {
        Made::new()
            .calls("search", Outcome::Ok, 90, 50)
            .calls("search", Outcome::Ok, 10, 200)
            .calls("list tools", Outcome::NotSent(crate::model::NotSent::NoUser), 1, 1)
            .scrape("up 1\n")
            .scrape(histogram)
    };
    let durations = TruthCheck::Durations;
    made(&histogram(100, 10, 6.4)).finds(durations, Verdict::Pass, "");
    let slower = "12 took longer than 100 ms by the target's clock, 10 by the client's";
    made(&histogram(100, 12, 6.4)).finds(durations, Verdict::Fail, slower);
    made(&histogram(100, 10, 6_400.0)).finds(durations, Verdict::Fail, "in all by the target's clock");
    let faster = Made::new()
        .calls("search", Outcome::Ok, 99, 50)
        .calls("search", Outcome::Ok, 1, 1)
        .scrape("up 1\n")
        .scrape(&histogram(0, 0, 0.005));
    faster.finds(durations, Verdict::Fail, "50 us on average by the target's clock");
    made("other 1\n").finds(durations, Verdict::Fail, "it times none of them");
}

#[test]
fn limits_have_bounds() {
    let made = |limit: f64| {
        let mut made = Made::new().calls("search", Outcome::Ok, 1, 1).scrape("up 1\n");
        made = made.scrape(&histogram(0, 0, 0.1));
        made.limits = vec![("p95".to_owned(), limit)];
        made
    };
    let buckets = TruthCheck::Buckets;
    made(0.1).finds(buckets, Verdict::Pass, "");
    made(0.05).finds(buckets, Verdict::Fail, "50.0 ms lies between the bounds 10.0 ms and 100 ms");
    made(0.5).finds(buckets, Verdict::Fail, "between the bounds 100 ms and +Inf");
}

#[test]
fn gauges_come_back() {
    let made = |after: u64| {
        let gauge = |value: u64| format!("mcp_active_connections{{transport_type=\"http\"}} {value}\n");
        Made::new()
            .calls("search", Outcome::Ok, 1, 1)
            .scrape(&gauge(1))
            .scrape(&gauge(40))
            .scrape(&gauge(after))
    };
    made(1).finds(TruthCheck::Gauges, Verdict::Pass, "rose to 40");
    made(0).finds(TruthCheck::Gauges, Verdict::Pass, "");
    made(7).finds(TruthCheck::Gauges, Verdict::Fail, "1 before the load, 7 after it");
    let none = Made::new().calls("search", Outcome::Ok, 1, 1).scrape("up 1\n").scrape("up 1\n");
    none.finds(TruthCheck::Gauges, Verdict::Inconclusive, "no series mcp_active_connections");
}

#[test]
fn a_label_that_takes_what_calls_bring_is_found() {
    let metric: Vec<String> = (0..30).map(|id| format!("m{{request=\"{id}\",tool=\"t\"}} 1\n")).collect();
    let metric = metric.concat();
    let mut made = Made::new().calls("search", Outcome::Ok, 1, 1).scrape("up 1\n").scrape(&metric);
    made.checks = "{truth: {names: guide, label_sets: 30}}";
    made.finds(TruthCheck::Cardinality, Verdict::Pass, "");
    made.checks = "{truth: {names: guide, label_sets: 29}}";
    made.finds(TruthCheck::Cardinality, Verdict::Fail, "m has 30 label sets, most values has request (30)");
}

#[test]
fn counters_fall_with_their_process_alone() {
    let counters = |a: u64, b: u64, started: u64| {
        format!(
            "# TYPE a_total counter\na_total {a}\n# TYPE b_total counter\nb_total {b}\n\
             # TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {started}\n"
        )
    };
    let made = |after: &str| {
        Made::new().calls("search", Outcome::Ok, 1, 1).scrape(&counters(5, 9, 100)).scrape(after)
    };
    let check = TruthCheck::Counters;
    made(&counters(6, 9, 100)).finds(check, Verdict::Pass, "2 counters only rise");
    made(&counters(4, 10, 100)).finds(check, Verdict::Fail, "`a_total` fell once without a sign of a restart (`process_start_time_seconds` did not change): at 10.0 s from 5 to 4");
    made(&counters(1, 10, 200)).finds(check, Verdict::Pass, "the target began again once");
    made(&counters(1, 2, 300)).finds(check, Verdict::Pass, "the target began again once");
}

#[test]
fn a_value_that_no_series_has_accuses_nobody() {
    let made = |wrong: &str| {
        Made::new()
            .calls("search", Outcome::Ok, 90, 1)
            .calls("search", Outcome::ToolError, 10, 1)
            .scrape("up 1\n")
            .scrape(&format!(
                "{}mcp_tool_errors_total{{tool_name=\"search\"}} 10\n",
                requests(&[("tools/call", "search", "success", 90), ("tools/call", "search", wrong, 10),])
            ))
    };
    let errors = TruthCheck::Errors;
    let because = "no series of mcp_requests_total has status=\"error\" (there: `failed`, `success`): is `failed` right in `names`?";
    made("failed").finds(errors, Verdict::Fail, because);
    let found = made("error").check(errors);
    assert!(!found.because.contains("no series"), "{found:#?}");
}

#[test]
fn each_row_of_failures_names_the_counter_that_it_is_held_against() {
    let made = Made::new().calls("search", Outcome::ToolError, 10, 1).scrape("up 1\n").scrape(&format!(
        "{}mcp_tool_errors_total{{tool_name=\"search\"}} 4\n",
        requests(&[("tools/call", "search", "error", 10)])
    ));
    let rows = made.check(TruthCheck::Errors).evidence.rows;
    let cells = |row: &[&str]| row.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
    let expected = [
        cells(&["tools/call search", "10", "0", "0", "mcp_tool_errors_total", "4"]),
        cells(&["tools/call search", "10", "0", "0", "mcp_requests_total{status=\"error\"}", "10"]),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn calls_of_first_contact_are_in_no_row() {
    let made = Made::new()
        .early("list tools", Outcome::Ok)
        .calls("list tools", Outcome::Ok, 10, 1)
        .scrape("up 1\n")
        .scrape(&requests(&[("tools/list", "none", "success", 10)]));
    for check in [TruthCheck::Counts, TruthCheck::Durations] {
        let found = made.check(check);
        assert_eq!(found.evidence.rows[0][..2], ["tools/list", "10"], "{found:#?}");
    }
}
