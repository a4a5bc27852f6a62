//! The user's own Prometheus, as written: where it is, which series count, what proves who asks.

use std::collections::BTreeMap;

use url::Url;

use super::auth_file;
use crate::input::{Field, Fields, Problem, Problems};
use crate::plan::{Environment, OwnPrometheus};
use crate::slo::read_select;

/// Fields that have a meaning beside `prometheus` alone.
const OF_PROMETHEUS: [&str; 2] = ["select", "headers"];

/// The field `prometheus`, and what stands beside it in `parts`; the interval is left to the caller.
pub(super) fn read(
    field: Field<'_>,
    parts: &mut Fields<'_>,
    env: Environment<'_>,
    problems: &mut Problems,
) -> Option<OwnPrometheus> {
    let url = read_url(field, problems);
    let select = parts.optional("select").map(|field| read_selection(field, problems));
    let headers = parts.optional("headers").map(|field| auth_file::read_headers(field, env, problems));
    let interval = parts.optional("interval").map(|field| field.some_duration(problems));
    Some(OwnPrometheus {
        url: url?,
        select: select.map_or(Some(None), |select| select.map(Some))?,
        headers: headers.unwrap_or_else(|| Some(BTreeMap::new()))?,
        interval: interval.map_or(Some(None), |interval| interval.map(Some))?,
    })
}

/// Reports what stands beside a `url` and is about a Prometheus.
pub(super) fn refuse_beside_url(parts: &mut Fields<'_>, problems: &mut Problems) {
    for name in OF_PROMETHEUS {
        if let Some(field) = parts.optional(name) {
            problems.push(
                Problem::error(
                    &field.node.place,
                    format!("`{name}` is about a Prometheus, not about a target's metrics"),
                )
                .help("name the Prometheus with `prometheus` in place of `url`, or remove this"),
            );
        }
    }
}

fn read_url(field: Field<'_>, problems: &mut Problems) -> Option<Url> {
    let help = "write them as a header: `headers: {Authorization: \"Bearer {{ env.TOKEN }}\"}`";
    let url = field.service_url("a Prometheus", "http://127.0.0.1:9090", help, problems)?;
    if url.path().contains("/api/v1") {
        let help = "write what stands before `/api/v1`";
        field.wrong("the path of its interface is added by itself", help, problems);
        return None;
    }
    Some(url)
}

fn read_selection(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.text(problems)?;
    match read_select(text) {
        Ok(_) => Some(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Err(wrong) => {
            let place = field.node.place.inside(text, wrong.span).unwrap_or_else(|| field.node.place.clone());
            problems.push(Problem::error(&place, format!("`select`: {}", wrong.message)).help(wrong.help));
            None
        }
    }
}
