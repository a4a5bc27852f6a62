//! Where canaries are looked for, and on what terms.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::SweepPlace;
use crate::plan::{LogPlace, Plan};
use crate::verify::Checks;

/// What requests carried as if it were secret turns up nowhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RedactionChecks {
    /// Where canaries are looked for; `None`: wherever there is something to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Vec<SweepPlace>>,
    /// The log that is looked through; without, it is that of the checks of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The header in which each request carries a canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The share of answers that is looked through.
    pub sample: f64,
    /// Where it is written: `file:line`.
    pub origin: String,
}

impl Checks {
    /// Where canaries are looked for in a run of `plan`, in the order of reports.
    pub fn swept_places(&self, plan: &Plan) -> Vec<SweepPlace> {
        let Some(redaction) = &self.redaction else { return Vec::new() };
        let is_wanted = |place: &SweepPlace| match &redaction.places {
            Some(places) => places.contains(place),
            None => self.can_be_swept(*place, plan),
        };
        SweepPlace::ALL.into_iter().filter(is_wanted).collect()
    }

    /// True when there is something to look at in a run of `plan`.
    pub(crate) fn can_be_swept(&self, place: SweepPlace, plan: &Plan) -> bool {
        let observe = &plan.observe;
        match place {
            SweepPlace::Logs => {
                self.logs.is_some()
                    || self.redaction.as_ref().is_some_and(|redaction| redaction.file.is_some())
            }
            SweepPlace::Metrics => observe.metrics.is_some(),
            SweepPlace::Health => {
                observe.health.is_some() || observe.ready.is_some() || observe.live.is_some()
            }
            SweepPlace::Replies => true,
        }
    }

    /// The log that is followed for canaries alone, where they are looked for in one that no other check follows.
    pub fn swept_log(&self) -> Option<&PathBuf> {
        let file = self.redaction.as_ref()?.file.as_ref()?;
        let followed = self.logs.as_ref().is_some_and(|logs| logs.place == LogPlace::File(file.clone()));
        (!followed).then_some(file)
    }
}
