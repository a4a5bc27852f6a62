//! What is to be said of a plan before its load begins: what stood between gander and the target, or was not looked at.

use crate::model::without_credentials;
use crate::plan::{Plan, Proxy, Replicas, Target, Turn};

/// What stood between gander and the target, and is in every latency.
pub(super) fn proxied(proxy: &Proxy) -> String {
    format!("calls went through the proxy {}: it is in every latency", proxy.name())
}

/// Who was called beside the target's first URL.
pub(super) fn in_turn(plan: &Plan) -> Option<String> {
    let Replicas { others, turn } = plan.transport.replicas.as_ref()?;
    let others: Vec<_> = others.iter().map(|url| without_credentials(url.as_str())).collect();
    let turn = match turn {
        Turn::PerCall => "each request, whatever its session, went to the next one",
        Turn::PerSession => "each session was opened at the next one",
    };
    Some(format!(
        "users took turns with {}: {turn}; metrics and health are those of the first URL",
        others.join(", ")
    ))
}

/// A warning where nobody looked at the target's certificate.
pub(super) fn unverified(plan: &Plan) -> Option<String> {
    let https = matches!(&plan.target, Target::Url(url) if url.scheme() == "https");
    (https && plan.transport.tls.insecure).then(|| {
        "the target's certificate was not verified (`insecure: true`): anybody on the way could have answered"
            .to_owned()
    })
}
