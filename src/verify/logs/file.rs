//! The field `logs` of `checks`, read field by field.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::terms::{LogCheck, LogChecks};
use crate::input::{Field, Fields, Problem, Problems, Value, quoted};
use crate::plan::{LogFields, LogIndex, LogPlace};

/// A line is to be there so soon.
const LAG_WITHIN: Duration = Duration::from_secs(10);
/// The longest time that lines are waited for is three times this.
const LONGEST_LAG: Duration = Duration::from_secs(300);
/// A call is slow from here on, as in the MCP monitoring guide.
const SLOW: Duration = Duration::from_secs(1);

/// What `logs` says.
pub(in crate::verify) fn read(field: Field<'_>, problems: &mut Problems) -> Option<LogChecks> {
    let mut fields = Fields::of(field.node, "`logs`", problems)?;
    let place = read_place(&mut fields, problems);
    let names = fields.optional("fields").map(|field| read_names(field, problems));
    let required = fields.optional("required").map(|field| read_texts(field, problems));
    let max_error_ratio = fields.optional("max_error_ratio").map(|field| field.share(problems));
    let one_line = fields.optional("one_line_per_call").and_then(|field| field.flag(problems));
    let lag_within = fields.optional("lag_within").and_then(|field| {
        let lag = field.some_duration(problems)?;
        if lag > LONGEST_LAG {
            field.wrong("longer than five minutes", "write a duration up to `5m`", problems);
        }
        Some(lag)
    });
    let slow = fields.optional("slow").and_then(|field| field.some_duration(problems));
    let except = fields.optional("except").map(|field| read_except(field, problems));
    fields.finish(problems);
    Some(LogChecks {
        place: place?,
        fields: names.unwrap_or_else(|| Some(LogFields::default()))?,
        required: required.unwrap_or_default(),
        max_error_ratio: max_error_ratio.map_or(Some(None), |ratio| ratio.map(Some))?,
        one_line_per_call: one_line.unwrap_or(true),
        lag_within: lag_within.unwrap_or(LAG_WITHIN),
        slow: slow.unwrap_or(SLOW),
        except: except.unwrap_or_default(),
        origin: field.node.place.to_string(),
    })
}

fn read_place(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<LogPlace> {
    let (kind, field, _) = fields.exactly_one(&["file", "elasticsearch"], problems)?;
    if kind == "file" {
        return Some(LogPlace::File(PathBuf::from(field.text(problems)?)));
    }
    let mut index = Fields::of(field.node, "`elasticsearch`", problems)?;
    let url = index.required("url", problems).and_then(|field| read_url(field, problems));
    let name = index.required("index", problems).and_then(|field| read_index(field, problems));
    let authorization = index.optional("authorization_env").map(|field| read_variable(field, problems));
    index.finish(problems);
    Some(LogPlace::Elasticsearch(LogIndex {
        url: url?,
        index: name?,
        authorization_env: authorization.map_or(Some(None), |name| name.map(Some))?,
    }))
}

fn read_url(field: Field<'_>, problems: &mut Problems) -> Option<Url> {
    let help = "put `Basic ...` or `ApiKey ...` into a variable, and name it with `authorization_env`";
    field.service_url("an Elasticsearch", "http://127.0.0.1:9200", help, problems)
}

fn read_index(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.text(problems)?;
    let is_fit = |c: char| !c.is_control() && !c.is_whitespace() && !"/?#\\\"<>|".contains(c);
    if !text.is_empty() && text.chars().all(is_fit) && !text.starts_with(['_', '-', '+']) {
        return Some(text.to_owned());
    }
    let help = "write its name, an alias, or a pattern such as `mcp-logs-*`";
    field.wrong(format!("{} is no index", quoted(text)), help, problems);
    None
}

fn read_variable(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.text(problems)?;
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Some(text.to_owned());
    }
    let help = "write the name of an environment variable, such as `ELASTIC_AUTHORIZATION`";
    field.wrong("no name of a variable", help, problems);
    None
}

fn read_names(field: Field<'_>, problems: &mut Problems) -> Option<LogFields> {
    let mut fields = Fields::of(field.node, "`fields`", problems)?;
    let mut name = |role: &'static str, standard: String, problems: &mut Problems| match fields.optional(role)
    {
        None => Some(standard),
        Some(field) => field.name(problems).map(str::to_owned),
    };
    let standard = LogFields::default();
    let time = name("time", standard.time, problems);
    let level = name("level", standard.level, problems);
    let message = name("message", standard.message, problems);
    let duration = name("duration", standard.duration, problems);
    let units = [("seconds", true), ("milliseconds", false)];
    let unit = fields.optional("duration_unit").map(|field| field.word(&units, problems));
    let id = fields.optional("id").map(|field| match field.node.value {
        Value::List(_) => Some(read_texts(field, problems)),
        Value::Null | Value::Bool(_) | Value::Number(..) | Value::Text(_) | Value::Map(_) => {
            field.name(problems).map(|name| vec![name.to_owned()])
        }
    });
    fields.finish(problems);
    Some(LogFields {
        time: time?,
        level: level?,
        message: message?,
        duration: duration?,
        in_seconds: unit.map_or(Some(false), |unit| unit)?,
        id: id.map_or(Some(standard.id), |id| id)?,
    })
}

fn read_texts(field: Field<'_>, problems: &mut Problems) -> Vec<String> {
    let items: Vec<Field<'_>> = field.items(problems).collect();
    items.into_iter().filter_map(|item| item.name(problems).map(str::to_owned)).collect()
}

fn read_except(field: Field<'_>, problems: &mut Problems) -> Vec<LogCheck> {
    let words = LogCheck::ALL.map(|check| (check.word(), check));
    let items: Vec<Field<'_>> = field.items(problems).collect();
    let except: Vec<LogCheck> = items.iter().filter_map(|item| item.word(&words, problems)).collect();
    if LogCheck::ALL.iter().all(|check| except.contains(check)) {
        let message = format!("{}: this leaves nothing to check", quoted(field.name));
        problems.push(Problem::error(&field.node.place, message).help("remove `logs`, or some of these"));
    }
    except
}
