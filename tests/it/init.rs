//! `gander init`: what it writes for servers that are there is accepted, and runs without a failed call.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{GANDER, Server, alone, demo, gander, real_server, root, start_run};

/// `gander init ARGS` into a folder of its own, with these variables in its environment.
fn init_in(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(GANDER)
        .args(["init", "--out"])
        .arg(folder)
        .args(args)
        .envs(environment.iter().copied())
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The scenario and its SLOs in `folder`.
fn files(folder: &Path) -> (PathBuf, PathBuf) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let [slo, scenario] = paths.as_slice() else { panic!("{paths:?}") };
    (scenario.clone(), slo.clone())
}

/// Init, validate and run against `url`; gives the scenario's text.
#[track_caller]
fn check(url: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = init_in(folder.path(), &["--target", url], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let (scenario, slo) = files(folder.path());
    let text = std::fs::read_to_string(&scenario).unwrap();
    assert!(said(&output).contains(&format!("next: gander run {}", scenario.display())), "{}", said(&output));
    let validated = gander(&["validate", scenario.to_str().unwrap(), slo.to_str().unwrap()]);
    assert_eq!(validated.status.code(), Some(0), "{}\n{text}", said(&validated));
    assert!(validated.stderr.is_empty(), "{}", said(&validated));
    let done = start_run(&scenario, &["--duration", "5s"]).finish();
    // Five seconds may be too little for a verdict.
    assert!(matches!(done.code, Some(0 | 3)), "{}\n{}\n{text}", done.stdout, done.stderr);
    let report = done.report();
    assert_eq!(report["total"]["calls"], report["total"]["ok"], "{}\n{text}", done.stdout);
    assert!(report["total"]["ok"].as_u64().unwrap() > 20, "{}", done.stdout);
    text
}

/// The MCP endpoint of a demo server.
fn mcp(demo: &Server) -> String {
    format!("{}/mcp", demo.base)
}

/// The lines of the transaction `name`.
#[track_caller]
fn transaction(text: &str, name: &str) -> String {
    let begin = text.find(&format!("  - name: {name}\n")).unwrap_or_else(|| panic!("no `{name}` in {text}"));
    let rest = &text[begin..];
    rest[..rest.find("\n\n").unwrap_or(rest.len())].to_owned()
}

#[test]
fn the_demo_server_gets_a_scenario_that_runs() {
    let _alone = alone();
    let server = demo(&[]);
    let text = check(&mcp(&server));
    assert!(transaction(&text, "search").contains("query: \"{{ nonce }}\""), "{text}");
    assert!(transaction(&text, "calculate").contains("weight: 4"), "{text}");
    let fail = transaction(&text, "fail");
    assert!(
        fail.contains("weight: 0") && fail.contains("# Switched off: when it was tried, it failed:"),
        "{fail}"
    );
}

#[test]
fn the_default_run_of_what_was_written_passes() {
    let _alone = alone();
    let server = demo(&[]);
    let folder = tempfile::tempdir().unwrap();
    let output = init_in(folder.path(), &["--target", &mcp(&server), "--name", "mine"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let (scenario, _) = files(folder.path());
    start_run(&scenario, &[]).finish().expect_code(0);
}

#[test]
fn everything_gets_a_scenario_that_runs() {
    let _alone = alone();
    let Some(server) = real_server("everything") else { return };
    let text = check(&server.base);
    for (name, words) in [
        ("trigger-long-running-operation", "it failed: an answer began, but was not whole"),
        ("simulate-research-query", "it can only be run as a task"),
    ] {
        let slow = transaction(&text, name);
        assert!(slow.contains("weight: 0") && slow.contains(words), "{slow}");
    }
    assert!(transaction(&text, "get-sum").contains("a: \"{{ random.int(1, 100) }}\""), "{text}");
    assert!(transaction(&text, "echo").contains("weight: 4"), "{text}");
}

#[test]
fn servers_of_the_python_sdk_get_scenarios_that_run() {
    let _alone = alone();
    for name in ["py2", "py2-json", "py1"] {
        let Some(server) = real_server(name) else { return };
        let text = check(&server.base);
        assert!(transaction(&text, "add").contains("weight: 4"), "{text}");
        if name != "py1" {
            assert!(transaction(&text, "boom").contains("weight: 0"), "{text}");
            assert!(transaction(&text, "prompt greet").contains("weight: 2"), "{text}");
        }
    }
}

#[test]
fn files_that_are_there_are_kept_unless_forced() {
    let server = demo(&[]);
    let folder = tempfile::tempdir().unwrap();
    let slo = folder.path().join("mine.slo.yaml");
    std::fs::write(&slo, "mine").unwrap();
    let url = mcp(&server);
    let args = ["--target", &url, "--name", "mine", "--no-probe"];
    let output = init_in(folder.path(), &args, &[]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("mine.slo.yaml` is there already"), "{}", said(&output));
    assert_eq!(std::fs::read_to_string(&slo).unwrap(), "mine");
    let output = init_in(folder.path(), &[&args[..], &["--force"]].concat(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(std::fs::read_to_string(&slo).unwrap().contains("A guess: no call was tried."));
}

#[test]
fn a_token_comes_from_the_environment_and_is_not_written_down() {
    let server: Server = demo(&["--require-auth", "--hostile-names"]);
    let folder = tempfile::tempdir().unwrap();
    let output = init_in(folder.path(), &["--target", &mcp(&server)], &[]);
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    assert!(said(&output).contains("--bearer-env VAR"), "{}", said(&output));
    let token = token(&server.base);
    let url = mcp(&server);
    let args = ["--target", &url, "--bearer-env", "DEMO_TOKEN"];
    let output = init_in(folder.path(), &args, &[]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("`DEMO_TOKEN` is not set"), "{}", said(&output));
    let output = init_in(folder.path(), &args, &[("DEMO_TOKEN", &token)]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let (scenario, slo) = files(folder.path());
    for path in [&scenario, &slo] {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(!text.contains(&token), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    }
    let text = std::fs::read_to_string(&scenario).unwrap();
    assert!(text.contains("auth: {bearer: \"{{ env.DEMO_TOKEN }}\"}"), "{text}");
}

/// A token of the demo server.
fn token(base: &str) -> String {
    use std::io::{Read as _, Write as _};
    let host = base.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let body = r#"{"username":"test_user","password":"test_pass"}"#;
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(
        stream,
        "POST /auth/token HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let answer: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn bad_flags_and_servers_that_are_not_there_have_their_codes() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = format!("http://127.0.0.1:{}/mcp", crate::support::free_port());
    for (args, code, words) in [
        (&["--target", "http://192.0.2.1/mcp"][..], 2, "--allow-host 192.0.2.1"),
        (&["--target", "not a url"], 2, "is no URL"),
        (&["--target", "http://ann:hunter2@127.0.0.1/mcp"], 2, "credentials in a URL"),
        (&["--target", "demo"], 2, "start it"),
        (&["--target", &nobody, "--name", "../x"], 2, "write letters"),
        (&["--target", &nobody, "--bearer-env", "a b"], 2, "name of an environment variable"),
        (&[], 2, "--target"),
        (&["--target", &nobody], 5, "is the server running"),
    ] {
        let output = init_in(folder.path(), args, &[]);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
        assert!(
            said(&output).contains(words) && !said(&output).contains("hunter2"),
            "{args:?}: {}",
            said(&output)
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
