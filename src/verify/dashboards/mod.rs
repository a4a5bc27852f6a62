//! Grafana dashboards over the run: each panel's queries are asked of what was scraped, as Grafana would ask a Prometheus that had scraped
//! it. A panel that shows nothing is named, with why.
//!
//! Dashboards are read, and their queries parsed, before anything is sent; what depends on the series (variables that ask for the values of
//! a label) is settled when the run is judged.

mod file;
mod grafana;
mod layout;
mod panels;
mod queries;
mod reasons;
mod template;
mod variables;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use file::read;
pub(super) use panels::checked;

use crate::model::Labels;
use crate::promql::{Query, Storage};

/// Dashboards whose panels must have data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DashboardChecks {
    /// The dashboards.
    pub dashboards: Vec<Dashboard>,
    /// What variables stand for, where the dashboards' own settings are not meant: written into queries as they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Titles of panels that may be without data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_panels: Vec<String>,
    /// What a Prometheus would have added to each series of the target; `None`: what it adds for alert rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// Where it is written: `file:line`.
    pub origin: String,
}

/// A Grafana dashboard, as far as it asks a Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dashboard {
    /// The file, as it was found.
    pub file: String,
    /// Its title.
    pub title: String,
    /// Its variables, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<Variable>,
    /// The panels that ask a Prometheus, and those of which that is not known.
    pub panels: Vec<Panel>,
    /// How many panels ask nobody, or something else than a Prometheus.
    #[serde(default)]
    pub others: u64,
}

/// A panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panel {
    /// Its title, variables as written.
    pub title: String,
    /// The variables that it, or its row, is repeated for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeated_for: Vec<String>,
    /// What it asks; `None` where the file does not say.
    pub queries: Option<Vec<PanelQuery>>,
    /// Where it is written: `file:line`.
    pub origin: String,
}

/// A query of a panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PanelQuery {
    /// By which the panel calls it: `A`.
    pub name: String,
    /// PromQL with variables in it.
    pub text: String,
    /// The shortest step that it is to be asked with; `None`: the time between scrapes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_step: Option<Duration>,
}

/// A variable of a dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Where its values come from.
    pub source: VariableSource,
    /// True when several values can be chosen, or all of them.
    #[serde(default)]
    pub many: bool,
    /// What stands for all values where that is chosen; empty: all of them, one by one. `None` where not all can be chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<String>,
    /// What was chosen when the dashboard was saved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chosen: Vec<String>,
}

/// Where the values of a variable come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableSource {
    /// From the dashboard.
    Options(Vec<String>),
    /// They are the values of a label, in series that a selector fits.
    LabelValues {
        /// Written with variables in it; `None`: any series.
        selector: Option<String>,
        /// The label.
        label: String,
    },
    /// From somewhere that is not asked: what was chosen is all that is known.
    Elsewhere,
}

/// What dashboards are asked of.
#[derive(Debug)]
pub struct Shown {
    /// The series of the run.
    pub storage: Storage,
    /// The times of the scrapes of the steady phase, in milliseconds since 1970, ascending.
    pub times_ms: Vec<i64>,
    /// The first moment that the dashboards show.
    pub from_ms: i64,
    /// How far apart scrapes are.
    pub interval: Duration,
    /// Why not all is known that was scraped, if so.
    pub gap: Option<String>,
    /// True where a Prometheus was asked for series by name: then it may have others.
    pub by_name: bool,
}

impl DashboardChecks {
    /// The metrics that the queries read under names that are known before the run, each once, in order.
    pub fn metrics(&self) -> BTreeSet<String> {
        let queries = self.queries();
        let selections = queries.iter().flat_map(Query::selectors);
        let mut names: BTreeSet<String> =
            selections.filter_map(|selection| selection.selector.name().map(str::to_owned)).collect();
        // A variable that asks for a label's values reads series, too.
        for variable in self.dashboards.iter().flat_map(|dashboard| &dashboard.variables) {
            if let VariableSource::LabelValues { selector: Some(selector), .. } = &variable.source {
                let name = selector.split('{').next().unwrap_or_default().trim();
                if !name.is_empty() && !name.contains('$') && !name.contains('[') {
                    names.insert(name.to_owned());
                }
            }
        }
        names
    }

    /// The queries of all panels with something in the place of what is known in the run alone.
    pub fn queries(&self) -> Vec<Query> {
        let of = |dashboard: &Dashboard| {
            let queries = dashboard.panels.iter().filter_map(|panel| panel.queries.as_ref()).flatten();
            let parsed =
                queries.filter_map(|query| queries::stand_in(&query.text, dashboard, &self.variables).ok());
            parsed.collect::<Vec<_>>()
        };
        self.dashboards.iter().flat_map(of).collect()
    }

    /// How many panels there are.
    pub fn panel_count(&self) -> usize {
        self.dashboards.iter().map(|dashboard| dashboard.panels.len()).sum()
    }
}
