//! How long a run must last for a rule to be able to fire with all the data that it looks back on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::rule::{Group, Rule};
use super::source::read_of;
use crate::promql::Reach;

/// Rules that read rules that read rules, at the most so many: more than people write, fewer than a stack holds.
const DEEPEST: usize = 1000;

/// How long a run one rule needs, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLength {
    /// The rule's name.
    pub name: String,
    /// The group's name.
    pub group: String,
    /// Ranges and offsets of its expression, and of the rules whose series it reads; `None` when an `@` may look at
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
    let mut chains = Chains::new(groups, interval);
    let rules = groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
    rules
        .enumerate()
        .map(|(at, (group, rule))| {
            let each = group.interval_or(interval);
            let looks_back = chains.looks_back(at);
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

/// Rules, and which of them read which.
struct Chains<'a> {
    rules: Vec<&'a Rule>,
    /// For each rule those that make what it reads, and how long after their own first result it can be read.
    reads: Vec<Vec<(usize, Duration)>>,
    /// How far back a rule looks, where it is settled.
    settled: Vec<Option<Back>>,
    /// The same of rules that are made of each other, as seen from the one that was asked for.
    seen: BTreeMap<usize, Back>,
    /// The rules between the one that was asked for and the one that is looked at.
    open: BTreeSet<usize>,
}

/// How far back; `None` where an `@` may look at anything.
type Back = Option<Duration>;

impl<'a> Chains<'a> {
    fn new(groups: &'a [Group], interval: Duration) -> Self {
        let placed = groups.iter().flat_map(|group| {
            let each = group.interval_or(interval);
            group.rules.iter().map(move |rule| (rule, each))
        });
        let placed: Vec<(&Rule, Duration)> = placed.collect();
        let sources_of = |(reader, (rule, _)): (usize, &(&Rule, Duration))| {
            let others = placed.iter().enumerate().filter(|(at, _)| *at != reader);
            let read = others.filter_map(|(at, (source, each))| {
                // A rule of another group, or a later one of its own, sees it one interval later.
                read_of(&rule.query, source).map(|hold| (at, whole_intervals(hold, *each) + *each))
            });
            read.collect()
        };
        Self {
            reads: placed.iter().enumerate().map(sources_of).collect(),
            settled: vec![None; placed.len()],
            rules: placed.iter().map(|(rule, _)| *rule).collect(),
            seen: BTreeMap::new(),
            open: BTreeSet::new(),
        }
    }

    /// The furthest that a rule looks back, by its own expression and by those of what it reads. Of rules that are made of each
    /// other, each counts once.
    fn looks_back(&mut self, rule: usize) -> Back {
        self.seen.clear();
        self.back(rule).0
    }

    /// The same, and whether that is so wherever one comes from.
    fn back(&mut self, at: usize) -> (Back, bool) {
        if let Some(back) = self.settled[at] {
            return (back, true);
        }
        if let Some(back) = self.seen.get(&at) {
            return (*back, false);
        }
        let Reach::Within(own) = self.rules[at].query.reach(Duration::ZERO) else {
            self.settled[at] = Some(None);
            return (None, true);
        };
        self.open.insert(at);
        let (mut behind, mut whole) = (Some(Duration::ZERO), true);
        for (source, later) in self.reads[at].clone() {
            if self.open.contains(&source) || self.open.len() > DEEPEST {
                whole = false;
                continue;
            }
            let (back, settled) = self.back(source);
            whole &= settled;
            behind = behind.zip(back).map(|(behind, back)| behind.max(back + later));
        }
        self.open.remove(&at);
        let back = behind.map(|behind| own + behind);
        if whole {
            self.settled[at] = Some(back);
        } else {
            self.seen.insert(at, back);
        }
        (back, whole)
    }
}
