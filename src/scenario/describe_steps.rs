//! What users do, as text: transactions, their shares, their steps and their data.

use super::describe::{Page, whole};
use crate::model::{format_count, format_duration, format_ratio};
use crate::plan::{
    Answers, Condition, Conduct, Feeder, GeneratedArguments, Load, LoadModel, Operation, Plan, Role,
    RowOrder, Step, Test, Transaction,
};

pub(super) fn describe_transactions(page: &mut Page, plan: &Plan) {
    page.line(0, &row(["transaction, steps", "share", "iterations"]));
    for transaction in &plan.transactions {
        let share = plan.share(transaction);
        let iterations = iterations(&plan.load).map_or_else(
            || "?".to_owned(),
            |(sign, iterations)| format!("{sign} {}", format_count(whole(iterations * share))),
        );
        page.line(2, &row([&transaction.name, &format_ratio(share), &iterations]));
        for &step in &transaction.steps {
            describe_step(page, plan, transaction, plan.step(step));
        }
    }
    page.line(
        2,
        match &plan.load.model {
            LoadModel::Open(_) => "Iterations are those that will be due, by the mix on average.",
            LoadModel::Closed(_) => {
                "Iterations are an upper bound, from the think time alone: the longer answers take, the fewer there \
                 are."
            }
        },
    );
    let around: Vec<&str> =
        plan.steps.iter().filter(|step| step.role != Role::Load).map(|step| step.name.as_str()).collect();
    if !around.is_empty() {
        page.line(
            2,
            &format!("Around the load, as the target needs it, in no objective: {}.", around.join(", ")),
        );
    }
}

fn row(cells: [&str; 3]) -> String {
    format!("{:<44} {:>8} {:>16}", cells[0], cells[1], cells[2])
}

/// How many iterations there will be, and how sure that is; `None` when only the target can say.
fn iterations(load: &Load) -> Option<(&'static str, f64)> {
    match &load.model {
        LoadModel::Open(open) => Some(("~", open.expected())),
        LoadModel::Closed(closed) => {
            let think_time = closed.think_time.mean().as_secs_f64();
            // Each user begins with an iteration, and only then thinks.
            (think_time > 0.0)
                .then(|| ("<=", closed.user_seconds() / think_time + f64::from(closed.peak_users())))
        }
    }
}

fn describe_step(page: &mut Page, plan: &Plan, transaction: &Transaction, step: &Step) {
    let mut parts = Vec::new();
    let known = [&transaction.name, &step.method];
    if !known.contains(&&step.name) && step.tool.as_ref() != Some(&step.name) {
        parts.push(step.name.clone());
    }
    parts.push(match &step.tool {
        Some(tool) => format!("{} {tool}", step.method),
        None => step.method.clone(),
    });
    if let Operation::CallTool { generated: Some(generated), .. } = &step.operation {
        parts.push(self::generated(generated));
    }
    match step.checks.len() {
        0 => {}
        1 => parts.push("1 check".to_owned()),
        checks => parts.push(format!("{checks} checks")),
    }
    if !step.extract.is_empty() {
        let names: Vec<&str> = step.extract.iter().map(|extraction| extraction.name.as_str()).collect();
        parts.push(format!("takes {} out of the answer", names.join(", ")));
    }
    parts.extend(step.condition.iter().map(condition));
    if step.conduct.progress {
        parts.push("asks for progress".to_owned());
    }
    match step.conduct.pages {
        None => {}
        Some(Conduct::MOST_PAGES) => parts.push("all pages".to_owned()),
        Some(pages) => parts.push(format!("up to {} pages", format_count(u64::from(pages)))),
    }
    if let Some(pause) = step.conduct.pause {
        parts.push(format!("after a pause of {} on average", format_duration(pause.mean())));
    }
    if step.conduct.task.is_some() {
        parts.push("as a task".to_owned());
    }
    if let Some(after) = step.conduct.cancel_after {
        parts.push(format!("cancelled after {}", format_duration(after)));
    }
    let ends = if step.operation.is_listening() { "kept open for" } else { "given up after" };
    parts.push(format!("{ends} {}", format_duration(step.deadline)));
    if plan.total_weight() > 0 && transaction.weight == 0 {
        parts.push("switched off".to_owned());
    }
    page.line(6, &parts.join(", "));
}

/// What is made of the tool's input schema, which the target gives at first contact.
fn generated(generated: &GeneratedArguments) -> String {
    let GeneratedArguments { values, edges: _, nonce, given, origin: _ } = generated;
    let edges = match generated.edge_values() {
        0 => String::new(),
        edges => format!(" ({edges} at the edges)"),
    };
    let nonce = if *nonce { ", with a nonce where one fits" } else { "" };
    let names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
    let written =
        if names.is_empty() { String::new() } else { format!(", and {} as written", names.join(", ")) };
    format!(
        "arguments made at first contact, from the tool's input schema: {values} values{edges}{nonce}{written}"
    )
}

fn condition(Condition { value, test }: &Condition) -> String {
    let value = &value.source;
    match test {
        Test::Equals(text) => format!("if {value} is `{text}`"),
        Test::NotEquals(text) => format!("if {value} is not `{text}`"),
        Test::Matches(pattern) => format!("if {value} matches `{}`", pattern.0.as_str()),
    }
}

/// What users answer when the target asks them.
pub(super) fn answers(answers: &Answers) -> String {
    let all =
        [("sampling", &answers.sampling), ("roots", &answers.roots), ("elicitation", &answers.elicitation)];
    let told = all.into_iter().filter_map(|(what, answer)| {
        let after = answer.as_ref()?.after;
        Some(if after.is_zero() {
            format!("{what} at once")
        } else {
            format!("{what} after {}", format_duration(after))
        })
    });
    told.collect::<Vec<_>>().join(", ")
}

/// The data, where there is some.
pub(super) fn describe_feeders(page: &mut Page, plan: &Plan) {
    if !plan.feeders.is_empty() {
        page.line(0, "data, a row for each iteration that names one of its columns");
        plan.feeders.iter().for_each(|feeder| describe_feeder(page, feeder));
        page.blank();
    }
}

fn describe_feeder(page: &mut Page, feeder: &Feeder) {
    let order = match feeder.order {
        RowOrder::Sequential => "one after the other, then from the start",
        RowOrder::Random => "drawn for each iteration",
        RowOrder::PerUser => "one for each user",
    };
    let rows = format_count(feeder.count);
    page.line(2, &format!("{}: {rows} rows of {}, {order}", feeder.name, feeder.file));
}
