//! Receivers as written: their names, and the kinds of their integrations. What is inside an integration is
//! Alertmanager's to judge, but for whether it tells of resolved alerts.

use std::collections::BTreeMap;

use super::config::{Integration, Receiver, Tells};
use super::scalars::{flag, items, name, present};
use crate::input::{Field, Fields, Problem, Problems, Value, quoted};

/// Each kind: its field, its name, and what it tells unless it says so itself. Up to Alertmanager 0.34.
const KINDS: [(&str, &str, Tells); 18] = [
    ("discord_configs", "discord", Tells::Resolved),
    ("email_configs", "email", Tells::Firing),
    ("incidentio_configs", "incidentio", Tells::Resolved),
    ("jira_configs", "jira", Tells::Resolved),
    ("mattermost_configs", "mattermost", Tells::Resolved),
    ("msteams_configs", "msteams", Tells::Resolved),
    ("msteamsv2_configs", "msteamsv2", Tells::Resolved),
    ("opsgenie_configs", "opsgenie", Tells::Resolved),
    ("pagerduty_configs", "pagerduty", Tells::Resolved),
    ("pushover_configs", "pushover", Tells::Resolved),
    ("rocketchat_configs", "rocketchat", Tells::Firing),
    ("slack_configs", "slack", Tells::Firing),
    ("sns_configs", "sns", Tells::Resolved),
    ("telegram_configs", "telegram", Tells::Resolved),
    ("victorops_configs", "victorops", Tells::Resolved),
    ("webex_configs", "webex", Tells::Resolved),
    ("webhook_configs", "webhook", Tells::Resolved),
    ("wechat_configs", "wechat", Tells::Firing),
];

/// What receivers can be told by.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(_, kind, _)| *kind)
}

/// All receivers of the file, by name.
pub(super) fn read_all(file: &mut Fields<'_>, problems: &mut Problems) -> BTreeMap<String, Receiver> {
    let mut receivers: BTreeMap<String, Receiver> = BTreeMap::new();
    for item in items(file, "receivers", problems) {
        let Some(mut fields) = Fields::of(item.node, "a receiver", problems) else { continue };
        let named = fields.required("name", problems);
        // For queries and templates alone.
        present(&mut fields, "labels");
        let integrations = read_integrations(&mut fields, problems);
        fields.finish(problems);
        let Some((field, name)) = named.and_then(|field| Some((field, name(field, problems)?))) else {
            continue;
        };
        let origin = field.node.place.to_string();
        if let Some(first) = receivers.get(&name) {
            let message = format!("two receivers are called {}", quoted(&name));
            let help = format!("the first is at {}: give one of them another name", first.origin);
            problems.push(Problem::error(&field.node.place, message).label("again").help(help));
        } else {
            receivers.insert(name.clone(), Receiver { name, integrations, origin });
        }
    }
    receivers
}

fn read_integrations(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<Integration> {
    let mut integrations = Vec::new();
    for (key, kind, tells) in KINDS {
        for item in items(fields, key, problems) {
            let tells = read_tells(item, tells, problems);
            integrations.extend(tells.map(|tells| Integration { kind, tells }));
        }
    }
    integrations
}

/// What the integration tells; its other fields are left alone.
fn read_tells(item: Field<'_>, usually: Tells, problems: &mut Problems) -> Option<Tells> {
    if matches!(item.node.value, Value::Null) {
        item.wrong("there is nothing in it", "write what this kind of integration needs", problems);
        return None;
    }
    let what = format!("an item of {}", quoted(item.name));
    let mut fields = Fields::of(item.node, &what, problems)?;
    let Some(field) = present(&mut fields, "send_resolved") else { return Some(usually) };
    Some(if flag(field, problems)? { Tells::Resolved } else { Tells::Firing })
}
