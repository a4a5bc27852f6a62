//! SIGINT and SIGTERM as messages, so that a run can end in order.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::exit::Exit;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
/// Whoever asks this often does not want to wait for anything.
const PATIENCE: u32 = 3;

/// Starts listening. SIGINT is taken before the load engine can take it for itself; SIGTERM is left alone by it.
pub(super) fn listen() -> UnboundedReceiver<i32> {
    let (sender, receiver) = unbounded_channel();
    let interrupts = sender.clone();
    let mut asked = 0;
    // Taken already: by a test, or by an embedding program that then handles it.
    let _ = ctrlc::set_handler(move || {
        asked += 1;
        tell(&interrupts, SIGINT, asked);
    });
    if let Ok(mut terminations) = signal(SignalKind::terminate()) {
        tokio::spawn(async move {
            let mut asked = 0;
            while terminations.recv().await.is_some() {
                asked += 1;
                tell(&sender, SIGTERM, asked);
            }
        });
    }
    receiver
}

#[expect(clippy::exit, reason = "asked for the third time, or with nobody left to end the run in order")]
fn tell(sender: &UnboundedSender<i32>, signal: i32, asked: u32) {
    if sender.send(signal).is_err() || asked >= PATIENCE {
        std::process::exit(i32::from(Exit::Signal(signal).code()));
    }
}
