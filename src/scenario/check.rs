//! What the sections of a scenario mean together, and together with its objectives.

use std::collections::BTreeMap;

use url::Url;

use super::auth_file::WrittenAuth;
use super::data_file::WrittenFeeder;
use super::file::{ScenarioFile, WrittenTransaction};
use super::load_file::WrittenLoad;
use super::step_file::WrittenStep;
use super::target_file::{WrittenTarget, check_host};
use crate::input::{Place, Problem, Problems, quoted};
use crate::model::{counted, format_duration};
use crate::plan::{
    Auth, CarriageChoice, Processes, ProtocolChoice, RowOrder, SessionPolicy, Target, keeps_secrets,
};
use crate::slo::{Call, Called, RunLength, WrittenCriteria};

/// More steps than this would make reports that nobody reads.
const MOST_STEPS: usize = 1_000;

/// The names of the steps around the load, which no step of the load may have.
pub(crate) const AROUND: [&str; 11] = [
    "login",
    "oauth challenge",
    "oauth resource metadata",
    "oauth server metadata",
    "oauth token",
    "initialize",
    "notifications/initialized",
    "server/discover",
    "tools/list at first contact",
    "end session",
    "idle stream",
];

pub(super) fn check(file: &ScenarioFile, criteria: &WrittenCriteria, problems: &mut Problems) {
    if let Some(WrittenTarget { target: Target::Url(url), place, others, .. }) = &file.target {
        for (url, place) in
            std::iter::once((url, place)).chain(others.iter().map(|(url, place)| (url, place)))
        {
            check_host(url, place, &file.hosts, problems);
            check_secrecy(url, place, file.auth.as_ref(), problems);
        }
    }
    if let Some(WrittenAuth { elsewhere: Some((url, place)), .. }) = &file.auth {
        check_host(url, place, &file.hosts, problems);
    }
    for (url, place) in file.observe.iter().flat_map(|written| &written.elsewhere) {
        check_host(url, place, &file.hosts, problems);
    }
    let transactions = &file.transactions;
    check_transaction_names(transactions, problems);
    check_step_names(transactions, &file.transactions_place, problems);
    check_protocol(file, transactions, problems);
    check_rows(file, problems);
    check_stdio(file, problems);
    check_events(file, problems);
    // What a part that can't be read would have changed is not held against the rest.
    if !file.transactions_whole {
        return;
    }
    check_weights(transactions, &file.transactions_place, problems);
    check_conditions(transactions, problems);
    let called = called(file, transactions);
    called.check_all(criteria, problems);
    if let (Some(WrittenLoad { load, in_stages, .. }), Some(written)) = (&file.load, &file.observe) {
        let run = RunLength { load, in_stages: *in_stages, observe: &written.observe, calls: &called.calls };
        run.check(criteria, problems);
    }
}

/// Where the load asks for idle streams.
fn idle_place(file: &ScenarioFile) -> Option<&Place> {
    file.load.as_ref()?.idle.as_ref()
}

/// A token that is fetched for the target goes nowhere where others can read along.
fn check_secrecy(url: &Url, place: &Place, auth: Option<&WrittenAuth>, problems: &mut Problems) {
    let fetched = matches!(auth, Some(WrittenAuth { auth: Auth::OAuth(_), .. }));
    if fetched && !keeps_secrets(url) {
        problems.push(
            Problem::error(place, "the token that `oauth` fetches would be sent in the clear")
                .label("not `https`, and not this machine")
                .help("write `https://`"),
        );
    }
}

fn check_weights(transactions: &[WrittenTransaction], place: &Place, problems: &mut Problems) {
    if transactions.iter().all(|transaction| transaction.weight == 0) {
        problems.push(
            Problem::error(place, "the weights sum to 0, so users would do nothing")
                .help("give a transaction a `weight` above 0 (without one it is 1)"),
        );
    }
}

/// An iteration is due with its first call: one that is left out would be nothing that was planned.
fn check_conditions(transactions: &[WrittenTransaction], problems: &mut Problems) {
    for step in transactions.iter().filter_map(|transaction| transaction.steps.first()) {
        if let Some(place) = &step.condition_place {
            problems.push(
                Problem::error(place, "the first step of a transaction is always done")
                    .help("remove the condition, or write two transactions, each with its `weight`"),
            );
        }
    }
}

fn check_rows(file: &ScenarioFile, problems: &mut Problems) {
    let Some(users) = file.load.as_ref().map(|written| written.load.peak_users()) else { return };
    for WrittenFeeder { feeder, place } in &file.feeders {
        if feeder.order == RowOrder::PerUser && feeder.count < u64::from(users) {
            let (rows, users) = (counted(feeder.count, "row"), counted(users.into(), "user"));
            let message = format!("{rows} for up to {users}, with a row for each");
            problems.push(Problem::error(place, message).help("add rows, or write `order: sequential`"));
        }
    }
}

fn check_transaction_names(transactions: &[WrittenTransaction], problems: &mut Problems) {
    let mut first: BTreeMap<&str, &Place> = BTreeMap::new();
    for transaction in transactions {
        match first.get(transaction.name.as_str()) {
            Some(earlier) => problems.push(
                Problem::error(
                    &transaction.name_place,
                    format!("two transactions are called {}", quoted(&transaction.name)),
                )
                .label("again")
                .help(format!("the first is at {earlier}: give one of them another name")),
            ),
            None => {
                first.insert(&transaction.name, &transaction.name_place);
            }
        }
    }
}

fn check_step_names(transactions: &[WrittenTransaction], place: &Place, problems: &mut Problems) {
    let mut first: BTreeMap<&str, (&Place, &str)> = BTreeMap::new();
    let steps = || {
        transactions.iter().flat_map(|transaction| {
            transaction.steps.iter().map(move |step| (step, transaction.name.as_str()))
        })
    };
    if steps().count() > MOST_STEPS {
        problems.push(
            Problem::error(place, format!("there are more than {MOST_STEPS} steps"))
                .help("draw what differs inside a step: `random.choice(\"a\", \"b\")`"),
        );
    }
    for (step, transaction) in steps() {
        if AROUND.contains(&step.name.as_str()) {
            let message = format!("{} is the name of a step that gander makes itself", quoted(&step.name));
            problems.push(Problem::error(&step.name_place, message).help("give the step another `name`"));
        }
        match first.get(step.name.as_str()) {
            // Two transactions with one name are reported as such.
            Some((_, other)) if *other == transaction && step.name == transaction => {}
            Some((earlier, _)) => problems.push(
                Problem::error(&step.name_place, format!("two steps are called {}", quoted(&step.name)))
                    .label("again")
                    .help(format!("the first is at {earlier}: give this one a `name` of its own")),
            ),
            None => {
                first.insert(&step.name, (&step.name_place, transaction));
            }
        }
    }
}

fn check_protocol(file: &ScenarioFile, transactions: &[WrittenTransaction], problems: &mut Problems) {
    let Some(protocol) = &file.protocol else { return };
    let rest = *protocol == ProtocolChoice::Rest;
    let steps = transactions.iter().flat_map(|transaction| transaction.steps.iter().enumerate());
    for (is_first, step) in steps.map(|(at, step)| (at == 0, step)) {
        if rest && step.is_mcp() {
            problems.push(
                Problem::error(&step.kind, format!("{} is a call of MCP", quoted(step.kind.text())))
                    .label("not possible with `protocol: rest`")
                    .help("write `get` or `post`, or another `protocol`"),
            );
        }
        if let Some(place) = step.conduct_place.as_ref().filter(|_| !step.is_mcp()) {
            problems.push(
                Problem::error(place, "this is possible with calls of MCP alone")
                    .help("remove it, or call MCP"),
            );
        }
        if let Some(place) = step.pause_place.as_ref().filter(|_| is_first) {
            problems.push(
                Problem::error(place, "the first step of a transaction begins when the iteration does")
                    .help("write `think_time` under `load` for pauses between iterations, or remove this"),
            );
        }
        if let Some(place) = &step.conduct_place
            && step.conduct.task.is_some()
            && step.is_mcp()
            && !step.operation.is_tool_call()
        {
            problems.push(
                Problem::error(place, "only a tool runs as a task").help("remove `task`, or use `call_tool`"),
            );
        }
        let beside = step.timeout.is_some() || step.conduct_place.is_some() || !step.checks.is_empty();
        if step.operation.is_listening() && (beside || !step.extract.is_empty()) {
            problems.push(Problem::error(&step.kind, "a stream is kept open, and gives no answer").help(
                "remove `timeout`, `progress`, `cancel_after`, `task`, `checks` and `extract` beside it",
            ));
        }
        let deadline = step.timeout.or(file.timeout);
        if let (Some(place), Some(after), Some(deadline)) =
            (&step.conduct_place, step.conduct.cancel_after, deadline)
            && after >= deadline
        {
            problems.push(
                Problem::error(place, "the call is given up before it would be cancelled")
                    .help(format!("write less than its `timeout`, which is {}", format_duration(deadline))),
            );
        }
        if let Some(place) = step.status_check.as_ref().filter(|_| step.is_mcp()) {
            problems.push(
                Problem::error(place, "a call of MCP is not judged by its HTTP status")
                    .help("check the result: `contains`, `not_contains` or `json`"),
            );
        }
    }
    let mcp = transactions.iter().flat_map(|transaction| &transaction.steps).any(WrittenStep::is_mcp);
    // What could not be read may call it.
    let mcp = mcp || !file.transactions_whole;
    if let Some(place) = idle_place(file).filter(|_| !mcp) {
        problems.push(
            Problem::error(place, "no step calls MCP, so there are no streams to hold open")
                .help("remove `idle_streams`"),
        );
    }
    if let Some(place) = file.answers_place.as_ref().filter(|_| !mcp) {
        problems.push(
            Problem::warning(place, "no step calls MCP, so nobody asks for these answers")
                .help("remove `answers`"),
        );
    }
    if let Some(place) = file.protocol_place.as_ref().filter(|_| !mcp && !rest) {
        problems.push(
            Problem::warning(place, "no step calls MCP, so this protocol is not spoken").help("write `rest`"),
        );
    }
}

/// A process is spoken to by lines of MCP: there are no URLs, and nobody is told who calls.
fn check_stdio(file: &ScenarioFile, problems: &mut Problems) {
    let Some(WrittenTarget { target: Target::Stdio(target), .. }) = &file.target else { return };
    for step in file.transactions.iter().flat_map(|transaction| &transaction.steps) {
        if !step.is_mcp() {
            problems.push(
                Problem::error(&step.kind, format!("{} is a call over HTTP", quoted(step.kind.text())))
                    .label("not possible with `stdio`")
                    .help("call MCP, or give the target a `url`"),
            );
        }
    }
    for place in file.observe.iter().flat_map(|written| &written.own) {
        problems.push(
            Problem::error(place, "a process that is spoken to over `stdio` has no URLs of its own")
                .help("write the whole URL, with `http://` and the host"),
        );
    }
    if let Some(place) = &file.auth_place
        && file.auth.as_ref().is_some_and(|written| written.auth != Auth::None)
    {
        problems.push(
            Problem::error(place, "over `stdio` a server is not told who calls")
                .help("remove `auth`; what the process must know can stand under `env` of the target"),
        );
    }
    if let Some(place) = &file.session_place
        && matches!(file.session, Some((SessionPolicy::PerIteration, _)))
        && target.processes == Processes::Shared
    {
        problems.push(
            Problem::error(place, "a process that all users share has one session")
                .help("remove `session`, or `processes: shared`"),
        );
    }
    if let Some(place) = idle_place(file).filter(|_| target.processes == Processes::Shared) {
        problems.push(
            Problem::error(place, "a process that all users share has one stream")
                .help("remove `idle_streams`, or `processes: shared`"),
        );
    }
}

/// HTTP+SSE is older than the modern era.
fn check_events(file: &ScenarioFile, problems: &mut Problems) {
    let events =
        file.target.as_ref().is_some_and(|written| written.transport.carriage == CarriageChoice::Sse);
    let modern = matches!(&file.protocol, Some(ProtocolChoice::Revision(revision))
        if Some(revision.as_str()) == ProtocolChoice::REVISIONS.last().copied());
    if let Some(place) = file.protocol_place.as_ref().filter(|_| events && modern) {
        problems.push(
            Problem::error(place, "this revision does not know `transport: sse`")
                .help("write an older revision or `auto`, or another `transport`"),
        );
    }
}

/// What the load calls, as far as it is switched on.
fn called<'f>(file: &'f ScenarioFile, transactions: &'f [WrittenTransaction]) -> Called<'f> {
    let switched_on = || transactions.iter().filter(|transaction| transaction.weight > 0);
    let weights: f64 = switched_on().map(|transaction| f64::from(transaction.weight)).sum();
    let steps = switched_on().flat_map(|transaction| {
        let share = f64::from(transaction.weight) / weights;
        transaction.steps.iter().map(move |step| (step, share))
    });
    let call = |(step, share): (&'f WrittenStep, f64)| Call {
        tool: step.tool.as_deref(),
        method: &step.method,
        step: &step.name,
        share,
    };
    Called {
        who: "the scenario",
        calls: steps.map(call).collect(),
        scraped: file.observe.as_ref().is_none_or(|written| written.observe.has_metrics()),
        open: file.load.as_ref().is_none_or(|written| written.load.open().is_some()),
        load: file.load.as_ref().map(|written| &written.load),
    }
}
