//! The plan as text: what `gander validate` prints. Plain, at most 100 columns, no network, no clock.
//!
//! It reads the plan and the objectives and knows neither files nor measured numbers.

use std::time::Duration;

use crate::model::{clean_char, format_count, format_duration, format_ratio};
use crate::plan::{
    Auth, Load, Plan, ProtocolChoice, Role, SessionPolicy, Step, Target, ThinkTime, Transaction,
};
use crate::slo::{Divisor, Indicator, Objective, Reading, Selector};

/// The longest line.
const WIDTH: usize = 100;
/// How many moments of the load the chart shows.
const CHART: u32 = 60;
/// The column at which values begin.
const VALUES: usize = 14;

/// What the run would do. Without a network nobody knows how long answers take, so numbers of calls are upper
/// bounds, and say so.
pub fn describe(plan: &Plan, objectives: &[Objective]) -> String {
    let mut page = Page::default();
    page.line(0, &plan.name);
    page.line(0, &plan.description);
    page.blank();
    describe_target(&mut page, plan);
    page.blank();
    describe_load(&mut page, &plan.load);
    page.blank();
    describe_transactions(&mut page, plan);
    page.blank();
    describe_objectives(&mut page, objectives);
    page.blank();
    describe_watch(&mut page, plan);
    page.text
}

fn describe_target(page: &mut Page, plan: &Plan) {
    let target = match &plan.target {
        Target::Demo(demo) if demo.arguments.is_empty() => {
            format!("the built-in demo server at {}", demo.path)
        }
        Target::Demo(demo) => {
            format!("the built-in demo server at {}, with {}", demo.path, demo.arguments.join(" "))
        }
        Target::Url(url) => url.to_string(),
    };
    page.value("target", &target);
    if !plan.hosts.allowed.is_empty() {
        page.value("load may go", &format!("to this machine and to {}", plan.hosts.allowed.join(", ")));
    }
    let protocol = match &plan.protocol {
        ProtocolChoice::Auto => "MCP, the newest revision that both sides speak".to_owned(),
        ProtocolChoice::Revision(revision) => format!("MCP {revision} and no other"),
        ProtocolChoice::Rest => "plain HTTP".to_owned(),
    };
    page.value("protocol", &protocol);
    let auth = match &plan.auth {
        Auth::None => "none".to_owned(),
        Auth::Bearer(_) => "the same bearer token for every user".to_owned(),
        Auth::Headers(headers) => {
            format!(
                "the same headers for every user: {}",
                headers.keys().cloned().collect::<Vec<_>>().join(", ")
            )
        }
        Auth::Login { path, username, .. } => format!("each user logs in once as {username} at {path}"),
    };
    page.value("credentials", &auth);
    if plan.protocol != ProtocolChoice::Rest {
        let session = match plan.session {
            SessionPolicy::PerUser => "one a user, for the whole run",
            SessionPolicy::PerIteration => "a new one for each iteration",
        };
        page.value("sessions", session);
    }
    page.value("seed", &plan.seed.to_string());
}

fn describe_load(page: &mut Page, load: &Load) {
    let users = format_count(load.peak_users().into());
    page.value("load", &format!("{} with at most {users} users", format_duration(load.duration())));
    if !load.warm_up.is_zero() {
        let judged = load.duration().saturating_sub(load.warm_up);
        page.value(
            "warm-up",
            &format!(
                "the first {} are not judged, {} are",
                format_duration(load.warm_up),
                format_duration(judged)
            ),
        );
    }
    let think_time = match &load.think_time {
        ThinkTime::Constant(pause) if pause.is_zero() => {
            "none: users call as fast as answers come".to_owned()
        }
        ThinkTime::Constant(pause) => format!("{} after each iteration", format_duration(*pause)),
        ThinkTime::Uniform { min, max } => {
            format!("{} to {} after each iteration", format_duration(*min), format_duration(*max))
        }
    };
    page.value("think time", &think_time);
    page.value("users", &chart(load));
    let mut before = 0;
    let mut began = Duration::ZERO;
    for stage in &load.stages {
        let ends = began + stage.duration;
        let when = format!("{} to {}", format_duration(began), format_duration(ends));
        let users = format_count(stage.users.into());
        let what = if before == stage.users {
            format!("{users} users")
        } else {
            format!("from {} to {users} users", format_count(before.into()))
        };
        page.value("", &format!("{when:<22} {what}"));
        before = stage.users;
        began = ends;
    }
}

/// The number of users over time, one character a moment.
fn chart(load: &Load) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let peak = load.peak_users().max(1);
    (0..CHART)
        .map(|moment| load.users_at(load.duration().mul_f64((f64::from(moment) + 0.5) / f64::from(CHART))))
        .map(|users| if users == 0 { ' ' } else { BARS[users as usize * (BARS.len() - 1) / peak as usize] })
        .collect()
}

fn describe_transactions(page: &mut Page, plan: &Plan) {
    let think_time = plan.load.think_time.mean();
    page.line(0, &row(["transaction, steps", "share", "iterations"]));
    for transaction in &plan.transactions {
        let share = plan.share(transaction);
        let iterations = if think_time.is_zero() {
            "?".to_owned()
        } else {
            // Each user begins with an iteration, and only then thinks.
            let most =
                plan.load.user_seconds() / think_time.as_secs_f64() + f64::from(plan.load.peak_users());
            format!("<= {}", format_count(whole(most * share)))
        };
        page.line(2, &row([&transaction.name, &format_ratio(share), &iterations]));
        for &step in &transaction.steps {
            describe_step(page, plan, transaction, plan.step(step));
        }
    }
    page.line(
        2,
        "Iterations are an upper bound, from the think time alone: the longer answers take, the fewer there are.",
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
    match step.checks.len() {
        0 => {}
        1 => parts.push("1 check".to_owned()),
        checks => parts.push(format!("{checks} checks")),
    }
    parts.push(format!("given up after {}", format_duration(step.deadline)));
    if plan.total_weight() > 0 && transaction.weight == 0 {
        parts.push("switched off".to_owned());
    }
    page.line(6, &parts.join(", "));
}

fn describe_objectives(page: &mut Page, objectives: &[Objective]) {
    if objectives.is_empty() {
        page.line(0, "no objectives: nothing is judged");
        return;
    }
    page.line(0, &format!("objectives ({})", objectives.len()));
    for objective in objectives {
        let scope = match objective.indicator {
            Indicator::Metric(_) => String::new(),
            Indicator::Latency { .. } | Indicator::ErrorRatio { .. } | Indicator::Throughput { .. } => {
                format!(", {}", objective.scope)
            }
        };
        page.line(2, &format!("{} ({})", objective.name, objective.origin));
        page.line(6, &format!("{}{scope}", limit(&objective.indicator)));
    }
}

fn limit(indicator: &Indicator) -> String {
    match indicator {
        Indicator::Latency { share, within } => {
            let percent = (share * 1e8).round() / 1e6;
            format!("p{percent} latency at most {}", format_duration(*within))
        }
        Indicator::ErrorRatio { at_most } => format!("at most {} of the calls fail", format_ratio(*at_most)),
        Indicator::Throughput { at_least } => format!("at least {at_least} successful calls a second"),
        Indicator::Metric(metric) => {
            let divisor = match &metric.divided_by {
                None => String::new(),
                Some(Divisor::Number(number)) => format!(" / {}", metric.divisor_unit.show_exact(*number)),
                Some(Divisor::Metric(selector)) => format!(" / {}", series(selector)),
            };
            let over_run = match metric.over_run {
                crate::slo::Aggregation::Min => "smallest",
                crate::slo::Aggregation::Max => "largest",
                crate::slo::Aggregation::Avg => "mean",
            };
            let bound = match metric.bound {
                crate::slo::Bound::AtMost(limit) => format!("at most {}", metric.unit.show_exact(limit)),
                crate::slo::Bound::AtLeast(limit) => format!("at least {}", metric.unit.show_exact(limit)),
            };
            format!("{over_run} value of {}{divisor} {bound}", series(&metric.value))
        }
    }
}

fn series(selector: &Selector) -> String {
    let labels = if selector.labels.is_empty() { String::new() } else { selector.labels.to_string() };
    match selector.read {
        Reading::Gauge => format!("{}{labels}", selector.metric),
        Reading::Rate => format!("{}{labels} per second", selector.metric),
    }
}

fn describe_watch(page: &mut Page, plan: &Plan) {
    let observe = &plan.observe;
    if let Some(metrics) = &observe.metrics {
        page.value("metrics", &format!("{metrics} every {}", format_duration(observe.metrics_interval)));
    }
    let health: Vec<&str> =
        [&observe.health, &observe.ready, &observe.live].into_iter().flatten().map(String::as_str).collect();
    if !health.is_empty() {
        let every = format_duration(observe.health_interval);
        page.value("health", &format!("{} every {every}", health.join(", ")));
    }
    match (&plan.target, observe.pid) {
        (_, Some(pid)) => page.value("process", &pid.to_string()),
        (Target::Demo(_), None) => page.value("process", "the demo server's own"),
        (Target::Url(_), None) => {}
    }
    let formats = plan.outputs.formats.join(", ");
    page.value("written to", &format!("a directory in {} ({formats})", plan.outputs.directory.display()));
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is finite and not negative, and the cast saturates"
)]
fn whole(value: f64) -> u64 {
    value.ceil() as u64
}

/// Text of bounded width: long lines are broken between words, what a terminal might act on is replaced.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn value(&mut self, name: &str, value: &str) {
        self.wrapped(&format!("{name:<VALUES$}{value}"), 0, VALUES);
    }

    fn line(&mut self, indent: usize, text: &str) {
        self.wrapped(text, indent, indent + 2);
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn wrapped(&mut self, text: &str, indent: usize, next_indent: usize) {
        let clean: Vec<char> = text.trim_end().chars().map(clean_char).collect();
        let mut rest = clean.as_slice();
        let mut indent = indent;
        while !rest.is_empty() {
            let room = WIDTH - indent;
            let end = if rest.len() <= room {
                rest.len()
            } else {
                // A blank that leaves nothing before it would never end.
                let blank = rest[..=room].iter().rposition(|&c| c == ' ').filter(|&at| at > VALUES);
                blank.unwrap_or(room)
            };
            let line: String = rest[..end].iter().collect();
            self.text.push_str(&" ".repeat(indent));
            self.text.push_str(line.trim_end());
            self.text.push('\n');
            let skipped = rest[end..].iter().take_while(|&&c| c == ' ').count();
            rest = &rest[end + skipped..];
            indent = next_indent;
        }
    }
}
