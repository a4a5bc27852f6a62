//! The field `grafana` of `outputs`, read field by field.

use crate::input::{Address, Field, Fields, Problems, quoted};
use crate::plan::{Environment, GrafanaPlace, HostRule, keeps_secrets};

use super::target_file::check_host;

/// A tag is no longer than this, in characters: Grafana keeps no more.
const LONGEST_TAG: usize = 100;

/// What is said of its address.
const GRAFANA: Address = Address {
    of: "a Grafana",
    example: "http://127.0.0.1:3000",
    credentials: "put the token of a service account into a variable, and name it with `token_env`",
};

/// What it says. A host that is not permitted, and a token that is not there or would be seen on its way, are mistakes.
pub(super) fn read(
    field: Field<'_>,
    hosts: &HostRule,
    env: Environment<'_>,
    problems: &mut Problems,
) -> Option<GrafanaPlace> {
    let mut fields = Fields::of(field.node, "`grafana`", problems)?;
    let url_field = fields.required("url", problems);
    let url = url_field.and_then(|field| GRAFANA.read(field, problems));
    if let (Some(field), Some(url)) = (url_field, &url) {
        check_host(url, &field.node.place, hosts, problems);
    }
    let token_env = fields.optional("token_env").map(|field| {
        let name = field.name(problems)?;
        if url.as_ref().is_some_and(|url| !keeps_secrets(url)) {
            field.wrong("the token would be sent in the clear", "write `https://` in `url`", problems);
        }
        if env(name).is_none() {
            let help =
                format!("set {} to the token of a service account that may write annotations", quoted(name));
            field.wrong(format!("the environment variable {} is not set", quoted(name)), help, problems);
        }
        Some(name.to_owned())
    });
    let dashboard = fields.optional("dashboard_uid").map(|field| field.name(problems).map(str::to_owned));
    let tags = fields.optional("tags").map(|field| {
        let items: Vec<Field<'_>> = field.items(problems).collect();
        let tags = items.into_iter().filter_map(|item| {
            let tag = item.name(problems)?;
            if tag.chars().count() > LONGEST_TAG {
                item.wrong(format!("longer than {LONGEST_TAG} characters"), "write a shorter tag", problems);
            }
            Some(tag.to_owned())
        });
        tags.collect::<Vec<_>>()
    });
    fields.finish(problems);
    Some(GrafanaPlace {
        url: url?,
        token_env: token_env.map_or(Some(None), |name| name.map(Some))?,
        dashboard_uid: dashboard.map_or(Some(None), |uid| uid.map(Some))?,
        tags: tags.unwrap_or_default(),
    })
}
