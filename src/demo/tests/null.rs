//! The server that does nothing, as a client sees it.

use super::*;
use crate::demo::null::NullServer;

async fn post(server: &NullServer, path: &str, body: &str) -> Answer {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}{path}", server.address());
    Answer::read(client.post(url).body(body.to_owned()).send().await.unwrap()).await.unwrap()
}

async fn get(server: &NullServer, path: &str) -> Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(format!("http://{}{path}", server.address())).send().await.unwrap()
}

async fn status_of(server: &NullServer, path: &str) -> u16 {
    get(server, path).await.status().as_u16()
}

#[tokio::test]
async fn every_request_has_its_canned_answer_and_calls_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let truth = directory.path().join("truth");
    let server = NullServer::start(&options(&["--null", "--truth", truth.to_str().unwrap()])).await.unwrap();
    for (path, kind) in [("/mcp", "application/json"), ("/sse", "text/event-stream")] {
        let answer = post(&server, path, &call("echo", json!({"text": "x"})).to_string()).await;
        assert_eq!(answer.headers["content-type"], kind);
        let message = answer.message();
        assert_eq!((&message["id"], &message["result"]["isError"]), (&json!(7), &json!(false)));
        let list = post(&server, path, &request("tools/list", json!({})).to_string()).await.message();
        assert_eq!(list["result"]["tools"][0]["name"], "echo");
        let discover = post(&server, path, &request("server/discover", json!({})).to_string()).await;
        assert_eq!(
            (discover.status, discover.message()["error"]["code"].as_i64()),
            (StatusCode::OK, Some(-32601))
        );
    }
    let note = post(&server, "/mcp", r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    assert_eq!((note.status, note.messages.len()), (StatusCode::ACCEPTED, 0));
    assert_eq!(get(&server, "/calls").await.text().await.unwrap(), "2");
    server.stop().unwrap();
    assert_eq!(lines(&truth), ["2"]);
}

#[tokio::test]
async fn it_settles_on_the_revision_that_is_asked_for_where_that_has_a_handshake() {
    let server = NullServer::start(&options(&["--null"])).await.unwrap();
    for (asked, settled) in [("2024-11-05", "2024-11-05"), ("2026-07-28", "2025-11-25")] {
        let answer = post(&server, "/mcp", &initialize(asked).to_string()).await.message();
        assert_eq!(answer["result"]["protocolVersion"], settled);
        assert_eq!(answer["result"]["serverInfo"]["name"], "gander-null");
    }
}

#[tokio::test]
async fn it_is_ready_and_has_no_metrics() {
    let server = NullServer::start(&options(&["--null"])).await.unwrap();
    for (path, status) in [("/ready", 200), ("/health", 200), ("/live", 200), ("/metrics", 404)] {
        assert_eq!(status_of(&server, path).await, status, "{path}");
    }
}
