//! What each chart shows, as columns of numbers, with its key numbers in words. Drawing is `charts.js`' part.

use serde::Serialize;

use crate::model::{counted, format_count};
use crate::report::{RunReport, Saturation, TimelinePoint, figures};

/// A chart has no more points than this: more than a wide screen has columns.
const MOST_POINTS: usize = 1_800;
/// A second of which the load was on for less than this share is not drawn: its counts would look like a drop.
const WHOLE: f64 = 0.95;
/// A latency axis becomes logarithmic when the largest latency is this many times the smallest.
const LOG_FROM: f64 = 20.0;

/// One chart.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    pub(super) id: String,
    #[serde(skip)]
    pub(super) title: String,
    /// The key numbers in words: caption, and alternative for those who can not see the drawing.
    #[serde(skip)]
    pub(super) summary: String,
    #[serde(skip)]
    pub(super) wide: bool,
    axis: Axis,
    unit: String,
    log: bool,
    /// The axis reaches from 0 (or the first point) to at least here.
    reach: f64,
    warm_up: f64,
    x: Vec<f64>,
    series: Vec<Line>,
}

/// What the horizontal axis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Axis {
    /// Seconds since the load began.
    Time,
    /// The base-10 logarithm of 1 / (1 - quantile): each unit is one more nine.
    Nines,
}

/// One line of a chart.
#[derive(Debug, Serialize)]
struct Line {
    label: String,
    /// The name of the style sheet's variable that has its color.
    color: &'static str,
    style: Style,
    /// A value for each `x`; a gap where there is none.
    values: Vec<Option<f64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Style {
    Line,
    Dashed,
    Area,
    Step,
}

impl Chart {
    /// True when there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.series.iter().all(|line| line.values.iter().all(Option::is_none))
    }
}

/// The charts of the load itself.
pub(super) fn load(report: &RunReport) -> Vec<Chart> {
    let whole: Vec<&TimelinePoint> = report.timeline.iter().filter(|point| point.covered >= WHOLE).collect();
    let per_point = whole.len().div_ceil(MOST_POINTS).max(1);
    let points: Vec<Point> = whole.chunks(per_point).map(Point::of).collect();
    let mut charts = vec![latency(report, &points), rate(report, &points), users(report, &points)];
    if per_point > 1 {
        for (chart, what) in charts.iter_mut().zip(["worst", "mean", "largest"]) {
            chart.summary = format!("{}; each point is the {what} of {per_point} seconds", chart.summary);
        }
    }
    charts.push(percentiles(report));
    charts
}

/// One chart for each measure of saturation.
pub(super) fn saturation(report: &RunReport) -> Vec<Chart> {
    report.saturation.iter().enumerate().map(|(i, measure)| measured(report, i, measure)).collect()
}

/// One or more neighbouring seconds. Rates are means; latencies, users and calls in flight are the largest.
struct Point {
    second: f64,
    rate: f64,
    failed: f64,
    users: f64,
    in_flight: f64,
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
}

impl Point {
    fn of(seconds: &[&TimelinePoint]) -> Self {
        let n = seconds.len() as f64;
        let most = |value: fn(&TimelinePoint) -> Option<f64>| {
            seconds.iter().filter_map(|point| value(point)).reduce(f64::max)
        };
        Self {
            second: seconds.first().map_or(0.0, |point| f64::from(point.second)),
            rate: seconds.iter().map(|point| point.calls).sum::<u64>() as f64 / n,
            failed: seconds.iter().map(|point| point.failed).sum::<u64>() as f64 / n,
            users: most(|point| Some(f64::from(point.users))).unwrap_or(0.0),
            in_flight: most(|point| Some(point.in_flight as f64)).unwrap_or(0.0),
            p50: most(|point| point.p50),
            p95: most(|point| point.p95),
            p99: most(|point| point.p99),
            max: most(|point| point.max),
        }
    }
}

fn line(
    label: &str,
    color: &'static str,
    style: Style,
    points: &[Point],
    value: fn(&Point) -> Option<f64>,
) -> Line {
    Line { label: label.to_owned(), color, style, values: points.iter().map(value).collect() }
}

fn over_time(
    report: &RunReport,
    id: &str,
    title: &str,
    unit: &str,
    points: &[Point],
    series: Vec<Line>,
) -> Chart {
    Chart {
        id: format!("chart-{id}"),
        title: title.to_owned(),
        summary: String::new(),
        wide: false,
        axis: Axis::Time,
        unit: unit.to_owned(),
        log: false,
        reach: report.duration,
        warm_up: report.warm_up,
        x: points.iter().map(|point| point.second).collect(),
        series,
    }
}

fn latency(report: &RunReport, points: &[Point]) -> Chart {
    let series = vec![
        line("p50", "--p50", Style::Line, points, |point| point.p50),
        line("p95", "--p95", Style::Line, points, |point| point.p95),
        line("p99", "--p99", Style::Line, points, |point| point.p99),
        line("max", "--max", Style::Dashed, points, |point| point.max),
    ];
    let mut chart = over_time(report, "latency", "Latency", "seconds", points, series);
    chart.wide = true;
    let values = || chart.series.iter().flat_map(|line| line.values.iter().flatten().copied());
    let (least, most) = (values().reduce(f64::min), values().reduce(f64::max));
    let log = matches!((least, most), (Some(least), Some(most)) if most > LOG_FROM * least);
    chart.summary = match worst(points, |point| point.max) {
        None => "no calls ended".to_owned(),
        Some((at, max)) => format!(
            "{}; slowest second at {at:.0} s with a call of {}{}",
            quantiles(report),
            figures::duration(max),
            if log { "; logarithmic axis" } else { "" },
        ),
    };
    chart.log = log;
    chart
}

fn rate(report: &RunReport, points: &[Point]) -> Chart {
    let series = vec![
        line("calls", "--calls", Style::Area, points, |point| Some(point.rate)),
        line("failed", "--failed", Style::Area, points, |point| Some(point.failed)),
    ];
    let mut chart = over_time(report, "rate", "Calls and errors per second", "rate", points, series);
    let peak = worst(points, |point| Some(point.rate));
    let failed = worst(points, |point| Some(point.failed)).filter(|(_, failed)| *failed > 0.0);
    chart.summary = match (peak, failed) {
        (None, _) => "no seconds were recorded".to_owned(),
        (Some((at, most)), None) => format!("at most {} at {at:.0} s, no errors", figures::rate(most)),
        (Some((at, most)), Some((when, failed))) => format!(
            "at most {} at {at:.0} s; at most {} failed at {when:.0} s",
            figures::rate(most),
            figures::rate(failed)
        ),
    };
    chart
}

fn users(report: &RunReport, points: &[Point]) -> Chart {
    let series = vec![
        line("users", "--users", Style::Step, points, |point| Some(point.users)),
        line("in flight", "--in-flight", Style::Line, points, |point| Some(point.in_flight)),
    ];
    let mut chart = over_time(report, "users", "Users and calls in flight", "count", points, series);
    let in_flight = report.timeline.iter().map(|point| point.in_flight).max().unwrap_or(0);
    chart.summary = format!(
        "{}, at most {} in flight when they were counted, once a second",
        figures::peak_users(report),
        format_count(in_flight)
    );
    chart
}

fn percentiles(report: &RunReport) -> Chart {
    let nines = |quantile: f64| -(1.0 - quantile).log10();
    let curve = &report.percentile_curve;
    let values = curve.iter().map(|(_, latency)| Some(*latency)).collect();
    Chart {
        id: "chart-percentiles".to_owned(),
        title: "Latency by percentile".to_owned(),
        summary: format!("{}; {}", counted(report.total.calls, "call"), quantiles(report)),
        wide: true,
        axis: Axis::Nines,
        unit: "seconds".to_owned(),
        log: false,
        reach: 1.0,
        warm_up: 0.0,
        x: curve.iter().map(|(quantile, _)| nines(*quantile)).collect(),
        series: vec![Line { label: "latency".to_owned(), color: "--p95", style: Style::Area, values }],
    }
}

fn measured(report: &RunReport, place: usize, measure: &Saturation) -> Chart {
    let per_point = measure.points.len().div_ceil(MOST_POINTS).max(1);
    let points: Vec<(f64, f64)> = measure
        .points
        .chunks(per_point)
        .filter_map(|points| points.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)))
        .collect();
    let style = if measure.unit == "count" { Style::Step } else { Style::Area };
    let values = points.iter().map(|(_, value)| Some(*value)).collect();
    let series = vec![Line { label: measure.name.clone(), color: "--users", style, values }];
    let last = points.last().map_or(0.0, |(_, value)| *value);
    Chart {
        x: points.iter().map(|(at, _)| *at).collect(),
        summary: format!(
            "peak {}, last {}",
            figures::measure(&measure.unit, measure.peak),
            figures::measure(&measure.unit, last)
        ),
        ..over_time(report, &format!("saturation-{place}"), &measure.name, &measure.unit, &[], series)
    }
}

/// The latency of the steady phase in words.
fn quantiles(report: &RunReport) -> String {
    let total = &report.total;
    if total.p50.is_none() {
        return "no calls in the steady phase".to_owned();
    }
    let values = [("p50", total.p50), ("p95", total.p95), ("p99", total.p99), ("max", total.max)]
        .map(|(name, value)| format!("{name} {}", figures::latency(value)));
    format!("steady phase {}", values.join(", "))
}

/// When the largest value was, and which.
fn worst(points: &[Point], value: fn(&Point) -> Option<f64>) -> Option<(f64, f64)> {
    points
        .iter()
        .filter_map(|point| Some((point.second, value(point)?)))
        .reduce(|worst, next| if next.1 > worst.1 { next } else { worst })
}
