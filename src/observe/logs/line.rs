//! One line of a structured log: its fields, as far as checks look at them. It knows nothing of where lines come from.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::model::is_id_of_a_user;
use crate::plan::LogFields;

/// How the words begin that stand for errors and worse, in lower case.
const ERRORS: [&str; 9] = ["err", "crit", "fatal", "sev", "alert", "emerg", "panic", "fail", "denied"];
/// From this number on a level is an error, as bunyan and pino count.
const LEAST_ERROR: f64 = 50.0;
/// Numbers of this size are seconds since 1970; larger ones are milliseconds, microseconds, nanoseconds.
const MOST_SECONDS: f64 = 1e11;

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LogLine {
    /// Milliseconds since 1970.
    pub(super) time_ms: Read<i64>,
    /// True for the level of an error.
    pub(super) is_error: Read<bool>,
    pub(super) message: Read<String>,
    pub(super) duration: Read<Duration>,
    /// The call of this run that it names.
    pub(super) call: Option<u64>,
    /// Other fields that lines of calls must have, and this one has not.
    pub(super) lacks: Vec<String>,
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Read<T> {
    Missing,
    /// It can't be read.
    Odd,
    There(T),
}

/// Reads lines.
#[derive(Debug, Clone)]
pub(super) struct LineReader {
    pub(super) fields: LogFields,
    /// Fields that lines of calls must have, beside time, level and message.
    pub(super) required: Vec<String>,
    /// How many users the run has.
    pub(super) users: u32,
}

impl<T> Read<T> {
    pub(super) fn there(&self) -> Option<&T> {
        match self {
            Self::There(value) => Some(value),
            Self::Missing | Self::Odd => None,
        }
    }

    fn of(value: Option<&Value>, read: impl Fn(&Value) -> Option<T>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Missing,
            Some(value) => read(value).map_or(Self::Odd, Self::There),
        }
    }
}

impl LineReader {
    /// What `bytes` say; `None` where they are no JSON object.
    pub(super) fn read(&self, bytes: &[u8]) -> Option<LogLine> {
        let object: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
        Some(self.of_object(&object))
    }

    pub(super) fn of_object(&self, object: &Map<String, Value>) -> LogLine {
        let fields = &self.fields;
        let call = fields.id.iter().find_map(|name| self.call(field(object, name)?));
        let is_there = |name: &str| field(object, name).is_some_and(|value| !value.is_null());
        let lacks = if call.is_some() {
            self.required.iter().filter(|name| !is_there(name)).cloned().collect()
        } else {
            Vec::new()
        };
        LogLine {
            time_ms: Read::of(field(object, &fields.time), time_ms),
            is_error: Read::of(field(object, &fields.level), is_error),
            message: Read::of(field(object, &fields.message), |value| value.as_str().map(str::to_owned)),
            duration: Read::of(field(object, &fields.duration), |value| duration(value, fields.in_seconds)),
            call,
            lacks,
        }
    }

    /// The call of this run that `value` names: by the id of its JSON-RPC request, as a number or as text.
    fn call(&self, value: &Value) -> Option<u64> {
        let id = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        id.filter(|id| is_id_of_a_user(*id, self.users))
    }
}

/// The field `name` of `object`: as it stands, or along the dots into objects.
fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    name.match_indices('.').find_map(|(dot, _)| match object.get(&name[..dot])? {
        Value::Object(inner) => field(inner, &name[dot + 1..]),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    })
}

fn is_error(value: &Value) -> Option<bool> {
    match value {
        Value::String(text) if !text.is_empty() => {
            let text = text.to_ascii_lowercase();
            Some(ERRORS.iter().any(|word| text.starts_with(word)))
        }
        Value::Number(number) => Some(number.as_f64()? >= LEAST_ERROR),
        // What an audit record says of success.
        Value::Bool(went_well) => Some(!went_well),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn duration(value: &Value, in_seconds: bool) -> Option<Duration> {
    let seconds = number(value)? / if in_seconds { 1.0 } else { 1e3 };
    Duration::try_from_secs_f64(seconds).ok()
}

/// Milliseconds since 1970. What has no zone is taken as UTC.
fn time_ms(value: &Value) -> Option<i64> {
    if let Some(mut seconds) = number(value) {
        while seconds.abs() >= MOST_SECONDS {
            seconds /= 1e3;
        }
        #[expect(clippy::cast_possible_truncation, reason = "below 1e14")]
        return seconds.is_finite().then_some((seconds * 1e3).round() as i64);
    }
    let text = value.as_str()?.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    let local: DateTime = text.parse().ok()?;
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reader() -> LineReader {
        let id = vec!["trace_id".to_owned(), "request_id".to_owned()];
        LineReader {
            fields: LogFields { id, ..LogFields::default() },
            required: vec!["tool_name".to_owned()],
            users: 3,
        }
    }

    fn read(line: &Value) -> LogLine {
        reader().read(line.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn times_are_read_as_loggers_write_them() {
        const MS: i64 = 1_790_000_000_250;
        for written in [
            json!("2026-09-21T14:13:20.25Z"),
            json!("2026-09-21T16:13:20.250000+02:00"),
            json!("2026-09-21T14:13:20.250"),
            json!("2026-09-21 14:13:20,250"),
            json!(1_790_000_000.25),
            json!(MS),
            json!("1790000000250"),
            json!(1_790_000_000_250_000_i64),
            json!(1_790_000_000_250_000_000_i64),
        ] {
            assert_eq!(time_ms(&written), Some(MS), "{written}");
        }
        for written in [json!("yesterday"), json!(true), json!(""), json!("2026-13-21T14:13:20Z")] {
            assert_eq!(time_ms(&written), None, "{written}");
        }
    }

    #[test]
    fn levels_are_words_or_numbers() {
        for error in [json!("ERROR"), json!("Critical"), json!("fatal"), json!(50), json!("SEVERE")] {
            assert_eq!(is_error(&error), Some(true), "{error}");
        }
        for fine in [json!("info"), json!("WARNING"), json!(40), json!("debug")] {
            assert_eq!(is_error(&fine), Some(false), "{fine}");
        }
        assert_eq!((is_error(&json!(true)), is_error(&json!(false))), (Some(false), Some(true)));
        assert_eq!(is_error(&json!([])), None);
    }

    #[test]
    fn a_line_names_its_call_by_the_first_field_that_tells() {
        for (line, call) in [
            (json!({"request_id": 2_000_000_007_u64}), Some(2_000_000_007)),
            (json!({"request_id": "2000000007"}), Some(2_000_000_007)),
            (json!({"trace_id": "0af7651916cd43dd", "request_id": "1000000001"}), Some(1_000_000_001)),
            // First contact, a user that there is not, somebody else's.
            (json!({"request_id": 3}), None),
            (json!({"request_id": 4_000_000_001_u64}), None),
            (json!({"request_id": "req-123"}), None),
            (json!({}), None),
        ] {
            assert_eq!(read(&line).call, call, "{line}");
        }
    }

    #[test]
    fn fields_are_found_in_nested_objects_and_under_names_with_dots() {
        let line = json!({"log.level": "error", "trace": {"id": 1}, "http": {"request.id": 2}});
        let line = line.as_object().unwrap();
        assert_eq!(field(line, "log.level"), Some(&json!("error")));
        assert_eq!(field(line, "trace.id"), Some(&json!(1)));
        assert_eq!(field(line, "http.request.id"), Some(&json!(2)));
        assert_eq!(field(line, "trace.id.x"), None);
    }

    #[test]
    fn what_is_missing_is_told_from_what_cant_be_read() {
        let line = read(
            &json!({"timestamp": "soon", "level": null, "message": 7, "duration_ms": -1, "request_id": 1_000_000_001}),
        );
        assert_eq!((&line.time_ms, &line.is_error), (&Read::Odd, &Read::Missing));
        assert_eq!((&line.message, &line.duration), (&Read::Odd, &Read::Odd));
        assert_eq!(line.lacks, ["tool_name"]);
        assert_eq!(read(&json!({})).lacks, Vec::<String>::new(), "no line of a call");
        for bad in ["", "{", "[]", "7", "plain text"] {
            assert_eq!(reader().read(bad.as_bytes()), None, "{bad}");
        }
    }
}
