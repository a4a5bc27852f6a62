//! Which parts of a user's text are secrets, so that no message shows them: known by the names of their fields, by
//! standing below `auth` or in what Alertmanager needs to reach people, and by the shape of a URL.
//!
//! It reads the text anew, event by event, because a file that is no YAML, or that names a field twice, has no tree
//! that holds all of it.

use std::collections::HashMap;
use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span};

/// How the name of a field that holds a secret ends, in small letters, with `_` for `-`.
const SECRET_NAMES: [&str; 18] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "bearer",
    "apikey",
    "api_key",
    "private_key",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "service_key",
    "routing_key",
    "user_key",
    "webhook_url",
    "slack_api_url",
];
/// What may stand below `auth` for all to see.
const PLAIN_NAMES: [&str; 9] = [
    "path",
    "username",
    "client_id",
    "scope",
    "token_url",
    "token_endpoint_auth_method",
    "algorithm",
    "key_id",
    "per_user",
];
/// Where an `alertmanager.yml` has keys and addresses that are as good as keys.
const ADDRESS_BOOKS: [&str; 2] = ["global", "receivers"];
/// What may stand there for all to see.
const PLAIN_IN_ADDRESS_BOOKS: [&str; 2] = ["name", "resolve_timeout"];
/// What people write behind `auth:` when they mean a kind of it.
const PLAIN_WORDS: [&str; 6] = ["none", "basic", "bearer", "headers", "login", "oauth"];
/// How an expression between braces begins.
const EXPRESSIONS: [&str; 8] = ["env.", "json(", "random.", "vu", "iteration", "nonce", "canary", "string("];

/// The secrets of `text`, as ranges of bytes, ascending and apart. A YAML document begins at `document`; before it stands `dotted.key=`, or
/// nothing.
pub(super) fn secrets(text: &str, document: usize) -> Vec<Range<usize>> {
    let keys = text[..document].trim_end_matches('=');
    let sight = keys.split('.').filter(|key| !key.is_empty()).fold(Sight::Open, Sight::below);
    let mut walk =
        Walk { text, document, sight, open: Vec::new(), anchors: HashMap::new(), found: Vec::new() };
    for event in Parser::new_from_str(&text[document..]) {
        let Ok((event, span)) = event else {
            walk.lines();
            break;
        };
        walk.take(&event, span);
    }
    walk.found.extend(crate::model::credentials_in(text));
    apart(walk.found)
}

fn apart(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let touch = next.start <= last.end;
        if touch {
            last.end = last.end.max(next.end);
        }
        touch
    });
    ranges
}

/// How much of what stands in a place may be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// All.
    Open,
    /// Names, and the values of [`PLAIN_NAMES`]. A misspelt name hides its value too.
    Auth,
    /// Names, and the values of [`PLAIN_IN_ADDRESS_BOOKS`]. A misspelt name hides its value too.
    AddressBook,
    /// Names alone.
    Hidden,
}

impl Sight {
    /// For the value of `key`.
    fn below(self, key: &str) -> Self {
        let key = key.trim().to_lowercase().replace('-', "_");
        let secret =
            matches!(key.as_str(), "headers" | "env") || SECRET_NAMES.iter().any(|name| key.ends_with(name));
        match self {
            Self::Hidden => Self::Hidden,
            Self::Open | Self::Auth | Self::AddressBook if secret => Self::Hidden,
            Self::AddressBook if PLAIN_IN_ADDRESS_BOOKS.contains(&key.as_str()) => Self::Open,
            Self::AddressBook => Self::AddressBook,
            Self::Open if ADDRESS_BOOKS.contains(&key.as_str()) => Self::AddressBook,
            Self::Auth if PLAIN_NAMES.contains(&key.as_str()) => Self::Open,
            Self::Open if key != "auth" => Self::Open,
            Self::Open | Self::Auth => Self::Auth,
        }
    }
}

struct Walk<'t> {
    text: &'t str,
    document: usize,
    /// Of the document as a whole.
    sight: Sight,
    open: Vec<Open>,
    anchors: HashMap<usize, Range<usize>>,
    found: Vec<Range<usize>>,
}

/// A collection whose end has not come yet.
struct Open {
    start: usize,
    anchor: usize,
    sight: Sight,
    kind: Kind,
}

enum Kind {
    List,
    /// With the sight of the value that comes next, once its key was there.
    Map(Option<Sight>),
}

impl Walk<'_> {
    fn take(&mut self, event: &Event<'_>, span: Span) {
        let range = span.byte_range().unwrap_or(0..0);
        let range = self.document + range.start..self.document + range.end;
        match event {
            Event::Scalar(text, style, anchor, _) => self.scalar(text, *style, *anchor, range),
            Event::SequenceStart(_, anchor, _) => self.begin(*anchor, range.start, Kind::List),
            Event::MappingStart(_, anchor, _) => self.begin(*anchor, range.start, Kind::Map(None)),
            Event::SequenceEnd | Event::MappingEnd => {
                let ended = self.open.pop();
                if let Some(Open { anchor: anchor @ 1.., start, .. }) = ended {
                    self.anchors.insert(anchor, start..range.end);
                }
            }
            Event::Alias(anchor) => {
                let meant = self.anchors.get(anchor).cloned();
                if let Some(range) = meant.filter(|_| self.next_sight() != Sight::Open) {
                    self.hide(range);
                }
            }
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_)
            | _ => {}
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, range: Range<usize>) {
        if let Some(Open { kind: Kind::Map(key @ None), sight, .. }) = self.open.last_mut() {
            *key = Some(sight.below(text));
            // `bearer TOKEN` without its colon is a name too.
            let bare = style == ScalarStyle::Plain && text.contains(char::is_whitespace);
            if *sight != Sight::Open && bare {
                self.hide(range);
            }
            return;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, range.clone());
        }
        // What is in a file of keys does not belong here, and people paste it.
        let pasted = text.contains("-----BEGIN");
        let sight = self.next_sight();
        let hidden = match sight {
            Sight::Open => false,
            Sight::Auth => !PLAIN_WORDS.contains(&text),
            Sight::AddressBook | Sight::Hidden => true,
        };
        if pasted || hidden {
            let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
            let mark = usize::from(quoted && range.len() > 1);
            self.hide(range.start + mark..range.end - mark);
        }
    }

    fn begin(&mut self, anchor: usize, start: usize, kind: Kind) {
        let sight = self.next_sight();
        self.open.push(Open { start, anchor, sight, kind });
    }

    /// The sight of the value that begins now. A collection that is a key leaves its map waiting for a value.
    fn next_sight(&mut self) -> Sight {
        match self.open.last_mut() {
            None => self.sight,
            Some(Open { kind: Kind::List, sight, .. }) => *sight,
            Some(Open { kind: Kind::Map(key), sight, .. }) => key.take().unwrap_or_else(|| {
                *key = Some(*sight);
                *sight
            }),
        }
    }

    /// Hides `range`, but for the expressions in it: what they give is not in the text.
    fn hide(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while let Some((start, end)) = self.expression_in(at..range.end) {
            self.found.push(at..start);
            at = end;
        }
        self.found.push(at..range.end);
    }

    fn expression_in(&self, range: Range<usize>) -> Option<(usize, usize)> {
        let text = self.text.get(range.clone())?;
        text.match_indices("{{").find_map(|(open, _)| {
            let inside = text[open + 2..].trim_start();
            let known = EXPRESSIONS.iter().any(|begin| inside.starts_with(begin));
            let close = text[open..].find("}}").filter(|_| known)?;
            Some((range.start + open, range.start + open + close + 2))
        })
    }

    /// Where the text is no YAML, lines must do: what follows the name of a secret, on its line and on those that are
    /// indented below it.
    fn lines(&mut self) {
        let mut begin = self.document;
        let mut below: Option<(usize, Sight)> = None;
        for line in self.text[self.document..].split_inclusive('\n') {
            let content = line.trim_start_matches([' ', '\t', '-']);
            let indent = line.len() - content.len();
            if below.is_some_and(|(outer, _)| indent <= outer && !content.trim().is_empty()) {
                below = None;
            }
            let around = below.map_or(self.sight, |(_, sight)| sight);
            let hidden = hidden_from(content, around);
            if let Some((at, _)) = hidden {
                self.hide(begin + indent + at..begin + line.trim_end().len().max(indent + at));
            }
            if let Some((_, sight)) = hidden.filter(|_| below.is_none()) {
                below = Some((indent, sight));
            }
            begin += line.len();
        }
    }
}

/// From which byte on `line` is hidden, with the sight of what is indented below it. `around` is the sight of the
/// lines above it.
fn hidden_from(line: &str, around: Sight) -> Option<(usize, Sight)> {
    for (colon, _) in line.match_indices([':', '=']) {
        let name = line[..colon].trim_end().trim_end_matches(['"', '\'']);
        let start =
            name.rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).map_or(0, |at| at + 1);
        let sight = around.below(name.get(start..).unwrap_or_default());
        let plain = sight == Sight::Open || around == Sight::Open && sight == around;
        if !plain {
            return Some((colon + 1, sight));
        }
        if around != Sight::Open {
            return None;
        }
    }
    (around != Sight::Open).then_some((0, around))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `text` with every secret as `*`.
    fn masked(text: &str, document: usize) -> String {
        let found = secrets(text, document);
        let hidden = |at: &usize| found.iter().any(|range| range.contains(at));
        text.char_indices().map(|(at, c)| if hidden(&at) && !c.is_whitespace() { '*' } else { c }).collect()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(masked(text, 0), expected);
    }

    #[test]
    fn values_are_hidden_by_the_names_of_their_fields() {
        check("auth: {bearer: abc, x: 1}", "auth: {bearer: ***, x: *}");
        check(
            "auth:\n  login:\n    path: /t\n    username: ann\n    password: 'a b'\n",
            "auth:\n  login:\n    path: /t\n    username: ann\n    password: '* *'\n",
        );
        check("auth: {headers: {X-Key: abc}}", "auth: {headers: {X-Key: ***}}");
        check("auth: {logn: {pasword: abc, path: /t}}", "auth: {logn: {pasword: ***, path: /t}}");
        check("a: {session-token: [1, {b: c}]}", "a: {session-token: [*, {b: *}]}");
        check("client_secret: |\n  abc\n  d\nname: x\n", "client_secret: |\n  ***\n  *\nname: x\n");
        check("auth: Bearer abc", "auth: ****** ***");
        check("auth: basic", "auth: basic");
        check("auth: {bearer abc}", "auth: {****** ***}");
        check("name: max_tokens\nmax_tokens: 5\n", "name: max_tokens\nmax_tokens: 5\n");
    }

    #[test]
    fn what_reaches_people_is_hidden() {
        check(
            "global: {slack_api_url: http://a/b, resolve_timeout: 5m}\nreceivers:\n- name: x\n  slack_configs: [{chanel: '#c', x: 1}]\n",
            "global: {slack_api_url: **********, resolve_timeout: 5m}\nreceivers:\n- name: x\n  slack_configs: [{chanel: '**', x: *}]\n",
        );
        check(
            "receivers:\n- name: x\n  url: a: b\nroute: x\n",
            "receivers:\n- name: x\n  url: ** *\nroute: x\n",
        );
    }

    #[test]
    fn what_an_alias_stands_for_is_hidden_where_it_is_written() {
        check("x: &p abc\nauth: {bearer: *p}\n", "x: &p ***\nauth: {bearer: *p}\n");
    }

    #[test]
    fn expressions_are_no_secrets() {
        check("auth: {bearer: \"a{{ env.T }}b\"}", "auth: {bearer: \"*{{ env.T }}*\"}");
        check("auth: {bearer: \"{{ abc }}\"}", "auth: {bearer: \"** *** **\"}");
    }

    #[test]
    fn a_file_that_is_no_yaml_hides_by_lines() {
        check("auth:\n  bearer: a: b\nname: x\n", "auth:\n  bearer: ** *\nname: x\n");
        check(
            "auth:\n  headers:\n    X-Key: abc\n    Y abc\nname: [\n",
            "auth:\n  headers:\n    X-Key: ***\n    * ***\nname: [\n",
        );
        check("password: \"abc\n  d: e\nname: x\n", "password: ****\n  d: *\nname: x\n");
        check("a: {login: {password: abc, b: }\nname: x", "a: {login: {password: **** ** *\nname: x");
    }

    #[test]
    fn a_setting_knows_its_key() {
        assert_eq!(masked("auth.bearer=abc", 12), "auth.bearer=***");
        assert_eq!(masked("auth={bearer: abc}", 5), "auth={bearer: ***}");
        assert_eq!(masked("load.users=40", 11), "load.users=40");
    }

    #[test]
    fn credentials_in_a_url_are_hidden() {
        check("target: http://me:pw@host/a@b", "target: http://*****@host/a@b");
        check("target: http://host/a@b", "target: http://host/a@b");
    }
}
