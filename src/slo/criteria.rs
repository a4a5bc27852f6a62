//! What must hold of a run: objectives, and what is expected of alert rules.

use super::{AbortWhen, AlertCriteria, Objective};
use crate::model::Labels;
use crate::verify::Checks;

/// What the SLO files of a run say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Criteria {
    /// In the order of the files.
    pub objectives: Vec<Objective>,
    /// Alert rules to be evaluated over what the run scrapes; `None` where no file names any.
    pub alerts: Option<AlertCriteria>,
    /// What is checked of the target's own telemetry.
    pub checks: Checks,
    /// What stops the load, beside objectives that say so.
    pub abort_when: Option<AbortWhen>,
}

impl Criteria {
    /// What a Prometheus would have added to each series of the target: queries of objectives see what those of alert rules see.
    pub fn labels(&self) -> &Labels {
        self.alerts.as_ref().map_or(Labels::none(), |alerts| &alerts.labels)
    }
}
