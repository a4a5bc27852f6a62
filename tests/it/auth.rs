//! Runs whose tokens run out: logins and OAuth, against the demo target, whose tokens live for seconds.

use serde_json::Value;

use crate::support::{Done, GANDER, beside_others, demo, scenario, start_run, start_run_in};

/// `seconds` of load by `users` on a target whose tokens live for 3 s.
fn run(auth: &str, target: &str, users: u32, seconds: u32) -> Done {
    let (_folder, file) = scenario(&format!(
        "
version: 1
name: auth
target: {target}
auth: {auth}
timeout: 5s
load: {{ users: {users}, duration: {seconds}s, think_time: 50ms }}
transactions:
  - name: list
    list_tools: {{}}
  - name: search
    weight: 3
    steps:
      - call_tool: {{ tool: search, arguments: {{ query: \"q {{{{ random.int(1, 100) }}}}\" }} }}
      - call_tool: {{ tool: calculate, arguments: {{ expression: \"1 + {{{{ vu }}}}\" }} }}
"
    ));
    start_run(&file, &[]).finish()
}

const DEMO: &str = "{ demo: { path: /mcp/stateless, arguments: [--require-auth, --token-ttl, 3s] } }";

/// How often the set-up call `name` was made, all of them well.
#[track_caller]
fn made(report: &Value, name: &str) -> u64 {
    let rows = report["around"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name} in {rows:#?}"));
    assert_eq!(row["calls"], row["ok"], "{row:#}");
    row["calls"].as_u64().unwrap()
}

#[track_caller]
fn nothing_failed(done: &Done, at_least: u64) -> Value {
    // Without objectives there is nothing to conclude; that is no pass.
    done.expect_code(3);
    let report = done.report();
    let total = &report["total"];
    assert!(total["calls"].as_u64().unwrap() >= at_least, "{total:#}");
    assert_eq!(total["calls"], total["ok"], "{:#}", report["outcomes"]);
    assert_eq!(report["planned"], report["recorded"]);
    report
}

#[test]
fn users_log_in_anew_before_their_tokens_run_out() {
    let _beside_others = beside_others();
    let login = "{ login: { path: /auth/token, username: ann, password: test_pass } }";
    let report = nothing_failed(&run(login, DEMO, 20, 10), 1_000);
    // 10 s in lives of 3 s, each cut short by 0.3 s to 0.6 s: 4 or 5 logins of each user, and one of the first contact.
    let logins = made(&report, "login");
    assert!((20 * 4 + 1..=20 * 5 + 1).contains(&logins), "{logins} logins");
}

#[test]
fn all_users_share_a_token_that_one_of_them_renews() {
    let _beside_others = beside_others();
    let oauth = "{ oauth: { client_id: demo-client, client_secret: test_secret } }";
    let done = run(oauth, DEMO, 20, 10);
    let report = nothing_failed(&done, 1_000);
    for step in ["oauth challenge", "oauth resource metadata", "oauth server metadata"] {
        assert_eq!(made(&report, step), 1, "{step}");
    }
    let tokens = made(&report, "oauth token");
    assert!((4..=6).contains(&tokens), "{tokens} tokens");
    for file in std::fs::read_dir(done.run_folder()).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains("test_secret") && !holds_a_token(&text), "{}", path.display());
    }
}

/// The demo target's tokens are `demo-` and 32 hexadecimal digits.
fn holds_a_token(text: &str) -> bool {
    text.match_indices("demo-").any(|(at, mark)| {
        let rest = &text.as_bytes()[at + mark.len()..];
        rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count() >= 32
    })
}

#[test]
fn each_user_may_have_a_token_of_its_own() {
    let _beside_others = beside_others();
    let oauth = "{ oauth: { client_id: demo-client, client_secret: test_secret, per_user: true, \
                 token_endpoint_auth_method: client_secret_post } }";
    let report = nothing_failed(&run(oauth, DEMO, 10, 6), 300);
    let tokens = made(&report, "oauth token");
    assert!((10 * 2 + 1..=10 * 4 + 1).contains(&tokens), "{tokens} tokens");
}

#[test]
fn a_key_signs_for_a_token() {
    let _beside_others = beside_others();
    let key = rcgen::KeyPair::generate().unwrap();
    let target = demo(&["--require-auth", "--oauth-public-key", &key.public_key_pem()]);
    let text = format!(
        "
version: 1
name: key
target: {}/mcp
auth: {{ oauth: {{ client_id: demo-client, private_key: '{{{{ env.CLIENT_KEY }}}}', algorithm: ES256 }} }}
load: {{ users: 2, duration: 2s, think_time: 50ms }}
transactions: [{{ name: list, list_tools: {{}} }}]
",
        target.base
    );
    let (folder, file) = scenario(&text);
    let pem = key.serialize_pem();
    let done = start_run_in(&file, &[], &[("CLIENT_KEY", &pem)]).finish();
    assert_eq!(made(&nothing_failed(&done, 20), "oauth token"), 1);
    std::fs::write(folder.path().join("client.key"), &pem).unwrap();
    std::fs::write(&file, text.replace("'{{ env.CLIENT_KEY }}'", "client.key")).unwrap();
    nothing_failed(&start_run(&file, &[]).finish(), 20);
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    std::fs::write(folder.path().join("client.key"), &other).unwrap();
    let refused = start_run(&file, &[]).finish();
    refused.expect_code(5);
    let said = "invalid_client: a wrong signature";
    assert!(refused.stderr.contains("oauth token") && refused.stderr.contains(said), "{}", refused.stderr);
}

#[test]
fn a_wrong_secret_is_exit_5_and_is_not_shown() {
    let oauth = "{ oauth: { client_id: demo-client, client_secret: no-s3cret } }";
    let done = run(oauth, DEMO, 1, 1);
    done.expect_code(5);
    assert!(done.stderr.contains("HTTP 401 Unauthorized: invalid_client: wrong secret"), "{}", done.stderr);
    assert!(!format!("{}{}{}", done.stdout, done.stderr, done.report()).contains("no-s3cret"));
}

#[test]
fn validating_sends_nothing_and_says_how_tokens_are_got() {
    let (_folder, file) = scenario(
        "
version: 1
name: auth
target: https://mcp.example.com/mcp
allow_hosts: [mcp.example.com]
auth: { oauth: { client_id: c, client_secret: x } }
load: { users: 1, duration: 1s }
transactions: [{ name: list, list_tools: {} }]
",
    );
    let output = std::process::Command::new(GANDER).arg("validate").arg(&file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("one token for all users by OAuth client credentials"), "{text}");
}
