//! Arguments that are made from the input schemas of the target's tools: all of them before the load, from the plan's seed
//! alone, so that a run can be repeated and a call pays for nothing but a draw.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::listed::known_tools;
use crate::mcp::{Catalog, Contact, Listing};
use crate::model::{CounterRng, Nonce, Secrets, clean_text, format_count};
use crate::plan::{
    GeneratedArguments, Operation, Plan, RenderContext, Step, StepId, Template, UnlistedTools, Variables,
};
use crate::record::MadeArguments;
use crate::schema::{Drawn, Given, Many, SchemaError, Violation};

/// The most text of arguments that is kept for a run, in bytes.
const MOST_TEXT: usize = 64 << 20;
/// What sets these draws apart from all others of the plan's seed.
const GENERATED: u64 = 0x6a5f_9e37;
/// Of a digest so many bytes are told.
const TOLD: usize = 6;

/// Arguments for the steps of a plan.
#[derive(Debug, Default)]
pub(super) struct Generated {
    /// JSON text of objects, one of which is drawn for each call.
    pub(super) arguments: BTreeMap<StepId, Template>,
    /// What was made for which step: printable, without secrets.
    pub(super) notes: Vec<String>,
    /// All of them, to be kept: without secrets.
    pub(super) made: Vec<MadeArguments>,
}

/// For some steps there are no arguments. It quotes names that a server chose, cleaned.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct ArgumentsError(Vec<String>);

/// Makes the arguments that `plan` wants made, of what the target of `contact` lists. Steps that are switched off, and those that
/// are left out because of how their tools are listed, need none.
pub(super) async fn generate(plan: &Plan, contact: &Contact) -> Result<Generated, ArgumentsError> {
    let secrets = contact.wire.secrets();
    let mut generated = Generated::default();
    let (mut faults, mut room) = (Vec::new(), MOST_TEXT);
    for wanted in wanted(plan) {
        let made = match schema_of(&wanted, contact.catalog.as_deref(), plan.unlisted_tools, secrets) {
            Ok(Some(schema)) => wanted.make(schema, plan.seed, &mut room).await,
            Ok(None) => continue,
            Err(why) => Err(why),
        };
        match made {
            Ok(Made { texts, note, edges }) => {
                generated.notes.push(clean_text(&secrets.redacted(&note)));
                let made = (0..).zip(&texts).map(|(number, text)| MadeArguments {
                    step: wanted.step.name.clone(),
                    number,
                    at_edge: number < edges,
                    arguments: secrets.redacted(&text.source),
                });
                generated.made.extend(made);
                generated.arguments.insert(wanted.step.id, Template::one_of(texts));
            }
            Err(why) => {
                let Wanted { step, generated, .. } = wanted;
                let fault = format!(
                    "{}: no arguments can be made for the step `{}`: {why}",
                    generated.origin,
                    clean_text(&step.name)
                );
                faults.push(secrets.redacted(&fault));
            }
        }
    }
    if faults.is_empty() { Ok(generated) } else { Err(ArgumentsError(faults)) }
}

/// The first digits of a digest: enough to tell two apart.
fn hex(digest: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = digest.iter().take(TOLD).flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// What was made for a step.
struct Made {
    texts: Vec<Template>,
    /// What is to be told of it.
    note: String,
    /// As many of the first are at the edges.
    edges: u32,
}

/// A step that needs arguments.
struct Wanted<'p> {
    step: &'p Step,
    tool: &'p str,
    generated: &'p GeneratedArguments,
}

/// The steps that are called with generated arguments.
fn wanted(plan: &Plan) -> Vec<Wanted<'_>> {
    let on = plan.transactions.iter().filter(|transaction| transaction.weight > 0);
    let steps = on.flat_map(|transaction| &transaction.steps).map(|step| plan.step(*step));
    let wanted = steps.filter_map(|step| {
        let Operation::CallTool { tool, generated: Some(generated), .. } = &step.operation else {
            return None;
        };
        Some(Wanted { step, tool: tool.as_literal()?, generated })
    });
    wanted.collect()
}

/// What the tool says that it takes; `None` where the step is left out anyway.
fn schema_of<'c>(
    wanted: &Wanted<'_>,
    catalog: Option<&'c Catalog>,
    unlisted: UnlistedTools,
    secrets: &Secrets,
) -> Result<Option<&'c Value>, String> {
    let catalog = catalog.ok_or("the target gives no list of its tools (`tools/list`)")?;
    let tool = clean_text(wanted.tool);
    match (catalog.listing(wanted.tool), unlisted) {
        (Listing::Refused(_), _) | (Listing::Missing, UnlistedTools::Skip) => return Ok(None),
        (Listing::Missing, UnlistedTools::Call) => {
            let known = known_tools(catalog, secrets);
            return Err(format!("the target lists no tool `{tool}`; it has: {known}"));
        }
        (Listing::There, _) => {}
    }
    let schema = catalog.input_schema(wanted.tool);
    schema.map(Some).ok_or_else(|| {
        let why = catalog.why_cut().map(|cut| format!(": {cut}")).unwrap_or_default();
        format!("the target lists no tool `{tool}` as far as its list was read{why}")
    })
}

impl Wanted<'_> {
    /// The arguments, and what is to be told of them. What they take of the text that there is `room` for is taken away.
    async fn make(&self, schema: &Value, seed: u64, room: &mut usize) -> Result<Made, String> {
        let tool = clean_text(self.tool);
        let fault = |error: SchemaError| {
            let beside = if self.generated.given.is_empty() { "" } else { ", with `arguments` as written" };
            format!("in the input schema of the tool `{tool}`{beside}: {error}")
        };
        let mut many = Many::new(schema, &self.given()).map_err(fault)?;
        let (values, edges) = (self.generated.values, self.generated.edge_values());
        let mut texts = Vec::new();
        let (mut digest, mut different) = (Sha256::new(), BTreeSet::new());
        let (mut at_edges, mut nonces) = (0_u64, 0_u64);
        for number in 0..values {
            let mut rng = self.draws(seed, number);
            let drawn =
                if number < edges { many.at_edge(number, &mut rng) } else { many.at_random(&mut rng) };
            let drawn = drawn.map_err(fault)?;
            if let Some(breach) = self.breach(&many, &drawn, &mut rng) {
                return Err(format!("what `arguments` gives is not what the tool `{tool}` takes: {breach}"));
            }
            let wants_nonce = self.generated.nonce && !drawn.edge;
            let free = if wants_nonce { many.room_for_nonce(&drawn) } else { None };
            let text = self.text_of(&drawn.members, free);
            *room = room.checked_sub(text.source.len()).ok_or_else(|| {
                format!("all arguments together have more than {} MiB: write fewer `values`", MOST_TEXT >> 20)
            })?;
            at_edges += u64::from(drawn.edge);
            nonces += u64::from(free.is_some());
            let of_this = Sha256::digest(&text.source);
            digest.update(of_this);
            different.insert(of_this.to_vec());
            texts.push(text);
            // A signal is not kept waiting.
            tokio::task::yield_now().await;
        }
        let digest = hex(&digest.finalize());
        let nonces = if self.generated.nonce {
            format!("; {} with a nonce", format_count(nonces))
        } else {
            String::new()
        };
        let note = format!(
            "{}: {} arguments were made from the input schema of the tool `{tool}`: {} at the edges, {} different ones, \
             from the seed {seed} (digest {digest}){nonces}",
            clean_text(&self.step.name),
            format_count(values.into()),
            format_count(at_edges),
            format_count(different.len() as u64),
        );
        Ok(Made { texts, note, edges })
    }

    /// The draws of one value: they depend on nothing but the seed, the step and its number.
    fn draws(&self, seed: u64, number: u32) -> CounterRng {
        let stream = u64::from(self.step.id.0) << 32 | u64::from(number);
        CounterRng::new(seed ^ GENERATED, stream)
    }

    fn given(&self) -> Vec<Given> {
        let known = |value: &Template| serde_json::from_str(value.as_literal()?).ok();
        let given = self.generated.given.iter();
        given.map(|(name, value)| Given { name: name.clone(), value: known(value) }).collect()
    }

    /// Why `drawn` does not hold the schema with what expressions give, for example, in place of what was made for them. What an
    /// iteration has to find first is taken as it will come.
    fn breach(&self, many: &Many, drawn: &Drawn, rng: &mut CounterRng) -> Option<String> {
        let is_computed =
            |value: &Template| value.as_literal().is_none() && value.variables().next().is_none();
        let computed: Vec<_> = self.generated.given.iter().filter(|(_, value)| is_computed(value)).collect();
        if computed.is_empty() {
            return None;
        }
        let mut members = drawn.members.clone();
        for (name, value) in computed {
            let (mut text, variables) = (Vec::new(), Variables::default());
            let nonce = Nonce::LONGEST;
            let mut context = RenderContext { vu: 1, iteration: 1, nonce, rng, variables: &variables };
            value.render(&mut context, &mut text);
            members.insert(name.clone(), serde_json::from_slice(&text).unwrap_or_default());
        }
        match many.violation(members) {
            Ok(None) => None,
            Ok(Some(Violation { pointer, keyword })) => {
                let place = if pointer.is_empty() { "its top" } else { pointer.as_str() };
                Some(format!("`{keyword}` does not hold ({place})"))
            }
            Err(error) => Some(error.to_string()),
        }
    }

    /// JSON text of `members`, with what the scenario gives in its place, and a nonce in that of the member `free`.
    fn text_of(&self, members: &Map<String, Value>, free: Option<&str>) -> Template {
        let given = |name: &str| self.generated.given.iter().find(|(given, _)| given == name);
        let text = |(name, value): (&String, &Value)| match given(name) {
            Some((_, template)) => template.clone(),
            None if free == Some(name.as_str()) => Template::nonce(),
            None => Template::literal(value.to_string()),
        };
        let all: Vec<(&str, Template)> =
            members.iter().map(|member| (member.0.as_str(), text(member))).collect();
        Template::object(&all)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::{Conduct, Role, Scope};

    /// The texts that calls of a step get, and what is told of them.
    async fn made(
        schema: &Value,
        change: impl FnOnce(&mut GeneratedArguments),
        seed: u64,
    ) -> Result<(Vec<String>, String), String> {
        let (given, origin) = (Vec::new(), String::new());
        let mut generated = GeneratedArguments { values: 40, edges: 0.25, nonce: false, given, origin };
        change(&mut generated);
        let tool = Template::literal("echo");
        let step = Step {
            id: StepId(5),
            name: "call".into(),
            role: Role::Load,
            method: "tools/call".into(),
            tool: Some("echo".into()),
            operation: Operation::CallTool { tool, arguments: Template::literal("{}"), generated: None },
            checks: Vec::new(),
            extract: Vec::new(),
            condition: None,
            tags: BTreeMap::new(),
            deadline: std::time::Duration::from_secs(1),
            conduct: Conduct::default(),
        };
        let wanted = Wanted { step: &step, tool: "echo", generated: &generated };
        let Made { texts, note, .. } = wanted.make(schema, seed, &mut 100_000).await?;
        let template = Template::one_of(texts);
        let mut rng = CounterRng::new(seed, 1);
        let texts = (0..400).map(|_| {
            let (mut text, variables) = (Vec::new(), Variables::default());
            let nonce = Nonce::LONGEST;
            let mut context =
                RenderContext { vu: 9, iteration: 1, nonce, rng: &mut rng, variables: &variables };
            template.render(&mut context, &mut text);
            String::from_utf8(text).unwrap()
        });
        Ok((texts.collect(), note))
    }

    fn schema() -> Value {
        json!({"type": "object", "required": ["text"], "properties": {
            "text": {"type": "string"}, "count": {"type": "integer", "minimum": 1, "maximum": 9}}})
    }

    fn vu() -> Template {
        let parsed = Template::parse("{{ vu }}", Scope::of_environment(&|_| None));
        parsed.unwrap()
    }

    #[tokio::test]
    async fn the_same_seed_makes_the_same_arguments_and_another_seed_others() {
        let (texts, note) = made(&schema(), |_| {}, 7).await.unwrap();
        assert_eq!(made(&schema(), |_| {}, 7).await.unwrap(), (texts.clone(), note.clone()));
        assert_ne!(made(&schema(), |_| {}, 8).await.unwrap().0, texts);
        assert!(note.contains("40 arguments were made") && note.contains("10 at the edges"), "{note}");
        assert!(note.contains("from the seed 7 (digest "), "{note}");
        let different: BTreeSet<&String> = texts.iter().collect();
        assert!(different.len() > 25 && different.len() <= 40, "{}", different.len());
        assert!(texts.contains(&r#"{"text":""}"#.to_owned()), "the least is among them");
        assert!(texts.iter().any(|text| text.contains(r#"{"count":9,"#)), "the most is among them");
    }

    #[tokio::test]
    async fn what_is_written_out_is_taken_as_it_is_and_a_nonce_where_one_is_wanted() {
        let given = made(&schema(), |generated| generated.given.push(("count".into(), vu())), 7).await;
        let (texts, _) = given.unwrap();
        assert!(texts.iter().all(|text| text.starts_with(r#"{"count":9,"text":""#)), "{texts:?}");
        let (texts, note) = made(&schema(), |generated| generated.nonce = true, 7).await.unwrap();
        let with = texts.iter().filter(|text| text.contains(&Nonce::LONGEST.to_string())).count();
        assert!((200..400).contains(&with), "{with} of 400");
        assert!(note.ends_with("; 30 with a nonce"), "{note}");
    }

    #[tokio::test]
    async fn what_can_not_be_is_told_in_words() {
        let with = async |count: Template| {
            made(&schema(), |generated| generated.given.push(("count".into(), count)), 7).await
        };
        let wrong = with(Template::literal("10")).await.unwrap_err();
        let expected = "in the input schema of the tool `echo`, with `arguments` as written: `";
        assert!(wrong.starts_with(expected), "{wrong}");
        let wrong = with(vu().quoted()).await.unwrap_err();
        let expected =
            "what `arguments` gives is not what the tool `echo` takes: `type` does not hold (/count)";
        assert_eq!(wrong, expected);
        let large = json!({"required": ["t"], "properties": {"t": {"type": "string", "minLength": 3_000}}});
        let wrong = made(&large, |_| {}, 7).await.unwrap_err();
        assert!(wrong.ends_with("write fewer `values`"), "{wrong}");
    }
}
