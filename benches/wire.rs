//! What it costs to make a request and to read a reply, beside the obvious ways to do it.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gander::mcp::bench_support::{Form, judge, read_events};
use gander::model::{CounterRng, Outcome};
use gander::plan::{Operation, RenderContext, Role, Scope, Step, StepId, Template, Variables};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use url::Url;

const ARGUMENTS: &str = r#"{"query":"user {{ vu }} asks for item {{ random.int(1, 1000) }}","limit":10}"#;
const ID: u64 = 42_000_000_017;

fn template() -> Template {
    Template::parse(ARGUMENTS, Scope::of_environment(&|_| None)).expect("the template is sound")
}

fn requests(criterion: &mut Criterion) {
    let step = Step {
        id: StepId(0),
        name: "search".into(),
        role: Role::Load,
        method: "tools/call".into(),
        tool: Some("search".into()),
        operation: Operation::CallTool {
            tool: Template::literal("search"),
            arguments: template(),
            generated: None,
        },
        checks: Vec::new(),
        extract: Vec::new(),
        condition: None,
        tags: BTreeMap::new(),
        deadline: Duration::from_secs(1),
        conduct: gander::plan::Conduct::default(),
    };
    let url = Url::parse("http://127.0.0.1:8080/mcp").expect("the URL is sound");
    let headers = |names: [&str; 2]| -> HeaderMap {
        names
            .map(|name| (name.parse().expect("a name"), HeaderValue::from_static("value")))
            .into_iter()
            .collect()
    };
    let form = Form::new(
        &step,
        &url,
        &headers(["host", "user-agent"]),
        &headers(["authorization", "mcp-session-id"]),
    );
    let mut rng = CounterRng::new(1, 1);
    let mut group = criterion.benchmark_group("request");
    group.bench_function("template", |bencher| {
        let (template, mut text) = (template(), Vec::new());
        bencher.iter(|| {
            text.clear();
            let mut context = RenderContext {
                vu: 7,
                iteration: 3,
                nonce: gander::model::Nonce {
                    run: gander::model::RunTag::of(std::time::UNIX_EPOCH),
                    call: ID,
                },
                rng: &mut rng,
                variables: &Variables::default(),
            };
            template.render(&mut context, black_box(&mut text));
        });
    });
    group.bench_function("form", |bencher| {
        let mut request = Vec::new();
        bencher.iter(|| {
            request.clear();
            let mut context = RenderContext {
                vu: 7,
                iteration: 3,
                nonce: gander::model::Nonce {
                    run: gander::model::RunTag::of(std::time::UNIX_EPOCH),
                    call: ID,
                },
                rng: &mut rng,
                variables: &Variables::default(),
            };
            form.write(ID, &mut context, black_box(&mut request));
        });
    });
    group.bench_function("body alone, through serde_json", |bencher| {
        bencher.iter(|| {
            let query = format!("user {} asks for item {}", 7, rng.int(1, 1000));
            let arguments = json!({"query": query, "limit": 10});
            let params = json!({"name": "search", "arguments": arguments});
            json!({"jsonrpc": "2.0", "id": ID, "method": "tools/call", "params": params}).to_string()
        });
    });
    group.finish();
}

/// A list of tools of about this size, or, below one tool's size, a short text.
fn reply(bytes: usize) -> String {
    let schema = json!({"type": "object", "properties": {"query": {"type": "string", "description": "what to look for"}}});
    let tool = |n: usize| json!({"name": format!("tool_{n}"), "description": "finds \"things\"", "inputSchema": schema});
    let one = tool(0).to_string().len();
    let result = match bytes / one {
        0 => json!({"content": [{"type": "text", "text": "42"}], "isError": false}),
        tools => json!({"tools": (0..tools).map(tool).collect::<Vec<_>>()}),
    };
    json!({"jsonrpc": "2.0", "id": ID, "result": result}).to_string()
}

fn replies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reply");
    for (name, bytes) in [("small", 0), ("8 kB", 8_000), ("113 kB", 113_000)] {
        let reply = reply(bytes);
        assert_eq!(judge(reply.as_bytes(), ID), Outcome::Ok);
        group.throughput(Throughput::Bytes(reply.len() as u64));
        group.bench_function(format!("{name}, envelope"), |bencher| {
            bencher.iter(|| judge(black_box(reply.as_bytes()), ID));
        });
        group.bench_function(format!("{name}, serde_json::Value"), |bencher| {
            bencher.iter(|| serde_json::from_slice::<Value>(black_box(reply.as_bytes())));
        });
    }
    group.finish();
}

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("events");
    for (name, bytes) in [("small", 0), ("113 kB", 113_000)] {
        let reply = reply(bytes);
        let stream = format!(": hello\r\n\r\nid: 1\r\nevent: message\r\ndata: {reply}\r\n\r\n");
        // As they come off a socket.
        let pieces = || stream.as_bytes().chunks(8 * 1024);
        assert_eq!(read_events(pieces()), reply.len());
        group.throughput(Throughput::Bytes(stream.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| read_events(black_box(pieces()))));
    }
    group.finish();
}

criterion_group!(benches, requests, replies, events);
criterion_main!(benches);
