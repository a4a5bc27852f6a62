//! The MCP server proper, as `rmcp` asks for it: tools, one resource, one resource template, one prompt, and completions for
//! their arguments. Resources never change, and nothing is logged to clients: log levels are taken, and nothing follows. Who
//! subscribes to a resource is told a few times that it was updated all the same. It counts nothing; that is done around it.
#![expect(deprecated, reason = "clients of the legacy era set log levels")]

use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
    CompletionInfo, ContentBlock, GetPromptRequestParams, GetPromptResponse, GetPromptResult, Implementation,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, Prompt, PromptArgument, PromptMessage, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, Reference, Resource, ResourceContents, ResourceTemplate,
    ResourceUpdatedNotificationParam, Role, ServerCapabilities, ServerConfig, SetLevelRequestParams,
    SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::Value;

use super::faults::Fate;
use super::probes::Probe;
use super::shared::{ExecuteError, Shared, Ticket};
use super::tools::Progress;
use crate::model::clean_text;

/// So often whoever subscribed to a resource is told that it was updated, ...
const UPDATES: u32 = 5;
/// ... this far apart.
const UPDATE_EVERY: Duration = Duration::from_millis(100);
const README_URI: &str = "demo://readme";
const ITEM_PREFIX: &str = "demo://items/";
/// The argument of [`ITEM_PREFIX`].
const ITEM_ARGUMENT: &str = "id";
const PROMPT: &str = "greet";
/// The argument of [`PROMPT`].
const PROMPT_ARGUMENT: &str = "name";
/// Whom completions know.
const NAMES: [&str; 6] = ["Ada", "Alan", "Barbara", "Donald", "Edsger", "Grace"];

/// One session's view of the server.
#[derive(Debug, Clone)]
pub(super) struct DemoHandler(pub(super) Arc<Shared>);

impl ServerHandler for DemoHandler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_prompts()
            .enable_completions()
            .enable_logging()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("gander-demo", env!("CARGO_PKG_VERSION")))
            .with_instructions(
                "A server to test load generators against. `search` and `calculate` do some work.",
            )
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let probes = self.0.options.conformance_tools.then(Probe::definitions);
        Ok(ListToolsResult::with_all_items(
            self.0.definitions().cloned().chain(probes.into_iter().flatten()).collect(),
        ))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = self.0.tool(&request.name) else {
            if let Some(probe) = Probe::named(&request.name).filter(|_| self.0.options.conformance_tools) {
                return probe.call(request, &context).await;
            }
            let message = format!("unknown tool: {}", clean_text(&request.name));
            return Err(ErrorData::invalid_params(message, None));
        };
        let arguments = request.arguments.unwrap_or_default();
        let ticket = self.ticket(&context);
        let token = context.meta.get_progress_token();
        let progress = token.map(|token| Progress { peer: context.peer.clone(), token });
        let result = tokio::select! {
            biased;
            result = self.0.execute(tool, &arguments, &ticket, progress) => result,
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
        };
        match result {
            Ok(value) => Ok(CallToolResult::structured(value).into()),
            Err(ExecuteError::Tool(error)) => {
                Ok(CallToolResult::error(vec![ContentBlock::text(error.to_string())]).into())
            }
            Err(ExecuteError::Internal) => Err(ErrorData::internal_error("injected JSON-RPC error", None)),
        }
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let readme = Resource::new(README_URI, "readme")
            .with_description("What this server is")
            .with_mime_type("text/plain");
        Ok(ListResourcesResult::with_all_items(vec![readme]))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let item = ResourceTemplate::new(item_template(), "item")
            .with_description("The item of that number")
            .with_mime_type("application/json");
        Ok(ListResourceTemplatesResult::with_all_items(vec![item]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let item = item_of(&uri);
        let contents = if uri == README_URI {
            ResourceContents::text("gander's demo server.", uri).with_mime_type("text/plain")
        } else if let Some(id) = item {
            let item = serde_json::json!({"id": id, "name": format!("item {id}")});
            ResourceContents::text(item.to_string(), uri).with_mime_type("application/json")
        } else {
            return Err(no_such_resource(&uri));
        };
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let name = PromptArgument::new(PROMPT_ARGUMENT).with_description("Whom to greet").with_required(true);
        let greet = Prompt::new(PROMPT, Some("Greets somebody"), Some(vec![name]));
        Ok(ListPromptsResult::with_all_items(vec![greet]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if request.name != PROMPT {
            let message = format!("no such prompt: {}", clean_text(&request.name));
            return Err(ErrorData::invalid_params(message, None));
        }
        let arguments = request.arguments.unwrap_or_default();
        let Some(Value::String(name)) = arguments.get(PROMPT_ARGUMENT) else {
            return Err(ErrorData::invalid_params("`name` must be a string", None));
        };
        let message = PromptMessage::new_text(Role::User, format!("Say hello to {name}."));
        Ok(GetPromptResult::new(vec![message]).into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let written = request.argument.value.as_str();
        let argument = request.argument.name.as_str();
        let values = if let Reference::Prompt(prompt) = &request.r#ref
            && (prompt.name.as_str(), argument) == (PROMPT, PROMPT_ARGUMENT)
        {
            let begins = |name: &&str| name.to_lowercase().starts_with(&written.to_lowercase());
            NAMES.into_iter().filter(begins).map(str::to_owned).collect()
        } else if let Reference::Resource(template) = &request.r#ref
            && template.uri == item_template()
            && argument == ITEM_ARGUMENT
        {
            (0..10).map(|digit| format!("{written}{digit}")).filter(|id| id.parse::<u32>().is_ok()).collect()
        } else {
            return Err(ErrorData::invalid_params("no such prompt, resource template or argument", None));
        };
        let completion =
            CompletionInfo::new(values).map_err(|error| ErrorData::internal_error(error, None))?;
        Ok(CompleteResult::new(completion))
    }

    async fn set_level(
        &self,
        _request: SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        known(&request.uri)?;
        // They go to the session's own stream, or nowhere.
        tokio::spawn(async move {
            for _ in 0..UPDATES {
                tokio::time::sleep(UPDATE_EVERY).await;
                let update = ResourceUpdatedNotificationParam::new(request.uri.clone());
                if context.peer.notify_resource_updated(update).await.is_err() {
                    return;
                }
            }
        });
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let mut accepted = SubscriptionFilter::new();
        let asked = requested.resource_subscriptions.as_ref();
        accepted.resource_subscriptions =
            asked.map(|uris| uris.iter().filter(|uri| known(uri).is_ok()).cloned().collect());
        Some(accepted)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let uris = context.accepted().resource_subscriptions.clone().unwrap_or_default();
        let telling = async {
            for _ in 0..UPDATES {
                tokio::time::sleep(UPDATE_EVERY).await;
                for uri in &uris {
                    if context.sink().notify_resource_updated(uri.clone()).await.is_err() {
                        return;
                    }
                }
            }
        };
        tokio::select! {
            () = context.cancelled() => {}
            () = async { telling.await; std::future::pending().await } => {}
        }
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        known(&request.uri)
    }
}

fn item_template() -> String {
    format!("{ITEM_PREFIX}{{{ITEM_ARGUMENT}}}")
}

/// The number of the item that is at `uri`.
fn item_of(uri: &str) -> Option<u32> {
    uri.strip_prefix(ITEM_PREFIX)?.parse().ok()
}

fn known(uri: &str) -> Result<(), ErrorData> {
    if uri == README_URI || item_of(uri).is_some() { Ok(()) } else { Err(no_such_resource(uri)) }
}

fn no_such_resource(uri: &str) -> ErrorData {
    ErrorData::resource_not_found(format!("no such resource: {}", clean_text(uri)), None)
}

impl DemoHandler {
    fn ticket(&self, context: &RequestContext<RoleServer>) -> Ticket {
        context
            .extensions
            .get::<Parts>()
            .and_then(|parts| parts.extensions.get::<Ticket>())
            .cloned()
            .unwrap_or_else(|| Ticket { user: self.0.users.anonymous(), fate: Fate::default() })
    }
}
