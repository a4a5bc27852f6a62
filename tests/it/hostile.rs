//! Text from a hostile server, in every report.

use crate::support::{beside_others, demo, scenario, start_run};

/// Markdown without what stands between equal runs of backticks: there, nothing is markup.
fn without_code_spans(markdown: &str) -> String {
    let mut rest = markdown;
    let mut outside = String::new();
    while let Some(start) = rest.find('`') {
        outside.push_str(&rest[..start]);
        let ticks = rest[start..].chars().take_while(|c| *c == '`').count();
        let (fence, inside) = rest[start..].split_at(ticks);
        let end = inside.find(fence).expect("every code span ends");
        rest = &inside[end + ticks..];
    }
    outside + rest
}

#[test]
fn hostile_names_and_errors_are_harmless_in_every_report() {
    let _beside_others = beside_others();
    let target = demo(&["--hostile-names", "--tool-error-share", "0.2"]);
    let (_folder, file) = scenario(
        r#"
version: 1
name: "hostile <script>alert(1)</script> | name"
target: demo
load: { users: 4, duration: 3s, think_time: 20ms }
transactions:
  - name: "a <b>bold</b> | \"transaction\""
    steps:
      - call_tool: { tool: "<script>alert(1)</script>", arguments: {} }
        name: "</script><script>alert(2)</script> ]]> | `x`"
  - name: list
    steps: [list_tools]
observe: { metrics: { url: /metrics } }
outputs: { formats: [terminal, json, junit, markdown, html, hgrm] }
"#,
    );
    let url = format!("{}/mcp", target.base.trim_end_matches('/'));
    let done = start_run(&file, &["--target", &url]).finish();
    let folder = done.run_folder();
    for name in ["report.html", "summary.md", "junit.xml"] {
        let mut text = std::fs::read_to_string(folder.join(name)).unwrap();
        if name == "summary.md" {
            text = without_code_spans(&text);
        }
        assert!(!text.contains("<script>alert"), "{name}");
        assert!(!text.contains("<b>bold"), "{name}");
    }
    for name in ["report.html", "summary.md", "junit.xml", "summary.txt", "report.json"] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        assert!(!bytes.contains(&0x1b), "{name} holds an escape character");
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains('\u{202e}'), "{name} holds a mark that reorders text");
    }
    assert!(!done.stdout.contains('\u{1b}') && !done.stderr.contains('\u{1b}'));
    let markdown = std::fs::read_to_string(folder.join("summary.md")).unwrap();
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut inside: Option<usize> = None;
    for line in markdown.lines() {
        if line.starts_with('|') {
            let width = *inside.get_or_insert(bars(line));
            assert_eq!(bars(line), width, "a name broke the table: {line}");
        } else {
            inside = None;
        }
    }
}
