//! The health checks: run at once, each within a limit; one verdict for all of them. What the checks look at is told
//! to them by `shared`.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures::future::join_all;
use serde::Serialize;
use tokio::time::Instant;

/// The longest one check may take.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// How a check, or the server, is; the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Healthy,
    Degraded,
    Unhealthy,
}

impl Status {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) status: Status,
    pub(super) message: Option<String>,
}

/// What `/health?detailed=true` says.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    pub(super) status: Status,
    pub(super) checks: BTreeMap<&'static str, CheckReport>,
    pub(super) timestamp: String,
}

/// One check in it.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct CheckReport {
    pub(super) status: Status,
    pub(super) duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

impl Health {
    /// As a server tells it that does not know how it is.
    pub(super) fn varnished(mut self) -> Self {
        self.status = Status::Healthy;
        for check in self.checks.values_mut() {
            check.status = Status::Healthy;
            check.message = None;
        }
        self
    }
}

/// A check under way.
pub(super) type Check<'a> = Pin<Box<dyn Future<Output = Finding> + Send + 'a>>;

impl Finding {
    pub(super) const fn healthy() -> Self {
        Self { status: Status::Healthy, message: None }
    }

    pub(super) fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: Some(message.into()) }
    }
}

/// Runs all checks at once. The gravest finding is the server's; a check that takes longer than `limit` is
/// unhealthy.
pub(super) async fn run(
    checks: Vec<(&'static str, Check<'_>)>,
    limit: Duration,
    timestamp: String,
) -> Health {
    let reports = join_all(checks.into_iter().map(|(name, check)| async move {
        let started = Instant::now();
        let finding = tokio::time::timeout(limit, check)
            .await
            .unwrap_or_else(|_| Finding::new(Status::Unhealthy, "health check timed out"));
        let duration_ms = started.elapsed().as_micros() as f64 / 1e3;
        (name, CheckReport { status: finding.status, duration_ms, message: finding.message })
    }));
    let checks: BTreeMap<_, _> = reports.await.into_iter().collect();
    let status = checks.values().map(|check| check.status).max().unwrap_or(Status::Healthy);
    Health { status, checks, timestamp }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn check(name: &'static str, status: Status) -> (&'static str, Check<'static>) {
        (name, Box::pin(ready(Finding { status, message: None })))
    }

    #[tokio::test]
    async fn the_gravest_finding_is_the_servers() {
        let run = |checks| run(checks, LIMIT, String::new());
        let checks = vec![check("a", Status::Healthy), check("b", Status::Degraded)];
        assert_eq!(run(checks).await.status, Status::Degraded);
        let checks = vec![check("a", Status::Unhealthy), check("b", Status::Degraded)];
        assert_eq!(run(checks).await.status, Status::Unhealthy);
    }

    #[tokio::test]
    async fn a_check_that_hangs_is_unhealthy_and_delays_no_other() {
        let checks: Vec<(_, Check<'_>)> =
            vec![("stuck", Box::pin(pending())), check("fine", Status::Healthy)];
        let health = run(checks, Duration::from_millis(1), String::new()).await;
        assert_eq!(health.checks["stuck"].status, Status::Unhealthy);
        assert_eq!(health.checks["stuck"].message.as_deref(), Some("health check timed out"));
        assert_eq!(health.checks["fine"].status, Status::Healthy);
        assert_eq!(health.status, Status::Unhealthy);
    }
}
