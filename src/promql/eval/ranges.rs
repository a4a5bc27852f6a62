//! Range vectors: stretches of series or of subqueries, and the functions over them.

use std::collections::HashMap;

use super::work::{ELEMENT, NODE, POINT};
use super::{Evaluated, Evaluation, Result, Sample, duplicate, error_at, refuse_duplicates};
use crate::promql::engine::{NameDropping, RangeEnds};
use crate::promql::expr::{Call, Expr, ExprKind, Matrix, Subquery, ValueType};
use crate::promql::functions::{Names, Stretch};
use crate::promql::labels::Labels;
use crate::promql::query::millis;
use crate::promql::window::Window;

/// Takes a series' labels, whether its name goes at the end, and its stretch.
type Each<'f, 'a> = dyn FnMut(&mut Evaluation<'a>, &Labels, bool, &Stretch<'_>) -> Result<()> + 'f;

/// A series that a subquery made.
#[derive(Default)]
struct Made {
    times: Vec<i64>,
    values: Vec<f64>,
    drops_name: bool,
}

impl<'a> Evaluation<'a> {
    /// A function of each series' stretch.
    pub(super) fn call_on_stretches(
        &mut self,
        call: &Call,
        expr: &Expr,
        at: i64,
        compute: fn(&Stretch<'_>) -> Option<f64>,
        names: Names,
    ) -> Result<Vec<Sample>> {
        let mut params = Vec::new();
        let mut range = None;
        for arg in &call.args {
            match arg.value_type() {
                ValueType::Scalar => params.push(self.scalar(arg, at)?),
                ValueType::Matrix => range = Some(arg),
                ValueType::Text | ValueType::Vector => {}
            }
        }
        let range = range.ok_or_else(|| error_at(expr, "a range vector was expected".to_owned()))?;
        let mut samples: Vec<Sample> = Vec::new();
        let mut not_counters: Vec<String> = Vec::new();
        let counts = matches!(call.function.name, "rate" | "increase");
        let by_points = call.function.goes_by_points();
        self.each_stretch(range, at, &mut |evaluation, labels, drops_name, stretch| {
            let points = if by_points { stretch.window.count() as u64 * POINT } else { 0 };
            evaluation.look_at(ELEMENT + points, range)?;
            let Some(value) = compute(&Stretch { params: &params, ..*stretch }) else { return Ok(()) };
            if counts && !is_named_as_counter(labels.name()) && not_counters.len() < super::MAX_NOTES {
                not_counters.push(labels.name().to_owned());
            }
            let mut sample = Sample { labels: labels.clone(), value, drops_name };
            if names == Names::Dropped {
                evaluation.drop_name(&mut sample);
            }
            samples.push(sample);
            Ok(())
        })?;
        for name in not_counters {
            let message = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket";
            self.inform(format!("{message}: \"{name}\""), range);
        }
        if call.function.name == "quantile_over_time"
            && !samples.is_empty()
            && !(0.0..=1.0).contains(&params[0])
        {
            self.warn(quantile_warning(params[0]), &call.args[0]);
        }
        if names == Names::Dropped && self.several_names(range) {
            refuse_duplicates(&samples, expr)?;
        }
        Ok(samples)
    }

    /// False where all series of a range have the same name, so that taking it away can't make two alike.
    fn several_names(&self, range: &Expr) -> bool {
        let one_name = match &range.bare().kind {
            ExprKind::Matrix(matrix) => matrix.selector.name().is_some(),
            ExprKind::Subquery(_)
            | ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Selector(_)
            | ExprKind::Paren(_)
            | ExprKind::Negate(_)
            | ExprKind::Binary(_)
            | ExprKind::Aggregate(_)
            | ExprKind::Call(_) => false,
        };
        !one_name && self.engine.name_dropping == NameDropping::Immediate
    }

    /// Shows `each` the stretches of a range vector that have a sample.
    pub(crate) fn each_stretch(&mut self, range: &Expr, at: i64, each: &mut Each<'_, 'a>) -> Result<()> {
        match &range.bare().kind {
            ExprKind::Matrix(matrix) => self.each_of_matrix(matrix, range, at, each),
            ExprKind::Subquery(subquery) => self.each_of_subquery(subquery, range, at, each),
            ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Selector(_)
            | ExprKind::Paren(_)
            | ExprKind::Negate(_)
            | ExprKind::Binary(_)
            | ExprKind::Aggregate(_)
            | ExprKind::Call(_) => Err(error_at(range, "a range vector was expected".to_owned())),
        }
    }

    fn each_of_matrix(
        &mut self,
        matrix: &Matrix,
        expr: &Expr,
        at: i64,
        each: &mut Each<'_, 'a>,
    ) -> Result<()> {
        let until_ms = self.time_of(matrix.selector.at, matrix.selector.offset_ms, at);
        let range_ms = millis(matrix.range);
        let after = self.after(until_ms, range_ms);
        let ids = self.series_of(&matrix.selector, expr)?;
        // To find where their stretches begin and end.
        self.look_at(ids.len() as u64 * ELEMENT, expr)?;
        let storage = self.storage;
        let mut cut = storage.cut(after, until_ms);
        for id in ids.iter() {
            let window = cut.window(*id);
            self.look_at(window.weight() as u64, expr)?;
            if window.runs().next().is_none() {
                continue;
            }
            let stretch = Stretch { window, range_ms, until_ms, at_ms: at, params: &[] };
            each(self, storage.labels(*id), false, &stretch)?;
        }
        Ok(())
    }

    fn each_of_subquery(
        &mut self,
        subquery: &Subquery,
        expr: &Expr,
        at: i64,
        each: &mut Each<'_, 'a>,
    ) -> Result<()> {
        let until_ms = self.time_of(subquery.at, subquery.offset_ms, at);
        let range_ms = millis(subquery.range);
        let step = millis(subquery.step.unwrap_or(self.engine.subquery_step)).max(1);
        let from = until_ms.saturating_sub(range_ms);
        // Steps are multiples of the step since 1970, wherever the query is.
        let mut time = match self.engine.range_ends {
            RangeEnds::LeftOpen => (from.div_euclid(step) + 1).saturating_mul(step),
            RangeEnds::Closed => (from - 1).div_euclid(step).saturating_add(1).saturating_mul(step),
        };
        let mut order: HashMap<Labels, usize> = HashMap::new();
        let mut made: Vec<(Labels, Made)> = Vec::new();
        while time <= until_ms {
            let samples = match self.eval(&subquery.expr, time)? {
                Evaluated::Vector(samples) => samples,
                Evaluated::Scalar(_) | Evaluated::Text(_) => {
                    return Err(error_at(&subquery.expr, "an instant vector was expected".to_owned()));
                }
            };
            // Even a step that finds nothing takes time.
            self.look_at(samples.len() as u64 * ELEMENT + NODE, expr)?;
            self.keep(samples.len(), expr)?;
            for sample in samples {
                let position = *order.entry(sample.labels.clone()).or_insert_with(|| {
                    made.push((sample.labels.clone(), Made::default()));
                    made.len() - 1
                });
                let (labels, series) = &mut made[position];
                if series.times.last() == Some(&time) {
                    return Err(duplicate(labels, &subquery.expr));
                }
                series.times.push(time);
                series.values.push(sample.value);
                series.drops_name |= sample.drops_name;
            }
            let Some(next) = time.checked_add(step) else { break };
            time = next;
        }
        let longest = made.iter().map(|(_, series)| series.times.len()).max().unwrap_or(0);
        let starts: Vec<u32> = (0..u32::try_from(longest).unwrap_or(u32::MAX)).collect();
        for (labels, series) in &made {
            let window = Window::new(&series.times, 0, &starts[..series.times.len()], &series.values);
            let stretch = Stretch { window, range_ms, until_ms, at_ms: at, params: &[] };
            each(self, labels, series.drops_name, &stretch)?;
        }
        self.kept -= made.iter().map(|(_, series)| series.times.len() as u64).sum::<u64>();
        Ok(())
    }
}

/// What is said of a rank that is none.
pub(super) fn quantile_warning(rank: f64) -> String {
    let rank = crate::promql::functions::number_text(rank);
    format!("quantile value should be between 0 and 1, got {rank}")
}

fn is_named_as_counter(name: &str) -> bool {
    name.is_empty() || ["_total", "_sum", "_count", "_bucket"].iter().any(|ending| name.ends_with(ending))
}
