//! A webhook that Alertmanager can deliver to: it listens on loopback, and notes when which alerts of a drill came.
//!
//! What comes is compared, never shown. It knows nothing of silences and of Alertmanager's API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::{DrillError, LABEL};
use crate::clock::Clock;
use crate::model::Labels;

/// The largest notification that is read, in bytes.
const MOST_BYTES: usize = 4 << 20;

/// The webhook while it listens. Dropping it ends it.
pub(super) struct Webhook {
    book: Arc<Book>,
    serving: JoinHandle<()>,
}

/// What came so far.
struct Book {
    drill: String,
    clock: Clock,
    came: Mutex<Came>,
    changed: Notify,
}

/// What came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Came {
    /// Notifications with an alert of the drill in them.
    pub(super) notifications: u64,
    /// Other requests.
    pub(super) others: u64,
    /// When each alert came first, firing.
    pub(super) firing: BTreeMap<Labels, Duration>,
    /// When it came first as resolved.
    pub(super) resolved: BTreeMap<Labels, Duration>,
}

/// What Alertmanager sends, version 4, as far as it matters.
#[derive(Deserialize)]
struct Payload {
    version: String,
    alerts: Vec<Told>,
}

#[derive(Deserialize)]
struct Told {
    status: String,
    labels: Labels,
}

impl Webhook {
    /// Listens on `address` from then on; times are those of `clock`.
    pub(super) async fn listen(address: SocketAddr, drill: &str, clock: Clock) -> Result<Self, DrillError> {
        if !address.ip().is_loopback() {
            return Err(DrillError::NotLoopback(address));
        }
        let bind = |source| DrillError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let book = Arc::new(Book {
            drill: drill.to_owned(),
            clock,
            came: Mutex::new(Came::default()),
            changed: Notify::new(),
        });
        let router = Router::new().fallback(note).with_state(book.clone());
        let serving = tokio::spawn(async move {
            // It gives an error never: accept failures are waited out.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { book, serving })
    }

    /// What came so far.
    pub(super) fn came(&self) -> Came {
        self.book.came().clone()
    }

    /// Waits until what came is `enough`, at most for `limit`.
    pub(super) async fn wait(&self, limit: Duration, enough: impl Fn(&Came) -> bool) {
        let came = async {
            loop {
                let changed = self.book.changed.notified();
                if enough(&self.book.came()) {
                    return;
                }
                changed.await;
            }
        };
        // What did not come is seen by whoever looks.
        let _ = tokio::time::timeout(limit, came).await;
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Book {
    fn came(&self) -> MutexGuard<'_, Came> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, body: &[u8], at: Duration) -> StatusCode {
        let payload = serde_json::from_slice::<Payload>(body).ok().filter(|payload| payload.version == "4");
        let mut came = self.came();
        let Some(payload) = payload else {
            came.others += 1;
            return StatusCode::BAD_REQUEST;
        };
        let ours: Vec<Told> = payload
            .alerts
            .into_iter()
            .filter(|told| told.labels.get(LABEL) == Some(self.drill.as_str()))
            .collect();
        if ours.is_empty() {
            came.others += 1;
        } else {
            came.notifications += 1;
        }
        for Told { status, labels } in ours {
            let times = if status == "resolved" { &mut came.resolved } else { &mut came.firing };
            times.entry(labels).or_insert(at);
        }
        StatusCode::OK
    }
}

async fn note(State(book): State<Arc<Book>>, request: Request) -> StatusCode {
    let Ok(body) = to_bytes(request.into_body(), MOST_BYTES).await else {
        book.came().others += 1;
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    let answer = book.take(&body, book.clock.now());
    book.changed.notify_waiters();
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_alerts_of_the_drill_count_and_the_first_time_is_kept() {
        let book = Book {
            drill: "d".to_owned(),
            clock: Clock::start(),
            came: Mutex::default(),
            changed: Notify::new(),
        };
        let payload = |status: &str, drill: &str| {
            format!(
                r#"{{"version": "4", "alerts": [{{"status": "{status}", "labels": {{"load_test": "{drill}"}}}}]}}"#
            )
        };
        let seconds = Duration::from_secs;
        assert_eq!(book.take(payload("firing", "d").as_bytes(), seconds(1)), StatusCode::OK);
        assert_eq!(book.take(payload("firing", "d").as_bytes(), seconds(2)), StatusCode::OK);
        assert_eq!(book.take(payload("resolved", "d").as_bytes(), seconds(3)), StatusCode::OK);
        assert_eq!(book.take(payload("firing", "other").as_bytes(), seconds(4)), StatusCode::OK);
        assert_eq!(book.take(b"{}", seconds(5)), StatusCode::BAD_REQUEST);
        let labels: Labels = [(LABEL, "d")].into_iter().collect();
        let expected = Came {
            notifications: 3,
            others: 2,
            firing: [(labels.clone(), seconds(1))].into(),
            resolved: [(labels, seconds(3))].into(),
        };
        assert_eq!(book.came().clone(), expected);
    }
}
