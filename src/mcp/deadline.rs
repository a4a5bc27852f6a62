//! A limit on how long a call may take, without a timer set and unset for each call: one timer a user, which is moved only
//! when it goes off or is set too late. Most calls end long before their deadline.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep};

/// The timer of one user.
#[derive(Debug, Default)]
pub(super) struct Deadline {
    /// Made with the first call that has to wait.
    timer: Option<Pin<Box<Sleep>>>,
}

/// The deadline passed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passed;

impl Deadline {
    /// What `future` gives, unless `at` passes first.
    pub(super) async fn limit<F: Future>(&mut self, at: Instant, future: F) -> Result<F::Output, Passed> {
        let mut future = pin!(future);
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if timer.deadline() > at {
                timer.as_mut().reset(at);
            }
            // A server that never stops sending uses up what the runtime lets a task do at a time: the timer is looked at all
            // the same.
            while pin!(unconstrained(timer.as_mut())).poll(context).is_ready() {
                if Instant::now() >= at {
                    return Poll::Ready(Err(Passed));
                }
                timer.as_mut().reset(at);
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn each_call_has_the_time_that_it_was_given() {
        let mut deadline = Deadline::default();
        for (give, takes, passed) in [
            (LONG, SHORT, false),
            (SHORT, LONG, true),
            (SHORT, LONG, true),
            (LONG, 3 * SHORT, false),
            (2 * SHORT, LONG, true),
        ] {
            let start = Instant::now();
            let ended = deadline.limit(start + give, tokio::time::sleep(takes)).await;
            assert_eq!(ended, if passed { Err(Passed) } else { Ok(()) }, "{give:?} {takes:?}");
            assert!(start.elapsed() >= give.min(takes));
        }
    }

    #[tokio::test]
    async fn a_call_that_always_has_something_to_read_ends_at_its_deadline() {
        let flood = async {
            loop {
                tokio::task::coop::consume_budget().await;
            }
        };
        let start = Instant::now();
        assert_eq!(Deadline::default().limit(start + SHORT, flood).await, Err::<(), _>(Passed));
    }

    #[tokio::test]
    async fn a_deadline_in_the_past_still_lets_the_ready_pass() {
        let mut deadline = Deadline::default();
        let past = Instant::now();
        tokio::time::sleep(SHORT).await;
        assert_eq!(deadline.limit(past, std::future::ready(1)).await, Ok(1));
        assert_eq!(deadline.limit(past, std::future::pending::<()>()).await, Err(Passed));
    }
}
