//! `abort_when` of an SLO file, as written.

use super::AbortWhen;
use super::terms_file::read_seconds;
use crate::input::{Field, Fields, Problems};

pub(super) fn read(field: Field<'_>, problems: &mut Problems) -> Option<AbortWhen> {
    let mut fields = Fields::of(field.node, "`abort_when`", problems)?;
    let (all_fail, no_answer) = (fields.optional("all_calls_fail_for"), fields.optional("no_answer_for"));
    if all_fail.is_none() && no_answer.is_none() {
        let help = "add `all_calls_fail_for: 10s` (calls end, and all of them fail), `no_answer_for: 30s` (calls wait, and nothing \
                    comes back), or both";
        field.wrong("nothing in it stops the load", help, problems);
    }
    let mut seconds = |field: Option<Field<'_>>| field.map(|field| read_seconds(field, problems));
    let (all_fail, no_answer) = (seconds(all_fail), seconds(no_answer));
    fields.finish(problems);
    // What is written and can't be read was told.
    let all_calls_fail_for = all_fail.map_or(Some(None), |seconds| seconds.map(Some))?;
    let no_answer_for = no_answer.map_or(Some(None), |seconds| seconds.map(Some))?;
    Some(AbortWhen { all_calls_fail_for, no_answer_for })
}
