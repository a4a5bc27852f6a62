//! What an `alertmanager.yml` says of who is told what, and when.
//!
//! Everything that a route inherits is filled in. What a receiver needs to reach anybody (addresses, keys, texts) is
//! not in here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::matcher::{Matcher, all_match};
use super::receiver_file;
use super::time_interval::TimeInterval;
use crate::model::Labels;

/// A whole file, without mistakes: each receiver and each time interval that is named is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Where every alert begins its way. It has no matchers.
    pub root: Route,
    /// By name.
    pub receivers: BTreeMap<String, Receiver>,
    /// In the order of the file.
    pub inhibit_rules: Vec<InhibitRule>,
    /// By name; one of the list is enough for the time to be in it.
    pub time_intervals: BTreeMap<String, Vec<TimeInterval>>,
}

/// A node of the route tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Who is told.
    pub receiver: String,
    /// What an alert must hold to come here, sorted; nothing at the root.
    pub matchers: Vec<Matcher>,
    /// Whether alerts that come here go on to the next sibling.
    pub then: Then,
    /// Which alerts are told of together.
    pub grouping: Grouping,
    /// How long the first notification of a group waits for more alerts.
    pub group_wait: Duration,
    /// How long after a notification the group is looked at again; above zero.
    pub group_interval: Duration,
    /// How long after a notification the same one is sent again; above zero.
    pub repeat_interval: Duration,
    /// The time intervals in which nobody is told.
    pub mute: Vec<String>,
    /// The time intervals outside of which nobody is told; none means always.
    pub active: Vec<String>,
    /// In the order of the file.
    pub routes: Vec<Route>,
    /// The matchers from the root to here, as Alertmanager's group keys have them: `{}/{severity="critical"}`.
    pub key: String,
    /// Where it is written, `file:line`.
    pub origin: String,
}

/// What happens after a route has taken an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// Its siblings below are not asked.
    Stop,
    /// They are (`continue: true`).
    Continue,
}

/// Which alerts make one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grouping {
    /// Those with the same values of these labels; of none, all alerts of the route.
    By(BTreeSet<String>),
    /// Each label set on its own (`...`).
    Each,
}

/// Who can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiver {
    /// As routes call it.
    pub name: String,
    /// How it is told, in the order of the file; without any, nobody is.
    pub integrations: Vec<Integration>,
    /// Where it is written, `file:line`.
    pub origin: String,
}

/// One way in which a receiver is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Integration {
    /// What stands before `_configs`: `pagerduty`, `slack`, ...
    pub kind: &'static str,
    /// What is told.
    pub tells: Tells,
}

/// What an integration is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tells {
    /// Of alerts that fire.
    Firing,
    /// Of those that are resolved, too (`send_resolved: true`).
    Resolved,
}

/// Alerts that keep others from being told of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InhibitRule {
    /// What the alert that fires must hold.
    pub source: Vec<Matcher>,
    /// What the alert that is not told of must hold.
    pub target: Vec<Matcher>,
    /// The labels that must be the same in both; a missing one is an empty one.
    pub equal: BTreeSet<String>,
    /// Where it is written, `file:line`.
    pub origin: String,
}

/// An integration as it was written down, of any kind.
#[derive(Deserialize)]
struct WrittenIntegration {
    kind: String,
    tells: Tells,
}

impl<'de> Deserialize<'de> for Integration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WrittenIntegration { kind, tells } = WrittenIntegration::deserialize(deserializer)?;
        let unknown = || serde::de::Error::custom(format!("unknown integration {kind:?}"));
        let kind = receiver_file::kinds().find(|known| *known == kind).ok_or_else(unknown)?;
        Ok(Self { kind, tells })
    }
}

impl Config {
    /// The routes that take an alert with these labels, in the order in which they are asked: depth first, and after
    /// one that took it only where that one says `continue`. Never empty.
    pub fn routes_of(&self, labels: &Labels) -> Vec<&Route> {
        let mut found = Vec::new();
        self.root.collect(labels, &mut found);
        found
    }

    /// The receiver of a route of this file.
    pub fn receiver_of(&self, route: &Route) -> &Receiver {
        self.receivers.get(&route.receiver).expect("a file whose routes name unknown receivers is refused")
    }
}

impl Route {
    /// True when it took the alert.
    fn collect<'r>(&'r self, labels: &Labels, found: &mut Vec<&'r Self>) -> bool {
        if !all_match(&self.matchers, labels) {
            return false;
        }
        let before = found.len();
        for child in &self.routes {
            if child.collect(labels, found) && child.then == Then::Stop {
                break;
            }
        }
        if found.len() == before {
            found.push(self);
        }
        true
    }

    /// It and all routes below it, depth first.
    pub(super) fn all(&self) -> Vec<&Self> {
        let below = self.routes.iter().flat_map(Self::all);
        std::iter::once(self).chain(below).collect()
    }

    /// The labels that tell the group of an alert from the route's other groups.
    pub fn group_of(&self, labels: &Labels) -> Labels {
        let named = |name: &str| match &self.grouping {
            Grouping::By(names) => names.contains(name),
            Grouping::Each => true,
        };
        labels.iter().filter(|(name, _)| named(name)).collect()
    }
}

impl Receiver {
    /// The kinds of its integrations, each once.
    pub fn kinds(&self) -> Vec<&'static str> {
        let mut kinds: Vec<&'static str> = Vec::new();
        for integration in &self.integrations {
            if !kinds.contains(&integration.kind) {
                kinds.push(integration.kind);
            }
        }
        kinds
    }
}

impl InhibitRule {
    /// True when `source`, which fires, keeps `target` from being told of. An alert that is on both sides of a rule is
    /// not kept back by another that is: so none keeps itself back.
    pub fn inhibits(&self, source: &Labels, target: &Labels) -> bool {
        let both = |labels: &Labels| all_match(&self.source, labels) && all_match(&self.target, labels);
        let same = |name: &String| source.get(name).unwrap_or("") == target.get(name).unwrap_or("");
        all_match(&self.source, source)
            && all_match(&self.target, target)
            && self.equal.iter().all(same)
            && !(both(source) && both(target))
    }
}
