//! Streams that are held open beside the load, in both eras, over every transport.

use serde_json::{Value, json};

use crate::support::{beside_others, demo, has_python, real_server, real_stdio_server, scenario, start_run};
use crate::transports::{count, fake_at, notes, row};

const HELD: &str = "
version: 1
name: held
target: TARGET
protocol: PROTOCOL
timeout: 5s
load: { users: 2, duration: 4s, think_time: 20ms, idle_streams: 15 }
transactions:
  - name: call
    call_tool: { tool: echo, arguments: { KEY: hello } }
";

fn report_at(target: &str, protocol: &str, key: &str) -> Value {
    let text = HELD.replace("TARGET", target).replace("PROTOCOL", protocol).replace("KEY", key);
    let (_folder, file) = scenario(&text);
    let done = start_run(&file, &[]).finish();
    let report = done.report();
    let call = row(&report, "call");
    assert!(count(&call["calls"]) > 20 && call["ok"] == call["calls"], "{call:#} {:#}", report["errors"]);
    assert_eq!(report["planned"], report["recorded"]);
    report
}

#[track_caller]
fn all_are_held(target: &str, protocol: &str, key: &str) {
    let report = report_at(target, protocol, key);
    let idle = &report["idle_streams"];
    assert_eq!(
        (&idle["asked"], &idle["most"], &idle["ended"]),
        (&json!(15), &json!(15), &json!(0)),
        "{idle}"
    );
    assert!(count(&idle["fewest"]) > 0, "{idle}");
    let opened = row(&report, "idle stream");
    assert_eq!((&opened["calls"], &opened["ok"]), (&json!(15), &json!(15)), "{opened:#}");
    assert!(notes(&report).contains("15 idle streams were to be open"), "{}", notes(&report));
}

#[test]
fn streams_are_held_open_in_both_eras() {
    let _beside_others = beside_others();
    let server = demo(&[]);
    all_are_held(&format!("{}/mcp", server.base), "2025-11-25", "text");
    all_are_held(&format!("{}/mcp", server.base), "2026-07-28", "text");
}

#[test]
fn streams_of_other_peoples_servers_are_held_open_over_every_transport() {
    let _beside_others = beside_others();
    if let Some(server) = real_server("everything") {
        all_are_held(&server.base, "auto", "message");
    }
    if let Some(server) = real_server("everything-sse") {
        all_are_held(&format!("{{ url: '{}', transport: sse }}", server.base), "auto", "message");
    }
    if let Some(server) = real_server("py2") {
        all_are_held(&server.base, "2026-07-28", "text");
    }
    if let Some(command) = real_stdio_server("time-stdio") {
        let target = format!("{{ stdio: {command:?} }}");
        let text = HELD
            .replace("TARGET", &target)
            .replace("PROTOCOL", "2025-06-18")
            .replace("echo, arguments: { KEY: hello }", "get_current_time, arguments: { timezone: UTC }")
            // Each is a process, which takes a while to start.
            .replace("idle_streams: 15", "idle_streams: 3")
            .replace("timeout: 5s", "timeout: 60s")
            .replace("duration: 4s", "duration: 15s");
        let (_folder, file) = scenario(&text);
        let report = start_run(&file, &[]).finish().report();
        assert_eq!(report["idle_streams"]["most"], 3, "{:#}", report["errors"]);
    }
}

#[test]
fn a_target_without_streams_is_told_as_such() {
    if !has_python() {
        return;
    }
    let _beside_others = beside_others();
    let report = report_at(&fake_at("http", &[]).url, "2025-11-25", "text");
    let idle = &report["idle_streams"];
    assert_eq!((&idle["fewest"], &idle["most"]), (&json!(0), &json!(0)), "{idle}");
    let opened = row(&report, "idle stream");
    assert_eq!((&opened["ok"], &opened["failures"][0][0]), (&json!(0), &json!("http")), "{opened:#}");
    assert!(count(&opened["calls"]) < 100, "it is not besieged: {opened:#}");
    assert!(notes(&report).contains("see the set-up calls"), "{}", notes(&report));
}
