//! Who is called, in which revision, with whose credentials.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use super::{FixedText, OAuth};
use crate::model::{Secret, clean_text, without_credentials};

/// The server under test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The built-in demo server, started by gander as a child process on a free loopback port.
    Demo(DemoTarget),
    /// A server that is already there. For MCP the URL of its endpoint; for a scenario of REST steps alone, the
    /// base of their paths.
    Url(#[serde(serialize_with = "write_without_credentials")] Url),
    /// A program that gander starts and speaks to over its standard input and output. Readers from before this target refuse
    /// the plan.
    Stdio(StdioTarget),
}

fn write_without_credentials<S: Serializer>(url: &Url, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&without_credentials(url.as_str()))
}

/// How the demo server is to be started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DemoTarget {
    /// The path of the MCP endpoint: `/mcp` or `/mcp/stateless`.
    pub path: String,
    /// Command-line arguments for `gander demo`, beside `--listen`.
    pub arguments: Vec<String>,
}

/// A server that is started as a child process and spoken to by lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StdioTarget {
    /// The program and its arguments; no shell reads them. There is a program.
    pub command: Vec<FixedText>,
    /// What its environment has beside gander's own. Values are as good as secrets: many servers take credentials there.
    pub env: BTreeMap<String, Secret>,
    /// Where it is started; gander's own working directory where it is not said.
    pub cwd: Option<FixedText>,
    /// Who speaks to which process.
    pub processes: Processes,
}

/// Who speaks to which process of a target that gander starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Processes {
    /// Each user has one of its own.
    #[default]
    PerUser,
    /// One is shared by all users: one session, in which answers are told apart by their ids.
    Shared,
}

impl Processes {
    /// As scenarios write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PerUser => "per_user",
            Self::Shared => "shared",
        }
    }
}

impl StdioTarget {
    /// The command as the user wrote it, on one line, fit to be shown.
    pub fn shown(&self) -> String {
        let words: Vec<String> = self
            .command
            .iter()
            .map(|word| {
                let word = without_credentials(word.source());
                let bare = word.chars().all(|c| !c.is_whitespace() && !matches!(c, '"' | '\''));
                if bare && !word.is_empty() { word.into_owned() } else { format!("{word:?}") }
            })
            .collect();
        clean_text(&words.join(" "))
    }
}

/// Which protocol revision to speak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtocolChoice {
    /// Try the modern era; fall back to the handshake.
    Auto,
    /// This revision and no other.
    Revision(String),
    /// Plain HTTP: no MCP steps.
    Rest,
}

/// The longest path or URL that is called, in bytes. Servers take less; HTTP libraries take 65,534, and writing a byte
/// may take three.
pub const LONGEST_PATH: usize = 20_000;

impl ProtocolChoice {
    /// Every revision of MCP there is, oldest first.
    pub const REVISIONS: [&'static str; 5] =
        ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
}

/// What each request carries to prove who sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Nothing.
    None,
    /// `Authorization: Bearer ...`, the same for every user.
    Bearer(Secret),
    /// Fixed headers, the same for every user.
    Headers(BTreeMap<String, Secret>),
    /// Each user logs in, and anew before its token runs out: POST of `{"username", "password"}` as JSON to `path` on the target's own origin;
    /// the answer's `access_token` is then the bearer token.
    Login {
        /// The path of the token endpoint.
        path: FixedText,
        /// The user's name.
        username: FixedText,
        /// The user's password.
        password: Secret,
    },
    /// A bearer token by OAuth's client credentials.
    #[serde(rename = "oauth")]
    OAuth(Box<OAuth>),
}

/// How long a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionPolicy {
    /// One session a user, for the whole run.
    PerUser,
    /// A new session for each iteration.
    PerIteration,
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// The client says so (DELETE).
    #[default]
    Delete,
    /// The client goes away without a word: the target has to notice.
    Abandon,
}

impl SessionEnd {
    /// True where nothing else was asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of calls of tools that the target does not list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnlistedTools {
    /// They are made, and mostly fail.
    #[default]
    Call,
    /// They are left out: no planned calls.
    Skip,
}

impl UnlistedTools {
    /// True where nothing else was asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which hosts may be sent load: loopback always, others only by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostRule {
    /// Host names or addresses that the scenario or the command line names.
    pub allowed: Vec<String>,
}

impl HostRule {
    /// True when load may go to `url`: its host is a loopback address, `localhost`, or named.
    pub fn permits(&self, url: &Url) -> bool {
        let Some(text) = url.host_str() else { return false };
        is_loopback(url)
            || self.allowed.iter().any(|allowed| {
                allowed.trim_matches(['[', ']']).eq_ignore_ascii_case(text.trim_matches(['[', ']']))
            })
    }
}

/// True when the host of `url` is a loopback address or `localhost`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

/// True when nobody on the way to `url` can read what is sent there: `https`, or this machine.
pub fn keeps_secrets(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, allowed: &[&str], expected: bool) {
        let rule = HostRule { allowed: allowed.iter().map(|&host| host.to_owned()).collect() };
        assert_eq!(rule.permits(&Url::parse(url).unwrap()), expected, "{url} with {allowed:?}");
    }

    #[test]
    fn loopback_is_always_permitted_and_nothing_else_is() {
        check("http://127.0.0.1:8080/mcp", &[], true);
        check("http://127.8.8.8/mcp", &[], true);
        check("http://[::1]:8080/mcp", &[], true);
        check("http://localhost/mcp", &[], true);
        check("http://10.0.0.1/mcp", &[], false);
        check("http://example.com/mcp", &[], false);
        check("http://localhost.example.com/mcp", &[], false);
        check("http://127.0.0.1.example.com/mcp", &[], false);
    }

    #[test]
    fn credentials_in_the_url_are_not_written_down() {
        let target = Target::Url(Url::parse("http://me:pw@127.0.0.1/mcp").unwrap());
        assert_eq!(serde_json::to_string(&target).unwrap(), r#"{"url":"http://***@127.0.0.1/mcp"}"#);
    }

    #[test]
    fn a_command_is_shown_as_it_was_written_without_credentials() {
        let command = vec!["node".into(), "my server.js".into(), "http://me:pw@127.0.0.1/x".into()];
        let target =
            StdioTarget { command, env: BTreeMap::new(), cwd: None, processes: Processes::default() };
        assert_eq!(target.shown(), r#"node "my server.js" http://***@127.0.0.1/x"#);
    }

    #[test]
    fn a_named_host_is_permitted() {
        check("https://Example.com/mcp", &["example.com"], true);
        check("https://sub.example.com/mcp", &["example.com"], false);
        check("http://[2001:db8::1]/mcp", &["2001:db8::1"], true);
    }
}
