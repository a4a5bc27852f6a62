//! The streams that were held open beside the load.

use crate::metrics::IdleSecond;
use crate::model::format_count;
use crate::report::measured::LoadClock;
use crate::report::{IdleStreams, RunLog};

/// What became of them; `None` where the plan asks for none.
pub(super) fn idle_streams(log: &RunLog, clock: &LoadClock) -> Option<IdleStreams> {
    let load = &log.plan.load;
    let of = |second: Option<IdleSecond>| second.unwrap_or_default();
    // At the very end of the load they are closed.
    let steady = log.seconds.iter().filter(|second| {
        let begin = f64::from(second.second);
        begin >= clock.warm_up && begin + 1.0 < clock.duration
    });
    let open = || steady.clone().map(|second| of(second.idle).open);
    (load.idle_streams > 0).then(|| IdleStreams {
        asked: load.idle_streams,
        fewest: open().min().unwrap_or(0),
        most: open().max().unwrap_or(0),
        ended: log.seconds.iter().map(|second| of(second.idle).ended).sum(),
        resumed: log.seconds.iter().map(|second| of(second.idle).resumed).sum(),
    })
}

/// That in words.
pub(super) fn note(idle: Option<IdleStreams>) -> Option<String> {
    let IdleStreams { asked, fewest, most, ended, resumed } = idle?;
    let count = |count: u32| format_count(count.into());
    let open = if fewest == most { count(most) } else { format!("{} to {}", count(fewest), count(most)) };
    let mut note = format!("{} idle streams were to be open beside the load; {open} were", count(asked));
    if ended > 0 {
        note = format!(
            "{note}; the target ended {} over the run, and each was opened anew ({} of them by Last-Event-ID)",
            format_count(ended),
            format_count(resumed)
        );
    }
    if fewest < asked {
        note = format!("{note}: see the set-up calls for what became of the others");
    }
    Some(note)
}
