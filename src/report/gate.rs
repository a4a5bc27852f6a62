//! The gate between a report and its formats: no text of it can reorder, hide or command.
//!
//! Every format is rendered from a report that passed here, so that none can forget; each still escapes what is special
//! to itself (markup, table bars).

use super::own_prometheus::PrometheusReport;
use super::{
    Environment, ErrorRow, Finding, HealthSpan, Manifest, OutcomeCount, OutputRow, RunReport, Saturation,
    StepRow, StreamRow, StreamTime, TelemetryCheck,
};
use crate::model::{Labels, NotificationCount, TargetInfo, printable_text};
use crate::slo::{AlertHistory, AlertProjection, AlertRow, AlertSpan, HeldBackRow, PageRow, TheirAlertRow};
use crate::verify::{Cost, CostPart, CostRow, Evidence};

/// `report` with every text made printable.
pub(super) fn gated(report: &RunReport) -> RunReport {
    let mut gated = report.clone();
    let RunReport {
        run,
        scenario,
        description,
        target,
        environment,
        state,
        because,
        objectives,
        alerts,
        prometheus,
        telemetry,
        cost,
        notes,
        total,
        steps,
        warm_up_total,
        around,
        outcomes,
        errors,
        health,
        saturation,
        messages,
        streams,
        version: _,
        verdict: _,
        duration: _,
        warm_up: _,
        planned: _,
        recorded: _,
        timeline: _,
        percentile_curve: _,
        strays: _,
        cross_talk: _,
        lost_sessions: _,
        idle_streams: _,
        output_schemas,
        scrapes: _,
        scrapes_failed: _,
        session_growth: _,
        // These are our own words.
        clocks: _,
        generator: _,
    } = &mut gated;
    all([scenario, description, state, because]);
    all(notes);
    origin_texts(run, environment);
    target.iter_mut().for_each(target_texts);
    objectives.iter_mut().for_each(objective_texts);
    alerts.iter_mut().for_each(alert_texts);
    prometheus.iter_mut().for_each(prometheus_texts);
    telemetry.iter_mut().for_each(telemetry_texts);
    cost.iter_mut().for_each(cost_texts);
    for row in steps.iter_mut().chain(around).chain([total, warm_up_total]) {
        let StepRow { name, method, tool, .. } = row;
        all([name, method].into_iter().chain(tool));
    }
    for OutcomeCount { outcome, .. } in outcomes {
        all([outcome]);
    }
    for ErrorRow { step, reason, phase: _, class: _, calls: _ } in errors {
        all(std::iter::once(step).chain(reason));
    }
    for OutputRow { step, example, checked: _, unchecked: _, violations: _ } in output_schemas {
        all(std::iter::once(step).chain(example));
    }
    for HealthSpan { endpoint, detail, .. } in health {
        all([endpoint, detail]);
    }
    for NotificationCount { method, count: _ } in &mut messages.notifications {
        all([method]);
    }
    for StreamRow { step, times, calls: _, progress: _ } in streams {
        all(std::iter::once(step).chain(times.iter_mut().map(|StreamTime { what, .. }| what)));
    }
    for Saturation { name, unit, .. } in saturation {
        all([name, unit]);
    }
    gated
}

/// Those on what was run, and where.
fn origin_texts(run: &mut Manifest, environment: &mut Environment) {
    let Manifest { run_id, gander, started_at, scenario_file, version: _ } = run;
    all([run_id, gander, started_at, scenario_file]);
    let Environment { os, cpu, profile, cores: _, memory_bytes: _ } = environment;
    all([os, cpu, profile]);
}

/// A text from outside the report, made printable.
pub(super) fn text(text: &str) -> String {
    printable_text(text)
}

fn target_texts(target: &mut TargetInfo) {
    let TargetInfo { url, revision, server, tools, transport: _, era: _, started_by_gander: _, pid: _ } =
        target;
    all([url, revision].into_iter().chain(server).chain(tools.iter_mut().flatten()));
}

fn objective_texts(objective: &mut Finding) {
    let Finding {
        name,
        scope,
        indicator,
        value,
        limit,
        because,
        origin,
        verdict: _,
        value_number: _,
        samples: _,
        bad: _,
        within_limit: _,
        // Numbers alone.
        budget: _,
    } = objective;
    all([name, scope, indicator, value, limit, because, origin]);
}

fn alert_texts(history: &mut AlertHistory) {
    let AlertHistory { rules, broken, pages, held_back, time_scale: _, span: _, unknown_from: _ } = history;
    all(broken.iter_mut().flat_map(|(rule, why)| [rule, why]));
    for row in rules {
        let AlertRow {
            alert,
            group,
            origin,
            expr,
            severity,
            because,
            spans,
            receivers,
            projected,
            hold: _,
            reading: _,
            out_of_reach: _,
            needs: _,
            coverage: _,
        } = row;
        let guess = projected.iter_mut().map(|AlertProjection { because, reading: _ }| because);
        all([alert, group, origin, expr, severity, because].into_iter().chain(receivers).chain(guess));
        for span in spans {
            let AlertSpan { labels, value, annotations, active_at: _, fired_at: _, ended_at: _ } = span;
            *labels = printable(labels);
            all(std::iter::once(value).chain(annotations.values_mut()));
            let texts = std::mem::take(annotations).into_iter();
            *annotations = texts.map(|(name, text)| (printable_text(&name), text)).collect();
        }
    }
    for PageRow { receiver, kinds, why, group, firing, resolved, at: _ } in pages.iter_mut().flatten() {
        all([receiver, why].into_iter().chain(kinds));
        std::iter::once(group).chain(firing).chain(resolved).for_each(|labels| *labels = printable(labels));
    }
    for HeldBackRow { receiver, labels, because, at: _ } in held_back {
        all([receiver, because]);
        *labels = printable(labels);
    }
}

fn telemetry_texts(check: &mut TelemetryCheck) {
    let TelemetryCheck { finding, wrong: _, on_time: _, evidence } = check;
    objective_texts(finding);
    let Evidence { columns, rows, more: _ } = evidence;
    all(columns.iter_mut().chain(rows.iter_mut().flatten()));
}

fn cost_texts(cost: &mut Cost) {
    let Cost { currency, parts, rows, calls: _, seconds: _, total: _, per_thousand_calls: _, per_hour: _ } =
        cost;
    all([currency]);
    for CostPart { name, basis, amount: _ } in parts {
        all([name, basis]);
    }
    for CostRow { name, calls: _, amount: _, per_thousand_calls: _ } in rows {
        all([name]);
    }
}

fn prometheus_texts(report: &mut PrometheusReport) {
    let PrometheusReport {
        url,
        select,
        version,
        because,
        without_series,
        alerts,
        scrape_interval: _,
        series: _,
        samples: _,
        history: _,
        unknown_from: _,
    } = report;
    all([url, because].into_iter().chain(select).chain(version).chain(without_series));
    for TheirAlertRow { alert, origin, because, .. } in alerts {
        all([alert, origin, because]);
    }
}

fn printable(labels: &Labels) -> Labels {
    labels.iter().map(|(name, value)| (printable_text(name), printable_text(value))).collect()
}

fn all<'a>(texts: impl IntoIterator<Item = &'a mut String>) {
    for text in texts {
        *text = printable_text(text);
    }
}
