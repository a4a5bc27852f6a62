//! Goose runs the users: one of its transactions is one round of one of ours. The only file that names Goose.
//!
//! Goose's own HTTP client, metrics, reports, prompts and control ports stay out of the way. Its stop is the
//! process-wide kill switch, so one load runs at a time.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{GooseUser, Scenario, Transaction, TransactionFunction, TransactionResult};
use goose::{GooseAttack, GooseError};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::signal::Signal;
use super::user::{User, Workload, hold_streams};

/// Goose is asked to launch all users within about this long; it looks after its users twice a second, so it takes longer.
const LAUNCH_SECONDS: f64 = 0.1;
/// A user that has nothing to do any more looks this often whether Goose has called it off.
const IDLE: Duration = Duration::from_millis(20);
/// How many rounds of ours one of Goose's transactions is: what surrounds a transaction costs more than a look at a clock.
const ROUNDS: usize = 100;
/// How long an interrupted load may take to wind down.
const GRACE: Duration = Duration::from_secs(2);

/// Goose could not run the load.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It refuses, or failed.
    #[error("the load could not be run")]
    Goose(#[source] Box<GooseError>),
    /// It panicked.
    #[error("the load engine broke down")]
    Broken(#[source] tokio::task::JoinError),
}

/// Goose with all its users launched and waiting: the load begins for all of them at the same moment, however long it
/// took to launch them. Dropping it sends them home.
#[derive(Debug)]
pub struct Crew {
    gate: Arc<Gate>,
    attack: JoinHandle<Result<(), GooseError>>,
}

/// Where users wait for the load to begin.
#[derive(Debug)]
struct Gate {
    users: Vec<Mutex<Option<User>>>,
    /// What wakes each user, to be cut off in the middle of a call.
    wakers: Vec<std::sync::Mutex<Option<Waker>>>,
    arrived: watch::Sender<usize>,
    work: watch::Sender<Option<Arc<Workload>>>,
}

type Round<'a> = Pin<Box<dyn Future<Output = TransactionResult> + Send + 'a>>;

impl Crew {
    /// Launches `peak` users. Nothing is sent yet. Must be called within a tokio runtime.
    pub fn launch(peak: u32) -> Result<Self, LoadError> {
        let gate = Arc::new(Gate {
            users: (0..peak).map(|_| Mutex::new(None)).collect(),
            wakers: (0..peak).map(|_| std::sync::Mutex::default()).collect(),
            arrived: watch::Sender::new(0),
            work: watch::Sender::new(None),
        });
        let attack = attack(&gate, peak).map_err(|error| LoadError::Goose(Box::new(error)))?;
        let attack = tokio::spawn(async move { Box::pin(attack.execute()).await.map(|_| ()) });
        Ok(Self { gate, attack })
    }

    /// Ends when every user has been launched, or when Goose gives up.
    pub async fn ready(&mut self) -> Result<(), LoadError> {
        let mut arrived = self.gate.arrived.subscribe();
        let all = self.gate.users.len();
        tokio::select! {
            _ = arrived.wait_for(|count| *count == all) => Ok(()),
            ended = &mut self.attack => outcome_of(ended),
        }
    }

    /// Runs the load from its first call to its last. It ends by itself when the plan is over, earlier when
    /// `work.signals.stop` is cancelled; calls in flight then still end, unless `abort` is cancelled too.
    pub async fn run(mut self, work: Arc<Workload>) -> Result<(), LoadError> {
        self.gate.work.send_replace(Some(Arc::clone(&work)));
        let end = tokio::spawn(end_of_load(Arc::clone(&work)));
        let idle = tokio::spawn(hold_streams(Arc::clone(&work)));
        let cut = tokio::spawn(cut_off(Arc::clone(&self.gate), work.signals.abort.clone()));
        let ended = (&mut self.attack).await;
        work.signals.stop.raise();
        end.abort();
        // Where it is cut off, a stream is not closed properly.
        let _ = idle.await;
        cut.abort();
        outcome_of(ended)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        if !self.attack.is_finished() {
            goose::trigger_killswitch("nobody waits for this load any more");
        }
    }
}

impl Gate {
    /// Ends when the load begins; `None` when it never will.
    async fn enter(&self) -> Option<Arc<Workload>> {
        if let Some(work) = self.work.borrow().as_ref() {
            return Some(Arc::clone(work));
        }
        let mut work = self.work.subscribe();
        self.arrived.send_modify(|count| *count += 1);
        tokio::select! {
            work = work.wait_for(Option::is_some) => work.ok()?.clone(),
            () = called_off() => None,
        }
    }

    /// What `future` gives, unless user `index` is cut off before that.
    async fn uncut<F: Future>(&self, index: usize, work: &Workload, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut known: Option<Waker> = None;
        poll_fn(|context| {
            let waker = context.waker();
            if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
                known = Some(waker.clone());
                self.wakers[index].lock().unwrap_or_else(PoisonError::into_inner).clone_from(&known);
            }
            // Whoever cuts off after this look finds the waker.
            if work.signals.abort.is_raised() {
                return Poll::Ready(None);
            }
            future.as_mut().poll(context).map(Some)
        })
        .await
    }
}

/// Once `abort` is raised, cuts every user off.
async fn cut_off(gate: Arc<Gate>, abort: Signal) {
    abort.raised().await;
    for waker in &gate.wakers {
        if let Some(waker) = waker.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            waker.wake_by_ref();
        }
    }
}

/// Ends when the kill switch was triggered.
async fn called_off() {
    while !goose::is_killswitch_triggered() {
        tokio::time::sleep(IDLE).await;
    }
}

fn outcome_of(ended: Result<Result<(), GooseError>, tokio::task::JoinError>) -> Result<(), LoadError> {
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(LoadError::Goose(Box::new(error))),
        Err(error) => Err(LoadError::Broken(error)),
    }
}

/// Stops the load when the plan is over, waits for the calls in flight, then lets Goose go.
async fn end_of_load(work: Arc<Workload>) {
    if let (Some(arrivals), Some(open)) = (&work.arrivals, work.plan.load.open()) {
        arrivals.run(&work, open).await;
    }
    let rest = work.plan.load.duration().saturating_sub(work.clock.now());
    tokio::select! {
        () = tokio::time::sleep(rest) => work.signals.stop.raise(),
        () = work.signals.stop.raised() => {}
    }
    let drained = async {
        loop {
            let (planned, recorded) = work.recorder.totals();
            if planned == recorded {
                return;
            }
            tokio::time::sleep(IDLE).await;
        }
    };
    tokio::select! {
        () = drained => {}
        () = async { work.signals.abort.raised().await; tokio::time::sleep(GRACE).await } => {}
    }
    goose::trigger_killswitch("the load is over");
}

fn attack(gate: &Arc<Gate>, peak: u32) -> Result<GooseAttack, GooseError> {
    let round_gate = Arc::clone(gate);
    let round: TransactionFunction = Arc::new(move |goose_user: &mut GooseUser| -> Round<'_> {
        let (gate, index) = (Arc::clone(&round_gate), goose_user.weighted_users_index);
        Box::pin(async move {
            if let Some(work) = gate.enter().await {
                let mut user = gate.users[index].lock().await;
                let user = user.get_or_insert_with(|| User::new(&work, user_number(index)));
                let rounds = async {
                    for _ in 0..ROUNDS {
                        user.round(&work).await;
                    }
                };
                gate.uncut(index, &work, rounds).await;
                if !work.signals.stop.is_raised() {
                    return Ok(());
                }
            }
            tokio::time::sleep(IDLE).await;
            Ok(())
        })
    });
    let leave_gate = Arc::clone(gate);
    let leave: TransactionFunction = Arc::new(move |goose_user: &mut GooseUser| -> Round<'_> {
        let (gate, index) = (Arc::clone(&leave_gate), goose_user.weighted_users_index);
        Box::pin(async move {
            let work = gate.work.borrow().clone();
            if let (Some(work), Some(user)) = (work, gate.users[index].lock().await.as_mut()) {
                gate.uncut(index, &work, user.leave(&work)).await;
            }
            Ok(())
        })
    });
    let scenario = Scenario::new("gander")
        .register_transaction(Transaction::new(round))
        .register_transaction(Transaction::new(leave).set_on_stop());
    // One client for all, never used: one a user would take seconds to build for a few hundred of them.
    let client = GooseClientBuilder::new().without_cookies();
    Ok(GooseAttack::initialize_with_config(configuration(peak)?)?
        .set_client_builder_without_cookies(client)?
        .register_scenario(scenario))
}

fn user_number(index: usize) -> u32 {
    u32::try_from(index).expect("Goose launches no more users than it was asked to, and that is a u32")
}

fn configuration(peak: u32) -> Result<GooseConfiguration, GooseError> {
    let mut configuration = GooseConfiguration::parse_args_default::<&str>(&[])?;
    // Never called: our users have their own connections. Goose wants a valid one.
    configuration.host = Some("http://127.0.0.1/".to_owned());
    configuration.users = Some(peak as usize);
    configuration.increase_rate = Some(format!("{:.1}", f64::from(peak) / LAUNCH_SECONDS));
    configuration.quiet = u8::MAX;
    configuration.no_metrics = true;
    configuration.no_print_metrics = true;
    configuration.no_transaction_metrics = true;
    configuration.no_scenario_metrics = true;
    configuration.no_reset_metrics = false;
    configuration.no_error_summary = true;
    configuration.no_status_codes = true;
    configuration.no_telnet = true;
    Ok(configuration)
}
