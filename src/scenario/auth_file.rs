//! With whose credentials, as written. Secrets may come from the environment: `"{{ env.TOKEN }}"`.

use std::collections::BTreeMap;
use std::path::Path;

use url::Url;

use super::{Sources, oauth_file, operation_file, text};
use crate::input::{Field, Fields, Place, Problem, Problems, Value, one_of};
use crate::model::Secret;
use crate::plan::{Auth, Environment};

/// Headers that the transport writes itself.
const RESERVED: [&str; 6] =
    ["connection", "content-length", "content-type", "host", "transfer-encoding", "mcp-session-id"];

/// With whose credentials, and the place of the URL elsewhere that is sent them.
#[derive(Debug)]
pub(super) struct WrittenAuth {
    pub auth: Auth,
    pub elsewhere: Option<(Url, Place)>,
}

impl WrittenAuth {
    /// Whatever stands on the target's own origin.
    pub(super) const fn of(auth: Auth) -> Self {
        Self { auth, elsewhere: None }
    }
}

/// The field `auth` of the scenario at `scenario`.
pub(super) fn read(
    field: Field<'_>,
    scenario: &Path,
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> Option<WrittenAuth> {
    let env = sources.env;
    if let Value::Text(word) = &field.node.value {
        if word == "none" {
            return Some(WrittenAuth::of(Auth::None));
        }
        let help = "write `none`, or a map with `bearer`, `headers`, `login` or `oauth`";
        field.wrong(format!("unknown value {}", field.node.place.quoted(word)), help, problems);
        return None;
    }
    let mut fields = Fields::of(field.node, "`auth`", problems)?;
    let kind = fields.exactly_one(&["bearer", "headers", "login", "oauth"], problems);
    fields.finish(problems);
    match kind? {
        ("bearer", field, _) => read_secret(field, env, problems).map(Auth::Bearer).map(WrittenAuth::of),
        ("headers", field, _) => read_headers(field, env, problems).map(Auth::Headers).map(WrittenAuth::of),
        ("oauth", field, _) => {
            let oauth = oauth_file::read(field, scenario, sources, problems)?;
            let place = Fields::of(field.node, "`oauth`", problems)?.value_place("token_url");
            let elsewhere = oauth.token_url.clone().zip(place.cloned());
            Some(WrittenAuth { auth: Auth::OAuth(Box::new(oauth)), elsewhere })
        }
        (_, field, _) => read_login(field, env, problems).map(WrittenAuth::of),
    }
}

/// Headers by their names.
pub(super) fn read_headers(
    field: Field<'_>,
    env: Environment<'_>,
    problems: &mut Problems,
) -> Option<BTreeMap<String, Secret>> {
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
    Some(headers)
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
