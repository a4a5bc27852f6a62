//! The alert rules of a run with the field names of an SLO file.

use serde_yaml::Value;

use super::resolved::{Fields, duration};
use crate::model::Labels;
use crate::slo::{AlertCriteria, AlertExpectation, Expected};

/// What `alerts` says of `alerts`, everything filled in.
pub(super) fn alerts(alerts: &AlertCriteria) -> Value {
    let mut fields = Fields::default();
    let names = alerts.rules.iter().map(|file| file.name.as_str().into());
    fields.set("rules", names.collect::<Vec<Value>>());
    if let Some(config) = &alerts.alertmanager {
        let (file, _) = config.root.origin.rsplit_once(':').unwrap_or((&config.root.origin, ""));
        fields.set("alertmanager", file);
    }
    fields.set("evaluation_interval", duration(alerts.evaluation_interval));
    fields.set("time_scale", alerts.time_scale);
    fields.set("labels", labels(&alerts.labels));
    fields.set("external_labels", labels(&alerts.external_labels));
    let out_of_reach = alerts.out_of_reach.iter().map(|name| name.as_str().into());
    fields.set("out_of_reach", out_of_reach.collect::<Vec<Value>>());
    let of = |wanted: fn(&Expected) -> bool| {
        alerts.expectations.iter().filter(move |expectation| wanted(&expectation.expected))
    };
    fields.set("must_fire", list(of(|expected| matches!(expected, Expected::Fires { .. }))));
    let mut silent = of(|expected| matches!(expected, Expected::StaysSilent));
    if silent.clone().any(|expectation| expectation.alert.is_none()) {
        fields.set("must_stay_silent", "all");
    } else {
        fields.set("must_stay_silent", list(&mut silent));
    }
    fields.set("must_resolve", list(of(|expected| matches!(expected, Expected::Resolves { .. }))));
    fields.value()
}

fn list<'a>(expectations: impl Iterator<Item = &'a AlertExpectation>) -> Vec<Value> {
    let one = |expectation: &AlertExpectation| {
        let mut fields = Fields::default();
        fields.set("alert", expectation.alert.as_deref().unwrap_or_default());
        fields.set("labels", labels(&expectation.labels));
        match expectation.expected {
            Expected::Fires { within: Some(within) } | Expected::Resolves { within: Some(within) } => {
                fields.set("within", duration(within));
            }
            Expected::Fires { within: None }
            | Expected::Resolves { within: None }
            | Expected::StaysSilent => {}
        }
        fields.set("origin", expectation.origin.as_str());
        fields.value()
    };
    expectations.map(one).collect()
}

fn labels(labels: &Labels) -> Value {
    let mut fields = Fields::default();
    for (name, value) in labels.iter() {
        fields.set(name, value);
    }
    fields.value()
}
