//! The scenario, as a person likes to read and edit it.

use std::time::Duration;

use super::comments::{comment, one_line};
use super::draft::{Call, Entry};
use super::inventory::{Effect, Inventory};
use super::visit::{Probing, Server};
use super::yaml::{self, literal, scalar};

/// What the top of the file says.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) server: Server,
    pub(super) allow_hosts: Vec<String>,
    pub(super) bearer_env: Option<String>,
    pub(super) probing: Probing,
}

/// Of so many things that are left out a comment tells.
const MOST_TOLD: usize = 20;
/// The mean pause of a user, as the text below has it.
const PAUSE: Duration = Duration::from_millis(300);
/// The warm-up and the ramp, as the text below has them, and a little more.
const NOT_COUNTED: Duration = Duration::from_secs(4);
/// Calls that a run should make: with fewer than 299 an error ratio of 1 % is not proven.
const WANTED_CALLS: f64 = 500.0;
const FEWEST_USERS: u32 = 5;
const MOST_USERS: u32 = 20;
const SHORT: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_secs(120);

/// The little scenario that the visit itself is made with. Its target comes from the command line.
pub(super) fn skeleton(bearer_env: Option<&str>) -> String {
    let auth = bearer_env.map(auth_line).unwrap_or_default();
    format!(
        "version: 1\nname: init\ntarget: demo\n{auth}timeout: 10s\nload: {{users: 1, duration: 1s}}\n\
         transactions: [{{name: tools, list_tools: {{}}}}]\n"
    )
}

fn auth_line(variable: &str) -> String {
    format!("auth: {{bearer: \"{{{{ env.{variable} }}}}\"}}\n")
}

/// The scenario that makes the calls of `entries`.
pub(super) fn scenario_text(head: &Head, inventory: &Inventory, entries: &[Entry]) -> String {
    let mut text = top(head, inventory);
    text.push_str(&load_lines(entries));
    text.extend([
        "\n# What must hold, relative to this file.\nslo: [",
        &scalar(&head.name),
        ".slo.yaml]\n\n",
    ]);
    text.push_str(&comment(
        0,
        "What users do: each time one of these, drawn by weight (`weight: 4` four times as often as `weight: 1`). \
         `weight: 0` switches off. A transaction is one call, or several in `steps`; a call can have `checks`, \
         such as `checks: [{contains: some text}]`.",
    ));
    let silent = inventory.tools.iter().all(|tool| tool.effect == Effect::Unsaid);
    if silent && !inventory.tools.is_empty() {
        text.push_str(&comment(
            0,
            "The server says of none of its tools whether it changes anything (it gives no annotations): look at them \
             before you load them.",
        ));
    }
    for left_out in inventory.left_out.iter().take(MOST_TOLD) {
        text.push_str(&comment(0, &format!("Not in here: {}.", one_line(left_out))));
    }
    if let Some(more) = inventory.left_out.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        text.push_str(&comment(0, &format!("Not in here: {more} more that no scenario can name.")));
    }
    text.push_str("transactions:\n");
    for (at, entry) in entries.iter().enumerate() {
        text.push_str(if at == 0 { "" } else { "\n" });
        text.push_str(&entry_text(entry));
    }
    text
}

fn top(head: &Head, inventory: &Inventory) -> String {
    let server = if inventory.server.is_empty() { "a server without a name" } else { &inventory.server };
    let name = scalar(&head.name);
    let tried = match head.probing {
        Probing::Each => "Each call that is switched on was tried once.",
        Probing::Nothing => "No call was tried: some may fail.",
    };
    let mut text = comment(
        0,
        &format!(
            "A first load for {}, MCP {}, written by `gander init`. It is yours: change what you like. {tried} \
             `gander validate {name}.yaml` shows what a run would do and sends nothing; `gander run {name}.yaml` runs it.",
            one_line(server),
            inventory.revision
        ),
    );
    text.push_str(EXPRESSIONS);
    let target = match &head.server {
        Server::At(url) => scalar(url.trim()),
        Server::Command(command) => format!("{{stdio: {}}}", scalar(command.trim())),
    };
    text.extend(["version: 1\nname: ", &name, "\n\ntarget: ", &target, "\n"]);
    if !head.allow_hosts.is_empty() {
        let hosts: Vec<String> = head.allow_hosts.iter().map(|host| scalar(host)).collect();
        text.push_str("# Load goes to this machine, and to hosts that are named here. Load only servers that you may load.\n");
        text.extend(["allow_hosts: [", &hosts.join(", "), "]\n"]);
    }
    match &head.bearer_env {
        Some(variable) => text.push_str(&auth_line(variable)),
        None => text
            .push_str("# auth: {bearer: \"{{ env.TOKEN }}\"}    who calls, where the server wants to know\n"),
    }
    text
}

const EXPRESSIONS: &str = "\
#
# Texts may hold {{ expressions }}, computed for each call; put quotes around such a text:
#   {{ random.int(1, 100) }}             a whole number, both ends included
#   {{ random.choice(\"a\", \"b\") }}        one of these
#   {{ nonce }}                          a text that no other call of the run has
#   {{ env.NAME }}                       an environment variable

";

/// Users enough for a verdict, and no more than a server bears that was never loaded.
fn load_lines(entries: &[Entry]) -> String {
    let took: Vec<Duration> =
        entries.iter().filter(|entry| entry.is_on()).filter_map(|entry| entry.took).collect();
    let count = u32::try_from(took.len().max(1)).unwrap_or(u32::MAX);
    let round = (PAUSE + took.iter().sum::<Duration>() / count).as_secs_f64();
    let calls_of_one = |duration: Duration| duration.saturating_sub(NOT_COUNTED).as_secs_f64() / round;
    let users =
        (FEWEST_USERS..MOST_USERS).find(|users| f64::from(*users) * calls_of_one(SHORT) >= WANTED_CALLS);
    let (users, duration) = match users {
        Some(users) => (users, SHORT),
        None => (MOST_USERS, LONG),
    };
    let duration = yaml::duration(duration);
    format!(
        "
# A call that takes longer is given up, and counts as failed.
timeout: 10s

# {users} users come within the `ramp` and stay. Each calls, waits for the answer, pauses for the think time, and again.
# `duration` is all of it; calls begun in the warm-up are reported and not judged.
# In place of users a load can have a rate: `load: {{rate: 20/s, ramp: 5s, duration: 1m, warm_up: 10s}}`.
load:
  users: {users}
  ramp: 1s
  duration: {duration}
  warm_up: 2s
  think_time: {{min: 100ms, max: 500ms}}
"
    )
}

/// The lines of one transaction.
pub(super) fn entry_text(entry: &Entry) -> String {
    let mut text = format!("  - name: {}\n", scalar(&entry.name));
    for said in &entry.said {
        text.push_str(&comment(4, said));
    }
    if let Some(why) = &entry.off {
        let why = one_line(why);
        let why = why.trim_end_matches('.');
        text.push_str(&comment(
            4,
            &format!("Switched off: {why}. Give it a weight above 0 to have it called."),
        ));
    }
    text.extend(["    weight: ", &entry.weight().to_string(), "\n"]);
    match &entry.call {
        Call::Bare(call) => text.extend(["    ", call, ": {}\n"]),
        Call::Resource { uri } => text.extend(["    read_resource: ", &literal(uri), "\n"]),
        Call::Tool { tool, arguments, as_task } => {
            push_named("call_tool", "tool", tool, arguments, &mut text);
            if *as_task {
                text.push_str("    task: true\n");
            }
        }
        Call::Prompt { prompt, arguments } => push_named("get_prompt", "name", prompt, arguments, &mut text),
    }
    text
}

fn push_named(call: &str, key: &str, name: &str, arguments: &[(String, String)], text: &mut String) {
    text.extend(["    ", call, ":\n      ", key, ": ", &scalar(name), "\n"]);
    if !arguments.is_empty() {
        text.push_str("      arguments:\n");
    }
    for (name, value) in arguments {
        text.extend(["        ", &scalar(name), ": ", value, "\n"]);
    }
}
