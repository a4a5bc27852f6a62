//! With whose credentials, as written. Secrets may come from the environment: `"{{ env.TOKEN }}"`.

use std::collections::BTreeMap;

use super::{operation_file, text};
use crate::input::{Field, Fields, Problem, Problems, Value, one_of};
use crate::model::Secret;
use crate::plan::{Auth, Environment};

/// Headers that the transport writes itself.
const RESERVED: [&str; 6] =
    ["connection", "content-length", "content-type", "host", "transfer-encoding", "mcp-session-id"];

pub(super) fn read(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<Auth> {
    if let Value::Text(word) = &field.node.value {
        if word == "none" {
            return Some(Auth::None);
        }
        let help = "write `none`, or a map with `bearer`, `headers` or `login`";
        field.wrong(format!("unknown value {}", field.node.place.quoted(word)), help, problems);
        return None;
    }
    let mut fields = Fields::of(field.node, "`auth`", problems)?;
    let kind = fields.exactly_one(&["bearer", "headers", "login"], problems);
    fields.finish(problems);
    match kind? {
        ("bearer", field, _) => read_secret(field, env, problems).map(Auth::Bearer),
        ("headers", field, _) => read_headers(field, env, problems),
        (_, field, _) => read_login(field, env, problems),
    }
}

fn read_headers(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<Auth> {
    let fields = Fields::of(field.node, "`headers`", problems)?;
    let mut headers = BTreeMap::new();
    for entry in fields.entries() {
        let name = entry.key.text.as_str();
        let reserved = RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
        if reserved || http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            problems.push(
                Problem::error(
                    &entry.key.place,
                    format!("the header {} cannot be set", entry.key.place.quoted(name)),
                )
                .help(format!("write the name of a header other than {}", one_of(&RESERVED))),
            );
        }
        let value = Field { name, node: &entry.value };
        if let Some(secret) = read_secret(value, env, problems) {
            headers.insert(name.to_owned(), secret);
        }
    }
    Some(Auth::Headers(headers))
}

fn read_login(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<Auth> {
    let mut fields = Fields::of(field.node, "`login`", problems)?;
    let path = fields.required("path", problems).and_then(|field| {
        let path = text::fixed(field, env, problems)?;
        operation_file::check_path(field, path.expose(), problems).then_some(path)
    });
    let username = fields.required("username", problems).and_then(|field| text::fixed(field, env, problems));
    let password = fields.required("password", problems).and_then(|field| text::fixed(field, env, problems));
    fields.finish(problems);
    Some(Auth::Login { path: path?, username: username?, password: Secret::new(password?.expose()) })
}

/// A secret that can stand in a header.
fn read_secret(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<Secret> {
    let text = text::fixed(field, env, problems)?;
    if http::HeaderValue::from_str(text.expose()).is_err() {
        let help = "is there a line break at the end of the environment variable?";
        field.wrong("the value cannot stand in an HTTP header", help, problems);
        return None;
    }
    Some(Secret::new(text.expose()))
}
