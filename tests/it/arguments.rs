//! Arguments that are made from the input schemas of tools: what is sent, whether servers take it, and what is said where there
//! are none to be made.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Done, gander, read_json, real_server, real_stdio_server, run, scenario};

/// A modern server of ours that keeps what it is sent. Its tools come one on a page.
struct Listing {
    url: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// The text of the arguments of each call, and the header that repeats one of them.
    calls: Vec<(String, Option<String>)>,
    pages: usize,
}

impl Listing {
    /// Lists `tools` (`None`: nothing), and takes `pause` for each call.
    fn start(tools: Option<Vec<Value>>, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (tools, books) = (Arc::new(tools), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (tools, books) = (Arc::clone(&tools), Arc::clone(&books));
                std::thread::spawn(move || {
                    let stream = stream.unwrap();
                    let mut reader = BufReader::new(&stream);
                    while let Some((header, body)) = request(&mut reader) {
                        answer(&stream, &body, header, (tools.as_deref(), pause), &books);
                    }
                });
            }
        });
        Self { url, seen }
    }
}

/// The header that repeats an argument, and the body; `None` at the end of the connection.
fn request(reader: &mut impl BufRead) -> Option<(Option<String>, String)> {
    let (mut length, mut header) = (0, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        let (name, value) = line.trim().split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "mcp-param-count" => header = Some(value.trim().to_owned()),
            _ => {}
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some((header, String::from_utf8(body).unwrap()))
}

fn answer(
    mut stream: &TcpStream,
    body: &str,
    header: Option<String>,
    (tools, pause): (Option<&[Value]>, Duration),
    books: &Mutex<Seen>,
) {
    let message: Value = serde_json::from_str(body).unwrap_or_default();
    let result = match message["method"].as_str().unwrap_or_default() {
        "server/discover" => Some(json!({"resultType": "complete"})),
        "tools/list" => tools.map(|tools| {
            books.lock().unwrap().pages += 1;
            page_of("tools", tools, &message)
        }),
        // The last page of these leads to the first again.
        "resources/list" => {
            let all = [1, 2, 3].map(|n| json!({"uri": format!("mem://{n}"), "name": format!("r{n}")}));
            let mut page = page_of("resources", &all, &message);
            if page["nextCursor"].is_null() {
                page["nextCursor"] = json!("0");
            }
            Some(page)
        }
        "prompts/list" => {
            Some(page_of("prompts", &[1, 2, 3].map(|n| json!({"name": format!("p{n}")})), &message))
        }
        "tools/call" => {
            let text = body.split_once("\"arguments\":").unwrap().1;
            let text = text.rsplit_once(",\"_meta\"").unwrap().0;
            books.lock().unwrap().calls.push((text.to_owned(), header));
            std::thread::sleep(pause);
            Some(json!({"resultType": "complete", "content": []}))
        }
        _ => None,
    };
    let error = json!({"code": -32601, "message": "no such method"});
    let mut body = json!({"jsonrpc": "2.0", "id": message["id"]});
    match result {
        Some(result) => body["result"] = result,
        None => body["error"] = error,
    }
    let body = body.to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
    // In one piece, or the second waits for the first to be acknowledged. A client that is gone wants none.
    let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes());
}

/// The page of `all` that `message` asks for: one thing.
fn page_of(key: &str, all: &[Value], message: &Value) -> Value {
    let page: usize = message["params"]["cursor"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
    let next = (page + 1 < all.len()).then(|| (page + 1).to_string());
    json!({"resultType": "complete", key: all[page..][..1], "nextCursor": next})
}

/// The schema of the tool that is called; the header `Mcp-Param-Count` repeats its `count`.
fn order() -> Value {
    json!({"type": "object", "required": ["query"], "additionalProperties": false, "properties": {
        "query": {"type": "string", "maxLength": 200},
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "x-mcp-header": "Count"},
        "tags": {"type": "array", "items": {"enum": ["new", "old"]}, "maxItems": 2},
    }})
}

/// Three pages of tools.
fn tools() -> Vec<Value> {
    let bare = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
    vec![bare("first"), bare("second"), json!({"name": "order", "inputSchema": order()})]
}

/// One user calls `order`, with arguments as the seed makes them.
fn order_load(server: &Listing, seed: u64) -> Done {
    let text = format!(
        "
version: 1
name: orders
seed: {seed}
target: {}
load: {{ users: 1, duration: 3s, think_time: 2ms }}
transactions:
  - {{ name: order, call_tool: {{ tool: order, generate_arguments: {{ values: 100, edges: 30% }} }} }}
",
        server.url
    );
    let (_folder, file) = scenario(&text);
    run(&file, &[])
}

/// The texts of the arguments, in the order of the calls.
fn texts(server: &Listing) -> Vec<String> {
    server.seen.lock().unwrap().calls.iter().map(|(text, _)| text.clone()).collect()
}

/// What the report says of the arguments that were made.
fn told(report: &Value) -> String {
    let notes = report["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap());
    notes.filter(|note| note.contains("arguments were made")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_same_seed_sends_the_same_bytes_to_fast_and_to_slow_targets() {
    let [fast, slow, other] =
        [0, 15, 0].map(|pause| Listing::start(Some(tools()), Duration::from_millis(pause)));
    let runs = [order_load(&fast, 7), order_load(&slow, 7), order_load(&other, 8)];
    let reports: Vec<Value> = runs.iter().map(Done::report).collect();
    for report in &reports {
        assert_eq!(report["total"]["calls"], report["total"]["ok"], "{report:#}");
    }
    let [fast_texts, slow_texts, other_texts] = [&fast, &slow, &other].map(texts);
    let both = slow_texts.len().min(fast_texts.len());
    assert!(both > 30 && fast_texts.len() != slow_texts.len(), "{both}");
    assert_eq!(slow_texts[..both], fast_texts[..both]);
    assert_ne!(other_texts[..30], fast_texts[..30]);
    // What was made is told: how many, of which seed, at the edges.
    let note = told(&reports[0]);
    assert!(
        note.contains(
            "order: 100 arguments were made from the input schema of the tool `order`: 30 at the edges"
        ),
        "{note}"
    );
    assert!(note.contains("from the seed 7"), "{note}");
    assert_eq!(told(&reports[1]), note);
    assert_ne!(told(&reports[2]), note);
    let plan = read_json(&runs[0].run_folder().join("plan.json"));
    let steps = plan["steps"].as_array().unwrap();
    let call = steps.iter().find_map(|step| step["operation"].get("call_tool")).unwrap();
    assert_eq!(call["generated"], json!({"values": 100, "edges": 0.3}));
    assert_eq!(plan["seed"], 7);
    // All that was made is kept, and nothing else was sent.
    let kept = std::fs::read_to_string(runs[0].run_folder().join("arguments.ndjson")).unwrap();
    let kept: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((kept.len(), kept.iter().filter(|one| one["at_edge"] == true).count()), (100, 30));
    let known: BTreeSet<&str> = kept.iter().map(|one| one["arguments"].as_str().unwrap()).collect();
    assert!(fast_texts.iter().all(|text| known.contains(text.as_str())));
    // All pages were read, and booked as what they are.
    assert_eq!(fast.seen.lock().unwrap().pages, 3);
    let rows = reports[0]["around"].as_array().unwrap();
    let list = rows.iter().find(|row| row["name"] == "tools/list at first contact").unwrap();
    assert_eq!(list["calls"], 3, "{list:#}");
}

#[test]
fn what_is_sent_holds_the_schema_to_its_edges_and_headers_repeat_it() {
    let server = Listing::start(Some(tools()), Duration::ZERO);
    order_load(&server, 7);
    let validator = jsonschema::validator_for(&order()).unwrap();
    let seen = server.seen.lock().unwrap();
    let mut different = BTreeSet::new();
    for (text, header) in &seen.calls {
        let value: Value = serde_json::from_str(text).unwrap();
        assert!(validator.is_valid(&value), "{text}");
        let count = value.get("count").map(Value::to_string);
        assert_eq!(&count, header, "{text}");
        different.insert(text.clone());
    }
    assert!(different.len() > 50 && different.len() <= 100, "{} of {}", different.len(), seen.calls.len());
    assert!(different.contains(r#"{"query":""}"#), "only what is required, and the shortest of it");
    let most = |text: &&String| text.contains(r#""count":9"#) && text.contains(r#""tags":[""#);
    let longest = |text: &&String| {
        let value: Value = serde_json::from_str(text).unwrap();
        value["query"].as_str().unwrap().chars().count() == 200
    };
    assert!(different.iter().any(|text| most(&text) && longest(&text)), "all there may be, and the longest");
}

#[test]
fn what_is_written_out_is_sent_as_it_is_written() {
    let server = Listing::start(Some(tools()), Duration::ZERO);
    let text = format!(
        "
version: 1
name: given
target: {}
load: {{ users: 2, duration: 2s, think_time: 5ms }}
transactions:
  - name: order
    call_tool:
      tool: order
      arguments: {{ query: \"of {{{{ vu }}}}: {{{{ nonce }}}}\", count: 4 }}
      generate_arguments: {{ values: 16 }}
",
        server.url
    );
    let (_folder, file) = scenario(&text);
    let report = run(&file, &[]).report();
    assert_eq!(report["total"]["calls"], report["total"]["ok"]);
    let seen = server.seen.lock().unwrap();
    let (mut queries, mut tags) = (BTreeSet::new(), BTreeSet::new());
    for (text, header) in &seen.calls {
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!((&value["count"], header.as_deref()), (&json!(4), Some("4")));
        let query = value["query"].as_str().unwrap();
        assert!(query.starts_with("of 1: gander-") || query.starts_with("of 2: gander-"), "{query}");
        assert!(queries.insert(query.to_owned()), "each call has a nonce of its own");
        tags.insert(value["tags"].to_string());
    }
    assert!(tags.len() > 2, "{tags:?}");
}

#[track_caller]
fn check_refused(tools: Option<Vec<Value>>, call: &str, expected: &[&str]) {
    let server = Listing::start(tools, Duration::ZERO);
    let (_folder, file) = scenario(&format!(
        "version: 1\nname: refused\ntarget: {}\nload: {{ users: 1, duration: 1s }}\ntransactions:\n  - name: order\n    call_tool: {call}\n  - {{ name: off, weight: 0, call_tool: {{ tool: nowhere, generate_arguments: valid }} }}\n",
        server.url
    ));
    let done = run(&file, &[]);
    done.expect_code(5);
    let place = format!("{}:7:5: no arguments can be made for the step `order`: ", file.display());
    for expected in [&[place.as_str()], expected].concat() {
        assert!(done.stderr.contains(expected), "no `{expected}` in {}", done.stderr);
    }
    assert_eq!(done.stderr.matches("no arguments can be made").count(), 1, "{}", done.stderr);
    assert!(server.seen.lock().unwrap().calls.is_empty(), "no load was sent");
    let report = done.report();
    assert_eq!(report["state"], "unmeasured");
    assert!(report["notes"].to_string().contains("no arguments can be made for the step"), "{report:#}");
}

#[test]
fn what_can_not_be_made_is_told_with_its_place_before_any_load() {
    let tool = |schema: Value| Some(vec![json!({"name": "order", "inputSchema": schema})]);
    let call = "{ tool: order, generate_arguments: mixed }";
    check_refused(
        Some(tools()),
        "{ tool: odrer, generate_arguments: mixed }",
        &["the target lists no tool `odrer`; it has: first, second, order"],
    );
    check_refused(None, call, &["the target gives no list of its tools (`tools/list`)"]);
    let endless =
        json!({"required": ["l"], "properties": {"l": {"type": "array", "minItems": 1_000_000_000}}});
    let place = "in the input schema of the tool `order`: `minItems` (/properties/l): it asks for more than is sensible";
    check_refused(tool(endless), call, &[place]);
    check_refused(tool(json!({"type": "strin"})), call, &["`type` (at its top): it is no JSON Schema"]);
    let both =
        json!({"required": ["a"], "properties": {"a": {"type": "integer", "minimum": 5, "maximum": 4}}});
    check_refused(
        tool(both),
        call,
        &["`maximum` (/properties/a): nothing can hold it together with the rest"],
    );
    let given =
        "{ tool: order, arguments: { count: \"{{ random.int(10, 20) }}\" }, generate_arguments: mixed }";
    check_refused(Some(tools()), given, &["what `arguments` gives", "`maximum` does not hold (/count)"]);
}

#[test]
fn a_tool_that_is_not_listed_is_left_out_where_the_scenario_says_so() {
    let server = Listing::start(Some(tools()), Duration::ZERO);
    let (_folder, file) = scenario(&format!(
        "version: 1\nname: skip\ntarget: {}\nunlisted_tools: skip\nload: {{ users: 1, duration: 1s, think_time: 5ms }}\ntransactions:\n  - name: both\n    steps:\n      - call_tool: {{ tool: first, generate_arguments: valid }}\n      - call_tool: {{ tool: nowhere, generate_arguments: valid }}\n",
        server.url
    ));
    let done = run(&file, &[]);
    done.expect_code(3);
    let calls = |name: &str| {
        let report = done.report();
        let rows = report["steps"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).map_or(0, |row| row["calls"].as_u64().unwrap())
    };
    assert!(calls("first") > 10 && calls("nowhere") == 0, "{}", done.stdout);
}

#[test]
fn a_scenario_is_validated_without_its_target() {
    let (_folder, file) = scenario(
        "version: 1\nname: later\ntarget: http://127.0.0.1:9/mcp\nload: { users: 1, duration: 1s }\ntransactions:\n  - { name: a, call_tool: { tool: order, arguments: { count: 4 }, generate_arguments: mixed } }\n",
    );
    let output = gander(&["validate", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = "arguments made at first contact, from the tool's input schema: 256 values (51 at the edges), and count as written";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn init_reads_every_page_of_every_list_once() {
    let server = Listing::start(Some(tools()), Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let output = gander(&["init", "--target", &server.url, "--name", "paged", "--no-probe", "--out", out]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(folder.path().join("paged.yaml")).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("  - name: "));
    let expected = [
        ["first", "second", "order", "read r1", "read r2", "read r3"],
        ["prompt p1", "prompt p2", "prompt p3", "list tools", "list resources", "list prompts"],
    ];
    assert_eq!(names.collect::<Vec<_>>(), expected.concat(), "{text}");
}

/// Calls each tool of a server with arguments that are made; gives each step's row and what its failures said.
fn call_each(target: &str, tools: &[(&str, &str)]) -> BTreeMap<String, (Value, String)> {
    let made = "generate_arguments: { values: 64, edges: 50% }";
    let call = |(tool, given): &(&str, &str)| {
        format!("  - {{ name: {tool}, call_tool: {{ tool: {tool}, arguments: {given}, {made} }} }}")
    };
    let calls = tools.iter().map(call).collect::<Vec<_>>().join("\n");
    let (_folder, file) = scenario(&format!(
        "
version: 1
name: each tool
target: {target}
timeout: 10s
load: {{ users: 4, duration: 8s, think_time: 5ms }}
transactions:
{calls}
"
    ));
    let report = run(&file, &[]).report();
    let rows = report["steps"].as_array().unwrap().clone();
    let errors = report["errors"].as_array().unwrap();
    let of = |row: &Value| {
        let own = errors.iter().filter(|error| error["step"] == row["name"]).map(Value::to_string);
        own.collect::<Vec<_>>().join("\n")
    };
    let named = |row: Value| (row["name"].as_str().unwrap().to_owned(), (row.clone(), of(&row)));
    rows.into_iter().map(named).collect()
}

/// Every call was a good one, but for those of the tools `failing`, which were not refused for their arguments either.
#[track_caller]
fn check_accepted(target: &str, tools: &[(&str, &str)], failing: &[&str]) {
    let rows = call_each(target, tools);
    assert_eq!(rows.len(), tools.len());
    for (name, (row, errors)) in rows {
        let (calls, ok) = (row["calls"].as_u64().unwrap(), row["ok"].as_u64().unwrap());
        assert!(calls > 5, "{name}: {row:#}");
        assert!(ok == calls || failing.contains(&name.as_str()), "{name}: {row:#}\n{errors}");
        let refused = ["-32602", "nvalid arg", "alidation"].iter().any(|words| errors.contains(words));
        assert!(!refused, "{name}: {errors}");
    }
}

#[test]
fn servers_of_the_python_sdk_take_what_is_made() {
    let tools = [("add", "{}"), ("echo", "{}"), ("slow", "{ ms: 5 }"), ("boom", "{}")];
    for name in ["py2", "py2-json"] {
        let Some(server) = real_server(name) else { return };
        check_accepted(&server.base, &tools, &["boom"]);
    }
}

/// What its schemas do not say is given: which resources there are, and that nothing is fetched from elsewhere. The one tool
/// that takes as long as it is told is left out.
const EVERYTHING: [(&str, &str); 10] = [
    ("echo", "{}"),
    ("get-annotated-message", "{}"),
    ("get-env", "{}"),
    ("get-resource-links", "{}"),
    ("get-resource-reference", "{ resourceId: \"{{ random.int(1, 9) }}\" }"),
    ("get-structured-content", "{}"),
    ("get-sum", "{}"),
    ("get-tiny-image", "{}"),
    ("gzip-file-as-resource", "{ data: \"data:text/plain,hello\" }"),
    ("toggle-subscriber-updates", "{}"),
];

#[test]
fn everything_takes_what_is_made() {
    let Some(server) = real_server("everything") else { return };
    check_accepted(&server.base, &EVERYTHING, &[]);
}

#[test]
fn processes_take_what_is_made() {
    let Some(command) = real_stdio_server("everything-stdio") else { return };
    let words: Vec<String> = command.split(' ').map(|word| json!(word).to_string()).collect();
    let target = format!("{{ stdio: [{}] }}", words.join(", "));
    check_accepted(&target, &EVERYTHING[..7], &[]);
}
