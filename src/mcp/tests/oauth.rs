//! Tokens by OAuth: how the place that gives them out is found, what is asked for there, who is never asked, and what
//! becomes of a token that is refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use url::{Url, form_urlencoded};

use super::rig::{CALL, Rig, answer, good, http, json, perform};
use super::server::{Act, Seen, Server};
use crate::clock::Clock;
use crate::mcp::{Client, ContactError, OAuthError, TokenState};
use crate::model::Outcome;
use crate::plan::TokenSharing;

const CHALLENGE: &str = "/.well-known/oauth-protected-resource/mcp";

/// A target that is its own authorization server; each part of it may be replaced.
struct Site {
    /// Of the 401; `HOST` stands for its own.
    challenge: &'static str,
    /// By path; `HOST` stands for its own.
    documents: BTreeMap<&'static str, String>,
    /// The answer to the n-th request for a token, from 1.
    token: fn(usize) -> Vec<Act>,
    /// Whether the target takes a token.
    takes: fn(&str) -> bool,
}

fn token(number: usize) -> Vec<Act> {
    json(&format!(r#"{{"access_token":"t0ken-{number}","token_type":"Bearer","expires_in":3600}}"#))
}

fn site() -> Site {
    let resource = r#"{"resource":"http://HOST/mcp","authorization_servers":["http://HOST"],
        "scopes_supported":["supported"]}"#;
    let server = r#"{"issuer":"http://HOST","token_endpoint":"http://HOST/token"}"#;
    Site {
        challenge: "Bearer resource_metadata=\"http://HOST/.well-known/oauth-protected-resource/mcp\"",
        documents: BTreeMap::from([
            (CHALLENGE, resource.to_owned()),
            ("/.well-known/oauth-authorization-server", server.to_owned()),
        ]),
        token,
        takes: |token| token.starts_with("Bearer t0ken-"),
    }
}

impl Site {
    fn document(mut self, path: &'static str, text: &str) -> Self {
        self.documents.insert(path, text.to_owned());
        self
    }

    fn without(mut self, path: &'static str) -> Self {
        self.documents.remove(path);
        self
    }

    async fn start(self) -> Server {
        let mut tokens = 0;
        Server::start(move |seen| {
            let path = seen.line.split(' ').nth(1).unwrap();
            let host = seen.header("host").unwrap();
            if path == "/token" {
                tokens += 1;
                return (self.token)(tokens);
            }
            if path != "/mcp" {
                return match self.documents.get(path) {
                    Some(text) => json(&text.replace("HOST", host)),
                    None => http("404 Not Found", "", ""),
                };
            }
            if !seen.header("authorization").is_some_and(self.takes) {
                let challenge = self.challenge.replace("HOST", host);
                return http("401 Unauthorized", &format!("WWW-Authenticate: {challenge}\r\n"), "");
            }
            match seen.method().as_str() {
                "server/discover" => json(&answer(seen, r#"{"resultType":"complete"}"#)),
                "tools/list" => json(&answer(seen, r#"{"tools":[]}"#)),
                _ => good(seen),
            }
        })
        .await
    }
}

/// `GET /path` or `POST /path` of each request.
fn lines(server: &Server) -> Vec<String> {
    server.seen().iter().map(|seen| seen.line.trim_end_matches(" HTTP/1.1").to_owned()).collect()
}

fn form(seen: &Seen) -> BTreeMap<String, String> {
    form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect()
}

fn token_request(server: &Server) -> Seen {
    server.seen().into_iter().find(|seen| seen.line.starts_with("POST /token ")).unwrap()
}

#[track_caller]
fn why(error: ContactError) -> OAuthError {
    match error {
        ContactError::NoToken { error, .. } => error,
        other @ (ContactError::Wire(_)
        | ContactError::Uneven { .. }
        | ContactError::Unreachable { .. }
        | ContactError::Refused { .. }) => {
            panic!("{other}")
        }
    }
}

#[tokio::test]
async fn a_refusal_leads_to_the_token_and_each_request_is_told() {
    let server = site().start().await;
    let contact = Rig::new(&server).with_oauth().contact().await.unwrap();
    let expected = [
        "POST /mcp",
        "GET /.well-known/oauth-protected-resource/mcp",
        "GET /.well-known/oauth-authorization-server",
        "POST /token",
        "POST /mcp",
        "POST /mcp",
    ];
    assert_eq!(lines(&server), expected);
    assert_eq!(contact.calls.len(), expected.len());
    assert!(contact.calls.iter().all(|call| call.exchange.outcome == Outcome::Ok), "{:?}", contact.calls);
    let seen = server.seen();
    let bearer = |index: usize| seen[index].header("authorization");
    assert_eq!(
        [0, 1, 2, 4, 5].map(bearer),
        [None, None, None, Some("Bearer t0ken-1"), Some("Bearer t0ken-1")]
    );
    // ann:hunter2
    assert_eq!(bearer(3), Some("Basic YW5uOmh1bnRlcjI="));
    let host = server.address;
    let expected = [
        ("grant_type", "client_credentials".to_owned()),
        ("resource", format!("http://{host}/mcp")),
        ("scope", "supported".to_owned()),
    ];
    assert_eq!(form(&seen[3]), expected.map(|(name, value)| (name.to_owned(), value)).into());
    assert_eq!(contact.wire.secrets().redacted("t0ken-1 hunter2"), "*** ***");
}

#[tokio::test]
async fn the_scope_is_that_of_the_scenario_then_of_the_refusal() {
    let challenged = || Site { challenge: "Bearer scope=\"asked for\"", ..site() };
    let server = challenged().start().await;
    Rig::new(&server).with_oauth().contact().await.unwrap();
    assert_eq!(form(&token_request(&server))["scope"], "asked for");
    let server = challenged().start().await;
    Rig::new(&server)
        .with_oauth()
        .oauth(|oauth| oauth.scope = Some("mine".to_owned()))
        .contact()
        .await
        .unwrap();
    assert_eq!(form(&token_request(&server))["scope"], "mine");
    let bare = r#"{"resource":"http://HOST/mcp","authorization_servers":["http://HOST"]}"#;
    let server = site().document(CHALLENGE, bare).start().await;
    Rig::new(&server).with_oauth().contact().await.unwrap();
    assert!(!form(&token_request(&server)).contains_key("scope"));
}

#[tokio::test]
async fn without_a_hint_metadata_is_sought_for_the_path_and_then_for_the_origin() {
    let root = r#"{"resource":"http://HOST","authorization_servers":["http://HOST/tenant"]}"#;
    let server = r#"{"issuer":"http://HOST/tenant","token_endpoint":"http://HOST/token",
        "token_endpoint_auth_methods_supported":["client_secret_post"]}"#;
    let site = Site { challenge: "Bearer", ..site() }
        .without(CHALLENGE)
        .document("/.well-known/oauth-protected-resource", root)
        .document("/tenant/.well-known/openid-configuration", server);
    let server = site.start().await;
    Rig::new(&server).with_oauth().contact().await.unwrap();
    assert_eq!(
        lines(&server)[1..7],
        [
            "GET /.well-known/oauth-protected-resource/mcp",
            "GET /.well-known/oauth-protected-resource",
            "GET /.well-known/oauth-authorization-server/tenant",
            "GET /.well-known/openid-configuration/tenant",
            "GET /tenant/.well-known/openid-configuration",
            "POST /token",
        ]
    );
    let request = token_request(&server);
    assert_eq!(request.header("authorization"), None, "the server knows one way to send a secret");
    let form = form(&request);
    assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), ("ann", "hunter2"));
    assert_eq!(form["resource"], format!("http://{}", server.address), "as the metadata has it");
}

#[tokio::test]
async fn a_known_place_is_asked_at_once() {
    let server = site().start().await;
    let endpoint = Url::parse(&format!("http://{}/token", server.address)).unwrap();
    let rig = Rig::new(&server).with_oauth().oauth(|oauth| oauth.token_url = Some(endpoint));
    rig.contact().await.unwrap();
    assert_eq!(lines(&server), ["POST /token", "POST /mcp", "POST /mcp"]);
    assert_eq!(form(&token_request(&server))["resource"], format!("http://{}/mcp", server.address));
}

/// The contact fails without any credentials sent.
async fn refused(site: Site) -> OAuthError {
    let server = site.start().await;
    let hosts = ["plain.example".to_owned()].to_vec();
    let error = why(Rig::new(&server).with_oauth().allowing(hosts).contact().await.unwrap_err());
    let sent = format!("{:?}", server.seen());
    assert!(!sent.contains("hunter2") && !sent.contains("Basic") && !sent.contains("POST /token"), "{sent}");
    error
}

#[tokio::test]
async fn credentials_go_to_nobody_who_may_not_see_them() {
    let names =
        |server: &str| format!(r#"{{"resource":"http://HOST/mcp","authorization_servers":["{server}"]}}"#);
    let gives = |endpoint: &str| format!(r#"{{"issuer":"http://HOST","token_endpoint":"{endpoint}"}}"#);
    let at_server = "/.well-known/oauth-authorization-server";
    for (site, expected) in [
        (
            Site { challenge: "Bearer resource_metadata=\"http://evil.example/x\"", ..site() },
            "which is not on its own origin",
        ),
        (
            site().document(CHALLENGE, &names("https://auth.example")),
            "write `allow_hosts: [\"auth.example\"]`",
        ),
        (site().document(CHALLENGE, &names("http://plain.example")), "would be asked in the clear"),
        (site().document(CHALLENGE, &names("http://me:pw@HOST")), "names no URL as `authorization_servers`"),
        (site().document(at_server, &gives("https://auth.example/t")), "`--allow-host auth.example`"),
        (site().document(at_server, &gives("http://plain.example/t")), "would be asked in the clear"),
        (site().document(at_server, &gives("file:///etc/passwd")), "names no URL as `token_endpoint`"),
    ] {
        let told = refused(site).await.to_string();
        assert!(told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn metadata_of_somebody_else_is_not_used() {
    let at_server = "/.well-known/oauth-authorization-server";
    for (site, expected) in [
        (
            site().document(
                CHALLENGE,
                r#"{"resource":"http://evil.example/mcp","authorization_servers":["http://HOST"]}"#,
            ),
            "is for `http://evil.example/mcp`, which is not the target",
        ),
        (
            site().document(at_server, r#"{"issuer":"http://HOST/","token_endpoint":"http://HOST/token"}"#),
            "(RFC 8414 section 3.3)",
        ),
        (site().document(CHALLENGE, r#"{"resource":"http://HOST/mcp"}"#), "names no `authorization_servers`"),
        (site().document(CHALLENGE, "<html>"), "can't be read"),
        (site().without(CHALLENGE), "oauth-protected-resource/mcp`: HTTP 404"),
        (site().without(at_server), "openid-configuration`: HTTP 404"),
    ] {
        let told = refused(site).await.to_string();
        assert!(told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::start(|_| json("{}")).await;
    let location = format!("Location: http://{}/\r\n", elsewhere.address);
    let redirect = move |_: &Seen| http("307 Temporary Redirect", &location, "");
    let server = Server::start(redirect).await;
    let told = why(Rig::new(&server).with_oauth().contact().await.unwrap_err()).to_string();
    assert!(told.contains("HTTP 307"), "{told}");
    let endpoint = Url::parse(&format!("http://{}/token", server.address)).unwrap();
    let rig = Rig::new(&server).with_oauth().oauth(|oauth| oauth.token_url = Some(endpoint));
    let told = why(rig.contact().await.unwrap_err()).to_string();
    assert!(told.contains("HTTP 307"), "{told}");
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn what_the_authorization_server_says_is_told_without_secrets() {
    let refuse = |_| {
        let body = r#"{"error":"invalid_client","error_description":"hunter2 or YW5uOmh1bnRlcjI= is \u001b[31mwrong"}"#;
        http("401 Unauthorized", "", body)
    };
    let server = Site { token: refuse, ..site() }.start().await;
    let told = Rig::new(&server).with_oauth().contact().await.unwrap_err().to_string();
    assert!(
        told.contains("HTTP 401 Unauthorized: invalid_client: *** or *** is \u{FFFD}[31mwrong"),
        "{told}"
    );
    for (body, expected) in [
        ("{}", "no `access_token`"),
        (r#"{"access_token":"x","token_type":"DPoP"}"#, "no bearer token"),
        ("<html>", "no `access_token`"),
    ] {
        let body = body.to_owned();
        let script = Mutex::new(body);
        let whole = site();
        let server = Server::start(move |seen| {
            let host = seen.header("host").unwrap();
            match seen.line.split(' ').nth(1).unwrap() {
                "/token" => json(&script.lock().unwrap()),
                "/mcp" => http("401 Unauthorized", "", ""),
                path => json(&whole.documents[path].replace("HOST", host)),
            }
        })
        .await;
        let told = Rig::new(&server).with_oauth().contact().await.unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn a_token_that_the_target_does_not_take_is_told_with_all_that_was_tried() {
    let hostile = "Bearer scope=\"supported\u{9b}[31m\"";
    let server = Site { takes: |_| false, challenge: hostile, ..site() }.start().await;
    let told = Rig::new(&server).with_oauth().contact().await.unwrap_err().to_string();
    for part in ["HTTP 401", "/token", "client `ann`", "client_secret_basic", "/mcp`", "scope `supported"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("t0ken") && !told.contains(char::is_control), "{told}");
}

#[tokio::test]
async fn a_scope_that_does_not_reach_is_told() {
    let refuse = |seen: &Seen| match seen.header("authorization") {
        Some(bearer) if bearer.starts_with("Bearer ") => {
            let challenge = "Bearer error=\"insufficient_scope\", scope=\"files:write\"";
            http("403 Forbidden", &format!("WWW-Authenticate: {challenge}\r\n"), "no")
        }
        _ => http("401 Unauthorized", "", ""),
    };
    let whole = site();
    let server = Server::start(move |seen| match seen.line.split(' ').nth(1).unwrap() {
        "/token" => token(1),
        "/mcp" => refuse(seen),
        path => json(&whole.documents[path].replace("HOST", seen.header("host").unwrap())),
    })
    .await;
    let told = Rig::new(&server).with_oauth().contact().await.unwrap_err().to_string();
    assert!(told.contains("the token's scope does not reach (it takes `files:write`)"), "{told}");
}

/// Looks at the token and makes the set-up call for it, if it is this user's to make.
async fn get_token(client: &mut Client) {
    assert!(matches!(client.token(), TokenState::Ready));
    while let Some(step) = client.next_set_up() {
        assert_eq!(perform(client, step).await, Outcome::Ok);
    }
}

fn tokens_asked_for(server: &Server) -> usize {
    lines(server).iter().filter(|line| *line == "POST /token").count()
}

#[tokio::test]
async fn users_share_one_token_or_have_their_own() {
    for (tokens, expected) in [(TokenSharing::Shared, 1), (TokenSharing::PerUser, 4)] {
        let server = site().start().await;
        let rig = Rig::new(&server).with_oauth().oauth(|oauth| oauth.tokens = tokens);
        let wire = rig.contact().await.unwrap().wire;
        for vu in 1..=3 {
            let mut client = Client::new(Arc::clone(&wire), Clock::start(), vu);
            for _ in 0..3 {
                get_token(&mut client).await;
                assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
            }
        }
        assert_eq!(tokens_asked_for(&server), expected, "{tokens:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_refused_in_mid_run_is_replaced_once() {
    // The first token is taken by the contact alone, whose calls are two.
    let server = site();
    let calls = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&calls);
    let mut tokens = 0;
    let server = Server::start(move |seen| {
        let bearer = seen.header("authorization").unwrap_or_default().to_owned();
        match seen.line.split(' ').nth(1).unwrap() {
            "/token" => {
                tokens += 1;
                token(tokens)
            }
            "/mcp" => {
                if bearer == "Bearer t0ken-1" {
                    *counted.lock().unwrap() += 1;
                }
                let taken = bearer == "Bearer t0ken-2"
                    || (bearer == "Bearer t0ken-1" && *counted.lock().unwrap() <= 2);
                match seen.method().as_str() {
                    _ if !taken => http("401 Unauthorized", "", ""),
                    "server/discover" => json(&answer(seen, r#"{"resultType":"complete"}"#)),
                    _ => good(seen),
                }
            }
            path => json(&server.documents[path].replace("HOST", seen.header("host").unwrap())),
        }
    })
    .await;
    let wire = Rig::new(&server).with_oauth().contact().await.unwrap().wire;
    let mut clients: Vec<Client> =
        (1..=3).map(|vu| Client::new(Arc::clone(&wire), Clock::start(), vu)).collect();
    for client in &mut clients {
        get_token(client).await;
    }
    // A token that is refused at once would not be replaced at once.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for client in &mut clients {
        assert_eq!(perform(client, CALL).await, Outcome::HttpStatus(401));
    }
    assert!(matches!(clients[0].token(), TokenState::Ready));
    let TokenState::Awaited(mut news) = clients[1].token() else { panic!("the first user asks") };
    get_token(&mut clients[0]).await;
    news.changed().await.unwrap();
    for client in &mut clients {
        get_token(client).await;
        assert_eq!(perform(client, CALL).await, Outcome::Ok);
    }
    assert_eq!(tokens_asked_for(&server), 2);
}

#[tokio::test]
async fn a_token_endpoint_that_fails_is_not_asked_by_every_user() {
    let once = |number| match number {
        1 => json(r#"{"access_token":"t0ken-1","token_type":"Bearer","expires_in":1}"#),
        _ => http("503 Service Unavailable", "", "t0ken-1 was the last"),
    };
    let server = Site { token: once, ..site() }.start().await;
    let wire = Rig::new(&server).with_oauth().contact().await.unwrap().wire;
    let mut clients: Vec<Client> =
        (1..=3).map(|vu| Client::new(Arc::clone(&wire), Clock::start(), vu)).collect();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(matches!(clients[0].token(), TokenState::Ready));
    let step = clients[0].next_set_up().unwrap();
    assert_eq!(perform(&mut clients[0], step).await, Outcome::HttpStatus(503));
    assert!(!clients[0].lasts_without(step), "the last token is over");
    for client in &mut clients {
        let TokenState::Denied(failed, reason) = client.token() else { panic!("there is no token") };
        assert_eq!(failed, step);
        assert_eq!(&*reason, "HTTP 503 Service Unavailable: *** was the last");
    }
    assert_eq!(tokens_asked_for(&server), 2);
}
