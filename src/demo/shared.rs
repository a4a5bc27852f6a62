//! What every part of one server shares, and the few things that both faces do the same way.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{JsonObject, Tool as ToolDefinition};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use serde_json::Value;
use tokio::time::Instant;

use super::auth::{AuthFailure, User, Users};
use super::call::ToolLabel;
use super::clock::Clock;
use super::expression::evaluate;
use super::faults::{Condition, Failure, Fate, FaultSwitch, Faults};
use super::health::{self, Check, Finding, Health, Status};
use super::journal::{Journal, JournalError, Line};
use super::metrics::{Endpoint, Format, Metrics, Readings, resident_bytes};
use super::options::{DemoOptions, LeakIn};
use super::search::{Document, Search, tokens};
use super::security::{BruteForce, suspicious_pattern};
use super::tools::{Progress, Tool, ToolError, run};
use crate::model::{clean_text, format_count};

/// The memory check is degraded above this.
const MUCH_MEMORY: u64 = 2 << 30;

/// The state of one server.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) options: DemoOptions,
    pub(super) metrics: Metrics,
    pub(super) faults: FaultSwitch,
    pub(super) users: Users,
    pub(super) journal: Journal,
    pub(super) sessions: Arc<LocalSessionManager>,
    definitions: Vec<ToolDefinition>,
    search: Search,
    brute_force: BruteForce,
    leaked: Mutex<Vec<Vec<u8>>>,
    /// What came in the last `Authorization` header, where it is to turn up somewhere.
    overheard: Mutex<Option<String>>,
}

/// What a tool call brings with it from the HTTP layer.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    pub(super) user: Arc<User>,
    pub(super) fate: Fate,
}

/// Why a tool call gave no result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ExecuteError {
    Tool(ToolError),
    /// A fault: the server itself is broken.
    Internal,
}

impl Shared {
    pub(super) fn new(options: DemoOptions) -> Result<Self, JournalError> {
        let clock = Clock::start();
        Ok(Self {
            clock,
            metrics: Metrics::new(),
            faults: FaultSwitch::new(options.faults.clone(), options.seed),
            users: Users::new(&options),
            journal: Journal::open(&options, clock)?,
            sessions: Arc::default(),
            definitions: Tool::ALL.into_iter().map(Tool::definition).collect(),
            search: Search::new(),
            brute_force: BruteForce::default(),
            leaked: Mutex::default(),
            overheard: Mutex::default(),
            options,
        })
    }

    /// The tool of that name, if it is on offer.
    pub(super) fn tool(&self, name: &str) -> Option<Tool> {
        Tool::named(name).filter(|tool| self.offers(*tool))
    }

    /// How the metrics call the tool of that name.
    pub(super) fn tool_label(&self, name: &str) -> ToolLabel {
        self.tool(name).map_or(ToolLabel::Unknown, ToolLabel::Tool)
    }

    /// All tools on offer.
    pub(super) fn definitions(&self) -> impl Iterator<Item = &ToolDefinition> {
        Tool::ALL
            .into_iter()
            .zip(&self.definitions)
            .filter(|(tool, _)| self.offers(*tool))
            .map(|(_, each)| each)
    }

    fn offers(&self, tool: Tool) -> bool {
        tool != Tool::Hostile || self.faults.get().is_some_and(|faults| faults.options().hostile_names)
    }

    /// Runs a tool as its fate has it.
    pub(super) async fn execute(
        &self,
        tool: Tool,
        arguments: &JsonObject,
        ticket: &Ticket,
        progress: Option<Progress>,
    ) -> Result<Value, ExecuteError> {
        let started = Instant::now();
        if !ticket.fate.delay.is_zero() {
            tokio::time::sleep(ticket.fate.delay).await;
        }
        let result = match ticket.fate.failure {
            Some(Failure::Tool) => {
                Err(ExecuteError::Tool(ToolError::Failed("injected tool error".to_owned())))
            }
            Some(Failure::Rpc) => Err(ExecuteError::Internal),
            Some(Failure::Http | Failure::Reset | Failure::Lose | Failure::Duplicate | Failure::Session)
            | None => run(tool, arguments, self, &ticket.user, progress).await.map_err(ExecuteError::Tool),
        };
        let result = result.map(|mut value| {
            if let (Some(secret), Value::Object(fields)) = (self.overheard(LeakIn::Reply), &mut value) {
                fields.insert("debug".to_owned(), STANDARD.encode(secret).into());
            }
            value
        });
        self.thaw().await;
        self.metrics.executed(tool, started.elapsed());
        result
    }

    /// Waits until calls move again, if they stand still: until the freeze is over, or is called off.
    pub(super) async fn thaw(&self) {
        while self.faults.any() {
            let mut replaced = pin!(self.faults.replaced());
            replaced.as_mut().enable();
            let faults = self.faults.get();
            let Some(until) = faults.and_then(|faults| faults.frozen_until(self.clock.now())) else { return };
            tokio::select! {
                () = tokio::time::sleep_until(self.clock.instant(until)) => {}
                () = replaced => {}
            }
        }
    }

    /// The `search` tool, with what is counted for it.
    pub(super) fn find(&self, query: &str, user: &User) -> Arc<[Document]> {
        let started = Instant::now();
        let found = self.search.find(query);
        if found.cached {
            self.metrics.cache_hits.increment();
        } else {
            self.metrics.cache_misses.increment();
            self.metrics.model_answered(started.elapsed());
            user.count_tokens(tokens(query, &found.documents));
        }
        found.documents
    }

    /// Counts and logs arguments that look like an attack.
    pub(super) fn inspect(&self, arguments: &str, endpoint: Endpoint) {
        if let Some(pattern) = suspicious_pattern(arguments) {
            self.metrics.suspicious(endpoint);
            let message = format!("suspicious request detected: {pattern} at {}", endpoint.as_str());
            self.log_security("WARNING", &message);
        }
    }

    /// Logs a failed authentication, and an attack by brute force. It was counted by [`Users`].
    pub(super) fn note_auth_failure(&self, failure: AuthFailure, address: IpAddr) {
        self.log_security("WARNING", &format!("authentication failed: {} from {address}", failure.as_str()));
        if let Some(failures) = self.brute_force.failed(address, self.clock.now()) {
            let message = format!("possible brute force attack: {failures} failures from {address}");
            self.log_security("ERROR", &message);
        }
    }

    fn log_security(&self, level: &'static str, message: &str) {
        if self.journal.is_on() {
            self.journal.write(Line::Security { at: self.clock.now(), level, message: clean_text(message) });
        }
    }

    /// A session was opened: loses the memory that the faults say.
    pub(super) fn leak(&self, faults: &Faults) {
        if let Some(size) = faults.options().leak_per_session {
            // Not zero, so that every page is really there.
            self.leaked.lock().unwrap_or_else(PoisonError::into_inner).push(vec![0xAA; size.0]);
        }
    }

    /// Keeps what proves who asks, where the faults have it turn up somewhere.
    pub(super) fn overhear(&self, faults: &Faults, proof: Option<&HeaderValue>) {
        if let Some(text) = proof.and_then(|value| value.to_str().ok())
            && !faults.options().leak_secret_in.is_empty()
        {
            *self.overheard.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
        }
    }

    /// What came last as a proof of who asks, if it is to turn up there.
    fn overheard(&self, place: LeakIn) -> Option<String> {
        self.faults.get().filter(|faults| faults.leaks_in(place))?;
        self.overheard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The whole of `/metrics`.
    pub(super) async fn metrics_text(&self, format: Format) -> String {
        let sessions = self.sessions.sessions.read().await.len();
        let leaked = self.leaked.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Vec::len).sum();
        self.metrics.write(
            format,
            &Readings {
                users: &self.users,
                auth_required: self.options.require_auth,
                max_connections: self.options.max_connections,
                container_limit: self.options.container_memory_limit.map(|mib| mib << 20),
                sessions,
                leaked_bytes: leaked,
                cached_searches: self.search.cached(),
                without: self.faults.get().and_then(|faults| faults.options().without_metric.clone()),
                started: self.clock.started(),
                overheard: self.overheard(LeakIn::Label),
            },
        )
    }

    /// Runs all health checks.
    pub(super) async fn health(&self) -> Health {
        let checks: Vec<(&'static str, Check<'_>)> = vec![
            ("backend", Box::pin(async { self.check_backend() })),
            ("journal", Box::pin(async { self.check_journal() })),
            ("memory", Box::pin(async { check_memory() })),
            ("tools", Box::pin(async { check_tools() })),
            ("users", Box::pin(async { self.check_users() })),
        ];
        health::run(checks, health::LIMIT, self.clock.timestamp(self.clock.now())).await
    }

    /// The backend is imaginary: it is as the faults say.
    fn check_backend(&self) -> Finding {
        let now = self.clock.now();
        match self.faults.get().map_or(Condition::Sound, |faults| faults.condition(now)) {
            Condition::Sound => Finding::healthy(),
            Condition::Degraded => Finding::new(Status::Degraded, "the backend answers slowly"),
            Condition::Unhealthy => Finding::new(Status::Unhealthy, "the backend can't be reached"),
        }
    }

    fn check_users(&self) -> Finding {
        let encoded = |text: String| {
            text.bytes().fold(String::new(), |mut out, byte| {
                write!(out, "%{byte:02X}").expect("writing to a string does not fail");
                out
            })
        };
        Finding { status: Status::Healthy, message: self.overheard(LeakIn::Health).map(encoded) }
    }

    fn check_journal(&self) -> Finding {
        if self.journal.has_failed() {
            Finding::new(Status::Degraded, "a log line could not be written")
        } else {
            Finding::healthy()
        }
    }

    /// True when calls may be sent.
    pub(super) async fn is_ready(&self) -> bool {
        let now = self.clock.now();
        let is_late = self.faults.get().is_some_and(|faults| faults.is_late_to_say_no(now));
        is_late || self.health().await.status != Status::Unhealthy
    }

    /// Takes as long as the faults have health endpoints take.
    pub(super) async fn linger(&self) {
        let faults = self.faults.get();
        if let Some(longer) = faults.and_then(|faults| faults.options().slow_probes) {
            tokio::time::sleep(longer).await;
        }
    }

    /// How long ago something began that began at `at`.
    pub(super) fn since(&self, at: Duration) -> Duration {
        self.clock.now().saturating_sub(at)
    }
}

fn check_memory() -> Finding {
    match resident_bytes() {
        Some(bytes) if bytes > MUCH_MEMORY => {
            Finding::new(Status::Degraded, format!("{} bytes are resident", format_count(bytes)))
        }
        Some(_) | None => Finding::healthy(),
    }
}

fn check_tools() -> Finding {
    if evaluate("2 * (3 + 4)") == Ok(14.0) {
        Finding::healthy()
    } else {
        Finding::new(Status::Unhealthy, "the calculator is wrong")
    }
}
