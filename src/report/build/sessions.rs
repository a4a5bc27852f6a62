//! Sessions that the target lost over the run, and how long it took users to get good answers again.

use crate::metrics::SessionLosses;
use crate::report::{LostSessions, RunLog};

/// The losses of `log`; `None` where there were none.
pub(super) fn lost_sessions(log: &RunLog) -> Option<LostSessions> {
    let mut all = SessionLosses::default();
    log.seconds.iter().filter_map(|second| second.sessions.as_ref()).for_each(|losses| all.add(losses));
    let quantile = |quantile| all.quantile(quantile).map(|time| time.as_secs_f64());
    (!all.is_none()).then(|| LostSessions {
        lost: all.lost,
        recovered: all.regained.count(),
        p50: quantile(0.5),
        p95: quantile(0.95),
        max: all.regained.max().map(|time| time.as_secs_f64()),
    })
}
