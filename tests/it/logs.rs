//! The target's log against what was sent: each fault of the demo target's log is found by the check that is there for it and by no other,
//! and the healthy one raises none.

use std::path::Path;

use crate::support::{
    Done, Running, at_once, beside_others, expect_one_check, same_offline, scenario, start_run, start_run_in,
    telemetry,
};

const SCENARIO: &str = "
version: 1
name: logs
target: { demo: { path: /mcp, arguments: [--log, LOG, ARGUMENTS] } }
load: { rate: 60/s, max_users: 50, duration: 8s, warm_up: 1s }
transactions:
  - { name: list tools, weight: 3, list_tools: {} }
  - { name: search, weight: 5, call_tool: { tool: search, arguments: { query: \"q {{ random.int(1, 100) }}\" } } }
  - { name: calculate, weight: 2, call_tool: { tool: calculate, arguments: { expression: \"1 + {{ random.int(1, 100) }}\" } } }
  - { name: health, weight: 1, get: /health }
slo: [slo.yaml]
";

const SLO: &str = "version: 1
objectives:
  - { name: search within half a second, of: { tool: search }, latency: { p95: 500ms } }
checks:
  logs: { file: LOG, lag_within: 2s, slow: 500ms, required: [tool_name] }
";

struct Case {
    running: Running,
    folder: tempfile::TempDir,
}

/// A load at a demo target with these arguments, whose log is followed.
fn start(arguments: &str) -> Case {
    let (folder, file) = scenario("");
    let log = folder.path().join("target.log");
    let log = log.to_str().unwrap();
    std::fs::write(&file, SCENARIO.replace("LOG", log).replace("ARGUMENTS", arguments)).unwrap();
    std::fs::write(folder.path().join("slo.yaml"), SLO.replace("LOG", log)).unwrap();
    Case { running: start_run(&file, &[]), folder }
}

fn run(arguments: &str) -> Done {
    start(arguments).running.finish()
}

#[track_caller]
fn expect_all_pass(done: &Done, arguments: &str) {
    let checks = telemetry(&done.report());
    assert_eq!(checks.len(), 5, "{checks:#?}");
    for (name, verdict, because) in checks {
        assert_eq!(verdict, "PASS", "{arguments}: {name}: {because}");
    }
}

#[test]
fn each_fault_of_the_log_is_found_by_its_check_alone() {
    let _beside_others = beside_others();
    let faults = [
        ("--lose-log-line, \"7\"", "logs: lines", "have no line in the log; the first is request "),
        (
            "--lie, log-level, --tool-error-share, \"0.1\"",
            "logs: errors",
            "have no line with the level of an error",
        ),
        ("--log-without, tool_name", "logs: fields", "have no `tool_name`"),
        ("--log-delay, 4s", "logs: lag", "were there later than 2.00 s"),
        (
            "--lie, log-duration, --latency, 3ms",
            "logs: slow",
            "longer by their lines than their clients waited",
        ),
    ];
    at_once(faults, |(arguments, check, because)| expect_one_check(&run(arguments), 5, check, because));
}

#[test]
fn an_honest_log_raises_nothing() {
    let _beside_others = beside_others();
    let honest = [
        "--seed, \"1\"",
        "--tool-error-share, \"0.1\", --rpc-error-share, \"0.05\"",
        "--http-error-share, \"0.1\", --reset-share, \"0.05\"",
        "--latency-lognormal, \"60ms,0.8\"",
    ];
    at_once(honest, |arguments| expect_all_pass(&run(arguments), arguments));
}

#[test]
fn rotation_in_mid_run_loses_nothing() {
    let _beside_others = beside_others();
    let rotate: [fn(&Path); 2] = [
        // As logrotate does by default, and with `copytruncate`.
        |log| std::fs::rename(log, log.with_extension("log.1")).unwrap(),
        |log| {
            std::fs::copy(log, log.with_extension("log.1")).unwrap();
            std::fs::OpenOptions::new().write(true).truncate(true).open(log).unwrap();
        },
    ];
    at_once(rotate, |rotate| {
        let Case { running, folder } = start("--seed, \"1\"");
        for second in [3, 5] {
            running.wait_for_seconds(second);
            rotate(&folder.path().join("target.log"));
        }
        let done = running.finish();
        let checks = telemetry(&done.report());
        let (_, verdict, because) = checks.iter().find(|(name, ..)| name == "logs: lines").unwrap();
        assert!(verdict != "FAIL", "{because}");
        assert!(
            because.contains("it was rotated 2 times") || because.contains("not all of the log was seen"),
            "{because}"
        );
    });
}

#[test]
fn a_log_that_does_not_appear_shows_nothing() {
    let _beside_others = beside_others();
    let (folder, file) = scenario("");
    let log = folder.path().join("target.log");
    let text = SCENARIO.replace("--log, LOG, ARGUMENTS", "").replace("8s", "3s");
    std::fs::write(&file, text).unwrap();
    std::fs::write(folder.path().join("slo.yaml"), SLO.replace("LOG", log.to_str().unwrap())).unwrap();
    let done = start_run(&file, &[]).finish();
    for (name, verdict, because) in telemetry(&done.report()) {
        assert_eq!(verdict, "INCONCLUSIVE", "{name}");
        assert!(because.contains("target.log` is not there"), "{because}");
    }
    same_offline(&done);
}

/// An Elasticsearch as far as gander asks it, by its documentation: `_search` with a range of times, a sort and a size, or with terms; and
/// `_count`. Its documents are the lines of a file, and show up some time after they were written, the odd ones later than the even ones.
mod index {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use axum::{Json, Router};
    use serde_json::{Value, json};

    /// An answer that says why there is none.
    type Refusal = (StatusCode, Json<Value>);

    #[derive(Clone)]
    struct Index {
        log: PathBuf,
        authorization: Arc<str>,
    }

    /// Serves the lines of `log` to whoever proves itself with `authorization`; gives its URL.
    pub(super) fn serve(log: &Path, authorization: &str) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let index = Index { log: log.to_owned(), authorization: authorization.into() };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let router = Router::new()
                    .route("/logs/_search", post(search))
                    .route("/logs/_count", post(count))
                    .with_state(index);
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        url
    }

    fn ms(document: &Value) -> i64 {
        document["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    fn documents(index: &Index, headers: &HeaderMap) -> Result<Vec<(usize, Value)>, Refusal> {
        if headers.get("authorization").is_none_or(|value| value != &*index.authorization) {
            let reason = json!({"error": {"type": "security_exception", "reason": "missing credentials"}, "status": 401});
            return Err((StatusCode::UNAUTHORIZED, Json(reason)));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let text = std::fs::read_to_string(&index.log).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).enumerate();
        Ok(lines
            .filter(|(number, document)| {
                let after = Duration::from_millis(if number % 2 == 0 { 200 } else { 900 });
                i128::from(ms(document)) + after.as_millis().cast_signed() < now.as_millis().cast_signed()
            })
            .collect())
    }

    fn is_in_range(range: &Value, document: &Value) -> bool {
        assert_eq!(range["timestamp"]["format"], "epoch_millis", "{range}");
        ms(document) >= range["timestamp"]["gte"].as_i64().unwrap()
    }

    async fn search(
        State(index): State<Index>,
        headers: HeaderMap,
        Json(asked): Json<Value>,
    ) -> Result<Json<Value>, Refusal> {
        let mut found = documents(&index, &headers)?;
        let query = &asked["query"];
        if let Some(range) = query.get("range") {
            found.retain(|(_, document)| is_in_range(range, document));
            assert_eq!(asked["sort"], json!([{"timestamp": {"order": "asc"}}]));
            found.sort_by_key(|(_, document)| ms(document));
        } else {
            let ids = query["bool"]["should"][0]["terms"]["request_id"].as_array().unwrap();
            found.retain(|(_, document)| {
                ids.contains(&document["request_id"])
                    && is_in_range(&query["bool"]["filter"]["range"], document)
            });
        }
        let size = usize::try_from(asked["size"].as_u64().unwrap()).unwrap();
        let hits: Vec<Value> = found
            .into_iter()
            .take(size)
            .map(|(number, document)| json!({"_index": "logs", "_id": format!("id-{number}"), "_score": null, "_source": document}))
            .collect();
        Ok(Json(
            json!({"took": 1, "timed_out": false, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
            "hits": {"total": {"value": hits.len(), "relation": "eq"}, "max_score": null, "hits": hits}}),
        ))
    }

    async fn count(
        State(index): State<Index>,
        headers: HeaderMap,
        Json(asked): Json<Value>,
    ) -> Result<Json<Value>, Refusal> {
        let found = documents(&index, &headers)?;
        let count =
            found.iter().filter(|(_, document)| is_in_range(&asked["query"]["range"], document)).count();
        Ok(Json(json!({"count": count, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0}})))
    }
}

/// A load at a demo target with these arguments, whose log is asked for from an index.
fn run_with_index(arguments: &str, authorization: &str) -> Done {
    let (folder, file) = scenario("");
    let log = folder.path().join("target.log");
    let url = index::serve(&log, "ApiKey a2V5");
    std::fs::write(&file, SCENARIO.replace("LOG", log.to_str().unwrap()).replace("ARGUMENTS", arguments))
        .unwrap();
    let place = format!("elasticsearch: {{url: \"{url}\", index: logs, authorization_env: LOG_KEY}}");
    std::fs::write(folder.path().join("slo.yaml"), SLO.replace("file: LOG", &place)).unwrap();
    start_run_in(&file, &[], &[("LOG_KEY", authorization)]).finish()
}

#[test]
fn an_index_tells_the_same_as_a_file() {
    let _beside_others = beside_others();
    let cases = [
        ("--seed, \"1\"", None),
        ("--lose-log-line, \"7\"", Some(("logs: lines", "have no line in the log"))),
        ("--log-delay, 4s", Some(("logs: lag", "were there later than 2.00 s"))),
    ];
    at_once(cases, |(arguments, fault)| {
        let done = run_with_index(arguments, "ApiKey a2V5");
        match fault {
            None => expect_all_pass(&done, arguments),
            Some((check, because)) => expect_one_check(&done, 5, check, because),
        }
    });
}

#[test]
fn an_index_that_refuses_shows_nothing_and_its_key_is_nowhere() {
    let _beside_others = beside_others();
    let done = run_with_index("--seed, \"1\"", "ApiKey d3Jvbmc");
    for (name, verdict, because) in telemetry(&done.report()) {
        assert_eq!(verdict, "INCONCLUSIVE", "{name}");
        assert!(because.contains("HTTP 401: missing credentials"), "{because}");
    }
    let entries = std::fs::read_dir(done.run_folder()).unwrap().map(|entry| entry.unwrap().path());
    for file in entries.filter(|path| path.is_file()) {
        let bytes = std::fs::read(file).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("d3Jvbmc"));
    }
}
