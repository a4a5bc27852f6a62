//! An open load: hands iterations that are due to users that are free.
//!
//! One task keeps the due times. A free user is given an iteration at the moment it is due; when none is free the iteration
//! waits, a further user is called up, and whoever is free first takes what has waited longest.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::timer::Timer;
use super::user::{Due, Workload, not_sent};
use crate::model::NotSent;
use crate::plan::{Arrival, OpenLoad};

/// What is due within this of another is given out together: above 20,000 a second, waking for each would cost more than
/// it gains.
const QUANTUM: Duration = Duration::from_micros(50);
/// How often iterations that wait for a user are looked through for those that have waited too long.
const SWEEP: Duration = Duration::from_millis(10);

/// After so many iterations given out without a pause others have a turn.
const MOST_IN_A_ROW: u32 = 1_000;

/// The iterations of an open load.
#[derive(Debug)]
pub(crate) struct Arrivals {
    state: Mutex<State>,
    seats: Vec<Seat>,
}

#[derive(Debug)]
struct State {
    /// Users that wait for an iteration, the last to come on top: so few users are used where few will do.
    free: Vec<usize>,
    /// Users that were not called up yet, the next on top.
    resting: Vec<usize>,
    /// Iterations that are due and have no user, in order.
    waiting: VecDeque<Arrival>,
    /// How many ever had to wait.
    queued: u64,
    over: bool,
}

/// Where a user is given what it is to do.
#[derive(Debug, Default)]
struct Seat {
    given: Mutex<Option<Given>>,
    called: Notify,
}

/// What a user is given.
#[derive(Debug, Clone, Copy)]
enum Given {
    Start,
    Iteration(Taken),
}

/// An iteration in a user's hands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) arrival: Arrival,
    /// True when it had to wait for a user.
    pub(crate) waited: bool,
}

impl Arrivals {
    /// Nothing is due yet; `load.users` users are called up.
    pub(crate) fn new(load: &OpenLoad) -> Self {
        let count = load.max_users as usize;
        let arrivals = Self {
            state: Mutex::new(State {
                free: Vec::new(),
                resting: (0..count).rev().collect(),
                waiting: VecDeque::new(),
                queued: 0,
                over: false,
            }),
            seats: (0..count).map(|_| Seat::default()).collect(),
        };
        for _ in 0..load.users {
            let resting = arrivals.state().resting.pop();
            if let Some(user) = resting {
                arrivals.give(user, Given::Start);
            }
        }
        arrivals
    }

    /// Iterations that are due and have no user.
    pub(crate) fn waiting(&self) -> u64 {
        self.state().waiting.len() as u64
    }

    /// How many iterations ever had to wait for a user.
    pub(crate) fn queued(&self) -> u64 {
        self.state().queued
    }

    /// Waits until `user` is called up; false when the load is over before that.
    pub(crate) async fn called_up(&self, work: &Workload, user: usize) -> bool {
        tokio::select! {
            biased;
            given = self.given(user) => matches!(given, Given::Start),
            () = work.signals.stop.raised() => false,
        }
    }

    /// The next iteration for `user`, as soon as one is due; `None` when the load is over.
    pub(crate) async fn next(&self, work: &Workload, user: usize) -> Option<Taken> {
        // A user that has become free does nothing that has waited for too long.
        if self.waiting() > 0 {
            self.expire(work, work.clock.now());
        }
        {
            let mut state = self.state();
            if let Some(arrival) = state.waiting.pop_front() {
                return Some(Taken { arrival, waited: true });
            }
            if state.over || work.signals.stop.is_raised() {
                return None;
            }
            state.free.push(user);
        }
        tokio::select! {
            biased;
            given = self.given(user) => taken(given),
            () = work.signals.stop.raised() => {
                let mut state = self.state();
                state.free.retain(|free| *free != user);
                // It may have been given one at this very moment.
                self.seats[user].take().and_then(taken)
            }
        }
    }

    /// Gives out what is due until the schedule has come to its end and nothing waits, or the load is stopped; what was due
    /// before that is booked, too.
    pub(crate) async fn run(&self, work: &Workload, load: &OpenLoad) {
        let mut schedule = load.schedule(work.plan.seed).peekable();
        tokio::select! {
            () = self.give_out(work, &mut schedule) => {}
            () = work.signals.stop.raised() => {
                let stopped = work.clock.now().saturating_sub(work.signals.stop.raised_for());
                while let Some(arrival) = schedule.next_if(|arrival| arrival.due < stopped) {
                    queue(work, &mut self.state(), arrival);
                }
            }
        }
        let rest: Vec<Arrival> = {
            let mut state = self.state();
            state.over = true;
            state.waiting.drain(..).collect()
        };
        for arrival in rest {
            drop(Due::of(work, arrival));
        }
    }

    async fn give_out(&self, work: &Workload, schedule: &mut Peekable<impl Iterator<Item = Arrival>>) {
        let timer = Timer::new();
        let mut woken = Duration::ZERO;
        let mut in_a_row = 0;
        // It stays in the schedule while we wait for it: the load may be stopped meanwhile.
        while let Some(&arrival) = schedule.peek() {
            if arrival.due > work.clock.now() {
                timer.sleep_until(&work.clock, arrival.due.max(woken + QUANTUM)).await;
                woken = work.clock.now();
                self.expire(work, woken);
                in_a_row = 0;
            } else if in_a_row >= MOST_IN_A_ROW {
                // Far behind: on a machine with one processor nobody else would ever have a turn.
                tokio::task::yield_now().await;
                in_a_row = 0;
            }
            in_a_row += 1;
            schedule.next();
            self.release(work, arrival);
        }
        while self.waiting() > 0 {
            tokio::time::sleep(SWEEP).await;
            self.expire(work, work.clock.now());
        }
    }

    /// An iteration is due. Who is given something is given it under the lock: a user that stops waiting has it, or is not
    /// given it.
    fn release(&self, work: &Workload, arrival: Arrival) {
        let mut state = self.state();
        if let Some(user) = state.free.pop() {
            self.give(user, Given::Iteration(Taken { arrival, waited: false }));
            return;
        }
        queue(work, &mut state, arrival);
        if let Some(user) = state.resting.pop() {
            self.give(user, Given::Start);
        }
    }

    /// Books what has waited for longer than its call would have been given.
    fn expire(&self, work: &Workload, now: Duration) {
        loop {
            let (transaction, due) = {
                let mut state = self.state();
                let Some(first) = state.waiting.front() else { return };
                let (transaction, due) = (work.plan.transaction_of(*first), first.due);
                if due + work.plan.step(transaction.steps[0]).deadline > now {
                    return;
                }
                state.waiting.pop_front();
                (transaction, due)
            };
            let reason = "no user was free within the deadline of the first call";
            not_sent(work, &transaction.steps, due, NotSent::NoUser, Some(reason));
        }
    }

    fn give(&self, user: usize, given: Given) {
        *self.seats[user].lock() = Some(given);
        self.seats[user].called.notify_one();
    }

    async fn given(&self, user: usize) -> Given {
        let seat = &self.seats[user];
        loop {
            if let Some(given) = seat.take() {
                return given;
            }
            seat.called.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in it can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    fn lock(&self) -> MutexGuard<'_, Option<Given>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Given> {
        self.lock().take()
    }
}

/// An iteration is due, and nobody is given it yet.
fn queue(work: &Workload, state: &mut State, arrival: Arrival) {
    state.waiting.push_back(arrival);
    state.queued += 1;
    // A free user notes how late it was given what was due; here nobody else does.
    work.recorder.paced(work.clock.now().saturating_sub(arrival.due));
}

fn taken(given: Given) -> Option<Taken> {
    match given {
        Given::Iteration(taken) => Some(taken),
        Given::Start => None,
    }
}
