//! The checks of the target's own telemetry with the field names of an SLO file.

use std::collections::BTreeMap;

use serde_yaml::Value;

use super::resolved::{Fields, duration, percentage};
use super::{logs, redaction};
use crate::slo::Criteria;
use crate::verify::{
    CostBudget, DashboardChecks, HealthChecks, Prices, Reserved, TokenCount, TokenPrice, TruthChecks,
};

/// What is on.
pub(super) fn checks(criteria: &Criteria) -> Value {
    let checks = &criteria.checks;
    let mut kinds = Fields::default();
    if let Some(checks) = &checks.truth {
        kinds.set("truth", truth(checks));
    }
    if let Some(checks) = &checks.health {
        kinds.set("health", health(checks));
    }
    if let Some(logs) = logs::resolved(criteria) {
        kinds.set("logs", logs);
    }
    if let Some(audit) = logs::audit_resolved(criteria) {
        kinds.set("audit", audit);
    }
    if let Some(redaction) = redaction::resolved(criteria) {
        kinds.set("redaction", redaction);
    }
    if let Some(checks) = &checks.dashboards {
        kinds.set("dashboards", dashboards(checks));
    }
    if let Some(sheet) = &checks.cost {
        kinds.set("cost", prices(sheet));
    }
    kinds.value()
}

fn truth(truth: &TruthChecks) -> Value {
    let mut fields = Fields::default();
    fields.set("names", truth.names.origin.as_str());
    fields.set("except", truth.except.iter().map(|check| check.word().into()).collect::<Vec<Value>>());
    fields.set("other_clients", truth.other_clients);
    fields.set("label_sets", truth.label_sets);
    fields.set("settle", duration(truth.settle));
    fields.value()
}

fn health(health: &HealthChecks) -> Value {
    let mut fields = Fields::default();
    fields.set("except", health.except.iter().map(|check| check.word().into()).collect::<Vec<Value>>());
    fields.set("probe_within", duration(health.probe_within));
    fields.set("warn_at_least", duration(health.warn_at_least));
    fields.set("recover_within", duration(health.recover_within));
    fields.set("changes_per_minute", health.changes_per_minute);
    fields.value()
}

fn dashboards(checks: &DashboardChecks) -> Value {
    let texts = |pairs: &mut dyn Iterator<Item = (&str, &str)>| {
        let mut fields = Fields::default();
        pairs.for_each(|(name, text)| fields.set(name, text));
        fields.value()
    };
    let list =
        |items: &mut dyn Iterator<Item = &String>| items.map(|it| it.as_str().into()).collect::<Vec<Value>>();
    let mut fields = Fields::default();
    fields.set("files", list(&mut checks.dashboards.iter().map(|dashboard| &dashboard.file)));
    if !checks.variables.is_empty() {
        let mut variables = checks.variables.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        fields.set("variables", texts(&mut variables));
    }
    fields.set("except_panels", list(&mut checks.except_panels.iter()));
    if let Some(labels) = &checks.labels {
        fields.set("labels", texts(&mut labels.iter()));
    }
    fields.value()
}

fn prices(prices: &Prices) -> Value {
    let mut fields = Fields::default();
    fields.set("currency", prices.currency.as_str());
    for (name, price) in [("vcpu_hour", prices.vcpu_hour), ("gb_hour", prices.gb_hour)] {
        if let Some(price) = price {
            fields.set(name, price);
        }
    }
    if let Some(Reserved { vcpus, memory_gb }) = prices.reserved {
        fields.set("reserved", Fields::of([("vcpus", vcpus.into()), ("memory_gb", memory_gb.into())]));
    }
    if !prices.fees.is_empty() {
        fields.set("fees", by_name(&prices.fees));
    }
    if let Some(TokenPrice { per_million, counted }) = &prices.tokens {
        let mut tokens = Fields::default();
        tokens.set("per_million", *per_million);
        match counted {
            TokenCount::Counter { counter, tool } => {
                tokens.set("counter", counter.text());
                if let Some(tool) = tool {
                    tokens.set("tool", tool.as_str());
                }
            }
            TokenCount::PerCall(counts) => tokens.set("per_call", by_name(counts)),
        }
        fields.set("tokens", tokens.value());
    }
    if let Some(CostBudget { limit, per }) = prices.budget {
        fields.set("budget", Fields::of([(per.key(), limit.into())]));
    }
    fields.set("warn_at", percentage(prices.warn_at));
    fields.value()
}

fn by_name<T: Copy + Into<Value>>(values: &BTreeMap<String, T>) -> Value {
    let mut fields = Fields::default();
    for (name, value) in values {
        fields.set(name, *value);
    }
    fields.value()
}
