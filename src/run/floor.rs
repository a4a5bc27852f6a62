//! The floor: what the load itself costs in latency. The busiest part of the plan against a server that answers at once, on
//! this machine: a target can't be told to be faster than that.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::demo_child::DemoChild;
use super::orchestrator::{RunError, user_agent};
use crate::clock::Clock;
use crate::load::{Crew, Recorder, Workload};
use crate::mcp;
use crate::metrics::Aggregates;
use crate::model::{Floor, Secret};
use crate::plan::{
    Auth, ClosedLoad, DemoTarget, Load, LoadModel, OpenLoad, Plan, ProtocolChoice, Proxies, RateStage, Stage,
    StepId, Target, Template, Transport,
};

/// Connections are opened in it, and nothing of it counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// Measures the floor of `plan`, some of whose steps have these arguments, for `length`.
pub(super) async fn measure(
    plan: &Plan,
    arguments: &BTreeMap<StepId, Template>,
    length: Duration,
    program: &PathBuf,
) -> Result<Floor, RunError> {
    let target = DemoTarget { path: "/mcp".to_owned(), arguments: vec!["--null".to_owned()] };
    let plan = busiest(plan, length, &target);
    let server = DemoChild::start(program, &target).await?;
    let mut contact =
        mcp::first_contact(&plan, &server.url, &Proxies::default(), &user_agent(), Clock::start()).await?;
    contact.give_arguments(arguments);
    let mut crew = Crew::launch(plan.load.peak_users())?;
    crew.ready().await?;
    let recorder = Arc::new(Recorder::for_this_machine(plan.thresholds.clone()));
    let work = Workload::new(plan, contact.wire, Arc::clone(&recorder), Clock::start());
    let work = Arc::new(work);
    crew.run(Arc::clone(&work)).await?;
    server.stop().await;
    let all = Aggregates::of(&[recorder.take_second(0, 0)]);
    let steady = all.steady_load(&work.plan);
    let p99 = steady.latency.quantile(0.99).unwrap_or_default();
    Ok(Floor { calls: steady.counted(), p99, waited: work.queued(), length })
}

/// `plan` at its peak for `length`, against the null server: with whichever protocol that speaks, and without credentials, which
/// are none of its business.
fn busiest(plan: &Plan, length: Duration, target: &DemoTarget) -> Plan {
    let duration = WARM_UP + length;
    let model = match &plan.load.model {
        LoadModel::Open(open) => {
            let rate = open.peak_rate();
            let stages = [Duration::ZERO, duration].map(|duration| RateStage { duration, rate }).to_vec();
            LoadModel::Open(OpenLoad { stages, ..open.clone() })
        }
        LoadModel::Closed(closed) => {
            let users = closed.peak_users();
            let stages = [Duration::ZERO, duration].map(|duration| Stage { duration, users }).to_vec();
            LoadModel::Closed(ClosedLoad { stages, think_time: closed.think_time })
        }
    };
    let protocol = match plan.protocol {
        ProtocolChoice::Rest => ProtocolChoice::Rest,
        ProtocolChoice::Auto | ProtocolChoice::Revision(_) => ProtocolChoice::Auto,
    };
    Plan {
        target: Target::Demo(target.clone()),
        transport: Transport::default(),
        protocol,
        auth: match &plan.auth {
            Auth::None | Auth::Bearer(_) | Auth::Headers(_) | Auth::OAuth(_) => Auth::None,
            Auth::Login { path, .. } => {
                Auth::Login { path: path.clone(), username: "nobody".into(), password: Secret::new("none") }
            }
        },
        load: Load { model, warm_up: WARM_UP, idle_streams: 0, stage_names: Vec::new() },
        ..plan.clone()
    }
}
