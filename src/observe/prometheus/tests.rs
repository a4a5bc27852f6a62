//! The collector against servers on loopback that answer as a Prometheus does, or as nobody should.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use url::Url;

use super::{Asked, PrometheusOptions};
use crate::metrics::FetchedStore;
use crate::model::{Event, Labels, PrometheusEvent, Secret, Secrets, TheirState};
use crate::observe::{Limits, Observation, ObserveOptions, prepare};
use crate::plan::Proxies;

/// Its time of day; 20 s before that its series begin.
const NOW: f64 = 1_700_000_000.0;
const NEVER: Duration = Duration::from_secs(3600);

type Parameters = BTreeMap<String, String>;

/// Answers by path and parameters.
async fn serve<F>(answer: F) -> Url
where
    F: Fn(&str, &Parameters, &HeaderMap) -> (StatusCode, String) + Clone + Send + Sync + 'static,
{
    let handler =
        move |Path(path): Path<String>, Query(parameters): Query<Parameters>, headers: HeaderMap| {
            let answer = answer.clone();
            async move { answer(&path, &parameters, &headers) }
        };
    let router = Router::new().route("/base/api/v1/{*path}", axum::routing::get(handler));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/base/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn ok(data: &Value) -> (StatusCode, String) {
    (StatusCode::OK, json!({"status": "success", "data": data}).to_string())
}

/// A sample each 100 ms from 20 s before [`NOW`] on, for as long as is asked for.
fn sound(path: &str, parameters: &Parameters) -> (StatusCode, String) {
    match path {
        "query" if parameters["query"] == "time()" => {
            ok(&json!({"resultType": "scalar", "result": [NOW, NOW.to_string()]}))
        }
        "query" => {
            let (name, range) = parameters["query"].split_once('[').unwrap();
            let millis: f64 = range.trim_end_matches("ms]").parse().unwrap();
            let until: f64 = parameters["time"].parse().unwrap();
            let first = (until - millis / 1000.0).max(NOW - 20.0);
            let values: Vec<Value> = (0..100_000)
                .map(|i| NOW - 20.0 + f64::from(i) / 10.0)
                .take_while(|at| *at <= until)
                .filter(|at| *at >= first)
                .map(|at| json!([at, "1"]))
                .collect();
            let metric = json!({"__name__": name, "job": "m", "token": "s3cret-token"});
            ok(&json!({"resultType": "matrix", "result": [{"metric": metric, "values": values}]}))
        }
        "status/buildinfo" => ok(&json!({"version": "2.42.0"})),
        "rules" => ok(&json!({"groups": [{"name": "g", "interval": 1, "rules": [
            {"name": "High", "query": "up == 0", "duration": 5, "type": "alerting"},
            {"name": "Other", "query": "up == 0", "duration": 5, "type": "alerting"}]}]})),
        "alerts" => ok(&json!({"alerts": [
            {"labels": {"alertname": "High"}, "state": "firing", "activeAt": "2023-11-14T22:13:10Z"},
            {"labels": {"alertname": "Other"}, "state": "firing", "activeAt": "2023-11-14T22:13:10Z"}]})),
        other => (StatusCode::NOT_FOUND, format!("no {other}")),
    }
}

fn asked(url: Url) -> PrometheusOptions {
    let selectors = ["up", "a"].map(|name| Asked { selector: name.to_owned(), query: name.to_owned() });
    PrometheusOptions {
        url,
        headers: [("X-Token".to_owned(), Secret::new("s3cret-token"))].into(),
        interval: Some(Duration::from_millis(50)),
        selectors: selectors.to_vec(),
        history: Duration::from_secs(60),
        alerts: vec!["High".to_owned()],
    }
}

/// What was seen of a Prometheus that is asked until `enough`, and then to the end.
async fn observe(
    asked: PrometheusOptions,
    mut enough: impl FnMut(&Observation) -> bool,
) -> (Vec<Event>, FetchedStore) {
    let (sink, mut seen) = mpsc::unbounded_channel();
    let began = tokio::time::Instant::now();
    let secrets = Secrets::default();
    secrets.learn("s3cret-token");
    let options = ObserveOptions {
        target: None,
        authorization: None,
        tls: None,
        proxies: Proxies::default(),
        secrets,
        user_agent: "gander-test".to_owned(),
        metrics: None,
        settle: None,
        recover_within: None,
        metrics_interval: NEVER,
        prometheus: Some(asked),
        logs: None,
        audit: None,
        sweep: None,
        swept_log: None,
        probes: Vec::new(),
        health_interval: NEVER,
        pid: None,
        process_interval: NEVER,
        limits: Limits::default(),
        clock: Arc::new(move || began.elapsed()),
        time_of_day: || 1_700_000_000_000,
        sink,
    };
    let observer = prepare(options).unwrap().start();
    let mut all = Vec::new();
    while !all.last().is_some_and(&mut enough) {
        all.push(seen.recv().await.unwrap());
    }
    observer.stop().await;
    while let Some(observation) = seen.recv().await {
        all.push(observation);
    }
    let (mut events, mut store) = (Vec::new(), FetchedStore::default());
    for observation in all {
        match observation {
            Observation::Event(stamped) => events.push(stamped.what),
            Observation::Fetched(record) => store.apply(&record).unwrap(),
            Observation::Scrape(record) => panic!("{record:?}"),
            Observation::Log(record) | Observation::Audit(record) => panic!("{record:?}"),
        }
    }
    (events, store)
}

fn fetched(observation: &Observation) -> bool {
    matches!(observation, Observation::Fetched(_))
}

fn notes(events: &[Event]) -> Vec<&str> {
    let mut notes = Vec::new();
    for event in events {
        if let Event::Note { text, .. } = event {
            notes.push(text.as_str());
        }
    }
    notes
}

#[tokio::test]
async fn samples_are_kept_with_their_own_times_and_what_was_before_the_run() {
    let told = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&told);
    let url = serve(move |path, parameters, headers| {
        counter.fetch_add(u32::from(headers["x-token"] == "s3cret-token"), Ordering::Relaxed);
        sound(path, parameters)
    })
    .await;
    let mut records = 0;
    let (events, store) = observe(asked(url), |seen| {
        records += u32::from(fetched(seen));
        records == 3
    })
    .await;
    // The clock of the Prometheus is the one that counts.
    assert!((store.zero_ms() - 1_700_000_000_000).abs() < 2_000, "{}", store.zero_ms());
    let [up, a] = store.series() else { panic!("{:?}", store.series()) };
    assert_eq!((up.name.as_str(), a.name.as_str()), ("up", "a"));
    assert_eq!(up.labels, [("job", "m"), ("token", "***")].into_iter().collect::<Labels>());
    assert_eq!(up.samples[0].0, 1_699_999_980_000);
    assert!(up.samples.windows(2).all(|pair| pair[1].0 - pair[0].0 == 100), "each once");
    let (from, until) = store.known_ms().unwrap();
    assert!(from <= store.zero_ms() - 59_000 && until > store.zero_ms() + 100, "{from} {until}");
    assert!(told.load(Ordering::Relaxed) > 5);

    let Event::Prometheus(PrometheusEvent::Reached { version, scrape_interval }) = &events[0] else {
        panic!("{events:?}")
    };
    assert_eq!(version.as_deref(), Some("2.42.0"));
    assert_eq!(*scrape_interval, Some(Duration::from_millis(100)));
    let Event::Prometheus(PrometheusEvent::Rules { rules }) = &events[1] else { panic!("{events:?}") };
    assert_eq!(rules.len(), 1);
    let alerts: Vec<_> = events[2..]
        .iter()
        .map(|event| {
            let Event::Prometheus(PrometheusEvent::Alert(alert)) = event else { panic!("{event:?}") };
            (alert.labels.get("alertname").unwrap(), alert.state, alert.active_ms)
        })
        .collect();
    // Once, as nothing changed; and of no alert that nobody asked about.
    assert_eq!(alerts, [("High", TheirState::Firing, Some(1_699_999_990_000))]);
}

#[tokio::test]
async fn an_alert_that_is_gone_is_over() {
    let looks = AtomicU32::new(0);
    let looks = Arc::new(looks);
    let url = serve(move |path, parameters, _| {
        if path == "alerts" && looks.fetch_add(1, Ordering::Relaxed) > 0 {
            return ok(&json!({"alerts": []}));
        }
        sound(path, parameters)
    })
    .await;
    let is_over = |seen: &Observation| {
        let Observation::Event(stamped) = seen else { return false };
        matches!(&stamped.what, Event::Prometheus(PrometheusEvent::Alert(alert)) if alert.state == TheirState::Inactive)
    };
    let (events, _) = observe(asked(url), is_over).await;
    assert_eq!(events.len(), 4, "{events:?}");
}

#[tokio::test]
async fn what_a_prometheus_gave_is_kept_when_it_dies_and_the_rest_is_missing() {
    let rounds = Arc::new(AtomicU32::new(0));
    let url = serve(move |path, parameters, _| {
        let round = if path == "alerts" {
            rounds.fetch_add(1, Ordering::Relaxed) + 1
        } else {
            rounds.load(Ordering::Relaxed)
        };
        if round > 2 { (StatusCode::SERVICE_UNAVAILABLE, String::new()) } else { sound(path, parameters) }
    })
    .await;
    let lost = |seen: &Observation| matches!(seen, Observation::Fetched(record) if !record.failed.is_empty());
    let (events, store) = observe(asked(url), lost).await;
    assert!(store.samples() > 100);
    assert!(store.asked().iter().all(|asked| asked.known.is_some()));
    assert!(
        store.asked().iter().all(|asked| asked.fault.as_deref() == Some("HTTP 503")),
        "{:?}",
        store.asked()
    );
    let notes = notes(&events);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("can't be asked (HTTP 503)"), "{notes:?}");
}

#[tokio::test]
async fn one_that_is_not_there_is_told_of_once() {
    let url = format!("http://127.0.0.1:{}/", closed_port().await);
    let (events, store) = observe(asked(url.parse().unwrap()), fetched).await;
    assert_eq!((store.known_ms(), store.series().len()), (None, 0));
    assert!(
        store.asked().iter().all(|asked| asked.fault.as_deref() == Some("refused")),
        "{:?}",
        store.asked()
    );
    assert_eq!(notes(&events).len(), 1);
}

async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn what_is_too_much_for_one_question_is_asked_for_in_parts() {
    let longest = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&longest);
    let url = serve(move |path, parameters, _| {
        let range = parameters.get("query").and_then(|query| query.split_once('['));
        let millis = range.map_or(0, |(_, range)| range.trim_end_matches("ms]").parse().unwrap());
        if millis > 30_000 {
            let error = "query processing would load too many samples into memory in query execution";
            let body = json!({"status": "error", "errorType": "execution", "error": error});
            return (StatusCode::UNPROCESSABLE_ENTITY, body.to_string());
        }
        seen.fetch_max(millis, Ordering::Relaxed);
        sound(path, parameters)
    })
    .await;
    let (_, store) = observe(asked(url), fetched).await;
    assert_eq!(store.series()[0].samples[0].0, 1_699_999_980_000);
    assert!(store.known_ms().unwrap().0 <= store.zero_ms() - 59_000);
    assert!((5_000..=30_000).contains(&longest.load(Ordering::Relaxed)));
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_missing_and_harms_nothing_else() {
    let url = serve(|path, parameters, _| match parameters.get("query") {
        Some(query) if query.starts_with("a[") => {
            (StatusCode::OK, "{\"status\":\"success\",\"data\":{".to_owned())
        }
        _ if path == "rules" => (StatusCode::NOT_FOUND, String::new()),
        _ => sound(path, parameters),
    })
    .await;
    let (events, store) = observe(asked(url), fetched).await;
    let faults: Vec<bool> = store.asked().iter().map(|asked| asked.fault.is_some()).collect();
    assert_eq!((faults, store.series().len()), (vec![false, true], 1));
    let notes = notes(&events);
    assert!(notes[0].contains("does not tell of its rules (HTTP 404)"), "{notes:?}");
}
