//! Watches the load generator itself: its processor time, what was taken from it, and how late its tasks run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use procfs::process::Process;
use procfs::{CurrentSI as _, KernelStats};
use tokio::task::JoinHandle;

use super::timer::Timer;
use crate::clock::Clock;
use crate::metrics::{BEAT, GeneratorSecond};
use crate::model::LatencyHistogram;

/// Where a control group of version 2 tells how often its quota held it back.
const CPU_STAT: &str = "/sys/fs/cgroup/cpu.stat";

/// Watches from its start until it is dropped.
#[derive(Debug)]
pub struct GeneratorWatch {
    beats: Arc<Mutex<LatencyHistogram>>,
    heart: JoinHandle<()>,
    clock: Clock,
    processors: f64,
    last: Reading,
}

/// What the system counts, at one moment. `None` where it does not tell.
#[derive(Debug, Clone, Copy, Default)]
struct Reading {
    at: Duration,
    /// Seconds of processor time that this process has used.
    used: Option<f64>,
    machine: Option<Ticks>,
    throttled: Option<u64>,
}

/// Ticks of the whole machine, all processors together.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    all: u64,
    /// Nobody wanted them.
    idle: u64,
    /// A hypervisor took them.
    stolen: u64,
}

impl Ticks {
    /// Which share of the ticks since `before` was one of those that `which` counts.
    fn share_since(self, before: Self, which: fn(Self) -> u64) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        (which(self).saturating_sub(which(before)) as f64 / all as f64).min(1.0)
    }
}

impl GeneratorWatch {
    /// Begins to watch; must be called within a tokio runtime.
    pub fn start(clock: Clock) -> Self {
        let beats = Arc::new(Mutex::new(LatencyHistogram::new()));
        let heart = tokio::spawn(beat(clock, Arc::clone(&beats)));
        let processors = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
        Self { beats, heart, clock, processors, last: Reading::take(clock.now()) }
    }

    /// What was seen since the last time.
    pub fn take_second(&mut self) -> GeneratorSecond {
        let now = Reading::take(self.clock.now());
        let before = std::mem::replace(&mut self.last, now);
        let heartbeat = std::mem::take(&mut *self.beats.lock().unwrap_or_else(PoisonError::into_inner));
        let available = now.at.saturating_sub(before.at).as_secs_f64() * self.processors;
        let cpu = now.used.zip(before.used).map(|(now, before)| (now - before) / available);
        let ticks = now.machine.zip(before.machine);
        let steal = ticks.map(|(now, before)| now.share_since(before, |ticks| ticks.stolen));
        let machine = ticks.map(|(now, before)| 1.0 - now.share_since(before, |ticks| ticks.idle));
        let throttled = now.throttled.zip(before.throttled).map(|(now, before)| now.saturating_sub(before));
        GeneratorSecond { cpu: cpu.filter(|cpu| cpu.is_finite()), steal, machine, throttled, heartbeat }
    }
}

impl Drop for GeneratorWatch {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

/// Wants to run at certain moments and notes how late it does.
async fn beat(clock: Clock, beats: Arc<Mutex<LatencyHistogram>>) {
    let timer = Timer::new();
    loop {
        let due = clock.now() + BEAT;
        timer.sleep_until(&clock, due).await;
        let late = clock.now().saturating_sub(due);
        beats.lock().unwrap_or_else(PoisonError::into_inner).record(late);
    }
}

impl Reading {
    fn take(at: Duration) -> Self {
        let own = Process::myself().and_then(|process| process.stat()).ok();
        let used = own.map(|stat| (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64);
        let machine = KernelStats::current().ok().map(|stats| {
            let total = stats.total;
            let stolen = total.steal.unwrap_or(0);
            let idle = total.idle + total.iowait.unwrap_or(0);
            let busy =
                total.user + total.nice + total.system + total.irq.unwrap_or(0) + total.softirq.unwrap_or(0);
            Ticks { all: busy + idle + stolen, idle, stolen }
        });
        Self { at, used, machine, throttled: throttled_periods() }
    }
}

fn throttled_periods() -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "counters of the kernel's, no file of anybody's")]
    let text = std::fs::read_to_string(CPU_STAT).ok()?;
    text.lines().find_map(|line| line.strip_prefix("nr_throttled "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_hogs_the_thread_is_seen() {
        let mut watch = GeneratorWatch::start(Clock::start());
        tokio::time::sleep(4 * BEAT).await;
        let hogged = Duration::from_millis(60);
        let began = watch.clock.now();
        while watch.clock.now() < began + hogged {
            std::hint::spin_loop();
        }
        tokio::time::sleep(4 * BEAT).await;
        let second = watch.take_second();
        let worst = second.heartbeat.max().unwrap();
        assert!(second.heartbeat.count() >= 2 && worst + 2 * BEAT >= hogged, "{worst:?}");
        assert!(second.cpu.is_some_and(|cpu| cpu > 0.0 && cpu < 1.5), "{second:?}");
        assert!(second.machine.is_some_and(|busy| busy > 0.0 && busy <= 1.0), "{second:?}");
        assert!(second.steal.is_some_and(|steal| (0.0..=1.0).contains(&steal)), "{second:?}");
    }
}
