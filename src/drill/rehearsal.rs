//! A drill from its beginning to its end: silence, alerts, what becomes of them, delivery, and that they are over.
//!
//! The silence is in force before any alert is posted, and outlives them. Should gander end in between, the alerts end
//! by themselves, and the silence after them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::alerts_api::{AlertsApi, HeldAlert};
use super::delivery::RECEIVER;
use super::report::{Delivery, DrillReport, DrilledAlert, Fate, Silence};
use super::webhook::{Came, Webhook};
use super::{DrillError, LABEL};
use crate::clock::{Clock, wall_clock};
use crate::model::{Labels, Secret, clean_text};
use crate::plan::Proxies;

/// How long Alertmanager may take until it shows what it was told.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the silence outlives the alerts.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// How often Alertmanager is asked while something is waited for.
const PAUSE: Duration = Duration::from_millis(100);

/// How a drill is held.
#[derive(Debug, Clone)]
pub struct DrillOptions {
    /// Where Alertmanager is, `/api/v2` not included.
    pub alertmanager: Url,
    /// What the drill is called: letters, digits, `-`, `_` and `.`.
    pub drill: String,
    /// Whether anybody is told.
    pub silencing: Silencing,
    /// When the alerts end by themselves, should nobody say that they are over.
    pub longest: Duration,
    /// Where the alerts are to come to, as proof; `None` asks for none.
    pub webhook: Option<WebhookOptions>,
    /// The value of the `Authorization` header.
    pub authorization: Option<Secret>,
    /// What stands between here and there.
    pub proxies: Proxies,
    /// Who asks.
    pub user_agent: String,
}

/// Whether anybody is told of the alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silencing {
    /// Nobody is. For a proof of delivery the silence is lifted, once Alertmanager has shown that each alert goes to
    /// the drill's own receiver and to no other.
    Silenced,
    /// Whoever the routes say: people may be paged.
    Unsilenced,
}

/// A webhook of gander's own.
#[derive(Debug, Clone, Copy)]
pub struct WebhookOptions {
    /// Where it listens: a loopback address.
    pub listen: SocketAddr,
    /// How long the alerts are waited for.
    pub within: Duration,
}

/// Gives `alerts` to a real Alertmanager, each with the label [`LABEL`] on top, and reports what becomes of them.
///
/// # Errors
/// What keeps the drill from being held. When the alerts were posted already, they are said to be over first.
pub async fn drill(alerts: &[Labels], options: &DrillOptions) -> Result<DrillReport, DrillError> {
    let alerts = marked(alerts, &options.drill);
    if alerts.is_empty() {
        return Err(DrillError::NoAlerts);
    }
    if !is_plain(&options.drill) {
        return Err(DrillError::Name);
    }
    let clock = Clock::start();
    let api = AlertsApi::new(options)?;
    let webhook = match options.webhook {
        Some(wanted) => Some((Webhook::listen(wanted.listen, &options.drill, clock).await?, wanted.within)),
        None => None,
    };
    let version = api.version().await?;
    let begins = now();
    let ends = later(begins, options.longest);
    let silence = match options.silencing {
        Silencing::Silenced => Some(silenced(&api, &options.drill, begins, later(ends, MARGIN)).await?),
        Silencing::Unsilenced => None,
    };
    let mut rehearsal =
        Rehearsal { api, drill: &options.drill, alerts, webhook, silence, clock, posted: clock.now() };
    let outcome = rehearsal.play(begins, ends).await;
    // Whatever went wrong: nothing fires any longer than it must.
    let over_after = rehearsal.end(begins).await;
    let (fates, delivery) = outcome?;
    Ok(rehearsal.report(version, fates, delivery, over_after?))
}

/// True for what stands in matchers and in queries as it is.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Each alert once, with the drill's label.
fn marked(alerts: &[Labels], drill: &str) -> Vec<Labels> {
    let mut seen = BTreeSet::new();
    let marked = alerts.iter().map(|labels| {
        let mut labels = labels.clone();
        labels.insert(LABEL, drill);
        labels
    });
    marked.filter(|labels| seen.insert(labels.clone())).collect()
}

fn now() -> Timestamp {
    Timestamp::try_from(wall_clock()).unwrap_or_default()
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// A silence that is in force.
async fn silenced(
    api: &AlertsApi,
    drill: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Silence, DrillError> {
    let id = api.silence(drill, now, until).await?;
    let active = within(PATIENCE, async || Ok(api.is_silent(&id).await?.then_some(()))).await?;
    if active.is_none() {
        return Err(DrillError::NotSilenced { id });
    }
    Ok(Silence { id, until, lifted_after: None })
}

/// Asks until there is something, at most for `limit`.
async fn within<T>(
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>, DrillError>,
) -> Result<Option<T>, DrillError> {
    let asking = async {
        loop {
            if let Some(found) = ask().await? {
                return Ok(found);
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(limit, asking).await {
        Ok(found) => found.map(Some),
        Err(_elapsed) => Ok(None),
    }
}

struct Rehearsal<'a> {
    api: AlertsApi,
    drill: &'a str,
    alerts: Vec<Labels>,
    webhook: Option<(Webhook, Duration)>,
    silence: Option<Silence>,
    clock: Clock,
    /// When the alerts were posted.
    posted: Duration,
}

/// What Alertmanager makes of each alert, in their order.
type Fates = Vec<Option<Fate>>;

impl Rehearsal<'_> {
    async fn play(&mut self, begins: Timestamp, ends: Timestamp) -> Result<(Fates, Delivery), DrillError> {
        self.posted = self.clock.now();
        self.api.post(&self.alerts, begins, ends).await?;
        let fates = self.fates().await?;
        let delivery = self.deliver(&fates).await?;
        Ok((fates, delivery))
    }

    fn elapsed(&self) -> Duration {
        self.clock.now().saturating_sub(self.posted)
    }

    /// Waits until Alertmanager shows every alert, silenced where it should be; then takes it as it is.
    async fn fates(&self) -> Result<Fates, DrillError> {
        let as_wanted =
            |fate: &Option<Fate>| fate.as_ref().is_some_and(|fate| fate.silenced == self.silence.is_some());
        let mut last = vec![None; self.alerts.len()];
        within(PATIENCE, async || {
            last = self.sorted_out(&self.api.alerts(self.drill).await?);
            Ok(last.iter().all(as_wanted).then_some(()))
        })
        .await?;
        Ok(last)
    }

    fn sorted_out(&self, held: &[HeldAlert]) -> Fates {
        let named = |fingerprint: &String| {
            let own = held.iter().find(|alert| alert.fingerprint == *fingerprint);
            clean_text(&own.map_or_else(|| fingerprint.clone(), |alert| alert.labels.to_string()))
        };
        let silence = self.silence.as_ref().map(|silence| &silence.id);
        let fate = |labels: &Labels| {
            let alert = held.iter().find(|alert| alert.labels == *labels)?;
            Some(Fate {
                receivers: alert.receivers.iter().map(|receiver| clean_text(&receiver.name)).collect(),
                silenced: silence.is_some_and(|id| alert.status.silenced_by.contains(id)),
                inhibited_by: alert.status.inhibited_by.iter().map(named).collect(),
            })
        };
        self.alerts.iter().map(fate).collect()
    }

    async fn deliver(&mut self, fates: &Fates) -> Result<Delivery, DrillError> {
        let Some((webhook, within)) = &self.webhook else { return Ok(Delivery::NotTried) };
        if let Some(silence) = &self.silence {
            let receivers: BTreeSet<String> =
                fates.iter().flatten().flat_map(|fate| fate.receivers.iter().cloned()).collect();
            let all_shown = fates.iter().all(Option::is_some);
            if !all_shown || receivers.iter().any(|name| name != RECEIVER) {
                let others = receivers.into_iter().filter(|name| name != RECEIVER).collect();
                return Ok(Delivery::Withheld { receivers: others });
            }
            self.api.lift(&silence.id).await?;
        }
        let lifted_after = self.elapsed();
        if let Some(silence) = &mut self.silence {
            silence.lifted_after = Some(lifted_after);
        }
        let coming: Vec<&Labels> = self
            .alerts
            .iter()
            .zip(fates)
            .filter(|(_, fate)| fate.as_ref().is_some_and(|fate| fate.inhibited_by.is_empty()))
            .map(|(labels, _)| labels)
            .collect();
        webhook.wait(*within, |came| coming.iter().all(|labels| came.firing.contains_key(labels))).await;
        let Came { notifications, others, .. } = webhook.came();
        Ok(Delivery::Tried { notifications, others })
    }

    /// Says that the alerts are over, and waits until Alertmanager has none of them any more; where some were
    /// delivered, until that they are over was delivered, too.
    async fn end(&self, begins: Timestamp) -> Result<Option<Duration>, DrillError> {
        let said = self.clock.now();
        self.api.post(&self.alerts, begins, now()).await?;
        let gone = async || Ok(self.api.alerts(self.drill).await?.is_empty().then(|| self.clock.now()));
        let gone = within(PATIENCE, gone).await?;
        if let Some((webhook, within)) = &self.webhook {
            let told = |came: &Came| came.firing.keys().all(|labels| came.resolved.contains_key(labels));
            webhook.wait(*within, told).await;
        }
        Ok(gone.map(|gone| gone.saturating_sub(said)))
    }

    fn report(
        self,
        version: String,
        fates: Fates,
        delivery: Delivery,
        over_after: Option<Duration>,
    ) -> DrillReport {
        let came = self.webhook.as_ref().map(|(webhook, _)| webhook.came()).unwrap_or_default();
        let since = |at: Option<&Duration>| at.map(|at| at.saturating_sub(self.posted));
        let alerts = self.alerts.into_iter().zip(fates).map(|(labels, fate)| DrilledAlert {
            delivered_after: since(came.firing.get(&labels)),
            resolution_delivered_after: since(came.resolved.get(&labels)),
            labels,
            fate,
        });
        DrillReport {
            drill: self.drill.to_owned(),
            version,
            alerts: alerts.collect(),
            silence: self.silence,
            delivery,
            over_after,
        }
    }
}
