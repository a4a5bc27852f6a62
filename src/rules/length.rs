//! How long a run must last for a rule to be able to fire with all the data that it looks back on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::rule::{Group, Rule, RuleKind};
use crate::promql::{Query, Reach};

/// Recorded series that are made of recorded series, at the most so deep: they may be made of each other.
const DEEPEST: usize = 20;

/// How long a run one rule needs, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLength {
    /// The rule's name.
    pub name: String,
    /// The group's name.
    pub group: String,
    /// Ranges and offsets of its expression, and of the recorded series that it reads; `None` when an `@` may look at
    /// anything.
    pub looks_back: Option<Duration>,
    /// `for`; `None` of a recording rule.
    pub hold: Option<Duration>,
    /// The time between evaluations.
    pub interval: Duration,
    /// How long the data must go on, and the evaluations with it, until the rule has given its first whole result, or an
    /// alert fires whose condition holds from then on.
    pub needed: Option<Duration>,
}

impl RunLength {
    /// How long the evaluations must go on where all that is looked back on is there when they begin.
    pub fn with_history(&self) -> Duration {
        self.hold.unwrap_or_default() + self.interval
    }
}

/// [`RunLength`] of each rule; groups that don't say their interval have `interval`.
pub fn run_lengths(groups: &[Group], interval: Duration) -> Vec<RunLength> {
    let recorded = recording_rules(groups, interval);
    let rules = groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
    rules
        .map(|(group, rule)| {
            let each = group.interval_or(interval);
            let looks_back = looks_back(rule, &recorded, 0);
            let hold = rule.alerting().map(|alerting| alerting.hold);
            // Data can begin right after an evaluation, so that the whole of it is first seen one interval later.
            let needed = looks_back.map(|back| {
                whole_intervals(back + group.query_offset, each)
                    + whole_intervals(hold.unwrap_or_default(), each)
                    + each
            });
            RunLength {
                name: rule.name.clone(),
                group: group.name.clone(),
                looks_back,
                hold,
                interval: each,
                needed,
            }
        })
        .collect()
}

/// Nothing happens between evaluations.
fn whole_intervals(length: Duration, interval: Duration) -> Duration {
    let (length, each) = (length.as_millis(), interval.as_millis().max(1));
    let count = u32::try_from(length.div_ceil(each)).unwrap_or(u32::MAX);
    interval.saturating_mul(count)
}

/// Rules by the metric that they record, with the time between evaluations.
type Recorded<'a> = BTreeMap<&'a str, Vec<(&'a Rule, Duration)>>;

fn recording_rules(groups: &[Group], interval: Duration) -> Recorded<'_> {
    let mut recorded = Recorded::new();
    for group in groups {
        for rule in &group.rules {
            if let RuleKind::Recording { .. } = rule.kind {
                let each = group.interval_or(interval);
                recorded.entry(&rule.name).or_default().push((rule, each));
            }
        }
    }
    recorded
}

/// The furthest that a rule looks back, by its own expression and by those of the series that it reads.
fn looks_back(rule: &Rule, recorded: &Recorded<'_>, depth: usize) -> Option<Duration> {
    let own = match rule.query.reach(Duration::ZERO) {
        Reach::Within(reach) => reach,
        Reach::Everything => return None,
    };
    let mut behind = Duration::ZERO;
    for name in metrics_read(&rule.query) {
        for (source, each) in recorded.get(name).into_iter().flatten() {
            if depth < DEEPEST && source.name != rule.name {
                behind = behind.max(looks_back(source, recorded, depth + 1)? + *each);
            }
        }
    }
    Some(own + behind)
}

/// The metrics that an expression names.
pub(super) fn metrics_read(query: &Query) -> impl Iterator<Item = &str> {
    query.selectors().into_iter().filter_map(|selection| selection.selector.name())
}
