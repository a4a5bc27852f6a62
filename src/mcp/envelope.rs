//! A JSON-RPC message, read no deeper than needed: the envelope is borrowed from the reply's bytes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::{Outcome, ProtocolFault};

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
    /// An answer to a request with another id.
    OtherId,
    /// A notification, or a request from the server.
    Other,
    /// Not a JSON-RPC message.
    Malformed,
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
        (Some(_), _) | (_, Some(_)) if !ours => Message::OtherId,
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
        check(r#"{"jsonrpc":"2.0","id":8,"result":{}}"#, &Message::OtherId);
        check(r#"{"jsonrpc":"2.0","id":"7","result":{}}"#, &Message::OtherId);
        check(r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}"#, &Message::OtherId);
        check(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#, &Message::Other);
        check(r#"{"jsonrpc":"2.0","id":7,"method":"roots/list"}"#, &Message::Other);
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
        assert_eq!(judge_result(asks, true), Outcome::Protocol(ProtocolFault::Missing));
        assert_eq!(judge_result(r#"{"resultType":"complete","content":[]}"#, true), Outcome::Ok);
    }
}
