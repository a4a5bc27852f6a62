//! Canaries in what is sent: each leak of the demo target is found by the check of its place and by no other, the healthy one raises none,
//! and what was sent is nowhere in what gander writes.

use std::path::{Path, PathBuf};

use crate::support::{Done, at_once, beside_others, gander, same_offline, scenario, start_run, telemetry};

const SCENARIO: &str = "
version: 1
name: canaries
target: { demo: { path: /mcp, arguments: [--log, LOG, ARGUMENTS] } }
load: { rate: 40/s, max_users: 30, duration: 7s, warm_up: 1s }
observe: { metrics: { url: /metrics }, health: { health: \"/health?detailed=true\" } }
transactions:
  - { name: search, weight: 3, call_tool: { tool: search, arguments: { query: \"about {{ canary.query }}\" } } }
  - { name: calculate, weight: 2, call_tool: { tool: calculate, arguments: { expression: \"1 + {{ random.int(1, 100) }}\" } } }
slo: [slo.yaml]
";

const SLO: &str = "version: 1
checks:
  redaction: { file: LOG, header: Authorization, sample: 50% }
";

/// A load at a demo target with these arguments, with canaries.
fn run(arguments: &str, slo: &str) -> (Done, tempfile::TempDir) {
    let (folder, file) = scenario("");
    let log = folder.path().join("target.log");
    let log = log.to_str().unwrap();
    std::fs::write(&file, SCENARIO.replace("LOG", log).replace("ARGUMENTS", arguments)).unwrap();
    std::fs::write(folder.path().join("slo.yaml"), slo.replace("LOG", log)).unwrap();
    (start_run(&file, &[]).finish(), folder)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What follows `gander-canary-` in `text`, where that is a whole canary.
fn canaries_in(text: &str) -> Vec<String> {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_hexdigit).collect::<String>();
    text.split("gander-canary-").skip(1).map(digits).filter(|digits| digits.len() == 32).collect()
}

/// No canary is in anything that gander wrote or said, in plain text or in any base64.
#[track_caller]
fn nowhere(done: &Done, sent: &[String]) {
    let mut texts: Vec<(String, String)> = files(&done.run_folder())
        .into_iter()
        .map(|path| {
            (path.display().to_string(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned())
        })
        .collect();
    assert!(texts.len() > 5, "{texts:?}");
    texts.push(("standard output".to_owned(), done.stdout.clone()));
    for (name, text) in &texts {
        assert_eq!(canaries_in(text), Vec::<String>::new(), "{name}");
        for canary in sent {
            assert!(!text.contains(canary.as_str()), "{name}");
            let hex = canary.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            assert!(!text.contains(&hex), "{name}");
        }
    }
}

/// The checks of `failing` fail, each with these words; all others pass and say `fine`; and `gander check` says the same.
#[track_caller]
fn expect(done: &Done, failing: &[(&str, &str)], fine: &str) {
    let checks_seen = telemetry(&done.report());
    for (name, verdict, because) in &checks_seen {
        let expected = failing.iter().find(|(check, _)| check == name);
        assert_eq!(verdict, if expected.is_some() { "FAIL" } else { "PASS" }, "{name}: {because}");
        let words = expected.map_or(fine, |(_, words)| words);
        assert!(because.contains(words), "{name}: {because}");
    }
    // Beside other loads gander may be late, and its PASS is none.
    if !failing.is_empty() {
        done.expect_code(1);
    }
    same_offline(done);
}

#[test]
fn each_leak_is_found_where_it_is_and_nowhere_else() {
    let _beside_others = beside_others();
    let leaks: [(&str, &[(&str, &str)]); 5] = [
        ("--seed, \"1\"", &[]),
        ("--leak-secret-in-log", &[("redaction: logs", "as it is in field `")]),
        (
            "--leak-secret-in, label",
            &[("redaction: metrics", "as it is in `mcp_last_client_info`, label `authorization`")],
        ),
        (
            "--leak-secret-in, reply",
            &[("redaction: replies", "the header authorization carried stands in base64")],
        ),
        ("--leak-secret-in, health", &[("redaction: health", "percent-encoded in /health")]),
    ];
    at_once(leaks, |(arguments, failing)| {
        let (done, folder) = run(arguments, SLO);
        assert_eq!(telemetry(&done.report()).len(), 4);
        expect(&done, failing, "carried");
        let log = std::fs::read_to_string(folder.path().join("target.log")).unwrap();
        let sent = canaries_in(&log);
        assert_eq!(sent.is_empty(), !arguments.contains("in-log"), "{arguments}");
        nowhere(&done, &sent);
    });
}

#[test]
fn the_log_of_the_other_checks_is_looked_through_too() {
    let _beside_others = beside_others();
    let slo = "version: 1
checks:
  logs: { file: LOG, lag_within: 2s, slow: 5s }
  redaction: { where: [logs] }
";
    let (done, _folder) = run("--leak-secret-in-log", slo);
    let checks = telemetry(&done.report());
    let (_, verdict, because) = checks.iter().find(|(name, ..)| name == "redaction: logs").unwrap();
    assert_eq!(verdict, "FAIL", "{because}");
    assert!(
        because.contains("the arguments of `search` carried stands as it is in field `query`"),
        "{because}"
    );
    assert!(
        checks
            .iter()
            .filter(|(name, ..)| name.starts_with("logs: "))
            .all(|(_, verdict, _)| verdict == "PASS")
    );
}

#[test]
fn validate_says_what_is_looked_for_and_where() {
    let (folder, file) = scenario("");
    std::fs::write(&file, SCENARIO.replace("LOG", "x.log").replace("ARGUMENTS", "--seed, \"1\"")).unwrap();
    std::fs::write(folder.path().join("slo.yaml"), SLO.replace("LOG", "x.log")).unwrap();
    let told = gander(&["validate", file.to_str().unwrap()]);
    let told = String::from_utf8_lossy(&told.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains(
            "what requests carry as if it were secret (header authorization, canary.query) is looked for in: \
             logs (x.log), metrics, health, replies (50 % of them)"
        ),
        "{told}"
    );
}

const AUDIT: &str = "version: 1
checks:
  audit: { file: LOG, lag_within: 2s }
";

#[test]
fn an_audit_record_that_is_lost_or_there_twice_is_found() {
    let _beside_others = beside_others();
    let faults: [(&str, &[(&str, &str)]); 3] = [
        ("--tool-error-share, \"0.1\"", &[]),
        ("--lose-audit-record, \"7\"", &[("audit: records", "have no record; the first is request ")]),
        (
            "--double-audit-record, \"9\"",
            &[("audit: records", "have more than one record; the first is request ")],
        ),
    ];
    at_once(faults, |(arguments, failing)| {
        let (folder, file) = scenario("");
        let log = folder.path().join("audit.log");
        let log = log.to_str().unwrap();
        let text = SCENARIO.replace("--log, LOG", "--audit-log, LOG").replace("LOG", log);
        std::fs::write(&file, text.replace("ARGUMENTS", arguments)).unwrap();
        std::fs::write(folder.path().join("slo.yaml"), AUDIT.replace("LOG", log)).unwrap();
        let done = start_run(&file, &[]).finish();
        assert_eq!(telemetry(&done.report()).len(), 3);
        expect(&done, failing, "record");
    });
}
