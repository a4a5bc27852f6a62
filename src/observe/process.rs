//! Looks at the target's process in `/proc` at an interval, until it is gone. Knows nothing of who started it.

use procfs::process::Process;
use tokio::time::Interval;
use tokio_util::sync::CancellationToken;

use super::Reporter;
use crate::model::{Event, Level, ProcessSample};

/// Samples process `pid` at each tick and once more at the end. A process that is gone is noted once.
pub(super) async fn watch(pid: u32, reporter: Reporter, mut ticks: Interval, stop: CancellationToken) {
    // The open handle keeps meaning this process, even when its number is given to another one.
    let process = i32::try_from(pid).ok().and_then(|pid| Process::new(pid).ok());
    loop {
        let stopped = tokio::select! {
            biased;
            () = stop.cancelled() => true,
            _ = ticks.tick() => false,
        };
        let at = reporter.now();
        let Some(sample) = process.as_ref().and_then(sample) else {
            let text = format!("the target's process {pid} is gone; it is no longer sampled");
            return reporter.event(at, Event::Note { level: Level::Warning, text });
        };
        reporter.event(at, Event::Process(sample));
        if stopped {
            return;
        }
    }
}

/// `None` when the process has ended, a zombie included.
fn sample(process: &Process) -> Option<ProcessSample> {
    let stat = process.stat().ok().filter(|stat| !matches!(stat.state, 'Z' | 'X' | 'x'))?;
    Some(ProcessSample {
        cpu_seconds: (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64,
        resident_bytes: stat.rss * procfs::page_size(),
        open_fds: process.fd_count().ok().map(|count| count as u64),
        threads: u64::try_from(stat.num_threads).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_is_seen() {
        let seen = sample(&Process::myself().unwrap()).unwrap();
        assert!(seen.resident_bytes > 100_000, "{seen:?}");
        assert!(seen.threads >= 1 && seen.open_fds.is_some_and(|count| count >= 3), "{seen:?}");
        assert!(seen.cpu_seconds >= 0.0 && seen.cpu_seconds < 1e6, "{seen:?}");
    }
}
