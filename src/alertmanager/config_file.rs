//! The file as a whole: what stands at its top, and the order in which its parts are read, so that routes know the
//! names they may use.

use std::path::Path;

use super::config::Config;
use super::route_file::{Known, read_inhibit_rules, read_root};
use super::scalars::{duration, present};
use super::{receiver_file, time_file};
use crate::input::{Fields, Files, Place, Problem, Problems, Source, nearest, parse, quoted};

/// Defaults for integrations, up to Alertmanager 0.34. Their values are not judged, but for that of the first.
const GLOBAL: [&str; 42] = [
    "resolve_timeout",
    "http_config",
    "jira_api_url",
    "mattermost_webhook_url",
    "mattermost_webhook_url_file",
    "opsgenie_api_key",
    "opsgenie_api_key_file",
    "opsgenie_api_url",
    "pagerduty_url",
    "rocketchat_api_url",
    "rocketchat_token",
    "rocketchat_token_file",
    "rocketchat_token_id",
    "rocketchat_token_id_file",
    "slack_api_url",
    "slack_api_url_file",
    "slack_app_token",
    "slack_app_token_file",
    "slack_app_url",
    "smtp_auth_identity",
    "smtp_auth_password",
    "smtp_auth_password_file",
    "smtp_auth_secret",
    "smtp_auth_secret_file",
    "smtp_auth_username",
    "smtp_force_implicit_tls",
    "smtp_from",
    "smtp_hello",
    "smtp_require_tls",
    "smtp_smarthost",
    "smtp_tls_config",
    "telegram_api_url",
    "telegram_bot_token",
    "telegram_bot_token_file",
    "victorops_api_key",
    "victorops_api_key_file",
    "victorops_api_url",
    "webex_api_url",
    "wechat_api_corp_id",
    "wechat_api_secret",
    "wechat_api_secret_file",
    "wechat_api_url",
];

/// The file `text`, which messages and origins call `path`.
///
/// # Errors
/// Every mistake in it.
pub fn load(path: &str, text: &str) -> Result<Config, Problems> {
    let mut problems = Problems::new();
    let config = read(&Source::new(path, text), &mut problems);
    problems.into_result(config).map(|(config, _)| config)
}

/// [`load`], of a file on disk.
///
/// # Errors
/// Every mistake in it, or that it can't be read.
pub fn load_file(path: &Path, files: Files<'_>) -> Result<Config, Problems> {
    let mut problems = Problems::new();
    let name = path.to_string_lossy();
    let nowhere = Place::whole(&Source::new(name.clone(), ""));
    let text = files.read_first(&[path.to_owned()], &nowhere, &mut problems).map(|(_, text)| text);
    let config = text.and_then(|text| read(&Source::new(name, text), &mut problems));
    problems.into_result(config).map(|(config, _)| config)
}

fn read(source: &std::sync::Arc<Source>, problems: &mut Problems) -> Option<Config> {
    let root = parse(source, problems)?;
    let mut file = Fields::of(&root, "Alertmanager's configuration", problems)?;
    read_global(&mut file, problems);
    // These say nothing of who is told.
    for name in ["templates", "tracing", "event_recorder"] {
        present(&mut file, name);
    }
    let receivers = receiver_file::read_all(&mut file, problems);
    let time_intervals = time_file::read_all(&mut file, problems);
    let known = Known {
        receivers: receivers.keys().cloned().collect(),
        time_intervals: time_intervals.keys().cloned().collect(),
    };
    let inhibit_rules = read_inhibit_rules(&mut file, problems);
    let route = present(&mut file, "route");
    if route.is_none() {
        let place = file.place_of_any(&["route"]).unwrap_or_else(|| file.place());
        problems.push(
            Problem::error(place, "there is no `route`")
                .help("add one with the receiver that is told of everything: `route: {receiver: ...}`"),
        );
    }
    let root = route.and_then(|route| read_root(route, &known, problems));
    file.finish(problems);
    Some(Config { root: root?, receivers, inhibit_rules, time_intervals })
}

fn read_global(file: &mut Fields<'_>, problems: &mut Problems) {
    let Some(field) = present(file, "global") else { return };
    let Some(mut fields) = Fields::of(field.node, "`global`", problems) else { return };
    if let Some(timeout) = present(&mut fields, "resolve_timeout") {
        duration(timeout, problems);
    }
    // So many names are no help: the likeliest one is.
    for entry in fields.entries().iter().filter(|entry| !GLOBAL.contains(&entry.key.text.as_str())) {
        let name = entry.key.place.quoted(&entry.key.text);
        let help = nearest(&entry.key.text, &GLOBAL).map_or_else(
            || "look at the section `global` of Alertmanager's documentation".to_owned(),
            |name| format!("did you mean {}?", quoted(name)),
        );
        let message = format!("`global` has no field {name}");
        problems.push(Problem::error(&entry.key.place, message).label("unknown field").help(help));
    }
}
