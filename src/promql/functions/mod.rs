//! The functions of PromQL: what a function is, and the one table of all of them.
//!
//! One row a function: its name, what it takes and gives, and what computes it.

mod histogram;
mod labels;
pub(crate) mod stats;
mod stretch;
mod values;

use super::eval::{Evaluated, Evaluation, Result};
use super::expr::{Call, Expr, ValueType};
pub(crate) use stretch::Stretch;

use ValueType::{Matrix, Scalar, Text, Vector};

/// One function of PromQL.
pub struct Function {
    /// As it is written.
    pub name: &'static str,
    /// What it takes, in order.
    pub takes: &'static [ValueType],
    /// How many arguments may be left out or added.
    pub arity: Arity,
    /// What it gives.
    pub returns: ValueType,
    pub(crate) body: Body,
}

/// How many arguments a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// All of them.
    All,
    /// The last one may be left out.
    LastOptional,
    /// The last one may come any number of times, or not at all.
    LastRepeated,
}

/// What computes a function.
pub(crate) enum Body {
    /// The value of each element by itself.
    Each(fn(f64) -> f64),
    /// The value of each element, with the scalars that come after the vector; `None` leaves an element out.
    EachWith(fn(f64, &[f64]) -> Option<f64>),
    /// One value for each series' stretch; `None` leaves the series out.
    Stretch(fn(&Stretch<'_>) -> Option<f64>, Names),
    /// All at once.
    Whole(fn(&mut Evaluation<'_>, &Call, &Expr, i64) -> Result<Evaluated>),
}

/// What becomes of the names of the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    Dropped,
    Kept,
}

/// All functions, sorted by name.
pub(crate) static FUNCTIONS: &[Function] = &[
    each("abs", f64::abs),
    whole("absent", &[Vector], Arity::All, Vector, labels::absent),
    whole("absent_over_time", &[Matrix], Arity::All, Vector, labels::absent_over_time),
    each("acos", f64::acos),
    each("acosh", f64::acosh),
    each("asin", f64::asin),
    each("asinh", f64::asinh),
    each("atan", f64::atan),
    each("atanh", f64::atanh),
    over_time("avg_over_time", |stretch| Some(stats::mean(stretch.weighed()))),
    each("ceil", f64::ceil),
    over_time("changes", stretch::changes),
    each_with("clamp", &[Vector, Scalar, Scalar], Arity::All, values::clamp),
    each_with("clamp_max", &[Vector, Scalar], Arity::All, values::clamp_max),
    each_with("clamp_min", &[Vector, Scalar], Arity::All, values::clamp_min),
    each("cos", f64::cos),
    each("cosh", f64::cosh),
    over_time("count_over_time", |stretch| Some(stretch.window.count() as f64)),
    date("day_of_month", values::day_of_month),
    date("day_of_week", values::day_of_week),
    date("day_of_year", values::day_of_year),
    date("days_in_month", values::days_in_month),
    each("deg", f64::to_degrees),
    over_time("delta", stretch::delta),
    over_time("deriv", stretch::deriv),
    each("exp", f64::exp),
    keeping_names("first_over_time", stretch::first),
    each("floor", f64::floor),
    whole("histogram_fraction", &[Scalar, Scalar, Vector], Arity::All, Vector, histogram::fraction),
    whole("histogram_quantile", &[Scalar, Vector], Arity::All, Vector, histogram::quantile),
    date("hour", values::hour),
    over_time("idelta", stretch::idelta),
    over_time("increase", stretch::increase),
    over_time("irate", stretch::irate),
    whole("label_join", &[Vector, Text, Text, Text], Arity::LastRepeated, Vector, labels::label_join),
    whole("label_replace", &[Vector, Text, Text, Text, Text], Arity::All, Vector, labels::label_replace),
    keeping_names("last_over_time", stretch::last),
    each("ln", f64::ln),
    each("log10", f64::log10),
    each("log2", f64::log2),
    over_time("max_over_time", |stretch| Some(stats::greatest(stretch.weighed()))),
    over_time("min_over_time", |stretch| Some(stats::least(stretch.weighed()))),
    date("minute", values::minute),
    date("month", values::month),
    whole("pi", &[], Arity::All, Scalar, values::pi),
    stretch_with("predict_linear", &[Matrix, Scalar], stretch::predict_linear),
    over_time("present_over_time", |_| Some(1.0)),
    stretch_with("quantile_over_time", &[Scalar, Matrix], stretch::quantile),
    each("rad", f64::to_radians),
    over_time("rate", stretch::rate),
    over_time("resets", stretch::resets),
    each_with("round", &[Vector, Scalar], Arity::LastOptional, values::round),
    whole("scalar", &[Vector], Arity::All, Scalar, values::scalar),
    each("sgn", values::sign),
    each("sin", f64::sin),
    each("sinh", f64::sinh),
    whole("sort", &[Vector], Arity::All, Vector, values::sort),
    whole("sort_desc", &[Vector], Arity::All, Vector, values::sort_desc),
    each("sqrt", f64::sqrt),
    over_time("stddev_over_time", |stretch| Some(stats::variance(stretch.weighed()).sqrt())),
    over_time("stdvar_over_time", |stretch| Some(stats::variance(stretch.weighed()))),
    over_time("sum_over_time", |stretch| Some(stats::sum(stretch.weighed()))),
    each("tan", f64::tan),
    each("tanh", f64::tanh),
    whole("time", &[], Arity::All, Scalar, values::time),
    whole("timestamp", &[Vector], Arity::All, Vector, values::timestamp),
    whole("vector", &[Scalar], Arity::All, Vector, values::vector),
    date("year", values::year),
];

/// The function of this name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok().map(|at| &FUNCTIONS[at])
}

const fn each(name: &'static str, body: fn(f64) -> f64) -> Function {
    Function { name, takes: &[Vector], arity: Arity::All, returns: Vector, body: Body::Each(body) }
}

const fn each_with(
    name: &'static str,
    takes: &'static [ValueType],
    arity: Arity,
    body: fn(f64, &[f64]) -> Option<f64>,
) -> Function {
    Function { name, takes, arity, returns: Vector, body: Body::EachWith(body) }
}

const fn over_time(name: &'static str, body: fn(&Stretch<'_>) -> Option<f64>) -> Function {
    stretch_with(name, &[Matrix], body)
}

const fn stretch_with(
    name: &'static str,
    takes: &'static [ValueType],
    body: fn(&Stretch<'_>) -> Option<f64>,
) -> Function {
    let body = Body::Stretch(body, Names::Dropped);
    Function { name, takes, arity: Arity::All, returns: Vector, body }
}

const fn keeping_names(name: &'static str, body: fn(&Stretch<'_>) -> Option<f64>) -> Function {
    let body = Body::Stretch(body, Names::Kept);
    Function { name, takes: &[Matrix], arity: Arity::All, returns: Vector, body }
}

const fn date(name: &'static str, body: values::DatePart) -> Function {
    whole(name, &[Vector], Arity::LastOptional, Vector, body)
}

const fn whole(
    name: &'static str,
    takes: &'static [ValueType],
    arity: Arity,
    returns: ValueType,
    body: fn(&mut Evaluation<'_>, &Call, &Expr, i64) -> Result<Evaluated>,
) -> Function {
    Function { name, takes, arity, returns, body: Body::Whole(body) }
}

/// A number as Go's `%v` and Prometheus's `count_values` print it.
pub(crate) fn number_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{number}")
    }
}

impl Function {
    /// The least and the greatest number of arguments.
    pub fn argument_counts(&self) -> (usize, usize) {
        let all = self.takes.len();
        match self.arity {
            Arity::All => (all, all),
            Arity::LastOptional => (all - 1, all),
            Arity::LastRepeated => (all - 1, usize::MAX),
        }
    }

    /// True where runs of equal samples don't do: it looks at each sample.
    pub(crate) fn goes_by_points(&self) -> bool {
        matches!(self.name, "deriv" | "predict_linear" | "quantile_over_time")
    }

    /// What the argument at `position` has to be.
    pub fn argument_type(&self, position: usize) -> ValueType {
        self.takes[position.min(self.takes.len() - 1)]
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_all_are_found() {
        assert!(FUNCTIONS.is_sorted_by_key(|function| function.name));
        for function in FUNCTIONS {
            assert_eq!(find(function.name).map(|found| found.name), Some(function.name));
        }
    }
}
