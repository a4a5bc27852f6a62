//! What templates and files of rules are taken, held against promtool.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gander::model::Color;
use gander::rules::load;

use crate::rules::{check_rules, check_tests, folder, promtool, said};

const TEMPLATES: &[&str] = &[
    "{{break}}",
    "{{continue}}",
    "{{range .Labels}}{{break}}{{end}}",
    "{{range .Labels}}{{else}}{{break}}{{end}}",
    "{{range .Labels}}{{if true}}{{break}}{{end}}{{end}}",
    "{{range .Labels}}{{template \"q\"}}{{define \"q\"}}{{break}}{{end}}{{end}}",
    "{{define \"q\"}}{{break}}{{end}}",
    "{{ break }}",
    "{{break 1}}",
    "{{with .Labels}}{{continue}}{{end}}",
    "{{if continue}}{{end}}",
    "{{/* c */}}",
    "{{ /* c */ }}",
    "{{- /* c */ -}}",
    "{{-  /* c */ -}}",
    "{{- /* c */  -}}",
    "{{- /* c */}}",
    "{{/* c */ -}}",
    "{{/* c */ }}",
    "{{ /* c */}}",
    "{{/* c */-}}",
    "{{/* c",
    "{{/* }} */}}",
    "{{print /* c */}}",
    "{{-/* c */}}",
    "{{- /* c */-}}",
    "{{ print 1i }}",
    "{{ print 1+2i }}",
    "{{ print 1.5e3i }}",
    "{{ print 0x1p4i }}",
    "{{ print 1_000 }}",
    "{{ print 0x_1F }}",
    "{{ print 0b11 }}",
    "{{ print 0o17 }}",
    "{{ print 017 }}",
    "{{ print 'a' }}",
    "{{ print 1e1000 }}",
    "{{ print 99999999999999999999 }}",
    "{{ print 1.2.3 }}",
    "{{ nope }}",
    "{{ $x }}",
    "{{",
    "{{ end }}",
    "{{if}}",
    "{{ \"a }}",
    "{{range $i, $e := .Labels}}{{$i}}{{end}}",
    "{{ block \"x\" . }}{{end}}",
    "{{ $x := 1 }}{{ $x = 2 }}",
    "{{ nil }}",
    "{{ 1 | 2 }}",
    "{{ print +1i }}",
    "{{ print -1i }}",
    "{{ print -1-2i }}",
    "{{ print 1i 2 }}",
    "{{ if 1i }}y{{end}}",
    "{{ eq 1i 1i }}",
    "{{ printf \"%v\" 1i }}",
    "{{ $x := 2i }}{{ $x }}",
    "{{ else }}",
    "{{ print 08 }}",
    "{{ print 08i }}",
    "{{ print 1I }}",
    "{{/**/}}",
    "{{ print 1i.5 }}",
    "{{ print i }}",
    "{{ print .5i }}",
    "{{(print 1i)}}",
    "{{define \"x\"}}a{{end}}{{template \"x\"}}",
    "{{template \"nope\"}}",
    "{{break}}x{{range .Labels}}{{end}}",
    "{{range .Labels}}{{end}}{{break}}",
    "{{range break}}{{end}}",
    "{{ 1i }}",
    "{{ print `1i` }}",
    "{{ print \"\\\"1i\" }}",
    "{{ print \"\\\\\" 1i }}",
    "{{/* 1i */}}",
    "{{ $A := 1 }}{{ print 1i $A }}",
    "{{ .Labels.a1i }}",
    "{{ print 0xi }}",
    "{{ print 0x1i }}",
    "{{ print 1e3i }}",
    "{{ print 1__0i }}",
    "{{ print 1+2 }}",
    "{{ print 1+i }}",
    "{{ print 1i2 }}",
    "{{ print 1i+2 }}",
    "{{ print 1i+2i }}",
    "{{ print 1e+i }}",
    "{{ \"x\" | print 1i }}",
    "{{define \"x\"}}{{ 1i }}{{end}}",
    "{{ with 1i }}{{ . }}{{ end }}",
    "{{- 1i -}}",
    "{{ (1i) }}",
    "{{ 1i.x }}",
    "{{ $x := 1i }}{{ $x.y }}",
    "{{range .Labels}}{{block \"x\" .}}{{break}}{{end}}{{end}}",
    "{{range .Labels}}{{range .}}{{end}}{{break}}{{end}}",
    "{{range .Labels}}{{with .}}{{continue}}{{else}}{{break}}{{end}}{{end}}",
    "a {{- \t/* c */}}",
    "{{-\t/* c */\n-}}",
    "{{/* c *//* d */}}",
    "{{/* a */}}{{ /* b */ }}",
    "{{ \"/*\" }}",
    "{{ \"{{/* a */}}\" }}",
    "{{/* {{ */}}",
    "{{-/* c */-}}",
    "{{ - /* c */ }}",
];

/// Whole files with little in them.
const FILES: &[&str] = &[
    "groups: [null]",
    "groups: [{name: a, rules: [null]}]",
    "groups:\n- null\n",
    "groups:\n- name: a\n  rules:\n  -\n",
    "groups: [{name: a, rules: [{}]}]",
    "groups: [{}]",
    "groups: null",
    "null",
    "groups: [{name: a, rules: null}]",
    "groups: [{name: null}]",
    "groups: [null, {name: a, rules: [{record: x, expr: up}]}]",
    "groups: [null, null]",
    "groups: [{name: \"\"}]",
    "groups: [{name: \" \"}]",
    "{}",
    "groups: [~]",
    "groups: [{name: a},null]",
    "groups: {}",
    "groups: \"\"",
    "groups: [{name: a, rules: {}}]",
    "groups: [{name: a, rules: \"\"}]",
    "[]",
    "\"\"",
    "groups: [{name: a, rules: [[]]}]",
    "groups: [[]]",
    "groups: [\"\"]",
    "groups: [{name: a, rules: [\"\"]}]",
    "groups: [{name: a, rules: [{record: x, expr: up}, null]}]",
    "groups: [{name: a, rules: [{record: , expr: }]}]",
    "groups: [{name: a, rules: [{record: x, expr: \" \"}]}]",
    "groups: [{name: a, rules: [{alert: \" \", expr: up}]}]",
    "---\n",
    "---\ngroups:\n",
    "# c",
];

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn rule(number: usize, template: &str) -> String {
    format!("  - {{alert: r{number}, expr: up, annotations: {{s: {}}}}}\n", quoted(template))
}

#[test]
fn templates_are_taken_and_refused_as_by_prometheus() {
    const HEAD: &str = "groups:\n- name: g\n  rules:\n";
    let mut all = HEAD.to_owned();
    let mut ours = BTreeSet::new();
    for (number, template) in TEMPLATES.iter().enumerate() {
        let rule = rule(number, template);
        all.push_str(&rule);
        if let Err(problems) = load("x.yml", &format!("{HEAD}{rule}")) {
            ours.insert(number);
            assert!(problems.render(Color::Off).contains("help: "), "{template}: {problems}");
        }
    }
    let folder = folder(&[("rules.yml", &all)]);
    let Some(output) = promtool(&["check", "rules", folder.path().join("rules.yml").to_str().unwrap()])
    else {
        return;
    };
    let text = said(&output);
    let lines = text.lines().filter(|line| line.contains("annotation \"s\""));
    let number = |line: &str| line.split("\"r").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    let theirs: BTreeSet<usize> = lines.map(number).collect();
    let apart: Vec<&str> = ours.symmetric_difference(&theirs).map(|number| TEMPLATES[*number]).collect();
    eprintln!("{} templates, {} refused by both, apart: {}", TEMPLATES.len(), theirs.len(), apart.len());
    assert!(apart.is_empty(), "{apart:#?}\n{text}");
    assert!(theirs.len() > 30, "{text}");
}

#[test]
fn files_with_little_in_them_are_taken_and_refused_as_by_prometheus() {
    for text in FILES {
        let folder = folder(&[("rules.yml", text)]);
        let path = folder.path().join("rules.yml");
        let good = promtool(&["check", "rules", path.to_str().unwrap()]);
        let Some(good) = good.map(|output| output.status.success()) else { return };
        eprintln!("{text:?} is {}", if good { "taken" } else { "refused" });
        check_rules(&path, good);
    }
}

/// Templates, and what both make of them.
const EXPANDED: &[(&str, &str)] = &[
    ("{{ print 1i }}", "(0+1i)"),
    ("{{ 1i }}", "(0+1i)"),
    ("{{ print 1+2i }}|{{ -1.5-2e6i }}", "(1+2i)|(-1.5-2e+06i)"),
    ("{{ 0x1p4i }}|{{ 08i }}|{{ 1_0i }}", "(0+16i)|(0+8i)|(0+10i)"),
    ("{{ $A := 1 }}{{ 1i }}{{ $A }}", "(0+1i)1"),
    ("a {{- /* c */ -}} b{{/* d */}}", "ab"),
    ("{{ range $k, $v := .Labels }}{{ if eq $k \"b\" }}{{ break }}{{ end }}{{ $v }}{{ end }}", "xA"),
    ("{{ range $k, $v := .Labels }}{{ if eq $k \"a\" }}{{ continue }}{{ end }}{{ $v }}{{ end }}", "xBC"),
    ("{{ reReplaceAll \"(?P<n>k)\\\\B\" \"<${n}>\" \"ké k\" }}", "ké k"),
    ("{{ reReplaceAll \"a*\" \"x\" \"baaac\" }}", "xbxcx"),
    ("{{ reReplaceAll \"(\\\\w+)\" \"$1x|${1}x|$$\" \"ab\" }}", "|abx|$"),
    ("{{ match \"^\\\\d+$\" \"٣\" }}{{ match \"(?i)k\" \"\u{212a}\" }}", "falsetrue"),
];

#[test]
fn templates_are_expanded_alike_here_and_there() {
    let mut rules = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    annotations:\n".to_owned();
    let mut tests = "rule_files: [rules.yml]\ntests:\n- input_series: [{series: 'x{a=\"A\", b=\"B\", c=\"C\"}', values: '1'}]\n  \
                     alert_rule_test:\n  - eval_time: 0s\n    alertname: A\n    exp_alerts:\n    - exp_labels: {a: A, b: B, c: C}\n      \
                     exp_annotations:\n"
        .to_owned();
    for (number, (template, expected)) in EXPANDED.iter().enumerate() {
        writeln!(rules, "      a{number}: {}", quoted(template)).unwrap();
        writeln!(tests, "        a{number}: {}", quoted(expected)).unwrap();
    }
    let folder = folder(&[("rules.yml", &rules), ("rules.test.yml", &tests)]);
    check_tests(&folder.path().join("rules.test.yml"), true);
}
