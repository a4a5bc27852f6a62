//! L1: what a run will do, resolved and printable: who calls what, how often, for how long.
//!
//! A plan is a value: it knows nothing of YAML, of sockets or of the time of day.

mod arrivals;
mod fixed_text;
mod load;
#[expect(clippy::module_inception, reason = "the room's main type is the plan")]
mod plan;
mod proxy;
mod step;
mod target;
mod template;
mod template_parser;
mod threshold;
mod transport;

pub use arrivals::{Arrival, OpenLoad, RateStage, Schedule, Spacing};
pub use fixed_text::FixedText;
pub use load::{ClosedLoad, Load, LoadModel, Stage, ThinkTime};
pub use plan::{Observe, Outputs, PLAN_VERSION, Plan, Transaction};
pub use proxy::{Proxies, Proxy, ProxyError};
pub use step::{Check, DISCOVER, McpRequest, Operation, Role, Step, StepId};
pub use target::{
    Auth, DemoTarget, HostRule, LONGEST_PATH, Processes, ProtocolChoice, SessionPolicy, StdioTarget, Target,
    is_loopback,
};
pub use template::{Expression, Quoting, RenderContext, Segment, Template};
pub use template_parser::{Environment, TemplateError, TemplateFault};
pub use threshold::Threshold;
pub use transport::{CarriageChoice, ClientCertificate, HttpVersion, PemFault, PemFile, Tls, Transport};

pub(crate) use template_parser::{EXPRESSIONS, Kind, Part, parse_parts};
pub(crate) use transport::crypto;
