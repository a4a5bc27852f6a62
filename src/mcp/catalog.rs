//! The tools that a target lists, as far as calls of them depend on it: their names, what they take and give, and which of their
//! arguments a header repeats in the modern era (`x-mcp-header`). It knows nothing of plans.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The keyword of a tool's input schema that has a header repeat an argument.
const MARK: &str = "x-mcp-header";
/// What stands before a marking in the name of its header.
const PREFIX: &str = "mcp-param-";
/// Where the arguments are in a request.
const ARGUMENTS: &str = "/params/arguments";
/// Keywords of JSON Schema whose members are schemas by name.
const SCHEMAS_BY_NAME: [&str; 4] = ["$defs", "definitions", "patternProperties", "dependentSchemas"];
/// Keywords whose values are data and no schemas.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];

/// What a target listed at first contact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    tools: Vec<ListedTool>,
    /// Why it may lack some.
    cut: Option<Cut>,
}

/// Why a list was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// It has more pages than are asked for: this many were read.
    #[error("it has more pages than the {0} that were read")]
    Pages(u32),
    /// A page after the first was not given, or is no list of tools.
    #[error("a page of it was not given")]
    Failed,
    /// Its pages took longer than the `timeout` of a call, all together.
    #[error("its pages took too long")]
    Slow,
    /// Its pages hold more text than is kept.
    #[error("it is too large")]
    Large,
}

/// One of its tools.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ListedTool {
    name: String,
    /// The arguments that headers repeat; or what is wrong with how they are marked.
    repeated: Result<Vec<Repeated>, String>,
    /// What it says that its arguments are like: a JSON Schema as it came; null where it says nothing.
    input: Value,
    /// What it says that its answers are like: a JSON Schema as it came.
    output: Option<Value>,
    task: TaskSupport,
}

/// Whether a tool runs as a task, before the modern era.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskSupport {
    /// It does not, or says nothing of it: clients must not ask for it.
    None,
    /// It does where it is asked for.
    Optional,
    /// It runs in no other way.
    Required,
}

/// An argument that a header repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repeated {
    /// The header's name, in lower case.
    pub(super) field: String,
    /// Where the argument is in the request.
    pub(super) pointer: String,
}

/// Whether a tool can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// It is listed, or the list was not read to its end.
    There,
    /// It is not listed.
    Missing,
    /// It is listed in a way that a client of the modern era has to refuse; this says why, in the target's words in part.
    Refused(String),
}

impl Catalog {
    /// The tools of the JSON text `result` of `tools/list`: one page; `None` when that is no list of tools.
    pub(super) fn of(result: &str) -> Option<Self> {
        let result: Value = serde_json::from_str(result).ok()?;
        let tools = result.get("tools")?.as_array()?;
        let listed = tools.iter().map(|tool| {
            let schema = tool.get("inputSchema").unwrap_or(&Value::Null);
            Some(ListedTool {
                name: tool.get("name")?.as_str()?.to_owned(),
                repeated: repeated(schema),
                input: schema.clone(),
                output: tool.get("outputSchema").cloned(),
                task: match tool.pointer("/execution/taskSupport").and_then(Value::as_str) {
                    Some("required") => TaskSupport::Required,
                    Some("optional") => TaskSupport::Optional,
                    Some(_) | None => TaskSupport::None,
                },
            })
        });
        let more = result.get("nextCursor").is_some_and(|cursor| !cursor.is_null());
        Some(Self { tools: listed.collect::<Option<_>>()?, cut: more.then_some(Cut::Pages(1)) })
    }

    /// True of a page that says where the next one begins.
    pub(super) fn has_more(&self) -> bool {
        self.cut.is_some()
    }

    /// With the tools of another page, as far as they are not known by name.
    pub(super) fn and(mut self, page: Self) -> Self {
        let known: BTreeSet<&str> = self.names().collect();
        let new = page.tools.into_iter().filter(|tool| !known.contains(tool.name.as_str()));
        let new: Vec<ListedTool> = new.collect();
        self.tools.extend(new);
        self
    }

    /// The same list, which was read to its end.
    pub(super) fn whole(self) -> Self {
        Self { cut: None, ..self }
    }

    /// The same list, which was not.
    pub(super) fn cut(self, cut: Cut) -> Self {
        Self { cut: Some(cut), ..self }
    }

    /// Why the list was not read to its end; `None` where it was.
    pub fn why_cut(&self) -> Option<Cut> {
        self.cut
    }

    /// The names of the tools, as the target gave them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(|tool| tool.name.as_str())
    }

    /// How it stands with `tool`.
    pub fn listing(&self, tool: &str) -> Listing {
        match self.tools.iter().find(|listed| listed.name == tool) {
            None if self.cut.is_none() => Listing::Missing,
            Some(ListedTool { repeated: Err(why), .. }) => Listing::Refused(why.clone()),
            None | Some(ListedTool { repeated: Ok(_), .. }) => Listing::There,
        }
    }

    /// What `tool` says that its arguments are like: a JSON Schema as it came, null where it says nothing; `None` where the tool
    /// is not known.
    pub fn input_schema(&self, tool: &str) -> Option<&Value> {
        Some(&self.tools.iter().find(|listed| listed.name == tool)?.input)
    }

    /// What `tool` says that its answers are like: a JSON Schema, as it came.
    pub fn output_schema(&self, tool: &str) -> Option<&Value> {
        self.tools.iter().find(|listed| listed.name == tool)?.output.as_ref()
    }

    /// Whether `tool` runs as a task; `None` where the tool is not known.
    pub fn task_support(&self, tool: &str) -> Option<TaskSupport> {
        self.tools.iter().find(|listed| listed.name == tool).map(|listed| listed.task)
    }

    /// The arguments of `tool` that headers repeat.
    pub(super) fn repeated(&self, tool: &str) -> &[Repeated] {
        let found = self.tools.iter().find(|listed| listed.name == tool);
        found.and_then(|listed| listed.repeated.as_deref().ok()).unwrap_or_default()
    }

    /// True when headers repeat arguments of any tool.
    pub(super) fn has_repeated(&self) -> bool {
        self.tools.iter().any(|tool| tool.repeated.as_ref().is_ok_and(|repeated| !repeated.is_empty()))
    }
}

/// What is marked in the input schema `schema`; or which rule of the specification a marking breaks.
fn repeated(schema: &Value) -> Result<Vec<Repeated>, String> {
    let mut found = Vec::new();
    look(schema, Some(ARGUMENTS), &mut found)?;
    Ok(found)
}

/// Looks through a schema. `pointer` is where the value is that it describes, as long as that is sure: no list, condition or
/// reference on the way.
fn look(schema: &Value, pointer: Option<&str>, found: &mut Vec<Repeated>) -> Result<(), String> {
    let members = match schema {
        Value::Object(members) => members,
        Value::Array(schemas) => return schemas.iter().try_for_each(|schema| look(schema, None, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return Ok(()),
    };
    if let Some(mark) = members.get(MARK) {
        found.push(marked(mark, members, pointer, found)?);
    }
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (name, schema) in properties {
                    let pointer = pointer.map(|pointer| format!("{pointer}/{}", escaped(name)));
                    look(schema, pointer.as_deref(), found)?;
                }
            }
            (keyword, Value::Object(schemas)) if SCHEMAS_BY_NAME.contains(&keyword) => {
                schemas.values().try_for_each(|schema| look(schema, None, found))?;
            }
            (keyword, _) if DATA.contains(&keyword) => {}
            (_, value) => look(value, None, found)?,
        }
    }
    Ok(())
}

/// The marking `mark` of the schema `members`, beside those that were `found` before.
fn marked(
    mark: &Value,
    members: &Map<String, Value>,
    pointer: Option<&str>,
    found: &[Repeated],
) -> Result<Repeated, String> {
    let name = mark.as_str().ok_or_else(|| format!("`{MARK}` is {mark}, which is no text"))?;
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return Err(format!("`{MARK}: {name}` can't be part of a header's name"));
    }
    let pointer = pointer.filter(|pointer| *pointer != ARGUMENTS).ok_or_else(|| {
        format!("`{MARK}: {name}` is not on an argument, or not reached by `properties` alone")
    })?;
    let kind = members.get("type").unwrap_or(&Value::Null);
    if !["string", "integer", "boolean"].iter().any(|primitive| kind == primitive) {
        return Err(format!(
            "`{MARK}: {name}` is on the type {kind}, which is no string, integer or boolean"
        ));
    }
    let field = format!("{PREFIX}{}", name.to_ascii_lowercase());
    if found.iter().any(|other| other.field == field) {
        return Err(format!("`{MARK}: {name}` is there twice"));
    }
    Ok(Repeated { field, pointer: pointer.to_owned() })
}

/// A byte of a token (RFC 9110, section 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `name` as a token of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The text with which a header repeats `argument`; `None` where there is no header for it.
pub(super) fn header_form(argument: &Value) -> Option<String> {
    /// The integers that every JSON reader keeps.
    const SAFE: i64 = (1 << 53) - 1;
    match argument {
        Value::String(text) => Some(text.clone()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Number(number) => {
            let whole = number.as_i64().or_else(|| {
                #[expect(clippy::cast_possible_truncation, reason = "only whole numbers that fit are cast")]
                number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= 9e15).map(|n| n as i64)
            })?;
            (-SAFE..=SAFE).contains(&whole).then(|| whole.to_string())
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn marks(schema: &Value) -> Result<Vec<(String, String)>, String> {
        let pairs = |found: Vec<Repeated>| found.into_iter().map(|one| (one.field, one.pointer)).collect();
        repeated(schema).map(pairs)
    }

    #[track_caller]
    fn check_refused(schema: &Value, why: &str) {
        let told = marks(schema).unwrap_err();
        assert!(told.contains(why), "{told}");
    }

    fn on(kind: &Value, mark: &Value) -> Value {
        json!({"type": "object", "properties": {"v": {"type": kind, "x-mcp-header": mark}}})
    }

    #[test]
    fn marked_arguments_are_found_where_they_are() {
        let schema = json!({"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "deep": {"type": "object", "properties": {"a/b~": {"type": "integer", "x-mcp-header": "Deep"}}},
            "x-mcp-header": {"type": "string"},
            "plain": {"type": "number", "default": {"x-mcp-header": "data"}},
        }});
        let pair = |field: &str, pointer: &str| (field.to_owned(), format!("/params/arguments{pointer}"));
        let mut found = marks(&schema).unwrap();
        found.sort();
        assert_eq!(found, [pair("mcp-param-deep", "/deep/a~1b~0"), pair("mcp-param-region", "/region")]);
        assert_eq!(marks(&Value::Null), Ok(Vec::new()));
    }

    #[test]
    fn each_rule_for_markings_is_kept() {
        for mark in ["", "My Region", "Region:Primary", "R\u{e9}gion", "Region\t1"] {
            check_refused(&on(&json!("string"), &json!(mark)), "part of a header's name");
        }
        for kind in ["object", "array", "null", "number"] {
            check_refused(&on(&json!(kind), &json!("X")), "no string, integer or boolean");
        }
        check_refused(&on(&json!(["string", "null"]), &json!("X")), "no string, integer or boolean");
        check_refused(&on(&json!("string"), &json!(7)), "no text");
        let marked = |mark: &str| json!({"type": "string", "x-mcp-header": mark});
        check_refused(&json!({"properties": {"a": marked("My"), "b": marked("my")}}), "twice");
        for schema in [
            json!({"type": "string", "x-mcp-header": "Root"}),
            json!({"properties": {"a": {"type": "array", "items": marked("X")}}}),
            json!({"anyOf": [{"properties": {"a": marked("X")}}]}),
            json!({"$defs": {"a": marked("X")}}),
        ] {
            check_refused(&schema, "by `properties` alone");
        }
    }

    #[test]
    fn values_have_a_form_for_headers_or_no_header() {
        let form = |value: Value| header_form(&value);
        assert_eq!(form(json!(" padded ")).as_deref(), Some(" padded "));
        assert_eq!(form(json!(false)).as_deref(), Some("false"));
        assert_eq!(form(json!(-7)).as_deref(), Some("-7"));
        assert_eq!(form(json!(42.0)).as_deref(), Some("42"));
        for none in [json!(null), json!(1.5), json!(1_u64 << 53), json!([1]), json!({})] {
            assert_eq!(header_form(&none), None, "{none}");
        }
    }

    #[test]
    fn a_list_says_what_can_be_called() {
        let list = json!({"tools": [{"name": "good", "inputSchema": {"type": "object"}},
            {"name": "bad", "inputSchema": on(&json!("number"), &json!("X"))}]});
        let catalog = Catalog::of(&list.to_string()).unwrap();
        assert_eq!(catalog.listing("good"), Listing::There);
        assert_eq!(catalog.listing("other"), Listing::Missing);
        assert!(matches!(catalog.listing("bad"), Listing::Refused(_)));
        assert!(!catalog.has_repeated());
        let mut page = list;
        page["nextCursor"] = json!("more");
        assert_eq!(Catalog::of(&page.to_string()).unwrap().listing("other"), Listing::There);
        assert_eq!(Catalog::of(r#"{"tools": 1}"#), None);
        assert_eq!(catalog.input_schema("good"), Some(&json!({"type": "object"})));
        assert_eq!(catalog.input_schema("other"), None);
    }

    #[test]
    fn pages_are_one_list_in_which_each_tool_is_once() {
        let page = |names: &[&str], next: Option<&str>| {
            let tools: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            Catalog::of(&json!({"tools": tools, "nextCursor": next}).to_string()).unwrap()
        };
        let (first, last) = (page(&["a", "b"], Some("2")), page(&["b", "c"], None));
        assert!(first.has_more() && !last.has_more());
        let whole = first.clone().and(last.clone()).whole();
        assert_eq!(whole.names().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!((whole.listing("d"), whole.why_cut()), (Listing::Missing, None));
        let cut = first.and(last).cut(Cut::Failed);
        assert_eq!((cut.listing("d"), cut.why_cut()), (Listing::There, Some(Cut::Failed)));
    }
}
