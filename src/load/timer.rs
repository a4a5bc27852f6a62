//! Waits until a moment, far more exactly than the runtime's own timers, whose wheel turns once a millisecond.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::io::unix::AsyncFd;

use crate::clock::Clock;

/// The runtime's own timers come late by up to about this.
const COARSE: Duration = Duration::from_millis(2);

/// A timer of one task.
#[derive(Debug)]
pub(super) struct Timer {
    /// `None` where the kernel gives none: then the last stretch is spent on looking at the clock again and again.
    descriptor: Option<AsyncFd<OwnedFd>>,
}

impl Timer {
    /// A timer; must be made within a tokio runtime.
    pub(super) fn new() -> Self {
        Self { descriptor: open().ok() }
    }

    /// Waits until `clock` says `at`. Comes back at once when that has passed.
    pub(super) async fn sleep_until(&self, clock: &Clock, at: Duration) {
        loop {
            let rest = at.saturating_sub(clock.now());
            if rest.is_zero() {
                return;
            }
            let waited = match &self.descriptor {
                Some(descriptor) => wait(descriptor, rest).await,
                None => Err(io::ErrorKind::Unsupported.into()),
            };
            if waited.is_err() {
                approach(rest).await;
            }
        }
    }
}

fn open() -> io::Result<AsyncFd<OwnedFd>> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
    #[expect(
        deprecated,
        reason = "what succeeds it is unsafe for types whose descriptor may change; that of an `OwnedFd` can't"
    )]
    AsyncFd::new(timer)
}

async fn wait(descriptor: &AsyncFd<OwnedFd>, rest: Duration) -> io::Result<()> {
    let it_value = Timespec::try_from(rest).map_err(|_| io::ErrorKind::InvalidInput)?;
    let once = Itimerspec { it_interval: Timespec::default(), it_value };
    rustix::time::timerfd_settime(descriptor, TimerfdTimerFlags::empty(), &once)?;
    loop {
        let mut ready = descriptor.readable().await?;
        let mut expirations = [0; 8];
        match ready.try_io(|timer| Ok(rustix::io::read(timer, &mut expirations)?)) {
            Ok(read) => return read.map(|_| ()),
            // It was ready for an earlier wait.
            Err(_would_block) => {}
        }
    }
}

/// Sleeps while there is time enough for the runtime's timers, then only lets others run.
async fn approach(rest: Duration) {
    if rest > COARSE {
        tokio::time::sleep(rest.saturating_sub(COARSE)).await;
    } else {
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn never_early(timer: &Timer) {
        let clock = Clock::start();
        for step in [0, 100, 3_000, 3_100, 10_000] {
            let at = Duration::from_micros(step);
            timer.sleep_until(&clock, at).await;
            assert!(clock.now() >= at);
        }
        timer.sleep_until(&clock, Duration::ZERO).await;
    }

    #[tokio::test]
    async fn nobody_is_woken_early() {
        never_early(&Timer::new()).await;
        never_early(&Timer { descriptor: None }).await;
    }

    #[tokio::test]
    async fn a_wait_that_was_given_up_does_not_end_the_next_one() {
        let (timer, clock) = (Timer::new(), Clock::start());
        let short = Duration::from_millis(5);
        tokio::select! {
            biased;
            () = timer.sleep_until(&clock, short) => panic!("it is not polled twice"),
            () = std::future::ready(()) => {}
        }
        std::thread::sleep(2 * short);
        let at = clock.now() + short;
        timer.sleep_until(&clock, at).await;
        assert!(clock.now() >= at);
    }
}
