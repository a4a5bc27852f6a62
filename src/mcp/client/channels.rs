//! Calls whose answers do not come on the connection: over a channel, which is opened where there is none.

use std::sync::Arc;

use super::{Client, is_of_lost_session};
use crate::mcp::channel::{Channel, Events, Outgoing};
use crate::mcp::failure::Failure;
use crate::mcp::reply::Progress;
use crate::mcp::wire::{Way, Wire};
use crate::model::{CounterRng, Era, Nonce, Outcome, ProtocolFault, TimeoutPhase, TransportFault};
use crate::plan::{Operation, RenderContext, Step, Variables};

/// How a call ends whose channel is gone.
const LOST: Outcome = Outcome::Transport(TransportFault::Eof);

impl Client {
    /// [`Self::exchange`] of a message whose answer does not come on the connection. Opening the channel is a part of the
    /// call, as connecting is.
    pub(super) async fn over_channel(
        &mut self,
        wire: &Wire,
        step: &Step,
        id: u64,
        message: &[u8],
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        progress.phase = TimeoutPhase::Connect;
        if !self.has_open_channel() {
            self.end_session();
            self.channel = None;
            self.channel = Some(self.open_channel(wire, step).await?);
        }
        let Some(channel) = &mut self.channel else { return Err(Failure::bare(LOST)) };
        let out = Outgoing { step, id, message, user: &self.plain_fields, clock: self.clock };
        if step.operation == Operation::Initialized {
            channel.tell(out, progress).await?;
        } else if step.operation.is_listening() {
            channel.listen(out, wire.era, progress).await?;
        } else {
            channel.ask(out, progress).await?;
        }
        if let Some(answer) = &mut progress.answer
            && is_of_lost_session(answer.status, &answer.text)
        {
            debug_assert!(answer.outcome != Outcome::Ok, "a lost session is no success");
            answer.outcome = Outcome::Protocol(ProtocolFault::SessionLost);
            self.reset();
        }
        Ok(())
    }

    async fn open_channel(&mut self, wire: &Wire, step: &Step) -> Result<Channel, Failure> {
        let opens = wire.era != Era::Legacy || step.operation == Operation::Initialize;
        match &wire.way {
            Way::Lines(program) if program.is_shared() => {
                let mut shared = program.shared().lock().await;
                if let Some(process) =
                    shared.as_ref().map(Arc::clone).map(Channel::Lines).filter(Channel::is_open)
                {
                    return Ok(process);
                }
                *shared = None;
                let process = program.start(&self.answerer)?;
                let mut channel = Channel::Lines(Arc::clone(&process));
                if !opens {
                    self.shake_hands(wire, &mut channel).await?;
                }
                *shared = Some(process);
                Ok(channel)
            }
            // The handshake is a call of its own, which comes first.
            Way::Events(_) | Way::Lines(_) if !opens => {
                Err(Failure::worded(LOST, "the session was lost before it took the request"))
            }
            Way::Lines(program) => program.start(&self.answerer).map(Channel::Lines),
            Way::Events(way) => {
                let opened =
                    Events::open(way, &self.plain_fields, (&wire.gathered, &self.answerer), &wire.secrets)
                        .await;
                opened.map(Box::new).map(Channel::Events)
            }
            Way::Http(_) => Err(Failure::bare(LOST)),
        }
    }

    /// The legacy handshake with a process that all users share: a part of connecting, and no call of its own.
    async fn shake_hands(&mut self, wire: &Wire, channel: &mut Channel) -> Result<(), Failure> {
        for operation in [Operation::Initialize, Operation::Initialized] {
            let step = wire.steps.iter().find(|step| step.operation == operation);
            let Some(step) = step else { return Err(Failure::bare(LOST)) };
            self.last_id += 1;
            let (id, mut message) = (self.last_id, Vec::new());
            let mut rng = CounterRng::new(0, 0);
            let mut render = RenderContext {
                vu: self.vu,
                iteration: 0,
                nonce: Nonce { run: wire.run, call: id },
                rng: &mut rng,
                variables: &Variables::default(),
            };
            wire.forms[step.id.index()].write_message(id, &[], &mut render, &mut message);
            let out = Outgoing { step, id, message: &message, user: &self.plain_fields, clock: self.clock };
            let mut progress = Progress::new(true);
            if operation == Operation::Initialized {
                channel.tell(out, &mut progress).await?;
            } else {
                channel.ask(out, &mut progress).await?;
            }
            let Some(answer) = progress.answer else { return Err(Failure::bare(LOST)) };
            if answer.outcome != Outcome::Ok {
                let words = format!("the handshake with a new process failed: {}", answer.text);
                return Err(Failure { outcome: answer.outcome, words });
            }
            let now = self.clock.now();
            self.take_note(&operation, &answer, now)?;
        }
        Ok(())
    }
}
