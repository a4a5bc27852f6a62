//! The texts for an inventory that is known, and for any: whatever a server says, both files are read back.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::draft::{Entry, draft};
use super::inventory::Inventory;
use super::scenario_text::{Head, scenario_text};
use super::slo_text::slo_text;
use super::visit::{Probing, Server, read_back};
use crate::model::{Color, Secrets};
use crate::plan::{Operation, RenderContext, Variables};
use crate::scenario::{Loaded, Overrides};

fn head() -> Head {
    Head {
        name: "server".to_owned(),
        server: Server::At("http://127.0.0.1:8080/mcp".to_owned()),
        allow_hosts: Vec::new(),
        bearer_env: None,
        probing: Probing::Each,
    }
}

fn inventory(lists: &[(&str, Vec<Value>)], secrets: &Secrets) -> Inventory {
    let mut inventory = Inventory {
        server: "Shop 1.0".to_owned(),
        revision: "2025-11-25".to_owned(),
        ..Inventory::default()
    };
    for (key, items) in lists {
        for item in items {
            inventory.take(key, item, secrets);
        }
    }
    inventory.lists.push(("list_tools", inventory.tools.len()));
    inventory
}

fn env(name: &str) -> Option<String> {
    (name == "TOKEN").then(|| "t0p-s3cret".to_owned())
}

/// The texts, and what `gander run` reads out of them.
fn texts(head: &Head, inventory: &Inventory, entries: &[Entry]) -> (String, String, Loaded) {
    let (scenario, slo) = (scenario_text(head, inventory, entries), slo_text(&head.name, entries));
    match read_back("server.yaml", &scenario, &slo, &Overrides::default(), &env) {
        Ok(loaded) => (scenario, slo, loaded),
        Err(problems) => panic!("{}\n{scenario}\n{slo}", problems.render(Color::Off)),
    }
}

#[track_caller]
fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/init").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        #[expect(clippy::disallowed_methods, reason = "golden files are written by the tests alone")]
        std::fs::write(path, actual).unwrap();
        return;
    }
    #[expect(clippy::disallowed_methods, reason = "golden files are read by the tests alone")]
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == actual, "{name} differs; now it is\n{actual}");
}

fn shop() -> Inventory {
    let secrets = Secrets::default();
    secrets.learn("t0p-s3cret");
    let tools = vec![
        json!({"name": "search", "description": "Finds\n  articles\u{1b}[31m that match. Your token is t0p-s3cret.",
        "annotations": {"readOnlyHint": true, "openWorldHint": true},
        "inputSchema": {"type": "object", "required": ["query", "limit", "sort"], "properties": {
            "query": {"type": "string"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 50},
            "sort": {"enum": ["price", "name"]},
            "page": {"type": "integer", "default": 1},
            "verbose": {"type": "boolean"},
        }}}),
        json!({"name": "order", "description": "Orders an article.", "annotations": {"readOnlyHint": false},
        "inputSchema": {"type": "object", "required": ["article", "to"], "properties": {
            "article": {"type": "integer"},
            "to": {"type": "object", "required": ["city", "lines"], "properties": {
                "city": {"type": "string", "description": "The city, e.g. \"Graz\""},
                "lines": {"type": "array", "items": {"type": "string"}, "minItems": 2},
            }},
        }}}),
        json!({"name": "forget all", "annotations": {"destructiveHint": true}, "inputSchema": {"type": "object"}}),
        json!({"name": "note", "annotations": {"destructiveHint": false, "readOnlyHint": false},
            "inputSchema": {"type": "object", "required": ["text"], "properties": {
                "text": {"type": "string", "default": "{{ braces }} and t0p-s3cret"}}}}),
        json!({"name": "unmarked", "inputSchema": {}}),
        json!({"name": "impossible", "annotations": {"readOnlyHint": true},
            "inputSchema": {"type": "object", "required": ["list"], "properties": {
                "list": {"type": "array", "minItems": 1_000_000_000}}}}),
        json!({"name": "report", "annotations": {"readOnlyHint": true}, "execution": {"taskSupport": "required"},
            "inputSchema": {"type": "object"}}),
        json!({"name": "list tools", "annotations": {"readOnlyHint": true}, "inputSchema": {"type": "object"}}),
        json!({"name": "bad\u{202e}name\n", "inputSchema": {"type": "object"}}),
        json!({"name": "get-t0p-s3cret", "inputSchema": {"type": "object"}}),
    ];
    let resources = vec![
        json!({"uri": "shop://terms", "name": "Terms", "description": "What holds."}),
        json!({"uri": "shop://{{odd}}\"'#: \u{e9}", "name": "Terms"}),
    ];
    let templates = vec![
        json!({"uriTemplate": "shop://articles/{id}", "name": "An article"}),
        json!({"uriTemplate": "shop://search{?q,page}", "name": "A search"}),
    ];
    let prompts = vec![json!({"name": "greet", "description": "Greets.",
        "arguments": [{"name": "who", "required": true}, {"name": "when"}]})];
    inventory(
        &[("tools", tools), ("resources", resources), ("resourceTemplates", templates), ("prompts", prompts)],
        &secrets,
    )
}

#[test]
fn golden_texts_of_a_shop() {
    let mut inventory = shop();
    let mut entries = draft(&mut inventory);
    for (at, entry) in entries.iter_mut().filter(|entry| entry.is_on()).enumerate() {
        entry.took = Some(Duration::from_millis(3 + 20 * at as u64));
    }
    let prompt = entries.iter_mut().find(|entry| entry.name == "prompt greet").unwrap();
    prompt.off = Some("when it was tried, it failed: -32602: who is not known".to_owned());
    let head = Head {
        allow_hosts: vec!["shop.example.com".to_owned()],
        bearer_env: Some("TOKEN".to_owned()),
        server: Server::At("https://shop.example.com/mcp".to_owned()),
        ..head()
    };
    let (scenario, slo, loaded) = texts(&head, &inventory, &entries);
    assert!(!format!("{scenario}{slo}").contains("t0p-s3cret"), "{scenario}");
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(Color::Off));
    golden("shop.yaml", &scenario);
    golden("shop.slo.yaml", &slo);
}

#[test]
fn golden_texts_where_nothing_was_tried() {
    let mut inventory =
        inventory(&[("tools", vec![json!({"name": "one"}), json!({"name": "two"})])], &Secrets::default());
    let entries = draft(&mut inventory);
    let (scenario, slo, _) = texts(&Head { probing: Probing::Nothing, ..head() }, &inventory, &entries);
    golden("untried.yaml", &scenario);
    golden("untried.slo.yaml", &slo);
}

#[test]
fn only_what_the_server_says_destroys_something_is_switched_off() {
    #[track_caller]
    fn check(annotations: &Value, on: bool) {
        let tool = json!({"name": "tool", "annotations": annotations, "inputSchema": {"type": "object"}});
        let mut inventory = inventory(&[("tools", vec![tool])], &Secrets::default());
        assert_eq!(draft(&mut inventory)[0].is_on(), on, "{annotations}");
    }
    check(&json!({}), true);
    check(&json!({"title": "x", "idempotentHint": true}), true);
    check(&json!({"readOnlyHint": true}), true);
    check(&json!({"destructiveHint": false}), true);
    check(&json!({"readOnlyHint": false, "destructiveHint": false}), true);
    check(&json!({"readOnlyHint": false}), false);
    check(&json!({"destructiveHint": true}), false);
    check(&json!({"readOnlyHint": true, "destructiveHint": true}), false);
    check(&json!({"readOnlyHint": "no", "destructiveHint": "yes"}), true);
}

#[test]
fn what_is_sent_is_what_the_schema_suggests() {
    let mut inventory = shop();
    let entries = draft(&mut inventory);
    let (_, _, loaded) = texts(&head(), &inventory, &entries);
    let sent = |tool: &str| {
        let step = loaded.plan.steps.iter().find(|step| step.tool.as_deref() == Some(tool)).unwrap();
        let Operation::CallTool { arguments, .. } = &step.operation else { panic!("{step:?}") };
        let (mut out, mut rng) = (Vec::new(), crate::model::CounterRng::new(1, 1));
        arguments.render(
            &mut RenderContext {
                vu: 1,
                iteration: 1,
                nonce: crate::model::Nonce { run: crate::model::RunTag::of(std::time::UNIX_EPOCH), call: 9 },
                rng: &mut rng,
                variables: &Variables::default(),
            },
            &mut out,
        );
        serde_json::from_slice::<Value>(&out).unwrap()
    };
    assert_eq!(sent("note"), json!({"text": "{{ braces }} and ***"}));
    let search = sent("search");
    assert_eq!((&search["query"], &search["sort"]), (&json!("gander-00000000-9n"), &json!("price")));
    assert!((1..=50).contains(&search["limit"].as_i64().unwrap()), "{search}");
    let uris: Vec<String> = loaded
        .plan
        .steps
        .iter()
        .filter_map(|step| match &step.operation {
            Operation::Request(request) => request.name.as_ref().map(|name| {
                let (mut out, mut rng) = (Vec::new(), crate::model::CounterRng::new(1, 1));
                name.render(
                    &mut RenderContext {
                        vu: 1,
                        iteration: 1,
                        nonce: crate::model::Nonce {
                            run: crate::model::RunTag::of(std::time::UNIX_EPOCH),
                            call: 9,
                        },
                        rng: &mut rng,
                        variables: &Variables::default(),
                    },
                    &mut out,
                );
                String::from_utf8(out).unwrap()
            }),
            Operation::Listen { .. }
            | Operation::CallTool { .. }
            | Operation::OAuth(_)
            | Operation::RestGet { .. }
            | Operation::RestPost { .. }
            | Operation::Login
            | Operation::Initialize
            | Operation::Initialized
            | Operation::EndSession => None,
        })
        .collect();
    assert!(uris.contains(&"shop://{{odd}}\"'#: \u{e9}".to_owned()), "{uris:?}");
    assert!(uris.contains(&"shop://articles/1".to_owned()), "{uris:?}");
}

#[test]
fn a_server_that_says_too_much_is_cut() {
    let long = "\u{1f600}".repeat(400);
    let properties: serde_json::Map<String, Value> =
        (0..40).map(|at| (format!("{at}{}", "x".repeat(190)), json!({"default": long}))).collect();
    let required: Vec<&String> = properties.keys().collect();
    let schema = json!({"type": "object", "required": required, "properties": properties});
    let tools =
        (0..200).map(|at| json!({"name": format!("tool {at}"), "description": long, "inputSchema": schema}));
    let bad = (0..100).map(|at| json!({"name": format!("bad\n{at} {long}")}));
    let mut inventory = inventory(&[("tools", tools.chain(bad).collect())], &Secrets::default());
    let entries = draft(&mut inventory);
    let (scenario, _, loaded) = texts(&head(), &inventory, &entries);
    assert!((500_000..700_000).contains(&scenario.len()), "{}", scenario.len());
    assert!(loaded.plan.transactions.last().unwrap().name == "list tools" && entries.len() > 3);
    assert!(inventory.left_out.last().unwrap().ends_with("more calls: the file would be too large"));
}

fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,120}",
        "(\\{\\{|\\}\\}|env.X|: | #|- |\"|'|\\\\|\n|\r|\t|&a|\\*a|!!x|%|@|`|\\||>|\\[|\\]|,|\\?|true|null|1e3|\u{85}|\u{2028}|\u{feff}|\u{e000}|\u{ffff}|\u{1f600}){0,9}",
        Just("tools/list at first contact".to_owned()),
        Just("initialize".to_owned()),
        Just("x".repeat(3_000)),
    ]
}

/// Anything that JSON can be.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        hostile_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(hostile_text(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A schema whose names, values and descriptions are anything.
fn any_schema() -> impl Strategy<Value = Value> {
    prop_oneof![
        any_json(),
        proptest::collection::btree_map(hostile_text(), (any_json(), hostile_text()), 0..4).prop_map(
            |fields| {
                let required: Vec<&String> = fields.keys().collect();
                let properties: serde_json::Map<String, Value> = fields
                    .iter()
                    .map(|(name, (value, said))| {
                        let said = format!("e.g. `{said}`");
                        let part = match value {
                            Value::Null => json!({"type": "string", "description": said}),
                            Value::Bool(_) => {
                                json!({"type": "array", "items": {"type": "string", "description": said}})
                            }
                            Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                                json!({"default": value})
                            }
                        };
                        (name.clone(), part)
                    })
                    .collect();
                json!({"type": "object", "required": required, "properties": properties})
            }
        ),
    ]
}

#[test]
fn names_full_of_braces_are_no_expressions() {
    for braces in ["{{", "{{{", "{{{{", "{{{{{", "{\u{0}{{"] {
        let tool = json!({"name": format!("a{braces}b"), "inputSchema": {}});
        let mut inventory = inventory(&[("tools", vec![tool])], &Secrets::default());
        let entries = draft(&mut inventory);
        assert!(!entries[0].name.contains("{{"), "{:?}", entries[0].name);
        texts(&head(), &inventory, &entries);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_a_server_says_both_files_are_read_back(
        names in proptest::collection::vec(hostile_text(), 1..5),
        said in hostile_text(),
        schema in any_schema(),
        why in hostile_text(),
    ) {
        let tools = names.iter().map(|name| json!({"name": name, "description": said, "inputSchema": schema}));
        let resources = names.iter().map(|name| json!({"uri": name, "name": said, "description": said}));
        let templates = names.iter().map(|name| json!({"uriTemplate": name, "name": said}));
        let arguments = json!([{"name": said, "required": true}, {"name": names[0]}, {"name": why, "required": true}]);
        let prompts = names.iter().map(|name| json!({"name": name, "arguments": arguments}));
        let mut inventory = inventory(
            &[("tools", tools.collect()), ("resources", resources.collect()),
                ("resourceTemplates", templates.collect()), ("prompts", prompts.collect())],
            &Secrets::default(),
        );
        inventory.server.clone_from(&said);
        let mut entries = draft(&mut inventory);
        let taken = entries.len();
        for entry in entries.iter_mut().take(taken / 2) {
            entry.off = Some(why.clone());
        }
        let (scenario, slo, loaded) = texts(&head(), &inventory, &entries);
        prop_assert_eq!(loaded.plan.transactions.len(), taken);
        for (entry, transaction) in entries.iter().zip(&loaded.plan.transactions) {
            prop_assert_eq!((&entry.name, entry.weight()), (&transaction.name, transaction.weight));
        }
        // Nothing that a terminal might act on is in a file that somebody looks at.
        for c in scenario.chars().chain(slo.chars()) {
            prop_assert!(c == '\n' || crate::model::clean_char(c) == c, "{:?}", c);
        }
    }
}
