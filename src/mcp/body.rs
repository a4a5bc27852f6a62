//! The body of a request: rendered once as far as it is the same for every call, completed for each. It knows nothing of headers.

use serde_json::Value;

use crate::plan::{Conduct, RenderContext, Template};

/// What a request carries, with holes for what changes from call to call.
#[derive(Debug)]
pub(super) enum Body {
    Empty,
    /// The same for every call.
    Fixed(Vec<u8>),
    /// JSON-RPC: [`BEFORE_ID`], the id, `before`, more members, the rendered text, `token` and the id again, `after`.
    Rpc {
        before: Vec<u8>,
        /// Members of its parameters before those, each with a comma; may be empty.
        fixed: Vec<u8>,
        hole: Option<Template>,
        /// What stands before the id where that is the token of the call's progress, too.
        token: Option<Vec<u8>>,
        after: Vec<u8>,
    },
    /// The rendered text is the whole body.
    Rendered(Template),
}

/// What the parameters and the message end with.
const END_OF_PARAMS: &[u8] = b"}}";
const BEFORE_ID: &[u8] = br#"{"jsonrpc":"2.0","id":"#;

impl Body {
    /// Makes room for what `conduct` adds to the parameters.
    pub(super) fn conduct(&mut self, Conduct { progress, pages, .. }: Conduct) {
        let Self::Rpc { before, hole, token, after, fixed: _ } = self else { return };
        if !progress && pages.is_none() {
            return;
        }
        if after.len() == 1 {
            before.extend_from_slice(br#","params":{"#);
            after.push(b'}');
        }
        if !progress {
            return;
        }
        let meta = after.len() - END_OF_PARAMS.len();
        let mut start = after.drain(..meta).collect::<Vec<u8>>();
        if start.pop().is_some() {
            start.push(b',');
        } else {
            start.extend_from_slice(if hole.is_some() { br#","_meta":{"# } else { br#""_meta":{"# });
        }
        start.extend_from_slice(br#""progressToken":"#);
        *token = Some(start);
        after.insert(0, b'}');
    }

    /// Says how it wants to run as a task. Its parameters have members already.
    pub(super) fn run_as_task(&mut self, task: &Value) {
        if let Self::Rpc { fixed, hole: Some(_), .. } = self {
            *fixed = format!(r#""task":{task},"#).into();
        }
    }

    /// Says nothing of that any more.
    pub(super) fn run_at_once(&mut self) {
        if let Self::Rpc { fixed, .. } = self {
            fixed.clear();
        }
    }

    /// Writes the body of the call `id` to `out`; `members` are more members of its parameters, JSON text without braces.
    pub(super) fn write(&self, id: u64, members: &[u8], context: &mut RenderContext<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Empty => {}
            Self::Fixed(bytes) => out.extend_from_slice(bytes),
            Self::Rendered(template) => template.render(context, out),
            Self::Rpc { before, fixed, hole, token, after } => {
                out.extend_from_slice(BEFORE_ID);
                out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
                out.extend_from_slice(before);
                out.extend_from_slice(fixed);
                if !members.is_empty() {
                    out.extend_from_slice(members);
                    let rest = token.as_ref().unwrap_or(after);
                    if hole.is_some() || rest.first() == Some(&b'"') {
                        out.push(b',');
                    }
                }
                if let Some(template) = hole {
                    template.render(context, out);
                }
                if let Some(token) = token {
                    out.extend_from_slice(token);
                    out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
                }
                out.extend_from_slice(after);
            }
        }
    }
}
