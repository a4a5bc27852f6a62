//! What goes to a process's standard input: each message whole, whatever becomes of the call that sent it.
//!
//! A call that is given up must not leave half a line behind. What the pipe does not take at once is kept, up to a limit, and
//! written by whoever drives [`Outbox::drain`].

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::unix::pipe::Sender;
use tokio::sync::Notify;

/// Messages wait for room when this much is unsent, in bytes.
const FULL: usize = 1024 * 1024;

/// Shared by all who write.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// There is something to drain.
    filled: Notify,
    /// There is room again, or there never will be.
    emptied: Notify,
}

#[derive(Debug)]
struct State {
    /// `None` once it is closed.
    pipe: Option<Arc<Sender>>,
    unsent: Vec<u8>,
}

/// The other side reads no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

enum Tried {
    Taken,
    Full,
    Closed,
}

impl Outbox {
    /// Writes to `pipe`.
    pub(super) fn new(pipe: Sender) -> Self {
        let state = State { pipe: Some(Arc::new(pipe)), unsent: Vec::new() };
        Self { state: Mutex::new(state), filled: Notify::new(), emptied: Notify::new() }
    }

    /// Takes `message`, all of it, as soon as there is room.
    pub(super) async fn send(&self, message: &[u8]) -> Result<(), Closed> {
        loop {
            let emptied = self.emptied.notified();
            match self.try_send(message) {
                Tried::Taken => return Ok(()),
                Tried::Closed => return Err(Closed),
                Tried::Full => emptied.await,
            }
        }
    }

    /// Takes `message` if there is room, and says whether: it is of no use later.
    pub(super) fn offer(&self, message: &[u8]) -> bool {
        matches!(self.try_send(message), Tried::Taken)
    }

    fn try_send(&self, message: &[u8]) -> Tried {
        let mut state = self.state();
        if state.pipe.is_none() {
            return Tried::Closed;
        }
        if state.unsent.len() >= FULL {
            return Tried::Full;
        }
        state.unsent.extend_from_slice(message);
        if state.unsent.len() == message.len() {
            state.write();
        }
        if state.pipe.is_none() {
            self.tell_closed();
            return Tried::Closed;
        }
        if !state.unsent.is_empty() {
            self.filled.notify_one();
        }
        Tried::Taken
    }

    /// Writes what the pipe did not take at once; ends when it is closed.
    pub(super) async fn drain(&self) {
        loop {
            let Some(pipe) = self.state().pipe.clone() else { return };
            if self.state().unsent.is_empty() {
                self.filled.notified().await;
                continue;
            }
            if pipe.writable().await.is_err() {
                return self.close();
            }
            self.state().write();
            self.emptied.notify_waiters();
        }
    }

    /// Closes the pipe: the process sees the end of its input.
    pub(super) fn close(&self) {
        self.state().pipe = None;
        self.tell_closed();
    }

    /// False once nothing is taken any more.
    pub(super) fn is_open(&self) -> bool {
        self.state().pipe.is_some()
    }

    fn tell_closed(&self) {
        self.filled.notify_one();
        self.emptied.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes as much as the pipe takes now.
    fn write(&mut self) {
        let Some(pipe) = &self.pipe else { return };
        let mut written = 0;
        while written < self.unsent.len() {
            match pipe.try_write(&self.unsent[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.pipe = None;
                    break;
                }
            }
        }
        self.unsent.drain(..written);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::unix::pipe;

    use super::*;

    #[tokio::test]
    async fn every_message_is_whole_although_its_sender_gave_up() {
        let (sender, mut receiver) = pipe::pipe().unwrap();
        let outbox = Arc::new(Outbox::new(sender));
        let message = [vec![b'x'; 999], vec![b'\n']].concat();
        // Nobody reads: the pipe fills, then the outbox, then senders wait until they are dropped.
        let mut taken = 0;
        loop {
            let sent = outbox.send(&message);
            tokio::select! {
                biased;
                sent = sent => assert_eq!(sent, Ok(())),
                () = std::future::ready(()) => break,
            }
            taken += 1;
        }
        assert!(taken >= FULL / message.len(), "{taken}");
        let drain = tokio::spawn({
            let outbox = Arc::clone(&outbox);
            async move { outbox.drain().await }
        });
        let mut read = vec![0; taken * message.len()];
        receiver.read_exact(&mut read).await.unwrap();
        assert!(read.chunks(message.len()).all(|line| line == message));
        assert_eq!(outbox.send(b"room again\n").await, Ok(()));
        drop(receiver);
        while outbox.send(b"gone\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
        drain.await.unwrap();
    }
}
