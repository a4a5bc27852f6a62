//! `abort_when` of an SLO file, as written.

use super::AbortWhen;
use super::terms_file::read_seconds;
use crate::input::{Field, Fields, Problems};

pub(super) fn read(field: Field<'_>, problems: &mut Problems) -> Option<AbortWhen> {
    let mut fields = Fields::of(field.node, "`abort_when`", problems)?;
    let seconds = fields.required("all_calls_fail_for", problems);
    let seconds = seconds.and_then(|field| read_seconds(field, problems));
    fields.finish(problems);
    Some(AbortWhen { all_calls_fail_for: seconds? })
}
