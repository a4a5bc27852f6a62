//! One user's hold on a token: the one of all, or one of its own.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::watch;

use super::Authority;
use super::keeper::{Claim, Keeper, Look};
use crate::clock::Clock;
use crate::mcp::Exchange;
use crate::model::CounterRng;

/// What sets the draws of renewals apart from all others of the plan's seed.
const RENEWALS: u64 = 0x0A07;

/// A user's hold.
#[derive(Debug)]
pub(in crate::mcp) struct Holder {
    authority: Arc<Authority>,
    keeper: Arc<Keeper>,
    generation: u64,
    claim: Option<Claim>,
    draws: CounterRng,
}

/// How a user stands with its token.
#[derive(Debug)]
pub(in crate::mcp) enum Standing {
    /// It has the one.
    Held,
    /// This is the one now.
    Other(HeaderValue),
    /// It is to ask for the next.
    Asks,
    /// It waits for somebody else who asks.
    Awaits(watch::Receiver<()>),
    /// There is none to be had, as this tells.
    None(Box<str>),
}

impl Holder {
    /// User `vu`, who has no token yet.
    pub(in crate::mcp) fn new(authority: Arc<Authority>, vu: u32) -> Self {
        let draws = CounterRng::new(authority.seed ^ RENEWALS, u64::from(vu));
        Self { keeper: authority.keeper(), authority, generation: 0, claim: None, draws }
    }

    /// True when this user is to ask for the next token.
    pub(in crate::mcp) fn asks(&self) -> bool {
        self.claim.is_some()
    }

    /// Looks at the token.
    pub(in crate::mcp) fn look(&mut self) -> Standing {
        if self.asks() {
            return Standing::Asks;
        }
        match self.keeper.look(self.generation, self.authority.clock.now()) {
            Look::Same => Standing::Held,
            Look::Other(generation, header) => {
                self.generation = generation;
                Standing::Other(header)
            }
            Look::Ask(claim) => {
                self.claim = Some(claim);
                Standing::Asks
            }
            Look::Await(news) => Standing::Awaits(news),
            Look::None(reason) => Standing::None(reason),
        }
    }

    /// The target does not take the token.
    pub(in crate::mcp) fn refused(&self) {
        self.keeper.refused(self.generation, self.authority.clock.now());
    }

    /// Asks for the next token, for whoever shares it; `sent` and the exchange are times on `clock`.
    pub(in crate::mcp) async fn ask(&mut self, sent: Duration, deadline: Duration, clock: Clock) -> Exchange {
        // Until it ends, nobody else asks; when this future is dropped, the right to ask goes back.
        let claim = self.claim.take();
        let own = self.authority.clock;
        let asked = own.now();
        let (exchange, given) = self.authority.ask(sent, deadline, clock).await;
        match (claim, given) {
            (Some(claim), Some(given)) => claim.given(given, asked, own.now(), self.draws.unit()),
            (Some(claim), None) => claim.failed(exchange.reason.as_deref().unwrap_or_default(), own.now()),
            // Nobody asks without the right to.
            (None, _) => {}
        }
        exchange
    }
}
