//! Watchers against real servers on loopback: what each kind of answer is seen as, and what `stop` promises.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use url::Position;

use super::*;
use crate::mcp::tests::certificates::{Authority, Front, Validity};
use crate::metrics::SeriesStore;
use crate::model::{HealthState, Labels, Probe, ProbeResult, ScrapeFault, ScrapeStat, Secrets};

/// No test waits for a second tick.
const NEVER: Duration = Duration::from_secs(3600);

async fn serve(router: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Nothing is watched yet; the clock shows one second more at each look.
fn options(target: &Url) -> (ObserveOptions, mpsc::UnboundedReceiver<Observation>) {
    let (sink, seen) = mpsc::unbounded_channel();
    let looks = AtomicU32::new(0);
    let options = ObserveOptions {
        tls: None,
        proxies: Proxies::default(),
        target: Some(target.clone()),
        authorization: None,
        secrets: Secrets::default(),
        user_agent: "gander-test".to_owned(),
        metrics: None,
        settle: None,
        recover_within: None,
        metrics_interval: NEVER,
        prometheus: None,
        logs: None,
        audit: None,
        sweep: None,
        swept_log: None,
        probes: Vec::new(),
        health_interval: NEVER,
        pid: None,
        process_interval: NEVER,
        limits: Limits { scrape_timeout: NEVER, probe_timeout: NEVER, ..Limits::default() },
        clock: Arc::new(move || Duration::from_secs(looks.fetch_add(1, Ordering::Relaxed).into())),
        time_of_day: || 1_700_000_000_000,
        sink,
    };
    (options, seen)
}

/// What was seen by watchers that are stopped once the first event is there.
async fn observe(
    options: ObserveOptions,
    mut seen: mpsc::UnboundedReceiver<Observation>,
) -> (Vec<Event>, SeriesStore) {
    let observer = prepare(options).unwrap().start();
    let mut all = Vec::new();
    while !matches!(all.last(), Some(Observation::Event(_))) {
        all.push(seen.recv().await.unwrap());
    }
    observer.stop().await;
    while let Some(observation) = seen.recv().await {
        all.push(observation);
    }
    let (mut events, mut store) = (Vec::new(), SeriesStore::default());
    for observation in all {
        match observation {
            Observation::Event(stamped) => events.push(stamped.what),
            Observation::Scrape(record) => store.apply(&record).unwrap(),
            Observation::Fetched(record) => panic!("{record:?}"),
            Observation::Log(record) | Observation::Audit(record) => panic!("{record:?}"),
        }
    }
    (events, store)
}

/// The fault of each scrape: the first one, and the one that `stop` makes.
async fn scrape_faults(target: Url, limits: Limits) -> Vec<Option<ScrapeFault>> {
    let (options, seen) = options(&target);
    let options = ObserveOptions { metrics: Some(target), limits, ..options };
    let (events, _) = observe(options, seen).await;
    events
        .into_iter()
        .map(|event| {
            let Event::Scrape(ScrapeStat { fault, .. }) = event else { panic!("{event:?} is no scrape") };
            fault
        })
        .collect()
}

#[track_caller]
fn check_fault(faults: &[Option<ScrapeFault>], expected: &ScrapeFault) {
    assert_eq!(faults, [Some(expected.clone()), Some(expected.clone())]);
}

fn patient() -> Limits {
    Limits { scrape_timeout: NEVER, probe_timeout: NEVER, ..Limits::default() }
}

/// A target whose every answer is `status` and `body`.
async fn always(status: StatusCode, body: &'static str) -> Url {
    serve(Router::new().route("/", get(move || async move { (status, body) }))).await
}

#[tokio::test]
async fn stopping_scrapes_once_more_so_that_the_last_counts_are_seen() {
    let scrapes = Arc::new(AtomicU32::new(0));
    let counter = scrapes.clone();
    let metrics = move || {
        let count = counter.fetch_add(1, Ordering::Relaxed) + 1;
        async move { format!("# TYPE c_total counter\nc_total {count}\nconstant 7\n") }
    };
    let target = serve(Router::new().route("/metrics", get(metrics))).await;
    let (options, seen) = options(&target);
    let metrics = Some(target.join("metrics").unwrap());
    let (events, store) = observe(ObserveOptions { metrics, ..options }, seen).await;

    let &[first, last] = store.scrape_times() else { panic!("{:?}", store.scrape_times()) };
    let counter = store.select("c_total", &Labels::new()).next().unwrap().clone();
    assert_eq!((counter.value_at(first), counter.value_at(last)), (Some(1.0), Some(2.0)));
    assert_eq!(counter.value_at(NEVER), None, "the end leaves no series");
    assert_eq!(scrapes.load(Ordering::Relaxed), 2);
    assert_eq!(events.len(), 2);
    let Event::Scrape(stat) = &events[0] else { panic!("{events:?}") };
    assert_eq!((stat.samples, stat.bytes, &stat.fault), (2, 44, &None));
}

#[tokio::test]
async fn openmetrics_is_asked_for_and_read() {
    let metrics = |headers: HeaderMap| async move {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(text("accept").unwrap().split(';').next(), Some("application/openmetrics-text"));
        assert_eq!(text("user-agent").unwrap(), "gander-test");
        ([("content-type", "application/openmetrics-text; version=1.0.0")], "a 1\n# EOF\n")
    };
    let target = serve(Router::new().route("/", get(metrics))).await;
    assert_eq!(scrape_faults(target, patient()).await, [None, None]);
}

#[tokio::test]
async fn a_scrape_without_a_sound_body_says_why() {
    let (ok, broken) = (StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR);
    let faults = scrape_faults(always(broken, "a 1\n").await, patient()).await;
    check_fault(&faults, &ScrapeFault::Status(500));

    let malformed = ScrapeFault::Malformed("line 2, column 2: expected a space".to_owned());
    check_fault(&scrape_faults(always(ok, "a 1\nb\n").await, patient()).await, &malformed);

    let small = Limits { scrape_bytes: 5, ..patient() };
    check_fault(&scrape_faults(always(ok, "a 1\nb 2\n").await, small).await, &ScrapeFault::TooLarge);

    let few = Limits { series: 1, ..patient() };
    check_fault(&scrape_faults(always(ok, "a 1\nb 2\n").await, few).await, &ScrapeFault::TooManySeries);
}

#[tokio::test]
async fn a_scrape_that_is_not_answered_in_time_is_given_up() {
    let target = serve(Router::new().route("/", get(std::future::pending::<()>))).await;
    let limits = Limits { scrape_timeout: Duration::from_millis(50), ..patient() };
    check_fault(&scrape_faults(target, limits).await, &ScrapeFault::Timeout);
}

#[tokio::test]
async fn a_target_that_is_not_there_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    check_fault(&scrape_faults(url, patient()).await, &ScrapeFault::NoAnswer("refused".to_owned()));
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\na 1\n").await;
        }
    });
    check_fault(&scrape_faults(url, patient()).await, &ScrapeFault::NoAnswer("eof".to_owned()));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let elsewhere = move || {
        count.fetch_add(1, Ordering::Relaxed);
        async { "a 1\n" }
    };
    let other = serve(Router::new().route("/", get(elsewhere))).await;
    let to_other = move || async move { Redirect::temporary(other.as_str()) };
    let target = serve(Router::new().route("/", get(to_other))).await;
    check_fault(&scrape_faults(target.clone(), patient()).await, &ScrapeFault::Status(307));
    let seen = probe(Endpoint::Ready, target, patient()).await;
    assert_eq!(seen, ProbeResult::Unexpected { status: 307 });
    assert_eq!(asked.load(Ordering::Relaxed), 0, "the other host was asked");
}

#[tokio::test]
async fn echoed_secrets_are_struck_out() {
    let metrics =
        || async { "# TYPE s3cret counter\nc{user=\"ann\",token=\"x-s3cret\"} 1\nc{token=\"x-0ther\"} 2\n" };
    let health = || async { r#"{"status": "unhealthy", "checks": {"s3cret": "unhealthy"}}"# };
    let target = serve(Router::new().route("/", get(metrics)).route("/health", get(health))).await;
    let (options, seen) = options(&target);
    for secret in ["s3cret", "0ther"] {
        options.secrets.learn(secret);
    }
    let probes = vec![(Endpoint::Health, target.join("health").unwrap())];
    let (events, store) = observe(ObserveOptions { metrics: Some(target), probes, ..options }, seen).await;
    let told = format!("{events:?} {store:?}");
    assert!(!told.contains("s3cret") && !told.contains("0ther"), "{told}");
    // They stay two series.
    assert_eq!(store.select("c", &Labels::new()).count(), 2);
    let (options, seen) = self::options(&always(StatusCode::OK, "a 1\ns3cret").await);
    options.secrets.learn("s3cret");
    let (events, _) = observe(ObserveOptions { metrics: options.target.clone(), ..options }, seen).await;
    assert!(!format!("{events:?}").contains("s3cret"), "{events:?}");
}

/// 1 when the request carried credentials, else 0.
async fn credentials_seen(target: &Url, metrics: Url) -> Option<f64> {
    let (options, seen) = options(target);
    let authorization = Some(Secret::new("Bearer s3cret"));
    let options = ObserveOptions { metrics: Some(metrics), authorization, ..options };
    let (_, store) = observe(options, seen).await;
    store.select("authorized", &Labels::new()).find_map(|series| series.points[0].value)
}

#[tokio::test]
async fn credentials_go_to_the_targets_own_origin_alone() {
    let metrics = |headers: HeaderMap| async move {
        let is_authorized = headers.get("authorization").is_some_and(|value| value == "Bearer s3cret");
        format!("authorized {}\n", u8::from(is_authorized))
    };
    let target = serve(Router::new().route("/", get(metrics))).await;
    let other = serve(Router::new().route("/", get(metrics))).await;
    assert_eq!(credentials_seen(&target, target.clone()).await, Some(1.0));
    assert_eq!(credentials_seen(&target, other).await, Some(0.0));
}

#[tokio::test]
async fn the_targets_own_origin_is_trusted_as_the_scenario_says_and_no_other() {
    let authority = Authority::new();
    let behind = always(StatusCode::OK, "a 1\n").await.socket_addrs(|| None).unwrap()[0];
    let config = || authority.server("localhost", Validity::Now).config(None);
    let fronts = [Front::start(behind, config()).await, Front::start(behind, config()).await];
    let [target, other] = fronts.each_ref().map(Front::url);
    for (metrics, tls, trusted) in [
        (&target, Some(authority.trust()), true),
        (&other, Some(authority.trust()), false),
        (&target, None, false),
    ] {
        let (options, seen) = options(&target);
        let (_, store) =
            observe(ObserveOptions { metrics: Some(metrics.clone()), tls, ..options }, seen).await;
        assert_eq!(store.iter().count(), usize::from(trusted));
    }
}

#[tokio::test]
async fn scrapes_go_through_the_proxy_that_the_environment_names() {
    let metrics = |headers: HeaderMap| async move {
        let known = headers.get("proxy-authorization").is_some_and(|value| value == "Basic bWU6cHc=");
        let host = headers.get("host").unwrap().to_str().unwrap().to_owned();
        format!("a{{host=\"{host}\"}} {}\n", u8::from(known))
    };
    let proxy = serve(Router::new().route("/metrics", get(metrics))).await;
    let named = format!("http://me:pw@{}", &proxy[Position::BeforeHost..Position::AfterPort]);
    let proxies = Proxies::from_environment(&|name| (name == "HTTP_PROXY").then(|| named.clone()));
    let target: Url = "http://mcp.example/metrics".parse().unwrap();
    let (options, seen) = options(&target);
    let (_, store) = observe(ObserveOptions { metrics: Some(target), proxies, ..options }, seen).await;
    let host = Labels::from_iter([("host", "mcp.example")]);
    assert_eq!(store.select("a", &host).next().unwrap().points[0].value, Some(1.0));
}

#[tokio::test]
async fn a_failed_scrape_loses_the_series_until_the_next_good_one() {
    let scrapes = Arc::new(AtomicU32::new(0));
    let metrics = move || {
        let is_first = scrapes.fetch_add(1, Ordering::Relaxed) == 0;
        async move { if is_first { (StatusCode::OK, "a 1\n") } else { (StatusCode::BAD_GATEWAY, "") } }
    };
    let target = serve(Router::new().route("/", get(metrics))).await;
    let (options, seen) = options(&target);
    let (_, store) = observe(ObserveOptions { metrics: Some(target), ..options }, seen).await;
    let series = store.iter().next().unwrap();
    let values: Vec<_> = store.scrape_times().iter().map(|&at| series.value_at(at)).collect();
    assert_eq!(values, [Some(1.0), None]);
}

async fn probe(endpoint: Endpoint, url: Url, limits: Limits) -> ProbeResult {
    let (options, seen) = options(&url);
    let (events, _) =
        observe(ObserveOptions { probes: vec![(endpoint, url)], limits, ..options }, seen).await;
    match events.into_iter().next() {
        Some(Event::Probe(probe)) if probe.endpoint == endpoint => probe.result,
        other => panic!("{other:?} is no probe of {endpoint:?}"),
    }
}

#[tokio::test]
async fn health_endpoints_are_asked() {
    let failing = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let body = r#"{"status": "unhealthy", "checks": {"database": {"status": "unhealthy"}}}"#;
    let url = always(StatusCode::SERVICE_UNAVAILABLE, body).await;
    let expected =
        ProbeResult::State { state: HealthState::Unhealthy, status: 503, failing: failing(&["database"]) };
    assert_eq!(probe(Endpoint::Health, url, patient()).await, expected);

    let url = always(StatusCode::OK, "").await;
    let expected = ProbeResult::State { state: HealthState::Healthy, status: 200, failing: Vec::new() };
    assert_eq!(probe(Endpoint::Live, url, patient()).await, expected);

    let url = always(StatusCode::OK, "healthy").await.join("ready").unwrap();
    assert_eq!(probe(Endpoint::Ready, url, patient()).await, ProbeResult::Unexpected { status: 404 });

    let url = always(StatusCode::OK, r#"{"status": "degraded"}"#).await;
    let small = Limits { probe_bytes: 10, ..patient() };
    let expected = ProbeResult::State { state: HealthState::Healthy, status: 200, failing: Vec::new() };
    assert_eq!(probe(Endpoint::Health, url, small).await, expected);
}

#[tokio::test]
async fn a_silent_health_endpoint_has_no_answer() {
    let url = serve(Router::new().route("/", get(std::future::pending::<()>))).await;
    let limits = Limits { probe_timeout: Duration::from_millis(50), ..patient() };
    let expected = ProbeResult::NoAnswer { reason: "timeout".to_owned() };
    assert_eq!(probe(Endpoint::Health, url, limits).await, expected);
}

/// The events of a target that answers 200 from its 50th probe on, asked so long after the load.
async fn probed_until_well(recover_within: Option<Duration>) -> Vec<Event> {
    let asked = Arc::new(AtomicU32::new(0));
    let ready = move || {
        let is_well = asked.fetch_add(1, Ordering::Relaxed) >= 50;
        async move { if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE } }
    };
    let url = serve(Router::new().route("/", get(ready))).await;
    let (options, seen) = options(&url);
    let (probes, health_interval) = (vec![(Endpoint::Ready, url)], Duration::from_millis(1));
    observe(ObserveOptions { probes, health_interval, recover_within, ..options }, seen).await.0
}

fn is_well(event: &Event) -> bool {
    matches!(
        event,
        Event::Probe(Probe { result: ProbeResult::State { state: HealthState::Healthy, .. }, .. })
    )
}

#[tokio::test]
async fn a_target_is_asked_until_it_is_well_where_that_is_wanted() {
    let events = probed_until_well(Some(NEVER)).await;
    assert!(events.len() > 50 && is_well(events.last().unwrap()), "{events:?}");
    // One more look is made in any case.
    let events = probed_until_well(Some(Duration::ZERO)).await;
    assert!(events.len() > 1, "{events:?}");
}

#[tokio::test]
async fn nobody_waits_for_a_target_that_is_never_well_once_told_to_hurry() {
    let url = always(StatusCode::SERVICE_UNAVAILABLE, "").await;
    let (options, _seen) = options(&url);
    let probes = vec![(Endpoint::Ready, url)];
    let observer =
        prepare(ObserveOptions { probes, recover_within: Some(NEVER), ..options }).unwrap().start();
    observer.hurry();
    observer.stop().await;
}

#[tokio::test]
async fn the_process_is_sampled_at_the_start_and_at_the_end() {
    let (options, seen) = options(&"http://127.0.0.1/".parse().unwrap());
    let options = ObserveOptions { pid: Some(std::process::id()), ..options };
    let (events, _) = observe(options, seen).await;
    assert!(matches!(events[..], [Event::Process(_), Event::Process(_)]), "{events:?}");
}

#[tokio::test]
async fn a_process_that_is_gone_is_noted_once() {
    let (options, seen) = options(&"http://127.0.0.1/".parse().unwrap());
    let (events, _) = observe(ObserveOptions { pid: Some(u32::MAX), ..options }, seen).await;
    assert!(matches!(events[..], [Event::Note { .. }]), "{events:?}");
}

#[tokio::test]
async fn a_header_that_http_does_not_allow_is_refused() {
    let target: Url = "http://127.0.0.1/".parse().unwrap();
    let (options, _seen) = options(&target);
    let authorization = Some(Secret::new("Bearer a\nb"));
    let refused = prepare(ObserveOptions { metrics: Some(target), authorization, ..options });
    let error = refused.err().unwrap();
    assert!(!error.to_string().contains("Bearer"), "{error}");
}
