//! The head of an answer: status, how its body is framed, and the few fields that a call needs.

use http::HeaderValue;

use super::NotHttp;

/// Answers with more fields than this are no HTTP to us.
const MAX_FIELDS: usize = 100;
/// A head may not be longer than this, in bytes.
pub(crate) const MAX_HEAD: usize = 64 * 1024;
/// A head that is longer than this is not kept to compare the next with, in bytes: each connection keeps one.
const LARGEST_KNOWN: usize = 1024;
/// The field that names the session.
pub(crate) const SESSION_HEADER: &str = "mcp-session-id";

/// An answer's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// From 100 to 999.
    pub(crate) status: u16,
    /// What `Content-Type` says.
    pub(crate) content: ContentKind,
    /// The session that the server named, where it was asked for.
    pub(crate) session: Option<HeaderValue>,
    /// What `WWW-Authenticate` of a refusal (401, 403) says: how to get in.
    pub(crate) challenge: Option<Box<str>>,
    pub(crate) framing: Framing,
    /// False when the connection ends with this answer.
    pub(crate) keep_alive: bool,
}

/// The kinds of content that an MCP endpoint answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentKind {
    /// `application/json`.
    Json,
    /// `text/event-stream`.
    Events,
    /// Anything else, or none.
    Other,
}

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// Reads heads, and knows the one before: on one connection most are the same to the byte, and comparing is quicker than
/// reading.
#[derive(Debug, Default)]
pub(crate) struct HeadReader {
    /// The bytes of the last head, empty when there is none to compare with...
    bytes: Vec<u8>,
    /// ... and what was read from them.
    head: Option<Head>,
}

/// What the caller needs beside the status: copying a field costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadWants {
    /// No field at all.
    Nothing,
    /// The session that the server names.
    Session,
}

impl ContentKind {
    /// The kind that a `Content-Type` field names, parameters and case aside.
    pub(crate) fn of(value: &[u8]) -> Self {
        let essence = value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        if essence.eq_ignore_ascii_case(b"application/json") {
            Self::Json
        } else if essence.eq_ignore_ascii_case(b"text/event-stream") {
            Self::Events
        } else {
            Self::Other
        }
    }
}

impl HeadReader {
    /// [`Head::parse`], which depends on the bytes of the head alone.
    pub(crate) fn read(&mut self, bytes: &[u8], wants: HeadWants) -> Result<Option<(Head, usize)>, NotHttp> {
        if wants == HeadWants::Session {
            return Head::parse(bytes, wants);
        }
        if let Some(head) = self.head.as_ref().filter(|_| bytes.starts_with(&self.bytes)) {
            return Ok(Some((head.clone(), self.bytes.len())));
        }
        let parsed = Head::parse(bytes, wants)?;
        if let Some((head, length)) = parsed.as_ref().filter(|(_, length)| *length <= LARGEST_KNOWN) {
            self.bytes.clear();
            self.bytes.extend_from_slice(&bytes[..*length]);
            self.head = Some(head.clone());
        }
        Ok(parsed)
    }
}

impl Head {
    /// True when another head follows: a 1xx answer.
    pub(crate) fn is_interim(&self) -> bool {
        self.status < 200
    }

    /// Reads a head at the start of `bytes`: the head and how many bytes it takes, `None` when more bytes are needed.
    pub(crate) fn parse(bytes: &[u8], wants: HeadWants) -> Result<Option<(Self, usize)>, NotHttp> {
        let mut fields = [const { std::mem::MaybeUninit::uninit() }; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            bytes,
            &mut fields,
        );
        let length = match parsed.map_err(|_| NotHttp)? {
            httparse::Status::Partial if bytes.len() > MAX_HEAD => return Err(NotHttp),
            httparse::Status::Partial => return Ok(None),
            httparse::Status::Complete(length) => length,
        };
        // We asked for no other protocol, so nobody switches to one.
        let status = response.code.filter(|code| *code >= 100 && *code != 101).ok_or(NotHttp)?;
        let newest = response.version == Some(1);
        let mut head = Self {
            status,
            content: ContentKind::Other,
            session: None,
            challenge: None,
            framing: Framing::UntilClose,
            keep_alive: newest,
        };
        let mut content_length = None;
        let mut transfer_coding: Option<bool> = None;
        for field in response.headers.iter() {
            let name = field.name;
            match name.len() {
                10 if name.eq_ignore_ascii_case("connection") => {
                    for option in field.value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                        if option.eq_ignore_ascii_case(b"close") {
                            head.keep_alive = false;
                        } else if !newest && option.eq_ignore_ascii_case(b"keep-alive") {
                            head.keep_alive = true;
                        }
                    }
                }
                12 if name.eq_ignore_ascii_case("content-type") => {
                    head.content = ContentKind::of(field.value);
                }
                14 if name.eq_ignore_ascii_case("content-length") => {
                    let value = length_of(field.value)?;
                    if content_length.is_some_and(|other| other != value) {
                        return Err(NotHttp);
                    }
                    content_length = Some(value);
                }
                14 if wants == HeadWants::Session && name.eq_ignore_ascii_case(SESSION_HEADER) => {
                    head.session =
                        HeaderValue::from_bytes(field.value).ok().filter(|session| !session.is_empty());
                }
                16 if is_refusal(status) && name.eq_ignore_ascii_case("www-authenticate") => {
                    head.challenge = Some(joined(head.challenge.take(), field.value));
                }
                17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                    let last = field.value.rsplit(|&byte| byte == b',').next().unwrap_or_default();
                    transfer_coding = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
                }
                _ => {}
            }
        }
        head.framing = match (transfer_coding, content_length) {
            _ if status < 200 || status == 204 || status == 304 => Framing::Length(0),
            // A length beside a coding is a sign of smuggling: the coding counts, and the connection is not kept.
            (Some(chunked), length) => {
                head.keep_alive &= length.is_none() && chunked;
                if chunked { Framing::Chunked } else { Framing::UntilClose }
            }
            (None, Some(length)) => Framing::Length(length),
            (None, None) => {
                head.keep_alive = false;
                Framing::UntilClose
            }
        };
        Ok(Some((head, length)))
    }
}

/// Statuses that say who may come in.
pub(crate) fn is_refusal(status: u16) -> bool {
    matches!(status, 401 | 403)
}

/// A list of challenges with one more; a field may be there several times.
pub(crate) fn joined(before: Option<Box<str>>, challenge: &[u8]) -> Box<str> {
    let challenge = String::from_utf8_lossy(challenge);
    before.map_or_else(|| challenge.as_ref().into(), |before| format!("{before}, {challenge}").into())
}

/// A list of equal lengths is one length: intermediaries are known to join fields.
fn length_of(value: &[u8]) -> Result<u64, NotHttp> {
    let mut lengths = value.split(|&byte| byte == b',').map(|one| {
        let digits = one.trim_ascii();
        let sound = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(digits).ok().filter(|_| sound);
        text.and_then(|text| text.parse().ok()).ok_or(NotHttp)
    });
    let first = lengths.next().ok_or(NotHttp)??;
    for other in lengths {
        if other? != first {
            return Err(NotHttp);
        }
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<(Head, usize)>, NotHttp> {
        Head::parse(text.as_bytes(), HeadWants::Session)
    }

    #[track_caller]
    fn framing(fields: &str) -> (Framing, bool) {
        let (head, length) = parse(&format!("HTTP/1.1 200 OK\r\n{fields}\r\nrest")).unwrap().unwrap();
        assert_eq!(length, "HTTP/1.1 200 OK\r\n".len() + fields.len() + 2);
        (head.framing, head.keep_alive)
    }

    #[test]
    fn a_body_ends_where_the_head_says() {
        assert_eq!(framing("Content-Length: 5\r\n"), (Framing::Length(5), true));
        assert_eq!(framing("content-length: 5, 5\r\nContent-Length: 5\r\n"), (Framing::Length(5), true));
        assert_eq!(framing("Transfer-Encoding: gzip, Chunked\r\n"), (Framing::Chunked, true));
        assert_eq!(framing("Transfer-Encoding: gzip\r\n"), (Framing::UntilClose, false));
        assert_eq!(framing("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), (Framing::Chunked, false));
        assert_eq!(framing(""), (Framing::UntilClose, false));
        assert_eq!(framing("Content-Length: 5\r\nConnection: foo, Close\r\n"), (Framing::Length(5), false));
    }

    #[test]
    fn an_old_server_keeps_a_connection_only_when_it_says_so() {
        let (head, _) = parse("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap().unwrap();
        assert!(!head.keep_alive);
        let text = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n";
        assert!(parse(text).unwrap().unwrap().0.keep_alive);
    }

    #[test]
    fn interim_answers_are_told_from_final_ones() {
        let (head, length) = parse("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP").unwrap().unwrap();
        assert!(head.is_interim());
        assert_eq!((head.framing, length), (Framing::Length(0), 37));
        let (head, _) = parse("HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert!(!head.is_interim());
        assert_eq!(head.framing, Framing::Length(0));
        assert_eq!(parse("HTTP/1.1 101 Switching Protocols\r\n\r\n"), Err(NotHttp));
    }

    #[test]
    fn a_refusal_says_how_to_get_in() {
        let challenge = |status: &str| {
            let text = format!(
                "HTTP/1.1 {status}\r\nWWW-Authenticate: Basic\r\nwww-authenticate: Bearer a=b\r\n\r\n"
            );
            parse(&text).unwrap().unwrap().0.challenge
        };
        assert_eq!(challenge("401 Unauthorized").as_deref(), Some("Basic, Bearer a=b"));
        assert_eq!(challenge("403 Forbidden").as_deref(), Some("Basic, Bearer a=b"));
        assert_eq!(challenge("200 OK"), None);
    }

    #[test]
    fn a_head_that_is_not_whole_waits_for_more() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nMcp-Session-Id: abc\r\n\r\n";
        for cut in 0..text.len() {
            assert_eq!(parse(&text[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(parse(text).unwrap().unwrap().0.session, Some(HeaderValue::from_static("abc")));
    }

    #[test]
    fn a_head_like_the_one_before_is_read_the_same_and_no_other() {
        let one = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nMcp-Session-Id: abc\r\n\r\n";
        let other = "HTTP/1.1 200 OK\r\nContent-Length: 55\r\nMcp-Session-Id: abc\r\n\r\n";
        let long =
            format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: {}\r\n\r\n", "x".repeat(LARGEST_KNOWN));
        let mut reader = HeadReader::default();
        for text in [one, one, other, other, one, &long, &long, one, "HTTP/1.1 204 OK\r\n\r\n", one] {
            let bytes = format!("{text}{{}}");
            for wants in [HeadWants::Nothing, HeadWants::Session, HeadWants::Nothing] {
                let read = reader.read(bytes.as_bytes(), wants);
                assert_eq!(read, Head::parse(bytes.as_bytes(), wants), "{text}");
                assert_eq!(read.unwrap().unwrap().1, text.len());
            }
            assert_eq!(reader.read(&bytes.as_bytes()[..text.len() - 1], HeadWants::Nothing), Ok(None));
        }
        assert_eq!(reader.read(b"HTTP/1.1 200 OK\r\nbroken field\r\n\r\n", HeadWants::Nothing), Err(NotHttp));
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for text in [
            "SSH-2.0-OpenSSH\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nbroken field\r\n\r\n",
        ] {
            assert_eq!(parse(text), Err(NotHttp), "{text}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MAX_HEAD));
        assert_eq!(parse(&endless), Err(NotHttp));
        let fields = "X: y\r\n".repeat(MAX_FIELDS + 1);
        assert_eq!(parse(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")), Err(NotHttp));
    }

    #[test]
    fn the_kind_of_content_is_told_whatever_its_case_and_parameters() {
        assert_eq!(ContentKind::of(b"Application/JSON ; charset=utf-8"), ContentKind::Json);
        assert_eq!(ContentKind::of(b"text/event-stream"), ContentKind::Events);
        assert_eq!(ContentKind::of(b"text/html"), ContentKind::Other);
    }
}
