//! L1: what a run will do, resolved and printable: who calls what, how often, for how long.
//!
//! A plan is a value: it knows nothing of YAML, of sockets or of the time of day.

mod answers;
mod arrivals;
mod canaries;
mod extraction;
mod feeder;
mod fixed_text;
mod generated;
mod grafana;
mod load;
mod logs;
mod oauth;
mod output_schema;
mod own_prometheus;
#[expect(clippy::module_inception, reason = "the room's main type is the plan")]
mod plan;
mod proxy;
mod replicas;
mod signing;
mod step;
mod target;
mod template;
mod template_parser;
mod threshold;
mod transport;
mod variable;

pub use answers::{Answers, ClientAnswer};
pub use arrivals::{Arrival, OpenLoad, RateStage, Schedule, Spacing};
pub use canaries::PlacedCanary;
pub use extraction::{Condition, Extraction, Part, Pattern, Test};
pub use feeder::{Feeder, FeederId, RowOrder, Rows, TableFormat};
pub use fixed_text::FixedText;
pub use generated::GeneratedArguments;
pub use grafana::GrafanaPlace;
pub use load::{ClosedLoad, Load, LoadModel, Stage, StageName, ThinkTime};
pub use logs::{LogFields, LogIndex, LogPlace};
pub use oauth::{ClientProof, OAuth, SecretMethod, TokenSharing};
pub use output_schema::{OnViolation, OutputSchema};
pub use own_prometheus::OwnPrometheus;
pub use plan::{Observe, Outputs, PLAN_VERSION, Plan, Transaction};
pub use proxy::{Proxies, Proxy, ProxyError};
pub use replicas::{Replicas, Turn};
pub use signing::{SigningAlgorithm, SigningFault, SigningKey};
pub use step::{
    Check, Conduct, DISCOVER, LISTEN, McpRequest, OAuthCall, Operation, Role, Step, StepId, TaskConduct,
};
pub use target::{
    Auth, DemoTarget, HostRule, LONGEST_PATH, Processes, ProtocolChoice, SessionEnd, SessionPolicy,
    StdioTarget, Target, UnlistedTools, is_loopback, keeps_secrets,
};
pub use template::{Expression, Quoting, RenderContext, Segment, Template};
pub use template_parser::{Environment, Scope, TemplateError, TemplateFault};
pub use threshold::Threshold;
pub use transport::{CarriageChoice, ClientCertificate, HttpVersion, PemFault, PemFile, Tls, Transport};
pub use variable::{Datum, KnownVariables, Slot, Variables};

pub(crate) use template_parser::{EXPRESSIONS, Kind, TextPart, parse_parts};
pub(crate) use transport::crypto;
