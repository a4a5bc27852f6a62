//! `gander init`: what it writes for servers that are there is accepted, and runs without a failed call.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{
    GANDER, MARK, Server, alone, at_once, beside_others, demo, gander, none_left, real_server,
    real_stdio_server, root, start_run_in,
};

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
    check_server(&["--target", url], "5s")
}

/// The same for a process; none is left behind.
#[track_caller]
fn check_stdio(name: &str) {
    // Starting a process for each user leaves others no processor.
    let _alone = alone();
    let Some(command) = real_stdio_server(name) else { return };
    // Half of it may go by until each user's process is there.
    let text = check_server(&["--stdio", &command], "10s");
    assert!(text.contains("target: {stdio: "), "{text}");
}

/// The same for the server that `flags` name, with a run of so long.
#[track_caller]
fn check_server(flags: &[&str], duration: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mark = format!("init-{}-{:?}", std::process::id(), std::thread::current().id());
    let output = init_in(folder.path(), flags, &[(MARK, &mark)]);
    none_left(&mark);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let (scenario, slo) = files(folder.path());
    let text = std::fs::read_to_string(&scenario).unwrap();
    assert!(said(&output).contains(&format!("next: gander run {}", scenario.display())), "{}", said(&output));
    let validated = gander(&["validate", scenario.to_str().unwrap(), slo.to_str().unwrap()]);
    assert_eq!(validated.status.code(), Some(0), "{}\n{text}", said(&validated));
    assert!(validated.stderr.is_empty(), "{}", said(&validated));
    let done = start_run_in(&scenario, &["--duration", duration], &[(MARK, &mark)]).finish();
    none_left(&mark);
    // Seconds may be too little for a verdict.
    assert!(matches!(done.code, Some(0 | 3)), "{}\n{}\n{text}", done.stdout, done.stderr);
    let report = done.report();
    assert_eq!(report["total"]["calls"], report["total"]["ok"], "{}\n{text}", done.stdout);
    assert!(report["total"]["ok"].as_u64().unwrap() > 20, "{}", done.stdout);
    assert_eq!(report["cross_talk"]["crossed"], 0, "{}", report["cross_talk"]);
    assert!(report["strays"].as_object().unwrap().values().all(|count| *count == 0), "{}", report["strays"]);
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
    let _beside_others = beside_others();
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
    start_run_in(&scenario, &[], &[]).finish().expect_code(0);
}

#[test]
fn everything_gets_a_scenario_that_runs() {
    let _beside_others = beside_others();
    let Some(server) = real_server("everything") else { return };
    let text = check(&server.base);
    let slow = transaction(&text, "trigger-long-running-operation");
    let why = "it failed: an answer began, but was not whole";
    assert!(slow.contains("weight: 0") && slow.contains(why), "{slow}");
    let task = transaction(&text, "simulate-research-query");
    assert!(task.contains("weight: 4") && task.contains("task: true"), "{task}");
    assert!(transaction(&text, "get-sum").contains("a: \"{{ random.int(1, 100) }}\""), "{text}");
    assert!(transaction(&text, "echo").contains("weight: 4"), "{text}");
}

#[test]
fn servers_that_are_processes_get_scenarios_that_run() {
    for name in ["everything-stdio", "memory-stdio", "py2-stdio", "time-stdio"] {
        check_stdio(name);
    }
}

#[test]
fn servers_that_speak_over_a_stream_get_scenarios_that_run() {
    let _beside_others = beside_others();
    at_once(["everything-sse", "py2-sse"], |name| {
        let Some(server) = real_server(name) else { return };
        check(&server.base);
    });
}

#[test]
fn servers_of_the_python_sdk_get_scenarios_that_run() {
    let _beside_others = beside_others();
    at_once(["py2", "py2-json", "py1"], |name| {
        let Some(server) = real_server(name) else { return };
        let text = check(&server.base);
        assert!(transaction(&text, "add").contains("weight: 4"), "{text}");
        if name != "py1" {
            assert!(transaction(&text, "boom").contains("weight: 0"), "{text}");
            assert!(transaction(&text, "prompt greet").contains("weight: 2"), "{text}");
        }
    });
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

/// A server whose list of tools has no end, that says the token wherever it can, and that answers one tool never. Gives its
/// URL; it lives as long as the test.
fn endless_server() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer_all(&stream.unwrap()));
        }
    });
    url
}

/// Answers each request on `stream` until it ends.
fn answer_all(stream: &std::net::TcpStream) {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut token) = (0, String::new());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let (name, value) = line.trim().split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap(),
                "authorization" => value.trim().trim_start_matches("Bearer ").clone_into(&mut token),
                _ => {}
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let request: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let Some((status, body)) = answer(&request, &token) else { continue };
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}");
        let mut stream = stream;
        write!(stream, "{head}\r\n\r\n{body}").unwrap();
    }
}

/// Status and body; `None` where it never answers.
fn answer(request: &serde_json::Value, token: &str) -> Option<(&'static str, String)> {
    use serde_json::json;
    let result = match request["method"].as_str().unwrap_or_default() {
        "initialize" => {
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": token}})
        }
        "notifications/initialized" => return Some(("202 Accepted", String::new())),
        "tools/list" => {
            let page: u32 = request["params"]["cursor"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
            let schema = json!({"type": "object", "required": ["text"],
                "properties": {"text": {"type": "string", "default": format!("the {token}")}}});
            let mut tools =
                vec![json!({"name": format!("tool-{page}"), "description": format!("say {token}"),
                "inputSchema": schema, "annotations": {"readOnlyHint": true}})];
            if page == 0 {
                tools.push(json!({"name": "silent", "inputSchema": {"type": "object"}}));
                tools.push(json!({"name": token, "inputSchema": {"type": "object"}}));
            }
            json!({"tools": tools, "nextCursor": (page + 1).to_string()})
        }
        "tools/call" if request["params"]["name"] == "silent" => return None,
        "tools/call" if request["params"]["name"] == "tool-3" => {
            json!({"isError": true, "content": [{"type": "text", "text": format!("not with {token}")}]})
        }
        "tools/call" => json!({"content": []}),
        _ => {
            let error = json!({"code": -32601, "message": format!("no such method for {token}")});
            let body = json!({"jsonrpc": "2.0", "id": request["id"], "error": error});
            return Some(("400 Bad Request", body.to_string()));
        }
    };
    let body = json!({"jsonrpc": "2.0", "id": request["id"], "result": result});
    Some(("200 OK", body.to_string()))
}

#[test]
fn lists_without_an_end_are_cut_and_what_echoes_the_token_is_struck_out() {
    const TOKEN: &str = "t0p/s3cret-t0ken";
    let url = endless_server();
    let folder = tempfile::tempdir().unwrap();
    let args = ["--target", &url, "--name", "endless", "--bearer-env", "DEMO_TOKEN"];
    let output = init_in(folder.path(), &args, &[("DEMO_TOKEN", TOKEN)]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let (scenario, slo) = files(folder.path());
    let text = std::fs::read_to_string(&scenario).unwrap();
    let all = format!("{text}{}{}", std::fs::read_to_string(&slo).unwrap(), said(&output));
    assert!(!all.contains(TOKEN) && !all.contains("s3cret"), "{all}");
    assert!(transaction(&text, "tool-2").contains("# say ***"), "{text}");
    assert!(transaction(&text, "tool-2").contains("text: \"the ***\""), "{text}");
    assert!(transaction(&text, "tool-3").contains("it failed: not with ***"), "{text}");
    assert!(transaction(&text, "silent").contains("it failed: no answer within 5.00 s"), "{text}");
    // One more page than 50 was never asked for.
    assert!(text.contains("tool-49") && !text.contains("tool-50"), "{text}");
    assert!(said(&output).contains("the tool `***`: no scenario can name it"), "{}", said(&output));
    let validated = gander(&["validate", slo.to_str().unwrap()]);
    assert_eq!(validated.status.code(), Some(0), "{}", said(&validated));
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
