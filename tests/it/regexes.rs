//! Regular expressions in queries, held against promtool: which are taken, what they fit, and what their groups take.
//!
//! Debian's promtool is 2.42, built with Go 1.19. What has changed since is left out: a group may be named `(?<n>...)`, a matcher may end
//! inside of `\Q`, `.` fits the end of a line, and there are scripts of newer Unicodes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gander::model::CounterRng;
use gander::promql::{Engine, Labels, Query, Storage, Value};

use crate::rules::{folder, promtool, said};

/// Patterns that were drawn beside those picked by hand.
const DRAWN: usize = 500;

/// Where Rust's dialect, Perl's and RE2's part ways, and the edges of what Go's parser takes.
const PICKED: &str = include_str!("regexes.json");

/// What is drawn from, valid and not.
const PIECES: &[&str] = &[
    "a",
    "b",
    "K",
    "s",
    "é",
    "ſ",
    "1",
    "_",
    "-",
    ".",
    ".*",
    "\\d",
    "\\W",
    "\\w",
    "\\S",
    "\\b",
    "\\B",
    "^",
    "$",
    "[a-z]",
    "[^a]",
    "[[:word:]]",
    "[[:^digit:]]",
    "\\pL",
    "\\P{Lu}",
    "\\p{Greek}",
    "(",
    "(?:",
    "(?i)",
    "(?i:",
    "(?U:",
    "(?-i:",
    "(?m:",
    "(?P<n>",
    ")",
    ")",
    ")",
    "|",
    "*",
    "+",
    "?",
    "{2}",
    "{1,3}",
    "{,2}",
    "{0}",
    "{0,1}",
    "\\Qa.\\E",
    "[",
    "]",
    "[^",
    "\\x41",
    "\\x{e9}",
    "\\07",
    "\\101",
    "&&",
    "~~",
    "--",
    "\\<",
    "\\.",
    "[k-]",
    "(a|b)",
    "(?:ab)?",
    "[\\w.]",
];

/// What they are held against, in labels.
const VALUES: &[&str] = &[
    "a",
    "b",
    "c",
    "A",
    "B",
    "K",
    "k",
    "\u{212a}",
    "s",
    "S",
    "ſ",
    "é",
    "É",
    "ß",
    "ẞ",
    "σ",
    "ς",
    "Σ",
    "i",
    "I",
    "ı",
    "İ",
    "µ",
    "μ",
    "å",
    "\u{212b}",
    "ǆ",
    "ǅ",
    "θ",
    "ϑ",
    "1",
    "٣",
    "_",
    "-",
    ".",
    " ",
    "\t",
    "\u{b}",
    "\u{7}",
    "\u{a0}",
    "ab",
    "AB",
    "ba",
    "aa",
    "aaa",
    "abab",
    "abc",
    "abcd",
    "aé",
    "éa",
    "éé",
    "é-",
    "日",
    "日本",
    "日日",
    "a-b",
    "a-b-c",
    "a.b",
    "a*b",
    "a b",
    "<a>",
    "<",
    ">",
    "[b]",
    "ab]",
    "b]",
    "]",
    "[",
    "{",
    "}",
    "x",
    "xx",
    "xxx",
    "x{,3}",
    "x{}",
    "x{02}",
    "y",
    "{1",
    "&",
    "~",
    "^",
    "$",
    "|",
    "(",
    ")",
    "\\",
    "\"",
    "'",
    "#",
    "%",
    "/",
    ":",
    "a1",
    "1a",
    "a_",
    "k1",
    "K-s",
    "12",
    "123",
    "foo",
    "foobar",
    "foo-1",
    "host-1:9090",
    "host:x",
    "Q",
    "E",
    "\u{10ffff}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{ad}",
    "\u{378}",
    "½",
    "Ⅷ",
    "€",
    "²",
    "\u{300}",
    "\u{2028}",
    "𐌀",
    "ߊ",
    "aaaa",
    "bb",
];

fn patterns() -> Vec<String> {
    let mut rng = CounterRng::new(20, 26);
    let mut patterns: BTreeSet<String> = serde_json::from_str(PICKED).unwrap();
    let picked = patterns.len();
    while patterns.len() < picked + DRAWN {
        let mut drawn = String::new();
        for _ in 0..=rng.below(7) {
            drawn.push_str(PIECES[usize::try_from(rng.below(PIECES.len() as u64)).unwrap()]);
        }
        patterns.insert(drawn);
    }
    patterns.into_iter().collect()
}

/// A text in double quotes; JSON's are PromQL's and YAML's.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn matcher(pattern: &str) -> String {
    format!("x{{k=\"v\", l=~{}}}", quoted(pattern))
}

fn replacement(pattern: &str) -> String {
    format!("label_replace(x, \"m\", \"<$0|$1|${{2}}|$n|$1a>\", \"l\", {})", quoted(pattern))
}

/// The numbers of the expressions that promtool refuses.
fn refused(exprs: &[String]) -> Option<BTreeSet<usize>> {
    let mut rules = "groups:\n- name: g\n  rules:\n".to_owned();
    for (number, expr) in exprs.iter().enumerate() {
        writeln!(rules, "  - record: r{number}\n    expr: {}", quoted(expr)).unwrap();
    }
    let folder = folder(&[("rules.yml", &rules)]);
    let output = promtool(&["check", "rules", folder.path().join("rules.yml").to_str().unwrap()])?;
    let text = said(&output);
    let numbers = text.lines().filter(|line| line.contains("could not parse expression"));
    Some(
        numbers
            .map(|line| line.split("\"r").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect(),
    )
}

#[test]
fn regular_expressions_are_taken_and_refused_as_by_prometheus() {
    let exprs: Vec<String> = patterns().iter().map(|pattern| matcher(pattern)).collect();
    let Some(theirs) = refused(&exprs) else { return };
    let ours: BTreeSet<usize> =
        (0..exprs.len()).filter(|number| Query::parse(&exprs[*number]).is_err()).collect();
    let apart: Vec<&String> = ours.symmetric_difference(&theirs).map(|number| &exprs[*number]).collect();
    eprintln!("{} patterns, {} refused by both, apart: {}", exprs.len(), theirs.len(), apart.len());
    assert!(apart.is_empty(), "{apart:#?}");
    assert!(theirs.len() > 200 && exprs.len() - theirs.len() > 400, "both kinds are there");
    for number in ours {
        let error = Query::parse(&exprs[number]).unwrap_err();
        assert!(error.help.is_some(), "{}: {error}", exprs[number]);
    }
}

#[test]
fn regular_expressions_fit_and_take_what_they_do_in_prometheus() {
    let mut storage = Storage::new();
    let mut tests = "tests:\n- interval: 1m\n  input_series:\n".to_owned();
    for value in VALUES {
        let labels = Labels::from_pairs([("__name__", "x"), ("k", "v"), ("l", value)]);
        let id = storage.series(&labels);
        storage.append(id, 0, 1.0).unwrap();
        writeln!(tests, "  - {{series: {}, values: '1'}}", quoted(&labels.to_string())).unwrap();
    }
    tests.push_str("  promql_expr_test:\n");
    let mut asked = 0;
    for pattern in patterns() {
        for expr in [matcher(&pattern), replacement(&pattern)] {
            // What is not taken, the other test has.
            let Ok(query) = Query::parse(&expr) else { continue };
            let Value::Vector(samples) = Engine::default().instant(&query, &storage, 0).unwrap().value else {
                panic!("{expr} gives a vector");
            };
            asked += 1;
            writeln!(tests, "  - eval_time: 0s\n    expr: {}\n    exp_samples:", quoted(&expr)).unwrap();
            for sample in samples {
                let labels = quoted(&sample.labels.to_string());
                writeln!(tests, "    - {{labels: {labels}, value: 1}}").unwrap();
            }
        }
    }
    let folder = folder(&[("rules.test.yml", &tests)]);
    let path = folder.path().join("rules.test.yml");
    let Some(output) = promtool(&["test", "rules", path.to_str().unwrap()]) else { return };
    eprintln!("{asked} expressions over {} values", VALUES.len());
    assert!(output.status.success(), "{}", said(&output));
    assert!(asked > 900, "{asked}");
}
