//! Targets that are processes and targets that speak HTTP+SSE: those that other people wrote, and one that misbehaves.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    Done, MARK, Running, alone, at_once, beside_others, fake, gander, has_python, none_left, processes_with,
    real_server, real_stdio_server, scenario, start_run, start_run_in, wait_until,
};

/// Everything that the fake server can do wrong, one step each.
const MISBEHAVING: &str = "
version: 1
name: misbehaving
target: TARGET
timeout: 10s
load: { users: 2, duration: 10s }
transactions:
  - name: all
    steps:
      - { name: twice, call_tool: twice }
      - { name: late, call_tool: late, timeout: 200ms }
      - { name: never, call_tool: never, timeout: 200ms }
      - { name: chatty, call_tool: chatty }
      - { name: stranger, call_tool: stranger }
      - { name: pinging, call_tool: pinging }
      - { name: asking, call_tool: asking }
      - { name: text id, call_tool: text_id }
      - { name: die, call_tool: die }
      - { name: echo, call_tool: { tool: echo, arguments: { text: hello } }, checks: [{ contains: hello }] }
";
const KEY: &str = "s3cret-of-the-fake";

/// `gander run` with `mark` in its environment.
fn start_marked(file: &Path, args: &[&str], mark: &str) -> Running {
    start_run_in(file, args, &[(MARK, mark), ("KEY", KEY)])
}

pub(crate) fn count(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

pub(crate) fn row<'r>(report: &'r Value, name: &str) -> &'r Value {
    let rows = ["steps", "around"].map(|part| report[part].as_array().unwrap());
    rows.into_iter().flatten().find(|row| row["name"] == name).unwrap()
}

pub(crate) fn outcome(report: &Value, name: &str) -> u64 {
    let rows = report["outcomes"].as_array().unwrap();
    rows.iter().find(|row| row["outcome"] == name).map_or(0, |row| count(&row["count"]))
}

pub(crate) fn notes(report: &Value) -> String {
    let notes = report["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap());
    notes.collect::<Vec<_>>().join("\n")
}

/// All calls of the load were answered well, in `era` over `transport`.
#[track_caller]
fn all_well(done: &Done, transport: &str, era: &str) -> Value {
    // Without objectives there is nothing to conclude; that is no pass.
    assert!(matches!(done.code, Some(3 | 4)), "{:?}\n{}\n{}", done.code, done.stdout, done.stderr);
    let report = done.report();
    assert_eq!((&report["target"]["transport"], &report["target"]["era"]), (&transport.into(), &era.into()));
    assert_eq!(report["planned"], report["recorded"]);
    assert!(count(&report["total"]["calls"]) > 20, "{:#}", report["total"]);
    for outcome in report["outcomes"].as_array().unwrap() {
        assert!(outcome["outcome"] == "ok" || outcome["expected"] == true, "{outcome:#}");
    }
    let strays = report["strays"].as_object().unwrap();
    assert!(strays.values().all(|value| *value == 0), "{strays:?}");
    report
}

const REAL: &str = "
version: 1
name: real
target: demo
timeout: 20s
load: { users: 3, duration: 8s, think_time: 20ms }
transactions:
  - { name: list, list_tools: {} }
  - { name: call, weight: 3, call_tool: CALL }
";

#[track_caller]
fn check_stdio(name: &str, era: &str, call: &str) {
    let _beside_others = beside_others();
    let Some(command) = real_stdio_server(name) else { return };
    let (_folder, file) = scenario(&REAL.replace("CALL", call));
    let mark = format!("mark-of-{name}-{}", std::process::id());
    let done = start_marked(&file, &["--stdio", &command], &mark).finish();
    let report = all_well(&done, "stdio", era);
    assert!(command.starts_with(report["target"]["url"].as_str().unwrap()), "{report:#}");
    assert!(done.stdout.contains("over stdio"), "{}", done.stdout);
    none_left(&mark);
}

#[test]
fn everything_is_called_over_its_standard_input() {
    check_stdio("everything-stdio", "legacy", "{ tool: echo, arguments: { message: \"hello {{ vu }}\" } }");
}

#[test]
fn memory_is_called_over_its_standard_input() {
    check_stdio("memory-stdio", "legacy", "{ tool: read_graph, arguments: {} }");
}

#[test]
fn the_second_python_sdk_is_called_over_its_standard_input() {
    check_stdio("py2-stdio", "modern", "{ tool: add, arguments: { a: \"{{ random.int(1, 100) }}\", b: 2 } }");
}

#[test]
fn the_time_is_called_over_its_standard_input() {
    check_stdio("time-stdio", "modern", "{ tool: get_current_time, arguments: { timezone: UTC } }");
}

#[track_caller]
fn check_sse(name: &str, call: &str) {
    let _beside_others = beside_others();
    let Some(server) = real_server(name) else { return };
    let (_folder, file) = scenario(&REAL.replace("CALL", call).replace("8s", "4s"));
    at_once(["auto", "sse"], |transport| {
        let target = format!("target={{url: '{}', transport: {transport}}}", server.base);
        let report = all_well(&start_run(&file, &["--set", &target]).finish(), "sse", "legacy");
        assert_eq!(count(&row(&report, "initialize")["calls"]), 4, "one a user, and the first contact's");
    });
}

#[test]
fn everything_is_called_over_http_and_sse() {
    check_sse("everything-sse", "{ tool: echo, arguments: { message: \"hello {{ vu }}\" } }");
}

#[test]
fn the_second_python_sdk_is_called_over_http_and_sse() {
    check_sse("py2-sse", "{ tool: add, arguments: { a: 1, b: 2 } }");
}

/// Twenty transactions, each with a text of its own that its answer must hold.
fn twenty(target: &str, load: &str, tool: &str, argument: &str) -> String {
    let transaction = |number: u32| {
        format!(
            "  - {{ name: t{number}, call_tool: {{ tool: {tool}, arguments: {{ {argument}: text-{number} }} }}, \
             checks: [{{ contains: text-{number} }}] }}\n"
        )
    };
    let transactions: String = (10..30).map(transaction).collect();
    format!(
        "version: 1\nname: twenty\ntarget: {target}\ntimeout: 20s\nload: {load}\ntransactions:\n{transactions}"
    )
}

#[test]
fn answers_of_a_process_that_twenty_users_share_are_not_mixed_up() {
    // So many calls leave others no processor.
    let _alone = alone();
    let mark = format!("shared-{}", std::process::id());
    let mut targets = Vec::new();
    if has_python() {
        let command = format!("[python3, {}, stdio]", fake());
        targets.push((format!("{{ stdio: {command}, processes: shared }}"), "shuffled", "text"));
    }
    if let Some(command) = real_stdio_server("everything-stdio") {
        targets.push((format!("{{ stdio: '{command}', processes: shared }}"), "echo", "message"));
    }
    for (target, tool, argument) in targets {
        let (_folder, file) = scenario(&twenty(&target, "{ users: 20, duration: 3s }", tool, argument));
        let report = all_well(&start_marked(&file, &[], &mark).finish(), "stdio", "legacy");
        assert!(count(&report["total"]["calls"]) > 500, "{:#}", report["total"]);
        assert_eq!(count(&row(&report, "initialize")["calls"]), 1, "one session for all");
        assert!(report["target"]["pid"].is_u64() && !report["saturation"].as_array().unwrap().is_empty());
        none_left(&mark);
    }
}

#[test]
fn an_open_load_goes_to_processes_too() {
    if !has_python() {
        return;
    }
    let _beside_others = beside_others();
    let mark = format!("open-{}", std::process::id());
    let target = format!("{{ stdio: [python3, {}, stdio] }}", fake());
    let load = "{ rate: 100/s, spacing: constant, duration: 5s, users: 10, max_users: 10 }";
    let (_folder, file) = scenario(&twenty(&target, load, "shuffled", "text"));
    let report = all_well(&start_marked(&file, &[], &mark).finish(), "stdio", "legacy");
    assert_eq!(count(&report["total"]["calls"]), 500);
    none_left(&mark);
}

/// What the fake server does wrong ends in an outcome of its own or is counted, over either transport. `users` is how many
/// strays of each kind may not have come when the load was over.
#[track_caller]
fn each_has_its_outcome(report: &Value, users: u64) {
    let calls = |name| count(&row(report, name)["calls"]);
    for name in ["twice", "chatty", "stranger", "pinging", "asking", "echo"] {
        assert_eq!(row(report, name)["ok"], row(report, name)["calls"], "{name}: {:#}", report["outcomes"]);
    }
    assert!(calls("echo") > 2, "{:#}", report["steps"]);
    assert_eq!(outcome(report, "transport/timeout/first_byte"), calls("late") + calls("never"));
    assert_eq!(outcome(report, "protocol/wrong_id"), calls("text id"));
    assert_eq!(outcome(report, "transport/eof"), calls("die"));
    let strays = &report["strays"];
    for (kind, name) in
        [("duplicate", "twice"), ("rubbish", "chatty"), ("unknown", "stranger"), ("late", "late")]
    {
        let (told, all) = (count(&strays[kind]), calls(name));
        assert!(told > 0 && told <= all && told + users >= all, "{kind}: {told} of {all}");
    }
    assert_eq!(report["planned"], report["recorded"]);
    // A session that was lost is opened anew: once a death, beside the first contact's and the users' own.
    let opened = count(&row(report, "initialize")["calls"]);
    let lost = calls("die");
    assert!(opened > lost && opened <= lost + users + 1, "{opened} sessions, {lost} lost");
    let notes = notes(report);
    assert!(notes.contains("answers came after their calls had been given up"), "{notes}");
    assert!(notes.contains("it is read over: `listening with ***`"), "{notes}");
    assert!(!report.to_string().contains(KEY), "{report:#}");
}

#[test]
fn each_fault_of_a_process_has_its_outcome() {
    if !has_python() {
        return;
    }
    let _beside_others = beside_others();
    let mark = format!("faults-{}", std::process::id());
    let command = format!("[python3, {}, stdio]", fake());
    let target = format!("{{ stdio: {command}, env: {{ FAKE_KEY: '{{{{ env.KEY }}}}' }} }}");
    let (_folder, file) = scenario(&MISBEHAVING.replace("TARGET", &target));
    let done = start_marked(&file, &[], &mark).finish();
    let report = done.report();
    each_has_its_outcome(&report, 2);
    let told = report["errors"].to_string();
    assert!(told.contains("the process ended by itself (exit status: 3)"), "{told}");
    assert!(told.contains("fatal: no fuel for ***"), "{told}");
    assert!(!format!("{}{}", done.stdout, done.stderr).contains(KEY), "{}{}", done.stdout, done.stderr);
    none_left(&mark);
}

/// The fake server over HTTP+SSE, killed when dropped.
/// The fake server, over HTTP.
pub(crate) struct Fake {
    child: Child,
    pub(crate) url: String,
}

impl Drop for Fake {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn fake_sse(flags: &[&str]) -> Fake {
    fake_at("sse", flags)
}

pub(crate) fn fake_at(mode: &str, flags: &[&str]) -> Fake {
    let mut command = Command::new("python3");
    command.arg(fake()).arg(mode).args(flags).env("FAKE_KEY", KEY);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("ready ").unwrap().to_owned();
    Fake { child, url }
}

#[test]
fn each_fault_of_a_stream_has_its_outcome() {
    if !has_python() {
        return;
    }
    let _beside_others = beside_others();
    let server = fake_sse(&[]);
    let (_folder, file) = scenario(&MISBEHAVING.replace("TARGET", &server.url));
    // What the environment gave is a secret of the run wherever it stands.
    let tagged = "transactions.all.steps.echo.call_tool.arguments.text=hello {{ env.KEY }}";
    let report = start_run_in(&file, &["--set", tagged], &[("KEY", KEY)]).finish().report();
    assert_eq!((&report["target"]["transport"], &report["target"]["era"]), (&"sse".into(), &"legacy".into()));
    each_has_its_outcome(&report, 2);
    assert!(report["errors"].to_string().contains("the server ended the stream of events"));
}

#[test]
fn a_stream_is_found_behind_a_refusal_without_words() {
    if !has_python() {
        return;
    }
    let _beside_others = beside_others();
    let server = fake_sse(&["quiet"]);
    let load = "{ users: 2, duration: 2s, think_time: 10ms }";
    let (_folder, file) = scenario(&twenty(&server.url, load, "echo", "text"));
    let report = start_run(&file, &[]).finish().report();
    assert_eq!((&report["target"]["transport"], &report["target"]["era"]), (&"sse".into(), &"legacy".into()));
    assert_eq!(report["total"]["ok"], report["total"]["calls"]);
    let refused = start_run(
        &file,
        &["--set", &format!("target={{url: '{}', transport: streamable_http}}", server.url)],
    );
    refused.finish().expect_code(5);
}

#[test]
fn nobody_is_posted_to_who_was_not_named() {
    if !has_python() {
        return;
    }
    let server = fake_sse(&["elsewhere"]);
    let (_folder, file) = scenario(&MISBEHAVING.replace("TARGET", "demo"));
    let target = format!("target={{url: '{}', transport: sse}}", server.url);
    let done = start_run(&file, &["--set", &target]).finish();
    done.expect_code(5);
    assert!(done.stderr.contains("names another origin, which is not called"), "{}", done.stderr);
}

#[test]
fn a_process_that_does_not_start_or_dies_at_once_says_why() {
    let (_folder, file) = scenario(&MISBEHAVING.replace("TARGET", "demo"));
    for (command, words) in [
        ("no-such-program-here", "`no-such-program-here` cannot be started"),
        ("sh -c 'echo no licence >&2; exit 7'", "(exit status: 7); its last words: no licence"),
        ("sh -c 'exec cat >/dev/null'", "the process closed its standard output"),
    ] {
        let done = start_run(&file, &["--stdio", command, "--set", "timeout=5s"]).finish();
        done.expect_code(5);
        assert!(done.stderr.contains(words), "{command}: {}", done.stderr);
    }
}

/// A run against servers that end for nothing but SIGKILL, each with a child of its own, in its second second.
fn stubborn(mark: &str) -> Running {
    let (folder, file) = scenario(&MISBEHAVING.replace("TARGET", "demo"));
    let command = format!("python3 {} stdio --stubborn", fake());
    let set = "transactions=[{name: echo, call_tool: {tool: echo, arguments: {text: hi}}}]";
    let arguments = ["--stdio", &command, "--set", set, "--set", "load.think_time=10ms", "--duration", "60s"];
    let running = start_marked(&file, &arguments, mark);
    running.wait_for_seconds(2);
    // Two users, each with a process that has a child; that of the first contact takes its time to end.
    wait_until(Duration::from_secs(20), || processes_with(mark).len() == 4);
    drop(folder);
    running
}

#[test]
fn no_process_is_left_behind_however_often_it_is_asked() {
    if !has_python() {
        return;
    }
    let _beside_others = beside_others();
    at_once(1..=3, |times| {
        let mark = format!("stubborn-{times}-{}", std::process::id());
        let running = stubborn(&mark);
        for _ in 0..times {
            running.signal("INT");
            // Signals of one kind that come at once are one.
            std::thread::sleep(Duration::from_millis(300));
        }
        let done = running.finish();
        assert_eq!(done.code, Some(130), "{times}: {}", done.stderr);
        none_left(&mark);
    });
}

#[test]
fn processes_see_the_end_of_their_input_when_gander_is_killed() {
    if !has_python() {
        return;
    }
    let _beside_others = beside_others();
    let mark = format!("orphans-{}", std::process::id());
    let (_folder, file) = scenario(&MISBEHAVING.replace("TARGET", "demo"));
    let command = format!("python3 {} stdio", fake());
    let running = start_marked(&file, &["--stdio", &command, "--duration", "60s"], &mark);
    running.wait_for_seconds(2);
    assert!(!processes_with(&mark).is_empty());
    running.signal("KILL");
    running.finish();
    wait_until(Duration::from_secs(10), || processes_with(&mark).is_empty());
}

#[test]
fn a_floor_that_says_nothing_of_the_transport_is_not_measured() {
    let output = gander(&["run", "scenarios/smoke.yaml", "--stdio", "cat", "--floor"]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let both = gander(&["run", "scenarios/smoke.yaml", "--stdio", "cat", "--target", "http://127.0.0.1:1/"]);
    assert_eq!(both.status.code(), Some(2), "{}", String::from_utf8_lossy(&both.stderr));
}
