//! Everything `/metrics` says: the instruments, and the families they are written as. What a request counts as is
//! decided in `call`; what is counted is told in the documentation of `demo`.

mod exposition;
mod instruments;
mod labels;
mod process;
mod success_rate;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(super) use exposition::Format;
use exposition::{Exposition, Kind};
use instruments::{Counter, Histogram, Summary};
pub(super) use labels::{Endpoint, Transport};
use labels::{is_offered, tool_index};
pub(super) use process::resident_bytes;
use success_rate::SuccessRates;

use super::auth::Users;
use super::call::{Ending, Method, ToolLabel};
use super::faults::Faults;
use super::search::MODEL;
use super::tools::Tool;

const REQUEST_BUCKETS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];
/// The client libraries' own: nobody chose any.
const CONNECTION_BUCKETS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const MODEL_BUCKETS: &[f64] = &[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// Label values of `tool`: every tool, and `unknown`.
const TOOL_LABELS: usize = Tool::ALL.len() + 1;

/// All instruments of one server.
#[derive(Debug)]
pub(super) struct Metrics {
    /// The methods that call no tool, by position in [`Method::ALL`].
    methods: Box<[Requests]>,
    mcp_tools: [Requests; TOOL_LABELS],
    rest_tools: [Requests; TOOL_LABELS],
    tool_errors: [[Counter; Ending::ERRORS.len()]; TOOL_LABELS],
    executions: [Summary; Tool::ALL.len()],
    success_rates: SuccessRates,
    in_flight: AtomicU64,
    open_connections: AtomicU64,
    connections: [Connections; Transport::ALL.len()],
    suspicious: [Counter; Endpoint::ALL.len()],
    pub(super) cache_hits: Counter,
    pub(super) cache_misses: Counter,
    model_responses: Histogram,
}

/// One (method, tool) of `mcp_requests_total` and `mcp_request_duration_seconds`.
#[derive(Debug)]
struct Requests {
    success: Counter,
    error: Counter,
    duration: Histogram,
}

#[derive(Debug)]
struct Connections {
    active: AtomicU64,
    duration: Histogram,
}

/// What is known elsewhere and only written here.
pub(super) struct Readings<'a> {
    /// What a careless server tells of its last client.
    pub(super) overheard: Option<String>,
    pub(super) users: &'a Users,
    pub(super) auth_required: bool,
    pub(super) max_connections: u64,
    /// In bytes; `None` where nothing is told of a container.
    pub(super) container_limit: Option<u64>,
    pub(super) sessions: usize,
    pub(super) leaked_bytes: usize,
    pub(super) cached_searches: usize,
    /// The metric that is left out.
    pub(super) without: Option<String>,
    /// When the server started, in seconds since the epoch.
    pub(super) started: f64,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let requests = || Requests {
            success: Counter::default(),
            error: Counter::default(),
            duration: Histogram::new(REQUEST_BUCKETS),
        };
        let connections =
            || Connections { active: AtomicU64::new(0), duration: Histogram::new(CONNECTION_BUCKETS) };
        Self {
            methods: Method::ALL.iter().map(|_| requests()).collect(),
            mcp_tools: std::array::from_fn(|_| requests()),
            rest_tools: std::array::from_fn(|_| requests()),
            tool_errors: std::array::from_fn(|_| std::array::from_fn(|_| Counter::default())),
            executions: std::array::from_fn(|_| Summary::default()),
            success_rates: SuccessRates::default(),
            in_flight: AtomicU64::new(0),
            open_connections: AtomicU64::new(0),
            connections: std::array::from_fn(|_| connections()),
            suspicious: std::array::from_fn(|_| Counter::default()),
            cache_hits: Counter::default(),
            cache_misses: Counter::default(),
            model_responses: Histogram::new(MODEL_BUCKETS),
        }
    }

    /// A request came in; [`Metrics::count`] follows exactly once.
    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one request that ended, as truthfully as the faults allow.
    pub(super) fn count(
        &self,
        method: Method,
        tool: ToolLabel,
        ending: Ending,
        service: Duration,
        faults: Option<&Faults>,
    ) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if faults.is_some_and(Faults::loses_this_count) {
            return;
        }
        let hidden = faults.is_some_and(Faults::hides_errors);
        let requests = self.requests(method, tool);
        let unit = if faults.is_some_and(Faults::mistakes_the_unit) { 1_000 } else { 1 };
        requests.duration.observe(service.saturating_mul(unit));
        let error = Ending::ERRORS.iter().position(|error| *error == ending).filter(|_| !hidden);
        match error {
            Some(error) => {
                requests.error.increment();
                if method.calls_a_tool() {
                    self.tool_errors[tool_index(tool)][error].increment();
                }
            }
            None => requests.success.increment(),
        }
    }

    /// Counts one run of a tool.
    pub(super) fn executed(&self, tool: Tool, duration: Duration) {
        self.executions[tool.index()].observe(duration);
    }

    /// Counts one answer of the simulated model.
    pub(super) fn model_answered(&self, duration: Duration) {
        self.model_responses.observe(duration);
    }

    /// Counts a request that matched an attack pattern.
    pub(super) fn suspicious(&self, endpoint: Endpoint) {
        self.suspicious[endpoint as usize].increment();
    }

    /// Counts a connection in; false when there are `max` already.
    pub(super) fn connect(&self, transport: Transport, max: u64) -> bool {
        let one_more = |open: u64| (open < max).then_some(open + 1);
        let order = Ordering::Relaxed;
        let admitted = self.open_connections.fetch_update(order, order, one_more).is_ok();
        if admitted {
            self.connections[transport as usize].active.fetch_add(1, order);
        }
        admitted
    }

    /// Counts a connection out, as truthfully as the faults allow.
    pub(super) fn disconnect(&self, transport: Transport, lasted: Duration, faults: Option<&Faults>) {
        let connections = &self.connections[transport as usize];
        if !faults.is_some_and(Faults::keeps_connections) {
            connections.active.fetch_sub(1, Ordering::Relaxed);
        }
        self.open_connections.fetch_sub(1, Ordering::Relaxed);
        connections.duration.observe(lasted);
    }

    /// To be called once a second: moves the window of `mcp_tool_success_rate`.
    pub(super) fn tick(&self) {
        self.success_rates.tick(self.tool_counts());
    }

    /// The whole of `/metrics`.
    pub(super) fn write(&self, format: Format, readings: &Readings<'_>) -> String {
        let mut out = Exposition::new(format).without(readings.without.as_deref());
        self.write_requests(&mut out);
        self.write_tools(&mut out);
        self.write_connections(&mut out, readings);
        self.write_cache(&mut out);
        self.write_security(&mut out, readings.users);
        self.write_usage(&mut out, readings.users);
        if let Some(authorization) = &readings.overheard {
            out.family("mcp_last_client_info", Kind::Gauge, "Who called last");
            out.sample(&[("authorization", authorization)], 1.0);
        }
        write_resources(&mut out, readings, self.in_flight.load(Ordering::Relaxed));
        process::write(&mut out, readings.started);
        if let Some(limit) = readings.container_limit {
            process::write_container(&mut out, limit);
        }
        out.finish()
    }

    fn requests(&self, method: Method, tool: ToolLabel) -> &Requests {
        if method == Method::ToolsCall {
            &self.mcp_tools[tool_index(tool)]
        } else if method == Method::RestExecute {
            &self.rest_tools[tool_index(tool)]
        } else {
            &self.methods[method as usize]
        }
    }

    /// What the server offers has its series from the start, so that a first error is an increase; the rest
    /// comes with its first request.
    fn series(&self) -> impl Iterator<Item = (Method, ToolLabel, &Requests)> {
        let labels = || Tool::ALL.into_iter().map(ToolLabel::Tool).chain([ToolLabel::Unknown]);
        let tools = [Method::ToolsCall, Method::RestExecute]
            .into_iter()
            .flat_map(move |method| labels().map(move |label| (method, label)));
        let others = Method::ALL
            .into_iter()
            .filter(|method| !method.calls_a_tool())
            .map(|method| (method, ToolLabel::None));
        tools
            .chain(others)
            .map(|(method, tool)| (method, tool, self.requests(method, tool)))
            .filter(|(method, tool, requests)| is_offered(*method, *tool) || requests.seen())
    }

    fn write_requests(&self, out: &mut Exposition) {
        out.family("mcp_requests_total", Kind::Counter, "Total number of MCP requests");
        for (method, tool, requests) in self.series() {
            for (status, counter) in [("success", &requests.success), ("error", &requests.error)] {
                let labels = [("method", method.as_str()), ("tool", tool.as_str()), ("status", status)];
                out.sample(&labels, counter.get() as f64);
            }
        }
        out.family("mcp_request_duration_seconds", Kind::Histogram, "MCP request duration in seconds");
        for (method, tool, requests) in self.series() {
            requests.duration.write(out, &[("method", method.as_str()), ("tool", tool.as_str())]);
        }
    }

    fn write_tools(&self, out: &mut Exposition) {
        out.family("mcp_tool_execution_seconds", Kind::Summary, "Tool execution time in seconds");
        for tool in Tool::ALL.into_iter().filter(|tool| self.shows(*tool)) {
            self.executions[tool.index()].write(out, &[("tool_name", tool.name())]);
        }
        out.family("mcp_tool_errors_total", Kind::Counter, "Total number of tool execution errors");
        for tool in Tool::ALL.into_iter().filter(|tool| self.shows(*tool)).map(ToolLabel::Tool) {
            self.write_tool_errors(out, tool);
        }
        self.write_tool_errors(out, ToolLabel::Unknown);
        out.family("mcp_tool_success_rate", Kind::Gauge, "Tool execution success rate");
        let rates = self.success_rates.rates(self.tool_counts());
        for (tool, rate) in Tool::ALL.into_iter().zip(rates) {
            if let Some(rate) = rate {
                let labels = [("tool_name", tool.name()), ("time_window", success_rate::WINDOW)];
                out.sample(&labels, rate);
            }
        }
    }

    fn write_tool_errors(&self, out: &mut Exposition, tool: ToolLabel) {
        for (ending, counter) in Ending::ERRORS.into_iter().zip(&self.tool_errors[tool_index(tool)]) {
            let labels = [("tool_name", tool.as_str()), ("error_type", ending.error_type())];
            out.sample(&labels, counter.get() as f64);
        }
    }

    fn write_connections(&self, out: &mut Exposition, readings: &Readings<'_>) {
        out.family("mcp_active_connections", Kind::Gauge, "Number of active MCP connections");
        for (transport, each) in Transport::ALL.into_iter().zip(&self.connections) {
            let labels = [("transport_type", transport.as_str())];
            out.sample(&labels, each.active.load(Ordering::Relaxed) as f64);
        }
        let help = "Number of MCP connections the server admits";
        out.family("mcp_max_connections", Kind::Gauge, help);
        out.sample(&[], readings.max_connections as f64);
        out.family("mcp_connection_duration_seconds", Kind::Histogram, "Connection duration in seconds");
        for (transport, each) in Transport::ALL.into_iter().zip(&self.connections) {
            each.duration.write(out, &[("transport_type", transport.as_str())]);
        }
    }

    fn write_cache(&self, out: &mut Exposition) {
        out.family("mcp_cache_hits_total", Kind::Counter, "Total cache hits");
        out.sample(&[("cache_type", "search")], self.cache_hits.get() as f64);
        out.family("mcp_cache_misses_total", Kind::Counter, "Total cache misses");
        out.sample(&[("cache_type", "search")], self.cache_misses.get() as f64);
    }

    fn write_security(&self, out: &mut Exposition, users: &Users) {
        out.family("mcp_auth_failures_total", Kind::Counter, "Authentication failures");
        for (reason, user, count) in users.failures() {
            out.sample(&[("reason", reason.as_str()), ("user", &user)], count as f64);
        }
        out.family("mcp_suspicious_requests_total", Kind::Counter, "Suspicious requests detected");
        for (endpoint, counter) in Endpoint::ALL.into_iter().zip(&self.suspicious) {
            let labels = [("pattern_type", "injection_attempt"), ("endpoint", endpoint.as_str())];
            out.sample(&labels, counter.get() as f64);
        }
    }

    fn write_usage(&self, out: &mut Exposition, users: &Users) {
        let users = users.all();
        out.family("mcp_api_calls_per_user_total", Kind::Counter, "API calls per user");
        for user in &users {
            out.sample(&[("user_id", user.name()), ("plan_type", "free")], user.calls() as f64);
        }
        out.family("mcp_tokens_consumed_total", Kind::Counter, "Total tokens consumed");
        for user in &users {
            out.sample(&[("user_id", user.name()), ("model", MODEL)], user.tokens() as f64);
        }
        out.family("mcp_llm_response_time_seconds", Kind::Histogram, "LLM response time");
        self.model_responses.write(out, &[("model", MODEL), ("prompt_type", "search")]);
    }

    /// Successes and requests of each tool so far, both faces together.
    fn tool_counts(&self) -> [(u64, u64); Tool::ALL.len()] {
        std::array::from_fn(|tool| {
            let faces = [&self.mcp_tools[tool], &self.rest_tools[tool]];
            let success: u64 = faces.iter().map(|requests| requests.success.get()).sum();
            let error: u64 = faces.iter().map(|requests| requests.error.get()).sum();
            (success, success + error)
        })
    }

    fn shows(&self, tool: Tool) -> bool {
        let index = tool.index();
        is_offered(Method::ToolsCall, ToolLabel::Tool(tool))
            || self.mcp_tools[index].seen()
            || self.rest_tools[index].seen()
    }
}

impl Requests {
    fn seen(&self) -> bool {
        self.success.get() + self.error.get() > 0
    }
}

fn write_resources(out: &mut Exposition, readings: &Readings<'_>, in_flight: u64) {
    out.family("mcp_resource_usage", Kind::Gauge, "Resource usage metrics");
    let mut usage = |resource, metric, value: f64| {
        out.sample(&[("resource_type", resource), ("metric_name", metric)], value);
    };
    if let Some(bytes) = resident_bytes() {
        usage("memory", "resident_bytes", bytes as f64);
    }
    usage("memory", "leaked_bytes", readings.leaked_bytes as f64);
    usage("calls", "in_flight", in_flight as f64);
    usage("sessions", "open", readings.sessions as f64);
    usage("cache", "entries", readings.cached_searches as f64);
    out.family("mcp_server_info", Kind::Info, "MCP server information");
    let auth = if readings.auth_required { "true" } else { "false" };
    let labels =
        [("version", env!("CARGO_PKG_VERSION")), ("transport", "streamable_http"), ("auth_enabled", auth)];
    out.sample(&labels, 1.0);
}
