//! The field `redaction` of `checks`, read field by field.

use std::path::PathBuf;

use http::HeaderName;

use super::terms::RedactionChecks;
use crate::input::{Field, Fields, Problems, quoted};
use crate::model::SweepPlace;

/// The share of answers that is looked through.
const SAMPLE: f64 = 0.1;
/// Headers that make a request what it is.
const RESERVED: [&str; 9] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "mcp-protocol-version",
    "mcp-session-id",
    "transfer-encoding",
    "user-agent",
];

/// What `redaction` says.
pub(in crate::verify) fn read(field: Field<'_>, problems: &mut Problems) -> Option<RedactionChecks> {
    let mut fields = Fields::of(field.node, "`redaction`", problems)?;
    let places = fields.optional("where").map(|field| read_places(field, problems));
    let file = fields.optional("file").and_then(|field| field.text(problems)).map(PathBuf::from);
    let header = fields.optional("header").map(|field| read_header(field, problems));
    let sample = fields.optional("sample").and_then(|field| {
        let sample = field.share(problems)?;
        if sample > 1.0 {
            field.wrong("more than all answers", "write a percentage up to `100%`", problems);
        }
        Some(sample)
    });
    fields.finish(problems);
    Some(RedactionChecks {
        places,
        file,
        header: header.map_or(Some(None), |name| name.map(Some))?,
        sample: sample.unwrap_or(SAMPLE),
        origin: field.node.place.to_string(),
    })
}

fn read_places(field: Field<'_>, problems: &mut Problems) -> Vec<SweepPlace> {
    let words = SweepPlace::ALL.map(|place| (place.word(), place));
    let before = problems.len();
    let items: Vec<Field<'_>> = field.items(problems).collect();
    let places: Vec<SweepPlace> = items.iter().filter_map(|item| item.word(&words, problems)).collect();
    if places.is_empty() && problems.len() == before {
        field.wrong("nothing is looked at", "name some of `logs`, `metrics`, `health`, `replies`", problems);
    }
    places
}

fn read_header(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let name = field.text(problems)?;
    let small = name.to_ascii_lowercase();
    if HeaderName::from_bytes(name.as_bytes()).is_err() || RESERVED.contains(&small.as_str()) {
        let help = "write the name of a header that may hold anything, such as `x-api-key`";
        field.wrong(format!("the header {} can't carry a canary", quoted(name)), help, problems);
        return None;
    }
    Some(small)
}
