//! The visit from beginning to end: contact, survey, draft, a try of each call, the two texts.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::asker::Asker;
use super::draft::{Entry, draft};
use super::inventory::Inventory;
use super::scenario_text::{Head, scenario_text, skeleton};
use super::slo_text::slo_text;
use super::survey::survey;
use crate::clock::Clock;
use crate::input::{Files, Problems};
use crate::mcp::{ContactError, WireError, first_contact, first_contact_over_stdio};
use crate::model::Outcome;
use crate::plan::{Environment, Plan, Proxies, Target};
use crate::scenario::{Loaded, Overrides, Sources, load};

/// What messages call the little scenario that the visit itself is made with.
const OWN_FILE: &str = "gander-init.yaml";
/// An open-ended tool is not waited for.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// What the visit is to do.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// The server.
    pub server: Server,
    /// The name of the scenario; without one it is the server's own.
    pub name: Option<String>,
    /// Hosts that may be called, beside loopback.
    pub allow_hosts: Vec<String>,
    /// The environment variable that holds the bearer token.
    pub bearer_env: Option<String>,
    /// Whether calls are tried.
    pub probing: Probing,
    /// How requests name who sends them.
    pub user_agent: String,
}

/// Which server is asked, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// The one at this URL.
    At(String),
    /// The process that this command starts, spoken to over its standard input and output.
    Command(String),
}

/// Whether calls are tried before they are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probing {
    /// Each once, but for those that destroy something.
    Each,
    /// None.
    Nothing,
}

/// A server that said what it has.
pub struct Visit<'e> {
    options: InitOptions,
    env: Environment<'e>,
    name: String,
    inventory: Inventory,
    asker: Asker,
}

/// The texts, and what to tell of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drafted {
    /// The name of the scenario, and of its files.
    pub name: String,
    /// The scenario.
    pub scenario: String,
    /// Its SLOs.
    pub slo: String,
    /// How many transactions are switched on.
    pub enabled: usize,
    /// The transactions that are switched off, and why: printable.
    pub disabled: Vec<(String, String)>,
    /// What is in neither file: printable.
    pub left_out: Vec<String>,
}

/// Why there are no files.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// A flag: nothing was sent.
    #[error("there are mistakes in the flags")]
    Flags(Problems),
    /// `demo` is no server that is there.
    #[error(
        "`demo` is not the URL of a server: start it, with `gander demo` the built-in one, and give its URL"
    )]
    NoServer,
    /// The server was not reached, or does not speak MCP.
    #[error(transparent)]
    Contact(#[from] ContactError),
    /// Requests can't be made.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// What was written can't be read back: a bug in gander.
    #[error("what was written can't be read back")]
    Unreadable(Problems),
}

impl InitError {
    /// True when the server wants to know who calls.
    pub fn asks_who_calls(&self) -> bool {
        let Self::Contact(ContactError::Refused { outcome, .. }) = self else { return false };
        matches!(outcome, Outcome::HttpStatus(401 | 403))
    }
}

/// Makes contact with the server and asks it what it has.
///
/// # Errors
/// [`InitError::Flags`] before anything is sent; else why the server could not be asked.
pub async fn visit<'e>(
    options: InitOptions,
    env: Environment<'e>,
    proxies: &Proxies,
) -> Result<Visit<'e>, InitError> {
    let (target, stdio) = match options.server.clone() {
        Server::At(url) => (Some(url), None),
        Server::Command(command) => (None, Some(command)),
    };
    let overrides =
        Overrides { target, stdio, allow_hosts: options.allow_hosts.clone(), ..Overrides::default() };
    let own = skeleton(options.bearer_env.as_deref());
    let plan = read_back(OWN_FILE, &own, "", &overrides, env).map_err(InitError::Flags)?.plan;
    let clock = Clock::start();
    let contact = match &plan.target {
        Target::Url(url) => first_contact(&plan, url, proxies, &options.user_agent, clock).await?,
        Target::Stdio(target) => first_contact_over_stdio(&plan, target, clock).await?,
        Target::Demo(_) => return Err(InitError::NoServer),
    };
    let mut asker = Asker::new(plan, options.user_agent.clone(), contact.wire, clock);
    let inventory = survey(&mut asker, &contact.info).await?;
    let name = options.name.clone().unwrap_or_else(|| inventory.file_name());
    Ok(Visit { options, env, name, inventory, asker })
}

impl Visit<'_> {
    /// The name of the scenario, and of its files: letters, digits, `-`, `_` and `.`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Drafts the calls, tries each once, and writes the texts. `tell` is told how many are tried.
    ///
    /// # Errors
    /// [`InitError::Unreadable`] is a bug.
    pub async fn draft(mut self, tell: &mut dyn FnMut(usize)) -> Result<Drafted, InitError> {
        let mut entries = draft(&mut self.inventory);
        let head = self.head();
        if self.options.probing == Probing::Each {
            let text = scenario_text(&head, &self.inventory, &entries);
            let slo = slo_text(&self.name, &entries);
            let mut plan = self.checked(&text, &slo)?.plan;
            for step in &mut plan.steps {
                step.deadline = step.deadline.min(PROBE_LIMIT);
            }
            tell(entries.iter().filter(|entry| entry.is_on()).count());
            probe(&mut self.asker, plan, &mut entries).await?;
        }
        if !entries.iter().any(Entry::is_on) {
            entries.push(Entry::ping());
        }
        let text = scenario_text(&head, &self.inventory, &entries);
        let slo = slo_text(&self.name, &entries);
        self.checked(&text, &slo)?;
        self.asker.close().await;
        let off = |entry: &Entry| Some((entry.name.clone(), entry.off.clone()?));
        Ok(Drafted {
            enabled: entries.iter().filter(|entry| entry.is_on()).count(),
            disabled: entries.iter().filter_map(off).collect(),
            left_out: self.inventory.left_out.clone(),
            scenario: text,
            slo,
            name: self.name,
        })
    }

    fn head(&self) -> Head {
        Head {
            name: self.name.clone(),
            server: self.options.server.clone(),
            allow_hosts: self.options.allow_hosts.clone(),
            bearer_env: self.options.bearer_env.clone(),
            probing: self.options.probing,
        }
    }

    /// Both texts, read as `gander run` would read them.
    fn checked(&self, scenario: &str, slo: &str) -> Result<Loaded, InitError> {
        let path = format!("{}.yaml", self.name);
        read_back(&path, scenario, slo, &Overrides::default(), self.env).map_err(InitError::Unreadable)
    }
}

/// Makes each call once that is switched on, and switches off what fails.
async fn probe(asker: &mut Asker, plan: Plan, entries: &mut [Entry]) -> Result<(), InitError> {
    asker.take_up(plan)?;
    for entry in entries.iter_mut().filter(|entry| entry.is_on()) {
        match asker.try_transaction(&entry.name).await {
            Ok(took) => entry.took = Some(took),
            Err(why) => entry.off = Some(format!("when it was tried, it failed: {why}")),
        }
    }
    Ok(())
}

/// Reads texts that are in no file.
pub(super) fn read_back(
    path: &str,
    scenario: &str,
    slo: &str,
    overrides: &Overrides,
    env: Environment<'_>,
) -> Result<Loaded, Problems> {
    let read = |wanted: &Path| {
        if wanted == Path::new(path) {
            Ok(scenario.to_owned())
        } else if wanted.to_str().is_some_and(|name| name.ends_with(".slo.yaml")) {
            Ok(slo.to_owned())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    };
    let files = Files { read: &read, names: &|_| Vec::new() };
    // No format is named in the texts.
    load(Path::new(path), overrides, &Sources { files, env, formats: &[] })
}
