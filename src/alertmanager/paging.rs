//! Who would have been paged, and when: alerts that begin and end, played through groups, waits, inhibition and time
//! intervals as Alertmanager does it, with a network that takes no time.
//!
//! A group whose last alert was told of as resolved is gone at once, as since Alertmanager 0.30 (before, it stayed for up
//! to 30 s). The same notification is repeated at the first look at the group that comes later than `repeat_interval`
//! after it, which is a `group_interval` after it where that is its divisor.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::config::{Config, Integration, Route, Tells};
use super::inhibition::inhibited_by;
use crate::model::Labels;

/// More pages than this are not worked out: a file may ask for one a millisecond.
const MOST_PAGES: usize = 10_000;

/// An alert begins or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// When, from the beginning.
    pub at: Duration,
    /// Which alert.
    pub labels: Labels,
    /// What it is from then on.
    pub state: AlertState,
}

/// What an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// It fires.
    Firing,
    /// It does not any more.
    Resolved,
}

/// A notification that would have been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// When, from the beginning.
    pub at: Duration,
    /// To whom.
    pub receiver: String,
    /// In which ways: `pagerduty`, `slack`, ... Empty when the receiver has no integration: it pages nobody.
    pub kinds: Vec<&'static str>,
    /// By which route, `file:line`.
    pub route: String,
    /// The labels that its group has in common.
    pub group: Labels,
    /// Why it was sent then.
    pub why: Why,
    /// The alerts in it that fire.
    pub firing: Vec<Labels>,
    /// Those that it says are over.
    pub resolved: Vec<Labels>,
}

/// Why a notification is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nothing was told of this group before, or all of that was over.
    First,
    /// There are alerts that were not told of.
    NewAlerts,
    /// Some alerts are over.
    SomeResolved,
    /// All are.
    AllResolved,
    /// Nothing has changed for the length of `repeat_interval`.
    Repeat,
}

/// Alerts that fire and that nobody is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    /// From when on, from the beginning. It is told again when what is held back, or by what, has changed.
    pub at: Duration,
    /// Who is not told.
    pub receiver: String,
    /// By which route, `file:line`.
    pub route: String,
    /// The labels that its group has in common.
    pub group: Labels,
    /// Which alerts, and what holds each of them back.
    pub alerts: Vec<(Labels, Hold)>,
}

/// What keeps an alert from being told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// The route is mute in this time interval.
    Muted(String),
    /// The route is active in these time intervals alone.
    Inactive(Vec<String>),
    /// Another alert fires.
    Inhibited {
        /// That alert.
        source: Labels,
        /// By which rule, `file:line`.
        rule: String,
    },
}

/// Everything that would have been sent and held back, by time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paging {
    /// What is sent.
    pub pages: Vec<Page>,
    /// What is not.
    pub held_back: Vec<HeldBack>,
    /// After this moment nothing was worked out, because there were too many pages.
    pub cut_at: Option<Duration>,
}

/// What follows from `transitions` until `until`, that moment included. `began` is the time of day of their zero.
/// Resolving what does not fire, and firing twice, changes nothing.
pub fn paging(config: &Config, transitions: &[Transition], began: Timestamp, until: Duration) -> Paging {
    let mut coming: Vec<&Transition> = transitions.iter().collect();
    coming.sort_by_key(|transition| transition.at);
    let mut play = Play {
        config,
        routes: config.root.all(),
        began,
        alerts: BTreeMap::new(),
        groups: BTreeMap::new(),
        due: BTreeSet::new(),
        log: BTreeMap::new(),
        paging: Paging::default(),
    };
    let mut coming = coming.into_iter().peekable();
    loop {
        let flush = play.due.first().map(|(at, _)| *at).filter(|at| *at <= until);
        // What happens at the moment of a look at a group is seen by it.
        let before = flush.unwrap_or(until);
        if let Some(transition) = coming.next_if(|transition| transition.at <= before) {
            play.take(transition);
        } else if flush.is_none() {
            return play.paging;
        } else if play.paging.pages.len() >= MOST_PAGES {
            play.paging.cut_at = flush;
            return play.paging;
        } else if let Some((at, key)) = play.due.pop_first() {
            play.flush(at, &key, coming.peek().map(|transition| transition.at));
        }
    }
}

/// Which group: the number of its route, from the root down, and its labels.
type GroupKey = (usize, Labels);
/// Which entry of the log of notifications: the receiver, which of its integrations, the key of the route, the group.
type LogKey<'c> = (&'c str, usize, &'c str, Labels);

struct Play<'c> {
    config: &'c Config,
    routes: Vec<&'c Route>,
    began: Timestamp,
    alerts: BTreeMap<Labels, AlertState>,
    groups: BTreeMap<GroupKey, Group<'c>>,
    due: BTreeSet<(Duration, GroupKey)>,
    log: BTreeMap<LogKey<'c>, Told>,
    paging: Paging,
}

struct Group<'c> {
    route: &'c Route,
    alerts: BTreeSet<Labels>,
    /// What is held back of it, of what was not told before.
    held: Vec<(Labels, Hold)>,
}

/// What a look at a group finds.
#[derive(Default)]
struct Seen {
    held: Vec<(Labels, Hold)>,
    firing: BTreeSet<Labels>,
    resolved: BTreeSet<Labels>,
}

/// What was told last.
struct Told {
    at: Duration,
    firing: BTreeSet<Labels>,
    resolved: BTreeSet<Labels>,
}

impl<'c> Play<'c> {
    fn take(&mut self, transition: &Transition) {
        let before = self.alerts.get(&transition.labels).copied();
        match transition.state {
            AlertState::Resolved if before == Some(AlertState::Firing) => {
                self.alerts.insert(transition.labels.clone(), AlertState::Resolved);
                return;
            }
            AlertState::Firing if before != Some(AlertState::Firing) => {}
            AlertState::Resolved | AlertState::Firing => return,
        }
        self.alerts.insert(transition.labels.clone(), AlertState::Firing);
        for route in self.config.routes_of(&transition.labels) {
            let number = self.routes.iter().position(|one| std::ptr::eq(*one, route));
            let key = (number.unwrap_or_default(), route.group_of(&transition.labels));
            let group = self.groups.entry(key.clone()).or_insert_with(|| {
                self.due.insert((transition.at.saturating_add(route.group_wait), key));
                Group { route, alerts: BTreeSet::new(), held: Vec::new() }
            });
            group.alerts.insert(transition.labels.clone());
        }
    }

    /// Looks at a group, tells of it, and says when it is looked at again. `next_change` is when an alert begins or
    /// ends next.
    fn flush(&mut self, at: Duration, key: &GroupKey, next_change: Option<Duration>) {
        let Some(mut group) = self.groups.remove(key) else { return };
        let seen = self.look(at, &group);
        let unheard: Vec<(Labels, Hold)> =
            seen.held.iter().filter(|(labels, _)| !self.was_told(&group, &key.1, labels)).cloned().collect();
        if unheard != group.held && !unheard.is_empty() {
            self.paging.held_back.push(HeldBack {
                at,
                receiver: group.route.receiver.clone(),
                route: group.route.origin.clone(),
                group: key.1.clone(),
                alerts: unheard.clone(),
            });
        }
        group.held = unheard;
        if !(seen.firing.is_empty() && seen.resolved.is_empty()) {
            self.tell(at, &group, &key.1, &seen);
        }
        group.alerts.retain(|labels| self.alerts.get(labels) == Some(&AlertState::Firing));
        if !group.alerts.is_empty() {
            let next = self.next_look(at, &group, &key.1, next_change);
            self.due.insert((next, key.clone()));
            self.groups.insert(key.clone(), group);
        }
    }

    fn look(&self, at: Duration, group: &Group<'c>) -> Seen {
        let all_firing: Vec<&Labels> = self
            .alerts
            .iter()
            .filter(|(_, state)| **state == AlertState::Firing)
            .map(|(labels, _)| labels)
            .collect();
        let now = self.began.checked_add(at).unwrap_or(Timestamp::MAX);
        let mute = self.held_by_time(group.route, now);
        let mut seen = Seen::default();
        for labels in &group.alerts {
            let fires = self.alerts.get(labels) == Some(&AlertState::Firing);
            let inhibited = inhibited_by(self.config, &all_firing, labels)
                .map(|(source, rule)| Hold::Inhibited { source: source.clone(), rule: rule.origin.clone() });
            match inhibited.or_else(|| mute.clone()) {
                Some(hold) if fires => seen.held.push((labels.clone(), hold)),
                Some(_) => {}
                None if fires => {
                    seen.firing.insert(labels.clone());
                }
                None => {
                    seen.resolved.insert(labels.clone());
                }
            }
        }
        seen
    }

    fn held_by_time(&self, route: &Route, at: Timestamp) -> Option<Hold> {
        let within = |name: &&String| {
            let ranges = self.config.time_intervals.get(*name);
            ranges.is_some_and(|ranges| ranges.iter().any(|range| range.contains(at)))
        };
        if !route.active.is_empty() && !route.active.iter().any(|name| within(&name)) {
            return Some(Hold::Inactive(route.active.clone()));
        }
        route.mute.iter().find(within).cloned().map(Hold::Muted)
    }

    fn tell(&mut self, at: Duration, group: &Group<'c>, labels: &Labels, seen: &Seen) {
        // For who has no way to be told: what would be said, once.
        const NOBODY: Integration = Integration { kind: "", tells: Tells::Firing };
        let config = self.config;
        let receiver = config.receiver_of(group.route);
        let integrations =
            if receiver.integrations.is_empty() { &[NOBODY][..] } else { &receiver.integrations };
        let first = self.paging.pages.len();
        for (index, integration) in integrations.iter().enumerate() {
            let key = (receiver.name.as_str(), index, group.route.key.as_str(), labels.clone());
            let repeat_interval = group.route.repeat_interval;
            let Some(why) = why(self.log.get(&key), seen, integration.tells, at, repeat_interval) else {
                continue;
            };
            self.log.insert(key, Told { at, firing: seen.firing.clone(), resolved: seen.resolved.clone() });
            let resolved = match integration.tells {
                Tells::Firing if seen.firing.is_empty() => continue,
                Tells::Firing => Vec::new(),
                Tells::Resolved => seen.resolved.iter().cloned().collect(),
            };
            let same = self.paging.pages[first..]
                .iter_mut()
                .find(|page| page.why == why && page.resolved == resolved);
            if let Some(page) = same {
                if !page.kinds.contains(&integration.kind) {
                    page.kinds.push(integration.kind);
                }
                continue;
            }
            self.paging.pages.push(Page {
                at,
                receiver: receiver.name.clone(),
                kinds: if receiver.integrations.is_empty() { Vec::new() } else { vec![integration.kind] },
                route: group.route.origin.clone(),
                group: labels.clone(),
                why,
                firing: seen.firing.iter().cloned().collect(),
                resolved,
            });
        }
    }

    /// What was told of a group last, by each integration.
    fn told_of<'s>(&'s self, group: &'s Group<'c>, labels: &'s Labels) -> impl Iterator<Item = &'s Told> {
        let Route { key, receiver, .. } = group.route;
        let entries = self.log.iter();
        let own =
            entries.filter(move |(entry, _)| entry.0 == receiver && entry.2 == key && entry.3 == *labels);
        own.map(|(_, told)| told)
    }

    /// True when whoever is told of the group knows that `alert` fires.
    fn was_told(&self, group: &Group<'c>, labels: &Labels, alert: &Labels) -> bool {
        let mut told = self.told_of(group, labels).peekable();
        told.peek().is_some() && told.all(|told| told.firing.contains(alert))
    }

    /// A `group_interval` later, or, where nothing can be different then, the first of the regular looks at which
    /// something can.
    fn next_look(
        &self,
        at: Duration,
        group: &Group<'c>,
        labels: &Labels,
        next_change: Option<Duration>,
    ) -> Duration {
        let Route { group_interval, repeat_interval, .. } = group.route;
        let by_minute = !(group.route.mute.is_empty() && group.route.active.is_empty());
        let minute = by_minute.then(|| {
            let now = self.began.checked_add(at).unwrap_or(Timestamp::MAX);
            let past = now.as_millisecond().rem_euclid(60_000).unsigned_abs();
            at.saturating_add(Duration::from_millis(60_000 - past))
        });
        let repeats = self
            .told_of(group, labels)
            .map(|told| told.at.saturating_add(*repeat_interval))
            // What is overdue is held back, and waits for another change.
            .filter(|due| *due >= at);
        let change = repeats.chain(next_change).chain(minute).min();
        let next = at.saturating_add(*group_interval);
        let Some(wait) = change.and_then(|change| change.checked_sub(next)) else {
            // Nothing comes any more: the next look is as good as any.
            return if change.is_some() { next } else { Duration::MAX };
        };
        let looks = wait.as_nanos().div_ceil(group_interval.as_nanos());
        let looks = u32::try_from(looks).unwrap_or(u32::MAX);
        next.saturating_add(group_interval.saturating_mul(looks))
    }
}

/// Whether there is something to tell, after what was told last.
fn why(
    told: Option<&Told>,
    seen: &Seen,
    tells: Tells,
    at: Duration,
    repeat_interval: Duration,
) -> Option<Why> {
    let Some(told) = told else { return (!seen.firing.is_empty()).then_some(Why::First) };
    if !seen.firing.is_subset(&told.firing) {
        return Some(if told.firing.is_empty() { Why::First } else { Why::NewAlerts });
    }
    if seen.firing.is_empty() {
        return (!told.firing.is_empty()).then_some(Why::AllResolved);
    }
    if tells == Tells::Resolved && !seen.resolved.is_subset(&told.resolved) {
        return Some(Why::SomeResolved);
    }
    (at.saturating_sub(told.at) > repeat_interval).then_some(Why::Repeat)
}
