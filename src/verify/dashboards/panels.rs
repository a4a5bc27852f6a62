//! Each panel's queries, asked as Grafana would; and what became of the dashboard.

use std::collections::BTreeSet;
use std::time::Duration;

use super::reasons::{Reason, why};
use super::variables::Settled;
use super::{Dashboard, DashboardChecks, Panel, PanelQuery, Shown};
use crate::model::{Verdict, counted, format_count};
use crate::promql::{Budget, Engine, Limits, Query, Value};
use crate::verify::{Checked, Evidence};

/// A query is asked at so many times at the most: the last scrape, and others over the steady phase.
const MOST_TIMES: usize = 120;
/// A repeated panel is looked at for so many values.
const MOST_REPEATS: usize = 100;
/// So many panels are named in a sentence.
const MOST_NAMED: usize = 3;

/// What a query gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// So many series with numbers, at the last time that there were any.
    Data(usize),
    /// Nothing but NaN.
    NotNumbers,
    /// Nothing at any time.
    Nothing,
    /// It could not be asked.
    Failed(String),
}

/// Asks queries, within a budget for all of them.
pub(super) struct Asker<'a> {
    pub(super) shown: &'a Shown,
    engine: Engine,
    budget: Budget,
    times_ms: Vec<i64>,
    /// The metrics that a Prometheus was asked for by name.
    asked_for: BTreeSet<String>,
}

impl<'a> Asker<'a> {
    fn new(shown: &'a Shown, checks: &DashboardChecks, limits: Limits) -> Self {
        // Subqueries that don't say their step go by scrapes.
        let subquery_step = shown.interval.max(Duration::from_millis(1));
        let engine = Engine { subquery_step, limits, ..Engine::default() };
        let budget = Budget::new(engine.limits.max_samples_together);
        // From the end on: there ranges are filled best.
        let every = shown.times_ms.len().div_ceil(MOST_TIMES).max(1);
        let times_ms = shown.times_ms.iter().rev().step_by(every).copied().collect();
        let asked_for = if shown.by_name { checks.metrics() } else { BTreeSet::new() };
        Self { shown, engine, budget, times_ms, asked_for }
    }

    /// What `query` gives in the steady phase.
    pub(super) fn ask(&mut self, query: &Query) -> Answer {
        let mut own = self.budget.at_most(self.engine.limits.max_samples);
        let before = own.left();
        let mut answer = Answer::Nothing;
        for &at_ms in &self.times_ms {
            match self.engine.instant_within(query, &self.shown.storage, at_ms, &mut own) {
                Ok(given) => match numbers(&given.value) {
                    Some(0) => answer = Answer::NotNumbers,
                    Some(series) => {
                        answer = Answer::Data(series);
                        break;
                    }
                    None => {}
                },
                Err(error) => {
                    answer = Answer::Failed(error.message);
                    break;
                }
            }
        }
        // What is more than what was left has made an evaluation fail.
        let _ = self.budget.spend(before - own.left());
        answer
    }
}

/// How many series have a number; `None` where there is no sample at all.
fn numbers(value: &Value) -> Option<usize> {
    let count = |numbers: &mut dyn Iterator<Item = bool>| {
        let all: Vec<bool> = numbers.collect();
        (!all.is_empty()).then(|| all.iter().filter(|is_number| **is_number).count())
    };
    match value {
        Value::Scalar(number) => count(&mut std::iter::once(!number.is_nan())),
        Value::Text(_) => None,
        Value::Vector(samples) => count(&mut samples.iter().map(|sample| !sample.value.is_nan())),
        Value::Matrix(series) => {
            count(&mut series.iter().map(|one| one.points.iter().any(|(_, value)| !value.is_nan())))
        }
    }
}

/// What became of a panel, or of one of its queries.
struct Looked {
    title: String,
    verdict: Verdict,
    /// Why it has no data, or how much.
    words: String,
    rows: Vec<(bool, Vec<String>)>,
}

/// What came of each dashboard.
pub(in crate::verify) fn checked(checks: &DashboardChecks, shown: Option<&Shown>) -> Vec<Checked> {
    checked_within(checks, shown, Limits::default())
}

/// [`checked`], where queries may cost so much.
pub(super) fn checked_within(
    checks: &DashboardChecks,
    shown: Option<&Shown>,
    limits: Limits,
) -> Vec<Checked> {
    let mut asker = shown.map(|shown| Asker::new(shown, checks, limits));
    let one = |dashboard: &Dashboard| {
        let looked = match &mut asker {
            Some(asker) => look(dashboard, checks, asker),
            None => Vec::new(),
        };
        said(dashboard, &looked, checks)
    };
    checks.dashboards.iter().map(one).collect()
}

fn look(dashboard: &Dashboard, checks: &DashboardChecks, asker: &mut Asker<'_>) -> Vec<Looked> {
    let settled = Settled::new(dashboard, &checks.variables, asker.shown);
    let mut looked = Vec::new();
    for panel in &dashboard.panels {
        for settled in repeated(&settled, &panel.repeated_for) {
            looked.push(look_at(panel, &settled, asker));
        }
    }
    looked
}

/// The variables for each panel that the repeated one becomes.
fn repeated<'a>(settled: &Settled<'a>, names: &[String]) -> Vec<Settled<'a>> {
    let mut all = vec![settled.clone()];
    for name in names {
        let values = settled.each_of(name);
        if values.is_empty() {
            continue;
        }
        let with = |settled: &Settled<'a>, value: &String| {
            let mut settled = settled.clone();
            settled.repeated.insert(name.clone(), value.clone());
            settled
        };
        all = all
            .iter()
            .flat_map(|settled| values.iter().map(|value| with(settled, value)).collect::<Vec<_>>())
            .collect();
        all.truncate(MOST_REPEATS);
    }
    all
}

fn look_at(panel: &Panel, settled: &Settled<'_>, asker: &mut Asker<'_>) -> Looked {
    let values: Vec<String> =
        settled.repeated.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let title = settled.filled(&panel.title, None).text;
    let title = if values.is_empty() { title } else { format!("{title} ({})", values.join(", ")) };
    let Some(queries) = &panel.queries else {
        let words = "a library panel: its queries are not in the file; leave it out by `except_panels`, or export the \
                     dashboard with the panel unlinked";
        let row = vec![title.clone(), String::new(), words.to_owned()];
        return Looked {
            title,
            verdict: Verdict::Inconclusive,
            words: words.to_owned(),
            rows: vec![(false, row)],
        };
    };
    let results: Vec<(Verdict, String, String)> =
        queries.iter().map(|query| look_into(query, settled, asker)).collect();
    let is = |wanted: Verdict| results.iter().find(|(verdict, ..)| *verdict == wanted);
    // One query with data shows something; a panel of which that is not known shows nothing for certain.
    let decisive = is(Verdict::Pass).or_else(|| is(Verdict::Inconclusive)).or_else(|| is(Verdict::Fail));
    let (verdict, words) = decisive
        .map_or((Verdict::Inconclusive, String::new()), |(verdict, _, words)| (*verdict, words.clone()));
    let rows = results
        .into_iter()
        .map(|(of_query, text, words)| (of_query == Verdict::Pass, vec![title.clone(), text, words]));
    Looked { rows: rows.collect(), title, verdict, words }
}

/// What became of a query, as it was asked, and in words.
fn look_into(query: &PanelQuery, settled: &Settled<'_>, asker: &mut Asker<'_>) -> (Verdict, String, String) {
    let text = settled.filled(&query.text, query.min_step).text;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let note = settled.empty_in(&query.text).map_or_else(String::new, |note| format!("; {note}"));
    let parsed = match Query::parse(&text) {
        Ok(parsed) => parsed,
        // It was one with what the variables stood for in the file.
        Err(error) => return (Verdict::Fail, text, format!("no data: this is no query: {error}{note}")),
    };
    if let Some(because) = unknown(&parsed, asker) {
        return (Verdict::Inconclusive, text, because);
    }
    match asker.ask(&parsed) {
        Answer::Data(series) => {
            (Verdict::Pass, text, format!("data: {} series", format_count(series as u64)))
        }
        Answer::Failed(message) => (Verdict::Inconclusive, text, format!("not known: {message}")),
        Answer::NotNumbers | Answer::Nothing => {
            let Reason { is_known, words } = why(&parsed, asker);
            let (verdict, head) =
                if is_known { (Verdict::Fail, "no data") } else { (Verdict::Inconclusive, "not known") };
            (verdict, text, format!("{head}: {words}{note}"))
        }
    }
}

/// Why it can't be known what a query gives, whatever it is.
fn unknown(query: &Query, asker: &Asker<'_>) -> Option<String> {
    const NEEDED: usize = 2;
    let Asker { shown, asked_for, .. } = asker;
    if let Some(gap) = &shown.gap {
        return Some(format!("not known: the Prometheus did not give all: {gap}"));
    }
    if shown.times_ms.len() < NEEDED {
        let found = counted(shown.times_ms.len() as u64, "scrape");
        return Some(format!(
            "not known: {found} in the steady phase, {NEEDED} are needed: make the run longer"
        ));
    }
    if !shown.by_name {
        return None;
    }
    let selections = query.selectors();
    let name =
        selections.iter().filter_map(|it| it.selector.name()).find(|name| !asked_for.contains(*name))?;
    Some(format!(
        "not known: the Prometheus was not asked for {name}, a name that a variable makes; say what the variable stands \
         for in `variables`"
    ))
}

fn said(dashboard: &Dashboard, looked: &[Looked], checks: &DashboardChecks) -> Checked {
    let of = |verdict: Verdict| looked.iter().filter(move |panel| panel.verdict == verdict);
    let alive = of(Verdict::Pass).count();
    let verdict = if looked.is_empty() {
        Verdict::Inconclusive
    } else {
        Verdict::of_all(looked.iter().map(|panel| panel.verdict))
    };
    let all = looked.len();
    let told: Vec<&Looked> = of(verdict).collect();
    let without = looked.iter().flat_map(|panel| &panel.rows).filter(|(is_good, _)| !is_good).count();
    let because = match (verdict, told.first()) {
        (Verdict::Pass, _) => {
            let others = match dashboard.others {
                0 => String::new(),
                others => format!("; {} ask no Prometheus", counted(others, "more panel")),
            };
            let silent = match without {
                0 => String::new(),
                1 => "; 1 query beside others had none".to_owned(),
                some => format!("; {some} queries beside others had none"),
            };
            format!("{} had data in the run{silent}{others}", all_of(all))
        }
        (_, None) => "no data: no metrics were scraped".to_owned(),
        (_, Some(first)) => {
            let more: Vec<String> =
                told.iter().skip(1).take(MOST_NAMED).map(|panel| format!("`{}`", panel.title)).collect();
            let rest = told.len().saturating_sub(1 + more.len());
            let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            let more =
                if more.is_empty() { String::new() } else { format!("; likewise {}{rest}", more.join(", ")) };
            format!("panel `{}`: {}{more}", first.title, first.words)
        }
    };
    let excepted = match checks.except_panels.len() {
        0 => String::new(),
        some => format!("; {} left out", counted(some as u64, "panel")),
    };
    Checked {
        name: format!("dashboards: {}", dashboard.title),
        scope: scope(dashboard),
        verdict,
        value: format!("{} of {} with data", format_count(alive as u64), counted(all as u64, "panel")),
        limit: "all".to_owned(),
        samples: all as u64,
        bad: of(Verdict::Fail).count() as u64,
        because: format!("{because}{excepted}"),
        on_time: false,
        evidence: Evidence::of(
            &["panel", "query", "result"],
            looked.iter().flat_map(|panel| panel.rows.iter().cloned()),
        ),
    }
}

fn all_of(panels: usize) -> String {
    if panels == 1 { "the panel".to_owned() } else { format!("all {panels} panels") }
}

fn scope(dashboard: &Dashboard) -> String {
    let path = std::path::Path::new(&dashboard.file);
    path.file_name().map_or_else(|| dashboard.file.clone(), |name| name.to_string_lossy().into_owned())
}
