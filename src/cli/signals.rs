//! SIGHUP, SIGINT and SIGTERM as messages, so that a run can end in order.

use procfs::process::Process;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::exit::Exit;

const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
/// Whoever asks this often does not want to wait for anything.
const PATIENCE: u32 = 3;

/// Starts listening. SIGINT is taken before the load engine can take it for itself; the others are left alone by it.
pub(super) fn listen() -> UnboundedReceiver<i32> {
    let (sender, receiver) = unbounded_channel();
    let interrupts = sender.clone();
    let mut asked = 0;
    // Taken already: by a test, or by an embedding program that then handles it.
    let _ = ctrlc::set_handler(move || {
        asked += 1;
        tell(&interrupts, SIGINT, asked);
    });
    forward(SignalKind::terminate(), SIGTERM, sender.clone());
    if !survives_its_terminal() {
        forward(SignalKind::hangup(), SIGHUP, sender);
    }
    receiver
}

/// True when whoever started gander had SIGHUP ignored, as `nohup` does: the run is to outlive the terminal then.
fn survives_its_terminal() -> bool {
    let status = Process::myself().and_then(|process| process.status());
    status.is_ok_and(|status| status.sigign & 1 << (SIGHUP - 1) != 0)
}

fn forward(kind: SignalKind, number: i32, sender: UnboundedSender<i32>) {
    if let Ok(mut signals) = signal(kind) {
        tokio::spawn(async move {
            let mut asked = 0;
            while signals.recv().await.is_some() {
                asked += 1;
                tell(&sender, number, asked);
            }
        });
    }
}

#[expect(clippy::exit, reason = "asked for the third time")]
fn tell(sender: &UnboundedSender<i32>, signal: i32, asked: u32) {
    // With nobody left to be told the reports are being written, which nothing can hasten.
    let _ = sender.send(signal);
    if asked >= PATIENCE {
        crate::run::kill_processes();
        std::process::exit(i32::from(Exit::Signal(signal).code()));
    }
}
