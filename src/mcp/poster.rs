//! Messages to the target that no call waits for: posted by a connection of their own, while the stream of a call is read.

use std::sync::Arc;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant, sleep_until, timeout};

use super::address::Address;
use super::answerer::{Answerer, Said};
use super::connection::{Connection, Cut, SendFailure};
use super::failure::Failure;
use super::http1::HeadWants;
use crate::model::{Outcome, TransportFault};

/// How much of a refusal is read.
const MAX_ERROR_BODY: usize = 16 * 1024;
/// How long a message may take to be posted.
const POST_LIMIT: Duration = Duration::from_secs(5);
/// What the target asks beyond this at a time gets no answer.
const MOST_LETTERS: usize = 16;

/// The poster of one user. Dropping it leaves undone what was not posted.
#[derive(Debug)]
pub(crate) struct Poster {
    queue: Sender<Letter>,
    task: AbortHandle,
}

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Letter {
    /// Not before this it is posted.
    pub(crate) at: Instant,
    /// The whole request.
    pub(crate) request: Vec<u8>,
    /// What it says, where it answers something.
    pub(crate) said: Option<Said>,
}

/// What a message was answered with.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) status: u16,
    /// The beginning of the body of a refusal.
    pub(crate) text: String,
}

impl Posted {
    pub(crate) fn is_taken(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Poster {
    /// Posts to `address`; what was answered is counted by `answerer`.
    pub(crate) fn start(address: Address, answerer: Arc<Answerer>) -> Self {
        let (queue, letters) = mpsc::channel(MOST_LETTERS);
        let task = tokio::spawn(run(letters, address, answerer)).abort_handle();
        Self { queue, task }
    }

    /// Takes a letter, if there is room for it.
    pub(crate) fn post(&self, letter: Letter) {
        // One that finds no room is never answered, and so not counted as such.
        let _ = self.queue.try_send(letter);
    }
}

impl Drop for Poster {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mut queue: Receiver<Letter>, address: Address, answerer: Arc<Answerer>) {
    let mut connection = Connection::default();
    let mut waiting: Vec<Letter> = Vec::new();
    loop {
        let next = (0..waiting.len()).min_by_key(|&place| waiting[place].at);
        let due = next.map(|place| waiting[place].at);
        tokio::select! {
            letter = queue.recv(), if waiting.len() < MOST_LETTERS => match letter {
                Some(letter) => waiting.push(letter),
                None => return,
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                let letter = waiting.swap_remove(next.unwrap_or_default());
                let posted = timeout(POST_LIMIT, deliver(&mut connection, &address, &letter.request)).await;
                if !matches!(posted, Ok(Ok(_))) {
                    connection.close();
                }
                if let (Ok(Ok(posted)), Some(said)) = (posted, letter.said)
                    && posted.is_taken()
                {
                    answerer.sent(said);
                }
            }
        }
    }
}

/// Sends `request` over `connection`, which is opened where it is not, and reads what it is answered with.
pub(crate) async fn deliver(
    connection: &mut Connection,
    address: &Address,
    request: &[u8],
) -> Result<Posted, Failure> {
    loop {
        // A connection that was left in the middle of an answer is not open.
        let fresh = !connection.is_open();
        if fresh {
            connection.open(address).await?;
        }
        match connection.send(request).await {
            Ok(()) => break,
            Err(SendFailure::NotWritten) if !fresh => {}
            Err(failure) => return Err(not_sent(failure)),
        }
    }
    let status = connection.head(HeadWants::Nothing).await?.status;
    let mut gathered = Vec::new();
    let body = connection.collect(MAX_ERROR_BODY, &mut gathered).await;
    let text = String::from_utf8_lossy(body.bytes).into_owned();
    match body.cut {
        None => connection.finish(),
        Some(Cut::TooLarge) => connection.close(),
        Some(Cut::Failed(failure)) => {
            connection.close();
            return Err(failure);
        }
    }
    Ok(Posted { status, text })
}

/// A new connection that is closed before it takes a request is the target's doing.
pub(crate) fn not_sent(failure: SendFailure) -> Failure {
    match failure {
        SendFailure::Failed(failure) => failure,
        SendFailure::NotWritten => Failure::worded(
            Outcome::Transport(TransportFault::Eof),
            "the connection was closed before it took a request",
        ),
    }
}
