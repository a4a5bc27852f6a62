//! The first event of HTTP+SSE: it names the URL that requests are posted to. Pure: bytes in, a URL out.

use url::Url;

use super::super::request;

/// The first event may not take more than this, in bytes.
const LONGEST: usize = 64 * 1024;

/// How far the first event has come.
#[derive(Debug, Default)]
pub(super) struct FirstMessage {
    bytes: Vec<u8>,
}

/// Why a stream of events is not one of HTTP+SSE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoEndpoint {
    #[error("the first event of the stream is not `endpoint`")]
    OtherEvent,
    #[error("the first event of the stream does not end")]
    TooLong,
    #[error("the `endpoint` event holds no URL")]
    NoUrl,
    /// Credentials and load would go to somebody who was not named.
    #[error("the `endpoint` event names another origin, which is not called")]
    OtherOrigin,
}

impl FirstMessage {
    /// Takes `bytes`. Once the event is whole: the URL to post to, on the origin of `base`, and what of the bytes comes after
    /// the event.
    pub(super) fn push(&mut self, bytes: &[u8], base: &Url) -> Option<Result<(Url, Vec<u8>), NoEndpoint>> {
        self.bytes.extend_from_slice(bytes);
        let Some((data, after)) = self.whole() else {
            return (self.bytes.len() > LONGEST).then_some(Err(NoEndpoint::TooLong));
        };
        Some(data.and_then(|data| {
            let url = base.join(data.trim()).map_err(|_| NoEndpoint::NoUrl)?;
            if url.origin() != base.origin() {
                return Err(NoEndpoint::OtherOrigin);
            }
            Ok((url, self.bytes[after..].to_vec()))
        }))
    }

    /// The data of the first event that has some, and where the bytes after it begin.
    fn whole(&self) -> Option<(Result<String, NoEndpoint>, usize)> {
        let (mut name, mut data): (&[u8], Option<String>) = (b"", None);
        let mut at = 0;
        loop {
            let rest = &self.bytes[at..];
            let length = memchr::memchr2(b'\n', b'\r', rest)?;
            let line = &rest[..length];
            // A LF that comes later than its CR is an empty line to whoever reads on, which is nothing.
            at += length + if rest[length..].starts_with(b"\r\n") { 2 } else { 1 };
            if line.is_empty() {
                match data.take() {
                    Some(_) if name != b"endpoint" => return Some((Err(NoEndpoint::OtherEvent), at)),
                    Some(data) => return Some((Ok(data), at)),
                    None => name = b"",
                }
            } else if let Some(value) = field(line, b"event") {
                name = value;
            } else if let Some(value) = field(line, b"data") {
                data.get_or_insert_default().push_str(&String::from_utf8_lossy(value));
            }
        }
    }
}

fn field<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let value = line.strip_prefix(name)?.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

/// What is secret in `url`: it names a session.
pub(super) fn session_of(url: &Url) -> Vec<String> {
    const SHORTEST: usize = 8;
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    values.filter(|value| value.len() >= SHORTEST).collect()
}

/// Path and query of `url`.
pub(super) fn target_of(url: &Url) -> &str {
    request::endpoint(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&[u8]]) -> Option<Result<(String, String), NoEndpoint>> {
        let base = Url::parse("http://127.0.0.1:80/a/sse").unwrap();
        let mut first = FirstMessage::default();
        let mut found = None;
        for chunk in chunks {
            found = found.or_else(|| first.push(chunk, &base));
        }
        found.map(|found| found.map(|(url, rest)| (url.to_string(), String::from_utf8(rest).unwrap())))
    }

    #[track_caller]
    fn check(stream: &str, url: &str, rest: &str) {
        let expected = Some(Ok((url.to_owned(), rest.to_owned())));
        assert_eq!(read(&[stream.as_bytes()]), expected, "{stream:?}");
        let whole = stream.len() - rest.len();
        let bytes: Vec<&[u8]> = stream.as_bytes()[..whole].chunks(1).collect();
        assert_eq!(read(&bytes), Some(Ok((url.to_owned(), String::new()))), "byte by byte: {stream:?}");
    }

    #[test]
    fn the_endpoint_is_a_url_on_the_same_origin() {
        check("event: endpoint\ndata: /m?s=1\n\ndata: x\n\n", "http://127.0.0.1/m?s=1", "data: x\n\n");
        check(": hello\n\nevent:endpoint\r\ndata:m\r\n\r\n", "http://127.0.0.1/a/m", "");
        check("data: http://127.0.0.1:80/m\nevent: endpoint\nid: 1\n\n", "http://127.0.0.1/m", "");
    }

    #[test]
    fn nothing_else_is_one() {
        for (stream, why) in [
            ("event: message\ndata: /m\n\n", NoEndpoint::OtherEvent),
            ("data: {}\n\n", NoEndpoint::OtherEvent),
            ("event: endpoint\ndata: http://127.0.0.1:81/m\n\n", NoEndpoint::OtherOrigin),
            ("event: endpoint\ndata: //example.com/m\n\n", NoEndpoint::OtherOrigin),
            ("event: endpoint\ndata: https://127.0.0.1:80/m\n\n", NoEndpoint::OtherOrigin),
            ("event: endpoint\ndata: http://[\n\n", NoEndpoint::NoUrl),
        ] {
            assert_eq!(read(&[stream.as_bytes()]), Some(Err(why)), "{stream}");
        }
        assert_eq!(read(&[b"event: endpoint\ndata: /m\n"]), None);
        let endless = [b"data: ".to_vec(), vec![b'x'; LONGEST]].concat();
        assert_eq!(read(&[&endless]), Some(Err(NoEndpoint::TooLong)));
    }
}
