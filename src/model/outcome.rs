//! How a call ended. One closed enum: the first layer that failed wins, and a failed call is data.
//!
//! The textual form (`http/503`, `transport/timeout/connect`) is what run directories and reports hold.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The one outcome of a planned call. Never judged by the HTTP status alone: transport, then HTTP status, then
/// protocol, then JSON-RPC error, then tool error, then the scenario's own check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Outcome {
    /// The answer arrived whole, belongs to the request, and every check held.
    Ok,
    /// No answer, or only a part of one, came over the connection.
    Transport(TransportFault),
    /// The answer's HTTP status is not a success.
    HttpStatus(u16),
    /// The answer breaks HTTP, SSE, JSON or JSON-RPC framing.
    Protocol(ProtocolFault),
    /// A JSON-RPC `error` object, with its code.
    JsonRpcError(i64),
    /// `tools/call` gave a result with `isError: true`.
    ToolError,
    /// The answer was sound, but an assertion of the scenario did not hold.
    CheckFailed,
    /// Planned, but never written to the wire. Bad, at the deadline's value.
    NotSent(NotSent),
    /// Broken off by the client, as the scenario asked; left out of every objective and every latency, never out of the sums.
    Cancelled,
    /// In flight when the run was interrupted; left out of every objective, never out of the sums.
    Interrupted,
}

/// Why no whole answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TransportFault {
    /// Connection refused.
    Refused,
    /// Connection reset by the peer.
    Reset,
    /// The connection or the body ended too early.
    Eof,
    /// The TLS handshake or a record failed.
    Tls,
    /// The host name has no address.
    Dns,
    /// The call's deadline passed, in this phase.
    Timeout(TimeoutPhase),
    /// Any other failure of the socket.
    Other,
}

/// What a call was waiting for when its deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimeoutPhase {
    /// The connection was not yet open.
    Connect,
    /// Sent, and no byte of the response head had come.
    FirstByte,
    /// The head had come, the answer had not.
    Body,
}

/// What was wrong with the framing of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProtocolFault {
    /// Not HTTP, not SSE, not JSON, or not a JSON-RPC message.
    Malformed,
    /// The only answer carries another request's id.
    WrongId,
    /// A second answer to the same id.
    Duplicate,
    /// The stream ended without the answer.
    Missing,
    /// The answer is larger than the limit for one reply.
    TooLarge,
    /// The answer was meant for another call: it holds that call's nonce and not its own, or the id of another user's call.
    CrossTalk,
    /// A modern answer that asks for input which the scenario does not give, or which asks again and again.
    InputRequired,
    /// The server no longer knows the session that the call belongs to.
    SessionLost,
}

/// Why a planned call was never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NotSent {
    /// The user could not log in, or could not open its session.
    NoSession,
    /// In an open load, no user was free within the call's deadline: the target keeps all of them waiting.
    NoUser,
    /// It is made of a value that no step before it has found.
    NoValue,
    /// This machine had no descriptor, port or buffer left for a connection: no fault of the target.
    NoSocket,
}

/// The layer an outcome belongs to: what reports group by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeClass {
    /// [`Outcome::Ok`].
    Ok,
    /// [`Outcome::Transport`] except timeouts.
    Transport,
    /// [`TransportFault::Timeout`].
    Timeout,
    /// [`Outcome::HttpStatus`].
    Http,
    /// [`Outcome::Protocol`].
    Protocol,
    /// [`Outcome::JsonRpcError`].
    JsonRpc,
    /// [`Outcome::ToolError`].
    Tool,
    /// [`Outcome::CheckFailed`].
    Check,
    /// [`Outcome::NotSent`].
    NotSent,
    /// [`Outcome::Cancelled`].
    Cancelled,
    /// [`Outcome::Interrupted`].
    Interrupted,
}

impl OutcomeClass {
    /// Every class, in the order of the layers.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Transport,
        Self::Timeout,
        Self::Http,
        Self::Protocol,
        Self::JsonRpc,
        Self::Tool,
        Self::Check,
        Self::NotSent,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The class in a person's words, for a table heading.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::Http => "HTTP status",
            Self::Protocol => "protocol",
            Self::JsonRpc => "JSON-RPC error",
            Self::Tool => "tool error",
            Self::Check => "check failed",
            Self::NotSent => "not sent",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Outcome {
    /// The layer this outcome belongs to.
    pub const fn class(self) -> OutcomeClass {
        match self {
            Self::Ok => OutcomeClass::Ok,
            Self::Transport(TransportFault::Timeout(_)) => OutcomeClass::Timeout,
            Self::Transport(_) => OutcomeClass::Transport,
            Self::HttpStatus(_) => OutcomeClass::Http,
            Self::Protocol(_) => OutcomeClass::Protocol,
            Self::JsonRpcError(_) => OutcomeClass::JsonRpc,
            Self::ToolError => OutcomeClass::Tool,
            Self::CheckFailed => OutcomeClass::Check,
            Self::NotSent(_) => OutcomeClass::NotSent,
            Self::Cancelled => OutcomeClass::Cancelled,
            Self::Interrupted => OutcomeClass::Interrupted,
        }
    }

    /// True for everything an objective counts against the target: all but [`Outcome::Ok`], [`Outcome::Cancelled`] and
    /// [`Outcome::Interrupted`].
    pub const fn is_failure(self) -> bool {
        !matches!(self, Self::Ok | Self::Cancelled | Self::Interrupted)
    }

    /// True for a failure that is not an answer of the target's: none came whole, or what came refuses the request or can't be
    /// read. An answer may say that something went wrong, too.
    pub const fn is_without_answer(self) -> bool {
        match self {
            Self::Transport(_) | Self::HttpStatus(_) | Self::NotSent(_) => true,
            Self::Protocol(fault) => match fault {
                ProtocolFault::Malformed
                | ProtocolFault::WrongId
                | ProtocolFault::Missing
                | ProtocolFault::TooLarge
                | ProtocolFault::SessionLost => true,
                ProtocolFault::Duplicate | ProtocolFault::CrossTalk | ProtocolFault::InputRequired => false,
            },
            Self::Ok
            | Self::JsonRpcError(_)
            | Self::ToolError
            | Self::CheckFailed
            | Self::Cancelled
            | Self::Interrupted => false,
        }
    }

    /// True when nothing at all came back for the call, be it an error.
    pub const fn is_silence(self) -> bool {
        matches!(self, Self::Transport(_) | Self::NotSent(_) | Self::Protocol(ProtocolFault::Missing))
    }

    /// True when an objective looks at this call at all.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Cancelled | Self::Interrupted)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Transport(fault) => write!(f, "transport/{}", fault.key()),
            Self::HttpStatus(status) => write!(f, "http/{status}"),
            Self::Protocol(fault) => write!(f, "protocol/{}", fault.key()),
            Self::JsonRpcError(code) => write!(f, "jsonrpc/{code}"),
            Self::ToolError => f.write_str("tool_error"),
            Self::CheckFailed => f.write_str("check"),
            Self::NotSent(NotSent::NoSession) => f.write_str("not_sent/no_session"),
            Self::NotSent(NotSent::NoUser) => f.write_str("not_sent/no_user"),
            Self::NotSent(NotSent::NoValue) => f.write_str("not_sent/no_value"),
            Self::NotSent(NotSent::NoSocket) => f.write_str("not_sent/no_socket"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl TransportFault {
    const ALL: [Self; 9] = [
        Self::Refused,
        Self::Reset,
        Self::Eof,
        Self::Tls,
        Self::Dns,
        Self::Timeout(TimeoutPhase::Connect),
        Self::Timeout(TimeoutPhase::FirstByte),
        Self::Timeout(TimeoutPhase::Body),
        Self::Other,
    ];

    const fn key(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Eof => "eof",
            Self::Tls => "tls",
            Self::Dns => "dns",
            Self::Timeout(TimeoutPhase::Connect) => "timeout/connect",
            Self::Timeout(TimeoutPhase::FirstByte) => "timeout/first_byte",
            Self::Timeout(TimeoutPhase::Body) => "timeout/body",
            Self::Other => "other",
        }
    }
}

impl ProtocolFault {
    const ALL: [Self; 8] = [
        Self::Malformed,
        Self::WrongId,
        Self::Duplicate,
        Self::Missing,
        Self::TooLarge,
        Self::CrossTalk,
        Self::InputRequired,
        Self::SessionLost,
    ];

    const fn key(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongId => "wrong_id",
            Self::Duplicate => "duplicate",
            Self::Missing => "missing",
            Self::TooLarge => "too_large",
            Self::CrossTalk => "cross_talk",
            Self::InputRequired => "input_required",
            Self::SessionLost => "session_lost",
        }
    }
}

/// A text that names no outcome.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an outcome")]
pub struct ParseOutcomeError(String);

impl FromStr for Outcome {
    type Err = ParseOutcomeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || ParseOutcomeError(text.to_owned());
        let (layer, detail) = text.split_once('/').unwrap_or((text, ""));
        match layer {
            "ok" => Ok(Self::Ok),
            "tool_error" => Ok(Self::ToolError),
            "check" => Ok(Self::CheckFailed),
            "cancelled" => Ok(Self::Cancelled),
            "interrupted" => Ok(Self::Interrupted),
            "not_sent" => match detail {
                "no_session" => Ok(Self::NotSent(NotSent::NoSession)),
                "no_user" => Ok(Self::NotSent(NotSent::NoUser)),
                "no_value" => Ok(Self::NotSent(NotSent::NoValue)),
                "no_socket" => Ok(Self::NotSent(NotSent::NoSocket)),
                _ => Err(unknown()),
            },
            "http" => detail.parse().map(Self::HttpStatus).map_err(|_| unknown()),
            "jsonrpc" => detail.parse().map(Self::JsonRpcError).map_err(|_| unknown()),
            "transport" => TransportFault::ALL
                .into_iter()
                .find(|fault| fault.key() == detail)
                .map(Self::Transport)
                .ok_or_else(unknown),
            "protocol" => ProtocolFault::ALL
                .into_iter()
                .find(|fault| fault.key() == detail)
                .map(Self::Protocol)
                .ok_or_else(unknown),
            _ => Err(unknown()),
        }
    }
}

impl From<Outcome> for String {
    fn from(outcome: Outcome) -> Self {
        outcome.to_string()
    }
}

impl TryFrom<String> for Outcome {
    type Error = ParseOutcomeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_reads_back_from_its_text() {
        let mut all = vec![
            Outcome::Ok,
            Outcome::HttpStatus(503),
            Outcome::JsonRpcError(-32602),
            Outcome::ToolError,
            Outcome::CheckFailed,
            Outcome::NotSent(NotSent::NoSession),
            Outcome::NotSent(NotSent::NoUser),
            Outcome::NotSent(NotSent::NoValue),
            Outcome::NotSent(NotSent::NoSocket),
            Outcome::Cancelled,
            Outcome::Interrupted,
        ];
        all.extend(TransportFault::ALL.map(Outcome::Transport));
        all.extend(ProtocolFault::ALL.map(Outcome::Protocol));
        for outcome in all {
            assert_eq!(outcome.to_string().parse::<Outcome>().unwrap(), outcome);
        }
    }

    #[test]
    fn unknown_texts_are_refused() {
        for text in ["", "http/", "http/99999", "transport/slow", "protocol/", "fine"] {
            assert!(text.parse::<Outcome>().is_err(), "{text}");
        }
    }
}
