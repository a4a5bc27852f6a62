//! Verdicts on what a sweep found.

use std::time::Duration;

use super::*;
use crate::metrics::{Aggregates, Second, SeriesStore};
use crate::model::{CanaryForm, Stamped};
use crate::plan::Plan;
use crate::verify::tests::plan;

struct Case {
    plan: Plan,
    events: Vec<Swept>,
    calls: u64,
    places: Option<Vec<SweepPlace>>,
}

fn leak(place: SweepPlace, count: u64) -> Leak {
    Leak {
        place,
        source: "field `query`".to_owned(),
        canary: "canary.query".to_owned(),
        form: CanaryForm::Base64,
        count,
        example: "{\"q\":\"***\"}".to_owned(),
    }
}

fn swept(looked: &[(SweepPlace, u64)], leaks: Vec<Leak>, ended: bool) -> Swept {
    Swept { looked: looked.iter().copied().collect(), leaks, ended, ..Swept::default() }
}

fn case(events: Vec<Swept>) -> Case {
    let plan = plan(
        "version: 1\nname: x\ntarget: demo\nload: {users: 1, duration: 10s}\nobserve: {metrics: {url: /metrics}, health: {ready: /ready}}\ntransactions: \
         [{name: find, call_tool: {tool: search, arguments: {query: \"{{ canary.query }}\"}}}]\n",
    );
    Case { plan, events, calls: 30, places: Some(vec![SweepPlace::Logs, SweepPlace::Replies]) }
}

impl Case {
    fn all(&self) -> Vec<Checked> {
        let checks = Checks {
            redaction: Some(RedactionChecks {
                places: self.places.clone(),
                file: None,
                header: None,
                sample: 0.1,
                origin: "slo.yaml:3".to_owned(),
            }),
            ..Checks::default()
        };
        let step = self.plan.steps.iter().find(|step| step.name == "find").unwrap().id;
        let cells = format!(
            r#"[{{"step":{},"phase":"steady","outcome":"ok","count":{},"over":[],"service":"{}"}}]"#,
            step.0,
            self.calls,
            serde_json::to_value(crate::model::LatencyHistogram::new()).unwrap().as_str().unwrap()
        );
        let second: Second = serde_json::from_str(&format!(
            r#"{{"second":0,"planned":0,"in_flight":0,"users":1,"cells":{cells}}}"#
        ))
        .unwrap();
        let seconds = if self.calls > 0 { vec![second] } else { Vec::new() };
        let events: Vec<Stamped<Event>> = self
            .events
            .iter()
            .map(|swept| Stamped { at: Duration::from_secs(1), what: Event::Swept(swept.clone()) })
            .collect();
        // What is judged is what was written down.
        let events: Vec<Stamped<Event>> =
            serde_json::from_str(&serde_json::to_string(&events).unwrap()).unwrap();
        let seen = Seen {
            plan: &self.plan,
            target: None,
            seconds: &seconds,
            aggregates: &Aggregates::of(&seconds),
            events: &events,
            series: &SeriesStore::default(),
            is_fetched: false,
            log: None,
            audit: None,
            shown: None,
            latency_limits: &[],
            broken: &[],
        };
        crate::verify::checked(&checks, &seen)
    }

    #[track_caller]
    fn finds(&self, place: SweepPlace, verdict: Verdict, because: &str) {
        let name = format!("redaction: {}", place.word());
        let found = self.all().into_iter().find(|checked| checked.name == name).unwrap();
        assert_eq!(found.verdict, verdict, "{found:#?}");
        assert!(found.because.contains(because), "{}", found.because);
    }
}

const BOTH: [(SweepPlace, u64); 2] = [(SweepPlace::Logs, 100), (SweepPlace::Replies, 3)];

#[test]
fn a_leak_fails_the_check_of_its_place_alone() {
    let case = case(vec![
        swept(&BOTH, vec![leak(SweepPlace::Logs, 2)], false),
        swept(&BOTH, vec![leak(SweepPlace::Logs, 5)], true),
    ]);
    let because =
        "what the arguments of `find` carried stands in base64 in field `query` (7 times): {\"q\":\"***\"}";
    case.finds(SweepPlace::Logs, Verdict::Fail, because);
    let because = "30 calls carried 1 canary, and 6 answers (a sample of 10 %) hold none";
    case.finds(SweepPlace::Replies, Verdict::Pass, because);
    let rows = &case.all()[0].evidence.rows;
    assert_eq!(rows[0][..5], ["field `query`", "canary.query", "the arguments of `find`", "in base64", "7"]);
}

#[test]
fn a_leak_counts_though_the_run_did_not_end() {
    case(vec![swept(&BOTH, vec![leak(SweepPlace::Logs, 1)], false)]).finds(
        SweepPlace::Logs,
        Verdict::Fail,
        "(1 time)",
    );
}

#[test]
fn a_sweep_that_saw_nothing_or_not_all_shows_nothing() {
    let logs = SweepPlace::Logs;
    case(vec![]).finds(logs, Verdict::Inconclusive, "nobody looked for canaries");
    case(vec![swept(&BOTH, vec![], false)]).finds(
        logs,
        Verdict::Inconclusive,
        "before all was looked through",
    );
    case(vec![swept(&BOTH[1..], vec![], true)]).finds(logs, Verdict::Inconclusive, "the log had no new line");
    let trouble = Some("the log is not there".to_owned());
    let gone = Swept { trouble, ..swept(&BOTH, vec![], true) };
    case(vec![gone.clone()]).finds(logs, Verdict::Inconclusive, "the log is not there");
    case(vec![gone.clone(), swept(&[], vec![], true)]).finds(logs, Verdict::Pass, "100 lines");
    case(vec![gone]).finds(SweepPlace::Replies, Verdict::Pass, "3 answers");
    let unsent = Case { calls: 0, ..case(vec![swept(&BOTH, vec![], true)]) };
    unsent.finds(logs, Verdict::Inconclusive, "no request carried a canary");
}

#[test]
fn without_a_list_of_places_there_is_one_for_each_that_can_be_seen() {
    let case = Case { places: None, ..case(vec![]) };
    let names: Vec<String> = case.all().into_iter().map(|checked| checked.name).collect();
    assert_eq!(names, ["redaction: metrics", "redaction: health", "redaction: replies"]);
}
