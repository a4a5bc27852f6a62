//! Objectives that ask by PromQL, and terms of budgets, with the field names of an SLO file.

use std::time::Duration;

use serde_yaml::Value;

use super::resolved::{Fields, duration, limit, percentage};
use crate::slo::{
    Aggregation, BudgetTerms, BurnLimit, Counted, EventsIndicator, Holding, QueryIndicator, Slices,
    as_written,
};

/// What `promql` says of `indicator`.
pub(super) fn promql(indicator: &QueryIndicator) -> Value {
    let mut fields = Fields::default();
    fields.set("query", indicator.query.as_str());
    fields.set(indicator.limit.is.key(), limit(indicator.limit.value, indicator.limit.unit));
    match indicator.holding {
        Holding::OverRun(over_run) => fields.set(
            "over_run",
            match over_run {
                Aggregation::Min => "min",
                Aggregation::Max => "max",
                Aggregation::Avg => "avg",
            },
        ),
        Holding::AtEnd => fields.set("at", "end"),
        Holding::Share { share, slices: by } => {
            fields.set("share", percentage(share));
            if let Some(by) = by {
                fields.set("slices", slices(by));
            }
        }
    }
    fields.value()
}

/// What `events` says of `indicator`.
pub(super) fn events(indicator: &EventsIndicator) -> Value {
    let mut fields = Fields::default();
    match &indicator.counted {
        Counted::Good(query) => fields.set("good", query.as_str()),
        Counted::Bad(query) => fields.set("bad", query.as_str()),
    }
    fields.set("total", indicator.total.as_str());
    fields.set("objective", percentage(indicator.objective));
    if let Some(by) = indicator.slices {
        fields.set("slices", slices(by));
    }
    fields.value()
}

fn slices(slices: Slices) -> Value {
    let mut fields = Fields::default();
    fields.set("length", duration(slices.length));
    if let Some(target) = slices.target {
        fields.set("target", percentage(target));
    }
    fields.value()
}

/// What `burn_rate` says of `limit`.
pub(super) fn burn_rate(limit: &BurnLimit) -> Value {
    Fields::of([
        ("at_most", limit.at_most.into()),
        ("long", length(limit.long)),
        ("short", length(limit.short)),
    ])
}

/// What `budget` says of `terms`.
pub(super) fn budget(terms: &BudgetTerms) -> Value {
    let mut fields = Fields::default();
    fields.set("period", length(terms.period));
    if let Some(scale) = terms.time_scale {
        fields.set("time_scale", scale);
    }
    fields.value()
}

/// In the form that periods and windows are read in.
fn length(duration: Duration) -> Value {
    as_written(duration).into()
}
