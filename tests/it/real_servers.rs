//! MCP servers that other people wrote, from `../shared/targets`.

use crate::support::{beside_others, real_server, scenario, start_run};

#[track_caller]
fn check(name: &str, era: &str, good: &str, bad: Option<&str>) {
    let _beside_others = beside_others();
    let Some(server) = real_server(name) else { return };
    let mut text = format!(
        "
version: 1
name: {name}
target: {}
timeout: 10s
load: {{ users: 3, duration: 5s, think_time: 50ms }}
transactions:
  - name: good
    weight: 4
    steps:
      - call_tool: {good}
  - name: list
    weight: 1
    steps: [list_tools]
",
        server.base
    );
    if let Some(bad) = bad {
        text += "  - name: bad\n    weight: 1\n    steps:\n      - call_tool: ";
        text += bad;
        text += "\n";
    }
    let (_folder, file) = scenario(&text);
    let done = start_run(&file, &[]).finish();
    // Without objectives there is nothing to conclude; that is no pass.
    done.expect_code(3);
    let report = done.report();
    assert_eq!(report["target"]["era"], era, "{name}");
    assert_eq!(report["planned"], report["recorded"]);
    for row in report["steps"].as_array().unwrap() {
        assert!(row["calls"].as_u64().unwrap() > 10, "{name}: {row:#}");
        let wanted = if row["tool"] == "boom" { 0 } else { row["calls"].as_u64().unwrap() };
        assert_eq!(row["ok"].as_u64(), Some(wanted), "{name}: {row:#}");
        if wanted == 0 {
            assert_eq!(row["failures"][0][0], "tool", "{name}: {row:#}");
        }
    }
}

#[test]
fn everything_speaks_legacy_and_streams_its_answers() {
    check("everything", "legacy", "{ tool: echo, arguments: { message: \"hello {{ vu }}\" } }", None);
}

#[test]
fn the_second_python_sdk_speaks_the_modern_era() {
    let good = "{ tool: add, arguments: { a: \"{{ random.int(1, 100) }}\", b: 2 } }";
    check("py2", "modern", good, Some("{ tool: boom, arguments: {} }"));
}

#[test]
fn the_second_python_sdk_answers_without_streams() {
    let good = "{ tool: echo, arguments: { text: \"{{ nonce }}\" } }";
    check("py2-json", "modern", good, Some("{ tool: boom, arguments: {} }"));
}

#[test]
fn the_first_python_sdk_speaks_legacy() {
    check("py1", "legacy", "{ tool: add, arguments: { a: 1, b: \"{{ iteration }}\" } }", None);
}
