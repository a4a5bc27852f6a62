//! Who is called, as written: `demo`, the demo with arguments, a URL, a URL with how it is reached, or a command.

use std::path::Path;

use url::Url;

use super::{Sources, stdio_file, text, transport_file};
use crate::input::{Field, Fields, Place, Problem, Problems, Value, quoted};
use crate::model::clean_text;
use crate::plan::{
    CarriageChoice, DemoTarget, Environment, HostRule, LONGEST_PATH, Replicas, Target, Transport, Turn,
};

const DEMO_PATHS: [&str; 2] = ["/mcp", "/mcp/stateless"];

/// A target and its place.
#[derive(Debug)]
pub(super) struct WrittenTarget {
    pub target: Target,
    pub transport: Transport,
    /// Where it says who is called.
    pub place: Place,
    /// The other URLs, and where each stands.
    pub others: Vec<(Url, Place)>,
}

/// The target of the scenario at `scenario`.
pub(super) fn read(
    field: Field<'_>,
    scenario: &Path,
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> Option<WrittenTarget> {
    let target = match &field.node.value {
        Value::Map(_) => return read_map(field, scenario, sources, problems),
        Value::Text(word) if word == "demo" => {
            Target::Demo(DemoTarget { path: DEMO_PATHS[0].to_owned(), arguments: Vec::new() })
        }
        Value::Null | Value::Bool(_) | Value::Number(..) | Value::Text(_) | Value::List(_) => {
            Target::Url(read_url(field, sources.env, problems)?)
        }
    };
    let (transport, place) = (Transport::default(), field.node.place.clone());
    Some(WrittenTarget { target, transport, place, others: Vec::new() })
}

fn read_map(
    field: Field<'_>,
    scenario: &Path,
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> Option<WrittenTarget> {
    let mut fields = Fields::of(field.node, "`target`", problems)?;
    let kind = fields.exactly_one(&["demo", "url", "urls", "stdio"], problems);
    let read = match kind {
        Some(("url", url, _)) => {
            let place = url.node.place.clone();
            let target = read_url(url, sources.env, problems).map(Target::Url);
            let transport = transport_file::read(&mut fields, target.as_ref(), scenario, sources, problems);
            Some((target, transport, place))
        }
        Some(("urls", urls, _)) => return read_urls(urls, fields, scenario, sources, problems),
        Some(("stdio", command, _)) => {
            let place = command.node.place.clone();
            let target = stdio_file::read(command, &mut fields, sources.env, problems).map(Target::Stdio);
            Some((target, Some(Transport::default()), place))
        }
        Some((_, demo, _)) => {
            let target = read_demo(demo, problems).map(Target::Demo);
            Some((target, Some(Transport::default()), field.node.place.clone()))
        }
        None => None,
    };
    fields.finish(problems);
    let (target, transport, place) = read?;
    Some(WrittenTarget { target: target?, transport: transport?, place, others: Vec::new() })
}

/// Several URLs, and whose turn it is when.
fn read_urls(
    field: Field<'_>,
    mut fields: Fields<'_>,
    scenario: &Path,
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> Option<WrittenTarget> {
    let items: Vec<Field<'_>> = field.items(problems).collect();
    let count = items.len();
    if count < 2 {
        field.wrong("there is nothing to take turns with", "write two URLs or more, or `url: URL`", problems);
    }
    let mut urls = Vec::new();
    for item in items {
        let Some(url) = read_url(item, sources.env, problems) else { continue };
        if urls.first().is_some_and(|(first, _): &(Url, Place)| first.scheme() != url.scheme()) {
            item.wrong(
                "it is not of the scheme of the first",
                "write `http` or `https` in all of them",
                problems,
            );
        }
        urls.push((url, item.node.place.clone()));
    }
    let turns = [Turn::PerCall, Turn::PerSession].map(|turn| (turn.name(), turn));
    let turn = fields.optional("turn").map_or(Some(Turn::PerSession), |field| field.word(&turns, problems));
    let first = urls.first().map(|(url, _)| Target::Url(url.clone()));
    let carriage_place = fields.value_place("transport").cloned();
    let transport = transport_file::read(&mut fields, first.as_ref(), scenario, sources, problems);
    fields.finish(problems);
    let mut transport = transport?;
    if let (CarriageChoice::Sse, Some(place)) = (transport.carriage, carriage_place) {
        let message = "several URLs are called in turn over Streamable HTTP alone";
        problems.push(Problem::error(&place, message).help("remove `transport`, or write one `url`"));
    }
    if urls.len() < count || count < 2 {
        return None;
    }
    let (_, place) = urls.remove(0);
    transport.carriage = CarriageChoice::StreamableHttp;
    let others = urls.iter().map(|(url, _)| url.clone()).collect();
    transport.replicas = Some(Replicas { others, turn: turn? });
    Some(WrittenTarget { target: first?, transport, place, others: urls })
}

fn read_demo(field: Field<'_>, problems: &mut Problems) -> Option<DemoTarget> {
    let mut fields = Fields::of(field.node, "`demo`", problems)?;
    let paths = DEMO_PATHS.map(|path| (path, path));
    let path = fields.optional("path").map_or(Some(DEMO_PATHS[0]), |field| field.word(&paths, problems));
    let mut arguments = Vec::new();
    if let Some(list) = fields.optional("arguments") {
        for item in list.items(problems).collect::<Vec<_>>() {
            let Some(argument) = item.text(problems) else { continue };
            if argument == "--listen" || argument.starts_with("--listen=") {
                item.wrong("gander chooses the address itself", "remove `--listen`", problems);
            }
            arguments.push(argument.to_owned());
        }
    }
    fields.finish(problems);
    Some(DemoTarget { path: path?.to_owned(), arguments })
}

fn read_url(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<Url> {
    const HELP: &str = "write `demo`, or a URL such as `http://127.0.0.1:8080/mcp`";
    let text = text::fixed(field, env, problems)?;
    // What the environment gave may be a secret: messages show the text as written.
    let written = field.text(problems)?;
    let url = match Url::parse(text.expose()) {
        Ok(url) => url,
        Err(error) => {
            field.wrong(format!("{} is no URL: {error}", quoted(written)), HELP, problems);
            return None;
        }
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        field.wrong("only `http` and `https` can be called", HELP, problems);
        return None;
    }
    if url.as_str().len() > LONGEST_PATH {
        let message = format!("a URL of more than {LONGEST_PATH} bytes cannot be called");
        field.wrong(message, "write a shorter one", problems);
        return None;
    }
    if url.query().is_some() && written.contains("{{") {
        let help = "write `auth: {headers: {NAME: \"{{ env.NAME }}\"}}`, or the query without `{{ }}`";
        field.wrong("a query from the environment would end up in reports", help, problems);
        return None;
    }
    if !url.username().is_empty() || url.password().is_some() {
        field.wrong("credentials in a URL end up in reports", "remove them and write `auth`", problems);
        return None;
    }
    if url.fragment().is_some() {
        field.wrong("a URL with `#` cannot be called", "remove the `#` and what follows", problems);
        return None;
    }
    Some(url)
}

/// Load goes to this machine, or to hosts that are named; and so do the questions that watching asks.
pub(super) fn check_host(url: &Url, place: &Place, hosts: &HostRule, problems: &mut Problems) {
    if hosts.permits(url) {
        return;
    }
    let host = clean_text(url.host_str().unwrap_or_default().trim_matches(['[', ']']));
    problems.push(
        Problem::error(place, format!("nothing may be sent to {}", quoted(&host))).label("not this machine").help(
            format!(
                "if you may load that server, write `allow_hosts: [\"{host}\"]` in the scenario or `--allow-host {host}`"
            ),
        ),
    );
}
