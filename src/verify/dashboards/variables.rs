//! What the variables of a dashboard stand for over a run, as Grafana settles it when the dashboard is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::template::{Filled, Manner, Value, filled, references};
use super::{Dashboard, Shown, Variable, VariableSource};
use crate::promql::{ExprKind, METRIC_NAME, Query, duration_text};

/// What Grafana brings along, each with something that may stand for it in a query.
pub(super) const BUILT_IN: [(&str, &str); 10] = [
    ("__interval", "1m"),
    ("__interval_ms", "60000"),
    ("__rate_interval", "1m"),
    ("__rate_interval_ms", "60000"),
    ("__range", "60s"),
    ("__range_s", "60"),
    ("__range_ms", "60000"),
    ("__from", "60000"),
    ("__to", "60000"),
    ("__auto", "1m"),
];

/// What is chosen where all values are.
pub(super) const ALL: &str = "$__all";
/// How an interval is called that goes by the length of what is shown.
const AUTO: &str = "$__auto";
/// So many points are asked for at the most: about as many as a panel is wide.
const MOST_POINTS: u32 = 1_000;
/// Variables that speak of each other in longer chains have nothing to choose.
const DEEPEST: usize = 64;

/// Fills in the variables of a dashboard.
#[derive(Debug, Clone)]
pub(super) struct Settled<'a> {
    dashboard: &'a Dashboard,
    /// As they are to be written, whatever the dashboard says.
    given: &'a BTreeMap<String, String>,
    shown: &'a Shown,
    /// What can be chosen for each variable. Panels that are repeated change nothing of that.
    options: BTreeMap<&'a str, Vec<String>>,
    /// Of variables that a panel is repeated for: the one value.
    pub(super) repeated: BTreeMap<String, String>,
}

impl<'a> Settled<'a> {
    pub(super) fn new(
        dashboard: &'a Dashboard,
        given: &'a BTreeMap<String, String>,
        shown: &'a Shown,
    ) -> Self {
        let (options, repeated) = (BTreeMap::new(), BTreeMap::new());
        let mut settled = Self { dashboard, given, shown, options, repeated };
        for variable in &dashboard.variables {
            settled.settle(variable, 0);
        }
        settled
    }

    /// Finds what can be chosen for `variable`, after those that it speaks of. In a circle the first has nothing.
    fn settle(&mut self, variable: &'a Variable, depth: usize) {
        if depth > DEEPEST || self.options.contains_key(variable.name.as_str()) {
            return;
        }
        self.options.insert(&variable.name, Vec::new());
        let options = match &variable.source {
            VariableSource::Options(options) => options.clone(),
            VariableSource::Elsewhere => {
                variable.chosen.iter().filter(|chosen| *chosen != ALL).cloned().collect()
            }
            VariableSource::LabelValues { selector, label } => {
                for reference in selector.iter().flat_map(|selector| references(selector)) {
                    if let Some(other) = self.variable(reference.name) {
                        self.settle(other, depth + 1);
                    }
                }
                let selector = selector.as_ref().map(|selector| self.filled(selector, None).text);
                self.label_values(selector.as_deref(), label)
            }
        };
        self.options.insert(&variable.name, options);
    }

    /// `text` with all variables filled in, for a query of at least this step.
    pub(super) fn filled(&self, text: &str, min_step: Option<Duration>) -> Filled {
        filled(text, |reference| {
            let value = self.value(reference.name);
            let value = value.or_else(|| self.built_in(reference.name, min_step).map(Value::verbatim));
            Some(value?.written(reference.name, reference.format))
        })
    }

    /// The values that a panel which is repeated for the variable has, each its own; empty where there are none.
    pub(super) fn each_of(&self, name: &str) -> Vec<String> {
        let Some(variable) = self.variable(name).filter(|_| !self.given.contains_key(name)) else {
            return Vec::new();
        };
        let options = self.options(variable);
        let chosen = chosen(variable, options);
        if chosen.iter().any(|value| value == ALL) { options.to_vec() } else { chosen }
    }

    /// Why variables of `text` stand for nothing, if some do.
    pub(super) fn empty_in(&self, text: &str) -> Option<String> {
        let names: BTreeSet<&str> = references(text).iter().map(|reference| reference.name).collect();
        names.into_iter().find_map(|name| {
            let variable = self.variable(name).filter(|_| !self.given.contains_key(name))?;
            let VariableSource::LabelValues { selector, label } = &variable.source else { return None };
            let of = selector.as_deref().unwrap_or("any metric");
            let is_empty =
                variable.all.as_ref().is_none_or(String::is_empty) && self.options(variable).is_empty();
            is_empty.then(|| {
                format!("the variable `{name}` has no values: no series of {of} has the label `{label}`")
            })
        })
    }

    fn variable(&self, name: &str) -> Option<&'a Variable> {
        self.dashboard.variables.iter().find(|variable| variable.name == name)
    }

    fn value(&self, name: &str) -> Option<Value> {
        if let Some(one) = self.repeated.get(name) {
            return Some(Value { values: vec![one.clone()], manner: Manner::AnyOf });
        }
        if let Some(text) = self.given.get(name) {
            return Some(Value::verbatim(text));
        }
        let variable = self.variable(name)?;
        let options = self.options(variable);
        let mut values = chosen(variable, options);
        if values.iter().any(|value| value == ALL) {
            if let Some(all) = variable.all.as_ref().filter(|all| !all.is_empty()) {
                return Some(Value::verbatim(all));
            }
            values = options.to_vec();
        }
        if values.iter().any(|value| value.starts_with(AUTO)) {
            return self.built_in("__interval", None).map(Value::verbatim);
        }
        if values.is_empty() {
            return Some(Value::verbatim(""));
        }
        let manner = if variable.many { Manner::AnyOf } else { Manner::One };
        Some(Value { values, manner })
    }

    fn options(&self, variable: &Variable) -> &[String] {
        self.options.get(variable.name.as_str()).map_or(&[], Vec::as_slice)
    }

    fn label_values(&self, selector: Option<&str>, label: &str) -> Vec<String> {
        let query = selector.map(Query::parse);
        let matchers = match &query {
            None => Vec::new(),
            Some(Ok(query)) => match &query.expr().bare().kind {
                ExprKind::Selector(selector) => selector.matchers.clone(),
                ExprKind::Number(_)
                | ExprKind::Text(_)
                | ExprKind::Matrix(_)
                | ExprKind::Subquery(_)
                | ExprKind::Paren(_)
                | ExprKind::Negate(_)
                | ExprKind::Binary(_)
                | ExprKind::Aggregate(_)
                | ExprKind::Call(_) => return Vec::new(),
            },
            Some(Err(_)) => return Vec::new(),
        };
        let storage = &self.shown.storage;
        let ids = storage.select(&matchers);
        let values: BTreeSet<&str> = ids.into_iter().map(|id| storage.labels(id).get(label)).collect();
        values.into_iter().filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// What Grafana fills in for a panel that shows the run up to its last scrape.
    fn built_in(&self, name: &str, min_step: Option<Duration>) -> Option<String> {
        let to_ms = self.shown.times_ms.last().copied().unwrap_or(self.shown.from_ms);
        let range = Duration::from_millis((to_ms - self.shown.from_ms).max(1).unsigned_abs());
        let scrape = min_step.unwrap_or(self.shown.interval).max(Duration::from_millis(1));
        // Steps that are longer than the time between scrapes are whole seconds.
        let for_width =
            Duration::from_secs((range / MOST_POINTS).as_millis().div_ceil(1000).try_into().unwrap_or(1));
        let interval = if range / MOST_POINTS > scrape { for_width } else { scrape };
        let rate_interval = (interval + scrape).max(scrape * 4);
        let range_s = Duration::from_secs(range.as_millis().div_ceil(1000).try_into().unwrap_or(1));
        Some(match name {
            "__interval" | "__auto" => duration_text(interval),
            "__interval_ms" => interval.as_millis().to_string(),
            "__rate_interval" => duration_text(rate_interval),
            "__rate_interval_ms" => rate_interval.as_millis().to_string(),
            "__range" => format!("{}s", range_s.as_secs()),
            "__range_s" => range_s.as_secs().to_string(),
            "__range_ms" => range.as_millis().to_string(),
            "__from" => self.shown.from_ms.to_string(),
            "__to" => to_ms.to_string(),
            _ => return None,
        })
    }
}

/// What Grafana chooses of `options`: what was chosen as far as it is still there, else the first of them, which is all where that can be
/// chosen.
fn chosen(variable: &Variable, options: &[String]) -> Vec<String> {
    if variable.chosen.iter().any(|chosen| chosen == ALL) && variable.all.is_some() {
        return vec![ALL.to_owned()];
    }
    let is_there = |chosen: &&String| chosen.starts_with(AUTO) || options.contains(chosen);
    let still: Vec<String> = variable.chosen.iter().filter(is_there).cloned().collect();
    if !still.is_empty() {
        return still;
    }
    if variable.all.is_some() {
        return vec![ALL.to_owned()];
    }
    options.first().cloned().into_iter().collect()
}

/// What a `label_values(...)` asks for: the selector, if it names one, and the label.
pub(super) fn label_values(query: &str) -> Option<(Option<String>, String)> {
    let inner = query.trim().strip_prefix("label_values(")?.strip_suffix(')')?;
    // The label comes last, and has no comma in it.
    let (selector, label) = match inner.rsplit_once(',') {
        Some((selector, label)) => (Some(selector.trim().to_owned()), label.trim()),
        None => (None, inner.trim()),
    };
    let is_label = !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let label = if label == METRIC_NAME { METRIC_NAME } else { label };
    is_label.then(|| (selector.filter(|selector| !selector.is_empty()), label.to_owned()))
}
