//! A target that is a process of ours: started when a call needs it, spoken to by lines, and ended in order: first its
//! standard input, then SIGTERM, then SIGKILL for all of its group.

use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::unix::pipe::Sender;
use tokio::process::{ChildStdout, Command};
use tokio::sync::{Mutex, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::group::Group;
use super::inbox::{Arrival, Arrived, Expected, Inbox};
use super::last_words::LastWords;
use super::lines::{Line, Lines};
use super::outbox::{Closed, Outbox};
use crate::mcp::answerer::{Answerer, Reply};
use crate::mcp::buffer::ReadBuffer;
use crate::mcp::failure::Failure;
use crate::mcp::gathered::Gathered;
use crate::mcp::protocol::MAX_REPLY_BYTES;
use crate::model::{NotSent, Outcome, Secret, Secrets, TransportFault};
use crate::plan::{Processes, StdioTarget};

/// How long a process may take to end once its standard input is closed, ...
const AFTER_INPUT: Duration = Duration::from_secs(2);
/// ... and once it was told to.
const AFTER_TERM: Duration = Duration::from_secs(1);
/// A process that ends closes its output a little before it is gone; so long it is waited for, to say how it ended.
const DYING: Duration = Duration::from_millis(100);

/// What a process asks beyond this at a time gets no answer, where answers take time.
const MOST_REPLIES: usize = 1024;

/// The program that is the target, and what became of its processes.
#[derive(Debug)]
pub(crate) struct Program {
    /// The program, and its arguments.
    command: Vec<String>,
    env: BTreeMap<String, Secret>,
    cwd: Option<String>,
    processes: Processes,
    /// The command as it may be shown.
    shown: String,
    secrets: Secrets,
    gathered: Gathered,
    /// Cancelled when every process is to end.
    closing: CancellationToken,
    /// How many processes there are.
    living: Arc<watch::Sender<usize>>,
    /// The one process, where there is one for all.
    shared: Mutex<Option<Arc<Process>>>,
}

/// A process, as those see it who speak to it. It is ended when the last of them drops it.
#[derive(Debug)]
pub(crate) struct Process {
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox>,
    pid: u32,
    words: LastWords,
    _end: DropGuard,
}

impl Program {
    /// The program of `target`. Nothing is started yet.
    pub(crate) fn new(target: &StdioTarget, secrets: Secrets, gathered: Gathered) -> Self {
        Self {
            command: target.command.iter().map(|word| word.expose().to_owned()).collect(),
            env: target.env.clone(),
            cwd: target.cwd.as_ref().map(|folder| folder.expose().to_owned()),
            processes: target.processes,
            shown: target.shown(),
            secrets,
            gathered,
            closing: CancellationToken::new(),
            living: Arc::new(watch::Sender::new(0)),
            shared: Mutex::default(),
        }
    }

    /// The command as it may be shown.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// True when all users speak to one process.
    pub(crate) fn is_shared(&self) -> bool {
        self.processes == Processes::Shared
    }

    /// The place of the process that all users speak to. Whoever holds it may put one there.
    pub(crate) fn shared(&self) -> &Mutex<Option<Arc<Process>>> {
        &self.shared
    }

    /// The process id of the one that all users speak to.
    pub(crate) fn shared_pid(&self) -> Option<u32> {
        self.shared.try_lock().ok()?.as_ref().map(|process| process.pid)
    }

    /// Has every process end; none is started any more.
    pub(crate) fn hang_up(&self) {
        self.closing.cancel();
    }

    /// Ends when no process is left.
    pub(crate) async fn gone(&self) {
        // The sender is ours: it does not go away.
        let _ = self.living.subscribe().wait_for(|living| *living == 0).await;
    }

    /// Starts a process, whose requests are answered like this.
    pub(crate) fn start(&self, answerer: &Arc<Answerer>) -> Result<Arc<Process>, Failure> {
        if self.closing.is_cancelled() {
            return Err(lost("the run is at its end"));
        }
        let mut group = self.spawn().map_err(|error| self.not_started(&error))?;
        let pid = group.pid();
        let child = group.child();
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        let stdin = child.stdin.take().expect("standard input is piped");
        let pipe = stdin.into_owned_fd().and_then(Sender::from_owned_fd);
        let outbox = Arc::new(Outbox::new(pipe.map_err(|error| self.not_started(&error))?));
        let inbox = Arc::new(Inbox::new(self.gathered.clone(), Arc::clone(answerer)));
        let words = LastWords::default();
        let closing = self.closing.child_token();
        let keeper = Keeper {
            group,
            stdout,
            listening: tokio::spawn(words.clone().listen(stderr)),
            inbox: Arc::clone(&inbox),
            outbox: Arc::clone(&outbox),
            words: words.clone(),
            closing: closing.clone(),
            secrets: self.secrets.clone(),
            gathered: self.gathered.clone(),
            _alive: Alive::new(&self.living),
        };
        tokio::spawn(keeper.keep());
        Ok(Arc::new(Process { inbox, outbox, pid, words, _end: closing.drop_guard() }))
    }

    fn spawn(&self) -> io::Result<Group> {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]);
        command.envs(self.env.iter().map(|(name, value)| (name, value.expose())));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(folder) = &self.cwd {
            command.current_dir(folder);
        }
        Group::start(&mut command)
    }

    fn not_started(&self, error: &io::Error) -> Failure {
        // EAGAIN, ENOMEM, ENFILE, EMFILE: this machine has no room for it.
        const OUT_OF: [i32; 4] = [11, 12, 23, 24];
        let ours = error.raw_os_error().is_some_and(|code| OUT_OF.contains(&code));
        let outcome = if ours {
            Outcome::NotSent(NotSent::NoSocket)
        } else {
            Outcome::Transport(TransportFault::Other)
        };
        let place = self.cwd.as_ref().map(|folder| format!(" in `{folder}`")).unwrap_or_default();
        Failure::worded(outcome, &format!("`{}` cannot be started{place}: {error}", self.command[0]))
    }
}

impl Process {
    /// True when it takes requests, and answers may still come.
    pub(super) fn is_open(&self) -> bool {
        self.inbox.is_open() && self.outbox.is_open()
    }

    /// Where its answers come in.
    pub(super) fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// Sends a line.
    pub(super) async fn send(&self, line: &[u8]) -> Result<(), Failure> {
        self.outbox.send(line).await.map_err(|Closed| lost("the process takes no more input"))
    }

    /// Sends a line, if there is room for it now.
    pub(super) fn notify(&self, message: &[u8]) {
        self.outbox.offer(&[message, b"\n"].concat());
    }

    /// [`Self::send`] of the request that `expected` waits for: of a process that has just ended it is told how.
    pub(super) async fn ask(&self, line: &[u8], expected: &mut Expected) -> Result<(), Failure> {
        let sent = self.send(line).await;
        if sent.is_err()
            && let Ok(Some(Arrival { what: Arrived::Lost(failure), .. })) =
                timeout(2 * DYING, expected.arrival()).await
        {
            return Err(failure);
        }
        sent
    }

    /// What it said last on its standard error, fit to be shown; may be empty.
    pub(super) fn last_words(&self, secrets: &Secrets) -> String {
        self.words.told(secrets)
    }
}

/// Counts a process for as long as it is there.
struct Alive(Arc<watch::Sender<usize>>);

impl Alive {
    fn new(living: &Arc<watch::Sender<usize>>) -> Self {
        living.send_modify(|living| *living += 1);
        Self(Arc::clone(living))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.send_modify(|living| *living -= 1);
    }
}

/// What reads a process and sees to its end.
struct Keeper {
    group: Group,
    stdout: ChildStdout,
    /// Reads its standard error.
    listening: JoinHandle<()>,
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox>,
    words: LastWords,
    closing: CancellationToken,
    secrets: Secrets,
    gathered: Gathered,
    _alive: Alive,
}

impl Keeper {
    async fn keep(mut self) {
        let asked = tokio::select! {
            biased;
            () = self.closing.cancelled() => true,
            () = read(&mut self.stdout, &self.inbox, &self.outbox) => false,
            // A process that reads no more may still answer.
            () = async { self.outbox.drain().await; pending().await } => false,
        };
        let at = Instant::now();
        if asked {
            self.outbox.close();
            self.inbox.close(at, &lost("the session was closed"));
            return end(self.group).await;
        }
        let ended = self.group.has_ended_within(DYING).await;
        // Not before: it would end a process that has only stopped to answer.
        self.outbox.close();
        if !ended {
            let words = self.with_last_words("the process closed its standard output");
            self.inbox.close(at, &lost(&words));
            self.gathered.remark(format!("process {}: {words}", self.group.pid()));
            return end(self.group).await;
        }
        // What it said last may still be on its way.
        let _ = timeout(DYING, &mut self.listening).await;
        let pid = self.group.pid();
        let words = self.words.told(&self.secrets);
        let status = self.group.end().await;
        let words = said(&format!("the process ended by itself ({status})"), &words);
        self.inbox.close(at, &lost(&words));
        self.gathered.remark(format!("process {pid} of the target: {words}"));
    }

    fn with_last_words(&self, what: &str) -> String {
        said(what, &self.words.told(&self.secrets))
    }
}

/// Reads lines until the end of `stdout`.
async fn read(stdout: &mut ChildStdout, inbox: &Arc<Inbox>, outbox: &Arc<Outbox>) {
    // Ended with the process.
    let mut replies = JoinSet::new();
    let mut lines = Lines::new(MAX_REPLY_BYTES);
    let mut input = ReadBuffer::default();
    loop {
        let read = poll_fn(|context| {
            let mut room = ReadBuf::new(input.room(1));
            match Pin::new(&mut *stdout).poll_read(context, &mut room) {
                Poll::Ready(Ok(())) => {
                    let count = room.filled().len();
                    input.filled(count);
                    Poll::Ready(count)
                }
                Poll::Ready(Err(_)) => Poll::Ready(0),
                Poll::Pending => {
                    input.release();
                    Poll::Pending
                }
            }
        });
        let count = read.await;
        if count == 0 {
            return;
        }
        let at = Instant::now();
        lines.push(input.unread(), |line| match line {
            Line::Whole(bytes) => {
                if let Some(reply) = inbox.take(at, bytes) {
                    answer(reply, at, &mut replies, (inbox, outbox));
                }
            }
            Line::TooLong(beginning) => inbox.too_large(at, beginning),
        });
        input.consume(count);
    }
}

/// Sends a reply, now or when it is due.
fn answer(
    Reply { after, mut message, said }: Reply,
    at: Instant,
    replies: &mut JoinSet<()>,
    (inbox, outbox): (&Arc<Inbox>, &Arc<Outbox>),
) {
    message.push(b'\n');
    if after.is_zero() {
        if outbox.offer(&message) {
            inbox.replied(said);
        }
        return;
    }
    while replies.try_join_next().is_some() {}
    if replies.len() < MOST_REPLIES {
        let (inbox, outbox) = (Arc::clone(inbox), Arc::clone(outbox));
        replies.spawn(async move {
            sleep_until(at + after).await;
            if outbox.offer(&message) {
                inbox.replied(said);
            }
        });
    }
}

/// Ends a process whose standard input is closed.
async fn end(group: Group) {
    if !group.has_ended_within(AFTER_INPUT).await {
        group.terminate();
        group.has_ended_within(AFTER_TERM).await;
    }
    group.end().await;
}

fn lost(words: &str) -> Failure {
    Failure::worded(Outcome::Transport(TransportFault::Eof), words)
}

fn said(what: &str, words: &str) -> String {
    if words.is_empty() { what.to_owned() } else { format!("{what}; its last words: {words}") }
}
