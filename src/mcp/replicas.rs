//! Several URLs of one target: first contact with each, and whose turn it is.

use std::sync::Arc;

use url::Url;

use super::contact::{Contact, ContactError, contact_in, first_contact};
use super::wire::{Way, Wire};
use crate::clock::Clock;
use crate::plan::{Operation, Plan, Proxies, Turn};

/// The ways to the other URLs of a target.
#[derive(Debug)]
pub(crate) struct Others {
    wires: Vec<Arc<Wire>>,
    turn: Turn,
}

impl Others {
    /// How many URLs there are, the first included.
    pub(super) fn count(&self) -> usize {
        self.wires.len() + 1
    }

    /// The ways to all but the first, while nobody goes them yet.
    pub(super) fn wires_mut(&mut self) -> impl Iterator<Item = &mut Wire> {
        self.wires.iter_mut().map(|wire| Arc::get_mut(wire).expect("nobody goes this way yet"))
    }

    /// True when a user goes on to the next URL before it calls `operation`.
    pub(super) fn moves_on(&self, operation: &Operation) -> bool {
        match self.turn {
            Turn::PerCall => true,
            Turn::PerSession => *operation == Operation::Initialize,
        }
    }

    /// The way to URL number `at`; `first` is that to number 0.
    pub(super) fn at<'w>(&'w self, at: usize, first: &'w Wire) -> &'w Wire {
        at.checked_sub(1).and_then(|at| self.wires.get(at)).map_or(first, Arc::as_ref)
    }
}

/// [`first_contact`] with the target at `url`, and with each other URL that `plan` names. All must speak the same revision.
///
/// # Errors
/// Those of the first contact with any of them; or that they do not speak the same.
pub async fn first_contact_with_all(
    plan: &Plan,
    url: &Url,
    proxies: &Proxies,
    user_agent: &str,
    clock: Clock,
) -> Result<Contact, ContactError> {
    let mut contact = first_contact(plan, url, proxies, user_agent, clock).await?;
    let Some(replicas) = &plan.transport.replicas else { return Ok(contact) };
    let (mut wires, run) = (Vec::new(), contact.wire.run);
    for other in &replicas.others {
        let found = Box::pin(contact_in((plan, run), other, proxies, user_agent, clock)).await?;
        contact.calls.extend(found.calls);
        let spoken = [contact.info.revision.clone(), found.info.revision];
        if spoken[0] != spoken[1] || !matches!(found.wire.way, Way::Http(_)) {
            return Err(ContactError::Uneven { urls: [contact.info.url, found.info.url], spoken });
        }
        wires.push(found.wire);
    }
    let wire = Arc::get_mut(&mut contact.wire).expect("who made contact has gone");
    wire.others = Some(Box::new(Others { wires, turn: replicas.turn }));
    Ok(contact)
}
