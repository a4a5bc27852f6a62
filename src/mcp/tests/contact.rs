//! The first contact: which era is it, who is it, and what is said when it is nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::net::TcpSocket;

use super::rig::{CALL, LIST_TOOLS, Rig, answer, error, good, http, json, perform};
use super::server::{Act, Seen, Server};
use crate::clock::Clock;
use crate::mcp::{CallContext, Client, Contact, ContactError, Cut, Listing};
use crate::model::{CounterRng, Era, Outcome, ProtocolFault, TransportFault};
use crate::plan::{Conduct, Operation, ProtocolChoice, Template, Variables};

/// A legacy server; `discover` is its answer to the modern era's first question.
async fn legacy(revision: &'static str, discover: fn(&Seen) -> Vec<Act>) -> Server {
    Server::start(move |seen| match seen.method().as_str() {
        "server/discover" => discover(seen),
        "initialize" => {
            let body = answer(
                seen,
                &format!(r#"{{"protocolVersion":"{revision}","serverInfo":{{"name":"old","version":"1"}}}}"#),
            );
            http("200 OK", "Content-Type: application/json\r\nMcp-Session-Id: s\r\n", &body)
        }
        "tools/list" => json(&answer(seen, r#"{"tools":[{"name":"echo"},{"name":"add"}]}"#)),
        _ => http("202 Accepted", "", ""),
    })
    .await
}

fn methods(server: &Server) -> Vec<String> {
    server.seen().iter().map(Seen::method).collect()
}

async fn check_legacy(discover: fn(&Seen) -> Vec<Act>) {
    let server = legacy("2025-06-18", discover).await;
    let contact = Rig::new(&server).contact().await.unwrap();
    assert_eq!((contact.info.era, contact.info.revision.as_str()), (Era::Legacy, "2025-06-18"));
    assert_eq!(contact.info.server.as_deref(), Some("old 1"));
    assert_eq!(contact.info.tools.unwrap(), ["echo", "add"]);
    let seen = server.seen();
    assert_eq!(
        methods(&server),
        ["server/discover", "initialize", "notifications/initialized", "tools/list", ""]
    );
    assert!(seen[4].line.starts_with("DELETE "), "the session is ended");
    assert_eq!(contact.calls.len(), seen.len(), "every call is told");
    assert_eq!(seen[3].header("mcp-protocol-version"), Some("2025-06-18"));
    let ids: BTreeSet<u64> = [&seen[0], &seen[1], &seen[3]].map(Seen::id).into();
    assert_eq!(ids.len(), 3, "the probe's id is not used again: {ids:?}");
}

#[tokio::test]
async fn what_does_not_know_the_modern_era_is_legacy() {
    check_legacy(|seen| http("400 Bad Request", "", &error(seen, -32000))).await;
    check_legacy(|seen| json(&answer(seen, r#"{"content":[]}"#))).await;
    check_legacy(|seen| json(&error(seen, -32601))).await;
    check_legacy(|_| http("404 Not Found", "", "")).await;
    check_legacy(|_| http("400 Bad Request", "", "Bad Request: Missing session ID")).await;
    check_legacy(|_| vec![Act::Close]).await;
    check_legacy(|_| vec![Act::Write(b"what?\r\n\r\n".to_vec()), Act::Close]).await;
}

#[tokio::test]
async fn a_modern_server_is_not_asked_for_a_handshake() {
    let server = Server::start(|seen| match seen.method().as_str() {
        "server/discover" => json(&answer(
            seen,
            r#"{"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"new"}}}"#,
        )),
        _ => json(&answer(seen, r#"{"resultType":"complete","tools":[]}"#)),
    })
    .await;
    let contact = Rig::new(&server).contact().await.unwrap();
    assert_eq!((contact.info.era, contact.info.revision.as_str()), (Era::Modern, "2026-07-28"));
    assert_eq!(contact.info.server.as_deref(), Some("new"));
    assert_eq!(contact.info.tools.unwrap(), Vec::<String>::new());
    assert_eq!(methods(&server), ["server/discover", "tools/list"]);
}

#[tokio::test]
async fn a_modern_server_that_refuses_us_is_not_taken_for_a_legacy_one() {
    let server = Server::start(|seen| http("400 Bad Request", "", &error(seen, -32022))).await;
    let refused = Rig::new(&server).contact().await.unwrap_err();
    assert!(matches!(refused, ContactError::Refused { outcome: Outcome::HttpStatus(400), .. }), "{refused}");
    assert!(refused.to_string().contains("-32022"), "it says what the server said: {refused}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_pinned_revision_is_not_negotiated() {
    let revision = |revision: &str| ProtocolChoice::Revision(revision.to_owned());
    let server = legacy("2025-03-26", good).await;
    let contact = Rig::new(&server).protocol(revision("2025-03-26")).contact().await.unwrap();
    assert_eq!(contact.info.revision, "2025-03-26");
    assert_eq!(methods(&server)[0], "initialize");
    let other = Rig::new(&server).protocol(revision("2025-11-25")).contact().await.unwrap_err();
    assert!(matches!(other, ContactError::Refused { .. }), "{other}");
    // `server/discover` is optional.
    let server = Server::start(|seen| match seen.method().as_str() {
        "server/discover" => http("404 Not Found", "", &error(seen, -32601)),
        _ => json(&answer(seen, r#"{"tools":[]}"#)),
    })
    .await;
    let contact = Rig::new(&server).protocol(revision("2026-07-28")).contact().await.unwrap();
    assert_eq!((contact.info.era, contact.info.server), (Era::Modern, None));
}

#[tokio::test]
async fn an_unknown_revision_is_refused() {
    // The last one is known, but has no handshake that could settle on it.
    for revision in ["2031-01-01", "\u{e9}\\n\\u0000", "", "2026-07-28"] {
        let server = legacy(revision, |_| http("404 Not Found", "", "")).await;
        let refused = Rig::new(&server).contact().await.unwrap_err();
        let protocol = Outcome::Protocol(ProtocolFault::Malformed);
        let found = matches!(&refused, ContactError::Refused { outcome, .. } if *outcome == protocol);
        assert!(found, "{revision:?}: {refused}");
        assert!(!methods(&server).contains(&"tools/list".to_owned()), "{revision:?} was spoken");
    }
}

#[tokio::test]
async fn what_the_server_says_is_cleaned() {
    let server = Server::start(|seen| match seen.method().as_str() {
        "initialize" => json(&answer(
            seen,
            r#"{"protocolVersion":"2025-11-25","serverInfo":{"name":"\u001b[2Jevil\u202e","version":"\n1"}}"#,
        )),
        "tools/list" => json(&answer(seen, r#"{"tools":[{"name":"\u001b]0;x\u0007"}]}"#)),
        "notifications/initialized" => http("202 Accepted", "", ""),
        _ => http("404 Not Found", "", ""),
    })
    .await;
    let info = Rig::new(&server).contact().await.unwrap().info;
    assert_eq!(info.server.as_deref(), Some("\u{fffd}[2Jevil\u{fffd} \u{fffd}1"));
    assert_eq!(info.tools.unwrap(), ["\u{fffd}]0;x\u{fffd}"]);
    let server = Server::start(|_| http("403 Forbidden", "", "\u{1b}[31mgo away")).await;
    let refused = Rig::new(&server).contact().await.unwrap_err().to_string();
    assert!(refused.contains("go away") && !refused.contains('\u{1b}'), "{refused}");
}

#[tokio::test]
async fn credentials_in_the_url_are_shown_nowhere() {
    let url = |server: &Server| format!("http://ann:hunter2@{}/mcp", server.address);
    let server = legacy("2025-11-25", |_| http("404 Not Found", "", "")).await;
    let contact = Rig::at(&url(&server)).contact().await.unwrap();
    assert_eq!(contact.info.url, format!("http://{}/mcp", server.address));
    for reply in [http("403 Forbidden", "", ""), vec![Act::Close]] {
        let server = Server::start(move |_| reply.clone()).await;
        let error = Rig::at(&url(&server)).contact().await.unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(told.contains("127.0.0.1") && !told.contains("hunter2") && !told.contains("ann:"), "{told}");
    }
}

#[tokio::test]
async fn a_server_that_comes_up_late_is_waited_for() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let rig = Rig::at(&format!("http://{}/", socket.local_addr().unwrap())).protocol(ProtocolChoice::Rest);
    // The first try is made, and refused, before the socket listens.
    let (contact, _server) = tokio::join!(biased; rig.contact(), async {
        Server::on(socket.listen(8).unwrap(), |_| Vec::new())
    });
    assert_eq!(contact.unwrap().info.era, Era::Rest);
}

#[tokio::test]
async fn a_server_that_never_comes_up_is_unreachable() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let error = Rig::at(&format!("http://{}/mcp", socket.local_addr().unwrap())).contact().await.unwrap_err();
    let refused = Outcome::Transport(TransportFault::Refused);
    assert!(matches!(error, ContactError::Unreachable { outcome, .. } if outcome == refused), "{error}");
}

#[tokio::test]
async fn the_users_of_plain_http_log_in_and_no_more() {
    let server = Server::start(|_| http("200 OK", "", r#"{"access_token":"t"}"#)).await;
    let contact = Rig::new(&server).with_login().protocol(ProtocolChoice::Rest).contact().await.unwrap();
    assert_eq!((contact.info.era, contact.info.tools), (Era::Rest, None));
    assert_eq!(
        server.seen().iter().map(|seen| seen.line.as_str()).collect::<Vec<_>>(),
        ["POST /login HTTP/1.1"]
    );
    let server = Server::start(|_| http("401 Unauthorized", "", "wrong password")).await;
    let error = Rig::new(&server).with_login().contact().await.unwrap_err();
    assert!(error.to_string().contains("wrong password"), "{error}");
}

#[tokio::test]
async fn what_a_login_gives_out_is_struck_from_what_the_server_says() {
    const TOKEN: &str = "t0k3n-of-ann";
    let login = |_: &Seen| http("200 OK", "", &format!(r#"{{"access_token":"{TOKEN}"}}"#));
    let server = Server::start(move |seen| match seen.method().as_str() {
        "initialize" => json(&answer(
            seen,
            &format!(r#"{{"protocolVersion":"2025-11-25","serverInfo":{{"name":"for {TOKEN}"}}}}"#),
        )),
        "tools/list" => {
            let name = format!("{}{TOKEN}", "x".repeat(crate::model::MAX_TEXT - 4));
            json(&answer(seen, &format!(r#"{{"tools":[{{"name":"{name}"}},{{"name":"hunter2"}}]}}"#)))
        }
        "notifications/initialized" => http("202 Accepted", "", ""),
        _ if seen.line.starts_with("POST /login") => login(seen),
        _ => http("404 Not Found", "", ""),
    })
    .await;
    let contact = Rig::new(&server).with_login().contact().await.unwrap();
    let told = format!("{:?}", contact.info);
    assert!(!told.contains("t0k3") && !told.contains("hunter2"), "{told}");
    assert_eq!(contact.info.server.as_deref(), Some("for ***"));
    // What the load's own logins give out is learned by the same set.
    assert_eq!(contact.wire.secrets().redacted(TOKEN), "***");
    let server = Server::start(move |seen| match seen.line.as_str() {
        "POST /login HTTP/1.1" => login(seen),
        _ => http("403 Forbidden", "", &format!("{TOKEN} may not")),
    })
    .await;
    let refused = Rig::new(&server).with_login().contact().await.unwrap_err().to_string();
    assert!(refused.contains("*** may not"), "{refused}");
}

/// A modern server with these tools, which refuses the first `refused` questions about itself.
async fn modern(tools: &'static str, mut refused: u32) -> Server {
    Server::start(move |seen| match seen.method().as_str() {
        "server/discover" if refused > 0 => {
            refused -= 1;
            let error = r#"{"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}}"#;
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id());
            http("400 Bad Request", "Content-Type: application/json\r\n", &body)
        }
        "server/discover" => json(&answer(seen, r#"{"resultType":"complete"}"#)),
        "tools/list" => json(&answer(seen, &format!(r#"{{"resultType":"complete","tools":{tools}}}"#))),
        _ => good(seen),
    })
    .await
}

#[tokio::test]
async fn a_revision_that_is_refused_and_supported_is_tried_once_more() {
    let contact = Rig::new(&modern("[]", 1).await).contact().await.unwrap();
    assert_eq!(contact.info.era, Era::Modern);
    let server = modern("[]", 2).await;
    let error = Rig::new(&server).contact().await.unwrap_err();
    assert!(matches!(&error, ContactError::Refused { outcome: Outcome::HttpStatus(400), .. }), "{error}");
    assert_eq!(methods(&server), ["server/discover"; 2]);
}

#[tokio::test]
async fn headers_repeat_the_arguments_that_the_tool_marks() {
    const TOOLS: &str = r#"[{"name":"echo","inputSchema":{"type":"object","properties":{
        "text":{"type":"string","x-mcp-header":"Text"},"absent":{"type":"string","x-mcp-header":"Absent"}}}},
        {"name":"bad","inputSchema":{"properties":{"x":{"type":"number","x-mcp-header":"X"}}}}]"#;
    let call = |tool: &str| Operation::CallTool {
        tool: Template::literal(tool),
        arguments: Template::literal(r#"{"text":" h\u00ef"}"#),
        generated: None,
    };
    for tool in ["echo", "other"] {
        let server = modern(TOOLS, 0).await;
        let mut rig = Rig::new(&server).operation(call(tool));
        rig.plan.steps[CALL.index()].tool = Some(tool.to_owned());
        let contact = rig.contact().await.unwrap();
        let catalog = contact.catalog.as_ref().unwrap();
        assert!(matches!(catalog.listing("bad"), Listing::Refused(_)));
        let mut client = Client::new(contact.wire, Clock::start(), 1);
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
        let seen = server.seen().pop().unwrap();
        let wanted = (tool == "echo").then_some("=?base64?IGjDrw==?=");
        assert_eq!(seen.header("mcp-param-text"), wanted);
        assert_eq!(seen.header("mcp-param-absent"), None);
        assert!(seen.body.contains(r#""text":" h\u00ef""#), "{}", seen.body);
    }
}

/// Which page follows one, where one does; no answer where that can't be said.
type Next = fn(u32) -> Option<Option<u32>>;

/// A modern server whose list of tools has a page for each cursor.
async fn paged(next: Next) -> Server {
    Server::start(move |seen| match seen.method().as_str() {
        "server/discover" => json(&answer(seen, r#"{"resultType":"complete"}"#)),
        "tools/list" => {
            let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
            let page = body["params"]["cursor"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
            let Some(next) = next(page) else { return http("500 Internal Server Error", "", "") };
            let tools = serde_json::json!([{"name": format!("t{page}")}, {"name": "same"}]);
            let next = next.map(|page| page.to_string());
            let page = serde_json::json!({"resultType": "complete", "tools": tools, "nextCursor": next});
            json(&answer(seen, &page.to_string()))
        }
        _ => good(seen),
    })
    .await
}

/// First contact with such a server: what is known of its tools, and how many pages it gave.
async fn read_pages(next: Next, most: u32, limit: Duration) -> (Contact, usize) {
    let server = paged(next).await;
    let mut rig = Rig::new(&server);
    let step = &mut rig.plan.steps[LIST_TOOLS.index()];
    step.conduct = Conduct { pages: Some(most), ..Conduct::default() };
    step.deadline = limit;
    let contact = rig.contact().await.unwrap();
    assert_eq!(contact.calls.len(), server.seen().len(), "every page is told");
    (contact, server.seen().len() - 1)
}

async fn check_pages(next: Next, pages: usize, names: &[&str], cut: Option<Cut>) {
    let (contact, read) = read_pages(next, 5, Duration::from_secs(60)).await;
    let catalog = contact.catalog.as_ref().unwrap();
    assert_eq!(catalog.names().collect::<Vec<_>>(), names);
    assert_eq!((catalog.why_cut(), read), (cut, pages));
    assert_eq!(contact.info.tools.unwrap(), names);
}

#[tokio::test]
async fn the_list_of_tools_is_read_page_by_page_to_its_end_or_to_a_limit() {
    let three = ["t0", "same", "t1", "t2"];
    check_pages(|page| Some((page < 2).then_some(page + 1)), 3, &three, None).await;
    // In a circle: all that there is was seen.
    check_pages(|page| Some(Some((page + 1) % 3)), 4, &three, None).await;
    let five = ["t0", "same", "t1", "t2", "t3", "t4"];
    check_pages(|page| Some(Some(page + 1)), 5, &five, Some(Cut::Pages(5))).await;
    check_pages(|page| (page < 1).then_some(Some(page + 1)), 2, &five[..2], Some(Cut::Failed)).await;
}

#[tokio::test]
async fn a_list_whose_pages_take_longer_than_a_call_may_is_cut() {
    let (contact, read) = read_pages(|page| Some(Some(page + 1)), u32::MAX, Duration::from_millis(300)).await;
    assert_eq!(contact.catalog.unwrap().why_cut(), Some(Cut::Slow), "{read} pages");
}

#[tokio::test]
async fn steps_are_called_with_the_arguments_that_contact_was_given_and_headers_repeat_those() {
    const TOOLS: &str = r#"[{"name":"echo","inputSchema":{"type":"object","properties":{
        "text":{"type":"string","x-mcp-header":"Text"}}}}]"#;
    let server = modern(TOOLS, 0).await;
    let mut rig = Rig::new(&server);
    rig.plan.steps[CALL.index()].tool = Some("echo".to_owned());
    let mut contact = rig.contact().await.unwrap();
    let texts = [r#"{"text":"one"}"#, r#"{"text":"two"}"#].map(Template::literal);
    contact.give_arguments(&[(CALL, Template::one_of(texts))].into());
    let mut client = Client::new(contact.wire, Clock::start(), 1);
    let mut headers = BTreeSet::new();
    let mut rng = CounterRng::new(1, 1);
    for _ in 0..20 {
        let (sent, variables) = (client.now(), &mut Variables::default());
        let context = CallContext { iteration: 1, sent, rng: &mut rng, variables };
        assert_eq!(client.perform(CALL, context).await.outcome, Outcome::Ok);
        let seen = server.seen().pop().unwrap();
        let text = seen.header("mcp-param-text").unwrap().to_owned();
        assert!(seen.body.contains(&format!(r#""arguments":{{"text":"{text}"}}"#)), "{}", seen.body);
        headers.insert(text);
    }
    assert_eq!(headers, ["one", "two"].map(str::to_owned).into());
}
