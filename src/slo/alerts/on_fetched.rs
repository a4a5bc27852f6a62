//! What can be said of an alert whose series a Prometheus gave: history before the run counts, and what was not answered is not
//! known.

use std::time::Duration;

use super::AlertReading;
use crate::model::format_duration;
use crate::promql::Matcher;
use crate::rules::{Rule, RuleStatus, RunLength};
use crate::slo::Recorded;
use crate::slo::fetched::{FetchGap, fetch_gap, is_known};

impl Recorded<'_> {
    /// Up to when rules can be evaluated of a load that ended at `end`, and what is not known after that.
    pub(super) fn known_until(&self, end: Duration) -> (Duration, Option<FetchGap>) {
        let gap = self.fetched.and_then(|fetched| fetch_gap(fetched, end));
        (gap.as_ref().map_or(end, |gap| gap.from.min(end)), gap)
    }

    /// How long a run must be for a rule. Where a Prometheus has what was before it, only `for` takes time.
    pub(super) fn needed(&self, length: &RunLength) -> Option<Duration> {
        match self.fetched {
            Some(_) => Some(length.with_history()),
            None => length.needed,
        }
    }

    /// `found` of a rule, unless the Prometheus gave too little for it. What fired, fired.
    pub(super) fn settled(
        &self,
        rule: &Rule,
        status: &RuleStatus,
        gap: Option<&FetchGap>,
        found: (AlertReading, String),
    ) -> (AlertReading, String) {
        let Some(fetched) = self.fetched else { return found };
        match found.0 {
            AlertReading::Fired | AlertReading::Pending | AlertReading::Failed | AlertReading::Refused => {
                return found;
            }
            AlertReading::Silent | AlertReading::TooShort | AlertReading::NoSuchSeries => {}
        }
        if let Some(FetchGap { from, because }) = gap {
            let what = if from.is_zero() {
                "the Prometheus did not give its series".to_owned()
            } else {
                format!("from {} on the Prometheus did not give its series", format_duration(*from))
            };
            return (AlertReading::Failed, format!("{what}: {because}"));
        }
        let unasked = rule.query.selectors().into_iter().find(|selection| {
            let matchers: &[Matcher] = &selection.selector.matchers;
            !is_known(fetched, matchers)
        });
        if let Some(selection) = unasked {
            let text = rule.query.text().get(selection.span).unwrap_or_default();
            let why = format!("the Prometheus was not asked for {text} in this run");
            return (AlertReading::Failed, why);
        }
        if found.0 == AlertReading::NoSuchSeries {
            return (found.0, found.1.replacen("the target has", "the Prometheus has", 1));
        }
        match status.coverage.wanted {
            Some(wanted) if status.coverage.share() < 1.0 => {
                let (had, wanted) = (format_duration(status.coverage.had), format_duration(wanted));
                let why = format!("its series go back for {had} of the {wanted} that it looks back on");
                (AlertReading::TooShort, why)
            }
            Some(_) | None => found,
        }
    }
}
