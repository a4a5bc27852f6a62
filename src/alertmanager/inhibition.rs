//! Which of the alerts that fire keep which others from being told of.

use super::config::{Config, InhibitRule};
use crate::model::Labels;

/// An alert that nobody is told of while another fires.
#[derive(Debug, Clone)]
pub struct Inhibition<'a> {
    /// The alert that is kept back.
    pub target: &'a Labels,
    /// The one that keeps it back.
    pub source: &'a Labels,
    /// By which rule.
    pub rule: &'a InhibitRule,
}

/// Every inhibition among the alerts of `firing`: for each target all its sources, by rule and then in the order of
/// `firing`. Alertmanager shows one source of each target alone, whichever it meets first.
pub fn inhibitions<'a>(config: &'a Config, firing: &'a [Labels]) -> Vec<Inhibition<'a>> {
    let of = |target: &'a Labels| {
        config.inhibit_rules.iter().flat_map(move |rule| {
            let sources = firing.iter().filter(move |source| rule.inhibits(source, target));
            sources.map(move |source| Inhibition { target, source, rule })
        })
    };
    firing.iter().flat_map(of).collect()
}

/// The first alert of `firing` that keeps `target` back, and by which rule.
pub(super) fn inhibited_by<'a>(
    config: &'a Config,
    firing: &[&'a Labels],
    target: &Labels,
) -> Option<(&'a Labels, &'a InhibitRule)> {
    config.inhibit_rules.iter().find_map(|rule| {
        let source = firing.iter().find(|source| rule.inhibits(source, target))?;
        Some((*source, rule))
    })
}
