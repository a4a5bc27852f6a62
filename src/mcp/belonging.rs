//! Whose an answer is: told by the id that it names, and by the nonces that it holds. It knows nothing of how answers come.

use crate::model::{Echo, IDS_PER_USER, Nonce, Outcome, ProtocolFault, is_id_of_a_user};

/// What is known of one call and the answers that came for it.
#[derive(Debug, Default)]
pub(crate) struct Belonging {
    id: u64,
    /// How many users the run has.
    users: u32,
    /// The call's own, where its arguments hold it.
    nonce: Option<Nonce>,
    /// True once that came back.
    pub(crate) echoed: bool,
    /// The call that an answer was meant for instead, and what tells.
    crossed: Option<(u64, Sign)>,
}

/// What tells whose an answer is.
#[derive(Debug, Clone, Copy)]
enum Sign {
    Id,
    Nonce,
}

impl Belonging {
    /// Nothing has come yet for the call `id`, whose arguments hold `nonce`; `users` make calls beside it.
    pub(super) fn new(id: u64, users: u32, nonce: Option<Nonce>) -> Self {
        Self { id, users, nonce, echoed: false, crossed: None }
    }

    /// Looks for nonces in an answer. Costs nothing where the call has none.
    pub(super) fn look(&mut self, answer: &[u8]) {
        let Some(nonce) = self.nonce else { return };
        match nonce.seek(answer) {
            Echo::Own => self.echoed = true,
            Echo::Other(call) if self.is_of_a_user(call) => self.crossed = Some((call, Sign::Nonce)),
            Echo::Other(_) | Echo::Nothing => {}
        }
    }

    /// What it means that an answer names the id `named`, which is not that of this call.
    pub(super) fn of_id(&mut self, named: Option<u64>) -> Outcome {
        let others = |id: &u64| id / IDS_PER_USER != self.id / IDS_PER_USER && self.is_of_a_user(*id);
        match named.filter(others) {
            Some(call) => {
                self.crossed = Some((call, Sign::Id));
                Outcome::Protocol(ProtocolFault::CrossTalk)
            }
            None => Outcome::Protocol(ProtocolFault::WrongId),
        }
    }

    /// Of a call that got another call's answer: that, in words.
    pub(super) fn complaint(&self) -> Option<String> {
        let (call, sign) = self.crossed?;
        let sign = match sign {
            Sign::Id => "id",
            Sign::Nonce => "nonce",
        };
        let user = call / IDS_PER_USER;
        Some(format!(
            "an answer that was meant for another call; found the {sign} of call {call}, of user {user}"
        ))
    }

    fn is_of_a_user(&self, id: u64) -> bool {
        is_id_of_a_user(id, self.users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_that_of_another_user_or_just_wrong() {
        let mut belonging = Belonging::new(2 * IDS_PER_USER + 5, 3, None);
        let wrong = Outcome::Protocol(ProtocolFault::WrongId);
        // The same user, first contact, no user of this run, a user's number alone, a time of day.
        for id in [2 * IDS_PER_USER + 4, 7, 4 * IDS_PER_USER + 1, IDS_PER_USER, 1_790_000_000] {
            assert_eq!(belonging.of_id(Some(id)), wrong, "{id}");
        }
        assert_eq!(belonging.of_id(None), wrong);
        assert_eq!(belonging.complaint(), None);
        assert_eq!(belonging.of_id(Some(3 * IDS_PER_USER + 1)), Outcome::Protocol(ProtocolFault::CrossTalk));
        assert!(belonging.complaint().unwrap().ends_with("found the id of call 3000000001, of user 3"));
    }
}
