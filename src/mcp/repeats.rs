//! What headers of the modern era repeat of a request, and how a text becomes a header's value. It knows nothing of how requests
//! are made.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde_json::Value;

use super::catalog::{Catalog, Repeated, header_form};
use super::fields::write_field;
use super::pointer;

/// Which arguments headers repeat.
#[derive(Debug)]
pub(super) enum Repeats {
    Nothing,
    /// These, of the one tool that is called.
    These(Vec<Repeated>),
    /// Those of the tool that it turns out to be.
    OfTool(Arc<Catalog>),
}

impl Repeats {
    /// What `catalog` wants repeated of calls of `tool`, or of a tool whose name differs from call to call.
    pub(super) fn by(tool: Option<&str>, catalog: &Arc<Catalog>) -> Self {
        match tool.map(|tool| catalog.repeated(tool)) {
            Some([]) => Self::Nothing,
            Some(repeated) => Self::These(repeated.to_vec()),
            None if catalog.has_repeated() => Self::OfTool(Arc::clone(catalog)),
            None => Self::Nothing,
        }
    }

    /// True when there may be something to write.
    pub(super) fn any(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// Writes the header fields for the request `body` to `out`.
    pub(super) fn write(&self, body: &[u8], out: &mut Vec<u8>) {
        let Ok(body) = std::str::from_utf8(body) else { return };
        let value_at = |pointer: &str| {
            pointer::find(body, pointer).and_then(|json| serde_json::from_str::<Value>(json).ok())
        };
        let repeated = match self {
            Self::Nothing => &[],
            Self::These(repeated) => repeated.as_slice(),
            Self::OfTool(catalog) => match value_at("/params/name") {
                Some(Value::String(tool)) => catalog.repeated(&tool),
                Some(_) | None => &[],
            },
        };
        for Repeated { field, pointer } in repeated {
            if let Some(text) = value_at(pointer).as_ref().and_then(header_form) {
                write_field(field, header_text(&text).as_bytes(), out);
            }
        }
    }
}

/// `text` as a header value: as it is when it is plain ASCII without spaces at the ends, else in the base64 form of
/// the modern era's header rules. A text that looks like that form is put into it, or it would be taken for it.
pub(super) fn header_text(text: &str) -> HeaderValue {
    let plain = text.trim() == text
        && text.bytes().all(|byte| matches!(byte, 0x20..=0x7E))
        && !(text.starts_with("=?base64?") && text.ends_with("?="));
    let value = if plain { text.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(text)) };
    HeaderValue::from_str(&value).expect("visible ASCII and spaces are a header value")
}
