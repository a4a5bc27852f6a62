//! The field `audit` of `checks`, read field by field.

use std::path::PathBuf;

use super::terms::{AuditCheck, AuditChecks};
use crate::input::{Field, Fields, Problem, Problems, quoted};
use crate::plan::LogFields;
use crate::verify::logs::file::{read_ids, read_lag};

/// What `audit` says.
pub(in crate::verify) fn read(field: Field<'_>, problems: &mut Problems) -> Option<AuditChecks> {
    let mut fields = Fields::of(field.node, "`audit`", problems)?;
    let file = fields.required("file", problems).and_then(|field| field.text(problems)).map(PathBuf::from);
    let names = match fields.optional("fields") {
        Some(field) => read_names(field, problems),
        None => Some(Names::default()),
    };
    let lag_within = read_lag(&mut fields, problems);
    let except = fields.optional("except").map(|field| read_except(field, problems));
    fields.finish(problems);
    let Names { time, who, what, outcome, id } = names?;
    Some(AuditChecks {
        file: file?,
        fields: LogFields {
            time,
            level: outcome,
            message: String::new(),
            duration: String::new(),
            in_seconds: false,
            id,
        },
        who,
        what,
        lag_within,
        except: except.unwrap_or_default(),
        origin: field.node.place.to_string(),
    })
}

/// What records call their fields.
struct Names {
    time: String,
    who: String,
    what: String,
    outcome: String,
    id: Vec<String>,
}

impl Default for Names {
    /// As the MCP monitoring guide has them.
    fn default() -> Self {
        Self {
            time: "timestamp".to_owned(),
            who: "user_id".to_owned(),
            what: "tool_name".to_owned(),
            outcome: "success".to_owned(),
            id: LogFields::default().id,
        }
    }
}

fn read_names(field: Field<'_>, problems: &mut Problems) -> Option<Names> {
    let mut fields = Fields::of(field.node, "`fields`", problems)?;
    let standard = Names::default();
    let mut name = |role: &'static str, standard: String| match fields.optional(role) {
        None => Some(standard),
        Some(field) => field.name(problems).map(str::to_owned),
    };
    let (time, who) = (name("time", standard.time), name("who", standard.who));
    let (what, outcome) = (name("what", standard.what), name("outcome", standard.outcome));
    let id = read_ids(&mut fields, problems);
    fields.finish(problems);
    Some(Names { time: time?, who: who?, what: what?, outcome: outcome?, id: id? })
}

fn read_except(field: Field<'_>, problems: &mut Problems) -> Vec<AuditCheck> {
    let words = AuditCheck::ALL.map(|check| (check.word(), check));
    let items: Vec<Field<'_>> = field.items(problems).collect();
    let except: Vec<AuditCheck> = items.iter().filter_map(|item| item.word(&words, problems)).collect();
    if AuditCheck::ALL.iter().all(|check| except.contains(check)) {
        let message = format!("{}: this leaves nothing to check", quoted(field.name));
        problems.push(Problem::error(&field.node.place, message).help("remove `audit`, or some of these"));
    }
    except
}
