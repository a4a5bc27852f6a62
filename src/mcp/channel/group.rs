//! Child processes, each in a process group of its own that ends with us: by being asked, by being dropped, or by
//! [`kill_all`] where there is no time for either.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::{Child, Command};

/// Every group that was started and not killed.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// How often it is looked whether a process has ended; twice as long each time, up to the second.
const LOOK_AGAIN: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];

/// A process that leads a group. Dropping it kills the group.
#[derive(Debug)]
pub(super) struct Group {
    leader: Pid,
    /// Not waited for while the group is to be signalled: a process that nobody has waited for keeps its number, and a
    /// number that is given out anew would be somebody else's.
    child: Child,
    killed: bool,
}

impl Group {
    /// Starts `command`.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        // Held until the new group is in it, so that none slips through `kill_all`.
        let mut groups = groups();
        let child = command.process_group(0).spawn()?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let leader = leader.expect("a child that nobody waited for has a process id");
        groups.insert(leader.as_raw_nonzero().get());
        Ok(Self { leader, child, killed: false })
    }

    /// The leader, for its pipes.
    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The leader's process id.
    pub(super) fn pid(&self) -> u32 {
        self.leader.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits until the leader has ended, for `patience`; false when it has not.
    pub(super) async fn has_ended_within(&self, patience: Duration) -> bool {
        let mut pause = LOOK_AGAIN[0];
        let mut left = patience;
        loop {
            // An error means that there is nothing to wait for.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            if !matches!(waitid(WaitId::Pid(self.leader), options), Ok(None)) {
                return true;
            }
            if left.is_zero() {
                return false;
            }
            tokio::time::sleep(pause.min(left)).await;
            left = left.saturating_sub(pause);
            pause = (pause * 2).min(LOOK_AGAIN[1]);
        }
    }

    /// Asks the whole group to end.
    pub(super) fn terminate(&self) {
        // It may have ended just now.
        let _ = kill_process_group(self.leader, Signal::TERM);
    }

    /// Kills what is left of the group; says how its leader ended.
    pub(super) async fn end(mut self) -> String {
        self.kill();
        match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    fn kill(&mut self) {
        if !std::mem::replace(&mut self.killed, true) {
            let _ = kill_process_group(self.leader, Signal::KILL);
            groups().remove(&self.leader.as_raw_nonzero().get());
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills every group, at once. For a process that is about to end without coming past anything else.
pub fn kill_all() {
    for leader in groups().iter().copied().filter_map(Pid::from_raw) {
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

fn groups() -> MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}
