//! What a drill has shown.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::Labels;

/// What a drill has shown. All times count from the moment at which the alerts were posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillReport {
    /// The value of the label that each alert carried.
    pub drill: String,
    /// Of Alertmanager.
    pub version: String,
    /// What kept people from being told; `None` when nothing did.
    pub silence: Option<Silence>,
    /// In the order in which they were given, each once.
    pub alerts: Vec<DrilledAlert>,
    /// Whether they came to the webhook.
    pub delivery: Delivery,
    /// After how long no alert of the drill fired any more in Alertmanager, once they were said to be over; `None` when
    /// some still did when the time was up.
    pub over_after: Option<Duration>,
}

/// A silence that was made for a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// By which it can be found, and ended.
    pub id: String,
    /// When it ends by itself.
    pub until: Timestamp,
    /// When it was lifted, so that the alerts came to the webhook; `None` when it was not.
    pub lifted_after: Option<Duration>,
}

/// What became of one alert. Alertmanager accepted all of them, or there is no report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrilledAlert {
    /// With the drill's own label.
    pub labels: Labels,
    /// What Alertmanager made of it; `None` when it did not show it in time.
    pub fate: Option<Fate>,
    /// When it came to the webhook.
    pub delivered_after: Option<Duration>,
    /// When it came there as resolved.
    pub resolution_delivered_after: Option<Duration>,
}

/// What Alertmanager makes of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Who is told of it, if nothing keeps it back; cleaned.
    pub receivers: Vec<String>,
    /// The drill's own silence holds it.
    pub silenced: bool,
    /// Other alerts keep it back: those of the drill by their labels, others by Alertmanager's fingerprint.
    pub inhibited_by: Vec<String>,
}

/// Whether the alerts came to the webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It was not asked for.
    NotTried,
    /// The silence was left in force: these receivers would have been told, too.
    Withheld {
        /// Who is not the webhook, each once; empty when Alertmanager did not show all the alerts in time.
        receivers: Vec<String>,
    },
    /// They were waited for.
    Tried {
        /// How many notifications came that had alerts of the drill in them.
        notifications: u64,
        /// How many requests came that were none of these.
        others: u64,
    },
}

impl DrillReport {
    /// True when each alert was shown, was silenced if it should be, came to the webhook if it was to come there and
    /// nothing kept it back, and is over.
    pub fn is_as_wanted(&self) -> bool {
        let silenced = self.silence.is_some();
        let good = |alert: &DrilledAlert| {
            let Some(fate) = &alert.fate else { return false };
            let delivered = match self.delivery {
                Delivery::NotTried => true,
                Delivery::Withheld { .. } => false,
                Delivery::Tried { .. } => alert.delivered_after.is_some() || !fate.inhibited_by.is_empty(),
            };
            delivered && fate.silenced == silenced
        };
        self.over_after.is_some() && self.alerts.iter().all(good)
    }
}
