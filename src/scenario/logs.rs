//! The checks of the target's log beside the scenario: what they need of it, in words, and with the names of an SLO file's fields.

use serde_yaml::Value;

use super::resolved::{Fields, duration, percentage};
use super::target_file::check_host;
use crate::input::{Problem, Problems, quoted};
use crate::plan::{Environment, HostRule, LogPlace, keeps_secrets};
use crate::slo::{Criteria, WrittenCriteria};

/// Reports a log on a host that is not permitted, and what proves who asks where it is not there or would be seen on its way.
pub(super) fn check(
    criteria: &WrittenCriteria,
    hosts: &HostRule,
    env: Environment<'_>,
    problems: &mut Problems,
) {
    let Some(written) = &criteria.checks else { return };
    let Some(place) = written.place_of("logs") else { return };
    let Some(LogPlace::Elasticsearch(index)) = written.checks.logs.as_ref().map(|logs| &logs.place) else {
        return;
    };
    check_host(&index.url, place, hosts, problems);
    let Some(name) = &index.authorization_env else { return };
    if !keeps_secrets(&index.url) {
        problems.push(
            Problem::error(place, "what `authorization_env` names would be sent in the clear")
                .label("not `https`, and not this machine")
                .help("write `https://`"),
        );
    }
    if env(name).is_none() {
        let help = format!("set it to the value of the `Authorization` header: `{name}=\"ApiKey ...\"`");
        let message = format!("the environment variable {} is not set", quoted(name));
        problems.push(Problem::error(place, message).help(help));
    }
}

/// In words.
pub(super) fn described(criteria: &Criteria) -> Option<String> {
    let logs = criteria.checks.logs.as_ref()?;
    let (place, wanted) = (logs.place.text(), logs.wanted_words().join(", "));
    Some(format!("the target's log ({place}) is checked: {wanted}"))
}

/// With the names of an SLO file's fields.
pub(super) fn resolved(criteria: &Criteria) -> Option<Value> {
    let logs = criteria.checks.logs.as_ref()?;
    let mut fields = Fields::default();
    match &logs.place {
        LogPlace::File(path) => fields.set("file", path.to_string_lossy().into_owned()),
        LogPlace::Elasticsearch(index) => {
            let mut place = Fields::default();
            place.set("url", index.url.as_str());
            place.set("index", index.index.as_str());
            if let Some(name) = &index.authorization_env {
                place.set("authorization_env", name.as_str());
            }
            fields.set("elasticsearch", place.value());
        }
    }
    let texts = |texts: &[String]| texts.iter().map(|text| text.as_str().into()).collect::<Vec<Value>>();
    let mut names = Fields::default();
    names.set("time", logs.fields.time.as_str());
    names.set("level", logs.fields.level.as_str());
    names.set("message", logs.fields.message.as_str());
    names.set("duration", logs.fields.duration.as_str());
    names.set("duration_unit", if logs.fields.in_seconds { "seconds" } else { "milliseconds" });
    names.set("id", texts(&logs.fields.id));
    fields.set("fields", names.value());
    fields.set("required", texts(&logs.required));
    if let Some(ratio) = logs.max_error_ratio {
        fields.set("max_error_ratio", percentage(ratio));
    }
    fields.set("one_line_per_call", logs.one_line_per_call);
    fields.set("lag_within", duration(logs.lag_within));
    fields.set("slow", duration(logs.slow));
    fields.set("except", logs.except.iter().map(|check| check.word().into()).collect::<Vec<Value>>());
    Some(fields.value())
}

/// The checks of the audit log, in words.
pub(super) fn audit_described(criteria: &Criteria) -> Option<String> {
    let audit = criteria.checks.audit.as_ref()?;
    let (file, wanted) = (audit.file.display(), audit.wanted_words().join(", "));
    Some(format!("the target's audit log ({file}) is checked: {wanted}"))
}

/// The same with the names of an SLO file's fields.
pub(super) fn audit_resolved(criteria: &Criteria) -> Option<Value> {
    let audit = criteria.checks.audit.as_ref()?;
    let mut names = Fields::default();
    names.set("time", audit.fields.time.as_str());
    names.set("who", audit.who.as_str());
    names.set("what", audit.what.as_str());
    names.set("outcome", audit.fields.level.as_str());
    names.set("id", audit.fields.id.iter().map(|id| id.as_str().into()).collect::<Vec<Value>>());
    let mut fields = Fields::default();
    fields.set("file", audit.file.to_string_lossy().into_owned());
    fields.set("fields", names.value());
    fields.set("lag_within", duration(audit.lag_within));
    fields.set("except", audit.except.iter().map(|check| check.word().into()).collect::<Vec<Value>>());
    Some(fields.value())
}
