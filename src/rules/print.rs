//! Groups as a rule file again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::duration::format_duration;
use super::rule::{Group, Rule, RuleKind};

#[derive(Serialize)]
struct File {
    groups: Vec<GroupText>,
}

#[derive(Serialize)]
struct GroupText {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_offset: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    limit: usize,
    rules: Vec<RuleText>,
}

#[derive(Serialize)]
struct RuleText {
    #[serde(flatten)]
    name: BTreeMap<&'static str, String>,
    expr: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    hold: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_for: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(limit: &usize) -> bool {
    *limit == 0
}

/// The groups as YAML that Prometheus reads. A group's labels are on its rules.
pub fn to_yaml(groups: &[Group]) -> String {
    let file = File { groups: groups.iter().map(group_text).collect() };
    serde_yaml::to_string(&file).expect("rules are made of what YAML has")
}

fn group_text(group: &Group) -> GroupText {
    GroupText {
        name: group.name.clone(),
        interval: group.interval.map(format_duration),
        query_offset: some_text(group.query_offset),
        limit: group.limit,
        rules: group.rules.iter().map(rule_text).collect(),
    }
}

fn some_text(duration: Duration) -> Option<String> {
    (!duration.is_zero()).then(|| format_duration(duration))
}

fn rule_text(rule: &Rule) -> RuleText {
    let texts = |templates: &BTreeMap<String, super::Template>| {
        templates.iter().map(|(name, text)| (name.clone(), text.text().to_owned())).collect()
    };
    let (hold, keep_firing_for, labels, annotations) = match &rule.kind {
        RuleKind::Recording { labels } => (None, None, labels.clone(), BTreeMap::new()),
        RuleKind::Alerting(alerting) => (
            some_text(alerting.hold),
            some_text(alerting.keep_firing),
            texts(&alerting.labels),
            texts(&alerting.annotations),
        ),
    };
    RuleText {
        name: BTreeMap::from([(rule.keyword(), rule.name.clone())]),
        expr: rule.query.text().trim().to_owned(),
        hold,
        keep_firing_for,
        labels,
        annotations,
    }
}
