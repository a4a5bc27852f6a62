//! Tools with which the official conformance suite of MCP probes how a server treats its clients; offered on request. They
//! do no work, and are in no metric of their own.
#![expect(deprecated, reason = "the suite asks for log messages of the modern era, too")]

use std::collections::BTreeMap;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, ElicitRequest,
    ElicitRequestParams, ElicitationSchema, InputRequest, InputRequiredResult, LoggingLevel,
    LoggingMessageNotificationParam, Tool as ToolDefinition,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// It can't do without sampling, and has to say so where the client has none.
    MissingCapability,
    /// It asks the user something.
    Elicitation,
    /// It logs where the client wants to hear of it.
    Logging,
}

impl Probe {
    const ALL: [Self; 3] = [Self::MissingCapability, Self::Elicitation, Self::Logging];

    /// Its name, which is the suite's.
    const fn name(self) -> &'static str {
        match self {
            Self::MissingCapability => "test_missing_capability",
            Self::Elicitation => "test_streaming_elicitation",
            Self::Logging => "test_logging_tool",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|probe| probe.name() == name)
    }

    /// What `tools/list` says of them.
    pub(super) fn definitions() -> impl Iterator<Item = ToolDefinition> {
        let Value::Object(schema) = json!({"type": "object"}) else {
            unreachable!("an object in braces is an object")
        };
        let schema = Arc::new(schema);
        Self::ALL.into_iter().map(move |probe| {
            let description = "A probe of the conformance suite.";
            ToolDefinition::new(probe.name(), description, Arc::clone(&schema))
        })
    }

    pub(super) async fn call(
        self,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let declared = context.client_capabilities().unwrap_or_default();
        match self {
            Self::MissingCapability if declared.sampling.is_none() => {
                let required = ClientCapabilities::builder().enable_sampling().build();
                return Err(ErrorData::missing_required_client_capability(required));
            }
            Self::Elicitation if request.input_responses.is_none() => {
                if declared.elicitation.is_none() {
                    let required = ClientCapabilities::builder().enable_elicitation().build();
                    return Err(ErrorData::missing_required_client_capability(required));
                }
                return Ok(InputRequiredResult::new(Some(question()), None).into());
            }
            Self::Logging => {
                if context.meta.log_level().is_some() {
                    let said = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!("probed"));
                    // Whoever has hung up hears nothing.
                    let _ = context.peer.notify_logging_message(said).await;
                }
            }
            Self::MissingCapability | Self::Elicitation => {}
        }
        Ok(CallToolResult::success(vec![ContentBlock::text("done")]).into())
    }
}

fn question() -> BTreeMap<String, InputRequest> {
    let params = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: "What is your name?".to_owned(),
        requested_schema: ElicitationSchema::new(BTreeMap::new()),
    };
    BTreeMap::from([("name".to_owned(), InputRequest::Elicitation(ElicitRequest::new(params)))])
}
