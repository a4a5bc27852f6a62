//! The scenario file as written: its sections, each read field by field. What they mean together is `check`'s.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::auth_file::WrittenAuth;
use super::data_file::{self, WrittenFeeder};
use super::load_file::WrittenLoad;
use super::observe_file::WrittenObserve;
use super::step_file::WrittenStep;
use super::target_file::WrittenTarget;
use super::variables::VariableBook;
use super::{
    Sources, VERSION, answers_file, auth_file, grafana_file, load_file, observe_file, operation_file,
    step_file, target_file,
};
use crate::input::{Field, Fields, Node, Place, Problem, Problems, Value};
use crate::model::clean_text;
use crate::plan::{
    Answers, Auth, Environment, HostRule, OnViolation, OutputSchema, Outputs, ProtocolChoice, SessionEnd,
    SessionPolicy, UnlistedTools,
};

/// After this long a call is given up, where the file does not say. The end of a session has a limit of its own beside it.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// Where run directories go, where the file does not say.
const DEFAULT_DIRECTORY: &str = "runs";
/// What is written, where the file does not say.
const DEFAULT_FORMATS: [&str; 5] = ["html", "junit", "markdown", "json", "hgrm"];

/// The file, section by section. A section with a mistake is `None`; the problem is noted.
#[derive(Debug)]
pub(super) struct ScenarioFile {
    pub place: Place,
    pub name: Option<String>,
    pub description: Option<String>,
    pub seed: Option<u64>,
    pub target: Option<WrittenTarget>,
    pub protocol: Option<ProtocolChoice>,
    /// Where the protocol is chosen, when it is.
    pub protocol_place: Option<Place>,
    pub auth: Option<WrittenAuth>,
    /// Where it is said who calls, when it is.
    pub auth_place: Option<Place>,
    /// How long a session lives, and how it ends.
    pub session: Option<(SessionPolicy, SessionEnd)>,
    /// Where it is said how long sessions live, when it is.
    pub session_place: Option<Place>,
    pub unlisted_tools: Option<UnlistedTools>,
    /// What users answer when the target asks them.
    pub answers: Option<Answers>,
    /// Where the answers stand, when there are some.
    pub answers_place: Option<Place>,
    pub hosts: HostRule,
    pub timeout: Option<Duration>,
    pub load: Option<WrittenLoad>,
    pub feeders: Vec<WrittenFeeder>,
    /// The names of all variables, by their slots.
    pub variables: Vec<String>,
    /// Those that can be read, with the steps of them that can be.
    pub transactions: Vec<WrittenTransaction>,
    /// True when that is all of them.
    pub transactions_whole: bool,
    pub transactions_place: Place,
    pub observe: Option<WrittenObserve>,
    pub slo: Vec<SloReference>,
    pub output_schema: Option<OutputSchema>,
    pub outputs: Option<Outputs>,
}

/// What tells files of other kinds, what they are, and who takes them.
const OTHER_KINDS: [(&str, &str, &str); 4] = [
    ("objectives", "an SLO file", "name it under `slo:` of a scenario, or run a scenario with `--slo FILE`"),
    (
        "groups",
        "a Prometheus rule file",
        "check it with `gander rules check FILE`, and name it under `alerts: {rules: [FILE]}` of an SLO file",
    ),
    ("rule_files", "a file of unit tests of rules", "run it with `gander rules test FILE`"),
    (
        "receivers",
        "an Alertmanager's configuration",
        "name it under `alerts: {alertmanager: FILE}` of an SLO file, or ask `gander alerts route --config FILE`",
    ),
];

/// That it is no scenario, where it is a file of another kind that is known.
fn other_kind(fields: &Fields<'_>) -> Option<Problem> {
    OTHER_KINDS.iter().find_map(|(field, kind, help)| {
        let problem =
            Problem::error(fields.place_of_any(&[*field])?, format!("this is {kind}, not a scenario"));
        Some(problem.label("scenarios have `transactions` instead").help(*help))
    })
}

/// A sequence of steps.
#[derive(Debug)]
pub(super) struct WrittenTransaction {
    pub name: String,
    pub name_place: Place,
    pub weight: u32,
    pub steps: Vec<WrittenStep>,
}

/// The name of an SLO file.
#[derive(Debug)]
pub(super) struct SloReference {
    pub path: PathBuf,
    pub place: Place,
}

fn read_version(fields: &mut Fields<'_>, problems: &mut Problems) {
    if let Some(version) = fields.required("version", problems) {
        version.version(VERSION, problems);
    }
}

/// The sections of `root`; `path` is where it came from, for the files that it names.
pub(super) fn read(
    root: &Node,
    path: &Path,
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> Option<ScenarioFile> {
    let env = sources.env;
    let mut fields = Fields::of(root, "a scenario", problems)?;
    if let Some(problem) = other_kind(&fields).filter(|_| !fields.has("transactions")) {
        problems.push(problem);
        return None;
    }
    read_version(&mut fields, problems);
    let name = fields.required("name", problems).and_then(|field| field.name(problems)).map(str::to_owned);
    let description = read_description(fields.optional("description"), problems);
    let seed = fields.optional("seed").map_or(Some(1), |field| field.whole(&(0..=u64::MAX), problems));
    let target = fields
        .required("target", problems)
        .and_then(|field| target_file::read(field, path, sources, problems));
    let protocol_field = fields.optional("protocol");
    let protocol = protocol_field.map_or(Some(ProtocolChoice::Auto), |field| read_protocol(field, problems));
    let auth_field = fields.optional("auth");
    let auth = auth_field
        .map_or(Some(WrittenAuth::of(Auth::None)), |field| auth_file::read(field, path, sources, problems));
    let session_field = fields.optional("session");
    let session = read_session(session_field, problems);
    let unlisted_tools = read_unlisted(fields.optional("unlisted_tools"), problems);
    let answers_field = fields.optional("answers");
    let answers = read_answers(answers_field, env, problems);
    let allowed = fields.optional("allow_hosts").map_or_else(Vec::new, |field| read_texts(field, problems));
    let hosts = HostRule { allowed };
    let timeout =
        fields.optional("timeout").map_or(Some(DEFAULT_TIMEOUT), |field| field.some_duration(problems));
    let load = fields.required("load", problems).and_then(|field| load_file::read(field, problems));
    let mut book = VariableBook::new(env);
    let (feeders, feeders_whole) = match fields.optional("data") {
        None => (Vec::new(), true),
        Some(field) => data_file::read(field, path, sources, &mut book, problems),
    };
    let transactions_field = fields.required("transactions", problems);
    let (transactions, transactions_whole) = match transactions_field {
        // Each name of a column that could not be read would be a mistake.
        Some(_) if !feeders_whole => (Vec::new(), false),
        Some(field) => read_transactions(field, &mut book, problems),
        None => (Vec::new(), false),
    };
    let used =
        transactions.iter().flat_map(|transaction| &transaction.steps).flat_map(WrittenStep::uses).collect();
    let variables = if transactions_whole { book.finish(&used, problems) } else { Vec::new() };
    let observe = observe_file::read(fields.optional("observe"), env, problems);
    let slo = fields.optional("slo").map_or_else(Vec::new, |field| read_slo(field, problems));
    let output_schema = read_output_schema(fields.optional("output_schema"), problems);
    let outputs = read_outputs(fields.optional("outputs"), sources, &hosts, problems);
    fields.finish(problems);
    Some(ScenarioFile {
        place: root.place.clone(),
        name,
        description,
        seed,
        target,
        protocol,
        protocol_place: protocol_field.map(|field| field.node.place.clone()),
        auth,
        auth_place: auth_field.map(|field| field.node.place.clone()),
        session,
        session_place: session_field.map(|field| field.node.place.clone()),
        unlisted_tools,
        answers,
        answers_place: answers_field.map(|field| field.node.place.clone()),
        hosts,
        timeout,
        load,
        feeders,
        variables,
        transactions,
        transactions_whole,
        transactions_place: transactions_field.map_or(&root.place, |field| &field.node.place).clone(),
        observe,
        slo,
        output_schema,
        outputs,
    })
}

fn read_answers(field: Option<Field<'_>>, env: Environment<'_>, problems: &mut Problems) -> Option<Answers> {
    field.map_or_else(|| Some(Answers::default()), |field| answers_file::read(field, env, problems))
}

fn read_description(field: Option<Field<'_>>, problems: &mut Problems) -> Option<String> {
    let text = field.map_or(Some(""), |field| field.text(problems))?;
    Some(clean_text(text.trim()))
}

fn read_protocol(field: Field<'_>, problems: &mut Problems) -> Option<ProtocolChoice> {
    let mut words = vec![("auto", "auto"), ("rest", "rest")];
    words.extend(ProtocolChoice::REVISIONS.map(|revision| (revision, revision)));
    field.word(&words, problems).map(|word| match word {
        "auto" => ProtocolChoice::Auto,
        "rest" => ProtocolChoice::Rest,
        revision => ProtocolChoice::Revision(revision.to_owned()),
    })
}

/// `POLICY`, or `{policy: POLICY, end: END}`.
fn read_session(field: Option<Field<'_>>, problems: &mut Problems) -> Option<(SessionPolicy, SessionEnd)> {
    let Some(field) = field else { return Some((SessionPolicy::PerUser, SessionEnd::Delete)) };
    let policies = [("per_user", SessionPolicy::PerUser), ("per_iteration", SessionPolicy::PerIteration)];
    let Value::Map(_) = &field.node.value else {
        return Some((field.word(&policies, problems)?, SessionEnd::Delete));
    };
    let mut fields = Fields::of(field.node, "`session`", problems)?;
    let policy = fields.required("policy", problems).and_then(|field| field.word(&policies, problems));
    let ends = [("delete", SessionEnd::Delete), ("abandon", SessionEnd::Abandon)];
    let end = fields.optional("end").map_or(Some(SessionEnd::Delete), |field| field.word(&ends, problems));
    fields.finish(problems);
    Some((policy?, end?))
}

fn read_unlisted(field: Option<Field<'_>>, problems: &mut Problems) -> Option<UnlistedTools> {
    let words = [("call", UnlistedTools::Call), ("skip", UnlistedTools::Skip)];
    field.map_or(Some(UnlistedTools::Call), |field| field.word(&words, problems))
}

/// Which answers are held against the output schemas of their tools.
fn read_output_schema(field: Option<Field<'_>>, problems: &mut Problems) -> Option<OutputSchema> {
    let Some(field) = field else { return Some(OutputSchema::default()) };
    let mut fields = Fields::of(field.node, "`output_schema`", problems)?;
    let OutputSchema { sample, on_violation } = OutputSchema::default();
    let sample = fields.optional("sample").map_or(Some(sample), |field| {
        let share = field.share(problems)?;
        if share > 1.0 {
            field.wrong("there are no more answers than all", "write `100%` for all of them", problems);
        }
        Some(share)
    });
    let words = [OnViolation::Warn, OnViolation::Fail].map(|meaning| (meaning.name(), meaning));
    let on_violation =
        fields.optional("on_violation").map_or(Some(on_violation), |field| field.word(&words, problems));
    fields.finish(problems);
    Some(OutputSchema { sample: sample?, on_violation: on_violation? })
}

fn read_texts(field: Field<'_>, problems: &mut Problems) -> Vec<String> {
    let items: Vec<Field<'_>> = field.items(problems).collect();
    items.into_iter().filter_map(|item| item.text(problems)).map(str::to_owned).collect()
}

fn read_slo(field: Field<'_>, problems: &mut Problems) -> Vec<SloReference> {
    let items: Vec<Field<'_>> =
        if let Value::Text(_) = &field.node.value { vec![field] } else { field.items(problems).collect() };
    items
        .into_iter()
        .filter_map(|item| {
            Some(SloReference { path: item.text(problems)?.into(), place: item.node.place.clone() })
        })
        .collect()
}

/// `None` when a transaction cannot be read whole.
fn read_transactions(
    field: Field<'_>,
    book: &mut VariableBook<'_>,
    problems: &mut Problems,
) -> (Vec<WrittenTransaction>, bool) {
    let before = problems.len();
    let items: Vec<Field<'_>> = field.items(problems).collect();
    if items.is_empty() && problems.len() == before {
        field.wrong("the list is empty", "say what users do: add a transaction", problems);
    }
    let transactions: Vec<Option<(WrittenTransaction, bool)>> =
        items.into_iter().map(|item| read_transaction(item, book, problems)).collect();
    let whole = transactions.iter().all(|read| matches!(read, Some((_, true))));
    let readable: Vec<_> = transactions.into_iter().flatten().map(|(transaction, _)| transaction).collect();
    let whole = whole && !readable.is_empty();
    (readable, whole)
}

/// A transaction with `steps`, or with one call in their place; then the call has the transaction's name. False beside it
/// when a part of it can't be read.
fn read_transaction(
    item: Field<'_>,
    book: &mut VariableBook<'_>,
    problems: &mut Problems,
) -> Option<(WrittenTransaction, bool)> {
    let mut fields = Fields::of(item.node, "a transaction", problems)?;
    let name_field = fields.required("name", problems);
    let name = name_field.and_then(|field| field.name(problems));
    let name_place = name_field.map_or(fields.place(), |field| &field.node.place).clone();
    let weight = fields.optional("weight").map_or(Some(1), |field| field.whole(&(0..=u32::MAX), problems));
    let around = step_file::read_around(&mut fields, book, problems);
    let kinds: Vec<&'static str> = [&["steps"], operation_file::KINDS.as_slice()].concat();
    let (steps, whole) = match fields.exactly_one(&kinds, problems) {
        Some(("steps", list, _)) => {
            around.only_with_a_call(problems);
            read_steps(list, book, problems)
        }
        Some(call) => step_file::read_call(call, around, book, problems)
            .zip(name)
            .map_or_else(|| (Vec::new(), false), |(step, name)| (vec![step.named(name, &name_place)], true)),
        None => (Vec::new(), false),
    };
    book.end_transaction();
    fields.finish(problems);
    let whole = whole && weight.is_some();
    let name = name?.to_owned();
    Some((WrittenTransaction { name, name_place, weight: weight.unwrap_or(1), steps }, whole))
}

fn read_steps(
    list: Field<'_>,
    book: &mut VariableBook<'_>,
    problems: &mut Problems,
) -> (Vec<WrittenStep>, bool) {
    let before = problems.len();
    let items: Vec<Field<'_>> = list.items(problems).collect();
    if items.is_empty() && problems.len() == before {
        list.wrong("the list is empty", "add a step, such as `- list_tools`", problems);
    }
    let steps: Vec<Option<WrittenStep>> =
        items.into_iter().map(|item| step_file::read(item, book, problems)).collect();
    let whole = !steps.is_empty() && steps.iter().all(Option::is_some);
    (steps.into_iter().flatten().collect(), whole)
}

fn read_outputs(
    field: Option<Field<'_>>,
    sources: &Sources<'_>,
    hosts: &HostRule,
    problems: &mut Problems,
) -> Option<Outputs> {
    let formats = sources.formats;
    let defaults = DEFAULT_FORMATS.iter().filter(|name| formats.contains(name));
    let mut outputs = Outputs {
        directory: DEFAULT_DIRECTORY.into(),
        formats: defaults.map(|&name| name.to_owned()).collect(),
        grafana: None,
    };
    let Some(field) = field else { return Some(outputs) };
    let mut fields = Fields::of(field.node, "`outputs`", problems)?;
    if let Some(directory) = fields.optional("directory").and_then(|field| field.text(problems)) {
        outputs.directory = directory.into();
    }
    if let Some(list) = fields.optional("formats") {
        let known: Vec<(&str, &str)> = formats.iter().map(|&name| (name, name)).collect();
        let items: Vec<Field<'_>> = list.items(problems).collect();
        outputs.formats =
            items.into_iter().filter_map(|item| item.word(&known, problems)).map(str::to_owned).collect();
    }
    if let Some(field) = fields.optional("grafana") {
        outputs.grafana = grafana_file::read(field, hosts, sources.env, problems);
    }
    fields.finish(problems);
    Some(outputs)
}
