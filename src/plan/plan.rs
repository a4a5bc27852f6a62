//! The plan itself: everything a run needs to know before its first request.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    Answers, Arrival, Auth, ClientAnswer, ClientProof, Feeder, FeederId, FixedText, GrafanaPlace, HostRule,
    Load, OutputSchema, OwnPrometheus, PlacedCanary, ProtocolChoice, Role, SessionEnd, SessionPolicy, Step,
    StepId, Target, Template, Threshold, Transport, UnlistedTools,
};
use crate::model::{CanaryFinder, CounterRng, RunTag, Secret, Secrets};

/// The version of [`Plan`] as stored in run directories.
pub const PLAN_VERSION: u32 = 3;

/// What a run will do. Secrets in it are never written out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub version: u32,
    /// The scenario's name.
    pub name: String,
    /// One sentence about it; may be empty.
    pub description: String,
    /// All draws of the run come from this.
    pub seed: u64,
    /// Who is called.
    pub target: Target,
    /// How it is reached; left out where its URL says all.
    #[serde(default, skip_serializing_if = "Transport::is_plain")]
    pub transport: Transport,
    /// In which revision.
    pub protocol: ProtocolChoice,
    /// With whose credentials.
    pub auth: Auth,
    /// How long a session lives.
    pub session: SessionPolicy,
    /// How it ends.
    #[serde(default, skip_serializing_if = "SessionEnd::is_default")]
    pub session_end: SessionEnd,
    /// What becomes of calls of tools that the target does not list.
    #[serde(default, skip_serializing_if = "UnlistedTools::is_default")]
    pub unlisted_tools: UnlistedTools,
    /// What users answer when the target asks them.
    #[serde(default, skip_serializing_if = "Answers::is_empty")]
    pub answers: Answers,
    /// Where load may go.
    pub hosts: HostRule,
    /// How many users, how long.
    pub load: Load,
    /// The names of the variables, by their slots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
    /// The data that iterations are given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeders: Vec<Feeder>,
    /// What users do, by weight.
    pub transactions: Vec<Transaction>,
    /// Every kind of call the run may make; the place in the list is the [`StepId`]. Set-up and tear-down steps
    /// come first.
    pub steps: Vec<Step>,
    /// What is watched beside the load.
    pub observe: Observe,
    /// How answers are held against the output schemas of their tools.
    #[serde(default, skip_serializing_if = "OutputSchema::is_default")]
    pub output_schema: OutputSchema,
    /// The canaries that requests carry, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canaries: Vec<PlacedCanary>,
    /// What is written at the end.
    pub outputs: Outputs,
    /// Latency limits of the objectives, each once: calls over each are counted at record time.
    pub thresholds: Vec<Threshold>,
}

/// A sequence of steps that a user does in one iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// Unique within the plan.
    pub name: String,
    /// Its share is its weight over the sum of weights. 0 switches it off.
    pub weight: u32,
    /// Its steps, in order.
    pub steps: Vec<StepId>,
    /// The data that an iteration of it is given a row of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeders: Vec<FeederId>,
}

/// What is watched beside the load. URLs may be relative: then they are on the target's origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observe {
    /// Where the target's metrics are.
    pub metrics: Option<String>,
    /// How often they are scraped.
    pub metrics_interval: Duration,
    /// The Prometheus that is asked for them in place of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<OwnPrometheus>,
    /// The `/health` endpoint (asked with what the URL says, `?detailed=true` included).
    pub health: Option<String>,
    /// The `/ready` endpoint.
    pub ready: Option<String>,
    /// The `/live` endpoint.
    pub live: Option<String>,
    /// How often the health endpoints are asked.
    pub health_interval: Duration,
    /// The target's process, when it is on this machine: its CPU, memory, descriptors, threads are sampled. The
    /// demo target's process is known without this.
    pub pid: Option<u32>,
}

/// What is written at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs {
    /// The folder that holds run directories.
    pub directory: PathBuf,
    /// Names of report formats to render into the run directory.
    pub formats: Vec<String>,
    /// The Grafana that is told of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grafana: Option<GrafanaPlace>,
}

impl Observe {
    /// True when there will be metrics to judge by, wherever they come from.
    pub fn has_metrics(&self) -> bool {
        self.metrics.is_some() || self.prometheus.is_some()
    }
}

/// Of `Bearer TOKEN` a server may echo the token alone.
fn learn_headers<'a>(secrets: &Secrets, values: impl Iterator<Item = &'a Secret>) {
    for value in values.map(Secret::expose) {
        secrets.learn(value);
        secrets.learn(value.rsplit(' ').next().unwrap_or_default());
    }
}

impl Plan {
    /// The step with this id.
    pub fn step(&self, id: StepId) -> &Step {
        &self.steps[id.index()]
    }

    /// The step that opens a stream which is held open beside the load, where there are any.
    pub fn idle_stream(&self) -> Option<StepId> {
        let is_idle = |step: &&Step| step.role == Role::SetUp && step.operation.is_listening();
        self.steps.iter().find(is_idle).map(|step| step.id)
    }

    /// The sum of all weights; 0 when nothing would be done.
    pub fn total_weight(&self) -> u64 {
        self.transactions.iter().map(|transaction| u64::from(transaction.weight)).sum()
    }

    /// A transaction, drawn by weight. A plan has one whose weight is not 0.
    pub fn pick(&self, rng: &mut CounterRng) -> &Transaction {
        let mut ticket = rng.below(self.total_weight().max(1));
        for transaction in &self.transactions {
            let weight = u64::from(transaction.weight);
            if ticket < weight {
                return transaction;
            }
            ticket -= weight;
        }
        self.transactions.last().expect("a plan has a transaction")
    }

    /// What an iteration of an open load does: it depends on the seed and its number alone, not on which user takes it.
    pub fn transaction_of(&self, arrival: Arrival) -> &Transaction {
        self.pick(&mut arrival.draws(self.seed, 0))
    }

    /// The draws for the arguments of an iteration of an open load.
    pub fn arguments_of(&self, arrival: Arrival) -> CounterRng {
        arrival.draws(self.seed, 1)
    }

    /// The share of iterations that are `transaction`.
    pub fn share(&self, transaction: &Transaction) -> f64 {
        match self.total_weight() {
            0 => 0.0,
            total => f64::from(transaction.weight) / total as f64,
        }
    }

    /// Every secret that the plan holds. Values of the environment that are credentials count whatever their length; of
    /// the others only those that are long enough to be one, or each `1` in a text would be struck out.
    pub fn secrets(&self) -> Secrets {
        const SHORTEST: usize = 4;
        let secrets = Secrets::default();
        let mut others: Vec<&Secret> = Vec::new();
        match &self.auth {
            Auth::None => {}
            Auth::Bearer(token) => secrets.learn(token.expose()),
            Auth::Headers(headers) => learn_headers(&secrets, headers.values()),
            Auth::Login { path, username, password } => {
                secrets.learn(password.expose());
                others.extend(path.from_environment().iter().chain(username.from_environment()));
            }
            Auth::OAuth(oauth) => {
                match &oauth.proof {
                    ClientProof::Secret { secret, .. } => secrets.learn(secret.expose()),
                    ClientProof::Key(key) => key.key.lines().for_each(|line| secrets.learn(line)),
                }
                others.extend(oauth.client_id.from_environment());
            }
        }
        if let Target::Stdio(target) = &self.target {
            // What a process says comes line by line.
            let lines = target.env.values().flat_map(|value| value.expose().lines());
            lines.filter(|line| line.len() >= SHORTEST).for_each(|line| secrets.learn(line));
            others.extend(target.env.values());
            others.extend(target.command.iter().chain(&target.cwd).flat_map(FixedText::from_environment));
        }
        if let Some(prometheus) = &self.observe.prometheus {
            learn_headers(&secrets, prometheus.headers.values());
        }
        let templates = self.steps.iter().flat_map(|step| step.operation.templates());
        let templates = templates.chain(self.answers.all().map(|ClientAnswer { result, .. }| result));
        others.extend(templates.flat_map(Template::environment_values));
        for value in others.into_iter().map(Secret::expose).filter(|value| value.len() >= SHORTEST) {
            secrets.learn(value);
        }
        secrets
    }

    /// [`Self::secrets`], with the canaries of the run `run`, in all forms in which they are looked for.
    pub fn secrets_in(&self, run: RunTag) -> Secrets {
        let secrets = self.secrets();
        let finder = CanaryFinder::new(run, self.canaries.iter().map(|placed| placed.name.as_str()));
        finder.texts().iter().for_each(|text| secrets.learn(text));
        secrets
    }

    /// Hosts of the target and of all that is watched which load may not go to.
    pub fn strangers(&self) -> Vec<String> {
        let watched = [&self.observe.metrics, &self.observe.health, &self.observe.ready, &self.observe.live];
        let mut urls: Vec<Url> =
            watched.into_iter().flatten().filter_map(|reference| Url::parse(reference).ok()).collect();
        if let Target::Url(url) = &self.target {
            urls.insert(0, url.clone());
        }
        urls.extend(self.observe.prometheus.iter().map(|prometheus| prometheus.url.clone()));
        urls.extend(self.transport.replicas.iter().flat_map(|replicas| replicas.others.clone()));
        if let Auth::OAuth(oauth) = &self.auth {
            urls.extend(oauth.token_url.clone());
        }
        let mut hosts: Vec<String> = urls
            .iter()
            .filter(|url| !self.hosts.permits(url))
            .map(|url| url.host_str().unwrap_or_default().to_owned())
            .collect();
        hosts.dedup();
        hosts
    }

    /// `reference` (a URL, or a path on the target's origin) as a URL.
    pub fn resolve(origin: &Url, reference: &str) -> Result<Url, url::ParseError> {
        origin.join(reference)
    }
}
