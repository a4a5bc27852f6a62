//! A log that is followed for canaries alone: its lines are looked through, and nothing else is read of them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::LOOK_EVERY;
use super::tail::{Seen, Tail};
use crate::metrics::Sweep;
use crate::model::printable_text;

/// So many looks without a new line are made when the load is over, ...
const QUIET_LOOKS: u32 = 10;
/// ... of so many at the most.
const MOST_LOOKS: u32 = 100;

/// The task that follows one log.
pub(in crate::observe) struct LineSweeper {
    desk: Option<(Tail, Arc<Sweep>)>,
}

impl LineSweeper {
    /// Follows the file at `path` from here on.
    pub(in crate::observe) fn new(path: &Path, sweep: Arc<Sweep>) -> Self {
        Self { desk: Some((Tail::new(path), sweep)) }
    }

    /// Follows it until it is told to stop, and then until nothing new comes for a second.
    pub(in crate::observe) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = crate::observe::ticks(LOOK_EVERY);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.look().await;
        }
        let mut quiet = 0;
        for _ in 0..MOST_LOOKS {
            quiet = if self.look().await { 0 } else { quiet + 1 };
            if quiet >= QUIET_LOOKS {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// True when there was something new.
    async fn look(&mut self) -> bool {
        let (mut tail, sweep) = self.desk.take().expect("it comes back from each look");
        let looked = tokio::task::spawn_blocking(move || {
            let mut is_new = false;
            let looked = tail.look(&mut |it| {
                if let Seen::Line(line) | Seen::Cut(line) = it {
                    is_new = true;
                    sweep.line(line);
                }
            });
            let trouble = looked.err().map(|error| {
                if error.kind() == io::ErrorKind::NotFound {
                    "the log is not there".to_owned()
                } else {
                    format!("the log can't be read: {}", printable_text(&error.to_string()))
                }
            });
            sweep.trouble(trouble);
            (is_new, (tail, sweep))
        });
        let (is_new, desk) = looked.await.expect("a look neither panics nor is cancelled");
        self.desk = Some(desk);
        is_new
    }
}
