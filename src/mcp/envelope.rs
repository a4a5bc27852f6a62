//! A JSON-RPC message, read no deeper than needed: the envelope is borrowed from the reply's bytes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::{Outcome, ProtocolFault};

/// The notification that tells how far a call is.
const PROGRESS: &str = "notifications/progress";

/// What a message from the server turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// The answer to our request: its result, as JSON text.
    Result(&'a str),
    /// The answer to our request is an error.
    Error {
        /// Its code.
        code: i64,
        /// The whole error, as JSON text.
        json: &'a str,
    },
    /// An answer to a request with another id: this one, where it can be one of ours.
    OtherId(Option<u64>),
    /// A notification, or a request from the server.
    Other,
    /// Not a JSON-RPC message.
    Malformed,
}

/// What a message that comes apart from any request turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'a> {
    /// An answer; the id that it names, where that can be one of ours. Whether it names it as it should is for [`read`].
    Answer(Option<u64>),
    /// An error that says of no request that it is its answer.
    NamelessError,
    /// A request from the server, with its id as JSON text.
    Request { id: &'a str, method: Cow<'a, str> },
    /// A notification, with the token of the call of whose progress it tells, or the id of the call that subscribed to it.
    Notification { method: Cow<'a, str>, token: Option<u64>, subscription: Option<u64> },
    /// Not a JSON-RPC message.
    Rubbish,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// What news of a call's progress says of whose it is.
#[derive(Deserialize)]
struct ProgressParams {
    #[serde(rename = "progressToken")]
    token: u64,
}

/// What news says of which subscription it is for.
#[derive(Deserialize)]
struct NewsParams<'a> {
    #[serde(rename = "_meta", borrow)]
    meta: NewsMeta<'a>,
}

#[derive(Deserialize)]
struct NewsMeta<'a> {
    #[serde(rename = "io.modelcontextprotocol/subscriptionId", borrow)]
    subscription: &'a RawValue,
}

#[derive(Deserialize)]
struct ErrorObject {
    code: i64,
}

#[derive(Deserialize)]
struct ResultHead<'a> {
    #[serde(rename = "isError", default)]
    is_error: Option<Value>,
    #[serde(rename = "resultType", borrow, default)]
    result_type: Option<Cow<'a, str>>,
}

/// True when `bytes` are the answer to the request `id`, and a good one: told in one pass that keeps nothing. When it is
/// false, [`read`] and [`judge_result`] tell what they are.
pub(crate) fn is_good_answer(bytes: &[u8], id: u64) -> bool {
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|_| is_object(bytes)) else { return false };
    serde_json::from_str::<GoodAnswer>(text).is_ok_and(|answer| {
        answer.id == id && answer.method.is_none() && answer.error.is_none() && answer.result.is_good
    })
}

/// An envelope as it should be. Whatever is otherwise fails to read, or is for [`read`] to look at.
#[derive(Deserialize)]
struct GoodAnswer {
    id: u64,
    #[serde(default)]
    method: Option<IgnoredAny>,
    #[serde(default)]
    error: Option<IgnoredAny>,
    result: GoodResult,
}

/// A result that is an object and does not speak of errors, or of more to come.
struct GoodResult {
    is_good: bool,
}

impl<'de> Deserialize<'de> for GoodResult {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ResultVisitor)
    }
}

struct ResultVisitor;

#[derive(Deserialize)]
#[serde(field_identifier)]
enum ResultField {
    #[serde(rename = "isError")]
    IsError,
    #[serde(rename = "resultType")]
    ResultType,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for ResultVisitor {
    type Value = GoodResult;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GoodResult, A::Error> {
        let mut is_good = true;
        while let Some(field) = map.next_key::<ResultField>()? {
            match field {
                ResultField::IsError => is_good &= !map.next_value::<bool>()?,
                ResultField::ResultType => is_good &= map.next_value::<Cow<'_, str>>()? == "complete",
                ResultField::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(GoodResult { is_good })
    }
}

/// Reads one message; `id` is the id of the request that waits for an answer.
pub(crate) fn read(bytes: &[u8], id: u64) -> Message<'_> {
    if !is_object(bytes) {
        return Message::Malformed;
    }
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(bytes) else { return Message::Malformed };
    if envelope.method.is_some() {
        return Message::Other;
    }
    let ours = envelope.id.is_some_and(|raw| raw.get() == itoa::Buffer::new().format(id));
    match (envelope.result, envelope.error) {
        (Some(_), _) | (_, Some(_)) if !ours => Message::OtherId(envelope.id.and_then(id_named)),
        (Some(result), None) => Message::Result(result.get()),
        (None, Some(error)) => match serde_json::from_str::<ErrorObject>(error.get()) {
            Ok(object) if is_object(error.get().as_bytes()) => {
                Message::Error { code: object.code, json: error.get() }
            }
            Ok(_) | Err(_) => Message::Malformed,
        },
        (Some(_), Some(_)) | (None, None) => Message::Malformed,
    }
}

/// Sorts a message that comes apart from any request.
pub(crate) fn sort(bytes: &[u8]) -> Incoming<'_> {
    if !is_object(bytes) {
        return Incoming::Rubbish;
    }
    let Ok(Envelope { id, method, result, error, params }) = serde_json::from_slice(bytes) else {
        return Incoming::Rubbish;
    };
    let named = id.and_then(id_named);
    let id = id.map(RawValue::get);
    match (method, id) {
        (Some(method), Some(id)) => Incoming::Request { id, method },
        (Some(method), None) => {
            let (mut token, mut subscription) = (None, None);
            if method == PROGRESS {
                let told =
                    params.and_then(|params| serde_json::from_str::<ProgressParams>(params.get()).ok());
                token = told.map(|params| params.token);
            } else {
                let told =
                    params.and_then(|params| serde_json::from_str::<NewsParams<'_>>(params.get()).ok());
                subscription = told.and_then(|params| id_named(params.meta.subscription));
            }
            Incoming::Notification { method, token, subscription }
        }
        (None, None) if error.is_some() => Incoming::NamelessError,
        (None, _) if result.is_none() && error.is_none() => Incoming::Rubbish,
        (None, _) => Incoming::Answer(named),
    }
}

/// The id that `raw` is. A server that makes a text of a number means that number.
fn id_named(raw: &RawValue) -> Option<u64> {
    raw.get().trim_matches('"').parse().ok()
}

/// What a result means beyond having arrived: a tool may say that it failed, and a modern server may ask for more
/// instead of answering.
pub(crate) fn judge_result(result: &str, is_tool_call: bool) -> Outcome {
    if !is_object(result.as_bytes()) {
        return Outcome::Protocol(ProtocolFault::Malformed);
    }
    match serde_json::from_str::<ResultHead<'_>>(result) {
        Ok(ResultHead { is_error: Some(said), .. }) if is_tool_call && said != Value::Bool(false) => {
            match said {
                Value::Bool(_) => Outcome::ToolError,
                // It says something about an error, and nobody knows what.
                Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                    Outcome::Protocol(ProtocolFault::Malformed)
                }
            }
        }
        Ok(ResultHead { result_type: Some(kind), .. }) if kind == "input_required" => {
            Outcome::Protocol(ProtocolFault::InputRequired)
        }
        Ok(ResultHead { result_type: Some(kind), .. }) if kind != "complete" => {
            Outcome::Protocol(ProtocolFault::Missing)
        }
        Ok(_) => Outcome::Ok,
        Err(_) => Outcome::Protocol(ProtocolFault::Malformed),
    }
}

/// Serde would fill a struct from a list as well, field by field.
fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().first() == Some(&b'{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &Message<'_>) {
        assert_eq!(&read(text.as_bytes(), 7), expected, "{text}");
    }

    #[test]
    fn answers_are_told_from_everything_else() {
        check(r#"{"jsonrpc":"2.0","id":7,"result":{"a":1}}"#, &Message::Result(r#"{"a":1}"#));
        let json = r#"{"code":-32602,"message":"x"}"#;
        check(
            &format!(r#"{{"jsonrpc":"2.0","id":7,"error":{json}}}"#),
            &Message::Error { code: -32602, json },
        );
        check(r#"{"jsonrpc":"2.0","id":8,"result":{}}"#, &Message::OtherId(Some(8)));
        check(r#"{"jsonrpc":"2.0","id":"7","result":{}}"#, &Message::OtherId(Some(7)));
        check(r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}"#, &Message::OtherId(None));
        check(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#, &Message::Other);
        check(r#"{"jsonrpc":"2.0","id":7,"method":"roots/list"}"#, &Message::Other);
    }

    #[test]
    fn messages_that_nobody_waits_for_are_sorted() {
        for (text, expected) in [
            (r#"{"id":7,"result":{}}"#, Incoming::Answer(Some(7))),
            (r#"{"id":"7","error":{}}"#, Incoming::Answer(Some(7))),
            (r#"{"id":"x","result":{}}"#, Incoming::Answer(None)),
            (r#"{"id":-7,"result":{}}"#, Incoming::Answer(None)),
            (r#"{"id":null,"result":{}}"#, Incoming::Answer(None)),
            (r#"{"id":null,"error":{"code":1}}"#, Incoming::NamelessError),
            (r#"{"error":{"code":1}}"#, Incoming::NamelessError),
            (r#"{"id":"a","method":"ping"}"#, Incoming::Request { id: r#""a""#, method: "ping".into() }),
            (
                r#"{"method":"notifications/progress","params":{}}"#,
                Incoming::Notification { method: PROGRESS.into(), token: None, subscription: None },
            ),
            (
                r#"{"method":"notifications/progress","params":{"progress":1,"progressToken":7}}"#,
                Incoming::Notification { method: PROGRESS.into(), token: Some(7), subscription: None },
            ),
            (
                r#"{"method":"x","params":{"progressToken":7}}"#,
                Incoming::Notification { method: "x".into(), token: None, subscription: None },
            ),
            (r#"{"id":7}"#, Incoming::Rubbish),
            ("Server listening", Incoming::Rubbish),
            ("[7]", Incoming::Rubbish),
            ("{", Incoming::Rubbish),
        ] {
            assert_eq!(sort(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_message_is_malformed() {
        for text in [
            "",
            "[]",
            "[7,null,{},null]",
            "null",
            "{}",
            r#"{"id":7}"#,
            r#"{"id":7,"error":{}}"#,
            r#"{"id":7,"error":{"code":"x"}}"#,
            r#"{"id":7,"error":[-32602]}"#,
            r#"{"id":7,"result":{}}}"#,
            r#"{"id":7,"result":{},"error":{"code":1}}"#,
            "{\"id\":7,\"result\":\u{0}}",
        ] {
            check(text, &Message::Malformed);
        }
    }

    #[test]
    fn a_tool_that_failed_is_an_error_although_it_answered() {
        assert_eq!(judge_result(r#"{"content":[],"isError":true}"#, true), Outcome::ToolError);
        assert_eq!(judge_result(r#"{"content":[],"isError":false}"#, true), Outcome::Ok);
        assert_eq!(judge_result(r#"{"content":[]}"#, true), Outcome::Ok);
        assert_eq!(judge_result(r#"{"content":[],"isError":null}"#, true), Outcome::Ok);
        let text = judge_result(r#"{"content":[],"isError":"true"}"#, true);
        assert_eq!(text, Outcome::Protocol(ProtocolFault::Malformed));
        assert_eq!(judge_result(r#"{"isError":true}"#, false), Outcome::Ok);
        assert_eq!(judge_result("[]", true), Outcome::Protocol(ProtocolFault::Malformed));
    }

    #[test]
    fn a_modern_answer_that_asks_for_more_is_no_answer() {
        let asks = r#"{"resultType":"input_required","inputRequests":{}}"#;
        assert_eq!(judge_result(asks, true), Outcome::Protocol(ProtocolFault::InputRequired));
        let other = r#"{"resultType":"other"}"#;
        assert_eq!(judge_result(other, true), Outcome::Protocol(ProtocolFault::Missing));
        assert_eq!(judge_result(r#"{"resultType":"complete","content":[]}"#, true), Outcome::Ok);
    }

    /// What the two passes say.
    fn in_two_passes(text: &str) -> bool {
        matches!(read(text.as_bytes(), 7), Message::Result(result) if judge_result(result, true) == Outcome::Ok)
    }

    #[test]
    fn one_pass_says_yes_only_where_two_do() {
        let good = [
            r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"a\"b\u00e9"}],"isError":false}}"#,
            r#" {"result":{},"id":7} "#,
            r#"{"id":7,"error":null,"method":null,"result":{"resultType":"complete","x":[[[{}]]]}}"#,
        ];
        for text in good {
            assert!(is_good_answer(text.as_bytes(), 7) && in_two_passes(text), "{text}");
        }
        for text in [
            r#"{"id":8,"result":{}}"#,
            r#"{"id":"7","result":{}}"#,
            r#"{"id":7,"result":[]}"#,
            r#"{"id":7,"result":null}"#,
            r#"{"id":7,"result":{"isError":true}}"#,
            r#"{"id":7,"result":{"isError":"no"}}"#,
            r#"{"id":7,"result":{"resultType":"input_required"}}"#,
            r#"{"id":7,"result":{},"error":{"code":1}}"#,
            r#"{"id":7,"method":"x","result":{}}"#,
            r#"{"id":7,"id":7,"result":{}}"#,
            r#"{"id":7,"result":{}}x"#,
            r"[7,null,null,{}]",
            "",
        ] {
            assert!(!is_good_answer(text.as_bytes(), 7), "{text}");
            assert!(!in_two_passes(text), "{text}");
        }
        assert!(!is_good_answer(b"{\"id\":7,\"result\":{\"x\":\"\xff\"}}", 7));
    }
}
